/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/serve/addresses.h - the addresses of origins.
 *
 * nginx resolves names once, when it starts, and refuses to start when one
 * does not resolve. So control resolves them, bounded in time, and writes
 * addresses into nginx's configuration.
 *
 * Threads: weir_addresses_resolve() may be called from any one thread at a
 * time per object. Memory: the object owns its texts.
 */
#ifndef WEIR_ADDRESSES_H
#define WEIR_ADDRESSES_H

#include <weir/world.h>

#define WEIR_ADDRESSES_MAX    8  /* of one origin; more are left out */
#define WEIR_ADDRESS_TEXT_MAX 64 /* "[v6]:port" and a NUL */
#define WEIR_ADDRESS_NAME_MAX 64

struct weir_address_row {
    char name[WEIR_ADDRESS_NAME_MAX]; /* of the origin */
    uint32_t count;                   /* 0: does not resolve */
    char texts[WEIR_ADDRESSES_MAX][WEIR_ADDRESS_TEXT_MAX];
};

struct weir_addresses {
    struct weir_address_row *rows;
    uint32_t count;
};

/* What is to be resolved, taken from a world so that it can be freed. */
struct weir_address_wish {
    char name[WEIR_ADDRESS_NAME_MAX];
    char host[256];
    uint32_t port;
};

/*
 * Resolves every wish within `deadline_ms`; an origin that did not resolve
 * in time keeps the addresses it has in `before` (may be NULL). False: out
 * of memory.
 */
bool weir_addresses_resolve(const struct weir_address_wish *wishes,
                            uint32_t count, const struct weir_addresses *before,
                            unsigned deadline_ms,
                            struct weir_addresses *addresses_out);
/* malloc'ed, one per origin; NULL when there is none or memory is out. */
struct weir_address_wish *weir_address_wishes(const struct weir_world *world,
                                              uint32_t *count_out);
const struct weir_address_row *
weir_addresses_find(const struct weir_addresses *addresses, weir_span name);
bool weir_addresses_equal(const struct weir_addresses *a,
                          const struct weir_addresses *b);
void weir_addresses_free(struct weir_addresses *addresses);

#endif
