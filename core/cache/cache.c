/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that are kept: a log in chunks, an index, a secret for each tenant.
 *
 *   head | partitions | index                | chunk words | chunks
 *        |            | bucket: 8 x {print,  | {owner,     | [entry][entry]..
 *        |            |             where}   |  used}      |
 *
 *   partition: tenant | salt | current chunk | counters
 *   owner:     partition + 1 (16 bits) | sequence (48)        0: free
 *   where:     chunk (22) | offset / 16 (18) | low bits of sequence (24)
 *   entry:     size, expires, stored, nonce | sealed: answer's head, type,
 *              body | tag                      every entry at a multiple of 16
 *
 * WHY SEALED. An answer is what a customer asked and was told. It lies in
 * memory that several processes map and that may be swapped. Its key is made
 * from the request itself under the tenant's secret, so whoever has not got
 * that very request of that very tenant can open nothing; the index holds
 * 64 bits of another digest. A hit that crosses tenants is not forbidden
 * here: it is impossible.
 *
 * WHY NO LOCK. A worker may die between any two instructions. Space is given
 * out by adding to a counter, chunks change hands by one compare and swap,
 * and what a reader copies while somebody writes over it fails its seal. So
 * every race ends in a miss.
 *
 * WHY CHUNKS. A tenant's bound is a number of them, and what makes room is a
 * whole chunk: the tenant's own oldest when he is at his bound, else a free
 * one, else the oldest of whoever has the most. One tenant's flood turns over
 * his own part and nobody else's.
 *
 * WHAT IT DOES NOT DO. No order by use: the oldest goes first. No second
 * answer under one key. Nothing survives the machine.
 */
#include <weir/cache.h>

#include <string.h>

#define MAGIC            UINT64_C(0x3130686361726577) /* "werach01" */
#define PARTITIONS       4096u /* tenants that are cached at a time */
#define PROBES           64u
#define WAYS             8u
#define GRAIN            16u
#define CHUNK_BYTES_MIN  (UINT64_C(64) << 10)
#define CHUNK_BYTES_MAX  (UINT64_C(4) << 20)
#define CHUNKS_MAX       (UINT32_C(1) << 22)
#define ENTRY_BYTES_MEAN 2048 /* the index has a place for each of these */
#define SEQUENCE_BITS    24
#define OFFSET_BITS      18

struct partition {
    uint64_t tenant; /* 0: free */
    uint64_t current;
    uint8_t salt[WEIR_DIGEST_BYTES];
    uint64_t hits;
    uint64_t misses;
};
_Static_assert(sizeof(struct partition) == 64, "a cache line");

struct slot {
    uint64_t print;
    uint64_t where; /* 0: empty */
};

struct chunk {
    uint64_t owner;
    uint64_t used;
};

struct weir_cache {
    uint64_t magic;
    uint32_t head_bytes; /* another build has another layout */
    uint32_t entry_bytes;
    struct weir_cache_setup setup;
    uint64_t chunk_bytes;
    uint32_t chunk_count;
    uint32_t tenant_chunks;
    uint32_t bucket_mask;
    uint32_t is_retired;
    uint64_t sequence;
    uint8_t secret[WEIR_DIGEST_BYTES];
    uint64_t hits;
    uint64_t misses;
    uint64_t stored;
    uint64_t evicted;
    uint64_t refused;
    uint64_t torn;
    uint64_t purged;
    struct partition partition[PARTITIONS];
};

/* In clear before what is sealed, and bound to it. */
struct entry {
    uint64_t size; /* of what is sealed, without tag */
    weir_time expires;
    weir_time stored;
    uint8_t nonce[WEIR_AES_NONCE_BYTES];
    uint32_t reserved;
};
_Static_assert(sizeof(struct entry) == 40, "as drawn");

/* Sealed, before type and body. */
struct answer_head {
    uint64_t source;
    uint64_t content_bytes;
    struct weir_usage usage;
    uint32_t type_len;
    uint32_t is_stream;
};

static uint64_t
load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void
store(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static bool
swap(uint64_t *word, uint64_t *seen, uint64_t next)
{
    return __atomic_compare_exchange_n(word, seen, next, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static void
count(uint64_t *counter)
{
    (void)__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

/* -------------------------------------------------------------- layout */

struct layout {
    uint64_t chunk_bytes;
    uint64_t chunk_count;
    uint64_t buckets;
};

static uint64_t
entry_bytes(uint64_t sealed)
{
    uint64_t bytes = sizeof(struct entry) + sealed + WEIR_AES_TAG_BYTES;
    return (bytes + GRAIN - 1) & ~(uint64_t)(GRAIN - 1);
}

static bool
lay_out(const struct weir_cache_setup *setup, struct layout *out)
{
    if (setup->answer_max == 0 || setup->answer_max > CHUNK_BYTES_MAX / 2 ||
        setup->tenant_max > setup->memory || setup->ttl_s == 0 ||
        setup->answer_max > setup->tenant_max / 4)
        return false;
    uint64_t least =
        entry_bytes(sizeof(struct answer_head) + setup->answer_max);
    out->chunk_bytes = CHUNK_BYTES_MIN;
    while (
        out->chunk_bytes < CHUNK_BYTES_MAX &&
        (out->chunk_bytes < least || out->chunk_bytes < setup->tenant_max / 64))
        out->chunk_bytes *= 2;
    out->chunk_count = setup->memory / out->chunk_bytes;
    if (out->chunk_count == 0 || out->chunk_count > CHUNKS_MAX)
        return false;
    out->buckets = 128;
    while (out->buckets * WAYS * ENTRY_BYTES_MEAN < setup->memory)
        out->buckets *= 2;
    return true;
}

static uint64_t
index_at(void)
{
    return (sizeof(struct weir_cache) + 63) & ~UINT64_C(63);
}

static uint64_t
words_at(uint64_t buckets)
{
    return index_at() + buckets * WAYS * sizeof(struct slot);
}

static uint64_t
chunks_at(uint64_t buckets, uint64_t chunk_count)
{
    uint64_t at = words_at(buckets) + chunk_count * sizeof(struct chunk);
    return (at + 4095) & ~UINT64_C(4095);
}

static struct slot *
bucket_of(const struct weir_cache *cache, uint64_t print)
{
    return (struct slot *)((char *)(uintptr_t)cache + index_at()) +
           (size_t)(print & cache->bucket_mask) * WAYS;
}

static struct chunk *
chunk_of(const struct weir_cache *cache, uint32_t number)
{
    return (struct chunk *)((char *)(uintptr_t)cache +
                            words_at((uint64_t)cache->bucket_mask + 1)) +
           number;
}

static char *
bytes_of(const struct weir_cache *cache, uint32_t number)
{
    return (char *)(uintptr_t)cache +
           chunks_at((uint64_t)cache->bucket_mask + 1, cache->chunk_count) +
           number * cache->chunk_bytes;
}

size_t
weir_cache_size(const struct weir_cache_setup *setup)
{
    struct layout layout;
    if (!lay_out(setup, &layout))
        return 0;
    return (size_t)(chunks_at(layout.buckets, layout.chunk_count) +
                    layout.chunk_count * layout.chunk_bytes);
}

weir_status
weir_cache_format(void *memory, size_t size,
                  const struct weir_cache_setup *setup,
                  const uint8_t secret[WEIR_DIGEST_BYTES],
                  struct weir_cache **cache_out, struct weir_error *err)
{
    struct weir_cache *cache = memory;
    struct layout layout;
    if (!lay_out(setup, &layout) || size < weir_cache_size(setup) ||
        (uintptr_t)memory % 64 != 0)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "no cache of these sizes fits");
    memset(cache, 0, (size_t)chunks_at(layout.buckets, layout.chunk_count));
    cache->head_bytes = sizeof(struct weir_cache);
    cache->entry_bytes = sizeof(struct answer_head);
    cache->setup = *setup;
    cache->chunk_bytes = layout.chunk_bytes;
    cache->chunk_count = (uint32_t)layout.chunk_count;
    cache->tenant_chunks = (uint32_t)(setup->tenant_max / layout.chunk_bytes);
    cache->tenant_chunks += cache->tenant_chunks == 0;
    cache->bucket_mask = (uint32_t)layout.buckets - 1;
    memcpy(cache->secret, secret, sizeof(cache->secret));
    store(&cache->magic, MAGIC);
    *cache_out = cache;
    return WEIR_OK;
}

weir_status
weir_cache_attach(void *memory, size_t size, struct weir_cache **cache_out,
                  struct weir_error *err)
{
    struct weir_cache *cache = memory;
    struct layout layout;
    if (size < sizeof(*cache) || (uintptr_t)memory % 64 != 0 ||
        load(&cache->magic) != MAGIC)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE, "not a cache");
    if (cache->head_bytes != sizeof(struct weir_cache) ||
        cache->entry_bytes != sizeof(struct answer_head))
        return weir_fail(err, WEIR_EVERSION, WEIR_OFFSET_NONE,
                         "a cache of another build");
    if (!lay_out(&cache->setup, &layout) ||
        layout.chunk_bytes != cache->chunk_bytes ||
        layout.chunk_count != cache->chunk_count ||
        layout.buckets != (uint64_t)cache->bucket_mask + 1 ||
        size < weir_cache_size(&cache->setup))
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "a cache that is cut off");
    *cache_out = cache;
    return WEIR_OK;
}

const struct weir_cache_setup *
weir_cache_setup_get(const struct weir_cache *cache)
{
    return &cache->setup;
}

void
weir_cache_retire(struct weir_cache *cache)
{
    __atomic_store_n(&cache->is_retired, 1, __ATOMIC_RELEASE);
}

bool
weir_cache_is_retired(const struct weir_cache *cache)
{
    return __atomic_load_n(&cache->is_retired, __ATOMIC_ACQUIRE) != 0;
}

/* ----------------------------------------------------------------- key */

/* PARTITIONS: there is none, or no room for one (`claims`). */
static uint32_t
find_partition(struct weir_cache *cache, uint64_t tenant, bool claims)
{
    for (uint32_t i = 0; i < PROBES; i++) {
        uint32_t at = (uint32_t)((tenant ^ tenant >> 32) + i) % PARTITIONS;
        uint64_t seen = load(&cache->partition[at].tenant);
        if (seen == 0 && !claims)
            return PARTITIONS;
        if (seen == 0)
            (void)swap(&cache->partition[at].tenant, &seen, tenant);
        if (seen == tenant || seen == 0)
            return at;
    }
    return PARTITIONS;
}

bool
weir_cache_begin(struct weir_cache *cache, uint64_t tenant,
                 struct weir_cache_asking *asking_out)
{
    struct weir_hmac hmac;
    weir_digest own;
    WEIR_ASSERT(tenant != 0);
    uint32_t at = find_partition(cache, tenant, true);
    if (at == PARTITIONS)
        return false;
    weir_hmac_init(&hmac, (weir_secret){(const char *)cache->secret,
                                        sizeof(cache->secret)});
    weir_hmac_add(&hmac, &tenant, sizeof(tenant));
    weir_hmac_add(&hmac, cache->partition[at].salt, WEIR_DIGEST_BYTES);
    weir_hmac_final(&hmac, &own);
    weir_hmac_init(&asking_out->hmac,
                   (weir_secret){(const char *)own.bytes, sizeof(own.bytes)});
    weir_wipe(&own, sizeof(own));
    asking_out->partition = at;
    return true;
}

void
weir_cache_add(struct weir_cache_asking *asking, const void *bytes, size_t len)
{
    uint64_t size = len;
    weir_hmac_add(&asking->hmac, &size, sizeof(size));
    weir_hmac_add(&asking->hmac, bytes, len);
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Behind the quote that ends the string which begins at `at`. */
static size_t
behind_string(weir_span json, size_t at)
{
    for (at++; at < json.len; at++) {
        const char *quote = memchr(json.ptr + at, '"', json.len - at);
        if (quote == NULL)
            return json.len;
        at = (size_t)(quote - json.ptr);
        size_t slashes = 0;
        while (json.ptr[at - 1 - slashes] == '\\')
            slashes++; /* the first quote stops it */
        if (slashes % 2 == 0)
            return at + 1;
    }
    return json.len;
}

void
weir_cache_add_json(struct weir_cache_asking *asking, weir_span json)
{
    uint64_t kept = 0;
    size_t from = 0;
    size_t at = 0;
    while (at < json.len) {
        if (json.ptr[at] == '"') {
            at = behind_string(json, at);
        } else if (is_blank(json.ptr[at])) {
            weir_hmac_add(&asking->hmac, json.ptr + from, at - from);
            kept += at - from;
            while (at < json.len && is_blank(json.ptr[at]))
                at++;
            from = at;
        } else {
            at++;
        }
    }
    weir_hmac_add(&asking->hmac, json.ptr + from, at - from);
    kept += at - from;
    /* its length ends it: no other parts make the same bytes */
    weir_hmac_add(&asking->hmac, &kept, sizeof(kept));
}

void
weir_cache_end(struct weir_cache_asking *asking, struct weir_cache_key *key_out)
{
    weir_digest request;
    weir_digest print;
    struct weir_hmac hmac;
    weir_hmac_final(&asking->hmac, &request);
    weir_hmac_init(&hmac, (weir_secret){(const char *)request.bytes,
                                        sizeof(request.bytes)});
    weir_hmac_add(&hmac, "print", 5);
    weir_hmac_final(&hmac, &print);
    memcpy(&key_out->print, print.bytes, sizeof(key_out->print));
    key_out->partition = asking->partition;
    memcpy(key_out->seal.bytes, request.bytes, sizeof(key_out->seal.bytes));
    weir_wipe(&request, sizeof(request));
    weir_wipe(asking, sizeof(*asking));
}

/* -------------------------------------------------------------- chunks */

static uint64_t
owner_word(uint32_t partition, uint64_t sequence)
{
    return (uint64_t)(partition + 1) << 48 | (sequence & 0xffffffffffff);
}

static uint32_t
owner_partition(uint64_t owner)
{
    return (uint32_t)(owner >> 48) - 1;
}

static uint64_t
pack(uint32_t chunk, uint64_t offset, uint64_t owner)
{
    return (uint64_t)chunk << (OFFSET_BITS + SEQUENCE_BITS) |
           offset / GRAIN << SEQUENCE_BITS |
           (owner & ((UINT64_C(1) << SEQUENCE_BITS) - 1));
}

/* The chunk that `where` lies in; NULL: it is another one by now. */
static const char *
find_bytes(const struct weir_cache *cache, uint64_t where, uint32_t partition,
           uint64_t *left_out)
{
    uint64_t number = where >> (OFFSET_BITS + SEQUENCE_BITS);
    uint64_t offset =
        (where >> SEQUENCE_BITS & ((UINT64_C(1) << OFFSET_BITS) - 1)) * GRAIN;
    if (where == 0 || number >= cache->chunk_count ||
        offset + sizeof(struct entry) > cache->chunk_bytes)
        return NULL;
    uint64_t owner = load(&chunk_of(cache, (uint32_t)number)->owner);
    if (owner == 0 || owner_partition(owner) != partition ||
        pack((uint32_t)number, offset, owner) != where)
        return NULL;
    *left_out = cache->chunk_bytes - offset;
    return bytes_of(cache, (uint32_t)number) + offset;
}

/* What is to make room for `partition`: see above. chunk_count: nothing. */
static uint32_t
pick(const struct weir_cache *cache, uint32_t partition, uint64_t *owner_out)
{
    uint16_t counts[PARTITIONS] = {0};
    uint32_t best = partition;
    uint32_t picked = cache->chunk_count;
    for (uint32_t i = 0; i < cache->chunk_count; i++) {
        uint64_t owner = load(&chunk_of(cache, i)->owner);
        uint32_t who = owner_partition(owner);
        if (owner == 0 && picked == cache->chunk_count)
            picked = i;
        if (owner == 0 || who >= PARTITIONS || counts[who] == UINT16_MAX)
            continue;
        counts[who]++;
        if (counts[who] > counts[best])
            best = who;
    }
    *owner_out = 0;
    if (counts[partition] < cache->tenant_chunks && picked < cache->chunk_count)
        return picked;
    if (counts[partition] >= cache->tenant_chunks)
        best = partition;
    picked = cache->chunk_count;
    for (uint32_t i = 0; i < cache->chunk_count; i++) {
        uint64_t owner = load(&chunk_of(cache, i)->owner);
        if (owner == 0 || owner_partition(owner) != best)
            continue;
        if (picked < cache->chunk_count && owner >= *owner_out)
            continue;
        picked = i;
        *owner_out = owner;
    }
    return picked;
}

/* A chunk of the partition's own with room, made current. */
static bool
turn_over(struct weir_cache *cache, uint32_t partition)
{
    for (int tries = 0; tries < 4; tries++) {
        uint64_t seen;
        uint32_t number = pick(cache, partition, &seen);
        if (number == cache->chunk_count)
            return false;
        struct chunk *chunk = chunk_of(cache, number);
        uint64_t owner =
            owner_word(partition, __atomic_add_fetch(&cache->sequence, 1,
                                                     __ATOMIC_RELAXED));
        if (seen != 0)
            count(&cache->evicted);
        if (!swap(&chunk->owner, &seen, owner))
            continue;
        store(&chunk->used, 0);
        store(&cache->partition[partition].current, (uint64_t)number + 1);
        return true;
    }
    return false;
}

/* Room for `bytes`; NULL: there is none. */
static char *
allocate(struct weir_cache *cache, uint32_t partition, uint64_t bytes,
         uint64_t *where_out)
{
    for (int tries = 0; tries < 4; tries++) {
        uint64_t current = load(&cache->partition[partition].current);
        if (current != 0 && current <= cache->chunk_count) {
            uint32_t number = (uint32_t)current - 1;
            struct chunk *chunk = chunk_of(cache, number);
            uint64_t owner = load(&chunk->owner);
            if (owner != 0 && owner_partition(owner) == partition) {
                uint64_t offset =
                    __atomic_fetch_add(&chunk->used, bytes, __ATOMIC_ACQ_REL);
                if (offset <= cache->chunk_bytes &&
                    bytes <= cache->chunk_bytes - offset) {
                    *where_out = pack(number, offset, owner);
                    return bytes_of(cache, number) + offset;
                }
            }
        }
        if (!turn_over(cache, partition))
            return NULL;
    }
    return NULL;
}

/* --------------------------------------------------------------- index */

static struct slot *
find_slot(struct weir_cache *cache, const struct weir_cache_key *key)
{
    struct slot *bucket = bucket_of(cache, key->print);
    for (uint32_t i = 0; i < WAYS; i++)
        if (load(&bucket[i].print) == key->print && bucket[i].where != 0)
            return &bucket[i];
    return NULL;
}

/* Its own, an empty one, one whose bytes are gone, or any by the print. */
static struct slot *
make_slot(struct weir_cache *cache, const struct weir_cache_key *key)
{
    struct slot *bucket = bucket_of(cache, key->print);
    struct slot *found = find_slot(cache, key);
    for (uint32_t i = 0; i < WAYS && found == NULL; i++) {
        uint64_t where = load(&bucket[i].where);
        uint64_t number = where >> (OFFSET_BITS + SEQUENCE_BITS);
        if (where == 0 || number >= cache->chunk_count)
            return &bucket[i];
        uint64_t owner = load(&chunk_of(cache, (uint32_t)number)->owner);
        uint64_t left;
        if (owner == 0 ||
            find_bytes(cache, where, owner_partition(owner), &left) == NULL)
            return &bucket[i];
    }
    return found != NULL ? found : &bucket[key->print >> 32 & (WAYS - 1)];
}

/* ------------------------------------------------------------- answers */

bool
weir_cache_look(struct weir_cache *cache, const struct weir_cache_key *key,
                weir_time now, struct weir_cache_place *place_out)
{
    struct entry entry;
    uint64_t left;
    const struct slot *slot = find_slot(cache, key);
    if (slot == NULL)
        return false;
    uint64_t where = load(&slot->where);
    const char *at = find_bytes(cache, where, key->partition, &left);
    if (at == NULL)
        return false;
    memcpy(&entry, at, sizeof(entry));
    if (entry.size < sizeof(struct answer_head) || entry.size > left ||
        entry_bytes(entry.size) > left || entry.expires <= now)
        return false;
    place_out->where = where;
    place_out->bytes = (size_t)entry_bytes(entry.size);
    return true;
}

static bool
read_answer(const struct entry *entry, char *plain,
            struct weir_cache_answer *out)
{
    struct answer_head head;
    memcpy(&head, plain, sizeof(head));
    size_t rest = (size_t)entry->size - sizeof(head);
    if (head.type_len > rest)
        return false;
    *out = (struct weir_cache_answer){
        .source = head.source,
        .usage = head.usage,
        .stored = entry->stored,
        .expires = entry->expires,
        .content_bytes = head.content_bytes,
        .is_stream = head.is_stream != 0,
        .type = {plain + sizeof(head), head.type_len},
        .body = {plain + sizeof(head) + head.type_len, rest - head.type_len},
    };
    return true;
}

bool
weir_cache_take(struct weir_cache *cache, const struct weir_cache_key *key,
                const struct weir_cache_place *place, weir_time now,
                void *buffer, struct weir_cache_answer *answer_out)
{
    struct entry entry;
    uint64_t left;
    const char *at = find_bytes(cache, place->where, key->partition, &left);
    if (at == NULL || place->bytes > left)
        return false;
    /* copied first: what is opened cannot change while it is */
    memcpy(buffer, at, place->bytes);
    memcpy(&entry, buffer, sizeof(entry));
    char *sealed = (char *)buffer + sizeof(entry);
    if (entry.size < sizeof(struct answer_head) || entry.size > place->bytes ||
        entry_bytes(entry.size) != place->bytes || entry.expires <= now)
        return false;
    if (!weir_aes_open(
            &key->seal, entry.nonce,
            (weir_span){(const char *)&entry, sizeof(entry)},
            (weir_span){sealed, (size_t)entry.size + WEIR_AES_TAG_BYTES},
            (uint8_t *)sealed)) {
        count(&cache->torn);
        return false;
    }
    return read_answer(&entry, sealed, answer_out);
}

size_t
weir_cache_scratch(const struct weir_cache *cache)
{
    return 2 * (size_t)entry_bytes(sizeof(struct answer_head) +
                                   cache->setup.answer_max);
}

bool
weir_cache_put(struct weir_cache *cache, const struct weir_cache_key *key,
               const struct weir_cache_answer *answer,
               const uint8_t nonce[WEIR_AES_NONCE_BYTES], void *scratch)
{
    const struct answer_head head = {
        .source = answer->source,
        .content_bytes = answer->content_bytes,
        .usage = answer->usage,
        .type_len = (uint32_t)answer->type.len,
        .is_stream = answer->is_stream,
    };
    weir_time longest = (weir_time)cache->setup.ttl_s * WEIR_US_PER_SEC;
    struct entry entry = {.stored = answer->stored, .expires = answer->expires};
    if (entry.expires > answer->stored + longest)
        entry.expires = answer->stored + longest;
    if (answer->body.len > cache->setup.answer_max ||
        answer->type.len > cache->setup.answer_max - answer->body.len) {
        count(&cache->refused);
        return false;
    }
    entry.size = sizeof(head) + answer->type.len + answer->body.len;
    memcpy(entry.nonce, nonce, sizeof(entry.nonce));
    char *plain = (char *)scratch + weir_cache_scratch(cache) / 2;
    char *sealed = (char *)scratch + sizeof(entry);
    memcpy(plain, &head, sizeof(head));
    memcpy(plain + sizeof(head), answer->type.ptr, answer->type.len);
    memcpy(plain + sizeof(head) + answer->type.len, answer->body.ptr,
           answer->body.len);
    memcpy(scratch, &entry, sizeof(entry));
    bool is_sealed = weir_aes_seal(
        &key->seal, entry.nonce,
        (weir_span){(const char *)&entry, sizeof(entry)},
        (weir_private){plain, (size_t)entry.size}, (uint8_t *)sealed);
    weir_wipe(plain, (size_t)entry.size);
    uint64_t where;
    char *at = is_sealed ? allocate(cache, key->partition,
                                    entry_bytes(entry.size), &where)
                         : NULL;
    if (at == NULL)
        return false;
    memcpy(at, scratch,
           sizeof(entry) + (size_t)entry.size + WEIR_AES_TAG_BYTES);
    struct slot *slot = make_slot(cache, key);
    store(&slot->where, 0);
    store(&slot->print, key->print);
    store(&slot->where, where);
    count(&cache->stored);
    return true;
}

void
weir_cache_count(struct weir_cache *cache, uint32_t partition, bool is_hit)
{
    WEIR_ASSERT(partition < PARTITIONS);
    struct partition *row = &cache->partition[partition];
    count(is_hit ? &cache->hits : &cache->misses);
    count(is_hit ? &row->hits : &row->misses);
}

/* --------------------------------------------------------------- purge */

static void
erase_chunks(struct weir_cache *cache, uint32_t partition)
{
    for (uint32_t i = 0; i < cache->chunk_count; i++) {
        uint64_t owner = load(&chunk_of(cache, i)->owner);
        if (owner == 0 ||
            (partition != PARTITIONS && owner_partition(owner) != partition))
            continue;
        /* owned while it is wiped, so that nobody else writes there */
        weir_wipe(bytes_of(cache, i), (size_t)cache->chunk_bytes);
        (void)swap(&chunk_of(cache, i)->owner, &owner, 0);
    }
}

void
weir_cache_purge(struct weir_cache *cache, uint64_t tenant,
                 const uint8_t salt[WEIR_DIGEST_BYTES])
{
    uint32_t at = find_partition(cache, tenant, false);
    count(&cache->purged);
    if (at == PARTITIONS)
        return;
    memcpy(cache->partition[at].salt, salt, WEIR_DIGEST_BYTES);
    store(&cache->partition[at].current, 0);
    erase_chunks(cache, at);
}

void
weir_cache_purge_all(struct weir_cache *cache,
                     const uint8_t secret[WEIR_DIGEST_BYTES])
{
    count(&cache->purged);
    memcpy(cache->secret, secret, WEIR_DIGEST_BYTES);
    for (uint32_t i = 0; i < PARTITIONS; i++)
        store(&cache->partition[i].current, 0);
    erase_chunks(cache, PARTITIONS);
}

void
weir_cache_stats_get(const struct weir_cache *cache,
                     struct weir_cache_stats *stats_out)
{
    *stats_out = (struct weir_cache_stats){
        .hits = load(&cache->hits),
        .misses = load(&cache->misses),
        .stored = load(&cache->stored),
        .evicted = load(&cache->evicted),
        .refused = load(&cache->refused),
        .torn = load(&cache->torn),
        .purged = load(&cache->purged),
    };
    for (uint32_t i = 0; i < PARTITIONS; i++)
        stats_out->partitions += load(&cache->partition[i].tenant) != 0;
    for (uint32_t i = 0; i < cache->chunk_count; i++)
        if (load(&chunk_of(cache, i)->owner) != 0)
            stats_out->bytes += cache->chunk_bytes;
}

uint64_t
weir_cache_bytes(const struct weir_cache *cache, uint64_t tenant)
{
    uint64_t bytes = 0;
    uint32_t at =
        find_partition((struct weir_cache *)(uintptr_t)cache, tenant, false);
    for (uint32_t i = 0; at != PARTITIONS && i < cache->chunk_count; i++) {
        uint64_t owner = load(&chunk_of(cache, i)->owner);
        if (owner != 0 && owner_partition(owner) == at)
            bytes += cache->chunk_bytes;
    }
    return bytes;
}
