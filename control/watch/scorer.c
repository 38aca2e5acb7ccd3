/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls into accounts, accounts into windows.
 *
 * An owner with two accounts or more is also scored as one account, over the
 * calls of all of them in their order. Until the second account shows up the
 * owner's history is the first account's, so it is copied then: however the
 * calls are split over keys, the group sees the same ones.
 */
#include "control/watch/scorer_parts.h"

#include <stdlib.h>
#include <string.h>

#define DAY_MS      INT64_C(86400000)
#define FORM_LINE   300 /* h of a task-like call, hundredths */
#define LEAST_CALLS 20  /* of a window that the end of the file cuts */

struct weir_scorer *
weir_scorer_new(const struct weir_scorer_setup *setup)
{
    struct weir_scorer *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    s->setup = *setup;
    s->slot_count = 1024;
    s->owner_slot_count = 1024;
    s->slots = calloc(s->slot_count, sizeof(*s->slots));
    s->owner_slots = calloc(s->owner_slot_count, sizeof(*s->owner_slots));
    weir_buf_init(&s->text, (size_t)1 << 30);
    if (s->slots == NULL || s->owner_slots == NULL) {
        weir_scorer_free(s);
        return NULL;
    }
    return s;
}

static void
free_account(struct scorer_account *account)
{
    if (account == NULL)
        return;
    free(account->name);
    free(account->learning);
    free(account->minutes);
    free(account);
}

void
weir_scorer_free(struct weir_scorer *scorer)
{
    if (scorer == NULL)
        return;
    for (uint32_t i = 0; i < scorer->account_count; i++)
        free_account(scorer->accounts[i]);
    for (uint32_t i = 0; i < scorer->owner_count; i++) {
        free(scorer->owners[i].name);
        free_account(scorer->owners[i].group);
    }
    free(scorer->accounts);
    free(scorer->owners);
    free(scorer->slots);
    free(scorer->owner_slots);
    free(scorer->scratch);
    weir_buf_fini(&scorer->text);
    free(scorer);
}

/* ------------------------------------------------------------- tables */

typedef weir_span name_of(const struct weir_scorer *scorer, uint32_t number);

static weir_span
account_name(const struct weir_scorer *scorer, uint32_t number)
{
    return weir_span_of(scorer->accounts[number]->name);
}

static weir_span
owner_name(const struct weir_scorer *scorer, uint32_t number)
{
    return weir_span_of(scorer->owners[number].name);
}

/* The slot of a name, or the free one it belongs into. */
static uint32_t *
slot_of(const struct weir_scorer *scorer, uint32_t *slots, uint32_t count,
        weir_span name, name_of *get)
{
    uint32_t at = (uint32_t)weir_hash64(name, 0) & (count - 1);
    while (slots[at] != 0 && !weir_span_equal(get(scorer, slots[at] - 1), name))
        at = (at + 1) & (count - 1);
    return &slots[at];
}

static bool
grow(const struct weir_scorer *scorer, uint32_t **slots, uint32_t *count,
     uint32_t used, name_of *get)
{
    if (used * 2 < *count)
        return true;
    uint32_t *wider = calloc(*count * 4, sizeof(*wider));
    if (wider == NULL)
        return false;
    for (uint32_t i = 0; i < used; i++)
        *slot_of(scorer, wider, *count * 4, get(scorer, i), get) = i + 1;
    free(*slots);
    *slots = wider;
    *count *= 4;
    return true;
}

static bool
make_room(void **rows, uint32_t *capacity, uint32_t used, size_t size)
{
    if (used < *capacity)
        return true;
    uint32_t wider = *capacity * 2 + 64;
    void *moved = realloc(*rows, wider * size);
    if (moved == NULL)
        return false;
    *rows = moved;
    *capacity = wider;
    return true;
}

static bool
find_owner(struct weir_scorer *s, weir_span name, uint32_t *number_out)
{
    *number_out = UINT32_MAX;
    if (name.len == 0)
        return true;
    if (!grow(s, &s->owner_slots, &s->owner_slot_count, s->owner_count,
              owner_name) ||
        !make_room((void **)&s->owners, &s->owner_capacity, s->owner_count,
                   sizeof(*s->owners)))
        return false;
    uint32_t *slot =
        slot_of(s, s->owner_slots, s->owner_slot_count, name, owner_name);
    if (*slot == 0) {
        struct scorer_owner owner = {.name = strndup(name.ptr, name.len)};
        if (owner.name == NULL)
            return false;
        s->owners[s->owner_count++] = owner;
        *slot = s->owner_count;
    }
    *number_out = *slot - 1;
    return true;
}

static struct scorer_account *
new_account(struct weir_scorer *s, const char *name, size_t len)
{
    struct scorer_account *account = calloc(1, sizeof(*account));
    if (account == NULL)
        return NULL;
    account->name = strndup(name, len);
    account->owner = UINT32_MAX;
    weir_watch_pool_init(&account->pool);
    if (s->setup.reference_calls > 0)
        account->learning =
            calloc(s->setup.reference_calls, sizeof(*account->learning));
    if (account->name == NULL ||
        (s->setup.reference_calls > 0 && account->learning == NULL)) {
        free_account(account);
        return NULL;
    }
    return account;
}

/* The first account's history so far is the group's. */
static bool
make_group(struct weir_scorer *s, struct scorer_owner *owner)
{
    const struct scorer_account *first = s->accounts[owner->first];
    struct scorer_account *group =
        new_account(s, owner->name, strlen(owner->name));
    if (group == NULL)
        return false;
    group->is_group = true;
    group->calls = first->calls;
    group->waiting = first->waiting;
    group->pool = first->pool;
    group->best_score = first->best_score;
    group->best_action = first->best_action;
    if (first->learning == NULL) {
        free(group->learning);
        group->learning = NULL;
    } else {
        memcpy(group->learning, first->learning,
               first->waiting * sizeof(*first->learning));
    }
    owner->group = group;
    return true;
}

static struct scorer_account *
find_account(struct weir_scorer *s, const struct weir_watch_line *line)
{
    uint32_t owner;
    if (!grow(s, &s->slots, &s->slot_count, s->account_count, account_name) ||
        !make_room((void **)&s->accounts, &s->account_capacity,
                   s->account_count, sizeof(struct scorer_account *)))
        return NULL;
    uint32_t *slot =
        slot_of(s, s->slots, s->slot_count, line->account, account_name);
    if (*slot != 0)
        return s->accounts[*slot - 1];
    struct scorer_account *account =
        new_account(s, line->account.ptr, line->account.len);
    if (account == NULL || !find_owner(s, line->owner, &owner)) {
        free_account(account);
        return NULL;
    }
    s->accounts[s->account_count++] = account;
    *slot = s->account_count;
    account->owner = owner;
    if (owner == UINT32_MAX)
        return account;
    struct scorer_owner *row = &s->owners[owner];
    if (++row->accounts == 1)
        row->first = s->account_count - 1;
    if (row->accounts == 2 && !make_group(s, row))
        return NULL;
    return account;
}

/* ------------------------------------------------------------ profiles */

static void
note_fact(uint64_t facts[WEIR_WATCH_FACTS], weir_span text, uint64_t seed)
{
    if (text.len == 0)
        return;
    uint64_t digest = weir_hash64(text, seed) | 1;
    for (uint32_t i = 0; i < WEIR_WATCH_FACTS; i++) {
        if (facts[i] == 0)
            facts[i] = digest;
        if (facts[i] == digest)
            return;
    }
}

/* The keys that come most (space saving: the rarest gives way). */
static void
note_key(struct scorer_key keys[SCORER_KEYS], uint64_t key)
{
    struct scorer_key *row = &keys[0];
    if (key == 0)
        return;
    for (uint32_t i = 0; i < SCORER_KEYS; i++) {
        if (keys[i].key == key) {
            keys[i].count++;
            return;
        }
        if (keys[i].count < row->count)
            row = &keys[i];
    }
    row->key = key;
    row->count++;
}

static bool
note_profile(struct weir_scorer *s, struct scorer_account *account,
             const struct weir_watch_line *line)
{
    const struct weir_watch_features *f = &line->features;
    note_fact(account->payments, line->payment, 2);
    note_fact(account->networks, line->network, 3);
    if (f->form < FORM_LINE)
        return true;
    note_key(account->keys, f->first_words);
    note_key(account->keys, f->last_words);
    note_key(account->keys, f->system);
    account->form_calls++;
    for (uint32_t i = 0; i < WEIR_WATCH_SKETCH; i++)
        account->sums[i] += f->sketch[i];
    if (!make_room((void **)&account->minutes, &account->minute_capacity,
                   account->minute_count, sizeof(*account->minutes)))
        return false;
    account->minutes[account->minute_count++] =
        (uint32_t)((line->time_ms - s->first_ms) / 60000);
    return true;
}

/* ------------------------------------------------------------- windows */

static void
emit(struct weir_scorer *s, struct scorer_account *account, uint32_t window)
{
    struct weir_watch_verdict verdict;
    weir_watch_score(&account->pool, window, NULL, &verdict);
    if (verdict.score > account->best_score)
        account->best_score = verdict.score;
    if (verdict.action > account->best_action)
        account->best_action = verdict.action;
    account->is_emitted = true;
    if (account->is_group)
        return;
    weir__scorer_write(s, account, &verdict, window);
    s->summary.windows++;
}

static void
emit_due(struct weir_scorer *s, struct scorer_account *account)
{
    const struct weir_watch_pool *pool = &account->pool;
    uint64_t calls = weir_watch_pool_calls(pool);
    account->is_emitted = false;
    if (calls < WEIR_WATCH_WINDOW &&
        weir_watch_pool_is_due(pool, WEIR_WATCH_EARLY))
        emit(s, account, WEIR_WATCH_EARLY);
    if (weir_watch_pool_is_due(pool, WEIR_WATCH_WINDOW))
        emit(s, account, WEIR_WATCH_WINDOW);
    if (weir_watch_pool_is_due(pool, WEIR_WATCH_WIDE))
        emit(s, account, WEIR_WATCH_WIDE);
}

static weir_status
learn(struct weir_scorer *s, struct scorer_account *account,
      struct weir_error *err)
{
    struct weir_arena arena;
    struct weir_watch_reference reference;
    weir_arena_init_heap(&arena, (size_t)64 << 20);
    weir_status status = weir_watch_learn(account->learning, account->waiting,
                                          &arena, &reference, err);
    weir_arena_fini(&arena);
    free(account->learning);
    account->learning = NULL;
    if (status == WEIR_OK)
        weir_watch_pool_accept(&account->pool, &reference);
    else if (status == WEIR_ELIMIT) /* too few different: none then */
        s->summary.unlearnt += !account->is_group;
    else
        return status;
    return WEIR_OK;
}

static weir_status
count(struct weir_scorer *s, struct scorer_account *account,
      const struct weir_watch_line *line, const struct weir_watch_at *at,
      struct weir_error *err)
{
    account->calls++;
    account->last_ms = line->time_ms;
    if (account->learning != NULL) {
        account->learning[account->waiting++] = line->features;
        if (account->waiting < s->setup.reference_calls)
            return WEIR_OK;
        return learn(s, account, err);
    }
    const struct weir_watch_reference *reference =
        weir_watch_pool_reference(&account->pool);
    struct weir_watch_match match = {.is_foreign = true};
    if ((line->features.plain_form >= FORM_LINE || at->is_shared) &&
        !account->is_group) {
        if (reference != NULL && !at->is_shared)
            weir_watch_match(reference, &line->features, &match);
        if (match.is_foreign)
            account->shown[account->shown_count++ % SHOWN] = at->position;
    }
    (void)weir_watch_pool_add(&account->pool, &line->features, at);
    emit_due(s, account);
    return WEIR_OK;
}

/* When the model was first seen, if that was well after the start: then the
 * file shows its release. */
static weir_time
released(struct weir_scorer *s, const struct weir_watch_line *line,
         uint64_t digest)
{
    if (digest == 0)
        return 0;
    uint32_t i = 0;
    while (i < s->model_count && s->models[i].digest != digest)
        i++;
    if (i == SCORER_MODELS)
        return 0;
    if (i == s->model_count)
        s->models[s->model_count++] =
            (struct scorer_model){digest, line->time_ms};
    if (s->models[i].first_ms - s->first_ms < DAY_MS)
        return 0;
    return s->models[i].first_ms * WEIR_US_PER_MS;
}

static weir_status
take(struct weir_scorer *s, const struct weir_watch_line *line,
     struct weir_error *err)
{
    if (s->summary.calls == 0)
        s->first_ms = line->time_ms;
    else if (line->time_ms < s->last_ms)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "time_ms goes back by %lld: calls must be sorted",
                         (long long)(s->last_ms - line->time_ms));
    s->last_ms = line->time_ms;
    s->summary.calls++;
    struct scorer_account *account = find_account(s, line);
    if (account == NULL || !note_profile(s, account, line))
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "no memory for another account");
    struct weir_watch_at at = {
        .position = s->summary.calls,
        .when = line->time_ms * WEIR_US_PER_MS,
        .model = line->model.len > 0 ? weir_hash64(line->model, 4) | 1 : 0};
    at.released = released(s, line, at.model);
    if (s->setup.indicators != NULL)
        at.is_shared =
            weir_indicators_match(s->setup.indicators, &line->features, at.when)
                .kinds != 0;
    weir_status status = count(s, account, line, &at, err);
    if (status == WEIR_OK && account->owner != UINT32_MAX &&
        s->owners[account->owner].group != NULL)
        status = count(s, s->owners[account->owner].group, line, &at, err);
    return status;
}

/* Bytes that are not UTF-8 are nobody's business but their account's. */
static weir_span
scrub(weir_span line, char *copy)
{
    size_t at = 0;
    memcpy(copy, line.ptr, line.len);
    while (at < line.len) {
        unsigned char lead = (unsigned char)copy[at];
        size_t len = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
        if (len > line.len - at ||
            (len > 1 && !weir_utf8_valid((weir_span){copy + at, len}))) {
            copy[at] = '?';
            len = 1;
        }
        at += len;
    }
    return (weir_span){copy, line.len};
}

weir_status
weir_scorer_take(struct weir_scorer *scorer, weir_span line,
                 struct weir_error *err)
{
    struct weir_arena arena;
    struct weir_watch_line call;
    size_t wanted = line.len + 4096;
    if (wanted > scorer->scratch_size) {
        char *wider = realloc(scorer->scratch, wanted * 2);
        if (wider == NULL)
            return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                             "no memory for a line of %zu bytes", line.len);
        scorer->scratch = wider;
        scorer->scratch_size = wanted * 2;
    }
    if (!weir_utf8_valid(line))
        line = scrub(line, scorer->scratch + scorer->scratch_size - line.len);
    weir_arena_init(&arena, scorer->scratch, scorer->scratch_size - line.len);
    weir_status status = weir_watch_line_read(line, &arena, &call, err);
    return status == WEIR_OK ? take(scorer, &call, err) : status;
}

weir_status
weir_scorer_finish(struct weir_scorer *scorer,
                   struct weir_scorer_summary *summary_out,
                   struct weir_error *err)
{
    for (uint32_t i = 0; i < scorer->account_count; i++) {
        struct scorer_account *account = scorer->accounts[i];
        uint64_t calls = weir_watch_pool_calls(&account->pool);
        if (account->learning == NULL && calls >= LEAST_CALLS &&
            !account->is_emitted)
            emit(scorer, account,
                 calls < WEIR_WATCH_WINDOW ? WEIR_WATCH_EARLY
                                           : WEIR_WATCH_WINDOW);
    }
    for (uint32_t i = 0; i < scorer->owner_count; i++) {
        struct scorer_account *group = scorer->owners[i].group;
        if (group != NULL && group->learning == NULL && !group->is_emitted &&
            weir_watch_pool_calls(&group->pool) >= LEAST_CALLS)
            emit(scorer, group,
                 weir_watch_pool_calls(&group->pool) < WEIR_WATCH_WINDOW
                     ? WEIR_WATCH_EARLY
                     : WEIR_WATCH_WINDOW);
    }
    scorer->summary.accounts = scorer->account_count;
    weir_status status = weir__scorer_clusters(scorer, err);
    *summary_out = scorer->summary;
    return status;
}
