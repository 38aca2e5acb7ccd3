/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir forecast: from the ledger, or from days in a file.
 *
 * A file has a line for each day and group: DAY,AMOUNT or DAY,GROUP,AMOUNT,
 * in any order; a first line without a day is a head.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/remote.h"
#include "control/invoices/forecast.h"

#define FILE_DAYS_MAX 4000
#define AHEAD_USUAL   30

static void
print_percent(FILE *out, const char *what, long long ppm)
{
    fprintf(out, "  %s %s%lld.%lld%%", what, ppm < 0 ? "-" : "",
            llabs(ppm) / 10000, llabs(ppm) / 1000 % 10);
}

static void
print_row(struct weir_cli *cli, const json_t *row, bool is_backtest)
{
    static const char *const names[] = {
        "tenant", "project", "model", "deployment", "customer", "tag", "group"};
    const char *currency = weir_cli_text(row, "currency");
    char total[48], low[48], high[48];
    for (size_t i = 0; i < WEIR_COUNTOF(names); i++)
        if (json_object_get(row, names[i]) != NULL)
            fprintf(cli->out, "%-20s ", weir_cli_text(row, names[i]));
    if (is_backtest) {
        fprintf(cli->out, "%lld forecasts", weir_cli_number(row, "origins"));
        print_percent(cli->out, "error", weir_cli_number(row, "error_ppm"));
        print_percent(cli->out, "bias", weir_cli_number(row, "bias_ppm"));
        print_percent(cli->out, "inside the bounds",
                      weir_cli_number(row, "inside_ppm"));
        print_percent(cli->out, "error of no forecast",
                      weir_cli_number(row, "naive_error_ppm"));
        fputc('\n', cli->out);
        return;
    }
    weir_cli_money(weir_cli_number(row, "total_micros"), currency, total);
    weir_cli_money(weir_cli_number(row, "low_micros"), currency, low);
    weir_cli_money(weir_cli_number(row, "high_micros"), currency, high);
    fprintf(cli->out, "%s  (%s to %s)  from %lld days, %s\n", total, low, high,
            weir_cli_number(row, "past_days"), weir_cli_text(row, "method"));
}

static void
print_report(struct weir_cli *cli, const json_t *reply, bool is_backtest)
{
    const json_t *row;
    size_t index;
    char from[32];
    if (cli->is_json) {
        weir_cli_print_json(cli, reply);
        return;
    }
    weir_cli_time(json_object_get(reply, "from_us"), from);
    fprintf(cli->out,
            is_backtest ? "forecasts of %lld days each, up to %.10s\n"
                        : "%lld days from %.10s on\n",
            weir_cli_number(reply, "days"), from);
    json_array_foreach(json_object_get(reply, "rows"), index, row)
        print_row(cli, row, is_backtest);
}

/* ------------------------------------------------------------------- files */

struct line {
    weir_time day;
    weir_span group;
    weir_micros amount;
};

/* False: no line of a day. */
static bool
read_line(char *text, struct line *line)
{
    char *first = strchr(text, ',');
    char *last = strrchr(text, ',');
    struct weir_error err;
    if (first == NULL)
        return false;
    size_t len = strcspn(last + 1, "\r\n");
    line->group = last == first
                      ? WEIR_SPAN_NONE
                      : (weir_span){first + 1, (size_t)(last - first) - 1};
    return weir_time_parse((weir_span){text, (size_t)(first - text)},
                           &line->day) &&
           weir_micros_parse((weir_span){last + 1, len}, &line->amount, &err) ==
               WEIR_OK;
}

struct span_of_days {
    weir_time from;
    weir_time to; /* behind the last */
};

/* Reads the file once for its days (set NULL) and once for its amounts. */
static bool
read_file(struct weir_cli *cli, FILE *file, const char *name,
          struct span_of_days *days, struct weir_series_set *set)
{
    char *text = NULL;
    size_t size = 0;
    uint32_t number = 0;
    bool is_good = true;
    rewind(file);
    while (is_good && getline(&text, &size, file) >= 0) {
        struct line line;
        number++;
        if (strspn(text, " \t\r\n") == strlen(text))
            continue;
        if (!read_line(text, &line)) {
            is_good = number == 1;
            if (!is_good)
                fprintf(cli->err, "%s:%u: not DAY,AMOUNT or DAY,GROUP,AMOUNT\n",
                        name, number);
            continue;
        }
        line.day -= line.day % WEIR_US_PER_DAY;
        if (set == NULL) {
            days->from = line.day < days->from ? line.day : days->from;
            if (line.day + WEIR_US_PER_DAY > days->to)
                days->to = line.day + WEIR_US_PER_DAY;
            continue;
        }
        json_t *group = json_object();
        if (line.group.len > 0)
            json_object_set_new(group, "group",
                                json_stringn(line.group.ptr, line.group.len));
        is_good = weir_series_add(set, group, line.day, line.amount);
    }
    free(text);
    return is_good;
}

static int
forecast_file(struct weir_cli *cli, const char *name, size_t ahead,
              bool is_backtest)
{
    struct span_of_days days = {WEIR_TIME_MAX, WEIR_TIME_MIN};
    FILE *file = fopen(name, "re");
    if (file == NULL) {
        fprintf(cli->err, "%s: %s\n", name, strerror(errno));
        return weir_status_info(WEIR_EIO)->exit;
    }
    int code = weir_status_info(WEIR_EPARSE)->exit;
    if (read_file(cli, file, name, &days, NULL) && days.to > days.from &&
        (days.to - days.from) / WEIR_US_PER_DAY <= FILE_DAYS_MAX) {
        struct weir_series_set *set = weir_series_new(
            days.from, (size_t)((days.to - days.from) / WEIR_US_PER_DAY));
        if (set != NULL && read_file(cli, file, name, &days, set)) {
            json_t *report = weir_series_json(set, ahead, is_backtest);
            print_report(cli, report, is_backtest);
            json_decref(report);
            code = 0;
        }
        weir_series_free(set);
    } else if (days.to <= days.from) {
        fprintf(cli->err, "%s: no day in it\n", name);
    } else {
        fprintf(cli->err, "%s: more than %d days\n", name, FILE_DAYS_MAX);
    }
    fclose(file);
    return code;
}

int
weir_cmd_forecast(struct weir_cli *cli)
{
    const char *days = weir_cli_option(cli, "days");
    const char *series = weir_cli_option(cli, "series");
    bool is_backtest = weir_cli_flag(cli, "backtest");
    uint64_t ahead = AHEAD_USUAL;
    if (days != NULL && (!weir_span_to_u64(weir_span_of(days), &ahead) ||
                         ahead == 0 || ahead > 400))
        return weir_cli_usage(cli, "--days is 1 to 400");
    if (series != NULL)
        return forecast_file(cli, series, (size_t)ahead, is_backtest);
    const struct weir_cli_pair query[] = {
        {"days", days},
        {"by", weir_cli_option(cli, "by")},
        {"tenant", weir_cli_option(cli, "tenant")},
        {"backtest", is_backtest ? "true" : NULL},
        {NULL, NULL}};
    json_t *reply = NULL;
    int code = weir_cli_call(cli, "GET", "/v1/forecast", query, NULL, &reply);
    if (code == 0)
        print_report(cli, reply, is_backtest);
    json_decref(reply);
    return code;
}
