/* SPDX-License-Identifier: Apache-2.0 */
/* What a verdict rests on, as JSON: docs/formats/watch-verdicts.md. */
#include <math.h>
#include <stdio.h>

#include <weir/json.h>

#include "control/watch/engine.h"

static void
add_number(struct weir_json_writer *json, const char *name, double value)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%.6g", isfinite(value) ? value : 0);
    weir_json_name(json, name);
    weir_json_add_raw(json, (weir_span){text, (size_t)len});
}

static void
add_text(struct weir_json_writer *json, const char *name, const char *text)
{
    weir_json_name(json, name);
    weir_json_add_string(json, weir_span_of(text));
}

static void
add_signal(struct weir_json_writer *json,
           const struct weir_watch_verdict *verdict,
           const struct weir_watch_lines *lines, uint32_t signal)
{
    const struct weir_watch_signal_info *info = weir_watch_signal_info(signal);
    const struct weir_watch_figure *figure = &verdict->figures[signal];
    bool is_fired = (verdict->fired >> signal & 1) != 0;
    weir_json_begin_object(json);
    add_text(json, "signal", info->name);
    add_number(json, "value", (double)figure->value);
    add_number(json, "line", (double)lines->line[signal]);
    add_number(json, "seen", (double)figure->seen);
    add_number(json, "expected", (double)figure->expected);
    weir_json_name(json, "fired");
    weir_json_add_bool(json, is_fired);
    add_text(json, "meaning", info->meaning);
    if (is_fired)
        add_text(json, "benign", info->benign);
    weir_json_end_object(json);
}

static void
add_evidence(struct weir_json_writer *json,
             const struct weir_watch_notes *notes)
{
    uint32_t count = notes->shown_count < WEIR_WATCH_EVIDENCE
                         ? notes->shown_count
                         : WEIR_WATCH_EVIDENCE;
    weir_json_name(json, "evidence");
    weir_json_begin_array(json);
    for (uint32_t i = notes->shown_count - count; i < notes->shown_count; i++) {
        char text[WEIR_REQUEST_ID_TEXT];
        weir_request_id_format(&notes->shown[i % WEIR_WATCH_EVIDENCE], text);
        weir_json_add_string(json, weir_span_of(text));
    }
    weir_json_end_array(json);
}

/* By what calls matched indicators, and of which exchanges: ever, for a pool
 * does not know which of them are still in its window. */
static void
add_shared(struct weir_json_writer *json, const struct weir_watch_notes *notes,
           const struct weir_watch_peers *peers)
{
    weir_json_name(json, "shared");
    weir_json_begin_object(json);
    weir_json_name(json, "kinds");
    weir_json_begin_array(json);
    for (uint32_t kind = 0; kind < WEIR_INDICATOR_KINDS; kind++)
        if (notes->shared_kinds >> kind & 1)
            weir_json_add_string(json,
                                 weir_span_of(weir_indicator_kind_name(kind)));
    weir_json_end_array(json);
    weir_json_name(json, "exchanges");
    weir_json_begin_array(json);
    for (uint32_t i = 0; i < WEIR_EXCHANGES_MAX; i++) {
        char name[WEIR_INDICATOR_NAME_BYTES];
        if ((notes->shared_by >> i & 1) == 0)
            continue;
        if (peers->name == NULL ||
            !peers->name(peers->context, i, peers->when, name))
            snprintf(name, sizeof(name), "#%u", i);
        weir_json_add_string(json, weir_span_of(name));
    }
    weir_json_end_array(json);
    weir_json_end_object(json);
}

void
weir__watch_put_detail(const struct weir_watch_verdict *verdict,
                       const struct weir_watch_lines *lines,
                       const struct weir_watch_notes *notes,
                       const struct weir_watch_peers *peers,
                       const char *calibration, struct weir_buf *out)
{
    struct weir_json_writer json;
    weir_json_writer_init(&json, out);
    weir_json_begin_object(&json);
    weir_json_name(&json, "signals");
    weir_json_begin_array(&json);
    for (uint32_t i = 0; i < WEIR_WATCH_SIGNALS; i++)
        if (verdict->figures[i].value > 0)
            add_signal(&json, verdict, lines, i);
    weir_json_end_array(&json);
    weir_json_name(&json, "cues");
    weir_json_begin_array(&json);
    for (uint32_t bit = WEIR_WATCH_COT; bit <= WEIR_WATCH_ROLE; bit++)
        if (verdict->cues >> bit & 1)
            weir_json_add_string(&json, weir_span_of(weir_watch_bit_name(bit)));
    weir_json_end_array(&json);
    if (notes != NULL)
        add_evidence(&json, notes);
    if (notes != NULL && peers != NULL && notes->shared_kinds != 0)
        add_shared(&json, notes, peers);
    add_number(&json, "score_line", (double)lines->score);
    add_number(&json, "strong_line", (double)lines->strong);
    add_text(&json, "calibration", calibration);
    weir_json_end_object(&json);
}
