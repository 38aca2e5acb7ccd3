/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions about policies as formulas.
 *
 *   policies --(one environment)--> terms     smt_expr, smt_call, smt_like
 *   entities and their hierarchy              smt_entity
 *   claim    --(negated)----------> assert    here
 *   model    <--(readings)--------- solver    smt_model
 *
 * The formula says: the assumptions match, the hierarchy is one, and the
 * claim is wrong. No model means that the claim holds for every request of
 * the environment and all entities that conform to the schema, as many of
 * them as one likes: only the finitely many that the question speaks of
 * matter. Entities that it dereferences exist.
 *
 * THE PAIR INSTEAD OF THE OPTION. Each expression compiles to a Boolean
 * "no error" and a value, which is the option of the reference taken apart:
 * the solver sees plain Booleans and no selectors of options.
 *
 * THE DECISION is Cedar's: some permit is satisfied and no forbid is; a
 * policy with an error is not satisfied. The gateway also denies when a
 * forbid fails; "never errors" is the question that covers it.
 *
 * WHAT IT DOES NOT DO. It does not validate: a policy that strict
 * validation refuses gives an answer without worth.
 */
#include "smt.h"

#include <string.h>

static weir_span
scope_in(struct smt *s, const struct smt_term *variable,
         const struct cedar_scope *scope)
{
    weir_span all = WEIR_SPAN("false");
    for (uint32_t i = 0; i < scope->count; i++) {
        struct cedar_expr literal = {.kind = CEDAR_EXPR_LITERAL, .height = 1};
        struct smt_term target;
        literal.value.kind = WEIR_CEDAR_ENTITY;
        literal.value.uid = &scope->entities[i];
        target = weir__smt_expr(s, &literal);
        if (target.type == NULL)
            continue; /* not declared: nothing is in it */
        all = weir__smt_or(
            s, all,
            scope->op == CEDAR_SCOPE_EQUAL
                ? (target.type->entity == variable->type->entity
                       ? weir__smt_equal(s, variable->value, target.value)
                       : WEIR_SPAN("false"))
                : weir__smt_in(s, variable->value, variable->type->entity,
                               target.value, target.type->entity));
    }
    return all;
}

static weir_span
scope_term(struct smt *s, enum cedar_var var, const struct cedar_scope *scope)
{
    struct cedar_expr expr = {.kind = CEDAR_EXPR_VAR, .height = 1};
    struct smt_term variable;
    if (scope->op == CEDAR_SCOPE_ANY)
        return WEIR_SPAN("true");
    expr.var = var;
    variable = weir__smt_expr(s, &expr);
    if (variable.type == NULL)
        return WEIR_SPAN("false");
    if ((scope->op == CEDAR_SCOPE_IS || scope->op == CEDAR_SCOPE_IS_IN) &&
        !weir_span_equal(variable.type->entity->name, scope->type))
        return WEIR_SPAN("false");
    if (scope->op == CEDAR_SCOPE_IS)
        return WEIR_SPAN("true");
    return scope_in(s, &variable, scope);
}

/* `value`: satisfied, where ok. */
static struct smt_term
policy_term(struct smt *s, const struct weir_cedar_policy *policy)
{
    struct smt_term all = {.ok = WEIR_SPAN("true")};
    /* Action first: it is known, and most policies end there. */
    all.value = scope_term(s, CEDAR_ACTION, &policy->action);
    if (!weir__smt_is(all.value, "false"))
        all.value = weir__smt_and(
            s, all.value, scope_term(s, CEDAR_PRINCIPAL, &policy->principal));
    if (!weir__smt_is(all.value, "false"))
        all.value = weir__smt_and(
            s, all.value, scope_term(s, CEDAR_RESOURCE, &policy->resource));
    for (uint32_t i = 0; i < policy->condition_count; i++) {
        struct smt_term next;
        if (weir__smt_is(all.value, "false") || weir__smt_failed(s))
            break;
        next = weir__smt_expr(s, policy->conditions[i].body);
        if (next.type == NULL) {
            next.ok = WEIR_SPAN("false");
            next.value = WEIR_SPAN("false");
        }
        all.ok = weir__smt_and(
            s, all.ok, weir__smt_or(s, weir__smt_not(s, all.value), next.ok));
        if (policy->conditions[i].is_unless)
            next.value = weir__smt_not(s, next.value);
        all.value = weir__smt_and(s, all.value, next.value);
    }
    return all;
}

static weir_span
matches(struct smt *s, const struct weir_cedar_policy *policy)
{
    struct smt_term term = policy_term(s, policy);
    return weir__smt_and(s, term.ok, term.value);
}

/* A long disjunction is one flat term. */
static weir_span
any_of(struct smt *s, const weir_span *terms, size_t count)
{
    struct weir_buf text;
    weir_span all;
    size_t kept = 0;
    if (count == 0)
        return WEIR_SPAN("false");
    if (count == 1)
        return terms[0];
    weir_buf_init(&text, s->out->max);
    weir_buf_add(&text, "(or", 3);
    for (size_t i = 0; i < count; i++) {
        if (weir__smt_is(terms[i], "true"))
            kept = SIZE_MAX;
        if (kept == SIZE_MAX || weir__smt_is(terms[i], "false"))
            continue;
        kept++;
        weir_buf_add_byte(&text, ' ');
        weir_buf_add_span(&text, terms[i]);
        all = terms[i];
    }
    weir_buf_add_byte(&text, ')');
    if (kept == SIZE_MAX)
        all = WEIR_SPAN("true");
    else if (kept == 0)
        all = WEIR_SPAN("false");
    else if (kept > 1)
        all = weir__smt_name(s, WEIR_SPAN("Bool"),
                             weir_arena_copy(s->arena, weir_buf_span(&text)));
    if (text.overflow)
        s->out->overflow = true;
    weir_buf_fini(&text);
    return all;
}

static weir_span
satisfied(struct smt *s, const struct weir_cedar_smt_set *set,
          enum weir_cedar_effect effect)
{
    weir_span *terms = weir_arena_array(s->arena, weir_span, set->count + 1);
    size_t count = 0;
    for (size_t i = 0; terms != NULL && i < set->count; i++) {
        const struct weir_cedar_policy *policy = set->items[i];
        if (CEDAR_IS_TEMPLATE(policy) || policy->effect != effect)
            continue;
        terms[count] = matches(s, policy);
        if (!weir__smt_is(terms[count], "false"))
            count++;
        if (weir__smt_failed(s))
            break;
    }
    return any_of(s, terms, count);
}

static weir_span
allows(struct smt *s, const struct weir_cedar_smt_set *set)
{
    weir_span permits = satisfied(s, set, WEIR_CEDAR_PERMIT);
    if (weir__smt_is(permits, "false"))
        return permits;
    return weir__smt_and(
        s, permits, weir__smt_not(s, satisfied(s, set, WEIR_CEDAR_FORBID)));
}

static weir_span
some_error(struct smt *s, const struct weir_cedar_smt_set *set)
{
    weir_span *terms = weir_arena_array(s->arena, weir_span, set->count + 1);
    size_t count = 0;
    for (size_t i = 0; terms != NULL && i < set->count; i++) {
        if (CEDAR_IS_TEMPLATE(set->items[i]))
            continue;
        terms[count] = weir__smt_not(s, policy_term(s, set->items[i]).ok);
        if (!weir__smt_is(terms[count], "false"))
            count++;
        if (weir__smt_failed(s))
            break;
    }
    return any_of(s, terms, count);
}

static weir_span
differ(struct smt *s, weir_span a, weir_span b)
{
    return weir__smt_not(s, weir__smt_equal(s, a, b));
}

static weir_span
violation(struct smt *s, const struct weir_cedar_smt_question *q)
{
    bool is_match = q->claim >= WEIR_CEDAR_SMT_ALWAYS_MATCHES;
    bool has_two = q->claim == WEIR_CEDAR_SMT_IMPLIES ||
                   q->claim == WEIR_CEDAR_SMT_EQUIVALENT ||
                   q->claim == WEIR_CEDAR_SMT_DISJOINT ||
                   q->claim >= WEIR_CEDAR_SMT_MATCH_IMPLIES;
    weir_span a, b = WEIR_SPAN("false");
    if (q->claim == WEIR_CEDAR_SMT_NEVER_ERRORS)
        return some_error(s, &q->a);
    a = is_match ? matches(s, q->a.items[0]) : allows(s, &q->a);
    if (has_two)
        b = is_match ? matches(s, q->b.items[0]) : allows(s, &q->b);
    switch (q->claim) {
    case WEIR_CEDAR_SMT_ALWAYS_ALLOWS:
    case WEIR_CEDAR_SMT_ALWAYS_MATCHES:
        return weir__smt_not(s, a);
    case WEIR_CEDAR_SMT_ALWAYS_DENIES:
    case WEIR_CEDAR_SMT_NEVER_MATCHES:
        return a;
    case WEIR_CEDAR_SMT_IMPLIES:
    case WEIR_CEDAR_SMT_MATCH_IMPLIES:
        return weir__smt_and(s, a, weir__smt_not(s, b));
    case WEIR_CEDAR_SMT_DISJOINT:
    case WEIR_CEDAR_SMT_MATCH_DISJOINT:
        return weir__smt_and(s, a, b);
    default:
        return differ(s, a, b);
    }
}

/* ------------------------------------------------------- assumptions */

static bool
check_assumption(struct smt *s, const struct weir_cedar_policy *policy)
{
    struct checker checker = {.schema = s->schema, .arena = s->arena};
    const struct capability *known = NULL;
    checker.environment =
        (struct environment){s->environment.action, s->environment.principal,
                             s->environment.resource};
    for (uint32_t i = 0; i < policy->condition_count; i++) {
        struct typed typed;
        if (!weir__cedar_typecheck(&checker, known, policy->conditions[i].body,
                                   &typed)) {
            weir__smt_refuse(s, WEIR_ETYPE, "an assumption: %.150s",
                             checker.text);
            return false;
        }
        if (typed.type->kind > WEIR_CEDAR_TYPE_BOOL) {
            weir__smt_refuse(s, WEIR_ETYPE, "an assumption is not a Bool");
            return false;
        }
        known = weir__cedar_facts_add(&checker, known, typed.facts);
    }
    return true;
}

/* True when some assumption never matches here. */
static bool
assume(struct smt *s, const struct weir_cedar_smt_set *set)
{
    bool is_void = false;
    for (size_t i = 0; i < set->count && !weir__smt_failed(s); i++) {
        weir_span term;
        if (!check_assumption(s, set->items[i]))
            return false;
        term = matches(s, set->items[i]);
        weir__smt_assert(s, term);
        is_void |= weir__smt_is(term, "false");
    }
    return is_void;
}

/* ---------------------------------------------------------- readings */

struct reader {
    struct smt *s;
    struct weir_cedar_smt_plan *plan;
    size_t count;
};

static void
read_term(struct reader *r, struct smt_reading reading, weir_span sort,
          weir_span term)
{
    struct smt_reading *slot;
    struct smt *s = r->s;
    weir_buf_addf(s->out, "(declare-const q.%zu %.*s)\n", r->count,
                  WEIR_SPAN_ARG(sort));
    weir_buf_addf(s->out, "(assert (= q.%zu %.*s))\n", r->count++,
                  WEIR_SPAN_ARG(term));
    slot = SMT_PUSH(s, r->plan->readings);
    if (slot != NULL)
        *slot = reading;
}

static void
read_attributes(struct reader *r, uint32_t foot)
{
    struct smt *s = r->s;
    struct smt_foot f = s->feet.items[foot];
    for (uint32_t i = 0; i < s->attributes.count; i++) {
        struct smt_attribute used = s->attributes.items[i];
        if (used.type != f.type)
            continue;
        read_term(r,
                  (struct smt_reading){.kind = SMT_READ_ATTRIBUTE,
                                       .foot = foot,
                                       .attribute = used.attribute},
                  used.attribute->is_required
                      ? weir__smt_sort(s, used.attribute->type)
                      : weir__smt_option(s, used.attribute->type),
                  weir__smt_attribute(s, f.value, f.type, used.attribute));
    }
    for (uint32_t i = 0; i < s->tags.count; i++) {
        struct smt_tag used = s->tags.items[i];
        if (used.type != f.type)
            continue;
        read_term(r, (struct smt_reading){.kind = SMT_READ_TAG, .foot = foot},
                  WEIR_SPAN("String"), used.key);
        read_term(r, (struct smt_reading){.kind = SMT_READ_TAG, .foot = foot},
                  weir__smt_option(s, f.type->tags),
                  weir__smt_tag(s, f.value, f.type, used.key));
    }
}

static void
read_ancestors(struct reader *r, uint32_t foot)
{
    struct smt *s = r->s;
    struct smt_foot f = s->feet.items[foot];
    for (uint32_t a = 0; a < s->type_count; a++) {
        const struct weir_cedar_entity_type *top =
            weir_cedar_schema_entity_type(s->schema, a);
        weir_span function;
        if (!s->arrays[f.type->index * s->type_count + a])
            continue;
        function = weir__smt_array_function(s, f.type, top);
        read_term(r,
                  (struct smt_reading){
                      .kind = SMT_READ_ANCESTORS, .foot = foot, .type = top},
                  weir__smt_set_sort(s, weir__smt_entity_sort(s, top)),
                  weir__smt_format(s, "(%.*s %.*s)", WEIR_SPAN_ARG(function),
                                   WEIR_SPAN_ARG(f.value)));
    }
}

/* What is not spoken of is not read: the solver may say anything of it. */
static void
read_members(struct reader *r)
{
    struct smt *s = r->s;
    for (uint32_t i = 0; i < s->atoms.count && !weir__smt_failed(s); i++) {
        struct smt_atom atom = s->atoms.items[i];
        struct smt_foot low = s->feet.items[atom.low];
        struct smt_foot high = s->feet.items[atom.high];
        weir_span function = weir__smt_member_function(s, low.type, high.type);
        read_term(
            r,
            (struct smt_reading){
                .kind = SMT_READ_MEMBER, .foot = atom.low, .other = atom.high},
            WEIR_SPAN("Bool"),
            weir__smt_format(s, "(%.*s %.*s %.*s)", WEIR_SPAN_ARG(function),
                             WEIR_SPAN_ARG(low.value),
                             WEIR_SPAN_ARG(high.value)));
    }
}

static size_t
write_readings(struct smt *s, struct weir_cedar_smt_plan *plan)
{
    struct reader r = {s, plan, 0};
    read_term(&r, (struct smt_reading){.kind = SMT_READ_PRINCIPAL},
              weir__smt_entity_sort(s, s->environment.principal),
              WEIR_SPAN("principal"));
    read_term(&r, (struct smt_reading){.kind = SMT_READ_RESOURCE},
              weir__smt_entity_sort(s, s->environment.resource),
              WEIR_SPAN("resource"));
    read_term(&r, (struct smt_reading){.kind = SMT_READ_CONTEXT},
              weir__smt_sort(s, s->environment.action->context),
              WEIR_SPAN("context"));
    for (uint32_t i = 0; i < s->feet.count && !weir__smt_failed(s); i++) {
        read_term(&r, (struct smt_reading){.kind = SMT_READ_ENTITY, .foot = i},
                  weir__smt_entity_sort(s, s->feet.items[i].type),
                  s->feet.items[i].value);
        read_attributes(&r, i);
        read_ancestors(&r, i);
    }
    read_members(&r);
    plan->schema = s->schema;
    plan->environment = s->environment;
    plan->feet = s->feet.items;
    plan->foot_count = s->feet.count;
    return r.count;
}

/* -------------------------------------------------------------- door */

static void
declare_request(struct smt *s)
{
    weir_span principal = weir__smt_entity_sort(s, s->environment.principal);
    weir_span resource = weir__smt_entity_sort(s, s->environment.resource);
    weir_span context = weir__smt_sort(s, s->environment.action->context);
    weir_buf_addf(s->out,
                  "(declare-const principal %.*s)\n"
                  "(declare-const resource %.*s)\n"
                  "(declare-const context %.*s)\n",
                  WEIR_SPAN_ARG(principal), WEIR_SPAN_ARG(resource),
                  WEIR_SPAN_ARG(context));
    weir__smt_foot(s, WEIR_SPAN("principal"), s->environment.principal, false);
    weir__smt_foot(s, WEIR_SPAN("resource"), s->environment.resource, false);
}

weir_status
weir_cedar_smt_write(const struct weir_cedar_smt_question *question,
                     struct weir_arena *arena, struct weir_buf *text,
                     struct weir_cedar_smt_text *written_out,
                     struct weir_error *err)
{
    struct weir_cedar_smt_text written = {0};
    struct smt s = {.schema = question->schema,
                    .environment = question->environment,
                    .dialect = question->dialect,
                    .arena = arena,
                    .out = text};
    struct weir_cedar_smt_plan *plan = weir_arena_alloc(arena, sizeof(*plan));
    size_t types = weir_cedar_schema_entity_type_count(question->schema);
    weir_span wrong;
    bool is_void;
    s.type_count = (uint32_t)types;
    s.memberships = weir_arena_alloc(arena, types * types);
    s.arrays = weir_arena_alloc(arena, types * types);
    if (plan == NULL || s.memberships == NULL || s.arrays == NULL)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the question is too large");
    weir_buf_addf(text, "(set-logic ALL)\n");
    declare_request(&s);
    is_void = assume(&s, &question->assumptions);
    wrong = is_void || weir__smt_failed(&s) ? WEIR_SPAN("false")
                                            : violation(&s, question);
    weir__smt_assert(&s, wrong);
    written.is_constant =
        weir__smt_is(wrong, "false") || weir__smt_is(wrong, "true");
    written.is_violated = weir__smt_is(wrong, "true");
    if (!weir__smt_is(wrong, "false")) {
        weir__smt_like_finish(&s);
        weir__smt_hierarchy(&s);
        written.question_bytes = text->len;
        written.reading_count = write_readings(&s, plan);
    } else {
        written.question_bytes = text->len;
    }
    if (weir__smt_failed(&s))
        return weir_fail(err, s.error.status, WEIR_OFFSET_NONE, "%s",
                         s.error.text);
    written.plan = plan;
    *written_out = written;
    return WEIR_OK;
}
