/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The formatter of policy text.
 *
 * It works on tokens, not on the tree: every token of the input comes out,
 * in order and as it was written, only the white space between them is
 * decided anew. So the policies are the same by construction, and what is
 * formatted twice is what is formatted once, since the layout depends on
 * nothing but the tokens and the comments that go with them.
 *
 * COMMENTS. One behind a token on its line trails that token; any other
 * leads the token that follows. Both force a line break where they stand.
 *
 * WHERE LINES BREAK. A range of tokens that fits on the line stays on it.
 * Else it is broken at its loosest place: all its commas if it has any, else
 * `then` and `else`, all `||`, all `&&`, else inside the outermost brackets.
 */
#include "ast.h"
#include "lexer.h"

#include <weir/cedar_format.h>

#include <string.h>

#define LINE_COLUMNS 80
#define INDENT       2

struct item {
    struct cedar_token token;
    weir_span *leading; /* comments before it */
    uint32_t leading_count;
    weir_span trailing; /* comment behind it, empty: none */
    uint32_t partner;   /* of a bracket: the index of the other one */
    uint32_t columns;   /* when written flat */
};

struct formatter {
    struct weir_arena *arena;
    struct weir_buf *out;
    struct item *items;
    uint32_t count;
    uint32_t column; /* of what is written next */
    bool at_line_start;
};

/* ------------------------------------------------------------- tokens */

static bool
is_word(const struct item *item, const char *word)
{
    return item->token.kind == CEDAR_TOKEN_IDENT &&
           weir_span_equal(item->token.text, weir_span_of(word));
}

static bool
is_open(const struct item *item)
{
    return item->token.kind == CEDAR_TOKEN_PAREN_OPEN ||
           item->token.kind == CEDAR_TOKEN_BRACE_OPEN ||
           item->token.kind == CEDAR_TOKEN_BRACKET_OPEN;
}

static bool
is_close(const struct item *item)
{
    return item->token.kind == CEDAR_TOKEN_PAREN_CLOSE ||
           item->token.kind == CEDAR_TOKEN_BRACE_CLOSE ||
           item->token.kind == CEDAR_TOKEN_BRACKET_CLOSE;
}

/* Code points; a string with a line feed is as wide as a line. */
static uint32_t
columns_of(weir_span text)
{
    uint32_t columns = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\n')
            return LINE_COLUMNS;
        columns += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    }
    return columns;
}

/* Whether what stands before this token can be the left side of a binary
 * operator; if not, `-` is a sign. */
static bool
ends_operand(const struct item *item)
{
    switch (item->token.kind) {
    case CEDAR_TOKEN_NUMBER:
    case CEDAR_TOKEN_STRING:
    case CEDAR_TOKEN_SLOT:
    case CEDAR_TOKEN_PAREN_CLOSE:
    case CEDAR_TOKEN_BRACE_CLOSE:
    case CEDAR_TOKEN_BRACKET_CLOSE:
        return true;
    case CEDAR_TOKEN_IDENT:
        return !is_word(item, "if") && !is_word(item, "then") &&
               !is_word(item, "else") && !is_word(item, "in") &&
               !is_word(item, "has") && !is_word(item, "like");
    default:
        return false;
    }
}

static bool
is_sign(const struct formatter *f, uint32_t i)
{
    enum cedar_token_kind kind = f->items[i].token.kind;
    if (kind == CEDAR_TOKEN_NOT)
        return true;
    return kind == CEDAR_TOKEN_MINUS &&
           (i == 0 || !ends_operand(&f->items[i - 1]));
}

static bool
is_keyword(const struct item *item)
{
    return item->token.kind == CEDAR_TOKEN_IDENT &&
           (is_word(item, "permit") || is_word(item, "forbid") ||
            is_word(item, "when") || is_word(item, "unless") ||
            !ends_operand(item));
}

/* Whether a blank stands between token i and the one before it. */
static bool
has_blank(const struct formatter *f, uint32_t i)
{
    const struct item *a = &f->items[i - 1], *b = &f->items[i];
    switch (b->token.kind) {
    case CEDAR_TOKEN_COMMA:
    case CEDAR_TOKEN_SEMICOLON:
    case CEDAR_TOKEN_COLON:
    case CEDAR_TOKEN_COLONS:
    case CEDAR_TOKEN_DOT:
    case CEDAR_TOKEN_PAREN_CLOSE:
    case CEDAR_TOKEN_BRACKET_CLOSE:
        return false;
    case CEDAR_TOKEN_BRACE_CLOSE:
        return a->token.kind != CEDAR_TOKEN_BRACE_OPEN;
    case CEDAR_TOKEN_PAREN_OPEN:
    case CEDAR_TOKEN_BRACKET_OPEN:
        if (a->token.kind == CEDAR_TOKEN_IDENT)
            return is_keyword(a);
        if (ends_operand(a))
            return false;
        break;
    default:
        break;
    }
    switch (a->token.kind) {
    case CEDAR_TOKEN_PAREN_OPEN:
    case CEDAR_TOKEN_BRACKET_OPEN:
    case CEDAR_TOKEN_COLONS:
    case CEDAR_TOKEN_DOT:
    case CEDAR_TOKEN_AT:
        return false;
    default:
        return !is_sign(f, i - 1);
    }
}

/* -------------------------------------------------------------- output */

static void
line(struct formatter *f, uint32_t indent)
{
    if (!f->at_line_start)
        weir_buf_add_byte(f->out, '\n');
    f->at_line_start = true;
    f->column = indent;
}

static void
text(struct formatter *f, weir_span s)
{
    if (f->at_line_start)
        for (uint32_t i = 0; i < f->column; i++)
            weir_buf_add_byte(f->out, ' ');
    f->at_line_start = false;
    weir_buf_add_span(f->out, s);
    f->column += columns_of(s);
}

static void
one(struct formatter *f, uint32_t i, uint32_t indent)
{
    const struct item *item = &f->items[i];
    for (uint32_t k = 0; k < item->leading_count; k++) {
        line(f, indent);
        text(f, item->leading[k]);
        line(f, indent);
    }
    if (!f->at_line_start && i > 0 && has_blank(f, i))
        text(f, WEIR_SPAN(" "));
    text(f, item->token.text);
    if (item->trailing.len > 0) {
        text(f, WEIR_SPAN(" "));
        text(f, item->trailing);
        line(f, indent);
    }
}

/* Columns of the tokens [first, last) on one line; LINE_COLUMNS when a
 * comment is among them (one behind the last does not count). */
static uint32_t
flat_columns(const struct formatter *f, uint32_t first, uint32_t last)
{
    uint32_t columns = 0;
    for (uint32_t i = first; i < last && columns < LINE_COLUMNS; i++) {
        if (f->items[i].leading_count > 0 ||
            (f->items[i].trailing.len > 0 && i + 1 < last))
            return LINE_COLUMNS;
        columns += f->items[i].columns + (i > first && has_blank(f, i));
    }
    return columns;
}

enum split { SPLIT_NONE, SPLIT_COMMA, SPLIT_IF, SPLIT_OR, SPLIT_AND };

static enum split
split_of(const struct item *item)
{
    if (item->token.kind == CEDAR_TOKEN_COMMA)
        return SPLIT_COMMA;
    if (is_word(item, "then") || is_word(item, "else"))
        return SPLIT_IF;
    if (item->token.kind == CEDAR_TOKEN_OR)
        return SPLIT_OR;
    return item->token.kind == CEDAR_TOKEN_AND ? SPLIT_AND : SPLIT_NONE;
}

/* The loosest place of a range: outside its brackets, and inside the first
 * `if` that is not in brackets there is nothing looser than the `if`. */
static enum split
loosest(const struct formatter *f, uint32_t first, uint32_t last)
{
    enum split found = SPLIT_NONE;
    for (uint32_t i = first; i < last; i++) {
        enum split here = split_of(&f->items[i]);
        if (here != SPLIT_NONE && (found == SPLIT_NONE || here < found))
            found = here;
        if (is_open(&f->items[i]))
            i = f->items[i].partner;
    }
    return found;
}

struct range {
    uint32_t first;
    uint32_t last;
    uint32_t indent;
};

static void range(struct formatter *f, struct range r, uint32_t depth);

/* A bracket pair: its inside on lines of its own when it does not fit. */
static void
brackets(struct formatter *f, uint32_t open, uint32_t indent, uint32_t depth)
{
    uint32_t close = f->items[open].partner;
    uint32_t behind = close + 1;
    while (behind < f->count &&
           (f->items[behind].token.kind == CEDAR_TOKEN_COMMA ||
            f->items[behind].token.kind == CEDAR_TOKEN_SEMICOLON))
        behind++;
    if (close == open + 1 ||
        f->column + 1 + flat_columns(f, open, behind) <= LINE_COLUMNS) {
        for (uint32_t i = open; i <= close; i++)
            one(f, i, indent);
        return;
    }
    one(f, open, indent);
    line(f, indent + INDENT);
    range(f, (struct range){open + 1, close, indent + INDENT}, depth + 1);
    line(f, indent);
    one(f, close, indent);
}

/* Token by token, entering brackets. */
static void
sequence(struct formatter *f, struct range r, uint32_t depth)
{
    for (uint32_t i = r.first; i < r.last; i++) {
        if (!is_open(&f->items[i]) || depth >= WEIR_CEDAR_DEPTH_MAX) {
            one(f, i, r.indent);
            continue;
        }
        brackets(f, i, r.indent, depth);
        i = f->items[i].partner;
    }
}

/* Breaks behind commas and operators, before `then` and `else`. */
static void
range(struct formatter *f, struct range r, uint32_t depth)
{
    enum split split = loosest(f, r.first, r.last);
    uint32_t from = r.first;
    if (split == SPLIT_NONE || depth >= WEIR_CEDAR_DEPTH_MAX ||
        f->column + flat_columns(f, r.first, r.last) <= LINE_COLUMNS) {
        sequence(f, r, depth);
        return;
    }
    for (uint32_t i = r.first; i < r.last; i++) {
        bool is_before = split == SPLIT_IF;
        uint32_t to = is_before ? i : i + 1;
        if (is_open(&f->items[i])) {
            i = f->items[i].partner;
            continue;
        }
        if (split_of(&f->items[i]) != split || to == from)
            continue;
        range(f, (struct range){from, to, r.indent}, depth + 1);
        line(f, r.indent);
        from = to;
    }
    if (from == r.first)
        sequence(f, (struct range){from, r.last, r.indent}, depth);
    else if (from < r.last)
        range(f, (struct range){from, r.last, r.indent}, depth + 1);
}

/* ------------------------------------------------------------ policies */

/* The scope: one part per line, always; `(`, three parts, `)`. */
static void
scope(struct formatter *f, uint32_t open)
{
    uint32_t close = f->items[open].partner;
    uint32_t from = open + 1;
    one(f, open, 0);
    line(f, INDENT);
    for (uint32_t i = open + 1; i < close; i++) {
        if (is_open(&f->items[i])) {
            i = f->items[i].partner;
            continue;
        }
        if (f->items[i].token.kind != CEDAR_TOKEN_COMMA)
            continue;
        range(f, (struct range){from, i + 1, INDENT}, 0);
        line(f, INDENT);
        from = i + 1;
    }
    if (from < close)
        range(f, (struct range){from, close, INDENT}, 0);
    line(f, 0);
    one(f, close, 0);
}

/* `when {`, the condition indented, `}`. */
static void
condition(struct formatter *f, uint32_t keyword)
{
    uint32_t open = keyword + 1;
    uint32_t close = f->items[open].partner;
    line(f, 0);
    one(f, keyword, 0);
    one(f, open, 0);
    line(f, INDENT);
    range(f, (struct range){open + 1, close, INDENT}, 0);
    line(f, 0);
    one(f, close, 0);
}

static void
policies(struct formatter *f)
{
    bool is_first = true, starts = true;
    for (uint32_t i = 0; i < f->count; i++) {
        const struct item *item = &f->items[i];
        if (item->token.kind == CEDAR_TOKEN_END) {
            line(f, 0);
            if (item->leading_count > 0 && !is_first)
                weir_buf_add_byte(f->out, '\n');
            for (uint32_t k = 0; k < item->leading_count; k++) {
                text(f, item->leading[k]);
                line(f, 0);
            }
            return;
        }
        if (starts && !is_first) {
            line(f, 0);
            weir_buf_add_byte(f->out, '\n');
        }
        starts = false;
        is_first = false;
        if (item->token.kind == CEDAR_TOKEN_AT) {
            line(f, 0);
            one(f, i, 0);
            one(f, i + 1, 0); /* the name */
            if (f->items[i + 2].token.kind == CEDAR_TOKEN_PAREN_OPEN) {
                for (uint32_t k = i + 2; k <= f->items[i + 2].partner; k++)
                    one(f, k, 0);
                i = f->items[i + 2].partner;
            } else {
                i++;
            }
            line(f, 0);
        } else if (is_word(item, "when") || is_word(item, "unless")) {
            condition(f, i);
            i = f->items[i + 1].partner;
        } else if (item->token.kind == CEDAR_TOKEN_PAREN_OPEN) {
            scope(f, i);
            i = item->partner;
        } else {
            one(f, i, 0);
            starts = item->token.kind == CEDAR_TOKEN_SEMICOLON;
        }
    }
}

/* ------------------------------------------------------------- reading */

static bool
add_comment(struct formatter *f, struct item *item, weir_span comment)
{
    weir_span *grown;
    while (comment.len > 0 && (comment.ptr[comment.len - 1] == ' ' ||
                               comment.ptr[comment.len - 1] == '\t' ||
                               comment.ptr[comment.len - 1] == '\r'))
        comment.len--;
    if ((item->leading_count & (item->leading_count - 1)) == 0) {
        uint32_t room = item->leading_count == 0 ? 1 : item->leading_count * 2;
        grown = weir_arena_array(f->arena, weir_span, room);
        if (grown == NULL)
            return false;
        if (item->leading_count > 0)
            memcpy(grown, item->leading, item->leading_count * sizeof(*grown));
        item->leading = grown;
    }
    item->leading[item->leading_count++] = comment;
    return true;
}

static bool
same_line(weir_span source, size_t from, size_t to)
{
    return memchr(source.ptr + from, '\n', to - from) == NULL;
}

static weir_status
read_items(struct formatter *f, weir_span source, struct weir_error *err)
{
    struct cedar_lexer lexer = {.text = source};
    struct item *item = f->items;
    size_t last_end = 0;
    for (;;) {
        weir_status status = weir__cedar_lex_comment(&lexer, &item->token, err);
        if (status != WEIR_OK)
            return status;
        if (item->token.kind == CEDAR_TOKEN_END && item->token.text.len > 0) {
            weir_span comment = item->token.text;
            bool trails = item > f->items && item->leading_count == 0 &&
                          item[-1].trailing.len == 0 &&
                          same_line(source, last_end, item->token.offset);
            if (!trails && !add_comment(f, item, comment))
                break;
            if (trails) {
                struct item holder = {0};
                if (!add_comment(f, &holder, comment))
                    break;
                item[-1].trailing = holder.leading[0];
            }
            continue;
        }
        item->columns = columns_of(item->token.text);
        last_end = item->token.offset + item->token.text.len;
        f->count++;
        if (item->token.kind == CEDAR_TOKEN_END)
            return WEIR_OK;
        item++;
    }
    return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
}

/* How many items a text has, the one at its end included. */
static weir_status
count_items(weir_span source, size_t *count_out, struct weir_error *err)
{
    struct cedar_lexer lexer = {.text = source};
    struct cedar_token token;
    weir_status status;
    *count_out = 0;
    do {
        status = weir__cedar_lex(&lexer, &token, err);
        if (status != WEIR_OK)
            return status;
        *count_out += 1;
    } while (token.kind != CEDAR_TOKEN_END);
    return WEIR_OK;
}

/* The text has parsed, so brackets match. */
static bool
match_brackets(struct formatter *f)
{
    uint32_t *stack = weir_arena_array(f->arena, uint32_t, f->count + 1);
    uint32_t depth = 0;
    if (stack == NULL)
        return false;
    for (uint32_t i = 0; i < f->count; i++) {
        if (is_open(&f->items[i])) {
            stack[depth++] = i;
        } else if (is_close(&f->items[i])) {
            WEIR_ASSERT(depth > 0);
            depth--;
            f->items[i].partner = stack[depth];
            f->items[stack[depth]].partner = i;
        }
    }
    WEIR_ASSERT(depth == 0);
    return true;
}

weir_status
weir_cedar_format(weir_span source, struct weir_buf *out,
                  struct weir_error *err)
{
    struct weir_arena arena;
    struct formatter f = {.arena = &arena, .out = out, .at_line_start = true};
    struct cedar_policy_list list;
    size_t count = 0;
    weir_status status;
    weir_arena_init_heap(&arena, (size_t)1 << 30);
    status = weir__cedar_parse(&arena, source, WEIR_SPAN(""), &list, err);
    if (status == WEIR_OK)
        status = count_items(source, &count, err);
    if (status == WEIR_OK) {
        f.items = weir_arena_array(&arena, struct item, count + 1);
        status = f.items == NULL ? weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                                             "out of memory")
                                 : read_items(&f, source, err);
    }
    if (status == WEIR_OK && !match_brackets(&f))
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (status == WEIR_OK) {
        policies(&f);
        if (out->overflow)
            status = weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                               "the text needs over %zu bytes", out->max);
    }
    weir_arena_fini(&arena);
    return status;
}
