/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weir/quota.h>

#include "control/config/config.h"

/* The configuration of the tests: whole and without fault. */
static const char sound[] =
    "listen:\n"
    "  - address: 127.0.0.1:8080\n"
    "admin: {address: '127.0.0.1:8081'}\n"
    "state: /tmp/state\n"
    "policies: policies\n"
    "seller: {title: S, appeal: a@s.example, stale_after: 1 d}\n"
    "providers:\n"
    "  - {name: p, origin: NO}\n"
    "models:\n"
    "  - name: m\n"
    "    provider: p\n"
    "    origin: NO\n"
    "    licence: l\n"
    "    price: {input: 0.15, output: \"1.5\"}\n"
    "regions: [{name: r, jurisdiction: DE}]\n"
    "origins:\n"
    "  - {name: o, dialect: openai, url: 'https://host.example/v1/',\n"
    "     credential: {env: O_KEY}}\n"
    "organisations:\n"
    "  - {name: own, headquarters: NO, incorporated: NO}\n"
    "  - {name: cust, headquarters: DE, incorporated: DE,\n"
    "     owners: [{name: own, share: 51%}]}\n"
    "deployments:\n"
    "  - {name: d, model: m, origin: o, region: r, stored_in: DE,\n"
    "     operator: own}\n"
    "tenants:\n"
    "  - name: t\n"
    "    organisation: cust\n"
    "    budgets: {requests_per_minute: 60, money_per_month: 0.5}\n"
    "    projects: [{name: main}]\n";

/* `sound` with the first `from` replaced by `to`; malloc'ed. */
static char *
change(const char *from, const char *to)
{
    const char *at = strstr(sound, from);
    assert_non_null(at);
    size_t head = (size_t)(at - sound);
    size_t size = sizeof(sound) + strlen(to) + 1;
    char *text = malloc(size);
    snprintf(text, size, "%.*s%s%s", (int)head, sound, to, at + strlen(from));
    return text;
}

static struct weir_world *
load(const char *text, struct weir_faults *faults)
{
    struct weir_world *world = weir_world_new();
    weir_faults_init(faults);
    if (weir_config_parse(weir_span_of(text), WEIR_SPAN("weir.yaml"), world,
                          faults) == WEIR_OK)
        (void)weir_world_check(world, faults);
    return world;
}

static void
print_faults(const struct weir_faults *faults)
{
    struct weir_buf out;
    weir_buf_init(&out, 1 << 20);
    weir_faults_write(faults, &out);
    print_message("%.*s", (int)out.len, out.ptr);
    weir_buf_fini(&out);
}

TEST(config, a_sound_configuration_is_read_as_written)
{
    struct weir_faults faults;
    struct weir_world *world = load(sound, &faults);
    if (faults.total != 0)
        print_faults(&faults);
    assert_int_equal(faults.total, 0);
    assert_int_equal(world->model_rows[0].price.input, 150000);
    assert_int_equal(world->model_rows[0].price.cached_input, 150000);
    assert_int_equal(world->model_rows[0].price.output, 1500000);
    assert_int_equal(world->model_rows[0].price.reasoning, 1500000);
    assert_span(world->provider_rows[0].origin.text, "NO");
    assert_span(world->origin_rows[0].host, "host.example");
    assert_span(world->origin_rows[0].prefix, "/v1");
    assert_int_equal(world->origin_rows[0].port, 443);
    assert_int_equal(world->origin_rows[0].credential.kind,
                     WEIR_CREDENTIAL_ENV);
    assert_int_equal(world->owner_rows[0].share.low, 510000);
    assert_int_equal(world->owner_rows[0].name.row, 0);
    assert_int_equal(world->limit_count, 2);
    assert_int_equal(world->limit_rows[1].amount, 500000);
    assert_int_equal(world->limit_rows[1].window, 4);
    assert_int_equal(world->deployment_rows[0].operated_by.row, 0);
    assert_int_equal(world->stale_after_us, WEIR_US_PER_DAY);
    assert_span(world->project_rows[0].tenant.text, "t");
    assert_int_equal(world->settings.admin.port, 8081);
    assert_int_equal(world->model_rows[0].place.line, 10);
    assert_int_equal(world->model_rows[0].place.column, 5);
    weir_world_free(world);
    weir_faults_fini(&faults);
}

struct bad {
    const char *from;
    const char *to;
    const char *line;   /* how the first fault begins */
    const char *advice; /* what is in its advice */
};

static const struct bad bad[] = {
    /* what the issue names one by one */
    {"jurisdiction: DE", "jurisdiction: XX",
     "weir.yaml:15:35: jurisdiction of region \"r\": \"XX\" is not a "
     "jurisdiction code",
     "ISO 3166-1"},
    {"headquarters: DE", "headquarters: de",
     "weir.yaml:21:32: headquarters of organisation \"cust\": \"de\" is not",
     "capital"},
    {"    origin: NO\n", "", "weir.yaml:10:5: model \"m\" has no origin",
     "Add its origin"},
    {"    licence: l\n", "", "weir.yaml:10:5: model \"m\" has no licence",
     "Add `licence:`"},
    {"    price: {input: 0.15, output: \"1.5\"}\n", "",
     "weir.yaml:10:5: model \"m\" has no price", "Add `price:"},
    {"{name: own, share: 51%}",
     "{name: own, share: 51%}, {name: cust, share: 49.0001%}",
     "weir.yaml:21:5: the owners of organisation \"cust\" hold at least "
     "100.0001 % in sum",
     "band"},
    {"{name: own, share: 51%}",
     "{name: own, share: 51%}, {name: own, share: \"<50%\"}",
     "weir.yaml:22:47: a contradiction: \"own\" holds 51% of organisation "
     "\"cust\" and also 0%-49.9999%",
     "source"},
    {"headquarters: DE", "headquarters: DE, headquarters: SG",
     "weir.yaml:21:36: a contradiction: \"headquarters\" is there twice",
     "remove it"},
    {"  - {name: cust, ",
     "  - {name: own, headquarters: SG, incorporated: NO}\n  - {name: cust, ",
     "weir.yaml:21:31: a contradiction: organisation \"own\" has headquarters "
     "in NO and also in SG",
     "right"},
    /* names */
    {"  - name: m\n", "  - name: \"a b\"\n",
     "weir.yaml:10:5: \"a b\" cannot be the name of a model", "letters"},
    {"{name: d, model: m,", "{name: d, model: n,",
     "weir.yaml:24:22: deployment \"d\" names model \"n\", which nobody "
     "declares",
     "Declare it"},
    {"    provider: p\n", "    provider: pp\n",
     "weir.yaml:11:15: model \"m\" names provider \"pp\"",
     "Did you mean \"p\"?"},
    {"    organisation: cust\n", "",
     "weir.yaml:27:5: tenant \"t\" has no organisation", "Add its"},
    {"projects: [{name: main}]", "projects: [{name: main}, {name: main}]",
     "weir.yaml:30:30: project \"t/main\" is there twice", "unique"},
    {"regions: [{", "regions: [{name: r, jurisdiction: SG}, {",
     "weir.yaml:15:40: region \"r\" is there twice", "unique"},
    /* money, shares, budgets */
    {"input: 0.15", "input: -0.15", "weir.yaml:14:20: input: not an amount",
     "no sign"},
    {"input: 0.15", "input: 1e-3", "weir.yaml:14:20: input: not an amount",
     "exponent"},
    {"input: 0.15", "input: 0.1234567",
     "weir.yaml:14:20: input: more than 6 decimals", "six"},
    {"input: 0.15, ", "",
     "weir.yaml:14:12: price: no price of input or of output", "missing"},
    {"share: 51%", "share: 51", "weir.yaml:22:34: share: a share without",
     "51%"},
    {"share: 51%", "share: [60%, 25%]",
     "weir.yaml:22:34: share: not a band of shares", "25%"},
    {"share: 51%", "share: 101%", "weir.yaml:22:34: share: a share above",
     "unknown"},
    {"requests_per_minute: 60", "requests_per_minute: 0",
     "weir.yaml:29:36: tenant \"t\" has a budget of 0 requests per minute",
     "remove"},
    {"requests_per_minute: 60", "requests_per_second: 60",
     "weir.yaml:29:15: no budget is called \"requests_per_second\"", "minute"},
    {"money_per_month: 0.5", "money_per_month: -1",
     "weir.yaml:29:57: money_per_month: not an amount", "0.15"},
    {"seller: {title: S,", "seller: {title: S, currency: XYZ,",
     "weir.yaml:6:9: \"XYZ\" is not a currency", "4217"},
    {"output: \"1.5\"}", "output: \"1.5\", currency: EUR}",
     "weir.yaml:10:5: model \"m\" is priced in EUR and the seller keeps USD",
     "Convert"},
    /* keys and kinds */
    {"    provider: p\n", "    provder: p\n",
     "weir.yaml:11:5: a model has no key \"provder\"",
     "Did you mean \"provider\"?"},
    {"tenants:\n", "tenant:\n",
     "weir.yaml:26:1: the configuration has no key \"tenant\"",
     "Did you mean \"tenants\"?"},
    {"listen:\n  - address", "listen:\n    address",
     "weir.yaml:2:5: listen is not a list", "`- `"},
    {"stale_after: 1 d", "stale_after: 30",
     "weir.yaml:6:54: stale_after: not a duration", "30 s"},
    {"state: /tmp/state", "state:", "weir.yaml:4:1: state: nothing",
     "Give a value"},
    /* origins, routes, addresses */
    {"https://host", "http://host",
     "weir.yaml:18:18: origin \"o\" would send its credential in clear",
     "https"},
    {"https://host.example/v1/", "host.example",
     "weir.yaml:17:38: url: not the url of an origin", "https://"},
    {"{env: O_KEY}", "sk-secret",
     "weir.yaml:18:18: credential: not a reference to a credential",
     "secret itself"},
    {"127.0.0.1:8081", "0.0.0.0:8081",
     "weir.yaml:3:8: the admin address is open to the network without TLS",
     "127.0.0.1"},
    {"127.0.0.1:8081", "127.0.0.1:8080",
     "weir.yaml:2:5: port 8080 is used twice", "own port"},
    {"tenants:\n",
     "routes: [{name: x, candidates: [d], mode: weight}]\ntenants:\n",
     "weir.yaml:26:33: route \"x\" goes by weight and a candidate has none",
     "weight: 1"},
    {"tenants:\n", "routes: [{name: x, candidates: [d, d]}]\ntenants:\n",
     "weir.yaml:26:36: route \"x\" has deployment \"d\" twice", "once"},
    {"tenants:\n", "routes: [{name: x}]\ntenants:\n",
     "weir.yaml:26:10: route \"x\" has no candidates", "candidates"},
    {"tenants:\n", "ownership_rules: [{name: x, threshold: 50%}]\ntenants:\n",
     "weir.yaml:26:19: ownership rule \"x\" has no seeds", "seeds"},
    {"tenants:\n",
     "ownership_rules: [{name: x, seeds: {headquarters_in: [EU]}, "
     "threshold: 50%}]\ntenants:\n",
     "weir.yaml:26:55: ownership rule \"x\": \"EU\" is neither a bloc nor",
     "bloc"},
    {"tenants:\n",
     "ownership_rules: [{name: x, seeds: {organisations: [own]}, "
     "threshold: 0%}]\ntenants:\n",
     "weir.yaml:26:19: ownership rule \"x\" has a threshold that everybody",
     "between"},
    {"tenants:\n",
     "ownership_rules: [{name: x, seeds: {organisations: [own]}, "
     "threshold: 50%, from: 2027-01-01, until: 2026-01-01}]\ntenants:\n",
     "weir.yaml:26:19: ownership rule \"x\" ends before it begins", "until"},
    /* YAML itself */
    {"tenants:\n", "x: &a [1]\ntenants:\n",
     "weir.yaml:26:", "Write the value out"},
    {"tenants:\n", "routes: *a\ntenants:\n", "weir.yaml:26:", ""},
    {"tenants:\n", "routes: !!str x\ntenants:\n",
     "weir.yaml:26:", "Remove the tag"},
    {"tenants:\n", "---\ntenants:\n", "weir.yaml:26:", "file of its own"},
    {"tenants:\n", "routes: [\ntenants:\n", "weir.yaml:", "Mind"},
};

TEST(config, every_fault_names_its_place_and_what_to_do)
{
    int failures = 0;
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++) {
        struct weir_faults faults;
        struct weir_buf out;
        char *text = change(bad[i].from, bad[i].to);
        struct weir_world *world = load(text, &faults);
        weir_buf_init(&out, 1 << 20);
        weir_faults_write(&faults, &out);
        bool is_right = faults.count > 0 &&
                        strncmp(out.ptr, bad[i].line, strlen(bad[i].line)) == 0;
        is_right = is_right &&
                   strstr(faults.rows[0].advice.ptr, bad[i].advice) != NULL;
        if (!is_right) {
            print_message("case %zu: %s\n  got %.*s", i, bad[i].line,
                          (int)out.len, out.len > 0 ? out.ptr : "");
            failures++;
        }
        weir_buf_fini(&out);
        weir_world_free(world);
        weir_faults_fini(&faults);
        free(text);
    }
    assert_int_equal(failures, 0);
}

TEST(config, all_faults_of_a_file_are_reported_at_once)
{
    struct weir_faults faults;
    struct weir_world *world =
        load("listen: []\n"
             "providers: [{name: p, origin: EU}, {name: p, origin: NO}]\n"
             "models: [{name: m, provider: q}]\n",
             &faults);
    /* seller title, appeal, state, policies, address; code, double; and
     * provider, origin, licence, price of the model */
    assert_int_equal(faults.total, 11);
    weir_world_free(world);
    weir_faults_fini(&faults);
}

TEST(config, a_thousand_faults_are_kept_and_the_rest_is_counted)
{
    struct weir_buf text;
    struct weir_faults faults;
    weir_buf_init(&text, 1 << 20);
    weir_buf_addf(&text, "models:\n");
    for (int i = 0; i < 3000; i++)
        weir_buf_addf(&text, "  - {nme: x}\n");
    weir_buf_add_byte(&text, '\0');
    struct weir_world *world = load(text.ptr, &faults);
    assert_int_equal(faults.count, WEIR_FAULTS_MAX);
    assert_int_equal(faults.total, 3000);
    weir_world_free(world);
    weir_faults_fini(&faults);
    weir_buf_fini(&text);
}

TEST(config, deep_nesting_and_many_keys_are_refused)
{
    struct weir_faults faults;
    struct weir_buf text;
    weir_buf_init(&text, 1 << 20);
    weir_buf_addf(&text, "models: ");
    for (int i = 0; i < 60; i++)
        weir_buf_add_byte(&text, '[');
    for (int i = 0; i < 60; i++)
        weir_buf_add_byte(&text, ']');
    weir_buf_addf(&text, "\n%c", '\0');
    struct weir_world *world = load(text.ptr, &faults);
    assert_int_equal(faults.total, 1);
    assert_span(faults.rows[0].text, "nested too deeply");
    weir_world_free(world);
    weir_faults_fini(&faults);
    weir_buf_reset(&text);
    for (int i = 0; i < 300; i++)
        weir_buf_addf(&text, "k%d: 1\n", i);
    weir_buf_add_byte(&text, '\0');
    world = load(text.ptr, &faults);
    assert_span(faults.rows[0].text, "a mapping of more than 256 keys");
    weir_world_free(world);
    weir_faults_fini(&faults);
    weir_buf_fini(&text);
}

static struct weir_world *
load_example(const char *name, struct weir_faults *faults)
{
    char path[512];
    const char *source = getenv("WEIR_SOURCE");
    struct weir_world *world = NULL;
    snprintf(path, sizeof(path), "%s/examples/%s/weir.yaml",
             source == NULL ? "." : source, name);
    weir_faults_init(faults);
    if (weir_config_load(path, &world, faults) != WEIR_OK)
        print_faults(faults);
    assert_int_equal(faults->total, 0);
    assert_non_null(world);
    return world;
}

TEST(config, the_examples_load_without_fault)
{
    struct weir_faults faults;
    struct weir_world *world = load_example("demo", &faults);
    assert_int_equal(world->organisation_count, 6);
    assert_int_equal(world->model_count, 4);
    assert_int_equal(world->region_count, 3);
    assert_int_equal(world->deployment_count, 6);
    assert_int_equal(world->policy_count, 5);
    assert_int_equal(world->settings.state_dir.ptr[0], '/');
    weir_world_free(world);
    weir_faults_fini(&faults);
    world = load_example("minimal", &faults);
    assert_int_equal(world->model_count, 1);
    weir_world_free(world);
    weir_faults_fini(&faults);
}

TEST(config, a_missing_file_is_a_fault_and_not_a_crash)
{
    struct weir_faults faults;
    struct weir_world *world = NULL;
    weir_faults_init(&faults);
    assert_int_equal(
        weir_config_load("/nonexistent/weir.yaml", &world, &faults),
        WEIR_EPARSE);
    assert_int_equal(faults.total, 1);
    assert_null(world);
    weir_faults_fini(&faults);
}

TEST(config, budgets_end_where_counters_end)
{
    static const char *const windows[] = {"minute", "hour",  "day",
                                          "week",   "month", "year"};
    for (uint32_t i = 0; i < WEIR_COUNTOF(windows); i++) {
        int64_t most = weir_quota_amount_max((weir_quota_window)i);
        for (int above = 0; above < 2; above++) {
            char budget[96];
            struct weir_faults faults;
            snprintf(budget, sizeof(budget), "tokens_per_%s: %lld", windows[i],
                     (long long)most + above);
            char *text = change("requests_per_minute: 60", budget);
            struct weir_world *world = load(text, &faults);
            assert_int_equal(faults.total, above);
            assert_int_equal(world->limit_rows[0].window, i);
            weir_world_free(world);
            weir_faults_fini(&faults);
            free(text);
        }
    }
    assert_int_equal(WEIR_COUNTOF(windows), WEIR_QUOTA_CALENDAR);
    assert_int_equal(WEIR_METRIC_REQUESTS, WEIR_QUOTA_REQUESTS);
    assert_int_equal(WEIR_METRIC_TOKENS, WEIR_QUOTA_TOKENS);
    assert_int_equal(WEIR_METRIC_MICROS, WEIR_QUOTA_MICROS);
}

TEST(config, more_candidates_than_a_call_can_have_are_refused)
{
    for (int count = WEIR_CANDIDATES_MAX; count <= WEIR_CANDIDATES_MAX + 1;
         count++) {
        struct weir_faults faults;
        struct weir_buf more;
        weir_buf_init(&more, 1 << 20);
        for (int i = 1; i < count; i++)
            weir_buf_addf(&more,
                          "  - {name: d%d, model: m, origin: o, region: r, "
                          "stored_in: DE, operator: own}\n",
                          i);
        weir_buf_addf(&more, "tenants:\n%c", '\0');
        char *text = change("tenants:\n", more.ptr);
        struct weir_world *world = load(text, &faults);
        assert_int_equal(faults.total, count > WEIR_CANDIDATES_MAX);
        if (count > WEIR_CANDIDATES_MAX)
            assert_span(faults.rows[0].text,
                        "model \"m\" has 33 candidates; the most is 32");
        weir_world_free(world);
        weir_faults_fini(&faults);
        weir_buf_fini(&more);
        free(text);
    }
}

TEST(config, files_and_dialects_that_are_not_there_are_faults)
{
    char dir[] = "/tmp/weir-config-XXXXXX";
    char path[64];
    struct weir_faults faults;
    struct weir_world *world = NULL;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/weir.yaml", dir);
    char *text =
        change("dialect: openai,", "dialect: oracle, tls: {ca: absent.pem},");
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fputs("geo: {mmdb: absent.mmdb}\ninclude: [more]\n", file);
    fclose(file);
    free(text);
    weir_faults_init(&faults);
    assert_int_equal(weir_config_load(path, &world, &faults), WEIR_EPARSE);
    /* the include and the policy directory; then nothing half is checked */
    assert_int_equal(faults.total, 2);
    weir_faults_fini(&faults);
    char more[64];
    snprintf(more, sizeof(more), "%s/more", dir);
    assert_int_equal(mkdir(more, 0700), 0);
    char policies[64];
    snprintf(policies, sizeof(policies), "%s/policies", dir);
    assert_int_equal(mkdir(policies, 0700), 0);
    weir_faults_init(&faults);
    assert_int_equal(weir_config_load(path, &world, &faults), WEIR_EPARSE);
    assert_int_equal(faults.total, 3);
    assert_null(world);
    weir_faults_fini(&faults);
    unlink(path);
    rmdir(more);
    rmdir(policies);
    rmdir(dir);
}
