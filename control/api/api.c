/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doors of the admin API: a TCP address, where every request needs a
 * token; a socket in the run directory, which only the user's own processes
 * can open; and beside it one by which nginx hands on what customers ask,
 * where nothing but a customer's own paths is answered. Each door has a few
 * threads of the HTTP library, so that a long request (an import, a bill, a
 * reload) does not keep a revocation waiting; each request borrows one of as
 * many stores.
 */
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/api/call.h"
#include "control/listen.h"
#include "control/log.h"

#define THREADS 4

struct door {
    struct weir_api_door door;
    struct MHD_Daemon *daemon;
    bool is_local;
    pthread_mutex_t lock;
    struct weir_store *stores[THREADS]; /* those that nobody uses */
    uint32_t count;
};

struct weir_api {
    struct door local;
    struct door network;
    struct door customers;
    char socket_path[WEIR_PATH_MAX + 16];
    char customer_path[WEIR_PATH_MAX + 16];
};

/* A request while its body arrives. */
struct arriving {
    struct weir_buf body;
    struct weir_spool spool; /* of a register */
    bool is_spooled;
    weir_status status; /* why it is not taken */
    struct weir_error err;
};

static enum MHD_Result
keep_pair(void *context, enum MHD_ValueKind kind, const char *name,
          const char *value)
{
    struct weir_api_request *request = context;
    if (request->query_count < WEIR_API_QUERY_MAX)
        request->query[request->query_count++] =
            (struct weir_api_pair){name, value == NULL ? "" : value};
    return MHD_YES;
}

/* There are as many as threads: one is always left. */
static struct weir_store *
take_store(struct door *door)
{
    pthread_mutex_lock(&door->lock);
    WEIR_ASSERT(door->count > 0);
    struct weir_store *store = door->stores[--door->count];
    pthread_mutex_unlock(&door->lock);
    return store;
}

static void
put_store(struct door *door, struct weir_store *store)
{
    pthread_mutex_lock(&door->lock);
    door->stores[door->count++] = store;
    pthread_mutex_unlock(&door->lock);
}

static void
close_stores(struct door *door)
{
    while (door->count > 0)
        weir_store_close(door->stores[--door->count]);
    pthread_mutex_destroy(&door->lock);
}

static struct weir_api_request
request_of(const struct door *door, struct MHD_Connection *connection,
           const char *url, const char *method)
{
    struct weir_api_request request = {
        .method = method,
        .path = url,
        .authorization = MHD_lookup_connection_value(
            connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION),
        .is_local = door->is_local,
    };
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, keep_pair,
                              &request);
    return request;
}

/* A register: two gigabytes are not taken from anybody, nor into memory. */
static void
begin_spool(struct door *door, struct MHD_Connection *connection,
            const char *url, const char *method, struct arriving *arriving)
{
    struct weir_control *control = door->door.control;
    const struct weir_api_request request =
        request_of(door, connection, url, method);
    const char *length = MHD_lookup_connection_value(
        connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    uint64_t bytes = 0;
    weir_control_lock(control);
    uint64_t most = control->world->settings.import_bytes_max;
    pthread_mutex_unlock(&control->lock);
    struct weir_api_door mine = door->door;
    mine.store = take_store(door);
    arriving->is_spooled = true;
    arriving->status = weir_api_may_send(&mine, &request, &arriving->err);
    put_store(door, mine.store);
    if (arriving->status == WEIR_OK && length != NULL &&
        weir_span_to_u64(weir_span_of(length), &bytes) && bytes > most)
        arriving->status =
            weir_fail(&arriving->err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                      "over %llu bytes; limits.import says how many may be "
                      "sent",
                      (unsigned long long)most);
    if (arriving->status == WEIR_OK)
        arriving->status = weir_spool_open(
            &arriving->spool, control->paths.state, most, &arriving->err);
}

static enum MHD_Result
answer(struct door *door, struct MHD_Connection *connection, const char *url,
       const char *method, struct arriving *arriving)
{
    struct weir_api_reply reply;
    struct weir_api_request request = request_of(door, connection, url, method);
    request.body = weir_buf_span(&arriving->body);
    if (arriving->is_spooled)
        request.spool = &arriving->spool;
    if (arriving->status != WEIR_OK) {
        weir_api_refuse(&arriving->err, &reply);
    } else {
        struct weir_api_door mine = door->door;
        mine.store = take_store(door);
        weir_api_dispatch(&mine, &request, &reply);
        put_store(door, mine.store);
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(
        reply.len, reply.bytes, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                            reply.content_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
                            "no-store");
    if (reply.status == 401)
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
                                "Bearer");
    enum MHD_Result result =
        MHD_queue_response(connection, reply.status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result
on_request(void *context, struct MHD_Connection *connection, const char *url,
           const char *method, const char *version, const char *upload,
           size_t *upload_size, void **state)
{
    struct arriving *arriving = *state;
    if (arriving == NULL) {
        arriving = calloc(1, sizeof *arriving);
        if (arriving == NULL)
            return MHD_NO;
        weir_buf_init(&arriving->body, WEIR_API_BODY_MAX);
        arriving->spool.file = -1;
        *state = arriving;
        const char *type = MHD_lookup_connection_value(
            connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);
        if (type == NULL || strcasecmp(type, "application/octet-stream") != 0)
            return MHD_YES;
        begin_spool(context, connection, url, method, arriving);
        return arriving->status == WEIR_OK
                   ? MHD_YES
                   : answer(context, connection, url, method, arriving);
    }
    if (*upload_size > 0 && arriving->is_spooled) {
        if (arriving->status == WEIR_OK)
            arriving->status = weir_spool_add(&arriving->spool, upload,
                                              *upload_size, &arriving->err);
        *upload_size = 0;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        weir_buf_add(&arriving->body, upload, *upload_size);
        *upload_size = 0;
        return arriving->body.overflow ? MHD_NO : MHD_YES;
    }
    return answer(context, connection, url, method, arriving);
}

static void
on_completed(void *context, struct MHD_Connection *connection, void **state,
             enum MHD_RequestTerminationCode code)
{
    struct arriving *arriving = *state;
    if (arriving != NULL) {
        weir_spool_close(&arriving->spool);
        weir_buf_fini(&arriving->body);
        free(arriving);
    }
    *state = NULL;
}

static void
on_log(void *context, const char *format, va_list arguments)
{
    char line[256];
    vsnprintf(line, sizeof line, format, arguments);
    line[strcspn(line, "\r\n")] = '\0';
    weir_log(WEIR_LOG_WARN, "admin API: %s", line);
}

static weir_status
open_door(struct door *door, int listener, struct weir_error *err)
{
    struct weir_control *control = door->door.control;
    weir_status status = WEIR_OK;
    while (status == WEIR_OK && door->count < THREADS) {
        struct weir_store *store = NULL;
        status = weir_store_open(control->paths.state, false, &store, err);
        if (status == WEIR_OK)
            door->stores[door->count++] = store;
    }
    if (status != WEIR_OK) {
        close(listener);
        return status;
    }
    /* The logger is the first option, or the library logs by itself. */
    door->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO | MHD_USE_ERROR_LOG, 0,
        NULL, NULL, on_request, door, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, NULL, MHD_OPTION_CONNECTION_TIMEOUT, 30u,
        MHD_OPTION_CONNECTION_LIMIT, 256u, MHD_OPTION_THREAD_POOL_SIZE,
        (unsigned)THREADS, MHD_OPTION_END);
    if (door->daemon != NULL)
        return WEIR_OK;
    close(listener);
    return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                     "the admin API does not start");
}

/* `name` in the run directory, which only this user may look into. */
static weir_status
listen_local(const struct weir_control *control, const char *name,
             char path_out[WEIR_PATH_MAX + 16], int *listener_out,
             struct weir_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(path_out, WEIR_PATH_MAX + 16, "%s/%s", control->paths.run, name);
    if (strlen(path_out) >= sizeof address.sun_path)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the run directory's path is too long for a socket");
    memcpy(address.sun_path, path_out, strlen(path_out) + 1);
    unlink(path_out);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    mode_t mask = umask(077);
    bool is_bound =
        listener >= 0 &&
        bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
        listen(listener, 64) == 0;
    int failure = errno;
    umask(mask);
    if (is_bound) {
        *listener_out = listener;
        return WEIR_OK;
    }
    if (listener >= 0)
        close(listener);
    return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "cannot listen on %s: %s",
                     name, strerror(failure));
}

static weir_status
listen_network(const struct weir_world_listen *where, int *listener_out,
               struct weir_error *err)
{
    char host[128];
    uint32_t port = where->port;
    snprintf(host, sizeof host, "%.*s", WEIR_SPAN_ARG(where->host));
    return weir_listen(host, &port, "the admin API", listener_out, err);
}

weir_status
weir_api_start(struct weir_control *control, struct weir_ingest *ingest,
               struct weir_quota *quota, int nudge, struct weir_api **api_out,
               struct weir_error *err)
{
    const struct weir_world_listen *where = &control->world->settings.admin;
    struct weir_api *api = calloc(1, sizeof *api);
    int listener = -1;
    if (api == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    const struct weir_api_door door = {control, ingest, quota,
                                       NULL,    nudge,  false};
    api->local.door = api->network.door = api->customers.door = door;
    api->local.is_local = true;
    api->customers.door.is_customers = true;
    pthread_mutex_init(&api->local.lock, NULL);
    pthread_mutex_init(&api->network.lock, NULL);
    pthread_mutex_init(&api->customers.lock, NULL);
    weir_status status =
        listen_local(control, "admin.sock", api->socket_path, &listener, err);
    if (status == WEIR_OK)
        status = open_door(&api->local, listener, err);
    if (status == WEIR_OK)
        status = listen_local(control, "customer.sock", api->customer_path,
                              &listener, err);
    if (status == WEIR_OK)
        status = open_door(&api->customers, listener, err);
    if (status == WEIR_OK && where->port != 0) {
        status = listen_network(where, &listener, err);
        if (status == WEIR_OK)
            status = open_door(&api->network, listener, err);
    }
    if (status != WEIR_OK) {
        weir_api_stop(api);
        return status;
    }
    *api_out = api;
    return WEIR_OK;
}

void
weir_api_stop(struct weir_api *api)
{
    if (api == NULL)
        return;
    if (api->network.daemon != NULL)
        MHD_stop_daemon(api->network.daemon);
    if (api->local.daemon != NULL)
        MHD_stop_daemon(api->local.daemon);
    if (api->customers.daemon != NULL)
        MHD_stop_daemon(api->customers.daemon);
    close_stores(&api->network);
    close_stores(&api->local);
    close_stores(&api->customers);
    unlink(api->socket_path);
    unlink(api->customer_path);
    free(api);
}
