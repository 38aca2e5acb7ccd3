/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir cedar test DIR...: runs conformance cases.
 *
 * A case is a JSON object that names a policies file, a schema and an
 * entities file, says whether the policies validate, and lists requests
 * with decision, reason set and error set. It passes when all of that is
 * exactly so. Paths in it are relative to some folder above the case (the
 * one that holds the corpus); a lone case finds its files beside itself.
 */
#include "cli/cedar_files.h"
#include "cli/cedar_twin.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <weir/cedar_json.h>
#include <weir/cedar_validate.h>
#include <weir/json.h>

#define PATH_BYTES  4096
#define FOLDERS_MAX 32 /* deep */

struct tally {
    struct weir_cli *cli;
    size_t passed;
    size_t failed;
    size_t requests;
    bool is_verbose;
    enum weir_cedar_dialect dialect;
};

/* One case as it stands in the file: raw members. */
struct test_case {
    const char *path;
    weir_span policies, schema, entities, requests;
    bool should_validate;
    bool is_case;
};

struct request_case {
    weir_span raw, description, decision, reason, errors;
    bool is_validated;
};

struct run {
    struct tally *tally;
    const struct test_case *test;
    struct weir_cli_cedar cedar;
    struct weir_cedar_twin twin;
    bool is_passed;
};

static void WEIR_PRINTF(2, 3) differ(struct run *run, const char *format, ...)
{
    va_list args;
    run->is_passed = false;
    if (!run->tally->is_verbose)
        return;
    fprintf(run->tally->cli->out, "%s: ", run->test->path);
    va_start(args, format);
    vfprintf(run->tally->cli->out, format, args);
    va_end(args);
    fputc('\n', run->tally->cli->out);
}

/* --------------------------------------------------------------- reading */

static bool
read_case(struct weir_arena *arena, weir_span text, struct test_case *test)
{
    struct weir_json_reader reader;
    weir_span name;
    bool has_verdict = false;
    weir_json_reader_init(&reader, text, arena);
    if (weir_json_peek(&reader) != WEIR_JSON_OBJECT)
        return false;
    weir_json_object(&reader);
    while (weir_json_member(&reader, &name)) {
        if (weir_span_equal(name, WEIR_SPAN("policies")) &&
            weir_json_peek(&reader) == WEIR_JSON_STRING)
            weir_json_string(&reader, &test->policies);
        else if (weir_span_equal(name, WEIR_SPAN("schema")) &&
                 weir_json_peek(&reader) == WEIR_JSON_STRING)
            weir_json_string(&reader, &test->schema);
        else if (weir_span_equal(name, WEIR_SPAN("entities")) &&
                 weir_json_peek(&reader) == WEIR_JSON_STRING)
            weir_json_string(&reader, &test->entities);
        else if (weir_span_equal(name, WEIR_SPAN("shouldValidate")))
            has_verdict = weir_json_bool(&reader, &test->should_validate);
        else if (weir_span_equal(name, WEIR_SPAN("requests")))
            weir_json_raw(&reader, &test->requests);
    }
    return weir_json_reader_end(&reader, NULL) == WEIR_OK && has_verdict &&
           test->policies.len > 0 && test->schema.len > 0 &&
           test->entities.len > 0 && test->requests.len > 0;
}

static bool
read_request(struct weir_arena *arena, weir_span raw,
             struct request_case *request)
{
    struct weir_json_reader reader;
    weir_span name;
    *request = (struct request_case){.raw = raw, .is_validated = true};
    weir_json_reader_init(&reader, raw, arena);
    if (weir_json_object(&reader))
        while (weir_json_member(&reader, &name)) {
            if (weir_span_equal(name, WEIR_SPAN("description")))
                weir_json_string(&reader, &request->description);
            else if (weir_span_equal(name, WEIR_SPAN("decision")))
                weir_json_string(&reader, &request->decision);
            else if (weir_span_equal(name, WEIR_SPAN("reason")))
                weir_json_raw(&reader, &request->reason);
            else if (weir_span_equal(name, WEIR_SPAN("errors")))
                weir_json_raw(&reader, &request->errors);
            else if (weir_span_equal(name, WEIR_SPAN("validateRequest")))
                weir_json_bool(&reader, &request->is_validated);
        }
    return weir_json_reader_end(&reader, NULL) == WEIR_OK;
}

/* folder/name, when it fits and exists. */
static bool
exists(const char *folder, size_t folder_len, weir_span name,
       char path_out[PATH_BYTES])
{
    struct stat info;
    if (folder_len + name.len + 2 > PATH_BYTES)
        return false;
    memcpy(path_out, folder, folder_len);
    path_out[folder_len] = '/';
    memcpy(path_out + folder_len + 1, name.ptr, name.len);
    path_out[folder_len + 1 + name.len] = '\0';
    return stat(path_out, &info) == 0;
}

/* Above the case, upwards; at last beside it, by its bare name. */
static bool
resolve(const char *case_path, weir_span wanted, char path_out[PATH_BYTES])
{
    const char *bare = memrchr(wanted.ptr, '/', wanted.len);
    const char *slash = strrchr(case_path, '/');
    size_t beside = slash == NULL ? 0 : (size_t)(slash - case_path);
    size_t len = beside;
    while (slash != NULL) {
        if (exists(case_path, len, wanted, path_out))
            return true;
        slash = memrchr(case_path, '/', len);
        len = slash == NULL ? 0 : (size_t)(slash - case_path);
    }
    if (bare != NULL) {
        size_t skipped = (size_t)(bare - wanted.ptr) + 1;
        wanted = (weir_span){bare + 1, wanted.len - skipped};
    }
    return exists(beside == 0 ? "." : case_path, beside == 0 ? 1 : beside,
                  wanted, path_out);
}

/* ------------------------------------------------------------- comparing */

/* Whether a JSON array of strings names exactly these policies, as sets. */
static bool
same_ids(struct run *run, weir_span raw, const bool *is_member, size_t count)
{
    const struct weir_cedar_policies *set = run->cedar.policies;
    size_t named = 0, members = 0;
    struct weir_json_reader reader;
    bool *seen = weir_arena_array(&run->cedar.arena, bool, count + 1);
    weir_span id;
    if (seen == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        members += is_member[i];
    weir_json_reader_init(&reader, raw, &run->cedar.arena);
    if (weir_json_array(&reader))
        while (weir_json_element(&reader) && weir_json_string(&reader, &id))
            for (size_t i = 0; i < count; i++) {
                const struct weir_cedar_policy *p =
                    weir_cedar_policies_at(set, i);
                if (seen[i] ||
                    !weir_span_equal(weir_cedar_policy_info(p).id, id))
                    continue;
                if (!is_member[i])
                    return false;
                seen[i] = true;
                named++;
            }
    return weir_json_reader_end(&reader, NULL) == WEIR_OK && named == members;
}

static void
compare_response(struct run *run, const struct request_case *request,
                 const struct weir_cedar_response *response)
{
    size_t count = weir_cedar_policies_count(run->cedar.policies);
    bool *members = weir_arena_array(&run->cedar.arena, bool, count + 1);
    weir_span decision =
        response->is_allowed ? WEIR_SPAN("allow") : WEIR_SPAN("deny");
    if (members == NULL) {
        differ(run, "out of memory");
        return;
    }
    if (!weir_span_equal(decision, request->decision))
        differ(run, "%.*s: decided %.*s, expected %.*s",
               WEIR_SPAN_ARG(request->description), WEIR_SPAN_ARG(decision),
               WEIR_SPAN_ARG(request->decision));
    for (size_t i = 0; i < response->reason_count; i++)
        members[response->reasons[i]] = true;
    if (!same_ids(run, request->reason, members, count))
        differ(run, "%.*s: other reasons than %.*s",
               WEIR_SPAN_ARG(request->description),
               WEIR_SPAN_ARG(request->reason));
    memset(members, 0, count * sizeof(*members));
    for (size_t i = 0; i < response->error_count; i++)
        members[response->errors[i].policy] = true;
    if (!same_ids(run, request->errors, members, count))
        differ(run, "%.*s: other errors than %.*s",
               WEIR_SPAN_ARG(request->description),
               WEIR_SPAN_ARG(request->errors));
}

static void
run_request(struct run *run, weir_span raw)
{
    struct weir_cli_cedar *cedar = &run->cedar;
    struct weir_cedar_response response;
    struct weir_cedar_query query;
    struct request_case request;
    struct weir_error err = {0};
    const char *difference;
    weir_status status;
    run->tally->requests++;
    if (!read_request(&cedar->arena, raw, &request)) {
        differ(run, "a request that is not one");
        return;
    }
    status = weir_cedar_request_read(&cedar->arena, cedar->schema, raw, &query,
                                     &err);
    if (status != WEIR_OK && !request.is_validated)
        status =
            weir_cedar_request_read(&cedar->arena, NULL, raw, &query, &err);
    if (status == WEIR_OK)
        status = weir_cedar_authorize(cedar->policies, cedar->store, &query,
                                      &cedar->arena, &response, &err);
    if (status != WEIR_OK) {
        differ(run, "%.*s: %s", WEIR_SPAN_ARG(request.description), err.text);
        return;
    }
    compare_response(run, &request, &response);
    difference =
        weir_cedar_twin_compare(&run->twin, &query, &response, &cedar->arena);
    if (difference != NULL)
        differ(run, "%.*s: %s", WEIR_SPAN_ARG(request.description), difference);
}

static void
run_requests(struct run *run)
{
    struct weir_json_reader reader;
    struct weir_error err = {0};
    weir_span raw;
    if (weir_cedar_twin_init(&run->twin, run->cedar.policies, run->cedar.store,
                             &err) != WEIR_OK) {
        differ(run, "compiled: %s", err.text);
        weir_cedar_twin_fini(&run->twin);
        return;
    }
    weir_json_reader_init(&reader, run->test->requests, NULL);
    if (weir_json_array(&reader))
        while (weir_json_element(&reader) && weir_json_raw(&reader, &raw))
            run_request(run, raw);
    if (weir_json_reader_end(&reader, NULL) != WEIR_OK)
        differ(run, "the requests are not an array");
    weir_cedar_twin_fini(&run->twin);
}

static void
run_validation(struct run *run)
{
    struct weir_cedar_findings findings;
    struct weir_error err = {0};
    if (weir_cedar_validate(run->cedar.policies, run->cedar.schema,
                            run->tally->dialect, &run->cedar.arena, &findings,
                            &err) != WEIR_OK) {
        differ(run, "validation: %s", err.text);
        return;
    }
    if ((findings.error_count == 0) == run->test->should_validate)
        return;
    differ(run, "validation: %s",
           run->test->should_validate ? "refused, expected to pass"
                                      : "passed, expected to be refused");
    for (size_t i = 0; i < findings.count; i++)
        if (!findings.items[i].is_warning)
            differ(run, "  %.*s", WEIR_SPAN_ARG(findings.items[i].text));
}

static void
run_case(struct tally *tally, const struct test_case *test)
{
    struct run run = {.tally = tally, .test = test, .is_passed = true};
    char policies[PATH_BYTES], schema[PATH_BYTES], entities[PATH_BYTES];
    weir_cli_cedar_init(&run.cedar, tally->cli);
    if (!resolve(test->path, test->policies, policies) ||
        !resolve(test->path, test->schema, schema) ||
        !resolve(test->path, test->entities, entities)) {
        differ(&run, "a file that it names is missing");
    } else if (weir_cli_cedar_schema(&run.cedar, schema) != 0 ||
               weir_cli_cedar_policies(&run.cedar, policies) != 0 ||
               weir_cli_cedar_entities(&run.cedar, entities) != 0) {
        differ(&run, "a file that it names is refused");
    } else {
        run_validation(&run);
        run_requests(&run);
    }
    tally->passed += run.is_passed;
    tally->failed += !run.is_passed;
    weir_cli_cedar_fini(&run.cedar);
}

/* --------------------------------------------------------------- walking */

static void
visit_file(struct tally *tally, const char *path)
{
    struct test_case test = {.path = path};
    struct weir_error err = {0};
    struct weir_arena arena;
    weir_span text;
    if (!weir_span_ends(weir_span_of(path), WEIR_SPAN(".json")) ||
        weir_cli_cedar_kind(path) != CEDAR_FILE_POLICIES_JSON)
        return;
    if (weir_cli_read_file(path, &text, &err) != WEIR_OK) {
        weir_cli_point(tally->cli->err, path, WEIR_SPAN_NONE, WEIR_OFFSET_NONE,
                       weir_span_of(err.text));
        tally->failed++;
        return;
    }
    weir_arena_init_heap(&arena, (size_t)1 << 30);
    if (read_case(&arena, text, &test))
        run_case(tally, &test);
    weir_arena_fini(&arena);
    free((char *)(uintptr_t)text.ptr);
}

static int
compare_entries(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Depth first, names in order; false: the folder can not be read. */
static bool
visit_folder(struct tally *tally, const char *folder, int depth)
{
    DIR *directory = opendir(folder);
    struct dirent *entry;
    char **names = NULL;
    size_t count = 0, room = 0;
    if (directory == NULL)
        return false;
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if (count == room) {
            room = room == 0 ? 64 : room * 2;
            names = realloc(names, room * sizeof(*names));
            WEIR_ASSERT(names != NULL);
        }
        names[count++] = strdup(entry->d_name);
    }
    closedir(directory);
    if (count > 0)
        qsort(names, count, sizeof(*names), compare_entries);
    for (size_t i = 0; i < count; i++) {
        char path[PATH_BYTES];
        struct stat info;
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        free(names[i]);
        if (stat(path, &info) != 0)
            continue;
        if (S_ISREG(info.st_mode))
            visit_file(tally, path);
        else if (S_ISDIR(info.st_mode) && depth < FOLDERS_MAX)
            (void)visit_folder(tally, path, depth + 1);
    }
    free(names);
    return true;
}

int
weir_cmd_cedar_test(struct weir_cli *cli)
{
    const char *dialect = weir_cli_option(cli, "dialect");
    struct tally tally = {.cli = cli,
                          .is_verbose = weir_cli_flag(cli, "verbose")};
    if (dialect != NULL && strcmp(dialect, "4.13") == 0)
        tally.dialect = WEIR_CEDAR_4_13;
    else if (dialect != NULL && strcmp(dialect, "4.12") != 0)
        return weir_cli_usage(cli, "the dialect is 4.12 or 4.13");
    for (int i = 0; i < cli->argument_count; i++) {
        struct stat info;
        if (stat(cli->arguments[i], &info) == 0 && S_ISREG(info.st_mode)) {
            visit_file(&tally, cli->arguments[i]);
        } else if (!visit_folder(&tally, cli->arguments[i], 0)) {
            weir_cli_point(cli->err, cli->arguments[i], WEIR_SPAN_NONE,
                           WEIR_OFFSET_NONE, WEIR_SPAN("can not be read"));
            return weir_status_info(WEIR_EIO)->exit;
        }
    }
    if (cli->is_json)
        fprintf(cli->out, "{\"passed\":%zu,\"failed\":%zu,\"requests\":%zu}\n",
                tally.passed, tally.failed, tally.requests);
    fprintf(cli->out, "%zu passed, %zu failed\n", tally.passed, tally.failed);
    return tally.failed > 0;
}
