/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/world.h - the sources as read: what an image is compiled from.
 *
 * Plain rows with their place (file, line, column), filled by whoever reads
 * a source (control/config from YAML, control/store for keys), checked by
 * weir_world_check(), compiled by weir_image_compile(). References between
 * rows are names; the `_row` beside a name is filled by the check.
 *
 * Threads: one owner. Memory: one heap arena in the world; every span and
 * row lives there until weir_world_free(). Adding to a list moves it:
 * pointers to rows do not survive the next weir_world_add_*().
 * Secrets: a world names credentials; it never holds one.
 */
#ifndef WEIR_WORLD_H
#define WEIR_WORLD_H

#include <weir/base.h>
#include <weir/catalog.h>
#include <weir/image.h>
#include <weir/parties.h>
#include <weir/world_egress.h>
#include <weir/world_parties.h>
#include <weir/world_parts.h>
#include <weir/world_telemetry.h>
#include <weir/world_tools.h>

/* A source of more than this (all files together, arena included) is
 * refused with ETOOBIG: a million organisations fit. */
#define WEIR_WORLD_BYTES_MAX ((size_t)2 << 30)

/* ------------------------------------------------------------ faults */

struct weir_fault {
    struct weir_place place;
    weir_span text;   /* what is wrong, one clause */
    weir_span advice; /* what to do, one sentence */
};

/* Every fault, in the order found; beyond WEIR_FAULTS_MAX only counted. */
#define WEIR_FAULTS_MAX 1000

struct weir_faults {
    struct weir_arena arena;
    struct weir_fault *rows;
    uint32_t count; /* kept */
    uint32_t capacity;
    uint32_t total; /* found */
};

void weir_faults_init(struct weir_faults *faults);
void weir_faults_fini(struct weir_faults *faults);
/* `advice` is copied. */
void weir_faults_add(struct weir_faults *faults, struct weir_place place,
                     const char *advice, const char *format, ...)
    WEIR_PRINTF(4, 5);
/* "file:line:col: text" and, on the next line, two blanks and the advice. */
void weir_faults_write(const struct weir_faults *faults, struct weir_buf *out);

/* -------------------------------------------------------------- rows */

struct weir_world_bloc {
    struct weir_place place;
    weir_span name;
    weir_span title;
    struct weir_world_range members; /* names: jurisdictions or blocs */
};

struct weir_world_provider {
    struct weir_place place;
    weir_span name;
    weir_span title;
    struct weir_world_name origin; /* jurisdiction */
};

/* Rates that are other at some times, for some calls. */
struct weir_world_change {
    struct weir_place place;
    struct weir_price_change change;
    weir_span version; /* empty: that of the price */
};

struct weir_world_model {
    struct weir_place place;
    weir_span name;
    weir_span title;
    struct weir_world_name provider;
    weir_span family; /* empty: the model's own name */
    weir_span tier;
    weir_span weights; /* "open", "closed" or the operator's own word */
    weir_span licence;
    struct weir_world_name origin; /* jurisdiction */
    weir_span currency;            /* empty: the seller's */
    weir_span price_version;
    struct weir_price price; /* filled: see stated */
    uint32_t stated;         /* WEIR_RATE_BIT each */
    struct weir_world_range changes;
    bool has_price;
    bool opens_when_stale;
    bool is_unwatched;
    uint32_t output_tokens_max;       /* 0: 4096 */
    uint32_t operations;              /* bit per enum weir_operation; 0: chat,
                                   responses, complete */
    int64_t created;                  /* seconds */
    weir_span terms;                  /* NAME or NAME@VERSION of `terms:` */
    weir_time deprecated;             /* 0: not */
    weir_time sunset;                 /* refused from then on; 0: never */
    struct weir_world_name successor; /* model or alias; empty: none */
    weir_span more;                   /* URL about its end; empty: none */
    struct weir_image_hit hit;        /* read where `has_hit` */
    bool has_hit;                     /* an answer from the cache has a price */
    struct weir_factor factor;        /* what was learned, if anything was */
};

/* ------------------------------------------------------------ catalogue */

/* Who makes models, with what every entry of his inherits. */
struct weir_world_maker {
    struct weir_place place;
    weir_span name;
    weir_span title;
    struct weir_world_name origin; /* jurisdiction; empty: not known */
    weir_span terms;               /* the same; empty: not agreed */
    weir_span licence;             /* of models with closed weights */
    weir_span open_licence;        /* of models with open weights */
    weir_span source;              /* of the origin */
    weir_span as_of;
    struct weir_world_range matches; /* names: for the importer only */
};

/* Where somebody offers it, as the import found it; facts for people. */
struct weir_world_host {
    weir_span name;
    weir_span id; /* the model's name there */
    weir_span status;
    struct weir_price price;
    uint32_t stated;
    struct weir_world_range changes;
    bool has_price;
};

/*
 * An entry of the catalogue: known, and served when a deployment names it
 * and nothing is lacking. The check then adds a row to the models (and the
 * maker to the providers) unless one of that name is declared.
 */
struct weir_world_listing {
    struct weir_place place;
    weir_span name;
    weir_span title;
    weir_span maker; /* a maker or provider; empty: not known */
    weir_span family;
    weir_span tier;
    weir_span weights;
    weir_span licence;
    weir_span terms;
    weir_span status;              /* active, beta, deprecated, retired */
    struct weir_world_name origin; /* jurisdiction; empty: the maker's */
    weir_span currency;
    weir_span price_version;
    struct weir_price price;
    uint32_t stated;
    struct weir_world_range changes;
    bool has_price;
    uint32_t output_tokens_max;
    uint32_t operations;
    int64_t created;
    weir_time deprecated;
    weir_time sunset;
    struct weir_world_name successor;
    weir_span more;
    struct weir_world_range hosts;
    uint32_t lacks; /* filled by the check: WEIR_LACKS_* */
    uint32_t model; /* row that serves it, or WEIR_INDEX_NONE */
};

struct weir_world_region {
    struct weir_place place;
    weir_span name;
    struct weir_world_name jurisdiction;
};

/* What stands behind the reference, and what becomes of it. */
enum weir_credential_form {
    WEIR_CREDENTIAL_TEXT = 0,            /* it is what the origin hears */
    WEIR_CREDENTIAL_AWS = 1,             /* signs each request */
    WEIR_CREDENTIAL_SERVICE_ACCOUNT = 2, /* is exchanged for a token */
    WEIR_CREDENTIAL_ENTRA = 3            /* the same, of a directory */
};

struct weir_world_credential {
    struct weir_place place;
    enum weir_credential_kind kind;
    weir_span value; /* the reference, never the secret. AWS: the secret key,
                      * or, without `access_key`, JSON as AWS' programs print
                      * it; SERVICE_ACCOUNT: its JSON; ENTRA: the secret */
    enum weir_credential_form form;
    struct weir_world_reference access_key;    /* AWS */
    struct weir_world_reference session_token; /* AWS; NONE: none */
    weir_span region;                          /* AWS */
    weir_span service;                         /* AWS: "bedrock" */
    weir_span tenant;                          /* ENTRA: the directory */
    weir_span client;                          /* ENTRA */
    weir_span authority; /* ENTRA: https://login.example, no slash behind */
    weir_span scope;     /* of tokens */
    uint32_t every_ms;   /* how often a command is run */
    weir_span egress;    /* of its server of tokens; empty: the origin's */
};

struct weir_world_origin {
    struct weir_place place;
    weir_span name;
    weir_span dialect;   /* "openai" */
    weir_span scheme;    /* from `url` */
    weir_span host;      /* without brackets and port */
    weir_span authority; /* host[:port] as written */
    weir_span prefix;    /* "/v1"; no slash at the end */
    uint32_t port;
    struct weir_world_credential credential;
    struct weir_world_tls tls;
    struct weir_world_name egress; /* empty: the default */
    uint32_t connect_ms;
    uint32_t first_byte_ms;
    uint32_t idle_ms;
    uint32_t keepalive; /* idle connections kept by a worker */
};

/* Addresses from `first` to `last`; IPv4 is mapped into IPv6. */
struct weir_world_network {
    struct weir_place place;
    uint8_t first[16];
    uint8_t last[16];
};
/* "192.0.2.0/24", "2001:db8::/32", "192.0.2.7": false when it is none. */
bool weir_network_parse(weir_span text, uint8_t first_out[16],
                        uint8_t last_out[16]);

/* An autonomous system whose networks are of machines. */
struct weir_world_system {
    struct weir_place place;
    uint32_t number;
    bool is_found; /* the database has a network of it */
};

/* SHA-256 of a SubjectPublicKeyInfo. */
struct weir_world_digest {
    struct weir_place place;
    uint8_t bytes[32];
};

/* What an origin's reply says of itself, and must say. */
struct weir_world_claim {
    struct weir_place place;
    weir_span header; /* empty: not asked; lower case */
    weir_span value;
    bool must; /* a reply that does not say is wrong too */
};

struct weir_world_pins {
    struct weir_world_claim region;
    struct weir_world_claim operated_by;
    struct weir_world_range certificates; /* digests: the origin's own key */
    struct weir_world_range authorities;  /* digests: a key above it */
    struct weir_world_range networks;
};

struct weir_world_deployment {
    struct weir_place place;
    weir_span name;
    weir_span cloud;
    weir_span origin_model; /* empty: the model's name */
    struct weir_world_name model;
    struct weir_world_name origin;
    struct weir_world_name region;
    struct weir_world_name stored_in;   /* jurisdiction */
    struct weir_world_name operated_by; /* organisation */
    struct weir_world_pins pins;
    struct weir_health_rule health; /* all 0: never passed over */
    struct weir_image_queue queue;
    bool has_price; /* its own; else its model's */
    struct weir_price price;
    uint32_t stated;
    struct weir_world_range changes;
    weir_span price_version;
    weir_span currency;
};

struct weir_world_candidate {
    struct weir_world_name name; /* a deployment, or a model: all of its */
    bool is_model;
    uint32_t weight; /* 0: not given */
    uint32_t tier;   /* greatest score that its tier serves; 0: no tier */
};

/* A deployment that some of a route's calls are tried on. */
struct weir_world_trial {
    struct weir_world_name name; /* deployment; empty: none */
    uint32_t ppm;
};

struct weir_world_route {
    struct weir_place place;
    weir_span name;
    enum weir_route_mode mode;
    struct weir_world_range candidates;
    uint32_t deadline_ms;  /* 0: the default of the settings */
    uint32_t attempts_max; /* 0: the default */
    uint32_t model;        /* filled by the check when the name is a model's */
    uint32_t cache_s;      /* 0: not said; WEIR_CACHE_NEVER */
    struct weir_world_trial canary;
    struct weir_world_trial shadow; /* gets copies of permitted calls */
    bool charges_shadow;            /* to the caller's tenant; else nobody's */
    bool is_shadow;    /* made of another's `shadow`: only copies take it */
    uint32_t escalate; /* WEIR_ESCALATE_* */
};

struct weir_world_limit {
    struct weir_place place;
    enum weir_metric metric;
    uint32_t window; /* weir_quota_window */
    int64_t amount;
};

/* -------------------------------------------------------- budgets */

/* A cluster of accounts, as the operator draws it. */
struct weir_world_group {
    struct weir_place place;
    weir_span name;
    weir_span title;
    struct weir_world_range organisations; /* names */
    struct weir_world_range tenants;
    struct weir_world_range projects; /* tenant/project */
    struct weir_world_range keys;     /* ids; of unknown ones nothing is said */
    weir_span cluster; /* of the watch: its tenants are in it, too */
    struct weir_world_range listed; /* where `is_joined`: tenants as written */
    bool is_joined;
};

/* When the clocks of a zone change. */
struct weir_world_shift {
    weir_time from;
    int64_t offset_s;
};

struct weir_world_zone {
    weir_span name;
    struct weir_world_range shifts;
};

struct weir_world_reserve {
    struct weir_place place;
    uint32_t of; /* ORGANISATION, TENANT, PROJECT or KEY */
    struct weir_world_name name;
    uint32_t ppm; /* of each limit */
};

struct weir_world_alert {
    struct weir_place place;
    uint32_t ppm;
};

/* weir/budget.h */
struct weir_world_budget {
    struct weir_place place;
    weir_span name;
    uint32_t of; /* enum weir_budget_of */
    struct weir_world_name of_name;
    weir_span end_customer;         /* empty: any */
    struct weir_world_range models; /* names; none: any */
    uint32_t each;                  /* enum weir_budget_each */
    uint32_t zone;                  /* row plus 1; 0: UTC */
    bool is_soft;
    struct weir_world_range limits;
    struct weir_world_range alerts;
    struct weir_world_range reserves;
};

struct weir_world_tenant {
    struct weir_place place;
    weir_span name;
    weir_span title;
    struct weir_world_name organisation;
    bool hides_address;
    bool is_unwatched; /* no features of its calls are recorded */
    weir_span payment; /* what it pays with, as declared; is only compared */
    enum weir_end_customer end_customer;
    struct weir_world_range limits;
    struct weir_image_share share; /* weight 0: not said, as most */
    struct weir_world_urls urls;
};

struct weir_world_project {
    struct weir_place place;
    weir_span name; /* unique within the tenant */
    struct weir_world_name tenant;
    struct weir_world_range limits;
    weir_span tags; /* "team=search,cost_center=42" */
};

/* From the store. Its Cedar entity is Key::"<id>". */
struct weir_world_key {
    struct weir_place place;
    weir_span id;
    uint8_t digest[32];
    weir_span tenant;
    weir_span project;
    uint32_t project_row;
    weir_span purpose;
    struct weir_world_name staff;      /* jurisdiction */
    struct weir_world_range end_users; /* names: jurisdictions */
    struct weir_world_range limits;
    weir_time not_after; /* WEIR_TIME_MAX: never */
    weir_span scope;     /* empty: "global" */
    weir_span tags;      /* as a project's */
};

/*
 * Splits "global", "zone:NAME" (a bloc or a jurisdiction), "region:NAME";
 * false: it is none of them. The name is a part of `text`.
 */
bool weir_scope_split(weir_span text, enum weir_scope_kind *kind_out,
                      weir_span *name_out);

/* ----------------------------------------------------------- contracts */

/* A price agreed for a model; nothing is taken off it. */
struct weir_world_contract_price {
    struct weir_place place;
    struct weir_world_name model;
    struct weir_price price; /* in the contract's currency */
    uint32_t stated;
    struct weir_world_range changes;
    weir_span version;
};

/* From this moment on, one unit of the seller's currency is worth this. */
struct weir_world_rate {
    struct weir_place place;
    weir_time from;
    weir_micros rate;
};

/* What one tenant, or every tenant of an organisation, has agreed. Those of
 * one tenant do not overlap. */
struct weir_world_contract {
    struct weir_place place;
    weir_span name;
    struct weir_world_name tenant;       /* or */
    struct weir_world_name organisation; /* its tenants without their own */
    weir_time from;
    weir_time until;                /* exclusive; WEIR_TIME_MAX: for ever */
    weir_span currency;             /* empty: the seller's */
    int64_t offset_us;              /* of its days from those of UTC */
    uint32_t discount_ppm;          /* of list prices */
    weir_micros free_amount;        /* of a month */
    uint64_t free_tokens;           /* of a month */
    weir_micros minimum;            /* of a month */
    weir_micros commitment;         /* of the whole contract */
    bool is_prepaid;                /* the commitment is paid already */
    struct weir_world_range prices; /* contract_price rows */
    struct weir_world_range rates;  /* rate rows, ascending */
};

/* What was promised of a deployment, a route or a tenant; of none of them: of
 * all calls. Held against what happened by `weir report levels`. */
struct weir_world_objective {
    struct weir_place place;
    weir_span name;
    struct weir_world_name deployment; /* at most one of the three */
    struct weir_world_name tenant;
    weir_span route;           /* the name that callers ask for */
    uint32_t availability_ppm; /* at least; 0: not said */
    uint32_t p95_ms;           /* of whole calls, at most; 0: not said */
    uint32_t p99_ms;
    uint32_t ttft_p95_ms; /* to the first byte */
};

/* The folder decides layer and owner: law/..., providers/<p>/..., seller/...,
 * tenants/<t>/... */
struct weir_world_policy {
    weir_span file;  /* below the policy directory */
    weir_span shown; /* the path in faults; empty: `file` */
    weir_span text;
};

/* ------------------------------------------------------------- watch */

/* Of which calls features are recorded; docs/formats/watch-features.md. */
struct weir_watch_settings {
    struct weir_place place;
    bool is_on;
    struct weir_world_range tenants; /* names; none: all of them */
    struct weir_world_range models;  /* the same */
    /* Of control; docs/formats/watch-verdicts.md. */
    uint32_t reference_calls;   /* quiet first calls; 0: a person accepts */
    uint32_t pools;             /* in memory */
    uint32_t subjects;          /* on disk */
    weir_time cluster_every_us; /* between two looks */
    weir_time cluster_bin_us;   /* of activity */
    weir_span calibration;      /* name of the lines */
};

/* Signals in the order of enum weir_watch_signal. */
#define WEIR_WORLD_SIGNALS 17

/* Lines of one width of window; what is not given is as shipped. */
struct weir_world_watch_line {
    struct weir_place place;
    uint32_t window; /* 100, 300 or 600 */
    bool has_reference;
    uint32_t given; /* bit per signal; then score, strong */
    float values[WEIR_WORLD_SIGNALS + 2];
};

/* Whose bundles of indicators an exchange takes. */
struct weir_world_peer {
    struct weir_place place;
    weir_span issuer;
    weir_span key; /* base64 of an Ed25519 public key */
};

/* Operators who share indicators; docs/formats/watch-bundle.md. */
struct weir_world_exchange {
    struct weir_place place;
    weir_span name;
    struct weir_world_reference salt; /* 32 hexadecimal digits */
    struct weir_world_range trusts;   /* peer rows */
    weir_span issuer;                 /* we, there; empty: nothing is given */
    struct weir_world_reference signing; /* base64 of an Ed25519 seed */
    uint32_t gives;                      /* bit per weir_indicator_kind */
    weir_time lasts_us;                  /* of what is given */
};

/* ----------------------------------------------------------- filters */

#define WEIR_WORLD_FILTERS_MAX 32 /* a policy names them by bits */
#define WEIR_FILTER_REQUESTS   1u /* as the image has them */
#define WEIR_FILTER_REPLIES    2u

/* One of detector, expression and terms; see weir/detect.h. */
struct weir_world_filter_rule {
    struct weir_place place;
    weir_span name; /* empty: the detector's */
    weir_span detector;
    weir_span expression;
    struct weir_world_range terms; /* names */
    weir_span replacement;
    bool is_case_sensitive;
    uint32_t action;                   /* enum weir_detect_action */
    uint32_t directions;               /* WEIR_FILTER_*; 0: both */
    struct weir_world_name classifier; /* instead of the three */
    uint32_t on_failure; /* enum weir_image_failure, of a classifier's */
};

/*
 * A service that is asked what it thinks of texts: docs/formats/classifier.md.
 * Where it is reached stands in an origin row of the name
 * "classifier/<name>", with its credential, trust and pool.
 */
#define WEIR_WORLD_CLASSIFIERS_MAX 8
struct weir_world_classifier {
    struct weir_place place;
    weir_span name;
    struct weir_world_name origin;
    weir_span model;      /* that the form names; may be empty */
    weir_span thresholds; /* lines of category, tab, parts per million */
    uint32_t form;        /* enum weir_image_form */
    uint32_t directions;  /* WEIR_FILTER_*: what it may be sent */
    uint32_t timeout_ms;
    uint32_t concurrency; /* asks under way, of a worker */
    uint32_t text_max;    /* bytes of text of one ask */
    uint32_t window;      /* bytes of text of a stream between two asks */
    uint32_t held_max;    /* bytes of a stream that wait */
    bool holds_streams;   /* until the last byte was asked about */
    uint32_t on_failure;  /* enum weir_image_failure; 0: block */
};

/* What a policy asks for by @filter("name"). */
struct weir_world_filter {
    struct weir_place place;
    weir_span name;
    struct weir_world_range rules;
};

/* ---------------------------------------------------------- settings */

struct weir_world_listen {
    struct weir_place place;
    weir_span host; /* "127.0.0.1", "::1", "*" */
    uint32_t port;
    weir_span certificate; /* paths; empty: plain */
    weir_span key;
    bool has_http2;
};

#define WEIR_NOTICE_AHEAD_MAX 8

/* Who vouches for the transparency log besides itself. */
struct weir_transparency_settings {
    weir_span policy;            /* tlog-policy file; empty: nobody */
    weir_span timestamp_url;     /* RFC 3161; empty: none */
    weir_span timestamp_command; /* request on stdin, response on stdout */
    weir_span timestamp_ca;      /* trust anchors of the timestamps, PEM */
    weir_time timestamp_us;      /* between two of them */
    bool is_hidden;              /* nginx does not serve the log's files */
};

/* How long content of a class is kept, and what happens when it cannot be. */
struct weir_world_content_class {
    struct weir_place place;
    weir_span name;
    weir_time floor_us;              /* not erased before, but by the ceiling */
    weir_time ceiling_us;            /* erased then, unless it is held */
    uint64_t bytes_max;              /* of one body; 0: 1 MiB */
    bool is_optional;                /* the call goes on without */
    struct weir_world_range regions; /* names: whose reviewers may look; none:
                                        anybody's */
};

/* Who looks at content, and from where. */
struct weir_world_reviewer {
    struct weir_place place;
    weir_span name; /* of the token, as given when it was made, or "local" */
    struct weir_world_name region; /* jurisdiction or region, as the classes
                                      write it */
    weir_time until;               /* 0: no end */
};

struct weir_content_settings {
    struct weir_world_reference master; /* NONE: nothing is kept */
    uint64_t queue_bytes_max;           /* 0: 64 MiB, of a worker */
    uint64_t free_bytes_min;            /* 0: 64 MiB, on the disk */
};

/* Answers that are given again. */
struct weir_cache_settings {
    struct weir_place place;
    uint64_t memory; /* bytes of all workers together; 0: nothing is cached */
    uint64_t tenant; /* of these, one tenant's at most; 0: a quarter */
    uint64_t answer; /* of one answer; 0: 256 KiB */
    uint32_t ttl_ms; /* longest life; 0: 1 h */
};

struct weir_settings {
    struct weir_world_listen admin; /* port 0: none */
    weir_span state_dir;            /* absolute after loading */
    weir_span policy_dir;
    uint32_t workers; /* 0: one for each processor */

    uint64_t body_bytes_max;   /* request */
    uint64_t buffer_bytes_max; /* of it kept in memory, then a file */
    uint64_t reply_bytes_max;  /* a reply that is not streamed */
    uint64_t event_bytes_max;  /* one event of a stream */
    uint64_t import_bytes_max; /* a register sent to the admin API */
    uint32_t header_bytes_max;
    uint32_t connections_max; /* of a worker */
    uint32_t idle_ms;         /* keepalive of clients */
    uint32_t stream_ms_max;   /* a stream's whole life */
    uint32_t deadline_ms;     /* default of routes */
    uint32_t attempts_max;
    uint32_t drain_ms;          /* how long open streams may last at shutdown */
    uint64_t message_bytes_max; /* one message of a session, both ways */
    uint32_t session_ms_max;    /* a session's whole life */
    uint32_t session_idle_ms;   /* nothing said by either side */

    weir_span journal_dir;
    uint64_t segment_bytes;
    uint64_t journal_bytes_free; /* refuse calls when the disk has less */

    weir_span nginx_path;
    weir_span module_path;
    weir_span writer_path;
    weir_span mmdb_path;     /* empty: the client's country is not known */
    weir_span asn_mmdb_path; /* empty: networks are not known by AS number */
    struct weir_world_range proxies; /* names: networks of trusted proxies */
    weir_span client_header;         /* in which they name the client */
    weir_span log_level;             /* "error" | "warn" | "info" */
    weir_span log_path;              /* empty: stderr */
    bool cuts_withdrawn_streams;
    /* Fields that a translation may leave out, parted by blanks. */
    weir_span translation_drop;
    /* A model: who decides on files for calls that name none; may be empty. */
    struct weir_world_name files_model;
    uint32_t batch_look_ms; /* between looks at an open batch */
    /* So long before a coming change customers are told, the longest first. */
    weir_time notice_ahead[WEIR_NOTICE_AHEAD_MAX];
    uint32_t notice_ahead_count; /* 0: they are not */
    struct weir_transparency_settings transparency;
    struct weir_content_settings content;
    struct weir_cache_settings cache;
    struct weir_world_urls urls;
    uint64_t memory_bytes_max;    /* of all workers; beyond it calls are shed;
                                  0: by what the machine has */
    weir_span telemetry_instance; /* of exported signals; empty: the host */
    struct weir_egress_uses egress;
};

/* -------------------------------------------------------------- world */

#define WEIR_WORLD_LISTS(X)                                                    \
    X(name, struct weir_world_name)                                            \
    X(bloc, struct weir_world_bloc)                                            \
    X(provider, struct weir_world_provider)                                    \
    X(model, struct weir_world_model)                                          \
    X(change, struct weir_world_change)                                        \
    X(maker, struct weir_world_maker)                                          \
    X(host, struct weir_world_host)                                            \
    X(listing, struct weir_world_listing)                                      \
    X(region, struct weir_world_region)                                        \
    X(egress, struct weir_world_egress)                                        \
    X(origin, struct weir_world_origin)                                        \
    X(deployment, struct weir_world_deployment)                                \
    X(network, struct weir_world_network)                                      \
    X(system, struct weir_world_system)                                        \
    X(digest, struct weir_world_digest)                                        \
    X(candidate, struct weir_world_candidate)                                  \
    X(route, struct weir_world_route)                                          \
    X(owner, struct weir_world_owner)                                          \
    X(organisation, struct weir_world_organisation)                            \
    X(list, struct weir_world_list)                                            \
    X(rule, struct weir_world_rule)                                            \
    X(limit, struct weir_world_limit)                                          \
    X(group, struct weir_world_group)                                          \
    X(shift, struct weir_world_shift)                                          \
    X(zone, struct weir_world_zone)                                            \
    X(reserve, struct weir_world_reserve)                                      \
    X(alert, struct weir_world_alert)                                          \
    X(budget, struct weir_world_budget)                                        \
    X(terms, struct weir_world_terms)                                          \
    X(need, struct weir_world_need)                                            \
    X(watchlist, struct weir_world_watchlist)                                  \
    X(watch_line, struct weir_world_watch_line)                                \
    X(peer, struct weir_world_peer)                                            \
    X(exchange, struct weir_world_exchange)                                    \
    X(filter_rule, struct weir_world_filter_rule)                              \
    X(filter, struct weir_world_filter)                                        \
    X(classifier, struct weir_world_classifier)                                \
    X(tool, struct weir_world_tool)                                            \
    X(server, struct weir_world_server)                                        \
    X(tenant, struct weir_world_tenant)                                        \
    X(project, struct weir_world_project)                                      \
    X(key, struct weir_world_key)                                              \
    X(contract_price, struct weir_world_contract_price)                        \
    X(rate, struct weir_world_rate)                                            \
    X(contract, struct weir_world_contract)                                    \
    X(objective, struct weir_world_objective)                                  \
    X(policy, struct weir_world_policy)                                        \
    X(content_class, struct weir_world_content_class)                          \
    X(reviewer, struct weir_world_reviewer)                                    \
    X(exporter, struct weir_world_exporter)                                    \
    X(listen, struct weir_world_listen)

struct weir_world {
    struct weir_arena arena;
    struct weir_settings settings;
    uint64_t sources_hash; /* of every file that was read */

    weir_span seller_title;
    weir_span seller_appeal;
    weir_span currency;       /* ISO 4217: of every price and every budget */
    weir_time stale_after_us; /* 0: never */
    struct weir_place seller_place;
    struct weir_world_base base;
    uint64_t clusters_hash;      /* members of clusters that groups follow */
    weir_time signals_window_us; /* how long a country counts for a key */
    struct weir_world_range hosting; /* networks: of machines, not people */
    struct weir_onboarding_rules onboarding;
    struct weir_watch_settings watch;

#define WEIR_WORLD_LIST(row, type)                                             \
    type *row##_rows;                                                          \
    uint32_t row##_count;                                                      \
    uint32_t row##_capacity;
    WEIR_WORLD_LISTS(WEIR_WORLD_LIST)
#undef WEIR_WORLD_LIST
};

/* Defaults in every setting, empty lists; NULL: out of memory. */
struct weir_world *weir_world_new(void);
void weir_world_free(struct weir_world *world); /* NULL is fine */

/* weir_world_add_model(world) ...: a zeroed row at the end of its list;
 * NULL (and world->arena.overflow) when memory is full. */
#define WEIR_WORLD_LIST(row, type)                                             \
    type *weir_world_add_##row(struct weir_world *world);
WEIR_WORLD_LISTS(WEIR_WORLD_LIST)
#undef WEIR_WORLD_LIST

/*
 * The first part of the check, by itself: what every entry of the catalogue
 * inherits and lacks; entries that a deployment names become models.
 */
void weir_world_promote(struct weir_world *world, struct weir_faults *faults);

/*
 * All cross references and rules; fills the `_row` members and
 * route.model. Reports every fault. True when it found none (faults that
 * were there before do not count).
 */
bool weir_world_check(struct weir_world *world, struct weir_faults *faults);

/* The entities that an image of this checked world has as of `now`, into an
 * empty store, which is then sealed. ENOMEM. */
WEIR_MUST_USE weir_status weir_world_entities(const struct weir_world *world,
                                              weir_time now,
                                              struct weir_cedar_store *store,
                                              struct weir_error *err);

/*
 * How the ownership rules answer in a checked world as of `now`, after what
 * each makes of unknown: by row of rule_rows, then of organisation_rows, enum
 * weir_ownership_answer; NULL: the rule is not in force. An image of this
 * world says the same. Memory: `arena`. ETOOBIG.
 */
WEIR_MUST_USE weir_status weir_world_owned(const struct weir_world *world,
                                           weir_time now,
                                           struct weir_arena *arena,
                                           uint8_t ***answers_out,
                                           struct weir_error *err);

/* The Cedar schema that policies are written against, and the JSON-free
 * text that is installed as policies/weir.cedarschema. */
weir_span weir_world_schema(void);

/*
 * Checks, runs the ownership rules as of `now`, reads and validates the
 * policies, and appends the image to `out` (empty before). EPARSE with
 * faults; ETOOBIG when `out` or memory is full. The world stays usable.
 */
WEIR_MUST_USE weir_status weir_image_compile(struct weir_world *world,
                                             weir_time now, uint64_t generation,
                                             struct weir_buf *out,
                                             struct weir_faults *faults);

#endif
