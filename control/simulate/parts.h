/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/simulate/parts.h - what the files of a simulation share.
 *
 * Threads: one. Memory: each part owns what its _fini frees.
 */
#ifndef WEIR_SIMULATE_PARTS_H
#define WEIR_SIMULATE_PARTS_H

#include <weir/replay.h>

#include "control/simulate/simulate.h"

/* --------------------------------------------------------------- classes */

/* What became of a call; those behind EFFECTS_SHOWN are only counted. */
enum weir_effect {
    WEIR_EFFECT_SAME,
    WEIR_EFFECT_CUT_OFF,
    WEIR_EFFECT_HELD,
    WEIR_EFFECT_RESTORED,
    WEIR_EFFECT_MOVED,     /* allowed before and after, elsewhere */
    WEIR_EFFECT_OTHERWISE, /* refused before and after, held or denied */
    WEIR_EFFECTS_SHOWN,
    WEIR_EFFECT_DIFFERENT = WEIR_EFFECTS_SHOWN, /* not as recorded */
    WEIR_EFFECT_NOT_REPEATABLE,
    WEIR_EFFECT_NO_IMAGE,
    WEIR_EFFECT_NOT_POLICY,
    WEIR_EFFECT_PASSED_OVER, /* of another tenant */
    WEIR_EFFECTS
};
const char *weir__effect_name(enum weir_effect effect);

enum weir_dimension {
    WEIR_BY_ORGANISATION,
    WEIR_BY_JURISDICTION,
    WEIR_BY_PROVIDER,
    WEIR_BY_MODEL,
    WEIR_BY_WHY,  /* policy or reason that refuses now (or did) */
    WEIR_BY_FROM, /* first allowed deployment before */
    WEIR_BY_TO,   /* and after */
    WEIR_DIMENSIONS
};

/* Calls that are alike in all that is reported. */
struct weir_class {
    enum weir_effect effect;
    uint32_t names[WEIR_DIMENSIONS];
    uint64_t decisions;
    uint64_t admitted; /* of them: calls, as recorded */
    uint64_t outcomes;
    uint64_t tokens;
    int64_t micros;
};

struct weir_classes {
    struct weir_arena arena;
    weir_span *names; /* interned; names[0] is "" */
    uint32_t name_count;
    uint32_t name_capacity;
    uint32_t *name_slots;
    struct weir_class *rows;
    uint32_t count;
    uint32_t capacity;
    uint32_t *slots;
    bool is_full; /* out of memory: what follows is not to be used */
};
void weir__classes_init(struct weir_classes *classes);
void weir__classes_fini(struct weir_classes *classes);
uint32_t weir__classes_name(struct weir_classes *classes, weir_span text);
/* The class like this one; counters start at 0. */
uint32_t weir__classes_find(struct weir_classes *classes,
                            enum weir_effect effect,
                            const weir_span names[WEIR_DIMENSIONS]);

/* ------------------------------------------------------------------ memo */

/* Everything a decision depends on besides the names of its record. */
struct weir_memo_key {
    uint64_t era;
    uint32_t window;  /* between two dates of policies and keys */
    uint32_t changed; /* the same of the changed image */
    uint32_t reason;
    uint8_t is_refusal;
    uint8_t operation;
    uint8_t is_streamed;
    uint8_t reserved;
};

struct weir_memo {
    struct weir_memo_row *rows;
    uint32_t mask;
    uint32_t count;
    struct weir_arena arena;
};
WEIR_MUST_USE bool weir__memo_init(struct weir_memo *memo);
void weir__memo_fini(struct weir_memo *memo);
uint64_t weir__memo_hash(const struct weir_memo_key *key,
                         const weir_span parts[3]);
/* The class put under this key and these names, or UINT32_MAX. */
uint32_t weir__memo_find(const struct weir_memo *memo, uint64_t hash,
                         const struct weir_memo_key *key,
                         const weir_span parts[3]);
/* Forgets everything first when it is full. */
void weir__memo_put(struct weir_memo *memo, uint64_t hash,
                    const struct weir_memo_key *key, const weir_span parts[3],
                    uint32_t class_row);

/* Open calls: from request to class, until the outcome comes. */
struct weir_open_calls {
    struct weir_open_call *rows;
    uint64_t mask;
    uint64_t count;
};
void weir__open_calls_fini(struct weir_open_calls *calls);
WEIR_MUST_USE bool weir__open_calls_put(struct weir_open_calls *calls,
                                        const struct weir_request_id *request,
                                        uint32_t class_row);
/* The class, and forgets the call; UINT32_MAX: not among them. */
uint32_t weir__open_calls_take(struct weir_open_calls *calls,
                               const struct weir_request_id *request);

/* ------------------------------------------------------------------ eras */

/* The dates at which the answers of an image may change by themselves. */
struct weir_dates {
    weir_time *rows; /* ascending */
    uint32_t count;
    bool reads_now; /* a policy reads the time itself: no two are alike */
    bool reads_client;
    weir_time from; /* of the window looked at last */
    weir_time until;
    uint32_t window;
};
WEIR_MUST_USE weir_status weir__dates_init(struct weir_dates *dates,
                                           const struct weir_image *image,
                                           struct weir_arena *arena,
                                           struct weir_error *err);
uint32_t weir__dates_window(struct weir_dates *dates, weir_time now);

/* An image with what is asked of it. */
struct weir_asked_image {
    struct weir_view view; /* its overlay is empty */
    struct weir_replay keys;
    struct weir_dates dates;
    struct weir_arena arena;
    uint8_t digest[32];
    bool is_open;
};
WEIR_MUST_USE weir_status weir__asked_init(struct weir_asked_image *asked,
                                           const struct weir_image *image,
                                           struct weir_error *err);
void weir__asked_fini(struct weir_asked_image *asked); /* not the image */

/* One image under one set of withdrawals, as records name them. */
struct weir_era {
    uint64_t id; /* never used again; 0: empty */
    uint8_t digest[32];
    uint64_t overlay;
    struct weir_asked_image *image; /* NULL: not kept any more */
    bool has_overlay;
    struct weir_overlay then;   /* mapped */
    uint64_t *hashes;           /* of `wished` */
    struct weir_overlay wished; /* then, with those of the wish */
};

#define WEIR_ERAS_MAX 64

struct weir_eras {
    const struct weir_paths *paths;
    const struct weir_simulate_wish *wish;
    struct weir_era rows[WEIR_ERAS_MAX];
    struct weir_asked_image images[WEIR_ERAS_MAX];
    uint32_t last;
    uint32_t next; /* to be replaced */
    uint64_t id;
};
void weir__eras_init(struct weir_eras *eras, const struct weir_paths *paths,
                     const struct weir_simulate_wish *wish);
void weir__eras_fini(struct weir_eras *eras);
WEIR_MUST_USE weir_status weir__eras_find(struct weir_eras *eras,
                                          const uint8_t digest[32],
                                          uint64_t overlay,
                                          struct weir_era **era_out,
                                          struct weir_error *err);
/* Withdrawals of `then` without the restored and with the withdrawn ones of
 * the wish; *hashes_out is to be freed. */
WEIR_MUST_USE weir_status weir__wished_overlay(
    const struct weir_overlay *then, const struct weir_simulate_wish *wish,
    struct weir_overlay *overlay_out, uint64_t **hashes_out,
    struct weir_error *err);

/* ----------------------------------------------------------------- judging */

/* One side of a comparison; spans of image or record. */
struct weir_side {
    enum weir_verdict verdict;
    weir_span why; /* of a refusal */
    weir_span deployment;
    weir_span model;
    weir_span provider;
};
/* Asks `view`; `was` (may be NULL) is where the call went before, which a
 * weighted route keeps as long as it may. */
void weir__side_ask(const struct weir_view *view,
                    const struct weir_question *question, const weir_span *was,
                    struct weir_side *side_out);
/* A refusal before policy. */
void weir__side_refuse(enum weir_reason reason, struct weir_side *side_out);
/* Model and provider of a deployment among those of `model`'s route. */
void weir__side_place(const struct weir_image *image, weir_span model,
                      struct weir_side *side);
/* Row of the class that a comparison falls into. */
uint32_t weir__compare(struct weir_classes *classes,
                       const struct weir_side *before,
                       const struct weir_side *after, weir_span organisation,
                       weir_span headquarters, weir_span asked);
weir_span weir__headquarters(const struct weir_image *image, uint32_t key);

/* ------------------------------------------------------------------ report */

struct weir_simulate_counts {
    uint64_t records;
    uint64_t damages;
    bool is_change;
    bool is_population;
    bool is_whole; /* not drawn */
    uint64_t seed;
    weir_span currency;
    char request[WEIR_REQUEST_ID_TEXT]; /* of the first difference */
    char difference[320];
};
json_t *weir__simulate_report(const struct weir_classes *classes,
                              const struct weir_simulate_counts *counts);

#endif
