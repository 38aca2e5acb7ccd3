/* SPDX-License-Identifier: Apache-2.0 */
/* What surfaces share: reading counts and flags, and weir's own details. */
#ifndef WEIR_SURFACE_COMMON_H
#define WEIR_SURFACE_COMMON_H

#include <weir/json.h>
#include <weir/surface.h>

/* The member `weir` of an error, into the object that is open; BESIDE: code
 * and field stand in the API's own members. */
enum weir_details { WEIR_DETAILS_ALL, WEIR_DETAILS_BESIDE };
void weir_surface_put_details(struct weir_json_writer *writer,
                              const struct weir_refusal *refusal,
                              enum weir_details details);
/* What a person reads of it. */
weir_span weir_refusal_message(const struct weir_refusal *refusal);

/* The member `weir` of a model that is not offered; nothing of one that is. */
void weir_surface_put_reason(struct weir_json_writer *writer,
                             const struct weir_surface_model *model);
/* "models/" and the name, as one string. */
void weir_surface_put_prefixed(struct weir_json_writer *writer,
                               const char *prefix, weir_span name);

/* A body being read by one scan over `members`. */
struct weir_scanned {
    const weir_json_path *members;
    weir_json_hit *hits;
    struct weir_request *request;
    struct weir_error *err;
};

/* Validates the body and begins `request_out`. */
weir_status weir_scan_request(const struct weir_surface_route *route,
                              weir_span body, size_t count,
                              struct weir_scanned *scanned);
/* ETYPE, with request->param the member's name. */
weir_status weir_scan_reject(const struct weir_scanned *scanned,
                             unsigned member, const char *reason);
bool weir_scan_is_absent(const struct weir_scanned *scanned, unsigned member);
weir_status weir_scan_bool(const struct weir_scanned *scanned, unsigned member,
                           bool *value_out);
/* Absent: `*value_out` stays. */
weir_status weir_scan_count(const struct weir_scanned *scanned, unsigned member,
                            uint64_t *value_out);
weir_status weir_scan_model(const struct weir_scanned *scanned, unsigned member,
                            struct weir_arena *arena);
/* Bytes at `texts`, with those at `media` counted as so many images. */
void weir_scan_prompt(const struct weir_scanned *scanned, const uint8_t *texts,
                      size_t text_count, const uint8_t *media,
                      size_t media_count);

/* Refuses a parsed request that names what lies at an origin, with ETYPE and
 * request->param, or an address that `urls` (NULL: any) does not let be named,
 * with EDENIED; see references.c. */
weir_status weir_surface_check_references(struct weir_request *request,
                                          const struct weir_urls *urls,
                                          struct weir_error *err);
/* The same for an event of a realtime session, which is JSON; and whether it
 * brings sound. `param_out` is left where nothing is refused. */
weir_status weir_surface_check_event(weir_span event,
                                     const struct weir_urls *urls,
                                     bool *has_sound_out, weir_span *param_out,
                                     struct weir_error *err);

/* Addresses in prompts: address.c. */
enum weir_address {
    WEIR_ADDRESS_FITS,
    WEIR_ADDRESS_UNKNOWN,   /* not of the public web, for all that it says */
    WEIR_ADDRESS_FORBIDDEN, /* `urls` does not let it be named */
};
enum weir_address weir_address_judge(weir_span text,
                                     const struct weir_urls *urls);
/* "data:": the bytes are in it. */
bool weir_address_is_data(weir_span text);
/* Base64 where an address belongs. */
bool weir_address_is_bytes(weir_span text);

#endif
