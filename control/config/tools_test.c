/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <weir/image.h>

#include "test.h"

static const char head[] =
    "listen: [{address: 127.0.0.1:8080}]\nstate: /s\npolicies: /p\n"
    "seller: {title: S, appeal: a@s.example}\n"
    "providers: [{name: m, title: M, origin: DE}]\n"
    "models: [{name: large, provider: m, origin: DE, tier: t, weights: w,"
    " licence: l, price: {input: \"1\", output: \"1\"}}]\n"
    "regions: [{name: here, jurisdiction: DE}]\n"
    "organisations: [{name: s, title: S, headquarters: DE, incorporated: DE,"
    " category: c}]\n";

#define SERVER(more)                                                           \
    "tool_servers: [{name: desk, url: https://t.example/mcp, provider: m,"     \
    " origin: DE, region: here, stored_in: DE, operator: s, " more "}]\n"

static uint32_t
faults_of(const char *more, struct weir_world **world_out, char text[1024])
{
    struct weir_faults faults;
    struct weir_buf buf, said;
    struct weir_world *world = weir_world_new();
    weir_faults_init(&faults);
    weir_buf_init(&buf, 65536);
    weir_buf_init_fixed(&said, text, 1023);
    weir_buf_addf(&buf, "%s%s", head, more);
    if (weir_config_parse(weir_buf_span(&buf), WEIR_SPAN("x.yaml"), world,
                          &faults) == WEIR_OK)
        (void)weir_world_check(world, &faults);
    weir_faults_write(&faults, &said);
    text[said.len] = '\0';
    uint32_t total = faults.total;
    weir_buf_fini(&buf);
    weir_faults_fini(&faults);
    if (world_out != NULL)
        *world_out = world;
    else
        weir_world_free(world);
    return total;
}

TEST(tools, server_is_a_model_a_deployment_and_an_origin)
{
    struct weir_world *world;
    char text[1024];
    uint32_t total = faults_of(
        SERVER("tools: [search, a/b.c-d_e], price: \"0.002\", prompts: true,"
               " web_origins: [\"https://app.example:8443\"]"),
        &world, text);
    if (total != 0)
        fail_msg("%s", text);
    assert_int_equal(world->server_count, 1);
    const struct weir_world_server *server = &world->server_rows[0];
    const struct weir_world_model *model =
        &world->model_rows[server->model.row];
    const struct weir_world_deployment *deployment =
        &world->deployment_rows[server->deployment.row];
    assert_span(model->name, "desk");
    assert_int_equal(model->operations, WEIR_OPERATIONS_OF_TOOLS);
    assert_true(model->price.request == 2000 * INT64_C(1000000));
    assert_true(model->is_unwatched);
    assert_span(deployment->model.text, "desk");
    assert_span(world->origin_rows[deployment->origin.row].dialect, "mcp");
    assert_span(world->origin_rows[deployment->origin.row].prefix, "/mcp");
    assert_int_equal(server->tools.count, 2);
    assert_true(server->has_prompts && !server->has_resources);
    weir_world_free(world);
}

#define TOKEN "credential: {entra: {tenant: t, client: c, secret: {env: X}}%s}"

/* One entry of `list`, through the way `out`, with `more` in its credential. */
static struct weir_world *
reached(const char *list, const char *entry, const char *more)
{
    struct weir_world *world;
    char text[1024], yaml[1024], token[256];
    snprintf(token, sizeof token, TOKEN, more);
    snprintf(yaml, sizeof yaml,
             "egress: [{name: out}, {name: other}]\n%s: [{name: x,"
             " url: https://t.example/x, egress: out, %s, %s}]\n",
             list, token, entry);
    if (faults_of(yaml, &world, text) != 0)
        fail_msg("%s\n%s", yaml, text);
    return world;
}

TEST(tools, token_is_asked_for_by_the_way_that_calls_take)
{
    static const struct {
        const char *list, *entry, *name;
    } kinds[] = {
        {"origins", "dialect: azure_entra", "x"},
        {"classifiers", "form: weir", "classifier/x"},
        {"tool_servers",
         "provider: m, origin: DE, region: here, stored_in: DE, operator: s,"
         " tools: [a]",
         "tools/x"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(kinds); i++) {
        struct weir_world *world = reached(kinds[i].list, kinds[i].entry, "");
        assert_int_equal(world->origin_count, 1);
        assert_true(weir_span_equal(world->origin_rows[0].name,
                                    weir_span_of(kinds[i].name)));
        assert_span(world->origin_rows[0].egress.text, "out");
        assert_span(world->origin_rows[0].credential.egress, "out");
        weir_world_free(world);
        world = reached(kinds[i].list, kinds[i].entry, ", egress: other");
        assert_span(world->origin_rows[0].egress.text, "out");
        assert_span(world->origin_rows[0].credential.egress, "other");
        weir_world_free(world);
    }
}

TEST(tools, what_cannot_be_is_said)
{
    static const struct {
        const char *text;
        const char *fault;
    } cases[] = {
        {SERVER("resources: false"), "offers nothing"},
        {SERVER("tools: [\"a b\"]"), "whose name cannot be recorded"},
        {SERVER("tools: [a, b, a]"), "has tool \"a\" twice"},
        {SERVER("tools: [a], web_origins: [\"https://x/y\"]"), "no web origin"},
        {SERVER("tools: [a], price: \"1001\""), "too much for one call"},
        {SERVER("tools: [a]") "routes: [{name: r, mode: order, candidates:"
                              " [desk]}]\n",
         "a route names tool server \"desk\""},
        {SERVER("tools: [a]") "deployments: [{name: d, model: desk, origin: "
                              "tools/desk,"
                              " region: here, stored_in: DE, operator: s, "
                              "cloud: c}]\n",
         "a deployment of tool server \"desk\" beside its own"},
        {"models: [{name: x, provider: m, origin: DE, licence: l,"
         " operations: [call_tool], price: {input: \"1\", output: \"1\"}}]\n",
         "not an operation"},
        {SERVER("tools: [a], toolz: 1"), "toolz"},
        {"tool_servers: [{name: desk, url: \"http://t.example/mcp\","
         " provider: m, origin: DE, region: here, stored_in: DE, operator: s,"
         " tools: [a], credential: {env: X}}]\n",
         "would send its credential in clear"},
        {"tool_servers: [{name: large, url: \"https://t.example/mcp\","
         " provider: m, origin: DE, region: here, stored_in: DE, operator: s,"
         " tools: [a]}]\n",
         "model \"large\" is there twice"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        char text[1024];
        uint32_t total = faults_of(cases[i].text, NULL, text);
        if (total == 0 || strstr(text, cases[i].fault) == NULL)
            fail_msg("%s\nhas %u faults: %s", cases[i].text, total, text);
    }
}
