/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/raw.h - small readings of JSON values that are known to be whole.
 *
 * Threads: one owner. Memory: nothing is allocated; spans borrow from the
 * text.
 */
#ifndef WEIR_RAW_H
#define WEIR_RAW_H

#include <weir/json.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_RAW_MEMBERS_MAX 40

/* What a raw value is, by its first byte; NONE: nothing there. */
enum weir_json_kind weir_raw_kind(weir_span raw);

/*
 * The members of `object` called `names`, in raws_out[count]; those that are
 * not there, or null, have ptr NULL. Of a name that repeats, the last. False:
 * no object. `other`, where given, hears of every further member.
 */
typedef void (*weir_raw_other)(void *context, weir_span name, weir_span raw);
bool weir_raw_pick(weir_span object, const char *const *names, size_t count,
                   weir_span *raws_out, weir_raw_other other, void *context);

/* The same where names may be written with underscores as well: `names` are
 * in camelCase, and "mime_type" is "mimeType" (protobuf's JSON). */
bool weir_raw_pick_proto(weir_span object, const char *const *names,
                         size_t count, weir_span *raws_out,
                         weir_raw_other other, void *context);
bool weir_raw_names_proto(weir_span name, const char *camel);

/* Walks an array: init, then next until false. Anything but an array has no
 * elements. */
struct weir_raw_array {
    struct weir_json_reader reader;
    uint32_t count; /* elements given */
};
void weir_raw_array_init(struct weir_raw_array *array, weir_span raw);
bool weir_raw_array_next(struct weir_raw_array *array, weir_span *raw_out);

/* A whole number; 0 where it is none. */
uint64_t weir_raw_uint(weir_span raw);
/* The raw string says exactly `text` (plain ASCII). */
bool weir_raw_is(weir_span raw, const char *text);

#ifdef __cplusplus
}
#endif
#endif
