/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One organisation, held against everything that the configuration requires.
 *
 * A look changes nothing; what it finds is a list of shortfalls, each with a
 * code that names its cause for ever, a sentence, and the next step. The
 * same look serves the person who decides, the door for new keys and the
 * review of all keys, so that they cannot disagree.
 *
 * What a person has to look at becomes a case when the look raises; a hit or
 * a rule that two people cleared is no shortfall any more.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/evidence/evidence.h"
#include "control/onboarding/parts.h"

weir_status
weir__look_add(struct weir__look *look, enum weir_shortfall_kind kind,
               const char *code, const char *next, struct weir_error *err,
               const char *format, ...)
{
    char text[512];
    va_list values;
    if (look->count == look->capacity) {
        uint32_t capacity = look->capacity == 0 ? 16 : look->capacity * 2;
        struct weir_shortfall *rows =
            weir_arena_array(look->arena, struct weir_shortfall, capacity);
        if (rows == NULL)
            return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                             "out of memory");
        if (look->count > 0)
            memcpy(rows, look->shortfalls, look->count * sizeof *rows);
        look->shortfalls = rows;
        look->capacity = capacity;
    }
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    look->shortfalls[look->count++] = (struct weir_shortfall){
        .kind = kind,
        .code = weir_arena_copy(look->arena, weir_span_of(code)),
        .text = weir_arena_copy(look->arena, weir_span_of(text)),
        .next = weir_arena_copy(look->arena, weir_span_of(next)),
    };
    return look->arena->overflow
               ? weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory")
               : WEIR_OK;
}

bool
weir__has_word(weir_span words, weir_span word)
{
    for (size_t at = 0; at < words.len;) {
        size_t end = at;
        while (end < words.len && words.ptr[end] != ',')
            end++;
        if (weir_span_equal((weir_span){words.ptr + at, end - at}, word))
            return true;
        at = end + 1;
    }
    return false;
}

static const struct weir_world_organisation *
organisation_of(const struct weir__look *look)
{
    return &look->control->world->organisation_rows[look->row];
}

/* A date that will matter: the next look is due then. */
static void
wait_for(struct weir__look *look, weir_time when)
{
    if (when > look->now && when < look->due)
        look->due = when;
}

/* ----------------------------------------------------------------- decision */

static weir_status
look_at_decision(struct weir__look *look, struct weir_error *err)
{
    weir_span name = organisation_of(look)->name;
    char next[256], until[WEIR_TIME_TEXT];
    switch (look->standing.state) {
    case WEIR_STANDING_NONE:
        snprintf(next, sizeof next,
                 "weir onboarding start %.*s --purpose PURPOSE",
                 WEIR_SPAN_ARG(name));
        return weir__look_add(look, WEIR_SHORT_DECISION, "decision:none", next,
                              err, "nobody has decided on '%.*s'",
                              WEIR_SPAN_ARG(name));
    case WEIR_STANDING_STARTED:
        snprintf(next, sizeof next,
                 "weir onboarding decide %.*s --approve --reason TEXT",
                 WEIR_SPAN_ARG(name));
        return weir__look_add(look, WEIR_SHORT_DECISION, "decision:started",
                              next, err, "'%.*s' is not decided yet",
                              WEIR_SPAN_ARG(name));
    case WEIR_STANDING_REFUSED:
        snprintf(next, sizeof next, "weir onboarding show %.*s",
                 WEIR_SPAN_ARG(name));
        return weir__look_add(look, WEIR_SHORT_DECISION, "decision:refused",
                              next, err, "'%.*s' was refused",
                              WEIR_SPAN_ARG(name));
    case WEIR_STANDING_APPROVED:
    case WEIR_STANDING_HELD:
        break;
    }
    wait_for(look, look->standing.until);
    if (look->standing.until > look->now)
        return WEIR_OK;
    weir_time_format(look->standing.until, until);
    snprintf(next, sizeof next,
             "weir onboarding decide %.*s --approve --reason TEXT",
             WEIR_SPAN_ARG(name));
    return weir__look_add(look, WEIR_SHORT_DECISION, "decision:over", next, err,
                          "the approval of '%.*s' ended %.10s",
                          WEIR_SPAN_ARG(name), until);
}

/* The facts are not those that somebody approved. */
static weir_status
look_at_change(struct weir__look *look, struct weir_error *err)
{
    weir_span name = organisation_of(look)->name;
    uint8_t digest[32];
    char next[256];
    if (look->standing.state != WEIR_STANDING_APPROVED &&
        look->standing.state != WEIR_STANDING_HELD)
        return WEIR_OK;
    weir__facts_digest(look->control->world, look->row, digest);
    if (memcmp(digest, look->standing.facts, sizeof digest) == 0)
        return WEIR_OK;
    snprintf(next, sizeof next,
             "weir onboarding decide %.*s --approve --reason TEXT",
             WEIR_SPAN_ARG(name));
    return weir__look_add(look, WEIR_SHORT_CHANGED, "changed:facts", next, err,
                          "names, places, category or owners of '%.*s' are "
                          "not those that were decided on",
                          WEIR_SPAN_ARG(name));
}

/* ----------------------------------------------------------------- evidence */

static weir_status
look_at_evidence(struct weir__look *look, struct weir_error *err)
{
    const struct weir_world *world = look->control->world;
    const struct weir_world_organisation *o = organisation_of(look);
    uint32_t missing = weir__facts_missing(world, look->row, look->now);
    weir_status status = WEIR_OK;
    wait_for(look, o->verified_until);
    for (int i = 0; status == WEIR_OK && i < WEIR_NEED_FACTS; i++) {
        const char *fact = weir_need_fact_name((enum weir_need_fact)i);
        char code[64], next[256];
        if ((missing & 1u << i) == 0)
            continue;
        bool is_over = i == WEIR_NEED_VERIFIED_UNTIL && o->verified_until != 0;
        snprintf(code, sizeof code, "evidence:%s", fact);
        snprintf(next, sizeof next,
                 "state `%s` of organisation %.*s with a source, then weir "
                 "reload",
                 fact, WEIR_SPAN_ARG(o->name));
        status = weir__look_add(
            look, WEIR_SHORT_EVIDENCE, code, next, err,
            is_over ? "the evidence of '%.*s' is over: `%s` has passed"
            : i == WEIR_NEED_ESTABLISHED
                ? "'%.*s' is not an established organisation (`%s`)"
                : "'%.*s' has no `%s` on file",
            WEIR_SPAN_ARG(o->name), fact);
    }
    return status;
}

/* Sources that contradict each other: the rule of control/evidence chooses,
 * so nothing is held, but a person looks. */
static weir_status
raise_conflicts(struct weir__look *look, struct weir_error *err)
{
    const struct weir_world_organisation *o = organisation_of(look);
    weir_status status = WEIR_OK;
    for (int i = 1; status == WEIR_OK && i < WEIR_FACT_KINDS; i++) {
        char code[64], title[256];
        if ((o->conflicting & 1u << i) == 0)
            continue;
        const char *fact = weir_fact_kind_name((enum weir_fact_kind)i);
        snprintf(code, sizeof code, "conflict:%s", fact);
        snprintf(title, sizeof title,
                 "sources contradict each other about `%s`: weir organisation "
                 "show %.*s",
                 fact, WEIR_SPAN_ARG(o->name));
        const struct weir_case_cause cause = {
            .kind = WEIR_CASE_CONFLICT,
            .subject = o->name,
            .cause = weir_span_of(code),
            .organisation = o->name,
            .title = weir_span_of(title),
        };
        status = weir_case_raise(look->control->store, &cause, look->now, NULL,
                                 NULL, err);
    }
    return status;
}

/* -------------------------------------------------------------------- terms */

static weir_status
look_at_terms(struct weir__look *look, struct weir_error *err)
{
    const struct weir_world *world = look->control->world;
    weir_span name = organisation_of(look)->name;
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; status == WEIR_OK && i < world->terms_count; i++) {
        const struct weir_world_terms *t = &world->terms_rows[i];
        char code[160], next[256];
        weir_time when = 0;
        status = weir__acceptance_find(look->control->store, name, t->name,
                                       t->version, &when, err);
        if (status != WEIR_OK || when != 0)
            continue;
        snprintf(code, sizeof code, "terms:%.*s", WEIR_SPAN_ARG(t->name));
        snprintf(next, sizeof next, "weir terms accept %.*s %.*s --by PERSON",
                 WEIR_SPAN_ARG(name), WEIR_SPAN_ARG(t->name));
        status = weir__look_add(look, WEIR_SHORT_TERMS, code, next, err,
                                "'%.*s' has not accepted %.*s in version %.*s",
                                WEIR_SPAN_ARG(name), WEIR_SPAN_ARG(t->name),
                                WEIR_SPAN_ARG(t->version));
    }
    return status;
}

/* ---------------------------------------------------------------- ownership */

enum weir_ownership_answer
weir__look_owned(const struct weir_control *control, weir_span organisation,
                 weir_span rule)
{
    const struct weir_cedar_program *program = &control->image.program;
    const struct weir_cedar_uid who = {WEIR_SPAN("Organization"), organisation};
    char doubt[WEIR_END_CUSTOMER_MAX + 2];
    if (!control->has_image || rule.len >= sizeof doubt - 1)
        return WEIR_ANSWER_UNKNOWN;
    memcpy(doubt, rule.ptr, rule.len);
    doubt[rule.len] = '?';
    const struct weir_cedar_uid yes = {WEIR_SPAN("OwnershipRule"), rule};
    const struct weir_cedar_uid unknown = {WEIR_SPAN("OwnershipRule"),
                                           {doubt, rule.len + 1}};
    uint32_t entity = weir_cedar_program_entity(program, &who);
    uint32_t in = weir_cedar_program_entity(program, &yes);
    uint32_t perhaps = weir_cedar_program_entity(program, &unknown);
    if (entity == WEIR_CEDAR_NONE || in == WEIR_CEDAR_NONE)
        return WEIR_ANSWER_UNKNOWN;
    if (weir_cedar_program_in(program, entity, in))
        return WEIR_ANSWER_YES;
    return perhaps != WEIR_CEDAR_NONE &&
                   weir_cedar_program_in(program, entity, perhaps)
               ? WEIR_ANSWER_UNKNOWN
               : WEIR_ANSWER_NO;
}

enum weir_ownership_answer
weir__owned_by(uint8_t *const *owned, const struct weir_world_name *rule,
               uint32_t row)
{
    const uint8_t *answers = owned[rule->row];
    return answers == NULL ? WEIR_ANSWER_NO
                           : (enum weir_ownership_answer)answers[row];
}

/* Raises the case of a shortfall and says in `next` what to do with it. */
static weir_status
find_case(struct weir__look *look, const struct weir_case_cause *cause,
          bool *is_cleared_out, char next[256], struct weir_error *err)
{
    char id[WEIR_CASE_ID_MAX] = "";
    struct weir_store *store = look->control->store;
    weir_status status =
        weir_case_is_cleared(store, cause->kind, cause->subject, cause->cause,
                             look->now, is_cleared_out, err);
    if (status != WEIR_OK || *is_cleared_out)
        return status;
    if (look->raises && !look->is_early)
        status = weir_case_raise(store, cause, look->now, id, NULL, err);
    if (id[0] != '\0')
        snprintf(next, 256, "weir cases show %s", id);
    else
        snprintf(next, 256, "weir cases list --organisation %.*s",
                 WEIR_SPAN_ARG(cause->organisation));
    return status;
}

static weir_status
look_at_ownership(struct weir__look *look, struct weir_error *err)
{
    const struct weir_world *world = look->control->world;
    struct weir_world_range rules = world->onboarding.ownership;
    weir_span name = organisation_of(look)->name;
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; status == WEIR_OK && i < rules.count; i++) {
        weir_span rule = world->name_rows[rules.first + i].text;
        enum weir_ownership_answer answer =
            look->owned == NULL
                ? weir__look_owned(look->control, name, rule)
                : weir__owned_by(look->owned,
                                 &world->name_rows[rules.first + i], look->row);
        char code[192], next[256], evidence[256];
        bool is_cleared = false;
        if (answer == WEIR_ANSWER_NO)
            continue;
        const char *said = answer == WEIR_ANSWER_YES ? "yes" : "unknown";
        snprintf(code, sizeof code, "ownership:%.*s:%s", WEIR_SPAN_ARG(rule),
                 said);
        snprintf(evidence, sizeof evidence,
                 "{\"rule\":\"%.*s\",\"answer\":\"%s\"}", WEIR_SPAN_ARG(rule),
                 said);
        const struct weir_case_cause cause = {
            .kind = WEIR_CASE_HOLD,
            .subject = name,
            .cause = weir_span_of(code),
            .organisation = name,
            .title = WEIR_SPAN("an ownership rule stands in the way"),
            .evidence = weir_span_of(evidence),
        };
        status = find_case(look, &cause, &is_cleared, next, err);
        if (status == WEIR_OK && !is_cleared)
            status = weir__look_add(
                look, WEIR_SHORT_OWNERSHIP, code, next, err,
                answer == WEIR_ANSWER_YES
                    ? "ownership rule %.*s counts '%.*s' in"
                    : "by ownership rule %.*s it is not known of '%.*s'",
                WEIR_SPAN_ARG(rule), WEIR_SPAN_ARG(name));
    }
    return status;
}

/* ---------------------------------------------------------------- screening */

void
weir__hit_cause(const struct weir__screen *screen, const struct weir__hit *hit,
                char cause_out[256])
{
    const struct weir_screening_entry *entry =
        &screen->rows.entry_rows[hit->entry];
    const struct weir_screening_list *list =
        &screen->rows.list_rows[entry->list];
    snprintf(cause_out, 256, "%.*s:%.*s",
             (int)(list->name.len < 120 ? list->name.len : 120), list->name.ptr,
             (int)(entry->id.len < 120 ? entry->id.len : 120), entry->id.ptr);
}

static weir_status
look_at_hit(struct weir__look *look, const struct weir__hit *hit,
            struct weir_error *err)
{
    const struct weir_screening_rows *rows = &look->screen->rows;
    const struct weir_screening_list *list =
        &rows->list_rows[rows->entry_rows[hit->entry].list];
    weir_span name = organisation_of(look)->name;
    char code[256], next[256];
    bool is_cleared = false;
    if (list->effect == WEIR_SCREENING_FLAG)
        return WEIR_OK; /* on record, not in the way */
    weir__hit_cause(look->screen, hit, code);
    json_t *object =
        look->raises && !look->is_early ? weir__hit_json(look, hit) : NULL;
    char *evidence = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    const struct weir_case_cause cause = {
        .kind = WEIR_CASE_SCREENING,
        .subject = name,
        .cause = weir_span_of(code),
        .organisation = name,
        .title = WEIR_SPAN("the organisation or an owner of it may be listed"),
        .evidence = evidence == NULL ? WEIR_SPAN("") : weir_span_of(evidence),
    };
    weir_status status = find_case(look, &cause, &is_cleared, next, err);
    free(evidence);
    if (status != WEIR_OK || is_cleared)
        return status;
    return weir__look_add(look, WEIR_SHORT_SCREENING, code, next, err,
                          "'%.*s' scores %u against entry %.*s of list %.*s",
                          (int)(hit->query.len < 100 ? hit->query.len : 100),
                          hit->query.ptr, hit->score,
                          WEIR_SPAN_ARG(rows->entry_rows[hit->entry].id),
                          WEIR_SPAN_ARG(list->name));
}

static weir_status
ask_now(struct weir__look *look, struct weir_error *err)
{
    struct weir_arena arena;
    weir_span *names;
    uint32_t count;
    weir_status status = weir__facts_names(look->control->world, look->row,
                                           look->arena, &names, &count, err);
    if (status != WEIR_OK)
        return status;
    weir_arena_init_heap(&arena, WEIR_SCREENING_BYTES_MAX);
    struct weir_screening_scratch *scratch =
        weir_screening_scratch_new(look->screen->index, &arena);
    status =
        scratch == NULL
            ? weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory")
            : weir__screen_ask(look->screen, scratch, names, count,
                               look->control->world->onboarding.threshold,
                               look->arena, &look->found, err);
    weir_arena_fini(&arena);
    return status;
}

static weir_status
look_at_lists(struct weir__look *look, struct weir_error *err)
{
    const struct weir_control *control = look->control;
    weir_span name = organisation_of(look)->name;
    weir_status status = WEIR_OK;
    if (look->screen == NULL && control->world->watchlist_count == 0)
        return weir__look_add(
            look, WEIR_SHORT_SCREENING, "screening:no-list",
            "name files under onboarding.lists, or leave screening out of "
            "onboarding.require",
            err, "there is no list to hold '%.*s' against",
            WEIR_SPAN_ARG(name));
    /* A file that is broken at a restart gives nobody a key and takes nobody's
     * away; who is on hold stays so. */
    if (look->screen == NULL && look->raises && !look->decides &&
        look->standing.state == WEIR_STANDING_APPROVED)
        return WEIR_OK;
    if (look->screen == NULL)
        return weir__look_add(
            look, WEIR_SHORT_SCREENING, "screening:unreadable",
            "put the file right; it is read again when it changes", err,
            "the lists cannot be read: %s",
            control->onboarding == NULL ? ""
                                        : control->onboarding->screen_error);
    if (look->hits != NULL)
        look->found = *look->hits;
    else
        status = ask_now(look, err);
    for (uint32_t i = 0; status == WEIR_OK && i < look->found.count; i++)
        status = look_at_hit(look, &look->found.rows[i], err);
    return status;
}

/* -------------------------------------------------------------------- whole */

weir_status
weir__look(struct weir__look *look, uint32_t row, struct weir_error *err)
{
    const struct weir_onboarding_rules *rules =
        &look->control->world->onboarding;
    look->row = row;
    look->count = 0;
    look->found = (struct weir__hits){NULL, 0};
    weir_status status =
        weir__standing_get(look->control->store, organisation_of(look)->name,
                           look->arena, &look->standing, err);
    if (status != WEIR_OK || !rules->needs_decision)
        return status;
    if (!look->decides)
        status = look_at_decision(look, err);
    if (status == WEIR_OK && !look->decides)
        status = look_at_change(look, err);
    if (status == WEIR_OK && (rules->requires & WEIR_REQUIRE_EVIDENCE) != 0)
        status = look_at_evidence(look, err);
    if (status == WEIR_OK && look->raises && !look->is_early)
        status = raise_conflicts(look, err);
    if (status == WEIR_OK && (rules->requires & WEIR_REQUIRE_TERMS) != 0)
        status = look_at_terms(look, err);
    if (status == WEIR_OK)
        status = look_at_ownership(look, err);
    if (status == WEIR_OK && (rules->requires & WEIR_REQUIRE_SCREENING) != 0)
        status = look_at_lists(look, err);
    return status;
}
