/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of batches, as the watch sees them.
 *
 *    0      2         18      22      26      28
 *    +------+---------+-------+-------+-------+------+
 *    | size | request | first | total | count | tags |
 *    +------+---------+-------+-------+-------+------+
 *    tags: blocks (as a call's, one behind the other), pools, lines: of each
 *    { u16 matches, u32 exchanges, u8 score, u8 0 }
 *
 * WHY RECORDS OF THEIR OWN. An outcome is of one call and has its bound; the
 * upload has an outcome already, before anybody looks at lines.
 *
 * WHY A SAMPLE. A file has up to 50,000 lines, which is 13 MB of features:
 * more than a lane holds, at a moment. Windows of the scores are 100 to 600
 * calls, so a thousand lines that lie evenly in the file say what share of it
 * is of which kind; how much it was is in the ledger.
 *
 * WHY WHEN THE FILE COMES. Nobody has the lines when a batch of them begins.
 */
#include "internal.h"
#include "record_bytes.h"
#include "record_tags.h"

#include <weir/lines.h>

#include <string.h>

#define HEAD_BYTES 26
#define SEEN_BYTES 8

_Static_assert(WEIR_LINES_RECORD *WEIR_WATCH_BLOCK_BYTES <= UINT16_MAX,
               "a tag's length has two bytes");

/* ------------------------------------------------------------- record */

void
weir_record_put_lines(const struct weir_record_lines *lines,
                      struct weir_buf *out)
{
    WEIR_ASSERT(lines->count <= WEIR_LINES_RECORD);
    weir__record_put(out, HEAD_BYTES, 2);
    weir_buf_add(out, lines->request.bytes, WEIR_REQUEST_ID_BYTES);
    weir__record_put(out, lines->first, 4);
    weir__record_put(out, lines->total, 4);
    weir__record_put(out, lines->count, 2);
    weir__record_put(out, TAG_WATCH, 2);
    weir__record_put(out, lines->blocks.len, 2);
    weir_buf_add_span(out, lines->blocks);
    weir__record_put_pools(out, &lines->pools);
    weir__record_put(out, TAG_LINES, 2);
    weir__record_put(out, (uint64_t)lines->count * SEEN_BYTES, 2);
    for (uint32_t i = 0; i < lines->count; i++) {
        weir__record_put(out, lines->seen[i].matches, 2);
        weir__record_put(out, lines->seen[i].exchanges, 4);
        weir__record_put(out, lines->seen[i].score, 2);
    }
}

static bool
take_seen(weir_span in, struct weir_record_lines *lines)
{
    if (in.len < (size_t)lines->count * SEEN_BYTES)
        return false;
    for (uint32_t i = 0; i < lines->count; i++) {
        uint32_t matches = 0, score = 0;
        if (!weir__record_take(&in, 2, &matches) ||
            !weir__record_take(&in, 4, &lines->seen[i].exchanges) ||
            !weir__record_take(&in, 2, &score))
            return false;
        lines->seen[i].matches = (uint16_t)matches;
        lines->seen[i].score = (uint8_t)score;
    }
    return true;
}

static bool
take_tags(weir_span in, struct weir_record_lines *lines)
{
    bool has_pools = false, has_seen = false;
    while (in.len > 0) {
        uint32_t tag;
        weir_span value;
        if (!weir__record_take(&in, 2, &tag) ||
            !weir__record_take_text(&in, &value))
            return false;
        if (tag == TAG_WATCH)
            lines->blocks = value;
        else if (tag == TAG_POOLS)
            has_pools = weir__record_get_pools(value, &lines->pools);
        else if (tag == TAG_LINES)
            has_seen = take_seen(value, lines);
    }
    return has_pools && has_seen &&
           lines->blocks.len == (size_t)lines->count * WEIR_WATCH_BLOCK_BYTES;
}

weir_status
weir_record_get_lines(weir_span payload, struct weir_record_lines *lines_out,
                      struct weir_error *err)
{
    struct weir_record_lines lines = {0};
    weir_span head;
    if (!weir__record_take_text(&payload, &head) || head.len < HEAD_BYTES)
        goto cut;
    memcpy(lines.request.bytes, head.ptr, WEIR_REQUEST_ID_BYTES);
    head.ptr += WEIR_REQUEST_ID_BYTES;
    head.len -= WEIR_REQUEST_ID_BYTES;
    if (!weir__record_take(&head, 4, &lines.first) ||
        !weir__record_take(&head, 4, &lines.total) ||
        !weir__record_take(&head, 2, &lines.count) || lines.count == 0 ||
        lines.count > WEIR_LINES_RECORD || !take_tags(payload, &lines))
        goto cut;
    *lines_out = lines;
    return WEIR_OK;
cut:
    return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                     "a record of lines is cut off");
}

/* ------------------------------------------------------------- making */

bool
weir_lines_begin(struct weir_lines *lines, struct weir_call *call,
                 uint32_t total)
{
    lines->call = NULL;
    if (total == 0 || !weir__gate_watches(call))
        return false;
    lines->call = call;
    lines->total = total;
    lines->at = 0;
    lines->made = 0;
    lines->quota = weir__gate_quota_share(call);
    lines->record =
        (struct weir_record_lines){.request = call->id, .total = total};
    weir__gate_fill_pools(call, &lines->record.pools);
    return true;
}

bool
weir_lines_wants(struct weir_lines *lines)
{
    uint64_t at = lines->at++;
    return lines->total <= WEIR_LINES_WATCHED ||
           (at + 1) * WEIR_LINES_WATCHED / lines->total >
               at * WEIR_LINES_WATCHED / lines->total;
}

static void
append(struct weir_lines *lines)
{
    struct weir_record_lines *record = &lines->record;
    char bytes[WEIR_RECORD_PAYLOAD_MAX];
    struct weir_buf payload;
    weir_journal_mark mark;
    if (record->count == 0)
        return;
    record->first = lines->made - record->count + 1;
    record->blocks =
        (weir_span){(const char *)lines->blocks,
                    (size_t)record->count * WEIR_WATCH_BLOCK_BYTES};
    weir_buf_init_fixed(&payload, bytes, sizeof(bytes));
    weir_record_put_lines(record, &payload);
    if (weir__call_append(lines->call, WEIR_RECORD_LINES, &payload,
                          WEIR_TIER_CRASH, &mark, NULL) != WEIR_OK)
        lines->call->gate->lines_unwritten += record->count;
    record->count = 0;
}

void
weir_lines_take(struct weir_lines *lines, weir_span body, uint64_t input_tokens)
{
    const struct weir_watch_facts facts = {.input_tokens = input_tokens,
                                           .quota = lines->quota};
    const struct weir_indicators *indicators = lines->call->gate->indicators;
    struct weir_record_lines *record = &lines->record;
    struct weir_line_seen *seen = &record->seen[record->count];
    struct weir_classified classified[WEIR_CLASSIFIED_MAX];
    struct weir_watch_features features;
    if (lines->made == WEIR_LINES_WATCHED)
        return;
    weir_watch_begin(&lines->watching);
    weir_watch_request(&lines->watching, body);
    weir_watch_finish(&lines->watching, &facts, &features);
    weir_watch_pack(&features, lines->blocks + (size_t)record->count *
                                                   WEIR_WATCH_BLOCK_BYTES);
    *seen = (struct weir_line_seen){0};
    uint32_t count = weir_classify(&features, classified);
    for (uint32_t i = 0; i < count; i++)
        if (classified[i].score > seen->score)
            seen->score = classified[i].score;
    if (indicators != NULL && indicators->count > 0) {
        struct weir_indicator_match match =
            weir_indicators_match(indicators, &features, lines->call->started);
        seen->matches = (uint16_t)match.kinds;
        seen->exchanges = match.exchanges;
    }
    record->count++;
    lines->made++;
    if (record->count == WEIR_LINES_RECORD)
        append(lines);
}

void
weir_lines_end(struct weir_lines *lines)
{
    if (lines->call != NULL)
        append(lines);
    lines->call = NULL;
}
