/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/kept.h - what a tenant keeps at origins, as the journal says it.
 *
 * A file or a batch is named by its sealed name (weir/seal.h). Whenever one
 * is made or erased through the gateway a record says so, of kind
 * WEIR_RECORD_KEPT; control's registry is made of these records and of
 * nothing else, and lists are answered from it. Names only: never what is
 * in a file, nor what its owner calls it.
 *
 * Threads and memory: as weir/record.h.
 */
#ifndef WEIR_KEPT_H
#define WEIR_KEPT_H

#include <weir/gate.h>
#include <weir/record.h>
#include <weir/seal.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers are permanent. */
enum weir_kept_deed {
    WEIR_KEPT_MADE = 1,   /* or first heard of: what a batch has made */
    WEIR_KEPT_ERASED = 2, /* at the caller's wish */
    WEIR_KEPT_MISSED = 3, /* its origin said that it is not there */
    WEIR_KEPT_FOUND = 4,  /* and that it is, after all */
};

/* The lists that clients ask for. Numbers are permanent. */
enum weir_kept_list {
    WEIR_KEPT_NONE = 0,
    WEIR_KEPT_FILES = 1,
    WEIR_KEPT_BATCHES = 2,  /* of a file's lines */
    WEIR_KEPT_MESSAGES = 3, /* that brought their requests */
};
enum weir_kept_list weir_kept_list_of(enum weir_sealed_kind kind);

/* What the OpenAI API calls the purpose of a file of this kind: "batch",
 * "batch_output", "user_data", "vision"; empty: it is no file. */
weir_span weir_kept_purpose(enum weir_sealed_kind kind);

struct weir_record_kept {
    struct weir_request_id request; /* the call that made it, where known */
    uint32_t kind;                  /* enum weir_sealed_kind */
    uint32_t deed;                  /* enum weir_kept_deed */
    uint32_t operation;             /* of its lines: enum weir_operation */
    weir_span tenant;
    weir_span key;  /* public id of the key that did it */
    weir_span name; /* sealed */
};

void weir_record_put_kept(const struct weir_record_kept *kept,
                          struct weir_buf *out);
/* ECORRUPT: cut off, or without a name. */
WEIR_MUST_USE weir_status
weir_record_get_kept(weir_span payload, struct weir_record_kept *kept_out,
                     struct weir_error *err);

/*
 * Appends such a record for the call's caller; `sealed` is what `name` was
 * made of. A journal that cannot take it is counted as a lost outcome is.
 */
void weir_call_keep(struct weir_call *call, enum weir_kept_deed deed,
                    const struct weir_sealed *sealed, weir_span name);

#ifdef __cplusplus
}
#endif
#endif
