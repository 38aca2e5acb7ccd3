/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a customer reads about a step: what is done and since when, what was
 * seen as figures, when it ends, how to explain and how to appeal.
 *
 * Figures and not thresholds: a customer can check his own calls against
 * "41 calls where 3.2 were expected", and an attacker learns from it no more
 * than he knows. Prompts are never quoted, for none are kept.
 */
#include <jansson.h>
#include <string.h>

#include "control/cases/cases.h"
#include "control/notices/notices.h"
#include "control/steps/parts.h"

#define FIGURES_SAID 4 /* signals named in one notice */

static const char *const done[] = {
    [WEIR_WATCH_NOTHING] = "treated as any others",
    [WEIR_WATCH_OBSERVE] = "looked at more closely; nothing changes for them",
    [WEIR_WATCH_SLOW] = "slowed down",
    [WEIR_WATCH_STRIP] = "slowed down and answered once each, without "
                         "reasoning and logprobs",
    [WEIR_WATCH_HOLD] = "held until a person decides",
    [WEIR_WATCH_SUSPEND] = "refused",
};

bool
weir__step_is_told(const struct weir_step_row *row,
                   const struct weir__step_act *act)
{
    struct weir_watch_rule rule = weir__step_rule_of(row);
    uint8_t rung = 0;
    switch (act->change) {
    case WEIR_WATCH_TAKEN:
    case WEIR_WATCH_RAISED:
    case WEIR_WATCH_RENEWED:
        rung = row->stand.step;
        break;
    case WEIR_WATCH_ANNOUNCED:
    case WEIR_WATCH_EXPLAINED:
        rung = row->stand.coming;
        break;
    case WEIR_WATCH_REFUSED:
    case WEIR_WATCH_DROPPED:
        /* What was only asked of a person was never told to him. */
        rung = act->before.is_asked ? 0 : act->before.coming;
        break;
    case WEIR_WATCH_LOWERED:
    case WEIR_WATCH_EXPIRED:
    case WEIR_WATCH_LIFTED:
    case WEIR_WATCH_EXEMPTED:
    case WEIR_WATCH_UNANSWERED:
        rung = act->before.step;
        if (!act->before.is_asked && act->before.coming > rung)
            rung = act->before.coming;
        break;
    case WEIR_WATCH_SAME:
    case WEIR_WATCH_ASKED:
    case WEIR_WATCH_LAPSED:
    case WEIR_WATCH_CHANGES:
        break;
    }
    return rung > 0 && (rule.tells & WEIR_WATCH_RUNG(rung)) != 0;
}

static void
say_time(struct weir_buf *out, weir_time when)
{
    char text[WEIR_TIME_TEXT];
    weir_time_format(when, text);
    weir_buf_addf(out, "%.16sZ", text);
}

static void
say_figures(struct weir_buf *out, weir_span figures)
{
    json_t *object = json_loadb(figures.ptr, figures.len, 0, NULL);
    json_t *signal;
    size_t index, said = 0;
    json_array_foreach(json_object_get(object, "signals"), index, signal)
    {
        const char *name = json_string_value(json_object_get(signal, "signal"));
        double seen = json_number_value(json_object_get(signal, "seen"));
        double expected =
            json_number_value(json_object_get(signal, "expected"));
        if (name == NULL || !json_is_true(json_object_get(signal, "fired")) ||
            said == FIGURES_SAID)
            continue;
        weir_buf_addf(out, "%s%.40s", said++ == 0 ? " Seen: " : "; ", name);
        if (seen > 0)
            weir_buf_addf(out, ", %.0f calls where %.1f were expected", seen,
                          expected);
        else
            weir_buf_addf(out, ", %.2f over a line of %.2f",
                          json_number_value(json_object_get(signal, "value")),
                          json_number_value(json_object_get(signal, "line")));
    }
    if (said > 0)
        weir_buf_addf(out, ".");
    json_decref(object);
}

static void
say_ways(const struct weir_control *control, const struct weir_step_row *row,
         bool can_explain, struct weir_buf *out)
{
    weir_span contact =
        control->world != NULL ? control->world->seller_appeal : WEIR_SPAN("");
    char id[WEIR_CASE_ID_MAX];
    weir_case_id_format(row->case_number, id);
    weir_buf_addf(out,
                  "%s with your key at /v1/my/watch/%s/%s of the admin "
                  "address",
                  can_explain ? " Explain it, or appeal," : " Appeal", id,
                  can_explain ? "explain or appeal" : "appeal");
    if (contact.len > 0)
        weir_buf_addf(out, ", or to %.*s",
                      (int)(contact.len < 200 ? contact.len : 200),
                      contact.ptr);
    weir_buf_addf(out, ". A person other than the one who decided before "
                       "decides an appeal.");
}

static void
say_head(const struct weir_step_row *row, struct weir_buf *out)
{
    char id[WEIR_CASE_ID_MAX];
    weir_case_id_format(row->case_number, id);
    weir_buf_addf(
        out, "%s: calls of %s %.*s", id, weir_watch_kind_name(row->kind),
        (int)(row->name.len < 300 ? row->name.len : 300), row->name.ptr);
}

static void
say_reason(const struct weir__step_act *act, struct weir_buf *out)
{
    static const char *const why[WEIR_WATCH_CHANGES] = {
        [WEIR_WATCH_LOWERED] = " Later calls showed less.",
        [WEIR_WATCH_DROPPED] = " Later calls showed less.",
        [WEIR_WATCH_EXPIRED] = " Its time was over.",
        [WEIR_WATCH_REFUSED] = " A person decided against it.",
        [WEIR_WATCH_LIFTED] = " Two people decided so.",
        [WEIR_WATCH_EXEMPTED] = " Two people decided so.",
        [WEIR_WATCH_RAISED] = " Two people decided so.",
        [WEIR_WATCH_UNANSWERED] =
            " Nobody decided the appeal in time, so it counts as granted.",
    };
    if (why[act->change] != NULL)
        weir_buf_addf(out, "%s", why[act->change]);
}

void
weir__step_say(const struct weir_control *control,
               const struct weir_step_row *row,
               const struct weir__step_act *act, struct weir_buf *out)
{
    const struct weir_watch_stand *stand = &row->stand;
    bool is_announced = act->change == WEIR_WATCH_ANNOUNCED ||
                        act->change == WEIR_WATCH_EXPLAINED;
    say_head(row, out);
    if (is_announced) {
        weir_buf_addf(out, " will be %s from ", done[stand->coming]);
        say_time(out, stand->from);
        weir_buf_addf(out, ", unless a person decides otherwise.");
        if (act->change == WEIR_WATCH_EXPLAINED)
            weir_buf_addf(out, " Your explanation has put it off.");
    } else if (act->change == WEIR_WATCH_REFUSED ||
               act->change == WEIR_WATCH_DROPPED) {
        weir_buf_addf(out, " will not be %s.", done[act->before.coming]);
    } else {
        weir_buf_addf(out, " are %s%s.",
                      act->change == WEIR_WATCH_RENEWED ? "still " : "",
                      done[stand->step]);
    }
    say_reason(act, out);
    if (is_announced || act->change == WEIR_WATCH_TAKEN ||
        act->change == WEIR_WATCH_RENEWED)
        say_figures(out, row->figures);
    if (stand->step > WEIR_WATCH_NOTHING) {
        weir_buf_addf(out, " %s by itself on ",
                      is_announced ? "What is in force now ends" : "This ends");
        say_time(out, stand->until);
        weir_buf_addf(out, ", and later only if it is seen again.");
    }
    if (is_announced || stand->step > WEIR_WATCH_NOTHING)
        say_ways(control, row, is_announced && !stand->is_explained, out);
}
