/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker's state: what it maps and follows, from its start to its exit.
 *
 *     run directory            worker
 *     board ----------------> three generations, compared at each call
 *     image-7, overlay-12 --> a view: counted, kept by each call to its end
 *     credentials-3 --------> heap of this process, wiped when replaced
 *     quota, ring, health --> mapped, shared with all workers
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
#include "ngx_http_weir_ask.h"

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

void *
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


/* -------------------------------------------------------------- board */

void
ngx_http_weir_follow(void)
{
    uint64_t                 image, overlay, credentials,
                             indicators;
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;

    if (w->board == NULL) {
        return;
    }

    overlay = __atomic_load_n(&w->board->overlay, __ATOMIC_ACQUIRE);
    image = __atomic_load_n(&w->board->image, __ATOMIC_ACQUIRE);
    credentials = __atomic_load_n(&w->board->credentials, __ATOMIC_ACQUIRE);
    indicators = __atomic_load_n(&w->board->indicators, __ATOMIC_ACQUIRE);

    if (credentials != w->credentials_seen) {
        w->credentials_seen = credentials;
        ngx_http_weir_follow_credentials(w, credentials);
    }

    if (indicators != w->indicators_seen) {
        w->indicators_seen = indicators;
        ngx_http_weir_follow_indicators(w, indicators);
    }

    if (image != w->image_seen || overlay != w->overlay_seen) {
        w->image_seen = image;
        w->overlay_seen = overlay;
        ngx_http_weir_follow_policy(w, image, overlay);
    }
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


/* Without the table no deployment is passed over, and none is too full. */

static void
ngx_http_weir_open_health(ngx_http_weir_worker_t *w)
{
    struct weir_error    err;
    struct weir_health  *health;

    if (w->gate.quota_lane >= WEIR_LANES_MAX) {
        return;
    }

    w->health_map = ngx_http_weir_map("health", PROT_READ|PROT_WRITE,
                                      &w->health_size);
    if (w->health_map == NULL) {
        return;
    }

    if (weir_health_attach(w->health_map, w->health_size, &health, &err)
        != WEIR_OK)
    {
        (void) munmap(w->health_map, w->health_size);
        w->health_map = NULL;
        return;
    }

    /* what the lane's last owner had in flight died with it */

    weir_health_clear_lane(health, w->gate.quota_lane);
    w->gate.health = health;
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

    if (w->ticks % (1000 / NGX_HTTP_WEIR_TICK) == 1) {
        ngx_http_weir_content_tick(w);
        ngx_http_weir_cache_tick(w);
    }

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

    if (w->quota_is_open && w->health_map == NULL) {
        ngx_http_weir_open_health(w);
    }

    if (w->quota_is_open && w->gate.health && w->fair_map == NULL) {
        ngx_http_weir_open_fair(w);
    }

    ngx_http_weir_weigh(w);

    if (w->unwritten != w->gate.outcomes_unwritten) {
        w->unwritten = w->gate.outcomes_unwritten;
        ngx_log_error(NGX_LOG_ALERT, w->log, 0,
                      "weir: %uL outcomes of calls found no room in the "
                      "journal", w->unwritten);
    }

    if (w->lines_unwritten != w->gate.lines_unwritten) {
        w->lines_unwritten = w->gate.lines_unwritten;
        ngx_log_error(NGX_LOG_WARN, w->log, 0,
                      "weir: features of %uL lines of batches found no room "
                      "in the journal", w->lines_unwritten);
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
    ngx_queue_init(&w->queued);
    ngx_queue_init(&w->shadows);

    ngx_http_weir_open_databases(w);

    w->tick_connection.fd = (ngx_socket_t) -1;
    w->tick.data = &w->tick_connection;
    w->tick.handler = ngx_http_weir_tick_handler;
    w->tick.log = w->log;
    w->tick.cancelable = 1;

    ngx_http_weir_content_tick(w);
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

    w->gate.health = NULL;      /* every call has left it */
    w->gate.fair = NULL;

    if (w->quota_is_open) {
        weir_quota_lane_close(w->gate.quota, w->gate.quota_lane);
        w->gate.quota = NULL;
        w->quota_is_open = 0;
    }

    ngx_http_weir_journal_close();
    ngx_http_weir_content_close();
    ngx_http_weir_cache_close(w);
    ngx_http_weir_forget_credentials(w);
    ngx_http_weir_free_sets();
    ngx_http_weir_free_askers();
    ngx_http_weir_free_shadows();

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

    ngx_http_weir_close_databases(w);
}
