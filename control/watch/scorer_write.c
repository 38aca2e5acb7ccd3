/* SPDX-License-Identifier: Apache-2.0 */
#include "control/watch/scorer_parts.h"

#include <weir/json.h>

static void
add_number(struct weir_json_writer *json, const char *name, double value)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%.6g", value);
    weir_json_name(json, name);
    weir_json_add_raw(json, (weir_span){text, (size_t)len});
}

static void
add_cues(struct weir_json_writer *json, uint32_t cues)
{
    weir_json_name(json, "cues");
    weir_json_begin_array(json);
    for (uint32_t bit = WEIR_WATCH_COT; bit <= WEIR_WATCH_ROLE; bit++)
        if (cues >> bit & 1)
            weir_json_add_string(json, weir_span_of(weir_watch_bit_name(bit)));
    weir_json_end_array(json);
}

static void
add_shown(struct weir_json_writer *json, const struct scorer_account *account)
{
    uint32_t count =
        account->shown_count < SHOWN ? account->shown_count : SHOWN;
    weir_json_name(json, "lines");
    weir_json_begin_array(json);
    for (uint32_t i = account->shown_count - count; i < account->shown_count;
         i++)
        weir_json_add_uint(json, account->shown[i % SHOWN]);
    weir_json_end_array(json);
}

/* One signal over its line: what was seen, what expected, what it means. */
static void
add_evidence(struct weir_json_writer *json,
             const struct scorer_account *account,
             const struct weir_watch_verdict *verdict,
             const struct weir_watch_lines *lines, uint32_t signal)
{
    const struct weir_watch_signal_info *info = weir_watch_signal_info(signal);
    const struct weir_watch_figure *figure = &verdict->figures[signal];
    weir_json_begin_object(json);
    weir_json_name(json, "signal");
    weir_json_add_string(json, weir_span_of(info->name));
    add_number(json, "value", (double)figure->value);
    add_number(json, "line", (double)lines->line[signal]);
    add_number(json, "seen", (double)figure->seen);
    add_number(json, "expected", (double)figure->expected);
    weir_json_name(json, "meaning");
    weir_json_add_string(json, weir_span_of(info->meaning));
    weir_json_name(json, "benign");
    weir_json_add_string(json, weir_span_of(info->benign));
    if (signal == WEIR_WATCH_SCAFFOLD)
        add_cues(json, verdict->cues);
    if (info->kind == WEIR_WATCH_KIND_CONTENT && account->shown_count > 0)
        add_shown(json, account);
    weir_json_end_object(json);
}

void
weir__scorer_write(struct weir_scorer *scorer,
                   const struct scorer_account *account,
                   const struct weir_watch_verdict *verdict, uint32_t window)
{
    const struct weir_watch_lines *lines =
        weir_watch_lines_default(window, verdict->has_reference);
    struct weir_json_writer json;
    weir_buf_reset(&scorer->text);
    weir_json_writer_init(&json, &scorer->text);
    weir_json_begin_object(&json);
    weir_json_name(&json, "account");
    weir_json_add_string(&json, weir_span_of(account->name));
    weir_json_name(&json, "window_end_ms");
    weir_json_add_int(&json, account->last_ms);
    weir_json_name(&json, "calls");
    weir_json_add_uint(&json, verdict->calls);
    add_number(&json, "score", (double)verdict->score);
    weir_json_name(&json, "signals");
    weir_json_begin_object(&json);
    for (uint32_t i = 0; i < WEIR_WATCH_SIGNALS; i++)
        if (verdict->figures[i].value > 0)
            add_number(&json, weir_watch_signal_info(i)->name,
                       (double)verdict->figures[i].value);
    weir_json_end_object(&json);
    weir_json_name(&json, "action");
    weir_json_add_string(&json,
                         weir_span_of(weir_watch_action_name(verdict->action)));
    weir_json_name(&json, "evidence");
    weir_json_begin_array(&json);
    for (uint32_t i = 0; i < WEIR_WATCH_SIGNALS; i++)
        if (verdict->fired >> i & 1)
            add_evidence(&json, account, verdict, lines, i);
    weir_json_end_array(&json);
    weir_json_name(&json, "reference");
    weir_json_add_bool(&json, verdict->has_reference);
    add_number(&json, "score_without_cues", (double)verdict->plain_score);
    weir_json_end_object(&json);
    weir_buf_add_byte(&scorer->text, '\n');
    fwrite(scorer->text.ptr, 1, scorer->text.len, scorer->setup.out);
}
