/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies on which names stand in place of ids: the same bytes come out at
 * any split, and without a seal those that went in. The first two bytes are
 * the dialect, events or not, and the split.
 */
#include <weir/stored.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
feed(const uint8_t *data, size_t size, unsigned how, size_t step,
     weir_secret seal, struct weir_buf *out)
{
    struct weir_stored_reply reply;
    struct weir_bound_owner owner = {seal, 7};
    weir_stored_reply_init(&reply, &owner, 9,
                           (how & 2) != 0 ? WEIR_DIALECT_CHAT
                                          : WEIR_DIALECT_RESPONSES,
                           (how & 1) != 0);
    for (size_t at = 0; at < size; at += step) {
        size_t len = step < size - at ? step : size - at;
        if (!weir_stored_reply_feed(
                &reply, (weir_span){(const char *)data + at, len}, out))
            abort();
    }
    if (!weir_stored_reply_end(&reply, out))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weir_secret seal = {"0123456789abcdef", 16};
    struct weir_buf whole, split;
    if (size < 3 || size > 8192)
        return 0;
    unsigned how = data[0];
    size_t step = (size_t)data[1] % 61 + 1;
    data += 2;
    size -= 2;
    weir_buf_init(&whole, (size_t)1 << 20);
    weir_buf_init(&split, (size_t)1 << 20);
    feed(data, size, how, size, seal, &whole);
    feed(data, size, how, step, seal, &split);
    if (whole.len != split.len || memcmp(whole.ptr, split.ptr, whole.len) != 0)
        abort();
    weir_buf_reset(&whole);
    feed(data, size, how, step, (weir_secret){NULL, 0}, &whole);
    if (whole.len != size || memcmp(whole.ptr, data, size) != 0)
        abort();
    weir_buf_fini(&whole);
    weir_buf_fini(&split);
    return 0;
}
