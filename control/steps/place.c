/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who belongs to whom, and what policy says about them.
 *
 * The rule of a subject is asked from the gate: every key of the subject
 * puts the question of a plain call for every name of a model, and each
 * permit that decides it brings its @monitor. Thus a permit that does not
 * let these calls through has no say, as with every obligation. Of a subject
 * with very many keys the first ASKS_MAX questions are put: keys of one
 * project differ by who they are and rarely by what policy says.
 */
#include <string.h>

#include <weir/gate.h>

#include "control/steps/parts.h"
#include "control/watch/rows.h"

#define ASKS_MAX 4096

/* ------------------------------------------------------------ belonging */

static uint32_t
find_tenant(const struct weir_image *image, weir_span name)
{
    for (uint32_t i = 0; i < image->tenant_count; i++) {
        if (weir_span_equal(weir_image_text(image, image->tenants[i].name),
                            name))
            return i;
    }
    return WEIR_INDEX_NONE;
}

static uint64_t
key_digest(const struct weir_image *image, uint32_t key)
{
    return weir_watch_subject(WEIR_WATCH_OF_KEY,
                              weir_image_text(image, image->keys[key].id));
}

static uint32_t
organisation_of(const struct weir_image *image, uint32_t tenant)
{
    return image->tenants[tenant].organisation;
}

static uint32_t
group_of(const struct weir_image *image, uint32_t tenant)
{
    uint32_t organisation = organisation_of(image, tenant);
    uint32_t group = image->organisations[organisation].group;
    return group == 0 ? organisation : group - 1;
}

static bool
is_organisation(const struct weir_image *image, uint32_t row, uint64_t digest)
{
    return weir_watch_subject(
               WEIR_WATCH_OF_ORGANISATION,
               weir_image_text(image, image->organisations[row].name)) ==
           digest;
}

/* "tenant/project". */
static weir_span
project_text(const struct weir_image *image, uint32_t project,
             struct weir_arena *arena)
{
    const struct weir_image_project *row = &image->projects[project];
    weir_span name = weir_image_text(image, row->name);
    weir_span tenant = weir_image_text(image, image->tenants[row->tenant].name);
    if (memchr(name.ptr, '/', name.len) != NULL)
        return weir_arena_copy(arena, name);
    char *text = weir_arena_alloc(arena, tenant.len + 1 + name.len);
    if (text == NULL)
        return WEIR_SPAN("");
    memcpy(text, tenant.ptr, tenant.len);
    text[tenant.len] = '/';
    memcpy(text + tenant.len + 1, name.ptr, name.len);
    return (weir_span){text, tenant.len + 1 + name.len};
}

static void
put_tenant(const struct weir_image *image, uint32_t tenant,
           struct weir_arena *arena, struct weir_step_row *row)
{
    row->tenant = weir_arena_copy(
        arena, weir_image_text(image, image->tenants[tenant].name));
    row->organisation = weir_arena_copy(
        arena,
        weir_image_text(
            image, image->organisations[organisation_of(image, tenant)].name));
    row->owner = weir_arena_copy(
        arena, weir_image_text(
                   image, image->organisations[group_of(image, tenant)].name));
}

/* The tenant of a subject that has one; WEIR_INDEX_NONE. */
static uint32_t
tenant_of(const struct weir_image *image, struct weir_step_row *row,
          struct weir_arena *arena)
{
    uint32_t project = WEIR_INDEX_NONE;
    for (uint32_t i = 0; row->kind == WEIR_WATCH_OF_KEY && i < image->key_count;
         i++)
        if (key_digest(image, i) == row->digest)
            project = image->keys[i].project;
    for (uint32_t i = 0;
         row->kind == WEIR_WATCH_OF_PROJECT && i < image->project_count; i++)
        if (image->projects[i].hash == row->digest)
            project = i;
    if (project != WEIR_INDEX_NONE) {
        row->project = project_text(image, project, arena);
        return image->projects[project].tenant;
    }
    if (row->kind == WEIR_WATCH_OF_TENANT ||
        row->kind == WEIR_WATCH_OF_END_CUSTOMER)
        return find_tenant(image, row->tenant);
    return WEIR_INDEX_NONE;
}

bool
weir__step_place(const struct weir_control *control, uint32_t kind,
                 uint64_t digest, weir_span name, weir_span tenant,
                 struct weir_arena *arena, struct weir_step_row *row_out)
{
    const struct weir_image *image = &control->image;
    struct weir_step_row row = {.kind = kind,
                                .digest = digest,
                                .name = weir_arena_copy(arena, name),
                                .tenant = weir_arena_copy(arena, tenant),
                                .figures = WEIR_SPAN("{}")};
    bool is_there = kind == WEIR_WATCH_OF_CLUSTER;
    if (!control->has_image)
        return false;
    if (kind == WEIR_WATCH_OF_TENANT && tenant.len == 0)
        row.tenant = row.name;
    if (kind == WEIR_WATCH_OF_END_CUSTOMER && tenant.len == 0) {
        const char *slash = memchr(name.ptr, '/', name.len);
        if (slash != NULL)
            row.tenant = weir_arena_copy(
                arena, (weir_span){name.ptr, (size_t)(slash - name.ptr)});
    }
    uint32_t found = tenant_of(image, &row, arena);
    if (found != WEIR_INDEX_NONE) {
        put_tenant(image, found, arena, &row);
        is_there = true;
    }
    for (uint32_t i = 0;
         i < image->organisation_count &&
         (kind == WEIR_WATCH_OF_ORGANISATION || kind == WEIR_WATCH_OF_GROUP);
         i++) {
        if (!is_organisation(image, i, digest))
            continue;
        is_there = true;
        row.organisation =
            kind == WEIR_WATCH_OF_ORGANISATION ? row.name : WEIR_SPAN("");
        row.owner = kind == WEIR_WATCH_OF_GROUP ? row.name : WEIR_SPAN("");
    }
    *row_out = row;
    return is_there && !arena->overflow;
}

bool
weir__step_has_key(const struct weir_control *control,
                   const struct weir_step_row *row, uint32_t key)
{
    const struct weir_image *image = &control->image;
    const struct weir_image_project *project =
        &image->projects[image->keys[key].project];
    uint32_t tenant = project->tenant;
    switch (row->kind) {
    case WEIR_WATCH_OF_KEY:
        return key_digest(image, key) == row->digest;
    case WEIR_WATCH_OF_PROJECT:
        return project->hash == row->digest;
    case WEIR_WATCH_OF_TENANT:
    case WEIR_WATCH_OF_END_CUSTOMER:
        return weir_span_equal(
            weir_image_text(image, image->tenants[tenant].name), row->tenant);
    case WEIR_WATCH_OF_ORGANISATION:
        return is_organisation(image, organisation_of(image, tenant),
                               row->digest);
    case WEIR_WATCH_OF_GROUP:
        return is_organisation(image, group_of(image, tenant), row->digest);
    default:
        return false;
    }
}

struct members {
    const struct weir_control *control;
    weir__step_on_tenant *on_tenant;
    void *context;
    weir_status status;
    struct weir_error *err;
};

/* A member of a cluster is a tenant or an end customer of one. */
static bool
tell_member(void *context, const struct weir_watch_party *party)
{
    struct members *members = context;
    weir_span tenant = party->name;
    const char *slash = memchr(tenant.ptr, '/', tenant.len);
    if (party->kind == WEIR_WATCH_OF_END_CUSTOMER && slash != NULL)
        tenant.len = (size_t)(slash - tenant.ptr);
    if (find_tenant(&members->control->image, tenant) != WEIR_INDEX_NONE)
        members->status =
            members->on_tenant(members->context, tenant, members->err);
    return members->status == WEIR_OK;
}

weir_status
weir__step_tenants(const struct weir_control *control,
                   const struct weir_step_row *row,
                   weir__step_on_tenant *on_tenant, void *context,
                   struct weir_error *err)
{
    const struct weir_image *image = &control->image;
    weir_status status = WEIR_OK;
    if (row->tenant.len > 0)
        return on_tenant(context, row->tenant, err);
    if (!control->has_image)
        return WEIR_OK;
    if (row->kind == WEIR_WATCH_OF_CLUSTER) {
        struct members members = {control, on_tenant, context, WEIR_OK, err};
        status = weir_watch_members(control->store, row->name, tell_member,
                                    &members, err);
        return status == WEIR_OK ? members.status : status;
    }
    for (uint32_t i = 0; i < image->tenant_count && status == WEIR_OK; i++) {
        uint32_t organisation = row->kind == WEIR_WATCH_OF_GROUP
                                    ? group_of(image, i)
                                    : organisation_of(image, i);
        if (is_organisation(image, organisation, row->digest))
            status = on_tenant(
                context, weir_image_text(image, image->tenants[i].name), err);
    }
    return status;
}

/* --------------------------------------------------------------- policy */

struct asking {
    struct weir_view view;
    weir_time now;
    uint32_t asks;
    bool has_rule;
    struct weir_watch_rule rule;
    struct weir_answer answer;
};

static void
add_permit(struct asking *asking, const struct weir_image_policy *policy)
{
    struct weir_watch_rule rule;
    weir_span text = weir_image_text(&asking->view.image, policy->monitor);
    if (!weir_watch_rule_is(text) ||
        weir_watch_rule_parse(text, &rule, NULL) != WEIR_OK)
        return;
    if (asking->has_rule)
        weir_watch_rule_join(&asking->rule, &rule);
    else
        asking->rule = rule;
    asking->has_rule = true;
}

static void
ask_route(struct asking *asking, uint32_t key, uint32_t route)
{
    const struct weir_image *image = &asking->view.image;
    const struct weir_image_route *r = &image->routes[route];
    const struct weir_image_deployment *first =
        &image->deployments[image->candidates[r->first].deployment];
    const struct weir_question question = {
        .key = key,
        .operation = (enum weir_operation)__builtin_ctz(
            image->models[first->model].operations),
        .model = weir_image_text(image, r->name),
        .country = weir_image_text(
            image, image->jurisdictions[image->keys[key].staff].code),
        .first_grant = WEIR_INDEX_NONE,
        .now = asking->now};
    struct weir_answer *answer = &asking->answer;
    weir_gate_decide(&asking->view, &question, answer);
    for (uint32_t i = 0; i < answer->candidate_count; i++) {
        const struct weir_candidate *one = &answer->candidates[i];
        uint32_t count = one->policy_count < WEIR_DECIDING_MAX
                             ? one->policy_count
                             : WEIR_DECIDING_MAX;
        if (one->verdict != WEIR_ALLOW)
            continue;
        for (uint32_t k = 0; k < count; k++)
            add_permit(asking, &image->policies[one->policies[k]]);
    }
}

struct weir_watch_rule
weir__step_rule(const struct weir_control *control,
                const struct weir_step_row *row, weir_time now)
{
    struct asking asking = {.now = now, .rule = weir_watch_rule_default()};
    if (!control->has_image)
        return asking.rule;
    asking.view.image = control->image;
    for (uint32_t key = 0;
         key < control->image.key_count && asking.asks < ASKS_MAX; key++) {
        if (!weir__step_has_key(control, row, key))
            continue;
        for (uint32_t route = 0;
             route < control->image.route_count && asking.asks++ < ASKS_MAX;
             route++)
            ask_route(&asking, key, route);
    }
    return asking.rule;
}
