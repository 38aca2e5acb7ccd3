/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a whole journal directory by the rules of docs/formats/journal.md
 * and says aloud what is wrong with it.
 */
#ifndef WEIR_TEST_JOURNAL_CHECK_H
#define WEIR_TEST_JOURNAL_CHECK_H

#include <weir/journal.h>

#define CHECK_LANES_MAX 8192

/* What stands in the segments of one incarnation of a lane. */
struct check_lane {
    uint64_t incarnation;
    uint64_t records;
    uint64_t last; /* sequence */
    bool is_wrong; /* a hole, or one twice, or out of order */
};

struct check {
    struct check_lane lanes[CHECK_LANES_MAX];
    size_t lane_count;
    uint64_t segments;
    uint64_t records;
    uint64_t gaps; /* but torn tails: these lose nothing */
    uint64_t torn;
    uint64_t faults; /* each was printed */
};

void check_journal(struct check *check, const char *dir);
const struct check_lane *check_lane(const struct check *check,
                                    uint64_t incarnation);

#endif
