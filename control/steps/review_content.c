/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was said in the calls of a sample, for a reviewer who asked for it.
 *
 * Three rules stand in between: of the case (somebody else named the
 * reviewer, and the call's data rests in one of his places), of the content's
 * class (its regions), and of the role. The last two are weir_content_view()'s,
 * which writes the view, or the refusal, into the log before it gives a byte.
 * A body that he may not see is a reason and no text; the rest of the sample
 * is shown. Of what is long only the beginning is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/content/content.h"
#include "control/steps/parts.h"

#define SHOWN_BYTES   16384 /* of one body */
#define PLAIN_MAX     ((size_t)128 << 20)
#define ITEMS_A_CALL  8
#define CLOCK_SKEW_US (60 * WEIR_US_PER_SEC)

struct gathering {
    const json_t *calls;
    struct weir_content_item *items;
    size_t count;
    size_t room;
};

/* Items come in the order of segments; a call has two as a rule. */
static bool
gather(void *context, const struct weir_content_item *item)
{
    struct gathering *all = context;
    size_t index;
    const json_t *call;
    json_array_foreach(all->calls, index, call)
    {
        const char *id = json_string_value(json_object_get(call, "id"));
        if (strcmp(id, item->request) == 0)
            break;
    }
    if (index < json_array_size(all->calls) && all->count < all->room)
        all->items[all->count++] = *item;
    return all->count < all->room;
}

static json_t *
body_json(const struct weir_content_item *item, weir_span plain)
{
    weir_span shown = {plain.ptr,
                       plain.len < SHOWN_BYTES ? plain.len : SHOWN_BYTES};
    /* Not through the middle of a character. */
    while (shown.len > 0 && shown.len < plain.len &&
           ((unsigned char)plain.ptr[shown.len] & 0xC0) == 0x80)
        shown.len--;
    json_t *row = json_pack(
        "{s:s,s:s,s:I,s:I,s:b}", "what",
        item->meta.kind == WEIR_CONTENT_REQUEST ? "request" : "reply", "class",
        item->meta.class, "whole_bytes", (json_int_t)item->meta.whole_bytes,
        "kept_bytes", (json_int_t)item->meta.kept_bytes, "is_cut",
        shown.len < plain.len ||
            item->meta.kept_bytes < item->meta.whole_bytes);
    json_t *text =
        weir_utf8_valid(shown) && memchr(shown.ptr, 0, shown.len) == NULL
            ? json_stringn(shown.ptr, shown.len)
            : NULL;
    if (text != NULL) {
        json_object_set_new(row, "text", text);
        return row;
    }
    char *encoded = malloc(WEIR_BASE64_LEN(shown.len) + 1);
    if (encoded != NULL) {
        size_t len = weir_base64_encode(shown, encoded);
        json_object_set_new(row, "base64", json_stringn(encoded, len));
        weir_wipe(encoded, len);
    }
    free(encoded);
    return row;
}

static void
refuse(json_t *call, const char *why)
{
    json_object_set_new(call, "content_refusal", json_string(why));
}

static void
add_body(json_t *call, json_t *body)
{
    json_t *bodies = json_object_get(call, "content");
    if (!json_is_array(bodies)) {
        bodies = json_array();
        json_object_set_new(call, "content", bodies);
    }
    json_array_append_new(bodies, body);
}

/* Errors that say no to this reviewer or this body; others end the look. */
static bool
is_refusal(weir_status status)
{
    return status == WEIR_EROLE || status == WEIR_EDENIED ||
           status == WEIR_ENOTFOUND || status == WEIR_EUNAUTH;
}

static weir_status
show_item(struct weir_control *control,
          const struct weir_content_viewer *viewer,
          const struct weir_content_item *item, json_t *call,
          struct weir_error *err)
{
    struct weir_error own = {0};
    struct weir_buf plain;
    if (item->meta.is_erased) {
        refuse(call, "erased");
        return WEIR_OK;
    }
    weir_buf_init(&plain, PLAIN_MAX);
    weir_status status = weir_content_view(control, viewer, item, &plain, &own);
    if (status == WEIR_OK)
        add_body(call, body_json(item, weir_buf_span(&plain)));
    if (plain.ptr != NULL)
        weir_wipe(plain.ptr, plain.len);
    weir_buf_fini(&plain);
    if (is_refusal(status)) {
        refuse(call, own.text);
        return WEIR_OK;
    }
    if (status != WEIR_OK && err != NULL)
        *err = own;
    return status;
}

static json_t *
call_of(const json_t *calls, const char *request)
{
    size_t index;
    json_t *call;
    json_array_foreach(calls, index, call)
    {
        if (strcmp(json_string_value(json_object_get(call, "id")), request) ==
            0)
            return call;
    }
    return NULL;
}

weir_status
weir__review_content(struct weir_control *control,
                     const struct weir_actor *actor, const char *case_id,
                     bool is_wanted, weir_time from, json_t *calls,
                     struct weir_error *err)
{
    char purpose[64];
    struct gathering all = {.calls = calls,
                            .room = json_array_size(calls) * ITEMS_A_CALL + 1};
    const struct weir_content_filter filter = {.from = from - CLOCK_SKEW_US,
                                               .with_erased = true};
    const struct weir_content_viewer viewer = {.actor = actor,
                                               .purpose = purpose};
    snprintf(purpose, sizeof purpose, "review of %s", case_id);
    all.items = calloc(all.room, sizeof *all.items);
    if (all.items == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    weir_status status =
        weir_content_list(&control->paths, &filter, gather, &all, err);
    for (size_t i = 0; status == WEIR_OK && i < all.count; i++) {
        json_t *call = call_of(calls, all.items[i].request);
        json_object_set_new(call, "content_refusal", json_null());
        if (is_wanted)
            status = show_item(control, &viewer, &all.items[i], call, err);
        else
            refuse(call, all.items[i].meta.is_erased
                             ? "erased"
                             : "retained, and not asked for");
    }
    free(all.items);
    return status;
}
