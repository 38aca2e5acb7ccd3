/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pack, checked with nothing but its bytes: what it claims is held against
 * what it has, from the outside in: manifest, files, checkpoint, proofs,
 * records, rows. The first thing that does not hold is said.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>
#include <weir/journal.h>
#include <weir/tlog.h>

#include "control/audit/parts.h"
#include "control/reports/disclosure/pack.h"

#define BLOCK 512

struct part {
    char name[101];
    weir_span bytes;
};

struct check {
    struct part parts[WEIR_PACK_FILES_MAX + 2];
    uint32_t count;
    struct weir_note_key key;
    struct weir_checkpoint checkpoint;
    json_t *leaves; /* by number: {"entry", "request"} */
    json_int_t calls, proofs, records;
};

static weir_status
bad(struct weir_error *err, const char *text, const char *name)
{
    return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE, "%s: %.100s", text,
                     name);
}

/* --------------------------------------------------------------------- tar */

static bool
read_octal(const char *field, size_t size, uint64_t *value_out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size && field[i] != '\0' && field[i] != ' '; i++) {
        if (field[i] < '0' || field[i] > '7' || value >> 60 != 0)
            return false;
        value = value << 3 | (uint64_t)(field[i] - '0');
    }
    *value_out = value;
    return true;
}

static weir_status
read_tar(struct check *check, weir_span bytes, struct weir_error *err)
{
    size_t at = 0;
    while (at + BLOCK <= bytes.len && bytes.ptr[at] != '\0') {
        const char *head = bytes.ptr + at;
        uint64_t size = 0;
        struct part *part = &check->parts[check->count];
        at += BLOCK;
        if (memcmp(head + 257, "ustar", 5) != 0 || head[156] != '0' ||
            !read_octal(head + 124, 12, &size) || size > bytes.len - at)
            return weir_fail(err, WEIR_EPARSE, at - BLOCK,
                             "this is no pack: no archive of plain files");
        if (check->count++ == WEIR_PACK_FILES_MAX + 1)
            return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                             "this is no pack: too many files");
        snprintf(part->name, sizeof part->name, "%.100s", head);
        part->bytes = (weir_span){bytes.ptr + at, (size_t)size};
        at += (size_t)((size + BLOCK - 1) / BLOCK * BLOCK);
        if (at > bytes.len)
            break;
    }
    return check->count > 2 ? WEIR_OK
                            : weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                                        "this is no pack: nothing in it");
}

static const struct part *
find(const struct check *check, const char *name)
{
    for (uint32_t i = 0; i < check->count; i++) {
        if (strcmp(check->parts[i].name, name) == 0)
            return &check->parts[i];
    }
    return NULL;
}

/* ---------------------------------------------------------------- manifest */

static weir_status
check_files(const struct check *check, const json_t *manifest,
            struct weir_error *err)
{
    const json_t *files = json_object_get(manifest, "files"), *row;
    size_t index;
    if (json_array_size(files) + 2 != check->count)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "the archive does not have the files of its "
                         "manifest");
    json_array_foreach(files, index, row)
    {
        const char *name = json_string_value(json_object_get(row, "name"));
        const char *said = json_string_value(json_object_get(row, "sha256"));
        const struct part *part = name == NULL ? NULL : find(check, name);
        char hex[WEIR_HEX_LEN(32)];
        weir_digest digest;
        if (part == NULL || part != &check->parts[index + 2])
            return bad(err, "a file of the manifest is not where it should be",
                       name == NULL ? "" : name);
        weir_sha256_of(part->bytes, &digest);
        weir_hex_encode((weir_span){(const char *)digest.bytes, 32}, hex);
        if (said == NULL || strlen(said) != sizeof hex ||
            memcmp(said, hex, sizeof hex) != 0)
            return bad(err, "a file was altered", name);
    }
    return WEIR_OK;
}

static weir_status
check_manifest(struct check *check, weir_span key, json_t **manifest_out,
               struct weir_error *err)
{
    const struct part *text = &check->parts[0], *note = &check->parts[1];
    char hex[WEIR_HEX_LEN(32)], wanted[128];
    struct weir_note parsed;
    weir_digest digest;
    uint64_t verified;
    if (strcmp(text->name, "manifest.json") != 0 ||
        strcmp(note->name, "manifest.note") != 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "this is no pack: it does not begin with a manifest");
    json_t *manifest = json_loadb(text->bytes.ptr, text->bytes.len,
                                  JSON_REJECT_DUPLICATES, NULL);
    const char *named = json_string_value(json_object_get(manifest, "key"));
    if (key.len == 0)
        key = weir_span_of(named == NULL ? "" : named);
    weir_status status = weir_note_key_parse(key, &check->key, err);
    if (status == WEIR_OK)
        status = weir_note_parse(note->bytes, &parsed, err);
    if (status == WEIR_OK)
        status = weir_note_verify(&parsed, &check->key, 1, &verified, err);
    weir_sha256_of(text->bytes, &digest);
    weir_hex_encode((weir_span){(const char *)digest.bytes, 32}, hex);
    snprintf(wanted, sizeof wanted, "weir pack v1\n%.*s\n", (int)sizeof hex,
             hex);
    if (status == WEIR_OK &&
        !weir_span_equal(parsed.text, weir_span_of(wanted)))
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "the manifest is not the one that was signed");
    if (status == WEIR_OK)
        status = check_files(check, manifest, err);
    *manifest_out = manifest;
    return status;
}

/* ------------------------------------------------------------------ proofs */

/* The next line without its end; false: there is none. */
static bool
line_of(weir_span *rest, weir_span *line_out)
{
    if (rest->len == 0)
        return false;
    const char *feed = memchr(rest->ptr, '\n', rest->len);
    size_t len = feed == NULL ? rest->len : (size_t)(feed - rest->ptr);
    *line_out = (weir_span){rest->ptr, len};
    if (len > 0 && rest->ptr[len - 1] == '\r')
        line_out->len--;
    len += feed != NULL;
    *rest = (weir_span){rest->ptr + len, rest->len - len};
    return true;
}

static weir_span
field_of(weir_span *rest, char part)
{
    const char *at = rest->len == 0
                         ? NULL
                         : (const char *)memchr(rest->ptr, part, rest->len);
    size_t len = at == NULL ? rest->len : (size_t)(at - rest->ptr);
    weir_span field = {rest->ptr, len};
    len += at != NULL;
    *rest = (weir_span){rest->ptr + len, rest->len - len};
    return field;
}

static bool
digest_of(weir_span hex, weir_digest *digest_out)
{
    size_t len = 0;
    return hex.len == WEIR_HEX_LEN(32) &&
           weir_hex_decode(hex, digest_out->bytes, 32, &len) && len == 32;
}

static weir_status
check_proof(struct check *check, weir_span line, struct weir_error *err)
{
    weir_digest hashes[WEIR_TLOG_PROOF_MAX], entry, leaf;
    char key[32], request[64];
    size_t count = 0;
    uint64_t number = 0;
    weir_span id = field_of(&line, ',');
    (void)field_of(&line, ',');
    weir_span index = field_of(&line, ',');
    bool is_read = weir_span_to_u64(index, &number) &&
                   digest_of(field_of(&line, ','), &entry);
    while (is_read && line.len > 0) {
        is_read = count < WEIR_TLOG_PROOF_MAX &&
                  digest_of(field_of(&line, ' '), &hashes[count]);
        count++;
    }
    snprintf(request, sizeof request, "%.*s", (int)(id.len > 40 ? 40 : id.len),
             id.ptr);
    if (!is_read)
        return bad(err, "a proof cannot be read", request);
    weir_tlog_leaf((weir_span){(const char *)entry.bytes, 32}, &leaf);
    if (!weir_tlog_verify_inclusion(&leaf, number, check->checkpoint.size,
                                    hashes, count, &check->checkpoint.root))
        return bad(err, "a record does not stand in the log", request);
    snprintf(key, sizeof key, "%llu", (unsigned long long)number);
    json_object_set_new(check->leaves, key,
                        json_pack("{s:o,s:s}", "entry",
                                  weir__report_hex(entry.bytes, 32), "request",
                                  request));
    check->proofs++;
    return WEIR_OK;
}

static weir_status
check_log(struct check *check, struct weir_error *err)
{
    const struct part *head = find(check, "checkpoint");
    const struct part *proofs = find(check, "proofs.csv");
    struct weir_note note;
    uint64_t verified;
    weir_span rest, line;
    if (head == NULL || proofs == NULL)
        return bad(err, "rows without proofs", "calls.csv");
    weir_status status = weir_note_parse(head->bytes, &note, err);
    if (status == WEIR_OK)
        status = weir_note_verify(&note, &check->key, 1, &verified, err);
    if (status == WEIR_OK)
        status = weir_checkpoint_parse(note.text, &check->checkpoint, err);
    rest = proofs->bytes;
    (void)line_of(&rest, &line);
    while (status == WEIR_OK && line_of(&rest, &line))
        status = check_proof(check, line, err);
    return status;
}

/* ----------------------------------------------------------------- records */

static weir_status
check_record(struct check *check, const json_t *row, struct weir_error *err)
{
    char key[32], text[WEIR_REQUEST_ID_TEXT];
    char *raw = NULL, *salt = NULL;
    size_t raw_len = 0, salt_len = 0;
    struct weir_sha256 hash;
    struct weir_record record;
    weir_digest entry, said;
    snprintf(key, sizeof key, "%lld",
             (long long)json_integer_value(json_object_get(row, "leaf")));
    const json_t *leaf = json_object_get(check->leaves, key);
    const char *request = json_string_value(json_object_get(row, "request"));
    const char *hex = json_string_value(json_object_get(leaf, "entry"));
    bool is_right =
        request != NULL && hex != NULL && digest_of(weir_span_of(hex), &said) &&
        weir__audit_decode(row, "record", &raw, &raw_len) &&
        weir__audit_decode(row, "salt", &salt, &salt_len) && salt_len == 32;
    if (is_right) {
        weir_sha256_init(&hash);
        weir_sha256_add(&hash, salt, salt_len);
        weir_sha256_add(&hash, raw, raw_len);
        weir_sha256_final(&hash, &entry);
        is_right =
            weir_digest_equal(&entry, &said) &&
            weir_record_read((weir_span){raw, raw_len}, &record) == WEIR_OK &&
            weir__audit_request_of(&record, text) &&
            strcmp(text, request) == 0 &&
            strcmp(text, json_string_value(json_object_get(leaf, "request"))) ==
                0;
    }
    free(raw);
    free(salt);
    check->records++;
    return is_right ? WEIR_OK
                    : bad(err, "a record is not the one of its leaf",
                          request == NULL ? "" : request);
}

static weir_status
check_records(struct check *check, weir_span rest, struct weir_error *err)
{
    weir_span line;
    weir_status status = WEIR_OK;
    while (status == WEIR_OK && line_of(&rest, &line)) {
        json_t *row = json_loadb(line.ptr, line.len, 0, NULL);
        status = check_record(check, row, err);
        json_decref(row);
    }
    if (status == WEIR_OK && check->records != check->proofs)
        status = bad(err, "not every proof has its record", "records.jsonl");
    return status;
}

/* Every row has the proof of its first record at least. */
static weir_status
check_rows(struct check *check, weir_span rest, struct weir_error *err)
{
    json_t *known = json_object(), *leaf;
    const char *key;
    weir_span line;
    weir_status status = WEIR_OK;
    json_object_foreach(check->leaves, key, leaf) json_object_set_new(
        known, json_string_value(json_object_get(leaf, "request")),
        json_true());
    (void)line_of(&rest, &line);
    while (status == WEIR_OK && line_of(&rest, &line)) {
        char request[64];
        weir_span id = field_of(&line, ',');
        snprintf(request, sizeof request, "%.*s",
                 (int)(id.len > 40 ? 40 : id.len), id.ptr);
        check->calls++;
        if (json_object_get(known, request) == NULL)
            status = bad(err, "a row has no proof", request);
    }
    if (status == WEIR_OK &&
        (json_int_t)json_object_size(known) != check->calls)
        status = bad(err, "a proof has no row", "proofs.csv");
    json_decref(known);
    return status;
}

weir_status
weir_pack_check(weir_span bytes, weir_span key, json_t **reply_out,
                struct weir_error *err)
{
    struct check *check = calloc(1, sizeof *check);
    json_t *manifest = NULL;
    if (check == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    check->leaves = json_object();
    weir_status status = read_tar(check, bytes, err);
    if (status == WEIR_OK)
        status = check_manifest(check, key, &manifest, err);
    const struct part *calls = find(check, "calls.csv");
    const struct part *records = find(check, "records.jsonl");
    if (status == WEIR_OK && calls != NULL)
        status = check_log(check, err);
    if (status == WEIR_OK && records != NULL)
        status = check_records(check, records->bytes, err);
    if (status == WEIR_OK && calls != NULL)
        status = check_rows(check, calls->bytes, err);
    if (status == WEIR_OK)
        *reply_out =
            json_pack("{s:b,s:O?,s:O?,s:O?,s:I,s:I,s:I,s:I,s:b}", "is_valid", 1,
                      "pack", json_object_get(manifest, "pack"), "kind",
                      json_object_get(manifest, "kind"), "key",
                      json_object_get(manifest, "key"), "files",
                      (json_int_t)check->count - 2, "calls", check->calls,
                      "proofs", check->proofs, "records", check->records,
                      "key_was_given", key.len > 0);
    json_decref(manifest);
    json_decref(check->leaves);
    free(check);
    return status;
}
