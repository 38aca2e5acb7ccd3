/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/tags.h - what a call is charged back to.
 *
 * A tag is NAME=VALUE. Names: a letter, then letters, digits, `_`, `-`, `.`;
 * values: letters, digits and `_-./:+@`. Both are bounded, so that a record
 * stays small and no text of a prompt fits in. Written, tags stand in the
 * order of their names: "task=T-42,team=search".
 *
 * Of two tags of one name the first that was put stays: the key's before the
 * project's before those of the request, so that no caller charges another
 * team.
 *
 * Threads and memory: values; names and values are borrowed.
 */
#ifndef WEIR_TAGS_H
#define WEIR_TAGS_H

#include <weir/base.h>

#define WEIR_TAGS_MAX      16
#define WEIR_TAG_NAME_MAX  32
#define WEIR_TAG_VALUE_MAX 64
#define WEIR_TAGS_BYTES    512 /* written, all of them */

/* The tag by which cost is shown per task. */
#define WEIR_TAG_TASK "task"

struct weir_tag {
    weir_span name;
    weir_span value;
};

struct weir_tags {
    uint32_t count;
    uint32_t bytes; /* as written */
    struct weir_tag of[WEIR_TAGS_MAX];
};

/* False: it is no tag, or there is no room. A name that is there stays. */
bool weir_tags_put(struct weir_tags *tags, weir_span name, weir_span value);
/* "a=b, c=d" as a header or a file has it. EPARSE: something in it is no tag;
 * ETOOBIG: too many. */
WEIR_MUST_USE weir_status weir_tags_read(struct weir_tags *tags, weir_span text,
                                         struct weir_error *err);
/* Members of a request's `metadata` (JSON, of any kind) whose name and value
 * are a tag's; the others are left out. `memory` holds what had escapes. */
void weir_tags_read_metadata(struct weir_tags *tags, weir_span metadata,
                             struct weir_arena *memory);
/* Sorted by name; the length. */
size_t weir_tags_write(const struct weir_tags *tags,
                       char text_out[WEIR_TAGS_BYTES]);
/* Of a written text; false: no tag of this name. */
bool weir_tags_find(weir_span text, weir_span name, weir_span *value_out);
/* Takes the first tag off a written text; false: there is none left. */
bool weir_tags_next(weir_span *text, struct weir_tag *tag_out);

#endif
