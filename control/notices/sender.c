/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Webhooks: a notice posted until somebody says that he has it.
 *
 *   notice --post--> delivery waits --due--> POST --2xx--> done
 *                        ^                    |
 *                        +---- wait longer ---+--8 times, or 410--> dead
 *
 * AT LEAST ONCE. A delivery is marked after the answer. When this process
 * dies between the two, it is made again with the same webhook-id, by which
 * a receiver tells a repetition from a new notice. Nothing is in flight but
 * what the store says.
 *
 * ONE RECEIVER'S TROUBLE IS HIS OWN. Several are posted to at once. One that
 * does not answer waits as a whole, by its row in the store, and is tried
 * with a single delivery then; a delivery that he refuses waits by itself.
 * Deliveries of one receiver may overtake each other; each says when its
 * notice was made. A host that many receivers share has a bound of its own,
 * so that a dead one cannot fill all places.
 *
 * SIGNED as Standard Webhooks has it: HMAC-SHA256 over id, time and body,
 * with a secret of its own for each webhook. The time is that of the
 * attempt, so that an old recording cannot be played back later.
 *
 * WHAT IT DOES NOT DO. It follows no redirect (a receiver that moved says
 * so to a person), reads no more of an answer than its status, and sends no
 * content of calls: a notice has none.
 */
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>

#include "control/control.h"
#include "control/egress/egress.h"
#include "control/log.h"
#include "control/notices/parts.h"

#define CONNECT_MS       5000L
#define WHOLE_MS         15000L
#define BODY_BYTES_MAX   ((size_t)1 << 16)
#define DUE_BYTES_MAX    ((size_t)1 << 16)
#define AT_ONCE          64u
#define AT_ONCE_HOST     8u
#define AT_ONCE_RECEIVER 4u

/* A delivery on its way. */
struct flight {
    CURL *curl; /* NULL: the place is free */
    struct curl_slist *headers;
    struct weir_arena arena; /* of url and id */
    struct weir_buf body;
    int64_t number;
    int64_t webhook;
    uint32_t attempts;
    uint32_t failures;
    uint64_t host;
    size_t left; /* of the answer */
    char error[CURL_ERROR_SIZE];
    bool has_ended;
    CURLcode code;
};

struct weir_sender {
    struct weir_store *store;
    CURLM *multi;
    int64_t after; /* receivers take turns: the last that was looked at */
    struct flight flights[AT_ONCE];
    uint32_t open;
};

/* ------------------------------------------------------------------ one post */

static size_t
on_answer(char *bytes, size_t size, size_t count, void *context)
{
    size_t *left = context;
    size_t len = size * count;
    if (len > *left)
        return 0; /* ends the transfer; the status is known by then */
    *left -= len;
    return len;
}

static bool
add_header(struct curl_slist **list, const char *format, const char *value)
{
    char line[256];
    snprintf(line, sizeof line, format, value);
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer == NULL)
        return false;
    *list = longer;
    return true;
}

static bool
add_headers(struct curl_slist **list, const struct weir_delivery_due *due,
            const char *id, weir_time now, weir_span body)
{
    char signature[WEIR__SIGNATURE_TEXT], seconds[32];
    int64_t second = now / WEIR_US_PER_SEC;
    snprintf(seconds, sizeof seconds, "%lld", (long long)second);
    weir__webhook_sign(
        (weir_secret){(const char *)due->secret, sizeof due->secret},
        due->notice.id, second, body, signature);
    return add_header(list, "content-type: %s", "application/json") &&
           add_header(list, "webhook-id: %s", id) &&
           add_header(list, "webhook-timestamp: %s", seconds) &&
           add_header(list, "webhook-signature: %s", signature);
}

/* Scheme, host and port. */
static uint64_t
host_of(weir_span url)
{
    size_t slashes = 0, len = 0;
    while (len < url.len && (slashes < 2 || url.ptr[len] != '/'))
        slashes += url.ptr[len++] == '/';
    return weir_hash64((weir_span){url.ptr, len}, 0);
}

static void
set_options(struct flight *flight, const char *url)
{
    CURL *curl = flight->curl;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, WHOLE_MS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, flight->headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     (curl_off_t)flight->body.len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, flight->body.ptr);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, flight->error);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &flight->left);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, (char *)flight);
    struct weir_error err;
    /* Without its credential the proxy refuses, and that is what is noted. */
    if (weir_egress_curl(curl, WEIR_EGRESS_NOTICES, WEIR_SPAN_NONE, url,
                         &err) != WEIR_OK)
        weir_log(WEIR_LOG_WARN, "the proxy of webhooks: %s", err.text);
}

static void
land(struct weir_sender *sender, struct flight *flight)
{
    if (flight->curl != NULL) {
        curl_multi_remove_handle(sender->multi, flight->curl);
        curl_easy_cleanup(flight->curl);
    }
    curl_slist_free_all(flight->headers);
    weir_buf_fini(&flight->body);
    weir_arena_fini(&flight->arena);
    *flight = (struct flight){0};
    sender->open--;
}

/* False: no memory; nothing is on its way. */
static bool
take_off(struct weir_sender *sender, struct flight *flight,
         const struct weir_delivery_due *due, weir_time now)
{
    *flight = (struct flight){.number = due->number,
                              .webhook = due->webhook,
                              .attempts = due->attempts,
                              .failures = due->failures,
                              .host = host_of(due->url),
                              .left = BODY_BYTES_MAX};
    sender->open++;
    weir_arena_init_heap(&flight->arena, DUE_BYTES_MAX);
    weir_buf_init(&flight->body, BODY_BYTES_MAX);
    /* Copies end in a NUL. */
    weir_span url = weir_arena_copy(&flight->arena, due->url);
    weir_span id = weir_arena_copy(&flight->arena, due->notice.id);
    weir__notice_body(&due->notice, &flight->body);
    flight->curl = curl_easy_init();
    bool is_good = flight->curl != NULL && !flight->arena.overflow &&
                   !flight->body.overflow &&
                   add_headers(&flight->headers, due, id.ptr, now,
                               weir_buf_span(&flight->body));
    if (is_good) {
        set_options(flight, url.ptr);
        is_good =
            curl_multi_add_handle(sender->multi, flight->curl) == CURLM_OK;
    }
    if (!is_good)
        land(sender, flight);
    return is_good;
}

/* ----------------------------------------------------------------- beginning */

struct beginning {
    struct weir_sender *sender;
    weir_time now;
    uint32_t most;
    uint32_t begun;
    uint32_t at_once; /* to the receiver under way */
    bool is_over;     /* no place, no memory, or enough */
    /* Receivers to look at, as one statement is not run inside another. */
    int64_t webhooks[AT_ONCE];
    uint32_t failures[AT_ONCE];
    uint32_t count;
};

static bool
note_webhook(void *context, int64_t webhook, uint32_t failures)
{
    struct beginning *all = context;
    all->webhooks[all->count] = webhook;
    all->failures[all->count++] = failures;
    return all->count < AT_ONCE;
}

static bool
begin_one(void *context, const struct weir_delivery_due *due)
{
    struct beginning *all = context;
    struct weir_sender *sender = all->sender;
    struct flight *place = NULL;
    uint32_t to_host = 0, to_receiver = 0;
    uint64_t host = host_of(due->url);
    for (uint32_t i = 0; i < AT_ONCE; i++) {
        struct flight *flight = &sender->flights[i];
        if (flight->curl == NULL) {
            place = place == NULL ? flight : place;
            continue;
        }
        if (flight->number == due->number)
            return true;
        to_host += flight->host == host;
        to_receiver += flight->webhook == due->webhook;
    }
    if (to_receiver >= all->at_once || to_host >= AT_ONCE_HOST)
        return false;
    all->is_over = place == NULL || all->begun >= all->most ||
                   !take_off(sender, place, due, all->now);
    all->begun += !all->is_over;
    return !all->is_over;
}

/* Receivers in turns, from the one behind the last. */
static weir_status
begin(struct beginning *all, struct weir_error *err)
{
    struct weir_sender *sender = all->sender;
    weir_status status =
        weir__webhooks_due(sender->store, sender->after, all->now, AT_ONCE,
                           note_webhook, all, err);
    if (status == WEIR_OK && all->count == 0 && sender->after > 0) {
        sender->after = 0;
        status = weir__webhooks_due(sender->store, 0, all->now, AT_ONCE,
                                    note_webhook, all, err);
    }
    for (uint32_t i = 0; status == WEIR_OK && !all->is_over && i < all->count;
         i++) {
        all->at_once = all->failures[i] > 0 ? 1 : AT_ONCE_RECEIVER;
        status =
            weir__deliveries_due(sender->store, all->webhooks[i], all->now,
                                 2 * AT_ONCE_RECEIVER, begin_one, all, err);
        sender->after = all->webhooks[i];
    }
    return status;
}

/* -------------------------------------------------------------------- ending */

/* The answer as it is written down. */
static struct weir_delivery
conclude(const struct flight *flight, weir_time now, uint32_t status,
         uint32_t random)
{
    struct weir_delivery row = {
        .number = flight->number,
        .attempts = flight->attempts + 1,
        .last = now,
        .next = now,
        .http_status = status,
        .error = weir_span_of(status != 0 ? "" : flight->error),
        .state = WEIR_DELIVERY_WAITING,
    };
    if (status >= 200 && status < 300)
        row.state = WEIR_DELIVERY_DONE;
    else if (status == 410 || row.attempts >= WEIR_DELIVERY_ATTEMPTS_MAX)
        row.state = WEIR_DELIVERY_DEAD;
    else
        row.next = now + weir__delivery_wait(row.attempts, random);
    return row;
}

/* Whether it says of the receiver that it does not answer. */
static bool
is_away(uint32_t status)
{
    return status == 0 || status == 408 || status == 429 || status >= 500;
}

static weir_status
write_down(struct weir_sender *sender, struct flight *flight, weir_time now,
           bool *is_done_out, struct weir_error *err)
{
    uint8_t random[2] = {0};
    long status_code = 0;
    (void)!weir_random(&weir_control_env, random, sizeof random);
    uint32_t jitter = (uint32_t)random[0] << 8 | random[1];
    curl_easy_getinfo(flight->curl, CURLINFO_RESPONSE_CODE, &status_code);
    uint32_t http = (uint32_t)status_code;
    if (flight->code != CURLE_OK && http == 0 && flight->error[0] == '\0')
        snprintf(flight->error, sizeof flight->error, "%s",
                 curl_easy_strerror(flight->code));
    const struct weir_delivery row = conclude(flight, now, http, jitter);
    *is_done_out = row.state == WEIR_DELIVERY_DONE;
    weir_status status = weir__delivery_mark(sender->store, &row, err);
    if (status != WEIR_OK)
        return status;
    if (!is_away(http))
        return flight->failures == 0
                   ? WEIR_OK
                   : weir__webhook_mark(sender->store, flight->webhook, 0, 0, 0,
                                        err);
    uint32_t failures = flight->failures + 1;
    weir_time wait = weir__delivery_wait(failures, jitter);
    wait = wait < WEIR_RECEIVER_WAIT_MAX ? wait : WEIR_RECEIVER_WAIT_MAX;
    return weir__webhook_mark(sender->store, flight->webhook, failures,
                              now + wait, now - WEIR_DELIVERY_AGE_MAX, err);
}

/* All answers that came, in one transaction. */
static weir_status
end(struct weir_sender *sender, weir_time now, struct weir_sender_turn *turn,
    struct weir_error *err)
{
    CURLMsg *message;
    uint32_t ended = 0, done = 0;
    int left;
    while ((message = curl_multi_info_read(sender->multi, &left)) != NULL) {
        struct flight *flight = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
                          (char **)&flight);
        flight->has_ended = true;
        flight->code = message->data.result;
    }
    for (uint32_t i = 0; i < AT_ONCE; i++)
        ended += sender->flights[i].has_ended;
    if (ended == 0)
        return WEIR_OK;
    weir_status status = weir_store_begin(sender->store, err);
    if (status != WEIR_OK)
        return status;
    for (uint32_t i = 0; status == WEIR_OK && i < AT_ONCE; i++) {
        bool is_done = false;
        if (sender->flights[i].has_ended)
            status =
                write_down(sender, &sender->flights[i], now, &is_done, err);
        done += is_done;
    }
    if (status == WEIR_OK)
        status = weir_store_commit(sender->store, err);
    if (status != WEIR_OK) {
        weir_store_rollback(sender->store);
        return status; /* they have ended still, and are written down later */
    }
    for (uint32_t i = 0; i < AT_ONCE; i++) {
        if (sender->flights[i].has_ended)
            land(sender, &sender->flights[i]);
    }
    turn->tried += ended;
    turn->done += done;
    return WEIR_OK;
}

/* --------------------------------------------------------------------- whole */

static void
init_curl(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

weir_status
weir_sender_new(struct weir_store *store, struct weir_sender **sender_out,
                struct weir_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    struct weir_sender *sender = calloc(1, sizeof *sender);
    CURLM *multi = sender == NULL ? NULL : curl_multi_init();
    if (multi == NULL) {
        free(sender);
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    }
    sender->store = store;
    sender->multi = multi;
    *sender_out = sender;
    return WEIR_OK;
}

void
weir_sender_free(struct weir_sender *sender)
{
    if (sender == NULL)
        return;
    for (uint32_t i = 0; i < AT_ONCE; i++) {
        if (sender->flights[i].curl != NULL)
            land(sender, &sender->flights[i]);
    }
    curl_multi_cleanup(sender->multi);
    free(sender);
}

weir_status
weir_sender_turn(struct weir_sender *sender, weir_time now, uint32_t most,
                 int wait_ms, struct weir_sender_turn *turn_out,
                 struct weir_error *err)
{
    struct beginning all = {.sender = sender, .now = now, .most = most};
    struct weir_sender_turn turn = {0};
    int running = 0;
    weir_status status = WEIR_OK;
    if (sender->open < AT_ONCE && most > 0)
        status = begin(&all, err);
    if (sender->open > 0) {
        (void)curl_multi_perform(sender->multi, &running);
        if ((uint32_t)running == sender->open)
            (void)curl_multi_poll(sender->multi, NULL, 0, wait_ms, NULL);
        (void)curl_multi_perform(sender->multi, &running);
    }
    if (status == WEIR_OK)
        status = end(sender, now, &turn, err);
    turn.begun = all.begun;
    turn.open = sender->open;
    if (status == WEIR_OK)
        *turn_out = turn;
    return status;
}

weir_status
weir_deliver(struct weir_store *store, weir_time now, uint32_t most,
             struct weir_deliver_result *result_out, struct weir_error *err)
{
    struct weir_deliver_result result = {.next = WEIR_TIME_MAX};
    struct weir_sender *sender = NULL;
    uint32_t begun = 0;
    bool goes_on = true;
    weir_status status = weir_sender_new(store, &sender, err);
    while (status == WEIR_OK && goes_on) {
        struct weir_sender_turn turn = {0};
        status = weir_sender_turn(sender, now, most - begun, 100, &turn, err);
        begun += turn.begun;
        result.tried += turn.tried;
        result.done += turn.done;
        goes_on = turn.open > 0 || turn.begun > 0 || turn.tried > 0;
    }
    weir_sender_free(sender);
    if (status == WEIR_OK)
        status = weir__delivery_next(store, &result.waiting, &result.next, err);
    if (status == WEIR_OK)
        *result_out = result;
    return status;
}
