/* SPDX-License-Identifier: Apache-2.0 */
/* What is in force: image, tenants, models; reload, acts, health. */
#include <string.h>
#include <unistd.h>

#include <weir/quota.h>

#include "control/api/call.h"

static json_t *
text_of(const struct weir_image *image, weir_ref ref)
{
    return weir_api_text(weir_image_text(image, ref));
}

static weir_status
no_image(struct weir_error *err)
{
    return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                     "no image is in force yet");
}

/* ------------------------------------------------------------------- image */

static json_t *
policies_json(const struct weir_image *image)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < image->policy_count; i++) {
        const struct weir_image_policy *row = &image->policies[i];
        json_array_append_new(
            list, json_pack("{s:o,s:o,s:o,s:o,s:o,s:i,s:b,s:b,s:b,s:o}", "id",
                            text_of(image, row->id), "title",
                            text_of(image, row->title), "authority",
                            text_of(image, row->authority), "appeal",
                            text_of(image, row->appeal), "file",
                            text_of(image, row->file), "line", (int)row->line,
                            "is_permit", row->is_permit != 0, "is_hold",
                            (row->flags & WEIR_POLICY_HOLD) != 0, "is_shadow",
                            (row->flags & WEIR_POLICY_SHADOW) != 0,
                            "text_digest", weir_api_digest(row->text_digest)));
    }
    return list;
}

weir_status
weir_api_image(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_control *control = call->door->control;
    const struct weir_image *image = &control->image;
    weir_control_lock(control);
    bool has_image = control->has_image;
    if (has_image)
        call->reply = json_pack(
            "{s:o,s:I,s:I,s:I,s:I,s:i,s:i,s:i,s:o}", "digest",
            weir_api_digest(image->digest), "generation",
            (json_int_t)control->board->image, "created_us",
            (json_int_t)image->created, "overlay",
            (json_int_t)control->board->overlay, "confirmed_us",
            (json_int_t)control->board->confirmed_us, "keys",
            (int)image->key_count, "organisations",
            (int)image->organisation_count, "deployments",
            (int)image->deployment_count, "policies", policies_json(image));
    pthread_mutex_unlock(&control->lock);
    return has_image ? WEIR_OK : no_image(err);
}

weir_status
weir_api_reload(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_api_door *door = call->door;
    uint64_t one = 1;
    weir_status status = weir_control_reload(door->control, &call->faults, err);
    if (status != WEIR_OK)
        return status;
    if (door->nudge >= 0)
        (void)!write(door->nudge, &one, sizeof one);
    call->reply = json_pack("{s:I}", "generation",
                            (json_int_t)door->control->board->image);
    return WEIR_OK;
}

/* ----------------------------------------------------------------- tenants */

static json_t *
limits_json(const struct weir_api_call *call, const struct weir_image *image,
            uint64_t subject, uint32_t first, uint32_t count)
{
    static const char *const metrics[] = {"requests", "tokens", "money"};
    static const char *const windows[] = {"minute", "hour",  "day",
                                          "week",   "month", "year"};
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_image_limit *row = &image->limits[first + i];
        weir_quota_row used = {0};
        json_t *limit =
            json_pack("{s:s,s:s,s:I}", "metric", metrics[row->metric], "window",
                      windows[row->window], "amount", (json_int_t)row->amount);
        if (call->door->quota != NULL) {
            (void)weir_quota_get(
                call->door->quota, subject, (weir_quota_metric)row->metric,
                (weir_quota_window)row->window, weir_control_now(), &used);
            json_object_set_new(limit, "used", json_integer(used.used));
            json_object_set_new(limit, "held", json_integer(used.held));
        }
        json_array_append_new(list, limit);
    }
    return list;
}

static json_t *
tenant_json(const struct weir_api_call *call, const struct weir_image *image,
            uint32_t tenant)
{
    const struct weir_image_tenant *row = &image->tenants[tenant];
    json_t *projects = json_array();
    for (uint32_t i = 0; i < image->project_count; i++) {
        const struct weir_image_project *project = &image->projects[i];
        if (project->tenant == tenant)
            json_array_append_new(
                projects, json_pack("{s:o,s:o}", "name",
                                    text_of(image, project->name), "limits",
                                    limits_json(call, image, project->hash,
                                                project->first_limit,
                                                project->limit_count)));
    }
    return json_pack(
        "{s:o,s:o,s:o,s:o}", "name", text_of(image, row->name), "organisation",
        text_of(image, image->organisations[row->organisation].name), "limits",
        limits_json(call, image, row->hash, row->first_limit, row->limit_count),
        "projects", projects);
}

weir_status
weir_api_tenants(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_control *control = call->door->control;
    json_t *list = json_array();
    weir_control_lock(control);
    bool has_image = control->has_image;
    for (uint32_t i = 0; has_image && i < control->image.tenant_count; i++)
        json_array_append_new(list, tenant_json(call, &control->image, i));
    pthread_mutex_unlock(&control->lock);
    call->reply = json_pack("{s:o}", "tenants", list);
    return has_image ? WEIR_OK : no_image(err);
}

/* ------------------------------------------------------------------ models */

static json_t *
deployments_json(const struct weir_image *image, uint32_t model)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < image->deployment_count; i++) {
        const struct weir_image_deployment *row = &image->deployments[i];
        if (row->model == model)
            json_array_append_new(
                list,
                json_pack(
                    "{s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "name",
                    text_of(image, row->name), "region",
                    text_of(image, row->region), "cloud",
                    text_of(image, row->cloud), "place",
                    text_of(image, image->jurisdictions[row->place].code),
                    "stored_in",
                    text_of(image, image->jurisdictions[row->stored_in].code),
                    "operated_by",
                    text_of(image, image->organisations[row->operated_by].name),
                    "origin",
                    text_of(image, image->origins[row->origin].name)));
    }
    return list;
}

static json_t *
model_json(const struct weir_image *image, uint32_t model)
{
    const struct weir_image_model *row = &image->models[model];
    const struct weir_image_provider *provider =
        &image->providers[row->provider];
    return json_pack(
        "{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:{s:I,s:I,s:I,s:I},s:o}", "name",
        text_of(image, row->name), "title", text_of(image, row->title),
        "provider", text_of(image, provider->name), "family",
        text_of(image, row->family), "tier", text_of(image, row->tier),
        "weights", text_of(image, row->weights), "licence",
        text_of(image, row->licence), "origin",
        text_of(image, image->jurisdictions[row->origin].code), "currency",
        text_of(image, row->currency), "price_micros_per_million", "input",
        (json_int_t)row->price.input, "cached_input",
        (json_int_t)row->price.cached_input, "output",
        (json_int_t)row->price.output, "reasoning",
        (json_int_t)row->price.reasoning, "deployments",
        deployments_json(image, model));
}

/* Known and not served. */
static json_t *
listing_json(const struct weir_image *image, uint32_t row)
{
    const struct weir_image_listing *listing = &image->listings[row];
    json_t *lacks = json_array();
    for (uint32_t bit = 1; bit <= WEIR_LACKS_ALL; bit <<= 1) {
        if ((listing->lacks & bit) != 0)
            json_array_append_new(lacks, json_string(weir_lack_name(bit)));
    }
    return json_pack("{s:o,s:o,s:b,s:o}", "name", text_of(image, listing->name),
                     "provider", text_of(image, listing->maker), "is_served",
                     false, "lacks", lacks);
}

weir_status
weir_api_models(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_control *control = call->door->control;
    const char *all = weir_api_query(call, "all");
    bool wants_all = all != NULL && strcmp(all, "1") == 0;
    json_t *list = json_array();
    weir_control_lock(control);
    bool has_image = control->has_image;
    for (uint32_t i = 0; has_image && i < control->image.model_count; i++)
        json_array_append_new(list, model_json(&control->image, i));
    for (uint32_t i = 0;
         has_image && wants_all && i < control->image.listing_count; i++)
        json_array_append_new(list, listing_json(&control->image, i));
    pthread_mutex_unlock(&control->lock);
    call->reply = json_pack("{s:o}", "models", list);
    return has_image ? WEIR_OK : no_image(err);
}

/* -------------------------------------------------------------------- acts */

static bool
add_act(void *context, const struct weir_store_act *act)
{
    json_t *detail = json_loadb(act->detail.ptr, act->detail.len, 0, NULL);
    json_array_append_new(context,
                          json_pack("{s:I,s:I,s:o,s:o,s:o,s:o,s:o}", "number",
                                    (json_int_t)act->number, "when_us",
                                    (json_int_t)act->when, "actor",
                                    weir_api_text(act->actor), "role",
                                    weir_api_text(act->role), "action",
                                    weir_api_text(act->action), "subject",
                                    weir_api_text(act->subject), "detail",
                                    detail == NULL ? json_null() : detail));
    return true;
}

weir_status
weir_api_acts(struct weir_api_call *call, struct weir_error *err)
{
    uint64_t limit;
    weir_status status =
        weir_api_query_number(call, "limit", 100, 10000, &limit, err);
    if (status != WEIR_OK)
        return status;
    json_t *list = json_array();
    status =
        weir_store_acts(call->door->store, (uint32_t)limit, add_act, list, err);
    call->reply = json_pack("{s:o}", "acts", list);
    return status;
}

weir_status
weir_api_health(struct weir_api_call *call, struct weir_error *err)
{
    const struct weir_control *control = call->door->control;
    const char *state = control->has_image ? "ok" : "no image is in force";
    if (control->has_image && control->reload_failed_last)
        state = "the last reload was refused";
    call->reply =
        json_pack("{s:s,s:s}", "status", state, "version", WEIR_VERSION);
    call->status = control->has_image ? 200 : 503;
    return WEIR_OK;
}
