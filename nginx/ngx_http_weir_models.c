/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v1/models: what this key may use, asked of the same policy that
 * decides its calls. A name is offered when any of its deployments would be
 * allowed now, for any operation of the model. `?all=1` adds the others, each
 * with the reason code of its best candidate.
 */

#include "ngx_http_weir.h"


/* A list of so many bytes is over ten thousand models. */
#define NGX_HTTP_WEIR_LIST_MAX  (4 * 1024 * 1024)


typedef struct {
    ngx_http_weir_ctx_t    *ctx;
    uint32_t                next;     /* route row, then listing row */
    char                    message[32 + WEIR_LACKS_TEXT];
} ngx_http_weir_models_t;


/* Three APIs have their lists at one path: what the client's headers say. */

void
ngx_http_weir_models_shape(ngx_http_weir_ctx_t *ctx)
{
    ngx_table_elt_t          *h;
    ngx_http_weir_headers_t   headers;

    if (ctx->route.endpoint != WEIR_ENDPOINT_MODELS
        && ctx->route.endpoint != WEIR_ENDPOINT_MODEL)
    {
        return;
    }

    ngx_http_weir_headers_init(&headers, ctx->request);

    while ((h = ngx_http_weir_headers_next(&headers))) {
        weir_surface_note_header(&ctx->route,
                                 (weir_span) { (char *) h->lowcase_key,
                                               h->key.len });
    }
}


/* A hold says more than a deny: somebody can decide it. */

static ngx_uint_t
ngx_http_weir_is_better(const struct weir_candidate *a,
    const struct weir_candidate *b)
{
    return b->verdict == 0
           || (a->verdict == WEIR_ALLOW && b->verdict != WEIR_ALLOW)
           || (a->verdict == WEIR_HOLD && b->verdict == WEIR_DENY);
}


static void
ngx_http_weir_judge(ngx_http_weir_ctx_t *ctx, uint32_t deployment,
    struct weir_candidate *best)
{
    enum weir_operation        operation;
    struct weir_question       question;
    struct weir_candidate      candidate;
    const struct weir_image   *image;

    image = &ctx->view->view.image;

    question = (struct weir_question) {
        .key = ctx->call.key,
        .address = ctx->call.client.address,
        .country = ctx->call.client.country,
        .end_customer = ctx->call.client.end_customer,
        .now = ctx->call.started,
        .confirmed_us = ctx->call.confirmed_us,
        .model = weir_image_text(image,
                   image->models[image->deployments[deployment].model].name),
    };

    for (operation = 0; operation < WEIR_OPERATIONS; operation++) {

        if (!(image->models[image->deployments[deployment].model].operations
              & (1u << operation)))
        {
            continue;
        }

        question.operation = operation;
        weir_gate_decide_one(&ctx->view->view, &question, deployment,
                             &candidate);

        if (ngx_http_weir_is_better(&candidate, best)) {
            *best = candidate;
        }

        if (best->verdict == WEIR_ALLOW) {
            return;
        }
    }
}


static void
ngx_http_weir_set_life(ngx_http_weir_ctx_t *ctx,
    const struct weir_image_model *row, struct weir_surface_model *model)
{
    const struct weir_image        *image;
    const struct weir_image_life   *life;

    image = &ctx->view->view.image;

    if (!(row->flags & WEIR_MODEL_HAS_END)) {
        return;
    }

    life = &image->lifes[row - image->models];

    if (life->sunset_us <= ctx->call.started) {
        model->life = WEIR_SURFACE_RETIRED;
        model->deprecated_us = ngx_min(life->deprecated_us, life->sunset_us);

    } else if (life->deprecated_us <= ctx->call.started) {
        model->life = WEIR_SURFACE_DEPRECATED;
        model->deprecated_us = life->deprecated_us;
    }
}


static void
ngx_http_weir_describe(ngx_http_weir_ctx_t *ctx, uint32_t route,
    struct weir_surface_model *model)
{
    uint32_t                          i;
    struct weir_candidate             best;
    const struct weir_image          *image;
    const struct weir_image_model    *row;
    const struct weir_image_route    *r;
    const struct weir_image_policy   *policy;

    image = &ctx->view->view.image;
    r = &image->routes[route];

    ngx_memzero(&best, sizeof(struct weir_candidate));
    ngx_memzero(model, sizeof(struct weir_surface_model));

    for (i = 0; i < r->count && best.verdict != WEIR_ALLOW; i++) {
        ngx_http_weir_judge(ctx, image->candidates[r->first + i].deployment,
                            &best);
    }

    row = &image->models[image->deployments[
                             image->candidates[r->first].deployment].model];

    model->id = weir_image_text(image, r->name);
    model->owner = weir_image_text(image, image->providers[row->provider].name);
    model->created = row->created;
    model->operations = row->operations;
    model->output_tokens_max = row->output_tokens_max;
    ngx_http_weir_set_life(ctx, row, model);
    model->is_allowed = best.verdict == WEIR_ALLOW;

    if (model->is_allowed) {
        return;
    }

    model->reason = weir_span_of(weir_reason_code(best.reason));

    if (best.policy_count) {
        policy = &image->policies[best.policies[0]];
        model->message = weir_image_text(image, policy->title);
    }
}


/* Known and not served: only shown to those who ask for all. */

static void
ngx_http_weir_describe_listing(const struct weir_image *image, uint32_t row,
    char message[32 + WEIR_LACKS_TEXT], struct weir_surface_model *model)
{
    char                              lacks[WEIR_LACKS_TEXT];
    u_char                           *p;
    const struct weir_image_listing  *listing;

    listing = &image->listings[row];

    ngx_memzero(model, sizeof(struct weir_surface_model));

    weir_lacks_format(listing->lacks, lacks);
    p = ngx_snprintf((u_char *) message, 32 + WEIR_LACKS_TEXT,
                     "listed only; lacks %s", lacks);

    model->id = weir_image_text(image, listing->name);
    model->owner = weir_image_text(image, listing->maker);
    model->created = listing->created;
    model->reason = weir_span_of(weir_reason_code(WEIR_REASON_NOT_SERVABLE));
    model->message = (weir_span) { message, (char *) p - message };
}


static bool
ngx_http_weir_next_model(void *context, struct weir_surface_model *model_out)
{
    ngx_http_weir_models_t  *models = context;

    uint32_t                  row;
    ngx_http_weir_ctx_t      *ctx;
    const struct weir_image  *image;

    ctx = models->ctx;
    image = &ctx->view->view.image;

    while (models->next < image->route_count) {

        if (image->trials[models->next].shadow & WEIR_SHADOW_ROUTE) {
            models->next++;
            continue;
        }

        ngx_http_weir_describe(ctx, models->next++, model_out);

        if ((model_out->operations & WEIR_OPERATIONS_OF_TOOLS) == 0
            && (model_out->is_allowed || ctx->route.wants_all))
        {
            return true;
        }
    }

    row = models->next - image->route_count;

    if (!ctx->route.wants_all || row >= image->listing_count) {
        return false;
    }

    ngx_http_weir_describe_listing(image, row, models->message, model_out);
    models->next++;

    return true;
}


ngx_int_t
ngx_http_weir_models(ngx_http_weir_ctx_t *ctx)
{
    u_char                     *p;
    uint32_t                    row;
    ngx_int_t                   rc;
    weir_span                   span;
    struct weir_buf             buf;
    struct weir_error           err;
    ngx_http_weir_models_t      models;
    struct weir_surface_model   model;

    weir_buf_init(&buf, NGX_HTTP_WEIR_LIST_MAX);

    if (ctx->route.endpoint == WEIR_ENDPOINT_MODEL) {

        row = weir_image_find_route(&ctx->view->view.image, ctx->route.model);
        model.is_allowed = false;

        if (row != WEIR_INDEX_NONE) {
            ngx_http_weir_describe(ctx, row, &model);

            if (model.operations & WEIR_OPERATIONS_OF_TOOLS) {
                row = WEIR_INDEX_NONE;      /* it is no model to a client */
                model.is_allowed = false;
            }

        } else if (ctx->route.wants_all) {
            row = weir_image_find_listing(&ctx->view->view.image,
                                          ctx->route.model);

            if (row != WEIR_INDEX_NONE) {
                ngx_http_weir_describe_listing(&ctx->view->view.image, row,
                                               models.message, &model);
            }
        }

        if (!model.is_allowed && !(row != WEIR_INDEX_NONE
                                   && ctx->route.wants_all))
        {
            ctx->call.reason = WEIR_REASON_UNKNOWN_MODEL;
            weir_fail(&err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                      "no model of this name is offered to this key");
            return ngx_http_weir_refuse(ctx, WEIR_ENOTFOUND, &err);
        }

        weir_surface_put_model(&ctx->route, &model, &buf);

    } else {
        models.ctx = ctx;
        models.next = 0;
        weir_surface_put_models(&ctx->route, ngx_http_weir_next_model, &models,
                                &buf);
    }

    span = weir_buf_span(&buf);
    p = buf.overflow ? NULL : ngx_pnalloc(ctx->request->pool, span.len);

    if (p == NULL) {
        weir_buf_fini(&buf);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(p, span.ptr, span.len);
    weir_buf_fini(&buf);

    rc = ngx_http_discard_request_body(ctx->request);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_weir_add_headers(ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_weir_send(ctx->request, NGX_HTTP_OK,
                              (weir_span) { (char *) p, span.len });
}
