/* SPDX-License-Identifier: Apache-2.0 */
/* weir budgets */
#include <inttypes.h>
#include <string.h>

#include "cli/remote.h"

static int64_t
number(const json_t *row, const char *name)
{
    return (int64_t)json_integer_value(json_object_get(row, name));
}

/* Money is in millionths. */
static void
format_amount(const json_t *row, const char *name, char text[32])
{
    int64_t value = number(row, name);
    if (strcmp(weir_cli_text(row, "metric"), "money") == 0)
        snprintf(text, 32, "%" PRId64 ".%06" PRId64, value / 1000000,
                 value % 1000000);
    else
        snprintf(text, 32, "%" PRId64, value);
}

static void
print_counter(struct weir_cli *cli, const json_t *row)
{
    char limit[32], used[32], held[32], reserved[32], at_end[32], ledger[32];
    char reopens[32], full[32];
    format_amount(row, "limit", limit);
    format_amount(row, "used", used);
    format_amount(row, "held", held);
    format_amount(row, "reserved", reserved);
    format_amount(row, "at_end", at_end);
    weir_cli_time(json_object_get(row, "reopens_us"), reopens);
    fprintf(cli->out, "%s %s%s%s  %s per %s (%s%s)\n", weir_cli_text(row, "of"),
            weir_cli_text(row, "name"),
            weir_cli_text(row, "member")[0] == '\0' ? "" : ", ",
            weir_cli_text(row, "member"), weir_cli_text(row, "metric"),
            weir_cli_text(row, "window"), weir_cli_text(row, "zone"),
            strcmp(weir_cli_text(row, "enforce"), "soft") == 0 ? ", soft" : "");
    fprintf(cli->out, "    used %s and held %s of %s", used, held, limit);
    if (number(row, "reserved") > 0)
        fprintf(cli->out, " (%s reserved)", reserved);
    fprintf(cli->out, ", refused %" PRId64 ", begins anew %s\n",
            number(row, "refused"), reopens);
    if (json_is_integer(json_object_get(row, "full_at_us"))) {
        weir_cli_time(json_object_get(row, "full_at_us"), full);
        fprintf(cli->out, "    at this rate full at %s (%s by the end)\n", full,
                at_end);
    } else {
        fprintf(cli->out, "    at this rate %s by the end\n", at_end);
    }
    if (json_object_get(row, "ledger") != NULL) {
        format_amount(row, "ledger", ledger);
        fprintf(cli->out, "    ledger %s, difference %" PRId64 "\n", ledger,
                number(row, "difference"));
    }
}

int
weir_cmd_budgets(struct weir_cli *cli)
{
    json_t *reply = NULL, *row;
    size_t index;
    bool checks = weir_cli_flag(cli, "check");
    const struct weir_cli_pair query[] = {
        {"name", weir_cli_option(cli, "name")},
        {"tenant", weir_cli_option(cli, "tenant")},
        {"check", checks ? "1" : NULL},
        {NULL, NULL}};
    int code = weir_cli_call(cli, "GET", "/v1/budgets", query, NULL, &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    json_array_foreach(
        code != 0 || cli->is_json ? NULL : json_object_get(reply, "budgets"),
        index, row) print_counter(cli, row);
    if (code == 0 && !cli->is_json &&
        !json_is_true(json_object_get(reply, "is_live")))
        fprintf(cli->err, "no daemon runs: counters are not shown\n");
    if (code == 0 && checks && number(reply, "unequal") > 0)
        code = 1;
    json_decref(reply);
    return code;
}
