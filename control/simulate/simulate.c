/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal, decided again.
 *
 *     record -> head -> era -> window -> memo --hit--> class.decisions++
 *                                          \--miss-> whole record, gate
 *
 * WHY A MEMO IS EXACT. An answer is a function of the image, the overlay,
 * the key, the operation, the model asked for, whether the reply is
 * streamed, the client's country and address, the time, and whether the
 * policy data was stale. Image and overlay are the era; the names of the
 * record carry key, model, country and (in the candidates) staleness, and
 * are compared byte for byte, never by their hash alone; the rest stands in
 * the key. Time acts only through the dates of policies and keys, so it is
 * replaced by the window between two of them, unless a policy reads
 * `context.now`: then nothing is remembered. The address is left out of the
 * names where no policy reads `context.client`. The names carry the recorded
 * answer too, so what is remembered is the comparison, not just the answer.
 * `is_plain` evaluates everything; the tests hold both against each other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/ingest/segments.h"
#include "control/simulate/parts.h"

struct run {
    const struct weir_simulate_wish *wish;
    struct weir_segments segments;
    struct weir_segments_limit limit;
    struct weir_eras eras;
    struct weir_asked_image changed; /* when the wish has one */
    struct weir_classes classes;
    struct weir_memo memo;
    struct weir_open_calls open;
    struct weir_simulate_counts counts;
    union {
        struct weir_record_intent intent;
        struct weir_record_refusal refusal;
    };
};

static bool
is_change(const struct weir_simulate_wish *wish)
{
    return wish->changed != NULL || wish->has_at || wish->withdrawn_count > 0 ||
           wish->restored_count > 0;
}

/* ----------------------------------------------------------------- one case */

static uint32_t
counted_only(struct run *run, enum weir_effect effect)
{
    const weir_span names[WEIR_DIMENSIONS] = {{0}};
    return weir__classes_find(&run->classes, effect, names);
}

/* What the record says was done. */
static void
recorded_side(const struct run *run, const struct weir_replay_case *recorded,
              const struct weir_image *image, struct weir_side *side_out)
{
    struct weir_side side = {.verdict = weir_replay_verdict(recorded)};
    uint32_t route = image == NULL
                         ? WEIR_INDEX_NONE
                         : weir_image_find_route(image, recorded->model);
    bool is_weighted = route != WEIR_INDEX_NONE &&
                       image->routes[route].mode != WEIR_ROUTE_ORDER;
    if (is_weighted && !recorded->is_refusal && run->intent.order_count > 0)
        side.deployment = recorded->candidates[run->intent.order[0]].deployment;
    for (uint32_t i = 0; i < recorded->candidate_count; i++) {
        const struct weir_record_candidate *row = &recorded->candidates[i];
        if (row->verdict == WEIR_ALLOW && side.deployment.len == 0)
            side.deployment = row->deployment;
    }
    if (side.verdict != WEIR_ALLOW)
        side.why = recorded->is_refusal && run->refusal.policy.len > 0
                       ? run->refusal.policy
                       : weir_span_of(weir_reason_code(recorded->reason));
    if (image != NULL)
        weir__side_place(image, recorded->model, &side);
    *side_out = side;
}

static uint32_t
differ(struct run *run, const struct weir_replay_case *recorded,
       const char *text)
{
    if (run->counts.request[0] == '\0') {
        weir_request_id_format(&recorded->request, run->counts.request);
        snprintf(run->counts.difference, sizeof run->counts.difference, "%s",
                 text);
    }
    return counted_only(run, WEIR_EFFECT_DIFFERENT);
}

/* As it was: must be what the record says. */
static uint32_t
repeat(struct run *run, const struct weir_era *era,
       const struct weir_replay_case *recorded)
{
    struct weir_replay keys = era->image->keys;
    struct weir_view view = era->image->view;
    struct weir_answer answer;
    struct weir_question question;
    struct weir_error difference = {0};
    struct weir_side side;
    view.overlay = era->then;
    keys.view = &view;
    if (!weir_replay_is_repeatable(&keys, recorded))
        return counted_only(run, WEIR_EFFECT_NOT_REPEATABLE);
    if (weir_replay_question(&keys, recorded, recorded->decided_us,
                             &question) != WEIR_OK)
        return differ(run, recorded, "the image has no such key");
    weir_gate_decide(&view, &question, &answer);
    if (!weir_replay_equal(&view.image, recorded, &answer, &difference))
        return differ(run, recorded, difference.text);
    recorded_side(run, recorded, &view.image, &side);
    return weir__compare(&run->classes, &side, &side, recorded->organisation,
                         weir__headquarters(&view.image, question.key),
                         recorded->model);
}

static bool
hides_address(const struct weir_asked_image *asked, weir_span key)
{
    if (asked == NULL)
        return false;
    const struct weir_image *image = &asked->view.image;
    uint32_t row = weir_replay_key(&asked->keys, key);
    if (row == WEIR_INDEX_NONE)
        return false;
    uint32_t tenant = image->projects[image->keys[row].project].tenant;
    return (image->tenants[tenant].flags & WEIR_TENANT_HIDE_ADDRESS) != 0;
}

static weir_span
headquarters_of(const struct weir_asked_image *first,
                const struct weir_asked_image *second, weir_span key)
{
    const struct weir_asked_image *const both[] = {first, second};
    for (int i = 0; i < 2; i++) {
        uint32_t row = both[i] == NULL ? WEIR_INDEX_NONE
                                       : weir_replay_key(&both[i]->keys, key);
        if (row != WEIR_INDEX_NONE)
            return weir__headquarters(&both[i]->view.image, row);
    }
    return WEIR_SPAN("");
}

/* Under the changed world: against what the record says. */
static uint32_t
change(struct run *run, const struct weir_era *era,
       const struct weir_replay_case *recorded)
{
    const struct weir_simulate_wish *wish = run->wish;
    const struct weir_asked_image *asked =
        wish->changed != NULL ? &run->changed : era->image;
    const struct weir_asked_image *past =
        era->image != NULL ? era->image : asked;
    struct weir_replay keys = asked->keys;
    struct weir_view view = asked->view;
    struct weir_question question;
    struct weir_side before, after;
    view.overlay = era->wished;
    keys.view = &view;
    if (recorded->address.len == 0 && asked->dates.reads_client &&
        (hides_address(asked, recorded->key) ||
         hides_address(era->image, recorded->key)))
        return counted_only(run, WEIR_EFFECT_NOT_REPEATABLE);
    recorded_side(run, recorded, &past->view.image, &before);
    weir_time now = wish->has_at ? wish->at : recorded->decided_us;
    if (weir_replay_question(&keys, recorded, now, &question) == WEIR_OK)
        weir__side_ask(&view, &question, &before.deployment, &after);
    else
        weir__side_refuse(WEIR_REASON_UNKNOWN_KEY, &after);
    return weir__compare(&run->classes, &before, &after, recorded->organisation,
                         headquarters_of(past, asked, recorded->key),
                         recorded->model);
}

static weir_status
judge(struct run *run, const struct weir_record *record,
      const struct weir_era *era, uint32_t *class_out, struct weir_error *err)
{
    struct weir_replay_case recorded;
    weir_status status;
    if (record->kind == WEIR_RECORD_INTENT) {
        status = weir_record_get_intent(record->payload, &run->intent, err);
        if (status == WEIR_OK)
            weir_replay_of_intent(&run->intent, &recorded);
    } else {
        status = weir_record_get_refusal(record->payload, &run->refusal, err);
        if (status == WEIR_OK)
            weir_replay_of_refusal(&run->refusal, &recorded);
    }
    if (status != WEIR_OK)
        return status;
    bool is_whole = era->has_overlay && era->image != NULL;
    if (run->wish->tenant.len > 0 &&
        !weir_span_equal(run->wish->tenant, recorded.tenant))
        *class_out = counted_only(run, WEIR_EFFECT_PASSED_OVER);
    else if (!weir_replay_is_decision(&recorded))
        *class_out = counted_only(run, WEIR_EFFECT_NOT_POLICY);
    else if (!era->has_overlay || (!is_whole && run->wish->changed == NULL))
        *class_out = counted_only(run, WEIR_EFFECT_NO_IMAGE);
    else if (run->counts.is_change)
        *class_out = change(run, era, &recorded);
    else
        *class_out = repeat(run, era, &recorded);
    return WEIR_OK;
}

/* ---------------------------------------------------------------- one record */

/* False: the time itself is read, nothing may be remembered. */
static bool
memo_key(struct run *run, const struct weir_record_head *head,
         const struct weir_era *era, bool is_refusal,
         struct weir_memo_key *key_out, weir_span parts_out[3])
{
    struct weir_asked_image *then = era->image;
    bool has_changed = run->wish->changed != NULL;
    bool reads_client = has_changed && run->changed.dates.reads_client;
    weir_time now = run->wish->has_at ? run->wish->at : head->decided_us;
    if (run->wish->is_plain)
        return false;
    memset(key_out, 0, sizeof *key_out);
    key_out->era = era->id;
    key_out->reason = head->reason;
    key_out->is_refusal = is_refusal;
    key_out->operation = (uint8_t)head->operation;
    key_out->is_streamed = head->is_streamed != 0;
    if (has_changed) {
        if (run->changed.dates.reads_now && !run->wish->has_at)
            return false;
        key_out->changed = weir__dates_window(&run->changed.dates, now);
    } else if (then != NULL) {
        if (then->dates.reads_now && !run->wish->has_at)
            return false;
        key_out->window = weir__dates_window(&then->dates, now);
        reads_client = then->dates.reads_client;
    }
    parts_out[0] = head->names[0];
    parts_out[1] = head->names[1];
    parts_out[2] = reads_client ? head->address : WEIR_SPAN_NONE;
    /* Whether it is kept matters even where what it says does not. */
    key_out->reserved = head->address.len > 0;
    return true;
}

static weir_status
classify(struct run *run, const struct weir_record *record,
         const struct weir_record_head *head, uint32_t *class_out,
         struct weir_error *err)
{
    bool is_refusal = record->kind == WEIR_RECORD_REFUSAL;
    struct weir_memo_key key;
    struct weir_era *era;
    weir_span parts[3];
    weir_status status = weir__eras_find(&run->eras, head->image_digest,
                                         head->overlay, &era, err);
    if (status != WEIR_OK)
        return status;
    if (!memo_key(run, head, era, is_refusal, &key, parts))
        return judge(run, record, era, class_out, err);
    uint64_t hash = weir__memo_hash(&key, parts);
    *class_out = weir__memo_find(&run->memo, hash, &key, parts);
    if (*class_out != UINT32_MAX)
        return WEIR_OK;
    status = judge(run, record, era, class_out, err);
    if (status == WEIR_OK)
        weir__memo_put(&run->memo, hash, &key, parts, *class_out);
    return status;
}

static weir_status
add_decision(struct run *run, const struct weir_record *record,
             struct weir_error *err)
{
    struct weir_record_head head;
    bool is_intent = record->kind == WEIR_RECORD_INTENT;
    uint32_t row;
    weir_status status =
        is_intent ? weir_record_get_head_of_intent(record->payload, &head)
                  : weir_record_get_head_of_refusal(record->payload, &head);
    if (status != WEIR_OK)
        return weir_fail(err, status, WEIR_OFFSET_NONE,
                         "a record of the journal ends inside a field");
    if (head.decided_us < run->wish->from || head.decided_us >= run->wish->to)
        return WEIR_OK;
    status = classify(run, record, &head, &row, err);
    if (status == WEIR_OK && run->classes.is_full)
        status = weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                           "too many different outcomes to hold; choose a "
                           "tenant or a shorter time");
    if (status != WEIR_OK)
        return status;
    run->classes.rows[row].decisions++;
    run->classes.rows[row].admitted += is_intent;
    if (is_intent && !weir__open_calls_put(&run->open, &head.request, row))
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    return WEIR_OK;
}

static weir_status
add_outcome(struct run *run, const struct weir_record *record,
            struct weir_error *err)
{
    struct weir_record_head head;
    if (weir_record_get_head_of_outcome(record->payload, &head) != WEIR_OK)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "a record of the journal ends inside a field");
    uint32_t row = weir__open_calls_take(&run->open, &head.request);
    if (row == UINT32_MAX)
        return WEIR_OK; /* of a call that was not chosen */
    struct weir_class *its = &run->classes.rows[row];
    its->outcomes++;
    its->tokens += head.input_tokens + head.output_tokens;
    its->micros += head.cost_micros;
    return WEIR_OK;
}

/* ------------------------------------------------------------------ the whole */

static weir_status
read_all(struct run *run, struct weir_error *err)
{
    weir_status status = WEIR_OK;
    struct weir_record record;
    uint64_t segment;
    while (status == WEIR_OK) {
        enum weir_segments_result result = weir_segments_next(
            &run->segments, &run->limit, &record, &segment, err);
        if (result == WEIR_SEGMENTS_END)
            break;
        if (result == WEIR_SEGMENTS_FAILED)
            return err->status;
        if (result == WEIR_SEGMENTS_DAMAGE)
            continue;
        if (record.kind == WEIR_RECORD_INTENT ||
            record.kind == WEIR_RECORD_REFUSAL)
            status = add_decision(run, &record, err);
        else if (record.kind == WEIR_RECORD_OUTCOME)
            status = add_outcome(run, &record, err);
        if ((++run->counts.records & 0xffff) == 0 &&
            run->wish->on_progress != NULL)
            run->wish->on_progress(run->wish->context, run->counts.records);
    }
    run->counts.damages = run->segments.damages;
    return status;
}

/* The currency of every figure; images of one house share it. */
static weir_span
currency_of(const struct run *run)
{
    const struct weir_image *image = run->wish->changed;
    for (uint32_t i = 0; image == NULL && i < WEIR_ERAS_MAX; i++) {
        if (run->eras.images[i].is_open)
            image = &run->eras.images[i].view.image;
    }
    return image == NULL ? WEIR_SPAN("")
                         : weir_image_text(image, image->currency);
}

weir_status
weir_simulate_journal(const struct weir_paths *paths,
                      const struct weir_simulate_wish *wish,
                      json_t **report_out, struct weir_error *err)
{
    weir_status status = WEIR_OK;
    struct run *run = calloc(1, sizeof *run);
    if (run == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    run->wish = wish;
    run->counts.is_change = is_change(wish);
    (void)weir_segments_written(paths->ring, &run->limit);
    weir_segments_init(&run->segments, paths->journal, 0, 0);
    weir__eras_init(&run->eras, paths, wish);
    weir__classes_init(&run->classes);
    if (!weir__memo_init(&run->memo) || run->classes.is_full)
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (status == WEIR_OK && wish->changed != NULL)
        status = weir__asked_init(&run->changed, wish->changed, err);
    if (status == WEIR_OK)
        status = read_all(run, err);
    if (status == WEIR_OK) {
        run->counts.currency = currency_of(run);
        *report_out = weir__simulate_report(&run->classes, &run->counts);
    }
    weir__asked_fini(&run->changed);
    weir__open_calls_fini(&run->open);
    weir__memo_fini(&run->memo);
    weir__classes_fini(&run->classes);
    weir__eras_fini(&run->eras);
    weir_segments_fini(&run->segments);
    free(run);
    return status;
}
