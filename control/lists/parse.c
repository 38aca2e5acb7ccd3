/* SPDX-License-Identifier: Apache-2.0 */
/* Rows from records: what the formats have in common. */
#include "control/lists/parse.h"

#include <string.h>

weir_span
list_keep(struct parse *parse, weir_span text)
{
    return text.len == 0 ? WEIR_SPAN_NONE
                         : weir_arena_copy(&parse->rows->arena, text);
}

struct weir_screening_entry *
list_add_entry(struct parse *parse, weir_span id)
{
    struct weir_screening_entry *entry = weir_screening_add_entry(parse->rows);
    if (entry == NULL)
        return NULL;
    entry->list = parse->list;
    entry->line = parse->records.line;
    entry->id = list_keep(parse, id);
    parse->rows->list_rows[parse->list].entry_count++;
    return entry;
}

void
list_add_name(struct parse *parse, uint32_t entry, weir_span text,
              bool is_alias, bool is_weak)
{
    struct weir_screening_name *name =
        text.len == 0 ? NULL : weir_screening_add_name(parse->rows);
    if (name == NULL)
        return;
    name->entry = entry;
    name->text = list_keep(parse, text);
    name->is_alias = is_alias;
    name->is_weak = is_weak;
}

void
list_add_identifier(struct parse *parse, uint32_t entry, weir_span kind,
                    weir_span text)
{
    struct weir_screening_identifier *identifier =
        text.len == 0 ? NULL : weir_screening_add_identifier(parse->rows);
    if (identifier == NULL)
        return;
    identifier->entry = entry;
    identifier->kind = list_keep(parse, kind);
    identifier->text = list_keep(parse, text);
}

bool
list_part(weir_span *rest, const char *separator, weir_span *part_out)
{
    size_t len = strlen(separator);
    if (rest->ptr == NULL)
        return false;
    const char *at =
        rest->len > 0 ? memmem(rest->ptr, rest->len, separator, len) : NULL;
    *part_out = *rest;
    if (at == NULL) {
        *rest = WEIR_SPAN_NONE;
    } else {
        part_out->len = (size_t)(at - rest->ptr);
        *rest = (weir_span){at + len, rest->len - part_out->len - len};
    }
    while (part_out->len > 0 && part_out->ptr[0] == ' ')
        *part_out = (weir_span){part_out->ptr + 1, part_out->len - 1};
    while (part_out->len > 0 && part_out->ptr[part_out->len - 1] == ' ')
        part_out->len--;
    return true;
}

enum weir_screening_subject
list_subject(weir_span word)
{
    static const struct {
        const char *word;
        enum weir_screening_subject subject;
    } words[] = {
        {"entity", WEIR_SUBJECT_ENTITY},
        {"individual", WEIR_SUBJECT_PERSON},
        {"person", WEIR_SUBJECT_PERSON},
        {"vessel", WEIR_SUBJECT_VESSEL},
        {"aircraft", WEIR_SUBJECT_AIRCRAFT},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(words); i++)
        if (weir_span_equal_nocase(word, weir_span_of(words[i].word)))
            return words[i].subject;
    return WEIR_SUBJECT_UNKNOWN;
}
