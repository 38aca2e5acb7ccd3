/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Money at scale: a year of CALLS calls in the shape of two real traces,
 * through ledger, usage, revenue, invoices, FOCUS and forecast. Every figure
 * is summed here as well, and the program ends with 1 when one differs by a
 * micro-unit.
 *
 *   bench_money [CALLS [COPIES [DIRECTORY]]]
 *
 * COPIES above 1: every row of the ledger is written so many times into a
 * second one, each with an id of its own, and the sums so many times as
 * large: what readers take at a size that writing call by call would need
 * hours for. Of those only the invoices of March are made.
 *
 * Tokens are those of the Azure code and Mooncake conversation traces
 * ($WEIR_DATA; else drawn). Prices have a context tier, a batch rate and a
 * change of the list in the middle of the year.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <sqlite3.h>

#include <weir/gate.h>
#include <weir/tags.h>

#include "control/config/config.h"
#include "control/invoices/forecast.h"

#define YEAR    INT64_C(1735689600000000) /* 2025-01-01 */
#define DAYS    365
#define BATCH   20000
#define TENANTS 12
#define MODELS  4
#define SHAPES  32768

static const char config_text[] =
    "seller: {title: Scale}\n"
    "providers: [{name: p, origin: DE}]\n"
    "models:\n"
    "  - {name: m0, provider: p, origin: DE, licence: l, price: {input: "
    "\"3\",\n"
    "     cached_input: \"0.3\", output: \"15\", version: a, changes: [\n"
    "     {above: 10000, input: \"6\", cached_input: \"0.6\", output: "
    "\"22.5\"},\n"
    "     {from: 2025-07-01, input: \"2.5\", output: \"12\", version: b}]}}\n"
    "  - {name: m1, provider: p, origin: DE, licence: l, price: {input:\n"
    "     \"0.6\", output: \"2.5\", version: a, changes: [{service: batch,\n"
    "     input: \"0.3\", output: \"1.25\"}]}}\n"
    "  - {name: m2, provider: p, origin: DE, licence: l, price: {input:\n"
    "     \"0.15\", output: \"0.6\", request: \"0.0001\", version: a}}\n"
    "  - {name: m3, provider: p, origin: DE, licence: l, price: {input:\n"
    "     \"1.25\", cached_input: \"0.125\", output: \"10\", reasoning: "
    "\"9\",\n"
    "     version: a}}\n"
    "organisations: [{name: o, headquarters: DE, incorporated: DE}]\n"
    "tenants:\n";

static struct {
    uint32_t input, output;
} shapes[SHAPES];
static uint32_t shape_count;
static uint64_t state = 88172645463325252u;
static struct weir_world *world;
static struct weir_store *store;
static int64_t of_tenant[TENANTS][12]; /* micro-units by month */
static int64_t of_month[12];
static uint64_t calls_of[TENANTS];
static int64_t of_all;
static uint64_t tokens_of_all;

static uint64_t
draw(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % below;
}

static void
must(weir_status status, const struct weir_error *err)
{
    if (status == WEIR_OK)
        return;
    fprintf(stderr, "bench_money: %s\n", err->text);
    exit(1);
}

static void
same(const char *what, int64_t told, int64_t meant)
{
    if (told == meant)
        return;
    fprintf(stderr, "%s: %" PRId64 " and not %" PRId64 "\n", what, told, meant);
    exit(1);
}

static double
clock_of(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Wall and CPU since `since`, which becomes now. */
static void
say(const char *what, double since[2])
{
    double wall = clock_of(CLOCK_MONOTONIC);
    double cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    printf("%-34s %8.2f s, %8.2f s of CPU\n", what, wall - since[0],
           cpu - since[1]);
    fflush(stdout);
    since[0] = clock_of(CLOCK_MONOTONIC);
    since[1] = clock_of(CLOCK_PROCESS_CPUTIME_ID);
}

/* ------------------------------------------------------------------ shapes */

static void
read_trace(const char *command, const char *format)
{
    FILE *pipe = popen(command, "r");
    char line[65536];
    while (pipe != NULL && fgets(line, sizeof line, pipe) != NULL &&
           shape_count < SHAPES) {
        unsigned input, output;
        const char *at = strstr(line, "\"input_length\"");
        if (sscanf(at != NULL ? at : line, format, &input, &output) != 2)
            continue;
        shapes[shape_count].input = input;
        shapes[shape_count++].output = output;
    }
    if (pipe != NULL)
        pclose(pipe);
}

static void
read_shapes(void)
{
    const char *data = getenv("WEIR_DATA");
    char command[1024];
    if (data == NULL)
        data = "../shared/data";
    snprintf(command, sizeof command,
             "zstd -qdc %s/traces/azure-llm-2023-code.csv.zst 2>/dev/null",
             data);
    read_trace(command, "%*[^,],%u,%u");
    snprintf(command, sizeof command,
             "zstd -qdc %s/traces/mooncake-conversation.jsonl.zst 2>/dev/null",
             data);
    read_trace(command, "\"input_length\": %u, \"output_length\": %u");
    printf("%u shapes of real calls\n", shape_count);
    while (shape_count < 1000) {
        shapes[shape_count].input = (uint32_t)draw(20000);
        shapes[shape_count++].output = (uint32_t)draw(800);
    }
}

/* ------------------------------------------------------------------- calls */

static weir_micros
price(uint32_t model, const struct weir_usage *usage, weir_time when,
      weir_span *version_out)
{
    const struct weir_world_model *m = &world->model_rows[model];
    const struct weir_price_when of = {when, usage->input_tokens,
                                       usage->service};
    struct weir_price price = m->price;
    uint32_t stated = m->stated;
    *version_out = m->price_version;
    for (uint32_t i = 0; i < m->changes.count; i++) {
        const struct weir_world_change *row =
            &world->change_rows[m->changes.first + i];
        if (!weir_price_fits(&row->change, &of))
            continue;
        weir_price_lay(&row->change, &price, &stated);
        if (row->version.len > 0)
            *version_out = row->version;
    }
    weir_price_fill(&price, stated);
    return weir_cost(usage, &price);
}

static void
put_call(uint64_t number, uint64_t count)
{
    static const char *const countries[] = {"DE", "FR", "NO", "US", "JP", ""};
    static const char *const deployments[] = {"d0", "d1", "d2", "d3"};
    uint32_t tenant = (uint32_t)draw(TENANTS), model = (uint32_t)draw(MODELS);
    uint32_t shape = (uint32_t)draw(shape_count);
    char name[16], key[16], tags[64], model_name[8];
    uint8_t random[10] = {0};
    bool is_new;
    weir_time when = YEAR + (weir_time)((unsigned __int128)number * DAYS *
                                        86400u * 1000000u / count);
    struct weir_usage usage = {
        .input_tokens = shapes[shape].input,
        .output_tokens = shapes[shape].output,
        .cached_tokens = shapes[shape].input / 512 * 512 / 2,
        .service = draw(8) == 0 ? WEIR_SERVICE_BATCH : WEIR_SERVICE_STANDARD};
    memcpy(random, &number, sizeof number);
    snprintf(name, sizeof name, "t%u", tenant);
    snprintf(key, sizeof key, "wk_%u", tenant * 4 + (uint32_t)draw(4));
    snprintf(model_name, sizeof model_name, "m%u", model);
    struct weir_record_intent intent = {
        .decided_us = when,
        .tenant = weir_span_of(name),
        .project = draw(2) == 0 ? WEIR_SPAN("app") : WEIR_SPAN("lab"),
        .key = weir_span_of(key),
        .organisation = WEIR_SPAN("o"),
        .model = weir_span_of(model_name),
        .country = weir_span_of(countries[draw(6)]),
    };
    if (number % 10 == 0) {
        snprintf(tags, sizeof tags, "task=T-%" PRIu64 ",team=g%u", number / 50,
                 (uint32_t)draw(5));
        intent.tags = weir_span_of(tags);
    }
    weir_request_id_make(when, random, &intent.request);
    struct weir_record_outcome outcome = {
        .request = intent.request,
        .ending = WEIR_END_COMPLETE,
        .http_status = 200,
        .input_tokens = usage.input_tokens,
        .cached_tokens = usage.cached_tokens,
        .output_tokens = usage.output_tokens,
        .units = weir_record_units_of(&usage),
        .started_us = when,
        .currency = WEIR_SPAN("USD"),
        .model = intent.model,
        .deployment = weir_span_of(deployments[model]),
        .region = WEIR_SPAN("here"),
        .place = WEIR_SPAN("DE"),
        .stored_in = WEIR_SPAN("DE"),
    };
    outcome.cost_micros = price(model, &usage, when, &outcome.price_version);
    struct weir_store_at at = {.lane = 1, .segment = 1, .offset = number};
    struct weir_error err;
    must(weir_store_put_intent(store, &intent, &at, &is_new, &err), &err);
    must(weir_store_put_outcome(store, &outcome, &at, &is_new, NULL, &err),
         &err);
    char text[WEIR_TIME_TEXT];
    weir_time_format(when, text);
    uint32_t month = (uint32_t)((text[5] - '0') * 10 + text[6] - '0') - 1;
    of_tenant[tenant][month] += outcome.cost_micros;
    of_month[month] += outcome.cost_micros;
    calls_of[tenant]++;
    of_all += outcome.cost_micros;
    tokens_of_all += usage.input_tokens + usage.output_tokens;
}

static void
fill(uint64_t count)
{
    struct weir_error err;
    for (uint64_t i = 0; i < count; i++) {
        if (i % BATCH == 0)
            must(weir_store_begin(store, &err), &err);
        put_call(i, count);
        if (i % BATCH == BATCH - 1 || i + 1 == count) {
            must(weir_store_flush_totals(store, &err), &err);
            must(weir_store_commit(store, &err), &err);
        }
    }
}

/* ------------------------------------------------------------------ copies */

static void
run(sqlite3 *db, const char *text)
{
    char *message = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &message) == SQLITE_OK)
        return;
    fprintf(stderr, "bench_money: %s: %.200s\n", message, text);
    exit(1);
}

/* Adds "a, b * N, ..." of a table: columns at and behind `first_sum` times
 * `copies`, where that is not -1; `tail` behind the id of a request. */
static void
add_columns(sqlite3 *db, struct weir_buf *sql, const char *table, int first_sum,
            unsigned copies, bool is_source)
{
    sqlite3_stmt *row;
    char text[128];
    snprintf(text, sizeof text, "SELECT name FROM pragma_table_info('%s')",
             table);
    if (sqlite3_prepare_v2(db, text, -1, &row, NULL) != SQLITE_OK)
        exit(1);
    for (int i = 0; sqlite3_step(row) == SQLITE_ROW; i++) {
        const char *name = (const char *)sqlite3_column_text(row, 0);
        const char *comma = i > 0 ? ", " : "";
        if (is_source && strcmp(name, "request") == 0)
            weir_buf_addf(sql,
                          "%sCAST(substr(o.request, 1, 14) || t.tail AS"
                          " BLOB)",
                          comma);
        else if (is_source && first_sum >= 0 && i >= first_sum)
            weir_buf_addf(sql, "%so.%s * %u", comma, name, copies);
        else
            weir_buf_addf(sql, "%s%s%s", comma, is_source ? "o." : "", name);
    }
    sqlite3_finalize(row);
}

static void
copy_table(sqlite3 *db, const char *table, int first_sum, unsigned copies)
{
    struct weir_buf sql;
    bool is_of_calls = first_sum < 0;
    weir_buf_init(&sql, 1 << 16);
    weir_buf_addf(&sql, "INSERT OR REPLACE INTO main.%s(", table);
    add_columns(db, &sql, table, first_sum, copies, false);
    weir_buf_addf(&sql, ") SELECT ");
    add_columns(db, &sql, table, first_sum, copies, true);
    weir_buf_addf(&sql, " FROM one.%s o%s", table,
                  is_of_calls ? " CROSS JOIN temp.copy t ORDER BY o.request,"
                                " t.tail"
                              : "");
    weir_buf_add_byte(&sql, '\0');
    run(db, sql.ptr);
    weir_buf_fini(&sql);
}

/* The store in `from` as often as that into the new one in `to`. */
static void
copy_store(const char *from, const char *to, unsigned copies)
{
    char text[512];
    struct weir_error err;
    sqlite3 *db;
    must(weir_store_open(to, true, &store, &err), &err);
    weir_store_close(store);
    snprintf(text, sizeof text, "%s/weir.db", to);
    if (sqlite3_open(text, &db) != SQLITE_OK)
        exit(1);
    snprintf(text, sizeof text, "ATTACH '%s/weir.db' AS one", from);
    run(db, text);
    run(db, "PRAGMA main.journal_mode = OFF; PRAGMA main.synchronous = OFF;"
            "PRAGMA main.cache_size = -1000000;"
            "CREATE TEMP TABLE copy(tail BLOB PRIMARY KEY) WITHOUT ROWID");
    for (unsigned i = 0; i < copies; i++) {
        snprintf(text, sizeof text, "INSERT INTO temp.copy VALUES(x'%04x')", i);
        run(db, text);
    }
    run(db, "BEGIN");
    copy_table(db, "name", 99, 1);
    copy_table(db, "image", 99, 1);
    copy_table(db, "call", -1, copies);
    copy_table(db, "call_tags", -1, copies);
    copy_table(db, "money_day", 11, copies);
    copy_table(db, "total", 7, copies);
    run(db, "COMMIT; PRAGMA main.journal_mode = WAL");
    sqlite3_close(db);
    must(weir_store_open(to, false, &store, &err), &err);
    for (uint32_t i = 0; i < TENANTS; i++)
        for (uint32_t month = 0; month < 12; month++)
            of_tenant[i][month] *= copies;
    for (uint32_t month = 0; month < 12; month++)
        of_month[month] *= copies;
    of_all *= copies;
    tokens_of_all *= copies;
}

/* ----------------------------------------------------------------- readers */

static bool
add_usage(void *context, const struct weir_store_sum *sum)
{
    *(int64_t *)context += sum->cost_micros;
    return true;
}

static void
check_usage(double since[2])
{
    struct weir_store_filter filter = {.from = WEIR_TIME_MIN,
                                       .to = WEIR_TIME_MAX,
                                       .by_tenant = true,
                                       .by_project = true,
                                       .by_model = true};
    struct weir_error err;
    int64_t sum = 0;
    must(weir_store_totals(store, &filter, add_usage, &sum, &err), &err);
    same("daily totals", sum, of_all);
    say("usage of the year, daily totals", since);
    sum = 0;
    must(weir_store_usage(store, &filter, add_usage, &sum, &err), &err);
    same("usage", sum, of_all);
    say("usage of the year, every call", since);
}

static int64_t
sum_of(const json_t *report, const char *name)
{
    int64_t sum = 0;
    size_t index;
    const json_t *row;
    json_array_foreach(json_object_get(report, "rows"), index, row) sum +=
        json_integer_value(json_object_get(row, name));
    return sum;
}

static void
check_revenue(double since[2])
{
    static const char *const by[] = {"country,model", "tenant,project,key",
                                     "price_version"};
    struct weir_error err;
    json_t *report;
    for (size_t i = 0; i < WEIR_COUNTOF(by); i++) {
        must(weir_revenue(store, WEIR_SPAN(""), WEIR_SPAN("2025"),
                          weir_span_of(by[i]), &report, &err),
             &err);
        same("revenue", sum_of(report, "cost_micros"), of_all);
        same("tokens", sum_of(report, "tokens"), (int64_t)tokens_of_all);
        json_decref(report);
        say("revenue of the year", since);
    }
    must(weir_usage_by_tag(store, WEIR_SPAN("t3"), YEAR,
                           YEAR + DAYS * WEIR_US_PER_DAY, WEIR_SPAN("tag.team"),
                           &report, &err),
         &err);
    int64_t sum = 0;
    for (uint32_t month = 0; month < 12; month++)
        sum += of_tenant[3][month];
    same("a tenant by tag", sum_of(report, "cost_micros"), sum);
    json_decref(report);
    say("one tenant's year by tag", since);
    must(weir_forecast_report(store, WEIR_SPAN(""), WEIR_SPAN("tenant"),
                              YEAR + DAYS * WEIR_US_PER_DAY, 30, false, &report,
                              &err),
         &err);
    json_decref(report);
    say("forecast by tenant", since);
}

static void
check_invoices(double since[2], uint32_t first, uint32_t behind)
{
    struct weir_error err;
    for (uint32_t month = first; month < behind; month++) {
        char period[16], name[16];
        int64_t sum = 0;
        snprintf(period, sizeof period, "2025-%02u", month + 1);
        for (uint32_t i = 0; i < TENANTS; i++) {
            json_t *invoice;
            snprintf(name, sizeof name, "t%u", i);
            must(weir_invoice_draft(world, store, weir_span_of(name),
                                    weir_span_of(period), &invoice, &err),
                 &err);
            const json_t *totals = json_object_get(invoice, "totals");
            int64_t list =
                json_integer_value(json_object_get(totals, "list_micros"));
            same(name, list, of_tenant[i][month]);
            sum += list;
            json_decref(invoice);
        }
        same(period, sum, of_month[month]);
    }
    char what[64];
    snprintf(what, sizeof what, "%u invoices, each checked twice",
             (behind - first) * TENANTS);
    say(what, since);
}

static void
check_focus(double since[2])
{
    struct weir_error err;
    char *text;
    int64_t sum = 0, rows = 0, payable = 0;
    must(weir_focus_csv(world, store, WEIR_SPAN("1.2"), WEIR_SPAN(""),
                        WEIR_SPAN("2025-03"), &text, &err),
         &err);
    for (char *at = strchr(text, '\n'); at != NULL && at[1] != '\0';
         at = strchr(at + 1, '\n')) {
        bool is_less = at[1] == '-';
        const char *from = at + 1 + is_less;
        weir_micros micros;
        weir_span field = {from, strcspn(from, ",")};
        must(weir_micros_parse(field, &micros, &err), &err);
        sum += is_less ? -micros : micros;
        rows++;
    }
    for (uint32_t i = 0; i < TENANTS; i++)
        payable += weir_money_payable(of_tenant[i][2], WEIR_SPAN("USD"));
    same("FOCUS of March", sum, payable);
    printf("%" PRId64 " rows, %zu bytes\n", rows, strlen(text));
    free(text);
    say("FOCUS of a month, all tenants", since);
}

int
main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    unsigned copies = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1;
    char directory[256], copy[264], command[640];
    struct weir_faults faults;
    struct weir_error err;
    struct weir_buf text;
    double since[2];
    snprintf(directory, sizeof directory, "%s/weir-bench-money-XXXXXX",
             argc > 3 ? argv[3] : "/tmp");
    if (copies < 1 || copies > 65536 || mkdtemp(directory) == NULL)
        return 2;
    snprintf(copy, sizeof copy, "%s/copy", directory);
    weir_buf_init(&text, 1 << 20);
    weir_buf_addf(&text, "%s", config_text);
    for (uint32_t i = 0; i < TENANTS; i++)
        weir_buf_addf(&text, "  - {name: t%u, organisation: o}\n", i);
    weir_faults_init(&faults);
    world = weir_world_new();
    must(weir_config_parse(weir_buf_span(&text), WEIR_SPAN("weir.yaml"), world,
                           &faults),
         &(struct weir_error){.text = "the configuration"});
    (void)weir_world_check(world, &faults); /* it has no places to run at */
    must(weir_store_open(directory, true, &store, &err), &err);
    read_shapes();
    since[0] = clock_of(CLOCK_MONOTONIC);
    since[1] = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    double cpu = since[1];
    fill(count);
    double rate =
        (double)count * 2 / (clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    say("written", since);
    printf("%" PRIu64 " calls: %.0f records a second of CPU; %" PRId64
           " micro-units\n",
           count, rate, of_all);
    if (copies > 1) {
        weir_store_close(store);
        if (mkdir(copy, 0700) != 0)
            return 1;
        copy_store(directory, copy, copies);
        printf("%" PRIu64 " rows: ", count * copies);
        say("copied", since);
    }
    check_usage(since);
    check_revenue(since);
    check_invoices(since, copies > 1 ? 2 : 0, copies > 1 ? 3 : 12);
    check_focus(since);
    weir_store_close(store);
    snprintf(command, sizeof command, "du -sh %s | cut -f1; rm -rf %s",
             copies > 1 ? copy : directory, directory);
    weir_world_free(world);
    weir_faults_fini(&faults);
    weir_buf_fini(&text);
    printf("every figure is equal to the unit; ledger of ");
    fflush(stdout);
    return system(command) == 0 ? 0 : 1;
}
