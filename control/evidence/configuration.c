/* SPDX-License-Identifier: Apache-2.0 */
/* What the sources say of an organisation, as facts with file and line. */
#include <stdio.h>
#include <string.h>

#include "control/evidence/merge.h"

struct saying {
    struct weir_facts *facts;
    const struct weir_world_organisation *row;
    weir_span source;
    weir_time as_of;
};

const struct weir_world_organisation *
weir_evidence_configured(const struct weir_world *world, weir_span name)
{
    bool is_merged = world->base.rows != NULL;
    const struct weir_world_organisation *rows =
        is_merged ? world->base.rows : world->organisation_rows;
    uint32_t count = is_merged ? world->base.count : world->organisation_count;
    for (uint32_t i = 0; i < count; i++) {
        if (weir_span_equal(rows[i].name, name))
            return &rows[i];
    }
    return NULL;
}

static weir_span
source_of(struct weir_facts *facts, weir_span named)
{
    struct weir_buf text;
    char memory[512];
    if (named.len == 0)
        return WEIR_SPAN("configuration");
    weir_buf_init_fixed(&text, memory, sizeof memory);
    weir_buf_addf(&text, "configuration (");
    weir_buf_add_span(&text, named);
    weir_buf_addf(&text, ")");
    return text.overflow ? WEIR_SPAN("configuration")
                         : weir_arena_copy(&facts->arena, weir_buf_span(&text));
}

static weir_time
date_of(weir_span text)
{
    weir_time when;
    return weir_time_parse(text, &when) ? when : WEIR_TIME_MIN;
}

static struct weir_fact *
say(struct saying *s, enum weir_fact_kind kind, weir_span value,
    struct weir_place place)
{
    char text[512];
    struct weir_fact *fact = weir_facts_add(s->facts);
    if (fact == NULL)
        return NULL;
    if (place.line == 0)
        place = s->row->place;
    snprintf(text, sizeof text, "%.*s:%u", (int)(place.file.len & 0xff),
             place.file.ptr == NULL ? "" : place.file.ptr, place.line);
    fact->organisation = s->row->name;
    fact->kind = kind;
    fact->rank = WEIR_RANK_CONFIGURATION;
    fact->value = value;
    fact->source = s->source;
    fact->place = weir_arena_copy(&s->facts->arena, weir_span_of(text));
    fact->as_of = s->as_of;
    fact->entered_by = WEIR_SPAN("configuration");
    fact->entered = WEIR_TIME_MIN;
    return fact;
}

static void
say_text(struct saying *s, enum weir_fact_kind kind, weir_span value,
         struct weir_place place)
{
    if (value.len > 0)
        (void)say(s, kind, value, place);
}

static void
say_time(struct saying *s, enum weir_fact_kind kind, weir_time when)
{
    char text[WEIR_TIME_TEXT];
    if (when == 0)
        return;
    weir_time_format(when, text);
    (void)say(s, kind, weir_arena_copy(&s->facts->arena, weir_span_of(text)),
              s->row->place);
}

static void
say_names(struct saying *s, const struct weir_world *world,
          enum weir_fact_kind kind, struct weir_world_range range)
{
    for (uint32_t i = 0; i < range.count; i++) {
        const struct weir_world_name *name = &world->name_rows[range.first + i];
        say_text(s, kind, name->text, name->place);
    }
}

void
weir_evidence_configuration(const struct weir_world *world,
                            const struct weir_world_organisation *row,
                            struct weir_facts *facts)
{
    struct saying s = {facts, row, source_of(facts, row->source),
                       date_of(row->as_of)};
    const struct weir_world_owner *owners =
        world->base.rows != NULL ? world->base.owner_rows : world->owner_rows;
    say_text(&s, WEIR_FACT_NAME, row->title, row->place);
    say_names(&s, world, WEIR_FACT_ALIAS, row->aliases);
    say_names(&s, world, WEIR_FACT_IDENTIFIER, row->identifiers);
    say_text(&s, WEIR_FACT_INCORPORATED, row->incorporated.text,
             row->incorporated.place);
    say_text(&s, WEIR_FACT_HEADQUARTERS, row->headquarters.text,
             row->headquarters.place);
    say_text(&s, WEIR_FACT_CATEGORY, row->category, row->place);
    say_time(&s, WEIR_FACT_ESTABLISHED, row->established_since);
    say_time(&s, WEIR_FACT_VERIFIED, row->verified_until);
    say_names(&s, world, WEIR_FACT_PURPOSE, row->purposes);
    for (uint32_t i = 0; i < row->owners.count; i++) {
        const struct weir_world_owner *owner = &owners[row->owners.first + i];
        struct weir_fact *fact =
            say(&s, WEIR_FACT_OWNER, owner->name.text, owner->name.place);
        if (fact == NULL)
            return;
        fact->share = owner->share;
        if (owner->source.len > 0)
            fact->source = source_of(facts, owner->source);
        if (owner->as_of.len > 0)
            fact->as_of = date_of(owner->as_of);
    }
}
