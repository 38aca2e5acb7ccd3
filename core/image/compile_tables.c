/* SPDX-License-Identifier: Apache-2.0 */
/* Catalogue, routes, callers and policies as rows. */
#include "check.h"
#include "compile.h"
#include "entities.h"
#include "format.h"
#include "groups.h"

#include <weir/crypto.h>
#include <weir/watch_ladder.h>

#include <stdio.h>
#include <string.h>

#define OUTPUT_TOKENS_DEFAULT 4096
#define OPERATIONS_DEFAULT                                                     \
    (UINT32_C(1) << WEIR_OP_CHAT | UINT32_C(1) << WEIR_OP_RESPONSES |          \
     UINT32_C(1) << WEIR_OP_COMPLETE)

static uint64_t
subject_hash(int kind, weir_span name)
{
    uint64_t hash = weir_hash64(name, (uint64_t)kind);
    return hash == 0 ? 1 : hash; /* 0 is not a subject */
}

/* ------------------------------------------------------------ catalogue */

static void
fill_places(struct weir__compiler *c)
{
    size_t count;
    const struct weir_jurisdiction *places = weir_jurisdictions(&count);
    struct weir_image_jurisdiction *rows = WEIR__COMPILE_ROWS(
        c, JURISDICTION, struct weir_image_jurisdiction, (uint32_t)count);
    for (size_t i = 0; i < count && rows != NULL; i++) {
        weir_span code = weir_span_of(places[i].code);
        rows[i] = (struct weir_image_jurisdiction){
            .code = weir__compile_text(c, code),
            .entity = weir__compile_entity(c, "Jurisdiction", code),
            .hash = weir_kind_hash(WEIR_KIND_JURISDICTION, code),
            .position = weir_position_of(code),
        };
    }
}

static void
fill_providers(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    struct weir_image_provider *rows = WEIR__COMPILE_ROWS(
        c, PROVIDER, struct weir_image_provider, world->provider_count);
    for (uint32_t i = 0; i < world->provider_count && rows != NULL; i++) {
        const struct weir_world_provider *p = &world->provider_rows[i];
        rows[i] = (struct weir_image_provider){
            .name = weir__compile_text(c, p->name),
            .title = weir__compile_text(c, p->title),
            .origin = p->origin.row,
            .entity = weir__compile_entity(c, "Provider", p->name),
            .hash = weir_kind_hash(WEIR_KIND_PROVIDER, p->name),
        };
    }
}

/* What a call's record says of the terms it was made under. */
static weir_ref
terms_tag(struct weir__compiler *c, const struct weir_world_model *m)
{
    static const char *const reuse[] = {"unsaid", "may_train", "may_not_train"};
    char memory[WEIR_TERMS_TAG_MAX], why[WEIR__TERMS_WHY];
    struct weir_buf text;
    const struct weir_world_terms *terms =
        m->terms.len == 0
            ? NULL
            : weir__terms_find(c->world, m->terms, m->provider.text, why);
    if (terms == NULL)
        return weir__compile_text(c, WEIR_SPAN(""));
    weir_buf_init_fixed(&text, memory, sizeof memory);
    weir_buf_addf(&text, "%.*s@%.*s inputs=%s outputs=%s",
                  WEIR_SPAN_ARG(terms->name), WEIR_SPAN_ARG(terms->version),
                  reuse[terms->inputs], reuse[terms->outputs]);
    WEIR_ASSERT(!text.overflow); /* check_terms() bounds both */
    return weir__compile_text(c, weir_buf_span(&text));
}

static void
fill_models(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    struct weir_image_model *rows = WEIR__COMPILE_ROWS(
        c, MODEL, struct weir_image_model, world->model_count);
    for (uint32_t i = 0; i < world->model_count && rows != NULL; i++) {
        const struct weir_world_model *m = &world->model_rows[i];
        rows[i] = (struct weir_image_model){
            .name = weir__compile_text(c, m->name),
            .title = weir__compile_text(c, m->title),
            .family = weir__compile_text(c, weir__model_family(m)),
            .tier = weir__compile_text(c, m->tier),
            .weights = weir__compile_text(c, m->weights),
            .licence = weir__compile_text(c, m->licence),
            .currency = weir__compile_text(c, world->currency),
            .price_version = weir__compile_text(c, m->price_version),
            .terms = terms_tag(c, m),
            .provider = m->provider.row,
            .origin = m->origin.row,
            .entity = weir__compile_entity(c, "Model", m->name),
            .flags = (m->opens_when_stale ? WEIR_MODEL_OPEN_WHEN_STALE : 0) |
                     (m->sunset != 0 || m->deprecated != 0 ? WEIR_MODEL_HAS_END
                                                           : 0) |
                     (weir__watches_model(world, i) ? WEIR_MODEL_WATCHED : 0),
            .output_tokens_max = m->output_tokens_max != 0
                                     ? m->output_tokens_max
                                     : OUTPUT_TOKENS_DEFAULT,
            .operations =
                m->operations != 0 ? m->operations : OPERATIONS_DEFAULT,
            .created = m->created,
            .hash = weir_kind_hash(WEIR_KIND_MODEL, m->name),
            .price = m->price,
        };
    }
}

static void
fill_origins(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    struct weir_image_origin *rows = WEIR__COMPILE_ROWS(
        c, ORIGIN, struct weir_image_origin, world->origin_count);
    for (uint32_t i = 0; i < world->origin_count && rows != NULL; i++) {
        const struct weir_world_origin *o = &world->origin_rows[i];
        bool has_secret = o->credential.kind != WEIR_CREDENTIAL_NONE;
        char upstream[32];
        int len = snprintf(upstream, sizeof(upstream), "weir_origin_%u", i);
        rows[i] = (struct weir_image_origin){
            .name = weir__compile_text(c, o->name),
            .dialect = weir__compile_text(c, o->dialect),
            .scheme = weir__compile_text(c, o->scheme),
            .host = weir__compile_text(c, o->host),
            .authority = weir__compile_text(c, o->authority),
            .prefix = weir__compile_text(c, o->prefix),
            .upstream =
                weir__compile_text_once(c, (weir_span){upstream, (size_t)len}),
            .credential =
                weir__compile_text(c, has_secret ? o->name : WEIR_SPAN_NONE),
            .port = o->port,
            .connect_ms = o->connect_ms,
            .first_byte_ms = o->first_byte_ms,
            .idle_ms = o->idle_ms,
        };
    }
}

/* Rates and changes of one price; how many change rows are used by now. */
static uint32_t
fill_sheet(struct weir__compiler *c, struct weir_image_sheet *sheet,
           struct weir_image_change *rows, uint32_t at,
           struct weir_world_range changes)
{
    sheet->first_change = at;
    sheet->change_count = changes.count;
    for (uint32_t i = 0; i < changes.count; i++) {
        const struct weir_world_change *row =
            &c->world->change_rows[changes.first + i];
        rows[at + i] = (struct weir_image_change){
            .version = weir__compile_text(c, row->version),
            .change = row->change,
        };
    }
    return at + changes.count;
}

/* What only the tests write has no note of what it states: all of it. */
static uint32_t
stated_of(uint32_t stated)
{
    return stated != 0 ? stated : WEIR_RATES_ALL;
}

static void
fill_sheets(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    uint32_t sheets = world->model_count, changes = 0, at = 0;
    for (uint32_t i = 0; i < world->model_count; i++)
        changes += world->model_rows[i].changes.count;
    for (uint32_t i = 0; i < world->deployment_count; i++) {
        sheets += world->deployment_rows[i].has_price;
        changes += world->deployment_rows[i].changes.count;
    }
    struct weir_image_sheet *rows =
        WEIR__COMPILE_ROWS(c, SHEET, struct weir_image_sheet, sheets);
    struct weir_image_change *change_rows =
        WEIR__COMPILE_ROWS(c, CHANGE, struct weir_image_change, changes);
    if (rows == NULL || change_rows == NULL)
        return;
    for (uint32_t i = 0; i < world->model_count; i++) {
        const struct weir_world_model *m = &world->model_rows[i];
        rows[i] = (struct weir_image_sheet){
            .version = weir__compile_text(c, m->price_version),
            .stated = stated_of(m->stated),
            .price = m->price,
        };
        at = fill_sheet(c, &rows[i], change_rows, at, m->changes);
    }
    uint32_t row = world->model_count;
    for (uint32_t i = 0; i < world->deployment_count; i++) {
        const struct weir_world_deployment *d = &world->deployment_rows[i];
        if (!d->has_price)
            continue;
        rows[row] = (struct weir_image_sheet){
            .version = weir__compile_text(c, d->price_version),
            .stated = stated_of(d->stated),
            .price = d->price,
        };
        at = fill_sheet(c, &rows[row++], change_rows, at, d->changes);
    }
}

static void
fill_deployments(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    uint32_t own = world->model_count;
    struct weir_image_deployment *rows = WEIR__COMPILE_ROWS(
        c, DEPLOYMENT, struct weir_image_deployment, world->deployment_count);
    for (uint32_t i = 0; i < world->deployment_count && rows != NULL; i++) {
        const struct weir_world_deployment *d = &world->deployment_rows[i];
        const struct weir_world_region *r = &world->region_rows[d->region.row];
        const struct weir_world_model *m = &world->model_rows[d->model.row];
        rows[i] = (struct weir_image_deployment){
            .name = weir__compile_text(c, d->name),
            .region = weir__compile_text(c, r->name),
            .cloud = weir__compile_text(c, d->cloud),
            .origin_model = weir__compile_text(
                c, d->origin_model.len > 0 ? d->origin_model : m->name),
            .model = d->model.row,
            .origin = d->origin.row,
            .place = r->jurisdiction.row,
            .stored_in = d->stored_in.row,
            .operated_by = d->operated_by.row,
            .entity = weir__compile_entity(c, "Deployment", d->name),
            .pin = weir__compile_pin(c, &d->pins),
            .health = d->health,
            .hash = weir_kind_hash(WEIR_KIND_DEPLOYMENT, d->name),
            .sheet = d->has_price ? own++ : d->model.row,
        };
    }
}

static void
fill_organisations(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    struct weir_image_organisation *rows =
        WEIR__COMPILE_ROWS(c, ORGANISATION, struct weir_image_organisation,
                           world->organisation_count);
    uint32_t *groups = NULL;
    if (!weir__groups_find(world, &c->arena, &groups))
        return;
    for (uint32_t i = 0; i < world->organisation_count && rows != NULL; i++) {
        const struct weir_world_organisation *o = &world->organisation_rows[i];
        rows[i] = (struct weir_image_organisation){
            .name = weir__compile_text_once(c, o->name),
            .headquarters = o->headquarters.row,
            .incorporated = o->incorporated.row,
            .entity = weir__compile_entity(c, "Organization", o->name),
            .group = groups[i] == i ? 0 : groups[i] + 1,
            .hash = weir_kind_hash(WEIR_KIND_ORGANISATION, o->name),
        };
    }
}

/* What was learned; else the family's seed. */
static void
fill_factors(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    struct weir_factor *rows =
        WEIR__COMPILE_ROWS(c, FACTOR, struct weir_factor, world->model_count);
    for (uint32_t i = 0; i < world->model_count && rows != NULL; i++) {
        const struct weir_world_model *m = &world->model_rows[i];
        rows[i] = m->factor;
        if (m->factor.source == WEIR_FACTOR_NONE &&
            !weir_factor_seed(m->family, m->name, &rows[i]))
            rows[i] = (struct weir_factor){.source = WEIR_FACTOR_NONE};
    }
}

void
weir__compile_catalogue(struct weir__compiler *c)
{
    fill_places(c);
    fill_providers(c);
    fill_models(c);
    fill_factors(c);
    fill_origins(c);
    fill_deployments(c);
    fill_sheets(c);
    fill_organisations(c);
}

/* -------------------------------------------------------------- callers */

static void
fill_limits(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    struct weir_image_limit *rows = WEIR__COMPILE_ROWS(
        c, LIMIT, struct weir_image_limit, world->limit_count);
    for (uint32_t i = 0; i < world->limit_count && rows != NULL; i++) {
        const struct weir_world_limit *l = &world->limit_rows[i];
        rows[i] = (struct weir_image_limit){.metric = (uint32_t)l->metric,
                                            .window = l->window,
                                            .amount = l->amount};
    }
}

static uint32_t
tenant_flags(const struct weir_world *world, const struct weir_world_tenant *t)
{
    const struct weir_world_organisation *o =
        &world->organisation_rows[t->organisation.row];
    uint32_t flags = t->hides_address ? WEIR_TENANT_HIDE_ADDRESS : 0;
    if (t->end_customer == WEIR_END_CUSTOMER_REQUIRED ||
        (t->end_customer == WEIR_END_CUSTOMER_BY_CATEGORY &&
         weir_span_equal(o->category, WEIR_SPAN(WEIR_CATEGORY_RESELLER))))
        flags |= WEIR_TENANT_NAME_END_CUSTOMER;
    return flags;
}

static void
fill_tenants(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    struct weir_image_tenant *rows = WEIR__COMPILE_ROWS(
        c, TENANT, struct weir_image_tenant, world->tenant_count);
    for (uint32_t i = 0; i < world->tenant_count && rows != NULL; i++) {
        const struct weir_world_tenant *t = &world->tenant_rows[i];
        rows[i] = (struct weir_image_tenant){
            .name = weir__compile_text(c, t->name),
            .organisation = t->organisation.row,
            .entity = weir__compile_entity(c, "Tenant", t->name),
            .flags = tenant_flags(world, t) |
                     (weir__watches_tenant(world, i) ? WEIR_TENANT_WATCHED : 0),
            .first_limit = t->limits.first,
            .limit_count = t->limits.count,
            .hash = weir_image_tenant_hash(t->name),
        };
    }
}

static void
fill_projects(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    struct weir_image_project *rows = WEIR__COMPILE_ROWS(
        c, PROJECT, struct weir_image_project, world->project_count);
    for (uint32_t i = 0; i < world->project_count && rows != NULL; i++) {
        const struct weir_world_project *p = &world->project_rows[i];
        weir_span id = weir__project_id(world, p, &c->arena);
        rows[i] = (struct weir_image_project){
            .name = weir__compile_text(c, p->name),
            .tenant = p->tenant.row,
            .entity = weir__compile_entity(c, "Project", id),
            .first_limit = p->limits.first,
            .limit_count = p->limits.count,
            .hash = subject_hash(WEIR__SUBJECT_PROJECT, id),
            .tags = weir__compile_text(c, p->tags),
        };
    }
}

static void
fill_keys(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    struct weir_image_key *rows =
        WEIR__COMPILE_ROWS(c, KEY, struct weir_image_key, world->key_count);
    for (uint32_t i = 0; i < world->key_count && rows != NULL; i++) {
        const struct weir_world_key *k = &world->key_rows[i];
        rows[i] = (struct weir_image_key){
            .id = weir__compile_text_once(c, k->id),
            .purpose = weir__compile_text(c, k->purpose),
            .tags = weir__compile_text(c, k->tags),
            .project = k->project_row,
            .entity = weir__compile_entity(c, "Key", k->id),
            .first_limit = k->limits.first,
            .limit_count = k->limits.count,
            .staff = k->staff.row,
            .scope = weir__compile_scope(c, k->scope),
            .end_users = weir__compile_places_of(c, k->end_users),
            .not_after = k->not_after,
            .hash = weir_kind_hash(WEIR_KIND_KEY, k->id),
            .subject_hash = subject_hash(WEIR__SUBJECT_KEY, k->id),
        };
        memcpy(rows[i].digest, k->digest, sizeof(k->digest));
    }
}

void
weir__compile_callers(struct weir__compiler *c)
{
    fill_limits(c);
    fill_tenants(c);
    fill_projects(c);
    fill_keys(c);
}

/* ------------------------------------------------------------- policies */

/* What @monitor lets the watch do, at once or when a person says so. It was
 * read before: a text that is no rule says nothing. */
static uint32_t
rungs_of(weir_span monitor)
{
    struct weir_watch_rule rule;
    if (!weir_watch_rule_is(monitor) ||
        weir_watch_rule_parse(monitor, &rule, NULL) != WEIR_OK)
        return 0;
    return rule.automatic | rule.asks | rule.asks << WEIR_WATCH_ASKS_SHIFT |
           WEIR_WATCH_RUNG(WEIR_WATCH_NOTHING);
}

void
weir__compile_policies(struct weir__compiler *c)
{
    const struct weir__policies *p = &c->policies;
    struct weir_image_policy *rows =
        WEIR__COMPILE_ROWS(c, POLICY, struct weir_image_policy, p->count);
    for (uint32_t i = 0; i < p->count && rows != NULL; i++) {
        const struct weir__policy *row = &p->rows[i];
        weir_digest digest;
        weir_sha256_of((weir_span){row->source->text.ptr + row->offset,
                                   row->end - row->offset},
                       &digest);
        rows[i] = (struct weir_image_policy){
            .id = weir__compile_text(c, row->id),
            .title = weir__compile_text(c, row->title),
            .authority = weir__compile_text(c, row->authority),
            .appeal = weir__compile_text(c, row->appeal),
            .owner = weir__compile_text(c, row->owner),
            .file = weir__compile_text(c, row->source->file),
            .retain = weir__compile_text(c, row->retain),
            .monitor = weir__compile_text(c, row->monitor),
            .line = row->place.line,
            .layer = (uint32_t)row->layer,
            .flags = row->flags,
            .is_permit = row->is_permit,
            .strip = row->strip,
            .max_n = row->max_n,
            .tier = (uint32_t)row->tier,
            .steps = rungs_of(row->monitor),
            .filters = weir__filters_named(c->world, row->filter, NULL),
            .cache_s = row->cache_s,
            .classifiers = weir__classifiers_named(
                c->world, weir_watch_rule_classify(row->monitor), NULL),
            .from = row->from,
            .until = row->until,
        };
        memcpy(rows[i].text_digest, digest.bytes, sizeof(digest.bytes));
    }
}

/* -------------------------------------------------------------- indexes */

static uint32_t *
new_index(struct weir__compiler *c, enum weir__section_id id, uint32_t rows)
{
    uint32_t size = 8;
    while (size < (uint64_t)rows * 2)
        size *= 2;
    return weir__compile_rows(c, id, sizeof(uint32_t), size);
}

static void
put(struct weir__compiler *c, enum weir__section_id id, uint64_t hash,
    uint32_t row)
{
    uint32_t *slots = c->rows[id];
    uint32_t mask = c->counts[id] - 1;
    uint32_t at = (uint32_t)hash & mask;
    while (slots[at] != 0)
        at = (at + 1) & mask;
    slots[at] = row + 1;
}

void
weir__compile_indexes(struct weir__compiler *c)
{
    const struct weir_image_route *routes = c->rows[WEIR__SECTION_ROUTE];
    const struct weir_image_key *keys = c->rows[WEIR__SECTION_KEY];
    const struct weir_image_listing *listings = c->rows[WEIR__SECTION_LISTING];
    uint32_t listing_count = c->counts[WEIR__SECTION_LISTING];
    uint32_t route_count = c->counts[WEIR__SECTION_ROUTE];
    uint32_t key_count = c->counts[WEIR__SECTION_KEY];
    size_t place_count;
    const struct weir_jurisdiction *places = weir_jurisdictions(&place_count);
    if (new_index(c, WEIR__SECTION_ROUTE_INDEX, route_count) == NULL ||
        new_index(c, WEIR__SECTION_KEY_INDEX, key_count) == NULL ||
        new_index(c, WEIR__SECTION_JURISDICTION_INDEX, (uint32_t)place_count) ==
            NULL ||
        new_index(c, WEIR__SECTION_LISTING_INDEX, listing_count) == NULL)
        return;
    for (uint32_t i = 0; i < listing_count; i++)
        put(c, WEIR__SECTION_LISTING_INDEX,
            weir__index_hash(weir__compile_read(c, listings[i].name)), i);
    for (uint32_t i = 0; i < route_count; i++) {
        weir_span name = weir__compile_read(c, routes[i].name);
        put(c, WEIR__SECTION_ROUTE_INDEX, weir__index_hash(name), i);
    }
    for (uint32_t i = 0; i < key_count; i++)
        put(c, WEIR__SECTION_KEY_INDEX, weir__index_digest(keys[i].digest), i);
    for (uint32_t i = 0; i < place_count; i++)
        put(c, WEIR__SECTION_JURISDICTION_INDEX,
            weir__index_hash(weir_span_of(places[i].code)), i);
}
