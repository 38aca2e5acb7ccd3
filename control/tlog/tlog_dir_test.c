/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log in a directory: what verifiers can prove from its files after each
 * checkpoint, and after a failure or a death at every write.
 */
#include "dir.h"

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ORIGIN WEIR_SPAN("example.org/weir-log")

static const struct weir_ed25519_secret secret = {{7, 7, 7}};
static char folder[64];

static int
remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

static void
begin(void)
{
    /* memory where there is one: thousands of flushes are not the point */
    snprintf(folder, sizeof(folder), "%s/weir-tlog-test-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(folder));
}

static void
end(void)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct weir_tlog_dir *
open_log(void)
{
    struct weir_tlog_dir *log;
    struct weir_error err;
    if (weir_tlog_dir_open(folder, ORIGIN, &secret, &log, &err) != WEIR_OK)
        fail_msg("%s", err.text);
    return log;
}

/* Leaf `index` of run `run`: of a length of its own. */
static size_t
leaf_text(uint64_t index, uint32_t run, char text_out[64])
{
    size_t len = (size_t)snprintf(text_out, 64, "leaf %llu of run %u",
                                  (unsigned long long)index, run);
    return len - index % 4;
}

static weir_status
append(struct weir_tlog_dir *log, uint32_t run)
{
    char text[64];
    return weir_tlog_dir_append(
        log,
        (weir_span){text, leaf_text(weir_tlog_dir_pending(log), run, text)},
        NULL);
}

static struct weir_checkpoint
head_of(weir_span text)
{
    struct weir_note note;
    struct weir_checkpoint head;
    struct weir_note_key key;
    weir_ed25519_public public;
    uint64_t verified;
    assert_ok(weir_ed25519_public_of(&secret, &public));
    weir_note_key_init(&key, ORIGIN, WEIR_NOTE_ED25519, &public);
    assert_ok(weir_note_parse(text, &note, NULL));
    assert_ok(weir_note_verify(&note, &key, 1, &verified, NULL));
    assert_ok(weir_checkpoint_parse(note.text, &head, NULL));
    return head;
}

/* What an outsider can check from the files alone: every `stride`-th leaf's
 * data, hash and path to the signed root. */
static void
check_files(uint64_t stride)
{
    char path[128];
    size_t len;
    struct weir_tlog_tiles *tiles;
    snprintf(path, sizeof(path), "%s/checkpoint", folder);
    char *text = weir_test_read(path, &len);
    struct weir_checkpoint head = head_of((weir_span){text, len});
    assert_ok(weir_tlog_tiles_open(folder, head.size, &tiles, NULL));
    for (uint64_t i = 0; i < head.size; i += stride) {
        weir_digest proof[WEIR_TLOG_PROOF_MAX];
        weir_digest leaf;
        weir_span data;
        size_t count;
        assert_ok(weir_tlog_tiles_entry(tiles, i, &data, NULL));
        weir_tlog_leaf(data, &leaf);
        assert_ok(weir_tlog_prove_inclusion(i, head.size, weir_tlog_tiles_read,
                                            tiles, proof, &count));
        assert_true(weir_tlog_verify_inclusion(&leaf, i, head.size, proof,
                                               count, &head.root));
    }
    weir_tlog_tiles_close(tiles);
    free(text);
}

/* `old` (size and root of an earlier checkpoint) is a prefix of the log. */
static void
check_prefix(const struct weir_checkpoint *old)
{
    char path[128];
    size_t len;
    struct weir_tlog_tiles *tiles;
    weir_digest proof[WEIR_TLOG_PROOF_MAX];
    size_t count;
    snprintf(path, sizeof(path), "%s/checkpoint", folder);
    char *text = weir_test_read(path, &len);
    struct weir_checkpoint head = head_of((weir_span){text, len});
    free(text);
    assert_true(head.size >= old->size);
    if (old->size == 0)
        return;
    assert_ok(weir_tlog_tiles_open(folder, head.size, &tiles, NULL));
    assert_ok(weir_tlog_prove_consistency(
        old->size, head.size, weir_tlog_tiles_read, tiles, proof, &count));
    assert_true(weir_tlog_verify_consistency(old->size, &old->root, head.size,
                                             &head.root, proof, count));
    weir_tlog_tiles_close(tiles);
}

TEST(tlog_dir, every_checkpoint_can_be_verified_from_the_files_alone)
{
    begin();
    struct weir_tlog_dir *log = open_log();
    assert_ok(weir_tlog_dir_flush(log, NULL));
    struct weir_checkpoint old = head_of(weir_tlog_dir_checkpoint(log));
    assert_int_equal(old.size, 0);
    uint64_t step = 1;
    while (weir_tlog_dir_pending(log) < 800) {
        for (uint64_t i = 0; i < step; i++)
            assert_ok(append(log, 1));
        step = step * 7 % 61;
        assert_ok(weir_tlog_dir_flush(log, NULL));
        assert_int_equal(weir_tlog_dir_size(log), weir_tlog_dir_pending(log));
        check_files(17);
        check_prefix(&old);
        old = head_of(weir_tlog_dir_checkpoint(log));
        if (step % 3 == 0) {
            weir_tlog_dir_close(log);
            log = open_log();
            assert_int_equal(weir_tlog_dir_size(log), old.size);
        }
    }
    check_files(1);
    weir_tlog_dir_close(log);
    end();
}

TEST(tlog_dir, a_tile_of_the_second_level_fills_and_is_proved_through)
{
    begin();
    struct weir_tlog_dir *log = open_log();
    for (uint64_t i = 0; i < 66000; i++) {
        assert_ok(append(log, 2));
        if (i % 9973 == 0)
            assert_ok(weir_tlog_dir_flush(log, NULL));
    }
    assert_ok(weir_tlog_dir_flush(log, NULL));
    check_files(331);
    weir_tlog_dir_close(log);
    log = open_log();
    assert_int_equal(weir_tlog_dir_size(log), 66000);
    char path[128];
    snprintf(path, sizeof(path), "%s/tile/1/000", folder);
    assert_int_equal(access(path, R_OK), 0);
    snprintf(path, sizeof(path), "%s/tile/2/000.p/1", folder);
    assert_int_equal(access(path, R_OK), 0);
    snprintf(path, sizeof(path), "%s/tile/0/000.p", folder);
    assert_int_not_equal(access(path, R_OK), 0); /* narrow forms are gone */
    weir_tlog_dir_close(log);
    end();
}

TEST(tlog_dir, a_receipt_verifies_offline_and_only_under_a_checkpoint)
{
    begin();
    struct weir_tlog_dir *log = open_log();
    struct weir_buf out;
    struct weir_tlog_proof proof;
    struct weir_note_key key;
    weir_ed25519_public public;
    weir_digest leaf;
    uint64_t verified;
    char text[64];
    for (int i = 0; i < 300; i++)
        assert_ok(append(log, 3));
    weir_buf_init(&out, WEIR_NOTE_BYTES_MAX);
    assert_int_equal(weir_tlog_dir_receipt(log, 5, WEIR_SPAN_NONE, &out, NULL),
                     WEIR_ENOTFOUND);
    assert_ok(weir_tlog_dir_flush(log, NULL));
    assert_ok(append(log, 3));
    assert_int_equal(
        weir_tlog_dir_receipt(log, 300, WEIR_SPAN_NONE, &out, NULL),
        WEIR_ENOTFOUND);
    assert_ok(weir_ed25519_public_of(&secret, &public));
    weir_note_key_init(&key, ORIGIN, WEIR_NOTE_ED25519, &public);
    for (uint64_t i = 0; i < 300; i += 23) {
        weir_buf_reset(&out);
        assert_ok(
            weir_tlog_dir_receipt(log, i, WEIR_SPAN("c2FsdA=="), &out, NULL));
        weir_tlog_leaf((weir_span){text, leaf_text(i, 3, text)}, &leaf);
        assert_ok(weir_tlog_proof_parse(weir_buf_span(&out), &proof, NULL));
        assert_ok(weir_tlog_proof_verify(&proof, ORIGIN, &leaf, &key, 1,
                                         &verified, NULL));
        assert_int_equal(proof.index, i);
    }
    weir_buf_fini(&out);
    weir_tlog_dir_close(log);
    end();
}

/* ------------------------------------------------- failures and deaths */

static int writes;
static int fail_from;       /* this write and all after it fail */
static bool is_done_anyway; /* the first of them was done before the death */

static int
failing_write(int dir, const char *path, weir_span bytes, bool is_safe)
{
    writes++;
    if (fail_from == 0 || writes < fail_from)
        return tlog_file_write(dir, path, bytes, is_safe);
    if (is_done_anyway && writes == fail_from)
        (void)tlog_file_write(dir, path, bytes, is_safe);
    return EIO;
}

/* A run of 600 leaves with a flush now and then, dead from write `from`. */
static int
run_until(int from, bool is_done)
{
    struct weir_checkpoint old = {.size = 0};
    begin();
    struct weir_tlog_dir *log = open_log();
    log->write = failing_write;
    writes = 0;
    fail_from = from;
    is_done_anyway = is_done;
    for (int i = 0; i < 600; i++) {
        if (append(log, 4) != WEIR_OK)
            break;
        if (i % 97 == 5 && weir_tlog_dir_flush(log, NULL) == WEIR_OK)
            old = head_of(weir_tlog_dir_checkpoint(log));
    }
    int used = writes;
    weir_tlog_dir_close(log);
    log = open_log();
    assert_true(weir_tlog_dir_size(log) >= old.size);
    /* the caller gives the rest again, salted anew: other leaves */
    while (weir_tlog_dir_pending(log) < 650)
        assert_ok(append(log, 5));
    assert_ok(weir_tlog_dir_flush(log, NULL));
    check_prefix(&old);
    check_files(13);
    weir_tlog_dir_close(log);
    end();
    return used;
}

TEST(tlog_dir, dead_at_every_write_it_comes_back_and_goes_on)
{
    int used = run_until(0, false);
    assert_in_range(used, 15, 100);
    for (int n = 1; n <= used; n++) {
        run_until(n, false);
        run_until(n, true);
    }
}

TEST(tlog_dir, a_write_that_fails_once_is_tried_again_without_a_trace)
{
    struct weir_tlog_dir *log;
    begin();
    log = open_log();
    log->write = failing_write;
    for (int n = 1; n < 12; n++) {
        for (int i = 0; i < 60; i++) {
            writes = 0;
            fail_from = n == 1 ? 1 : 0;
            if (append(log, 6) != WEIR_OK) {
                fail_from = 0;
                assert_ok(append(log, 6));
            }
        }
        writes = 0;
        fail_from = n;
        (void)!weir_tlog_dir_flush(log, NULL);
        fail_from = 0;
        assert_ok(weir_tlog_dir_flush(log, NULL));
        assert_int_equal(weir_tlog_dir_size(log), (uint64_t)n * 60);
    }
    check_files(7);
    weir_tlog_dir_close(log);
    end();
}

static void
flip(const char *name, off_t offset)
{
    char path[256];
    char byte;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    close(fd);
}

TEST(tlog_dir, files_that_disagree_with_the_checkpoint_are_refused)
{
    static const char *const names[] = {"tile/0/001.p/44", "tile/1/000.p/1",
                                        "tile/entries/001.p/44", "checkpoint"};
    struct weir_tlog_dir *log;
    struct weir_error err;
    begin();
    log = open_log();
    for (int i = 0; i < 300; i++)
        assert_ok(append(log, 7));
    assert_ok(weir_tlog_dir_flush(log, NULL));
    weir_tlog_dir_close(log);
    for (size_t i = 0; i < WEIR_COUNTOF(names); i++) {
        flip(names[i], 31);
        assert_int_equal(
            weir_tlog_dir_open(folder, ORIGIN, &secret, &log, &err),
            WEIR_ECORRUPT);
        flip(names[i], 31);
    }
    struct weir_ed25519_secret other = {{8}};
    assert_int_equal(weir_tlog_dir_open(folder, ORIGIN, &other, &log, &err),
                     WEIR_ECORRUPT);
    assert_int_equal(weir_tlog_dir_open(folder, WEIR_SPAN("example.org/other"),
                                        &secret, &log, &err),
                     WEIR_ECORRUPT);
    log = open_log();
    struct weir_tlog_dir *second;
    assert_int_equal(weir_tlog_dir_open(folder, ORIGIN, &secret, &second, &err),
                     WEIR_ECONFLICT);
    weir_tlog_dir_close(log);
    end();
}

TEST(tlog_dir, a_leaf_too_long_is_refused_and_the_longest_taken)
{
    static char text[WEIR_TLOG_ENTRY_MAX + 1];
    begin();
    struct weir_tlog_dir *log = open_log();
    assert_int_equal(
        weir_tlog_dir_append(log, (weir_span){text, sizeof(text)}, NULL),
        WEIR_ETOOBIG);
    assert_ok(
        weir_tlog_dir_append(log, (weir_span){text, sizeof(text) - 1}, NULL));
    assert_ok(weir_tlog_dir_append(log, WEIR_SPAN_NONE, NULL));
    assert_ok(weir_tlog_dir_flush(log, NULL));
    check_files(1);
    weir_tlog_dir_close(log);
    log = open_log();
    assert_int_equal(weir_tlog_dir_size(log), 2);
    weir_tlog_dir_close(log);
    end();
}

static void
grow_for_ever(uint32_t run)
{
    struct weir_tlog_dir *log = open_log();
    for (uint32_t i = 0;; i++) {
        if (append(log, run) != WEIR_OK)
            _exit(1);
        if (i % 50 == 0 && weir_tlog_dir_flush(log, NULL) != WEIR_OK)
            _exit(1);
    }
}

/* A checkpoint that anybody may have seen stays a prefix, whenever the
 * process is killed. */
TEST(tlog_dir, killed_at_random_moments_it_never_forgets_a_checkpoint)
{
    struct weir_checkpoint seen = {.size = 0};
    begin();
    for (uint32_t round = 0; round < 10; round++) {
        pid_t child = fork();
        if (child == 0)
            grow_for_ever(100 + round);
        nanosleep(&(struct timespec){0, 20000000 + (long)round * 7300000},
                  NULL);
        kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        struct weir_tlog_dir *log = open_log();
        if (weir_tlog_dir_checkpoint(log).len > 0) {
            check_prefix(&seen);
            check_files(29);
            struct weir_checkpoint head =
                head_of(weir_tlog_dir_checkpoint(log));
            seen.size = head.size;
            seen.root = head.root;
        }
        weir_tlog_dir_close(log);
    }
    assert_true(seen.size > 50);
    end();
}
