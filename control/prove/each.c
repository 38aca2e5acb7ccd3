/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead and shadowed policies, and what shadows them.
 *
 * Dead: it never matches. Shadowed: without it, nothing is decided
 * otherwise; here the proof of a question is the bad news. What shadows is
 * found by leaving policies out: those are named without any of which the
 * policy would decide something. Halves are tried before quarters, so that
 * one guilty policy among 500 takes some twenty questions.
 *
 * WHICH MAY BE LEFT OUT. A permit is shadowed by a set when, wherever it
 * matches, the set permits or forbids; a larger set shadows it as well, so
 * any policy may be left out. A forbid is shadowed when, wherever it matches
 * and something is permitted, the set forbids: only forbids may be left out,
 * for without the permits everything would seem shadowed.
 */
#include <string.h>

#include <weir/json.h>

#include "run.h"

/* Beyond this many names the sentence helps nobody. */
#define SHADOWS_MAX 8

typedef const struct weir_cedar_policy *policy_ref;

struct set {
    policy_ref *items;
    size_t count;
};

static bool
is_permit(policy_ref policy)
{
    return weir_cedar_policy_info(policy).effect == WEIR_CEDAR_PERMIT;
}

struct weir_cedar_smt_set
weir__prove_one(const struct weir__prove_run *run, policy_ref policy)
{
    policy_ref *item = weir_arena_array(run->arena, policy_ref, 1);
    if (item == NULL)
        return (struct weir_cedar_smt_set){0};
    *item = policy;
    return (struct weir_cedar_smt_set){item, 1};
}

/* The book without one policy. */
static struct set
without(struct weir__prove_run *run, size_t index)
{
    struct set set = {
        weir_arena_array(run->arena, policy_ref, run->book.set.count + 1), 0};
    for (size_t i = 0; set.items != NULL && i < run->book.set.count; i++)
        if (i != index)
            set.items[set.count++] = run->book.set.items[i];
    return set;
}

/* ------------------------------------------------------ what shadows it */

/* Does the set decide alike with the policy and without it? */
static bool
still_shadows(struct weir__prove_run *run, policy_ref policy,
              const struct set *set)
{
    struct weir_prove_result result;
    struct weir_error err = {0};
    policy_ref *with = weir_arena_array(run->arena, policy_ref, set->count + 1);
    if (with == NULL)
        return false;
    memcpy(with, set->items, set->count * sizeof(*with));
    with[set->count] = policy;
    run->question.smt.claim = WEIR_CEDAR_SMT_EQUIVALENT;
    run->question.smt.a = (struct weir_cedar_smt_set){with, set->count + 1};
    run->question.smt.b = (struct weir_cedar_smt_set){set->items, set->count};
    return weir__prove_question(run, &result, &err) == WEIR_OK &&
           result.answer == WEIR_PROVE_PROVEN;
}

/* The set without those from `first` on, as many as `count`, that may be
 * left out; false: there is none of them. */
static bool
leave_out(struct weir__prove_run *run, const struct set *set,
          bool keeps_permits, size_t first, size_t count, struct set *rest)
{
    rest->items = weir_arena_array(run->arena, policy_ref, set->count + 1);
    rest->count = 0;
    for (size_t i = 0; rest->items != NULL && i < set->count; i++)
        if (i < first || i >= first + count ||
            (keeps_permits && is_permit(set->items[i])))
            rest->items[rest->count++] = set->items[i];
    return rest->items != NULL && rest->count < set->count;
}

static struct set
find_shadows(struct weir__prove_run *run, size_t index)
{
    policy_ref policy = run->book.set.items[index];
    bool keeps_permits = !is_permit(policy);
    struct set set = without(run, index), rest;
    for (size_t step = (set.count + 1) / 2; step > 0;
         step = step == 1 ? 0 : (step + 1) / 2) {
        for (size_t first = 0; first < set.count;) {
            if (leave_out(run, &set, keeps_permits, first, step, &rest) &&
                still_shadows(run, policy, &rest))
                set = rest;
            else
                first += step;
        }
    }
    /* The permits that a forbid meets are none of its shadows. */
    rest.items = set.items;
    rest.count = 0;
    for (size_t i = 0; i < set.count; i++)
        if (!keeps_permits || !is_permit(set.items[i]))
            rest.items[rest.count++] = set.items[i];
    return rest;
}

/* ------------------------------------------------------------- printing */

static void
print_json(const struct weir__prove_run *run, weir_span name, bool is_dead,
           const struct set *shadows)
{
    struct weir_json_writer w;
    struct weir_buf buf;
    weir_buf_init(&buf, (size_t)1 << 24);
    weir_json_writer_init(&w, &buf);
    weir_json_begin_object(&w);
    weir_json_name(&w, "policy");
    weir_json_add_string(&w, name);
    weir_json_name(&w, "is");
    weir_json_add_string(&w,
                         is_dead ? WEIR_SPAN("dead") : WEIR_SPAN("shadowed"));
    if (!is_dead) {
        weir_json_name(&w, "by");
        weir_json_begin_array(&w);
        for (size_t i = 0; i < shadows->count; i++)
            weir_json_add_string(&w, weir_prove_policy_name(shadows->items[i]));
        weir_json_end_array(&w);
    }
    weir_json_end_object(&w);
    weir_buf_add_byte(&buf, '\n');
    fwrite(buf.ptr, 1, buf.len, run->options->out);
    weir_buf_fini(&buf);
}

static void
print_shadowed(const struct weir__prove_run *run, weir_span name, bool permits,
               const struct set *shadows)
{
    FILE *out = run->options->out;
    fprintf(out, "  %.*s changes no decision", WEIR_SPAN_ARG(name));
    if (shadows->count == 0)
        fprintf(out, permits ? ": what it permits is decided alike without it"
                             : ": nothing that it forbids is permitted");
    for (size_t i = 0; i < shadows->count && i < SHADOWS_MAX; i++)
        fprintf(out, "%s%.*s", i == 0 ? ": shadowed by " : ", ",
                WEIR_SPAN_ARG(weir_prove_policy_name(shadows->items[i])));
    if (shadows->count > SHADOWS_MAX)
        fprintf(out, " and %zu more", shadows->count - SHADOWS_MAX);
    fputc('\n', out);
}

static void
print_found(const struct weir__prove_run *run, policy_ref policy, bool is_dead,
            const struct set *shadows)
{
    weir_span name = weir_prove_policy_name(policy);
    if (run->options->is_json)
        print_json(run, name, is_dead, shadows);
    else if (is_dead)
        fprintf(run->options->out, "  %.*s never matches\n",
                WEIR_SPAN_ARG(name));
    else
        print_shadowed(run, name, is_permit(policy), shadows);
}

static void
print_sum(struct weir__prove_run *run, bool is_dead, uint32_t found,
          const struct weir_prove_result *all)
{
    if (found == 0) {
        weir__prove_print(run, run->assertion->name, all);
        return;
    }
    run->tally->refuted++;
    run->tally->odd += all->odd;
    if (!run->options->is_json)
        fprintf(run->options->out, "%.*s: %u %s\n",
                WEIR_SPAN_ARG(run->assertion->name), found,
                is_dead ? "dead" : "shadowed");
}

/* --------------------------------------------------------------- asking */

static weir_status
ask_record(struct weir__prove_run *run, bool is_dead)
{
    struct weir_prove_result all;
    struct weir_prove_use *uses;
    struct weir_error err = {0};
    uint32_t found = 0;
    run->question.smt.a = run->book.set;
    run->question.smt.b = (struct weir_cedar_smt_set){0};
    weir_status status = weir_prove_recorded_uses(
        run->options->recorded, &run->question, run->arena, &uses, &all, &err);
    if (status != WEIR_OK)
        return weir__prove_complain(run, status, &err);
    for (size_t i = 0;
         all.answer == WEIR_PROVE_PROVEN && i < run->book.set.count; i++) {
        struct set shadows = {NULL, 0};
        policy_ref by;
        if (is_dead ? uses[i].has_matched : uses[i].has_decided)
            continue;
        /* What never matches is dead, and shadowed by nothing. */
        if (!is_dead && uses[i].has_matched &&
            uses[i].instead_of != UINT32_MAX) {
            by = run->book.set.items[uses[i].instead_of];
            shadows = (struct set){&by, 1};
        }
        found++;
        print_found(run, run->book.set.items[i], is_dead, &shadows);
    }
    print_sum(run, is_dead, found, &all);
    return WEIR_OK;
}

static weir_status
ask_solver(struct weir__prove_run *run, bool is_dead)
{
    struct weir_prove_result all = {0};
    uint32_t found = 0;
    for (size_t i = 0; i < run->book.set.count; i++) {
        policy_ref policy = run->book.set.items[i];
        struct set rest = without(run, i), shadows = {NULL, 0};
        struct weir_prove_result result;
        struct weir_error err = {0};
        weir_status status;
        run->question.smt.claim =
            is_dead ? WEIR_CEDAR_SMT_NEVER_MATCHES : WEIR_CEDAR_SMT_EQUIVALENT;
        run->question.smt.a =
            is_dead ? weir__prove_one(run, policy) : run->book.set;
        if (!is_dead)
            run->question.smt.b =
                (struct weir_cedar_smt_set){rest.items, rest.count};
        if (run->options->is_smt2) {
            status = weir__prove_print_questions(
                run, weir_prove_policy_name(policy));
            if (status != WEIR_OK)
                return status;
            continue;
        }
        status = weir_prove_ask(&run->question, run->arena, &result, &err);
        if (status != WEIR_OK)
            return weir__prove_complain(run, status, &err);
        all.environments += result.environments;
        all.odd += result.odd;
        if (result.answer == WEIR_PROVE_NOT_PROVEN &&
            all.answer == WEIR_PROVE_PROVEN) {
            all.answer = WEIR_PROVE_NOT_PROVEN;
            memcpy(all.reason, result.reason, sizeof(all.reason));
        }
        if (result.answer != WEIR_PROVE_PROVEN)
            continue;
        found++;
        if (!is_dead)
            shadows = find_shadows(run, i);
        print_found(run, policy, is_dead, &shadows);
    }
    if (!run->options->is_smt2)
        print_sum(run, is_dead, found, &all);
    return WEIR_OK;
}

weir_status
weir__prove_each_policy(struct weir__prove_run *run)
{
    bool is_dead = run->assertion->subject == WEIR_PROVE_DEAD;
    return run->options->recorded != NULL ? ask_record(run, is_dead)
                                          : ask_solver(run, is_dead);
}
