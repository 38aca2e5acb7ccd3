/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shadows: copies of permitted calls, sent to a deployment that is tried.
 *
 *     client --> call --> gate --> route "smart" ----------> origin --> client
 *                  '- copy -> gate --> route "shadow/smart" -> origin --> |
 *
 * A copy is a call: the same key asks by the same gate, so that policy,
 * filters, retention and withdrawals hold for it as for a call of the client's
 * own, and its answer goes nowhere. What differs is here:
 *
 *   it takes only the route that was made for it, and nobody else does;
 *   exceptions are not for it, they were granted for what somebody wants;
 *   it never waits for a place, and is not watched: its sender did nothing;
 *   a refused copy is no event, so nothing is recorded of it.
 *
 * WHO PAYS. As the operator chose. A copy that the operator pays for holds
 * nothing of anybody's budgets, and stands in the ledger under WEIR_OPERATOR
 * instead of a tenant, project and key, so that no sum over customers has it:
 * not usage, not invoices, not budgets. Whose call it was is in the intent.
 */
#include "internal.h"

#include <stdio.h>

bool
weir__gate_is_shadow(const struct weir_call *call)
{
    return call->client.shadow_of.len > 0;
}

static uint32_t
bits_of(const struct weir_call *call)
{
    const struct weir_image *image = &call->view->image;
    return call->answer.route < image->route_count
               ? image->trials[call->answer.route].shadow
               : 0;
}

bool
weir__gate_is_operators(const struct weir_call *call)
{
    return weir__gate_is_shadow(call) &&
           (bits_of(call) & WEIR_SHADOW_CHARGED) == 0;
}

void
weir__gate_shadow_intent(const struct weir_call *call, char *room,
                         struct weir_record_intent *intent)
{
    intent->shadow_of = call->client.shadow_of;
    if (!weir__gate_is_operators(call))
        return;
    int len = snprintf(room, WEIR__SHADOW_ROOM, "%.*s %.*s",
                       WEIR_SPAN_ARG(call->client.shadow_of),
                       WEIR_SPAN_ARG(intent->key));
    if (len > 0 && len < WEIR__SHADOW_ROOM)
        intent->shadow_of = (weir_span){room, (size_t)len};
    intent->key = WEIR_SPAN(WEIR_OPERATOR);
    intent->project = WEIR_SPAN(WEIR_OPERATOR);
    intent->tenant = WEIR_SPAN(WEIR_OPERATOR);
    intent->end_customer = WEIR_SPAN_NONE;
    intent->tags = WEIR_SPAN_NONE;
}
