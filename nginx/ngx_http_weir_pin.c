/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pins: an origin is asked only where it is what its deployment is pinned to.
 *
 *   connect - handshake - [address, certificate, authority] - request
 *                                   | no: nothing is sent
 *   reply's head - [region, operator] - body
 *                        | no: nothing of it is passed on
 *
 * WHY IN FRONT OF THE WRITER. A connection may be new or come from the pool,
 * with TLS or without; the one place that all of them pass before the first
 * byte of a request goes out is the filter in front of nginx's writer. Where
 * a deployment is not pinned nginx's own writer stands there, so pins cost a
 * call without them nothing.
 *
 * WHY FACTS ARE KEPT WITH THE CONNECTION. Digesting a key takes longer than
 * a call may cost; a connection does not change what it is, so it is done
 * once, when the connection is first used by a pinned deployment. Deployments
 * that share an origin may be pinned differently: what is kept is what the
 * origin showed, and each call compares.
 *
 * WHY PINNED ORIGINS RESUME NO SESSION. A resumed handshake shows no chain.
 *
 * WHAT FOLLOWS. The attempt ends as WEIR_ATTEMPT_PINNED and the call goes on
 * to the next candidate. The outcome's record tells control, which withdraws
 * the deployment and raises a case; until that arrives this worker does not
 * connect to it again, for NGX_HTTP_WEIR_PIN_PAUSE at a time.
 */

#include "ngx_http_weir.h"


/* How long a worker believes what it saw itself, in ms. */
#define NGX_HTTP_WEIR_PIN_PAUSE  3000

/* Keys above the origin's own that are looked at. */
#define NGX_HTTP_WEIR_PIN_CHAIN  8


/* What an origin showed in its handshake. */
typedef struct {
    weir_digest              own;
    weir_digest              above[NGX_HTTP_WEIR_PIN_CHAIN];
    ngx_uint_t               above_count;
} ngx_http_weir_shown_t;


static int  ngx_http_weir_shown_index = -1;


static void
ngx_http_weir_free_shown(void *parent, void *data, CRYPTO_EX_DATA *ad,
    int index, long argl, void *argp)
{
    ngx_free(data);
}


ngx_int_t
ngx_http_weir_pin_init(ngx_http_weir_image_t *image, ngx_log_t *log)
{
    uint32_t                              i;
    ngx_http_weir_endpoint_t             *e;
    const struct weir_image_pin          *pin;
    const struct weir_image_deployment   *deployment;

    if (ngx_http_weir_shown_index == -1) {
        ngx_http_weir_shown_index = SSL_get_ex_new_index(0, NULL, NULL, NULL,
                                                     ngx_http_weir_free_shown);
        if (ngx_http_weir_shown_index == -1) {
            return NGX_ERROR;
        }
    }

    image->pauses = ngx_calloc((image->image.pin_count + 1)
                               * sizeof(ngx_http_weir_pause_t), log);
    if (image->pauses == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < image->image.deployment_count; i++) {
        deployment = &image->image.deployments[i];

        if (deployment->pin == WEIR_INDEX_NONE) {
            continue;
        }

        pin = &image->image.pins[deployment->pin];

        if (pin->certificate_count || pin->authority_count) {
            e = &image->endpoints[deployment->origin];
            e->head_conf.ssl_session_reuse = 0;
            e->body_conf.ssl_session_reuse = 0;
        }
    }

    return NGX_OK;
}


/* ------------------------------------------------------------ findings */

/* Notes what was found; `format` continues "deployment: ". */

static void
ngx_http_weir_pin_break(ngx_http_weir_ctx_t *ctx, const char *hop,
    const char *what, weir_span found)
{
    u_char                              *p;
    size_t                               room;
    weir_span                            name;
    ngx_str_t                           *peer;
    ngx_http_weir_pause_t               *pause;
    const struct weir_image             *image;
    const struct weir_image_deployment  *deployment;

    image = &ctx->view->view.image;
    deployment = &image->deployments[ctx->step.deployment];
    name = weir_image_text(image, deployment->name);

    peer = ctx->request->upstream ? ctx->request->upstream->peer.name : NULL;

    ctx->is_pin_broken = 1;
    ctx->pin_hop = hop;

    pause = &ctx->view->image->pauses[deployment->pin];
    pause->until = ngx_current_msec + NGX_HTTP_WEIR_PIN_PAUSE;
    pause->overlay = ngx_http_weir_worker.view->view.overlay.generation;
    pause->hop = hop;
    pause->is_set = 1;

    room = name.len + ngx_strlen(what) + found.len + sizeof(": \"\" at ")
           + (peer ? peer->len : 0);

    p = ngx_pnalloc(ctx->request->pool, room);

    if (p) {
        ctx->settlement.finding = (weir_span) { (char *) p, 0 };
        p = ngx_sprintf(p, "%*s: %s", name.len, name.ptr, what);

        if (found.len) {
            p = ngx_sprintf(p, " \"%*s\"", found.len, found.ptr);
        }

        if (peer) {
            p = ngx_sprintf(p, " at %V", peer);
        }

        ctx->settlement.finding.len = (char *) p - ctx->settlement.finding.ptr;
    }

    ngx_log_error(NGX_LOG_ALERT, ctx->request->connection->log, 0,
                  "weir: a pin does not hold: %*s",
                  ctx->settlement.finding.len, ctx->settlement.finding.ptr);
}


static void
ngx_http_weir_pin_break_digest(ngx_http_weir_ctx_t *ctx, const char *hop,
    const char *what, const weir_digest *found)
{
    char  text[7 + WEIR_BASE64_LEN(32)];

    ngx_memcpy(text, "sha256/", 7);
    (void) weir_base64_encode((weir_span) { (char *) found->bytes, 32 },
                              text + 7);

    ngx_http_weir_pin_break(ctx, hop, what,
                            (weir_span) { text, sizeof(text) });
}


/* ---------------------------------------------------------- connection */

static ngx_int_t
ngx_http_weir_digest_key(X509 *certificate, weir_digest *digest_out)
{
    int      len;
    u_char  *der;

    der = NULL;

    len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    if (len <= 0) {
        return NGX_ERROR;
    }

    weir_sha256_of((weir_span) { (char *) der, len }, digest_out);
    OPENSSL_free(der);

    return NGX_OK;
}


/* NULL: there is nothing to believe, so no pin of a key holds. */

static ngx_http_weir_shown_t *
ngx_http_weir_shown(ngx_connection_t *c)
{
    int                     i, n;
    SSL                    *ssl;
    STACK_OF(X509)         *chain;
    ngx_http_weir_shown_t  *shown;

    if (c->ssl == NULL) {
        return NULL;
    }

    ssl = c->ssl->connection;

    shown = SSL_get_ex_data(ssl, ngx_http_weir_shown_index);
    if (shown) {
        return shown;
    }

    chain = SSL_get0_verified_chain(ssl);

    if (chain == NULL || sk_X509_num(chain) < 1
        || SSL_get_verify_result(ssl) != X509_V_OK)
    {
        return NULL;
    }

    shown = ngx_calloc(sizeof(ngx_http_weir_shown_t), c->log);
    if (shown == NULL) {
        return NULL;
    }

    if (ngx_http_weir_digest_key(sk_X509_value(chain, 0), &shown->own)
        != NGX_OK)
    {
        ngx_free(shown);
        return NULL;
    }

    n = sk_X509_num(chain);

    for (i = 1; i < n && shown->above_count < NGX_HTTP_WEIR_PIN_CHAIN; i++) {
        if (ngx_http_weir_digest_key(sk_X509_value(chain, i),
                                     &shown->above[shown->above_count])
            == NGX_OK)
        {
            shown->above_count++;
        }
    }

    if (SSL_set_ex_data(ssl, ngx_http_weir_shown_index, shown) != 1) {
        ngx_free(shown);
        return NULL;
    }

    return shown;
}


static ngx_uint_t
ngx_http_weir_is_pinned(const struct weir_image *image, uint32_t first,
    uint32_t count, const weir_digest *digests, ngx_uint_t digest_count)
{
    uint32_t    i;
    ngx_uint_t  j;

    for (i = 0; i < count; i++) {
        for (j = 0; j < digest_count; j++) {
            if (ngx_memcmp(image->digests[first + i].bytes, digests[j].bytes,
                           32)
                == 0)
            {
                return 1;
            }
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_weir_check_keys(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_weir_shown_t        *shown;
    const struct weir_image      *image;
    const struct weir_image_pin  *pin;

    pin = ctx->pin;
    image = &ctx->view->view.image;

    if (pin->certificate_count == 0 && pin->authority_count == 0) {
        return NGX_OK;
    }

    shown = ngx_http_weir_shown(ctx->request->upstream->peer.connection);

    if (shown == NULL) {
        ngx_http_weir_pin_break(ctx, "pin: certificate", "certificate: none",
                                WEIR_SPAN_NONE);
        return NGX_ERROR;
    }

    if (pin->certificate_count
        && !ngx_http_weir_is_pinned(image, pin->first_certificate,
                                    pin->certificate_count, &shown->own, 1))
    {
        ngx_http_weir_pin_break_digest(ctx, "pin: certificate",
                                       "certificate: another key",
                                       &shown->own);
        return NGX_ERROR;
    }

    if (pin->authority_count
        && !ngx_http_weir_is_pinned(image, pin->first_authority,
                                    pin->authority_count, shown->above,
                                    shown->above_count))
    {
        ngx_http_weir_pin_break_digest(ctx, "pin: authority",
                                       "authority: another issuer",
                                       shown->above_count ? &shown->above[0]
                                                          : &shown->own);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_weir_check_address(ngx_http_weir_ctx_t *ctx)
{
    uint8_t                       bits[16];
    struct sockaddr              *address;
    const struct weir_image_pin  *pin;

    pin = ctx->pin;
    address = ctx->request->upstream->peer.sockaddr;

    if (pin->network_count == 0
        || (address
            && ngx_http_weir_address(address, bits) == NGX_OK
            && weir_image_has_address(&ctx->view->view.image,
                                      pin->first_network, pin->network_count,
                                      false, bits)))
    {
        return NGX_OK;
    }

    ngx_http_weir_pin_break(ctx, "pin: address", "address: outside",
                            WEIR_SPAN_NONE);

    return NGX_ERROR;
}


/* Stands in front of nginx's writer: the first bytes wait for the check. */

ngx_int_t
ngx_http_weir_pin_filter(void *data, ngx_chain_t *in)
{
    ngx_http_weir_ctx_t  *ctx = data;

    if (!ctx->is_pin_checked) {

        if (ngx_http_weir_check_address(ctx) != NGX_OK
            || ngx_http_weir_check_keys(ctx) != NGX_OK)
        {
            return NGX_ERROR;
        }

        ctx->is_pin_checked = 1;
    }

    return ngx_chain_writer(&ctx->request->upstream->writer, in);
}


const char *
ngx_http_weir_pin_start(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_weir_pause_t               *pause;
    const struct weir_image             *image;
    const struct weir_image_deployment  *deployment;

    image = &ctx->view->view.image;
    deployment = &image->deployments[ctx->step.deployment];

    ctx->is_pin_checked = 0;
    ctx->is_pin_broken = 0;

    if (deployment->pin == WEIR_INDEX_NONE) {
        ctx->pin = NULL;
        return NULL;
    }

    ctx->pin = &image->pins[deployment->pin];
    pause = &ctx->view->image->pauses[deployment->pin];

    if (pause->is_set
        && pause->overlay == ngx_http_weir_worker.view->view.overlay.generation
        && (ngx_msec_int_t) (pause->until - ngx_current_msec) > 0)
    {
        return pause->hop;
    }

    return NULL;
}


void
ngx_http_weir_pin_watch(ngx_http_weir_ctx_t *ctx)
{
    ctx->request->upstream->output.output_filter = ngx_http_weir_pin_filter;
    ctx->request->upstream->output.filter_ctx = ctx;
}


/* --------------------------------------------------------------- claims */

static ngx_uint_t
ngx_http_weir_claims(const struct weir_image *image, weir_ref header,
    weir_ref value, ngx_table_elt_t *h, ngx_uint_t *is_right)
{
    if (header.len == 0
        || !weir_span_equal(weir_image_text(image, header),
                            (weir_span) { (char *) h->lowcase_key,
                                          h->key.len }))
    {
        return 0;
    }

    *is_right = weir_span_equal(weir_image_text(image, value),
                                ngx_http_weir_span(h->value));

    return 1;
}


void
ngx_http_weir_pin_header(ngx_http_weir_ctx_t *ctx, ngx_table_elt_t *h)
{
    ngx_uint_t                    is_right;
    const struct weir_image      *image;
    const struct weir_image_pin  *pin;

    pin = ctx->pin;
    image = &ctx->view->view.image;

    if (ngx_http_weir_claims(image, pin->region_header, pin->region_value, h,
                             &is_right))
    {
        ctx->has_region = 1;

        if (!is_right && !ctx->is_pin_broken) {
            ngx_http_weir_pin_break(ctx, "pin: region", "region: another",
                                    ngx_http_weir_span(h->value));
        }
    }

    if (ngx_http_weir_claims(image, pin->operator_header, pin->operator_value,
                             h, &is_right))
    {
        ctx->has_operator = 1;

        if (!is_right && !ctx->is_pin_broken) {
            ngx_http_weir_pin_break(ctx, "pin: operator", "operator: another",
                                    ngx_http_weir_span(h->value));
        }
    }
}


ngx_int_t
ngx_http_weir_pin_head(ngx_http_weir_ctx_t *ctx)
{
    const struct weir_image_pin  *pin;

    pin = ctx->pin;

    if ((pin->flags & WEIR_PIN_REGION_MUST) && !ctx->has_region
        && !ctx->is_pin_broken)
    {
        ngx_http_weir_pin_break(ctx, "pin: region", "region: not said",
                                WEIR_SPAN_NONE);
    }

    if ((pin->flags & WEIR_PIN_OPERATOR_MUST) && !ctx->has_operator
        && !ctx->is_pin_broken)
    {
        ngx_http_weir_pin_break(ctx, "pin: operator", "operator: not said",
                                WEIR_SPAN_NONE);
    }

    return ctx->is_pin_broken ? NGX_ERROR : NGX_OK;
}
