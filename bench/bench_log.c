/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does the transparency log cost, and its checking? Appends LEAVES
 * digests to a log on disk with a checkpoint each 10,000, makes receipts at
 * random places, verifies them, and verifies the whole log from its files;
 * goals: 200,000 leaves/s, a receipt in under 1 ms, a million leaves/s
 * verified. Then what content costs: sealing and opening a body.
 *
 *   bench_log [LEAVES [DIRECTORY]] [--check]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/content.h>
#include <weir/tlog_dir.h>

#include "control/control.h"
#include "control/tlog/check.h"

#define ORIGIN      WEIR_SPAN("example.org/bench")
#define RECEIPTS    2000
#define GOAL_APPEND 200000.0
#define GOAL_VERIFY 1000000.0
#define GOAL_MS     1.0

static const struct weir_ed25519_secret secret = {{1}};
static bool is_missed;

static double
now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What it takes of a core, whatever else the machine does meanwhile. */
static double
cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
must(weir_status status, const struct weir_error *err)
{
    if (status == WEIR_OK)
        return;
    fprintf(stderr, "bench_log: %s\n", err->text);
    exit(1);
}

static void
goal(const char *what, bool is_met)
{
    if (!is_met) {
        printf("MISSED: %s\n", what);
        is_missed = true;
    }
}

static void
digest_of(uint64_t i, weir_digest *digest_out)
{
    weir_sha256_of((weir_span){(const char *)&i, sizeof i}, digest_out);
}

static struct weir_tlog_dir *
append(const char *path, uint64_t leaves)
{
    struct weir_tlog_dir *log;
    struct weir_error err;
    weir_digest digest;
    must(weir_tlog_dir_open(path, ORIGIN, &secret, &log, &err), &err);
    double start = now_s(), cpu = cpu_s();
    for (uint64_t i = 0; i < leaves; i++) {
        digest_of(i, &digest);
        must(weir_tlog_dir_append(
                 log, (weir_span){(const char *)digest.bytes, 32}, &err),
             &err);
        if (i % 10000 == 9999)
            must(weir_tlog_dir_flush(log, &err), &err);
    }
    must(weir_tlog_dir_flush(log, &err), &err);
    double rate = (double)leaves / (cpu_s() - cpu);
    printf("append, a checkpoint each 10,000  %10.0f leaves/s of CPU, %.0f of "
           "the clock\n",
           rate, (double)leaves / (now_s() - start));
    goal("200,000 leaves/s", rate >= GOAL_APPEND);
    return log;
}

static void
receipts(struct weir_tlog_dir *log, uint64_t leaves)
{
    struct weir_buf out;
    struct weir_error err;
    struct weir_tlog_proof proof;
    struct weir_note_key key;
    weir_ed25519_public public;
    weir_digest digest, leaf;
    uint64_t verified;
    double made = 0, checked = 0, slowest = 0;
    weir_buf_init(&out, 1 << 16);
    (void)!weir_ed25519_public_of(&secret, &public);
    weir_note_key_init(&key, ORIGIN, WEIR_NOTE_ED25519, &public);
    for (uint64_t i = 0; i < RECEIPTS; i++) {
        uint64_t index = i * 7919 * 104729 % leaves;
        double start = now_s();
        weir_buf_reset(&out);
        must(weir_tlog_dir_receipt(log, index, WEIR_SPAN_NONE, &out, &err),
             &err);
        double middle = now_s();
        digest_of(index, &digest);
        weir_tlog_leaf((weir_span){(const char *)digest.bytes, 32}, &leaf);
        must(weir_tlog_proof_parse(weir_buf_span(&out), &proof, &err), &err);
        must(weir_tlog_proof_verify(&proof, ORIGIN, &leaf, &key, 1, &verified,
                                    &err),
             &err);
        made += middle - start;
        checked += now_s() - middle;
        slowest = middle - start > slowest ? middle - start : slowest;
    }
    weir_buf_fini(&out);
    printf("receipt                           %10.3f ms, slowest %.3f ms\n",
           made / RECEIPTS * 1e3, slowest * 1e3);
    printf("receipt verified                  %10.3f ms\n",
           checked / RECEIPTS * 1e3);
    goal("a receipt in under 1 ms", made / RECEIPTS * 1e3 < GOAL_MS);
}

static void
verify(const char *path, struct weir_tlog_dir *log, uint64_t leaves)
{
    struct weir_note note;
    struct weir_checkpoint head;
    struct weir_error err;
    must(weir_note_parse(weir_tlog_dir_checkpoint(log), &note, &err), &err);
    must(weir_checkpoint_parse(note.text, &head, &err), &err);
    double start = now_s(), cpu = cpu_s();
    must(weir_tlog_check(path, &head, 0, head.size, &err), &err);
    double rate = (double)leaves / (cpu_s() - cpu);
    printf("whole log verified                %10.0f leaves/s of CPU, %.0f of "
           "the clock\n",
           rate, (double)leaves / (now_s() - start));
    goal("a million leaves/s verified", rate >= GOAL_VERIFY);
    start = now_s();
    must(weir_tlog_check(path, &head, leaves / 2, leaves / 2 + 1000, &err),
         &err);
    printf("1,000 leaves of it                %10.3f ms\n",
           (now_s() - start) * 1e3);
}

static void
content(size_t bytes, unsigned count)
{
    struct weir_content_meta meta = {.kind = WEIR_CONTENT_REQUEST,
                                     .whole_bytes = bytes,
                                     .kept_bytes = bytes};
    struct weir_aes_key key = {{1}};
    struct weir_error err = {.text = "sealing failed"};
    char *plain = calloc(1, bytes);
    uint8_t *item = malloc(WEIR_CONTENT_BYTES(bytes));
    if (plain == NULL || item == NULL)
        exit(1);
    double start = now_s();
    for (unsigned i = 0; i < count; i++)
        must(weir_content_seal(&weir_control_env, &meta,
                               (weir_private){plain, bytes}, &key, item),
             &err);
    double sealed = now_s() - start;
    start = now_s();
    for (unsigned i = 0; i < count; i++)
        must(weir_content_open(
                 (weir_span){(const char *)item, WEIR_CONTENT_BYTES(bytes)},
                 &key, (uint8_t *)plain),
             &err);
    printf("body of %6zu bytes sealed         %10.2f us, opened %.2f us\n",
           bytes, sealed / count * 1e6, (now_s() - start) / count * 1e6);
    free(plain);
    free(item);
}

int
main(int argc, char **argv)
{
    char path[256];
    bool is_check = argc > 1 && strcmp(argv[argc - 1], "--check") == 0;
    argc -= is_check;
    uint64_t leaves = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    snprintf(path, sizeof path, "%.200s/weir-bench-XXXXXX",
             argc > 2 ? argv[2] : "/tmp");
    if (leaves < 10000 || mkdtemp(path) == NULL) {
        fprintf(stderr, "usage: bench_log [LEAVES [DIRECTORY]] [--check]\n");
        return 2;
    }
    struct weir_tlog_dir *log = append(path, leaves);
    receipts(log, leaves);
    verify(path, log, leaves);
    weir_tlog_dir_close(log);
    content(1500, 20000);
    content(130000, 2000);
    printf("the log is in %s\n", path);
    return is_check && is_missed ? 1 : 0;
}
