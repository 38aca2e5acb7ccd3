/* SPDX-License-Identifier: Apache-2.0 */
/* The loop, the timers and the command line of weir-origin. */
#include "origin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#define LISTENERS_MAX 32
#define MODELS_MAX    4096

struct world world;
SSL_CTX *tls_context;

static struct listener listeners[LISTENERS_MAX];
static size_t listener_count;

static int64_t
clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ------------------------------------------------------------- timers */

/* A binary heap by wake_ms; `heap_at` is the place in it, from 1. */
static struct connection **heap;
static size_t heap_count;
static size_t heap_capacity;

static void
heap_put(size_t at, struct connection *c)
{
    heap[at] = c;
    c->heap_at = at;
}

static void
heap_up(size_t at)
{
    struct connection *c = heap[at];
    while (at > 1 && heap[at / 2]->wake_ms > c->wake_ms) {
        heap_put(at, heap[at / 2]);
        at /= 2;
    }
    heap_put(at, c);
}

static void
heap_down(size_t at)
{
    struct connection *c = heap[at];
    for (;;) {
        size_t child = at * 2;
        if (child > heap_count)
            break;
        if (child < heap_count &&
            heap[child + 1]->wake_ms < heap[child]->wake_ms)
            child++;
        if (heap[child]->wake_ms >= c->wake_ms)
            break;
        heap_put(at, heap[child]);
        at = child;
    }
    heap_put(at, c);
}

void
timer_clear(struct connection *c)
{
    size_t at = c->heap_at;
    c->wake_ms = 0;
    if (at == 0)
        return;
    c->heap_at = 0;
    struct connection *last = heap[heap_count--];
    if (last == c)
        return;
    heap_put(at, last);
    heap_up(at);
    heap_down(last->heap_at);
}

void
timer_set(struct connection *c, int64_t delay_ms)
{
    timer_clear(c);
    if (heap_count + 2 > heap_capacity) {
        heap_capacity = heap_capacity == 0 ? 1024 : heap_capacity * 2;
        heap = realloc(heap, heap_capacity * sizeof(struct connection *));
        if (heap == NULL)
            exit(1);
    }
    c->wake_ms = world.now_ms + delay_ms;
    heap_put(++heap_count, c);
    heap_up(heap_count);
}

/* ------------------------------------------------------------- models */

struct model_count *
model_of(text name)
{
    static struct model_count models[MODELS_MAX];
    world.models = models;
    for (size_t i = 0; i < world.model_count; i++)
        if (text_is(name, models[i].name))
            return &models[i];
    if (world.model_count == MODELS_MAX || name.len == 0)
        return NULL;
    struct model_count *model = &models[world.model_count++];
    *model = (struct model_count){.name = strndup(name.ptr, name.len)};
    return model;
}

/* ---------------------------------------------------------- listeners */

static void
fail(const char *what)
{
    fprintf(stderr, "weir-origin: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* "127.0.0.1:9101=name" */
static void
listen_at(const char *argument, bool is_tls)
{
    struct listener *listener = &listeners[listener_count];
    struct sockaddr_in address = {.sin_family = AF_INET};
    char host[64];
    int port;
    int on = 1;
    const char *equal = strchr(argument, '=');

    if (listener_count == LISTENERS_MAX ||
        sscanf(argument, "%63[^:]:%d", host, &port) != 2 ||
        inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        fprintf(stderr, "weir-origin: not ADDRESS:PORT=NAME: %s\n", argument);
        exit(2);
    }
    address.sin_port = htons((uint16_t)port);
    listener->name = strdup(equal != NULL ? equal + 1 : "origin");
    listener->is_tls = is_tls;
    listener->fd =
        socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(listener->fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener->fd, 4096) != 0)
        fail(argument);
    socklen_t len = sizeof(address);
    getsockname(listener->fd, (struct sockaddr *)&address, &len);
    printf("%s %s://%s:%d\n", listener->name, is_tls ? "https" : "http", host,
           ntohs(address.sin_port));
    fflush(stdout);
    listener_count++;
}

static void
accept_all(struct listener *listener)
{
    for (;;) {
        int fd =
            accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        connection_open(fd, listener);
    }
}

static void
open_tls(const char *certificate, const char *key)
{
    tls_context = SSL_CTX_new(TLS_server_method());
    if (tls_context == NULL || certificate == NULL || key == NULL ||
        SSL_CTX_use_certificate_chain_file(tls_context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls_context, key, SSL_FILETYPE_PEM) != 1) {
        fprintf(stderr, "weir-origin: --tls needs a good --cert and --key\n");
        exit(2);
    }
    SSL_CTX_set_mode(tls_context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

/* --------------------------------------------------------------- loop */

static void
free_dead(void)
{
    while (world.dead != NULL) {
        struct connection *c = world.dead;
        world.dead = c->next_dead;
        free(c);
    }
}

static void
run_timers(void)
{
    /* those due now, once each: a new one of 0 ms waits for the next turn */
    size_t due = heap_count;
    while (due-- > 0 && heap_count > 0 && heap[1]->wake_ms <= world.now_ms) {
        struct connection *c = heap[1];
        timer_clear(c);
        connection_wake(c);
    }
}

_Noreturn static void
run(void)
{
    struct epoll_event events[512];
    for (size_t i = 0; i < listener_count; i++) {
        struct epoll_event event = {.events = EPOLLIN,
                                    .data.ptr = &listeners[i]};
        epoll_ctl(world.epoll, EPOLL_CTL_ADD, listeners[i].fd, &event);
    }
    for (;;) {
        int timeout = -1;
        if (heap_count > 0) {
            int64_t left = heap[1]->wake_ms - world.now_ms;
            timeout = left > 60000 ? 60000 : left < 0 ? 0 : (int)left;
        }
        int count = epoll_wait(world.epoll, events, 512, timeout);
        world.now_ms = clock_ms();
        for (int i = 0; i < count; i++) {
            struct listener *listener = events[i].data.ptr;
            if (listener >= listeners && listener < listeners + LISTENERS_MAX)
                accept_all(listener);
            else
                connection_event(events[i].data.ptr, events[i].events);
        }
        run_timers();
        free_dead();
    }
}

static void
usage(FILE *out)
{
    fputs("weir-origin [--tls-cert FILE --tls-key FILE] [--replay DIR] "
          "[--keep N]\n"
          "            [--script WORDS] --listen ADDRESS:PORT[=NAME]... "
          "[--tls ADDRESS:PORT[=NAME]...]\n"
          "A scripted origin that speaks the OpenAI dialect. Port 0 takes a "
          "free one;\neach listener is printed as NAME URL.\n",
          out);
}

int
main(int argc, char **argv)
{
    const char *certificate = NULL;
    const char *key = NULL;
    text bad;

    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    world.epoll = epoll_create1(EPOLL_CLOEXEC);
    world.now_ms = clock_ms();
    world.keep = 32;
    script_init(&world.standing);
    for (int i = 1; i < argc; i++) {
        const char *option = argv[i];
        if (strcmp(option, "--help") == 0) {
            usage(stdout);
            return 0;
        }
        if (i + 1 == argc) {
            usage(stderr);
            return 2;
        }
        const char *value = argv[++i];
        if (strcmp(option, "--tls-cert") == 0)
            certificate = value;
        else if (strcmp(option, "--tls-key") == 0)
            key = value;
        else if (strcmp(option, "--replay") == 0)
            world.replay_dir = value;
        else if (strcmp(option, "--keep") == 0)
            world.keep = (size_t)atol(value);
        else if (strcmp(option, "--listen") == 0)
            listen_at(value, false);
        else if (strcmp(option, "--tls") == 0)
            listen_at(value, true);
        else if (strcmp(option, "--script") != 0 ||
                 !script_apply(&world.standing, (text){value, strlen(value)},
                               &bad)) {
            usage(stderr);
            return 2;
        }
        if (strcmp(option, "--tls") == 0 && tls_context == NULL)
            open_tls(certificate, key);
    }
    if (world.keep > KEPT_MAX)
        world.keep = KEPT_MAX;
    if (listener_count == 0) {
        usage(stderr);
        return 2;
    }
    run();
}
