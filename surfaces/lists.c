/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of files and batches: what is asked for, and the shape of the reply.
 *
 * WHY A HUNDRED. Each object of a page is asked of its origin. The OpenAI API
 * gives ten thousand files at once where nobody says how many; a page that is
 * shorter and says `has_more` is one that its SDKs go on from by themselves.
 */
#include <weir/json.h>
#include <weir/lists.h>

#include <string.h>

/* What each list takes: names of its parameters, NULL where it has none. */
static const struct shape {
    const char *after;
    const char *before;
    const char *order;
    const char *purpose;
    uint32_t usual; /* objects of a page */
    uint32_t most;  /* that may be asked for */
} shapes[] = {
    [WEIR_KEPT_FILES] = {"after", NULL, "order", "purpose", 10000, 10000},
    [WEIR_KEPT_BATCHES] = {"after", NULL, NULL, NULL, 20, 100},
    [WEIR_KEPT_MESSAGES] = {"after_id", "before_id", NULL, NULL, 20, 1000},
};

enum weir_kept_list
weir_list_of(const struct weir_surface_route *route)
{
    if (route->endpoint != WEIR_ENDPOINT_BULK)
        return WEIR_KEPT_NONE;
    if (route->bulk == WEIR_BULK_FILES)
        return WEIR_KEPT_FILES;
    if (route->bulk != WEIR_BULK_BATCHES)
        return WEIR_KEPT_NONE;
    return route->dialect == WEIR_DIALECT_MESSAGES ? WEIR_KEPT_MESSAGES
                                                   : WEIR_KEPT_BATCHES;
}

/* ------------------------------------------------------------ asking */

static bool
is_name(weir_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return text.len > 0 && text.len <= WEIR_SEAL_TEXT;
}

static bool
is_of(weir_span name, const char *word)
{
    return word != NULL && weir_span_equal(name, weir_span_of(word));
}

static weir_status
refuse(weir_span name, const char *reason, weir_span *param_out,
       struct weir_error *err)
{
    *param_out = name;
    return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE, "%.*s %s",
                     WEIR_SPAN_ARG(name), reason);
}

static weir_status
take_name(weir_span name, weir_span value, weir_span *to, weir_span *param_out,
          struct weir_error *err)
{
    if (value.len == 0)
        return WEIR_OK;
    if (!is_name(value))
        return refuse(name, "is no name of this list", param_out, err);
    *to = value;
    return WEIR_OK;
}

static weir_status
take(const struct shape *shape, weir_span name, weir_span value,
     struct weir_list_query *query, weir_span *param_out,
     struct weir_error *err)
{
    uint64_t number;
    if (is_of(name, shape->after))
        return take_name(name, value, &query->after, param_out, err);
    if (is_of(name, shape->before))
        return take_name(name, value, &query->before, param_out, err);
    if (is_of(name, shape->purpose))
        return take_name(name, value, &query->purpose, param_out, err);
    if (is_of(name, shape->order)) {
        query->is_ascending = weir_span_equal(value, WEIR_SPAN("asc"));
        if (!query->is_ascending && !weir_span_equal(value, WEIR_SPAN("desc")))
            return refuse(name, "must be asc or desc", param_out, err);
    }
    if (is_of(name, "limit")) {
        if (!weir_span_to_u64(value, &number) || number == 0 ||
            number > shape->most)
            return refuse(name,
                          shape->most == 100    ? "must be from 1 to 100"
                          : shape->most == 1000 ? "must be from 1 to 1000"
                                                : "must be from 1 to 10000",
                          param_out, err);
        query->limit = (uint32_t)number;
    }
    return WEIR_OK;
}

weir_status
weir_list_read(const struct weir_surface_route *route, weir_span query,
               struct weir_list_query *query_out, weir_span *param_out,
               struct weir_error *err)
{
    const struct shape *shape = &shapes[weir_list_of(route)];
    struct weir_list_query read = {.limit = shape->usual};
    WEIR_ASSERT(shape->after != NULL);
    while (query.len > 0) {
        const char *end = memchr(query.ptr, '&', query.len);
        size_t len = end != NULL ? (size_t)(end - query.ptr) : query.len;
        const char *mark = memchr(query.ptr, '=', len);
        size_t name = mark != NULL ? (size_t)(mark - query.ptr) : len;
        weir_span value = {query.ptr + name + (mark != NULL),
                           len - name - (mark != NULL)};
        weir_status status = take(shape, (weir_span){query.ptr, name}, value,
                                  &read, param_out, err);
        if (status != WEIR_OK)
            return status;
        len += end != NULL;
        query = (weir_span){query.ptr + len, query.len - len};
    }
    if (read.after.len > 0 && read.before.len > 0)
        return refuse(weir_span_of(shape->before),
                      "cannot be given with after_id", param_out, err);
    if (read.limit > WEIR_LIST_PAGE_MAX)
        read.limit = WEIR_LIST_PAGE_MAX;
    *query_out = read;
    return WEIR_OK;
}

/* ----------------------------------------------------------- objects */

weir_status
weir_list_check(weir_span body, weir_span name, struct weir_error *err)
{
    static const weir_json_path path = WEIR_JSON_PATH1("id");
    weir_json_hit hit;
    struct weir_json_root root;
    char room[WEIR_SEAL_TEXT];
    weir_span id;
    if (weir_json_scan(body, &path, 1, 0, &root, &hit, err) != WEIR_OK ||
        root.kind != WEIR_JSON_OBJECT || hit.kind != WEIR_JSON_STRING ||
        !weir_json_unescape_into(hit.raw, room, sizeof room, &id) ||
        !weir_span_equal(id, name))
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "what is told of an object is not that object");
    return WEIR_OK;
}

size_t
weir_list_reason(weir_span body, char text_out[WEIR_LIST_REASON])
{
    static const weir_json_path path = WEIR_JSON_PATH2("error", "message");
    weir_json_hit hit;
    struct weir_json_root root;
    char room[1024];
    weir_span text;
    size_t len = 0;
    if (weir_json_scan(body, &path, 1, 0, &root, &hit, NULL) != WEIR_OK ||
        hit.kind != WEIR_JSON_STRING ||
        !weir_json_unescape_into(hit.raw, room, sizeof room, &text))
        return 0;
    for (size_t i = 0; i < text.len && len < WEIR_LIST_REASON; i++)
        if (text.ptr[i] >= ' ' && text.ptr[i] < 127)
            text_out[len++] = text.ptr[i];
    return len;
}

/* ------------------------------------------------------------- reply */

void
weir_list_begin(const struct weir_surface_route *route, struct weir_buf *out)
{
    weir_buf_add_span(out, route->dialect == WEIR_DIALECT_MESSAGES
                               ? WEIR_SPAN("{\"data\":[")
                               : WEIR_SPAN("{\"object\":\"list\",\"data\":["));
}

void
weir_list_add(weir_span body, bool is_first, struct weir_buf *out)
{
    if (!is_first)
        weir_buf_add_byte(out, ',');
    weir_buf_add_span(out, body);
}

static void
add_id(const char *member, weir_span name, struct weir_buf *out)
{
    if (name.len == 0)
        weir_buf_addf(out, ",\"%s\":null", member);
    else
        weir_buf_addf(out, ",\"%s\":\"%.*s\"", member, WEIR_SPAN_ARG(name));
}

/* Both APIs end in the same way. */
void
weir_list_end(const struct weir_surface_route *route, weir_span first,
              weir_span last, bool has_more, struct weir_buf *out)
{
    (void)route;
    weir_buf_add_byte(out, ']');
    add_id("first_id", first, out);
    add_id("last_id", last, out);
    weir_buf_addf(out, ",\"has_more\":%s}", has_more ? "true" : "false");
}
