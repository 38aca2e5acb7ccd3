/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A decision: find the policies whose scope can match, run those.
 *
 * WHICH POLICIES. The compiler gave each policy one key: a literal that the
 * principal, action or resource must be or be in, or the type that one must
 * have, or nothing. A literal's policies lie in its bucket; so the candidates
 * are those in the buckets of the principal and its ancestors, the same for
 * action and resource, of the two types, and of no key. Handles of keys are
 * the smallest and ancestor lists ascend, so the scan of a list stops at the
 * first ancestor that is no key. A policy in none of these buckets has a
 * false scope, and a false scope can not fail: nothing is missed.
 *
 * A key with several literals (action in [a, b]) lies in several buckets; it
 * counts only in that of its first literal that holds.
 *
 * Beside each policy in a bucket stands another literal that it demands, if
 * it has one: most candidates end there, without a look at the policy.
 *
 * WHAT IS STOPPED EARLY. In DECISION mode all forbids go first, and the
 * first enforced one without HOLD ends it; then permits until the first
 * enforced one. The outcome is that of FULL, which runs everything.
 */
#include "vm.h"

struct decision {
    struct vm vm;
    struct weir_cedar_answer *answer;
    const struct program_policy *policies;
    const uint8_t *row; /* of the action, or NULL */
    uint64_t marks[3];  /* one bit for each entity and ancestor, hashed */
    enum weir_cedar_mode mode;
};

static inline bool
action_fits(const struct decision *d, uint32_t class)
{
    if (d->row != NULL)
        return (d->row[class >> 3] >> (class & 7) & 1) != 0;
    return vm_action_fits(d->vm.program, &d->vm.request->action, class);
}

static inline bool
in_window(const struct decision *d, uint32_t policy)
{
    const struct program_meta *meta =
        &PROGRAM_ITEMS(d->vm.program, CEDAR_META, struct program_meta)[policy];
    return meta->from <= d->vm.request->now && d->vm.request->now < meta->until;
}

/* True when no literal of the group before `key` holds. */
static bool
is_first(const struct decision *d, const struct program_policy *policy,
         uint32_t key)
{
    const uint32_t *group =
        PROGRAM_ITEMS(d->vm.program, CEDAR_HANDLES, uint32_t) + policy->group;
    const weir_cedar_arg *entity = vm_entity(&d->vm, policy->key_var);
    for (uint32_t i = 1; i <= group[0] && group[i] != key; i++)
        if (program_in(d->vm.program, entity->count, group[i]))
            return false;
    return true;
}

/* Adds to an ascending list that keeps the first `max`. */
static void
add_satisfied(struct weir_cedar_answer *answer, uint32_t policy)
{
    uint32_t at = answer->satisfied_count++;
    if (at >= answer->satisfied_max) {
        at = answer->satisfied_max;
        if (at == 0 || answer->satisfied[at - 1] < policy)
            return;
        at--;
    }
    for (; at > 0 && answer->satisfied[at - 1] > policy; at--)
        answer->satisfied[at] = answer->satisfied[at - 1];
    answer->satisfied[at] = policy;
}

static void
add_failed(struct weir_cedar_answer *answer, struct weir_cedar_failure failure)
{
    uint32_t at = answer->failed_count++;
    if (at >= answer->failed_max) {
        at = answer->failed_max;
        if (at == 0 || answer->failed[at - 1].policy < failure.policy)
            return;
        at--;
    }
    for (; at > 0 && answer->failed[at - 1].policy > failure.policy; at--)
        answer->failed[at] = answer->failed[at - 1];
    answer->failed[at] = failure;
}

static void
count_satisfied(struct weir_cedar_answer *answer,
                const struct program_policy *policy)
{
    if ((policy->flags & WEIR_CEDAR_SHADOW) != 0)
        return;
    if (policy->effect == WEIR_CEDAR_PERMIT)
        answer->permit_count++;
    else if ((policy->flags & WEIR_CEDAR_HOLD) != 0)
        answer->hold_count++;
    else
        answer->forbid_count++;
}

static inline uint64_t
mark(uint32_t handle)
{
    return UINT64_C(1) << (handle * UINT32_C(0x9E3779B1) >> 26);
}

/* Marks can only say no for sure; then the list of ancestors is spared. */
static inline bool
guard_holds(const struct decision *d, uint32_t guard)
{
    uint32_t var = guard >> CEDAR_GUARD_SHIFT;
    uint32_t handle = guard & (CEDAR_HANDLES_MAX - 1);
    if (guard == CEDAR_NONE)
        return true;
    return (d->marks[var] & mark(handle)) != 0 &&
           program_in(d->vm.program, vm_entity(&d->vm, var)->count, handle);
}

static void
set_marks(struct decision *d, uint32_t var)
{
    const struct weir_cedar_program *program = d->vm.program;
    uint32_t handle = vm_entity(&d->vm, var)->count;
    d->marks[var] = 0;
    if (handle == CEDAR_NONE)
        return;
    const struct program_entity *entity = program_entity(program, handle);
    const uint32_t *list =
        PROGRAM_ITEMS(program, CEDAR_ANCESTORS, uint32_t) + entity->ancestors;
    d->marks[var] = mark(handle);
    for (uint32_t i = 0; i < entity->ancestor_count; i++)
        d->marks[var] |= mark(list[i]);
}

/* A key is seldom in the cache: fetch what will be read of both entities
 * side by side, before the first of it is waited for. */
static inline void
fetch(const struct weir_cedar_program *program,
      const struct weir_cedar_request *request)
{
    const weir_cedar_arg *entities[2] = {&request->principal,
                                         &request->resource};
    for (int i = 0; i < 2; i++)
        if (entities[i]->count != CEDAR_NONE)
            __builtin_prefetch(program_entity(program, entities[i]->count));
    for (int i = 0; i < 2; i++) {
        if (entities[i]->count == CEDAR_NONE)
            continue;
        const struct program_entity *entity =
            program_entity(program, entities[i]->count);
        __builtin_prefetch(PROGRAM_ITEMS(program, CEDAR_ANCESTORS, uint32_t) +
                           entity->ancestors);
        __builtin_prefetch(PROGRAM_ITEMS(program, CEDAR_WORDS, uint64_t) +
                           entity->words);
    }
}

/* Tries the policies of a list; `key` is the bucket's literal, or NONE. */
static void
try_list(struct decision *d, const struct program_candidate *list,
         uint32_t count, uint32_t key)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = list[i].policy;
        const struct program_policy *policy = &d->policies[index];
        if (!guard_holds(d, list[i].guard) || !action_fits(d, list[i].class) ||
            (policy->has_window && !in_window(d, index)) ||
            (policy->group != CEDAR_NONE && !is_first(d, policy, key)))
            continue;
        d->answer->tried_count++;
        vm_reset(&d->vm);
        enum vm_result result = vm_run(&d->vm, policy->entry, false);
        if (result == VM_TRUE) {
            add_satisfied(d->answer, index);
            count_satisfied(d->answer, policy);
        } else if (result == VM_FAULT) {
            add_failed(d->answer, vm_failure(&d->vm, index));
            if (policy->effect == WEIR_CEDAR_FORBID &&
                (policy->flags & WEIR_CEDAR_SHADOW) == 0)
                d->answer->failed_forbid_count++;
        }
        if (d->mode == WEIR_CEDAR_DECISION &&
            (d->answer->forbid_count > 0 || d->answer->permit_count > 0))
            return;
    }
}

enum part { FORBIDS, PERMITS, BOTH };

static inline void
try_bucket(struct decision *d, uint32_t bucket, uint32_t key, enum part part)
{
    const struct program_bucket *b = &PROGRAM_ITEMS(
        d->vm.program, CEDAR_BUCKETS, struct program_bucket)[bucket];
    const struct program_candidate *list =
        PROGRAM_ITEMS(d->vm.program, CEDAR_LISTS, struct program_candidate) +
        b->first;
    uint32_t count = b->count;
    if (part == FORBIDS)
        count = b->forbids;
    if (part == PERMITS) {
        list += b->forbids;
        count -= b->forbids;
    }
    if (count > 0)
        try_list(d, list, count, key);
}

static inline bool
is_settled(const struct decision *d)
{
    return d->mode == WEIR_CEDAR_DECISION &&
           (d->answer->forbid_count > 0 || d->answer->permit_count > 0);
}

static void
try_all(struct decision *d, enum part part)
{
    const struct weir_cedar_program *program = d->vm.program;
    uint32_t keys = program_head(program)->key_count;
    uint32_t types = program->counts[CEDAR_TYPES];
    const uint32_t *ancestors =
        PROGRAM_ITEMS(program, CEDAR_ANCESTORS, uint32_t);
    for (uint32_t v = CEDAR_PRINCIPAL; v <= CEDAR_RESOURCE; v++) {
        const weir_cedar_arg *entity = vm_entity(&d->vm, v);
        uint32_t type = vm_type(&d->vm, entity);
        if (entity->count != CEDAR_NONE) {
            const struct program_entity *e =
                program_entity(program, entity->count);
            const uint32_t *list = ancestors + e->ancestors;
            if (entity->count < keys)
                try_bucket(d, v * keys + entity->count, entity->count, part);
            for (uint32_t i = 0; i < e->ancestor_count && list[i] < keys; i++)
                try_bucket(d, v * keys + list[i], list[i], part);
        }
        if (v != CEDAR_ACTION && type < types)
            try_bucket(d, keys * 3 + (v == CEDAR_RESOURCE ? types : 0) + type,
                       CEDAR_NONE, part);
        if (is_settled(d))
            return;
    }
    try_bucket(d, keys * 3 + types * 2, CEDAR_NONE, part);
}

void
weir_cedar_decide(const struct weir_cedar_program *program,
                  const struct weir_cedar_request *request,
                  enum weir_cedar_mode mode, void *scratch,
                  struct weir_cedar_answer *answer)
{
    struct decision d;
    fetch(program, request);
    d.answer = answer;
    d.mode = mode;
    d.policies = PROGRAM_ITEMS(program, CEDAR_POLICIES, struct program_policy);
    d.row = NULL;
    vm_init(&d.vm, program, request, scratch);
    if (request->action.count != CEDAR_NONE) {
        uint32_t row = program_entity(program, request->action.count)->row;
        if (row != CEDAR_NONE)
            d.row = PROGRAM_ITEMS(program, CEDAR_ROWS, uint8_t) +
                    (size_t)row * program_head(program)->row_stride;
    }
    set_marks(&d, CEDAR_PRINCIPAL);
    set_marks(&d, CEDAR_RESOURCE);
    d.marks[CEDAR_ACTION] = UINT64_MAX;
    answer->satisfied_count = 0;
    answer->failed_count = 0;
    answer->permit_count = 0;
    answer->forbid_count = 0;
    answer->hold_count = 0;
    answer->failed_forbid_count = 0;
    answer->tried_count = 0;
    if (mode == WEIR_CEDAR_FULL) {
        try_all(&d, BOTH);
    } else {
        try_all(&d, FORBIDS);
        if (answer->forbid_count == 0)
            try_all(&d, PERMITS);
    }
    if (answer->forbid_count > 0 || answer->permit_count == 0)
        answer->outcome = WEIR_CEDAR_DENY;
    else if (answer->hold_count > 0)
        answer->outcome = WEIR_CEDAR_HELD;
    else
        answer->outcome = WEIR_CEDAR_ALLOW;
}
