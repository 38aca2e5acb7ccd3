/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/health/table.h - a table of the run directory that workers share:
 * a file of its own, made once, mapped while somebody looks.
 *
 * Threads: any; the table itself says what may be done at once. Memory: the
 * mapping is whoever's opened it.
 */
#ifndef WEIR_CONTROL_TABLE_H
#define WEIR_CONTROL_TABLE_H

#include <weir/base.h>

struct weir_table_map {
    void *bytes; /* NULL: nothing is mapped */
    size_t size;
};

/* False: no such file, or it cannot be mapped. */
bool weir_table_map(const char *run, const char *name,
                    struct weir_table_map *map_out);
void weir_table_unmap(struct weir_table_map *map);

/* Writes a table into `bytes` of zeros. */
typedef weir_status weir_table_format(void *bytes, size_t size,
                                      struct weir_error *err);
/* Made beside and renamed: nobody sees a table half made. EIO. */
WEIR_MUST_USE weir_status weir_table_make(const char *run, const char *name,
                                          size_t size,
                                          weir_table_format *format,
                                          struct weir_error *err);

#endif
