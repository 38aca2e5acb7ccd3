/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/base.h - spans, arenas, buffers, status, errors, assertions.
 *
 * What every other header of the core stands on. Bytes are spans, never
 * NUL-terminated strings. Time, randomness and logging come in through
 * struct weir_env, so that any decision can be replayed.
 *
 * Threads: nothing here is shared; one owner per object.
 * Memory: an arena is either the caller's block (request path: never grows)
 * or a chain of heap blocks up to a maximum (compilers and tools).
 */
#ifndef WEIR_BASE_H
#define WEIR_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/limits.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_MUST_USE     __attribute__((warn_unused_result))
#define WEIR_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define WEIR_COUNTOF(a)   (sizeof(a) / sizeof((a)[0]))
#define WEIR_OFFSET_NONE  UINT32_MAX

/* ------------------------------------------------------------- spans */

/* Borrowed bytes; whoever keeps one says from whom. May be empty. */
typedef struct {
    const char *ptr;
    size_t len;
} weir_span;

/* Key material and user content. The log and error functions take neither,
 * so leaking one does not compile. */
typedef struct {
    const char *ptr;
    size_t len;
} weir_secret;

typedef struct {
    const char *ptr;
    size_t len;
} weir_private;

#define WEIR_SPAN(literal) ((weir_span){(literal), sizeof(literal) - 1})
#define WEIR_SPAN_NONE     ((weir_span){NULL, 0})
#define WEIR_SPAN_ARG(s)   (int)(s).len, (s).ptr /* for "%.*s" */

weir_span weir_span_of(const char *text); /* strlen */
bool weir_span_equal(weir_span a, weir_span b);
bool weir_span_equal_nocase(weir_span a, weir_span b); /* ASCII */
int weir_span_compare(weir_span a, weir_span b);       /* bytes, then length */
bool weir_span_starts(weir_span s, weir_span prefix);
bool weir_span_ends(weir_span s, weir_span suffix);
/* Decimal, no sign, no blanks, whole span; false on anything else. */
bool weir_span_to_u64(weir_span s, uint64_t *value_out);
/* One-based line and column (in code points) of a byte offset. */
void weir_span_locate(weir_span text, size_t offset, uint32_t *line_out,
                      uint32_t *column_out);
/* True when `s` is well-formed UTF-8 (no surrogates, no overlong forms). */
bool weir_utf8_valid(weir_span s);

/* ------------------------------------------------------------ values */

typedef int64_t weir_time;   /* microseconds since 1970-01-01T00:00:00Z */
typedef int64_t weir_micros; /* millionths of one unit of a currency */

#define WEIR_TIME_MIN   INT64_MIN
#define WEIR_TIME_MAX   INT64_MAX
#define WEIR_US_PER_MS  INT64_C(1000)
#define WEIR_US_PER_SEC INT64_C(1000000)
#define WEIR_US_PER_DAY (INT64_C(86400) * WEIR_US_PER_SEC)

/* RFC 3339 UTC with microseconds, 27 bytes and a NUL. */
#define WEIR_TIME_TEXT 28
void weir_time_format(weir_time when, char text_out[WEIR_TIME_TEXT]);
/* "2026-11-10", or a full RFC 3339 time with Z or an offset. */
bool weir_time_parse(weir_span text, weir_time *when_out);

/* How safe a record is before its call goes on; the greater is stricter.
 * Numbers are permanent: images and journals store them. */
enum weir_tier {
    WEIR_TIER_CRASH = 1,   /* in shared memory: survives every process */
    WEIR_TIER_DURABLE = 2, /* on disk: survives the machine */
};

/* ------------------------------------------------------------ errors */

typedef enum {
    WEIR_OK = 0,
#define WEIR_ERROR(name, number, http, exit, type, meaning)                    \
    WEIR_##name = number,
#include <weir/errors.def>
#undef WEIR_ERROR
} weir_status;

struct weir_error {
    weir_status status;
    uint32_t offset; /* byte in the input, or WEIR_OFFSET_NONE */
    char text[192];  /* one clause, lower case, never user content */
};

struct weir_status_info {
    const char *name; /* "EPARSE" */
    int number;
    int http;
    int exit;
    const char *type;
    const char *meaning;
};

/* The row of errors.def; never NULL (an unknown number gives EINTERNAL). */
const struct weir_status_info *weir_status_info(weir_status status);

/* Fills `err` (may be NULL) and returns `status`, so that
 * `return weir_fail(...)` is the whole error path. */
weir_status weir_fail(struct weir_error *err, weir_status status, size_t offset,
                      const char *format, ...) WEIR_PRINTF(4, 5);

/* -------------------------------------------------------- assertions */

_Noreturn void weir_assert_fail(const char *file, int line, const char *what);
#define WEIR_ASSERT(c)                                                         \
    ((c) ? (void)0 : weir_assert_fail(__FILE__, __LINE__, #c))
#ifdef WEIR_SLOW_ASSERTS
#define WEIR_ASSERT_SLOW(c) WEIR_ASSERT(c)
#else
#define WEIR_ASSERT_SLOW(c) ((void)0)
#endif

/* ------------------------------------------------------------ arenas */

struct weir_arena_block;

struct weir_arena {
    char *base;
    size_t size; /* of the current block */
    size_t used;
    size_t total;                    /* bytes in all blocks */
    size_t max;                      /* no growth beyond; caller's: size */
    struct weir_arena_block *blocks; /* heap blocks, newest first */
    bool overflow;                   /* sticky */
};

/* The caller's block; never grows, nothing to free. */
void weir_arena_init(struct weir_arena *arena, void *memory, size_t size);
/* Grows by heap blocks up to `max` bytes; weir_arena_fini() frees them. */
void weir_arena_init_heap(struct weir_arena *arena, size_t max);
void weir_arena_fini(struct weir_arena *arena);
/* Zeroed, 16-byte aligned; NULL (and sticky overflow) when full. */
void *weir_arena_alloc(struct weir_arena *arena, size_t size);
/* The same, but what the bytes are nobody knows. */
void *weir_arena_alloc_raw(struct weir_arena *arena, size_t size);
void *weir_arena_alloc_array(struct weir_arena *arena, size_t size,
                             size_t count);
/* Copy of `s` with a NUL behind it (not counted). */
weir_span weir_arena_copy(struct weir_arena *arena, weir_span s);
#define weir_arena_array(arena, type, count)                                   \
    ((type *)weir_arena_alloc_array((arena), sizeof(type), (count)))

/* ----------------------------------------------------------- buffers */

/* Growing bytes with a maximum; overflow is sticky and checked once. */
struct weir_buf {
    char *ptr;
    size_t len;
    size_t capacity;
    size_t max;
    bool overflow;
    bool is_fixed; /* the caller's memory: never reallocated or freed */
};

void weir_buf_init(struct weir_buf *buf, size_t max);
void weir_buf_init_fixed(struct weir_buf *buf, void *memory, size_t size);
void weir_buf_fini(struct weir_buf *buf);
void weir_buf_reset(struct weir_buf *buf);
/* Where there is no room, or none yet. */
void weir__buf_add_slowly(struct weir_buf *buf, const void *bytes, size_t len);
static inline void
weir_buf_add(struct weir_buf *buf, const void *bytes, size_t len)
{
    if (buf->overflow || len > buf->capacity - buf->len || len == 0) {
        weir__buf_add_slowly(buf, bytes, len);
        return;
    }
    __builtin_memcpy(buf->ptr + buf->len, bytes, len);
    buf->len += len;
}
void weir_buf_add_span(struct weir_buf *buf, weir_span s);
void weir_buf_add_byte(struct weir_buf *buf, char byte);
void weir_buf_addf(struct weir_buf *buf, const char *format, ...)
    WEIR_PRINTF(2, 3);
/* Reserves `len` zeroed bytes; returns their offset (SIZE_MAX: overflow). */
size_t weir_buf_reserve(struct weir_buf *buf, size_t len, size_t align);
weir_span weir_buf_span(const struct weir_buf *buf);

/* ------------------------------------------------------------ hashes */

/* Not cryptographic; stable across versions (image and overlay store it). */
uint64_t weir_hash64(weir_span s, uint64_t seed);
/* CRC-32C (Castagnoli), as in RFC 3720; `crc` chains, start with 0. */
uint32_t weir_crc32c(uint32_t crc, const void *bytes, size_t len);

/* --------------------------------------------------------------- env */

enum weir_log_level { WEIR_LOG_ERROR, WEIR_LOG_WARN, WEIR_LOG_INFO };

struct weir_env {
    void *context;
    weir_time (*now)(void *context);
    bool (*random)(void *context, void *bytes_out, size_t len);
    void (*log)(void *context, enum weir_log_level level, weir_span text);
};

#ifdef __cplusplus
}
#endif
#endif
