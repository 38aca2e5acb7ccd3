/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking: environment by environment, text to solver, model to evaluator.
 */
#include "prove.h"

#include <stdio.h>
#include <string.h>

#include "solver.h"

#define TEXT_BYTES_MAX     ((size_t)256 << 20)
#define TIMEOUT_MS_DEFAULT 10000

bool
weir_prove_is_built(void)
{
    return strcmp(weir__solver_name(), "none") != 0;
}

const char *
weir_prove_solver(void)
{
    return weir__solver_name();
}

static bool
admits_action(const struct weir_prove_scope *scope,
              const struct weir_cedar_action *action)
{
    for (size_t i = 0; i < scope->action_count; i++) {
        const struct weir_cedar_uid *uid = &scope->actions[i];
        if (weir_span_equal(uid->type, action->type->name) &&
            weir_span_equal(uid->id, action->id))
            return true;
        for (uint32_t k = 0; k < action->ancestor_count; k++)
            if (weir_span_equal(uid->type, action->ancestors[k]->type->name) &&
                weir_span_equal(uid->id, action->ancestors[k]->id))
                return true;
    }
    return scope->action_count == 0;
}

static bool
admits_type(weir_span wanted, const struct weir_cedar_entity_type *type)
{
    return wanted.len == 0 || weir_span_equal(wanted, type->name);
}

size_t
weir_prove_environments(const struct weir_cedar_schema *schema,
                        const struct weir_prove_scope *scope,
                        struct weir_arena *arena,
                        struct weir_cedar_smt_environment **environments_out)
{
    size_t actions = weir_cedar_schema_action_count(schema), total = 0;
    size_t count = 0;
    struct weir_cedar_smt_environment *list;
    for (size_t i = 0; i < actions; i++) {
        const struct weir_cedar_action *a = weir_cedar_schema_action(schema, i);
        total += (size_t)a->principal_count * a->resource_count;
    }
    list =
        weir_arena_array(arena, struct weir_cedar_smt_environment, total + 1);
    *environments_out = list;
    for (size_t i = 0; list != NULL && i < actions; i++) {
        const struct weir_cedar_action *a = weir_cedar_schema_action(schema, i);
        if (!admits_action(scope, a))
            continue;
        for (uint32_t p = 0; p < a->principal_count; p++)
            for (uint32_t r = 0; r < a->resource_count; r++)
                if (admits_type(scope->principal, a->principals[p]) &&
                    admits_type(scope->resource, a->resources[r]))
                    list[count++] = (struct weir_cedar_smt_environment){
                        a, a->principals[p], a->resources[r]};
    }
    return count;
}

/* ----------------------------------------------------------------- ask */

static weir_status
try_model(const struct weir_cedar_smt_question *question,
          const struct weir_cedar_smt_text *written,
          const struct solver_answer *answer, struct weir_arena *arena,
          struct weir_prove_result *result, struct weir_error *err)
{
    struct weir_error why = {0};
    bool is_confirmed = false;
    weir_status status = weir_cedar_smt_read(written->plan, answer->values,
                                             written->reading_count, arena,
                                             &result->found, &why);
    if (status == WEIR_OK)
        status = weir_cedar_smt_replay(question, &result->found, arena,
                                       &is_confirmed, &why);
    if (status == WEIR_ENOMEM)
        return weir_fail(err, status, WEIR_OFFSET_NONE, "out of memory");
    if (status == WEIR_OK && is_confirmed) {
        result->answer = WEIR_PROVE_COUNTEREXAMPLE;
        return WEIR_OK;
    }
    result->answer = WEIR_PROVE_NOT_PROVEN;
    result->odd++;
    snprintf(result->reason, sizeof(result->reason),
             "the evaluator does not confirm what the solver found%s%.100s",
             status == WEIR_OK ? "" : ": ", status == WEIR_OK ? "" : why.text);
    return WEIR_OK;
}

weir_status
weir_prove_ask_one(const struct weir_prove_question *question,
                   struct weir_arena *arena,
                   struct weir_prove_result *result_out, struct weir_error *err)
{
    struct weir_prove_result result = {.environments = 1};
    struct weir_cedar_smt_text written;
    struct solver_answer answer = {.verdict = SOLVER_UNSAT};
    struct weir_buf text;
    weir_status status;
    weir_buf_init(&text, TEXT_BYTES_MAX);
    status = weir_cedar_smt_write(&question->smt, arena, &text, &written, err);
    weir_buf_add_byte(&text, '\0');
    if (status == WEIR_OK && text.overflow)
        status = weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                           "the question is too large");
    if (status == WEIR_OK && (!written.is_constant || written.is_violated))
        status =
            weir__solver_ask((weir_span){text.ptr, text.len - 1}, &written,
                             question->timeout_ms == 0 ? TIMEOUT_MS_DEFAULT
                                                       : question->timeout_ms,
                             arena, &answer, err);
    weir_buf_fini(&text);
    if (status != WEIR_OK)
        return status;
    result.environment = question->smt.environment;
    if (answer.verdict == SOLVER_UNKNOWN) {
        result.answer = WEIR_PROVE_NOT_PROVEN;
        snprintf(result.reason, sizeof(result.reason), "%s", answer.reason);
    } else if (answer.verdict == SOLVER_SAT) {
        status =
            try_model(&question->smt, &written, &answer, arena, &result, err);
    }
    if (status == WEIR_OK)
        *result_out = result;
    return status;
}

weir_status
weir_prove_ask(const struct weir_prove_question *question,
               struct weir_arena *arena, struct weir_prove_result *result_out,
               struct weir_error *err)
{
    struct weir_prove_question one = *question;
    struct weir_prove_result whole = {0};
    struct weir_cedar_smt_environment *environments;
    size_t count = weir_prove_environments(
        question->smt.schema, &question->scope, arena, &environments);
    if (count == 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no action, principal and resource of the schema "
                         "are in the scope of the claim");
    for (size_t i = 0; i < count; i++) {
        struct weir_prove_result result;
        weir_status status;
        one.smt.environment = environments[i];
        status = weir_prove_ask_one(&one, arena, &result, err);
        if (status != WEIR_OK)
            return status;
        result.environments = (uint32_t)i + 1;
        result.odd += whole.odd;
        if (result.answer != WEIR_PROVE_PROVEN ||
            whole.answer == WEIR_PROVE_PROVEN)
            whole = result;
        whole.environments = result.environments;
        whole.odd = result.odd;
        if (result.answer == WEIR_PROVE_COUNTEREXAMPLE)
            break;
    }
    *result_out = whole;
    return WEIR_OK;
}
