/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a connection that TCP has opened to one that a request can be written
 * to: through a proxy where the origin has one, then TLS where it has that.
 * See the source's head.
 */
#ifndef _NGX_HTTP_WEIR_TUNNEL_H_INCLUDED_
#define _NGX_HTTP_WEIR_TUNNEL_H_INCLUDED_


/* What the proxy is asked, and then the head of its answer. */
#define NGX_HTTP_WEIR_TUNNEL  4096


typedef void (*ngx_http_weir_tunnel_pt)(ngx_http_weir_tunnel_t *tunnel);


typedef enum {
    NGX_HTTP_WEIR_TUNNEL_NONE = 0,
    NGX_HTTP_WEIR_TUNNEL_ASKING,     /* also the handshakes */
    NGX_HTTP_WEIR_TUNNEL_HEARING,
    NGX_HTTP_WEIR_TUNNEL_OPEN,
    NGX_HTTP_WEIR_TUNNEL_FAILED
} ngx_http_weir_tunnel_e;


struct ngx_http_weir_tunnel_s {
    ngx_http_weir_origin_t         *origin;
    ngx_connection_t               *connection;
    ngx_http_weir_tunnel_pt         handler;
    void                           *data;

    ngx_http_weir_tunnel_e          state;
    const char                     *what;       /* that failed */
    ngx_chain_t                    *held;       /* of a request */
    void                           *owner;      /* connection's, meanwhile */
    ngx_event_handler_pt            on_read;
    ngx_event_handler_pt            on_write;
    size_t                          len;
    size_t                          sent;
    u_char                          said[48];   /* `what`, made */
    u_char                          bytes[NGX_HTTP_WEIR_TUNNEL];
    unsigned                        is_slow:1;  /* it failed by time */
    unsigned                        is_tls:1;   /* or by a handshake */
    unsigned                        is_starting:1;
};


/*
 * Of `tunnel` origin, connection, handler and data are set.  The handler is
 * called once, with state OPEN or FAILED and the connection as it was;
 * perhaps before this returns.  `timeout` 0: somebody else looks at the time.
 */
void ngx_http_weir_tunnel_start(ngx_http_weir_tunnel_t *tunnel,
    ngx_msec_t timeout);
/* Why a handshake failed: of the certificate, or NULL. */
const char *ngx_http_weir_tls_fault(ngx_connection_t *c);


#endif /* _NGX_HTTP_WEIR_TUNNEL_H_INCLUDED_ */
