/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/serve/nginx_conf.h - nginx's configuration, from weir's.
 *
 * Threads and memory: a pure function of its arguments.
 */
#ifndef WEIR_NGINX_CONF_H
#define WEIR_NGINX_CONF_H

#include <weir/image.h>

#include "control/files.h"
#include "control/serve/addresses.h"

/*
 * Appends the whole of nginx.conf. `files_max` is how many descriptors a
 * process may have. ETYPE: a value cannot be written into nginx's syntax.
 */
WEIR_MUST_USE weir_status weir_nginx_conf(
    const struct weir_world *world, const struct weir_image *image,
    const struct weir_paths *paths, const struct weir_addresses *addresses,
    uint64_t files_max, struct weir_buf *out, struct weir_error *err);

#endif
