/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/parties.h - places, who owns whom, and what follows from it.
 *
 * Jurisdictions are ISO 3166-1 alpha-2 codes and XK. Ownership is a graph of
 * holdings whose shares are closed intervals of whole parts per million; a
 * rule names seeds, a threshold and an arithmetic, and is run to its
 * fixpoint. Three answers: yes, no, unknown (the known facts do not decide).
 *
 * Threads: pure functions; a graph and a result belong to the caller.
 * Memory: everything from the arena that is passed in.
 */
#ifndef WEIR_PARTIES_H
#define WEIR_PARTIES_H

#include <weir/base.h>

/* ----------------------------------------------------------- places */

struct weir_jurisdiction {
    char code[3]; /* NUL behind */
    const char *name;
};

/* Ordered by code; `count_out` rows, valid for ever. */
const struct weir_jurisdiction *weir_jurisdictions(size_t *count_out);
/* The last row, "ZZ": where somebody is when nobody knows. In no bloc, and
 * no code that anybody writes. */
uint32_t weir_jurisdiction_unknown(void);
/* Row number in that table; false when the code is not one (upper case
 * only: "cn" is a mistake, and is told so by the caller). */
bool weir_jurisdiction_find(weir_span code, uint32_t *row_out);

/*
 * Where a place lies: the centre, as a vector of length 32767 from the
 * Earth's, and the reach of a circle that holds the whole place.
 */
#define WEIR_REACH_UNKNOWN UINT16_MAX

struct weir_position {
    int16_t centre[3];
    uint16_t reach_km; /* WEIR_REACH_UNKNOWN: nowhere in particular */
};

/* WEIR_REACH_UNKNOWN for a code without a place; never fails. */
struct weir_position weir_position_of(weir_span code);
/* No way between the two places is shorter: whole km, 0 where they may
 * touch or where one is not known. */
uint32_t weir_position_distance_km(const struct weir_position *a,
                                   const struct weir_position *b);

/* ----------------------------------------------------------- shares */

#define WEIR_SHARE_ALL UINT32_C(1000000) /* parts per million */

typedef struct {
    uint32_t low; /* 0 .. WEIR_SHARE_ALL, both ends included */
    uint32_t high;
} weir_share;

/* What a number without % means. */
enum weir_share_unit {
    WEIR_SHARE_PLAIN = 0,   /* decimals are fractions, bands of whole numbers
                               percent; a bare whole number is refused */
    WEIR_SHARE_PERCENT = 1, /* percent */
    WEIR_SHARE_PPM = 2,     /* parts per million */
    WEIR_SHARE_GUESS = 3    /* whole: percent to 100, above it parts per
                               million; decimals: fractions to 1.0, above it
                               percent; 1 alone is refused */
};

/*
 * "51%", "51.5%", "0.51", "25%-50%", ">25-50", ">=75%", "<10%",
 * ">50 to <75", "[25%, 50%)", "unknown". At most four decimals with %, six
 * without; a bare whole number is refused (51 of what?). EPARSE, nothing
 * rounded. With a unit other than PLAIN, what is finer than a part per
 * million is the interval around it.
 */
WEIR_MUST_USE weir_status weir_share_read(weir_span text,
                                          enum weir_share_unit unit,
                                          weir_share *share_out,
                                          struct weir_error *err);
/* The same with WEIR_SHARE_PLAIN. */
WEIR_MUST_USE weir_status weir_share_parse(weir_span text,
                                           weir_share *share_out,
                                           struct weir_error *err);
/* "51%", "25%-50%", "unknown": what a person reads; at most 27 bytes. */
#define WEIR_SHARE_TEXT 32
void weir_share_format(weir_share share, char text_out[WEIR_SHARE_TEXT]);

/* -------------------------------------------------------- ownership */

struct weir_holding {
    uint32_t owner; /* organisation rows */
    uint32_t owned;
    weir_share share;
};

struct weir_ownership_graph {
    uint32_t count; /* organisations */
    uint32_t holding_count;
    const struct weir_holding *holdings; /* borrowed from the caller */
    uint32_t *in_first;  /* [count + 1] into in_list, by owned */
    uint32_t *in_list;   /* holding numbers */
    uint32_t *out_first; /* [count + 1] into out_list, by owner */
    uint32_t *out_list;
};

/* ETOOBIG when the arena is full; EPARSE when a row is out of range. */
WEIR_MUST_USE weir_status weir_ownership_graph_init(
    struct weir_ownership_graph *graph, struct weir_arena *arena,
    uint32_t count, const struct weir_holding *holdings, uint32_t holding_count,
    struct weir_error *err);

enum weir_ownership_method {
    WEIR_OWNERSHIP_CASCADE = 0, /* a restricted owner counts with its whole
                                   share; owners are summed */
    WEIR_OWNERSHIP_MULTIPLY = 1 /* shares multiply along each chain; all
                                   chains are summed */
};

enum weir_ownership_answer {
    WEIR_ANSWER_NO = 0,
    WEIR_ANSWER_YES = 1,
    WEIR_ANSWER_UNKNOWN = 2
};

/* Whether an organisation is restricted by itself. */
enum weir_ownership_seed {
    WEIR_SEED_NO = 0,
    WEIR_SEED_YES = 1,
    WEIR_SEED_MAYBE = 2 /* the fact that would tell is unknown */
};

struct weir_ownership_rule {
    enum weir_ownership_method method;
    uint32_t threshold; /* parts per million */
    bool is_strict;     /* more than, instead of at least */
    /* The part of an organisation that no listed owner holds may belong to
     * a seed too: makes "no" into "unknown" where that could decide. */
    bool doubts_undisclosed;
    const uint8_t *seeds; /* [count]: enum weir_ownership_seed */
};

struct weir_ownership_result {
    uint8_t *answers; /* [count], enum weir_ownership_answer */
    /* [count]: the holding through which the answer came: the largest of
     * those that counted (cascade), or the one on the strongest chain
     * (multiply). UINT32_MAX for seeds and what may be one, for "no", and
     * where only undisclosed owners or chains below 10^-12 count. Followed
     * upwards it never goes in a circle. */
    uint32_t *via;
    /* [count]: parts per million held by seeds, directly or through others,
     * as the method counts it; low and high. */
    weir_share *held;
};

/* Lower ends that pass 100 % in sum contradict each other: they count for
 * what they say, but bound nobody else's share.
 * Linear in holdings for acyclic graphs; cycles are iterated in their own
 * component, bounded: what does not settle in time becomes unknown.
 * ETOOBIG when the arena is full. */
WEIR_MUST_USE weir_status weir_ownership_run(
    const struct weir_ownership_graph *graph,
    const struct weir_ownership_rule *rule, struct weir_arena *arena,
    struct weir_ownership_result *result_out, struct weir_error *err);

/*
 * The deciding chain of organisation `row`, from it up to a seed: holding
 * numbers, at most `max`. Returns their count; 0 for seeds and for "no".
 */
size_t weir_ownership_chain(const struct weir_ownership_graph *graph,
                            const struct weir_ownership_result *result,
                            uint32_t row, uint32_t *holdings_out, size_t max);

/* ------------------------------------------------- one change at a time */

/* A rule, of either method, that is kept up to date. */
struct weir_ownership_live;

/* Runs the rule; `rule->seeds` are copied. Room for `more_max` holdings that
 * the graph does not have; rows to come are rows of the graph without
 * holdings. `arena` must outlive it. EPARSE: as weir_ownership_run().
 * ETOOBIG. */
WEIR_MUST_USE weir_status weir_ownership_live_new(
    const struct weir_ownership_graph *graph,
    const struct weir_ownership_rule *rule, uint32_t more_max,
    struct weir_arena *arena, struct weir_ownership_live **live_out,
    struct weir_error *err);
/* Sets what one organisation holds of another ({0, 0}: nothing), and answers
 * anew for whomever it touches: the same as a whole run. EPARSE: out of
 * range; ETOOBIG: no room, nothing was changed. Where the graph states a
 * holding twice, one of the two is set. */
WEIR_MUST_USE weir_status weir_ownership_live_set(
    struct weir_ownership_live *live, uint32_t owner, uint32_t owned,
    weir_share share, struct weir_error *err);
/* The same for whether it is restricted by itself. EPARSE: out of range. */
WEIR_MUST_USE weir_status
weir_ownership_live_seed(struct weir_ownership_live *live, uint32_t row,
                         enum weir_ownership_seed seed, struct weir_error *err);
enum weir_ownership_answer
weir_ownership_live_answer(const struct weir_ownership_live *live,
                           uint32_t row);
/* Rows whose answer the last change moved; valid until the next. */
const uint32_t *
weir_ownership_live_changed(const struct weir_ownership_live *live,
                            uint32_t *count_out);
/* Rows that only a whole run can decide (multiply, in large components with
 * cycles, next to the threshold): their answer is unknown until then. */
uint32_t weir_ownership_live_pending(const struct weir_ownership_live *live);

#endif
