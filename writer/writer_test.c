/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer in one process with a producer: what reaches the segments, and
 * what remains true when the n-th call to the disk fails, for every n.
 */
#include "writer.h"

#include "process.h"
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ------------------------------------------------------- a failing disk */

static int fail_at;    /* which call fails; 0: none */
static int fail_until; /* and up to which */
static int fail_errno;
static int fail_half; /* a failing write leaves half its bytes */
static int calls;
static unsigned writes;

static int
fails(void)
{
    calls++;
    return fail_at != 0 && calls >= fail_at && calls <= fail_until ? fail_errno
                                                                   : 0;
}

static int
test_write(int fd, const void *bytes, size_t len, uint64_t offset)
{
    writes++;
    int failure = fails();
    if (failure != 0 && fail_half)
        (void)writer_disk_system.write(fd, bytes, len / 2, offset);
    return failure != 0 ? failure
                        : writer_disk_system.write(fd, bytes, len, offset);
}

static int
test_sync(int fd)
{
    int failure = fails();
    return failure != 0 ? failure : writer_disk_system.sync(fd);
}

static int
test_allocate(int fd, uint64_t len)
{
    int failure = fails();
    return failure != 0 ? failure : writer_disk_system.allocate(fd, len);
}

static int
test_release(int fd, uint64_t from, uint64_t len)
{
    return writer_disk_system.release(fd, from, len);
}

static int
test_truncate(int fd, uint64_t len)
{
    return writer_disk_system.truncate(fd, len);
}

static int
test_rename(int dir, const char *from, const char *to)
{
    int failure = fails();
    return failure != 0 ? failure : writer_disk_system.rename(dir, from, to);
}

static int
test_sync_dir(int dir)
{
    int failure = fails();
    return failure != 0 ? failure : writer_disk_system.sync_dir(dir);
}

static uint64_t test_room_bytes = UINT64_MAX;

static int
test_room(int dir, uint64_t *bytes_out)
{
    (void)dir;
    *bytes_out = test_room_bytes;
    return 0;
}

static const struct writer_disk test_disk = {
    .write = test_write,
    .sync = test_sync,
    .allocate = test_allocate,
    .truncate = test_truncate,
    .release = test_release,
    .rename = test_rename,
    .sync_dir = test_sync_dir,
    .room = test_room,
};

/* ------------------------------------------------------------ the frame */

static char folder[64];
static char ring_path[128];

static void
begin(void)
{
    /* memory where there is one: thousands of flushes are not the point */
    snprintf(folder, sizeof(folder), "%s/weir-writer-test-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(folder));
    snprintf(ring_path, sizeof(ring_path), "%s/journal.ring", folder);
    fail_at = 0;
    calls = 0;
    writes = 0;
    fail_half = 0;
}

static void
end(void)
{
    struct dirent *entry;
    DIR *list = opendir(folder);
    while ((entry = readdir(list)) != NULL)
        unlinkat(dirfd(list), entry->d_name, 0);
    closedir(list);
    rmdir(folder);
}

static struct writer *
start(void)
{
    struct writer *writer = malloc(sizeof(*writer));
    struct weir_error err;
    struct writer_config config = {
        .ring_path = ring_path,
        .journal_dir = folder,
        .run_dir = folder,
        .lane_bytes = WEIR_LANE_BYTES_MIN,
        .segment_bytes = WEIR_SEGMENT_BYTES_MIN,
        .disk = &test_disk,
        .is_inline = true,
        .is_quiet = true,
    };
    if (writer_open(writer, &config, &err) != WEIR_OK)
        fail_msg("%s", err.text);
    return writer;
}

/* A death without a word: everything as kill -9 would leave it. */
static void
kill_writer(struct writer *writer)
{
    for (size_t i = 0; i < WRITER_LANES; i++)
        if (writer->fifo[i] >= 0)
            close(writer->fifo[i]);
    if (writer->segments.fd >= 0)
        close(writer->segments.fd);
    if (writer->segments.spare.fd >= 0)
        close(writer->segments.spare.fd);
    close(writer->segments.dir);
    writer_ring_close(writer);
    free(writer->batch);
    close(writer->lock);
    free(writer);
}

/* Steps with the clock moved on: nothing waits for a doze or a retry. */
static void
step(struct writer *writer)
{
    writer->committed_at = 0;
    writer->retry_at = writer->retry_at != 0 ? 1 : 0;
    writer->stuck_until = 0;
    writer->looked_at = 0;
    while (writer_step(writer))
        ;
}

static struct weir_lane *
producer(void)
{
    struct weir_lane *lane;
    struct weir_error err;
    if (weir_lane_open(ring_path, folder, WEIR_LANE_WORKER, &lane, &err) !=
        WEIR_OK)
        fail_msg("%s", err.text);
    return lane;
}

static weir_status
append(struct weir_lane *lane, size_t len, weir_journal_mark *mark)
{
    static char text[WEIR_RECORD_PAYLOAD_MAX];
    weir_span part = {text, len};
    return weir_lane_append(lane, WEIR_RECORD_INTENT, 1, &part, 1,
                            WEIR_TIER_DURABLE, writer_now(), mark, NULL);
}

/* Reads all segments by the rules of the format; checks the chain; counts
 * records of `lane`, which must run from 1 without hole or repetition. */
struct total {
    uint64_t records;
    uint64_t gaps;
    uint64_t segments;
    weir_gap gap; /* the last */
};

static struct total
read_all(uint64_t lane)
{
    struct total total = {0};
    char *bytes[512] = {NULL};
    size_t len[512];
    for (uint64_t number = 1; number < 512; number++) {
        char path[256];
        char name[WEIR_SEGMENT_NAME_BYTES];
        weir_segment_name(number, name);
        snprintf(path, sizeof(path), "%s/%s", folder, name);
        if (access(path, R_OK) != 0)
            break;
        bytes[number] = weir_test_read(path, &len[number]);
        total.segments = number;
    }
    for (uint64_t number = 1; number <= total.segments; number++) {
        struct weir_segment_header next = {0};
        struct weir_journal_reader reader;
        struct weir_record record;
        bool is_last = number == total.segments;
        size_t size = len[number];
        if (!is_last) {
            weir_digest digest;
            assert_ok(weir_segment_header_read(
                (weir_span){bytes[number + 1], len[number + 1]}, &next, NULL));
            assert_in_range(next.previous_bytes, WEIR_SEGMENT_HEADER_BYTES,
                            size);
            size = next.previous_bytes;
            weir_sha256_of((weir_span){bytes[number], size}, &digest);
            assert_true(weir_digest_equal(&digest, &next.previous));
        }
        assert_ok(weir_journal_reader_init(
            &reader, (weir_span){bytes[number], size}, !is_last, NULL));
        assert_int_equal(reader.header.number, number);
        while (weir_journal_next(&reader, &record)) {
            if (record.kind == WEIR_RECORD_GAP) {
                total.gaps++;
                assert_ok(weir_gap_decode(record.payload, &total.gap));
            } else if (record.lane == lane) {
                total.records++;
                assert_int_equal(record.sequence, total.records);
            }
        }
        assert_true(reader.end == WEIR_REPLAY_END ||
                    (is_last && reader.end == WEIR_REPLAY_TORN));
    }
    for (uint64_t number = 1; number <= total.segments; number++)
        free(bytes[number]);
    return total;
}

/* ------------------------------------------------------------- the tests */

TEST(writer, records_of_many_segments_are_read_back_once_each)
{
    weir_journal_mark mark;
    begin();
    struct writer *writer = start();
    step(writer);
    assert_int_equal(weir_journal_state(writer->ring), WEIR_JOURNAL_RUNNING);
    struct weir_lane *lane = producer();
    for (uint64_t i = 0; i < 3000; i++) {
        while (append(lane, i * 37 % 2000, &mark) != WEIR_OK)
            step(writer);
        if (i % 50 == 49)
            step(writer);
    }
    step(writer);
    assert_true(weir_lane_is_durable(lane, mark.position));
    struct total total = read_all(mark.lane);
    assert_int_equal(total.records, 3000);
    assert_in_range(total.segments, 8, 30);
    assert_int_equal(total.gaps, 0);
    weir_lane_close(lane);
    writer_close(writer);
    free(writer);
    end();
}

TEST(writer, a_waiting_producer_is_woken_through_its_fifo)
{
    weir_journal_mark mark;
    char byte;
    begin();
    struct writer *writer = start();
    struct weir_lane *lane = producer();
    step(writer);
    assert_ok(append(lane, 100, &mark));
    assert_int_equal(weir_lane_wait(lane, mark.position, 5, NULL),
                     WEIR_ETIMEOUT);
    assert_false(weir_lane_want(lane, mark.position));
    assert_true(read(weir_lane_fd(lane), &byte, 1) < 0 && errno == EAGAIN);
    step(writer);
    assert_int_equal(read(weir_lane_fd(lane), &byte, 1), 1);
    assert_true(weir_lane_want(lane, mark.position));
    assert_ok(weir_lane_wait(lane, mark.position, 5, NULL));
    weir_lane_close(lane);
    writer_close(writer);
    free(writer);
    end();
}

TEST(writer, a_second_writer_is_refused_while_the_first_lives)
{
    begin();
    struct writer *writer = start();
    static struct writer second;
    struct weir_error err;
    assert_int_equal(writer_open(&second, &writer->config, &err),
                     WEIR_ECONFLICT);
    writer_close(writer);
    free(writer);
    end();
}

/* Killed after every number of steps; producers go on meanwhile, and the
 * next writer takes over: nothing lost, nothing twice. */
TEST(writer, a_writer_killed_between_batches_loses_and_repeats_nothing)
{
    weir_journal_mark mark;
    uint64_t written = 0;
    begin();
    struct writer *writer = start();
    struct weir_lane *lane = producer();
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < 40; i++, written++)
            assert_ok(append(lane, (size_t)round * 100, &mark));
        for (int i = 0; i < round % 4; i++) {
            step(writer);
            for (int k = 0; k < 5; k++, written++)
                assert_ok(append(lane, 64, &mark));
        }
        kill_writer(writer);
        writer = start();
    }
    step(writer);
    assert_true(weir_lane_is_durable(lane, mark.position));
    assert_int_equal(read_all(mark.lane).records, written);
    weir_lane_close(lane);
    writer_close(writer);
    free(writer);
    end();
}

/* Killed between flush and publication: the next one must not write the
 * batch again, and must wake who waits. */
TEST(writer, a_batch_flushed_but_not_published_is_not_written_again)
{
    weir_journal_mark mark;
    begin();
    struct writer *writer = start();
    struct weir_lane *lane = producer();
    step(writer);
    for (int i = 0; i < 7; i++)
        assert_ok(append(lane, 200, &mark));
    /* put the lanes back to where they were before the batch */
    char *shared = (char *)writer->memory + 4096;
    char before[256 * 4];
    memcpy(before, shared, sizeof(before));
    step(writer);
    memcpy(shared, before, sizeof(before));
    assert_false(weir_lane_want(lane, mark.position));
    kill_writer(writer);
    writer = start();
    assert_true(weir_lane_is_durable(lane, mark.position));
    char byte;
    assert_int_equal(read(weir_lane_fd(lane), &byte, 1), 1);
    assert_ok(append(lane, 200, &mark));
    step(writer);
    assert_int_equal(read_all(mark.lane).records, 8);
    weir_lane_close(lane);
    writer_close(writer);
    free(writer);
    end();
}

/* One run: append, step, and every `fail`-th call to the disk fails `times`
 * times in a row. Returns the calls made. */
static int
run_with_failure(int at, int times, int number, int half, bool is_killed)
{
    weir_journal_mark mark = {0};
    uint64_t written = 0;
    begin();
    fail_half = half;
    fail_errno = number;
    struct writer *writer = start();
    struct weir_lane *lane = producer();
    calls = 0;
    fail_at = at;
    fail_until = at + times - 1;
    for (int i = 0; i < 60; i++) {
        if (append(lane, 9000, &mark) == WEIR_OK)
            written++;
        if (i % 2 == 1)
            step(writer);
        if (written > 0 && weir_lane_is_durable(lane, mark.position))
            assert_int_equal(read_all(mark.lane).records, written);
        if (is_killed && i % 7 == 6) {
            kill_writer(writer);
            int kept = fail_at;
            fail_at = 0; /* the start itself is tested elsewhere */
            writer = start();
            fail_at = kept;
        }
    }
    int used = calls;
    fail_at = 0;
    step(writer);
    step(writer);
    assert_int_equal(weir_journal_state(writer->ring), WEIR_JOURNAL_RUNNING);
    assert_ok(append(lane, 10, &mark));
    written++;
    step(writer);
    assert_true(weir_lane_is_durable(lane, mark.position));
    assert_int_equal(read_all(mark.lane).records, written);
    weir_lane_close(lane);
    writer_close(writer);
    free(writer);
    end();
    return used;
}

TEST(writer, nothing_is_lost_or_repeated_when_the_nth_disk_call_fails)
{
    int calls_used = run_with_failure(0, 0, 0, 0, false);
    assert_in_range(calls_used, 60, 400);
    for (int n = 1; n <= calls_used; n++) {
        run_with_failure(n, 1, EIO, 0, false);
        run_with_failure(n, 3, ENOSPC, 1, false);
    }
}

TEST(writer, nothing_is_lost_when_the_disk_fails_and_the_writer_dies_too)
{
    int calls_used = run_with_failure(0, 0, 0, 0, true);
    for (int n = 1; n <= calls_used; n += 3)
        run_with_failure(n, 2, EIO, 1, true);
}

TEST(writer, full_disk_refuses_new_calls_and_recovers_by_itself)
{
    weir_journal_mark mark;
    uint64_t written = 0;
    begin();
    struct writer *writer = start();
    struct weir_lane *lane = producer();
    step(writer);
    fail_errno = ENOSPC;
    /* only the making of files fails, as on a full disk */
    struct writer_disk full = test_disk;
    full.allocate = test_allocate;
    full.write = writer_disk_system.write;
    full.sync = writer_disk_system.sync;
    full.sync_dir = writer_disk_system.sync_dir;
    writer->segments.disk = &full;
    writer->segments.spare.disk = &full;
    if (writer->segments.spare.fd >= 0)
        close(writer->segments.spare.fd);
    writer->segments.spare.fd = -1;
    writer->segments.spare.state = SPARE_NONE;
    calls = 0;
    fail_at = 1;
    fail_until = 1000000;
    while (append(lane, 1000, &mark) == WEIR_OK) {
        written++;
        if (written % 10 == 0)
            step(writer);
        assert_in_range(written, 1, 2000);
    }
    assert_int_equal(weir_journal_state(writer->ring), WEIR_JOURNAL_NO_SPACE);
    /* all that was taken is durable: calls were refused in time */
    step(writer);
    assert_true(weir_lane_is_durable(lane, mark.position));
    assert_int_equal(read_all(mark.lane).records, written);
    assert_int_equal(read_all(mark.lane).segments, 1);
    /* outcomes still go in, and reach the disk when there is room again */
    weir_span part = {"outcome", 7};
    for (int i = 0; i < 50; i++, written++)
        assert_ok(weir_lane_append(lane, WEIR_RECORD_OUTCOME, 1, &part, 1,
                                   WEIR_TIER_CRASH, 1, &mark, NULL));
    fail_at = 0;
    step(writer);
    step(writer);
    assert_int_equal(weir_journal_state(writer->ring), WEIR_JOURNAL_RUNNING);
    assert_ok(append(lane, 1000, &mark));
    step(writer);
    assert_int_equal(read_all(mark.lane).records, written + 1);
    weir_lane_close(lane);
    writer_close(writer);
    free(writer);
    end();
}

TEST(writer, calls_are_refused_while_less_is_free_than_shall_be_kept)
{
    weir_journal_mark mark;
    begin();
    struct writer *writer = start();
    struct weir_lane *lane = producer();
    writer->config.free_bytes = 1000;
    test_room_bytes = 1000;
    step(writer);
    assert_ok(append(lane, 300, &mark));
    test_room_bytes = 999;
    step(writer);
    assert_int_equal(weir_journal_state(writer->ring), WEIR_JOURNAL_NO_SPACE);
    assert_int_equal(append(lane, 300, &mark), WEIR_EUNAVAIL);
    /* what is under way is written all the same */
    weir_span part = {"outcome", 7};
    assert_ok(weir_lane_append(lane, WEIR_RECORD_OUTCOME, 1, &part, 1,
                               WEIR_TIER_CRASH, 1, &mark, NULL));
    step(writer);
    assert_int_equal(read_all(mark.lane).records, 2);
    test_room_bytes = 1000;
    step(writer);
    assert_int_equal(weir_journal_state(writer->ring), WEIR_JOURNAL_RUNNING);
    assert_ok(append(lane, 300, &mark));
    test_room_bytes = UINT64_MAX;
    weir_lane_close(lane);
    writer_close(writer);
    free(writer);
    end();
}

TEST(writer, torn_tail_is_cut_said_and_the_records_written_again)
{
    weir_journal_mark mark;
    begin();
    struct writer *writer = start();
    struct weir_lane *lane = producer();
    step(writer);
    for (int i = 0; i < 5; i++)
        assert_ok(append(lane, 300, &mark));
    char *shared = (char *)writer->memory + 4096;
    char before[256 * 4];
    memcpy(before, shared, sizeof(before));
    step(writer);
    memcpy(shared, before, sizeof(before)); /* never acknowledged */
    int fd = writer->segments.fd;
    uint64_t used = writer->segments.used;
    assert_int_equal(pwrite(fd, "notthere", 8, (off_t)used - 400), 8);
    kill_writer(writer);
    writer = start();
    step(writer);
    struct total total = read_all(mark.lane);
    assert_int_equal(total.records, 5);
    assert_int_equal(total.gaps, 1);
    assert_int_equal(total.gap.reason, WEIR_GAP_TORN_TAIL);
    assert_int_equal(total.gap.segment, 1);
    assert_in_range(total.gap.bytes, 1, 700);
    weir_lane_close(lane);
    writer_close(writer);
    free(writer);
    end();
}

TEST(writer, ring_of_another_boot_is_drained_then_replaced)
{
    weir_journal_mark mark;
    begin();
    struct writer *writer = start();
    struct weir_lane *lane = producer();
    step(writer);
    for (int i = 0; i < 9; i++)
        assert_ok(append(lane, 300, &mark));
    ((char *)writer->memory)[24] ^= 1; /* the boot it was made in */
    kill_writer(writer);
    assert_false(weir_lane_is_stale(lane));
    writer = start();
    struct weir_lane *other;
    assert_int_equal(
        weir_lane_open(ring_path, folder, WEIR_LANE_WORKER, &other, NULL),
        WEIR_EUNAVAIL);
    step(writer);
    step(writer);
    step(writer);
    assert_true(weir_lane_is_stale(lane));
    struct total total = read_all(mark.lane);
    assert_int_equal(total.records, 9);
    assert_int_equal(total.gap.reason, WEIR_GAP_NEW_BOOT);
    other = producer();
    weir_journal_mark mark_after;
    assert_ok(append(other, 10, &mark_after));
    assert_true(mark_after.lane > mark.lane);
    step(writer);
    assert_int_equal(read_all(mark_after.lane).records, 1);
    weir_lane_close(lane);
    weir_lane_close(other);
    writer_close(writer);
    free(writer);
    end();
}

TEST(writer, an_unusable_ring_is_replaced_and_said)
{
    begin();
    int fd = open(ring_path, O_RDWR | O_CREAT, 0600);
    assert_int_equal(write(fd, "rubbish", 7), 7);
    close(fd);
    struct writer *writer = start();
    step(writer);
    struct total total = read_all(0);
    assert_int_equal(total.gaps, 1);
    assert_int_equal(total.gap.reason, WEIR_GAP_RING_REPLACED);
    writer_close(writer);
    free(writer);
    end();
}

TEST(writer, a_damaged_lane_is_said_and_the_others_go_on)
{
    weir_journal_mark mark;
    weir_journal_mark good;
    begin();
    struct writer *writer = start();
    struct weir_lane *lane = producer();
    struct weir_lane *other = producer();
    step(writer);
    assert_ok(append(lane, 100, &mark));
    assert_ok(append(lane, 100, &mark));
    assert_ok(append(other, 100, &good));
    struct weir_journal_lane *journal = weir_lane_journal(lane);
    journal->bytes[WEIR_RECORD_BYTES(100) + 50] ^= 1;
    step(writer);
    assert_true(weir_lane_is_durable(other, good.position));
    assert_false(weir_lane_is_durable(lane, mark.position));
    assert_true(weir_lane_is_stale(lane));
    struct total total = read_all(mark.lane);
    assert_int_equal(total.records, 1);
    assert_int_equal(total.gaps, 1);
    assert_int_equal(total.gap.reason, WEIR_GAP_LANE_DAMAGED);
    assert_true(total.gap.lane == mark.lane);
    assert_int_equal(total.gap.sequence_first, 2);
    weir_lane_close(lane);
    step(writer);
    lane = producer();
    assert_ok(append(lane, 100, &mark));
    step(writer);
    assert_true(weir_lane_is_durable(lane, mark.position));
    weir_lane_close(lane);
    weir_lane_close(other);
    writer_close(writer);
    free(writer);
    end();
}

TEST(writer, process_numbers_tell_the_living_from_the_dead)
{
    uint64_t me = process_owner(getpid());
    assert_true(me != 0);
    assert_true(process_is_alive(me));
    assert_false(process_is_alive(me + (UINT64_C(1) << 22)));
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    siginfo_t info;
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
    assert_int_equal(process_owner(child), 0); /* dead, not yet waited for */
    waitpid(child, NULL, 0);
    assert_int_equal(process_owner(child), 0);
}

TEST(writer, segment_names_are_read_back_and_others_refused)
{
    char name[WEIR_SEGMENT_NAME_BYTES];
    uint64_t number = 0;
    weir_segment_name(12345678901, name);
    assert_true(weir_segment_number(name, &number));
    assert_int_equal(number, 12345678901);
    weir_segment_name(7, name);
    assert_string_equal(name, "0000000007.journal");
    assert_true(weir_segment_number(name, &number));
    assert_int_equal(number, 7);
    static const char *const bad[] = {"spare",
                                      "writer.lock",
                                      "0000000000.journal",
                                      "7.journal",
                                      "00000000007.journal",
                                      "0000000007.journal~",
                                      "-000000007.journal"};
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++)
        assert_false(weir_segment_number(bad[i], &number));
}
