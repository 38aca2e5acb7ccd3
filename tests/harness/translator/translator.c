/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir-translator - translates requests and replies by the thousand, without
 * a server.
 *
 *     request PROVIDER PATH 0 LENGTH\n BODY
 *     reply PROVIDER PATH STATUS LENGTH\n BODY     STATUS 0: a stream
 *
 * Each gives `ok LENGTH DROPPED\n` with what the origin (or the client) would
 * hear, and the names that were left out; or `no LENGTH 0\n` with the refusal
 * in the client's words. What a model is called
 * at the origin: "origin-model". A test's tool: it ends at the first line that
 * is none.
 */
#include <weir/provider.h>
#include <weir/surface.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX  ((size_t)32 << 20)
#define ARENA_MAX ((size_t)64 << 20)

struct task {
    const struct weir_provider *provider;
    struct weir_surface_route route;
    struct weir_request request;
    struct weir_error err;
    struct weir_arena arena;
    struct weir_buf out;
    weir_span body;
};

static void
tell(const char *word, weir_span text, weir_span dropped)
{
    (void)printf("%s %zu %zu\n", word, text.len, dropped.len);
    (void)fwrite(text.ptr, 1, text.len, stdout);
    (void)fwrite(dropped.ptr, 1, dropped.len, stdout);
    (void)fflush(stdout);
}

static void
refuse(struct task *task, weir_status status, weir_span param)
{
    const struct weir_refusal refusal = {.status = status,
                                         .message =
                                             weir_span_of(task->err.text),
                                         .param = param};
    weir_surface_put_refusal(&task->route, &refusal, &task->out);
    tell("no", weir_buf_span(&task->out), WEIR_SPAN(""));
}

static void
run_request(struct task *task)
{
    const struct weir_target target = {.origin_model =
                                           WEIR_SPAN("origin-model")};
    struct weir_outgoing outgoing = {0};
    weir_status status = weir_surface_parse(
        &task->route, task->body, &task->arena, &task->request, &task->err);
    if (status != WEIR_OK) {
        refuse(task, status, task->request.param);
        return;
    }
    status = weir_provider_prepare(task->provider, &task->request, &target,
                                   &task->arena, &outgoing, &task->err);
    if (status != WEIR_OK) {
        refuse(task, status, outgoing.param);
        return;
    }
    for (uint32_t i = 0; i < outgoing.piece_count; i++)
        weir_buf_add_span(&task->out, WEIR_OUTGOING_PIECE(&outgoing, i));
    tell("ok", weir_buf_span(&task->out),
         outgoing.dropped.ptr != NULL ? outgoing.dropped : WEIR_SPAN(""));
}

static void
run_reply(struct task *task, unsigned http)
{
    struct weir_reply_piece piece;
    weir_span input = task->body;
    task->request = (struct weir_request){.endpoint = task->route.endpoint,
                                          .dialect = task->route.dialect,
                                          .surface = task->route.surface,
                                          .model = WEIR_SPAN("m"),
                                          .is_streamed = http == 0,
                                          .wants_usage = true};
    const struct weir_reply_setup setup = {
        .endpoint = task->route.endpoint,
        .is_streamed = http == 0,
        .is_translated = (task->provider->ops->speaks &
                          WEIR_SPEAKS(task->route.dialect)) == 0,
        .http_status = http == 0 ? 200 : http,
        .request = &task->request,
        .request_id = WEIR_SPAN("req_1")};
    struct weir_reply *reply =
        weir_reply_new(task->provider, &setup, &task->arena);
    if (reply == NULL) {
        tell("no", WEIR_SPAN("no room"), WEIR_SPAN(""));
        return;
    }
    while (weir_reply_next(reply, &input, &piece))
        weir_buf_add_span(&task->out, piece.bytes);
    if (weir_reply_finish(reply, true, &piece))
        weir_buf_add_span(&task->out, piece.bytes);
    tell(weir_reply_facts(reply)->state == WEIR_REPLY_CUT ? "no" : "ok",
         weir_buf_span(&task->out), WEIR_SPAN(""));
    weir_reply_free(reply);
}

/* "PATH?QUERY" apart. */
static bool
find_route(struct task *task, const char *path)
{
    const char *mark = strchr(path, '?');
    weir_span whole = weir_span_of(path);
    weir_span query = WEIR_SPAN("");
    if (mark != NULL) {
        query = weir_span_of(mark + 1);
        whole.len = (size_t)(mark - path);
    }
    return weir_surface_route(WEIR_SPAN("POST"), whole, query, &task->route,
                              &task->err) == WEIR_OK;
}

int
main(void)
{
    char *body = malloc(BODY_MAX);
    char *room = malloc(ARENA_MAX);
    char line[1024];
    int code = body == NULL || room == NULL;

    while (code == 0 && fgets(line, sizeof(line), stdin) != NULL) {
        struct task task = {0};
        char kind[16];
        char provider[64];
        char path[512];
        unsigned http = 0;
        size_t len = 0;
        if (sscanf(line, "%15s %63s %511s %u %zu", kind, provider, path, &http,
                   &len) != 5 ||
            len > BODY_MAX || fread(body, 1, len, stdin) != len) {
            code = 2;
            break;
        }
        task.provider = weir_provider_find(weir_span_of(provider));
        task.body = (weir_span){body, len};
        weir_arena_init(&task.arena, room, ARENA_MAX);
        weir_buf_init(&task.out, ARENA_MAX);
        if (task.provider == NULL || !find_route(&task, path))
            code = 2;
        else if (strcmp(kind, "reply") == 0)
            run_reply(&task, http);
        else
            run_request(&task);
        weir_buf_fini(&task.out);
    }
    free(body);
    free(room);
    return code;
}
