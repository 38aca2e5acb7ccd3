/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/reports/inventory/outside.h - AI that is used beside the gateway,
 * found in logs that others keep: of a proxy, of a name server, of a firewall.
 *
 * A line is read as time, client and host; a host that the endpoint list has
 * is counted by day, client and host. Nothing else of a log is kept: no URL,
 * no query, no user agent.
 *
 * Threads: one owner. Memory: its own; spans of a line point into it.
 */
#ifndef WEIR_OUTSIDE_H
#define WEIR_OUTSIDE_H

#include <jansson.h>

#include <weir/base.h>
#include <weir/world.h>

#include "control/reports/parts.h"

/* ----------------------------------------------------------- endpoints */

#define WEIR_ENDPOINTS_MAX 20000
#define WEIR_HOST_MAX      253

struct weir_endpoint {
    weir_span host; /* small letters; one '*' or none */
    weir_span provider;
    weir_span kind;
    uint8_t first[16]; /* of a network in place of a host */
    uint8_t last[16];
    bool is_network;
};
struct weir_endpoints;

/* With the rows that weir ships. ENOMEM. */
WEIR_MUST_USE weir_status weir_endpoints_new(
    struct weir_endpoints **endpoints_out, struct weir_error *err);
void weir_endpoints_free(struct weir_endpoints *endpoints);
/* Adds rows "host,provider,kind" (a host may be an address or a network); they
 * win over those before. '#' begins a comment, a first line "host,.." is a
 * head. EPARSE: err says the line. */
WEIR_MUST_USE weir_status weir_endpoints_add(struct weir_endpoints *endpoints,
                                             weir_span text,
                                             struct weir_error *err);
/* NULL: not an endpoint of AI. Any case, a dot at the end is no difference. */
const struct weir_endpoint *
weir_endpoints_find(const struct weir_endpoints *endpoints, weir_span host);
size_t weir_endpoints_count(const struct weir_endpoints *endpoints);

/* --------------------------------------------------------------- lines */

enum weir_outside_format {
    WEIR_OUTSIDE_UNKNOWN = 0, /* told by the first lines */
    WEIR_OUTSIDE_SQUID = 1,   /* access.log, native or common */
    WEIR_OUTSIDE_BIND = 2,    /* query log */
    WEIR_OUTSIDE_DNSMASQ = 3, /* log-queries */
    WEIR_OUTSIDE_CSV = 4,     /* head: time, client, host [, bytes, requests] */
};
bool weir_outside_format_parse(weir_span text,
                               enum weir_outside_format *format_out);
const char *weir_outside_format_name(enum weir_outside_format format);

#define WEIR_OUTSIDE_COLUMNS_MAX 64
struct weir_outside_reader {
    enum weir_outside_format format;
    weir_time now; /* lines without a year are of the year before it */
    bool has_head; /* of CSV */
    int time, client, host, bytes, requests; /* columns of CSV; -1: none */
};

struct weir_outside_line {
    weir_time when; /* 0: the line does not say */
    weir_span client;
    weir_span host;
    uint64_t bytes;
    uint64_t requests;
};

enum weir_outside_result {
    WEIR_OUTSIDE_LINE,
    WEIR_OUTSIDE_OTHER, /* says nothing of a use: an answer, a start */
    WEIR_OUTSIDE_BAD
};
enum weir_outside_result weir_outside_read(struct weir_outside_reader *reader,
                                           weir_span line,
                                           struct weir_outside_line *line_out);

/* --------------------------------------------------------------- files */

#define WEIR_OUTSIDE_LINE_MAX 65536
#define WEIR_OUTSIDE_OWN_MAX  64 /* networks */

struct weir_outside_import {
    const struct weir_endpoints *endpoints;
    struct weir_outside_reader reader;
    struct weir_world_network own[WEIR_OUTSIDE_OWN_MAX]; /* the gateway's */
    uint32_t own_count;

    struct weir__report_rows rows; /* day, client, host, provider, kind,
                                      requests, bytes, first_us, last_us */
    uint64_t lines;
    uint64_t other;
    uint64_t bad;
    uint64_t matched;
    uint64_t ours; /* of the gateway's own networks: not counted */
    char digest[65];
};

/* One file; its rows are added. EIO, ENOTFOUND; EPARSE: no format fits. */
WEIR_MUST_USE weir_status weir_outside_file(struct weir_outside_import *import,
                                            const char *path,
                                            struct weir_error *err);
/* One line of it, as the file's reader does. */
void weir_outside_take(struct weir_outside_import *import, weir_span line);

/* --------------------------------------------------------------- store */

struct weir_outside_row {
    weir_span import; /* digest of the file, hex */
    weir_span source; /* what the operator calls the log */
    weir_time day;
    weir_span client;
    weir_span host;
    weir_span provider;
    weir_span kind;
    int64_t requests;
    int64_t bytes;
    weir_time first;
    weir_time last;
};
/* The same row of the same import is kept once. Inside a transaction. */
WEIR_MUST_USE weir_status weir_store_outside_add(
    struct weir_store *store, const struct weir_outside_row *row,
    struct weir_error *err);
/* Rows of days in [from, to), by day. */
typedef bool weir_store_on_outside(void *context,
                                   const struct weir_outside_row *row);
WEIR_MUST_USE weir_status weir_store_outside(struct weir_store *store,
                                             weir_time from, weir_time to,
                                             weir_store_on_outside *on_row,
                                             void *context,
                                             struct weir_error *err);

#endif
