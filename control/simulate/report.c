/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classes folded into a report. Order is by effect, then revenue, calls and
 * name, so that two runs over the same records print the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "control/simulate/parts.h"

static const char *const dimensions[WEIR_DIMENSIONS] = {
    "organisation", "jurisdiction", "provider", "model", "why", "from", "to"};

struct sum {
    uint32_t effect;
    uint32_t name;
    uint32_t second; /* of a pair from -> to */
    uint64_t calls;
    uint64_t tokens;
    int64_t micros;
};

struct folding {
    const struct weir_classes *classes;
    struct sum *rows;
    size_t count;
};

static int
by_key(const void *a, const void *b)
{
    const struct sum *one = a, *two = b;
    if (one->effect != two->effect)
        return one->effect < two->effect ? -1 : 1;
    if (one->name != two->name)
        return one->name < two->name ? -1 : 1;
    return (one->second > two->second) - (one->second < two->second);
}

static int
compare_names(const struct weir_classes *classes, uint32_t a, uint32_t b)
{
    weir_span one = classes->names[a], two = classes->names[b];
    size_t least = one.len < two.len ? one.len : two.len;
    int order = least == 0 ? 0 : memcmp(one.ptr, two.ptr, least);
    return order != 0 ? order : (one.len > two.len) - (one.len < two.len);
}

static int
by_weight(const void *a, const void *b, void *context)
{
    const struct weir_classes *classes = context;
    const struct sum *one = a, *two = b;
    if (one->effect != two->effect)
        return one->effect < two->effect ? -1 : 1;
    if (one->micros != two->micros)
        return one->micros > two->micros ? -1 : 1;
    if (one->calls != two->calls)
        return one->calls > two->calls ? -1 : 1;
    int order = compare_names(classes, one->name, two->name);
    return order != 0 ? order
                      : compare_names(classes, one->second, two->second);
}

/* Sums of the touched classes by one or two dimensions. */
static bool
fold(const struct weir_classes *classes, enum weir_dimension first,
     enum weir_dimension second, struct folding *out)
{
    out->classes = classes;
    out->count = 0;
    out->rows = calloc((size_t)classes->count + 1, sizeof *out->rows);
    if (out->rows == NULL)
        return false;
    for (uint32_t i = 0; i < classes->count; i++) {
        const struct weir_class *row = &classes->rows[i];
        bool is_pair = first != second;
        if (row->effect == WEIR_EFFECT_SAME ||
            row->effect >= WEIR_EFFECTS_SHOWN ||
            (is_pair && row->effect != WEIR_EFFECT_MOVED))
            continue;
        out->rows[out->count++] = (struct sum){(uint32_t)row->effect,
                                               row->names[first],
                                               is_pair ? row->names[second] : 0,
                                               row->decisions,
                                               row->tokens,
                                               row->micros};
    }
    qsort(out->rows, out->count, sizeof *out->rows, by_key);
    size_t kept = 0;
    for (size_t i = 0; i < out->count; i++) {
        if (kept > 0 && by_key(&out->rows[kept - 1], &out->rows[i]) == 0) {
            out->rows[kept - 1].calls += out->rows[i].calls;
            out->rows[kept - 1].tokens += out->rows[i].tokens;
            out->rows[kept - 1].micros += out->rows[i].micros;
        } else {
            out->rows[kept++] = out->rows[i];
        }
    }
    out->count = kept;
    qsort_r(out->rows, out->count, sizeof *out->rows, by_weight,
            (void *)(uintptr_t)classes);
    return true;
}

static json_t *
text_of(const struct weir_classes *classes, uint32_t name)
{
    weir_span text = classes->names[name];
    json_t *json = json_stringn(text.ptr == NULL ? "" : text.ptr, text.len);
    return json == NULL ? json_string("?") : json;
}

static json_t *
sums_json(uint64_t calls, uint64_t tokens, int64_t micros)
{
    return json_pack("{s:I,s:I,s:I}", "calls", (json_int_t)calls, "tokens",
                     (json_int_t)tokens, "revenue_micros", (json_int_t)micros);
}

static json_t *
groups_json(const struct weir_classes *classes)
{
    json_t *list = json_array();
    for (int d = WEIR_BY_ORGANISATION; d <= WEIR_BY_WHY; d++) {
        struct folding folding;
        if (!fold(classes, (enum weir_dimension)d, (enum weir_dimension)d,
                  &folding))
            break;
        for (size_t i = 0; i < folding.count; i++) {
            const struct sum *row = &folding.rows[i];
            /* Who is only moved was refused by nothing. */
            if (d == WEIR_BY_WHY && classes->names[row->name].len == 0)
                continue;
            json_t *json = json_pack(
                "{s:s,s:s,s:o}", "effect",
                weir__effect_name((enum weir_effect)row->effect), "by",
                dimensions[d], "name", text_of(classes, row->name));
            json_t *sums = sums_json(row->calls, row->tokens, row->micros);
            json_object_update(json, sums);
            json_decref(sums);
            json_array_append_new(list, json);
        }
        free(folding.rows);
    }
    return list;
}

static json_t *
fallback_json(const struct weir_classes *classes)
{
    json_t *list = json_array();
    struct folding folding;
    if (!fold(classes, WEIR_BY_FROM, WEIR_BY_TO, &folding))
        return list;
    for (size_t i = 0; i < folding.count; i++) {
        const struct sum *row = &folding.rows[i];
        json_t *json =
            json_pack("{s:o,s:o}", "from", text_of(classes, row->name), "to",
                      text_of(classes, row->second));
        json_t *sums = sums_json(row->calls, row->tokens, row->micros);
        json_object_update(json, sums);
        json_decref(sums);
        json_array_append_new(list, json);
    }
    free(folding.rows);
    return list;
}

struct weir_totals {
    struct sum by[WEIR_EFFECTS];
    uint64_t admitted;
    uint64_t outcomes;
    uint64_t decisions;
    uint64_t tokens;
    int64_t micros;
};

static void
add_up(const struct weir_classes *classes, struct weir_totals *out)
{
    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; i < classes->count; i++) {
        const struct weir_class *row = &classes->rows[i];
        struct sum *sum = &out->by[row->effect];
        sum->calls += row->decisions;
        sum->tokens += row->tokens;
        sum->micros += row->micros;
        if (row->effect == WEIR_EFFECT_PASSED_OVER)
            continue;
        out->decisions += row->decisions;
        out->admitted += row->admitted;
        out->outcomes += row->outcomes;
        out->tokens += row->tokens;
        out->micros += row->micros;
    }
}

static bool
is_same(const struct weir_totals *totals,
        const struct weir_simulate_counts *counts)
{
    return counts->is_change || (totals->by[WEIR_EFFECT_DIFFERENT].calls == 0 &&
                                 totals->by[WEIR_EFFECT_NO_IMAGE].calls == 0 &&
                                 counts->damages == 0);
}

json_t *
weir__simulate_report(const struct weir_classes *classes,
                      const struct weir_simulate_counts *counts)
{
    struct weir_totals totals;
    add_up(classes, &totals);
    json_t *effects = json_object();
    for (int i = 0; i < WEIR_EFFECT_PASSED_OVER; i++)
        json_object_set_new(effects, weir__effect_name((enum weir_effect)i),
                            sums_json(totals.by[i].calls, totals.by[i].tokens,
                                      totals.by[i].micros));
    const char *mode = counts->is_population ? "population"
                       : counts->is_change   ? "change"
                                             : "repeat";
    json_t *report = json_pack(
        "{s:s,s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:s#,s:o}", "mode", mode,
        "is_same", is_same(&totals, counts), "records",
        (json_int_t)counts->records, "decisions", (json_int_t)totals.decisions,
        "admitted", (json_int_t)totals.admitted, "open",
        (json_int_t)(totals.admitted - totals.outcomes), "damages",
        (json_int_t)counts->damages, "tokens", (json_int_t)totals.tokens,
        "revenue_micros", (json_int_t)totals.micros, "currency",
        counts->currency.len == 0 ? "" : counts->currency.ptr,
        (int)counts->currency.len, "effects", effects);
    if (counts->is_population) {
        if (!counts->is_whole)
            json_object_set_new(report, "seed",
                                json_integer((json_int_t)counts->seed));
        json_object_set_new(report, "open", json_integer(0));
    }
    if (counts->request[0] != '\0')
        json_object_set_new(report, "difference",
                            json_pack("{s:s,s:s}", "request", counts->request,
                                      "text", counts->difference));
    if (counts->is_change) {
        json_object_set_new(report, "groups", groups_json(classes));
        json_object_set_new(report, "fallback", fallback_json(classes));
    }
    return report;
}
