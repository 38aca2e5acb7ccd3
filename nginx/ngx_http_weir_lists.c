/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of files and batches: what a tenant keeps at origins.
 *
 *   client -> worker -> customer.sock -> control     names, a page of them
 *                |
 *                |-> inner.sock -> a worker -> [gate] -> origin    each, as
 *                |-> inner.sock -> ...                             any GET
 *                `-> client                          what was told, in order
 *
 * WHY EACH IS ASKED FOR. An object changes at its origin, and what policy
 * says of its deployment changes here: a copy would be stale in both. So
 * control's registry has names, and the list is as fresh and as governed as
 * looking at each of them. Such a look is decided and recorded, and holds
 * nothing: the list is what counts as a request.
 *
 * WHAT IS LEFT OUT. What policy no longer lets this key see, and what its
 * origin says is not there. Of the latter a record is made: missed again a
 * day later it is out of the registry. A page is filled up with those that
 * come behind.
 *
 * WHAT FAILS A LIST. Everything else. A list that lacks what is there would
 * be taken for whole: clients delete by such lists.
 *
 * BOUNDS. Of a worker NGX_HTTP_WEIR_LISTS lists are under way, each with
 * NGX_HTTP_WEIR_LOOKS looks at a time, so many bytes, and one deadline.
 */

#include "ngx_http_weir_bulk.h"
#include "ngx_http_weir_headers.h"
#include "ngx_http_weir_inner.h"
#include "ngx_http_weir_lists.h"


#define NGX_HTTP_WEIR_LISTS       16
#define NGX_HTTP_WEIR_LOOKS       8

/* Of one object, of all of a page, and of a page's names. */
#define NGX_HTTP_WEIR_LOOK_BYTES  (256 * 1024)
#define NGX_HTTP_WEIR_LIST_BYTES  (4 * 1024 * 1024)
#define NGX_HTTP_WEIR_NAMES_BYTES (64 * 1024)

/* Control waits two seconds for the journal; a list has a minute. */
#define NGX_HTTP_WEIR_NAMES_TIME  5000
#define NGX_HTTP_WEIR_LIST_TIME   60000


typedef struct {
    weir_span                  name;     /* in the names' reply */
    weir_span                  body;     /* once it is told; in the pool */
    ngx_uint_t                 missed;   /* as the registry has it */
} ngx_http_weir_listed_t;


typedef struct {
    ngx_http_weir_inner_t      inner;
    ngx_http_weir_listing_t   *listing;
    ngx_http_weir_listed_t    *row;      /* NULL: it looks at nothing */
} ngx_http_weir_look_t;


struct ngx_http_weir_listing_s {
    ngx_http_weir_ctx_t       *ctx;
    enum weir_kept_list        list;
    struct weir_list_query     query;
    ngx_http_weir_inner_t      names;    /* this round's, in its reply */
    ngx_http_weir_look_t       looks[NGX_HTTP_WEIR_LOOKS];
    ngx_http_weir_listed_t     rows[WEIR_LIST_PAGE_MAX];
    ngx_uint_t                 row_count;
    ngx_uint_t                 next;     /* row that nobody looks at yet */
    ngx_uint_t                 open;     /* looks under way */
    weir_span                  items[WEIR_LIST_PAGE_MAX];
    weir_span                  ids[WEIR_LIST_PAGE_MAX];
    ngx_uint_t                 item_count;
    size_t                     bytes;    /* of items */
    u_char                     from[WEIR_SEAL_TEXT];  /* the round's last */
    size_t                     from_len;
    ngx_event_t                timer;
    unsigned                   has_more:1;
    unsigned                   is_counted:1;
};


static ngx_uint_t  ngx_http_weir_list_count;


static void ngx_http_weir_lists_names(ngx_http_weir_listing_t *listing);
static void ngx_http_weir_lists_go_on(ngx_http_weir_listing_t *listing);


/* -------------------------------------------------------------- ending */

static void
ngx_http_weir_lists_free(void *data)
{
    ngx_uint_t                i;
    ngx_http_weir_listing_t  *listing = data;

    ngx_http_weir_inner_end(&listing->names);

    for (i = 0; i < NGX_HTTP_WEIR_LOOKS; i++) {
        ngx_http_weir_inner_end(&listing->looks[i].inner);
        listing->looks[i].row = NULL;
    }

    if (listing->timer.timer_set) {
        ngx_del_timer(&listing->timer);
    }

    if (listing->is_counted) {
        listing->is_counted = 0;
        ngx_http_weir_list_count--;
    }
}


/* `err` says why there is no list. */

static void
ngx_http_weir_lists_fail(ngx_http_weir_listing_t *listing,
    struct weir_error *err)
{
    ngx_http_weir_ctx_t  *ctx;

    ctx = listing->ctx;

    ngx_http_weir_lists_free(listing);
    ngx_http_finalize_request(ctx->request,
                              ngx_http_weir_refuse(ctx, err->status, err));
}


static void
ngx_http_weir_lists_late(ngx_event_t *ev)
{
    struct weir_error         err;
    ngx_connection_t         *c;
    ngx_http_weir_listing_t  *listing;

    listing = ev->data;
    c = listing->ctx->request->connection;
    listing->ctx->hop = "weir: the list's deadline";

    (void) weir_fail(&err, WEIR_ETIMEOUT, WEIR_OFFSET_NONE,
                     "the list was not whole in time: ask for fewer of it");
    ngx_http_weir_lists_fail(listing, &err);
    ngx_http_run_posted_requests(c);
}


/* All is there: `before` was asked upward and is told downward. */

static void
ngx_http_weir_lists_send(ngx_http_weir_listing_t *listing)
{
    u_char                *p;
    size_t                 size;
    ngx_int_t              rc;
    ngx_uint_t             i, k, n;
    weir_span              first, last;
    struct weir_buf        out;
    ngx_http_weir_ctx_t   *ctx;
    ngx_http_request_t    *r;

    ctx = listing->ctx;
    r = ctx->request;
    n = listing->item_count;
    size = listing->bytes + n + 2 * WEIR_SEAL_TEXT + 128;

    ngx_http_weir_lists_free(listing);

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    weir_buf_init_fixed(&out, p, size);
    weir_list_begin(&ctx->route, &out);

    first = WEIR_SPAN_NONE;
    last = WEIR_SPAN_NONE;

    for (i = 0; i < n; i++) {
        k = listing->query.before.len ? n - 1 - i : i;
        weir_list_add(listing->items[k], i == 0, &out);
        first = i == 0 ? listing->ids[k] : first;
        last = listing->ids[k];
    }

    weir_list_end(&ctx->route, first, last, listing->has_more, &out);

    if (out.overflow || ngx_http_weir_add_headers(ctx) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    rc = ngx_http_weir_send(r, NGX_HTTP_OK, weir_buf_span(&out));

    ctx->passed = out.len;
    ngx_http_weir_settle(ctx, WEIR_END_COMPLETE);
    ngx_http_finalize_request(r, rc);
}


/* ------------------------------------------------------------- looking */

/* For the registry: its origin lacks it, or has it after all. */

static void
ngx_http_weir_lists_tell(ngx_http_weir_listing_t *listing, weir_span name,
    enum weir_kept_deed deed)
{
    char                 room[WEIR_SEAL_ID_MAX];
    struct weir_sealed   sealed;
    struct weir_sealer   sealer;

    sealer = ngx_http_weir_sealer(listing->ctx);

    if (weir_unseal(&sealer, name, (uint32_t) -1, room, &sealed, NULL)
        == WEIR_OK)
    {
        weir_call_keep(&listing->ctx->call, deed, &sealed, name);
    }
}


/* It was told: into the pool, as the look's memory is used again. */

static weir_status
ngx_http_weir_lists_keep(ngx_http_weir_listing_t *listing,
    ngx_http_weir_look_t *look, struct weir_error *err)
{
    u_char     *p;
    weir_span   body;

    body = weir_buf_span(&look->inner.reply.body);

    if (look->inner.reply.is_encoded
        || weir_list_check(body, look->row->name, NULL) != WEIR_OK)
    {
        return weir_fail(err, WEIR_EUPSTREAM, WEIR_OFFSET_NONE,
                         "what is told of an object of the list is not that "
                         "object");
    }

    listing->bytes += body.len;

    if (listing->bytes > NGX_HTTP_WEIR_LIST_BYTES) {
        return weir_fail(err, WEIR_EUPSTREAM, WEIR_OFFSET_NONE,
                         "the list's objects are too large together: ask for "
                         "fewer of it");
    }

    p = ngx_pnalloc(listing->ctx->request->pool, body.len);
    if (p == NULL) {
        return weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE, "no memory");
    }

    ngx_memcpy(p, body.ptr, body.len);
    look->row->body = (weir_span) { (char *) p, body.len };

    if (look->row->missed) {
        ngx_http_weir_lists_tell(listing, look->row->name, WEIR_KEPT_FOUND);
    }

    return WEIR_OK;
}


/* A no that no list can be made of: whose it is, and what it says. */

static weir_status
ngx_http_weir_lists_blame(ngx_http_weir_listing_t *listing,
    ngx_http_weir_look_t *look, struct weir_error *err)
{
    char                      text[WEIR_LIST_REASON];
    size_t                    len;
    u_char                   *p;
    weir_status               status;
    struct weir_http_reply   *reply;

    reply = &look->inner.reply;

    if (!look->inner.is_heard) {
        listing->ctx->hop = "weir: a look of the gateway at itself";
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "an object of the list could not be looked at");
    }

    len = weir_list_reason(weir_buf_span(&reply->body), text);

    if (reply->has_value) {

        /* its origin's own words */

        p = ngx_pnalloc(listing->ctx->request->pool,
                        reply->value_len + sizeof("deployment  answered ")
                        + NGX_INT32_LEN);
        if (p) {
            (void) ngx_sprintf(p, "deployment %*s answered %uD%Z",
                               reply->value_len, reply->value,
                               (uint32_t) reply->status);
            listing->ctx->hop = (char *) p;
        }

        status = WEIR_EUPSTREAM;

    } else {
        status = reply->status == NGX_HTTP_GATEWAY_TIME_OUT ? WEIR_ETIMEOUT
                 : reply->status == NGX_HTTP_BAD_GATEWAY ? WEIR_EUPSTREAM
                                                         : WEIR_EUNAVAIL;
    }

    return weir_fail(err, status, WEIR_OFFSET_NONE,
                     "an object of the list could not be told: %.*s",
                     (int) len, text);
}


/* What came of a look; another takes its place. */

static void
ngx_http_weir_lists_looked(ngx_http_weir_inner_t *inner)
{
    weir_status               status;
    struct weir_error         err;
    ngx_connection_t         *c;
    ngx_http_weir_look_t     *look;
    ngx_http_weir_listing_t  *listing;

    look = inner->data;
    listing = look->listing;
    c = listing->ctx->request->connection;
    status = WEIR_OK;

    if (inner->is_heard && inner->reply.status == NGX_HTTP_OK) {
        status = ngx_http_weir_lists_keep(listing, look, &err);

    } else if (inner->is_heard && inner->reply.has_value
               && inner->reply.status == NGX_HTTP_NOT_FOUND)
    {
        if (look->row->missed != 1) {
            ngx_http_weir_lists_tell(listing, look->row->name,
                                     WEIR_KEPT_MISSED);
        }

    } else if (!inner->is_heard || inner->reply.has_value
               || (inner->reply.status != NGX_HTTP_NOT_FOUND
                   && inner->reply.status != NGX_HTTP_FORBIDDEN))
    {
        status = ngx_http_weir_lists_blame(listing, look, &err);
    }

    if (status == WEIR_OK) {
        ngx_http_weir_inner_end(inner);
        look->row = NULL;
        listing->open--;
        ngx_http_weir_lists_go_on(listing);

    } else {
        ngx_http_weir_lists_fail(listing, &err);
    }

    ngx_http_run_posted_requests(c);
}


/* A GET as the client could have sent it. */

static ngx_int_t
ngx_http_weir_lists_look(ngx_http_weir_listing_t *listing,
    ngx_http_weir_look_t *look, ngx_http_weir_listed_t *row)
{
    size_t               size;
    u_char              *p, *bytes;
    ngx_str_t            host;
    ngx_uint_t           is_tls;
    ngx_http_request_t  *r;

    static const char  *paths[] = {
        [WEIR_KEPT_FILES] = "/v1/files/",
        [WEIR_KEPT_BATCHES] = "/v1/batches/",
        [WEIR_KEPT_MESSAGES] = "/v1/messages/batches/"
    };

    r = listing->ctx->request;
    is_tls = 0;
    ngx_str_set(&host, "weir");

#if (NGX_HTTP_SSL)
    is_tls = r->connection->ssl != NULL;
#endif

    if (r->headers_in.host && r->headers_in.host->value.len) {
        host = r->headers_in.host->value;
    }

    size = ngx_http_weir_inner_headers(r, NULL) + row->name.len + host.len
           + r->connection->addr_text.len + 256;

    bytes = ngx_alloc(size, ngx_http_weir_worker.log);
    if (bytes == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(bytes, "GET %s%*s HTTP/1.1" CRLF "Host: %V" CRLF
                    "Connection: close" CRLF
                    NGX_HTTP_WEIR_INNER ": part" CRLF
                    NGX_HTTP_WEIR_INNER_CLIENT ": %V" CRLF,
                    paths[listing->list], row->name.len, row->name.ptr, &host,
                    &r->connection->addr_text);

    if (is_tls && ngx_http_weir_find_header(r, "x-forwarded-proto") == NULL) {
        p = ngx_sprintf(p, "x-forwarded-proto: https" CRLF);
    }

    p += ngx_http_weir_inner_headers(r, p);
    p = ngx_cpymem(p, CRLF, 2);

    look->row = row;

    return ngx_http_weir_inner_ask(&look->inner, NGX_HTTP_WEIR_INNER_SOCK,
                                   bytes, p - bytes, "weir-deployment",
                                   NGX_HTTP_WEIR_LOOK_BYTES,
                                   NGX_HTTP_WEIR_LIST_TIME);
}


/* The round's rows, in their order; what was left out has no body. */

static ngx_int_t
ngx_http_weir_lists_gather(ngx_http_weir_listing_t *listing)
{
    u_char                  *p;
    ngx_uint_t               i;
    ngx_http_weir_listed_t  *row;

    for (i = 0; i < listing->row_count; i++) {
        row = &listing->rows[i];

        if (row->body.len == 0) {
            continue;
        }

        p = ngx_pnalloc(listing->ctx->request->pool, row->name.len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(p, row->name.ptr, row->name.len);
        listing->items[listing->item_count] = row->body;
        listing->ids[listing->item_count++] = (weir_span) { (char *) p,
                                                            row->name.len };
    }

    return NGX_OK;
}


static void
ngx_http_weir_lists_go_on(ngx_http_weir_listing_t *listing)
{
    ngx_uint_t             i;
    struct weir_error      err;
    ngx_http_weir_look_t  *look;

    for (i = 0; i < NGX_HTTP_WEIR_LOOKS && listing->next < listing->row_count;
         i++)
    {
        look = &listing->looks[i];

        if (look->row) {
            continue;
        }

        if (ngx_http_weir_lists_look(listing, look,
                                     &listing->rows[listing->next++])
            != NGX_OK)
        {
            listing->ctx->hop = "weir: a look of the gateway at itself";
            (void) weir_fail(&err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                             "an object of the list could not be looked at");
            ngx_http_weir_lists_fail(listing, &err);
            return;
        }

        listing->open++;
    }

    if (listing->open) {
        return;
    }

    if (ngx_http_weir_lists_gather(listing) != NGX_OK) {
        (void) weir_fail(&err, WEIR_EINTERNAL, WEIR_OFFSET_NONE, "no memory");
        ngx_http_weir_lists_fail(listing, &err);
        return;
    }

    if (listing->has_more && listing->item_count < listing->query.limit) {
        ngx_http_weir_lists_names(listing);
        return;
    }

    ngx_http_weir_lists_send(listing);
}


/* --------------------------------------------------------------- names */

/* "NAME 0", line by line behind the first; NGX_ERROR: control did not say
 * what it says. */

static ngx_int_t
ngx_http_weir_lists_read_names(ngx_http_weir_listing_t *listing)
{
    size_t       len;
    weir_span    text;
    const char  *end, *mark;

    text = weir_buf_span(&listing->names.reply.body);

    if (text.len < 2 || text.ptr[1] != '\n') {
        return NGX_ERROR;
    }

    listing->has_more = text.ptr[0] == '1';
    listing->row_count = 0;
    listing->next = 0;
    text = (weir_span) { text.ptr + 2, text.len - 2 };

    while (text.len) {
        end = memchr(text.ptr, '\n', text.len);
        mark = end ? memchr(text.ptr, ' ', end - text.ptr) : NULL;

        if (mark == NULL || end - mark != 2 || mark == text.ptr
            || mark - text.ptr > WEIR_SEAL_TEXT
            || listing->row_count + listing->item_count
               == listing->query.limit)
        {
            return NGX_ERROR;
        }

        listing->rows[listing->row_count++] = (ngx_http_weir_listed_t) {
            .name = { text.ptr, mark - text.ptr },
            .missed = mark[1] - '0'
        };

        len = end + 1 - text.ptr;
        text = (weir_span) { text.ptr + len, text.len - len };
    }

    if (listing->row_count) {
        text = listing->rows[listing->row_count - 1].name;
        ngx_memcpy(listing->from, text.ptr, text.len);
        listing->from_len = text.len;

    } else {
        listing->has_more = 0;
    }

    return NGX_OK;
}


static void
ngx_http_weir_lists_named(ngx_http_weir_inner_t *inner)
{
    ngx_connection_t         *c;
    struct weir_error         err;
    ngx_http_weir_ctx_t      *ctx;
    ngx_http_weir_listing_t  *listing;

    listing = inner->data;
    ctx = listing->ctx;
    c = ctx->request->connection;

    if (inner->is_heard && inner->reply.status == NGX_HTTP_OK
        && ngx_http_weir_lists_read_names(listing) == NGX_OK)
    {
        ngx_http_weir_lists_go_on(listing);
        ngx_http_run_posted_requests(c);
        return;
    }

    if (inner->is_heard && inner->reply.status == NGX_HTTP_NOT_FOUND) {
        ctx->ask.param = listing->list == WEIR_KEPT_MESSAGES
                         ? listing->query.before.len ? WEIR_SPAN("before_id")
                                                     : WEIR_SPAN("after_id")
                         : WEIR_SPAN("after");
        ctx->call.reason = WEIR_REASON_BAD_REQUEST;
        (void) weir_fail(&err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "%.*s names nothing of this list",
                         WEIR_SPAN_ARG(ctx->ask.param));

    } else {
        ctx->hop = "weir: control's registry of what is kept";
        (void) weir_fail(&err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "control does not say what this tenant keeps");
    }

    ngx_http_weir_lists_fail(listing, &err);
    ngx_http_run_posted_requests(c);
}


/* The next round: as many as the page still lacks. */

static void
ngx_http_weir_lists_names(ngx_http_weir_listing_t *listing)
{
    u_char                  *p, *bytes;
    size_t                   size;
    weir_span                from;
    weir_secret              key;
    struct weir_error        err;
    struct weir_list_query  *q;

    static const char  *lists[] = {
        [WEIR_KEPT_FILES] = "files",
        [WEIR_KEPT_BATCHES] = "batches",
        [WEIR_KEPT_MESSAGES] = "message_batches"
    };

    q = &listing->query;
    key = ngx_http_weir_key(listing->ctx->request);

    from = listing->from_len
           ? (weir_span) { (char *) listing->from, listing->from_len }
           : q->before.len ? q->before : q->after;

    size = key.len + from.len + q->purpose.len + 512;

    bytes = ngx_alloc(size, ngx_http_weir_worker.log);

    if (bytes) {
        p = ngx_sprintf(bytes, "GET /v1/my/kept?list=%s&order=%s&limit=%ui"
                        "&from=%*s&purpose=%*s HTTP/1.1" CRLF "Host: weir" CRLF
                        "Connection: close" CRLF "Authorization: Bearer %*s"
                        CRLF CRLF,
                        lists[listing->list],
                        q->before.len || q->is_ascending ? "asc" : "desc",
                        (ngx_uint_t) q->limit - listing->item_count,
                        from.len, from.ptr, q->purpose.len, q->purpose.ptr,
                        key.len, key.ptr);

        ngx_http_weir_inner_end(&listing->names);

        if (ngx_http_weir_inner_ask(&listing->names,
                                    NGX_HTTP_WEIR_CUSTOMER_SOCK, bytes,
                                    p - bytes, NULL, NGX_HTTP_WEIR_NAMES_BYTES,
                                    NGX_HTTP_WEIR_NAMES_TIME)
            == NGX_OK)
        {
            return;
        }
    }

    listing->ctx->hop = "weir: control's registry of what is kept";
    (void) weir_fail(&err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                     "control does not say what this tenant keeps");
    ngx_http_weir_lists_fail(listing, &err);
}


/* -------------------------------------------------------------- asking */

weir_status
ngx_http_weir_lists_decide(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    ngx_uint_t                i;
    weir_status               status;
    ngx_pool_cleanup_t       *cln;
    ngx_http_weir_listing_t  *listing;

    ngx_memzero(&ctx->ask, sizeof(struct weir_request));

    ctx->ask.surface = ctx->route.surface;
    ctx->ask.endpoint = ctx->route.endpoint;
    ctx->ask.dialect = ctx->route.dialect;
    ctx->call.ask.operation = WEIR_OP_BATCH;

    cln = ngx_pool_cleanup_add(ctx->request->pool,
                               sizeof(ngx_http_weir_listing_t));
    if (cln == NULL) {
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "no memory");
    }

    listing = cln->data;
    ngx_memzero(listing, sizeof(ngx_http_weir_listing_t));
    cln->handler = ngx_http_weir_lists_free;

    listing->ctx = ctx;
    listing->list = weir_list_of(&ctx->route);
    listing->names.handler = ngx_http_weir_lists_named;
    listing->names.data = listing;
    listing->timer.handler = ngx_http_weir_lists_late;
    listing->timer.data = listing;
    listing->timer.log = ctx->request->connection->log;

    for (i = 0; i < NGX_HTTP_WEIR_LOOKS; i++) {
        listing->looks[i].listing = listing;
        listing->looks[i].inner.handler = ngx_http_weir_lists_looked;
        listing->looks[i].inner.data = &listing->looks[i];
    }

    ctx->listing = listing;

    status = weir_list_read(&ctx->route,
                            ngx_http_weir_span(ctx->request->args),
                            &listing->query, &ctx->ask.param, err);
    if (status != WEIR_OK) {
        ctx->call.reason = WEIR_REASON_BAD_REQUEST;
        return status;
    }

    status = weir_call_decide_list(&ctx->call, err);
    if (status != WEIR_OK) {
        return status;
    }

    if (ngx_http_weir_list_count == NGX_HTTP_WEIR_LISTS) {
        ctx->call.reason = WEIR_REASON_OVERLOADED;
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "as many lists are being made as this gateway makes "
                         "at a time");
    }

    ngx_http_weir_list_count++;
    listing->is_counted = 1;

    return WEIR_OK;
}


void
ngx_http_weir_lists_start(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_request_t  *r;

    r = ctx->request;

    ctx->is_tried = 1;
    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_add_timer(&ctx->listing->timer, NGX_HTTP_WEIR_LIST_TIME);
    ngx_http_weir_lists_names(ctx->listing);
}
