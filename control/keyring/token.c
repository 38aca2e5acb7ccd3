/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token from the server that gives them: one form out, one JSON back, as
 * OAuth 2.0 has it (RFC 6749, RFC 7523). What a server says beside a token
 * is told to the operator by its `error` word alone: descriptions repeat
 * what was sent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <jansson.h>

#include <weir/crypto.h>

#include "control/egress/egress.h"
#include "control/keyring/parts.h"

#define CONNECT_MS     10000L
#define WHOLE_MS       30000L
#define LIFE_S_DEFAULT 300 /* of a token that does not say */
#define LIFE_S_MOST    INT64_C(604800)

static size_t
on_answer(char *bytes, size_t size, size_t count, void *context)
{
    struct weir_buf *answer = context;
    weir_buf_add(answer, bytes, size * count);
    return answer->overflow ? 0 : size * count;
}

void
weir__keyring_form(struct weir_buf *form, const char *name, weir_span value)
{
    static const char digits[] = "0123456789ABCDEF";
    static const char plain[] = "-._~";
    if (form->len > 0)
        weir_buf_add_byte(form, '&');
    weir_buf_addf(form, "%s=", name);
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            (c >= '0' && c <= '9') || (c != '\0' && strchr(plain, c))) {
            weir_buf_add_byte(form, c);
            continue;
        }
        weir_buf_add_byte(form, '%');
        weir_buf_add_byte(form, digits[(uint8_t)c >> 4]);
        weir_buf_add_byte(form, digits[(uint8_t)c & 15]);
    }
}

weir_status
weir__keyring_check(weir_span secret, const char *what, struct weir_error *err)
{
    for (size_t i = 0; i < secret.len; i++)
        if ((unsigned char)secret.ptr[i] <= 0x20 || secret.ptr[i] == 0x7f)
            return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                             "%s has a blank or a control character in it",
                             what);
    return secret.len > 0 ? WEIR_OK
                          : weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                                      "%s is empty", what);
}

/* A word of the protocol; anything else is not repeated. */
static bool
is_word(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && len < 48 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz_") == len;
}

static weir_status
read_answer(const char *host, long http, weir_span body, weir_time now,
            struct weir_gained *gained, struct weir_error *err)
{
    json_t *root =
        json_loadb(body.ptr == NULL ? "" : body.ptr, body.len, 0, NULL);
    const char *token =
        json_string_value(json_object_get(root, "access_token"));
    const char *word = json_string_value(json_object_get(root, "error"));
    const json_t *life = json_object_get(root, "expires_in");
    int64_t seconds = json_is_integer(life)  ? json_integer_value(life)
                      : json_is_string(life) ? atoll(json_string_value(life))
                                             : LIFE_S_DEFAULT;
    weir_status status = WEIR_OK;
    if (http != 200 || token == NULL)
        status = weir_fail(err, WEIR_EUPSTREAM, WEIR_OFFSET_NONE,
                           "%s gave no token: status %ld%s%s", host, http,
                           word != NULL && is_word(word) ? ", " : "",
                           word != NULL && is_word(word) ? word : "");
    else
        status = weir__keyring_check(weir_span_of(token), "the token", err);
    if (status == WEIR_OK && (seconds <= 0 || seconds > LIFE_S_MOST))
        status = weir_fail(err, WEIR_EUPSTREAM, WEIR_OFFSET_NONE,
                           "%s gave a token that lasts %lld s", host,
                           (long long)seconds);
    if (status == WEIR_OK) {
        weir_buf_add_span(gained->secret, weir_span_of(token));
        gained->until = now + seconds * WEIR_US_PER_SEC;
    }
    json_decref(root);
    return status;
}

/* "https://login.example:8443/path" without its path, for messages. */
static void
host_of(const char *url, char host_out[128])
{
    const char *start = strstr(url, "://");
    start = start == NULL ? url : start + 3;
    snprintf(host_out, 128, "%.*s", (int)strcspn(start, "/"), start);
}

weir_status
weir__keyring_fetch(const char *url, weir_span egress, weir_span form,
                    weir_time now, struct weir_gained *gained,
                    struct weir_error *err)
{
    char memory[WEIR_KEYRING_SECRET_MAX], host[128];
    char error[CURL_ERROR_SIZE] = "";
    struct weir_buf answer;
    long http = 0;
    CURL *curl = curl_easy_init();
    if (curl == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    host_of(url, host);
    weir_buf_init_fixed(&answer, memory, sizeof memory);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, WHOLE_MS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)form.len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form.ptr);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    weir_status status =
        weir_egress_curl(curl, WEIR_EGRESS_NAMED, egress, url, err);
    CURLcode code =
        status == WEIR_OK ? curl_easy_perform(curl) : CURLE_FAILED_INIT;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http);
    status =
        status != WEIR_OK ? status
        : code == CURLE_OPERATION_TIMEDOUT
            ? weir_fail(err, WEIR_ETIMEOUT, WEIR_OFFSET_NONE,
                        "%s did not answer in time", host)
        : code != CURLE_OK
            ? weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%s: %s", host,
                        error[0] != '\0' ? error : curl_easy_strerror(code))
            : read_answer(host, http, weir_buf_span(&answer), now, gained, err);
    curl_easy_cleanup(curl);
    weir_wipe(memory, sizeof memory);
    return status;
}
