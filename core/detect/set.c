/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiling a set.
 *
 * All rules go into one database of the multi-pattern matcher: a detector as
 * its anchor, a term as its bytes, an expression as it is, with the start of
 * each match. The matcher reads once whatever the number of rules; what is
 * found is checked in C.
 */

#include "set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAX ((size_t)64 * 1024 * 1024)

/* The matcher's arguments while they are gathered. */
struct gathering {
    const char **expressions;
    unsigned *flags;
    unsigned *ids;
    size_t count;
    size_t room;
};

static bool
add_pattern(struct weir_detect_set *set, struct gathering *all,
            weir_span expression, unsigned flags, size_t rule, size_t term_len)
{
    weir_span copy = weir_arena_copy(&set->arena, expression);
    if (copy.ptr == NULL || all->count == all->room)
        return false;
    all->expressions[all->count] = copy.ptr;
    all->flags[all->count] = flags;
    all->ids[all->count] = (unsigned)all->count;
    set->patterns[all->count] = (struct weir_pattern){
        .rule = (uint8_t)rule, .term_len = (uint32_t)term_len};
    all->count++;
    return true;
}

/* Detectors with the same anchor share a pattern. */
static bool
add_anchor(struct weir_detect_set *set, struct gathering *all,
           const char *anchor, size_t rule)
{
    for (size_t i = 0; i < all->count; i++)
        if (set->patterns[i].anchor != NULL &&
            strcmp(set->patterns[i].anchor, anchor) == 0) {
            set->patterns[i].rules |= UINT64_C(1) << rule;
            return true;
        }
    if (!add_pattern(set, all, weir_span_of(anchor), HS_FLAG_CASELESS, rule, 0))
        return false;
    set->patterns[all->count - 1].anchor = anchor;
    set->patterns[all->count - 1].rules = UINT64_C(1) << rule;
    return true;
}

static bool
is_ascii(weir_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] >= 0x80)
            return false;
    return true;
}

static void
fold(char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] | 0x20);
}

static int
compare_terms(const void *a, const void *b)
{
    return weir_span_compare(*(const weir_span *)a, *(const weir_span *)b);
}

/* A term as an expression: every byte that is no letter or digit by number. */
static bool
add_term(struct weir_detect_set *set, struct gathering *all, weir_span term,
         unsigned flags, size_t rule)
{
    struct weir_buf text;
    weir_buf_init(&text, WEIR_DETECT_MATCH_MAX * 4);
    for (size_t i = 0; i < term.len; i++)
        if (weir__is_alnum((unsigned char)term.ptr[i]))
            weir_buf_add_byte(&text, term.ptr[i]);
        else
            weir_buf_addf(&text, "\\x%02x", (unsigned char)term.ptr[i]);
    bool is_added =
        !text.overflow &&
        add_pattern(set, all, weir_buf_span(&text), flags, rule, term.len);
    weir_buf_fini(&text);
    return is_added;
}

static weir_status
add_terms(struct weir_detect_set *set, struct gathering *all,
          const struct weir_detect_rule *rule, size_t number,
          struct weir_error *err)
{
    struct weir_compiled_rule *made = &set->rules[number];
    made->terms = weir_arena_array(&set->arena, weir_span, rule->term_count);
    made->term_count = (uint32_t)rule->term_count;
    for (size_t i = 0; i < rule->term_count; i++) {
        weir_span term = rule->terms[i];
        if (term.len == 0 || term.len > WEIR_DETECT_MATCH_MAX ||
            !weir_utf8_valid(term))
            return weir_fail(err, WEIR_ETYPE, number,
                             "term %zu is empty, longer than %d bytes or not "
                             "UTF-8",
                             i + 1, WEIR_DETECT_MATCH_MAX);
        weir_span copy = weir_arena_copy(&set->arena, term);
        if (made->terms == NULL || copy.ptr == NULL ||
            !add_term(set, all, term, rule->is_caseless ? HS_FLAG_CASELESS : 0,
                      number))
            return weir_fail(err, WEIR_ENOMEM, number, "too many terms");
        if (rule->is_caseless)
            fold((char *)(uintptr_t)copy.ptr, copy.len);
        made->terms[i] = copy;
        if (term.len > made->max)
            made->max = (uint32_t)term.len;
    }
    qsort(made->terms, made->term_count, sizeof *made->terms, compare_terms);
    return WEIR_OK;
}

static weir_status
add_expression(struct weir_detect_set *set, struct gathering *all,
               const struct weir_detect_rule *rule, size_t number,
               struct weir_error *err)
{
    hs_expr_info_t *info = NULL;
    hs_compile_error_t *error = NULL;
    weir_span copy = weir_arena_copy(&set->arena, rule->expression);
    unsigned flags = HS_FLAG_SOM_LEFTMOST |
                     (rule->is_caseless ? HS_FLAG_CASELESS : 0) |
                     (is_ascii(copy) ? 0 : HS_FLAG_UTF8 | HS_FLAG_UCP);
    if (copy.ptr == NULL)
        return weir_fail(err, WEIR_ENOMEM, number, "no memory");
    if (memchr(copy.ptr, '\0', copy.len) != NULL || !weir_utf8_valid(copy))
        return weir_fail(err, WEIR_ETYPE, number, "the expression is not text");
    if (hs_expression_info(copy.ptr, flags, &info, &error) != HS_SUCCESS) {
        weir_fail(err, WEIR_ETYPE, number, "the expression: %.140s",
                  error != NULL ? error->message : "not understood");
        hs_free_compile_error(error);
        return WEIR_ETYPE;
    }
    unsigned least = info->min_width, most = info->max_width;
    free(info);
    if (least == 0)
        return weir_fail(err, WEIR_ETYPE, number,
                         "the expression matches the empty text");
    if (most > WEIR_DETECT_MATCH_MAX)
        return weir_fail(err, WEIR_ETYPE, number,
                         "the expression matches more than %d bytes: bound "
                         "its repeats, as in {1,40}",
                         WEIR_DETECT_MATCH_MAX);
    set->rules[number].max = most;
    return add_pattern(set, all, copy, flags, number, 0)
               ? WEIR_OK
               : weir_fail(err, WEIR_ENOMEM, number, "too many patterns");
}

/* "credit-card" is CREDIT_CARD in texts. */
static weir_span
placeholder_of(struct weir_arena *arena, weir_span name)
{
    weir_span copy = weir_arena_copy(arena, name);
    char *p = (char *)(uintptr_t)copy.ptr;
    for (size_t i = 0; p != NULL && i < copy.len; i++)
        p[i] = p[i] == '-'                  ? '_'
               : p[i] >= 'a' && p[i] <= 'z' ? (char)(p[i] - 0x20)
                                            : p[i];
    return copy;
}

/* "mail-1" would have the mask that is the first pseudonym of "mail". */
static bool
is_name(weir_span name)
{
    size_t digits = 0;
    while (digits < name.len &&
           weir__is_digit((unsigned char)name.ptr[name.len - 1 - digits]))
        digits++;
    if (digits > 0 && digits < name.len &&
        name.ptr[name.len - 1 - digits] == '-')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return name.len > 0 && name.len <= 40 && name.ptr[0] >= 'a';
}

static weir_status
set_head(struct weir_detect_set *set, const struct weir_detect_rule *rules,
         size_t number, struct weir_error *err)
{
    const struct weir_detect_rule *rule = &rules[number];
    struct weir_compiled_rule *made = &set->rules[number];
    int given = (rule->detector != NULL) + (rule->expression.len > 0) +
                (rule->term_count > 0);
    if (!is_name(rule->name))
        return weir_fail(err, WEIR_ETYPE, number,
                         "the name is not 1 to 40 of a-z, 0-9 and -, a letter "
                         "first and no number behind a last -");
    if (given != 1)
        return weir_fail(err, WEIR_ETYPE, number,
                         "one of detector, expression and terms is needed");
    if (rule->action < WEIR_DETECT_FLAG || rule->action > WEIR_DETECT_BLOCK)
        return weir_fail(err, WEIR_ETYPE, number, "no such action");
    for (size_t i = 0; i < number; i++)
        if (weir_span_equal(rules[i].name, rule->name))
            return weir_fail(err, WEIR_ETYPE, number,
                             "the name is that of another rule");
    made->name = weir_arena_copy(&set->arena, rule->name);
    made->placeholder = placeholder_of(&set->arena, rule->name);
    made->detector = rule->detector;
    made->action = rule->action;
    made->is_caseless = rule->is_caseless;
    if (rule->replacement.len > 0) {
        made->replacement = weir_arena_copy(&set->arena, rule->replacement);
    } else {
        char text[WEIR__PLACEHOLDER_MAX];
        int n = snprintf(text, sizeof text, "[%.*s]",
                         WEIR_SPAN_ARG(made->placeholder));
        made->replacement =
            weir_arena_copy(&set->arena, (weir_span){text, (size_t)n});
    }
    return set->arena.overflow
               ? weir_fail(err, WEIR_ENOMEM, number, "no memory")
               : WEIR_OK;
}

/* Where scan.c asks this detector. */
static void
add_places(struct weir_numbers *numbers, const struct weir_detector *detector,
           size_t number)
{
    uint64_t rule = UINT64_C(1) << number;
    if (detector->at != WEIR__AT_ANCHOR)
        numbers->has_some = true;
    if ((detector->at & ~(WEIR__AT_ANCHOR | WEIR__AT_SIGN)) != 0)
        numbers->has_digits = true;
    for (int kernel = 0; kernel < WEIR__KERNELS; kernel++)
        if (weir__map_block(kernel) != NULL)
            numbers->map = weir__map_block(kernel);
    if ((detector->at & WEIR__AT_RUN) != 0)
        numbers->by_run[detector->digits] |= rule;
    if ((detector->at & WEIR__AT_PHONE) != 0)
        numbers->at_phone |= rule;
    if ((detector->at & WEIR__AT_CORSICA) != 0)
        numbers->at_corsica |= rule;
    if ((detector->at & WEIR__AT_LETTER) != 0)
        numbers->at_letter |= rule;
    if ((detector->at & WEIR__AT_GAP) != 0)
        numbers->at_gap |= rule;
    if ((detector->at & WEIR__AT_COUNTRY) != 0)
        numbers->at_country |= rule;
    if ((detector->at & WEIR__AT_ADDRESS) != 0)
        numbers->at_address |= rule;
    if ((detector->at & WEIR__AT_SIGN) != 0)
        numbers->at_sign |= rule;
    if ((detector->at & WEIR__AT_NUMBER) == 0)
        return;
    for (unsigned n = detector->digits; n <= detector->most; n++)
        numbers->by_count[n] |= rule;
    for (unsigned seen = 0; seen < WEIR__BRACKET; seen++)
        if ((seen & ~(unsigned)detector->separators) == 0)
            numbers->by_separators[seen] |= rule;
    if (numbers->least == 0 || detector->digits < numbers->least)
        numbers->least = detector->digits;
}

/* Detectors that hold the same bytes back ask once, for the longest. */
static void
share_hold(struct weir_detect_set *set, size_t number)
{
    struct weir_compiled_rule *made = &set->rules[number];
    made->hold = made->max;
    for (size_t i = 0; i < number; i++) {
        struct weir_compiled_rule *other = &set->rules[i];
        if (other->detector == NULL || other->hold == 0 ||
            other->detector->inside != made->detector->inside ||
            other->detector->may_begin != made->detector->may_begin)
            continue;
        if (other->hold < made->hold)
            other->hold = made->hold;
        made->hold = 0;
        return;
    }
}

static weir_status
add_rule(struct weir_detect_set *set, struct gathering *all,
         const struct weir_detect_rule *rules, size_t number,
         struct weir_error *err)
{
    const struct weir_detect_rule *rule = &rules[number];
    struct weir_compiled_rule *made = &set->rules[number];
    weir_status status = set_head(set, rules, number, err);
    if (status != WEIR_OK)
        return status;
    if (rule->term_count > 0)
        return add_terms(set, all, rule, number, err);
    if (rule->expression.len > 0)
        return add_expression(set, all, rule, number, err);
    made->max = rule->detector->max;
    for (unsigned c = 0; c < 256; c++) {
        unsigned char byte = (unsigned char)c;
        const struct weir_detect_text text = {&byte, 0, 1};
        made->inside[c] = rule->detector->inside(byte);
        made->first[c] = rule->detector->may_begin(&text, 0);
    }
    add_places(&set->numbers, rule->detector, number);
    share_hold(set, number);
    if (rule->detector->anchor == NULL)
        return WEIR_OK;
    return add_anchor(set, all, rule->detector->anchor, number)
               ? WEIR_OK
               : weir_fail(err, WEIR_ENOMEM, number, "too many patterns");
}

static weir_status
build(struct weir_detect_set *set, const struct gathering *all,
      struct weir_error *err)
{
    hs_compile_error_t *error = NULL;
    set->pattern_count = all->count;
    if (all->count == 0)
        return WEIR_OK;
    if (hs_compile_multi(all->expressions, all->flags, all->ids,
                         (unsigned)all->count, HS_MODE_BLOCK, NULL,
                         &set->database, &error) != HS_SUCCESS) {
        bool is_known = error != NULL && error->expression >= 0;
        weir_fail(err, WEIR_ETYPE,
                  is_known ? set->patterns[error->expression].rule
                           : WEIR_OFFSET_NONE,
                  "the expression: %.140s",
                  error != NULL ? error->message : "not understood");
        hs_free_compile_error(error);
        return WEIR_ETYPE;
    }
    if (hs_alloc_scratch(set->database, &set->scratch) != HS_SUCCESS)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "no memory for the matcher");
    return WEIR_OK;
}

weir_status
weir_detect_compile(const struct weir_detect_rule *rules, size_t count,
                    struct weir_detect_set **set_out, struct weir_error *err)
{
    struct gathering all = {0};
    weir_status status = WEIR_OK;
    if (count > WEIR_DETECT_RULES_MAX)
        return weir_fail(err, WEIR_ELIMIT, WEIR_DETECT_RULES_MAX,
                         "more than %d rules", WEIR_DETECT_RULES_MAX);
    struct weir_detect_set *set = calloc(1, sizeof *set);
    if (set == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "no memory");
    weir_arena_init_heap(&set->arena, ARENA_MAX);
    all.room = 1;
    for (size_t i = 0; i < count; i++)
        all.room += rules[i].term_count > 0 ? rules[i].term_count : 1;
    set->rules =
        weir_arena_array(&set->arena, struct weir_compiled_rule, count + 1);
    set->patterns =
        weir_arena_array(&set->arena, struct weir_pattern, all.room);
    all.expressions = weir_arena_array(&set->arena, const char *, all.room);
    all.flags = weir_arena_array(&set->arena, unsigned, all.room);
    all.ids = weir_arena_array(&set->arena, unsigned, all.room);
    set->count = count;
    if (set->arena.overflow)
        status =
            weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "too many terms");
    for (size_t i = 0; i < count && status == WEIR_OK; i++)
        status = add_rule(set, &all, rules, i, err);
    if (status == WEIR_OK)
        status = build(set, &all, err);
    if (status != WEIR_OK) {
        weir_detect_free(set);
        return status;
    }
    *set_out = set;
    return WEIR_OK;
}

void
weir_detect_free(struct weir_detect_set *set)
{
    if (set == NULL)
        return;
    hs_free_scratch(set->scratch);
    hs_free_database(set->database);
    weir_arena_fini(&set->arena);
    free(set);
}

size_t
weir_detect_rule_count(const struct weir_detect_set *set)
{
    return set->count;
}

weir_span
weir_detect_rule_name(const struct weir_detect_set *set, size_t rule)
{
    return set->rules[rule].name;
}

enum weir_detect_action
weir_detect_rule_action(const struct weir_detect_set *set, size_t rule)
{
    return set->rules[rule].action;
}
