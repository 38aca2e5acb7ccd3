/* SPDX-License-Identifier: Apache-2.0 */
/* weir simulate */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/remote.h"
#include "control/control.h"
#include "control/simulate/simulate.h"

struct asking {
    struct weir_cli *cli;
    struct weir_simulate_wish wish;
    struct weir_simulate_sources sources;
    const char *changes[WEIR_CLI_OPTIONS_MAX];
    struct weir_overlay_item items[2][WEIR_CLI_OPTIONS_MAX];
    bool is_population;
    uint64_t count;
    uint64_t seed;
};

static void
on_progress(void *context, uint64_t records)
{
    const struct asking *asking = context;
    fprintf(asking->cli->err, "\r%llu records", (unsigned long long)records);
    fflush(asking->cli->err);
}

static bool
read_items(const struct weir_cli *cli, const char *option,
           struct weir_overlay_item *items, uint32_t *count_out,
           const char **bad_out)
{
    const char *kind;
    *count_out = 0;
    while ((kind = weir_cli_option_nth(cli, option, *count_out)) != NULL) {
        const char *name = weir_cli_option_second(cli, option, *count_out);
        struct weir_overlay_item *item = &items[(*count_out)++];
        *bad_out = kind;
        if (!weir_kind_parse(weir_span_of(kind), &item->kind))
            return false;
        item->name = weir_span_of(name == NULL ? "" : name);
    }
    return true;
}

static bool
read_time(const struct weir_cli *cli, const char *option, weir_time otherwise,
          weir_time *when_out)
{
    const char *text = weir_cli_option(cli, option);
    *when_out = otherwise;
    return text == NULL || weir_time_parse(weir_span_of(text), when_out);
}

static bool
read_number(const struct weir_cli *cli, const char *option, uint64_t otherwise,
            uint64_t *value_out)
{
    const char *text = weir_cli_option(cli, option);
    *value_out = otherwise;
    return text == NULL || weir_span_to_u64(weir_span_of(text), value_out);
}

/* 0, or the exit code after saying what is wrong. */
static int
read_wish(struct weir_cli *cli, struct asking *asking)
{
    struct weir_simulate_wish *wish = &asking->wish;
    const char *population = weir_cli_option(cli, "population");
    const char *tenant = weir_cli_option(cli, "tenant");
    const char *bad = "";
    wish->has_at = weir_cli_option(cli, "at") != NULL;
    if (!read_time(cli, "at", weir_control_now(), &wish->at) ||
        !read_time(cli, "from", WEIR_TIME_MIN, &wish->from) ||
        !read_time(cli, "to", WEIR_TIME_MAX, &wish->to))
        return weir_cli_usage(cli, "a time is a date, 2026-11-10, or an RFC "
                                   "3339 time, 2026-11-10T08:00:00Z");
    if (!read_items(cli, "withdraw", asking->items[0], &wish->withdrawn_count,
                    &bad) ||
        !read_items(cli, "restore", asking->items[1], &wish->restored_count,
                    &bad))
        return weir_cli_usage(cli, "no kind '%.40s'", bad);
    asking->is_population = population != NULL;
    bool is_all = population != NULL && strcmp(population, "all") == 0;
    if (!read_number(cli, "seed", 1, &asking->seed) ||
        (!is_all && !read_number(cli, "population", 1, &asking->count)) ||
        (!is_all && asking->count == 0))
        return weir_cli_usage(cli, "--population is 'all' or a number from 1, "
                                   "--seed a number");
    if (is_all)
        asking->count = 0;
    wish->withdrawn = asking->items[0];
    wish->restored = asking->items[1];
    wish->tenant = weir_span_of(tenant == NULL ? "" : tenant);
    if (isatty(fileno(cli->err)))
        wish->on_progress = on_progress;
    wish->context = asking;
    asking->sources = (struct weir_simulate_sources){
        .config = weir_cli_config(cli),
        .with = weir_cli_option(cli, "with"),
        .policies = weir_cli_option(cli, "policies"),
        .changes = asking->changes,
        .at = wish->at,
    };
    while (asking->sources.change_count < WEIR_COUNTOF(asking->changes)) {
        const char *path =
            weir_cli_option_nth(cli, "change", asking->sources.change_count);
        if (path == NULL)
            break;
        asking->changes[asking->sources.change_count++] = path;
    }
    return 0;
}

static bool
has_name(const struct weir_image *image, const struct weir_overlay_item *item)
{
    const uint64_t hash = weir_kind_hash(item->kind, item->name);
#define LOOK_AMONG(rows, count)                                                \
    for (uint32_t i = 0; i < image->count; i++) {                              \
        if (image->rows[i].hash == hash)                                       \
            return true;                                                       \
    }
    LOOK_AMONG(models, model_count)
    LOOK_AMONG(deployments, deployment_count)
    LOOK_AMONG(providers, provider_count)
    LOOK_AMONG(organisations, organisation_count)
    LOOK_AMONG(jurisdictions, jurisdiction_count)
    LOOK_AMONG(keys, key_count)
#undef LOOK_AMONG
    return false;
}

/* A name that nothing has would change nothing and look like good news. */
static weir_status
check_names(const struct asking *asking, const struct weir_image *image,
            struct weir_error *err)
{
    for (uint32_t i = 0; i < asking->wish.withdrawn_count; i++) {
        const struct weir_overlay_item *item = &asking->wish.withdrawn[i];
        if (!has_name(image, item))
            return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                             "there is no %s '%.*s'",
                             weir_kind_name(item->kind),
                             (int)(item->name.len < 80 ? item->name.len : 80),
                             item->name.ptr);
    }
    return WEIR_OK;
}

static weir_status
ask_population(struct asking *asking, struct weir_faults *faults,
               json_t **report_out, struct weir_error *err)
{
    struct weir_simulate_world before, after;
    const struct weir_simulate_sources now = {.config = asking->sources.config,
                                              .at = weir_control_now()};
    weir_status status = weir_simulate_world_open(&now, &before, faults, err);
    if (status != WEIR_OK)
        return status;
    status = weir_simulate_world_open(&asking->sources, &after, faults, err);
    if (status == WEIR_OK) {
        const struct weir_simulate_population population = {
            .image = &before.image,
            .withdrawn = before.withdrawn,
            .withdrawn_count = before.withdrawn_count,
            .grants = before.grants,
            .grant_count = before.grant_count,
            .count = asking->count,
            .seed = asking->seed,
            .now = now.at,
        };
        asking->wish.changed = &after.image;
        status = check_names(asking, &after.image, err);
        if (status == WEIR_OK)
            status = weir_simulate_population(&population, &asking->wish,
                                              report_out, err);
        weir_simulate_world_close(&after);
    }
    weir_simulate_world_close(&before);
    return status;
}

/* Withdrawals alone act on the images as they were; other sources and other
 * dates need one of their own. */
static weir_status
ask_journal(struct asking *asking, struct weir_faults *faults,
            json_t **report_out, struct weir_error *err)
{
    struct weir_simulate_world world;
    struct weir_simulate_wish *wish = &asking->wish;
    bool needs_image = wish->has_at || asking->sources.with != NULL ||
                       asking->sources.policies != NULL ||
                       asking->sources.change_count > 0;
    weir_status status;
    if (!needs_image && wish->withdrawn_count == 0) {
        struct weir_paths paths;
        status =
            weir_simulate_paths(asking->sources.config, &paths, faults, err);
        return status != WEIR_OK
                   ? status
                   : weir_simulate_journal(&paths, wish, report_out, err);
    }
    status = weir_simulate_world_open(&asking->sources, &world, faults, err);
    if (status != WEIR_OK)
        return status;
    wish->changed = needs_image ? &world.image : NULL;
    status = check_names(asking, &world.image, err);
    if (status == WEIR_OK)
        status = weir_simulate_journal(&world.paths, wish, report_out, err);
    weir_simulate_world_close(&world);
    return status;
}

static void
print(struct weir_cli *cli, const json_t *report)
{
    struct weir_buf out;
    if (cli->is_json) {
        weir_cli_print_json(cli, report);
        return;
    }
    weir_buf_init(&out, (size_t)1 << 30);
    if (weir_cli_flag(cli, "csv"))
        weir_simulate_write_csv(report, &out);
    else
        weir_simulate_write_text(report, &out);
    fwrite(out.ptr, 1, out.len, cli->out);
    weir_buf_fini(&out);
}

int
weir_cmd_simulate(struct weir_cli *cli)
{
    struct weir_faults faults;
    struct weir_error err = {0};
    struct asking asking = {.cli = cli};
    json_t *report = NULL;
    int code = read_wish(cli, &asking);
    if (code != 0)
        return code;
    weir_faults_init(&faults);
    weir_status status = asking.is_population
                             ? ask_population(&asking, &faults, &report, &err)
                             : ask_journal(&asking, &faults, &report, &err);
    if (asking.wish.on_progress != NULL)
        fputs("\r\033[K", cli->err);
    if (status != WEIR_OK) {
        weir_cli_print_faults(cli, &faults);
        code = weir_cli_fail(cli, &err, NULL);
    } else {
        print(cli, report);
        code = json_is_true(json_object_get(report, "is_same")) ? 0 : 1;
    }
    weir_faults_fini(&faults);
    json_decref(report);
    return code;
}
