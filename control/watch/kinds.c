/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "control/watch/verdicts.h"

const char *
weir_watch_kind_name(uint32_t kind)
{
    return kind == WEIR_WATCH_OF_CLUSTER  ? "cluster"
           : kind == WEIR_WATCH_OF_MODELS ? "models"
                                          : weir_watch_subject_name(kind);
}

bool
weir_watch_kind_parse(weir_span text, uint32_t *kind_out)
{
    for (uint32_t kind = 1; kind < WEIR_WATCH_POOLED; kind++)
        if (weir_span_equal(text, weir_span_of(weir_watch_kind_name(kind)))) {
            *kind_out = kind;
            return true;
        }
    return false;
}

uint64_t
weir_watch_models(weir_span provider, uint64_t tenant)
{
    return weir_hash64(provider, tenant ^ WEIR_WATCH_OF_MODELS) | 1;
}

/* "tenant/name" of an end customer, "provider/tenant" of models. */
static uint64_t
digest_of(uint32_t kind, weir_span name)
{
    const char *slash = memchr(name.ptr, '/', name.len);
    if (kind == WEIR_WATCH_OF_CLUSTER)
        return weir_hash64(name, WEIR_WATCH_OF_CLUSTER) | 1;
    if (kind != WEIR_WATCH_OF_END_CUSTOMER && kind != WEIR_WATCH_OF_MODELS)
        return weir_watch_subject((enum weir_watch_subject_kind)kind, name);
    if (slash == NULL)
        return 0;
    weir_span front = {name.ptr, (size_t)(slash - name.ptr)};
    weir_span back = {slash + 1, name.len - front.len - 1};
    if (kind == WEIR_WATCH_OF_MODELS)
        return weir_watch_models(
            front, weir_watch_subject(WEIR_WATCH_OF_TENANT, back));
    return weir_watch_end_customer(
        weir_watch_subject(WEIR_WATCH_OF_TENANT, front), back);
}

weir_status
weir_watch_named(weir_span text, uint32_t *kind_out, uint64_t *digest_out,
                 weir_span *name_out, struct weir_error *err)
{
    const char *colon = memchr(text.ptr, ':', text.len);
    uint32_t kind;
    size_t at = colon == NULL ? 0 : (size_t)(colon - text.ptr);
    weir_span name = {text.ptr + at + 1, colon == NULL ? 0 : text.len - at - 1};
    if (colon == NULL || name.len == 0 ||
        !weir_watch_kind_parse((weir_span){text.ptr, at}, &kind))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a subject is written key:ID, project:TENANT/NAME, "
                         "tenant:NAME, group:NAME, "
                         "end_customer:TENANT/NAME, cluster:ID or "
                         "models:PROVIDER/TENANT");
    uint64_t digest = 0;
    if (name.ptr[0] == '#') {
        for (size_t i = 1; i < name.len; i++) {
            char c = name.ptr[i];
            int value = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                               : -1;
            digest = value < 0 || i > 16 ? 0 : digest << 4 | (unsigned)value;
        }
    } else {
        digest = digest_of(kind, name);
    }
    if (digest == 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "no such subject: '%.*s'", WEIR_SPAN_ARG(text));
    *kind_out = kind;
    *digest_out = digest;
    *name_out = name;
    return WEIR_OK;
}
