/* SPDX-License-Identifier: Apache-2.0 */
#include "read.h"

#include <stdio.h>
#include <string.h>

#define TEXT_MAX 4096

void
read_fault(struct reader *r, const struct yaml_node *node, const char *advice,
           const char *what)
{
    weir_faults_add(r->faults, node->place, advice, "%.*s%s%s",
                    (int)(node->key.len < 64 ? node->key.len : 64),
                    node->key.len > 0 ? node->key.ptr : "",
                    node->key.len > 0 ? ": " : "", what);
}

/* Of two short words; enough to guess what was meant. */
static size_t
edits(weir_span a, weir_span b)
{
    size_t row[65];
    if (a.len > 64 || b.len > 64)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t cost = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < cost)
                cost = row[j] + 1;
            if (row[j - 1] + 1 < cost)
                cost = row[j - 1] + 1;
            row[j] = cost;
        }
    }
    return row[b.len];
}

static void
add_unknown(struct reader *r, const struct yaml_node *child, const char *what,
            const struct field *fields, size_t count)
{
    char advice[256];
    const char *nearest = NULL;
    size_t best = child->key.len / 2 + 1;
    for (size_t i = 0; i < count; i++) {
        size_t cost = edits(child->key, weir_span_of(fields[i].key));
        if (cost < best) {
            best = cost;
            nearest = fields[i].key;
        }
    }
    if (nearest != NULL) {
        snprintf(advice, sizeof(advice), "Did you mean \"%s\"?", nearest);
    } else {
        size_t len = (size_t)snprintf(advice, sizeof(advice), "Known are:");
        for (size_t i = 0; i < count && len < sizeof(advice) - 40; i++)
            len += (size_t)snprintf(advice + len, sizeof(advice) - len, "%s %s",
                                    i == 0 ? "" : ",", fields[i].key);
    }
    weir_faults_add(
        r->faults, child->key_place, advice, "%s has no key \"%.*s\"", what,
        (int)(child->key.len < 64 ? child->key.len : 64), child->key.ptr);
}

void
read_fields(struct reader *r, const struct yaml_node *node, const char *what,
            const struct field *fields, size_t count, void *row)
{
    if (node->kind != YAML_MAPPING) {
        weir_faults_add(r->faults, node->place,
                        "Write `key: value` lines, or {key: value}.",
                        "%s is not a mapping", what);
        return;
    }
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        size_t i = 0;
        while (i < count &&
               !weir_span_equal(n->key, weir_span_of(fields[i].key)))
            i++;
        if (i == count)
            add_unknown(r, n, what, fields, count);
        else
            fields[i].read(r, n, (char *)row + fields[i].offset);
    }
}

void
read_row(struct reader *r, const struct yaml_node *node, const char *what,
         const struct field *fields, size_t count, void *row)
{
    if (row == NULL)
        return; /* out of memory: said once, at the end */
    memcpy(row, &node->place, sizeof(node->place));
    for (size_t i = 0; i < count; i++) {
        if (fields[i].read == read_name)
            memcpy((char *)row + fields[i].offset, &node->place,
                   sizeof(node->place));
    }
    read_fields(r, node, what, fields, count, row);
}

bool
is_list(struct reader *r, const struct yaml_node *node, const char *what)
{
    if (node->kind == YAML_SEQUENCE)
        return true;
    weir_faults_add(r->faults, node->place,
                    "Write one line beginning with `- ` for each.",
                    "%s is not a list", what);
    return false;
}

bool
read_text_value(struct reader *r, const struct yaml_node *node,
                weir_span *text_out)
{
    if (node->kind != YAML_TEXT) {
        read_fault(r, node, "Write one value.", "a text is expected");
        return false;
    }
    if (node->text.len == 0 ||
        (node->is_plain && (weir_span_equal(node->text, WEIR_SPAN("~")) ||
                            weir_span_equal(node->text, WEIR_SPAN("null"))))) {
        read_fault(r, node, "Give a value or remove the line.", "nothing");
        return false;
    }
    if (node->text.len > TEXT_MAX) {
        read_fault(r, node, "Shorten it.", "longer than 4096 bytes");
        return false;
    }
    for (size_t i = 0; i < node->text.len; i++) {
        if ((unsigned char)node->text.ptr[i] < 0x20 ||
            node->text.ptr[i] == 0x7f) {
            read_fault(r, node, "Write it on one line.", "a control character");
            return false;
        }
    }
    *text_out = weir_arena_copy(&r->world->arena, node->text);
    return true;
}

weir_span
read_join(struct reader *r, weir_span path)
{
    bool is_absolute = path.len > 0 && path.ptr[0] == '/';
    if (is_absolute || r->dir.len == 0)
        return path;
    size_t len = r->dir.len + 1 + path.len;
    char *text = weir_arena_alloc(&r->world->arena, len + 1);
    if (text == NULL)
        return WEIR_SPAN_NONE;
    memcpy(text, r->dir.ptr, r->dir.len);
    text[r->dir.len] = '/';
    memcpy(text + r->dir.len + 1, path.ptr, path.len);
    return (weir_span){text, len};
}

void
read_text(struct reader *r, const struct yaml_node *node, void *member)
{
    (void)read_text_value(r, node, member);
}

void
read_path(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_span path;
    if (read_text_value(r, node, &path))
        *(weir_span *)member = read_join(r, path);
}

void
read_name(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_name *name = member;
    name->place = node->place;
    name->row = WEIR_INDEX_NONE;
    (void)read_text_value(r, node, &name->text);
}

static void
add_name(struct reader *r, const struct yaml_node *node,
         struct weir_world_range *range)
{
    struct weir_world_name *name = weir_world_add_name(r->world);
    if (name == NULL)
        return;
    read_name(r, node, name);
    range->count++;
}

void
read_names(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_range *range = member;
    range->first = r->world->name_count;
    range->count = 0;
    if (node->kind == YAML_TEXT) {
        add_name(r, node, range);
        return;
    }
    if (!is_list(r, node, "the value"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next)
        add_name(r, n, range);
}

void
read_bool(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    if (weir_span_equal(text, WEIR_SPAN("true")))
        *(bool *)member = true;
    else if (weir_span_equal(text, WEIR_SPAN("false")))
        *(bool *)member = false;
    else
        read_fault(r, node, "Write true or false.", "neither true nor false");
}

void
read_u32(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_span text;
    uint64_t value;
    if (!read_text_value(r, node, &text))
        return;
    if (weir_span_to_u64(text, &value) && value <= UINT32_MAX - 1)
        *(uint32_t *)member = (uint32_t)value;
    else
        read_fault(r, node, "Write digits only, below 4294967295.",
                   "not a whole number");
}

struct unit {
    const char *name;
    uint64_t size;
};

/* "20 MiB": digits, an optional blank, a unit of the table. */
static bool
read_quantity(weir_span text, const struct unit *units, size_t count,
              uint64_t *value_out)
{
    size_t digits = 0;
    uint64_t value;
    while (digits < text.len && text.ptr[digits] >= '0' &&
           text.ptr[digits] <= '9')
        digits++;
    weir_span unit = {text.ptr + digits, text.len - digits};
    if (unit.len > 0 && unit.ptr[0] == ' ') {
        unit.ptr++;
        unit.len--;
    }
    if (!weir_span_to_u64((weir_span){text.ptr, digits}, &value))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (weir_span_equal(unit, weir_span_of(units[i].name)))
            return !__builtin_mul_overflow(value, units[i].size, value_out);
    }
    return false;
}

static bool
read_duration(struct reader *r, const struct yaml_node *node, uint64_t most_ms,
              uint64_t *ms_out)
{
    static const struct unit units[] = {{"ms", 1},
                                        {"s", 1000},
                                        {"min", 60000},
                                        {"h", 3600000},
                                        {"d", 86400000}};
    weir_span text;
    if (!read_text_value(r, node, &text))
        return false;
    if (read_quantity(text, units, WEIR_COUNTOF(units), ms_out) &&
        *ms_out <= most_ms)
        return true;
    read_fault(r, node, "Write a number and ms, s, min, h or d: `30 s`.",
               "not a duration");
    return false;
}

void
read_ms(struct reader *r, const struct yaml_node *node, void *member)
{
    uint64_t ms;
    if (read_duration(r, node, UINT32_MAX, &ms))
        *(uint32_t *)member = (uint32_t)ms;
}

void
read_us(struct reader *r, const struct yaml_node *node, void *member)
{
    uint64_t ms;
    /* A hundred years; sums with any time of today stay in range. */
    if (read_duration(r, node, UINT64_C(36525) * 86400000, &ms))
        *(weir_time *)member = (weir_time)ms * WEIR_US_PER_MS;
}

static bool
read_size(struct reader *r, const struct yaml_node *node, uint64_t most,
          uint64_t *bytes_out)
{
    static const struct unit units[] = {{"B", 1},
                                        {"KiB", UINT64_C(1) << 10},
                                        {"MiB", UINT64_C(1) << 20},
                                        {"GiB", UINT64_C(1) << 30},
                                        {"kB", 1000},
                                        {"MB", 1000000},
                                        {"GB", 1000000000}};
    weir_span text;
    if (!read_text_value(r, node, &text))
        return false;
    if (read_quantity(text, units, WEIR_COUNTOF(units), bytes_out) &&
        *bytes_out <= most)
        return true;
    read_fault(r, node, "Write a number and B, KiB, MiB or GiB: `20 MiB`.",
               "not a size");
    return false;
}

void
read_bytes(struct reader *r, const struct yaml_node *node, void *member)
{
    uint64_t bytes;
    if (read_size(r, node, INT64_MAX, &bytes))
        *(uint64_t *)member = bytes;
}

void
read_bytes32(struct reader *r, const struct yaml_node *node, void *member)
{
    uint64_t bytes;
    if (read_size(r, node, UINT32_MAX, &bytes))
        *(uint32_t *)member = (uint32_t)bytes;
}

void
read_time(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_span text;
    if (read_text_value(r, node, &text) && !weir_time_parse(text, member))
        read_fault(r, node, "Write 2026-11-10 or 2026-11-10T00:00:00Z.",
                   "not a date or time");
}

void
read_seconds(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_time when = WEIR_TIME_MIN;
    read_time(r, node, &when);
    if (when != WEIR_TIME_MIN)
        *(int64_t *)member = when / WEIR_US_PER_SEC;
}

void
read_money(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_span text;
    struct weir_error err;
    if (read_text_value(r, node, &text) &&
        weir_micros_parse(text, member, &err) != WEIR_OK)
        read_fault(r, node,
                   "Write digits and a point: \"0.15\"; no sign, no exponent, "
                   "at most six decimals.",
                   err.text);
}

void
read_share(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_span text;
    weir_share low;
    weir_share high;
    struct weir_error err;
    static const char advice[] =
        "Write 51%, 0.51, [25%, 50%], \">25%-50%\" or unknown.";
    if (node->kind != YAML_SEQUENCE) {
        if (read_text_value(r, node, &text) &&
            weir_share_parse(text, member, &err) != WEIR_OK)
            read_fault(r, node, advice, err.text);
        return;
    }
    if (node->count != 2 || node->first->kind != YAML_TEXT ||
        node->first->next->kind != YAML_TEXT ||
        weir_share_parse(node->first->text, &low, NULL) != WEIR_OK ||
        weir_share_parse(node->first->next->text, &high, NULL) != WEIR_OK ||
        low.low != low.high || high.low != high.high || low.low > high.high) {
        read_fault(r, node, advice, "not a band of shares");
        return;
    }
    *(weir_share *)member = (weir_share){low.low, high.high};
}
