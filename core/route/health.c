/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Health of deployments: three cache lines each, words stored whole.
 *
 *   head (64 bytes) | row 0 | row 1 | ...      rows: a power of two
 *
 *   row, 192 bytes:
 *   +-----+---------+--------+------+---------+-----------+-------------+
 *   | key | breaker | window | rest | latency | 3 counters| u16 in      |
 *   |     |         |        |      |         |           | flight x 64 |
 *   +-----+---------+--------+------+---------+-----------+-------------+
 *   breaker: until, ms (44 bits) | level (4) | state (2) | failures (14)
 *   window:  start, s (32 bits) | tries (16) | failures (16)
 *   latency: noted at, ms (32 bits) | us (32)
 *
 *                 failures in a row, or their share
 *        CLOSED ------------------------------------> OPEN <--+
 *          ^                                           |      | bad: twice
 *          | good                 time out is over,    |      | as long
 *          +------------- HALF <-----------------------+      |
 *                          |       one call takes it          |
 *                          +----------------------------------+
 *
 * WHY NO LOCK. A worker may die between any two instructions, and a lock
 * would stay held. The breaker is one word that is compared and swapped: of
 * all workers exactly one becomes the probe. A probe that died is replaced
 * after PROBE_MS.
 *
 * WHY CALLS IN FLIGHT ARE COUNTED BY LANE. What a dead worker had in flight
 * must be forgotten; its lane is cleared whole, by the next owner or by
 * control. A taker counts itself first and looks at the sum then: there are
 * never more than allowed, at the price that two takers of the last place may
 * both turn away.
 *
 * WHY PEAKS. A mean forgets a stall as slowly as it learned it. Here a slow
 * reply counts at once and fades with HALF_LIFE_MS, so that one which became
 * slow loses calls at once and is tried again soon.
 *
 * WHAT A WINDOW LOSES. Both halves of it start anew at its end: of failures
 * round the boundary some count less. Failures in a row have no window.
 */
#include <weir/health.h>
#include <weir/limits.h>

#include <string.h>

#define MAGIC        UINT64_C(0x3130686c61726577) /* "weralh01" */
#define ROWS_MAX     UINT32_C(0x100000)
#define WAYS         16
#define PROBE_MS     60000
#define IDLE_MS      86400000 /* a row so old and empty is given away */
#define HALF_LIFE_MS 10000
#define OPEN_MS_MIN  100
#define OPEN_MS_MAX  3600000
#define LEVEL_MAX    15
#define COUNT_MAX    0x3fffu

enum { CLOSED = 0, OPEN = 1, HALF = 2 };

struct row {
    uint64_t key;
    uint64_t breaker;
    uint64_t window;
    uint64_t rest; /* ms; not before */
    uint64_t latency;
    uint64_t ejected;
    uint64_t rested;
    uint64_t passed_over;
    uint16_t in_flight[WEIR_LANES_MAX];
};
_Static_assert(sizeof(struct row) == 192, "as drawn");

struct weir_health {
    uint64_t magic;
    uint32_t rows;
    uint32_t row_bytes;
    uint64_t copies[WEIR_HEALTH_COPIES]; /* a table of old has zeros here */
    struct row row[];
};
_Static_assert(sizeof(struct weir_health) == 64, "as drawn");

struct breaker {
    uint64_t until_ms;
    unsigned level;
    unsigned state;
    unsigned failures;
};

static struct breaker
unpack(uint64_t word)
{
    return (struct breaker){.until_ms = word >> 20,
                            .level = (unsigned)(word >> 16 & 15),
                            .state = (unsigned)(word >> 14 & 3),
                            .failures = (unsigned)(word & COUNT_MAX)};
}

static uint64_t
pack(const struct breaker *b)
{
    return b->until_ms << 20 | (uint64_t)b->level << 16 |
           (uint64_t)b->state << 14 | b->failures;
}

static uint64_t
load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static bool
swap(uint64_t *word, uint64_t *seen, uint64_t next)
{
    return __atomic_compare_exchange_n(word, seen, next, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static uint64_t
milliseconds(weir_time when)
{
    return when > 0 ? (uint64_t)when / WEIR_US_PER_MS : 0;
}

static weir_time
moment(uint64_t ms)
{
    return (weir_time)ms * WEIR_US_PER_MS;
}

/* ------------------------------------------------------------- table */

static bool
is_size(uint32_t rows)
{
    return rows >= 64 && rows <= ROWS_MAX && (rows & (rows - 1)) == 0;
}

size_t
weir_health_size(uint32_t rows)
{
    return sizeof(struct weir_health) + (size_t)rows * sizeof(struct row);
}

weir_status
weir_health_format(void *memory, size_t size, uint32_t rows,
                   struct weir_health **table_out, struct weir_error *err)
{
    struct weir_health *table = memory;
    if (!is_size(rows) || size < weir_health_size(rows) ||
        (uintptr_t)memory % 64 != 0)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "no table of health for %u deployments fits", rows);
    memset(table, 0, weir_health_size(rows));
    table->rows = rows;
    table->row_bytes = sizeof(struct row);
    __atomic_store_n(&table->magic, MAGIC, __ATOMIC_RELEASE);
    *table_out = table;
    return WEIR_OK;
}

weir_status
weir_health_attach(void *memory, size_t size, struct weir_health **table_out,
                   struct weir_error *err)
{
    struct weir_health *table = memory;
    if (size < sizeof(*table) || (uintptr_t)memory % 64 != 0 ||
        load(&table->magic) != MAGIC)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "not a table of health");
    if (table->row_bytes != sizeof(struct row))
        return weir_fail(err, WEIR_EVERSION, WEIR_OFFSET_NONE,
                         "a table of health of another build");
    if (!is_size(table->rows) || size < weir_health_size(table->rows))
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "a table of health that is cut off");
    *table_out = table;
    return WEIR_OK;
}

bool
weir_health_rule_is_sound(const struct weir_health_rule *rule)
{
    if (rule->open_ms == 0)
        return rule->failures == 0 && rule->share_percent == 0;
    return rule->open_ms >= OPEN_MS_MIN && rule->open_ms_max <= OPEN_MS_MAX &&
           rule->open_ms_max >= rule->open_ms && rule->share_percent <= 100 &&
           rule->failures < COUNT_MAX && rule->tries_min > 0 &&
           rule->window_s > 0 && rule->window_s <= OPEN_MS_MAX / 1000;
}

static uint32_t
in_flight(const struct row *row)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < WEIR_LANES_MAX; i++)
        sum += __atomic_load_n(&row->in_flight[i], __ATOMIC_SEQ_CST);
    return sum;
}

static uint32_t
home_of(const struct weir_health *table, uint64_t key)
{
    return (uint32_t)(key ^ key >> 32) & (table->rows - 1);
}

static const struct row *
find(const struct weir_health *table, uint64_t key)
{
    uint32_t home = home_of(table, key);
    for (uint32_t i = 0; i < WAYS; i++) {
        const struct row *row = &table->row[(home + i) & (table->rows - 1)];
        uint64_t owner = load(&row->key);
        if (owner == key)
            return row;
        if (owner == 0)
            return NULL; /* rows are never emptied */
    }
    return NULL;
}

/* Nobody is in it, and nothing was noted for a day. */
static bool
is_idle(const struct row *row, uint64_t now_ms)
{
    uint64_t window_ms = (load(&row->window) >> 32) * 1000;
    uint64_t until_ms = unpack(load(&row->breaker)).until_ms;
    return window_ms + IDLE_MS < now_ms && until_ms + IDLE_MS < now_ms &&
           in_flight(row) == 0;
}

/* The key's row, or one that becomes it; NULL: all are in use. */
static struct row *
claim(struct weir_health *table, uint64_t key, uint64_t now_ms)
{
    uint32_t home = home_of(table, key);
    struct row *found = (struct row *)find(table, key);
    for (uint32_t i = 0; i < WAYS && found == NULL; i++) {
        struct row *row = &table->row[(home + i) & (table->rows - 1)];
        uint64_t owner = load(&row->key);
        if (owner == key)
            return row;
        if (owner != 0 && !is_idle(row, now_ms))
            continue;
        if (!swap(&row->key, &owner, key)) {
            if (owner == key)
                return row; /* another worker was first */
            continue;
        }
        __atomic_store_n(&row->breaker, 0, __ATOMIC_RELEASE);
        __atomic_store_n(&row->window, 0, __ATOMIC_RELEASE);
        __atomic_store_n(&row->rest, 0, __ATOMIC_RELEASE);
        __atomic_store_n(&row->latency, 0, __ATOMIC_RELEASE);
        __atomic_store_n(&row->ejected, 0, __ATOMIC_RELEASE);
        __atomic_store_n(&row->rested, 0, __ATOMIC_RELEASE);
        __atomic_store_n(&row->passed_over, 0, __ATOMIC_RELEASE);
        found = row;
    }
    return found;
}

void
weir_health_clear_lane(struct weir_health *table, uint32_t lane)
{
    WEIR_ASSERT(lane < WEIR_LANES_MAX);
    for (uint32_t i = 0; i < table->rows; i++) {
        /* read first: rows that nobody uses take no memory */
        if (__atomic_load_n(&table->row[i].in_flight[lane], __ATOMIC_RELAXED) !=
            0)
            __atomic_store_n(&table->row[i].in_flight[lane], 0,
                             __ATOMIC_SEQ_CST);
    }
}

/* ----------------------------------------------------------- breaker */

/* CLOSED, or OPEN and HALF whose time is over: FREE. */
static enum weir_health_state
breaker_state(const struct row *row, uint64_t now_ms, uint64_t *until_out)
{
    struct breaker b = unpack(load(&row->breaker));
    if (b.state == CLOSED || b.until_ms <= now_ms)
        return WEIR_HEALTH_FREE;
    *until_out = b.until_ms;
    return b.state == OPEN ? WEIR_HEALTH_EJECTED : WEIR_HEALTH_PROBED;
}

static enum weir_health_state
look(const struct row *row, const struct weir_health_rule *rule,
     uint64_t now_ms, bool may_rest, weir_time *until_out)
{
    uint64_t until_ms = 0;
    enum weir_health_state state = breaker_state(row, now_ms, &until_ms);
    uint64_t rest = load(&row->rest);
    if (rule->open_ms == 0)
        state = WEIR_HEALTH_FREE; /* no breaker any more */
    if (state == WEIR_HEALTH_FREE && rest > now_ms && !may_rest) {
        state = WEIR_HEALTH_RESTING;
        until_ms = rest;
    }
    if (state == WEIR_HEALTH_FREE && rule->concurrency != 0 &&
        in_flight(row) >= rule->concurrency) {
        state = WEIR_HEALTH_FULL;
        until_ms = 0;
    }
    /* when a probe ends nobody knows */
    *until_out = state == WEIR_HEALTH_EJECTED || state == WEIR_HEALTH_RESTING
                     ? moment(until_ms)
                     : 0;
    return state;
}

enum weir_health_state
weir_health_look(const struct weir_health *table, uint64_t key,
                 const struct weir_health_rule *rule, weir_time now,
                 weir_time *until_out)
{
    const struct row *row = find(table, key);
    *until_out = 0;
    if (row == NULL)
        return WEIR_HEALTH_FREE;
    return look(row, rule, milliseconds(now), false, until_out);
}

static bool
enter(struct row *row, const struct weir_health_rule *rule, uint32_t lane)
{
    uint16_t *mine = &row->in_flight[lane];
    if (__atomic_load_n(mine, __ATOMIC_RELAXED) == UINT16_MAX)
        return false;
    (void)__atomic_add_fetch(mine, 1, __ATOMIC_SEQ_CST);
    if (rule->concurrency == 0 || in_flight(row) <= rule->concurrency)
        return true;
    (void)__atomic_sub_fetch(mine, 1, __ATOMIC_SEQ_CST);
    return false;
}

/* False: it is another one's probe. */
static bool
become_probe(struct row *row, uint64_t now_ms, bool *is_probe_out)
{
    uint64_t seen = load(&row->breaker);
    for (;;) {
        struct breaker b = unpack(seen);
        *is_probe_out = false;
        if (b.state == CLOSED)
            return true;
        if (b.until_ms > now_ms)
            return false;
        b.state = HALF;
        b.until_ms = now_ms + PROBE_MS;
        if (swap(&row->breaker, &seen, pack(&b))) {
            *is_probe_out = true;
            return true;
        }
    }
}

enum weir_health_state
weir_health_take(struct weir_health *table, uint64_t key,
                 const struct weir_health_rule *rule, uint32_t lane,
                 weir_time now, bool may_rest, weir_health_slot *slot_out)
{
    uint64_t now_ms = milliseconds(now);
    weir_time until;

    WEIR_ASSERT(key != 0 && lane < WEIR_LANES_MAX);
    *slot_out = (weir_health_slot){.row = WEIR_HEALTH_NO_ROW};
    struct row *row = claim(table, key, now_ms);
    if (row == NULL)
        return WEIR_HEALTH_FREE;
    enum weir_health_state state = look(row, rule, now_ms, may_rest, &until);
    if (state == WEIR_HEALTH_FREE && !enter(row, rule, lane))
        state = WEIR_HEALTH_FULL;
    if (state == WEIR_HEALTH_FREE && rule->open_ms != 0 &&
        !become_probe(row, now_ms, &slot_out->is_probe)) {
        (void)__atomic_sub_fetch(&row->in_flight[lane], 1, __ATOMIC_SEQ_CST);
        state = WEIR_HEALTH_PROBED;
    }
    if (state == WEIR_HEALTH_FREE)
        slot_out->row = (uint32_t)(row - table->row);
    else
        (void)__atomic_add_fetch(&row->passed_over, 1, __ATOMIC_RELAXED);
    return state;
}

/* ------------------------------------------------------------- notes */

/* Counts into the window; true: the share of failures is reached. */
static bool
count(struct row *row, const struct weir_health_rule *rule, bool is_bad,
      uint64_t now_ms)
{
    uint64_t seen = load(&row->window);
    uint64_t now_s = now_ms / 1000;
    for (;;) {
        uint64_t start = seen >> 32;
        uint64_t tries = seen >> 16 & UINT16_MAX;
        uint64_t bad = seen & UINT16_MAX;
        if (now_s >= start + rule->window_s || now_s < start) {
            start = now_s;
            tries = 0;
            bad = 0;
        }
        if (tries == UINT16_MAX) { /* halves keep the share */
            tries /= 2;
            bad /= 2;
        }
        tries++;
        bad += is_bad;
        if (swap(&row->window, &seen, start << 32 | tries << 16 | bad))
            return is_bad && rule->share_percent != 0 &&
                   tries >= rule->tries_min &&
                   bad * 100 >= tries * rule->share_percent;
    }
}

static uint64_t
time_out(const struct weir_health_rule *rule, unsigned level)
{
    uint64_t ms = (uint64_t)rule->open_ms << level;
    return ms > rule->open_ms_max ? rule->open_ms_max : ms;
}

/* What the breaker becomes; false: it stays as it is. */
static bool
judge(struct breaker *b, const struct weir_health_rule *rule, bool is_probe,
      bool is_bad, bool is_share, uint64_t now_ms)
{
    if (is_probe && b->state == HALF) {
        if (!is_bad) {
            *b = (struct breaker){.state = CLOSED};
            return true;
        }
        b->level += b->level < LEVEL_MAX;
    } else if (b->state != CLOSED) {
        return false; /* it began before the breaker opened */
    } else {
        if (!is_bad && b->failures == 0)
            return false;
        if (!is_bad) {
            b->failures = 0;
            return true;
        }
        b->failures += b->failures < COUNT_MAX;
        if (!is_share && (rule->failures == 0 || b->failures < rule->failures))
            return true;
    }
    b->state = OPEN;
    b->until_ms = now_ms + time_out(rule, b->level);
    return true;
}

bool
weir_health_note(struct weir_health *table, weir_health_slot *slot,
                 const struct weir_health_rule *rule,
                 enum weir_health_result result, weir_time now)
{
    bool is_probe = slot->is_probe;
    bool is_bad = result == WEIR_HEALTH_BAD;
    if (slot->row == WEIR_HEALTH_NO_ROW || result == WEIR_HEALTH_NOTHING ||
        rule->open_ms == 0)
        return false;
    struct row *row = &table->row[slot->row];
    uint64_t now_ms = milliseconds(now);
    bool is_share = count(row, rule, is_bad, now_ms);
    uint64_t seen = load(&row->breaker);
    slot->is_probe = false;
    for (;;) {
        struct breaker b = unpack(seen);
        if (!judge(&b, rule, is_probe, is_bad, is_share, now_ms))
            return false;
        if (!swap(&row->breaker, &seen, pack(&b)))
            continue;
        if (b.state == CLOSED && is_probe)
            /* what took it out is not held against it again */
            __atomic_store_n(&row->window, 0, __ATOMIC_RELEASE);
        if (b.state == OPEN)
            (void)__atomic_add_fetch(&row->ejected, 1, __ATOMIC_RELAXED);
        return b.state == OPEN;
    }
}

void
weir_health_rest(struct weir_health *table, const weir_health_slot *slot,
                 const struct weir_health_rule *rule, int64_t pause_ms,
                 weir_time now)
{
    if (slot->row == WEIR_HEALTH_NO_ROW || pause_ms <= 0 || rule->open_ms == 0)
        return;
    struct row *row = &table->row[slot->row];
    if (pause_ms > rule->open_ms_max)
        pause_ms = rule->open_ms_max;
    uint64_t until = milliseconds(now) + (uint64_t)pause_ms;
    uint64_t seen = load(&row->rest);
    (void)__atomic_add_fetch(&row->rested, 1, __ATOMIC_RELAXED);
    while (seen < until && !swap(&row->rest, &seen, until))
        ;
}

void
weir_health_leave(struct weir_health *table, weir_health_slot *slot,
                  uint32_t lane, weir_time now)
{
    if (slot->row == WEIR_HEALTH_NO_ROW)
        return;
    struct row *row = &table->row[slot->row];
    uint64_t seen = load(&row->breaker);
    while (slot->is_probe && unpack(seen).state == HALF) {
        struct breaker b = unpack(seen);
        b.until_ms = milliseconds(now); /* the next may probe at once */
        if (swap(&row->breaker, &seen, pack(&b)))
            break;
    }
    (void)__atomic_sub_fetch(&row->in_flight[lane], 1, __ATOMIC_SEQ_CST);
    *slot = (weir_health_slot){.row = WEIR_HEALTH_NO_ROW};
}

/* ----------------------------------------------------------- latency */

/* `us` as it counts `passed_ms` later: straight lines between halvings. */
static uint32_t
fade(uint32_t us, uint32_t passed_ms)
{
    uint32_t halvings = passed_ms / HALF_LIFE_MS;
    uint64_t part = passed_ms % HALF_LIFE_MS;
    if (halvings > 31)
        return 0;
    return (uint32_t)(((uint64_t)us - us * part / (2 * HALF_LIFE_MS)) >>
                      halvings);
}

static uint32_t
latency_at(uint64_t word, uint64_t now_ms)
{
    uint32_t passed = (uint32_t)now_ms - (uint32_t)(word >> 32);
    /* of a clock that went back, or of 49 days ago: both are no news */
    return passed > INT32_MAX ? (uint32_t)word : fade((uint32_t)word, passed);
}

void
weir_health_time(struct weir_health *table, const weir_health_slot *slot,
                 uint64_t first_byte_us, weir_time now)
{
    if (slot->row == WEIR_HEALTH_NO_ROW)
        return;
    struct row *row = &table->row[slot->row];
    uint64_t now_ms = milliseconds(now);
    uint32_t us = first_byte_us > UINT32_MAX ? UINT32_MAX
                  : first_byte_us == 0       ? 1
                                             : (uint32_t)first_byte_us;
    uint64_t seen = load(&row->latency);
    for (;;) {
        uint32_t old = (uint32_t)seen;
        uint32_t rest = latency_at(seen, now_ms);
        uint32_t next = us;
        if (us < rest) /* what has faded is filled up with the new */
            next = rest + (uint32_t)((uint64_t)us * (old - rest) / old);
        if (swap(&row->latency, &seen, now_ms << 32 | next))
            return;
    }
}

bool
weir_health_view_get(const struct weir_health *table, uint64_t key,
                     weir_time now, struct weir_health_view *view_out)
{
    const struct row *row = find(table, key);
    uint64_t now_ms = milliseconds(now);
    uint64_t until_ms = 0;
    if (row == NULL)
        return false;
    struct weir_health_view *view = view_out;
    *view = (struct weir_health_view){
        .state = breaker_state(row, now_ms, &until_ms),
        .in_flight = in_flight(row),
        .failures = unpack(load(&row->breaker)).failures,
        .first_byte_us = latency_at(load(&row->latency), now_ms),
        .ejected = load(&row->ejected),
        .rested = load(&row->rested),
        .passed_over = load(&row->passed_over),
    };
    if (view->state == WEIR_HEALTH_FREE && load(&row->rest) > now_ms) {
        view->state = WEIR_HEALTH_RESTING;
        until_ms = load(&row->rest);
    }
    view->until = view->state == WEIR_HEALTH_PROBED ? 0 : moment(until_ms);
    return true;
}

const char *
weir_health_state_name(enum weir_health_state state)
{
    static const char *const names[] = {
        [WEIR_HEALTH_FREE] = "free",     [WEIR_HEALTH_EJECTED] = "ejected",
        [WEIR_HEALTH_PROBED] = "probed", [WEIR_HEALTH_RESTING] = "resting",
        [WEIR_HEALTH_FULL] = "full",
    };
    return (size_t)state < WEIR_COUNTOF(names) ? names[state] : "unknown";
}

/* ------------------------------------------------------------- copies */

void
weir_health_copied(struct weir_health *table, enum weir_health_copy what)
{
    WEIR_ASSERT((size_t)what < WEIR_HEALTH_COPIES);
    (void)__atomic_add_fetch(&table->copies[what], 1, __ATOMIC_RELAXED);
}

uint64_t
weir_health_copies(const struct weir_health *table, enum weir_health_copy what)
{
    return (size_t)what < WEIR_HEALTH_COPIES ? load(&table->copies[what]) : 0;
}

const char *
weir_health_copy_name(enum weir_health_copy what)
{
    static const char *const names[WEIR_HEALTH_COPIES] = {
        [WEIR_HEALTH_COPY_MADE] = "made",
        [WEIR_HEALTH_COPY_LARGE] = "too_large",
        [WEIR_HEALTH_COPY_BUSY] = "too_many",
        [WEIR_HEALTH_COPY_SHED] = "shed",
        [WEIR_HEALTH_COPY_UNREACHABLE] = "no_connection",
        [WEIR_HEALTH_COPY_STOPPING] = "stopping",
    };
    return (size_t)what < WEIR_COUNTOF(names) ? names[what] : "unknown";
}
