/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guards behind what the module takes from nginx's pools, in builds with
 * AddressSanitizer alone: a pool is one block to the sanitizer, so a write
 * beyond one of its pieces would go unseen. Included before every file of
 * the module (nginx/meson.build); the functions of nginx itself are as they
 * were.
 *
 * Each piece begins at a granule of the sanitizer's shadow (8 bytes) and is
 * followed by bytes that nobody may touch. They need no release: they belong
 * to no other piece, and free() makes its own of the whole block.
 */
#ifndef WEIR_POOL_GUARDS_H
#define WEIR_POOL_GUARDS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <sanitizer/asan_interface.h>

#define WEIR_GUARD_BYTES 32

static inline void *
weir_guarded_palloc(ngx_pool_t *pool, size_t size)
{
    size_t  whole = ngx_align(size, 8) + WEIR_GUARD_BYTES;
    u_char *p = ngx_palloc(pool, whole);

    if (p != NULL) {
        ASAN_POISON_MEMORY_REGION(p + size, whole - size);
    }
    return p;
}

static inline void *
weir_guarded_pcalloc(ngx_pool_t *pool, size_t size)
{
    void *p = weir_guarded_palloc(pool, size);

    if (p != NULL) {
        ngx_memzero(p, size);
    }
    return p;
}

static inline ngx_buf_t *
weir_guarded_temp_buf(ngx_pool_t *pool, size_t size)
{
    ngx_buf_t *b = weir_guarded_pcalloc(pool, sizeof(ngx_buf_t));

    if (b == NULL) {
        return NULL;
    }
    b->start = weir_guarded_palloc(pool, size);
    if (b->start == NULL) {
        return NULL;
    }
    b->pos = b->start;
    b->last = b->start;
    b->end = b->last + size;
    b->temporary = 1;
    return b;
}

/* What nginx itself takes by these is its own and suppressed as a leak
 * (lsan.supp); what the module takes is not. */
static inline void *
weir_guarded_alloc(size_t size, ngx_log_t *log)
{
    (void) log;
    return malloc(size);
}

static inline void *
weir_guarded_calloc(size_t size, ngx_log_t *log)
{
    (void) log;
    return calloc(1, size);
}

#define ngx_alloc           weir_guarded_alloc
#define ngx_calloc          weir_guarded_calloc
#define ngx_palloc          weir_guarded_palloc
#define ngx_pnalloc         weir_guarded_palloc
#define ngx_pcalloc         weir_guarded_pcalloc
#define ngx_create_temp_buf weir_guarded_temp_buf

#endif
