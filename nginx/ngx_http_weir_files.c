/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that calls name.
 *
 *   POST /v1/files  user_data, vision --asked, filtered--> origin
 *                   its name is sealed: tenant, origin
 *   a call          {"file_id": sealed} --opened--> that origin, no other
 *
 * WHICH ORIGIN KEEPS IT. The file names no model. Who sends it may (the header
 * x-weir-model, the field `model`), or the operator does (`files.model`);
 * else it must be clear: one origin that keeps files among all that the key
 * may use.
 *
 * WHY NAMES ARE OPENED WHEN THE CALL GOES OUT. What is decided, filtered,
 * kept, copied and cached is what the client said; the origin's id stands in
 * what is sent, and nowhere else. What an origin says of an id in an error is
 * told with the name that the client knows.
 *
 * WHAT CANNOT BE LOOKED AT is treated as the same bytes in a call are: a text
 * is filtered, whatever its type is said to be; pictures, sound and documents
 * that are no text pass.
 */

#include "ngx_http_weir_bulk.h"
#include "ngx_http_weir_classify.h"
#include "ngx_http_weir_filter.h"
#include "ngx_http_weir_headers.h"

#include <weir/form.h>
#include <weir/kept_file.h>
#include <weir/splice.h>


/* Names of files in a call. */
struct ngx_http_weir_files_s {
    uint64_t              origin;
    uint64_t              prompt_bytes; /* beside the body's own */
    struct weir_request   asked;        /* once opened: as the client said */
    ngx_uint_t            is_open;
};


/* Names that are being opened. */
typedef struct {
    ngx_http_weir_ctx_t  *ctx;
    struct weir_sealer    sealer;
    struct weir_splice   *splice;       /* NULL: they are only read */
    uint64_t              origin;       /* 0: none yet */
    uint64_t              bytes;
    weir_status           status;
    struct weir_error    *err;
    weir_span             text;         /* of an origin's error */
} ngx_http_weir_naming_t;


static void
ngx_http_weir_naming_init(ngx_http_weir_naming_t *naming,
    ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    ngx_memzero(naming, sizeof(ngx_http_weir_naming_t));

    naming->ctx = ctx;
    naming->sealer = ngx_http_weir_sealer(ctx);
    naming->err = err;
}


static bool
ngx_http_weir_naming_fails(ngx_http_weir_naming_t *naming, const char *why)
{
    naming->status = weir_fail(naming->err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                               "file_id %s", why);
    naming->ctx->call.reason = WEIR_REASON_BAD_REQUEST;
    naming->ctx->ask.param = WEIR_SPAN("file_id");

    return false;
}


static bool
ngx_http_weir_open_name(void *context, weir_span raw)
{
    char                      room[WEIR_SEAL_ID_MAX];
    weir_span                 name;
    struct weir_sealed        sealed;
    ngx_http_weir_naming_t   *naming = context;

    name = (weir_span) { raw.ptr + 1, raw.len - 2 };

    if (weir_unseal(&naming->sealer, name, WEIR_SEALED_FOR_CALLS, room,
                    &sealed, NULL)
        != WEIR_OK)
    {
        return ngx_http_weir_naming_fails(naming,
                   "names no file that was sent through this gateway for "
                   "calls of this tenant");
    }

    if (naming->origin && naming->origin != sealed.origin) {
        return ngx_http_weir_naming_fails(naming,
                   "names a file at another origin than the file before it");
    }

    naming->origin = sealed.origin;

    if (__builtin_add_overflow(naming->bytes, sealed.input_tokens,
                               &naming->bytes))
    {
        naming->bytes = UINT64_MAX / 8;
    }

    if (naming->splice) {
        weir_splice_to(naming->splice, name);
        weir_buf_add_span(naming->splice->out, sealed.id);
    }

    return true;
}


/* -------------------------------------------------------------- calls */

weir_status
ngx_http_weir_files_read(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    ngx_http_weir_naming_t   naming;

    ngx_http_weir_naming_init(&naming, ctx, err);

    if (!weir_surface_files(&ctx->ask, ngx_http_weir_open_name, &naming)) {
        return naming.status;
    }

    ctx->files = ngx_pcalloc(ctx->request->pool,
                             sizeof(ngx_http_weir_files_t));
    if (ctx->files == NULL) {
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "no memory");
    }

    ctx->files->origin = naming.origin;
    ctx->files->prompt_bytes = naming.bytes;
    ctx->ask.prompt_bytes += naming.bytes;
    ctx->ask.input_tokens = weir_tokens_of_bytes(ctx->ask.prompt_bytes);

    return WEIR_OK;
}


weir_status
ngx_http_weir_files_bar(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    weir_status  status;

    status = weir_call_stay_at(&ctx->call, ctx->files->origin, err);

    if (status == WEIR_ETYPE) {
        ctx->ask.param = WEIR_SPAN("file_id");
    }

    return status;
}


weir_status
ngx_http_weir_files_open(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    u_char                  *p;
    weir_status              status;
    struct weir_buf          out;
    struct weir_splice       splice;
    ngx_http_weir_naming_t   naming;

    if (ctx->files->is_open) {
        return WEIR_OK;
    }

    /* an origin's id is shorter than the name that holds it */

    p = ngx_pnalloc(ctx->request->pool, ctx->ask.body.len);
    if (p == NULL) {
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "no memory");
    }

    ngx_http_weir_naming_init(&naming, ctx, err);
    weir_buf_init_fixed(&out, p, ctx->ask.body.len);
    weir_splice_begin(&splice, ctx->ask.body, &out);
    naming.splice = &splice;

    if (!weir_surface_files(&ctx->ask, ngx_http_weir_open_name, &naming)) {
        return naming.status;   /* a filter took a name for something else */
    }

    if (!weir_splice_end(&splice)) {
        return weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE,
                         "no room for the names of files");
    }

    ctx->files->asked = ctx->ask;
    ctx->arena.used = ctx->arena_mark;

    status = weir_surface_parse(&ctx->route, weir_buf_span(&out), &ctx->arena,
                                &ctx->ask, err);
    if (status != WEIR_OK) {
        return status;
    }

    ctx->ask.prompt_bytes += ctx->files->prompt_bytes;
    ctx->ask.input_tokens = weir_tokens_of_bytes(ctx->ask.prompt_bytes);
    ctx->arena_mark = ctx->arena.used;
    ctx->files->is_open = 1;

    return WEIR_OK;
}


/* -------------------------------------------------------------- errors */

ngx_int_t
ngx_http_weir_rename(ngx_pool_t *pool, weir_span *text, weir_span id,
    weir_span name)
{
    u_char           *p;
    size_t            n, i;
    weir_span         rest;
    const char       *at;
    struct weir_buf   out;

    rest = *text;
    n = 0;

    while ((at = memmem(rest.ptr, rest.len, id.ptr, id.len))) {
        rest.len -= at + id.len - rest.ptr;
        rest.ptr = at + id.len;
        n++;
    }

    if (n == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, text->len + n * name.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    weir_buf_init_fixed(&out, p, text->len + n * name.len);
    rest = *text;

    for (i = 0; i < n; i++) {
        at = memmem(rest.ptr, rest.len, id.ptr, id.len);

        weir_buf_add(&out, rest.ptr, at - rest.ptr);
        weir_buf_add_span(&out, name);

        rest.len -= at + id.len - rest.ptr;
        rest.ptr = at + id.len;
    }

    weir_buf_add_span(&out, rest);
    *text = weir_buf_span(&out);

    return NGX_OK;
}


static bool
ngx_http_weir_rename_file(void *context, weir_span raw)
{
    char                      room[WEIR_SEAL_ID_MAX];
    weir_span                 name;
    struct weir_sealed        sealed;
    ngx_http_weir_naming_t   *naming = context;

    name = (weir_span) { raw.ptr + 1, raw.len - 2 };

    return weir_unseal(&naming->sealer, name, WEIR_SEALED_FOR_CALLS, room,
                       &sealed, NULL)
           == WEIR_OK
           && ngx_http_weir_rename(naming->ctx->request->pool, &naming->text,
                                   sealed.id, name)
              == NGX_OK;
}


ngx_int_t
ngx_http_weir_files_retell(ngx_http_weir_ctx_t *ctx, weir_span *body)
{
    weir_span                name;
    ngx_http_weir_naming_t   naming;

    if (ctx->status.code < NGX_HTTP_SPECIAL_RESPONSE) {
        return NGX_OK;
    }

    if (ctx->bulk) {
        name = ctx->route.model;

        if (ctx->route.bulk == WEIR_BULK_CREATE) {
            name = (weir_span) { ctx->bulk->order.file.ptr + 1,
                                 ctx->bulk->order.file.len - 2 };
        }

        return name.len ? ngx_http_weir_rename(ctx->request->pool, body,
                                               ctx->bulk->sealed.id, name)
                        : NGX_OK;
    }

    if (ctx->files == NULL || !ctx->files->is_open) {
        return NGX_OK;
    }

    ngx_http_weir_naming_init(&naming, ctx, NULL);
    naming.text = *body;

    if (!weir_surface_files(&ctx->files->asked, ngx_http_weir_rename_file,
                            &naming))
    {
        return NGX_ERROR;
    }

    *body = naming.text;

    return NGX_OK;
}


/* What an origin tells again of what this tenant has said: how large it is
 * is not known here, so that it counts as a picture does. */

bool
ngx_http_weir_files_name(void *context, weir_span id, struct weir_buf *name)
{
    char                       text[WEIR_SEAL_TEXT];
    size_t                     len;
    struct weir_sealed         sealed;
    struct weir_sealer         sealer;
    ngx_http_weir_ctx_t       *ctx = context;
    const struct weir_image   *image;

    image = &ctx->view->view.image;
    sealer = ngx_http_weir_sealer(ctx);

    ngx_memzero(&sealed, sizeof(struct weir_sealed));

    sealed.kind = WEIR_SEALED_FILE;
    sealed.operation = WEIR_OP_CHAT;
    sealed.deployment = image->deployments[ctx->step.deployment].hash;
    sealed.origin = weir_kept_file_origin(image, ctx->step.deployment);
    sealed.input_tokens = WEIR_SURFACE_MEDIA_BYTES;
    sealed.id = id;

    if (weir_seal(&sealer, &sealed, text, &len, NULL) != WEIR_OK) {
        return false;
    }

    weir_buf_add(name, text, len);

    return true;
}


/* -------------------------------------------------------------- upload */

ngx_uint_t
ngx_http_weir_is_for_calls(ngx_http_weir_ctx_t *ctx)
{
    return ctx->route.bulk == WEIR_BULK_UPLOAD
           ? ctx->bulk->form.purpose != WEIR_BULK_FOR_BATCH
           : (WEIR_SEALED_FOR_CALLS >> ctx->bulk->sealed.kind & 1) != 0;
}


static bool
ngx_http_weir_keeps(void *context, uint32_t origin)
{
    ngx_http_weir_ctx_t        *ctx = context;
    const struct weir_provider *provider;

    provider = ctx->view->image->endpoints[origin].provider;

    return provider && weir_bulk_keeps_files(provider);
}


/* By which model it is decided. */

static weir_status
ngx_http_weir_files_model(ngx_http_weir_ctx_t *ctx, weir_span *model_out,
    struct weir_error *err)
{
    weir_span         field;
    ngx_table_elt_t  *h;

    field = ctx->bulk->form.model;
    h = ngx_http_weir_find_header(ctx->request, "x-weir-model");

    if (h && h->value.len) {
        *model_out = ngx_http_weir_span(h->value);

        if (field.len && !weir_span_equal(field, *model_out)) {
            (void) weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                             "model is another one than in x-weir-model");
            return ngx_http_weir_bad(ctx, WEIR_ETYPE, WEIR_SPAN("model"));
        }

        return WEIR_OK;
    }

    if (field.len) {
        *model_out = field;
        return WEIR_OK;
    }

    if (ngx_http_weir_worker.conf->files_model.len) {
        *model_out = ngx_http_weir_span(ngx_http_weir_worker.conf->files_model);
        return WEIR_OK;
    }

    ctx->ask.param = WEIR_SPAN("model");

    return weir_kept_file_model(&ctx->call, ngx_http_weir_keeps, ctx,
                                model_out, err);
}


/* A text through the rules over requests; it becomes what goes on. */

static weir_status
ngx_http_weir_files_filter(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    size_t                  max;
    u_char                 *room;
    ngx_uint_t              is_changed;
    weir_status             status;
    struct weir_buf         text;
    ngx_http_weir_bulk_t   *bulk;

    bulk = ctx->bulk;

    if (ngx_http_weir_classify_init(ctx) != NGX_OK) {
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "no memory");
    }

    if (ctx->call.answer.obligations.filters == 0 || !bulk->is_text) {
        return WEIR_OK;
    }

    max = 2 * bulk->file.len + NGX_HTTP_WEIR_BUFFER;

    room = ngx_http_weir_bulk_room(ctx, max);
    if (room == NULL) {
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "no memory");
    }

    weir_buf_init_fixed(&text, room, max);

    status = ngx_http_weir_filter_text(ctx, bulk->file, &text, &is_changed,
                                       err);

    if (status != WEIR_OK || !is_changed) {
        return status;
    }

    /* what stands in it now must not end its field */

    if (memmem(text.ptr, text.len, bulk->form.boundary.ptr,
               bulk->form.boundary.len))
    {
        return ngx_http_weir_refuse_filtered(ctx, "the file",
                                             WEIR_SPAN("(boundary)"), err);
    }

    bulk->file = weir_buf_span(&text);

    return WEIR_OK;
}


weir_status
ngx_http_weir_files_upload(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    weir_status             status;
    struct weir_ask         ask;
    ngx_http_weir_bulk_t   *bulk;

    bulk = ctx->bulk;
    bulk->is_text = weir_form_is_text(bulk->file);

    ngx_memzero(&ask, sizeof(struct weir_ask));

    ask.body_bytes = bulk->body.len;
    ask.is_lookup = true;

    status = ngx_http_weir_files_model(ctx, &ask.model, err);

    if (status == WEIR_OK) {
        ctx->ask.param = WEIR_SPAN_NONE;
        status = weir_call_decide_file(&ctx->call, &ask, err);
    }

    if (status == WEIR_OK) {
        status = ngx_http_weir_bulk_bar(ctx, err);
    }

    return status == WEIR_OK ? ngx_http_weir_files_filter(ctx, err) : status;
}


weir_status
ngx_http_weir_files_decide(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    uint32_t                   row;
    weir_status                status;
    struct weir_ask            ask;
    const struct weir_image   *image;
    const struct weir_sealed  *sealed;

    image = &ctx->view->view.image;
    sealed = &ctx->bulk->sealed;

    row = weir_kept_file_deployment(image, sealed->origin, sealed->deployment);

    if (row == WEIR_INDEX_NONE) {
        ctx->call.reason = WEIR_REASON_UNKNOWN_MODEL;
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "the origin that has it is no longer offered here");
    }

    ngx_memzero(&ask, sizeof(struct weir_ask));

    ask.model = weir_image_text(image,
                            image->models[image->deployments[row].model].name);
    ask.is_lookup = true;

    status = weir_call_decide_file(&ctx->call, &ask, err);

    if (status == WEIR_OK) {
        status = weir_call_stay_at(&ctx->call, sealed->origin, err);
    }

    return status == WEIR_OK ? ngx_http_weir_bulk_bar(ctx, err) : status;
}


void
ngx_http_weir_files_describe(ngx_http_weir_ctx_t *ctx,
    struct weir_sealed *sealed)
{
    const struct weir_image  *image;
    ngx_http_weir_bulk_t     *bulk;

    bulk = ctx->bulk;
    image = &ctx->view->view.image;

    sealed->kind = bulk->form.purpose == WEIR_BULK_FOR_VISION
                   ? WEIR_SEALED_PICTURE : WEIR_SEALED_FILE;
    sealed->operation = ctx->call.ask.operation;
    sealed->lines = 0;
    sealed->deployment = image->deployments[ctx->step.deployment].hash;
    sealed->origin = weir_kept_file_origin(image, ctx->step.deployment);
    sealed->input_tokens = bulk->is_text ? bulk->file.len
                                         : WEIR_SURFACE_MEDIA_BYTES;
    sealed->output_tokens = 0;
}


/* The form, without weir's own field and with the filtered text. */

weir_status
ngx_http_weir_files_prepare(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    const char                   *at;
    weir_span                     first, second, part, file;
    weir_status                   status;
    const ngx_http_weir_bulk_t   *bulk;

    bulk = ctx->bulk;

    status = ngx_http_weir_bulk_type(ctx, err);
    if (status != WEIR_OK) {
        return status;
    }

    part = bulk->form.part;
    file = bulk->original;

    if (part.ptr == NULL) {
        part = (weir_span) { bulk->body.ptr, 0 };
    }

    first = part.ptr < file.ptr ? part : file;
    second = part.ptr < file.ptr ? file : part;

    at = bulk->body.ptr;
    ngx_http_weir_bulk_piece(ctx, at, first.ptr - at);

    if (first.ptr == file.ptr) {
        ngx_http_weir_bulk_piece(ctx, bulk->file.ptr, bulk->file.len);
    }

    at = first.ptr + first.len;
    ngx_http_weir_bulk_piece(ctx, at, second.ptr - at);

    if (second.ptr == file.ptr) {
        ngx_http_weir_bulk_piece(ctx, bulk->file.ptr, bulk->file.len);
    }

    at = second.ptr + second.len;
    ngx_http_weir_bulk_piece(ctx, at, bulk->body.ptr + bulk->body.len - at);

    return WEIR_OK;
}


/* --------------------------------------------------------------- lines */

weir_status
ngx_http_weir_files_open_lines(ngx_http_weir_ctx_t *ctx,
    struct weir_error *err)
{
    char                     memory[1024];
    u_char                  *room;
    weir_span                rest, param;
    weir_status              status;
    struct weir_buf          out;
    struct weir_arena        arena;
    struct weir_splice       splice;
    struct weir_bulk_line    line;
    ngx_http_weir_bulk_t    *bulk;
    ngx_http_weir_naming_t   naming;

    bulk = ctx->bulk;
    rest = bulk->file;

    room = ngx_http_weir_bulk_room(ctx, bulk->file.len);
    if (room == NULL) {
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "no memory");
    }

    ngx_http_weir_naming_init(&naming, ctx, err);
    weir_buf_init_fixed(&out, room, bulk->file.len);
    weir_splice_begin(&splice, bulk->file, &out);
    naming.splice = &splice;

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

        if (!weir_surface_files(&line.request, ngx_http_weir_open_name,
                                &naming))
        {
            return naming.status;
        }
    }

    if (!weir_splice_end(&splice)) {
        return weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE,
                         "no room for the names of files");
    }

    bulk->file = weir_buf_span(&out);
    bulk->origin = naming.origin;
    bulk->sum.input_tokens += weir_tokens_of_bytes(naming.bytes);

    return WEIR_OK;
}
