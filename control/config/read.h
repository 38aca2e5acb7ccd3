/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From nodes to rows by tables: a field is a key, a member and how to read
 * it. Unknown keys are faults that name the nearest known one.
 */
#ifndef WEIR_CONFIG_READ_H
#define WEIR_CONFIG_READ_H

#include "yaml.h"

struct reader {
    struct weir_world *world;
    struct weir_faults *faults;
    weir_span dir; /* of the file, absolute, without slash at the end */
    bool is_main;  /* settings are read here only */
};

typedef void read_fn(struct reader *r, const struct yaml_node *node,
                     void *member);

struct field {
    const char *key;
    read_fn *read;
    size_t offset;
};

#define FIELD(key, read, type, member)                                         \
    {                                                                          \
        key, read, offsetof(type, member)                                      \
    }

/* The keys of a mapping into `row`; `what` names it in faults. */
void read_fields(struct reader *r, const struct yaml_node *node,
                 const char *what, const struct field *fields, size_t count,
                 void *row);
/* The same for a row that begins with its struct weir_place; names that are
 * missing get the row's place. */
void read_row(struct reader *r, const struct yaml_node *node, const char *what,
              const struct field *fields, size_t count, void *row);
/* True when `node` is a list; a fault otherwise. */
bool is_list(struct reader *r, const struct yaml_node *node, const char *what);
/* A fault at the node. */
void read_fault(struct reader *r, const struct yaml_node *node,
                const char *advice, const char *what);

/* A text of one character at least, copied into the world; or a fault. */
bool read_text_value(struct reader *r, const struct yaml_node *node,
                     weir_span *text_out);
/* `path` below the file's directory unless absolute, in the world. */
weir_span read_join(struct reader *r, weir_span path);

read_fn read_text;    /* weir_span */
read_fn read_path;    /* weir_span, absolute */
read_fn read_name;    /* struct weir_world_name */
read_fn read_names;   /* struct weir_world_range of names */
read_fn read_bool;    /* bool: true, false */
read_fn read_u32;     /* uint32_t */
read_fn read_ms;      /* uint32_t: "500 ms", "2 s", "5 min", "1 h", "1 d" */
read_fn read_us;      /* weir_time, the same */
read_fn read_bytes;   /* uint64_t: "4096 B", "64 KiB", "20 MiB", "1 GiB" */
read_fn read_bytes32; /* uint32_t, the same */
read_fn read_time;    /* weir_time: a date or an RFC 3339 time */
read_fn read_seconds; /* int64_t seconds, the same text */
read_fn read_money;   /* weir_micros */
read_fn read_share;   /* weir_share: text or [low, high] */

read_fn read_credential; /* struct weir_world_credential */
read_fn read_operations; /* uint32_t: bits */

/* A price wherever it stands. */
struct read_price_row {
    struct weir_price price;
    uint32_t stated;
    struct weir_world_range changes;
    bool has_price;
    weir_span version;
    weir_span currency;
};
void read_price_into(struct reader *r, const struct yaml_node *node,
                     struct read_price_row *row_out);

read_fn read_limits_of; /* struct weir_world_range of limits: {x_per_y: n} */
read_fn read_zone;      /* uint32_t: a zone's row plus 1; "UTC" is 0 */
read_fn read_ppm;       /* uint32_t: "12.5%" */

/* The sections. */
read_fn read_groups;
read_fn read_budgets;
read_fn read_makers;
read_fn read_catalogue;
read_fn read_blocs;
read_fn read_providers;
read_fn read_models;
read_fn read_regions;
read_fn read_origins;
read_fn read_deployments;
read_fn read_routes;
read_fn read_organisations;
read_fn read_lists;
read_fn read_rules;
read_fn read_tenants;
read_fn read_terms;
read_fn read_contracts;
read_fn read_objectives;

read_fn read_notices;
read_fn read_listens;
read_fn read_admin;
read_fn read_limits;
read_fn read_journal;
read_fn read_nginx;
read_fn read_geo;
read_fn read_log;
read_fn read_signals;
read_fn read_clients;
read_fn read_pins; /* of a deployment */
read_fn read_withdrawal;
read_fn read_translation;
read_fn read_files;
read_fn read_batches;
read_fn read_transparency;
read_fn read_content;
read_fn read_reference; /* struct weir_world_reference */
read_fn read_seller;
read_fn read_onboarding;
read_fn read_watch;
read_fn read_exchanges; /* of the watch */
read_fn read_telemetry;
read_fn read_filters;
read_fn read_cache;
read_fn read_queue;        /* struct weir_image_queue */
read_fn read_tenant_share; /* struct weir_image_share */
read_fn read_route_cache;  /* uint32_t: seconds, or `none` */
read_fn read_tenant_cache; /* struct weir_image_share: its flags */
read_fn read_hit;          /* of a struct weir_world_model */
read_fn read_references;
read_fn read_urls_of; /* struct weir_world_urls */
read_fn read_classifiers;
read_fn read_tool_servers;
read_fn read_timeouts;   /* struct weir_world_origin */
read_fn read_breaker;    /* struct weir_health_rule */
read_fn read_on_failure; /* uint32_t: enum weir_image_failure */
read_fn read_url;        /* struct weir_world_origin */
read_fn read_tls_out;    /* struct weir_world_tls of an origin */
read_fn read_egress;
read_fn read_is_watched; /* `watch: false` of a row, as is_unwatched */

extern const struct weir_health_rule read_usual_breaker;

/*
 * What origins, classifiers and servers of tools have in common once their
 * entry is read. `kind` ("classifier", "tools") makes the origin row's name
 * kind/NAME; NULL keeps it. A token is asked for by the way that calls take,
 * unless `credential` names its own.
 */
void read_reached(struct reader *r, const char *kind, weir_span name,
                  struct weir_place place, struct weir_world_origin *origin);

/* "host", "host:80", "[::1]", "[::1]:80"; port 0: none written. */
bool read_authority(weir_span authority, weir_span *host_out,
                    uint32_t *port_out);
/* "host:port" */
bool read_address(struct reader *r, const struct yaml_node *node,
                  weir_span *host_out, uint32_t *port_out);

#endif
