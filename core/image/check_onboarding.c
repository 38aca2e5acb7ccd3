/* SPDX-License-Identifier: Apache-2.0 */
/* Terms, the evidence that categories need, lists that customers are held
 * against. */
#include "check.h"

#include <stdio.h>
#include <string.h>

static const char *const facts[WEIR_NEED_FACTS] = {
    [WEIR_NEED_TITLE] = "title",
    [WEIR_NEED_HEADQUARTERS] = "headquarters",
    [WEIR_NEED_INCORPORATED] = "incorporated",
    [WEIR_NEED_CATEGORY] = "category",
    [WEIR_NEED_ESTABLISHED] = "established",
    [WEIR_NEED_OWNERS] = "owners",
    [WEIR_NEED_SOURCE] = "source",
    [WEIR_NEED_AS_OF] = "as_of",
    [WEIR_NEED_VERIFIED_UNTIL] = "verified_until",
};

const char *
weir_need_fact_name(enum weir_need_fact fact)
{
    WEIR_ASSERT((size_t)fact < WEIR_COUNTOF(facts));
    return facts[fact];
}

const struct weir_world_terms *
weir__terms_find(const struct weir_world *world, weir_span text,
                 weir_span provider, char why_out[WEIR__TERMS_WHY])
{
    const char *at = text.len == 0 ? NULL : memchr(text.ptr, '@', text.len);
    weir_span name = {text.ptr,
                      at == NULL ? text.len : (size_t)(at - text.ptr)};
    weir_span version = {at == NULL ? "" : at + 1,
                         at == NULL ? 0 : text.len - name.len - 1};
    const struct weir_world_terms *found = NULL;
    for (uint32_t i = 0; found == NULL && i < world->terms_count; i++) {
        if (weir_span_equal(world->terms_rows[i].name, name))
            found = &world->terms_rows[i];
    }
    if (found == NULL) {
        snprintf(why_out, WEIR__TERMS_WHY, "which `terms:` does not name");
        return NULL;
    }
    if (at != NULL && !weir_span_equal(version, found->version)) {
        snprintf(why_out, WEIR__TERMS_WHY,
                 "of which version \"%.*s\" is current",
                 (int)(found->version.len < 80 ? found->version.len : 80),
                 found->version.ptr);
        return NULL;
    }
    if (found->provider.text.len > 0 && provider.len > 0 &&
        !weir_span_equal(found->provider.text, provider)) {
        snprintf(why_out, WEIR__TERMS_WHY, "which are those of \"%.*s\"",
                 (int)(found->provider.text.len < 80 ? found->provider.text.len
                                                     : 80),
                 found->provider.text.ptr);
        return NULL;
    }
    return found;
}

/* A model is offered under terms that customers can accept. */
static void
check_model_terms(struct weir__check *check)
{
    const struct weir_world *world = check->world;
    for (uint32_t i = 0; i < world->model_count; i++) {
        const struct weir_world_model *m = &world->model_rows[i];
        char owner[WEIR__OWNER_TEXT], why[WEIR__TERMS_WHY];
        if (m->terms.len == 0 ||
            weir__terms_find(world, m->terms, m->provider.text, why) != NULL)
            continue;
        weir__check_owner(owner, "model", m->name);
        weir_faults_add(check->faults, m->place,
                        "Write the NAME or NAME@VERSION of a row of `terms:`, "
                        "or add the row.",
                        "%s is offered under terms \"%.*s\", %s", owner,
                        (int)(m->terms.len < 120 ? m->terms.len : 120),
                        m->terms.ptr, why);
    }
}

static void
check_terms(struct weir__check *check)
{
    struct weir_world *world = check->world;
    struct weir__names names;
    if (!weir__names_init(&names, &check->scratch, world->terms_count))
        return;
    for (uint32_t i = 0; i < world->terms_count; i++) {
        struct weir_world_terms *t = &world->terms_rows[i];
        char owner[WEIR__OWNER_TEXT];
        weir__check_owner(owner, "terms", t->name);
        weir__check_name(check, &names, t->place, "terms", t->name, i);
        if (t->provider.text.len > 0)
            weir__check_ref(check, &check->providers, "provider", owner,
                            &t->provider);
        if (t->version.len == 0)
            weir_faults_add(check->faults, t->place,
                            "Add `version:`; whoever accepts, accepts one.",
                            "%s have no version", owner);
        if (t->version.len > WEIR_TERMS_PART_MAX ||
            t->name.len > WEIR_TERMS_PART_MAX)
            weir_faults_add(check->faults, t->place,
                            "Every call's record has both: make them short.",
                            "name or version of %s passes %d bytes", owner,
                            WEIR_TERMS_PART_MAX);
    }
}

static void
check_needs(struct weir__check *check)
{
    const struct weir_world *world = check->world;
    for (uint32_t i = 0; i < world->need_count; i++) {
        const struct weir_world_need *n = &world->need_rows[i];
        for (uint32_t j = 0; j < i; j++) {
            if (weir_span_equal(n->category, world->need_rows[j].category))
                weir_faults_add(check->faults, n->place, "Keep one of them.",
                                "the evidence of \"%.*s\" is said twice",
                                WEIR_SPAN_ARG(n->category));
        }
    }
}

static void
check_watchlists(struct weir__check *check)
{
    struct weir_world *world = check->world;
    struct weir__names names;
    if (!weir__names_init(&names, &check->scratch, world->watchlist_count))
        return;
    for (uint32_t i = 0; i < world->watchlist_count; i++) {
        struct weir_world_watchlist *w = &world->watchlist_rows[i];
        char owner[WEIR__OWNER_TEXT];
        weir__check_owner(owner, "screening list", w->name);
        weir__check_name(check, &names, w->place, "screening list", w->name, i);
        if (w->path.len == 0)
            weir_faults_add(check->faults, w->place, "Add `path:`.",
                            "%s has no file", owner);
    }
}

void
weir__check_onboarding(struct weir__check *check)
{
    struct weir_world *world = check->world;
    struct weir_world_range rules = world->onboarding.ownership;
    check_terms(check);
    check_model_terms(check);
    check_needs(check);
    check_watchlists(check);
    for (uint32_t i = 0; i < rules.count; i++)
        weir__check_ref(check, &check->rules, "ownership rule", "onboarding",
                        &world->name_rows[rules.first + i]);
    if (world->onboarding.threshold == 0 || world->onboarding.threshold > 1000)
        weir_faults_add(check->faults, world->onboarding.place,
                        "Scores reach from 1 to 1000.",
                        "the threshold of onboarding is out of range");
}
