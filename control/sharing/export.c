/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bundle goes out.
 *
 *     cases of the watch that a person upheld, and nobody withheld
 *        --> what their calls had in common (gather.c, on file)
 *        --> kinds that the exchange gives --> keyed by its salt --> signed
 *
 * WHAT DOES NOT GO OUT. Nothing that no person decided; no case that is
 * under appeal or was cleared; no name, text, time or figure of a customer.
 * What stands in a bundle are words of 64 bits, keyed, and its own dates.
 *
 * Gathering reads the ledger and the journal, and is done before the lock is
 * taken; what is decided about a case meanwhile is seen under it.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>

#include "control/cases/cases.h"
#include "control/cases/rows.h"
#include "control/parts.h"
#include "control/sharing/parts.h"
#include "control/steps/parts.h"

#define CASES_MOST 4096

/* -------------------------------------------------------------- gathering */

struct case_list {
    int64_t *numbers;
    uint32_t count;
    weir_time since; /* changed not before it */
    bool is_full;
};

/* A person looked and said that it stands; an appeal opens it again. */
static bool
is_reviewed(const struct weir_case *row)
{
    return row->kind == WEIR_CASE_WATCH && row->verdict == WEIR_CASE_UPHELD &&
           row->decided_by.len > 0 &&
           (row->state == WEIR_CASE_DECIDED || row->state == WEIR_CASE_CLOSED);
}

static bool
add_case(void *context, const struct weir_case *row)
{
    struct case_list *list = context;
    if (!is_reviewed(row) || row->changed < list->since)
        return true;
    int64_t *more =
        realloc(list->numbers, (list->count + 1) * sizeof *list->numbers);
    if (more == NULL) {
        list->is_full = true;
        return false;
    }
    list->numbers = more;
    more[list->count++] = row->number;
    return true;
}

static weir_status
find_cases(struct weir_store *store, weir_time now, weir_time lasts,
           struct case_list *list, struct weir_error *err)
{
    const struct weir_case_filter filter = {.kind = WEIR_CASE_WATCH,
                                            .limit = CASES_MOST};
    list->since = now - lasts;
    weir_status status = weir_cases(store, &filter, now, add_case, list, err);
    return status == WEIR_OK && list->is_full
               ? weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory")
               : status;
}

static weir_status
put_on_file(struct weir_control *control, int64_t case_number,
            const struct weir__share_gathered *gathered,
            const struct weir__share_found *found, uint32_t count,
            struct weir_error *err)
{
    struct weir__share_gathered before;
    weir_control_lock(control);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        status =
            weir__share_case_get(control->store, case_number, &before, err);
        if (status == WEIR_OK && before.when == 0)
            status = weir__share_case_add(control->store, case_number, gathered,
                                          found, count, err);
        status = weir__control_finish(control, status, err);
    }
    pthread_mutex_unlock(&control->lock);
    return status;
}

/* Every case that has nothing on file yet. */
static weir_status
gather_new(struct weir_control *control, struct weir_store *store,
           const struct case_list *list, struct weir_error *err)
{
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; status == WEIR_OK && i < list->count; i++) {
        struct weir__share_gathered gathered;
        struct weir__share_found *found = NULL;
        uint32_t count = 0;
        status = weir__share_case_get(store, list->numbers[i], &gathered, err);
        if (status != WEIR_OK || gathered.when != 0)
            continue;
        status = weir__share_gather(control, store, list->numbers[i], &gathered,
                                    &found, &count, err);
        if (status == WEIR_OK)
            status = put_on_file(control, list->numbers[i], &gathered, found,
                                 count, err);
        free(found);
    }
    return status;
}

/* ----------------------------------------------------------------- giving */

struct giving {
    struct weir_control *control;
    const struct weir_actor *actor;
    const struct weir_world_exchange *exchange;
    uint8_t salt[WEIR_INDICATOR_SALT_BYTES];
    struct weir_ed25519_secret secret;
    struct weir_bundle_indicator *words;
    size_t count;
    size_t capacity;
    bool is_full;
    json_t *cases; /* ids */
    struct weir_share_given given;
    struct weir_buf *out;
    char person[WEIR_CASE_PERSON_MAX];
};

static bool
add_word(void *context, const struct weir__share_found *found)
{
    struct giving *giving = context;
    if ((giving->exchange->gives >> found->kind & 1) == 0)
        return true;
    if (giving->count == giving->capacity) {
        size_t capacity = giving->capacity * 2 + 64;
        struct weir_bundle_indicator *more =
            realloc(giving->words, capacity * sizeof *more);
        if (more == NULL) {
            giving->is_full = true;
            return false;
        }
        giving->words = more;
        giving->capacity = capacity;
    }
    giving->words[giving->count++] = (struct weir_bundle_indicator){
        weir_indicator_word(giving->salt, (enum weir_indicator_kind)found->kind,
                            found->digest),
        found->kind};
    return true;
}

static weir_status
give_case(struct giving *giving, int64_t number, struct weir_error *err)
{
    struct weir_store *store = giving->control->store;
    struct weir__share_gathered gathered;
    bool is_withheld = false;
    size_t before = giving->count;
    char id[WEIR_CASE_ID_MAX];
    weir_status status = weir__share_is_withheld(store, giving->exchange->name,
                                                 number, &is_withheld, err);
    if (status == WEIR_OK && is_withheld)
        giving->given.withheld++;
    if (status != WEIR_OK || is_withheld)
        return status;
    status = weir__share_case_get(store, number, &gathered, err);
    if (status == WEIR_OK)
        status = weir__share_found(store, number, add_word, giving, err);
    if (status == WEIR_OK && giving->is_full)
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    giving->given.common += gathered.common;
    if (status != WEIR_OK || giving->count == before)
        return status;
    giving->given.cases++;
    weir_case_id_format(number, id);
    json_array_append_new(giving->cases, json_string(id));
    return WEIR_OK;
}

/* What is reviewed is asked again: it may have changed while calls were
 * read. */
static weir_status
give_cases(struct giving *giving, weir_time now, struct weir_error *err)
{
    struct case_list list = {.count = 0};
    uint64_t last = 0;
    weir_status status = find_cases(giving->control->store, now,
                                    giving->exchange->lasts_us, &list, err);
    for (uint32_t i = 0; status == WEIR_OK && i < list.count; i++)
        status = give_case(giving, list.numbers[i], err);
    free(list.numbers);
    if (status == WEIR_OK)
        status = weir__share_serial(giving->control->store, true,
                                    giving->exchange->name,
                                    giving->exchange->issuer, &last, err);
    if (status == WEIR_OK && giving->count == 0 && last == 0)
        status = weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                           "no reviewed case has anything to give: %u "
                           "withheld, %u digests that others have as well",
                           giving->given.withheld, giving->given.common);
    giving->given.bundle.serial = last + 1;
    return status;
}

static weir_status
note_given(struct giving *giving, const struct weir_share_bundle *row,
           struct weir_error *err)
{
    char hex[65];
    hex[weir_hex_encode((weir_span){(const char *)row->digest, 32}, hex)] =
        '\0';
    json_t *detail = json_pack(
        "{s:I,s:I,s:I,s:I,s:s,s:O}", "bundle", (json_int_t)row->number,
        "serial", (json_int_t)row->serial, "indicators",
        (json_int_t)row->indicators, "expires_us", (json_int_t)row->expires,
        "digest", hex, "cases", giving->cases);
    char *text = json_dumps(detail, JSON_COMPACT);
    weir_status status =
        text == NULL
            ? weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory")
            : weir__control_note(giving->control, giving->actor,
                                 "watch.bundle.export", row->exchange, text,
                                 err);
    free(text);
    json_decref(detail);
    return status;
}

static weir_status
record(struct giving *giving, const struct weir_bundle *head,
       struct weir_error *err)
{
    struct weir_bundle made;
    weir_digest digest;
    char key[64];
    weir_span text = weir_buf_span(giving->out);
    /* What was written is read as a receiver reads it. */
    weir_status status = weir_bundle_read(text, &made, err);
    if (status != WEIR_OK)
        return status;
    weir_sha256_of(text, &digest);
    key[weir_base64_encode(
        (weir_span){(const char *)made.key.bytes, sizeof made.key.bytes},
        key)] = '\0';
    char *cases = json_dumps(giving->cases, JSON_COMPACT);
    struct weir_share_bundle row = {
        .is_ours = true,
        .exchange = head->exchange,
        .issuer = head->issuer,
        .serial = head->serial,
        .issued = head->issued,
        .expires = head->expires,
        .indicators = made.count,
        .key = weir_span_of(key),
        .cases = weir_span_of(cases == NULL ? "[]" : cases),
        .at = weir_control_now(),
        .actor = weir_span_of(giving->actor->id),
        .person = weir_span_of(giving->person)};
    memcpy(row.digest, digest.bytes, sizeof row.digest);
    status = weir__share_replace(giving->control->store, &row, err);
    if (status == WEIR_OK)
        status = weir__share_add(giving->control->store, &row, err);
    if (status == WEIR_OK)
        status = note_given(giving, &row, err);
    giving->given.bundle.number = row.number;
    giving->given.bundle.indicators = row.indicators;
    giving->given.bundle.expires = row.expires;
    free(cases);
    return status;
}

static weir_status
give_inside(struct giving *giving, struct weir_error *err)
{
    weir_time now = weir_control_now() / WEIR_US_PER_SEC * WEIR_US_PER_SEC;
    struct weir_share_taken *bundle = &giving->given.bundle;
    weir_status status = weir__step_person(giving->control, giving->actor, true,
                                           giving->person, err);
    if (status == WEIR_OK)
        status = give_cases(giving, now, err);
    if (status != WEIR_OK)
        return status;
    const struct weir_bundle head = {
        .exchange = giving->exchange->name,
        .issuer = giving->exchange->issuer,
        .serial = bundle->serial,
        .issued = now,
        .expires = now + giving->exchange->lasts_us / WEIR_US_PER_SEC *
                             WEIR_US_PER_SEC};
    snprintf(bundle->exchange, sizeof bundle->exchange, "%.*s",
             WEIR_SPAN_ARG(head.exchange));
    snprintf(bundle->issuer, sizeof bundle->issuer, "%.*s",
             WEIR_SPAN_ARG(head.issuer));
    status = weir_bundle_write(&head, giving->words, giving->count,
                               &giving->secret, giving->out, err);
    return status == WEIR_OK ? record(giving, &head, err) : status;
}

/* Under the lock: the exchange, and what is secret about it. */
static weir_status
find_exchange(struct giving *giving, weir_span name, struct weir_error *err)
{
    giving->exchange = weir__share_exchange(giving->control, name);
    if (giving->exchange == NULL)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no exchange %.*s in the configuration",
                         (int)(name.len < 60 ? name.len : 60), name.ptr);
    if (giving->exchange->issuer.len == 0)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "exchange %.*s: the configuration gives nothing "
                         "there (give:)",
                         WEIR_SPAN_ARG(name));
    weir_status status = weir__share_salt(giving->exchange, giving->salt, err);
    return status == WEIR_OK
               ? weir__share_secret(giving->exchange, &giving->secret, err)
               : status;
}

static weir_status
give(struct giving *giving, weir_span exchange, struct weir_error *err)
{
    weir_control_lock(giving->control);
    weir_status status = find_exchange(giving, exchange, err);
    if (status == WEIR_OK)
        status = weir_store_begin(giving->control->store, err);
    if (status == WEIR_OK)
        status = weir__control_finish(giving->control, give_inside(giving, err),
                                      err);
    pthread_mutex_unlock(&giving->control->lock);
    return status;
}

weir_status
weir_share_export(struct weir_control *control, struct weir_store *store,
                  const struct weir_actor *actor, weir_span exchange,
                  struct weir_buf *out, struct weir_share_given *given_out,
                  struct weir_error *err)
{
    struct giving giving = {
        .control = control, .actor = actor, .out = out, .cases = json_array()};
    struct case_list list = {.count = 0};
    weir_time lasts = 0;
    weir_control_lock(control);
    weir_status status = find_exchange(&giving, exchange, err);
    if (status == WEIR_OK)
        status = weir__step_person(control, actor, true, giving.person, err);
    if (status == WEIR_OK)
        lasts = giving.exchange->lasts_us;
    pthread_mutex_unlock(&control->lock);
    if (status == WEIR_OK)
        status = find_cases(store, weir_control_now(), lasts, &list, err);
    if (status == WEIR_OK)
        status = gather_new(control, store, &list, err);
    if (status == WEIR_OK)
        status = give(&giving, exchange, err);
    if (status == WEIR_OK)
        *given_out = giving.given;
    weir_wipe(giving.salt, sizeof giving.salt);
    weir_wipe(&giving.secret, sizeof giving.secret);
    free(giving.words);
    free(list.numbers);
    json_decref(giving.cases);
    return status;
}

/* ------------------------------------------------------------ withholding */

static weir_status
withhold_inside(struct weir_control *control, const struct weir_actor *actor,
                weir_span exchange, int64_t case_number, weir_span reason,
                struct weir_error *err)
{
    char person[WEIR_CASE_PERSON_MAX], detail[80], id[WEIR_CASE_ID_MAX];
    struct weir_arena arena;
    struct weir_case row;
    weir_status status = weir__step_person(control, actor, true, person, err);
    weir_arena_init_heap(&arena, 131072);
    if (status == WEIR_OK)
        status = weir_case_get(control->store, case_number, &arena, &row, err);
    if (status == WEIR_OK && row.kind != WEIR_CASE_WATCH)
        status = weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                           "case_%lld is no case of the watch",
                           (long long)case_number);
    weir_arena_fini(&arena);
    if (status == WEIR_OK)
        status = weir__share_withhold(control->store, exchange, case_number,
                                      weir_control_now(), weir_span_of(person),
                                      reason, err);
    weir_case_id_format(case_number, id);
    snprintf(detail, sizeof detail, "{\"case\":\"%s\"}", id);
    if (status == WEIR_OK)
        status = weir__control_note(control, actor, "watch.bundle.withhold",
                                    exchange, detail, err);
    return status;
}

weir_status
weir_share_withhold(struct weir_control *control,
                    const struct weir_actor *actor, weir_span exchange,
                    int64_t case_number, weir_span reason,
                    struct weir_error *err)
{
    if (reason.len == 0 || reason.len > WEIR_SHARE_REASON_MAX ||
        !weir_utf8_valid(reason))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a reason is needed, UTF-8 of at most %d bytes",
                         WEIR_SHARE_REASON_MAX);
    weir_control_lock(control);
    weir_status status =
        weir__share_exchange(control, exchange) == NULL
            ? weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                        "no exchange %.*s in the configuration",
                        (int)(exchange.len < 60 ? exchange.len : 60),
                        exchange.ptr)
            : weir_store_begin(control->store, err);
    if (status == WEIR_OK)
        status = weir__control_finish(
            control,
            withhold_inside(control, actor, exchange, case_number, reason, err),
            err);
    pthread_mutex_unlock(&control->lock);
    return status;
}
