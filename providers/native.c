/* SPDX-License-Identifier: Apache-2.0 */
/* What goes out in the dialects that are not OpenAI's. */
#include "native.h"

#include <weir/json.h>

#include <string.h>

weir_status
weir_native_path(const struct weir_target *target, const weir_span *parts,
                 size_t count, struct weir_arena *arena,
                 struct weir_outgoing *outgoing, struct weir_error *err)
{
    size_t len = target->prefix.len;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    char *path = weir_arena_alloc(arena, len);
    if (path == NULL)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "the attempt needs over %zu bytes", arena->size);
    size_t at = target->prefix.len;
    if (at > 0)
        memcpy(path, target->prefix.ptr, at);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0)
            memcpy(path + at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    outgoing->method = WEIR_SPAN("POST");
    outgoing->path = (weir_span){path, len};
    return WEIR_OK;
}

static void
put_piece(struct weir_outgoing *outgoing, weir_span piece)
{
    if (piece.len == 0)
        return;
    outgoing->pieces[outgoing->piece_count++] = piece;
    outgoing->body_bytes += piece.len;
}

/* Values exchanged in the client's body, by their place. */
struct edit {
    weir_span raw;
    weir_span text;
};

static void
add_edit(struct edit *edits, size_t *count, weir_span raw, weir_span text)
{
    if (raw.ptr == NULL)
        return;
    size_t i = (*count)++;
    for (; i > 0 && edits[i - 1].raw.ptr > raw.ptr; i--)
        edits[i] = edits[i - 1];
    edits[i] = (struct edit){raw, text};
}

static weir_span
model_text(const struct weir_target *target, struct weir_arena *arena)
{
    struct weir_buf quoted;
    size_t size = 6 * target->origin_model.len + 2;
    void *memory = weir_arena_alloc(arena, size);
    if (memory == NULL)
        return WEIR_SPAN_NONE;
    weir_buf_init_fixed(&quoted, memory, size);
    weir_json_quote(&quoted, target->origin_model);
    return weir_buf_span(&quoted);
}

static weir_span
capped(weir_span raw, uint32_t n_max, struct weir_arena *arena)
{
    char text[16];
    struct weir_buf number;
    uint64_t value;
    if (n_max == 0 || !weir_json_to_uint64(raw, &value) || value <= n_max)
        return raw;
    weir_buf_init_fixed(&number, text, sizeof(text));
    weir_buf_addf(&number, "%u", n_max);
    return weir_arena_copy(arena, weir_buf_span(&number));
}

weir_status
weir_native_body(const struct weir_request *request,
                 const struct weir_target *target, struct weir_arena *arena,
                 struct weir_outgoing *outgoing, struct weir_error *err)
{
    weir_span body = request->body;
    struct edit edits[4];
    size_t count = 0;

    if (!weir_span_equal(request->model, target->origin_model))
        add_edit(edits, &count, request->spots[WEIR_SPOT_MODEL],
                 model_text(target, arena));
    add_edit(edits, &count, request->spots[WEIR_SPOT_N],
             capped(request->spots[WEIR_SPOT_N], target->n_max, arena));
    if (target->strips_logprobs) {
        add_edit(edits, &count, request->spots[WEIR_SPOT_LOGPROBS],
                 WEIR_SPAN("null"));
        add_edit(edits, &count, request->spots[WEIR_SPOT_TOP_LOGPROBS],
                 WEIR_SPAN("null"));
    }
    if (arena->overflow)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "the attempt needs over %zu bytes", arena->size);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        size_t start = (size_t)(edits[i].raw.ptr - body.ptr);
        put_piece(outgoing, (weir_span){body.ptr + at, start - at});
        put_piece(outgoing, edits[i].text);
        at = start + edits[i].raw.len;
    }
    put_piece(outgoing, (weir_span){body.ptr + at, body.len - at});
    return WEIR_OK;
}

weir_status
weir_native_pieces(const struct weir_pen *pen, struct weir_outgoing *outgoing,
                   struct weir_error *err)
{
    if (pen->arena->overflow)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "the request has more parts than can be translated");
    outgoing->many = pen->pieces;
    outgoing->piece_count = pen->count;
    outgoing->body_bytes = pen->bytes;
    outgoing->is_translated = true;
    return WEIR_OK;
}

void
weir_native_stop(struct weir_pen *pen, const char *name, weir_span raw)
{
    if (raw.ptr == NULL)
        return;
    weir_pen_name(pen, name);
    if (*raw.ptr == '[') {
        weir_pen_raw(pen, raw);
        return;
    }
    weir_pen_open(pen, '[');
    weir_pen_raw(pen, raw);
    weir_pen_close(pen, ']');
}
