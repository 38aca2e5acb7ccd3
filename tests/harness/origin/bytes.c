/* SPDX-License-Identifier: Apache-2.0 */
#include "origin.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void
bytes_need(struct bytes *b, size_t more)
{
    if (b->len + more <= b->capacity)
        return;
    size_t capacity = b->capacity < 4096 ? 4096 : b->capacity;
    while (capacity < b->len + more)
        capacity *= 2;
    b->ptr = realloc(b->ptr, capacity);
    if (b->ptr == NULL) {
        fprintf(stderr, "weir-origin: out of memory\n");
        exit(1);
    }
    b->capacity = capacity;
}

void
bytes_add(struct bytes *b, const void *ptr, size_t len)
{
    bytes_need(b, len);
    if (len > 0)
        memcpy(b->ptr + b->len, ptr, len);
    b->len += len;
}

void
bytes_add_text(struct bytes *b, const char *literal)
{
    bytes_add(b, literal, strlen(literal));
}

void
bytes_addf(struct bytes *b, const char *format, ...)
{
    va_list args;
    bytes_need(b, 256);
    for (;;) {
        size_t room = b->capacity - b->len;
        va_start(args, format);
        int len = vsnprintf(b->ptr + b->len, room, format, args);
        va_end(args);
        if (len >= 0 && (size_t)len < room) {
            b->len += (size_t)len;
            return;
        }
        bytes_need(b, (size_t)len + 1);
    }
}

void
bytes_fill(struct bytes *b, size_t len, unsigned seed)
{
    static const char words[] = "river water height gate level flow stone bank "
                                "measure spill reach pool depth stream ";
    bytes_need(b, len);
    for (size_t i = 0; i < len; i++)
        b->ptr[b->len + i] = words[(seed + i) % (sizeof(words) - 1)];
    b->len += len;
}

void
bytes_reset(struct bytes *b)
{
    b->start = 0;
    b->len = 0;
}

void
bytes_free(struct bytes *b)
{
    free(b->ptr);
    *b = (struct bytes){0};
}

bool
text_is(text t, const char *literal)
{
    return t.len == strlen(literal) && memcmp(t.ptr, literal, t.len) == 0;
}

bool
text_is_nocase(text t, const char *literal)
{
    return t.len == strlen(literal) && strncasecmp(t.ptr, literal, t.len) == 0;
}

void
bytes_add_json(struct bytes *b, text t)
{
    for (size_t i = 0; i < t.len; i++) {
        unsigned char c = (unsigned char)t.ptr[i];
        if (c == '"' || c == '\\')
            bytes_addf(b, "\\%c", c);
        else if (c < 0x20)
            bytes_addf(b, "\\u%04x", c);
        else
            bytes_add(b, &t.ptr[i], 1);
    }
}
