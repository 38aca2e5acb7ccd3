/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/watch/engine.h - counts calls into pools and says what it sees.
 *
 * Everything that the live watch decides is here and in core/watch; where
 * calls come from (the journal, a test) is the caller's business. A call
 * waits until none that was earlier can come any more, then it is counted in
 * the order of time. Pools are read from watch.db when they are needed and
 * written back, with the place in the journal, by a checkpoint: a crash goes
 * back to the last one and counts the same calls again.
 *
 * A failure leaves the engine unusable: close it, open it again, go on from
 * its place.
 *
 * Threads: one owner. Memory: its own; at most pools_max pools of 4 KiB
 * beyond those that one batch touches.
 */
#ifndef WEIR_WATCH_ENGINE_H
#define WEIR_WATCH_ENGINE_H

#include <weir/watch_indicators.h>

#include "control/watch/live.h"
#include "control/watch/profile.h"
#include "control/watch/rows.h"

#define WEIR_WATCH_WIDTHS 3 /* 100, 300, 600 */

struct weir_watch_model {
    char provider[129];
    weir_time created; /* 0: unknown */
};

/* The exchange that had this number then (weir/watch_indicators.h); false: not
 * known. */
typedef bool weir_watch_peer_name(void *context, uint32_t number,
                                  weir_time when,
                                  char name_out[WEIR_INDICATOR_NAME_BYTES]);

struct weir_watch_setup {
    const char *state_dir;
    uint32_t pools_max;       /* in memory */
    uint64_t subjects_max;    /* on disk; the longest unseen go first */
    uint32_t reference_calls; /* accepted by themselves; 0: by a person only */
    weir_time bin_us;         /* of profiles */
    const char *calibration;  /* name of the lines */
    struct weir_watch_lines lines[2][WEIR_WATCH_WIDTHS]; /* [has_reference] */
    /* The block of a call again, to learn from; false: it is gone. */
    bool (*read)(void *context, uint64_t position,
                 struct weir_watch_features *features_out);
    /* The name of a subject; false: not known. */
    bool (*name)(void *context, uint32_t kind, uint64_t digest, char *name_out,
                 size_t size);
    bool (*model)(void *context, uint64_t digest,
                  struct weir_watch_model *model_out);
    /* Whose indicators they are; NULL: numbers are said. */
    weir_watch_peer_name *peer;
    void *context;
};
/* The lines that ship, 600 calls, 65,536 pools, a million subjects. */
void weir__watch_setup_default(struct weir_watch_setup *setup);

struct weir_watch_engine;

/* `store` is weir.db, borrowed: what is said goes there. */
WEIR_MUST_USE weir_status weir__watch_engine_open(
    const struct weir_watch_setup *setup, struct weir_store *store,
    struct weir_watch_engine **engine_out, struct weir_error *err);
void weir__watch_engine_close(struct weir_watch_engine *engine);
/* Lines and such, from now on. What decides of the state (reference_calls,
 * bin_us) stays what it was. */
void weir__watch_engine_renew(struct weir_watch_engine *engine,
                              const struct weir_watch_setup *setup);

WEIR_MUST_USE weir_status weir__watch_engine_take(
    struct weir_watch_engine *engine, const struct weir_watch_told *told,
    const struct weir_watch_features *features, struct weir_error *err);

/* What a person decided about a subject's reference. */
enum weir_watch_deed {
    WEIR_WATCH_DEED_NONE = 0,
    WEIR_WATCH_DEED_ACCEPT = 1, /* the calls so far are what it is like */
    WEIR_WATCH_DEED_RENEW = 2   /* the next calls are; the old one stays until
                                   then */
};
WEIR_MUST_USE weir_status weir__watch_engine_deed(
    struct weir_watch_engine *engine, weir_time when, uint64_t position,
    enum weir_watch_deed deed, uint32_t kind, uint64_t digest, weir_span actor,
    struct weir_error *err);

/* Nothing came for a while: counts what is older than the order allows. */
WEIR_MUST_USE weir_status weir__watch_engine_idle(
    struct weir_watch_engine *engine, weir_time now, struct weir_error *err);
/* Writes what was said into weir.db; *rows_out verdicts were new. */
WEIR_MUST_USE weir_status
weir__watch_engine_flush(struct weir_watch_engine *engine, uint32_t *rows_out,
                         struct weir_error *err);
/* Flushes, then makes the state safe: everything before this place of the
 * journal is in it. */
WEIR_MUST_USE weir_status weir__watch_engine_checkpoint(
    struct weir_watch_engine *engine, uint64_t segment, uint64_t offset,
    struct weir_error *err);
/* Too much is in memory: time for a checkpoint. */
bool weir__watch_engine_is_full(const struct weir_watch_engine *engine);
/* Where to read on. */
void weir__watch_engine_place(const struct weir_watch_engine *engine,
                              uint64_t *segment_out, uint64_t *offset_out);

struct weir_watch_figures {
    uint64_t calls;    /* counted */
    uint64_t again;    /* came a second time */
    uint64_t late;     /* came after their turn */
    uint64_t waiting;  /* for their turn */
    uint64_t verdicts; /* new ones */
    uint64_t subjects; /* on disk */
    uint64_t evicted;
    uint64_t in_memory;
    uint64_t references; /* frozen */
    weir_time counted_up_to;
};
void weir__watch_engine_figures(const struct weir_watch_engine *engine,
                                struct weir_watch_figures *figures_out);

/* The store of pools, for reading between two calls. */
struct weir_store *weir__watch_engine_pools(struct weir_watch_engine *engine);

/* -------------------------------------------------------------- notes */

/* How a subject comes to its reference. Numbers are permanent. */
enum weir_watch_learning {
    WEIR_WATCH_LEARNING = 0, /* its first calls */
    WEIR_WATCH_LEARNT = 1,   /* frozen */
    WEIR_WATCH_WAITS = 2,    /* its first calls raised something: a person
                                has to accept them */
    WEIR_WATCH_RENEWS = 3    /* frozen, and the next calls will replace it */
};

/* What the engine keeps in a pool's notes; plain memory. */
struct weir_watch_notes {
    struct weir_request_id shown[WEIR_WATCH_EVIDENCE];
    uint32_t shown_count;
    uint32_t fired; /* of the last row */
    uint8_t action; /* of the last row */
    uint8_t lower;  /* looks in a row that said less */
    uint8_t is_loud;
    uint8_t learning; /* enum weir_watch_learning */
    uint32_t learnt;  /* calls of the reference */
    uint64_t said_at; /* calls in all, at the last row */
    float score;      /* of the last look */
    float plain_score;
    char actor[40];        /* who asked to renew it */
    uint32_t shared_by;    /* exchanges whose indicators calls matched */
    uint32_t shared_kinds; /* bit per enum weir_indicator_kind */
    uint32_t steady;       /* looks since what is said changed */
    uint32_t untold;       /* looks since the last row */
};
_Static_assert(sizeof(struct weir_watch_notes) <= WEIR_WATCH_NOTES_BYTES,
               "fits into a pool");

static inline const struct weir_watch_notes *
weir__watch_notes(const struct weir_watch_pool *pool)
{
    return weir_watch_pool_notes_in(pool);
}

/* JSON of a verdict's detail: signals and calls that show them. `peers` NULL:
 * not whose indicators matched. */
struct weir_watch_peers {
    weir_watch_peer_name *name; /* NULL: by their numbers */
    void *context;
    weir_time when;
};
void weir__watch_put_detail(const struct weir_watch_verdict *verdict,
                            const struct weir_watch_lines *lines,
                            const struct weir_watch_notes *notes,
                            const struct weir_watch_peers *peers,
                            const char *calibration, struct weir_buf *out);

#endif
