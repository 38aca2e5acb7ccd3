/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows from a look for the keys of an organisation.
 *
 *     approved, nothing short -> keys go on
 *     approved, something short -> held: every key, with the causes
 *     nobody approved it -> every key, too
 *     a purpose that is not approved -> that key
 *
 * A hold is a row of the store and an entry of the overlay. It is taken back
 * by the same path, when a look finds nothing short any more: an accepted
 * version, a renewed extract, a cleared case. Whoever is concerned gets one
 * notice for each change, not one for each key; the event beside it says
 * what was known, and the log has its act.
 *
 * A review of everybody moves the keys first (weir__apply_early) and tells
 * afterwards: cases, events and notices of 100,000 organisations are a
 * hundred times the bytes of their holds. The standing moves with the event,
 * so that it is the mark of what has not been told yet: when a standing
 * moves, all its keys are in the notice, whoever moved them.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>

#include "control/cases/rows.h"
#include "control/notices/notices.h"
#include "control/onboarding/parts.h"
#include "control/parts.h"

static json_t *
text_json(weir_span text)
{
    json_t *value = json_stringn(text.ptr == NULL ? "" : text.ptr, text.len);
    return value == NULL ? json_string("?") : value;
}

/* ------------------------------------------------------------------- noting */

static weir_status
note_act(struct weir_store *store, const struct weir_actor *actor,
         const struct weir__standing_event *event, int64_t number,
         struct weir_error *err)
{
    char name[40], id[WEIR_DECISION_ID_MAX], hex[WEIR_HEX_LEN(32) + 1];
    weir_digest digest;
    weir_sha256_of(event->inputs, &digest);
    weir_hex_encode((weir_span){(const char *)digest.bytes, 32}, hex);
    hex[WEIR_HEX_LEN(32)] = '\0';
    snprintf(name, sizeof name, "onboarding.%s",
             weir__standing_action_name(event->action));
    snprintf(id, sizeof id, "dec_%lld", (long long)number);
    json_t *object = json_pack("{s:s,s:o,s:o,s:o,s:s}", "event", id, "person",
                               text_json(event->person), "purposes",
                               text_json(event->purposes), "reason",
                               text_json(event->reason), "inputs_sha256", hex);
    char *detail = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (detail == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    const struct weir_store_act act = {
        .when = event->when,
        .actor = weir_span_of(actor->id),
        .role = weir_span_of(weir_role_name(actor->role)),
        .action = weir_span_of(name),
        .subject = event->organisation,
        .detail = weir_span_of(detail),
    };
    weir_status status = weir_store_act_add(store, &act, err);
    free(detail);
    return status;
}

weir_status
weir__standing_note(struct weir_store *store, const struct weir_actor *actor,
                    struct weir__standing_event *event, int64_t *number_out,
                    struct weir_error *err)
{
    char person[WEIR_CASE_PERSON_MAX];
    int64_t number = 0;
    weir_span id = weir_span_of(actor->id);
    weir_status status = weir__token_person(store, id, person, err);
    event->actor = id;
    event->person = weir_span_of(person);
    if (status == WEIR_OK)
        status = weir__standing_event_add(store, event, &number, err);
    if (status == WEIR_OK)
        status = note_act(store, actor, event, number, err);
    event->person = WEIR_SPAN("");
    if (status == WEIR_OK && number_out != NULL)
        *number_out = number;
    return status;
}

/* --------------------------------------------------------------------- keys */

weir_status
weir__keys_of(const struct weir_image *image, weir_span organisation,
              uint32_t **keys_out, uint32_t *count_out, struct weir_error *err)
{
    uint32_t *keys = malloc(((size_t)image->key_count + 1) * sizeof *keys);
    uint32_t count = 0;
    if (keys == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    for (uint32_t i = 0; i < image->key_count; i++) {
        uint32_t tenant = image->projects[image->keys[i].project].tenant;
        uint32_t owner = image->tenants[tenant].organisation;
        if (weir_span_equal(
                weir_image_text(image, image->organisations[owner].name),
                organisation))
            keys[count++] = i;
    }
    *keys_out = keys;
    *count_out = count;
    return WEIR_OK;
}

/* What one tenant has to be told. */
struct told {
    uint32_t tenant; /* row of the image */
    uint32_t held;
    uint32_t released;
    uint32_t key; /* the last of them */
};

struct applying {
    const struct weir__look *look;
    struct told *told;
    uint32_t told_count;
    uint32_t told_capacity;
    uint32_t held;
    uint32_t released;
    struct weir__overlay_change *change;
    bool tells_all; /* also of keys that were as they have to be */
    char causes[WEIR__CAUSE_MAX]; /* codes, by one space */
    struct weir_error *err;
};

static struct told *
told_of(struct applying *a, uint32_t tenant)
{
    for (uint32_t i = a->told_count; i-- > 0;) {
        if (a->told[i].tenant == tenant)
            return &a->told[i];
    }
    if (a->told_count == a->told_capacity) {
        uint32_t capacity = a->told_capacity == 0 ? 4 : a->told_capacity * 2;
        struct told *rows =
            weir_arena_array(a->look->arena, struct told, capacity);
        if (rows == NULL)
            return NULL;
        if (a->told_count > 0)
            memcpy(rows, a->told, a->told_count * sizeof *rows);
        a->told = rows;
        a->told_capacity = capacity;
    }
    a->told[a->told_count] = (struct told){.tenant = tenant};
    return &a->told[a->told_count++];
}

static void
join_causes(struct applying *a)
{
    size_t used = 0;
    a->causes[0] = '\0';
    for (uint32_t i = 0; i < a->look->count; i++) {
        weir_span code = a->look->shortfalls[i].code;
        if (used + code.len + 2 > sizeof a->causes)
            break; /* whole codes only */
        used +=
            (size_t)snprintf(a->causes + used, sizeof a->causes - used,
                             "%s%.*s", i == 0 ? "" : " ", WEIR_SPAN_ARG(code));
    }
}

static weir_status
apply_key(struct applying *a, uint32_t row, bool checks_purpose)
{
    const struct weir__look *look = a->look;
    const struct weir_image *image = &look->control->image;
    struct weir_store *store = look->control->store;
    const struct weir_image_key *key = &image->keys[row];
    weir_span id = weir_image_text(image, key->id);
    weir_span purpose = weir_image_text(image, key->purpose);
    char own[192];
    weir_span cause = weir_span_of(a->causes);
    bool is_changed = false;
    weir_status status;
    if (look->count == 0 && checks_purpose &&
        !weir__has_word(look->standing.purposes, purpose)) {
        snprintf(own, sizeof own, "purpose:%.*s", WEIR_SPAN_ARG(purpose));
        cause = weir_span_of(own);
    }
    if (cause.len > 0)
        status = weir__key_hold(store, id, look->standing.organisation,
                                look->now, cause, &is_changed, a->err);
    else
        status = weir__key_release(store, id, &is_changed, a->err);
    if (status != WEIR_OK)
        return status;
    if (is_changed && a->change != NULL)
        weir__overlay_change_add(a->change, WEIR_KIND_KEY_HOLD, id,
                                 cause.len == 0);
    a->held += is_changed && cause.len > 0;
    a->released += is_changed && cause.len == 0;
    if (!is_changed && !a->tells_all)
        return WEIR_OK;
    struct told *told = told_of(a, image->projects[key->project].tenant);
    if (told == NULL)
        return weir_fail(a->err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "out of memory");
    told->key = row;
    told->held += cause.len > 0;
    told->released += cause.len == 0;
    return WEIR_OK;
}

/* ------------------------------------------------------------------- telling */

static void
say_why(const struct applying *a, struct weir_buf *text)
{
    const struct weir__look *look = a->look;
    if (look->count == 0)
        weir_buf_addf(text, "a purpose that was not approved");
    for (uint32_t i = 0; i < look->count && text->len < 1500; i++)
        weir_buf_addf(text, "%s%.*s", i == 0 ? "" : "; ",
                      (int)(look->shortfalls[i].text.len < 300
                                ? look->shortfalls[i].text.len
                                : 300),
                      look->shortfalls[i].text.ptr);
}

static weir_status
tell(const struct applying *a, const struct told *told, int64_t event)
{
    const struct weir__look *look = a->look;
    const struct weir_image *image = &look->control->image;
    const struct weir_world *world = look->control->world;
    char bytes[WEIR_NOTICE_TEXT_MAX], reference[192];
    struct weir_buf text;
    weir_buf_init_fixed(&text, bytes, sizeof bytes);
    uint32_t count = told->held + told->released;
    if (told->held > 0) {
        weir_buf_addf(&text, "%u key%s on hold: ", told->held,
                      told->held == 1 ? " is" : "s are");
        say_why(a, &text);
        weir_buf_addf(&text, ". Ask: %.*s",
                      (int)(world->seller_appeal.len < 200
                                ? world->seller_appeal.len
                                : 200),
                      world->seller_appeal.ptr);
    } else {
        weir_buf_addf(&text, "%u key%s released: nothing stands in the way",
                      told->released, told->released == 1 ? " is" : "s are");
    }
    snprintf(reference, sizeof reference, "standing:%lld", (long long)event);
    const struct weir_notice notice = {
        .type = WEIR_SPAN(WEIR_NOTICE_KEY_STATE),
        .tenant = weir_image_text(image, image->tenants[told->tenant].name),
        .key = count == 1 ? weir_image_text(image, image->keys[told->key].id)
                          : WEIR_SPAN(""),
        .subject = look->standing.organisation,
        .text = weir_buf_span(&text),
        .reason = told->held == 0    ? WEIR_SPAN("released")
                  : look->count == 0 ? WEIR_SPAN("purpose")
                                     : look->shortfalls[0].code,
        .reference = weir_span_of(reference),
    };
    return weir_notice_post(look->control->store, &notice, WEIR_SPAN("control"),
                            look->now, NULL, a->err);
}

static weir_status
record(struct applying *a)
{
    static const struct weir_actor control_itself = {"control",
                                                     WEIR_ROLE_ADMIN};
    const struct weir__look *look = a->look;
    struct weir_store *store = look->control->store;
    int64_t number = 0;
    char *inputs = weir__inputs(look);
    if (inputs == NULL)
        return weir_fail(a->err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "out of memory");
    bool is_hold = look->count > 0 || a->held > 0;
    struct weir__standing_event event = {
        .organisation = look->standing.organisation,
        .when = look->now,
        .action = is_hold ? WEIR__STANDING_HOLD : WEIR__STANDING_RELEASE,
        .purposes = look->standing.purposes,
        .until = look->standing.until,
        .reason = weir_span_of(a->causes),
        .inputs = weir_span_of(inputs),
    };
    weir_status status =
        weir__standing_note(store, &control_itself, &event, &number, a->err);
    for (uint32_t i = 0; status == WEIR_OK && i < a->told_count; i++)
        status = tell(a, &a->told[i], number);
    free(inputs);
    return status;
}

static enum weir_standing_state
moved_to(const struct weir__look *look)
{
    if (look->standing.state == WEIR_STANDING_APPROVED && look->count > 0)
        return WEIR_STANDING_HELD;
    if (look->standing.state == WEIR_STANDING_HELD && look->count == 0)
        return WEIR_STANDING_APPROVED;
    return look->standing.state;
}

static weir_status
apply_keys(struct applying *a, const uint32_t *keys, uint32_t key_count)
{
    const struct weir_onboarding_rules *rules =
        &a->look->control->world->onboarding;
    weir_status status = WEIR_OK;
    bool checks =
        rules->needs_decision && (rules->requires & WEIR_REQUIRE_PURPOSE) != 0;
    join_causes(a);
    for (uint32_t i = 0; status == WEIR_OK && i < key_count; i++)
        status = apply_key(a, keys[i], checks);
    return status;
}

weir_status
weir__apply_early(const struct weir__look *look, const uint32_t *keys,
                  uint32_t key_count, struct weir__applied *applied,
                  struct weir_error *err)
{
    struct applying a = {.look = look, .change = applied->change, .err = err};
    if (moved_to(look) == look->standing.state)
        return WEIR_OK;
    weir_status status = apply_keys(&a, keys, key_count);
    applied->held += a.held;
    applied->released += a.released;
    return status;
}

weir_status
weir__apply(struct weir__look *look, const uint32_t *keys, uint32_t key_count,
            struct weir__applied *applied, struct weir_error *err)
{
    struct weir__standing_row *standing = &look->standing;
    enum weir_standing_state state = moved_to(look);
    bool is_moved = state != standing->state;
    struct applying a = {.look = look,
                         .change = applied->change,
                         .tells_all = is_moved,
                         .err = err};
    weir_status status = apply_keys(&a, keys, key_count);
    if (status == WEIR_OK && is_moved) {
        standing->state = state;
        standing->since = look->now;
        status = weir__standing_set(look->control->store, standing, err);
    }
    if (status == WEIR_OK && (is_moved || a.held > 0 || a.released > 0))
        status = record(&a);
    applied->keys += key_count;
    applied->held += a.held;
    applied->released += a.released;
    return status;
}

weir_status
weir__apply_alone(struct weir_control *control, weir_span organisation,
                  struct weir_error *err)
{
    struct weir_arena arena;
    struct weir__overlay_change change;
    struct weir__applied applied = {.change = &change};
    uint32_t *keys = NULL, count = 0;
    uint32_t row = weir__facts_find(control->world, organisation);
    if (row == WEIR_INDEX_NONE)
        return WEIR_OK;
    weir_arena_init_heap(&arena, (size_t)16 << 20);
    weir__overlay_change_init(&change);
    struct weir__look look = {.control = control,
                              .arena = &arena,
                              .now = weir_control_now(),
                              .screen = weir__onboarding_screen(control),
                              .raises = true,
                              .due = WEIR_TIME_MAX};
    weir_status status = WEIR_OK;
    if (control->has_image)
        status =
            weir__keys_of(&control->image, organisation, &keys, &count, err);
    if (status == WEIR_OK)
        status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        status = weir__look(&look, row, err);
        if (status == WEIR_OK)
            status = weir__apply(&look, keys, count, &applied, err);
        status = weir__control_finish(control, status, err);
    }
    if (status == WEIR_OK && change.count > 0)
        status = weir__control_change_overlay(control, &change, err);
    weir__overlay_change_fini(&change);
    if (control->onboarding != NULL && look.due < control->onboarding->due)
        control->onboarding->due = look.due;
    free(keys);
    weir_arena_fini(&arena);
    return status;
}
