/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine behind the differential tests: one JSON object per line in, one
 * per line out, in order, so that a million cases need one process.
 *
 *   {"op": "schema",    "schema": S}
 *   {"op": "policies",  "policies": P}
 *   {"op": "entities",  "entities": [..], "schema": S?}
 *   {"op": "context",   "context": {..}, "action": U?, "schema": S?}
 *   {"op": "validate",  "schema": S, "policies": P, "dialect": "4.13"?}
 *   {"op": "authorize", "policies": P, "entities": [..], "request": {..},
 *                       "schema": S?}
 *   {"op": "policy_to_json" | "policy_to_text" | "format", "policy": P}
 *   {"op": "schema_to_json" | "schema_to_text", "schema": S}
 *
 * S and P are a string (text) or an object (JSON). Answers are {"ok": false,
 * "error": .., "offset": ..} or {"ok": true, ..}.
 */
#include <weir/cedar.h>
#include <weir/cedar_format.h>
#include <weir/cedar_json.h>
#include <weir/cedar_validate.h>
#include <weir/json.h>

#include "cli/cedar_twin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_MAX ((size_t)1 << 30)

struct batch {
    struct weir_arena arena;
    struct weir_error error;
    struct weir_json_writer writer;
    /* members of the line, raw; empty: absent */
    weir_span op, schema, policies, policy, entities, request, context, action,
        dialect;
    const struct weir_cedar_schema *parsed_schema;
    struct weir_cedar_policies *set;
    struct weir_cedar_store *store;
};

static bool
is_string(weir_span raw)
{
    return raw.len > 0 && raw.ptr[0] == '"';
}

/* The text in a string, or the object as it stands. */
static weir_status
source(struct batch *b, weir_span raw, weir_span *text_out)
{
    if (!is_string(raw)) {
        *text_out = raw;
        return WEIR_OK;
    }
    return weir_json_unescape(raw, &b->arena, text_out, &b->error);
}

static weir_status
read_schema(struct batch *b)
{
    weir_span text;
    weir_status status;
    if (b->schema.len == 0)
        return WEIR_OK;
    status = source(b, b->schema, &text);
    if (status != WEIR_OK)
        return status;
    return weir_cedar_schema_parse(&b->arena, text,
                                   is_string(b->schema) ? WEIR_CEDAR_TEXT
                                                        : WEIR_CEDAR_JSON,
                                   &b->parsed_schema, &b->error);
}

static weir_status
read_policies(struct batch *b, weir_span raw)
{
    weir_span text;
    weir_status status = source(b, raw, &text);
    if (status != WEIR_OK)
        return status;
    b->set = weir_cedar_policies_new();
    if (is_string(raw))
        return weir_cedar_policies_add_text(b->set, text, WEIR_SPAN("p"),
                                            &b->error);
    return weir_cedar_policies_add_json(b->set, text, WEIR_SPAN("p"),
                                        &b->error);
}

static weir_status
read_entities(struct batch *b)
{
    weir_status status;
    b->store = weir_cedar_store_new();
    status = weir_cedar_entities_read(b->store, b->parsed_schema, b->entities,
                                      &b->error);
    return status != WEIR_OK ? status
                             : weir_cedar_store_seal(b->store, &b->error);
}

static void
put_policy_id(struct batch *b, size_t index)
{
    weir_json_add_string(
        &b->writer,
        weir_cedar_policy_info(weir_cedar_policies_at(b->set, index)).id);
}

/* ---------------------------------------------------------------- ops */

static weir_status
op_schema(struct batch *b)
{
    return read_schema(b);
}

static weir_status
op_policies(struct batch *b)
{
    weir_status status = read_policies(b, b->policies);
    if (status != WEIR_OK)
        return status;
    weir_json_name(&b->writer, "count");
    weir_json_add_uint(&b->writer, weir_cedar_policies_count(b->set));
    return WEIR_OK;
}

static weir_status
op_entities(struct batch *b)
{
    weir_status status = read_schema(b);
    return status != WEIR_OK ? status : read_entities(b);
}

static weir_status
op_context(struct batch *b)
{
    struct weir_cedar_uid action;
    weir_cedar_value context;
    weir_status status = read_schema(b);
    struct weir_json_reader reader;
    weir_span name;
    if (status != WEIR_OK)
        return status;
    if (b->parsed_schema == NULL)
        return weir_cedar_context_read(&b->arena, NULL, NULL, b->context,
                                       &context, &b->error);
    weir_json_reader_init(&reader, b->action, &b->arena);
    if (weir_json_object(&reader))
        while (weir_json_member(&reader, &name)) {
            if (weir_span_equal(name, WEIR_SPAN("type")))
                weir_json_string(&reader, &action.type);
            else if (weir_span_equal(name, WEIR_SPAN("id")))
                weir_json_string(&reader, &action.id);
        }
    status = weir_json_reader_end(&reader, &b->error);
    return status != WEIR_OK
               ? status
               : weir_cedar_context_read(&b->arena, b->parsed_schema, &action,
                                         b->context, &context, &b->error);
}

static void
put_findings(struct batch *b, const struct weir_cedar_findings *findings,
             bool warnings)
{
    uint32_t last = UINT32_MAX;
    weir_json_name(&b->writer, warnings ? "warnings" : "errors");
    weir_json_begin_array(&b->writer);
    for (size_t i = 0; i < findings->count; i++) {
        if (findings->items[i].is_warning != warnings ||
            findings->items[i].policy == last)
            continue;
        last = findings->items[i].policy;
        put_policy_id(b, last);
    }
    weir_json_end_array(&b->writer);
    if (warnings || findings->error_count == 0)
        return;
    weir_json_name(&b->writer, "texts");
    weir_json_begin_array(&b->writer);
    for (size_t i = 0; i < findings->count; i++)
        weir_json_add_string(&b->writer, findings->items[i].text);
    weir_json_end_array(&b->writer);
}

static weir_status
op_validate(struct batch *b)
{
    struct weir_cedar_findings findings;
    weir_status status = read_schema(b);
    if (status == WEIR_OK)
        status = read_policies(b, b->policies);
    if (status == WEIR_OK)
        status = weir_cedar_validate(
            b->set, b->parsed_schema,
            weir_span_equal(b->dialect, WEIR_SPAN("\"4.13\""))
                ? WEIR_CEDAR_4_13
                : WEIR_CEDAR_4_12,
            &b->arena, &findings, &b->error);
    if (status != WEIR_OK)
        return status;
    put_findings(b, &findings, false);
    put_findings(b, &findings, true);
    return WEIR_OK;
}

static weir_status
op_authorize(struct batch *b)
{
    struct weir_cedar_response response;
    struct weir_cedar_query query;
    struct weir_cedar_twin twin;
    const char *difference;
    weir_status status = read_schema(b);
    if (status == WEIR_OK)
        status = read_policies(b, b->policies);
    if (status == WEIR_OK)
        status = read_entities(b);
    if (status == WEIR_OK)
        status = weir_cedar_request_read(&b->arena, b->parsed_schema,
                                         b->request, &query, &b->error);
    if (status == WEIR_OK)
        status = weir_cedar_authorize(b->set, b->store, &query, &b->arena,
                                      &response, &b->error);
    if (status != WEIR_OK)
        return status;
    /* The compiled form must say the same; what differs fails the case. */
    status = weir_cedar_twin_init(&twin, b->set, b->store, &b->error);
    if (status == WEIR_OK) {
        difference =
            weir_cedar_twin_compare(&twin, &query, &response, &b->arena);
        if (difference != NULL)
            status = weir_fail(&b->error, WEIR_EINTERNAL, WEIR_OFFSET_NONE,
                               "%s", difference);
    }
    weir_cedar_twin_fini(&twin);
    if (status != WEIR_OK)
        return status;
    weir_json_name(&b->writer, "decision");
    weir_json_add_string(&b->writer, response.is_allowed ? WEIR_SPAN("allow")
                                                         : WEIR_SPAN("deny"));
    weir_json_name(&b->writer, "reasons");
    weir_json_begin_array(&b->writer);
    for (size_t i = 0; i < response.reason_count; i++)
        put_policy_id(b, response.reasons[i]);
    weir_json_end_array(&b->writer);
    weir_json_name(&b->writer, "errors");
    weir_json_begin_array(&b->writer);
    for (size_t i = 0; i < response.error_count; i++)
        put_policy_id(b, response.errors[i].policy);
    weir_json_end_array(&b->writer);
    return WEIR_OK;
}

static weir_status
put_text(struct batch *b, struct weir_buf *out, const char *name, bool is_raw)
{
    weir_json_name(&b->writer, name);
    if (is_raw)
        weir_json_add_raw(&b->writer, weir_buf_span(out));
    else
        weir_json_add_string(&b->writer, weir_buf_span(out));
    return WEIR_OK;
}

static weir_status
op_schema_to(struct batch *b, enum weir_cedar_form to)
{
    struct weir_buf out;
    weir_span text;
    weir_status status = source(b, b->schema, &text);
    if (status != WEIR_OK)
        return status;
    weir_buf_init(&out, MEMORY_MAX);
    status = weir_cedar_schema_translate(&b->arena, text,
                                         is_string(b->schema) ? WEIR_CEDAR_TEXT
                                                              : WEIR_CEDAR_JSON,
                                         to, &out, &b->error);
    if (status == WEIR_OK)
        status = put_text(b, &out, to == WEIR_CEDAR_JSON ? "json" : "text",
                          to == WEIR_CEDAR_JSON);
    weir_buf_fini(&out);
    return status;
}

static weir_status
op_policy_to_json(struct batch *b)
{
    struct weir_buf out;
    weir_status status = read_policies(b, b->policy);
    if (status != WEIR_OK)
        return status;
    if (weir_cedar_policies_count(b->set) != 1)
        return weir_fail(&b->error, WEIR_EPARSE, 0, "not one policy");
    weir_buf_init(&out, MEMORY_MAX);
    status = weir_cedar_policy_write_json(weir_cedar_policies_at(b->set, 0),
                                          &out, &b->error);
    if (status == WEIR_OK)
        status = put_text(b, &out, "json", true);
    weir_buf_fini(&out);
    return status;
}

static weir_status
op_policy_to_text(struct batch *b)
{
    struct weir_buf out;
    weir_status status = read_policies(b, b->policy);
    if (status != WEIR_OK)
        return status;
    weir_buf_init(&out, MEMORY_MAX);
    status = weir_cedar_policies_write_text(b->set, &out, &b->error);
    if (status == WEIR_OK)
        status = put_text(b, &out, "text", false);
    weir_buf_fini(&out);
    return status;
}

static weir_status
op_format(struct batch *b)
{
    struct weir_buf out;
    weir_span text;
    weir_status status = source(b, b->policy, &text);
    if (status != WEIR_OK)
        return status;
    weir_buf_init(&out, MEMORY_MAX);
    status = weir_cedar_format(text, &out, &b->error);
    if (status == WEIR_OK)
        status = put_text(b, &out, "text", false);
    weir_buf_fini(&out);
    return status;
}

static weir_status
run_op(struct batch *b)
{
    if (weir_span_equal(b->op, WEIR_SPAN("schema")))
        return op_schema(b);
    if (weir_span_equal(b->op, WEIR_SPAN("policies")))
        return op_policies(b);
    if (weir_span_equal(b->op, WEIR_SPAN("entities")))
        return op_entities(b);
    if (weir_span_equal(b->op, WEIR_SPAN("context")))
        return op_context(b);
    if (weir_span_equal(b->op, WEIR_SPAN("validate")))
        return op_validate(b);
    if (weir_span_equal(b->op, WEIR_SPAN("authorize")))
        return op_authorize(b);
    if (weir_span_equal(b->op, WEIR_SPAN("schema_to_json")))
        return op_schema_to(b, WEIR_CEDAR_JSON);
    if (weir_span_equal(b->op, WEIR_SPAN("schema_to_text")))
        return op_schema_to(b, WEIR_CEDAR_TEXT);
    if (weir_span_equal(b->op, WEIR_SPAN("policy_to_json")))
        return op_policy_to_json(b);
    if (weir_span_equal(b->op, WEIR_SPAN("policy_to_text")))
        return op_policy_to_text(b);
    if (weir_span_equal(b->op, WEIR_SPAN("format")))
        return op_format(b);
    return weir_fail(&b->error, WEIR_ENOTFOUND, 0, "no such op");
}

static weir_status
read_line(struct batch *b, weir_span line)
{
    struct weir_json_reader reader;
    weir_span name;
    weir_json_reader_init(&reader, line, &b->arena);
    if (weir_json_object(&reader))
        while (weir_json_member(&reader, &name)) {
            const struct {
                const char *name;
                weir_span *raw;
            } members[] = {
                {"schema", &b->schema},   {"policies", &b->policies},
                {"policy", &b->policy},   {"entities", &b->entities},
                {"request", &b->request}, {"context", &b->context},
                {"action", &b->action},   {"dialect", &b->dialect},
            };
            if (weir_span_equal(name, WEIR_SPAN("op")))
                weir_json_string(&reader, &b->op);
            for (size_t i = 0; i < WEIR_COUNTOF(members); i++)
                if (weir_span_equal(name, weir_span_of(members[i].name)))
                    weir_json_raw(&reader, members[i].raw);
        }
    return weir_json_reader_end(&reader, &b->error);
}

static void
answer(weir_span line)
{
    struct weir_buf failed, out;
    struct batch b = {.parsed_schema = NULL};
    weir_status status;
    weir_arena_init_heap(&b.arena, MEMORY_MAX);
    weir_buf_init(&out, MEMORY_MAX);
    weir_buf_init(&failed, MEMORY_MAX);
    weir_json_writer_init(&b.writer, &out);
    weir_json_begin_object(&b.writer);
    weir_json_name(&b.writer, "ok");
    weir_json_add_bool(&b.writer, true);
    status = read_line(&b, line);
    if (status == WEIR_OK)
        status = run_op(&b);
    if (status == WEIR_OK) {
        weir_json_end_object(&b.writer);
    } else {
        weir_json_writer_init(&b.writer, &failed);
        weir_json_begin_object(&b.writer);
        weir_json_name(&b.writer, "ok");
        weir_json_add_bool(&b.writer, false);
        weir_json_name(&b.writer, "error");
        weir_json_add_string(&b.writer, weir_span_of(b.error.text));
        weir_json_name(&b.writer, "offset");
        weir_json_add_uint(&b.writer, b.error.offset);
        weir_json_end_object(&b.writer);
    }
    weir_buf_add_byte(b.writer.buf, '\n');
    fwrite(b.writer.buf->ptr, 1, b.writer.buf->len, stdout);
    weir_cedar_policies_free(b.set);
    weir_cedar_store_free(b.store);
    weir_buf_fini(&out);
    weir_buf_fini(&failed);
    weir_arena_fini(&b.arena);
}

int
main(void)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    while ((len = getline(&line, &size, stdin)) > 0) {
        if (line[len - 1] == '\n')
            len--;
        answer((weir_span){line, (size_t)len});
        if (len == 0)
            fflush(stdout);
    }
    free(line);
    return 0;
}
