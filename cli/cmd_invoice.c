/* SPDX-License-Identifier: Apache-2.0 */
/* weir invoice, weir invoices, weir export focus, weir revenue */
#include <stdlib.h>
#include <string.h>

#include "cli/remote.h"

static void
print_amount(struct weir_cli *cli, const char *what, const json_t *totals,
             const char *name, const char *currency)
{
    char text[48];
    long long micros = weir_cli_number(totals, name);
    if (micros == 0 && strcmp(name, "total_micros") != 0 &&
        strcmp(name, "payable_micros") != 0 && strcmp(name, "list_micros") != 0)
        return;
    weir_cli_money(micros, currency, text);
    fprintf(cli->out, "  %-26s %s\n", what, text);
}

static void
print_line(struct weir_cli *cli, const json_t *line, const char *currency)
{
    char net[48];
    const char *rate = weir_cli_text(line, "rate_from");
    const char *agreed = weir_cli_text(line, "contract_price_version");
    weir_cli_money(weir_cli_number(line, "net_micros"), currency, net);
    fprintf(cli->out, "  %-16s %-24s %-20s %8lld calls %12lld tokens  %s",
            weir_cli_text(line, "project"), weir_cli_text(line, "model"),
            weir_cli_text(line, "price_version"),
            weir_cli_number(line, "calls"),
            weir_cli_number(line, "input_tokens") +
                weir_cli_number(line, "output_tokens"),
            net);
    if (strcmp(weir_cli_text(line, "priced_by"), "contract") == 0)
        fprintf(cli->out, "  at the contract's price%s%s",
                agreed[0] == '\0' ? "" : " ", agreed);
    if (rate[0] != '\0')
        fprintf(cli->out, "  at the rate of %.10s", rate);
    fputc('\n', cli->out);
}

static void
print_invoice(struct weir_cli *cli, const json_t *invoice)
{
    static const struct {
        const char *what, *name;
    } rows[] = {
        {"after conversion", "converted_micros"},
        {"discount", "discount_micros"},
        {"usage", "usage_micros"},
        {"free tier, taken off", "free_micros"},
        {"paid before, taken off", "prepaid_micros"},
        {"shortfall of commitment", "shortfall_micros"},
        {"added to the minimum", "minimum_micros"},
        {"total", "total_micros"},
        {"to pay", "payable_micros"},
    };
    const json_t *totals = json_object_get(invoice, "totals"), *line;
    const json_t *period = json_object_get(invoice, "period");
    const char *currency = weir_cli_text(invoice, "currency");
    const char *number = weir_cli_text(invoice, "invoice");
    size_t index;
    fprintf(cli->out, "%s  %s  %.10s to %.10s (not included)%s%s\n",
            number[0] == '\0' ? "draft" : number,
            weir_cli_text(invoice, "tenant"), weir_cli_text(period, "from"),
            weir_cli_text(period, "to"),
            json_object_get(invoice, "contract") == NULL ? "" : "  contract ",
            weir_cli_text(invoice, "contract"));
    json_array_foreach(json_object_get(invoice, "lines"), index, line)
        print_line(cli, line, currency);
    print_amount(cli, "list prices, as the ledger", totals, "list_micros",
                 weir_cli_text(invoice, "list_currency"));
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++)
        print_amount(cli, rows[i].what, totals, rows[i].name, currency);
    if (weir_cli_number(invoice, "open_calls") > 0)
        fprintf(cli->out, "  %lld calls are still open\n",
                weir_cli_number(invoice, "open_calls"));
    if (number[0] != '\0')
        fprintf(cli->out, "  issued %.19s by %s, sha256 %s\n",
                weir_cli_text(invoice, "issued"),
                weir_cli_text(invoice, "issued_by"),
                weir_cli_text(invoice, "digest"));
}

/* Takes the reply. */
static int
show(struct weir_cli *cli, int code, json_t *invoice)
{
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, invoice);
    else if (code == 0)
        print_invoice(cli, invoice);
    json_decref(invoice);
    return code;
}

/* NULL: as people read it, or JSON. */
static const char *
format_of(struct weir_cli *cli)
{
    const char *format = weir_cli_option(cli, "format");
    if (format == NULL)
        return weir_cli_flag(cli, "csv") ? "csv" : NULL;
    cli->is_json = cli->is_json || strcmp(format, "json") == 0;
    return strcmp(format, "json") == 0 ? NULL : format;
}

int
weir_cmd_invoice(struct weir_cli *cli)
{
    const char *format = format_of(cli);
    const struct weir_cli_pair query[] = {{"tenant", cli->arguments[0]},
                                          {"period", cli->arguments[1]},
                                          {"format", format},
                                          {NULL, NULL}};
    json_t *invoice = NULL;
    if (weir_cli_flag(cli, "issue")) {
        json_t *body = json_pack("{s:s,s:s}", "tenant", cli->arguments[0],
                                 "period", cli->arguments[1]);
        if (body == NULL)
            return weir_cli_usage(cli, "the tenant's name is not UTF-8");
        int code =
            weir_cli_call(cli, "POST", "/v1/invoices", NULL, body, &invoice);
        if (code != 0 || format == NULL)
            return show(cli, code, invoice);
        json_decref(invoice);
    }
    if (format != NULL)
        return weir_cli_fetch(cli, "/v1/invoice", query);
    int code = weir_cli_call(cli, "GET", "/v1/invoice", query, NULL, &invoice);
    return show(cli, code, invoice);
}

int
weir_cmd_invoices(struct weir_cli *cli)
{
    const struct weir_cli_pair query[] = {
        {"tenant", cli->argument_count > 0 ? cli->arguments[0] : NULL},
        {NULL, NULL}};
    json_t *reply = NULL, *row;
    size_t index;
    int code = weir_cli_call(cli, "GET", "/v1/invoices", query, NULL, &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    json_array_foreach(
        code == 0 && !cli->is_json ? json_object_get(reply, "invoices") : NULL,
        index, row)
    {
        char from[32], to[32], total[48];
        weir_cli_time(json_object_get(row, "from_us"), from);
        weir_cli_time(json_object_get(row, "to_us"), to);
        weir_cli_money(weir_cli_number(row, "total_micros"),
                       weir_cli_text(row, "currency"), total);
        fprintf(cli->out, "%s  %-20s %s to %s  %s\n",
                weir_cli_text(row, "invoice"), weir_cli_text(row, "tenant"),
                from, to, total);
    }
    json_decref(reply);
    return code;
}

int
weir_cmd_invoices_show(struct weir_cli *cli)
{
    const char *format = format_of(cli);
    const struct weir_cli_pair query[] = {{"format", format}, {NULL, NULL}};
    char path[1024];
    json_t *invoice = NULL;
    char *number = weir_cli_escape(cli->arguments[0]);
    snprintf(path, sizeof path, "/v1/invoices/%s",
             number == NULL ? "" : number);
    free(number);
    if (format != NULL)
        return weir_cli_fetch(cli, path, query);
    int code = weir_cli_call(cli, "GET", path, NULL, NULL, &invoice);
    return show(cli, code, invoice);
}

int
weir_cmd_export_focus(struct weir_cli *cli)
{
    const struct weir_cli_pair query[] = {
        {"period", cli->arguments[0]},
        {"version", weir_cli_option(cli, "version")},
        {"tenant", weir_cli_option(cli, "tenant")},
        {NULL, NULL}};
    return weir_cli_fetch(cli, "/v1/exports/focus", query);
}

static void
print_revenue(struct weir_cli *cli, const json_t *row)
{
    static const char *const groups[] = {
        "tenant",     "project",       "key",    "model",
        "deployment", "price_version", "region", "place",
        "country",    "customer",      "task",   "tag"};
    char cost[48], before[48];
    const char *currency = weir_cli_text(row, "currency");
    const json_t *growth = json_object_get(row, "growth_ppm");
    for (size_t i = 0; i < WEIR_COUNTOF(groups); i++) {
        if (json_object_get(row, groups[i]) != NULL)
            fprintf(cli->out, "%-20s ", weir_cli_text(row, groups[i]));
    }
    weir_cli_money(weir_cli_number(row, "cost_micros"), currency, cost);
    weir_cli_money(weir_cli_number(row, "cost_before_micros"), currency,
                   before);
    fprintf(cli->out, "%8lld calls %12lld tokens  %s  before %s",
            weir_cli_number(row, "calls"), weir_cli_number(row, "tokens"), cost,
            before);
    if (json_is_integer(growth)) {
        long long tenths = json_integer_value(growth) / 1000;
        fprintf(cli->out, "  %c%lld.%lld%%", tenths < 0 ? '-' : '+',
                llabs(tenths) / 10, llabs(tenths) % 10);
    }
    fputc('\n', cli->out);
}

int
weir_cmd_revenue(struct weir_cli *cli)
{
    const struct weir_cli_pair query[] = {
        {"period", cli->arguments[0]},
        {"by", weir_cli_option(cli, "by")},
        {"tenant", weir_cli_option(cli, "tenant")},
        {NULL, NULL}};
    json_t *reply = NULL, *row;
    size_t index;
    int code = weir_cli_call(cli, "GET", "/v1/revenue", query, NULL, &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    json_array_foreach(
        code == 0 && !cli->is_json ? json_object_get(reply, "rows") : NULL,
        index, row)
    {
        print_revenue(cli, row);
    }
    json_decref(reply);
    return code;
}
