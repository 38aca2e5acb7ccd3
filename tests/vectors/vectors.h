/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading of published test vectors: zstd-packed JSON below WEIR_DATA.
 */
#ifndef WEIR_TEST_VECTORS_H
#define WEIR_TEST_VECTORS_H

#include <jansson.h>

#include "test.h"

/* Unpacked bytes of `name` below WEIR_DATA, malloc'ed, NUL behind them; the
 * name's ending decides whether it is packed. NULL, said aloud, where the
 * data is absent. */
char *vectors_bytes(const char *name, size_t *len_out);
/* The same as one JSON value. */
json_t *vectors_json(const char *name);
/* Calls `on_row` for each line; returns how many there were. Integers of 19
 * digits and more come as strings. */
size_t vectors_rows(const char *name, void (*on_row)(json_t *row));

/* A string member as bytes from hex or base64, malloc'ed (NULL: absent). */
char *vectors_hex(const json_t *object, const char *key, size_t *len_out);
char *vectors_base64(const json_t *value, size_t *len_out);

#endif
