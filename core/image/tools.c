/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers of tools: checked against the rows that stand for them, and the
 * names of their tools, sorted, so that a call finds one by halving.
 *
 * WHY TOOLS ARE DECLARED. A server changes its list when it likes, and what
 * it calls a tool is its word. A name that nobody here wrote down would go
 * into rules and records as it comes, and a caller who invents names could
 * write into the journal with them.
 */
#include "check.h"
#include "compile.h"

#include <stdlib.h>
#include <string.h>

bool
weir_tool_name_is(weir_span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            !(c >= '0' && c <= '9') && memchr("_-./", c, 4) == NULL)
            return false;
    }
    return name.len > 0 && name.len <= WEIR_TOOL_NAME_MAX;
}

/* ---------------------------------------------------------------- check */

static void
check_tools(struct weir__check *check, const struct weir_world_server *server,
            const char *owner)
{
    const struct weir_world *world = check->world;
    struct weir__names names;
    if (server->tools.count > WEIR_WORLD_TOOLS_MAX)
        weir_faults_add(check->faults, server->place,
                        "Split it into servers of fewer tools.",
                        "%s has more than %d tools", owner,
                        WEIR_WORLD_TOOLS_MAX);
    if (!weir__names_init(&names, &check->scratch, server->tools.count))
        return;
    for (uint32_t i = 0; i < server->tools.count; i++) {
        const struct weir_world_tool *t =
            &world->tool_rows[server->tools.first + i];
        if (!weir_tool_name_is(t->name))
            weir_faults_add(check->faults, t->place,
                            "Letters, digits and `_-./`, at most 128: rename "
                            "it at the server.",
                            "%s has a tool whose name cannot be recorded",
                            owner);
        else if (weir__names_put(&names, t->name, i) != WEIR_INDEX_NONE)
            weir_faults_add(check->faults, t->place, "List it once.",
                            "%s has tool \"%.*s\" twice", owner,
                            WEIR_SPAN_ARG(t->name));
    }
}

/* "https://app.example:8443", as browsers send it. */
static bool
is_web_origin(weir_span text)
{
    size_t skip = weir_span_starts(text, WEIR_SPAN("https://"))  ? 8
                  : weir_span_starts(text, WEIR_SPAN("http://")) ? 7
                                                                 : 0;
    if (skip == 0 || text.len == skip || text.len > 256)
        return false;
    for (size_t i = skip; i < text.len; i++) {
        char c = text.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
            memchr("-.:[]", c, 5) == NULL)
            return false;
    }
    return true;
}

/* Routes and other deployments would reach it without its own rules. */
static void
check_alone(struct weir__check *check, const struct weir_world_server *server,
            const char *owner)
{
    const struct weir_world *world = check->world;
    for (uint32_t i = 0; i < world->candidate_count; i++) {
        const struct weir_world_candidate *c = &world->candidate_rows[i];
        if (weir_span_equal(c->name.text, server->name))
            weir_faults_add(check->faults, c->name.place,
                            "Clients ask for it by its own path.",
                            "a route names %s", owner);
    }
    for (uint32_t i = 0; i < world->deployment_count; i++) {
        const struct weir_world_deployment *d = &world->deployment_rows[i];
        if (i != server->deployment.row &&
            weir_span_equal(d->model.text, server->name))
            weir_faults_add(check->faults, d->place,
                            "Declare a second server, of another name.",
                            "a deployment of %s beside its own", owner);
    }
}

void
weir__check_servers(struct weir__check *check)
{
    struct weir_world *world = check->world;
    for (uint32_t i = 0; i < world->server_count; i++) {
        struct weir_world_server *s = &world->server_rows[i];
        char owner[WEIR__OWNER_TEXT];
        weir__check_owner(owner, "tool server", s->name);
        weir__check_ref(check, &check->models, "model", owner, &s->model);
        weir__check_ref(check, &check->deployments, "deployment", owner,
                        &s->deployment);
        check_tools(check, s, owner);
        for (uint32_t k = 0; k < s->origins.count; k++) {
            const struct weir_world_name *o =
                &world->name_rows[s->origins.first + k];
            if (!is_web_origin(o->text))
                weir_faults_add(check->faults, o->place,
                                "Write https://host[:port], in small letters "
                                "and without a path.",
                                "%s lets through what is no web origin", owner);
        }
        if (s->tools.count == 0 && !s->has_resources && !s->has_prompts)
            weir_faults_add(check->faults, s->place,
                            "List its `tools:`, or write `resources: true` "
                            "or `prompts: true`.",
                            "%s offers nothing", owner);
        check_alone(check, s, owner);
    }
    for (uint32_t i = 0; i < world->model_count; i++) {
        const struct weir_world_model *m = &world->model_rows[i];
        bool is_server = false;
        for (uint32_t k = 0; k < world->server_count && !is_server; k++)
            is_server = weir_span_equal(m->name, world->server_rows[k].name);
        if (!is_server && (m->operations & WEIR_OPERATIONS_OF_TOOLS) != 0)
            weir_faults_add(check->faults, m->place,
                            "Declare it under `tool_servers:`.",
                            "model \"%.*s\" does what only servers of tools "
                            "do",
                            WEIR_SPAN_ARG(m->name));
    }
}

/* -------------------------------------------------------------- compile */

static int
compare(const void *a, const void *b)
{
    const struct weir_world_tool *x = a;
    const struct weir_world_tool *y = b;
    return weir_span_compare(x->name, y->name);
}

static weir_ref
origins_of(struct weir__compiler *c, const struct weir_world_server *server)
{
    struct weir_buf lines;
    weir_buf_init(&lines, 1 << 16);
    for (uint32_t i = 0; i < server->origins.count; i++) {
        weir_buf_add_span(&lines,
                          c->world->name_rows[server->origins.first + i].text);
        weir_buf_add_byte(&lines, '\n');
    }
    weir_ref ref = weir__compile_text(c, weir_buf_span(&lines));
    c->arena.overflow = c->arena.overflow || lines.overflow;
    weir_buf_fini(&lines);
    return ref;
}

void
weir__compile_servers(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    struct weir_image_server *rows = WEIR__COMPILE_ROWS(
        c, SERVER, struct weir_image_server, world->server_count);
    struct weir_image_tool *tools =
        WEIR__COMPILE_ROWS(c, TOOL, struct weir_image_tool, world->tool_count);
    struct weir_world_tool *sorted =
        weir_arena_array(&c->arena, struct weir_world_tool, world->tool_count);
    uint32_t at = 0;
    if (c->arena.overflow)
        return;
    for (uint32_t i = 0; i < world->server_count; i++) {
        const struct weir_world_server *s = &world->server_rows[i];
        rows[i] = (struct weir_image_server){
            .origins = origins_of(c, s),
            .model = s->model.row,
            .first = at,
            .count = s->tools.count,
            .flags = (s->has_resources ? WEIR_SERVER_RESOURCES : 0) |
                     (s->has_prompts ? WEIR_SERVER_PROMPTS : 0),
        };
        if (s->tools.count > 0) {
            memcpy(sorted, world->tool_rows + s->tools.first,
                   s->tools.count * sizeof(*sorted));
            qsort(sorted, s->tools.count, sizeof(*sorted), compare);
        }
        for (uint32_t k = 0; k < s->tools.count; k++)
            tools[at++].name = weir__compile_text(c, sorted[k].name);
    }
    c->counts[WEIR__SECTION_TOOL] = at;
}
