/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/cache: what is kept of answers to be given again, in figures. */
#include "control/cache/cache.h"
#include "control/api/call.h"

weir_status
weir_api_cache(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_cache_setup setup = {0};
    struct weir_cache_stats s = {0};
    const struct weir_control *control = call->door->control;
    bool is_on = weir_cache_file_stats(control->paths.run, &setup, &s);
    call->reply = json_pack(
        "{s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "is_on", is_on,
        "memory_bytes", (json_int_t)setup.memory, "tenant_bytes",
        (json_int_t)setup.tenant_max, "answer_bytes",
        (json_int_t)setup.answer_max, "ttl_s", (json_int_t)setup.ttl_s,
        "used_bytes", (json_int_t)s.bytes, "tenants", (json_int_t)s.partitions,
        "hits", (json_int_t)s.hits, "misses", (json_int_t)s.misses, "stored",
        (json_int_t)s.stored, "evicted", (json_int_t)s.evicted, "too_large",
        (json_int_t)s.refused, "purged", (json_int_t)s.purged);
    return WEIR_OK;
}

weir_status
weir_api_cache_purge(struct weir_api_call *call, struct weir_error *err)
{
    weir_span tenant = weir_api_body(call, "tenant");
    bool all = json_is_true(json_object_get(call->body, "all"));
    if (all == (tenant.len > 0))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "either 'tenant' or 'all': true");
    call->reply = json_pack("{s:o}", "purged",
                            weir_api_text(all ? WEIR_SPAN("all") : tenant));
    return weir_cache_purge_noted(call->door->control, &call->actor, tenant,
                                  err);
}
