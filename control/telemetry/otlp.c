/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call as spans, in the JSON form of OTLP 1.3 (ExportTraceServiceRequest):
 * ids in hexadecimal, 64-bit numbers as text, as its specification has them.
 *
 *     span SERVER  "chat MODEL"            the whole call
 *       span CLIENT  "chat MODEL"          each attempt at an origin
 *
 * IDS ARE NOT DRAWN. The trace is the caller's where he sent traceparent,
 * else the request's own id; spans take theirs from the request's. Whatever
 * is sent twice after a crash is the same span twice.
 *
 * AN ATTEMPT'S BEGINNING is not in the record: the last one ends with the
 * call, each before it where the next begins.
 */
#include <stdio.h>
#include <string.h>

#include <weir/route.h>
#include <weir/trace.h>

#include "control/telemetry/parts.h"

enum attribute {
#define WEIR_OTEL(NAME, text) ATTRIBUTE_##NAME,
#include "control/telemetry/genai.def"
#undef WEIR_OTEL
};
static const char *const attributes[] = {
#define WEIR_OTEL(NAME, text) text,
#include "control/telemetry/genai.def"
#undef WEIR_OTEL
};

#define KIND_SERVER  2
#define KIND_CLIENT  3
#define STATUS_ERROR 2

/* ---------------------------------------------------------------- values */

static json_t *
text_of(weir_span text)
{
    json_t *value = json_stringn(text.ptr, text.len);
    /* A name that is not UTF-8 is not exported as something else. */
    return value != NULL ? value : json_string("");
}

static json_t *
number_text(uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    return json_string(text);
}

static void
put(json_t *list, enum attribute name, json_t *value)
{
    json_array_append_new(
        list, json_pack("{s:s,s:o}", "key", attributes[name], "value", value));
}

static void
put_text(json_t *list, enum attribute name, weir_span text)
{
    if (text.len > 0)
        put(list, name, json_pack("{s:o}", "stringValue", text_of(text)));
}

static void
put_int(json_t *list, enum attribute name, uint64_t number)
{
    put(list, name, json_pack("{s:o}", "intValue", number_text(number)));
}

static void
put_bool(json_t *list, enum attribute name, bool value)
{
    put(list, name, json_pack("{s:b}", "boolValue", value));
}

static json_t *
hex_of(const uint8_t *bytes, size_t len)
{
    char hex[WEIR_HEX_LEN(16)];
    weir_hex_encode((weir_span){(const char *)bytes, len}, hex);
    return json_stringn(hex, 2 * len);
}

/* ------------------------------------------------------------------- ids */

static const struct weir_request_id *
request_of(const struct weir__told *told)
{
    return told->outcome != NULL ? &told->outcome->request
                                 : &told->refusal->request;
}

static const struct weir_trace *
trace_of(const struct weir__told *told)
{
    return told->outcome != NULL ? &told->outcome->trace
                                 : &told->refusal->trace;
}

void
weir__otlp_trace_id(const struct weir__told *told, uint8_t id_out[16])
{
    const struct weir_trace *trace = trace_of(told);
    memcpy(id_out, trace->is_there ? trace->id : request_of(told)->bytes, 16);
}

/* The random half of the request's id; attempts count from 1 on. */
static void
span_id(const struct weir__told *told, uint32_t attempt, uint8_t id_out[8])
{
    memcpy(id_out, request_of(told)->bytes + 8, 8);
    id_out[0] |= 0x80; /* never all zeros */
    id_out[7] = (uint8_t)(id_out[7] ^ attempt);
}

/* ----------------------------------------------------------------- spans */

struct call {
    uint32_t operation;
    bool is_streamed;
    weir_span asked;
    weir_span tool; /* as recorded */
    weir_time began;
    weir_time ended;
};

static const char *
operation_of(uint32_t operation)
{
    switch (operation) {
#define WEIR_OTEL_OPERATION(number, name)                                      \
    case number:                                                               \
        return name;
#define WEIR_OTEL_DIALECT(dialect, name)
#include "control/telemetry/operations.def"
#undef WEIR_OTEL_OPERATION
#undef WEIR_OTEL_DIALECT
    }
    return weir_operation_name(operation);
}

static json_t *
span_of(const struct weir__told *told, const struct call *call,
        uint32_t attempt, json_t *list, weir_span error)
{
    uint8_t trace[16], own[8], parent[8];
    char name[320];
    int kind = attempt == 0 ? KIND_SERVER : KIND_CLIENT;
    bool has_parent = attempt > 0 || trace_of(told)->is_there;
    weir__otlp_trace_id(told, trace);
    span_id(told, attempt, own);
    if (attempt > 0)
        span_id(told, 0, parent);
    else
        memcpy(parent, trace_of(told)->span, sizeof parent);
    snprintf(name, sizeof name, "%s%s%.*s", operation_of(call->operation),
             call->asked.len > 0 ? " " : "", (int)call->asked.len,
             call->asked.len > 0 ? call->asked.ptr : "");
    put_text(list, ATTRIBUTE_ERROR, error);
    json_t *status = error.len == 0
                         ? json_object()
                         : json_pack("{s:i,s:o}", "code", STATUS_ERROR,
                                     "message", text_of(error));
    return json_pack(
        "{s:o,s:o,s:o*,s:o,s:i,s:o,s:o,s:o,s:o}", "traceId", hex_of(trace, 16),
        "spanId", hex_of(own, 8), "parentSpanId",
        has_parent ? hex_of(parent, 8) : NULL, "name",
        text_of(weir_span_of(name)), "kind", kind, "startTimeUnixNano",
        number_text((uint64_t)call->began * 1000), "endTimeUnixNano",
        number_text((uint64_t)call->ended * 1000), "attributes", list, "status",
        status);
}

static void
put_what(json_t *list, const struct call *call, weir_span provider)
{
    put_text(list, ATTRIBUTE_OPERATION,
             weir_span_of(operation_of(call->operation)));
    put_text(list, ATTRIBUTE_PROVIDER, provider);
    put_text(list, ATTRIBUTE_REQUEST_MODEL, call->asked);
    /* Of tools, or what was done to an answer that is kept. */
    put_text(list,
             call->operation == WEIR_OP_RESPONSES ? ATTRIBUTE_VERB
                                                  : ATTRIBUTE_METHOD,
             weir_record_method(call->tool));
    put_text(list, ATTRIBUTE_TOOL, weir_record_tool(call->tool));
    if (call->is_streamed)
        put_bool(list, ATTRIBUTE_REQUEST_STREAM, true);
}

static void
put_usage(json_t *list, const struct weir_record_outcome *outcome)
{
    put_int(list, ATTRIBUTE_INPUT_TOKENS, outcome->input_tokens);
    put_int(list, ATTRIBUTE_OUTPUT_TOKENS, outcome->output_tokens);
    if (outcome->cached_tokens > 0)
        put_int(list, ATTRIBUTE_CACHED_TOKENS, outcome->cached_tokens);
    if (outcome->reasoning_tokens > 0)
        put_int(list, ATTRIBUTE_REASONING_TOKENS, outcome->reasoning_tokens);
    if (outcome->is_estimated)
        put_bool(list, ATTRIBUTE_ESTIMATED, true);
    put_int(list, ATTRIBUTE_COST,
            outcome->cost_micros > 0 ? (uint64_t)outcome->cost_micros : 0);
    put_text(list, ATTRIBUTE_CURRENCY, outcome->currency);
}

static void
put_who(json_t *list, const struct weir_record_intent *intent)
{
    put_text(list, ATTRIBUTE_TENANT, intent->tenant);
    put_text(list, ATTRIBUTE_PROJECT, intent->project);
    put_text(list, ATTRIBUTE_KEY, intent->key);
    put_text(list, ATTRIBUTE_ORGANISATION, intent->organisation);
    put_text(list, ATTRIBUTE_END_CUSTOMER, intent->end_customer);
    put_text(list, ATTRIBUTE_COUNTRY, intent->country);
    put_text(list, ATTRIBUTE_CLIENT, intent->address);
}

static void
put_answer(json_t *list, const struct weir_record_outcome *outcome)
{
    put_text(list, ATTRIBUTE_RESPONSE_MODEL, outcome->model);
    put_text(list, ATTRIBUTE_RESPONSE_ID, outcome->origin_request);
    if (outcome->first_byte_us > 0)
        put(list, ATTRIBUTE_FIRST_CHUNK,
            json_pack("{s:f}", "doubleValue",
                      (double)outcome->first_byte_us / 1e6));
    put_text(list, ATTRIBUTE_DEPLOYMENT, outcome->deployment);
    put_text(list, ATTRIBUTE_REGION, outcome->region);
    put_text(list, ATTRIBUTE_PLACE, outcome->place);
    put_text(list, ATTRIBUTE_STORED_IN, outcome->stored_in);
    put_text(list, ATTRIBUTE_FILTERED, outcome->filtered);
}

static void
put_request_id(json_t *list, const struct weir__told *told)
{
    char text[WEIR_REQUEST_ID_TEXT];
    weir_request_id_format(request_of(told), text);
    put_text(list, ATTRIBUTE_REQUEST_ID, weir_span_of(text));
}

/* Empty: it went well. A status of the origin is its number. */
static weir_span
error_of(const struct weir_record_outcome *outcome, char room[16])
{
    if (outcome->ending == WEIR_END_COMPLETE ||
        outcome->ending == WEIR_END_CLIENT_LEFT)
        return WEIR_SPAN_NONE;
    if (outcome->ending == WEIR_END_ORIGIN_ERROR) {
        snprintf(room, 16, "%u", outcome->http_status);
        return weir_span_of(room);
    }
    return weir_span_of(weir_ending_name(outcome->ending));
}

static weir_span
error_of_attempt(const struct weir_record_attempt *attempt, char room[16])
{
    if (attempt->failure != WEIR_ATTEMPT_REPLIED)
        return weir_span_of(weir_attempt_end_name(attempt->failure));
    if (attempt->http_status < 400)
        return WEIR_SPAN_NONE;
    snprintf(room, 16, "%u", attempt->http_status);
    return weir_span_of(room);
}

static json_t *
attempt_span(const struct weir__told *told, struct call *call, uint32_t number,
             const struct weir__stations *stations)
{
    const struct weir_record_attempt *attempt =
        &told->outcome->attempts[number];
    const struct weir__station *station =
        weir__stations_find(stations, attempt->deployment);
    char room[16];
    json_t *list = json_array();
    put_what(list, call,
             station != NULL ? weir_span_of(station->provider)
                             : WEIR_SPAN_NONE);
    put_text(list, ATTRIBUTE_DEPLOYMENT, attempt->deployment);
    put_int(list, ATTRIBUTE_ATTEMPT, number + 1);
    if (attempt->http_status > 0)
        put_int(list, ATTRIBUTE_STATUS, attempt->http_status);
    if (station != NULL && station->host[0] != '\0') {
        put_text(list, ATTRIBUTE_SERVER, weir_span_of(station->host));
        put_int(list, ATTRIBUTE_PORT, station->port);
    }
    return span_of(told, call, number + 1, list,
                   error_of_attempt(attempt, room));
}

static void
add_attempts(json_t *spans, const struct weir__told *told,
             const struct call *call, const struct weir__stations *stations)
{
    const struct weir_record_outcome *outcome = told->outcome;
    struct call part = *call;
    for (uint32_t i = outcome->attempt_count; i-- > 0;) {
        weir_time took =
            (weir_time)outcome->attempts[i].elapsed_ms * WEIR_US_PER_MS;
        part.began =
            part.ended - took > call->began ? part.ended - took : call->began;
        json_array_append_new(spans, attempt_span(told, &part, i, stations));
        part.ended = part.began;
    }
}

static json_t *
call_spans(const struct weir__told *told, const struct weir__stations *stations)
{
    const struct weir_record_outcome *outcome = told->outcome;
    const struct weir__station *station =
        weir__stations_find(stations, outcome->deployment);
    char room[16];
    struct call call = {
        .operation = outcome->operation,
        .is_streamed = told->intent != NULL && told->intent->is_streamed,
        .asked = told->intent != NULL ? told->intent->model : outcome->model,
        .tool = outcome->tool,
        .began = outcome->started_us,
        .ended = outcome->started_us + (weir_time)outcome->total_us};
    json_t *spans = json_array(), *list = json_array();
    put_what(list, &call,
             station != NULL ? weir_span_of(station->provider)
                             : WEIR_SPAN_NONE);
    put_request_id(list, told);
    if (told->intent != NULL)
        put_who(list, told->intent);
    put_answer(list, outcome);
    put_usage(list, outcome);
    put_text(list, ATTRIBUTE_ENDING,
             weir_span_of(weir_ending_name(outcome->ending)));
    put_int(list, ATTRIBUTE_STATUS, outcome->http_status);
    json_array_append_new(
        spans, span_of(told, &call, 0, list, error_of(outcome, room)));
    add_attempts(spans, told, &call, stations);
    return spans;
}

static json_t *
refusal_spans(const struct weir__told *told)
{
    const struct weir_record_refusal *refusal = told->refusal;
    const struct weir_record_intent who = {
        .tenant = refusal->tenant,
        .project = refusal->project,
        .key = refusal->key,
        .organisation = refusal->organisation,
        .end_customer = refusal->end_customer,
        .country = refusal->country,
        .address = refusal->address};
    struct call call = {.operation = refusal->operation,
                        .is_streamed = refusal->is_streamed,
                        .asked = refusal->model,
                        .tool = refusal->tool,
                        .began = refusal->decided_us,
                        .ended = told->when > refusal->decided_us
                                     ? told->when
                                     : refusal->decided_us};
    json_t *list = json_array();
    put_what(list, &call, WEIR_SPAN_NONE);
    put_request_id(list, told);
    put_who(list, &who);
    put_text(list, ATTRIBUTE_POLICY, refusal->policy);
    put_int(list, ATTRIBUTE_STATUS, refusal->http_status);
    return json_pack("[o]",
                     span_of(told, &call, 0, list,
                             weir_span_of(weir_reason_code(refusal->reason))));
}

bool
weir__told_failed(const struct weir__told *told)
{
    char room[16];
    return told->refusal != NULL ||
           (told->outcome != NULL && error_of(told->outcome, room).len > 0);
}

bool
weir__otlp_put(const struct weir__told *told,
               const struct weir__stations *stations, struct weir_buf *out)
{
    json_t *spans = told->outcome != NULL ? call_spans(told, stations)
                                          : refusal_spans(told);
    char *text = spans == NULL ? NULL : json_dumps(spans, JSON_COMPACT);
    json_decref(spans);
    if (text == NULL)
        return false;
    /* Without the list's own brackets. */
    weir_buf_add(out, text + 1, strlen(text) - 2);
    free(text);
    return !out->overflow;
}

bool
weir__otlp_wrap(const struct weir__rules *rules, weir_span spans,
                struct weir_buf *out)
{
    json_t *instance = json_string(rules->instance);
    char *text =
        instance == NULL ? NULL : json_dumps(instance, JSON_ENCODE_ANY);
    json_decref(instance);
    if (text == NULL)
        return false;
    weir_buf_addf(
        out,
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":["
        "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"weir\"}},"
        "{\"key\":\"service.version\",\"value\":{\"stringValue\":\"%s\"}},"
        "{\"key\":\"service.instance.id\",\"value\":{\"stringValue\":%s}}]},"
        "\"scopeSpans\":[{\"scope\":{\"name\":\"weir\",\"version\":\"%s\"},"
        "\"spans\":[",
        WEIR_VERSION, text, WEIR_VERSION);
    weir_buf_add_span(out, spans);
    weir_buf_addf(out, "]}]}]}");
    free(text);
    return !out->overflow;
}
