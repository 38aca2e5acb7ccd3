/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that an origin keeps, read again by their names:
 *
 *    GET    /responses/ID               also ?stream=true
 *    DELETE /responses/ID
 *    POST   /responses/ID/cancel
 *    GET    /responses/ID/input_items
 *
 * Lists are not there: an origin has none. Of the query what is in the table
 * passes; a value has the letters of names and numbers and no others, so
 * that nothing can be said in it that weir reads otherwise than the origin.
 */
#include "openai.h"

#include <weir/stored.h>

#include <string.h>

static const struct {
    const char *method;
    const char *suffix;
    const char *title;
} verbs[] = {
    [WEIR_STORED_READ] = {"GET", "", "responses.retrieve"},
    [WEIR_STORED_ERASE] = {"DELETE", "", "responses.delete"},
    [WEIR_STORED_CANCEL] = {"POST", "/cancel", "responses.cancel"},
    [WEIR_STORED_ITEMS] = {"GET", "/input_items", "responses.input_items"},
};

enum value { PLAIN, ITEM_NAME, EXTRA, PASSED_OVER };

#define FOR(verb) (1u << (verb))

static const struct {
    const char *name;
    unsigned verbs;
    enum value value;
} parameters[] = {
    {"stream", FOR(WEIR_STORED_READ), PLAIN},
    {"starting_after", FOR(WEIR_STORED_READ), PLAIN},
    {"include_obfuscation", FOR(WEIR_STORED_READ), PLAIN},
    {"include", FOR(WEIR_STORED_READ) | FOR(WEIR_STORED_ITEMS), EXTRA},
    {"include[]", FOR(WEIR_STORED_READ) | FOR(WEIR_STORED_ITEMS), EXTRA},
    {"include%5B%5D", FOR(WEIR_STORED_READ) | FOR(WEIR_STORED_ITEMS), EXTRA},
    {"limit", FOR(WEIR_STORED_ITEMS), PLAIN},
    {"order", FOR(WEIR_STORED_ITEMS), PLAIN},
    {"after", FOR(WEIR_STORED_ITEMS), ITEM_NAME},
    {"before", FOR(WEIR_STORED_ITEMS), ITEM_NAME},
    {"api-version", ~0u, PASSED_OVER}, /* Azure's: the origin has its own */
};

weir_span
weir_stored_method(enum weir_stored_verb verb)
{
    return weir_span_of(verbs[verb].method);
}

weir_span
weir_stored_suffix(enum weir_stored_verb verb)
{
    return weir_span_of(verbs[verb].suffix);
}

weir_span
weir_stored_title(enum weir_stored_verb verb)
{
    return weir_span_of(verbs[verb].title);
}

/* "name=value" of a query, which goes on; false: it is at its end. */
static bool
take_parameter(weir_span *query, weir_span *name_out, weir_span *value_out)
{
    while (query->len > 0) {
        const char *end = memchr(query->ptr, '&', query->len);
        size_t len = end != NULL ? (size_t)(end - query->ptr) : query->len;
        weir_span pair = {query->ptr, len};
        query->ptr += end != NULL ? len + 1 : len;
        query->len -= end != NULL ? len + 1 : len;
        if (len == 0)
            continue;
        const char *equals = memchr(pair.ptr, '=', len);
        size_t name = equals != NULL ? (size_t)(equals - pair.ptr) : len;
        *name_out = (weir_span){pair.ptr, name};
        *value_out = equals != NULL ? (weir_span){equals + 1, len - name - 1}
                                    : WEIR_SPAN_NONE;
        return true;
    }
    return false;
}

static bool
wants_stream(weir_span query)
{
    weir_span name, value;
    bool is_wanted = false;
    while (take_parameter(&query, &name, &value))
        if (weir_span_equal(name, WEIR_SPAN("stream")))
            is_wanted = weir_span_equal_nocase(value, WEIR_SPAN("true"));
    return is_wanted;
}

bool
weir_stored_is_plain(weir_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
              (c >= 'a' && c <= 'z') || c == '_' || c == '-' || c == '.'))
            return false;
    }
    return text.len > 0;
}

weir_status
weir_openai_route_stored(weir_span method, weir_span path, weir_span query,
                         struct weir_surface_route *found,
                         struct weir_error *err)
{
    const size_t start = sizeof("/responses/") - 1;
    weir_span id = {path.ptr + start, path.len - start};
    const char *slash = id.len > 0 ? memchr(id.ptr, '/', id.len) : NULL;
    weir_span suffix = WEIR_SPAN_NONE;
    bool is_known = false;
    if (slash != NULL) {
        suffix = (weir_span){slash, (size_t)(id.ptr + id.len - slash)};
        id.len -= suffix.len;
    }
    /* Behind a deployment's path of Azure it is not there. */
    for (size_t i = WEIR_STORED_READ;
         i < WEIR_COUNTOF(verbs) && found->model.len == 0 &&
         weir_stored_is_plain(id);
         i++) {
        if (!weir_span_equal(suffix, weir_span_of(verbs[i].suffix)))
            continue;
        is_known = true;
        if (!weir_span_equal(method, weir_span_of(verbs[i].method)))
            continue;
        found->endpoint = WEIR_ENDPOINT_STORED;
        found->dialect = WEIR_DIALECT_RESPONSES;
        found->stored = (enum weir_stored_verb)i;
        found->takes_body = false;
        found->model = id;
        found->is_streamed = i == WEIR_STORED_READ && wants_stream(query);
        return WEIR_OK;
    }
    return weir_fail(err, is_known ? WEIR_EMETHOD : WEIR_ENOTOURS,
                     WEIR_OFFSET_NONE, "no such endpoint of responses");
}

/* ----------------------------------------------------------------- query */

static weir_status
no(weir_span *param_out, weir_span name, const char *reason,
   struct weir_error *err)
{
    *param_out = name;
    return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE, "%.*s %s",
                     WEIR_SPAN_ARG(name), reason);
}

/* Row of a parameter, or how many there are. */
static size_t
parameter_of(enum weir_stored_verb verb, weir_span name)
{
    size_t i = 0;
    while (i < WEIR_COUNTOF(parameters) &&
           ((parameters[i].verbs & FOR(verb)) == 0 ||
            !weir_span_equal_nocase(name, weir_span_of(parameters[i].name))))
        i++;
    return i;
}

weir_status
weir_stored_query(enum weir_stored_verb verb, weir_span query,
                  bool strips_logprobs, weir_stored_on_name on_name,
                  void *context, struct weir_buf *out, weir_span *param_out,
                  struct weir_error *err)
{
    size_t from = out->len;
    weir_span name, value;
    while (take_parameter(&query, &name, &value)) {
        char room[WEIR_BOUND_NAME_MAX];
        struct weir_buf word;
        size_t i = parameter_of(verb, name);
        if (i == WEIR_COUNTOF(parameters))
            return no(param_out, name, "is no parameter that is served", err);
        if (parameters[i].value == PASSED_OVER)
            continue;
        if (!weir_stored_is_plain(value))
            return no(param_out, name, "has letters that no value has", err);
        if (parameters[i].value == EXTRA && strips_logprobs &&
            memmem(value.ptr, value.len, "logprobs", 8) != NULL)
            continue;
        if (parameters[i].value == ITEM_NAME) {
            weir_buf_init_fixed(&word, room, sizeof(room));
            if (on_name(context, WEIR_BOUND_ITEM, WEIR_STORED_MUST, value,
                        &word) != WEIR_STORED_WRITE ||
                !weir_stored_is_plain(weir_buf_span(&word)))
                return no(param_out, name,
                          "names nothing that is kept for this tenant", err);
            value = weir_buf_span(&word);
        }
        weir_buf_add_byte(out, out->len == from ? '?' : '&');
        weir_buf_add_span(out, name);
        weir_buf_add_byte(out, '=');
        weir_buf_add_span(out, value);
    }
    return out->overflow ? weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                                     "the query is too long")
                         : WEIR_OK;
}
