/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

TEST(image, the_installed_schema_is_the_one_that_compiles)
{
    char path[512];
    size_t len;
    const char *source = getenv("WEIR_SOURCE");
    snprintf(path, sizeof(path), "%s/policies/weir.cedarschema",
             source == NULL ? "." : source);
    char *text = weir_test_read(path, &len);
    weir_span schema = weir_world_schema();
    assert_int_equal(len, schema.len);
    assert_memory_equal(text, schema.ptr, len);
    free(text);
}
