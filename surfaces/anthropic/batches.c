/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message batches of the Anthropic API, on the way in.
 *
 *    POST /v1/messages/batches  {"requests": [{"custom_id":..., "params":
 *                               a body of /v1/messages}, ...]}
 *    GET  .../ID, .../ID/results; POST .../ID/cancel; DELETE .../ID
 *
 * WHY ONE MODEL. As in files of lines (surfaces/openai/bulk.c): one decision
 * is then true for every request, and all lie at one deployment. The API
 * itself takes several; who has several sends as many batches.
 *
 * WHY ELEMENTS ARE FOUND BY THEIR BRACKETS. The body was read as strict JSON
 * before; what is left is to find where each element ends.
 */
#include "anthropic.h"

#include <weir/bulk.h>
#include <weir/json.h>

#include <string.h>

static const struct {
    const char *method;
    const char *end; /* behind the id; NULL: no id */
    enum weir_bulk bulk;
    bool takes_body;
} rows[] = {
    {"POST", NULL, WEIR_BULK_SEND, true},
    {"GET", NULL, WEIR_BULK_BATCHES, false},
    {"GET", "", WEIR_BULK_BATCH, false},
    {"DELETE", "", WEIR_BULK_ERASE, false},
    {"GET", "/results", WEIR_BULK_RESULTS, false},
    {"POST", "/cancel", WEIR_BULK_CANCEL, false},
};

/* `rest` is what stands behind ".../batches". */
static bool
match(size_t row, weir_span rest, weir_span *id_out)
{
    *id_out = WEIR_SPAN_NONE;
    if (rows[row].end == NULL)
        return rest.len == 0;
    if (rest.len < 2 || rest.ptr[0] != '/')
        return false;
    rest = (weir_span){rest.ptr + 1, rest.len - 1};
    const char *slash = memchr(rest.ptr, '/', rest.len);
    size_t len = slash != NULL ? (size_t)(slash - rest.ptr) : rest.len;
    *id_out = (weir_span){rest.ptr, len};
    return len > 0 &&
           weir_span_equal((weir_span){rest.ptr + len, rest.len - len},
                           weir_span_of(rows[row].end));
}

weir_status
weir_anthropic_route_batches(weir_span method, weir_span rest,
                             struct weir_surface_route *found,
                             struct weir_error *err)
{
    bool is_known = false;
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        weir_span id;
        if (!match(i, rest, &id))
            continue;
        is_known = true;
        if (!weir_span_equal(method, weir_span_of(rows[i].method)))
            continue;
        found->endpoint = WEIR_ENDPOINT_BULK;
        found->bulk = rows[i].bulk;
        found->takes_body = rows[i].takes_body;
        found->model = id;
        return WEIR_OK;
    }
    return weir_fail(err, is_known ? WEIR_EMETHOD : WEIR_ENOTOURS,
                     WEIR_OFFSET_NONE, "no such endpoint of message batches");
}

/* --------------------------------------------------------------- requests */

static weir_status
refuse(weir_span *param_out, const char *name, const char *reason,
       struct weir_error *err)
{
    *param_out = weir_span_of(name);
    return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE, "%s %s", name, reason);
}

weir_status
weir_bulk_read_requests(weir_span body, weir_span *file_out,
                        weir_span *param_out, struct weir_error *err)
{
    static const weir_json_path path = WEIR_JSON_PATH1("requests");
    weir_json_hit hit;
    struct weir_json_root root;
    *param_out = WEIR_SPAN_NONE;
    weir_status status =
        weir_json_scan(body, &path, 1, WEIR_JSON_FOLD_NAMES, &root, &hit, err);
    if (status != WEIR_OK)
        return status;
    if (root.kind != WEIR_JSON_OBJECT)
        return weir_fail(err, WEIR_ETYPE, 0, "the body must be an object");
    if (hit.kind != WEIR_JSON_ARRAY)
        return refuse(param_out, "requests", "must be an array", err);
    *file_out = (weir_span){hit.raw.ptr + 1, hit.raw.len - 2};
    return WEIR_OK;
}

static bool
is_between(char c)
{
    return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* How long the value is that begins here: to the bracket that closes it, or
 * to what parts it from the next. */
static size_t
value_len(weir_span text)
{
    size_t depth = 0;
    bool is_string = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (is_string) {
            i += c == '\\';
            is_string = c != '"';
        } else if (c == '"') {
            is_string = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth <= 1)
                return i + 1;
            depth--;
        } else if (depth == 0 && is_between(c)) {
            return i;
        }
    }
    return text.len;
}

static weir_span
take_element(weir_span *rest)
{
    while (rest->len > 0 && is_between(*rest->ptr)) {
        rest->ptr++;
        rest->len--;
    }
    weir_span raw = {rest->ptr, value_len(*rest)};
    rest->ptr += raw.len;
    rest->len -= raw.len;
    return raw.len > 0 ? raw : WEIR_SPAN_NONE;
}

enum { CUSTOM_ID, PARAMS, MEMBERS };

static const weir_json_path members[MEMBERS] = {
    [CUSTOM_ID] = WEIR_JSON_PATH1("custom_id"),
    [PARAMS] = WEIR_JSON_PATH1("params"),
};

weir_status
weir_anthropic_bulk_line(weir_span *rest, const struct weir_urls *urls,
                         struct weir_arena *arena,
                         struct weir_bulk_line *line_out, weir_span *param_out,
                         struct weir_error *err)
{
    const struct weir_surface_route way = {
        .surface = &weir_anthropic_surface,
        .endpoint = WEIR_ENDPOINT_CHAT,
        .dialect = WEIR_DIALECT_MESSAGES,
        .takes_body = true,
        .urls = urls,
    };
    weir_json_hit hits[MEMBERS];
    struct weir_json_root root;
    *line_out = (struct weir_bulk_line){0};
    *param_out = WEIR_SPAN("requests");
    line_out->raw = take_element(rest);
    if (line_out->raw.ptr == NULL)
        return WEIR_OK;
    weir_status status = weir_json_scan(line_out->raw, members, MEMBERS,
                                        WEIR_JSON_FOLD_NAMES, &root, hits, err);
    if (status != WEIR_OK)
        return status;
    if (root.kind != WEIR_JSON_OBJECT)
        return refuse(param_out, "requests", "must hold objects", err);
    if (hits[CUSTOM_ID].kind != WEIR_JSON_STRING)
        return refuse(param_out, "custom_id", "must be a string", err);
    if (hits[PARAMS].kind != WEIR_JSON_OBJECT)
        return refuse(param_out, "params", "must be an object", err);
    line_out->body = hits[PARAMS].raw;
    status = weir_surface_parse(&way, line_out->body, arena, &line_out->request,
                                err);
    if (status != WEIR_OK) {
        *param_out = line_out->request.param;
        return status;
    }
    if (line_out->request.is_streamed)
        return refuse(param_out, "stream", "is not for batches", err);
    /* The API wants it, and what is held until the end goes by it. */
    if (line_out->request.output_tokens_max == 0)
        return refuse(param_out, "max_tokens", "is missing", err);
    return WEIR_OK;
}
