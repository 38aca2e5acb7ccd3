/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/explain/sources.h - where the facts of an image were said.
 *
 * An image holds what a decision needs and no more. Beside each archived
 * image lies <digest>.sources, which says for every entity of the
 * configuration which file and line said it, and what that line gave as
 * source and date. One line of JSON for each:
 *
 *     ["Organization","acme","",{"file":..,"line":..,"source":..,"as_of":..}]
 *
 * The third member names an attribute where a fact has a source of its own;
 * empty, the row speaks for the whole entity. Whoever knows more about a
 * fact (evidence, a register) adds a line with the attribute's name in
 * weir_sources_write(), and every explanation shows it.
 *
 * Keys are not in it: they come from the store, with who made them and when.
 *
 * Threads: an opened file is immutable. Memory: the opened file owns its
 * bytes; what find gives is the caller's (json_decref).
 */
#ifndef WEIR_EXPLAIN_SOURCES_H
#define WEIR_EXPLAIN_SOURCES_H

#include <jansson.h>
#include <weir/world.h>

#include "control/files.h"

/* A checked world, as lines in `out`. */
void weir_sources_write(const struct weir_world *world, struct weir_buf *out);

/* images/<hex digest>.sources */
void weir_sources_path(const struct weir_paths *paths, const uint8_t digest[32],
                       char path_out[WEIR_PATH_MAX + 80]);

struct weir_sources {
    char *bytes; /* NULL: nothing is known */
    size_t len;
};

/* ENOTFOUND: written by a weir that kept none; nothing is then found. */
WEIR_MUST_USE weir_status weir_sources_open(const char *path,
                                            struct weir_sources *sources_out,
                                            struct weir_error *err);
void weir_sources_close(struct weir_sources *sources);

/* What was said about this attribute, else about the entity; NULL: nothing.
 * The members "type" and "id" are added. */
json_t *weir_sources_find(const struct weir_sources *sources, weir_span type,
                          weir_span id, weir_span attribute);

#endif
