/* SPDX-License-Identifier: Apache-2.0 */
/* Names of what records hold as numbers, and the text form of request ids. */
#include <weir/record.h>

#include <string.h>

static const char *const reasons[] = {
    [WEIR_REASON_NONE] = "none",
    [WEIR_REASON_PERMITTED] = "permitted",
    [WEIR_REASON_FORBIDDEN] = "policy_forbids",
    [WEIR_REASON_NO_PERMIT] = "no_policy_permits",
    [WEIR_REASON_HELD] = "policy_holds",
    [WEIR_REASON_POLICY_ERROR] = "policy_error",
    [WEIR_REASON_WITHDRAWN] = "withdrawn",
    [WEIR_REASON_STALE] = "policy_stale",
    [WEIR_REASON_OPERATION] = "operation_not_offered",
    [WEIR_REASON_NO_KEY] = "no_key",
    [WEIR_REASON_UNKNOWN_KEY] = "unknown_key",
    [WEIR_REASON_REVOKED_KEY] = "revoked_key",
    [WEIR_REASON_EXPIRED_KEY] = "expired_key",
    [WEIR_REASON_UNKNOWN_MODEL] = "model_not_found",
    [WEIR_REASON_BUDGET] = "budget_full",
    [WEIR_REASON_NO_RECORD] = "no_record",
    [WEIR_REASON_BAD_REQUEST] = "bad_request",
    [WEIR_REASON_TOO_LARGE] = "too_large",
    [WEIR_REASON_OVERLOADED] = "overloaded",
    [WEIR_REASON_SUNSET] = "model_sunset",
    [WEIR_REASON_KEY_ON_HOLD] = "key_on_hold",
    [WEIR_REASON_END_CUSTOMER] = "end_customer",
    [WEIR_REASON_NOT_SERVABLE] = "not_servable",
    [WEIR_REASON_SCOPE] = "outside_scope",
    [WEIR_REASON_SPENT] = "exception_spent",
    [WEIR_REASON_WATCH_SLOW] = "watch_slow",
    [WEIR_REASON_WATCH_HOLD] = "watch_hold",
    [WEIR_REASON_WATCH_SUSPENDED] = "watch_suspended",
    [WEIR_REASON_FILTERED] = "content_filtered",
    [WEIR_REASON_EJECTED] = "deployments_ejected",
    [WEIR_REASON_RESTING] = "deployments_resting",
    [WEIR_REASON_FULL] = "deployments_full",
    [WEIR_REASON_UNCLASSIFIED] = "classifier_unavailable",
    [WEIR_REASON_ADDRESS] = "address_forbidden",
};

const char *
weir_reason_code(enum weir_reason reason)
{
    return (size_t)reason < WEIR_COUNTOF(reasons) ? reasons[reason] : "unknown";
}

const char *
weir_verdict_name(enum weir_verdict verdict)
{
    switch (verdict) {
    case WEIR_ALLOW:
        return "allow";
    case WEIR_DENY:
        return "deny";
    case WEIR_HOLD:
        return "hold";
    }
    return "unknown";
}

const char *
weir_unknown_name(uint32_t unknown)
{
    static const char *const names[WEIR_UNKNOWNS] = {
        "unrecorded", "no_database", "unreadable", "no_address",
        "not_listed", "not_named",   "no_place"};
    return names[unknown < WEIR_UNKNOWNS ? unknown : WEIR_UNKNOWN_UNRECORDED];
}

const char *
weir_opinion_name(enum weir_opinion opinion)
{
    static const char *const names[] = {
        [WEIR_OPINION_NONE] = "none",     [WEIR_OPINION_ALLOW] = "allow",
        [WEIR_OPINION_FLAG] = "flag",     [WEIR_OPINION_BLOCK] = "block",
        [WEIR_OPINION_FAILED] = "failed",
    };
    return (size_t)opinion < WEIR_COUNTOF(names) ? names[opinion] : "unknown";
}

const char *
weir_unheard_name(enum weir_unheard unheard)
{
    static const char *const names[] = {
        [WEIR_UNHEARD_NO] = "",
        [WEIR_UNHEARD_TIMEOUT] = "timeout",
        [WEIR_UNHEARD_CONNECT] = "connect",
        [WEIR_UNHEARD_TLS] = "tls",
        [WEIR_UNHEARD_STATUS] = "status",
        [WEIR_UNHEARD_BROKEN] = "broken",
        [WEIR_UNHEARD_TOO_LONG] = "too_long",
        [WEIR_UNHEARD_MALFORMED] = "malformed",
        [WEIR_UNHEARD_BUSY] = "busy",
        [WEIR_UNHEARD_CREDENTIAL] = "credential",
        [WEIR_UNHEARD_TEXT] = "text",
        [WEIR_UNHEARD_RESTING] = "resting",
    };
    return (size_t)unheard < WEIR_COUNTOF(names) ? names[unheard] : "unknown";
}

const char *
weir_ending_name(enum weir_ending ending)
{
    switch (ending) {
    case WEIR_END_COMPLETE:
        return "complete";
    case WEIR_END_CUT:
        return "cut";
    case WEIR_END_CLIENT_LEFT:
        return "client_left";
    case WEIR_END_ORIGIN_ERROR:
        return "origin_error";
    case WEIR_END_FAILED:
        return "failed";
    case WEIR_END_LOST:
        return "lost";
    case WEIR_END_NOT_SENT:
        return "not_sent";
    case WEIR_END_WITHDRAWN:
        return "withdrawn";
    case WEIR_END_FILTERED:
        return "filtered";
    case WEIR_END_STOPPED:
        return "stopped";
    }
    return "unknown";
}

/* Crockford's alphabet: no I, L, O, U. */
static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

void
weir_request_id_make(weir_time now, const uint8_t random[10],
                     struct weir_request_id *id_out)
{
    uint64_t ms = (uint64_t)(now / WEIR_US_PER_MS);
    for (int i = 0; i < 6; i++)
        id_out->bytes[i] = (uint8_t)(ms >> (8 * (5 - i)));
    memcpy(id_out->bytes + 6, random, 10);
}

void
weir_request_id_format(const struct weir_request_id *id,
                       char text_out[WEIR_REQUEST_ID_TEXT])
{
    /* 128 bits as 26 digits of 5 bits; the first digit holds only 3. */
    uint64_t high = 0;
    uint64_t low = 0;
    for (int i = 0; i < 8; i++) {
        high = high << 8 | id->bytes[i];
        low = low << 8 | id->bytes[i + 8];
    }
    memcpy(text_out, "req_", 4);
    for (int digit = 25; digit >= 0; digit--) {
        text_out[4 + digit] = alphabet[low & 31];
        low = low >> 5 | high << 59;
        high >>= 5;
    }
    text_out[30] = '\0';
}

bool
weir_request_id_parse(weir_span text, struct weir_request_id *id_out)
{
    struct weir_request_id id = {{0}};
    if (text.len != 30 || memcmp(text.ptr, "req_", 4) != 0)
        return false;
    for (int digit = 0; digit < 26; digit++) {
        const char *found =
            memchr(alphabet, text.ptr[4 + digit], sizeof(alphabet) - 1);
        if (found == NULL)
            return false;
        unsigned value = (unsigned)(found - alphabet);
        for (int bit = 0; bit < 5; bit++) {
            int at = digit * 5 + bit - 2;
            unsigned one = value >> (4 - bit) & 1u;
            if (at < 0 && one != 0)
                return false;
            if (at >= 0 && one != 0)
                id.bytes[at / 8] |= (uint8_t)(1u << (7 - at % 8));
        }
    }
    *id_out = id;
    return true;
}

const char *
weir_sticky_by_name(enum weir_sticky_by by)
{
    static const char *const names[] = {
        [WEIR_STICKY_BY_KEY] = "key",
        [WEIR_STICKY_BY_CACHE_KEY] = "prompt_cache_key",
        [WEIR_STICKY_BY_USER] = "user",
        [WEIR_STICKY_BY_BEGINNING] = "beginning",
    };
    return (size_t)by < WEIR_COUNTOF(names) ? names[by] : "unknown";
}

weir_span
weir_record_tool(weir_span recorded)
{
    const char *blank =
        recorded.len > 0 ? memchr(recorded.ptr, ' ', recorded.len) : NULL;
    if (blank == NULL)
        return WEIR_SPAN_NONE;
    size_t at = (size_t)(blank - recorded.ptr) + 1;
    return (weir_span){recorded.ptr + at, recorded.len - at};
}

weir_span
weir_record_method(weir_span recorded)
{
    weir_span tool = weir_record_tool(recorded);
    if (tool.ptr != NULL)
        recorded.len -= tool.len + 1;
    return recorded;
}
