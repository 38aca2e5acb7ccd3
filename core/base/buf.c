/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/base.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
weir_buf_init(struct weir_buf *buf, size_t max)
{
    memset(buf, 0, sizeof(*buf));
    buf->max = max;
}

void
weir_buf_init_fixed(struct weir_buf *buf, void *memory, size_t size)
{
    memset(buf, 0, sizeof(*buf));
    buf->ptr = memory;
    buf->capacity = size;
    buf->max = size;
    buf->is_fixed = true;
}

void
weir_buf_fini(struct weir_buf *buf)
{
    if (!buf->is_fixed)
        free(buf->ptr);
    memset(buf, 0, sizeof(*buf));
}

void
weir_buf_reset(struct weir_buf *buf)
{
    buf->len = 0;
    buf->overflow = false;
}

static bool
room(struct weir_buf *buf, size_t len)
{
    if (buf->overflow || len > buf->max || buf->len > buf->max - len) {
        buf->overflow = true;
        return false;
    }
    size_t need = buf->len + len;
    if (need <= buf->capacity)
        return true;
    size_t capacity = buf->capacity < 256 ? 256 : buf->capacity;
    while (capacity < need)
        capacity = capacity > buf->max / 2 ? buf->max : capacity * 2;
    /* never beyond `max`: whoever has room need not look at both */
    if (capacity > buf->max)
        capacity = buf->max;
    char *grown = buf->is_fixed ? NULL : realloc(buf->ptr, capacity);
    if (grown == NULL) {
        buf->overflow = true;
        return false;
    }
    buf->ptr = grown;
    buf->capacity = capacity;
    return true;
}

void
weir__buf_add_slowly(struct weir_buf *buf, const void *bytes, size_t len)
{
    if (len == 0 || !room(buf, len))
        return;
    memcpy(buf->ptr + buf->len, bytes, len);
    buf->len += len;
}

void
weir_buf_add_span(struct weir_buf *buf, weir_span s)
{
    weir_buf_add(buf, s.ptr, s.len);
}

void
weir_buf_add_byte(struct weir_buf *buf, char byte)
{
    weir_buf_add(buf, &byte, 1);
}

void
weir_buf_addf(struct weir_buf *buf, const char *format, ...)
{
    char small[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (len < 0) {
        buf->overflow = true;
        return;
    }
    if ((size_t)len < sizeof(small)) {
        weir_buf_add(buf, small, (size_t)len);
        return;
    }
    /* vsnprintf writes a NUL: room for one more byte than is kept. */
    if (!room(buf, (size_t)len + 1))
        return;
    va_start(args, format);
    vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
}

size_t
weir_buf_reserve(struct weir_buf *buf, size_t len, size_t align)
{
    WEIR_ASSERT(align > 0 && (align & (align - 1)) == 0);
    size_t pad = (size_t)(-buf->len & (align - 1));
    if (len > SIZE_MAX - pad || !room(buf, pad + len)) {
        buf->overflow = true;
        return SIZE_MAX;
    }
    memset(buf->ptr + buf->len, 0, pad + len);
    size_t offset = buf->len + pad;
    buf->len = offset + len;
    return offset;
}

weir_span
weir_buf_span(const struct weir_buf *buf)
{
    return (weir_span){buf->ptr, buf->len};
}
