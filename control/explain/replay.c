/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision, made again.
 *
 * The image is found by the digest the record names, the overlay by its
 * generation; time and facts are the record's. weir_gate_decide() is the
 * function that decided then, so a difference means that something kept was
 * changed, or that the program is another one: it is said either way.
 *
 * weir/replay.h says what of a record is a fact and when two answers agree.
 */
#include <stdio.h>
#include <string.h>

#include <weir/crypto.h>

#include "control/explain/parts.h"
#include "control/factors/factors.h"

struct replay {
    const struct weir_explained *explained;
    struct weir_explain_world world;
    struct weir_answer answer;
    json_t *differences;
};

static void differ(struct replay *replay, const char *format, ...)
    WEIR_PRINTF(2, 3);

static void
differ(struct replay *replay, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    json_array_append_new(replay->differences, json_string(text));
}

/* ------------------------------------------------------------------ policies */

static json_t *
policy_json(const struct replay *replay, uint32_t deployment, uint32_t policy)
{
    static const char *const results[] = {"absent", "unsatisfied", "satisfied",
                                          "failed"};
    const struct weir_image *image = &replay->world.view.image;
    const struct weir_image_policy *row = &image->policies[policy];
    enum weir_cedar_result result;
    char digest[WEIR_HEX_LEN(32)];
    json_t *reads =
        weir__explain_reads(&replay->world, deployment, policy, &result);
    weir_hex_encode((weir_span){(const char *)row->text_digest, 32}, digest);
    return json_pack(
        "{s:o,s:o,s:o,s:o,s:o,s:i,s:s#,s:s,s:b,s:b,s:s,s:o}", "id",
        weir__explain_text(weir_image_text(image, row->id)), "title",
        weir__explain_text(weir_image_text(image, row->title)), "authority",
        weir__explain_text(weir_image_text(image, row->authority)), "appeal",
        weir__explain_text(weir_image_text(image, row->appeal)), "file",
        weir__explain_text(weir_image_text(image, row->file)), "line",
        (int)row->line, "text_sha256", digest, (int)sizeof digest, "effect",
        row->is_permit ? "permit" : "forbid", "is_hold",
        (row->flags & WEIR_POLICY_HOLD) != 0, "is_shadow",
        (row->flags & WEIR_POLICY_SHADOW) != 0, "result", results[result],
        "reads", reads);
}

static uint32_t
kept(uint32_t count)
{
    return count < WEIR_DECIDING_MAX ? count : WEIR_DECIDING_MAX;
}

/* Those that decided and the shadows; where nothing permitted, the permits
 * that did not. */
static json_t *
policies_json(const struct replay *replay,
              const struct weir_candidate *candidate)
{
    const struct weir_image *image = &replay->world.view.image;
    json_t *list = json_array();
    for (uint32_t i = 0; i < kept(candidate->policy_count); i++)
        json_array_append_new(list, policy_json(replay, candidate->deployment,
                                                candidate->policies[i]));
    for (uint32_t i = 0; i < kept(candidate->shadow_count); i++)
        json_array_append_new(list, policy_json(replay, candidate->deployment,
                                                candidate->shadows[i]));
    for (uint32_t i = 0, shown = 0;
         candidate->reason == WEIR_REASON_NO_PERMIT && shown < 16 &&
         i < image->policy_count;
         i++) {
        if (!image->policies[i].is_permit)
            continue;
        json_array_append_new(list,
                              policy_json(replay, candidate->deployment, i));
        shown++;
    }
    return list;
}

/* --------------------------------------------------------------- candidates */

static void
compare(struct replay *replay, const struct weir_record_candidate *recorded,
        const struct weir_candidate *candidate)
{
    struct weir_error difference;
    if (!weir_replay_same(&replay->world.view.image, recorded, candidate,
                          &difference))
        differ(replay, "%s", difference.text);
}

static json_t *
candidate_json(const struct replay *replay,
               const struct weir_candidate *candidate,
               const struct weir_record_candidate *recorded)
{
    const struct weir_image *image = &replay->world.view.image;
    const struct weir_image_deployment *row =
        &image->deployments[candidate->deployment];
    const struct weir_image_model *model = &image->models[row->model];
    json_t *json = json_pack(
        "{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:s,s:s,s:o}", "deployment",
        weir__explain_text(weir_image_text(image, row->name)), "model",
        weir__explain_text(weir_image_text(image, model->name)), "provider",
        weir__explain_text(
            weir_image_text(image, image->providers[model->provider].name)),
        "model_origin",
        weir__explain_text(
            weir_image_text(image, image->jurisdictions[model->origin].code)),
        "cloud", weir__explain_text(weir_image_text(image, row->cloud)),
        "region", weir__explain_text(weir_image_text(image, row->region)),
        "runs_in",
        weir__explain_text(
            weir_image_text(image, image->jurisdictions[row->place].code)),
        "stored_in",
        weir__explain_text(
            weir_image_text(image, image->jurisdictions[row->stored_in].code)),
        "operated_by",
        weir__explain_text(weir_image_text(
            image, image->organisations[row->operated_by].name)),
        "verdict", weir_verdict_name(candidate->verdict), "reason",
        weir_reason_code(candidate->reason), "policies",
        policies_json(replay, candidate));
    json_object_set_new(json, "estimated_by",
                        weir_factor_json(image, row->model));
    json_t *whatif = weir__explain_whatif(&replay->world, candidate);
    if (whatif != NULL)
        json_object_set_new(json, "whatif", whatif);
    if (recorded != NULL)
        json_object_set_new(
            json, "recorded",
            json_pack("{s:s,s:s,s:o,s:o}", "verdict",
                      weir_verdict_name((enum weir_verdict)recorded->verdict),
                      "reason",
                      weir_reason_code((enum weir_reason)recorded->reason),
                      "policies", weir__explain_text(recorded->policies),
                      "shadows", weir__explain_text(recorded->shadows)));
    return json;
}

static const struct weir_record_candidate *
find_recorded(const struct weir_explained *in, weir_span deployment)
{
    for (uint32_t i = 0; i < in->recorded.candidate_count; i++) {
        if (weir_span_equal(in->recorded.candidates[i].deployment, deployment))
            return &in->recorded.candidates[i];
    }
    return NULL;
}

static json_t *
candidates_json(struct replay *replay)
{
    const struct weir_image *image = &replay->world.view.image;
    json_t *list = json_array();
    for (uint32_t i = 0; i < replay->answer.candidate_count; i++) {
        const struct weir_candidate *candidate = &replay->answer.candidates[i];
        weir_span name = weir_image_text(
            image, image->deployments[candidate->deployment].name);
        const struct weir_record_candidate *recorded =
            find_recorded(replay->explained, name);
        if (recorded == NULL)
            differ(replay, "%.*s is a candidate now and was none",
                   WEIR_SPAN_ARG(name));
        else
            compare(replay, recorded, candidate);
        json_array_append_new(list,
                              candidate_json(replay, candidate, recorded));
    }
    if (replay->answer.candidate_count <
        replay->explained->recorded.candidate_count)
        differ(replay, "%u candidates were recorded, %u are found now",
               replay->explained->recorded.candidate_count,
               replay->answer.candidate_count);
    return list;
}

/* ------------------------------------------------------------------ the whole */

static void
add_key_facts(const struct weir_image *image, uint32_t key, json_t *who)
{
    const struct weir_image_key *row = &image->keys[key];
    json_object_set_new(
        who, "purpose",
        weir__explain_text(weir_image_text(image, row->purpose)));
    json_object_set_new(who, "staff",
                        weir__explain_text(weir_image_text(
                            image, image->jurisdictions[row->staff].code)));
}

static void
decide_again(struct replay *replay, struct weir_arena *arena, json_t *reply)
{
    const struct weir_replay_case *recorded = &replay->explained->recorded;
    struct weir_replay keys;
    struct weir_error err;
    if (weir_replay_init(&keys, &replay->world.view, arena, &err) != WEIR_OK) {
        differ(replay, "%s", err.text);
        return;
    }
    if (weir_replay_question(&keys, recorded, recorded->decided_us,
                             &replay->world.question) != WEIR_OK) {
        differ(replay, "the image does not have the key %.*s",
               WEIR_SPAN_ARG(recorded->key));
        return;
    }
    add_key_facts(&replay->world.view.image, replay->world.question.key,
                  json_object_get(reply, "who"));
    weir_gate_decide(&replay->world.view, &replay->world.question,
                     &replay->answer);
    json_object_set_new(reply, "verdict",
                        json_string(weir_verdict_name(replay->answer.verdict)));
    json_object_set_new(reply, "candidates", candidates_json(replay));
    weir__explain_places(replay->explained, &replay->world.view.image,
                         replay->world.question.key, reply);
    bool is_admitted = replay->answer.verdict == WEIR_ALLOW;
    if (!recorded->is_refusal && !is_admitted)
        differ(replay, "the call was admitted; now it would be refused (%s)",
               weir_reason_code(replay->answer.reason));
}

/* False: what decided is no longer kept, or the refusal came before any
 * decision. */
static bool
open_view(struct replay *replay, const struct weir_paths *paths)
{
    const struct weir_explained *in = replay->explained;
    char path[WEIR_PATH_MAX + 80];
    struct weir_error err;
    weir_archive_path(paths, in->recorded.image_digest, path);
    if (weir_image_map(path, &replay->world.view.image, &err) != WEIR_OK) {
        differ(replay, "the image that decided cannot be loaded: %s", err.text);
        return false;
    }
    snprintf(path, sizeof path, "%s/%llu", paths->overlays,
             (unsigned long long)in->recorded.overlay);
    if (weir_overlay_map(path, &replay->world.view.overlay, &err) != WEIR_OK) {
        differ(replay, "the overlay %llu cannot be loaded: %s",
               (unsigned long long)in->recorded.overlay, err.text);
        weir_image_close(&replay->world.view.image);
        return false;
    }
    return true;
}

static bool
on_key(void *context, const struct weir_store_key *key)
{
    struct replay *replay = context;
    struct weir_explain_world *world = &replay->world;
    if (!weir_span_equal(key->id, replay->explained->recorded.key))
        return true;
    snprintf(world->key_by, sizeof world->key_by, "%.*s",
             WEIR_SPAN_ARG(key->created_by));
    world->key_made = key->created;
    world->has_key = true;
    return false;
}

/* What is not known is left out of the explanation; it changes no answer. */
static void
find_sources(struct replay *replay, struct weir_store *store,
             const struct weir_paths *paths)
{
    struct weir_explain_world *world = &replay->world;
    char path[WEIR_PATH_MAX + 80];
    struct weir_error err;
    world->store = store;
    weir_sources_path(paths, replay->explained->recorded.image_digest, path);
    if (weir_sources_open(path, &world->sources, &err) != WEIR_OK)
        world->sources = (struct weir_sources){NULL, 0};
    if (weir_store_keys(store, on_key, replay, &err) != WEIR_OK)
        world->has_key = false;
}

void
weir__explain_replay(const struct weir_explained *explained,
                     struct weir_store *store, const struct weir_paths *paths,
                     json_t *reply)
{
    struct replay replay = {.explained = explained,
                            .differences = json_array()};
    /* Who had no key was refused before any policy was asked. */
    bool was_asked = explained->recorded.key.len > 0;
    if (was_asked && open_view(&replay, paths)) {
        struct weir_arena arena;
        weir_arena_init_heap(&arena, (size_t)1 << 30);
        find_sources(&replay, store, paths);
        decide_again(&replay, &arena, reply);
        weir_sources_close(&replay.world.sources);
        weir_arena_fini(&arena);
        weir_overlay_close(&replay.world.view.overlay);
        weir_image_close(&replay.world.view.image);
    }
    json_object_set_new(reply, "is_same",
                        json_boolean(json_array_size(replay.differences) == 0));
    json_object_set_new(reply, "differences", replay.differences);
}
