/* SPDX-License-Identifier: Apache-2.0 */
/* How models end: dates in order, a successor that can be asked for. */
#include "check.h"

static bool
is_header_text(weir_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '<' || c == '>' || c == '"')
            return false;
    }
    return true;
}

static void
check_life(struct weir__check *check, const struct weir_world_model *m)
{
    char owner[WEIR__OWNER_TEXT];
    weir_span next = m->successor.text;
    weir__check_owner(owner, "model", m->name);
    if (m->deprecated != 0 && m->sunset != 0 && m->sunset < m->deprecated)
        weir_faults_add(check->faults, m->place,
                        "It is deprecated first and ends later.",
                        "%s ends before it is deprecated", owner);
    if (m->deprecated < 0 || m->sunset < 0)
        weir_faults_add(check->faults, m->place, "Use a date after 1970.",
                        "%s ends before there were models", owner);
    if (!is_header_text(m->more))
        weir_faults_add(check->faults, m->place,
                        "Write the URL as a browser shows it, percent-encoded.",
                        "%s has a link that cannot stand in a header", owner);
    if (next.len == 0)
        return;
    if (m->sunset == 0 && m->deprecated == 0)
        weir_faults_add(check->faults, m->successor.place,
                        "Add `deprecated:` or `sunset:`, or remove it.",
                        "%s has a successor and no end", owner);
    if (weir_span_equal(next, m->name) ||
        (weir__names_find(&check->models, next) == WEIR_INDEX_NONE &&
         weir__names_find(&check->routes, next) == WEIR_INDEX_NONE))
        weir_faults_add(check->faults, m->successor.place,
                        "Name another model or a route that is declared here.",
                        "%s has successor \"%.*s\", which nobody can ask for",
                        owner, WEIR_SPAN_ARG(next));
}

void
weir__check_lives(struct weir__check *check)
{
    for (uint32_t i = 0; i < check->world->model_count; i++)
        check_life(check, &check->world->model_rows[i]);
}
