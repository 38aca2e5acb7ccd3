/* SPDX-License-Identifier: Apache-2.0 */
/* What a webhook is sent and where: addresses, bodies, signatures, waits. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>

#include "control/control.h"
#include "control/notices/parts.h"

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
