/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map: from which country calls came, where they ran, where data rests,
 * whose model answered, how many they were and what they came to. And the
 * four views that four departments ask for, each a grouping of the same rows:
 *
 *     one row per (from, ran_in, stored_in, origin, model, deployment,
 *                  region, operator, tenant, currency)
 *        legal         from, ran_in, stored_in, origin
 *        security      tenant, from, ran_in, verdicts, findings of pins
 *        procurement   provider, model, currency, tokens, cost
 *        business      model, deployment, region, calls, times
 *
 * so that the views cannot disagree: their sums are the sums of the map.
 */
#include <stdio.h>
#include <string.h>

#include "control/reports/parts.h"

const struct weir_report_section weir__report_jurisdiction_sections[] = {
    {"map", "From country, to place, model's origin",
     "from ran_in stored_in model_origin #calls #input_tokens #output_tokens "
     "$cost_micros currency"},
    {"legal", "For Legal: who is served where, by models of which origin",
     "tenant organisation from ran_in stored_in model_origin operator #calls"},
    {"security", "For Security: where calls came from and what became of them",
     "tenant from #answered #refused #failed #cut #open first last"},
    {"procurement", "For Procurement: what was bought from whom",
     "provider model price_version #calls #input_tokens #cached_tokens "
     "#output_tokens $cost_micros currency"},
    {"business", "For the business: which endpoint answered, how fast",
     "asked model deployment region ran_in #calls #mean_ms "
     "#mean_first_byte_ms"},
    {NULL, NULL, NULL}};

struct map {
    const struct weir_report_ask *ask;
    json_t *origins;   /* model: origin, provider */
    json_t *operators; /* deployment: operator */
    struct weir__report_rows map, legal, security, procurement, business;
    json_int_t calls, refused, micros;
};

static void
put(json_t *row, const char *name, weir_span text)
{
    json_object_set_new(row, name, weir__report_text(text));
}

static const char *
known(const json_t *of, weir_span name, const char *member)
{
    char key[600];
    snprintf(key, sizeof key, "%.*s", WEIR_SPAN_ARG(name));
    const char *text =
        json_string_value(json_object_get(json_object_get(of, key), member));
    return text == NULL ? "" : text;
}

static void
read_world(struct map *map)
{
    struct weir_control *control = map->ask->control;
    char key[600];
    weir_control_lock(control);
    const struct weir_image *image = &control->image;
    for (uint32_t i = 0; control->has_image && i < image->model_count; i++) {
        const struct weir_image_model *model = &image->models[i];
        snprintf(key, sizeof key, "%.*s",
                 WEIR_SPAN_ARG(weir_image_text(image, model->name)));
        json_object_set_new(
            map->origins, key,
            json_pack("{s:o,s:o}", "origin",
                      weir__report_text(weir_image_text(
                          image, image->jurisdictions[model->origin].code)),
                      "provider",
                      weir__report_text(weir_image_text(
                          image, image->providers[model->provider].name))));
    }
    for (uint32_t i = 0; control->has_image && i < image->deployment_count;
         i++) {
        const struct weir_image_deployment *d = &image->deployments[i];
        snprintf(key, sizeof key, "%.*s",
                 WEIR_SPAN_ARG(weir_image_text(image, d->name)));
        json_object_set_new(
            map->operators, key,
            json_pack("{s:o}", "operator",
                      weir__report_text(weir_image_text(
                          image, image->organisations[d->operated_by].name))));
    }
    pthread_mutex_unlock(&control->lock);
}

static void
add_usage(json_t *row, const struct weir_store_call *call)
{
    weir__report_add(row, "calls", 1);
    weir__report_add(row, "input_tokens", (int64_t)call->input_tokens);
    weir__report_add(row, "cached_tokens", (int64_t)call->cached_tokens);
    weir__report_add(row, "output_tokens", (int64_t)call->output_tokens);
    weir__report_add(row, "cost_micros", call->cost_micros);
}

static void
add_security(struct map *map, const struct weir_store_call *call)
{
    bool is_new;
    json_t *row = weir__report_row(&map->security, &is_new, "%.*s %.*s",
                                   WEIR_SPAN_ARG(call->tenant),
                                   WEIR_SPAN_ARG(call->country));
    const char *what = "answered";
    if (is_new) {
        put(row, "tenant", call->tenant);
        put(row, "from", call->country);
        json_object_set_new(row, "first", weir__report_time(call->decided));
    }
    if (call->state == WEIR_CALL_REFUSED)
        what = "refused";
    else if (call->state == WEIR_CALL_OPEN)
        what = "open";
    else if (call->ending == WEIR_END_CUT ||
             call->ending == WEIR_END_WITHDRAWN ||
             call->ending == WEIR_END_STOPPED ||
             call->ending == WEIR_END_CLIENT_LEFT)
        what = "cut";
    else if (call->ending != WEIR_END_COMPLETE &&
             call->ending != WEIR_END_FILTERED)
        what = "failed";
    weir__report_add(row, what, 1);
    json_object_set_new(row, "last", weir__report_time(call->decided));
}

static void
add_map(struct map *map, const struct weir_store_call *call)
{
    bool is_new;
    const char *origin = known(map->origins, call->model, "origin");
    const char *provider = known(map->origins, call->model, "provider");
    const char *operator= known(map->operators, call->deployment, "operator");
    json_t *row = weir__report_row(
        &map->map, &is_new, "%.*s %.*s %.*s %s %.*s",
        WEIR_SPAN_ARG(call->country), WEIR_SPAN_ARG(call->place),
        WEIR_SPAN_ARG(call->stored_in), origin, WEIR_SPAN_ARG(call->currency));
    if (is_new) {
        put(row, "from", call->country);
        put(row, "ran_in", call->place);
        put(row, "stored_in", call->stored_in);
        put(row, "model_origin", weir_span_of(origin));
        put(row, "currency", call->currency);
    }
    add_usage(row, call);
    row = weir__report_row(
        &map->legal, &is_new, "%.*s %.*s %.*s %.*s %s %s %.*s",
        WEIR_SPAN_ARG(call->tenant), WEIR_SPAN_ARG(call->country),
        WEIR_SPAN_ARG(call->place), WEIR_SPAN_ARG(call->stored_in),
        origin, operator, WEIR_SPAN_ARG(call->organisation));
    if (is_new) {
        put(row, "tenant", call->tenant);
        put(row, "organisation", call->organisation);
        put(row, "from", call->country);
        put(row, "ran_in", call->place);
        put(row, "stored_in", call->stored_in);
        put(row, "model_origin", weir_span_of(origin));
        put(row, "operator", weir_span_of(operator));
    }
    weir__report_add(row, "calls", 1);
    row = weir__report_row(&map->procurement, &is_new, "%s %.*s %.*s %.*s",
                           provider, WEIR_SPAN_ARG(call->model),
                           WEIR_SPAN_ARG(call->price_version),
                           WEIR_SPAN_ARG(call->currency));
    if (is_new) {
        put(row, "provider", weir_span_of(provider));
        put(row, "model", call->model);
        put(row, "price_version", call->price_version);
        put(row, "currency", call->currency);
    }
    add_usage(row, call);
}

static void
add_business(struct map *map, const struct weir_store_call *call)
{
    bool is_new;
    json_t *row = weir__report_row(
        &map->business, &is_new, "%.*s %.*s %.*s", WEIR_SPAN_ARG(call->asked),
        WEIR_SPAN_ARG(call->model), WEIR_SPAN_ARG(call->deployment));
    if (is_new) {
        put(row, "asked", call->asked);
        put(row, "model", call->model);
        put(row, "deployment", call->deployment);
        put(row, "region", call->region);
        put(row, "ran_in", call->place);
    }
    weir__report_add(row, "calls", 1);
    weir__report_add(row, "total_us", (int64_t)call->total_us);
    weir__report_add(row, "first_byte_us", (int64_t)call->first_byte_us);
}

static weir_status
on_call(void *context, const struct weir_store_call *call,
        struct weir_error *err)
{
    struct map *map = context;
    (void)err;
    add_security(map, call);
    if (call->state == WEIR_CALL_REFUSED) {
        map->refused++;
        return WEIR_OK;
    }
    map->calls++;
    map->micros += call->cost_micros;
    add_map(map, call);
    if (call->model.len > 0)
        add_business(map, call);
    return WEIR_OK;
}

static void
finish_business(json_t *rows)
{
    json_t *row;
    size_t index;
    json_array_foreach(rows, index, row)
    {
        json_int_t calls = json_integer_value(json_object_get(row, "calls"));
        json_int_t total = json_integer_value(json_object_get(row, "total_us"));
        json_int_t first =
            json_integer_value(json_object_get(row, "first_byte_us"));
        json_object_set_new(row, "mean_ms", json_integer(total / calls / 1000));
        json_object_set_new(row, "mean_first_byte_ms",
                            json_integer(first / calls / 1000));
        json_object_del(row, "total_us");
        json_object_del(row, "first_byte_us");
    }
}

weir_status
weir__report_jurisdiction(const struct weir_report_ask *ask, json_t *report,
                          struct weir_error *err)
{
    static const char *const by_map[] = {"from", "ran_in", "stored_in",
                                         "model_origin"};
    static const char *const by_tenant[] = {"tenant", "from", "ran_in",
                                            "stored_in", "model_origin"};
    static const char *const by_provider[] = {"provider", "model",
                                              "price_version"};
    static const char *const by_model[] = {"asked", "model", "deployment"};
    struct map map = {
        .ask = ask, .origins = json_object(), .operators = json_object()};
    struct {
        const char *name;
        struct weir__report_rows *rows;
        const char *const *by;
        size_t count;
    } parts[] = {{"map", &map.map, by_map, 4},
                 {"legal", &map.legal, by_tenant, 5},
                 {"security", &map.security, by_tenant, 2},
                 {"procurement", &map.procurement, by_provider, 3},
                 {"business", &map.business, by_model, 3}};
    weir_status status = WEIR_OK;
    for (size_t i = 0; status == WEIR_OK && i < WEIR_COUNTOF(parts); i++)
        status = weir__report_rows_init(parts[i].rows, err);
    read_world(&map);
    if (status == WEIR_OK)
        status = weir__report_calls(ask, on_call, &map, err);
    for (size_t i = 0; status == WEIR_OK && i < WEIR_COUNTOF(parts); i++) {
        json_t *list =
            weir__report_sorted(parts[i].rows, parts[i].by, parts[i].count);
        if (strcmp(parts[i].name, "business") == 0)
            finish_business(list);
        if (weir__report_wants(ask, "view", parts[i].name))
            json_object_set_new(report, parts[i].name, list);
        else
            json_decref(list);
    }
    if (status == WEIR_OK)
        json_object_set_new(report, "summary",
                            json_pack("{s:I,s:I,s:I}", "calls", map.calls,
                                      "refused", map.refused, "cost_micros",
                                      map.micros));
    for (size_t i = 0; i < WEIR_COUNTOF(parts); i++)
        weir__report_rows_fini(parts[i].rows);
    json_decref(map.origins);
    json_decref(map.operators);
    return status;
}
