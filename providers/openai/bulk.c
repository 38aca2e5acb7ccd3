/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and batches, at the origin's side: what it tells of its own ids.
 *
 * WHAT IT TELLS IS WRITTEN ANEW where an id stands, and only there: members
 * that weir has never heard of pass. Which members hold ids is a list, and a
 * value that looks like an id anywhere else in the object is not one of ours
 * to open: it is of no use to anybody, since weir opens sealed names alone.
 */
#include "openai.h"

#include <weir/bulk.h>
#include <weir/json.h>

#include <string.h>

/* ---------------------------------------------------------------- retelling */

enum {
    ID,
    INPUT_FILE,
    OUTPUT_FILE,
    ERROR_FILE,
    STATUS,
    INPUT_TOKENS,
    CACHED_TOKENS,
    OUTPUT_TOKENS,
    REASONING_TOKENS,
    DONE,
    TOTAL,
    MEMBERS
};

static const weir_json_path members[MEMBERS] = {
    [ID] = WEIR_JSON_PATH1("id"),
    [INPUT_FILE] = WEIR_JSON_PATH1("input_file_id"),
    [OUTPUT_FILE] = WEIR_JSON_PATH1("output_file_id"),
    [ERROR_FILE] = WEIR_JSON_PATH1("error_file_id"),
    [STATUS] = WEIR_JSON_PATH1("status"),
    [INPUT_TOKENS] = WEIR_JSON_PATH2("usage", "input_tokens"),
    [CACHED_TOKENS] =
        WEIR_JSON_PATH3("usage", "input_tokens_details", "cached_tokens"),
    [OUTPUT_TOKENS] = WEIR_JSON_PATH2("usage", "output_tokens"),
    [REASONING_TOKENS] =
        WEIR_JSON_PATH3("usage", "output_tokens_details", "reasoning_tokens"),
    [DONE] = WEIR_JSON_PATH2("request_counts", "completed"),
    [TOTAL] = WEIR_JSON_PATH2("request_counts", "total"),
};

static bool
count_of(const weir_json_hit *hit, uint64_t *count_out)
{
    return hit->kind == WEIR_JSON_NUMBER &&
           weir_json_to_uint64(hit->raw, count_out) && *count_out <= INT64_MAX;
}

static void
learn(const weir_json_hit hits[MEMBERS], struct weir_bulk_told *told)
{
    weir_span status = hits[STATUS].raw;
    struct weir_usage *usage = &told->usage;
    *told = (struct weir_bulk_told){0};
    told->is_failed = weir_span_equal(status, WEIR_SPAN("\"failed\""));
    told->is_ended = told->is_failed ||
                     weir_span_equal(status, WEIR_SPAN("\"completed\"")) ||
                     weir_span_equal(status, WEIR_SPAN("\"expired\"")) ||
                     weir_span_equal(status, WEIR_SPAN("\"cancelled\""));
    told->has_usage = count_of(&hits[INPUT_TOKENS], &usage->input_tokens) &&
                      count_of(&hits[OUTPUT_TOKENS], &usage->output_tokens);
    if (!count_of(&hits[CACHED_TOKENS], &usage->cached_tokens))
        usage->cached_tokens = 0;
    if (!count_of(&hits[REASONING_TOKENS], &usage->reasoning_tokens))
        usage->reasoning_tokens = 0;
    if (!count_of(&hits[DONE], &told->done) ||
        !count_of(&hits[TOTAL], &told->total))
        told->done = told->total = 0;
}

weir_status
weir_openai_bulk_retell(weir_span body, weir_bulk_seal_name *seal,
                        void *context, struct weir_buf *out,
                        struct weir_bulk_told *told_out, struct weir_error *err)
{
    weir_json_hit hits[MEMBERS];
    struct weir_json_root root;
    size_t at = 0;
    bool is_done[ERROR_FILE + 1] = {false};
    weir_status status =
        weir_json_scan(body, members, MEMBERS, 0, &root, hits, err);
    if (status != WEIR_OK)
        return status;
    if (root.kind != WEIR_JSON_OBJECT || hits[ID].kind != WEIR_JSON_STRING)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "the origin's object has no id");
    for (;;) {
        int next = -1;
        for (int i = 0; i <= ERROR_FILE; i++)
            if (!is_done[i] && hits[i].kind == WEIR_JSON_STRING &&
                hits[i].raw.len > 2 &&
                (next < 0 || hits[i].raw.ptr < hits[next].raw.ptr))
                next = i;
        if (next < 0)
            break;
        is_done[next] = true;
        weir_span raw = hits[next].raw;
        size_t start = (size_t)(raw.ptr - body.ptr);
        weir_buf_add(out, body.ptr + at, start - at);
        if (hits[next].has_escapes ||
            !seal(context, members[next].segment[0],
                  (weir_span){raw.ptr + 1, raw.len - 2}, out))
            return weir_fail(err, WEIR_EPARSE, start,
                             "an id of the origin's cannot be named");
        at = start + raw.len;
    }
    weir_buf_add(out, body.ptr + at, body.len - at);
    learn(hits, told_out);
    return out->overflow ? weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                                     "the origin's object is too large")
                         : WEIR_OK;
}
