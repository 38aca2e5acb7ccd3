/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that policies name by lists: "personal, secrets". */
#include "policies.h"

#include <string.h>

uint32_t
weir__named(const struct weir_world *world, weir__name_of *name_of,
            uint32_t count, weir_span names, weir_span *unknown_out)
{
    uint32_t bits = 0;
    WEIR_ASSERT(count <= 32);
    while (names.len > 0) {
        const char *comma = memchr(names.ptr, ',', names.len);
        size_t len = comma == NULL ? names.len : (size_t)(comma - names.ptr);
        size_t skip = comma == NULL ? len : len + 1;
        weir_span name = {names.ptr, len};
        while (name.len > 0 && name.ptr[0] == ' ')
            name = (weir_span){name.ptr + 1, name.len - 1};
        while (name.len > 0 && name.ptr[name.len - 1] == ' ')
            name.len--;
        uint32_t i = 0;
        while (i < count && !weir_span_equal(name_of(world, i), name))
            i++;
        if (i < count)
            bits |= 1u << i;
        else if (unknown_out != NULL && unknown_out->len == 0)
            *unknown_out = name.len > 0 ? name : WEIR_SPAN(",");
        names = (weir_span){names.ptr + skip, names.len - skip};
    }
    return bits;
}
