/* SPDX-License-Identifier: Apache-2.0 */
/* Reading an opened image on the request path: no checks are left to do. */
#include "format.h"

#include <string.h>

weir_span
weir_image_text(const struct weir_image *image, weir_ref ref)
{
    return (weir_span){image->bytes.ptr + ref.offset, ref.len};
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
