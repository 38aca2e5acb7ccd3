/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A conversation's turns as dialects write them that know two sides: turns of
 * one side that follow each other are one message, instructions stand apart.
 */
#include "native.h"

bool
weir_native_is_instruction(const struct weir_turn *turn)
{
    return turn->role == WEIR_SPEAKER_SYSTEM ||
           turn->role == WEIR_SPEAKER_DEVELOPER;
}

weir_status
weir_native_put_turns(struct weir_neutral *call, struct weir_pen *pen,
                      const struct weir_native_words *words,
                      struct weir_error *err)
{
    weir_status status = WEIR_OK;
    bool is_open = false;
    bool was_assistant = false;

    for (const struct weir_turn *turn = call->turns;
         turn != NULL && status == WEIR_OK; turn = turn->next) {
        bool is_assistant = turn->role == WEIR_SPEAKER_ASSISTANT;
        if (weir_native_is_instruction(turn) ||
            (words->skips_empty && turn->parts == NULL))
            continue;
        if (is_open && is_assistant != was_assistant) {
            weir_pen_lit(pen, "]}");
            is_open = false;
        }
        if (!is_open) {
            weir_pen_open(pen, '{');
            weir_pen_member_escaped(pen, "role",
                                    is_assistant
                                        ? weir_span_of(words->assistant)
                                        : WEIR_SPAN("user"));
            weir_pen_name(pen, words->parts);
            weir_pen_open(pen, '[');
            is_open = true;
            was_assistant = is_assistant;
        }
        for (const struct weir_part *part = turn->parts;
             part != NULL && status == WEIR_OK; part = part->next)
            status = words->put_part(call, pen, turn, part, err);
    }
    if (is_open)
        weir_pen_lit(pen, "]}");
    return status;
}
