/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and closing. The order of the deeds is the order of harm: first no
 * new call, then nothing of what tells of it is erased, then the row, the
 * notice and the act, together. A deed that fails is in the row as missed,
 * with why, and the next is tried: half an incident is better than none.
 */
#include "control/reports/incident/incident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/content/content.h"
#include "control/notices/notices.h"
#include "control/parts.h"
#include "control/reports/parts.h"

#define NOTICE_INCIDENT "incident.opened"

struct opening {
    struct weir_control *control;
    const struct weir_actor *actor;
    const struct weir_incident_wish *wish;
    char tenant[WEIR_CONTENT_TENANT_MAX];
    char organisation[256];
    json_t *deeds;
    bool is_found;
};

static void
note_deed(struct opening *opening, const char *deed, weir_span subject,
          weir_status status, const struct weir_error *err)
{
    json_t *row = json_pack("{s:s,s:o,s:o,s:s}", "deed", deed, "subject",
                            weir__report_text(subject), "when",
                            weir__report_time(weir_control_now()), "state",
                            status == WEIR_OK          ? "done"
                            : status == WEIR_ECONFLICT ? "was so already"
                                                       : "missed");
    if (status != WEIR_OK && status != WEIR_ECONFLICT)
        json_object_set_new(row, "why", json_string(err->text));
    json_array_append_new(opening->deeds, row);
}

/* ----------------------------------------------------------------- subject */

static bool
on_key(void *context, const struct weir_store_key *key)
{
    struct opening *opening = context;
    if (!weir_span_equal(key->id, opening->wish->subject))
        return true;
    snprintf(opening->tenant, sizeof opening->tenant, "%.*s",
             WEIR_SPAN_ARG(key->tenant));
    opening->is_found = true;
    return false;
}

static void
find_tenant(struct opening *opening)
{
    struct weir_control *control = opening->control;
    weir_control_lock(control);
    const struct weir_world *world = control->world;
    for (uint32_t i = 0; i < world->tenant_count; i++) {
        const struct weir_world_tenant *row = &world->tenant_rows[i];
        if (!weir_span_equal(row->name, opening->wish->subject))
            continue;
        opening->is_found = true;
        snprintf(opening->tenant, sizeof opening->tenant, "%.*s",
                 WEIR_SPAN_ARG(row->name));
        snprintf(opening->organisation, sizeof opening->organisation, "%.*s",
                 WEIR_SPAN_ARG(row->organisation.text));
    }
    pthread_mutex_unlock(&control->lock);
}

static weir_status
find_subject(struct opening *opening, struct weir_error *err)
{
    weir_span kind = opening->wish->kind;
    enum weir_kind withdrawn;
    weir_status status = WEIR_OK;
    if (weir_span_equal(kind, WEIR_SPAN("key"))) {
        weir_control_lock(opening->control);
        status = weir_store_keys(opening->control->store, on_key, opening, err);
        pthread_mutex_unlock(&opening->control->lock);
    } else if (weir_span_equal(kind, WEIR_SPAN("tenant"))) {
        find_tenant(opening);
    } else if (weir_kind_parse(kind, &withdrawn) &&
               withdrawn >= WEIR_KIND_MODEL &&
               withdrawn <= WEIR_KIND_JURISDICTION) {
        opening->is_found = true; /* the withdrawal says when it is not */
    } else {
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "an incident is about a key, tenant, model, "
                         "deployment, provider, organisation or jurisdiction");
    }
    if (status == WEIR_OK && !opening->is_found)
        status = weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                           "there is no %.20s of that name", kind.ptr);
    return status;
}

static bool
on_open(void *context, const struct weir_incident *row)
{
    struct opening *opening = context;
    opening->is_found |= row->closed == 0 &&
                         weir_span_equal(row->kind, opening->wish->kind) &&
                         weir_span_equal(row->subject, opening->wish->subject);
    return true;
}

static weir_status
check_open(struct opening *opening, struct weir_error *err)
{
    opening->is_found = false;
    weir_control_lock(opening->control);
    weir_status status = weir_store_incidents(
        opening->control->store, WEIR_SPAN(""), on_open, opening, err);
    pthread_mutex_unlock(&opening->control->lock);
    if (status == WEIR_OK && opening->is_found)
        status = weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                           "an incident about it is open already");
    return status;
}

/* ------------------------------------------------------------------- deeds */

/* EPARSE and ENOTFOUND of the first deed end it all: nothing was done. */
static weir_status
freeze(struct opening *opening, struct weir_error *err)
{
    const struct weir_incident_wish *wish = opening->wish;
    struct weir_error own = {0};
    struct weir_told told;
    weir_status status;
    if (weir_span_equal(wish->kind, WEIR_SPAN("key"))) {
        status = weir_control_key_revoke(opening->control, opening->actor,
                                         wish->subject, &own);
        note_deed(opening, "key.revoke", wish->subject, status, &own);
    } else {
        struct weir_withdrawal_wish deed = {.kind = WEIR_KIND_ORGANISATION,
                                            .name = wish->subject,
                                            .reason = wish->reason};
        if (weir_span_equal(wish->kind, WEIR_SPAN("tenant")))
            deed.name = weir_span_of(opening->organisation);
        else
            (void)weir_kind_parse(wish->kind, &deed.kind);
        status = weir_control_withdraw(opening->control, opening->actor, &deed,
                                       &told, &own);
        note_deed(opening, "withdraw", deed.name, status, &own);
    }
    if (status == WEIR_ENOTFOUND && err != NULL)
        *err = own;
    return status == WEIR_ENOTFOUND ? status : WEIR_OK;
}

static void
preserve(struct opening *opening)
{
    struct weir_error own = {0};
    if (opening->tenant[0] == '\0')
        return;
    char reason[256];
    snprintf(reason, sizeof reason, "incident: %.*s",
             (int)(opening->wish->reason.len > 200 ? 200
                                                   : opening->wish->reason.len),
             opening->wish->reason.ptr);
    weir_status status =
        weir_content_hold_set(opening->control, opening->actor, "tenant",
                              opening->tenant, reason, false, &own);
    note_deed(opening, "content.hold", weir_span_of(opening->tenant), status,
              &own);
}

static weir_status
tell(struct opening *opening, const char *id, weir_time now,
     struct weir_error *err)
{
    char text[WEIR_NOTICE_TEXT_MAX], notice[WEIR_STORE_ID_MAX];
    if (!opening->wish->is_told || opening->tenant[0] == '\0')
        return WEIR_OK;
    weir_span subject = opening->wish->subject;
    snprintf(text, sizeof text,
             "%.*s was stopped at once, because of an incident: %.*s. Records "
             "of it are preserved. Whoever answers for this account should "
             "get in touch, naming %s.",
             (int)(subject.len > 100 ? 100 : subject.len), subject.ptr,
             (int)(opening->wish->reason.len > 500 ? 500
                                                   : opening->wish->reason.len),
             opening->wish->reason.ptr, id);
    const struct weir_notice row = {.type = WEIR_SPAN(NOTICE_INCIDENT),
                                    .tenant = weir_span_of(opening->tenant),
                                    .subject = subject,
                                    .text = weir_span_of(text),
                                    .reason = weir_span_of(id),
                                    .reference = weir_span_of(id)};
    weir_status status =
        weir_notice_post(opening->control->store, &row,
                         weir_span_of(opening->actor->id), now, notice, err);
    note_deed(opening, "notice", weir_span_of(opening->tenant), status, err);
    return status;
}

static weir_status
write_down(struct opening *opening, const char *id, weir_time now,
           struct weir_error *err)
{
    const struct weir_incident_wish *wish = opening->wish;
    struct weir_control *control = opening->control;
    weir_control_lock(control);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        status = tell(opening, id, now, err);
        char *deeds = json_dumps(opening->deeds, JSON_COMPACT);
        const struct weir_incident row = {
            .id = weir_span_of(id),
            .kind = wish->kind,
            .subject = wish->subject,
            .tenant = weir_span_of(opening->tenant),
            .reason = wish->reason,
            .since = wish->since == 0 ? now - WEIR_US_PER_DAY : wish->since,
            .opened = now,
            .opened_by = weir_span_of(opening->actor->id),
            .deeds = weir_span_of(deeds == NULL ? "[]" : deeds)};
        if (status == WEIR_OK)
            status = weir_store_incident_add(control->store, &row, err);
        if (status == WEIR_OK)
            status = weir__control_note(control, opening->actor,
                                        "incident.open", weir_span_of(id),
                                        deeds == NULL ? "[]" : deeds, err);
        status = weir__control_finish(control, status, err);
        free(deeds);
    }
    pthread_mutex_unlock(&control->lock);
    return status;
}

weir_status
weir_incident_open(struct weir_control *control, const struct weir_actor *actor,
                   const struct weir_incident_wish *wish, json_t **reply_out,
                   struct weir_error *err)
{
    struct opening opening = {.control = control,
                              .actor = actor,
                              .wish = wish,
                              .deeds = json_array()};
    char id[WEIR_STORE_ID_MAX];
    weir_time now = weir_control_now();
    weir_status status = wish->reason.len == 0
                             ? weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                                         "'reason' says what happened")
                             : find_subject(&opening, err);
    if (status == WEIR_OK)
        status = check_open(&opening, err);
    if (status == WEIR_OK)
        status = weir_control_id("inc_", id, err);
    if (status == WEIR_OK)
        status = freeze(&opening, err);
    if (status == WEIR_OK) {
        preserve(&opening);
        status = write_down(&opening, id, now, err);
    }
    if (status == WEIR_OK)
        *reply_out = json_pack("{s:s,s:s,s:I,s:O}", "incident", id, "tenant",
                               opening.tenant, "opened_us", (json_int_t)now,
                               "deeds", opening.deeds);
    json_decref(opening.deeds);
    return status;
}

/* ----------------------------------------------------------------- closing */

struct closing {
    char tenant[WEIR_CONTENT_TENANT_MAX];
    char own[WEIR_STORE_ID_MAX];
    bool is_found;
    bool is_held; /* by another incident that is open */
};

static bool
on_row(void *context, const struct weir_incident *row)
{
    struct closing *closing = context;
    if (weir_span_equal(row->id, weir_span_of(closing->own))) {
        closing->is_found = true;
        snprintf(closing->tenant, sizeof closing->tenant, "%.*s",
                 WEIR_SPAN_ARG(row->tenant));
    }
    return true;
}

static bool
on_other(void *context, const struct weir_incident *row)
{
    struct closing *closing = context;
    closing->is_held |=
        row->closed == 0 &&
        weir_span_equal(row->tenant, weir_span_of(closing->tenant)) &&
        !weir_span_equal(row->id, weir_span_of(closing->own));
    return true;
}

weir_status
weir_incident_close(struct weir_control *control,
                    const struct weir_actor *actor, weir_span id,
                    weir_span outcome, json_t **reply_out,
                    struct weir_error *err)
{
    struct closing closing = {.tenant = ""};
    weir_time now = weir_control_now();
    if (outcome.len == 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'outcome' says how it ended");
    snprintf(closing.own, sizeof closing.own, "%.*s",
             (int)(id.len < sizeof closing.own ? id.len : 0), id.ptr);
    weir_control_lock(control);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        status = weir_store_incidents(control->store, WEIR_SPAN(""), on_row,
                                      &closing, err);
        if (status == WEIR_OK)
            status = weir_store_incidents(control->store, WEIR_SPAN(""),
                                          on_other, &closing, err);
        if (status == WEIR_OK && !closing.is_found)
            status = weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                               "no such incident");
        if (status == WEIR_OK)
            status = weir_store_incident_close(
                control->store, id, now, weir_span_of(actor->id), outcome, err);
        if (status == WEIR_OK)
            status = weir__control_note(control, actor, "incident.close", id,
                                        "{}", err);
        status = weir__control_finish(control, status, err);
    }
    pthread_mutex_unlock(&control->lock);
    if (status != WEIR_OK)
        return status;
    /* What other incidents hold stays held. */
    bool releases = closing.tenant[0] != '\0' && !closing.is_held;
    struct weir_error own = {0};
    weir_status released =
        releases
            ? weir_content_hold_set(control, actor, "tenant", closing.tenant,
                                    "incident closed", true, &own)
            : WEIR_OK;
    *reply_out =
        json_pack("{s:s,s:I,s:b}", "incident", closing.own, "closed_us",
                  (json_int_t)now, "released", releases && released == WEIR_OK);
    return WEIR_OK;
}

/* ----------------------------------------------------------------- listing */

static bool
add_row(void *context, const struct weir_incident *row)
{
    json_t *one = json_pack(
        "{s:o,s:s,s:o,s:o,s:o,s:o,s:I,s:I,s:o,s:o,s:I,s:o,s:I,s:o,s:o}",
        "incident", weir__report_text(row->id), "state",
        row->closed != 0 ? "closed" : "open", "kind",
        weir__report_text(row->kind), "subject",
        weir__report_text(row->subject), "tenant",
        weir__report_text(row->tenant), "reason",
        weir__report_text(row->reason), "since_us", (json_int_t)row->since,
        "opened_us", (json_int_t)row->opened, "opened_by",
        weir__report_text(row->opened_by), "deeds",
        json_loadb(row->deeds.ptr, row->deeds.len, 0, NULL), "packed_us",
        (json_int_t)row->packed, "pack", weir__report_text(row->pack),
        "closed_us", (json_int_t)row->closed, "closed_by",
        weir__report_text(row->closed_by), "outcome",
        weir__report_text(row->outcome));
    json_array_append_new(context, one);
    return true;
}

weir_status
weir_incident_list(struct weir_store *store, weir_span id, json_t **list_out,
                   struct weir_error *err)
{
    json_t *list = json_array();
    weir_status status = weir_store_incidents(store, id, add_row, list, err);
    if (status == WEIR_OK && id.len > 0 && json_array_size(list) == 0)
        status = weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                           "no such incident");
    if (status == WEIR_OK)
        *list_out = list;
    else
        json_decref(list);
    return status;
}
