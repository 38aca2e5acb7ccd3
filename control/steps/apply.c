/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a change of a stand brings with it, in one transaction: the row, the
 * deed beside it, the episode's case, the customer's notice, and an act of
 * the tamper-evident log. Either all of it is true or none.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/cases/cases.h"
#include "control/notices/notices.h"
#include "control/parts.h"
#include "control/steps/parts.h"

#define NOTICE_TYPE "watch.step"

struct weir_watch_rule
weir__step_rule_of(const struct weir_step_row *row)
{
    struct weir_watch_rule rule;
    if (row->rule.len == 0 ||
        weir_watch_rule_parse(row->rule, &rule, NULL) != WEIR_OK)
        return weir_watch_rule_default();
    return rule;
}

void
weir__step_keep_rule(struct weir_step_row *row,
                     const struct weir_watch_rule *rule,
                     struct weir_arena *arena)
{
    char bytes[256];
    struct weir_buf text;
    weir_buf_init_fixed(&text, bytes, sizeof bytes);
    weir_watch_rule_write(rule, &text);
    WEIR_ASSERT(!text.overflow);
    row->rule = weir_arena_copy(arena, weir_buf_span(&text));
}

static bool
is_standing(const struct weir_watch_stand *stand)
{
    return stand->step != WEIR_WATCH_NOTHING ||
           stand->coming != WEIR_WATCH_NOTHING;
}

/* --------------------------------------------------------------- the case */

static json_t *
text_json(weir_span text)
{
    json_t *value = json_stringn(text.ptr == NULL ? "" : text.ptr, text.len);
    return value == NULL ? json_string("?") : value;
}

static weir_span
organisation_of(const struct weir_control *control, weir_span tenant)
{
    const struct weir_image *image = &control->image;
    for (uint32_t i = 0; control->has_image && i < image->tenant_count; i++) {
        const struct weir_image_tenant *row = &image->tenants[i];
        if (weir_span_equal(weir_image_text(image, row->name), tenant))
            return weir_image_text(
                image, image->organisations[row->organisation].name);
    }
    return WEIR_SPAN("");
}

/* A new episode has a new case; later evidence stands beside the first. */
static weir_status
raise_case(struct weir_control *control, struct weir_step_row *row,
           const struct weir__step_act *act, weir_time now,
           struct weir_error *err)
{
    char subject[WEIR_WATCH_SUBJECT_BYTES + 32], title[160];
    char id[WEIR_CASE_ID_MAX] = "";
    bool is_new = false;
    uint8_t rung = row->stand.coming > 0 ? row->stand.coming : row->stand.step;
    snprintf(subject, sizeof subject, "%s:%.*s",
             weir_watch_kind_name(row->kind), WEIR_SPAN_ARG(row->name));
    snprintf(title, sizeof title, "the watch: %s, %s",
             weir_watch_action_name((enum weir_watch_action)rung),
             weir_watch_change_name(act->change));
    const struct weir_case_cause cause = {
        .kind = WEIR_CASE_WATCH,
        .subject = weir_span_of(subject),
        .cause = row->cause,
        .organisation = organisation_of(control, row->tenant),
        .title = weir_span_of(title),
        .evidence = row->figures.len <= WEIR_CASE_EVIDENCE_MAX
                        ? row->figures
                        : WEIR_SPAN("{}"),
    };
    weir_status status =
        weir_case_raise(control->store, &cause, now, id, &is_new, err);
    if (status == WEIR_OK)
        (void)weir_case_id_parse(weir_span_of(id), &row->case_number);
    return status;
}

/* What the customer says stands in the case, where reviewers read. */
static weir_status
keep_explanation(struct weir_control *control, struct weir_step_row *row,
                 const struct weir__step_act *act, weir_time now,
                 struct weir_error *err)
{
    json_t *object = json_pack("{s:o}", "explanation", text_json(act->text));
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    weir_span figures = row->figures;
    json_decref(object);
    if (text == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    row->figures = weir_span_of(text);
    weir_status status = raise_case(control, row, act, now, err);
    row->figures = figures;
    free(text);
    return status;
}

static weir_status
keep_case(struct weir_control *control, struct weir_step_row *row,
          const struct weir__step_act *act, weir_time now,
          struct weir_arena *arena, struct weir_error *err)
{
    char cause[WEIR_STORE_ID_MAX + 16];
    bool begins = !is_standing(&act->before) && is_standing(&row->stand);
    if (act->change == WEIR_WATCH_EXPLAINED)
        return keep_explanation(control, row, act, now, err);
    if (!begins && !(act->has_evidence && row->case_number != 0))
        return WEIR_OK;
    if (begins) {
        if (act->override.len > 0)
            snprintf(cause, sizeof cause, "override:%.*s",
                     WEIR_SPAN_ARG(act->override));
        else
            snprintf(cause, sizeof cause, "verdict:%lld",
                     (long long)row->verdict);
        row->cause = weir_arena_copy(arena, weir_span_of(cause));
    }
    return raise_case(control, row, act, now, err);
}

/* ----------------------------------------------------------------- telling */

struct telling {
    struct weir_control *control;
    const struct weir_step_row *row;
    const struct weir__step_act *act;
    weir_span text;
    weir_time now;
};

static weir_status
tell_one(void *context, weir_span tenant, struct weir_error *err)
{
    const struct telling *t = context;
    char reference[96] = "", id[WEIR_STORE_ID_MAX];
    const struct weir_watch_stand *stand = &t->row->stand;
    /* That it goes on is told once a day. */
    if (t->act->change == WEIR_WATCH_RENEWED)
        snprintf(reference, sizeof reference, "watch:%lld:renewed:%lld",
                 (long long)t->row->case_number,
                 (long long)(t->now / WEIR_US_PER_DAY));
    const struct weir_notice notice = {
        .type = WEIR_SPAN(NOTICE_TYPE),
        .tenant = tenant,
        .key = t->row->kind == WEIR_WATCH_OF_KEY ? t->row->name : WEIR_SPAN(""),
        .subject = t->row->name,
        .text = t->text,
        .reason = weir_span_of(
            weir_watch_action_name((enum weir_watch_action)stand->step)),
        .deadline =
            stand->coming > 0 && !stand->is_asked ? stand->from : stand->until,
        .reference = weir_span_of(reference),
    };
    return weir_notice_post(t->control->store, &notice,
                            weir_span_of(t->act->actor->id), t->now, id, err);
}

static weir_status
tell(struct weir_control *control, const struct weir_step_row *row,
     const struct weir__step_act *act, weir_time now, struct weir_error *err)
{
    char bytes[WEIR_NOTICE_TEXT_MAX];
    struct weir_buf text;
    if (!weir__step_is_told(row, act))
        return WEIR_OK;
    weir_buf_init_fixed(&text, bytes, sizeof bytes);
    weir__step_say(control, row, act, &text);
    WEIR_ASSERT(!text.overflow);
    struct telling telling = {control, row, act, weir_buf_span(&text), now};
    return weir__step_tenants(control, row, tell_one, &telling, err);
}

/* --------------------------------------------------------------------- act */

static weir_status
note(struct weir_control *control, const struct weir_step_row *row,
     const struct weir__step_act *act, struct weir_error *err)
{
    const struct weir_watch_stand *stand = &row->stand;
    json_t *object = json_pack(
        "{s:s,s:o,s:o,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:o,s:o,s:o}", "kind",
        weir_watch_kind_name(row->kind), "subject", text_json(row->name),
        "tenant", text_json(row->tenant), "change",
        weir_watch_change_name(act->change), "before",
        weir_watch_action_name((enum weir_watch_action)act->before.step),
        "step", weir_watch_action_name((enum weir_watch_action)stand->step),
        "coming", weir_watch_action_name((enum weir_watch_action)stand->coming),
        "until_us", (json_int_t)stand->until, "from_us",
        (json_int_t)stand->from, "verdict", (json_int_t)row->verdict, "person",
        text_json(act->person), "text", text_json(act->text), "override",
        text_json(act->override));
    char *detail = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    char id[WEIR_CASE_ID_MAX];
    json_decref(object);
    if (detail == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    weir_case_id_format(row->case_number, id);
    weir_status status = weir__control_note(control, act->actor, "watch.step",
                                            weir_span_of(id), detail, err);
    free(detail);
    return status;
}

weir_status
weir__step_apply(struct weir_control *control, struct weir_step_row *row,
                 const struct weir__step_act *act, weir_time now,
                 struct weir_error *err)
{
    char room[512];
    struct weir_arena arena;
    weir_arena_init(&arena, room, sizeof room);
    weir_status status = keep_case(control, row, act, now, &arena, err);
    if (status != WEIR_OK)
        return status;
    row->changed = now;
    const struct weir_step_deed deed = {
        .when = now,
        .kind = row->kind,
        .name = row->name,
        .tenant = row->tenant,
        .change = act->change,
        .step = (enum weir_watch_action)row->stand.step,
        .coming = (enum weir_watch_action)row->stand.coming,
        .until = row->stand.until,
        .from = row->stand.from,
        .actor = weir_span_of(act->actor->id),
        .person = act->person,
        .text = act->text,
        .override = act->override,
        .verdict = act->has_evidence ? row->verdict : 0,
        .case_number = row->case_number,
        .figures = act->has_evidence ? row->figures : WEIR_SPAN("{}"),
    };
    status = weir__step_put(control->store, row, err);
    if (status == WEIR_OK)
        status = weir__step_deed_add(control->store, &deed, err);
    if (status == WEIR_OK)
        status = tell(control, row, act, now, err);
    if (status == WEIR_OK)
        status = note(control, row, act, err);
    return status;
}
