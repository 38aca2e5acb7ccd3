/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The overlay: 64 bytes of header, ascending hashes, then for each of them
 * who it is, then the names. Small, rewritten whole at each revocation or
 * withdrawal, so that it is live before an image could be compiled.
 */
#include "format.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    uint64_t hash;
    const struct weir_overlay_item *item;
};

static int
by_hash(const void *a, const void *b)
{
    const struct entry *left = a;
    const struct entry *right = b;
    return (left->hash > right->hash) - (left->hash < right->hash);
}

uint32_t
weir__overlay_crc(const char *bytes, size_t size)
{
    struct weir__overlay_header header;
    memcpy(&header, bytes, sizeof(header));
    header.crc = 0;
    uint32_t crc = weir_crc32c(0, &header, sizeof(header));
    return weir_crc32c(crc, bytes + sizeof(header), size - sizeof(header));
}

static void
write_names(struct weir_buf *out, size_t start, const struct entry *entries,
            uint32_t count)
{
    size_t names =
        weir_buf_reserve(out, count * sizeof(struct weir__overlay_name), 8);
    for (uint32_t i = 0; i < count && !out->overflow; i++) {
        const struct weir_overlay_item *item = entries[i].item;
        struct weir__overlay_name name = {
            .kind = (uint32_t)item->kind,
            .name = {(uint32_t)(out->len - start), (uint32_t)item->name.len},
        };
        memcpy(out->ptr + names + i * sizeof(name), &name, sizeof(name));
        weir_buf_add_span(out, item->name);
    }
}

void
weir_overlay_write(const struct weir_overlay_item *items, size_t count,
                   uint64_t generation, weir_time now, bool cut_streams,
                   struct weir_buf *out)
{
    size_t start =
        weir_buf_reserve(out, sizeof(struct weir__overlay_header), 8);
    struct entry *entries = calloc(count + 1, sizeof(*entries));
    if (entries == NULL || count > UINT32_MAX / 2)
        out->overflow = true;
    uint32_t kept = 0;
    for (size_t i = 0; i < count && !out->overflow; i++)
        entries[i] = (struct entry){
            weir_kind_hash(items[i].kind, items[i].name), &items[i]};
    if (!out->overflow)
        qsort(entries, count, sizeof(*entries), by_hash);
    for (size_t i = 0; i < count && !out->overflow; i++) {
        if (kept > 0 && entries[kept - 1].hash == entries[i].hash)
            continue;
        entries[kept++] = entries[i];
        weir_buf_add(out, &entries[i].hash, sizeof(entries[i].hash));
    }
    write_names(out, start, entries, kept);
    free(entries);
    if (out->overflow)
        return;
    struct weir__overlay_header header = {
        .magic = WEIR__OVERLAY_MAGIC,
        .version = WEIR_IMAGE_VERSION,
        .count = kept,
        .size = out->len - start,
        .generation = generation,
        .created = now,
        .cut_streams = cut_streams,
    };
    memcpy(out->ptr + start, &header, sizeof(header));
    header.crc = weir__overlay_crc(out->ptr + start, out->len - start);
    memcpy(out->ptr + start, &header, sizeof(header));
}

static weir_status
corrupt(struct weir_error *err, const char *what)
{
    return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE, "overlay: %s", what);
}

static weir_status
check_names(weir_span bytes, uint32_t count, struct weir_error *err)
{
    size_t names =
        sizeof(struct weir__overlay_header) + (size_t)count * sizeof(uint64_t);
    size_t text = names + (size_t)count * sizeof(struct weir__overlay_name);
    for (uint32_t i = 0; i < count; i++) {
        struct weir__overlay_name name;
        memcpy(&name, bytes.ptr + names + i * sizeof(name), sizeof(name));
        if (name.name.offset < text || name.name.offset > bytes.len ||
            name.name.len > bytes.len - name.name.offset)
            return corrupt(err, "a name out of range");
    }
    return WEIR_OK;
}

weir_status
weir_overlay_open(weir_span bytes, struct weir_overlay *overlay_out,
                  struct weir_error *err)
{
    struct weir__overlay_header header;
    if (bytes.len < sizeof(header))
        return corrupt(err, "shorter than its header");
    if ((uintptr_t)bytes.ptr % 8 != 0)
        return corrupt(err, "not at a multiple of 8 bytes");
    memcpy(&header, bytes.ptr, sizeof(header));
    if (header.magic != WEIR__OVERLAY_MAGIC)
        return corrupt(err, "not an overlay");
    if (header.version != WEIR_IMAGE_VERSION)
        return weir_fail(err, WEIR_EVERSION, 8,
                         "overlay: version %u, this build reads %d",
                         header.version, WEIR_IMAGE_VERSION);
    size_t each = sizeof(uint64_t) + sizeof(struct weir__overlay_name);
    if (header.size != bytes.len ||
        header.count > (bytes.len - sizeof(header)) / each)
        return corrupt(err, "cut off, or longer than written");
    if (header.crc != weir__overlay_crc(bytes.ptr, bytes.len))
        return corrupt(err, "the content fails its check");
    const uint64_t *hashes = (const void *)(bytes.ptr + sizeof(header));
    for (uint32_t i = 1; i < header.count; i++) {
        if (hashes[i - 1] >= hashes[i])
            return corrupt(err, "hashes out of order");
    }
    weir_status status = check_names(bytes, header.count, err);
    if (status != WEIR_OK)
        return status;
    const struct weir_grant *grants =
        (const void *)(bytes.ptr + header.grant_offset);
    if (header.grant_count > WEIR_GRANTS_MAX || header.grant_offset % 8 != 0 ||
        header.grant_offset > bytes.len ||
        header.grant_count >
            (bytes.len - header.grant_offset) / sizeof(*grants) ||
        !weir__grants_are_sound(grants, header.grant_count))
        return corrupt(err, "a grant that cannot be one");
    const struct weir_watch_step *steps =
        (const void *)(bytes.ptr + header.step_offset);
    if (header.step_count > WEIR_WATCH_STEPS_MAX ||
        header.step_offset % 8 != 0 || header.step_offset > bytes.len ||
        header.step_count > (bytes.len - header.step_offset) / sizeof(*steps) ||
        !weir__steps_are_sound(steps, header.step_count))
        return corrupt(err, "a step that cannot be one");
    uint32_t watch_grants = 0;
    for (uint32_t i = 0; i < header.grant_count; i++)
        watch_grants += grants[i].use == WEIR_GRANT_FOR_WATCH;
    *overlay_out = (struct weir_overlay){
        .bytes = bytes,
        .generation = header.generation,
        .created = header.created,
        .hashes = hashes,
        .count = header.count,
        .cut_streams = header.cut_streams != 0,
        .grants = grants,
        .grant_count = header.grant_count,
        .watch_grant_count = watch_grants,
        .steps = steps,
        .step_count = header.step_count,
    };
    return WEIR_OK;
}

struct weir_overlay_item
weir_overlay_get(const struct weir_overlay *overlay, uint32_t row)
{
    struct weir__overlay_name name;
    WEIR_ASSERT(row < overlay->count);
    memcpy(&name,
           overlay->bytes.ptr + sizeof(struct weir__overlay_header) +
               overlay->count * sizeof(uint64_t) + row * sizeof(name),
           sizeof(name));
    return (struct weir_overlay_item){
        (enum weir_kind)name.kind,
        {overlay->bytes.ptr + name.name.offset, name.name.len}};
}

bool
weir_overlay_has(const struct weir_overlay *overlay, uint64_t hash)
{
    size_t low = 0;
    size_t high = overlay->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (overlay->hashes[middle] == hash)
            return true;
        if (overlay->hashes[middle] < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}
