/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims, asked of every request that is on record.
 *
 *     for each key, operation, deployment, client:
 *         assumptions all match?  ->  a decides, b decides  ->  claim wrong?
 *
 * Each side is compiled into a program of its own over the same entities, so
 * that a request costs what a call's decision costs. A request that shows the
 * claim wrong becomes a case like that of a solver, with the entities it
 * needs, and goes through weir_cedar_smt_replay() like one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "recorded_parts.h"

#define PROGRAM_BYTES_MAX ((size_t)4 << 30)
#define SCRATCH_MAX       ((size_t)64 << 20)
#define CLIENT_BYTES_MAX  ((size_t)1 << 20)
#define NONE              UINT32_MAX
/* Policies that are compared pairwise for what stands in for them. */
#define INSTEAD_MAX 4096

/* One set, compiled, and what it says of the request at hand. */
struct side {
    struct weir_cedar_policies *policies;
    struct weir_buf blob;
    struct weir_cedar_program program;
    void *scratch;
    uint32_t *keys; /* handles */
    uint32_t *deployments;
    uint32_t actions[WEIR_OPERATIONS];
    const struct weir_cedar_binding *context; /* of the client at hand */
    uint32_t context_count;
    struct weir_cedar_answer answer;
    size_t count; /* of policies */
};

struct asking {
    const struct weir_prove_recorded *recorded;
    const struct weir_prove_question *question;
    struct weir_arena *arena;
    struct side a;
    struct side b;
    struct side assumptions;
    int64_t deadline_ms;
    struct weir_view view; /* the configuration as it is, nothing withdrawn */
    uint64_t tried;
    uint64_t requests; /* of them those that the question is about */
    bool is_late;
    /* uses */
    struct weir_prove_use *uses;
    uint64_t *instead; /* rows of bits; NULL: too many policies */
    size_t instead_words;
};

static int64_t
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static weir_status
out_of_memory(struct weir_error *err)
{
    return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
}

/* --------------------------------------------------------------- sides */

static void
find_handles(struct side *side, const struct weir_image *image)
{
    for (uint32_t i = 0; i < image->key_count; i++) {
        struct weir_cedar_uid uid = {WEIR_SPAN("Key"),
                                     weir_image_text(image, image->keys[i].id)};
        side->keys[i] = weir_cedar_program_entity(&side->program, &uid);
    }
    for (uint32_t i = 0; i < image->deployment_count; i++) {
        struct weir_cedar_uid uid = {
            WEIR_SPAN("Deployment"),
            weir_image_text(image, image->deployments[i].name)};
        side->deployments[i] = weir_cedar_program_entity(&side->program, &uid);
    }
    for (int i = 0; i < WEIR_OPERATIONS; i++) {
        struct weir_cedar_uid uid = {
            WEIR_SPAN("Action"),
            weir_span_of(weir_operation_name((enum weir_operation)i))};
        side->actions[i] = weir_cedar_program_entity(&side->program, &uid);
    }
}

static weir_status
side_init(struct side *side, const struct weir_prove_recorded *recorded,
          const struct weir_cedar_smt_set *set, struct weir_arena *arena,
          struct weir_error *err)
{
    const struct weir_image *image = &recorded->world.image;
    weir_status status = WEIR_OK;
    size_t scratch;
    memset(side, 0, sizeof(*side));
    weir_buf_init(&side->blob, PROGRAM_BYTES_MAX);
    side->policies = weir_cedar_policies_new();
    if (side->policies == NULL)
        return out_of_memory(err);
    for (size_t i = 0; status == WEIR_OK && i < set->count; i++)
        status = weir_cedar_policies_borrow(side->policies, set->items[i], err);
    if (status == WEIR_OK)
        status = weir_cedar_compile(side->policies, recorded->store, NULL,
                                    &side->blob, err);
    if (status == WEIR_OK)
        status = weir_cedar_program_open(weir_buf_span(&side->blob),
                                         &side->program, err);
    if (status != WEIR_OK)
        return status;
    scratch = weir_cedar_program_scratch_size(&side->program);
    side->count = set->count;
    side->scratch = weir_arena_alloc(arena, scratch + 16);
    side->keys =
        weir_arena_array(arena, uint32_t, (size_t)image->key_count + 1);
    side->deployments =
        weir_arena_array(arena, uint32_t, (size_t)image->deployment_count + 1);
    side->answer.satisfied = weir_arena_array(arena, uint32_t, set->count + 1);
    side->answer.failed =
        weir_arena_array(arena, struct weir_cedar_failure, set->count + 1);
    if (scratch > SCRATCH_MAX || arena->overflow)
        return out_of_memory(err);
    side->answer.satisfied_max = (uint32_t)set->count;
    side->answer.failed_max = (uint32_t)set->count;
    find_handles(side, image);
    return WEIR_OK;
}

static void
side_fini(struct side *side)
{
    weir_cedar_policies_free(side->policies);
    weir_buf_fini(&side->blob);
}

/* ------------------------------------------------------------ requests */

/* The client's context, as this program names it. */
static bool
bind(struct side *side, const weir_cedar_value *context,
     struct weir_arena *arena)
{
    struct weir_cedar_binding *fields = weir_arena_array(
        arena, struct weir_cedar_binding, (size_t)context->count + 1);
    side->context = fields;
    side->context_count = 0;
    for (uint32_t i = 0; fields != NULL && i < context->count; i++) {
        const struct weir_cedar_field *field = &context->fields[i];
        struct weir_cedar_binding *slot = &fields[side->context_count++];
        slot->attribute =
            weir_cedar_program_attribute(&side->program, field->key);
        if (!weir_cedar_arg_from_value(&side->program, &field->value, arena,
                                       &slot->value))
            return false;
    }
    return fields != NULL;
}

static void
decide(const struct asking *asking, struct side *side,
       const struct recorded_place *place)
{
    const struct weir_cedar_request request = {
        .principal = weir_cedar_arg_entity(side->keys[place->key]),
        .action = weir_cedar_arg_entity(side->actions[place->operation]),
        .resource = weir_cedar_arg_entity(side->deployments[place->deployment]),
        .context = side->context,
        .context_count = side->context_count,
        .now = asking->recorded->at,
    };
    weir_cedar_decide(&side->program, &request, WEIR_CEDAR_FULL, side->scratch,
                      &side->answer);
}

static struct weir_cedar_smt_outcome
outcome_of(const struct side *side)
{
    return (struct weir_cedar_smt_outcome){
        .is_allowed = side->answer.outcome == WEIR_CEDAR_ALLOW,
        .is_matched = side->answer.satisfied_count > 0,
        .has_error = side->answer.failed_count > 0,
    };
}

/* ---------------------------------------------------------------- uses */

static bool
is_permit(const struct side *side, uint32_t policy)
{
    return weir_cedar_policy_info(
               weir_cedar_policies_at(side->policies, policy))
               .effect == WEIR_CEDAR_PERMIT;
}

/* Which of the satisfied policies the decision rests on: the forbids, where
 * there are any, else the permits. */
static bool
decides(const struct side *side, uint32_t policy)
{
    return side->answer.forbid_count > 0 ? !is_permit(side, policy)
                                         : is_permit(side, policy);
}

static void
note_use(struct asking *asking, const struct side *side, uint32_t policy)
{
    struct weir_prove_use *use = &asking->uses[policy];
    const struct weir_cedar_answer *answer = &side->answer;
    uint64_t *row = asking->instead == NULL
                        ? NULL
                        : asking->instead + policy * asking->instead_words;
    bool is_alone = is_permit(side, policy)
                        ? answer->forbid_count == 0 && answer->permit_count == 1
                        : answer->forbid_count == 1 && answer->permit_count > 0;
    use->has_decided |= is_alone;
    if (row != NULL) {
        uint64_t *now = asking->instead + side->count * asking->instead_words;
        memset(now, 0, asking->instead_words * sizeof(*now));
        for (uint32_t i = 0; i < answer->satisfied_count; i++) {
            uint32_t other = answer->satisfied[i];
            if (other != policy && decides(side, other))
                now[other / 64] |= UINT64_C(1) << (other % 64);
        }
        for (size_t i = 0; i < asking->instead_words; i++)
            row[i] = use->has_matched ? row[i] & now[i] : now[i];
    }
    use->has_matched = true;
}

static void
note_uses(struct asking *asking)
{
    const struct side *side = &asking->a;
    for (uint32_t i = 0; i < side->answer.satisfied_count; i++)
        note_use(asking, side, side->answer.satisfied[i]);
}

static void
name_instead(struct asking *asking)
{
    for (size_t i = 0; i < asking->a.count; i++) {
        asking->uses[i].instead_of = NONE;
        for (size_t k = 0; asking->instead != NULL && k < asking->a.count; k++)
            if ((asking->instead[i * asking->instead_words + k / 64] >>
                     (k % 64) &
                 1) != 0) {
                asking->uses[i].instead_of = (uint32_t)k;
                break;
            }
    }
}

/* ------------------------------------------------------------- walking */

static bool
admits(const struct weir_prove_scope *scope, enum weir_operation operation)
{
    weir_span name = weir_span_of(weir_operation_name(operation));
    for (size_t i = 0; i < scope->action_count; i++)
        if (weir_span_equal(scope->actions[i].type, WEIR_SPAN("Action")) &&
            (weir_span_equal(scope->actions[i].id, name) ||
             weir_span_equal(scope->actions[i].id, WEIR_SPAN("infer"))))
            return true;
    return scope->action_count == 0;
}

static bool
admits_types(const struct weir_prove_scope *scope)
{
    return (scope->principal.len == 0 ||
            weir_span_equal(scope->principal, WEIR_SPAN("Key"))) &&
           (scope->resource.len == 0 ||
            weir_span_equal(scope->resource, WEIR_SPAN("Deployment")));
}

/* Only what policy is asked: the gate itself refuses operations that the
 * model lacks and places that the key's scope leaves out. */
static bool
is_asked(const struct asking *asking, const struct recorded_place *place)
{
    const struct weir_question question =
        weir__recorded_question(asking->recorded, place);
    struct weir_candidate candidate;
    weir_gate_decide_one(&asking->view, &question, place->deployment,
                         &candidate);
    return candidate.reason != WEIR_REASON_OPERATION &&
           candidate.reason != WEIR_REASON_SCOPE;
}

/* True: this request shows that the claim is wrong. */
static bool
try_place(struct asking *asking, const struct recorded_place *place)
{
    struct weir_cedar_smt_outcome a, b;
    if ((asking->tried++ & 0xfff) == 0 && now_ms() > asking->deadline_ms) {
        asking->is_late = true;
        return false;
    }
    if (!is_asked(asking, place))
        return false;
    if (asking->assumptions.count > 0) {
        decide(asking, &asking->assumptions, place);
        if (asking->assumptions.answer.satisfied_count <
            asking->assumptions.count)
            return false;
    }
    asking->requests++;
    decide(asking, &asking->a, place);
    if (asking->uses != NULL) {
        note_uses(asking);
        return false;
    }
    decide(asking, &asking->b, place);
    a = outcome_of(&asking->a);
    b = outcome_of(&asking->b);
    return weir_cedar_smt_refutes(asking->question->smt.claim, &a, &b);
}

static bool
walk_client(struct asking *asking, struct recorded_place *place)
{
    const struct weir_image *image = &asking->recorded->world.image;
    uint32_t served = (UINT32_C(1) << WEIR_OP_MODERATE) - 1;
    for (uint32_t i = 0; i < image->model_count; i++)
        served |= image->models[i].operations;
    for (int i = 0; i < WEIR_OPERATIONS; i++) {
        place->operation = (enum weir_operation)i;
        /* What no model does is refused whatever policy says. */
        if ((served >> i & 1) == 0 ||
            weir_operation_is_of_tools(place->operation) ||
            !admits(&asking->question->scope, place->operation))
            continue;
        for (place->deployment = 0;
             place->deployment < image->deployment_count && !asking->is_late;
             place->deployment++)
            if (try_place(asking, place))
                return true;
    }
    return false;
}

static weir_status
bind_client(struct asking *asking, struct recorded_place *place,
            struct weir_arena *arena, struct weir_error *err)
{
    struct weir_question question;
    struct weir_cedar_query query;
    weir_status status;
    question = weir__recorded_question(asking->recorded, place);
    status = weir_gate_query(&asking->recorded->world.image, &question, 0,
                             arena, &query, err);
    if (status != WEIR_OK)
        return status;
    if (!bind(&asking->a, &query.context, arena) ||
        !bind(&asking->b, &query.context, arena) ||
        !bind(&asking->assumptions, &query.context, arena))
        return out_of_memory(err);
    return WEIR_OK;
}

/* The first request that shows the claim wrong goes to `place`; *found_out
 * false: none does. */
static weir_status
walk(struct asking *asking, struct recorded_place *place, bool *found_out,
     struct weir_error *err)
{
    const struct weir_prove_recorded *recorded = asking->recorded;
    const struct weir_image *image = &recorded->world.image;
    weir_status status = WEIR_OK;
    *found_out = false;
    memset(place, 0, sizeof(*place));
    for (; place->key < image->key_count && image->deployment_count > 0;
         place->key++) {
        if (recorded->is_gone[place->key])
            continue;
        for (place->client = recorded->clients[place->key];
             place->client != NULL && !asking->is_late && status == WEIR_OK;
             place->client = place->client->next) {
            struct weir_arena arena;
            weir_arena_init_heap(&arena, CLIENT_BYTES_MAX);
            place->operation = WEIR_OP_CHAT;
            place->deployment = 0;
            status = bind_client(asking, place, &arena, err);
            *found_out = status == WEIR_OK && walk_client(asking, place);
            weir_arena_fini(&arena);
            if (*found_out || status != WEIR_OK)
                return status;
        }
    }
    return status;
}

/* ---------------------------------------------------------------- asking */

static weir_status
asking_init(struct asking *asking, struct weir_error *err)
{
    const struct weir_prove_recorded *recorded = asking->recorded;
    const struct weir_image *image = &recorded->world.image;
    const struct weir_cedar_smt_question *q = &asking->question->smt;
    uint32_t timeout = asking->question->timeout_ms;
    weir_status status;
    asking->deadline_ms = now_ms() + (timeout == 0 ? 10000 : timeout);
    asking->view.image = *image;
    status = side_init(&asking->a, recorded, &q->a, asking->arena, err);
    if (status == WEIR_OK)
        status = side_init(&asking->b, recorded, &q->b, asking->arena, err);
    if (status == WEIR_OK)
        status = side_init(&asking->assumptions, recorded, &q->assumptions,
                           asking->arena, err);
    return status;
}

static void
asking_fini(struct asking *asking)
{
    side_fini(&asking->a);
    side_fini(&asking->b);
    side_fini(&asking->assumptions);
}

static void
say_open(const struct asking *asking, struct weir_prove_result *result)
{
    if (!asking->is_late && !asking->recorded->is_cut)
        return;
    result->answer = WEIR_PROVE_NOT_PROVEN;
    snprintf(result->reason, sizeof(result->reason),
             asking->is_late
                 ? "out of time after %llu requests"
                 : "more clients are on record than are asked for (%llu "
                   "requests)",
             (unsigned long long)asking->requests);
}

static weir_status
conclude(const struct asking *asking, const struct recorded_place *place,
         struct weir_prove_result *result, struct weir_error *err)
{
    struct weir_cedar_smt_question q = asking->question->smt;
    struct weir_error why = {0};
    bool is_confirmed = false;
    weir_status status = weir__recorded_case(
        asking->recorded, place, asking->arena, &result->found, err);
    if (status != WEIR_OK)
        return status;
    q.schema = asking->recorded->schema;
    status = weir_cedar_smt_replay(&q, &result->found, asking->arena,
                                   &is_confirmed, &why);
    if (status == WEIR_ENOMEM)
        return out_of_memory(err);
    result->answer =
        is_confirmed ? WEIR_PROVE_COUNTEREXAMPLE : WEIR_PROVE_NOT_PROVEN;
    result->odd += !is_confirmed;
    if (!is_confirmed)
        snprintf(result->reason, sizeof(result->reason),
                 "the evaluator does not confirm what was found%s%.100s",
                 status == WEIR_OK ? "" : ": ",
                 status == WEIR_OK ? "" : why.text);
    return WEIR_OK;
}

static weir_status
run(struct asking *asking, struct weir_prove_result *result,
    struct weir_error *err)
{
    struct recorded_place place;
    bool is_found;
    weir_status status;
    *result = (struct weir_prove_result){.is_recorded = true};
    if (!admits_types(&asking->question->scope))
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "what is on record are keys that ask for "
                         "deployments");
    status = asking_init(asking, err);
    if (status != WEIR_OK)
        return status;
    status = walk(asking, &place, &is_found, err);
    if (status == WEIR_OK && is_found)
        status = conclude(asking, &place, result, err);
    else if (status == WEIR_OK)
        say_open(asking, result);
    result->requests = asking->requests;
    return status;
}

weir_status
weir_prove_recorded_ask(const struct weir_prove_recorded *recorded,
                        const struct weir_prove_question *question,
                        struct weir_arena *arena,
                        struct weir_prove_result *result_out,
                        struct weir_error *err)
{
    struct asking asking = {
        .recorded = recorded, .question = question, .arena = arena};
    weir_status status = run(&asking, result_out, err);
    asking_fini(&asking);
    return status;
}

weir_status
weir_prove_recorded_uses(const struct weir_prove_recorded *recorded,
                         const struct weir_prove_question *question,
                         struct weir_arena *arena,
                         struct weir_prove_use **uses_out,
                         struct weir_prove_result *result_out,
                         struct weir_error *err)
{
    size_t count = question->smt.a.count;
    struct asking asking = {
        .recorded = recorded, .question = question, .arena = arena};
    weir_status status;
    asking.uses = weir_arena_array(arena, struct weir_prove_use, count + 1);
    if (count <= INSTEAD_MAX) {
        asking.instead_words = count / 64 + 1;
        asking.instead = weir_arena_array(arena, uint64_t,
                                          (count + 1) * asking.instead_words);
    }
    if (arena->overflow)
        return out_of_memory(err);
    status = run(&asking, result_out, err);
    if (status == WEIR_OK) {
        name_instead(&asking);
        *uses_out = asking.uses;
    }
    asking_fini(&asking);
    return status;
}
