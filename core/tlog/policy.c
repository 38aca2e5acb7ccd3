/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose cosignatures are enough: C2SP's tlog-policy, a line for each log,
 * witness and group, and one for the quorum. A name means something defined
 * above it, and is a member once at most; so every witness counts in one way
 * only, and what is met is found in one pass over the groups.
 */
#include "tlog.h"

#include <weir/tlog_witness.h>

#include <string.h>

#define WORDS_MAX (WEIR_TLOG_POLICY_PARTIES_MAX * 2 + 3)

struct policy_line {
    uint32_t number; /* one-based */
    uint32_t count;
    weir_span words[WORDS_MAX];
};

static weir_status
fault(struct weir_error *err, const struct policy_line *line, const char *what)
{
    return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE, "line %u: %s",
                     line->number, what);
}

/* False: more words than any line has. */
static bool
split(weir_span text, struct policy_line *line)
{
    line->count = 0;
    for (size_t i = 0; i < text.len;) {
        if (text.ptr[i] == ' ' || text.ptr[i] == '\t') {
            i++;
            continue;
        }
        size_t start = i;
        while (i < text.len && text.ptr[i] != ' ' && text.ptr[i] != '\t')
            i++;
        if (line->count == WORDS_MAX)
            return false;
        line->words[line->count++] = (weir_span){text.ptr + start, i - start};
    }
    return true;
}

/* The bit of a witness or group; 0: no such name. */
static uint64_t
find(const struct weir_tlog_policy *policy, weir_span name)
{
    for (uint32_t i = 0; i < policy->witness_count; i++)
        if (weir_span_equal(policy->witnesses[i].name, name))
            return UINT64_C(1) << i;
    for (uint32_t i = 0; i < policy->group_count; i++)
        if (weir_span_equal(policy->groups[i].name, name))
            return UINT64_C(1) << (32 + i);
    return 0;
}

static bool
is_new_name(const struct weir_tlog_policy *policy, weir_span name)
{
    return !weir_span_equal(name, WEIR_SPAN("none")) && find(policy, name) == 0;
}

/* Takes "<vkey> [<url>]", words from `first` on. */
static weir_status
take_party(const struct policy_line *line, uint32_t first, bool is_log,
           struct weir_tlog_party *parties, uint32_t *count,
           struct weir_error *err)
{
    struct weir_error why = {0};
    struct weir_tlog_party party = {.url = WEIR_SPAN("")};
    if (line->count < first + 1 || line->count > first + 2)
        return fault(err, line,
                     is_log ? "a log reads: log <key> [<url>]"
                            : "a witness reads: witness <name> <key> [<url>]");
    if (weir_note_key_parse(line->words[first], &party.key, &why) != WEIR_OK)
        return fault(err, line, why.text);
    if (is_log ? !weir_note_key_is_of_log(&party.key)
               : party.key.type == WEIR_NOTE_ED25519)
        return fault(err, line,
                     is_log ? "this key is a witness's, not a log's"
                            : "this key is a log's, not a witness's");
    for (uint32_t i = 0; i < *count; i++)
        if (weir_note_key_equal(&parties[i].key, &party.key))
            return fault(err, line, "this key is listed twice");
    if (*count == WEIR_TLOG_POLICY_PARTIES_MAX)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "line %u: more than %d of a kind", line->number,
                         WEIR_TLOG_POLICY_PARTIES_MAX);
    if (!is_log)
        party.name = line->words[1];
    if (line->count == first + 2)
        party.url = line->words[first + 1];
    parties[(*count)++] = party;
    return WEIR_OK;
}

static weir_status
take_group(struct weir_tlog_policy *policy, const struct policy_line *line,
           uint64_t *used, struct weir_error *err)
{
    struct weir_tlog_group group = {.members = 0};
    uint64_t least = 0;
    if (line->count < 4)
        return fault(err, line,
                     "a group reads: group <name> all|any|<number> <member>..");
    uint32_t size = line->count - 3;
    group.name = line->words[1];
    if (!is_new_name(policy, group.name))
        return fault(err, line, "this name is taken");
    if (weir_span_equal(line->words[2], WEIR_SPAN("all")))
        least = size;
    else if (weir_span_equal(line->words[2], WEIR_SPAN("any")))
        least = 1;
    else if (!weir_span_to_u64(line->words[2], &least) || least == 0 ||
             least > size)
        return fault(err, line,
                     "a group takes all, any, or a number of its members");
    for (uint32_t i = 3; i < line->count; i++) {
        uint64_t bit = find(policy, line->words[i]);
        if (bit == 0)
            return fault(err, line, "a member that is not defined above");
        if ((*used & bit) != 0)
            return fault(err, line, "a member that is listed already");
        *used |= bit;
        group.members |= bit;
    }
    if (policy->group_count == WEIR_TLOG_POLICY_PARTIES_MAX)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "line %u: more than %d groups", line->number,
                         WEIR_TLOG_POLICY_PARTIES_MAX);
    group.least = (uint32_t)least;
    policy->groups[policy->group_count++] = group;
    return WEIR_OK;
}

static weir_status
take_quorum(struct weir_tlog_policy *policy, const struct policy_line *line,
            bool *has_quorum, struct weir_error *err)
{
    if (*has_quorum)
        return fault(err, line, "a second quorum");
    if (line->count != 2)
        return fault(err, line, "a quorum reads: quorum <name>|none");
    *has_quorum = true;
    if (weir_span_equal(line->words[1], WEIR_SPAN("none")))
        return WEIR_OK;
    policy->quorum = find(policy, line->words[1]);
    return policy->quorum != 0
               ? WEIR_OK
               : fault(err, line, "a quorum that is not defined above");
}

static weir_status
take_line(struct weir_tlog_policy *policy, const struct policy_line *line,
          uint64_t *used, bool *has_quorum, struct weir_error *err)
{
    weir_span kind = line->words[0];
    if (weir_span_equal(kind, WEIR_SPAN("log")))
        return take_party(line, 1, true, policy->logs, &policy->log_count, err);
    if (weir_span_equal(kind, WEIR_SPAN("witness"))) {
        if (line->count > 1 && !is_new_name(policy, line->words[1]))
            return fault(err, line, "this name is taken");
        return take_party(line, 2, false, policy->witnesses,
                          &policy->witness_count, err);
    }
    if (weir_span_equal(kind, WEIR_SPAN("group")))
        return take_group(policy, line, used, err);
    if (weir_span_equal(kind, WEIR_SPAN("quorum")))
        return take_quorum(policy, line, has_quorum, err);
    return fault(err, line, "lines begin with log, witness, group or quorum");
}

weir_status
weir_tlog_policy_parse(weir_span text, struct weir_tlog_policy *policy_out,
                       struct weir_error *err)
{
    struct weir_tlog_policy policy = {.quorum = 0};
    struct policy_line line = {.number = 0};
    uint64_t used = 0;
    bool has_quorum = false;
    weir_span rest = text;
    weir_span bytes;
    if (text.len > WEIR_TLOG_POLICY_BYTES_MAX)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "a policy of over %d bytes",
                         WEIR_TLOG_POLICY_BYTES_MAX);
    while (rest.len > 0) {
        line.number++;
        if (!weir__note_line(&rest, &bytes))
            return fault(err, &line, "the last line has no end");
        for (size_t i = 0; i < bytes.len; i++) {
            uint8_t byte = (uint8_t)bytes.ptr[i];
            if ((byte < ' ' && byte != '\t') || byte == 0x7F)
                return fault(err, &line, "a control character");
        }
        if (!split(bytes, &line))
            return fault(err, &line, "more words than a line can have");
        if (line.count == 0 || line.words[0].ptr[0] == '#')
            continue;
        weir_status status = take_line(&policy, &line, &used, &has_quorum, err);
        if (status != WEIR_OK)
            return status;
    }
    if (!has_quorum)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a policy without a quorum line");
    *policy_out = policy;
    return WEIR_OK;
}

bool
weir_tlog_policy_is_met(const struct weir_tlog_policy *policy,
                        uint64_t signed_by)
{
    uint64_t met = signed_by & UINT32_MAX;
    for (uint32_t i = 0; i < policy->group_count; i++) {
        const struct weir_tlog_group *group = &policy->groups[i];
        if ((uint32_t)__builtin_popcountll(met & group->members) >=
            group->least)
            met |= UINT64_C(1) << (32 + i);
    }
    return policy->quorum == 0 || (met & policy->quorum) != 0;
}

weir_status
weir_tlog_policy_verify(const struct weir_tlog_policy *policy,
                        const struct weir_note_key *own, weir_span bytes,
                        struct weir_checkpoint *checkpoint_out,
                        uint64_t *witnesses_out, struct weir_error *err)
{
    struct weir_note_key keys[2 * WEIR_TLOG_POLICY_PARTIES_MAX];
    struct weir_checkpoint head = {0};
    struct weir_note note = {0};
    uint64_t verified = 0;
    bool is_logs = false;
    uint32_t logs = 0;
    for (; logs < policy->log_count; logs++)
        keys[logs] = policy->logs[logs].key;
    if (logs == 0 && own != NULL)
        keys[logs++] = *own;
    for (uint32_t i = 0; i < policy->witness_count; i++)
        keys[logs + i] = policy->witnesses[i].key;
    weir_status status = weir_note_parse(bytes, &note, err);
    if (status == WEIR_OK)
        status = weir_note_verify(&note, keys, logs + policy->witness_count,
                                  &verified, err);
    if (status == WEIR_OK)
        status = weir_checkpoint_parse(note.text, &head, err);
    if (status != WEIR_OK)
        return status;
    for (uint32_t i = 0; i < logs; i++)
        if ((verified >> i & 1) != 0 &&
            weir_span_equal(keys[i].name, head.origin))
            is_logs = true;
    if (!is_logs)
        return weir_fail(err, WEIR_EUNAUTH, WEIR_OFFSET_NONE,
                         "the checkpoint is not signed by the log itself");
    uint64_t witnesses = logs < 64 ? verified >> logs : 0;
    if (!weir_tlog_policy_is_met(policy, witnesses))
        return weir_fail(err, WEIR_EUNAUTH, WEIR_OFFSET_NONE,
                         "too few witnesses cosigned: %d of %u, which is no "
                         "quorum",
                         __builtin_popcountll(witnesses),
                         policy->witness_count);
    *checkpoint_out = head;
    if (witnesses_out != NULL)
        *witnesses_out = witnesses;
    return WEIR_OK;
}
