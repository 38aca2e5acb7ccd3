/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ways out for what control itself asks.
 *
 * WHY ONE TABLE OF THE PROCESS. The way out belongs to the process as the
 * proxy variables of an environment do, which it replaces: those who send
 * webhooks, fetch tokens and ask witnesses run in threads of their own, each
 * with no more of the configuration in hand than its task needs.
 *
 * WHY A CREDENTIAL IS READ EACH TIME. These are few calls a minute; a password
 * that changes counts with the next one, and none lies in memory between.
 */
#include "control/egress/egress.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>

#include "control/config/config.h"

#define SYSTEM_CA    "/etc/ssl/certs/ca-certificates.crt"
#define SYSTEM_PATH  "/etc/ssl/certs"
#define PASSWORD_MAX 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct weir_world *ways; /* of which only egress counts; under `lock` */

/* -------------------------------------------------------------------- copy */

static void
copy_names(struct weir_world *copy, const struct weir_world *world,
           struct weir_world_range *range)
{
    uint32_t first = copy->name_count;
    for (uint32_t i = 0; i < range->count; i++) {
        struct weir_world_name *name = weir_world_add_name(copy);
        if (name == NULL)
            return;
        name->text = weir_arena_copy(&copy->arena,
                                     world->name_rows[range->first + i].text);
    }
    range->first = first;
}

static void
copy_row(struct weir_world *copy, const struct weir_world *world,
         const struct weir_world_egress *row)
{
    struct weir_world_egress *way = weir_world_add_egress(copy);
    if (way == NULL)
        return;
    *way = *row;
    weir_span *texts[] = {&way->name,
                          &way->tls.ca,
                          &way->tls.certificate,
                          &way->tls.key,
                          &way->proxy.host,
                          &way->proxy.ca,
                          &way->proxy.credential.value};
    for (size_t i = 0; i < WEIR_COUNTOF(texts); i++)
        *texts[i] = weir_arena_copy(&copy->arena, *texts[i]);
    copy_names(copy, world, &way->proxy.except);
}

weir_status
weir_egress_follow(const struct weir_world *world, struct weir_error *err)
{
    struct weir_world *copy = weir_world_new();
    if (copy == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    for (uint32_t i = 0; i < world->egress_count; i++)
        copy_row(copy, world, &world->egress_rows[i]);
    const struct weir_egress_uses *uses = &world->settings.egress;
    copy->settings.egress.notices.text =
        weir_arena_copy(&copy->arena, uses->notices.text);
    copy->settings.egress.transparency.text =
        weir_arena_copy(&copy->arena, uses->transparency.text);
    copy->settings.egress.telemetry.text =
        weir_arena_copy(&copy->arena, uses->telemetry.text);
    if (copy->arena.overflow) {
        weir_world_free(copy);
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    }
    pthread_mutex_lock(&lock);
    struct weir_world *before = ways;
    ways = copy;
    pthread_mutex_unlock(&lock);
    weir_world_free(before);
    return WEIR_OK;
}

/* ---------------------------------------------------------------- a handle */

/* "https://host:port/path" -> host */
static weir_span
host_of(const char *url)
{
    const char *start = strstr(url, "://");
    start = start == NULL ? url : start + 3;
    if (*start == '[')
        return (weir_span){start + 1, strcspn(start + 1, "]")};
    return (weir_span){start, strcspn(start, ":/?#")};
}

static void
set_tls(CURL *curl, const struct weir_world_tls *tls)
{
    curl_easy_setopt(
        curl, CURLOPT_SSLVERSION,
        (long)(tls->is_13 ? CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2));
    if (tls->ca.len > 0) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, tls->ca.ptr);
        curl_easy_setopt(curl, CURLOPT_CAPATH,
                         tls->adds_system ? SYSTEM_PATH : NULL);
    }
    if (tls->certificate.len > 0) {
        curl_easy_setopt(curl, CURLOPT_SSLCERT, tls->certificate.ptr);
        curl_easy_setopt(curl, CURLOPT_SSLKEY, tls->key.ptr);
    }
}

static weir_status
set_proxy(CURL *curl, const struct weir_world_proxy *proxy,
          struct weir_error *err)
{
    char url[320], password[PASSWORD_MAX];
    struct weir_buf buf;
    bool is_v6 = memchr(proxy->host.ptr, ':', proxy->host.len) != NULL;
    snprintf(url, sizeof url, "%s://%s%.*s%s:%u",
             proxy->is_tls ? "https" : "http", is_v6 ? "[" : "",
             WEIR_SPAN_ARG(proxy->host), is_v6 ? "]" : "", proxy->port);
    curl_easy_setopt(curl, CURLOPT_PROXY, url);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
    curl_easy_setopt(curl, CURLOPT_HTTPPROXYTUNNEL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY_CAINFO,
                     proxy->ca.len > 0 ? proxy->ca.ptr : SYSTEM_CA);
    curl_easy_setopt(curl, CURLOPT_PROXY_CAPATH, NULL);
    if (proxy->credential.kind == WEIR_CREDENTIAL_NONE)
        return WEIR_OK;
    weir_buf_init_fixed(&buf, password, sizeof password - 1);
    weir_status status =
        weir_config_reference(&proxy->credential, false, &buf, err);
    if (status == WEIR_OK) {
        password[buf.len] = '\0';
        curl_easy_setopt(curl, CURLOPT_PROXYAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_PROXYUSERPWD, password);
    }
    weir_wipe(password, sizeof password);
    return status;
}

weir_status
weir_egress_curl(CURL *curl, enum weir_egress_use use, weir_span name,
                 const char *url, struct weir_error *err)
{
    weir_status status = WEIR_OK;
    pthread_mutex_lock(&lock);
    if (ways != NULL && ways->egress_count > 0) {
        const struct weir_egress_uses *uses = &ways->settings.egress;
        weir_span wanted = use == WEIR_EGRESS_NOTICES ? uses->notices.text
                           : use == WEIR_EGRESS_TRANSPARENCY
                               ? uses->transparency.text
                           : use == WEIR_EGRESS_TELEMETRY ? uses->telemetry.text
                                                          : name;
        const struct weir_world_egress *way = weir_egress_find(ways, wanted);
        bool has_proxy =
            way != NULL && way->proxy.host.len > 0 &&
            !weir_egress_is_excepted(ways, &way->proxy, host_of(url));
        if (way != NULL)
            set_tls(curl, &way->tls);
        if (has_proxy)
            status = set_proxy(curl, &way->proxy, err);
        else
            curl_easy_setopt(curl, CURLOPT_PROXY, "");
    }
    pthread_mutex_unlock(&lock);
    return status;
}
