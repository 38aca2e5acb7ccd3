/* SPDX-License-Identifier: Apache-2.0 */
#include "control/watch/deeds.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/parts.h"

#define REASON_MAX 2000

static weir_status
check_reason(weir_span reason, struct weir_error *err)
{
    if (reason.len == 0 || reason.len > REASON_MAX)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a reason of 1 to %d bytes is needed", REASON_MAX);
    return WEIR_OK;
}

/* Notes the act; `detail` is taken. */
static weir_status
note(struct weir_control *control, const struct weir_actor *actor,
     const char *action, weir_span subject, json_t *detail,
     struct weir_error *err)
{
    char *text = json_dumps(detail, JSON_COMPACT);
    json_decref(detail);
    if (text == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    weir_status status =
        weir__control_note(control, actor, action, subject, text, err);
    free(text);
    return status;
}

weir_status
weir_watch_decide_reference(struct weir_control *control,
                            const struct weir_actor *actor, weir_span subject,
                            weir_span deed, weir_span reason,
                            struct weir_error *err)
{
    uint32_t kind;
    uint64_t digest;
    weir_span name;
    weir_status status = weir_watch_named(subject, &kind, &digest, &name, err);
    if (status == WEIR_OK && kind == WEIR_WATCH_OF_CLUSTER)
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "a cluster has no reference of its own");
    if (status == WEIR_OK && !weir_span_equal(deed, WEIR_SPAN("accept")) &&
        !weir_span_equal(deed, WEIR_SPAN("renew")))
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "a deed is accept or renew");
    if (status == WEIR_OK)
        status = check_reason(reason, err);
    if (status != WEIR_OK)
        return status;
    weir_control_lock(control);
    status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        status = note(control, actor, WEIR_WATCH_ACT_REFERENCE, subject,
                      json_pack("{s:s%,s:s%}", "deed", deed.ptr, deed.len,
                                "reason", reason.ptr, reason.len),
                      err);
        status = weir__control_finish(control, status, err);
    }
    pthread_mutex_unlock(&control->lock);
    return status;
}

/* ------------------------------------------------------------------ links */

struct seeking {
    struct weir_store *store;
    uint32_t kinds[2];
    uint64_t digests[2];
    enum weir_watch_why why;
    bool is_found;
    bool is_turned; /* the link has them the other way round */
};

static bool
seek_link(void *context, const struct weir_watch_party *a,
          const struct weir_watch_party *b, enum weir_watch_why why,
          double value)
{
    struct seeking *seeking = context;
    for (uint32_t turn = 0; turn < 2; turn++)
        if (why == seeking->why && a->kind == seeking->kinds[turn] &&
            a->digest == seeking->digests[turn] &&
            b->kind == seeking->kinds[1 - turn] &&
            b->digest == seeking->digests[1 - turn]) {
            seeking->is_found = true;
            seeking->is_turned = turn == 1;
        }
    return !seeking->is_found;
}

static weir_status
find_link(struct seeking *seeking, struct weir_error *err)
{
    struct weir_watch_party party = {seeking->kinds[0], seeking->digests[0],
                                     WEIR_SPAN_NONE};
    char id[WEIR_WATCH_CLUSTER_ID];
    weir_status status = weir_watch_cluster_of(seeking->store, &party, id, err);
    if (status == WEIR_OK && id[0] != '\0')
        status = weir_watch_links(seeking->store, weir_span_of(id), seek_link,
                                  seeking, err);
    if (status == WEIR_OK && !seeking->is_found)
        status = weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                           "no cluster has that link now; GET "
                           "/v1/watch/clusters shows them");
    return status;
}

static bool
parse_why(weir_span text, enum weir_watch_why *why_out)
{
    for (uint32_t i = WEIR_WATCH_WHY_PAYMENT; i <= WEIR_WATCH_WHY_TIMING; i++)
        if (weir_span_equal(text, weir_span_of(weir_watch_why_name(
                                      (enum weir_watch_why)i)))) {
            *why_out = (enum weir_watch_why)i;
            return true;
        }
    return false;
}

weir_status
weir_watch_cut_link(struct weir_control *control,
                    const struct weir_actor *actor, weir_span a, weir_span b,
                    weir_span why, weir_span reason, int64_t *number_out,
                    struct weir_error *err)
{
    struct seeking seeking = {.store = control->store};
    weir_span names[2];
    weir_status status = weir_watch_named(a, &seeking.kinds[0],
                                          &seeking.digests[0], &names[0], err);
    if (status == WEIR_OK)
        status = weir_watch_named(b, &seeking.kinds[1], &seeking.digests[1],
                                  &names[1], err);
    if (status == WEIR_OK && !parse_why(why, &seeking.why))
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "'why' is payment, network, scaffold or timing");
    if (status == WEIR_OK)
        status = check_reason(reason, err);
    if (status != WEIR_OK)
        return status;
    weir_control_lock(control);
    status = find_link(&seeking, err);
    uint32_t first = seeking.is_turned;
    struct weir_watch_cut cut = {
        .a = {seeking.kinds[first], seeking.digests[first], names[first]},
        .b = {seeking.kinds[1 - first], seeking.digests[1 - first],
              names[1 - first]},
        .why = seeking.why,
        .when = weir_control_now(),
        .actor = weir_span_of(actor->id),
        .reason = reason,
    };
    if (status == WEIR_OK)
        status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        status = weir__watch_cut_add(control->store, &cut, number_out, err);
        if (status == WEIR_OK)
            status = note(control, actor, WEIR_WATCH_ACT_CUT, b,
                          json_pack("{s:I,s:s%,s:s%,s:s%}", "number",
                                    (json_int_t)*number_out, "from", a.ptr,
                                    a.len, "why", why.ptr, why.len, "reason",
                                    reason.ptr, reason.len),
                          err);
        status = weir__control_finish(control, status, err);
    }
    pthread_mutex_unlock(&control->lock);
    if (status == WEIR_OK)
        weir_watch_live_cluster(control->watch);
    return status;
}

weir_status
weir_watch_uncut_link(struct weir_control *control,
                      const struct weir_actor *actor, int64_t number,
                      struct weir_error *err)
{
    char subject[32];
    snprintf(subject, sizeof(subject), "%lld", (long long)number);
    weir_control_lock(control);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        status = weir__watch_cut_end(control->store, number, weir_control_now(),
                                     weir_span_of(actor->id), err);
        if (status == WEIR_OK)
            status = note(
                control, actor, WEIR_WATCH_ACT_UNCUT, weir_span_of(subject),
                json_pack("{s:I}", "number", (json_int_t)number), err);
        status = weir__control_finish(control, status, err);
    }
    pthread_mutex_unlock(&control->lock);
    if (status == WEIR_OK)
        weir_watch_live_cluster(control->watch);
    return status;
}
