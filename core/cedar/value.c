/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/cedar.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lexer.h"

/* ------------------------------------------------------------- order */

static int
compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int
compare_ips(const weir_cedar_value *a, const weir_cedar_value *b)
{
    if (a->is_v6 != b->is_v6)
        return a->is_v6 ? 1 : -1;
    if (a->prefix != b->prefix)
        return a->prefix > b->prefix ? 1 : -1;
    return memcmp(a->ip.address, b->ip.address, sizeof(a->ip.address));
}

static int
compare_uids(const struct weir_cedar_uid *a, const struct weir_cedar_uid *b)
{
    int order = weir_span_compare(a->type, b->type);
    return order != 0 ? order : weir_span_compare(a->id, b->id);
}

/* Depth is that of the value, which its reader bounds. */
int
weir_cedar_value_compare(const weir_cedar_value *a, const weir_cedar_value *b)
{
    int order = 0;
    if (a->kind != b->kind)
        return a->kind > b->kind ? 1 : -1;
    switch (a->kind) {
    case WEIR_CEDAR_BOOL:
        return compare_numbers(a->boolean, b->boolean);
    case WEIR_CEDAR_STRING:
        return weir_span_compare(a->string, b->string);
    case WEIR_CEDAR_ENTITY:
        return a->uid == b->uid ? 0 : compare_uids(a->uid, b->uid);
    case WEIR_CEDAR_IP:
        return compare_ips(a, b);
    case WEIR_CEDAR_SET:
        for (uint32_t i = 0; order == 0 && i < a->count && i < b->count; i++)
            order = weir_cedar_value_compare(&a->elements[i], &b->elements[i]);
        return order != 0 ? order : compare_numbers(a->count, b->count);
    case WEIR_CEDAR_RECORD:
        for (uint32_t i = 0; order == 0 && i < a->count && i < b->count; i++) {
            order = weir_span_compare(a->fields[i].key, b->fields[i].key);
            if (order == 0)
                order = weir_cedar_value_compare(&a->fields[i].value,
                                                 &b->fields[i].value);
        }
        return order != 0 ? order : compare_numbers(a->count, b->count);
    default:
        return compare_numbers(a->number, b->number);
    }
}

bool
weir_cedar_uid_equal(const struct weir_cedar_uid *a,
                     const struct weir_cedar_uid *b)
{
    return weir_span_equal(a->id, b->id) && weir_span_equal(a->type, b->type);
}

/* ---------------------------------------------------- sets and records */

static int
by_value(const void *a, const void *b)
{
    return weir_cedar_value_compare(a, b);
}

static int
by_key(const void *a, const void *b)
{
    return weir_span_compare(((const struct weir_cedar_field *)a)->key,
                             ((const struct weir_cedar_field *)b)->key);
}

weir_cedar_value
weir_cedar_value_set(weir_cedar_value *elements, size_t count)
{
    weir_cedar_value set;
    uint32_t kept = 0;
    WEIR_ASSERT(count <= UINT32_MAX);
    memset(&set, 0, sizeof(set));
    if (count > 1)
        qsort(elements, count, sizeof(*elements), by_value);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || by_value(&elements[kept - 1], &elements[i]) != 0)
            elements[kept++] = elements[i];
    set.kind = WEIR_CEDAR_SET;
    set.count = kept;
    set.elements = elements;
    return set;
}

weir_status
weir_cedar_value_record(struct weir_cedar_field *fields, size_t count,
                        weir_cedar_value *value_out, struct weir_error *err)
{
    WEIR_ASSERT(count <= UINT32_MAX);
    if (count > 1)
        qsort(fields, count, sizeof(*fields), by_key);
    for (size_t i = 1; i < count; i++)
        if (weir_span_equal(fields[i - 1].key, fields[i].key))
            return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                             "a key occurs twice");
    memset(value_out, 0, sizeof(*value_out));
    value_out->kind = WEIR_CEDAR_RECORD;
    value_out->count = (uint32_t)count;
    value_out->fields = fields;
    return WEIR_OK;
}

const weir_cedar_value *
weir_cedar_record_get(const weir_cedar_value *record, weir_span key)
{
    uint32_t low = 0;
    uint32_t high = record->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = weir_span_compare(record->fields[middle].key, key);
        if (order == 0)
            return &record->fields[middle].value;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static const struct weir_cedar_uid *
copy_uid(struct weir_arena *arena, const struct weir_cedar_uid *uid)
{
    struct weir_cedar_uid *copy = weir_arena_alloc(arena, sizeof(*copy));
    if (copy == NULL)
        return NULL;
    copy->type = weir_arena_copy(arena, uid->type);
    copy->id = weir_arena_copy(arena, uid->id);
    return copy;
}

bool
weir_cedar_value_copy(struct weir_arena *arena, const weir_cedar_value *value,
                      weir_cedar_value *copy_out)
{
    weir_cedar_value copy = *value;
    weir_cedar_value *elements;
    struct weir_cedar_field *fields;
    switch (value->kind) {
    case WEIR_CEDAR_STRING:
        copy.string = weir_arena_copy(arena, value->string);
        break;
    case WEIR_CEDAR_ENTITY:
        copy.uid = copy_uid(arena, value->uid);
        break;
    case WEIR_CEDAR_SET:
        elements = weir_arena_array(arena, weir_cedar_value, value->count);
        for (uint32_t i = 0; elements != NULL && i < value->count; i++)
            if (!weir_cedar_value_copy(arena, &value->elements[i],
                                       &elements[i]))
                return false;
        copy.elements = elements;
        break;
    case WEIR_CEDAR_RECORD:
        fields = weir_arena_array(arena, struct weir_cedar_field, value->count);
        for (uint32_t i = 0; fields != NULL && i < value->count; i++) {
            fields[i].key = weir_arena_copy(arena, value->fields[i].key);
            if (!weir_cedar_value_copy(arena, &value->fields[i].value,
                                       &fields[i].value))
                return false;
        }
        copy.fields = fields;
        break;
    default:
        break;
    }
    if (arena->overflow)
        return false;
    *copy_out = copy;
    return true;
}

/* -------------------------------------------------------------- names */

bool
weir_cedar_name_valid(weir_span name)
{
    size_t at = 0;
    for (;;) {
        size_t start = at;
        while (at < name.len &&
               (name.ptr[at] == '_' ||
                (name.ptr[at] >= 'a' && name.ptr[at] <= 'z') ||
                (name.ptr[at] >= 'A' && name.ptr[at] <= 'Z') ||
                (at > start && name.ptr[at] >= '0' && name.ptr[at] <= '9')))
            at++;
        if (at == start ||
            weir__cedar_is_reserved((weir_span){name.ptr + start, at - start}))
            return false;
        if (at == name.len)
            return true;
        if (name.len - at < 2 || memcmp(name.ptr + at, "::", 2) != 0)
            return false;
        at += 2;
    }
}

/* --------------------------------------------------------------- text */

void
weir_cedar_string_write(struct weir_buf *buf, weir_span text)
{
    weir_buf_add_byte(buf, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\') {
            weir_buf_add_byte(buf, '\\');
            weir_buf_add_byte(buf, (char)c);
        } else if (c == '\n') {
            weir_buf_add_span(buf, WEIR_SPAN("\\n"));
        } else if (c == '\r') {
            weir_buf_add_span(buf, WEIR_SPAN("\\r"));
        } else if (c == '\t') {
            weir_buf_add_span(buf, WEIR_SPAN("\\t"));
        } else if (c == '\0') {
            weir_buf_add_span(buf, WEIR_SPAN("\\0"));
        } else if (c < 0x20 || c == 0x7F) {
            weir_buf_addf(buf, "\\u{%x}", c);
        } else {
            weir_buf_add_byte(buf, (char)c);
        }
    }
    weir_buf_add_byte(buf, '"');
}

void
weir_cedar_uid_write(struct weir_buf *buf, const struct weir_cedar_uid *uid)
{
    weir_buf_add_span(buf, uid->type);
    weir_buf_add_span(buf, WEIR_SPAN("::"));
    weir_cedar_string_write(buf, uid->id);
}

static void
write_decimal(struct weir_buf *buf, int64_t number)
{
    uint64_t magnitude = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    unsigned fraction = (unsigned)(magnitude % 10000);
    int width = 4;
    while (width > 1 && fraction % 10 == 0) {
        fraction /= 10;
        width--;
    }
    weir_buf_addf(buf, "decimal(\"%s%" PRIu64 ".%0*u\")", number < 0 ? "-" : "",
                  magnitude / 10000, width, fraction);
}

static void
write_ip(struct weir_buf *buf, const weir_cedar_value *value)
{
    const uint8_t *a = value->ip.address;
    weir_buf_add_span(buf, WEIR_SPAN("ip(\""));
    if (value->is_v6)
        for (int i = 0; i < 8; i++)
            weir_buf_addf(buf, "%s%x", i > 0 ? ":" : "",
                          (unsigned)(a[2 * i] << 8 | a[2 * i + 1]));
    else
        weir_buf_addf(buf, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
    if (value->prefix != (value->is_v6 ? 128 : 32))
        weir_buf_addf(buf, "/%u", value->prefix);
    weir_buf_add_span(buf, WEIR_SPAN("\")"));
}

static void
write_datetime(struct weir_buf *buf, int64_t ms)
{
    /* The years that the constructor reads. */
    const int64_t first = INT64_C(-62167219200000);
    const int64_t last = INT64_C(253402300799999);
    char text[WEIR_TIME_TEXT];
    if (ms < first || ms > last) {
        weir_buf_addf(buf,
                      "datetime(\"1970-01-01\").offset("
                      "duration(\"%" PRId64 "ms\"))",
                      ms);
        return;
    }
    weir_time_format(ms * WEIR_US_PER_MS, text);
    /* "YYYY-MM-DDThh:mm:ss.uuuuuuZ": milliseconds are enough. */
    weir_buf_addf(buf, "datetime(\"%.23sZ\")", text);
}

void
weir_cedar_value_write(struct weir_buf *buf, const weir_cedar_value *value)
{
    switch (value->kind) {
    case WEIR_CEDAR_BOOL:
        weir_buf_addf(buf, "%s", value->boolean ? "true" : "false");
        break;
    case WEIR_CEDAR_LONG:
        weir_buf_addf(buf, "%" PRId64, value->number);
        break;
    case WEIR_CEDAR_DECIMAL:
        write_decimal(buf, value->number);
        break;
    case WEIR_CEDAR_DATETIME:
        write_datetime(buf, value->number);
        break;
    case WEIR_CEDAR_DURATION:
        weir_buf_addf(buf, "duration(\"%" PRId64 "ms\")", value->number);
        break;
    case WEIR_CEDAR_STRING:
        weir_cedar_string_write(buf, value->string);
        break;
    case WEIR_CEDAR_ENTITY:
        weir_cedar_uid_write(buf, value->uid);
        break;
    case WEIR_CEDAR_IP:
        write_ip(buf, value);
        break;
    case WEIR_CEDAR_SET:
        weir_buf_add_byte(buf, '[');
        for (uint32_t i = 0; i < value->count; i++) {
            weir_buf_add(buf, ", ", i > 0 ? 2 : 0);
            weir_cedar_value_write(buf, &value->elements[i]);
        }
        weir_buf_add_byte(buf, ']');
        break;
    default:
        weir_buf_add_byte(buf, '{');
        for (uint32_t i = 0; i < value->count; i++) {
            weir_buf_add(buf, ", ", i > 0 ? 2 : 0);
            weir_cedar_string_write(buf, value->fields[i].key);
            weir_buf_add_span(buf, WEIR_SPAN(": "));
            weir_cedar_value_write(buf, &value->fields[i].value);
        }
        weir_buf_add_byte(buf, '}');
        break;
    }
}
