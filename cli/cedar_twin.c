/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cedar_twin.h"

#include <stdlib.h>

#define BLOB_BYTES_MAX ((size_t)1 << 30)

weir_status
weir_cedar_twin_init(struct weir_cedar_twin *twin,
                     const struct weir_cedar_policies *set,
                     const struct weir_cedar_store *store,
                     struct weir_error *err)
{
    weir_status status;
    size_t size;
    twin->scratch = NULL;
    weir_buf_init(&twin->blob, BLOB_BYTES_MAX);
    status = weir_cedar_compile(set, store, NULL, &twin->blob, err);
    if (status == WEIR_OK)
        status = weir_cedar_program_open(weir_buf_span(&twin->blob),
                                         &twin->program, err);
    if (status != WEIR_OK)
        return status;
    size = (weir_cedar_program_scratch_size(&twin->program) + 16) & ~(size_t)15;
    twin->scratch = aligned_alloc(16, size);
    if (twin->scratch == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    return WEIR_OK;
}

void
weir_cedar_twin_fini(struct weir_cedar_twin *twin)
{
    free(twin->scratch);
    weir_buf_fini(&twin->blob);
}

static bool
make_request(struct weir_cedar_twin *twin, const struct weir_cedar_query *query,
             struct weir_arena *arena, struct weir_cedar_request *request)
{
    struct weir_cedar_binding *context = weir_arena_array(
        arena, struct weir_cedar_binding, query->context.count + 1);
    if (context == NULL)
        return false;
    *request = (struct weir_cedar_request){
        .principal = weir_cedar_arg_uid(&twin->program, &query->principal),
        .action = weir_cedar_arg_uid(&twin->program, &query->action),
        .resource = weir_cedar_arg_uid(&twin->program, &query->resource),
        .context = context};
    for (uint32_t i = 0; i < query->context.count; i++) {
        const struct weir_cedar_field *field = &query->context.fields[i];
        struct weir_cedar_binding *slot = &context[request->context_count++];
        /* Also one that no policy names: it tells `context == {}` apart. */
        slot->attribute =
            weir_cedar_program_attribute(&twin->program, field->key);
        if (!weir_cedar_arg_from_value(&twin->program, &field->value, arena,
                                       &slot->value))
            return false;
    }
    return true;
}

static bool
same_failures(const struct weir_cedar_answer *answer,
              const struct weir_cedar_response *response)
{
    if (answer->failed_count != response->error_count)
        return false;
    for (uint32_t i = 0; i < answer->failed_count; i++)
        if (answer->failed[i].policy != response->errors[i].policy ||
            answer->failed[i].fault != response->errors[i].fault)
            return false;
    return true;
}

/* The program lists all that is satisfied, the response what determines:
 * forbids where there is one, else permits. */
static bool
same_reasons(const struct weir_cedar_twin *twin,
             const struct weir_cedar_answer *answer,
             const struct weir_cedar_response *response)
{
    enum weir_cedar_effect effect =
        answer->forbid_count > 0 ? WEIR_CEDAR_FORBID : WEIR_CEDAR_PERMIT;
    size_t at = 0;
    for (uint32_t i = 0; i < answer->satisfied_count; i++) {
        uint32_t policy = answer->satisfied[i];
        if (weir_cedar_program_policy(&twin->program, policy).effect != effect)
            continue;
        if (at == response->reason_count || response->reasons[at++] != policy)
            return false;
    }
    return at == response->reason_count;
}

const char *
weir_cedar_twin_compare(struct weir_cedar_twin *twin,
                        const struct weir_cedar_query *query,
                        const struct weir_cedar_response *response,
                        struct weir_arena *arena)
{
    uint32_t count = weir_cedar_program_policy_count(&twin->program);
    struct weir_cedar_answer full = {.satisfied_max = count,
                                     .failed_max = count};
    struct weir_cedar_answer quick;
    struct weir_cedar_request request;
    full.satisfied = weir_arena_array(arena, uint32_t, count + 1);
    full.failed = weir_arena_array(arena, struct weir_cedar_failure, count + 1);
    if (full.failed == NULL || full.satisfied == NULL ||
        !make_request(twin, query, arena, &request))
        return "compiled: out of memory";
    quick = full;
    weir_cedar_decide(&twin->program, &request, WEIR_CEDAR_DECISION,
                      twin->scratch, &quick);
    weir_cedar_decide(&twin->program, &request, WEIR_CEDAR_FULL, twin->scratch,
                      &full);
    if ((full.outcome == WEIR_CEDAR_ALLOW) != response->is_allowed)
        return "compiled: another decision";
    if (quick.outcome != full.outcome)
        return "compiled: another decision without diagnostics";
    if (!same_reasons(twin, &full, response))
        return "compiled: other reasons";
    return same_failures(&full, response) ? NULL : "compiled: other errors";
}
