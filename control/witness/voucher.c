/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that asks witnesses and time authorities, once a second. */
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/beat.h"
#include "control/ingest/leaves.h"
#include "control/log.h"
#include "control/witness/vouch.h"

#define TIMEOUT_MS 5000L

struct weir_voucher {
    struct weir_beat beat;
    struct weir_control *control;
    struct weir_store *store;
    struct weir_vouch vouch;
    weir_time stamp_at;
    char said[256]; /* the last line logged, not to be said again */
};

static void
copy(char *text_out, size_t size, weir_span text)
{
    snprintf(text_out, size, "%.*s", WEIR_SPAN_ARG(text));
}

void
weir_transparency_of(struct weir_control *control,
                     struct weir_transparency *rules_out)
{
    weir_control_lock(control);
    const struct weir_transparency_settings *settings =
        &control->world->settings.transparency;
    copy(rules_out->policy, sizeof rules_out->policy, settings->policy);
    copy(rules_out->stamp_url, sizeof rules_out->stamp_url,
         settings->timestamp_url);
    copy(rules_out->stamp_command, sizeof rules_out->stamp_command,
         settings->timestamp_command);
    copy(rules_out->stamp_ca, sizeof rules_out->stamp_ca,
         settings->timestamp_ca);
    rules_out->stamp_us = settings->timestamp_us;
    pthread_mutex_unlock(&control->lock);
}

static void
say_once(struct weir_voucher *voucher, enum weir_log_level level,
         const char *text)
{
    if (strcmp(voucher->said, text) == 0)
        return;
    snprintf(voucher->said, sizeof voucher->said, "%s", text);
    weir_log(level, "%s", text);
}

/* The key that checkpoints must have; false: no checkpoint was ever made. */
static bool
own_key(struct weir_voucher *voucher, char origin_out[64],
        struct weir_note_key *key_out)
{
    struct weir_ed25519_secret secret;
    weir_ed25519_public public;
    bool is_there = weir_tlog_identity(voucher->store, false, &secret,
                                       origin_out, NULL) == WEIR_OK &&
                    weir_ed25519_public_of(&secret, &public) == WEIR_OK;
    weir_wipe(&secret, sizeof secret);
    if (is_there)
        weir_note_key_init(key_out, weir_span_of(origin_out), WEIR_NOTE_ED25519,
                           &public);
    return is_there;
}

static void
tell(struct weir_voucher *voucher, const struct weir_tlog_policy *policy,
     const struct weir_vouch_result *result)
{
    char line[256];
    for (uint32_t i = 0; i < policy->witness_count; i++) {
        const struct weir_vouch_witness *row = &voucher->vouch.witnesses[i];
        if (row->problem[0] == '\0' || (result->is_met && !row->is_refusal))
            continue;
        snprintf(line, sizeof line, "transparency log: witness %.*s: %.150s",
                 (int)(policy->witnesses[i].name.len > 60
                           ? 60
                           : policy->witnesses[i].name.len),
                 policy->witnesses[i].name.ptr, row->problem);
        say_once(voucher, row->is_refusal ? WEIR_LOG_ERROR : WEIR_LOG_WARN,
                 line);
        return;
    }
    if (result->is_met && voucher->said[0] != '\0') {
        weir_log(WEIR_LOG_INFO,
                 "transparency log: %u witnesses cosigned %llu leaves",
                 result->signed_count, (unsigned long long)result->size);
        voucher->said[0] = '\0';
    }
}

static void
ask_witnesses(struct weir_voucher *voucher,
              const struct weir_transparency *rules)
{
    struct weir_policy_file file;
    struct weir_vouch_result result;
    struct weir_note_key key;
    struct weir_error err = {0};
    char origin[64];
    if (!own_key(voucher, origin, &key))
        return;
    weir_status status = weir_policy_load(rules->policy, &file, &err);
    if (status == WEIR_OK)
        status = weir_vouch_round(&voucher->vouch, &file.policy, &key,
                                  voucher->control->paths.tlog, TIMEOUT_MS,
                                  &result, &err);
    if (status == WEIR_OK)
        tell(voucher, &file.policy, &result);
    else
        say_once(voucher, WEIR_LOG_ERROR, err.text);
    free(file.text);
}

static void
take_stamp(struct weir_voucher *voucher, const struct weir_transparency *rules,
           weir_time now)
{
    struct weir_error err = {0};
    weir_status status =
        weir_stamp_take(rules, voucher->control->paths.tlog, &err);
    if (status == WEIR_OK || status == WEIR_ENOTFOUND) {
        voucher->stamp_at =
            now + (status == WEIR_OK ? rules->stamp_us : WEIR_US_PER_SEC);
        return;
    }
    say_once(voucher, WEIR_LOG_WARN, err.text);
    voucher->stamp_at = now + 30 * WEIR_US_PER_SEC;
}

static void *
run(void *context)
{
    struct weir_voucher *voucher = context;
    while (weir_beat_wait(&voucher->beat, WEIR_US_PER_SEC)) {
        struct weir_transparency rules;
        weir_time now = weir_control_now();
        weir_transparency_of(voucher->control, &rules);
        if (rules.policy[0] != '\0')
            ask_witnesses(voucher, &rules);
        if ((rules.stamp_url[0] != '\0' || rules.stamp_command[0] != '\0') &&
            now >= voucher->stamp_at)
            take_stamp(voucher, &rules, now);
    }
    return NULL;
}

weir_status
weir_voucher_start(struct weir_control *control,
                   struct weir_voucher **voucher_out, struct weir_error *err)
{
    struct weir_voucher *voucher = calloc(1, sizeof *voucher);
    if (voucher == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    voucher->control = control;
    weir_status status =
        weir_store_open(control->paths.state, false, &voucher->store, err);
    if (status == WEIR_OK)
        status =
            weir_beat_start(&voucher->beat, run, voucher, "witnesses", err);
    if (status == WEIR_OK) {
        *voucher_out = voucher;
        return WEIR_OK;
    }
    weir_voucher_stop(voucher);
    return status;
}

void
weir_voucher_stop(struct weir_voucher *voucher)
{
    if (voucher == NULL)
        return;
    weir_beat_stop(&voucher->beat);
    weir_store_close(voucher->store);
    free(voucher);
}
