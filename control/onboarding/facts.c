/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is on file of an organisation: is it enough for its category, what
 * does a decision rest on, which names are held against lists.
 *
 * WHAT A DECISION RESTS ON. Names, places, category and owners. Not the
 * dates of verification: that an extract was fetched again and says the same
 * is no reason to decide again.
 */
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>

#include "control/onboarding/parts.h"

/* What any category needs unless the configuration says otherwise. */
#define NEEDS_DEFAULT                                                          \
    (1u << WEIR_NEED_TITLE | 1u << WEIR_NEED_HEADQUARTERS |                    \
     1u << WEIR_NEED_INCORPORATED | 1u << WEIR_NEED_CATEGORY |                 \
     1u << WEIR_NEED_ESTABLISHED | 1u << WEIR_NEED_SOURCE |                    \
     1u << WEIR_NEED_AS_OF | 1u << WEIR_NEED_VERIFIED_UNTIL)

uint32_t
weir__facts_find(const struct weir_world *world, weir_span name)
{
    for (uint32_t i = 0; i < world->organisation_count; i++) {
        if (weir_span_equal(world->organisation_rows[i].name, name))
            return i;
    }
    return WEIR_INDEX_NONE;
}

/* ------------------------------------------------------------------- digest */

static int
by_name(const void *a, const void *b)
{
    const struct weir_world_owner *const *left = a;
    const struct weir_world_owner *const *right = b;
    return weir_span_compare((*left)->name.text, (*right)->name.text);
}

static void
add_field(struct weir_sha256 *sha, weir_span text)
{
    uint64_t len = text.len;
    weir_sha256_add(sha, &len, sizeof len);
    weir_sha256_add(sha, text.ptr, text.len);
}

void
weir__facts_digest(const struct weir_world *world, uint32_t row,
                   uint8_t digest_out[32])
{
    const struct weir_world_organisation *o = &world->organisation_rows[row];
    const struct weir_world_owner *owners[WEIR__OWNERS_MAX];
    uint32_t count = o->owners.count < WEIR__OWNERS_MAX
                         ? o->owners.count
                         : (uint32_t)WEIR__OWNERS_MAX;
    struct weir_sha256 sha;
    weir_digest digest;
    weir_sha256_init(&sha);
    add_field(&sha, o->name);
    add_field(&sha, o->title);
    add_field(&sha, o->headquarters.text);
    add_field(&sha, o->incorporated.text);
    add_field(&sha, o->category);
    add_field(&sha, o->is_established ? WEIR_SPAN("yes") : WEIR_SPAN("no"));
    for (uint32_t i = 0; i < count; i++)
        owners[i] = &world->owner_rows[o->owners.first + i];
    qsort(owners, count, sizeof owners[0], by_name);
    for (uint32_t i = 0; i < count; i++) {
        add_field(&sha, owners[i]->name.text);
        add_field(&sha, (weir_span){(const char *)&owners[i]->share,
                                    sizeof owners[i]->share});
    }
    weir_sha256_final(&sha, &digest);
    memcpy(digest_out, digest.bytes, 32);
}

/* ------------------------------------------------------------------ evidence */

static uint32_t
needed(const struct weir_world *world, weir_span category)
{
    uint32_t facts = NEEDS_DEFAULT;
    for (uint32_t i = 0; i < world->need_count; i++) {
        const struct weir_world_need *need = &world->need_rows[i];
        if (weir_span_equal(need->category, category))
            return need->facts;
        if (weir_span_equal(need->category, WEIR_SPAN("default")))
            facts = need->facts;
    }
    return facts;
}

static bool
owners_are_sourced(const struct weir_world *world,
                   const struct weir_world_organisation *o)
{
    for (uint32_t i = 0; i < o->owners.count; i++) {
        if (world->owner_rows[o->owners.first + i].source.len == 0)
            return false;
    }
    return o->owners.count > 0;
}

uint32_t
weir__facts_missing(const struct weir_world *world, uint32_t row, weir_time now)
{
    const struct weir_world_organisation *o = &world->organisation_rows[row];
    uint32_t has = 0;
    has |= (uint32_t)(o->title.len > 0) << WEIR_NEED_TITLE;
    has |= (uint32_t)(o->headquarters.text.len > 0) << WEIR_NEED_HEADQUARTERS;
    has |= (uint32_t)(o->incorporated.text.len > 0) << WEIR_NEED_INCORPORATED;
    has |= (uint32_t)(o->category.len > 0) << WEIR_NEED_CATEGORY;
    has |= (uint32_t)o->is_established << WEIR_NEED_ESTABLISHED;
    has |= (uint32_t)owners_are_sourced(world, o) << WEIR_NEED_OWNERS;
    has |= (uint32_t)(o->source.len > 0) << WEIR_NEED_SOURCE;
    has |= (uint32_t)(o->as_of.len > 0) << WEIR_NEED_AS_OF;
    has |= (uint32_t)(o->verified_until > now) << WEIR_NEED_VERIFIED_UNTIL;
    return needed(world, o->category) & ~has;
}

/* -------------------------------------------------------------------- names */

static bool
is_new(const uint32_t *rows, uint32_t count, uint32_t row)
{
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i] == row)
            return false;
    }
    return true;
}

uint32_t
weir__facts_above(const struct weir_world *world, uint32_t row,
                  uint32_t rows_out[WEIR__OWNERS_MAX])
{
    uint32_t count = 1;
    rows_out[0] = row;
    for (uint32_t at = 0; at < count; at++) {
        struct weir_world_range owners =
            world->organisation_rows[rows_out[at]].owners;
        for (uint32_t i = 0; i < owners.count && count < WEIR__OWNERS_MAX;
             i++) {
            uint32_t owner = world->owner_rows[owners.first + i].name.row;
            if (owner < world->organisation_count &&
                is_new(rows_out, count, owner))
                rows_out[count++] = owner;
        }
    }
    return count;
}

uint32_t
weir__facts_texts(const struct weir_world *world, uint32_t row,
                  weir_span texts_out[WEIR__TEXTS_MAX])
{
    const struct weir_world_organisation *o = &world->organisation_rows[row];
    uint32_t count = 1;
    texts_out[0] = o->title.len > 0 ? o->title : o->name;
    for (uint32_t i = 0; i < o->aliases.count && count < WEIR__TEXTS_MAX; i++)
        texts_out[count++] = world->name_rows[o->aliases.first + i].text;
    for (uint32_t i = 0; i < o->identifiers.count && count < WEIR__TEXTS_MAX;
         i++) {
        weir_span text = world->name_rows[o->identifiers.first + i].text;
        const char *colon =
            text.len == 0 ? NULL : memchr(text.ptr, ':', text.len);
        size_t scheme = colon == NULL ? 0 : (size_t)(colon - text.ptr) + 1;
        texts_out[count++] = (weir_span){text.ptr + scheme, text.len - scheme};
    }
    return count;
}

weir_status
weir__facts_names(const struct weir_world *world, uint32_t row,
                  struct weir_arena *arena, weir_span **names_out,
                  uint32_t *count_out, struct weir_error *err)
{
    uint32_t rows[WEIR__OWNERS_MAX];
    uint32_t count = weir__facts_above(world, row, rows);
    weir_span texts[WEIR__TEXTS_MAX];
    uint32_t total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += weir__facts_texts(world, rows[i], texts);
    weir_span *names = weir_arena_array(arena, weir_span, total);
    if (names == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    uint32_t filled = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t found = weir__facts_texts(world, rows[i], texts);
        memcpy(names + filled, texts, found * sizeof texts[0]);
        filled += found;
    }
    *names_out = names;
    *count_out = filled;
    return WEIR_OK;
}
