/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long after a change are the keys it concerns on hold in every worker?
 *
 *   bench_onboarding [KEYS [ORGANISATIONS]]     (100000, 10000)
 *
 * A control with its store, an image and the real screening lists of
 * WEIR_DATA; organisations with an owner each, all approved. Each row is one
 * change and one review: from its call to the overlay on the board. The
 * daemon finds a change of a file within a quarter of a second on top.
 *
 * Meanwhile somebody revokes a key every 50 ms: how long does he wait?
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "control/evidence/deeds.h"
#include "control/onboarding/parts.h"
#include "control/parts.h"

static const char *const syllables[] = {
    "ba",  "cor", "dem", "fi",   "gul", "hax", "jo",  "kel", "lum", "mi", "nor",
    "pra", "qui", "ros", "sten", "tav", "ul",  "vek", "wim", "yor", "zan"};

static char directory[] = "/tmp/weir-bench-onboarding-XXXXXX";

static void
fail(const char *what, const struct weir_error *err)
{
    fprintf(stderr, "bench_onboarding: %s: %s\n", what,
            err == NULL ? "" : err->text);
    exit(1);
}

static FILE *
open_file(const char *name, const char *mode)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, mode);
    if (file == NULL)
        fail(path, NULL);
    return file;
}

/* Two words of four syllables drawn by the number: distinct, and like nobody
 * listed nor each other. */
static void
title_of(uint32_t n, char title_out[96])
{
    uint64_t draw = weir_hash64((weir_span){(const char *)&n, sizeof n}, 7);
    char *at = title_out;
    for (int i = 0; i < 8; i++) {
        const char *syllable = syllables[draw % WEIR_COUNTOF(syllables)];
        draw = draw / WEIR_COUNTOF(syllables) + (i == 3 ? 77 : 0);
        if (i == 4)
            *at++ = ' ';
        at = stpcpy(at, syllable);
    }
    strcpy(at, " GmbH");
}

static void
write_config(uint32_t organisations)
{
    FILE *out = open_file("weir.yaml", "w");
    fprintf(out,
            "listen: [{address: '127.0.0.1:1'}]\nstate: state\n"
            "policies: policies\n"
            "seller: {title: Bench, appeal: bench@weir.example}\n"
            "onboarding:\n  lists:\n"
            "    - {name: csl, path: csl.csv, allow_bad: 10}\n"
            "    - {name: own, path: own.csv}\n  shrink: 100%%\n"
            "  evidence: {default: [title, source]}\n"
            "  ownership: [half]\n"
            "include: [parties.yaml, terms.yaml, rules.yaml]\n"
            "blocs: [{name: here, members: [DE]}]\n"
            "providers: [{name: p, origin: DE}]\n"
            "models: [{name: m, provider: p, origin: DE, tier: t, weights: w,"
            " licence: l, price: {input: '1', output: '1'}}]\n"
            "regions: [{name: r, jurisdiction: DE}]\n"
            "origins: [{name: o, dialect: openai, url: 'http://127.0.0.1:9'}]\n"
            "deployments: [{name: d, model: m, origin: o, region: r,"
            " stored_in: DE, operator: org-0, cloud: c}]\n");
    fclose(out);
    out = open_file("parties.yaml", "w");
    fprintf(out, "organisations:\n");
    for (uint32_t i = 0; i < organisations; i++) {
        char title[96];
        title_of(i, title);
        fprintf(out,
                "  - {name: org-%u, title: %s, headquarters: DE,"
                " incorporated: DE, category: local, source: register",
                i, title);
        if (i > 0)
            fprintf(out, ", owners: [{name: org-%u, share: 10%%}%s]", i / 2,
                    i == 31 ? ", {name: listed, share: 10%}" : "");
        fprintf(out, "}\n");
    }
    fprintf(out, "  - {name: listed, title: Listed Party, headquarters: DE,"
                 " category: local, source: register}\ntenants:\n");
    for (uint32_t i = 0; i < organisations; i++)
        fprintf(out,
                "  - {name: t-%u, organisation: org-%u,"
                " projects: [{name: a}]}\n",
                i, i);
    fclose(out);
}

static void
write_terms(const char *version)
{
    FILE *out = open_file("terms.yaml", "w");
    fprintf(out, "terms: [{name: service, version: '%s'}]\n", version);
    fclose(out);
}

/* The rule counts in those of whom `listed`, or whoever is counted in, holds
 * that much: at 10 % org-31 and all below, one in sixteen. */
static void
write_rule(const char *threshold)
{
    FILE *out = open_file("rules.yaml", "w");
    fprintf(out,
            "ownership_rules: [{name: half, threshold: '%s',"
            " seeds: {organisations: [listed]}}]\n",
            threshold);
    fclose(out);
}

/* The own list names organisations from .. to. */
static void
write_list(uint32_t from, uint32_t to, uint32_t step)
{
    FILE *out = open_file("own.csv", "w");
    fprintf(out, "name,id\nNobody At All Anywhere,none\n");
    for (uint32_t i = from; i < to; i += step) {
        char title[96];
        title_of(i, title);
        fprintf(out, "%s,own-%u\n", title, i);
    }
    fclose(out);
}

static void
write_files(uint32_t organisations)
{
    const char *data = getenv("WEIR_DATA");
    char line[1024];
    write_config(organisations);
    write_terms("1");
    write_rule("50%");
    write_list(0, 0, 1);
    snprintf(line, sizeof line,
             "mkdir -p %s/policies/seller && zstd -qdc "
             "%s/screening/consolidated-screening-list.csv.zst > %s/csl.csv",
             directory, data == NULL ? "../shared/data" : data, directory);
    if (system(line) != 0)
        fail("the lists of WEIR_DATA are not there", NULL);
    FILE *out = open_file("policies/seller/all.cedar", "w");
    fprintf(out, "@id(\"all\") @title(\"All\") @authority(\"Bench\")\n"
                 "permit (principal, action in Action::\"infer\","
                 " resource in Bloc::\"here\");\n");
    fclose(out);
}

static void
fill_store(struct weir_store *store, uint32_t keys, uint32_t organisations)
{
    struct weir_error err = {0};
    if (weir_store_begin(store, &err) != WEIR_OK)
        fail("store", &err);
    for (uint32_t i = 0; i < keys; i++) {
        char id[32], tenant[32];
        snprintf(id, sizeof id, "wk_%016u", i);
        snprintf(tenant, sizeof tenant, "t-%u", i % organisations);
        struct weir_store_key key = {.id = weir_span_of(id),
                                     .tenant = weir_span_of(tenant),
                                     .project = WEIR_SPAN("a"),
                                     .purpose = WEIR_SPAN("support"),
                                     .staff = WEIR_SPAN("DE"),
                                     .not_after = WEIR_TIME_MAX};
        memcpy(key.digest, &i, sizeof i);
        memcpy(key.digest + 8, "bench", 5);
        if (weir_store_key_add(store, &key, &err) != WEIR_OK)
            fail("key", &err);
    }
    if (weir_store_commit(store, &err) != WEIR_OK)
        fail("store", &err);
}

/* As if each organisation had been through the door. */
static void
approve_all(struct weir_control *control)
{
    struct weir_error err = {0};
    if (weir_store_begin(control->store, &err) != WEIR_OK)
        fail("store", &err);
    for (uint32_t i = 0; i < control->world->organisation_count; i++) {
        weir_span name = control->world->organisation_rows[i].name;
        struct weir__standing_row row = {.organisation = name,
                                         .state = WEIR_STANDING_APPROVED,
                                         .purposes = WEIR_SPAN("support"),
                                         .until = WEIR_TIME_MAX,
                                         .decision = 1};
        const struct weir__acceptance_row accepted = {
            .organisation = name,
            .terms = WEIR_SPAN("service"),
            .version = WEIR_SPAN("1"),
            .by = WEIR_SPAN("Counsel"),
            .accepted = 1};
        weir__facts_digest(control->world, i, row.facts);
        if (weir__standing_set(control->store, &row, &err) != WEIR_OK ||
            weir__acceptance_add(control->store, &accepted, &err) != WEIR_OK)
            fail("standing", &err);
    }
    if (weir_store_commit(control->store, &err) != WEIR_OK)
        fail("store", &err);
}

/* Revokes one key after the other, from the last, and times each. */
#define REVOKED_MAX 4096
struct revoker {
    pthread_t thread;
    struct weir_control *control;
    atomic_bool is_stopping;
    weir_time waits[REVOKED_MAX];
    uint32_t count;
};
static uint32_t next_revoked; /* over all rows */

static int
by_wait(const void *a, const void *b)
{
    weir_time left = *(const weir_time *)a, right = *(const weir_time *)b;
    return (left > right) - (left < right);
}

static void *
revoke_some(void *context)
{
    struct revoker *revoker = context;
    const struct weir_actor actor = {"local", WEIR_ROLE_ADMIN};
    while (!atomic_load(&revoker->is_stopping) &&
           revoker->count < REVOKED_MAX && next_revoked > 0) {
        char id[32];
        struct weir_error err = {0};
        snprintf(id, sizeof id, "wk_%016u", --next_revoked);
        weir_time start = weir_control_now();
        if (weir_control_key_revoke(revoker->control, &actor, weir_span_of(id),
                                    &err) != WEIR_OK)
            fail("revoke", &err);
        revoker->waits[revoker->count++] = weir_control_now() - start;
        usleep(50000);
    }
    return NULL;
}

static void
stop_revoker(struct revoker *revoker)
{
    atomic_store(&revoker->is_stopping, true);
    pthread_join(revoker->thread, NULL);
    qsort(revoker->waits, revoker->count, sizeof revoker->waits[0], by_wait);
}

static void
print_row(struct weir_control *control, const char *what)
{
    struct weir_error err = {0};
    struct weir_review review;
    struct rusage before, after;
    struct revoker *revoker = calloc(1, sizeof *revoker);
    if (revoker == NULL)
        fail(what, NULL);
    revoker->control = control;
    getrusage(RUSAGE_SELF, &before);
    if (pthread_create(&revoker->thread, NULL, revoke_some, revoker) != 0)
        fail("thread", NULL);
    if (weir_onboarding_review(control, what, &review, &err) != WEIR_OK)
        fail(what, &err);
    stop_revoker(revoker);
    getrusage(RUSAGE_SELF, &after);
    double cpu =
        (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) +
        (double)(after.ru_stime.tv_sec - before.ru_stime.tv_sec) +
        (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1e6 +
        (double)(after.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1e6;
    printf("| %s | %u | %u | %u | %u | %.2f | %.2f | %.2f | %.2f | %u | %.0f |"
           " %.0f | %.0f |\n",
           what, review.organisations, review.screened, review.held,
           review.released, (double)review.screen_us / 1e6,
           (double)review.overlay_us / 1e6, (double)review.total_us / 1e6, cpu,
           revoker->count, (double)revoker->waits[revoker->count / 2] / 1e3,
           (double)revoker->waits[revoker->count - 1] / 1e3,
           (double)review.turn_us / 1e3);
    fflush(stdout);
    free(revoker);
}

/* As a worker sees it: when the board's overlay was last another before the
 * image was. */
struct board_watch {
    pthread_t thread;
    struct weir_control *control;
    atomic_bool is_stopping;
    uint64_t overlay;
    uint64_t image;
    weir_time start;
    weir_time held; /* 0: no overlay went before the image */
    weir_time in_force;
};

static void *
watch_board(void *context)
{
    struct board_watch *watch = context;
    const struct weir_board *board = watch->control->board;
    while (!atomic_load(&watch->is_stopping) && watch->in_force == 0) {
        uint64_t overlay = __atomic_load_n(&board->overlay, __ATOMIC_ACQUIRE);
        bool is_other =
            __atomic_load_n(&board->image, __ATOMIC_ACQUIRE) != watch->image;
        weir_time now = weir_control_now() - watch->start;
        if (is_other)
            watch->in_force = now;
        else if (overlay != watch->overlay)
            watch->held = now;
        watch->overlay = overlay;
        usleep(500);
    }
    return NULL;
}

static void
start_watch(struct board_watch *watch, struct weir_control *control)
{
    *watch = (struct board_watch){.control = control,
                                  .overlay = control->board->overlay,
                                  .image = control->board->image,
                                  .start = weir_control_now()};
    if (pthread_create(&watch->thread, NULL, watch_board, watch) != 0)
        fail("thread", NULL);
}

static void
end_watch(struct board_watch *watch, const char *what)
{
    weir_time took = weir_control_now() - watch->start;
    struct weir_overlay now;
    char path[WEIR_PATH_MAX + 48];
    uint32_t names = 0;
    atomic_store(&watch->is_stopping, true);
    pthread_join(watch->thread, NULL);
    weir__control_run_path(watch->control, "overlay",
                           watch->control->board->overlay, path);
    if (weir_overlay_map(path, &now, NULL) == WEIR_OK) {
        names = now.count;
        weir_overlay_close(&now);
    }
    fprintf(stderr,
            "%s: held after %.2f s, image after %.2f s, done after %.2f s; "
            "%u names in the overlay\n",
            what, (double)watch->held / 1e6, (double)watch->in_force / 1e6,
            (double)took / 1e6, names);
}

static void
reload(struct weir_control *control, const char *what)
{
    struct weir_faults faults;
    struct weir_error err = {0};
    struct board_watch watch;
    weir_faults_init(&faults);
    start_watch(&watch, control);
    if (weir_control_reload(control, &faults, &err) != WEIR_OK)
        fail("reload", &err);
    end_watch(&watch, what);
    weir_faults_fini(&faults);
}

/* One fact about one organisation, as `weir organisation add` enters it. */
static void
add_fact(struct weir_control *control, const char *organisation,
         enum weir_fact_kind kind, const char *value, weir_share share)
{
    const struct weir_actor actor = {"local", WEIR_ROLE_ADMIN};
    struct weir_faults faults;
    struct weir_facts facts;
    struct weir_error err = {0};
    weir_faults_init(&faults);
    weir_facts_init(&facts);
    struct weir_fact *fact = weir_facts_add(&facts);
    if (fact == NULL)
        fail("fact", NULL);
    fact->organisation = weir_span_of(organisation);
    fact->kind = kind;
    fact->rank = WEIR_RANK_VERIFIED;
    fact->value = weir_span_of(value);
    fact->share = share;
    fact->source = WEIR_SPAN("bench");
    fact->as_of = WEIR_TIME_MIN;
    fact->valid_until = WEIR_TIME_MAX;
    struct board_watch watch;
    start_watch(&watch, control);
    if (weir_control_evidence_add(control, &actor, &facts, &faults, &err) !=
        WEIR_OK)
        fail("evidence", &err);
    end_watch(&watch, "a fact");
    weir_facts_fini(&facts);
    weir_faults_fini(&faults);
}

/* A register says of `count` organisations that they moved. */
static void
import_moves(struct weir_control *control, uint32_t first, uint32_t count)
{
    const struct weir_actor actor = {"local", WEIR_ROLE_ADMIN};
    struct weir_faults faults;
    struct weir_import_change change;
    struct weir_error err = {0};
    struct weir_buf text;
    weir_faults_init(&faults);
    weir_buf_init(&text, (size_t)64 << 20);
    weir_buf_addf(&text, "organisation,fact,value\n");
    for (uint32_t i = first; i < first + count; i++)
        weir_buf_addf(&text, "org-%u,headquarters,FR\n", i);
    const struct weir_import_wish wish = {
        .bytes = weir_buf_span(&text),
        .file = WEIR_SPAN("moves.csv"),
        .options = {.source = WEIR_SPAN("moves"),
                    .rank = WEIR_RANK_VERIFIED,
                    .as_of = WEIR_TIME_MIN},
        .shrink_ppm = WEIR_IMPORT_SHRINK_PPM,
    };
    struct board_watch watch;
    start_watch(&watch, control);
    if (weir_control_evidence_import(control, &actor, &wish, &change, &faults,
                                     &err) != WEIR_OK)
        fail("import", &err);
    end_watch(&watch, "a register");
    weir_import_change_fini(&change);
    weir_buf_fini(&text);
    weir_faults_fini(&faults);
}

static void
run(uint32_t keys, uint32_t organisations)
{
    struct weir_control *control = NULL;
    struct weir_store *store = NULL;
    struct weir_faults faults;
    struct weir_error err = {0};
    char path[256], state[256];
    snprintf(path, sizeof path, "%s/weir.yaml", directory);
    snprintf(state, sizeof state, "%s/state", directory);
    if (weir_store_open(state, true, &store, &err) != WEIR_OK)
        fail("store", &err);
    fill_store(store, keys, organisations);
    weir_store_close(store);
    weir_faults_init(&faults);
    if (weir_control_open(path, &control, &faults, &err) != WEIR_OK ||
        weir_control_publish(control, &faults, &err) != WEIR_OK) {
        struct weir_buf text;
        weir_buf_init(&text, 1u << 20);
        weir_faults_write(&faults, &text);
        fprintf(stderr, "%.*s", (int)text.len, text.ptr);
        fail("control", &err);
    }
    approve_all(control);
    printf("%u keys, %u organisations, %u processors\n\n", keys, organisations,
           (unsigned)sysconf(_SC_NPROCESSORS_ONLN));
    printf("| change | organisations | names asked | held | released |"
           " asking, s | known, s | told, s | CPU, s | revocations |"
           " median, ms | worst, ms | longest turn, ms |\n"
           "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
           "\n");
    next_revoked = keys;
    print_row(control, "the first review");
    print_row(control, "nothing");
    write_list(organisations / 2, organisations / 2 + 1, 1);
    print_row(control, "a list names one organisation");
    write_list(organisations / 2, organisations, 10);
    print_row(control, "a list names one in twenty");
    write_list(0, 0, 1);
    print_row(control, "the list names nobody");
    write_terms("2");
    reload(control, "terms in a new version");
    print_row(control, "terms in a new version");
    write_terms("1");
    reload(control, "and taken back");
    print_row(control, "and taken back");
    write_rule("10%");
    reload(control, "a rule counts one in sixteen in");
    print_row(control, "a rule counts one in sixteen in");
    write_rule("50%");
    reload(control, "and nobody");
    print_row(control, "and nobody");
    reload(control, "the same sources");
    print_row(control, "the same sources");
    add_fact(control, "org-7", WEIR_FACT_HEADQUARTERS, "FR",
             (weir_share){0, 0});
    print_row(control, "one headquarters moves");
    import_moves(control, organisations / 2, organisations / 20);
    print_row(control, "a register moves one in twenty");
    write_rule("10%");
    reload(control, "a rule counts one in sixteen in");
    print_row(control, "a rule counts one in sixteen in");
    add_fact(control, "org-9", WEIR_FACT_OWNER, "listed",
             (weir_share){600000, 600000});
    print_row(control, "one owner more, one in eight below him");
    weir_control_close(control);
    weir_faults_fini(&faults);
}

int
main(int argc, char **argv)
{
    char line[128];
    uint32_t keys = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 100000;
    uint32_t organisations =
        argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 10000;
    if (keys == 0 || organisations == 0 || mkdtemp(directory) == NULL)
        fail("usage: bench_onboarding [KEYS [ORGANISATIONS]]", NULL);
    write_files(organisations);
    run(keys, organisations);
    snprintf(line, sizeof line, "rm -rf %s", directory);
    return system(line) == 0 ? 0 : 1;
}
