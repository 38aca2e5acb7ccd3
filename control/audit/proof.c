/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receipts and copies of a log are checked with nothing but what the one who
 * checks trusts: the log's key, or a policy that names logs and witnesses,
 * and anchors for timestamps. No store, no configuration.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "control/audit/parts.h"
#include "control/tlog/check.h"

bool
weir__audit_decode(const json_t *row, const char *name, char **bytes_out,
                   size_t *len_out)
{
    const json_t *value = json_object_get(row, name);
    if (!json_is_string(value))
        return false;
    weir_span text = {json_string_value(value), json_string_length(value)};
    *bytes_out = malloc(text.len + 1);
    if (*bytes_out != NULL &&
        weir_base64_decode(text, *bytes_out, text.len + 1, len_out))
        return true;
    free(*bytes_out);
    *bytes_out = NULL;
    return false;
}

bool
weir__audit_request_of(const struct weir_record *record,
                       char text_out[WEIR_REQUEST_ID_TEXT])
{
    struct weir_record_intent intent = {0};
    struct weir_record_outcome outcome = {0};
    struct weir_record_refusal refusal = {0};
    const struct weir_request_id *id = NULL;
    if (record->kind == WEIR_RECORD_INTENT &&
        weir_record_get_intent(record->payload, &intent, NULL) == WEIR_OK)
        id = &intent.request;
    else if (record->kind == WEIR_RECORD_OUTCOME &&
             weir_record_get_outcome(record->payload, &outcome, NULL) ==
                 WEIR_OK)
        id = &outcome.request;
    else if (record->kind == WEIR_RECORD_REFUSAL &&
             weir_record_get_refusal(record->payload, &refusal, NULL) ==
                 WEIR_OK)
        id = &refusal.request;
    if (id != NULL)
        weir_request_id_format(id, text_out);
    return id != NULL;
}

/* ------------------------------------------------------------------- trust */

/* The key that the checkpoint's own log must have: the one given, else the
 * policy's of that origin, else the one that the file claims. */
static weir_status
choose_key(const struct weir_audit_trust *trust, weir_span named,
           weir_span origin, struct weir_note_key *key_out, bool *was_given_out,
           struct weir_error *err)
{
    const struct weir_tlog_policy *policy = trust->policy;
    *was_given_out = true;
    if (trust->key.len > 0)
        return weir_note_key_parse(trust->key, key_out, err);
    for (uint32_t i = 0; policy != NULL && i < policy->log_count; i++) {
        if (weir_span_equal(policy->logs[i].key.name, origin)) {
            *key_out = policy->logs[i].key;
            return WEIR_OK;
        }
    }
    if (policy != NULL && policy->log_count > 0)
        return weir_fail(err, WEIR_EUNAUTH, WEIR_OFFSET_NONE,
                         "the policy does not know this log");
    *was_given_out = false;
    return weir_note_key_parse(named, key_out, err);
}

/* The checkpoint of a note, verified as `trust` wants it. */
static weir_status
check_head(weir_span bytes, weir_span named,
           const struct weir_audit_trust *trust, struct weir__audit_seen *seen,
           struct weir_note_key *key_out, struct weir_checkpoint *head_out,
           struct weir_error *err)
{
    struct weir_note note = {0};
    struct weir_buf text;
    uint64_t verified = 0, witnesses = 0;
    weir_status status = weir_note_parse(bytes, &note, err);
    if (status == WEIR_OK)
        status = weir_checkpoint_parse(note.text, head_out, err);
    if (status == WEIR_OK)
        status = choose_key(trust, named, head_out->origin, key_out,
                            &seen->key_was_given, err);
    if (status == WEIR_OK && !weir_span_equal(key_out->name, head_out->origin))
        status = weir_fail(err, WEIR_EUNAUTH, WEIR_OFFSET_NONE,
                           "the key is of another log");
    if (status == WEIR_OK)
        status = weir_note_verify(&note, key_out, 1, &verified, err);
    if (status == WEIR_OK && trust->policy != NULL)
        status = weir_tlog_policy_verify(trust->policy, key_out, bytes,
                                         head_out, &witnesses, err);
    if (status != WEIR_OK)
        return status;
    seen->checkpoint = bytes;
    seen->has_policy = trust->policy != NULL;
    seen->witnesses = (uint32_t)__builtin_popcountll(witnesses);
    weir_buf_init_fixed(&text, seen->key, sizeof seen->key - 1);
    weir_note_key_write(key_out, &text);
    seen->key[text.len] = '\0';
    return WEIR_OK;
}

weir_status
weir__audit_check_record(weir_span record, weir_span salt, weir_span proof_text,
                         weir_span named, const struct weir_audit_trust *trust,
                         struct weir__audit_seen *seen_out,
                         struct weir_error *err)
{
    struct weir_tlog_proof proof;
    struct weir_note_key key;
    struct weir_checkpoint head;
    struct weir_sha256 hash;
    weir_digest data, leaf;
    memset(seen_out, 0, sizeof *seen_out);
    if (salt.len != 32)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a salt of the receipt is not readable");
    weir_sha256_init(&hash);
    weir_sha256_add(&hash, salt.ptr, salt.len);
    weir_sha256_add(&hash, record.ptr, record.len);
    weir_sha256_final(&hash, &data);
    weir_tlog_leaf((weir_span){(const char *)data.bytes, 32}, &leaf);
    if (weir_record_read(record, &seen_out->record) != WEIR_OK)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "a record of the receipt is not sound");
    weir_status status = weir_tlog_proof_parse(proof_text, &proof, err);
    if (status == WEIR_OK)
        status = check_head(proof.checkpoint, named, trust, seen_out, &key,
                            &head, err);
    if (status == WEIR_OK &&
        !weir_tlog_verify_inclusion(&leaf, proof.index, head.size, proof.hashes,
                                    proof.count, &head.root))
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "the path does not lead from the record to the "
                           "signed root: one of the two was altered");
    return status;
}

weir_status
weir__audit_check_stamp(const json_t *holder, weir_span checkpoint,
                        const struct weir_audit_trust *trust, json_t *reply,
                        struct weir_error *err)
{
    struct weir_note note;
    char *stamp = NULL;
    size_t len = 0;
    weir_time when = 0;
    if (json_object_get(holder, "timestamp") == NULL)
        return trust->stamp_ca == NULL
                   ? WEIR_OK
                   : weir_fail(err, WEIR_EUNAUTH, WEIR_OFFSET_NONE,
                               "the receipt has no timestamp");
    if (!weir__audit_decode(holder, "timestamp", &stamp, &len))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "the timestamp is not readable");
    weir_status status = weir_note_parse(checkpoint, &note, err);
    if (status == WEIR_OK)
        status = weir_stamp_verify(
            (weir_span){stamp, len}, note.text,
            trust->stamp_ca == NULL ? "" : trust->stamp_ca, &when, err);
    free(stamp);
    if (status == WEIR_OK) {
        json_object_set_new(reply, "timestamp_us", json_integer(when));
        json_object_set_new(reply, "timestamp_is_trusted",
                            json_boolean(trust->stamp_ca != NULL));
    }
    return status;
}

static json_t *
seen_json(const struct weir__audit_seen *seen, size_t records,
          const char *request)
{
    json_t *reply =
        json_pack("{s:b,s:I,s:b,s:s,s:s}", "is_valid", 1, "records",
                  (json_int_t)records, "key_was_given", seen->key_was_given,
                  "key", seen->key, "request", request);
    if (seen->has_policy)
        json_object_set_new(reply, "witnesses", json_integer(seen->witnesses));
    return reply;
}

/* ---------------------------------------------------------------- receipts */

static weir_status
check_row(const json_t *receipt, const json_t *row,
          const struct weir_audit_trust *trust,
          struct weir__audit_seen *seen_out, struct weir_error *err)
{
    char *record = NULL, *salt = NULL, text[WEIR_REQUEST_ID_TEXT] = "";
    size_t record_len = 0, salt_len = 0;
    const char *claimed =
        json_string_value(json_object_get(receipt, "request"));
    const char *named = json_string_value(json_object_get(receipt, "key"));
    const char *proof = json_string_value(json_object_get(row, "proof"));
    weir_status status = WEIR_OK;
    if (proof == NULL ||
        !weir__audit_decode(row, "record", &record, &record_len) ||
        !weir__audit_decode(row, "salt", &salt, &salt_len))
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "a record of the receipt is not readable");
    if (status == WEIR_OK)
        status = weir__audit_check_record(
            (weir_span){record, record_len}, (weir_span){salt, salt_len},
            weir_span_of(proof), weir_span_of(named == NULL ? "" : named),
            trust, seen_out, err);
    if (status == WEIR_OK)
        (void)weir__audit_request_of(&seen_out->record, text);
    free(record);
    free(salt);
    if (status == WEIR_OK && (claimed == NULL || strcmp(claimed, text) != 0))
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "a record of the receipt is of another request");
    return status;
}

weir_status
weir_audit_check(const json_t *receipt, const struct weir_audit_trust *trust,
                 json_t **reply_out, struct weir_error *err)
{
    const json_t *rows = json_object_get(receipt, "records"), *row;
    const char *request =
        json_string_value(json_object_get(receipt, "request"));
    struct weir__audit_seen seen;
    size_t index;
    if (json_array_size(rows) == 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "the receipt has no records");
    json_array_foreach((json_t *)(uintptr_t)rows, index, row)
    {
        weir_status status = check_row(receipt, row, trust, &seen, err);
        if (status != WEIR_OK)
            return status;
    }
    json_t *reply =
        seen_json(&seen, json_array_size(rows), request == NULL ? "" : request);
    weir_status status =
        weir__audit_check_stamp(receipt, seen.checkpoint, trust, reply, err);
    if (status == WEIR_OK)
        *reply_out = reply;
    else
        json_decref(reply);
    return status;
}

/* The JSON in a proof's extra data; NULL after a fault. */
static json_t *
extra_of(const struct weir_tlog_proof *proof, struct weir_error *err)
{
    json_t *extra = NULL;
    size_t len = 0;
    char *bytes = malloc(proof->extra.len + 1);
    if (bytes != NULL && proof->extra.len > 0 &&
        weir_base64_decode(proof->extra, bytes, proof->extra.len, &len))
        extra = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, NULL);
    free(bytes);
    if (!json_is_object(extra)) {
        json_decref(extra);
        (void)weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                        "the proof's extra data is not a weir's: it says no "
                        "record");
        return NULL;
    }
    return extra;
}

weir_status
weir_audit_check_proof(weir_span text, const struct weir_audit_trust *trust,
                       json_t **reply_out, struct weir_error *err)
{
    struct weir_tlog_proof proof;
    struct weir__audit_seen seen;
    char *record = NULL, *salt = NULL, request[WEIR_REQUEST_ID_TEXT] = "";
    size_t record_len = 0, salt_len = 0;
    weir_status status = weir_tlog_proof_parse(text, &proof, err);
    json_t *extra = status == WEIR_OK ? extra_of(&proof, err) : NULL;
    if (extra == NULL)
        return status == WEIR_OK ? WEIR_EPARSE : status;
    const char *named = json_string_value(json_object_get(extra, "key"));
    const char *claimed = json_string_value(json_object_get(extra, "request"));
    if (!weir__audit_decode(extra, "record", &record, &record_len) ||
        !weir__audit_decode(extra, "salt", &salt, &salt_len))
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "the proof's record is not readable");
    if (status == WEIR_OK)
        status = weir__audit_check_record(
            (weir_span){record, record_len}, (weir_span){salt, salt_len}, text,
            weir_span_of(named == NULL ? "" : named), trust, &seen, err);
    if (status == WEIR_OK && (!weir__audit_request_of(&seen.record, request) ||
                              claimed == NULL || strcmp(claimed, request) != 0))
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "the record of the proof is of another request");
    json_t *reply = status == WEIR_OK ? seen_json(&seen, 1, request) : NULL;
    if (status == WEIR_OK)
        status =
            weir__audit_check_stamp(extra, seen.checkpoint, trust, reply, err);
    if (status == WEIR_OK)
        *reply_out = json_incref(reply);
    json_decref(reply);
    json_decref(extra);
    free(record);
    free(salt);
    return status;
}

/* ------------------------------------------------------------------- files */

/* The checkpoint to go by: the witnessed one where witnesses are wanted. */
static weir_status
read_checkpoint(const char *directory, const struct weir_audit_trust *trust,
                char **bytes_out, size_t *len_out, struct weir_error *err)
{
    char path[WEIR_PATH_MAX + 32];
    bool wants_witnesses = trust->policy != NULL && trust->policy->quorum != 0;
    struct stat info;
    snprintf(path, sizeof path, "%s/%s", directory, WEIR_WITNESSED);
    if (!wants_witnesses || stat(path, &info) != 0)
        snprintf(path, sizeof path, "%s/checkpoint", directory);
    return weir_read_file(path, bytes_out, len_out, err);
}

static weir_status
check_since(const char *directory, weir_span since, weir_span key,
            const struct weir_checkpoint *head, struct weir_error *err)
{
    const struct weir_audit_trust own = {.key = key};
    struct weir__audit_seen seen;
    struct weir_note_key parsed;
    struct weir_checkpoint old;
    weir_status status =
        check_head(since, WEIR_SPAN(""), &own, &seen, &parsed, &old, err);
    return status == WEIR_OK ? weir_tlog_check_since(directory, &old, head, err)
                             : status;
}

weir_status
weir_audit_check_files(const char *directory, weir_span leaves, weir_span since,
                       const struct weir_audit_trust *trust, json_t **reply_out,
                       struct weir_error *err)
{
    struct weir__audit_seen seen = {0};
    struct weir_note_key key;
    struct weir_checkpoint head = {0};
    char *bytes = NULL, hex[WEIR_HEX_LEN(32)];
    size_t len = 0;
    uint64_t first = 0, end = 0;
    weir_status status = read_checkpoint(directory, trust, &bytes, &len, err);
    if (status == WEIR_OK)
        status = check_head((weir_span){bytes, len}, WEIR_SPAN(""), trust,
                            &seen, &key, &head, err);
    end = head.size;
    if (status == WEIR_OK && leaves.len > 0 &&
        !weir__audit_leaves(leaves, &first, &end))
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "leaves are given as A..B, from A up to B");
    if (status == WEIR_OK && since.len > 0)
        status =
            check_since(directory, since, weir_span_of(seen.key), &head, err);
    if (status == WEIR_OK)
        status = weir_tlog_check(directory, &head, first, end, err);
    if (status == WEIR_OK) {
        weir_hex_encode((weir_span){(const char *)head.root.bytes, 32}, hex);
        *reply_out =
            json_pack("{s:b,s:s#,s:s,s:I,s:I,s:s#}", "is_valid", 1, "origin",
                      head.origin.ptr, (int)head.origin.len, "key", seen.key,
                      "size", (json_int_t)head.size, "checked",
                      (json_int_t)(end - first), "root", hex, (int)sizeof hex);
        if (seen.has_policy)
            json_object_set_new(*reply_out, "witnesses",
                                json_integer(seen.witnesses));
    }
    free(bytes);
    return status;
}
