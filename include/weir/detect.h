/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/detect.h - personal data and secrets in texts that arrive in pieces.
 *
 * A set is compiled from rules once; a stream reads one text (a message, one
 * channel of a reply) in pieces of any size and says what may go on:
 *
 *     weir_detect_stream_init(&stream, set);
 *     weir_detect_feed(&stream, piece, false, &out);      any number of times
 *     weir_detect_feed(&stream, WEIR_SPAN_NONE, true, &out);
 *
 * What could still become a match is held back, at most
 * WEIR_DETECT_MATCH_MAX bytes, so nothing of a match leaves in front of it.
 * Findings and the text that goes on are the same at every split.
 *
 * A built-in detector is an anchor for the multi-pattern matcher, and a
 * check of its own (Luhn, ISO 7064, an alphabet): detectors.def. Rules of an
 * operator's are expressions (the matcher's subset of PCRE) or terms.
 * Regions are the union of overlapping matches; the strictest rule decides
 * what becomes of one.
 *
 * Threads: a set, with its scratch, belongs to one thread, as do its streams.
 * Memory: a set is on the heap; a stream is the caller's struct, and what it
 * held is wiped by weir_detect_stream_fini().
 */
#ifndef WEIR_DETECT_H
#define WEIR_DETECT_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Longest match of a rule, bytes, but for detectors with a tail (keys). An
 * expression that could match more is refused. */
#define WEIR_DETECT_MATCH_MAX 512
/* What a check may look at in front of a match, bytes: "card", "phone". */
#define WEIR_DETECT_CONTEXT   48
#define WEIR_DETECT_RULES_MAX 64
#define WEIR_DETECT_WINDOW    (2 * WEIR_DETECT_MATCH_MAX + WEIR_DETECT_CONTEXT)

/* The greater is the stricter. Numbers are permanent. */
enum weir_detect_action {
    WEIR_DETECT_FLAG = 1,      /* goes on, and is counted */
    WEIR_DETECT_PSEUDONYM = 2, /* a placeholder upstream, restored in the
                                  reply */
    WEIR_DETECT_MASK = 3,      /* replaced for good */
    WEIR_DETECT_BLOCK = 4      /* the call ends */
};

/* ----------------------------------------------------------- detectors */

struct weir_detector;

/* NULL: there is none of that name. */
const struct weir_detector *weir_detector_find(weir_span name);
/* In the order of detectors.def; NULL behind the last. */
const struct weir_detector *weir_detector_at(size_t index);
weir_span weir_detector_name(const struct weir_detector *detector);
/* "personal" or "secret". */
weir_span weir_detector_kind(const struct weir_detector *detector);
/* What it finds and how it is checked, one sentence. */
weir_span weir_detector_title(const struct weir_detector *detector);

/* --------------------------------------------------------------- sets */

/* Spans are copied by compile. Exactly one of detector, expression and terms
 * is given. */
struct weir_detect_rule {
    weir_span name; /* in records and placeholders: a-z, 0-9, '-' */
    const struct weir_detector *detector;
    weir_span expression;
    const weir_span *terms; /* matched as whole words */
    size_t term_count;
    bool is_caseless; /* of expression and terms; ASCII */
    enum weir_detect_action action;
    weir_span replacement; /* of MASK; empty: "[NAME]" */
};

struct weir_detect_set;

/*
 * ETYPE, with err->offset the rule's number: an expression that the matcher
 * does not take, that matches nothing or without an end, a name used twice.
 * ELIMIT: too many rules. ENOMEM.
 */
WEIR_MUST_USE weir_status
weir_detect_compile(const struct weir_detect_rule *rules, size_t count,
                    struct weir_detect_set **set_out, struct weir_error *err);
void weir_detect_free(struct weir_detect_set *set); /* NULL: none */
size_t weir_detect_rule_count(const struct weir_detect_set *set);
weir_span weir_detect_rule_name(const struct weir_detect_set *set, size_t rule);
enum weir_detect_action
weir_detect_rule_action(const struct weir_detect_set *set, size_t rule);

/* -------------------------------------------------------------- vault */

/* The pseudonyms of one call and what stands behind them. In memory only,
 * never recorded; wiped at the end. */
#define WEIR_VAULT_ENTRIES 128
#define WEIR_VAULT_BYTES   16384

struct weir_vault_entry {
    uint16_t original_at; /* in bytes */
    uint16_t original_len;
    uint8_t rule;
    uint8_t number; /* of its rule, from 1 */
};

struct weir_vault {
    const struct weir_detect_set *set; /* whose names placeholders have */
    uint32_t count;
    uint32_t used;
    struct weir_vault_entry entries[WEIR_VAULT_ENTRIES];
    char bytes[WEIR_VAULT_BYTES];
};

void weir_vault_init(struct weir_vault *vault,
                     const struct weir_detect_set *set);
void weir_vault_fini(struct weir_vault *vault);

/* --------------------------------------------------------------- feed */

struct weir_detect_out {
    struct weir_buf *text;    /* what goes on is appended */
    struct weir_vault *vault; /* NULL: pseudonyms are masks */
    bool is_blocked;          /* sticky; nothing goes on behind it */
    uint8_t blocked_by;       /* rule */
    bool is_changed;          /* something was replaced; sticky */
    bool is_vault_full;       /* some were masked for good; sticky */
    uint32_t found[WEIR_DETECT_RULES_MAX]; /* by rule */
};

struct weir_detect_stream {
    const struct weir_detect_set *set;
    const struct weir_vault *restores; /* NULL: placeholders stay */
    uint32_t context;                  /* bytes in front, already gone */
    uint32_t held;                     /* behind them, not yet gone */
    uint8_t swallowed_by;              /* rule + 1 whose tail passes; 0: none */
    uint32_t tail;                     /* state of that tail */
    bool detectors_only;               /* no terms, no expressions */
    unsigned char window[WEIR_DETECT_WINDOW];
};

/* `restores` of a reply: placeholders of the call's vault are turned back.
 * Both may be NULL. */
void weir_detect_stream_init(struct weir_detect_stream *stream,
                             const struct weir_detect_set *set,
                             const struct weir_vault *restores);
void weir_detect_stream_fini(struct weir_detect_stream *stream);

/*
 * Reads `piece`, well-formed UTF-8, and appends to out->text what may go on.
 * `is_last`: the text ends here, so that nothing is held. What goes on is
 * well-formed, too. False: out->text is full (its overflow is sticky).
 */
bool weir_detect_feed(struct weir_detect_stream *stream, weir_span piece,
                      bool is_last, struct weir_detect_out *out);

/* ----------------------------------------------------------- JSON body */

/*
 * A whole JSON body, valid already: every string value is read as a text of
 * its own, but for long runs of base64 (images); of members that name things
 * rather than say them (model, role, type) only by detectors. Appends the
 * body with changed strings to out->text and returns true; nothing is
 * appended where out->is_changed stays false. `room` is for one string
 * unescaped; false: it, or out->text, was too small.
 */
bool weir_detect_body(const struct weir_detect_set *set,
                      const struct weir_vault *restores, weir_span body,
                      struct weir_arena *room, struct weir_detect_out *out);

/* The texts of such a body, one by one, as every rule would read them: not
 * those of members that name things. False: `on_text` said so, or `room` was
 * too small. A text lives until the next. */
typedef bool weir_detect_on_text(void *context, weir_span text);
bool weir_detect_texts(weir_span body, struct weir_arena *room,
                       weir_detect_on_text *on_text, void *context);

/* Whether a prompt in it is told in tokens, numbers that only a model's own
 * vocabulary reads: an array of numbers, or arrays of them, where embeddings
 * and completions have their texts; also in the `body` of a batch's line.
 * `room` is for names with escapes. */
bool weir_detect_has_tokens(weir_span body, struct weir_arena *room);

#ifdef __cplusplus
}
#endif

#endif
