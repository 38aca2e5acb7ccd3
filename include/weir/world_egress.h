/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/world_egress.h - how what is outside is reached: trust anchors, client
 * certificates, proxies. `egress:` of a configuration, and the `tls:` of an
 * origin beside it. docs/formats/weir.yaml.md.
 *
 * Memory: texts are the world's and end with a NUL.
 */
#ifndef WEIR_WORLD_EGRESS_H
#define WEIR_WORLD_EGRESS_H

#include <weir/base.h>
#include <weir/world_parts.h>

/* Of the way's own and of the one that an origin adds, what the origin says
 * counts, pair by pair. */
struct weir_world_tls {
    weir_span ca;          /* PEM; empty: the system's */
    bool adds_system;      /* `ca` besides the system's, not instead */
    weir_span certificate; /* that weir shows, PEM; empty: none */
    weir_span key;         /* of it */
    weir_span name; /* asked for and verified; empty: the host's. Origins */
    bool is_13;     /* TLS 1.3 at least; else 1.2 */
    bool has_least; /* `minimum` was written */
};

struct weir_world_proxy {
    weir_span host; /* empty: none */
    uint32_t port;
    bool is_tls;  /* the connection to the proxy itself */
    weir_span ca; /* PEM, of the proxy; empty: the system's */
    struct weir_world_reference credential; /* user:password; NONE: none */
    struct weir_world_range except;         /* names: hosts and networks reached
                                       without it */
};

struct weir_world_egress {
    struct weir_place place;
    weir_span name;
    bool is_default; /* of all that names none */
    struct weir_world_tls tls;
    struct weir_world_proxy proxy;
};

/* Which way out control takes for what; empty: the default. */
struct weir_egress_uses {
    struct weir_world_name notices;      /* webhooks of customers */
    struct weir_world_name transparency; /* witnesses, timestamps */
    struct weir_world_name telemetry;    /* traces, events */
};

#endif
