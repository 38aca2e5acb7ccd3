/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State of the policy parser, shared by its two files: parse_policy.c reads
 * scopes and policies, parse_expr.c expressions. The first failure stays in
 * builder.error; functions then return false or NULL and callers leave.
 */
#ifndef WEIR_CORE_CEDAR_PARSER_H
#define WEIR_CORE_CEDAR_PARSER_H

#include "ast.h"
#include "lexer.h"

struct cedar_parser {
    struct cedar_lexer lexer;
    struct cedar_token token; /* the one to look at */
    struct cedar_token next;  /* the one behind it */
    uint32_t last_end;        /* behind the last consumed token */
    uint32_t depth;
    struct cedar_builder builder;
};

/* False (and builder.error) when the first tokens do not lex. */
bool weir__cedar_parser_start(struct cedar_parser *parser,
                              struct weir_arena *arena, weir_span text);
bool weir__cedar_advance(struct cedar_parser *parser);
/* Consumes `kind` or fails with "expected `what`". */
bool weir__cedar_expect(struct cedar_parser *parser, enum cedar_token_kind kind,
                        const char *what);
bool weir__cedar_refuse(struct cedar_parser *parser, size_t offset,
                        const char *text);
bool weir__cedar_no_memory(struct cedar_parser *parser);

struct cedar_expr *weir__cedar_expression(struct cedar_parser *parser);

/* IDENT { "::" IDENT }; when `id_out` is not NULL and a string follows, the
 * string too. `has_id_out` says which it was. */
bool weir__cedar_path(struct cedar_parser *parser, weir_span *name_out,
                      weir_span *id_out, bool *has_id_out);

/* Room for one more in an arena array that doubles. */
void *weir__cedar_grow(struct cedar_parser *parser, void *items, size_t size,
                       uint32_t count);

#endif
