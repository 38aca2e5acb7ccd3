/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared indicators: 64 bytes of header, a row for each exchange, then for
 * each of them a table of words and one of their ends.
 *
 *   0        64                 64 + 96 n
 *   +--------+------------------+-----------+----------+-----------+--
 *   | header | exchange ... * n | words u64 | ends u32 | words u64 | ...
 *   +--------+------------------+-----------+----------+-----------+--
 *
 * A table is open-addressing: a power of two of words, at most half full, 0
 * for an empty slot. A search starts at the word modulo the size and goes up
 * by one. One look costs one cache line, whether a table has ten words or a
 * million, so a set is not kept small for the sake of speed. The end of a
 * word is read when the word was found, which is rare.
 *
 * WHY A KEYED DIGEST. Whoever holds only a bundle learns nothing from it;
 * whoever holds the salt as well can try guesses, as every member of the
 * exchange can, and finds digests of masked words at most. SipHash-2-4 is
 * keyed, public, and takes 20 ns for these 9 bytes.
 */
#include <weir/watch_indicators.h>

#include <endian.h>
#include <string.h>

#define MAGIC   UINT64_C(0x3130646e69776577) /* "wewind01" */
#define VERSION 2

struct header {
    uint64_t magic;
    uint32_t version;
    uint32_t count;
    uint64_t size;
    uint64_t generation;
    weir_time created;
    uint32_t crc; /* CRC-32C of the whole file, this field 0 */
    uint32_t reserved[5];
};
_Static_assert(sizeof(struct header) == 64, "as drawn");

#define SLOT_BYTES (sizeof(uint64_t) + sizeof(uint32_t))

struct weir_indicator_row {
    char name[WEIR_INDICATOR_NAME_BYTES];
    uint8_t salt[WEIR_INDICATOR_SALT_BYTES];
    weir_time until;
    uint64_t offset;
    uint32_t slots;  /* a power of two */
    uint32_t count;  /* words; at most half of the slots */
    uint32_t number; /* version 1: 0, and its place among the rows counts */
    uint32_t reserved;
};
_Static_assert(sizeof(struct weir_indicator_row) == 96, "as drawn");

static const char *const kind_names[WEIR_INDICATOR_KINDS] = {
    "frame", "head", "tail", "system", "first_words", "last_words"};

const char *
weir_indicator_kind_name(uint32_t kind)
{
    return kind < WEIR_INDICATOR_KINDS ? kind_names[kind] : NULL;
}

uint64_t
weir_indicator_digest(const struct weir_watch_features *features,
                      enum weir_indicator_kind kind)
{
    switch (kind) {
    case WEIR_INDICATOR_FRAME:
        return features->frame;
    case WEIR_INDICATOR_HEAD:
        return features->head;
    case WEIR_INDICATOR_TAIL:
        return features->tail;
    case WEIR_INDICATOR_SYSTEM:
        return features->system;
    case WEIR_INDICATOR_FIRST_WORDS:
        return features->first_words;
    case WEIR_INDICATOR_LAST_WORDS:
        return features->last_words;
    case WEIR_INDICATOR_KINDS:
        break;
    }
    return 0;
}

/* ------------------------------------------------------------ SipHash */

static uint64_t
rotate(uint64_t v, unsigned bits)
{
    return v << bits | v >> (64 - bits);
}

static void
sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static void
sip_take(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    sip_round(v);
    v[0] ^= word;
}

uint64_t
weir_indicator_word(const uint8_t salt[WEIR_INDICATOR_SALT_BYTES],
                    enum weir_indicator_kind kind, uint64_t digest)
{
    uint64_t k[2];
    memcpy(k, salt, sizeof(k));
    k[0] = le64toh(k[0]);
    k[1] = le64toh(k[1]);
    uint64_t v[4] = {k[0] ^ UINT64_C(0x736f6d6570736575),
                     k[1] ^ UINT64_C(0x646f72616e646f6d),
                     k[0] ^ UINT64_C(0x6c7967656e657261),
                     k[1] ^ UINT64_C(0x7465646279746573)};
    /* nine bytes: the kind, then the digest */
    sip_take(v, (uint64_t)kind | digest << 8);
    sip_take(v, digest >> 56 | UINT64_C(9) << 56);
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(v);
    uint64_t word = v[0] ^ v[1] ^ v[2] ^ v[3];
    return word == 0 ? 1 : word;
}

/* ------------------------------------------------------------ writing */

static uint32_t
slots_for(uint32_t count)
{
    uint32_t slots = 8;
    while (slots / 2 < count)
        slots *= 2;
    return slots;
}

/* The slot of the word, or the empty one where it would be. */
static uint32_t
slot_of(const uint64_t *table, uint32_t slots, uint64_t word)
{
    uint32_t at = (uint32_t)word & (slots - 1);
    while (table[at] != 0 && table[at] != word)
        at = (at + 1) & (slots - 1);
    return at;
}

static uint32_t
seconds_of(weir_time until)
{
    weir_time seconds = until / WEIR_US_PER_SEC;
    return seconds < 0            ? 0
           : seconds > UINT32_MAX ? UINT32_MAX
                                  : (uint32_t)seconds;
}

static void
write_table(const struct weir_indicator_exchange *exchange,
            struct weir_buf *out, size_t start, size_t row_at)
{
    struct weir_indicator_row row = {.until = exchange->until,
                                     .slots = slots_for(exchange->count),
                                     .number = exchange->number};
    size_t at = weir_buf_reserve(out, row.slots * SLOT_BYTES, 8);
    if (out->overflow)
        return;
    uint64_t *table = (void *)(out->ptr + at);
    uint32_t *ends = (void *)(table + row.slots);
    memset(table, 0, row.slots * SLOT_BYTES);
    for (uint32_t i = 0; i < exchange->count; i++) {
        uint32_t end =
            exchange->untils == NULL ? UINT32_MAX : exchange->untils[i];
        if (exchange->words[i] == 0)
            continue;
        uint32_t slot = slot_of(table, row.slots, exchange->words[i]);
        row.count += table[slot] == 0;
        table[slot] = exchange->words[i];
        if (end > ends[slot])
            ends[slot] = end;
    }
    memcpy(row.name, exchange->name.ptr, exchange->name.len);
    memcpy(row.salt, exchange->salt, sizeof(row.salt));
    row.offset = at - start;
    memcpy(out->ptr + row_at, &row, sizeof(row));
}

static uint32_t
crc_of(const char *bytes, size_t size)
{
    struct header header;
    memcpy(&header, bytes, sizeof(header));
    header.crc = 0;
    uint32_t crc = weir_crc32c(0, &header, sizeof(header));
    return weir_crc32c(crc, bytes + sizeof(header), size - sizeof(header));
}

weir_status
weir_indicators_write(const struct weir_indicator_exchange *exchanges,
                      uint32_t count, uint64_t generation, weir_time now,
                      struct weir_buf *out, struct weir_error *err)
{
    if (count > WEIR_EXCHANGES_MAX)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "more than %d exchanges", WEIR_EXCHANGES_MAX);
    for (uint32_t i = 0, numbers = 0; i < count; i++) {
        if (exchanges[i].number >= WEIR_EXCHANGES_MAX ||
            (numbers >> exchanges[i].number & 1) != 0)
            return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                             "each exchange has a number of its own, below %d",
                             WEIR_EXCHANGES_MAX);
        numbers |= 1u << exchanges[i].number;
        if (exchanges[i].count > WEIR_INDICATORS_MAX)
            return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                             "more than %u indicators of one exchange",
                             WEIR_INDICATORS_MAX);
        if (exchanges[i].name.len == 0 ||
            exchanges[i].name.len >= WEIR_INDICATOR_NAME_BYTES)
            return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                             "the name of an exchange has 1 to %d bytes",
                             WEIR_INDICATOR_NAME_BYTES - 1);
    }
    size_t start = weir_buf_reserve(out, sizeof(struct header), 8);
    size_t rows =
        weir_buf_reserve(out, count * sizeof(struct weir_indicator_row), 8);
    for (uint32_t i = 0; i < count && !out->overflow; i++)
        write_table(&exchanges[i], out, start,
                    rows + i * sizeof(struct weir_indicator_row));
    if (out->overflow)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the indicators pass the memory given");
    struct header header = {
        .magic = MAGIC,
        .version = VERSION,
        .count = count,
        .size = out->len - start,
        .generation = generation,
        .created = now,
    };
    memcpy(out->ptr + start, &header, sizeof(header));
    header.crc = crc_of(out->ptr + start, out->len - start);
    memcpy(out->ptr + start, &header, sizeof(header));
    return WEIR_OK;
}

/* ------------------------------------------------------------ reading */

static weir_status
corrupt(struct weir_error *err, const char *what)
{
    return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE, "indicators: %s",
                     what);
}

/* A search ends at an empty slot, so there must be one. */
static bool
is_sound(weir_span bytes, const struct weir_indicator_row *row,
         uint32_t version)
{
    size_t slot = version == 1 ? sizeof(uint64_t) : SLOT_BYTES;
    size_t name = strnlen(row->name, sizeof(row->name));
    if (name == 0 || name == sizeof(row->name) || row->slots < 8 ||
        (row->slots & (row->slots - 1)) != 0 || row->offset % 8 != 0 ||
        row->offset > bytes.len || row->number >= WEIR_EXCHANGES_MAX ||
        row->slots > (bytes.len - row->offset) / slot)
        return false;
    const uint64_t *table = (const void *)(bytes.ptr + row->offset);
    uint32_t used = 0;
    for (uint32_t i = 0; i < row->slots; i++)
        used += table[i] != 0;
    return used == row->count && used <= row->slots / 2;
}

weir_status
weir_indicators_open(weir_span bytes, struct weir_indicators *set_out,
                     struct weir_error *err)
{
    struct header header;
    if (bytes.len < sizeof(header))
        return corrupt(err, "shorter than its header");
    if ((uintptr_t)bytes.ptr % 8 != 0)
        return corrupt(err, "not at a multiple of 8 bytes");
    memcpy(&header, bytes.ptr, sizeof(header));
    if (header.magic != MAGIC)
        return corrupt(err, "not a set of indicators");
    if (header.version < 1 || header.version > VERSION)
        return weir_fail(err, WEIR_EVERSION, 8,
                         "indicators: version %u, this build reads 1 to %d",
                         header.version, VERSION);
    if (header.size != bytes.len || header.count > WEIR_EXCHANGES_MAX ||
        header.count >
            (bytes.len - sizeof(header)) / sizeof(struct weir_indicator_row))
        return corrupt(err, "cut off, or longer than written");
    if (header.crc != crc_of(bytes.ptr, bytes.len))
        return corrupt(err, "the content fails its check");
    const struct weir_indicator_row *rows =
        (const void *)(bytes.ptr + sizeof(header));
    for (uint32_t i = 0; i < header.count; i++) {
        if (!is_sound(bytes, &rows[i], header.version))
            return corrupt(err, "an exchange that cannot be one");
    }
    *set_out = (struct weir_indicators){
        .bytes = bytes,
        .version = header.version,
        .generation = header.generation,
        .created = header.created,
        .rows = rows,
        .count = header.count,
    };
    return WEIR_OK;
}

weir_span
weir_indicators_exchange(const struct weir_indicators *set, uint32_t nth,
                         uint32_t *number_out, weir_time *until_out)
{
    WEIR_ASSERT(nth < set->count);
    const struct weir_indicator_row *row = &set->rows[nth];
    *number_out = set->version == 1 ? nth : row->number;
    *until_out = row->until;
    return (weir_span){row->name, strnlen(row->name, sizeof(row->name))};
}

static bool
has(const struct weir_indicators *set, const struct weir_indicator_row *row,
    uint64_t word, uint32_t now)
{
    const uint64_t *table = (const void *)(set->bytes.ptr + row->offset);
    uint32_t slot = slot_of(table, row->slots, word);
    if (table[slot] == 0)
        return false;
    const uint32_t *ends = (const void *)(table + row->slots);
    return set->version == 1 || ends[slot] > now;
}

/* The words of a call under one salt, on their way into the cache; 0: it has
 * no such digest. */
static void
fetch(const struct weir_indicators *set, const struct weir_indicator_row *row,
      const uint64_t digests[WEIR_INDICATOR_KINDS],
      uint64_t words_out[WEIR_INDICATOR_KINDS])
{
    const uint64_t *table = (const void *)(set->bytes.ptr + row->offset);
    for (uint32_t kind = 0; kind < WEIR_INDICATOR_KINDS; kind++) {
        words_out[kind] =
            digests[kind] == 0
                ? 0
                : weir_indicator_word(row->salt, kind, digests[kind]);
        __builtin_prefetch(
            &table[(uint32_t)words_out[kind] & (row->slots - 1)]);
    }
}

static bool
is_live(const struct weir_indicator_row *row, weir_time now)
{
    return row->count != 0 && row->until > now;
}

/* Tables of many words lie in no cache: all loads are under way before the
 * first is waited for. */
struct weir_indicator_match
weir_indicators_match(const struct weir_indicators *set,
                      const struct weir_watch_features *features, weir_time now)
{
    struct weir_indicator_match match = {0, 0};
    uint64_t digests[WEIR_INDICATOR_KINDS];
    uint64_t words[WEIR_EXCHANGES_MAX][WEIR_INDICATOR_KINDS];
    uint32_t seconds = seconds_of(now);
    for (uint32_t kind = 0; kind < WEIR_INDICATOR_KINDS; kind++)
        digests[kind] = weir_indicator_digest(features, kind);
    for (uint32_t i = 0; i < set->count; i++)
        if (is_live(&set->rows[i], now))
            fetch(set, &set->rows[i], digests, words[i]);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct weir_indicator_row *row = &set->rows[i];
        if (!is_live(row, now))
            continue;
        for (uint32_t kind = 0; kind < WEIR_INDICATOR_KINDS; kind++) {
            if (words[i][kind] == 0 || !has(set, row, words[i][kind], seconds))
                continue;
            match.kinds |= 1u << kind;
            match.exchanges |= 1u << (set->version == 1 ? i : row->number);
        }
    }
    return match;
}
