/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The witness over HTTP: POST /add-checkpoint, one after the other in one
 * thread of the HTTP library, so that check and save of a log are one step.
 * TLS and names belong to whoever puts it on a network: it is meant to be
 * bound to the loopback address.
 */
#include <microhttpd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/control.h"
#include "control/listen.h"
#include "control/log.h"
#include "control/witness/witness.h"

#define PATH "/add-checkpoint"

static enum MHD_Result
send_reply(struct MHD_Connection *connection, unsigned http, const char *type,
           weir_span body)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.len, (void *)(uintptr_t)body.ptr, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (http == 405)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "POST");
    enum MHD_Result result = MHD_queue_response(connection, http, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result
refuse(struct MHD_Connection *connection, unsigned http, const char *text)
{
    return send_reply(connection, http, "text/plain; charset=utf-8",
                      weir_span_of(text));
}

static enum MHD_Result
answer(struct weir_witness *witness, struct MHD_Connection *connection,
       const struct weir_buf *body)
{
    struct weir_witness_reply reply = {.http = 500, .type = "text/plain"};
    if (body->overflow)
        return refuse(connection, 413, "the request is too long\n");
    weir_buf_init(&reply.body, WEIR_NOTE_BYTES_MAX);
    weir_witness_answer(witness, weir_buf_span(body), weir_control_now(),
                        &reply);
    enum MHD_Result result = send_reply(connection, reply.http, reply.type,
                                        weir_buf_span(&reply.body));
    weir_buf_fini(&reply.body);
    return result;
}

static enum MHD_Result
on_request(void *context, struct MHD_Connection *connection, const char *url,
           const char *method, const char *version, const char *upload,
           size_t *upload_size, void **state)
{
    struct weir_buf *body = *state;
    if (body == NULL) {
        body = calloc(1, sizeof *body);
        if (body == NULL)
            return MHD_NO;
        weir_buf_init(body, WEIR_WITNESS_BODY_MAX);
        *state = body;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        weir_buf_add(body, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES; /* too much is read to its end and refused */
    }
    if (strcmp(url, PATH) != 0)
        return refuse(connection, 404, "there is " PATH " only\n");
    if (strcmp(method, "POST") != 0)
        return refuse(connection, 405, "this takes POST\n");
    return answer(context, connection, body);
}

static void
on_completed(void *context, struct MHD_Connection *connection, void **state,
             enum MHD_RequestTerminationCode code)
{
    struct weir_buf *body = *state;
    if (body != NULL) {
        weir_buf_fini(body);
        free(body);
    }
    *state = NULL;
}

weir_status
weir_witness_serve(struct weir_witness *witness, const char *host,
                   uint32_t port,
                   void (*on_ready)(void *context, uint32_t port),
                   void *context, struct weir_error *err)
{
    sigset_t ends;
    int listener = -1, number = 0;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);
    weir_status status =
        weir_listen(host, &port, "the witness", &listener, err);
    if (status != WEIR_OK)
        return status;
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO, 0, NULL, NULL,
        on_request, witness, MHD_OPTION_LISTEN_SOCKET, listener,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
        MHD_OPTION_CONNECTION_TIMEOUT, 60u, MHD_OPTION_CONNECTION_LIMIT, 256u,
        MHD_OPTION_END);
    if (daemon == NULL) {
        close(listener);
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "the witness does not start");
    }
    on_ready(context, port);
    while (sigwait(&ends, &number) != 0)
        ;
    MHD_stop_daemon(daemon);
    return WEIR_OK;
}
