/* SPDX-License-Identifier: Apache-2.0 */
/* How a key stands in a header. */
#include <weir/gate.h>

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool
is_key_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

weir_secret
weir_key_read(weir_span value, bool is_bare)
{
    static const weir_span scheme = {"bearer", 6};
    while (value.len > 0 && is_blank(value.ptr[0])) {
        value.ptr++;
        value.len--;
    }
    if (!is_bare) {
        weir_span head = {value.ptr, scheme.len};
        if (value.len <= scheme.len || !is_blank(value.ptr[scheme.len]) ||
            !weir_span_equal_nocase(head, scheme))
            return (weir_secret){NULL, 0};
        value.ptr += scheme.len;
        value.len -= scheme.len;
        while (value.len > 0 && is_blank(value.ptr[0])) {
            value.ptr++;
            value.len--;
        }
    }
    while (value.len > 0 && is_blank(value.ptr[value.len - 1]))
        value.len--;
    if (value.len == 0 || value.len > WEIR_KEY_BYTES_MAX)
        return (weir_secret){NULL, 0};
    for (size_t i = 0; i < value.len; i++)
        if (!is_key_byte(value.ptr[i]))
            return (weir_secret){NULL, 0};
    return (weir_secret){value.ptr, value.len};
}
