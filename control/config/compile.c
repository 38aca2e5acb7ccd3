/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

/* Ten million organisations; offsets in an image are 32 bits. */
#define IMAGE_BYTES_MAX ((size_t)4000 << 20)

weir_status
weir_config_compile(struct weir_world *world, weir_time now,
                    uint64_t generation, struct weir_buf *out,
                    struct weir_faults *faults)
{
    weir_buf_init(out, IMAGE_BYTES_MAX);
    return weir_image_compile(world, now, generation, out, faults);
}
