/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long does this engine take for each request of some worlds?
 *
 *     bench_cedar_files DIR...
 *
 * The counterpart of native/src/main.rs, over the same files: everything is
 * read, compiled and built before; what is timed is weir_cedar_decide()
 * alone, each request by itself, after one pass that is not timed. A line of
 * JSON for each DIR: times in nanoseconds with all reasons and errors
 * ("times") and of the decision alone ("quick"), and the decisions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/cedar_json.h>
#include <weir/cedar_program.h>
#include <weir/cedar_schema.h>

#define BYTES_MAX ((size_t)4 << 30)

struct world {
    struct weir_arena arena;
    const struct weir_cedar_schema *schema;
    struct weir_cedar_policies *policies;
    struct weir_cedar_store *store;
    struct weir_buf blob;
    struct weir_cedar_program program;
    void *scratch;
    struct weir_cedar_request *requests;
    size_t count;
    size_t capacity;
    struct weir_cedar_answer answer;
};

static void
die(const char *folder, const char *file, const struct weir_error *err)
{
    fprintf(stderr, "bench_cedar_files: %s/%s: %s\n", folder, file, err->text);
    exit(1);
}

/* NULL: no such file. The arena keeps it. */
static bool
read_file(struct weir_arena *arena, const char *folder, const char *name,
          weir_span *text_out)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    char *bytes = weir_arena_alloc(arena, size + 1);
    rewind(file);
    bool is_read = bytes != NULL && fread(bytes, 1, size, file) == size;
    fclose(file);
    *text_out = (weir_span){bytes, size};
    return is_read;
}

static void
read_schema(struct world *world, const char *folder)
{
    struct weir_error err = {.text = "cannot be read"};
    weir_span text;
    enum weir_cedar_form form = WEIR_CEDAR_TEXT;
    if (!read_file(&world->arena, folder, "schema.cedarschema", &text)) {
        form = WEIR_CEDAR_JSON;
        if (!read_file(&world->arena, folder, "schema.cedarschema.json", &text))
            die(folder, "schema.cedarschema", &err);
    }
    if (weir_cedar_schema_parse(&world->arena, text, form, &world->schema,
                                &err) != WEIR_OK)
        die(folder, "schema", &err);
}

static void
compile(struct world *world, const char *folder)
{
    struct weir_error err = {.text = "cannot be read"};
    weir_span policies, entities;
    if (!read_file(&world->arena, folder, "policies.cedar", &policies) ||
        weir_cedar_policies_add_text(world->policies, policies,
                                     weir_span_of("policies.cedar"),
                                     &err) != WEIR_OK)
        die(folder, "policies.cedar", &err);
    if (!read_file(&world->arena, folder, "entities.json", &entities) ||
        weir_cedar_entities_read(world->store, world->schema, entities, &err) !=
            WEIR_OK ||
        weir_cedar_store_seal(world->store, &err) != WEIR_OK)
        die(folder, "entities.json", &err);
    if (weir_cedar_compile(world->policies, world->store, NULL, &world->blob,
                           &err) != WEIR_OK ||
        weir_cedar_program_open(weir_buf_span(&world->blob), &world->program,
                                &err) != WEIR_OK)
        die(folder, "program", &err);
}

/* Arguments are made before, as the reference makes its Request. */
static void
add_request(struct world *world, const char *folder, weir_span line)
{
    struct weir_cedar_query *query =
        weir_arena_alloc(&world->arena, sizeof(*query));
    struct weir_error err = {.text = "out of memory"};
    if (query == NULL || weir_cedar_request_read(&world->arena, world->schema,
                                                 line, query, &err) != WEIR_OK)
        die(folder, "requests.jsonl", &err);
    struct weir_cedar_binding *context =
        weir_arena_array(&world->arena, struct weir_cedar_binding,
                         (size_t)query->context.count + 1);
    uint32_t count = 0;
    for (uint32_t i = 0; i < query->context.count; i++) {
        const struct weir_cedar_field *field = &query->context.fields[i];
        struct weir_cedar_binding *slot = &context[count];
        slot->attribute =
            weir_cedar_program_attribute(&world->program, field->key);
        if (slot->attribute == WEIR_CEDAR_NONE)
            continue; /* no policy reads it */
        if (!weir_cedar_arg_from_value(&world->program, &field->value,
                                       &world->arena, &slot->value))
            die(folder, "requests.jsonl", &err);
        count++;
    }
    if (world->count == world->capacity) {
        world->capacity = world->capacity == 0 ? 1024 : 2 * world->capacity;
        world->requests = realloc(world->requests,
                                  world->capacity * sizeof(*world->requests));
        if (world->requests == NULL)
            die(folder, "requests.jsonl", &err);
    }
    world->requests[world->count++] = (struct weir_cedar_request){
        .principal = weir_cedar_arg_uid(&world->program, &query->principal),
        .action = weir_cedar_arg_uid(&world->program, &query->action),
        .resource = weir_cedar_arg_uid(&world->program, &query->resource),
        .context = context,
        .context_count = count,
    };
}

static void
read_requests(struct world *world, const char *folder)
{
    struct weir_error err = {.text = "cannot be read"};
    weir_span text;
    if (!read_file(&world->arena, folder, "requests.jsonl", &text))
        die(folder, "requests.jsonl", &err);
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end == NULL ? text.len : (size_t)(end - text.ptr);
        if (len > 0)
            add_request(world, folder, (weir_span){text.ptr, len});
        len += end != NULL;
        text = (weir_span){text.ptr + len, text.len - len};
    }
}

/* --------------------------------------------------------------- timing */

static uint64_t
nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t
empty_ns(void)
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 100000; i++) {
        uint64_t start = nanoseconds(), took = nanoseconds() - start;
        least = took < least ? took : least;
    }
    return least;
}

static void
print_times(struct world *world, const char *name, enum weir_cedar_mode mode,
            uint64_t empty)
{
    printf("\"%s\":[", name);
    for (size_t i = 0; i < world->count; i++) {
        uint64_t start = nanoseconds();
        weir_cedar_decide(&world->program, &world->requests[i], mode,
                          world->scratch, &world->answer);
        uint64_t took = nanoseconds() - start;
        printf("%s%llu", i == 0 ? "" : ",",
               (unsigned long long)(took > empty ? took - empty : 0));
    }
    printf("],");
}

static void
run(const char *folder, uint64_t empty)
{
    struct world world = {.policies = weir_cedar_policies_new(),
                          .store = weir_cedar_store_new()};
    struct weir_error err = {.text = "out of memory"};
    size_t size;
    weir_arena_init_heap(&world.arena, BYTES_MAX);
    weir_buf_init(&world.blob, BYTES_MAX);
    read_schema(&world, folder);
    compile(&world, folder);
    read_requests(&world, folder);
    size = weir_cedar_policies_count(world.policies) + 1;
    world.answer.satisfied = weir_arena_array(&world.arena, uint32_t, size);
    world.answer.satisfied_max = (uint32_t)size;
    world.answer.failed =
        weir_arena_array(&world.arena, struct weir_cedar_failure, size);
    world.answer.failed_max = (uint32_t)size;
    world.scratch = weir_arena_alloc(
        &world.arena, weir_cedar_program_scratch_size(&world.program) + 16);
    if (world.arena.overflow)
        die(folder, "", &err);
    printf("{\"decisions\":\"");
    for (size_t i = 0; i < world.count; i++) {
        weir_cedar_decide(&world.program, &world.requests[i], WEIR_CEDAR_FULL,
                          world.scratch, &world.answer);
        putchar(world.answer.outcome == WEIR_CEDAR_ALLOW ? 'a' : 'd');
    }
    printf("\",");
    print_times(&world, "times", WEIR_CEDAR_FULL, empty);
    print_times(&world, "quick", WEIR_CEDAR_DECISION, empty);
    printf("\"program_bytes\":%zu}\n", world.blob.len);
    free(world.requests);
    weir_buf_fini(&world.blob);
    weir_cedar_policies_free(world.policies);
    weir_cedar_store_free(world.store);
    weir_arena_fini(&world.arena);
}

int
main(int argc, char **argv)
{
    uint64_t empty = empty_ns();
    for (int i = 1; i < argc; i++)
        run(argv[i], empty);
    return argc > 1 ? 0 : 2;
}
