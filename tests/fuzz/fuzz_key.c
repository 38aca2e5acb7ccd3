/* SPDX-License-Identifier: Apache-2.0 */
/* The key header: whatever comes out lies inside the value and is clean. */
#include <weir/gate.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weir_span value = {(const char *)data, size};
    for (int is_bare = 0; is_bare < 2; is_bare++) {
        weir_secret key = weir_key_read(value, is_bare != 0);
        if (key.len == 0)
            continue;
        WEIR_ASSERT(key.ptr >= value.ptr &&
                    key.ptr + key.len <= value.ptr + value.len);
        WEIR_ASSERT(key.len <= WEIR_KEY_BYTES_MAX);
        for (size_t i = 0; i < key.len; i++)
            WEIR_ASSERT((unsigned char)key.ptr[i] > ' ' &&
                        (unsigned char)key.ptr[i] < 127);
    }
    return 0;
}
