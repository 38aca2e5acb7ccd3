/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/grant.h - approved exceptions and licences, as workers see them.
 *
 * A grant lets calls through that policy would refuse, as far as policy
 * itself says so: a decision that is not an allow is taken once more with
 * `context.exception` set to Exception::"<name>", and only policies that
 * read it can answer differently. The grant that made the difference is
 * charged: its calls, tokens and money are counted over all workers and for
 * its whole life.
 *
 * Rows stand in the overlay, so that approving, revoking and the end of a
 * date act without a new image. docs/why/exceptions.md says why.
 *
 * Threads and memory: rows are read-only parts of the overlay.
 */
#ifndef WEIR_GRANT_H
#define WEIR_GRANT_H

#include <weir/base.h>

#define WEIR_GRANT_ID_BYTES   32u /* with a NUL */
#define WEIR_GRANT_NAME_BYTES 64u /* with a NUL */
#define WEIR_GRANT_UNLIMITED  INT64_C(-1)
/* Of one overlay; more are refused when approved. */
#define WEIR_GRANTS_MAX 4096u
/* Tried for one call; those that end first, first. */
#define WEIR_GRANTS_TRIED_MAX 16u

/* Numbers are permanent: stores and overlays keep them. */
enum weir_grant_party {
    WEIR_GRANT_ORGANISATION = 1,
    WEIR_GRANT_TENANT = 2,
    WEIR_GRANT_PROJECT = 3, /* "tenant/project" */
    WEIR_GRANT_KEY = 4      /* its public id */
};
enum weir_grant_target {
    WEIR_GRANT_ANY_MODEL = 0,
    WEIR_GRANT_MODEL = 1,
    WEIR_GRANT_FAMILY = 2,
    WEIR_GRANT_PROVIDER = 3
};
enum weir_grant_place {
    WEIR_GRANT_ANYWHERE = 0,
    WEIR_GRANT_REGION = 1,      /* of the deployment */
    WEIR_GRANT_JURISDICTION = 2 /* where the deployment runs */
};

/* What a grant is for. One of the watch lets nothing through: calls in its
 * scope are charged to it, and while it has something left no step of the
 * watch meets them. */
enum weir_grant_use { WEIR_GRANT_FOR_POLICY = 0, WEIR_GRANT_FOR_WATCH = 1 };

struct weir_grant {
    char id[WEIR_GRANT_ID_BYTES];     /* NUL-padded */
    char name[WEIR_GRANT_NAME_BYTES]; /* Exception::"name" of the policies */
    uint64_t party;                   /* weir_grant_hash() */
    uint64_t target;
    uint64_t place;
    uint64_t subject;    /* of its counters; not 0 */
    uint8_t party_kind;  /* enum weir_grant_party */
    uint8_t target_kind; /* enum weir_grant_target */
    uint8_t place_kind;  /* enum weir_grant_place */
    uint8_t use;         /* enum weir_grant_use */
    uint32_t purpose;    /* of the keys it is for; 0: of any */
    weir_time from;
    weir_time until;    /* first moment at which it is over */
    int64_t amounts[3]; /* by enum weir_metric; WEIR_GRANT_UNLIMITED */
};
_Static_assert(sizeof(struct weir_grant) == 176, "docs/formats/image.md");

weir_span weir_grant_id(const struct weir_grant *grant);
weir_span weir_grant_name(const struct weir_grant *grant);
/* Fills id and subject; false: it does not fit. */
bool weir_grant_set_id(struct weir_grant *grant, weir_span id);
bool weir_grant_set_name(struct weir_grant *grant, weir_span name);
/* As party, target and place name things. */
uint64_t weir_grant_party_hash(enum weir_grant_party kind, weir_span name);
uint64_t weir_grant_target_hash(enum weir_grant_target kind, weir_span name);
/* Never 0, but of an empty text. */
uint32_t weir_grant_purpose_hash(weir_span purpose);
uint64_t weir_grant_place_hash(enum weir_grant_place kind, weir_span name);

#endif
