/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches by POST: spans to a collector, events to a webhook.
 *
 * WHAT AN ANSWER MEANS. A collector that says 429, 502, 503 or 504 wants the
 * same again, after retry-after where it names that (OTLP 1.3); any other
 * refusal is for good, and the batch is left out and counted. A webhook's
 * receiver has the events only when it says 2xx: nothing is left out.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/config.h"
#include "control/egress/egress.h"
#include "control/notices/parts.h"
#include "control/telemetry/parts.h"

#define CONNECT_MS 5000L
#define WHOLE_MS   15000L
#define ANSWER_MAX ((size_t)64 << 10)
#define BODY_MAX   ((size_t)8 << 20)
#define SECRET_MAX 4096

struct posting {
    CURL *curl;
    struct curl_slist *headers;
    struct weir_buf body;
    struct weir_buf answer;
    char error[CURL_ERROR_SIZE];
    long status;
    curl_off_t retry_s;
};

static size_t
on_answer(char *bytes, size_t size, size_t count, void *context)
{
    struct weir_buf *answer = context;
    if (answer->len + size * count <= ANSWER_MAX)
        weir_buf_add(answer, bytes, size * count);
    return size * count; /* the rest is not looked at */
}

static bool
add_header(struct posting *posting, const char *name, const char *value)
{
    char line[SECRET_MAX + 256];
    snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(posting->headers, line);
    weir_wipe(line, sizeof line);
    if (longer != NULL)
        posting->headers = longer;
    return longer != NULL;
}

/* -------------------------------------------------------------- credential */

/* The first line: a header's value may have blanks ("Bearer .."). */
static weir_status
read_secret(const struct weir__rules *rules, char text_out[SECRET_MAX],
            struct weir_error *err)
{
    struct weir_buf buf;
    struct weir_world_reference reference = {rules->secret_kind,
                                             weir_span_of(rules->secret)};
    weir_buf_init_fixed(&buf, text_out, SECRET_MAX - 1);
    weir_status status = weir_config_reference(&reference, true, &buf, err);
    text_out[status == WEIR_OK ? buf.len : 0] = '\0';
    text_out[strcspn(text_out, "\r\n")] = '\0';
    for (const char *c = text_out; status == WEIR_OK && *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                               "the credential has a character that no "
                               "header may have");
    return status;
}

/* Standard Webhooks: the key is the base64 behind whsec_. */
static weir_status
sign(struct posting *posting, const char *secret, struct weir_error *err)
{
    static const char start[] = "whsec_";
    char key[256], seconds[32], id[WEIR_STORE_ID_MAX];
    char signature[WEIR__SIGNATURE_TEXT];
    size_t len = 0;
    int64_t now = weir_control_now() / WEIR_US_PER_SEC;
    if (strncmp(secret, start, sizeof start - 1) != 0 ||
        !weir_base64_decode(weir_span_of(secret + sizeof start - 1), key,
                            sizeof key, &len) ||
        len < 16)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "the secret is not whsec_ and base64 of 16 bytes or "
                         "more");
    weir_status status = weir_control_id("evt_", id, err);
    if (status != WEIR_OK)
        return status;
    weir__webhook_sign((weir_secret){key, len}, weir_span_of(id), now,
                       weir_buf_span(&posting->body), signature);
    weir_wipe(key, sizeof key);
    snprintf(seconds, sizeof seconds, "%lld", (long long)now);
    if (!add_header(posting, "webhook-id", id) ||
        !add_header(posting, "webhook-timestamp", seconds) ||
        !add_header(posting, "webhook-signature", signature))
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    return WEIR_OK;
}

static weir_status
show_credential(struct posting *posting, const struct weir__rules *rules,
                struct weir_error *err)
{
    char secret[SECRET_MAX];
    if (rules->secret_kind == WEIR_CREDENTIAL_NONE)
        return WEIR_OK;
    weir_status status = read_secret(rules, secret, err);
    if (status == WEIR_OK && rules->kind == WEIR_EXPORTER_WEBHOOK)
        status = sign(posting, secret, err);
    else if (status == WEIR_OK && !add_header(posting, rules->header, secret))
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    weir_wipe(secret, sizeof secret);
    return status;
}

/* -------------------------------------------------------------------- body */

static bool
write_body(struct posting *posting, const struct weir__rules *rules,
           const struct weir__batch *batch)
{
    char when[WEIR_TIME_TEXT];
    struct weir_buf *out = &posting->body;
    weir_span items = {batch->text.ptr, batch->text.len};
    if (rules->kind == WEIR_EXPORTER_TRACES)
        return weir__otlp_wrap(rules, items, out);
    weir_time_format(weir_control_now(), when);
    weir_buf_addf(out,
                  "{\"type\":\"weir.events\",\"timestamp\":\"%s\","
                  "\"data\":{\"events\":[",
                  when);
    weir_buf_add_span(out, items);
    weir_buf_addf(out, "]}}");
    return !out->overflow;
}

static weir_status
send_it(struct posting *posting, const struct weir__rules *rules,
        struct weir_error *err)
{
    CURL *curl = posting->curl;
    curl_easy_setopt(curl, CURLOPT_URL, rules->target);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, WHOLE_MS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, posting->headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     (curl_off_t)posting->body.len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, posting->body.ptr);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, posting->error);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &posting->answer);
    weir_status status = weir_egress_curl(curl, WEIR_EGRESS_TELEMETRY,
                                          WEIR_SPAN_NONE, rules->target, err);
    if (status != WEIR_OK)
        return status;
    if (rules->ca[0] != '\0') {
        curl_easy_setopt(curl, CURLOPT_CAINFO, rules->ca);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL); /* these and no other */
    }
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%.180s: %.200s",
                         rules->target,
                         posting->error[0] != '\0' ? posting->error
                                                   : curl_easy_strerror(code));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &posting->status);
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &posting->retry_s);
    return WEIR_OK;
}

/* {"partialSuccess":{"rejectedSpans":"3","errorMessage":".."}} */
static uint64_t
rejected(const struct posting *posting)
{
    json_t *answer =
        json_loadb(posting->answer.ptr == NULL ? "" : posting->answer.ptr,
                   posting->answer.len, 0, NULL);
    json_t *count = json_object_get(json_object_get(answer, "partialSuccess"),
                                    "rejectedSpans");
    uint64_t number = 0;
    if (json_is_integer(count) && json_integer_value(count) > 0)
        number = (uint64_t)json_integer_value(count);
    else if (json_is_string(count))
        (void)weir_span_to_u64(weir_span_of(json_string_value(count)), &number);
    json_decref(answer);
    return number;
}

static enum weir__delivered
judge(const struct posting *posting, const struct weir__rules *rules,
      uint64_t *unwanted_out, struct weir_error *err)
{
    long status = posting->status;
    bool is_traces = rules->kind == WEIR_EXPORTER_TRACES;
    if (status >= 200 && status < 300) {
        *unwanted_out = is_traces ? rejected(posting) : 0;
        return WEIR__DELIVERED;
    }
    (void)weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%.180s answered %ld",
                    rules->target, status);
    return !is_traces || status == 429 || status == 502 || status == 503 ||
                   status == 504
               ? WEIR__LATER
               : WEIR__UNWANTED;
}

enum weir__delivered
weir__http_deliver(struct weir__sink *sink, const struct weir__rules *rules,
                   const struct weir__batch *batch, uint64_t *unwanted_out,
                   struct weir_error *err)
{
    struct posting posting = {.curl = curl_easy_init()};
    enum weir__delivered end = WEIR__LATER;
    weir_buf_init(&posting.body, BODY_MAX);
    weir_buf_init(&posting.answer, ANSWER_MAX);
    *unwanted_out = 0;
    weir_status status =
        posting.curl != NULL && write_body(&posting, rules, batch) &&
                add_header(&posting, "content-type", "application/json")
            ? WEIR_OK
            : weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (status == WEIR_OK)
        status = show_credential(&posting, rules, err);
    if (status == WEIR_OK)
        status = send_it(&posting, rules, err);
    if (status == WEIR_OK) {
        end = judge(&posting, rules, unwanted_out, err);
        sink->wait_us = posting.retry_s > 0 && posting.retry_s < 3600
                            ? (weir_time)posting.retry_s * WEIR_US_PER_SEC
                            : 0;
    }
    curl_slist_free_all(posting.headers);
    if (posting.curl != NULL)
        curl_easy_cleanup(posting.curl);
    weir_buf_fini(&posting.body);
    weir_buf_fini(&posting.answer);
    return end;
}
