/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notices against a store on disk and a receiver on this machine that
 * answers what the test tells it.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/crypto.h>

#include <test.h>

#include "control/control.h"
#include "control/notices/parts.h"

#define NOW  (INT64_C(1795000000) * WEIR_US_PER_SEC)
#define MOST 16

struct receiver {
    int listener;
    uint16_t port;
    pthread_t thread;
    int statuses[MOST]; /* answers, one after the other; 0: close at once */
    int count;
    int seen;
    char requests[MOST][4096];
};

struct place {
    char directory[64];
    char url[64];
    struct weir_store *store;
    struct receiver receiver;
};

/* ----------------------------------------------------------------- receiver */

static void
read_request(int fd, char *text, size_t size)
{
    size_t len = 0;
    for (;;) {
        ssize_t got = read(fd, text + len, size - 1 - len);
        if (got <= 0)
            break;
        len += (size_t)got;
        text[len] = '\0';
        char *end = strstr(text, "\r\n\r\n");
        char *length = strcasestr(text, "content-length: ");
        if (end != NULL && length != NULL &&
            len >= (size_t)(end - text) + 4 + (size_t)atol(length + 16))
            break;
    }
}

static void *
receive(void *context)
{
    struct receiver *r = context;
    while (r->seen < r->count) {
        char answer[128];
        int fd = accept(r->listener, NULL, NULL);
        if (fd < 0)
            break;
        int status = r->statuses[r->seen];
        if (status != 0) {
            read_request(fd, r->requests[r->seen], sizeof r->requests[0]);
            int len = snprintf(answer, sizeof answer,
                               "HTTP/1.1 %d Answer\r\ncontent-length: 0\r\n"
                               "location: /elsewhere\r\n"
                               "connection: close\r\n\r\n",
                               status);
            (void)!write(fd, answer, (size_t)len);
        }
        r->seen++;
        close(fd);
    }
    return NULL;
}

static void
start(struct place *place, const int *statuses, int count)
{
    struct receiver *r = &place->receiver;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(r->listener, (void *)&address, sizeof address), 0);
    assert_int_equal(listen(r->listener, 8), 0);
    assert_int_equal(getsockname(r->listener, (void *)&address, &len), 0);
    r->port = ntohs(address.sin_port);
    memcpy(r->statuses, statuses, (size_t)count * sizeof *statuses);
    r->count = count;
    snprintf(place->url, sizeof place->url, "http://127.0.0.1:%u/hook",
             r->port);
    assert_int_equal(pthread_create(&r->thread, NULL, receive, r), 0);
}

static void
stop(struct place *place)
{
    shutdown(place->receiver.listener, SHUT_RDWR);
    pthread_join(place->receiver.thread, NULL);
    close(place->receiver.listener);
}

/* -------------------------------------------------------------------- places */

static void
open_place(struct place *place)
{
    struct weir_error err;
    memset(place, 0, sizeof *place);
    strcpy(place->directory, "/tmp/weir-notices-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    assert_ok(weir_store_open(place->directory, true, &place->store, &err));
}

static void
close_place(struct place *place)
{
    static const char *const files[] = {"weir.db", "weir.db-wal",
                                        "weir.db-shm"};
    weir_store_close(place->store);
    for (size_t i = 0; i < WEIR_COUNTOF(files); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", place->directory, files[i]);
        unlink(path);
    }
    rmdir(place->directory);
}

static const uint8_t SECRET[WEIR_WEBHOOK_SECRET_BYTES] = {7, 7, 7};

static void
add_webhook(struct place *place, const char *id, const char *tenant)
{
    struct weir_error err;
    const struct weir_webhook webhook = {.id = weir_span_of(id),
                                         .tenant = weir_span_of(tenant),
                                         .url = weir_span_of(place->url),
                                         .created = NOW,
                                         .created_by = WEIR_SPAN("local")};
    assert_ok(weir_webhook_add(place->store, &webhook, SECRET, &err));
}

static const struct weir_notice SUNSET = {
    .type = WEIR_SPAN(WEIR_NOTICE_MODEL_SUNSET),
    .tenant = WEIR_SPAN("fjordline"),
    .subject = WEIR_SPAN("aurora-mini"),
    .text = WEIR_SPAN("aurora-mini ends; use aurora-large"),
    .target = WEIR_SPAN("aurora-large"),
    .deadline = NOW + WEIR_US_PER_DAY,
    .reference = WEIR_SPAN("sunset:aurora-mini"),
};

static void
post(struct place *place, const struct weir_notice *notice,
     char id_out[WEIR_STORE_ID_MAX])
{
    struct weir_error err;
    assert_ok(weir_notice_post(place->store, notice, WEIR_SPAN("control"), NOW,
                               id_out, &err));
}

static struct weir_deliver_result
deliver(struct place *place, weir_time now)
{
    struct weir_error err;
    struct weir_deliver_result result;
    assert_ok(weir_deliver(place->store, now, 10, &result, &err));
    return result;
}

struct counted {
    int count;
    char id[WEIR_STORE_ID_MAX];
    weir_time acknowledged;
    enum weir_delivery_state state;
    uint32_t attempts;
    uint32_t http_status;
    int64_t number;
    char error[256];
};

static bool
count_notice(void *context, const struct weir_notice *row)
{
    struct counted *counted = context;
    counted->count++;
    snprintf(counted->id, sizeof counted->id, "%.*s", WEIR_SPAN_ARG(row->id));
    counted->acknowledged = row->acknowledged;
    return true;
}

static bool
count_delivery(void *context, const struct weir_delivery *row)
{
    struct counted *counted = context;
    counted->count++;
    counted->state = row->state;
    counted->attempts = row->attempts;
    counted->http_status = row->http_status;
    counted->number = row->number;
    snprintf(counted->error, sizeof counted->error, "%.*s",
             WEIR_SPAN_ARG(row->error));
    return true;
}

static struct counted
deliveries(struct place *place, enum weir_delivery_state state)
{
    struct weir_error err;
    struct counted counted = {0};
    assert_ok(weir_deliveries(place->store, state, 0, count_delivery, &counted,
                              &err));
    return counted;
}

/* --------------------------------------------------------------------- tests */

TEST(notices, a_reference_is_posted_once_for_each_tenant)
{
    struct place place;
    struct weir_error err;
    char first[WEIR_STORE_ID_MAX], second[WEIR_STORE_ID_MAX];
    struct weir_notice other = SUNSET;
    struct counted all = {0}, one = {0};
    struct weir_notice_filter filter = {.limit = 0};
    open_place(&place);
    post(&place, &SUNSET, first);
    post(&place, &SUNSET, second);
    assert_memory_equal(first, "ntc_", 4);
    assert_string_equal(second, "");
    other.tenant = WEIR_SPAN("harbour");
    post(&place, &other, second);
    assert_memory_equal(second, "ntc_", 4);
    assert_ok(weir_notices(place.store, &filter, count_notice, &all, &err));
    assert_int_equal(all.count, 2);
    filter.tenant = WEIR_SPAN("fjordline");
    assert_ok(weir_notices(place.store, &filter, count_notice, &one, &err));
    assert_int_equal(one.count, 1);
    assert_string_equal(one.id, first);
    close_place(&place);
}

TEST(notices, a_notice_without_tenant_type_or_text_is_refused)
{
    struct place place;
    struct weir_error err;
    open_place(&place);
    struct weir_notice rows[4] = {SUNSET, SUNSET, SUNSET, SUNSET};
    rows[0].tenant = WEIR_SPAN_NONE;
    rows[1].type = WEIR_SPAN("sunset");
    rows[2].text = WEIR_SPAN("\xff");
    rows[3].type = WEIR_SPAN("Model.Sunset");
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++)
        assert_int_equal(weir_notice_post(place.store, &rows[i], WEIR_SPAN("x"),
                                          NOW, NULL, &err),
                         WEIR_EPARSE);
    close_place(&place);
}

TEST(notices, a_notice_is_true_with_the_deed_it_tells_of_or_not_at_all)
{
    struct place place;
    struct weir_error err;
    struct counted counted = {0};
    struct weir_notice_filter filter = {.limit = 0};
    open_place(&place);
    assert_ok(weir_store_begin(place.store, &err));
    post(&place, &SUNSET, NULL);
    weir_store_rollback(place.store);
    assert_ok(weir_notices(place.store, &filter, count_notice, &counted, &err));
    assert_int_equal(counted.count, 0);
    close_place(&place);
}

TEST(notices, only_the_tenant_acknowledges_and_once)
{
    struct place place;
    struct weir_error err;
    char id[WEIR_STORE_ID_MAX];
    struct counted open = {0};
    struct weir_notice_filter filter = {.is_open = true};
    open_place(&place);
    post(&place, &SUNSET, id);
    weir_span name = weir_span_of(id);
    assert_int_equal(weir_notice_acknowledge(place.store, name,
                                             WEIR_SPAN("harbour"),
                                             WEIR_SPAN("wk_1"), NOW, &err),
                     WEIR_ENOTFOUND);
    assert_ok(weir_notice_acknowledge(place.store, name, WEIR_SPAN("fjordline"),
                                      WEIR_SPAN("wk_2"), NOW + 5, &err));
    assert_int_equal(weir_notice_acknowledge(place.store, name, WEIR_SPAN(""),
                                             WEIR_SPAN("wk_2"), NOW + 6, &err),
                     WEIR_ECONFLICT);
    assert_ok(weir_notices(place.store, &filter, count_notice, &open, &err));
    assert_int_equal(open.count, 0);
    filter.is_open = false;
    assert_ok(weir_notices(place.store, &filter, count_notice, &open, &err));
    assert_int_equal(open.acknowledged, NOW + 5);
    close_place(&place);
}

/* The example of the Standard Webhooks specification. */
TEST(notices, signature_is_that_of_standard_webhooks)
{
    char secret[24], text[WEIR__SIGNATURE_TEXT];
    size_t len;
    assert_true(
        weir_base64_decode(WEIR_SPAN("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
                           secret, sizeof secret, &len));
    weir__webhook_sign((weir_secret){secret, len},
                       WEIR_SPAN("msg_p5jXN8AQM9LWM0D4loKWxJek"), 1614265330,
                       WEIR_SPAN("{\"test\": 2432232314}"), text);
    assert_string_equal(text,
                        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(notices, webhooks_go_to_https_or_to_this_machine)
{
    static const struct {
        const char *url;
        bool is_fine;
    } rows[] = {
        {"https://hook.example/a?b=c", true},
        {"http://127.0.0.1:9000/a", true},
        {"http://localhost/a", true},
        {"http://[::1]:80", true},
        {"http://hook.example/", false},
        {"http://127.example.org/", false},
        {"http://localhost.example/", false},
        {"https://", false},
        {"https://user@hook.example/", false},
        {"https://hook.example/#x", false},
        {"https://hook.example/ x", false},
        {"ftp://hook.example/", false},
        {"file:///etc/passwd", false},
        {"", false},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        if (weir__webhook_is_url(weir_span_of(rows[i].url)) != rows[i].is_fine)
            fail_msg("%s", rows[i].url);
    }
}

TEST(notices, waits_grow_and_never_shrink_below_their_row)
{
    static const int64_t rows[] = {5, 30, 120, 600, 3600, 14400, 43200, 43200};
    for (uint32_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        int64_t low = rows[i] * WEIR_US_PER_SEC;
        assert_int_equal(weir__delivery_wait(i + 1, 0), low);
        assert_int_equal(weir__delivery_wait(i + 1, 0xffff), low + low / 10);
    }
}

TEST(notices, a_delivery_is_repeated_with_the_same_id_until_2xx)
{
    static const int statuses[] = {500, 0, 302, 200};
    struct place place;
    char id[WEIR_STORE_ID_MAX], header[80];
    open_place(&place);
    start(&place, statuses, 4);
    add_webhook(&place, "whk_1", "fjordline");
    add_webhook(&place, "whk_2", "harbour"); /* hears nothing of it */
    post(&place, &SUNSET, id);
    weir_time now = NOW;
    for (int i = 0; i < 4; i++) {
        struct weir_deliver_result result = deliver(&place, now);
        assert_int_equal(result.tried, 1);
        assert_int_equal(result.done, i == 3);
        assert_int_equal(result.waiting, i != 3);
        if (i < 3) {
            assert_true(result.next > now);
            assert_int_equal(deliver(&place, result.next - 1).tried, 0);
            now = result.next;
        }
    }
    stop(&place);
    struct counted done = deliveries(&place, WEIR_DELIVERY_DONE);
    assert_int_equal(done.count, 1);
    assert_int_equal(done.attempts, 4);
    assert_int_equal(done.http_status, 200);
    snprintf(header, sizeof header, "webhook-id: %s\r\n", id);
    assert_non_null(strstr(place.receiver.requests[0], header));
    assert_non_null(strstr(place.receiver.requests[3], header));
    assert_memory_equal(place.receiver.requests[3], "POST /hook ", 11);
    close_place(&place);
}

TEST(notices, what_arrives_is_signed_and_says_deadline_and_target)
{
    static const int statuses[] = {204};
    struct place place;
    char id[WEIR_STORE_ID_MAX], signature[WEIR__SIGNATURE_TEXT];
    open_place(&place);
    start(&place, statuses, 1);
    add_webhook(&place, "whk_1", "fjordline");
    post(&place, &SUNSET, id);
    assert_int_equal(deliver(&place, NOW + WEIR_US_PER_SEC).done, 1);
    stop(&place);
    const char *request = place.receiver.requests[0];
    const char *body = strstr(request, "\r\n\r\n") + 4;
    weir__webhook_sign((weir_secret){(const char *)SECRET, sizeof SECRET},
                       weir_span_of(id), NOW / WEIR_US_PER_SEC + 1,
                       weir_span_of(body), signature);
    assert_non_null(strstr(request, signature));
    assert_non_null(strstr(request, "webhook-timestamp: 1795000001\r\n"));
    assert_non_null(strstr(body, "\"type\":\"model.sunset\""));
    assert_non_null(strstr(body, "\"target\":\"aurora-large\""));
    assert_non_null(strstr(body, "\"deadline\":\"2026-11-19T"));
    close_place(&place);
}

TEST(notices, spent_attempts_and_410_are_dead_until_a_person_retries)
{
    static const int statuses[] = {500, 500, 500, 500, 500,
                                   500, 500, 500, 410, 200};
    struct place place;
    struct weir_error err;
    struct weir_notice second = SUNSET;
    open_place(&place);
    start(&place, statuses, 10);
    add_webhook(&place, "whk_1", "fjordline");
    post(&place, &SUNSET, NULL);
    weir_time now = NOW;
    for (int i = 0; i < WEIR_DELIVERY_ATTEMPTS_MAX; i++) {
        struct weir_deliver_result result = deliver(&place, now);
        assert_int_equal(result.tried, 1);
        now = i + 1 < WEIR_DELIVERY_ATTEMPTS_MAX ? result.next : now;
    }
    now += WEIR_RECEIVER_WAIT_MAX;
    assert_int_equal(deliver(&place, now).tried, 0);
    struct counted dead = deliveries(&place, WEIR_DELIVERY_DEAD);
    assert_int_equal(dead.count, 1);
    assert_int_equal(dead.attempts, WEIR_DELIVERY_ATTEMPTS_MAX);
    second.reference = WEIR_SPAN("another");
    post(&place, &second, NULL);
    assert_int_equal(deliver(&place, now).tried, 1);
    assert_int_equal(deliveries(&place, WEIR_DELIVERY_DEAD).count, 2);
    assert_ok(weir_delivery_retry(place.store, dead.number, now, &err));
    assert_int_equal(deliver(&place, now).done, 1);
    assert_int_equal(weir_delivery_retry(place.store, dead.number, now, &err),
                     WEIR_ENOTFOUND);
    stop(&place);
    close_place(&place);
}

TEST(notices, a_removed_webhook_is_called_no_more)
{
    struct place place;
    struct weir_error err;
    open_place(&place);
    strcpy(place.url, "http://127.0.0.1:9/nobody");
    add_webhook(&place, "whk_1", "fjordline");
    post(&place, &SUNSET, NULL);
    assert_int_equal(deliver(&place, NOW).waiting, 1); /* refused, waits */
    struct counted waiting = deliveries(&place, WEIR_DELIVERY_WAITING);
    assert_int_equal(waiting.http_status, 0);
    assert_true(waiting.error[0] != '\0');
    assert_ok(weir_webhook_remove(place.store, WEIR_SPAN("whk_1"), NOW, &err));
    assert_int_equal(
        weir_webhook_remove(place.store, WEIR_SPAN("whk_1"), NOW, &err),
        WEIR_ENOTFOUND);
    assert_int_equal(deliver(&place, NOW + WEIR_US_PER_DAY).tried, 0);
    assert_int_equal(deliveries(&place, WEIR_DELIVERY_DEAD).count, 1);
    assert_int_equal(
        weir_delivery_retry(place.store, waiting.number, NOW, &err),
        WEIR_ENOTFOUND);
    close_place(&place);
}

/* A receiver of `tenant` that takes connections and never answers. */
static int
add_silent(struct place *place, const char *id, const char *tenant)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    char before[sizeof place->url];
    int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(silent, (void *)&address, sizeof address), 0);
    assert_int_equal(listen(silent, 64), 0);
    assert_int_equal(getsockname(silent, (void *)&address, &len), 0);
    memcpy(before, place->url, sizeof before);
    snprintf(place->url, sizeof place->url, "http://127.0.0.1:%u/hook",
             ntohs(address.sin_port));
    add_webhook(place, id, tenant);
    memcpy(place->url, before, sizeof before);
    return silent;
}

static void
post_many(struct place *place, const char *tenant, int count)
{
    struct weir_notice notice = SUNSET;
    notice.tenant = weir_span_of(tenant);
    for (int i = 0; i < count; i++) {
        char reference[32];
        snprintf(reference, sizeof reference, "many:%d", i);
        notice.reference = weir_span_of(reference);
        post(place, &notice, NULL);
    }
}

TEST(notices, a_receiver_that_does_not_answer_delays_nobody_else)
{
    static const int statuses[] = {200, 200, 200, 200, 200, 200};
    struct place place;
    struct weir_error err;
    struct weir_sender *sender = NULL;
    struct weir_sender_turn turn = {0};
    uint32_t done = 0;
    open_place(&place);
    start(&place, statuses, 6);
    int silent = add_silent(&place, "whk_1", "fjordline");
    add_webhook(&place, "whk_2", "harbour");
    post_many(&place, "fjordline", 20);
    post_many(&place, "harbour", 6);
    assert_ok(weir_sender_new(place.store, &sender, &err));
    weir_time start = weir_control_now();
    while (done < 6 && weir_control_now() < start + 10 * WEIR_US_PER_SEC) {
        assert_ok(weir_sender_turn(sender, NOW, UINT32_MAX, 50, &turn, &err));
        done += turn.done;
    }
    assert_int_equal(done, 6);
    assert_int_equal(turn.open, 4); /* of the silent one, and no more */
    weir_sender_free(sender);
    /* What was on its way waits still, as if it had not been tried. */
    assert_int_equal(deliveries(&place, WEIR_DELIVERY_WAITING).count, 20);
    assert_int_equal(deliveries(&place, WEIR_DELIVERY_WAITING).attempts, 0);
    close(silent);
    stop(&place);
    close_place(&place);
}

TEST(notices, a_dead_receiver_waits_as_a_whole_and_is_tried_with_one)
{
    struct place place;
    struct weir_error err;
    open_place(&place);
    strcpy(place.url, "http://127.0.0.1:9/nobody");
    add_webhook(&place, "whk_1", "fjordline");
    post_many(&place, "fjordline", 10);
    struct weir_deliver_result result = deliver(&place, NOW);
    assert_int_equal(result.tried, 4);
    assert_int_equal(deliver(&place, NOW + WEIR_US_PER_SEC).tried, 0);
    /* Kept in the store: another process waits, too. */
    weir_store_close(place.store);
    assert_ok(weir_store_open(place.directory, true, &place.store, &err));
    assert_int_equal(deliver(&place, NOW + WEIR_US_PER_SEC).tried, 0);
    weir_time now = NOW + WEIR_RECEIVER_WAIT_MAX;
    assert_int_equal(deliver(&place, now).tried, 1);
    assert_int_equal(deliver(&place, now + WEIR_US_PER_SEC).tried, 0);
    /* Three days later it has what is left counted as dead. */
    now = NOW + WEIR_DELIVERY_AGE_MAX + WEIR_US_PER_SEC;
    assert_int_equal(deliver(&place, now).tried, 1);
    assert_int_equal(deliveries(&place, WEIR_DELIVERY_WAITING).count, 0);
    assert_int_equal(deliveries(&place, WEIR_DELIVERY_DEAD).count, 10);
    close_place(&place);
}
