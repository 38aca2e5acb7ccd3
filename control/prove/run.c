/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assertions, run: each becomes one question, or one for each policy, and
 * a line of answer. A counterexample follows its line.
 */
#include <stdlib.h>
#include <string.h>

#include <weir/json.h>

#include "files.h"
#include "run.h"

#define ARENA_BYTES_MAX ((size_t)2 << 30)
#define TEXT_BYTES_MAX  ((size_t)256 << 20)

static const char *const answers[] = {"proven", "counterexample", "not proven"};

static void
complain(const struct weir_prove_options *options,
         const struct weir_prove_place *place, const struct weir_error *err)
{
    uint32_t line, column;
    fflush(options->out);
    if (err->offset == WEIR_OFFSET_NONE || err->offset > place->text.len) {
        fprintf(options->err, "%.*s: %s\n", WEIR_SPAN_ARG(place->path),
                err->text);
        return;
    }
    weir_span_locate(place->text, err->offset, &line, &column);
    fprintf(options->err, "%.*s:%u:%u: %s\n", WEIR_SPAN_ARG(place->path), line,
            column, err->text);
}

weir_status
weir__prove_complain(const struct weir__prove_run *run, weir_status status,
                     const struct weir_error *err)
{
    fflush(run->options->out);
    fprintf(run->options->err, "%.*s: %s\n",
            WEIR_SPAN_ARG(run->assertion->name), err->text);
    return status;
}

/* ------------------------------------------------------------ printing */

static void
print_json(const struct weir__prove_run *run, weir_span name,
           const struct weir_prove_result *result)
{
    struct weir_json_writer w;
    struct weir_buf buf;
    weir_buf_init(&buf, TEXT_BYTES_MAX);
    weir_json_writer_init(&w, &buf);
    weir_json_begin_object(&w);
    weir_json_name(&w, "name");
    weir_json_add_string(&w, name);
    weir_json_name(&w, "answer");
    weir_json_add_string(&w, weir_span_of(answers[result->answer]));
    weir_json_name(&w, result->is_recorded ? "requests" : "environments");
    weir_json_add_uint(&w, result->is_recorded ? result->requests
                                               : result->environments);
    if (result->answer == WEIR_PROVE_NOT_PROVEN) {
        weir_json_name(&w, "reason");
        weir_json_add_string(&w, weir_span_of(result->reason));
    }
    if (result->answer == WEIR_PROVE_COUNTEREXAMPLE) {
        struct weir_buf found;
        weir_buf_init(&found, TEXT_BYTES_MAX);
        weir_cedar_smt_case_write(&result->found, &found);
        weir_json_name(&w, "counterexample");
        weir_json_add_raw(&w, weir_buf_span(&found));
        weir_buf_fini(&found);
    }
    weir_json_end_object(&w);
    weir_buf_add_byte(&buf, '\n');
    fwrite(buf.ptr, 1, buf.len, run->options->out);
    weir_buf_fini(&buf);
}

void
weir__prove_print(const struct weir__prove_run *run, weir_span name,
                  const struct weir_prove_result *result)
{
    FILE *out = run->options->out;
    struct weir_prove_tally *tally = run->tally;
    tally->proven += result->answer == WEIR_PROVE_PROVEN;
    tally->refuted += result->answer == WEIR_PROVE_COUNTEREXAMPLE;
    tally->open += result->answer == WEIR_PROVE_NOT_PROVEN;
    tally->odd += result->odd;
    if (run->options->is_json) {
        print_json(run, name, result);
        return;
    }
    fprintf(out, "%.*s: %s ", WEIR_SPAN_ARG(name), answers[result->answer]);
    if (result->is_recorded)
        fprintf(out, "(of %llu request%s on record)\n",
                (unsigned long long)result->requests,
                result->requests == 1 ? "" : "s");
    else
        fprintf(out, "(%u request type%s)\n", result->environments,
                result->environments == 1 ? "" : "s");
    if (result->answer == WEIR_PROVE_NOT_PROVEN)
        fprintf(out, "  %s\n", result->reason);
    if (result->answer == WEIR_PROVE_COUNTEREXAMPLE)
        weir_prove_case_print(out, &result->found);
}

/* ------------------------------------------------------------- questions */

weir_status
weir__prove_print_questions(struct weir__prove_run *run, weir_span about)
{
    struct weir_prove_question *q = &run->question;
    struct weir_cedar_smt_environment *environments;
    size_t count = weir_prove_environments(q->smt.schema, &q->scope, run->arena,
                                           &environments);
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < count && status == WEIR_OK; i++) {
        struct weir_cedar_smt_text written;
        struct weir_error err = {0};
        struct weir_buf text;
        q->smt.environment = environments[i];
        q->smt.dialect =
            run->options->is_cvc5 ? WEIR_CEDAR_SMT_CVC5 : WEIR_CEDAR_SMT_Z3;
        weir_buf_init(&text, TEXT_BYTES_MAX);
        status =
            weir_cedar_smt_write(&q->smt, run->arena, &text, &written, &err);
        fprintf(
            run->options->out, "; %.*s%s%.*s: %.*s, %.*s, %.*s\n(reset)\n",
            WEIR_SPAN_ARG(run->assertion->name),
            about.len == 0 ? "" : ": sat unless idle: ", WEIR_SPAN_ARG(about),
            WEIR_SPAN_ARG(environments[i].principal->name),
            WEIR_SPAN_ARG(environments[i].action->id),
            WEIR_SPAN_ARG(environments[i].resource->name));
        if (status == WEIR_OK)
            fwrite(text.ptr, 1, written.question_bytes, run->options->out);
        else
            status = weir__prove_complain(run, status, &err);
        fputs("(check-sat)\n", run->options->out);
        weir_buf_fini(&text);
    }
    return status;
}

weir_status
weir__prove_question(const struct weir__prove_run *run,
                     struct weir_prove_result *result_out,
                     struct weir_error *err)
{
    return run->options->recorded != NULL
               ? weir_prove_recorded_ask(run->options->recorded, &run->question,
                                         run->arena, result_out, err)
               : weir_prove_ask(&run->question, run->arena, result_out, err);
}

static weir_status
ask(struct weir__prove_run *run, weir_span name)
{
    struct weir_prove_result result;
    struct weir_error err = {0};
    weir_status status;
    if (run->options->is_smt2)
        return weir__prove_print_questions(run, WEIR_SPAN_NONE);
    status = weir__prove_question(run, &result, &err);
    if (status != WEIR_OK)
        return weir__prove_complain(run, status, &err);
    weir__prove_print(run, name, &result);
    return WEIR_OK;
}

/* ------------------------------------------------------------- assertions */

static weir_status
find_policies(struct weir__prove_run *run)
{
    const struct weir_prove_assertion *a = run->assertion;
    const struct weir_cedar_policy *policy =
        weir_prove_book_find(&run->book, a->policy);
    const struct weir_cedar_policy *other =
        a->other.len == 0 ? policy : weir_prove_book_find(&run->book, a->other);
    struct weir_error err = {0};
    if (policy == NULL || other == NULL) {
        weir_span missing = policy == NULL ? a->policy : a->other;
        weir_status status = weir_fail(
            &err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
            "no policy %.*s is in force at this time", WEIR_SPAN_ARG(missing));
        return weir__prove_complain(run, status, &err);
    }
    run->question.smt.a = weir__prove_one(run, policy);
    run->question.smt.b = weir__prove_one(run, other);
    return WEIR_OK;
}

static weir_status
find_other(struct weir__prove_run *run, weir_span folder)
{
    struct weir_prove_place place = {0};
    struct weir_error err = {0};
    weir_span path = run->assertion->other;
    char whole[4096];
    weir_status status;
    if (path.len == 0)
        return WEIR_OK;
    if (path.ptr[0] == '/' || folder.len == 0)
        snprintf(whole, sizeof(whole), "%.*s", WEIR_SPAN_ARG(path));
    else
        snprintf(whole, sizeof(whole), "%.*s/%.*s", WEIR_SPAN_ARG(folder),
                 WEIR_SPAN_ARG(path));
    status = weir_prove_book_read(run->options->schema, whole,
                                  run->assertion->has_time ? run->assertion->at
                                                           : run->options->at,
                                  run->arena, &run->other, &place, &err);
    if (status != WEIR_OK)
        complain(run->options, &place, &err);
    run->question.smt.b = run->other.set;
    return status;
}

static weir_status
prepare(struct weir__prove_run *run, weir_span folder)
{
    const struct weir_prove_assertion *a = run->assertion;
    struct weir_prove_place place = {0};
    struct weir_error err = {0};
    const struct weir_cedar_policy **assumed;
    size_t count =
        a->assumed == NULL ? 0 : weir_cedar_policies_count(a->assumed);
    weir_status status =
        weir_prove_book_read(run->options->schema, run->options->policies,
                             a->has_time ? a->at : run->options->at, run->arena,
                             &run->book, &place, &err);
    if (status != WEIR_OK) {
        complain(run->options, &place, &err);
        return status;
    }
    assumed = weir_arena_array(run->arena, const struct weir_cedar_policy *,
                               count + 1);
    for (size_t i = 0; assumed != NULL && i < count; i++)
        assumed[i] = weir_cedar_policies_at(a->assumed, i);
    run->question.smt.schema = run->options->schema;
    run->question.smt.claim = a->claim;
    run->question.smt.a = run->book.set;
    run->question.smt.assumptions = (struct weir_cedar_smt_set){assumed, count};
    run->question.scope = a->scope;
    run->question.timeout_ms = run->options->timeout_ms;
    if (a->subject == WEIR_PROVE_POLICY)
        status = find_policies(run);
    else
        status = find_other(run, folder);
    if (a->is_reversed) {
        struct weir_cedar_smt_set swapped = run->question.smt.a;
        run->question.smt.a = run->question.smt.b;
        run->question.smt.b = swapped;
    }
    return status;
}

weir_status
weir_prove_run(const struct weir_prove_options *options,
               const struct weir_prove_assertion *assertion, weir_span folder,
               struct weir_prove_tally *tally)
{
    struct weir_arena arena;
    struct weir__prove_run run = {.options = options,
                                  .assertion = assertion,
                                  .tally = tally,
                                  .arena = &arena};
    weir_status status;
    weir_arena_init_heap(&arena, ARENA_BYTES_MAX);
    status = prepare(&run, folder);
    if (status == WEIR_OK)
        status = assertion->subject == WEIR_PROVE_DEAD ||
                         assertion->subject == WEIR_PROVE_SHADOWED
                     ? weir__prove_each_policy(&run)
                     : ask(&run, assertion->name);
    weir_prove_book_fini(&run.book);
    weir_prove_book_fini(&run.other);
    weir_arena_fini(&arena);
    return status;
}

struct files {
    const struct weir_prove_options *options;
    struct weir_prove_tally *tally;
};

static weir_status
run_file(void *context, const char *path)
{
    struct files *f = context;
    struct weir_prove_assertion *first = NULL;
    struct weir_prove_place place;
    struct weir_error err = {0};
    struct weir_arena arena;
    const char *slash = strrchr(path, '/');
    weir_span folder = {path, slash == NULL ? 0 : (size_t)(slash - path)};
    weir_status status;
    weir_arena_init_heap(&arena, ARENA_BYTES_MAX);
    status = weir__prove_file(path, &arena, &place, &err);
    if (status == WEIR_OK)
        status = weir_prove_parse(place.text, &arena, &first, &err);
    if (status != WEIR_OK)
        complain(f->options, &place, &err);
    for (const struct weir_prove_assertion *a = first;
         a != NULL && status == WEIR_OK; a = a->next)
        status = weir_prove_run(f->options, a, folder, f->tally);
    weir_prove_assertions_free(first);
    weir_arena_fini(&arena);
    return status;
}

weir_status
weir_prove_run_files(const struct weir_prove_options *options, const char *path,
                     struct weir_prove_tally *tally)
{
    struct files f = {options, tally};
    return weir__prove_each(path, ".prove", 0, run_file, &f);
}

/* ---------------------------------------------------------------- diff */

static weir_status
diff_one(struct weir__prove_run *run,
         struct weir_cedar_smt_environment environment)
{
    static const char *const ways[] = {"the other allows what this denies",
                                       "the other denies what this allows"};
    struct weir_prove_result result;
    struct weir_error err = {0};
    const struct weir_cedar_uid action = {environment.action->type->name,
                                          environment.action->id};
    run->question.scope = (struct weir_prove_scope){
        &action, 1, environment.principal->name, environment.resource->name};
    for (int way = 0; way < 2; way++) {
        weir_status status;
        char name[512];
        run->question.smt.environment = environment;
        run->question.smt.claim = WEIR_CEDAR_SMT_IMPLIES;
        run->question.smt.a = way == 0 ? run->other.set : run->book.set;
        run->question.smt.b = way == 0 ? run->book.set : run->other.set;
        status =
            run->options->recorded != NULL
                ? weir__prove_question(run, &result, &err)
                : weir_prove_ask_one(&run->question, run->arena, &result, &err);
        if (status == WEIR_ENOTFOUND && run->options->recorded != NULL)
            return WEIR_OK; /* nothing of this type is on record */
        if (status != WEIR_OK)
            return weir__prove_complain(run, status, &err);
        snprintf(name, sizeof(name), "%.*s %.*s %.*s: %s%s",
                 WEIR_SPAN_ARG(environment.principal->name),
                 WEIR_SPAN_ARG(environment.action->id),
                 WEIR_SPAN_ARG(environment.resource->name),
                 result.answer == WEIR_PROVE_PROVEN ? "never " : "", ways[way]);
        weir__prove_print(run, weir_span_of(name), &result);
    }
    return WEIR_OK;
}

weir_status
weir_prove_diff(const struct weir_prove_options *options, const char *other,
                const struct weir_prove_assertion *assumptions,
                struct weir_prove_tally *tally)
{
    struct weir_prove_assertion assertion = *assumptions;
    struct weir_cedar_smt_environment *environments = NULL;
    struct weir_arena arena;
    struct weir__prove_run run = {.options = options,
                                  .assertion = &assertion,
                                  .tally = tally,
                                  .arena = &arena};
    weir_status status;
    size_t count = 0;
    assertion.subject = WEIR_PROVE_ALL;
    assertion.other = weir_span_of(other);
    weir_arena_init_heap(&arena, ARENA_BYTES_MAX);
    status = prepare(&run, WEIR_SPAN_NONE);
    if (status == WEIR_OK)
        count = weir_prove_environments(options->schema, &assertion.scope,
                                        &arena, &environments);
    for (size_t i = 0; i < count && status == WEIR_OK; i++)
        status = diff_one(&run, environments[i]);
    weir_prove_book_fini(&run.book);
    weir_prove_book_fini(&run.other);
    weir_arena_fini(&arena);
    return status;
}
