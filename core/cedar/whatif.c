/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What would have to be different for this request to be allowed?
 *
 * Depth first with growing depth: all single changes, then all pairs, up to
 * the bound; so what is found first is smallest. A step looks at what is in
 * the way now: the first satisfied forbid (then hold), or, where only a
 * permit is missing, each permit. One of the facts that such a policy read
 * must change, so only those are tried: the search branches on reads, not on
 * all facts of the world. A supposed fact is laid over the program (vm_fact)
 * and all policies are evaluated again, without the index, since a change of
 * membership would change what the index finds.
 *
 * Values to try come from the policy's own constants (and next to them, for
 * numbers), from the other facts that it read, and from "something else".
 * Thus the search can not see a value that only arithmetic would reveal.
 */
#include <weir/cedar_whatif.h>

#include "vm.h"

#define TRIALS_DEFAULT 2000
#define READS_MAX      128
#define VALUES_MAX     64
#define PERMITS_MAX    64

/* A change and how it is laid over the program. */
struct option {
    struct weir_cedar_change change;
    struct vm_fact fact;
};

struct options {
    struct option *items;
    uint32_t count;
    uint32_t capacity;
};

struct search {
    struct vm vm;
    struct vm_facts facts;
    struct vm_fact supposed[WEIR_CEDAR_CHANGES_MAX];
    struct weir_cedar_change changes[WEIR_CEDAR_CHANGES_MAX];
    struct weir_cedar_whatif_bounds bounds;
    struct weir_arena *arena;
    uint32_t trials;
    bool is_cut;
    bool is_full;
};

/* What stands in the way. */
struct state {
    bool is_allowed;
    uint32_t forbid; /* NONE: no forbid and no hold is satisfied */
};

struct gathering {
    struct weir_cedar_read reads[READS_MAX];
    uint32_t count;
};

static void
ignore(void *context, const struct weir_cedar_read *read)
{
}

static void
gather(void *context, const struct weir_cedar_read *read)
{
    struct gathering *gathering = context;
    if (gathering->count < READS_MAX)
        gathering->reads[gathering->count++] = *read;
}

static enum vm_result
run(struct search *search, uint32_t policy, weir_cedar_on_read *on_read,
    void *context)
{
    const struct vm_reads reads = {on_read, context};
    const struct program_policy *hot = &PROGRAM_ITEMS(
        search->vm.program, CEDAR_POLICIES, struct program_policy)[policy];
    vm_reset(&search->vm);
    search->vm.reads = &reads;
    enum vm_result result = vm_run(&search->vm, hot->start, true);
    search->vm.reads = NULL;
    return result;
}

/* Present, enforced, and of this request's action. */
static bool
is_live(const struct search *search, uint32_t policy)
{
    const struct weir_cedar_program *program = search->vm.program;
    const struct weir_cedar_request *request = search->vm.request;
    const struct program_policy *hot =
        &PROGRAM_ITEMS(program, CEDAR_POLICIES, struct program_policy)[policy];
    const struct program_meta *meta =
        &PROGRAM_ITEMS(program, CEDAR_META, struct program_meta)[policy];
    return (hot->flags & WEIR_CEDAR_SHADOW) == 0 && !meta->is_template &&
           meta->from <= request->now && request->now < meta->until &&
           vm_action_fits(program, &request->action, hot->class);
}

static struct state
evaluate(struct search *search)
{
    uint32_t count = program_head(search->vm.program)->policy_count;
    struct state state = {false, CEDAR_NONE};
    uint32_t hold = CEDAR_NONE;
    bool is_permitted = false;
    search->trials++;
    for (uint32_t i = 0; i < count && state.forbid == CEDAR_NONE; i++) {
        const struct program_policy *hot = &PROGRAM_ITEMS(
            search->vm.program, CEDAR_POLICIES, struct program_policy)[i];
        enum vm_result result;
        if (!is_live(search, i))
            continue;
        result = run(search, i, ignore, NULL);
        if (result == VM_FAULT && search->bounds.fails_closed &&
            hot->effect == WEIR_CEDAR_FORBID)
            state.forbid = i;
        if (result != VM_TRUE)
            continue;
        if (hot->effect == WEIR_CEDAR_PERMIT)
            is_permitted = true;
        else if ((hot->flags & WEIR_CEDAR_HOLD) == 0)
            state.forbid = i;
        else if (hold == CEDAR_NONE)
            hold = i;
    }
    if (state.forbid == CEDAR_NONE)
        state.forbid = hold;
    state.is_allowed = is_permitted && state.forbid == CEDAR_NONE;
    return state;
}

/* -------------------------------------------------------------- options */

static void
add_option(struct search *search, struct options *options, struct option option)
{
    if (options->count == options->capacity) {
        uint32_t capacity = options->capacity == 0 ? 32 : options->capacity * 2;
        struct option *items =
            weir_arena_array(search->arena, struct option, capacity);
        if (items == NULL) {
            search->is_full = true;
            return;
        }
        if (options->count > 0)
            memcpy(items, options->items, options->count * sizeof(*items));
        options->items = items;
        options->capacity = capacity;
    }
    options->items[options->count++] = option;
}

/* Values that a policy suggests: its constants, and what else it read. */
struct values {
    weir_cedar_arg items[VALUES_MAX];
    uint32_t count;
};

static void
add_value(const struct search *search, struct values *values,
          weir_cedar_arg value)
{
    for (uint32_t i = 0; i < values->count; i++)
        if (weir__cedar_arg_equal(search->vm.program, values->items[i], value))
            return;
    if (values->count < VALUES_MAX)
        values->items[values->count++] = value;
}

/* Elements rather than the set itself: `[a, b].contains(x)` is about them. */
static void
add_values(const struct search *search, struct values *values,
           weir_cedar_arg value)
{
    if (value.kind == WEIR_CEDAR_RECORD)
        return;
    if (value.kind != WEIR_CEDAR_SET) {
        add_value(search, values, value);
        return;
    }
    for (uint32_t i = 0; i < value.count; i++) {
        weir_cedar_arg element =
            weir__cedar_arg_element(search->vm.program, value, i);
        if (element.kind < WEIR_CEDAR_SET)
            add_value(search, values, element);
    }
}

static void
suggest(const struct search *search, uint32_t policy,
        const struct gathering *gathering, struct values *values)
{
    const struct weir_cedar_program *program = search->vm.program;
    const struct program_policy *hot =
        &PROGRAM_ITEMS(program, CEDAR_POLICIES, struct program_policy)[policy];
    const struct program_op *code =
        PROGRAM_ITEMS(program, CEDAR_CODE, struct program_op);
    for (uint32_t at = hot->start; at < program->counts[CEDAR_CODE]; at++) {
        const struct program_op *op = &code[at];
        if (op->op == OP_DONE)
            break;
        if (op->op == OP_CONST)
            add_values(search, values, program_cell(program, op->a));
        else if (op->op == OP_IN_LITERAL)
            add_value(search, values, weir_cedar_arg_entity(op->a));
    }
    for (uint32_t i = 0; i < gathering->count; i++)
        if (gathering->reads[i].kind == WEIR_CEDAR_READ_ATTRIBUTE &&
            gathering->reads[i].is_present)
            add_values(search, values, gathering->reads[i].value);
}

static struct option
option_for(const struct search *search, const struct weir_cedar_read *read,
           uint32_t policy)
{
    struct option option = {
        .change = {.kind = read->kind,
                   .policy = policy,
                   .path = read->path,
                   .subject = read->subject,
                   .name = read->name,
                   .was_present = read->is_present,
                   .was = read->value},
        .fact = {.kind = read->kind, .subject = read->subject},
    };
    if (read->kind == WEIR_CEDAR_READ_ATTRIBUTE)
        option.fact.name =
            weir_cedar_program_attribute(search->vm.program, read->name);
    return option;
}

static void
offer(struct search *search, struct options *options, struct option option,
      weir_cedar_arg value, bool is_other)
{
    if (option.change.was_present &&
        weir__cedar_arg_equal(search->vm.program, option.change.was, value))
        return;
    option.change.is_present = true;
    option.change.value = value;
    option.change.is_any_other = is_other;
    option.fact.is_present = true;
    option.fact.value = value;
    add_option(search, options, option);
}

/* A value that no policy and no entity has. */
static bool
other_value(struct search *search, weir_cedar_arg like, weir_cedar_arg *out)
{
    static const struct weir_cedar_ip nowhere = {{0}};
    static const char text[] = "(any other)";
    struct weir_cedar_uid *uid;
    if (like.kind == WEIR_CEDAR_STRING) {
        *out = weir_cedar_arg_string(weir_span_of(text));
    } else if (like.kind == WEIR_CEDAR_IP) {
        *out = weir_cedar_arg_ip(&nowhere, false, 32);
    } else if (like.kind == WEIR_CEDAR_ENTITY) {
        uid = weir_arena_alloc(search->arena, sizeof(*uid));
        if (uid == NULL) {
            search->is_full = true;
            return false;
        }
        *uid = like.count == CEDAR_NONE
                   ? *(const struct weir_cedar_uid *)like.data
                   : weir_cedar_program_uid(search->vm.program, like.count);
        uid->id = weir_span_of(text);
        *out = weir_cedar_arg_uid(search->vm.program, uid);
    } else {
        return false;
    }
    return true;
}

static void
offer_near(struct search *search, struct options *options, struct option option,
           weir_cedar_arg value)
{
    static const int64_t steps[] = {0, -1, 1};
    for (size_t i = 0; i < WEIR_COUNTOF(steps); i++) {
        weir_cedar_arg near = value;
        if (!__builtin_add_overflow(value.number, steps[i], &near.number))
            offer(search, options, option, near, false);
    }
}

/* An entity of another type is no value that a schema would let there be. */
static bool
is_alike(const struct search *search, weir_cedar_arg a, weir_cedar_arg b)
{
    return a.kind == b.kind &&
           (a.kind != WEIR_CEDAR_ENTITY ||
            vm_type(&search->vm, &a) == vm_type(&search->vm, &b));
}

/* The set with one element more. */
static void
offer_larger(struct search *search, struct options *options,
             struct option option, weir_cedar_arg element)
{
    weir_cedar_arg was = option.change.was;
    weir_cedar_arg *elements =
        weir_arena_array(search->arena, weir_cedar_arg, was.count + 1u);
    if (elements == NULL) {
        search->is_full = true;
        return;
    }
    for (uint32_t i = 0; i < was.count; i++) {
        elements[i] = weir__cedar_arg_element(search->vm.program, was, i);
        if (!is_alike(search, elements[i], element))
            return;
    }
    elements[was.count] = element;
    offer(search, options, option, weir_cedar_arg_set(elements, was.count + 1),
          false);
}

static void
offer_values(struct search *search, struct options *options,
             struct option option, const struct values *values)
{
    weir_cedar_arg was = option.change.was;
    weir_cedar_arg other;
    for (uint32_t i = 0; i < values->count; i++) {
        weir_cedar_arg value = values->items[i];
        if (was.kind == WEIR_CEDAR_SET && option.change.was_present)
            offer_larger(search, options, option, value);
        else if (option.change.was_present && !is_alike(search, value, was))
            continue;
        else if (value.kind == WEIR_CEDAR_BOOL ||
                 value.kind >= WEIR_CEDAR_STRING)
            offer(search, options, option, value, false);
        else
            offer_near(search, options, option, value);
    }
    if (option.change.was_present && other_value(search, was, &other))
        offer(search, options, option, other, true);
}

static void
expand_attribute(struct search *search, struct options *options,
                 const struct weir_cedar_read *read, uint32_t policy,
                 const struct values *values)
{
    struct option option = option_for(search, read, policy);
    /* A record is nothing that a policy tests for: if it helps, it is enough
     * that something is there. */
    if (!read->is_present)
        offer(search, options, option, weir_cedar_arg_record(NULL, 0), true);
    if (!read->is_present || read->value.kind == WEIR_CEDAR_BOOL) {
        offer(search, options, option, weir_cedar_arg_bool(true), false);
        offer(search, options, option, weir_cedar_arg_bool(false), false);
    }
    if (read->is_present && read->value.kind == WEIR_CEDAR_SET)
        offer(search, options, option, weir_cedar_arg_set(NULL, 0), false);
    offer_values(search, options, option, values);
    /* What a request says it may also leave unsaid. */
    if (read->is_present && read->subject.kind == WEIR_CEDAR_RECORD &&
        read->subject.data == search->vm.request->context)
        add_option(search, options, option);
}

static bool
may_change(const struct search *search, const struct weir_cedar_read *read)
{
    const struct weir_cedar_request *request = search->vm.request;
    if (read->kind != WEIR_CEDAR_READ_ATTRIBUTE &&
        (read->kind != WEIR_CEDAR_READ_MEMBER ||
         read->value.kind != WEIR_CEDAR_ENTITY ||
         read->value.count == CEDAR_NONE))
        return false;
    if (read->kind == WEIR_CEDAR_READ_ATTRIBUTE &&
        read->value.kind == WEIR_CEDAR_RECORD && read->is_present)
        return false;
    if (search->bounds.may_change != NULL)
        return search->bounds.may_change(search->bounds.context, read);
    return read->kind == WEIR_CEDAR_READ_ATTRIBUTE ||
           vm_same_subject(read->subject, request->principal) ||
           vm_same_subject(read->subject, request->resource);
}

/* A fact that is supposed already keeps what was supposed. */
static bool
is_supposed(const struct search *search, const struct vm_fact *fact)
{
    for (uint32_t i = 0; i < search->facts.count; i++) {
        const struct vm_fact *known = &search->facts.items[i];
        if (known->kind == fact->kind && known->name == fact->name &&
            known->handle == fact->handle &&
            vm_same_subject(known->subject, fact->subject))
            return true;
    }
    return false;
}

static void
expand(struct search *search, struct options *options, uint32_t policy)
{
    struct gathering *gathering =
        weir_arena_alloc(search->arena, sizeof(*gathering));
    struct values *values = weir_arena_alloc(search->arena, sizeof(*values));
    if (gathering == NULL || values == NULL) {
        search->is_full = true;
        return;
    }
    (void)run(search, policy, gather, gathering);
    suggest(search, policy, gathering, values);
    /* The last that was read is what decided: try it first. */
    for (uint32_t i = gathering->count; i-- > 0;) {
        const struct weir_cedar_read *read = &gathering->reads[i];
        struct option option = option_for(search, read, policy);
        if (!may_change(search, read))
            continue;
        if (read->kind == WEIR_CEDAR_READ_MEMBER) {
            option.fact.handle = read->value.count;
            option.fact.is_present = !read->is_present;
            option.change.is_present = !read->is_present;
            option.change.value = read->value;
            if (!is_supposed(search, &option.fact))
                add_option(search, options, option);
        } else if (!is_supposed(search, &option.fact)) {
            expand_attribute(search, options, read, policy, values);
        }
    }
}

static void
expand_state(struct search *search, struct options *options, struct state state)
{
    uint32_t count = program_head(search->vm.program)->policy_count;
    uint32_t permits = 0;
    if (state.forbid != CEDAR_NONE) {
        expand(search, options, state.forbid);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (PROGRAM_ITEMS(search->vm.program, CEDAR_POLICIES,
                          struct program_policy)[i]
                    .effect != WEIR_CEDAR_PERMIT ||
            !is_live(search, i))
            continue;
        if (++permits > PERMITS_MAX) {
            search->is_cut = true;
            return;
        }
        expand(search, options, i);
    }
}

/* --------------------------------------------------------------- search */

/* True: allowed with what is supposed now. Depth is at most the bound. */
static bool
descend(struct search *search, uint32_t depth)
{
    struct options options = {NULL, 0, 0};
    struct state state;
    uint32_t at = search->facts.count;
    if (search->trials >= search->bounds.trial_max) {
        search->is_cut = true;
        return false;
    }
    state = evaluate(search);
    if (state.is_allowed || depth == 0 || search->is_full)
        return state.is_allowed;
    expand_state(search, &options, state);
    for (uint32_t i = 0; i < options.count && !search->is_full; i++) {
        search->supposed[at] = options.items[i].fact;
        search->changes[at] = options.items[i].change;
        search->facts.count = at + 1;
        if (descend(search, depth - 1))
            return true;
        search->facts.count = at;
        if (search->is_cut)
            break;
    }
    return false;
}

weir_status
weir_cedar_whatif(const struct weir_cedar_program *program,
                  const struct weir_cedar_request *request,
                  const struct weir_cedar_whatif_bounds *bounds, void *scratch,
                  struct weir_arena *arena, struct weir_cedar_whatif *out,
                  struct weir_error *err)
{
    struct search search = {.bounds = *bounds, .arena = arena};
    struct weir_cedar_whatif result = {false};
    WEIR_ASSERT(bounds->change_max <= WEIR_CEDAR_CHANGES_MAX);
    if (search.bounds.trial_max == 0)
        search.bounds.trial_max = TRIALS_DEFAULT;
    vm_init(&search.vm, program, request, scratch);
    search.facts.items = search.supposed;
    search.vm.facts = &search.facts;
    for (uint32_t depth = 0; depth <= bounds->change_max; depth++) {
        if (result.is_found || search.is_full)
            break;
        search.facts.count = 0;
        result.is_found = descend(&search, depth);
    }
    if (search.is_full)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "the search needs more memory than it was given");
    result.is_exhausted = !search.is_cut;
    result.trial_count = search.trials;
    result.change_count = result.is_found ? search.facts.count : 0;
    memcpy(result.changes, search.changes,
           result.change_count * sizeof(*result.changes));
    *out = result;
    return WEIR_OK;
}
