/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/json.h - scan a whole body for spans, read small structures, write.
 *
 * Three tools, all strict RFC 8259 (UTF-8, no byte order mark, nesting at
 * most WEIR_JSON_DEPTH_MAX, no recursion):
 *   - weir_json_scan() validates a whole text in one pass and records where
 *     the values of a few wanted paths lie, so that a body is passed on by
 *     spans and never serialised again;
 *   - struct weir_json_reader pulls members and elements one by one;
 *   - struct weir_json_writer appends onto a struct weir_buf.
 *
 * Decided where the RFC leaves it open: numbers of any size and exponent are
 * accepted and kept as bytes; a lone \uD800 escape is accepted in a string
 * nobody reads and refused by whoever unescapes it; a byte order mark, bytes
 * that are not UTF-8 and an empty text are refused.
 *
 * Threads: no shared state; one owner per object.
 * Memory: no allocation, but for unescaped strings in the caller's arena.
 */
#ifndef WEIR_JSON_H
#define WEIR_JSON_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_json_kind {
    WEIR_JSON_NONE, /* absent */
    WEIR_JSON_NULL,
    WEIR_JSON_FALSE,
    WEIR_JSON_TRUE,
    WEIR_JSON_NUMBER,
    WEIR_JSON_STRING,
    WEIR_JSON_ARRAY,
    WEIR_JSON_OBJECT
};

/* -------------------------------------------------------------- scan */

#define WEIR_JSON_PATH_SEGMENTS_MAX 8
#define WEIR_JSON_PATHS_MAX         64
/* Longest member name that a path may ask for, bytes. */
#define WEIR_JSON_NAME_MAX 48

/* Where a wanted value lies: member names from the root object inwards;
 * WEIR_JSON_EACH stands for every element of an array. */
typedef struct {
    size_t count;
    weir_span segment[WEIR_JSON_PATH_SEGMENTS_MAX];
} weir_json_path;

#define WEIR_JSON_EACH "[]"
/* {WEIR_JSON_PATH2("stream_options", "include_usage"), ...} */
/* clang-format off */
#define WEIR_JSON_PATH1(...) {1, {WEIR__JSON_S1(__VA_ARGS__)}}
#define WEIR_JSON_PATH2(...) {2, {WEIR__JSON_S2(__VA_ARGS__)}}
#define WEIR_JSON_PATH3(...) {3, {WEIR__JSON_S3(__VA_ARGS__)}}
#define WEIR_JSON_PATH4(...) {4, {WEIR__JSON_S4(__VA_ARGS__)}}
#define WEIR_JSON_PATH5(...) {5, {WEIR__JSON_S5(__VA_ARGS__)}}
#define WEIR_JSON_PATH6(...) {6, {WEIR__JSON_S6(__VA_ARGS__)}}
#define WEIR_JSON_PATH7(...) {7, {WEIR__JSON_S7(__VA_ARGS__)}}
#define WEIR_JSON_PATH8(...) {8, {WEIR__JSON_S8(__VA_ARGS__)}}
#define WEIR__JSON_S1(s) {(s), sizeof(s) - 1}
#define WEIR__JSON_S2(s, ...) WEIR__JSON_S1(s), WEIR__JSON_S1(__VA_ARGS__)
#define WEIR__JSON_S3(s, ...) WEIR__JSON_S1(s), WEIR__JSON_S2(__VA_ARGS__)
#define WEIR__JSON_S4(s, ...) WEIR__JSON_S1(s), WEIR__JSON_S3(__VA_ARGS__)
#define WEIR__JSON_S5(s, ...) WEIR__JSON_S1(s), WEIR__JSON_S4(__VA_ARGS__)
#define WEIR__JSON_S6(s, ...) WEIR__JSON_S1(s), WEIR__JSON_S5(__VA_ARGS__)
#define WEIR__JSON_S7(s, ...) WEIR__JSON_S1(s), WEIR__JSON_S6(__VA_ARGS__)
#define WEIR__JSON_S8(s, ...) WEIR__JSON_S1(s), WEIR__JSON_S7(__VA_ARGS__)
/* clang-format on */

/* What a scan found at one path. `raw` is the first value, into the scanned
 * text, strings with their quotes; absent: kind NONE, raw.ptr NULL. `count`
 * and `bytes_total` (raw bytes) sum over all matches, more than one only
 * through WEIR_JSON_EACH. */
typedef struct {
    weir_span raw;
    enum weir_json_kind kind;
    uint32_t count;
    uint64_t bytes_total;
    bool has_escapes; /* of the first value, a string */
} weir_json_hit;

/*
 * Which names a text's members may have, at any depth: a bit for each, by
 * length and ends, case aside. A name that is not in it is not in the text;
 * one that is may be. The numbers keep names of media and files apart from
 * those that nearly every request has. Names with escapes are not in it but
 * told of.
 */
struct weir_json_names {
    uint64_t bits[2];
    bool has_escapes;
};

static inline void
weir_json_names_add(struct weir_json_names *names, weir_span name)
{
    if (name.len == 0)
        return;
    unsigned bit =
        ((unsigned)name.len * 48 + ((unsigned char)name.ptr[0] | 0x20u) * 67 +
         ((unsigned char)name.ptr[name.len - 1] | 0x20u)) %
        128;
    names->bits[bit / 64] |= UINT64_C(1) << (bit % 64);
}

/* False: the text has no member of that name, in escapes neither. */
static inline bool
weir_json_names_may_have(const struct weir_json_names *names, weir_span name)
{
    struct weir_json_names one = {{0}, false};
    weir_json_names_add(&one, name);
    return names->has_escapes || (names->bits[0] & one.bits[0]) != 0 ||
           (names->bits[1] & one.bits[1]) != 0;
}

/* The root value. `insert_at` is the offset just behind the `{` of a root
 * object: members can be spliced in there (with a comma behind them unless
 * `is_empty`). */
struct weir_json_root {
    weir_span raw;
    enum weir_json_kind kind;
    size_t insert_at;
    bool is_empty;
    struct weir_json_names names;
};

/* Refuse a member whose name equals a wanted one but for case (also the
 * Kelvin sign and the long s): some origins match names without case, and
 * would then read another value than weir did. */
#define WEIR_JSON_FOLD_NAMES 1u

/*
 * Validates `text` and fills one hit per path (hits_out[path_count]).
 * A member that lies on a wanted path and appears twice in one object, in
 * whatever spelling, is refused: two readers could choose different ones.
 * EPARSE: not JSON, duplicate, too deep; err->offset tells where.
 * Outputs are undefined on failure.
 */
WEIR_MUST_USE weir_status weir_json_scan(weir_span text,
                                         const weir_json_path *paths,
                                         size_t path_count, unsigned flags,
                                         struct weir_json_root *root_out,
                                         weir_json_hit *hits_out,
                                         struct weir_error *err);

/*
 * What a table of paths says about each place of a path and each name there,
 * for scans of many texts by one table. Of static storage, so that it begins
 * with zeros:
 *
 *     static struct weir_json_plan plan = WEIR_JSON_PLAN(members, MEMBERS);
 *
 * The first scan fills the rest; scans of other threads go without meanwhile.
 */
#define WEIR_JSON_PLAN_NAMES 32
struct weir_json_plan {
    const weir_json_path *paths; /* borrowed */
    size_t count;
    uint32_t state;
    uint64_t terminal[WEIR_JSON_PATH_SEGMENTS_MAX + 1]; /* by path length */
    uint64_t each[WEIR_JSON_PATH_SEGMENTS_MAX];         /* segment is [] */
    /* Paths whose name at this place may be one of that length and letter. */
    uint64_t of_name[WEIR_JSON_PATH_SEGMENTS_MAX][WEIR_JSON_PLAN_NAMES];
};
/* clang-format off */
#define WEIR_JSON_PLAN(table, rows) {.paths = (table), .count = (rows)}
/* clang-format on */

/* weir_json_scan() by a plan: hits_out[plan->count]. */
WEIR_MUST_USE weir_status
weir_json_scan_planned(weir_span text, struct weir_json_plan *plan,
                       unsigned flags, struct weir_json_root *root_out,
                       weir_json_hit *hits_out, struct weir_error *err);

/* Whether an object's or array's raw span holds nothing. */
bool weir_json_is_empty(weir_span raw);

/* The names of the kernels that this machine can run, best first, and a scan
 * with a named one: for tests and benchmarks. NULL behind the last. */
const char *weir_json_kernel_name(size_t index);
WEIR_MUST_USE weir_status weir_json_scan_with(size_t kernel, weir_span text,
                                              const weir_json_path *paths,
                                              size_t path_count, unsigned flags,
                                              struct weir_json_root *root_out,
                                              weir_json_hit *hits_out,
                                              struct weir_error *err);

/* ------------------------------------------------------------ values */

/* The string in the quotes of `raw` (as a scan or reader gave it): borrowed
 * from `raw` where it has no escapes, else written to `arena`.
 * EPARSE: lone surrogate. ETOOBIG: the arena is full. */
WEIR_MUST_USE weir_status weir_json_unescape(weir_span raw,
                                             struct weir_arena *arena,
                                             weir_span *text_out,
                                             struct weir_error *err);
/* The same into `memory`; false: lone surrogate, or longer than `size`. */
bool weir_json_unescape_into(weir_span raw, char *memory, size_t size,
                             weir_span *text_out);
/* Exact integers: no fraction, no exponent, no overflow; else false. */
bool weir_json_to_int64(weir_span raw, int64_t *value_out);
bool weir_json_to_uint64(weir_span raw, uint64_t *value_out);

/* ------------------------------------------------------------ reader */

/*
 * Pulls one text. Failure is sticky: after it every call returns false, and
 * weir_json_reader_end() tells what it was, so a caller loops without tests:
 *
 *     weir_json_reader_init(&reader, text, &arena);
 *     if (weir_json_object(&reader))
 *         while (weir_json_member(&reader, &name))
 *             if (weir_span_equal(name, WEIR_SPAN("age")))
 *                 weir_json_int64(&reader, &age);
 *     return weir_json_reader_end(&reader, err);
 *
 * A value that was not taken is validated and skipped by the next
 * weir_json_member() or weir_json_element(). A container that was entered
 * is iterated to its end or left with weir_json_leave().
 */
struct weir_json_reader {
    weir_span text;
    size_t at;
    struct weir_arena *arena;
    struct weir_error error;
    uint16_t depth;
    bool has_value; /* a value stands at `at`, not yet taken */
    bool is_first;  /* nothing read yet in this container */
    uint64_t is_object[WEIR_JSON_DEPTH_MAX / 64];
};

/* `arena` may be NULL when no string with escapes is to be read. */
void weir_json_reader_init(struct weir_json_reader *reader, weir_span text,
                           struct weir_arena *arena);
/* The kind of the value that comes next; NONE where none does. */
enum weir_json_kind weir_json_peek(struct weir_json_reader *reader);
/* Enter; ETYPE where another kind stands. */
bool weir_json_object(struct weir_json_reader *reader);
bool weir_json_array(struct weir_json_reader *reader);
/* The next member's name (unescaped) or element; false: the container ends
 * (and is left), or failure. Names may repeat: the caller decides. */
bool weir_json_member(struct weir_json_reader *reader, weir_span *name_out);
bool weir_json_element(struct weir_json_reader *reader);
/* Validates and passes what is left of the innermost container. */
bool weir_json_leave(struct weir_json_reader *reader);
/* Take a value; ETYPE where another kind stands. */
bool weir_json_string(struct weir_json_reader *reader, weir_span *text_out);
bool weir_json_int64(struct weir_json_reader *reader, int64_t *value_out);
bool weir_json_uint64(struct weir_json_reader *reader, uint64_t *value_out);
bool weir_json_bool(struct weir_json_reader *reader, bool *value_out);
bool weir_json_null(struct weir_json_reader *reader);
bool weir_json_raw(struct weir_json_reader *reader, weir_span *raw_out);
bool weir_json_skip(struct weir_json_reader *reader);
/* Makes the reader fail with the caller's reason at the present offset. */
bool weir_json_reject(struct weir_json_reader *reader, weir_status status,
                      const char *reason);
/* Whatever follows the root must be white space. */
WEIR_MUST_USE weir_status weir_json_reader_end(struct weir_json_reader *reader,
                                               struct weir_error *err);

/* ------------------------------------------------------------ writer */

/* Appends to `buf`; commas and colons are its own affair. Nesting beyond
 * WEIR_JSON_DEPTH_MAX sets the buffer's overflow. A name outside an object,
 * a value without a name in one, or a wrong end is a bug (assertion). */
struct weir_json_writer {
    struct weir_buf *buf;
    uint16_t depth;
    bool is_first;
    bool has_name;
    uint64_t is_object[WEIR_JSON_DEPTH_MAX / 64];
};

void weir_json_writer_init(struct weir_json_writer *writer,
                           struct weir_buf *buf);
void weir_json_begin_object(struct weir_json_writer *writer);
void weir_json_end_object(struct weir_json_writer *writer);
void weir_json_begin_array(struct weir_json_writer *writer);
void weir_json_end_array(struct weir_json_writer *writer);
void weir_json_name(struct weir_json_writer *writer, const char *name);
void weir_json_name_span(struct weir_json_writer *writer, weir_span name);
/* Bytes that are not UTF-8 become U+FFFD: the output is always JSON. */
void weir_json_add_string(struct weir_json_writer *writer, weir_span text);
void weir_json_add_int(struct weir_json_writer *writer, int64_t value);
void weir_json_add_uint(struct weir_json_writer *writer, uint64_t value);
void weir_json_add_bool(struct weir_json_writer *writer, bool value);
void weir_json_add_null(struct weir_json_writer *writer);
/* `raw` is one JSON value; the caller answers for it. */
void weir_json_add_raw(struct weir_json_writer *writer, weir_span raw);
/* The escaped string with its quotes, outside any writer. */
void weir_json_quote(struct weir_buf *buf, weir_span text);

#ifdef __cplusplus
}
#endif
#endif
