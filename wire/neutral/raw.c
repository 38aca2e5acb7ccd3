/* SPDX-License-Identifier: Apache-2.0 */
/* Picking members out of values that a reader has seen before. */
#include <weir/raw.h>

#include <string.h>

enum weir_json_kind
weir_raw_kind(weir_span raw)
{
    if (raw.len == 0)
        return WEIR_JSON_NONE;
    switch (raw.ptr[0]) {
    case '{':
        return WEIR_JSON_OBJECT;
    case '[':
        return WEIR_JSON_ARRAY;
    case '"':
        return WEIR_JSON_STRING;
    case 'n':
        return WEIR_JSON_NULL;
    case 't':
        return WEIR_JSON_TRUE;
    case 'f':
        return WEIR_JSON_FALSE;
    default:
        return WEIR_JSON_NUMBER;
    }
}

static bool
names(weir_span name, const char *text)
{
    return strlen(text) == name.len && memcmp(text, name.ptr, name.len) == 0;
}

bool
weir_raw_names_proto(weir_span name, const char *camel)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == '_' && i > 0 && i + 1 < name.len) {
            c = name.ptr[++i];
            c = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        }
        if (*camel == '\0' || *camel++ != c)
            return false;
    }
    return *camel == '\0';
}

static bool
pick(weir_span object, const char *const *wanted, size_t count,
     bool (*is_named)(weir_span, const char *), weir_span *raws_out,
     weir_raw_other other, void *context)
{
    char memory[256]; /* a longer name with escapes ends the reading */
    struct weir_arena arena;
    struct weir_json_reader reader;
    weir_span name;
    weir_span raw;

    WEIR_ASSERT(count <= WEIR_RAW_MEMBERS_MAX);
    for (size_t i = 0; i < count; i++)
        raws_out[i] = WEIR_SPAN_NONE;
    weir_arena_init(&arena, memory, sizeof(memory));
    weir_json_reader_init(&reader, object, &arena);
    if (weir_json_peek(&reader) != WEIR_JSON_OBJECT ||
        !weir_json_object(&reader))
        return false;
    while (weir_json_member(&reader, &name)) {
        size_t i = 0;
        if (!weir_json_raw(&reader, &raw))
            return false;
        while (i < count && !is_named(name, wanted[i]))
            i++;
        if (i < count)
            raws_out[i] =
                weir_raw_kind(raw) == WEIR_JSON_NULL ? WEIR_SPAN_NONE : raw;
        else if (other != NULL)
            other(context, name, raw);
        arena.used = 0;
    }
    return weir_json_reader_end(&reader, NULL) == WEIR_OK;
}

bool
weir_raw_pick(weir_span object, const char *const *wanted, size_t count,
              weir_span *raws_out, weir_raw_other other, void *context)
{
    return pick(object, wanted, count, names, raws_out, other, context);
}

bool
weir_raw_pick_proto(weir_span object, const char *const *wanted, size_t count,
                    weir_span *raws_out, weir_raw_other other, void *context)
{
    return pick(object, wanted, count, weir_raw_names_proto, raws_out, other,
                context);
}

void
weir_raw_array_init(struct weir_raw_array *array, weir_span raw)
{
    weir_json_reader_init(&array->reader, raw, NULL);
    array->count = 0;
    if (weir_json_peek(&array->reader) == WEIR_JSON_ARRAY)
        (void)weir_json_array(&array->reader);
    else
        (void)weir_json_reject(&array->reader, WEIR_ETYPE, "no array");
}

bool
weir_raw_array_next(struct weir_raw_array *array, weir_span *raw_out)
{
    if (!weir_json_element(&array->reader) ||
        !weir_json_raw(&array->reader, raw_out))
        return false;
    array->count++;
    return true;
}

uint64_t
weir_raw_uint(weir_span raw)
{
    uint64_t value;
    return weir_json_to_uint64(raw, &value) ? value : 0;
}

bool
weir_raw_is(weir_span raw, const char *text)
{
    size_t len = strlen(text);
    return raw.len == len + 2 && raw.ptr[0] == '"' &&
           memcmp(raw.ptr + 1, text, len) == 0;
}
