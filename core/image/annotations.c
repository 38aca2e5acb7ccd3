/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Annotations are where a policy meets the rest of weir: who stands behind
 * it, when it is there, what it demands of a call that it lets through. The
 * language ignores them, so each key and value is judged here; a misspelt
 * @until that silently never ends is not acceptable.
 */
#include "policies.h"

#include <string.h>

#include <weir/watch_ladder.h>

#define TEXT_MAX    512
#define MAX_N_MAX   1024
#define CACHE_S_MAX (30u * 86400u)

struct annotating {
    struct weir__policy *row;
    struct weir_faults *faults;
};

typedef void take_fn(struct annotating *a, weir_span value);

static void
add_fault(struct annotating *a, const char *advice, const char *what)
{
    weir_faults_add(a->faults, a->row->place, advice, "policy \"%.*s\": %s",
                    (int)(a->row->id.len < 64 ? a->row->id.len : 64),
                    a->row->id.len > 0 ? a->row->id.ptr : "", what);
}

static bool
is_text(struct annotating *a, weir_span value)
{
    bool is_good = value.len > 0 && value.len <= TEXT_MAX;
    for (size_t i = 0; i < value.len; i++)
        is_good = is_good && (unsigned char)value.ptr[i] >= 0x20 &&
                  value.ptr[i] != 0x7f;
    if (!is_good)
        add_fault(a, "Write one line of at most 512 bytes.",
                  "an annotation that is empty, too long or has control "
                  "characters");
    return is_good;
}

static void
take_id(struct annotating *a, weir_span value)
{
    /* Read before all others, see weir__policy_annotate(). */
}

static void
take_title(struct annotating *a, weir_span value)
{
    if (is_text(a, value))
        a->row->title = value;
}

static void
take_authority(struct annotating *a, weir_span value)
{
    if (is_text(a, value))
        a->row->authority = value;
}

static void
take_appeal(struct annotating *a, weir_span value)
{
    if (is_text(a, value))
        a->row->appeal = value;
}

static void
take_from(struct annotating *a, weir_span value)
{
    if (!weir_time_parse(value, &a->row->from))
        add_fault(a, "Write @from(\"2026-11-10\") or a full RFC 3339 time.",
                  "@from is not a date or time");
}

static void
take_until(struct annotating *a, weir_span value)
{
    if (!weir_time_parse(value, &a->row->until))
        add_fault(a, "Write @until(\"2026-11-10\") or a full RFC 3339 time.",
                  "@until is not a date or time");
}

static void
take_effect(struct annotating *a, weir_span value)
{
    if (!weir_span_equal(value, WEIR_SPAN("hold")))
        add_fault(a, "Write @effect(\"hold\"), or nothing.",
                  "@effect is not hold");
    else if (a->row->is_permit)
        add_fault(a, "Only a forbid can hold.", "a permit that holds");
    else
        a->row->flags |= WEIR_POLICY_HOLD;
}

static void
take_mode(struct annotating *a, weir_span value)
{
    if (weir_span_equal(value, WEIR_SPAN("shadow")))
        a->row->flags |= WEIR_POLICY_SHADOW;
    else
        add_fault(a, "Write @mode(\"shadow\"), or nothing.",
                  "@mode is not shadow");
}

/* Obligations bind the calls that a permit lets through. */
static bool
is_obligation(struct annotating *a)
{
    if (!a->row->is_permit)
        add_fault(a,
                  "Put it on the permit that lets the call through; of "
                  "several the strictest counts.",
                  "an obligation on a forbid");
    return a->row->is_permit;
}

static void
take_retain(struct annotating *a, weir_span value)
{
    if (is_obligation(a) && is_text(a, value))
        a->row->retain = value;
}

static void
take_monitor(struct annotating *a, weir_span value)
{
    struct weir_watch_rule rule;
    struct weir_error err = {0};
    if (!is_obligation(a) || !is_text(a, value))
        return;
    if (weir_watch_rule_is(value) &&
        weir_watch_rule_parse(value, &rule, &err) != WEIR_OK)
        add_fault(a,
                  "Write @monitor(\"steps=observe,slow; ask=strip,hold; "
                  "explain=72h; last=7d\"), or a label without '='.",
                  err.text);
    else
        a->row->monitor = value;
}

/* Whose names are filters: policies.c knows. */
static void
take_filter(struct annotating *a, weir_span value)
{
    if (is_obligation(a) && is_text(a, value))
        a->row->filter = value;
}

static void
take_strip(struct annotating *a, weir_span value)
{
    if (!is_obligation(a))
        return;
    while (value.len > 0) {
        const char *comma = memchr(value.ptr, ',', value.len);
        size_t len = comma == NULL ? value.len : (size_t)(comma - value.ptr);
        weir_span word = {value.ptr, len};
        size_t skip = comma == NULL ? len : len + 1;
        while (word.len > 0 && word.ptr[0] == ' ') {
            word.ptr++;
            word.len--;
        }
        while (word.len > 0 && word.ptr[word.len - 1] == ' ')
            word.len--;
        if (weir_span_equal(word, WEIR_SPAN("logprobs")))
            a->row->strip |= WEIR_STRIP_LOGPROBS;
        else if (weir_span_equal(word, WEIR_SPAN("reasoning")))
            a->row->strip |= WEIR_STRIP_REASONING;
        else
            add_fault(a, "Known are logprobs and reasoning.",
                      "@strip names nothing that can be stripped");
        value.ptr += skip;
        value.len -= skip;
    }
    if (a->row->strip == 0)
        add_fault(a, "Write @strip(\"logprobs,reasoning\").",
                  "@strip of nothing");
}

static void
take_max_n(struct annotating *a, weir_span value)
{
    uint64_t n;
    if (!is_obligation(a))
        return;
    if (weir_span_to_u64(value, &n) && n >= 1 && n <= MAX_N_MAX)
        a->row->max_n = (uint32_t)n;
    else
        add_fault(a, "Write @max_n(\"1\") to @max_n(\"1024\").",
                  "@max_n is not a number of choices");
}

static void
take_tier(struct annotating *a, weir_span value)
{
    if (!is_obligation(a))
        return;
    if (weir_span_equal(value, WEIR_SPAN("crash")))
        a->row->tier = WEIR_TIER_CRASH;
    else if (weir_span_equal(value, WEIR_SPAN("durable")))
        a->row->tier = WEIR_TIER_DURABLE;
    else
        add_fault(a, "Write @tier(\"durable\") or @tier(\"crash\").",
                  "@tier is neither durable nor crash");
}

/* "10 min", "90 s", "2 h", "1 d" or "none". */
static bool
read_seconds(weir_span value, uint32_t *seconds_out)
{
    static const struct {
        const char *name;
        uint32_t seconds;
    } units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
    size_t digits = 0;
    uint64_t number;
    while (digits < value.len && value.ptr[digits] >= '0' &&
           value.ptr[digits] <= '9')
        digits++;
    weir_span unit = {value.ptr + digits, value.len - digits};
    while (unit.len > 0 && unit.ptr[0] == ' ')
        unit = (weir_span){unit.ptr + 1, unit.len - 1};
    if (!weir_span_to_u64((weir_span){value.ptr, digits}, &number))
        return false;
    for (size_t i = 0; i < WEIR_COUNTOF(units); i++) {
        if (!weir_span_equal(unit, weir_span_of(units[i].name)) ||
            number == 0 || number > CACHE_S_MAX / units[i].seconds)
            continue;
        *seconds_out = (uint32_t)number * units[i].seconds;
        return true;
    }
    return false;
}

static void
take_cache(struct annotating *a, weir_span value)
{
    if (!is_obligation(a))
        return;
    if (weir_span_equal(value, WEIR_SPAN("none")))
        a->row->cache_s = WEIR_CACHE_NEVER;
    else if (!read_seconds(value, &a->row->cache_s))
        add_fault(a,
                  "Write @cache(\"10 min\") (s, min, h, d; up to 30 d) or "
                  "@cache(\"none\").",
                  "@cache is not a time");
}

static const struct {
    const char *key;
    take_fn *take;
} known[] = {
    {"id", take_id},
    {"title", take_title},
    {"authority", take_authority},
    {"appeal", take_appeal},
    {"from", take_from},
    {"until", take_until},
    {"effect", take_effect},
    {"mode", take_mode},
    {"retain", take_retain},
    {"monitor", take_monitor},
    {"filter", take_filter},
    {"strip", take_strip},
    {"max_n", take_max_n},
    {"tier", take_tier},
    {"cache", take_cache},
};

static void
take(struct annotating *a, const struct weir_cedar_annotation *annotation)
{
    for (size_t i = 0; i < WEIR_COUNTOF(known); i++) {
        if (weir_span_equal(annotation->key, weir_span_of(known[i].key))) {
            known[i].take(a, annotation->value);
            return;
        }
    }
    weir_faults_add(a->faults, a->row->place,
                    "Known are id, title, authority, appeal, from, until, "
                    "effect, mode, retain, monitor, filter, strip, max_n, "
                    "tier, cache.",
                    "policy \"%.*s\" has an annotation @%.*s",
                    (int)(a->row->id.len < 64 ? a->row->id.len : 64),
                    a->row->id.len > 0 ? a->row->id.ptr : "",
                    (int)(annotation->key.len < 64 ? annotation->key.len : 64),
                    annotation->key.ptr);
}

void
weir__policy_annotate(struct weir__policy *row,
                      const struct weir_cedar_policy_info *info,
                      struct weir_faults *faults)
{
    struct annotating a = {row, faults};
    row->from = WEIR_TIME_MIN;
    row->until = WEIR_TIME_MAX;
    for (uint32_t i = 0; i < info->annotation_count; i++) {
        if (weir_span_equal(info->annotations[i].key, WEIR_SPAN("id")))
            row->id = info->annotations[i].value;
    }
    for (uint32_t i = 0; i < info->annotation_count; i++)
        take(&a, &info->annotations[i]);
    if (row->title.len == 0)
        add_fault(&a, "Add @title(\"..\"): a refusal shows it.", "no @title");
    if (row->authority.len == 0)
        add_fault(&a, "Add @authority(\"..\"): whose rule it is.",
                  "no @authority");
    if (row->from >= row->until)
        add_fault(&a, "@until is the first moment without the policy.",
                  "@until is not after @from");
}
