/* SPDX-License-Identifier: Apache-2.0 */
/* Intents on the way to their outcome, by request id: chains in a table that
 * does not grow. */
#include <stdlib.h>
#include <string.h>

#include "control/telemetry/parts.h"

#define SLOTS 4096u
#define MOST  32768u /* more calls are not open at once, or are read again */

struct weir__intent {
    struct weir__intent *next;
    struct weir_request_id id;
    size_t len;
    char bytes[];
};

static size_t
slot_of(const struct weir_request_id *id)
{
    return weir_hash64((weir_span){(const char *)id->bytes, sizeof id->bytes},
                       0) %
           SLOTS;
}

void
weir__intents_put(struct weir__intents *intents,
                  const struct weir_request_id *id, weir_span payload)
{
    if (intents->slots == NULL)
        intents->slots = calloc(SLOTS, sizeof *intents->slots);
    if (intents->slots == NULL || intents->count == MOST)
        return;
    struct weir__intent *row = malloc(sizeof *row + payload.len);
    if (row == NULL)
        return;
    struct weir__intent **slot = &intents->slots[slot_of(id)];
    row->next = *slot;
    row->id = *id;
    row->len = payload.len;
    memcpy(row->bytes, payload.ptr, payload.len);
    *slot = row;
    intents->count++;
}

struct weir__intent *
weir__intents_take(struct weir__intents *intents,
                   const struct weir_request_id *id)
{
    if (intents->slots == NULL)
        return NULL;
    struct weir__intent **at = &intents->slots[slot_of(id)];
    while (*at != NULL && memcmp(&(*at)->id, id, sizeof *id) != 0)
        at = &(*at)->next;
    struct weir__intent *row = *at;
    if (row != NULL) {
        *at = row->next;
        intents->count--;
    }
    return row;
}

weir_span
weir__intent_payload(const struct weir__intent *intent)
{
    return (weir_span){intent->bytes, intent->len};
}

void
weir__intents_fini(struct weir__intents *intents)
{
    for (size_t i = 0; intents->slots != NULL && i < SLOTS; i++) {
        while (intents->slots[i] != NULL) {
            struct weir__intent *row = intents->slots[i];
            intents->slots[i] = row->next;
            free(row);
        }
    }
    free(intents->slots);
    *intents = (struct weir__intents){0};
}
