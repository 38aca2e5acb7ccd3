/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and batches: calls that are sent together and done later.
 *
 *   POST   /v1/files              lines --asked, filtered, changed--> origin
 *   POST   /v1/batches            asked, held, on record, open
 *   GET    /v1/batches/ID         told anew; at its end: outcome
 *   GET    /v1/files/ID/content   passes
 *
 * Everything here is a call like any other: key, policy, budget, record,
 * attempts. What differs is how it is read (lines), how it is told (ids are
 * sealed, see weir/seal.h) and when it is settled (weir_call_commit).
 *
 * WHY EACH REQUEST NAMES ITS DEPLOYMENT. A file lies at one origin. Its
 * sealed id says at which, and all other candidates are barred; if policy no
 * longer allows that one, what lies there is out of reach until it does.
 *
 * WHAT CANNOT BE LOOKED AT does not pass: where policy has rules over
 * answers, a batch is refused, since its answers come as a file.
 */

#include "ngx_http_weir.h"
#include "ngx_http_weir_classify.h"

#include <weir/bulk.h>


/* Batches whose end this worker has recorded: saying it again does no harm,
 * but a client may ask each second. */
#define NGX_HTTP_WEIR_ENDED  64


struct ngx_http_weir_bulk_s {
    struct weir_sealed       sealed;    /* what the request names */
    struct weir_bulk_form    form;
    struct weir_bulk_sum     sum;
    struct weir_bulk_order   order;
    weir_span                body;      /* of the client's */
    weir_span                file;      /* in it, or filtered */
    struct weir_bulk_told    told;
    ngx_uint_t               is_told;   /* the origin said yes */
    char                     room[WEIR_SEAL_ID_MAX];
};


static struct weir_request_id  ngx_http_weir_ended[NGX_HTTP_WEIR_ENDED];
static ngx_uint_t              ngx_http_weir_ended_next;


static struct weir_sealer
ngx_http_weir_sealer(ngx_http_weir_ctx_t *ctx)
{
    struct weir_sealer  sealer;

    sealer.tenant = ctx->view->view.image.tenants[ctx->call.tenant].hash;

    if (ngx_http_weir_credential(WEIR_SPAN(".seal"), &sealer.key) != NGX_OK) {
        sealer.key = (weir_secret) { NULL, 0 };
    }

    return sealer;
}


/* -------------------------------------------------------------- asking */

static weir_status
ngx_http_weir_bad(ngx_http_weir_ctx_t *ctx, weir_status status,
    weir_span param)
{
    ctx->call.reason = WEIR_REASON_BAD_REQUEST;
    ctx->ask.param = param;

    return status;
}


/* Origins that keep no files are not asked for it. */

static weir_status
ngx_http_weir_bar(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    uint32_t                    i, row, open;
    struct weir_call           *call;
    const struct weir_image    *image;
    ngx_http_weir_endpoint_t   *e;

    call = &ctx->call;
    image = &ctx->view->view.image;
    open = 0;

    for (i = 0; i < call->answer.candidate_count; i++) {
        row = image->deployments[call->answer.candidates[i].deployment].origin;
        e = &ctx->view->image->endpoints[row];

        if (e->provider == NULL || !weir_bulk_is_kept(e->provider)) {
            call->barred |= UINT32_C(1) << i;
        }

        open += !(call->barred >> i & 1);
    }

    if (open) {
        return WEIR_OK;
    }

    call->reason = WEIR_REASON_OPERATION;

    return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                     "no origin that serves this model keeps files and "
                     "batches");
}


/* Where policy has rules over answers, nobody could apply them. */

static weir_status
ngx_http_weir_may_answer(ngx_http_weir_ctx_t *ctx, struct weir_buf *out,
    struct weir_error *err)
{
    weir_span    nothing;
    weir_status  status;

    nothing = WEIR_SPAN("{}");
    status = ngx_http_weir_filter_part(ctx, &nothing, out, err);

    if (status != WEIR_OK || !ngx_http_weir_must_filter_reply(ctx)) {
        return status;
    }

    ctx->call.reason = WEIR_REASON_FILTERED;

    return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                     "policy has rules over answers, and those of a batch "
                     "cannot be looked at");
}


/* Each line's request goes through the rules by itself. */

static weir_status
ngx_http_weir_filter_lines(ngx_http_weir_ctx_t *ctx, struct weir_buf *part,
    struct weir_buf *file, struct weir_error *err)
{
    char                    memory[1024];
    u_char                 *p;
    weir_span               rest, param, body;
    ngx_uint_t              is_changed;
    weir_status             status;
    struct weir_arena       arena;
    struct weir_bulk_line   line;
    ngx_http_weir_bulk_t   *bulk;

    bulk = ctx->bulk;
    rest = bulk->file;
    is_changed = 0;

    for ( ;; ) {
        weir_arena_init(&arena, memory, sizeof(memory));

        status = weir_bulk_line(&rest, &arena, &line, &param, err);
        if (status != WEIR_OK) {
            return status;
        }

        if (line.raw.ptr == NULL) {
            break;
        }

        body = line.body;

        status = ngx_http_weir_filter_part(ctx, &body, part, err);
        if (status != WEIR_OK) {
            return status;
        }

        is_changed |= body.ptr != line.body.ptr;

        weir_buf_add(file, line.raw.ptr, line.body.ptr - line.raw.ptr);
        weir_buf_add_span(file, body);
        weir_buf_add(file, line.body.ptr + line.body.len,
                     line.raw.ptr + line.raw.len - line.body.ptr
                     - line.body.len);
        weir_buf_add_byte(file, '\n');
    }

    if (!is_changed) {
        return WEIR_OK;
    }

    p = file->overflow ? NULL : ngx_pnalloc(ctx->request->pool, file->len);

    if (p == NULL) {
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the file is too large for its filters");
    }

    ngx_memcpy(p, file->ptr, file->len);
    bulk->file = (weir_span) { (char *) p, file->len };

    ctx->arena.used = 0;

    return weir_bulk_sum(bulk->file, &ctx->arena, &bulk->sum,
                         &ctx->ask.param, err);
}


weir_span
ngx_http_weir_bulk_lines(ngx_http_weir_ctx_t *ctx)
{
    return ctx->route.bulk == WEIR_BULK_UPLOAD ? ctx->bulk->file
                                               : WEIR_SPAN_NONE;
}


static weir_status
ngx_http_weir_filter_file(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    size_t            max;
    weir_status       status;
    struct weir_buf   part, file;

    if (ngx_http_weir_classify_init(ctx) != NGX_OK) {
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "no memory");
    }

    if (ctx->call.answer.obligations.filters == 0) {
        return WEIR_OK;
    }

    max = 2 * ngx_http_weir_worker.conf->body_max;

    weir_buf_init(&part, max);
    weir_buf_init(&file, max);

    status = ngx_http_weir_may_answer(ctx, &part, err);

    if (status == WEIR_OK && ctx->route.bulk == WEIR_BULK_UPLOAD) {
        status = ngx_http_weir_filter_lines(ctx, &part, &file, err);
    }

    weir_buf_fini(&part);
    weir_buf_fini(&file);

    return status;
}


static weir_status
ngx_http_weir_decide_upload(ngx_http_weir_ctx_t *ctx, weir_span body,
    struct weir_error *err)
{
    weir_status             status;
    struct weir_ask         ask;
    ngx_http_weir_bulk_t   *bulk;

    bulk = ctx->bulk;

    status = weir_bulk_read_form(body, &bulk->form, err);
    if (status != WEIR_OK) {
        return ngx_http_weir_bad(ctx, status, bulk->form.param);
    }

    bulk->file = bulk->form.file;

    status = weir_bulk_sum(bulk->file, &ctx->arena, &bulk->sum,
                           &ctx->ask.param, err);
    if (status != WEIR_OK) {
        return ngx_http_weir_bad(ctx, status, ctx->ask.param);
    }

    ngx_memzero(&ask, sizeof(struct weir_ask));

    ask.model = bulk->sum.model;
    ask.body_bytes = body.len;
    ask.is_lookup = true;

    status = weir_call_decide_batch(&ctx->call, &ask, bulk->sum.operation, 0,
                                    err);

    if (status == WEIR_OK) {
        status = ngx_http_weir_bar(ctx, err);
    }

    return status == WEIR_OK ? ngx_http_weir_filter_file(ctx, err) : status;
}


/* What is at a deployment: asked as what its lines are. */

static weir_status
ngx_http_weir_decide_sealed(ngx_http_weir_ctx_t *ctx, weir_span id,
    uint32_t kinds, weir_span body, struct weir_error *err)
{
    uint32_t                   i;
    weir_status                status;
    struct weir_ask            ask;
    struct weir_sealer         sealer;
    struct weir_sealed        *sealed;
    const struct weir_image   *image;

    image = &ctx->view->view.image;
    sealed = &ctx->bulk->sealed;
    sealer = ngx_http_weir_sealer(ctx);

    status = weir_unseal(&sealer, id, kinds, ctx->bulk->room, sealed, err);
    if (status != WEIR_OK) {
        return ngx_http_weir_bad(ctx, status, WEIR_SPAN("id"));
    }

    for (i = 0; i < image->deployment_count; i++) {
        if (image->deployments[i].hash == sealed->deployment) {
            break;
        }
    }

    if (i == image->deployment_count || sealed->operation >= WEIR_OP_BATCH) {
        ctx->call.reason = WEIR_REASON_UNKNOWN_MODEL;
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "what has it is no longer offered here");
    }

    ngx_memzero(&ask, sizeof(struct weir_ask));

    ask.model = weir_image_text(image,
                            image->models[image->deployments[i].model].name);
    ask.body_bytes = body.len;
    ask.is_lookup = ctx->route.bulk != WEIR_BULK_CREATE;

    if (!ask.is_lookup) {
        ask.n = 1;
        ask.input_tokens = sealed->input_tokens;
        ask.output_tokens_max = sealed->output_tokens;
    }

    status = weir_call_decide_batch(&ctx->call, &ask,
                                    (enum weir_operation) sealed->operation,
                                    sealed->deployment, err);
    if (status == WEIR_OK) {
        status = ngx_http_weir_bar(ctx, err);
    }

    /* what was asked before a rule came may still be seen to its end */

    return status == WEIR_OK && ctx->route.bulk == WEIR_BULK_CREATE
           ? ngx_http_weir_filter_file(ctx, err) : status;
}


static weir_status
ngx_http_weir_decide_create(ngx_http_weir_ctx_t *ctx, weir_span body,
    struct weir_error *err)
{
    weir_span                id;
    weir_status              status;
    struct weir_bulk_order  *order;

    order = &ctx->bulk->order;

    status = weir_bulk_read_order(body, order, err);
    if (status != WEIR_OK) {
        return ngx_http_weir_bad(ctx, status, order->param);
    }

    id = (weir_span) { order->file.ptr + 1, order->file.len - 2 };

    status = ngx_http_weir_decide_sealed(ctx, id, 1u << WEIR_SEALED_INPUT,
                                         body, err);
    if (status != WEIR_OK) {
        return status;
    }

    if (!weir_span_equal(order->endpoint,
                         weir_bulk_url((enum weir_operation)
                                       ctx->bulk->sealed.operation)))
    {
        weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                  "endpoint must be that of the file's lines");
        return ngx_http_weir_bad(ctx, WEIR_ETYPE, WEIR_SPAN("endpoint"));
    }

    return WEIR_OK;
}


weir_status
ngx_http_weir_bulk_decide(ngx_http_weir_ctx_t *ctx, weir_span body,
    struct weir_error *err)
{
    uint32_t  kinds;

    ngx_memzero(&ctx->ask, sizeof(struct weir_request));

    ctx->ask.surface = ctx->route.surface;
    ctx->ask.endpoint = ctx->route.endpoint;
    ctx->ask.dialect = ctx->route.dialect;
    ctx->call.ask.operation = WEIR_OP_BATCH;

    ctx->bulk = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_weir_bulk_t));
    if (ctx->bulk == NULL) {
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "no memory");
    }

    ctx->bulk->body = body;

    switch (ctx->route.bulk) {

    case WEIR_BULK_UPLOAD:
        return ngx_http_weir_decide_upload(ctx, body, err);

    case WEIR_BULK_CREATE:
        return ngx_http_weir_decide_create(ctx, body, err);

    case WEIR_BULK_BATCH:
    case WEIR_BULK_CANCEL:
        kinds = 1u << WEIR_SEALED_BATCH;
        break;

    default:
        kinds = 1u << WEIR_SEALED_INPUT | 1u << WEIR_SEALED_RESULT;
        break;
    }

    return ngx_http_weir_decide_sealed(ctx, ctx->route.model, kinds, body,
                                       err);
}


/* ------------------------------------------------------------ outgoing */

static weir_status
ngx_http_weir_bulk_path(ngx_http_weir_ctx_t *ctx, weir_span prefix,
    struct weir_error *err)
{
    size_t                 size;
    weir_span              id;
    const char            *start, *end;
    struct weir_buf        path;

    start = ctx->route.bulk == WEIR_BULK_UPLOAD ? "/files"
            : ctx->route.bulk == WEIR_BULK_CREATE ? "/batches"
            : ctx->route.bulk == WEIR_BULK_BATCH
              || ctx->route.bulk == WEIR_BULK_CANCEL ? "/batches/"
            : "/files/";

    end = ctx->route.bulk == WEIR_BULK_CONTENT ? "/content"
          : ctx->route.bulk == WEIR_BULK_CANCEL ? "/cancel" : "";

    id = ctx->route.bulk == WEIR_BULK_UPLOAD
         || ctx->route.bulk == WEIR_BULK_CREATE ? WEIR_SPAN_NONE
                                                : ctx->bulk->sealed.id;

    size = prefix.len + id.len + 32;

    ctx->outgoing.path.ptr = ngx_pnalloc(ctx->request->pool, size);
    if (ctx->outgoing.path.ptr == NULL) {
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "no memory");
    }

    weir_buf_init_fixed(&path, (void *) ctx->outgoing.path.ptr, size);
    weir_buf_add_span(&path, prefix);
    weir_buf_addf(&path, "%s%.*s%s", start, WEIR_SPAN_ARG(id), end);

    ctx->outgoing.path.len = path.len;
    ctx->outgoing.method = ctx->route.bulk == WEIR_BULK_DELETE
                           ? WEIR_SPAN("DELETE")
                           : ctx->route.bulk == WEIR_BULK_UPLOAD
                             || ctx->route.bulk == WEIR_BULK_CREATE
                             || ctx->route.bulk == WEIR_BULK_CANCEL
                           ? WEIR_SPAN("POST") : WEIR_SPAN("GET");

    return WEIR_OK;
}


static void
ngx_http_weir_bulk_piece(ngx_http_weir_ctx_t *ctx, const char *p, size_t n)
{
    if (n) {
        ctx->outgoing.pieces[ctx->outgoing.piece_count++] =
                                                    (weir_span) { p, n };
        ctx->outgoing.body_bytes += n;
    }
}


static weir_status
ngx_http_weir_prepare_upload(ngx_http_weir_ctx_t *ctx,
    const struct weir_target *target, struct weir_error *err)
{
    size_t                  size;
    u_char                 *p, *type;
    weir_span               rest;
    weir_status             status;
    struct weir_buf         lines;
    ngx_http_weir_bulk_t   *bulk;

    bulk = ctx->bulk;
    size = bulk->file.len + 1
           + (size_t) bulk->sum.lines * (6 * target->origin_model.len
                                         + WEIR_BULK_LINE_MORE);

    p = ngx_pnalloc(ctx->request->pool, size);
    type = ngx_pnalloc(ctx->request->pool, bulk->form.boundary.len + 64);

    if (p == NULL || type == NULL) {
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "no memory for the file");
    }

    weir_buf_init_fixed(&lines, p, size);

    status = weir_bulk_put_lines(ctx->endpoint->provider, target, bulk->file,
                                 &lines, err);
    if (status != WEIR_OK) {
        return status;
    }

    ctx->outgoing.content_type.ptr = (char *) type;
    ctx->outgoing.content_type.len =
            ngx_sprintf(type, "multipart/form-data; boundary=\"%*s\"",
                        bulk->form.boundary.len, bulk->form.boundary.ptr)
            - type;

    rest.ptr = bulk->form.file.ptr + bulk->form.file.len;
    rest.len = bulk->body.ptr + bulk->body.len - rest.ptr;

    ngx_http_weir_bulk_piece(ctx, bulk->body.ptr,
                             bulk->form.file.ptr - bulk->body.ptr);
    ngx_http_weir_bulk_piece(ctx, lines.ptr, lines.len);
    ngx_http_weir_bulk_piece(ctx, rest.ptr, rest.len);

    return WEIR_OK;
}


weir_status
ngx_http_weir_bulk_prepare(ngx_http_weir_ctx_t *ctx,
    const struct weir_target *target, struct weir_error *err)
{
    weir_span               raw;
    weir_status             status;
    ngx_http_weir_bulk_t   *bulk;

    bulk = ctx->bulk;
    ngx_memzero(&ctx->outgoing, sizeof(struct weir_outgoing));

    status = ngx_http_weir_bulk_path(ctx, target->prefix, err);
    if (status != WEIR_OK) {
        return status;
    }

    if (ctx->route.bulk == WEIR_BULK_UPLOAD) {
        return ngx_http_weir_prepare_upload(ctx, target, err);
    }

    if (ctx->route.bulk == WEIR_BULK_CREATE) {
        raw = bulk->order.file;     /* between its quotes */

        ngx_http_weir_bulk_piece(ctx, bulk->body.ptr,
                                 raw.ptr + 1 - bulk->body.ptr);
        ngx_http_weir_bulk_piece(ctx, bulk->sealed.id.ptr,
                                 bulk->sealed.id.len);
        ngx_http_weir_bulk_piece(ctx, raw.ptr + raw.len - 1,
                                 bulk->body.ptr + bulk->body.len
                                 - (raw.ptr + raw.len - 1));
    }

    return WEIR_OK;
}


/* --------------------------------------------------------------- reply */

ngx_uint_t
ngx_http_weir_bulk_is_told(ngx_http_weir_ctx_t *ctx)
{
    return ctx->route.bulk != WEIR_BULK_CONTENT
           && ctx->status.code < NGX_HTTP_SPECIAL_RESPONSE;
}


/* The most that the file's lines may make at this deployment. */

static uint64_t
ngx_http_weir_bulk_most(ngx_http_weir_ctx_t *ctx)
{
    uint64_t                   most;
    const struct weir_image   *image;

    image = &ctx->view->view.image;

    if (__builtin_mul_overflow(ctx->bulk->sum.unbounded,
                 image->models[image->deployments[ctx->step.deployment].model]
                     .output_tokens_max,
                 &most)
        || __builtin_add_overflow(most, ctx->bulk->sum.output_tokens, &most)
        || most > INT64_MAX)
    {
        return INT64_MAX;
    }

    return most;
}


/* What the id of this member is sealed as. */

static ngx_int_t
ngx_http_weir_bulk_describe(ngx_http_weir_ctx_t *ctx, weir_span member,
    weir_span id, struct weir_sealed *sealed)
{
    ngx_http_weir_bulk_t  *bulk;

    bulk = ctx->bulk;
    *sealed = bulk->sealed;
    sealed->id = id;

    if (weir_span_equal(member, WEIR_SPAN("id"))) {

        if (ctx->route.bulk == WEIR_BULK_UPLOAD) {
            sealed->kind = WEIR_SEALED_INPUT;
            sealed->operation = bulk->sum.operation;
            sealed->lines = bulk->sum.lines;
            sealed->deployment =
                 ctx->view->view.image.deployments[ctx->step.deployment].hash;
            sealed->input_tokens = bulk->sum.input_tokens;
            sealed->output_tokens = ngx_http_weir_bulk_most(ctx);
            return NGX_OK;
        }

        if (ctx->route.bulk == WEIR_BULK_CREATE) {
            sealed->kind = WEIR_SEALED_BATCH;
            sealed->request = ctx->call.id;
            return NGX_OK;
        }

        /* another thing than was asked for is not told */

        return weir_span_equal(id, bulk->sealed.id) ? NGX_OK : NGX_ERROR;
    }

    ngx_memzero(&sealed->request, sizeof(struct weir_request_id));

    if (weir_span_equal(member, WEIR_SPAN("input_file_id"))) {
        sealed->kind = WEIR_SEALED_INPUT;
        return NGX_OK;
    }

    sealed->kind = WEIR_SEALED_RESULT;
    sealed->lines = 0;
    sealed->input_tokens = 0;
    sealed->output_tokens = 0;

    return NGX_OK;
}


static bool
ngx_http_weir_bulk_seal(void *context, weir_span member, weir_span id,
    struct weir_buf *out)
{
    char                  text[WEIR_SEAL_TEXT];
    size_t                len;
    ngx_http_weir_ctx_t  *ctx = context;
    struct weir_sealer    sealer;
    struct weir_sealed    sealed;

    sealer = ngx_http_weir_sealer(ctx);

    if (ngx_http_weir_bulk_describe(ctx, member, id, &sealed) != NGX_OK
        || weir_seal(&sealer, &sealed, text, &len, NULL) != WEIR_OK)
    {
        return false;
    }

    weir_buf_add_byte(out, '"');
    weir_buf_add(out, text, len);
    weir_buf_add_byte(out, '"');

    return true;
}


ngx_int_t
ngx_http_weir_bulk_retell(ngx_http_weir_ctx_t *ctx, weir_span *body)
{
    size_t              size;
    u_char             *p;
    struct weir_buf     out;
    struct weir_error   err;

    size = body->len + 4 * WEIR_SEAL_TEXT;

    p = ngx_pnalloc(ctx->request->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    weir_buf_init_fixed(&out, p, size);

    if (weir_bulk_retell(*body, ngx_http_weir_bulk_seal, ctx, &out,
                         &ctx->bulk->told, &err)
        != WEIR_OK)
    {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "weir: %s", err.text);
        return NGX_ERROR;
    }

    ctx->bulk->is_told = 1;
    *body = weir_buf_span(&out);

    return NGX_OK;
}


/* -------------------------------------------------------------- ending */

static uint64_t
ngx_http_weir_share(uint64_t amount, const struct weir_bulk_told *told)
{
    return (uint64_t) ((unsigned __int128) amount * told->done / told->total);
}


/* What a batch came to: the origin's count, or its share of what was held. */

static void
ngx_http_weir_bulk_usage(ngx_http_weir_bulk_t *bulk, struct weir_usage *usage)
{
    const struct weir_bulk_told  *told;

    told = &bulk->told;
    *usage = told->usage;

    if (told->has_usage || told->is_failed) {
        return;
    }

    ngx_memzero(usage, sizeof(struct weir_usage));
    usage->is_estimated = true;

    if (told->total && told->done <= told->total) {
        usage->input_tokens = ngx_http_weir_share(bulk->sealed.input_tokens,
                                                  told);
        usage->output_tokens = ngx_http_weir_share(bulk->sealed.output_tokens,
                                                   told);
    }
}


static ngx_uint_t
ngx_http_weir_was_ended(const struct weir_request_id *id)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_WEIR_ENDED; i++) {
        if (ngx_memcmp(&ngx_http_weir_ended[i], id,
                       sizeof(struct weir_request_id))
            == 0)
        {
            return 1;
        }
    }

    i = ngx_http_weir_ended_next++ % NGX_HTTP_WEIR_ENDED;
    ngx_http_weir_ended[i] = *id;

    return 0;
}


ngx_uint_t
ngx_http_weir_bulk_settle(ngx_http_weir_ctx_t *ctx)
{
    struct weir_usage      usage;
    ngx_http_weir_bulk_t  *bulk;

    bulk = ctx->bulk;

    if (!bulk->is_told) {
        return 0;
    }

    if (ctx->route.bulk == WEIR_BULK_CREATE) {
        weir_call_commit(&ctx->call);
        return 1;
    }

    if (bulk->told.is_ended && bulk->sealed.kind == WEIR_SEALED_BATCH
        && !ngx_http_weir_was_ended(&bulk->sealed.request))
    {
        ngx_http_weir_bulk_usage(bulk, &usage);
        weir_call_conclude(&ctx->call, &bulk->sealed,
                           bulk->told.is_failed ? WEIR_END_ORIGIN_ERROR
                                                : WEIR_END_COMPLETE,
                           &usage);
    }

    return 0;
}
