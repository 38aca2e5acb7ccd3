/* SPDX-License-Identifier: Apache-2.0 */
/* weir schedule */
#include <string.h>

#include "cli/catalogue_files.h"
#include "cli/remote.h"
#include "control/control.h"
#include "control/schedule/schedule.h"

#define DAYS_AHEAD 90
#define DAYS_BACK  30

static const json_t *
moment_of(const json_t *report, const json_t *event)
{
    const json_t *moment;
    size_t index;
    json_array_foreach(json_object_get(report, "moments"), index, moment)
    {
        if (json_equal(json_object_get(moment, "at_us"),
                       json_object_get(event, "at_us")))
            return moment;
    }
    return NULL;
}

static void
print_group(FILE *out, const json_t *group)
{
    const char *title = weir_cli_text(group, "title");
    const char *why = weir_cli_text(group, "why");
    const char *next = weir_cli_text(group, "successor");
    fprintf(out, "      %-9s %s (%s): %s, keys: %lld",
            weir_cli_text(group, "effect"), weir_cli_text(group, "tenant"),
            weir_cli_text(group, "organisation"), weir_cli_text(group, "model"),
            weir_cli_number(group, "keys"));
    if (why[0] != '\0')
        fprintf(out, "; %s%s%s", why, title[0] != '\0' ? ": " : "", title);
    if (strcmp(weir_cli_text(group, "effect"), "moved") == 0)
        fprintf(out, "; %s -> %s", weir_cli_text(group, "from"),
                weir_cli_text(group, "to"));
    fprintf(out, "%s%s\n", next[0] != '\0' ? "; use " : "", next);
}

static void
print_recorded(FILE *out, const json_t *recorded)
{
    const char *effect;
    json_t *sums;
    json_object_foreach((json_t *)recorded, effect, sums)
    {
        long long calls = weir_cli_number(sums, "calls");
        char money[48];
        weir_cli_money(weir_cli_number(sums, "revenue_micros"), "", money);
        if (calls != 0)
            fprintf(out, "      recorded  %s: %lld calls, %lld tokens, %s\n",
                    effect, calls, weir_cli_number(sums, "tokens"), money);
    }
}

static void
print_moment(FILE *out, const json_t *report, const json_t *moment)
{
    const json_t *group;
    size_t index;
    long long keys = weir_cli_number(moment, "keys");
    fprintf(out, "    touches %lld of %lld keys\n", keys,
            weir_cli_number(report, "keys"));
    json_array_foreach(json_object_get(moment, "groups"), index, group)
        print_group(out, group);
    print_recorded(out, json_object_get(moment, "recorded"));
}

static void
print_report(FILE *out, const json_t *report)
{
    const json_t *events = json_object_get(report, "events"), *event;
    size_t index;
    json_array_foreach(events, index, event)
    {
        const json_t *next = json_array_get(events, index + 1);
        fprintf(out, "%.19sZ  %s %s %s", weir_cli_text(event, "at"),
                weir_cli_text(event, "kind"), weir_cli_text(event, "name"),
                weir_cli_text(event, "change"));
        if (weir_cli_text(event, "title")[0] != '\0')
            fprintf(out, "  (%s)", weir_cli_text(event, "title"));
        fputc('\n', out);
        if (next != NULL && json_equal(json_object_get(next, "at_us"),
                                       json_object_get(event, "at_us")))
            continue; /* the moment is told once, after its last event */
        const json_t *moment = moment_of(report, event);
        if (moment != NULL)
            print_moment(out, report, moment);
    }
    fprintf(out, "%zu events until %.10s\n", json_array_size(events),
            weir_cli_text(report, "to"));
}

static weir_status
notify(struct weir_cli *cli, const char *config, json_t *report,
       struct weir_error *err)
{
    struct weir_paths paths;
    struct weir_store *store = NULL;
    struct weir_faults faults;
    uint32_t posted = 0;
    weir_faults_init(&faults);
    weir_status status = weir_simulate_paths(config, &paths, &faults, err);
    weir_faults_fini(&faults);
    if (status == WEIR_OK)
        status = weir_store_open(paths.state, true, &store, err);
    if (status == WEIR_OK)
        status =
            weir_schedule_notify(store, report, NULL, 0, WEIR_SPAN("schedule"),
                                 weir_control_now(), &posted, err);
    weir_store_close(store);
    if (status == WEIR_OK) {
        json_object_set_new(report, "posted", json_integer(posted));
        fprintf(cli->err, "%u notices posted\n", posted);
    }
    return status;
}

static bool
read_wish(struct weir_cli *cli, struct weir_schedule_wish *wish)
{
    const char *from = weir_cli_option(cli, "from");
    const char *to = weir_cli_option(cli, "to");
    uint32_t ahead, back;
    weir_time now = weir_control_now();
    *wish =
        (struct weir_schedule_wish){.config = weir_cli_config(cli),
                                    .from = now,
                                    .is_list_only = weir_cli_flag(cli, "list")};
    if (!weir_cli_number_option(cli, "days", DAYS_AHEAD, &ahead) ||
        !weir_cli_number_option(cli, "calls", DAYS_BACK, &back) ||
        ahead > 36500 || back > 36500 ||
        (from != NULL && !weir_time_parse(weir_span_of(from), &wish->from)))
        return false;
    wish->to = wish->from + (int64_t)ahead * WEIR_US_PER_DAY;
    wish->calls_since = back == 0 ? 0 : now - (int64_t)back * WEIR_US_PER_DAY;
    return to == NULL || weir_time_parse(weir_span_of(to), &wish->to);
}

int
weir_cmd_schedule(struct weir_cli *cli)
{
    struct weir_schedule_wish wish;
    struct weir_faults faults;
    struct weir_error err = {0};
    json_t *report = NULL;
    if (!read_wish(cli, &wish))
        return weir_cli_usage(cli, "--from and --to are dates or times, --days "
                                   "and --calls are numbers");
    weir_faults_init(&faults);
    weir_status status = weir_schedule(&wish, &report, &faults, &err);
    weir_cli_print_faults(cli, &faults);
    weir_faults_fini(&faults);
    if (status == WEIR_OK && weir_cli_flag(cli, "notify"))
        status = notify(cli, wish.config, report, &err);
    if (status == WEIR_OK && cli->is_json)
        weir_cli_print_json(cli, report);
    else if (status == WEIR_OK)
        print_report(cli->out, report);
    json_decref(report);
    return status == WEIR_OK ? 0 : weir_cli_fail(cli, &err, NULL);
}
