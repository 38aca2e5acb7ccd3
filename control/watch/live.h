/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/watch/live.h - the watch over calls as they are made.
 *
 * A thread follows the journal, counts each call into the pools of its key,
 * project, tenant, owner group, end customer and model owner, and scores a
 * window as soon as one is full. What it says are rows of verdicts.h.
 *
 *     journal --> order --> pools (4 KiB each) --> verdicts
 *
 * The state follows from the journal alone, records in any order within
 * WEIR_WATCH_ORDER_US and repeated any number of times; it lies in a store
 * of its own below the state directory and may be removed: it is then
 * made again.
 *
 * Threads: open, take, catch_up and start belong to one thread; after start
 * the work is done by a thread of its own until close. The rest from any
 * thread. Memory: its own; at most `pools_max` pools of 4 KiB.
 */
#ifndef WEIR_WATCH_LIVE_H
#define WEIR_WATCH_LIVE_H

#include <weir/journal.h>
#include <weir/lines.h>
#include <weir/record.h>

#include "control/control.h"
#include "control/watch/verdicts.h"

struct weir_watch_live;

/* How far apart in the journal two calls may stand in the wrong order. */
#define WEIR_WATCH_ORDER_US (2 * WEIR_US_PER_SEC)

/* A call as the journal tells of it. */
struct weir_watch_told {
    struct weir_request_id request;
    uint64_t position; /* of its block in the journal; weir_watch_position() */
    weir_time when;    /* of the outcome */
    uint32_t line;     /* of a batch, from 1; 0: a call by itself */
    struct weir_watch_pools pools;
    bool is_judged; /* as of weir_watch_read_record() */
};

/* What a record says of one call: of an outcome all of it, of a refusal what
 * was seen of the prompt. Lines of batches: weir_watch_read_lines(). */
struct weir_watch_seen {
    struct weir_request_id request;
    struct weir_record_watch watch; /* borrows the record */
    bool
        is_judged; /* a classifier, of features or over HTTP, found something */
};
/*
 * A refused call counts where a classifier judged it: who is refused for what
 * he asks has asked it. Other refusals (budget, policy, a rule about personal
 * data) say nothing of that, and leave the block empty, as records of other
 * kinds do. ECORRUPT.
 */
WEIR_MUST_USE weir_status weir_watch_read_record(
    const struct weir_record *record, struct weir_watch_seen *seen_out,
    struct weir_error *err);
/* Lines of a batch, `at` 0 up to the record's count; false: there is none of
 * that number, or the record is of another kind or damaged. */
bool weir_watch_read_line(const struct weir_record *record, uint32_t at,
                          struct weir_watch_seen *seen_out, uint32_t *line_out);
/* Segment and offset as one number that grows; 0: none. Of a line its number
 * in the record is added: offsets are multiples of WEIR_LINES_RECORD. */
static inline uint64_t
weir_watch_position(uint64_t segment, uint64_t offset)
{
    return segment << 40 | offset;
}

/* ENOTFOUND, EIO, EVERSION: as the store. */
WEIR_MUST_USE weir_status
weir_watch_live_open(struct weir_control *control,
                     struct weir_watch_live **live_out, struct weir_error *err);
/* Counts one call; one that was counted already changes nothing. */
WEIR_MUST_USE weir_status weir_watch_live_take(
    struct weir_watch_live *live, const struct weir_watch_told *told,
    const struct weir_watch_features *features, struct weir_error *err);
/* Reads the journal to its end and makes what it says safe. */
WEIR_MUST_USE weir_status weir_watch_live_catch_up(struct weir_watch_live *live,
                                                   struct weir_error *err);
WEIR_MUST_USE weir_status weir_watch_live_start(struct weir_watch_live *live,
                                                struct weir_error *err);
/* Returns when all that was on disk at the call is counted, or after
 * `timeout_ms`. */
void weir_watch_live_sync(struct weir_watch_live *live, int timeout_ms);
void weir_watch_live_close(struct weir_watch_live *live); /* NULL is fine */

/* What it is at, as of its last round. */
struct weir_watch_live_shown {
    bool is_current; /* the last round did not fail */
    weir_time read_up_to;
    uint64_t unreadable; /* records that are not */
    uint64_t calls;      /* counted */
    uint64_t again;      /* records that came a second time */
    uint64_t late;       /* calls that came after their turn */
    uint64_t waiting;    /* for their turn */
    uint64_t verdicts;
    uint64_t subjects; /* on disk */
    uint64_t evicted;
    uint64_t in_memory;
    uint64_t references;
    uint32_t clusters;
    uint32_t members;       /* of clusters */
    uint32_t accounts;      /* that clustering compares */
    uint64_t cluster_us;    /* the last look took */
    weir_time clustered_at; /* 0: never */
};
void weir_watch_live_figures(struct weir_watch_live *live,
                             struct weir_watch_live_shown *shown_out);
/* Looks for clusters soon, as after a link was cut. */
void weir_watch_live_cluster(struct weir_watch_live *live);

/* The action of an act by which a person decides about a reference; its
 * subject is "kind:name", its detail {"deed":"accept"|"renew"}. */
#define WEIR_WATCH_ACT_REFERENCE "watch.reference"
#define WEIR_WATCH_ACT_CUT       "watch.cut"
#define WEIR_WATCH_ACT_UNCUT     "watch.uncut"

/*
 * Called by the watch's thread after rows were committed, with no lock held:
 * a bell, so that nobody has to poll. Set before start; NULL: nobody.
 */
typedef void weir_watch_on_verdicts(void *context);
void weir_watch_live_on_verdicts(struct weir_watch_live *live,
                                 weir_watch_on_verdicts *on_verdicts,
                                 void *context);

#endif
