/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long does a catalogue take to be read, checked and put in force, and
 * a name to be found in it?
 *
 *   bench_catalogue [ENTRIES] [DEPLOYED]   (5000, and every tenth of them)
 *
 * Entries as an import writes them, with three hosts each, over a hundred
 * makers. A reload is reading, checking and compiling; a worker then opens
 * the image. Look-ups are of names in a scattered order, half of them there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/image.h>

#include "control/catalogue/catalogue.h"
#include "control/config/config.h"

#define MAKERS  100u
#define LOOKUPS 2000000u
#define ROUNDS  5

static void
die(const char *what)
{
    fprintf(stderr, "bench_catalogue: %s\n", what);
    exit(1);
}

static double
cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static void
write_head(struct weir_buf *out)
{
    weir_buf_addf(
        out, "listen: [{address: 127.0.0.1:8080}]\nstate: /tmp/weir-bench\n"
             "policies: /tmp/weir-bench/policies\n"
             "seller: {title: S, appeal: a@b.example}\n"
             "blocs: [{name: hosting, members: [DE]}]\n"
             "regions: [{name: here, jurisdiction: DE}]\n"
             "origins: [{name: o, dialect: openai,"
             " url: \"http://127.0.0.1:1/v1\"}]\n"
             "organisations: [{name: me, headquarters: DE, incorporated: DE}]\n"
             "makers:\n");
    for (uint32_t i = 0; i < MAKERS; i++)
        weir_buf_addf(out,
                      "  - {name: maker-%u, title: Maker %u, origin: DE, "
                      "terms: t-1, licence: l-1}\n",
                      i, i);
}

static void
write_entries(struct weir_buf *out, uint32_t entries, uint32_t every)
{
    weir_buf_addf(out, "catalogue:\n");
    for (uint32_t i = 0; i < entries; i++) {
        weir_buf_addf(out,
                      "  - name: \"model-%u\"\n    title: \"Model %u\"\n"
                      "    maker: \"maker-%u\"\n    family: \"family-%u\"\n"
                      "    weights: \"closed\"\n    status: \"active\"\n"
                      "    created: 2026-01-02\n"
                      "    output_tokens_max: 8192\n"
                      "    price: {input: \"0.%u\", output: \"1.5\", version: "
                      "\"2026-06-30, maker's host\", currency: USD}\n"
                      "    hosts:\n",
                      i, i, i % MAKERS, i % MAKERS, i % 900 + 100);
        for (uint32_t j = 0; j < 3; j++)
            weir_buf_addf(out,
                          "      - {name: \"host-%u\", id: \"m/model-%u\", "
                          "price: {input: \"0.3\", output: \"1.5\"}}\n",
                          (i + j) % 150, i);
    }
    weir_buf_addf(out, "deployments:\n");
    for (uint32_t i = 0; i < entries; i += every)
        weir_buf_addf(out,
                      "  - {name: d-%u, model: model-%u, origin: o, region: "
                      "here, stored_in: DE, operator: me}\n",
                      i, i);
}

struct figures {
    double read_ms;
    double compile_ms;
    double open_ms;
};

static void
reload(weir_span text, struct weir_buf *bytes, struct weir_image *image,
       struct weir_world **world_out, struct figures *best)
{
    static const char permit[] =
        "@id(\"p\") @title(\"t\") @authority(\"a\")\n"
        "permit (principal, action, resource in Bloc::\"hosting\");";
    struct weir_faults faults;
    struct weir_error err;
    double start = cpu_ms();
    struct weir_world *world = weir_world_new();
    weir_faults_init(&faults);
    if (weir_config_parse(text, WEIR_SPAN("bench.yaml"), world, &faults) !=
        WEIR_OK)
        die("the catalogue is not readable");
    struct weir_world_policy *policy = weir_world_add_policy(world);
    policy->file = WEIR_SPAN("seller/p.cedar");
    policy->text = WEIR_SPAN(permit);
    double read = cpu_ms();
    weir_buf_fini(bytes);
    if (weir_config_compile(world, 1, 1, bytes, &faults) != WEIR_OK) {
        struct weir_buf said;
        weir_buf_init(&said, 1 << 20);
        weir_faults_write(&faults, &said);
        fwrite(said.ptr, 1, said.len, stderr);
        die("the catalogue does not compile");
    }
    double compiled = cpu_ms();
    if (weir_image_open(weir_buf_span(bytes), image, &err) != WEIR_OK)
        die(err.text);
    double opened = cpu_ms();
    if (best->read_ms == 0 || read - start < best->read_ms)
        best->read_ms = read - start;
    if (best->compile_ms == 0 || compiled - read < best->compile_ms)
        best->compile_ms = compiled - read;
    if (best->open_ms == 0 || opened - compiled < best->open_ms)
        best->open_ms = opened - compiled;
    weir_faults_fini(&faults);
    *world_out = world;
}

typedef uint32_t find_fn(const struct weir_image *image, weir_span name);

static void
look_up(const struct weir_image *image, uint32_t entries, const char *what,
        find_fn *find)
{
    char(*names)[24] = calloc((size_t)entries * 2, sizeof *names);
    uint32_t found = 0, at = 0;
    if (names == NULL)
        die("out of memory");
    for (uint32_t i = 0; i < entries * 2; i++)
        snprintf(names[i], sizeof names[i], "model-%u", i);
    double start = cpu_ms();
    for (uint32_t i = 0; i < LOOKUPS; i++) {
        at = (at + 7919) % (entries * 2);
        found += find(image, weir_span_of(names[at])) != WEIR_INDEX_NONE;
    }
    double ns = (cpu_ms() - start) * 1e6 / LOOKUPS;
    printf("look-up of a %s: %.0f ns (%.0f %% were there)\n", what, ns,
           100.0 * found / LOOKUPS);
    free(names);
}

int
main(int argc, char **argv)
{
    uint32_t entries = argc > 1 ? (uint32_t)atoi(argv[1]) : 5000;
    uint32_t deployed = argc > 2 ? (uint32_t)atoi(argv[2]) : entries / 10;
    struct weir_buf text, bytes = {0};
    struct weir_image image;
    struct weir_world *world = NULL;
    struct figures best = {0};
    if (entries == 0 || deployed == 0 || deployed > entries)
        die("give a number of entries, and of deployments among them");
    weir_buf_init(&text, (size_t)1 << 30);
    write_head(&text);
    write_entries(&text, entries, entries / deployed);
    for (int i = 0; i < ROUNDS; i++) {
        weir_world_free(world);
        reload(weir_buf_span(&text), &bytes, &image, &world, &best);
    }
    printf("%u entries, %u deployments: %.1f MB of text, image of %.1f MB\n",
           entries, world->deployment_count, (double)text.len / 1e6,
           (double)bytes.len / 1e6);
    printf("read %.1f ms, check and compile %.1f ms, open %.2f ms (best of "
           "%d)\n",
           best.read_ms, best.compile_ms, best.open_ms, ROUNDS);
    look_up(&image, entries, "model that is served", weir_image_find_route);
    look_up(&image, entries, "model that is listed", weir_image_find_listing);
    weir_world_free(world);
    weir_buf_fini(&bytes);
    weir_buf_fini(&text);
    return 0;
}
