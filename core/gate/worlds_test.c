/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random worlds: whatever the route, whoever fails, a call only ever goes to
 * a deployment that policy and the key's scope allow, and to one of them
 * whenever there is one.
 *
 * The judge is written again here, from the world's rows and in plain C: it
 * shares no code with image, Cedar, gate or route. WEIR_WORLDS sets how many
 * worlds are made (default 2,000; `make soak` runs 100,000), WEIR_SEED the
 * first.
 */
#include "gate_fixture.h"

#define PLACES      6
#define REGIONS     5
#define DEPLOYMENTS 6
#define CUSTOMERS   3

static const char *const codes[PLACES] = {"NO", "DE", "SG", "AQ", "US", "CN"};
static const char *const region_names[REGIONS] = {"r0", "r1", "r2", "r3", "r4"};
static const char *const deployment_names[DEPLOYMENTS] = {"d0", "d1", "d2",
                                                          "d3", "d4", "d5"};
static const char *const customer_names[CUSTOMERS] = {"c0", "c1", "c2"};
static const char *const customer_keys[CUSTOMERS] = {
    "wr_c0_0123456789", "wr_c1_0123456789", "wr_c2_0123456789"};
static const char *const models[] = {"large", "small", "mix"};

/* What a random world is, as the judge knows it. */
struct random_world {
    uint64_t state;
    uint32_t hosting; /* bits of codes */
    uint32_t excluded;
    uint32_t rules; /* bits of rule_texts */
    int region_place[REGIONS];
    int region[DEPLOYMENTS];
    int stored[DEPLOYMENTS];
    int model[DEPLOYMENTS]; /* 0 or 1 */
    int headquarters[CUSTOMERS];
    int staff[CUSTOMERS];
    int scope_kind[CUSTOMERS]; /* 0 global, 1 hosting, 2 excluded, 3 place,
                                  4 region */
    int scope_place[CUSTOMERS];
    int scope_region[CUSTOMERS];
    char scope[CUSTOMERS][24];
    int withdrawn; /* deployment, or -1 */
};

enum rule { HEADQUARTERS, STORAGE, STAFF, NETWORK, RULES };

static const char *const rule_texts[RULES] = {
    "@id(\"headquarters\") @title(\"t\") @authority(\"a\")\n"
    "forbid (principal, action, resource) when {\n"
    "    principal.organization.headquarters in Bloc::\"excluded\" };\n",
    "@id(\"storage\") @title(\"t\") @authority(\"a\")\n"
    "forbid (principal, action, resource) unless {\n"
    "    resource.stored_in in Bloc::\"hosting\" };\n",
    "@id(\"staff\") @title(\"t\") @authority(\"a\") @effect(\"hold\")\n"
    "forbid (principal, action, resource) when {\n"
    "    principal.staff == resource.place };\n",
    "@id(\"network\") @title(\"t\") @authority(\"a\")\n"
    "forbid (principal, action, resource) when {\n"
    "    context has client_country &&\n"
    "    context.client_country in Bloc::\"excluded\" };\n"};

/* The second names every place, so that the check lets deployments be there;
 * no call here is streamed. */
static const char permit_text[] =
    "@id(\"permit\") @title(\"t\") @authority(\"a\") @tier(\"crash\")\n"
    "permit (principal, action, resource in Bloc::\"hosting\");\n"
    "@id(\"named\") @title(\"t\") @authority(\"a\")\n"
    "permit (principal, action, resource in Bloc::\"everywhere\")\n"
    "when { context.is_streamed };\n";

static uint32_t
draw(struct random_world *r, uint32_t below)
{
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return (uint32_t)(r->state >> 33) % below;
}

static void
make_random(struct random_world *r, uint64_t seed)
{
    memset(r, 0, sizeof(*r));
    r->state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    for (int i = 0; i < 8; i++)
        (void)draw(r, 2);
    r->hosting = 1 + draw(r, (1u << PLACES) - 1);
    r->excluded = 1 + draw(r, (1u << PLACES) - 1);
    r->rules = draw(r, 1u << RULES);
    for (int i = 0; i < REGIONS; i++)
        r->region_place[i] = (int)draw(r, PLACES);
    for (int i = 0; i < DEPLOYMENTS; i++) {
        r->region[i] = (int)draw(r, REGIONS);
        r->stored[i] = draw(r, 3) > 0 ? r->region_place[r->region[i]]
                                      : (int)draw(r, PLACES);
        r->model[i] = i < 2 ? i : (int)draw(r, 2); /* each has one */
    }
    for (int i = 0; i < CUSTOMERS; i++) {
        r->headquarters[i] = (int)draw(r, PLACES);
        r->staff[i] = (int)draw(r, PLACES);
        r->scope_kind[i] = (int)draw(r, 5);
        r->scope_place[i] = (int)draw(r, PLACES);
        r->scope_region[i] = (int)draw(r, REGIONS);
        const char *name = r->scope_kind[i] == 1   ? "hosting"
                           : r->scope_kind[i] == 2 ? "excluded"
                           : r->scope_kind[i] == 3
                               ? codes[r->scope_place[i]]
                               : region_names[r->scope_region[i]];
        snprintf(r->scope[i], sizeof(r->scope[i]), "%s%s",
                 r->scope_kind[i] == 0   ? "global"
                 : r->scope_kind[i] == 4 ? "region:"
                                         : "zone:",
                 r->scope_kind[i] == 0 ? "" : name);
    }
    r->withdrawn = draw(r, 4) == 0 ? (int)draw(r, DEPLOYMENTS) : -1;
}

/* ------------------------------------------------------------- the judge */

static bool
has(uint32_t set, int place)
{
    return (set >> place & 1u) != 0;
}

static bool
is_inside(const struct random_world *r, int customer, int d)
{
    int place = r->region_place[r->region[d]];
    uint32_t zone = 0;
    switch (r->scope_kind[customer]) {
    case 0:
        return true;
    case 1:
        zone = r->hosting;
        break;
    case 2:
        zone = r->excluded;
        break;
    case 3:
        zone = 1u << r->scope_place[customer];
        break;
    default:
        if (r->region[d] != r->scope_region[customer])
            return false;
        zone = 1u << place;
        break;
    }
    return has(zone, place) && has(zone, r->stored[d]);
}

/* `country` < 0: not known. */
static bool
may(const struct random_world *r, int customer, int d, int country)
{
    int place = r->region_place[r->region[d]];
    if (d == r->withdrawn || !is_inside(r, customer, d))
        return false;
    if (!has(r->hosting, place))
        return false;
    if (has(r->rules, HEADQUARTERS) &&
        has(r->excluded, r->headquarters[customer]))
        return false;
    if (has(r->rules, STORAGE) && !has(r->hosting, r->stored[d]))
        return false;
    if (has(r->rules, STAFF) && r->staff[customer] == place)
        return false;
    return !(has(r->rules, NETWORK) && country >= 0 &&
             has(r->excluded, country));
}

/* -------------------------------------------------------------- the world */

static void
add_set(struct weir_world *world, struct weir_world_range *range, uint32_t set)
{
    range->first = world->name_count;
    for (int i = 0; i < PLACES; i++) {
        if (!has(set, i))
            continue;
        *weir_world_add_name(world) = name_of(codes[i]);
        range->count++;
    }
}

static void
add_bloc(struct weir_world *world, const char *name, uint32_t set)
{
    struct weir_world_bloc *bloc = weir_world_add_bloc(world);
    bloc->name = weir_span_of(name);
    struct weir_world_range members = {0, 0};
    add_set(world, &members, set);
    bloc->members = members;
}

static void
add_origin(struct weir_world *world)
{
    struct weir_world_origin *origin = weir_world_add_origin(world);
    origin->name = WEIR_SPAN("origin");
    origin->dialect = WEIR_SPAN("openai");
    origin->scheme = WEIR_SPAN("http");
    origin->host = WEIR_SPAN("127.0.0.1");
    origin->authority = WEIR_SPAN("127.0.0.1:9");
    origin->port = 9;
    origin->connect_ms = 1000;
    origin->first_byte_ms = 1000;
    origin->idle_ms = 1000;
}

/* An alias over all deployments, by weight or in a drawn order. */
static void
add_mix(struct weir_world *world, struct random_world *r)
{
    struct weir_world_route *route = weir_world_add_route(world);
    route->name = WEIR_SPAN("mix");
    route->mode = draw(r, 2) == 0 ? WEIR_ROUTE_ORDER : WEIR_ROUTE_WEIGHT;
    route->attempts_max = 8;
    route->candidates.first = world->candidate_count;
    route->candidates.count = DEPLOYMENTS;
    uint32_t start = draw(r, DEPLOYMENTS);
    for (uint32_t i = 0; i < DEPLOYMENTS; i++) {
        struct weir_world_candidate *row = weir_world_add_candidate(world);
        row->name = name_of(deployment_names[(start + i) % DEPLOYMENTS]);
        row->weight = route->mode == WEIR_ROUTE_WEIGHT ? 1 + draw(r, 9) : 0;
    }
}

static void
fill_random(struct weir_world *world, struct random_world *r)
{
    world->seller_title = WEIR_SPAN("Seller");
    world->seller_appeal = WEIR_SPAN("appeal@seller.example");
    world->settings.state_dir = WEIR_SPAN("/nowhere");
    world->settings.policy_dir = WEIR_SPAN("/nowhere");
    struct weir_world_listen *listen = weir_world_add_listen(world);
    listen->host = WEIR_SPAN("127.0.0.1");
    listen->port = 8080;
    add_bloc(world, "hosting", r->hosting);
    add_bloc(world, "excluded", r->excluded);
    add_bloc(world, "everywhere", (1u << PLACES) - 1);
    struct weir_world_provider *provider = weir_world_add_provider(world);
    provider->name = WEIR_SPAN("maker");
    provider->title = WEIR_SPAN("Maker");
    provider->origin = name_of("NO");
    add_model(world, "large", "frontier", false);
    add_model(world, "small", "routine", false);
    add_origin(world);
    for (int i = 0; i < REGIONS; i++) {
        struct weir_world_region *region = weir_world_add_region(world);
        region->name = weir_span_of(region_names[i]);
        region->jurisdiction = name_of(codes[r->region_place[i]]);
    }
    add_organisation(world, "seller-co", "NO", NULL);
    for (int i = 0; i < DEPLOYMENTS; i++)
        add_deployment(world, deployment_names[i], models[r->model[i]],
                       region_names[r->region[i]], codes[r->stored[i]]);
    for (int i = 0; i < CUSTOMERS; i++) {
        add_organisation(world, customer_names[i], codes[r->headquarters[i]],
                         NULL);
        add_customer(world, customer_names[i], customer_keys[i]);
        struct weir_world_key *key = &world->key_rows[world->key_count - 1];
        key->staff = name_of(codes[r->staff[i]]);
        key->scope = weir_span_of(r->scope[i]);
        world->limit_rows[world->limit_count - 1].amount = 1000000000;
    }
    add_mix(world, r);
    add_policy(world, "seller/permit.cedar", permit_text);
    for (int i = 0; i < RULES; i++) {
        if (has(r->rules, i))
            add_policy(world,
                       i == 0   ? "law/0.cedar"
                       : i == 1 ? "law/1.cedar"
                       : i == 2 ? "law/2.cedar"
                                : "law/3.cedar",
                       rule_texts[i]);
    }
}

static void
compile_random(struct bench *bench, struct random_world *r)
{
    struct weir_error err = {0};
    weir_world_free(bench->world);
    bench->world = weir_world_new();
    weir_buf_reset(&bench->image_bytes);
    fill_random(bench->world, r);
    if (weir_image_compile(bench->world, bench->now, 1, &bench->image_bytes,
                           &bench->faults) != WEIR_OK) {
        struct weir_buf text;
        weir_buf_init(&text, 1u << 20);
        weir_faults_write(&bench->faults, &text);
        fail_msg("%.*s", (int)text.len, text.ptr);
    }
    if (weir_image_open(weir_buf_span(&bench->image_bytes), &bench->view.image,
                        &err) != WEIR_OK)
        fail_msg("%s", err.text);
    struct weir_overlay_item item = {
        WEIR_KIND_DEPLOYMENT,
        weir_span_of(deployment_names[r->withdrawn < 0 ? 0 : r->withdrawn])};
    set_overlay(bench, &item, r->withdrawn < 0 ? 0 : 1, &bench->view.overlay);
}

/* -------------------------------------------------------------- the calls */

static int
number_of(const struct weir_image *image, uint32_t row)
{
    weir_span name = weir_image_text(image, image->deployments[row].name);
    return name.ptr[1] - '0';
}

static bool
any_may(const struct random_world *r, int customer, int model, int country)
{
    for (int d = 0; d < DEPLOYMENTS; d++) {
        if ((model == 2 || r->model[d] == model) &&
            may(r, customer, d, country))
            return true;
    }
    return false;
}

/* Attempts until the gate gives up; each must be allowed. */
static uint32_t
walk(struct bench *bench, struct random_world *r, struct weir_call *call,
     int customer, int model, int country)
{
    static const enum weir_attempt_end ends[] = {
        WEIR_ATTEMPT_REFUSED, WEIR_ATTEMPT_BROKEN, WEIR_ATTEMPT_SLOW_HEAD,
        WEIR_ATTEMPT_PINNED, WEIR_ATTEMPT_REPLIED};
    struct weir_error err;
    uint32_t tried = 0;
    struct weir_step step =
        weir_call_first(call, &bench->view.overlay, bench->now, &err);
    assert_int_equal(step.next, WEIR_NEXT_TRY);
    while (step.next == WEIR_NEXT_TRY) {
        int d = number_of(&bench->view.image, step.deployment);
        assert_true(may(r, customer, d, country));
        assert_true(model == 2 || r->model[d] == model);
        struct weir_attempt_result result = {
            .end = ends[draw(r, WEIR_COUNTOF(ends))],
            .status = 503,
            .retry_after_ms = -1};
        tried++;
        bench->now += step.wait_us + 1000;
        step = weir_call_next(call, &result, &bench->view.overlay, bench->now,
                              &err);
    }
    struct weir_settlement lost = {.ending = WEIR_END_FAILED,
                                   .http_status = 502};
    weir_call_settle(call, &lost);
    return tried;
}

static uint32_t
run_world(struct bench *bench, uint64_t seed)
{
    struct random_world r;
    struct weir_call call;
    struct weir_record record;
    uint32_t tried = 0;
    bench->now = NOON;
    make_random(&r, seed);
    compile_random(bench, &r);
    for (int customer = 0; customer < CUSTOMERS; customer++) {
        for (int model = 0; model < 3; model++) {
            int country = (int)draw(&r, PLACES + 1) - 1;
            uint64_t position;
            weir_status status =
                begin(bench, &call, customer_keys[customer], models[model],
                      country < 0 ? "" : codes[country]);
            bool expected = any_may(&r, customer, model, country);
            if ((status == WEIR_OK) != expected)
                fail_msg("world %llu, customer %d, model %s: %s, judge says %d",
                         (unsigned long long)seed, customer, models[model],
                         weir_status_info(status)->name, expected);
            if (status != WEIR_OK)
                continue;
            assert_ok(weir_call_admit(&call, &position, NULL));
            tried += walk(bench, &r, &call, customer, model, country);
            while (weir_drain_next(&bench->drain, &record) != WEIR_DRAIN_EMPTY)
                ; /* only read away */
            (void)weir_drain_commit(&bench->drain);
            (void)weir_drain_free(&bench->drain);
        }
    }
    return tried;
}

TEST(worlds, any_route_satisfies_policy_and_scope)
{
    const char *count_text = getenv("WEIR_WORLDS");
    const char *seed_text = getenv("WEIR_SEED");
    uint64_t count = count_text != NULL ? strtoull(count_text, NULL, 10) : 2000;
    uint64_t seed = seed_text != NULL ? strtoull(seed_text, NULL, 10) : 1;
    uint64_t tried = 0;
    struct bench *bench = bench_new();
    for (uint64_t i = 0; i < count; i++)
        tried += run_world(bench, seed + i);
    print_message("%llu worlds, %llu attempts\n", (unsigned long long)count,
                  (unsigned long long)tried);
    assert_true(tried > count / 4); /* the worlds allow something */
    bench_free(bench);
}
