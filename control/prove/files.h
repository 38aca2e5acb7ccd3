/* SPDX-License-Identifier: Apache-2.0 */
/* Files and folders of policies and assertions. */
#ifndef WEIR_CONTROL_PROVE_FILES_H
#define WEIR_CONTROL_PROVE_FILES_H

#include "book.h"

typedef weir_status weir__prove_visit(void *context, const char *path);

bool weir__prove_is_directory(const char *path);
/* The file itself, or those below a directory whose names end so, in order
 * of names; stops at the first failure. EIO: no such directory. */
WEIR_MUST_USE weir_status weir__prove_each(const char *path, const char *suffix,
                                           int depth, weir__prove_visit *visit,
                                           void *context);
WEIR_MUST_USE weir_status weir__prove_file(const char *path,
                                           struct weir_arena *arena,
                                           struct weir_prove_place *place_out,
                                           struct weir_error *err);

#endif
