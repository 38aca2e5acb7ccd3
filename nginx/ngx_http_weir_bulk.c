/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and batches: calls that are sent together and done later.
 *
 *   POST   /v1/files              lines --asked, filtered, changed--> origin
 *   POST   /v1/batches            asked, held, on record, open
 *   GET    /v1/batches/ID         told anew; at its end: outcome
 *   GET    /v1/files/ID/content   passes
 *
 *   POST   /v1/messages/batches   requests --asked, filtered, changed, held,
 *                                 on record--> origin; open
 *   GET    .../ID/results         passes, and is read: outcome
 *
 * This file asks and sends; ngx_http_weir_bulk_reply.c hears and settles.
 * Files that are not lines, but named in calls: ngx_http_weir_files.c.
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

#include "ngx_http_weir_bulk.h"
#include "ngx_http_weir_classify.h"

#include <weir/kept_file.h>

#include <sys/mman.h>


/* Lines up to this size are written to memory, others to a file. */
#define NGX_HTTP_WEIR_BULK_HELD  (1024 * 1024)


struct weir_sealer
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

weir_status
ngx_http_weir_bad(ngx_http_weir_ctx_t *ctx, weir_status status,
    weir_span param)
{
    ctx->call.reason = ngx_http_weir_bad_reason(status);
    ctx->ask.param = param;

    return status;
}


static ngx_uint_t
ngx_http_weir_is_kept(ngx_http_weir_ctx_t *ctx,
    const struct weir_provider *provider)
{
    return ngx_http_weir_is_for_calls(ctx)
           ? weir_bulk_keeps_files(provider)
           : weir_bulk_is_kept(provider, ctx->bulk->shape);
}


/* Origins that keep no files are not asked for it. */

weir_status
ngx_http_weir_bulk_bar(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
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

        if (e->provider == NULL || !ngx_http_weir_is_kept(ctx, e->provider)) {
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
    weir_span               rest, param, body;
    ngx_uint_t              is_changed, is_first;
    weir_status             status;
    struct weir_arena       arena;
    struct weir_bulk_line   line;
    ngx_http_weir_bulk_t   *bulk;

    bulk = ctx->bulk;
    rest = bulk->file;
    is_changed = 0;
    is_first = 1;

    for ( ;; ) {
        weir_arena_init(&arena, memory, sizeof(memory));

        status = weir_bulk_line(bulk->shape, &rest, ctx->route.urls, &arena,
                                &line, &param, err);
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

        if (bulk->shape == WEIR_BULK_REQUESTS) {
            weir_buf_add_byte(file, is_first ? '[' : ',');
            is_first = 0;
        }

        weir_buf_add(file, line.raw.ptr, line.body.ptr - line.raw.ptr);
        weir_buf_add_span(file, body);
        weir_buf_add(file, line.body.ptr + line.body.len,
                     line.raw.ptr + line.raw.len - line.body.ptr
                     - line.body.len);

        if (bulk->shape == WEIR_BULK_LINES) {
            weir_buf_add_byte(file, '\n');
        }
    }

    if (!is_changed) {
        return WEIR_OK;
    }

    if (bulk->shape == WEIR_BULK_REQUESTS) {
        weir_buf_add_byte(file, ']');
    }

    if (file->overflow) {
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the lines are too large for their filters");
    }

    bulk->file = bulk->shape == WEIR_BULK_REQUESTS
                 ? (weir_span) { file->ptr + 1, file->len - 2 }
                 : (weir_span) { file->ptr, file->len };

    ctx->arena.used = 0;

    return weir_bulk_sum(bulk->shape, bulk->file, ctx->route.urls, &ctx->arena,
                         &bulk->sum, &ctx->ask.param, err);
}


weir_span
ngx_http_weir_bulk_lines(ngx_http_weir_ctx_t *ctx)
{
    switch (ctx->route.bulk) {

    case WEIR_BULK_UPLOAD:
        return ctx->bulk->file;

    case WEIR_BULK_SEND:

        /* with their brackets */

        return (weir_span) { ctx->bulk->file.ptr - 1,
                             ctx->bulk->file.len + 2 };

    default:
        return WEIR_SPAN_NONE;
    }
}


static ngx_uint_t
ngx_http_weir_brings_lines(ngx_http_weir_ctx_t *ctx)
{
    return ctx->route.bulk == WEIR_BULK_UPLOAD
           || ctx->route.bulk == WEIR_BULK_SEND;
}


static void
ngx_http_weir_bulk_unmap(void *data)
{
    weir_span  *room = data;

    (void) munmap((void *) room->ptr, room->len);
}


/*
 * Room for lines that are written anew. A large one is a file that has no
 * name, so that it is the kernel's to put on disk: a worker does not hold it.
 */

u_char *
ngx_http_weir_bulk_room(ngx_http_weir_ctx_t *ctx, size_t size)
{
    void                      *map;
    weir_span                 *room;
    ngx_temp_file_t           *tf;
    ngx_pool_cleanup_t        *cln;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = ctx->request;

    if (size <= NGX_HTTP_WEIR_BULK_HELD) {
        return ngx_pnalloc(r->pool, size);
    }

    tf = ngx_pcalloc(r->pool, sizeof(ngx_temp_file_t));
    cln = ngx_pool_cleanup_add(r->pool, sizeof(weir_span));

    if (tf == NULL || cln == NULL) {
        return NULL;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    tf->file.fd = NGX_INVALID_FILE;
    tf->file.log = r->connection->log;
    tf->path = clcf->client_body_temp_path;
    tf->pool = r->pool;

    if (ngx_create_temp_file(&tf->file, tf->path, tf->pool, 0, 0, 0)
        != NGX_OK)
    {
        return NULL;
    }

    map = ftruncate(tf->file.fd, size) == 0
          ? mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED, tf->file.fd, 0)
          : MAP_FAILED;

    if (map == MAP_FAILED) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, ngx_errno,
                      "weir: no file of %uz bytes for lines", size);
        return NULL;
    }

    room = cln->data;
    *room = (weir_span) { map, size };
    cln->handler = ngx_http_weir_bulk_unmap;

    return map;
}


static weir_status
ngx_http_weir_filter_file(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    size_t            max;
    u_char           *room;
    weir_status       status;
    struct weir_buf   part, file;

    if (ngx_http_weir_classify_init(ctx) != NGX_OK) {
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "no memory");
    }

    if (ctx->call.answer.obligations.filters == 0) {
        return WEIR_OK;
    }

    weir_buf_init(&part, 2 * ngx_http_weir_worker.conf->body_max);

    status = ngx_http_weir_may_answer(ctx, &part, err);

    if (status == WEIR_OK && ngx_http_weir_brings_lines(ctx)) {

        max = 2 * ctx->bulk->file.len + NGX_HTTP_WEIR_BUFFER;
        room = ngx_http_weir_bulk_room(ctx, max);

        if (room == NULL) {
            weir_buf_fini(&part);
            return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "no memory");
        }

        weir_buf_init_fixed(&file, room, max);
        status = ngx_http_weir_filter_lines(ctx, &part, &file, err);
    }

    weir_buf_fini(&part);

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

    bulk->original = bulk->form.file;
    bulk->file = bulk->original;

    if (bulk->form.purpose != WEIR_BULK_FOR_BATCH) {
        return ngx_http_weir_files_upload(ctx, err);
    }

    status = weir_bulk_sum(bulk->shape, bulk->file, ctx->route.urls, &ctx->arena,
                           &bulk->sum, &ctx->ask.param, err);
    if (status != WEIR_OK) {
        return ngx_http_weir_bad(ctx, status, ctx->ask.param);
    }

    if (bulk->sum.files) {
        status = ngx_http_weir_files_open_lines(ctx, err);
        if (status != WEIR_OK) {
            return status;
        }
    }

    ngx_memzero(&ask, sizeof(struct weir_ask));

    ask.model = bulk->sum.model;
    ask.body_bytes = body.len;
    ask.is_lookup = true;

    status = weir_call_decide_batch(&ctx->call, &ask, bulk->sum.operation, 0,
                                    err);

    if (status == WEIR_OK) {
        status = ngx_http_weir_bulk_bar(ctx, err);
    }

    if (status == WEIR_OK && bulk->origin) {
        status = weir_call_stay_at(&ctx->call, bulk->origin, err);
    }

    return status == WEIR_OK ? ngx_http_weir_filter_file(ctx, err) : status;
}


/* Requests that a batch brings: asked as each of them, and held for. */

static weir_status
ngx_http_weir_decide_send(ngx_http_weir_ctx_t *ctx, weir_span body,
    struct weir_error *err)
{
    weir_span               param;
    weir_status             status;
    struct weir_ask         ask;
    ngx_http_weir_bulk_t   *bulk;

    bulk = ctx->bulk;

    status = weir_bulk_read_requests(body, &bulk->original, &param, err);
    if (status != WEIR_OK) {
        return ngx_http_weir_bad(ctx, status, param);
    }

    bulk->file = bulk->original;

    status = weir_bulk_sum(bulk->shape, bulk->file, ctx->route.urls, &ctx->arena,
                           &bulk->sum, &ctx->ask.param, err);
    if (status != WEIR_OK) {
        return ngx_http_weir_bad(ctx, status, ctx->ask.param);
    }

    ngx_memzero(&ask, sizeof(struct weir_ask));

    ask.model = bulk->sum.model;
    ask.body_bytes = body.len;
    ask.n = 1;
    ask.input_tokens = bulk->sum.input_tokens;
    ask.output_tokens_max = bulk->sum.output_tokens;

    status = weir_call_decide_batch(&ctx->call, &ask, bulk->sum.operation, 0,
                                    err);

    if (status == WEIR_OK) {
        status = ngx_http_weir_bulk_bar(ctx, err);
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

    if (ngx_http_weir_is_for_calls(ctx)) {
        return ngx_http_weir_files_decide(ctx, err);
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
        status = ngx_http_weir_bulk_bar(ctx, err);
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
    ctx->bulk->shape = ctx->route.dialect == WEIR_DIALECT_MESSAGES
                       ? WEIR_BULK_REQUESTS : WEIR_BULK_LINES;

    switch (ctx->route.bulk) {

    case WEIR_BULK_UPLOAD:
        return ngx_http_weir_decide_upload(ctx, body, err);

    case WEIR_BULK_CREATE:
        return ngx_http_weir_decide_create(ctx, body, err);

    case WEIR_BULK_SEND:
        return ngx_http_weir_decide_send(ctx, body, err);

    case WEIR_BULK_BATCH:
    case WEIR_BULK_CANCEL:
    case WEIR_BULK_RESULTS:
    case WEIR_BULK_ERASE:
        kinds = ctx->bulk->shape == WEIR_BULK_REQUESTS
                ? 1u << WEIR_SEALED_MESSAGES : 1u << WEIR_SEALED_BATCH;
        break;

    default:
        kinds = 1u << WEIR_SEALED_INPUT | 1u << WEIR_SEALED_RESULT
                | WEIR_SEALED_FOR_CALLS;
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
    size_t            size;
    weir_span         id;
    struct weir_buf   path;

    static const struct {
        const char       *method;
        const char       *start[2];     /* by shape */
        const char       *end;
    } rows[] = {
        [WEIR_BULK_UPLOAD] = { "POST", { "/files", "" }, "" },
        [WEIR_BULK_FILE] = { "GET", { "/files/", "" }, "" },
        [WEIR_BULK_CONTENT] = { "GET", { "/files/", "" }, "/content" },
        [WEIR_BULK_DELETE] = { "DELETE", { "/files/", "" }, "" },
        [WEIR_BULK_CREATE] = { "POST", { "/batches", "" }, "" },
        [WEIR_BULK_BATCH] = { "GET", { "/batches/", "/messages/batches/" },
                              "" },
        [WEIR_BULK_CANCEL] = { "POST", { "/batches/", "/messages/batches/" },
                               "/cancel" },
        [WEIR_BULK_SEND] = { "POST", { "", "/messages/batches" }, "" },
        [WEIR_BULK_RESULTS] = { "GET", { "", "/messages/batches/" },
                                "/results" },
        [WEIR_BULK_ERASE] = { "DELETE", { "", "/messages/batches/" }, "" },
    };

    id = ctx->route.model.len ? ctx->bulk->sealed.id : WEIR_SPAN_NONE;
    size = prefix.len + id.len + 40;

    ctx->outgoing.path.ptr = ngx_pnalloc(ctx->request->pool, size);
    if (ctx->outgoing.path.ptr == NULL) {
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "no memory");
    }

    weir_buf_init_fixed(&path, (void *) ctx->outgoing.path.ptr, size);
    weir_buf_add_span(&path, prefix);
    weir_buf_addf(&path, "%s%.*s%s",
                  rows[ctx->route.bulk].start[ctx->bulk->shape],
                  WEIR_SPAN_ARG(id), rows[ctx->route.bulk].end);

    ctx->outgoing.path.len = path.len;
    ctx->outgoing.method = weir_span_of(rows[ctx->route.bulk].method);

    return WEIR_OK;
}


void
ngx_http_weir_bulk_piece(ngx_http_weir_ctx_t *ctx, const char *p, size_t n)
{
    if (n) {
        ctx->outgoing.pieces[ctx->outgoing.piece_count++] =
                                                    (weir_span) { p, n };
        ctx->outgoing.body_bytes += n;
    }
}


weir_status
ngx_http_weir_bulk_type(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    u_char     *type;
    weir_span   boundary;

    boundary = ctx->bulk->form.boundary;

    type = ngx_pnalloc(ctx->request->pool, boundary.len + 64);
    if (type == NULL) {
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE, "no memory");
    }

    ctx->outgoing.content_type.ptr = (char *) type;
    ctx->outgoing.content_type.len =
                ngx_sprintf(type, "multipart/form-data; boundary=\"%*s\"",
                            boundary.len, boundary.ptr)
                - type;

    return WEIR_OK;
}


static weir_status
ngx_http_weir_prepare_lines(ngx_http_weir_ctx_t *ctx,
    const struct weir_target *target, struct weir_error *err)
{
    size_t                  size;
    u_char                 *p;
    weir_span               rest;
    weir_status             status;
    struct weir_buf         lines;
    ngx_http_weir_bulk_t   *bulk;

    bulk = ctx->bulk;
    size = bulk->file.len + 1
           + (size_t) bulk->sum.lines * (6 * target->origin_model.len
                                         + WEIR_BULK_LINE_MORE);

    p = ngx_http_weir_bulk_room(ctx, size);

    if (p == NULL) {
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "no memory for the lines");
    }

    weir_buf_init_fixed(&lines, p, size);

    status = weir_bulk_put_lines(ctx->endpoint->provider, target, bulk->shape,
                                 bulk->file, &lines, err);
    if (status != WEIR_OK) {
        return status;
    }

    if (bulk->shape == WEIR_BULK_LINES) {
        status = ngx_http_weir_bulk_type(ctx, err);
        if (status != WEIR_OK) {
            return status;
        }
    }

    rest.ptr = bulk->original.ptr + bulk->original.len;
    rest.len = bulk->body.ptr + bulk->body.len - rest.ptr;

    ngx_http_weir_bulk_piece(ctx, bulk->body.ptr,
                             bulk->original.ptr - bulk->body.ptr);
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

    if (ctx->route.bulk == WEIR_BULK_UPLOAD
        && ngx_http_weir_is_for_calls(ctx))
    {
        return ngx_http_weir_files_prepare(ctx, err);
    }

    if (ngx_http_weir_brings_lines(ctx)) {
        return ngx_http_weir_prepare_lines(ctx, target, err);
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
