/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers, read whole.
 *
 * A register is what its source says now: statements that are new are added,
 * statements that are gone are ended, the rest is left as it was, with the
 * date it was first entered. Both sides are sorted the same way and walked
 * once. A source that suddenly says much less is more often a broken
 * download than a changed world, so it is refused until somebody says that
 * it is meant.
 *
 * IN TURNS, AND AT ONCE. Two million facts are written in a minute, and a
 * revocation must not wait for them. They are staged in many transactions,
 * a few milliseconds of control's lock each: rows with the import's number,
 * which no reader sees while the import's own row is missing. That row, the
 * act and the image that follows from all of it are one short transaction at
 * the end. So decisions see all of a register or nothing; halves of it would
 * be wrong (a new owner is there, the one he bought it from not yet gone).
 *
 *   read, compare   no lock, a store of its own
 *   clear           turns: what an import left that died
 *   write           turns: staged facts and ends
 *   switch          one transaction with the image
 *
 * WHEN IT FAILS. What was staged is taken out again, in turns. When the
 * process dies, it is the next import or the daemon's sweep that does so; an
 * import is not resumed, as the file went with the process.
 *
 * THE DATABASE'S LOG is checkpointed between turns, without control's lock:
 * at a commit it would be whoever revokes a key that pays for it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>

#include "control/evidence/deeds.h"
#include "control/evidence/parts.h"
#include "control/evidence/store.h"
#include "control/log.h"
#include "control/parts.h"
#include "control/turns.h"

#define CHECKPOINT_ROWS 10000u /* some 10 MB of log */
#define DROP_ROWS       200u   /* of a transaction */
#define SWEEP_ROWS      2000u

static void
tell(struct weir_control *control, enum weir_import_stage stage, uint32_t done,
     uint32_t total)
{
    struct weir_import_progress *progress = &control->import;
    atomic_store(&progress->total, total);
    atomic_store(&progress->done, done);
    atomic_store(&progress->stage, (uint32_t)stage);
}

const char *
weir_import_stage_name(uint32_t stage)
{
    static const char *const names[] = {"none", "reading", "clearing",
                                        "writing", "switching"};
    return names[stage < WEIR_COUNTOF(names) ? stage : 0];
}

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

/* ---------------------------------------------------------------- staging */

struct staging {
    struct weir_control *control;
    struct weir_store *store; /* its own; relaxed, as all of it can go */
    const struct weir_import_wish *wish;
    struct weir_import_change *change;
    struct weir_import row;
    struct weir__turns turns;
    uint32_t done;
};

/* Others come to the lock, and the log to the database. */
static void
rest(struct staging *s)
{
    weir__turns_end(&s->turns);
    weir_store_checkpoint(s->store);
    weir__turns_begin(&s->turns, s->control);
}

/* After each row: the transaction is over when the turn is. */
static weir_status
next_row(struct staging *s, struct weir_error *err)
{
    bool is_long = ++s->done % CHECKPOINT_ROWS == 0;
    atomic_store(&s->control->import.done, s->done);
    if (!is_long && !weir__turns_is_over(&s->turns))
        return WEIR_OK;
    weir_status status = weir_store_commit(s->store, err);
    if (status != WEIR_OK)
        return status;
    if (is_long)
        rest(s);
    else
        (void)weir__turns_next(&s->turns); /* nothing read of the world */
    return weir_store_begin(s->store, err);
}

static weir_status
write_rows(struct staging *s, struct weir_error *err)
{
    const struct weir_import_change *change = s->change;
    weir_status status = WEIR_OK;
    int64_t number;
    for (uint32_t i = 0; i < change->ended_count && status == WEIR_OK; i++) {
        status = weir_store_fact_end(s->store, change->ended[i]->number,
                                     s->row.entered, s->row.entered_by,
                                     WEIR_SPAN("the source no longer says so"),
                                     s->row.number, err);
        if (status == WEIR_OK)
            status = next_row(s, err);
    }
    for (uint32_t i = 0; i < change->added_count && status == WEIR_OK; i++) {
        struct weir_fact fact = *change->added[i];
        fact.entered = s->row.entered;
        fact.entered_by = s->row.entered_by;
        fact.import = s->row.number;
        status = weir_store_fact_add(s->store, &fact, &number, err);
        if (status == WEIR_OK)
            status = next_row(s, err);
    }
    return status;
}

/* Takes out what is staged, in turns. */
static weir_status
clear(struct staging *s, struct weir_error *err)
{
    bool is_over = false;
    weir_status status = weir_store_is_import_open(s->store, &is_over, err);
    is_over = !is_over;
    if (status == WEIR_OK && !is_over)
        tell(s->control, WEIR_IMPORT_CLEARING, 0, 0);
    for (uint32_t rounds = 1; !is_over && status == WEIR_OK; rounds++) {
        status = weir_store_begin(s->store, err);
        if (status == WEIR_OK)
            status = weir_store_import_drop(s->store, DROP_ROWS, &is_over, err);
        if (status == WEIR_OK)
            status = weir_store_commit(s->store, err);
        else
            weir_store_rollback(s->store);
        if (rounds % (CHECKPOINT_ROWS / DROP_ROWS) == 0)
            rest(s);
        else if (weir__turns_is_over(&s->turns))
            (void)weir__turns_next(&s->turns);
    }
    return status;
}

static weir_status
stage(struct staging *s, struct weir_error *err)
{
    weir_status status = weir_store_begin(s->store, err);
    if (status != WEIR_OK)
        return status;
    status = weir_store_import_next(s->store, &s->row.number, err);
    if (status == WEIR_OK)
        status = weir_store_import_begin(s->store, &s->row, err);
    if (status == WEIR_OK)
        status = write_rows(s, err);
    if (status == WEIR_OK)
        status = weir_store_commit(s->store, err);
    if (status != WEIR_OK)
        weir_store_rollback(s->store);
    return status;
}

/* In one transaction with the image that has it: facts that do not compile
 * are never seen. */
static weir_status
switch_over(struct staging *s, const struct weir_actor *actor,
            struct weir_faults *faults, struct weir_error *err)
{
    struct weir_control *control = s->control;
    char detail[128];
    weir_status status = weir_store_begin(control->store, err);
    if (status != WEIR_OK)
        return status;
    s->row.entered = weir_control_now();
    snprintf(detail, sizeof detail,
             "{\"import\":%lld,\"added\":%u,\"ended\":%u}",
             (long long)s->row.number, s->change->added_count,
             s->change->ended_count);
    status = weir_store_import_add(control->store, &s->row, err);
    if (status == WEIR_OK)
        status = weir__control_note(control, actor, "evidence.import",
                                    s->wish->options.source, detail, err);
    return weir__evidence_finish(control, status, WEIR_SPAN_NONE, faults, err);
}

static weir_status
write_change(struct staging *s, const struct weir_actor *actor,
             struct weir_faults *faults, struct weir_error *err)
{
    struct weir_import_change *change = s->change;
    uint32_t total = change->added_count + change->ended_count;
    weir_digest digest;
    weir_sha256_of(s->wish->bytes, &digest);
    s->row = (struct weir_import){
        .source = s->wish->options.source,
        .file = s->wish->file,
        .format =
            weir_span_of(weir_register_format_name(change->stated.format)),
        .stated = change->stated.facts.count,
        .added = change->added_count,
        .ended = change->ended_count,
        .bad = change->stated.bad,
        .entered = weir_control_now(),
        .entered_by = weir_span_of(actor->id),
    };
    memcpy(s->row.digest, &digest, sizeof s->row.digest);
    weir__turns_begin(&s->turns, s->control);
    weir_status status = clear(s, err);
    tell(s->control, WEIR_IMPORT_WRITING, 0, total);
    if (status == WEIR_OK)
        status = stage(s, err);
    if (status == WEIR_OK) {
        tell(s->control, WEIR_IMPORT_SWITCHING, total, total);
        (void)weir__turns_next(&s->turns);
        status = switch_over(s, actor, faults, err);
    }
    change->number = s->row.number;
    if (status != WEIR_OK && clear(s, NULL) != WEIR_OK)
        weir_log(WEIR_LOG_WARN, "what an import had staged is cleared later");
    weir__turns_end(&s->turns);
    return status;
}

/* One import at a time: the other side of the comparison stands still. A
 * fact of it that somebody ends meanwhile is a conflict. */
static weir_status
import_alone(struct staging *s, const struct weir_actor *actor,
             struct weir_faults *faults, struct weir_error *err)
{
    struct weir_import_change *change = s->change;
    const struct weir_import_wish *wish = s->wish;
    tell(s->control, WEIR_IMPORT_READING, 0, 0);
    weir_status status =
        weir_import_compare(s->store, wish, change, faults, err);
    if (status != WEIR_OK || wish->is_only_compared)
        return status;
    if (change->shrinks && !wish->confirms_shrink)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "the source said %u facts, now %u of them are gone; "
                         "confirm that it shrinks",
                         change->known.count, change->ended_count);
    if (change->added_count + change->ended_count == 0)
        return WEIR_OK;
    return write_change(s, actor, faults, err);
}

weir_status
weir_control_evidence_import(struct weir_control *control,
                             const struct weir_actor *actor,
                             const struct weir_import_wish *wish,
                             struct weir_import_change *change,
                             struct weir_faults *faults, struct weir_error *err)
{
    struct staging s = {.control = control, .wish = wish, .change = change};
    memset(change, 0, sizeof *change);
    pthread_mutex_lock(&control->importing);
    weir_status status =
        weir_store_open(control->paths.state, false, &s.store, err);
    if (status == WEIR_OK)
        status = weir_store_relax(s.store, true, err);
    if (status == WEIR_OK) {
        weir_store_checkpoint_by_hand(s.store);
        status = import_alone(&s, actor, faults, err);
    }
    weir_store_close(s.store);
    tell(control, WEIR_IMPORT_NONE, 0, 0);
    pthread_mutex_unlock(&control->importing);
    return status;
}

void
weir_control_evidence_sweep(struct weir_control *control)
{
    bool is_over = false;
    struct weir_error err;
    if (pthread_mutex_trylock(&control->importing) != 0)
        return;
    weir_control_lock(control);
    weir_status status =
        weir_store_is_import_open(control->store, &is_over, &err);
    if (status == WEIR_OK && is_over)
        status = weir_store_begin(control->store, &err);
    if (status == WEIR_OK && is_over) {
        status =
            weir_store_import_drop(control->store, SWEEP_ROWS, &is_over, &err);
        if (status == WEIR_OK)
            status = weir_store_commit(control->store, &err);
        else
            weir_store_rollback(control->store);
    }
    pthread_mutex_unlock(&control->lock);
    pthread_mutex_unlock(&control->importing);
    if (status != WEIR_OK)
        weir_log(WEIR_LOG_WARN, "clearing after an import: %s", err.text);
}
