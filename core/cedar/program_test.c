/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled program against the tree evaluator on the conformance sample,
 * and with what the language does not know (windows, holds, shadows). Then
 * blocks that are damaged. Random policies: program_random_test.c.
 */
#include "cedar_fixture.h"

#include <dirent.h>
#include <unistd.h>

#include <weir/cedar_json.h>
#include <weir/json.h>

/* ------------------------------------------------------ conformance sample */

struct sample {
    char folder[4096];
    size_t cases;
    size_t requests;
    size_t bad;
};

static weir_span
read_text(const struct sample *sample, weir_span path)
{
    char name[8192];
    size_t len;
    snprintf(name, sizeof(name), "%s/%.*s", sample->folder,
             WEIR_SPAN_ARG(path));
    char *text = weir_test_read(name, &len);
    return (weir_span){text, len};
}

/* Ids as a JSON array against policy indexes. */
static bool
same_ids(const struct weir_cedar_policies *set, weir_span raw,
         const struct weir_cedar_response *response, bool is_reasons)
{
    struct weir_json_reader reader;
    struct weir_arena arena;
    size_t count = is_reasons ? response->reason_count : response->error_count;
    size_t found = 0;
    size_t named = 0;
    weir_span id;
    weir_arena_init_heap(&arena, 1 << 20);
    weir_json_reader_init(&reader, raw, &arena);
    assert_true(weir_json_array(&reader));
    while (weir_json_element(&reader)) {
        assert_true(weir_json_string(&reader, &id));
        named++;
        for (size_t i = 0; i < count; i++)
            found += weir_span_equal(
                id, weir_cedar_policy_info(
                        weir_cedar_policies_at(
                            set, is_reasons ? response->reasons[i]
                                            : response->errors[i].policy))
                        .id);
    }
    assert_ok(weir_json_reader_end(&reader, NULL));
    weir_arena_fini(&arena);
    return found == count && named == count;
}

static void
run_request(struct sample *sample, const struct weir_cedar_policies *set,
            const struct weir_cedar_store *store,
            const struct weir_cedar_schema *schema, struct fixture_program *p,
            weir_span raw, const char *name)
{
    static const weir_json_path paths[] = {WEIR_JSON_PATH1("decision"),
                                           WEIR_JSON_PATH1("reason"),
                                           WEIR_JSON_PATH1("errors")};
    weir_json_hit hits[3];
    struct weir_json_root root;
    struct weir_arena arena;
    struct weir_cedar_query query;
    struct weir_cedar_response response;
    struct weir_error err = {0};
    weir_arena_init_heap(&arena, 1 << 26);
    assert_ok(weir_json_scan(raw, paths, 3, 0, &root, hits, NULL));
    if (weir_cedar_request_read(&arena, schema, raw, &query, &err) != WEIR_OK)
        fail_msg("%s: request: %s", name, err.text);
    sample->requests++;
    bool is_good =
        agree(set, store, &query, p, &response, &arena, name) &&
        response.is_allowed == weir_span_equal(hits[0].raw, S("\"allow\"")) &&
        same_ids(set, hits[1].raw, &response, true) &&
        same_ids(set, hits[2].raw, &response, false);
    if (!is_good) {
        fprintf(stderr, "%s: request %zu differs\n", name, sample->requests);
        sample->bad++;
    }
    weir_arena_fini(&arena);
}

static void
run_case(struct sample *sample, weir_span text, const char *name)
{
    static const weir_json_path paths[] = {
        WEIR_JSON_PATH1("policies"), WEIR_JSON_PATH1("schema"),
        WEIR_JSON_PATH1("entities"), WEIR_JSON_PATH1("requests")};
    weir_json_hit hits[4];
    struct weir_json_root root;
    weir_span texts[3];
    struct weir_arena arena;
    const struct weir_cedar_schema *schema;
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    struct weir_cedar_store *store = weir_cedar_store_new();
    struct fixture_program program;
    struct weir_json_reader reader;
    weir_span raw;
    weir_arena_init_heap(&arena, 1 << 28);
    assert_ok(weir_json_scan(text, paths, 4, 0, &root, hits, NULL));
    for (int i = 0; i < 3; i++)
        texts[i] = read_text(
            sample, (weir_span){hits[i].raw.ptr + 1, hits[i].raw.len - 2});
    assert_ok(weir_cedar_policies_add_text(set, texts[0], S("p"), NULL));
    assert_ok(weir_cedar_schema_parse(&arena, texts[1], WEIR_CEDAR_TEXT,
                                      &schema, NULL));
    assert_ok(weir_cedar_entities_read(store, schema, texts[2], NULL));
    assert_ok(weir_cedar_store_seal(store, NULL));
    program_make(&program, set, store, NULL);
    weir_json_reader_init(&reader, hits[3].raw, &arena);
    assert_true(weir_json_array(&reader));
    while (weir_json_element(&reader)) {
        assert_true(weir_json_raw(&reader, &raw));
        run_request(sample, set, store, schema, &program, raw, name);
    }
    sample->cases++;
    program_free(&program);
    weir_cedar_store_free(store);
    weir_cedar_policies_free(set);
    weir_arena_fini(&arena);
    for (int i = 0; i < 3; i++)
        free((char *)(uintptr_t)texts[i].ptr);
}

static void
run_folder(struct sample *sample, const char *folder)
{
    char path[8192];
    struct dirent *entry;
    snprintf(path, sizeof(path), "%s/%s", sample->folder, folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        weir_span name = weir_span_of(entry->d_name);
        size_t len;
        if (!weir_span_ends(name, S(".json")) ||
            weir_span_ends(name, S(".entities.json")))
            continue;
        snprintf(path, sizeof(path), "%s/%s/%s", sample->folder, folder,
                 entry->d_name);
        char *text = weir_test_read(path, &len);
        run_case(sample, (weir_span){text, len}, entry->d_name);
        free(text);
    }
    closedir(dir);
}

TEST(cedar_program, decides_the_conformance_sample_as_it_is_written)
{
    struct sample sample = {.cases = 0};
    char command[8192];
    const char *data = weir_test_data();
    if (data == NULL) {
        print_message("no test data: the conformance sample is skipped\n");
        skip();
        return;
    }
    snprintf(sample.folder, sizeof(sample.folder), "/tmp/weir-cedar-XXXXXX");
    assert_non_null(mkdtemp(sample.folder));
    snprintf(command, sizeof(command),
             "tar -xzf '%s/cedar-sample/corpus-sample.tar.gz' -C '%s'", data,
             sample.folder);
    assert_int_equal(system(command), 0);
    run_folder(&sample, "corpus-tests");
    snprintf(command, sizeof(command), "rm -r '%s'", sample.folder);
    assert_int_equal(system(command), 0);
    snprintf(sample.folder, sizeof(sample.folder),
             "%s/cedar-sample/handwritten", data);
    static const char *const folders[] = {
        "tests/decimal", "tests/ip", "tests/multi", "tests/example_use_cases"};
    for (size_t i = 0; i < WEIR_COUNTOF(folders); i++)
        run_folder(&sample, folders[i]);
    print_message("%zu cases, %zu requests\n", sample.cases, sample.requests);
    assert_true(sample.cases >= 781);
    assert_int_equal(sample.bad, 0);
}

/* ------------------------------------------------- rules, order, positions */

TEST(cedar_program, windows_holds_and_shadows_are_kept)
{
    struct weir_cedar_store *store = fixture_store();
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    struct weir_cedar_uid who = UID("Stranger", "s");
    struct weir_cedar_field fields[4];
    struct weir_cedar_query query = fixture_query(fields, &who);
    struct fixture_program p;
    struct weir_arena arena;
    uint32_t satisfied[8];
    const struct weir_cedar_rule rules[] = {
        {0, WEIR_TIME_MIN, WEIR_TIME_MAX},
        {WEIR_CEDAR_HOLD | 0x100, 100, 200},
        {0, 150, 160},
        {WEIR_CEDAR_SHADOW, WEIR_TIME_MIN, WEIR_TIME_MAX},
    };
    static const struct {
        weir_time now;
        enum weir_cedar_outcome outcome;
        uint32_t count;
    } steps[] = {
        {99, WEIR_CEDAR_ALLOW, 2},  {100, WEIR_CEDAR_HELD, 3},
        {149, WEIR_CEDAR_HELD, 3},  {150, WEIR_CEDAR_DENY, 4},
        {159, WEIR_CEDAR_DENY, 4},  {160, WEIR_CEDAR_HELD, 3},
        {200, WEIR_CEDAR_ALLOW, 2},
    };
    weir_arena_init_heap(&arena, 1 << 20);
    assert_ok(weir_cedar_policies_add_text(
        set,
        S("@id(\"a\") @title(\"t\") permit(principal, action, resource);\n"
          "forbid(principal, action, resource);\n\n"
          "forbid(principal, action, resource);\n"
          "forbid(principal, action, resource);"),
        S("f.cedar"), NULL));
    program_make(&p, set, store, rules);
    struct weir_cedar_request request = request_of(&p, &query, &arena);
    for (size_t i = 0; i < WEIR_COUNTOF(steps); i++) {
        struct weir_cedar_answer full = {satisfied, 8, NULL, 0};
        struct weir_cedar_answer quick = {0};
        request.now = steps[i].now;
        weir_cedar_decide(&p.program, &request, WEIR_CEDAR_FULL, p.scratch,
                          &full);
        weir_cedar_decide(&p.program, &request, WEIR_CEDAR_DECISION, p.scratch,
                          &quick);
        assert_int_equal(full.outcome, steps[i].outcome);
        assert_int_equal(quick.outcome, steps[i].outcome);
        assert_int_equal(full.satisfied_count, steps[i].count);
        for (uint32_t j = 1; j < full.satisfied_count; j++)
            assert_true(satisfied[j - 1] < satisfied[j]);
    }
    struct weir_cedar_program_policy policy =
        weir_cedar_program_policy(&p.program, 2);
    weir_span title;
    assert_span(policy.id, "policy2");
    assert_span(policy.file, "f.cedar");
    assert_int_equal(policy.line, 4);
    assert_int_equal(policy.from, 150);
    assert_int_equal(policy.effect, WEIR_CEDAR_FORBID);
    assert_int_equal(weir_cedar_program_policy(&p.program, 1).flags,
                     WEIR_CEDAR_HOLD | 0x100);
    assert_true(
        weir_cedar_program_annotation_find(&p.program, 0, S("title"), &title));
    assert_span(title, "t");
    assert_span(weir_cedar_program_annotation(&p.program, 0, 0).value, "a");
    assert_int_equal(weir_cedar_program_policy_find(&p.program, S("policy3")),
                     3);
    assert_int_equal(weir_cedar_program_policy_find(&p.program, S("none")),
                     WEIR_CEDAR_NONE);
    program_free(&p);
    weir_arena_fini(&arena);
    weir_cedar_policies_free(set);
    weir_cedar_store_free(store);
}

TEST(cedar_program, nothing_at_all_is_a_program_that_denies)
{
    struct weir_cedar_store *stores[2] = {weir_cedar_store_new(),
                                          fixture_store()};
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    struct weir_cedar_uid who = UID("Stranger", "s");
    struct weir_cedar_field fields[4];
    struct weir_cedar_query query = fixture_query(fields, &who);
    assert_ok(weir_cedar_store_seal(stores[0], NULL));
    for (int i = 0; i < 4; i++) {
        struct weir_cedar_response response;
        struct fixture_program p;
        struct weir_arena arena;
        weir_arena_init_heap(&arena, 1 << 20);
        program_make(&p, set, stores[i % 2], NULL);
        assert_true(agree(set, stores[i % 2], &query, &p, &response, &arena,
                          "nothing"));
        assert_false(response.is_allowed);
        program_free(&p);
        weir_arena_fini(&arena);
        if (i == 1)
            assert_ok(weir_cedar_policies_add_text(
                set, S("permit(principal == ?principal, action, resource);"),
                S("f"), NULL));
    }
    weir_cedar_policies_free(set);
    weir_cedar_store_free(stores[0]);
    weir_cedar_store_free(stores[1]);
}

TEST(cedar_program, a_list_that_does_not_fit_keeps_the_first)
{
    struct weir_cedar_store *store = fixture_store();
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    struct weir_cedar_uid who = UID("Stranger", "s");
    struct weir_cedar_field fields[4];
    struct weir_cedar_query query = fixture_query(fields, &who);
    struct fixture_program p;
    struct weir_arena arena;
    uint32_t satisfied[2];
    struct weir_cedar_failure failed[2];
    weir_arena_init_heap(&arena, 1 << 20);
    /* Buckets of the resource are looked at after those of the principal. */
    assert_ok(weir_cedar_policies_add_text(
        set,
        S("permit(principal, action, resource == Doc::\"plan\");"
          "permit(principal, action, resource) when { 1 };"
          "permit(principal == User::\"alice\", action, resource);"
          "permit(principal in Group::\"staff\", action, resource) when { 1 };"
          "permit(principal == User::\"alice\", action, resource) when { 2 };"
          "permit(principal in Group::\"all\", action, resource);"),
        S("f"), NULL));
    program_make(&p, set, store, NULL);
    struct weir_cedar_request request = request_of(&p, &query, &arena);
    struct weir_cedar_answer answer = {satisfied, 2, failed, 2};
    weir_cedar_decide(&p.program, &request, WEIR_CEDAR_FULL, p.scratch,
                      &answer);
    assert_int_equal(answer.satisfied_count, 3);
    assert_int_equal(satisfied[0], 0);
    assert_int_equal(satisfied[1], 2);
    assert_int_equal(answer.failed_count, 3);
    assert_int_equal(failed[0].policy, 1);
    assert_int_equal(failed[1].policy, 3);
    program_free(&p);
    weir_arena_fini(&arena);
    weir_cedar_policies_free(set);
    weir_cedar_store_free(store);
}

TEST(cedar_program, only_policies_whose_key_the_request_has_are_tried)
{
    struct weir_cedar_store *store = fixture_store();
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    struct weir_cedar_uid who = UID("Stranger", "s");
    struct weir_cedar_field fields[4];
    struct weir_cedar_query query = fixture_query(fields, &who);
    struct fixture_program p;
    struct weir_arena arena;
    weir_arena_init_heap(&arena, 1 << 20);
    for (int i = 0; i < 500; i++) {
        char text[400];
        snprintf(text, sizeof(text),
                 "permit(principal in Group::\"g%d\", action, resource);"
                 "forbid(principal, action, resource == Doc::\"d%d\");"
                 "forbid(principal, action, resource is T%d);"
                 "forbid(principal, action == Action::\"a%d\", resource);"
                 "forbid(principal, action, resource) when { resource in "
                 "[Folder::\"x%d\", Folder::\"y%d\"] && context.n == 5 };",
                 i, i, i, i, i, i);
        assert_ok(weir_cedar_policies_add_text(set, weir_span_of(text), S("f"),
                                               NULL));
    }
    assert_ok(weir_cedar_policies_add_text(
        set, S("permit(principal in Group::\"staff\", action, resource);"),
        S("f"), NULL));
    program_make(&p, set, store, NULL);
    struct weir_cedar_request request = request_of(&p, &query, &arena);
    struct weir_cedar_answer answer = {0};
    weir_cedar_decide(&p.program, &request, WEIR_CEDAR_FULL, p.scratch,
                      &answer);
    assert_int_equal(answer.outcome, WEIR_CEDAR_ALLOW);
    assert_int_equal(answer.tried_count, 1);
    program_free(&p);
    weir_arena_fini(&arena);
    weir_cedar_policies_free(set);
    weir_cedar_store_free(store);
}

/* ------------------------------------------------------------------ trace */

struct notes {
    const struct weir_cedar_program *program;
    struct weir_buf text;
};

static void
note_read(void *context, const struct weir_cedar_read *read)
{
    struct notes *notes = context;
    weir_buf_addf(&notes->text, "%d|%.*s|", (int)read->kind,
                  WEIR_SPAN_ARG(read->path));
    if (read->subject.kind == WEIR_CEDAR_ENTITY)
        weir_cedar_arg_write(&notes->text, notes->program, read->subject);
    weir_buf_addf(&notes->text, "|%.*s|%s|", WEIR_SPAN_ARG(read->name),
                  read->is_present ? "yes" : "no");
    if (read->kind == WEIR_CEDAR_READ_MEMBER || read->is_present)
        weir_cedar_arg_write(&notes->text, notes->program, read->value);
    weir_buf_add_byte(&notes->text, '\n');
}

TEST(cedar_program, trace_tells_each_fact_that_was_read)
{
    struct weir_cedar_store *store = fixture_store();
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    struct weir_cedar_uid who = UID("Stranger", "s");
    struct weir_cedar_field fields[4];
    struct weir_cedar_query query = fixture_query(fields, &who);
    struct fixture_program p;
    struct weir_arena arena;
    struct weir_cedar_failure failure;
    static const char expected[] =
        "2|action|Action::\"read\"||yes|Action::\"readers\"\n"
        "2|principal in Group::\"all\"|User::\"alice\"||yes|Group::\"all\"\n"
        "0|principal.manager|User::\"alice\"|manager|yes|User::\"bob\"\n"
        "2|principal.manager in Group::\"all\"|User::\"bob\"||yes|"
        "Group::\"all\"\n"
        "0|context.n||n|yes|5\n"
        "1|principal.getTag(\"size\")|User::\"alice\"|size|yes|9\n"
        "0|principal has home.deep|User::\"alice\"|home|yes|{\"\": "
        "\"empty\", \"deep\": 7}\n"
        "0|principal has home.deep||deep|yes|7\n"
        "0|principal.none|User::\"alice\"|none|no|\n";
    weir_arena_init_heap(&arena, 1 << 20);
    assert_ok(weir_cedar_policies_add_text(
        set,
        S("permit(principal in Group::\"all\", action in "
          "Action::\"readers\", resource) when { principal.manager in "
          "Group::\"all\" && context.n == 5 && principal.getTag(\"size\") == "
          "9 && principal has home.deep && principal.none == 1 };"),
        S("f"), NULL));
    program_make(&p, set, store, NULL);
    struct weir_cedar_request request = request_of(&p, &query, &arena);
    struct notes notes = {&p.program, {0}};
    weir_buf_init(&notes.text, 1 << 16);
    assert_int_equal(weir_cedar_trace(&p.program, &request, 0, p.scratch,
                                      note_read, &notes, &failure),
                     WEIR_CEDAR_FAILED);
    assert_int_equal(failure.fault, WEIR_CEDAR_FAULT_NO_ATTRIBUTE);
    if (notes.text.len != sizeof(expected) - 1 ||
        memcmp(notes.text.ptr, expected, notes.text.len) != 0)
        fail_msg("read:\n%.*s", (int)notes.text.len, notes.text.ptr);
    weir_buf_fini(&notes.text);
    program_free(&p);
    weir_arena_fini(&arena);
    weir_cedar_policies_free(set);
    weir_cedar_store_free(store);
}

/* ----------------------------------------------------------------- damage */

static void
use_program(const struct weir_cedar_program *program)
{
    struct weir_cedar_answer answer = {0};
    uint32_t count = weir_cedar_program_entity_count(program);
    size_t size = weir_cedar_program_scratch_size(program);
    void *scratch = NULL;
    if (count == 0 || size > (1 << 24))
        return;
    assert_int_equal(posix_memalign(&scratch, 16, size + 16), 0);
    for (uint32_t i = 0; i < 12; i++) {
        struct weir_cedar_request request = {
            .principal = weir_cedar_arg_entity(i % count),
            .action = weir_cedar_arg_entity(i * 5 % count),
            .resource = weir_cedar_arg_entity(i * 3 % count)};
        weir_cedar_decide(program, &request, WEIR_CEDAR_FULL, scratch, &answer);
    }
    free(scratch);
}

TEST(cedar_program, a_damaged_block_is_refused_or_harmless)
{
    struct weir_cedar_store *store = fixture_store();
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    struct fixture_program p;
    struct dice dice = {12345};
    struct weir_cedar_program program;
    size_t refused = 0;
    assert_ok(weir_cedar_policies_add_text(
        set,
        S("permit(principal in Group::\"all\", action in "
          "[Action::\"readers\", Action::\"write\"], resource is Doc) when { "
          "principal.manager in Group::\"all\" && context.n == 5 || "
          "principal has home.deep && [1, resource].contains(principal.n) || "
          "principal.name like \"a*b\" && ip(principal.name).isIpv4() || {a: "
          "resource}.a == {b: 1} };"
          "forbid(principal, action, resource) when { if "
          "principal.is_admin then principal.numbers.containsAll([1, 2]) "
          "else principal.home == {deep: 1} };"),
        S("f"), NULL));
    program_make(&p, set, store, NULL);
    size_t len = p.blob.len;
    char *copy = malloc(len);
    for (int i = 0; i < 60000; i++) {
        memcpy(copy, p.blob.ptr, len);
        for (uint32_t j = 1 + roll(&dice, 3); j > 0; j--) {
            size_t at = roll(&dice, (uint32_t)len);
            copy[at] = (char)(roll(&dice, 4) == 0 ? roll(&dice, 256)
                                                  : (uint32_t)copy[at] ^
                                                        (1u << roll(&dice, 8)));
        }
        if (weir_cedar_program_open((weir_span){copy, len}, &program, NULL) ==
            WEIR_OK)
            use_program(&program);
        else
            refused++;
    }
    assert_true(refused > 1000);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_not_equal(weir_cedar_program_open(
                                 (weir_span){p.blob.ptr, cut}, &program, NULL),
                             WEIR_OK);
    free(copy);
    program_free(&p);
    weir_cedar_policies_free(set);
    weir_cedar_store_free(store);
}
