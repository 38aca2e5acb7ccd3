/* SPDX-License-Identifier: Apache-2.0 */
/* A case as the JSON that entity and request readers take. */
#include "value_json.h"

#include <weir/cedar_smt.h>
#include <weir/json.h>

#include <stdio.h>

static void put_value(struct weir_json_writer *w,
                      const weir_cedar_value *value);

static void
put_fields(struct weir_json_writer *w, const struct weir_cedar_field *fields,
           size_t count)
{
    weir_json_begin_object(w);
    for (size_t i = 0; i < count; i++) {
        weir_json_name_span(w, fields[i].key);
        put_value(w, &fields[i].value);
    }
    weir_json_end_object(w);
}

/* {"__extn": {"fn", "arg"}}: value text is fn("arg"). A datetime that has
 * no text of its own is written as an offset from one that has. */
static void
put_extension(struct weir_json_writer *w, const char *function, weir_span text)
{
    weir_json_begin_object(w);
    weir_json_name(w, "__extn");
    weir_json_begin_object(w);
    weir_json_name(w, "fn");
    weir_json_add_string(w, weir_span_of(function));
    weir_json_name(w, "arg");
    weir_json_add_string(w, text);
    weir_json_end_object(w);
    weir_json_end_object(w);
}

static void
put_datetime(struct weir_json_writer *w, int64_t milliseconds)
{
    char text[40];
    snprintf(text, sizeof(text), "%lldms", (long long)milliseconds);
    weir_json_begin_object(w);
    weir_json_name(w, "__extn");
    weir_json_begin_object(w);
    weir_json_name(w, "fn");
    weir_json_add_string(w, WEIR_SPAN("offset"));
    weir_json_name(w, "args");
    weir_json_begin_array(w);
    put_extension(w, "datetime", WEIR_SPAN("1970-01-01"));
    put_extension(w, "duration", weir_span_of(text));
    weir_json_end_array(w);
    weir_json_end_object(w);
    weir_json_end_object(w);
}

/* The text between the quotes of fn("text"). */
static void
put_written(struct weir_json_writer *w, const char *function,
            const weir_cedar_value *value)
{
    struct weir_buf text;
    char memory[128];
    size_t start = 0, end;
    weir_buf_init_fixed(&text, memory, sizeof(memory));
    weir_cedar_value_write(&text, value);
    while (start < text.len && memory[start] != '"')
        start++;
    end = ++start;
    while (end < text.len && memory[end] != '"')
        end++;
    put_extension(w, function, (weir_span){memory + start, end - start});
}

static void
put_value(struct weir_json_writer *w, const weir_cedar_value *value)
{
    char text[40];
    switch (value->kind) {
    case WEIR_CEDAR_BOOL:
        weir_json_add_bool(w, value->boolean);
        return;
    case WEIR_CEDAR_LONG:
        weir_json_add_int(w, value->number);
        return;
    case WEIR_CEDAR_STRING:
        weir_json_add_string(w, value->string);
        return;
    case WEIR_CEDAR_ENTITY:
        weir_json_begin_object(w);
        weir_json_name(w, "__entity");
        weir__cedar_uid_write(w, value->uid);
        weir_json_end_object(w);
        return;
    case WEIR_CEDAR_SET:
        weir_json_begin_array(w);
        for (uint32_t i = 0; i < value->count; i++)
            put_value(w, &value->elements[i]);
        weir_json_end_array(w);
        return;
    case WEIR_CEDAR_RECORD:
        put_fields(w, value->fields, value->count);
        return;
    case WEIR_CEDAR_DECIMAL:
        put_written(w, "decimal", value);
        return;
    case WEIR_CEDAR_IP:
        put_written(w, "ip", value);
        return;
    case WEIR_CEDAR_DATETIME:
        put_datetime(w, value->number);
        return;
    default:
        snprintf(text, sizeof(text), "%lldms", (long long)value->number);
        put_extension(w, "duration", weir_span_of(text));
        return;
    }
}

void
weir_cedar_smt_case_write(const struct weir_cedar_smt_case *found,
                          struct weir_buf *out)
{
    struct weir_json_writer w;
    weir_json_writer_init(&w, out);
    weir_json_begin_object(&w);
    weir_json_name(&w, "request");
    weir_json_begin_object(&w);
    weir_json_name(&w, "principal");
    weir__cedar_uid_write(&w, &found->query.principal);
    weir_json_name(&w, "action");
    weir__cedar_uid_write(&w, &found->query.action);
    weir_json_name(&w, "resource");
    weir__cedar_uid_write(&w, &found->query.resource);
    weir_json_name(&w, "context");
    put_value(&w, &found->query.context);
    weir_json_end_object(&w);
    weir_json_name(&w, "entities");
    weir_json_begin_array(&w);
    for (size_t i = 0; i < found->entity_count; i++) {
        const struct weir_cedar_entity *e = &found->entities[i];
        weir_json_begin_object(&w);
        weir_json_name(&w, "uid");
        weir__cedar_uid_write(&w, &e->uid);
        weir_json_name(&w, "attrs");
        put_fields(&w, e->attributes, e->attribute_count);
        weir_json_name(&w, "tags");
        put_fields(&w, e->tags, e->tag_count);
        weir_json_name(&w, "parents");
        weir_json_begin_array(&w);
        for (size_t k = 0; k < e->parent_count; k++)
            weir__cedar_uid_write(&w, &e->parents[k]);
        weir_json_end_array(&w);
        weir_json_end_object(&w);
    }
    weir_json_end_array(&w);
    weir_json_end_object(&w);
}
