/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the cedar verbs, and errors that point into them. */
#include "cli/cedar_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <weir/cedar_json.h>

#define FILE_BYTES_MAX  ((size_t)2 << 30)
#define ARENA_BYTES_MAX ((size_t)4 << 30)
/* Columns of a source line shown on each side of the caret. */
#define SHOWN_COLUMNS 60

static bool
ends_in(const char *path, const char *suffix)
{
    return weir_span_ends(weir_span_of(path), weir_span_of(suffix));
}

enum cedar_file_kind
weir_cli_cedar_kind(const char *path)
{
    if (ends_in(path, ".cedarschema"))
        return CEDAR_FILE_SCHEMA;
    if (ends_in(path, ".cedarschema.json"))
        return CEDAR_FILE_SCHEMA_JSON;
    if (ends_in(path, ".entities.json") || ends_in(path, "/entities.json") ||
        strcmp(path, "entities.json") == 0)
        return CEDAR_FILE_ENTITIES;
    return ends_in(path, ".json") ? CEDAR_FILE_POLICIES_JSON
                                  : CEDAR_FILE_POLICIES;
}

weir_status
weir_cli_read_file(const char *path, weir_span *text_out,
                   struct weir_error *err)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    size_t size = 1 << 16, len = 0;
    char *bytes = file == NULL ? NULL : malloc(size + 1);
    bool is_bad = bytes == NULL;
    while (!is_bad) {
        size_t got = fread(bytes + len, 1, size - len, file);
        len += got;
        if (got == 0)
            break;
        if (len == size) {
            char *grown =
                size >= FILE_BYTES_MAX ? NULL : realloc(bytes, size * 2 + 1);
            is_bad = grown == NULL;
            bytes = grown == NULL ? bytes : grown;
            size *= 2;
        }
    }
    is_bad = is_bad || ferror(file);
    if (file != NULL && file != stdin)
        fclose(file);
    if (is_bad) {
        free(bytes);
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%s",
                         strerror(errno == 0 ? EFBIG : errno));
    }
    bytes[len] = '\0';
    *text_out = (weir_span){bytes, len};
    return WEIR_OK;
}

/* The line round `offset`, tabs and control characters as blanks, and the
 * number of columns before the offset. */
static void
show_line(FILE *out, weir_span text, size_t offset)
{
    size_t start = offset, end = offset, columns = 0;
    while (start > 0 && text.ptr[start - 1] != '\n' &&
           offset - start < SHOWN_COLUMNS)
        start--;
    while (end < text.len && text.ptr[end] != '\n' &&
           end - offset < SHOWN_COLUMNS)
        end++;
    while (start < offset && ((unsigned char)text.ptr[start] & 0xC0) == 0x80)
        start++;
    fputs("  ", out);
    for (size_t i = start; i < end; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        fputc(c < 32 || c == 127 ? ' ' : c, out);
        columns += i < offset && (c & 0xC0) != 0x80;
    }
    fprintf(out, "\n  %*s^\n", (int)columns, "");
}

void
weir_cli_point(FILE *out, const char *path, weir_span text, uint32_t offset,
               weir_span what)
{
    uint32_t line, column;
    if (offset == WEIR_OFFSET_NONE || offset > text.len) {
        fprintf(out, "%s: %.*s\n", path, WEIR_SPAN_ARG(what));
        return;
    }
    weir_span_locate(text, offset, &line, &column);
    fprintf(out, "%s:%u:%u: %.*s\n", path, line, column, WEIR_SPAN_ARG(what));
    show_line(out, text, offset);
}

/* ---------------------------------------------------------------- inputs */

void
weir_cli_cedar_init(struct weir_cli_cedar *cedar, struct weir_cli *cli)
{
    memset(cedar, 0, sizeof(*cedar));
    cedar->cli = cli;
    weir_arena_init_heap(&cedar->arena, ARENA_BYTES_MAX);
}

void
weir_cli_cedar_fini(struct weir_cli_cedar *cedar)
{
    weir_cedar_policies_free(cedar->policies);
    weir_cedar_store_free(cedar->store);
    weir_arena_fini(&cedar->arena);
    for (size_t i = 0; i < cedar->text_count; i++)
        free(cedar->texts[i]);
}

int
weir_cli_cedar_refuse(struct weir_cli_cedar *cedar, const char *path,
                      weir_span text, const struct weir_error *err)
{
    fflush(cedar->cli->out);
    weir_cli_point(cedar->cli->err, path, text, err->offset,
                   weir_span_of(err->text));
    return weir_status_info(err->status)->exit;
}

int
weir_cli_cedar_text(struct weir_cli_cedar *cedar, const char *path,
                    weir_span *text_out)
{
    struct weir_error err = {0};
    if (cedar->text_count == WEIR_COUNTOF(cedar->texts)) {
        (void)weir_fail(&err, WEIR_ELIMIT, WEIR_OFFSET_NONE, "over %zu files",
                        WEIR_COUNTOF(cedar->texts));
        return weir_cli_cedar_refuse(cedar, path, WEIR_SPAN_NONE, &err);
    }
    if (weir_cli_read_file(path, text_out, &err) != WEIR_OK)
        return weir_cli_cedar_refuse(cedar, path, WEIR_SPAN_NONE, &err);
    cedar->texts[cedar->text_count++] = (char *)(uintptr_t)text_out->ptr;
    return 0;
}

int
weir_cli_cedar_schema(struct weir_cli_cedar *cedar, const char *path)
{
    enum cedar_file_kind kind = weir_cli_cedar_kind(path);
    struct weir_error err = {0};
    weir_span text = WEIR_SPAN_NONE;
    int code = weir_cli_cedar_text(cedar, path, &text);
    if (code != 0)
        return code;
    /* Any other .json given as schema is one. */
    if (weir_cedar_schema_parse(&cedar->arena, text,
                                kind == CEDAR_FILE_SCHEMA_JSON ||
                                        kind == CEDAR_FILE_POLICIES_JSON
                                    ? WEIR_CEDAR_JSON
                                    : WEIR_CEDAR_TEXT,
                                &cedar->schema, &err) != WEIR_OK)
        return weir_cli_cedar_refuse(cedar, path, text, &err);
    return 0;
}

int
weir_cli_cedar_policies(struct weir_cli_cedar *cedar, const char *path)
{
    struct weir_error err = {0};
    weir_status status;
    weir_span text = WEIR_SPAN_NONE;
    int code = weir_cli_cedar_text(cedar, path, &text);
    if (code != 0)
        return code;
    if (cedar->policies == NULL)
        cedar->policies = weir_cedar_policies_new();
    if (cedar->policies == NULL)
        status =
            weir_fail(&err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    else if (ends_in(path, ".json"))
        status = weir_cedar_policies_add_json(cedar->policies, text,
                                              weir_span_of(path), &err);
    else
        status = weir_cedar_policies_add_text(cedar->policies, text,
                                              weir_span_of(path), &err);
    return status == WEIR_OK ? 0
                             : weir_cli_cedar_refuse(cedar, path, text, &err);
}

int
weir_cli_cedar_entities(struct weir_cli_cedar *cedar, const char *path)
{
    struct weir_error err = {0};
    weir_status status = WEIR_OK;
    weir_span text = WEIR_SPAN_NONE;
    int code = path == NULL ? 0 : weir_cli_cedar_text(cedar, path, &text);
    if (code != 0)
        return code;
    cedar->store = weir_cedar_store_new();
    if (cedar->store == NULL)
        status =
            weir_fail(&err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    else if (path != NULL)
        status =
            weir_cedar_entities_read(cedar->store, cedar->schema, text, &err);
    else if (cedar->schema != NULL)
        status =
            weir_cedar_store_add_actions(cedar->store, cedar->schema, &err);
    if (status == WEIR_OK)
        status = weir_cedar_store_seal(cedar->store, &err);
    return status == WEIR_OK
               ? 0
               : weir_cli_cedar_refuse(cedar, path == NULL ? "(actions)" : path,
                                       text, &err);
}
