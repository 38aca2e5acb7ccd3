/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of rules, as images have them.
 *
 * WHY SETS ARE KEPT BY WHAT THEY SAY. Making the matcher's form takes some
 * 20 ms, as long as thousands of calls. A new image mostly has the filters of
 * the last one; a set is found by a digest of its rules, and made only where
 * there is none.
 */

#include "ngx_http_weir_filter.h"


/* Sets without a user that are kept for the next one. */
#define NGX_HTTP_WEIR_SETS          32


static weir_span
ngx_http_weir_next_term(weir_span *rest)
{
    const char  *end;
    weir_span    term;

    end = memchr(rest->ptr, '\n', rest->len);

    term = (weir_span) { rest->ptr,
                         end ? (size_t) (end - rest->ptr) : rest->len };

    rest->ptr += term.len + (end != NULL);
    rest->len -= term.len + (end != NULL);

    return term;
}


/* The rules of the filters in `mask` for one direction. */

ngx_uint_t
ngx_http_weir_rules(const struct weir_image *image, uint32_t mask,
    uint32_t direction, uint32_t rows[WEIR_DETECT_RULES_MAX])
{
    uint32_t    i, k;
    ngx_uint_t  n;

    n = 0;

    for (i = 0; i < image->filter_count; i++) {

        if (!(mask >> i & 1)) {
            continue;
        }

        for (k = 0; k < image->filters[i].count; k++) {

            if ((image->filter_rules[image->filters[i].first + k].directions
                 & direction)
                && image->filter_rules[image->filters[i].first + k].classifier
                   == 0
                && n < WEIR_DETECT_RULES_MAX)
            {
                rows[n++] = image->filters[i].first + k;
            }
        }
    }

    return n;
}


static uint64_t
ngx_http_weir_rules_digest(const struct weir_image *image, uint32_t *rows,
    ngx_uint_t n)
{
    uint64_t                              digest;
    ngx_uint_t                            i;
    const struct weir_image_filter_rule  *row;

    digest = n + 1;

    for (i = 0; i < n; i++) {
        row = &image->filter_rules[rows[i]];

        digest = weir_hash64(weir_image_text(image, row->name), digest);
        digest = weir_hash64(weir_image_text(image, row->detector), digest);
        digest = weir_hash64(weir_image_text(image, row->expression), digest);
        digest = weir_hash64(weir_image_text(image, row->terms), digest);
        digest = weir_hash64(weir_image_text(image, row->replacement),
                             digest);
        digest = weir_hash64((weir_span) { (char *) &row->action,
                                           3 * sizeof(uint32_t) }, digest);
    }

    return digest;
}


static struct weir_detect_set *
ngx_http_weir_compile(const struct weir_image *image, uint32_t *rows,
    ngx_uint_t n, ngx_log_t *log)
{
    weir_span                             rest, *terms;
    ngx_uint_t                            i;
    struct weir_error                     err;
    struct weir_arena                     arena;
    struct weir_detect_set               *set;
    struct weir_detect_rule               rules[WEIR_DETECT_RULES_MAX];
    const struct weir_image_filter_rule  *row;

    set = NULL;
    ngx_memzero(rules, sizeof(rules));
    weir_arena_init_heap(&arena, NGX_HTTP_WEIR_FILTERED_MAX);

    for (i = 0; i < n; i++) {
        row = &image->filter_rules[rows[i]];
        rest = weir_image_text(image, row->terms);

        rules[i].name = weir_image_text(image, row->name);
        rules[i].detector =
                 weir_detector_find(weir_image_text(image, row->detector));
        rules[i].expression = weir_image_text(image, row->expression);
        rules[i].replacement = weir_image_text(image, row->replacement);
        rules[i].action = (enum weir_detect_action) row->action;
        rules[i].is_caseless = row->is_caseless != 0;

        terms = weir_arena_array(&arena, weir_span, rest.len + 1);
        rules[i].terms = terms;

        while (terms && rest.len) {
            terms[rules[i].term_count++] = ngx_http_weir_next_term(&rest);
        }
    }

    if (arena.overflow
        || weir_detect_compile(rules, n, &set, &err) != WEIR_OK)
    {
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "weir: filters are not usable: %s",
                      arena.overflow ? "no memory" : err.text);
        set = NULL;
    }

    weir_arena_fini(&arena);

    return set;
}


void
ngx_http_weir_unref_set(ngx_http_weir_set_t *set)
{
    if (set) {
        set->references--;
    }
}


/* Drops sets that nobody uses, but for the newest ones. */

static void
ngx_http_weir_forget_sets(ngx_http_weir_worker_t *w)
{
    ngx_uint_t             n;
    ngx_http_weir_set_t   *set, **link;

    n = 0;

    for (link = &w->sets; *link; /* void */ ) {
        set = *link;

        if (++n > NGX_HTTP_WEIR_SETS && set->references == 0) {
            *link = set->next;
            weir_detect_free(set->set);
            ngx_free(set);
            continue;
        }

        link = &set->next;
    }
}


/* NULL: it could not be made. */

ngx_http_weir_set_t *
ngx_http_weir_get_set(const struct weir_image *image, uint32_t *rows,
    ngx_uint_t n)
{
    uint64_t                 digest;
    ngx_http_weir_set_t     *set;
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;
    digest = ngx_http_weir_rules_digest(image, rows, n);

    for (set = w->sets; set; set = set->next) {
        if (set->digest == digest) {
            set->references++;
            return set;
        }
    }

    set = ngx_calloc(sizeof(ngx_http_weir_set_t), w->log);
    if (set == NULL) {
        return NULL;
    }

    set->set = ngx_http_weir_compile(image, rows, n, w->log);
    if (set->set == NULL) {
        ngx_free(set);
        return NULL;
    }

    set->digest = digest;
    set->references = 1;
    set->next = w->sets;
    w->sets = set;

    ngx_http_weir_forget_sets(w);

    return set;
}


/* What policies of a new image ask for is made before a call waits for it. */

void
ngx_http_weir_prepare_sets(const struct weir_image *image)
{
    uint32_t              i, direction, seen, mask, rows[WEIR_DETECT_RULES_MAX];
    ngx_uint_t            n;
    ngx_http_weir_set_t  *set;

    seen = 0;

    for (i = 0; i < image->policy_count; i++) {
        mask = image->policies[i].filters;

        if (mask == 0 || mask == seen) {
            continue;
        }

        seen = mask;

        for (direction = WEIR_IMAGE_REQUESTS; direction <= WEIR_IMAGE_REPLIES;
             direction++)
        {
            n = ngx_http_weir_rules(image, mask, direction, rows);
            set = ngx_http_weir_get_set(image, rows, n);
            ngx_http_weir_unref_set(set);
        }
    }
}


void
ngx_http_weir_free_sets(void)
{
    ngx_http_weir_set_t     *set;
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;

    while (w->sets) {
        set = w->sets;
        w->sets = set->next;
        weir_detect_free(set->set);
        ngx_free(set);
    }
}
