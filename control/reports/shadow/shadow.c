/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shadows beside the calls they are copies of: pairs of one request each. The
 * first round through the calls finds copies and what they are of, the second
 * those calls; a pair counts when both are there and closed.
 */
#include "control/reports/parts.h"

const struct weir_report_section weir__report_shadow_sections[] = {
    WEIR__REPORT_SIDES("By route, what answered and its shadow")};

struct pairs {
    struct weir__report_journal journal;
    struct weir__report_sides sides;
    json_t *calls; /* object: id of a call that was copied, to its copy's */
    bool looks_for_copies;
    bool has_early; /* copies that came before what they are of */
    json_int_t pairs, unread;
};

static bool
outcome_of(struct pairs *pairs, const struct weir_store_call *call,
           struct weir_record_outcome *outcome_out)
{
    struct weir_record record;
    if (call->state != WEIR_CALL_CLOSED)
        return false;
    if (weir__report_record(&pairs->journal, &call->last, &record, NULL) ==
            WEIR_OK &&
        weir_record_get_outcome(record.payload, outcome_out, NULL) == WEIR_OK)
        return true;
    pairs->unread += pairs->looks_for_copies;
    return false;
}

static weir_status
on_copy(void *context, const struct weir_store_call *call,
        struct weir_error *err)
{
    struct pairs *pairs = context;
    struct weir_record_outcome outcome;
    char id[WEIR_REQUEST_ID_TEXT];
    if (!outcome_of(pairs, call, &outcome) || outcome.shadow_of.len == 0)
        return WEIR_OK;
    weir_request_id_format(&call->request, id);
    json_t *copy = json_string(id);
    if (copy == NULL ||
        json_object_setn_new(pairs->calls, outcome.shadow_of.ptr,
                             outcome.shadow_of.len, copy) != 0)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    return WEIR_OK;
}

/* Once: afterwards the pair is in the report. */
static void
add_copy(struct pairs *pairs, const struct weir_store_call *call,
         const struct weir_record_outcome *outcome)
{
    const weir_span of = outcome->shadow_of;
    const json_t *seen = json_object_getn(pairs->calls, of.ptr, of.len);
    weir_span route = call->asked;
    size_t skip = sizeof WEIR_SHADOW_NAME - 1;
    if (!json_is_true(seen)) {
        pairs->has_early = pairs->has_early || seen != NULL;
        return;
    }
    if (weir_span_starts(route, WEIR_SPAN(WEIR_SHADOW_NAME)))
        route = (weir_span){route.ptr + skip, route.len - skip};
    weir__report_sides_add(&pairs->sides, route, "shadow", call, outcome);
    json_object_setn_new(pairs->calls, of.ptr, of.len, json_false());
}

static weir_status
on_side(void *context, const struct weir_store_call *call,
        struct weir_error *err)
{
    struct pairs *pairs = context;
    struct weir_record_outcome outcome;
    char id[WEIR_REQUEST_ID_TEXT];
    (void)err;
    if (!outcome_of(pairs, call, &outcome))
        return WEIR_OK;
    weir_request_id_format(&call->request, id);
    if (json_is_string(json_object_get(pairs->calls, id))) {
        json_object_set_new(pairs->calls, id, json_true());
        pairs->pairs++;
        weir__report_sides_add(&pairs->sides, call->asked, "main", call,
                               &outcome);
    } else if (outcome.shadow_of.len > 0) {
        add_copy(pairs, call, &outcome);
    }
    return WEIR_OK;
}

weir_status
weir__report_shadow(const struct weir_report_ask *ask, json_t *report,
                    struct weir_error *err)
{
    struct pairs pairs = {.journal = {.directory = ask->control->paths.journal},
                          .calls = json_object(),
                          .looks_for_copies = true};
    weir_status status = weir__report_sides_init(&pairs.sides, err);
    if (status == WEIR_OK && pairs.calls == NULL)
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (status == WEIR_OK)
        status = weir__report_calls(ask, on_copy, &pairs, err);
    pairs.looks_for_copies = false;
    if (status == WEIR_OK)
        status = weir__report_calls(ask, on_side, &pairs, err);
    if (status == WEIR_OK && pairs.has_early)
        status = weir__report_calls(ask, on_side, &pairs, err);
    if (status == WEIR_OK) {
        json_object_set_new(report, "summary",
                            json_pack("{s:I,s:I}", "pairs", pairs.pairs,
                                      "records_unread", pairs.unread));
        weir__report_sides_put(&pairs.sides, report);
    }
    weir__report_sides_fini(&pairs.sides);
    json_decref(pairs.calls);
    weir__report_journal_fini(&pairs.journal);
    return status;
}
