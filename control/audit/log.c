/* SPDX-License-Identifier: Apache-2.0 */
/* The log by itself: signature, root, number of leaves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/audit/parts.h"
#include "control/ingest/leaves.h"

weir_status
weir__audit_checkpoint(struct weir_store *store, const struct weir_paths *paths,
                       char **bytes_out, size_t *len_out,
                       struct weir_checkpoint *checkpoint_out,
                       char key_out[256], struct weir_error *err)
{
    struct weir_ed25519_secret secret;
    weir_ed25519_public public;
    struct weir_note_key key;
    struct weir_note note;
    struct weir_buf text;
    char origin[64], path[WEIR_PATH_MAX + 16];
    uint64_t verified;
    weir_status status = weir_tlog_identity(store, false, &secret, origin, err);
    if (status == WEIR_OK)
        status = weir_ed25519_public_of(&secret, &public);
    weir_wipe(&secret, sizeof secret);
    if (status != WEIR_OK)
        return status;
    weir_note_key_init(&key, weir_span_of(origin), WEIR_NOTE_ED25519, &public);
    weir_buf_init_fixed(&text, key_out, 255);
    weir_note_key_write(&key, &text);
    key_out[text.len] = '\0';
    snprintf(path, sizeof path, "%s/checkpoint", paths->tlog);
    status = weir_read_file(path, bytes_out, len_out, err);
    if (status != WEIR_OK)
        return status;
    status = weir_note_parse((weir_span){*bytes_out, *len_out}, &note, err);
    if (status == WEIR_OK)
        status = weir_note_verify(&note, &key, 1, &verified, err);
    if (status == WEIR_OK)
        status = weir_checkpoint_parse(note.text, checkpoint_out, err);
    if (status != WEIR_OK) {
        free(*bytes_out);
        *bytes_out = NULL;
    }
    return status;
}

/* The root of all leaves as they are stored. */
static weir_status
compute_root(struct weir_audit *audit, weir_digest *root_out,
             struct weir_error *err)
{
    struct weir_tlog_frontier frontier;
    memset(&frontier, 0, sizeof frontier);
    for (uint64_t i = 0; i < audit->log_size; i++) {
        weir_span data;
        weir_digest leaf;
        weir_status status = weir_tlog_tiles_entry(audit->tiles, i, &data, err);
        if (status != WEIR_OK)
            return status;
        weir_tlog_leaf(data, &leaf);
        weir_tlog_append(&frontier, &leaf);
    }
    weir_tlog_root(&frontier, root_out);
    return WEIR_OK;
}

static void
check_tree(struct weir_audit *audit, const struct weir_checkpoint *checkpoint)
{
    weir_digest root;
    struct weir_error err;
    audit->log_size = checkpoint->size;
    if (checkpoint->size == 0)
        return;
    if (weir_tlog_tiles_open(audit->paths->tlog, checkpoint->size,
                             &audit->tiles, &err) != WEIR_OK ||
        compute_root(audit, &root, &err) != WEIR_OK)
        weir__audit_differ(audit, "log", "%s", err.text);
    else if (!weir_digest_equal(&root, &checkpoint->root))
        weir__audit_differ(audit, "log",
                           "its leaves do not have the root of the signed "
                           "checkpoint");
}

weir_status
weir__audit_log(struct weir_audit *audit, json_t *reply, struct weir_error *err)
{
    struct weir_checkpoint checkpoint;
    struct weir_error own = {0};
    char *bytes = NULL;
    size_t len = 0;
    char key[256] = "", hex[WEIR_HEX_LEN(32)];
    int64_t next = 0;
    weir_status status =
        weir_store_number_get(audit->store, "tlog.next", &next, err);
    if (status != WEIR_OK)
        return status;
    audit->leaves = (uint64_t)next;
    status = weir__audit_checkpoint(audit->store, audit->paths, &bytes, &len,
                                    &checkpoint, key, &own);
    if (status == WEIR_ENOTFOUND && next == 0)
        return WEIR_OK; /* nothing was ever recorded */
    if (status != WEIR_OK) {
        weir__audit_differ(audit, "log", "the checkpoint: %s", own.text);
        return WEIR_OK;
    }
    check_tree(audit, &checkpoint);
    weir_hex_encode((weir_span){(const char *)checkpoint.root.bytes, 32}, hex);
    json_object_set_new(
        reply, "log",
        json_pack("{s:s#,s:s,s:I,s:s#,s:I}", "origin", checkpoint.origin.ptr,
                  (int)checkpoint.origin.len, "key", key, "size",
                  (json_int_t)checkpoint.size, "root", hex, (int)sizeof hex,
                  "leaves", (json_int_t)next));
    free(bytes);
    return WEIR_OK;
}
