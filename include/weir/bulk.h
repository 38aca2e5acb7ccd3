/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/bulk.h - calls that come as lines of a file and are done later.
 *
 * A file for a batch is read line by line, and each line is a request of the
 * surface as if it had come by itself: validated, measured, changed for its
 * origin. All lines of a file ask one endpoint and one model. Of a batch
 * that brings its requests in an array, each element is such a line.
 *
 * Threads: pure functions. Memory: spans of the body; nothing is allocated
 * but from the caller's arena.
 */
#ifndef WEIR_BULK_H
#define WEIR_BULK_H

#include <weir/image.h>
#include <weir/json_tap.h>
#include <weir/provider.h>
#include <weir/surface.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How lines stand beside each other: by the APIs that made the formats. */
enum weir_bulk_shape {
    WEIR_BULK_LINES = 0,    /* {"custom_id", "method", "url", "body"}, each
                               on a line of a file */
    WEIR_BULK_REQUESTS = 1, /* {"custom_id", "params"}, each an element of an
                               array of JSON that was read before */
};

/* Lines of one batch, by shape, as those APIs have it. */
#define WEIR_BULK_LINES_MAX    50000
#define WEIR_BULK_REQUESTS_MAX 100000
/* Bytes that preparing a line for an origin may add beside its model. */
#define WEIR_BULK_LINE_MORE 128

/* What a file is for. */
enum weir_bulk_purpose {
    WEIR_BULK_FOR_BATCH = 0, /* lines of calls */
    /* To be named in prompts: weir/kept_file.h. */
    WEIR_BULK_FOR_DATA = 1,
    WEIR_BULK_FOR_VISION = 2,
};

/* A form that brings a file. */
struct weir_bulk_form {
    enum weir_bulk_purpose purpose;
    weir_span boundary;
    weir_span file;  /* its bytes, in the body */
    weir_span model; /* by which it is decided; may be empty */
    weir_span part;  /* what brings `model`, from its boundary to the next:
                      * weir's own, not the origin's; empty: none */
    weir_span param; /* on failure: the field at fault */
};

/* EPARSE: no form. ETYPE: a purpose that is not served, or there is no
 * file. */
WEIR_MUST_USE weir_status weir_bulk_read_form(weir_span body,
                                              struct weir_bulk_form *form_out,
                                              struct weir_error *err);

struct weir_bulk_line {
    weir_span raw;  /* without its line feed, or comma */
    weir_span body; /* in it: the request */
    weir_span url;  /* "/v1/chat/completions"; empty of REQUESTS */
    struct weir_request request;
};

/*
 * The next line that is not blank; raw.ptr NULL: there is none. The model's
 * name is in `arena`. EPARSE, ETYPE: what is wrong, without the line's
 * number; `param_out` names the member. EDENIED: an address that `urls` (NULL:
 * any) does not let be named.
 */
WEIR_MUST_USE weir_status weir_bulk_line(
    enum weir_bulk_shape shape, weir_span *rest, const struct weir_urls *urls,
    struct weir_arena *arena, struct weir_bulk_line *line_out,
    weir_span *param_out, struct weir_error *err);

/* What all lines of a file come to. */
struct weir_bulk_sum {
    enum weir_operation operation; /* of each */
    weir_span model;               /* in the arena */
    uint32_t lines;
    uint64_t input_tokens;
    uint64_t output_tokens; /* of lines that say how many at most */
    uint64_t unbounded;     /* answers of those that do not */
    uint64_t files;         /* names of files in them */
};

/* Reads every line. ETYPE: empty, too many, or two lines ask differently;
 * err names the line. */
WEIR_MUST_USE weir_status weir_bulk_sum(
    enum weir_bulk_shape shape, weir_span file, const struct weir_urls *urls,
    struct weir_arena *arena, struct weir_bulk_sum *sum_out,
    weir_span *param_out, struct weir_error *err);

/* A request for a batch. */
struct weir_bulk_order {
    weir_span file;     /* raw, with its quotes, in the body */
    weir_span endpoint; /* unescaped */
    weir_span param;    /* on failure */
};
WEIR_MUST_USE weir_status weir_bulk_read_order(
    weir_span body, struct weir_bulk_order *order_out, struct weir_error *err);

/*
 * The array `requests` of a message batch, what is between its brackets:
 * lines of WEIR_BULK_REQUESTS. ETYPE: there is none.
 */
WEIR_MUST_USE weir_status weir_bulk_read_requests(weir_span body,
                                                  weir_span *file_out,
                                                  weir_span *param_out,
                                                  struct weir_error *err);

/* Where lines of that operation are sent; empty: no batch has such. */
weir_span weir_bulk_url(enum weir_operation operation);

/* --------------------------------------------------------------- origin */

/* Whether that dialect's origins keep batches of such lines. */
bool weir_bulk_is_kept(const struct weir_provider *provider,
                       enum weir_bulk_shape shape);

/* Whether they keep files that calls may name. */
bool weir_bulk_keeps_files(const struct weir_provider *provider);

/*
 * The file as the origin gets it: each line for this target, in `out`.
 * ETYPE: a line cannot be said there.
 */
WEIR_MUST_USE weir_status weir_bulk_put_lines(
    const struct weir_provider *provider, const struct weir_target *target,
    enum weir_bulk_shape shape, weir_span file, struct weir_buf *out,
    struct weir_error *err);

/* What an origin tells of a file or batch; spans of the body. */
struct weir_bulk_told {
    bool is_ended;         /* a batch that does nothing any more */
    bool is_failed;        /* and has nothing to show */
    bool is_counted_later; /* what was used stands in its results alone */
    bool has_usage;
    struct weir_usage usage;
    uint64_t done, total; /* lines, where it says so */
};

/*
 * The object in `body` with each id in it as `seal` names it, into `out`;
 * `seal` gets the member's name ("id", "output_file_id") and the id, and
 * appends a JSON string; for "results_url", the id of the object. EPARSE: not
 * such an object, or `seal` said false.
 */
typedef bool weir_bulk_seal_name(void *context, weir_span member, weir_span id,
                                 struct weir_buf *out);
WEIR_MUST_USE weir_status weir_bulk_retell(enum weir_bulk_shape shape,
                                           weir_span body,
                                           weir_bulk_seal_name *seal,
                                           void *context, struct weir_buf *out,
                                           struct weir_bulk_told *told_out,
                                           struct weir_error *err);

/* -------------------------------------------------------------- results */

/*
 * Reads the results of a message batch while they pass, at any split: what
 * was used stands in each line that succeeded. Constant memory, some 8 KB.
 */
struct weir_bulk_results { /* does not move */
    struct weir_json_tap_plan plan;
    struct weir_json_tap tap;
    char memory[2304];
    struct weir_usage usage; /* of the lines so far */
    uint64_t lines;          /* that are closed */
    uint64_t succeeded;      /* of them */
    bool is_broken;          /* something stood there that is no result */
    bool is_open;            /* a line is */
};
void weir_bulk_results_init(struct weir_bulk_results *results);
void weir_bulk_results_feed(struct weir_bulk_results *results, weir_span bytes);
/* At the end, once: whether every line was one, and its usage read. */
bool weir_bulk_results_finish(struct weir_bulk_results *results);

#ifdef __cplusplus
}
#endif
#endif
