/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions: recursive descent over the grammar of the language reference,
 * one function per level. Depth is counted where an expression opens another
 * (parentheses, lists, records, arguments, if) and refused beyond
 * WEIR_CEDAR_DEPTH_MAX, so the stack is bounded whatever the input.
 */
#include "parser.h"

#include <string.h>

bool
weir__cedar_refuse(struct cedar_parser *parser, size_t offset, const char *text)
{
    if (parser->builder.error.status == WEIR_OK)
        (void)weir_fail(&parser->builder.error, WEIR_EPARSE, offset, "%s",
                        text);
    return false;
}

bool
weir__cedar_no_memory(struct cedar_parser *parser)
{
    if (parser->builder.error.status == WEIR_OK)
        (void)weir_fail(&parser->builder.error, WEIR_ENOMEM,
                        parser->token.offset, "out of memory");
    return false;
}

bool
weir__cedar_advance(struct cedar_parser *parser)
{
    parser->last_end = parser->token.offset + (uint32_t)parser->token.text.len;
    parser->token = parser->next;
    if (parser->token.kind == CEDAR_TOKEN_END)
        return true;
    return weir__cedar_lex(&parser->lexer, &parser->next,
                           &parser->builder.error) == WEIR_OK;
}

bool
weir__cedar_parser_start(struct cedar_parser *parser, struct weir_arena *arena,
                         weir_span text)
{
    memset(parser, 0, sizeof(*parser));
    parser->builder.arena = arena;
    parser->lexer.text = text;
    if (weir__cedar_lex(&parser->lexer, &parser->token,
                        &parser->builder.error) != WEIR_OK)
        return false;
    parser->next = parser->token;
    return parser->token.kind == CEDAR_TOKEN_END ||
           weir__cedar_lex(&parser->lexer, &parser->next,
                           &parser->builder.error) == WEIR_OK;
}

bool
weir__cedar_expect(struct cedar_parser *parser, enum cedar_token_kind kind,
                   const char *what)
{
    if (parser->token.kind == kind)
        return weir__cedar_advance(parser);
    if (parser->builder.error.status == WEIR_OK)
        (void)weir_fail(&parser->builder.error, WEIR_EPARSE,
                        parser->token.offset, "expected %s%s", what,
                        parser->token.kind == CEDAR_TOKEN_END
                            ? ", found the end of the text"
                            : "");
    return false;
}

void *
weir__cedar_grow(struct cedar_parser *parser, void *items, size_t size,
                 uint32_t count)
{
    void *grown;
    if (count != 0 && (count & (count - 1)) != 0)
        return items;
    grown = weir_arena_alloc_array(parser->builder.arena, size,
                                   count == 0 ? 1 : (size_t)count * 2);
    if (grown == NULL) {
        weir__cedar_no_memory(parser);
        return NULL;
    }
    if (count > 0)
        memcpy(grown, items, size * count);
    return grown;
}

static bool
is_word(const struct cedar_parser *parser, const char *word)
{
    return parser->token.kind == CEDAR_TOKEN_IDENT &&
           weir_span_equal(parser->token.text, weir_span_of(word));
}

static struct cedar_expr *
place(const struct cedar_parser *parser, struct cedar_expr *expr,
      uint32_t offset)
{
    if (expr != NULL) {
        expr->offset = offset;
        expr->end = parser->last_end;
    }
    return expr;
}

/* Where a maker failed without knowing the place, this is it. */
static struct cedar_expr *
placed(struct cedar_parser *parser, struct cedar_expr *expr, uint32_t offset)
{
    struct weir_error *error = &parser->builder.error;
    if (expr == NULL && error->status != WEIR_OK &&
        error->offset == WEIR_OFFSET_NONE)
        error->offset = offset;
    return place(parser, expr, offset);
}

static struct cedar_expr *
refuse(struct cedar_parser *parser, size_t offset, const char *text)
{
    weir__cedar_refuse(parser, offset, text);
    return NULL;
}

/* An identifier that may name a thing: not reserved. */
static bool
name_part(struct cedar_parser *parser)
{
    if (parser->token.kind != CEDAR_TOKEN_IDENT)
        return weir__cedar_expect(parser, CEDAR_TOKEN_IDENT, "a name");
    if (weir__cedar_is_reserved(parser->token.text))
        return weir__cedar_refuse(parser, parser->token.offset,
                                  "this word is reserved");
    return true;
}

bool
weir__cedar_path(struct cedar_parser *parser, weir_span *name_out,
                 weir_span *id_out, bool *has_id_out)
{
    char *name = weir_arena_alloc(parser->builder.arena, 0);
    size_t len = 0;
    *has_id_out = false;
    for (;;) {
        weir_span part = parser->token.text;
        if (!name_part(parser))
            return false;
        /* Joined without white space; a part is copied again for each one
         * that follows, which is fine for names. */
        char *joined =
            weir_arena_alloc(parser->builder.arena, len + part.len + 2);
        if (joined == NULL)
            return weir__cedar_no_memory(parser);
        memcpy(joined, name, len);
        memcpy(joined + len, part.ptr, part.len);
        joined[len + part.len] = ':';
        joined[len + part.len + 1] = ':';
        name = joined;
        len += part.len;
        *name_out = (weir_span){name, len};
        if (!weir__cedar_advance(parser))
            return false;
        if (parser->token.kind != CEDAR_TOKEN_COLONS)
            return true;
        if (!weir__cedar_advance(parser))
            return false;
        if (parser->token.kind == CEDAR_TOKEN_STRING && id_out != NULL) {
            *has_id_out = true;
            return weir__cedar_unescape(parser->builder.arena, &parser->token,
                                        id_out,
                                        &parser->builder.error) == WEIR_OK &&
                   weir__cedar_advance(parser);
        }
        len += 2;
    }
}

static bool
unescape(struct cedar_parser *parser, weir_span *string_out)
{
    if (parser->token.kind != CEDAR_TOKEN_STRING)
        return weir__cedar_expect(parser, CEDAR_TOKEN_STRING,
                                  "a string literal");
    return weir__cedar_unescape(parser->builder.arena, &parser->token,
                                string_out,
                                &parser->builder.error) == WEIR_OK &&
           weir__cedar_advance(parser);
}

/* ------------------------------------------------------------- lists */

struct list {
    struct cedar_expr **items;
    weir_span *keys;
    uint32_t count;
};

/* `args` up to and with the closing token. */
static bool
arguments(struct cedar_parser *parser, enum cedar_token_kind close,
          const char *close_text, struct list *list)
{
    while (parser->token.kind != close) {
        list->items = weir__cedar_grow(
            parser, list->items, sizeof(struct cedar_expr *), list->count);
        if (list->items == NULL)
            return false;
        list->items[list->count] = weir__cedar_expression(parser);
        if (list->items[list->count] == NULL)
            return false;
        list->count++;
        if (parser->token.kind != CEDAR_TOKEN_COMMA)
            break;
        if (!weir__cedar_advance(parser))
            return false;
    }
    return weir__cedar_expect(parser, close, close_text);
}

static bool
record_key(struct cedar_parser *parser, weir_span *key_out)
{
    if (parser->token.kind == CEDAR_TOKEN_STRING)
        return unescape(parser, key_out);
    if (parser->token.kind != CEDAR_TOKEN_IDENT)
        return weir__cedar_expect(parser, CEDAR_TOKEN_IDENT, "a record key");
    *key_out = parser->token.text;
    return name_part(parser) && weir__cedar_advance(parser);
}

static struct cedar_expr *
record(struct cedar_parser *parser)
{
    uint32_t offset = parser->token.offset;
    struct list list = {NULL, NULL, 0};
    if (!weir__cedar_advance(parser))
        return NULL;
    while (parser->token.kind != CEDAR_TOKEN_BRACE_CLOSE) {
        list.items = weir__cedar_grow(parser, list.items,
                                      sizeof(struct cedar_expr *), list.count);
        list.keys =
            weir__cedar_grow(parser, list.keys, sizeof(*list.keys), list.count);
        if (list.items == NULL || list.keys == NULL ||
            !record_key(parser, &list.keys[list.count]) ||
            !weir__cedar_expect(parser, CEDAR_TOKEN_COLON,
                                "':' after a record key"))
            return NULL;
        list.items[list.count] = weir__cedar_expression(parser);
        if (list.items[list.count] == NULL)
            return NULL;
        list.count++;
        if (parser->token.kind != CEDAR_TOKEN_COMMA)
            break;
        if (!weir__cedar_advance(parser))
            return NULL;
    }
    if (!weir__cedar_expect(parser, CEDAR_TOKEN_BRACE_CLOSE,
                            "',' or '}' in a record"))
        return NULL;
    return placed(parser,
                  weir__cedar_list(&parser->builder, CEDAR_EXPR_RECORD, 0,
                                   list.keys, list.items, list.count),
                  offset);
}

static struct cedar_expr *
set(struct cedar_parser *parser)
{
    uint32_t offset = parser->token.offset;
    struct list list = {NULL, NULL, 0};
    if (!weir__cedar_advance(parser) ||
        !arguments(parser, CEDAR_TOKEN_BRACKET_CLOSE, "',' or ']' in a set",
                   &list))
        return NULL;
    return placed(parser,
                  weir__cedar_list(&parser->builder, CEDAR_EXPR_SET, 0, NULL,
                                   list.items, list.count),
                  offset);
}

/* ---------------------------------------------------------- primaries */

static bool
read_number(struct cedar_parser *parser, uint64_t *number_out)
{
    if (!weir_span_to_u64(parser->token.text, number_out))
        return weir__cedar_refuse(parser, parser->token.offset,
                                  "this number does not fit in 64 bits");
    return true;
}

static struct cedar_expr *
make_long(struct cedar_parser *parser, int64_t number)
{
    weir_cedar_value value = {.kind = WEIR_CEDAR_LONG};
    value.number = number;
    return weir__cedar_literal(&parser->builder, value);
}

static struct cedar_expr *
number(struct cedar_parser *parser)
{
    uint32_t offset = parser->token.offset;
    uint64_t magnitude;
    if (!read_number(parser, &magnitude))
        return NULL;
    if (magnitude > INT64_MAX)
        return refuse(parser, offset,
                      "this number is above 9223372036854775807");
    if (!weir__cedar_advance(parser))
        return NULL;
    return placed(parser, make_long(parser, (int64_t)magnitude), offset);
}

static struct cedar_expr *
string(struct cedar_parser *parser)
{
    uint32_t offset = parser->token.offset;
    weir_cedar_value value = {.kind = WEIR_CEDAR_STRING};
    if (!unescape(parser, &value.string))
        return NULL;
    return placed(parser, weir__cedar_literal(&parser->builder, value), offset);
}

static struct cedar_expr *
boolean(struct cedar_parser *parser, bool is_true)
{
    uint32_t offset = parser->token.offset;
    weir_cedar_value value = {.kind = WEIR_CEDAR_BOOL};
    value.boolean = is_true;
    if (!weir__cedar_advance(parser))
        return NULL;
    return placed(parser, weir__cedar_literal(&parser->builder, value), offset);
}

static struct cedar_expr *
call(struct cedar_parser *parser, weir_span name, uint32_t offset)
{
    enum cedar_function function = weir__cedar_function_find(name);
    struct list list = {NULL, NULL, 0};
    if (function == CEDAR_FNS)
        return refuse(parser, offset, "there is no function of this name");
    if (weir__cedar_functions[function].is_method)
        return refuse(parser, offset,
                      "this is a method: write it behind its receiver");
    if (!weir__cedar_advance(parser) ||
        !arguments(parser, CEDAR_TOKEN_PAREN_CLOSE,
                   "',' or ')' in a list of arguments", &list))
        return NULL;
    return placed(parser,
                  weir__cedar_list(&parser->builder, CEDAR_EXPR_CALL, function,
                                   NULL, list.items, list.count),
                  offset);
}

static struct cedar_expr *
entity_or_call(struct cedar_parser *parser)
{
    uint32_t offset = parser->token.offset;
    struct weir_cedar_uid uid = {{NULL, 0}, {NULL, 0}};
    weir_cedar_value value = {.kind = WEIR_CEDAR_ENTITY};
    struct weir_cedar_uid *copy;
    bool has_id;
    if (!weir__cedar_path(parser, &uid.type, &uid.id, &has_id))
        return NULL;
    if (!has_id && parser->token.kind == CEDAR_TOKEN_PAREN_OPEN)
        return call(parser, uid.type, offset);
    if (!has_id)
        return refuse(parser, offset,
                      "a bare name means nothing here: variables are "
                      "principal, action, resource, context");
    copy = weir_arena_alloc(parser->builder.arena, sizeof(*copy));
    if (copy == NULL) {
        weir__cedar_no_memory(parser);
        return NULL;
    }
    *copy = uid;
    value.uid = copy;
    return placed(parser, weir__cedar_literal(&parser->builder, value), offset);
}

static struct cedar_expr *
word(struct cedar_parser *parser)
{
    static const char *const vars[] = {"principal", "action", "resource",
                                       "context"};
    uint32_t offset = parser->token.offset;
    if (is_word(parser, "true"))
        return boolean(parser, true);
    if (is_word(parser, "false"))
        return boolean(parser, false);
    if (is_word(parser, "if"))
        return refuse(parser, offset, "put parentheses round this 'if'");
    if (parser->next.kind != CEDAR_TOKEN_COLONS &&
        parser->next.kind != CEDAR_TOKEN_PAREN_OPEN)
        for (int i = 0; i < (int)WEIR_COUNTOF(vars); i++)
            if (is_word(parser, vars[i])) {
                if (!weir__cedar_advance(parser))
                    return NULL;
                return placed(
                    parser,
                    weir__cedar_variable(&parser->builder, (enum cedar_var)i),
                    offset);
            }
    return entity_or_call(parser);
}

static struct cedar_expr *
primary(struct cedar_parser *parser)
{
    struct cedar_expr *inner;
    switch (parser->token.kind) {
    case CEDAR_TOKEN_IDENT:
        return word(parser);
    case CEDAR_TOKEN_NUMBER:
        return number(parser);
    case CEDAR_TOKEN_STRING:
        return string(parser);
    case CEDAR_TOKEN_BRACE_OPEN:
        return record(parser);
    case CEDAR_TOKEN_BRACKET_OPEN:
        return set(parser);
    case CEDAR_TOKEN_PAREN_OPEN:
        if (!weir__cedar_advance(parser))
            return NULL;
        inner = weir__cedar_expression(parser);
        if (inner == NULL ||
            !weir__cedar_expect(parser, CEDAR_TOKEN_PAREN_CLOSE, "')'"))
            return NULL;
        return inner;
    case CEDAR_TOKEN_SLOT:
        return refuse(parser, parser->token.offset,
                      "a slot may stand only in its own part of the scope");
    case CEDAR_TOKEN_END:
        return refuse(parser, parser->token.offset,
                      "expected an expression, found the end of the text");
    default:
        return refuse(parser, parser->token.offset, "expected an expression");
    }
}

/* ------------------------------------------------------------ members */

static const struct {
    const char *name;
    enum cedar_expr_kind kind;
    uint32_t arguments;
} methods[] = {
    {"contains", CEDAR_EXPR_CONTAINS, 1},
    {"containsAll", CEDAR_EXPR_CONTAINS_ALL, 1},
    {"containsAny", CEDAR_EXPR_CONTAINS_ANY, 1},
    {"isEmpty", CEDAR_EXPR_IS_EMPTY, 0},
    {"hasTag", CEDAR_EXPR_HAS_TAG, 1},
    {"getTag", CEDAR_EXPR_GET_TAG, 1},
};

static struct cedar_expr *
core_method(struct cedar_parser *parser, size_t row, struct cedar_expr *left,
            const struct list *list, uint32_t name_offset)
{
    if (list->count != methods[row].arguments + 1) {
        if (parser->builder.error.status == WEIR_OK)
            (void)weir_fail(&parser->builder.error, WEIR_EPARSE, name_offset,
                            "%s takes %s", methods[row].name,
                            methods[row].arguments == 0 ? "no argument"
                                                        : "one argument");
        return NULL;
    }
    if (methods[row].arguments == 0)
        return weir__cedar_unary(&parser->builder, methods[row].kind, left);
    return weir__cedar_binary(&parser->builder, methods[row].kind, left,
                              list->items[1]);
}

static struct cedar_expr *
method(struct cedar_parser *parser, struct cedar_expr *left, weir_span name,
       uint32_t name_offset)
{
    enum cedar_function function = weir__cedar_function_find(name);
    size_t row = 0;
    struct list list = {NULL, NULL, 1};
    while (row < WEIR_COUNTOF(methods) &&
           !weir_span_equal(name, weir_span_of(methods[row].name)))
        row++;
    if (row == WEIR_COUNTOF(methods)) {
        if (function == CEDAR_FNS)
            return refuse(parser, name_offset,
                          "there is no method of this name");
        if (!weir__cedar_functions[function].is_method)
            return refuse(parser, name_offset,
                          "this is a function: write it before its argument");
    }
    list.items = weir__cedar_grow(parser, NULL, sizeof(struct cedar_expr *), 0);
    if (list.items == NULL)
        return NULL;
    list.items[0] = left;
    if (!weir__cedar_advance(parser) ||
        !arguments(parser, CEDAR_TOKEN_PAREN_CLOSE,
                   "',' or ')' in a list of arguments", &list))
        return NULL;
    if (row < WEIR_COUNTOF(methods))
        return core_method(parser, row, left, &list, name_offset);
    return weir__cedar_list(&parser->builder, CEDAR_EXPR_CALL, function, NULL,
                            list.items, list.count);
}

/* One access behind `left`: the token is '.' or '['. */
static struct cedar_expr *
access(struct cedar_parser *parser, struct cedar_expr *left)
{
    bool is_index = parser->token.kind == CEDAR_TOKEN_BRACKET_OPEN;
    weir_span name;
    if (!weir__cedar_advance(parser))
        return NULL;
    if (is_index) {
        if (!unescape(parser, &name) ||
            !weir__cedar_expect(parser, CEDAR_TOKEN_BRACKET_CLOSE,
                                "']' behind a string literal"))
            return NULL;
        return weir__cedar_get(&parser->builder, left, name);
    }
    uint32_t name_offset = parser->token.offset;
    name = parser->token.text;
    if (!name_part(parser) || !weir__cedar_advance(parser))
        return NULL;
    if (parser->token.kind == CEDAR_TOKEN_PAREN_OPEN)
        return method(parser, left, name, name_offset);
    return weir__cedar_get(&parser->builder, left, name);
}

static struct cedar_expr *
member(struct cedar_parser *parser)
{
    uint32_t offset = parser->token.offset;
    struct cedar_expr *expr = primary(parser);
    while (expr != NULL && (parser->token.kind == CEDAR_TOKEN_DOT ||
                            parser->token.kind == CEDAR_TOKEN_BRACKET_OPEN))
        expr = placed(parser, access(parser, expr), offset);
    return expr;
}

/* A minus and a number behind it, nothing else on it, are one literal. */
static bool
is_plain_number(const struct cedar_parser *parser)
{
    return parser->token.kind == CEDAR_TOKEN_NUMBER &&
           parser->next.kind != CEDAR_TOKEN_DOT &&
           parser->next.kind != CEDAR_TOKEN_BRACKET_OPEN;
}

static struct cedar_expr *
negative_number(struct cedar_parser *parser, uint32_t offset)
{
    uint64_t magnitude;
    if (!read_number(parser, &magnitude))
        return NULL;
    if (magnitude > (uint64_t)INT64_MAX + 1)
        return refuse(parser, parser->token.offset,
                      "this number is below -9223372036854775808");
    if (!weir__cedar_advance(parser))
        return NULL;
    return placed(parser, make_long(parser, (int64_t)(0 - magnitude)), offset);
}

static struct cedar_expr *
unary(struct cedar_parser *parser)
{
    enum cedar_token_kind sign = parser->token.kind;
    uint32_t offsets[4];
    int count = 0;
    struct cedar_expr *expr;
    if (sign != CEDAR_TOKEN_NOT && sign != CEDAR_TOKEN_MINUS)
        return member(parser);
    while (parser->token.kind == sign) {
        if (count == 4)
            return refuse(parser, parser->token.offset,
                          "more than four signs in a row");
        offsets[count++] = parser->token.offset;
        if (!weir__cedar_advance(parser))
            return NULL;
    }
    if (sign == CEDAR_TOKEN_MINUS && is_plain_number(parser))
        expr = negative_number(parser, offsets[--count]);
    else
        expr = member(parser);
    while (count-- > 0)
        expr = placed(parser,
                      weir__cedar_unary(&parser->builder,
                                        sign == CEDAR_TOKEN_NOT
                                            ? CEDAR_EXPR_NOT
                                            : CEDAR_EXPR_NEGATE,
                                        expr),
                      offsets[count]);
    return expr;
}

/* ---------------------------------------------------------- operators */

static struct cedar_expr *
product(struct cedar_parser *parser)
{
    uint32_t offset = parser->token.offset;
    struct cedar_expr *left = unary(parser);
    while (left != NULL && parser->token.kind == CEDAR_TOKEN_STAR) {
        if (!weir__cedar_advance(parser))
            return NULL;
        left = placed(parser,
                      weir__cedar_binary(&parser->builder, CEDAR_EXPR_MULTIPLY,
                                         left, unary(parser)),
                      offset);
    }
    if (left != NULL && (parser->token.kind == CEDAR_TOKEN_SLASH ||
                         parser->token.kind == CEDAR_TOKEN_PERCENT))
        return refuse(parser, parser->token.offset,
                      "division and remainder are not supported");
    return left;
}

static struct cedar_expr *
sum(struct cedar_parser *parser)
{
    uint32_t offset = parser->token.offset;
    struct cedar_expr *left = product(parser);
    while (left != NULL && (parser->token.kind == CEDAR_TOKEN_PLUS ||
                            parser->token.kind == CEDAR_TOKEN_MINUS)) {
        enum cedar_expr_kind kind = parser->token.kind == CEDAR_TOKEN_PLUS
                                        ? CEDAR_EXPR_ADD
                                        : CEDAR_EXPR_SUBTRACT;
        if (!weir__cedar_advance(parser))
            return NULL;
        left = placed(
            parser,
            weir__cedar_binary(&parser->builder, kind, left, product(parser)),
            offset);
    }
    return left;
}

static struct cedar_expr *
has(struct cedar_parser *parser, struct cedar_expr *left)
{
    weir_span *path = NULL;
    uint32_t count = 0;
    for (;;) {
        bool is_string = parser->token.kind == CEDAR_TOKEN_STRING;
        path = weir__cedar_grow(parser, path, sizeof(*path), count);
        if (path == NULL)
            return NULL;
        if (is_string && count == 0) {
            if (!unescape(parser, &path[0]))
                return NULL;
        } else {
            path[count] = parser->token.text;
            if (!name_part(parser) || !weir__cedar_advance(parser))
                return NULL;
        }
        count++;
        if (is_string || parser->token.kind != CEDAR_TOKEN_DOT)
            break;
        if (!weir__cedar_advance(parser))
            return NULL;
    }
    return weir__cedar_has(&parser->builder, left, path, count);
}

static struct cedar_expr *
like(struct cedar_parser *parser, struct cedar_expr *left)
{
    struct cedar_piece *pattern;
    uint32_t count;
    if (parser->token.kind != CEDAR_TOKEN_STRING) {
        weir__cedar_expect(parser, CEDAR_TOKEN_STRING, "a pattern in quotes");
        return NULL;
    }
    if (weir__cedar_unescape_pattern(parser->builder.arena, &parser->token,
                                     &pattern, &count,
                                     &parser->builder.error) != WEIR_OK ||
        !weir__cedar_advance(parser))
        return NULL;
    return weir__cedar_like(&parser->builder, left, pattern, count);
}

static struct cedar_expr *
is(struct cedar_parser *parser, struct cedar_expr *left)
{
    struct cedar_expr *in = NULL;
    weir_span type;
    bool has_id;
    if (!weir__cedar_path(parser, &type, NULL, &has_id))
        return NULL;
    if (is_word(parser, "in")) {
        if (!weir__cedar_advance(parser))
            return NULL;
        in = sum(parser);
        if (in == NULL)
            return NULL;
    }
    return weir__cedar_is(&parser->builder, left, type, in);
}

/* The relation that the token means; CEDAR_EXPR_LITERAL: none. */
static enum cedar_expr_kind
relation_kind(const struct cedar_parser *parser)
{
    switch (parser->token.kind) {
    case CEDAR_TOKEN_LESS:
        return CEDAR_EXPR_LESS;
    case CEDAR_TOKEN_LESS_EQUAL:
        return CEDAR_EXPR_LESS_EQUAL;
    case CEDAR_TOKEN_GREATER:
        return CEDAR_EXPR_GREATER;
    case CEDAR_TOKEN_GREATER_EQUAL:
        return CEDAR_EXPR_GREATER_EQUAL;
    case CEDAR_TOKEN_EQUAL:
        return CEDAR_EXPR_EQUAL;
    case CEDAR_TOKEN_NOT_EQUAL:
        return CEDAR_EXPR_NOT_EQUAL;
    default:
        break;
    }
    if (is_word(parser, "in"))
        return CEDAR_EXPR_IN;
    if (is_word(parser, "has"))
        return CEDAR_EXPR_HAS;
    if (is_word(parser, "like"))
        return CEDAR_EXPR_LIKE;
    if (is_word(parser, "is"))
        return CEDAR_EXPR_IS;
    return CEDAR_EXPR_LITERAL;
}

static struct cedar_expr *
relation(struct cedar_parser *parser)
{
    uint32_t offset = parser->token.offset;
    struct cedar_expr *left = sum(parser);
    enum cedar_expr_kind kind;
    if (left == NULL)
        return NULL;
    if (parser->token.kind == CEDAR_TOKEN_ASSIGN)
        return refuse(parser, parser->token.offset,
                      "write '==' to compare; there is no assignment");
    kind = relation_kind(parser);
    if (kind == CEDAR_EXPR_LITERAL)
        return left;
    if (!weir__cedar_advance(parser))
        return NULL;
    if (kind == CEDAR_EXPR_HAS)
        left = has(parser, left);
    else if (kind == CEDAR_EXPR_LIKE)
        left = like(parser, left);
    else if (kind == CEDAR_EXPR_IS)
        left = is(parser, left);
    else
        left = weir__cedar_binary(&parser->builder, kind, left, sum(parser));
    left = placed(parser, left, offset);
    if (left != NULL && relation_kind(parser) != CEDAR_EXPR_LITERAL)
        return refuse(parser, parser->token.offset,
                      "relations do not chain: put parentheses round one");
    return left;
}

static struct cedar_expr *
conjunction(struct cedar_parser *parser)
{
    uint32_t offset = parser->token.offset;
    struct cedar_expr *left = relation(parser);
    while (left != NULL && parser->token.kind == CEDAR_TOKEN_AND) {
        if (!weir__cedar_advance(parser))
            return NULL;
        left = placed(parser,
                      weir__cedar_binary(&parser->builder, CEDAR_EXPR_AND, left,
                                         relation(parser)),
                      offset);
    }
    return left;
}

static struct cedar_expr *
disjunction(struct cedar_parser *parser)
{
    uint32_t offset = parser->token.offset;
    struct cedar_expr *left = conjunction(parser);
    while (left != NULL && parser->token.kind == CEDAR_TOKEN_OR) {
        if (!weir__cedar_advance(parser))
            return NULL;
        left = placed(parser,
                      weir__cedar_binary(&parser->builder, CEDAR_EXPR_OR, left,
                                         conjunction(parser)),
                      offset);
    }
    return left;
}

static bool
keyword(struct cedar_parser *parser, const char *word_text, const char *what)
{
    if (is_word(parser, word_text))
        return weir__cedar_advance(parser);
    return weir__cedar_refuse(parser, parser->token.offset, what);
}

static struct cedar_expr *
choice(struct cedar_parser *parser)
{
    uint32_t offset = parser->token.offset;
    struct cedar_expr *condition;
    struct cedar_expr *then;
    if (!weir__cedar_advance(parser))
        return NULL;
    condition = weir__cedar_expression(parser);
    if (condition == NULL || !keyword(parser, "then", "expected 'then'"))
        return NULL;
    then = weir__cedar_expression(parser);
    if (then == NULL || !keyword(parser, "else", "expected 'else'"))
        return NULL;
    return placed(parser,
                  weir__cedar_if(&parser->builder, condition, then,
                                 weir__cedar_expression(parser)),
                  offset);
}

struct cedar_expr *
weir__cedar_expression(struct cedar_parser *parser)
{
    struct cedar_expr *expr;
    if (parser->depth == WEIR_CEDAR_DEPTH_MAX) {
        if (parser->builder.error.status == WEIR_OK)
            (void)weir_fail(&parser->builder.error, WEIR_ELIMIT,
                            parser->token.offset, "nested deeper than %d",
                            WEIR_CEDAR_DEPTH_MAX);
        return NULL;
    }
    parser->depth++;
    expr = is_word(parser, "if") ? choice(parser) : disjunction(parser);
    parser->depth--;
    return expr;
}

weir_status
weir__cedar_parse_expr(struct weir_arena *arena, weir_span text,
                       struct cedar_expr **expr_out, struct weir_error *err)
{
    struct cedar_parser parser;
    struct cedar_expr *expr = NULL;
    if (!weir_utf8_valid(text))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "the text is not UTF-8");
    if (weir__cedar_parser_start(&parser, arena, text))
        expr = weir__cedar_expression(&parser);
    if (expr != NULL && parser.token.kind != CEDAR_TOKEN_END)
        weir__cedar_refuse(&parser, parser.token.offset,
                           "expected the end of the expression");
    if (parser.builder.error.status != WEIR_OK) {
        if (err != NULL)
            *err = parser.builder.error;
        return parser.builder.error.status;
    }
    *expr_out = expr;
    return WEIR_OK;
}
