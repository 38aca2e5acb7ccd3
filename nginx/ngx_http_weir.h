/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the module share. The module is thin: nginx's buffers
 * go in as spans, core/gate decides, buffers come out.
 *
 *   ngx_http_weir_module.c   directives, and what they set up once
 *   ngx_http_weir_worker.c   a worker's state: what it maps and follows
 *   ngx_http_weir_view.c     images and overlays: the policy in force
 *   ngx_http_weir_credential.c  what the seller is known by at origins
 *   ngx_http_weir_place.c    a client's address and country
 *   ngx_http_weir_journal.c  the journal lane and the calls that wait for it
 *   ngx_http_weir_call.c     a request from its head to admission
 *   ngx_http_weir_models.c   GET /v1/models
 *   ngx_http_weir_bulk.c     files and batches: asked and sent
 *   ngx_http_weir_bulk_reply.c  and what is told of them
 *   ngx_http_weir_bulk_watch.c  what the watch sees of lines
 *   ngx_http_weir_files.c    files that calls name
 *   ngx_http_weir_lists.c    lists of them; _inner.c: weir asks itself
 *   ngx_http_weir_stored.c   what origins keep of answers: names, both ways
 *   ngx_http_weir_stored_verbs.c  and answers that are read again
 *   ngx_http_weir_refuse.c   replies of weir's own, and the door for errors
 *   ngx_http_weir_origin.c   attempts: connection, restart, ending
 *   ngx_http_weir_egress.c   TLS of origins: anchors, names, certificates
 *   ngx_http_weir_tunnel.c   origins behind a proxy
 *   ngx_http_weir_request.c  what an origin is sent
 *   ngx_http_weir_reply.c    the origin's head
 *   ngx_http_weir_collect.c  replies read whole: short ones, and drained
 *   ngx_http_weir_stream.c   replies that pass while they arrive
 *   ngx_http_weir_rules.c    sets of rules that filters apply
 *   ngx_http_weir_filter.c   rules over answers; _request.c: over prompts
 *   ngx_http_weir_classify.c    who is asked, and about prompts
 *   ngx_http_weir_classify_reply.c, _heard.c  about replies; what is said
 *   ngx_http_weir_ask.c      asks of classifiers: HTTP, one deadline each
 *   ngx_http_weir_watch.c    calls that a step of the watch meets
 *   ngx_http_weir_content.c  content that is kept, sealed
 *   ngx_http_weir_cache.c    answers that are given again
 *   ngx_http_weir_shadow.c   copies of calls, for a deployment on trial
 *   ngx_http_weir_queue.c    calls that wait for a place; memory in use
 *   ngx_http_weir_tools.c    tool servers
 *   ngx_http_weir_realtime.c, _session.c  sessions over WebSockets
 *
 * Threads: nginx workers have one. Memory: from the request's pool, unless
 * a comment says otherwise. nginx's style rules hold in this folder.
 */
#ifndef _NGX_HTTP_WEIR_H_INCLUDED_
#define _NGX_HTTP_WEIR_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <maxminddb.h>

#include <weir/gate.h>
#include <weir/lane.h>
#include <weir/provider.h>
#include <weir/surface.h>

#include "ngx_http_weir_headers.h"


/* Where every error of nginx goes; served by the same handler. */
#define NGX_HTTP_WEIR_DOOR          "/.weir/error"

/* First buffer of a reply: its head and, in streams, what one read takes. */
#define NGX_HTTP_WEIR_BUFFER        16384

/* A plain reply up to this many bytes is read whole before its head goes
 * out, so that the cost can stand there; a longer one passes as it comes. */
#define NGX_HTTP_WEIR_COLLECT       65536

/* Of an error reply that is not passed on: so much is read to keep the
 * connection, more costs more than a new one. */
#define NGX_HTTP_WEIR_DRAIN         65536

/* Parsed names and replaced values of one call. */
#define NGX_HTTP_WEIR_ARENA         4096

/* The reader of a reply; the dialect with the largest takes 6.3 KB. */
#define NGX_HTTP_WEIR_READER        8192

/* The answer to a count of tokens. */
#define NGX_HTTP_WEIR_COUNTED       128

typedef struct ngx_http_weir_set_s  ngx_http_weir_set_t;
typedef struct ngx_http_weir_filtering_s  ngx_http_weir_filtering_t;
typedef struct ngx_http_weir_caching_s  ngx_http_weir_caching_t;
typedef struct ngx_http_weir_classifying_s  ngx_http_weir_classifying_t;
typedef struct ngx_http_weir_asker_s  ngx_http_weir_asker_t;
typedef struct ngx_http_weir_tunnel_s  ngx_http_weir_tunnel_t;
typedef struct ngx_http_weir_realtime_s  ngx_http_weir_realtime_t;
typedef struct ngx_http_weir_listing_s  ngx_http_weir_listing_t;
typedef struct ngx_http_weir_invoke_s  ngx_http_weir_invoke_t;
typedef union ngx_http_weir_reader_u  ngx_http_weir_reader_t;

/* From the first byte of a reply to its last: few are in use at a time, and
 * the one used last is still in the cache. */
union ngx_http_weir_reader_u {
    ngx_http_weir_reader_t         *next;       /* in worker.readers */
    u_char                          bytes[NGX_HTTP_WEIR_READER]
                                        __attribute__((aligned(16)));
};

/* Memory of so many calls is kept for the next ones. */
#define NGX_HTTP_WEIR_SPARE         256

/* So much free memory goes back to the system, once there are few calls. */
#define NGX_HTTP_WEIR_TRIM          (32 * 1024 * 1024)

/* How long a call waits for its intent to be on disk. */
#define NGX_HTTP_WEIR_DURABLE_WAIT  2000

/* So many records may wait for the writer to be woken: some 150 KB of the
 * lane's 4 MB. */
#define NGX_HTTP_WEIR_BELL          256

/* Images before a damaged one that a starting worker looks for; control keeps
 * two. */
#define NGX_HTTP_WEIR_EARLIER       2

/* A confirmation further ahead than this is not believed, us. */
#define NGX_HTTP_WEIR_CLOCK_US      (60 * INT64_C(1000000))

/* Calls of a worker that may wait at a time because a step of the watch slows
 * them; more are refused. */
#define NGX_HTTP_WEIR_SLOWED        1024

/* Of a reply that is read whole, or of one event; also of a request's
 * strings. */
#define NGX_HTTP_WEIR_FILTERED_MAX  (64 * 1024 * 1024)

/* How often an idle worker looks for new policy. */
#define NGX_HTTP_WEIR_TICK          100


#define ngx_http_weir_span(s)  ((weir_span) { (char *) (s).data, (s).len })


/* weir_origin NAME ...: what TLS needs; all else comes from the image. */
typedef struct {
    ngx_str_t                       name;
    ngx_str_t                       upstream_name;
    ngx_str_t                       host;
    ngx_str_t                       ca;
    ngx_str_t                       certificate;  /* of weir */
    ngx_str_t                       key;
    ngx_str_t                       tls_name;     /* empty: host */
    ngx_flag_t                      adds_system;
    ngx_flag_t                      is_13;
    ngx_flag_t                      tls;
    ngx_ssl_t                      *ssl;
    ngx_flag_t                      proxy;        /* upstream is its */
    ngx_str_t                       tunnel;       /* what it is asked for */
    ngx_str_t                       proxy_credential;
    ngx_str_t                       proxy_host;   /* with TLS to it */
    ngx_str_t                       proxy_ca;
    ngx_ssl_t                      *proxy_ssl;
    ngx_http_complex_value_t        ssl_name;
    ngx_http_upstream_srv_conf_t   *upstream;
} ngx_http_weir_origin_t;


typedef struct {
    MMDB_s                          mmdb;
    ngx_uint_t                      is_open;
    enum weir_unknown               unknown;   /* while it is not open */
} ngx_http_weir_database_t;


typedef struct {
    ngx_str_t                       run;
    ngx_str_t                       mmdb;
    ngx_str_t                       asn;
    ngx_array_t                     origins;   /* ngx_http_weir_origin_t */
    ngx_array_t                     locations; /* ngx_http_core_loc_conf_t * */
    ngx_array_t                     servers;   /* ngx_http_core_loc_conf_t * */
    size_t                          body_max;
    size_t                          event_max;
    size_t                          message_max;
    ngx_msec_t                      session_max;
    ngx_msec_t                      session_idle;
    ngx_uint_t                      calls_max;  /* of a worker */
    ngx_msec_t                      coalesce;
    ngx_str_t                       drop;      /* names, parted by blanks */
    ngx_str_t                       files_model; /* of files without one */
    ngx_hash_t                      no_headers;
} ngx_http_weir_main_conf_t;


/* ------------------------------------------------------- worker's state */

/* An origin row of an image, ready for attempts. `origin` is NULL when
 * nginx's configuration does not have it (yet). */
typedef struct {
    ngx_http_weir_origin_t         *origin;
    const struct weir_provider     *provider;
    ngx_http_upstream_conf_t        head_conf;  /* until the reply's head */
    ngx_http_upstream_conf_t        body_conf;
} ngx_http_weir_endpoint_t;


/* A pinned deployment that was seen to be another: not asked until then, or
 * until there is a newer overlay, which withdraws it or gives it back. */
typedef struct {
    ngx_msec_t                      until;
    uint64_t                        overlay;
    const char                     *hop;
    ngx_uint_t                      is_set;
} ngx_http_weir_pause_t;


/* Counted: one reference by each view, so an image outlives its calls. */
typedef struct {
    struct weir_image               image;
    ngx_http_weir_endpoint_t       *endpoints;  /* by origin row */
    ngx_http_weir_pause_t          *pauses;     /* by pin row */
    ngx_str_t                       name;       /* digest's first 8 bytes */
    u_char                          name_text[16];
    ngx_uint_t                      references;
} ngx_http_weir_image_t;


typedef struct {
    struct weir_overlay             overlay;
    ngx_uint_t                      references;
} ngx_http_weir_overlay_t;


typedef struct ngx_http_weir_ctx_s  ngx_http_weir_ctx_t;


/* One consistent policy; view.references counts calls and the worker. */
typedef struct {
    struct weir_view                view;
    ngx_http_weir_image_t          *image;
    ngx_http_weir_overlay_t        *overlay;
} ngx_http_weir_view_t;


typedef struct {
    weir_span                       name;
    weir_secret                     secret;
    weir_time                       until;      /* 0: it does not end */
} ngx_http_weir_credential_t;


typedef struct {
    ngx_http_weir_main_conf_t      *conf;
    ngx_log_t                      *log;

    struct weir_env                 env;
    struct weir_gate                gate;

    struct weir_board              *board;      /* mapped; NULL: none yet */
    ngx_http_weir_view_t           *view;       /* newest; NULL: none yet */
    uint64_t                        image_seen; /* generations last tried */
    uint64_t                        overlay_seen;
    uint64_t                        credentials_seen;
    uint64_t                        indicators_seen;
    struct weir_indicators          indicators; /* mapped */
    int64_t                         trusted_us; /* no later confirmation
                                                   counts: the newest policy
                                                   could not be read */

    u_char                         *secrets;    /* bytes of the file */
    size_t                          secrets_size;
    ngx_http_weir_credential_t     *credentials;
    ngx_uint_t                      credential_count;

    void                           *quota_map;
    size_t                          quota_size;
    ngx_uint_t                      quota_is_open;
    void                           *signals_map;
    size_t                          signals_size;
    void                           *health_map;
    size_t                          health_size;
    void                           *fair_map;
    size_t                          fair_size;
    ngx_queue_t                     queued;     /* calls, in order of arrival */
    ngx_uint_t                      queued_count;
    ngx_event_t                     look;       /* after places for them */
    ngx_uint_t                      weighed;    /* calls since then */
    size_t                          used_most;  /* since memory was given
                                                   back */
    ngx_uint_t                      requests;   /* that are open */
    void                           *cache_map;
    size_t                          cache_size;
    struct weir_cache              *cache;      /* NULL: nothing is cached */
    void                           *cache_scratch;

    struct weir_lane               *lane;
    ngx_connection_t               *lane_connection;
    ngx_uint_t                      bell_count; /* records not rung for */
    ngx_uint_t                      is_urgent;  /* the next one waits */
    ngx_uint_t                      lane_said;  /* in the log, that it lacks */
    ngx_queue_t                     waiting;    /* calls, oldest first */

    ngx_queue_t                     calls;      /* admitted and open */
    ngx_uint_t                      slowed;     /* waiting by the watch */
    ngx_http_weir_ctx_t            *spare;      /* memory for calls */
    ngx_uint_t                      spare_count;
    ngx_http_weir_reader_t         *readers;    /* memory for readers */
    ngx_uint_t                      reader_count;

    ngx_http_weir_set_t            *sets;       /* of filters */
    ngx_http_weir_asker_t          *askers;     /* of classifiers */
    ngx_queue_t                     shadows;    /* copies under way */
    ngx_uint_t                      shadow_count;

    ngx_http_weir_database_t        countries;
    ngx_http_weir_database_t        systems;

    ngx_event_t                     tick;
    ngx_connection_t                tick_connection;
    ngx_uint_t                      ticks;
    uint64_t                        overlay_cut; /* last one acted upon */
    uint64_t                        unwritten;   /* outcomes, as logged */
    uint64_t                        lines_unwritten; /* the same of lines */

    u_char                          random[512];
    size_t                          random_left;
} ngx_http_weir_worker_t;


extern ngx_http_weir_worker_t       ngx_http_weir_worker;
extern ngx_module_t                 ngx_http_weir_module;


/* ----------------------------------------------------------- a call */

typedef enum {
    NGX_HTTP_WEIR_UNTIL_CLOSE = 0,
    NGX_HTTP_WEIR_LENGTH,
    NGX_HTTP_WEIR_CHUNKED
} ngx_http_weir_framing_e;


/* What a reply does with its bytes. */
typedef enum {
    NGX_HTTP_WEIR_PASS = 0,      /* as they come, seen by the reader or not */
    NGX_HTTP_WEIR_WHOLE          /* collected before the head was sent */
} ngx_http_weir_mode_e;


/* A block of held bytes on its way to the client. */
typedef struct ngx_http_weir_block_s  ngx_http_weir_block_t;
typedef struct ngx_http_weir_content_s  ngx_http_weir_content_t;
typedef struct ngx_http_weir_bulk_s  ngx_http_weir_bulk_t;
typedef struct ngx_http_weir_files_s  ngx_http_weir_files_t;
typedef struct ngx_http_weir_tools_s  ngx_http_weir_tools_t;
typedef struct ngx_http_weir_stored_s  ngx_http_weir_stored_t;

struct ngx_http_weir_block_s {
    ngx_http_weir_block_t          *next;
    u_char                          bytes[1];
};


/*
 * All of a call's memory that is not nginx's own, in one block that goes back
 * to the worker's list: 26 KB, of which a call touches some.
 */
struct ngx_http_weir_ctx_s {
    ngx_http_weir_ctx_t            *next;       /* in worker.spare */
    ngx_http_request_t             *request;
    ngx_http_weir_view_t           *view;       /* NULL: refused before */
    struct weir_surface_route       route;
    struct weir_urls                urls;       /* of route */
    struct weir_request             ask;
    ngx_buf_t                      *header_in;  /* nginx's, while another
                                                   stands in for it */
    struct weir_arena               arena;
    size_t                          arena_mark; /* behind what parsing left */

    ngx_queue_t                     queue;      /* in worker.waiting */
    ngx_queue_t                     open;       /* in worker.calls */
    ngx_event_t                     timer;      /* a wait, or a pause */
    ngx_event_t                     coalesce;
    ngx_event_t                     restart;

    struct weir_step                step;       /* the attempt under way */
    struct weir_outgoing            outgoing;
    struct weir_attempt_result      failure;
    const char                     *hop;        /* that failed, for the 502 */
    ngx_http_weir_endpoint_t       *endpoint;
    weir_secret                     secret;     /* of the worker's */
    const struct weir_image_pin    *pin;        /* NULL: not pinned */
    weir_span                       shadow_route; /* of a copy */
    weir_span                       shadow_body;  /* as the client sent it */
    ngx_http_weir_tunnel_t         *tunnel;     /* of origins with a proxy */
    const char                     *pin_hop;    /* when is_pin_broken */

    ngx_http_status_t               status;     /* nginx's parser */
    ngx_http_chunked_t              chunked;
    ngx_http_weir_framing_e         framing;
    ngx_http_weir_mode_e            mode;
    off_t                           left;       /* NGX_HTTP_WEIR_LENGTH */
    off_t                           collected;
    u_char                         *body_start; /* of the collected reply */
    ngx_str_t                       content_type;
    ngx_int_t                       retry_after;
    weir_span                       error_code; /* that a header told */
    ngx_http_weir_invoke_t         *invoke;     /* NULL: said nothing */
    ngx_msec_t                      last_read;
    size_t                          last_bytes; /* that it brought */
    uint64_t                        events;     /* of the reader, last seen */
    size_t                          event_bytes; /* read since */

    struct weir_reply              *reply;
    ngx_http_weir_reader_t         *reader;     /* its memory */
    void                          (*read_event_handler)(ngx_http_request_t *r,
                                        ngx_http_upstream_t *u);
    ngx_http_weir_block_t          *blocks;
    ngx_http_weir_content_t        *content;    /* NULL: none is kept */
    ngx_chain_t                    *body;       /* of a collected reply */
    ngx_chain_t                    *out_last;   /* of the chain being made */

    ngx_http_weir_filtering_t      *filtering;  /* NULL: no filters */
    ngx_http_weir_caching_t        *caching;    /* NULL: not cached */
    ngx_http_weir_bulk_t           *bulk;       /* NULL: another endpoint */
    ngx_http_weir_files_t          *files;      /* NULL: the call names none */
    ngx_http_weir_tools_t          *tools;      /* the same */
    ngx_http_weir_stored_t         *stored;     /* the same */
    ngx_http_weir_classifying_t    *classifying; /* NULL: nobody is asked */
    ngx_http_weir_realtime_t       *realtime;   /* NULL: another endpoint */
    ngx_http_weir_listing_t        *listing;    /* the same */
    struct weir_settlement          settlement;
    off_t                           passed;     /* body bytes to the client */
    void                           *map;        /* of a body in a file */
    size_t                          map_size;

    unsigned                        has_call:1; /* call was begun */
    unsigned                        is_open:1;  /* in worker.calls */
    unsigned                        is_waiting:1;
    unsigned                        is_queued:1;   /* in worker.queued */
    unsigned                        is_slowed:1;   /* counted as waiting */
    unsigned                        was_slowed:1;  /* has waited already */
    unsigned                        is_tried:1; /* weir_call_first() ran */
    unsigned                        is_restarting:1;
    unsigned                        is_withdrawn:1;
    unsigned                        is_stream:1;   /* text/event-stream */
    unsigned                        is_encoded:1;  /* gzip and the like */
    unsigned                        is_unreadable:1;  /* and so refused */
    unsigned                        is_complete:1; /* as HTTP promised */
    unsigned                        is_broken:1;   /* framing was wrong */
    unsigned                        is_closing:1;  /* origin will close */
    unsigned                        has_length:1;
    unsigned                        wants_trailer:1;
    unsigned                        is_refusing:1; /* the model, in words */
    unsigned                        has_failed:1;  /* see `failure` */
    unsigned                        is_ended:1;    /* the reader was told */
    unsigned                        is_cut_sent:1;
    unsigned                        is_unframed:1; /* what was collected */
    unsigned                        is_pin_checked:1; /* this connection */
    unsigned                        is_pin_broken:1;  /* this attempt */
    unsigned                        has_region:1;     /* pinned headers seen */
    unsigned                        has_operator:1;

    /* Not zeroed with the rest: whoever uses it does. */
    struct weir_call                call;
    char                            id[WEIR_REQUEST_ID_TEXT];
    u_char                          arena_bytes[NGX_HTTP_WEIR_ARENA]
                                        __attribute__((aligned(16)));
    u_char                          buffer[NGX_HTTP_WEIR_BUFFER];
};


/* NULL when the request never reached the handler. Survives redirects. */
ngx_http_weir_ctx_t *ngx_http_weir_get_ctx(ngx_http_request_t *r);


/* ngx_http_weir_worker.c */
ngx_int_t ngx_http_weir_init_process(ngx_cycle_t *cycle);
void ngx_http_weir_exit_process(ngx_cycle_t *cycle);
/* Takes up newer policy, if the board says there is some. */
void ngx_http_weir_follow(void);
weir_time ngx_http_weir_now(void);
const struct weir_overlay *ngx_http_weir_newest_overlay(void);
/* Maps a file of the run directory; NULL when it is not there (yet). */
void *ngx_http_weir_map(const char *name, int protection, size_t *size_out);


/* ngx_http_weir_view.c */

/* Puts a new view in force; what is not new is shared with the last one. */
void ngx_http_weir_follow_policy(ngx_http_weir_worker_t *w,
    uint64_t image_seen, uint64_t overlay_seen);
void ngx_http_weir_view_unref(ngx_http_weir_view_t *view);


/* ngx_http_weir_watch.c */

/* ERATE: too many calls wait already. */
weir_status ngx_http_weir_may_slow(ngx_http_weir_ctx_t *ctx,
    struct weir_error *err);
/* Whether the call waits now; ngx_http_weir_start() comes again then. */
ngx_uint_t ngx_http_weir_slow(ngx_http_weir_ctx_t *ctx);
void ngx_http_weir_unslow(ngx_http_weir_ctx_t *ctx);
/* The header that names what a step did. */
ngx_int_t ngx_http_weir_add_step(ngx_http_weir_ctx_t *ctx);
/* Matches the indicators of this generation from now on. */
void ngx_http_weir_follow_indicators(ngx_http_weir_worker_t *w,
    uint64_t generation);


/* ngx_http_weir_content.c */
void ngx_http_weir_content_tick(ngx_http_weir_worker_t *w);
void ngx_http_weir_content_close(void);
/* Memory that held plain text is wiped before it is used again. */
ngx_uint_t ngx_http_weir_content_is_kept(void);
/* Between decision and admission: EUNAVAIL when it must be kept and cannot
 * be. ctx->content is set where it is kept. */
weir_status ngx_http_weir_content_begin(ngx_http_weir_ctx_t *ctx,
    weir_span body, struct weir_error *err);
void ngx_http_weir_content_admitted(ngx_http_weir_ctx_t *ctx);
/* Bytes on their way to the client; ctx->content is set. */
void ngx_http_weir_content_reply(ngx_http_weir_ctx_t *ctx, u_char *p,
    size_t n);
/* Once; nothing where nothing is kept. */
void ngx_http_weir_content_end(ngx_http_weir_ctx_t *ctx);


/* ngx_http_weir_queue.c */

/* Memory is weighed anew after so many calls. */
#define NGX_HTTP_WEIR_WEIGH         256

/* Holds the call until it has a place, or for so long. */
void ngx_http_weir_queue(ngx_http_weir_ctx_t *ctx, int64_t wait_us);
void ngx_http_weir_unqueue(ngx_http_weir_ctx_t *ctx);
void ngx_http_weir_queue_freed(void);
void ngx_http_weir_open_fair(ngx_http_weir_worker_t *w);
void ngx_http_weir_weigh(ngx_http_weir_worker_t *w);
ngx_uint_t ngx_http_weir_sheds(ngx_http_weir_worker_t *w);


/* ngx_http_weir_cache.c */
void ngx_http_weir_cache_tick(ngx_http_weir_worker_t *w);
void ngx_http_weir_cache_close(ngx_http_weir_worker_t *w);
/* In place of a first attempt: whether the call was answered. Takes over one
 * count of the request then. */
ngx_uint_t ngx_http_weir_cache_serve(ngx_http_weir_ctx_t *ctx);
/* Goes on with a hit, and ends it: what classifiers were awaited for. */
void ngx_http_weir_cache_pass(ngx_http_weir_ctx_t *ctx, ngx_chain_t *out);
void ngx_http_weir_cache_end(ngx_http_weir_ctx_t *ctx, ngx_int_t rc);
/* "hit", "miss", ...; NULL: the call has nothing to do with it. */
const char *ngx_http_weir_cache_word(ngx_http_weir_ctx_t *ctx);
/* Of a hit; NULL: it is none. */
const struct weir_usage *ngx_http_weir_cache_usage(ngx_http_weir_ctx_t *ctx,
    uint64_t *content_bytes);
/* Bytes from the reader, before filters; ctx->caching is set. */
void ngx_http_weir_cache_note(ngx_http_weir_ctx_t *ctx, weir_span bytes);
/* Once the type of a reply that goes on is known. */
void ngx_http_weir_cache_type(ngx_http_weir_ctx_t *ctx);
void ngx_http_weir_cache_reset(ngx_http_weir_ctx_t *ctx);
void ngx_http_weir_cache_keep(ngx_http_weir_ctx_t *ctx);
void ngx_http_weir_cache_free(ngx_http_weir_ctx_t *ctx);


/* ngx_http_weir_credential.c */
void ngx_http_weir_follow_credentials(ngx_http_weir_worker_t *w,
    uint64_t generation);
void ngx_http_weir_forget_credentials(ngx_http_weir_worker_t *w);
/* NGX_DECLINED: the name is not known. NGX_ABORT: it has ended. */
ngx_int_t ngx_http_weir_credential(weir_span name, weir_secret *secret_out);


/* ngx_http_weir_place.c */

/* NGX_DECLINED: neither IPv4, which is mapped into IPv6, nor IPv6. */
ngx_int_t ngx_http_weir_address(struct sockaddr *address, uint8_t bits[16]);
/* Fills country and system, or why they are not known. The country points
 * into the mapped database. */
void ngx_http_weir_place(struct sockaddr *address, struct weir_client *client);
void ngx_http_weir_open_databases(ngx_http_weir_worker_t *w);
void ngx_http_weir_close_databases(ngx_http_weir_worker_t *w);


/* ngx_http_weir_journal.c */
void ngx_http_weir_journal_tick(void);
void ngx_http_weir_journal_close(void);
/* NGX_OK: on disk already. NGX_AGAIN: the call waits, and goes on by
 * ngx_http_weir_start() or a refusal. */
ngx_int_t ngx_http_weir_journal_wait(ngx_http_weir_ctx_t *ctx,
    uint64_t position);


/* ngx_http_weir_call.c */
ngx_int_t ngx_http_weir_handler(ngx_http_request_t *r);
/* What the client shows, in whichever header. */
weir_secret ngx_http_weir_key(ngx_http_request_t *r);
/* When control last said that the policy is still the newest. */
int64_t ngx_http_weir_confirmed(void);
/* A call that was decided, filtered and classified goes on with this body. */
void ngx_http_weir_admit_classified(ngx_http_weir_ctx_t *ctx, weir_span body);


/* ngx_http_weir_files.c */

/* A parsed call that names files; sets ctx->files. ETYPE: names that this
 * tenant was not given, or files at several origins. */
weir_status ngx_http_weir_files_read(ngx_http_weir_ctx_t *ctx,
    struct weir_error *err);
/* Once it is decided: only their origin may serve it. */
weir_status ngx_http_weir_files_bar(ngx_http_weir_ctx_t *ctx,
    struct weir_error *err);
/* Before the first attempt: ctx->ask becomes what the origin gets. */
weir_status ngx_http_weir_files_open(ngx_http_weir_ctx_t *ctx,
    struct weir_error *err);
/* A weir_stored_on_file: one that lies at the origin of the attempt. */
bool ngx_http_weir_files_name(void *context, weir_span id,
    struct weir_buf *name);
/* Of an error: what the origin calls files becomes what the client does. */
/* Each `id` in the text becomes `name`. */
ngx_int_t ngx_http_weir_rename(ngx_pool_t *pool, weir_span *text, weir_span id,
    weir_span name);
ngx_int_t ngx_http_weir_files_retell(ngx_http_weir_ctx_t *ctx,
    weir_span *body);


/* ngx_http_weir_bulk.c */

/* Reads what is asked and asks policy, in place of parsing and deciding. */
weir_status ngx_http_weir_bulk_decide(ngx_http_weir_ctx_t *ctx,
    weir_span body, struct weir_error *err);
weir_status ngx_http_weir_bulk_prepare(ngx_http_weir_ctx_t *ctx,
    const struct weir_target *target, struct weir_error *err);
/* The lines that are sent; empty: none. */
weir_span ngx_http_weir_bulk_lines(ngx_http_weir_ctx_t *ctx);
/* Whether the reply is an object that is told anew, and so read whole. */
ngx_uint_t ngx_http_weir_bulk_is_told(ngx_http_weir_ctx_t *ctx);
/* `body` becomes what the client is told; NGX_ERROR: it cannot be. */
ngx_int_t ngx_http_weir_bulk_retell(ngx_http_weir_ctx_t *ctx,
    weir_span *body);
/* Before the next attempt: a batch that may have been made is not made
 * again. */
void ngx_http_weir_bulk_failed(ngx_http_weir_ctx_t *ctx);
/* Bytes on their way to the client, without framing; ctx->bulk is set. */
void ngx_http_weir_bulk_results(ngx_http_weir_ctx_t *ctx, u_char *p,
    size_t n);
/* Before the call is settled: true when it stays open, as a batch does. */
ngx_uint_t ngx_http_weir_bulk_settle(ngx_http_weir_ctx_t *ctx);


/* ngx_http_weir_cors.c */

/* Pages that use a tool server: what their browsers read of a reply. Other
 * than NGX_DECLINED: it was a preflight, and is answered. */
ngx_int_t ngx_http_weir_cors(ngx_http_weir_ctx_t *ctx);
/* An origin's, which speaks for nobody here. */
ngx_uint_t ngx_http_weir_cors_is_header(ngx_table_elt_t *h);


/* ngx_http_weir_tools.c */

/* Whether pages of this origin may use the server (a row). */
ngx_uint_t ngx_http_weir_tools_is_origin(const struct weir_image *image,
    uint32_t server, weir_span origin);

/* Once the caller is known: NGX_DECLINED, or what ends the request. Sets
 * ctx->tools, which all others need. */
ngx_int_t ngx_http_weir_tools_head(ngx_http_weir_ctx_t *ctx);
/* In place of parsing and deciding; `body` may become another. */
weir_status ngx_http_weir_tools_decide(ngx_http_weir_ctx_t *ctx,
    weir_span *body, struct weir_error *err);
/* Header lines for the server, each with CRLF; what it is asked to send. */
ngx_int_t ngx_http_weir_tools_lines(ngx_http_weir_ctx_t *ctx,
    weir_span *lines_out);
weir_span ngx_http_weir_tools_accept(ngx_http_weir_ctx_t *ctx);
const struct weir_mcp_gate *ngx_http_weir_tools_gate(ngx_http_weir_ctx_t *ctx);
/* The server's header that names a session. */
ngx_int_t ngx_http_weir_tools_given(ngx_http_weir_ctx_t *ctx,
    ngx_str_t *session);
/* Status and session of the reply's head, as the client gets them. */
ngx_int_t ngx_http_weir_tools_pass_on(ngx_http_weir_ctx_t *ctx);
ngx_uint_t ngx_http_weir_tools_is_broken(ngx_http_weir_ctx_t *ctx);
void ngx_http_weir_tools_refusal(ngx_http_weir_ctx_t *ctx,
    struct weir_refusal *refusal);


/* ngx_http_weir_stored.c, _verbs.c */

/* Once policy was asked: opens the request's names, and bars candidates that
 * have not what they name. Sets ctx->stored where the origin may keep what it
 * answers; all others but the first four need that. */
weir_status ngx_http_weir_stored_decide(ngx_http_weir_ctx_t *ctx,
    struct weir_error *err);
/* In place of parsing and deciding, for WEIR_ENDPOINT_STORED. */
weir_status ngx_http_weir_stored_serve(ngx_http_weir_ctx_t *ctx,
    struct weir_error *err);
/* Whether the call hangs on what an origin has stored. */
ngx_uint_t ngx_http_weir_stored_is_bound(ngx_http_weir_ctx_t *ctx);
/* Whether the reply's ids get names, by ngx_http_weir_stored_name(). */
ngx_uint_t ngx_http_weir_stored_names_reply(ngx_http_weir_ctx_t *ctx);
ngx_int_t ngx_http_weir_stored_name(ngx_http_weir_ctx_t *ctx,
    struct weir_reply_piece *piece);
/* The request with this attempt's ids; ctx->ask where it has none. */
weir_status ngx_http_weir_stored_prepare(ngx_http_weir_ctx_t *ctx,
    struct weir_request **ask_out, struct weir_error *err);
/* Sets ctx->outgoing, for WEIR_ENDPOINT_STORED. */
weir_status ngx_http_weir_stored_path(ngx_http_weir_ctx_t *ctx,
    weir_span prefix, struct weir_error *err);
/* What an origin's error says of ids that the client named. */
ngx_int_t ngx_http_weir_stored_retell(ngx_http_weir_ctx_t *ctx,
    weir_span *body);
void ngx_http_weir_stored_refusal(ngx_http_weir_ctx_t *ctx,
    struct weir_refusal *refusal);
void ngx_http_weir_stored_free(ngx_http_weir_ctx_t *ctx);


/* ngx_http_weir_models.c */
ngx_int_t ngx_http_weir_models(ngx_http_weir_ctx_t *ctx);
/* In whose shape the list is told, by the client's headers. */
void ngx_http_weir_models_shape(ngx_http_weir_ctx_t *ctx);


/* ngx_http_weir_refuse.c */

/* Replies with weir's no, and records it. The result goes to
 * ngx_http_finalize_request(). */
ngx_int_t ngx_http_weir_refuse(ngx_http_weir_ctx_t *ctx, weir_status status,
    struct weir_error *err);
/* The same where there is no call yet; `ctx` may be NULL. */
ngx_int_t ngx_http_weir_refuse_plain(ngx_http_request_t *r,
    ngx_http_weir_ctx_t *ctx, weir_status status, ngx_uint_t http,
    const char *message);
ngx_int_t ngx_http_weir_send(ngx_http_request_t *r, ngx_uint_t status,
    weir_span body);
/* A failure that came through nginx's error pages. */
ngx_int_t ngx_http_weir_door(ngx_http_request_t *r, ngx_http_weir_ctx_t *ctx);
ngx_int_t ngx_http_weir_add_header(ngx_http_request_t *r, const char *name,
    size_t name_len, const char *value, size_t value_len);
/* weir-request-id, weir-policy and, once it is answered, where it ran. */
ngx_int_t ngx_http_weir_add_headers(ngx_http_weir_ctx_t *ctx);
/* "0.000123 USD" */
#define NGX_HTTP_WEIR_COST  48
size_t ngx_http_weir_format_cost(ngx_http_weir_ctx_t *ctx,
    char text[NGX_HTTP_WEIR_COST]);


/* ngx_http_weir_origin.c: these take over one count of the request */
void ngx_http_weir_start(ngx_http_weir_ctx_t *ctx);
/* The attempt ended as ctx->failure before the client had a byte. */
void ngx_http_weir_next(ngx_http_weir_ctx_t *ctx);
void ngx_http_weir_take(ngx_http_weir_ctx_t *ctx, struct weir_step step,
    struct weir_error *err);
/* Ends an open call because of a withdrawal. */
void ngx_http_weir_withdraw(ngx_http_weir_ctx_t *ctx);
/* ngx_http_weir_invoke.c: counts that stand in headers */
void ngx_http_weir_invoke_header(ngx_http_weir_ctx_t *ctx, ngx_table_elt_t *h);
/* False: none were there. */
ngx_uint_t ngx_http_weir_invoke_usage(ngx_http_weir_ctx_t *ctx,
    struct weir_usage *usage);
/* Of a whole reply, to clients of InvokeModel. */
ngx_int_t ngx_http_weir_invoke_heads(ngx_http_weir_ctx_t *ctx);

/* ngx_http_weir_urls.c: once the caller is known; why a request that cannot
 * be read is refused; whether another image lets the same be named. */
void ngx_http_weir_urls_set(ngx_http_weir_ctx_t *ctx);
enum weir_reason ngx_http_weir_bad_reason(weir_status status);
ngx_uint_t ngx_http_weir_urls_same(ngx_http_weir_ctx_t *ctx,
    const struct weir_image *image, const uint8_t digest[32]);

/* ngx_http_weir_usage.c: of a reply; and WEIR_SIZES_* of a request. */
struct weir_usage ngx_http_weir_usage(ngx_http_weir_ctx_t *ctx);
uint32_t ngx_http_weir_shape(const struct weir_request *ask);
void ngx_http_weir_settle(ngx_http_weir_ctx_t *ctx, enum weir_ending ending);
/* Takes an upstream down from outside of it. */
void ngx_http_weir_drop_upstream(ngx_http_request_t *r);
/* After a reply that is not passed on: takes ctx->step. */
void ngx_http_weir_go_on(ngx_http_weir_ctx_t *ctx);
/* The same from an event, once the reply was read to its end. */
void ngx_http_weir_post_restart(ngx_http_weir_ctx_t *ctx);
/* "origin eu-1: connect timeout" */
void ngx_http_weir_name_hop(ngx_http_weir_ctx_t *ctx, const char *what);


/* ngx_http_weir_request.c */
ngx_int_t ngx_http_weir_create_request(ngx_http_request_t *r);
/* What shows the origin who asks: header lines, in the request's pool. */
ngx_int_t ngx_http_weir_authorize(ngx_http_weir_ctx_t *ctx,
    weir_span authority, weir_span *lines_out);
/* Counts (p NULL) or writes the client's headers that go on. */
size_t ngx_http_weir_pass_headers(ngx_http_request_t *r, u_char *p);


/* ngx_http_weir_pin.c */

/* Of a new image: what its pins need. */
ngx_int_t ngx_http_weir_pin_init(ngx_http_weir_image_t *image, ngx_log_t *log);
/* ---------------------------------------------------------- shadow */

/* Of a copy: the call it is of, and the route that was made for it. */
#define NGX_HTTP_WEIR_SHADOW         "weir-shadow"
#define NGX_HTTP_WEIR_SHADOW_CLIENT  "weir-shadow-client"
void ngx_http_weir_shadow_hear(ngx_http_request_t *r, ngx_str_t *value,
    struct weir_client *client);
/* The call has been settled: perhaps a copy of it goes to a shadow. */
void ngx_http_weir_shadow(ngx_http_weir_ctx_t *ctx);
void ngx_http_weir_free_shadows(void);

/* -------------------------------------------------- egress, tunnel */

/* A parameter of weir_origin; NGX_DECLINED: not one of these. */
ngx_int_t ngx_http_weir_egress_parameter(ngx_http_weir_origin_t *origin,
    ngx_str_t *value);
/* Its contexts; those of its proxy too. */
ngx_int_t ngx_http_weir_egress_tls(ngx_conf_t *cf,
    ngx_http_weir_origin_t *origin);
/* The attempt's connection leads through the origin's proxy. */
ngx_int_t ngx_http_weir_tunnel_watch(ngx_http_weir_ctx_t *ctx);
void ngx_http_weir_tunnel_reset(ngx_http_weir_ctx_t *ctx);
/* A finding for the record: `what` kept the attempt from being sent. */
void ngx_http_weir_tunnel_note(ngx_http_weir_ctx_t *ctx, const char *what);
/* What of the way to it failed; NULL: the origin itself, or no proxy. */
const char *ngx_http_weir_tunnel_fault(ngx_http_weir_ctx_t *ctx);

/* Sets ctx->pin; the hop's name where the deployment is not to be asked. */
const char *ngx_http_weir_pin_start(ngx_http_weir_ctx_t *ctx);
/* Before ngx_http_upstream_init(): checks before the first byte. */
void ngx_http_weir_pin_watch(ngx_http_weir_ctx_t *ctx);
ngx_int_t ngx_http_weir_pin_filter(void *data, ngx_chain_t *in);
/* Each header of a pinned origin's reply, and the end of its head: NGX_ERROR
 * when nothing of the reply may be passed on. */
void ngx_http_weir_pin_header(ngx_http_weir_ctx_t *ctx, ngx_table_elt_t *h);
ngx_int_t ngx_http_weir_pin_head(ngx_http_weir_ctx_t *ctx);


/* ngx_http_weir_reply.c */
ngx_int_t ngx_http_weir_process_status(ngx_http_request_t *r);
void ngx_http_weir_reply_reset(ngx_http_weir_ctx_t *ctx);
void ngx_http_weir_free_reply(ngx_http_weir_ctx_t *ctx);
/* NGX_OK without a reader where there is nothing for one to read. */
ngx_int_t ngx_http_weir_new_reply(ngx_http_weir_ctx_t *ctx);
/* Logs what of the reply is not HTTP: NGX_HTTP_UPSTREAM_INVALID_HEADER. */
ngx_int_t ngx_http_weir_invalid(ngx_http_request_t *r, const char *what);
/* The reply's head goes to the client. */
ngx_int_t ngx_http_weir_pass_on(ngx_http_request_t *r);


/* ngx_http_weir_collect.c: upstream's process_header, once the head is read */
ngx_int_t ngx_http_weir_process_drain(ngx_http_request_t *r);
ngx_int_t ngx_http_weir_process_collect(ngx_http_request_t *r);


/* ngx_http_weir_filter.c */

/* Before the call is admitted: `body` may become another, parsed anew. */
weir_status ngx_http_weir_filter_request(ngx_http_weir_ctx_t *ctx,
    weir_span *body, struct weir_error *err);
/* The same for one of several texts in JSON: `part` may become another, in
 * `out`, where it stays until that is reset. */
weir_status ngx_http_weir_filter_part(ngx_http_weir_ctx_t *ctx,
    weir_span *part, struct weir_buf *out, struct weir_error *err);
/* Whether replies go through ngx_http_weir_filter_reply(). */
ngx_uint_t ngx_http_weir_filters_reply(ngx_http_weir_ctx_t *ctx);
/* Whether one that cannot be looked at must not pass. */
ngx_uint_t ngx_http_weir_must_filter_reply(ngx_http_weir_ctx_t *ctx);
/* While the head is there: what kind of reply it is. */
ngx_int_t ngx_http_weir_begin_filter(ngx_http_weir_ctx_t *ctx);
/* Appends what may go on of these bytes; once blocked, nothing. */
ngx_int_t ngx_http_weir_filter_reply(ngx_http_weir_ctx_t *ctx,
    ngx_chain_t **chain, weir_span bytes);
/* What was held, at the reply's end. */
ngx_int_t ngx_http_weir_filter_end(ngx_http_weir_ctx_t *ctx,
    ngx_chain_t **chain);
ngx_uint_t ngx_http_weir_is_blocked(ngx_http_weir_ctx_t *ctx);
void ngx_http_weir_filter_reset(ngx_http_weir_ctx_t *ctx);
/* A classifier stopped it. */
void ngx_http_weir_block_reply(ngx_http_weir_ctx_t *ctx);
/* In place of a reply of which nothing was sent. */
void ngx_http_weir_refuse_reply(ngx_http_weir_ctx_t *ctx);
/* For the record; lives as long as the call. */
weir_span ngx_http_weir_filter_found(ngx_http_weir_ctx_t *ctx);
void ngx_http_weir_filter_free(ngx_http_weir_ctx_t *ctx);
void ngx_http_weir_prepare_sets(const struct weir_image *image);
void ngx_http_weir_free_sets(void);


/* ngx_http_weir_stream.c */

/* Takes the framing off `n` bytes at `p`, in place; returns how many are
 * body, NGX_ERROR when it is not HTTP. Sets ctx->is_complete at the end. */
ssize_t ngx_http_weir_unframe(ngx_http_weir_ctx_t *ctx, u_char *p, size_t n);
ngx_int_t ngx_http_weir_filter_init(void *data);
ngx_int_t ngx_http_weir_filter(void *data, ssize_t bytes);
/* Appends bytes that stay where they are until sent. */
ngx_int_t ngx_http_weir_append(ngx_http_weir_ctx_t *ctx, ngx_chain_t **chain,
    u_char *p, size_t n);
/* The same for bytes that do not stay: copied to a block of their own. */
ngx_int_t ngx_http_weir_append_copy(ngx_http_weir_ctx_t *ctx,
    ngx_chain_t **chain, const char *p, size_t n);
ngx_int_t ngx_http_weir_append_piece(ngx_http_weir_ctx_t *ctx,
    ngx_chain_t **chain, const struct weir_reply_piece *piece);
ngx_int_t ngx_http_weir_append_plain(ngx_http_weir_ctx_t *ctx,
    ngx_chain_t **chain, u_char *p, size_t n);
/* The event that says so, into a chain. */
ngx_int_t ngx_http_weir_append_cut(ngx_http_weir_ctx_t *ctx,
    ngx_chain_t **chain);
/* Tells the client that its stream was broken off. */
void ngx_http_weir_send_cut(ngx_http_weir_ctx_t *ctx);
/* The origin is at its end: the rest goes to the client. */
void ngx_http_weir_end_reply(ngx_http_weir_ctx_t *ctx, ngx_uint_t is_whole);
void ngx_http_weir_free_blocks(ngx_http_weir_ctx_t *ctx);


#endif /* _NGX_HTTP_WEIR_H_INCLUDED_ */
