/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses in prompts: whether anybody may read what lies there, and whether
 * the operator lets its host be named.
 *
 * What Google's API gives addresses to (files of the account) is not public
 * however it is spelled; its object store, storage.googleapis.com, is read
 * without an account there.
 */
#include "common.h"

#include <string.h>

static bool
is_host(weir_span host)
{
    static const char signs[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789.-_:[]";
    for (size_t i = 0; i < host.len; i++)
        if (memchr(signs, host.ptr[i], sizeof(signs) - 1) == NULL)
            return false;
    return host.len > 0;
}

static bool
ends_nocase(weir_span text, weir_span end)
{
    return text.len >= end.len &&
           weir_span_equal_nocase(
               (weir_span){text.ptr + text.len - end.len, end.len}, end);
}

static bool
starts_nocase(weir_span text, weir_span start)
{
    return text.len >= start.len &&
           weir_span_equal_nocase((weir_span){text.ptr, start.len}, start);
}

/* Empty: it is no address of the web. */
static weir_span
host_of(weir_span address)
{
    size_t scheme = starts_nocase(address, WEIR_SPAN("https://"))  ? 8
                    : starts_nocase(address, WEIR_SPAN("http://")) ? 7
                                                                   : 0;
    if (scheme == 0)
        return WEIR_SPAN_NONE;
    weir_span host = {address.ptr + scheme, 0};
    while (scheme + host.len < address.len &&
           memchr("/?#", host.ptr[host.len], 3) == NULL)
        host.len++;
    if (!is_host(host))
        return WEIR_SPAN_NONE;
    const char *port = memchr(host.ptr, ':', host.len);
    if (port != NULL && host.ptr[0] != '[')
        host.len = (size_t)(port - host.ptr);
    while (host.len > 0 && host.ptr[host.len - 1] == '.')
        host.len--;
    return host;
}

static bool
is_public(weir_span host)
{
    if (weir_span_equal_nocase(host, WEIR_SPAN("storage.googleapis.com")))
        return true;
    return host.len > 0 && !ends_nocase(host, WEIR_SPAN("googleapis.com")) &&
           !weir_span_equal_nocase(host, WEIR_SPAN("storage.cloud.google.com"));
}

/* Some clients put an image's base64 where its address belongs: too long for
 * a name of a file, and no path to one. */
bool
weir_address_is_bytes(weir_span text)
{
    size_t near = text.len < 256 ? text.len : 256;
    for (size_t i = 0; i < near; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
              (c >= 'a' && c <= 'z') || c == '+' || c == '/' || c == '='))
            return false;
    }
    return near == 256 && memmem(text.ptr, near, "files/", 6) == NULL;
}

bool
weir_address_is_data(weir_span text)
{
    return starts_nocase(text, WEIR_SPAN("data:"));
}

enum weir_address
weir_address_judge(weir_span text, const struct weir_urls *urls)
{
    weir_span host = host_of(text);
    if (!is_public(host))
        return WEIR_ADDRESS_UNKNOWN;
    return weir_urls_allow(urls, host) ? WEIR_ADDRESS_FITS
                                       : WEIR_ADDRESS_FORBIDDEN;
}
