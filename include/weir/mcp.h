/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/mcp.h - messages of the Model Context Protocol, as JSON-RPC 2.0.
 *
 * A closed list of methods passes, in both directions; what each is asked of
 * policy as stands beside it. Names are compared unescaped, and a message in
 * which two readers could see two different methods, ids or tools is none.
 *
 * Threads: any; constant tables and values. Memory: a message borrows from
 * its text and from the arena.
 */
#ifndef WEIR_MCP_H
#define WEIR_MCP_H

#include <weir/base.h>
#include <weir/image.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_mcp_kind {
    WEIR_MCP_REQUEST,      /* has an id and a method: is answered */
    WEIR_MCP_NOTIFICATION, /* a method alone */
    WEIR_MCP_ANSWER        /* an id, and a result or an error */
};

struct weir_mcp_message {
    enum weir_mcp_kind kind;
    weir_span method; /* of the table, constant; empty: an answer */
    enum weir_operation operation;
    weir_span id;   /* RAW: a string with its quotes, or a number; or empty */
    weir_span tool; /* tools/call: unescaped; may be no name at all */
    bool is_error;  /* of an answer */
};

/* Longest id, with quotes. */
#define WEIR_MCP_ID_MAX 256

/* Numbers of errors, as clients see them. The first five are JSON-RPC's. */
enum weir_mcp_code {
    WEIR_MCP_PARSE_ERROR = -32700,
    WEIR_MCP_INVALID_REQUEST = -32600,
    WEIR_MCP_METHOD_NOT_FOUND = -32601,
    WEIR_MCP_INVALID_PARAMS = -32602,
    WEIR_MCP_INTERNAL_ERROR = -32603,
    WEIR_MCP_REFUSED = -32010,     /* policy, filters, holds */
    WEIR_MCP_LIMITED = -32011,     /* a budget or a rate is used up */
    WEIR_MCP_UNAVAILABLE = -32012, /* weir or the server cannot now */
    WEIR_MCP_UPSTREAM = -32013,    /* the server failed */
};

/*
 * A message of the client's. EPARSE: not JSON, or a member twice; ETYPE: a
 * batch, no JSON-RPC 2.0, an id that is none; ENOTFOUND: a method that does
 * not pass. `message_out->id` is filled wherever it could be read, so that
 * the refusal can name it.
 */
WEIR_MUST_USE weir_status weir_mcp_read(weir_span text,
                                        struct weir_arena *arena,
                                        struct weir_mcp_message *message_out,
                                        struct weir_error *err);

/* The same for a message of a server's, on its way to the client. */
WEIR_MUST_USE weir_status
weir_mcp_read_reply(weir_span text, struct weir_mcp_message *message_out,
                    struct weir_error *err);

/* Who may use what: asked for each tool of a list. */
struct weir_mcp_gate {
    void *context;
    bool (*may_call)(void *context, weir_span tool);
    /* Appends an event's id as this client may have it; false: it cannot. */
    bool (*seal_event)(void *context, weir_span id, struct weir_buf *out);
};

/*
 * A server's message without the tools that `gate` does not let through, in
 * whatever answer they stand, appended to `out`. `changed_out`: false where
 * nothing was left out; `out` is as it was then. EPARSE: the list cannot be
 * read; ETOOBIG: `out` or the arena is full.
 */
WEIR_MUST_USE weir_status weir_mcp_cut_list(
    weir_span text, const struct weir_mcp_gate *gate, struct weir_arena *arena,
    struct weir_buf *out, bool *changed_out, struct weir_error *err);

/* Appends an answer that is an error; `id` RAW, empty: left out. */
void weir_mcp_put_error(weir_span id, enum weir_mcp_code code,
                        weir_span message, struct weir_buf *out);

/*
 * Whether a header Mcp-Param-* says nothing that the message, as it goes on,
 * does not: its value, plain or as "=?base64?...?=", is that of an argument
 * that is a string, number or boolean. Of at most WEIR_MCP_PARAM_MAX bytes.
 */
#define WEIR_MCP_PARAM_MAX 1024
bool weir_mcp_repeats(weir_span text, weir_span header);

/* A version of the protocol that weir has read; others are refused. */
bool weir_mcp_is_version(weir_span text);

#ifdef __cplusplus
}
#endif
#endif
