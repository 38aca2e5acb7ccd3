/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bundle comes in, or is taken out again.
 *
 *     signature --> exchange --> issuer's key --> dates --> serial --> room
 *
 * Everything that costs time (a signature over 64 MB) is done before the
 * lock is taken. The text is put beside the store before its row is
 * committed: a death between the two leaves a file that nobody asks for, and
 * the next import has the same number and takes its place.
 *
 * SERIALS. Ended bundles count: one that expired or was removed cannot come
 * back by being sent again, and neither can one older than what replaced it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>

#include "control/cases/rows.h"
#include "control/parts.h"
#include "control/sharing/parts.h"

struct taking {
    struct weir_control *control;
    const struct weir_actor *actor;
    weir_span text;
    struct weir_bundle bundle;
    struct weir_share_bundle row;
    char key[64];
    char person[WEIR_CASE_PERSON_MAX];
};

/* ---------------------------------------------------------------- checks */

static weir_status
check_issuer(const struct taking *taking, struct weir_error *err)
{
    const struct weir_bundle *bundle = &taking->bundle;
    const struct weir_world_exchange *exchange =
        weir__share_exchange(taking->control, bundle->exchange);
    if (exchange == NULL)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no exchange %.*s in the configuration",
                         WEIR_SPAN_ARG(bundle->exchange));
    if (!weir__share_trusts(taking->control, exchange, bundle->issuer,
                            weir_span_of(taking->key)))
        return weir_fail(err, WEIR_EROLE, WEIR_OFFSET_NONE,
                         "exchange %.*s does not trust %.*s with the key %s",
                         WEIR_SPAN_ARG(bundle->exchange),
                         WEIR_SPAN_ARG(bundle->issuer), taking->key);
    return WEIR_OK;
}

static weir_status
check_dates(const struct taking *taking, struct weir_error *err)
{
    const struct weir_bundle *bundle = &taking->bundle;
    uint64_t last = 0;
    if (bundle->expires <= taking->row.at)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "the bundle is over");
    if (bundle->issued > taking->row.at + WEIR_SHARE_AHEAD_US)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "the bundle is issued in the future: see the clocks");
    weir_status status =
        weir__share_serial(taking->control->store, false, bundle->exchange,
                           bundle->issuer, &last, err);
    if (status == WEIR_OK && last != 0 && bundle->serial <= last)
        status =
            weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                      "serial %llu of %.*s: %llu was there already",
                      (unsigned long long)bundle->serial,
                      WEIR_SPAN_ARG(bundle->issuer), (unsigned long long)last);
    return status;
}

struct counting {
    const struct weir_bundle *bundle;
    uint64_t words;
};

static bool
count_words(void *context, const struct weir_share_bundle *row)
{
    struct counting *counting = context;
    /* That which it replaces makes room. */
    if (!weir_span_equal(row->exchange, counting->bundle->exchange) ||
        !weir_span_equal(row->issuer, counting->bundle->issuer))
        counting->words += row->indicators;
    return true;
}

static weir_status
check_room(const struct taking *taking, struct weir_error *err)
{
    struct counting counting = {&taking->bundle, taking->bundle.count};
    weir_status status =
        weir__share_live(taking->control->store, count_words, &counting, err);
    if (status == WEIR_OK && counting.words > WEIR_SHARE_WORDS_MAX)
        status =
            weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                      "%llu indicators in all, %u are the most",
                      (unsigned long long)counting.words, WEIR_SHARE_WORDS_MAX);
    return status;
}

/* ---------------------------------------------------------------- taking */

static weir_status
keep_text(const struct taking *taking, struct weir_error *err)
{
    char path[WEIR_PATH_MAX + 48];
    snprintf(path, sizeof path, "%s/sharing", taking->control->paths.state);
    weir_status status = weir_make_directory(path, 0700, err);
    weir__share_path(taking->control, taking->row.number, path);
    return status == WEIR_OK ? weir_write_file(path, taking->text, 0400, err)
                             : status;
}

static weir_status
note_taken(const struct taking *taking, struct weir_error *err)
{
    char detail[400], hex[65];
    hex[weir_hex_encode((weir_span){(const char *)taking->row.digest, 32},
                        hex)] = '\0';
    snprintf(detail, sizeof detail,
             "{\"bundle\":%lld,\"issuer\":\"%.*s\",\"serial\":%llu,"
             "\"indicators\":%u,\"expires_us\":%lld,\"digest\":\"%s\"}",
             (long long)taking->row.number, WEIR_SPAN_ARG(taking->row.issuer),
             (unsigned long long)taking->row.serial, taking->row.indicators,
             (long long)taking->row.expires, hex);
    return weir__control_note(taking->control, taking->actor,
                              "watch.bundle.import", taking->row.exchange,
                              detail, err);
}

static weir_status
take_inside(struct taking *taking, struct weir_error *err)
{
    struct weir_store *store = taking->control->store;
    int64_t changed = 0;
    weir_status status = weir__token_person(
        store, weir_span_of(taking->actor->id), taking->person, err);
    taking->row.person = weir_span_of(taking->person);
    if (status == WEIR_OK)
        status = check_dates(taking, err);
    if (status == WEIR_OK)
        status = check_room(taking, err);
    if (status == WEIR_OK)
        status = weir__share_replace(store, &taking->row, err);
    if (status == WEIR_OK)
        status = weir__share_add(store, &taking->row, err);
    if (status == WEIR_OK)
        status = keep_text(taking, err);
    if (status == WEIR_OK)
        status = note_taken(taking, err);
    if (status == WEIR_OK)
        status =
            weir_store_number_next(store, "sharing.changed", &changed, err);
    return status;
}

static void
fill_row(struct taking *taking)
{
    const struct weir_bundle *bundle = &taking->bundle;
    weir_digest digest;
    weir_sha256_of(taking->text, &digest);
    taking->key[weir_base64_encode(
        (weir_span){(const char *)bundle->key.bytes, sizeof bundle->key.bytes},
        taking->key)] = '\0';
    taking->row =
        (struct weir_share_bundle){.exchange = bundle->exchange,
                                   .issuer = bundle->issuer,
                                   .serial = bundle->serial,
                                   .issued = bundle->issued,
                                   .expires = bundle->expires,
                                   .indicators = bundle->count,
                                   .key = weir_span_of(taking->key),
                                   .cases = WEIR_SPAN("[]"),
                                   .at = weir_control_now(),
                                   .actor = weir_span_of(taking->actor->id)};
    memcpy(taking->row.digest, digest.bytes, sizeof taking->row.digest);
}

weir_status
weir_share_import(struct weir_control *control, const struct weir_actor *actor,
                  weir_span text, struct weir_share_taken *taken_out,
                  struct weir_error *err)
{
    struct taking taking = {.control = control, .actor = actor, .text = text};
    weir_status status = weir_bundle_read(text, &taking.bundle, err);
    if (status != WEIR_OK)
        return status;
    fill_row(&taking);
    weir_control_lock(control);
    status = check_issuer(&taking, err);
    if (status == WEIR_OK)
        status = weir_store_begin(control->store, err);
    if (status == WEIR_OK)
        status = weir__control_finish(control, take_inside(&taking, err), err);
    if (status == WEIR_OK)
        status = weir__share_publish_owed(control, err);
    pthread_mutex_unlock(&control->lock);
    if (status != WEIR_OK)
        return status;
    *taken_out = (struct weir_share_taken){.number = taking.row.number,
                                           .serial = taking.row.serial,
                                           .indicators = taking.row.indicators,
                                           .expires = taking.row.expires};
    snprintf(taken_out->exchange, sizeof taken_out->exchange, "%.*s",
             WEIR_SPAN_ARG(taking.row.exchange));
    snprintf(taken_out->issuer, sizeof taken_out->issuer, "%.*s",
             WEIR_SPAN_ARG(taking.row.issuer));
    return WEIR_OK;
}

/* -------------------------------------------------------------- removing */

struct removing {
    bool is_there;
    bool is_ours;
    bool is_ended;
    char exchange[WEIR_BUNDLE_NAME_MAX + 1];
};

static bool
see(void *context, const struct weir_share_bundle *row)
{
    struct removing *removing = context;
    removing->is_there = true;
    removing->is_ours = row->is_ours;
    removing->is_ended = row->ended != 0;
    snprintf(removing->exchange, sizeof removing->exchange, "%.*s",
             WEIR_SPAN_ARG(row->exchange));
    return false;
}

static weir_status
remove_inside(struct weir_control *control, const struct weir_actor *actor,
              int64_t number, weir_span reason, struct weir_error *err)
{
    struct removing removing = {.is_there = false};
    char detail[80];
    int64_t changed = 0;
    weir_status status =
        weir__share_get(control->store, number, see, &removing, err);
    if (status == WEIR_OK && (!removing.is_there || removing.is_ours))
        status = weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                           removing.is_there
                               ? "bundle %lld was given out: withhold its "
                                 "cases and export again"
                               : "no bundle %lld",
                           (long long)number);
    if (status == WEIR_OK && removing.is_ended)
        status = weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                           "bundle %lld counts no more", (long long)number);
    if (status == WEIR_OK)
        status = weir__share_end(control->store, number, weir_control_now(),
                                 weir_span_of(actor->id), reason, err);
    snprintf(detail, sizeof detail, "{\"bundle\":%lld}", (long long)number);
    if (status == WEIR_OK)
        status =
            weir__control_note(control, actor, "watch.bundle.remove",
                               weir_span_of(removing.exchange), detail, err);
    if (status == WEIR_OK)
        status = weir_store_number_next(control->store, "sharing.changed",
                                        &changed, err);
    return status;
}

weir_status
weir_share_remove(struct weir_control *control, const struct weir_actor *actor,
                  int64_t number, weir_span reason, struct weir_error *err)
{
    if (reason.len == 0 || reason.len > WEIR_SHARE_REASON_MAX ||
        !weir_utf8_valid(reason))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a reason is needed, UTF-8 of at most %d bytes",
                         WEIR_SHARE_REASON_MAX);
    weir_control_lock(control);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK)
        status = weir__control_finish(
            control, remove_inside(control, actor, number, reason, err), err);
    if (status == WEIR_OK)
        status = weir__share_publish_owed(control, err);
    pthread_mutex_unlock(&control->lock);
    return status;
}
