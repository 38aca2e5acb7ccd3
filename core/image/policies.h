/* SPDX-License-Identifier: Apache-2.0 */
/* Policies by layer: read, checked, bound to their layer's owner. */
#ifndef WEIR_IMAGE_POLICIES_H
#define WEIR_IMAGE_POLICIES_H

#include "names.h"

#include <weir/cedar.h>
#include <weir/cedar_program.h>

/* What a policy says beside its meaning; same index as in `bound`. */
struct weir__policy {
    const struct weir_world_policy *source;
    struct weir_place place;
    size_t offset; /* in the source's text .. */
    size_t end;
    weir_span id;
    weir_span title;
    weir_span authority;
    weir_span appeal;
    weir_span owner; /* provider or tenant; else empty */
    weir_span retain;
    weir_span monitor;
    weir_span filter; /* names, parted by commas */
    uint32_t cache_s;
    enum weir_layer layer;
    bool is_permit;
    uint32_t flags;
    uint32_t strip;
    uint32_t max_n;
    enum weir_tier tier;
    weir_time from;
    weir_time until;
};

struct weir__policies {
    struct weir_cedar_policies *plain; /* as written: for places */
    struct weir_cedar_policies *bound; /* as compiled */
    struct weir__policy *rows;
    struct weir_cedar_rule *rules;
    uint32_t count;
};

/* Everything that is wrong goes to `faults`; false after one. `world` is
 * checked. weir__policies_fini() in any case. */
bool weir__policies_read(struct weir__policies *policies,
                         const struct weir_world *world,
                         struct weir_arena *arena, struct weir_faults *faults);
void weir__policies_fini(struct weir__policies *policies);

/* The whole file, as faults show it. */
struct weir_place weir__policy_file(const struct weir_world_policy *source);

/* The annotations of `row` from those of its text, with faults. */
void weir__policy_annotate(struct weir__policy *row,
                           const struct weir_cedar_policy_info *info,
                           struct weir_faults *faults);

/* Rows below `count`, of 32 at most, that names parted by commas mean, as
 * bits; what each row is called tells `name_of`. */
typedef weir_span weir__name_of(const struct weir_world *world, uint32_t row);
uint32_t weir__named(const struct weir_world *world, weir__name_of *name_of,
                     uint32_t count, weir_span names, weir_span *unknown_out);

/* The filters of names parted by commas, as bits of rows. `unknown_out` (may
 * be NULL) is the first name that nobody declared; else untouched. */
uint32_t weir__classifiers_named(const struct weir_world *world,
                                 weir_span names, weir_span *unknown_out);
uint32_t weir__filters_named(const struct weir_world *world, weir_span names,
                             weir_span *unknown_out);

/* Faults for entities that policies name and the store has not, and for
 * deployments whose place no permit names. */
bool weir__policies_check_names(const struct weir__policies *policies,
                                const struct weir_world *world,
                                const struct weir_cedar_store *store,
                                struct weir_arena *arena,
                                struct weir_faults *faults);

#endif
