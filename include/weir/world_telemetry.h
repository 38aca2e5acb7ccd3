/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/world_telemetry.h - where signals go besides weir's own books:
 * `telemetry:` of the main file. docs/formats/telemetry.md.
 *
 * Memory: texts are the world's.
 */
#ifndef WEIR_WORLD_TELEMETRY_H
#define WEIR_WORLD_TELEMETRY_H

#include <weir/base.h>
#include <weir/world_parts.h>

/* What leads there. */
enum weir_exporter_kind {
    WEIR_EXPORTER_NONE = 0,
    WEIR_EXPORTER_TRACES,  /* OTLP over HTTP: spans */
    WEIR_EXPORTER_FILE,    /* the others: OCSF events, one JSON each */
    WEIR_EXPORTER_SYSLOG,  /* RFC 5424 */
    WEIR_EXPORTER_WEBHOOK, /* several in one POST, signed */
};

/* What an exporter of events is told of. */
#define WEIR_EXPORT_CALLS    1u /* that were admitted */
#define WEIR_EXPORT_REFUSALS 2u /* and those that were not */
#define WEIR_EXPORT_ACTS     4u /* deeds of people and of control */
#define WEIR_EXPORT_CASES    8u /* findings: history of cases, watch steps */

#define WEIR_EXPORTERS_MAX   8

struct weir_world_exporter {
    struct weir_place place;
    weir_span name; /* of its place in the journal; "traces" for spans */
    enum weir_exporter_kind kind;
    weir_span target; /* URL, path, or udp:// tcp:// tls:// unix: */
    weir_span host;   /* of syslog; empty: a Unix socket */
    uint32_t port;    /* of syslog */
    weir_span ca;     /* PEM; empty: the system's */
    weir_span header; /* that carries the credential; traces */
    struct weir_world_reference secret; /* its value; webhook: whsec_... */
    uint32_t of;                        /* WEIR_EXPORT_ bits */
    uint32_t share_ppm;    /* of traces; those with an error always */
    uint64_t rotate_bytes; /* of a file */
    uint32_t keep;         /* files besides the one that is written */
};

#endif
