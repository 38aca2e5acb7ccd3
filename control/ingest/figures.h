/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/ingest/figures.h - what ingest counts for /metrics.
 *
 * Counted since the process started; Prometheus handles the restart. Series
 * are by (tenant, model, result); past WEIR_FIGURES_SERIES_MAX new ones are
 * counted under the names "other".
 *
 * Threads: any; one lock inside. Memory: its own.
 */
#ifndef WEIR_FIGURES_H
#define WEIR_FIGURES_H

#include <pthread.h>

#include <weir/record.h>

#define WEIR_FIGURES_SERIES_MAX 2000
#define WEIR_FIGURES_BUCKETS    14

/* Upper bounds in microseconds; the last bucket has none. */
extern const uint64_t weir_figures_bounds_us[WEIR_FIGURES_BUCKETS - 1];

struct weir_series {
    char tenant[64];
    char model[64];
    char result[24]; /* ending or reason */
    uint64_t calls;
    uint64_t input_tokens;
    uint64_t cached_tokens;
    uint64_t output_tokens;
    uint64_t reasoning_tokens;
    int64_t cost_micros;
    char currency[8];
};

struct weir_histogram {
    uint64_t counts[WEIR_FIGURES_BUCKETS];
    uint64_t sum_us;
    uint64_t count;
};

/* Ways to origins that were closed: deployment and reason. */
#define WEIR_FIGURES_WAYS_MAX 256

struct weir_closed_way {
    char deployment[129];
    char reason[96];
    uint64_t calls;
};

#define WEIR_FIGURES_CLASSIFIERS 64

/* What a classifier over HTTP was asked about one direction of calls. */
struct weir_classifier_figures {
    char name[64];
    uint32_t direction; /* WEIR_IMAGE_REQUESTS or WEIR_IMAGE_REPLIES */
    uint64_t asks;
    uint64_t failed;               /* of them */
    uint64_t verdicts[5];          /* calls, by enum weir_opinion */
    uint64_t unheard[12];          /* calls, by why the last ask failed */
    uint64_t open;                 /* calls that went on without a verdict */
    uint64_t closed;               /* calls that ended for want of one */
    struct weir_histogram seconds; /* the longest ask of a call */
};

struct weir_figures {
    pthread_mutex_t lock;
    struct weir_series *series;
    uint32_t count;
    uint32_t capacity;
    struct weir_histogram total;
    struct weir_histogram first_byte;
    uint64_t place_unknown[WEIR_UNKNOWNS]; /* calls, by enum weir_unknown */
    uint64_t network_unknown[WEIR_UNKNOWNS];
    struct weir_closed_way *ways; /* NULL: none yet */
    uint32_t way_count;
    struct weir_classifier_figures *classifiers;
    uint32_t classifier_count;
    uint64_t records;
    uint64_t again; /* read before: counted once */
    uint64_t unreadable;
    uint64_t damages;
    uint64_t gaps;
    uint64_t lost;
    uint64_t batches;
    uint64_t failures;
    weir_time read_up_to; /* time of the last record */
};

void weir_figures_init(struct weir_figures *figures);
void weir_figures_fini(struct weir_figures *figures);
void weir_figures_outcome(struct weir_figures *figures, weir_span tenant,
                          const struct weir_record_outcome *outcome);
void weir_figures_refusal(struct weir_figures *figures,
                          const struct weir_record_refusal *refusal);
void weir_figures_observe(struct weir_histogram *histogram, uint64_t us);
/* Of an outcome or a refusal; `is_closed`: the client got nothing. The lock
 * is held. */
void weir_figures_opinions(struct weir_figures *figures,
                           const struct weir_record_opinion *opinions,
                           uint32_t count, bool is_closed);
/* Of an intent or a refusal. */
void weir_figures_signals(struct weir_figures *figures,
                          const struct weir_signal_facts *signals);

#endif
