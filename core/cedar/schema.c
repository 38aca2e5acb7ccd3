/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resolved schema: look-ups, names, and the symbol table. Parsing is in
 * schema_text.c and schema_json.c, resolution in schema_resolve.c.
 */
#include "schema.h"
#include "lexer.h"

#include <string.h>

/* ------------------------------------------------------------- names */

static bool
is_name_start(char c)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool
weir__cedar_is_identifier(weir_span s)
{
    if (s.len == 0 || !is_name_start(s.ptr[0]))
        return false;
    for (size_t i = 1; i < s.len; i++)
        if (!is_name_start(s.ptr[i]) && !(s.ptr[i] >= '0' && s.ptr[i] <= '9'))
            return false;
    return true;
}

static bool
is_one_of(weir_span s, const char *const *words)
{
    for (; *words != NULL; words++)
        if (weir_span_equal(s, weir_span_of(*words)))
            return true;
    return false;
}

bool
weir__cedar_is_common_name(weir_span s)
{
    static const char *const words[] = {"Bool",      "Boolean", "Entity",
                                        "Extension", "Long",    "Record",
                                        "Set",       "String",  NULL};
    return !is_one_of(s, words);
}

bool
weir__cedar_is_reference(weir_span s)
{
    for (;;) {
        size_t end = 0;
        weir_span part;
        while (end < s.len && s.ptr[end] != ':')
            end++;
        part = (weir_span){s.ptr, end};
        if (!weir__cedar_is_identifier(part))
            return false;
        if (weir__cedar_is_reserved(part) &&
            !weir_span_equal(part, WEIR_SPAN("__cedar")))
            return false;
        if (end == s.len)
            return true;
        if (end + 1 >= s.len || s.ptr[end + 1] != ':')
            return false;
        s = (weir_span){s.ptr + end + 2, s.len - end - 2};
    }
}

bool
weir__cedar_is_action_type(weir_span name)
{
    return weir_span_equal(name, WEIR_SPAN("Action")) ||
           weir_span_ends(name, WEIR_SPAN("::Action"));
}

/* ------------------------------------------------------ symbol table */

struct symbol {
    enum symbol_kind kind;
    weir_span name;
    weir_span id;
    uint64_t hash;
    void *value; /* NULL: free slot */
};

struct weir__cedar_symbols {
    struct symbol *slots;
    size_t mask;
};

struct weir__cedar_symbols *
weir__cedar_symbols_new(struct weir_arena *arena, size_t count_max)
{
    struct weir__cedar_symbols *symbols =
        weir_arena_alloc(arena, sizeof(*symbols));
    size_t size = 16;
    while (size < count_max * 2)
        size *= 2;
    if (symbols == NULL)
        return NULL;
    symbols->slots = weir_arena_array(arena, struct symbol, size);
    symbols->mask = size - 1;
    return symbols->slots == NULL ? NULL : symbols;
}

static struct symbol *
symbol_slot(const struct weir__cedar_symbols *symbols, enum symbol_kind kind,
            weir_span name, weir_span id, uint64_t *hash_out)
{
    uint64_t hash = weir_hash64(id, weir_hash64(name, (uint64_t)kind));
    size_t at = (size_t)hash & symbols->mask;
    *hash_out = hash;
    for (;; at = (at + 1) & symbols->mask) {
        struct symbol *slot = &symbols->slots[at];
        if (slot->value == NULL)
            return slot;
        if (slot->hash == hash && slot->kind == kind &&
            weir_span_equal(slot->name, name) && weir_span_equal(slot->id, id))
            return slot;
    }
}

bool
weir__cedar_symbols_add(struct weir__cedar_symbols *symbols,
                        enum symbol_kind kind, weir_span name, weir_span id,
                        void *value)
{
    uint64_t hash;
    struct symbol *slot = symbol_slot(symbols, kind, name, id, &hash);
    WEIR_ASSERT(value != NULL);
    if (slot->value != NULL)
        return false;
    *slot = (struct symbol){kind, name, id, hash, value};
    return true;
}

void *
weir__cedar_symbols_get(const struct weir__cedar_symbols *symbols,
                        enum symbol_kind kind, weir_span name, weir_span id)
{
    uint64_t hash;
    return symbol_slot(symbols, kind, name, id, &hash)->value;
}

bool
weir__cedar_drop_replaced(struct weir_arena *arena, struct raw_type *type)
{
    struct weir__cedar_symbols *last;
    struct raw_attribute *a, **slot;
    size_t count = 0;
    for (a = type->attributes.first; a != NULL; a = a->next)
        count++;
    if (count < 2)
        return true;
    last = weir__cedar_symbols_new(arena, count);
    if (last == NULL)
        return false;
    for (a = type->attributes.first; a != NULL; a = a->next) {
        struct raw_attribute *first = weir__cedar_symbols_get(
            last, SYMBOL_ATTRIBUTE, a->name, WEIR_SPAN_NONE);
        if (first == NULL) {
            (void)weir__cedar_symbols_add(last, SYMBOL_ATTRIBUTE, a->name,
                                          WEIR_SPAN_NONE, a);
            continue;
        }
        first->type = a->type;
        first->is_required = a->is_required;
        first->notes = a->notes;
        a->type = NULL; /* goes below */
    }
    slot = &type->attributes.first;
    while (*slot != NULL) {
        if ((*slot)->type == NULL) {
            *slot = (*slot)->next;
            continue;
        }
        type->attributes.last = *slot;
        slot = &(*slot)->next;
    }
    return true;
}

/* ---------------------------------------------------------- look-ups */

weir_status
weir_cedar_schema_parse(struct weir_arena *arena, weir_span text,
                        enum weir_cedar_form form,
                        const struct weir_cedar_schema **schema_out,
                        struct weir_error *err)
{
    struct raw_schema raw = {0};
    weir_status status =
        form == WEIR_CEDAR_TEXT
            ? weir__cedar_schema_read_text(arena, text, &raw, err)
            : weir__cedar_schema_read_json(arena, text, &raw, err);
    if (status != WEIR_OK)
        return status;
    return weir__cedar_schema_resolve(arena, &raw, schema_out, err);
}

weir_status
weir_cedar_schema_translate(struct weir_arena *scratch, weir_span text,
                            enum weir_cedar_form from, enum weir_cedar_form to,
                            struct weir_buf *out, struct weir_error *err)
{
    const struct weir_cedar_schema *schema;
    struct raw_schema raw = {0};
    weir_status status =
        from == WEIR_CEDAR_TEXT
            ? weir__cedar_schema_read_text(scratch, text, &raw, err)
            : weir__cedar_schema_read_json(scratch, text, &raw, err);
    if (status == WEIR_OK)
        status = weir__cedar_schema_resolve(scratch, &raw, &schema, err);
    if (status != WEIR_OK)
        return status;
    if (to == WEIR_CEDAR_JSON) {
        weir__cedar_schema_write_json(&raw, out);
    } else {
        status = weir__cedar_schema_write_text(&raw, schema, out, err);
        if (status != WEIR_OK)
            return status;
    }
    if (out->overflow)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the schema needs over %zu bytes", out->max);
    return WEIR_OK;
}

size_t
weir_cedar_schema_entity_type_count(const struct weir_cedar_schema *schema)
{
    return schema->type_count;
}

const struct weir_cedar_entity_type *
weir_cedar_schema_entity_type(const struct weir_cedar_schema *schema,
                              size_t index)
{
    WEIR_ASSERT(index < schema->type_count);
    return schema->types[index];
}

const struct weir_cedar_entity_type *
weir_cedar_schema_find_type(const struct weir_cedar_schema *schema,
                            weir_span name)
{
    return weir__cedar_symbols_get(schema->symbols, SYMBOL_ENTITY, name,
                                   WEIR_SPAN_NONE);
}

size_t
weir_cedar_schema_action_count(const struct weir_cedar_schema *schema)
{
    return schema->action_count;
}

const struct weir_cedar_action *
weir_cedar_schema_action(const struct weir_cedar_schema *schema, size_t index)
{
    WEIR_ASSERT(index < schema->action_count);
    return schema->actions[index];
}

const struct weir_cedar_action *
weir_cedar_schema_find_action(const struct weir_cedar_schema *schema,
                              weir_span type, weir_span id)
{
    return weir__cedar_symbols_get(schema->symbols, SYMBOL_ACTION, type, id);
}

/* ------------------------------------------------------------- types */

const struct weir_cedar_attribute *
weir_cedar_type_attribute(const struct weir_cedar_type *record, weir_span name)
{
    uint32_t low = 0, high = record->attribute_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = weir_span_compare(record->attributes[middle].name, name);
        if (order == 0)
            return &record->attributes[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool
weir_cedar_type_equal(const struct weir_cedar_type *a,
                      const struct weir_cedar_type *b)
{
    while (a->kind == WEIR_CEDAR_TYPE_SET && b->kind == WEIR_CEDAR_TYPE_SET) {
        a = a->element;
        b = b->element;
    }
    if (a == b)
        return true;
    if (a->kind != b->kind || a->entity != b->entity ||
        a->attribute_count != b->attribute_count)
        return false;
    for (uint32_t i = 0; i < a->attribute_count; i++) {
        const struct weir_cedar_attribute *x = &a->attributes[i];
        const struct weir_cedar_attribute *y = &b->attributes[i];
        if (!weir_span_equal(x->name, y->name) ||
            x->is_required != y->is_required ||
            !weir_cedar_type_equal(x->type, y->type))
            return false;
    }
    return true;
}

void
weir_cedar_type_write(struct weir_buf *buf, const struct weir_cedar_type *type)
{
    static const char *const names[] = {"True",   "False",    "Bool",
                                        "Long",   "String",   "decimal",
                                        "ipaddr", "datetime", "duration"};
    switch (type->kind) {
    case WEIR_CEDAR_TYPE_ENTITY:
        weir_buf_add_span(buf, type->entity->name);
        return;
    case WEIR_CEDAR_TYPE_SET:
        weir_buf_add_span(buf, WEIR_SPAN("Set<"));
        weir_cedar_type_write(buf, type->element);
        weir_buf_add_byte(buf, '>');
        return;
    case WEIR_CEDAR_TYPE_RECORD:
        weir_buf_add_byte(buf, '{');
        for (uint32_t i = 0; i < type->attribute_count; i++) {
            const struct weir_cedar_attribute *a = &type->attributes[i];
            weir_buf_addf(buf, "%s%.*s%s: ", i == 0 ? "" : ", ",
                          WEIR_SPAN_ARG(a->name), a->is_required ? "" : "?");
            weir_cedar_type_write(buf, a->type);
        }
        weir_buf_add_byte(buf, '}');
        return;
    default:
        weir_buf_add_span(buf, weir_span_of(names[type->kind]));
        return;
    }
}

bool
weir_cedar_type_may_descend(const struct weir_cedar_entity_type *a,
                            const struct weir_cedar_entity_type *b)
{
    return (a->ancestors[b->index / 64] >> (b->index % 64) & 1) != 0;
}

bool
weir_cedar_type_admits_id(const struct weir_cedar_entity_type *type,
                          weir_span id)
{
    uint32_t low = 0, high = type->enum_count;
    if (type->enum_ids == NULL)
        return true;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = weir_span_compare(type->enum_ids[middle], id);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}
