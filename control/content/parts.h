/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/content/parts.h - what the files of this room share.
 *
 * Threads: as content.h. Memory: the caller's; keys are wiped by whoever
 * holds them.
 */
#ifndef WEIR_CONTENT_PARTS_H
#define WEIR_CONTENT_PARTS_H

#include <jansson.h>

#include "control/content/content.h"
#include "control/content/token.h"

#define WEIR__CONTENT_PATH (WEIR_PATH_MAX + 128)

/* The settings, copied out under the lock. */
struct weir__content_class {
    char name[WEIR_CONTENT_CLASS_MAX];
    weir_time floor_us;
    weir_time ceiling_us;
    uint64_t bytes_max;
    bool is_optional;
    char regions[16][64];
    uint32_t region_count;
};
struct weir__content_settings {
    struct weir_world_reference master; /* value in text below */
    char master_text[WEIR_PATH_MAX];
    uint64_t queue_bytes_max;
    uint64_t free_bytes_min;
    struct weir__content_class classes[64];
    uint32_t class_count;
    uint64_t edition;
};
/* False: nothing is kept. Takes control->lock. */
bool weir__content_settings_of(struct weir_control *control,
                               struct weir__content_settings *settings_out);
const struct weir__content_class *
weir__content_class(const struct weir__content_settings *settings,
                    const char *name);

/* state/content/<name>, made when missing with its folder. */
void weir__content_path(const struct weir_paths *paths, const char *name,
                        char path_out[WEIR__CONTENT_PATH]);

/* ------------------------------------------------------------- keys */

struct weir__content_master {
    struct weir_aes_key key;   /* where there is no token */
    struct weir__token *token; /* that has it, and wraps by itself */
    uint8_t id[8];
};
/* EPARSE: not 32 bytes in hex or base64. Of a token: see token.h. */
WEIR_MUST_USE weir_status weir__content_master_get(
    const struct weir__content_settings *settings,
    struct weir__content_master *master_out, struct weir_error *err);
/* Wipes the key, lets go of the token; one of zeros is fine. */
void weir__content_master_drop(struct weir__content_master *master);

struct weir__content_key {
    uint8_t id[WEIR_CONTENT_KEY_ID];
    struct weir_aes_key key;
};
/* The tenant's data key. ENOTFOUND: it has none (or no more). EDENIED: it is
 * under another master key. `master` NULL: only the id. */
WEIR_MUST_USE weir_status weir__content_key_get(
    const struct weir_paths *paths, const char *tenant,
    const struct weir__content_master *master,
    struct weir__content_key *key_out, struct weir_error *err);
WEIR_MUST_USE weir_status weir__content_key_make(
    const struct weir_paths *paths, const char *tenant,
    const struct weir__content_master *master,
    struct weir__content_key *key_out, struct weir_error *err);
/* Overwrites it, then removes it. */
WEIR_MUST_USE weir_status weir__content_key_destroy(
    const struct weir_paths *paths, const char *tenant, struct weir_error *err);

/* Told by whoever destroyed a key: the workers' file is to be written anew. */
void weir__content_stir(void);

/* ------------------------------------------------------------- items */

/* Overwrites the key of one item in place, on disk when this returns. */
WEIR_MUST_USE weir_status weir__content_item_erase(
    const struct weir_paths *paths, const struct weir_content_item *item,
    struct weir_error *err);
/* Reads the whole item; `out` is initialised by the caller. */
WEIR_MUST_USE weir_status weir__content_item_read(
    const struct weir_paths *paths, const struct weir_content_item *item,
    struct weir_buf *out, struct weir_error *err);

/* One act into the journal and so into the log. Takes control->lock. */
WEIR_MUST_USE weir_status weir__content_note(struct weir_control *control,
                                             const struct weir_actor *actor,
                                             const char *action,
                                             const char *subject,
                                             json_t *detail,
                                             struct weir_error *err);

#endif
