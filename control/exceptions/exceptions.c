/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people do with an exception.
 *
 *   requested --approve (another person)--> in force --> expired | spent
 *        \--revoke--------------------------/--revoke--> revoked
 *
 * Each deed is one transaction with its act; then the overlay is published,
 * so whoever reads "done" can rely on every worker. A person is the name of
 * a token, compared without case: two tokens of one name are one person, and
 * the local socket without a token is nobody in particular, who may ask and
 * revoke, but whose wish nobody can approve, for it could be his own.
 */
#include "control/exceptions/exceptions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/quota.h>

#include "control/cases/rows.h"
#include "control/parts.h"

#define ROOM_BYTES 32768

static const char *const parties[] = {
    [WEIR_GRANT_ORGANISATION] = "organisation",
    [WEIR_GRANT_TENANT] = "tenant",
    [WEIR_GRANT_PROJECT] = "project",
    [WEIR_GRANT_KEY] = "key",
};
static const char *const targets[] = {
    [WEIR_GRANT_ANY_MODEL] = "any",
    [WEIR_GRANT_MODEL] = "model",
    [WEIR_GRANT_FAMILY] = "family",
    [WEIR_GRANT_PROVIDER] = "provider",
};
static const char *const places[] = {
    [WEIR_GRANT_ANYWHERE] = "anywhere",
    [WEIR_GRANT_REGION] = "region",
    [WEIR_GRANT_JURISDICTION] = "jurisdiction",
};

const char *
weir_exception_party_name(enum weir_grant_party kind)
{
    return (size_t)kind < WEIR_COUNTOF(parties) && kind != 0 ? parties[kind]
                                                             : "";
}

const char *
weir_exception_target_name(enum weir_grant_target kind)
{
    return (size_t)kind < WEIR_COUNTOF(targets) ? targets[kind] : "";
}

const char *
weir_exception_place_name(enum weir_grant_place kind)
{
    return (size_t)kind < WEIR_COUNTOF(places) ? places[kind] : "";
}

const char *
weir_exception_state(const struct weir_exception *row, weir_time now)
{
    return row->revoked != 0    ? "revoked"
           : now >= row->until  ? "expired"
           : row->approved == 0 ? "requested"
           : now < row->from    ? "waiting"
                                : "in force";
}

/* -------------------------------------------------------------- grants */

struct granting {
    struct weir_grant *grants;
    size_t count;
    size_t capacity;
    bool is_full;
};

/* False: a text that was taken when requested fits no more: a bug. */
static bool
fill_grant(const struct weir_exception *row, struct weir_grant *grant)
{
    memset(grant, 0, sizeof(*grant));
    grant->party_kind = (uint8_t)row->party_kind;
    grant->target_kind = (uint8_t)row->target_kind;
    grant->place_kind = (uint8_t)row->place_kind;
    grant->use = (uint8_t)row->use;
    grant->purpose = weir_grant_purpose_hash(row->purpose);
    grant->party = weir_grant_party_hash(row->party_kind, row->party);
    grant->target = weir_grant_target_hash(row->target_kind, row->target);
    grant->place = weir_grant_place_hash(row->place_kind, row->place);
    grant->from = row->from;
    grant->until = row->until;
    memcpy(grant->amounts, row->amounts, sizeof(grant->amounts));
    return weir_grant_set_id(grant, row->id) &&
           weir_grant_set_name(grant, row->name);
}

static bool
add_grant(void *context, const struct weir_exception *row)
{
    struct granting *granting = context;
    if (granting->count == granting->capacity) {
        size_t capacity = granting->capacity == 0 ? 16 : granting->capacity * 2;
        struct weir_grant *grants =
            capacity > WEIR_GRANTS_MAX
                ? NULL
                : realloc(granting->grants, capacity * sizeof(*grants));
        granting->is_full = grants == NULL;
        if (granting->is_full)
            return false;
        granting->grants = grants;
        granting->capacity = capacity;
    }
    bool is_sound = fill_grant(row, &granting->grants[granting->count]);
    WEIR_ASSERT(is_sound);
    granting->count++;
    return true;
}

weir_status
weir__exception_grants(struct weir_store *store, weir_time now,
                       struct weir_grant **grants_out, size_t *count_out,
                       struct weir_error *err)
{
    struct granting granting = {0};
    weir_status status =
        weir_exceptions_in_force(store, now, add_grant, &granting, err);
    if (status == WEIR_OK && granting.is_full)
        status = weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                           "over %u exceptions are in force, or memory is "
                           "full",
                           WEIR_GRANTS_MAX);
    if (status != WEIR_OK) {
        free(granting.grants);
        return status;
    }
    *grants_out = granting.grants;
    *count_out = granting.count;
    return WEIR_OK;
}

/* --------------------------------------------------------------- request */

static bool
is_name(weir_span text, size_t max)
{
    if (text.len == 0 || text.len >= max)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || (c != '\0' && strchr("_-.:/", c))))
            return false;
    }
    return true;
}

static bool
is_text(weir_span text, bool is_needed)
{
    return text.len <= WEIR_EXCEPTION_TEXT_MAX && weir_utf8_valid(text) &&
           (text.len > 0 || !is_needed);
}

static weir_status
check_terms(const struct weir_exception *wish, struct weir_error *err)
{
    bool is_limited = false;
    if (!is_name(wish->name, WEIR_GRANT_NAME_BYTES))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a name is letters, digits and _-.:/, at most %u",
                         WEIR_GRANT_NAME_BYTES - 1);
    if (wish->use != WEIR_GRANT_FOR_WATCH && wish->purpose.len > 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "only grants of the watch are for a purpose");
    if (!is_text(wish->owner, true) || !is_text(wish->purpose, false) ||
        !is_text(wish->reason, true) || !is_text(wish->licence, false))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "an exception has an owner and a reason, of at most "
                         "%d bytes each",
                         WEIR_EXCEPTION_TEXT_MAX);
    if (wish->until <= wish->from || wish->until <= weir_control_now() ||
        wish->until == WEIR_TIME_MAX)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "an exception ends, after it begins and not in the "
                         "past");
    for (size_t i = 0; i < WEIR_COUNTOF(wish->amounts); i++) {
        if (wish->amounts[i] < WEIR_GRANT_UNLIMITED ||
            wish->amounts[i] > weir_quota_amount_max(WEIR_QUOTA_EVER))
            return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                             "a quantity is out of range");
        is_limited |= wish->amounts[i] != WEIR_GRANT_UNLIMITED;
    }
    if (!is_limited)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "an exception has a quantity: calls, tokens or "
                         "money");
    return WEIR_OK;
}

#define FIND(rows, count, field, wanted)                                       \
    for (uint32_t i = 0; i < image->count; i++)                                \
        if (weir_span_equal(weir_image_text(image, image->rows[i].field),      \
                            wanted))                                           \
            return true;                                                       \
    return false;

static bool
has_project(const struct weir_image *image, weir_span id)
{
    for (uint32_t i = 0; i < image->project_count; i++)
        if (image->projects[i].hash ==
            weir_grant_party_hash(WEIR_GRANT_PROJECT, id))
            return true;
    return false;
}

static bool
has_party(const struct weir_image *image, enum weir_grant_party kind,
          weir_span name)
{
    switch (kind) {
    case WEIR_GRANT_ORGANISATION:
        FIND(organisations, organisation_count, name, name)
    case WEIR_GRANT_TENANT:
        FIND(tenants, tenant_count, name, name)
    case WEIR_GRANT_PROJECT:
        return has_project(image, name);
    case WEIR_GRANT_KEY:
        FIND(keys, key_count, id, name)
    }
    return false;
}

static bool
has_target(const struct weir_image *image, enum weir_grant_target kind,
           weir_span name)
{
    switch (kind) {
    case WEIR_GRANT_ANY_MODEL:
        return name.len == 0;
    case WEIR_GRANT_MODEL:
        FIND(models, model_count, name, name)
    case WEIR_GRANT_FAMILY:
        FIND(models, model_count, family, name)
    case WEIR_GRANT_PROVIDER:
        FIND(providers, provider_count, name, name)
    }
    return false;
}

static bool
has_place(const struct weir_image *image, enum weir_grant_place kind,
          weir_span name)
{
    switch (kind) {
    case WEIR_GRANT_ANYWHERE:
        return name.len == 0;
    case WEIR_GRANT_REGION:
        FIND(deployments, deployment_count, region, name)
    case WEIR_GRANT_JURISDICTION:
        return weir_image_find_jurisdiction(image, name) != WEIR_INDEX_NONE;
    }
    return false;
}

static weir_status
check_scope(const struct weir_control *control,
            const struct weir_exception *wish, struct weir_error *err)
{
    const struct weir_image *image = &control->image;
    if (!control->has_image)
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "no image is in force yet");
    if (!has_party(image, wish->party_kind, wish->party))
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE, "no %s '%.*s'",
                         weir_exception_party_name(wish->party_kind),
                         (int)(wish->party.len < 80 ? wish->party.len : 80),
                         wish->party.ptr);
    if (!has_target(image, wish->target_kind, wish->target))
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE, "no %s '%.*s'",
                         weir_exception_target_name(wish->target_kind),
                         (int)(wish->target.len < 80 ? wish->target.len : 80),
                         wish->target.ptr);
    if (!has_place(image, wish->place_kind, wish->place))
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE, "no %s '%.*s'",
                         weir_exception_place_name(wish->place_kind),
                         (int)(wish->place.len < 80 ? wish->place.len : 80),
                         wish->place.ptr);
    return WEIR_OK;
}

/* ----------------------------------------------------------------- deeds */

static weir_status
person_of(struct weir_control *control, const struct weir_actor *actor,
          char person_out[WEIR_CASE_PERSON_MAX], struct weir_error *err)
{
    person_out[0] = '\0';
    return weir__token_person(control->store, weir_span_of(actor->id),
                              person_out, err);
}

static weir_status
request_inside(struct weir_control *control, const struct weir_actor *actor,
               struct weir_exception *row, struct weir_error *err)
{
    char person[WEIR_CASE_PERSON_MAX];
    char detail[160];
    weir_status status = person_of(control, actor, person, err);
    if (status != WEIR_OK)
        return status;
    row->requested = weir_control_now();
    row->requested_by = weir_span_of(person);
    snprintf(detail, sizeof detail,
             "{\"name\":\"%.*s\",\"calls\":%lld,\"tokens\":%lld,"
             "\"micros\":%lld,\"use\":%d}",
             WEIR_SPAN_ARG(row->name), (long long)row->amounts[0],
             (long long)row->amounts[1], (long long)row->amounts[2],
             (int)row->use);
    status = weir__exception_add(control->store, row, err);
    if (status == WEIR_OK)
        status = weir__control_note(control, actor, "exception.request",
                                    row->id, detail, err);
    return status;
}

weir_status
weir_exception_request(struct weir_control *control,
                       const struct weir_actor *actor,
                       const struct weir_exception *wish,
                       char id_out[WEIR_STORE_ID_MAX], struct weir_error *err)
{
    struct weir_exception row = *wish;
    char id[WEIR_STORE_ID_MAX];
    weir_status status = check_terms(wish, err);
    if (status == WEIR_OK)
        status = weir_control_id("ex_", id, err);
    if (status != WEIR_OK)
        return status;
    row.id = weir_span_of(id);
    weir_control_lock(control);
    status = check_scope(control, wish, err);
    if (status == WEIR_OK)
        status = weir_store_begin(control->store, err);
    if (status == WEIR_OK)
        status = weir__control_finish(
            control, request_inside(control, actor, &row, err), err);
    pthread_mutex_unlock(&control->lock);
    if (status == WEIR_OK)
        memcpy(id_out, id, sizeof id);
    return status;
}

static weir_status
check_approval(const struct weir_exception *row, weir_span person,
               struct weir_error *err)
{
    const char *state = weir_exception_state(row, weir_control_now());
    if (strcmp(state, "requested") != 0)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "the exception is %s: it cannot be approved", state);
    if (row->requested_by.len == 0)
        return weir_fail(err, WEIR_EROLE, WEIR_OFFSET_NONE,
                         "nobody in particular asked for it: it has to be "
                         "asked for with a token of one's own");
    if (person.len == 0)
        return weir_fail(err, WEIR_EROLE, WEIR_OFFSET_NONE,
                         "a token of your own is needed to approve: it says "
                         "who you are");
    if (weir_span_equal_nocase(row->requested_by, person))
        return weir_fail(err, WEIR_EROLE, WEIR_OFFSET_NONE,
                         "'%.60s' asked for it: a second person approves",
                         row->requested_by.ptr);
    return WEIR_OK;
}

static bool
count_row(void *context, const struct weir_exception *row)
{
    (void)row;
    ++*(uint32_t *)context;
    return true;
}

/* Reads the row and changes it; `reason` NULL: approves. */
static weir_status
change_inside(struct weir_control *control, const struct weir_actor *actor,
              weir_span id, const weir_span *reason, struct weir_error *err)
{
    struct weir_store *store = control->store;
    struct weir_exception row;
    struct weir_arena arena;
    char person[WEIR_CASE_PERSON_MAX];
    char room[ROOM_BYTES];
    weir_time now = weir_control_now();
    uint32_t count = 0;
    weir_arena_init(&arena, room, sizeof room);
    weir_status status = weir_exception_get(store, id, &arena, &row, err);
    if (status == WEIR_OK)
        status = person_of(control, actor, person, err);
    if (status != WEIR_OK)
        return status;
    if (reason != NULL && row.revoked != 0)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "the exception is revoked already");
    if (reason != NULL)
        status = weir__exception_revoked(store, id, now, weir_span_of(person),
                                         *reason, err);
    else if ((status = check_approval(&row, weir_span_of(person), err)) ==
             WEIR_OK)
        status = weir_exceptions_in_force(store, now, count_row, &count, err);
    if (status == WEIR_OK && reason == NULL && count >= WEIR_GRANTS_MAX)
        status =
            weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                      "%u exceptions are in force, which is the most", count);
    if (status == WEIR_OK && reason == NULL)
        status =
            weir__exception_approved(store, id, now, weir_span_of(person), err);
    if (status == WEIR_OK)
        status = weir__control_note(control, actor,
                                    reason != NULL ? "exception.revoke"
                                                   : "exception.approve",
                                    id, "{}", err);
    return status;
}

static weir_status
change(struct weir_control *control, const struct weir_actor *actor,
       weir_span id, const weir_span *reason, struct weir_error *err)
{
    weir_control_lock(control);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK)
        status = weir__control_finish(
            control, change_inside(control, actor, id, reason, err), err);
    if (status == WEIR_OK)
        status = weir__control_publish_overlay(control, err);
    pthread_mutex_unlock(&control->lock);
    return status;
}

weir_status
weir_exception_approve(struct weir_control *control,
                       const struct weir_actor *actor, weir_span id,
                       struct weir_error *err)
{
    return change(control, actor, id, NULL, err);
}

weir_status
weir_exception_revoke(struct weir_control *control,
                      const struct weir_actor *actor, weir_span id,
                      weir_span reason, struct weir_error *err)
{
    if (!is_text(reason, true))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a reason is needed, of at most %d bytes",
                         WEIR_EXCEPTION_TEXT_MAX);
    return change(control, actor, id, &reason, err);
}
