/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns. Solvers decide one membership of a string in a regular language
 * well, and a positive next to a negative one badly (seconds to minutes).
 * So each string term is held against all of its patterns at once:
 *
 *   - each "matches" is a Boolean;
 *   - a walk over the joint automaton of the patterns lists which of their
 *     combinations some string shows (few: patterns nest or exclude);
 *   - one of those combinations must hold, and each, when it holds, says
 *     one membership, from which patterns that another implies are left out.
 *
 * With more than JOINT_MAX patterns, or too many states, the combinations
 * are left to the solver and the relations of each pair are said as clauses.
 *
 * The automaton works on bytes, one of which stands for all that no pattern
 * names: no sequence of UTF-8 begins inside another, so that a torn one
 * matches as an unnamed byte does.
 */
#include "smt.h"

#include <string.h>

#define JOINT_MAX        6
#define COMBINATIONS_MAX 32
#define STATES_MAX       4096
#define SYMBOLS_MAX      62
#define STAR             256

struct automaton {
    uint16_t symbols[JOINT_MAX][SYMBOLS_MAX + 1];
    uint32_t lengths[JOINT_MAX];
    uint32_t count;
    uint16_t alphabet[257]; /* bytes named; the last is one that is not */
    uint32_t alphabet_count;
    uint64_t (*states)[JOINT_MAX];
    uint32_t state_count;
    uint32_t *slots;
    uint8_t combinations[1 << JOINT_MAX]; /* shown by some string */
};

static bool
flatten(struct automaton *m, uint32_t row, const struct smt_pattern *pattern)
{
    uint32_t length = 0;
    for (uint32_t i = 0; i < pattern->count; i++) {
        const struct cedar_piece *piece = &pattern->pieces[i];
        size_t add = piece->is_star ? 1 : piece->literal.len;
        if (length + add > SYMBOLS_MAX)
            return false;
        for (size_t k = 0; k < add; k++)
            m->symbols[row][length++] =
                piece->is_star ? STAR : (uint8_t)piece->literal.ptr[k];
    }
    m->lengths[row] = length;
    return true;
}

static void
find_alphabet(struct automaton *m)
{
    bool is_named[257] = {false};
    for (uint32_t p = 0; p < m->count; p++)
        for (uint32_t i = 0; i < m->lengths[p]; i++)
            is_named[m->symbols[p][i]] = true;
    m->alphabet_count = 0;
    for (uint16_t c = 0; c < 256; c++)
        if (is_named[c])
            m->alphabet[m->alphabet_count++] = c;
    /* 257 is no byte: it meets stars only. */
    m->alphabet[m->alphabet_count++] = 257;
}

/* A star may be passed over. */
static uint64_t
closure(const struct automaton *m, uint32_t p, uint64_t set)
{
    for (uint32_t i = 0; i < m->lengths[p]; i++)
        if ((set >> i & 1) != 0 && m->symbols[p][i] == STAR)
            set |= UINT64_C(1) << (i + 1);
    return set;
}

static uint64_t
step(const struct automaton *m, uint32_t p, uint64_t set, uint16_t byte)
{
    uint64_t next = 0;
    for (uint32_t i = 0; i < m->lengths[p]; i++) {
        if ((set >> i & 1) == 0)
            continue;
        if (m->symbols[p][i] == STAR)
            next |= UINT64_C(1) << i;
        else if (m->symbols[p][i] == byte)
            next |= UINT64_C(1) << (i + 1);
    }
    return closure(m, p, next);
}

/* False when there are too many states. */
static bool
visit(struct automaton *m, const uint64_t *state)
{
    weir_span bytes = {(const char *)state, sizeof(m->states[0])};
    uint32_t at = (uint32_t)weir_hash64(bytes, 0) % (2 * STATES_MAX);
    uint32_t shown = 0;
    for (; m->slots[at] != 0; at = (at + 1) % (2 * STATES_MAX))
        if (memcmp(m->states[m->slots[at] - 1], state, bytes.len) == 0)
            return true;
    if (m->state_count == STATES_MAX)
        return false;
    memcpy(m->states[m->state_count++], state, bytes.len);
    m->slots[at] = m->state_count;
    for (uint32_t p = 0; p < m->count; p++)
        shown |= (uint32_t)(state[p] >> m->lengths[p] & 1) << p;
    m->combinations[shown] = 1;
    return true;
}

static bool
explore(struct smt *s, struct automaton *m)
{
    uint64_t state[JOINT_MAX] = {0};
    if (m->states == NULL) {
        m->states = weir_arena_alloc(s->arena, STATES_MAX * sizeof(*m->states));
        m->slots = weir_arena_array(s->arena, uint32_t, 2 * STATES_MAX);
        if (m->states == NULL || m->slots == NULL)
            return false;
    }
    memset(m->slots, 0, 2 * STATES_MAX * sizeof(*m->slots));
    memset(m->combinations, 0, sizeof(m->combinations));
    m->state_count = 0;
    find_alphabet(m);
    for (uint32_t p = 0; p < m->count; p++)
        state[p] = closure(m, p, 1);
    if (!visit(m, state))
        return false;
    for (uint32_t i = 0; i < m->state_count; i++)
        for (uint32_t c = 0; c < m->alphabet_count; c++) {
            uint64_t next[JOINT_MAX] = {0};
            for (uint32_t p = 0; p < m->count; p++)
                next[p] = step(m, p, m->states[i][p], m->alphabet[c]);
            if (!visit(m, next))
                return false;
        }
    return true;
}

static bool
prepare(struct automaton *m, const struct smt_pattern *const *patterns,
        uint32_t count)
{
    m->count = count;
    for (uint32_t i = 0; i < count; i++)
        if (!flatten(m, i, patterns[i]))
            return false;
    return true;
}

/* --------------------------------------------------------------- text */

static weir_span
regex_of(struct smt *s, const struct smt_pattern *pattern)
{
    weir_span text = WEIR_SPAN("(re.++");
    for (uint32_t i = 0; i < pattern->count; i++) {
        const struct cedar_piece *piece = &pattern->pieces[i];
        if (piece->is_star) {
            text = weir__smt_format(s, "%.*s re.all", WEIR_SPAN_ARG(text));
        } else {
            weir_span literal = weir__smt_string(s, piece->literal);
            text =
                weir__smt_format(s, "%.*s (str.to_re %.*s)",
                                 WEIR_SPAN_ARG(text), WEIR_SPAN_ARG(literal));
        }
    }
    return weir__smt_format(s, "%.*s)", WEIR_SPAN_ARG(text));
}

weir_span
weir__smt_like(struct smt *s, weir_span subject,
               const struct cedar_piece *pieces, uint32_t count)
{
    struct smt_subject *found = NULL;
    SMT_LIST(struct smt_pattern) list;
    struct smt_pattern pattern = {pieces, count, WEIR_SPAN_NONE};
    weir_span key;
    if (count == 1 && pieces[0].is_star)
        return WEIR_SPAN("true");
    if (count == 0 || (count == 1 && !pieces[0].is_star))
        return weir__smt_equal(s, subject,
                               weir__smt_string(s, count == 0
                                                       ? WEIR_SPAN("")
                                                       : pieces[0].literal));
    key = regex_of(s, &pattern);
    key = weir__smt_format(s, "like %.*s %.*s", WEIR_SPAN_ARG(subject),
                           WEIR_SPAN_ARG(key));
    if (key.ptr == NULL || weir__smt_known(s, key).ptr != NULL)
        return weir__smt_known(s, key);
    pattern.name = weir__smt_format(s, "like.%u", s->next++);
    weir__smt_learn(s, key, pattern.name);
    weir_buf_addf(s->out, "(declare-const %.*s Bool)\n",
                  WEIR_SPAN_ARG(pattern.name));
    for (uint32_t i = 0; i < s->subjects.count && found == NULL; i++)
        if (weir_span_equal(s->subjects.items[i].value, subject))
            found = &s->subjects.items[i];
    if (found == NULL) {
        found = SMT_PUSH(s, s->subjects);
        if (found == NULL)
            return pattern.name;
        *found = (struct smt_subject){.value = subject};
    }
    list.items = found->patterns;
    list.count = found->count;
    list.capacity = found->capacity;
    if (!weir__smt_grow(s, &list, sizeof(pattern)))
        return pattern.name;
    list.items[list.count++] = pattern;
    found->patterns = list.items;
    found->count = list.count;
    found->capacity = list.capacity;
    return pattern.name;
}

/* ------------------------------------------------------- combinations */

/* Whether every string that has bits `some` as `want` has bit `k` so too:
 * then bit k adds nothing to the combination. */
static bool
follows(const struct automaton *m, uint32_t combination, uint32_t kept,
        uint32_t k)
{
    for (uint32_t other = 0; other < 1u << m->count; other++)
        if (m->combinations[other] && (other & kept) == (combination & kept) &&
            (other >> k & 1) != (combination >> k & 1))
            return false;
    return true;
}

static weir_span
language_of(struct smt *s, const struct automaton *m, uint32_t combination,
            const struct smt_subject *subject)
{
    uint32_t kept = (1u << m->count) - 1;
    weir_span text = WEIR_SPAN_NONE;
    for (uint32_t k = 0; k < m->count; k++)
        if (follows(m, combination, kept & ~(1u << k), k))
            kept &= ~(1u << k);
    for (uint32_t k = 0; k < m->count; k++) {
        weir_span one;
        if ((kept >> k & 1) == 0)
            continue;
        one = regex_of(s, &subject->patterns[k]);
        if ((combination >> k & 1) == 0)
            one = weir__smt_format(s, "(re.comp %.*s)", WEIR_SPAN_ARG(one));
        text = text.ptr == NULL
                   ? one
                   : weir__smt_format(s, "(re.inter %.*s %.*s)",
                                      WEIR_SPAN_ARG(text), WEIR_SPAN_ARG(one));
    }
    return text; /* none: all strings */
}

static bool
say_jointly(struct smt *s, struct automaton *m,
            const struct smt_subject *subject)
{
    const struct smt_pattern *patterns[JOINT_MAX];
    weir_span any = WEIR_SPAN("false");
    uint32_t shown = 0;
    if (subject->count > JOINT_MAX)
        return false;
    for (uint32_t i = 0; i < subject->count; i++)
        patterns[i] = &subject->patterns[i];
    if (!prepare(m, patterns, subject->count) || !explore(s, m))
        return false;
    for (uint32_t c = 0; c < 1u << m->count; c++)
        shown += m->combinations[c];
    if (shown > COMBINATIONS_MAX)
        return false;
    for (uint32_t c = 0; c < 1u << m->count; c++) {
        weir_span all = WEIR_SPAN("true"), language;
        if (!m->combinations[c])
            continue;
        for (uint32_t k = 0; k < m->count; k++) {
            weir_span name = subject->patterns[k].name;
            all = weir__smt_and(
                s, all, (c >> k & 1) != 0 ? name : weir__smt_not(s, name));
        }
        any = weir__smt_or(s, any, all);
        language = language_of(s, m, c, subject);
        if (language.ptr != NULL)
            weir__smt_assert(
                s, weir__smt_format(
                       s, "(=> %.*s (str.in_re %.*s %.*s))", WEIR_SPAN_ARG(all),
                       WEIR_SPAN_ARG(subject->value), WEIR_SPAN_ARG(language)));
    }
    weir__smt_assert(s, any);
    return true;
}

static void
say_pair(struct smt *s, struct automaton *m, const struct smt_pattern *a,
         const struct smt_pattern *b)
{
    static const char *const clauses[4] = {
        "(or %.*s %.*s)",            /* no string shows neither */
        "(or (not %.*s) %.*s)",      /* a alone */
        "(or %.*s (not %.*s))",      /* b alone */
        "(or (not %.*s) (not %.*s))" /* both */
    };
    const struct smt_pattern *pair[2] = {a, b};
    if (!prepare(m, pair, 2) || !explore(s, m))
        return;
    for (uint32_t c = 0; c < 4; c++)
        if (!m->combinations[c])
            weir__smt_assert(s, weir__smt_format(s, clauses[c],
                                                 WEIR_SPAN_ARG(a->name),
                                                 WEIR_SPAN_ARG(b->name)));
}

static void
say_singly(struct smt *s, struct automaton *m,
           const struct smt_subject *subject)
{
    for (uint32_t i = 0; i < subject->count && !weir__smt_failed(s); i++) {
        const struct smt_pattern *pattern = &subject->patterns[i];
        weir_span regex = regex_of(s, pattern);
        weir__smt_assert(s, weir__smt_format(s,
                                             "(= %.*s (str.in_re %.*s "
                                             "%.*s))",
                                             WEIR_SPAN_ARG(pattern->name),
                                             WEIR_SPAN_ARG(subject->value),
                                             WEIR_SPAN_ARG(regex)));
        for (uint32_t k = 0; k < i; k++)
            say_pair(s, m, pattern, &subject->patterns[k]);
    }
}

void
weir__smt_like_finish(struct smt *s)
{
    struct automaton *m;
    if (s->subjects.count == 0)
        return;
    m = weir_arena_alloc(s->arena, sizeof(*m));
    for (uint32_t i = 0; m != NULL && i < s->subjects.count; i++)
        if (!say_jointly(s, m, &s->subjects.items[i]))
            say_singly(s, m, &s->subjects.items[i]);
}
