/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A full disk, for real: the journal on a tmpfs of 4 MiB beside a ballast
 * file. Calls are refused when it is full, what was taken is durable, and it
 * goes on by itself when the ballast is gone.
 *
 *   journal_full WEIR-WRITER
 *
 * Needs the right to mount (root, or user namespaces); skips aloud without.
 */
#include "journal_check.h"

#include <weir/lane.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SKIP 77

static char folder[] = "/tmp/weir-journal-full-XXXXXX";
static char ring_path[64];
static char disk_path[64];
static char ballast_path[80];
static pid_t writer;

static void
fail(const char *what)
{
    printf("failed: %s\n", what);
    if (writer > 0)
        kill(writer, SIGKILL);
    exit(1);
}

static void
pause_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static bool
mount_disk(void)
{
    if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) !=
        0)
        return false;
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", disk_path, "tmpfs", 0, "size=4m") == 0;
}

static void
make_ballast(size_t len)
{
    int fd = open(ballast_path, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || posix_fallocate(fd, 0, (off_t)len) != 0)
        fail("the ballast file");
    close(fd);
}

static void
start_writer(const char *path)
{
    writer = fork();
    if (writer == 0) {
        execl(path, "weir-writer", "--ring", ring_path, "--dir", disk_path,
              "--run", folder, "--segment-bytes", "1048576", "--lane-bytes",
              "1048576", (char *)NULL);
        _exit(127);
    }
}

static struct weir_lane *
open_lane(void)
{
    struct weir_lane *lane;
    for (int i = 0; i < 500; i++) {
        if (weir_lane_open(ring_path, folder, WEIR_LANE_WORKER, &lane, NULL) ==
            WEIR_OK)
            return lane;
        pause_ms(10);
    }
    fail("no lane in 5 s");
    return NULL;
}

/* Durable calls until one is refused; returns how many were taken. */
static uint64_t
call_until_refused(struct weir_lane *lane, weir_journal_mark *mark)
{
    static char text[1000];
    weir_span part = {text, sizeof(text)};
    uint64_t taken = 0;
    while (weir_lane_append(lane, WEIR_RECORD_INTENT, 1, &part, 1,
                            WEIR_TIER_DURABLE, 1, mark, NULL) == WEIR_OK) {
        taken++;
        if (weir_lane_wait(lane, mark->position, 2000, NULL) != WEIR_OK)
            fail("a call was taken on a full disk and never became durable");
        if (taken > 100000)
            fail("4 MiB took 100,000 records");
    }
    return taken;
}

static void
wait_running(struct weir_lane *lane)
{
    for (int i = 0; i < 300; i++) {
        if (weir_lane_state(lane) == WEIR_JOURNAL_RUNNING)
            return;
        pause_ms(10);
    }
    fail("the writer did not recover in 3 s");
}

int
main(int argc, char **argv)
{
    static struct check check;
    weir_journal_mark mark = {0};
    int status;

    if (argc < 2 || mkdtemp(folder) == NULL)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    snprintf(ring_path, sizeof(ring_path), "%s/journal.ring", folder);
    snprintf(disk_path, sizeof(disk_path), "%s/disk", folder);
    snprintf(ballast_path, sizeof(ballast_path), "%s/ballast", disk_path);
    mkdir(disk_path, 0700);
    if (!mount_disk()) {
        printf("skipped: no right to mount a small disk (%s)\n",
               strerror(errno));
        rmdir(disk_path);
        rmdir(folder);
        return SKIP;
    }
    make_ballast(1536 * 1024);
    start_writer(argv[1]);
    struct weir_lane *lane = open_lane();
    wait_running(lane);
    uint64_t taken = call_until_refused(lane, &mark);
    if (taken < 900 || weir_lane_state(lane) != WEIR_JOURNAL_NO_SPACE)
        fail("refused before the disk was full");
    printf("%llu calls, then refused: no space\n", (unsigned long long)taken);
    weir_span part = {"outcome", 7};
    for (int i = 0; i < 20; i++, taken++)
        if (weir_lane_append(lane, WEIR_RECORD_OUTCOME, 1, &part, 1,
                             WEIR_TIER_DURABLE, 1, &mark, NULL) != WEIR_OK)
            fail("an outcome was refused");
    if (weir_lane_wait(lane, mark.position, 2000, NULL) != WEIR_OK)
        fail("the room kept for outcomes did not take them");
    /* dying on a full disk and coming back changes nothing */
    kill(writer, SIGKILL);
    waitpid(writer, &status, 0);
    start_writer(argv[1]);
    pause_ms(400);
    if (weir_lane_append(lane, WEIR_RECORD_INTENT, 1, &part, 1,
                         WEIR_TIER_DURABLE, 1, &mark, NULL) == WEIR_OK) {
        taken++;
        if (weir_lane_wait(lane, mark.position, 2000, NULL) != WEIR_OK)
            printf("one call waited in vain after the restart\n");
    }
    unlink(ballast_path);
    wait_running(lane);
    uint64_t more = call_until_refused(lane, &mark);
    printf("%llu calls more after room was made\n", (unsigned long long)more);
    if (more < 500)
        fail("the space that came back was not used");
    uint64_t incarnation = mark.lane;
    weir_lane_close(lane);
    kill(writer, SIGTERM);
    waitpid(writer, &status, 0);
    check_journal(&check, disk_path);
    const struct check_lane *found = check_lane(&check, incarnation);
    if (check.faults != 0 || check.gaps != 0 || found == NULL ||
        found->last != taken + more)
        fail("the segments do not hold what was taken");
    umount(disk_path);
    return 0;
}
