/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call into the pools of its subjects, and a look at each window that is
 * full.
 *
 * A look at 300 calls looks at 600 as well and takes the stricter of the two;
 * an account of fewer than 300 calls is looked at every 50. What is said
 * changes at once when it becomes stricter or another signal joins, and only
 * after two looks in a row when it becomes milder: a window that shares half
 * its calls with the one before it would otherwise flap. What is said again
 * has a row for each of the next 16 looks and for every eighth after them,
 * silence for 512 looks at most; an account of which nothing was ever said
 * has none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/watch/engine_parts.h"

#define LOOKS_LOWER 2

/* What a person would have to accept before it becomes the measure. */
#define LOUD (1u << WEIR_WATCH_SHARE | 1u << WEIR_WATCH_SCAFFOLD)

/* -------------------------------------------------------------- verdicts */

struct look {
    struct weir_watch_verdict verdict;
    const struct weir_watch_lines *lines;
};

static uint32_t
width_of(uint32_t calls)
{
    return calls < WEIR_WATCH_WINDOW ? 0 : calls < WEIR_WATCH_WIDE ? 1 : 2;
}

static void
look(const struct weir_watch_engine *engine,
     const struct watch_subject *subject, uint32_t calls, struct look *best)
{
    struct look one;
    bool is_known = weir_watch_pool_reference(&subject->pool) != NULL;
    one.lines = &engine->setup.lines[is_known][width_of(calls)];
    weir_watch_score(&subject->pool, calls, one.lines, &one.verdict);
    if (best->lines == NULL || one.verdict.action > best->verdict.action ||
        (one.verdict.action == best->verdict.action &&
         one.verdict.score > best->verdict.score))
        *best = one;
}

/* False: no window is full just now. */
static bool
look_if_due(const struct weir_watch_engine *engine,
            const struct watch_subject *subject, struct look *best)
{
    const struct weir_watch_pool *pool = &subject->pool;
    uint64_t calls = weir_watch_pool_calls(pool);
    best->lines = NULL;
    if (calls < WEIR_WATCH_WINDOW &&
        weir_watch_pool_is_due(pool, WEIR_WATCH_EARLY))
        look(engine, subject, WEIR_WATCH_EARLY, best);
    if (weir_watch_pool_is_due(pool, WEIR_WATCH_WINDOW)) {
        look(engine, subject, WEIR_WATCH_WINDOW, best);
        if (calls >= WEIR_WATCH_WIDE)
            look(engine, subject, WEIR_WATCH_WIDE, best);
    }
    return best->lines != NULL;
}

/* What others shared, or a classifier found, is told when its line is reached
 * and not when a window is full; the few calls until then say nothing else. */
static bool
look_at_rare(const struct weir_watch_engine *engine,
             struct watch_subject *subject, struct look *seen)
{
    const struct weir_watch_notes *notes = notes_of(subject);
    if (notes->action != WEIR_WATCH_NOTHING)
        return false;
    look(engine, subject, WEIR_WATCH_EARLY, seen);
    struct weir_watch_verdict *v = &seen->verdict;
    const uint32_t bits = 1u << WEIR_WATCH_PEERS | 1u << WEIR_WATCH_JUDGED;
    if ((v->fired & bits) == 0)
        return false;
    for (uint32_t i = 0; i < WEIR_WATCH_PEERS; i++)
        v->figures[i] = (struct weir_watch_figure){0, 0, 0};
    v->fired &= bits;
    v->kinds = (uint32_t)__builtin_popcount(v->fired);
    v->score = v->plain_score = 0;
    v->cues = 0;
    v->scaffold = 0;
    v->action = WEIR_WATCH_OBSERVE;
    return true;
}

/*
 * The looks that a row stands for; 0: there is none. Whoever acts counts
 * windows, loud ones to climb and quiet ones to come down, so both have rows
 * while something may still follow from them.
 */
static uint32_t
looks_told(struct weir_watch_notes *notes, const struct weir_watch_verdict *v)
{
    bool is_milder = v->action < notes->action;
    uint32_t looks = ++notes->untold;
    if (v->action > notes->action ||
        (v->action == notes->action && (v->fired & ~notes->fired) != 0 &&
         v->action != WEIR_WATCH_NOTHING)) {
        notes->steady = 0;
        looks = 1;
    } else if (notes->said_at == 0) {
        notes->untold = 0; /* nothing was ever said of it */
        return 0;
    } else if (is_milder) {
        if (++notes->lower < LOOKS_LOWER)
            return 0;
        notes->steady = 0;
    } else {
        looks = notes->lower > 0 ? 1 : looks; /* not in a row, then */
        notes->lower = 0;
        notes->steady++;
        if ((v->action == WEIR_WATCH_NOTHING &&
             notes->steady > WEIR_WATCH_LOOKS_QUIET) ||
            !weir_watch_is_told(notes->steady))
            return 0;
    }
    notes->untold = 0;
    return looks;
}

static void
name_again(struct weir_watch_engine *engine, struct watch_subject *subject)
{
    char name[WEIR_WATCH_SUBJECT_BYTES];
    if (subject->name[0] != '#' || engine->setup.name == NULL ||
        !engine->setup.name(engine->setup.context, subject->kind,
                            subject->digest, name, sizeof(name)))
        return;
    char *copy = strdup(name);
    if (copy == NULL)
        return;
    free(subject->name);
    subject->name = copy;
}

static weir_status
say(struct weir_watch_engine *engine, struct watch_subject *subject,
    const struct look *seen, weir_time when, struct weir_error *err)
{
    const struct weir_watch_verdict *v = &seen->verdict;
    struct weir_watch_notes *notes = notes_of(subject);
    uint64_t total = weir_watch_pool_total(&subject->pool);
    notes->score = v->score;
    notes->plain_score = v->plain_score;
    if (!v->has_reference && (v->fired & LOUD) != 0)
        notes->is_loud = 1;
    uint32_t looks = looks_told(notes, v);
    if (looks == 0)
        return WEIR_OK;
    notes->action = (uint8_t)v->action;
    notes->fired = v->fired;
    notes->lower = 0;
    notes->said_at = total;
    name_again(engine, subject);
    weir_buf_reset(&engine->text);
    const struct weir_watch_peers peers = {engine->setup.peer,
                                           engine->setup.context, when};
    /* With whom the seller shares is nothing that a model's owner is told. */
    weir__watch_put_detail(v, seen->lines, notes,
                           subject->kind == WEIR_WATCH_OF_MODELS ? NULL
                                                                 : &peers,
                           engine->calibration, &engine->text);
    struct weir_watch_row row = {
        .kind = subject->kind,
        .digest = subject->digest,
        .name = weir_span_of(subject->name),
        .tenant = weir_span_of(subject->tenant),
        .provider = weir_span_of(subject->provider),
        .window_end = when,
        .calls = total,
        .window = v->calls,
        .has_reference = v->has_reference,
        .score = v->score,
        .plain_score = v->plain_score,
        .fired = v->fired,
        .kinds = v->kinds,
        .action = v->action,
        .looks = looks,
        .detail = weir_buf_span(&engine->text),
    };
    return weir__watch_say_verdict(engine, &row, err);
}

/* ------------------------------------------------------------------ call */

/* Calls that a reviewer is shown: task-like, and unlike the accepted ones; or
 * matched by what others shared, or judged by a classifier. */
static void
note_shown(struct watch_subject *subject, const struct watch_waiting *call,
           const struct weir_watch_features *features)
{
    const struct weir_watch_reference *reference =
        weir_watch_pool_reference(&subject->pool);
    struct weir_watch_match match = {.is_foreign = true};
    struct weir_watch_notes *notes = notes_of(subject);
    bool is_shared = call->pools.matches != 0 || call->is_judged != 0;
    notes->shared_kinds |= call->pools.matches;
    notes->shared_by |= call->pools.exchanges;
    if (!is_shared && features->plain_form < WEIR_WATCH_FORM_LINE &&
        (features->bits & WEIR_WATCH_CUES) == 0)
        return;
    if (!is_shared && reference != NULL)
        weir_watch_match(reference, features, &match);
    if (match.is_foreign)
        notes->shown[notes->shown_count++ % WEIR_WATCH_EVIDENCE] =
            call->request;
}

struct counting {
    const struct watch_waiting *call;
    struct weir_watch_features features;
    struct weir_watch_at at;
};

static weir_status
count_in(struct weir_watch_engine *engine, uint32_t kind, uint64_t digest,
         const struct counting *counting, struct weir_error *err)
{
    struct watch_subject *subject;
    struct look seen;
    const struct watch_waiting *call = counting->call;
    if (digest == 0)
        return WEIR_OK;
    weir_status status =
        weir__watch_subject_get(engine, kind, digest, call, &subject, err);
    if (status != WEIR_OK)
        return status;
    weir__watch_subject_touch(engine, subject);
    subject->last = call->when;
    note_shown(subject, call, &counting->features);
    if (!weir_watch_pool_add(&subject->pool, &counting->features,
                             &counting->at))
        return WEIR_OK;
    if (subject->account != NULL)
        weir_watch_account_add(subject->account, &counting->features,
                               call->when, call->pools.network,
                               call->pools.of[WEIR_WATCH_OF_GROUP]);
    if (look_if_due(engine, subject, &seen) ||
        ((counting->at.is_shared || counting->at.is_judged) &&
         look_at_rare(engine, subject, &seen)))
        status = say(engine, subject, &seen, call->when, err);
    return status == WEIR_OK
               ? weir__watch_learn_call(engine, subject, call, err)
               : status;
}

/* Who made the model, and when, as it was taken to be at that place. */
static bool
find_model(struct weir_watch_engine *engine, const struct watch_waiting *call,
           struct weir_watch_model *out)
{
    char name[20], fresh[160];
    struct weir_watch_model now = {0};
    long long created = 0;
    uint64_t digest = call->pools.model;
    *out = (struct weir_watch_model){0};
    if (digest == 0)
        return true;
    if (engine->setup.model != NULL)
        (void)engine->setup.model(engine->setup.context, digest, &now);
    snprintf(name, sizeof(name), "%016llx", (unsigned long long)digest);
    snprintf(fresh, sizeof(fresh), "%lld %s", (long long)now.created,
             now.provider);
    const char *value = weir__watch_fact_at(engine, WEIR_WATCH_FACT_MODEL, name,
                                            call->position, fresh);
    if (value == NULL)
        return false;
    const char *space = strchr(value, ' ');
    if (space == NULL || sscanf(value, "%lld", &created) != 1)
        return true;
    out->created = created;
    snprintf(out->provider, sizeof(out->provider), "%s", space + 1);
    return true;
}

weir_status
weir__watch_count(struct weir_watch_engine *engine,
                  const struct watch_waiting *call, struct weir_error *err)
{
    static const uint8_t kinds[] = {WEIR_WATCH_OF_KEY, WEIR_WATCH_OF_PROJECT,
                                    WEIR_WATCH_OF_TENANT, WEIR_WATCH_OF_GROUP,
                                    WEIR_WATCH_OF_END_CUSTOMER};
    struct weir_watch_model model;
    struct counting counting = {.call = call};
    weir_span block = {(const char *)call->block, sizeof(call->block)};
    weir_status status = weir_watch_unpack(block, &counting.features, err);
    if (status == WEIR_OK && !find_model(engine, call, &model))
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    counting.at = (struct weir_watch_at){.position = engine->applied,
                                         .when = call->when,
                                         .model = call->pools.model,
                                         .released = model.created,
                                         .is_shared = call->pools.matches != 0,
                                         .is_judged = call->is_judged != 0};
    /* Under a grant calls are measured for the model's owner, and lead to no
     * step: what they look like was agreed to. */
    bool is_granted = call->pools.subject == WEIR_WATCH_GRANTED;
    for (size_t i = 0;
         i < WEIR_COUNTOF(kinds) && status == WEIR_OK && !is_granted; i++)
        status = count_in(engine, kinds[i], call->pools.of[kinds[i]], &counting,
                          err);
    uint64_t tenant = call->pools.of[WEIR_WATCH_OF_TENANT];
    if (status == WEIR_OK && tenant != 0 && model.provider[0] != '\0')
        status =
            count_in(engine, WEIR_WATCH_OF_MODELS,
                     weir_watch_models(weir_span_of(model.provider), tenant),
                     &counting, err);
    return status;
}
