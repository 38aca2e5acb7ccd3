/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assertions: statements, each closed by a semicolon. `name` begins a new
 * assertion, `claim` ends what it needs.
 *
 *   name "no polar owner reaches aurora";
 *   assume principal.organization in OwnershipRule::"polar-majority";
 *   action Action::"infer";
 *   claim always denies;
 */
#include "book.h"

#include <string.h>

struct scanner {
    weir_span text;
    size_t at;
    struct weir_arena *arena;
    struct weir_error *err;
};

/* Behind white space and comments. */
static void
skip(struct scanner *s)
{
    for (;;) {
        while (s->at < s->text.len &&
               strchr(" \t\r\n", s->text.ptr[s->at]) != NULL)
            s->at++;
        if (s->at + 1 >= s->text.len || s->text.ptr[s->at] != '/' ||
            s->text.ptr[s->at + 1] != '/')
            return;
        while (s->at < s->text.len && s->text.ptr[s->at] != '\n')
            s->at++;
    }
}

/* Up to the semicolon that no string and no comment holds. */
static bool
take_statement(struct scanner *s, weir_span *statement_out)
{
    bool is_string = false;
    size_t start = s->at;
    for (; s->at < s->text.len; s->at++) {
        char c = s->text.ptr[s->at];
        if (is_string && c == '\\') {
            s->at++;
        } else if (c == '"') {
            is_string = !is_string;
        } else if (!is_string && c == '/' && s->at + 1 < s->text.len &&
                   s->text.ptr[s->at + 1] == '/') {
            while (s->at + 1 < s->text.len && s->text.ptr[s->at + 1] != '\n')
                s->at++;
        } else if (!is_string && c == ';') {
            *statement_out = (weir_span){s->text.ptr + start, s->at++ - start};
            return true;
        }
    }
    return false;
}

static weir_span
trim(weir_span s)
{
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[0]) != NULL)
        s.ptr++, s.len--;
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[s.len - 1]) != NULL)
        s.len--;
    return s;
}

/* Takes the word (or words) off the front. */
static bool
take_word(weir_span *s, const char *words)
{
    weir_span left = trim(*s);
    while (*words != '\0') {
        size_t len = strcspn(words, " ");
        if (left.len < len || memcmp(left.ptr, words, len) != 0 ||
            (left.len > len && strchr(" \t\r\n\"", left.ptr[len]) == NULL))
            return false;
        left = trim((weir_span){left.ptr + len, left.len - len});
        words += len;
        words += *words == ' ';
    }
    *s = left;
    return true;
}

/* "..." without escapes; the rest must be empty. */
static bool
take_quoted(weir_span *s, weir_span *text_out)
{
    weir_span left = trim(*s);
    const char *end;
    if (left.len < 2 || left.ptr[0] != '"')
        return false;
    end = memchr(left.ptr + 1, '"', left.len - 1);
    if (end == NULL)
        return false;
    *text_out = (weir_span){left.ptr + 1, (size_t)(end - left.ptr) - 1};
    *s = trim((weir_span){end + 1, left.len - (size_t)(end + 1 - left.ptr)});
    return true;
}

static weir_status
refuse(const struct scanner *s, weir_span at, const char *what)
{
    return weir_fail(s->err, WEIR_EPARSE, (size_t)(at.ptr - s->text.ptr), "%s",
                     what);
}

/* ---------------------------------------------------------- statements */

/* Where an error in the text made of `rest` is; `ahead` bytes were put
 * before it. What is wrong behind its end is wrong at its end. */
static size_t
offset_in(const struct scanner *s, weir_span rest, const struct weir_error *err,
          size_t ahead)
{
    size_t at = err->offset == WEIR_OFFSET_NONE || err->offset < ahead
                    ? 0
                    : err->offset - ahead;
    return (size_t)(rest.ptr - s->text.ptr) + (at < rest.len ? at : rest.len);
}

/* An assumption is a policy, so that the evaluator can be asked for it. */
static weir_status
add_assumption(struct scanner *s, struct weir_prove_assertion *a,
               weir_span rest)
{
    static const char before[] = "permit(principal, action, resource) when {";
    struct weir_error err = {0};
    struct weir_buf text;
    weir_status status;
    size_t count;
    if (a->assumed == NULL)
        a->assumed = weir_cedar_policies_new();
    if (a->assumed == NULL)
        return weir_fail(s->err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "out of memory");
    count = weir_cedar_policies_count(a->assumed);
    weir_buf_init(&text, (size_t)1 << 20);
    weir_buf_add(&text, before, sizeof(before) - 1);
    weir_buf_add_span(&text, rest); /* may hold a zero byte */
    weir_buf_addf(&text, "\n};");
    status = weir_cedar_policies_add_text(a->assumed, weir_buf_span(&text),
                                          WEIR_SPAN("assumption"), &err);
    weir_buf_fini(&text);
    if (status == WEIR_OK &&
        weir_cedar_policies_count(a->assumed) == count + 1 &&
        weir_cedar_policy_info(weir_cedar_policies_at(a->assumed, count))
                .effect == WEIR_CEDAR_PERMIT)
        return WEIR_OK;
    if (status == WEIR_OK)
        return refuse(s, rest, "an assumption is one expression");
    return weir_fail(s->err, status,
                     offset_in(s, rest, &err, sizeof(before) - 1), "%.150s",
                     err.text);
}

static weir_status
add_action(struct scanner *s, struct weir_prove_assertion *a, weir_span rest)
{
    struct weir_cedar_uid *actions = weir_arena_array(
        s->arena, struct weir_cedar_uid, a->scope.action_count + 1);
    weir_span type = rest, id;
    const char *quote = memchr(rest.ptr, '"', rest.len);
    if (actions == NULL)
        return weir_fail(s->err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "out of memory");
    if (quote == NULL || quote - rest.ptr < 3)
        return refuse(s, rest, "expected an action, as Action::\"chat\"");
    type.len = (size_t)(quote - rest.ptr) - 2;
    rest = (weir_span){quote, rest.len - (size_t)(quote - rest.ptr)};
    if (memcmp(quote - 2, "::", 2) != 0 || !take_quoted(&rest, &id) ||
        rest.len > 0)
        return refuse(s, rest, "expected an action, as Action::\"chat\"");
    for (size_t i = 0; i < a->scope.action_count; i++)
        actions[i] = a->scope.actions[i];
    actions[a->scope.action_count++] = (struct weir_cedar_uid){type, id};
    a->scope.actions = actions;
    return WEIR_OK;
}

struct claim_words {
    const char *words;
    enum weir_cedar_smt_claim of_all;
    enum weir_cedar_smt_claim of_policy;
    bool has_other;
    bool is_reversed;
};

static const struct claim_words claims[] = {
    {"never errors", WEIR_CEDAR_SMT_NEVER_ERRORS, WEIR_CEDAR_SMT_NEVER_ERRORS,
     false, false},
    {"always allows", WEIR_CEDAR_SMT_ALWAYS_ALLOWS, WEIR_CEDAR_SMT_CLAIMS,
     false, false},
    {"always denies", WEIR_CEDAR_SMT_ALWAYS_DENIES, WEIR_CEDAR_SMT_CLAIMS,
     false, false},
    {"always matches", WEIR_CEDAR_SMT_CLAIMS, WEIR_CEDAR_SMT_ALWAYS_MATCHES,
     false, false},
    {"never matches", WEIR_CEDAR_SMT_CLAIMS, WEIR_CEDAR_SMT_NEVER_MATCHES,
     false, false},
    {"implied by", WEIR_CEDAR_SMT_IMPLIES, WEIR_CEDAR_SMT_MATCH_IMPLIES, true,
     true},
    {"implies", WEIR_CEDAR_SMT_IMPLIES, WEIR_CEDAR_SMT_MATCH_IMPLIES, true,
     false},
    {"equivalent to", WEIR_CEDAR_SMT_EQUIVALENT,
     WEIR_CEDAR_SMT_MATCH_EQUIVALENT, true, false},
    {"disjoint from", WEIR_CEDAR_SMT_DISJOINT, WEIR_CEDAR_SMT_MATCH_DISJOINT,
     true, false},
};

static weir_status
set_claim(struct scanner *s, struct weir_prove_assertion *a, weir_span rest)
{
    weir_span whole = rest;
    if (take_word(&rest, "no dead policies") && rest.len == 0) {
        a->subject = WEIR_PROVE_DEAD;
        return WEIR_OK;
    }
    rest = whole;
    if (take_word(&rest, "no shadowed policies") && rest.len == 0) {
        a->subject = WEIR_PROVE_SHADOWED;
        return WEIR_OK;
    }
    rest = whole;
    if (take_word(&rest, "policy")) {
        a->subject = WEIR_PROVE_POLICY;
        if (!take_quoted(&rest, &a->policy))
            return refuse(s, rest, "expected the @id of a policy, in quotes");
    }
    for (size_t i = 0; i < WEIR_COUNTOF(claims); i++) {
        const struct claim_words *c = &claims[i];
        weir_span left = rest;
        a->claim = a->subject == WEIR_PROVE_POLICY ? c->of_policy : c->of_all;
        if (a->claim == WEIR_CEDAR_SMT_CLAIMS || !take_word(&left, c->words))
            continue;
        a->is_reversed = c->is_reversed;
        if (a->subject == WEIR_PROVE_POLICY)
            (void)take_word(&left, "policy");
        if (c->has_other && !take_quoted(&left, &a->other))
            return refuse(s, left, "expected a name in quotes");
        if (left.len == 0)
            return WEIR_OK;
    }
    return refuse(s, rest,
                  "expected a claim, as: always denies, never errors, implies "
                  "\"FILE\"");
}

static weir_status
take(struct scanner *s, struct weir_prove_assertion *a, weir_span statement,
     bool *has_claim)
{
    weir_span rest = statement;
    if (take_word(&rest, "assume"))
        return add_assumption(s, a, rest);
    if (take_word(&rest, "action"))
        return add_action(s, a, rest);
    if (take_word(&rest, "principal")) {
        a->scope.principal = rest;
        return WEIR_OK;
    }
    if (take_word(&rest, "resource")) {
        a->scope.resource = rest;
        return WEIR_OK;
    }
    if (take_word(&rest, "at")) {
        a->has_time = true;
        return weir_time_parse(rest, &a->at)
                   ? WEIR_OK
                   : refuse(s, rest, "expected a date or RFC 3339 time");
    }
    if (take_word(&rest, "claim")) {
        if (*has_claim)
            return refuse(s, statement, "an assertion has one claim");
        *has_claim = true;
        return set_claim(s, a, rest);
    }
    return refuse(s, statement,
                  "expected name, assume, action, principal, resource, at or "
                  "claim");
}

weir_status
weir_prove_parse(weir_span text, struct weir_arena *arena,
                 struct weir_prove_assertion **first_out,
                 struct weir_error *err)
{
    struct scanner s = {text, 0, arena, err};
    struct weir_prove_assertion *first = NULL, *last = NULL;
    weir_status status = WEIR_OK;
    bool has_claim = true;
    weir_span statement, rest;
    for (skip(&s); status == WEIR_OK && s.at < text.len; skip(&s)) {
        size_t start = s.at;
        if (!take_statement(&s, &statement)) {
            status = weir_fail(err, WEIR_EPARSE, start,
                               "a semicolon is missing behind this");
            break;
        }
        rest = statement;
        if (!take_word(&rest, "name")) {
            status = last == NULL
                         ? refuse(&s, statement, "begin with: name \"...\";")
                         : take(&s, last, statement, &has_claim);
            continue;
        }
        if (!has_claim) {
            status = weir_fail(err, WEIR_EPARSE, last->offset,
                               "this assertion has no claim");
            break;
        }
        struct weir_prove_assertion *a = weir_arena_alloc(arena, sizeof(*a));
        if (a == NULL) {
            status = weir_fail(err, WEIR_ENOMEM, start, "out of memory");
            break;
        }
        a->offset = (uint32_t)start;
        has_claim = false;
        if (last == NULL)
            first = a;
        else
            last->next = a;
        last = a;
        if (!take_quoted(&rest, &a->name) || rest.len > 0)
            status = refuse(&s, rest, "expected a name in quotes");
    }
    if (status == WEIR_OK && !has_claim)
        status = weir_fail(err, WEIR_EPARSE, last->offset,
                           "this assertion has no claim");
    if (status != WEIR_OK)
        weir_prove_assertions_free(first);
    else
        *first_out = first;
    return status;
}

void
weir_prove_assertions_free(struct weir_prove_assertion *first)
{
    for (; first != NULL; first = first->next) {
        weir_cedar_policies_free(first->assumed);
        first->assumed = NULL;
    }
}
