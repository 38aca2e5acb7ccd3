/* SPDX-License-Identifier: Apache-2.0 */
/* From a request id to its records, and what they say. */
#include "control/explain/explain.h"
#include "control/invoices/invoices.h"

#include <stdlib.h>
#include <string.h>

#include <weir/complexity.h>
#include <weir/crypto.h>
#include <weir/route.h>

#include "control/explain/parts.h"
#include "control/ingest/segments.h"

json_t *
weir__explain_text(weir_span text)
{
    json_t *value = json_stringn(text.ptr == NULL ? "" : text.ptr, text.len);
    return value == NULL ? json_string("?") : value;
}

/* ----------------------------------------------------------------- records */

static weir_status
read_first(struct weir_explained *explained, const struct weir_paths *paths,
           struct weir_error *err)
{
    const struct weir_store_at *at = &explained->call.first;
    struct weir_record record;
    if (at->segment == 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "the record of the decision was lost with its part "
                         "of the journal");
    weir_status status =
        weir_segments_read_at(paths->journal, at->segment, at->offset,
                              &explained->bytes, &record, err);
    if (status != WEIR_OK)
        return status;
    if (record.kind == WEIR_RECORD_INTENT) {
        status =
            weir_record_get_intent(record.payload, &explained->intent, err);
        if (status == WEIR_OK)
            weir_replay_of_intent(&explained->intent, &explained->recorded);
        explained->project = explained->intent.project;
        return status;
    }
    if (record.kind != WEIR_RECORD_REFUSAL)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "the ledger points at a record of another kind");
    status = weir_record_get_refusal(record.payload, &explained->refusal, err);
    if (status == WEIR_OK)
        weir_replay_of_refusal(&explained->refusal, &explained->recorded);
    explained->project = explained->refusal.project;
    return status;
}

static weir_status
read_outcome(struct weir_explained *explained, const struct weir_paths *paths,
             struct weir_error *err)
{
    const struct weir_store_at *at = &explained->call.last;
    struct weir_record record;
    if (at->segment == 0)
        return WEIR_OK;
    weir_status status =
        weir_segments_read_at(paths->journal, at->segment, at->offset,
                              &explained->bytes, &record, err);
    if (status == WEIR_OK && record.kind != WEIR_RECORD_OUTCOME)
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "the ledger points at a record of another kind");
    if (status == WEIR_OK)
        status =
            weir_record_get_outcome(record.payload, &explained->outcome, err);
    explained->has_outcome = status == WEIR_OK;
    return status;
}

/* -------------------------------------------------------------------- reply */

static json_t *
who_json(const struct weir_explained *in)
{
    json_t *end_customer = in->recorded.end_customer.len == 0
                               ? NULL
                               : weir__explain_text(in->recorded.end_customer);
    json_t *exception = in->recorded.exception.len == 0
                            ? NULL
                            : weir__explain_text(in->recorded.exception);
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o*,s:o*}", "key",
                     weir__explain_text(in->recorded.key), "project",
                     weir__explain_text(in->project), "tenant",
                     weir__explain_text(in->recorded.tenant), "organisation",
                     weir__explain_text(in->recorded.organisation), "country",
                     weir__explain_text(in->recorded.country), "address",
                     weir__explain_text(in->recorded.address), "end_customer",
                     end_customer, "exception", exception);
}

static json_t *
what_json(const struct weir_explained *in)
{
    json_t *what = json_pack("{s:s,s:o,s:b,s:I}", "operation",
                             weir_operation_name(in->recorded.operation),
                             "model", weir__explain_text(in->recorded.model),
                             "is_streamed", in->recorded.is_streamed,
                             "decided_us", (json_int_t)in->recorded.decided_us);
    if (in->recorded.tool.len > 0) {
        json_object_set_new(
            what, "method",
            weir__explain_text(weir_record_method(in->recorded.tool)));
        json_object_set_new(
            what, "tool",
            weir__explain_text(weir_record_tool(in->recorded.tool)));
    }
    if (in->recorded.is_refusal)
        return what;
    json_object_set_new(what, "body_bytes",
                        json_integer((json_int_t)in->intent.body_bytes));
    json_object_set_new(what, "held_tokens",
                        json_integer((json_int_t)in->intent.held_tokens));
    json_object_set_new(what, "held_micros",
                        json_integer(in->intent.held_micros));
    json_object_set_new(
        what, "tier",
        json_string(in->intent.tier == WEIR_TIER_CRASH ? "crash" : "durable"));
    return what;
}

static json_t *
attempts_json(const struct weir_record_outcome *outcome)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < outcome->attempt_count; i++) {
        const struct weir_record_attempt *row = &outcome->attempts[i];
        json_array_append_new(
            list,
            json_pack(
                "{s:o,s:i,s:i,s:s,s:i}", "deployment",
                weir__explain_text(row->deployment), "http_status",
                (int)row->http_status, "failure", (int)row->failure, "end",
                weir_attempt_end_name((enum weir_attempt_end)row->failure),
                "elapsed_ms", (int)row->elapsed_ms));
    }
    return list;
}

/* What tiers and canaries went by. */
static json_t *
choice_json(const struct weir_record_choice *choice)
{
    static const char *const reasons[] = {"refusal", "empty", "length",
                                          "schema"};
    json_t *said = json_object();
    if (choice->trial != 0)
        json_object_set_new(said, "canary",
                            json_string(choice->trial == WEIR_TRIAL_CANARY
                                            ? "first"
                                            : "beside"));
    if (!choice->is_scored)
        return said;
    json_t *features = json_object(), *why = json_array();
    for (uint32_t i = 0; i < WEIR_CHOICE_FEATURES; i++)
        if (choice->features[i] > 0)
            json_object_set_new(features, weir_complexity_feature_name(i),
                                json_integer(choice->features[i]));
    for (size_t i = 0; i < WEIR_COUNTOF(reasons); i++)
        if ((choice->reasons >> i & 1) != 0)
            json_array_append_new(why, json_string(reasons[i]));
    json_t *more = json_pack(
        "{s:i,s:i,s:i,s:i,s:o,s:I,s:I,s:o}", "score", (int)choice->score,
        "tier", (int)choice->tier, "tiers", (int)choice->tiers, "escalations",
        (int)choice->escalations, "escalated_for", why, "wasted_micros",
        (json_int_t)choice->wasted_micros, "dearest_micros",
        (json_int_t)choice->dearest_micros, "features", features);
    json_object_update(said, more);
    json_decref(more);
    return said;
}

static json_t *
outcome_json(const struct weir_record_outcome *out)
{
    json_t *where = json_pack(
        "{s:s,s:i,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "ending",
        weir_ending_name((enum weir_ending)out->ending), "http_status",
        (int)out->http_status, "model", weir__explain_text(out->model),
        "deployment", weir__explain_text(out->deployment), "region",
        weir__explain_text(out->region), "ran_in",
        weir__explain_text(out->place), "stored_in",
        weir__explain_text(out->stored_in), "origin_request",
        weir__explain_text(out->origin_request), "attempts",
        attempts_json(out));
    if (out->shadow_of.len > 0)
        json_object_set_new(where, "shadow_of",
                            weir__explain_text(out->shadow_of));
    if (out->session_of.len > 0)
        json_object_set_new(
            where, out->operation == WEIR_OP_REALTIME ? "scribe" : "session_of",
            weir__explain_text(out->session_of));
    if (out->finish.len > 0)
        json_object_set_new(where, "finish", weir__explain_text(out->finish));
    if (out->finding.len > 0)
        json_object_set_new(where, "finding", weir__explain_text(out->finding));
    if (out->filtered.len > 0)
        json_object_set_new(where, "filtered",
                            weir__explain_text(out->filtered));
    if (out->terms.len > 0)
        json_object_set_new(where, "terms", weir__explain_text(out->terms));
    if (out->is_hit)
        json_object_set_new(where, "cached_s",
                            json_integer((json_int_t)out->hit_age_s));
    if (out->choice.is_scored || out->choice.trial != 0)
        json_object_set_new(where, "choice", choice_json(&out->choice));
    if (out->queued_ms > 0)
        json_object_set_new(where, "queued_ms",
                            json_integer((json_int_t)out->queued_ms));
    json_t *usage = json_pack(
        "{s:I,s:I,s:I,s:I,s:b,s:I,s:o,s:o,s:I,s:I,s:I,s:I}", "input_tokens",
        (json_int_t)out->input_tokens, "cached_tokens",
        (json_int_t)out->cached_tokens, "output_tokens",
        (json_int_t)out->output_tokens, "reasoning_tokens",
        (json_int_t)out->reasoning_tokens, "is_estimated",
        out->is_estimated != 0, "cost_micros", (json_int_t)out->cost_micros,
        "currency", weir__explain_text(out->currency), "price_version",
        weir__explain_text(out->price_version), "started_us",
        (json_int_t)out->started_us, "first_byte_us",
        (json_int_t)out->first_byte_us, "total_us", (json_int_t)out->total_us,
        "sent_bytes", (json_int_t)out->sent_bytes);
    json_object_update(where, usage);
    weir_units_json(where, &out->units);
    json_decref(usage);
    if (out->sizes.prompt_bytes > 0)
        json_object_set_new(
            where, "sizes",
            json_pack("{s:I,s:I,s:b}", "prompt_bytes",
                      (json_int_t)out->sizes.prompt_bytes, "answer_bytes",
                      (json_int_t)out->sizes.answer_bytes, "has_tools",
                      (out->sizes.shape & WEIR_SIZES_TOOLS) != 0));
    return where;
}

/* Why in that order: one number for each of `order`, where one sorted it. */
static json_t *
ordered_by_json(const struct weir_record_intent *intent)
{
    static const char *const units[WEIR_ROUTE_MODES] = {
        [WEIR_ROUTE_PRICE] = "micros",
        [WEIR_ROUTE_LATENCY] = "us",
        [WEIR_ROUTE_LEAST_BUSY] = "calls",
        [WEIR_ROUTE_COMPLEXITY] = "tier",
    };
    const char *mode = weir_route_mode_name(intent->route_mode);
    json_t *by = json_pack("{s:s}", "mode", mode == NULL ? "unknown" : mode);
    if (intent->route_mode == WEIR_ROUTE_STICKY)
        json_object_set_new(by, "sticky_by",
                            json_string(weir_sticky_by_name(
                                (enum weir_sticky_by)intent->sticky_by)));
    if (mode == NULL || units[intent->route_mode] == NULL)
        return by;
    json_t *values = json_array();
    for (uint32_t i = 0; i < intent->order_count; i++)
        json_array_append_new(
            values, json_integer((json_int_t)intent->order_values[i]));
    json_object_set_new(by, "unit", json_string(units[intent->route_mode]));
    json_object_set_new(by, "values", values);
    return by;
}

static json_t *
order_json(const struct weir_explained *in)
{
    json_t *list = json_array();
    for (uint32_t i = 0; !in->recorded.is_refusal && i < in->intent.order_count;
         i++) {
        uint32_t at = in->intent.order[i];
        if (at < in->recorded.candidate_count)
            json_array_append_new(
                list,
                weir__explain_text(in->recorded.candidates[at].deployment));
    }
    return list;
}

static json_t *
place_json(const struct weir_store_at *at)
{
    return json_pack("{s:I,s:I,s:I}", "segment", (json_int_t)at->segment,
                     "offset", (json_int_t)at->offset, "leaf",
                     (json_int_t)at->leaf);
}

static void
set_if(json_t *object, const char *name, json_t *value)
{
    if (value != NULL)
        json_object_set_new(object, name, value);
}

static json_t *
reply_of(const struct weir_explained *in, struct weir_store *store)
{
    static const char *const states[] = {"", "open", "closed", "refused"};
    char id[WEIR_REQUEST_ID_TEXT], digest[WEIR_HEX_LEN(32)];
    weir_request_id_format(&in->call.request, id);
    weir_hex_encode((weir_span){(const char *)in->recorded.image_digest, 32},
                    digest);
    json_t *reply = json_pack(
        "{s:s,s:s,s:o,s:o,s:{s:s#,s:I},s:o,s:{s:o}}", "request", id, "state",
        states[in->call.state], "who", who_json(in), "what", what_json(in),
        "image", "digest", digest, (int)sizeof digest, "overlay",
        (json_int_t)in->recorded.overlay, "order", order_json(in), "journal",
        "first", place_json(&in->call.first));
    if (in->recorded.is_refusal) {
        json_object_set_new(
            reply, "refusal",
            json_pack("{s:s,s:i,s:o}", "reason",
                      weir_reason_code((enum weir_reason)in->refusal.reason),
                      "http_status", (int)in->refusal.http_status, "policy",
                      weir__explain_text(in->refusal.policy)));
    }
    if (!in->recorded.is_refusal && in->intent.route_mode != 0)
        json_object_set_new(reply, "ordered_by", ordered_by_json(&in->intent));
    set_if(reply, "step",
           weir__explain_step(in->recorded.is_refusal ? &in->refusal.step
                                                      : &in->intent.step));
    set_if(reply, "classified_by",
           in->recorded.is_refusal
               ? weir__explain_opinions(in->refusal.opinions,
                                        in->refusal.opinion_count)
               : weir__explain_opinions(in->outcome.opinions,
                                        in->outcome.opinion_count));
    if (in->has_outcome) {
        json_object_set_new(reply, "outcome", outcome_json(&in->outcome));
        json_object_set_new(json_object_get(reply, "journal"), "last",
                            place_json(&in->call.last));
    }
    set_if(reply, "watch",
           weir__explain_watch(in->recorded.is_refusal ? &in->refusal.watch
                                                       : &in->outcome.watch,
                               store, in->call.decided));
    return reply;
}

weir_status
weir_explain(struct weir_store *store, const struct weir_paths *paths,
             weir_span request, json_t **reply_out, struct weir_error *err)
{
    struct weir_request_id id;
    struct weir_explained *explained = calloc(1, sizeof *explained);
    if (explained == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    weir_buf_init(&explained->bytes, 4 * WEIR_RECORD_BYTES_MAX);
    /* Both records fit before anything points into the buffer. */
    weir_buf_reserve(&explained->bytes, 3 * WEIR_RECORD_BYTES_MAX, 8);
    weir_buf_reset(&explained->bytes);
    weir_status status = WEIR_OK;
    if (!weir_request_id_parse(request, &id))
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "this is no request id: it is 'req_' and 26 "
                           "characters");
    if (status == WEIR_OK)
        status = weir_store_call_get(store, &id, &explained->call, err);
    if (status == WEIR_OK)
        status = read_first(explained, paths, err);
    if (status == WEIR_OK)
        status = read_outcome(explained, paths, err);
    if (status == WEIR_OK) {
        *reply_out = reply_of(explained, store);
        weir__explain_replay(explained, store, paths, *reply_out);
    }
    weir_buf_fini(&explained->bytes);
    free(explained);
    return status;
}
