/* SPDX-License-Identifier: Apache-2.0 */
/* Deployments by name: who serves there, at which host. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/telemetry/parts.h"

static void
copy(char *out, size_t size, weir_span text)
{
    snprintf(out, size, "%.*s", WEIR_SPAN_ARG(text));
}

static weir_span
provider_of(const struct weir_world_origin *origin,
            const struct weir_world_model *model)
{
    static const struct {
        const char *dialect, *name;
    } known[] = {
#define WEIR_OTEL_OPERATION(operation, name)
#define WEIR_OTEL_DIALECT(dialect, name) {dialect, name},
#include "control/telemetry/operations.def"
#undef WEIR_OTEL_OPERATION
#undef WEIR_OTEL_DIALECT
    };
    for (size_t i = 0; i < WEIR_COUNTOF(known); i++)
        if (weir_span_equal(origin->dialect, weir_span_of(known[i].dialect)))
            return weir_span_of(known[i].name);
    return model->provider.text;
}

static uint32_t
port_of(const struct weir_world_origin *origin)
{
    return origin->port != 0                                    ? origin->port
           : weir_span_equal(origin->scheme, WEIR_SPAN("http")) ? 80
                                                                : 443;
}

static void
fill(struct weir__station *row, const struct weir_world *world,
     const struct weir_world_deployment *deployment)
{
    static const struct weir_world_origin no_origin;
    static const struct weir_world_model no_model;
    const struct weir_world_origin *origin =
        deployment->origin.row < world->origin_count
            ? &world->origin_rows[deployment->origin.row]
            : &no_origin;
    const struct weir_world_model *model =
        deployment->model.row < world->model_count
            ? &world->model_rows[deployment->model.row]
            : &no_model;
    copy(row->name, sizeof row->name, deployment->name);
    copy(row->provider, sizeof row->provider, provider_of(origin, model));
    copy(row->host, sizeof row->host, origin->host);
    row->port = port_of(origin);
}

static int
compare(const void *a, const void *b)
{
    const struct weir__station *left = a, *right = b;
    return strcmp(left->name, right->name);
}

void
weir__stations_follow(struct weir__stations *stations,
                      struct weir_control *control)
{
    weir_control_lock(control);
    const struct weir_world *world = control->world;
    if (world != NULL && (stations->rows == NULL ||
                          stations->publications != control->publications)) {
        struct weir__station *rows =
            calloc((size_t)world->deployment_count + 1, sizeof *rows);
        if (rows != NULL) {
            for (uint32_t i = 0; i < world->deployment_count; i++)
                fill(&rows[i], world, &world->deployment_rows[i]);
            qsort(rows, world->deployment_count, sizeof *rows, compare);
            free(stations->rows);
            stations->rows = rows;
            stations->count = world->deployment_count;
            stations->publications = control->publications;
        }
    }
    pthread_mutex_unlock(&control->lock);
}

const struct weir__station *
weir__stations_find(const struct weir__stations *stations, weir_span name)
{
    struct weir__station key;
    if (stations->count == 0 || name.len == 0 || name.len >= sizeof key.name)
        return NULL;
    copy(key.name, sizeof key.name, name);
    return bsearch(&key, stations->rows, stations->count, sizeof key, compare);
}

void
weir__stations_fini(struct weir__stations *stations)
{
    free(stations->rows);
    *stations = (struct weir__stations){0};
}
