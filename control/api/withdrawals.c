/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/withdrawals */
#include "control/api/call.h"

static bool
add_withdrawal(void *context, const struct weir_store_withdrawal *row)
{
    json_array_append_new(
        context, json_pack("{s:s,s:o,s:I,s:o,s:o}", "kind",
                           weir_kind_name((enum weir_kind)row->kind), "name",
                           weir_api_text(row->name), "since_us",
                           (json_int_t)row->since, "by", weir_api_text(row->by),
                           "reason", weir_api_text(row->reason)));
    return true;
}

weir_status
weir_api_withdrawals_list(struct weir_api_call *call, struct weir_error *err)
{
    json_t *list = json_array();
    weir_status status =
        weir_store_withdrawals(call->door->store, add_withdrawal, list, err);
    call->reply = json_pack("{s:o}", "withdrawals", list);
    return status;
}

static weir_status
read_kind(weir_span text, enum weir_kind *kind_out, struct weir_error *err)
{
    if (!weir_kind_parse(text, kind_out) || *kind_out == WEIR_KIND_KEY)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'kind' is model, deployment, provider, organisation "
                         "or jurisdiction");
    return WEIR_OK;
}

weir_status
weir_api_withdraw(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_withdrawal_wish wish = {.name = weir_api_body(call, "name"),
                                        .reason = weir_api_body(call, "reason"),
                                        .target =
                                            weir_api_body(call, "target")};
    weir_span deadline = weir_api_body(call, "deadline");
    struct weir_told told = {0};
    weir_status status =
        read_kind(weir_api_body(call, "kind"), &wish.kind, err);
    if (status == WEIR_OK && deadline.len > 0 &&
        !weir_time_parse(deadline, &wish.deadline))
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "'deadline' is a time like 2026-11-10");
    if (status == WEIR_OK)
        status = weir_control_withdraw(call->door->control, &call->actor, &wish,
                                       &told, err);
    if (status == WEIR_OK)
        call->status = 201;
    call->reply =
        json_pack("{s:o,s:i,s:b}", "withdrawn", weir_api_text(wish.name),
                  "notices", (int)told.notices, "told", (int)told.is_done);
    return status;
}

weir_status
weir_api_restore(struct weir_api_call *call, struct weir_error *err)
{
    enum weir_kind kind;
    struct weir_told told = {0};
    weir_status status = read_kind(weir_span_of(call->params[0]), &kind, err);
    if (status == WEIR_OK)
        status =
            weir_control_restore(call->door->control, &call->actor, kind,
                                 weir_span_of(call->params[1]), &told, err);
    call->reply =
        json_pack("{s:s,s:i,s:b}", "restored", call->params[1], "notices",
                  (int)told.notices, "told", (int)told.is_done);
    return status;
}
