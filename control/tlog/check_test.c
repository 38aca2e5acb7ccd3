/* SPDX-License-Identifier: Apache-2.0 */
/* A log's files against its checkpoint: every damage in words of its own. */
#include "check.h"

#include "test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"

#define ORIGIN WEIR_SPAN("example.org/log")
#define LEAVES 1000

static const struct weir_ed25519_secret secret = {{7}};
static char folder[64];

static int
remove_one(const char *path, const struct stat *info, int type,
           struct FTW *where)
{
    return remove(path);
}

static void
end(void)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Leaf i is the number i as four bytes, after `fork` the number plus one
 * million. Leaves its head in *head_out, whose origin is ORIGIN. */
static void
grow(uint64_t size, uint64_t fork, struct weir_checkpoint *head_out)
{
    struct weir_tlog_dir *log;
    struct weir_note note;
    snprintf(folder, sizeof(folder), "/tmp/weir-check-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_ok(weir_tlog_dir_open(folder, ORIGIN, &secret, &log, NULL));
    for (uint64_t i = 0; i < size; i++) {
        uint32_t leaf = (uint32_t)(i < fork ? i : i + 1000000);
        assert_ok(weir_tlog_dir_append(
            log, (weir_span){(const char *)&leaf, sizeof(leaf)}, NULL));
    }
    assert_ok(weir_tlog_dir_flush(log, NULL));
    assert_ok(weir_note_parse(weir_tlog_dir_checkpoint(log), &note, NULL));
    assert_ok(weir_checkpoint_parse(note.text, head_out, NULL));
    head_out->origin = ORIGIN;
    weir_tlog_dir_close(log);
}

static char *
path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

/* Exchanges `len` bytes at two places of a file. */
static void
swap(const char *name, size_t a, size_t b, size_t len)
{
    char first[64], second[64];
    FILE *file = fopen(path_of(name), "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)a, SEEK_SET), 0);
    assert_int_equal(fread(first, 1, len, file), len);
    assert_int_equal(fseek(file, (long)b, SEEK_SET), 0);
    assert_int_equal(fread(second, 1, len, file), len);
    assert_int_equal(fseek(file, (long)a, SEEK_SET), 0);
    assert_int_equal(fwrite(second, 1, len, file), len);
    assert_int_equal(fseek(file, (long)b, SEEK_SET), 0);
    assert_int_equal(fwrite(first, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void
flip(const char *name, size_t at)
{
    FILE *file = fopen(path_of(name), "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    fputc(byte ^ 1, file);
    assert_int_equal(fclose(file), 0);
}

static void
says(const struct weir_checkpoint *head, const char *text)
{
    struct weir_error err = {0};
    weir_status status = weir_tlog_check(folder, head, 0, head->size, &err);
    assert_int_equal(status, WEIR_ECORRUPT);
    assert_string_equal(err.text, text);
}

TEST(tlog_check, a_sound_log_and_every_range_of_it_is_found_sound)
{
    struct weir_checkpoint head;
    struct weir_error err = {0};
    grow(LEAVES, LEAVES, &head);
    for (uint64_t first = 0; first <= LEAVES; first += 83)
        for (uint64_t last = first; last <= LEAVES; last += 91)
            if (weir_tlog_check(folder, &head, first, last, &err) != WEIR_OK)
                fail_msg("%s", err.text);
    assert_int_equal(weir_tlog_check(folder, &head, 0, LEAVES + 1, &err),
                     WEIR_ELIMIT);
    assert_int_equal(weir_tlog_check(folder, &head, 5, 4, &err), WEIR_ELIMIT);
    end();
    for (uint64_t size = 0; size < 600; size += 37) {
        grow(size, size, &head);
        assert_ok(weir_tlog_check(folder, &head, 0, size, NULL));
        end();
    }
}

TEST(tlog_check, a_log_of_three_levels_is_sound_and_one_changed_leaf_is_named)
{
    struct weir_checkpoint head;
    grow(66000, 66000, &head);
    assert_ok(weir_tlog_check(folder, &head, 0, head.size, NULL));
    /* 6 bytes an entry, two of them its length */
    flip("tile/entries/200", 6 * 17 + 3);
    says(&head, "leaf 51217 was altered: its bytes do not have its hash");
    assert_ok(weir_tlog_check(folder, &head, 0, 51200, NULL));
    assert_ok(weir_tlog_check(folder, &head, 51456, 66000, NULL));
    assert_int_equal(weir_tlog_check(folder, &head, 51455, 51456, NULL),
                     WEIR_ECORRUPT);
    end();
}

TEST(tlog_check, an_altered_byte_is_refused_wherever_it_is)
{
    struct weir_checkpoint head;
    grow(LEAVES, LEAVES, &head);
    flip("tile/entries/001", 6 * 3 + 4);
    says(&head, "leaf 259 was altered: its bytes do not have its hash");
    flip("tile/entries/001", 6 * 3 + 4);
    flip("tile/0/002", 32 * 7 + 1);
    says(&head, "tile/0/002 was altered: it has not the hashes of its leaves");
    flip("tile/0/002", 32 * 7 + 1);
    flip("tile/0/003.p/232", 1);
    says(&head, "leaf 768 was altered: its bytes do not have its hash");
    flip("tile/0/003.p/232", 1);
    flip("tile/1/000.p/3", 33);
    says(&head, "tile/1/000.p/3 was altered: entry 1 is not the hash of the "
                "tile below it");
    flip("tile/1/000.p/3", 33);
    head.root.bytes[0] ^= 1;
    says(&head,
         "the leaves do not have the root of the signed checkpoint: they were "
         "rewritten together with all that stands above them");
    end();
}

TEST(tlog_check, leaves_out_of_order_are_said_to_be)
{
    struct weir_checkpoint head;
    grow(LEAVES, LEAVES, &head);
    swap("tile/entries/001", 6 * 3, 6 * 200, 6);
    says(&head, "leaves were re-ordered: in the place of leaf 259 stands leaf "
                "456");
    /* and the hashes with them: only the hash above disagrees */
    swap("tile/0/001", 32 * 3, 32 * 200, 32);
    says(&head, "leaves were re-ordered: 259 and 456 stand in each other's "
                "place");
    swap("tile/entries/001", 6 * 3, 6 * 200, 6);
    says(&head, "tile/0/001 was altered: it has not the hashes of its leaves");
    swap("tile/0/001", 32 * 3, 32 * 200, 32);
    swap("tile/entries/003.p/232", 6 * 9, 6 * 230, 6);
    swap("tile/0/003.p/232", 32 * 9, 32 * 230, 32);
    says(&head, "leaves were re-ordered: 777 and 998 stand in each other's "
                "place");
    end();
}

TEST(tlog_check, a_truncated_log_is_said_to_be)
{
    struct weir_checkpoint head;
    grow(LEAVES, LEAVES, &head);
    assert_int_equal(truncate(path_of("tile/entries/001"), 6 * 20 + 1), 0);
    says(&head, "the log is truncated: tile/entries/001 ends before leaf 276");
    assert_int_equal(unlink(path_of("tile/entries/001")), 0);
    says(&head, "the log is truncated: tile/entries/001 is not there");
    assert_int_equal(truncate(path_of("tile/0/001"), 32 * 256 - 1), 0);
    says(&head, "the log is truncated: tile/0/001 is too short");
    assert_int_equal(unlink(path_of("tile/0/003.p/232")), 0);
    says(&head, "the log is truncated: tile/0/003 is not there");
    end();
}

TEST(tlog_check, an_earlier_checkpoint_finds_truncation_and_fork)
{
    struct weir_checkpoint head, old, other;
    struct weir_error err = {0};
    grow(700, 700, &old);
    end();
    grow(700, 300, &other); /* the same up to leaf 300 */
    end();
    grow(LEAVES, LEAVES, &head);
    assert_ok(weir_tlog_check_since(folder, &old, &head, NULL));
    assert_ok(weir_tlog_check_since(folder, &head, &head, NULL));
    assert_int_equal(weir_tlog_check_since(folder, &other, &head, &err),
                     WEIR_ECORRUPT);
    assert_string_equal(err.text,
                        "the log was forked: its first 700 leaves are not "
                        "those of the earlier checkpoint");
    old.size = 1001;
    assert_int_equal(weir_tlog_check_since(folder, &old, &head, &err),
                     WEIR_ECORRUPT);
    assert_string_equal(err.text,
                        "the log was truncated: it has 1000 leaves and had "
                        "1001");
    end();
}
