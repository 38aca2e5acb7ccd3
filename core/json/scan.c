/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scanner: one strict pass over a body of any size, no allocation.
 *
 *    text --64 bytes--> kernel: masks --> escapes, strings, UTF-8 by bits
 *                                     --> tokens (quotes, structure, scalars)
 *                                              |
 *                       automaton: grammar, depth, wanted paths
 *
 * WHY TWO STAGES. A chat body is nearly all string content. There, a block
 * costs a few dozen instructions whether it is prose or every third byte is
 * escaped, because no branch depends on the bytes: runs of backslashes are
 * paired by one subtraction, `in a string` is a prefix sum of quotes, and a
 * block wholly inside a string has no token at all. Only structure pays for
 * the automaton. This is the first stage of simdjson (Langdale and Lemire,
 * 2019), run block by block, so that nothing needs to be stored.
 *
 * WHY PATHS ARE FOLLOWED HERE. A container is compared with the wanted names
 * only while all its parents lie on a wanted path; `tracked` counts how many
 * of the open containers do. Below that, names cost nothing.
 *
 * WHY DUPLICATES ARE REFUSED. Of {"model":"a","model":"b"} one reader takes
 * the first, another the last. weir decides on one of them and the origin
 * must not act on the other.
 *
 * WHAT IT DOES NOT DO. It keeps no tree and does not check names that nobody
 * asked for. Numbers are checked for their grammar, not for their range.
 */
#include "scan.h"

#include <string.h>

/* ------------------------------------------------------------- names */

/* One code unit of `name` as a reader without case would see it: ASCII
 * letters, and the two other characters that Unicode folds to ASCII. */
static size_t
fold(const char *at, size_t left, char *folded_out)
{
    unsigned char c = (unsigned char)*at;
    if (c == 0xC5 && left >= 2 && (unsigned char)at[1] == 0xBF) {
        *folded_out = 's'; /* U+017F, the long s */
        return 2;
    }
    if (c == 0xE2 && left >= 3 && (unsigned char)at[1] == 0x84 &&
        (unsigned char)at[2] == 0xAA) {
        *folded_out = 'k'; /* U+212A, the Kelvin sign */
        return 3;
    }
    *folded_out = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : (char)c;
    return 1;
}

static bool
folds_to(weir_span name, weir_span wanted)
{
    size_t at = 0;
    for (size_t i = 0; i < wanted.len; i++) {
        char left;
        char right;
        if (at >= name.len)
            return false;
        at += fold(name.ptr + at, name.len - at, &left);
        fold(wanted.ptr + i, 1, &right);
        if (left != right)
            return false;
    }
    return at == name.len;
}

static bool
has_no_high(weir_span name)
{
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t eight;
    size_t i = 0;
    for (; i + sizeof(eight) <= name.len; i += sizeof(eight)) {
        memcpy(&eight, name.ptr + i, sizeof(eight));
        if ((eight & high) != 0)
            return false;
    }
    for (; i < name.len; i++)
        if ((name.ptr[i] & 0x80) != 0)
            return false;
    return true;
}

/* The closing quote of a name in a tracked object: which paths it is on. */
static void
match_name(struct weir__json_scan *scan, weir_span name, bool has_escapes)
{
    struct weir__json_level *level = &scan->level[scan->depth - 1];
    size_t segment = scan->depth - 1;
    char plain[WEIR_JSON_NAME_MAX * 3];
    uint64_t matched = 0;
    const char *at = name.ptr;

    if (has_escapes) {
        weir_span raw = {name.ptr - 1, name.len + 2};
        /* What is longer, or no text at all, equals no wanted name. */
        if (!weir_json_unescape_into(raw, plain, sizeof(plain), &name))
            return;
    }
    bool folds = (scan->flags & WEIR_JSON_FOLD_NAMES) != 0;
    bool is_ascii = !folds || has_no_high(name);
    char first = name.len > 0 ? name.ptr[0] | 0x20 : '\0';
    uint64_t left = level->mask;
    if (scan->plan != NULL && is_ascii)
        left &=
            scan->plan->of_name[segment][weir__json_plan_slot(name.len, first)];
    for (; left != 0; left &= left - 1) {
        unsigned path = (unsigned)__builtin_ctzll(left);
        weir_span wanted = scan->paths[path].segment[segment];
        /* Most differ in this; only the two odd characters can hide it. */
        if (is_ascii && (wanted.len != name.len ||
                         (wanted.len > 0 && (wanted.ptr[0] | 0x20) != first)))
            continue;
        if (weir_span_equal(name, wanted)) {
            matched |= UINT64_C(1) << path;
        } else if (folds && folds_to(name, wanted)) {
            weir__json_set_fault(scan, at,
                                 "a name differs from a known one by case");
            return;
        }
    }
    matched &= ~scan->each[segment];
    if ((matched & level->seen) != 0) {
        weir__json_set_fault(scan, at, "a member appears twice");
        return;
    }
    level->seen |= matched;
    scan->pending = matched;
}

/* -------------------------------------------------------------- hits */

static void
record(struct weir__json_scan *scan, uint64_t paths, weir_span raw,
       enum weir_json_kind kind, bool has_escapes)
{
    for (; paths != 0; paths &= paths - 1) {
        weir_json_hit *hit = &scan->hits[__builtin_ctzll(paths)];
        if (hit->count++ == 0) {
            hit->raw = raw;
            hit->kind = kind;
            hit->has_escapes = has_escapes;
        }
        hit->bytes_total += raw.len;
    }
}

/* The paths that a value beginning now lies on. */
static uint64_t
paths_here(const struct weir__json_scan *scan)
{
    if (scan->depth == 0 || scan->depth != scan->tracked)
        return 0;
    if (scan->is_in_object)
        return scan->pending;
    return scan->level[scan->depth - 1].mask & scan->each[scan->depth - 1];
}

static void
scalar_value(struct weir__json_scan *scan, weir_span raw,
             enum weir_json_kind kind, bool has_escapes)
{
    uint64_t here = paths_here(scan);
    if (here != 0)
        record(scan, here & scan->terminal[scan->depth], raw, kind,
               has_escapes);
    scan->pending = 0;
    if (scan->depth == 0) {
        scan->root.raw = raw;
        scan->root.kind = kind;
        scan->expect = WEIR__JSON_FINISHED;
    } else {
        scan->expect = WEIR__JSON_COMMA_OR_END;
    }
}

/* -------------------------------------------------------- containers */

static void
open_container(struct weir__json_scan *scan, const char *at, bool is_object)
{
    uint64_t here = paths_here(scan);
    uint64_t terminal = here != 0 ? here & scan->terminal[scan->depth] : 0;
    uint64_t through = here & ~terminal;

    if (scan->depth == WEIR_JSON_DEPTH_MAX) {
        weir__json_set_fault(scan, at, "nested too deep");
        return;
    }
    if (terminal != 0) {
        scan->level[scan->depth - 1].open = terminal;
        scan->level[scan->depth - 1].open_raw = (weir_span){at, 0};
    }
    if (scan->depth == 0) {
        scan->root.raw.ptr = at;
        scan->root.kind = is_object ? WEIR_JSON_OBJECT : WEIR_JSON_ARRAY;
        scan->root.insert_at = (size_t)(at - scan->text) + 1;
        through = scan->path_count == WEIR_JSON_PATHS_MAX
                      ? UINT64_MAX
                      : (UINT64_C(1) << scan->path_count) - 1;
    }
    if (through != 0) {
        uint64_t each = scan->each[scan->depth];
        through &= is_object ? ~each : each;
    }
    if (through != 0) {
        struct weir__json_level *level = &scan->level[scan->depth];
        memset(level, 0, sizeof(*level));
        level->mask = through;
        scan->tracked = scan->depth + 1;
    }
    uint64_t bit = UINT64_C(1) << (scan->depth & 63);
    if (is_object)
        scan->is_object[scan->depth >> 6] |= bit;
    else
        scan->is_object[scan->depth >> 6] &= ~bit;
    scan->depth++;
    scan->is_in_object = is_object;
    scan->pending = 0;
    scan->expect = is_object ? WEIR__JSON_KEY_OR_END : WEIR__JSON_VALUE_OR_END;
}

static void
close_container(struct weir__json_scan *scan, const char *at)
{
    bool was_object = scan->is_in_object;
    bool is_empty = scan->expect != WEIR__JSON_COMMA_OR_END;

    scan->depth--;
    if (scan->tracked > scan->depth)
        scan->tracked = scan->depth;
    if (scan->depth == 0) {
        scan->root.raw.len = (size_t)(at + 1 - scan->root.raw.ptr);
        scan->root.is_empty = is_empty;
        scan->expect = WEIR__JSON_FINISHED;
        return;
    }
    uint32_t parent = scan->depth - 1;
    scan->is_in_object =
        (scan->is_object[parent >> 6] >> (parent & 63) & 1) != 0;
    scan->expect = WEIR__JSON_COMMA_OR_END;
    if (scan->depth == scan->tracked && scan->level[parent].open != 0) {
        struct weir__json_level *level = &scan->level[parent];
        weir_span raw = {level->open_raw.ptr,
                         (size_t)(at + 1 - level->open_raw.ptr)};
        record(scan, level->open, raw,
               was_object ? WEIR_JSON_OBJECT : WEIR_JSON_ARRAY, false);
        level->open = 0;
    }
}

/* ------------------------------------------------------------ tokens */

/* A comma, colon or bracket; false: it does not fit here. */
static bool
structure(struct weir__json_scan *scan, const char *at)
{
    enum weir__json_expect expect = scan->expect;
    bool wants_value =
        expect == WEIR__JSON_VALUE || expect == WEIR__JSON_VALUE_OR_END;

    switch (*at) {
    case '{':
    case '[':
        if (!wants_value)
            return false;
        open_container(scan, at, *at == '{');
        return true;
    case '}':
        if (expect != WEIR__JSON_KEY_OR_END &&
            !(expect == WEIR__JSON_COMMA_OR_END && scan->is_in_object))
            return false;
        close_container(scan, at);
        return true;
    case ']':
        if (expect != WEIR__JSON_VALUE_OR_END &&
            !(expect == WEIR__JSON_COMMA_OR_END && !scan->is_in_object))
            return false;
        close_container(scan, at);
        return true;
    case ':':
        scan->expect = WEIR__JSON_VALUE;
        return expect == WEIR__JSON_COLON;
    default: /* comma */
        scan->expect = scan->is_in_object ? WEIR__JSON_KEY : WEIR__JSON_VALUE;
        return expect == WEIR__JSON_COMMA_OR_END;
    }
}

static bool
quote(struct weir__json_scan *scan, const char *at, bool has_escapes)
{
    weir_span inside;

    switch (scan->expect) {
    case WEIR__JSON_IN_KEY:
        inside.ptr = scan->string_at + 1;
        inside.len = (size_t)(at - inside.ptr);
        scan->expect = WEIR__JSON_COLON;
        if (has_escapes)
            scan->root.names.has_escapes = true;
        else
            weir_json_names_add(&scan->root.names, inside);
        if (scan->depth == scan->tracked)
            match_name(scan, inside, has_escapes);
        return true;
    case WEIR__JSON_IN_VALUE:
        scalar_value(
            scan,
            (weir_span){scan->string_at, (size_t)(at + 1 - scan->string_at)},
            WEIR_JSON_STRING, has_escapes);
        return true;
    case WEIR__JSON_VALUE:
    case WEIR__JSON_VALUE_OR_END:
        scan->expect = WEIR__JSON_IN_VALUE;
        break;
    case WEIR__JSON_KEY:
    case WEIR__JSON_KEY_OR_END:
        scan->expect = WEIR__JSON_IN_KEY;
        break;
    default:
        return false;
    }
    scan->string_at = at;
    return true;
}

/* A number or literal that begins here. */
static bool
scalar(struct weir__json_scan *scan, const char *at)
{
    const char *end = scan->text + scan->len;
    enum weir_json_kind kind;

    if (scan->expect != WEIR__JSON_VALUE &&
        scan->expect != WEIR__JSON_VALUE_OR_END)
        return false;
    const char *behind = weir__json_scalar_end(at, end, &kind);
    if (behind == NULL)
        return false;
    scalar_value(scan, (weir_span){at, (size_t)(behind - at)}, kind, false);
    return true;
}

void
weir__json_tokens(struct weir__json_scan *scan, const char *base,
                  uint64_t tokens, uint64_t in_string, uint64_t backslash)
{
    for (; tokens != 0; tokens &= tokens - 1) {
        unsigned i = (unsigned)__builtin_ctzll(tokens);
        const char *at = base + i;
        bool fits;

        if (at >= scan->text + scan->len)
            return; /* padding */
        switch (*at) {
        case '"': {
            /* The last backslash before this quote, in this string? */
            uint64_t before = backslash & ((UINT64_C(1) << i) - 1);
            const char *escape = before != 0
                                     ? base + (63 - __builtin_clzll(before))
                                     : scan->last_escape;
            bool is_opening = (in_string >> i & 1) != 0;
            fits = quote(scan, at,
                         !is_opening && escape != NULL &&
                             escape > scan->string_at);
            break;
        }
        case '{':
        case '}':
        case '[':
        case ']':
        case ':':
        case ',':
            fits = structure(scan, at);
            break;
        default:
            fits = scalar(scan, at);
        }
        if (!fits)
            weir__json_set_fault(scan, at, "not expected here");
        if (scan->fault != NULL)
            return;
    }
}

/* ------------------------------------------------------------- entry */

static const struct {
    const char *name;
    weir__json_kernel run;
} kernels[] = {
#if defined(__x86_64__)
    {"avx512", weir__json_scan_avx512},
    {"avx2", weir__json_scan_avx2},
    {"sse2", weir__json_scan_sse2},
#endif
    {"plain", weir__json_scan_plain},
};

static bool
can_run(size_t index)
{
#if defined(__x86_64__)
    if (kernels[index].run == weir__json_scan_avx512 &&
        !(__builtin_cpu_supports("avx512f") &&
          __builtin_cpu_supports("avx512bw")))
        return false;
    if (kernels[index].run != weir__json_scan_sse2 &&
        kernels[index].run != weir__json_scan_plain)
        return __builtin_cpu_supports("avx2") &&
               __builtin_cpu_supports("pclmul") &&
               __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("bmi");
#endif
    (void)index;
    return true;
}

const char *
weir_json_kernel_name(size_t index)
{
    for (size_t i = 0; i < WEIR_COUNTOF(kernels); i++)
        if (can_run(i) && index-- == 0)
            return kernels[i].name;
    return NULL;
}

static void
finish(struct weir__json_scan *scan)
{
    const char *end = scan->text + scan->len;
    if (scan->fault != NULL || scan->expect == WEIR__JSON_FINISHED)
        return;
    if (scan->expect == WEIR__JSON_IN_KEY ||
        scan->expect == WEIR__JSON_IN_VALUE)
        weir__json_set_fault(scan, scan->string_at, "a string without end");
    else
        weir__json_set_fault(scan, end, "the text ends too early");
}

static weir_status
run(struct weir__json_scan *scan, size_t kernel,
    struct weir_json_root *root_out, struct weir_error *err)
{
    if (scan->path_count > 0) /* absent is all zero */
        memset(scan->hits, 0, scan->path_count * sizeof(scan->hits[0]));
    kernels[kernel].run(scan);
    finish(scan);
    if (scan->fault != NULL) {
        /* The kernel tells the block; the byte is worth a second look. */
        if (scan->is_utf8_fault)
            scan->fault_at = weir__json_utf8_fault(scan->text, scan->len);
        return weir_fail(err, WEIR_EPARSE,
                         (size_t)(scan->fault_at - scan->text), "%s",
                         scan->fault);
    }
    *root_out = scan->root;
    return WEIR_OK;
}

weir_status
weir_json_scan_with(size_t kernel, weir_span text, const weir_json_path *paths,
                    size_t path_count, unsigned flags,
                    struct weir_json_root *root_out, weir_json_hit *hits_out,
                    struct weir_error *err)
{
    uint64_t terminal[WEIR_JSON_PATH_SEGMENTS_MAX + 1];
    uint64_t each[WEIR_JSON_PATH_SEGMENTS_MAX];
    struct weir__json_scan scan = {
        .text = text.ptr == NULL ? "" : text.ptr, /* nothing is no text */
        .len = text.len,
        .paths = paths,
        .path_count = path_count,
        .flags = flags,
        .hits = hits_out,
        .terminal = terminal,
        .each = each,
    };
    size_t index = 0;
    while (!can_run(index) || kernel-- > 0) {
        index++;
        WEIR_ASSERT(index < WEIR_COUNTOF(kernels));
    }
    weir__json_places(paths, path_count, terminal, each);
    return run(&scan, index, root_out, err);
}

/* The best one; asked of the processor once. */
static size_t
best_kernel(void)
{
    static size_t found; /* one more than it; every thread finds the same */
    size_t index = __atomic_load_n(&found, __ATOMIC_RELAXED);
    if (index != 0)
        return index - 1;
    while (!can_run(index))
        index++;
    __atomic_store_n(&found, index + 1, __ATOMIC_RELAXED);
    return index;
}

weir_status
weir_json_scan(weir_span text, const weir_json_path *paths, size_t path_count,
               unsigned flags, struct weir_json_root *root_out,
               weir_json_hit *hits_out, struct weir_error *err)
{
    return weir_json_scan_with(0, text, paths, path_count, flags, root_out,
                               hits_out, err);
}

weir_status
weir_json_scan_planned(weir_span text, struct weir_json_plan *plan,
                       unsigned flags, struct weir_json_root *root_out,
                       weir_json_hit *hits_out, struct weir_error *err)
{
    if (!weir__json_plan_is_filled(plan))
        return weir_json_scan(text, plan->paths, plan->count, flags, root_out,
                              hits_out, err);
    struct weir__json_scan scan = {
        .text = text.ptr == NULL ? "" : text.ptr, /* nothing is no text */
        .len = text.len,
        .paths = plan->paths,
        .path_count = plan->count,
        .plan = plan,
        .flags = flags,
        .hits = hits_out,
        .terminal = plan->terminal,
        .each = plan->each,
    };
    return run(&scan, best_kernel(), root_out, err);
}
