/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/seal.h - names of things that lie at an origin, bound to a tenant.
 *
 * A file or a batch is kept by the origin in an account that all tenants
 * share. Its id goes to the client sealed: with the deployment, what it is,
 * and a code that only this gateway makes, for this tenant. So whose it is
 * needs no table, and every worker and node with the same key agrees. The
 * same thing has the same sealed name each time. It hides nothing.
 *
 * Threads: any; pure functions. Memory: the caller's.
 */
#ifndef WEIR_SEAL_H
#define WEIR_SEAL_H

#include <weir/base.h>
#include <weir/record.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers are permanent: clients keep the names. */
enum weir_sealed_kind {
    WEIR_SEALED_INPUT = 1,  /* lines of calls, each looked at */
    WEIR_SEALED_RESULT = 2, /* what a batch made */
    WEIR_SEALED_BATCH = 3,
    WEIR_SEALED_MESSAGES = 4, /* a batch that brought its requests */
    /* What calls may name: weir/kept_file.h. */
    WEIR_SEALED_FILE = 5,    /* user_data */
    WEIR_SEALED_PICTURE = 6, /* vision */
};
#define WEIR_SEALED_FOR_CALLS                                                  \
    (UINT32_C(1) << WEIR_SEALED_FILE | UINT32_C(1) << WEIR_SEALED_PICTURE)

struct weir_sealer {
    weir_secret key; /* empty: nothing can be sealed or opened */
    uint64_t tenant; /* hash of its image row */
};

struct weir_sealed {
    enum weir_sealed_kind kind;
    uint32_t operation;             /* of each line: enum weir_operation */
    uint32_t lines;                 /* of INPUT, BATCH and MESSAGES */
    uint64_t deployment;            /* hash of its image row */
    uint64_t input_tokens;          /* estimate of all lines; of a FILE or
                                     * PICTURE bytes that it adds to a prompt */
    uint64_t output_tokens;         /* the most they may make */
    struct weir_request_id request; /* the call on record, of a batch */
    uint64_t origin; /* of a FILE or PICTURE: weir_kept_file_origin() */
    weir_span id;    /* the origin's; at most WEIR_SEAL_ID_MAX */
};

#define WEIR_SEAL_ID_MAX 128
/* The longest sealed name, with its beginning ("file-", "msgbatch_"). */
#define WEIR_SEAL_TEXT 276

/* EUNAVAIL: there is no key. ELIMIT: the id is empty or too long. */
WEIR_MUST_USE weir_status weir_seal(const struct weir_sealer *sealer,
                                    const struct weir_sealed *sealed,
                                    char text_out[WEIR_SEAL_TEXT],
                                    size_t *len_out, struct weir_error *err);

/* ENOTFOUND: not sealed here, for another tenant, or of another kind than
 * the bits of `kinds` (1 << kind). `room` holds the id. */
WEIR_MUST_USE weir_status weir_unseal(const struct weir_sealer *sealer,
                                      weir_span text, uint32_t kinds,
                                      char room[WEIR_SEAL_ID_MAX],
                                      struct weir_sealed *sealed_out,
                                      struct weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
