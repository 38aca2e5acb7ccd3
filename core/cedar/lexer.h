/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of policies and of schemas in the human-readable syntax. The lexer
 * allocates nothing: a token is a place in the text.
 */
#ifndef WEIR_CORE_CEDAR_LEXER_H
#define WEIR_CORE_CEDAR_LEXER_H

#include <weir/cedar.h>

enum cedar_token_kind {
    CEDAR_TOKEN_END,
    CEDAR_TOKEN_IDENT,
    CEDAR_TOKEN_NUMBER,
    CEDAR_TOKEN_STRING, /* text with its quotes; see cedar_unescape */
    CEDAR_TOKEN_SLOT,   /* text with its question mark: ?principal */
    CEDAR_TOKEN_AT,
    CEDAR_TOKEN_DOT,
    CEDAR_TOKEN_COMMA,
    CEDAR_TOKEN_SEMICOLON,
    CEDAR_TOKEN_COLON,
    CEDAR_TOKEN_COLONS,
    CEDAR_TOKEN_PAREN_OPEN,
    CEDAR_TOKEN_PAREN_CLOSE,
    CEDAR_TOKEN_BRACE_OPEN,
    CEDAR_TOKEN_BRACE_CLOSE,
    CEDAR_TOKEN_BRACKET_OPEN,
    CEDAR_TOKEN_BRACKET_CLOSE,
    CEDAR_TOKEN_EQUAL,         /* == */
    CEDAR_TOKEN_NOT_EQUAL,     /* != */
    CEDAR_TOKEN_LESS,          /* <, also opens Set< > */
    CEDAR_TOKEN_LESS_EQUAL,    /* <= */
    CEDAR_TOKEN_GREATER,       /* > */
    CEDAR_TOKEN_GREATER_EQUAL, /* >= */
    CEDAR_TOKEN_OR,
    CEDAR_TOKEN_AND,
    CEDAR_TOKEN_PLUS,
    CEDAR_TOKEN_MINUS,
    CEDAR_TOKEN_STAR,
    CEDAR_TOKEN_NOT,      /* ! */
    CEDAR_TOKEN_ASSIGN,   /* =, schemas */
    CEDAR_TOKEN_QUESTION, /* a bare ?, schemas */
    CEDAR_TOKEN_SLASH,    /* lexes, then "not supported" */
    CEDAR_TOKEN_PERCENT
};

struct cedar_token {
    enum cedar_token_kind kind;
    uint32_t offset;
    weir_span text;
};

struct cedar_lexer {
    weir_span text;
    size_t at;
};

/* EPARSE for bytes that start no token; ETOOBIG for 4 GiB of text. */
WEIR_MUST_USE weir_status weir__cedar_lex(struct cedar_lexer *lexer,
                                          struct cedar_token *token_out,
                                          struct weir_error *err);
/* Like weir__cedar_lex, but a comment comes back as a token of kind END with
 * text (from // to before the line's end): for the formatter. */
WEIR_MUST_USE weir_status weir__cedar_lex_comment(struct cedar_lexer *lexer,
                                                  struct cedar_token *token_out,
                                                  struct weir_error *err);

/* The string of a STRING token, decoded into the arena. */
WEIR_MUST_USE weir_status weir__cedar_unescape(struct weir_arena *arena,
                                               const struct cedar_token *token,
                                               weir_span *string_out,
                                               struct weir_error *err);

struct cedar_piece;

/* The pattern of a `like`: a star is a wildcard however it is written
 * (also \x2A), except as \*. Pieces follow the rule of struct cedar_piece. */
WEIR_MUST_USE weir_status weir__cedar_unescape_pattern(
    struct weir_arena *arena, const struct cedar_token *token,
    struct cedar_piece **pieces_out, uint32_t *count_out,
    struct weir_error *err);

/* true false if then else in is like has __cedar */
bool weir__cedar_is_reserved(weir_span ident);

#endif
