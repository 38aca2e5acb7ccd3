/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frozen reference: what an account's accepted calls look like.
 *
 * Spherical k-means over sketches, from a fixed start, gives a handful of
 * centroids. A call is foreign if it is less like its nearest centroid than
 * most accepted calls were: the line is the 8 % quantile of that centroid's
 * own calls, shrunk towards the quantile of all where it has few.
 *
 * WHY LEAVE-ONE-OUT. A call is closer to a centroid that it helped to make
 * than a new one will be. Holding a third of the calls back cures that, and
 * leaves every rate to be estimated from a third. Here each call is compared
 * with its centroid as it would be without it, so all calls count.
 *
 * WHY COUNTS PER CENTROID. A tenant's mix of work wanders from day to day.
 * What is expected of a window is added up from the centroids its calls lie
 * at, so that more support requests than usual are no surprise, and the same
 * number of calls unlike anything is.
 *
 * Repeated calls count once: they would make lines look surer than they are.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pool.h"

#define ROUNDS        12
#define WEIGHT_TOPIC  0.7745966692414834F /* sqrt 0.6 */
#define WEIGHT_FORM   0.6324555320336759F /* sqrt 0.4 */
#define SHRINK        10.0
#define SIMILAR_SCALE 16384.0F
#define QUANTILE      0.08

struct learner {
    const struct weir_watch_features *calls;
    uint32_t *rows; /* of different calls */
    uint8_t *at;    /* centroid of each row */
    float *similar; /* to it, left out itself */
    float *sorted;
    uint32_t count;
    uint32_t centroids;
    float sums[CENTROIDS][WEIR_WATCH_SKETCH];
    float norms[CENTROIDS];
};

static inline float
weight_of(size_t i)
{
    return i < WEIR_WATCH_TOPIC ? WEIGHT_TOPIC : WEIGHT_FORM;
}

static const int8_t *
sketch_of(const struct learner *l, uint32_t row)
{
    return l->calls[l->rows[row]].sketch;
}

static float
float_dot(const int8_t *sketch, const float *sum)
{
    float dot = 0;
    for (size_t i = 0; i < WEIR_WATCH_SKETCH; i++)
        dot += sketch[i] * weight_of(i) * sum[i];
    return dot / 127.0F;
}

static void
add_to(float *sum, const int8_t *sketch)
{
    for (size_t i = 0; i < WEIR_WATCH_SKETCH; i++)
        sum[i] += sketch[i] * weight_of(i) / 127.0F;
}

static float
norm_of(const float *sum)
{
    float squares = 0;
    for (size_t i = 0; i < WEIR_WATCH_SKETCH; i++)
        squares += sum[i] * sum[i];
    return sqrtf(squares);
}

/* ------------------------------------------------------------ k-means */

/* Left out itself where it is of this centroid. */
static float
similarity(const struct learner *l, uint32_t row, uint32_t c, bool leaves)
{
    float dot = float_dot(sketch_of(l, row), l->sums[c]);
    float norm = l->norms[c];
    if (leaves) {
        float squares = norm * norm - 2 * dot + 1;
        norm = squares > 1e-6F ? sqrtf(squares) : 0;
        dot -= 1;
    }
    return norm > 0 ? dot / norm : 0;
}

static void
assign(struct learner *l, bool leaves)
{
    for (uint32_t row = 0; row < l->count; row++) {
        float best = -2;
        uint32_t centroid = 0;
        for (uint32_t c = 0; c < l->centroids; c++) {
            float s = similarity(l, row, c, leaves && l->at[row] == c);
            if (s > best) {
                best = s;
                centroid = c;
            }
        }
        l->similar[row] = best;
        if (!leaves)
            l->at[row] = (uint8_t)centroid;
    }
}

static void
recompute(struct learner *l)
{
    memset(l->sums, 0, sizeof(l->sums));
    for (uint32_t row = 0; row < l->count; row++)
        add_to(l->sums[l->at[row]], sketch_of(l, row));
    for (uint32_t c = 0; c < l->centroids; c++)
        l->norms[c] = norm_of(l->sums[c]);
}

/* Starts at calls spread over what is unlike: each next centre is drawn with
 * a chance that grows with its distance, from a fixed seed. */
static void
choose_starts(struct learner *l)
{
    uint64_t seed = 1;
    memset(l->sums, 0, sizeof(l->sums));
    for (uint32_t row = 0; row < l->count; row++)
        l->similar[row] = -1;
    uint32_t chosen = l->count / 2;
    for (uint32_t c = 0; c < l->centroids; c++) {
        add_to(l->sums[c], sketch_of(l, chosen));
        l->norms[c] = norm_of(l->sums[c]);
        double total = 0;
        for (uint32_t row = 0; row < l->count; row++) {
            float s = similarity(l, row, c, false);
            if (s > l->similar[row])
                l->similar[row] = s;
            total += 1 - l->similar[row];
        }
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        double left = total * (double)(seed >> 11) / 9007199254740992.0;
        for (chosen = 0; chosen + 1 < l->count; chosen++) {
            left -= 1 - l->similar[chosen];
            if (left <= 0)
                break;
        }
    }
}

/* ------------------------------------------------------------- counts */

static int
compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

static double
quantile(float *values, uint32_t count, double share)
{
    qsort(values, count, sizeof(*values), compare_floats);
    return values[(uint32_t)(share * count)];
}

static int16_t
pack_line(double line)
{
    return (int16_t)lrint((line < -1  ? -1
                           : line > 1 ? 1
                                      : line) *
                          (double)SIMILAR_SCALE);
}

static void
put_lines(struct learner *l, struct watch_reference *out)
{
    memcpy(l->sorted, l->similar, l->count * sizeof(*l->sorted));
    double all = quantile(l->sorted, l->count, QUANTILE);
    for (uint32_t c = 0; c < l->centroids; c++) {
        uint32_t count = 0;
        for (uint32_t row = 0; row < l->count; row++)
            if (l->at[row] == c)
                l->sorted[count++] = l->similar[row];
        double own = count > 0 ? quantile(l->sorted, count, QUANTILE) : all;
        out->line[c] =
            pack_line((count * own + SHRINK * all) / (count + SHRINK));
    }
}

static void
put_centroids(const struct learner *l, struct watch_reference *out)
{
    float mean[WEIR_WATCH_SKETCH] = {0};
    for (uint32_t c = 0; c < l->centroids; c++) {
        float most = 1e-9F;
        for (size_t i = 0; i < WEIR_WATCH_SKETCH; i++) {
            float v = fabsf(l->sums[c][i] * weight_of(i));
            most = v > most ? v : most;
            mean[i] += l->sums[c][i];
        }
        for (size_t i = 0; i < WEIR_WATCH_SKETCH; i++)
            out->centroid[c][i] =
                (int8_t)lrintf(l->sums[c][i] * weight_of(i) * 127.0F / most);
        float norm = l->norms[c] > 0 ? l->norms[c] : 1;
        out->scale[c] = most / (127.0F * 127.0F * norm);
    }
    float norm = norm_of(mean);
    for (size_t i = 0; i < WEIR_WATCH_SKETCH && norm > 0; i++)
        out->mean[i] = (int8_t)lrintf(mean[i] / norm * 127.0F);
}

/* What is rare in the account, before anything is called foreign by it. */
static void
count_classes(const struct weir_watch_features *call,
              struct watch_reference *out)
{
    for (uint32_t cue = 0; cue < CUES; cue++)
        out->cues[cue] += call->bits >> (WEIR_WATCH_COT + cue) & 1;
    out->sizes[weir__watch_size(call)]++;
    out->settings[weir__watch_setting(call)]++;
    out->languages[call->language]++;
    if (call->bits & WEIR_WATCH_BIT(REPLIED)) {
        out->shaped++;
        out->shapes[weir__watch_shape(call)]++;
    }
}

static void
count_call(const struct weir_watch_features *call, uint32_t c, bool is_foreign,
           struct watch_reference *out)
{
    uint32_t steps = steps_of(call->form);
    uint32_t plain = steps_of(call->plain_form);
    out->count[c]++;
    for (uint32_t step = 0; step < steps; step++)
        out->form[step][c]++;
    if (!is_foreign)
        return;
    out->foreign[c]++;
    for (uint32_t step = 0; step < plain; step++)
        out->both[step]++;
    if (plain > DRIP_STEP)
        out->drip[c]++;
}

/* --------------------------------------------------------------- learn */

uint64_t
weir__watch_identity(const struct weir_watch_features *call)
{
    uint64_t h = call->frame ^ call->first_words * 3 ^ call->last_words * 5;
    for (size_t i = 0; i < WEIR_WATCH_BINS; i++)
        h = (h ^ call->minhash[i]) * UINT64_C(0x9E3779B97F4A7C15);
    return h | 1;
}

/* Fills rows with the first of each kind of call; SIZE_MAX: no memory. */
static uint32_t
distinct(const struct weir_watch_features *calls, size_t count,
         struct weir_arena *arena, uint32_t *rows)
{
    size_t slots = 16;
    uint32_t kept = 0;
    while (slots < 2 * count)
        slots *= 2;
    uint64_t *seen = weir_arena_array(arena, uint64_t, slots);
    if (seen == NULL)
        return UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        uint64_t id = weir__watch_identity(&calls[i]);
        size_t at = (size_t)(id >> 20) & (slots - 1);
        while (seen[at] != 0 && seen[at] != id)
            at = (at + 1) & (slots - 1);
        if (seen[at] == id)
            continue;
        seen[at] = id;
        rows[kept++] = (uint32_t)i;
    }
    return kept;
}

static void
learn(struct learner *l, struct watch_reference *out)
{
    l->centroids = l->count / 20 < CENTROIDS ? l->count / 20 : CENTROIDS;
    choose_starts(l);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        assign(l, false);
        recompute(l);
    }
    assign(l, true);
    put_lines(l, out);
    put_centroids(l, out);
    out->calls = l->count;
    out->centroids = l->centroids;
    for (uint32_t row = 0; row < l->count; row++)
        count_classes(&l->calls[l->rows[row]], out);
    for (uint32_t row = 0; row < l->count; row++) {
        const struct weir_watch_features *call = &l->calls[l->rows[row]];
        uint32_t c = l->at[row];
        bool is_foreign = l->similar[row] * SIMILAR_SCALE < out->line[c] ||
                          weir__watch_is_odd(out, call);
        count_call(call, c, is_foreign, out);
    }
}

static uint32_t
checksum(const struct watch_reference *reference)
{
    const size_t start = offsetof(struct watch_reference, scale);
    return weir_crc32c(0, (const char *)reference + start,
                       sizeof(*reference) - start);
}

weir_status
weir_watch_learn(const struct weir_watch_features *calls, size_t count,
                 struct weir_arena *arena,
                 struct weir_watch_reference *reference_out,
                 struct weir_error *err)
{
    struct watch_reference *out = (void *)reference_out->opaque;
    if (count > WEIR_WATCH_LEARN_MAX)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "a reference takes at most %d calls",
                         WEIR_WATCH_LEARN_MAX);
    struct learner *l = weir_arena_array(arena, struct learner, 1);
    uint32_t *rows = weir_arena_array(arena, uint32_t, count + 1);
    uint8_t *at = weir_arena_array(arena, uint8_t, count + 1);
    float *similar = weir_arena_array(arena, float, count + 1);
    float *sorted = weir_arena_array(arena, float, count + 1);
    if (arena->overflow)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "no memory to learn a reference");
    *l = (struct learner){.calls = calls,
                          .rows = rows,
                          .at = at,
                          .similar = similar,
                          .sorted = sorted};
    l->count = distinct(calls, count, arena, rows);
    if (l->count == UINT32_MAX)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "no memory to learn a reference");
    if (l->count < WEIR_WATCH_LEARN_MIN)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "a reference needs %d different calls, here are %u",
                         WEIR_WATCH_LEARN_MIN, l->count);
    memset(reference_out, 0, sizeof(*reference_out));
    out->magic = REFERENCE_MAGIC;
    learn(l, out);
    out->checksum = checksum(out);
    return WEIR_OK;
}

weir_status
weir_watch_reference_check(const struct weir_watch_reference *reference,
                           struct weir_error *err)
{
    const struct watch_reference *r = (const void *)reference->opaque;
    if (r->magic != REFERENCE_MAGIC)
        return weir_fail(err, WEIR_EVERSION, WEIR_OFFSET_NONE,
                         "not a watch reference of this version");
    if (r->checksum != checksum(r) || r->centroids > CENTROIDS ||
        r->centroids == 0)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "a watch reference fails its check");
    return WEIR_OK;
}

/* --------------------------------------------------------------- match */

static int32_t
byte_dot(const int8_t *a, const int8_t *b)
{
    int32_t sum = 0;
    for (size_t i = 0; i < WEIR_WATCH_SKETCH; i++)
        sum += a[i] * b[i];
    return sum;
}

bool
weir__watch_is_odd(const struct watch_reference *reference,
                   const struct weir_watch_features *features)
{
    return weir__watch_is_rare(reference->sizes, SIZES,
                               weir__watch_size(features), reference->calls);
}

void
weir_watch_match(const struct weir_watch_reference *reference,
                 const struct weir_watch_features *features,
                 struct weir_watch_match *match_out)
{
    const struct watch_reference *r = (const void *)reference->opaque;
    float best = -2;
    uint32_t centroid = 0;
    for (uint32_t c = 0; c < r->centroids; c++) {
        float s =
            (float)byte_dot(features->sketch, r->centroid[c]) * r->scale[c];
        if (s > best) {
            best = s;
            centroid = c;
        }
    }
    match_out->centroid = centroid;
    match_out->similarity = best;
    match_out->is_foreign = best * SIMILAR_SCALE < r->line[centroid] ||
                            weir__watch_is_odd(r, features);
}

/* --------------------------------------------------------- similarity */

static double
cosine(const int8_t *a, const int8_t *b, size_t count)
{
    int32_t dot = 0;
    int32_t own = 0;
    int32_t other = 0;
    for (size_t i = 0; i < count; i++) {
        dot += a[i] * b[i];
        own += a[i] * a[i];
        other += b[i] * b[i];
    }
    return own == 0 || other == 0 ? 0.0 : dot / sqrt((double)own * other);
}

double
weir_watch_similarity(const int8_t a[WEIR_WATCH_SKETCH],
                      const int8_t b[WEIR_WATCH_SKETCH])
{
    return 0.6 * cosine(a, b, WEIR_WATCH_TOPIC) +
           0.4 * cosine(a + WEIR_WATCH_TOPIC, b + WEIR_WATCH_TOPIC,
                        WEIR_WATCH_SKETCH - WEIR_WATCH_TOPIC);
}

double
weir_watch_reference_distance(const struct weir_watch_reference *a,
                              const struct weir_watch_reference *b)
{
    const struct watch_reference *x = (const void *)a->opaque;
    const struct watch_reference *y = (const void *)b->opaque;
    return 1.0 - cosine(x->mean, y->mean, WEIR_WATCH_SKETCH);
}
