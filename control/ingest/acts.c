/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acts of people go the way of all records: the store holds them as done,
 * ingest appends each to the journal, and when the record is read back the
 * act is marked. An act is thus never without its record for long, and a
 * crash between the two leaves at worst two records of one act, which say so
 * by their number.
 *
 * The payload is JSON: {"act":7,"when":"...","actor":"wt_..","role":"admin",
 * "action":"key.revoke","subject":"wk_..","detail":{...}}.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "control/ingest/parts.h"

static json_t *
text(weir_span span)
{
    return json_stringn(span.ptr, span.len);
}

/* NULL: out of memory. free() it. */
static char *
payload_of(const struct weir_store_act *act)
{
    char when[WEIR_TIME_TEXT];
    weir_time_format(act->when, when);
    json_t *detail = json_loadb(act->detail.ptr, act->detail.len, 0, NULL);
    json_t *object = json_pack("{s:I,s:s,s:o*,s:o*,s:o*,s:o*,s:o*}", "act",
                               (json_int_t)act->number, "when", when, "actor",
                               text(act->actor), "role", text(act->role),
                               "action", text(act->action), "subject",
                               text(act->subject), "detail", detail);
    char *line = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return line;
}

struct sending {
    struct weir_ingest *ingest;
    weir_status status;
    struct weir_error *err;
};

static bool
send_act(void *context, const struct weir_store_act *act)
{
    struct sending *sending = context;
    struct weir_ingest *ingest = sending->ingest;
    weir_journal_mark mark;
    char *line = payload_of(act);
    if (line == NULL) {
        sending->status = weir_fail(sending->err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                                    "out of memory");
        return false;
    }
    weir_span part = weir_span_of(line);
    bool is_image = weir_span_equal(act->action, WEIR_SPAN("image.publish"));
    sending->status = weir_lane_append(
        ingest->lane, is_image ? WEIR_RECORD_IMAGE : WEIR_RECORD_ADMIN, 1,
        &part, 1, WEIR_TIER_DURABLE, weir_control_now(), &mark, sending->err);
    free(line);
    if (sending->status == WEIR_OK)
        ingest->acts_sent = act->number;
    return sending->status == WEIR_OK;
}

weir_status
weir__ingest_send_acts(struct weir_ingest *ingest, struct weir_error *err)
{
    struct sending sending = {ingest, WEIR_OK, err};
    weir_status status = weir_store_acts_pending(
        ingest->store, ingest->acts_sent, send_act, &sending, err);
    /* A full lane or disk is no failure of ingest: they wait in the store. */
    if (status == WEIR_OK && sending.status == WEIR_EUNAVAIL)
        return WEIR_OK;
    return status == WEIR_OK ? sending.status : status;
}

weir_status
weir__ingest_take_act(struct weir_ingest *ingest,
                      const struct weir_record *record, struct weir_error *err)
{
    json_t *object =
        json_loadb(record->payload.ptr, record->payload.len, 0, NULL);
    json_int_t number = 0;
    if (object == NULL || json_unpack(object, "{s:I}", "act", &number) != 0) {
        json_decref(object);
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "the record of an act is not readable");
    }
    json_decref(object);
    return weir_store_act_journalled(ingest->store, number, err);
}
