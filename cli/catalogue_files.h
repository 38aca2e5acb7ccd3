/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of the catalogue share. */
#ifndef WEIR_CLI_CATALOGUE_FILES_H
#define WEIR_CLI_CATALOGUE_FILES_H

#include <weir/world.h>

#include "cli/cli.h"

/* Entries of files or directories, with what they inherit; NULL after the
 * faults were printed. weir_world_free() it. */
struct weir_world *weir_cli_catalogue_files(struct weir_cli *cli,
                                            const char *const *paths,
                                            size_t count);

/* A whole number; `fallback` when not given; false: not one. */
bool weir_cli_number_option(const struct weir_cli *cli, const char *option,
                            uint32_t fallback, uint32_t *value_out);

#endif
