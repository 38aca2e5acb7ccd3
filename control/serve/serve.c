/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main loop: one thread that waits for signals, for the end of a child,
 * and for a tick.
 *
 *     serve ---- nginx master ---- workers        (a session of its own)
 *       |  \---- weir-writer                      (a session of its own)
 *       |------- thread: journal -> ledger, log
 *       '------- thread: admin API
 *
 * WHAT DIES WITH SERVE: nothing but the API and the ingestion. nginx and the
 * writer go on with the last image; the next serve takes them over by their
 * pid files and reads the journal from where the store says.
 *
 * RELOAD. New sources become a new image, published through the board: no
 * worker restarts. nginx is told to reload only when its own configuration
 * text differs. Anything faulty leaves everything as it was.
 *
 * THE END. SIGTERM tells nginx to finish: it stops listening and serves what
 * is open, at most `drain`. Then the writer drains its ring, and the last
 * records are ingested. A second signal cuts the waiting short.
 */
#include "control/serve/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "control/api/api.h"
#include "control/budgets/clusters.h"
#include "control/cache/cache.h"
#include "control/evidence/deeds.h"
#include "control/factors/factors.h"
#include "control/health/fair.h"
#include "control/health/health.h"
#include "control/ingest/ingest.h"
#include "control/log.h"
#include "control/notices/telling.h"
#include "control/onboarding/onboarding.h"
#include "control/serve/house.h"
#include "control/telemetry/telemetry.h"
#include "control/watch/live.h"

#define TICK_MS          100
#define RESOLVE_US       (30 * WEIR_US_PER_SEC)
#define RESOLVE_MS_START 600
#define RESOLVE_MS_LATER 1000
#define WRITER_MS        3000
#define SWEEP_US         (5 * WEIR_US_PER_SEC)
#define LOG_FAULTS_MAX   20

static void
log_faults(const struct weir_faults *faults)
{
    for (uint32_t i = 0; i < faults->count && i < LOG_FAULTS_MAX; i++) {
        const struct weir_fault *fault = &faults->rows[i];
        weir_log(WEIR_LOG_ERROR, "%.*s:%u:%u: %.*s",
                 WEIR_SPAN_ARG(fault->place.file), fault->place.line,
                 fault->place.column, WEIR_SPAN_ARG(fault->text));
    }
    if (faults->total > LOG_FAULTS_MAX)
        weir_log(WEIR_LOG_ERROR, "and %u faults more",
                 faults->total - LOG_FAULTS_MAX);
}

/* -------------------------------------------------------------------- nginx */

/* Brings nginx's configuration up to date and tells it when it changed. */
static weir_status
renew_conf(struct weir_house *house, struct weir_error *err)
{
    bool is_changed = false;
    weir_status status = weir__house_write_conf(house, &is_changed, err);
    if (status == WEIR_OK && is_changed && house->nginx.pid != 0) {
        weir_log(WEIR_LOG_INFO, "listeners, origins or limits changed: nginx "
                                "reloads");
        weir_child_signal(&house->nginx, SIGHUP);
    }
    return status;
}

static void
make_tables(struct weir_house *house)
{
    weir_control_lock(house->control);
    struct weir_cache_settings settings = house->control->world->settings.cache;
    uint64_t memory = house->control->world->settings.memory_bytes_max;
    pthread_mutex_unlock(&house->control->lock);
    weir_cache_file_make(house->control->paths.run, &settings);
    weir_fair_file_make(house->control->paths.run, memory);
}

static void
reload(struct weir_house *house)
{
    struct weir_faults faults;
    struct weir_error err = {0};
    weir_faults_init(&faults);
    weir_time started = weir_control_now();
    weir_status status = weir_control_reload(house->control, &faults, &err);
    if (status == WEIR_OK) {
        weir__house_resolve(house, RESOLVE_MS_LATER);
        make_tables(house);
        status = renew_conf(house, &err);
    }
    if (status == WEIR_OK)
        weir_log(WEIR_LOG_INFO, "reloaded in %lld ms: image %llu is in force",
                 (long long)(weir_control_now() - started) / 1000,
                 (unsigned long long)house->control->board->image);
    else
        weir_log(WEIR_LOG_ERROR, "reload refused: %s; what was in force stays",
                 err.text);
    log_faults(&faults);
    weir_faults_fini(&faults);
}

/* The first listener's host and port; false: there is none. The world may
 * be replaced by the API's thread at any time. */
static bool
first_listener(struct weir_house *house, char host_out[64], uint32_t *port_out)
{
    struct weir_control *control = house->control;
    weir_control_lock(control);
    bool has_one = control->world->listen_count > 0;
    if (has_one) {
        const struct weir_world_listen *listen =
            &control->world->listen_rows[0];
        snprintf(host_out, 64, "%.*s", WEIR_SPAN_ARG(listen->host));
        *port_out = listen->port;
    }
    pthread_mutex_unlock(&control->lock);
    return has_one;
}

/* True when somebody accepts connections there. */
static bool
is_listening(struct weir_house *house)
{
    char host[64];
    uint32_t port;
    struct sockaddr_in v4 = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (!first_listener(house, host, &port) || strchr(host, ':') != NULL)
        return true;
    v4.sin_port = htons((uint16_t)port);
    (void)inet_pton(AF_INET, host, &v4.sin_addr);
    int handle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_open =
        handle >= 0 && connect(handle, (struct sockaddr *)&v4, sizeof v4) == 0;
    if (handle >= 0)
        close(handle);
    return is_open;
}

/* ----------------------------------------------------------------- the loop */

static void
keep_running(struct weir_house *house, struct weir_child *child)
{
    struct weir_error err;
    weir_time now = weir_control_now();
    if (child->pid != 0 || now < child->start_at)
        return;
    if (child == &house->nginx)
        weir__house_clear(house);
    if (weir_child_start(child, now, &err) != WEIR_OK) {
        weir_log(WEIR_LOG_ERROR, "%s", err.text);
        child->start_at = now + WEIR_US_PER_SEC;
    }
}

/* An ownership rule starts or ends: the memberships are computed anew. The
 * dates of policies need no image, decisions look at them. */
static void
follow_dates(struct weir_house *house, weir_time now)
{
    struct weir_control *control = house->control;
    struct weir_faults faults;
    struct weir_error err;
    if (!control->has_image || now < control->image.next_change ||
        now < house->change_at)
        return;
    house->change_at = now + WEIR_US_PER_SEC;
    weir_faults_init(&faults);
    if (weir_control_publish(control, &faults, &err) == WEIR_OK)
        weir_log(WEIR_LOG_INFO, "a dated ownership rule starts or ends");
    else
        weir_log(WEIR_LOG_ERROR, "a dated ownership rule: %s", err.text);
    weir_faults_fini(&faults);
}

static void
tick(struct weir_house *house, struct weir_ingest *ingest)
{
    weir_time now = weir_control_now();
    keep_running(house, &house->writer);
    keep_running(house, &house->nginx);
    follow_dates(house, now);
    weir__house_raise_again(house, now);
    /* Sources that were found faulty are not confirmed: when they stay so
     * for longer than the seller allows, restricted models close. */
    if (house->control->reload_failed_last == false)
        weir_control_confirm(house->control);
    if (!house->is_ready && is_listening(house)) {
        house->is_ready = true;
        weir_log(WEIR_LOG_INFO, "ready after %lld ms",
                 (long long)(now - house->control->started) / 1000);
    }
    if (now >= house->sweep_at) {
        house->sweep_at = now + SWEEP_US;
        weir_control_sweep(house->control, weir_ingest_is_current(ingest));
        weir_control_evidence_sweep(house->control);
        weir_control_factors_turn(house->control);
        weir_control_clusters_turn(house->control);
        weir_ingest_recover(ingest, house->quota);
        weir_ingest_correct(ingest, house->quota);
    }
    if (now >= house->resolve_at) {
        struct weir_error err;
        house->resolve_at = now + RESOLVE_US;
        weir__house_resolve(house, RESOLVE_MS_LATER);
        if (renew_conf(house, &err) != WEIR_OK)
            weir_log(WEIR_LOG_ERROR, "%s", err.text);
    }
}

/* False: time to stop. */
static bool
take_signals(struct weir_house *house)
{
    struct signalfd_siginfo info;
    bool goes_on = true;
    while (read(house->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP)
            reload(house);
        else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            goes_on = false;
    }
    return goes_on;
}

static void
loop(struct weir_house *house, struct weir_ingest *ingest)
{
    uint64_t count;
    struct weir_error err;
    for (;;) {
        struct pollfd waits[] = {
            {.fd = house->signals, .events = POLLIN},
            {.fd = house->timer, .events = POLLIN},
            {.fd = house->nudge, .events = POLLIN},
            {.fd = house->nginx.handle, .events = POLLIN},
            {.fd = house->writer.handle, .events = POLLIN},
        };
        if (poll(waits, WEIR_COUNTOF(waits), -1) < 0)
            continue;
        if (waits[0].revents != 0 && !take_signals(house))
            return;
        if (waits[3].revents != 0)
            weir_child_ended(&house->nginx, weir_control_now());
        if (waits[4].revents != 0)
            weir_child_ended(&house->writer, weir_control_now());
        if (waits[2].revents != 0) {
            (void)!read(house->nudge, &count, sizeof count);
            weir__house_resolve(house, RESOLVE_MS_LATER);
            make_tables(house);
            if (renew_conf(house, &err) != WEIR_OK)
                weir_log(WEIR_LOG_ERROR, "%s", err.text);
        }
        if (waits[1].revents != 0)
            (void)!read(house->timer, &count, sizeof count);
        tick(house, ingest);
    }
}

/* ------------------------------------------------------------ start and stop */

static weir_status
open_events(struct weir_house *house, struct weir_error *err)
{
    const struct itimerspec every = {
        .it_interval = {.tv_nsec = TICK_MS * 1000000L},
        .it_value = {.tv_nsec = 1000000L}};
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGHUP);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    signal(SIGPIPE, SIG_IGN);
    house->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    house->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    house->nudge = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (house->signals < 0 || house->timer < 0 || house->nudge < 0 ||
        timerfd_settime(house->timer, 0, &every, NULL) != 0)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "no timers or signals: %s", strerror(errno));
    return WEIR_OK;
}

static weir_status
start_writer(struct weir_house *house, struct weir_error *err)
{
    weir_time now = weir_control_now();
    return weir_child_adopt(&house->writer, now)
               ? WEIR_OK
               : weir_child_start(&house->writer, now, err);
}

static weir_status
start_nginx(struct weir_house *house, struct weir_error *err)
{
    weir_time now = weir_control_now();
    bool is_changed;
    weir__house_resolve(house, RESOLVE_MS_START);
    house->resolve_at = now + RESOLVE_US;
    if (weir_child_adopt(&house->nginx, now))
        return renew_conf(house, err);
    weir_status status = weir__house_write_conf(house, &is_changed, err);
    weir__house_clear(house);
    return status == WEIR_OK ? weir_child_start(&house->nginx, now, err)
                             : status;
}

/* Quota after ingest: a new table is filled from a ledger that has every
 * record of the past in it. */
static weir_status
start_records(struct weir_house *house, struct weir_ingest **ingest_out,
              struct weir_error *err)
{
    bool is_new = false;
    weir_status status = weir_ingest_open(house->control, ingest_out, err);
    if (status == WEIR_OK)
        status = weir__house_open_quota(house, &is_new, err);
    if (status == WEIR_OK)
        weir__house_open_signals(house);
    if (status == WEIR_OK)
        weir_health_file_make(house->control->paths.run);
    if (status == WEIR_OK)
        make_tables(house);
    if (status == WEIR_OK && is_new) {
        weir_ingest_await_writer(*ingest_out, WRITER_MS);
        status = weir_ingest_catch_up(*ingest_out, err);
    }
    if (status == WEIR_OK && is_new)
        status = weir__house_seed_quota(house, err);
    /* what the configuration has more than when the table was used last */
    if (status == WEIR_OK && !is_new)
        status =
            weir__house_raise_quota(house, &house->control->image, NULL, err);
    if (status == WEIR_OK)
        status = weir_ingest_start(*ingest_out, err);
    return status;
}

static void
stop_children(struct weir_house *house, struct weir_ingest *ingest)
{
    weir_control_lock(house->control);
    uint32_t drain_ms = house->control->world->settings.drain_ms;
    pthread_mutex_unlock(&house->control->lock);
    weir_time until =
        weir_control_now() + (weir_time)(drain_ms + 500) * WEIR_US_PER_MS;
    weir_log(WEIR_LOG_INFO, "stopping: open calls may last %u ms", drain_ms);
    weir_child_signal(&house->nginx, SIGQUIT);
    while (house->nginx.pid != 0 && weir_control_now() < until &&
           !weir_child_wait(&house->nginx, 50)) {
        if (!take_signals(house))
            until = 0;
    }
    pid_t leader = house->nginx.pid;
    if (leader != 0) {
        weir_child_signal(&house->nginx, SIGTERM);
        if (!weir_child_wait(&house->nginx, 2000)) {
            weir_session_signal(leader, SIGKILL);
            weir_child_signal(&house->nginx, SIGKILL);
            (void)weir_child_wait(&house->nginx, 2000);
        }
    }
    weir_ingest_let_go(ingest);
    weir_child_signal(&house->writer, SIGTERM);
    if (!weir_child_wait(&house->writer, 5000)) {
        weir_child_signal(&house->writer, SIGKILL);
        (void)weir_child_wait(&house->writer, 1000);
    }
}

static void
close_house(struct weir_house *house)
{
    weir__house_close_quota(house);
    weir_addresses_free(&house->addresses);
    free(house->conf);
    if (house->signals >= 0)
        close(house->signals);
    if (house->timer >= 0)
        close(house->timer);
    if (house->nudge >= 0)
        close(house->nudge);
    weir_control_close(house->control);
    pthread_mutex_destroy(&house->lock);
}

/* Everything but the loop; what was started is in the house. */
static weir_status
open_house(struct weir_house *house, const char *config_path,
           struct weir_ingest **ingest_out, struct weir_api **api_out,
           struct weir_faults *faults, struct weir_error *err)
{
    weir_status status = open_events(house, err);
    if (status == WEIR_OK)
        status = weir_control_open(config_path, &house->control, faults, err);
    if (status != WEIR_OK)
        return status;
    house->control->complete = weir__house_find_programs;
    house->control->accept_context = house;
    weir__house_find_programs(house->control->world);
    weir_control_say_doubts(house->control);
    status = weir__house_children(house, err);
    if (status == WEIR_OK)
        status = weir_control_publish(house->control, faults, err);
    if (status == WEIR_OK)
        status = start_writer(house, err);
    if (status == WEIR_OK)
        status = start_records(house, ingest_out, err);
    if (status == WEIR_OK)
        status =
            weir_content_keeper_start(house->control, &house->content, err);
    if (status == WEIR_OK)
        status = start_nginx(house, err);
    /* From here on a new image must come with a configuration that nginx
     * takes; the first one was tried just now. */
    house->control->accept = weir__house_accept;
    if (status == WEIR_OK)
        status = weir_reviewer_start(house->control, err);
    if (status == WEIR_OK)
        status =
            weir_watch_live_open(house->control, &house->control->watch, err);
    if (status == WEIR_OK)
        status = weir_watch_live_start(house->control->watch, err);
    if (status == WEIR_OK)
        status = weir_teller_start(house->control, err);
    if (status == WEIR_OK)
        status = weir_api_start(house->control, *ingest_out, house->quota,
                                house->nudge, api_out, err);
    if (status == WEIR_OK)
        status = weir_keeper_start(house->control, &house->keeper, err);
    if (status == WEIR_OK)
        status = weir_courier_start(house->control->paths.state,
                                    &house->courier, err);
    if (status == WEIR_OK)
        status = weir_herald_start(house->control, &house->herald, err);
    if (status == WEIR_OK)
        status = weir_looker_start(house->control, &house->looker, err);
    if (status == WEIR_OK)
        status = weir_budget_watch_start(house->control, house->quota,
                                         &house->budgets, err);
    if (status == WEIR_OK)
        status = weir_steps_start(house->control, &house->steps, err);
    if (status == WEIR_OK)
        status = weir_share_start(house->control, &house->share, err);
    if (status == WEIR_OK)
        status = weir_voucher_start(house->control, &house->voucher, err);
    if (status == WEIR_OK)
        status = weir_telemetry_start(house->control,
                                      &house->control->telemetry, err);
    return status;
}

weir_status
weir_serve(const char *config_path, struct weir_faults *faults,
           struct weir_error *err)
{
    struct weir_house house = {.signals = -1, .timer = -1, .nudge = -1};
    struct weir_ingest *ingest = NULL;
    struct weir_api *api = NULL;
    house.nginx.handle = house.writer.handle = -1;
    pthread_mutex_init(&house.lock, NULL);
    weir_status status =
        open_house(&house, config_path, &ingest, &api, faults, err);
    if (status == WEIR_OK)
        loop(&house, ingest);
    weir_api_stop(api);
    weir_herald_stop(house.herald);
    weir_looker_stop(house.looker);
    weir_budget_watch_stop(house.budgets);
    weir_steps_stop(house.steps);
    weir_share_stop(house.share);
    weir_content_keeper_stop(house.content);
    weir_voucher_stop(house.voucher);
    weir_courier_stop(house.courier);
    weir_keeper_stop(house.keeper);
    weir_teller_stop(house.control);
    weir_reviewer_stop(house.control);
    /* A start that failed leaves a data plane that was taken over alone. */
    bool is_orderly = status == WEIR_OK;
    if (house.control != NULL && (is_orderly || house.writer.starts > 0))
        stop_children(&house, ingest);
    if (house.control != NULL) {
        weir_telemetry_stop(house.control->telemetry);
        house.control->telemetry = NULL;
    }
    weir_ingest_close(ingest);
    if (house.control != NULL) {
        weir_watch_live_close(house.control->watch);
        house.control->watch = NULL;
    }
    close_house(&house);
    if (is_orderly)
        weir_log(WEIR_LOG_INFO, "stopped");
    return status;
}
