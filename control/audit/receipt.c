/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A receipt: for each record of a call its bytes, its salt and a proof
 * (c2sp.org/tlog-proof) that the digest of both stands in the log. Checking
 * it needs this file's second half, or anybody's tool, and the log's key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/audit/parts.h"
#include "control/ingest/leaves.h"
#include "control/ingest/segments.h"

static json_t *
base64_json(const void *bytes, size_t len)
{
    size_t size = WEIR_BASE64_LEN(len);
    char *text = malloc(size + 1);
    if (text == NULL)
        return json_null();
    weir_base64_encode((weir_span){bytes, len}, text);
    json_t *json = json_stringn(text, size);
    free(text);
    return json;
}

struct proving {
    struct weir_store *store;
    const struct weir_paths *paths;
    struct weir_tlog_tiles *tiles;
    weir_span checkpoint;
    uint64_t size;
};

static weir_status
prove(struct proving *proving, const struct weir_store_at *at, json_t *list,
      struct weir_error *err)
{
    struct weir_tlog_proof proof = {.checkpoint = proving->checkpoint};
    struct weir_salts salts = {0};
    struct weir_record record;
    weir_digest salt, leaf;
    struct weir_buf bytes, text;
    if (at->leaf < 0 || (uint64_t)at->leaf >= proving->size)
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "no checkpoint covers the call yet: ask again in a "
                         "second");
    weir_buf_init(&bytes, 2 * WEIR_RECORD_BYTES_MAX);
    weir_buf_init(&text, 128 * 1024);
    weir_status status = weir_segments_read_at(
        proving->paths->journal, at->segment, at->offset, &bytes, &record, err);
    if (status == WEIR_OK)
        status = weir_salts_leaf(&salts, proving->store, false, at->segment,
                                 &record, &salt, &leaf, err);
    proof.index = (uint64_t)at->leaf;
    if (status == WEIR_OK)
        status = weir_tlog_prove_inclusion(proof.index, proving->size,
                                           weir_tlog_tiles_read, proving->tiles,
                                           proof.hashes, &proof.count);
    if (status == WEIR_OK) {
        weir_tlog_proof_write(&proof, &text);
        json_array_append_new(
            list, json_pack("{s:o,s:o,s:s#}", "record",
                            base64_json(record.raw.ptr, record.raw.len), "salt",
                            base64_json(salt.bytes, 32), "proof", text.ptr,
                            (int)text.len));
    }
    weir_wipe(&salts, sizeof salts);
    weir_buf_fini(&bytes);
    weir_buf_fini(&text);
    return status;
}

weir_status
weir_audit_receipt(struct weir_store *store, const struct weir_paths *paths,
                   weir_span request, json_t **reply_out,
                   struct weir_error *err)
{
    struct weir_request_id id;
    struct weir_store_call call;
    struct weir_checkpoint checkpoint;
    struct proving proving = {.store = store, .paths = paths};
    char *note = NULL, key[256], text[WEIR_REQUEST_ID_TEXT];
    size_t len = 0;
    if (!weir_request_id_parse(request, &id))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "this is no request id: it is 'req_' and 26 "
                         "characters");
    weir_status status = weir_store_call_get(store, &id, &call, err);
    if (status == WEIR_OK)
        status = weir__audit_checkpoint(store, paths, &note, &len, &checkpoint,
                                        key, err);
    if (status != WEIR_OK)
        return status;
    proving.checkpoint = (weir_span){note, len};
    proving.size = checkpoint.size;
    status =
        weir_tlog_tiles_open(paths->tlog, checkpoint.size, &proving.tiles, err);
    json_t *list = json_array();
    if (status == WEIR_OK)
        status = prove(&proving, &call.first, list, err);
    if (status == WEIR_OK && call.last.segment != 0)
        status = prove(&proving, &call.last, list, err);
    weir_request_id_format(&id, text);
    if (status == WEIR_OK)
        *reply_out = json_pack("{s:s,s:s,s:O}", "request", text, "key", key,
                               "records", list);
    json_decref(list);
    weir_tlog_tiles_close(proving.tiles);
    free(note);
    return status;
}

/* ------------------------------------------------------------------ checking */

/* A base64 member, decoded into malloc'ed bytes; false: not one. */
static bool
decode(const json_t *row, const char *name, char **bytes_out, size_t *len_out)
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

static weir_status
check_one(const json_t *row, const struct weir_note_key *key,
          struct weir_record *record_out, char **bytes_out,
          struct weir_error *err)
{
    char *salt = NULL;
    size_t salt_len = 0, len = 0;
    struct weir_tlog_proof proof;
    struct weir_sha256 hash;
    weir_digest data, leaf;
    uint64_t verified;
    const char *text = json_string_value(json_object_get(row, "proof"));
    if (text == NULL || !decode(row, "record", bytes_out, &len))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a record of the receipt is not readable");
    if (!decode(row, "salt", &salt, &salt_len) || salt_len != 32) {
        free(salt);
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a salt of the receipt is not readable");
    }
    weir_sha256_init(&hash);
    weir_sha256_add(&hash, salt, salt_len);
    weir_sha256_add(&hash, *bytes_out, len);
    weir_sha256_final(&hash, &data);
    free(salt);
    weir_tlog_leaf((weir_span){(const char *)data.bytes, 32}, &leaf);
    if (weir_record_read((weir_span){*bytes_out, len}, record_out) != WEIR_OK)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "a record of the receipt is not sound");
    weir_status status = weir_tlog_proof_parse(weir_span_of(text), &proof, err);
    if (status == WEIR_OK)
        status = weir_tlog_proof_verify(&proof, key->name, &leaf, key, 1,
                                        &verified, err);
    return status;
}

/* The request a record is about; false: it is about none. */
static bool
request_of(const struct weir_record *record, struct weir_request_id *id_out)
{
    struct weir_record_intent intent = {0};
    struct weir_record_outcome outcome = {0};
    struct weir_record_refusal refusal = {0};
    if (record->kind == WEIR_RECORD_INTENT &&
        weir_record_get_intent(record->payload, &intent, NULL) == WEIR_OK)
        *id_out = intent.request;
    else if (record->kind == WEIR_RECORD_OUTCOME &&
             weir_record_get_outcome(record->payload, &outcome, NULL) ==
                 WEIR_OK)
        *id_out = outcome.request;
    else if (record->kind == WEIR_RECORD_REFUSAL &&
             weir_record_get_refusal(record->payload, &refusal, NULL) ==
                 WEIR_OK)
        *id_out = refusal.request;
    else
        return false;
    return true;
}

static weir_status
check_row(const json_t *receipt, const json_t *row,
          const struct weir_note_key *key, struct weir_error *err)
{
    struct weir_record record = {0};
    struct weir_request_id id = {{0}};
    char *bytes = NULL, text[WEIR_REQUEST_ID_TEXT] = "";
    const char *claimed =
        json_string_value(json_object_get(receipt, "request"));
    weir_status status = check_one(row, key, &record, &bytes, err);
    if (status == WEIR_OK && request_of(&record, &id))
        weir_request_id_format(&id, text);
    free(bytes);
    if (status == WEIR_OK && (claimed == NULL || strcmp(claimed, text) != 0))
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "a record of the receipt is of another request");
    return status;
}

weir_status
weir_audit_check(const json_t *receipt, weir_span key_text, json_t **reply_out,
                 struct weir_error *err)
{
    struct weir_note_key key;
    const json_t *rows = json_object_get(receipt, "records"), *row;
    const char *named = json_string_value(json_object_get(receipt, "key"));
    size_t index;
    bool is_trusted = key_text.len > 0;
    if (!is_trusted && named != NULL)
        key_text = weir_span_of(named);
    weir_status status = weir_note_key_parse(key_text, &key, err);
    if (status != WEIR_OK)
        return status;
    if (json_array_size(rows) == 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "the receipt has no records");
    json_array_foreach((json_t *)(uintptr_t)rows, index, row)
    {
        status = check_row(receipt, row, &key, err);
        if (status != WEIR_OK)
            return status;
    }
    *reply_out = json_pack("{s:b,s:I,s:b,s:s#}", "is_valid", 1, "records",
                           (json_int_t)json_array_size(rows), "key_was_given",
                           is_trusted, "key", key_text.ptr, (int)key_text.len);
    return WEIR_OK;
}
