/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of a simulation: names and classes, answers remembered, calls
 * that are open. All are open addressing over powers of two.
 */
#include <stdlib.h>
#include <string.h>

#include "control/simulate/parts.h"

/* ---------------------------------------------------------------- classes */

#define NAME_SLOTS  (UINT32_C(1) << 17)
#define NAMES_MAX   (NAME_SLOTS / 2)
#define CLASS_SLOTS (UINT32_C(1) << 20)
#define CLASSES_MAX (CLASS_SLOTS / 2)

const char *
weir__effect_name(enum weir_effect effect)
{
    static const char *const names[WEIR_EFFECTS] = {
        [WEIR_EFFECT_SAME] = "same",
        [WEIR_EFFECT_CUT_OFF] = "cut_off",
        [WEIR_EFFECT_HELD] = "held",
        [WEIR_EFFECT_RESTORED] = "restored",
        [WEIR_EFFECT_MOVED] = "moved",
        [WEIR_EFFECT_OTHERWISE] = "refused_otherwise",
        [WEIR_EFFECT_DIFFERENT] = "different",
        [WEIR_EFFECT_NOT_REPEATABLE] = "not_repeatable",
        [WEIR_EFFECT_NO_IMAGE] = "not_kept",
        [WEIR_EFFECT_NOT_POLICY] = "not_policy",
        [WEIR_EFFECT_PASSED_OVER] = "passed_over",
    };
    return names[effect];
}

void
weir__classes_init(struct weir_classes *classes)
{
    memset(classes, 0, sizeof *classes);
    weir_arena_init_heap(&classes->arena, (size_t)64 << 20);
    classes->name_slots = calloc(NAME_SLOTS, sizeof *classes->name_slots);
    classes->slots = calloc(CLASS_SLOTS, sizeof *classes->slots);
    classes->is_full = classes->name_slots == NULL || classes->slots == NULL;
    if (!classes->is_full)
        (void)weir__classes_name(classes, WEIR_SPAN(""));
}

void
weir__classes_fini(struct weir_classes *classes)
{
    free(classes->names);
    free(classes->name_slots);
    free(classes->rows);
    free(classes->slots);
    weir_arena_fini(&classes->arena);
}

static bool
grow(void **rows, uint32_t *capacity, uint32_t count, size_t size)
{
    if (count < *capacity)
        return true;
    uint32_t wanted = *capacity == 0 ? 256 : *capacity * 2;
    void *more = realloc(*rows, wanted * size);
    if (more == NULL)
        return false;
    *rows = more;
    *capacity = wanted;
    return true;
}

uint32_t
weir__classes_name(struct weir_classes *classes, weir_span text)
{
    uint32_t at = (uint32_t)weir_hash64(text, 7) & (NAME_SLOTS - 1);
    while (classes->name_slots[at] != 0) {
        uint32_t row = classes->name_slots[at] - 1;
        if (weir_span_equal(classes->names[row], text))
            return row;
        at = (at + 1) & (NAME_SLOTS - 1);
    }
    void *names = classes->names;
    weir_span copy = weir_arena_copy(&classes->arena, text);
    if (classes->name_count == NAMES_MAX || classes->arena.overflow ||
        !grow(&names, &classes->name_capacity, classes->name_count,
              sizeof *classes->names)) {
        classes->is_full = true;
        return 0;
    }
    classes->names = names;
    classes->names[classes->name_count] = copy;
    classes->name_slots[at] = ++classes->name_count;
    return classes->name_count - 1;
}

uint32_t
weir__classes_find(struct weir_classes *classes, enum weir_effect effect,
                   const weir_span names[WEIR_DIMENSIONS])
{
    struct weir_class wanted = {.effect = effect};
    if (classes->is_full)
        return 0;
    for (uint32_t i = 0; i < WEIR_DIMENSIONS; i++)
        wanted.names[i] = weir__classes_name(classes, names[i]);
    uint32_t at = (uint32_t)weir_hash64((weir_span){(const char *)wanted.names,
                                                    sizeof wanted.names},
                                        effect) &
                  (CLASS_SLOTS - 1);
    while (classes->slots[at] != 0) {
        const struct weir_class *row = &classes->rows[classes->slots[at] - 1];
        if (row->effect == effect &&
            memcmp(row->names, wanted.names, sizeof wanted.names) == 0)
            return classes->slots[at] - 1;
        at = (at + 1) & (CLASS_SLOTS - 1);
    }
    void *rows = classes->rows;
    if (classes->count == CLASSES_MAX ||
        !grow(&rows, &classes->capacity, classes->count,
              sizeof *classes->rows)) {
        classes->is_full = true;
        return 0;
    }
    classes->rows = rows;
    classes->rows[classes->count] = wanted;
    classes->slots[at] = ++classes->count;
    return classes->count - 1;
}

/* ------------------------------------------------------------------- memo */

#define MEMO_ROWS  (UINT32_C(1) << 18)
#define MEMO_BYTES ((size_t)256 << 20)

struct weir_memo_row {
    uint64_t hash; /* 0: empty */
    struct weir_memo_key key;
    const char *bytes;
    uint32_t len[3];
    uint32_t class_row;
};

bool
weir__memo_init(struct weir_memo *memo)
{
    memo->rows = calloc(MEMO_ROWS, sizeof *memo->rows);
    memo->mask = MEMO_ROWS - 1;
    memo->count = 0;
    weir_arena_init_heap(&memo->arena, MEMO_BYTES);
    return memo->rows != NULL;
}

void
weir__memo_fini(struct weir_memo *memo)
{
    free(memo->rows);
    weir_arena_fini(&memo->arena);
}

uint64_t
weir__memo_hash(const struct weir_memo_key *key, const weir_span parts[3])
{
    uint64_t hash = weir_hash64((weir_span){(const char *)key, sizeof *key}, 0);
    for (int i = 0; i < 3; i++) {
        if (parts[i].len > 0)
            hash = weir_hash64(parts[i], hash);
    }
    return hash | 1;
}

static bool
is_it(const struct weir_memo_row *row, const struct weir_memo_key *key,
      const weir_span parts[3])
{
    const char *at = row->bytes;
    if (memcmp(&row->key, key, sizeof *key) != 0)
        return false;
    for (int i = 0; i < 3; i++) {
        if (row->len[i] != parts[i].len ||
            (parts[i].len > 0 && memcmp(at, parts[i].ptr, parts[i].len) != 0))
            return false;
        at += parts[i].len;
    }
    return true;
}

uint32_t
weir__memo_find(const struct weir_memo *memo, uint64_t hash,
                const struct weir_memo_key *key, const weir_span parts[3])
{
    for (uint32_t at = (uint32_t)(hash >> 1) & memo->mask;
         memo->rows[at].hash != 0; at = (at + 1) & memo->mask) {
        if (memo->rows[at].hash == hash && is_it(&memo->rows[at], key, parts))
            return memo->rows[at].class_row;
    }
    return UINT32_MAX;
}

static char *
memo_room(struct weir_memo *memo, size_t len)
{
    char *room = NULL;
    if (memo->count < MEMO_ROWS / 2)
        room = weir_arena_alloc(&memo->arena, len + 1);
    if (room != NULL)
        return room;
    weir_arena_fini(&memo->arena);
    weir_arena_init_heap(&memo->arena, MEMO_BYTES);
    memset(memo->rows, 0, MEMO_ROWS * sizeof *memo->rows);
    memo->count = 0;
    return weir_arena_alloc(&memo->arena, len + 1);
}

void
weir__memo_put(struct weir_memo *memo, uint64_t hash,
               const struct weir_memo_key *key, const weir_span parts[3],
               uint32_t class_row)
{
    struct weir_memo_row row = {
        .hash = hash, .key = *key, .class_row = class_row};
    char *bytes = memo_room(memo, parts[0].len + parts[1].len + parts[2].len);
    if (bytes == NULL)
        return; /* it is evaluated again */
    row.bytes = bytes;
    for (int i = 0; i < 3; i++) {
        if (parts[i].len > 0)
            memcpy(bytes, parts[i].ptr, parts[i].len);
        bytes += parts[i].len;
        row.len[i] = (uint32_t)parts[i].len;
    }
    uint32_t at = (uint32_t)(hash >> 1) & memo->mask;
    while (memo->rows[at].hash != 0)
        at = (at + 1) & memo->mask;
    memo->rows[at] = row;
    memo->count++;
}

/* ------------------------------------------------------------- open calls */

struct weir_open_call {
    struct weir_request_id request;
    uint32_t class_row; /* + 1; 0: empty */
};

void
weir__open_calls_fini(struct weir_open_calls *calls)
{
    free(calls->rows);
}

/* The end of an id is random. */
static uint64_t
spot(const struct weir_request_id *request)
{
    uint64_t random;
    memcpy(&random, request->bytes + 8, sizeof random);
    return random * UINT64_C(0x9e3779b97f4a7c15) >> 20;
}

static void
insert(struct weir_open_calls *calls, const struct weir_open_call *row)
{
    uint64_t at = spot(&row->request) & calls->mask;
    while (calls->rows[at].class_row != 0)
        at = (at + 1) & calls->mask;
    calls->rows[at] = *row;
    calls->count++;
}

static bool
enlarge(struct weir_open_calls *calls)
{
    struct weir_open_calls more = {.mask = calls->mask * 2 + 1};
    if (calls->rows == NULL)
        more.mask = 1023;
    more.rows = calloc(more.mask + 1, sizeof *more.rows);
    if (more.rows == NULL)
        return false;
    for (uint64_t i = 0; calls->rows != NULL && i <= calls->mask; i++) {
        if (calls->rows[i].class_row != 0)
            insert(&more, &calls->rows[i]);
    }
    free(calls->rows);
    *calls = more;
    return true;
}

bool
weir__open_calls_put(struct weir_open_calls *calls,
                     const struct weir_request_id *request, uint32_t class_row)
{
    const struct weir_open_call row = {*request, class_row + 1};
    if ((calls->rows == NULL || calls->count * 2 > calls->mask) &&
        !enlarge(calls))
        return false;
    insert(calls, &row);
    return true;
}

/* Closes the hole, so that no search ends at it too early. */
static void
take_out(struct weir_open_calls *calls, uint64_t hole)
{
    uint64_t at = hole;
    for (;;) {
        at = (at + 1) & calls->mask;
        if (calls->rows[at].class_row == 0)
            break;
        uint64_t home = spot(&calls->rows[at].request) & calls->mask;
        if (((at - home) & calls->mask) < ((at - hole) & calls->mask))
            continue;
        calls->rows[hole] = calls->rows[at];
        hole = at;
    }
    calls->rows[hole].class_row = 0;
    calls->count--;
}

uint32_t
weir__open_calls_take(struct weir_open_calls *calls,
                      const struct weir_request_id *request)
{
    if (calls->rows == NULL)
        return UINT32_MAX;
    for (uint64_t at = spot(request) & calls->mask;
         calls->rows[at].class_row != 0; at = (at + 1) & calls->mask) {
        if (memcmp(&calls->rows[at].request, request, sizeof *request) != 0)
            continue;
        uint32_t found = calls->rows[at].class_row - 1;
        take_out(calls, at);
        return found;
    }
    return UINT32_MAX;
}
