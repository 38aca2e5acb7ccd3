/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/world_tools.h - servers of tools, as the sources declare them.
 *
 * A server is served like a model: an origin of the dialect "mcp", a model
 * and a deployment of the server's name are added beside this row by who
 * reads it, so that its place, operator, price, pins, health and budgets are
 * what any deployment's are.
 *
 * Threads, memory: as weir/world.h.
 */
#ifndef WEIR_WORLD_TOOLS_H
#define WEIR_WORLD_TOOLS_H

#include <weir/world_parts.h>

/* Most tools of one server. */
#define WEIR_WORLD_TOOLS_MAX 1024

struct weir_world_tool {
    struct weir_place place;
    weir_span name;
};

struct weir_world_server {
    struct weir_place place;
    weir_span name;
    struct weir_world_name model; /* the rows that stand for it */
    struct weir_world_name deployment;
    struct weir_world_range tools;   /* tool rows: what it may offer */
    struct weir_world_range origins; /* names: Origin headers let through */
    bool has_resources;
    bool has_prompts;
};

/* Letters, digits, `_-./`; it may stand in records. */
bool weir_tool_name_is(weir_span name);

#endif
