/* SPDX-License-Identifier: Apache-2.0 */
/* What a key needs, terms, and the lists that customers are held against. */
#include <weir/screening.h>

#include "read.h"

static const struct {
    const char *name;
    uint32_t bit;
} requirements[] = {
    {"evidence", WEIR_REQUIRE_EVIDENCE},
    {"screening", WEIR_REQUIRE_SCREENING},
    {"terms", WEIR_REQUIRE_TERMS},
    {"purpose", WEIR_REQUIRE_PURPOSE},
};

static void
read_requirement(struct reader *r, const struct yaml_node *node,
                 uint32_t *requires)
{
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    for (size_t i = 0; i < WEIR_COUNTOF(requirements); i++) {
        if (weir_span_equal(text, weir_span_of(requirements[i].name))) {
            *requires |= requirements[i].bit;
            return;
        }
    }
    if (!weir_span_equal(text, WEIR_SPAN("decision")))
        read_fault(r, node,
                   "Write none, or a list of decision, evidence, screening, "
                   "terms, purpose; a decision is part of any list.",
                   "not a requirement");
}

static void
read_require(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_onboarding_rules *rules = member;
    rules->requires = 0;
    if (node->kind == YAML_TEXT &&
        weir_span_equal(node->text, WEIR_SPAN("none"))) {
        rules->needs_decision = false;
        return;
    }
    rules->needs_decision = true;
    if (node->kind == YAML_TEXT) {
        read_requirement(r, node, &rules->requires);
        return;
    }
    if (!is_list(r, node, "require"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next)
        read_requirement(r, n, &rules->requires);
}

static void
read_fact(struct reader *r, const struct yaml_node *node, uint32_t *facts)
{
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    for (int i = 0; i < WEIR_NEED_FACTS; i++) {
        const char *name = weir_need_fact_name((enum weir_need_fact)i);
        if (weir_span_equal(text, weir_span_of(name))) {
            *facts |= 1u << i;
            return;
        }
    }
    read_fault(r, node,
               "Write title, headquarters, incorporated, category, "
               "established, owners, source, as_of or verified_until.",
               "not a fact that can be asked for");
}

/* {category: [facts], default: [facts]} */
static void
read_needs(struct reader *r, const struct yaml_node *node, void *member)
{
    if (node->kind != YAML_MAPPING) {
        read_fault(r, node, "Write {default: [title, source], local: [..]}.",
                   "not a mapping");
        return;
    }
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        struct weir_world_need *need = weir_world_add_need(r->world);
        if (need == NULL || !is_list(r, n, "the facts of a category"))
            return;
        need->place = n->key_place;
        need->category = weir_arena_copy(&r->world->arena, n->key);
        for (const struct yaml_node *f = n->first; f != NULL; f = f->next)
            read_fact(r, f, &need->facts);
    }
}

static void
read_effect(struct reader *r, const struct yaml_node *node, void *member)
{
    uint32_t *effect = member;
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    if (weir_span_equal(text, WEIR_SPAN("hold")))
        *effect = WEIR_SCREENING_HOLD;
    else if (weir_span_equal(text, WEIR_SPAN("deny")))
        *effect = WEIR_SCREENING_DENY;
    else if (weir_span_equal(text, WEIR_SPAN("flag")))
        *effect = WEIR_SCREENING_FLAG;
    else
        read_fault(r, node, "Write hold, deny or flag.", "not an effect");
}

static void
read_watchlists(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_watchlist row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("path", read_path, row, path),
        FIELD("effect", read_effect, row, effect),
        FIELD("allow_bad", read_u32, row, bad_max),
    };
    if (!is_list(r, node, "lists"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next)
        read_row(r, n, "a screening list", fields, WEIR_COUNTOF(fields),
                 weir_world_add_watchlist(r->world));
}

/* A list of an issuer loses a few entries a day; more at once is a mistake
 * of whoever copied it. */
static void
read_shrink(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_share share = {0, 0};
    read_share(r, node, &share);
    *(uint32_t *)member = share.high;
}

void
read_onboarding(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_onboarding_rules row;
    static const struct field fields[] = {
        {"require", read_require, 0},
        FIELD("valid_for", read_us, row, valid_us),
        FIELD("threshold", read_u32, row, threshold),
        FIELD("shrink", read_shrink, row, shrink_ppm),
        FIELD("ownership", read_names, row, ownership),
        {"evidence", read_needs, 0},
        {"lists", read_watchlists, 0},
    };
    r->world->onboarding.place = node->place;
    read_fields(r, node, "onboarding", fields, WEIR_COUNTOF(fields),
                &r->world->onboarding);
}

/* Whether models may be trained on it. */
static void
read_reuse(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    if (weir_span_equal(text, WEIR_SPAN("may_train")))
        *(enum weir_reuse *)member = WEIR_REUSE_MAY_TRAIN;
    else if (weir_span_equal(text, WEIR_SPAN("may_not_train")))
        *(enum weir_reuse *)member = WEIR_REUSE_MAY_NOT_TRAIN;
    else
        read_fault(r, node, "Write may_train or may_not_train.",
                   "not what terms say of training");
}

void
read_terms(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_terms row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("title", read_text, row, title),
        FIELD("provider", read_name, row, provider),
        FIELD("version", read_text, row, version),
        FIELD("url", read_text, row, url),
        FIELD("inputs", read_reuse, row, inputs),
        FIELD("outputs", read_reuse, row, outputs),
    };
    if (!is_list(r, node, "terms"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next)
        read_row(r, n, "terms", fields, WEIR_COUNTOF(fields),
                 weir_world_add_terms(r->world));
}
