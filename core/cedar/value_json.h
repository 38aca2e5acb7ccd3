/* SPDX-License-Identifier: Apache-2.0 */
/* Values out of JSON trees, and whether they are of a type. */
#ifndef WEIR_CORE_CEDAR_VALUE_JSON_H
#define WEIR_CORE_CEDAR_VALUE_JSON_H

#include "tree.h"

#include <weir/cedar.h>
#include <weir/cedar_schema.h>
#include <weir/json.h>

/* What an object is, in the position of a value. `*inner_out` is the content
 * of the escape, {"type","id"} or {"fn","arg"|"args"}. */
enum value_form { VALUE_RECORD, VALUE_ENTITY, VALUE_CALL, VALUE_EXPRESSION };
enum value_form weir__cedar_value_form(const struct tree *object,
                                       const struct tree **inner_out);
/* `type` directs the reading, NULL: as it stands. Whether the value is of
 * that type is another question: weir__cedar_value_conforms(). */
WEIR_MUST_USE weir_status
weir__cedar_value_read(struct weir_arena *arena, const struct tree *at,
                       const struct weir_cedar_type *type,
                       weir_cedar_value *value_out, struct weir_error *err);
/* {"type","id"} or {"__entity": {..}}. */
WEIR_MUST_USE weir_status weir__cedar_uid_read(const struct tree *at,
                                               struct weir_cedar_uid *uid_out,
                                               struct weir_error *err);
/* {"type","id"} */
void weir__cedar_uid_write(struct weir_json_writer *w,
                           const struct weir_cedar_uid *uid);
/* ETYPE with the given offset when it is not of the type. */
WEIR_MUST_USE weir_status weir__cedar_value_conforms(
    const struct weir_cedar_schema *schema, const weir_cedar_value *value,
    const struct weir_cedar_type *type, uint32_t offset,
    struct weir_error *err);
/* Declared type, id that the type admits, declared action. */
WEIR_MUST_USE weir_status weir__cedar_uid_conforms(
    const struct weir_cedar_schema *schema, const struct weir_cedar_uid *uid,
    uint32_t offset, struct weir_error *err);
#endif
