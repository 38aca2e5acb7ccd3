/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of weir_world_check(). */
#ifndef WEIR_IMAGE_CHECK_H
#define WEIR_IMAGE_CHECK_H

#include "names.h"

struct weir__check {
    struct weir_world *world;
    struct weir_faults *faults;
    struct weir_arena scratch;
    struct weir__names blocs;
    struct weir__names providers;
    struct weir__names families;
    struct weir__names models;
    struct weir__names regions;
    struct weir__names origins;
    struct weir__names deployments;
    struct weir__names routes;
    struct weir__names organisations;
    struct weir__names lists;
    struct weir__names rules;
    struct weir__names tenants;
    struct weir__names projects; /* "tenant/project" */
    struct weir__names groups;
    struct weir__names budgets;
};

/* Longest name; names become Cedar ids, log fields and headers. */
#define WEIR__NAME_MAX 128

/* Put `name` of a `what` into `names`; faults for bad and doubled names.
 * False: not put. */
bool weir__check_name(struct weir__check *check, struct weir__names *names,
                      struct weir_place place, const char *what, weir_span name,
                      uint32_t row);
/* The row behind a name, with faults for missing and dangling ones.
 * `owner` is who names it: "model \"x\"". */
void weir__check_ref(struct weir__check *check, const struct weir__names *names,
                     const char *what, const char *owner,
                     struct weir_world_name *name);
void weir__check_jurisdiction(struct weir__check *check, const char *what,
                              const char *owner, struct weir_world_name *name);

/* `kind "name"`, cut to fit. */
#define WEIR__OWNER_TEXT 176
void weir__check_owner(char text_out[WEIR__OWNER_TEXT], const char *kind,
                       weir_span name);

/* places.c: the scope of a key. pins.c: of a deployment. */
void weir__check_scope(struct weir__check *check, const char *owner,
                       struct weir_place place, weir_span scope);
void weir__check_pins(struct weir__check *check, const char *owner,
                      const struct weir_world_deployment *deployment);

void weir__check_catalogue(struct weir__check *check);
/* After the routes: dates and successors. */
void weir__check_lives(struct weir__check *check);
void weir__check_routes(struct weir__check *check);
void weir__check_parties(struct weir__check *check);
void weir__check_callers(struct weir__check *check);
/* Budgets of `owner`: amounts that can be counted, each once. */
void weir__check_limits(struct weir__check *check,
                        struct weir_world_range range, const char *owner);
/* After callers and routes: groups, budgets, and how many limits a call is
 * under. */
void weir__check_budgets(struct weir__check *check);
void weir__check_onboarding(struct weir__check *check);
/*
 * The row of `terms:` that "NAME" or "NAME@VERSION" names, or NULL; then
 * why_out says what is wrong, as the end of a sentence.
 */
#define WEIR__TERMS_WHY 256
const struct weir_world_terms *weir__terms_find(const struct weir_world *world,
                                                weir_span text,
                                                weir_span provider,
                                                char why_out[WEIR__TERMS_WHY]);
void weir__check_watch(struct weir__check *check);
void weir__check_shares(struct weir__check *check);
void weir__check_filters(struct weir__check *check);
void weir__check_classifiers(struct weir__check *check);
/* After the routes. */
void weir__check_servers(struct weir__check *check);
/* Of a checked world: whether that row's calls are watched. */
bool weir__watches_tenant(const struct weir_world *world, uint32_t row);
bool weir__watches_model(const struct weir_world *world, uint32_t row);
void weir__check_contracts(struct weir__check *check);
void weir__check_objectives(struct weir__check *check);
void weir__check_settings(struct weir__check *check);

#endif
