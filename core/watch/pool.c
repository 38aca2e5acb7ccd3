/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool takes one call: four kilobytes of counts, never more.
 *
 *   live state | reference, or the last calls while there is none | tags
 *
 * Windows are made of buckets of fifty calls, twelve of them in a ring, so a
 * window of 100, 300 or 600 calls is a sum of buckets. By calls, not by time:
 * slow accounts would starve in a window of an hour.
 *
 * What depends on order is only the ring and the CUSUM; what depends on time
 * is only the rhythm. A clock that jumps back gives a gap of zero, one that
 * jumps ahead one long gap, and neither moves a window.
 */
#include <math.h>
#include <string.h>

#include "figures.h"
#include "internal.h"
#include "pool.h"

#define PRESSED_PERCENT 95
/* Above the rate of the reference: what a mix of two in a hundred adds. */
#define DRIP_RISE  0.015
#define DRIP_SLACK 0.001
#define DRIP_FULL  40 /* what is over comes down within some windows */
#define FRESH_US   (24 * INT64_C(3600) * WEIR_US_PER_SEC)
#define HOUR_FULL  60000

void
weir_watch_pool_init(struct weir_watch_pool *pool)
{
    memset(pool, 0, sizeof(*pool));
    pool_of(pool)->magic = POOL_MAGIC;
}

weir_status
weir_watch_pool_check(const struct weir_watch_pool *pool,
                      struct weir_error *err)
{
    const struct watch_pool *p = pool_in(pool);
    if (p->magic != POOL_MAGIC)
        return weir_fail(err, WEIR_EVERSION, WEIR_OFFSET_NONE,
                         "not a watch pool of this version");
    if (p->has_reference > 1)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "a watch pool fails its check");
    for (size_t i = 0; i < BUCKETS; i++)
        if (p->buckets[i].calls > WEIR_WATCH_BUCKET)
            return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                             "a bucket of a watch pool is too full");
    if (p->has_reference == 0)
        return WEIR_OK;
    return weir_watch_reference_check(weir_watch_pool_reference(pool), err);
}

const struct weir_watch_reference *
weir_watch_pool_reference(const struct weir_watch_pool *pool)
{
    if (pool_in(pool)->has_reference == 0)
        return NULL;
    return (const void *)(pool->opaque + LIVE_BYTES / 8);
}

void *
weir_watch_pool_notes(struct weir_watch_pool *pool)
{
    return (char *)pool->opaque + LIVE_BYTES - WEIR_WATCH_NOTES_BYTES;
}

const void *
weir_watch_pool_notes_in(const struct weir_watch_pool *pool)
{
    return (const char *)pool->opaque + LIVE_BYTES - WEIR_WATCH_NOTES_BYTES;
}

uint64_t
weir_watch_pool_position(const struct weir_watch_pool *pool)
{
    return pool_in(pool)->position;
}

uint64_t
weir_watch_pool_calls(const struct weir_watch_pool *pool)
{
    return pool_in(pool)->calls;
}

uint64_t
weir_watch_pool_total(const struct weir_watch_pool *pool)
{
    return pool_in(pool)->total;
}

uint32_t
weir_watch_pool_shared(const struct weir_watch_pool *pool)
{
    struct watch_sum sum;
    weir__watch_sum(pool_in(pool), WEIR_WATCH_EARLY, &sum);
    return sum.shared;
}

bool
weir_watch_pool_is_due(const struct weir_watch_pool *pool, uint32_t calls)
{
    uint64_t now = pool_in(pool)->calls;
    uint32_t hop = calls / 2 / WEIR_WATCH_BUCKET * WEIR_WATCH_BUCKET;
    return now >= calls && now % (hop > 0 ? hop : WEIR_WATCH_BUCKET) == 0;
}

void
weir_watch_pool_accept(struct weir_watch_pool *pool,
                       const struct weir_watch_reference *reference)
{
    struct watch_pool *p = pool_of(pool);
    const struct weir_watch_reference *old = weir_watch_pool_reference(pool);
    float drift = 0;
    if (old != NULL && reference != NULL)
        drift = (float)weir_watch_reference_distance(old, reference);
    uint64_t position = p->position;
    uint64_t total = p->total;
    struct watch_timing timing = p->timing;
    char notes[WEIR_WATCH_NOTES_BYTES];
    memcpy(notes, weir_watch_pool_notes(pool), sizeof(notes));
    weir_watch_pool_init(pool);
    memcpy(weir_watch_pool_notes(pool), notes, sizeof(notes));
    p->position = position;
    p->total = total;
    p->timing = timing;
    p->drift = drift;
    if (reference == NULL)
        return;
    p->has_reference = 1;
    memcpy(reference_of(pool), reference, sizeof(*reference));
}

/* ------------------------------------------------------------ classes */

static uint32_t
log2_of(uint64_t value)
{
    return value == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(value);
}

uint32_t
weir__watch_size(const struct weir_watch_features *features)
{
    uint32_t size = log2_of(features->prompt_bytes);
    return size < SIZES ? size : SIZES - 1;
}

/* Reply bytes per prompt byte, in powers of two from 1/32 on. */
uint32_t
weir__watch_shape(const struct weir_watch_features *features)
{
    uint64_t prompt = features->prompt_bytes;
    uint64_t reply = features->reply_bytes;
    if (features->input_tokens > 0 && features->output_tokens > 0) {
        prompt = features->input_tokens;
        reply = features->output_tokens;
    }
    uint32_t shape = log2_of(reply * 32 / (prompt > 0 ? prompt : 1));
    return shape < SHAPES ? shape : SHAPES - 1;
}

/* Temperature in four classes; more than one answer; logprobs. */
uint32_t
weir__watch_setting(const struct weir_watch_features *features)
{
    uint32_t warmth = features->temperature == WEIR_WATCH_ABSENT ? 0
                      : features->temperature < 20               ? 1
                      : features->temperature < 70               ? 2
                                                                 : 3;
    return warmth | (features->n > 1 ? 4u : 0u) |
           (features->logprobs > 0 ? 8u : 0u);
}

bool
weir__watch_is_rare(const uint16_t *counts, uint32_t classes, uint32_t which,
                    uint32_t calls)
{
    WEIR_ASSERT(which < classes);
    return counts[which] * 1000u < RARE_PER_MILLE * calls;
}

/* -------------------------------------------------------------- bucket */

static struct watch_bucket *
open_bucket(struct watch_pool *p)
{
    uint64_t number = p->calls / WEIR_WATCH_BUCKET;
    struct watch_bucket *bucket = &p->buckets[number % BUCKETS];
    if (p->calls % WEIR_WATCH_BUCKET == 0)
        memset(bucket, 0, sizeof(*bucket));
    return bucket;
}

static inline void
count_if(uint8_t *count, bool is_so)
{
    *count = (uint8_t)(*count + is_so);
}

static void
count_rare(struct watch_bucket *bucket, const struct watch_reference *r,
           const struct weir_watch_features *f)
{
    count_if(
        &bucket->sizes,
        weir__watch_is_rare(r->sizes, SIZES, weir__watch_size(f), r->calls));
    count_if(&bucket->settings,
             weir__watch_is_rare(r->settings, SETTINGS, weir__watch_setting(f),
                                 r->calls));
    count_if(&bucket->languages,
             f->language != WEIR_WATCH_LANGUAGE_NONE &&
                 weir__watch_is_rare(r->languages, LANGUAGES, f->language,
                                     r->calls));
    if (f->bits & WEIR_WATCH_BIT(REPLIED))
        count_if(&bucket->shapes,
                 weir__watch_is_rare(r->shapes, SHAPES, weir__watch_shape(f),
                                     r->shaped));
}

static void
count_match(struct watch_bucket *bucket, const struct weir_watch_features *f,
            const struct weir_watch_match *match)
{
    uint32_t plain = steps_of(f->plain_form);
    count_if(&bucket->at[match->centroid], !match->is_foreign);
    count_if(&bucket->foreign, match->is_foreign);
    for (uint32_t i = 0; i < plain; i++)
        count_if(&bucket->both[i], match->is_foreign);
}

static void
count_form(struct watch_bucket *bucket, const struct weir_watch_features *f)
{
    uint32_t steps = steps_of(f->form);
    for (uint32_t i = 0; i < steps; i++)
        bucket->form[i]++;
    for (uint32_t cue = 0; cue < CUES; cue++)
        count_if(&bucket->cues[cue], f->bits >> (WEIR_WATCH_COT + cue) & 1);
    count_if(&bucket->shaped, (f->bits & WEIR_WATCH_BIT(REPLIED)) != 0);
    bool is_metered = f->quota != WEIR_WATCH_ABSENT;
    count_if(&bucket->metered, is_metered);
    count_if(&bucket->pressed, is_metered && f->quota >= PRESSED_PERCENT);
}

/* --------------------------------------------------------------- CUSUM */

static void
count_drip(struct watch_pool *p, const struct watch_reference *r,
           const struct weir_watch_features *f,
           const struct weir_watch_match *match)
{
    double all = 0.5;
    for (uint32_t c = 0; c < r->centroids; c++)
        all += r->drip[c];
    all /= r->calls + 1.0;
    /* The rate of calls like this one, so that a wandering mix is none. */
    double rate = (r->drip[match->centroid] + 25.0 * all) /
                  (r->count[match->centroid] + 25.0);
    /* A rate counted too low adds up over thousands of calls. */
    rate += DRIP_SLACK + sqrt(all / r->calls);
    double raised = rate + DRIP_RISE;
    bool is_hit = match->is_foreign && steps_of(f->plain_form) > DRIP_STEP;
    if (raised > 0.97)
        return;
    p->drip +=
        (float)(is_hit ? log(raised / rate) : log((1 - raised) / (1 - rate)));
    p->drip_since++;
    if (p->drip <= 0) {
        p->drip = 0;
        p->drip_since = 0;
    }
    if (p->drip > DRIP_FULL)
        p->drip = DRIP_FULL;
    if (p->drip > p->drip_peak)
        p->drip_peak = p->drip;
}

/* ---------------------------------------------------------- heavy keys */

static void
note_heavy(struct watch_heavy *rows, uint64_t key, uint64_t bits)
{
    uint32_t tag = (uint32_t)(key >> 32) | 1;
    struct watch_heavy *row = &rows[0];
    if (key == 0)
        return;
    for (uint32_t i = 0; i < HEAVY; i++) {
        if (rows[i].key == tag) {
            row = &rows[i];
            break;
        }
        if (rows[i].count < row->count)
            row = &rows[i];
    }
    if (row->key != tag && row->count > 0) {
        row->count--; /* a stranger wears the weakest down */
        return;
    }
    if (row->key != tag)
        *row = (struct watch_heavy){.key = tag};
    row->count++;
    for (uint32_t cue = 0; cue < CUES - 1; cue++)
        row->cues[cue] += bits >> (WEIR_WATCH_COT + cue) & 1;
}

static void
count_heavy(struct watch_pool *p, const struct weir_watch_features *f)
{
    if (p->heavy_calls >= 2 * WEIR_WATCH_WINDOW) {
        p->heavy_calls /= 2;
        for (uint32_t k = 0; k < KEYS; k++)
            for (uint32_t i = 0; i < HEAVY; i++) {
                p->heavy[k][i].count /= 2;
                for (uint32_t cue = 0; cue < CUES - 1; cue++)
                    p->heavy[k][i].cues[cue] /= 2;
            }
    }
    p->heavy_calls++;
    note_heavy(p->heavy[0], f->head, f->bits);
    note_heavy(p->heavy[1], f->last_words, f->bits);
    note_heavy(p->heavy[2], f->first_words, f->bits);
}

/* -------------------------------------------------------------- rhythm */

static void
count_timing(struct watch_timing *timing, weir_time when)
{
    int64_t ms = when / WEIR_US_PER_MS;
    if (timing->last_ms != 0) {
        int64_t gap = ms - timing->last_ms;
        float log_gap = logf(gap < 1 ? 1.0F : (float)gap);
        timing->gaps++;
        timing->log_sum += log_gap;
        timing->log_squares += log_gap * log_gap;
        if (timing->gaps >= 4096) {
            timing->gaps /= 2;
            timing->log_sum /= 2;
            timing->log_squares /= 2;
        }
    }
    timing->last_ms = ms;
    int64_t hour = ms / 3600000 % 24;
    uint16_t *count = &timing->hours[hour < 0 ? hour + 24 : hour];
    if (++*count >= HOUR_FULL)
        for (uint32_t i = 0; i < 24; i++)
            timing->hours[i] /= 2;
}

/* ----------------------------------------------------------------- add */

static struct watch_recent
recent_row(const struct weir_watch_features *f)
{
    uint64_t bits = f->bits;
    uint64_t low = bits & ((1u << (WEIR_WATCH_ROLE + 1)) - 1);
    return (struct watch_recent){.head = (uint16_t)(f->head >> 40),
                                 .bits = (uint16_t)low};
}

bool
weir_watch_pool_add(struct weir_watch_pool *pool,
                    const struct weir_watch_features *features,
                    const struct weir_watch_at *at)
{
    struct watch_pool *p = pool_of(pool);
    WEIR_ASSERT(p->magic == POOL_MAGIC);
    if (at->position <= p->position)
        return false;
    struct watch_bucket *bucket = open_bucket(p);
    bucket->calls++;
    count_form(bucket, features);
    if (p->has_reference) {
        struct weir_watch_match match;
        const struct watch_reference *reference = reference_in(pool);
        weir_watch_match(weir_watch_pool_reference(pool), features, &match);
        count_match(bucket, features, &match);
        count_rare(bucket, reference, features);
        count_drip(p, reference, features, &match);
    } else {
        recent_of(pool)[p->calls % WEIR_WATCH_WIDE] = recent_row(features);
    }
    uint64_t identity = weir__watch_identity(features);
    uint16_t *seen = &seen_of(pool)[(identity >> 16) % SEEN];
    uint16_t tag = (uint16_t)(identity >> 48) | 1;
    count_if(&bucket->repeats, *seen == tag);
    *seen = tag;
    count_if(&bucket->fresh, at->released != 0 && at->when >= at->released &&
                                 at->when - at->released < FRESH_US);
    count_if(&bucket->shared, at->is_shared);
    count_if(&bucket->judged, at->is_judged);
    count_heavy(p, features);
    count_timing(&p->timing, at->when);
    p->position = at->position;
    p->calls++;
    p->total++;
    return true;
}
