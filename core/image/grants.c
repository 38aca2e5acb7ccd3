/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants behind the names of an overlay: rows of fixed size, in the order
 * in which they are tried. An overlay without them is as it always was, and
 * a build that does not know them refuses nothing and grants nothing.
 */
#include "format.h"

#include <string.h>

static bool
copy(char *out, size_t size, weir_span text)
{
    if (text.len == 0 || text.len >= size)
        return false;
    memset(out, 0, size);
    memcpy(out, text.ptr, text.len);
    return true;
}

/* Bytes before the first NUL; `size` when there is none. */
static size_t
length(const char *bytes, size_t size)
{
    const char *end = memchr(bytes, '\0', size);
    return end == NULL ? size : (size_t)(end - bytes);
}

bool
weir_grant_set_id(struct weir_grant *grant, weir_span id)
{
    /* apart from the subjects of budgets; 0 is not a subject */
    grant->subject = weir_hash64(id, 0x104) | 1;
    return copy(grant->id, sizeof(grant->id), id);
}

bool
weir_grant_set_name(struct weir_grant *grant, weir_span name)
{
    return copy(grant->name, sizeof(grant->name), name);
}

weir_span
weir_grant_id(const struct weir_grant *grant)
{
    return (weir_span){grant->id, length(grant->id, sizeof(grant->id))};
}

weir_span
weir_grant_name(const struct weir_grant *grant)
{
    return (weir_span){grant->name, length(grant->name, sizeof(grant->name))};
}

uint64_t
weir_grant_party_hash(enum weir_grant_party kind, weir_span name)
{
    uint64_t hash = 0;
    switch (kind) {
    case WEIR_GRANT_ORGANISATION:
        return weir_kind_hash(WEIR_KIND_ORGANISATION, name);
    case WEIR_GRANT_KEY:
        return weir_kind_hash(WEIR_KIND_KEY, name);
    case WEIR_GRANT_TENANT:
        hash = weir_hash64(name, WEIR__SUBJECT_TENANT);
        break;
    case WEIR_GRANT_PROJECT:
        hash = weir_hash64(name, WEIR__SUBJECT_PROJECT);
        break;
    }
    return hash == 0 ? 1 : hash;
}

uint64_t
weir_grant_target_hash(enum weir_grant_target kind, weir_span name)
{
    switch (kind) {
    case WEIR_GRANT_ANY_MODEL:
        return 0;
    case WEIR_GRANT_MODEL:
        return weir_kind_hash(WEIR_KIND_MODEL, name);
    case WEIR_GRANT_PROVIDER:
        return weir_kind_hash(WEIR_KIND_PROVIDER, name);
    case WEIR_GRANT_FAMILY:
        return weir_hash64(name, 0x105);
    }
    return 0;
}

uint32_t
weir_grant_purpose_hash(weir_span purpose)
{
    uint32_t hash = (uint32_t)weir_hash64(purpose, 0x10a);
    return purpose.len == 0 ? 0 : hash == 0 ? 1 : hash;
}

uint64_t
weir_grant_place_hash(enum weir_grant_place kind, weir_span name)
{
    switch (kind) {
    case WEIR_GRANT_ANYWHERE:
        return 0;
    case WEIR_GRANT_JURISDICTION:
        return weir_kind_hash(WEIR_KIND_JURISDICTION, name);
    case WEIR_GRANT_REGION:
        return weir_hash64(name, 0x106);
    }
    return 0;
}

void
weir_overlay_add_grants(const struct weir_grant *grants, size_t count,
                        struct weir_buf *out, size_t start)
{
    struct weir__overlay_header header;
    size_t size = count * sizeof(*grants);
    if (count == 0 || out->overflow)
        return;
    WEIR_ASSERT(count <= WEIR_GRANTS_MAX);
    size_t at = weir_buf_reserve(out, size, 8);
    if (out->overflow)
        return;
    memcpy(out->ptr + at, grants, size);
    memcpy(&header, out->ptr + start, sizeof(header));
    header.size = out->len - start;
    header.grant_offset = (uint32_t)(at - start);
    header.grant_count = (uint32_t)count;
    header.crc = 0;
    memcpy(out->ptr + start, &header, sizeof(header));
    header.crc = weir__overlay_crc(out->ptr + start, out->len - start);
    memcpy(out->ptr + start, &header, sizeof(header));
}

static bool
is_text(const char *bytes, size_t size)
{
    size_t len = length(bytes, size);
    return len > 0 && len < size;
}

bool
weir__grants_are_sound(const struct weir_grant *grants, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_grant *grant = &grants[i];
        if (!is_text(grant->id, sizeof(grant->id)) ||
            !is_text(grant->name, sizeof(grant->name)) || grant->subject == 0 ||
            grant->party_kind < WEIR_GRANT_ORGANISATION ||
            grant->party_kind > WEIR_GRANT_KEY ||
            grant->target_kind > WEIR_GRANT_PROVIDER ||
            grant->place_kind > WEIR_GRANT_JURISDICTION)
            return false;
        for (size_t j = 0; j < WEIR_COUNTOF(grant->amounts); j++)
            if (grant->amounts[j] < WEIR_GRANT_UNLIMITED)
                return false;
    }
    return true;
}
