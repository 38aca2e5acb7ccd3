/* SPDX-License-Identifier: Apache-2.0 */
/* Reading an opened image on the request path: no checks are left to do. */
#include "format.h"

#include <string.h>

weir_span
weir_image_text(const struct weir_image *image, weir_ref ref)
{
    return (weir_span){image->bytes.ptr + ref.offset, ref.len};
}

weir_ref
weir_image_price(const struct weir_image *image, uint32_t deployment,
                 const struct weir_price_when *when,
                 struct weir_price *price_out)
{
    const struct weir_image_sheet *sheet =
        &image->sheets[image->deployments[deployment].sheet];
    const struct weir_image_change *rows = image->changes + sheet->first_change;
    weir_ref version = sheet->version;
    uint32_t stated = sheet->stated;

    *price_out = sheet->price;
    for (uint32_t i = 0; i < sheet->change_count; i++) {
        if (!weir_price_fits(&rows[i].change, when))
            continue;
        weir_price_lay(&rows[i].change, price_out, &stated);
        if (rows[i].version.len > 0)
            version = rows[i].version;
    }
    weir_price_fill(price_out, stated);
    return version;
}

uint32_t
weir_image_find_route(const struct weir_image *image, weir_span name)
{
    uint32_t at = (uint32_t)weir__index_hash(name) & image->route_mask;
    for (;; at = (at + 1) & image->route_mask) {
        uint32_t slot = image->route_index[at];
        if (slot == 0)
            return WEIR_INDEX_NONE;
        if (weir_span_equal(
                weir_image_text(image, image->routes[slot - 1].name), name))
            return slot - 1;
    }
}

/* The digest is of a secret of 256 bits, so comparing it byte by byte tells
 * a caller nothing that helps to find the secret. */
uint32_t
weir_image_find_key(const struct weir_image *image, const uint8_t digest[32])
{
    uint32_t at = (uint32_t)weir__index_digest(digest) & image->key_mask;
    for (;; at = (at + 1) & image->key_mask) {
        uint32_t slot = image->key_index[at];
        if (slot == 0)
            return WEIR_INDEX_NONE;
        if (memcmp(image->keys[slot - 1].digest, digest, 32) == 0)
            return slot - 1;
    }
}

uint32_t
weir_image_find_jurisdiction(const struct weir_image *image, weir_span code)
{
    uint32_t at = (uint32_t)weir__index_hash(code) & image->jurisdiction_mask;
    for (;; at = (at + 1) & image->jurisdiction_mask) {
        uint32_t slot = image->jurisdiction_index[at];
        if (slot == 0)
            return WEIR_INDEX_NONE;
        if (weir_span_equal(
                weir_image_text(image, image->jurisdictions[slot - 1].code),
                code))
            return slot - 1;
    }
}

uint32_t
weir_image_find_listing(const struct weir_image *image, weir_span name)
{
    uint32_t at = (uint32_t)weir__index_hash(name) & image->listing_mask;
    for (;; at = (at + 1) & image->listing_mask) {
        uint32_t slot = image->listing_index[at];
        if (slot == 0)
            return WEIR_INDEX_NONE;
        if (weir_span_equal(
                weir_image_text(image, image->listings[slot - 1].name), name))
            return slot - 1;
    }
}

bool
weir_image_has_place(const struct weir_image *image, uint32_t set, uint32_t row)
{
    return row < image->jurisdiction_count &&
           (image->place_sets[set].bits[row / 64] >> row % 64 & 1) != 0;
}

static bool
is_within(const struct weir_image_network *network, const uint8_t address[16])
{
    return memcmp(network->first, address, 16) <= 0 &&
           memcmp(address, network->last, 16) <= 0;
}

bool
weir_image_has_address(const struct weir_image *image, uint32_t first,
                       uint32_t count, bool is_sorted,
                       const uint8_t address[16])
{
    const struct weir_image_network *rows = image->networks + first;
    if (!is_sorted) {
        for (uint32_t i = 0; i < count; i++) {
            if (is_within(&rows[i], address))
                return true;
        }
        return false;
    }
    /* The last network that does not begin behind the address. */
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (memcmp(rows[middle].first, address, 16) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && is_within(&rows[low - 1], address);
}

const char *
weir_route_mode_name(uint32_t mode)
{
    static const char *const names[WEIR_ROUTE_MODES] = {
        [WEIR_ROUTE_ORDER] = "order",
        [WEIR_ROUTE_WEIGHT] = "weight",
        [WEIR_ROUTE_PRICE] = "price",
        [WEIR_ROUTE_LATENCY] = "latency",
        [WEIR_ROUTE_LEAST_BUSY] = "least_busy",
        [WEIR_ROUTE_STICKY] = "sticky",
        [WEIR_ROUTE_COMPLEXITY] = "complexity",
    };
    return mode < WEIR_ROUTE_MODES ? names[mode] : NULL;
}

uint32_t
weir_image_find_server(const struct weir_image *image, weir_span name)
{
    for (uint32_t i = 0; i < image->server_count; i++)
        if (weir_span_equal(
                weir_image_text(image,
                                image->models[image->servers[i].model].name),
                name))
            return i;
    return WEIR_INDEX_NONE;
}

bool
weir_image_has_tool(const struct weir_image *image, uint32_t server,
                    weir_span tool)
{
    const struct weir_image_server *row = &image->servers[server];
    uint32_t low = row->first;
    uint32_t high = row->first + row->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = weir_span_compare(
            weir_image_text(image, image->tools[middle].name), tool);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}
