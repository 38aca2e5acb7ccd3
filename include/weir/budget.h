/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/budget.h - budgets as an image has them: over whom, in which
 * calendar, with which shares.
 *
 * Limits that a tenant, a project or a key has by itself are in their rows.
 * A budget has a name and reaches over anything: an organisation, an owner
 * group, a group of the operator's making, one end customer, some models. It
 * is one counter for each limit, or one for each member (`each`), or a pool
 * in which members have reserved shares (weir/quota.h).
 *
 * Threads and memory: pure functions over an open image.
 */
#ifndef WEIR_BUDGET_H
#define WEIR_BUDGET_H

#include <weir/base.h>
#include <weir/image.h>

/* Over whose calls. Numbers are permanent. */
enum weir_budget_of {
    WEIR_BUDGET_EVERYONE = 0,
    WEIR_BUDGET_ORGANISATION = 1, /* all its tenants */
    WEIR_BUDGET_OWNERS = 2,       /* all organisations under the roof of one */
    WEIR_BUDGET_GROUP = 3,        /* as `groups:` lists them */
    WEIR_BUDGET_TENANT = 4,
    WEIR_BUDGET_PROJECT = 5,
    WEIR_BUDGET_KEY = 6,
    WEIR_BUDGET_OFS = 7
};
/* "everyone", "organisation", "owner_group", "group", ... */
const char *weir_budget_of_name(uint32_t of);

/* One counter for each of these. Numbers are permanent. */
enum weir_budget_each {
    WEIR_BUDGET_ONE = 0, /* one for all of them */
    WEIR_BUDGET_EACH_ORGANISATION = 1,
    WEIR_BUDGET_EACH_TENANT = 2,
    WEIR_BUDGET_EACH_PROJECT = 3,
    WEIR_BUDGET_EACH_KEY = 4,
    WEIR_BUDGET_EACH_END_CUSTOMER = 5, /* calls that name one */
    WEIR_BUDGET_EACH_MODEL = 6,
    WEIR_BUDGET_EACHES = 7
};
/* "", "organisation", "tenant", ... */
const char *weir_budget_each_name(uint32_t each);

#define WEIR_BUDGET_SOFT       1u /* counts and tells, never refuses */

#define WEIR_BUDGET_ALERTS_MAX 8

struct weir_image_budget {
    weir_ref name;
    weir_ref of_name;      /* the organisation, ... ; empty: everyone */
    weir_ref end_customer; /* only calls for this one; empty: any */
    uint32_t of;           /* enum weir_budget_of */
    uint32_t each;         /* enum weir_budget_each */
    uint32_t flags;        /* WEIR_BUDGET_* */
    uint32_t zone;         /* row plus 1; 0: UTC */
    uint32_t first_limit;
    uint32_t limit_count;
    uint32_t first_model; /* budget_refs: rows of models */
    uint32_t model_count; /* 0: any model */
    uint32_t first_share; /* shares with reserves */
    uint32_t share_count; /* 0: no pool */
    uint32_t alert_count;
    uint32_t alerts[WEIR_BUDGET_ALERTS_MAX]; /* ppm of a limit, ascending */
    uint32_t reserved;
    uint64_t hash; /* of all that decides what is counted: a change of that
                      is another counter, which begins at the ledger's sum */
};

/* What a member of a pool is never refused. */
struct weir_image_reserve {
    weir_ref name;
    uint32_t of;  /* ORGANISATION, TENANT, PROJECT or KEY */
    uint32_t ppm; /* of each limit */
    uint64_t hash;
};

/* A key is under these budgets: rows first .. first + count - 1 of uses. */
struct weir_image_key_uses {
    uint32_t first;
    uint32_t count;
};

struct weir_image_use {
    uint32_t budget;
    uint32_t share; /* its row plus 1; 0: the rest of the pool, or no pool */
};

/* A zone of the calendar: from each time on it is so far east of UTC. */
struct weir_image_zone {
    weir_ref name;  /* "Europe/Oslo" */
    uint32_t first; /* shift rows, ascending; one at least */
    uint32_t count;
};

struct weir_image_shift {
    weir_time from;
    int64_t offset_s;
};

/* Seconds east of UTC; `zone` as a budget has it. Before the first shift the
 * first one counts. */
int32_t weir_zone_offset(const struct weir_image *image, uint32_t zone,
                         weir_time when);
/* When the clocks of the zone show `local` (a time as if it were UTC); of two
 * such times the earlier, of none the moment they jump over it. */
weir_time weir_zone_utc(const struct weir_image *image, uint32_t zone,
                        weir_time local);

/* The window of weir/quota.h that contains `when`, by the zone's midnights.
 * Minutes and hours are the same everywhere. `local_out` (may be NULL) is
 * `when` as weir_quota_get() takes it. */
void weir_budget_window(const struct weir_image *image, uint32_t zone,
                        uint32_t window, weir_time when, weir_time *local_out,
                        weir_time *starts_at_out, weir_time *ends_at_out);

/* A counter's subject: of a member by the member's own hash; 0: of all. */
uint64_t weir_budget_subject(uint64_t budget, uint64_t member);

/* The members' hashes by which `each` parts a call; 0: the call is under no
 * counter of the budget (it names no end customer). `model`: a row, or
 * WEIR_INDEX_NONE where `each` is not of models. */
uint64_t weir_budget_member(const struct weir_image *image,
                            const struct weir_image_budget *budget,
                            uint32_t key, weir_span end_customer,
                            uint32_t model);

/* Whether calls answered by this model count. */
bool weir_budget_has_model(const struct weir_image *image,
                           const struct weir_image_budget *budget,
                           uint32_t model);

/* What of a limit is reserved for one member, and what is left for all. */
int64_t weir_budget_reserve(int64_t amount, uint32_t ppm);
int64_t weir_budget_rest(const struct weir_image *image,
                         const struct weir_image_budget *budget,
                         int64_t amount);

/* ---------------------------------------------------------- forecast */

/*
 * When `used` reaches `limit` if the window goes on as it went so far; both
 * within [starts_at, ends_at). WEIR_TIME_MAX: not in this window, or nothing
 * is used yet. `at_end_out` (may be NULL): what it would come to.
 */
weir_time weir_budget_full_at(int64_t used, int64_t limit, weir_time starts_at,
                              weir_time ends_at, weir_time now,
                              int64_t *at_end_out);

#endif
