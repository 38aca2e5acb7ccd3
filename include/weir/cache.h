/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/cache.h - answers that are kept, to be given again to the same
 * request of the same tenant.
 *
 * One table in memory that all workers share. Each tenant has a partition of
 * its own, bounded, with a secret of its own: what a request is looked up by
 * and what its answer is sealed with both come from that secret, so that
 * nothing in the table can be found, read or compared from outside of the
 * partition, and a purge is a new secret.
 *
 *   begin, add.., end -> key -> look, take            (a hit)
 *                          \-> [the origin answers] -> put
 *
 * Who may have an answer is not decided here: see weir_call_hit().
 *
 * Threads: every function from any process at once, without a lock. What is
 * overwritten while it is read fails its seal, and is a miss. Memory: the
 * caller's block; nothing is allocated but inside the crypto library.
 */
#ifndef WEIR_CACHE_H
#define WEIR_CACHE_H

#include <weir/base.h>
#include <weir/crypto.h>
#include <weir/meter.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_cache;

struct weir_cache_setup {
    uint64_t memory;     /* bytes for answers, of all tenants; the index and
                            the heads of partitions come on top */
    uint64_t tenant_max; /* of these, one tenant's at most */
    uint64_t answer_max; /* bytes of one answer, its type included */
    uint32_t ttl_s;      /* longest life */
};

/* Bytes of the whole table; 0: the setup is not sound (answers must fit four
 * times into a tenant's part, which is no more than `memory`). */
size_t weir_cache_size(const struct weir_cache_setup *setup);
/* ELIMIT: setup, size or address (a multiple of 64). `secret` is drawn for
 * this table and kept nowhere else. */
WEIR_MUST_USE weir_status weir_cache_format(
    void *memory, size_t size, const struct weir_cache_setup *setup,
    const uint8_t secret[WEIR_DIGEST_BYTES], struct weir_cache **cache_out,
    struct weir_error *err);
/* ECORRUPT, EVERSION. */
WEIR_MUST_USE weir_status weir_cache_attach(void *memory, size_t size,
                                            struct weir_cache **cache_out,
                                            struct weir_error *err);
const struct weir_cache_setup *
weir_cache_setup_get(const struct weir_cache *cache);
/* Nobody uses this table any more: another has taken its place. */
void weir_cache_retire(struct weir_cache *cache);
bool weir_cache_is_retired(const struct weir_cache *cache);

/* ------------------------------------------------------------- key */

/* Of a request under its tenant's secret; wipe with weir_wipe(). */
struct weir_cache_key {
    uint64_t print; /* what the index knows of it */
    uint32_t partition;
    struct weir_aes_key seal;
};

struct weir_cache_asking {
    struct weir_hmac hmac;
    uint32_t partition;
};

/* `tenant`: any hash but 0. False: there is no partition for another tenant. */
bool weir_cache_begin(struct weir_cache *cache, uint64_t tenant,
                      struct weir_cache_asking *asking_out);
/* One thing that the answer depends on; parts never run into each other. */
void weir_cache_add(struct weir_cache_asking *asking, const void *bytes,
                    size_t len);
/* A valid JSON text without the blanks between its tokens. */
void weir_cache_add_json(struct weir_cache_asking *asking, weir_span json);
void weir_cache_end(struct weir_cache_asking *asking,
                    struct weir_cache_key *key_out);

/* ---------------------------------------------------------- answers */

struct weir_cache_answer {
    uint64_t source; /* weir_call_source() */
    struct weir_usage usage;
    weir_time stored;  /* when */
    weir_time expires; /* not given from then on */
    uint64_t content_bytes;
    bool is_stream;
    weir_span type; /* content type */
    weir_span body;
};

/* Where an answer lies, as long as nobody overwrites it. */
struct weir_cache_place {
    uint64_t where;
    size_t bytes; /* weir_cache_take() needs a buffer of so many */
};

/* False: there is none that is still good. */
bool weir_cache_look(struct weir_cache *cache, const struct weir_cache_key *key,
                     weir_time now, struct weir_cache_place *place_out);
/* Copies and opens it; the spans point into `buffer`. False: it is gone. */
bool weir_cache_take(struct weir_cache *cache, const struct weir_cache_key *key,
                     const struct weir_cache_place *place, weir_time now,
                     void *buffer, struct weir_cache_answer *answer_out);
/*
 * Keeps an answer (`stored` and `expires` are the caller's; no longer than
 * the table's ttl) in place of one of the same key; the oldest of its tenant
 * make room, and of the tenant with the most where there is none. `nonce` is
 * random. False: too large, or the seal failed. `scratch` has
 * weir_cache_scratch() bytes, and holds nothing in clear afterwards.
 */
size_t weir_cache_scratch(const struct weir_cache *cache);
bool weir_cache_put(struct weir_cache *cache, const struct weir_cache_key *key,
                    const struct weir_cache_answer *answer,
                    const uint8_t nonce[WEIR_AES_NONCE_BYTES], void *scratch);

/* Counted by who decides about it. */
void weir_cache_count(struct weir_cache *cache, uint32_t partition,
                      bool is_hit);

/* ------------------------------------------------------------ purge */

/* Nothing of the tenant can be found or opened any more, answers on their
 * way into the table included; its bytes are overwritten. `salt` is random. */
void weir_cache_purge(struct weir_cache *cache, uint64_t tenant,
                      const uint8_t salt[WEIR_DIGEST_BYTES]);
/* The same of all tenants. */
void weir_cache_purge_all(struct weir_cache *cache,
                          const uint8_t secret[WEIR_DIGEST_BYTES]);

struct weir_cache_stats {
    uint64_t hits;
    uint64_t misses;
    uint64_t stored;
    uint64_t evicted; /* parts of partitions that made room */
    uint64_t refused; /* answers that were too large */
    uint64_t torn;    /* overwritten while they were read */
    uint64_t purged;  /* times */
    uint64_t bytes;   /* of partitions now */
    uint32_t partitions;
};
void weir_cache_stats_get(const struct weir_cache *cache,
                          struct weir_cache_stats *stats_out);
/* Bytes of one tenant's partition. */
uint64_t weir_cache_bytes(const struct weir_cache *cache, uint64_t tenant);

#ifdef __cplusplus
}
#endif
#endif
