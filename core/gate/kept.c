/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of what is kept at origins: a head as other payloads have one,
 * then tags.
 *
 *    0      2         18     19     20          22
 *    +------+---------+------+------+-----------+------+
 *    | size | request | kind | deed | operation | tags |
 *    +------+---------+------+------+-----------+------+
 *
 * WHY A RECORD OF ITS OWN. A batch's call has no outcome for a day, one call
 * may tell of two files that a batch has made, and what a list finds missing
 * is of another call than the list: none of it fits an intent or an outcome.
 */
#include "internal.h"
#include "record_bytes.h"
#include "record_tags.h"

#include <weir/kept.h>

#include <string.h>

#define HEAD_BYTES 20
#define TEXT_MAX   512

enum weir_kept_list
weir_kept_list_of(enum weir_sealed_kind kind)
{
    switch (kind) {
    case WEIR_SEALED_BATCH:
        return WEIR_KEPT_BATCHES;
    case WEIR_SEALED_MESSAGES:
        return WEIR_KEPT_MESSAGES;
    default:
        return weir_kept_purpose(kind).len > 0 ? WEIR_KEPT_FILES
                                               : WEIR_KEPT_NONE;
    }
}

weir_span
weir_kept_purpose(enum weir_sealed_kind kind)
{
    return kind == WEIR_SEALED_INPUT     ? WEIR_SPAN("batch")
           : kind == WEIR_SEALED_RESULT  ? WEIR_SPAN("batch_output")
           : kind == WEIR_SEALED_FILE    ? WEIR_SPAN("user_data")
           : kind == WEIR_SEALED_PICTURE ? WEIR_SPAN("vision")
                                         : WEIR_SPAN_NONE;
}

/* ----------------------------------------------------------- writing */

static void
put_tag(struct weir_buf *out, enum tag tag, weir_span text)
{
    if (text.len == 0)
        return;
    if (text.len > TEXT_MAX)
        text.len = TEXT_MAX;
    weir__record_put(out, tag, 2);
    weir__record_put(out, text.len, 2);
    weir_buf_add_span(out, text);
}

void
weir_record_put_kept(const struct weir_record_kept *kept, struct weir_buf *out)
{
    weir__record_put(out, HEAD_BYTES, 2);
    weir_buf_add(out, kept->request.bytes, WEIR_REQUEST_ID_BYTES);
    weir__record_put(out, kept->kind, 1);
    weir__record_put(out, kept->deed, 1);
    weir__record_put(out, kept->operation, 2);
    put_tag(out, TAG_KEY, kept->key);
    put_tag(out, TAG_TENANT, kept->tenant);
    put_tag(out, TAG_KEPT, kept->name);
}

/* ----------------------------------------------------------- reading */

static bool
take_tags(weir_span in, struct weir_record_kept *kept)
{
    while (in.len > 0) {
        uint32_t tag;
        weir_span text;
        if (!weir__record_take(&in, 2, &tag) ||
            !weir__record_take_text(&in, &text))
            return false;
        if (tag == TAG_KEY)
            kept->key = text;
        else if (tag == TAG_TENANT)
            kept->tenant = text;
        else if (tag == TAG_KEPT)
            kept->name = text;
    }
    return kept->name.len > 0 && kept->tenant.len > 0;
}

weir_status
weir_record_get_kept(weir_span payload, struct weir_record_kept *kept_out,
                     struct weir_error *err)
{
    struct weir_record_kept kept = {0};
    weir_span head;
    if (!weir__record_take_text(&payload, &head) || head.len < HEAD_BYTES)
        goto cut;
    memcpy(kept.request.bytes, head.ptr, WEIR_REQUEST_ID_BYTES);
    head.ptr += WEIR_REQUEST_ID_BYTES;
    head.len -= WEIR_REQUEST_ID_BYTES;
    if (!weir__record_take(&head, 1, &kept.kind) ||
        !weir__record_take(&head, 1, &kept.deed) ||
        !weir__record_take(&head, 2, &kept.operation) ||
        !take_tags(payload, &kept))
        goto cut;
    *kept_out = kept;
    return WEIR_OK;
cut:
    return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                     "a record of what is kept is cut off");
}

/* --------------------------------------------------------- appending */

void
weir_call_keep(struct weir_call *call, enum weir_kept_deed deed,
               const struct weir_sealed *sealed, weir_span name)
{
    static const uint8_t none[WEIR_REQUEST_ID_BYTES] = {0};
    const struct weir_image *image = &call->view->image;
    bool has_call = memcmp(sealed->request.bytes, none, sizeof(none)) != 0;
    char bytes[3 * (TEXT_MAX + 4) + HEAD_BYTES + 2];
    struct weir_buf payload;
    weir_journal_mark mark;
    const struct weir_record_kept kept = {
        .request = has_call ? sealed->request : call->id,
        .kind = sealed->kind,
        .deed = deed,
        .operation = sealed->operation,
        .tenant = weir_image_text(image, image->tenants[call->tenant].name),
        .key = weir_image_text(image, image->keys[call->key].id),
        .name = name,
    };
    weir_buf_init_fixed(&payload, bytes, sizeof(bytes));
    weir_record_put_kept(&kept, &payload);
    if (weir__call_append(call, WEIR_RECORD_KEPT, &payload, WEIR_TIER_CRASH,
                          &mark, NULL) != WEIR_OK)
        call->gate->outcomes_unwritten++;
}
