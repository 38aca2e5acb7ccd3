/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap: a push reader that knows strings, brackets and a few paths.
 *
 * Containers are followed by name only while all their parents lie on a
 * wanted path (`tracked` of the `depth` open ones do); inside others only
 * quotes and brackets matter, and those are found 16 bytes at a time. So a
 * reply of some megabytes of numbers costs little more than reading it.
 *
 * Captured bytes are not copied one by one: `from` marks where the present
 * stretch began in this read, and is flushed when the set of values being
 * captured changes or the read ends.
 */
#include <weir/json_tap.h>

#include <string.h>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

enum { OUTSIDE, STRING, ESCAPE, SCALAR };

/* What may come next: only while is_checked. */
enum { VALUE, VALUE_OR_END, NAME, NAME_OR_END, COLON, COMMA_OR_END, NOTHING };

#define NAME_TOO_LONG (WEIR_JSON_NAME_MAX + 1)

/* First quote or backslash, or `end`. */
static const char *
string_mark(const char *at, const char *end)
{
#if defined(__x86_64__)
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    for (; end - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        int found = _mm_movemask_epi8(_mm_or_si128(
            _mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
        if (found != 0)
            return at + __builtin_ctz((unsigned)found);
    }
#endif
    while (at < end && *at != '"' && *at != '\\')
        at++;
    return at;
}

/* First quote or bracket, or `end`. */
static const char *
outside_mark(const char *at, const char *end)
{
#if defined(__x86_64__)
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i bit = _mm_set1_epi8(0x20);
    const __m128i open = _mm_set1_epi8('{');
    const __m128i close = _mm_set1_epi8('}');
    for (; end - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        /* Bit 5 is all that tells `[` and `]` from `{` and `}`. */
        __m128i lower = _mm_or_si128(bytes, bit);
        __m128i bracket = _mm_or_si128(_mm_cmpeq_epi8(lower, open),
                                       _mm_cmpeq_epi8(lower, close));
        int found = _mm_movemask_epi8(
            _mm_or_si128(bracket, _mm_cmpeq_epi8(bytes, quote)));
        if (found != 0)
            return at + __builtin_ctz((unsigned)found);
    }
#endif
    for (; at < end; at++) {
        char lower = *at | 0x20;
        if (*at == '"' || lower == '{' || lower == '}')
            break;
    }
    return at;
}

static size_t
slot_of(size_t length, char first)
{
    return (length * 5 + (unsigned char)first) % WEIR_JSON_TAP_SLOTS;
}

/* Paths share their first names; each is compared once. */
static void
index_names(struct weir_json_tap_plan *plan)
{
    uint32_t used = 0;
    for (uint32_t place = 0; place < WEIR_JSON_PATH_SEGMENTS_MAX; place++) {
        for (uint32_t i = 0; i < plan->count; i++) {
            const weir_json_path *path = &plan->wanted[i].path;
            uint32_t bit = UINT32_C(1) << i;
            if (place >= path->count || (plan->each[place] & bit) != 0)
                continue;
            weir_span text = path->segment[place];
            WEIR_ASSERT(text.len > 0);
            uint8_t *first =
                &plan->slots[place][slot_of(text.len, text.ptr[0])];
            uint32_t j = *first;
            while (j != 0 && !weir_span_equal(plan->names[j - 1].text, text))
                j = plan->names[j - 1].next;
            if (j == 0) {
                WEIR_ASSERT(used < WEIR_JSON_TAP_NAMES_MAX);
                j = ++used;
                plan->names[j - 1].text = text;
                plan->names[j - 1].next = *first;
                *first = (uint8_t)j;
            }
            plan->names[j - 1].mask |= bit;
        }
    }
}

void
weir_json_tap_plan_init(struct weir_json_tap_plan *plan,
                        const weir_json_wanted *wanted, size_t count)
{
    WEIR_ASSERT(count <= WEIR_JSON_TAPS_MAX);
    memset(plan, 0, sizeof(*plan));
    plan->wanted = wanted;
    plan->count = (uint32_t)count;
    for (uint32_t i = 0; i < count; i++) {
        const weir_json_path *path = &wanted[i].path;
        uint32_t bit = UINT32_C(1) << i;
        WEIR_ASSERT(path->count <= WEIR_JSON_PATH_SEGMENTS_MAX);
        if (path->count > 0)
            plan->all |= bit;
        plan->terminal[path->count] |= bit;
        for (size_t j = 0; j < path->count; j++)
            if (weir_span_equal(path->segment[j], WEIR_SPAN(WEIR_JSON_EACH)))
                plan->each[j] |= bit;
        plan->keep_sum += wanted[i].keep_max;
    }
    index_names(plan);
}

void
weir_json_tap_init(struct weir_json_tap *tap,
                   const struct weir_json_tap_plan *plan, void *memory,
                   size_t size)
{
    WEIR_ASSERT(plan->keep_sum <= size);
    tap->plan = plan;
    tap->memory = memory;
    tap->is_object = 0;
    tap->name_len = 0;
    tap->touched = plan->all;
    for (uint32_t i = 0; i < plan->count; i++) {
        tap->tapped[i].raw.ptr = memory;
        memory = (char *)memory + plan->wanted[i].keep_max;
    }
    for (uint32_t i = 0; i < plan->count; i++)
        if ((plan->all >> i & 1) == 0) /* nothing is ever noted there */
            tap->tapped[i] =
                (weir_json_tapped){.raw = {tap->tapped[i].raw.ptr, 0}};
    weir_json_tap_reset(tap);
}

void
weir_json_tap_reset(struct weir_json_tap *tap)
{
    for (uint32_t left = tap->touched; left != 0; left &= left - 1) {
        weir_json_tapped *tapped = &tap->tapped[__builtin_ctz(left)];
        *tapped = (weir_json_tapped){.raw = {tapped->raw.ptr, 0}};
    }
    tap->touched = 0;
    tap->depth = 0;
    tap->tracked = 0;
    tap->pending = 0;
    tap->keeping = 0;
    tap->live = 0;
    tap->state = OUTSIDE;
    tap->is_name = false;
    tap->wants_name = false;
    tap->is_done = false;
    tap->is_broken = false;
    tap->is_checked = false;
}

bool
weir_json_tap_is_done(const struct weir_json_tap *tap)
{
    return tap->is_done;
}

/* ----------------------------------------------------------- capture */

static char *
keep_start(const struct weir_json_tap *tap, uint32_t index)
{
    /* raw.ptr points into tap->memory, which is the caller's to write. */
    return tap->memory + (tap->tapped[index].raw.ptr - tap->memory);
}

static void
flush(struct weir_json_tap *tap, const char **from, const char *to)
{
    size_t len = (size_t)(to - *from);
    for (uint32_t left = tap->keeping; left != 0; left &= left - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(left);
        weir_json_tapped *tapped = &tap->tapped[i];
        size_t room = tap->plan->wanted[i].keep_max - tapped->raw.len;
        size_t take = len < room ? len : room;
        if (take > 0)
            memcpy(keep_start(tap, i) + tapped->raw.len, *from, take);
        tapped->raw.len += take;
        tapped->is_cut = tapped->is_cut || take < len;
    }
    *from = to;
}

/* The paths that a value beginning now lies on. */
static uint32_t
paths_here(const struct weir_json_tap *tap)
{
    if (tap->depth == 0 || tap->depth != tap->tracked)
        return 0;
    uint32_t at = tap->depth - 1;
    if ((tap->is_object >> at & 1) != 0)
        return tap->pending;
    return tap->level[at].mask & tap->plan->each[at];
}

/* Notes a value of these paths and begins to capture it. */
static void
begin(struct weir_json_tap *tap, uint32_t paths, enum weir_json_kind kind,
      const char **from, const char *at)
{
    uint32_t keeping = 0;
    tap->touched |= paths;
    for (uint32_t left = paths; left != 0; left &= left - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(left);
        weir_json_tapped *tapped = &tap->tapped[i];
        tapped->count++;
        tapped->kind = kind;
        tapped->raw.len = 0;
        tapped->is_cut = false;
        if (tap->plan->wanted[i].keep_max > 0)
            keeping |= UINT32_C(1) << i;
    }
    if (keeping != 0) {
        flush(tap, from, at);
        tap->keeping |= keeping;
    }
}

static void
count_string(struct weir_json_tap *tap, size_t len)
{
    for (uint32_t left = tap->live; left != 0; left &= left - 1)
        tap->tapped[__builtin_ctz(left)].string_bytes += len;
}

/* --------------------------------------------------------- structure */

static void
match_name(struct weir_json_tap *tap, const char *text, uint32_t len)
{
    uint32_t place = tap->depth - 1;
    tap->pending = 0;
    if (len == 0 || len > WEIR_JSON_NAME_MAX)
        return;
    uint32_t i = tap->plan->slots[place][slot_of(len, text[0])];
    while (i != 0) {
        const struct weir_json_tap_name *name = &tap->plan->names[i - 1];
        if (name->text.len == len && memcmp(name->text.ptr, text, len) == 0) {
            tap->pending = name->mask & tap->level[place].mask;
            return;
        }
        i = name->next;
    }
}

static void
open_container(struct weir_json_tap *tap, bool is_object, const char **from,
               const char *at)
{
    uint32_t here = paths_here(tap);
    uint32_t through = tap->depth == 0 ? tap->plan->all : here;
    if (here != 0) {
        uint32_t terminal = here & tap->plan->terminal[tap->depth];
        begin(tap, terminal, is_object ? WEIR_JSON_OBJECT : WEIR_JSON_ARRAY,
              from, at);
        tap->level[tap->depth - 1].keeping = terminal;
        through &= ~terminal;
    }
    if (through != 0 && tap->depth < WEIR_JSON_PATH_SEGMENTS_MAX) {
        uint32_t each = tap->plan->each[tap->depth];
        through &= is_object ? ~each : each;
    }
    if (through != 0 && tap->depth < WEIR_JSON_PATH_SEGMENTS_MAX) {
        uint32_t bit = UINT32_C(1) << tap->depth;
        tap->level[tap->depth] = (struct weir_json_tap_level){.mask = through};
        tap->is_object =
            is_object ? tap->is_object | bit : tap->is_object & ~bit;
        tap->tracked = tap->depth + 1;
    }
    tap->depth++;
    tap->pending = 0;
    tap->wants_name = is_object;
}

static void
close_container(struct weir_json_tap *tap, const char **from, const char *at)
{
    if (tap->depth == 0) {
        tap->is_broken = true;
        return;
    }
    tap->depth--;
    if (tap->tracked > tap->depth)
        tap->tracked = tap->depth;
    if (tap->depth == 0) {
        tap->is_done = true;
    } else if (tap->depth == tap->tracked &&
               tap->level[tap->depth - 1].keeping != 0) {
        flush(tap, from, at + 1);
        tap->keeping &= ~tap->level[tap->depth - 1].keeping;
        tap->level[tap->depth - 1].keeping = 0;
    }
    tap->pending = 0;
    tap->wants_name = false;
}

static void
open_string(struct weir_json_tap *tap, const char **from, const char *at)
{
    bool is_tracked = tap->depth > 0 && tap->depth == tap->tracked;
    tap->state = STRING;
    tap->is_name = is_tracked && tap->wants_name &&
                   (tap->is_object >> (tap->depth - 1) & 1) != 0;
    if (tap->is_name) {
        tap->name_len = 0;
        return;
    }
    tap->live = paths_here(tap);
    if (tap->live != 0) {
        tap->live &= tap->plan->terminal[tap->depth];
        begin(tap, tap->live, WEIR_JSON_STRING, from, at);
    }
    if (tap->depth == 0)
        tap->is_done = true;
}

/* The end of a wanted string or scalar: `behind` its last byte. */
static void
end_live(struct weir_json_tap *tap, const char **from, const char *behind)
{
    if (tap->live == 0)
        return;
    flush(tap, from, behind);
    tap->keeping &= ~tap->live;
    tap->live = 0;
    tap->pending = 0;
}

static void
begin_scalar(struct weir_json_tap *tap, const char **from, const char *at)
{
    uint32_t live = paths_here(tap);
    if (tap->depth == 0)
        tap->is_done = true;
    if (live == 0)
        return;
    enum weir_json_kind kind = *at == 't'   ? WEIR_JSON_TRUE
                               : *at == 'f' ? WEIR_JSON_FALSE
                               : *at == 'n' ? WEIR_JSON_NULL
                                            : WEIR_JSON_NUMBER;
    tap->live = live & tap->plan->terminal[tap->depth];
    begin(tap, tap->live, kind, from, at);
    tap->state = SCALAR;
}

/* ------------------------------------------------------------- bytes */

/* Quotes and opening brackets too: what is no JSON must not be read
 * otherwise when it comes in other pieces. */
static bool
ends_scalar(char c)
{
    static const bool ends[256] = {
        [','] = true,  ['}'] = true,  [']'] = true,  [' '] = true,
        ['\n'] = true, ['\r'] = true, ['\t'] = true, ['"'] = true,
        [':'] = true,  ['{'] = true,  ['['] = true,
    };
    return ends[(unsigned char)c];
}

static const char *
scalar_end(const char *at, const char *end)
{
    while (at < end && !ends_scalar(*at))
        at++;
    return at;
}

/* ------------------------------------------------------------- check */

static void
refuse(struct weir_json_tap *tap)
{
    tap->is_invalid = true;
    tap->is_checked = false; /* from here on, as any other */
}

/* Bytes of the character that begins with this one of the high half; 0: none.
 * Neither overlong nor half of a pair nor beyond U+10FFFF. */
static size_t
character(const char *text, const char *end)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t len = at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    if (len == 0 || at[0] > 0xf4 || (size_t)(end - text) < len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    bool is_odd =
        (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f);
    return is_odd ? 0 : len;
}

/* First quote, backslash, control or byte of the high half, or `end`. */
static const char *
strict_mark(const char *at, const char *end)
{
#if defined(__x86_64__)
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(' ');
    for (; end - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i marks = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote),
                                     _mm_cmpeq_epi8(bytes, backslash));
        /* With a sign, the high half is below the space too. */
        int found = _mm_movemask_epi8(
            _mm_or_si128(marks, _mm_cmplt_epi8(bytes, space)));
        if (found != 0)
            return at + __builtin_ctz((unsigned)found);
    }
#endif
    while (at < end && *at != '"' && *at != '\\' &&
           (unsigned char)(*at - ' ') < 0x80 - ' ')
        at++;
    return at;
}

/* string_mark() of a text that is checked. */
static const char *
checked_mark(struct weir_json_tap *tap, const char *at, const char *end)
{
    for (;;) {
        at = strict_mark(at, end);
        if (at == end || *at == '"' || *at == '\\')
            return at;
        size_t len = (*at & 0x80) != 0 ? character(at, end) : 0;
        if (len == 0) {
            refuse(tap);
            return string_mark(at, end);
        }
        at += len;
    }
}

static bool
is_escape(const char *at, const char *end)
{
    static const bool simple[256] = {
        ['"'] = true, ['\\'] = true, ['/'] = true, ['b'] = true,
        ['f'] = true, ['n'] = true,  ['r'] = true, ['t'] = true,
    };
    if (*at != 'u')
        return simple[(unsigned char)*at];
    if (end - at < 5)
        return false;
    for (int i = 1; i < 5; i++) {
        char lower = at[i] | 0x20;
        if (!(at[i] >= '0' && at[i] <= '9') && !(lower >= 'a' && lower <= 'f'))
            return false;
    }
    return true;
}

static const char *
digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

static bool
is_number(const char *at, const char *end)
{
    const char *from;
    if (at < end && *at == '-')
        at++;
    from = at;
    at = digits(at, end);
    if (at == from || (*from == '0' && at - from > 1))
        return false;
    if (at < end && *at == '.') {
        from = ++at;
        at = digits(at, end);
        if (at == from)
            return false;
    }
    if (at < end && (*at | 0x20) == 'e') {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        from = at;
        at = digits(at, end);
        if (at == from)
            return false;
    }
    return at == end;
}

static bool
is_scalar(const char *at, const char *end)
{
    weir_span text = {at, (size_t)(end - at)};
    switch (*at) {
    case 't':
        return weir_span_equal(text, WEIR_SPAN("true"));
    case 'f':
        return weir_span_equal(text, WEIR_SPAN("false"));
    case 'n':
        return weir_span_equal(text, WEIR_SPAN("null"));
    default:
        return is_number(at, end);
    }
}

static bool
expects_value(const struct weir_json_tap *tap)
{
    return tap->expect == VALUE || tap->expect == VALUE_OR_END;
}

/* Of the innermost open container. */
static bool
is_in_object(const struct weir_json_tap *tap)
{
    uint32_t at = tap->depth - 1;
    return (tap->objects[at / 64] >> at % 64 & 1) != 0;
}

static bool
check_open(struct weir_json_tap *tap, bool is_object)
{
    uint32_t at = tap->depth;
    if (!expects_value(tap) || at >= WEIR_JSON_DEPTH_MAX)
        return false;
    uint64_t bit = UINT64_C(1) << at % 64;
    tap->objects[at / 64] =
        is_object ? tap->objects[at / 64] | bit : tap->objects[at / 64] & ~bit;
    tap->expect = is_object ? NAME_OR_END : VALUE_OR_END;
    return true;
}

static bool
check_close(struct weir_json_tap *tap, bool is_object)
{
    if (tap->depth == 0 || is_in_object(tap) != is_object ||
        (tap->expect != COMMA_OR_END &&
         tap->expect != (is_object ? NAME_OR_END : VALUE_OR_END)))
        return false;
    tap->expect = tap->depth > 1 ? COMMA_OR_END : NOTHING;
    return true;
}

/* The token at `at`, before the tap takes it. */
static bool
check_token(struct weir_json_tap *tap, const char *at, const char *end)
{
    switch (*at) {
    case '"':
        if (tap->expect == NAME || tap->expect == NAME_OR_END) {
            tap->expect = COLON;
            return true;
        }
        break;
    case '{':
    case '[':
        return check_open(tap, *at == '{');
    case '}':
    case ']':
        return check_close(tap, *at == '}');
    case ',':
        if (tap->expect != COMMA_OR_END)
            return false;
        tap->expect = is_in_object(tap) ? NAME : VALUE;
        return true;
    case ':':
        if (tap->expect != COLON)
            return false;
        tap->expect = VALUE;
        return true;
    case ' ':
    case '\t':
    case '\n':
    case '\r':
        return true;
    default:
        if (!is_scalar(at, scalar_end(at, end)))
            return false;
        break;
    }
    /* A string or scalar; alone it is no answer. */
    if (!expects_value(tap) || tap->depth == 0)
        return false;
    tap->expect = COMMA_OR_END;
    return true;
}

/* -------------------------------------------------------------- pass */

/* In a string: up to and with its closing quote, or the read's end. */
static const char *
pass_string(struct weir_json_tap *tap, const char **from, const char *at,
            const char *end)
{
    const char *behind =
        tap->is_checked ? checked_mark(tap, at, end) : string_mark(at, end);
    size_t len = (size_t)(behind - at);
    if (tap->is_name && tap->name_len == 0 && behind < end && *behind == '"') {
        match_name(tap, at,
                   len < WEIR_JSON_NAME_MAX + 1 ? (uint32_t)len
                                                : NAME_TOO_LONG);
        tap->is_name = false;
        tap->state = OUTSIDE;
        return behind + 1;
    }
    if (tap->is_name) {
        if (tap->name_len + len <= WEIR_JSON_NAME_MAX) {
            memcpy(tap->name + tap->name_len, at, len);
            tap->name_len = (uint16_t)(tap->name_len + len);
        } else {
            tap->name_len = NAME_TOO_LONG;
        }
    } else if (tap->live != 0) {
        count_string(tap, len);
    }
    if (behind == end)
        return end;
    if (*behind == '\\') {
        tap->state = ESCAPE;
        tap->name_len = NAME_TOO_LONG;
        if (tap->live != 0)
            count_string(tap, 1);
        return behind + 1;
    }
    tap->state = OUTSIDE;
    if (tap->is_name) {
        match_name(tap, tap->name, tap->name_len);
        tap->is_name = false;
    } else {
        end_live(tap, from, behind + 1);
    }
    return behind + 1;
}

/* Between tokens: one byte, or a stretch where nothing is tracked. */
static const char *
pass_outside(struct weir_json_tap *tap, const char **from, const char *at,
             const char *end)
{
    if (tap->is_checked) {
        if (!check_token(tap, at, end))
            refuse(tap);
    } else if (tap->depth != tap->tracked) {
        at = outside_mark(at, end);
        if (at == end)
            return end;
    }
    switch (*at) {
    case '"':
        open_string(tap, from, at);
        break;
    case '{':
    case '[':
        open_container(tap, *at == '{', from, at);
        break;
    case '}':
    case ']':
        close_container(tap, from, at);
        break;
    case ',':
        tap->pending = 0;
        tap->wants_name = true;
        break;
    case ':':
        tap->wants_name = false;
        break;
    case ' ':
    case '\t':
    case '\n':
    case '\r':
        break;
    default:
        begin_scalar(tap, from, at);
        if (tap->state == OUTSIDE)
            return scalar_end(at, end);
        break;
    }
    return at + 1;
}

void
weir_json_tap_feed(struct weir_json_tap *tap, weir_span bytes)
{
    const char *at = bytes.ptr;
    const char *end;
    const char *from = at; /* of the captured bytes not yet flushed */

    if (bytes.len == 0)
        return; /* its pointer may be NULL */
    end = at + bytes.len;
    while (at < end) {
        switch (tap->state) {
        case STRING:
            at = pass_string(tap, &from, at, end);
            break;
        case ESCAPE:
            if (tap->is_checked && !is_escape(at, end))
                refuse(tap);
            if (tap->live != 0)
                count_string(tap, 1);
            tap->state = STRING;
            at++;
            break;
        case SCALAR:
            at = scalar_end(at, end);
            if (at < end) {
                end_live(tap, &from, at);
                tap->state = OUTSIDE;
            }
            break;
        default:
            at = pass_outside(tap, &from, at, end);
            break;
        }
    }
    flush(tap, &from, end);
}

bool
weir_json_tap_whole(struct weir_json_tap *tap, weir_span text)
{
    WEIR_ASSERT(tap->depth == 0 && tap->state == OUTSIDE && !tap->is_done);
    tap->is_checked = true;
    tap->is_invalid = false;
    tap->expect = VALUE;
    weir_json_tap_feed(tap, text);
    tap->is_checked = false;
    return !tap->is_invalid && tap->expect == NOTHING;
}
