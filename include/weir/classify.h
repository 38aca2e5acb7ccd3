/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/classify.h - what a classifier over HTTP is asked, and what it says.
 *
 * Two forms: weir's own, and that of OpenAI's /v1/moderations, so that any
 * such endpoint can be one. docs/formats/classifier.md has both. An answer
 * becomes one opinion, of its worst category; names of categories come from
 * the configuration or from a list here, so that nothing a service echoes
 * gets into a record.
 *
 * Threads and memory: pure functions on the caller's buffers.
 */
#ifndef WEIR_CLASSIFY_H
#define WEIR_CLASSIFY_H

#include <weir/base.h>
#include <weir/record.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of an answer; more is refused. */
#define WEIR_CLASSIFY_REPLY_MAX ((size_t)64 << 10)

struct weir_classify_setup {
    uint32_t form;        /* enum weir_image_form */
    weir_span model;      /* empty: the service's own choice */
    weir_span thresholds; /* as the image has them */
};

/* Of whom and what; names only. */
struct weir_classify_about {
    weir_span request; /* id */
    weir_span surface; /* "chat" */
    weir_span model;
    weir_span tenant;
    weir_span project;
    weir_span end_customer;
    bool is_reply;
    bool is_last;  /* no more of this direction will be asked about */
    uint32_t part; /* from 1: of a stream's windows */
};

/* Appends one more of the texts of an ask: the list without its brackets. */
void weir_classify_add_text(struct weir_buf *texts, weir_span text);
/* The body of an ask; `texts` as made by the above. */
void weir_classify_put(const struct weir_classify_setup *setup,
                       const struct weir_classify_about *about, weir_span texts,
                       struct weir_buf *out);

struct weir_classify_said {
    enum weir_opinion opinion; /* ALLOW, FLAG or BLOCK */
    uint8_t score;             /* 0 to 100, of the category */
    weir_span category;        /* of `thresholds` or constant; may be empty */
};

/*
 * EPARSE: not JSON, not of the form, or it says nothing at all; nested deep,
 * or numbers outside 0 to 1. `arena` is for names with escapes.
 */
WEIR_MUST_USE weir_status
weir_classify_read(const struct weir_classify_setup *setup, weir_span body,
                   struct weir_arena *arena,
                   struct weir_classify_said *said_out, struct weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
