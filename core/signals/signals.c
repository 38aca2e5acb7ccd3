/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sightings of keys: two cache lines per key, words that are stored whole.
 *
 *   head (64 bytes) | row 0 | row 1 | ...      rows: a power of two
 *
 *   row, 128 bytes:
 *   +------+-----------+-----------+-- ... --+------------+----------+
 *   | key  | sighting 0| sighting 1|         | sighting 11| reserved |
 *   +------+-----------+-----------+-- ... --+------------+----------+
 *   sighting: seconds << 16 | country; 0: none
 *
 * WHY NO LOCK. A worker may die between any two instructions, and a lock
 * would stay held. Every word is read and written by itself; a row is found
 * by its key within WAYS neighbours. What two workers do to one row at once
 * can lose or double one sighting, never tear one, and the next call mends
 * it. A signal is a fact for policy, not a count of money.
 *
 * WHOM A NEW KEY REPLACES. An empty row, else that of the neighbours whose
 * last sighting is oldest. The row's sightings are cleared before the new
 * key is written, so that a reader never takes another key's for its own
 * (it may take a few of the new key's for none).
 *
 * WHICH SIGHTING A NEW COUNTRY REPLACES. The oldest. A key seen in more than
 * WEIR_SIGHTINGS_MAX countries shows that number: beyond a dozen the exact
 * count says nothing more.
 */
#include <weir/signals.h>

#include <string.h>

#define MAGIC    UINT64_C(0x3130676973726577) /* "wersig01" */
#define KEYS_MAX UINT32_C(0x1000000)
#define WAYS     8

struct row {
    uint64_t key;
    uint64_t sightings[WEIR_SIGHTINGS_MAX];
    uint64_t reserved[3];
};
_Static_assert(sizeof(struct row) == 128, "as drawn");

struct weir_signals {
    uint64_t magic;
    uint32_t keys;
    uint32_t row_bytes;
    uint64_t reserved[6];
    struct row rows[];
};
_Static_assert(sizeof(struct weir_signals) == 64, "as drawn");

weir_country
weir_country_of(weir_span code)
{
    if (code.len != 2 || code.ptr[0] < 'A' || code.ptr[0] > 'Z' ||
        code.ptr[1] < 'A' || code.ptr[1] > 'Z')
        return 0;
    return (weir_country)((unsigned)code.ptr[0] << 8 | (unsigned)code.ptr[1]);
}

void
weir_country_write(weir_country country, char code_out[2])
{
    code_out[0] = (char)(country >> 8);
    code_out[1] = (char)country;
}

static bool
is_size(uint32_t keys)
{
    return keys >= 64 && keys <= KEYS_MAX && (keys & (keys - 1)) == 0;
}

size_t
weir_signals_size(uint32_t keys)
{
    return sizeof(struct weir_signals) + (size_t)keys * sizeof(struct row);
}

weir_status
weir_signals_format(void *memory, size_t size, uint32_t keys,
                    struct weir_signals **table_out, struct weir_error *err)
{
    struct weir_signals *table = memory;
    if (!is_size(keys) || size < weir_signals_size(keys) ||
        (uintptr_t)memory % 64 != 0)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "no table of signals for %u keys fits", keys);
    memset(table, 0, weir_signals_size(keys));
    table->keys = keys;
    table->row_bytes = sizeof(struct row);
    __atomic_store_n(&table->magic, MAGIC, __ATOMIC_RELEASE);
    *table_out = table;
    return WEIR_OK;
}

weir_status
weir_signals_attach(void *memory, size_t size, struct weir_signals **table_out,
                    struct weir_error *err)
{
    struct weir_signals *table = memory;
    if (size < sizeof(*table) || (uintptr_t)memory % 64 != 0 ||
        __atomic_load_n(&table->magic, __ATOMIC_ACQUIRE) != MAGIC)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "not a table of signals");
    if (table->row_bytes != sizeof(struct row))
        return weir_fail(err, WEIR_EVERSION, WEIR_OFFSET_NONE,
                         "a table of signals of another build");
    if (!is_size(table->keys) || size < weir_signals_size(table->keys))
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "a table of signals that is cut off");
    *table_out = table;
    return WEIR_OK;
}

static uint64_t
load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static uint64_t
last_sighting(const struct row *row)
{
    uint64_t last = 0;
    for (int i = 0; i < WEIR_SIGHTINGS_MAX; i++) {
        uint64_t one = load(&row->sightings[i]);
        last = one > last ? one : last;
    }
    return last;
}

/* The key's row, or one that becomes it. */
static struct row *
find_row(struct weir_signals *table, uint64_t key)
{
    uint32_t mask = table->keys - 1;
    uint32_t home = (uint32_t)(key ^ key >> 32) & mask;
    struct row *oldest = NULL;
    uint64_t oldest_at = UINT64_MAX;
    for (uint32_t i = 0; i < WAYS; i++) {
        struct row *row = &table->rows[(home + i) & mask];
        uint64_t owner = load(&row->key);
        if (owner == key)
            return row;
        if (owner == 0) {
            /* Rows are never emptied: behind an empty one is nobody. */
            oldest = row;
            break;
        }
        uint64_t at = last_sighting(row);
        if (at < oldest_at) {
            oldest = row;
            oldest_at = at;
        }
    }
    for (int i = 0; i < WEIR_SIGHTINGS_MAX; i++)
        __atomic_store_n(&oldest->sightings[i], 0, __ATOMIC_RELAXED);
    __atomic_store_n(&oldest->key, key, __ATOMIC_RELEASE);
    return oldest;
}

uint32_t
weir_signals_note(struct weir_signals *table, uint64_t key,
                  weir_country country, weir_time now, weir_time window,
                  weir_sighting others_out[WEIR_SIGHTINGS_MAX])
{
    uint64_t seconds = now > 0 ? (uint64_t)now / WEIR_US_PER_SEC : 0;
    uint64_t kept = window > 0 ? (uint64_t)window / WEIR_US_PER_SEC : 0;
    uint64_t since = seconds > kept ? seconds - kept : 0;
    uint64_t mine = seconds << 16 | country;
    uint64_t oldest_at = UINT64_MAX;
    int place = 0;
    bool is_there = false;
    uint32_t count = 0;

    WEIR_ASSERT(key != 0 && country != 0);
    struct row *row = find_row(table, key);
    for (int i = 0; i < WEIR_SIGHTINGS_MAX; i++) {
        uint64_t one = load(&row->sightings[i]);
        if ((weir_country)one == country && one != 0) {
            place = i;
            is_there = true;
            continue;
        }
        if (!is_there && one < oldest_at) {
            place = i;
            oldest_at = one;
        }
        if (one != 0 && one >> 16 >= since)
            others_out[count++] = (weir_sighting){
                (weir_time)(one >> 16) * WEIR_US_PER_SEC, (weir_country)one};
    }
    if (load(&row->sightings[place]) < mine || !is_there)
        __atomic_store_n(&row->sightings[place], mine, __ATOMIC_RELAXED);
    return count;
}
