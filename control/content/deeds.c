/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking and erasing. Both are acts: they are in the journal, and so in the
 * transparency log, before they are done. Whoever looks is named with his
 * purpose; whoever may not is named too.
 *
 * WHAT ERASING LEAVES. The head of each item (whose call, when, how much),
 * the call's records, their leaves and every proof: nothing of them is
 * content, and nothing of them changes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "control/cache/cache.h"
#include "control/content/parts.h"
#include "control/parts.h"

/* ---------------------------------------------------------------- settings */

bool
weir__content_settings_of(struct weir_control *control,
                          struct weir__content_settings *settings_out)
{
    struct weir__content_settings *s = settings_out;
    memset(s, 0, sizeof *s);
    weir_control_lock(control);
    const struct weir_world *world = control->world;
    const struct weir_content_settings *from = &world->settings.content;
    s->master.kind = from->master.kind;
    snprintf(s->master_text, sizeof s->master_text, "%.*s",
             WEIR_SPAN_ARG(from->master.value));
    s->queue_bytes_max = from->queue_bytes_max;
    s->free_bytes_min = from->free_bytes_min;
    s->edition = control->edition;
    for (uint32_t i = 0;
         i < world->content_class_count && i < WEIR_COUNTOF(s->classes); i++) {
        const struct weir_world_content_class *row =
            &world->content_class_rows[i];
        struct weir__content_class *class = &s->classes[s->class_count++];
        snprintf(class->name, sizeof class->name, "%.*s",
                 WEIR_SPAN_ARG(row->name));
        class->floor_us = row->floor_us;
        class->ceiling_us = row->ceiling_us;
        class->bytes_max = row->bytes_max;
        class->is_optional = row->is_optional;
        for (uint32_t k = 0;
             k < row->regions.count && k < WEIR_COUNTOF(class->regions); k++)
            snprintf(
                class->regions[class->region_count++], sizeof class->regions[0],
                "%.*s",
                WEIR_SPAN_ARG(world->name_rows[row->regions.first + k].text));
    }
    pthread_mutex_unlock(&control->lock);
    return s->master.kind != WEIR_CREDENTIAL_NONE;
}

const struct weir__content_class *
weir__content_class(const struct weir__content_settings *settings,
                    const char *name)
{
    for (uint32_t i = 0; i < settings->class_count; i++)
        if (strcmp(settings->classes[i].name, name) == 0)
            return &settings->classes[i];
    return NULL;
}

weir_status
weir__content_note(struct weir_control *control, const struct weir_actor *actor,
                   const char *action, const char *subject, json_t *detail,
                   struct weir_error *err)
{
    char *text = json_dumps(detail, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(detail);
    if (text == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    weir_control_lock(control);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        status = weir__control_note(control, actor, action,
                                    weir_span_of(subject), text, err);
        status = weir__control_finish(control, status, err);
    }
    pthread_mutex_unlock(&control->lock);
    free(text);
    return status;
}

/* ------------------------------------------------------------------ looking */

/* The region that the configuration says this actor is in; false: it says
 * none, or none any more. Actors are tokens' ids, or "local". */
static bool
region_of(struct weir_control *control, const char *actor, char region_out[64])
{
    weir_time now = weir_control_now();
    bool is_there = false;
    weir_control_lock(control);
    for (uint32_t i = 0; i < control->world->reviewer_count && !is_there; i++) {
        const struct weir_world_reviewer *row =
            &control->world->reviewer_rows[i];
        is_there = weir_span_equal(row->name, weir_span_of(actor)) &&
                   (row->until == 0 || now < row->until);
        if (is_there)
            snprintf(region_out, 64, "%.*s", WEIR_SPAN_ARG(row->region.text));
    }
    pthread_mutex_unlock(&control->lock);
    return is_there;
}

static weir_status
may_view(struct weir_control *control,
         const struct weir__content_settings *settings,
         const struct weir_content_viewer *viewer,
         const struct weir_content_item *item, char region_out[64],
         struct weir_error *err)
{
    const struct weir__content_class *class =
        weir__content_class(settings, item->meta.class);
    region_out[0] = '\0';
    if (viewer->region != NULL)
        snprintf(region_out, 64, "%s", viewer->region);
    else
        (void)region_of(control, viewer->actor->id, region_out);
    if (viewer->actor->role < WEIR_ROLE_AUDITOR)
        return weir_fail(err, WEIR_EROLE, WEIR_OFFSET_NONE,
                         "content is for auditors and above");
    if (viewer->purpose == NULL || viewer->purpose[0] == '\0')
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "say what you look at it for");
    if (class == NULL) /* whose rules are not known any more */
        return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                         "its class %s is not configured", item->meta.class);
    for (uint32_t i = 0; i < class->region_count; i++)
        if (strcmp(class->regions[i], region_out) == 0)
            return WEIR_OK;
    return class->region_count == 0
               ? WEIR_OK
               : weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                           "class %s is for reviewers in other regions than "
                           "%s",
                           class->name,
                           region_out[0] == '\0' ? "none" : region_out);
}

static weir_status
open_it(struct weir_control *control,
        const struct weir__content_settings *settings,
        const struct weir_content_item *item, struct weir_buf *plain_out,
        struct weir_error *err)
{
    struct weir__content_master master = {.token = NULL};
    struct weir__content_key key;
    struct weir_buf sealed;
    size_t size = (size_t)item->meta.kept_bytes;
    uint8_t *plain = malloc(size + 1);
    weir_buf_init(&sealed, WEIR_CONTENT_BYTES(size));
    weir_status status = plain == NULL ? WEIR_ENOMEM : WEIR_OK;
    if (status == WEIR_OK)
        status = weir__content_master_get(settings, &master, err);
    if (status == WEIR_OK)
        status = weir__content_key_get(&control->paths, item->meta.tenant,
                                       &master, &key, err);
    if (status == WEIR_OK && memcmp(key.id, item->meta.key, sizeof key.id) != 0)
        status = weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                           "it was erased with its tenant's key");
    if (status == WEIR_OK)
        status = weir__content_item_read(&control->paths, item, &sealed, err);
    if (status == WEIR_OK) {
        status = weir_content_open(weir_buf_span(&sealed), &key.key, plain);
        if (status != WEIR_OK)
            (void)weir_fail(err, status, WEIR_OFFSET_NONE,
                            status == WEIR_ENOTFOUND ? "it was erased"
                                                     : "it was altered");
    }
    if (status == WEIR_OK)
        weir_buf_add(plain_out, plain, size);
    if (plain != NULL)
        weir_wipe(plain, size);
    weir__content_master_drop(&master);
    weir_wipe(&key, sizeof key);
    weir_buf_fini(&sealed);
    free(plain);
    return status == WEIR_OK && plain_out->overflow
               ? weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                           "it is too large to be shown")
               : status;
}

weir_status
weir_content_view(struct weir_control *control,
                  const struct weir_content_viewer *viewer,
                  const struct weir_content_item *item,
                  struct weir_buf *plain_out, struct weir_error *err)
{
    struct weir__content_settings settings;
    struct weir_error why = {0};
    char region[64];
    (void)weir__content_settings_of(control, &settings);
    weir_status status =
        may_view(control, &settings, viewer, item, region, &why);
    json_t *detail = json_pack(
        "{s:s,s:s,s:s,s:s,s:s}", "tenant", item->meta.tenant, "class",
        item->meta.class, "what",
        item->meta.kind == WEIR_CONTENT_REQUEST ? "request" : "reply", "region",
        region, "purpose", viewer->purpose == NULL ? "" : viewer->purpose);
    if (status != WEIR_OK)
        json_object_set_new(detail, "refused", json_string(why.text));
    /* No view without its record. */
    weir_status noted = weir__content_note(control, viewer->actor,
                                           status == WEIR_OK ? "content.view"
                                                             : "content.refuse",
                                           item->request, detail, err);
    if (status != WEIR_OK)
        return weir_fail(err, status, WEIR_OFFSET_NONE, "%s", why.text);
    return noted == WEIR_OK ? open_it(control, &settings, item, plain_out, err)
                            : noted;
}

/* ------------------------------------------------------------------ erasing */

struct gathering {
    const struct weir__content_settings *settings;
    struct weir_content_item *items;
    size_t count;
    size_t capacity;
    weir_time now;
    weir_status status;
    struct weir_error *err;
};

static bool
gather(void *context, const struct weir_content_item *item)
{
    struct gathering *g = context;
    const struct weir__content_class *class =
        weir__content_class(g->settings, item->meta.class);
    if (item->is_held)
        g->status = weir_fail(g->err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                              "%s is held: release it first", item->request);
    else if (class != NULL && item->meta.when + class->floor_us > g->now)
        g->status = weir_fail(g->err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                              "class %s keeps %s for longer: its floor is not "
                              "reached",
                              class->name, item->request);
    if (g->status != WEIR_OK)
        return false;
    if (g->count == g->capacity) {
        size_t capacity = g->capacity == 0 ? 64 : g->capacity * 2;
        void *items = realloc(g->items, capacity * sizeof *g->items);
        if (items == NULL) {
            g->status = weir_fail(g->err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                                  "out of memory");
            return false;
        }
        g->items = items;
        g->capacity = capacity;
    }
    g->items[g->count++] = *item;
    return true;
}

/* What may be erased of a request or tenant; all of it, or a refusal. */
static weir_status
gather_all(struct weir_control *control, const char *request,
           const char *tenant, struct weir__content_settings *settings,
           struct gathering *g, struct weir_error *err)
{
    const struct weir_content_filter filter = {
        .request = request, .tenant = tenant, .from = WEIR_TIME_MIN};
    (void)weir__content_settings_of(control, settings);
    *g = (struct gathering){
        .settings = settings, .now = weir_control_now(), .err = err};
    weir_status status =
        weir_content_list(&control->paths, &filter, gather, g, err);
    if (status == WEIR_OK)
        status = g->status;
    if (status == WEIR_OK && g->count == 0)
        status = weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                           "nothing is kept of %.80s",
                           request != NULL ? request : tenant);
    return status;
}

weir_status
weir_content_erase(struct weir_control *control, const struct weir_actor *actor,
                   const char *request, const char *reason, uint64_t *items_out,
                   struct weir_error *err)
{
    struct weir__content_settings settings;
    struct gathering g;
    weir_status status = gather_all(control, request, NULL, &settings, &g, err);
    if (status == WEIR_OK)
        status = weir__content_note(control, actor, "content.erase", request,
                                    json_pack("{s:s,s:I,s:s,s:s}", "tenant",
                                              g.items[0].meta.tenant, "items",
                                              (json_int_t)g.count, "how",
                                              "item keys", "reason", reason),
                                    err);
    for (size_t i = 0; status == WEIR_OK && i < g.count; i++)
        status = weir__content_item_erase(&control->paths, &g.items[i], err);
    if (status == WEIR_OK && g.count > 0) /* it may lie in there as well */
        weir_cache_file_purge(control->paths.run,
                              weir_span_of(g.items[0].meta.tenant));
    *items_out = g.count;
    free(g.items);
    return status;
}

weir_status
weir_content_erase_tenant(struct weir_control *control,
                          const struct weir_actor *actor, const char *tenant,
                          const char *reason, uint64_t *items_out,
                          struct weir_error *err)
{
    struct weir__content_settings settings;
    struct gathering g;
    weir_status status = gather_all(control, NULL, tenant, &settings, &g, err);
    if (status == WEIR_OK)
        status = weir__content_note(
            control, actor, "content.erase", tenant,
            json_pack("{s:s,s:I,s:s,s:s}", "tenant", tenant, "items",
                      (json_int_t)g.count, "how", "the tenant's data key",
                      "reason", reason),
            err);
    if (status == WEIR_OK)
        status = weir__content_key_destroy(&control->paths, tenant, err);
    /* The items' own keys too: their wrapping is void now, and a copy of the
     * data key that somebody made would not bring them back. */
    for (size_t i = 0; status == WEIR_OK && i < g.count; i++)
        status = weir__content_item_erase(&control->paths, &g.items[i], err);
    *items_out = g.count;
    free(g.items);
    return status;
}
