/* SPDX-License-Identifier: Apache-2.0 */
#include "parser.h"

#include <string.h>

static bool
is_word(const struct cedar_parser *parser, const char *word)
{
    return parser->token.kind == CEDAR_TOKEN_IDENT &&
           weir_span_equal(parser->token.text, weir_span_of(word));
}

static bool
keyword(struct cedar_parser *parser, const char *word, const char *what)
{
    if (is_word(parser, word))
        return weir__cedar_advance(parser);
    return weir__cedar_refuse(parser, parser->token.offset, what);
}

/* Which part of the scope is read. */
struct part {
    const char *name; /* principal action resource */
    const char *expected;
    const char *slot; /* NULL for the action */
    struct cedar_scope *scope;
    bool is_action;
};

/* Action or a name that ends so, in a namespace. */
static bool
is_action_type(weir_span type)
{
    return weir_span_equal(type, WEIR_SPAN("Action")) ||
           weir_span_ends(type, WEIR_SPAN("::Action"));
}

static bool
parentheses(struct cedar_parser *parser, uint32_t *count_out)
{
    *count_out = 0;
    while (parser->token.kind == CEDAR_TOKEN_PAREN_OPEN) {
        if (++*count_out > WEIR_CEDAR_DEPTH_MAX) {
            (void)weir_fail(&parser->builder.error, WEIR_ELIMIT,
                            parser->token.offset, "nested deeper than %d",
                            WEIR_CEDAR_DEPTH_MAX);
            return false;
        }
        if (!weir__cedar_advance(parser))
            return false;
    }
    return true;
}

static bool
close_parentheses(struct cedar_parser *parser, uint32_t count)
{
    while (count-- > 0)
        if (!weir__cedar_expect(parser, CEDAR_TOKEN_PAREN_CLOSE, "')'"))
            return false;
    return true;
}

/* One entity literal into the scope's list. */
static bool
scope_entity(struct cedar_parser *parser, const struct part *part)
{
    struct cedar_scope *scope = part->scope;
    struct weir_cedar_uid uid = {{NULL, 0}, {NULL, 0}};
    uint32_t offset = parser->token.offset;
    bool has_id;
    uint32_t count;
    if (!parentheses(parser, &count) ||
        !weir__cedar_path(parser, &uid.type, &uid.id, &has_id))
        return false;
    if (!has_id)
        return weir__cedar_refuse(parser, offset,
                                  "expected an entity such as Type::\"id\"");
    if (part->is_action && !is_action_type(uid.type))
        return weir__cedar_refuse(parser, offset,
                                  "this entity is not of a type 'Action'");
    if (!close_parentheses(parser, count))
        return false;
    scope->entities = weir__cedar_grow(parser, scope->entities,
                                       sizeof(*scope->entities), scope->count);
    scope->offsets = weir__cedar_grow(parser, scope->offsets,
                                      sizeof(*scope->offsets), scope->count);
    if (scope->entities == NULL || scope->offsets == NULL)
        return false;
    scope->offsets[scope->count] = offset;
    scope->entities[scope->count++] = uid;
    return true;
}

static bool
scope_slot(struct cedar_parser *parser, const struct part *part)
{
    if (!weir_span_equal(parser->token.text, weir_span_of(part->slot)))
        return weir__cedar_refuse(parser, parser->token.offset,
                                  "this slot belongs to another place");
    part->scope->is_slot = true;
    return weir__cedar_advance(parser);
}

static bool
entity_or_slot(struct cedar_parser *parser, const struct part *part)
{
    uint32_t count = 0;
    if (part->is_action)
        return scope_entity(parser, part);
    if (!parentheses(parser, &count))
        return false;
    if (parser->token.kind == CEDAR_TOKEN_SLOT) {
        if (!scope_slot(parser, part))
            return false;
    } else if (!scope_entity(parser, part)) {
        return false;
    }
    return close_parentheses(parser, count);
}

static bool
action_list(struct cedar_parser *parser, const struct part *part)
{
    part->scope->op = CEDAR_SCOPE_IN_SET;
    if (!weir__cedar_advance(parser))
        return false;
    while (parser->token.kind != CEDAR_TOKEN_BRACKET_CLOSE) {
        if (!scope_entity(parser, part))
            return false;
        if (parser->token.kind != CEDAR_TOKEN_COMMA)
            break;
        if (!weir__cedar_advance(parser))
            return false;
    }
    return weir__cedar_expect(parser, CEDAR_TOKEN_BRACKET_CLOSE,
                              "',' or ']' in a list of actions");
}

static bool
scope_is(struct cedar_parser *parser, const struct part *part)
{
    bool has_id;
    if (part->is_action)
        return weir__cedar_refuse(parser, parser->token.offset,
                                  "an action can not be tested with 'is'");
    part->scope->op = CEDAR_SCOPE_IS;
    if (!weir__cedar_advance(parser) ||
        !weir__cedar_path(parser, &part->scope->type, NULL, &has_id))
        return false;
    if (!is_word(parser, "in"))
        return true;
    part->scope->op = CEDAR_SCOPE_IS_IN;
    return weir__cedar_advance(parser) && entity_or_slot(parser, part);
}

static bool
scope_constraint(struct cedar_parser *parser, const struct part *part)
{
    if (parser->token.kind == CEDAR_TOKEN_EQUAL) {
        part->scope->op = CEDAR_SCOPE_EQUAL;
        return weir__cedar_advance(parser) && entity_or_slot(parser, part);
    }
    if (is_word(parser, "is"))
        return scope_is(parser, part);
    if (is_word(parser, "in")) {
        part->scope->op = CEDAR_SCOPE_IN;
        if (!weir__cedar_advance(parser))
            return false;
        if (part->is_action && parser->token.kind == CEDAR_TOKEN_BRACKET_OPEN)
            return action_list(parser, part);
        if (parser->token.kind == CEDAR_TOKEN_BRACKET_OPEN)
            return weir__cedar_refuse(parser, parser->token.offset,
                                      "only an action may be in a list");
        return entity_or_slot(parser, part);
    }
    return true;
}

static bool
scope_part(struct cedar_parser *parser, const struct part *part)
{
    part->scope->op = CEDAR_SCOPE_ANY;
    part->scope->offset = parser->token.offset;
    if (!keyword(parser, part->name, part->expected) ||
        !scope_constraint(parser, part))
        return false;
    part->scope->end = parser->last_end;
    return true;
}

static bool
scopes(struct cedar_parser *parser, struct weir_cedar_policy *policy)
{
    const struct part parts[3] = {
        {"principal", "expected 'principal'", "?principal", &policy->principal,
         false},
        {"action", "expected 'action'", NULL, &policy->action, true},
        {"resource", "expected 'resource'", "?resource", &policy->resource,
         false},
    };
    if (!weir__cedar_expect(parser, CEDAR_TOKEN_PAREN_OPEN,
                            "'(' before the scope"))
        return false;
    for (int i = 0; i < 3; i++) {
        if (!scope_part(parser, &parts[i]))
            return false;
        if (i < 2 &&
            !weir__cedar_expect(parser, CEDAR_TOKEN_COMMA, "',' in the scope"))
            return false;
    }
    if (parser->token.kind == CEDAR_TOKEN_COMMA && !weir__cedar_advance(parser))
        return false;
    return weir__cedar_expect(parser, CEDAR_TOKEN_PAREN_CLOSE,
                              "')' behind the scope");
}

static bool
annotation(struct cedar_parser *parser, struct weir_cedar_annotation *out)
{
    if (!weir__cedar_advance(parser))
        return false;
    if (parser->token.kind != CEDAR_TOKEN_IDENT)
        return weir__cedar_expect(parser, CEDAR_TOKEN_IDENT,
                                  "the name of an annotation");
    out->key = parser->token.text;
    out->value = WEIR_SPAN("");
    if (!weir__cedar_advance(parser))
        return false;
    if (parser->token.kind != CEDAR_TOKEN_PAREN_OPEN)
        return true;
    if (!weir__cedar_advance(parser))
        return false;
    if (parser->token.kind != CEDAR_TOKEN_STRING)
        return weir__cedar_expect(parser, CEDAR_TOKEN_STRING,
                                  "a string in the annotation");
    return weir__cedar_unescape(parser->builder.arena, &parser->token,
                                &out->value,
                                &parser->builder.error) == WEIR_OK &&
           weir__cedar_advance(parser) &&
           weir__cedar_expect(parser, CEDAR_TOKEN_PAREN_CLOSE,
                              "')' behind the annotation");
}

static bool
annotations(struct cedar_parser *parser, struct weir_cedar_policy *policy)
{
    struct weir_cedar_annotation *list = NULL;
    while (parser->token.kind == CEDAR_TOKEN_AT) {
        uint32_t offset = parser->token.offset;
        uint32_t count = policy->annotation_count;
        list = weir__cedar_grow(parser, list, sizeof(*list), count);
        if (list == NULL || !annotation(parser, &list[count]))
            return false;
        for (uint32_t i = 0; i < count; i++)
            if (weir_span_equal(list[i].key, list[count].key))
                return weir__cedar_refuse(parser, offset,
                                          "this annotation occurs twice");
        policy->annotation_count++;
    }
    policy->annotations = list;
    return true;
}

static bool
conditions(struct cedar_parser *parser, struct weir_cedar_policy *policy)
{
    struct cedar_condition *list = NULL;
    while (is_word(parser, "when") || is_word(parser, "unless")) {
        uint32_t count = policy->condition_count;
        list = weir__cedar_grow(parser, list, sizeof(*list), count);
        if (list == NULL)
            return false;
        list[count].is_unless = is_word(parser, "unless");
        list[count].offset = parser->token.offset;
        if (!weir__cedar_advance(parser) ||
            !weir__cedar_expect(parser, CEDAR_TOKEN_BRACE_OPEN,
                                "'{' before a condition"))
            return false;
        if (parser->token.kind == CEDAR_TOKEN_BRACE_CLOSE)
            return weir__cedar_refuse(parser, parser->token.offset,
                                      "a condition may not be empty");
        list[count].body = weir__cedar_expression(parser);
        if (list[count].body == NULL ||
            !weir__cedar_expect(parser, CEDAR_TOKEN_BRACE_CLOSE,
                                "'}' behind a condition"))
            return false;
        policy->condition_count++;
    }
    policy->conditions = list;
    return true;
}

static bool
policy_text(struct cedar_parser *parser, struct weir_cedar_policy *policy)
{
    policy->offset = parser->token.offset;
    if (!annotations(parser, policy))
        return false;
    if (is_word(parser, "permit"))
        policy->effect = WEIR_CEDAR_PERMIT;
    else if (is_word(parser, "forbid"))
        policy->effect = WEIR_CEDAR_FORBID;
    else
        return weir__cedar_refuse(parser, parser->token.offset,
                                  "expected 'permit' or 'forbid'");
    if (!weir__cedar_advance(parser) || !scopes(parser, policy) ||
        !conditions(parser, policy) ||
        !weir__cedar_expect(parser, CEDAR_TOKEN_SEMICOLON,
                            policy->condition_count > 0
                                ? "';' behind the policy"
                                : "'when', 'unless' or ';'"))
        return false;
    policy->end = parser->last_end;
    return true;
}

/* Where in the text the last policy began: lines are counted on from there,
 * so that a long file is gone through once. */
struct place {
    uint32_t offset;
    uint32_t line;
    uint32_t column;
};

static void
move_to(struct place *place, weir_span text, uint32_t offset)
{
    for (; place->offset < offset; place->offset++) {
        unsigned char c = (unsigned char)text.ptr[place->offset];
        if (c == '\n') {
            place->line++;
            place->column = 1;
        } else {
            place->column += (c & 0xC0) != 0x80;
        }
    }
}

weir_status
weir__cedar_parse(struct weir_arena *arena, weir_span text, weir_span file,
                  struct cedar_policy_list *list_out, struct weir_error *err)
{
    struct cedar_parser parser;
    struct weir_cedar_policy **items = NULL;
    struct place place = {0, 1, 1};
    uint32_t count = 0;
    bool is_good;
    if (!weir_utf8_valid(text))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "the text is not UTF-8");
    is_good = weir__cedar_parser_start(&parser, arena, text);
    while (is_good && parser.token.kind != CEDAR_TOKEN_END) {
        items = weir__cedar_grow(&parser, items,
                                 sizeof(struct weir_cedar_policy *), count);
        if (items == NULL)
            break;
        items[count] = weir_arena_alloc(arena, sizeof(**items));
        if (items[count] == NULL) {
            weir__cedar_no_memory(&parser);
            break;
        }
        items[count]->text = text;
        items[count]->file = file;
        move_to(&place, text, parser.token.offset);
        items[count]->line = place.line;
        items[count]->column = place.column;
        is_good = policy_text(&parser, items[count++]);
    }
    if (parser.builder.error.status != WEIR_OK) {
        if (err != NULL)
            *err = parser.builder.error;
        return parser.builder.error.status;
    }
    *list_out = (struct cedar_policy_list){items, count};
    return WEIR_OK;
}
