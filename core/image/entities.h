/* SPDX-License-Identifier: Apache-2.0 */
/* A checked world as a Cedar store on the schema of weir_world_schema(). */
#ifndef WEIR_IMAGE_ENTITIES_H
#define WEIR_IMAGE_ENTITIES_H

#include "members.h"

#include <weir/cedar.h>

/* Adds every entity and seals the store. */
WEIR_MUST_USE weir_status weir__entities_add(
    struct weir_cedar_store *store, const struct weir_world *world,
    const struct weir__members *members, struct weir_arena *arena,
    struct weir_error *err);

/* "tenant/project" in the arena. */
weir_span weir__project_id(const struct weir_world *world,
                           const struct weir_world_project *project,
                           struct weir_arena *arena);
/* The model's family: its own name where none is given. */
weir_span weir__model_family(const struct weir_world_model *model);

#endif
