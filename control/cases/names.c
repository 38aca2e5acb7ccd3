/* SPDX-License-Identifier: Apache-2.0 */
/* Names of what the store keeps as numbers. */
#include <stdio.h>

#include "control/cases/cases.h"

static const char *const kinds[] = {
#define WEIR_CASE_KIND(NAME, number, name, on_restored, title) [number] = name,
#include "control/cases/kinds.def"
#undef WEIR_CASE_KIND
};
static const char *const states[] = {
    [WEIR_CASE_OPEN] = "open",       [WEIR_CASE_ASSIGNED] = "assigned",
    [WEIR_CASE_DECIDED] = "decided", [WEIR_CASE_APPEALED] = "appealed",
    [WEIR_CASE_CLOSED] = "closed",
};
static const char *const verdicts[] = {"undecided", "upheld", "cleared"};
static const char *const actions[] = {
    [WEIR_CASE_RAISED] = "raised", [WEIR_CASE_SEEN] = "seen",
    [WEIR_CASE_ASSIGN] = "assign", [WEIR_CASE_DECIDE] = "decide",
    [WEIR_CASE_APPEAL] = "appeal", [WEIR_CASE_RESTORE] = "restore",
    [WEIR_CASE_EXPIRE] = "expire",
};

static const char *
name_in(const char *const *names, size_t count, size_t number)
{
    return number < count && names[number] != NULL ? names[number] : "";
}

/* 0: none of them. */
static size_t
number_in(const char *const *names, size_t count, weir_span text)
{
    for (size_t i = 1; i < count; i++) {
        if (names[i] != NULL && weir_span_equal(text, weir_span_of(names[i])))
            return i;
    }
    return 0;
}

const char *
weir_case_kind_name(enum weir_case_kind kind)
{
    return name_in(kinds, WEIR_COUNTOF(kinds), (size_t)kind);
}

bool
weir_case_kind_parse(weir_span text, enum weir_case_kind *kind_out)
{
    size_t number = number_in(kinds, WEIR_COUNTOF(kinds), text);
    if (number != 0)
        *kind_out = (enum weir_case_kind)number;
    return number != 0;
}

const char *
weir_case_state_name(enum weir_case_state state)
{
    return name_in(states, WEIR_COUNTOF(states), (size_t)state);
}

bool
weir_case_state_parse(weir_span text, enum weir_case_state *state_out)
{
    size_t number = number_in(states, WEIR_COUNTOF(states), text);
    if (number != 0)
        *state_out = (enum weir_case_state)number;
    return number != 0;
}

const char *
weir_case_verdict_name(enum weir_case_verdict verdict)
{
    return name_in(verdicts, WEIR_COUNTOF(verdicts), (size_t)verdict);
}

const char *
weir_case_action_name(enum weir_case_action action)
{
    return name_in(actions, WEIR_COUNTOF(actions), (size_t)action);
}

bool
weir_case_id_parse(weir_span text, int64_t *number_out)
{
    uint64_t number;
    if (weir_span_starts(text, WEIR_SPAN("case_"))) {
        text.ptr += 5;
        text.len -= 5;
    }
    if (!weir_span_to_u64(text, &number) || number == 0 || number > INT64_MAX)
        return false;
    *number_out = (int64_t)number;
    return true;
}

void
weir_case_id_format(int64_t number, char id_out[WEIR_CASE_ID_MAX])
{
    snprintf(id_out, WEIR_CASE_ID_MAX, "case_%lld", (long long)number);
}
