/* SPDX-License-Identifier: Apache-2.0 */
#include "control/watch/live_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/grant.h>

weir_status
weir_watch_names_init(struct weir_watch_names *names, struct weir_error *err)
{
    memset(names, 0, sizeof(*names));
    names->publications = UINT64_MAX;
    names->rows =
        calloc((size_t)2 * WEIR_WATCH_NAMES_MAX, sizeof(*names->rows));
    return names->rows != NULL ? WEIR_OK
                               : weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                                           "no memory for names");
}

static void
forget(struct weir_watch_names *names)
{
    for (size_t i = 0; i < (size_t)2 * WEIR_WATCH_NAMES_MAX; i++) {
        free(names->rows[i].text);
        names->rows[i].text = NULL;
    }
    names->count = 0;
}

void
weir_watch_names_fini(struct weir_watch_names *names)
{
    if (names->rows != NULL)
        forget(names);
    free(names->rows);
    free(names->models);
    free(names->payments);
    names->payments = NULL;
    names->rows = NULL;
    names->models = NULL;
}

static struct weir_watch_name *
slot_of(const struct weir_watch_names *names, uint32_t kind, uint64_t digest)
{
    const size_t mask = (size_t)2 * WEIR_WATCH_NAMES_MAX - 1;
    size_t at = (size_t)((digest + kind) * UINT64_C(0x9E3779B97F4A7C15) >> 32);
    struct weir_watch_name *row = &names->rows[at & mask];
    while (row->text != NULL && (row->digest != digest || row->kind != kind))
        row = &names->rows[++at & mask];
    return row;
}

static void
note(struct weir_watch_names *names, uint32_t kind, uint64_t digest,
     weir_span front, weir_span back)
{
    struct weir_watch_name *row = slot_of(names, kind, digest);
    if (digest == 0 || front.len == 0 || row->text != NULL)
        return;
    if (names->count == WEIR_WATCH_NAMES_MAX) {
        forget(names);
        row = slot_of(names, kind, digest);
    }
    size_t len = front.len + (back.len > 0 ? back.len + 1 : 0);
    row->text = malloc(len + 1);
    if (row->text == NULL)
        return;
    snprintf(row->text, len + 1, "%.*s%s%.*s", WEIR_SPAN_ARG(front),
             back.len > 0 ? "/" : "", WEIR_SPAN_ARG(back));
    row->kind = kind;
    row->digest = digest;
    names->count++;
}

void
weir_watch_names_intent(struct weir_watch_names *names,
                        const struct weir_record_intent *intent)
{
    char project[2 * WEIR_WATCH_SUBJECT_BYTES];
    uint64_t tenant = weir_watch_subject(WEIR_WATCH_OF_TENANT, intent->tenant);
    int len =
        snprintf(project, sizeof(project), "%.*s/%.*s",
                 WEIR_SPAN_ARG(intent->tenant), WEIR_SPAN_ARG(intent->project));
    note(names, WEIR_WATCH_OF_KEY,
         weir_watch_subject(WEIR_WATCH_OF_KEY, intent->key), intent->key,
         WEIR_SPAN_NONE);
    if (len > 0 && (size_t)len < sizeof(project))
        note(names, WEIR_WATCH_OF_PROJECT,
             weir_watch_subject(WEIR_WATCH_OF_PROJECT,
                                (weir_span){project, (size_t)len}),
             intent->tenant, intent->project);
    note(names, WEIR_WATCH_OF_TENANT, tenant, intent->tenant, WEIR_SPAN_NONE);
    note(names, WEIR_WATCH_OF_GROUP,
         weir_watch_subject(WEIR_WATCH_OF_GROUP, intent->organisation),
         intent->organisation, WEIR_SPAN_NONE);
    if (intent->end_customer.len > 0)
        note(names, WEIR_WATCH_OF_END_CUSTOMER,
             weir_watch_end_customer(tenant, intent->end_customer),
             intent->tenant, intent->end_customer);
}

/* --------------------------------------------------------------- sources */

static int
compare(const void *a, const void *b)
{
    uint64_t x = ((const struct weir_watch_model_row *)a)->digest;
    uint64_t y = ((const struct weir_watch_model_row *)b)->digest;
    return (x > y) - (x < y);
}

static void
read_models(struct weir_watch_names *names, const struct weir_world *world)
{
    free(names->models);
    names->model_count = 0;
    names->models = calloc(world->model_count + 1, sizeof(*names->models));
    for (uint32_t i = 0; names->models != NULL && i < world->model_count; i++) {
        const struct weir_world_model *row = &world->model_rows[i];
        struct weir_watch_model_row *out = &names->models[names->model_count++];
        out->digest = weir_kind_hash(WEIR_KIND_MODEL, row->name);
        out->model.created = row->created * WEIR_US_PER_SEC;
        snprintf(out->model.provider, sizeof(out->model.provider), "%.*s",
                 WEIR_SPAN_ARG(row->provider.text));
    }
    if (names->models != NULL)
        qsort(names->models, names->model_count, sizeof(*names->models),
              compare);
}

static int
compare_payments(const void *a, const void *b)
{
    uint64_t x = ((const struct weir_watch_payment *)a)->tenant;
    uint64_t y = ((const struct weir_watch_payment *)b)->tenant;
    return (x > y) - (x < y);
}

static void
read_payments(struct weir_watch_names *names, const struct weir_world *world)
{
    free(names->payments);
    names->payment_count = 0;
    names->payments = calloc(world->tenant_count + 1, sizeof(*names->payments));
    for (uint32_t i = 0; names->payments != NULL && i < world->tenant_count;
         i++) {
        const struct weir_world_tenant *row = &world->tenant_rows[i];
        if (row->payment.len == 0)
            continue;
        names->payments[names->payment_count++] = (struct weir_watch_payment){
            weir_watch_subject(WEIR_WATCH_OF_TENANT, row->name),
            weir_hash64(row->payment, 2) | 1};
    }
    if (names->payments != NULL)
        qsort(names->payments, names->payment_count, sizeof(*names->payments),
              compare_payments);
}

void
weir_watch_names_sources(struct weir_watch_names *names,
                         struct weir_control *control)
{
    pthread_mutex_lock(&control->lock);
    const struct weir_world *world = control->world;
    if (world != NULL && names->publications != control->publications) {
        read_models(names, world);
        read_payments(names, world);
        names->publications = control->publications;
    }
    pthread_mutex_unlock(&control->lock);
}

uint64_t
weir_watch_names_payment(const struct weir_watch_names *names, uint64_t tenant)
{
    const struct weir_watch_payment wanted = {.tenant = tenant};
    const struct weir_watch_payment *row =
        names->payment_count == 0
            ? NULL
            : bsearch(&wanted, names->payments, names->payment_count,
                      sizeof(*names->payments), compare_payments);
    return row == NULL ? 0 : row->payment;
}

bool
weir_watch_names_model(const struct weir_watch_names *names, uint64_t digest,
                       struct weir_watch_model *model_out)
{
    const struct weir_watch_model_row wanted = {.digest = digest};
    const struct weir_watch_model_row *row =
        names->model_count == 0
            ? NULL
            : bsearch(&wanted, names->models, names->model_count,
                      sizeof(*names->models), compare);
    if (row != NULL)
        *model_out = row->model;
    return row != NULL;
}

/* ----------------------------------------------------------------- finding */

static bool
find_group(struct weir_control *control, uint64_t digest, char *name_out,
           size_t size)
{
    bool is_found = false;
    pthread_mutex_lock(&control->lock);
    const struct weir_world *world = control->world;
    for (uint32_t i = 0; world != NULL && !is_found; i++) {
        if (i == world->organisation_count)
            break;
        weir_span name = world->organisation_rows[i].name;
        is_found = weir_watch_subject(WEIR_WATCH_OF_GROUP, name) == digest;
        if (is_found)
            snprintf(name_out, size, "%.*s", WEIR_SPAN_ARG(name));
    }
    pthread_mutex_unlock(&control->lock);
    return is_found;
}

bool
weir_watch_names_find(struct weir_watch_names *names,
                      struct weir_control *control, uint32_t kind,
                      uint64_t digest, char *name_out, size_t size)
{
    const struct weir_watch_name *row = slot_of(names, kind, digest);
    if (row->text == NULL)
        return kind == WEIR_WATCH_OF_GROUP &&
               find_group(control, digest, name_out, size);
    snprintf(name_out, size, "%s", row->text);
    return true;
}
