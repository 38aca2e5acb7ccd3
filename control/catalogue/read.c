/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An export as rows.
 */
#include <ctype.h>
#include <string.h>

#include <jansson.h>

#include "control/catalogue/parts.h"

#define NAME_MAX_BYTES   128
#define OUTPUT_MOST      10000000
#define LINE_PREFIX_MOST 80

/* Without control characters, and without blanks round it. */
static weir_span
copy(struct weir_catalogue_rows *rows, const json_t *value)
{
    size_t len = json_string_length(value), used = 0;
    const char *from = json_string_value(value);
    char *text = json_is_string(value)
                     ? weir_arena_alloc(&rows->world->arena, len + 1)
                     : NULL;
    for (size_t i = 0; i < len && text != NULL; i++) {
        unsigned char c = (unsigned char)from[i];
        if (c >= 0x20 && c != 0x7f && (c != ' ' || used > 0))
            text[used++] = (char)c;
    }
    while (used > 0 && text[used - 1] == ' ')
        used--;
    return (weir_span){text, used};
}

static void
add_bad(struct weir_catalogue_rows *rows, uint32_t line, const char *why)
{
    const struct weir_place place = {rows->file, line, 1};
    rows->counts->bad++;
    weir_faults_add(rows->faults, place,
                    "Mend the export, or allow so many bad rows.", "%s", why);
}

/* ------------------------------------------------------------------- fields */

/* The last part of the id, small, with nothing but what a name may hold. */
static weir_span
entry_name(struct weir_catalogue_rows *rows, weir_span id)
{
    const char *slash = id.len == 0 ? NULL : memrchr(id.ptr, '/', id.len);
    weir_span last = id;
    if (slash != NULL)
        last = (weir_span){slash + 1, id.len - (size_t)(slash + 1 - id.ptr)};
    while (last.len > 0 && !isalnum((unsigned char)last.ptr[0])) {
        last.ptr++;
        last.len--;
    }
    if (last.len == 0 || last.len > NAME_MAX_BYTES)
        return WEIR_SPAN_NONE;
    char *text = weir_arena_alloc(&rows->world->arena, last.len + 1);
    if (text == NULL)
        return WEIR_SPAN_NONE;
    for (size_t i = 0; i < last.len; i++) {
        unsigned char c = (unsigned char)last.ptr[i];
        text[i] = isalnum(c) || memchr("_-.:+@", c, 6) != NULL
                      ? (char)tolower(c)
                      : '-';
    }
    return (weir_span){text, last.len};
}

static bool
has_word(weir_span text, const char *word)
{
    return text.len > 0 &&
           memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

static weir_time
read_day(const json_t *value)
{
    weir_time when = 0;
    const char *text = json_string_value(value);
    if (text == NULL || !weir_time_parse(weir_span_of(text), &when) || when < 0)
        return 0;
    return when;
}

/* Only a day that can be read; the greatest text is the newest day. */
static void
note_newest(struct weir_catalogue_rows *rows, const json_t *value)
{
    const char *text = json_string_value(value);
    if (read_day(value) == 0 || strlen(text) != 10 ||
        strcmp(text, rows->counts->newest) <= 0)
        return;
    memcpy(rows->counts->newest, text, 11);
}

/* --------------------------------------------------------------------- rows */

static struct weir_catalogue_row *
new_row(struct weir_catalogue_rows *rows)
{
    if (rows->count == rows->capacity) {
        uint32_t more = rows->capacity == 0 ? 1024 : rows->capacity * 2;
        struct weir_catalogue_row *grown = weir_arena_array(
            &rows->world->arena, struct weir_catalogue_row, more);
        if (grown == NULL)
            return NULL;
        if (rows->count > 0)
            memcpy(grown, rows->rows, rows->count * sizeof *grown);
        rows->rows = grown;
        rows->capacity = more;
    }
    struct weir_catalogue_row *row = &rows->rows[rows->count++];
    memset(row, 0, sizeof *row);
    return row;
}

static void
add_row(struct weir_catalogue_rows *rows, const json_t *model, weir_span host,
        weir_span id, uint32_t line)
{
    const json_t *limit = json_object_get(model, "limit");
    const json_t *cost = json_object_get(model, "cost");
    rows->counts->rows++;
    if (!json_is_object(model)) {
        add_bad(rows, line, "a model is not an object");
        return;
    }
    weir_span name = entry_name(rows, id);
    if (name.len == 0) {
        add_bad(rows, line, "a model has no usable id");
        return;
    }
    struct weir_catalogue_row *row = new_row(rows);
    if (row == NULL)
        return; /* said once, at the end */
    rows->counts->hostless += host.len == 0;
    row->name = name;
    row->host = host.len == 0 ? WEIR_SPAN("unknown") : host;
    row->id = id;
    row->title = copy(rows, json_object_get(model, "name"));
    row->family = copy(rows, json_object_get(model, "family"));
    row->base = copy(rows, json_object_get(model, "base_model"));
    row->status = copy(rows, json_object_get(model, "status"));
    row->created = read_day(json_object_get(model, "release_date"));
    row->is_open = json_is_true(json_object_get(model, "open_weights"));
    row->is_embedding =
        has_word(row->family, "embed") || has_word(name, "embed");
    json_int_t most = json_integer_value(json_object_get(limit, "output"));
    if (most > 0)
        row->output_tokens_max =
            (uint32_t)(most < OUTPUT_MOST ? most : OUTPUT_MOST);
    if (cost != NULL)
        weir__catalogue_read_cost(rows, cost, row);
    else if (json_object_get(model, "prices") != NULL)
        weir__catalogue_read_prices(rows, json_object_get(model, "prices"),
                                    row);
    note_newest(rows, json_object_get(model, "last_updated"));
}

/* ------------------------------------------------------------------ documents */

/* {host: {models: {id: {...}}}} */
static void
read_api(struct weir_catalogue_rows *rows, json_t *root)
{
    const char *host, *id;
    json_t *provider, *model;
    json_object_foreach(root, host, provider)
    {
        json_t *models = json_object_get(provider, "models");
        if (!json_is_object(models)) {
            rows->counts->rows++;
            add_bad(rows, 0, "a host has no models");
            continue;
        }
        weir_span name =
            weir_arena_copy(&rows->world->arena, weir_span_of(host));
        json_object_foreach(models, id, model)
        {
            weir_span text =
                weir_arena_copy(&rows->world->arena, weir_span_of(id));
            add_row(rows, model, name, text, 0);
        }
    }
}

/* [{id, models: [{id, ...}]}] */
static void
read_providers(struct weir_catalogue_rows *rows, json_t *root)
{
    size_t at, index;
    json_t *provider, *model;
    json_array_foreach(root, at, provider)
    {
        json_t *models = json_object_get(provider, "models");
        weir_span name = copy(rows, json_object_get(provider, "id"));
        if (!json_is_array(models)) {
            rows->counts->rows++;
            add_bad(rows, 0, "a provider has no models");
            continue;
        }
        json_array_foreach(models, index, model) add_row(
            rows, model, name, copy(rows, json_object_get(model, "id")), 0);
    }
}

static void
read_line(struct weir_catalogue_rows *rows, weir_span line, uint32_t number)
{
    json_error_t error;
    json_t *model = json_loadb(line.ptr, line.len,
                               JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (model == NULL) {
        rows->counts->rows++;
        add_bad(rows, number, "not a line of JSON");
        return;
    }
    add_row(rows, model, copy(rows, json_object_get(model, "provider")),
            copy(rows, json_object_get(model, "id")), number);
    json_decref(model);
}

static void
read_lines(struct weir_catalogue_rows *rows, weir_span text)
{
    uint32_t number = 0;
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end == NULL ? text.len : (size_t)(end - text.ptr);
        weir_span line = {text.ptr, len};
        number++;
        while (line.len > 0 && isspace((unsigned char)line.ptr[line.len - 1]))
            line.len--;
        if (line.len > 0)
            read_line(rows, line, number);
        text.ptr += end == NULL ? len : len + 1;
        text.len -= end == NULL ? len : len + 1;
    }
}

weir_status
weir__catalogue_read(struct weir_catalogue_rows *rows, weir_span text,
                     struct weir_error *err)
{
    json_error_t error;
    json_t *root =
        json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);
    json_t *first =
        root == NULL ? NULL : json_object_iter_value(json_object_iter(root));
    if (json_is_object(first) && json_object_get(first, "models") != NULL)
        read_api(rows, root);
    else if (json_is_array(root))
        read_providers(rows, root);
    else
        read_lines(rows, text);
    json_decref(root);
    if (rows->world->arena.overflow)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "the export does not fit in memory");
    if (rows->count == 0)
        return weir_fail(
            err, WEIR_EPARSE, WEIR_OFFSET_NONE,
            "nothing in it is a model of a models.dev export or of "
            "genai-prices");
    return WEIR_OK;
}
