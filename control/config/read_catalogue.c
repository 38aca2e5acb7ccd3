/* SPDX-License-Identifier: Apache-2.0 */
/* Providers, models, regions, origins, deployments, routes. */
#include "read.h"

#include <string.h>

#define CONNECT_MS    5000
#define FIRST_BYTE_MS (120 * 1000)
#define IDLE_MS       (120 * 1000)
#define KEEPALIVE     256

void
read_providers(struct reader *r, const struct yaml_node *node, void *member)
{
    static const struct field fields[] = {
        FIELD("name", read_text, struct weir_world_provider, name),
        FIELD("title", read_text, struct weir_world_provider, title),
        FIELD("origin", read_name, struct weir_world_provider, origin),
    };
    if (!is_list(r, node, "providers"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next)
        read_row(r, n, "a provider", fields, WEIR_COUNTOF(fields),
                 weir_world_add_provider(r->world));
}

/* -------------------------------------------------------------- models */

static void
read_price(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_model *model = member;
    struct read_price_row row = {.has_price = false};
    read_price_into(r, node, &row);
    model->has_price = row.has_price;
    model->price = row.price;
    model->stated = row.stated;
    model->changes = row.changes;
    model->price_version = row.version;
    model->currency = row.currency;
}

void
read_operations(struct reader *r, const struct yaml_node *node, void *member)
{
    uint32_t *bits = member;
    if (!is_list(r, node, "operations"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        uint32_t operation = 0;
        while (operation < WEIR_OPERATIONS &&
               (n->kind != YAML_TEXT ||
                weir_operation_is_of_tools((enum weir_operation)operation) ||
                !weir_span_equal(n->text, weir_span_of(weir_operation_name((
                                              enum weir_operation)operation)))))
            operation++;
        if (operation == WEIR_OPERATIONS)
            read_fault(r, n,
                       "Known are chat, responses, embed, complete, moderate, "
                       "rerank, image, speech, transcribe, batch, "
                       "realtime.",
                       "not an operation");
        else
            *bits |= UINT32_C(1) << operation;
    }
    if (node->count == 0)
        read_fault(r, node, "List one, or remove the line.", "no operation");
}

void
read_models(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_model row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("title", read_text, row, title),
        FIELD("provider", read_name, row, provider),
        FIELD("family", read_text, row, family),
        FIELD("origin", read_name, row, origin),
        FIELD("tier", read_text, row, tier),
        FIELD("weights", read_text, row, weights),
        FIELD("licence", read_text, row, licence),
        FIELD("operations", read_operations, row, operations),
        FIELD("output_tokens_max", read_u32, row, output_tokens_max),
        FIELD("created", read_seconds, row, created),
        FIELD("open_when_stale", read_bool, row, opens_when_stale),
        FIELD("watch", read_is_watched, row, is_unwatched),
        FIELD("terms", read_text, row, terms),
        FIELD("deprecated", read_time, row, deprecated),
        FIELD("sunset", read_time, row, sunset),
        FIELD("successor", read_name, row, successor),
        FIELD("more", read_text, row, more),
        {"price", read_price, 0},
        {"hit_price", read_hit, 0},
    };
    if (!is_list(r, node, "models"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next)
        read_row(r, n, "a model", fields, WEIR_COUNTOF(fields),
                 weir_world_add_model(r->world));
}

void
read_regions(struct reader *r, const struct yaml_node *node, void *member)
{
    static const struct field fields[] = {
        FIELD("name", read_text, struct weir_world_region, name),
        FIELD("jurisdiction", read_name, struct weir_world_region,
              jurisdiction),
    };
    if (!is_list(r, node, "regions"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next)
        read_row(r, n, "a region", fields, WEIR_COUNTOF(fields),
                 weir_world_add_region(r->world));
}

/* ------------------------------------------------------------- origins */

void
read_timeouts(struct reader *r, const struct yaml_node *node, void *member)
{
    static const struct field fields[] = {
        FIELD("connect", read_ms, struct weir_world_origin, connect_ms),
        FIELD("first_byte", read_ms, struct weir_world_origin, first_byte_ms),
        FIELD("idle", read_ms, struct weir_world_origin, idle_ms),
    };
    read_fields(r, node, "timeouts", fields, WEIR_COUNTOF(fields), member);
}

static bool
is_url_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

static bool
is_prefix(weir_span prefix)
{
    for (size_t i = 0; i < prefix.len; i++) {
        if (!is_url_byte(prefix.ptr[i]) && prefix.ptr[i] != '/')
            return false;
    }
    return true;
}

bool
read_authority(weir_span authority, weir_span *host_out, uint32_t *port_out)
{
    weir_span host = authority;
    bool is_v6 = authority.len > 0 && authority.ptr[0] == '[';
    const char *end = authority.ptr + authority.len;
    const char *colon;
    if (is_v6) {
        const char *close = memchr(authority.ptr, ']', authority.len);
        if (close == NULL || (close + 1 < end && close[1] != ':'))
            return false;
        host =
            (weir_span){authority.ptr + 1, (size_t)(close - authority.ptr) - 1};
        colon = close + 1 < end ? close + 1 : NULL;
    } else {
        colon = authority.len == 0 ? NULL
                                   : memchr(authority.ptr, ':', authority.len);
        if (colon != NULL)
            host.len = (size_t)(colon - authority.ptr);
    }
    uint64_t number = 0;
    if (colon != NULL) {
        weir_span port = {colon + 1, (size_t)(end - colon) - 1};
        if (!weir_span_to_u64(port, &number) || number == 0 || number > 65535)
            return false;
    }
    for (size_t i = 0; i < host.len; i++) {
        if (!is_url_byte(host.ptr[i]) && !(is_v6 && host.ptr[i] == ':'))
            return false;
    }
    *host_out = host;
    *port_out = (uint32_t)number;
    return host.len > 0;
}

void
read_url(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_origin *origin = member;
    weir_span url;
    if (!read_text_value(r, node, &url))
        return;
    bool is_https = weir_span_starts(url, WEIR_SPAN("https://"));
    size_t skip = is_https ? 8 : 7;
    weir_span rest = {url.ptr + skip, url.len - skip};
    const char *slash = NULL;
    if ((is_https || weir_span_starts(url, WEIR_SPAN("http://"))) &&
        rest.len > 0)
        slash = memchr(rest.ptr, '/', rest.len);
    else
        rest.len = 0;
    weir_span authority = rest;
    weir_span prefix = WEIR_SPAN_NONE;
    if (slash != NULL) {
        authority.len = (size_t)(slash - rest.ptr);
        prefix = (weir_span){slash, rest.len - authority.len};
        while (prefix.len > 0 && prefix.ptr[prefix.len - 1] == '/')
            prefix.len--;
    }
    uint32_t port;
    if (!read_authority(authority, &origin->host, &port) ||
        !is_prefix(prefix)) {
        read_fault(r, node,
                   "Write https://host[:port][/prefix], without user, query "
                   "or fragment.",
                   "not the url of an origin");
        return;
    }
    origin->scheme = is_https ? WEIR_SPAN("https") : WEIR_SPAN("http");
    origin->port = port != 0 ? port : is_https ? 443 : 80;
    origin->authority = authority;
    origin->prefix = prefix;
}

void
read_reached(struct reader *r, const char *kind, weir_span name,
             struct weir_place place, struct weir_world_origin *origin)
{
    char text[256];
    struct weir_buf buf;
    origin->place = place;
    if (origin->credential.egress.len == 0)
        origin->credential.egress = origin->egress.text;
    if (kind == NULL)
        return;
    weir_buf_init_fixed(&buf, text, sizeof text);
    weir_buf_addf(&buf, "%s/%.*s", kind, WEIR_SPAN_ARG(name));
    origin->name = weir_arena_copy(&r->world->arena, weir_buf_span(&buf));
}

void
read_origins(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_origin row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("dialect", read_text, row, dialect),
        {"url", read_url, 0},
        FIELD("credential", read_credential, row, credential),
        {"timeouts", read_timeouts, 0},
        FIELD("tls", read_tls_out, row, tls),
        FIELD("egress", read_name, row, egress),
        FIELD("keepalive", read_u32, row, keepalive),
    };
    if (!is_list(r, node, "origins"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        row *origin = weir_world_add_origin(r->world);
        if (origin == NULL)
            return;
        origin->connect_ms = CONNECT_MS;
        origin->first_byte_ms = FIRST_BYTE_MS;
        origin->idle_ms = IDLE_MS;
        origin->keepalive = KEEPALIVE;
        read_row(r, n, "an origin", fields, WEIR_COUNTOF(fields), origin);
        read_reached(r, NULL, origin->name, n->place, origin);
    }
}

static void
read_u16(struct reader *r, const struct yaml_node *node, void *member)
{
    uint32_t number = 0;
    read_u32(r, node, &number);
    if (number > UINT16_MAX)
        read_fault(r, node, "Write a number up to 65535.", "too large");
    *(uint16_t *)member = (uint16_t)number;
}

static void
read_window(struct reader *r, const struct yaml_node *node, void *member)
{
    uint32_t ms = 0;
    read_ms(r, node, &ms);
    if (ms % 1000 != 0 || ms / 1000 > UINT16_MAX)
        read_fault(r, node, "Write whole seconds: 30 s.", "not a window");
    *(uint16_t *)member = (uint16_t)(ms / 1000);
}

const struct weir_health_rule read_usual_breaker = {
    .open_ms = 5000,
    .open_ms_max = 120000,
    .failures = 5,
    .share_percent = 50,
    .tries_min = 20,
    .window_s = 30,
};

/* `none`, or the members that differ from the usual. */
void
read_breaker(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_health_rule rule;
    static const struct field fields[] = {
        FIELD("failures", read_u16, rule, failures),
        FIELD("share", read_u16, rule, share_percent),
        FIELD("calls", read_u16, rule, tries_min),
        FIELD("window", read_window, rule, window_s),
        FIELD("open", read_ms, rule, open_ms),
        FIELD("open_max", read_ms, rule, open_ms_max),
    };
    rule *health = member;
    if (node->kind == YAML_TEXT) {
        weir_span text;
        if (!read_text_value(r, node, &text))
            return;
        if (!weir_span_equal(text, WEIR_SPAN("none")))
            read_fault(r, node, "Write none, or {failures: 5, open: 5 s}.",
                       "not a breaker");
        *health = (rule){.concurrency = health->concurrency};
        return;
    }
    read_fields(r, node, "a breaker", fields, WEIR_COUNTOF(fields), health);
}

static void
read_own_price(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_deployment *deployment = member;
    struct read_price_row row = {.has_price = false};
    read_price_into(r, node, &row);
    deployment->has_price = row.has_price;
    deployment->price = row.price;
    deployment->stated = row.stated;
    deployment->changes = row.changes;
    deployment->price_version = row.version;
    deployment->currency = row.currency;
}

void
read_deployments(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_deployment row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("model", read_name, row, model),
        FIELD("origin", read_name, row, origin),
        FIELD("region", read_name, row, region),
        FIELD("stored_in", read_name, row, stored_in),
        FIELD("operator", read_name, row, operated_by),
        FIELD("cloud", read_text, row, cloud),
        FIELD("origin_model", read_text, row, origin_model),
        FIELD("pins", read_pins, row, pins),
        FIELD("breaker", read_breaker, row, health),
        FIELD("concurrency", read_u32, row, health.concurrency),
        FIELD("queue", read_queue, row, queue),
        {"price", read_own_price, 0},
    };
    if (!is_list(r, node, "deployments"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        row *deployment = weir_world_add_deployment(r->world);
        if (deployment == NULL)
            return;
        deployment->health = read_usual_breaker;
        read_row(r, n, "a deployment", fields, WEIR_COUNTOF(fields),
                 deployment);
    }
}

/* -------------------------------------------------------------- routes */

struct candidate_text {
    struct weir_world_name deployment;
    struct weir_world_name model;
    uint32_t weight;
    uint32_t tier;
};

static void
read_candidate(struct reader *r, const struct yaml_node *node,
               struct weir_world_candidate *candidate)
{
    static const struct field fields[] = {
        FIELD("deployment", read_name, struct candidate_text, deployment),
        FIELD("model", read_name, struct candidate_text, model),
        FIELD("weight", read_u32, struct candidate_text, weight),
        FIELD("upto", read_u32, struct candidate_text, tier),
    };
    if (node->kind == YAML_TEXT) {
        read_name(r, node, &candidate->name);
        return;
    }
    struct candidate_text text = {.weight = 0};
    read_fields(r, node, "a candidate", fields, WEIR_COUNTOF(fields), &text);
    candidate->is_model = text.model.text.len > 0;
    candidate->name = candidate->is_model ? text.model : text.deployment;
    candidate->weight = text.weight;
    candidate->tier = text.tier;
    if ((text.model.text.len > 0) == (text.deployment.text.len > 0)) {
        read_fault(r, node, "Write {deployment: name} or {model: name}.",
                   "a candidate is a deployment or a model");
    }
    if (candidate->name.place.line == 0)
        candidate->name.place = node->place;
}

static void
read_candidates(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_range *range = member;
    range->first = r->world->candidate_count;
    if (!is_list(r, node, "candidates"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        struct weir_world_candidate *candidate =
            weir_world_add_candidate(r->world);
        if (candidate == NULL)
            return;
        read_candidate(r, n, candidate);
        range->count++;
    }
}

static void
read_mode(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    for (uint32_t mode = 0; mode < WEIR_ROUTE_MODES; mode++) {
        if (weir_span_equal(text, weir_span_of(weir_route_mode_name(mode)))) {
            *(enum weir_route_mode *)member = (enum weir_route_mode)mode;
            return;
        }
    }
    read_fault(r, node,
               "Write order, weight, price, latency, least_busy, sticky or "
               "complexity.",
               "not a mode");
}

static void
read_escalate(struct reader *r, const struct yaml_node *node, void *member)
{
    static const char *const names[] = {"refusal", "empty", "length", "schema"};
    if (!is_list(r, node, "escalate"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        uint32_t i = 0;
        while (i < WEIR_COUNTOF(names) &&
               (n->kind != YAML_TEXT ||
                !weir_span_equal(n->text, weir_span_of(names[i]))))
            i++;
        if (i == WEIR_COUNTOF(names))
            read_fault(r, n, "Write refusal, empty, length or schema.",
                       "nothing that an answer is looked at for");
        else
            *(uint32_t *)member |= UINT32_C(1) << i;
    }
}

static void
read_trial(struct reader *r, const struct yaml_node *node, void *member)
{
    static const struct field fields[] = {
        FIELD("deployment", read_name, struct weir_world_trial, name),
        FIELD("share", read_ppm, struct weir_world_trial, ppm),
    };
    read_fields(r, node, "a canary", fields, WEIR_COUNTOF(fields), member);
}

static void
read_pays(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_route *route = member;
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    route->charges_shadow = weir_span_equal(text, WEIR_SPAN("tenant"));
    if (!route->charges_shadow && !weir_span_equal(text, WEIR_SPAN("operator")))
        read_fault(r, node, "Write operator or tenant.",
                   "nobody who could pay for copies");
}

static void
read_shadow(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_route row;
    static const struct field fields[] = {
        FIELD("deployment", read_name, row, shadow.name),
        FIELD("share", read_ppm, row, shadow.ppm),
        {"pays", read_pays, 0},
    };
    row *route = member;
    read_fields(r, node, "a shadow", fields, WEIR_COUNTOF(fields), member);
    if (route->shadow.name.text.len == 0 || route->shadow.ppm == 0 ||
        route->shadow.ppm > 1000000)
        read_fault(r, node, "Write {deployment: NAME, share: 5%}.",
                   "a shadow without a deployment or a share");
}

/* Copies go through the gate by a route of their own. */
static void
add_shadow(struct reader *r, struct weir_world_route from)
{
    char text[256];
    struct weir_buf name;
    weir_buf_init_fixed(&name, text, sizeof text);
    weir_buf_addf(&name, WEIR_SHADOW_NAME "%.*s", WEIR_SPAN_ARG(from.name));
    uint32_t first = r->world->candidate_count;
    struct weir_world_candidate *candidate = weir_world_add_candidate(r->world);
    struct weir_world_route *route = weir_world_add_route(r->world);
    if (candidate == NULL || route == NULL)
        return;
    candidate->name = from.shadow.name;
    *route = (struct weir_world_route){
        .place = from.place,
        .name = weir_arena_copy(&r->world->arena, weir_buf_span(&name)),
        .mode = WEIR_ROUTE_ORDER,
        .candidates = {.first = first, .count = 1},
        .deadline_ms = from.deadline_ms,
        .attempts_max = 1,
        .model = WEIR_INDEX_NONE,
        .cache_s = WEIR_CACHE_NEVER,
        .charges_shadow = from.charges_shadow,
        .is_shadow = true,
    };
}

void
read_routes(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_route row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("mode", read_mode, row, mode),
        FIELD("candidates", read_candidates, row, candidates),
        FIELD("deadline", read_ms, row, deadline_ms),
        FIELD("attempts", read_u32, row, attempts_max),
        FIELD("cache", read_route_cache, row, cache_s),
        FIELD("escalate", read_escalate, row, escalate),
        FIELD("canary", read_trial, row, canary),
        {"shadow", read_shadow, 0},
    };
    if (!is_list(r, node, "routes"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        row *route = weir_world_add_route(r->world);
        read_row(r, n, "a route", fields, WEIR_COUNTOF(fields), route);
        if (route != NULL && route->shadow.name.text.len > 0)
            add_shadow(r, *route);
    }
}

bool
read_address(struct reader *r, const struct yaml_node *node,
             weir_span *host_out, uint32_t *port_out)
{
    weir_span text;
    weir_span host;
    uint32_t port;
    if (!read_text_value(r, node, &text))
        return false;
    if (weir_span_starts(text, WEIR_SPAN("*:"))) {
        uint64_t number;
        if (weir_span_to_u64((weir_span){text.ptr + 2, text.len - 2},
                             &number) &&
            number > 0 && number <= 65535) {
            *host_out = (weir_span){text.ptr, 1};
            *port_out = (uint32_t)number;
            return true;
        }
    } else if (read_authority(text, &host, &port) && port != 0) {
        *host_out = host;
        *port_out = port;
        return true;
    }
    read_fault(r, node, "Write 127.0.0.1:8080, [::1]:8080 or *:8080.",
               "not an address and port");
    return false;
}
