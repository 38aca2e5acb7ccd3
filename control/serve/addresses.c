/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each name is resolved in a thread of its own, because getaddrinfo() has no
 * deadline. A thread that is late finds nobody waiting and cleans up after
 * itself: the job is counted, and the last one out frees it.
 */
#include "control/serve/addresses.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/egress/egress.h"

struct job;

struct lookup {
    struct job *job;
    struct weir_address_wish wish;
    struct weir_address_row row;
    bool is_done;
};

struct job {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t references;
    uint32_t running;
    uint32_t count;
    struct lookup lookups[];
};

static void
leave(struct job *job)
{
    pthread_mutex_lock(&job->lock);
    bool is_last = --job->references == 0;
    pthread_mutex_unlock(&job->lock);
    if (!is_last)
        return;
    pthread_cond_destroy(&job->changed);
    pthread_mutex_destroy(&job->lock);
    free(job);
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void
add_address(struct weir_address_row *row, const struct sockaddr *address,
            uint32_t port)
{
    char text[INET6_ADDRSTRLEN];
    if (row->count == WEIR_ADDRESSES_MAX)
        return;
    char *out = row->texts[row->count];
    if (address->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr,
                  text, sizeof text);
        snprintf(out, WEIR_ADDRESS_TEXT_MAX, "%s:%u", text, port);
    } else {
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr,
                  text, sizeof text);
        snprintf(out, WEIR_ADDRESS_TEXT_MAX, "[%s]:%u", text, port);
    }
    row->count++;
}

/* Sorted, so that a resolver that rotates its answers changes nothing. */
static void
look_up(const struct weir_address_wish *wish, int flags,
        struct weir_address_row *row_out)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *found = NULL;
    memset(row_out, 0, sizeof *row_out);
    memcpy(row_out->name, wish->name, sizeof row_out->name);
    if (getaddrinfo(wish->host, NULL, &hints, &found) != 0)
        return;
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next) {
        if (at->ai_family == AF_INET || at->ai_family == AF_INET6)
            add_address(row_out, at->ai_addr, wish->port);
    }
    freeaddrinfo(found);
    qsort(row_out->texts, row_out->count, WEIR_ADDRESS_TEXT_MAX, by_text);
}

static void *
run_lookup(void *context)
{
    struct lookup *lookup = context;
    struct job *job = lookup->job;
    struct weir_address_row row;
    look_up(&lookup->wish, AI_ADDRCONFIG, &row);
    pthread_mutex_lock(&job->lock);
    lookup->row = row;
    lookup->is_done = true;
    job->running--;
    pthread_cond_signal(&job->changed);
    pthread_mutex_unlock(&job->lock);
    leave(job);
    return NULL;
}

/* A literal address needs no thread. */
static void
start(struct job *job, struct lookup *lookup)
{
    pthread_t thread;
    look_up(&lookup->wish, AI_NUMERICHOST, &lookup->row);
    lookup->is_done = lookup->row.count > 0;
    if (lookup->is_done)
        return;
    pthread_mutex_lock(&job->lock);
    job->references++;
    job->running++;
    pthread_mutex_unlock(&job->lock);
    if (pthread_create(&thread, NULL, run_lookup, lookup) == 0) {
        pthread_detach(thread);
        return;
    }
    pthread_mutex_lock(&job->lock);
    job->references--;
    job->running--;
    pthread_mutex_unlock(&job->lock);
}

static struct timespec
deadline_of(unsigned ms)
{
    struct timespec when;
    clock_gettime(CLOCK_REALTIME, &when);
    when.tv_sec += ms / 1000;
    when.tv_nsec += (long)(ms % 1000) * 1000000;
    if (when.tv_nsec >= 1000000000) {
        when.tv_sec++;
        when.tv_nsec -= 1000000000;
    }
    return when;
}

static void
take_results(struct job *job, const struct weir_addresses *before,
             struct weir_address_row *rows)
{
    for (uint32_t i = 0; i < job->count; i++) {
        const struct lookup *lookup = &job->lookups[i];
        const struct weir_address_row *old =
            before == NULL
                ? NULL
                : weir_addresses_find(before, weir_span_of(lookup->wish.name));
        if (lookup->is_done && lookup->row.count > 0)
            rows[i] = lookup->row;
        else if (old != NULL)
            rows[i] = *old;
        else
            memcpy(rows[i].name, lookup->wish.name, sizeof rows[i].name);
    }
}

bool
weir_addresses_resolve(const struct weir_address_wish *wishes, uint32_t count,
                       const struct weir_addresses *before,
                       unsigned deadline_ms,
                       struct weir_addresses *addresses_out)
{
    struct job *job = calloc(1, sizeof *job + count * sizeof job->lookups[0]);
    struct weir_address_row *rows = calloc(count + 1, sizeof *rows);
    if (job == NULL || rows == NULL) {
        free(job);
        free(rows);
        return false;
    }
    const struct timespec deadline = deadline_of(deadline_ms);
    pthread_mutex_init(&job->lock, NULL);
    pthread_cond_init(&job->changed, NULL);
    job->references = 1;
    job->count = count;
    for (uint32_t i = 0; i < count; i++) {
        job->lookups[i].job = job;
        job->lookups[i].wish = wishes[i];
        start(job, &job->lookups[i]);
    }
    pthread_mutex_lock(&job->lock);
    while (job->running > 0 &&
           pthread_cond_timedwait(&job->changed, &job->lock, &deadline) == 0)
        ;
    take_results(job, before, rows);
    pthread_mutex_unlock(&job->lock);
    leave(job);
    *addresses_out = (struct weir_addresses){rows, count};
    return true;
}

struct weir_address_wish *
weir_address_wishes(const struct weir_world *world, uint32_t *count_out)
{
    struct weir_address_wish *wishes =
        calloc(world->origin_count + 1u, sizeof *wishes);
    if (wishes == NULL)
        return NULL;
    for (uint32_t i = 0; i < world->origin_count; i++) {
        const struct weir_world_origin *origin = &world->origin_rows[i];
        snprintf(wishes[i].name, sizeof wishes[i].name, "%.*s",
                 WEIR_SPAN_ARG(origin->name));
        /* Behind a proxy nobody but the proxy needs to know the name. */
        const struct weir_world_proxy *proxy =
            weir_egress_plan_of(world, origin).proxy;
        snprintf(wishes[i].host, sizeof wishes[i].host, "%.*s",
                 WEIR_SPAN_ARG(proxy != NULL ? proxy->host : origin->host));
        wishes[i].port = proxy != NULL ? proxy->port : origin->port;
    }
    *count_out = world->origin_count;
    return wishes;
}

const struct weir_address_row *
weir_addresses_find(const struct weir_addresses *addresses, weir_span name)
{
    for (uint32_t i = 0; i < addresses->count; i++) {
        if (weir_span_equal(weir_span_of(addresses->rows[i].name), name))
            return &addresses->rows[i];
    }
    return NULL;
}

bool
weir_addresses_equal(const struct weir_addresses *a,
                     const struct weir_addresses *b)
{
    return a->count == b->count &&
           (a->count == 0 ||
            memcmp(a->rows, b->rows, a->count * sizeof a->rows[0]) == 0);
}

void
weir_addresses_free(struct weir_addresses *addresses)
{
    free(addresses->rows);
    *addresses = (struct weir_addresses){0};
}
