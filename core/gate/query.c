/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What decide.c binds to a program, as a query of the language: for those
 * who put the same question to policies that are in no image. A fact that
 * is added there is added here; the schema, which both follow, makes the
 * evaluator refuse a query that lacks one it must have. Granted exceptions
 * are no part of a question: the gate asks for them afterwards.
 */
#include "internal.h"

#include <string.h>

#define FIELDS_MAX  10
#define SIGNALS_MAX 7

struct writing {
    struct weir_arena *arena;
    struct weir_cedar_field *fields;
    size_t count;
};

static weir_cedar_value *
add(struct writing *w, const char *key)
{
    struct weir_cedar_field *field = &w->fields[w->count++];
    memset(field, 0, sizeof(*field));
    field->key = weir_span_of(key);
    return &field->value;
}

static void
add_number(struct writing *w, const char *key, enum weir_cedar_kind kind,
           int64_t number)
{
    weir_cedar_value *value = add(w, key);
    value->kind = (uint8_t)kind;
    if (kind == WEIR_CEDAR_BOOL)
        value->boolean = number != 0;
    else
        value->number = number;
}

static void
add_entity(struct writing *w, const char *key, const char *type, weir_span id)
{
    struct weir_cedar_uid *uid = weir_arena_alloc(w->arena, sizeof(*uid));
    weir_cedar_value *value;
    if (uid == NULL)
        return;
    *uid = (struct weir_cedar_uid){weir_span_of(type), id};
    value = add(w, key);
    value->kind = WEIR_CEDAR_ENTITY;
    value->uid = uid;
}

static weir_status
signals_of(struct weir_arena *arena, const struct weir_signal_facts *facts,
           weir_cedar_value *value_out, struct weir_error *err)
{
    struct writing w = {.arena = arena,
                        .fields = weir_arena_array(
                            arena, struct weir_cedar_field, SIGNALS_MAX)};
    if (w.fields == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if ((facts->known & WEIR_SIGNAL_PLACE) != 0)
        add_number(&w, "undeclared_place", WEIR_CEDAR_BOOL,
                   facts->is_undeclared);
    if ((facts->known & WEIR_SIGNAL_SEEN) != 0) {
        add_number(&w, "countries", WEIR_CEDAR_LONG, facts->countries);
        add_number(&w, "travel_kmh", WEIR_CEDAR_LONG, facts->travel_kmh);
    }
    if ((facts->known & WEIR_SIGNAL_HOSTING) != 0)
        add_number(&w, "hosting_network", WEIR_CEDAR_BOOL, facts->is_hosting);
    add_number(&w, "place_unknown", WEIR_CEDAR_BOOL,
               (facts->known & WEIR_SIGNAL_PLACE) == 0);
    add_number(&w, "network_unknown", WEIR_CEDAR_BOOL, facts->system == 0);
    if (facts->system != 0)
        add_number(&w, "network", WEIR_CEDAR_LONG, facts->system);
    return weir_cedar_value_record(w.fields, w.count, value_out, err);
}

static bool
is_registered(const struct weir_image *image, weir_span name)
{
    const struct weir_cedar_uid uid = {WEIR_SPAN("Organization"), name};
    uint32_t entity = weir_cedar_program_entity(&image->program, &uid);
    return entity != WEIR_CEDAR_NONE &&
           weir_cedar_program_has(&image->program, entity);
}

static weir_status
context_of(const struct weir_image *image, const struct weir_question *question,
           struct weir_arena *arena, weir_cedar_value *context_out,
           struct weir_error *err)
{
    struct writing w = {
        .arena = arena,
        .fields = weir_arena_array(arena, struct weir_cedar_field, FIELDS_MAX)};
    weir_cedar_value signals, address;
    uint32_t country = weir_image_find_jurisdiction(image, question->country);
    weir_status status = signals_of(arena, &question->signals, &signals, err);
    if (status != WEIR_OK || w.fields == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (question->address.len > 0 &&
        weir_cedar_extension_parse(WEIR_CEDAR_IP, question->address, &address))
        *add(&w, "client") = address;
    if (country != WEIR_INDEX_NONE)
        add_entity(&w, "client_country", "Jurisdiction",
                   weir_image_text(image, image->jurisdictions[country].code));
    if (question->end_customer.len > 0) {
        weir_cedar_value *value = add(&w, "end_customer_id");
        value->kind = WEIR_CEDAR_STRING;
        value->string = question->end_customer;
        if (is_registered(image, question->end_customer))
            add_entity(&w, "end_customer", "Organization",
                       question->end_customer);
    }
    if (question->operation == WEIR_OP_CALL_TOOL) {
        weir_cedar_value *value = add(&w, "tool");
        value->kind = WEIR_CEDAR_STRING;
        value->string = question->tool;
    }
    if (question->exception_name.len > 0)
        add_entity(&w, "exception", "Exception", question->exception_name);
    add_number(&w, "now", WEIR_CEDAR_DATETIME,
               weir__gate_milliseconds(question->now));
    add_number(&w, "is_streamed", WEIR_CEDAR_BOOL, question->is_streamed);
    *add(&w, "signals") = signals;
    if (arena->overflow)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    return weir_cedar_value_record(w.fields, w.count, context_out, err);
}

weir_status
weir_gate_query(const struct weir_image *image,
                const struct weir_question *question, uint32_t deployment,
                struct weir_arena *arena, struct weir_cedar_query *query_out,
                struct weir_error *err)
{
    WEIR_ASSERT(deployment < image->deployment_count);
    WEIR_ASSERT(question->key < image->key_count);
    query_out->principal = weir_cedar_program_uid(
        &image->program, image->keys[question->key].entity);
    query_out->action = weir_cedar_program_uid(
        &image->program, image->actions[question->operation]);
    query_out->resource = weir_cedar_program_uid(
        &image->program, image->deployments[deployment].entity);
    return context_of(image, question, arena, &query_out->context, err);
}
