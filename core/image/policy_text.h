/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the compiler needs from a policy's text beyond its meaning: where
 * the scope can be bound to a layer's owner, and which entities it names.
 * Works on text that the parser has accepted.
 */
#ifndef WEIR_IMAGE_POLICY_TEXT_H
#define WEIR_IMAGE_POLICY_TEXT_H

#include <weir/base.h>

enum weir__binding { WEIR__BIND_PRINCIPAL, WEIR__BIND_RESOURCE };

/*
 * Appends the one policy `text` with its scope narrowed to `entity` (Cedar
 * text such as `Tenant::"t"`): into the scope where that part of it is
 * free, else as the first condition.
 */
void weir__policy_bind(weir_span text, enum weir__binding binding,
                       weir_span entity, struct weir_buf *out);

/* An entity literal; type without white space only where written so. */
struct weir__literal {
    weir_span type; /* "Bloc" */
    weir_span id;   /* raw, between the quotes */
    size_t offset;  /* of the type in the text */
};

/* The next literal at or behind *at; false at the end. */
bool weir__policy_literal(weir_span text, size_t *at,
                          struct weir__literal *literal_out);

#endif
