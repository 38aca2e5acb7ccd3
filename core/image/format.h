/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of an image and of an overlay; docs/formats/image.md.
 *
 *   +--------+---------------+------+------+-- ... --+---------+
 *   | header | section table | text | facts| rows .. | program |
 *   +--------+---------------+------+------+-- ... --+---------+
 *   0        128             ^ content: CRC-32C and SHA-256    ^ size
 *
 * Sections begin at multiples of 8, in the order of the table, without
 * anything but zero bytes between them.
 */
#ifndef WEIR_IMAGE_FORMAT_H
#define WEIR_IMAGE_FORMAT_H

#include <weir/budget.h>
#include <weir/image.h>

#define WEIR__IMAGE_MAGIC   UINT64_C(0x31676d6972696577) /* "weirimg1" */
#define WEIR__OVERLAY_MAGIC UINT64_C(0x313076726f726977) /* "wirorv01" */

struct weir__image_header {
    uint64_t magic;
    uint32_t version;
    uint32_t section_count;
    uint64_t size; /* of the whole file */
    uint64_t generation;
    weir_time created;
    uint32_t content_crc; /* from the first section to the end */
    uint32_t header_crc;  /* of header (this field 0) and section table */
    uint8_t digest[32];   /* of the same bytes as content_crc */
    uint64_t reserved[6];
};
_Static_assert(sizeof(struct weir__image_header) == 128, "as drawn");

struct weir__section {
    uint64_t offset;
    uint32_t count;
    uint32_t stride; /* bytes of a row */
};

/* One row: what belongs to the whole image. */
struct weir__image_facts {
    weir_ref seller;
    weir_ref appeal;
    weir_ref currency;
    weir_time stale_after_us;
    weir_time next_change;
    weir_time signals_window_us;
    uint32_t first_hosting;
    uint32_t hosting_count;
    uint32_t actions[WEIR_OPERATIONS];
};

#define WEIR__IMAGE_SECTIONS(X)                                                \
    X(TEXT, text, char)                                                        \
    X(FACTS, facts, struct weir__image_facts)                                  \
    X(JURISDICTION, jurisdiction, struct weir_image_jurisdiction)              \
    X(PROVIDER, provider, struct weir_image_provider)                          \
    X(MODEL, model, struct weir_image_model)                                   \
    X(ORIGIN, origin, struct weir_image_origin)                                \
    X(DEPLOYMENT, deployment, struct weir_image_deployment)                    \
    X(ROUTE, route, struct weir_image_route)                                   \
    X(CANDIDATE, candidate, struct weir_image_candidate)                       \
    X(ORGANISATION, organisation, struct weir_image_organisation)              \
    X(LIMIT, limit, struct weir_image_limit)                                   \
    X(TENANT, tenant, struct weir_image_tenant)                                \
    X(PROJECT, project, struct weir_image_project)                             \
    X(KEY, key, struct weir_image_key)                                         \
    X(POLICY, policy, struct weir_image_policy)                                \
    X(ROUTE_INDEX, route_index, uint32_t)                                      \
    X(KEY_INDEX, key_index, uint32_t)                                          \
    X(JURISDICTION_INDEX, jurisdiction_index, uint32_t)                        \
    X(PROGRAM, program, char)                                                  \
    X(LIFE, life, struct weir_image_life)                                      \
    X(LISTING, listing, struct weir_image_listing)                             \
    X(LISTING_INDEX, listing_index, uint32_t)                                  \
    X(PLACES, place_set, struct weir_image_places)                             \
    X(SCOPE, scope, struct weir_image_scope)                                   \
    X(NETWORK, network, struct weir_image_network)                             \
    X(DIGEST, digest, struct weir_image_digest)                                \
    X(PIN, pin, struct weir_image_pin)                                         \
    X(FILTER, filter, struct weir_image_filter)                                \
    X(FILTER_RULE, filter_rule, struct weir_image_filter_rule)                 \
    X(HIT, hit, struct weir_image_hit)                                         \
    X(QUEUE, queue, struct weir_image_queue)                                   \
    X(SHARE, share, struct weir_image_share)                                   \
    X(CLASSIFIER, classifier, struct weir_image_classifier)                    \
    X(SHEET, sheet, struct weir_image_sheet)                                   \
    X(CHANGE, change, struct weir_image_change)                                \
    X(BUDGET, budget, struct weir_image_budget)                                \
    X(BUDGET_REF, budget_ref, uint32_t)                                        \
    X(RESERVE, reserve, struct weir_image_reserve)                             \
    X(KEY_BUDGET, key_budget, struct weir_image_key_uses)                      \
    X(PROJECT_BUDGET, project_budget, struct weir_image_key_uses)              \
    X(USE, use, struct weir_image_use)                                         \
    X(ZONE, zone, struct weir_image_zone)                                      \
    X(SHIFT, shift, struct weir_image_shift)                                   \
    X(TRIAL, trial, struct weir_image_trial)                                   \
    X(SERVER, server, struct weir_image_server)                                \
    X(TOOL, tool, struct weir_image_tool)                                      \
    X(FACTOR, factor, struct weir_factor)                                      \
    X(URLS, url_rule, struct weir_image_urls)

enum weir__section_id {
#define WEIR__SECTION(id, name, type) WEIR__SECTION_##id,
    WEIR__IMAGE_SECTIONS(WEIR__SECTION)
#undef WEIR__SECTION
        WEIR__SECTIONS
};

#define WEIR__IMAGE_CONTENT                                                    \
    (sizeof(struct weir__image_header) +                                       \
     WEIR__SECTIONS * sizeof(struct weir__section))
_Static_assert(WEIR__IMAGE_CONTENT % 8 == 0, "sections are aligned");

/* Where a row is sought first; the same when writing and reading. */
static inline uint64_t
weir__index_hash(weir_span name)
{
    return weir_hash64(name, UINT64_C(0x77656972));
}

/* Digests are even already. */
static inline uint64_t
weir__index_digest(const uint8_t digest[32])
{
    uint64_t hash = 0;
    for (int i = 0; i < 8; i++)
        hash |= (uint64_t)digest[i] << (8 * i);
    return hash;
}

struct weir__overlay_header {
    uint64_t magic;
    uint32_t version;
    uint32_t count;
    uint64_t size;
    uint64_t generation;
    weir_time created;
    uint32_t cut_streams;
    uint32_t crc;          /* of the whole overlay, this field 0 */
    uint32_t grant_offset; /* struct weir_grant rows; 0: none */
    uint32_t grant_count;
    uint32_t step_offset; /* struct weir_watch_step rows; 0: none */
    uint32_t step_count;
};
_Static_assert(sizeof(struct weir__overlay_header) == 64, "as drawn");

/* Behind the hashes, one for each, in their order: who it is. */
struct weir__overlay_name {
    uint32_t kind;
    weir_ref name;
    uint32_t reserved;
};

uint32_t weir__overlay_crc(const char *bytes, size_t size);
/* No field that a reader could trip over. */
bool weir__grants_are_sound(const struct weir_grant *grants, uint32_t count);
bool weir__steps_are_sound(const struct weir_watch_step *steps, uint32_t count);

/* Subjects of budgets are hashed apart from what overlays name. */
enum {
    WEIR__SUBJECT_TENANT = 0x101,
    WEIR__SUBJECT_PROJECT = 0x102,
    WEIR__SUBJECT_KEY = 0x103,
    WEIR__SUBJECT_END_CUSTOMER = 0x107,
    WEIR__SUBJECT_NETWORK = 0x108,
    WEIR__SUBJECT_BUDGET = 0x10A /* 0x109: a slowed subject */
};

#endif
