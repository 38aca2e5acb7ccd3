/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call that policy held waits for a person: it becomes a case, one for
 * each key and policy, in the transaction that puts its refusal into the
 * ledger. The first request is in the title; the others are in the ledger.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/cases/cases.h"
#include "control/ingest/parts.h"

static json_t *
text(weir_span span)
{
    json_t *value = json_stringn(span.ptr == NULL ? "" : span.ptr, span.len);
    return value == NULL ? json_string("?") : value;
}

/* The same for each call of the key under the policy. NULL: out of memory;
 * free() it. */
static char *
evidence_of(const struct weir_record_refusal *refusal)
{
    json_t *object = json_pack(
        "{s:o,s:o,s:o,s:o}", "policy", text(refusal->policy), "tenant",
        text(refusal->tenant), "project", text(refusal->project),
        "organisation", text(refusal->organisation));
    char *line = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return line;
}

weir_status
weir__ingest_take_hold(struct weir_ingest *ingest,
                       const struct weir_record_refusal *refusal,
                       struct weir_error *err)
{
    char title[256], id[WEIR_REQUEST_ID_TEXT];
    if (refusal->reason != WEIR_REASON_HELD || refusal->key.len == 0 ||
        refusal->policy.len == 0)
        return WEIR_OK;
    char *evidence = evidence_of(refusal);
    if (evidence == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    weir_request_id_format(&refusal->request, id);
    snprintf(title, sizeof title,
             "policy %.*s holds calls of this key; the first was %s",
             (int)(refusal->policy.len < 100 ? refusal->policy.len : 100),
             refusal->policy.ptr, id);
    const struct weir_case_cause cause = {
        .kind = WEIR_CASE_HOLD,
        .subject = refusal->key,
        .cause = refusal->policy,
        .organisation = refusal->organisation,
        .title = weir_span_of(title),
        .evidence = weir_span_of(evidence),
    };
    weir_status status = weir_case_raise(ingest->store, &cause,
                                         weir_control_now(), NULL, NULL, err);
    free(evidence);
    return status;
}
