/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/cedar_whatif.h - the smallest change of facts that would allow a
 * request that is refused.
 *
 * It is searched: from each policy that stands in the way, the facts that it
 * read are changed one after another, to values that its own text suggests
 * or to "something else". A change that is found has been decided again, so
 * it is true; that there is no smaller one is true of the changes considered,
 * and `is_exhausted` says whether the search was cut by its bounds. It
 * advises people; nothing may be decided by it.
 *
 * Threads and memory: as weir_cedar_decide(), with an arena for the search.
 * Not for the request path: it evaluates all policies many times.
 */
#ifndef WEIR_CEDAR_WHATIF_H
#define WEIR_CEDAR_WHATIF_H

#include <weir/cedar_program.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_CEDAR_CHANGES_MAX 4

/* One fact that would have to be different. */
struct weir_cedar_change {
    enum weir_cedar_read_kind kind; /* ATTRIBUTE or MEMBER */
    uint32_t policy;                /* that stood in the way */
    weir_span path;                 /* how it names the fact */
    weir_cedar_arg subject;         /* the entity, or the record */
    weir_span name;                 /* ATTRIBUTE */
    bool was_present;               /* attribute there; member */
    weir_cedar_arg was;   /* ATTRIBUTE, where present; MEMBER: of what */
    bool is_present;      /* what it would be */
    weir_cedar_arg value; /* likewise */
    bool is_any_other;    /* `value` stands for any other than `was`; where it
                           * was not there, for anything */
};

struct weir_cedar_whatif {
    bool is_found;
    bool is_exhausted; /* all changes below what was found, or up to
                        * change_max, were tried; false: trial_max came first */
    uint32_t change_count;
    uint32_t trial_count; /* decisions that were tried */
    struct weir_cedar_change changes[WEIR_CEDAR_CHANGES_MAX];
};

/* Which facts may be changed; NULL: attributes, and memberships of principal
 * and resource. Never asked for anything else. */
typedef bool weir_cedar_may_change(void *context,
                                   const struct weir_cedar_read *read);

struct weir_cedar_whatif_bounds {
    uint32_t change_max; /* up to WEIR_CEDAR_CHANGES_MAX */
    uint32_t trial_max;  /* decisions; 0: 2,000 */
    bool fails_closed;   /* a forbid that fails denies, as in the gateway */
    weir_cedar_may_change *may_change;
    void *context;
};

/*
 * An allowed request gives is_found with no change. Values point into the
 * program, the request and the arena. ENOMEM: the arena is full.
 */
WEIR_MUST_USE weir_status
weir_cedar_whatif(const struct weir_cedar_program *program,
                  const struct weir_cedar_request *request,
                  const struct weir_cedar_whatif_bounds *bounds, void *scratch,
                  struct weir_arena *arena, struct weir_cedar_whatif *out,
                  struct weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
