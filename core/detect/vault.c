/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pseudonyms: "[MAIL_1]" upstream, the address again in the reply.
 *
 * The same original has the same placeholder through a call, so that a model
 * can tell two persons apart and refer back to one.
 */

#include "set.h"

#include <stdio.h>
#include <string.h>

void
weir_vault_init(struct weir_vault *vault, const struct weir_detect_set *set)
{
    vault->set = set;
    vault->count = 0;
    vault->used = 0;
}

void
weir_vault_fini(struct weir_vault *vault)
{
    explicit_bzero(vault->bytes, vault->used);
    vault->count = 0;
    vault->used = 0;
}

static size_t
name_entry(const struct weir_vault *vault, const struct weir_vault_entry *entry,
           char *text_out)
{
    return (size_t)snprintf(
        text_out, WEIR__PLACEHOLDER_MAX, "[%.*s_%u]",
        WEIR_SPAN_ARG(vault->set->rules[entry->rule].placeholder),
        entry->number);
}

size_t
weir__vault_put(struct weir_vault *vault, uint8_t rule, weir_span original,
                char *text_out)
{
    unsigned last = 0;
    for (uint32_t i = 0; i < vault->count; i++) {
        const struct weir_vault_entry *entry = &vault->entries[i];
        if (entry->rule != rule)
            continue;
        if (entry->original_len == original.len &&
            memcmp(vault->bytes + entry->original_at, original.ptr,
                   original.len) == 0)
            return name_entry(vault, entry, text_out);
        last = entry->number;
    }
    if (vault->count == WEIR_VAULT_ENTRIES ||
        original.len > WEIR_VAULT_BYTES - vault->used)
        return 0;
    struct weir_vault_entry *entry = &vault->entries[vault->count++];
    *entry = (struct weir_vault_entry){
        .original_at = (uint16_t)vault->used,
        .original_len = (uint16_t)original.len,
        .rule = rule,
        .number = (uint8_t)(last + 1),
    };
    memcpy(vault->bytes + vault->used, original.ptr, original.len);
    vault->used += (uint32_t)original.len;
    return name_entry(vault, entry, text_out);
}

bool
weir__vault_get(const struct weir_vault *vault, weir_span text,
                weir_span *original_out)
{
    char name[WEIR__PLACEHOLDER_MAX];
    for (uint32_t i = 0; i < vault->count; i++) {
        const struct weir_vault_entry *entry = &vault->entries[i];
        size_t n = name_entry(vault, entry, name);
        if (n == text.len && memcmp(name, text.ptr, n) == 0) {
            *original_out = (weir_span){vault->bytes + entry->original_at,
                                        entry->original_len};
            return true;
        }
    }
    return false;
}

bool
weir__vault_may_begin(weir_span text)
{
    if (text.len == 0 || text.ptr[0] != '[' ||
        text.len >= WEIR__PLACEHOLDER_MAX)
        return false;
    for (size_t i = 1; i < text.len; i++) {
        char c = text.ptr[i];
        if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return true;
}
