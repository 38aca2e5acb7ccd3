/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which policy is in force: images and overlays, and what holds them.
 *
 *     image-7 --+
 *               +--> view: counted by the worker and by each open call
 *     overlay-12 +
 *
 * A view is one consistent policy. A call keeps the one it began with to its
 * end, so a new image never changes a call under way; what was withdrawn
 * meanwhile is read from the newest overlay (ngx_http_weir_origin.c).
 *
 * WHY A DAMAGED FILE DOES NOT TAKE OVER. What is in force stays, but is no
 * longer trusted beyond its last confirmation: stale, the gate closes.
 */

#include "ngx_http_weir.h"


static ngx_http_weir_origin_t *
ngx_http_weir_find_origin(weir_span name)
{
    ngx_uint_t                  i;
    ngx_http_weir_origin_t     *origin;
    ngx_http_weir_main_conf_t  *conf;

    conf = ngx_http_weir_worker.conf;
    origin = conf->origins.elts;

    for (i = 0; i < conf->origins.nelts; i++) {
        if (weir_span_equal(ngx_http_weir_span(origin[i].name), name)) {
            return &origin[i];
        }
    }

    return NULL;
}


static void
ngx_http_weir_init_endpoint(ngx_http_weir_endpoint_t *e,
    const struct weir_image *image, const struct weir_image_origin *row)
{
    ngx_http_upstream_conf_t   *conf;
    ngx_http_weir_main_conf_t  *wmcf;

    wmcf = ngx_http_weir_worker.conf;

    e->origin = ngx_http_weir_find_origin(weir_image_text(image, row->name));
    e->provider = weir_provider_find(weir_image_text(image, row->dialect));

    if (e->origin == NULL) {
        return;
    }

    conf = &e->head_conf;

    conf->upstream = e->origin->upstream;
    conf->connect_timeout = row->connect_ms;
    conf->send_timeout = row->idle_ms;
    conf->read_timeout = row->first_byte_ms;
    conf->buffer_size = NGX_HTTP_WEIR_BUFFER;
    conf->hide_headers_hash = wmcf->no_headers;
    ngx_str_set(&conf->module, "weir");

    /*
     * Another address of the same block, but only while nothing was sent:
     * for a POST, nginx asks for NGX_HTTP_UPSTREAM_FT_NON_IDEMPOTENT too.
     */

    conf->next_upstream = NGX_HTTP_UPSTREAM_FT_ERROR
                          |NGX_HTTP_UPSTREAM_FT_TIMEOUT;

    if (e->origin->tls) {
        conf->ssl = e->origin->ssl;
        conf->ssl_session_reuse = 1;
        conf->ssl_name = &e->origin->ssl_name;
        conf->ssl_server_name = 1;  /* verified in the handshake itself */
    }

    e->body_conf = *conf;
    e->body_conf.read_timeout = row->idle_ms;
}


static void
ngx_http_weir_image_unref(ngx_http_weir_image_t *image)
{
    if (--image->references == 0) {
        weir_image_close(&image->image);
        ngx_free(image->endpoints);
        ngx_free(image->pauses);
        ngx_free(image);
    }
}


static void
ngx_http_weir_overlay_unref(ngx_http_weir_overlay_t *overlay)
{
    if (--overlay->references == 0) {
        if (overlay->overlay.bytes.len) {
            weir_overlay_close(&overlay->overlay);
        }

        ngx_free(overlay);
    }
}


static ngx_http_weir_image_t *
ngx_http_weir_load_image(ngx_http_weir_worker_t *w, uint64_t generation)
{
    uint32_t                i;
    u_char                  path[NGX_MAX_PATH];
    struct weir_error       err;
    ngx_http_weir_image_t  *image;

    (void) ngx_snprintf(path, sizeof(path), "%V/image-%uL%Z", &w->conf->run,
                        generation);

    image = ngx_calloc(sizeof(ngx_http_weir_image_t), w->log);
    if (image == NULL) {
        return NULL;
    }

    if (weir_image_map((char *) path, &image->image, &err) != WEIR_OK) {
        ngx_log_error(NGX_LOG_ERR, w->log, 0,
                      "weir: image \"%s\" is not usable: %s", path, err.text);
        ngx_free(image);
        return NULL;
    }

    image->endpoints = ngx_calloc((image->image.origin_count + 1)
                                  * sizeof(ngx_http_weir_endpoint_t), w->log);
    if (image->endpoints == NULL) {
        weir_image_close(&image->image);
        ngx_free(image);
        return NULL;
    }

    for (i = 0; i < image->image.origin_count; i++) {
        ngx_http_weir_init_endpoint(&image->endpoints[i], &image->image,
                                    &image->image.origins[i]);
    }

    if (ngx_http_weir_pin_init(image, w->log) != NGX_OK) {
        weir_image_close(&image->image);
        ngx_free(image->endpoints);
        ngx_free(image->pauses);
        ngx_free(image);
        return NULL;
    }

    ngx_http_weir_prepare_sets(&image->image);

    image->references = 1;
    image->name.data = image->name_text;
    image->name.len = ngx_hex_dump(image->name_text, image->image.digest, 8)
                      - image->name_text;

    return image;
}


static ngx_http_weir_overlay_t *
ngx_http_weir_load_overlay(ngx_http_weir_worker_t *w, uint64_t generation)
{
    u_char                    path[NGX_MAX_PATH];
    struct weir_error         err;
    ngx_http_weir_overlay_t  *overlay;

    overlay = ngx_calloc(sizeof(ngx_http_weir_overlay_t), w->log);
    if (overlay == NULL) {
        return NULL;
    }

    overlay->references = 1;

    if (generation == 0) {
        return overlay;     /* nothing was ever withdrawn */
    }

    (void) ngx_snprintf(path, sizeof(path), "%V/overlay-%uL%Z", &w->conf->run,
                        generation);

    if (weir_overlay_map((char *) path, &overlay->overlay, &err) != WEIR_OK) {
        ngx_log_error(NGX_LOG_ERR, w->log, 0,
                      "weir: overlay \"%s\" is not usable: %s", path,
                      err.text);
        ngx_free(overlay);
        return NULL;
    }

    return overlay;
}


void
ngx_http_weir_view_unref(ngx_http_weir_view_t *view)
{
    if (view && --view->view.references == 0) {
        ngx_http_weir_image_unref(view->image);
        ngx_http_weir_overlay_unref(view->overlay);
        ngx_free(view);
    }
}


/*
 * A worker that starts beside a damaged image: one before it stands in, so
 * that what stays open in doubt is served; all else is refused as stale.
 */

static ngx_http_weir_image_t *
ngx_http_weir_load_earlier(ngx_http_weir_worker_t *w, uint64_t generation)
{
    ngx_uint_t              i;
    ngx_http_weir_image_t  *image;

    for (i = 1; i <= NGX_HTTP_WEIR_EARLIER && generation > i; i++) {
        image = ngx_http_weir_load_image(w, generation - i);
        if (image) {
            return image;
        }
    }

    return NULL;
}


/* Puts a new view in force. What is not new is shared with the last one. */

void
ngx_http_weir_follow_policy(ngx_http_weir_worker_t *w, uint64_t image_seen,
    uint64_t overlay_seen)
{
    ngx_http_weir_view_t     *view, *old;
    ngx_http_weir_image_t    *image;
    ngx_http_weir_overlay_t  *overlay;

    old = w->view;

    if (old && (image_seen == 0 || old->view.image.generation == image_seen)) {
        image = old->image;
        image->references++;

    } else {
        image = image_seen ? ngx_http_weir_load_image(w, image_seen) : NULL;

        if (image == NULL) {
            w->trusted_us = old ? ngx_min(w->trusted_us, 1)
                                : WEIR_CONFIRMED_NEVER;

            if (old == NULL) {
                image = ngx_http_weir_load_earlier(w, image_seen);
                if (image == NULL) {
                    return;
                }

            } else {

                /* a withdrawal acts even when the image is damaged */

                image = old->image;
                image->references++;
            }
        }
    }

    if (old && old->view.overlay.generation == overlay_seen) {
        overlay = old->overlay;
        overlay->references++;

    } else {
        overlay = ngx_http_weir_load_overlay(w, overlay_seen);
        if (overlay == NULL) {
            w->trusted_us = ngx_min(w->trusted_us, 1);
            ngx_http_weir_image_unref(image);
            return;
        }
    }

    view = ngx_calloc(sizeof(ngx_http_weir_view_t), w->log);
    if (view == NULL) {
        ngx_http_weir_image_unref(image);
        ngx_http_weir_overlay_unref(overlay);
        return;
    }

    view->image = image;
    view->overlay = overlay;
    view->view.image = image->image;
    view->view.overlay = overlay->overlay;
    view->view.references = 1;

    if (view->view.image.generation == image_seen) {
        w->trusted_us = INT64_MAX;
    }

    w->view = view;
    ngx_http_weir_view_unref(old);

    ngx_log_error(NGX_LOG_NOTICE, w->log, 0,
                  "weir: image %uL and overlay %uL are in force",
                  view->view.image.generation, view->view.overlay.generation);
}
