/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receipts are made here and checked in proof.c. One holds, for each record
 * of a call, its bytes, its salt and a proof (c2sp.org/tlog-proof) that the
 * digest of both stands in the log. It has two forms: JSON with all records,
 * and the proof of one record by itself, whose `extra` holds the rest.
 *
 * WHICH CHECKPOINT. Where a policy asks for witnesses, only one with their
 * quorum: a receipt under a checkpoint that nobody else has seen would prove
 * what the log's operator can still take back. Where timestamps are taken,
 * the oldest stamped one that covers the call: it says the most.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/audit/parts.h"
#include "control/ingest/leaves.h"
#include "control/ingest/segments.h"

json_t *
weir__audit_base64(const void *bytes, size_t len)
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
    const struct weir_transparency *rules;
    struct weir_store_call call;
    char request[WEIR_REQUEST_ID_TEXT];
    struct weir__audit_head head;
    struct weir_tlog_tiles *tiles;
    struct weir_buf stamp; /* empty: none */
};

/* ------------------------------------------------------------ what it shows */

/* A stamped checkpoint that covers `leaf`; false: there is none. */
static bool
take_stamped(struct proving *proving, uint64_t leaf)
{
    char name[64];
    uint64_t size;
    if (!weir_stamp_find(proving->paths->tlog, leaf, &size))
        return false;
    snprintf(name, sizeof name, "stamps/%llu.checkpoint",
             (unsigned long long)size);
    if (weir__audit_head_read(proving->store, proving->paths, proving->rules,
                              name, &proving->head, NULL) == WEIR_OK &&
        weir_stamp_read(proving->paths->tlog, size, "tsr", &proving->stamp,
                        NULL) == WEIR_OK)
        return true;
    weir__audit_head_fini(&proving->head);
    weir_buf_reset(&proving->stamp);
    return false;
}

static weir_status
take_checkpoint(struct proving *proving, uint64_t leaf, struct weir_error *err)
{
    bool has_policy = proving->rules->policy[0] != '\0';
    if (take_stamped(proving, leaf))
        return WEIR_OK;
    weir_status status = weir__audit_head_read(
        proving->store, proving->paths, proving->rules,
        has_policy ? WEIR_WITNESSED : "checkpoint", &proving->head, err);
    bool is_missing = status == WEIR_ENOTFOUND;
    if (is_missing ||
        (status == WEIR_OK && leaf >= proving->head.checkpoint.size))
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         has_policy
                             ? "no checkpoint with a quorum of witnesses "
                               "covers the call yet: ask again"
                             : "no checkpoint covers the call yet: ask again "
                               "in a second");
    return status;
}

static weir_status
begin(struct proving *proving, weir_span request, struct weir_error *err)
{
    struct weir_request_id id;
    if (!weir_request_id_parse(request, &id))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "this is no request id: it is 'req_' and 26 "
                         "characters");
    weir_request_id_format(&id, proving->request);
    weir_status status =
        weir_store_call_get(proving->store, &id, &proving->call, err);
    if (status != WEIR_OK)
        return status;
    const struct weir_store_at *first = &proving->call.first;
    const struct weir_store_at *last = &proving->call.last;
    int64_t leaf = last->segment != 0 && last->leaf > first->leaf ? last->leaf
                                                                  : first->leaf;
    if (leaf < 0)
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "the call is not in the log yet: ask again in a "
                         "second");
    status = take_checkpoint(proving, (uint64_t)leaf, err);
    if (status == WEIR_OK)
        status = weir_tlog_tiles_open(proving->paths->tlog,
                                      proving->head.checkpoint.size,
                                      &proving->tiles, err);
    return status;
}

static void
end(struct proving *proving)
{
    weir_tlog_tiles_close(proving->tiles);
    weir__audit_head_fini(&proving->head);
    weir_buf_fini(&proving->stamp);
}

/* --------------------------------------------------------------- one record */

struct shown {
    struct weir_buf bytes; /* holds the record */
    struct weir_record record;
    weir_digest salt;
    struct weir_tlog_proof proof;
};

static weir_status
show(struct proving *proving, const struct weir_store_at *at,
     struct shown *shown, struct weir_error *err)
{
    struct weir_salts salts = {0};
    weir_digest leaf;
    memset(shown, 0, sizeof *shown);
    weir_buf_init(&shown->bytes, 2 * WEIR_RECORD_BYTES_MAX);
    shown->proof.checkpoint = weir_buf_span(&proving->head.bytes);
    shown->proof.index = (uint64_t)at->leaf;
    weir_status status =
        weir_segments_read_at(proving->paths->journal, at->segment, at->offset,
                              &shown->bytes, &shown->record, err);
    if (status == WEIR_OK)
        status = weir_salts_leaf(&salts, proving->store, false, at->segment,
                                 &shown->record, &shown->salt, &leaf, err);
    if (status == WEIR_OK &&
        weir_tlog_prove_inclusion(
            shown->proof.index, proving->head.checkpoint.size,
            weir_tlog_tiles_read, proving->tiles, shown->proof.hashes,
            &shown->proof.count) != WEIR_OK)
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "a tile for the proof is not there");
    weir_wipe(&salts, sizeof salts);
    return status;
}

static weir_status
add_record(struct proving *proving, const struct weir_store_at *at,
           json_t *list, struct weir_error *err)
{
    struct shown shown;
    struct weir_buf text;
    weir_buf_init(&text, 2 * WEIR_NOTE_BYTES_MAX);
    weir_status status = show(proving, at, &shown, err);
    if (status == WEIR_OK) {
        weir_tlog_proof_write(&shown.proof, &text);
        json_array_append_new(
            list, json_pack("{s:o,s:o,s:s#}", "record",
                            weir__audit_base64(shown.record.raw.ptr,
                                               shown.record.raw.len),
                            "salt", weir__audit_base64(shown.salt.bytes, 32),
                            "proof", text.ptr, (int)text.len));
    }
    weir_buf_fini(&shown.bytes);
    weir_buf_fini(&text);
    return status;
}

weir_status
weir_audit_receipt(struct weir_store *store, const struct weir_paths *paths,
                   const struct weir_transparency *rules, weir_span request,
                   json_t **reply_out, struct weir_error *err)
{
    struct proving proving = {.store = store, .paths = paths, .rules = rules};
    json_t *list = json_array();
    weir_buf_init(&proving.stamp, WEIR_STAMP_BYTES_MAX);
    weir_status status = begin(&proving, request, err);
    if (status == WEIR_OK)
        status = add_record(&proving, &proving.call.first, list, err);
    if (status == WEIR_OK && proving.call.last.segment != 0)
        status = add_record(&proving, &proving.call.last, list, err);
    if (status == WEIR_OK) {
        *reply_out = json_pack("{s:s,s:s,s:O}", "request", proving.request,
                               "key", proving.head.key, "records", list);
        if (proving.stamp.len > 0)
            json_object_set_new(
                *reply_out, "timestamp",
                weir__audit_base64(proving.stamp.ptr, proving.stamp.len));
    }
    json_decref(list);
    end(&proving);
    return status;
}

/* ---------------------------------------------------------------- tlog-proof */

/* Which of the two; NULL: the call has no such record. */
static const struct weir_store_at *
choose(const struct proving *proving, weir_span record)
{
    const struct weir_store_at *last =
        proving->call.last.segment != 0 ? &proving->call.last : NULL;
    if (record.len == 0)
        return last != NULL ? last : &proving->call.first;
    if (weir_span_equal(record, WEIR_SPAN("intent")))
        return &proving->call.first;
    return weir_span_equal(record, WEIR_SPAN("outcome")) ? last : NULL;
}

static weir_status
write_proof(struct proving *proving, struct shown *shown, struct weir_buf *out,
            struct weir_error *err)
{
    json_t *extra = json_pack(
        "{s:s,s:s,s:o,s:o}", "request", proving->request, "key",
        proving->head.key, "salt", weir__audit_base64(shown->salt.bytes, 32),
        "record",
        weir__audit_base64(shown->record.raw.ptr, shown->record.raw.len));
    if (proving->stamp.len > 0)
        json_object_set_new(
            extra, "timestamp",
            weir__audit_base64(proving->stamp.ptr, proving->stamp.len));
    char *line = json_dumps(extra, JSON_COMPACT | JSON_SORT_KEYS);
    json_t *text = line == NULL ? NULL : weir__audit_base64(line, strlen(line));
    json_decref(extra);
    free(line);
    if (json_is_string(text)) {
        shown->proof.extra =
            (weir_span){json_string_value(text), json_string_length(text)};
        weir_tlog_proof_write(&shown->proof, out);
    }
    bool is_written = json_is_string(text) && !out->overflow;
    json_decref(text);
    return is_written ? WEIR_OK
                      : weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                                  "the record is too long for a tlog-proof: "
                                  "ask for the receipt as JSON");
}

weir_status
weir_audit_proof(struct weir_store *store, const struct weir_paths *paths,
                 const struct weir_transparency *rules, weir_span request,
                 weir_span record, struct weir_buf *out, struct weir_error *err)
{
    struct proving proving = {.store = store, .paths = paths, .rules = rules};
    struct shown shown;
    weir_buf_init(&proving.stamp, WEIR_STAMP_BYTES_MAX);
    weir_status status = begin(&proving, request, err);
    const struct weir_store_at *at =
        status == WEIR_OK ? choose(&proving, record) : NULL;
    if (status == WEIR_OK && at == NULL)
        status =
            weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                      "the call has no record '%.*s': it is intent or "
                      "outcome",
                      (int)(record.len > 40 ? 40 : record.len), record.ptr);
    if (status == WEIR_OK) {
        status = show(&proving, at, &shown, err);
        if (status == WEIR_OK)
            status = write_proof(&proving, &shown, out, err);
        weir_buf_fini(&shown.bytes);
    }
    end(&proving);
    return status;
}
