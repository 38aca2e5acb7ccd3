/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/content.h - prompts and answers, sealed.
 *
 * An item is one body of one call under a key of its own, which lies beside
 * it wrapped by its tenant's data key: overwriting those bytes destroys the
 * item, destroying the data key destroys all of the tenant's. Format:
 * docs/formats/content.md. Pure: files are the worker's and control's.
 *
 * Threads: no shared state. Memory: the caller's. Randomness comes in by
 * struct weir_env.
 */
#ifndef WEIR_CONTENT_H
#define WEIR_CONTENT_H

#include <weir/base.h>
#include <weir/crypto.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_CONTENT_HEAD_BYTES 320
#define WEIR_CONTENT_CLASS_MAX  32
#define WEIR_CONTENT_TENANT_MAX 128
#define WEIR_CONTENT_KEY_ID     16

/* Numbers are on disk. */
enum weir_content_kind {
    WEIR_CONTENT_REQUEST = 1, /* the body as the client sent it */
    WEIR_CONTENT_REPLY = 2,   /* what the client was sent */
};

/* What an item says of itself without any key. */
struct weir_content_meta {
    uint8_t request[16]; /* id of the call */
    weir_time when;
    enum weir_content_kind kind;
    uint64_t whole_bytes; /* of the body; more than was kept: it was cut */
    uint64_t kept_bytes;
    uint8_t key[WEIR_CONTENT_KEY_ID];     /* the tenant's data key */
    char class[WEIR_CONTENT_CLASS_MAX];   /* NUL-terminated */
    char tenant[WEIR_CONTENT_TENANT_MAX]; /* NUL-terminated */
    bool is_erased;                       /* its own key is gone */
};

/* Bytes of an item that keeps `kept` bytes. */
#define WEIR_CONTENT_BYTES(kept)                                               \
    (WEIR_CONTENT_HEAD_BYTES + WEIR_AES_NONCE_BYTES + (kept) +                 \
     WEIR_AES_TAG_BYTES)

/* Seals `plain` (meta->kept_bytes of it) into `item_out`, of
 * WEIR_CONTENT_BYTES. WEIR_EINTERNAL: no randomness. */
WEIR_MUST_USE weir_status weir_content_seal(
    const struct weir_env *env, const struct weir_content_meta *meta,
    weir_private plain, const struct weir_aes_key *data_key, uint8_t *item_out);

/* Reads a head and the length of its item. WEIR_EPARSE: not a head (what a
 * crash leaves at a file's end is zeros, or short); WEIR_ECORRUPT. */
WEIR_MUST_USE weir_status weir_content_read(weir_span head,
                                            struct weir_content_meta *meta_out,
                                            uint64_t *bytes_out);
/* Opens a whole item into `plain_out`, of kept_bytes. WEIR_ENOTFOUND: it was
 * erased; WEIR_EUNAUTH: another data key, or altered bytes. */
WEIR_MUST_USE weir_status weir_content_open(weir_span item,
                                            const struct weir_aes_key *data_key,
                                            uint8_t *plain_out);

/* Where in an item the bytes lie whose overwriting by zeros erases it. */
#define WEIR_CONTENT_ERASE_AT    256
#define WEIR_CONTENT_ERASE_BYTES 64

/* --- the file by which control tells workers keys and classes --- */

#define WEIR_CONTENT_RULES_MAGIC UINT64_C(0x31534c5255434557) /* "WECURLS1" */

struct weir_content_class {
    char name[WEIR_CONTENT_CLASS_MAX];
    uint64_t bytes_max; /* of one body */
    uint32_t is_must;   /* refuse the call when it cannot be kept */
    uint32_t spare;
};

struct weir_content_tenant {
    char name[WEIR_CONTENT_TENANT_MAX];
    uint8_t key_id[WEIR_CONTENT_KEY_ID];
    struct weir_aes_key key;
};

/* Then `class_count` classes and `tenant_count` tenants, the latter sorted
 * by name. Mode 0600, in shared memory, replaced whole. */
struct weir_content_rules {
    uint64_t magic;
    uint32_t class_count;
    uint32_t tenant_count;
    uint64_t queue_bytes_max; /* of a worker */
    uint64_t free_bytes_min;  /* on the disk */
    char directory[1024];     /* of the segments */
};

/* Checks bytes mapped from such a file; NULL: not one. Borrowed. */
const struct weir_content_rules *weir_content_rules_of(weir_span bytes);
const struct weir_content_class *
weir_content_class_of(const struct weir_content_rules *rules, weir_span name);
const struct weir_content_tenant *
weir_content_tenant_of(const struct weir_content_rules *rules, weir_span name);

#ifdef __cplusplus
}
#endif
#endif
