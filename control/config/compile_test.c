/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/crypto.h>
#include <weir/image.h>

#include "control/config/config.h"

#define NOW INT64_C(1795000000000000) /* 2026-11-18 */

static void
print_faults(const struct weir_faults *faults)
{
    struct weir_buf out;
    weir_buf_init(&out, 1 << 20);
    weir_faults_write(faults, &out);
    print_message("%.*s", (int)out.len, out.ptr);
    weir_buf_fini(&out);
}

static struct weir_world *
load_example(const char *name)
{
    char path[512];
    struct weir_faults faults;
    const char *source = getenv("WEIR_SOURCE");
    struct weir_world *world = NULL;
    snprintf(path, sizeof(path), "%s/examples/%s/weir.yaml",
             source == NULL ? "." : source, name);
    weir_faults_init(&faults);
    if (weir_config_load(path, &world, &faults) != WEIR_OK)
        print_faults(&faults);
    weir_faults_fini(&faults);
    assert_non_null(world);
    return world;
}

/* A key as the store would add it; its secret is its id. */
static void
add_key(struct weir_world *world, const char *id, const char *tenant,
        const char *project, const char *purpose, const char *staff)
{
    weir_digest digest;
    struct weir_world_key *key = weir_world_add_key(world);
    weir_sha256_of(weir_span_of(id), &digest);
    memcpy(key->digest, digest.bytes, sizeof(key->digest));
    key->id = weir_span_of(id);
    key->tenant = weir_span_of(tenant);
    key->project = weir_span_of(project);
    key->purpose = weir_span_of(purpose);
    key->staff.text = weir_span_of(staff);
    key->not_after = WEIR_TIME_MAX;
    key->end_users.first = world->name_count;
    struct weir_world_name *place = weir_world_add_name(world);
    place->text = weir_span_of(staff);
    key->end_users.count = 1;
}

static void
compile(struct weir_world *world, weir_time now, struct weir_buf *out,
        struct weir_image *image)
{
    struct weir_faults faults;
    struct weir_error err;
    weir_faults_init(&faults);
    if (weir_config_compile(world, now, 7, out, &faults) != WEIR_OK)
        print_faults(&faults);
    assert_int_equal(faults.total, 0);
    if (weir_image_open(weir_buf_span(out), image, &err) != WEIR_OK)
        fail_msg("%s", err.text);
    weir_faults_fini(&faults);
}

static uint32_t
key_of(const struct weir_image *image, const char *id)
{
    weir_digest digest;
    weir_sha256_of(weir_span_of(id), &digest);
    uint32_t row = weir_image_find_key(image, digest.bytes);
    assert_int_not_equal(row, WEIR_INDEX_NONE);
    return row;
}

static uint32_t
deployment_of(const struct weir_image *image, const char *name)
{
    for (uint32_t i = 0; i < image->deployment_count; i++) {
        if (weir_span_equal(weir_image_text(image, image->deployments[i].name),
                            weir_span_of(name)))
            return i;
    }
    fail_msg("no deployment %s", name);
    return 0;
}

struct decision {
    enum weir_cedar_outcome outcome;
    char ids[256]; /* of satisfied policies, in order */
};

static struct decision
decide(const struct weir_image *image, const char *key,
       enum weir_operation operation, const char *deployment,
       const char *country, weir_time now)
{
    const struct weir_cedar_program *program = &image->program;
    _Alignas(16) char scratch[32768];
    uint32_t satisfied[32];
    struct weir_cedar_failure failed[4];
    struct weir_cedar_binding context[4];
    weir_cedar_value address;
    struct decision decision = {.outcome = WEIR_CEDAR_DENY};
    struct weir_cedar_request request = {
        .principal =
            weir_cedar_arg_entity(image->keys[key_of(image, key)].entity),
        .action = weir_cedar_arg_entity(image->actions[operation]),
        .resource = weir_cedar_arg_entity(
            image->deployments[deployment_of(image, deployment)].entity),
        .context = context,
        .now = now,
    };
    assert_true(weir_cedar_extension_parse(WEIR_CEDAR_IP,
                                           WEIR_SPAN("192.0.2.1"), &address));
    const struct {
        const char *name;
        weir_cedar_arg value;
    } values[] = {
        {"client", weir_cedar_arg_ip(&address.ip, false, 32)},
        {"now", weir_cedar_arg_datetime(now / 1000)},
        {"is_streamed", weir_cedar_arg_bool(false)},
        {"client_country",
         weir_cedar_arg_entity(
             country == NULL ? 0
                             : image
                                   ->jurisdictions[weir_image_find_jurisdiction(
                                       image, weir_span_of(country))]
                                   .entity)},
    };
    for (size_t i = 0; i < (country == NULL ? 3u : 4u); i++) {
        uint32_t attribute =
            weir_cedar_program_attribute(program, weir_span_of(values[i].name));
        if (attribute != WEIR_CEDAR_NONE)
            context[request.context_count++] =
                (struct weir_cedar_binding){attribute, values[i].value};
    }
    struct weir_cedar_answer answer = {.satisfied = satisfied,
                                       .satisfied_max = 32,
                                       .failed = failed,
                                       .failed_max = 4};
    assert_true(weir_cedar_program_scratch_size(program) <= sizeof(scratch));
    weir_cedar_decide(program, &request, WEIR_CEDAR_FULL, scratch, &answer);
    assert_int_equal(answer.failed_count, 0);
    decision.outcome = answer.outcome;
    for (uint32_t i = 0; i < answer.satisfied_count; i++) {
        weir_span id = weir_image_text(image, image->policies[satisfied[i]].id);
        snprintf(decision.ids + strlen(decision.ids),
                 sizeof(decision.ids) - strlen(decision.ids), "%s%.*s",
                 i == 0 ? "" : " ", WEIR_SPAN_ARG(id));
    }
    return decision;
}

static struct weir_world *
demo_with_keys(void)
{
    struct weir_world *world = load_example("demo");
    add_key(world, "wk_fjord", "fjordline", "freight", "translation", "NO");
    add_key(world, "wk_search", "fjordline", "search", "general", "NO");
    add_key(world, "wk_harbour", "harbour", "robots", "coding", "DE");
    add_key(world, "wk_lagoon", "lagoon", "subtitles", "translation", "PT");
    return world;
}

struct expected {
    const char *key;
    const char *deployment;
    const char *country;
    enum weir_operation operation;
    enum weir_cedar_outcome outcome;
    const char *ids;
};

static const struct expected demo[] = {
    {"wk_fjord", "aurora-large-oslo", NULL, WEIR_OP_CHAT, WEIR_CEDAR_ALLOW,
     "seller-hosting"},
    {"wk_search", "aurora-large-oslo", "NO", WEIR_OP_CHAT, WEIR_CEDAR_ALLOW,
     "seller-hosting seller-frontier-purpose"},
    {"wk_fjord", "aurora-large-oslo", "AQ", WEIR_OP_CHAT, WEIR_CEDAR_DENY,
     "aurora-user-place seller-hosting"},
    {"wk_fjord", "meridian-open-singapore", "AQ", WEIR_OP_CHAT, WEIR_CEDAR_DENY,
     "seller-hosting fjordline-europe"},
    {"wk_fjord", "meridian-open-frankfurt", "AQ", WEIR_OP_CHAT,
     WEIR_CEDAR_ALLOW, "seller-hosting"},
    {"wk_fjord", "meridian-embed-singapore", NULL, WEIR_OP_EMBED,
     WEIR_CEDAR_ALLOW, "seller-hosting"},
    {"wk_harbour", "aurora-large-oslo", NULL, WEIR_OP_CHAT, WEIR_CEDAR_DENY,
     "aurora-polar-owned seller-hosting"},
    {"wk_harbour", "meridian-open-singapore", NULL, WEIR_OP_CHAT,
     WEIR_CEDAR_ALLOW, "seller-hosting"},
    {"wk_lagoon", "aurora-large-oslo", NULL, WEIR_OP_CHAT, WEIR_CEDAR_HELD,
     "aurora-polar-unclear seller-hosting"},
    {"wk_lagoon", "meridian-open-singapore", NULL, WEIR_OP_CHAT,
     WEIR_CEDAR_ALLOW, "seller-hosting"},
};

TEST(image, the_demonstration_allows_denies_and_holds)
{
    struct weir_world *world = demo_with_keys();
    struct weir_image image;
    struct weir_buf out;
    int failures = 0;
    compile(world, NOW, &out, &image);
    for (size_t i = 0; i < WEIR_COUNTOF(demo); i++) {
        const struct expected *e = &demo[i];
        struct decision d = decide(&image, e->key, e->operation, e->deployment,
                                   e->country, NOW);
        if (d.outcome == e->outcome && strcmp(d.ids, e->ids) == 0)
            continue;
        print_message("%s at %s: %d by %s\n", e->key, e->deployment,
                      (int)d.outcome, d.ids);
        failures++;
    }
    assert_int_equal(failures, 0);
    weir_image_close(&image);
    weir_buf_fini(&out);
    weir_world_free(world);
}

TEST(image, the_same_world_gives_the_same_digest)
{
    struct weir_image images[2];
    struct weir_buf outs[2];
    for (int i = 0; i < 2; i++) {
        struct weir_world *world = demo_with_keys();
        compile(world, NOW + i * WEIR_US_PER_DAY, &outs[i], &images[i]);
        weir_world_free(world);
        assert_true(weir_image_verify(&images[i]));
    }
    assert_memory_equal(images[0].digest, images[1].digest, 32);
    assert_true(images[0].created != images[1].created);
    assert_true(images[0].next_change == WEIR_TIME_MAX);
    print_message("demo image: %zu bytes\n", outs[0].len);
    weir_buf_fini(&outs[0]);
    weir_buf_fini(&outs[1]);
}

TEST(image, finders_find_every_row_and_nothing_else)
{
    struct weir_world *world = demo_with_keys();
    struct weir_image image;
    struct weir_buf out;
    uint8_t absent[32] = {1, 2, 3};
    compile(world, NOW, &out, &image);
    assert_int_equal(image.route_count, 6); /* four models, two aliases */
    for (uint32_t i = 0; i < image.route_count; i++)
        assert_int_equal(
            weir_image_find_route(
                &image, weir_image_text(&image, image.routes[i].name)),
            i);
    for (uint32_t i = 0; i < image.key_count; i++)
        assert_int_equal(weir_image_find_key(&image, image.keys[i].digest), i);
    assert_int_equal(image.jurisdiction_count, 251);
    for (uint32_t i = 0; i < image.jurisdiction_count; i++)
        assert_int_equal(
            weir_image_find_jurisdiction(
                &image, weir_image_text(&image, image.jurisdictions[i].code)),
            i);
    assert_int_equal(weir_image_find_route(&image, WEIR_SPAN("absent")),
                     WEIR_INDEX_NONE);
    assert_int_equal(weir_image_find_route(&image, WEIR_SPAN_NONE),
                     WEIR_INDEX_NONE);
    assert_int_equal(weir_image_find_key(&image, absent), WEIR_INDEX_NONE);
    assert_int_equal(weir_image_find_jurisdiction(&image, WEIR_SPAN("XX")),
                     WEIR_INDEX_NONE);
    weir_buf_fini(&out);
    weir_world_free(world);
}

TEST(image, rows_carry_what_the_sources_say)
{
    struct weir_world *world = demo_with_keys();
    struct weir_image m;
    struct weir_buf out;
    compile(world, NOW, &out, &m);
    uint32_t smart = weir_image_find_route(&m, WEIR_SPAN("smart"));
    const struct weir_image_route *route = &m.routes[smart];
    assert_int_equal(route->count, 4);
    assert_int_equal(route->attempts_max, 3);
    assert_int_equal(route->deadline_ms, 120000);
    assert_int_equal(route->model, WEIR_INDEX_NONE);
    static const char *const order[] = {
        "aurora-large-oslo", "aurora-large-frankfurt",
        "meridian-open-singapore", "meridian-open-frankfurt"};
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(m.candidates[route->first + i].deployment,
                         deployment_of(&m, order[i]));
    uint32_t cheap = weir_image_find_route(&m, WEIR_SPAN("cheap"));
    assert_int_equal(m.routes[cheap].mode, WEIR_ROUTE_WEIGHT);
    assert_int_equal(m.candidates[m.routes[cheap].first].weight, 3);
    const struct weir_image_deployment *d =
        &m.deployments[deployment_of(&m, "meridian-open-frankfurt")];
    assert_span(weir_image_text(&m, d->origin_model), "meridian-open-v2");
    assert_span(weir_image_text(&m, m.jurisdictions[d->place].code), "DE");
    const struct weir_image_model *model = &m.models[d->model];
    assert_int_equal(model->flags, WEIR_MODEL_OPEN_WHEN_STALE);
    assert_int_equal(model->price.cached_input, 70000);
    const struct weir_image_origin *o = &m.origins[d->origin];
    assert_span(weir_image_text(&m, o->authority), "127.0.0.1:9102");
    assert_span(weir_image_text(&m, o->prefix), "/v1");
    assert_int_equal(o->port, 9102);
    const struct weir_image_key *key = &m.keys[key_of(&m, "wk_harbour")];
    const struct weir_image_project *p = &m.projects[key->project];
    const struct weir_image_tenant *t = &m.tenants[p->tenant];
    assert_span(weir_image_text(&m, p->name), "robots");
    assert_span(weir_image_text(&m, t->name), "harbour");
    assert_int_equal(t->flags, WEIR_TENANT_HIDE_ADDRESS);
    assert_int_equal(t->limit_count, 2);
    assert_int_equal(m.limits[t->first_limit + 1].amount, 100000000);
    assert_true(key->subject_hash != 0 && key->subject_hash != key->hash);
    assert_span(weir_image_text(&m, m.seller), "Longship Compute");
    weir_buf_fini(&out);
    weir_world_free(world);
}

TEST(image, a_rule_has_members_only_between_its_dates)
{
    struct weir_world *world = demo_with_keys();
    struct weir_image image;
    struct weir_buf out;
    world->rule_rows[0].from = NOW;
    world->rule_rows[0].until = NOW + WEIR_US_PER_DAY;
    static const struct {
        weir_time now;
        weir_time next;
        enum weir_cedar_outcome outcome;
    } cases[] = {
        {NOW - 1, NOW, WEIR_CEDAR_ALLOW},
        {NOW, NOW + WEIR_US_PER_DAY, WEIR_CEDAR_DENY},
        {NOW + WEIR_US_PER_DAY - 1, NOW + WEIR_US_PER_DAY, WEIR_CEDAR_DENY},
        {NOW + WEIR_US_PER_DAY, WEIR_TIME_MAX, WEIR_CEDAR_ALLOW},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        compile(world, cases[i].now, &out, &image);
        assert_true(image.next_change == cases[i].next);
        assert_int_equal(decide(&image, "wk_harbour", WEIR_OP_CHAT,
                                "aurora-large-oslo", NULL, cases[i].now)
                             .outcome,
                         cases[i].outcome);
        weir_buf_fini(&out);
    }
    weir_world_free(world);
}

TEST(image, unknown_ownership_has_the_effect_that_the_rule_says)
{
    static const struct {
        enum weir_unknown_effect effect;
        enum weir_cedar_outcome outcome;
    } cases[] = {{WEIR_UNKNOWN_HOLD, WEIR_CEDAR_HELD},
                 {WEIR_UNKNOWN_YES, WEIR_CEDAR_DENY},
                 {WEIR_UNKNOWN_NO, WEIR_CEDAR_ALLOW}};
    struct weir_world *world = demo_with_keys();
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        struct weir_image image;
        struct weir_buf out;
        world->rule_rows[0].unknown = cases[i].effect;
        compile(world, NOW, &out, &image);
        assert_int_equal(decide(&image, "wk_lagoon", WEIR_OP_CHAT,
                                "aurora-large-oslo", NULL, NOW)
                             .outcome,
                         cases[i].outcome);
        weir_buf_fini(&out);
    }
    weir_world_free(world);
}

TEST(image, faults_of_keys_stop_the_compilation_and_leave_the_output)
{
    struct weir_world *world = demo_with_keys();
    struct weir_faults faults;
    struct weir_buf out;
    weir_faults_init(&faults);
    add_key(world, "wk_lost", "fjordline", "gone", "x", "NO");
    add_key(world, "wk_fjord", "fjordline", "search", "x", "EU");
    assert_int_equal(weir_config_compile(world, NOW, 1, &out, &faults),
                     WEIR_EPARSE);
    /* no project; double id; double digest; staff and end user unknown */
    assert_int_equal(faults.total, 5);
    assert_int_equal(out.len, 0);
    weir_buf_fini(&out);
    weir_faults_fini(&faults);
    weir_world_free(world);
}

TEST(image, every_flipped_bit_is_found)
{
    struct weir_world *world = load_example("minimal");
    struct weir_image image;
    struct weir_buf out;
    compile(world, NOW, &out, &image);
    for (size_t i = 0; i < out.len; i++) {
        struct weir_image opened;
        char kept = out.ptr[i];
        out.ptr[i] = (char)(kept ^ (1 << (i % 8)));
        weir_status status =
            weir_image_open(weir_buf_span(&out), &opened, NULL);
        assert_true(status == WEIR_ECORRUPT || status == WEIR_EVERSION);
        out.ptr[i] = kept;
    }
    for (size_t len = 0; len < out.len; len += 1 + len / 64) {
        struct weir_image opened;
        assert_int_equal(
            weir_image_open((weir_span){out.ptr, len}, &opened, NULL),
            WEIR_ECORRUPT);
    }
    assert_ok(weir_image_open(weir_buf_span(&out), &image, NULL));
    weir_buf_fini(&out);
    weir_world_free(world);
}

TEST(image, a_file_is_mapped_checked_and_let_go)
{
    char path[] = "/tmp/weir-image-XXXXXX";
    struct weir_world *world = load_example("minimal");
    struct weir_image image;
    struct weir_image mapped;
    struct weir_buf out;
    compile(world, NOW, &out, &image);
    int fd = mkstemp(path);
    assert_int_equal(write(fd, out.ptr, out.len), (ssize_t)out.len);
    assert_ok(weir_image_map(path, &mapped, NULL));
    assert_memory_equal(mapped.digest, image.digest, 32);
    assert_int_equal(mapped.generation, 7);
    weir_image_close(&mapped);
    assert_int_equal(ftruncate(fd, (off_t)out.len - 8), 0);
    assert_int_equal(weir_image_map(path, &mapped, NULL), WEIR_ECORRUPT);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(weir_image_map(path, &mapped, NULL), WEIR_ECORRUPT);
    close(fd);
    unlink(path);
    assert_int_equal(weir_image_map(path, &mapped, NULL), WEIR_ENOTFOUND);
    weir_buf_fini(&out);
    weir_world_free(world);
}

TEST(image, an_overlay_has_what_was_written_and_nothing_else)
{
    static const struct weir_overlay_item items[] = {
        {WEIR_KIND_MODEL, {"m", 1}},
        {WEIR_KIND_KEY, {"wk_1", 4}},
        {WEIR_KIND_MODEL, {"m", 1}},
        {WEIR_KIND_JURISDICTION, {"NO", 2}},
    };
    struct weir_overlay overlay;
    struct weir_buf out;
    weir_buf_init(&out, 1 << 20);
    weir_overlay_write(items, WEIR_COUNTOF(items), 3, NOW, true, &out);
    assert_false(out.overflow);
    assert_ok(weir_overlay_open(weir_buf_span(&out), &overlay, NULL));
    assert_int_equal(overlay.count, 3);
    assert_int_equal(overlay.generation, 3);
    assert_int_equal(overlay.cut_streams, 1);
    for (size_t i = 0; i < WEIR_COUNTOF(items); i++)
        assert_true(weir_overlay_has(
            &overlay, weir_kind_hash(items[i].kind, items[i].name)));
    assert_false(weir_overlay_has(
        &overlay, weir_kind_hash(WEIR_KIND_PROVIDER, WEIR_SPAN("m"))));
    assert_false(weir_overlay_has(
        &overlay, weir_kind_hash(WEIR_KIND_KEY, WEIR_SPAN("wk_2"))));
    for (size_t i = 0; i < out.len; i++) {
        char kept = out.ptr[i];
        out.ptr[i] = (char)(kept ^ (1 << (i % 8)));
        weir_status status =
            weir_overlay_open(weir_buf_span(&out), &overlay, NULL);
        assert_true(status == WEIR_ECORRUPT || status == WEIR_EVERSION);
        out.ptr[i] = kept;
    }
    for (size_t len = 0; len < out.len; len++)
        assert_int_equal(
            weir_overlay_open((weir_span){out.ptr, len}, &overlay, NULL),
            WEIR_ECORRUPT);
    weir_buf_reset(&out);
    weir_overlay_write(NULL, 0, 4, NOW, false, &out);
    assert_ok(weir_overlay_open(weir_buf_span(&out), &overlay, NULL));
    assert_int_equal(overlay.count, 0);
    assert_false(weir_overlay_has(&overlay, 0));
    weir_buf_fini(&out);
}

TEST(image, kinds_have_names_both_ways)
{
    for (int kind = WEIR_KIND_MODEL; kind <= WEIR_KIND_KEY; kind++) {
        enum weir_kind parsed;
        assert_true(weir_kind_parse(
            weir_span_of(weir_kind_name((enum weir_kind)kind)), &parsed));
        assert_int_equal(parsed, kind);
    }
    enum weir_kind kind;
    assert_false(weir_kind_parse(WEIR_SPAN("models"), &kind));
}

TEST(image, owners_in_a_circle_are_legal_and_decided)
{
    struct weir_world *world = demo_with_keys();
    struct weir_image image;
    struct weir_buf out;
    /* Southpole holds 60 % of Tern; Tern and Harbour hold each other, and
     * a second source says the same of Tern with less precision. */
    struct weir_world_owner *again;
    uint32_t first = world->owner_count;
    static const struct {
        const char *name;
        weir_share share;
    } owners[] = {{"southpole", {600000, 600000}},
                  {"southpole", {500000, 700000}},
                  {"harbour", {400000, 400000}}};
    for (size_t i = 0; i < WEIR_COUNTOF(owners); i++) {
        again = weir_world_add_owner(world);
        again->name.text = weir_span_of(owners[i].name);
        again->share = owners[i].share;
    }
    for (uint32_t i = 0; i < world->organisation_count; i++) {
        if (weir_span_equal(world->organisation_rows[i].name,
                            WEIR_SPAN("tern-capital")))
            world->organisation_rows[i].owners =
                (struct weir_world_range){first, 3};
    }
    compile(world, NOW, &out, &image);
    assert_int_equal(decide(&image, "wk_harbour", WEIR_OP_CHAT,
                            "aurora-large-oslo", NULL, NOW)
                         .outcome,
                     WEIR_CEDAR_DENY);
    weir_buf_fini(&out);
    weir_world_free(world);
}
