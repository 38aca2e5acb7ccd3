/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seller's credentials at the origins, as control hands them over.
 *
 * They lie in the heap of the worker and nowhere else: never in the image,
 * and the bytes are wiped when a newer generation replaces them.
 */

#include "ngx_http_weir.h"


void
ngx_http_weir_forget_credentials(ngx_http_weir_worker_t *w)
{
    if (w->secrets) {
        explicit_bzero(w->secrets, w->secrets_size);
        ngx_free(w->secrets);
        ngx_free(w->credentials);
    }

    w->secrets = NULL;
    w->credentials = NULL;
    w->credential_count = 0;
}


/* Lines of name, end in microseconds, what it was made from, and secret,
 * parted by tabs; further tabs are the secret's. */

static ngx_uint_t
ngx_http_weir_parse_credentials(u_char *p, u_char *last,
    ngx_http_weir_credential_t *credentials)
{
    u_char      *end, *tab[3];
    uint64_t     until;
    ngx_uint_t   i, n;

    n = 0;

    for ( /* void */ ; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, '\n');
        if (end == NULL) {
            end = last;
        }

        tab[0] = ngx_strlchr(p, end, '\t');

        for (i = 1; i < 3; i++) {
            tab[i] = tab[i - 1] ? ngx_strlchr(tab[i - 1] + 1, end, '\t')
                                : NULL;
        }

        if (tab[2] == NULL
            || !weir_span_to_u64((weir_span) { (char *) tab[0] + 1,
                                               tab[1] - tab[0] - 1 },
                                 &until))
        {
            continue;
        }

        if (credentials) {
            credentials[n].name = (weir_span) { (char *) p, tab[0] - p };
            credentials[n].until = (weir_time) until;
            credentials[n].secret = (weir_secret) { (char *) tab[2] + 1,
                                                    end - tab[2] - 1 };
        }

        n++;
    }

    return n;
}


void
ngx_http_weir_follow_credentials(ngx_http_weir_worker_t *w,
    uint64_t generation)
{
    size_t                       size;
    void                        *map;
    char                         name[64];
    u_char                      *secrets;
    ngx_uint_t                   count;
    ngx_http_weir_credential_t  *credentials;

    (void) ngx_snprintf((u_char *) name, sizeof(name), "credentials-%uL%Z",
                        generation);

    map = ngx_http_weir_map(name, PROT_READ, &size);
    if (map == NULL) {
        if (ngx_errno != NGX_ENOENT && ngx_errno != 0) {
            ngx_log_error(NGX_LOG_ERR, w->log, ngx_errno,
                          "weir: credentials of generation %uL are not "
                          "readable", generation);
        }

        return;
    }

    secrets = ngx_alloc(size, w->log);
    if (secrets == NULL) {
        (void) munmap(map, size);
        return;
    }

    ngx_memcpy(secrets, map, size);
    (void) munmap(map, size);

    count = ngx_http_weir_parse_credentials(secrets, secrets + size, NULL);

    credentials = ngx_alloc((count + 1) * sizeof(ngx_http_weir_credential_t),
                            w->log);
    if (credentials == NULL) {
        explicit_bzero(secrets, size);
        ngx_free(secrets);
        return;
    }

    (void) ngx_http_weir_parse_credentials(secrets, secrets + size,
                                           credentials);

    ngx_http_weir_forget_credentials(w);

    w->secrets = secrets;
    w->secrets_size = size;
    w->credentials = credentials;
    w->credential_count = count;
}


ngx_int_t
ngx_http_weir_credential(weir_span name, weir_secret *secret_out)
{
    ngx_uint_t               i;
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;

    for (i = 0; i < w->credential_count; i++) {
        if (weir_span_equal(w->credentials[i].name, name)) {
            if (w->credentials[i].until
                && w->credentials[i].until <= ngx_http_weir_now())
            {
                return NGX_ABORT;
            }

            *secret_out = w->credentials[i].secret;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}
