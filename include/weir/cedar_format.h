/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/cedar_format.h - policies as text: made, or laid out anew.
 *
 * Threads: no shared state. Memory: into the caller's buffer; scratch memory
 * is taken from the heap and returned.
 */
#ifndef WEIR_CEDAR_FORMAT_H
#define WEIR_CEDAR_FORMAT_H

#include <weir/cedar.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Static policies and templates in the order of the set; links have no text
 * form and are left out. Annotations are kept, comments are not. */
WEIR_MUST_USE weir_status
weir_cedar_policies_write_text(const struct weir_cedar_policies *set,
                               struct weir_buf *out, struct weir_error *err);

/*
 * Lays policy text out anew: one scope per line, conditions indented, lines
 * of at most 80 columns where a break is possible. Comments are kept at
 * their token; literals stay as they were written. The result parses to the
 * same policies, and formatting it again changes nothing.
 * EPARSE and ELIMIT as weir_cedar_policies_add_text().
 */
WEIR_MUST_USE weir_status weir_cedar_format(weir_span text,
                                            struct weir_buf *out,
                                            struct weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
