/* SPDX-License-Identifier: Apache-2.0 */
/* What the watch reads of a record. */
#include <string.h>

#include "control/watch/live.h"

/* Sure enough to count, of those that read features. */
#define CLASSIFIED_LINE 80

static bool
is_judged(const struct weir_record_watch *watch,
          const struct weir_record_opinion *opinions, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (opinions[i].opinion == WEIR_OPINION_FLAG ||
            opinions[i].opinion == WEIR_OPINION_BLOCK)
            return true;
    for (uint32_t i = 0; i < watch->classified_count; i++)
        if (watch->classified[i].score >= CLASSIFIED_LINE)
            return true;
    return false;
}

static weir_status
read_outcome(weir_span payload, struct weir_watch_seen *out,
             struct weir_error *err)
{
    struct weir_record_outcome outcome;
    weir_status status = weir_record_get_outcome(payload, &outcome, err);
    if (status != WEIR_OK)
        return status;
    out->request = outcome.request;
    out->watch = outcome.watch;
    out->is_judged =
        is_judged(&outcome.watch, outcome.opinions, outcome.opinion_count);
    return WEIR_OK;
}

static weir_status
read_refusal(weir_span payload, struct weir_watch_seen *out,
             struct weir_error *err)
{
    struct weir_record_refusal refusal;
    weir_status status = weir_record_get_refusal(payload, &refusal, err);
    if (status != WEIR_OK)
        return status;
    out->request = refusal.request;
    out->is_judged =
        refusal.watch.block.len > 0 &&
        is_judged(&refusal.watch, refusal.opinions, refusal.opinion_count);
    if (out->is_judged)
        out->watch = refusal.watch;
    return WEIR_OK;
}

bool
weir_watch_read_line(const struct weir_record *record, uint32_t at,
                     struct weir_watch_seen *seen_out, uint32_t *line_out)
{
    struct weir_record_lines lines;
    if (record->kind != WEIR_RECORD_LINES ||
        weir_record_get_lines(record->payload, &lines, NULL) != WEIR_OK ||
        at >= lines.count)
        return false;
    memset(seen_out, 0, sizeof(*seen_out));
    seen_out->request = lines.request;
    seen_out->watch.block =
        (weir_span){lines.blocks.ptr + (size_t)at * WEIR_WATCH_BLOCK_BYTES,
                    WEIR_WATCH_BLOCK_BYTES};
    seen_out->watch.pools = lines.pools;
    seen_out->watch.pools.matches = lines.seen[at].matches;
    seen_out->watch.pools.exchanges = lines.seen[at].exchanges;
    seen_out->is_judged = lines.seen[at].score >= CLASSIFIED_LINE;
    *line_out = lines.first + at;
    return true;
}

weir_status
weir_watch_read_record(const struct weir_record *record,
                       struct weir_watch_seen *seen_out, struct weir_error *err)
{
    memset(seen_out, 0, sizeof(*seen_out));
    if (record->kind == WEIR_RECORD_OUTCOME)
        return read_outcome(record->payload, seen_out, err);
    if (record->kind == WEIR_RECORD_REFUSAL)
        return read_refusal(record->payload, seen_out, err);
    return WEIR_OK;
}
