/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nginx.conf, whole, from the world and the image in force.
 *
 * Everything nginx must open before its workers start stands here and
 * nothing else: listeners, upstream blocks with their pools, origins' trust
 * anchors, limits. What a decision needs is in the image, which changes
 * without a reload. The text depends on its arguments alone, so a reload of
 * nginx is needed exactly when the text differs.
 *
 * An origin without addresses gets no block: nginx starts, and calls to it
 * fail over, the module naming the hop.
 */
#include "control/serve/nginx_conf.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/egress/egress.h"

/* A value in quotes. What nginx would read as something else is refused. */
static weir_status
add_quoted(struct weir_buf *out, weir_span value, struct weir_error *err)
{
    weir_buf_add_byte(out, '"');
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if ((unsigned char)c < 0x20 || c == '$')
            return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                             "a path or name with a control character or '$' "
                             "cannot be given to nginx");
        if (c == '"' || c == '\\')
            weir_buf_add_byte(out, '\\');
        weir_buf_add_byte(out, c);
    }
    weir_buf_add_byte(out, '"');
    return WEIR_OK;
}

static weir_status
add_path(struct weir_buf *out, const char *directive, weir_span value,
         struct weir_error *err)
{
    weir_buf_addf(out, "%s ", directive);
    weir_status status = add_quoted(out, value, err);
    weir_buf_addf(out, ";\n");
    return status;
}

#define BESIDES_CALLS 32 /* connections: listeners, channels */
#define FILES         64 /* descriptors that are no connections */

/* Calls that a worker may have open: two connections each. More than the
 * system gives descriptors for would not be refused, but break. */
static uint64_t
calls_of(const struct weir_settings *settings, uint64_t files_max)
{
    uint64_t calls = settings->connections_max;
    uint64_t most = files_max > 2 * (BESIDES_CALLS + FILES)
                        ? (files_max - BESIDES_CALLS - FILES) / 2
                        : 16;
    return calls < most ? calls : most;
}

static weir_status
add_main(const struct weir_world *world, const struct weir_paths *paths,
         uint64_t files_max, struct weir_buf *out, struct weir_error *err)
{
    const struct weir_settings *settings = &world->settings;
    const char *level = "notice";
    if (weir_span_equal(settings->log_level, WEIR_SPAN("error")))
        level = "error";
    else if (weir_span_equal(settings->log_level, WEIR_SPAN("warn")))
        level = "warn";
    uint64_t connections = calls_of(settings, files_max) * 2 + BESIDES_CALLS;
    uint64_t files = connections + FILES;
    if (files > files_max)
        files = files_max;
    weir_buf_addf(out, "# Written by weir from %s; changes are lost.\n",
                  strrchr(paths->config, '/') == NULL
                      ? paths->config
                      : strrchr(paths->config, '/') + 1);
    weir_status status =
        add_path(out, "load_module", settings->module_path, err);
    weir_buf_addf(out, "daemon off;\npid nginx.pid;\nerror_log stderr %s;\n",
                  level);
    /* Without this, root's workers would be nobody's, and the run directory
     * is the user's alone. */
    if (geteuid() == 0)
        weir_buf_addf(out, "user root;\n");
    if (settings->workers == 0)
        weir_buf_addf(out, "worker_processes auto;\n");
    else
        weir_buf_addf(out, "worker_processes %u;\n", settings->workers);
    weir_buf_addf(out, "worker_rlimit_nofile %llu;\n",
                  (unsigned long long)files);
    weir_buf_addf(out, "worker_shutdown_timeout %ums;\n", settings->drain_ms);
    weir_buf_addf(out, "events {\n    worker_connections %llu;\n}\n",
                  (unsigned long long)connections);
    return status;
}

/* Whose word about a client's address counts. The address nearest to weir
 * that is not a proxy's is the client's; what lies behind it anybody could
 * have written. */
static void
add_proxies(const struct weir_world *world, struct weir_buf *out)
{
    struct weir_world_range proxies = world->settings.proxies;
    if (proxies.count == 0)
        return;
    for (uint32_t i = 0; i < proxies.count; i++)
        weir_buf_addf(out, "set_real_ip_from %.*s;\n",
                      WEIR_SPAN_ARG(world->name_rows[proxies.first + i].text));
    weir_buf_addf(out, "real_ip_header %.*s;\nreal_ip_recursive on;\n",
                  WEIR_SPAN_ARG(world->settings.client_header));
}

/* With its size and time, so that a new edition of the file is another
 * configuration and nginx's workers open it with the next reload. */
static weir_status
add_database(struct weir_buf *out, const char *directive, weir_span path,
             struct weir_error *err)
{
    struct stat info;
    if (stat(path.ptr, &info) == 0)
        weir_buf_addf(out, "# %lld bytes of %lld.%09ld\n",
                      (long long)info.st_size, (long long)info.st_mtim.tv_sec,
                      info.st_mtim.tv_nsec);
    return add_path(out, directive, path, err);
}

static weir_status
add_http(const struct weir_world *world, const struct weir_paths *paths,
         uint64_t files_max, struct weir_buf *out, struct weir_error *err)
{
    const struct weir_settings *settings = &world->settings;
    weir_buf_addf(out, "access_log off;\nserver_tokens off;\netag off;\n"
                       "tcp_nodelay on;\nsendfile off;\n"
                       "reset_timedout_connection on;\n"
                       "default_type application/json;\n"
                       "client_body_temp_path body;\nproxy_temp_path proxy;\n"
                       "fastcgi_temp_path fastcgi;\nuwsgi_temp_path uwsgi;\n"
                       "scgi_temp_path scgi;\n"
                       "client_header_timeout 15s;\nclient_body_timeout 60s;\n"
                       "send_timeout 60s;\nkeepalive_requests 1000000;\n"
                       "http2_max_concurrent_streams 256;\n"
                       "http2_recv_buffer_size 256k;\n"
                       "client_header_buffer_size 4k;\n"
                       "request_pool_size 8k;\nconnection_pool_size 512;\n");
    weir_buf_addf(out, "keepalive_timeout %ums;\n", settings->idle_ms);
    weir_buf_addf(
        out, "large_client_header_buffers 4 %u;\n",
        settings->header_bytes_max < 4096 ? 4096 : settings->header_bytes_max);
    weir_buf_addf(out, "client_max_body_size %llu;\n",
                  (unsigned long long)settings->body_bytes_max);
    weir_buf_addf(out, "client_body_buffer_size %llu;\n",
                  (unsigned long long)settings->buffer_bytes_max);
    weir_buf_addf(out,
                  "weir_body_max %llu;\nweir_event_max %llu;\n"
                  "weir_calls_max %llu;\n",
                  (unsigned long long)settings->body_bytes_max,
                  (unsigned long long)settings->event_bytes_max,
                  (unsigned long long)calls_of(settings, files_max));
    weir_buf_addf(out,
                  "weir_message_max %llu;\nweir_session_max %ums;\n"
                  "weir_session_idle %ums;\n",
                  (unsigned long long)settings->message_bytes_max,
                  settings->session_ms_max, settings->session_idle_ms);
    add_proxies(world, out);
    weir_status status =
        add_path(out, "weir_run", weir_span_of(paths->run), err);
    if (status == WEIR_OK)
        status = add_path(out, "weir_drop", settings->translation_drop, err);
    if (status == WEIR_OK && settings->files_model.text.len > 0)
        status =
            add_path(out, "weir_files_model", settings->files_model.text, err);
    if (status == WEIR_OK && settings->mmdb_path.len > 0)
        status = add_database(out, "weir_mmdb", settings->mmdb_path, err);
    if (status == WEIR_OK && settings->asn_mmdb_path.len > 0)
        status = add_database(out, "weir_asn", settings->asn_mmdb_path, err);
    return status;
}

/* The name of an origin's upstream block, as the image has it. */
static weir_span
upstream_name(const struct weir_image *image, weir_span origin)
{
    for (uint32_t i = 0; i < image->origin_count; i++) {
        const struct weir_image_origin *row = &image->origins[i];
        if (weir_span_equal(weir_image_text(image, row->name), origin))
            return weir_image_text(image, row->upstream);
    }
    return WEIR_SPAN("");
}

/* " name=value", quoted. */
static weir_status
add_word(struct weir_buf *out, const char *name, weir_span value,
         struct weir_error *err)
{
    struct weir_buf word;
    char memory[WEIR_PATH_MAX + 32];
    if (value.len == 0)
        return WEIR_OK;
    weir_buf_init_fixed(&word, memory, sizeof memory);
    weir_buf_addf(&word, "%s=%.*s", name, WEIR_SPAN_ARG(value));
    weir_buf_add_byte(out, ' ');
    if (word.overflow)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "a path is too long for nginx");
    return add_quoted(out, weir_buf_span(&word), err);
}

static weir_status
add_tls(const struct weir_world_tls *tls, struct weir_buf *out,
        struct weir_error *err)
{
    weir_status status = add_word(out, "ca", tls->ca, err);
    if (status == WEIR_OK)
        status = add_word(out, "certificate", tls->certificate, err);
    if (status == WEIR_OK)
        status = add_word(out, "key", tls->key, err);
    if (status == WEIR_OK)
        status = add_word(out, "name", tls->name, err);
    weir_buf_addf(out, "%s%s", tls->adds_system ? " system=on" : "",
                  tls->is_13 ? " minimum=1.3" : "");
    return status;
}

/* What is asked of the proxy, and what it is shown. */
static weir_status
add_proxy(const struct weir_egress_plan *plan,
          const struct weir_world_origin *origin, struct weir_buf *out,
          struct weir_error *err)
{
    const struct weir_world_proxy *proxy = plan->proxy;
    bool is_v6 = memchr(origin->host.ptr, ':', origin->host.len) != NULL;
    weir_buf_addf(out, " proxy=%s tunnel=%s%.*s%s:%u",
                  proxy->is_tls ? "https" : "http", is_v6 ? "[" : "",
                  WEIR_SPAN_ARG(origin->host), is_v6 ? "]" : "", origin->port);
    if (proxy->credential.kind != WEIR_CREDENTIAL_NONE)
        weir_buf_addf(out, " proxy_credential=" WEIR_EGRESS_CREDENTIAL "%.*s",
                      WEIR_SPAN_ARG(plan->way));
    if (!proxy->is_tls)
        return WEIR_OK;
    weir_status status = add_word(out, "proxy_host", proxy->host, err);
    return status == WEIR_OK ? add_word(out, "proxy_ca", proxy->ca, err)
                             : status;
}

/* A file that changes makes another text, and so a reload of nginx. */
static void
add_stamp(const struct weir_egress_plan *plan, struct weir_buf *out)
{
    const weir_span files[] = {
        plan->tls.ca, plan->tls.certificate, plan->tls.key,
        plan->proxy == NULL ? WEIR_SPAN_NONE : plan->proxy->ca};
    uint64_t stamp = 0;
    for (size_t i = 0; i < WEIR_COUNTOF(files); i++)
        stamp = stamp * 31 + weir_egress_stamp(files[i]);
    if (stamp != 0)
        weir_buf_addf(out, "# files as of %016llx\n",
                      (unsigned long long)stamp);
}

static weir_status
add_origin(const struct weir_world *world,
           const struct weir_world_origin *origin, weir_span upstream,
           const struct weir_address_row *addresses, struct weir_buf *out,
           struct weir_error *err)
{
    struct weir_egress_plan plan = weir_egress_plan_of(world, origin);
    bool is_tls = weir_span_equal(origin->scheme, WEIR_SPAN("https"));
    uint32_t count = addresses == NULL ? 0 : addresses->count;
    /* Without an address there is no block, and the module names the hop. */
    if (count > 0) {
        weir_buf_addf(out, "upstream %.*s {\n", WEIR_SPAN_ARG(upstream));
        for (uint32_t i = 0; i < count; i++)
            weir_buf_addf(out, "    server %s;\n", addresses->texts[i]);
        weir_buf_addf(out,
                      "    keepalive %u;\n    keepalive_requests 1000000;\n"
                      "    keepalive_timeout 55s;\n}\n",
                      origin->keepalive == 0 ? 256 : origin->keepalive);
    }
    add_stamp(&plan, out);
    weir_buf_addf(out, "weir_origin ");
    weir_status status = add_quoted(out, origin->name, err);
    weir_buf_addf(out, " upstream=%.*s host=%.*s tls=%s",
                  WEIR_SPAN_ARG(upstream), WEIR_SPAN_ARG(origin->host),
                  is_tls ? "on" : "off");
    if (status == WEIR_OK && is_tls)
        status = add_tls(&plan.tls, out, err);
    if (status == WEIR_OK && plan.proxy != NULL)
        status = add_proxy(&plan, origin, out, err);
    weir_buf_addf(out, ";\n");
    return status;
}

/* The log's files as they are. The checkpoint that is shown is the one that
 * witnesses vouched for, where a policy asks for them. Full tiles never
 * change; narrow ones give way to wider. */
static weir_status
add_log(const struct weir_world *world, const struct weir_paths *paths,
        struct weir_buf *out, struct weir_error *err)
{
    char path[WEIR_PATH_MAX + 32];
    bool has_policy = world->settings.transparency.policy.len > 0;
    weir_buf_addf(out, "    location = /weir/log/checkpoint {\n"
                       "        default_type \"text/plain; charset=utf-8\";\n"
                       "        add_header cache-control no-cache;\n        ");
    snprintf(path, sizeof path, "%s/%s", paths->tlog,
             has_policy ? "checkpoint.witnessed" : "checkpoint");
    weir_status status = add_path(out, "alias", weir_span_of(path), err);
    weir_buf_addf(out, "    }\n    location ^~ /weir/log/tile/ {\n"
                       "        default_type application/octet-stream;\n"
                       "        add_header cache-control "
                       "\"public, max-age=604800, immutable\";\n        ");
    snprintf(path, sizeof path, "%s/tile/", paths->tlog);
    if (status == WEIR_OK)
        status = add_path(out, "alias", weir_span_of(path), err);
    weir_buf_addf(out, "    }\n    location ^~ /weir/log/stamps/ {\n"
                       "        default_type application/octet-stream;\n"
                       "        ");
    snprintf(path, sizeof path, "%s/stamps/", paths->tlog);
    if (status == WEIR_OK)
        status = add_path(out, "alias", weir_span_of(path), err);
    weir_buf_addf(out, "    }\n    location /weir/log/ {\n"
                       "        return 404;\n    }\n");
    return status;
}

/* What customers ask control for, by a door that knows no other paths. */
static weir_status
add_customers(const struct weir_paths *paths, struct weir_buf *out,
              struct weir_error *err)
{
    char url[WEIR_PATH_MAX + 64];
    snprintf(url, sizeof url, "http://unix:%s/customer.sock:/v1/my/receipts/",
             paths->run);
    weir_buf_addf(out, "    location ^~ /weir/receipts/ {\n"
                       "        client_max_body_size 1k;\n"
                       "        proxy_connect_timeout 2s;\n"
                       "        proxy_read_timeout 10s;\n        ");
    weir_status status = add_path(out, "proxy_pass", weir_span_of(url), err);
    weir_buf_addf(out, "    }\n");
    return status;
}

static weir_status
add_server(const struct weir_world *world, const struct weir_paths *paths,
           const struct weir_world_listen *listen, struct weir_buf *out,
           struct weir_error *err)
{
    bool is_v6 = memchr(listen->host.ptr, ':', listen->host.len) != NULL;
    bool is_tls = listen->certificate.len > 0;
    weir_status status = WEIR_OK;
    weir_buf_addf(out, "server {\n    listen %s%.*s%s:%u backlog=4096",
                  is_v6 ? "[" : "", WEIR_SPAN_ARG(listen->host),
                  is_v6 ? "]" : "", listen->port);
    /* HTTP/2 without TLS would shut HTTP/1.1 out of the port. */
    if (is_tls)
        weir_buf_addf(out, " ssl%s", listen->has_http2 ? " http2" : "");
    weir_buf_addf(out, ";\n    server_name _;\n");
    if (is_tls) {
        weir_buf_addf(out, "    ssl_protocols TLSv1.2 TLSv1.3;\n"
                           "    ssl_session_cache shared:weir:1m;\n    ");
        status = add_path(out, "ssl_certificate", listen->certificate, err);
        weir_buf_addf(out, "    ");
        if (status == WEIR_OK)
            status = add_path(out, "ssl_certificate_key", listen->key, err);
    }
    if (status == WEIR_OK && !world->settings.transparency.is_hidden)
        status = add_log(world, paths, out, err);
    if (status == WEIR_OK)
        status = add_customers(paths, out, err);
    weir_buf_addf(out, "    location / {\n        weir on;\n    }\n}\n");
    return status;
}

/* A door in the run directory: the client's address comes with the call. */
static weir_status
add_inner(const struct weir_paths *paths, const char *name,
          const char *client_header, struct weir_buf *out,
          struct weir_error *err)
{
    char place[WEIR_PATH_MAX + 32];
    snprintf(place, sizeof place, "unix:%s/%s", paths->run, name);
    weir_buf_addf(out, "server {\n    ");
    weir_status status = add_path(out, "listen", weir_span_of(place), err);
    weir_buf_addf(out,
                  "    server_name _;\n    set_real_ip_from unix:;\n"
                  "    real_ip_header %s;\n"
                  "    real_ip_recursive off;\n"
                  "    location / {\n        weir on;\n    }\n}\n",
                  client_header);
    return status;
}

/* Copies of calls come in here. */
static weir_status
add_shadows(const struct weir_world *world, const struct weir_paths *paths,
            struct weir_buf *out, struct weir_error *err)
{
    for (uint32_t i = 0; i < world->route_count; i++)
        if (world->route_rows[i].is_shadow)
            return add_inner(paths, "shadow.sock", "weir-shadow-client", out,
                             err);
    return WEIR_OK;
}

weir_status
weir_nginx_conf(const struct weir_world *world, const struct weir_image *image,
                const struct weir_paths *paths,
                const struct weir_addresses *addresses, uint64_t files_max,
                struct weir_buf *out, struct weir_error *err)
{
    weir_status status = add_main(world, paths, files_max, out, err);
    weir_buf_addf(out, "http {\n");
    if (status == WEIR_OK)
        status = add_http(world, paths, files_max, out, err);
    for (uint32_t i = 0; status == WEIR_OK && i < world->origin_count; i++) {
        const struct weir_world_origin *origin = &world->origin_rows[i];
        weir_span upstream = upstream_name(image, origin->name);
        if (upstream.len > 0)
            status = add_origin(world, origin, upstream,
                                weir_addresses_find(addresses, origin->name),
                                out, err);
    }
    for (uint32_t i = 0; status == WEIR_OK && i < world->listen_count; i++)
        status = add_server(world, paths, &world->listen_rows[i], out, err);
    if (status == WEIR_OK)
        status = add_shadows(world, paths, out, err);
    if (status == WEIR_OK) /* what weir asks of itself, for lists */
        status = add_inner(paths, "inner.sock", "weir-inner-client", out, err);
    weir_buf_addf(out, "}\n");
    if (status == WEIR_OK && out->overflow)
        status = weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                           "nginx's configuration would be too large");
    return status;
}
