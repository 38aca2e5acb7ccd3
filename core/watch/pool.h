/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies in a pool and in a reference. Plain memory: every field has a
 * fixed width, nothing points anywhere. Little-endian on disk, as the image.
 */
#ifndef WEIR_WATCH_POOL_H
#define WEIR_WATCH_POOL_H

#include <weir/watch_score.h>

#define POOL_MAGIC      UINT32_C(0x57500002) /* the low half: its version */
#define REFERENCE_MAGIC UINT32_C(0x57520001)

#define CENTROIDS       13
#define STEPS           6 /* thresholds of h: 2.5, 3, 3.5, 4, 4.5, 5 */
#define CUES            6
#define SIZES           16 /* log2 of prompt bytes */
#define SHAPES          12 /* of a reply: log2 of bytes per prompt byte, moved */
#define SETTINGS        16 /* of parameters */
#define LANGUAGES       12

_Static_assert(LANGUAGES == WEIR_WATCH_LANGUAGES, "one count each");

/* Counts over the calls a reference was learnt from. */
struct watch_reference {
    uint32_t magic;
    uint32_t calls;
    uint32_t centroids;
    uint32_t checksum; /* CRC-32C of what follows */
    float scale[CENTROIDS];
    int16_t line[CENTROIDS]; /* similarity, 1/16384 */
    uint16_t count[CENTROIDS];
    uint16_t foreign[CENTROIDS];
    uint16_t form[STEPS][CENTROIDS];
    uint16_t drip[CENTROIDS]; /* foreign, and h of DRIP_STEP without cues */
    uint16_t both[STEPS];     /* foreign, and h without cues */
    uint16_t cues[CUES];
    uint16_t sizes[SIZES];
    uint16_t shapes[SHAPES];
    uint16_t settings[SETTINGS];
    uint16_t languages[LANGUAGES];
    uint16_t shaped; /* calls with a reply */
    int8_t mean[WEIR_WATCH_SKETCH];
    int8_t centroid[CENTROIDS][WEIR_WATCH_SKETCH];
};
_Static_assert(sizeof(struct watch_reference) <= WEIR_WATCH_REFERENCE_BYTES,
               "fits into its public size");

/* Fifty calls. */
struct watch_bucket {
    uint8_t calls;
    uint8_t foreign;
    uint8_t form[STEPS];
    uint8_t both[STEPS]; /* foreign, and h without cues */
    uint8_t cues[CUES];
    uint8_t at[CENTROIDS]; /* calls at home there */
    uint8_t sizes;         /* of a size the reference hardly has */
    uint8_t shapes;        /* the same of the reply's shape */
    uint8_t shaped;        /* calls with a reply */
    uint8_t settings;      /* of the parameters */
    uint8_t languages;
    uint8_t pressed; /* at 95 % of a quota or more */
    uint8_t metered; /* calls that know their quota */
    uint8_t repeats; /* seen before */
    uint8_t fresh;   /* to a model under a day old */
    uint8_t shared;  /* that matched an indicator of others */
    uint8_t judged;  /* that a classifier found something in */
};
#define BUCKETS (WEIR_WATCH_WIDE / WEIR_WATCH_BUCKET)

/* Calls that share a key; counts are halved every WEIR_WATCH_WINDOW calls. */
struct watch_heavy {
    uint32_t key; /* 0: free */
    uint16_t count;
    uint16_t cues[CUES - 1]; /* without ROLE */
};
#define KEYS  3 /* head, last words, system prompt */
#define HEAVY 6

/* The last calls of a pool without reference: head, and 16 form bits. */
struct watch_recent {
    uint16_t head;
    uint16_t bits;
};

struct watch_timing {
    int64_t last_ms;
    uint32_t gaps; /* counted */
    float log_sum; /* of log gap */
    float log_squares;
    uint16_t hours[24]; /* calls by hour of day, halved when one is full */
};

struct watch_pool {
    uint32_t magic;
    uint32_t has_reference;
    uint64_t position;
    uint64_t calls; /* since the last reference */
    uint64_t total;
    int64_t first_ms;
    float drip; /* CUSUM */
    float drip_peak;
    float drift;         /* of the reference from the one before */
    uint32_t drip_since; /* calls since it was zero */
    uint32_t heavy_calls;
    struct watch_timing timing;
    struct watch_heavy heavy[KEYS][HEAVY];
    struct watch_bucket buckets[BUCKETS];
};

/* Live state; then a reference, or the last calls while there is none; then
 * tags of calls seen before. */
#define SEEN       100
#define SEEN_BYTES (SEEN * sizeof(uint16_t))
#define LIVE_BYTES                                                             \
    (WEIR_WATCH_POOL_BYTES - WEIR_WATCH_REFERENCE_BYTES - SEEN_BYTES)
_Static_assert(sizeof(struct watch_pool) + WEIR_WATCH_NOTES_BYTES <= LIVE_BYTES,
               "fits before it, with the caller's notes at the end");
_Static_assert(LIVE_BYTES % 8 == 0 && WEIR_WATCH_REFERENCE_BYTES % 8 == 0,
               "aligned");
#define RECENT (WEIR_WATCH_REFERENCE_BYTES / sizeof(struct watch_recent))
_Static_assert(RECENT >= WEIR_WATCH_WIDE, "a wide window");

static inline struct watch_pool *
pool_of(struct weir_watch_pool *pool)
{
    return (struct watch_pool *)(void *)pool->opaque;
}

static inline const struct watch_pool *
pool_in(const struct weir_watch_pool *pool)
{
    return (const struct watch_pool *)(const void *)pool->opaque;
}

static inline struct watch_recent *
recent_of(struct weir_watch_pool *pool)
{
    return (struct watch_recent *)(void *)(pool->opaque + LIVE_BYTES / 8);
}

static inline const struct watch_recent *
recent_in(const struct weir_watch_pool *pool)
{
    return (const struct watch_recent *)(const void *)(pool->opaque +
                                                       LIVE_BYTES / 8);
}

static inline struct watch_reference *
reference_of(struct weir_watch_pool *pool)
{
    return (struct watch_reference *)(void *)(pool->opaque + LIVE_BYTES / 8);
}

static inline const struct watch_reference *
reference_in(const struct weir_watch_pool *pool)
{
    return (const struct watch_reference *)(const void *)(pool->opaque +
                                                          LIVE_BYTES / 8);
}

static inline uint16_t *
seen_of(struct weir_watch_pool *pool)
{
    return (uint16_t *)(void *)(pool->opaque +
                                (LIVE_BYTES + WEIR_WATCH_REFERENCE_BYTES) / 8);
}

#define DRIP_STEP 1 /* h >= 3 */

/* Steps of h that a call reaches: 0 to STEPS. */
static inline uint32_t
steps_of(int16_t form)
{
    return form < 250 ? 0 : form >= 500 ? STEPS : (uint32_t)(form - 200) / 50;
}

/* Classes of what a reference counts besides. */
uint32_t weir__watch_size(const struct weir_watch_features *features);
uint32_t weir__watch_shape(const struct weir_watch_features *features);
uint32_t weir__watch_setting(const struct weir_watch_features *features);

/* Foreign by what the sketch does not show: a size the reference lacks. */
bool weir__watch_is_odd(const struct watch_reference *reference,
                        const struct weir_watch_features *features);
uint64_t weir__watch_identity(const struct weir_watch_features *features);

/* Share of the reference's calls below which a class is hardly there. */
#define RARE_PER_MILLE 5
bool weir__watch_is_rare(const uint16_t *counts, uint32_t classes,
                         uint32_t which, uint32_t calls);

/* -log10 P(X >= x), X beta-binomial of n trials with this mean and variance
 * (in calls; the variance is at least the binomial one). */
double weir__watch_tail(double x, double n, double mean, double variance);
/* The same after seeing k of m: bb(x, n, k, m). */
double weir__watch_surprise(double x, double n, double k, double m);

#endif
