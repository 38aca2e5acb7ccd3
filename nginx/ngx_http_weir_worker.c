/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker's state: which policy is in force, credentials, quota, country.
 *
 *     run directory            worker
 *     board ----------------> three generations, compared at each call
 *     image-7, overlay-12 --> a view: counted, kept by each call to its end
 *     credentials-3 --------> heap of this process, wiped when replaced
 *     quota, ring ----------> mapped, shared with all workers
 *
 * WHY A BOARD. A new image must be live in every worker within a second and
 * without a reload. One page of shared memory says which files are newest;
 * comparing three words per call costs nothing, and a timer does it for a
 * worker that has no calls.
 *
 * WHY NOTHING HERE FAILS THE START. nginx does not start a worker again whose
 * init_process failed, and its master keeps the listening sockets: clients
 * would hang. A worker without policy, quota or journal answers 503 and
 * tries again ten times a second.
 *
 * WHY THE QUOTA LANE HAS THE JOURNAL LANE'S NUMBER. The ring hands each
 * number to one living process; a second way to hand them out could disagree
 * with it.
 */

#include "ngx_http_weir.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/random.h>


static void ngx_http_weir_tick_handler(ngx_event_t *ev);


ngx_http_weir_worker_t  ngx_http_weir_worker;


weir_time
ngx_http_weir_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    return (weir_time) ts.tv_sec * WEIR_US_PER_SEC + ts.tv_nsec / 1000;
}


static weir_time
ngx_http_weir_env_now(void *context)
{
    return ngx_http_weir_now();
}


/* Drawn in blocks: request ids need ten bytes each. */

static bool
ngx_http_weir_env_random(void *context, void *bytes_out, size_t len)
{
    ngx_http_weir_worker_t  *w = context;

    if (len > sizeof(w->random)) {
        return getrandom(bytes_out, len, 0) == (ssize_t) len;
    }

    if (w->random_left < len) {
        if (getrandom(w->random, sizeof(w->random), 0)
            != (ssize_t) sizeof(w->random))
        {
            return false;
        }

        w->random_left = sizeof(w->random);
    }

    w->random_left -= len;
    ngx_memcpy(bytes_out, w->random + w->random_left, len);

    return true;
}


static void
ngx_http_weir_env_log(void *context, enum weir_log_level level, weir_span text)
{
    ngx_uint_t  nginx_level;

    nginx_level = level == WEIR_LOG_ERROR ? NGX_LOG_ERR
                  : level == WEIR_LOG_WARN ? NGX_LOG_WARN
                  : NGX_LOG_INFO;

    ngx_log_error(nginx_level, ngx_cycle->log, 0, "weir: %*s", text.len,
                  text.ptr);
}


/*
 * Waking the writer costs as much as the rest of a record.  Who waits for the
 * disk wakes it at once; other records wait for company, and at the longest
 * for the next tick: they are safe from the death of any process already.
 */

static void
ngx_http_weir_bell(void *context)
{
    ngx_http_weir_worker_t  *w = context;

    if (w->lane == NULL) {
        return;
    }

    w->bell_count++;

    if (w->is_urgent || w->bell_count >= NGX_HTTP_WEIR_BELL) {
        w->bell_count = 0;
        weir_lane_ring_bell(w->lane);
    }
}


/* Maps a file of the run directory; NULL when it is not there (yet). */

static void *
ngx_http_weir_map(const char *name, int protection, size_t *size_out)
{
    int           fd;
    void         *map;
    u_char        path[NGX_MAX_PATH];
    struct stat   st;

    (void) ngx_snprintf(path, sizeof(path), "%V/%s%Z",
                        &ngx_http_weir_worker.conf->run, name);

    fd = open((char *) path,
              (protection & PROT_WRITE ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (fd == -1) {
        return NULL;
    }

    map = MAP_FAILED;

    if (fstat(fd, &st) == 0 && st.st_size > 0) {
        map = mmap(NULL, st.st_size, protection, MAP_SHARED, fd, 0);
    }

    (void) close(fd);

    if (map == MAP_FAILED) {
        return NULL;
    }

    *size_out = st.st_size;

    return map;
}


static void
ngx_http_weir_open_board(ngx_http_weir_worker_t *w)
{
    size_t              size;
    struct weir_board  *board;

    board = ngx_http_weir_map("board", PROT_READ, &size);
    if (board == NULL) {
        return;
    }

    if (size < sizeof(struct weir_board) || board->magic != WEIR_BOARD_MAGIC) {
        (void) munmap(board, size);
        return;
    }

    w->board = board;
}


/* ------------------------------------------------------------- images */

static ngx_http_weir_origin_t *
ngx_http_weir_find_origin(weir_span name)
{
    ngx_uint_t                  i;
    ngx_http_weir_origin_t     *origin;
    ngx_http_weir_main_conf_t  *conf;

    conf = ngx_http_weir_worker.conf;
    origin = conf->origins.elts;

    for (i = 0; i < conf->origins.nelts; i++) {
        if (weir_span_equal(ngx_http_weir_span(origin[i].name), name)) {
            return &origin[i];
        }
    }

    return NULL;
}


static void
ngx_http_weir_init_endpoint(ngx_http_weir_endpoint_t *e,
    const struct weir_image *image, const struct weir_image_origin *row)
{
    ngx_http_upstream_conf_t   *conf;
    ngx_http_weir_main_conf_t  *wmcf;

    wmcf = ngx_http_weir_worker.conf;

    e->origin = ngx_http_weir_find_origin(weir_image_text(image, row->name));
    e->provider = weir_provider_find(weir_image_text(image, row->dialect));

    if (e->origin == NULL) {
        return;
    }

    conf = &e->head_conf;

    conf->upstream = e->origin->upstream;
    conf->connect_timeout = row->connect_ms;
    conf->send_timeout = row->idle_ms;
    conf->read_timeout = row->first_byte_ms;
    conf->buffer_size = NGX_HTTP_WEIR_BUFFER;
    conf->hide_headers_hash = wmcf->no_headers;
    ngx_str_set(&conf->module, "weir");

    /*
     * Another address of the same block, but only while nothing was sent:
     * for a POST, nginx asks for NGX_HTTP_UPSTREAM_FT_NON_IDEMPOTENT too.
     */

    conf->next_upstream = NGX_HTTP_UPSTREAM_FT_ERROR
                          |NGX_HTTP_UPSTREAM_FT_TIMEOUT;

    if (e->origin->tls) {
        conf->ssl = e->origin->ssl;
        conf->ssl_session_reuse = 1;
        conf->ssl_name = &e->origin->ssl_name;
        conf->ssl_server_name = 1;  /* verified in the handshake itself */
    }

    e->body_conf = *conf;
    e->body_conf.read_timeout = row->idle_ms;
}


static void
ngx_http_weir_image_unref(ngx_http_weir_image_t *image)
{
    if (--image->references == 0) {
        weir_image_close(&image->image);
        ngx_free(image->endpoints);
        ngx_free(image->pauses);
        ngx_free(image);
    }
}


static void
ngx_http_weir_overlay_unref(ngx_http_weir_overlay_t *overlay)
{
    if (--overlay->references == 0) {
        if (overlay->overlay.bytes.len) {
            weir_overlay_close(&overlay->overlay);
        }

        ngx_free(overlay);
    }
}


static ngx_http_weir_image_t *
ngx_http_weir_load_image(ngx_http_weir_worker_t *w, uint64_t generation)
{
    uint32_t                i;
    u_char                  path[NGX_MAX_PATH];
    struct weir_error       err;
    ngx_http_weir_image_t  *image;

    (void) ngx_snprintf(path, sizeof(path), "%V/image-%uL%Z", &w->conf->run,
                        generation);

    image = ngx_calloc(sizeof(ngx_http_weir_image_t), w->log);
    if (image == NULL) {
        return NULL;
    }

    if (weir_image_map((char *) path, &image->image, &err) != WEIR_OK) {
        ngx_log_error(NGX_LOG_ERR, w->log, 0,
                      "weir: image \"%s\" is not usable: %s", path, err.text);
        ngx_free(image);
        return NULL;
    }

    image->endpoints = ngx_calloc((image->image.origin_count + 1)
                                  * sizeof(ngx_http_weir_endpoint_t), w->log);
    if (image->endpoints == NULL) {
        weir_image_close(&image->image);
        ngx_free(image);
        return NULL;
    }

    for (i = 0; i < image->image.origin_count; i++) {
        ngx_http_weir_init_endpoint(&image->endpoints[i], &image->image,
                                    &image->image.origins[i]);
    }

    if (ngx_http_weir_pin_init(image, w->log) != NGX_OK) {
        weir_image_close(&image->image);
        ngx_free(image->endpoints);
        ngx_free(image->pauses);
        ngx_free(image);
        return NULL;
    }

    image->references = 1;
    image->name.data = image->name_text;
    image->name.len = ngx_hex_dump(image->name_text, image->image.digest, 8)
                      - image->name_text;

    return image;
}


static ngx_http_weir_overlay_t *
ngx_http_weir_load_overlay(ngx_http_weir_worker_t *w, uint64_t generation)
{
    u_char                    path[NGX_MAX_PATH];
    struct weir_error         err;
    ngx_http_weir_overlay_t  *overlay;

    overlay = ngx_calloc(sizeof(ngx_http_weir_overlay_t), w->log);
    if (overlay == NULL) {
        return NULL;
    }

    overlay->references = 1;

    if (generation == 0) {
        return overlay;     /* nothing was ever withdrawn */
    }

    (void) ngx_snprintf(path, sizeof(path), "%V/overlay-%uL%Z", &w->conf->run,
                        generation);

    if (weir_overlay_map((char *) path, &overlay->overlay, &err) != WEIR_OK) {
        ngx_log_error(NGX_LOG_ERR, w->log, 0,
                      "weir: overlay \"%s\" is not usable: %s", path,
                      err.text);
        ngx_free(overlay);
        return NULL;
    }

    return overlay;
}


void
ngx_http_weir_view_unref(ngx_http_weir_view_t *view)
{
    if (view && --view->view.references == 0) {
        ngx_http_weir_image_unref(view->image);
        ngx_http_weir_overlay_unref(view->overlay);
        ngx_free(view);
    }
}


/*
 * A worker that starts beside a damaged image: one before it stands in, so
 * that what stays open in doubt is served; all else is refused as stale.
 */

static ngx_http_weir_image_t *
ngx_http_weir_load_earlier(ngx_http_weir_worker_t *w, uint64_t generation)
{
    ngx_uint_t              i;
    ngx_http_weir_image_t  *image;

    for (i = 1; i <= NGX_HTTP_WEIR_EARLIER && generation > i; i++) {
        image = ngx_http_weir_load_image(w, generation - i);
        if (image) {
            return image;
        }
    }

    return NULL;
}


/* Puts a new view in force. What is not new is shared with the last one. */

static void
ngx_http_weir_follow_policy(ngx_http_weir_worker_t *w, uint64_t image_seen,
    uint64_t overlay_seen)
{
    ngx_http_weir_view_t     *view, *old;
    ngx_http_weir_image_t    *image;
    ngx_http_weir_overlay_t  *overlay;

    old = w->view;

    if (old && (image_seen == 0 || old->view.image.generation == image_seen)) {
        image = old->image;
        image->references++;

    } else {
        image = image_seen ? ngx_http_weir_load_image(w, image_seen) : NULL;

        if (image == NULL) {
            w->trusted_us = old ? ngx_min(w->trusted_us, 1)
                                : WEIR_CONFIRMED_NEVER;

            if (old == NULL) {
                image = ngx_http_weir_load_earlier(w, image_seen);
                if (image == NULL) {
                    return;
                }

            } else {

                /* a withdrawal acts even when the image is damaged */

                image = old->image;
                image->references++;
            }
        }
    }

    if (old && old->view.overlay.generation == overlay_seen) {
        overlay = old->overlay;
        overlay->references++;

    } else {
        overlay = ngx_http_weir_load_overlay(w, overlay_seen);
        if (overlay == NULL) {
            w->trusted_us = ngx_min(w->trusted_us, 1);
            ngx_http_weir_image_unref(image);
            return;
        }
    }

    view = ngx_calloc(sizeof(ngx_http_weir_view_t), w->log);
    if (view == NULL) {
        ngx_http_weir_image_unref(image);
        ngx_http_weir_overlay_unref(overlay);
        return;
    }

    view->image = image;
    view->overlay = overlay;
    view->view.image = image->image;
    view->view.overlay = overlay->overlay;
    view->view.references = 1;

    if (view->view.image.generation == image_seen) {
        w->trusted_us = INT64_MAX;
    }

    w->view = view;
    ngx_http_weir_view_unref(old);

    ngx_log_error(NGX_LOG_NOTICE, w->log, 0,
                  "weir: image %uL and overlay %uL are in force",
                  view->view.image.generation, view->view.overlay.generation);
}


/* -------------------------------------------------------- credentials */

static void
ngx_http_weir_forget_credentials(ngx_http_weir_worker_t *w)
{
    if (w->secrets) {
        explicit_bzero(w->secrets, w->secrets_size);
        ngx_free(w->secrets);
        ngx_free(w->credentials);
    }

    w->secrets = NULL;
    w->credentials = NULL;
    w->credential_count = 0;
}


/* Lines of name, tab, secret. */

static ngx_uint_t
ngx_http_weir_parse_credentials(u_char *p, u_char *last,
    ngx_http_weir_credential_t *credentials)
{
    u_char      *end, *tab;
    ngx_uint_t   n;

    n = 0;

    for ( /* void */ ; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, '\n');
        if (end == NULL) {
            end = last;
        }

        tab = ngx_strlchr(p, end, '\t');
        if (tab == NULL) {
            continue;
        }

        if (credentials) {
            credentials[n].name = (weir_span) { (char *) p, tab - p };
            credentials[n].secret = (weir_secret) { (char *) tab + 1,
                                                    end - tab - 1 };
        }

        n++;
    }

    return n;
}


static void
ngx_http_weir_follow_credentials(ngx_http_weir_worker_t *w,
    uint64_t generation)
{
    size_t                       size;
    void                        *map;
    char                         name[64];
    u_char                      *secrets;
    ngx_uint_t                   count;
    ngx_http_weir_credential_t  *credentials;

    (void) ngx_snprintf((u_char *) name, sizeof(name), "credentials-%uL%Z",
                        generation);

    map = ngx_http_weir_map(name, PROT_READ, &size);
    if (map == NULL) {
        if (ngx_errno != NGX_ENOENT && ngx_errno != 0) {
            ngx_log_error(NGX_LOG_ERR, w->log, ngx_errno,
                          "weir: credentials of generation %uL are not "
                          "readable", generation);
        }

        return;
    }

    secrets = ngx_alloc(size, w->log);
    if (secrets == NULL) {
        (void) munmap(map, size);
        return;
    }

    ngx_memcpy(secrets, map, size);
    (void) munmap(map, size);

    count = ngx_http_weir_parse_credentials(secrets, secrets + size, NULL);

    credentials = ngx_alloc((count + 1) * sizeof(ngx_http_weir_credential_t),
                            w->log);
    if (credentials == NULL) {
        explicit_bzero(secrets, size);
        ngx_free(secrets);
        return;
    }

    (void) ngx_http_weir_parse_credentials(secrets, secrets + size,
                                           credentials);

    ngx_http_weir_forget_credentials(w);

    w->secrets = secrets;
    w->secrets_size = size;
    w->credentials = credentials;
    w->credential_count = count;
}


ngx_int_t
ngx_http_weir_credential(weir_span name, weir_secret *secret_out)
{
    ngx_uint_t               i;
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;

    for (i = 0; i < w->credential_count; i++) {
        if (weir_span_equal(w->credentials[i].name, name)) {
            *secret_out = w->credentials[i].secret;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


void
ngx_http_weir_follow(void)
{
    uint64_t                 image, overlay, credentials;
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;

    if (w->board == NULL) {
        return;
    }

    overlay = __atomic_load_n(&w->board->overlay, __ATOMIC_ACQUIRE);
    image = __atomic_load_n(&w->board->image, __ATOMIC_ACQUIRE);
    credentials = __atomic_load_n(&w->board->credentials, __ATOMIC_ACQUIRE);

    if (credentials != w->credentials_seen) {
        w->credentials_seen = credentials;
        ngx_http_weir_follow_credentials(w, credentials);
    }

    if (image != w->image_seen || overlay != w->overlay_seen) {
        w->image_seen = image;
        w->overlay_seen = overlay;
        ngx_http_weir_follow_policy(w, image, overlay);
    }
}


/* ------------------------------------------------------------ country */

ngx_int_t
ngx_http_weir_address(struct sockaddr *address, uint8_t bits[16])
{
    struct sockaddr_in   *v4;
    struct sockaddr_in6  *v6;

    if (address->sa_family == AF_INET6) {
        v6 = (struct sockaddr_in6 *) address;
        ngx_memcpy(bits, v6->sin6_addr.s6_addr, 16);
        return NGX_OK;
    }

    if (address->sa_family != AF_INET) {
        return NGX_DECLINED;
    }

    v4 = (struct sockaddr_in *) address;
    ngx_memzero(bits, 10);
    bits[10] = 0xff;
    bits[11] = 0xff;
    ngx_memcpy(bits + 12, &v4->sin_addr, 4);

    return NGX_OK;
}


static weir_span
ngx_http_weir_country_of(MMDB_entry_s *entry)
{
    MMDB_entry_data_s  data;

    if ((MMDB_get_value(entry, &data, "country_code", NULL) == MMDB_SUCCESS
         || MMDB_get_value(entry, &data, "country", "iso_code", NULL)
            == MMDB_SUCCESS)
        && data.has_data && data.type == MMDB_DATA_TYPE_UTF8_STRING
        && data.data_size == 2)
    {
        return (weir_span) { data.utf8_string, data.data_size };
    }

    return WEIR_SPAN_NONE;
}


weir_span
ngx_http_weir_country(struct sockaddr *address)
{
    int                    error;
    struct sockaddr_in     v4;
    struct sockaddr_in6   *v6;
    MMDB_lookup_result_s   result;

    if (!ngx_http_weir_worker.mmdb_is_open) {
        return WEIR_SPAN_NONE;
    }

    if (address->sa_family == AF_INET6) {
        v6 = (struct sockaddr_in6 *) address;

        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
            ngx_memzero(&v4, sizeof(v4));
            v4.sin_family = AF_INET;
            ngx_memcpy(&v4.sin_addr, v6->sin6_addr.s6_addr + 12, 4);
            address = (struct sockaddr *) &v4;
        }

    } else if (address->sa_family != AF_INET) {
        return WEIR_SPAN_NONE;
    }

    result = MMDB_lookup_sockaddr(&ngx_http_weir_worker.mmdb, address, &error);

    if (error != MMDB_SUCCESS || !result.found_entry) {
        return WEIR_SPAN_NONE;
    }

    return ngx_http_weir_country_of(&result.entry);
}


/* --------------------------------------------------------------- life */

static void
ngx_http_weir_open_quota(ngx_http_weir_worker_t *w)
{
    uint32_t             lane;
    struct weir_error    err;
    struct weir_quota   *quota;
    weir_quota_stats     stats;

    if (w->quota_map == NULL) {
        w->quota_map = ngx_http_weir_map("quota", PROT_READ|PROT_WRITE,
                                         &w->quota_size);
        if (w->quota_map == NULL) {
            return;
        }
    }

    if (weir_quota_attach(w->quota_map, w->quota_size, &quota, &err)
        != WEIR_OK)
    {
        (void) munmap(w->quota_map, w->quota_size);
        w->quota_map = NULL;
        return;
    }

    lane = weir_lane_journal(w->lane)->index;
    weir_quota_stats_get(quota, &stats);

    if (lane >= stats.lanes) {
        ngx_log_error(NGX_LOG_ERR, w->log, 0,
                      "weir: the quota table has %uD lanes, this worker "
                      "needs number %uD", stats.lanes, lane);
        return;
    }

    if (!weir_quota_lane_open(quota, lane, (uint32_t) ngx_pid)) {
        return;     /* being recovered: the next tick */
    }

    w->gate.quota = quota;
    w->gate.quota_lane = lane;
    w->quota_is_open = 1;
}


/* Without the table calls go on: what it would tell is not known. */

static void
ngx_http_weir_open_signals(ngx_http_weir_worker_t *w)
{
    struct weir_error  err;

    w->signals_map = ngx_http_weir_map("signals", PROT_READ|PROT_WRITE,
                                       &w->signals_size);
    if (w->signals_map == NULL) {
        return;
    }

    if (weir_signals_attach(w->signals_map, w->signals_size, &w->gate.signals,
                            &err)
        != WEIR_OK)
    {
        (void) munmap(w->signals_map, w->signals_size);
        w->signals_map = NULL;
    }
}


/* Open calls of what was withdrawn end now, if the overlay says so. */

static void
ngx_http_weir_cut_withdrawn(ngx_http_weir_worker_t *w)
{
    ngx_queue_t                *q, *next;
    ngx_connection_t           *c;
    ngx_http_weir_ctx_t        *ctx;
    const struct weir_overlay  *overlay;

    if (w->view == NULL || !w->view->view.overlay.cut_streams) {
        return;
    }

    overlay = &w->view->view.overlay;

    for (q = ngx_queue_head(&w->calls);
         q != ngx_queue_sentinel(&w->calls);
         q = next)
    {
        next = ngx_queue_next(q);
        ctx = ngx_queue_data(q, ngx_http_weir_ctx_t, open);

        if (weir_call_is_withdrawn(&ctx->call, overlay)) {
            c = ctx->request->connection;
            ngx_http_weir_withdraw(ctx);
            ngx_http_run_posted_requests(c);
        }
    }
}


static void
ngx_http_weir_tick_handler(ngx_event_t *ev)
{
    uint64_t                 overlay;
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;
    w->ticks++;

    if (w->board == NULL) {
        ngx_http_weir_open_board(w);
    }

    /* what could not be taken up is tried again, once a second */

    if (w->ticks % (1000 / NGX_HTTP_WEIR_TICK) == 0
        && w->board
        && (w->view == NULL
            || w->view->view.image.generation != w->image_seen
            || w->view->view.overlay.generation != w->overlay_seen))
    {
        w->image_seen = 0;
        w->overlay_seen = 0;
    }

    overlay = w->view ? w->view->view.overlay.generation : 0;
    ngx_http_weir_follow();

    if (w->view && w->view->view.overlay.generation != overlay) {
        w->overlay_cut = 0;
    }

    if (w->view && w->overlay_cut != w->view->view.overlay.generation) {
        w->overlay_cut = w->view->view.overlay.generation;
        ngx_http_weir_cut_withdrawn(w);
    }

    ngx_http_weir_journal_tick();

    if (w->bell_count && w->lane) {
        w->bell_count = 0;
        weir_lane_ring_bell(w->lane);
    }

    if (w->signals_map == NULL
        && w->ticks % (1000 / NGX_HTTP_WEIR_TICK) == 1)
    {
        ngx_http_weir_open_signals(w);
    }

    if (!w->quota_is_open && w->lane) {
        ngx_http_weir_open_quota(w);
    }

    if (w->unwritten != w->gate.outcomes_unwritten) {
        w->unwritten = w->gate.outcomes_unwritten;
        ngx_log_error(NGX_LOG_ALERT, w->log, 0,
                      "weir: %uL outcomes of calls found no room in the "
                      "journal", w->unwritten);
    }

    if (!ngx_exiting && !ngx_terminate) {
        ngx_add_timer(ev, NGX_HTTP_WEIR_TICK);
    }
}


ngx_int_t
ngx_http_weir_init_process(ngx_cycle_t *cycle)
{
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    w->conf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_weir_module);

    if (w->conf == NULL || w->conf->run.len == 0) {
        return NGX_OK;
    }

    /*
     * Large bodies must not give their pages back to the kernel after each
     * request: that alone doubles the cost of a prompt of 130 KB.
     */

    (void) mallopt(M_TRIM_THRESHOLD, 256 * 1024 * 1024);
    (void) mallopt(M_MMAP_THRESHOLD, 64 * 1024 * 1024);
    (void) mallopt(M_TOP_PAD, 16 * 1024 * 1024);

    w->log = cycle->log;
    w->trusted_us = INT64_MAX;
    w->env.context = w;
    w->env.now = ngx_http_weir_env_now;
    w->env.random = ngx_http_weir_env_random;
    w->env.log = ngx_http_weir_env_log;
    w->gate.env = &w->env;
    w->gate.ring_bell = ngx_http_weir_bell;
    w->gate.bell_context = w;

    ngx_queue_init(&w->waiting);
    ngx_queue_init(&w->calls);

    if (w->conf->mmdb.len) {
        if (MMDB_open((char *) w->conf->mmdb.data, MMDB_MODE_MMAP, &w->mmdb)
            == MMDB_SUCCESS)
        {
            w->mmdb_is_open = 1;

        } else {
            ngx_log_error(NGX_LOG_ERR, w->log, 0,
                          "weir: \"%V\" is not usable: clients' countries "
                          "are unknown", &w->conf->mmdb);
        }
    }

    w->tick_connection.fd = (ngx_socket_t) -1;
    w->tick.data = &w->tick_connection;
    w->tick.handler = ngx_http_weir_tick_handler;
    w->tick.log = w->log;
    w->tick.cancelable = 1;

    ngx_http_weir_tick_handler(&w->tick);

    return NGX_OK;
}


void
ngx_http_weir_exit_process(ngx_cycle_t *cycle)
{
    ngx_queue_t             *q;
    ngx_http_weir_ctx_t     *ctx;
    ngx_http_weir_worker_t  *w;
    ngx_http_weir_reader_t  *reader;

    w = &ngx_http_weir_worker;

    if (w->conf == NULL || w->conf->run.len == 0) {
        return;
    }

    /* told to go at once: what is still open ends here, on record */

    while (!ngx_queue_empty(&w->calls)) {
        q = ngx_queue_head(&w->calls);
        ctx = ngx_queue_data(q, ngx_http_weir_ctx_t, open);
        ngx_http_weir_settle(ctx, WEIR_END_LOST);
    }

    if (w->quota_is_open) {
        weir_quota_lane_close(w->gate.quota, w->gate.quota_lane);
        w->gate.quota = NULL;
        w->quota_is_open = 0;
    }

    ngx_http_weir_journal_close();
    ngx_http_weir_forget_credentials(w);

    ngx_http_weir_view_unref(w->view);
    w->view = NULL;

    while (w->spare) {
        ctx = w->spare;
        w->spare = ctx->next;
        ngx_free(ctx);
    }

    w->spare_count = 0;

    while (w->readers) {
        reader = w->readers;
        w->readers = reader->next;
        ngx_free(reader);
    }

    w->reader_count = 0;

    if (w->mmdb_is_open) {
        MMDB_close(&w->mmdb);
        w->mmdb_is_open = 0;
    }
}
