/* SPDX-License-Identifier: Apache-2.0 */
#include "eval.h"

#include <stdlib.h>
#include <string.h>

const char *
weir_cedar_fault_text(enum weir_cedar_fault fault)
{
    static const char *const texts[WEIR_CEDAR_FAULTS] = {
        [WEIR_CEDAR_FAULT_NONE] = "no fault",
        [WEIR_CEDAR_FAULT_TYPE] = "an operand has the wrong type",
        [WEIR_CEDAR_FAULT_OVERFLOW] = "a number leaves 64 bits",
        [WEIR_CEDAR_FAULT_NO_ENTITY] = "the entity does not exist",
        [WEIR_CEDAR_FAULT_NO_ATTRIBUTE] = "there is no such attribute",
        [WEIR_CEDAR_FAULT_NO_TAG] = "there is no such tag",
        [WEIR_CEDAR_FAULT_EXTENSION] =
            "the text is not a valid decimal, ip, datetime or duration",
        [WEIR_CEDAR_FAULT_ARITY] =
            "a function has too many or too few arguments",
        [WEIR_CEDAR_FAULT_MEMORY] = "out of memory",
    };
    return (unsigned)fault < WEIR_CEDAR_FAULTS ? texts[fault]
                                               : "an unknown fault";
}

weir_status
weir_cedar_authorize(const struct weir_cedar_policies *set,
                     const struct weir_cedar_store *store,
                     const struct weir_cedar_query *query,
                     struct weir_arena *arena,
                     struct weir_cedar_response *response_out,
                     struct weir_error *err)
{
    size_t count = weir_cedar_policies_count(set);
    struct weir_cedar_response response = {0};
    bool is_forbidden = false;
    bool is_permitted = false;
    uint32_t *satisfied = weir_arena_array(arena, uint32_t, count);
    struct weir_cedar_failure *errors =
        weir_arena_array(arena, struct weir_cedar_failure, count);
    WEIR_ASSERT(query->context.kind == WEIR_CEDAR_RECORD);
    WEIR_ASSERT(store->is_sealed);
    if (arena->overflow)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_cedar_policy *policy = weir_cedar_policies_at(set, i);
        struct cedar_eval eval = {store, query, arena, WEIR_CEDAR_FAULT_NONE,
                                  0};
        if (CEDAR_IS_TEMPLATE(policy))
            continue;
        enum cedar_verdict verdict = weir__cedar_eval_policy(&eval, policy);
        if (eval.fault == WEIR_CEDAR_FAULT_MEMORY)
            return weir_fail(err, WEIR_ENOMEM, policy->offset, "out of memory");
        if (verdict == CEDAR_FAULT)
            errors[response.error_count++] =
                (struct weir_cedar_failure){i, eval.fault, eval.offset};
        if (verdict != CEDAR_TRUE)
            continue;
        satisfied[response.reason_count++] = i;
        is_forbidden |= policy->effect == WEIR_CEDAR_FORBID;
        is_permitted |= policy->effect == WEIR_CEDAR_PERMIT;
    }
    /* The determining policies: all satisfied forbids, or else permits. */
    size_t kept = 0;
    for (size_t i = 0; i < response.reason_count; i++)
        if ((weir_cedar_policies_at(set, satisfied[i])->effect ==
             WEIR_CEDAR_FORBID) == is_forbidden)
            satisfied[kept++] = satisfied[i];
    response.is_allowed = is_permitted && !is_forbidden;
    response.reasons = satisfied;
    response.reason_count = kept;
    response.errors = errors;
    *response_out = response;
    return WEIR_OK;
}
