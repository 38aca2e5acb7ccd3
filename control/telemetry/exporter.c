/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One exporter: reads the journal on, makes a batch, delivers it, and only
 * then moves its place in the store.
 *
 *     read --full, or at the end--> deliver --taken--> place --> read
 *                                      ^  |
 *                                      +--+ not taken: waits, longer each time
 *
 * A new exporter begins at the end of the journal: it tells what happens from
 * now on. One that was stopped goes on where it was, however far behind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/log.h"
#include "control/telemetry/parts.h"

#define ROUND_US  (WEIR_US_PER_SEC / 2)
#define ITEMS_MAX 512
#define BYTES_MAX ((size_t)1 << 20)
#define ROOM_MAX  (BYTES_MAX + ((size_t)1 << 20)) /* and one item more */
#define WAIT_MOST (120 * WEIR_US_PER_SEC)
#define POSITION  40 /* bits of an offset */

/* ------------------------------------------------------------------ place */

static void
place_name(const struct weir__exporter *exporter, char name_out[80])
{
    snprintf(name_out, 80, "telemetry.%s", exporter->rules.name);
}

static weir_status
save_place(struct weir__exporter *exporter, struct weir_error *err)
{
    char name[80];
    place_name(exporter, name);
    return weir_store_number_set(
        exporter->store, name,
        (int64_t)(exporter->segments.number << POSITION |
                  exporter->segments.offset),
        err);
}

/* False: not yet. */
static bool
find_place(struct weir__exporter *exporter, struct weir_error *err)
{
    struct weir_segments_limit limit;
    char name[80];
    int64_t at = 0;
    if (exporter->segments.directory[0] != '\0')
        return true;
    place_name(exporter, name);
    if (!weir_segments_written(exporter->control->paths.ring, &limit) ||
        weir_store_number_get(exporter->store, name, &at, err) != WEIR_OK)
        return false;
    if (at == 0)
        at = (int64_t)(limit.number << POSITION | limit.bytes);
    weir_segments_init(&exporter->segments, exporter->control->paths.journal,
                       (uint64_t)at >> POSITION,
                       (uint64_t)at & ((UINT64_C(1) << POSITION) - 1));
    return save_place(exporter, err) == WEIR_OK;
}

/* ------------------------------------------------------------------ batch */

/* Of the same trace all nodes take the same part. */
static bool
is_sampled(const struct weir__exporter *exporter, const struct weir__told *told)
{
    uint8_t id[16];
    if (exporter->rules.kind != WEIR_EXPORTER_TRACES || weir__told_failed(told))
        return true;
    weir__otlp_trace_id(told, id);
    return weir_hash64((weir_span){(const char *)id, sizeof id}, 0) % 1000000 <
           exporter->rules.share_ppm;
}

static bool
put_event(struct weir__exporter *exporter, const struct weir__told *told)
{
    struct weir_buf *out = &exporter->batch.text;
    json_t *event =
        weir__ocsf_event(told, &exporter->stations, &exporter->rules);
    if (json_is_null(event)) {
        json_decref(event);
        return true;
    }
    char *text = event == NULL ? NULL : json_dumps(event, JSON_COMPACT);
    json_decref(event);
    if (text == NULL)
        return false;
    bool is_list = exporter->rules.kind == WEIR_EXPORTER_WEBHOOK;
    if (is_list && exporter->batch.count > 0)
        weir_buf_add_byte(out, ',');
    weir_buf_add_span(out, weir_span_of(text));
    if (!is_list)
        weir_buf_add_byte(out, '\n');
    free(text);
    exporter->batch.ends[exporter->batch.count++] = out->len;
    return !out->overflow;
}

static bool
put_spans(struct weir__exporter *exporter, const struct weir__told *told)
{
    struct weir_buf *out = &exporter->batch.text;
    if (exporter->batch.count > 0)
        weir_buf_add_byte(out, ',');
    exporter->batch.count++;
    return weir__otlp_put(told, &exporter->stations, out);
}

static weir_status
put(struct weir__exporter *exporter, const struct weir__told *told,
    struct weir_error *err)
{
    if (!is_sampled(exporter, told))
        return WEIR_OK;
    bool is_put = exporter->rules.kind == WEIR_EXPORTER_TRACES
                      ? put_spans(exporter, told)
                      : put_event(exporter, told);
    return is_put ? WEIR_OK
                  : weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                              "out of memory for a batch");
}

/* ---------------------------------------------------------------- records */

/* The intent of a call that was open when this process began. */
static bool
read_again(struct weir__exporter *exporter,
           const struct weir_request_id *request,
           struct weir_record_intent *intent_out)
{
    struct weir_store_call call;
    struct weir_record record;
    weir_buf_reset(&exporter->record);
    return weir_store_call_get(exporter->store, request, &call, NULL) ==
               WEIR_OK &&
           weir_segments_read_at(exporter->control->paths.journal,
                                 call.first.segment, call.first.offset,
                                 &exporter->record, &record, NULL) == WEIR_OK &&
           record.kind == WEIR_RECORD_INTENT &&
           weir_record_get_intent(record.payload, intent_out, NULL) == WEIR_OK;
}

static weir_status
take_outcome(struct weir__exporter *exporter, const struct weir_record *record,
             struct weir_error *err)
{
    struct weir_record_outcome outcome;
    struct weir_record_intent intent;
    if (weir_record_get_outcome(record->payload, &outcome, NULL) != WEIR_OK)
        return WEIR_OK; /* ingest says so */
    struct weir__intent *kept =
        weir__intents_take(&exporter->intents, &outcome.request);
    bool is_there = kept != NULL
                        ? weir_record_get_intent(weir__intent_payload(kept),
                                                 &intent, NULL) == WEIR_OK
                        : read_again(exporter, &outcome.request, &intent);
    const struct weir__told told = {.intent = is_there ? &intent : NULL,
                                    .outcome = &outcome,
                                    .when = record->time};
    weir_status status = put(exporter, &told, err);
    free(kept);
    return status;
}

static weir_status
take_refusal(struct weir__exporter *exporter, const struct weir_record *record,
             struct weir_error *err)
{
    struct weir_record_refusal refusal;
    if (weir_record_get_refusal(record->payload, &refusal, NULL) != WEIR_OK)
        return WEIR_OK;
    const struct weir__told told = {.refusal = &refusal, .when = record->time};
    return put(exporter, &told, err);
}

static bool
is_finding(json_t *act)
{
    const char *action = json_string_value(json_object_get(act, "action"));
    return action != NULL && (strncmp(action, "case.", 5) == 0 ||
                              strncmp(action, "watch.", 6) == 0);
}

static weir_status
take_act(struct weir__exporter *exporter, const struct weir_record *record,
         struct weir_error *err)
{
    json_t *act = json_loadb(record->payload.ptr, record->payload.len, 0, NULL);
    uint32_t bit = is_finding(act) ? WEIR_EXPORT_CASES : WEIR_EXPORT_ACTS;
    const struct weir__told told = {.act = act, .when = record->time};
    weir_status status = act != NULL && (exporter->rules.of & bit)
                             ? put(exporter, &told, err)
                             : WEIR_OK;
    json_decref(act);
    return status;
}

static weir_status
take_record(struct weir__exporter *exporter, const struct weir_record *record,
            struct weir_error *err)
{
    struct weir_record_head head;
    uint32_t of = exporter->rules.of;
    exporter->read_up_to = record->time;
    switch (record->kind) {
    case WEIR_RECORD_INTENT:
        if ((of & WEIR_EXPORT_CALLS) &&
            weir_record_get_head_of_intent(record->payload, &head) == WEIR_OK)
            weir__intents_put(&exporter->intents, &head.request,
                              record->payload);
        return WEIR_OK;
    case WEIR_RECORD_OUTCOME:
        return of & WEIR_EXPORT_CALLS ? take_outcome(exporter, record, err)
                                      : WEIR_OK;
    case WEIR_RECORD_REFUSAL:
        return of & WEIR_EXPORT_REFUSALS ? take_refusal(exporter, record, err)
                                         : WEIR_OK;
    case WEIR_RECORD_ADMIN:
        return of & (WEIR_EXPORT_ACTS | WEIR_EXPORT_CASES)
                   ? take_act(exporter, record, err)
                   : WEIR_OK;
    default:
        return WEIR_OK;
    }
}

/* Until the batch is full (true) or there is nothing more (false). */
static bool
fill(struct weir__exporter *exporter, weir_status *status_out,
     struct weir_error *err)
{
    struct weir_segments_limit limit;
    struct weir_record record;
    uint64_t segment;
    *status_out = WEIR_OK;
    if (!weir_segments_written(exporter->control->paths.ring, &limit))
        return false;
    while (*status_out == WEIR_OK && exporter->batch.count < ITEMS_MAX &&
           exporter->batch.text.len < BYTES_MAX) {
        enum weir_segments_result result = weir_segments_next(
            &exporter->segments, &limit, &record, &segment, err);
        if (result == WEIR_SEGMENTS_END) {
            exporter->read_up_to = 0;
            return false;
        }
        if (result == WEIR_SEGMENTS_FAILED)
            *status_out = err->status;
        else if (result == WEIR_SEGMENTS_RECORD)
            *status_out = take_record(exporter, &record, err);
    }
    return *status_out == WEIR_OK;
}

/* --------------------------------------------------------------- delivery */

static enum weir__delivered
deliver(struct weir__exporter *exporter, uint64_t *unwanted_out,
        struct weir_error *err)
{
    *unwanted_out = 0;
    switch (exporter->rules.kind) {
    case WEIR_EXPORTER_FILE:
        return weir__file_deliver(&exporter->sink, &exporter->rules,
                                  &exporter->batch, err);
    case WEIR_EXPORTER_SYSLOG:
        return weir__syslog_deliver(&exporter->sink, &exporter->rules,
                                    &exporter->batch, err);
    default:
        return weir__http_deliver(&exporter->sink, &exporter->rules,
                                  &exporter->batch, unwanted_out, err);
    }
}

static void
say(struct weir__exporter *exporter, const char *text)
{
    if (!exporter->is_failing)
        weir_log(WEIR_LOG_WARN, "telemetry %s: %s", exporter->rules.name, text);
    exporter->is_failing = true;
}

/* Waits twice as long each time, or as long as the other side said. */
static void
put_off(struct weir__exporter *exporter, const char *text)
{
    weir_time wait = WEIR_US_PER_SEC
                     << (exporter->failures < 7 ? exporter->failures : 7);
    if (exporter->sink.wait_us > wait)
        wait = exporter->sink.wait_us;
    exporter->failures++;
    exporter->again_at =
        weir_control_now() + (wait < WAIT_MOST ? wait : WAIT_MOST);
    say(exporter, text);
}

static void
count(struct weir__exporter *exporter, uint64_t exported, uint64_t dropped,
      uint64_t failures)
{
    pthread_mutex_lock(&exporter->lock);
    exporter->figures.exported += exported;
    exporter->figures.dropped += dropped;
    exporter->figures.failures += failures;
    exporter->figures.lag_us = exporter->read_up_to == 0
                                   ? 0
                                   : weir_control_now() - exporter->read_up_to;
    pthread_mutex_unlock(&exporter->lock);
}

static void
empty(struct weir__exporter *exporter)
{
    weir_buf_reset(&exporter->batch.text);
    exporter->batch.count = 0;
}

/* True: the batch is out of the way. */
static bool
hand_over(struct weir__exporter *exporter, struct weir_error *err)
{
    uint64_t unwanted = 0, items = exporter->batch.count;
    enum weir__delivered end = deliver(exporter, &unwanted, err);
    if (end == WEIR__LATER) {
        put_off(exporter, err->text);
        count(exporter, 0, 0, 1);
        return false;
    }
    if (end == WEIR__UNWANTED) {
        say(exporter, err->text);
        unwanted = items;
    } else if (exporter->is_failing) {
        weir_log(WEIR_LOG_INFO, "telemetry %s goes on", exporter->rules.name);
        exporter->is_failing = false;
    }
    exporter->failures = 0;
    count(exporter, items - (unwanted < items ? unwanted : items), unwanted, 0);
    empty(exporter);
    return true;
}

static void
work(struct weir__exporter *exporter)
{
    struct weir_error err = {0};
    weir_status status = WEIR_OK;
    bool is_more = true;
    if (weir_control_now() < exporter->again_at || !find_place(exporter, &err))
        return;
    weir__stations_follow(&exporter->stations, exporter->control);
    while (is_more && status == WEIR_OK && weir_beat_goes_on(&exporter->beat)) {
        is_more = fill(exporter, &status, &err);
        if (status == WEIR_OK && exporter->batch.count > 0 &&
            !hand_over(exporter, &err))
            return; /* the batch is kept, and so is the place */
        if (status == WEIR_OK)
            status = save_place(exporter, &err);
    }
    count(exporter, 0, 0, 0);
    if (status != WEIR_OK) {
        /* Half of a record is in the batch: it is made again. */
        empty(exporter);
        weir_segments_fini(&exporter->segments);
        exporter->segments = (struct weir_segments){0};
        put_off(exporter, err.text);
    }
}

static void *
run(void *context)
{
    struct weir__exporter *exporter = context;
    while (weir_beat_wait(&exporter->beat, ROUND_US))
        work(exporter);
    if (weir_control_now() >= exporter->again_at)
        work(exporter); /* what came last, once */
    return NULL;
}

weir_status
weir__exporter_start(struct weir_control *control,
                     const struct weir__rules *rules,
                     struct weir__exporter **exporter_out,
                     struct weir_error *err)
{
    struct weir__exporter *exporter = calloc(1, sizeof *exporter);
    if (exporter == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    exporter->control = control;
    exporter->rules = *rules;
    exporter->sink.handle = -1;
    exporter->batch.ends = calloc(ITEMS_MAX, sizeof *exporter->batch.ends);
    pthread_mutex_init(&exporter->lock, NULL);
    snprintf(exporter->figures.name, sizeof exporter->figures.name, "%s",
             rules->name);
    weir_buf_init(&exporter->batch.text, ROOM_MAX);
    weir_buf_init(&exporter->record, 2 * WEIR_RECORD_BYTES_MAX);
    weir_status status =
        exporter->batch.ends != NULL
            ? weir_store_open(control->paths.state, false, &exporter->store,
                              err)
            : weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (status == WEIR_OK)
        (void)find_place(exporter, NULL); /* what comes from now on is told */
    if (status == WEIR_OK)
        status =
            weir_beat_start(&exporter->beat, run, exporter, "telemetry", err);
    if (status != WEIR_OK) {
        weir__exporter_stop(exporter);
        return status;
    }
    *exporter_out = exporter;
    return WEIR_OK;
}

void
weir__exporter_stop(struct weir__exporter *exporter)
{
    if (exporter == NULL)
        return;
    weir_beat_stop(&exporter->beat);
    weir__sink_close(&exporter->sink);
    if (exporter->segments.directory[0] != '\0')
        weir_segments_fini(&exporter->segments);
    weir__intents_fini(&exporter->intents);
    weir__stations_fini(&exporter->stations);
    weir_buf_fini(&exporter->batch.text);
    weir_buf_fini(&exporter->record);
    weir_store_close(exporter->store);
    pthread_mutex_destroy(&exporter->lock);
    free(exporter->batch.ends);
    free(exporter);
}
