/* SPDX-License-Identifier: Apache-2.0 */
/* Facts entered singly. Registers are import.c's. */
#include "control/evidence/deeds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/evidence/merge.h"
#include "control/evidence/parts.h"
#include "control/evidence/store.h"
#include "control/log.h"
#include "control/onboarding/onboarding.h"
#include "control/parts.h"

weir_status
weir__evidence_finish(struct weir_control *control, weir_status status,
                      weir_span organisation, struct weir_faults *faults,
                      struct weir_error *err)
{
    bool is_held = false;
    if (status == WEIR_OK)
        status = weir_evidence_changed(control->store, err);
    if (status == WEIR_OK)
        status = weir_evidence_merge(control->world, control->store,
                                     weir_control_now(), err);
    if (status == WEIR_OK && organisation.len > 0)
        status = weir_onboarding_first(control, organisation, &is_held, err);
    if (status == WEIR_OK)
        status = weir_onboarding_ahead(control, control->world, &is_held, err);
    if (status == WEIR_OK)
        status =
            weir__control_publish_image(control, control->world, faults, err);
    if (status == WEIR_OK)
        status = weir_store_commit(control->store, err);
    if (status == WEIR_OK) {
        weir__control_ring(control);
        return WEIR_OK;
    }
    weir_store_rollback(control->store);
    /* The next change has this one's number: its merge must not be skipped. */
    control->world->base.generation = -1;
    control->edition++;
    /* The failure is told; that the keys stay on hold is seen and put right
     * by the next review. */
    if (is_held && weir__control_publish_overlay(control, NULL) != WEIR_OK)
        weir_log(WEIR_LOG_WARN, "keys held for a refused fact stay on hold");
    return status;
}

/* A source that says the same again has nothing to add. */
static weir_status
refuse_same(struct weir_store *store, const struct weir_fact *fact,
            struct weir_error *err)
{
    struct weir_facts known;
    weir_status status;
    weir_facts_init(&known);
    status = weir_store_facts_of(store, fact->organisation, &known, err);
    for (uint32_t i = 0; i < known.count && status == WEIR_OK; i++) {
        const struct weir_fact *old = &known.rows[i];
        if (old->ended == WEIR_TIME_MAX && weir_fact_is_same(old, fact) &&
            old->rank == fact->rank &&
            weir_span_equal(old->source, fact->source))
            status = weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                               "this source says so already (fact %lld)",
                               (long long)old->number);
    }
    weir_facts_fini(&known);
    return status;
}

weir_status
weir_control_evidence_add(struct weir_control *control,
                          const struct weir_actor *actor,
                          struct weir_facts *facts, struct weir_faults *faults,
                          struct weir_error *err)
{
    char detail[64];
    if (facts->count == 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "there is no fact to add");
    snprintf(detail, sizeof detail, "{\"facts\":%u}", facts->count);
    weir_control_lock(control);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        for (uint32_t i = 0; i < facts->count && status == WEIR_OK; i++) {
            struct weir_fact *fact = &facts->rows[i];
            fact->entered = weir_control_now();
            fact->entered_by = weir_span_of(actor->id);
            status = refuse_same(control->store, fact, err);
            if (status == WEIR_OK)
                status = weir_store_fact_add(control->store, fact,
                                             &fact->number, err);
        }
        if (status == WEIR_OK)
            status =
                weir__control_note(control, actor, "evidence.add",
                                   facts->rows[0].organisation, detail, err);
        status = weir__evidence_finish(
            control, status, facts->rows[0].organisation, faults, err);
    }
    pthread_mutex_unlock(&control->lock);
    return status;
}

static weir_status
find_fact(struct weir_store *store, weir_span organisation, int64_t number,
          struct weir_error *err)
{
    struct weir_facts known;
    bool is_there = false;
    weir_facts_init(&known);
    weir_status status = weir_store_facts_of(store, organisation, &known, err);
    for (uint32_t i = 0; i < known.count; i++)
        is_there = is_there || known.rows[i].number == number;
    weir_facts_fini(&known);
    if (status == WEIR_OK && !is_there)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "the organisation has no fact %lld",
                         (long long)number);
    return status;
}

weir_status
weir_control_evidence_end(struct weir_control *control,
                          const struct weir_actor *actor,
                          weir_span organisation, int64_t number,
                          weir_span reason, struct weir_faults *faults,
                          struct weir_error *err)
{
    char detail[64];
    snprintf(detail, sizeof detail, "{\"fact\":%lld}", (long long)number);
    weir_control_lock(control);
    weir_status status = find_fact(control->store, organisation, number, err);
    if (status == WEIR_OK)
        status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        status = weir_store_fact_end(control->store, number, weir_control_now(),
                                     weir_span_of(actor->id), reason, 0, err);
        if (status == WEIR_OK)
            status = weir__control_note(control, actor, "evidence.end",
                                        organisation, detail, err);
        status =
            weir__evidence_finish(control, status, organisation, faults, err);
    }
    pthread_mutex_unlock(&control->lock);
    return status;
}
