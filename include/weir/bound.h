/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/bound.h - names that an origin gave to one caller, bound to the key.
 *
 * A tool server knows its clients by a word that it gives them, and so does
 * whoever hears the word. The client gets it with a code in front that only
 * this gateway makes: for this key, at this deployment, of this kind. Any
 * worker with the same sealing key opens it; no table is kept. It hides
 * nothing, and the same word has the same name each time.
 *
 * What an origin keeps for a caller (a response, an item of one) is bound to
 * the tenant instead, and its name says at which deployment it lies; it keeps
 * the beginning that clients look at: "resp_" code "68f0".
 *
 * Threads: any; pure functions. Memory: the caller's.
 */
#ifndef WEIR_BOUND_H
#define WEIR_BOUND_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers are permanent: clients keep the names for a while. */
enum weir_bound_kind {
    WEIR_BOUND_SESSION = 1,
    WEIR_BOUND_EVENT = 2, /* where a stream is taken up again */
    /* Of a tenant: */
    WEIR_BOUND_RESPONSE = 3,
    WEIR_BOUND_ITEM = 4, /* of a response; or the sound of an answer */
    WEIR_BOUND_CONVERSATION = 5,
};

struct weir_bound_scope {
    weir_secret seal;    /* empty: nothing can be sealed or opened */
    uint64_t key;        /* hash of its image row */
    uint64_t deployment; /* the same */
};

/* What stands in front of the word. */
#define WEIR_BOUND_MORE 23

/* Appends it. False: there is no sealing key, or the word is none (1 to 4,096
 * visible ASCII characters). */
bool weir_bound_seal(const struct weir_bound_scope *scope,
                     enum weir_bound_kind kind, weir_span word,
                     struct weir_buf *out);

/* The word, a part of `text`; false: not sealed here, or for another key,
 * deployment or kind. */
bool weir_bound_open(const struct weir_bound_scope *scope,
                     enum weir_bound_kind kind, weir_span text,
                     weir_span *word_out);

/* ------------------------------------------------------------ of a tenant */

struct weir_bound_owner {
    weir_secret seal; /* empty: nothing can be named or resolved */
    uint64_t tenant;  /* hash of its image row */
};

/* What a name is longer than its word, and the longest word there is. */
#define WEIR_BOUND_NAME_MORE 32
#define WEIR_BOUND_NAME_MAX  256

/* Appends the word's name at this deployment (hash of its image row). False:
 * there is no sealing key, or the word is none (1 to 256 visible ASCII
 * characters, none of them a quote or a backslash). */
bool weir_bound_name(const struct weir_bound_owner *owner,
                     enum weir_bound_kind kind, uint64_t deployment,
                     weir_span word, struct weir_buf *out);

/* The word, in `room` of WEIR_BOUND_NAME_MAX bytes, and the deployment where
 * it lies; false: not named here, or for another tenant or kind. */
bool weir_bound_resolve(const struct weir_bound_owner *owner,
                        enum weir_bound_kind kind, weir_span text, char *room,
                        weir_span *word_out, uint64_t *deployment_out);

#ifdef __cplusplus
}
#endif
#endif
