/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text in pieces.
 *
 *     gone      context | looked at in this slice          | to come
 *     ..................|[start        ...        hold)[held
 *
 * Each slice is matched whole. Behind `hold` something could still become a
 * match, so it waits for more: a rule says so by its alphabet, its prefixes
 * or, an operator's expression, its length. What lies in front is decided
 * for good, and so the findings do not depend on the split: nothing is
 * decided before every byte it depends on is there.
 *
 * A match with a tail is taken as soon as it is sure, and its tail is
 * swallowed byte by byte (`swallowed_by`); behind a tail the text begins
 * anew, with context.
 */

#include "set.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------ gathering */

/* Overlapping matches of one rule are one. */
static void
add(struct weir_gathering *g, uint8_t rule, size_t from, size_t to,
    bool has_tail)
{
    if (rule < WEIR_DETECT_RULES_MAX && g->last[rule] >= 0) {
        struct weir_candidate_range *last = &g->all[g->last[rule]];
        if (from < last->to && to > last->from && !has_tail) {
            last->from = from < last->from ? (uint32_t)from : last->from;
            last->to = to > last->to ? (uint32_t)to : last->to;
            return;
        }
    }
    if (g->count == WEIR__CANDIDATES) {
        g->is_full = true;
        return;
    }
    if (rule < WEIR_DETECT_RULES_MAX)
        g->last[rule] = (int16_t)g->count;
    g->all[g->count++] = (struct weir_candidate_range){
        (uint32_t)from, (uint32_t)to, rule, has_tail};
}

/* Has the match at this anchor been found from another? */
static bool
is_covered(const struct weir_gathering *g, uint8_t rule, size_t end)
{
    if (g->last[rule] < 0)
        return false;
    const struct weir_candidate_range *last = &g->all[g->last[rule]];
    return end > last->from && end <= last->to;
}

void
weir__found(struct weir_gathering *g, uint8_t number, size_t from, size_t to)
{
    const struct weir_compiled_rule *rule = &g->set->rules[number];
    if (from >= g->text->start && to > from && !is_covered(g, number, to))
        add(g, number, from, to,
            rule->detector->tail != NULL && rule->action != WEIR_DETECT_FLAG);
}

void
weir__ask(struct weir_gathering *g, uint8_t number, size_t end)
{
    const struct weir_compiled_rule *rule = &g->set->rules[number];
    struct weir_range match;
    if (!is_covered(g, number, end) &&
        rule->detector->find(g->text, end, &match) &&
        match.from >= g->text->start && match.to > match.from)
        add(g, number, match.from, match.to,
            rule->detector->tail != NULL && rule->action != WEIR_DETECT_FLAG);
}

static int
on_match(unsigned id, unsigned long long from, unsigned long long to,
         unsigned flags, void *context)
{
    struct weir_gathering *g = context;
    const struct weir_pattern *pattern = &g->set->patterns[id];
    const struct weir_detect_text *text = g->text;
    struct weir_range match = {g->base + (size_t)from, g->base + (size_t)to};
    (void)flags;
    if (pattern->anchor != NULL) {
        for (uint64_t left = pattern->rules; left != 0; left &= left - 1)
            weir__ask(g, (uint8_t)__builtin_ctzll(left), match.to);
        return g->is_full;
    }
    if (g->detectors_only)
        return 0;
    if (pattern->term_len > 0) {
        match.from = match.to - pattern->term_len;
        if (!weir__edge_before(text, match.from) ||
            !weir__edge_behind(text, match.to))
            return 0;
    }
    if (match.from >= text->start && match.to > match.from)
        add(g, pattern->rule, match.from, match.to, false);
    return g->is_full;
}

static void
gather_placeholders(struct weir_gathering *g, const struct weir_vault *vault)
{
    const unsigned char *p = g->text->p;
    for (size_t i = g->text->start; i < g->text->len; i++) {
        weir_span original, name;
        const unsigned char *open = memchr(p + i, '[', g->text->len - i);
        if (open == NULL)
            return;
        i = (size_t)(open - p);
        size_t left = g->text->len - i;
        size_t most =
            left < WEIR__PLACEHOLDER_MAX ? left : WEIR__PLACEHOLDER_MAX;
        const unsigned char *close = memchr(open, ']', most);
        if (close == NULL)
            continue;
        name = (weir_span){(const char *)open, (size_t)(close - open) + 1};
        if (weir__vault_get(vault, name, &original))
            add(g, WEIR__RESTORE, i, i + name.len, false);
    }
}

static int
compare_candidates(const void *a, const void *b)
{
    const struct weir_candidate_range *x = a, *y = b;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    if (x->has_tail != y->has_tail)
        return x->has_tail ? -1 : 1;
    return x->to == y->to ? 0 : x->to > y->to ? -1 : 1;
}

/* Puts nearly sorted candidates in order; false: they are not nearly. */
static bool
insert_sorted(struct weir_candidate_range *all, size_t count)
{
    size_t moves = 8 * count;
    for (size_t i = 1; i < count; i++) {
        if (all[i - 1].from < all[i].from)
            continue;
        struct weir_candidate_range one = all[i];
        size_t k = i;
        for (; k > 0 && compare_candidates(&all[k - 1], &one) > 0; k--) {
            if (moves-- == 0) {
                all[k] = one;
                return false;
            }
            all[k] = all[k - 1];
        }
        all[k] = one;
    }
    return true;
}

/* The matcher's candidates, then the scan's from `middle` on: mostly each
 * about in order, and then they are only merged. */
static void
sort_candidates(struct weir_gathering *g, size_t middle)
{
    struct weir_candidate_range *all = g->all;
    struct weir_candidate_range *copy = all + WEIR__CANDIDATES;
    size_t n = g->count - middle, at = g->count;
    if (!insert_sorted(all, middle) || !insert_sorted(all + middle, n)) {
        qsort(all, g->count, sizeof *all, compare_candidates);
        return;
    }
    if (middle == 0 || n == 0)
        return;
    memcpy(copy, all + middle, n * sizeof *all);
    while (n > 0)
        if (middle > 0 &&
            compare_candidates(&all[middle - 1], &copy[n - 1]) > 0)
            all[--at] = all[--middle];
        else
            all[--at] = copy[--n];
}

/* False: more candidates than there is room for, or no answer at all. */
static bool
gather(struct weir_detect_stream *stream, const struct weir_detect_text *text,
       struct weir_gathering *g)
{
    struct weir_detect_set *set =
        (struct weir_detect_set *)(uintptr_t)stream->set;
    g->set = set;
    g->all = set->candidates;
    g->text = text;
    g->count = 0;
    g->is_full = false;
    /* with its context: an anchor may lie in front of what it announces, and
     * an expression may ask for a word's edge */
    g->base = text->start > WEIR_DETECT_CONTEXT
                  ? text->start - WEIR_DETECT_CONTEXT
                  : 0;
    while (g->base < text->start && (text->p[g->base] & 0xc0) == 0x80)
        g->base++;
    memset(g->last, 0xff, sizeof g->last);
    g->is_broken = false;
    g->detectors_only = stream->detectors_only;
    if (set->database != NULL) {
        hs_error_t status = hs_scan(
            set->database, (const char *)text->p + g->base,
            (unsigned)(text->len - g->base), 0, set->scratch, on_match, g);
        g->is_broken = status != HS_SUCCESS && status != HS_SCAN_TERMINATED;
        if (status != HS_SUCCESS)
            return false;
    }
    size_t matched = g->count;
    if (set->numbers.has_some)
        weir__scan_numbers(g, g->base);
    if (stream->restores != NULL && stream->restores->count > 0)
        gather_placeholders(g, stream->restores);
    sort_candidates(g, matched);
    return !g->is_full;
}

/* ----------------------------------------------------------------- hold */

static size_t
hold_detector(const struct weir_compiled_rule *rule,
              const struct weir_detect_text *text, size_t hold)
{
    size_t first = text->len;
    while (first > text->start && text->len - first <= rule->hold &&
           rule->inside[text->p[first - 1]])
        first--;
    for (; first < hold; first++)
        if (rule->first[text->p[first]] &&
            rule->detector->may_begin(text, first))
            return first;
    return hold;
}

/* Is `rest` the beginning of a term? Terms are sorted. */
static bool
begins_term(const struct weir_compiled_rule *rule, const unsigned char *rest,
            size_t len)
{
    char folded[WEIR_DETECT_MATCH_MAX];
    for (size_t i = 0; i < len; i++)
        folded[i] = (char)(rule->is_caseless && rest[i] >= 'A' && rest[i] <= 'Z'
                               ? rest[i] | 0x20
                               : rest[i]);
    weir_span key = {folded, len};
    uint32_t low = 0, high = rule->term_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (weir_span_compare(rule->terms[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < rule->term_count && weir_span_starts(rule->terms[low], key);
}

static size_t
hold_terms(const struct weir_compiled_rule *rule,
           const struct weir_detect_text *text, size_t hold)
{
    size_t most = text->len - text->start;
    size_t first = text->len - (most < rule->max ? most : rule->max);
    for (; first < hold; first++)
        if ((text->p[first] & 0xc0) != 0x80 && weir__edge_before(text, first) &&
            begins_term(rule, text->p + first, text->len - first))
            return first;
    return hold;
}

static size_t
hold_from(const struct weir_detect_stream *stream,
          const struct weir_detect_text *text)
{
    const struct weir_detect_set *set = stream->set;
    size_t hold = text->len, all = text->len - text->start;
    for (size_t i = 0; i < set->count; i++) {
        const struct weir_compiled_rule *rule = &set->rules[i];
        if (rule->detector != NULL && rule->hold > 0)
            hold = hold_detector(rule, text, hold);
        else if (rule->detector != NULL)
            continue;
        else if (rule->term_count > 0)
            hold = hold_terms(rule, text, hold);
        else if (all <= rule->max)
            hold = text->start;
        else if (text->len - rule->max - 1 < hold)
            hold = text->len - rule->max - 1;
    }
    if (stream->restores != NULL && stream->restores->count > 0)
        for (size_t n = 1; n < WEIR__PLACEHOLDER_MAX && n <= all; n++)
            if (text->p[text->len - n] == '[') {
                weir_span rest = {(const char *)text->p + text->len - n, n};
                if (text->len - n < hold && weir__vault_may_begin(rest))
                    hold = text->len - n;
                break;
            }
    while (hold > text->start && hold < text->len &&
           (text->p[hold] & 0xc0) == 0x80)
        hold--;
    return hold;
}

/* -------------------------------------------------------------- regions */

static void
emit(struct weir_detect_out *out, const void *bytes, size_t len)
{
    if (out->text != NULL)
        weir_buf_add(out->text, bytes, len);
}

/* What becomes of the region that `rule` decides. False: the call ends. */
static bool
replace(struct weir_detect_stream *stream, uint8_t rule, weir_span original,
        struct weir_detect_out *out)
{
    char text[WEIR__PLACEHOLDER_MAX];
    size_t len;
    if (rule == WEIR__RESTORE) {
        weir_span back = WEIR_SPAN_NONE;
        (void)weir__vault_get(stream->restores, original, &back);
        emit(out, back.ptr, back.len);
        out->is_changed = true;
        return true;
    }
    const struct weir_compiled_rule *made = &stream->set->rules[rule];
    if (made->action == WEIR_DETECT_BLOCK) {
        out->is_blocked = true;
        out->blocked_by = rule;
        return false;
    }
    out->is_changed = true;
    if (made->action == WEIR_DETECT_PSEUDONYM && out->vault != NULL) {
        len = weir__vault_put(out->vault, rule, original, text);
        if (len > 0) {
            emit(out, text, len);
            return true;
        }
        out->is_vault_full = true;
    }
    emit(out, made->replacement.ptr, made->replacement.len);
    return true;
}

static int
strictness(const struct weir_detect_stream *stream, uint8_t rule)
{
    return rule == WEIR__RESTORE ? WEIR_DETECT_FLAG
                                 : (int)stream->set->rules[rule].action;
}

static bool
is_flag(const struct weir_detect_stream *stream, uint8_t rule)
{
    return rule != WEIR__RESTORE &&
           stream->set->rules[rule].action == WEIR_DETECT_FLAG;
}

/*
 * Passes on [start, end) with its regions replaced: candidates that begin in
 * front of `end`. Returns how far it came: behind `end` where a region
 * reaches further. False: blocked.
 */
static bool
pass(struct weir_detect_stream *stream, const struct weir_gathering *g,
     size_t end, struct weir_detect_out *out, size_t *at_out)
{
    const unsigned char *p = g->text->p;
    size_t at = g->text->start;
    for (size_t i = 0; i < g->count && g->all[i].from < end;) {
        const struct weir_candidate_range *c = &g->all[i];
        if (is_flag(stream, c->rule)) {
            out->found[c->rule]++;
            i++;
            continue;
        }
        size_t from = c->from, to = c->to;
        uint8_t rule = c->rule;
        for (; i < g->count && g->all[i].from < to && g->all[i].from < end;
             i++) {
            c = &g->all[i];
            if (c->rule != WEIR__RESTORE)
                out->found[c->rule]++;
            if (is_flag(stream, c->rule))
                continue;
            to = c->to > to ? c->to : to;
            if (strictness(stream, c->rule) > strictness(stream, rule))
                rule = c->rule;
        }
        emit(out, p + at, from - at);
        at = to;
        if (!replace(stream, rule,
                     (weir_span){(const char *)p + from, to - from}, out))
            return false;
    }
    if (at < end) {
        emit(out, p + at, end - at);
        at = end;
    }
    *at_out = at;
    return true;
}

/* The first match with a tail; count: there is none. */
static size_t
first_tail(const struct weir_gathering *g)
{
    size_t i = 0;
    while (i < g->count && !g->all[i].has_tail)
        i++;
    return i;
}

/* [start, end of the tail): what lies in front, the match, and its tail. */
static size_t
take_tail(struct weir_detect_stream *stream, struct weir_gathering *g,
          size_t tail, bool is_last, struct weir_detect_out *out)
{
    struct weir_candidate_range match = g->all[tail];
    const struct weir_detector *detector =
        stream->set->rules[match.rule].detector;
    uint32_t state = 0;
    size_t at = match.to;
    while (at < g->text->len && detector->tail(&state, g->text->p[at]))
        at++;
    bool is_open = at == g->text->len && !is_last;
    g->all[tail].to = (uint32_t)at;
    /* what begins inside is part of it */
    g->count = tail + 1;
    if (!pass(stream, g, match.from + 1, out, &at))
        return g->text->len;
    if (is_open) {
        stream->swallowed_by = (uint8_t)(match.rule + 1);
        stream->tail = state;
    }
    return at;
}

/* A match with a tail that must wait for what lies in front of it: the name
 * that announces it must wait, too. */
static size_t
keep_anchor(const struct weir_detect_text *text, size_t from, size_t hold)
{
    size_t first = from > text->start + WEIR_DETECT_CONTEXT
                       ? from - WEIR_DETECT_CONTEXT
                       : text->start;
    while (first > text->start && (text->p[first] & 0xc0) == 0x80)
        first--;
    return first < hold ? first : hold;
}

/* One slice: how far it is decided. */
static size_t
slice(struct weir_detect_stream *stream, struct weir_detect_text text,
      bool is_last, struct weir_detect_out *out)
{
    struct weir_gathering g;
    /* a slice so dense is looked at in parts */
    while (!gather(stream, &text, &g) && !g.is_broken &&
           text.len - text.start > 1) {
        text.len = text.start + (text.len - text.start) / 2;
        is_last = false;
    }
    if (g.is_broken) { /* what was not looked at does not pass */
        out->is_blocked = true;
        out->blocked_by = 0;
        return text.len;
    }
    size_t hold = is_last ? text.len : hold_from(stream, &text);
    size_t tail = first_tail(&g);
    size_t at;
    if (tail < g.count && g.all[tail].from <= hold)
        return take_tail(stream, &g, tail, is_last, out);
    if (tail < g.count)
        hold = keep_anchor(&text, g.all[tail].from, hold);
    for (size_t i = g.count; i > 0; i--)
        if (g.all[i - 1].from < hold && g.all[i - 1].to > hold)
            hold = g.all[i - 1].from;
    /* a chain of overlapping matches without an end is cut */
    if (!is_last && text.len - hold > 2 * WEIR_DETECT_MATCH_MAX - 8) {
        hold = text.len - WEIR_DETECT_MATCH_MAX;
        while ((text.p[hold] & 0xc0) == 0x80)
            hold--;
    }
    if (!pass(stream, &g, hold, out, &at))
        return text.len;
    return at;
}

/* ----------------------------------------------------------------- feed */

void
weir_detect_stream_init(struct weir_detect_stream *stream,
                        const struct weir_detect_set *set,
                        const struct weir_vault *restores)
{
    stream->set = set;
    stream->restores = restores;
    stream->context = 0;
    stream->held = 0;
    stream->swallowed_by = 0;
    stream->tail = 0;
    stream->detectors_only = false;
}

void
weir_detect_stream_fini(struct weir_detect_stream *stream)
{
    explicit_bzero(stream->window, sizeof stream->window);
    stream->context = 0;
    stream->held = 0;
}

/* Keeps [at, len) and the context in front of it. */
static void
keep(struct weir_detect_stream *stream, const unsigned char *p, size_t at,
     size_t len)
{
    size_t context = at < WEIR_DETECT_CONTEXT ? at : WEIR_DETECT_CONTEXT;
    memmove(stream->window, p + at - context, context + len - at);
    stream->context = (uint32_t)context;
    stream->held = (uint32_t)(len - at);
}

/* Of a whole text, or the first piece of one: read where it lies. What is
 * left of the piece is behind a tail that may go on. */
static weir_span
feed_in_place(struct weir_detect_stream *stream, weir_span piece, bool is_last,
              struct weir_detect_out *out)
{
    const unsigned char *p = (const unsigned char *)piece.ptr;
    size_t at = 0;
    while (at < piece.len) {
        size_t len =
            piece.len - at > WEIR__SLICE ? at + WEIR__SLICE : piece.len;
        while (len < piece.len && (p[len] & 0xc0) == 0x80)
            len++;
        struct weir_detect_text text = {p, at, len};
        size_t next = slice(stream, text, is_last && len == piece.len, out);
        if (out->is_blocked)
            return WEIR_SPAN_NONE;
        if (next == at && len == piece.len)
            break;
        at = next;
        if (stream->swallowed_by != 0) {
            keep(stream, p, at, at);
            return (weir_span){piece.ptr + at, piece.len - at};
        }
    }
    keep(stream, p, at, piece.len);
    return WEIR_SPAN_NONE;
}

static weir_span
swallow(struct weir_detect_stream *stream, weir_span piece)
{
    const struct weir_detector *detector =
        stream->set->rules[stream->swallowed_by - 1].detector;
    size_t n = 0;
    while (n < piece.len &&
           detector->tail(&stream->tail, (unsigned char)piece.ptr[n]))
        n++;
    if (n < piece.len)
        stream->swallowed_by = 0;
    /* context goes on, so that an edge is seen behind it */
    for (size_t i = n > WEIR_DETECT_CONTEXT ? n - WEIR_DETECT_CONTEXT : 0;
         i < n; i++) {
        if (stream->context == WEIR_DETECT_CONTEXT) {
            memmove(stream->window, stream->window + 1,
                    WEIR_DETECT_CONTEXT - 1);
            stream->context--;
        }
        stream->window[stream->context++] = (unsigned char)piece.ptr[i];
    }
    return (weir_span){piece.ptr + n, piece.len - n};
}

/* As many bytes of `piece` as the window takes, whole characters. */
static size_t
fill(struct weir_detect_stream *stream, weir_span piece)
{
    size_t used = stream->context + stream->held;
    size_t n = WEIR_DETECT_WINDOW - used;
    if (n >= piece.len)
        n = piece.len;
    else /* whole characters */
        while (n > 0 && ((unsigned char)piece.ptr[n] & 0xc0) == 0x80)
            n--;
    if (n > 0)
        memcpy(stream->window + used, piece.ptr, n);
    stream->held += (uint32_t)n;
    return n;
}

bool
weir_detect_feed(struct weir_detect_stream *stream, weir_span piece,
                 bool is_last, struct weir_detect_out *out)
{
    bool goes_on = true;
    while (goes_on && !out->is_blocked) {
        if (stream->swallowed_by != 0 && piece.len > 0)
            piece = swallow(stream, piece);
        if (stream->swallowed_by != 0)
            break; /* all of it was */
        if (stream->held == 0 && piece.len == 0)
            break;
        if (stream->context == 0 && stream->held == 0) {
            piece = feed_in_place(stream, piece, is_last, out);
            goes_on = piece.len > 0;
            continue;
        }
        if (piece.len > 0) {
            size_t n = fill(stream, piece);
            piece = (weir_span){piece.ptr + n, piece.len - n};
        }
        bool is_end = is_last && piece.len == 0;
        struct weir_detect_text text = {stream->window, stream->context,
                                        stream->context + stream->held};
        if (stream->held == 0)
            break;
        size_t at = slice(stream, text, is_end, out);
        if (out->is_blocked)
            break;
        keep(stream, stream->window, at, text.len);
        goes_on = piece.len > 0 || (is_end && stream->held > 0);
    }
    return out->text == NULL || !out->text->overflow;
}
