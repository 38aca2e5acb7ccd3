/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of surfaces, and the calls that go through it. */
#include "common.h"

#define WEIR_SURFACE(name, title, row) extern const struct weir_surface row;
#include "surfaces.def"
#undef WEIR_SURFACE

static const struct {
    const char *name;
    const char *title;
    const struct weir_surface *surface;
} surfaces[] = {
#define WEIR_SURFACE(name, title, row) {#name, title, &row},
#include "surfaces.def"
#undef WEIR_SURFACE
};

const struct weir_surface *
weir_surface_get(size_t index)
{
    return index < WEIR_COUNTOF(surfaces) ? surfaces[index].surface : NULL;
}

const char *
weir_surface_name(size_t index)
{
    return index < WEIR_COUNTOF(surfaces) ? surfaces[index].name : NULL;
}

const char *
weir_surface_title(size_t index)
{
    return index < WEIR_COUNTOF(surfaces) ? surfaces[index].title : NULL;
}

weir_status
weir_surface_route(weir_span method, weir_span path, weir_span query,
                   struct weir_surface_route *route_out, struct weir_error *err)
{
    weir_status status = WEIR_ENOTOURS;
    for (size_t i = 0; i < WEIR_COUNTOF(surfaces); i++) {
        const struct weir_surface *surface = surfaces[i].surface;
        weir_status found = surface->route(method, path, query, route_out, err);
        if (found == WEIR_OK) {
            route_out->surface = surface;
            return WEIR_OK;
        }
        /* Served with another method is nearer than not served. */
        if (found == WEIR_EMETHOD)
            status = found;
    }
    return weir_fail(err, status, WEIR_OFFSET_NONE, "%s",
                     weir_status_info(status)->meaning);
}

void
weir_surface_note_header(struct weir_surface_route *route, weir_span name)
{
    if ((route->endpoint != WEIR_ENDPOINT_MODELS &&
         route->endpoint != WEIR_ENDPOINT_MODEL) ||
        route->surface != &weir_openai_surface)
        return;
    if (weir_span_equal(name, WEIR_SPAN("anthropic-version")))
        route->surface = &weir_anthropic_surface;
    else if (weir_span_equal(name, WEIR_SPAN("x-goog-api-key")))
        route->surface = &weir_gemini_surface;
}

weir_status
weir_surface_parse(const struct weir_surface_route *route, weir_span body,
                   struct weir_arena *arena, struct weir_request *request_out,
                   struct weir_error *err)
{
    WEIR_ASSERT(route->takes_body);
    weir_status status =
        route->surface->parse(route, body, arena, request_out, err);
    if (status == WEIR_OK)
        status = weir_surface_check_references(request_out, route->urls, err);
    request_out->has_media |= request_out->file_count > 0;
    return status;
}

uint32_t
weir_refusal_http(const struct weir_refusal *refusal)
{
    return refusal->http != 0
               ? refusal->http
               : (uint32_t)weir_status_info(refusal->status)->http;
}

void
weir_surface_put_refusal(const struct weir_surface_route *route,
                         const struct weir_refusal *refusal,
                         struct weir_buf *out)
{
    route->surface->put_refusal(route, refusal, out);
}

void
weir_surface_put_cut(const struct weir_surface_route *route,
                     const struct weir_refusal *refusal, struct weir_buf *out)
{
    route->surface->put_cut(route, refusal, out);
}

void
weir_surface_put_models(const struct weir_surface_route *route,
                        weir_surface_next_model next, void *context,
                        struct weir_buf *out)
{
    route->surface->put_models(route, next, context, out);
}

void
weir_surface_put_model(const struct weir_surface_route *route,
                       const struct weir_surface_model *model,
                       struct weir_buf *out)
{
    route->surface->put_model(route, model, out);
}

weir_status
weir_surface_read_call(const struct weir_request *request,
                       struct weir_arena *arena, struct weir_neutral *call_out,
                       struct weir_error *err)
{
    *call_out = (struct weir_neutral){.arena = arena,
                                      .dialect = request->dialect,
                                      .is_streamed = request->is_streamed};
    return request->surface->read_call(request, call_out, err);
}

void
weir_surface_put_count(const struct weir_surface_route *route, uint64_t tokens,
                       struct weir_buf *out)
{
    WEIR_ASSERT(route->endpoint == WEIR_ENDPOINT_COUNT);
    route->surface->put_count(route, tokens, out);
}
