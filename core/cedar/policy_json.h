/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that read policies out of JSON share. */
#ifndef WEIR_CORE_CEDAR_POLICY_JSON_H
#define WEIR_CORE_CEDAR_POLICY_JSON_H

#include "ast.h"
#include "tree.h"
#include "value_json.h"

struct policy_reader {
    struct cedar_builder builder; /* its error is the reader's */
};

/* All return NULL (false) when builder.error is set. */
struct cedar_expr *weir__cedar_json_expr(struct policy_reader *reader,
                                         const struct tree *at);
struct weir_cedar_uid *weir__cedar_json_uid(struct policy_reader *reader,
                                            const struct tree *at);
bool weir__cedar_json_copy(struct policy_reader *reader, weir_span text,
                           weir_span *copy_out);
struct cedar_expr *weir__cedar_json_refuse(struct policy_reader *reader,
                                           const struct tree *at,
                                           const char *what);

#endif
