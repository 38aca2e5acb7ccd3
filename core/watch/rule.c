/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of @monitor: what policy lets the watch do.
 *
 * Parts are separated by `;`, each is NAME=VALUE. What is left out has the
 * default's value, so that "steps=slow" need not repeat the rest. An unknown
 * part is an error and no silence: who writes `asks=` for `ask=` would
 * believe that a person stands in between.
 */
#include <string.h>

#include <weir/watch_ladder.h>

#define RUNGS                                                                  \
    (WEIR_WATCH_RUNG(WEIR_WATCH_OBSERVE) | WEIR_WATCH_RUNG(WEIR_WATCH_SLOW) |  \
     WEIR_WATCH_RUNG(WEIR_WATCH_STRIP) | WEIR_WATCH_RUNG(WEIR_WATCH_HOLD) |    \
     WEIR_WATCH_RUNG(WEIR_WATCH_SUSPEND))
#define US_PER_HOUR (INT64_C(3600) * WEIR_US_PER_SEC)

struct weir_watch_rule
weir_watch_rule_default(void)
{
    return (struct weir_watch_rule){
        .automatic = WEIR_WATCH_RUNG(WEIR_WATCH_OBSERVE),
        .asks = RUNGS & ~WEIR_WATCH_RUNG(WEIR_WATCH_OBSERVE),
        .tells = RUNGS,
        .clean = 3,
        .rate = 60,
        .explain_us = 72 * US_PER_HOUR,
        .last_us = 7 * WEIR_US_PER_DAY,
    };
}

bool
weir_watch_rule_is(weir_span text)
{
    return text.len > 0 && memchr(text.ptr, '=', text.len) != NULL;
}

bool
weir_watch_action_parse(weir_span text, enum weir_watch_action *out)
{
    for (unsigned i = WEIR_WATCH_NOTHING; i <= WEIR_WATCH_SUSPEND; i++) {
        enum weir_watch_action action = (enum weir_watch_action)i;
        if (weir_span_equal(text,
                            weir_span_of(weir_watch_action_name(action)))) {
            *out = action;
            return true;
        }
    }
    return false;
}

/* Up to `end`, without blanks round it; `text` goes on behind it. */
static weir_span
cut(weir_span *text, char end)
{
    const char *at = text->len == 0 ? NULL : memchr(text->ptr, end, text->len);
    size_t len = at == NULL ? text->len : (size_t)(at - text->ptr);
    weir_span part = {text->ptr, len};
    size_t skip = at == NULL ? len : len + 1;
    text->ptr += skip;
    text->len -= skip;
    while (part.len > 0 && (part.ptr[0] == ' ' || part.ptr[0] == '\n')) {
        part.ptr++;
        part.len--;
    }
    while (part.len > 0 &&
           (part.ptr[part.len - 1] == ' ' || part.ptr[part.len - 1] == '\n'))
        part.len--;
    return part;
}

static weir_status
read_rungs(weir_span value, uint32_t *bits_out, struct weir_error *err)
{
    uint32_t bits = 0;
    while (value.len > 0) {
        weir_span word = cut(&value, ',');
        enum weir_watch_action action;
        if (!weir_watch_action_parse(word, &action))
            return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                             "a step of @monitor is none, observe, slow, "
                             "strip, hold or suspend");
        if (action != WEIR_WATCH_NOTHING)
            bits |= WEIR_WATCH_RUNG(action);
    }
    *bits_out = bits;
    return WEIR_OK;
}

/* "72h", "7d", "90m"; 0 to WEIR_WATCH_LAST_US_MAX. */
static weir_status
read_time(weir_span value, weir_time *us_out, struct weir_error *err)
{
    uint64_t number = 0;
    weir_time unit = 0;
    char last = value.len > 1 ? value.ptr[value.len - 1] : '\0';
    unit = last == 'd'   ? WEIR_US_PER_DAY
           : last == 'h' ? US_PER_HOUR
           : last == 'm' ? 60 * WEIR_US_PER_SEC
           : last == 's' ? WEIR_US_PER_SEC
                         : 0;
    if (unit == 0 ||
        !weir_span_to_u64((weir_span){value.ptr, value.len - 1}, &number) ||
        number > (uint64_t)(WEIR_WATCH_LAST_US_MAX / unit))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a time of @monitor is like 90m, 72h or 7d, at most "
                         "90d");
    *us_out = (weir_time)number * unit;
    return WEIR_OK;
}

static weir_status
read_part(struct weir_watch_rule *rule, weir_span name, weir_span value,
          uint32_t *named, struct weir_error *err)
{
    static const char *const names[] = {"steps", "ask",  "explain", "last",
                                        "clean", "tell", "slow",    "classify"};
    uint64_t number = 0;
    uint32_t part = 0;
    while (part < WEIR_COUNTOF(names) &&
           !weir_span_equal(name, weir_span_of(names[part])))
        part++;
    if (part < WEIR_COUNTOF(names) && (*named & 1u << part) != 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "@monitor says %s twice", names[part]);
    *named |= 1u << part;
    switch (part) {
    case 0:
        return read_rungs(value, &rule->automatic, err);
    case 1:
        return read_rungs(value, &rule->asks, err);
    case 2:
        return read_time(value, &rule->explain_us, err);
    case 3:
        return read_time(value, &rule->last_us, err);
    case 4:
        if (!weir_span_to_u64(value, &number) || number < 1 ||
            number > WEIR_WATCH_CLEAN_MAX)
            return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                             "clean of @monitor is a number of windows, 1 to "
                             "%u",
                             WEIR_WATCH_CLEAN_MAX);
        rule->clean = (uint32_t)number;
        return WEIR_OK;
    case 5: {
        /* Named is the lowest rung that is told. */
        enum weir_watch_action lowest;
        if (!weir_watch_action_parse(value, &lowest) ||
            (lowest != WEIR_WATCH_OBSERVE && lowest != WEIR_WATCH_SLOW))
            return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                             "tell of @monitor is observe or slow: what a "
                             "customer feels is always told");
        rule->tells = RUNGS & ~(WEIR_WATCH_RUNG(lowest) - 1);
        return WEIR_OK;
    }
    case 6:
        if (!weir_span_to_u64(value, &number) || number < 1 ||
            number > WEIR_WATCH_RATE_MAX)
            return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                             "slow of @monitor is calls a minute, 1 to %u",
                             WEIR_WATCH_RATE_MAX);
        rule->rate = (uint32_t)number;
        return WEIR_OK;
    case 7: /* names, which the configuration knows */
        return WEIR_OK;
    default:
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "@monitor has steps, ask, explain, last, clean, "
                         "tell, slow and classify");
    }
}

weir_span
weir_watch_rule_classify(weir_span text)
{
    while (weir_watch_rule_is(text)) {
        weir_span part = cut(&text, ';');
        weir_span name = cut(&part, '=');
        if (weir_span_equal(name, WEIR_SPAN("classify")))
            return cut(&part, '\0');
    }
    return WEIR_SPAN_NONE;
}

static weir_status
check(const struct weir_watch_rule *rule, struct weir_error *err)
{
    if ((rule->automatic & WEIR_WATCH_RUNG(WEIR_WATCH_SUSPEND)) != 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "suspend is never automatic: put it under ask");
    if (rule->last_us == 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a step lasts: @monitor with last=0");
    return WEIR_OK;
}

weir_status
weir_watch_rule_parse(weir_span text, struct weir_watch_rule *rule_out,
                      struct weir_error *err)
{
    struct weir_watch_rule rule = weir_watch_rule_default();
    uint32_t named = 0;
    while (text.len > 0) {
        weir_span part = cut(&text, ';');
        if (part.len == 0)
            continue;
        if (memchr(part.ptr, '=', part.len) == NULL)
            return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                             "a part of @monitor is NAME=VALUE");
        weir_span name = cut(&part, '=');
        weir_status status =
            read_part(&rule, name, cut(&part, '\0'), &named, err);
        if (status != WEIR_OK)
            return status;
    }
    /* "ask=..." alone: what a person is asked for is not automatic too;
     * "steps=..." alone: what is automatic asks nobody. */
    if ((named & 1u) == 0)
        rule.automatic &= ~rule.asks;
    rule.asks &= ~rule.automatic;
    weir_status status = check(&rule, err);
    if (status == WEIR_OK)
        *rule_out = rule;
    return status;
}

void
weir_watch_rule_join(struct weir_watch_rule *rule,
                     const struct weir_watch_rule *other)
{
    rule->automatic |= other->automatic;
    rule->asks = (rule->asks | other->asks) & ~rule->automatic;
    rule->tells |= other->tells;
    if (other->clean > rule->clean)
        rule->clean = other->clean;
    if (other->rate < rule->rate)
        rule->rate = other->rate;
    if (other->explain_us < rule->explain_us)
        rule->explain_us = other->explain_us;
    if (other->last_us > rule->last_us)
        rule->last_us = other->last_us;
}

static void
write_rungs(uint32_t bits, struct weir_buf *out)
{
    const char *comma = "";
    for (unsigned i = WEIR_WATCH_OBSERVE; i <= WEIR_WATCH_SUSPEND; i++) {
        if ((bits & WEIR_WATCH_RUNG(i)) == 0)
            continue;
        weir_buf_addf(out, "%s%s", comma,
                      weir_watch_action_name((enum weir_watch_action)i));
        comma = ",";
    }
    if (bits == 0)
        weir_buf_addf(out, "none");
}

void
weir_watch_rule_write(const struct weir_watch_rule *rule, struct weir_buf *out)
{
    weir_buf_addf(out, "steps=");
    write_rungs(rule->automatic, out);
    weir_buf_addf(out, "; ask=");
    write_rungs(rule->asks, out);
    weir_buf_addf(
        out, "; explain=%llds; last=%llds; clean=%u; tell=%s; slow=%u",
        (long long)(rule->explain_us / WEIR_US_PER_SEC),
        (long long)(rule->last_us / WEIR_US_PER_SEC), rule->clean,
        (rule->tells & WEIR_WATCH_RUNG(WEIR_WATCH_OBSERVE)) != 0 ? "observe"
                                                                 : "slow",
        rule->rate);
}
