/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/cedar_json.h - entities, contexts, requests and policies as JSON.
 *
 * With a schema the types direct the reading (a plain string may stand for
 * an extension value, {"type","id"} for an entity) and everything read is
 * checked against it. Integers are exact int64; fractions, exponents and
 * null are refused. All errors carry the byte offset in the text.
 *
 * Threads: no shared state. Memory: values live in the caller's arena
 * and borrow strings from the text, which must outlive them; entities and
 * policies are copied into their store or set.
 */
#ifndef WEIR_CEDAR_JSON_H
#define WEIR_CEDAR_JSON_H

#include <weir/cedar.h>
#include <weir/cedar_schema.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------- entities */

/*
 * Adds an array of {"uid","attrs","parents","tags"?} to a store that is not
 * sealed. With a schema (NULL: none) every entity must conform, an action
 * must be as the schema declares it, and all actions of the schema are
 * added. EPARSE, ETYPE (does not conform), ECONFLICT (twice, different).
 */
WEIR_MUST_USE weir_status weir_cedar_entities_read(
    struct weir_cedar_store *store, const struct weir_cedar_schema *schema,
    weir_span text, struct weir_error *err);
/* The actions of a schema, with the groups that they are in. */
WEIR_MUST_USE weir_status weir_cedar_store_add_actions(
    struct weir_cedar_store *store, const struct weir_cedar_schema *schema,
    struct weir_error *err);
/* ETYPE: the entity does not conform. Not for actions. */
WEIR_MUST_USE weir_status weir_cedar_entity_check(
    const struct weir_cedar_schema *schema,
    const struct weir_cedar_entity *entity, struct weir_error *err);

/* ---------------------------------------------------------- requests */

/* One record. `schema` and `action` are both given or both NULL; ETYPE: the
 * action is not declared, or the context is not as it says. */
WEIR_MUST_USE weir_status weir_cedar_context_read(
    struct weir_arena *arena, const struct weir_cedar_schema *schema,
    const struct weir_cedar_uid *action, weir_span text,
    weir_cedar_value *context_out, struct weir_error *err);
/* {"principal","action","resource","context"?}, each as in entity files;
 * other members are ignored. With a schema, also weir_cedar_request_check().
 */
WEIR_MUST_USE weir_status weir_cedar_request_read(
    struct weir_arena *arena, const struct weir_cedar_schema *schema,
    weir_span text, struct weir_cedar_query *query_out, struct weir_error *err);
/* ETYPE: action not declared, types that it does not apply to, an id that
 * an enum does not list, or a context that does not conform. */
WEIR_MUST_USE weir_status weir_cedar_request_check(
    const struct weir_cedar_schema *schema,
    const struct weir_cedar_query *query, struct weir_error *err);

/* ---------------------------------------------------------- policies */

/*
 * A policy set {"staticPolicies","templates","templateLinks"}, an array of
 * policies (named policyN by position), or one policy object (named policyN
 * too). All or none are added.
 * EPARSE, ECONFLICT: an id is taken; ETYPE: a link's slots; ELIMIT: depth.
 */
WEIR_MUST_USE weir_status
weir_cedar_policies_add_json(struct weir_cedar_policies *set, weir_span text,
                             weir_span file, struct weir_error *err);
/* The whole set, or one policy or template; what was a sugar stays one. */
WEIR_MUST_USE weir_status
weir_cedar_policies_write_json(const struct weir_cedar_policies *set,
                               struct weir_buf *out, struct weir_error *err);
WEIR_MUST_USE weir_status
weir_cedar_policy_write_json(const struct weir_cedar_policy *policy,
                             struct weir_buf *out, struct weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
