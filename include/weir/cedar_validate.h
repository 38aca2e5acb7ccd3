/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/cedar_validate.h - strict validation of policies against a schema.
 *
 * A policy that validates can not fail with a type error, a missing
 * attribute or a missing tag on entities and requests that conform to the
 * schema; what stays possible is arithmetic overflow, an entity that is
 * absent from the store, and the limits of extension functions.
 *
 * Threads: no shared state. Memory: findings live in the caller's arena;
 * scratch memory is taken from the heap and returned.
 */
#ifndef WEIR_CEDAR_VALIDATE_H
#define WEIR_CEDAR_VALIDATE_H

#include <weir/cedar.h>
#include <weir/cedar_schema.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The one difference: "no action of the schema can satisfy this scope" is
 * an error up to 4.12 and a warning from 4.13 on. */
enum weir_cedar_dialect { WEIR_CEDAR_4_12, WEIR_CEDAR_4_13 };

struct weir_cedar_finding {
    uint32_t policy; /* index in the set */
    bool is_warning;
    uint32_t offset; /* in the policy's text, or WEIR_OFFSET_NONE */
    weir_span text;  /* one clause; may name types and attributes */
};

struct weir_cedar_findings {
    const struct weir_cedar_finding *items; /* by policy, then as found */
    size_t count;
    size_t error_count; /* 0: the set validates */
};

/*
 * Checks every static policy and template of the set in every request
 * environment of the schema, and every link's slots. WEIR_OK says that the
 * check ran; the verdict is findings_out->error_count. ENOMEM: no verdict.
 */
WEIR_MUST_USE weir_status weir_cedar_validate(
    const struct weir_cedar_policies *set,
    const struct weir_cedar_schema *schema, enum weir_cedar_dialect dialect,
    struct weir_arena *arena, struct weir_cedar_findings *findings_out,
    struct weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
