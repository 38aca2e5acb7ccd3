/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening an image: every offset, row number and handle is looked at once,
 * so that afterwards nobody needs to. The checksum finds accidents; the
 * bounds find everything else, also a file made to hurt: open() refuses, it
 * never crashes, and what it accepts can be read without leaving the bytes.
 *
 * The SHA-256 is not recomputed here: a worker that swaps images would
 * stand still for it. Control has it from compiling; tools ask
 * weir_image_verify().
 */
#include "format.h"

#include <weir/crypto.h>

#include <stddef.h>
#include <string.h>

struct opening {
    struct weir_image *image;
    const struct weir__section *sections;
    const struct weir__image_facts *facts;
    size_t text_start;
    size_t text_end;
    uint32_t entities;
};

static const uint32_t strides[WEIR__SECTIONS] = {
#define WEIR__SECTION(id, name, type) sizeof(type),
    WEIR__IMAGE_SECTIONS(WEIR__SECTION)
#undef WEIR__SECTION
};

static weir_status
corrupt(struct weir_error *err, size_t offset, const char *what)
{
    return weir_fail(err, WEIR_ECORRUPT, offset, "image: %s", what);
}

static uint32_t
header_crc(const char *bytes)
{
    struct weir__image_header header;
    memcpy(&header, bytes, sizeof(header));
    header.header_crc = 0;
    uint32_t crc = weir_crc32c(0, &header, sizeof(header));
    return weir_crc32c(crc, bytes + sizeof(header),
                       WEIR__IMAGE_CONTENT - sizeof(header));
}

static weir_status
check_header(weir_span bytes, struct weir_error *err)
{
    struct weir__image_header header;
    if (bytes.len < WEIR__IMAGE_CONTENT)
        return corrupt(err, 0, "shorter than its header");
    if ((uintptr_t)bytes.ptr % 8 != 0)
        return corrupt(err, 0, "not at a multiple of 8 bytes");
    memcpy(&header, bytes.ptr, sizeof(header));
    if (header.magic != WEIR__IMAGE_MAGIC)
        return corrupt(err, 0, "not an image");
    if (header.version != WEIR_IMAGE_VERSION)
        return weir_fail(err, WEIR_EVERSION, 8,
                         "image: version %u, this build reads %d",
                         header.version, WEIR_IMAGE_VERSION);
    if (header.section_count != WEIR__SECTIONS)
        return corrupt(err, 12, "another number of sections");
    if (header.size != bytes.len)
        return corrupt(err, 16, "cut off, or longer than written");
    if (header.header_crc != header_crc(bytes.ptr))
        return corrupt(err, 0, "the header fails its check");
    if (header.content_crc != weir_crc32c(0, bytes.ptr + WEIR__IMAGE_CONTENT,
                                          bytes.len - WEIR__IMAGE_CONTENT))
        return corrupt(err, WEIR__IMAGE_CONTENT, "the content fails its check");
    return WEIR_OK;
}

static weir_status
check_sections(weir_span bytes, const struct weir__section *sections,
               struct weir_error *err)
{
    uint64_t at = WEIR__IMAGE_CONTENT;
    for (size_t i = 0; i < WEIR__SECTIONS; i++) {
        const struct weir__section *s = &sections[i];
        uint64_t size = (uint64_t)s->count * s->stride;
        uint64_t start = (at + 7) & ~UINT64_C(7);
        if (s->stride != strides[i] || s->offset != start ||
            start > bytes.len || size > bytes.len - start)
            return corrupt(err,
                           sizeof(struct weir__image_header) + i * sizeof(*s),
                           "a section out of place");
        for (uint64_t pad = at; pad < start; pad++) {
            if (bytes.ptr[pad] != 0)
                return corrupt(err, pad, "bytes between sections");
        }
        at = start + size;
    }
    if (at != bytes.len)
        return corrupt(err, at, "bytes behind the last section");
    return WEIR_OK;
}

static void
assign(struct weir_image *image, const char *base,
       const struct weir__section *sections)
{
    const struct weir__section *s = sections;
#define ROWS(id, name)                                                         \
    image->name##s = (const void *)(base + s[WEIR__SECTION_##id].offset);      \
    image->name##_count = s[WEIR__SECTION_##id].count
    ROWS(JURISDICTION, jurisdiction);
    ROWS(PROVIDER, provider);
    ROWS(MODEL, model);
    ROWS(ORIGIN, origin);
    ROWS(DEPLOYMENT, deployment);
    ROWS(ROUTE, route);
    ROWS(CANDIDATE, candidate);
    ROWS(ORGANISATION, organisation);
    ROWS(LIMIT, limit);
    ROWS(TENANT, tenant);
    ROWS(PROJECT, project);
    ROWS(KEY, key);
    ROWS(LIFE, life);
    ROWS(LISTING, listing);
    ROWS(SCOPE, scope);
    ROWS(NETWORK, network);
    ROWS(DIGEST, digest);
    ROWS(PIN, pin);
    ROWS(SERVER, server);
    ROWS(TOOL, tool);
    ROWS(FILTER, filter);
    ROWS(FILTER_RULE, filter_rule);
    ROWS(HIT, hit);
    ROWS(QUEUE, queue);
    ROWS(SHARE, share);
    ROWS(CLASSIFIER, classifier);
    ROWS(SHEET, sheet);
    ROWS(CHANGE, change);
    ROWS(PLACES, place_set);
    ROWS(BUDGET, budget);
    ROWS(BUDGET_REF, budget_ref);
    ROWS(RESERVE, reserve);
    ROWS(KEY_BUDGET, key_budget);
    ROWS(PROJECT_BUDGET, project_budget);
    ROWS(USE, use);
    ROWS(ZONE, zone);
    ROWS(SHIFT, shift);
    ROWS(TRIAL, trial);
    ROWS(FACTOR, factor);
    ROWS(URLS, url_rule);
#undef ROWS
    image->policies = (const void *)(base + s[WEIR__SECTION_POLICY].offset);
    image->policy_count = s[WEIR__SECTION_POLICY].count;
#define INDEX(id, name)                                                        \
    image->name##_index =                                                      \
        (const void *)(base + s[WEIR__SECTION_##id##_INDEX].offset);           \
    image->name##_mask = s[WEIR__SECTION_##id##_INDEX].count - 1
    INDEX(ROUTE, route);
    INDEX(KEY, key);
    INDEX(JURISDICTION, jurisdiction);
    INDEX(LISTING, listing);
#undef INDEX
}

/* ---------------------------------------------------------------- rows */

static bool
is_text(const struct opening *o, weir_ref ref)
{
    return ref.len == 0 ||
           (ref.offset >= o->text_start && ref.offset <= o->text_end &&
            ref.len <= o->text_end - ref.offset);
}

static bool
is_texts(const struct opening *o, const weir_ref *refs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_text(o, refs[i]))
            return false;
    }
    return true;
}

static bool
is_range(uint32_t first, uint32_t count, uint32_t all)
{
    return first <= all && count <= all - first;
}

#define REFS(row, first, last)                                                 \
    is_texts(o, &(row)->first, (size_t)(&(row)->last - &(row)->first) + 1)

static bool
are_catalogue_rows(const struct opening *o)
{
    const struct weir_image *m = o->image;
    for (uint32_t i = 0; i < m->jurisdiction_count; i++) {
        const struct weir_image_jurisdiction *r = &m->jurisdictions[i];
        if (!is_text(o, r->code) || r->entity >= o->entities)
            return false;
    }
    for (uint32_t i = 0; i < m->provider_count; i++) {
        const struct weir_image_provider *r = &m->providers[i];
        if (!REFS(r, name, title) || r->origin >= m->jurisdiction_count ||
            r->entity >= o->entities)
            return false;
    }
    for (uint32_t i = 0; i < m->model_count; i++) {
        const struct weir_image_model *r = &m->models[i];
        if (!REFS(r, name, terms) || r->provider >= m->provider_count ||
            r->origin >= m->jurisdiction_count || r->entity >= o->entities ||
            r->operations >> WEIR_OPERATIONS != 0 ||
            !weir_price_is_sound(&r->price))
            return false;
    }
    for (uint32_t i = 0; i < m->origin_count; i++) {
        const struct weir_image_origin *r = &m->origins[i];
        if (!REFS(r, name, credential) || r->port == 0 || r->port > 65535)
            return false;
    }
    for (uint32_t i = 0; i < m->deployment_count; i++) {
        const struct weir_image_deployment *r = &m->deployments[i];
        if (!REFS(r, name, origin_model) || r->model >= m->model_count ||
            r->origin >= m->origin_count || r->place >= m->jurisdiction_count ||
            r->stored_in >= m->jurisdiction_count ||
            r->operated_by >= m->organisation_count ||
            r->entity >= o->entities || r->sheet >= m->sheet_count ||
            (r->pin != WEIR_INDEX_NONE && r->pin >= m->pin_count) ||
            !weir_health_rule_is_sound(&r->health))
            return false;
    }
    return true;
}

static bool
are_price_rows(const struct opening *o)
{
    const struct weir_image *m = o->image;
    for (uint32_t i = 0; i < m->sheet_count; i++) {
        const struct weir_image_sheet *r = &m->sheets[i];
        if (!is_text(o, r->version) || r->stated >> WEIR_RATES != 0 ||
            !is_range(r->first_change, r->change_count, m->change_count) ||
            !weir_price_is_sound(&r->price))
            return false;
    }
    for (uint32_t i = 0; i < m->change_count; i++) {
        if (!is_text(o, m->changes[i].version) ||
            !weir_price_change_is_sound(&m->changes[i].change))
            return false;
    }
    return true;
}

static bool
are_life_rows(const struct opening *o)
{
    const struct weir_image *m = o->image;
    if (m->life_count != m->model_count)
        return false;
    for (uint32_t i = 0; i < m->life_count; i++) {
        const struct weir_image_life *r = &m->lifes[i];
        if (!REFS(r, deprecation, link))
            return false;
    }
    for (uint32_t i = 0; i < m->listing_count; i++) {
        const struct weir_image_listing *r = &m->listings[i];
        if (!REFS(r, name, maker) || (r->lacks & ~WEIR_LACKS_ALL) != 0)
            return false;
    }
    return true;
}

static bool
are_route_rows(const struct opening *o)
{
    const struct weir_image *m = o->image;
    for (uint32_t i = 0; i < m->route_count; i++) {
        const struct weir_image_route *r = &m->routes[i];
        if (!is_text(o, r->name) || r->mode >= WEIR_ROUTE_MODES ||
            r->count == 0 || r->count > WEIR_CANDIDATES_MAX ||
            !is_range(r->first, r->count, m->candidate_count) ||
            (r->model != WEIR_INDEX_NONE && r->model >= m->model_count) ||
            r->attempts_max == 0 || r->attempts_max > WEIR_ATTEMPTS_MAX)
            return false;
    }
    for (uint32_t i = 0; i < m->candidate_count; i++) {
        const struct weir_image_candidate *r = &m->candidates[i];
        if (r->deployment >= m->deployment_count || r->weight == 0)
            return false;
    }
    return true;
}

static bool
are_filter_rows(const struct opening *o)
{
    const struct weir_image *m = o->image;
    if (m->filter_count > 32)
        return false;
    for (uint32_t i = 0; i < m->filter_count; i++) {
        const struct weir_image_filter *r = &m->filters[i];
        if (!is_text(o, r->name) ||
            !is_range(r->first, r->count, m->filter_rule_count))
            return false;
    }
    for (uint32_t i = 0; i < m->filter_rule_count; i++) {
        const struct weir_image_filter_rule *r = &m->filter_rules[i];
        if (!REFS(r, name, detector) || !REFS(r, expression, terms) ||
            !is_text(o, r->replacement) || r->directions == 0 ||
            r->directions > 3 || r->classifier > m->classifier_count ||
            r->on_failure > WEIR_FAILURE_BLOCK)
            return false;
    }
    return true;
}

static bool
are_classifier_rows(const struct opening *o)
{
    const struct weir_image *m = o->image;
    if (m->classifier_count > 8)
        return false;
    for (uint32_t i = 0; i < m->classifier_count; i++) {
        const struct weir_image_classifier *r = &m->classifiers[i];
        if (!REFS(r, name, model) || !is_text(o, r->thresholds) ||
            r->origin >= m->origin_count || r->form < WEIR_FORM_WEIR ||
            r->form > WEIR_FORM_MODERATIONS || r->directions == 0 ||
            r->directions > 3 || r->timeout_ms == 0 || r->concurrency == 0 ||
            r->text_max == 0 || r->window == 0 || r->held_max == 0 ||
            r->on_failure < WEIR_FAILURE_ALLOW ||
            r->on_failure > WEIR_FAILURE_BLOCK)
            return false;
    }
    return true;
}

static bool
are_server_rows(const struct opening *o)
{
    const struct weir_image *m = o->image;
    for (uint32_t i = 0; i < m->server_count; i++) {
        const struct weir_image_server *r = &m->servers[i];
        if (!is_text(o, r->origins) || r->model >= m->model_count ||
            !is_range(r->first, r->count, m->tool_count))
            return false;
    }
    for (uint32_t i = 0; i < m->tool_count; i++)
        if (!is_text(o, m->tools[i].name))
            return false;
    return true;
}

static bool
are_share_rows(const struct opening *o)
{
    struct weir_image *m = o->image;
    m->reserving_count = 0;
    if (m->hit_count != m->model_count ||
        m->queue_count != m->deployment_count ||
        m->share_count != m->tenant_count ||
        m->url_rule_count != m->tenant_count)
        return false;
    for (uint32_t i = 0; i < m->url_rule_count; i++)
        if (!is_text(o, m->url_rules[i].hosts) ||
            m->url_rules[i].mode >= WEIR_URLS_MODES)
            return false;
    for (uint32_t i = 0; i < m->hit_count; i++)
        if (m->hits[i].ppm > 1000000 || m->hits[i].amount < 0)
            return false;
    for (uint32_t i = 0; i < m->share_count; i++) {
        const struct weir_image_share *r = &m->shares[i];
        if (r->weight == 0 || r->reserved > 100 || r->most > 100 ||
            r->most == 0)
            return false;
        if (r->reserved == 0)
            continue;
        if (m->reserving_count == WEIR_RESERVING_MAX)
            return false;
        m->reserving[m->reserving_count++] = i;
    }
    return true;
}

static bool
are_caller_rows(const struct opening *o)
{
    const struct weir_image *m = o->image;
    for (uint32_t i = 0; i < m->organisation_count; i++) {
        const struct weir_image_organisation *r = &m->organisations[i];
        if (!is_text(o, r->name) || r->headquarters >= m->jurisdiction_count ||
            r->incorporated >= m->jurisdiction_count ||
            r->group > m->organisation_count || r->entity >= o->entities)
            return false;
    }
    for (uint32_t i = 0; i < m->limit_count; i++) {
        const struct weir_image_limit *r = &m->limits[i];
        if (r->metric >= WEIR_METRICS || r->window > 5 || r->amount < 0)
            return false;
    }
    for (uint32_t i = 0; i < m->tenant_count; i++) {
        const struct weir_image_tenant *r = &m->tenants[i];
        if (!is_text(o, r->name) || r->organisation >= m->organisation_count ||
            r->entity >= o->entities ||
            !is_range(r->first_limit, r->limit_count, m->limit_count))
            return false;
    }
    for (uint32_t i = 0; i < m->project_count; i++) {
        const struct weir_image_project *r = &m->projects[i];
        if (!is_text(o, r->name) || !is_text(o, r->tags) ||
            r->tenant >= m->tenant_count || r->entity >= o->entities ||
            !is_range(r->first_limit, r->limit_count, m->limit_count))
            return false;
    }
    for (uint32_t i = 0; i < m->key_count; i++) {
        const struct weir_image_key *r = &m->keys[i];
        if (!REFS(r, id, tags) || r->project >= m->project_count ||
            r->entity >= o->entities || r->staff >= m->jurisdiction_count ||
            r->scope >= m->scope_count || r->end_users >= m->place_set_count ||
            !is_range(r->first_limit, r->limit_count, m->limit_count))
            return false;
    }
    return true;
}

static bool
is_budget(const struct opening *o, const struct weir_image_budget *r)
{
    const struct weir_image *m = o->image;
    if (!REFS(r, name, end_customer) || r->of >= WEIR_BUDGET_OFS ||
        r->each >= WEIR_BUDGET_EACHES || r->zone > m->zone_count ||
        r->alert_count > WEIR_BUDGET_ALERTS_MAX || r->hash == 0 ||
        !is_range(r->first_limit, r->limit_count, m->limit_count) ||
        !is_range(r->first_model, r->model_count, m->budget_ref_count) ||
        !is_range(r->first_share, r->share_count, m->reserve_count))
        return false;
    for (uint32_t i = 0; i < r->model_count; i++)
        if (m->budget_refs[r->first_model + i] >= m->model_count)
            return false;
    return true;
}

static bool
are_budget_rows(const struct opening *o)
{
    const struct weir_image *m = o->image;
    if (m->project_budget_count != m->project_count ||
        m->key_budget_count != m->key_count || m->trial_count != m->route_count)
        return false;
    for (uint32_t i = 0; i < m->zone_count; i++) {
        const struct weir_image_zone *r = &m->zones[i];
        if (!is_text(o, r->name) || r->count == 0 ||
            !is_range(r->first, r->count, m->shift_count))
            return false;
    }
    for (uint32_t i = 0; i < m->shift_count; i++)
        if (m->shifts[i].offset_s < -86400 || m->shifts[i].offset_s > 86400)
            return false;
    for (uint32_t i = 0; i < m->reserve_count; i++)
        if (!is_text(o, m->reserves[i].name) || m->reserves[i].ppm > 1000000 ||
            m->reserves[i].hash == 0)
            return false;
    for (uint32_t i = 0; i < m->budget_count; i++)
        if (!is_budget(o, &m->budgets[i]))
            return false;
    for (uint32_t i = 0; i < m->use_count; i++)
        if (m->uses[i].budget >= m->budget_count ||
            m->uses[i].share > m->reserve_count)
            return false;
    for (uint32_t i = 0; i < m->key_budget_count; i++)
        if (!is_range(m->key_budgets[i].first, m->key_budgets[i].count,
                      m->use_count))
            return false;
    for (uint32_t i = 0; i < m->project_budget_count; i++)
        if (!is_range(m->project_budgets[i].first, m->project_budgets[i].count,
                      m->use_count))
            return false;
    for (uint32_t i = 0; i < m->trial_count; i++)
        if (m->trials[i].canary > m->deployment_count ||
            m->trials[i].canary_ppm > 1000000 ||
            (m->trials[i].shadow & WEIR_SHADOW_PPM) > 1000000)
            return false;
    for (uint32_t i = 0; i < m->factor_count; i++)
        if (!weir_factor_is_sound(&m->factors[i]))
            return false;
    return m->factor_count == m->model_count;
}

static bool
are_place_rows(const struct opening *o)
{
    const struct weir_image *m = o->image;
    /* Row 0 of both: nobody looks further when a scope is global. */
    if (m->place_set_count == 0 || m->scope_count == 0 ||
        m->scopes[0].kind != WEIR_SCOPE_GLOBAL ||
        m->jurisdiction_count > 8 * sizeof(struct weir_image_places))
        return false;
    for (uint32_t i = 0; i < m->scope_count; i++) {
        const struct weir_image_scope *r = &m->scopes[i];
        if (!REFS(r, name, region) || r->kind > WEIR_SCOPE_REGION ||
            r->places >= m->place_set_count)
            return false;
    }
    for (uint32_t i = 0; i < m->pin_count; i++) {
        const struct weir_image_pin *r = &m->pins[i];
        if (!REFS(r, region_header, operator_value) ||
            !is_range(r->first_certificate, r->certificate_count,
                      m->digest_count) ||
            !is_range(r->first_authority, r->authority_count,
                      m->digest_count) ||
            !is_range(r->first_network, r->network_count, m->network_count))
            return false;
    }
    return is_range(o->facts->first_hosting, o->facts->hosting_count,
                    m->network_count);
}

static bool
are_policy_rows(const struct opening *o)
{
    const struct weir_image *m = o->image;
    if (m->policy_count != weir_cedar_program_policy_count(&m->program))
        return false;
    for (uint32_t i = 0; i < m->policy_count; i++) {
        const struct weir_image_policy *r = &m->policies[i];
        if (!REFS(r, id, monitor) || r->layer > WEIR_LAYER_TENANT ||
            r->tier > WEIR_TIER_DURABLE)
            return false;
    }
    return true;
}

/* Row numbers in range, and one empty slot at least to end a search. */
static bool
is_index(const uint32_t *slots, uint32_t size, uint32_t rows)
{
    uint32_t used = 0;
    if (size == 0 || (size & (size - 1)) != 0)
        return false;
    for (uint32_t i = 0; i < size; i++) {
        if (slots[i] > rows)
            return false;
        used += slots[i] != 0;
    }
    return used < size && used <= rows;
}

static bool
are_facts(const struct opening *o)
{
    const struct weir_image *m = o->image;
    const struct weir__section *s = o->sections;
    for (size_t i = 0; i < WEIR_OPERATIONS; i++) {
        if (o->facts->actions[i] >= o->entities)
            return false;
    }
    return is_texts(o, &o->facts->seller, 3) && o->facts->stale_after_us >= 0 &&
           is_index(m->route_index, s[WEIR__SECTION_ROUTE_INDEX].count,
                    m->route_count) &&
           is_index(m->key_index, s[WEIR__SECTION_KEY_INDEX].count,
                    m->key_count) &&
           is_index(m->jurisdiction_index,
                    s[WEIR__SECTION_JURISDICTION_INDEX].count,
                    m->jurisdiction_count) &&
           is_index(m->listing_index, s[WEIR__SECTION_LISTING_INDEX].count,
                    m->listing_count);
}

static weir_status
check_rows(struct opening *o, struct weir_error *err)
{
    if (!are_facts(o))
        return corrupt(err, WEIR_OFFSET_NONE, "facts or indexes out of range");
    if (!are_catalogue_rows(o) || !are_price_rows(o) || !are_life_rows(o) ||
        !are_filter_rows(o) || !are_classifier_rows(o) || !are_route_rows(o) ||
        !are_server_rows(o))
        return corrupt(err, WEIR_OFFSET_NONE, "the catalogue is out of range");
    if (!are_share_rows(o))
        return corrupt(err, WEIR_OFFSET_NONE, "shares are out of range");
    if (!are_budget_rows(o))
        return corrupt(err, WEIR_OFFSET_NONE, "a bad row of budgets");
    if (!are_place_rows(o))
        return corrupt(err, WEIR_OFFSET_NONE, "the places are out of range");
    if (!are_caller_rows(o))
        return corrupt(err, WEIR_OFFSET_NONE, "the callers are out of range");
    if (!are_policy_rows(o))
        return corrupt(err, WEIR_OFFSET_NONE, "the policies are out of range");
    return WEIR_OK;
}

weir_status
weir_image_open(weir_span bytes, struct weir_image *image_out,
                struct weir_error *err)
{
    struct weir_image image = {.bytes = bytes};
    struct weir__image_header header;
    weir_status status = check_header(bytes, err);
    if (status != WEIR_OK)
        return status;
    const struct weir__section *sections =
        (const void *)(bytes.ptr + sizeof(header));
    status = check_sections(bytes, sections, err);
    if (status != WEIR_OK)
        return status;
    if (sections[WEIR__SECTION_FACTS].count != 1)
        return corrupt(err, WEIR_OFFSET_NONE, "facts out of range");
    const struct weir__section *text = &sections[WEIR__SECTION_TEXT];
    const struct weir__section *program = &sections[WEIR__SECTION_PROGRAM];
    status = weir_cedar_program_open(
        (weir_span){bytes.ptr + program->offset, program->count},
        &image.program, err);
    if (status != WEIR_OK)
        return status;
    memcpy(&header, bytes.ptr, sizeof(header));
    assign(&image, bytes.ptr, sections);
    struct opening o = {
        .image = &image,
        .sections = sections,
        .facts =
            (const void *)(bytes.ptr + sections[WEIR__SECTION_FACTS].offset),
        .text_start = text->offset,
        .text_end = text->offset + text->count,
        .entities = weir_cedar_program_entity_count(&image.program),
    };
    status = check_rows(&o, err);
    if (status != WEIR_OK)
        return status;
    memcpy(image.digest, header.digest, sizeof(image.digest));
    memcpy(image.actions, o.facts->actions, sizeof(image.actions));
    image.generation = header.generation;
    image.created = header.created;
    image.stale_after_us = o.facts->stale_after_us;
    image.next_change = o.facts->next_change;
    image.signals_window_us = o.facts->signals_window_us;
    image.first_hosting = o.facts->first_hosting;
    image.hosting_count = o.facts->hosting_count;
    image.seller = o.facts->seller;
    image.appeal = o.facts->appeal;
    image.currency = o.facts->currency;
    *image_out = image;
    return WEIR_OK;
}

bool
weir_image_verify(const struct weir_image *image)
{
    weir_digest digest;
    weir_sha256_of((weir_span){image->bytes.ptr + WEIR__IMAGE_CONTENT,
                               image->bytes.len - WEIR__IMAGE_CONTENT},
                   &digest);
    return memcmp(digest.bytes, image->digest, sizeof(image->digest)) == 0;
}
