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
 * SIGNED as Standard Webhooks has it: HMAC-SHA256 over id, time and body,
 * with a secret of its own for each webhook. The time is that of the
 * attempt, so that an old recording cannot be played back later.
 *
 * WHAT IT DOES NOT DO. It follows no redirect (a receiver that moved says
 * so to a person), reads no more of an answer than its status, and sends no
 * content of calls: a notice has none.
 */
#include <curl/curl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>

#include "control/control.h"
#include "control/notices/parts.h"

#define CONNECT_MS     5000L
#define WHOLE_MS       15000L
#define BODY_BYTES_MAX ((size_t)1 << 16)
#define DUE_BYTES_MAX  ((size_t)1 << 16)

/* ------------------------------------------------------------------- address */

static bool
is_url_byte(char c)
{
    return c > ' ' && c < 0x7f && c != '#' && c != '@' && c != '\\' &&
           c != '"' && c != '<' && c != '>';
}

bool
weir__webhook_is_url(weir_span url)
{
    static const weir_span loopback[] = {
        {"http://127.", 11}, {"http://localhost", 16}, {"http://[::1]", 12}};
    bool is_known = weir_span_starts(url, WEIR_SPAN("https://")) && url.len > 8;
    for (size_t i = 0; i < url.len; i++) {
        if (!is_url_byte(url.ptr[i]))
            return false;
    }
    for (size_t i = 0; !is_known && i < WEIR_COUNTOF(loopback); i++) {
        if (!weir_span_starts(url, loopback[i]))
            continue;
        /* "http://127.example.org" and "http://localhost.example" are not. */
        size_t at = loopback[i].len;
        while (
            i == 0 && at < url.len &&
            (url.ptr[at] == '.' || (url.ptr[at] >= '0' && url.ptr[at] <= '9')))
            at++;
        is_known = at == url.len || url.ptr[at] == ':' || url.ptr[at] == '/';
    }
    return is_known && url.len <= WEIR_WEBHOOK_URL_MAX;
}

/* ---------------------------------------------------------------------- body */

static void
set_text(json_t *object, const char *name, weir_span text)
{
    if (text.len > 0)
        json_object_set_new(object, name, json_stringn(text.ptr, text.len));
}

static void
set_time(json_t *object, const char *name, weir_time when)
{
    char text[WEIR_TIME_TEXT];
    weir_time_format(when, text);
    json_object_set_new(object, name, json_string(text));
}

void
weir__notice_body(const struct weir_notice *notice, struct weir_buf *out)
{
    json_t *data = json_object();
    json_t *body = json_object();
    set_text(data, "id", notice->id);
    set_text(data, "tenant", notice->tenant);
    set_text(data, "key", notice->key);
    set_text(data, "subject", notice->subject);
    set_text(data, "text", notice->text);
    set_text(data, "reason", notice->reason);
    set_text(data, "target", notice->target);
    set_text(data, "link", notice->link);
    if (notice->deadline != 0)
        set_time(data, "deadline", notice->deadline);
    set_text(body, "type", notice->type);
    set_time(body, "timestamp", notice->created);
    json_object_set_new(body, "data", data);
    char *text = json_dumps(body, JSON_COMPACT);
    if (text != NULL)
        weir_buf_add_span(out, weir_span_of(text));
    free(text);
    json_decref(body);
}

void
weir__webhook_sign(weir_secret secret, weir_span id, int64_t seconds,
                   weir_span body, char text_out[WEIR__SIGNATURE_TEXT])
{
    struct weir_hmac hmac;
    weir_digest digest;
    char time[32];
    int len = snprintf(time, sizeof time, ".%lld.", (long long)seconds);
    weir_hmac_init(&hmac, secret);
    weir_hmac_add(&hmac, id.ptr, id.len);
    weir_hmac_add(&hmac, time, (size_t)len);
    weir_hmac_add(&hmac, body.ptr, body.len);
    weir_hmac_final(&hmac, &digest);
    memcpy(text_out, "v1,", 3);
    size_t used = weir_base64_encode(
        (weir_span){(const char *)digest.bytes, sizeof digest.bytes},
        text_out + 3);
    text_out[3 + used] = '\0';
}

weir_time
weir__delivery_wait(uint32_t attempts, uint32_t random)
{
    static const int64_t seconds[] = {5, 30, 120, 600, 3600, 14400, 43200};
    size_t at = attempts == 0 ? 0 : attempts - 1;
    if (at >= WEIR_COUNTOF(seconds))
        at = WEIR_COUNTOF(seconds) - 1;
    int64_t wait = seconds[at] * WEIR_US_PER_SEC;
    return wait + wait / 10 * (int64_t)(random & 0xffff) / 0xffff;
}

/* ------------------------------------------------------------------- sending */

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
            weir_time now, weir_span body)
{
    char signature[WEIR__SIGNATURE_TEXT], seconds[32];
    int64_t second = now / WEIR_US_PER_SEC;
    snprintf(seconds, sizeof seconds, "%lld", (long long)second);
    weir__webhook_sign(
        (weir_secret){(const char *)due->secret, sizeof due->secret},
        due->notice.id, second, body, signature);
    return add_header(list, "content-type: %s", "application/json") &&
           add_header(list, "webhook-id: %s", due->notice.id.ptr) &&
           add_header(list, "webhook-timestamp: %s", seconds) &&
           add_header(list, "webhook-signature: %s", signature);
}

/* The status, or 0 and why in `error`. */
static uint32_t
post(const struct weir_delivery_due *due, weir_time now, weir_span body,
     char error[CURL_ERROR_SIZE])
{
    size_t left = BODY_BYTES_MAX;
    long status = 0;
    struct curl_slist *headers = NULL;
    CURL *curl = curl_easy_init();
    error[0] = '\0';
    if (curl == NULL || !add_headers(&headers, due, now, body)) {
        snprintf(error, CURL_ERROR_SIZE, "out of memory");
        goto done;
    }
    curl_easy_setopt(curl, CURLOPT_URL, due->url.ptr);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, WHOLE_MS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.ptr);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &left);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK && status == 0 && error[0] == '\0')
        snprintf(error, CURL_ERROR_SIZE, "%s", curl_easy_strerror(code));
    if (status != 0)
        error[0] = '\0';
done:
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return (uint32_t)status;
}

static void
conclude(const struct weir_delivery_due *due, weir_time now, uint32_t status,
         const char *error, struct weir_delivery *row_out)
{
    uint8_t random[2] = {0};
    (void)!weir_random(&weir_control_env, random, sizeof random);
    *row_out = (struct weir_delivery){
        .number = due->number,
        .attempts = due->attempts + 1,
        .last = now,
        .next = now,
        .http_status = status,
        .error = weir_span_of(error),
        .state = WEIR_DELIVERY_WAITING,
    };
    if (status >= 200 && status < 300)
        row_out->state = WEIR_DELIVERY_DONE;
    else if (status == 410 || row_out->attempts >= WEIR_DELIVERY_ATTEMPTS_MAX)
        row_out->state = WEIR_DELIVERY_DEAD;
    else
        row_out->next =
            now + weir__delivery_wait(row_out->attempts,
                                      (uint32_t)random[0] << 8 | random[1]);
}

/* One that is due; false in *is_there_out when none is. */
static weir_status
deliver_one(struct weir_store *store, weir_time now, bool *is_there_out,
            bool *is_done_out, struct weir_error *err)
{
    struct weir_delivery_due due;
    struct weir_delivery row;
    struct weir_arena arena;
    struct weir_buf body;
    char error[CURL_ERROR_SIZE];
    weir_arena_init_heap(&arena, DUE_BYTES_MAX);
    weir_buf_init(&body, BODY_BYTES_MAX);
    weir_status status =
        weir__delivery_due(store, now, &arena, &due, is_there_out, err);
    if (status == WEIR_OK && *is_there_out) {
        weir__notice_body(&due.notice, &body);
        weir_buf_add_byte(&body, '\0');
        weir_span text = {body.ptr, body.overflow ? 0 : body.len - 1};
        uint32_t http = post(&due, now, text, error);
        conclude(&due, now, http, error, &row);
        *is_done_out = row.state == WEIR_DELIVERY_DONE;
        status = weir__delivery_mark(store, &row, err);
        weir_wipe(due.secret, sizeof due.secret);
    }
    weir_buf_fini(&body);
    weir_arena_fini(&arena);
    return status;
}

static void
init_curl(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

weir_status
weir_deliver(struct weir_store *store, weir_time now, uint32_t most,
             struct weir_deliver_result *result_out, struct weir_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct weir_deliver_result result = {.next = WEIR_TIME_MAX};
    weir_status status = WEIR_OK;
    bool is_there = true;
    pthread_once(&once, init_curl);
    while (status == WEIR_OK && is_there && result.tried < most) {
        bool is_done = false;
        status = deliver_one(store, now, &is_there, &is_done, err);
        result.tried += status == WEIR_OK && is_there;
        result.done += is_done;
    }
    if (status == WEIR_OK)
        status = weir__delivery_next(store, &result.waiting, &result.next, err);
    if (status == WEIR_OK)
        *result_out = result;
    return status;
}
