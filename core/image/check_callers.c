/* SPDX-License-Identifier: Apache-2.0 */
/* Tenants, projects, keys and their budgets. */
#include "check.h"

#include <stdio.h>
#include <string.h>

/* As weir/quota.h: what a window's counter holds (weir_quota_amount_max); a
 * test holds them together. */
static const uint8_t amount_bits[] = {40, 44, 48, 48, 52, 52};
static const char *const windows[] = {"minute", "hour",  "day",
                                      "week",   "month", "year"};
static const char *const metrics[] = {"requests", "tokens", "money"};

void
weir__check_limits(struct weir__check *check, struct weir_world_range range,
                   const char *owner)
{
    const struct weir_world_limit *rows =
        range.count == 0 ? NULL : check->world->limit_rows + range.first;
    for (uint32_t i = 0; i < range.count; i++) {
        const struct weir_world_limit *l = &rows[i];
        WEIR_ASSERT(l->window < WEIR_COUNTOF(windows));
        WEIR_ASSERT((unsigned)l->metric < WEIR_COUNTOF(metrics));
        int64_t most = (int64_t)((UINT64_C(1) << amount_bits[l->window]) - 1);
        if (l->amount == 0)
            weir_faults_add(check->faults, l->place,
                            "To refuse everything revoke the keys; to limit "
                            "nothing remove the line.",
                            "%s has a budget of 0 %s per %s", owner,
                            metrics[l->metric], windows[l->window]);
        if (l->amount < 0 || l->amount > most)
            weir_faults_add(check->faults, l->place,
                            "Use a smaller number or a shorter window.",
                            "%s has a budget of %s per %s above what can be "
                            "counted",
                            owner, metrics[l->metric], windows[l->window]);
        for (uint32_t j = 0; j < i; j++) {
            if (rows[j].metric == l->metric && rows[j].window == l->window)
                weir_faults_add(check->faults, l->place, "Keep one of them.",
                                "%s has two budgets of %s per %s", owner,
                                metrics[l->metric], windows[l->window]);
        }
    }
}

static void
check_tenants(struct weir__check *check)
{
    struct weir_world *world = check->world;
    for (uint32_t i = 0; i < world->tenant_count; i++) {
        struct weir_world_tenant *t = &world->tenant_rows[i];
        char owner[WEIR__OWNER_TEXT];
        weir__check_owner(owner, "tenant", t->name);
        if (t->name.len > 0 && memchr(t->name.ptr, '/', t->name.len) != NULL)
            weir_faults_add(check->faults, t->place,
                            "Use another mark: projects are tenant/project.",
                            "%s has a slash in its name", owner);
        weir__check_name(check, &check->tenants, t->place, "tenant", t->name,
                         i);
        weir__check_ref(check, &check->organisations, "organisation", owner,
                        &t->organisation);
        weir__check_limits(check, t->limits, owner);
    }
}

/* "tenant/project" in the scratch arena. */
static weir_span
join(struct weir__check *check, weir_span tenant, weir_span project)
{
    size_t len = tenant.len + 1 + project.len;
    char *text = weir_arena_alloc(&check->scratch, len);
    if (text == NULL)
        return WEIR_SPAN_NONE;
    if (tenant.len > 0)
        memcpy(text, tenant.ptr, tenant.len);
    text[tenant.len] = '/';
    if (project.len > 0)
        memcpy(text + tenant.len + 1, project.ptr, project.len);
    return (weir_span){text, len};
}

static void
check_projects(struct weir__check *check)
{
    struct weir_world *world = check->world;
    for (uint32_t i = 0; i < world->project_count; i++) {
        struct weir_world_project *p = &world->project_rows[i];
        weir_span whole = join(check, p->tenant.text, p->name);
        char owner[WEIR__OWNER_TEXT];
        weir__check_owner(owner, "project", whole);
        weir__check_ref(check, &check->tenants, "tenant", owner, &p->tenant);
        if (p->name.len == 0 || memchr(p->name.ptr, '/', p->name.len) != NULL)
            weir_faults_add(check->faults, p->place,
                            "Give it a `name:` without a slash.",
                            "%s has no usable name", owner);
        else
            weir__check_name(check, &check->projects, p->place, "project",
                             whole, i);
        weir__check_limits(check, p->limits, owner);
    }
}

static void
check_key(struct weir__check *check, struct weir_world_key *k,
          const char *owner)
{
    struct weir_world *world = check->world;
    weir_span whole = join(check, k->tenant, k->project);
    k->project_row = weir__names_find(&check->projects, whole);
    if (k->project_row == WEIR_INDEX_NONE)
        weir_faults_add(check->faults, k->place,
                        "Declare the project again, or revoke the key.",
                        "%s belongs to project \"%.*s\", which nobody "
                        "declares",
                        owner, WEIR_SPAN_ARG(whole));
    weir__check_jurisdiction(check, "staff", owner, &k->staff);
    weir__check_scope(check, owner, k->place, k->scope);
    for (uint32_t j = 0; j < k->end_users.count; j++)
        weir__check_jurisdiction(check, "end user", owner,
                                 &world->name_rows[k->end_users.first + j]);
    weir__check_limits(check, k->limits, owner);
}

static void
check_keys(struct weir__check *check)
{
    struct weir_world *world = check->world;
    struct weir__names ids;
    struct weir__names digests;
    if (!weir__names_init(&ids, &check->scratch, world->key_count) ||
        !weir__names_init(&digests, &check->scratch, world->key_count))
        return;
    for (uint32_t i = 0; i < world->key_count; i++) {
        struct weir_world_key *k = &world->key_rows[i];
        weir_span digest = {(const char *)k->digest, sizeof(k->digest)};
        char owner[WEIR__OWNER_TEXT];
        weir__check_owner(owner, "key", k->id);
        weir__check_name(check, &ids, k->place, "key", k->id, i);
        if (weir__names_put(&digests, digest, i) != WEIR_INDEX_NONE)
            weir_faults_add(check->faults, k->place, "Revoke one of the two.",
                            "%s has the digest of another key", owner);
        check_key(check, k, owner);
    }
}

void
weir__check_callers(struct weir__check *check)
{
    check_tenants(check);
    check_projects(check);
    check_keys(check);
}
