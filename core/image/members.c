/* SPDX-License-Identifier: Apache-2.0 */
#include "members.h"

#include <string.h>

/* Blocs by place: which jurisdictions a set of names means. */
#define PLACES_MAX 1024

struct places {
    bool has[PLACES_MAX];
};

static void
add_places(const struct weir_world *world, const struct weir__names *blocs,
           struct weir_world_range range, struct places *places)
{
    for (uint32_t i = 0; i < range.count; i++) {
        const struct weir_world_name *name = &world->name_rows[range.first + i];
        uint32_t bloc = weir__names_find(blocs, name->text);
        if (bloc == WEIR_INDEX_NONE) {
            places->has[name->row] = true;
            continue;
        }
        struct weir_world_range members = world->bloc_rows[bloc].members;
        for (uint32_t j = 0; j < members.count; j++)
            places->has[world->name_rows[members.first + j].row] = true;
    }
}

static void
mark_seeds(const struct weir_world *world, const struct weir__names *blocs,
           const struct weir_world_rule *rule, uint8_t *seeds)
{
    struct places headquarters = {{false}};
    struct places incorporated = {{false}};
    add_places(world, blocs, rule->headquarters_in, &headquarters);
    add_places(world, blocs, rule->incorporated_in, &incorporated);
    for (uint32_t i = 0; i < world->organisation_count; i++) {
        const struct weir_world_organisation *o = &world->organisation_rows[i];
        bool is_person = weir_span_equal(o->category, WEIR_SPAN("person"));
        /* Nobody says where it is: it may be there. People have no
         * headquarters. */
        bool is_doubtful =
            !is_person &&
            ((rule->headquarters_in.count > 0 &&
              o->headquarters.row == weir_jurisdiction_unknown()) ||
             (rule->incorporated_in.count > 0 &&
              o->incorporated.row == weir_jurisdiction_unknown()));
        bool is_seed = headquarters.has[o->headquarters.row] ||
                       incorporated.has[o->incorporated.row];
        seeds[i] = is_seed       ? WEIR_SEED_YES
                   : is_doubtful ? WEIR_SEED_MAYBE
                                 : WEIR_SEED_NO;
    }
    for (uint32_t i = 0; i < rule->organisations.count; i++)
        seeds[world->name_rows[rule->organisations.first + i].row] = 1;
    for (uint32_t i = 0; i < rule->lists.count; i++) {
        uint32_t list = world->name_rows[rule->lists.first + i].row;
        struct weir_world_range members = world->list_rows[list].members;
        for (uint32_t j = 0; j < members.count; j++)
            seeds[world->name_rows[members.first + j].row] = 1;
    }
}

/* Holdings of all organisations; one stated by two sources counts once
 * (the check has given both rows what both allow). */
static uint32_t
gather(const struct weir_world *world, struct weir_holding *holdings)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->organisation_count; i++) {
        struct weir_world_range owners = world->organisation_rows[i].owners;
        uint32_t first = count;
        for (uint32_t j = 0; j < owners.count; j++) {
            const struct weir_world_owner *o =
                &world->owner_rows[owners.first + j];
            uint32_t same = first;
            while (same < count && holdings[same].owner != o->name.row)
                same++;
            if (same == count)
                holdings[count++] =
                    (struct weir_holding){o->name.row, i, o->share};
        }
    }
    return count;
}

static void
apply_unknown(enum weir_unknown_effect effect, uint8_t *answers, uint32_t count)
{
    uint8_t answer = effect == WEIR_UNKNOWN_YES  ? WEIR_ANSWER_YES
                     : effect == WEIR_UNKNOWN_NO ? WEIR_ANSWER_NO
                                                 : WEIR_ANSWER_UNKNOWN;
    for (uint32_t i = 0; i < count; i++) {
        if (answers[i] == WEIR_ANSWER_UNKNOWN)
            answers[i] = answer;
    }
}

static weir_status
run_rule(const struct weir_world *world, const struct weir__names *blocs,
         const struct weir_ownership_graph *graph,
         const struct weir_world_rule *rule, struct weir_arena *arena,
         uint8_t **answers_out, struct weir_error *err)
{
    struct weir_ownership_result result;
    uint32_t count = world->organisation_count;
    uint8_t *seeds = weir_arena_array(arena, uint8_t, count);
    if (seeds == NULL)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "%u organisations do not fit in memory", count);
    mark_seeds(world, blocs, rule, seeds);
    struct weir_ownership_rule run = {
        .method = rule->method,
        .threshold = rule->threshold.low,
        .is_strict = rule->is_strict,
        .doubts_undisclosed = rule->doubts_undisclosed,
        .seeds = seeds,
    };
    weir_status status = weir_ownership_run(graph, &run, arena, &result, err);
    if (status != WEIR_OK)
        return status;
    apply_unknown(rule->unknown, result.answers, count);
    *answers_out = result.answers;
    return WEIR_OK;
}

weir_status
weir__members_run(const struct weir_world *world, weir_time now,
                  struct weir_arena *arena, struct weir__members *members,
                  struct weir_error *err)
{
    struct weir_ownership_graph graph;
    struct weir__names blocs;
    size_t places;
    (void)weir_jurisdictions(&places);
    WEIR_ASSERT(places <= PLACES_MAX);
    struct weir_holding *holdings =
        weir_arena_array(arena, struct weir_holding, world->owner_count);
    members->answers = weir_arena_array(arena, uint8_t *, world->rule_count);
    if (!weir__names_init(&blocs, arena, world->bloc_count) || arena->overflow)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the organisations do not fit in memory");
    for (uint32_t i = 0; i < world->bloc_count; i++)
        (void)weir__names_put(&blocs, world->bloc_rows[i].name, i);
    weir_status status =
        weir_ownership_graph_init(&graph, arena, world->organisation_count,
                                  holdings, gather(world, holdings), err);
    for (uint32_t i = 0; i < world->rule_count && status == WEIR_OK; i++) {
        const struct weir_world_rule *rule = &world->rule_rows[i];
        if (now >= rule->from && now < rule->until)
            status = run_rule(world, &blocs, &graph, rule, arena,
                              &members->answers[i], err);
    }
    return status;
}

weir_status
weir_world_owned(const struct weir_world *world, weir_time now,
                 struct weir_arena *arena, uint8_t ***answers_out,
                 struct weir_error *err)
{
    struct weir__members members = {NULL};
    weir_status status = weir__members_run(world, now, arena, &members, err);
    *answers_out = members.answers;
    return status;
}
