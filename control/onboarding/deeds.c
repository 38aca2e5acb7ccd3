/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start, decide, accept; the door for new keys.
 *
 * A decision is an event with everything it rests on: the facts with their
 * sources, the lists by digest and number of entries, hits and threshold,
 * which version of which terms was accepted when, what ownership rules said,
 * and the image those rules were in. The act in the log names the SHA-256 of
 * all that, so that nobody can write it better afterwards.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "control/onboarding/parts.h"
#include "control/parts.h"

#define TEXT_MAX     2000
#define PURPOSES_MAX 1000

static weir_status
find_row(const struct weir_control *control, weir_span organisation,
         uint32_t *row_out, struct weir_error *err)
{
    *row_out = weir__facts_find(control->world, organisation);
    if (*row_out != WEIR_INDEX_NONE)
        return WEIR_OK;
    return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                     "no organisation '%.*s' in the sources",
                     (int)(organisation.len < 100 ? organisation.len : 100),
                     organisation.ptr);
}

/* "a, b" becomes "a,b"; EPARSE: none, or not text. */
static weir_status
tidy_purposes(weir_span text, char out[PURPOSES_MAX], weir_span *purposes_out,
              struct weir_error *err)
{
    size_t len = 0;
    bool is_start = true;
    if (text.len >= PURPOSES_MAX || !weir_utf8_valid(text))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "the purposes are not UTF-8 or too long");
    for (size_t i = 0; i <= text.len; i++) {
        bool is_end = i == text.len || text.ptr[i] == ',';
        while (is_end && len > 0 && out[len - 1] == ' ')
            len--;
        if (is_end && !is_start) {
            out[len++] = ',';
            is_start = true;
        } else if (!is_end && (!is_start || text.ptr[i] != ' ')) {
            out[len++] = text.ptr[i];
            is_start = false;
        }
    }
    *purposes_out = (weir_span){out, len > 0 ? len - 1 : 0};
    return purposes_out->len > 0
               ? WEIR_OK
               : weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "a purpose is needed: what is it for?");
}

static weir_status
check_text(weir_span text, const char *what, bool is_required,
           struct weir_error *err)
{
    if (is_required && text.len == 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE, "%s is needed",
                         what);
    if (text.len > TEXT_MAX || !weir_utf8_valid(text))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "%s is not UTF-8 or longer than %d bytes", what,
                         TEXT_MAX);
    return WEIR_OK;
}

/* A look of one's own, in an arena of its own. */
static void
begin_look(struct weir_control *control, struct weir_arena *arena,
           struct weir__look *look)
{
    weir_arena_init_heap(arena, (size_t)16 << 20);
    *look = (struct weir__look){.control = control,
                                .arena = arena,
                                .now = weir_control_now(),
                                .screen = weir__onboarding_screen(control),
                                .due = WEIR_TIME_MAX};
}

static weir_status
note_look(struct weir__look *look, const struct weir_actor *actor,
          struct weir__standing_event *event, int64_t *number_out,
          struct weir_error *err)
{
    char *inputs = weir__inputs(look);
    if (inputs == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    event->inputs = weir_span_of(inputs);
    weir_status status = weir__standing_note(look->control->store, actor, event,
                                             number_out, err);
    free(inputs);
    return status;
}

/* -------------------------------------------------------------------- start */

static weir_status
start_inside(struct weir__look *look, uint32_t row,
             const struct weir_actor *actor, weir_span purposes, weir_span note,
             struct weir_error *err)
{
    weir_status status = weir__look(look, row, err);
    if (status != WEIR_OK)
        return status;
    struct weir__standing_row standing = look->standing;
    weir_span name = standing.organisation;
    if (standing.state == WEIR_STANDING_APPROVED ||
        standing.state == WEIR_STANDING_HELD)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "'%.*s' is %s: decide anew with --purposes to change "
                         "what it may",
                         WEIR_SPAN_ARG(name),
                         weir_standing_name(standing.state));
    standing.state = WEIR_STANDING_STARTED;
    standing.since = look->now;
    standing.purposes = purposes;
    struct weir__standing_event event = {.organisation = name,
                                         .when = look->now,
                                         .action = WEIR__STANDING_START,
                                         .purposes = purposes,
                                         .reason = note};
    status = weir__standing_set(look->control->store, &standing, err);
    return status == WEIR_OK ? note_look(look, actor, &event, NULL, err)
                             : status;
}

weir_status
weir_onboarding_start(struct weir_control *control,
                      const struct weir_actor *actor, weir_span organisation,
                      weir_span purposes, weir_span note,
                      struct weir_error *err)
{
    char tidy[PURPOSES_MAX + 1];
    struct weir_arena arena;
    struct weir__look look;
    uint32_t row;
    weir_span wanted;
    weir_status status = tidy_purposes(purposes, tidy, &wanted, err);
    if (status == WEIR_OK)
        status = check_text(note, "the note", false, err);
    if (status != WEIR_OK)
        return status;
    weir_control_lock(control);
    begin_look(control, &arena, &look);
    look.raises = true;
    look.decides = true;
    status = find_row(control, organisation, &row, err);
    if (status == WEIR_OK)
        status = weir_store_begin(control->store, err);
    if (status == WEIR_OK)
        status = weir__control_finish(
            control, start_inside(&look, row, actor, wanted, note, err), err);
    weir_arena_fini(&arena);
    pthread_mutex_unlock(&control->lock);
    return status;
}

/* ------------------------------------------------------------------- decide */

static void
add_faults(const struct weir__look *look, struct weir_faults *faults)
{
    static const struct weir_place nowhere = {0};
    for (uint32_t i = 0; faults != NULL && i < look->count; i++) {
        const struct weir_shortfall *one = &look->shortfalls[i];
        weir_faults_add(faults, nowhere, one->next.ptr, "%.*s",
                        WEIR_SPAN_ARG(one->text));
    }
}

/* "no key for 'x': what is missing (and 2 more); next: command" */
static weir_status
refuse(const struct weir__look *look, const char *what,
       struct weir_faults *faults, struct weir_error *err)
{
    const struct weir_shortfall *first = &look->shortfalls[0];
    char more[32] = "";
    add_faults(look, faults);
    if (look->count > 1)
        snprintf(more, sizeof more, " (and %u more)", look->count - 1);
    if (first->text.len + first->next.len > 130)
        return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE, "%s: %.*s%s",
                         what, WEIR_SPAN_ARG(first->text), more);
    return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                     "%s: %.*s%s; next: %.*s", what, WEIR_SPAN_ARG(first->text),
                     more, WEIR_SPAN_ARG(first->next));
}

static weir_status
decide_inside(struct weir__look *look, uint32_t row,
              const struct weir_actor *actor,
              const struct weir_onboarding_decision *decision,
              weir_span purposes, int64_t *number_out,
              struct weir_faults *faults, struct weir_error *err)
{
    const struct weir_world *world = look->control->world;
    weir_status status = weir__look(look, row, err);
    if (status != WEIR_OK)
        return status;
    struct weir__standing_row standing = look->standing;
    if (standing.state == WEIR_STANDING_NONE)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "nobody asked for '%.*s': weir onboarding start %.*s "
                         "--purpose PURPOSE",
                         WEIR_SPAN_ARG(standing.organisation),
                         WEIR_SPAN_ARG(standing.organisation));
    if (decision->is_approved && look->count > 0)
        return refuse(look, "it cannot be approved", faults, err);
    standing.state =
        decision->is_approved ? WEIR_STANDING_APPROVED : WEIR_STANDING_REFUSED;
    standing.since = look->now;
    if (purposes.len > 0)
        standing.purposes = purposes;
    standing.until = !decision->is_approved ? 0
                     : decision->until != 0
                         ? decision->until
                         : look->now + world->onboarding.valid_us;
    weir__facts_digest(world, row, standing.facts);
    struct weir__standing_event event = {
        .organisation = standing.organisation,
        .when = look->now,
        .action = decision->is_approved ? WEIR__STANDING_APPROVE
                                        : WEIR__STANDING_REFUSE,
        .purposes = standing.purposes,
        .until = standing.until,
        .reason = decision->reason,
    };
    status = note_look(look, actor, &event, &standing.decision, err);
    if (status == WEIR_OK)
        status = weir__standing_set(look->control->store, &standing, err);
    if (status == WEIR_OK)
        *number_out = standing.decision;
    return status;
}

/* What a look raised is kept although the deed it was for is refused. */
static weir_status
raise_alone(struct weir_control *control, uint32_t row, struct weir_error *err)
{
    struct weir_arena arena;
    struct weir__look look;
    begin_look(control, &arena, &look);
    look.raises = true;
    look.decides = true;
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK)
        status =
            weir__control_finish(control, weir__look(&look, row, err), err);
    weir_arena_fini(&arena);
    return status;
}

weir_status
weir_onboarding_decide(struct weir_control *control,
                       const struct weir_actor *actor,
                       const struct weir_onboarding_decision *decision,
                       char id_out[WEIR_DECISION_ID_MAX],
                       struct weir_faults *faults, struct weir_error *err)
{
    char tidy[PURPOSES_MAX + 1];
    struct weir_arena arena;
    struct weir__look look;
    uint32_t row;
    int64_t number = 0;
    weir_span purposes = WEIR_SPAN("");
    weir_status status = check_text(decision->reason, "a reason", true, err);
    if (status == WEIR_OK && decision->purposes.len > 0)
        status = tidy_purposes(decision->purposes, tidy, &purposes, err);
    if (status == WEIR_OK && decision->until != 0 &&
        decision->until <= weir_control_now())
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "the end of the approval is in the past");
    if (status != WEIR_OK)
        return status;
    weir_control_lock(control);
    status = find_row(control, decision->organisation, &row, err);
    if (status == WEIR_OK)
        status = raise_alone(control, row, err);
    begin_look(control, &arena, &look);
    look.decides = true;
    if (status == WEIR_OK)
        status = weir_store_begin(control->store, err);
    if (status == WEIR_OK)
        status =
            weir__control_finish(control,
                                 decide_inside(&look, row, actor, decision,
                                               purposes, &number, faults, err),
                                 err);
    if (status == WEIR_OK)
        status = weir__apply_alone(control, decision->organisation, err);
    weir_arena_fini(&arena);
    pthread_mutex_unlock(&control->lock);
    if (status == WEIR_OK)
        snprintf(id_out, WEIR_DECISION_ID_MAX, "dec_%lld", (long long)number);
    return status;
}

/* --------------------------------------------------------------------- show */

weir_status
weir_onboarding_show(struct weir_control *control, weir_span organisation,
                     struct weir_arena *arena,
                     struct weir_standing *standing_out, struct weir_error *err)
{
    uint32_t row;
    weir_control_lock(control);
    struct weir__look look = {.control = control,
                              .arena = arena,
                              .now = weir_control_now(),
                              .screen = weir__onboarding_screen(control),
                              .due = WEIR_TIME_MAX};
    weir_status status = find_row(control, organisation, &row, err);
    if (status == WEIR_OK)
        status = weir__look(&look, row, err);
    pthread_mutex_unlock(&control->lock);
    if (status != WEIR_OK)
        return status;
    *standing_out = (struct weir_standing){
        .organisation = weir_arena_copy(arena, organisation),
        .state = look.standing.state,
        .since = look.standing.since,
        .purposes = look.standing.purposes,
        .until = look.standing.until,
        .decision = look.standing.decision,
        .shortfalls = look.shortfalls,
        .shortfall_count = look.count,
    };
    return WEIR_OK;
}

/* -------------------------------------------------------------------- terms */

static const struct weir_world_terms *
find_terms(const struct weir_world *world, weir_span name)
{
    for (uint32_t i = 0; i < world->terms_count; i++) {
        if (weir_span_equal(world->terms_rows[i].name, name))
            return &world->terms_rows[i];
    }
    return NULL;
}

static weir_status
accept_inside(struct weir_control *control, const struct weir_actor *actor,
              const struct weir__acceptance_row *row, struct weir_error *err)
{
    json_t *object = json_pack(
        "{s:s%,s:s%,s:s%,s:s%}", "terms", row->terms.ptr, row->terms.len,
        "version", row->version.ptr, row->version.len, "by", row->by.ptr,
        row->by.len, "document",
        row->document.ptr == NULL ? "" : row->document.ptr, row->document.len);
    char *detail = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (detail == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    weir_status status = weir__acceptance_add(control->store, row, err);
    if (status == WEIR_OK)
        status = weir__control_note(control, actor, "terms.accept",
                                    row->organisation, detail, err);
    free(detail);
    return status;
}

static weir_status
accept_locked(struct weir_control *control, const struct weir_actor *actor,
              const struct weir_terms_acceptance *acceptance,
              struct weir_error *err)
{
    uint32_t row;
    const struct weir_world_terms *terms =
        find_terms(control->world, acceptance->terms);
    weir_status status = find_row(control, acceptance->organisation, &row, err);
    if (status != WEIR_OK)
        return status;
    if (terms == NULL)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no terms '%.*s' in the sources",
                         WEIR_SPAN_ARG(acceptance->terms));
    if (acceptance->version.len > 0 &&
        !weir_span_equal(acceptance->version, terms->version))
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "the version of '%.*s' in force is %.*s",
                         WEIR_SPAN_ARG(terms->name),
                         WEIR_SPAN_ARG(terms->version));
    weir_time now = weir_control_now();
    const struct weir__acceptance_row accepted = {
        .organisation = acceptance->organisation,
        .terms = terms->name,
        .version = terms->version,
        .by = acceptance->by,
        .document = acceptance->document,
        .accepted = acceptance->accepted == 0 ? now : acceptance->accepted,
        .entered = now,
        .actor = weir_span_of(actor->id),
    };
    status = weir_store_begin(control->store, err);
    if (status == WEIR_OK)
        status = weir__control_finish(
            control, accept_inside(control, actor, &accepted, err), err);
    if (status == WEIR_OK)
        status = weir__apply_alone(control, acceptance->organisation, err);
    return status;
}

weir_status
weir_terms_accept(struct weir_control *control, const struct weir_actor *actor,
                  const struct weir_terms_acceptance *acceptance,
                  struct weir_error *err)
{
    weir_status status =
        check_text(acceptance->by, "who accepted, at the customer,", true, err);
    if (status == WEIR_OK)
        status = check_text(acceptance->document, "the document", false, err);
    if (status != WEIR_OK)
        return status;
    weir_control_lock(control);
    status = accept_locked(control, actor, acceptance, err);
    pthread_mutex_unlock(&control->lock);
    return status;
}

/* --------------------------------------------------------------------- door */

weir_status
weir__onboarding_door(struct weir_control *control, weir_span organisation,
                      weir_span purpose, int64_t *decision_out,
                      struct weir_faults *faults, struct weir_error *err)
{
    const struct weir_onboarding_rules *rules = &control->world->onboarding;
    struct weir_arena arena;
    struct weir__look look;
    uint32_t row;
    *decision_out = 0;
    if (!rules->needs_decision)
        return WEIR_OK;
    begin_look(control, &arena, &look);
    weir_status status = find_row(control, organisation, &row, err);
    if (status == WEIR_OK)
        status = weir__look(&look, row, err);
    if (status == WEIR_OK && (rules->requires & WEIR_REQUIRE_PURPOSE) != 0 &&
        look.standing.decision != 0 &&
        !weir__has_word(look.standing.purposes, purpose)) {
        char next[256];
        snprintf(next, sizeof next,
                 "weir onboarding decide %.*s --approve --purposes %.*s,%.*s "
                 "--reason TEXT",
                 WEIR_SPAN_ARG(organisation),
                 WEIR_SPAN_ARG(look.standing.purposes), WEIR_SPAN_ARG(purpose));
        status = weir__look_add(
            &look, WEIR_SHORT_PURPOSE, "purpose", next, err,
            "the purpose '%.*s' is not approved; it may: %.*s",
            WEIR_SPAN_ARG(purpose), WEIR_SPAN_ARG(look.standing.purposes));
    }
    if (status == WEIR_OK && look.count > 0)
        status = refuse(&look, "no key", faults, err);
    if (status == WEIR_OK)
        *decision_out = look.standing.decision;
    weir_arena_fini(&arena);
    return status;
}
