/* SPDX-License-Identifier: Apache-2.0 */
#include "control/watch/calls.h"

#include <stdlib.h>
#include <string.h>

#include <weir/json.h>

struct fields {
    struct weir_watch_line *line;
    struct weir_watch_params params;
    struct weir_watch_facts facts;
    weir_span system;
    weir_span prompt;
    weir_span response;
    bool has_time;
};

static double
number_of(weir_span raw)
{
    char text[32];
    if (raw.len == 0 || raw.len >= sizeof(text))
        return -1;
    memcpy(text, raw.ptr, raw.len);
    text[raw.len] = '\0';
    return strtod(text, NULL);
}

static void
read_params(struct weir_json_reader *reader, struct weir_watch_params *params)
{
    weir_span name;
    weir_span raw;
    if (weir_json_peek(reader) != WEIR_JSON_OBJECT) {
        weir_json_skip(reader);
        return;
    }
    if (!weir_json_object(reader))
        return;
    while (weir_json_member(reader, &name)) {
        enum weir_json_kind kind = weir_json_peek(reader);
        if (!weir_json_raw(reader, &raw))
            return;
        if (weir_span_equal(name, WEIR_SPAN("logprobs")) &&
            kind != WEIR_JSON_NULL)
            params->logprobs = kind == WEIR_JSON_TRUE ? 1
                               : kind == WEIR_JSON_FALSE
                                   ? 0
                                   : (int32_t)number_of(raw);
        if (kind != WEIR_JSON_NUMBER)
            continue;
        double value = number_of(raw);
        if (weir_span_equal(name, WEIR_SPAN("temperature")))
            params->temperature = value;
        else if (weir_span_equal(name, WEIR_SPAN("n")) && value < 1e6)
            params->n = (int32_t)value;
        else if (weir_span_equal(name, WEIR_SPAN("max_tokens")) && value < 1e15)
            params->max_tokens = (int64_t)value;
    }
}

/* As it is written: escapes that no string can hold (half of a pair) must not
 * refuse a file of other accounts' calls. */
static void
read_text(struct weir_json_reader *reader, weir_span *out)
{
    if (weir_json_peek(reader) == WEIR_JSON_STRING)
        weir_json_raw(reader, out);
    else
        weir_json_skip(reader);
}

/* Any scalar as its text: facts may be numbers. */
static void
read_fact(struct weir_json_reader *reader, weir_span *out)
{
    enum weir_json_kind kind = weir_json_peek(reader);
    if (kind == WEIR_JSON_STRING)
        weir_json_string(reader, out);
    else if (kind == WEIR_JSON_NULL)
        weir_json_skip(reader);
    else
        weir_json_raw(reader, out);
}

static void
read_tokens(struct weir_json_reader *reader, uint64_t *out)
{
    if (weir_json_peek(reader) == WEIR_JSON_NUMBER)
        weir_json_uint64(reader, out);
    else
        weir_json_skip(reader);
}

static void
read_time(struct weir_json_reader *reader, struct fields *f)
{
    weir_span raw;
    if (weir_json_peek(reader) != WEIR_JSON_NUMBER) {
        weir_json_reject(reader, WEIR_ETYPE, "time_ms is not a number");
        return;
    }
    if (!weir_json_raw(reader, &raw))
        return;
    double value = number_of(raw);
    if (!weir_json_to_int64(raw, &f->line->time_ms)) {
        if (!(value > -9e15 && value < 9e15)) {
            weir_json_reject(reader, WEIR_ETYPE, "time_ms is out of range");
            return;
        }
        f->line->time_ms = (int64_t)value;
    }
    f->has_time = true;
}

static void
read_member(struct weir_json_reader *reader, weir_span name, struct fields *f)
{
    const struct {
        const char *name;
        weir_span *out;
    } facts[] = {
        {"account", &f->line->account}, {"owner", &f->line->owner},
        {"tenant", &f->line->tenant},   {"model", &f->line->model},
        {"purpose", &f->line->purpose}, {"network", &f->line->network},
        {"payment", &f->line->payment}, {"end_user", &f->facts.end_user},
    };
    if (weir_span_equal(name, WEIR_SPAN("prompt"))) {
        read_text(reader, &f->prompt);
    } else if (weir_span_equal(name, WEIR_SPAN("response"))) {
        read_text(reader, &f->response);
    } else if (weir_span_equal(name, WEIR_SPAN("system"))) {
        read_text(reader, &f->system);
    } else if (weir_span_equal(name, WEIR_SPAN("time_ms"))) {
        read_time(reader, f);
    } else if (weir_span_equal(name, WEIR_SPAN("in_tokens"))) {
        read_tokens(reader, &f->facts.input_tokens);
    } else if (weir_span_equal(name, WEIR_SPAN("out_tokens"))) {
        read_tokens(reader, &f->facts.output_tokens);
    } else if (weir_span_equal(name, WEIR_SPAN("params"))) {
        read_params(reader, &f->params);
    } else {
        for (size_t i = 0; i < WEIR_COUNTOF(facts); i++)
            if (weir_span_equal(name, weir_span_of(facts[i].name))) {
                read_fact(reader, facts[i].out);
                return;
            }
        weir_json_skip(reader);
    }
}

weir_status
weir_watch_line_read(weir_span text, struct weir_arena *arena,
                     struct weir_watch_line *line_out, struct weir_error *err)
{
    static _Thread_local struct weir_watch_call call;
    struct weir_json_reader reader;
    struct fields f = {.line = line_out, .params = WEIR_WATCH_PARAMS_NONE};
    weir_span name;
    memset(line_out, 0, sizeof(*line_out));
    f.facts.quota = -1;
    weir_json_reader_init(&reader, text, arena);
    if (weir_json_object(&reader))
        while (weir_json_member(&reader, &name))
            read_member(&reader, name, &f);
    weir_status status = weir_json_reader_end(&reader, err);
    if (status != WEIR_OK)
        return status;
    if (line_out->account.len == 0)
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "a call needs an account");
    if (!f.has_time)
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "a call needs time_ms");
    weir_watch_begin(&call);
    weir_watch_system(&call, f.system);
    weir_watch_messages(&call, f.prompt);
    weir_watch_params(&call, &f.params);
    weir_watch_reply(&call, WEIR_SPAN("{\"content\":"));
    weir_watch_reply(&call, f.response);
    weir_watch_finish(&call, &f.facts, &line_out->features);
    return WEIR_OK;
}
