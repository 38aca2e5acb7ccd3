/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches that nobody asks about again: see looker.h.
 *
 *   ledger: open calls      registry: their names and keys
 *             \               /
 *              looker --GET--> run/inner.sock -> a worker -> [gate] -> origin
 *                                                   |
 *                                                   `-> outcome, in the journal
 *
 * WHY THROUGH THE GATE. A look of control's own at origins would be a second
 * client of theirs, past policy, pins and filters. This one is decided,
 * recorded and answered like the client's own; the worker that hears the
 * answer settles the batch. What policy forbids the key by then is not looked
 * at: such a batch ends as before, when somebody who may looks, or as lost.
 *
 * WHAT A MESSAGE BATCH USED stands in its results: once it has ended they are
 * fetched, pass the worker, which counts them, and are thrown away here.
 *
 * THE PACE. One look at a time, each open batch once in `batches.look`. It is
 * no race with the client: the ledger takes the first outcome.
 */
#include "control/kept/looker.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/json.h>

#include "control/beat.h"
#include "control/kept/kept.h"
#include "control/log.h"

#define STEP_US   (250 * WEIR_US_PER_MS)
#define OPEN_MAX  10000 /* of one round */
#define BODY_MAX  (64 * 1024)
#define LOOK_S    60L
#define RESULTS_S 600L

/* A batch of this round. */
struct open_batch {
    char name[WEIR_SEAL_TEXT + 1];
    char key[WEIR_STORE_ID_MAX];
    enum weir_kept_list list;
};

struct weir_looker {
    struct weir_beat beat;
    struct weir_control *control;
    struct weir_store *store;
    weir_time next;
    bool failed_last;
    /* this round's */
    struct open_batch *rows;
    size_t count;
};

/* ------------------------------------------------------------- one look */

struct answer {
    struct weir_buf body; /* up to a bound; what is behind it is not kept */
    bool is_kept;
    struct weir_looker *looker;
};

static size_t
take_bytes(char *bytes, size_t one, size_t count, void *context)
{
    struct answer *answer = context;
    (void)one;
    if (answer->is_kept)
        weir_buf_add(&answer->body, bytes, count);
    return weir_beat_goes_on(&answer->looker->beat) ? count : 0;
}

/* The HTTP status; 0: there was no answer. */
static long
ask(struct weir_looker *looker, const struct open_batch *batch,
    const char *verb, long seconds, struct answer *answer)
{
    char url[WEIR_SEAL_TEXT + 64], words[WEIR_STORE_ID_MAX + 32];
    char path[WEIR_PATH_MAX + 16];
    long status = 0;
    CURL *curl = curl_easy_init();
    snprintf(words, sizeof words, "weir-inner: key %s", batch->key);
    snprintf(path, sizeof path, "%s/inner.sock", looker->control->paths.run);
    snprintf(url, sizeof url, "http://weir/v1/%s/%s%s",
             batch->list == WEIR_KEPT_MESSAGES ? "messages/batches" : "batches",
             batch->name, verb);
    struct curl_slist *headers = curl_slist_append(NULL, words);
    if (curl != NULL && headers != NULL) {
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, path);
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, seconds);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
        if (curl_easy_perform(curl) == CURLE_OK)
            curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    }
    curl_slist_free_all(headers);
    if (curl != NULL)
        curl_easy_cleanup(curl);
    return status;
}

static bool
has_results(weir_span body)
{
    static const weir_json_path path = WEIR_JSON_PATH1("processing_status");
    weir_json_hit hit;
    struct weir_json_root root;
    return weir_json_scan(body, &path, 1, 0, &root, &hit, NULL) == WEIR_OK &&
           hit.kind == WEIR_JSON_STRING &&
           weir_span_equal(hit.raw, WEIR_SPAN("\"ended\""));
}

/* False: it could not be seen. */
static bool
look_at(struct weir_looker *looker, const struct open_batch *batch)
{
    struct answer answer = {.is_kept = true, .looker = looker};
    weir_buf_init(&answer.body, BODY_MAX);
    long status = ask(looker, batch, "", LOOK_S, &answer);
    if (status == 200 && batch->list == WEIR_KEPT_MESSAGES &&
        !answer.body.overflow && has_results(weir_buf_span(&answer.body))) {
        answer.is_kept = false;
        status = ask(looker, batch, "/results", RESULTS_S, &answer);
    }
    weir_buf_fini(&answer.body);
    return status == 200;
}

/* --------------------------------------------------------------- a round */

static bool
note_open(void *context, const struct weir_kept_open *row)
{
    struct weir_looker *looker = context;
    struct open_batch *batch = &looker->rows[looker->count++];
    snprintf(batch->name, sizeof batch->name, "%.*s", WEIR_SPAN_ARG(row->name));
    snprintf(batch->key, sizeof batch->key, "%.*s", WEIR_SPAN_ARG(row->key));
    batch->list = row->list;
    return looker->count < OPEN_MAX;
}

static weir_status
look(struct weir_looker *looker, struct weir_error *err)
{
    uint32_t unseen = 0;
    looker->count = 0;
    looker->rows = calloc(OPEN_MAX, sizeof *looker->rows);
    if (looker->rows == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    weir_status status = weir_kept_open(looker->store, note_open, looker, err);
    for (size_t i = 0; status == WEIR_OK && i < looker->count &&
                       weir_beat_goes_on(&looker->beat);
         i++)
        unseen += !look_at(looker, &looker->rows[i]);
    if (unseen > 0 && weir_beat_goes_on(&looker->beat))
        weir_log(WEIR_LOG_INFO,
                 "%u of %zu open batches could not be looked at; explain says "
                 "why of each call",
                 unseen, looker->count);
    free(looker->rows);
    looker->rows = NULL;
    return status;
}

static void
turn(struct weir_looker *looker)
{
    struct weir_error err = {0};
    weir_time now = weir_control_now();
    weir_control_lock(looker->control);
    weir_time every =
        looker->control->world->settings.batch_look_ms * WEIR_US_PER_MS;
    bool has_image = looker->control->has_image;
    pthread_mutex_unlock(&looker->control->lock);
    /* A shorter interval counts at once. */
    if (looker->next > now + every)
        looker->next = now + every;
    if (!has_image || now < looker->next)
        return;
    looker->next = now + every;
    weir_status status = look(looker, &err);
    if (status != WEIR_OK && !looker->failed_last)
        weir_log(WEIR_LOG_ERROR, "open batches are not looked at: %s",
                 err.text);
    looker->failed_last = status != WEIR_OK;
}

static void *
work(void *context)
{
    struct weir_looker *looker = context;
    while (weir_beat_wait(&looker->beat, STEP_US))
        turn(looker);
    return NULL;
}

weir_status
weir_looker_start(struct weir_control *control, struct weir_looker **looker_out,
                  struct weir_error *err)
{
    struct weir_looker *looker = calloc(1, sizeof *looker);
    if (looker == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    looker->control = control;
    weir_status status =
        weir_store_open(control->paths.state, false, &looker->store, err);
    if (status == WEIR_OK)
        status =
            weir_beat_start(&looker->beat, work, looker, "open batches", err);
    if (status == WEIR_OK) {
        *looker_out = looker;
        return WEIR_OK;
    }
    weir_looker_stop(looker);
    return status;
}

void
weir_looker_stop(struct weir_looker *looker)
{
    if (looker == NULL)
        return;
    weir_beat_stop(&looker->beat);
    weir_store_close(looker->store);
    free(looker);
}
