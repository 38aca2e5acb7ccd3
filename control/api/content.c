/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/content: what is kept, seen by few, erased for good. */
#include <stdlib.h>
#include <string.h>

#include "control/api/call.h"
#include "control/cache/cache.h"
#include "control/content/content.h"

#define LIMIT_DEFAULT 1000
#define LIMIT_MOST    100000
#define SHOWN_MAX     ((size_t)128 << 20)

static const char *
what_of(const struct weir_content_item *item)
{
    return item->meta.kind == WEIR_CONTENT_REQUEST ? "request" : "reply";
}

static json_t *
item_json(const struct weir_content_item *item)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:b,s:b}", "request",
                     item->request, "tenant", item->meta.tenant, "class",
                     item->meta.class, "what", what_of(item), "when_us",
                     (json_int_t)item->meta.when, "whole_bytes",
                     (json_int_t)item->meta.whole_bytes, "kept_bytes",
                     (json_int_t)item->meta.kept_bytes, "is_erased",
                     item->meta.is_erased, "is_held", item->is_held);
}

struct adding {
    json_t *list;
    uint64_t limit;
};

static bool
add_item(void *context, const struct weir_content_item *item)
{
    struct adding *adding = context;
    json_array_append_new(adding->list, item_json(item));
    return json_array_size(adding->list) < adding->limit;
}

weir_status
weir_api_content_list(struct weir_api_call *call, struct weir_error *err)
{
    const char *erased = weir_api_query(call, "erased");
    const struct weir_content_filter filter = {
        .tenant = weir_api_query(call, "tenant"),
        .request = weir_api_query(call, "request"),
        .from = WEIR_TIME_MIN,
        .with_erased = erased != NULL && strcmp(erased, "1") == 0,
    };
    struct adding adding;
    weir_status status = weir_api_query_number(call, "limit", LIMIT_DEFAULT,
                                               LIMIT_MOST, &adding.limit, err);
    if (status != WEIR_OK)
        return status;
    adding.list = json_array();
    status = weir_content_list(&call->door->control->paths, &filter, add_item,
                               &adding, err);
    call->reply = json_pack("{s:o}", "items", adding.list);
    return status;
}

/* ------------------------------------------------------------------ looking */

struct finding {
    const char *what; /* NULL: both */
    struct weir_content_item items[16];
    uint32_t count;
};

static bool
find_item(void *context, const struct weir_content_item *item)
{
    struct finding *finding = context;
    if (finding->what == NULL || strcmp(finding->what, what_of(item)) == 0)
        finding->items[finding->count++] = *item;
    return finding->count < WEIR_COUNTOF(finding->items);
}

static json_t *
body_json(const struct weir_content_item *item, weir_span plain)
{
    json_t *json = item_json(item);
    json_t *text =
        weir_utf8_valid(plain) &&
                memchr(plain.len > 0 ? plain.ptr : "x", 0, plain.len) == NULL
            ? json_stringn(plain.ptr == NULL ? "" : plain.ptr, plain.len)
            : NULL;
    if (text != NULL) {
        json_object_set_new(json, "text", text);
        return json;
    }
    char *encoded = malloc(WEIR_BASE64_LEN(plain.len) + 1);
    if (encoded != NULL) {
        size_t len = weir_base64_encode(plain, encoded);
        json_object_set_new(json, "base64", json_stringn(encoded, len));
        weir_wipe(encoded, len);
    }
    free(encoded);
    return json;
}

weir_status
weir_api_content_show(struct weir_api_call *call, struct weir_error *err)
{
    const struct weir_content_filter filter = {.request = call->params[0],
                                               .from = WEIR_TIME_MIN};
    const struct weir_content_viewer viewer = {
        .actor = &call->actor, .purpose = weir_api_query(call, "purpose")};
    struct finding finding = {.what = weir_api_query(call, "what")};
    json_t *list = json_array();
    weir_status status = weir_content_list(&call->door->control->paths, &filter,
                                           find_item, &finding, err);
    if (status == WEIR_OK && finding.count == 0)
        status = weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                           "nothing is kept of %.40s", call->params[0]);
    for (uint32_t i = 0; status == WEIR_OK && i < finding.count; i++) {
        struct weir_buf plain;
        weir_buf_init(&plain, SHOWN_MAX);
        status = weir_content_view(call->door->control, &viewer,
                                   &finding.items[i], &plain, err);
        if (status == WEIR_OK)
            json_array_append_new(
                list, body_json(&finding.items[i], weir_buf_span(&plain)));
        if (plain.ptr != NULL)
            weir_wipe(plain.ptr, plain.len);
        weir_buf_fini(&plain);
    }
    call->reply =
        json_pack("{s:s,s:o}", "request", call->params[0], "bodies", list);
    return status;
}

/* ------------------------------------------------------------------ erasing */

static weir_status
take_reason(struct weir_api_call *call, const char **reason_out,
            struct weir_error *err)
{
    *reason_out = json_string_value(json_object_get(call->body, "reason"));
    return *reason_out != NULL && (*reason_out)[0] != '\0'
               ? WEIR_OK
               : weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "say why: the record keeps the reason");
}

weir_status
weir_api_content_erase(struct weir_api_call *call, struct weir_error *err)
{
    const char *reason;
    uint64_t items = 0;
    weir_status status = take_reason(call, &reason, err);
    if (status == WEIR_OK)
        status = weir_content_erase(call->door->control, &call->actor,
                                    call->params[0], reason, &items, err);
    call->reply = json_pack("{s:I}", "items", (json_int_t)items);
    return status;
}

weir_status
weir_api_content_erase_tenant(struct weir_api_call *call,
                              struct weir_error *err)
{
    const char *reason;
    uint64_t items = 0;
    weir_status status = take_reason(call, &reason, err);
    if (status == WEIR_OK)
        status =
            weir_content_erase_tenant(call->door->control, &call->actor,
                                      call->params[0], reason, &items, err);
    /* what is cached goes also where nothing else was kept */
    if (status == WEIR_OK || status == WEIR_ENOTFOUND)
        weir_cache_file_purge(call->door->control->paths.run,
                              weir_span_of(call->params[0]));
    call->reply = json_pack("{s:I}", "items", (json_int_t)items);
    return status;
}

/* -------------------------------------------------------------------- holds */

static bool
add_hold(void *context, const struct weir_content_hold *hold)
{
    json_array_append_new(
        context, json_pack("{s:s,s:s,s:s,s:s,s:I}", "kind", hold->kind, "name",
                           hold->name, "by", hold->by, "reason", hold->reason,
                           "since_us", (json_int_t)hold->since));
    return true;
}

weir_status
weir_api_content_holds(struct weir_api_call *call, struct weir_error *err)
{
    json_t *list = json_array();
    call->reply = json_pack("{s:o}", "holds", list);
    return weir_content_holds(&call->door->control->paths, add_hold, list, err);
}

weir_status
weir_api_content_hold(struct weir_api_call *call, struct weir_error *err)
{
    const char *reason, *kind, *name;
    kind = json_string_value(json_object_get(call->body, "kind"));
    name = json_string_value(json_object_get(call->body, "name"));
    weir_status status = take_reason(call, &reason, err);
    call->reply = json_pack("{s:s}", "name", name);
    return status == WEIR_OK
               ? weir_content_hold_set(
                     call->door->control, &call->actor, kind, name, reason,
                     json_is_true(json_object_get(call->body, "release")), err)
               : status;
}
