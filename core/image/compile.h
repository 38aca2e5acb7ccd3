/* SPDX-License-Identifier: Apache-2.0 */
/* The compiler's parts: tables in memory, then bytes. */
#ifndef WEIR_IMAGE_COMPILE_H
#define WEIR_IMAGE_COMPILE_H

#include "format.h"
#include "policies.h"

struct weir__compiler {
    const struct weir_world *world;
    struct weir__policies policies;
    struct weir_arena arena;
    struct weir_buf text;           /* content of the text section */
    struct weir_buf program;        /* compiled policies and entities */
    struct weir__names texts;       /* offset in `text`, so that words are kept
                                 once; bounded, the rest is added plainly */
    struct weir_cedar_program view; /* of `program` */
    struct weir__image_facts facts;
    void *rows[WEIR__SECTIONS];
    uint32_t counts[WEIR__SECTIONS];
    struct weir__names scopes; /* rows of the scope section, by text */
    struct weir__names sets;   /* rows of the place sets, by their bytes */
    bool is_broken;            /* an entity without handle: a bug */
};

/* Bytes in the text section; shared where the word is there already. */
weir_ref weir__compile_text(struct weir__compiler *c, weir_span text);
/* The same for text that occurs once: no look-up. */
weir_ref weir__compile_text_once(struct weir__compiler *c, weir_span text);
/* What a reference of this compilation means; until text is added. */
weir_span weir__compile_read(const struct weir__compiler *c, weir_ref ref);
/* The handle of an entity that the store holds. */
uint32_t weir__compile_entity(struct weir__compiler *c, const char *type,
                              weir_span id);

/* Each fills its sections; memory is checked once afterwards. */
void weir__compile_places(struct weir__compiler *c); /* first */
void weir__compile_catalogue(struct weir__compiler *c);
void weir__compile_routes(struct weir__compiler *c);
void weir__compile_lives(struct weir__compiler *c);
void weir__compile_filters(struct weir__compiler *c);
void weir__compile_shares(struct weir__compiler *c);
void weir__compile_urls(struct weir__compiler *c);
void weir__compile_classifiers(struct weir__compiler *c);
void weir__compile_servers(struct weir__compiler *c);
void weir__compile_listings(struct weir__compiler *c); /* after the routes */
void weir__compile_callers(struct weir__compiler *c);
void weir__compile_budgets(struct weir__compiler *c); /* after the callers */
void weir__compile_policies(struct weir__compiler *c);
void weir__compile_indexes(struct weir__compiler *c);

/* Rows that keys and deployments refer to. */
uint32_t weir__compile_scope(struct weir__compiler *c, weir_span scope);
uint32_t weir__compile_places_of(struct weir__compiler *c,
                                 struct weir_world_range names);
void weir__compile_networks(struct weir__compiler *c);
uint32_t weir__compile_pin(struct weir__compiler *c,
                           const struct weir_world_pins *pins);

/* Room for `count` rows of a section. */
void *weir__compile_rows(struct weir__compiler *c, enum weir__section_id id,
                         size_t stride, uint32_t count);
#define WEIR__COMPILE_ROWS(c, id, type, count)                                 \
    ((type *)weir__compile_rows(c, WEIR__SECTION_##id, sizeof(type), count))

#endif
