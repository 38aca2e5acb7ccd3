/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long from sources to a live image, and what does a decision cost with
 * it?
 *
 *   bench_image [organisations [keys [policies]]]    100000 10000 1000
 *
 * The world is drawn from a fixed seed: each organisation has two owners
 * before it in the list (so that chains are long) and one in fifty a third
 * behind it (so that there are rings); a thousand tenants; two ownership
 * rules, one of each arithmetic; of the policies half belong to tenants, a
 * third to twenty providers, the rest to law and seller. Asked is a random
 * key about a random deployment. Least of the rounds for compiling, all
 * calls for deciding.
 *
 * Last accepted, release build on two cores of an AMD EPYC (KVM), beside a
 * busy neighbour: compile 523 ms, open 3.0 ms, 173 B per organisation;
 * deciding p50 190 ns, p99 651 ns, the clock's own 30 ns included.
 */
#include <weir/world.h>

#include <weir/crypto.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOW     INT64_C(1795000000000000)
#define TENANTS 1000
#define MAKERS  20
#define MODELS  200
#define ROUNDS  5
#define ASKED   2000000

static uint64_t state = 88172645463325252u;

static uint32_t
draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 20) % below);
}

static double
now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec * 1e-3;
}

static void
die(const struct weir_faults *faults, const char *what)
{
    struct weir_buf text;
    weir_buf_init(&text, 1 << 20);
    weir_faults_write(faults, &text);
    fprintf(stderr, "bench_image: %s\n%.*s", what, (int)text.len,
            text.len == 0 ? "" : text.ptr);
    exit(1);
}

static weir_span
name(struct weir_world *world, const char *prefix, uint32_t number)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%s%u", prefix, number);
    return weir_arena_copy(&world->arena, (weir_span){text, (size_t)len});
}

static const char *const places[] = {"NO", "DE", "SG", "US", "JP",
                                     "CN", "BR", "AQ", "FR", "IN"};

static weir_span
place(void)
{
    return weir_span_of(places[draw(WEIR_COUNTOF(places))]);
}

/* --------------------------------------------------------------- world */

static void
add_owner(struct weir_world *world, uint32_t row, uint32_t owner)
{
    struct weir_world_owner *o = weir_world_add_owner(world);
    uint32_t low = 100000 + draw(230000);
    o->name.text = name(world, "org-", owner);
    o->share = (weir_share){low, low + (draw(10) == 0 ? 50000 : 0)};
    world->organisation_rows[row].owners.count++;
}

static void
add_organisations(struct weir_world *world, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct weir_world_organisation *o = weir_world_add_organisation(world);
        o->name = name(world, "org-", i);
        o->headquarters.text = place();
        o->incorporated.text = place();
        o->category = WEIR_SPAN("multinational");
        o->is_established = draw(10) != 0;
        o->verified_until = NOW + WEIR_US_PER_DAY;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t wanted[3];
        uint32_t used = 0;
        if (i > 1) {
            wanted[used++] = i - 1 - draw(i < 50 ? i / 2 : 25);
            wanted[used++] = draw(i);
        }
        if (draw(50) == 0)
            wanted[used++] = i + draw(count - i);
        world->organisation_rows[i].owners.first = world->owner_count;
        for (uint32_t j = 0; j < used; j++) {
            bool is_new = true;
            for (uint32_t k = 0; k < j; k++)
                is_new = is_new && wanted[k] != wanted[j];
            if (is_new)
                add_owner(world, i, wanted[j]);
        }
    }
}

static void
add_rule(struct weir_world *world, const char *id,
         enum weir_ownership_method method)
{
    struct weir_world_rule *r = weir_world_add_rule(world);
    r->name = weir_span_of(id);
    r->method = method;
    r->threshold = (weir_share){500000, 500000};
    r->has_threshold = true;
    r->from = WEIR_TIME_MIN;
    r->until = WEIR_TIME_MAX;
    r->headquarters_in.first = world->name_count;
    r->headquarters_in.count = 1;
    weir_world_add_name(world)->text = WEIR_SPAN("polar");
}

static void
add_catalogue(struct weir_world *world)
{
    struct weir_world_bloc *bloc = weir_world_add_bloc(world);
    bloc->name = WEIR_SPAN("polar");
    bloc->members = (struct weir_world_range){world->name_count, 1};
    weir_world_add_name(world)->text = WEIR_SPAN("AQ");
    bloc = weir_world_add_bloc(world);
    bloc->name = WEIR_SPAN("hosting");
    bloc->members = (struct weir_world_range){world->name_count, 3};
    for (int i = 0; i < 3; i++)
        weir_world_add_name(world)->text = weir_span_of(places[i]);
    struct weir_world_origin *origin = weir_world_add_origin(world);
    *origin =
        (struct weir_world_origin){.name = WEIR_SPAN("o"),
                                   .dialect = WEIR_SPAN("openai"),
                                   .scheme = WEIR_SPAN("http"),
                                   .host = WEIR_SPAN("127.0.0.1"),
                                   .authority = WEIR_SPAN("127.0.0.1:9101"),
                                   .port = 9101,
                                   .connect_ms = 1000,
                                   .first_byte_ms = 1000,
                                   .idle_ms = 1000};
    for (uint32_t i = 0; i < 3; i++) {
        struct weir_world_region *r = weir_world_add_region(world);
        r->name = name(world, "region-", i);
        r->jurisdiction.text = weir_span_of(places[i]);
    }
    for (uint32_t i = 0; i < MAKERS; i++) {
        struct weir_world_provider *p = weir_world_add_provider(world);
        p->name = name(world, "maker-", i);
        p->origin.text = place();
    }
    for (uint32_t i = 0; i < MODELS; i++) {
        struct weir_world_model *m = weir_world_add_model(world);
        m->name = name(world, "model-", i);
        m->provider.text = name(world, "maker-", i % MAKERS);
        m->tier = i % 3 == 0 ? WEIR_SPAN("frontier") : WEIR_SPAN("routine");
        m->weights = WEIR_SPAN("closed");
        m->licence = WEIR_SPAN("l");
        m->origin.text = place();
        m->has_price = true;
        for (uint32_t j = 0; j < 3; j++) {
            struct weir_world_deployment *d = weir_world_add_deployment(world);
            d->name = name(world, "deployment-", i * 3 + j);
            d->model.text = m->name;
            d->origin.text = WEIR_SPAN("o");
            d->region.text = name(world, "region-", j);
            d->stored_in.text = weir_span_of(places[j]);
            d->operated_by.text = WEIR_SPAN("org-0");
            d->cloud = WEIR_SPAN("c");
        }
    }
}

static void
add_callers(struct weir_world *world, uint32_t organisations, uint32_t keys)
{
    for (uint32_t i = 0; i < TENANTS; i++) {
        struct weir_world_tenant *t = weir_world_add_tenant(world);
        t->name = name(world, "tenant-", i);
        t->organisation.text = name(world, "org-", draw(organisations));
        struct weir_world_project *p = weir_world_add_project(world);
        p->name = WEIR_SPAN("main");
        p->tenant.text = t->name;
    }
    for (uint32_t i = 0; i < keys; i++) {
        struct weir_world_key *k = weir_world_add_key(world);
        weir_digest digest;
        k->id = name(world, "wk_", i);
        weir_sha256_of(k->id, &digest);
        memcpy(k->digest, digest.bytes, sizeof(k->digest));
        k->tenant = name(world, "tenant-", i % TENANTS);
        k->project = WEIR_SPAN("main");
        k->purpose = WEIR_SPAN("translation");
        k->staff.text = place();
        k->not_after = WEIR_TIME_MAX;
        k->end_users = (struct weir_world_range){world->name_count, 1};
        weir_world_add_name(world)->text = place();
    }
}

static void
add_policy(struct weir_world *world, uint32_t number, const char *file,
           const char *text)
{
    char whole[1024];
    struct weir_world_policy *p = weir_world_add_policy(world);
    snprintf(whole, sizeof(whole),
             "@id(\"p-%u\") @title(\"T\") @authority(\"A\")\n%s", number, text);
    p->text = weir_arena_copy(&world->arena, weir_span_of(whole));
    snprintf(whole, sizeof(whole), "%s/%u.cedar", file, number);
    p->file = weir_arena_copy(&world->arena, weir_span_of(whole));
}

static void
add_policies(struct weir_world *world, uint32_t count)
{
    add_policy(world, 0, "seller",
               "permit (principal, action in Action::\"infer\", resource in "
               "Bloc::\"hosting\");");
    for (uint32_t i = 1; i < count; i++) {
        char file[64];
        if (i % 2 == 0) {
            snprintf(file, sizeof(file), "tenants/tenant-%u", draw(TENANTS));
            add_policy(world, i, file,
                       "forbid (principal, action, resource) when { "
                       "resource.stored_in == Jurisdiction::\"SG\" && "
                       "principal.purpose == \"coding\" };");
        } else if (i % 3 == 0) {
            snprintf(file, sizeof(file), "providers/maker-%u", draw(MAKERS));
            add_policy(world, i, file,
                       i % 4 == 1
                           ? "forbid (principal in "
                             "OwnershipRule::\"cascade\", action, resource);"
                           : "@effect(\"hold\") forbid (principal in "
                             "OwnershipRule::\"multiply?\", action, "
                             "resource);");
        } else {
            add_policy(world, i, i % 5 == 0 ? "law" : "seller",
                       "forbid (principal, action == Action::\"embed\", "
                       "resource) when { resource.model.tier == "
                       "\"frontier\" && !principal.organization.established "
                       "};");
        }
    }
}

static struct weir_world *
build(uint32_t organisations, uint32_t keys, uint32_t policies)
{
    struct weir_world *world = weir_world_new();
    struct weir_world_listen *listen = weir_world_add_listen(world);
    listen->host = WEIR_SPAN("127.0.0.1");
    listen->port = 8080;
    world->settings.state_dir = WEIR_SPAN("/tmp");
    world->settings.policy_dir = WEIR_SPAN("/tmp");
    world->seller_title = WEIR_SPAN("S");
    world->seller_appeal = WEIR_SPAN("a");
    add_catalogue(world);
    add_organisations(world, organisations);
    add_rule(world, "cascade", WEIR_OWNERSHIP_CASCADE);
    add_rule(world, "multiply", WEIR_OWNERSHIP_MULTIPLY);
    add_callers(world, organisations, keys);
    add_policies(world, policies);
    return world;
}

/* -------------------------------------------------------------- deciding */

struct question {
    uint32_t key;
    uint32_t deployment;
};

static int
by_time(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static void
bench_decide(const struct weir_image *image, enum weir_cedar_mode mode,
             const char *title)
{
    const struct weir_cedar_program *program = &image->program;
    _Alignas(16) static char scratch[32768];
    uint32_t *times = malloc(sizeof(*times) * ASKED);
    struct question *questions = malloc(sizeof(*questions) * ASKED);
    uint32_t satisfied[64];
    struct weir_cedar_failure failed[8];
    uint64_t tried = 0;
    uint32_t counts[3] = {0, 0, 0};
    if (times == NULL || questions == NULL)
        abort();
    for (uint32_t i = 0; i < ASKED; i++)
        questions[i] = (struct question){draw(image->key_count),
                                         draw(image->deployment_count)};
    double start = now_us();
    for (uint32_t i = 0; i < ASKED; i++) {
        struct weir_cedar_request request = {
            .principal =
                weir_cedar_arg_entity(image->keys[questions[i].key].entity),
            .action = weir_cedar_arg_entity(image->actions[WEIR_OP_CHAT]),
            .resource = weir_cedar_arg_entity(
                image->deployments[questions[i].deployment].entity),
            .now = NOW,
        };
        struct weir_cedar_answer answer = {.satisfied = satisfied,
                                           .satisfied_max = 64,
                                           .failed = failed,
                                           .failed_max = 8};
        double before = now_us();
        weir_cedar_decide(program, &request, mode, scratch, &answer);
        times[i] = (uint32_t)((now_us() - before) * 1000);
        tried += answer.tried_count;
        counts[answer.outcome]++;
    }
    double whole = now_us() - start;
    qsort(times, ASKED, sizeof(*times), by_time);
    printf("%-28s p50 %u ns  p99 %u ns  p99.9 %u ns (clock included); "
           "%.0f ns each with all; tried %.1f of %u; deny %u allow %u "
           "hold %u\n",
           title, times[ASKED / 2], times[ASKED / 100 * 99],
           times[ASKED / 1000 * 999], whole * 1000 / ASKED,
           (double)tried / ASKED, image->policy_count, counts[0], counts[1],
           counts[2]);
    free(times);
    free(questions);
}

static void
bench_find(const struct weir_image *image)
{
    uint64_t sum = 0;
    double start = now_us();
    for (uint32_t i = 0; i < ASKED; i++)
        sum += weir_image_find_key(image,
                                   image->keys[draw(image->key_count)].digest);
    double taken = now_us() - start;
    printf("%-28s %.0f ns (%llu)\n", "find a key", taken * 1000 / ASKED,
           (unsigned long long)(sum & 1));
}

int
main(int argc, char **argv)
{
    uint32_t organisations = argc > 1 ? (uint32_t)atoi(argv[1]) : 100000;
    uint32_t keys = argc > 2 ? (uint32_t)atoi(argv[2]) : 10000;
    uint32_t policies = argc > 3 ? (uint32_t)atoi(argv[3]) : 1000;
    struct weir_world *world = build(organisations, keys, policies);
    double best[3] = {1e18, 1e18, 1e18};
    struct weir_buf out;
    struct weir_image image;
    for (int round = 0; round < ROUNDS; round++) {
        struct weir_faults faults;
        weir_faults_init(&faults);
        double start = now_us();
        if (!weir_world_check(world, &faults))
            die(&faults, "the world has faults");
        double checked = now_us();
        weir_buf_init(&out, (size_t)4 << 30);
        if (weir_image_compile(world, NOW, 1, &out, &faults) != WEIR_OK)
            die(&faults, "the world does not compile");
        double compiled = now_us();
        if (weir_image_open(weir_buf_span(&out), &image, NULL) != WEIR_OK)
            die(&faults, "the image does not open");
        double opened = now_us();
        const double times[] = {checked - start, compiled - checked,
                                opened - compiled};
        for (int i = 0; i < 3; i++)
            best[i] = times[i] < best[i] ? times[i] : best[i];
        weir_faults_fini(&faults);
        if (round + 1 < ROUNDS)
            weir_buf_fini(&out);
    }
    printf("%u organisations, %u owners, %u keys, %u policies\n", organisations,
           world->owner_count, keys, policies);
    printf("%-28s %.0f ms\n", "check", best[0] / 1000);
    printf("%-28s %.0f ms\n", "compile (with check)", best[1] / 1000);
    printf("%-28s %.2f ms\n", "open (swap)", best[2] / 1000);
    printf("%-28s %.1f MiB, %.0f B per organisation\n", "image",
           (double)out.len / (1 << 20), (double)out.len / organisations);
    bench_find(&image);
    bench_decide(&image, WEIR_CEDAR_DECISION, "decide");
    bench_decide(&image, WEIR_CEDAR_FULL, "decide, all reasons");
    weir_buf_fini(&out);
    weir_world_free(world);
    return 0;
}
