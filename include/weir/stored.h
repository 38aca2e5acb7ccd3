/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/stored.h - what an origin keeps of answers, by names of a tenant.
 *
 * Origins with the Responses API keep responses, their items and the sound
 * of chat answers, and take them up again by an id. One account there serves
 * all tenants, so an id alone must not be enough: clients get and say names
 * that are bound to them (weir/bound.h).
 *
 *    reply    {"id":"resp_1", ...}  -- names in place of ids -->  client
 *    request  {"previous_response_id":"resp_<code>1", ...}  -- ids -->  origin
 *
 * All else stays byte for byte.
 *
 * Threads: a reply has one owner, the rest is constant. Memory: the caller's;
 * nothing is allocated but by the caller's buffers.
 */
#ifndef WEIR_STORED_H
#define WEIR_STORED_H

#include <weir/base.h>
#include <weir/bound.h>
#include <weir/surface.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --------------------------------------------------------------- replies */

/* Ids that were named last: a stream repeats one in each of its events; and
 * those that are known before. */
#define WEIR_STORED_MEMO  6
#define WEIR_STORED_KNOWN 2

struct weir_stored_memo {
    uint8_t kind;
    uint16_t word_len;
    uint16_t name_len;
    char word[WEIR_BOUND_NAME_MAX];
    char name[WEIR_BOUND_NAME_MAX + WEIR_BOUND_NAME_MORE];
};

/* Appends how the client names a file that it had named in what is told
 * again (parts of input items); false: the id stays. */
typedef bool weir_stored_on_file(void *context, weir_span id,
                                 struct weir_buf *name);

/* A reply on its way to the client; its insides are stored.c's, but for
 * on_file, which may be set once it is begun. */
struct weir_stored_reply {
    weir_stored_on_file *on_file; /* NULL: ids of files stay */
    void *on_file_context;
    struct weir_bound_owner owner;
    uint64_t deployment;
    bool is_streamed;
    uint8_t root;
    uint8_t state;
    uint8_t line;     /* of events: what the line is */
    uint8_t line_len; /* bytes of "data:" met */
    bool was_cr;
    bool is_escaped; /* the string's next byte is */
    bool wants_name;
    uint8_t kind;  /* that the last name announces; 0: none */
    uint8_t child; /* node that it leads to */
    uint8_t node[8];
    uint8_t objects; /* bit per level */
    uint32_t depth;
    uint32_t skipped; /* depth of a container nobody wants; 0: none */
    uint16_t len;
    uint8_t known;
    uint8_t memo_next;
    char text[WEIR_BOUND_NAME_MAX]; /* a name or value being read */
    struct weir_stored_memo memo[WEIR_STORED_MEMO];
};

/* `is_streamed`: server-sent events. What the request named goes by the name
 * that the client said: weir_stored_reply_know(), before the first bytes, for
 * so many as WEIR_STORED_KNOWN. */
void weir_stored_reply_init(struct weir_stored_reply *reply,
                            const struct weir_bound_owner *owner,
                            uint64_t deployment, enum weir_dialect dialect,
                            bool is_streamed);
void weir_stored_reply_know(struct weir_stored_reply *reply,
                            enum weir_bound_kind kind, weir_span word,
                            weir_span name);
/* Appends the bytes, with names in place of ids; at any split. The end of an
 * id that is not there yet is held back. False: `out` is full. */
bool weir_stored_reply_feed(struct weir_stored_reply *reply, weir_span bytes,
                            struct weir_buf *out);
/* What is held back still, where the reply ends amid an id. */
bool weir_stored_reply_end(struct weir_stored_reply *reply,
                           struct weir_buf *out);

/* -------------------------------------------------------------- requests */

/* How much the request hangs on what it names. */
enum weir_stored_need {
    WEIR_STORED_MUST,   /* without it nothing is said */
    WEIR_STORED_SEALED, /* what it names is there too, readable there alone */
    WEIR_STORED_MAY     /* what it names is there too */
};

enum weir_stored_act {
    WEIR_STORED_KEEP,
    WEIR_STORED_WRITE, /* a string of what was appended to `word` */
    WEIR_STORED_DROP,  /* the member is left out */
    WEIR_STORED_REFUSE
};

/* What becomes of a name; `text` is unescaped, borrowed for the call. */
typedef enum weir_stored_act (*weir_stored_on_name)(void *context,
                                                    enum weir_bound_kind kind,
                                                    enum weir_stored_need need,
                                                    weir_span text,
                                                    struct weir_buf *word);

/* Whether a request of this body could name anything: false costs nothing. */
bool weir_stored_may_name(const struct weir_request *request);

/*
 * Goes through the names in a request. `out` NULL: only looks; else gets the
 * body anew, unless `*changed_out` is 0. ETYPE: refused, or an item cannot be
 * read; request->param names the member, in `arena`.
 */
WEIR_MUST_USE weir_status
weir_stored_names(struct weir_request *request, weir_stored_on_name on_name,
                  void *context, struct weir_arena *arena, struct weir_buf *out,
                  size_t *changed_out, struct weir_error *err);

/* ----------------------------------------------------------------- verbs */

/* The method for the origin, and what stands behind its "/responses/ID". */
weir_span weir_stored_method(enum weir_stored_verb verb);
weir_span weir_stored_suffix(enum weir_stored_verb verb);
/* How records and people call it: "responses.retrieve". */
weir_span weir_stored_title(enum weir_stored_verb verb);

/* Letters, digits, `_`, `-`, `.`: nothing that ends a part of a path. */
bool weir_stored_is_plain(weir_span text);

/*
 * The query for the origin, with its question mark, or nothing. Names of
 * items go through `on_name` as in requests. `strips_logprobs`: that extra is
 * not asked for. ETYPE: a parameter is not served, `*param_out` is its name
 * (of `query`).
 */
WEIR_MUST_USE weir_status weir_stored_query(
    enum weir_stored_verb verb, weir_span query, bool strips_logprobs,
    weir_stored_on_name on_name, void *context, struct weir_buf *out,
    weir_span *param_out, struct weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
