/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The human-readable schema syntax, read into the written form of schema.h.
 *
 * One token of look-ahead, recursive descent; only types nest, and their
 * depth is counted. What needs the whole schema (are the names declared, is
 * there a cycle) is the resolver's: here is what one declaration says.
 *
 * Words such as `entity` or `appliesTo` are ordinary identifiers wherever a
 * name is expected; only the reserved words of policies are refused.
 */
#include "lexer.h"
#include "schema.h"

struct parser {
    struct weir_arena *arena;
    struct cedar_lexer lexer;
    struct cedar_token token; /* not yet taken */
    struct weir_error *err;
    uint32_t depth;
};

static weir_status
no_memory(struct parser *p)
{
    (void)weir_fail(p->err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                    "the schema needs over %zu bytes", p->arena->max);
    return WEIR_ETOOBIG;
}

static weir_status
unexpected(struct parser *p, const char *expected)
{
    if (p->token.kind == CEDAR_TOKEN_END)
        (void)weir_fail(p->err, WEIR_EPARSE, p->token.offset,
                        "the text ends where %s is expected", expected);
    else
        (void)weir_fail(p->err, WEIR_EPARSE, p->token.offset, "expected %s",
                        expected);
    return WEIR_EPARSE;
}

static weir_status
refuse(struct parser *p, uint32_t offset, const char *what)
{
    (void)weir_fail(p->err, WEIR_EPARSE, offset, "%s", what);
    return WEIR_EPARSE;
}

static weir_status
advance(struct parser *p)
{
    return weir__cedar_lex(&p->lexer, &p->token, p->err);
}

static weir_status
expect(struct parser *p, enum cedar_token_kind kind, const char *expected)
{
    if (p->token.kind != kind)
        return unexpected(p, expected);
    return advance(p);
}

static bool
at_word(const struct parser *p, const char *word)
{
    return p->token.kind == CEDAR_TOKEN_IDENT &&
           weir_span_equal(p->token.text, weir_span_of(word));
}

/* Takes the token when it is of this kind. */
static weir_status
accept(struct parser *p, enum cedar_token_kind kind, bool *taken_out)
{
    *taken_out = p->token.kind == kind;
    return *taken_out ? advance(p) : WEIR_OK;
}

/* An identifier that is not a reserved word; `allows_cedar` admits the
 * reserved name space (attributes, actions, references). */
static weir_status
identifier(struct parser *p, bool allows_cedar, weir_span *name_out)
{
    if (p->token.kind != CEDAR_TOKEN_IDENT)
        return unexpected(p, "a name");
    if (weir__cedar_is_reserved(p->token.text) &&
        !(allows_cedar && weir_span_equal(p->token.text, WEIR_SPAN("__cedar"))))
        return refuse(p, p->token.offset, "a reserved word can not be a name");
    *name_out = weir_arena_copy(p->arena, p->token.text);
    return name_out->ptr == NULL ? no_memory(p) : advance(p);
}

static weir_status
string(struct parser *p, weir_span *text_out)
{
    weir_status status;
    if (p->token.kind != CEDAR_TOKEN_STRING)
        return unexpected(p, "a string");
    status = weir__cedar_unescape(p->arena, &p->token, text_out, p->err);
    return status != WEIR_OK ? status : advance(p);
}

static weir_status
name_or_string(struct parser *p, weir_span *text_out)
{
    if (p->token.kind == CEDAR_TOKEN_STRING)
        return string(p, text_out);
    return identifier(p, true, text_out);
}

/* The rest of a path whose first part stands in `*path`. Stops behind a
 * "::" that a string follows, which is then told by `*is_uid_out`. */
static weir_status
path_rest(struct parser *p, weir_span *path, bool *is_uid_out)
{
    struct weir_buf buf;
    weir_status status = WEIR_OK;
    weir_buf_init(&buf, 1 << 20);
    weir_buf_add_span(&buf, *path);
    if (is_uid_out != NULL)
        *is_uid_out = false;
    while (p->token.kind == CEDAR_TOKEN_COLONS) {
        weir_span part;
        status = advance(p);
        if (status != WEIR_OK)
            break;
        if (is_uid_out != NULL && p->token.kind == CEDAR_TOKEN_STRING) {
            *is_uid_out = true;
            break;
        }
        status = identifier(p, true, &part);
        if (status != WEIR_OK)
            break;
        weir_buf_add_span(&buf, WEIR_SPAN("::"));
        weir_buf_add_span(&buf, part);
    }
    if (status == WEIR_OK) {
        *path = weir_arena_copy(p->arena, weir_buf_span(&buf));
        if (buf.overflow || path->ptr == NULL)
            status = no_memory(p);
    }
    weir_buf_fini(&buf);
    return status;
}

static weir_status
path(struct parser *p, weir_span *path_out)
{
    weir_status status = identifier(p, true, path_out);
    return status != WEIR_OK ? status : path_rest(p, path_out, NULL);
}

static weir_status
add_name(struct parser *p, struct raw_names *list, weir_span text,
         uint32_t offset)
{
    struct raw_name *name = weir_arena_alloc(p->arena, sizeof(*name));
    if (name == NULL)
        return no_memory(p);
    name->text = text;
    name->offset = offset;
    RAW_APPEND(list, name);
    return WEIR_OK;
}

/* path | "[" [ path { "," path } ] "]" */
static weir_status
path_list(struct parser *p, struct raw_names *list)
{
    bool is_list, more;
    weir_status status = accept(p, CEDAR_TOKEN_BRACKET_OPEN, &is_list);
    if (status != WEIR_OK)
        return status;
    if (is_list && p->token.kind == CEDAR_TOKEN_BRACKET_CLOSE)
        return advance(p);
    do {
        weir_span text;
        uint32_t offset = p->token.offset;
        more = false;
        status = path(p, &text);
        if (status == WEIR_OK)
            status = add_name(p, list, text, offset);
        if (status == WEIR_OK && is_list)
            status = accept(p, CEDAR_TOKEN_COMMA, &more);
        if (status != WEIR_OK)
            return status;
    } while (more);
    return is_list ? expect(p, CEDAR_TOKEN_BRACKET_CLOSE, "',' or ']'")
                   : WEIR_OK;
}

/* { "@" name [ "(" string ")" ] } */
static weir_status
annotations(struct parser *p, struct raw_note **notes_out)
{
    struct raw_note **end = notes_out;
    weir_status status = WEIR_OK;
    *notes_out = NULL;
    while (status == WEIR_OK && p->token.kind == CEDAR_TOKEN_AT) {
        struct raw_note *note = weir_arena_alloc(p->arena, sizeof(*note));
        if (note == NULL)
            return no_memory(p);
        status = advance(p);
        if (status != WEIR_OK)
            return status;
        if (p->token.kind != CEDAR_TOKEN_IDENT)
            return unexpected(p, "the name of an annotation");
        for (struct raw_note *n = *notes_out; n != NULL; n = n->next)
            if (weir_span_equal(n->key, p->token.text))
                return weir_fail(p->err, WEIR_EPARSE, p->token.offset,
                                 "the annotation is given twice");
        note->key = weir_arena_copy(p->arena, p->token.text);
        if (note->key.ptr == NULL)
            return no_memory(p);
        status = advance(p);
        if (status == WEIR_OK)
            status = accept(p, CEDAR_TOKEN_PAREN_OPEN, &note->has_value);
        if (status == WEIR_OK && note->has_value)
            status = string(p, &note->value);
        if (status == WEIR_OK && note->has_value)
            status = expect(p, CEDAR_TOKEN_PAREN_CLOSE, "')'");
        *end = note;
        end = &note->next;
    }
    return status;
}

/* ------------------------------------------------------------- types */

static weir_status type(struct parser *p, struct raw_type **type_out);

static weir_status
new_type(struct parser *p, enum raw_type_kind kind, struct raw_type **type_out)
{
    *type_out = weir_arena_alloc(p->arena, sizeof(**type_out));
    if (*type_out == NULL)
        return no_memory(p);
    (*type_out)->kind = kind;
    (*type_out)->offset = p->token.offset;
    return WEIR_OK;
}

static weir_status
attribute(struct parser *p, struct raw_type *into)
{
    bool is_optional = false;
    struct raw_attribute *a = weir_arena_alloc(p->arena, sizeof(*a));
    weir_status status;
    if (a == NULL)
        return no_memory(p);
    status = annotations(p, &a->notes);
    if (status == WEIR_OK)
        status = name_or_string(p, &a->name);
    if (status == WEIR_OK)
        status = accept(p, CEDAR_TOKEN_QUESTION, &is_optional);
    a->is_required = !is_optional;
    if (status == WEIR_OK)
        status = expect(p, CEDAR_TOKEN_COLON, "':' or '?'");
    if (status == WEIR_OK)
        status = type(p, &a->type);
    if (status == WEIR_OK)
        RAW_APPEND(&into->attributes, a);
    return status;
}

static weir_status
record(struct parser *p, struct raw_type **type_out)
{
    bool more = true;
    weir_status status = new_type(p, RAW_RECORD, type_out);
    if (status == WEIR_OK)
        status = expect(p, CEDAR_TOKEN_BRACE_OPEN, "'{'");
    while (status == WEIR_OK && more &&
           p->token.kind != CEDAR_TOKEN_BRACE_CLOSE) {
        status = attribute(p, *type_out);
        if (status == WEIR_OK)
            status = accept(p, CEDAR_TOKEN_COMMA, &more);
    }
    if (status == WEIR_OK)
        status = expect(p, CEDAR_TOKEN_BRACE_CLOSE, "',' or '}'");
    if (status == WEIR_OK && !weir__cedar_drop_replaced(p->arena, *type_out))
        return no_memory(p);
    return status;
}

static weir_status
set_or_name(struct parser *p, struct raw_type **type_out)
{
    bool is_set = at_word(p, "Set");
    weir_status status = new_type(p, RAW_NAME, type_out);
    if (status == WEIR_OK)
        status = identifier(p, true, &(*type_out)->name);
    if (status != WEIR_OK)
        return status;
    if (!is_set || p->token.kind != CEDAR_TOKEN_LESS)
        return path_rest(p, &(*type_out)->name, NULL);
    (*type_out)->kind = RAW_SET;
    status = advance(p);
    if (status == WEIR_OK)
        status = type(p, &(*type_out)->element);
    if (status == WEIR_OK)
        status = expect(p, CEDAR_TOKEN_GREATER, "'>'");
    return status;
}

static weir_status
type(struct parser *p, struct raw_type **type_out)
{
    weir_status status;
    if (p->depth == WEIR_CEDAR_DEPTH_MAX)
        return weir_fail(p->err, WEIR_ELIMIT, p->token.offset,
                         "types nested deeper than %d", WEIR_CEDAR_DEPTH_MAX);
    p->depth++;
    status = p->token.kind == CEDAR_TOKEN_BRACE_OPEN ? record(p, type_out)
                                                     : set_or_name(p, type_out);
    p->depth--;
    return status;
}

/* ------------------------------------------------------ declarations */

/* entity A, B [in ..] [= {..}] [tags T] ; declares each name alike. */
static weir_status
entity_body(struct parser *p, struct raw_entity *shared)
{
    bool more = true, has_assign = false;
    weir_status status = WEIR_OK;
    if (at_word(p, "enum")) {
        status = advance(p);
        if (status == WEIR_OK)
            status = expect(p, CEDAR_TOKEN_BRACKET_OPEN, "'['");
        while (status == WEIR_OK && more) {
            weir_span id;
            uint32_t offset = p->token.offset;
            status = string(p, &id);
            if (status == WEIR_OK)
                status = add_name(p, &shared->enum_ids, id, offset);
            if (status == WEIR_OK)
                status = accept(p, CEDAR_TOKEN_COMMA, &more);
        }
        return status != WEIR_OK
                   ? status
                   : expect(p, CEDAR_TOKEN_BRACKET_CLOSE, "',' or ']'");
    }
    if (at_word(p, "in")) {
        status = advance(p);
        if (status == WEIR_OK)
            status = path_list(p, &shared->parents);
    }
    if (status == WEIR_OK)
        status = accept(p, CEDAR_TOKEN_ASSIGN, &has_assign);
    if (status == WEIR_OK &&
        (has_assign || p->token.kind == CEDAR_TOKEN_BRACE_OPEN))
        status = record(p, &shared->shape);
    if (status == WEIR_OK && at_word(p, "tags")) {
        status = advance(p);
        if (status == WEIR_OK)
            status = type(p, &shared->tags);
    }
    return status;
}

static weir_status
entity(struct parser *p, struct raw_namespace *space, struct raw_note *notes)
{
    struct raw_entity shared = {.notes = notes};
    struct raw_names names = {0};
    bool more = true;
    weir_status status = WEIR_OK;
    while (status == WEIR_OK && more) {
        weir_span text;
        uint32_t offset = p->token.offset;
        status = identifier(p, false, &text);
        if (status == WEIR_OK)
            status = add_name(p, &names, text, offset);
        if (status == WEIR_OK)
            status = accept(p, CEDAR_TOKEN_COMMA, &more);
    }
    if (status == WEIR_OK)
        status = entity_body(p, &shared);
    if (status == WEIR_OK)
        status = expect(p, CEDAR_TOKEN_SEMICOLON, "';'");
    for (struct raw_name *name = names.first; status == WEIR_OK && name != NULL;
         name = name->next) {
        struct raw_entity *e = weir_arena_alloc(p->arena, sizeof(*e));
        if (e == NULL)
            return no_memory(p);
        *e = shared;
        e->name = name->text;
        e->offset = name->offset;
        RAW_APPEND(&space->entities, e);
    }
    return status;
}

/* [path "::"] string | name */
static weir_status
action_reference(struct parser *p, struct raw_action *shared)
{
    struct raw_ref *ref = weir_arena_alloc(p->arena, sizeof(*ref));
    bool is_uid = false;
    weir_span first;
    weir_status status;
    if (ref == NULL)
        return no_memory(p);
    ref->offset = p->token.offset;
    RAW_APPEND(&shared->parents, ref);
    if (p->token.kind == CEDAR_TOKEN_STRING)
        return string(p, &ref->id);
    status = identifier(p, true, &first);
    if (status != WEIR_OK)
        return status;
    if (p->token.kind != CEDAR_TOKEN_COLONS) {
        ref->id = first;
        return WEIR_OK;
    }
    status = path_rest(p, &first, &is_uid);
    if (status != WEIR_OK)
        return status;
    if (!is_uid)
        return unexpected(p, "'::'");
    ref->type = first;
    return string(p, &ref->id);
}

static weir_status
action_parents(struct parser *p, struct raw_action *shared)
{
    bool is_list, more;
    weir_status status = accept(p, CEDAR_TOKEN_BRACKET_OPEN, &is_list);
    do {
        more = false;
        if (status == WEIR_OK)
            status = action_reference(p, shared);
        if (status == WEIR_OK && is_list)
            status = accept(p, CEDAR_TOKEN_COMMA, &more);
    } while (status == WEIR_OK && more);
    if (status == WEIR_OK && is_list)
        status = expect(p, CEDAR_TOKEN_BRACKET_CLOSE, "',' or ']'");
    return status;
}

static weir_status
applies_to_list(struct parser *p, struct raw_names *list, const char *what,
                uint32_t offset)
{
    weir_status status;
    if (list->first != NULL)
        return weir_fail(p->err, WEIR_EPARSE, offset, "%s is given twice",
                         what);
    status = advance(p);
    if (status == WEIR_OK)
        status = expect(p, CEDAR_TOKEN_COLON, "':'");
    if (status == WEIR_OK)
        status = path_list(p, list);
    if (status == WEIR_OK && list->first == NULL)
        return weir_fail(p->err, WEIR_EPARSE, offset,
                         "%s of an action can not be an empty list", what);
    return status;
}

static weir_status
applies_to_context(struct parser *p, struct raw_action *shared)
{
    weir_status status;
    if (shared->context != NULL)
        return weir_fail(p->err, WEIR_EPARSE, p->token.offset,
                         "context is given twice");
    status = advance(p);
    if (status == WEIR_OK)
        status = expect(p, CEDAR_TOKEN_COLON, "':'");
    if (status != WEIR_OK)
        return status;
    if (p->token.kind == CEDAR_TOKEN_BRACE_OPEN)
        return record(p, &shared->context);
    status = new_type(p, RAW_COMMON, &shared->context);
    return status != WEIR_OK ? status : path(p, &shared->context->name);
}

static weir_status
applies_to(struct parser *p, struct raw_action *shared, uint32_t action_at)
{
    bool more = true;
    weir_status status = expect(p, CEDAR_TOKEN_BRACE_OPEN, "'{'");
    shared->has_applies_to = true;
    while (status == WEIR_OK && more) {
        uint32_t offset = p->token.offset;
        if (at_word(p, "principal"))
            status =
                applies_to_list(p, &shared->principals, "principal", offset);
        else if (at_word(p, "resource"))
            status = applies_to_list(p, &shared->resources, "resource", offset);
        else if (at_word(p, "context"))
            status = applies_to_context(p, shared);
        else
            return unexpected(p, "'principal', 'resource' or 'context'");
        if (status == WEIR_OK)
            status = accept(p, CEDAR_TOKEN_COMMA, &more);
        if (p->token.kind == CEDAR_TOKEN_BRACE_CLOSE)
            more = false;
    }
    if (status == WEIR_OK)
        status = expect(p, CEDAR_TOKEN_BRACE_CLOSE, "',' or '}'");
    if (status == WEIR_OK && shared->principals.first == NULL)
        return weir_fail(p->err, WEIR_EPARSE, action_at,
                         "appliesTo lacks 'principal'");
    if (status == WEIR_OK && shared->resources.first == NULL)
        return weir_fail(p->err, WEIR_EPARSE, action_at,
                         "appliesTo lacks 'resource'");
    return status;
}

static weir_status
action_body(struct parser *p, struct raw_action *shared, uint32_t action_at)
{
    weir_status status = WEIR_OK;
    if (at_word(p, "in")) {
        status = advance(p);
        if (status == WEIR_OK)
            status = action_parents(p, shared);
    }
    if (status == WEIR_OK && at_word(p, "appliesTo")) {
        status = advance(p);
        if (status == WEIR_OK)
            status = applies_to(p, shared, action_at);
    }
    if (status == WEIR_OK && at_word(p, "attributes")) {
        status = advance(p);
        if (status == WEIR_OK)
            status = expect(p, CEDAR_TOKEN_BRACE_OPEN, "'{'");
        if (status == WEIR_OK)
            status = expect(p, CEDAR_TOKEN_BRACE_CLOSE, "'}'");
    }
    return status != WEIR_OK ? status : expect(p, CEDAR_TOKEN_SEMICOLON, "';'");
}

static weir_status
action(struct parser *p, struct raw_namespace *space, struct raw_note *notes)
{
    struct raw_action shared = {.notes = notes};
    struct raw_names names = {0};
    bool more = true;
    uint32_t action_at = p->token.offset;
    weir_status status = WEIR_OK;
    while (status == WEIR_OK && more) {
        weir_span text;
        uint32_t offset = p->token.offset;
        status = name_or_string(p, &text);
        if (status == WEIR_OK)
            status = add_name(p, &names, text, offset);
        if (status == WEIR_OK)
            status = accept(p, CEDAR_TOKEN_COMMA, &more);
    }
    if (status == WEIR_OK)
        status = action_body(p, &shared, action_at);
    for (struct raw_name *name = names.first; status == WEIR_OK && name != NULL;
         name = name->next) {
        struct raw_action *a = weir_arena_alloc(p->arena, sizeof(*a));
        if (a == NULL)
            return no_memory(p);
        *a = shared;
        a->id = name->text;
        a->offset = name->offset;
        RAW_APPEND(&space->actions, a);
    }
    return status;
}

static weir_status
common(struct parser *p, struct raw_namespace *space, struct raw_note *notes)
{
    struct raw_common *c = weir_arena_alloc(p->arena, sizeof(*c));
    weir_status status;
    if (c == NULL)
        return no_memory(p);
    c->notes = notes;
    c->offset = p->token.offset;
    status = identifier(p, false, &c->name);
    if (status == WEIR_OK && !weir__cedar_is_common_name(c->name))
        return weir_fail(p->err, WEIR_EPARSE, c->offset,
                         "the name of a built-in type can not be declared");
    if (status == WEIR_OK)
        status = expect(p, CEDAR_TOKEN_ASSIGN, "'='");
    if (status == WEIR_OK)
        status = type(p, &c->type);
    if (status == WEIR_OK)
        status = expect(p, CEDAR_TOKEN_SEMICOLON, "';'");
    if (status == WEIR_OK)
        RAW_APPEND(&space->commons, c);
    return status;
}

/* Takes the keyword; `*done_out` says that there was none. */
static weir_status
declaration(struct parser *p, struct raw_namespace *space,
            struct raw_note *notes, const char *expected)
{
    weir_status (*reader)(struct parser *, struct raw_namespace *,
                          struct raw_note *) = NULL;
    weir_status status;
    if (at_word(p, "entity"))
        reader = entity;
    else if (at_word(p, "action"))
        reader = action;
    else if (at_word(p, "type"))
        reader = common;
    else
        return unexpected(p, expected);
    status = advance(p);
    return status != WEIR_OK ? status : reader(p, space, notes);
}

static weir_status
namespace_block(struct parser *p, struct raw_schema *schema,
                struct raw_note *notes)
{
    struct raw_namespace *space = weir_arena_alloc(p->arena, sizeof(*space));
    weir_status status;
    if (space == NULL)
        return no_memory(p);
    space->notes = notes;
    status = advance(p);
    space->offset = p->token.offset;
    if (status == WEIR_OK)
        status = path(p, &space->name);
    if (status != WEIR_OK)
        return status;
    if (!weir_cedar_name_valid(space->name))
        return weir_fail(p->err, WEIR_EPARSE, space->offset,
                         "__cedar is reserved");
    status = expect(p, CEDAR_TOKEN_BRACE_OPEN, "'{'");
    while (status == WEIR_OK && p->token.kind != CEDAR_TOKEN_BRACE_CLOSE) {
        struct raw_note *inner;
        status = annotations(p, &inner);
        if (status == WEIR_OK)
            status = declaration(p, space, inner,
                                 "'entity', 'action', 'type' or '}'");
    }
    if (status == WEIR_OK)
        status = advance(p);
    RAW_APPEND(&schema->spaces, space);
    return status;
}

weir_status
weir__cedar_schema_read_text(struct weir_arena *arena, weir_span text,
                             struct raw_schema *schema_out,
                             struct weir_error *err)
{
    struct parser p = {.arena = arena, .lexer = {.text = text}, .err = err};
    struct raw_namespace *root = weir_arena_alloc(arena, sizeof(*root));
    weir_status status;
    if (root == NULL)
        return no_memory(&p);
    RAW_APPEND(&schema_out->spaces, root);
    status = advance(&p);
    while (status == WEIR_OK && p.token.kind != CEDAR_TOKEN_END) {
        struct raw_note *notes;
        status = annotations(&p, &notes);
        if (status != WEIR_OK)
            break;
        if (at_word(&p, "namespace"))
            status = namespace_block(&p, schema_out, notes);
        else
            status = declaration(&p, root, notes,
                                 "'namespace', 'entity', 'action' or 'type'");
    }
    return status;
}
