/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What origins are pinned to, and the operator's networks.
 *
 * A pin is data for the worker that opens the connection: digests and ranges
 * in the rows that the world read, checked here for what can never hold (a
 * certificate of an origin that is spoken to in clear).
 *
 * Networks of machines are sorted and joined, so that a call finds its
 * address among a hundred thousand in seventeen steps; those of pins are few
 * and stay as they are.
 */
#include "check.h"
#include "compile.h"

#include <stdlib.h>
#include <string.h>

/* Pins of one kind; a call compares them one by one. */
#define PINS_MAX 64

/* ------------------------------------------------------------ networks */

bool
weir_network_parse(weir_span text, uint8_t first_out[16], uint8_t last_out[16])
{
    weir_cedar_value value;
    uint8_t address[16] = {0};
    size_t at = 0;
    if (!weir_cedar_extension_parse(WEIR_CEDAR_IP, text, &value))
        return false;
    unsigned prefix = value.prefix;
    memcpy(address, value.ip.address, sizeof(address));
    if (!value.is_v6) {
        memmove(address + 12, value.ip.address, 4);
        memset(address, 0, 10);
        memset(address + 10, 0xff, 2);
        prefix += 96;
    }
    memcpy(first_out, address, 16);
    memcpy(last_out, address, 16);
    for (at = prefix / 8; at < 16; at++) {
        unsigned kept = at == prefix / 8 ? prefix % 8 : 0;
        uint8_t rest = (uint8_t)(0xffu >> kept);
        first_out[at] = (uint8_t)(first_out[at] & ~rest);
        last_out[at] = (uint8_t)(last_out[at] | rest);
    }
    return true;
}

static int
by_first(const void *a, const void *b)
{
    const struct weir_image_network *left = a;
    const struct weir_image_network *right = b;
    int order = memcmp(left->first, right->first, 16);
    return order != 0 ? order : memcmp(left->last, right->last, 16);
}

/* The address behind; false: there is none. */
static bool
next_address(uint8_t address[16])
{
    for (int i = 15; i >= 0; i--) {
        if (++address[i] != 0)
            return true;
    }
    return false;
}

static uint32_t
join(struct weir_image_network *rows, uint32_t count)
{
    uint32_t kept = 0;
    qsort(rows, count, sizeof(*rows), by_first);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t behind[16];
        if (kept > 0) {
            struct weir_image_network *last = &rows[kept - 1];
            memcpy(behind, last->last, 16);
            if (!next_address(behind) ||
                memcmp(rows[i].first, behind, 16) <= 0) {
                if (memcmp(rows[i].last, last->last, 16) > 0)
                    memcpy(last->last, rows[i].last, 16);
                continue;
            }
        }
        rows[kept++] = rows[i];
    }
    return kept;
}

void
weir__compile_networks(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    uint32_t pinned = 0;
    for (uint32_t i = 0; i < world->deployment_count; i++)
        pinned += world->deployment_rows[i].pins.networks.count;
    struct weir_image_network *rows = WEIR__COMPILE_ROWS(
        c, NETWORK, struct weir_image_network, world->hosting.count + pinned);
    if (rows == NULL)
        return;
    for (uint32_t i = 0; i < world->hosting.count; i++) {
        const struct weir_world_network *n =
            &world->network_rows[world->hosting.first + i];
        memcpy(rows[i].first, n->first, 16);
        memcpy(rows[i].last, n->last, 16);
    }
    c->facts.first_hosting = 0;
    c->facts.hosting_count = join(rows, world->hosting.count);
    c->counts[WEIR__SECTION_NETWORK] = c->facts.hosting_count;
    (void)WEIR__COMPILE_ROWS(c, DIGEST, struct weir_image_digest,
                             world->digest_count);
    c->counts[WEIR__SECTION_DIGEST] = 0;
    (void)WEIR__COMPILE_ROWS(c, PIN, struct weir_image_pin,
                             world->deployment_count);
    c->counts[WEIR__SECTION_PIN] = 0;
}

/* ---------------------------------------------------------------- pins */

static bool
is_pinned(const struct weir_world_pins *pins)
{
    return pins->region.header.len > 0 || pins->operated_by.header.len > 0 ||
           pins->certificates.count > 0 || pins->authorities.count > 0 ||
           pins->networks.count > 0;
}

static uint32_t
add_digests(struct weir__compiler *c, struct weir_world_range range)
{
    struct weir_image_digest *rows = c->rows[WEIR__SECTION_DIGEST];
    uint32_t first = c->counts[WEIR__SECTION_DIGEST];
    for (uint32_t i = 0; i < range.count; i++)
        memcpy(rows[c->counts[WEIR__SECTION_DIGEST]++].bytes,
               c->world->digest_rows[range.first + i].bytes, 32);
    return first;
}

static uint32_t
add_networks(struct weir__compiler *c, struct weir_world_range range)
{
    struct weir_image_network *rows = c->rows[WEIR__SECTION_NETWORK];
    uint32_t first = c->counts[WEIR__SECTION_NETWORK];
    for (uint32_t i = 0; i < range.count; i++) {
        const struct weir_world_network *n =
            &c->world->network_rows[range.first + i];
        struct weir_image_network *row =
            &rows[c->counts[WEIR__SECTION_NETWORK]++];
        memcpy(row->first, n->first, 16);
        memcpy(row->last, n->last, 16);
    }
    return first;
}

uint32_t
weir__compile_pin(struct weir__compiler *c, const struct weir_world_pins *pins)
{
    struct weir_image_pin *rows = c->rows[WEIR__SECTION_PIN];
    if (!is_pinned(pins))
        return WEIR_INDEX_NONE;
    uint32_t row = c->counts[WEIR__SECTION_PIN]++;
    rows[row] = (struct weir_image_pin){
        .region_header = weir__compile_text(c, pins->region.header),
        .region_value = weir__compile_text(c, pins->region.value),
        .operator_header = weir__compile_text(c, pins->operated_by.header),
        .operator_value = weir__compile_text(c, pins->operated_by.value),
        .flags = (pins->region.must ? WEIR_PIN_REGION_MUST : 0) |
                 (pins->operated_by.must ? WEIR_PIN_OPERATOR_MUST : 0),
        .first_certificate = add_digests(c, pins->certificates),
        .certificate_count = pins->certificates.count,
        .first_authority = add_digests(c, pins->authorities),
        .authority_count = pins->authorities.count,
        .first_network = add_networks(c, pins->networks),
        .network_count = pins->networks.count,
    };
    return row;
}

static void
check_claim(struct weir__check *check, const char *owner, const char *what,
            const struct weir_world_claim *claim)
{
    for (size_t i = 0; i < claim->header.len; i++) {
        char byte = claim->header.ptr[i];
        if ((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
            byte == '-' || byte == '_')
            continue;
        weir_faults_add(check->faults, claim->place,
                        "Write the name of one header, as x-region.",
                        "%s pins its %s to a header that cannot be one", owner,
                        what);
        return;
    }
    if (claim->header.len == 0 && claim->place.line != 0)
        weir_faults_add(check->faults, claim->place,
                        "Write {header: x-region, value: name}.",
                        "%s pins its %s and names no header", owner, what);
}

void
weir__check_pins(struct weir__check *check, const char *owner,
                 const struct weir_world_deployment *d)
{
    const struct weir_world_pins *pins = &d->pins;
    check_claim(check, owner, "region", &pins->region);
    check_claim(check, owner, "operator", &pins->operated_by);
    if (pins->certificates.count > PINS_MAX ||
        pins->authorities.count > PINS_MAX || pins->networks.count > PINS_MAX)
        weir_faults_add(
            check->faults, d->place, "Pin what is in use and what comes next.",
            "%s has more than %d pins of one kind", owner, PINS_MAX);
    if (pins->certificates.count + pins->authorities.count == 0 ||
        d->origin.row == WEIR_INDEX_NONE)
        return;
    if (!weir_span_equal(check->world->origin_rows[d->origin.row].scheme,
                         WEIR_SPAN("https")))
        weir_faults_add(check->faults, d->place,
                        "Use an origin with https, or pin addresses.",
                        "%s pins a certificate of an origin that has none",
                        owner);
}
