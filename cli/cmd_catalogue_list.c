/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir catalogue list and show.
 *
 * They read the configuration, compile it with the keys of the store and ask
 * the gate itself, so "may be used" is what a call would be told; what was
 * measured comes from the ledger and stands beside it in columns of its own.
 * With --catalogue they read files and nothing else.
 */
#include <stdlib.h>
#include <string.h>

#include <weir/gate.h>

#include "cli/catalogue_files.h"
#include "cli/remote.h"
#include "control/catalogue/reliability.h"
#include "control/control.h"
#include "control/simulate/simulate.h"

#define DAYS_DEFAULT 7

/* ---------------------------------------------------------------- the answers */

/* What list and show look at. */
struct shelf {
    struct weir_cli *cli;
    struct weir_world *world; /* of files only */
    struct weir_simulate_world sources;
    bool has_image;
    struct weir_view view;
    struct weir_buf overlay;
    struct weir_arena arena;
    struct weir_reliabilities measured;
    uint32_t key; /* WEIR_INDEX_NONE: of every key, how many */
    weir_span country;
    weir_time at;
    weir_time since;
};

static const struct weir_world *
world_of(const struct shelf *shelf)
{
    return shelf->has_image ? shelf->sources.world : shelf->world;
}

static weir_status
find_key(struct shelf *shelf, struct weir_error *err)
{
    const char *id = weir_cli_option(shelf->cli, "key");
    const struct weir_image *image = &shelf->view.image;
    shelf->key = WEIR_INDEX_NONE;
    if (id == NULL)
        return WEIR_OK;
    for (uint32_t i = 0; i < image->key_count; i++) {
        if (!weir_span_equal(weir_image_text(image, image->keys[i].id),
                             weir_span_of(id)))
            continue;
        shelf->key = i;
        return WEIR_OK;
    }
    return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE, "no key '%s'", id);
}

static weir_status
read_measured(struct shelf *shelf, struct weir_error *err)
{
    struct weir_store *store = NULL;
    weir_status status =
        weir_store_open(shelf->sources.paths.state, false, &store, err);
    if (status == WEIR_ENOTFOUND)
        return WEIR_OK; /* never served */
    if (status == WEIR_OK)
        status = weir_reliability_read(store, shelf->since, &shelf->arena,
                                       &shelf->measured, err);
    weir_store_close(store);
    return status;
}

static weir_status
open_config(struct shelf *shelf, struct weir_error *err)
{
    struct weir_faults faults;
    const struct weir_simulate_sources sources = {
        .config = weir_cli_config(shelf->cli), .at = shelf->at};
    weir_faults_init(&faults);
    weir_status status =
        weir_simulate_world_open(&sources, &shelf->sources, &faults, err);
    shelf->has_image = true;
    weir_cli_print_faults(shelf->cli, &faults);
    weir_faults_fini(&faults);
    if (status != WEIR_OK)
        return status;
    shelf->view.image = shelf->sources.image;
    weir_buf_init(&shelf->overlay, (size_t)64 << 20);
    weir_overlay_write(shelf->sources.withdrawn, shelf->sources.withdrawn_count,
                       1, shelf->at, false, &shelf->overlay);
    status = weir_overlay_open(weir_buf_span(&shelf->overlay),
                               &shelf->view.overlay, err);
    if (status == WEIR_OK)
        status = find_key(shelf, err);
    return status == WEIR_OK ? read_measured(shelf, err) : status;
}

/* EPARSE without text: it was said already. */
static weir_status
open_shelf(struct weir_cli *cli, struct shelf *shelf, struct weir_error *err)
{
    const char *paths[WEIR_CLI_OPTIONS_MAX];
    size_t count = 0;
    const char *at = weir_cli_option(cli, "at");
    const char *country = weir_cli_option(cli, "country");
    uint32_t days;
    memset(shelf, 0, sizeof *shelf);
    shelf->cli = cli;
    shelf->key = WEIR_INDEX_NONE;
    shelf->at = weir_control_now();
    shelf->country = weir_span_of(country == NULL ? "" : country);
    weir_arena_init_heap(&shelf->arena, (size_t)256 << 20);
    if (!weir_cli_number_option(cli, "days", DAYS_DEFAULT, &days) ||
        days > 36500 ||
        (at != NULL && !weir_time_parse(weir_span_of(at), &shelf->at)))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "--at is a date or time, --days a number");
    shelf->since = shelf->at - (int64_t)days * WEIR_US_PER_DAY;
    while ((paths[count] = weir_cli_option_nth(cli, "catalogue", count)) !=
           NULL)
        count++;
    if (count == 0)
        return open_config(shelf, err);
    shelf->world = weir_cli_catalogue_files(cli, paths, count);
    return shelf->world == NULL ? weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                                            "the catalogue is faulty")
                                : WEIR_OK;
}

static void
close_shelf(struct shelf *shelf)
{
    if (shelf->has_image) {
        weir_buf_fini(&shelf->overlay);
        weir_simulate_world_close(&shelf->sources);
    }
    weir_world_free(shelf->world);
    weir_arena_fini(&shelf->arena);
}

/* ------------------------------------------------------------------ one entry */

static json_t *
text_json(weir_span text)
{
    return text.len == 0 ? json_null() : json_stringn(text.ptr, text.len);
}

static json_t *
money_json(weir_micros micros)
{
    char text[WEIR_MICROS_TEXT];
    weir_micros_format(micros, text);
    return json_string(text);
}

static json_t *
price_json(const struct weir_price *price, bool has_price)
{
    if (!has_price)
        return json_null();
    return json_pack("{s:o,s:o,s:o,s:o}", "input", money_json(price->input),
                     "cached_input", money_json(price->cached_input), "output",
                     money_json(price->output), "reasoning",
                     money_json(price->reasoning));
}

static void
ask(const struct shelf *shelf, uint32_t key, weir_span model,
    struct weir_answer *answer)
{
    const struct weir_image *image = &shelf->view.image;
    struct weir_question question = {.key = key,
                                     .model = model,
                                     .country = shelf->country,
                                     .now = shelf->at};
    uint32_t route = weir_image_find_route(image, model);
    uint32_t row =
        route == WEIR_INDEX_NONE ? WEIR_INDEX_NONE : image->routes[route].model;
    uint32_t bits = row == WEIR_INDEX_NONE ? 1 : image->models[row].operations;
    question.operation = (enum weir_operation)__builtin_ctz(bits);
    weir_gate_decide(&shelf->view, &question, answer);
}

static json_t *
legal_of_key(const struct shelf *shelf, weir_span model)
{
    const struct weir_image *image = &shelf->view.image;
    struct weir_answer answer;
    json_t *policies = json_array();
    ask(shelf, shelf->key, model, &answer);
    if (answer.candidate_count > 0) {
        const struct weir_candidate *c = &answer.candidates[answer.speaking];
        for (uint32_t i = 0; i < c->policy_count && i < WEIR_DECIDING_MAX; i++)
            json_array_append_new(
                policies, text_json(weir_image_text(
                              image, image->policies[c->policies[i]].id)));
    }
    return json_pack("{s:s,s:s,s:o}", "verdict",
                     weir_verdict_name(answer.verdict), "reason",
                     weir_reason_code(answer.reason), "policies", policies);
}

/* By policy only; whether it answers is the next column. */
static json_t *
legal_json(const struct shelf *shelf, weir_span model)
{
    if (!shelf->has_image)
        return json_null();
    if (shelf->key != WEIR_INDEX_NONE)
        return legal_of_key(shelf, model);
    uint32_t counts[4] = {0};
    struct weir_answer answer;
    for (uint32_t i = 0; i < shelf->view.image.key_count; i++) {
        ask(shelf, i, model, &answer);
        counts[answer.verdict & 3]++;
    }
    return json_pack("{s:i,s:i,s:i}", "keys_allowed", (int)counts[WEIR_ALLOW],
                     "keys_held", (int)counts[WEIR_HOLD], "keys_denied",
                     (int)counts[WEIR_DENY]);
}

static json_t *
reliability_json(const struct shelf *shelf, weir_span model)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < shelf->measured.count; i++) {
        const struct weir_reliability *row = &shelf->measured.rows[i];
        uint64_t judged = row->good + row->bad;
        if (!weir_span_equal(row->model, model))
            continue;
        json_array_append_new(
            list,
            json_pack(
                "{s:o,s:I,s:I,s:I,s:o,s:I,s:I,s:I,s:I}", "deployment",
                text_json(row->deployment), "calls", (json_int_t)row->calls,
                "good", (json_int_t)row->good, "bad", (json_int_t)row->bad,
                "success_ppm",
                judged == 0
                    ? json_null()
                    : json_integer((json_int_t)(row->good * 1000000 / judged)),
                "first_byte_us_p50", (json_int_t)row->first_byte_us[0],
                "first_byte_us_p95", (json_int_t)row->first_byte_us[1],
                "total_us_p50", (json_int_t)row->total_us[0], "total_us_p95",
                (json_int_t)row->total_us[1]));
    }
    return list;
}

static json_t *
lacks_json(uint32_t lacks)
{
    json_t *list = json_array();
    for (uint32_t bit = 1; bit <= WEIR_LACKS_ALL; bit <<= 1) {
        if ((lacks & bit) != 0)
            json_array_append_new(list, json_string(weir_lack_name(bit)));
    }
    return list;
}

static json_t *
hosts_json(const struct weir_world *world, struct weir_world_range range)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < range.count; i++) {
        const struct weir_world_host *host = &world->host_rows[range.first + i];
        json_array_append_new(
            list,
            json_pack("{s:o,s:o,s:o,s:o}", "name", text_json(host->name), "id",
                      text_json(host->id), "status", text_json(host->status),
                      "price", price_json(&host->price, host->has_price)));
    }
    return list;
}

/* An entry of the catalogue and a declared model, told alike. */
struct item {
    struct weir_world_listing listing;
    bool is_declared; /* in `models`, not in the catalogue */
};

static bool
is_deployed(const struct weir_world *world, weir_span model)
{
    for (uint32_t i = 0; i < world->deployment_count; i++) {
        if (weir_span_equal(world->deployment_rows[i].model.text, model))
            return true;
    }
    return false;
}

static void
item_of_model(const struct weir_world_model *m, struct item *item_out)
{
    *item_out = (struct item){.is_declared = true,
                              .listing = {.name = m->name,
                                          .title = m->title,
                                          .maker = m->provider.text,
                                          .family = m->family,
                                          .weights = m->weights,
                                          .licence = m->licence,
                                          .terms = m->terms,
                                          .origin = m->origin,
                                          .price = m->price,
                                          .has_price = m->has_price,
                                          .created = m->created,
                                          .status = WEIR_SPAN("active"),
                                          .deprecated = m->deprecated,
                                          .sunset = m->sunset,
                                          .successor = m->successor}};
}

static void
set_day(json_t *object, const char *name, weir_time when)
{
    char text[WEIR_TIME_TEXT];
    weir_time_format(when, text);
    json_object_set_new(object, name,
                        when == 0 ? json_null() : json_string(text));
}

static json_t *
item_json(const struct shelf *shelf, const struct item *item)
{
    const struct weir_world *world = world_of(shelf);
    const struct weir_world_listing *l = &item->listing;
    bool is_served = is_deployed(world, l->name);
    uint32_t lacks = l->lacks | (is_served ? 0 : WEIR_LACKS_DEPLOYMENT);
    json_t *row = json_pack(
        "{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "name",
        text_json(l->name), "title", text_json(l->title), "maker",
        text_json(l->maker), "origin", text_json(l->origin.text), "family",
        text_json(l->family), "weights", text_json(l->weights), "licence",
        text_json(l->licence), "terms", text_json(l->terms), "status",
        text_json(l->status), "price", price_json(&l->price, l->has_price),
        "price_version", text_json(l->price_version));
    set_day(row, "created", l->created * WEIR_US_PER_SEC);
    set_day(row, "deprecated", l->deprecated);
    set_day(row, "sunset", l->sunset);
    json_object_set_new(row, "successor", text_json(l->successor.text));
    json_object_set_new(row, "hosts", hosts_json(world, l->hosts));
    json_object_set_new(row, "is_served", json_boolean(is_served));
    json_object_set_new(row, "lacks", lacks_json(lacks));
    json_object_set_new(row, "legal",
                        is_served ? legal_json(shelf, l->name) : json_null());
    json_object_set_new(row, "reliability", reliability_json(shelf, l->name));
    return row;
}

/* ---------------------------------------------------------------- list and show */

static bool
is_wanted(struct weir_cli *cli, const struct weir_world *world,
          const struct item *item)
{
    const char *maker = weir_cli_option(cli, "maker");
    const char *origin = weir_cli_option(cli, "origin");
    const struct weir_world_listing *l = &item->listing;
    return (maker == NULL || weir_span_equal(l->maker, weir_span_of(maker))) &&
           (origin == NULL ||
            weir_span_equal(l->origin.text, weir_span_of(origin))) &&
           (!weir_cli_flag(cli, "served") || is_deployed(world, l->name));
}

typedef bool on_item(void *context, const struct item *item);

/* Entries, then models that are declared beside them. */
static void
each_item(const struct weir_world *world, on_item *on_row, void *context)
{
    struct item item;
    for (uint32_t i = 0; i < world->listing_count; i++) {
        item = (struct item){.listing = world->listing_rows[i]};
        if (!on_row(context, &item))
            return;
    }
    for (uint32_t i = 0; i < world->model_count; i++) {
        bool is_listed = false;
        for (uint32_t j = 0; j < world->listing_count && !is_listed; j++)
            is_listed = world->listing_rows[j].model == i;
        item_of_model(&world->model_rows[i], &item);
        if (!is_listed && !on_row(context, &item))
            return;
    }
}

static void
print_price(FILE *out, const json_t *price)
{
    if (json_is_null(price))
        fprintf(out, " %17s", "-");
    else
        fprintf(out, " %8s/%8s", weir_cli_text(price, "input"),
                weir_cli_text(price, "output"));
}

static void
print_legal(FILE *out, const json_t *legal)
{
    char text[32];
    if (!json_is_object(legal)) {
        fprintf(out, " %-7s", "-");
        return;
    }
    if (json_object_get(legal, "verdict") != NULL) {
        fprintf(out, " %-7s", weir_cli_text(legal, "verdict"));
        return;
    }
    long long allowed = weir_cli_number(legal, "keys_allowed");
    snprintf(text, sizeof text, "%lld/%lld", allowed,
             allowed + weir_cli_number(legal, "keys_held") +
                 weir_cli_number(legal, "keys_denied"));
    fprintf(out, " %-7s", text);
}

/* The best deployment, as a router would look for one. */
static void
print_reliability(FILE *out, const json_t *list)
{
    long long best = -1, late = 0;
    const json_t *row;
    size_t index;
    json_array_foreach(list, index, row)
    {
        const json_t *ppm = json_object_get(row, "success_ppm");
        if (!json_is_integer(ppm) || json_integer_value(ppm) <= best)
            continue;
        best = json_integer_value(ppm);
        late = weir_cli_number(row, "total_us_p95");
    }
    if (best < 0)
        fprintf(out, " %-16s", "-");
    else
        fprintf(out, " %3lld.%02lld%% %6lldms", best / 10000, best / 100 % 100,
                late / 1000);
}

static void
print_line(FILE *out, const json_t *row)
{
    const json_t *lacks = json_object_get(row, "lacks"), *lack;
    size_t index;
    static const char *const columns[] = {"origin", "weights", "status",
                                          "terms"};
    static const int widths[] = {-2, -6, -10, -16};
    fprintf(out, "%-44s %-14s", weir_cli_text(row, "name"),
            json_is_null(json_object_get(row, "maker"))
                ? "-"
                : weir_cli_text(row, "maker"));
    for (size_t i = 0; i < WEIR_COUNTOF(columns); i++)
        fprintf(out, " %*s", widths[i],
                json_is_null(json_object_get(row, columns[i]))
                    ? "-"
                    : weir_cli_text(row, columns[i]));
    print_price(out, json_object_get(row, "price"));
    print_legal(out, json_object_get(row, "legal"));
    print_reliability(out, json_object_get(row, "reliability"));
    json_array_foreach(lacks, index, lack) fprintf(
        out, "%s%s", index == 0 ? " lacks " : ", ", json_string_value(lack));
    fputc('\n', out);
}

struct listing {
    struct shelf *shelf;
    json_t *rows;     /* NULL: printed at once */
    const char *name; /* of show; NULL: all that are wanted */
    uint32_t count;
    uint32_t served;
};

static bool
on_listed(void *context, const struct item *item)
{
    struct listing *listing = context;
    struct shelf *shelf = listing->shelf;
    if (listing->name != NULL
            ? !weir_span_equal(item->listing.name, weir_span_of(listing->name))
            : !is_wanted(shelf->cli, world_of(shelf), item))
        return true;
    json_t *row = item_json(shelf, item);
    listing->count++;
    listing->served += json_is_true(json_object_get(row, "is_served"));
    if (listing->rows != NULL) {
        json_array_append_new(listing->rows, row);
        return listing->name == NULL;
    }
    print_line(shelf->cli->out, row);
    json_decref(row);
    return true;
}

static int
failed(struct weir_cli *cli, struct shelf *shelf, const struct weir_error *err)
{
    close_shelf(shelf);
    return weir_cli_fail(cli, err, NULL);
}

int
weir_cmd_catalogue_list(struct weir_cli *cli)
{
    struct shelf shelf;
    struct weir_error err = {0};
    if (open_shelf(cli, &shelf, &err) != WEIR_OK)
        return failed(cli, &shelf, &err);
    struct listing listing = {.shelf = &shelf,
                              .rows = cli->is_json ? json_array() : NULL};
    if (!cli->is_json)
        fprintf(cli->out, "%-44s %-14s %-2s %-6s %-10s %-16s %17s %-7s %-16s\n",
                "NAME", "MAKER", "OR", "WEIGHT", "STATUS", "TERMS",
                "IN/OUT PER M", "MAY", "SUCCESS    P95");
    each_item(world_of(&shelf), on_listed, &listing);
    if (cli->is_json) {
        json_t *reply =
            json_pack("{s:i,s:i,s:o}", "count", (int)listing.count, "served",
                      (int)listing.served, "entries", listing.rows);
        weir_cli_print_json(cli, reply);
        json_decref(reply);
    } else {
        fprintf(cli->out, "%u entries, %u served\n", listing.count,
                listing.served);
    }
    close_shelf(&shelf);
    return 0;
}

static void
print_entry(struct weir_cli *cli, const json_t *row)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)row, name, value)
    {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        const json_t *part;
        size_t index;
        if (json_is_string(value))
            fprintf(cli->out, "%-16s %s\n", name, json_string_value(value));
        else if (json_is_array(value) && json_array_size(value) > 0)
            json_array_foreach(value, index, part)
            {
                char *line = json_dumps(part, JSON_ENCODE_ANY | JSON_COMPACT);
                fprintf(cli->out, "%-16s %s\n", index == 0 ? name : "",
                        line == NULL ? "" : line);
                free(line);
            }
        else if (!json_is_null(value) && !json_is_array(value))
            fprintf(cli->out, "%-16s %s\n", name, text == NULL ? "" : text);
        free(text);
    }
}

int
weir_cmd_catalogue_show(struct weir_cli *cli)
{
    struct shelf shelf;
    struct weir_error err = {0};
    if (open_shelf(cli, &shelf, &err) != WEIR_OK)
        return failed(cli, &shelf, &err);
    struct listing listing = {
        .shelf = &shelf, .rows = json_array(), .name = cli->arguments[0]};
    each_item(world_of(&shelf), on_listed, &listing);
    close_shelf(&shelf);
    const json_t *row = json_array_get(listing.rows, 0);
    int code = 0;
    if (row == NULL) {
        (void)weir_fail(&err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                        "no entry or model '%s'", cli->arguments[0]);
        code = weir_cli_fail(cli, &err, NULL);
    } else if (cli->is_json) {
        weir_cli_print_json(cli, row);
    } else {
        print_entry(cli, row);
    }
    json_decref(listing.rows);
    return code;
}
