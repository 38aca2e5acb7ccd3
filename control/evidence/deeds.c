/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts entered singly, and registers read whole.
 *
 * A register is what its source says now: statements that are new are added,
 * statements that are gone are ended, the rest is left as it was, with the
 * date it was first entered. Both sides are sorted the same way and walked
 * once. A source that suddenly says much less is more often a broken
 * download than a changed world, so it is refused until somebody says that
 * it is meant.
 */
#include "control/evidence/deeds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>

#include "control/evidence/merge.h"
#include "control/evidence/store.h"
#include "control/log.h"
#include "control/onboarding/onboarding.h"
#include "control/parts.h"

/* Puts what was written in force, then makes it last. Keys that are to be
 * held do not wait for the image: those of `organisation` (empty: of many)
 * come first, then those of whoever else it concerns. */
static weir_status
finish(struct weir_control *control, weir_status status, weir_span organisation,
       struct weir_faults *faults, struct weir_error *err)
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
        status =
            finish(control, status, facts->rows[0].organisation, faults, err);
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
        status = finish(control, status, organisation, faults, err);
    }
    pthread_mutex_unlock(&control->lock);
    return status;
}

/* ---------------------------------------------------------------- import */

void
weir_import_change_fini(struct weir_import_change *change)
{
    weir_register_fini(&change->stated);
    weir_facts_fini(&change->known);
}

/* Both sides in the same order, walked once. */
static weir_status
compare(struct weir_import_change *change, bool is_partial,
        struct weir_error *err)
{
    const struct weir_facts *now = &change->stated.facts;
    struct weir_facts *before = &change->known;
    uint32_t i = 0;
    uint32_t j = 0;
    change->added = weir_arena_alloc_array(
        &before->arena, sizeof(const struct weir_fact *), now->count);
    change->ended = weir_arena_alloc_array(
        &before->arena, sizeof(const struct weir_fact *), before->count);
    if (before->arena.overflow)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    weir_facts_sort(before);
    while (i < now->count || j < before->count) {
        int order = i == now->count ? 1
                    : j == before->count
                        ? -1
                        : weir_fact_compare(&now->rows[i], &before->rows[j]);
        if (order < 0)
            change->added[change->added_count++] = &now->rows[i];
        else if (order > 0 && !is_partial)
            change->ended[change->ended_count++] = &before->rows[j];
        i += order <= 0;
        j += order >= 0;
    }
    return WEIR_OK;
}

weir_status
weir_import_compare(struct weir_store *store,
                    const struct weir_import_wish *wish,
                    struct weir_import_change *change,
                    struct weir_faults *faults, struct weir_error *err)
{
    memset(change, 0, sizeof *change);
    weir_facts_init(&change->known);
    weir_status status = weir_register_read(
        &change->stated, wish->bytes, wish->file, &wish->options, faults, err);
    if (status == WEIR_OK)
        status = weir_store_facts_live(store, wish->options.source,
                                       &change->known, err);
    if (status == WEIR_OK)
        status = compare(change, wish->is_partial, err);
    if (status != WEIR_OK)
        return status;
    /* A fact that changed ends and is added: only what is lost shrinks. */
    uint64_t lost = change->ended_count > change->added_count
                        ? change->ended_count - change->added_count
                        : 0;
    change->shrinks = lost * UINT64_C(1000000) >
                      (uint64_t)change->known.count * wish->shrink_ppm;
    return WEIR_OK;
}

static weir_status
write_change(struct weir_control *control, const struct weir_actor *actor,
             const struct weir_import_wish *wish,
             const struct weir_import_change *change, struct weir_error *err)
{
    struct weir_store *store = control->store;
    weir_time now = weir_control_now();
    weir_span by = weir_span_of(actor->id);
    int64_t number;
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; i < change->ended_count && status == WEIR_OK; i++)
        status = weir_store_fact_end(store, change->ended[i]->number, now, by,
                                     WEIR_SPAN("the source no longer says so"),
                                     change->number, err);
    for (uint32_t i = 0; i < change->added_count && status == WEIR_OK; i++) {
        struct weir_fact fact = *change->added[i];
        fact.entered = now;
        fact.entered_by = by;
        fact.import = change->number;
        status = weir_store_fact_add(store, &fact, &number, err);
    }
    struct weir_import row = {
        .source = wish->options.source,
        .file = wish->file,
        .format =
            weir_span_of(weir_register_format_name(change->stated.format)),
        .stated = change->stated.facts.count,
        .added = change->added_count,
        .ended = change->ended_count,
        .bad = change->stated.bad,
        .entered = now,
        .entered_by = by,
    };
    weir_digest digest;
    weir_sha256_of(wish->bytes, &digest);
    memcpy(row.digest, &digest, sizeof row.digest);
    return status == WEIR_OK ? weir_store_import_add(store, &row, err) : status;
}

/* In one transaction with the image that has it: facts that do not compile
 * never last. */
static weir_status
import_locked(struct weir_control *control, const struct weir_actor *actor,
              const struct weir_import_wish *wish,
              struct weir_import_change *change, struct weir_faults *faults,
              struct weir_error *err)
{
    char detail[128];
    weir_status status = weir_store_begin(control->store, err);
    if (status != WEIR_OK)
        return status;
    status = weir_store_import_next(control->store, &change->number, err);
    if (status == WEIR_OK)
        status = write_change(control, actor, wish, change, err);
    snprintf(
        detail, sizeof detail, "{\"import\":%lld,\"added\":%u,\"ended\":%u}",
        (long long)change->number, change->added_count, change->ended_count);
    if (status == WEIR_OK)
        status = weir__control_note(control, actor, "evidence.import",
                                    wish->options.source, detail, err);
    return finish(control, status, WEIR_SPAN_NONE, faults, err);
}

/* Reading takes most of the time and is done without control's lock, over a
 * store of its own. One import at a time: the other side of the comparison
 * stands still. A fact of it that somebody ends meanwhile is a conflict. */
static weir_status
import_alone(struct weir_control *control, const struct weir_actor *actor,
             const struct weir_import_wish *wish,
             struct weir_import_change *change, struct weir_faults *faults,
             struct weir_error *err)
{
    struct weir_store *store = NULL;
    memset(change, 0, sizeof *change);
    weir_status status =
        weir_store_open(control->paths.state, false, &store, err);
    if (status == WEIR_OK)
        status = weir_import_compare(store, wish, change, faults, err);
    weir_store_close(store);
    if (status != WEIR_OK || wish->is_only_compared)
        return status;
    if (change->shrinks && !wish->confirms_shrink)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "the source said %u facts, now %u of them are gone; "
                         "confirm that it shrinks",
                         change->known.count, change->ended_count);
    if (change->added_count + change->ended_count == 0)
        return WEIR_OK;
    weir_control_lock(control);
    status = import_locked(control, actor, wish, change, faults, err);
    pthread_mutex_unlock(&control->lock);
    return status;
}

weir_status
weir_control_evidence_import(struct weir_control *control,
                             const struct weir_actor *actor,
                             const struct weir_import_wish *wish,
                             struct weir_import_change *change,
                             struct weir_faults *faults, struct weir_error *err)
{
    pthread_mutex_lock(&control->importing);
    weir_status status =
        import_alone(control, actor, wish, change, faults, err);
    pthread_mutex_unlock(&control->importing);
    return status;
}
