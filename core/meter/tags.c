/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/tags.h>

#include <weir/json.h>

#include <string.h>

static bool
is_made_of(weir_span text, const char *marks)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || strchr(marks, c) != NULL) ||
            c == '\0')
            return false;
    }
    return text.len > 0;
}

static bool
is_tag(weir_span name, weir_span value)
{
    return name.len <= WEIR_TAG_NAME_MAX && value.len <= WEIR_TAG_VALUE_MAX &&
           is_made_of(name, "_-.") && is_made_of(value, "_-./:+@") &&
           !(name.ptr[0] >= '0' && name.ptr[0] <= '9') &&
           strchr("_-.", name.ptr[0]) == NULL;
}

bool
weir_tags_put(struct weir_tags *tags, weir_span name, weir_span value)
{
    size_t bytes = name.len + value.len + 2;
    if (!is_tag(name, value))
        return false;
    for (uint32_t i = 0; i < tags->count; i++) {
        if (weir_span_equal(tags->of[i].name, name))
            return true;
    }
    if (tags->count == WEIR_TAGS_MAX || tags->bytes + bytes > WEIR_TAGS_BYTES)
        return false;
    tags->bytes += (uint32_t)bytes;
    tags->of[tags->count++] = (struct weir_tag){name, value};
    return true;
}

static weir_span
trim(weir_span text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 &&
           (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* What stands before `mark`; `text` is what stands behind it. */
static weir_span
cut_at(weir_span *text, char mark)
{
    const char *at = text->len == 0 ? NULL : memchr(text->ptr, mark, text->len);
    weir_span head = *text;
    if (at == NULL) {
        *text = (weir_span){text->ptr + text->len, 0};
        return head;
    }
    head.len = (size_t)(at - text->ptr);
    *text = (weir_span){at + 1, text->len - head.len - 1};
    return head;
}

weir_status
weir_tags_read(struct weir_tags *tags, weir_span text, struct weir_error *err)
{
    while (text.len > 0) {
        weir_span value = trim(cut_at(&text, ','));
        if (value.len == 0)
            continue;
        weir_span name = trim(cut_at(&value, '='));
        value = trim(value);
        if (!is_tag(name, value))
            return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                             "a tag is NAME=VALUE: a name of at most %d "
                             "letters, digits and `_-.`, a value of at most "
                             "%d, also `/:+@`",
                             WEIR_TAG_NAME_MAX, WEIR_TAG_VALUE_MAX);
        if (!weir_tags_put(tags, name, value))
            return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                             "a call has at most %d tags in %d bytes",
                             WEIR_TAGS_MAX, WEIR_TAGS_BYTES);
    }
    return WEIR_OK;
}

void
weir_tags_read_metadata(struct weir_tags *tags, weir_span metadata,
                        struct weir_arena *memory)
{
    struct weir_json_reader reader;
    weir_span name, value;
    if (metadata.len == 0 || metadata.ptr[0] != '{')
        return;
    weir_json_reader_init(&reader, metadata, memory);
    if (!weir_json_object(&reader))
        return;
    while (weir_json_member(&reader, &name)) {
        if (weir_json_peek(&reader) != WEIR_JSON_STRING)
            continue;
        if (weir_json_string(&reader, &value) &&
            !weir_span_equal(name, WEIR_SPAN("user_id")))
            (void)weir_tags_put(tags, name, value);
    }
}

size_t
weir_tags_write(const struct weir_tags *tags, char text_out[WEIR_TAGS_BYTES])
{
    uint8_t order[WEIR_TAGS_MAX];
    size_t used = 0;
    for (uint32_t i = 0; i < tags->count; i++) {
        uint32_t at = i;
        while (at > 0 && weir_span_compare(tags->of[order[at - 1]].name,
                                           tags->of[i].name) > 0) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = (uint8_t)i;
    }
    for (uint32_t i = 0; i < tags->count; i++) {
        const struct weir_tag *tag = &tags->of[order[i]];
        if (used > 0)
            text_out[used++] = ',';
        memcpy(text_out + used, tag->name.ptr, tag->name.len);
        used += tag->name.len;
        text_out[used++] = '=';
        memcpy(text_out + used, tag->value.ptr, tag->value.len);
        used += tag->value.len;
    }
    return used;
}

bool
weir_tags_next(weir_span *text, struct weir_tag *tag_out)
{
    if (text->len == 0)
        return false;
    weir_span value = cut_at(text, ',');
    tag_out->name = cut_at(&value, '=');
    tag_out->value = value;
    return true;
}

bool
weir_tags_find(weir_span text, weir_span name, weir_span *value_out)
{
    struct weir_tag tag;
    while (weir_tags_next(&text, &tag)) {
        if (weir_span_equal(tag.name, name)) {
            *value_out = tag.value;
            return true;
        }
    }
    return false;
}
