/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message batches, at the origin's side: what it tells of its own ids, and
 * what was used.
 *
 * WHY RESULTS ARE READ. The batch tells how many of its requests succeeded,
 * and not what they used: that stands in each line of the results, and is
 * summed while they pass. Nothing is billed of a request that failed, was
 * cancelled or expired.
 */
#include "anthropic.h"

#include <weir/bulk.h>
#include <weir/json.h>

#include <string.h>

enum { ID, RESULTS, STATUS, SUCCEEDED, OTHERS, MEMBERS = OTHERS + 4 };

static const weir_json_path members[MEMBERS] = {
    [ID] = WEIR_JSON_PATH1("id"),
    [RESULTS] = WEIR_JSON_PATH1("results_url"),
    [STATUS] = WEIR_JSON_PATH1("processing_status"),
    [SUCCEEDED] = WEIR_JSON_PATH2("request_counts", "succeeded"),
    [OTHERS] = WEIR_JSON_PATH2("request_counts", "processing"),
    [OTHERS + 1] = WEIR_JSON_PATH2("request_counts", "errored"),
    [OTHERS + 2] = WEIR_JSON_PATH2("request_counts", "canceled"),
    [OTHERS + 3] = WEIR_JSON_PATH2("request_counts", "expired"),
};

static void
learn(const weir_json_hit hits[MEMBERS], struct weir_bulk_told *told)
{
    uint64_t count;
    bool is_counted = true;
    *told = (struct weir_bulk_told){0};
    told->is_ended = weir_span_equal(hits[STATUS].raw, WEIR_SPAN("\"ended\""));
    for (int i = SUCCEEDED; i < MEMBERS; i++) {
        if (hits[i].kind != WEIR_JSON_NUMBER ||
            !weir_json_to_uint64(hits[i].raw, &count) || count > UINT32_MAX) {
            is_counted = false;
            continue;
        }
        told->total += count;
        if (i == SUCCEEDED)
            told->done = count;
    }
    told->is_counted_later = !is_counted || told->done > 0;
    /* Nothing succeeded, nothing was used. */
    told->has_usage = is_counted && told->done == 0;
    if (!is_counted)
        told->done = told->total = 0;
}

weir_status
weir_anthropic_bulk_retell(weir_span body, weir_bulk_seal_name *seal,
                           void *context, struct weir_buf *out,
                           struct weir_bulk_told *told_out,
                           struct weir_error *err)
{
    weir_json_hit hits[MEMBERS];
    struct weir_json_root root;
    size_t at = 0;
    weir_status status =
        weir_json_scan(body, members, MEMBERS, 0, &root, hits, err);
    if (status != WEIR_OK)
        return status;
    if (root.kind != WEIR_JSON_OBJECT || hits[ID].kind != WEIR_JSON_STRING ||
        hits[ID].has_escapes)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "the origin's object has no id");
    weir_span id = {hits[ID].raw.ptr + 1, hits[ID].raw.len - 2};
    bool is_id_first = hits[RESULTS].kind != WEIR_JSON_STRING ||
                       hits[ID].raw.ptr < hits[RESULTS].raw.ptr;
    for (int i = 0; i < 2; i++) {
        int next = (i == 0) == is_id_first ? ID : RESULTS;
        if (hits[next].kind != WEIR_JSON_STRING)
            continue;
        size_t start = (size_t)(hits[next].raw.ptr - body.ptr);
        weir_buf_add(out, body.ptr + at, start - at);
        if (!seal(context, members[next].segment[0], id, out))
            return weir_fail(err, WEIR_EPARSE, start,
                             "an id of the origin's cannot be named");
        at = start + hits[next].raw.len;
    }
    weir_buf_add(out, body.ptr + at, body.len - at);
    learn(hits, told_out);
    return out->overflow ? weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                                     "the origin's object is too large")
                         : WEIR_OK;
}

/* ---------------------------------------------------------------- results */

enum { R_TYPE, R_USAGE, R_COUNT };

static const weir_json_wanted wanted[R_COUNT] = {
    [R_TYPE] = {WEIR_JSON_PATH2("result", "type"), 32},
    [R_USAGE] = {WEIR_JSON_PATH3("result", "message", "usage"), 2048},
};

void
weir_bulk_results_init(struct weir_bulk_results *results)
{
    *results = (struct weir_bulk_results){0};
    weir_json_tap_plan_init(&results->plan, wanted, R_COUNT);
    weir_json_tap_init(&results->tap, &results->plan, results->memory,
                       sizeof(results->memory));
}

static void
end_line(struct weir_bulk_results *results)
{
    const weir_json_tapped *type = &results->tap.tapped[R_TYPE];
    const weir_json_tapped *usage = &results->tap.tapped[R_USAGE];
    struct weir_event_usage one = {0};
    if (!results->is_open)
        return;
    results->lines++;
    if (!weir_json_tap_is_done(&results->tap) || results->tap.is_broken ||
        type->kind != WEIR_JSON_STRING) {
        results->is_broken = true;
    } else if (weir_span_equal(type->raw, WEIR_SPAN("\"succeeded\""))) {
        results->succeeded++;
        if (usage->kind != WEIR_JSON_OBJECT || usage->is_cut)
            results->is_broken = true;
        else
            weir_anthropic_read_usage(usage->raw, &one);
        weir_usage_add(&results->usage, &one.counts);
    }
    weir_json_tap_reset(&results->tap);
    results->is_open = false;
}

void
weir_bulk_results_feed(struct weir_bulk_results *results, weir_span bytes)
{
    while (bytes.len > 0) {
        const char *end = memchr(bytes.ptr, '\n', bytes.len);
        size_t len = end != NULL ? (size_t)(end - bytes.ptr) : bytes.len;
        for (size_t i = 0; i < len && !results->is_open; i++)
            results->is_open = memchr(" \t\r", bytes.ptr[i], 3) == NULL;
        weir_json_tap_feed(&results->tap, (weir_span){bytes.ptr, len});
        if (end == NULL)
            return;
        end_line(results);
        bytes.ptr += len + 1;
        bytes.len -= len + 1;
    }
}

bool
weir_bulk_results_finish(struct weir_bulk_results *results)
{
    end_line(results);
    return results->lines > 0 && !results->is_broken;
}
