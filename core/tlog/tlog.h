/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TLOG_INTERNAL_H
#define WEIR_TLOG_INTERNAL_H

#include <weir/tlog.h>

/* The hash of leaves [start, end), where start is aligned as a node of a
 * left-balanced tree is. False: empty, or `read` failed. */
bool weir__tlog_range(uint64_t start, uint64_t end, weir_tlog_read *read,
                      void *context, weir_digest *hash_out);

/* Takes the line up to '\n' off `text`. False: no '\n' in it. */
bool weir__note_line(weir_span *text, weir_span *line_out);
/* A decimal number without leading zeros. */
bool weir__note_number(weir_span text, uint64_t *value_out);
/* Text without blanks and plus signs, of a length that a key may have. */
bool weir__note_is_name(weir_span name);
/* Base64 of exactly one digest. */
bool weir__note_digest(weir_span text, weir_digest *digest_out);
/* The same the other way, with '\n'. */
void weir__digest_line(const weir_digest *digest, struct weir_buf *out);

#endif
