/* SPDX-License-Identifier: Apache-2.0 */
/* nginx's configuration and the addresses in it; children and sessions. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <test.h>

#include "control/egress/egress.h"
#include "control/serve/addresses.h"
#include "control/serve/child.h"
#include "control/serve/nginx_conf.h"

/* An image of nothing but the origins' upstream names: enough to write a
 * configuration, and no compilation needed. */
struct stage {
    struct weir_world *world;
    struct weir_image image;
    struct weir_image_origin rows[4];
    struct weir_buf texts;
    struct weir_paths paths;
    struct weir_addresses addresses;
    struct weir_buf out;
};

static weir_ref
put(struct stage *stage, const char *text)
{
    weir_ref ref = {(uint32_t)stage->texts.len, (uint32_t)strlen(text)};
    weir_buf_add(&stage->texts, text, strlen(text));
    stage->image.bytes = weir_buf_span(&stage->texts);
    return ref;
}

static struct weir_world_origin *
add_origin(struct stage *stage, const char *name, const char *scheme,
           const char *host, uint32_t port)
{
    char upstream[32];
    struct weir_world_origin *origin = weir_world_add_origin(stage->world);
    origin->name = weir_span_of(name);
    origin->scheme = weir_span_of(scheme);
    origin->host = weir_span_of(host);
    origin->port = port;
    origin->keepalive = 8;
    snprintf(upstream, sizeof upstream, "u_%u", stage->image.origin_count);
    struct weir_image_origin *row = &stage->rows[stage->image.origin_count++];
    row->name = put(stage, name);
    row->upstream = put(stage, upstream);
    return origin;
}

static void
open_stage(struct stage *stage)
{
    memset(stage, 0, sizeof *stage);
    weir_buf_init(&stage->texts, 65536);
    weir_buf_init(&stage->out, 1 << 20);
    /* Room first: refs are read from one place. */
    weir_buf_reserve(&stage->texts, 4096, 8);
    weir_buf_reset(&stage->texts);
    stage->world = weir_world_new();
    stage->image.origins = stage->rows;
    stage->world->settings.module_path = WEIR_SPAN("/m.so");
    strcpy(stage->paths.config, "/etc/weir/weir.yaml");
    strcpy(stage->paths.run, "/run/weir");
    struct weir_world_listen *listen = weir_world_add_listen(stage->world);
    listen->host = WEIR_SPAN("127.0.0.1");
    listen->port = 8080;
}

static void
close_stage(struct stage *stage)
{
    weir_world_free(stage->world);
    weir_addresses_free(&stage->addresses);
    weir_buf_fini(&stage->texts);
    weir_buf_fini(&stage->out);
}

static weir_status
write_conf(struct stage *stage, struct weir_error *err)
{
    uint32_t count = 0;
    struct weir_address_wish *wishes =
        weir_address_wishes(stage->world, &count);
    assert_non_null(wishes);
    assert_true(
        weir_addresses_resolve(wishes, count, NULL, 2000, &stage->addresses));
    free(wishes);
    weir_status status =
        weir_nginx_conf(stage->world, &stage->image, &stage->paths,
                        &stage->addresses, 20000, &stage->out, err);
    weir_buf_add_byte(&stage->out, '\0');
    return status;
}

#define HAS(stage, text)   assert_non_null(strstr((stage)->out.ptr, text))
#define LACKS(stage, text) assert_null(strstr((stage)->out.ptr, text))

TEST(nginx_conf, origins_become_upstreams_with_their_addresses)
{
    struct stage stage;
    struct weir_error err = {0};
    open_stage(&stage);
    add_origin(&stage, "plain", "http", "127.0.0.1", 9101);
    add_origin(&stage, "six", "https", "::1", 9443)->tls.ca =
        WEIR_SPAN("/ca with blank.pem");
    add_origin(&stage, "lost", "http", "nowhere.invalid", 80);
    assert_ok(write_conf(&stage, &err));
    HAS(&stage, "upstream u_0 {\n    server 127.0.0.1:9101");
    HAS(&stage, "weir_origin \"plain\" upstream=u_0 host=127.0.0.1 tls=off;");
    HAS(&stage, "server [::1]:9443");
    HAS(&stage, "tls=on \"ca=/ca with blank.pem\";");
    LACKS(&stage, "upstream u_2 {");
    HAS(&stage, "weir_origin \"lost\" upstream=u_2 host=nowhere.invalid");
    HAS(&stage, "listen 127.0.0.1:8080");
    LACKS(&stage, " ssl");
    close_stage(&stage);
}

/* The stage's system gives 20,000 descriptors; a call has two connections. */
TEST(nginx_conf, calls_are_no_more_than_there_are_descriptors_for)
{
    struct stage stage;
    struct weir_error err = {0};
    open_stage(&stage);
    stage.world->settings.connections_max = 100;
    assert_ok(write_conf(&stage, &err));
    HAS(&stage, "worker_connections 232;");
    HAS(&stage, "weir_calls_max 100;");
    close_stage(&stage);
    open_stage(&stage);
    stage.world->settings.connections_max = 16384;
    assert_ok(write_conf(&stage, &err));
    HAS(&stage, "worker_rlimit_nofile 20000;");
    HAS(&stage, "worker_connections 19936;");
    HAS(&stage, "weir_calls_max 9952;");
    close_stage(&stage);
}

TEST(nginx_conf, a_proxy_takes_the_place_of_the_origins_addresses)
{
    struct stage stage;
    struct weir_error err = {0};
    open_stage(&stage);
    struct weir_world_egress *way = weir_world_add_egress(stage.world);
    way->name = WEIR_SPAN("company");
    way->is_default = true;
    way->tls.ca = WEIR_SPAN("/company.pem");
    way->tls.adds_system = true;
    way->proxy.host = WEIR_SPAN("127.0.0.1");
    way->proxy.port = 3128;
    way->proxy.credential.kind = WEIR_CREDENTIAL_FILE;
    way->proxy.credential.value = WEIR_SPAN("/secret");
    struct weir_world_name *name = weir_world_add_name(stage.world);
    name->text = WEIR_SPAN(".inside.example");
    name = weir_world_add_name(stage.world);
    name->text = WEIR_SPAN("10.0.0.0/8");
    way->proxy.except.count = 2;
    add_origin(&stage, "far", "https", "models.example", 443);
    add_origin(&stage, "own", "https", "models.example", 443)->tls =
        (struct weir_world_tls){.ca = WEIR_SPAN("/own.pem"),
                                .certificate = WEIR_SPAN("/c.pem"),
                                .key = WEIR_SPAN("/k.pem"),
                                .name = WEIR_SPAN("n.example"),
                                .is_13 = true,
                                .has_least = true};
    add_origin(&stage, "near", "http", "10.1.2.3", 80);
    assert_ok(write_conf(&stage, &err));
    HAS(&stage, "upstream u_0 {\n    server 127.0.0.1:3128");
    HAS(&stage, "host=models.example tls=on \"ca=/company.pem\" system=on "
                "proxy=http tunnel=models.example:443 "
                "proxy_credential=egress/company;");
    HAS(&stage, "tls=on \"ca=/own.pem\" \"certificate=/c.pem\" "
                "\"key=/k.pem\" \"name=n.example\" minimum=1.3 proxy=http");
    HAS(&stage, "server 10.1.2.3:80");
    LACKS(&stage, "tunnel=10.1.2.3");
    close_stage(&stage);
}

TEST(egress, exceptions_are_names_with_all_below_them_and_networks)
{
    static const struct {
        const char *rule, *host;
        bool is_it;
    } rows[] = {{"inside.example", "inside.example", true},
                {"inside.example", "a.inside.example", true},
                {"inside.example", "outinside.example", false},
                {".inside.example", "INSIDE.example", true},
                {"*.inside.example", "a.b.inside.example", true},
                {"inside.example", "example", false},
                {"10.0.0.0/8", "10.255.0.1", true},
                {"10.0.0.0/8", "11.0.0.1", false},
                {"10.0.0.0/8", "10.example", false},
                {"::1", "::1", true},
                {"127.0.0.1", "127.0.0.2", false}};
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        struct weir_world *world = weir_world_new();
        struct weir_world_proxy proxy = {.except.count = 1};
        weir_world_add_name(world)->text = weir_span_of(rows[i].rule);
        if (weir_egress_is_excepted(
                world, &proxy, weir_span_of(rows[i].host)) != rows[i].is_it)
            fail_msg("%s and %s", rows[i].rule, rows[i].host);
        weir_world_free(world);
    }
}

TEST(nginx_conf, a_certificate_makes_a_tls_listener)
{
    struct stage stage;
    struct weir_error err = {0};
    open_stage(&stage);
    struct weir_world_listen *listen = weir_world_add_listen(stage.world);
    listen->host = WEIR_SPAN("::");
    listen->port = 8443;
    listen->certificate = WEIR_SPAN("/c \"quoted\".pem");
    listen->key = WEIR_SPAN("/k.pem");
    listen->has_http2 = true;
    assert_ok(write_conf(&stage, &err));
    HAS(&stage, "listen [::]:8443");
    HAS(&stage, " ssl http2;");
    HAS(&stage, "ssl_certificate \"/c \\\"quoted\\\".pem\";");
    close_stage(&stage);
}

TEST(nginx_conf, what_nginx_would_read_otherwise_is_refused)
{
    static const char *const bad[] = {"/a$b", "/a\nb", "/a\tb"};
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++) {
        struct stage stage;
        struct weir_error err = {0};
        open_stage(&stage);
        stage.world->settings.module_path = weir_span_of(bad[i]);
        assert_int_equal(write_conf(&stage, &err), WEIR_ETYPE);
        close_stage(&stage);
    }
}

TEST(addresses, what_does_not_resolve_keeps_what_it_had)
{
    struct weir_address_wish wish = {"o", "nowhere.invalid", 80};
    struct weir_address_row before_row = {"o", 1, {"192.0.2.1:80"}};
    const struct weir_addresses before = {&before_row, 1};
    struct weir_addresses after;
    assert_true(weir_addresses_resolve(&wish, 1, &before, 3000, &after));
    assert_true(weir_addresses_equal(&before, &after));
    weir_addresses_free(&after);
    strcpy(wish.host, "127.0.0.9");
    assert_true(weir_addresses_resolve(&wish, 1, &before, 3000, &after));
    assert_string_equal(after.rows[0].texts[0], "127.0.0.9:80");
    weir_addresses_free(&after);
}

static struct weir_child
sleeper(const char *mark)
{
    struct weir_child child = {.name = "sleeper", .handle = -1};
    child.words[0] = (char *)"/bin/sh";
    child.words[1] = (char *)"-c";
    child.words[2] = (char *)"sleep 60 & sleep 60 # mark-of-this-test";
    snprintf(child.mark, sizeof child.mark, "%s", mark);
    snprintf(child.pid_file, sizeof child.pid_file, "/tmp/weir-child-%d.pid",
             (int)getpid());
    return child;
}

TEST(child, is_taken_over_by_its_pid_file_and_mark)
{
    struct weir_error err;
    struct weir_child first = sleeper("mark-of-this-test");
    assert_ok(weir_child_start(&first, 1, &err));
    for (int i = 0; i < 200 && weir_session_signal(first.pid, 0) == 0; i++)
        usleep(10000);
    struct weir_child stranger = sleeper("another mark");
    struct weir_child second = sleeper("mark-of-this-test");
    assert_true(weir_child_adopt(&second, 2));
    assert_int_equal(second.pid, first.pid);
    /* A stranger's number in the file is nobody's child. */
    strcpy(stranger.pid_file, "/tmp/weir-child-stranger.pid");
    FILE *file = fopen(stranger.pid_file, "w");
    fprintf(file, "%d\n", (int)getpid());
    fclose(file);
    assert_false(weir_child_adopt(&stranger, 2));
    assert_int_equal(access(stranger.pid_file, F_OK), -1);
    /* Its death leaves others of its session, which are told to finish. */
    pid_t leader = second.pid;
    weir_child_signal(&second, SIGKILL);
    assert_true(weir_child_wait(&second, 5000));
    assert_true(weir_session_signal(leader, SIGKILL) > 0);
    close(first.handle);
}

TEST(child, the_next_start_waits_longer_each_time)
{
    struct weir_error err;
    struct weir_child child = sleeper("x");
    weir_time now = 1;
    weir_time waits[3];
    child.words[2] = (char *)"exit 3";
    for (int i = 0; i < 3; i++) {
        assert_ok(weir_child_start(&child, now, &err));
        (void)waitid(P_PID, (id_t)child.pid, NULL, WEXITED | WNOWAIT);
        weir_child_ended(&child, now);
        waits[i] = child.start_at - now;
    }
    unlink(child.pid_file);
    assert_int_equal(waits[0], 0);
    assert_true(waits[1] > 0 && waits[2] > waits[1]);
    assert_int_equal(child.starts, 3);
}
