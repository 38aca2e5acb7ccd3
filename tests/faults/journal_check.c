/* SPDX-License-Identifier: Apache-2.0 */
#include "journal_check.h"

#include <weir/lane.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void
fault(struct check *check, uint64_t number, uint64_t offset, const char *what)
{
    check->faults++;
    printf("segment %llu, byte %llu: %s\n", (unsigned long long)number,
           (unsigned long long)offset, what);
}

static void
count(struct check *check, uint64_t number, const struct weir_record *record)
{
    size_t i = 0;
    check->records++;
    if (record->kind == WEIR_RECORD_GAP) {
        weir_gap gap;
        if (weir_gap_decode(record->payload, &gap) != WEIR_OK)
            fault(check, number, record->offset, "a gap record is not sound");
        else if (gap.reason == WEIR_GAP_TORN_TAIL)
            check->torn++;
        else
            check->gaps++;
    }
    if (record->kind == WEIR_RECORD_GAP || record->kind == WEIR_RECORD_BATCH)
        return; /* the writer's own, numbered together with its batches */
    while (i < check->lane_count && check->lanes[i].incarnation != record->lane)
        i++;
    if (i == CHECK_LANES_MAX) {
        fault(check, number, record->offset, "too many lanes for this check");
        return;
    }
    if (i == check->lane_count)
        check->lanes[check->lane_count++].incarnation = record->lane;
    struct check_lane *lane = &check->lanes[i];
    lane->records++;
    if (record->sequence != lane->last + 1) {
        lane->is_wrong = true;
        fault(check, number, record->offset,
              record->sequence <= lane->last ? "a record stands here again"
                                             : "records are missing");
    }
    lane->last = record->sequence;
}

static weir_span
map_segment(const char *dir, uint64_t number)
{
    char path[4096];
    char name[WEIR_SEGMENT_NAME_BYTES];
    struct stat info;
    weir_span bytes = WEIR_SPAN_NONE;
    weir_segment_name(number, name);
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return bytes;
    if (fstat(fd, &info) == 0 && info.st_size > 0) {
        void *memory =
            mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (memory != MAP_FAILED)
            bytes = (weir_span){memory, (size_t)info.st_size};
    }
    close(fd);
    return bytes;
}

static void
check_segment(struct check *check, uint64_t number, weir_span bytes,
              weir_span following)
{
    struct weir_segment_header header;
    struct weir_journal_reader reader;
    struct weir_record record;
    bool is_last = following.ptr == NULL;
    if (!is_last) {
        weir_digest digest;
        if (weir_segment_header_read(following, &header, NULL) != WEIR_OK ||
            header.previous_bytes > bytes.len) {
            fault(check, number + 1, 0, "the header is not sound");
            return;
        }
        bytes.len = (size_t)header.previous_bytes;
        weir_sha256_of(bytes, &digest);
        if (!weir_digest_equal(&digest, &header.previous))
            fault(check, number, 0, "is not what the next one's digest says");
    }
    if (weir_journal_reader_init(&reader, bytes, !is_last, NULL) != WEIR_OK ||
        reader.header.number != number) {
        fault(check, number, 0, "the header is not sound");
        return;
    }
    while (weir_journal_next(&reader, &record))
        count(check, number, &record);
    if (reader.end == WEIR_REPLAY_DAMAGED)
        fault(check, number, reader.offset, "damaged");
    else if (reader.end == WEIR_REPLAY_TORN)
        fault(check, number, reader.offset, "torn, after the writer left");
}

void
check_journal(struct check *check, const char *dir)
{
    memset(check, 0, sizeof(*check));
    weir_span bytes = map_segment(dir, 1);
    while (bytes.ptr != NULL) {
        check->segments++;
        weir_span following = map_segment(dir, check->segments + 1);
        check_segment(check, check->segments, bytes, following);
        munmap((void *)(uintptr_t)bytes.ptr, bytes.len);
        bytes = following;
    }
}

const struct check_lane *
check_lane(const struct check *check, uint64_t incarnation)
{
    for (size_t i = 0; i < check->lane_count; i++)
        if (check->lanes[i].incarnation == incarnation)
            return &check->lanes[i];
    return NULL;
}
