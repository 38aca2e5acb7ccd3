/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/json_tap.h - pick a few values out of JSON that passes by.
 *
 * Where weir_json_scan() wants a whole body and validates it, a tap takes
 * bytes as they come, at any split, in constant memory, and captures the
 * values of wanted paths. It is for replies, which weir passes on and does
 * not answer for: it follows strings and brackets, and does not check
 * grammar, numbers or UTF-8. Names written with escapes match no path. Of
 * several values at one path the last is kept.
 *
 * Threads: one owner. Memory: the caller's, nothing is allocated.
 */
#ifndef WEIR_JSON_TAP_H
#define WEIR_JSON_TAP_H

#include <weir/json.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_JSON_TAPS_MAX 32
/* Different names over all paths, told apart by their place in a path. */
#define WEIR_JSON_TAP_NAMES_MAX 64

/* A path without segments matches nothing, so tables may have gaps.
 * Captured values are cut off (is_cut) behind `keep_max` bytes; 0: only
 * counted. Containers are captured as they are written. */
typedef struct {
    weir_json_path path;
    uint32_t keep_max;
} weir_json_wanted;

typedef struct {
    weir_span raw;            /* last value, as written, at most keep_max */
    enum weir_json_kind kind; /* of the last value; NONE: there was none */
    bool is_cut;
    uint32_t count;        /* values met at this path */
    uint64_t string_bytes; /* of all strings, without quotes */
} weir_json_tapped;

struct weir_json_tap_level {
    uint32_t mask;    /* paths that lead through this container */
    uint32_t keeping; /* paths whose container value is open inside it */
};

struct weir_json_tap_name {
    weir_span text;
    uint32_t mask; /* paths with this name at this place */
    uint8_t next;  /* of the same slot, from 1; 0: none */
};

/* Names of a place are told apart by length and first letter first. */
#define WEIR_JSON_TAP_SLOTS 32

/* What a table of wanted values says about each place of a path: made once,
 * then shared by the taps of all threads. */
struct weir_json_tap_plan {
    const weir_json_wanted *wanted;
    uint32_t count;
    uint32_t all;    /* a bit for each that has a path */
    size_t keep_sum; /* memory that a tap needs */
    uint32_t terminal[WEIR_JSON_PATH_SEGMENTS_MAX + 1]; /* by path length */
    uint32_t each[WEIR_JSON_PATH_SEGMENTS_MAX];
    struct weir_json_tap_name names[WEIR_JSON_TAP_NAMES_MAX];
    uint8_t slots[WEIR_JSON_PATH_SEGMENTS_MAX][WEIR_JSON_TAP_SLOTS];
};

struct weir_json_tap {
    const struct weir_json_tap_plan *plan;
    char *memory; /* plan->keep_sum bytes */
    uint32_t depth;
    uint32_t tracked;
    uint32_t pending;   /* paths that the last name matched */
    uint32_t keeping;   /* paths whose value is being captured */
    uint32_t live;      /* paths of the present scalar or string */
    uint32_t touched;   /* of `tapped`, since the last reset */
    uint32_t is_object; /* of tracked containers, by depth */
    uint16_t name_len;
    uint8_t state;
    bool is_name; /* the string is one */
    bool wants_name;
    bool is_done;
    bool is_broken;  /* more closed than opened */
    bool is_checked; /* within weir_json_tap_whole() */
    bool is_invalid; /* what it found */
    uint8_t expect;  /* what may come next, then */
    char name[WEIR_JSON_NAME_MAX];
    struct weir_json_tap_level level[WEIR_JSON_PATH_SEGMENTS_MAX + 1];
    weir_json_tapped tapped[WEIR_JSON_TAPS_MAX];
    uint64_t objects[WEIR_JSON_DEPTH_MAX / 64]; /* of all that are open, then */
};

/* Borrows `wanted`. */
void weir_json_tap_plan_init(struct weir_json_tap_plan *plan,
                             const weir_json_wanted *wanted, size_t count);
/* Borrows the plan and `memory` of at least plan->keep_sum bytes. The tap's
 * own bytes may be anything. */
void weir_json_tap_init(struct weir_json_tap *tap,
                        const struct weir_json_tap_plan *plan, void *memory,
                        size_t size);
/* Ready for another text; forgets what was tapped. */
void weir_json_tap_reset(struct weir_json_tap *tap);
void weir_json_tap_feed(struct weir_json_tap *tap, weir_span bytes);
/* Feeds a tap that has read nothing yet, and tells whether `text` is, by what
 * weir_json_scan() accepts, one object or array and nothing else. What was
 * tapped does not depend on that; more may be fed. */
bool weir_json_tap_whole(struct weir_json_tap *tap, weir_span text);
/* The root value is closed (a number: begun). */
bool weir_json_tap_is_done(const struct weir_json_tap *tap);

#ifdef __cplusplus
}
#endif
#endif
