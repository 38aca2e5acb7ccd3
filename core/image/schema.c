/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema that every policy is written against: the text of
 * policies/weir.cedarschema, which is also installed for people and editors.
 *
 * Four places are kept apart: the contracting organisation's (headquarters
 * and incorporation), the user's (context.client_country, end_users), the
 * staff's and the deployment's (where it runs, where data rests).
 */
#include <weir/world.h>

static const char schema[] =
#include "weir_cedarschema.inc"
    ;

weir_span
weir_world_schema(void)
{
    return (weir_span){schema, sizeof(schema) - 1};
}
