/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content, where an obligation asks for it to be kept.
 *
 *   worker                              its writing thread
 *   request body --seal--> item --+
 *   reply's bytes --- held ---    +--> queue, bounded --> segment, fdatasync
 *   their end    ------seal--> item
 *
 * Only sealed items leave the worker; plain text is in its memory while the
 * call is, and wiped. The event loop waits for nothing: the thread has the
 * file. WHEN THE DISK IS SLOW the queue fills, WHEN IT IS FULL the thread
 * keeps what it has and tries again each second; in either case there is no
 * room for another item, and the class says whether the call is refused or
 * goes on without. So room for the request's item is taken before the call
 * is admitted; the reply's is taken when it ends, and what finds none then
 * is counted and logged.
 *
 * WHAT IT DOES NOT DO. It does not wait for the disk before the call goes
 * out: a machine that dies loses up to a second of content, never a record.
 */

#include "ngx_http_weir.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include <weir/content.h>


#define NGX_HTTP_WEIR_SEGMENT        (64 * 1024 * 1024)
#define NGX_HTTP_WEIR_REPLY_FIRST    16384


typedef struct ngx_http_weir_item_s  ngx_http_weir_item_t;

struct ngx_http_weir_item_s {
    ngx_http_weir_item_t       *next;
    size_t                      size;
    u_char                      bytes[1];
};


/* Of a call whose content is kept; its key is wiped with it. */
struct ngx_http_weir_content_s {
    struct weir_aes_key         key;
    struct weir_content_meta    meta;
    uint64_t                    bytes_max;
    ngx_http_weir_item_t       *asked;      /* sealed, until it is admitted */
    u_char                     *reply;
    size_t                      reply_len;
    size_t                      reply_size;
    uint64_t                    reply_whole;
};


/* The thread's; `lock` is held for a few instructions at a time. */
static struct {
    pthread_t                   thread;
    pthread_mutex_t             lock;
    pthread_cond_t              wake;
    ngx_http_weir_item_t       *first;
    ngx_http_weir_item_t      **last;
    size_t                      taken;      /* bytes queued or reserved */
    size_t                      taken_max;
    uint64_t                    free_min;
    u_char                      directory[1024];
    unsigned                    is_running:1;
    unsigned                    is_stopping:1;
    unsigned                    is_bad:1;   /* the disk refuses */

    int                         fd;
    off_t                       size;
} ngx_http_weir_writing = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .wake = PTHREAD_COND_INITIALIZER,
    .fd = -1,
};


static struct {
    struct weir_content_rules  *rules;      /* NULL: nothing is kept */
    size_t                      size;
    struct timespec             time;       /* of the file they are from */
    ino_t                       inode;
    uint64_t                    lost;       /* items */
} ngx_http_weir_keeping;


/* ------------------------------------------------------------ the thread */

static ngx_int_t
ngx_http_weir_open_segment(void)
{
    u_char  path[NGX_MAX_PATH];

    if (ngx_http_weir_writing.fd != -1) {
        if (ngx_http_weir_writing.size < NGX_HTTP_WEIR_SEGMENT) {
            return NGX_OK;
        }

        (void) close(ngx_http_weir_writing.fd);
        ngx_http_weir_writing.fd = -1;
    }

    (void) ngx_snprintf(path, sizeof(path), "%s/%020L-%P.content%Z",
                        ngx_http_weir_writing.directory,
                        (int64_t) ngx_http_weir_now(), ngx_pid);

    ngx_http_weir_writing.fd = open((char *) path,
                                    O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600);
    ngx_http_weir_writing.size = 0;

    return ngx_http_weir_writing.fd == -1 ? NGX_ERROR : NGX_OK;
}


/* One item, whole or not at all. */

static ngx_int_t
ngx_http_weir_write_item(ngx_http_weir_item_t *item)
{
    off_t    done;
    ssize_t  n;

    if (ngx_http_weir_open_segment() != NGX_OK) {
        return NGX_ERROR;
    }

    for (done = 0; done < (off_t) item->size; done += n) {
        n = pwrite(ngx_http_weir_writing.fd, item->bytes + done,
                   item->size - done, ngx_http_weir_writing.size + done);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            n = 0;
            continue;
        }

        if (n <= 0) {
            (void) !ftruncate(ngx_http_weir_writing.fd,
                              ngx_http_weir_writing.size);
            return NGX_ERROR;
        }
    }

    ngx_http_weir_writing.size += item->size;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_weir_has_room(void)
{
    struct statvfs  fs;

    return statvfs((char *) ngx_http_weir_writing.directory, &fs) == 0
           && (uint64_t) fs.f_bavail * fs.f_frsize
              >= ngx_http_weir_writing.free_min;
}


/* Writes a list and frees what was written; returns the rest. */

static ngx_http_weir_item_t *
ngx_http_weir_write_list(ngx_http_weir_item_t *list, size_t *written)
{
    ngx_http_weir_item_t  *item;

    *written = 0;

    while (list && ngx_http_weir_has_room()
           && ngx_http_weir_write_item(list) == NGX_OK)
    {
        item = list;
        list = item->next;
        *written += item->size;
        ngx_free(item);
    }

    if (*written && ngx_http_weir_writing.fd != -1) {
        (void) fdatasync(ngx_http_weir_writing.fd);
    }

    return list;
}


static void *
ngx_http_weir_write_thread(void *data)
{
    size_t                  written;
    unsigned                is_stopping;
    struct timespec         until;
    ngx_http_weir_item_t   *list, *rest, **last;

    pthread_mutex_lock(&ngx_http_weir_writing.lock);

    for ( ;; ) {
        list = ngx_http_weir_writing.first;
        last = ngx_http_weir_writing.last;
        is_stopping = ngx_http_weir_writing.is_stopping;
        ngx_http_weir_writing.first = NULL;
        ngx_http_weir_writing.last = &ngx_http_weir_writing.first;

        pthread_mutex_unlock(&ngx_http_weir_writing.lock);
        rest = ngx_http_weir_write_list(list, &written);
        pthread_mutex_lock(&ngx_http_weir_writing.lock);

        ngx_http_weir_writing.taken -= written;
        ngx_http_weir_writing.is_bad = rest != NULL
                                       || (list == NULL
                                           && !ngx_http_weir_has_room());

        if (rest) {
            *last = ngx_http_weir_writing.first;

            if (ngx_http_weir_writing.first == NULL) {
                ngx_http_weir_writing.last = last;
            }

            ngx_http_weir_writing.first = rest;
        }

        if (is_stopping) {
            break;
        }

        if (ngx_http_weir_writing.first && rest == NULL) {
            continue;
        }

        (void) clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;

        if (!ngx_http_weir_writing.is_stopping) {
            (void) pthread_cond_timedwait(&ngx_http_weir_writing.wake,
                                          &ngx_http_weir_writing.lock, &until);
        }
    }

    pthread_mutex_unlock(&ngx_http_weir_writing.lock);

    return NULL;
}


static void
ngx_http_weir_start_writing(ngx_http_weir_worker_t *w,
    const struct weir_content_rules *rules)
{
    int            rc;
    sigset_t       all, before;
    struct rlimit  none = { 0, 0 };

    pthread_mutex_lock(&ngx_http_weir_writing.lock);
    ngx_http_weir_writing.taken_max = rules->queue_bytes_max;
    ngx_http_weir_writing.free_min = rules->free_bytes_min;
    (void) ngx_cpystrn(ngx_http_weir_writing.directory,
                       (u_char *) rules->directory, sizeof(rules->directory));
    pthread_mutex_unlock(&ngx_http_weir_writing.lock);

    if (ngx_http_weir_writing.is_running) {
        return;
    }

    /* Plain text must not outlive its call in memory that was given back, nor
     * get into a core file. */

    (void) mallopt(M_PERTURB, 0x5a);
    (void) setrlimit(RLIMIT_CORE, &none);
    (void) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);

    ngx_http_weir_writing.last = &ngx_http_weir_writing.first;

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&ngx_http_weir_writing.thread, NULL,
                        ngx_http_weir_write_thread, NULL);
    (void) pthread_sigmask(SIG_SETMASK, &before, NULL);

    if (rc) {
        ngx_log_error(NGX_LOG_ERR, w->log, rc,
                      "weir: no thread for content: none is kept");
        return;
    }

    ngx_http_weir_writing.is_running = 1;
}


void
ngx_http_weir_content_close(void)
{
    ngx_http_weir_item_t  *item;

    if (ngx_http_weir_writing.is_running) {
        pthread_mutex_lock(&ngx_http_weir_writing.lock);
        ngx_http_weir_writing.is_stopping = 1;
        pthread_cond_signal(&ngx_http_weir_writing.wake);
        pthread_mutex_unlock(&ngx_http_weir_writing.lock);

        (void) pthread_join(ngx_http_weir_writing.thread, NULL);
        ngx_http_weir_writing.is_running = 0;
    }

    while (ngx_http_weir_writing.first) {
        item = ngx_http_weir_writing.first;
        ngx_http_weir_writing.first = item->next;
        ngx_http_weir_keeping.lost++;
        ngx_free(item);
    }

    if (ngx_http_weir_keeping.lost) {
        ngx_log_error(NGX_LOG_ERR, ngx_http_weir_worker.log, 0,
                      "weir: %uL items of content could not be kept",
                      ngx_http_weir_keeping.lost);
    }

    if (ngx_http_weir_writing.fd != -1) {
        (void) close(ngx_http_weir_writing.fd);
        ngx_http_weir_writing.fd = -1;
    }

    if (ngx_http_weir_keeping.rules) {
        explicit_bzero(ngx_http_weir_keeping.rules,
                       ngx_http_weir_keeping.size);
        ngx_free(ngx_http_weir_keeping.rules);
        ngx_http_weir_keeping.rules = NULL;
    }
}


/* ------------------------------------------------------------- the queue */

/* Takes room for one more; false: there is none. */

static ngx_uint_t
ngx_http_weir_take_room(size_t size)
{
    ngx_uint_t  is_taken;

    pthread_mutex_lock(&ngx_http_weir_writing.lock);

    is_taken = ngx_http_weir_writing.is_running
               && !ngx_http_weir_writing.is_bad
               && ngx_http_weir_writing.taken + size
                  <= ngx_http_weir_writing.taken_max;

    if (is_taken) {
        ngx_http_weir_writing.taken += size;
    }

    pthread_mutex_unlock(&ngx_http_weir_writing.lock);

    return is_taken;
}


static void
ngx_http_weir_give_room(size_t size)
{
    pthread_mutex_lock(&ngx_http_weir_writing.lock);
    ngx_http_weir_writing.taken -= size;
    pthread_mutex_unlock(&ngx_http_weir_writing.lock);
}


static void
ngx_http_weir_queue_item(ngx_http_weir_item_t *item)
{
    item->next = NULL;

    pthread_mutex_lock(&ngx_http_weir_writing.lock);
    *ngx_http_weir_writing.last = item;
    ngx_http_weir_writing.last = &item->next;
    pthread_cond_signal(&ngx_http_weir_writing.wake);
    pthread_mutex_unlock(&ngx_http_weir_writing.lock);
}


/* A sealed item with room taken for it; NULL: it cannot be kept. */

static ngx_http_weir_item_t *
ngx_http_weir_seal(ngx_http_weir_content_t *content,
    enum weir_content_kind kind, u_char *p, size_t n, uint64_t whole)
{
    size_t                  size;
    weir_private            plain;
    ngx_http_weir_item_t   *item;

    size = WEIR_CONTENT_BYTES(n);

    if (!ngx_http_weir_take_room(size)) {
        return NULL;
    }

    item = ngx_alloc(offsetof(ngx_http_weir_item_t, bytes) + size,
                     ngx_http_weir_worker.log);
    if (item == NULL) {
        ngx_http_weir_give_room(size);
        return NULL;
    }

    content->meta.kind = kind;
    content->meta.when = ngx_http_weir_now();
    content->meta.whole_bytes = whole;
    content->meta.kept_bytes = n;
    item->size = size;
    plain = (weir_private) { (char *) p, n };

    if (weir_content_seal(&ngx_http_weir_worker.env, &content->meta, plain,
                          &content->key, item->bytes)
        != WEIR_OK)
    {
        ngx_http_weir_give_room(size);
        ngx_free(item);
        return NULL;
    }

    return item;
}


/* ------------------------------------------------------------- the rules */

/* Once a second: keys and classes, when control wrote others. */

void
ngx_http_weir_content_tick(ngx_http_weir_worker_t *w)
{
    void         *map;
    u_char        path[NGX_MAX_PATH];
    size_t        size;
    struct stat   st;

    (void) ngx_snprintf(path, sizeof(path), "%V/content.rules%Z",
                        &w->conf->run);

    if (stat((char *) path, &st) == -1) {
        if (ngx_http_weir_keeping.rules) {
            explicit_bzero(ngx_http_weir_keeping.rules,
                           ngx_http_weir_keeping.size);
            ngx_free(ngx_http_weir_keeping.rules);
            ngx_http_weir_keeping.rules = NULL;
            ngx_http_weir_keeping.inode = 0;
        }

        return;
    }

    if (st.st_ino == ngx_http_weir_keeping.inode
        && st.st_mtim.tv_sec == ngx_http_weir_keeping.time.tv_sec
        && st.st_mtim.tv_nsec == ngx_http_weir_keeping.time.tv_nsec)
    {
        return;
    }

    map = ngx_http_weir_map("content.rules", PROT_READ, &size);
    if (map == NULL) {
        return;
    }

    if (weir_content_rules_of((weir_span) { map, size }) == NULL) {
        ngx_log_error(NGX_LOG_ERR, w->log, 0,
                      "weir: the rules of content are not readable");
        (void) munmap(map, size);
        return;
    }

    if (ngx_http_weir_keeping.rules) {
        explicit_bzero(ngx_http_weir_keeping.rules,
                       ngx_http_weir_keeping.size);
        ngx_free(ngx_http_weir_keeping.rules);
    }

    ngx_http_weir_keeping.rules = ngx_alloc(size, w->log);

    if (ngx_http_weir_keeping.rules) {
        ngx_memcpy(ngx_http_weir_keeping.rules, map, size);
        ngx_http_weir_keeping.size = size;
        ngx_http_weir_keeping.inode = st.st_ino;
        ngx_http_weir_keeping.time = st.st_mtim;
        ngx_http_weir_start_writing(w, ngx_http_weir_keeping.rules);
    }

    (void) munmap(map, size);
}


ngx_uint_t
ngx_http_weir_content_is_kept(void)
{
    return ngx_http_weir_keeping.rules != NULL;
}


/* -------------------------------------------------------------- the call */

static void
ngx_http_weir_content_free(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_weir_content_t  *content;

    content = ctx->content;
    ctx->content = NULL;

    if (content->asked) {
        ngx_http_weir_give_room(content->asked->size);
        ngx_free(content->asked);
    }

    if (content->reply) {
        explicit_bzero(content->reply, content->reply_size);
        ngx_free(content->reply);
    }

    explicit_bzero(content, sizeof(ngx_http_weir_content_t));
    ngx_free(content);
}


static weir_status
ngx_http_weir_not_kept(ngx_http_weir_ctx_t *ctx, ngx_uint_t is_must,
    const char *why, struct weir_error *err)
{
    if (!is_must) {
        if (ngx_http_weir_keeping.lost++ == 0) {
            ngx_log_error(NGX_LOG_WARN, ctx->request->connection->log, 0,
                          "weir: content is not kept: %s", why);
        }

        return WEIR_OK;
    }

    ctx->call.reason = WEIR_REASON_NO_RECORD;

    return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                     "this call's content must be kept, and %s", why);
}


/* What the deciding permits ask: a class, or nothing. In modified mode
 * nothing is kept, whatever else asks. */

static const struct weir_content_class *
ngx_http_weir_content_asked(ngx_http_weir_ctx_t *ctx, weir_span *name)
{
    const struct weir_image        *image;
    const struct weir_obligations  *o;

    image = &ctx->view->view.image;
    o = &ctx->call.answer.obligations;
    *name = weir_image_text(image, o->retain);

    if (name->len == 0 || o->keeps_nothing) {
        name->len = 0;
        return NULL;
    }

    return weir_content_class_of(ngx_http_weir_keeping.rules, *name);
}


weir_status
ngx_http_weir_content_begin(ngx_http_weir_ctx_t *ctx, weir_span body,
    struct weir_error *err)
{
    size_t                             n;
    weir_span                          name, tenant;
    const struct weir_image           *image;
    ngx_http_weir_content_t           *content;
    const struct weir_content_class   *class;
    const struct weir_content_tenant  *row;

    if (ngx_http_weir_keeping.rules == NULL) {
        return WEIR_OK;
    }

    class = ngx_http_weir_content_asked(ctx, &name);
    if (name.len == 0) {
        return WEIR_OK;
    }

    if (class == NULL) {
        return ngx_http_weir_not_kept(ctx, 1, "its class is not configured",
                                      err);
    }

    image = &ctx->view->view.image;
    tenant = weir_image_text(image, image->tenants[ctx->call.tenant].name);
    row = weir_content_tenant_of(ngx_http_weir_keeping.rules, tenant);

    if (row == NULL) {
        return ngx_http_weir_not_kept(ctx, class->is_must,
                                      "its tenant has no key yet", err);
    }

    content = ngx_calloc(sizeof(ngx_http_weir_content_t),
                         ctx->request->connection->log);
    if (content == NULL) {
        return ngx_http_weir_not_kept(ctx, class->is_must, "memory is out",
                                      err);
    }

    content->key = row->key;
    content->bytes_max = class->bytes_max;
    ngx_memcpy(content->meta.request, ctx->call.id.bytes, 16);
    ngx_memcpy(content->meta.key, row->key_id, sizeof(row->key_id));
    ngx_memcpy(content->meta.class, class->name, sizeof(class->name));
    ngx_memcpy(content->meta.tenant, row->name, sizeof(row->name));

    n = ngx_min(body.len, class->bytes_max);
    ctx->content = content;
    content->asked = ngx_http_weir_seal(content, WEIR_CONTENT_REQUEST,
                                        (u_char *) body.ptr, n, body.len);

    if (content->asked == NULL) {
        ngx_http_weir_content_free(ctx);
        return ngx_http_weir_not_kept(ctx, class->is_must,
                                      "there is no room for it now", err);
    }

    return WEIR_OK;
}


void
ngx_http_weir_content_admitted(ngx_http_weir_ctx_t *ctx)
{
    if (ctx->content && ctx->content->asked) {
        ngx_http_weir_queue_item(ctx->content->asked);
        ctx->content->asked = NULL;
    }
}


void
ngx_http_weir_content_reply(ngx_http_weir_ctx_t *ctx, u_char *p, size_t n)
{
    size_t                    size;
    u_char                   *more;
    ngx_http_weir_content_t  *content;

    content = ctx->content;
    content->reply_whole += n;

    n = ngx_min(n, content->bytes_max - content->reply_len);
    if (n == 0) {
        return;
    }

    if (content->reply_len + n > content->reply_size) {
        size = ngx_max(content->reply_size * 2, NGX_HTTP_WEIR_REPLY_FIRST);
        size = ngx_max(size, content->reply_len + n);

        more = ngx_alloc(size, ctx->request->connection->log);
        if (more == NULL) {
            content->bytes_max = content->reply_len;    /* it is cut here */
            return;
        }

        if (content->reply) {
            ngx_memcpy(more, content->reply, content->reply_len);
            explicit_bzero(content->reply, content->reply_size);
            ngx_free(content->reply);
        }

        content->reply = more;
        content->reply_size = size;
    }

    ngx_memcpy(content->reply + content->reply_len, p, n);
    content->reply_len += n;
}


void
ngx_http_weir_content_end(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_weir_item_t     *item;
    ngx_http_weir_content_t  *content;

    content = ctx->content;
    if (content == NULL) {
        return;
    }

    if (content->reply_whole) {
        item = ngx_http_weir_seal(content, WEIR_CONTENT_REPLY, content->reply,
                                  content->reply_len, content->reply_whole);
        if (item) {
            ngx_http_weir_queue_item(item);

        } else {
            ngx_http_weir_keeping.lost++;
            ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                          "weir: the reply of %s could not be kept", ctx->id);
        }
    }

    ngx_http_weir_content_free(ctx);
}
