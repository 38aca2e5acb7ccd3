/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an organisation's attribute came from when it was evidence: the fact
 * that was chosen at the time of the decision, with source, date and who
 * entered it.
 *
 * The archived sources of an image (sources.h) say what the configuration
 * said. Facts of the store are never overwritten, so that they need not be
 * archived: the choice is made again, as of then. Which of the two the image
 * had is told by the value that was read: a fact that says otherwise was not
 * behind it, and is not shown.
 */
#include <string.h>

#include "control/evidence/evidence.h"
#include "control/explain/parts.h"

/* Texts and places have to be the fact's; a date or what follows from one
 * ("established") is another form of it. */
static bool
is_value_of(const struct weir_fact *fact,
            const struct weir_cedar_program *program, weir_cedar_arg value)
{
    char bytes[512];
    struct weir_buf text;
    if (value.kind != WEIR_CEDAR_STRING && value.kind != WEIR_CEDAR_ENTITY)
        return true;
    weir_buf_init_fixed(&text, bytes, sizeof bytes);
    weir_buf_addf(&text, "\"%.*s\"", WEIR_SPAN_ARG(fact->value));
    size_t len = text.len;
    weir_cedar_arg_write(&text, program, value);
    return !text.overflow && text.len >= 2 * len &&
           memcmp(text.ptr, text.ptr + text.len - len, len) == 0;
}

static void
add_when(json_t *row, const char *name, weir_time when)
{
    if (when != WEIR_TIME_MIN && when != WEIR_TIME_MAX)
        json_object_set_new(row, name, json_integer(when));
}

static json_t *
fact_json(const struct weir_fact_choice *choice, weir_span organisation,
          weir_span attribute)
{
    const struct weir_fact *fact = choice->fact;
    json_t *row = json_pack(
        "{s:s,s:o,s:o,s:s,s:I,s:o,s:o,s:s,s:o,s:I,s:b}", "type", "Evidence",
        "id", weir__explain_text(organisation), "attribute",
        weir__explain_text(attribute), "fact", weir_fact_kind_name(fact->kind),
        "number", (json_int_t)fact->number, "stated",
        weir__explain_text(fact->value), "source",
        weir__explain_text(fact->source), "rank",
        weir_fact_rank_name(fact->rank), "by",
        weir__explain_text(fact->entered_by), "made_us",
        (json_int_t)fact->entered, "is_conflicting", choice->is_conflicting);
    char date[WEIR_TIME_TEXT];
    if (row == NULL)
        return NULL;
    if (fact->as_of != WEIR_TIME_MIN) {
        weir_time_format(fact->as_of, date);
        date[10] = '\0'; /* the day, as the configuration's sources give it */
        json_object_set_new(row, "as_of", json_string(date));
    }
    if (fact->place.len > 0)
        json_object_set_new(row, "place", weir__explain_text(fact->place));
    add_when(row, "valid_until_us", fact->valid_until);
    return row;
}

void
weir__explain_evidence(const struct weir_explain_world *world,
                       const struct weir_cedar_uid *who, weir_span attribute,
                       weir_cedar_arg value, json_t *list)
{
    struct weir_facts facts;
    struct weir_fact_choice choice;
    struct weir_error err;
    if (world->store == NULL ||
        !weir_span_equal(who->type, WEIR_SPAN("Organization")))
        return;
    weir_facts_init(&facts);
    /* What cannot be read is left out; it changes no answer. */
    if (weir_evidence_attribute(world->store, NULL, who->id, attribute,
                                world->question.now, &facts, &choice,
                                &err) == WEIR_OK &&
        is_value_of(choice.fact, &world->view.image.program, value)) {
        json_t *row = fact_json(&choice, who->id, attribute);
        if (row != NULL)
            json_array_append_new(list, row);
    }
    weir_facts_fini(&facts);
}
