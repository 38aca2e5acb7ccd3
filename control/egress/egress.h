/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/egress/egress.h - the ways out of the house.
 *
 * A way is a row of `egress:`: trust anchors, a client's certificate, a
 * proxy. nginx gets the ways of origins with its configuration; what control
 * itself asks outside - tokens, webhooks, witnesses, timestamps, telemetry -
 * goes through weir_egress_curl().
 *
 * Threads: weir_egress_follow() and weir_egress_curl() from any; the others
 * read a world that its owner holds still. Memory: what is followed is
 * copied.
 */
#ifndef WEIR_CONTROL_EGRESS_H
#define WEIR_CONTROL_EGRESS_H

#include <curl/curl.h>

#include <weir/world.h>

/* What an origin is reached with: its own members before its way's. */
struct weir_egress_plan {
    struct weir_world_tls tls;
    const struct weir_world_proxy *proxy; /* NULL: none */
    weir_span way;                        /* name of the row; empty: none */
};

/* The way of that name, the default where `name` is empty; NULL: none,
 * "none", or not there (which the check of a configuration refuses). */
const struct weir_world_egress *weir_egress_find(const struct weir_world *world,
                                                 weir_span name);
/* Whether the proxy is gone around for this host: `example.org` is itself and
 * all below it, `192.0.2.0/24` the addresses in it. */
bool weir_egress_is_excepted(const struct weir_world *world,
                             const struct weir_world_proxy *proxy,
                             weir_span host);
struct weir_egress_plan
weir_egress_plan_of(const struct weir_world *world,
                    const struct weir_world_origin *origin);

/* A word for the credentials file: "egress/NAME"; also of the fault when a
 * proxy's credential lacks. */
#define WEIR_EGRESS_CREDENTIAL "egress/"

/* Changes with the file's content: for texts that must differ when it does.
 * 0: not there. */
uint64_t weir_egress_stamp(weir_span path);

/* Every way, what it names and who names it; config_check_outside() calls
 * it. Files that cannot be read or hold no certificate, a key that does not
 * fit, two defaults, unknown names, addresses pinned behind a proxy. */
void weir_egress_check(const struct weir_world *world,
                       struct weir_faults *faults);
/* Certificates that have ended, or will within 14 days. */
void weir_egress_doubts(const struct weir_world *world, weir_time now,
                        struct weir_faults *doubts);

/* ------------------------------------------------------ what control asks */

enum weir_egress_use {
    WEIR_EGRESS_NAMED = 0, /* by its name; empty: the default */
    WEIR_EGRESS_NOTICES,
    WEIR_EGRESS_TRANSPARENCY,
    WEIR_EGRESS_TELEMETRY,
};

/* The ways of a world that comes into force, copied. ENOMEM: those before
 * stay. */
WEIR_MUST_USE weir_status weir_egress_follow(const struct weir_world *world,
                                             struct weir_error *err);
/*
 * Sets anchors, certificate, least version and proxy of a handle for a URL.
 * Certificates and names are always verified. Without ways, and before the
 * first weir_egress_follow(), the handle stays as it is. ENOTFOUND, EIO,
 * ...: the proxy's credential cannot be had; the text names the reference.
 */
WEIR_MUST_USE weir_status weir_egress_curl(CURL *curl, enum weir_egress_use use,
                                           weir_span name, const char *url,
                                           struct weir_error *err);

#endif
