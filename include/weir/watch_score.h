/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/watch_score.h - many calls of one pool: windows, reference, signals.
 *
 * A pool is a key, project, tenant, owner group, end customer or cluster;
 * the code is the same. Its whole state is WEIR_WATCH_POOL_BYTES of plain
 * memory without pointers: store it as it is, map it, copy it. It follows
 * from the calls and their order alone, so reading the journal again gives
 * the same bytes.
 *
 * The clock is the records' own. Counting goes by position, a number that
 * grows with each record of the journal: a record at or before the pool's
 * position was counted already and changes nothing. Times may jump.
 *
 * Threads: one owner per state; references are read by any.
 * Memory: the caller's; only weir_watch_learn() uses its arena.
 */
#ifndef WEIR_WATCH_SCORE_H
#define WEIR_WATCH_SCORE_H

#include <weir/watch.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All of a pool: windows, and its frozen reference once it has one. */
#define WEIR_WATCH_POOL_BYTES      4096
#define WEIR_WATCH_REFERENCE_BYTES 2488

#define WEIR_WATCH_BUCKET          50 /* calls; windows are whole buckets */
#define WEIR_WATCH_EARLY           100
#define WEIR_WATCH_WINDOW          300
#define WEIR_WATCH_WIDE            600

/* Calls a reference is learnt from. Fewer are refused with ELIMIT. */
#define WEIR_WATCH_LEARN_MIN 50
#define WEIR_WATCH_LEARN_MAX 4096

/* Numbers are permanent: cases and reports store them. */
enum weir_watch_signal {
    WEIR_WATCH_DEPARTURE = 0, /* foreign and form-like on the same call */
    WEIR_WATCH_FORM = 1,      /* form-like calls against the reference */
    WEIR_WATCH_FOREIGN = 2,   /* calls unlike the reference */
    WEIR_WATCH_SHARE = 3,     /* share of form-like calls, no reference */
    WEIR_WATCH_SCAFFOLD = 4,  /* constant text that carries cues */
    WEIR_WATCH_DRIP = 5,      /* slow and steady: CUSUM */
    WEIR_WATCH_CUE = 6,       /* a class of cues the reference lacks */
    WEIR_WATCH_SHAPE = 7,     /* lengths and output per input */
    WEIR_WATCH_PARAMS = 8,    /* temperature, n, logprobs, max_tokens */
    WEIR_WATCH_SWEEP = 9,     /* languages the reference lacks */
    WEIR_WATCH_TIMING = 10,   /* machine-like rhythm, round the clock */
    WEIR_WATCH_RELEASE = 11,  /* moved to a model just released */
    WEIR_WATCH_QUOTA = 12,    /* pressed against its quota */
    WEIR_WATCH_REPEATS = 13,  /* the same calls again: a test suite */
    WEIR_WATCH_DRIFT = 14,    /* reference far from an older one */
    WEIR_WATCH_PEERS = 15,    /* what other operators have shared */
    WEIR_WATCH_JUDGED = 16,   /* classifiers found something */
    WEIR_WATCH_SIGNALS
};

/* Signals of one kind read the same bits and count as one; so do scaffold
 * and shared, both about constant text. */
enum weir_watch_kind {
    WEIR_WATCH_KIND_CONTENT = 0,
    WEIR_WATCH_KIND_SCAFFOLD = 1,
    WEIR_WATCH_KIND_SHAPE = 2,
    WEIR_WATCH_KIND_PARAMS = 3,
    WEIR_WATCH_KIND_LANGUAGE = 4,
    WEIR_WATCH_KIND_TIMING = 5,
    WEIR_WATCH_KIND_RELEASE = 6,
    WEIR_WATCH_KIND_QUOTA = 7,
    WEIR_WATCH_KIND_NONE = 8, /* explains; never a reason to act */
    WEIR_WATCH_KIND_SHARED = 9,
    WEIR_WATCH_KIND_JUDGED = 10 /* other abuse, by classifiers */
};

/* Numbers are permanent; the greater is stricter. */
enum weir_watch_action {
    WEIR_WATCH_NOTHING = 0,
    WEIR_WATCH_OBSERVE = 1,
    WEIR_WATCH_SLOW = 2,
    WEIR_WATCH_STRIP = 3,
    WEIR_WATCH_HOLD = 4,
    WEIR_WATCH_SUSPEND = 5 /* only a person chooses it */
};

struct weir_watch_signal_info {
    const char *name; /* "departure" */
    enum weir_watch_kind kind;
    const char *meaning; /* one sentence for a reviewer */
    const char *benign;  /* what would explain it, and the check that tells */
};
/* NULL behind the last. */
const struct weir_watch_signal_info *weir_watch_signal_info(uint32_t signal);
const char *weir_watch_action_name(enum weir_watch_action action);

/* --------------------------------------------------------- reference */

/* Frozen; WEIR_WATCH_REFERENCE_BYTES of plain memory. */
struct weir_watch_reference {
    uint64_t opaque[WEIR_WATCH_REFERENCE_BYTES / 8];
};

/*
 * Learns from the first calls of an accepted account; repeated calls count
 * once. Needs about 200 bytes of arena per call. ELIMIT: fewer than
 * WEIR_WATCH_LEARN_MIN different calls, or more than WEIR_WATCH_LEARN_MAX.
 */
WEIR_MUST_USE weir_status weir_watch_learn(
    const struct weir_watch_features *calls, size_t count,
    struct weir_arena *arena, struct weir_watch_reference *reference_out,
    struct weir_error *err);
/* EVERSION, ECORRUPT: not a reference of this build. */
WEIR_MUST_USE weir_status weir_watch_reference_check(
    const struct weir_watch_reference *reference, struct weir_error *err);
/* 1 - similarity of the mean sketches, 0 to 2: shown as drift between an
 * old reference and a new one. */
double weir_watch_reference_distance(const struct weir_watch_reference *a,
                                     const struct weir_watch_reference *b);

/* What the reference says of one call. */
struct weir_watch_match {
    uint32_t centroid; /* nearest */
    bool is_foreign;   /* less like it than 92 % of the accepted calls */
    float similarity;
};
void weir_watch_match(const struct weir_watch_reference *reference,
                      const struct weir_watch_features *features,
                      struct weir_watch_match *match_out);

/* -------------------------------------------------------------- pool */

struct weir_watch_pool {
    uint64_t opaque[WEIR_WATCH_POOL_BYTES / 8];
};

/* Bytes of a pool that are its owner's: zero at first, kept when a reference
 * is accepted, not looked at. Aligned for 64 bits. */
#define WEIR_WATCH_NOTES_BYTES 256
void *weir_watch_pool_notes(struct weir_watch_pool *pool);
const void *weir_watch_pool_notes_in(const struct weir_watch_pool *pool);

void weir_watch_pool_init(struct weir_watch_pool *pool);
/* EVERSION, ECORRUPT: not a pool of this build. */
WEIR_MUST_USE weir_status weir_watch_pool_check(
    const struct weir_watch_pool *pool, struct weir_error *err);

/* What a call is beside its features; digests, 0: unknown. */
struct weir_watch_at {
    uint64_t position; /* grows with each record; from 1 */
    weir_time when;
    uint64_t model;
    weir_time released; /* of the model, 0: unknown */
    bool is_shared;     /* it matched an indicator that others shared */
    bool is_judged;     /* a classifier flagged it, or would block it */
};

/* Counts one call. False: the position was counted already, nothing
 * changed. */
bool weir_watch_pool_add(struct weir_watch_pool *pool,
                         const struct weir_watch_features *features,
                         const struct weir_watch_at *at);

/* Calls of the last WEIR_WATCH_EARLY that matched a shared indicator. */
uint32_t weir_watch_pool_shared(const struct weir_watch_pool *pool);

/* Takes a reference (copied), or NULL for none, and empties windows and
 * CUSUM; the position stays. A person or purpose record has accepted the
 * calls it was learnt from. The distance to the old one stays as the DRIFT
 * signal. */
void weir_watch_pool_accept(struct weir_watch_pool *pool,
                            const struct weir_watch_reference *reference);
/* Borrowed from the pool; NULL: none yet. */
const struct weir_watch_reference *
weir_watch_pool_reference(const struct weir_watch_pool *pool);

uint64_t weir_watch_pool_position(const struct weir_watch_pool *pool);
/* Since the last reference. */
uint64_t weir_watch_pool_calls(const struct weir_watch_pool *pool);
/* All calls counted, those before its reference too. */
uint64_t weir_watch_pool_total(const struct weir_watch_pool *pool);
/* A window of `calls` ends at this call (every half window); false before
 * the first is full. */
bool weir_watch_pool_is_due(const struct weir_watch_pool *pool, uint32_t calls);

/* ------------------------------------------------------------- score */

/* Lines of one width of window, over which a signal fires. Made by
 * calibration; the defaults are those of docs/measured/watch.md. */
struct weir_watch_lines {
    float line[WEIR_WATCH_SIGNALS];
    float score;  /* a case for a person */
    float strong; /* the line at a tenth of its false positives */
};
const struct weir_watch_lines *weir_watch_lines_default(uint32_t calls,
                                                        bool has_reference);

/* How many calls were seen and how many expected. */
struct weir_watch_figure {
    float value;    /* statistic, in its own unit; 0: nothing to say */
    float seen;     /* calls */
    float expected; /* calls, by the reference */
};

struct weir_watch_verdict {
    uint32_t calls; /* in the window */
    bool has_reference;
    float score;       /* 1: at the line of a case; ranks all accounts */
    float plain_score; /* the same without cue bits */
    uint32_t fired;    /* bit per signal over its line */
    uint32_t kinds;    /* how many different kinds fired */
    enum weir_watch_action action; /* recommended; observe needs no second */
    struct weir_watch_figure figures[WEIR_WATCH_SIGNALS];
    uint64_t scaffold; /* digest of the constant text, 0: none */
    uint32_t cues;     /* low bits of `bits`: cue classes that stand out */
};

/* The last `calls` calls (rounded down to whole buckets, the open one
 * included), all where fewer are held. `lines` NULL: the defaults. */
void weir_watch_score(const struct weir_watch_pool *pool, uint32_t calls,
                      const struct weir_watch_lines *lines,
                      struct weir_watch_verdict *verdict_out);

#ifdef __cplusplus
}
#endif
#endif
