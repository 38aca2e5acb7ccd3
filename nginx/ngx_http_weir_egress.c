/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What origins are reached with, from the words of weir_origin.
 *
 *   ca=FILE system=on            trust anchors; both: besides the system's
 *   certificate=FILE key=FILE    what weir shows
 *   name=NAME                    asked for and verified in place of the host
 *   minimum=1.3
 *   proxy=http|https tunnel=HOST:PORT [proxy_credential=NAME]
 *   proxy_host=HOST proxy_ca=FILE     of a proxy spoken to by TLS
 *
 * WHY A CONTEXT FOR EACH. Anchors of one origin must not vouch for another,
 * and a certificate is shown to nobody else; sessions that are resumed are in
 * the context too.  Certificates and names are verified in the handshake;
 * there is no word that would switch it off.
 */

#include "ngx_http_weir.h"


#define NGX_HTTP_WEIR_SYSTEM_CA  "/etc/ssl/certs/ca-certificates.crt"

#define ngx_http_weir_word(name, member)                                      \
    { ngx_string(name "="), offsetof(ngx_http_weir_origin_t, member) }


static struct {
    ngx_str_t    name;
    size_t       offset;
} ngx_http_weir_words[] = {
    ngx_http_weir_word("ca", ca),
    ngx_http_weir_word("certificate", certificate),
    ngx_http_weir_word("key", key),
    ngx_http_weir_word("name", tls_name),
    ngx_http_weir_word("tunnel", tunnel),
    ngx_http_weir_word("proxy_credential", proxy_credential),
    ngx_http_weir_word("proxy_host", proxy_host),
    ngx_http_weir_word("proxy_ca", proxy_ca),
};


ngx_int_t
ngx_http_weir_egress_parameter(ngx_http_weir_origin_t *origin,
    ngx_str_t *value)
{
    size_t       len;
    ngx_str_t   *member;
    ngx_uint_t   i;

    if (ngx_strcmp(value->data, "system=on") == 0) {
        origin->adds_system = 1;
        return NGX_OK;
    }

    if (ngx_strcmp(value->data, "minimum=1.3") == 0) {
        origin->is_13 = 1;
        return NGX_OK;
    }

    if (ngx_strcmp(value->data, "proxy=http") == 0
        || ngx_strcmp(value->data, "proxy=https") == 0)
    {
        origin->proxy = 1;
        return NGX_OK;
    }

    for (i = 0; i < sizeof(ngx_http_weir_words)
                    / sizeof(ngx_http_weir_words[0]); i++)
    {
        len = ngx_http_weir_words[i].name.len;

        if (value->len > len
            && ngx_strncmp(value->data, ngx_http_weir_words[i].name.data, len)
               == 0)
        {
            member = (ngx_str_t *) ((char *) origin
                                    + ngx_http_weir_words[i].offset);
            member->data = value->data + len;
            member->len = value->len - len;

            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/*
 * The handshake itself fails on a chain or a name that does not fit.  nginx's
 * own check comes after it and knows names only, no addresses.
 */

static ngx_int_t
ngx_http_weir_verify(ngx_ssl_t *ssl, ngx_str_t *name)
{
    u_char             *host;
    X509_VERIFY_PARAM  *param;

    param = SSL_CTX_get0_param(ssl->ctx);
    host = name->data;              /* a word of the configuration: has a 0 */

    X509_VERIFY_PARAM_set_hostflags(param,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);

    if (X509_VERIFY_PARAM_set1_ip_asc(param, (char *) host) != 1
        && X509_VERIFY_PARAM_set1_host(param, (char *) host, name->len) != 1)
    {
        return NGX_ERROR;
    }

    ERR_clear_error();      /* a name is not an address */
    SSL_CTX_set_verify(ssl->ctx, SSL_VERIFY_PEER, NULL);

    return NGX_OK;
}


static ngx_ssl_t *
ngx_http_weir_context(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *ca,
    ngx_uint_t adds_system, ngx_uint_t is_13)
{
    ngx_ssl_t           *ssl;
    ngx_str_t            ciphers, system;
    ngx_pool_cleanup_t  *cln;

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (ssl == NULL) {
        return NULL;
    }

    ssl->log = cf->log;

    if (ngx_ssl_create(ssl, is_13 ? NGX_SSL_TLSv1_3
                                  : NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL)
        != NGX_OK)
    {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(ssl);
        return NULL;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    ngx_str_set(&ciphers, "DEFAULT");
    ngx_str_set(&system, NGX_HTTP_WEIR_SYSTEM_CA);

    if (ngx_ssl_ciphers(cf, ssl, &ciphers, 0) != NGX_OK
        || (ca->len && ngx_ssl_trusted_certificate(cf, ssl, ca, 5) != NGX_OK)
        || ((adds_system || ca->len == 0)
            && ngx_ssl_trusted_certificate(cf, ssl, &system, 5) != NGX_OK)
        || ngx_http_weir_verify(ssl, name) != NGX_OK)
    {
        return NULL;
    }

    return ssl;
}


ngx_int_t
ngx_http_weir_egress_tls(ngx_conf_t *cf, ngx_http_weir_origin_t *origin)
{
    ngx_str_t  *name;

    if (origin->proxy && origin->tunnel.len == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "origin \"%V\" has a proxy and no \"tunnel=\"",
                      &origin->name);
        return NGX_ERROR;
    }

    if (origin->proxy_host.len) {
        origin->proxy_ssl = ngx_http_weir_context(cf, &origin->proxy_host,
                                                  &origin->proxy_ca, 0, 0);
        if (origin->proxy_ssl == NULL) {
            return NGX_ERROR;
        }
    }

    if (!origin->tls) {
        return NGX_OK;
    }

    name = origin->tls_name.len ? &origin->tls_name : &origin->host;

    origin->ssl_name.value = *name;
    origin->ssl = ngx_http_weir_context(cf, name, &origin->ca,
                                        origin->adds_system, origin->is_13);

    if (origin->ssl == NULL
        || ngx_ssl_client_session_cache(cf, origin->ssl, 1) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (origin->certificate.len
        && ngx_ssl_certificate(cf, origin->ssl, &origin->certificate,
                               &origin->key, NULL)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}
