/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A turn: verdicts that came, time that passed, appeals nobody answered.
 *
 *     number "steps.verdict" --> rows behind it --> ladder --> apply
 *
 * The number and what follows from its row are one transaction, so that a
 * verdict counts exactly once, whoever dies. The overlay is published after
 * the commit and remembered as owed in the same transaction
 * ("steps.published" behind "steps.changed"), so that a death between the
 * two is made good by the next turn.
 *
 * THE NARROWEST ANSWERS. The calls of a key are its project's, its tenant's
 * and its owner's calls too. A wider subject is left alone while a narrower
 * one inside it stands as high and is still being seen; a narrower one that
 * is held calls no more and covers nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "control/log.h"
#include "control/parts.h"
#include "control/steps/parts.h"

#define VERDICTS_A_TURN 64
#define ROOM_BYTES      ((size_t)1 << 20)
#define COVER_US        WEIR_US_PER_DAY

static const struct weir_actor self = {"control", WEIR_ROLE_ADMIN};

struct turn {
    struct weir_control *control;
    weir_time now;
    struct weir_arena arena; /* of one batch */
    struct weir_watch_row *rows;
    uint32_t count;
    uint32_t did;
};

/* ------------------------------------------------------------- verdicts */

static bool
keep_row(void *context, const struct weir_watch_row *row)
{
    struct turn *turn = context;
    struct weir_watch_row *kept = &turn->rows[turn->count++];
    *kept = *row;
    kept->name = weir_arena_copy(&turn->arena, row->name);
    kept->tenant = weir_arena_copy(&turn->arena, row->tenant);
    kept->provider = WEIR_SPAN("");
    kept->detail = weir_arena_copy(&turn->arena, row->detail);
    return turn->count < VERDICTS_A_TURN && !turn->arena.overflow;
}

static weir_status
is_covered(struct turn *turn, const struct weir_step_row *row,
           const struct weir_watch_row *verdict, bool *is_covered_out,
           struct weir_error *err)
{
    uint8_t rung = 0;
    *is_covered_out = false;
    if (verdict->action == WEIR_WATCH_NOTHING ||
        row->kind == WEIR_WATCH_OF_KEY || row->kind == WEIR_WATCH_OF_CLUSTER)
        return WEIR_OK;
    weir_status status = weir__step_cover(
        turn->control->store, row, verdict->window_end - COVER_US, &rung, err);
    *is_covered_out = status == WEIR_OK && rung > row->stand.step;
    return status;
}

/* The stand as it is, or as of somebody of whom nothing was known. */
static weir_status
find_row(struct turn *turn, const struct weir_watch_row *verdict,
         bool *is_there_out, struct weir_step_row *row_out,
         struct weir_error *err)
{
    bool is_there = false;
    weir_status status =
        weir__step_get(turn->control->store, verdict->kind, verdict->digest,
                       &turn->arena, row_out, &is_there, err);
    if (status != WEIR_OK)
        return status;
    *is_there_out = is_there;
    /* A verdict may speak of somebody who has left meanwhile. */
    if (!is_there && !weir__step_place(turn->control, verdict->kind,
                                       verdict->digest, verdict->name,
                                       verdict->tenant, &turn->arena, row_out))
        row_out->kind = 0;
    return WEIR_OK;
}

static weir_status
take_verdict(struct turn *turn, const struct weir_watch_row *verdict,
             struct weir_error *err)
{
    struct weir_step_row row;
    bool is_there = false, is_less = false;
    if (verdict->kind == WEIR_WATCH_OF_MODELS)
        return WEIR_OK; /* for the eyes of a model's owner */
    weir_status status = find_row(turn, verdict, &is_there, &row, err);
    if (status != WEIR_OK || row.kind == 0 ||
        (!is_there && verdict->action == WEIR_WATCH_NOTHING))
        return status;
    status = is_covered(turn, &row, verdict, &is_less, err);
    if (status != WEIR_OK || is_less)
        return status;
    struct weir__step_act act = {.before = row.stand, .actor = &self};
    struct weir_watch_rule rule =
        weir__step_rule(turn->control, &row, turn->now);
    uint64_t begins =
        verdict->calls > verdict->window ? verdict->calls - verdict->window : 0;
    const struct weir_watch_window window = {
        /* Windows that reach back behind a lift are stale, however late. */
        .from = begins < row.fresh_calls ? WEIR_TIME_MIN : verdict->window_end,
        .kinds = verdict->kinds,
        .action = verdict->action,
        .looks = verdict->looks};
    weir__step_keep_rule(&row, &rule, &turn->arena);
    if (verdict->calls != 0) /* of a cluster that is lost it is not known */
        row.calls = verdict->calls;
    act.has_evidence = verdict->action != WEIR_WATCH_NOTHING;
    if (act.has_evidence) {
        row.verdict = verdict->number;
        row.seen = verdict->window_end;
        row.figures = verdict->detail.len <= WEIR_STEP_FIGURES_MAX
                          ? verdict->detail
                          : WEIR_SPAN("{}");
    }
    act.change = weir_watch_on_window(&rule, &row.stand, &window, turn->now);
    if (act.change == WEIR_WATCH_SAME)
        return is_there ? weir__step_put(turn->control->store, &row, err)
                        : WEIR_OK;
    turn->did++;
    return weir__step_apply(turn->control, &row, &act, turn->now, err);
}

static weir_status
take_verdicts(struct turn *turn, bool *is_more_out, struct weir_error *err)
{
    struct weir_store *store = turn->control->store;
    int64_t after = 0;
    turn->count = 0;
    weir_status status =
        weir_store_number_get(store, "steps.verdict", &after, err);
    if (status == WEIR_OK)
        status = weir_watch_verdicts_after(store, after, VERDICTS_A_TURN,
                                           keep_row, turn, err);
    if (status == WEIR_OK && turn->arena.overflow && turn->count > 1)
        turn->count--; /* the next turn has room for it */
    for (uint32_t i = 0; status == WEIR_OK && i < turn->count; i++)
        status = take_verdict(turn, &turn->rows[i], err);
    if (status == WEIR_OK && turn->count > 0)
        status = weir_store_number_set(store, "steps.verdict",
                                       turn->rows[turn->count - 1].number, err);
    *is_more_out = turn->count == VERDICTS_A_TURN || turn->arena.overflow;
    return status;
}

/* ----------------------------------------------------------------- time */

static weir_status
move_due(struct turn *turn, struct weir_error *err)
{
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; i < VERDICTS_A_TURN; i++) {
        struct weir_step_row row;
        bool is_there = false;
        status = weir__step_due(turn->control->store, turn->now, &turn->arena,
                                &row, &is_there, err);
        if (status != WEIR_OK || !is_there)
            return status;
        struct weir_watch_rule rule = weir__step_rule_of(&row);
        struct weir__step_act act = {.before = row.stand, .actor = &self};
        act.change = weir_watch_on_time(&rule, &row.stand, turn->now);
        WEIR_ASSERT(act.change != WEIR_WATCH_SAME);
        row.fresh_calls =
            act.change == WEIR_WATCH_EXPIRED ? row.calls : row.fresh_calls;
        turn->did++;
        status = weir__step_apply(turn->control, &row, &act, turn->now, err);
        if (status != WEIR_OK)
            return status;
    }
    return status;
}

static weir_status
end_unanswered(struct turn *turn, struct weir_error *err)
{
    for (uint32_t i = 0; i < VERDICTS_A_TURN; i++) {
        struct weir_step_row row;
        bool is_there = false;
        weir_status status =
            weir__step_unanswered(turn->control->store, turn->now, &turn->arena,
                                  &row, &is_there, err);
        if (status != WEIR_OK || !is_there)
            return status;
        struct weir__step_act act = {.before = row.stand,
                                     .actor = &self,
                                     .change = WEIR_WATCH_UNANSWERED};
        (void)weir_watch_on_lift(&row.stand, turn->now);
        row.fresh_calls = row.calls;
        turn->did++;
        status = weir__step_apply(turn->control, &row, &act, turn->now, err);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

/* ----------------------------------------------------------------- whole */

static weir_status
turn_inside(struct turn *turn, bool *is_more_out, struct weir_error *err)
{
    struct weir_store *store = turn->control->store;
    int64_t changed;
    uint32_t before = turn->did;
    weir_status status = take_verdicts(turn, is_more_out, err);
    if (status == WEIR_OK)
        status = move_due(turn, err);
    if (status == WEIR_OK)
        status = end_unanswered(turn, err);
    if (status == WEIR_OK && turn->did > before)
        status = weir_store_number_next(store, "steps.changed", &changed, err);
    return status;
}

/* What changed is in the overlay; control->lock is held. */
static weir_status
publish_owed(struct weir_control *control, struct weir_error *err)
{
    int64_t changed = 0, published = 0;
    weir_status status =
        weir_store_number_get(control->store, "steps.changed", &changed, err);
    if (status == WEIR_OK)
        status = weir_store_number_get(control->store, "steps.published",
                                       &published, err);
    if (status != WEIR_OK || changed == published)
        return status;
    status = weir__steps_publish(control, err);
    if (status == WEIR_OK)
        status = weir_store_number_set(control->store, "steps.published",
                                       changed, err);
    return status;
}

weir_status
weir_steps_turn(struct weir_control *control, uint32_t *did_out,
                struct weir_error *err)
{
    struct turn turn = {.control = control, .now = weir_control_now()};
    weir_status status = WEIR_OK;
    turn.rows = calloc(VERDICTS_A_TURN, sizeof *turn.rows);
    if (turn.rows == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    for (bool is_more = true; is_more && status == WEIR_OK;) {
        is_more = false;
        weir_arena_init_heap(&turn.arena, ROOM_BYTES);
        weir_control_lock(control);
        status = weir_store_begin(control->store, err);
        if (status == WEIR_OK)
            status = weir__control_finish(
                control, turn_inside(&turn, &is_more, err), err);
        if (status == WEIR_OK)
            status = publish_owed(control, err);
        pthread_mutex_unlock(&control->lock);
        weir_arena_fini(&turn.arena);
    }
    free(turn.rows);
    if (status == WEIR_OK && did_out != NULL)
        *did_out = turn.did;
    return status;
}
