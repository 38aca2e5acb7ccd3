/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/image.h - everything a decision needs, in one read-only file.
 *
 * An image is compiled from the sources (see weir/world.h), written beside
 * and renamed, mapped read-only by every worker and by the tools. It is
 * position-independent: rows refer to bytes by (offset, length) from the
 * start of the file and to each other by index. All integers are
 * little-endian. docs/formats/image.md draws it.
 *
 * Threads: an opened image is immutable; any number of readers.
 * Memory: opening borrows the caller's bytes (or maps a file); reading
 * allocates nothing.
 * Secrets: an image holds digests of keys and names of credentials, never
 * a key or a credential.
 */
#ifndef WEIR_IMAGE_H
#define WEIR_IMAGE_H

#include <weir/base.h>
#include <weir/catalog.h>
#include <weir/cedar_program.h>
#include <weir/factor.h>
#include <weir/grant.h>
#include <weir/health.h>
#include <weir/parties.h>
#include <weir/urls.h>
#include <weir/watch_step.h>

#define WEIR_IMAGE_VERSION 8
#define WEIR_INDEX_NONE    UINT32_MAX

/* Bytes inside the image. */
typedef struct {
    uint32_t offset;
    uint32_t len;
} weir_ref;

/* What an overlay can withdraw; also the names on the command line. */
enum weir_kind {
    WEIR_KIND_MODEL = 1,
    WEIR_KIND_DEPLOYMENT = 2,
    WEIR_KIND_PROVIDER = 3,
    WEIR_KIND_ORGANISATION = 4,
    WEIR_KIND_JURISDICTION = 5,
    WEIR_KIND_KEY = 6,      /* revocation; the name is the key's id */
    WEIR_KIND_KEY_HOLD = 7, /* on hold until a person decides; its id */
};

/* weir_hash64(name, kind): how overlays name things. */
uint64_t weir_kind_hash(enum weir_kind kind, weir_span name);
/* What the budgets and the cache of a tenant are found by; never 0. */
uint64_t weir_image_tenant_hash(weir_span tenant);
/* "model", "deployment", ...; false when unknown. */
bool weir_kind_parse(weir_span text, enum weir_kind *kind_out);
const char *weir_kind_name(enum weir_kind kind);

/* ------------------------------------------------------------- rows */

struct weir_image_jurisdiction {
    weir_ref code;   /* ISO 3166-1 alpha-2 */
    uint32_t entity; /* Cedar handle */
    uint32_t reserved;
    uint64_t hash;
    struct weir_position position;
};

struct weir_image_provider {
    weir_ref name;
    weir_ref title;
    uint32_t origin; /* jurisdiction row */
    uint32_t entity;
    uint64_t hash;
};

#define WEIR_MODEL_OPEN_WHEN_STALE 1u /* served although policy is stale */
#define WEIR_MODEL_HAS_END         2u /* its `lives` row says something */
#define WEIR_MODEL_WATCHED         4u /* features of its calls are recorded */

/* Bytes of the name, and of the version, of terms: the record of every call
 * has both. */
#define WEIR_TERMS_PART_MAX 48
#define WEIR_TERMS_TAG_MAX  160

struct weir_image_model {
    weir_ref name;
    weir_ref title;
    weir_ref family;
    weir_ref tier;
    weir_ref weights;
    weir_ref licence;
    weir_ref currency;      /* ISO 4217 */
    weir_ref price_version; /* of `price` */
    /* "NAME@VERSION inputs=.. outputs=..": docs/formats/reports.md; empty: it
     * is offered under none. */
    weir_ref terms;
    uint32_t provider;
    uint32_t origin; /* jurisdiction row */
    uint32_t entity;
    uint32_t flags;
    uint32_t output_tokens_max; /* held when the client gives none */
    uint32_t operations;        /* bit per enum weir_operation */
    int64_t created;            /* seconds, for /v1/models */
    uint64_t hash;
    struct weir_price price; /* of a call that no change fits */
};

/* What a deployment costs: row n is that of model n, those behind them are
 * deployments' own. */
struct weir_image_sheet {
    weir_ref version;
    uint32_t stated;       /* rates that `price` has by itself */
    uint32_t first_change; /* change rows, laid over in their order */
    uint32_t change_count;
    uint32_t reserved;
    struct weir_price price;
};

struct weir_image_change {
    weir_ref version; /* empty: that of the sheet */
    struct weir_price_change change;
};

/*
 * The end of a model, in the row of its number: what replies say of it, made
 * when compiled, and when calls are refused. Texts are header values (RFC
 * 9745, RFC 8594, RFC 8288); empty: the header is not sent.
 */
struct weir_image_life {
    weir_ref deprecation;    /* "@1767225600" */
    weir_ref sunset;         /* "Thu, 01 Jan 2026 00:00:00 GMT" */
    weir_ref link;           /* successor and page with more */
    weir_time deprecated_us; /* WEIR_TIME_MAX: not */
    weir_time sunset_us;     /* refused from then on; WEIR_TIME_MAX: never */
};

/* What a catalogue entry lacks, so that it is listed and not served. The
 * bits are permanent. */
enum weir_lack {
    WEIR_LACKS_ORIGIN = 1u,     /* where its maker is */
    WEIR_LACKS_TERMS = 2u,      /* under which version it is offered */
    WEIR_LACKS_LICENCE = 4u,    /* of the model itself */
    WEIR_LACKS_PRICE = 8u,      /* in the seller's currency */
    WEIR_LACKS_LIFE = 16u,      /* its maker has retired it */
    WEIR_LACKS_DEPLOYMENT = 32u /* nobody runs it for this seller */
};
#define WEIR_LACKS_ALL 63u
/* What keeps an entry from being served even with a deployment. */
#define WEIR_LACKS_FACTS 31u
/* "origin", "terms", ... of one bit. */
const char *weir_lack_name(uint32_t lack);
/* "origin, terms", or nothing. */
#define WEIR_LACKS_TEXT 64
void weir_lacks_format(uint32_t lacks, char text_out[WEIR_LACKS_TEXT]);

/* A model that is known and not served: an entry of the catalogue without a
 * route, or a declared model without deployment. */
struct weir_image_listing {
    weir_ref name;
    weir_ref maker;
    int64_t created; /* seconds */
    uint32_t lacks;
    uint32_t reserved;
};

/* Where requests go: one row for each endpoint (scheme, host, port). */
struct weir_image_origin {
    weir_ref name;
    weir_ref dialect;    /* a row of providers.def */
    weir_ref scheme;     /* "http" | "https" */
    weir_ref host;       /* Host header and SNI, without port */
    weir_ref authority;  /* host[:port] as sent */
    weir_ref prefix;     /* path before /chat/completions, e.g. "/v1" */
    weir_ref upstream;   /* name of nginx's upstream{} block */
    weir_ref credential; /* name only; empty = none */
    uint32_t port;
    uint32_t connect_ms;
    uint32_t first_byte_ms; /* until the reply's head */
    uint32_t idle_ms;       /* between two reads, and of writing */
};

struct weir_image_deployment {
    weir_ref name;
    weir_ref region;
    weir_ref cloud;
    weir_ref origin_model; /* the model's name at the origin */
    uint32_t model;
    uint32_t origin;      /* origin row */
    uint32_t place;       /* jurisdiction row: where it runs */
    uint32_t stored_in;   /* jurisdiction row: where data rests */
    uint32_t operated_by; /* organisation row */
    uint32_t entity;
    uint32_t pin; /* row, or WEIR_INDEX_NONE: not pinned */
    struct weir_health_rule health;
    uint64_t hash;
    uint32_t sheet; /* row */
    uint32_t reserved;
};

/* ------------------------------------------------------------ places */

/* A set of jurisdictions: bit (row % 64) of word (row / 64). Row 0 is the
 * empty set. */
struct weir_image_places {
    uint64_t bits[4];
};

/* Where a key may be served from. Row 0 is global. */
enum weir_scope_kind {
    WEIR_SCOPE_GLOBAL = 0,
    WEIR_SCOPE_ZONE = 1,  /* runs and rests in one of `places` */
    WEIR_SCOPE_REGION = 2 /* runs in `region`, rests in its jurisdiction */
};

struct weir_image_scope {
    weir_ref name;   /* "global", "zone:EU", "region:eu-west-1" */
    weir_ref region; /* WEIR_SCOPE_REGION */
    uint32_t kind;   /* enum weir_scope_kind */
    uint32_t places; /* place set row */
};

/* Addresses from `first` to `last`, both included; IPv4 is mapped into IPv6
 * (::ffff:0:0/96). */
struct weir_image_network {
    uint8_t first[16];
    uint8_t last[16];
};

struct weir_image_digest {
    uint8_t bytes[32];
};

#define WEIR_PIN_REGION_MUST   1u /* a reply without the header is wrong too */
#define WEIR_PIN_OPERATOR_MUST 2u

/*
 * What the origin of a deployment must be. Counts of 0 and empty headers
 * pin nothing. Digests are SHA-256 of a SubjectPublicKeyInfo (DER).
 */
struct weir_image_pin {
    weir_ref region_header; /* lower case, of the reply */
    weir_ref region_value;
    weir_ref operator_header;
    weir_ref operator_value;
    uint32_t flags;             /* WEIR_PIN_* */
    uint32_t first_certificate; /* digest rows: of the origin's own key */
    uint32_t certificate_count;
    uint32_t first_authority; /* digest rows: of a key above it */
    uint32_t authority_count;
    uint32_t first_network; /* network rows */
    uint32_t network_count;
    uint32_t reserved;
};

/* How the allowed candidates are ordered. Numbers are permanent. */
enum weir_route_mode {
    WEIR_ROUTE_ORDER = 0,      /* as declared */
    WEIR_ROUTE_WEIGHT = 1,     /* drawn by weight */
    WEIR_ROUTE_PRICE = 2,      /* cheapest first, by what the call may cost */
    WEIR_ROUTE_LATENCY = 3,    /* peak EWMA of the first byte, times load */
    WEIR_ROUTE_LEAST_BUSY = 4, /* fewest calls in flight */
    WEIR_ROUTE_STICKY = 5,     /* a conversation stays where it was */
    WEIR_ROUTE_COMPLEXITY = 6  /* the least tier that is up to the call */
};
#define WEIR_ROUTE_MODES 7
/* "order", "least_busy", ...; NULL: no mode has this number. */
const char *weir_route_mode_name(uint32_t mode);

/* A name that clients may ask for: every model's own name, and aliases. */
struct weir_image_route {
    weir_ref name;
    uint32_t mode;
    uint32_t first; /* candidate row */
    uint32_t count; /* 1 .. WEIR_CANDIDATES_MAX */
    uint32_t model; /* WEIR_INDEX_NONE for an alias */
    uint32_t deadline_ms;
    uint32_t attempts_max;
    uint32_t cache_s; /* 0: not said; WEIR_CACHE_NEVER */
};

struct weir_image_candidate {
    uint32_t deployment;
    uint32_t weight; /* 1.. ; only in WEIR_ROUTE_WEIGHT; in
                        WEIR_ROUTE_COMPLEXITY the greatest score that its tier
                        serves, 1 .. WEIR_COMPLEXITY_MAX */
};

/* Scores of weir/complexity.h. */
#define WEIR_COMPLEXITY_MAX 1000

/* What of an answer sends a call on to the next tier: bits, permanent. */
#define WEIR_ESCALATE_REFUSAL 1u
#define WEIR_ESCALATE_EMPTY   2u
#define WEIR_ESCALATE_LENGTH  4u
#define WEIR_ESCALATE_SCHEMA  8u
#define WEIR_ESCALATE_ALL     15u

/* What a route tries beside its order; one row for each route. */
struct weir_image_trial {
    uint32_t canary;     /* deployment row plus 1; 0: none */
    uint32_t canary_ppm; /* of the conversations are sent there first */
    uint32_t escalate;   /* WEIR_ESCALATE_* */
    uint32_t shadow;     /* WEIR_SHADOW_* */
};

/* Of a route's calls so many, ppm, are copied to the route WEIR_SHADOW_NAME
 * and its own name; the other bits are of that route. */
#define WEIR_SHADOW_PPM     0xfffffu
#define WEIR_SHADOW_CHARGED (1u << 30) /* the caller's tenant pays */
#define WEIR_SHADOW_ROUTE   (1u << 31) /* for copies alone */
#define WEIR_SHADOW_NAME    "shadow/"

struct weir_image_organisation {
    weir_ref name;
    uint32_t headquarters; /* jurisdiction rows */
    uint32_t incorporated;
    uint32_t entity;
    uint32_t group; /* row of its ultimate parent plus 1; 0: itself */
    uint64_t hash;
};

enum weir_metric {
    WEIR_METRIC_REQUESTS = 0,
    WEIR_METRIC_TOKENS = 1,
    WEIR_METRIC_MICROS = 2,
    WEIR_METRICS = 3
};

struct weir_image_limit {
    uint32_t metric;
    uint32_t window; /* enum weir_window of weir/quota.h */
    int64_t amount;
};

#define WEIR_TENANT_HIDE_ADDRESS      1u /* no client address in records */
#define WEIR_TENANT_NAME_END_CUSTOMER 2u /* a call without one is refused */
#define WEIR_TENANT_WATCHED           4u /* features of its calls are recorded */

struct weir_image_tenant {
    weir_ref name;
    uint32_t organisation;
    uint32_t entity;
    uint32_t flags;
    uint32_t first_limit;
    uint32_t limit_count;
    uint32_t reserved;
    uint64_t hash; /* subject of its budgets */
};

struct weir_image_project {
    weir_ref name;
    uint32_t tenant;
    uint32_t entity;
    uint32_t first_limit;
    uint32_t limit_count;
    uint64_t hash;
    weir_ref tags; /* weir/tags.h, written */
};

struct weir_image_key {
    uint8_t digest[32]; /* SHA-256 of the whole key text */
    weir_ref id;        /* public: "wk_..." */
    weir_ref purpose;
    weir_ref tags; /* weir/tags.h, written */
    uint32_t project;
    uint32_t entity;
    uint32_t first_limit;
    uint32_t limit_count;
    uint32_t staff;     /* jurisdiction row */
    uint32_t scope;     /* scope row */
    uint32_t end_users; /* place set row */
    uint32_t reserved;
    weir_time not_after;
    uint64_t hash;         /* weir_kind_hash(KEY, id) */
    uint64_t subject_hash; /* of its budgets */
};

enum weir_layer {
    WEIR_LAYER_LAW = 0,
    WEIR_LAYER_PROVIDER = 1,
    WEIR_LAYER_SELLER = 2,
    WEIR_LAYER_TENANT = 3,
};

/* Flags of a policy in the Cedar program. */
#define WEIR_POLICY_HOLD     1u /* @effect("hold") */
#define WEIR_POLICY_SHADOW   2u /* @mode("shadow"): recorded, not enforced */

#define WEIR_STRIP_LOGPROBS  1u
#define WEIR_STRIP_REASONING 2u

/* One per policy, same index as in the Cedar program. */
struct weir_image_policy {
    weir_ref id;
    weir_ref title;
    weir_ref authority;
    weir_ref appeal;
    weir_ref owner;  /* provider or tenant of the layer; else empty */
    weir_ref file;   /* path below the policy directory */
    weir_ref retain; /* obligations, on permits; empty = none */
    weir_ref monitor;
    uint32_t line;
    uint32_t layer;
    uint32_t flags;
    uint32_t is_permit;
    uint32_t strip; /* bits above */
    uint32_t max_n; /* 0 = no cap */
    uint32_t tier;  /* enum weir_tier; 0 = not said */
    uint32_t steps; /* of the watch that `monitor` knows, by WEIR_WATCH_RUNG();
                       bit 0: it is a rule; 0: it is none. Those that it asks
                       a person for have a second bit, WEIR_WATCH_ASKS_SHIFT
                       higher */
    uint32_t filters; /* obligation: filter rows, as bits */
    uint32_t cache_s; /* so long an answer may be given again; 0: not said */
    uint32_t classifiers; /* rows, as bits, of @monitor("classify=..") */
    uint32_t reserved;
    weir_time from;
    weir_time until;
    uint8_t text_digest[32]; /* SHA-256 of the policy's source text */
};

/* What policies ask for by @filter; at most 32. */
struct weir_image_filter {
    weir_ref name;
    uint32_t first; /* filter_rule */
    uint32_t count;
};

#define WEIR_IMAGE_REQUESTS 1u
#define WEIR_IMAGE_REPLIES  2u

/* A struct weir_detect_rule, flattened. */
struct weir_image_filter_rule {
    weir_ref name;
    weir_ref detector;
    weir_ref expression;
    weir_ref terms; /* parted by line feeds */
    weir_ref replacement;
    uint32_t action;
    uint32_t directions; /* bits above */
    uint32_t is_caseless;
    uint16_t classifier; /* row + 1, in place of a pattern; 0: none */
    uint16_t on_failure; /* enum weir_image_failure; 0: the classifier's */
};

/* What follows when a classifier does not answer. */
enum weir_image_failure {
    WEIR_FAILURE_ALLOW = 1,
    WEIR_FAILURE_BLOCK = 2,
};

/* The words it is asked in. */
enum weir_image_form {
    WEIR_FORM_WEIR = 1,
    WEIR_FORM_MODERATIONS = 2, /* as OpenAI's /v1/moderations */
};

/* A service that is asked about texts; at most 8. */
struct weir_image_classifier {
    weir_ref name;
    weir_ref model;      /* that the form names; empty: none */
    weir_ref thresholds; /* lines of category, tab, parts per million */
    uint32_t origin;     /* origin row: of no deployment */
    uint32_t form;       /* enum weir_image_form */
    uint32_t directions; /* bits above: what it may be sent */
    uint32_t timeout_ms;
    uint32_t concurrency; /* asks under way, of a worker */
    uint32_t text_max;    /* bytes of text of one ask */
    uint32_t window;      /* bytes of text of a stream between two asks */
    uint32_t held_max;    /* bytes of a stream that wait */
    uint32_t holds_streams;
    uint32_t on_failure; /* enum weir_image_failure */
};

/* ------------------------------------------------------------- tools */

#define WEIR_SERVER_RESOURCES 1u /* offers them at all */
#define WEIR_SERVER_PROMPTS   2u

/* A server of tools, beside the model and deployment rows that stand for it;
 * a path of the surface names it. */
struct weir_image_server {
    weir_ref origins; /* Origin headers that may be sent, parted by line
                         feeds; empty: none */
    uint32_t model;
    uint32_t first; /* tool rows, by name ascending */
    uint32_t count;
    uint32_t flags; /* WEIR_SERVER_* */
};

/* Longest name of a tool: what the protocol recommends. */
#define WEIR_TOOL_NAME_MAX 128

struct weir_image_tool {
    weir_ref name;
};

/* ------------------------------------------------- cache and sharing */

/* Of a route or a policy: answers are never given again. */
#define WEIR_CACHE_NEVER UINT32_MAX
/* Bytes of an answer that is kept, where nothing else is said. */
#define WEIR_CACHE_ANSWER (UINT64_C(256) << 10)

/* What an answer from the cache costs; one for each model. */
struct weir_image_hit {
    uint32_t ppm;      /* of what the same usage costs afresh */
    uint32_t is_fixed; /* `amount` instead, whatever was used */
    weir_micros amount;
};

/* Calls that wait for a place in a deployment; one for each. */
struct weir_image_queue {
    uint32_t length;  /* over all workers; 0: nobody waits */
    uint32_t wait_ms; /* of one call at most */
};

#define WEIR_SHARE_CACHES     1u /* may be cached though nothing is kept */
#define WEIR_SHARE_NOT_CACHED 2u

/* Tenants that reserve: a percent at least each, 90 in all. */
#define WEIR_RESERVING_MAX 90

/* A tenant's part of what is scarce; one for each. Percents are of a
 * deployment's `concurrency`. */
struct weir_image_share {
    uint32_t weight;   /* 1..: beside others who wait */
    uint16_t reserved; /* percent that others leave free */
    uint16_t most;     /* percent that it may hold; 100: all */
    uint32_t flags;    /* WEIR_SHARE_* */
};

/* Which addresses a tenant's requests may name; one for each. */
struct weir_image_urls {
    weir_ref hosts; /* as struct weir_urls has them */
    uint32_t mode;  /* enum weir_urls_mode */
    uint32_t reserved;
};

/* ---------------------------------------------------------- reading */

/* Actions of the schema, in the order of WEIR_OPERATIONS. */
enum weir_operation {
    WEIR_OP_CHAT = 0,
    WEIR_OP_RESPONSES = 1,
    WEIR_OP_EMBED = 2,
    WEIR_OP_COMPLETE = 3,
    WEIR_OP_MODERATE = 4,
    WEIR_OP_RERANK = 5,
    WEIR_OP_IMAGE = 6,
    WEIR_OP_SPEECH = 7,
    WEIR_OP_TRANSCRIBE = 8, /* and translate: sound to text */
    WEIR_OP_BATCH = 9,      /* files of calls, done later; each is asked too */
    /* Of tool servers: weir/mcp.h. */
    WEIR_OP_CONNECT = 10, /* sessions, lists, what is told on the way */
    WEIR_OP_CALL_TOOL = 11,
    WEIR_OP_READ_RESOURCE = 12,
    WEIR_OP_GET_PROMPT = 13,
    WEIR_OP_REALTIME = 14, /* a session of many answers: weir/session.h */
    WEIR_OPERATIONS = 15
};
#define WEIR_OPERATIONS_OF_TOOLS                                               \
    (UINT32_C(1) << WEIR_OP_CONNECT | UINT32_C(1) << WEIR_OP_CALL_TOOL |       \
     UINT32_C(1) << WEIR_OP_READ_RESOURCE | UINT32_C(1) << WEIR_OP_GET_PROMPT)
/* Asked of tool servers; models are asked for all others. */
bool weir_operation_is_of_tools(enum weir_operation operation);
const char *weir_operation_name(enum weir_operation operation);
/* Tokens are made for an answer, so that they are held for. */
bool weir_operation_answers(enum weir_operation operation);

struct weir_image {
    weir_span bytes;
    bool is_mapped;

    /* SHA-256 of the content, which is everything but generation and time
     * of compilation: names the image. Taken when compiled; opening checks
     * the CRC-32C instead, see weir_image_verify(). */
    uint8_t digest[32];
    uint64_t generation;
    weir_time created;
    weir_time stale_after_us; /* 0 = never */
    weir_ref seller;          /* title, for refusals */
    weir_ref appeal;          /* contact when a policy names none */
    weir_ref currency;        /* ISO 4217: of every price and money limit */
    /* When an ownership rule begins or ends next: compile again then.
     * WEIR_TIME_MAX: never. */
    weir_time next_change;
    weir_time signals_window_us; /* how long a country counts for a key */
    /* Networks that host machines, not people; sorted, disjoint. */
    uint32_t first_hosting; /* network row */
    uint32_t hosting_count;

    const struct weir_image_jurisdiction *jurisdictions;
    const struct weir_image_provider *providers;
    const struct weir_image_model *models;
    const struct weir_image_origin *origins;
    const struct weir_image_deployment *deployments;
    const struct weir_image_route *routes;
    const struct weir_image_candidate *candidates;
    const struct weir_image_organisation *organisations;
    const struct weir_image_limit *limits;
    const struct weir_image_tenant *tenants;
    const struct weir_image_project *projects;
    const struct weir_image_key *keys;
    const struct weir_image_policy *policies;
    const struct weir_image_life *lifes; /* as many as models */
    const struct weir_image_listing *listings;
    const struct weir_image_places *place_sets;
    const struct weir_image_scope *scopes;
    const struct weir_image_network *networks;
    const struct weir_image_digest *digests;
    const struct weir_image_pin *pins;
    const struct weir_image_filter *filters;
    const struct weir_image_filter_rule *filter_rules;
    const struct weir_image_hit *hits;     /* as many as models */
    const struct weir_image_queue *queues; /* as many as deployments */
    const struct weir_image_share *shares; /* as many as tenants */
    /* Rows of those that reserve places; found when it was opened. */
    uint32_t reserving[WEIR_RESERVING_MAX];
    uint32_t reserving_count;
    const struct weir_image_classifier *classifiers;
    const struct weir_image_sheet *sheets;
    const struct weir_image_change *changes;
    /* weir/budget.h */
    const struct weir_image_budget *budgets;
    const uint32_t *budget_refs;
    const struct weir_image_reserve *reserves;
    const struct weir_image_key_uses *key_budgets;     /* as many as keys */
    const struct weir_image_key_uses *project_budgets; /* of keys unknown */
    const struct weir_image_use *uses;
    const struct weir_image_zone *zones;
    const struct weir_image_shift *shifts;
    const struct weir_image_trial *trials; /* as many as routes */
    const struct weir_image_server *servers;
    const struct weir_image_tool *tools;
    const struct weir_factor *factors;       /* as many as models */
    const struct weir_image_urls *url_rules; /* as many as tenants */
    uint32_t jurisdiction_count;
    uint32_t provider_count;
    uint32_t model_count;
    uint32_t origin_count;
    uint32_t deployment_count;
    uint32_t route_count;
    uint32_t candidate_count;
    uint32_t organisation_count;
    uint32_t limit_count;
    uint32_t tenant_count;
    uint32_t project_count;
    uint32_t key_count;
    uint32_t policy_count;
    uint32_t life_count;
    uint32_t listing_count;
    uint32_t place_set_count;
    uint32_t scope_count;
    uint32_t network_count;
    uint32_t digest_count;
    uint32_t pin_count;
    uint32_t filter_count;
    uint32_t filter_rule_count;
    uint32_t hit_count;
    uint32_t queue_count;
    uint32_t share_count;
    uint32_t classifier_count;
    uint32_t sheet_count;
    uint32_t change_count;
    uint32_t budget_count;
    uint32_t budget_ref_count;
    uint32_t reserve_count;
    uint32_t key_budget_count;
    uint32_t project_budget_count;
    uint32_t use_count;
    uint32_t zone_count;
    uint32_t shift_count;
    uint32_t trial_count;
    uint32_t server_count;
    uint32_t tool_count;
    uint32_t factor_count;
    uint32_t url_rule_count;
    uint32_t actions[WEIR_OPERATIONS]; /* Cedar handles */

    struct weir_cedar_program program;

    /* Hash indexes: powers of two of row number + 1, 0 = empty. */
    const uint32_t *route_index;
    const uint32_t *key_index;
    const uint32_t *jurisdiction_index;
    const uint32_t *listing_index;
    uint32_t route_mask;
    uint32_t key_mask;
    uint32_t jurisdiction_mask;
    uint32_t listing_mask;
};

/*
 * Checks header, version, checksum and every reference, so that no later
 * read can leave the image. ECORRUPT, EVERSION.
 */
WEIR_MUST_USE weir_status weir_image_open(weir_span bytes,
                                          struct weir_image *image_out,
                                          struct weir_error *err);
/* Maps the file read-only, then as above. */
WEIR_MUST_USE weir_status weir_image_map(const char *path,
                                         struct weir_image *image_out,
                                         struct weir_error *err);
void weir_image_close(struct weir_image *image);
/* Whether the digest is that of the content; for tools, not for workers. */
bool weir_image_verify(const struct weir_image *image);

weir_span weir_image_text(const struct weir_image *image, weir_ref ref);

/* What a call to that deployment costs, and by which version of the list. */
weir_ref weir_image_price(const struct weir_image *image, uint32_t deployment,
                          const struct weir_price_when *when,
                          struct weir_price *price_out);

/* Row number, or WEIR_INDEX_NONE. */
uint32_t weir_image_find_route(const struct weir_image *image, weir_span name);
uint32_t weir_image_find_key(const struct weir_image *image,
                             const uint8_t digest[32]);
uint32_t weir_image_find_jurisdiction(const struct weir_image *image,
                                      weir_span code);
uint32_t weir_image_find_listing(const struct weir_image *image,
                                 weir_span name);

/* The server of that name, and whether it offers such a tool. */
/* The rule of a tenant's row; its hosts are the image's. */
struct weir_urls weir_image_urls_of(const struct weir_image *image,
                                    uint32_t tenant);
uint32_t weir_image_find_server(const struct weir_image *image, weir_span name);
bool weir_image_has_tool(const struct weir_image *image, uint32_t server,
                         weir_span tool);

/* False for WEIR_INDEX_NONE and for anything else that is no row. */
bool weir_image_has_place(const struct weir_image *image, uint32_t set,
                          uint32_t jurisdiction);
/* Whether the address lies in one of the `count` networks from row `first`;
 * `is_sorted`: they are sorted and disjoint. */
bool weir_image_has_address(const struct weir_image *image, uint32_t first,
                            uint32_t count, bool is_sorted,
                            const uint8_t address[16]);

/* ---------------------------------------------------------- overlay */

/*
 * What must act at once: revocations and withdrawals. A sorted array of
 * weir_kind_hash values with the names beside it for people. Written like
 * an image; checked like one.
 */
struct weir_overlay {
    weir_span bytes;
    bool is_mapped;
    uint64_t generation;
    weir_time created;
    const uint64_t *hashes; /* ascending */
    uint32_t count;
    uint32_t cut_streams;            /* 1: open streams of these are cut too */
    const struct weir_grant *grants; /* in the order they are tried */
    uint32_t grant_count;
    uint32_t watch_grant_count;          /* of these, for the watch */
    const struct weir_watch_step *steps; /* by subject, the stricter first */
    uint32_t step_count;
};

struct weir_overlay_item {
    enum weir_kind kind;
    weir_span name;
};

void weir_overlay_write(const struct weir_overlay_item *items, size_t count,
                        uint64_t generation, weir_time now, bool cut_streams,
                        struct weir_buf *out);
/* Behind an overlay just written at `start` of `out`. */
void weir_overlay_add_grants(const struct weir_grant *grants, size_t count,
                             struct weir_buf *out, size_t start);
/* The same with steps of the watch, in any order. */
void weir_overlay_add_steps(const struct weir_watch_step *steps, size_t count,
                            struct weir_buf *out, size_t start);
WEIR_MUST_USE weir_status weir_overlay_open(weir_span bytes,
                                            struct weir_overlay *overlay_out,
                                            struct weir_error *err);
WEIR_MUST_USE weir_status weir_overlay_map(const char *path,
                                           struct weir_overlay *overlay_out,
                                           struct weir_error *err);
void weir_overlay_close(struct weir_overlay *overlay);
bool weir_overlay_has(const struct weir_overlay *overlay, uint64_t hash);
/* The rows of that subject, whatever their kind, target and time. */
const struct weir_watch_step *
weir_overlay_steps(const struct weir_overlay *overlay, uint64_t subject,
                   uint32_t *count_out);
/* Who row `row` is; the name lives as long as the overlay. */
struct weir_overlay_item weir_overlay_get(const struct weir_overlay *overlay,
                                          uint32_t row);

/* ------------------------------------------------------------ board */

/*
 * One page in shared memory (file `board` in the run directory): control
 * stores the newest generation with release order after the file has been
 * renamed into place; a worker compares one word per call.
 * Files: `image-<generation>`, `overlay-<generation>`,
 * `credentials-<generation>`, `indicators-<generation>` in the run directory.
 */
#define WEIR_BOARD_MAGIC UINT64_C(0x3130647261626577) /* "webard01" */

struct weir_board {
    uint64_t magic;
    uint64_t image; /* generations; 0 = none yet */
    uint64_t overlay;
    uint64_t credentials;
    int64_t confirmed_us; /* when control last confirmed the sources */
    uint64_t indicators;  /* weir/watch_indicators.h */
    uint64_t reserved[10];
};

#endif
