/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directives, and what they set up once.
 *
 *   weir_run DIR;                  board, images, ring, quota, credentials
 *   weir_mmdb FILE;                client's country from its address
 *   weir_asn FILE;                 number of its autonomous system
 *   weir_origin NAME upstream=U host=H tls=on|off ...;  egress.c has more
 *   weir_body_max SIZE;            of a request
 *   weir_event_max SIZE;           of one event of a stream
 *   weir_calls_max NUMBER;         open at a time in a worker
 *   weir_drop "NAME ...";          fields to leave out in translation
 *   weir_files_model NAME;         who decides on files that name no model
 *   weir_coalesce TIME;            how long a busy stream's reads may wait
 *   weir on;                       in a location
 *
 * WHY SO FEW. Everything a call needs is in the image and changes with it,
 * without a reload. nginx's configuration holds what nginx must open before
 * its workers start: listeners, upstream blocks with their pools, TLS
 * contexts of origins.
 *
 * WHY ERROR PAGES ARE SET HERE. `weir on` points every error of nginx at one
 * internal path that this module serves. A failed attempt comes back through
 * it (nginx offers no other way out of its upstream code), and so does a bad
 * request line, so that each answer has the shape the client's SDK reads. An
 * error_page somebody wrote by hand stays.
 */

#include "ngx_http_weir.h"


static void *ngx_http_weir_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_weir_init_main_conf(ngx_conf_t *cf, void *conf);
static ngx_int_t ngx_http_weir_postconfiguration(ngx_conf_t *cf);
static char *ngx_http_weir_on(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_http_weir_path(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_weir_origin(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


static ngx_uint_t  ngx_http_weir_error_statuses[] = {
    400, 401, 403, 404, 405, 406, 408, 409, 411, 412, 413, 414, 415, 416, 421,
    426, 429, 431, 494, 495, 496, 497, 500, 501, 502, 503, 504, 505, 507
};


static ngx_command_t  ngx_http_weir_commands[] = {

    { ngx_string("weir"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_http_weir_on,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("weir_run"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_weir_path,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_weir_main_conf_t, run),
      NULL },

    { ngx_string("weir_mmdb"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_weir_path,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_weir_main_conf_t, mmdb),
      NULL },

    { ngx_string("weir_asn"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_weir_path,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_weir_main_conf_t, asn),
      NULL },

    { ngx_string("weir_origin"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_weir_origin,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("weir_body_max"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_weir_main_conf_t, body_max),
      NULL },

    { ngx_string("weir_event_max"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_weir_main_conf_t, event_max),
      NULL },

    { ngx_string("weir_message_max"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_weir_main_conf_t, message_max),
      NULL },

    { ngx_string("weir_session_max"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_weir_main_conf_t, session_max),
      NULL },

    { ngx_string("weir_session_idle"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_weir_main_conf_t, session_idle),
      NULL },

    { ngx_string("weir_calls_max"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_weir_main_conf_t, calls_max),
      NULL },

    { ngx_string("weir_drop"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_weir_main_conf_t, drop),
      NULL },

    { ngx_string("weir_files_model"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_weir_main_conf_t, files_model),
      NULL },

    { ngx_string("weir_coalesce"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_weir_main_conf_t, coalesce),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_weir_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_weir_postconfiguration,       /* postconfiguration */

    ngx_http_weir_create_main_conf,        /* create main configuration */
    ngx_http_weir_init_main_conf,          /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_weir_module = {
    NGX_MODULE_V1,
    &ngx_http_weir_module_ctx,             /* module context */
    ngx_http_weir_commands,                /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_weir_init_process,            /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_weir_exit_process,            /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* What nginx's configure would write for a dynamic module. */

extern ngx_module_t  *ngx_modules[];
extern char          *ngx_module_names[];
extern char          *ngx_module_order[];

ngx_module_t  *ngx_modules[] = {
    &ngx_http_weir_module,
    NULL
};

char  *ngx_module_names[] = {
    "ngx_http_weir_module",
    NULL
};

char  *ngx_module_order[] = {
    NULL
};


static void *
ngx_http_weir_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_weir_main_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_weir_main_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->body_max = NGX_CONF_UNSET_SIZE;
    conf->event_max = NGX_CONF_UNSET_SIZE;
    conf->message_max = NGX_CONF_UNSET_SIZE;
    conf->session_max = NGX_CONF_UNSET_MSEC;
    conf->session_idle = NGX_CONF_UNSET_MSEC;
    conf->calls_max = NGX_CONF_UNSET_UINT;
    conf->coalesce = NGX_CONF_UNSET_MSEC;

    if (ngx_array_init(&conf->origins, cf->pool, 8,
                       sizeof(ngx_http_weir_origin_t))
        != NGX_OK
        || ngx_array_init(&conf->locations, cf->pool, 2,
                          sizeof(ngx_http_core_loc_conf_t *))
           != NGX_OK
        || ngx_array_init(&conf->servers, cf->pool, 2,
                          sizeof(ngx_http_core_loc_conf_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return conf;
}


static char *
ngx_http_weir_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_weir_main_conf_t  *wmcf = conf;

    ngx_conf_init_size_value(wmcf->body_max, 20 * 1024 * 1024);
    ngx_conf_init_size_value(wmcf->event_max, 1024 * 1024);
    ngx_conf_init_size_value(wmcf->message_max, 16 * 1024 * 1024);
    ngx_conf_init_msec_value(wmcf->session_max, 60 * 60 * 1000);
    ngx_conf_init_msec_value(wmcf->session_idle, 5 * 60 * 1000);
    ngx_conf_init_uint_value(wmcf->calls_max, 16384);
    ngx_conf_init_msec_value(wmcf->coalesce, 1);

    if (wmcf->run.len == 0 && wmcf->locations.nelts) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"weir on\" needs the \"weir_run\" directive");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* Takes over a location: handler, and the core's knobs that matter here. */

static char *
ngx_http_weir_on(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_weir_main_conf_t  *wmcf = conf;

    ngx_str_t                  *value;
    ngx_http_core_srv_conf_t   *cscf;
    ngx_http_core_loc_conf_t   *clcf, **p;

    value = cf->args->elts;

    if (ngx_strcasecmp(value[1].data, (u_char *) "off") == 0) {
        return NGX_CONF_OK;
    }

    if (ngx_strcasecmp(value[1].data, (u_char *) "on") != 0) {
        return "must be \"on\" or \"off\"";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_weir_handler;

    p = ngx_array_push(&wmcf->locations);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    *p = clcf;

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    p = ngx_array_push(&wmcf->servers);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    *p = cscf->ctx->loc_conf[ngx_http_core_module.ctx_index];

    return NGX_CONF_OK;
}


static char *
ngx_http_weir_path(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_str_t  *field, *value;

    field = (ngx_str_t *) (p + cmd->offset);

    if (field->data) {
        return "is duplicate";
    }

    value = cf->args->elts;
    *field = value[1];

    if (ngx_conf_full_name(cf->cycle, field, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_weir_origin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_weir_main_conf_t  *wmcf = conf;

    ngx_str_t               *value;
    ngx_uint_t               i;
    ngx_http_weir_origin_t  *origin;

    value = cf->args->elts;
    origin = wmcf->origins.elts;

    for (i = 0; i < wmcf->origins.nelts; i++) {
        if (origin[i].name.len == value[1].len
            && ngx_strncmp(origin[i].name.data, value[1].data, value[1].len)
               == 0)
        {
            return "names an origin twice";
        }
    }

    origin = ngx_array_push(&wmcf->origins);
    if (origin == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(origin, sizeof(ngx_http_weir_origin_t));
    origin->name = value[1];

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "upstream=", 9) == 0) {
            origin->upstream_name.data = value[i].data + 9;
            origin->upstream_name.len = value[i].len - 9;

        } else if (ngx_strncmp(value[i].data, "host=", 5) == 0) {
            origin->host.data = value[i].data + 5;
            origin->host.len = value[i].len - 5;

        } else if (ngx_strcmp(value[i].data, "tls=on") == 0) {
            origin->tls = 1;

        } else if (ngx_strcmp(value[i].data, "tls=off") == 0) {
            origin->tls = 0;

        } else if (ngx_http_weir_egress_parameter(origin, &value[i])
                   != NGX_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown parameter \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if (origin->upstream_name.len == 0 || origin->host.len == 0) {
        return "needs \"upstream=\" and \"host=\"";
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_weir_init_origins(ngx_conf_t *cf, ngx_http_weir_main_conf_t *wmcf)
{
    ngx_uint_t                       i, j;
    ngx_http_weir_origin_t          *origin;
    ngx_http_upstream_srv_conf_t   **uscfp;
    ngx_http_upstream_main_conf_t   *umcf;

    umcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module);
    uscfp = umcf->upstreams.elts;
    origin = wmcf->origins.elts;

    for (i = 0; i < wmcf->origins.nelts; i++) {

        for (j = 0; j < umcf->upstreams.nelts; j++) {
            if (uscfp[j]->host.len == origin[i].upstream_name.len
                && ngx_strncmp(uscfp[j]->host.data,
                               origin[i].upstream_name.data,
                               uscfp[j]->host.len)
                   == 0)
            {
                origin[i].upstream = uscfp[j];
            }
        }

        /*
         * No such block: control could not resolve the host.  The rest must
         * serve, so it is not an error here; attempts fail naming the hop.
         */

        if (origin[i].upstream == NULL) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "origin \"%V\" has no upstream \"%V\"",
                          &origin[i].name, &origin[i].upstream_name);
        }

        if (ngx_http_weir_egress_tls(cf, &origin[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_weir_set_error_pages(ngx_conf_t *cf, ngx_array_t *confs)
{
    ngx_uint_t                  i, j;
    ngx_http_err_page_t        *page;
    ngx_http_core_loc_conf_t  **clcf;

    clcf = confs->elts;

    for (i = 0; i < confs->nelts; i++) {

        if (clcf[i]->error_pages) {
            continue;
        }

        clcf[i]->error_pages = ngx_array_create(cf->pool,
                          sizeof(ngx_http_weir_error_statuses)
                          / sizeof(ngx_http_weir_error_statuses[0]),
                          sizeof(ngx_http_err_page_t));
        if (clcf[i]->error_pages == NULL) {
            return NGX_ERROR;
        }

        for (j = 0; j < sizeof(ngx_http_weir_error_statuses)
                        / sizeof(ngx_http_weir_error_statuses[0]); j++)
        {
            page = ngx_array_push(clcf[i]->error_pages);
            if (page == NULL) {
                return NGX_ERROR;
            }

            ngx_memzero(page, sizeof(ngx_http_err_page_t));
            page->status = ngx_http_weir_error_statuses[j];
            page->overwrite = -1;
            ngx_str_set(&page->value.value, NGX_HTTP_WEIR_DOOR);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_weir_postconfiguration(ngx_conf_t *cf)
{
    ngx_uint_t                  i;
    ngx_http_core_loc_conf_t  **clcf;
    ngx_http_weir_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_weir_module);

    clcf = wmcf->locations.elts;

    for (i = 0; i < wmcf->locations.nelts; i++) {
        clcf[i]->client_max_body_size = wmcf->body_max;
    }

    if (ngx_http_weir_set_error_pages(cf, &wmcf->locations) != NGX_OK
        || ngx_http_weir_set_error_pages(cf, &wmcf->servers) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* nginx looks hidden headers up in a hash; this module hides its own */

    wmcf->no_headers.size = 1;
    wmcf->no_headers.buckets = ngx_pcalloc(cf->pool,
                                           sizeof(ngx_hash_elt_t *));
    if (wmcf->no_headers.buckets == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_weir_init_origins(cf, wmcf);
}
