/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an account comes to its reference.
 *
 *   learning --N calls, quiet--> frozen --renew--> renews --N calls--> frozen
 *       \--N calls, loud--> waits --accept--> frozen
 *
 * Its first N calls are accepted by themselves if nothing they showed as a
 * new account (share, scaffold) passed a line; else a person has to say that
 * this is what it is like. Nothing refreshes a reference but a person, who
 * lets it learn from the next calls: the old one judges them until then, and
 * stays on file with the distance between the two.
 *
 * Kept while an account learns are only the places of its calls; their
 * blocks are read from the journal again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/log.h"
#include "control/watch/engine_parts.h"

#define ARENA_BYTES ((size_t)64 << 20)

/* Between an old reference and a new one: half of what unlike work makes. */
#define DRIFT_LINE 0.2F

/* As it was when this place of the journal was first counted. */
static uint32_t
calls_wanted(struct weir_watch_engine *engine, uint64_t position)
{
    char fresh[24];
    uint32_t calls = engine->setup.reference_calls;
    snprintf(fresh, sizeof(fresh), "%u", calls);
    const char *value = weir__watch_fact_at(engine, WEIR_WATCH_FACT_SETTING,
                                            "reference_calls", position, fresh);
    if (value != NULL)
        calls = (uint32_t)strtoul(value, NULL, 10);
    return calls > WEIR_WATCH_LEARN_MAX ? WEIR_WATCH_LEARN_MAX : calls;
}

static void
forget_positions(struct watch_subject *subject)
{
    free(subject->positions);
    subject->positions = NULL;
    subject->positions_count = subject->positions_room = 0;
}

static weir_status
say_frozen(struct weir_watch_engine *engine, struct watch_subject *subject,
           const struct weir_watch_reference *old, weir_time when,
           const char *reason, struct weir_error *err)
{
    const struct weir_watch_reference *fresh =
        weir_watch_pool_reference(&subject->pool);
    struct weir_watch_notes *notes = notes_of(subject);
    struct weir_watch_frozen frozen = {
        .kind = subject->kind,
        .digest = subject->digest,
        .calls = weir_watch_pool_total(&subject->pool),
        .learnt = notes->learnt,
        .when = when,
        .actor = weir_span_of(notes->actor[0] != '\0' ? notes->actor : "watch"),
        .reason = weir_span_of(reason),
        .distance = old == NULL ? 0 : weir_watch_reference_distance(old, fresh),
        .reference = {(const char *)fresh, sizeof(*fresh)},
    };
    return weir__watch_say_reference(engine, &frozen, err);
}

/* The new reference is far from the old one: a person renewed it, and another
 * person should see how far it moved. */
static weir_status
raise_drift(struct weir_watch_engine *engine, struct watch_subject *subject,
            double distance, weir_time when, struct weir_error *err)
{
    struct weir_watch_verdict verdict = {.has_reference = true,
                                         .fired = 1u << WEIR_WATCH_DRIFT,
                                         .action = WEIR_WATCH_OBSERVE};
    struct weir_watch_lines lines = engine->setup.lines[1][1];
    if (distance < (double)DRIFT_LINE)
        return WEIR_OK;
    weir_log(WEIR_LOG_WARN,
             "watch: %s %s: its new reference is %.2f from the "
             "old one",
             weir_watch_kind_name(subject->kind), subject->name, distance);
    lines.line[WEIR_WATCH_DRIFT] = DRIFT_LINE;
    verdict.figures[WEIR_WATCH_DRIFT].value = (float)distance;
    weir_buf_reset(&engine->text);
    weir__watch_put_detail(&verdict, &lines, NULL, NULL, engine->calibration,
                           &engine->text);
    struct weir_watch_row row = {
        .kind = subject->kind,
        .digest = subject->digest,
        .name = weir_span_of(subject->name),
        .tenant = weir_span_of(subject->tenant),
        .provider = weir_span_of(subject->provider),
        .window_end = when + 1, /* a window may end with this very call */
        .looks = 1,
        .calls = weir_watch_pool_total(&subject->pool),
        .has_reference = true,
        .fired = verdict.fired,
        .action = verdict.action,
        .detail = weir_buf_span(&engine->text),
    };
    struct weir_watch_notes *notes = notes_of(subject);
    notes->action = (uint8_t)verdict.action;
    notes->fired = verdict.fired;
    notes->said_at = row.calls;
    return weir__watch_say_verdict(engine, &row, err);
}

/* The blocks are read in the order of the journal, each segment once. */
static weir_status
learn_anew(struct weir_watch_engine *engine,
           const struct watch_subject *subject, uint32_t *count_out,
           struct weir_error *err)
{
    struct weir_arena arena;
    uint32_t count = 0;
    weir_arena_init_heap(&arena, ARENA_BYTES);
    struct weir_watch_features *calls = weir_arena_array(
        &arena, struct weir_watch_features, subject->positions_count + 1);
    for (uint32_t i = 0; calls != NULL && i < subject->positions_count; i++)
        if (engine->setup.read != NULL &&
            engine->setup.read(engine->setup.context, subject->positions[i],
                               &calls[count]))
            count++;
    weir_status status =
        calls == NULL
            ? weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory")
            : weir_watch_learn(calls, count, &arena, &engine->learnt, err);
    weir_arena_fini(&arena);
    *count_out = count;
    return status;
}

/* Learns from the places that are kept. ELIMIT: too few different calls. */
static weir_status
learn(struct weir_watch_engine *engine, const struct watch_subject *subject,
      struct weir_watch_reference *out, uint32_t *count_out,
      struct weir_error *err)
{
    weir_span places = {(const char *)subject->positions,
                        subject->positions_count * sizeof(uint64_t)};
    uint64_t hash = weir_hash64(places, 1) | 1;
    weir_status status = WEIR_OK;
    if (engine->learnt_from != hash ||
        engine->learnt_count != subject->positions_count) {
        engine->learnt_from = 0;
        status = learn_anew(engine, subject, count_out, err);
    }
    if (status != WEIR_OK)
        return status;
    engine->learnt_from = hash;
    engine->learnt_count = subject->positions_count;
    *count_out = subject->positions_count;
    *out = engine->learnt;
    return WEIR_OK;
}

static weir_status
freeze(struct weir_watch_engine *engine, struct watch_subject *subject,
       weir_time when, const char *reason, struct weir_error *err)
{
    struct weir_watch_reference fresh, old;
    struct weir_watch_notes *notes = notes_of(subject);
    struct weir_error own = {0};
    uint32_t count = 0;
    bool has_old = weir_watch_pool_reference(&subject->pool) != NULL;
    if (has_old)
        old = *weir_watch_pool_reference(&subject->pool);
    weir_status status = learn(engine, subject, &fresh, &count, &own);
    forget_positions(subject);
    if (status == WEIR_ELIMIT) {
        weir_log(WEIR_LOG_INFO, "watch: %s %s: no reference from %u calls: %s",
                 weir_watch_kind_name(subject->kind), subject->name, count,
                 own.text);
        return WEIR_OK; /* from the next ones, then */
    }
    if (status != WEIR_OK) {
        if (err != NULL)
            *err = own;
        return status;
    }
    weir_watch_pool_accept(&subject->pool, &fresh);
    notes->learning = WEIR_WATCH_LEARNT;
    notes->learnt = count;
    notes->is_loud = 0;
    notes->shown_count = 0;
    engine->figures.references++;
    status =
        say_frozen(engine, subject, has_old ? &old : NULL, when, reason, err);
    notes->actor[0] = '\0';
    if (status == WEIR_OK && has_old)
        status =
            raise_drift(engine, subject,
                        weir_watch_reference_distance(&old, &fresh), when, err);
    return status;
}

weir_status
weir__watch_learn_call(struct weir_watch_engine *engine,
                       struct watch_subject *subject,
                       const struct watch_waiting *call, struct weir_error *err)
{
    struct weir_watch_notes *notes = notes_of(subject);
    bool is_renewed = notes->learning == WEIR_WATCH_RENEWS;
    if (notes->learning != WEIR_WATCH_LEARNING && !is_renewed)
        return WEIR_OK;
    uint32_t wanted = calls_wanted(engine, call->position);
    uint32_t kept = wanted == 0 ? WEIR_WATCH_LEARN_MAX / 4 : wanted;
    if (subject->positions_count < kept &&
        !weir__watch_position_add(subject, call->position))
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (subject->positions_count < kept)
        return WEIR_OK;
    if (is_renewed)
        return freeze(engine, subject, call->when, "renewed", err);
    if (wanted == 0 || notes->is_loud) {
        notes->learning = WEIR_WATCH_WAITS;
        return WEIR_OK;
    }
    return freeze(engine, subject, call->when, "first calls, quiet", err);
}

/* ----------------------------------------------------------------- deeds */

weir_status
weir__watch_do_deed(struct weir_watch_engine *engine,
                    const struct watch_waiting *deed, struct weir_error *err)
{
    struct watch_subject *subject;
    weir_status status = weir__watch_subject_get(
        engine, deed->kind, deed->digest, NULL, &subject, err);
    if (status != WEIR_OK)
        return status;
    struct weir_watch_notes *notes = notes_of(subject);
    weir__watch_subject_touch(engine, subject);
    snprintf(notes->actor, sizeof(notes->actor), "%.39s",
             (const char *)deed->block);
    if (deed->deed == WEIR_WATCH_DEED_RENEW) {
        bool is_known = weir_watch_pool_reference(&subject->pool) != NULL;
        forget_positions(subject);
        notes->learning = is_known ? WEIR_WATCH_RENEWS : WEIR_WATCH_LEARNING;
        notes->is_loud = 0;
        return WEIR_OK;
    }
    if (notes->learning != WEIR_WATCH_LEARNING &&
        notes->learning != WEIR_WATCH_WAITS)
        return WEIR_OK;
    notes->learning = WEIR_WATCH_LEARNING;
    notes->is_loud = 0;
    return freeze(engine, subject, deed->when, "accepted by a person", err);
}
