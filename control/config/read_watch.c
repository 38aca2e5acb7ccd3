/* SPDX-License-Identifier: Apache-2.0 */
/* Whose calls are watched and by which lines: `watch:` of the main file, and
 * of one row. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <weir/watch_score.h>

#include "read.h"

_Static_assert(WEIR_WORLD_SIGNALS == WEIR_WATCH_SIGNALS, "a line each");

/* Not negative. */
static bool
read_decimal(struct reader *r, const struct yaml_node *node, float *value_out)
{
    char digits[32];
    char *end;
    weir_span text;
    if (!read_text_value(r, node, &text))
        return false;
    if (text.len < sizeof(digits)) {
        memcpy(digits, text.ptr, text.len);
        digits[text.len] = '\0';
        float value = strtof(digits, &end);
        if (*end == '\0' && isfinite(value) && value >= 0) {
            *value_out = value;
            return true;
        }
    }
    read_fault(r, node, "Write a number like 2.4; 0: it never fires.",
               "not a number");
    return false;
}

static uint32_t
value_named(weir_span key)
{
    if (weir_span_equal(key, WEIR_SPAN("score")))
        return WEIR_WORLD_SIGNALS;
    if (weir_span_equal(key, WEIR_SPAN("strong")))
        return WEIR_WORLD_SIGNALS + 1;
    for (uint32_t i = 0; i < WEIR_WORLD_SIGNALS; i++)
        if (weir_span_equal(key, weir_span_of(weir_watch_signal_info(i)->name)))
            return i;
    return UINT32_MAX;
}

static void
read_line_value(struct reader *r, const struct yaml_node *node,
                struct weir_world_watch_line *line)
{
    uint32_t value = value_named(node->key);
    if (weir_span_equal(node->key, WEIR_SPAN("window"))) {
        read_u32(r, node, &line->window);
        return;
    }
    if (weir_span_equal(node->key, WEIR_SPAN("reference"))) {
        read_bool(r, node, &line->has_reference);
        return;
    }
    if (value == UINT32_MAX) {
        read_fault(r, node,
                   "Write window, reference, a signal's name, score or strong.",
                   "not a part of a line");
        return;
    }
    if (read_decimal(r, node, &line->values[value]))
        line->given |= 1u << value;
    /* Scores are measured in units of these two. */
    if (value >= WEIR_WORLD_SIGNALS && (line->given >> value & 1) != 0 &&
        !(line->values[value] > 0))
        read_fault(r, node, "Write a number above 0.", "a line of nothing");
}

static void
read_lines(struct reader *r, const struct yaml_node *node, void *member)
{
    if (!is_list(r, node, "lines"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        struct weir_world_watch_line *line =
            weir_world_add_watch_line(r->world);
        if (line == NULL)
            return;
        line->place = n->place;
        line->has_reference = true;
        if (n->kind != YAML_MAPPING) {
            read_fault(r, n, "Write {window: 300, departure: 2.4}.",
                       "not a mapping");
            continue;
        }
        for (const struct yaml_node *f = n->first; f != NULL; f = f->next)
            read_line_value(r, f, line);
        if (line->window != WEIR_WATCH_EARLY &&
            line->window != WEIR_WATCH_WINDOW &&
            line->window != WEIR_WATCH_WIDE)
            read_fault(r, n, "Write window: 100, 300 or 600.",
                       "a line needs the width of its window");
    }
}

static void
read_clusters(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_watch_settings row;
    static const struct field fields[] = {
        FIELD("every", read_us, row, cluster_every_us),
        FIELD("bin", read_us, row, cluster_bin_us),
    };
    row *settings = member;
    read_fields(r, node, "clusters", fields, WEIR_COUNTOF(fields), settings);
    if (settings->cluster_bin_us < 100 * WEIR_US_PER_MS ||
        settings->cluster_bin_us > WEIR_US_PER_DAY)
        read_fault(r, node, "Write a bin of 100 ms to 1 d.",
                   "the bin of activity is out of range");
}

void
read_watch(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_watch_settings row;
    static const struct field fields[] = {
        FIELD("tenants", read_names, row, tenants),
        FIELD("models", read_names, row, models),
        FIELD("reference_calls", read_u32, row, reference_calls),
        FIELD("pools", read_u32, row, pools),
        FIELD("subjects", read_u32, row, subjects),
        FIELD("calibration", read_text, row, calibration),
        {"clusters", read_clusters, 0},
        {"lines", read_lines, 0},
        {"exchanges", read_exchanges, 0},
    };
    r->world->watch.place = node->place;
    if (node->kind == YAML_TEXT) {
        r->world->watch.is_on = weir_span_equal(node->text, WEIR_SPAN("on"));
        if (!r->world->watch.is_on &&
            !weir_span_equal(node->text, WEIR_SPAN("off")))
            read_fault(r, node,
                       "Write on, off, or a mapping with tenants or models.",
                       "watch is neither on nor off");
        return;
    }
    r->world->watch.is_on = true;
    read_fields(r, node, "watch", fields, WEIR_COUNTOF(fields),
                &r->world->watch);
    const row *settings = &r->world->watch;
    if (settings->reference_calls != 0 &&
        (settings->reference_calls < WEIR_WATCH_LEARN_MIN ||
         settings->reference_calls > WEIR_WATCH_LEARN_MAX))
        read_fault(r, node, "Write reference_calls: 50 to 4096, or 0.",
                   "a reference cannot be learnt from so many calls");
    if (settings->pools < 16 || settings->subjects < settings->pools)
        read_fault(r, node,
                   "Write pools of 16 at least, and subjects of no "
                   "fewer.",
                   "too few pools or subjects");
}

void
read_is_watched(struct reader *r, const struct yaml_node *node, void *member)
{
    bool is_watched = true;
    bool *is_unwatched = member;
    read_bool(r, node, &is_watched);
    *is_unwatched = !is_watched;
}
