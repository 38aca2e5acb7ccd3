/* SPDX-License-Identifier: Apache-2.0 */
/* The address of a realtime session at its origin: the model stands in the
 * query, whatever the client's address was. */
#include "openai.h"

#include <string.h>

static bool
is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
           c == '~';
}

weir_status
weir_openai_prepare_realtime(const struct weir_target *target,
                             struct weir_arena *arena,
                             struct weir_outgoing *outgoing_out,
                             struct weir_error *err)
{
    static const char digits[] = "0123456789ABCDEF";
    const weir_span end = WEIR_SPAN("/realtime?model=");
    const weir_span name = target->origin_model;
    struct weir_buf path;
    size_t size = target->prefix.len + end.len + 3 * name.len;
    char *memory = weir_arena_alloc(arena, size);
    if (memory == NULL)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "the attempt needs over %zu bytes", arena->size);
    weir_buf_init_fixed(&path, memory, size);
    weir_buf_add_span(&path, target->prefix);
    weir_buf_add_span(&path, end);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (is_word(c)) {
            weir_buf_add_byte(&path, c);
            continue;
        }
        weir_buf_add_byte(&path, '%');
        weir_buf_add_byte(&path, digits[(uint8_t)c >> 4]);
        weir_buf_add_byte(&path, digits[(uint8_t)c & 15]);
    }
    *outgoing_out = (struct weir_outgoing){.method = WEIR_SPAN("GET"),
                                           .path = weir_buf_span(&path)};
    return WEIR_OK;
}
