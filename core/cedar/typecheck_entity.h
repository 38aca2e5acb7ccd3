/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_CEDAR_TYPECHECK_ENTITY_H
#define WEIR_CORE_CEDAR_TYPECHECK_ENTITY_H

#include "typecheck.h"

/* IN, IS, HAS, GET, HAS_TAG, GET_TAG. */
bool weir__cedar_typecheck_entity(struct checker *checker,
                                  const struct capability *known,
                                  const struct cedar_expr *expr,
                                  struct typed *typed_out);
/* Of this kind (BOOL: True and False too), else "expected `expected`". */
bool weir__cedar_typecheck_as(struct checker *checker,
                              const struct capability *known,
                              const struct cedar_expr *expr,
                              enum weir_cedar_type_kind kind,
                              struct typed *typed_out);

/* `a in b` where b is one literal or several; the types are known. */
const struct weir_cedar_type *
weir__cedar_type_of_in(struct checker *checker, const struct cedar_expr *left,
                       const struct weir_cedar_entity_type *left_type,
                       const struct cedar_expr *right,
                       const struct weir_cedar_entity_type *right_type);

#endif
