/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/lines.h - what the watch sees of a batch: its lines, each a call.
 *
 *     if (weir_lines_begin(&lines, call, count))
 *         for each line, in order:
 *             if (weir_lines_wants(&lines))
 *                 weir_lines_take(&lines, body, input_tokens);
 *     weir_lines_end(&lines);
 *
 * A file of up to WEIR_LINES_WATCHED lines is seen whole; of a longer one so
 * many lines, evenly spread. Their blocks go into records of their own, of
 * kind WEIR_RECORD_LINES, WEIR_LINES_RECORD blocks each.
 *
 * Threads: a call's owner. Memory: the caller's struct weir_lines, 9 KB; the
 * text in it is wiped. A call of the journal appends nothing that is needed
 * for it to be right: a full lane loses features, which are counted.
 */
#ifndef WEIR_LINES_H
#define WEIR_LINES_H

#include <weir/gate.h>
#include <weir/record.h>
#include <weir/watch.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_LINES_WATCHED 1024
/* Offsets of records are multiples of it: a place in the journal and a line's
 * number in its record are one number (control/watch/live.h). */
#define WEIR_LINES_RECORD 8

/* Of one line, beside its block and the caller's pools. */
struct weir_line_seen {
    uint16_t matches;   /* as in struct weir_watch_pools */
    uint32_t exchanges; /* the same */
    uint8_t score;      /* of the surest classifier of features */
};

/* ------------------------------------------------------------- record */

struct weir_record_lines {
    struct weir_request_id request; /* the call that brought them */
    uint32_t first;                 /* number of the first block, from 1 */
    uint32_t total;                 /* lines of the file */
    uint32_t count;                 /* blocks here */
    weir_span blocks;               /* WEIR_WATCH_BLOCK_BYTES each */
    struct weir_watch_pools pools;  /* of each; without matches, exchanges */
    struct weir_line_seen seen[WEIR_LINES_RECORD];
};

void weir_record_put_lines(const struct weir_record_lines *lines,
                           struct weir_buf *out);
/* ECORRUPT: cut off, or no blocks. */
WEIR_MUST_USE weir_status
weir_record_get_lines(weir_span payload, struct weir_record_lines *lines_out,
                      struct weir_error *err);

/* ------------------------------------------------------------- making */

struct weir_lines {
    struct weir_call *call; /* NULL: it is not watched */
    uint32_t total;
    uint32_t at;   /* lines that were offered */
    uint32_t made; /* blocks */
    double quota;
    uint8_t blocks[WEIR_LINES_RECORD * WEIR_WATCH_BLOCK_BYTES];
    struct weir_record_lines record;
    struct weir_watch_call watching;
};

/* False: nothing of this call is watched, and `lines` is to be left alone. */
bool weir_lines_begin(struct weir_lines *lines, struct weir_call *call,
                      uint32_t total);
/* For each line once; true: this one is looked at. */
bool weir_lines_wants(struct weir_lines *lines);
void weir_lines_take(struct weir_lines *lines, weir_span body,
                     uint64_t input_tokens);
void weir_lines_end(struct weir_lines *lines);

#ifdef __cplusplus
}
#endif
#endif
