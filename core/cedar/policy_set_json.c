/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies and policy sets out of JSON. A set may hold a policy as its text
 * in a string instead of an object. Either everything is added or nothing:
 * what was added before a failure is taken back.
 */
#include "policy_json.h"

#include <weir/cedar_json.h>

#include <stdio.h>
#include <string.h>

struct set_reader {
    struct policy_reader policy;
    struct weir_cedar_policies *set;
    weir_span file;
    struct weir_error *err;
};

static bool
refuse(struct policy_reader *r, const struct tree *at, const char *what)
{
    (void)weir__cedar_json_refuse(r, at, what);
    return false;
}

/* ------------------------------------------------------------- scopes */

/* {"entity": U} or {"slot": "?principal"}; the entity wins. */
static bool
read_entity_or_slot(struct policy_reader *r, const struct tree *at,
                    const char *slot_name, struct cedar_scope *scope)
{
    const struct tree *entity = weir__cedar_tree_get(at, "entity");
    const struct tree *slot = weir__cedar_tree_get(at, "slot");
    if (entity != NULL) {
        scope->entities = weir__cedar_json_uid(r, entity);
        scope->count = 1;
        return scope->entities != NULL;
    }
    if (slot == NULL || slot_name == NULL || slot->kind != WEIR_JSON_STRING ||
        !weir_span_equal(slot->string, weir_span_of(slot_name)))
        return refuse(r, at, "expected an entity, or the slot of this place");
    scope->is_slot = true;
    return true;
}

static bool
read_scope_is(struct policy_reader *r, const struct tree *at,
              const char *slot_name, struct cedar_scope *scope)
{
    const struct tree *type = weir__cedar_tree_get(at, "entity_type");
    const struct tree *in = weir__cedar_tree_get(at, "in");
    for (const struct tree *m = at->first; m != NULL; m = m->next)
        if (!weir__cedar_tree_named(m, "op") &&
            !weir__cedar_tree_named(m, "entity_type") &&
            !weir__cedar_tree_named(m, "in"))
            return refuse(r, m, "a member that this scope does not have");
    if (type == NULL || type->kind != WEIR_JSON_STRING ||
        !weir_cedar_name_valid(type->string))
        return refuse(r, at, "expected the name of an entity type");
    if (!weir__cedar_json_copy(r, type->string, &scope->type))
        return false;
    scope->op = CEDAR_SCOPE_IS;
    if (in == NULL || in->kind == WEIR_JSON_NULL)
        return true;
    if (in->kind != WEIR_JSON_OBJECT)
        return refuse(r, in, "expected an object");
    scope->op = CEDAR_SCOPE_IS_IN;
    return read_entity_or_slot(r, in, slot_name, scope);
}

static const struct tree *
scope_of(struct policy_reader *r, const struct tree *policy, const char *name,
         const struct tree **op_out)
{
    const struct tree *at = weir__cedar_tree_get(policy, name);
    if (at == NULL || at->kind != WEIR_JSON_OBJECT) {
        (void)refuse(r, at == NULL ? policy : at, "expected a scope");
        return NULL;
    }
    *op_out = weir__cedar_tree_get(at, "op");
    if (*op_out == NULL || (*op_out)->kind != WEIR_JSON_STRING) {
        (void)refuse(r, at, "the member 'op' is missing");
        return NULL;
    }
    return at;
}

static bool
op_is(const struct tree *op, const char *name)
{
    return weir_span_equal(op->string, weir_span_of(name));
}

static bool
read_scope(struct policy_reader *r, const struct tree *policy, const char *name,
           const char *slot_name, struct cedar_scope *scope)
{
    const struct tree *op, *at = scope_of(r, policy, name, &op);
    if (at == NULL)
        return false;
    if (op_is(op, "All") || op_is(op, "all"))
        return true;
    if (op_is(op, "is"))
        return read_scope_is(r, at, slot_name, scope);
    if (!op_is(op, "==") && !op_is(op, "in"))
        return refuse(r, op, "no such scope");
    scope->op = op_is(op, "==") ? CEDAR_SCOPE_EQUAL : CEDAR_SCOPE_IN;
    return read_entity_or_slot(r, at, slot_name, scope);
}

static bool
check_actions(struct policy_reader *r, const struct tree *at,
              const struct cedar_scope *scope)
{
    for (uint32_t i = 0; i < scope->count; i++) {
        weir_span type = scope->entities[i].type;
        if (!weir_span_equal(type, WEIR_SPAN("Action")) &&
            !weir_span_ends(type, WEIR_SPAN("::Action")))
            return refuse(r, at, "expected an action");
    }
    return true;
}

static bool
read_action_scope(struct policy_reader *r, const struct tree *policy,
                  struct cedar_scope *scope)
{
    const struct tree *op, *at = scope_of(r, policy, "action", &op);
    const struct tree *entities;
    if (at == NULL)
        return false;
    if (op_is(op, "All") || op_is(op, "all"))
        return true;
    if (!op_is(op, "==") && !op_is(op, "in"))
        return refuse(r, op, "no such scope");
    scope->op = op_is(op, "==") ? CEDAR_SCOPE_EQUAL : CEDAR_SCOPE_IN;
    entities = weir__cedar_tree_get(at, "entities");
    if (scope->op == CEDAR_SCOPE_EQUAL || entities == NULL ||
        weir__cedar_tree_get(at, "entity") != NULL)
        return read_entity_or_slot(r, at, NULL, scope) &&
               check_actions(r, at, scope);
    if (entities->kind != WEIR_JSON_ARRAY)
        return refuse(r, entities, "expected an array");
    scope->op = CEDAR_SCOPE_IN_SET;
    scope->entities = weir_arena_array(r->builder.arena, struct weir_cedar_uid,
                                       entities->count);
    if (entities->count > 0 && scope->entities == NULL)
        return refuse(r, at, "the policies need too much memory");
    for (const struct tree *e = entities->first; e != NULL; e = e->next) {
        struct weir_cedar_uid *uid = weir__cedar_json_uid(r, e);
        if (uid == NULL)
            return false;
        scope->entities[scope->count++] = *uid;
    }
    return check_actions(r, at, scope);
}

/* ----------------------------------------------------------- policies */

static bool
read_conditions(struct policy_reader *r, const struct tree *policy,
                struct weir_cedar_policy *out)
{
    const struct tree *list = weir__cedar_tree_get(policy, "conditions");
    struct cedar_condition *conditions;
    if (list == NULL || list->kind != WEIR_JSON_ARRAY)
        return refuse(r, policy, "expected an array 'conditions'");
    conditions =
        weir_arena_array(r->builder.arena, struct cedar_condition, list->count);
    if (list->count > 0 && conditions == NULL)
        return refuse(r, list, "the policies need too much memory");
    for (const struct tree *e = list->first; e != NULL; e = e->next) {
        struct cedar_condition *condition = &conditions[out->condition_count++];
        const struct tree *kind = weir__cedar_tree_get(e, "kind");
        const struct tree *body = weir__cedar_tree_get(e, "body");
        if (e->kind != WEIR_JSON_OBJECT || e->count != 2 || kind == NULL ||
            body == NULL || kind->kind != WEIR_JSON_STRING)
            return refuse(r, e, "expected {\"kind\", \"body\"}");
        condition->is_unless = op_is(kind, "unless");
        if (!condition->is_unless && !op_is(kind, "when"))
            return refuse(r, kind, "expected \"when\" or \"unless\"");
        condition->body = weir__cedar_json_expr(r, body);
        if (condition->body == NULL)
            return false;
    }
    out->conditions = conditions;
    return true;
}

static bool
is_annotation_name(weir_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool is_letter =
            c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return s.len > 0;
}

static bool
read_annotations(struct policy_reader *r, const struct tree *policy,
                 struct weir_cedar_policy *out)
{
    const struct tree *list = weir__cedar_tree_get(policy, "annotations");
    struct weir_cedar_annotation *annotations;
    if (list == NULL)
        return true;
    if (list->kind != WEIR_JSON_OBJECT)
        return refuse(r, list, "expected an object");
    annotations = weir_arena_array(r->builder.arena,
                                   struct weir_cedar_annotation, list->count);
    if (list->count > 0 && annotations == NULL)
        return refuse(r, list, "the policies need too much memory");
    for (const struct tree *m = list->first; m != NULL; m = m->next) {
        struct weir_cedar_annotation *note =
            &annotations[out->annotation_count++];
        if (!is_annotation_name(m->name))
            return refuse(r, m, "not the name of an annotation");
        if (m->kind != WEIR_JSON_STRING && m->kind != WEIR_JSON_NULL)
            return refuse(r, m, "expected a string");
        if (!weir__cedar_json_copy(r, m->name, &note->key) ||
            !weir__cedar_json_copy(
                r, m->kind == WEIR_JSON_NULL ? WEIR_SPAN("") : m->string,
                &note->value))
            return false;
    }
    out->annotations = annotations;
    return true;
}

static bool
read_policy(struct policy_reader *r, const struct tree *at,
            struct weir_cedar_policy *out)
{
    static const char *const names[] = {"effect",     "principal",
                                        "action",     "resource",
                                        "conditions", "annotations"};
    const struct tree *effect = weir__cedar_tree_get(at, "effect");
    for (const struct tree *m = at->first; m != NULL; m = m->next) {
        bool is_known = false;
        for (size_t i = 0; i < WEIR_COUNTOF(names); i++)
            is_known |= weir__cedar_tree_named(m, names[i]);
        if (!is_known)
            return refuse(r, m, "a member that a policy does not have");
    }
    if (effect == NULL || effect->kind != WEIR_JSON_STRING ||
        (!op_is(effect, "permit") && !op_is(effect, "forbid")))
        return refuse(r, at, "the effect is \"permit\" or \"forbid\"");
    out->effect =
        op_is(effect, "permit") ? WEIR_CEDAR_PERMIT : WEIR_CEDAR_FORBID;
    return read_scope(r, at, "principal", "?principal", &out->principal) &&
           read_action_scope(r, at, &out->action) &&
           read_scope(r, at, "resource", "?resource", &out->resource) &&
           read_conditions(r, at, out) && read_annotations(r, at, out);
}

/* ---------------------------------------------------------------- sets */

static weir_status
failure(struct set_reader *s)
{
    if (s->err != NULL)
        *s->err = s->policy.builder.error;
    return s->policy.builder.error.status;
}

enum expected { ANY_POLICY, STATIC_POLICY, TEMPLATE };

static weir_status
parse_text(struct set_reader *s, const struct tree *at,
           struct weir_cedar_policy **policy_out)
{
    struct cedar_policy_list list;
    weir_span text;
    weir_status status;
    if (!weir__cedar_json_copy(&s->policy, at->string, &text))
        return failure(s);
    status = weir__cedar_parse(s->policy.builder.arena, text, s->file, &list,
                               s->err);
    if (status != WEIR_OK) {
        if (s->err != NULL)
            s->err->offset = at->offset;
        return status;
    }
    if (list.count != 1)
        return weir_fail(s->err, WEIR_EPARSE, at->offset,
                         "expected the text of one policy");
    *policy_out = list.items[0];
    return WEIR_OK;
}

/* `id` with a NULL pointer: named by position. */
static weir_status
add_policy(struct set_reader *s, const struct tree *at, weir_span id,
           enum expected expected)
{
    struct weir_cedar_policy *policy =
        weir_arena_alloc(s->policy.builder.arena, sizeof(*policy));
    weir_status status = WEIR_OK;
    if (policy == NULL)
        return weir_fail(s->err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "out of memory");
    if (at->kind == WEIR_JSON_STRING)
        status = parse_text(s, at, &policy);
    else if (at->kind != WEIR_JSON_OBJECT)
        return weir_fail(s->err, WEIR_EPARSE, at->offset,
                         "a policy is an object");
    else if (!read_policy(&s->policy, at, policy))
        return failure(s);
    if (status != WEIR_OK)
        return status;
    if (expected == STATIC_POLICY && CEDAR_IS_TEMPLATE(policy))
        return weir_fail(s->err, WEIR_EPARSE, at->offset,
                         "a static policy has no slots");
    if (expected == TEMPLATE && !CEDAR_IS_TEMPLATE(policy))
        return weir_fail(s->err, WEIR_EPARSE, at->offset,
                         "a template has a slot");
    if (policy->file.ptr == NULL)
        policy->file = s->file;
    if (id.ptr != NULL && !weir__cedar_json_copy(&s->policy, id, &policy->id))
        return failure(s);
    status = weir__cedar_policies_add(s->set, policy, s->err);
    if (status != WEIR_OK && s->err != NULL)
        s->err->offset = at->offset;
    return status;
}

static weir_status
add_all(struct set_reader *s, const struct tree *at, enum expected expected)
{
    weir_status status = WEIR_OK;
    /* Templates are linked by name, so a list of them means nothing. */
    if (at->kind != WEIR_JSON_OBJECT &&
        (at->kind != WEIR_JSON_ARRAY || expected == TEMPLATE))
        return weir_fail(s->err, WEIR_EPARSE, at->offset,
                         "expected an object of policies");
    for (const struct tree *m = at->first; status == WEIR_OK && m != NULL;
         m = m->next) {
        weir_span id = WEIR_SPAN_NONE;
        if (at->kind == WEIR_JSON_OBJECT)
            id = m->name.ptr == NULL ? WEIR_SPAN("") : m->name;
        status = add_policy(s, m, id, expected);
    }
    return status;
}

static weir_status
read_link_values(struct set_reader *s, const struct tree *values,
                 struct weir_cedar_uid **principal_out,
                 struct weir_cedar_uid **resource_out)
{
    if (values->kind != WEIR_JSON_OBJECT)
        return weir_fail(s->err, WEIR_EPARSE, values->offset,
                         "expected an object");
    for (const struct tree *m = values->first; m != NULL; m = m->next) {
        struct weir_cedar_uid **slot;
        if (weir__cedar_tree_named(m, "?principal"))
            slot = principal_out;
        else if (weir__cedar_tree_named(m, "?resource"))
            slot = resource_out;
        else
            return weir_fail(s->err, WEIR_EPARSE, m->offset, "no such slot");
        *slot = weir__cedar_json_uid(&s->policy, m);
        if (*slot == NULL)
            return failure(s);
    }
    return WEIR_OK;
}

static weir_status
add_link(struct set_reader *s, const struct tree *at)
{
    const struct tree *template_id = weir__cedar_tree_get(at, "templateId");
    const struct tree *id = weir__cedar_tree_get(at, "newId");
    const struct tree *values = weir__cedar_tree_get(at, "values");
    struct weir_cedar_uid *principal = NULL, *resource = NULL;
    weir_status status;
    if (at->kind != WEIR_JSON_OBJECT || at->count != 3 || template_id == NULL ||
        id == NULL || values == NULL || template_id->kind != WEIR_JSON_STRING ||
        id->kind != WEIR_JSON_STRING)
        return weir_fail(s->err, WEIR_EPARSE, at->offset,
                         "expected {\"templateId\", \"newId\", \"values\"}");
    status = read_link_values(s, values, &principal, &resource);
    if (status != WEIR_OK)
        return status;
    status = weir_cedar_policies_link(s->set, template_id->string, id->string,
                                      principal, resource, s->err);
    if (status != WEIR_OK && s->err != NULL)
        s->err->offset = at->offset;
    return status;
}

/* Statics, then templates, then links, in whatever order they stand. */
static weir_status
read_set(struct set_reader *s, const struct tree *at)
{
    const struct tree *statics = weir__cedar_tree_get(at, "staticPolicies");
    const struct tree *templates = weir__cedar_tree_get(at, "templates");
    const struct tree *links = weir__cedar_tree_get(at, "templateLinks");
    weir_status status = WEIR_OK;
    if ((uint32_t)(statics != NULL) + (templates != NULL) + (links != NULL) !=
        at->count)
        return weir_fail(s->err, WEIR_EPARSE, at->offset,
                         "a member that a policy set does not have");
    if (statics != NULL && statics->kind == WEIR_JSON_STRING)
        status = weir_cedar_policies_add_text(s->set, statics->string, s->file,
                                              s->err);
    else if (statics != NULL)
        status = add_all(s, statics, STATIC_POLICY);
    if (status == WEIR_OK && templates != NULL)
        status = add_all(s, templates, TEMPLATE);
    if (status != WEIR_OK || links == NULL)
        return status;
    if (links->kind != WEIR_JSON_ARRAY)
        return weir_fail(s->err, WEIR_EPARSE, links->offset,
                         "expected an array");
    for (const struct tree *e = links->first; status == WEIR_OK && e != NULL;
         e = e->next)
        status = add_link(s, e);
    return status;
}

weir_status
weir_cedar_policies_add_json(struct weir_cedar_policies *set, weir_span text,
                             weir_span file, struct weir_error *err)
{
    struct weir_arena scratch;
    struct set_reader s = {.set = set, .err = err};
    size_t before = weir_cedar_policies_count(set);
    struct tree *tree;
    weir_status status;
    s.policy.builder.arena = weir__cedar_policies_arena(set);
    s.file = weir_arena_copy(s.policy.builder.arena, file);
    weir_arena_init_heap(&scratch, (size_t)1 << 30);
    status = weir__cedar_tree_read(&scratch, text, 0, &tree, err);
    if (status == WEIR_OK && tree->kind == WEIR_JSON_ARRAY)
        status = add_all(&s, tree, ANY_POLICY);
    else if (status == WEIR_OK && tree->kind == WEIR_JSON_OBJECT &&
             weir__cedar_tree_get(tree, "effect") != NULL)
        status = add_policy(&s, tree, WEIR_SPAN_NONE, ANY_POLICY);
    else if (status == WEIR_OK && tree->kind == WEIR_JSON_OBJECT)
        status = read_set(&s, tree);
    else if (status == WEIR_OK)
        status = weir_fail(err, WEIR_EPARSE, tree->offset,
                           "a policy set is an object");
    if (status != WEIR_OK)
        weir__cedar_policies_shrink(set, before);
    weir_arena_fini(&scratch);
    return status;
}
