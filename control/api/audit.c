/* SPDX-License-Identifier: Apache-2.0 */
/* Receipts, statements and the audit; /v1/my/receipts for customers. */
#include <stdlib.h>
#include <string.h>

#include "control/api/call.h"
#include "control/audit/audit.h"
#include "control/notices/notices.h"

weir_status
weir_api_call_receipt(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_transparency rules;
    weir_transparency_of(call->door->control, &rules);
    weir_ingest_sync(call->door->ingest, WEIR_API_SYNC_MS);
    return weir_audit_receipt(call->door->store, &call->door->control->paths,
                              &rules, weir_span_of(call->params[0]),
                              &call->reply, err);
}

weir_status
weir_api_call_proof(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_transparency rules;
    const char *record = weir_api_query(call, "record");
    struct weir_buf text;
    weir_transparency_of(call->door->control, &rules);
    weir_ingest_sync(call->door->ingest, WEIR_API_SYNC_MS);
    weir_buf_init(&text, WEIR_NOTE_BYTES_MAX);
    weir_status status = weir_audit_proof(
        call->door->store, &call->door->control->paths, &rules,
        weir_span_of(call->params[0]),
        weir_span_of(record == NULL ? "" : record), &text, err);
    if (status == WEIR_OK) {
        weir_buf_add_byte(&text, '\0');
        call->text = text.overflow ? NULL : strdup(text.ptr);
        call->content_type = "text/plain; charset=utf-8";
        if (call->text == NULL)
            status =
                weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    }
    weir_buf_fini(&text);
    return status;
}

/* What is another tenant's is not there. */
weir_status
weir_api_my_receipt(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_notice_caller caller;
    struct weir_request_id id;
    struct weir_store_call row;
    const char *format = weir_api_query(call, "format");
    weir_status status = weir_api_customer(call, &caller, err);
    if (status != WEIR_OK)
        return status;
    weir_ingest_sync(call->door->ingest, WEIR_API_SYNC_MS);
    if (!weir_request_id_parse(weir_span_of(call->params[0]), &id))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "this is no request id: it is 'req_' and 26 "
                         "characters");
    status = weir_store_call_get(call->door->store, &id, &row, err);
    if (status == WEIR_OK &&
        !weir_span_equal(row.tenant, weir_span_of(caller.tenant)))
        status = WEIR_ENOTFOUND;
    if (status == WEIR_ENOTFOUND)
        return weir_fail(err, status, WEIR_OFFSET_NONE,
                         "no call %.40s of this key's tenant", call->params[0]);
    if (status != WEIR_OK)
        return status;
    return format != NULL && strcmp(format, "json") == 0
               ? weir_api_call_receipt(call, err)
               : weir_api_call_proof(call, err);
}

weir_status
weir_api_call_statement(struct weir_api_call *call, struct weir_error *err)
{
    weir_ingest_sync(call->door->ingest, WEIR_API_SYNC_MS);
    return weir_audit_statement(call->door->store, &call->door->control->paths,
                                weir_span_of(call->params[0]), &call->reply,
                                err);
}

weir_status
weir_api_audit(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_transparency rules;
    const char *leaves = weir_api_query(call, "leaves");
    weir_transparency_of(call->door->control, &rules);
    weir_ingest_sync(call->door->ingest, WEIR_API_SYNC_MS);
    return leaves == NULL
               ? weir_audit_verify(call->door->store,
                                   &call->door->control->paths, &rules,
                                   &call->reply, err)
               : weir_audit_range(call->door->store,
                                  &call->door->control->paths, &rules,
                                  weir_span_of(leaves), &call->reply, err);
}
