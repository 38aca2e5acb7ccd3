/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the calls of a reviewed case had in common.
 *
 *     deeds of the case --> whose calls, until when
 *     ledger, newest first --> records --> digests, counted
 *                                     \--> the same digests of others
 *
 * A digest goes out when at least CALLS_LEAST of the case's calls have it,
 * and one in a hundred of them: a text that one person wrote once is nobody's
 * business, and no sign of a harvest either. One that OTHERS_MOST other
 * accounts have as well is a public template or a common beginning, and
 * would accuse other operators' customers. Prompts of few words are not
 * looked at: who knows the salt could guess them.
 *
 * WHY FROM DEEDS. A stand goes on to other episodes; what was done in this
 * one stays as it was said, so the same case gives the same calls.
 *
 * WHY ONCE. The journal is not kept for ever. What was found is put on file
 * (share_found) and stands in every later bundle while the case does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/record.h>

#include "control/ingest/segments.h"
#include "control/sharing/parts.h"
#include "control/steps/steps.h"
#include "control/watch/live.h"
#include "control/watch/rows.h"

#define CALLS_LEAST  5
#define SHARE_LEAST  100     /* one in so many of the case's calls */
#define OTHERS_MOST  2       /* accounts; so many make it common */
#define WORDS_LEAST  8       /* of a prompt */
#define LOOK_AT_MOST 400000u /* calls of the ledger */
#define READ_AT_MOST 40000u  /* records, of the case's and of others */
#define CALLS_MOST   4096u   /* of the case, the newest */
#define SLOTS        (1u << 16)
#define MEMBERS_MOST 65536u

_Static_assert(CALLS_MOST *WEIR_INDICATOR_KINDS * 2 < SLOTS, "half empty");

struct seen {
    uint64_t digest; /* 0: free */
    uint32_t kind;
    uint32_t calls;
    uint64_t other[OTHERS_MOST]; /* accounts that have it as well */
};

struct party {
    uint32_t kind;
    uint64_t digest;
};

struct gathering {
    const struct weir_control *control;
    struct weir_store *store;
    char tenant[256]; /* of the subject; empty: several */
    weir_time until;
    struct party *members;
    uint32_t member_count;
    struct seen *seen;
    struct weir_buf bytes;
    uint32_t calls;
    uint32_t read;
    bool is_of_others; /* the second pass */
    weir_status status;
    struct weir_error *err;
};

/* --------------------------------------------------------------- subject */

static int
by_party(const void *a, const void *b)
{
    const struct party *left = a, *right = b;
    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    return (left->digest > right->digest) - (left->digest < right->digest);
}

static bool
add_party(struct gathering *all, uint32_t kind, uint64_t digest)
{
    if (all->member_count >= MEMBERS_MOST)
        return false;
    if ((all->member_count & (all->member_count - 1)) == 0) {
        size_t room = all->member_count == 0 ? 1 : all->member_count * 2;
        struct party *more = realloc(all->members, room * sizeof *more);
        if (more == NULL) {
            all->status = weir_fail(all->err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                                    "out of memory");
            return false;
        }
        all->members = more;
    }
    all->members[all->member_count++] = (struct party){kind, digest};
    return true;
}

static bool
add_member(void *context, const struct weir_watch_party *party)
{
    return add_party(context, party->kind, party->digest);
}

struct deeds {
    uint32_t kind;
    char name[WEIR_WATCH_SUBJECT_BYTES];
    char tenant[256];
    weir_time until;
};

static bool
note_deed(void *context, const struct weir_step_deed *deed)
{
    struct deeds *deeds = context;
    deeds->kind = deed->kind;
    snprintf(deeds->name, sizeof deeds->name, "%.*s",
             WEIR_SPAN_ARG(deed->name));
    snprintf(deeds->tenant, sizeof deeds->tenant, "%.*s",
             WEIR_SPAN_ARG(deed->tenant));
    if (deed->verdict != 0)
        deeds->until = deed->when; /* the last that rests on calls */
    return true;
}

static weir_status
find_subject(struct gathering *all, int64_t case_number, struct weir_error *err)
{
    struct deeds deeds = {.kind = 0};
    char text[WEIR_WATCH_SUBJECT_BYTES + 32];
    const struct weir_step_filter filter = {.case_number = case_number};
    uint32_t kind;
    uint64_t digest;
    weir_span name;
    weir_status status =
        weir_step_deeds(all->store, &filter, note_deed, &deeds, err);
    if (status != WEIR_OK || deeds.until == 0)
        return status; /* nobody's calls: raised by people, without signals */
    all->until = deeds.until;
    snprintf(all->tenant, sizeof all->tenant, "%s", deeds.tenant);
    if (deeds.kind == WEIR_WATCH_OF_CLUSTER) {
        all->tenant[0] = '\0';
        status = weir_watch_members(all->store, weir_span_of(deeds.name),
                                    add_member, all, err);
    } else {
        snprintf(text, sizeof text, "%s:%s", weir_watch_kind_name(deeds.kind),
                 deeds.name);
        status =
            weir_watch_named(weir_span_of(text), &kind, &digest, &name, err);
        if (status == WEIR_OK)
            (void)add_party(all, kind, digest);
    }
    if (status == WEIR_OK && all->member_count > 0)
        qsort(all->members, all->member_count, sizeof *all->members, by_party);
    return status == WEIR_OK ? all->status : status;
}

static bool
is_member(const struct gathering *all, const struct weir_watch_pools *pools)
{
    for (uint32_t kind = 1; kind <= WEIR_WATCH_SUBJECTS; kind++) {
        const struct party party = {kind, pools->of[kind]};
        if (party.digest != 0 && all->member_count > 0 &&
            bsearch(&party, all->members, all->member_count, sizeof party,
                    by_party) != NULL)
            return true;
    }
    return false;
}

/* ---------------------------------------------------------------- counts */

static struct seen *
slot_of(struct gathering *all, uint32_t kind, uint64_t digest)
{
    uint32_t at = (uint32_t)(digest ^ digest >> 32) * 31 + kind;
    at &= SLOTS - 1;
    while (all->seen[at].digest != 0 &&
           (all->seen[at].digest != digest || all->seen[at].kind != kind))
        at = (at + 1) & (SLOTS - 1);
    return &all->seen[at];
}

static void
count_own(struct gathering *all, const struct weir_watch_features *features)
{
    all->calls++;
    for (uint32_t kind = 0; kind < WEIR_INDICATOR_KINDS; kind++) {
        uint64_t digest =
            weir_indicator_digest(features, (enum weir_indicator_kind)kind);
        if (digest == 0)
            continue;
        struct seen *seen = slot_of(all, kind, digest);
        seen->digest = digest;
        seen->kind = kind;
        seen->calls++;
    }
}

/* Who calls: the end customer where he is named, else the tenant. */
static void
note_other(struct gathering *all, const struct weir_watch_features *features,
           const struct weir_watch_pools *pools)
{
    uint64_t who = pools->of[WEIR_WATCH_OF_END_CUSTOMER] != 0
                       ? pools->of[WEIR_WATCH_OF_END_CUSTOMER]
                       : pools->of[WEIR_WATCH_OF_TENANT];
    for (uint32_t kind = 0; kind < WEIR_INDICATOR_KINDS; kind++) {
        uint64_t digest =
            weir_indicator_digest(features, (enum weir_indicator_kind)kind);
        struct seen *seen = digest == 0 ? NULL : slot_of(all, kind, digest);
        if (seen == NULL || seen->digest == 0)
            continue;
        for (uint32_t i = 0; i < OTHERS_MOST; i++) {
            if (seen->other[i] == who)
                break;
            if (seen->other[i] == 0) {
                seen->other[i] = who;
                break;
            }
        }
    }
}

/* The features of a call, from its outcome or its refusal. */
static bool
read_call(struct gathering *all, const struct weir_store_call *call,
          struct weir_watch_features *features, struct weir_watch_pools *pools)
{
    struct weir_record record;
    struct weir_watch_seen seen;
    weir_buf_reset(&all->bytes);
    if (call->last.segment == 0 ||
        weir_segments_read_at(all->control->paths.journal, call->last.segment,
                              call->last.offset, &all->bytes, &record,
                              NULL) != WEIR_OK ||
        weir_watch_read_record(&record, &seen, NULL) != WEIR_OK ||
        seen.watch.block.len == 0 ||
        weir_watch_unpack(seen.watch.block, features, NULL) != WEIR_OK)
        return false;
    *pools = seen.watch.pools;
    return features->words >= WORDS_LEAST;
}

static bool
take_call(void *context, const struct weir_store_call *call)
{
    struct gathering *all = context;
    struct weir_watch_features features;
    struct weir_watch_pools pools;
    if (call->decided > all->until && !all->is_of_others)
        return true;
    if (++all->read > READ_AT_MOST)
        return false;
    if (!read_call(all, call, &features, &pools))
        return true;
    bool is_own = is_member(all, &pools);
    if (all->is_of_others && !is_own)
        note_other(all, &features, &pools);
    else if (!all->is_of_others && is_own)
        count_own(all, &features);
    return all->is_of_others || all->calls < CALLS_MOST;
}

/* ----------------------------------------------------------------- whole */

static weir_status
keep(struct gathering *all, struct weir__share_gathered *out,
     struct weir__share_found **found_out, uint32_t *count_out,
     struct weir_error *err)
{
    uint32_t least = all->calls / SHARE_LEAST;
    struct weir__share_found *found = NULL;
    uint32_t count = 0;
    least = least < CALLS_LEAST ? CALLS_LEAST : least;
    for (uint32_t i = 0; i < SLOTS; i++) {
        const struct seen *seen = &all->seen[i];
        if (seen->digest == 0 || seen->calls < least)
            continue;
        if (seen->other[OTHERS_MOST - 1] != 0) {
            out->common++;
            continue;
        }
        struct weir__share_found *more =
            realloc(found, (count + 1) * sizeof *found);
        if (more == NULL) {
            free(found);
            return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                             "out of memory");
        }
        found = more;
        found[count++] =
            (struct weir__share_found){seen->kind, seen->digest, seen->calls};
    }
    *found_out = found;
    *count_out = count;
    return WEIR_OK;
}

static weir_status
look(struct gathering *all, bool is_of_others, struct weir_error *err)
{
    weir_span tenant = is_of_others ? WEIR_SPAN("") : weir_span_of(all->tenant);
    all->is_of_others = is_of_others;
    all->read = 0;
    return weir_store_calls_newest(all->store, tenant, LOOK_AT_MOST, take_call,
                                   all, err);
}

weir_status
weir__share_gather(const struct weir_control *control, struct weir_store *store,
                   int64_t case_number, struct weir__share_gathered *out,
                   struct weir__share_found **found_out, uint32_t *count_out,
                   struct weir_error *err)
{
    struct gathering all = {.control = control, .store = store, .err = err};
    *out = (struct weir__share_gathered){.when = weir_control_now()};
    *found_out = NULL;
    *count_out = 0;
    all.seen = calloc(SLOTS, sizeof *all.seen);
    weir_buf_init(&all.bytes, (size_t)1 << 22);
    weir_status status =
        all.seen == NULL
            ? weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory")
            : find_subject(&all, case_number, err);
    if (status == WEIR_OK && all.member_count > 0)
        status = look(&all, false, err);
    if (status == WEIR_OK && all.calls >= CALLS_LEAST)
        status = look(&all, true, err);
    out->calls = all.calls;
    if (status == WEIR_OK)
        status = keep(&all, out, found_out, count_out, err);
    weir_buf_fini(&all.bytes);
    free(all.seen);
    free(all.members);
    return status;
}
