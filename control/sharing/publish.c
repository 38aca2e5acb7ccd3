/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From bundles that count to the set that workers match.
 *
 *     share_bundle, N.bundle --\
 *     weir.yaml: salt, trust  --+--> indicators-N --> board --> workers
 *     share_number            --/
 *
 * A set is made of what is on file, whole, at the start, with a reload and
 * after each deed; one that would say the same as the one in force is not
 * written. Words end by themselves in the workers, so that nothing here has
 * to be in time for that.
 *
 * NUMBERS. Records name exchanges by bits. An exchange keeps its number while
 * it is configured; one that left gives it up, and the one that was given up
 * longest ago is given out again first. share_number knows who had it when.
 *
 * WHAT CANNOT BE HAD (a salt, a file) leaves its exchange out and the others
 * in; `weir watch bundle list` says why.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>

#include "control/config/config.h"
#include "control/log.h"
#include "control/parts.h"
#include "control/sharing/parts.h"

#define SET_BYTES_MAX ((size_t)128 << 20)
#define SECRET_BYTES  4096

/* -------------------------------------------------------- configuration */

const struct weir_world_exchange *
weir__share_exchange(const struct weir_control *control, weir_span name)
{
    const struct weir_world *world = control->world;
    for (uint32_t i = 0; i < world->exchange_count; i++)
        if (weir_span_equal(world->exchange_rows[i].name, name))
            return &world->exchange_rows[i];
    return NULL;
}

bool
weir__share_trusts(const struct weir_control *control,
                   const struct weir_world_exchange *exchange, weir_span issuer,
                   weir_span key)
{
    for (uint32_t i = 0; i < exchange->trusts.count; i++) {
        const struct weir_world_peer *peer =
            &control->world->peer_rows[exchange->trusts.first + i];
        if (weir_span_equal(peer->issuer, issuer) &&
            weir_span_equal(peer->key, key))
            return true;
    }
    return false;
}

/* `is_hex`: hexadecimal digits; else base64. */
static weir_status
read_secret(const struct weir_world_exchange *exchange,
            const struct weir_world_reference *reference, bool is_hex,
            uint8_t *bytes_out, size_t size, struct weir_error *err)
{
    char memory[SECRET_BYTES];
    struct weir_buf text;
    size_t len = 0;
    weir_buf_init_fixed(&text, memory, sizeof memory);
    weir_status status = weir_config_reference(reference, false, &text, err);
    if (status == WEIR_OK) {
        weir_span line = weir_buf_span(&text);
        bool is_good = is_hex ? weir_hex_decode(line, bytes_out, size, &len)
                              : weir_base64_decode(line, bytes_out, size, &len);
        if (!is_good || len != size)
            status =
                weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                          "exchange %.*s: %s", WEIR_SPAN_ARG(exchange->name),
                          is_hex ? "its salt is not 32 hexadecimal digits"
                                 : "its signing key is not base64 of 32 "
                                   "bytes");
    }
    weir_wipe(memory, sizeof memory);
    return status;
}

weir_status
weir__share_salt(const struct weir_world_exchange *exchange,
                 uint8_t salt_out[WEIR_INDICATOR_SALT_BYTES],
                 struct weir_error *err)
{
    return read_secret(exchange, &exchange->salt, true, salt_out,
                       WEIR_INDICATOR_SALT_BYTES, err);
}

weir_status
weir__share_secret(const struct weir_world_exchange *exchange,
                   struct weir_ed25519_secret *secret_out,
                   struct weir_error *err)
{
    return read_secret(exchange, &exchange->signing, false, secret_out->bytes,
                       sizeof secret_out->bytes, err);
}

/* -------------------------------------------------------------- numbers */

struct numbers {
    weir_span wanted;
    uint32_t used;                       /* bits */
    weir_time ended[WEIR_EXCHANGES_MAX]; /* the last time; 0: never given */
    uint32_t found;                      /* of `wanted` */
};

static bool
note_number(void *context, uint32_t number, weir_span name, weir_time since,
            weir_time until)
{
    struct numbers *all = context;
    if (number >= WEIR_EXCHANGES_MAX)
        return true;
    if (until > all->ended[number])
        all->ended[number] = until;
    if (until == 0)
        all->used |= 1u << number;
    if (until == 0 && weir_span_equal(name, all->wanted))
        all->found = number;
    return true;
}

/* Never given, or given up longest ago; WEIR_EXCHANGES_MAX: none. */
static uint32_t
free_number(const struct numbers *all)
{
    uint32_t best = WEIR_EXCHANGES_MAX;
    for (uint32_t i = 0; i < WEIR_EXCHANGES_MAX; i++)
        if ((all->used >> i & 1) == 0 &&
            (best == WEIR_EXCHANGES_MAX || all->ended[i] < all->ended[best]))
            best = i;
    return best;
}

bool
weir__share_number_of(struct weir_control *control, weir_span name,
                      uint32_t *number_out)
{
    struct numbers all = {.wanted = name, .found = WEIR_EXCHANGES_MAX};
    if (weir__share_numbers(control->store, note_number, &all, NULL) != WEIR_OK)
        return false;
    *number_out = all.found;
    return all.found < WEIR_EXCHANGES_MAX;
}

static weir_status
give_number(struct weir_control *control, weir_span name, uint32_t *number_out,
            struct weir_error *err)
{
    struct numbers all = {.wanted = name, .found = WEIR_EXCHANGES_MAX};
    weir_status status =
        weir__share_numbers(control->store, note_number, &all, err);
    if (status != WEIR_OK)
        return status;
    *number_out =
        all.found < WEIR_EXCHANGES_MAX ? all.found : free_number(&all);
    if (all.found < WEIR_EXCHANGES_MAX)
        return WEIR_OK;
    if (*number_out == WEIR_EXCHANGES_MAX)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "no number is left for exchange %.*s",
                         WEIR_SPAN_ARG(name));
    return weir__share_number_add(control->store, *number_out, name,
                                  weir_control_now(), err);
}

struct leaving {
    struct weir_control *control;
    char names[WEIR_EXCHANGES_MAX][WEIR_INDICATOR_NAME_BYTES];
    uint32_t count;
};

static bool
note_leaving(void *context, uint32_t number, weir_span name, weir_time since,
             weir_time until)
{
    struct leaving *leaving = context;
    if (until == 0 && leaving->count < WEIR_EXCHANGES_MAX &&
        weir__share_exchange(leaving->control, name) == NULL)
        snprintf(leaving->names[leaving->count++], sizeof leaving->names[0],
                 "%.*s", WEIR_SPAN_ARG(name));
    return true;
}

static weir_status
take_numbers_back(struct weir_control *control, struct weir_error *err)
{
    struct leaving leaving = {.control = control};
    weir_status status =
        weir__share_numbers(control->store, note_leaving, &leaving, err);
    for (uint32_t i = 0; status == WEIR_OK && i < leaving.count; i++)
        status = weir__share_number_end(control->store,
                                        weir_span_of(leaving.names[i]),
                                        weir_control_now(), err);
    return status;
}

/* ---------------------------------------------------------------- files */

void
weir__share_path(const struct weir_control *control, int64_t number,
                 char path_out[WEIR_PATH_MAX + 48])
{
    snprintf(path_out, WEIR_PATH_MAX + 48, "%s/sharing/%lld.bundle",
             control->paths.state, (long long)number);
}

weir_status
weir__share_load(const struct weir_control *control,
                 const struct weir_share_bundle *row, char **text_out,
                 struct weir_bundle *bundle_out, struct weir_error *err)
{
    char path[WEIR_PATH_MAX + 48];
    weir_digest digest;
    size_t len = 0;
    *text_out = NULL;
    weir__share_path(control, row->number, path);
    weir_status status = weir_read_file(path, text_out, &len, err);
    if (status != WEIR_OK)
        return status;
    weir_sha256_of((weir_span){*text_out, len}, &digest);
    if (memcmp(digest.bytes, row->digest, sizeof row->digest) != 0)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "bundle %lld is not the one that was imported",
                         (long long)row->number);
    return weir_bundle_read((weir_span){*text_out, len}, bundle_out, err);
}

/* ------------------------------------------------------------------ set */

struct words {
    uint64_t *words;
    uint32_t *untils;
    uint32_t count;
    uint32_t capacity;
};

struct making {
    struct weir_control *control;
    weir_time now;
    struct weir_indicator_exchange rows[WEIR_EXCHANGES_MAX];
    struct words words[WEIR_EXCHANGES_MAX];
    uint32_t count;
    uint32_t total;
    weir_status status;
    struct weir_error *err;
};

static bool
make_room(struct words *words, uint32_t more)
{
    uint32_t wanted = words->count + more;
    if (wanted <= words->capacity)
        return true;
    uint64_t *grown = realloc(words->words, wanted * sizeof *grown);
    if (grown != NULL)
        words->words = grown;
    uint32_t *ends =
        grown == NULL ? NULL : realloc(words->untils, wanted * sizeof *ends);
    if (ends == NULL)
        return false;
    words->untils = ends;
    words->capacity = wanted;
    return true;
}

static bool
add_words(struct making *making, uint32_t at, const struct weir_bundle *bundle)
{
    struct words *words = &making->words[at];
    struct weir_bundle_indicator one;
    weir_span lines = bundle->lines;
    weir_time seconds = bundle->expires / WEIR_US_PER_SEC;
    if (!make_room(words, bundle->count))
        return false;
    while (weir_bundle_next(&lines, &one)) {
        words->words[words->count] = one.word;
        words->untils[words->count++] =
            seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
    }
    if (bundle->expires > making->rows[at].until)
        making->rows[at].until = bundle->expires;
    making->total += bundle->count;
    return true;
}

/* A bundle that cannot be had is left out, and said so. */
static bool
add_bundle(void *context, const struct weir_share_bundle *row)
{
    struct making *making = context;
    struct weir_error own = {0};
    struct weir_bundle bundle;
    char *text = NULL;
    uint32_t at = 0;
    while (at < making->count &&
           !weir_span_equal(making->rows[at].name, row->exchange))
        at++;
    const struct weir_world_exchange *exchange =
        weir__share_exchange(making->control, row->exchange);
    if (at == making->count || row->expires <= making->now ||
        !weir__share_trusts(making->control, exchange, row->issuer, row->key))
        return true;
    weir_status status =
        weir__share_load(making->control, row, &text, &bundle, &own);
    if (status == WEIR_OK &&
        making->total + bundle.count > WEIR_SHARE_WORDS_MAX)
        status = weir_fail(&own, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                           "over %u indicators in all", WEIR_SHARE_WORDS_MAX);
    if (status != WEIR_OK)
        weir_log(WEIR_LOG_ERROR, "bundle %lld of %.*s is not matched: %s",
                 (long long)row->number, WEIR_SPAN_ARG(row->exchange),
                 own.text);
    else if (!add_words(making, at, &bundle))
        making->status = weir_fail(making->err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                                   "out of memory");
    free(text);
    return making->status == WEIR_OK;
}

static weir_status
collect(struct making *making, struct weir_error *err)
{
    const struct weir_world *world = making->control->world;
    weir_status status = take_numbers_back(making->control, err);
    for (uint32_t i = 0; status == WEIR_OK && i < world->exchange_count; i++) {
        const struct weir_world_exchange *exchange = &world->exchange_rows[i];
        struct weir_indicator_exchange *row = &making->rows[making->count];
        struct weir_error own = {0};
        *row = (struct weir_indicator_exchange){.name = exchange->name};
        status =
            give_number(making->control, exchange->name, &row->number, err);
        if (status != WEIR_OK)
            break;
        if (weir__share_salt(exchange, row->salt, &own) == WEIR_OK)
            making->count++;
        else
            weir_log(WEIR_LOG_ERROR, "exchange %.*s matches nothing: %s",
                     WEIR_SPAN_ARG(exchange->name), own.text);
    }
    if (status == WEIR_OK)
        status =
            weir__share_live(making->control->store, add_bundle, making, err);
    return status == WEIR_OK ? making->status : status;
}

/* What is behind the header says whether two sets say the same. */
static bool
is_in_force(const struct weir_control *control, weir_span bytes)
{
    char path[WEIR_PATH_MAX + 48];
    struct weir_indicators set;
    uint64_t generation = control->board->indicators;
    weir__control_run_path(control, "indicators", generation, path);
    if (generation == 0 || weir_indicators_map(path, &set, NULL) != WEIR_OK)
        return false;
    bool is_same =
        set.bytes.len == bytes.len && bytes.len >= 64 &&
        memcmp(set.bytes.ptr + 64, bytes.ptr + 64, bytes.len - 64) == 0;
    weir_indicators_close(&set);
    return is_same;
}

static weir_status
write_set(struct making *making, struct weir_error *err)
{
    struct weir_control *control = making->control;
    char path[WEIR_PATH_MAX + 48];
    struct weir_buf bytes;
    uint64_t generation = 0;
    for (uint32_t i = 0; i < making->count; i++) {
        making->rows[i].words = making->words[i].words;
        making->rows[i].untils = making->words[i].untils;
        making->rows[i].count = making->words[i].count;
    }
    weir_buf_init(&bytes, SET_BYTES_MAX);
    weir_status status = weir_indicators_write(making->rows, making->count,
                                               control->board->indicators + 1,
                                               making->now, &bytes, err);
    if (status == WEIR_OK && !is_in_force(control, weir_buf_span(&bytes))) {
        weir_buf_reset(&bytes);
        status = weir__control_next_generation(control, "indicators",
                                               control->board->indicators,
                                               &generation, err);
        if (status == WEIR_OK)
            status =
                weir_indicators_write(making->rows, making->count, generation,
                                      making->now, &bytes, err);
        weir__control_run_path(control, "indicators", generation, path);
        /* It holds salts: for weir's own user, as credentials are. */
        if (status == WEIR_OK)
            status = weir_write_file(path, weir_buf_span(&bytes), 0400, err);
        if (status == WEIR_OK)
            __atomic_store_n(&control->board->indicators, generation,
                             __ATOMIC_RELEASE);
    }
    if (bytes.ptr != NULL)
        weir_wipe(bytes.ptr, bytes.len);
    weir_buf_fini(&bytes);
    return status;
}

weir_status
weir__share_publish(struct weir_control *control, struct weir_error *err)
{
    if (control->world->exchange_count == 0 && control->board->indicators == 0)
        return WEIR_OK;
    struct making *making = calloc(1, sizeof *making);
    if (making == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    making->control = control;
    making->now = weir_control_now();
    making->err = err;
    weir_status status = collect(making, err);
    if (status == WEIR_OK)
        status = write_set(making, err);
    for (uint32_t i = 0; i < WEIR_EXCHANGES_MAX; i++) {
        free(making->words[i].words);
        free(making->words[i].untils);
    }
    weir_wipe(making, sizeof *making);
    free(making);
    return status;
}

weir_status
weir__share_publish_owed(struct weir_control *control, struct weir_error *err)
{
    int64_t changed = 0;
    weir_status status =
        weir_store_number_get(control->store, "sharing.changed", &changed, err);
    if (status == WEIR_OK)
        status = weir__share_publish(control, err);
    if (status == WEIR_OK)
        status = weir_store_number_set(control->store, "sharing.published",
                                       changed, err);
    return status;
}
