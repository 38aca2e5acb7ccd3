/* SPDX-License-Identifier: Apache-2.0 */
#include "lexer.h"
#include "ast.h"

#include <string.h>

/* Bytes of the white space (Unicode's White_Space) at `p`, 0 if none. */
static size_t
white_space(const char *p, const char *end)
{
    unsigned char a = (unsigned char)p[0];
    unsigned char b = end - p > 1 ? (unsigned char)p[1] : 0;
    unsigned char c = end - p > 2 ? (unsigned char)p[2] : 0;
    if (a == ' ' || (a >= '\t' && a <= '\r'))
        return 1;
    if (a == 0xC2 && (b == 0x85 || b == 0xA0))
        return 2;
    if (a == 0xE1 && b == 0x9A && c == 0x80)
        return 3;
    if (a == 0xE2 && b == 0x80 &&
        ((c >= 0x80 && c <= 0x8A) || c == 0xA8 || c == 0xA9 || c == 0xAF))
        return 3;
    if (a == 0xE2 && b == 0x81 && c == 0x9F)
        return 3;
    if (a == 0xE3 && b == 0x80 && c == 0x80)
        return 3;
    return 0;
}

static bool
is_ident_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Length of the string token at `p` (a quote), 0 when it is not one. */
static size_t
string_length(const char *p, const char *end)
{
    const char *at = p + 1;
    while (at < end && *at != '"') {
        if (*at == '\r')
            return 0;
        if (*at == '\\') {
            at++;
            if (at == end || *at == '\n' || *at == '\r')
                return 0;
        }
        at++;
    }
    return at < end ? (size_t)(at - p) + 1 : 0;
}

static size_t
word_length(const char *p, const char *end)
{
    size_t len = 1;
    while (p + len < end && (is_ident_start(p[len]) || is_digit(p[len])))
        len++;
    return len;
}

static enum cedar_token_kind
punctuation(const char *p, const char *end, size_t *len_out)
{
    static const struct {
        char text[3];
        enum cedar_token_kind kind;
    } rows[] = {
        {"::", CEDAR_TOKEN_COLONS},
        {"==", CEDAR_TOKEN_EQUAL},
        {"!=", CEDAR_TOKEN_NOT_EQUAL},
        {"<=", CEDAR_TOKEN_LESS_EQUAL},
        {">=", CEDAR_TOKEN_GREATER_EQUAL},
        {"||", CEDAR_TOKEN_OR},
        {"&&", CEDAR_TOKEN_AND},
        {"@", CEDAR_TOKEN_AT},
        {".", CEDAR_TOKEN_DOT},
        {",", CEDAR_TOKEN_COMMA},
        {";", CEDAR_TOKEN_SEMICOLON},
        {":", CEDAR_TOKEN_COLON},
        {"(", CEDAR_TOKEN_PAREN_OPEN},
        {")", CEDAR_TOKEN_PAREN_CLOSE},
        {"{", CEDAR_TOKEN_BRACE_OPEN},
        {"}", CEDAR_TOKEN_BRACE_CLOSE},
        {"[", CEDAR_TOKEN_BRACKET_OPEN},
        {"]", CEDAR_TOKEN_BRACKET_CLOSE},
        {"<", CEDAR_TOKEN_LESS},
        {">", CEDAR_TOKEN_GREATER},
        {"+", CEDAR_TOKEN_PLUS},
        {"-", CEDAR_TOKEN_MINUS},
        {"*", CEDAR_TOKEN_STAR},
        {"!", CEDAR_TOKEN_NOT},
        {"=", CEDAR_TOKEN_ASSIGN},
        {"?", CEDAR_TOKEN_QUESTION},
        {"/", CEDAR_TOKEN_SLASH},
        {"%", CEDAR_TOKEN_PERCENT},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        size_t len = rows[i].text[1] == '\0' ? 1 : 2;
        if ((size_t)(end - p) >= len && memcmp(p, rows[i].text, len) == 0) {
            *len_out = len;
            return rows[i].kind;
        }
    }
    *len_out = 0;
    return CEDAR_TOKEN_END;
}

/* Skips white space; stops at a comment. */
static const char *
skip_space(const char *p, const char *end)
{
    size_t skip;
    while (p < end && (skip = white_space(p, end)) > 0)
        p += skip;
    return p;
}

static size_t
comment_length(const char *p, const char *end)
{
    size_t len = 0;
    if (end - p < 2 || p[0] != '/' || p[1] != '/')
        return 0;
    while (p + len < end && p[len] != '\n' && p[len] != '\r')
        len++;
    return len;
}

weir_status
weir__cedar_lex_comment(struct cedar_lexer *lexer,
                        struct cedar_token *token_out, struct weir_error *err)
{
    const char *end, *p;
    size_t len = 0;
    enum cedar_token_kind kind = CEDAR_TOKEN_END;
    if (lexer->text.len >= WEIR_OFFSET_NONE)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "more than 4 GiB of text");
    if (lexer->text.len == 0) {
        *token_out = (struct cedar_token){CEDAR_TOKEN_END, 0, {"", 0}};
        return WEIR_OK;
    }
    end = lexer->text.ptr + lexer->text.len;
    p = lexer->text.ptr + lexer->at;
    p = skip_space(p, end);
    size_t at = (size_t)(p - lexer->text.ptr);
    if (p == end || (len = comment_length(p, end)) > 0) {
        kind = CEDAR_TOKEN_END;
    } else if (is_ident_start(*p)) {
        kind = CEDAR_TOKEN_IDENT;
        len = word_length(p, end);
    } else if (is_digit(*p)) {
        kind = CEDAR_TOKEN_NUMBER;
        for (len = 1; p + len < end && is_digit(p[len]);)
            len++;
    } else if (*p == '"') {
        kind = CEDAR_TOKEN_STRING;
        len = string_length(p, end);
        if (len == 0)
            return weir_fail(err, WEIR_EPARSE, at,
                             "this string does not end properly");
    } else if (*p == '?' && end - p > 1 && is_ident_start(p[1])) {
        kind = CEDAR_TOKEN_SLOT;
        len = 1 + word_length(p + 1, end);
    } else {
        kind = punctuation(p, end, &len);
        if (len == 0)
            return weir_fail(err, WEIR_EPARSE, at,
                             "no token starts with this character");
    }
    *token_out = (struct cedar_token){kind, (uint32_t)at, {p, len}};
    lexer->at = at + len;
    return WEIR_OK;
}

weir_status
weir__cedar_lex(struct cedar_lexer *lexer, struct cedar_token *token_out,
                struct weir_error *err)
{
    weir_status status;
    do {
        status = weir__cedar_lex_comment(lexer, token_out, err);
    } while (status == WEIR_OK && token_out->kind == CEDAR_TOKEN_END &&
             token_out->text.len > 0);
    return status;
}

/* ----------------------------------------------------------- strings */

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static size_t
put_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | (code >> 6));
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | (code >> 12));
        out[1] = (char)(0x80 | ((code >> 6) & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | (code >> 18));
    out[1] = (char)(0x80 | ((code >> 12) & 0x3F));
    out[2] = (char)(0x80 | ((code >> 6) & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

/* \xHH: `p` behind the x. Bytes read, or 0. */
static size_t
escape_byte(const char *p, const char *end, uint32_t *code_out)
{
    if (end - p < 2 || hex_value(p[0]) < 0 || hex_value(p[1]) < 0)
        return 0;
    *code_out = (uint32_t)(hex_value(p[0]) * 16 + hex_value(p[1]));
    return *code_out <= 0x7F ? 2 : 0;
}

/* \u{H..}: `p` behind the u. Bytes read, or 0. */
static size_t
escape_unicode(const char *p, const char *end, uint32_t *code_out)
{
    const char *at = p + 1;
    uint32_t code = 0;
    int digits = 0;
    if (p >= end || *p != '{' || at >= end || *at == '_')
        return 0;
    for (; at < end && *at != '}'; at++) {
        if (*at == '_')
            continue;
        if (hex_value(*at) < 0 || ++digits > 6)
            return 0;
        code = code * 16 + (uint32_t)hex_value(*at);
    }
    if (at == end || digits == 0 || code > 0x10FFFF ||
        (code >= 0xD800 && code <= 0xDFFF))
        return 0;
    *code_out = code;
    return (size_t)(at - p) + 1;
}

/* The escape at `p` (behind the backslash): bytes read, or 0. */
static size_t
escape(const char *p, const char *end, uint32_t *code_out)
{
    static const char names[] = "nrt0\\\"'";
    static const char codes[] = "\n\r\t\0\\\"'";
    size_t len;
    if (p >= end)
        return 0;
    if (*p == 'x') {
        len = escape_byte(p + 1, end, code_out);
        return len > 0 ? len + 1 : 0;
    }
    if (*p == 'u') {
        len = escape_unicode(p + 1, end, code_out);
        return len > 0 ? len + 1 : 0;
    }
    const char *found = *p == '\0' ? NULL : strchr(names, *p);
    if (found == NULL)
        return 0;
    *code_out = (unsigned char)codes[found - names];
    return 1;
}

static weir_status
bad_escape(const struct cedar_token *token, const char *p,
           struct weir_error *err)
{
    return weir_fail(err, WEIR_EPARSE,
                     token->offset + (size_t)(p - token->text.ptr),
                     "this escape is not one that strings know");
}

weir_status
weir__cedar_unescape(struct weir_arena *arena, const struct cedar_token *token,
                     weir_span *string_out, struct weir_error *err)
{
    const char *p = token->text.ptr + 1;
    const char *end = token->text.ptr + token->text.len - 1;
    char *out = weir_arena_alloc(arena, token->text.len);
    size_t len = 0;
    if (out == NULL)
        return weir_fail(err, WEIR_ENOMEM, token->offset, "out of memory");
    while (p < end) {
        const char *start = p;
        uint32_t code;
        if (*p != '\\') {
            out[len++] = *p++;
            continue;
        }
        size_t read = escape(p + 1, end, &code);
        if (read == 0)
            return bad_escape(token, start, err);
        p += 1 + read;
        len += put_utf8(out + len, code);
    }
    *string_out = (weir_span){out, len};
    return WEIR_OK;
}

/* Adds one decoded character: to the run of literal text, or as a star. */
static void
add_to_pattern(struct cedar_piece *pieces, uint32_t *count, char *text,
               size_t *text_len, const char *bytes, size_t len, bool is_star)
{
    struct cedar_piece *last = *count > 0 ? &pieces[*count - 1] : NULL;
    if (is_star) {
        if (last == NULL || !last->is_star)
            pieces[(*count)++].is_star = true;
        return;
    }
    if (last == NULL || last->is_star) {
        last = &pieces[(*count)++];
        last->literal = (weir_span){text + *text_len, 0};
    }
    memcpy(text + *text_len, bytes, len);
    *text_len += len;
    last->literal.len += len;
}

weir_status
weir__cedar_unescape_pattern(struct weir_arena *arena,
                             const struct cedar_token *token,
                             struct cedar_piece **pieces_out,
                             uint32_t *count_out, struct weir_error *err)
{
    const char *p = token->text.ptr + 1;
    const char *end = token->text.ptr + token->text.len - 1;
    size_t stars = 0;
    size_t text_len = 0;
    uint32_t count = 0;
    struct cedar_piece *pieces;
    /* A star takes a byte at least, or four when escaped. */
    for (const char *q = p; q < end; q++)
        stars += *q == '*' || *q == '\\';
    pieces = weir_arena_array(arena, struct cedar_piece, 2 * stars + 1);
    char *text = weir_arena_alloc(arena, token->text.len);
    if (arena->overflow)
        return weir_fail(err, WEIR_ENOMEM, token->offset, "out of memory");
    while (p < end) {
        char bytes[4];
        uint32_t code;
        size_t read = 1;
        if (*p != '\\') {
            add_to_pattern(pieces, &count, text, &text_len, p, 1, *p == '*');
        } else if (p + 1 < end && p[1] == '*') {
            add_to_pattern(pieces, &count, text, &text_len, "*", 1, false);
            read = 2;
        } else {
            read = 1 + escape(p + 1, end, &code);
            if (read == 1)
                return bad_escape(token, p, err);
            size_t len = put_utf8(bytes, code);
            add_to_pattern(pieces, &count, text, &text_len, bytes, len,
                           code == '*');
        }
        p += read;
    }
    *pieces_out = pieces;
    *count_out = count;
    return WEIR_OK;
}

bool
weir__cedar_is_reserved(weir_span ident)
{
    static const char *const words[] = {"true", "false",  "if", "then",
                                        "else", "in",     "is", "like",
                                        "has",  "__cedar"};
    for (size_t i = 0; i < WEIR_COUNTOF(words); i++)
        if (weir_span_equal(ident, weir_span_of(words[i])))
            return true;
    return false;
}
