/* SPDX-License-Identifier: Apache-2.0 */
/* The report as tables for people and as CSV. */
#include <stdio.h>
#include <string.h>

#include "control/simulate/simulate.h"

static long long
number(const json_t *row, const char *name)
{
    return (long long)json_integer_value(json_object_get(row, name));
}

static const char *
text(const json_t *row, const char *name)
{
    const char *value = json_string_value(json_object_get(row, name));
    return value == NULL ? "" : value;
}

static const struct {
    const char *name;
    const char *title;
} effects[] = {
    {"cut_off", "CUT OFF"},
    {"held", "HELD"},
    {"restored", "RESTORED"},
    {"moved", "MOVED ELSEWHERE"},
    {"refused_otherwise", "REFUSED OTHERWISE"},
};

static void
money(long long micros, char out[40])
{
    const char *sign = micros < 0 ? "-" : "";
    unsigned long long whole = micros < 0 ? 0 - (unsigned long long)micros
                                          : (unsigned long long)micros;
    snprintf(out, 40, "%s%llu.%06llu", sign, whole / 1000000, whole % 1000000);
}

static void
write_sums(const json_t *row, const char *label, const char *name,
           struct weir_buf *out)
{
    char revenue[40], shown[300];
    size_t len = 0;
    /* A client chose some of these names: none may steer the terminal. */
    for (; name[len] != '\0' && len < sizeof shown - 1; len++)
        shown[len] = (unsigned char)name[len] < ' ' || name[len] == 127
                         ? '?'
                         : name[len];
    shown[len] = '\0';
    money(number(row, "revenue_micros"), revenue);
    weir_buf_addf(out, "  %-13s %-40s %12lld %16lld %18s\n", label, shown,
                  number(row, "calls"), number(row, "tokens"), revenue);
}

static void
write_head(const json_t *report, const char *title, struct weir_buf *out)
{
    char revenue[32];
    snprintf(revenue, sizeof revenue, "revenue %.20s",
             text(report, "currency"));
    weir_buf_addf(out, "\n%-56s %12s %16s %18s\n", title, "calls", "tokens",
                  revenue);
}

static void
write_effect(const json_t *report, const char *effect, const char *title,
             struct weir_buf *out)
{
    const json_t *row;
    size_t i;
    const json_t *sum =
        json_object_get(json_object_get(report, "effects"), effect);
    const char *before = "";
    if (number(sum, "calls") == 0)
        return;
    write_head(report, title, out);
    write_sums(sum, "all", "", out);
    json_array_foreach(json_object_get(report, "groups"), i, row)
    {
        const char *by = text(row, "by");
        if (strcmp(text(row, "effect"), effect) != 0)
            continue;
        write_sums(row, strcmp(by, before) == 0 ? "" : by, text(row, "name"),
                   out);
        before = by;
    }
}

static void
write_fallback(const json_t *report, struct weir_buf *out)
{
    const json_t *row, *list = json_object_get(report, "fallback");
    char pair[300];
    size_t i;
    if (json_array_size(list) == 0)
        return;
    write_head(report, "WHERE FALLBACK GOES", out);
    json_array_foreach(list, i, row)
    {
        snprintf(pair, sizeof pair, "%.140s -> %.140s", text(row, "from"),
                 text(row, "to"));
        write_sums(row, i == 0 ? "deployment" : "", pair, out);
    }
}

static void
write_odd(const json_t *report, const char *effect, const char *what,
          struct weir_buf *out)
{
    long long count = number(
        json_object_get(json_object_get(report, "effects"), effect), "calls");
    if (count > 0)
        weir_buf_addf(out, "%12lld  %s\n", count, what);
}

void
weir_simulate_write_text(const json_t *report, struct weir_buf *out)
{
    const char *mode = text(report, "mode");
    bool is_repeat = strcmp(mode, "repeat") == 0;
    const json_t *difference = json_object_get(report, "difference");
    if (strcmp(mode, "population") != 0)
        weir_buf_addf(out,
                      "%12lld  decisions, %lld of them admitted, %lld still "
                      "without an outcome\n",
                      number(report, "decisions"), number(report, "admitted"),
                      number(report, "open"));
    else if (json_object_get(report, "seed") == NULL)
        weir_buf_addf(out, "%12lld  questions: each key, model and operation\n",
                      number(report, "decisions"));
    else
        weir_buf_addf(out, "%12lld  questions drawn (seed %lld)\n",
                      number(report, "decisions"), number(report, "seed"));
    write_odd(report, "same",
              is_repeat ? "decided again as recorded"
                        : "not touched by the change",
              out);
    write_odd(report, "different", "DECIDED OTHERWISE than recorded", out);
    write_odd(report, "not_kept",
              "NOT CHECKED: their image or withdrawals are not kept any more",
              out);
    write_odd(report, "not_repeatable",
              "not repeatable: a policy reads the client's address, which the "
              "tenant hides",
              out);
    write_odd(report, "not_policy", "refused before or behind policy", out);
    if (number(report, "damages") > 0)
        weir_buf_addf(out, "%12lld  damaged parts of the journal passed over\n",
                      number(report, "damages"));
    if (difference != NULL)
        weir_buf_addf(out, "first difference: %s: %s\n",
                      text(difference, "request"), text(difference, "text"));
    for (size_t i = 0; !is_repeat && i < WEIR_COUNTOF(effects); i++)
        write_effect(report, effects[i].name, effects[i].title, out);
    write_fallback(report, out);
}

/* Doubled quotes, as RFC 4180 wants them; a cell that a spreadsheet would
 * take for a formula gets an apostrophe. */
static void
write_cell(const char *value, struct weir_buf *out)
{
    weir_buf_add_byte(out, '"');
    if (value[0] != '\0' && strchr("=+-@\t\r", value[0]) != NULL)
        weir_buf_add_byte(out, '\'');
    for (; *value != '\0'; value++) {
        if (*value == '"')
            weir_buf_add_byte(out, '"');
        weir_buf_add_byte(out, *value);
    }
    weir_buf_add_byte(out, '"');
}

static void
write_row(const json_t *report, const json_t *row, const char *effect,
          const char *by, const char *name, const char *to,
          struct weir_buf *out)
{
    char revenue[40];
    const char *const cells[] = {effect, by, name, to};
    for (size_t i = 0; i < WEIR_COUNTOF(cells); i++) {
        write_cell(cells[i], out);
        weir_buf_add_byte(out, ',');
    }
    money(number(row, "revenue_micros"), revenue);
    weir_buf_addf(out, "%lld,%lld,%s,", number(row, "calls"),
                  number(row, "tokens"), revenue);
    write_cell(text(report, "currency"), out);
    weir_buf_addf(out, "\r\n");
}

void
weir_simulate_write_csv(const json_t *report, struct weir_buf *out)
{
    const json_t *row;
    const char *effect;
    size_t i;
    weir_buf_addf(out, "effect,by,name,to,calls,tokens,revenue,currency\r\n");
    json_object_foreach(json_object_get(report, "effects"), effect, row)
        write_row(report, row, effect, "all", "", "", out);
    json_array_foreach(json_object_get(report, "groups"), i, row)
        write_row(report, row, text(row, "effect"), text(row, "by"),
                  text(row, "name"), "", out);
    json_array_foreach(json_object_get(report, "fallback"), i, row)
        write_row(report, row, "moved", "fallback", text(row, "from"),
                  text(row, "to"), out);
}
