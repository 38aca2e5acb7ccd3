/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long does a decision take, as policies and organisations grow?
 *
 * A world on weir's own schema (organisations in ownership rules and lists,
 * tenants, projects, keys; providers, families, models, deployments), and
 * policies in the layers that a seller has: law, providers, seller, tenants.
 * Keys and deployments of a decision are drawn at random, so that caches see
 * what a gateway sees. Each decision is timed alone by the time stamp
 * counter; what an empty timing costs is taken off.
 *
 *     bench_cedar [organisations [keys]]
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/cedar_program.h>

#define DECISIONS   200000
#define RULES       60
#define LISTS       20
#define PLACES      250
#define BLOCS       12
#define PROVIDERS   20
#define FAMILIES    60
#define MODELS      200
#define REGIONS     40
#define DEPLOYMENTS 400

static uint64_t dice_state = UINT64_C(0x2545F4914F6CDD1D);

static uint32_t
roll(uint32_t sides)
{
    dice_state ^= dice_state << 13;
    dice_state ^= dice_state >> 7;
    dice_state ^= dice_state << 17;
    return (uint32_t)(dice_state >> 16) % sides;
}

static double
seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void
die(const char *what, const struct weir_error *err)
{
    fprintf(stderr, "bench_cedar: %s: %s\n", what, err->text);
    exit(1);
}

/* ---------------------------------------------------------------- world */

static struct weir_cedar_uid
uid(struct weir_arena *arena, const char *type, uint32_t number)
{
    char text[48];
    int len = snprintf(text, sizeof(text), "%c%c-%07u", type[0] | 0x20, type[1],
                       number);
    return (struct weir_cedar_uid){
        weir_span_of(type),
        weir_arena_copy(arena, (weir_span){text, (size_t)len})};
}

static void
set_entity(struct weir_cedar_field *field, const char *key,
           struct weir_cedar_uid *value)
{
    field->key = weir_span_of(key);
    memset(&field->value, 0, sizeof(field->value));
    field->value.kind = WEIR_CEDAR_ENTITY;
    field->value.uid = value;
}

static void
set_string(struct weir_cedar_field *field, const char *key, const char *value)
{
    field->key = weir_span_of(key);
    memset(&field->value, 0, sizeof(field->value));
    field->value.kind = WEIR_CEDAR_STRING;
    field->value.string = weir_span_of(value);
}

static void
set_number(struct weir_cedar_field *field, const char *key,
           enum weir_cedar_kind kind, int64_t value)
{
    field->key = weir_span_of(key);
    memset(&field->value, 0, sizeof(field->value));
    field->value.kind = (uint8_t)kind;
    if (kind == WEIR_CEDAR_BOOL)
        field->value.boolean = value != 0;
    else
        field->value.number = value;
}

static void
add(struct weir_cedar_store *store, struct weir_cedar_uid name,
    const struct weir_cedar_field *fields, size_t field_count,
    const struct weir_cedar_uid *parents, size_t parent_count)
{
    struct weir_error err;
    struct weir_cedar_entity entity = {.uid = name,
                                       .attributes = fields,
                                       .attribute_count = field_count,
                                       .parents = parents,
                                       .parent_count = parent_count};
    if (weir_cedar_store_add(store, &entity, &err) != WEIR_OK)
        die("store", &err);
}

static void
add_organisation(struct weir_cedar_store *store, struct weir_arena *arena,
                 uint32_t number)
{
    static const char *const categories[] = {"company", "university", "public",
                                             "hospital"};
    struct weir_cedar_field fields[5];
    struct weir_cedar_uid parents[8];
    struct weir_cedar_uid places[2] = {
        uid(arena, "Jurisdiction", roll(PLACES)),
        uid(arena, "Jurisdiction", roll(PLACES))};
    size_t count = 0;
    set_string(&fields[0], "category", categories[roll(4)]);
    set_number(&fields[1], "established", WEIR_CEDAR_BOOL, roll(2));
    set_entity(&fields[2], "headquarters", &places[0]);
    set_entity(&fields[3], "incorporated", &places[1]);
    set_number(&fields[4], "verified_until", WEIR_CEDAR_DATETIME,
               INT64_C(1800000000000) + roll(1000000));
    for (uint32_t i = roll(5); i > 0; i--)
        parents[count++] = uid(arena, "OwnershipRule", roll(RULES));
    for (uint32_t i = roll(2); i > 0; i--)
        parents[count++] = uid(arena, "ScreeningList", roll(LISTS));
    add(store, uid(arena, "Organization", number), fields, 5, parents, count);
}

static void
add_callers(struct weir_cedar_store *store, struct weir_arena *arena,
            uint32_t organisations, uint32_t keys)
{
    for (uint32_t i = 0; i < organisations; i++)
        add_organisation(store, arena, i);
    for (uint32_t i = 0; i < keys; i++) {
        struct weir_cedar_field fields[3];
        struct weir_cedar_uid owner =
            uid(arena, "Organization", roll(organisations));
        struct weir_cedar_uid tenant = uid(arena, "Tenant", i / 2);
        struct weir_cedar_uid project = uid(arena, "Project", i);
        struct weir_cedar_uid staff = uid(arena, "Jurisdiction", roll(PLACES));
        struct weir_cedar_uid *users =
            weir_arena_array(arena, struct weir_cedar_uid, 2);
        weir_cedar_value places[2];
        for (int j = 0; j < 2; j++) {
            users[j] = uid(arena, "Jurisdiction", roll(PLACES));
            places[j] = (weir_cedar_value){.kind = WEIR_CEDAR_ENTITY};
            places[j].uid = &users[j];
        }
        fields[0].key = WEIR_SPAN("end_users");
        fields[0].value = weir_cedar_value_set(places, 2);
        set_string(&fields[1], "purpose", roll(2) ? "research" : "product");
        set_entity(&fields[2], "staff", &staff);
        if (i % 2 == 0)
            add(store, tenant, NULL, 0, &owner, 1);
        add(store, project, NULL, 0, &tenant, 1);
        add(store, uid(arena, "Key", i), fields, 3, &project, 1);
    }
}

static void
add_catalogue(struct weir_cedar_store *store, struct weir_arena *arena)
{
    static const char *const actions[] = {"chat", "embed", "image"};
    struct weir_cedar_uid infer = {WEIR_SPAN("Action"), WEIR_SPAN("infer")};
    for (uint32_t i = 0; i < PLACES; i++) {
        struct weir_cedar_uid bloc = uid(arena, "Bloc", i % BLOCS);
        add(store, uid(arena, "Jurisdiction", i), NULL, 0, &bloc, 1);
    }
    for (uint32_t i = 0; i < MODELS; i++) {
        struct weir_cedar_field fields[3];
        struct weir_cedar_uid family = uid(arena, "Family", i % FAMILIES);
        struct weir_cedar_uid provider =
            uid(arena, "Provider", i % FAMILIES % PROVIDERS);
        struct weir_cedar_uid origin = uid(arena, "Jurisdiction", i % 7);
        if (i < FAMILIES)
            add(store, family, NULL, 0, &provider, 1);
        set_entity(&fields[0], "origin", &origin);
        set_string(&fields[1], "tier", i % 3 ? "standard" : "frontier");
        set_string(&fields[2], "weights", i % 2 ? "open" : "closed");
        add(store, uid(arena, "Model", i), fields, 3, &family, 1);
    }
    for (uint32_t i = 0; i < REGIONS; i++) {
        struct weir_cedar_uid place = uid(arena, "Jurisdiction", i);
        add(store, uid(arena, "Region", i), NULL, 0, &place, 1);
    }
    for (uint32_t i = 0; i < DEPLOYMENTS; i++) {
        struct weir_cedar_field fields[2];
        struct weir_cedar_uid parents[2] = {
            uid(arena, "Model", i % MODELS),
            uid(arena, "Region", roll(REGIONS))};
        struct weir_cedar_uid stored = uid(arena, "Jurisdiction", roll(PLACES));
        set_string(&fields[0], "cloud", i % 2 ? "a" : "b");
        set_entity(&fields[1], "stored_in", &stored);
        add(store, uid(arena, "Deployment", i), fields, 2, parents, 2);
    }
    for (size_t i = 0; i < WEIR_COUNTOF(actions); i++)
        add(store,
            (struct weir_cedar_uid){WEIR_SPAN("Action"),
                                    weir_span_of(actions[i])},
            NULL, 0, &infer, 1);
}

/* -------------------------------------------------------------- policies */

static void
add_policy(struct weir_buf *text, uint32_t number, uint32_t keys)
{
    uint32_t layer = number % 20;
    if (number == 0)
        weir_buf_addf(text, "permit(principal, action in Action::\"infer\", "
                            "resource);\n");
    else if (layer < 2) /* law */
        weir_buf_addf(text,
                      "forbid(principal in OwnershipRule::\"ow-%07u\", "
                      "action, resource in Provider::\"pr-%07u\") when { "
                      "resource.stored_in in Bloc::\"bl-%07u\" || "
                      "principal.staff in Bloc::\"bl-%07u\" };\n",
                      roll(RULES), roll(PROVIDERS), roll(BLOCS), roll(BLOCS));
    else if (layer < 8) /* providers */
        weir_buf_addf(text,
                      "forbid(principal in %s, action in "
                      "[Action::\"chat\", Action::\"embed\"], resource in "
                      "Family::\"fa-%07u\") unless { "
                      "principal.end_users.contains("
                      "context.client_country) || context.client.isInRange("
                      "ip(\"10.%u.0.0/16\")) };\n",
                      roll(2) ? "OwnershipRule::\"ow-0000007\""
                              : "ScreeningList::\"sc-0000003\"",
                      roll(FAMILIES), roll(256));
    else if (layer < 10) /* seller */
        weir_buf_addf(text,
                      "permit(principal, action, resource in "
                      "Model::\"mo-%07u\") when { principal.purpose == "
                      "\"research\" && context.now > datetime(\"2026-01-"
                      "01\") && context has client_country };\n",
                      roll(MODELS));
    else /* tenants */
        weir_buf_addf(text,
                      "forbid(principal in Tenant::\"te-%07u\", action, "
                      "resource in Family::\"fa-%07u\") when { "
                      "principal.staff in Jurisdiction::\"ju-%07u\" };\n",
                      roll(keys / 2), roll(FAMILIES), roll(PLACES));
}

static struct weir_cedar_policies *
make_policies(uint32_t count, uint32_t keys)
{
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    struct weir_buf text;
    struct weir_error err;
    weir_buf_init(&text, (size_t)1 << 30);
    for (uint32_t i = 0; i < count; i++)
        add_policy(&text, i, keys);
    if (weir_cedar_policies_add_text(set, weir_buf_span(&text),
                                     WEIR_SPAN("bench.cedar"), &err) != WEIR_OK)
        die("policies", &err);
    weir_buf_fini(&text);
    return set;
}

/* ---------------------------------------------------------------- timing */

static int
by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint64_t
ticks(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
#endif
}

static double ns_per_tick;
static uint32_t empty_ticks;

static void
calibrate(void)
{
    uint32_t least = UINT32_MAX;
    double start = seconds();
    uint64_t first = ticks();
    while (seconds() - start < 0.2)
        continue;
    ns_per_tick = (seconds() - start) * 1e9 / (double)(ticks() - first);
    for (int i = 0; i < 100000; i++) {
        uint64_t before = ticks();
        uint32_t spent = (uint32_t)(ticks() - before);
        least = spent < least ? spent : least;
    }
    empty_ticks = least;
}

struct result {
    double p50;
    double p99;
    double tried;
    double allowed;
};

static struct result
measure(const struct weir_cedar_program *program, enum weir_cedar_mode mode,
        uint32_t keys)
{
    static uint32_t spent[DECISIONS];
    struct weir_arena arena;
    struct weir_cedar_ip client = {{10, 7, 1, 2}};
    struct weir_cedar_binding context[3] = {
        {weir_cedar_program_attribute(program, WEIR_SPAN("client")),
         weir_cedar_arg_ip(&client, false, 32)},
        {weir_cedar_program_attribute(program, WEIR_SPAN("client_country")),
         weir_cedar_arg_bool(false)},
        {weir_cedar_program_attribute(program, WEIR_SPAN("now")),
         weir_cedar_arg_datetime(INT64_C(1795000000000))}};
    struct weir_cedar_uid chat = {WEIR_SPAN("Action"), WEIR_SPAN("chat")};
    uint32_t satisfied[64];
    struct weir_cedar_failure failed[8];
    struct weir_cedar_answer answer = {satisfied, 64, failed, 8};
    struct weir_cedar_request request = {.context = context,
                                         .context_count = 3};
    struct result result = {0};
    void *scratch = NULL;
    uint32_t *handles[3];
    const char *const types[3] = {"Key", "Deployment", "Jurisdiction"};
    const uint32_t counts[3] = {keys, DEPLOYMENTS, PLACES};
    weir_arena_init_heap(&arena, (size_t)1 << 32);
    for (int t = 0; t < 3; t++) {
        handles[t] = weir_arena_array(&arena, uint32_t, counts[t]);
        for (uint32_t i = 0; i < counts[t]; i++) {
            struct weir_cedar_uid name = uid(&arena, types[t], i);
            handles[t][i] = weir_cedar_program_entity(program, &name);
        }
    }
    if (posix_memalign(&scratch, 16,
                       weir_cedar_program_scratch_size(program) + 16) != 0)
        exit(1);
    request.action = weir_cedar_arg_uid(program, &chat);
    for (uint32_t i = 0; i < DECISIONS; i++) {
        request.principal = weir_cedar_arg_entity(handles[0][roll(keys)]);
        request.resource = weir_cedar_arg_entity(handles[1][roll(DEPLOYMENTS)]);
        context[1].value = weir_cedar_arg_entity(handles[2][roll(PLACES)]);
        uint64_t before = ticks();
        weir_cedar_decide(program, &request, mode, scratch, &answer);
        uint32_t took = (uint32_t)(ticks() - before);
        spent[i] = took > empty_ticks ? took - empty_ticks : 0;
        result.tried += answer.tried_count;
        result.allowed += answer.outcome == WEIR_CEDAR_ALLOW;
    }
    qsort(spent, DECISIONS, sizeof(*spent), by_number);
    result.p50 = spent[DECISIONS / 2] * ns_per_tick;
    result.p99 = spent[DECISIONS / 100 * 99] * ns_per_tick;
    result.tried /= DECISIONS;
    result.allowed /= DECISIONS;
    free(scratch);
    weir_arena_fini(&arena);
    return result;
}

static struct weir_cedar_store *
make_store(uint32_t organisations, uint32_t keys, double *took_out)
{
    struct weir_cedar_store *store = weir_cedar_store_new();
    struct weir_arena arena;
    struct weir_error err;
    double start = seconds();
    weir_arena_init_heap(&arena, (size_t)1 << 34);
    add_catalogue(store, &arena);
    add_callers(store, &arena, organisations, keys);
    if (weir_cedar_store_seal(store, &err) != WEIR_OK)
        die("seal", &err);
    *took_out = seconds() - start;
    weir_arena_fini(&arena);
    return store;
}

static double
compile(const struct weir_cedar_policies *set,
        const struct weir_cedar_store *store, struct weir_buf *blob,
        struct weir_cedar_program *program, double *open_out)
{
    struct weir_error err;
    double start = seconds();
    if (weir_cedar_compile(set, store, NULL, blob, &err) != WEIR_OK)
        die("compile", &err);
    double took = seconds() - start;
    start = seconds();
    if (weir_cedar_program_open(weir_buf_span(blob), program, &err) != WEIR_OK)
        die("open", &err);
    *open_out = seconds() - start;
    return took;
}

static void
row(const struct weir_cedar_store *store, uint32_t policies, uint32_t keys)
{
    struct weir_cedar_policies *set = make_policies(policies, keys);
    struct weir_cedar_program program;
    struct weir_buf blob;
    double opened;
    weir_buf_init(&blob, (size_t)1 << 32);
    double took = compile(set, store, &blob, &program, &opened);
    (void)measure(&program, WEIR_CEDAR_FULL, keys);
    struct mallinfo2 before = mallinfo2();
    struct result full = measure(&program, WEIR_CEDAR_FULL, keys);
    struct result quick = measure(&program, WEIR_CEDAR_DECISION, keys);
    struct mallinfo2 after = mallinfo2();
    printf("%8u %7.1f %8.0f %8.0f %8.0f %8.0f %7.0f%% %8.1f %8.3f %8.3f%s\n",
           policies, full.tried, full.p50, full.p99, quick.p50, quick.p99,
           full.allowed * 100, (double)blob.len / 1e6, took, opened,
           before.uordblks == after.uordblks ? "" : "  (memory grew)");
    weir_buf_fini(&blob);
    weir_cedar_policies_free(set);
}

int
main(int argc, char **argv)
{
    static const uint32_t counts[] = {10, 100, 1000, 10000};
    uint32_t organisations = argc > 1 ? (uint32_t)atoi(argv[1]) : 100000;
    uint32_t keys = argc > 2 ? (uint32_t)atoi(argv[2]) : 10000;
    double took;
    calibrate();
    struct weir_cedar_store *store = make_store(organisations, keys, &took);
    printf("%u organisations, %u keys, %zu entities; store built in %.3f s\n",
           organisations, keys, weir_cedar_store_count(store), took);
    printf("times of a decision in ns; every one of %d alone\n", DECISIONS);
    printf("%8s %7s %8s %8s %8s %8s %8s %8s %8s %8s\n", "policies", "tried",
           "full p50", "p99", "fast p50", "p99", "allowed", "MB", "compile",
           "open s");
    for (size_t i = 0; i < WEIR_COUNTOF(counts); i++)
        row(store, counts[i], keys);
    weir_cedar_store_free(store);
    return 0;
}
