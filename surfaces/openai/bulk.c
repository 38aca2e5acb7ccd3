/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and batches of the OpenAI API, on the way in.
 *
 *    POST /files   form: see upload.c; for batches lines of
 *                  {"custom_id":..., "method":"POST", "url":..., "body":{...}}
 *    POST /batches {"input_file_id":..., "endpoint":..., ...}
 *
 * WHY ONE MODEL. Origins ask for it, and it makes one decision true for all
 * lines. WHY `stream` IS REFUSED. Nobody is there to stream to.
 */
#include "openai.h"

#include <weir/bulk.h>
#include <weir/image.h>
#include <weir/json.h>
#include <weir/stored.h>

#include <string.h>

static const struct {
    const char *method;
    const char *start;
    const char *end; /* behind the id; NULL: no id */
    enum weir_bulk bulk;
    bool takes_body;
    bool is_form;
} rows[] = {
    {"POST", "/files", NULL, WEIR_BULK_UPLOAD, true, true},
    {"GET", "/files", NULL, WEIR_BULK_FILES, false, false},
    {"GET", "/files/", "", WEIR_BULK_FILE, false, false},
    {"DELETE", "/files/", "", WEIR_BULK_DELETE, false, false},
    {"GET", "/files/", "/content", WEIR_BULK_CONTENT, false, false},
    {"POST", "/batches", NULL, WEIR_BULK_CREATE, true, false},
    {"GET", "/batches", NULL, WEIR_BULK_BATCHES, false, false},
    {"GET", "/batches/", "", WEIR_BULK_BATCH, false, false},
    {"POST", "/batches/", "/cancel", WEIR_BULK_CANCEL, false, false},
};

/* The id between start and end; false: not this row's path. */
static bool
match(size_t row, weir_span path, weir_span *id_out)
{
    weir_span start = weir_span_of(rows[row].start);
    *id_out = WEIR_SPAN_NONE;
    if (rows[row].end == NULL)
        return weir_span_equal(path, start);
    if (!weir_span_starts(path, start))
        return false;
    weir_span rest = {path.ptr + start.len, path.len - start.len};
    weir_span end = weir_span_of(rows[row].end);
    const char *slash = rest.len > 0 ? memchr(rest.ptr, '/', rest.len) : NULL;
    size_t len = slash != NULL ? (size_t)(slash - rest.ptr) : rest.len;
    if (len == 0 ||
        !weir_span_equal((weir_span){rest.ptr + len, rest.len - len}, end))
        return false;
    *id_out = (weir_span){rest.ptr, len};
    return true;
}

weir_status
weir_openai_route_bulk(weir_span method, weir_span path,
                       struct weir_surface_route *found, struct weir_error *err)
{
    bool is_known = false;
    if (found->model.len > 0) /* a deployment's path of Azure: not there */
        return weir_fail(err, WEIR_ENOTOURS, WEIR_OFFSET_NONE,
                         "no such endpoint");
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        weir_span id;
        if (!match(i, path, &id))
            continue;
        is_known = true;
        if (!weir_span_equal(method, weir_span_of(rows[i].method)))
            continue;
        found->endpoint = WEIR_ENDPOINT_BULK;
        found->bulk = rows[i].bulk;
        found->takes_body = rows[i].takes_body;
        found->is_form = rows[i].is_form;
        found->model = id;
        return WEIR_OK;
    }
    return weir_fail(err, is_known ? WEIR_EMETHOD : WEIR_ENOTOURS,
                     WEIR_OFFSET_NONE, "no such endpoint of files or batches");
}

/* ------------------------------------------------------------------ lines */

static const struct {
    const char *url;
    enum weir_endpoint endpoint; /* as the operation */
    enum weir_dialect dialect;
} kinds[] = {
    {"/v1/chat/completions", WEIR_ENDPOINT_CHAT, WEIR_DIALECT_CHAT},
    {"/v1/responses", WEIR_ENDPOINT_RESPONSES, WEIR_DIALECT_RESPONSES},
    {"/v1/embeddings", WEIR_ENDPOINT_EMBED, WEIR_DIALECT_EMBEDDINGS},
    {"/v1/completions", WEIR_ENDPOINT_COMPLETE, WEIR_DIALECT_COMPLETIONS},
};

weir_span
weir_bulk_url(enum weir_operation operation)
{
    for (size_t i = 0; i < WEIR_COUNTOF(kinds); i++)
        if ((int)kinds[i].endpoint == (int)operation)
            return weir_span_of(kinds[i].url);
    return WEIR_SPAN_NONE;
}

/* The line's URL as a route; false: batches have no such endpoint. */
static bool
find_url(weir_span url, struct weir_surface_route *way_out)
{
    for (size_t i = 0; i < WEIR_COUNTOF(kinds); i++) {
        if (!weir_span_equal(url, weir_span_of(kinds[i].url)))
            continue;
        *way_out = (struct weir_surface_route){
            .surface = &weir_openai_surface,
            .endpoint = kinds[i].endpoint,
            .dialect = kinds[i].dialect,
            .takes_body = true,
        };
        return true;
    }
    return false;
}

static bool
is_blank(weir_span line)
{
    for (size_t i = 0; i < line.len; i++)
        if (memchr(" \t\r", line.ptr[i], 3) == NULL)
            return false;
    return true;
}

static bool
take_raw_line(weir_span *rest, weir_span *line_out)
{
    while (rest->len > 0) {
        const char *end = memchr(rest->ptr, '\n', rest->len);
        size_t len = end != NULL ? (size_t)(end - rest->ptr) : rest->len;
        size_t skip = end != NULL ? len + 1 : len;
        *line_out = (weir_span){rest->ptr, len};
        rest->ptr += skip;
        rest->len -= skip;
        if (!is_blank(*line_out))
            return true;
    }
    return false;
}

static weir_status
refuse(weir_span *param_out, const char *name, const char *reason,
       struct weir_error *err)
{
    *param_out = weir_span_of(name);
    return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE, "%s %s", name, reason);
}

enum { CUSTOM_ID, METHOD, URL, BODY, LINE_MEMBERS };

static const weir_json_path line_members[LINE_MEMBERS] = {
    [CUSTOM_ID] = WEIR_JSON_PATH1("custom_id"),
    [METHOD] = WEIR_JSON_PATH1("method"),
    [URL] = WEIR_JSON_PATH1("url"),
    [BODY] = WEIR_JSON_PATH1("body"),
};

static enum weir_stored_act
on_name(void *context, enum weir_bound_kind kind, enum weir_stored_need need,
        weir_span text, struct weir_buf *word)
{
    (void)context, (void)kind, (void)need, (void)text, (void)word;
    return WEIR_STORED_REFUSE;
}

/* Lines lie at the origin before anybody knows which of its ids they say. */
static weir_status
refuse_names(struct weir_bulk_line *line, struct weir_arena *arena,
             weir_span *param_out, struct weir_error *err)
{
    size_t changed;
    if (!weir_stored_may_name(&line->request) ||
        weir_stored_names(&line->request, on_name, NULL, arena, NULL, &changed,
                          err) == WEIR_OK)
        return WEIR_OK;
    *param_out = line->request.param;
    return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                     "%.*s names what an origin keeps: not for batches",
                     WEIR_SPAN_ARG(*param_out));
}

weir_status
weir_openai_bulk_line(weir_span *rest, const struct weir_urls *urls,
                      struct weir_arena *arena, struct weir_bulk_line *line_out,
                      weir_span *param_out, struct weir_error *err)
{
    weir_json_hit hits[LINE_MEMBERS];
    struct weir_json_root root;
    struct weir_surface_route way;
    char room[64];
    *line_out = (struct weir_bulk_line){0};
    *param_out = WEIR_SPAN("file");
    if (!take_raw_line(rest, &line_out->raw)) {
        line_out->raw = WEIR_SPAN_NONE;
        return WEIR_OK;
    }
    weir_status status =
        weir_json_scan(line_out->raw, line_members, LINE_MEMBERS,
                       WEIR_JSON_FOLD_NAMES, &root, hits, err);
    if (status != WEIR_OK)
        return status;
    if (root.kind != WEIR_JSON_OBJECT)
        return refuse(param_out, "line", "must be an object", err);
    if (hits[CUSTOM_ID].kind != WEIR_JSON_STRING)
        return refuse(param_out, "custom_id", "must be a string", err);
    if (!weir_span_equal(hits[METHOD].raw, WEIR_SPAN("\"POST\"")))
        return refuse(param_out, "method", "must be POST", err);
    if (hits[URL].kind != WEIR_JSON_STRING ||
        !weir_json_unescape_into(hits[URL].raw, room, sizeof(room),
                                 &line_out->url) ||
        !find_url(line_out->url, &way))
        return refuse(param_out, "url", "is not served in batches", err);
    line_out->url = weir_bulk_url((enum weir_operation)way.endpoint);
    if (hits[BODY].kind != WEIR_JSON_OBJECT)
        return refuse(param_out, "body", "must be an object", err);
    line_out->body = hits[BODY].raw;
    way.urls = urls;
    status = weir_surface_parse(&way, line_out->body, arena, &line_out->request,
                                err);
    if (status != WEIR_OK) {
        *param_out = line_out->request.param;
        return status;
    }
    if (line_out->request.is_streamed)
        return refuse(param_out, "stream", "is not for batches", err);
    return refuse_names(line_out, arena, param_out, err);
}

/* ------------------------------------------------------------------ order */

weir_status
weir_bulk_read_order(weir_span body, struct weir_bulk_order *order_out,
                     struct weir_error *err)
{
    enum { FILE_ID, ENDPOINT, MEMBERS };
    static const weir_json_path members[MEMBERS] = {
        [FILE_ID] = WEIR_JSON_PATH1("input_file_id"),
        [ENDPOINT] = WEIR_JSON_PATH1("endpoint"),
    };
    weir_json_hit hits[MEMBERS];
    struct weir_json_root root;
    *order_out = (struct weir_bulk_order){0};
    weir_status status = weir_json_scan(body, members, MEMBERS,
                                        WEIR_JSON_FOLD_NAMES, &root, hits, err);
    if (status != WEIR_OK)
        return status;
    if (root.kind != WEIR_JSON_OBJECT)
        return weir_fail(err, WEIR_ETYPE, 0, "the body must be an object");
    if (hits[FILE_ID].kind != WEIR_JSON_STRING || hits[FILE_ID].has_escapes)
        return refuse(&order_out->param, "input_file_id",
                      "must be the id of a file", err);
    if (hits[ENDPOINT].kind != WEIR_JSON_STRING || hits[ENDPOINT].has_escapes)
        return refuse(&order_out->param, "endpoint", "must be a path", err);
    order_out->file = hits[FILE_ID].raw;
    order_out->endpoint =
        (weir_span){hits[ENDPOINT].raw.ptr + 1, hits[ENDPOINT].raw.len - 2};
    return WEIR_OK;
}
