/* SPDX-License-Identifier: Apache-2.0 */
#include "control/watch/corpus.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include <weir/json.h>

#define FILE_BYTES_MAX ((size_t)1 << 30)

void
weir_corpus_init(struct weir_corpus *corpus)
{
    memset(corpus, 0, sizeof(*corpus));
}

void
weir_corpus_fini(struct weir_corpus *corpus)
{
    for (uint32_t i = 0; i < corpus->count; i++) {
        for (uint32_t j = 0; j < corpus->sources[i].count; j++)
            free(corpus->sources[i].rows[j].prompt);
        free(corpus->sources[i].rows);
    }
    corpus->count = 0;
}

const struct weir_corpus_source *
weir_corpus_find(const struct weir_corpus *corpus, const char *name)
{
    for (uint32_t i = 0; i < corpus->count; i++)
        if (strcmp(corpus->sources[i].name, name) == 0)
            return &corpus->sources[i];
    return NULL;
}

static struct weir_corpus_source *
source_of(struct weir_corpus *corpus, const char *name, bool is_attack)
{
    for (uint32_t i = 0; i < corpus->count; i++)
        if (strcmp(corpus->sources[i].name, name) == 0)
            return &corpus->sources[i];
    if (corpus->count == WEIR_CORPUS_SOURCES_MAX)
        return NULL;
    struct weir_corpus_source *source = &corpus->sources[corpus->count++];
    memset(source, 0, sizeof(*source));
    snprintf(source->name, sizeof(source->name), "%s", name);
    source->is_attack = is_attack;
    return source;
}

weir_status
weir_corpus_add(struct weir_corpus *corpus, const char *name, bool is_attack,
                weir_span prompt, struct weir_error *err)
{
    struct weir_corpus_source *source = source_of(corpus, name, is_attack);
    if (source == NULL)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "more than %d sources", WEIR_CORPUS_SOURCES_MAX);
    if (source->count == source->capacity) {
        uint32_t capacity = source->capacity * 2 + 64;
        struct weir_corpus_row *rows =
            realloc(source->rows, capacity * sizeof(*rows));
        if (rows == NULL)
            return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                             "no memory for prompts");
        source->rows = rows;
        source->capacity = capacity;
    }
    struct weir_corpus_row *row = &source->rows[source->count];
    row->prompt = strndup(prompt.ptr, prompt.len);
    if (row->prompt == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "no memory for prompts");
    struct weir_watch_call call;
    weir_watch_begin(&call);
    weir_watch_prompt(&call, prompt);
    weir_watch_finish(&call, NULL, &row->features);
    source->count++;
    return WEIR_OK;
}

/* ------------------------------------------------------------- reading */

static weir_status
read_line(struct weir_corpus *corpus, weir_span line, struct weir_error *err)
{
    char memory[65536];
    struct weir_arena arena;
    struct weir_json_reader reader;
    weir_span name;
    weir_span prompt = WEIR_SPAN_NONE;
    weir_span source = WEIR_SPAN_NONE;
    weir_span label = WEIR_SPAN_NONE;
    weir_arena_init(&arena, memory, sizeof(memory));
    weir_json_reader_init(&reader, line, &arena);
    if (weir_json_object(&reader))
        while (weir_json_member(&reader, &name)) {
            if (weir_span_equal(name, WEIR_SPAN("prompt")))
                weir_json_string(&reader, &prompt);
            else if (weir_span_equal(name, WEIR_SPAN("source")))
                weir_json_string(&reader, &source);
            else if (weir_span_equal(name, WEIR_SPAN("label")))
                weir_json_string(&reader, &label);
        }
    weir_status status = weir_json_reader_end(&reader, err);
    if (status != WEIR_OK)
        return status;
    if (prompt.ptr == NULL)
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE, "no prompt");
    char text[48];
    snprintf(text, sizeof(text), "%.*s", WEIR_SPAN_ARG(source));
    return weir_corpus_add(
        corpus, text, weir_span_equal(label, WEIR_SPAN("attack")), prompt, err);
}

static weir_status
read_text(struct weir_corpus *corpus, weir_span text, const char *path,
          struct weir_error *err)
{
    uint32_t number = 0;
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.ptr) : text.len;
        struct weir_error inner = {0};
        number++;
        weir_status status =
            len == 0 ? WEIR_OK
                     : read_line(corpus, (weir_span){text.ptr, len}, &inner);
        if (status != WEIR_OK)
            return weir_fail(err, status, inner.offset, "%s:%u: %s", path,
                             number, inner.text);
        len += end != NULL;
        text.ptr += len;
        text.len -= len;
    }
    return WEIR_OK;
}

static weir_status
read_whole(const char *path, struct weir_buf *out, struct weir_error *err)
{
    FILE *in = fopen(path, "rb");
    char block[65536];
    size_t got;
    if (in == NULL)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE, "%s: %s", path,
                         strerror(errno));
    while ((got = fread(block, 1, sizeof(block), in)) > 0)
        weir_buf_add(out, block, got);
    bool is_read = ferror(in) == 0;
    fclose(in);
    if (!is_read || out->overflow)
        return weir_fail(err, is_read ? WEIR_ETOOBIG : WEIR_EIO,
                         WEIR_OFFSET_NONE, "%s cannot be read", path);
    return WEIR_OK;
}

static weir_status
unpack(const struct weir_buf *packed, const char *path, struct weir_buf *out,
       struct weir_error *err)
{
    char block[65536];
    ZSTD_DStream *stream = ZSTD_createDStream();
    ZSTD_inBuffer in = {packed->ptr, packed->len, 0};
    size_t left = 1;
    if (stream == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "no memory to unpack");
    while (in.pos < in.size) {
        ZSTD_outBuffer piece = {block, sizeof(block), 0};
        left = ZSTD_decompressStream(stream, &piece, &in);
        if (ZSTD_isError(left))
            break;
        weir_buf_add(out, block, piece.pos);
        while (piece.pos == piece.size && left != 0) {
            piece.pos = 0;
            left = ZSTD_decompressStream(stream, &piece, &in);
            if (ZSTD_isError(left))
                break;
            weir_buf_add(out, block, piece.pos);
        }
    }
    ZSTD_freeDStream(stream);
    if (left != 0 || out->overflow)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "%s: not a whole zstd file", path);
    return WEIR_OK;
}

static weir_status
read_file(struct weir_corpus *corpus, const char *path, bool is_packed,
          struct weir_error *err)
{
    struct weir_buf packed;
    struct weir_buf text;
    weir_buf_init(&packed, FILE_BYTES_MAX);
    weir_buf_init(&text, FILE_BYTES_MAX);
    weir_status status = read_whole(path, is_packed ? &packed : &text, err);
    if (status == WEIR_OK && is_packed)
        status = unpack(&packed, path, &text, err);
    if (status == WEIR_OK)
        status = read_text(corpus, weir_buf_span(&text), path, err);
    weir_buf_fini(&packed);
    weir_buf_fini(&text);
    return status;
}

weir_status
weir_corpus_read(struct weir_corpus *corpus, const char *directory,
                 struct weir_error *err)
{
    struct dirent **names = NULL;
    weir_status status = WEIR_OK;
    uint32_t read = 0;
    int count = scandir(directory, &names, NULL, alphasort);
    if (count < 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE, "%s: %s",
                         directory, strerror(errno));
    for (int i = 0; i < count; i++) {
        char path[4096];
        weir_span name = weir_span_of(names[i]->d_name);
        bool is_packed = weir_span_ends(name, WEIR_SPAN(".jsonl.zst"));
        if (status == WEIR_OK &&
            (is_packed || weir_span_ends(name, WEIR_SPAN(".jsonl")))) {
            snprintf(path, sizeof(path), "%s/%s", directory, names[i]->d_name);
            status = read_file(corpus, path, is_packed, err);
            read++;
        }
        free(names[i]);
    }
    free(names);
    if (status == WEIR_OK && read == 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "%s holds no .jsonl or .jsonl.zst", directory);
    return status;
}
