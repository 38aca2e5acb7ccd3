/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A schema as written, out again in either syntax. Built-in types from JSON
 * become `__cedar::Long` in text, since a bare `Long` may be hidden by a
 * declaration; an action without appliesTo becomes one that applies to
 * nothing in JSON, as the reference implementation has it.
 */
#include "lexer.h"
#include "schema.h"

#include <weir/json.h>

#include <string.h>

/* -------------------------------------------------------------- JSON */

static void
json_notes(struct weir_json_writer *w, const struct raw_note *notes)
{
    if (notes == NULL)
        return;
    weir_json_name(w, "annotations");
    weir_json_begin_object(w);
    for (; notes != NULL; notes = notes->next) {
        weir_json_name_span(w, notes->key);
        weir_json_add_string(w, notes->value);
    }
    weir_json_end_object(w);
}

static void
json_names(struct weir_json_writer *w, const char *key,
           const struct raw_names *names)
{
    weir_json_name(w, key);
    weir_json_begin_array(w);
    for (const struct raw_name *n = names->first; n != NULL; n = n->next)
        weir_json_add_string(w, n->text);
    weir_json_end_array(w);
}

static void json_type_members(struct weir_json_writer *w,
                              const struct raw_type *type);

static void
json_type(struct weir_json_writer *w, const struct raw_type *type)
{
    weir_json_begin_object(w);
    json_type_members(w, type);
    weir_json_end_object(w);
}

static void
json_record(struct weir_json_writer *w, const struct raw_type *type)
{
    weir_json_name(w, "attributes");
    weir_json_begin_object(w);
    for (const struct raw_attribute *a = type->attributes.first; a != NULL;
         a = a->next) {
        weir_json_name_span(w, a->name);
        weir_json_begin_object(w);
        json_type_members(w, a->type);
        if (!a->is_required) {
            weir_json_name(w, "required");
            weir_json_add_bool(w, false);
        }
        json_notes(w, a->notes);
        weir_json_end_object(w);
    }
    weir_json_end_object(w);
}

static void
json_type_members(struct weir_json_writer *w, const struct raw_type *type)
{
    static const char *const kinds[] = {[RAW_NAME] = "EntityOrCommon",
                                        [RAW_ENTITY] = "Entity",
                                        [RAW_EXTENSION] = "Extension",
                                        [RAW_LONG] = "Long",
                                        [RAW_STRING] = "String",
                                        [RAW_BOOL] = "Boolean",
                                        [RAW_SET] = "Set",
                                        [RAW_RECORD] = "Record"};
    weir_json_name(w, "type");
    if (type->kind == RAW_COMMON) {
        weir_json_add_string(w, type->name);
        return;
    }
    weir_json_add_string(w, weir_span_of(kinds[type->kind]));
    if (type->kind == RAW_SET) {
        weir_json_name(w, "element");
        json_type(w, type->element);
    } else if (type->kind == RAW_RECORD) {
        json_record(w, type);
    } else if (type->kind == RAW_NAME || type->kind == RAW_ENTITY ||
               type->kind == RAW_EXTENSION) {
        weir_json_name(w, "name");
        weir_json_add_string(w, type->name);
    }
}

static bool
is_empty_record(const struct raw_type *type)
{
    return type == NULL ||
           (type->kind == RAW_RECORD && type->attributes.first == NULL);
}

static void
json_entity(struct weir_json_writer *w, const struct raw_entity *entity)
{
    weir_json_name_span(w, entity->name);
    weir_json_begin_object(w);
    if (entity->enum_ids.first != NULL)
        json_names(w, "enum", &entity->enum_ids);
    if (entity->parents.first != NULL)
        json_names(w, "memberOfTypes", &entity->parents);
    if (!is_empty_record(entity->shape)) {
        weir_json_name(w, "shape");
        json_type(w, entity->shape);
    }
    if (entity->tags != NULL) {
        weir_json_name(w, "tags");
        json_type(w, entity->tags);
    }
    json_notes(w, entity->notes);
    weir_json_end_object(w);
}

static void
json_action(struct weir_json_writer *w, const struct raw_action *action)
{
    weir_json_name_span(w, action->id);
    weir_json_begin_object(w);
    if (action->parents.first != NULL) {
        weir_json_name(w, "memberOf");
        weir_json_begin_array(w);
        for (const struct raw_ref *p = action->parents.first; p; p = p->next) {
            weir_json_begin_object(w);
            weir_json_name(w, "id");
            weir_json_add_string(w, p->id);
            if (p->type.len > 0) {
                weir_json_name(w, "type");
                weir_json_add_string(w, p->type);
            }
            weir_json_end_object(w);
        }
        weir_json_end_array(w);
    }
    weir_json_name(w, "appliesTo");
    weir_json_begin_object(w);
    json_names(w, "principalTypes", &action->principals);
    json_names(w, "resourceTypes", &action->resources);
    if (!is_empty_record(action->context)) {
        weir_json_name(w, "context");
        json_type(w, action->context);
    }
    weir_json_end_object(w);
    json_notes(w, action->notes);
    weir_json_end_object(w);
}

static void
json_namespace(struct weir_json_writer *w, const struct raw_namespace *space)
{
    weir_json_name_span(w, space->name);
    weir_json_begin_object(w);
    if (space->commons.first != NULL) {
        weir_json_name(w, "commonTypes");
        weir_json_begin_object(w);
        for (const struct raw_common *c = space->commons.first; c;
             c = c->next) {
            weir_json_name_span(w, c->name);
            weir_json_begin_object(w);
            json_type_members(w, c->type);
            json_notes(w, c->notes);
            weir_json_end_object(w);
        }
        weir_json_end_object(w);
    }
    weir_json_name(w, "entityTypes");
    weir_json_begin_object(w);
    for (const struct raw_entity *e = space->entities.first; e; e = e->next)
        json_entity(w, e);
    weir_json_end_object(w);
    weir_json_name(w, "actions");
    weir_json_begin_object(w);
    for (const struct raw_action *a = space->actions.first; a; a = a->next)
        json_action(w, a);
    weir_json_end_object(w);
    json_notes(w, space->notes);
    weir_json_end_object(w);
}

static bool
is_empty_namespace(const struct raw_namespace *space)
{
    return space->commons.first == NULL && space->entities.first == NULL &&
           space->actions.first == NULL;
}

void
weir__cedar_schema_write_json(const struct raw_schema *raw,
                              struct weir_buf *out)
{
    struct weir_json_writer w;
    weir_json_writer_init(&w, out);
    weir_json_begin_object(&w);
    for (const struct raw_namespace *n = raw->spaces.first; n; n = n->next)
        if (n->name.len > 0 || !is_empty_namespace(n))
            json_namespace(&w, n);
    weir_json_end_object(&w);
}

/* -------------------------------------------------------------- text */

struct text {
    struct weir_buf *out;
    const struct weir_cedar_schema *schema;
    const struct raw_namespace *space;
    struct weir_error *err;
    uint32_t indent;
};

static void
text_add(struct text *t, const char *text)
{
    weir_buf_add_span(t->out, weir_span_of(text));
}

static void
text_line(struct text *t)
{
    weir_buf_add_byte(t->out, '\n');
    for (uint32_t i = 0; i < t->indent; i++)
        text_add(t, "  ");
}

static void
text_name(struct text *t, weir_span name)
{
    if (weir__cedar_is_identifier(name) && !weir__cedar_is_reserved(name))
        weir_buf_add_span(t->out, name);
    else
        weir_cedar_string_write(t->out, name);
}

static void
text_notes(struct text *t, const struct raw_note *notes)
{
    for (; notes != NULL; notes = notes->next) {
        weir_buf_add_byte(t->out, '@');
        weir_buf_add_span(t->out, notes->key);
        if (notes->has_value && notes->value.len > 0) {
            weir_buf_add_byte(t->out, '(');
            weir_cedar_string_write(t->out, notes->value);
            weir_buf_add_byte(t->out, ')');
        }
        text_line(t);
    }
}

static void
text_paths(struct text *t, const struct raw_names *names)
{
    weir_buf_add_byte(t->out, '[');
    for (const struct raw_name *n = names->first; n != NULL; n = n->next) {
        weir_buf_add_span(t->out, n->text);
        if (n->next != NULL)
            text_add(t, ", ");
    }
    weir_buf_add_byte(t->out, ']');
}

static bool
is_common(const struct text *t, weir_span space, weir_span name)
{
    char memory[1024];
    struct weir_buf buf;
    weir_buf_init_fixed(&buf, memory, sizeof(memory));
    if (space.len > 0) {
        weir_buf_add_span(&buf, space);
        weir_buf_add_span(&buf, WEIR_SPAN("::"));
    }
    weir_buf_add_span(&buf, name);
    return !buf.overflow &&
           weir__cedar_symbols_get(t->schema->symbols, SYMBOL_COMMON,
                                   weir_buf_span(&buf), WEIR_SPAN_NONE) != NULL;
}

static weir_status text_type(struct text *t, const struct raw_type *type);

static weir_status
text_record(struct text *t, const struct raw_type *type)
{
    weir_status status = WEIR_OK;
    if (type->attributes.first == NULL) {
        text_add(t, "{}");
        return WEIR_OK;
    }
    weir_buf_add_byte(t->out, '{');
    t->indent++;
    for (const struct raw_attribute *a = type->attributes.first;
         status == WEIR_OK && a != NULL; a = a->next) {
        text_line(t);
        text_notes(t, a->notes);
        text_name(t, a->name);
        text_add(t, a->is_required ? ": " : "?: ");
        status = text_type(t, a->type);
        weir_buf_add_byte(t->out, ',');
    }
    t->indent--;
    text_line(t);
    weir_buf_add_byte(t->out, '}');
    return status;
}

static weir_status
text_type(struct text *t, const struct raw_type *type)
{
    weir_status status;
    switch (type->kind) {
    case RAW_LONG:
        text_add(t, "__cedar::Long");
        return WEIR_OK;
    case RAW_STRING:
        text_add(t, "__cedar::String");
        return WEIR_OK;
    case RAW_BOOL:
        text_add(t, "__cedar::Bool");
        return WEIR_OK;
    case RAW_EXTENSION:
        text_add(t, "__cedar::");
        weir_buf_add_span(t->out, type->name);
        return WEIR_OK;
    case RAW_RECORD:
        return text_record(t, type);
    case RAW_SET:
        text_add(t, "Set<");
        status = text_type(t, type->element);
        weir_buf_add_byte(t->out, '>');
        return status;
    case RAW_ENTITY:
        if (is_common(t, t->space->name, type->name) ||
            is_common(t, WEIR_SPAN_NONE, type->name))
            return weir_fail(t->err, WEIR_ETYPE, type->offset,
                             "an entity type that a common type hides can "
                             "not be written in this syntax");
        break;
    default:
        break;
    }
    weir_buf_add_span(t->out, type->name);
    return WEIR_OK;
}

static weir_status
text_entity(struct text *t, const struct raw_entity *entity)
{
    weir_status status = WEIR_OK;
    text_line(t);
    text_notes(t, entity->notes);
    text_add(t, "entity ");
    weir_buf_add_span(t->out, entity->name);
    if (entity->enum_ids.first != NULL) {
        text_add(t, " enum [");
        for (const struct raw_name *n = entity->enum_ids.first; n;
             n = n->next) {
            weir_cedar_string_write(t->out, n->text);
            if (n->next != NULL)
                text_add(t, ", ");
        }
        weir_buf_add_byte(t->out, ']');
    }
    if (entity->parents.first != NULL) {
        text_add(t, " in ");
        text_paths(t, &entity->parents);
    }
    if (entity->shape != NULL && entity->shape->kind != RAW_RECORD)
        return weir_fail(t->err, WEIR_ETYPE, entity->offset,
                         "a shape that is a common type can not be written "
                         "in this syntax");
    if (!is_empty_record(entity->shape)) {
        text_add(t, " = ");
        status = text_record(t, entity->shape);
    }
    if (status == WEIR_OK && entity->tags != NULL) {
        text_add(t, " tags ");
        status = text_type(t, entity->tags);
    }
    weir_buf_add_byte(t->out, ';');
    return status;
}

static weir_status
text_applies_to(struct text *t, const struct raw_action *action)
{
    weir_status status = WEIR_OK;
    text_add(t, " appliesTo {");
    t->indent++;
    text_line(t);
    text_add(t, "principal: ");
    text_paths(t, &action->principals);
    weir_buf_add_byte(t->out, ',');
    text_line(t);
    text_add(t, "resource: ");
    text_paths(t, &action->resources);
    weir_buf_add_byte(t->out, ',');
    if (!is_empty_record(action->context)) {
        text_line(t);
        text_add(t, "context: ");
        if (action->context->kind != RAW_RECORD &&
            action->context->kind != RAW_NAME &&
            action->context->kind != RAW_COMMON)
            return weir_fail(t->err, WEIR_ETYPE, action->offset,
                             "this context can not be written in this syntax");
        status = text_type(t, action->context);
        weir_buf_add_byte(t->out, ',');
    }
    t->indent--;
    text_line(t);
    weir_buf_add_byte(t->out, '}');
    return status;
}

static weir_status
text_action(struct text *t, const struct raw_action *action)
{
    weir_status status = WEIR_OK;
    text_line(t);
    text_notes(t, action->notes);
    text_add(t, "action ");
    text_name(t, action->id);
    if (action->parents.first != NULL) {
        text_add(t, " in [");
        for (const struct raw_ref *p = action->parents.first; p; p = p->next) {
            if (p->type.len > 0) {
                weir_buf_add_span(t->out, p->type);
                text_add(t, "::");
            }
            weir_cedar_string_write(t->out, p->id);
            if (p->next != NULL)
                text_add(t, ", ");
        }
        weir_buf_add_byte(t->out, ']');
    }
    /* Applying to an empty list is applying to nothing. */
    if (action->principals.first != NULL && action->resources.first != NULL)
        status = text_applies_to(t, action);
    weir_buf_add_byte(t->out, ';');
    return status;
}

static weir_status
text_namespace(struct text *t, const struct raw_namespace *space)
{
    weir_status status = WEIR_OK;
    t->space = space;
    if (space->name.len > 0) {
        text_line(t);
        text_notes(t, space->notes);
        text_add(t, "namespace ");
        weir_buf_add_span(t->out, space->name);
        text_add(t, " {");
        t->indent = 1;
    }
    for (const struct raw_common *c = space->commons.first;
         status == WEIR_OK && c != NULL; c = c->next) {
        text_line(t);
        text_notes(t, c->notes);
        text_add(t, "type ");
        weir_buf_add_span(t->out, c->name);
        text_add(t, " = ");
        status = text_type(t, c->type);
        weir_buf_add_byte(t->out, ';');
    }
    for (const struct raw_entity *e = space->entities.first;
         status == WEIR_OK && e != NULL; e = e->next)
        status = text_entity(t, e);
    for (const struct raw_action *a = space->actions.first;
         status == WEIR_OK && a != NULL; a = a->next)
        status = text_action(t, a);
    if (space->name.len > 0) {
        t->indent = 0;
        text_line(t);
        weir_buf_add_byte(t->out, '}');
    }
    return status;
}

weir_status
weir__cedar_schema_write_text(const struct raw_schema *raw,
                              const struct weir_cedar_schema *of,
                              struct weir_buf *out, struct weir_error *err)
{
    struct text t = {.out = out, .schema = of, .err = err};
    weir_status status = WEIR_OK;
    size_t start = out->len;
    for (const struct raw_namespace *n = raw->spaces.first;
         status == WEIR_OK && n != NULL; n = n->next)
        status = text_namespace(&t, n);
    if (status == WEIR_OK && out->len > start)
        weir_buf_add_byte(out, '\n');
    /* Every declaration begins on a new line, the first one too. */
    if (out->len > start && !out->overflow) {
        memmove(out->ptr + start, out->ptr + start + 1, out->len - start - 1);
        out->len--;
    }
    return status;
}
