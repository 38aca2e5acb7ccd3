/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/config.h"

static const char sound[] =
    "listen: [{address: 127.0.0.1:8080}]\n"
    "state: /tmp/state\n"
    "policies: /tmp/policies\n"
    "seller: {title: S, appeal: a@s.example}\n"
    "blocs: [{name: north, members: ['NO', SE]}]\n"
    "providers: [{name: p, origin: NO}, {name: q, origin: SE}]\n"
    "models:\n"
    "  - {name: m, provider: p, origin: NO, licence: l, price: {input: 1,\n"
    "     output: 1}}\n"
    "regions: [{name: oslo, jurisdiction: 'NO'}]\n"
    "origins: [{name: o, dialect: openai, url: 'http://127.0.0.1:1/v1'}]\n"
    "organisations: [{name: own, headquarters: NO, incorporated: NO}]\n"
    "deployments:\n"
    "  - {name: d, model: m, origin: o, region: oslo, stored_in: NO,\n"
    "     operator: own}\n"
    "tenants: [{name: t, organisation: own, projects: [{name: main}]}]\n"
    "ownership_rules:\n"
    "  - {name: r, seeds: {organisations: [own]}, threshold: 50%}\n";

#define PERMIT                                                                 \
    "@id(\"ok\") @title(\"T\") @authority(\"A\")\n"                            \
    "permit (principal, action, resource in Bloc::\"north\");\n"
#define HEAD "@id(\"x\") @title(\"T\") @authority(\"A\")\n"

static void
add_policy(struct weir_world *world, const char *file, const char *text)
{
    struct weir_world_policy *policy = weir_world_add_policy(world);
    policy->file = weir_span_of(file);
    policy->text = weir_span_of(text);
}

static weir_status
compile(const char *file, const char *text, const char *permit,
        struct weir_faults *faults, struct weir_buf *out)
{
    struct weir_world *world = weir_world_new();
    weir_faults_init(faults);
    assert_ok(weir_config_parse(weir_span_of(sound), WEIR_SPAN("weir.yaml"),
                                world, faults));
    add_policy(world, "seller/ok.cedar", permit);
    if (file != NULL)
        add_policy(world, file, text);
    weir_status status = weir_config_compile(world, 0, 1, out, faults);
    weir_world_free(world);
    return status;
}

struct bad {
    const char *file;
    const char *text;
    const char *line;
};

static const struct bad bad[] = {
    /* layers */
    {"x.cedar", HEAD "forbid (principal, action, resource);",
     "x.cedar: a policy file outside of every layer"},
    {"legal/x.cedar", HEAD "forbid (principal, action, resource);",
     "legal/x.cedar: a policy file outside of every layer"},
    {"providers/x.cedar", HEAD "forbid (principal, action, resource);",
     "providers/x.cedar: policies of provider \"\", which nobody declares"},
    {"tenants/u/x.cedar", HEAD "forbid (principal, action, resource);",
     "tenants/u/x.cedar: policies of tenant \"u\", which nobody declares"},
    {"law/x.cedar", HEAD "permit (principal, action, resource);",
     "law/x.cedar:1:1: policy \"x\" permits, and only the seller may"},
    {"providers/p/x.cedar", HEAD "permit (principal, action, resource);",
     "providers/p/x.cedar:1:1: policy \"x\" permits"},
    {"tenants/t/x.cedar", "\n  " HEAD "permit (principal, action, resource);",
     "tenants/t/x.cedar:2:3: policy \"x\" permits"},
    /* annotations */
    {"law/x.cedar", "forbid (principal, action, resource);",
     "law/x.cedar:1:1: policy \"\": no @title"},
    {"law/x.cedar",
     "@title(\"T\") @authority(\"A\")\nforbid (principal, action, resource);",
     "law/x.cedar:1:1: a policy without usable @id"},
    {"law/x.cedar",
     "@id(\"ok\") @title(\"T\") @authority(\"A\")\n"
     "forbid (principal, action, resource);",
     "law/x.cedar:1:1: policy \"ok\" is there twice, first at "
     "seller/ok.cedar:1"},
    {"law/x.cedar",
     HEAD "@untill(\"2027-01-01\")\nforbid (principal, action, "
          "resource);",
     "law/x.cedar:1:1: policy \"x\" has an annotation @untill"},
    {"law/x.cedar",
     HEAD "@until(\"next year\")\nforbid (principal, action, "
          "resource);",
     "law/x.cedar:1:1: policy \"x\": @until is not a date or time"},
    {"law/x.cedar",
     HEAD "@from(\"2027-01-01\") @until(\"2027-01-01\")\n"
          "forbid (principal, action, resource);",
     "law/x.cedar:1:1: policy \"x\": @until is not after @from"},
    {"law/x.cedar",
     HEAD "@effect(\"deny\")\nforbid (principal, action, "
          "resource);",
     "law/x.cedar:1:1: policy \"x\": @effect is not hold"},
    {"seller/x.cedar",
     HEAD "@effect(\"hold\")\npermit (principal, action, "
          "resource);",
     "seller/x.cedar:1:1: policy \"x\": a permit that holds"},
    {"law/x.cedar",
     HEAD "@mode(\"dark\")\nforbid (principal, action, "
          "resource);",
     "law/x.cedar:1:1: policy \"x\": @mode is not shadow"},
    {"law/x.cedar",
     HEAD "@max_n(\"1\")\nforbid (principal, action, "
          "resource);",
     "law/x.cedar:1:1: policy \"x\": an obligation on a forbid"},
    {"seller/x.cedar",
     HEAD "@max_n(\"0\")\npermit (principal, action, "
          "resource);",
     "seller/x.cedar:1:1: policy \"x\": @max_n is not a number of choices"},
    {"seller/x.cedar",
     HEAD "@monitor(\"steps=suspend\")\npermit (principal, action, "
          "resource);",
     "seller/x.cedar:1:1: policy \"x\": suspend is never automatic: put it "
     "under ask"},
    {"seller/x.cedar",
     HEAD "@strip(\"logprob\")\npermit (principal, action, "
          "resource);",
     "seller/x.cedar:1:1: policy \"x\": @strip names nothing"},
    {"seller/x.cedar",
     HEAD "@tier(\"fast\")\npermit (principal, action, "
          "resource);",
     "seller/x.cedar:1:1: policy \"x\": @tier is neither durable nor crash"},
    {"seller/x.cedar",
     HEAD "@retain(\"\")\npermit (principal, action, "
          "resource);",
     "seller/x.cedar:1:1: policy \"x\": an annotation that is empty"},
    /* language */
    {"law/x.cedar", HEAD "forbid (principal, action);", "law/x.cedar:2:26: "},
    {"law/x.cedar", HEAD "forbid (principal == ?principal, action, resource);",
     "law/x.cedar:1:1: a template: nothing links it"},
    {"law/x.cedar",
     HEAD "forbid (principal, action, resource)\n"
          "when { principal.nationality == \"x\" };",
     "law/x.cedar:3:8: policy \"x\": "},
    {"law/x.cedar",
     HEAD "forbid (principal, action == Action::\"paint\", "
          "resource);",
     "law/x.cedar:2:"},
    {"law/x.cedar", HEAD "forbid (principal is Tenant, action, resource);",
     "law/x.cedar:"},
    /* names */
    {"law/x.cedar",
     HEAD "forbid (principal in OwnershipRule::\"rr\", action, resource);",
     "law/x.cedar:2:22: policy \"x\" names OwnershipRule \"rr\", which nobody "
     "declares"},
    {"law/x.cedar",
     HEAD "forbid (principal, action, resource) when {\n"
          "  // Bloc::\"in a comment\"\n"
          "  resource in Bloc::\"south\" };",
     "law/x.cedar:4:15: policy \"x\" names Bloc \"south\", which nobody"},
    {"law/x.cedar",
     HEAD "forbid (principal, action, resource) when {\n"
          "  resource.stored_in == Jurisdiction::\"EU\" };",
     "law/x.cedar:3:25: policy \"x\" names Jurisdiction \"EU\""},
};

TEST(policies, every_fault_names_its_place)
{
    int failures = 0;
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++) {
        struct weir_faults faults;
        struct weir_buf out;
        struct weir_buf text;
        weir_status status =
            compile(bad[i].file, bad[i].text, PERMIT, &faults, &out);
        weir_buf_init(&text, 1 << 20);
        weir_faults_write(&faults, &text);
        if (status != WEIR_EPARSE || out.len != 0 || faults.count == 0 ||
            strncmp(text.ptr, bad[i].line, strlen(bad[i].line)) != 0) {
            print_message("case %zu: %s\n  got %.*s", i, bad[i].line,
                          (int)text.len, text.len == 0 ? "" : text.ptr);
            failures++;
        }
        weir_buf_fini(&text);
        weir_buf_fini(&out);
        weir_faults_fini(&faults);
    }
    assert_int_equal(failures, 0);
}

TEST(policies, a_deployment_whose_place_no_policy_names_is_refused)
{
    static const char *const permits[] = {
        "@id(\"ok\") @title(\"T\") @authority(\"A\")\n"
        "permit (principal, action, resource);",
        "@id(\"ok\") @title(\"T\") @authority(\"A\")\n"
        "permit (principal, action, resource in Jurisdiction::\"SE\");",
        /* the place only where nothing is permitted or enforced */
        "@id(\"ok\") @title(\"T\") @authority(\"A\") @mode(\"shadow\")\n"
        "permit (principal, action, resource in Bloc::\"north\");",
        "@id(\"ok\") @title(\"T\") @authority(\"A\")\n"
        "permit (principal, action, resource) when { principal.purpose == "
        "\"Bloc::\\\"north\\\"\" };",
    };
    for (size_t i = 0; i < WEIR_COUNTOF(permits); i++) {
        struct weir_faults faults;
        struct weir_buf out;
        assert_int_equal(compile("law/x.cedar",
                                 HEAD "forbid (principal, action, resource) "
                                      "unless { resource in Bloc::\"north\" "
                                      "};",
                                 permits[i], &faults, &out),
                         WEIR_EPARSE);
        assert_int_equal(faults.count, 1);
        assert_span(faults.rows[0].text, "deployment \"d\" runs in NO, a "
                                         "place that no policy names");
        weir_buf_fini(&out);
        weir_faults_fini(&faults);
    }
    static const char *const enough[] = {
        "Deployment::\"d\"", "Region::\"oslo\"", "Jurisdiction::\"NO\"",
        "Bloc :: // any blank\n \"north\""};
    for (size_t i = 0; i < WEIR_COUNTOF(enough); i++) {
        char text[256];
        struct weir_faults faults;
        struct weir_buf out;
        snprintf(text, sizeof(text),
                 "@id(\"ok\") @title(\"T\") @authority(\"A\")\n"
                 "permit (principal, action, resource in %s);",
                 enough[i]);
        assert_ok(compile(NULL, NULL, text, &faults, &out));
        weir_buf_fini(&out);
        weir_faults_fini(&faults);
    }
}

/* Whatever a layer's policy says, it reaches only the layer's owner. */
struct bound {
    const char *file;
    const char *policy; /* would refuse everything */
};

static const struct bound bound[] = {
    {"tenants/t/x.cedar", "forbid(principal,action,resource);"},
    {"tenants/t/x.cedar", "forbid ( principal , action , resource , ) ;"},
    {"tenants/t/x.cedar",
     "forbid (principal // x, (y\n, action, resource) when { true };"},
    {"tenants/t/x.cedar", "forbid (principal is Key, action, resource);"},
    {"tenants/t/x.cedar",
     "forbid (principal is Key in Organization::\"own\", action in "
     "[Action::\"chat\", Action::\"embed\"], resource is Deployment) unless { "
     "principal.purpose == \"),(\" };"},
    {"providers/p/x.cedar", "forbid(principal,action,resource);"},
    {"providers/p/x.cedar", "forbid(principal,action,resource,);"},
    {"providers/p/x.cedar",
     "forbid (principal in Organization::\"own\", action == "
     "Action::\"chat\", resource in Region::\"oslo\") when { true };"},
};

static const char two_of_each[] =
    "listen: [{address: 127.0.0.1:8080}]\n"
    "state: /tmp/state\n"
    "policies: /tmp/policies\n"
    "seller: {title: S, appeal: a@s.example}\n"
    "blocs: [{name: north, members: ['NO', SE]}]\n"
    "providers: [{name: p, origin: NO}, {name: q, origin: SE}]\n"
    "models:\n"
    "  - {name: mp, provider: p, origin: NO, licence: l, price: {input: 1,\n"
    "     output: 1}}\n"
    "  - {name: mq, provider: q, origin: NO, licence: l, price: {input: 1,\n"
    "     output: 1}}\n"
    "regions: [{name: oslo, jurisdiction: 'NO'}]\n"
    "origins: [{name: o, dialect: openai, url: 'http://127.0.0.1:1/v1'}]\n"
    "organisations: [{name: own, headquarters: NO, incorporated: NO}]\n"
    "deployments:\n"
    "  - {name: dp, model: mp, origin: o, region: oslo, stored_in: NO,\n"
    "     operator: own}\n"
    "  - {name: dq, model: mq, origin: o, region: oslo, stored_in: NO,\n"
    "     operator: own}\n"
    "tenants:\n"
    "  - {name: t, organisation: own, projects: [{name: main}]}\n"
    "  - {name: u, organisation: own, projects: [{name: main}]}\n";

static enum weir_cedar_outcome
ask(const struct weir_image *image, uint32_t key, uint32_t deployment)
{
    _Alignas(16) char scratch[32768];
    uint32_t satisfied[8];
    struct weir_cedar_failure failed[8];
    struct weir_cedar_request request = {
        .principal = weir_cedar_arg_entity(image->keys[key].entity),
        .action = weir_cedar_arg_entity(image->actions[WEIR_OP_CHAT]),
        .resource =
            weir_cedar_arg_entity(image->deployments[deployment].entity),
    };
    struct weir_cedar_answer answer = {.satisfied = satisfied,
                                       .satisfied_max = 8,
                                       .failed = failed,
                                       .failed_max = 8};
    weir_cedar_decide(&image->program, &request, WEIR_CEDAR_FULL, scratch,
                      &answer);
    assert_int_equal(answer.failed_count, 0);
    return answer.outcome;
}

static void
add_key(struct weir_world *world, const char *id, const char *tenant)
{
    struct weir_world_key *key = weir_world_add_key(world);
    key->digest[0] = (uint8_t)id[0];
    key->id = weir_span_of(id);
    key->tenant = weir_span_of(tenant);
    key->project = WEIR_SPAN("main");
    key->purpose = WEIR_SPAN("p");
    key->staff.text = WEIR_SPAN("NO");
    key->not_after = WEIR_TIME_MAX;
}

TEST(policies, a_layer_reaches_only_what_is_its_own)
{
    for (size_t i = 0; i < WEIR_COUNTOF(bound); i++) {
        struct weir_world *world = weir_world_new();
        struct weir_faults faults;
        struct weir_buf out;
        struct weir_image image;
        char text[512];
        snprintf(text, sizeof(text), HEAD "%s", bound[i].policy);
        weir_faults_init(&faults);
        assert_ok(weir_config_parse(weir_span_of(two_of_each),
                                    WEIR_SPAN("weir.yaml"), world, &faults));
        add_policy(world, "seller/ok.cedar", PERMIT);
        add_policy(world, bound[i].file, text);
        add_key(world, "k-t", "t");
        world->key_rows[0].digest[1] = 1;
        add_key(world, "k-u", "u");
        weir_status status = weir_config_compile(world, 0, 1, &out, &faults);
        if (status != WEIR_OK)
            print_message("%zu: %.*s\n", i, WEIR_SPAN_ARG(faults.rows[0].text));
        assert_ok(status);
        assert_ok(weir_image_open(weir_buf_span(&out), &image, NULL));
        bool is_tenant = bound[i].file[0] == 't';
        for (uint32_t key = 0; key < 2; key++) {
            for (uint32_t deployment = 0; deployment < 2; deployment++) {
                bool is_own = is_tenant ? key == 0 : deployment == 0;
                assert_int_equal(ask(&image, key, deployment),
                                 is_own ? WEIR_CEDAR_DENY : WEIR_CEDAR_ALLOW);
            }
        }
        assert_int_equal(image.policies[1].line, 1);
        weir_buf_fini(&out);
        weir_faults_fini(&faults);
        weir_world_free(world);
    }
}

TEST(policies, windows_and_obligations_reach_the_image)
{
    struct weir_world *world = weir_world_new();
    struct weir_faults faults;
    struct weir_buf out;
    struct weir_image image;
    weir_faults_init(&faults);
    assert_ok(weir_config_parse(weir_span_of(sound), WEIR_SPAN("weir.yaml"),
                                world, &faults));
    add_policy(world, "seller/ok.cedar",
               "@id(\"ok\") @title(\"T\") @authority(\"A\") @appeal(\"P\")\n"
               "@from(\"1970-01-02\") @until(\"1970-01-03T00:00:00Z\")\n"
               "@strip(\"reasoning, logprobs\") @max_n(\"3\")\n"
               "@tier(\"crash\") @retain(\"none\") @monitor(\"modified\")\n"
               "permit (principal, action, resource in Bloc::\"north\");\n");
    add_key(world, "k-t", "t");
    assert_ok(weir_config_compile(world, 0, 1, &out, &faults));
    assert_ok(weir_image_open(weir_buf_span(&out), &image, NULL));
    const struct weir_image_policy *p = &image.policies[0];
    assert_span(weir_image_text(&image, p->id), "ok");
    assert_span(weir_image_text(&image, p->appeal), "P");
    assert_span(weir_image_text(&image, p->retain), "none");
    assert_span(weir_image_text(&image, p->monitor), "modified");
    assert_span(weir_image_text(&image, p->file), "seller/ok.cedar");
    assert_int_equal(p->strip, WEIR_STRIP_LOGPROBS | WEIR_STRIP_REASONING);
    assert_int_equal(p->max_n, 3);
    assert_int_equal(p->tier, WEIR_TIER_CRASH);
    assert_int_equal(p->layer, WEIR_LAYER_SELLER);
    assert_true(p->from == WEIR_US_PER_DAY);
    assert_true(p->until == 2 * WEIR_US_PER_DAY);
    assert_int_equal(ask(&image, 0, 0), WEIR_CEDAR_DENY);
    weir_buf_fini(&out);
    weir_faults_fini(&faults);
    weir_world_free(world);
}
