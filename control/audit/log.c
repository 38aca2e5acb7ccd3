/* SPDX-License-Identifier: Apache-2.0 */
/* The log by itself: signature, quorum, root, leaves. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/audit/parts.h"
#include "control/ingest/leaves.h"
#include "control/tlog/check.h"
#include "control/tlog/file.h"

/* --------------------------------------------------------------- checkpoint */

static void
write_key(const struct weir_note_key *key, char *text_out, size_t size)
{
    struct weir_buf text;
    weir_buf_init_fixed(&text, text_out, size - 1);
    weir_note_key_write(key, &text);
    text_out[text.len] = '\0';
}

static bool
has_second(const struct weir__audit_head *head)
{
    return head->own[1].type == WEIR_NOTE_MLDSA44;
}

static weir_status
read_key(struct weir_store *store, struct weir__audit_head *head,
         struct weir_error *err)
{
    struct weir_note_secret first = {.type = WEIR_NOTE_ED25519}, second;
    weir_span name;
    weir_status status =
        weir_tlog_identity(store, false, &first.ed25519, head->origin, err);
    name = weir_span_of(head->origin);
    if (status == WEIR_OK)
        status = weir_note_key_of(name, &first, &head->own[0], err);
    if (status == WEIR_OK &&
        weir_note_second_of(&first.ed25519, &second) == WEIR_OK) {
        status = weir_note_key_of(name, &second, &head->own[1], err);
        weir_wipe(&second, sizeof second);
    }
    weir_wipe(&first, sizeof first);
    if (status != WEIR_OK)
        return status;
    write_key(&head->own[0], head->key, sizeof head->key);
    if (has_second(head))
        write_key(&head->own[1], head->second_key, sizeof head->second_key);
    return WEIR_OK;
}

static weir_status
verify_head(const struct weir_transparency *rules, bool is_witnessed,
            struct weir__audit_head *head, struct weir_error *err)
{
    struct weir_policy_file file = {NULL};
    struct weir_note note;
    uint64_t verified = 0;
    weir_span bytes = weir_buf_span(&head->bytes);
    weir_status status;
    if (is_witnessed) {
        status = weir_policy_load(rules->policy, &file, err);
        if (status == WEIR_OK)
            status = weir_tlog_policy_verify(&file.policy, &head->own[0], bytes,
                                             &head->checkpoint,
                                             &head->witnesses, err);
        free(file.text);
        if (status != WEIR_OK)
            return status;
    }
    /* The policy may list other logs: this one's own key it must be. */
    status = weir_note_parse(bytes, &note, err);
    if (status == WEIR_OK)
        status = weir_note_verify(&note, head->own, has_second(head) ? 2 : 1,
                                  &verified, err);
    if (status == WEIR_OK && (verified & 1) == 0)
        status = weir_fail(err, WEIR_EUNAUTH, WEIR_OFFSET_NONE,
                           "the log's first key did not sign the checkpoint");
    if (status == WEIR_OK)
        status = weir_checkpoint_parse(note.text, &head->checkpoint, err);
    return status;
}

weir_status
weir__audit_head_read(struct weir_store *store, const struct weir_paths *paths,
                      const struct weir_transparency *rules, const char *name,
                      struct weir__audit_head *head_out, struct weir_error *err)
{
    memset(head_out, 0, sizeof *head_out);
    weir_buf_init(&head_out->bytes, WEIR_NOTE_BYTES_MAX);
    weir_status status = read_key(store, head_out, err);
    if (status != WEIR_OK)
        return status;
    int dir = open(paths->tlog, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failure = dir < 0 ? errno : tlog_file_read(dir, name, &head_out->bytes);
    if (dir >= 0)
        close(dir);
    if (failure != 0)
        return weir_fail(err, failure == ENOENT ? WEIR_ENOTFOUND : WEIR_EIO,
                         WEIR_OFFSET_NONE, "%s: %s", name, strerror(failure));
    /* The log's own checkpoint alone is nobody else's word. */
    return verify_head(
        rules, rules->policy[0] != '\0' && strcmp(name, "checkpoint") != 0,
        head_out, err);
}

void
weir__audit_head_fini(struct weir__audit_head *head)
{
    weir_buf_fini(&head->bytes);
}

bool
weir__audit_leaves(weir_span text, uint64_t *first_out, uint64_t *end_out)
{
    const char *dots =
        text.len < 4 ? NULL : memmem(text.ptr, text.len, "..", 2);
    if (dots == NULL)
        return false;
    weir_span first = {text.ptr, (size_t)(dots - text.ptr)};
    weir_span end = {dots + 2, text.len - first.len - 2};
    return weir_span_to_u64(first, first_out) &&
           weir_span_to_u64(end, end_out) && *first_out < *end_out;
}

/* --------------------------------------------------------------- the checks */

/* The checkpoint that witnesses vouched for: there, good, and of this log. */
static void
check_witnessed(struct weir_audit *audit, const struct weir_checkpoint *head,
                json_t *log)
{
    struct weir__audit_head witnessed;
    struct weir_error err = {0};
    if (audit->rules->policy[0] == '\0')
        return;
    weir_status status =
        weir__audit_head_read(audit->store, audit->paths, audit->rules,
                              WEIR_WITNESSED, &witnessed, &err);
    if (status == WEIR_OK)
        status = weir_tlog_check_since(audit->paths->tlog,
                                       &witnessed.checkpoint, head, &err);
    if (status == WEIR_ENOTFOUND)
        weir__audit_differ(audit, "log",
                           "no quorum of witnesses has cosigned a checkpoint");
    else if (status != WEIR_OK)
        weir__audit_differ(audit, "log", "the witnessed checkpoint: %s",
                           err.text);
    else
        json_object_set_new(
            log, "witnessed",
            json_pack("{s:I,s:i}", "size",
                      (json_int_t)witnessed.checkpoint.size, "witnesses",
                      __builtin_popcountll(witnessed.witnesses)));
    weir__audit_head_fini(&witnessed);
}

static void
check_tree(struct weir_audit *audit, const struct weir_checkpoint *head,
           uint64_t first, uint64_t end)
{
    struct weir_error err = {0};
    audit->log_size = head->size;
    if (weir_tlog_check(audit->paths->tlog, head, first, end, &err) != WEIR_OK)
        weir__audit_differ(audit, "log", "%s", err.text);
    if (head->size > 0 && weir_tlog_tiles_open(audit->paths->tlog, head->size,
                                               &audit->tiles, &err) != WEIR_OK)
        weir__audit_differ(audit, "log", "%s", err.text);
}

static json_t *
head_json(const struct weir__audit_head *head, int64_t leaves)
{
    const struct weir_checkpoint *checkpoint = &head->checkpoint;
    char hex[WEIR_HEX_LEN(32)];
    weir_hex_encode((weir_span){(const char *)checkpoint->root.bytes, 32}, hex);
    return json_pack("{s:s#,s:s,s:s*,s:I,s:s#,s:I}", "origin",
                     checkpoint->origin.ptr, (int)checkpoint->origin.len, "key",
                     head->key, "second_key",
                     has_second(head) ? head->second_key : NULL, "size",
                     (json_int_t)checkpoint->size, "root", hex, (int)sizeof hex,
                     "leaves", (json_int_t)leaves);
}

weir_status
weir__audit_log(struct weir_audit *audit, json_t *reply, struct weir_error *err)
{
    struct weir__audit_head head;
    struct weir_error own = {0};
    int64_t next = 0;
    weir_status status =
        weir_store_number_get(audit->store, "tlog.next", &next, err);
    if (status != WEIR_OK)
        return status;
    audit->leaves = (uint64_t)next;
    status = weir__audit_head_read(audit->store, audit->paths, audit->rules,
                                   "checkpoint", &head, &own);
    /* Otherwise nothing was ever recorded. */
    if (status != WEIR_OK && (status != WEIR_ENOTFOUND || next != 0))
        weir__audit_differ(audit, "log", "the checkpoint: %s", own.text);
    if (status == WEIR_OK) {
        json_t *log = head_json(&head, next);
        check_tree(audit, &head.checkpoint, 0, head.checkpoint.size);
        check_witnessed(audit, &head.checkpoint, log);
        json_object_set_new(reply, "log", log);
    }
    weir__audit_head_fini(&head);
    return WEIR_OK;
}

weir_status
weir_audit_range(struct weir_store *store, const struct weir_paths *paths,
                 const struct weir_transparency *rules, weir_span leaves,
                 json_t **reply_out, struct weir_error *err)
{
    struct weir_audit audit = {.store = store, .paths = paths, .rules = rules};
    struct weir__audit_head head;
    uint64_t first, end;
    if (!weir__audit_leaves(leaves, &first, &end))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "leaves are given as A..B, from A up to B");
    weir_status status =
        weir__audit_head_read(store, paths, rules, "checkpoint", &head, err);
    if (status == WEIR_OK && end > head.checkpoint.size)
        status = weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                           "the log has %llu leaves",
                           (unsigned long long)head.checkpoint.size);
    if (status == WEIR_OK) {
        audit.differences = json_array();
        json_t *log = head_json(&head, (int64_t)(end - first));
        check_tree(&audit, &head.checkpoint, first, end);
        check_witnessed(&audit, &head.checkpoint, log);
        *reply_out = json_pack("{s:b,s:I,s:o,s:o}", "is_sound",
                               audit.difference_count == 0, "difference_count",
                               (json_int_t)audit.difference_count,
                               "differences", audit.differences, "log", log);
        weir_tlog_tiles_close(audit.tiles);
    }
    weir__audit_head_fini(&head);
    return status;
}
