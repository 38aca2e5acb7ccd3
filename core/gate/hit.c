/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer that was kept, given to another call.
 *
 * A hit is a call like any other: identified, decided, admitted, on record
 * with its intent. What it spares is the origin. So it begins where the first
 * attempt would, and stands or falls with one question: may the deployment
 * that made the answer serve this caller now? The candidates have been
 * decided for this call, and the newest overlay is asked once more; an answer
 * of a deployment that is no candidate, that policy refuses or that is
 * withdrawn is never given, whoever asked for it first.
 *
 * WHY THE SOURCE IS A HASH OF THE CATALOGUE. A deployment may be given
 * another origin or another model there without another name. What it said
 * before is then not what it says now.
 *
 * WHY HEALTH IS NOT ASKED. A deployment that is out or full costs nobody
 * anything here.
 */
#include "internal.h"

#include <stdio.h>

uint32_t
weir__gate_shorter(uint32_t a_s, uint32_t b_s)
{
    if (a_s == WEIR_CACHE_NEVER || b_s == WEIR_CACHE_NEVER)
        return WEIR_CACHE_NEVER;
    if (a_s == 0 || b_s == 0)
        return a_s + b_s;
    return a_s < b_s ? a_s : b_s;
}

/* Answers of these are text, and the same request asks for the same. */
static bool
is_kept(enum weir_operation operation)
{
    switch (operation) {
    case WEIR_OP_CHAT:
    case WEIR_OP_RESPONSES:
    case WEIR_OP_COMPLETE:
    case WEIR_OP_EMBED:
    case WEIR_OP_MODERATE:
    case WEIR_OP_RERANK:
        return true;
    default:
        return false;
    }
}

uint32_t
weir_call_cache_s(const struct weir_call *call)
{
    const struct weir_image *image = &call->view->image;
    const struct weir_obligations *all = &call->answer.obligations;
    if (call->tenant == WEIR_INDEX_NONE ||
        call->answer.route == WEIR_INDEX_NONE || !is_kept(call->ask.operation))
        return 0;
    uint32_t flags = image->shares[call->tenant].flags;
    if ((flags & WEIR_SHARE_NOT_CACHED) != 0 ||
        (all->keeps_nothing && (flags & WEIR_SHARE_CACHES) == 0))
        return 0;
    uint32_t seconds = weir__gate_shorter(
        all->cache_s, image->routes[call->answer.route].cache_s);
    return seconds == WEIR_CACHE_NEVER ? 0 : seconds;
}

uint64_t
weir_call_source(const struct weir_image *image, uint32_t row)
{
    const struct weir_image_deployment *deployment = &image->deployments[row];
    const struct weir_image_origin *origin =
        &image->origins[deployment->origin];
    const weir_ref parts[] = {origin->dialect, origin->scheme,
                              origin->authority, origin->prefix,
                              deployment->origin_model};
    uint64_t hash = deployment->hash ^ image->models[deployment->model].hash;
    for (size_t i = 0; i < WEIR_COUNTOF(parts); i++)
        hash = weir_hash64(weir_image_text(image, parts[i]), hash + i);
    return hash;
}

bool
weir_call_hit(struct weir_call *call, uint64_t source, uint32_t age_s,
              const struct weir_overlay *overlay)
{
    const struct weir_image *image = &call->view->image;
    WEIR_ASSERT(call->is_admitted && !call->is_settled && !call->is_answered);
    if (call->attempt_count > 0)
        return false;
    uint32_t withdrawn = weir__gate_withdrawn(call, overlay);
    for (uint32_t i = 0; i < call->answer.candidate_count; i++) {
        const struct weir_candidate *candidate = &call->answer.candidates[i];
        if (candidate->verdict != WEIR_ALLOW || (withdrawn >> i & 1) != 0 ||
            weir_call_source(image, candidate->deployment) != source)
            continue;
        call->current = i;
        call->is_hit = true;
        call->is_answered = true;
        call->hit_age_s = age_s;
        return true;
    }
    return false;
}

static const struct weir_image_model *
model_of(const struct weir_call *call)
{
    const struct weir_image *image = &call->view->image;
    uint32_t row = call->answer.candidates[call->current].deployment;
    return &image->models[image->deployments[row].model];
}

/* Half a micro-unit goes up, as everywhere. */
weir_micros
weir__gate_hit_cost(const struct weir_call *call, weir_micros cost)
{
    const struct weir_image *image = &call->view->image;
    const struct weir_image_hit *hit =
        &image->hits[model_of(call) - image->models];
    if (hit->is_fixed)
        return hit->amount;
    unsigned __int128 product = (unsigned __int128)(uint64_t)cost * hit->ppm;
    return (weir_micros)((product + 500000) / 1000000);
}

weir_span
weir__gate_hit_version(const struct weir_call *call, weir_ref list_version,
                       char room[WEIR__HIT_VERSION])
{
    const struct weir_image *image = &call->view->image;
    const struct weir_image_hit *hit =
        &image->hits[model_of(call) - image->models];
    weir_span version = weir_image_text(image, list_version);
    if (version.len > 128)
        version.len = 128;
    int len = hit->is_fixed ? snprintf(room, WEIR__HIT_VERSION, "%.*s;hit",
                                       WEIR_SPAN_ARG(version))
                            : snprintf(room, WEIR__HIT_VERSION, "%.*s;hit=%u",
                                       WEIR_SPAN_ARG(version), hit->ppm);
    return (weir_span){room, (size_t)len};
}
