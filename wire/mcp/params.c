/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers that repeat arguments (Mcp-Param-*, revision 2026-07-28): servers
 * route by them, and refuse a call whose header and argument differ or where
 * one is missing.
 *
 * Which argument a header repeats is said by the tool's schema, which the
 * server has and weir has not. What weir can tell is that a header says
 * nothing that the arguments, as they go on, do not say: then whoever looked
 * at these has looked at it.
 */
#include <weir/mcp.h>

#include <weir/crypto.h>
#include <weir/json.h>

#include <string.h>

#define DEPTH_MAX 16

struct search {
    struct weir_json_reader reader;
    weir_span value;
    char text[WEIR_MCP_PARAM_MAX];
};

static bool
is_scalar(struct search *search, enum weir_json_kind kind)
{
    weir_span raw, text;
    if (!weir_json_raw(&search->reader, &raw))
        return false;
    if (kind != WEIR_JSON_STRING)
        return kind != WEIR_JSON_NULL && weir_span_equal(raw, search->value);
    return weir_json_unescape_into(raw, search->text, sizeof search->text,
                                   &text) &&
           weir_span_equal(text, search->value);
}

static bool
is_in(struct search *search, unsigned depth)
{
    weir_span name;
    enum weir_json_kind kind = weir_json_peek(&search->reader);
    if (kind != WEIR_JSON_OBJECT)
        return kind == WEIR_JSON_ARRAY ? false : is_scalar(search, kind);
    if (depth == DEPTH_MAX || !weir_json_object(&search->reader))
        return false;
    while (weir_json_member(&search->reader, &name))
        if (is_in(search, depth + 1))
            return true;
    return false;
}

/* The plain value of "=?base64?...?="; of others themselves. */
static bool
decode(weir_span header, char *room, size_t size, weir_span *value_out)
{
    const weir_span begin = WEIR_SPAN("=?base64?");
    const weir_span end = WEIR_SPAN("?=");
    size_t len;
    if (!weir_span_starts(header, begin) || !weir_span_ends(header, end)) {
        *value_out = header;
        return header.len <= size;
    }
    if (header.len < begin.len + end.len)
        return false;
    weir_span inner = {header.ptr + begin.len,
                       header.len - begin.len - end.len};
    if (inner.len > size || !weir_base64_decode(inner, room, size, &len))
        return false;
    *value_out = (weir_span){room, len};
    return weir_utf8_valid(*value_out);
}

bool
weir_mcp_repeats(weir_span text, weir_span header)
{
    static const weir_json_path paths[] = {
        WEIR_JSON_PATH2("params", "arguments")};
    struct weir_json_root root;
    struct weir_arena arena;
    struct search search;
    weir_json_hit hit;
    char room[WEIR_MCP_PARAM_MAX];
    char names[1024];

    if (!decode(header, room, sizeof room, &search.value) ||
        weir_json_scan(text, paths, 1, 0, &root, &hit, NULL) != WEIR_OK ||
        hit.kind != WEIR_JSON_OBJECT)
        return false;
    weir_arena_init(&arena, names, sizeof names);
    weir_json_reader_init(&search.reader, hit.raw, &arena);
    return is_in(&search, 0);
}
