/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making keys.
 *
 *   wishes --door, world--> rows of the world --one image--> one transaction
 *
 * Compiled first: a key that the image cannot hold never reaches the store.
 * It is in force a moment before it is stored, and nobody has seen it until
 * then.
 *
 * WHY MANY AT ONCE. An image is compiled and written whole, some 50 ms at
 * thousands of tenants, and every worker reads it. A thousand keys of one
 * request cost one image.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>
#include <weir/tags.h>

#include "control/onboarding/rows.h"
#include "control/parts.h"

/* Finds "tenant/project", or a project that only one tenant has. */
static weir_status
find_project(const struct weir_world *world, weir_span text,
             weir_span *tenant_out, weir_span *project_out,
             struct weir_error *err)
{
    const char *slash = memchr(text.ptr, '/', text.len);
    weir_span tenant = {text.ptr,
                        slash == NULL ? 0 : (size_t)(slash - text.ptr)};
    weir_span project = text;
    if (slash != NULL)
        project = (weir_span){slash + 1, text.len - tenant.len - 1};
    uint32_t found = 0;
    for (uint32_t i = 0; i < world->project_count; i++) {
        const struct weir_world_project *row = &world->project_rows[i];
        if (!weir_span_equal(row->name, project) ||
            (slash != NULL && !weir_span_equal(row->tenant.text, tenant)))
            continue;
        *tenant_out = row->tenant.text;
        *project_out = row->name;
        found++;
    }
    if (found == 1)
        return WEIR_OK;
    if (found == 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no project '%.*s'", WEIR_SPAN_ARG(text));
    return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                     "%u tenants have a project '%.*s': write TENANT/PROJECT",
                     found, WEIR_SPAN_ARG(text));
}

/* Takes the key just added back out of the world. */
struct mark {
    uint32_t names;
    uint32_t limits;
    uint32_t keys;
};

static struct mark
mark_of(const struct weir_world *world)
{
    return (struct mark){world->name_count, world->limit_count,
                         world->key_count};
}

static void
take_back(struct weir_world *world, struct mark mark)
{
    world->name_count = mark.names;
    world->limit_count = mark.limits;
    world->key_count = mark.keys;
}

static weir_status
store_key(struct weir_control *control, const struct weir_actor *actor,
          const struct weir_store_key *key, int64_t decision,
          struct weir_error *err)
{
    char detail[WEIR_STORE_ID_MAX + 240];
    snprintf(detail, sizeof detail,
             "{\"project\":\"%.*s/%.*s\",\"decision\":\"dec_%lld\"}",
             (int)(key->tenant.len < 80 ? key->tenant.len : 80),
             key->tenant.ptr,
             (int)(key->project.len < 80 ? key->project.len : 80),
             key->project.ptr, (long long)decision);
    weir_status status = weir_store_key_add(control->store, key, err);
    if (status == WEIR_OK && decision != 0)
        status = weir__key_decision_set(control->store, key->id, decision, err);
    if (status == WEIR_OK)
        status = weir__control_note(control, actor, "key.create", key->id,
                                    detail, err);
    return status;
}

static weir_span
organisation_of(const struct weir_world *world, weir_span tenant)
{
    for (uint32_t i = 0; i < world->tenant_count; i++) {
        if (weir_span_equal(world->tenant_rows[i].name, tenant))
            return world->tenant_rows[i].organisation.text;
    }
    return WEIR_SPAN("");
}

/* As a header or a file has them; in the order of their names after. */
static weir_status
read_tags(weir_span text, char bytes[WEIR_TAGS_BYTES], weir_span *tags_out,
          struct weir_error *err)
{
    struct weir_tags tags = {.count = 0};
    if (weir_tags_read(&tags, text, NULL) != WEIR_OK)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a tag is NAME=VALUE, at most %d of them, of letters, "
                         "digits and `_-.`, values also `/:+@`",
                         WEIR_TAGS_MAX);
    *tags_out = (weir_span){bytes, weir_tags_write(&tags, bytes)};
    return WEIR_OK;
}

/* What becomes of one wish. */
struct making {
    struct weir_store_key key;
    int64_t decision;
    char tags[WEIR_TAGS_BYTES];
};

static weir_status
prepare(const struct weir_actor *actor, const struct weir_key_wish *wish,
        struct making *making, struct weir_key_made *made,
        struct weir_error *err)
{
    making->key =
        (struct weir_store_key){.purpose = wish->purpose,
                                .staff = wish->staff,
                                .end_users = wish->end_users,
                                .limits = wish->limits,
                                .scope = wish->scope,
                                .not_after = wish->not_after,
                                .created = weir_control_now(),
                                .created_by = weir_span_of(actor->id)};
    if (wish->purpose.len == 0 || wish->staff.len == 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a key needs a purpose and the place of its staff");
    weir_status status =
        read_tags(wish->tags, making->tags, &making->key.tags, err);
    if (status == WEIR_OK)
        status = weir_control_id("wk_", made->id, err);
    if (status == WEIR_OK)
        status = weir__control_make_secret("wr_", made->key, making->key.digest,
                                           err);
    making->key.id = weir_span_of(made->id);
    return status;
}

static weir_status
add_to_world(struct weir_control *control, const struct weir_key_wish *wish,
             struct making *making, struct weir_faults *faults,
             struct weir_error *err)
{
    struct weir_store_key *key = &making->key;
    weir_status status = find_project(control->world, wish->project,
                                      &key->tenant, &key->project, err);
    if (status == WEIR_OK)
        status = weir__onboarding_door(
            control, organisation_of(control->world, key->tenant), key->purpose,
            &making->decision, faults, err);
    return status == WEIR_OK ? weir__control_add_key(control->world, key, err)
                             : status;
}

static weir_status
store_all(struct weir_control *control, const struct weir_actor *actor,
          const struct making *makings, size_t count, struct weir_error *err)
{
    weir_status status = weir_store_begin(control->store, err);
    if (status != WEIR_OK)
        return status;
    for (size_t i = 0; status == WEIR_OK && i < count; i++)
        status = store_key(control, actor, &makings[i].key, makings[i].decision,
                           err);
    return weir__control_finish(control, status, err);
}

weir_status
weir_control_keys_create(struct weir_control *control,
                         const struct weir_actor *actor,
                         const struct weir_key_wish *wishes, size_t count,
                         struct weir_key_made *made_out, size_t *at_out,
                         struct weir_faults *faults, struct weir_error *err)
{
    struct making *makings = calloc(count > 0 ? count : 1, sizeof *makings);
    weir_status status = WEIR_OK;
    if (makings == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    for (*at_out = 0; *at_out < count; ++*at_out) {
        status = prepare(actor, &wishes[*at_out], &makings[*at_out],
                         &made_out[*at_out], err);
        if (status != WEIR_OK)
            goto done;
    }
    weir_control_lock(control);
    struct mark mark = mark_of(control->world);
    for (*at_out = 0; status == WEIR_OK && *at_out < count;
         *at_out += status == WEIR_OK)
        status = add_to_world(control, &wishes[*at_out], &makings[*at_out],
                              faults, err);
    if (status == WEIR_OK)
        status =
            weir__control_publish_image(control, control->world, faults, err);
    if (status == WEIR_OK)
        status = store_all(control, actor, makings, count, err);
    if (status != WEIR_OK)
        take_back(control->world, mark);
    pthread_mutex_unlock(&control->lock);
done:
    if (status != WEIR_OK)
        weir_wipe(made_out, count * sizeof *made_out);
    free(makings);
    return status;
}
