/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/urls.h - which addresses a request may name for its origin to
 * fetch: pictures, files, servers.
 *
 * An origin fetches what it is given an address of, and so tells the host
 * when, and whatever a client wrote into the address. Who runs this gateway
 * may forbid that, or name the hosts.
 *
 * Threads: any. Memory: spans of the image, or of the world.
 */
#ifndef WEIR_URLS_H
#define WEIR_URLS_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_urls_mode {
    WEIR_URLS_ANY = 0,   /* of the public web */
    WEIR_URLS_NONE = 1,  /* bytes in the request alone */
    WEIR_URLS_HOSTS = 2, /* these, and all below them */
    WEIR_URLS_MODES      /* how many */
};

struct weir_urls {
    uint32_t mode;   /* enum weir_urls_mode */
    weir_span hosts; /* of HOSTS: each in small letters, ended by a line feed */
};

/* Most bytes of `hosts`. */
#define WEIR_URLS_BYTES_MAX 32768

/* Whether a host (without port, any letters) may be named. NULL: any may. */
bool weir_urls_allow(const struct weir_urls *addresses, weir_span host);
/* "allow", "data_only" or "hosts": of weir.yaml. */
const char *weir_urls_name(uint32_t mode);
/* What can stand in `hosts`: a name or an address of four numbers, in small
 * letters, without port, without a dot at either end. */
bool weir_urls_is_host(weir_span host);

#ifdef __cplusplus
}
#endif
#endif
