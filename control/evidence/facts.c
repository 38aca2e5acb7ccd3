/* SPDX-License-Identifier: Apache-2.0 */
/* Containers, names of kinds and ranks, and the rule that chooses. */
#include "control/evidence/evidence.h"

#include <stdlib.h>
#include <string.h>

#define FACTS_BYTES_MAX ((size_t)8 << 30)

static const char *const kind_names[WEIR_FACT_KINDS] = {"",
                                                        "name",
                                                        "alias",
                                                        "identifier",
                                                        "incorporated",
                                                        "headquarters",
                                                        "owner",
                                                        "category",
                                                        "established_since",
                                                        "verified_until",
                                                        "purpose"};

const char *
weir_fact_kind_name(enum weir_fact_kind kind)
{
    return kind > 0 && kind < WEIR_FACT_KINDS ? kind_names[kind] : "";
}

bool
weir_fact_kind_parse(weir_span text, enum weir_fact_kind *kind_out)
{
    for (int i = 1; i < WEIR_FACT_KINDS; i++) {
        if (weir_span_equal(text, weir_span_of(kind_names[i]))) {
            *kind_out = (enum weir_fact_kind)i;
            return true;
        }
    }
    return false;
}

bool
weir_fact_kind_is_many(enum weir_fact_kind kind)
{
    return kind == WEIR_FACT_ALIAS || kind == WEIR_FACT_IDENTIFIER ||
           kind == WEIR_FACT_PURPOSE;
}

static const char *const rank_names[] = {"", "declared", "register",
                                         "configuration", "verified"};

const char *
weir_fact_rank_name(enum weir_fact_rank rank)
{
    return rank > 0 && (size_t)rank < WEIR_COUNTOF(rank_names)
               ? rank_names[rank]
               : "";
}

bool
weir_fact_rank_parse(weir_span text, enum weir_fact_rank *rank_out)
{
    for (size_t i = 1; i < WEIR_COUNTOF(rank_names); i++) {
        if (weir_span_equal(text, weir_span_of(rank_names[i]))) {
            *rank_out = (enum weir_fact_rank)i;
            return true;
        }
    }
    return false;
}

void
weir_facts_init(struct weir_facts *facts)
{
    memset(facts, 0, sizeof *facts);
    weir_arena_init_heap(&facts->arena, FACTS_BYTES_MAX);
}

void
weir_facts_fini(struct weir_facts *facts)
{
    weir_arena_fini(&facts->arena);
}

struct weir_fact *
weir_facts_add(struct weir_facts *facts)
{
    if (facts->count == facts->capacity) {
        uint32_t capacity = facts->capacity == 0 ? 64 : facts->capacity * 2;
        struct weir_fact *rows =
            capacity <= facts->count
                ? NULL
                : weir_arena_array(&facts->arena, struct weir_fact, capacity);
        if (rows == NULL) {
            facts->arena.overflow = true;
            return NULL;
        }
        if (facts->count > 0)
            memcpy(rows, facts->rows, sizeof *rows * facts->count);
        facts->rows = rows;
        facts->capacity = capacity;
    }
    struct weir_fact *fact = &facts->rows[facts->count++];
    *fact = (struct weir_fact){.as_of = WEIR_TIME_MIN,
                               .valid_until = WEIR_TIME_MAX,
                               .ended = WEIR_TIME_MAX,
                               .rank = WEIR_RANK_DECLARED};
    return fact;
}

/* --------------------------------------------------------------- order */

static int
order_of(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

int
weir_fact_compare(const struct weir_fact *a, const struct weir_fact *b)
{
    int order = weir_span_compare(a->organisation, b->organisation);
    if (order == 0)
        order = order_of((int64_t)a->kind, (int64_t)b->kind);
    if (order == 0)
        order = weir_span_compare(a->value, b->value);
    if (order == 0)
        order = order_of(a->share.low, b->share.low);
    if (order == 0)
        order = order_of(a->share.high, b->share.high);
    if (order == 0)
        order = order_of(a->as_of, b->as_of);
    return order != 0 ? order : order_of(a->valid_until, b->valid_until);
}

bool
weir_fact_is_same(const struct weir_fact *a, const struct weir_fact *b)
{
    return weir_fact_compare(a, b) == 0;
}

static int
compare_rows(const void *a, const void *b)
{
    return weir_fact_compare(a, b);
}

void
weir_facts_sort(struct weir_facts *facts)
{
    if (facts->count > 1)
        qsort(facts->rows, facts->count, sizeof *facts->rows, compare_rows);
}

/* ----------------------------------------------------------- the choice */

/* Said, and not taken back, at `at`. */
static bool
is_said(const struct weir_fact *fact, weir_time at)
{
    return fact->entered <= at && fact->ended > at;
}

static bool
is_of(const struct weir_fact *fact, enum weir_fact_kind kind, weir_span owner)
{
    return fact->kind == kind &&
           ((kind != WEIR_FACT_OWNER && !weir_fact_kind_is_many(kind)) ||
            weir_span_equal(fact->value, owner));
}

/* A source speaks with its latest statement. */
static bool
is_superseded(const struct weir_facts *facts, uint32_t row, weir_time at)
{
    const struct weir_fact *fact = &facts->rows[row];
    for (uint32_t i = 0; i < facts->count; i++) {
        const struct weir_fact *later = &facts->rows[i];
        if (i != row && is_of(later, fact->kind, fact->value) &&
            is_said(later, at) &&
            weir_span_equal(later->source, fact->source) &&
            (later->number > fact->number ||
             (later->number == fact->number && i > row)))
            return true;
    }
    return false;
}

static bool
is_better(const struct weir_fact *a, const struct weir_fact *b)
{
    if (a->rank != b->rank)
        return a->rank > b->rank;
    if (a->as_of != b->as_of)
        return a->as_of > b->as_of;
    return a->number >= b->number;
}

static bool
contradicts(const struct weir_fact *a, const struct weir_fact *b)
{
    if (a->kind == WEIR_FACT_OWNER)
        return a->share.low > b->share.high || b->share.low > a->share.high;
    return !weir_span_equal(a->value, b->value);
}

struct weir_fact_choice
weir_evidence_choose(const struct weir_facts *facts, enum weir_fact_kind kind,
                     weir_span owner, weir_time at)
{
    struct weir_fact_choice choice = {NULL, false, false};
    for (uint32_t i = 0; i < facts->count; i++) {
        const struct weir_fact *fact = &facts->rows[i];
        bool is_kind = fact->kind == kind && is_said(fact, at) &&
                       (kind != WEIR_FACT_OWNER || is_of(fact, kind, owner));
        if (!is_kind || is_superseded(facts, i, at))
            continue;
        if (fact->valid_until <= at) {
            choice.is_expired = true;
            continue;
        }
        if (choice.fact != NULL && contradicts(fact, choice.fact))
            choice.is_conflicting = true;
        if (choice.fact == NULL || is_better(fact, choice.fact))
            choice.fact = fact;
    }
    choice.is_expired = choice.is_expired && choice.fact == NULL;
    return choice;
}
