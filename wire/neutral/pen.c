/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON by pieces. Short bytes run together in blocks of ink from the arena;
 * a long span ends the block's piece and is a piece by itself:
 *
 *    ink:    {"messages":[{"role":"user","content":"| "}],"max_tokens":9}
 *    pieces: [-------------------------------------][~~~ 90 KB ~~~][------]
 *
 * The list of pieces doubles when it is full; the old one stays behind in
 * the arena, which at most doubles what the list takes.
 */
#include <weir/pen.h>

#include <string.h>

#define INK_BLOCK    1024
#define PIECES_LEAST 16

void
weir_pen_init(struct weir_pen *pen, struct weir_arena *arena)
{
    *pen = (struct weir_pen){.arena = arena};
}

void
weir_pen_init_buf(struct weir_pen *pen, struct weir_buf *buf)
{
    *pen = (struct weir_pen){.buf = buf};
    if (buf->len > 0)
        pen->last = buf->ptr[buf->len - 1];
}

static void
add_piece(struct weir_pen *pen, weir_span piece)
{
    if (pen->count > 0) {
        weir_span *before = &pen->pieces[pen->count - 1];
        if (before->ptr + before->len == piece.ptr) {
            before->len += piece.len;
            return;
        }
    }
    if (pen->count == pen->capacity) {
        uint32_t capacity =
            pen->capacity > 0 ? 2 * pen->capacity : PIECES_LEAST;
        weir_span *pieces = weir_arena_array(pen->arena, weir_span, capacity);
        if (pieces == NULL)
            return;
        if (pen->count > 0)
            memcpy(pieces, pen->pieces, pen->count * sizeof(*pieces));
        pen->pieces = pieces;
        pen->capacity = capacity;
    }
    pen->pieces[pen->count++] = piece;
}

static void
add_ink(struct weir_pen *pen, weir_span bytes)
{
    while (bytes.len > 0) {
        if (pen->ink_left == 0) {
            pen->ink = weir_arena_alloc(pen->arena, INK_BLOCK);
            if (pen->ink == NULL)
                return;
            pen->ink_left = INK_BLOCK;
        }
        size_t len = bytes.len < pen->ink_left ? bytes.len : pen->ink_left;
        memcpy(pen->ink, bytes.ptr, len);
        add_piece(pen, (weir_span){pen->ink, len});
        pen->ink += len;
        pen->ink_left -= len;
        bytes.ptr += len;
        bytes.len -= len;
    }
}

void
weir_pen_put(struct weir_pen *pen, weir_span bytes)
{
    if (bytes.len == 0)
        return;
    pen->last = bytes.ptr[bytes.len - 1];
    pen->bytes += bytes.len;
    if (pen->buf != NULL)
        weir_buf_add_span(pen->buf, bytes);
    else if (bytes.len >= WEIR_PEN_BORROW)
        add_piece(pen, bytes);
    else
        add_ink(pen, bytes);
}

static void
put_byte(struct weir_pen *pen, char byte)
{
    weir_pen_put(pen, (weir_span){&byte, 1});
}

void
weir_pen_comma(struct weir_pen *pen)
{
    if (pen->bytes == 0 && pen->buf == NULL)
        return;
    switch (pen->last) {
    case '{':
    case '[':
    case ':':
    case ' ': /* "data: " */
    case '\0':
    case '\n':
        return;
    default:
        put_byte(pen, ',');
    }
}

void
weir_pen_open(struct weir_pen *pen, char bracket)
{
    weir_pen_comma(pen);
    put_byte(pen, bracket);
}

void
weir_pen_close(struct weir_pen *pen, char bracket)
{
    put_byte(pen, bracket);
}

void
weir_pen_name(struct weir_pen *pen, const char *name)
{
    char text[96];
    size_t len = strlen(name);
    bool has_comma = !(pen->last == '{' || pen->last == '\0');
    WEIR_ASSERT(len + 4 < sizeof(text));
    size_t at = 0;
    if (has_comma)
        text[at++] = ',';
    text[at++] = '"';
    memcpy(text + at, name, len);
    at += len;
    text[at++] = '"';
    text[at++] = ':';
    weir_pen_put(pen, (weir_span){text, at});
}

void
weir_pen_raw(struct weir_pen *pen, weir_span raw)
{
    weir_pen_comma(pen);
    weir_pen_put(pen, raw);
    /* A value cannot end in what weir_pen_comma() takes for a beginning. */
    pen->last = '0';
}

void
weir_pen_escaped(struct weir_pen *pen, weir_span escaped)
{
    weir_pen_comma(pen);
    put_byte(pen, '"');
    weir_pen_put(pen, escaped);
    put_byte(pen, '"');
}

static void
put_hex(struct weir_pen *pen, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
    weir_pen_put(pen, (weir_span){text, sizeof(text)});
}

/* The inside of a JSON string that says `text`, UTF-8. */
static void
put_as_string(struct weir_pen *pen, weir_span text)
{
    size_t from = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\')
            continue;
        weir_pen_put(pen, (weir_span){text.ptr + from, i - from});
        from = i + 1;
        if (byte == '"' || byte == '\\')
            weir_pen_put(pen, (weir_span){byte == '"' ? "\\\"" : "\\\\", 2});
        else if (byte == '\n')
            weir_pen_lit(pen, "\\n");
        else
            put_hex(pen, byte);
    }
    weir_pen_put(pen, (weir_span){text.ptr + from, text.len - from});
}

void
weir_pen_quote(struct weir_pen *pen, weir_span raw)
{
    weir_pen_comma(pen);
    put_byte(pen, '"');
    put_as_string(pen, raw);
    put_byte(pen, '"');
}

void
weir_pen_plain(struct weir_pen *pen, weir_span plain)
{
    weir_pen_quote(pen, plain);
}

void
weir_pen_uint(struct weir_pen *pen, uint64_t value)
{
    char text[20];
    size_t at = sizeof(text);
    do {
        text[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    weir_pen_comma(pen);
    weir_pen_put(pen, (weir_span){text + at, sizeof(text) - at});
}

void
weir_pen_member_raw(struct weir_pen *pen, const char *name, weir_span raw)
{
    if (raw.ptr == NULL)
        return;
    weir_pen_name(pen, name);
    weir_pen_raw(pen, raw);
}

void
weir_pen_member_escaped(struct weir_pen *pen, const char *name,
                        weir_span escaped)
{
    if (escaped.ptr == NULL)
        return;
    weir_pen_name(pen, name);
    weir_pen_escaped(pen, escaped);
}

void
weir_pen_member_plain(struct weir_pen *pen, const char *name, weir_span plain)
{
    if (plain.ptr == NULL)
        return;
    weir_pen_name(pen, name);
    weir_pen_plain(pen, plain);
}

void
weir_pen_member_uint(struct weir_pen *pen, const char *name, uint64_t value)
{
    weir_pen_name(pen, name);
    weir_pen_uint(pen, value);
}
