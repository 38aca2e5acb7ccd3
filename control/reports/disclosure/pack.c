/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The archive itself.
 *
 *   manifest.json   {"pack", "kind", "made", "key", "files": [{"name",
 *                   "bytes", "sha256"}]}, every file but the first two
 *   manifest.note   signed note (c2sp.org/signed-note) over two lines:
 *                   "weir pack v1" and SHA-256 of manifest.json in hex
 *   ...             the files, in the manifest's order
 *
 * ustar, because every machine unpacks it and because it can be made the same
 * twice: names, sizes and one time, no owner. A file that the manifest does
 * not name refuses the pack, so nothing can be slipped in.
 */
#include "control/reports/disclosure/pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>
#include <weir/tlog.h>

#include "control/audit/parts.h"

#define BLOCK 512
#define TITLE "weir pack v1\n"

struct file {
    char name[100];
    struct weir_buf bytes;
};

struct weir_pack {
    char kind[32];
    char id[WEIR_STORE_ID_MAX];
    struct file files[WEIR_PACK_FILES_MAX];
    uint32_t count;
    bool is_broken;
};

static const char *const levels[] = {"", "counts", "pseudonyms", "named",
                                     "records"};

const char *
weir_pack_level_name(enum weir_pack_level level)
{
    return levels[level];
}

bool
weir_pack_level_parse(weir_span text, enum weir_pack_level *level_out)
{
    for (size_t i = 1; i < WEIR_COUNTOF(levels); i++) {
        if (weir_span_equal(text, weir_span_of(levels[i]))) {
            *level_out = (enum weir_pack_level)i;
            return true;
        }
    }
    return false;
}

weir_status
weir_pack_new(const char *kind, const char *id, struct weir_pack **pack_out,
              struct weir_error *err)
{
    struct weir_pack *pack = calloc(1, sizeof *pack);
    if (pack == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    snprintf(pack->kind, sizeof pack->kind, "%s", kind);
    snprintf(pack->id, sizeof pack->id, "%s", id);
    *pack_out = pack;
    return WEIR_OK;
}

void
weir_pack_free(struct weir_pack *pack)
{
    if (pack == NULL)
        return;
    for (uint32_t i = 0; i < pack->count; i++)
        weir_buf_fini(&pack->files[i].bytes);
    free(pack);
}

void
weir_pack_add(struct weir_pack *pack, const char *name, weir_span bytes)
{
    if (pack->count == WEIR_PACK_FILES_MAX) {
        pack->is_broken = true;
        return;
    }
    struct file *file = &pack->files[pack->count++];
    WEIR_ASSERT(strlen(name) < sizeof file->name);
    snprintf(file->name, sizeof file->name, "%s", name);
    weir_buf_init(&file->bytes, WEIR_PACK_BYTES_MAX);
    weir_buf_add_span(&file->bytes, bytes);
    pack->is_broken |= file->bytes.overflow;
}

void
weir_pack_add_json(struct weir_pack *pack, const char *name, json_t *json)
{
    char *text =
        json == NULL ? NULL : json_dumps(json, JSON_INDENT(1) | JSON_SORT_KEYS);
    pack->is_broken |= text == NULL;
    if (text != NULL)
        weir_pack_add(pack, name, weir_span_of(text));
    free(text);
    json_decref(json);
}

/* --------------------------------------------------------------------- tar */

static void
put_octal(char *field, size_t size, uint64_t value)
{
    for (size_t i = size - 1; i > 0; i--) {
        field[i - 1] = (char)('0' + (value & 7));
        value >>= 3;
    }
    field[size - 1] = '\0';
}

static void
put_file(struct weir_buf *out, const char *name, weir_span bytes,
         weir_time when)
{
    char head[BLOCK] = {0};
    static const char zeros[BLOCK];
    unsigned sum = 0;
    snprintf(head, 100, "%s", name);
    put_octal(head + 100, 8, 0644);
    put_octal(head + 108, 8, 0);
    put_octal(head + 116, 8, 0);
    put_octal(head + 124, 12, bytes.len);
    put_octal(head + 136, 12, (uint64_t)(when / WEIR_US_PER_SEC));
    memset(head + 148, ' ', 8);
    head[156] = '0';
    memcpy(head + 257,
           "ustar\0"
           "00",
           8);
    for (size_t i = 0; i < BLOCK; i++)
        sum += (unsigned char)head[i];
    put_octal(head + 148, 7, sum);
    weir_buf_add(out, head, BLOCK);
    weir_buf_add_span(out, bytes);
    weir_buf_add(out, zeros, (BLOCK - bytes.len % BLOCK) % BLOCK);
}

static weir_status
make_manifest(const struct weir_pack *pack, struct weir_store *store,
              weir_time now, char **text_out, struct weir_buf *note,
              struct weir_error *err)
{
    char key[256], hex[WEIR_HEX_LEN(32)], line[128];
    json_t *files = json_array();
    weir_digest digest;
    for (uint32_t i = 0; i < pack->count; i++) {
        weir_span bytes = weir_buf_span(&pack->files[i].bytes);
        weir_sha256_of(bytes, &digest);
        json_array_append_new(
            files, json_pack("{s:s,s:I,s:o}", "name", pack->files[i].name,
                             "bytes", (json_int_t)bytes.len, "sha256",
                             weir__report_hex(digest.bytes, 32)));
    }
    weir_status status = weir__audit_key(store, key, err);
    json_t *manifest =
        json_pack("{s:s,s:s,s:o,s:s,s:o}", "pack", pack->id, "kind", pack->kind,
                  "made", weir__report_time(now), "key",
                  status == WEIR_OK ? key : "", "files", files);
    char *text = json_dumps(manifest, JSON_INDENT(1) | JSON_SORT_KEYS);
    json_decref(manifest);
    if (status == WEIR_OK && text == NULL)
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (status == WEIR_OK) {
        weir_sha256_of(weir_span_of(text), &digest);
        weir_hex_encode((weir_span){(const char *)digest.bytes, 32}, hex);
        snprintf(line, sizeof line, TITLE "%.*s\n", (int)sizeof hex, hex);
        status = weir__audit_sign(store, weir_span_of(line), note, key, err);
    }
    if (status == WEIR_OK)
        *text_out = text;
    else
        free(text);
    return status;
}

weir_status
weir_pack_write(struct weir_pack *pack, struct weir_store *store, weir_time now,
                struct weir_buf *out, weir_digest *digest_out,
                struct weir_error *err)
{
    static const char zeros[2 * BLOCK];
    char *manifest = NULL;
    struct weir_buf note;
    if (pack->is_broken)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the pack is too large: ask for a shorter period");
    weir_buf_init(&note, WEIR_NOTE_BYTES_MAX);
    weir_status status = make_manifest(pack, store, now, &manifest, &note, err);
    if (status == WEIR_OK) {
        put_file(out, "manifest.json", weir_span_of(manifest), now);
        put_file(out, "manifest.note", weir_buf_span(&note), now);
        for (uint32_t i = 0; i < pack->count; i++)
            put_file(out, pack->files[i].name,
                     weir_buf_span(&pack->files[i].bytes), now);
        weir_buf_add(out, zeros, sizeof zeros);
        weir_sha256_of(weir_buf_span(out), digest_out);
    }
    free(manifest);
    weir_buf_fini(&note);
    return status == WEIR_OK && out->overflow
               ? weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                           "the pack is too large: ask for a shorter period")
               : status;
}
