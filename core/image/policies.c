/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers by folder. Only the seller permits; law, providers and tenants
 * forbid. What a provider writes concerns its models and what a tenant
 * writes concerns its own calls: their policies are bound to that by the
 * words added in policy_text.c, whatever they say. So nobody can forbid
 * what is not theirs, and everybody can write `principal` for "us".
 */
#include "policies.h"
#include "policy_text.h"

#include <weir/cedar_validate.h>
#include <weir/watch_ladder.h>

#include <stdio.h>
#include <string.h>

#define BOUND_BYTES_MAX ((size_t)1 << 30)

struct reading {
    struct weir__policies *policies;
    const struct weir_world *world;
    struct weir_arena *arena;
    struct weir_faults *faults;
    struct weir__names ids;
    uint32_t capacity;
};

struct weir_place
weir__policy_file(const struct weir_world_policy *source)
{
    return (struct weir_place){.file = source->shown.len > 0 ? source->shown
                                                             : source->file};
}

static struct weir_place
place_at(const struct weir_world_policy *source, size_t offset)
{
    struct weir_place place = weir__policy_file(source);
    weir_span_locate(source->text, offset, &place.line, &place.column);
    return place;
}

/* -------------------------------------------------------------- layers */

/* The first folder of a path, taken off it; empty where there is none. */
static weir_span
take_folder(weir_span *path)
{
    const char *slash =
        path->len == 0 ? NULL : memchr(path->ptr, '/', path->len);
    if (slash == NULL)
        return WEIR_SPAN_NONE;
    weir_span folder = {path->ptr, (size_t)(slash - path->ptr)};
    path->ptr += folder.len + 1;
    path->len -= folder.len + 1;
    return folder;
}

static bool
has_provider(const struct weir_world *world, weir_span name)
{
    for (uint32_t i = 0; i < world->provider_count; i++) {
        if (weir_span_equal(world->provider_rows[i].name, name))
            return true;
    }
    return false;
}

static bool
has_tenant(const struct weir_world *world, weir_span name)
{
    for (uint32_t i = 0; i < world->tenant_count; i++) {
        if (weir_span_equal(world->tenant_rows[i].name, name))
            return true;
    }
    return false;
}

/* False after a fault. */
static bool
find_layer(struct reading *r, const struct weir_world_policy *source,
           enum weir_layer *layer_out, weir_span *owner_out)
{
    weir_span path = source->file;
    weir_span folder = take_folder(&path);
    struct weir_place place = weir__policy_file(source);
    *owner_out = WEIR_SPAN_NONE;
    if (weir_span_equal(folder, WEIR_SPAN("law"))) {
        *layer_out = WEIR_LAYER_LAW;
        return true;
    }
    if (weir_span_equal(folder, WEIR_SPAN("seller"))) {
        *layer_out = WEIR_LAYER_SELLER;
        return true;
    }
    bool is_provider = weir_span_equal(folder, WEIR_SPAN("providers"));
    if (!is_provider && !weir_span_equal(folder, WEIR_SPAN("tenants"))) {
        weir_faults_add(r->faults, place,
                        "Put it into law/, providers/<p>/, seller/ or "
                        "tenants/<t>/.",
                        "a policy file outside of every layer");
        return false;
    }
    *owner_out = take_folder(&path);
    *layer_out = is_provider ? WEIR_LAYER_PROVIDER : WEIR_LAYER_TENANT;
    if (is_provider ? has_provider(r->world, *owner_out)
                    : has_tenant(r->world, *owner_out))
        return true;
    weir_faults_add(r->faults, place,
                    "Name the folder as the provider or tenant that it "
                    "belongs to, or remove it.",
                    "policies of %s \"%.*s\", which nobody declares",
                    is_provider ? "provider" : "tenant", (int)owner_out->len,
                    owner_out->len > 0 ? owner_out->ptr : "");
    return false;
}

/* ---------------------------------------------------------------- rows */

static struct weir__policy *
add_row(struct reading *r)
{
    struct weir__policies *p = r->policies;
    if (p->count == r->capacity) {
        uint32_t capacity = r->capacity == 0 ? 64 : r->capacity * 2;
        struct weir__policy *rows =
            weir_arena_array(r->arena, struct weir__policy, capacity);
        if (rows == NULL)
            return NULL;
        if (p->count > 0)
            memcpy(rows, p->rows, p->count * sizeof(*rows));
        p->rows = rows;
        r->capacity = capacity;
    }
    return &p->rows[p->count++];
}

static void
read_policy(struct reading *r, const struct weir_world_policy *source,
            const struct weir_cedar_policy_info *info, enum weir_layer layer,
            weir_span owner)
{
    struct weir__policy *row = add_row(r);
    if (row == NULL)
        return;
    *row = (struct weir__policy){
        .source = source,
        .place = place_at(source, info->offset),
        .offset = info->offset,
        .end = info->end,
        .layer = layer,
        .owner = owner,
        .is_permit = info->effect == WEIR_CEDAR_PERMIT,
    };
    weir__policy_annotate(row, info, r->faults);
    weir_span unknown = WEIR_SPAN_NONE;
    (void)weir__filters_named(r->world, row->filter, &unknown);
    if (unknown.len > 0)
        weir_faults_add(r->faults, row->place,
                        "Declare it under `filters:`, or name another.",
                        "@filter names \"%.*s\", which is no filter",
                        (int)(unknown.len < 64 ? unknown.len : 64),
                        unknown.ptr);
    unknown = WEIR_SPAN_NONE;
    (void)weir__classifiers_named(
        r->world, weir_watch_rule_classify(row->monitor), &unknown);
    if (unknown.len > 0)
        weir_faults_add(r->faults, row->place,
                        "Declare it under `classifiers:`, or name another.",
                        "@monitor names \"%.*s\", which is no classifier",
                        (int)(unknown.len < 64 ? unknown.len : 64),
                        unknown.ptr);
    if (info->is_template)
        weir_faults_add(r->faults, row->place, "Write the entity out.",
                        "a template: nothing links it");
    if (row->is_permit && layer != WEIR_LAYER_SELLER)
        weir_faults_add(r->faults, row->place,
                        "Write it as a forbid, or move it to seller/.",
                        "policy \"%.*s\" permits, and only the seller may",
                        (int)(row->id.len < 64 ? row->id.len : 64),
                        row->id.len > 0 ? row->id.ptr : "");
}

/* The bound text of one source: policies replaced, everything else kept. */
static bool
bind(struct reading *r, const struct weir_world_policy *source, uint32_t first,
     struct weir_buf *out)
{
    const struct weir__policies *p = r->policies;
    size_t at = 0;
    for (uint32_t i = first; i < p->count; i++) {
        const struct weir__policy *row = &p->rows[i];
        weir_span text = {source->text.ptr + row->offset,
                          row->end - row->offset};
        char entity[192];
        weir_buf_add(out, source->text.ptr + at, row->offset - at);
        if (row->layer == WEIR_LAYER_PROVIDER ||
            row->layer == WEIR_LAYER_TENANT) {
            bool is_tenant = row->layer == WEIR_LAYER_TENANT;
            int len = snprintf(entity, sizeof(entity), "%s::\"%.*s\"",
                               is_tenant ? "Tenant" : "Provider",
                               WEIR_SPAN_ARG(row->owner));
            weir__policy_bind(
                text, is_tenant ? WEIR__BIND_PRINCIPAL : WEIR__BIND_RESOURCE,
                (weir_span){entity, (size_t)len}, out);
        } else {
            weir_buf_add_span(out, text);
        }
        at = row->end;
    }
    weir_buf_add(out, source->text.ptr + at, source->text.len - at);
    return !out->overflow;
}

static void
read_source(struct reading *r, const struct weir_world_policy *source)
{
    struct weir__policies *p = r->policies;
    struct weir_error err;
    enum weir_layer layer;
    weir_span owner;
    struct weir_buf text;
    uint32_t first = p->count;
    if (!find_layer(r, source, &layer, &owner))
        return;
    if (weir_cedar_policies_add_text(p->plain, source->text, source->file,
                                     &err) != WEIR_OK) {
        weir_faults_add(
            r->faults,
            place_at(source, err.offset == WEIR_OFFSET_NONE ? 0 : err.offset),
            "See the grammar of Cedar 4.5.", "%s", err.text);
        return;
    }
    size_t count = weir_cedar_policies_count(p->plain);
    for (size_t i = first; i < count; i++) {
        struct weir_cedar_policy_info info =
            weir_cedar_policy_info(weir_cedar_policies_at(p->plain, i));
        read_policy(r, source, &info, layer, owner);
    }
    weir_buf_init(&text, BOUND_BYTES_MAX);
    if (r->arena->overflow || !bind(r, source, first, &text) ||
        weir_cedar_policies_add_text(p->bound, weir_buf_span(&text),
                                     source->file, &err) != WEIR_OK)
        weir_faults_add(r->faults, weir__policy_file(source), "Split the file.",
                        "its policies cannot be bound to "
                        "their layer");
    weir_buf_fini(&text);
}

/* --------------------------------------------------------- the whole set */

static bool
is_id(weir_span id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.'))
            return false;
    }
    return id.len > 0 && id.len <= 64;
}

static void
name_policies(struct reading *r)
{
    struct weir__policies *p = r->policies;
    struct weir_error err;
    if (!weir__names_init(&r->ids, r->arena, p->count))
        return;
    for (uint32_t i = 0; i < p->count; i++) {
        struct weir__policy *row = &p->rows[i];
        if (!is_id(row->id)) {
            weir_faults_add(r->faults, row->place,
                            "Add @id(\"..\") of letters, digits, _ - and ., "
                            "at most 64.",
                            "a policy without usable @id");
            continue;
        }
        uint32_t other = weir__names_put(&r->ids, row->id, i);
        if (other != WEIR_INDEX_NONE) {
            const struct weir_place *at = &p->rows[other].place;
            weir_faults_add(r->faults, row->place, "Ids are unique.",
                            "policy \"%.*s\" is there twice, first at "
                            "%.*s:%u",
                            WEIR_SPAN_ARG(row->id), WEIR_SPAN_ARG(at->file),
                            at->line);
            continue;
        }
        if (weir_cedar_policies_rename(p->bound, i, row->id, &err) != WEIR_OK)
            weir_faults_add(r->faults, row->place,
                            "Do not use names like policy0.", "%s", err.text);
    }
}

static void
validate(struct reading *r)
{
    struct weir__policies *p = r->policies;
    const struct weir_cedar_schema *schema;
    struct weir_cedar_findings findings = {.count = 0};
    struct weir_error err;
    if (weir_cedar_schema_parse(r->arena, weir_world_schema(), WEIR_CEDAR_TEXT,
                                &schema, &err) != WEIR_OK ||
        weir_cedar_validate(p->plain, schema, WEIR_CEDAR_4_12, r->arena,
                            &findings, &err) != WEIR_OK) {
        weir_faults_add(r->faults, (struct weir_place){0},
                        "Give this machine more memory.",
                        "policies cannot be validated: %s", err.text);
        return;
    }
    for (size_t i = 0; i < findings.count; i++) {
        const struct weir_cedar_finding *f = &findings.items[i];
        const struct weir__policy *row = &p->rows[f->policy];
        struct weir_place place = f->offset == WEIR_OFFSET_NONE
                                      ? row->place
                                      : place_at(row->source, f->offset);
        weir_faults_add(r->faults, place,
                        "Compare it with policies/weir.cedarschema.",
                        "policy \"%.*s\": %.*s", WEIR_SPAN_ARG(row->id),
                        WEIR_SPAN_ARG(f->text));
    }
}

static void
fill_rules(struct reading *r)
{
    struct weir__policies *p = r->policies;
    p->rules = weir_arena_array(r->arena, struct weir_cedar_rule, p->count);
    for (uint32_t i = 0; i < p->count && p->rules != NULL; i++) {
        const struct weir__policy *row = &p->rows[i];
        p->rules[i] = (struct weir_cedar_rule){
            .flags = row->flags, .from = row->from, .until = row->until};
    }
}

bool
weir__policies_read(struct weir__policies *policies,
                    const struct weir_world *world, struct weir_arena *arena,
                    struct weir_faults *faults)
{
    struct reading r = {
        .policies = policies, .world = world, .arena = arena, .faults = faults};
    uint32_t before = faults->total;
    memset(policies, 0, sizeof(*policies));
    policies->plain = weir_cedar_policies_new();
    policies->bound = weir_cedar_policies_new();
    if (policies->plain != NULL && policies->bound != NULL) {
        for (uint32_t i = 0; i < world->policy_count; i++)
            read_source(&r, &world->policy_rows[i]);
        name_policies(&r);
        if (faults->total == before)
            validate(&r);
        fill_rules(&r);
    }
    if (policies->plain == NULL || policies->bound == NULL || arena->overflow)
        weir_faults_add(faults, (struct weir_place){0},
                        "Give this machine more memory.",
                        "the policies do not fit in memory");
    return faults->total == before;
}

void
weir__policies_fini(struct weir__policies *policies)
{
    weir_cedar_policies_free(policies->plain);
    weir_cedar_policies_free(policies->bound);
    memset(policies, 0, sizeof(*policies));
}
