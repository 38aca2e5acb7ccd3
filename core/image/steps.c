/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps of the watch behind the grants of an overlay: rows of fixed size,
 * by subject, then the stricter first. An overlay without them is as it
 * always was; a build that does not know them takes no step.
 *
 * WHY SUBJECTS ARE THE HASHES OF ROWS. A call has these at hand already: key,
 * project, tenant and organisation carry them for budgets and withdrawals.
 * Finding whether a call has a step is then a few binary searches in a table
 * that is empty on most days.
 */
#include "format.h"

#include <stdlib.h>
#include <string.h>

static const char *const subject_names[] = {
    [WEIR_WATCH_OF_KEY] = "key",
    [WEIR_WATCH_OF_PROJECT] = "project",
    [WEIR_WATCH_OF_TENANT] = "tenant",
    [WEIR_WATCH_OF_ORGANISATION] = "organisation",
    [WEIR_WATCH_OF_GROUP] = "group",
    [WEIR_WATCH_OF_END_CUSTOMER] = "end_customer",
};

const char *
weir_watch_subject_name(uint32_t kind)
{
    return kind < WEIR_COUNTOF(subject_names) ? subject_names[kind] : NULL;
}

uint64_t
weir_watch_subject(enum weir_watch_subject_kind kind, weir_span name)
{
    switch (kind) {
    case WEIR_WATCH_OF_KEY:
        return weir_grant_party_hash(WEIR_GRANT_KEY, name);
    case WEIR_WATCH_OF_PROJECT:
        return weir_grant_party_hash(WEIR_GRANT_PROJECT, name);
    case WEIR_WATCH_OF_TENANT:
        return weir_grant_party_hash(WEIR_GRANT_TENANT, name);
    case WEIR_WATCH_OF_ORGANISATION:
    case WEIR_WATCH_OF_GROUP:
        return weir_grant_party_hash(WEIR_GRANT_ORGANISATION, name);
    case WEIR_WATCH_OF_END_CUSTOMER:
        break;
    }
    return 0;
}

uint64_t
weir_watch_end_customer(uint64_t tenant, weir_span name)
{
    if (name.len == 0)
        return 0;
    uint64_t hash = weir_hash64(name, tenant ^ WEIR__SUBJECT_END_CUSTOMER);
    return hash == 0 ? 1 : hash;
}

uint64_t
weir_watch_network(const uint8_t address[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    size_t len = memcmp(address, mapped, sizeof(mapped)) == 0 ? 15 : 6;
    uint64_t hash = weir_hash64((weir_span){(const char *)address, len},
                                WEIR__SUBJECT_NETWORK);
    return hash == 0 ? 1 : hash;
}

weir_span
weir_watch_step_id(const struct weir_watch_step *step)
{
    return (weir_span){step->id, strnlen(step->id, sizeof(step->id))};
}

/* It goes into a header: letters, digits and a few marks. */
static bool
is_case_id(weir_span id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.'))
            return false;
    }
    return id.len > 0 && id.len < WEIR_WATCH_CASE_BYTES;
}

bool
weir_watch_step_set_id(struct weir_watch_step *step, weir_span id)
{
    if (!is_case_id(id))
        return false;
    memset(step->id, 0, sizeof(step->id));
    memcpy(step->id, id.ptr, id.len);
    return true;
}

static int
by_subject(const void *a, const void *b)
{
    const struct weir_watch_step *left = a;
    const struct weir_watch_step *right = b;
    if (left->subject != right->subject)
        return left->subject < right->subject ? -1 : 1;
    return (int)right->action - (int)left->action;
}

void
weir_overlay_add_steps(const struct weir_watch_step *steps, size_t count,
                       struct weir_buf *out, size_t start)
{
    struct weir__overlay_header header;
    size_t size = count * sizeof(*steps);
    if (count == 0 || out->overflow)
        return;
    WEIR_ASSERT(count <= WEIR_WATCH_STEPS_MAX);
    size_t at = weir_buf_reserve(out, size, 8);
    if (out->overflow)
        return;
    memcpy(out->ptr + at, steps, size);
    qsort(out->ptr + at, count, sizeof(*steps), by_subject);
    memcpy(&header, out->ptr + start, sizeof(header));
    header.size = out->len - start;
    header.step_offset = (uint32_t)(at - start);
    header.step_count = (uint32_t)count;
    header.crc = 0;
    memcpy(out->ptr + start, &header, sizeof(header));
    header.crc = weir__overlay_crc(out->ptr + start, out->len - start);
    memcpy(out->ptr + start, &header, sizeof(header));
}

bool
weir__steps_are_sound(const struct weir_watch_step *steps, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_watch_step *step = &steps[i];
        if (!is_case_id(weir_watch_step_id(step)) || step->subject == 0 ||
            weir_watch_subject_name(step->subject_kind) == NULL ||
            step->target_kind > WEIR_GRANT_PROVIDER || step->action == 0 ||
            step->action > WEIR_WATCH_STEP_ACTION_MAX ||
            step->strip > WEIR_WATCH_STRIP_ALL ||
            step->agreed > WEIR_WATCH_STEP_ACTION_MAX ||
            step->delay_ms > WEIR_WATCH_DELAY_MS_MAX ||
            (i > 0 && by_subject(&steps[i - 1], step) > 0))
            return false;
    }
    return true;
}

const struct weir_watch_step *
weir_overlay_steps(const struct weir_overlay *overlay, uint64_t subject,
                   uint32_t *count_out)
{
    uint32_t low = 0;
    uint32_t high = overlay->step_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (overlay->steps[middle].subject < subject)
            low = middle + 1;
        else
            high = middle;
    }
    uint32_t end = low;
    while (end < overlay->step_count && overlay->steps[end].subject == subject)
        end++;
    *count_out = end - low;
    return overlay->steps + low;
}
