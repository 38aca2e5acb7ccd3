/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WHY TEXT. Binding a tenant's policies to the tenant must not depend on
 * the tenant writing so. Adding the words to the text, and compiling that,
 * leaves one language with one meaning: what runs can be printed, parsed
 * and proven like any other policy.
 *
 *    forbid (principal, action, resource) ...
 *      -> forbid (principal in Tenant::"t", action, resource) ...
 *    forbid (principal == Key::"k", action, resource) when {..} ...
 *      -> forbid (..) when { principal in Tenant::"t" } when {..} ...
 *
 * The text has been parsed before, so this scanner only has to walk over
 * blanks, comments, strings and brackets; it never has to judge.
 */
#include "policy_text.h"

#include <string.h>

static bool
is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_';
}

/* White space (Unicode has more than ASCII: all of it is above 0x7f or at
 * most 0x20) and comments. */
static size_t
skip_blanks(weir_span text, size_t at)
{
    while (at < text.len) {
        unsigned char c = (unsigned char)text.ptr[at];
        if (c <= 0x20 || c > 0x7f) {
            at++;
        } else if (c == '/' && at + 1 < text.len && text.ptr[at + 1] == '/') {
            while (at < text.len && text.ptr[at] != '\n')
                at++;
        } else {
            break;
        }
    }
    return at;
}

static size_t
skip_string(weir_span text, size_t at)
{
    WEIR_ASSERT(at < text.len && text.ptr[at] == '"');
    at++;
    while (at < text.len && text.ptr[at] != '"')
        at += text.ptr[at] == '\\' ? 2 : 1;
    return at < text.len ? at + 1 : text.len;
}

static size_t
skip_word(weir_span text, size_t at)
{
    while (at < text.len && is_word(text.ptr[at]))
        at++;
    return at;
}

/* To the first of `stops` outside brackets and strings. */
static size_t
skip_to(weir_span text, size_t at, const char *stops)
{
    size_t depth = 0;
    for (;;) {
        at = skip_blanks(text, at);
        if (at >= text.len)
            return text.len;
        char c = text.ptr[at];
        if (c == '"') {
            at = skip_string(text, at);
            continue;
        }
        if (depth == 0 && strchr(stops, c) != NULL)
            return at;
        if (c == '(' || c == '[' || c == '{')
            depth++;
        else if ((c == ')' || c == ']' || c == '}') && depth > 0)
            depth--;
        at++;
    }
}

/* Behind the annotations, at the effect. */
static size_t
skip_annotations(weir_span text)
{
    size_t at = skip_blanks(text, 0);
    while (at < text.len && text.ptr[at] == '@') {
        at = skip_word(text, skip_blanks(text, at + 1));
        size_t next = skip_blanks(text, at);
        if (next < text.len && text.ptr[next] == '(')
            at = skip_to(text, next + 1, ")") + 1;
        at = skip_blanks(text, at);
    }
    return at;
}

/* Where a part of the scope ends, and whether it is only its variable. */
static size_t
skip_part(weir_span text, size_t *at, bool *is_free_out)
{
    size_t word = skip_blanks(text, *at);
    size_t end = skip_word(text, word);
    size_t next = skip_blanks(text, end);
    *is_free_out =
        next < text.len && (text.ptr[next] == ',' || text.ptr[next] == ')');
    *at = skip_to(text, end, ",)");
    return end;
}

void
weir__policy_bind(weir_span text, enum weir__binding binding, weir_span entity,
                  struct weir_buf *out)
{
    bool is_principal_free;
    bool is_action_free;
    bool is_resource_free;
    bool is_principal = binding == WEIR__BIND_PRINCIPAL;
    size_t at = skip_to(text, skip_annotations(text), "(") + 1;
    size_t principal = skip_part(text, &at, &is_principal_free);
    at++;
    (void)skip_part(text, &at, &is_action_free);
    at++;
    size_t resource = skip_part(text, &at, &is_resource_free);
    size_t close = skip_to(text, at, ")");
    bool is_free = is_principal ? is_principal_free : is_resource_free;
    size_t cut = is_free ? (is_principal ? principal : resource) : close + 1;
    WEIR_ASSERT(cut <= text.len);
    weir_buf_add(out, text.ptr, cut);
    if (!is_free)
        weir_buf_addf(out, " when { %s",
                      is_principal ? "principal" : "resource");
    weir_buf_addf(out, " in %.*s", WEIR_SPAN_ARG(entity));
    if (!is_free)
        weir_buf_addf(out, " }");
    weir_buf_add(out, text.ptr + cut, text.len - cut);
}

/* At a word: a path and a string behind it make a literal. */
static bool
take_literal(weir_span text, size_t *at, struct weir__literal *literal_out)
{
    size_t first = *at;
    size_t last = first;
    size_t end = skip_word(text, first);
    *at = end;
    for (;;) {
        size_t next = skip_blanks(text, end);
        if (next + 1 >= text.len || text.ptr[next] != ':' ||
            text.ptr[next + 1] != ':')
            return false;
        next = skip_blanks(text, next + 2);
        if (next < text.len && text.ptr[next] == '"') {
            size_t close = skip_string(text, next);
            *literal_out = (struct weir__literal){
                .type = {text.ptr + last, end - last},
                .id = {text.ptr + next + 1, close - next - 2},
                .offset = first,
            };
            *at = close;
            return true;
        }
        last = next;
        end = skip_word(text, next);
        *at = end;
        if (end == next)
            return false;
    }
}

bool
weir__policy_literal(weir_span text, size_t *at,
                     struct weir__literal *literal_out)
{
    while ((*at = skip_blanks(text, *at)) < text.len) {
        char c = text.ptr[*at];
        if (c == '"') {
            *at = skip_string(text, *at);
        } else if (is_word(c)) {
            if (take_literal(text, at, literal_out))
                return true;
        } else {
            (*at)++;
        }
    }
    return false;
}
