/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a program: every index is checked against what it points into,
 * once, in time linear in the size of the block and without memory. After
 * that no function of the program tests a bound again.
 *
 * Damage that keeps the bounds (a list that is not ascending, a slot that
 * names the wrong entity) gives wrong answers, not wrong accesses: whoever
 * maps the block checks its digest first.
 */
#include "program.h"

#include <string.h>

const uint8_t weir__cedar_item_sizes[CEDAR_SECTIONS] = {
    [CEDAR_STRINGS] = 1,
    [CEDAR_TYPES] = sizeof(struct program_text),
    [CEDAR_NAMES] = sizeof(struct program_text),
    [CEDAR_ENTITIES] = sizeof(struct program_entity),
    [CEDAR_SHAPES] = sizeof(struct program_shape),
    [CEDAR_KEYS] = sizeof(struct program_key),
    [CEDAR_WORDS] = sizeof(uint64_t),
    [CEDAR_CELLS] = sizeof(struct program_cell),
    [CEDAR_ANCESTORS] = sizeof(uint32_t),
    [CEDAR_SLOTS] = sizeof(uint32_t),
    [CEDAR_POLICIES] = sizeof(struct program_policy),
    [CEDAR_CODE] = sizeof(struct program_op),
    [CEDAR_NOTES] = sizeof(struct program_note),
    [CEDAR_PIECES] = sizeof(struct program_text),
    [CEDAR_HANDLES] = sizeof(uint32_t),
    [CEDAR_BUCKETS] = sizeof(struct program_bucket),
    [CEDAR_LISTS] = sizeof(struct program_candidate),
    [CEDAR_CLASSES] = sizeof(struct program_class),
    [CEDAR_ROWS] = 1,
    [CEDAR_META] = sizeof(struct program_meta),
    [CEDAR_ANNOTATIONS] = sizeof(struct program_annotation),
};

struct check {
    const struct weir_cedar_program *program;
    const struct program_header *header;
    const uint32_t *counts;
    uint64_t words_used;
    uint64_t cells_used;
};

#define ITEMS(check, section, type)                                            \
    PROGRAM_ITEMS((check)->program, section, type)

static bool
range_ok(uint32_t first, uint32_t count, uint32_t total)
{
    return first <= total && count <= total - first;
}

static bool
text_ok(const struct check *check, struct program_text text)
{
    return range_ok(text.offset, text.len, check->counts[CEDAR_STRINGS]);
}

static bool
texts_ok(const struct check *check, enum cedar_section section)
{
    const struct program_text *texts =
        ITEMS(check, section, struct program_text);
    for (uint32_t i = 0; i < check->counts[section]; i++)
        if (!text_ok(check, texts[i]))
            return false;
    return true;
}

static bool
pieces_ok(const struct check *check)
{
    const struct program_text *pieces =
        ITEMS(check, CEDAR_PIECES, struct program_text);
    for (uint32_t i = 0; i < check->counts[CEDAR_PIECES]; i++)
        if (pieces[i].len != CEDAR_NONE && !text_ok(check, pieces[i]))
            return false;
    return true;
}

static bool
shapes_ok(const struct check *check)
{
    const struct program_shape *shapes =
        ITEMS(check, CEDAR_SHAPES, struct program_shape);
    const struct program_key *keys =
        ITEMS(check, CEDAR_KEYS, struct program_key);
    for (uint32_t i = 0; i < check->counts[CEDAR_SHAPES]; i++)
        if (!range_ok(shapes[i].first, shapes[i].count,
                      check->counts[CEDAR_KEYS]))
            return false;
    for (uint32_t i = 0; i < check->counts[CEDAR_KEYS]; i++)
        if (keys[i].name >= check->counts[CEDAR_NAMES] ||
            keys[i].kind >= WEIR_CEDAR_KINDS)
            return false;
    return true;
}

/* A word of this kind, in something whose depth is `depth`. */
static bool
word_ok(const struct check *check, uint32_t kind, uint64_t word, uint32_t depth)
{
    if (kind == WEIR_CEDAR_STRING)
        return text_ok(check, (struct program_text){(uint32_t)word,
                                                    (uint32_t)(word >> 32)});
    if (kind == WEIR_CEDAR_ENTITY)
        return word < check->counts[CEDAR_ENTITIES];
    if (kind < WEIR_CEDAR_STRING)
        return true;
    if (word >= check->counts[CEDAR_CELLS])
        return false;
    const struct program_cell *cell =
        &ITEMS(check, CEDAR_CELLS, struct program_cell)[word];
    return cell->kind == kind &&
           (kind == WEIR_CEDAR_IP || cell->detail < depth);
}

/* Words of a shape. The compiler shares none, so their sum is bounded; a
 * block in which they overlap could be slow to check, and is refused. */
static bool
words_ok(struct check *check, uint32_t shape, uint32_t first, uint32_t depth)
{
    if (shape >= check->counts[CEDAR_SHAPES])
        return false;
    const struct program_shape *s =
        &ITEMS(check, CEDAR_SHAPES, struct program_shape)[shape];
    const struct program_key *keys =
        ITEMS(check, CEDAR_KEYS, struct program_key) + s->first;
    const uint64_t *words = ITEMS(check, CEDAR_WORDS, uint64_t);
    check->words_used += s->count;
    if (!range_ok(first, s->count, check->counts[CEDAR_WORDS]) ||
        check->words_used > check->counts[CEDAR_WORDS])
        return false;
    for (uint32_t i = 0; i < s->count; i++)
        if (!word_ok(check, keys[i].kind, words[first + i], depth))
            return false;
    return true;
}

static bool
set_ok(struct check *check, const struct program_cell *set)
{
    const struct program_cell *cells =
        ITEMS(check, CEDAR_CELLS, struct program_cell);
    check->cells_used += set->count;
    if (set->data > UINT32_MAX ||
        !range_ok((uint32_t)set->data, set->count,
                  check->counts[CEDAR_CELLS]) ||
        check->cells_used > check->counts[CEDAR_CELLS])
        return false;
    for (uint32_t i = 0; i < set->count; i++) {
        const struct program_cell *cell = &cells[set->data + i];
        if (cell->kind >= WEIR_CEDAR_SET && cell->detail >= set->detail)
            return false;
    }
    return true;
}

static bool
cell_ok(struct check *check, const struct program_cell *cell)
{
    uint32_t strings = check->counts[CEDAR_STRINGS];
    switch (cell->kind) {
    case WEIR_CEDAR_STRING:
        return cell->data <= UINT32_MAX &&
               range_ok((uint32_t)cell->data, cell->count, strings);
    case WEIR_CEDAR_ENTITY:
        return cell->count < check->counts[CEDAR_ENTITIES];
    case WEIR_CEDAR_IP:
        return cell->data <= UINT32_MAX &&
               range_ok((uint32_t)cell->data, sizeof(struct weir_cedar_ip),
                        strings) &&
               cell->prefix <= (cell->detail != 0 ? 128 : 32) &&
               cell->detail <= 1;
    case WEIR_CEDAR_SET:
        return cell->detail > 0 && cell->detail <= CEDAR_DEPTH_LIMIT &&
               set_ok(check, cell);
    case WEIR_CEDAR_RECORD:
        if (cell->detail == 0 || cell->detail > CEDAR_DEPTH_LIMIT ||
            !words_ok(check, (uint32_t)(cell->data >> 32), (uint32_t)cell->data,
                      cell->detail))
            return false;
        return ITEMS(check, CEDAR_SHAPES,
                     struct program_shape)[cell->data >> 32]
                   .count == cell->count;
    default:
        return cell->kind < WEIR_CEDAR_KINDS;
    }
}

static bool
cells_ok(struct check *check)
{
    const struct program_cell *cells =
        ITEMS(check, CEDAR_CELLS, struct program_cell);
    for (uint32_t i = 0; i < check->counts[CEDAR_CELLS]; i++)
        if (!cell_ok(check, &cells[i]))
            return false;
    return true;
}

static bool
entities_ok(struct check *check)
{
    const struct program_entity *entities =
        ITEMS(check, CEDAR_ENTITIES, struct program_entity);
    const struct program_cell *cells =
        ITEMS(check, CEDAR_CELLS, struct program_cell);
    uint64_t rows = check->header->row_stride == 0
                        ? 0
                        : check->counts[CEDAR_ROWS] / check->header->row_stride;
    for (uint32_t i = 0; i < check->counts[CEDAR_ENTITIES]; i++) {
        const struct program_entity *e = &entities[i];
        if (!text_ok(check, e->id) || e->type >= check->counts[CEDAR_TYPES] ||
            !words_ok(check, e->shape, e->words, CEDAR_DEPTH_LIMIT + 1) ||
            !range_ok(e->ancestors, e->ancestor_count,
                      check->counts[CEDAR_ANCESTORS]) ||
            (e->row != CEDAR_NONE && e->row >= rows))
            return false;
        if (e->tags != CEDAR_NONE && (e->tags >= check->counts[CEDAR_CELLS] ||
                                      cells[e->tags].kind != WEIR_CEDAR_RECORD))
            return false;
    }
    return true;
}

static bool
numbers_below(const struct check *check, enum cedar_section section,
              uint64_t limit)
{
    const uint32_t *numbers = ITEMS(check, section, uint32_t);
    for (uint32_t i = 0; i < check->counts[section]; i++)
        if (numbers[i] >= limit)
            return false;
    return true;
}

/* A power of two with a free slot, so that every search ends. */
static bool
slots_ok(const struct check *check)
{
    const uint32_t *slots = ITEMS(check, CEDAR_SLOTS, uint32_t);
    uint32_t count = check->counts[CEDAR_SLOTS];
    bool has_free = false;
    if (count == 0 || (count & (count - 1)) != 0)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        has_free |= slots[i] == 0;
        if (slots[i] > check->counts[CEDAR_ENTITIES])
            return false;
    }
    return has_free;
}

/* ----------------------------------------------------------------- code */

enum operand {
    NOTHING,
    CELL,
    NAME,
    TYPE,
    HANDLE,
    PIECES,
    HANDLES,
    NAMES,
    VARIABLE_NAME
};

/* What each operation takes from the stack, leaves on it, and names. */
static const struct {
    uint8_t pops;
    uint8_t pushes;
    uint8_t operand;
    bool is_jump;
    bool ends; /* nothing falls through */
    bool has_variable;
} ops[OP_COUNT] = {
    [OP_DONE] = {0, 0, NOTHING, false, true, false},
    [OP_FAIL] = {0, 0, NOTHING, false, true, false},
    [OP_CONST] = {0, 1, CELL, false, false, false},
    [OP_VAR] = {0, 1, NOTHING, false, false, true},
    [OP_ATTR_OF] = {0, 1, NAME, false, false, true},
    [OP_GET] = {1, 1, NAME, false, false, false},
    [OP_HAS] = {1, 1, NAME, false, false, false},
    [OP_HAS_GET] = {1, 1, NAME, true, false, false},
    [OP_GET_TAG] = {2, 1, NOTHING, false, false, false},
    [OP_HAS_TAG] = {2, 1, NOTHING, false, false, false},
    [OP_NOT] = {1, 1, NOTHING, false, false, false},
    [OP_NEGATE] = {1, 1, NOTHING, false, false, false},
    [OP_IS_EMPTY] = {1, 1, NOTHING, false, false, false},
    [OP_IS] = {1, 1, TYPE, false, false, false},
    [OP_IS_THEN] = {1, 1, TYPE, true, false, false},
    [OP_LIKE] = {1, 1, PIECES, false, false, false},
    [OP_IN_LITERAL] = {1, 1, HANDLE, false, false, false},
    [OP_ADD] = {2, 1, NOTHING, false, false, false},
    [OP_SUBTRACT] = {2, 1, NOTHING, false, false, false},
    [OP_MULTIPLY] = {2, 1, NOTHING, false, false, false},
    [OP_LESS] = {2, 1, NOTHING, false, false, false},
    [OP_LESS_EQUAL] = {2, 1, NOTHING, false, false, false},
    [OP_GREATER] = {2, 1, NOTHING, false, false, false},
    [OP_GREATER_EQUAL] = {2, 1, NOTHING, false, false, false},
    [OP_EQUAL] = {2, 1, NOTHING, false, false, false},
    [OP_NOT_EQUAL] = {2, 1, NOTHING, false, false, false},
    [OP_IN] = {2, 1, NOTHING, false, false, false},
    [OP_CONTAINS] = {2, 1, NOTHING, false, false, false},
    [OP_CONTAINS_ALL] = {2, 1, NOTHING, false, false, false},
    [OP_CONTAINS_ANY] = {2, 1, NOTHING, false, false, false},
    [OP_JUMP_FALSE] = {1, 0, NOTHING, true, false, false},
    [OP_JUMP_TRUE] = {1, 0, NOTHING, true, false, false},
    [OP_BRANCH] = {1, 0, NOTHING, true, false, false},
    [OP_JUMP] = {0, 0, NOTHING, true, true, false},
    [OP_BOOL] = {1, 1, NOTHING, false, false, false},
    [OP_SET] = {0, 1, NOTHING, false, false, false},  /* pops a */
    [OP_RECORD] = {0, 1, NAMES, false, false, false}, /* pops b */
    [OP_CALL] = {0, 1, NOTHING, false, false, false}, /* pops arity */
    [OP_REQUIRE] = {1, 0, NOTHING, false, false, false},
    [OP_REQUIRE_IN] = {0, 0, HANDLE, false, false, true},
    [OP_REQUIRE_EQUAL] = {0, 0, HANDLE, false, false, true},
    [OP_REQUIRE_IS] = {0, 0, TYPE, false, false, true},
    [OP_REQUIRE_IN_ANY] = {0, 0, HANDLES, false, false, true},
};

static bool
operand_ok(const struct check *check, const struct program_op *op)
{
    const uint32_t *counts = check->counts;
    const uint32_t *handles = ITEMS(check, CEDAR_HANDLES, uint32_t);
    uint32_t limit = counts[CEDAR_ENTITIES];
    switch ((enum operand)ops[op->op].operand) {
    case CELL:
        return op->a < counts[CEDAR_CELLS];
    case NAME:
        return op->a < counts[CEDAR_NAMES];
    case TYPE:
        return op->a < counts[CEDAR_TYPES] || op->a == CEDAR_NONE;
    case HANDLE:
        return op->a < counts[CEDAR_ENTITIES];
    case PIECES:
        return range_ok(op->a, op->b, counts[CEDAR_PIECES]);
    case NAMES:
        limit = counts[CEDAR_NAMES];
        __attribute__((fallthrough));
    case HANDLES:
        if (!range_ok(op->a, op->b, counts[CEDAR_HANDLES]))
            return false;
        for (uint32_t i = 0; i < op->b; i++)
            if (handles[op->a + i] >= limit)
                return false;
        return true;
    default:
        return true;
    }
}

static bool
op_ok(const struct check *check, uint32_t at)
{
    const struct program_op *code = ITEMS(check, CEDAR_CODE, struct program_op);
    const struct program_op *op = &code[at];
    uint32_t pops;
    uint32_t after;
    if (op->op >= OP_COUNT)
        return false;
    pops = ops[op->op].pops;
    if (op->op == OP_SET)
        pops = op->a;
    if (op->op == OP_RECORD)
        pops = op->b;
    if (op->op == OP_CALL) {
        if (op->x >= CEDAR_FNS)
            return false;
        pops = weir__cedar_functions[op->x].arity;
    }
    if (pops > op->depth ||
        (op->note != CEDAR_NONE && op->note >= check->counts[CEDAR_NOTES]) ||
        (ops[op->op].has_variable && op->x > CEDAR_CONTEXT) ||
        !operand_ok(check, op))
        return false;
    /* Scope checks are made of the three entities only. */
    if (op->op >= OP_REQUIRE_IN && op->x == CEDAR_CONTEXT)
        return false;
    /* Without a fault, OP_FAIL would run on into what follows. */
    if (op->op == OP_FAIL &&
        (op->a == WEIR_CEDAR_FAULT_NONE || op->a >= WEIR_CEDAR_FAULTS))
        return false;
    after = op->depth - pops + ops[op->op].pushes;
    /* OP_IS_THEN borrows the place above for its test. */
    if (after + (op->op == OP_IS_THEN) > check->header->stack_max)
        return false;
    if (ops[op->op].is_jump) {
        /* && and || leave the value that decided; HAS_GET a false. */
        bool keeps = op->op == OP_JUMP_FALSE || op->op == OP_JUMP_TRUE;
        uint32_t there = keeps ? op->depth : after;
        if (op->b <= at || op->b >= check->counts[CEDAR_CODE] ||
            code[op->b].depth != there)
            return false;
    }
    return ops[op->op].ends ||
           (at + 1 < check->counts[CEDAR_CODE] && code[at + 1].depth == after);
}

static bool
code_ok(const struct check *check)
{
    uint64_t listed = 0;
    for (uint32_t i = 0; i < check->counts[CEDAR_CODE]; i++) {
        const struct program_op *op =
            &ITEMS(check, CEDAR_CODE, struct program_op)[i];
        if (op->op == OP_REQUIRE_IN_ANY || op->op == OP_RECORD)
            listed += op->b;
        if (listed > check->counts[CEDAR_HANDLES] || !op_ok(check, i))
            return false;
    }
    return true;
}

/* -------------------------------------------------------------- policies */

static bool
policies_ok(const struct check *check)
{
    const struct program_policy *policies =
        ITEMS(check, CEDAR_POLICIES, struct program_policy);
    const struct program_op *code = ITEMS(check, CEDAR_CODE, struct program_op);
    const uint32_t *handles = ITEMS(check, CEDAR_HANDLES, uint32_t);
    for (uint32_t i = 0; i < check->counts[CEDAR_POLICIES]; i++) {
        const struct program_policy *p = &policies[i];
        if (p->start >= check->counts[CEDAR_CODE] ||
            p->entry >= check->counts[CEDAR_CODE] ||
            code[p->start].depth != 0 || code[p->entry].depth != 0 ||
            p->class >= check->counts[CEDAR_CLASSES] ||
            p->effect > WEIR_CEDAR_PERMIT || p->key_var > CEDAR_RESOURCE)
            return false;
        /* A group is its count, then its handles. */
        if (p->group != CEDAR_NONE &&
            (p->group >= check->counts[CEDAR_HANDLES] ||
             !range_ok(p->group + 1, handles[p->group],
                       check->counts[CEDAR_HANDLES])))
            return false;
    }
    return true;
}

static bool
buckets_ok(const struct check *check)
{
    const struct program_bucket *buckets =
        ITEMS(check, CEDAR_BUCKETS, struct program_bucket);
    if (check->counts[CEDAR_BUCKETS] !=
            CEDAR_BUCKET_COUNT(check->header->key_count,
                               check->counts[CEDAR_TYPES]) ||
        check->header->key_count > check->counts[CEDAR_ENTITIES])
        return false;
    for (uint32_t i = 0; i < check->counts[CEDAR_BUCKETS]; i++)
        if (!range_ok(buckets[i].first, buckets[i].count,
                      check->counts[CEDAR_LISTS]) ||
            buckets[i].forbids > buckets[i].count)
            return false;
    return true;
}

/* A guard's handle is only compared, so any will do. */
static bool
lists_ok(const struct check *check)
{
    const struct program_candidate *lists =
        ITEMS(check, CEDAR_LISTS, struct program_candidate);
    for (uint32_t i = 0; i < check->counts[CEDAR_LISTS]; i++)
        if (lists[i].policy >= check->header->policy_count ||
            lists[i].class >= check->counts[CEDAR_CLASSES] ||
            (lists[i].guard != CEDAR_NONE &&
             lists[i].guard >> CEDAR_GUARD_SHIFT > CEDAR_RESOURCE))
            return false;
    return true;
}

static bool
classes_ok(const struct check *check)
{
    const struct program_class *classes =
        ITEMS(check, CEDAR_CLASSES, struct program_class);
    const uint32_t *handles = ITEMS(check, CEDAR_HANDLES, uint32_t);
    uint64_t listed = 0;
    if ((uint64_t)check->header->row_stride * 8 < check->counts[CEDAR_CLASSES])
        return false;
    for (uint32_t i = 0; i < check->counts[CEDAR_CLASSES]; i++) {
        const struct program_class *c = &classes[i];
        listed += c->count;
        if (!range_ok(c->first, c->count, check->counts[CEDAR_HANDLES]) ||
            listed > check->counts[CEDAR_HANDLES] ||
            (c->op == CEDAR_SCOPE_EQUAL && c->count == 0))
            return false;
        for (uint32_t j = 0; j < c->count; j++)
            if (handles[c->first + j] >= check->counts[CEDAR_ENTITIES])
                return false;
    }
    return true;
}

static bool
meta_ok(const struct check *check)
{
    const struct program_meta *meta =
        ITEMS(check, CEDAR_META, struct program_meta);
    const struct program_annotation *annotations =
        ITEMS(check, CEDAR_ANNOTATIONS, struct program_annotation);
    for (uint32_t i = 0; i < check->counts[CEDAR_META]; i++)
        if (!text_ok(check, meta[i].id) || !text_ok(check, meta[i].file) ||
            !range_ok(meta[i].first_annotation, meta[i].annotation_count,
                      check->counts[CEDAR_ANNOTATIONS]))
            return false;
    for (uint32_t i = 0; i < check->counts[CEDAR_ANNOTATIONS]; i++)
        if (!text_ok(check, annotations[i].key) ||
            !text_ok(check, annotations[i].value))
            return false;
    return true;
}

static bool
notes_ok(const struct check *check)
{
    const struct program_note *notes =
        ITEMS(check, CEDAR_NOTES, struct program_note);
    for (uint32_t i = 0; i < check->counts[CEDAR_NOTES]; i++)
        if (!text_ok(check, notes[i].text))
            return false;
    return true;
}

static bool
header_ok(const struct program_header *header)
{
    /* The stack's depth is 16 bits in each operation; temp is bounded so
     * that a scratch area stays a size that a worker has. */
    return header->stack_max <= UINT16_MAX &&
           header->temp_size <= (UINT32_C(1) << 28) &&
           header->temp_size % 16 == 0 &&
           header->policy_count == header->sections[CEDAR_POLICIES].count &&
           header->policy_count == header->sections[CEDAR_META].count;
}

weir_status
weir_cedar_program_open(weir_span blob, struct weir_cedar_program *program_out,
                        struct weir_error *err)
{
    struct weir_cedar_program program = {.base = blob.ptr, .size = blob.len};
    const struct program_header *header = (const void *)blob.ptr;
    struct check check = {.program = &program};
    _Static_assert(CEDAR_SECTIONS <= WEIR_COUNTOF(program.sections),
                   "sections fit");
    if (((uintptr_t)blob.ptr & 7) != 0)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "a program must lie at a multiple of 8 bytes");
    if (blob.len < sizeof(*header) || header->magic != CEDAR_PROGRAM_MAGIC)
        return weir_fail(err, WEIR_ECORRUPT, 0, "this is no policy program");
    if (header->version != CEDAR_PROGRAM_VERSION)
        return weir_fail(err, WEIR_EVERSION, 8,
                         "policy program of version %u, this build reads %d",
                         header->version, CEDAR_PROGRAM_VERSION);
    if (header->size != blob.len || !header_ok(header))
        return weir_fail(err, WEIR_ECORRUPT, 16,
                         "the policy program is cut or damaged");
    program.header = header;
    for (int i = 0; i < CEDAR_SECTIONS; i++) {
        const struct program_extent *e = &header->sections[i];
        if (e->offset % 8 != 0 || e->offset > blob.len ||
            (uint64_t)e->count * weir__cedar_item_sizes[i] >
                blob.len - e->offset)
            return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                             "section %d of the policy program is damaged", i);
        program.sections[i] = blob.ptr + e->offset;
        program.counts[i] = e->count;
    }
    check.header = header;
    check.counts = program.counts;
    if (!texts_ok(&check, CEDAR_TYPES) || !texts_ok(&check, CEDAR_NAMES) ||
        program.counts[CEDAR_TYPES] >= CEDAR_TYPE_UNKNOWN ||
        !pieces_ok(&check) || !shapes_ok(&check) || !cells_ok(&check) ||
        !entities_ok(&check) ||
        !numbers_below(&check, CEDAR_ANCESTORS,
                       program.counts[CEDAR_ENTITIES]) ||
        !slots_ok(&check))
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "the entities of the policy program are damaged");
    if (!code_ok(&check) || !policies_ok(&check) || !buckets_ok(&check) ||
        !lists_ok(&check) || !classes_ok(&check) || !meta_ok(&check) ||
        !notes_ok(&check))
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "the policies of the policy program are damaged");
    *program_out = program;
    return WEIR_OK;
}
