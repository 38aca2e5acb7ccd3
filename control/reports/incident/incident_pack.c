/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frozen pack: what happened when, from the acts and the records of the
 * calls, with the records and their proofs; and the page that people sign.
 *
 * THE TIMELINE has what a reader of an account's takeover looks for: the
 * first call from each country and address, the first refusal of each kind,
 * the calls of each hour, everything that people did about the subject, and
 * what customers were told. Times are those of the records.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/audit/parts.h"
#include "control/content/content.h"
#include "control/notices/notices.h"
#include "control/parts.h"
#include "control/pdf/pdf.h"
#include "control/reports/disclosure/pack.h"
#include "control/reports/incident/incident.h"

#define ACTS_MAX 1000000

struct pack {
    struct weir_control *control;
    struct weir_store *store;
    const json_t *row; /* of the incident */
    weir_span kind, subject, tenant, id;
    weir_time since, now;
    json_t *timeline;
    json_t *seen; /* what was first already */
    struct weir__report_rows hours;
    struct weir__report_journal journal;
    uint64_t held;
};

static void
add_event(struct pack *pack, weir_time when, const char *what, weir_span who,
          weir_span detail)
{
    json_array_append_new(
        pack->timeline,
        json_pack("{s:o,s:I,s:s,s:o,s:o}", "when", weir__report_time(when),
                  "when_us", (json_int_t)when, "what", what, "who",
                  weir__report_text(who), "detail", weir__report_text(detail)));
}

static bool
is_first(struct pack *pack, const char *key)
{
    if (json_object_get(pack->seen, key) != NULL)
        return false;
    json_object_set_new_nocheck(pack->seen, key, json_true());
    return true;
}

/* ------------------------------------------------------------------- calls */

static void
look_at_origin(struct pack *pack, const struct weir_store_call *call)
{
    struct weir_record record;
    struct weir_record_intent intent;
    struct weir_record_refusal refusal;
    weir_span address = WEIR_SPAN("");
    char key[600], text[300];
    if (call->first.segment != 0 &&
        weir__report_record(&pack->journal, &call->first, &record, NULL) ==
            WEIR_OK) {
        if (record.kind == WEIR_RECORD_INTENT &&
            weir_record_get_intent(record.payload, &intent, NULL) == WEIR_OK)
            address = intent.address;
        if (record.kind == WEIR_RECORD_REFUSAL &&
            weir_record_get_refusal(record.payload, &refusal, NULL) == WEIR_OK)
            address = refusal.address;
    }
    snprintf(key, sizeof key, "from %.*s %.*s", WEIR_SPAN_ARG(call->country),
             (int)address.len, address.ptr == NULL ? "" : address.ptr);
    if (!is_first(pack, key))
        return;
    snprintf(text, sizeof text, "country %.*s, address %.*s",
             call->country.len == 0 ? 7 : (int)call->country.len,
             call->country.len == 0 ? "unknown" : call->country.ptr,
             address.len == 0 ? 6 : (int)address.len,
             address.len == 0 ? "hidden" : address.ptr);
    add_event(pack, call->decided, "first call from a place", call->key,
              weir_span_of(text));
}

static weir_status
on_call(void *context, const struct weir_store_call *call,
        struct weir_error *err)
{
    struct pack *pack = context;
    char key[300], hour[WEIR_TIME_TEXT];
    (void)err;
    if (!weir__pack_concerns(pack->kind, pack->subject, call))
        return WEIR_OK;
    look_at_origin(pack, call);
    if (call->state == WEIR_CALL_REFUSED) {
        const char *code = weir_reason_code((enum weir_reason)call->reason);
        snprintf(key, sizeof key, "refused %s", code);
        if (is_first(pack, key))
            add_event(pack, call->decided, "first refusal of its kind",
                      call->key, weir_span_of(code));
    } else if (call->model.len > 0) {
        snprintf(key, sizeof key, "model %.*s", (int)call->model.len,
                 call->model.ptr);
        if (is_first(pack, key))
            add_event(pack, call->decided, "first call of a model", call->key,
                      call->model);
    }
    weir_time_format(call->decided, hour);
    json_t *row = weir__report_row(&pack->hours, NULL, "%.13s", hour);
    json_object_set_new(row, "hour", json_stringn(hour, 13));
    weir__report_add(row,
                     call->state == WEIR_CALL_REFUSED ? "refused" : "calls", 1);
    weir__report_add(row, "input_tokens", (int64_t)call->input_tokens);
    weir__report_add(row, "output_tokens", (int64_t)call->output_tokens);
    weir__report_add(row, "cost_micros", call->cost_micros);
    return WEIR_OK;
}

/* -------------------------------------------------------------------- acts */

static bool
on_act(void *context, const struct weir_store_act *act)
{
    struct pack *pack = context;
    if (act->when < pack->since)
        return true;
    bool is_ours =
        weir_span_equal(act->subject, pack->subject) ||
        weir_span_equal(act->subject, pack->id) ||
        (pack->tenant.len > 0 && weir_span_equal(act->subject, pack->tenant)) ||
        (pack->subject.len > 0 &&
         memmem(act->detail.ptr, act->detail.len, pack->subject.ptr,
                pack->subject.len) != NULL);
    char what[64];
    if (!is_ours)
        return true;
    snprintf(what, sizeof what, "%.*s", WEIR_SPAN_ARG(act->action));
    add_event(pack, act->when, what, act->actor, act->subject);
    return true;
}

static bool
on_notice(void *context, const struct weir_notice *notice)
{
    struct pack *pack = context;
    if (notice->created >= pack->since)
        add_event(pack, notice->created, "customer is told", notice->tenant,
                  notice->type);
    if (notice->acknowledged >= pack->since && notice->acknowledged != 0)
        add_event(pack, notice->acknowledged, "customer has seen it",
                  notice->acknowledged_by, notice->type);
    return true;
}

static bool
on_item(void *context, const struct weir_content_item *item)
{
    struct pack *pack = context;
    pack->held += item->is_held;
    return true;
}

static int
by_time(const void *a, const void *b)
{
    json_t *const *left = a, *const *right = b;
    json_int_t x = json_integer_value(json_object_get(*left, "when_us"));
    json_int_t y = json_integer_value(json_object_get(*right, "when_us"));
    return x < y ? -1 : x > y;
}

static json_t *
sorted(json_t *list)
{
    size_t count = json_array_size(list);
    json_t **rows = calloc(count + 1, sizeof *rows);
    json_t *result = json_array();
    for (size_t i = 0; rows != NULL && i < count; i++)
        rows[i] = json_array_get(list, i);
    if (rows != NULL)
        qsort(rows, count, sizeof *rows, by_time);
    for (size_t i = 0; rows != NULL && i < count; i++)
        json_array_append(result, rows[i]);
    free(rows);
    return result;
}

static weir_status
collect(struct pack *pack, const struct weir_report_ask *ask,
        struct weir_error *err)
{
    char tenant[WEIR_CONTENT_TENANT_MAX];
    snprintf(tenant, sizeof tenant, "%.*s", WEIR_SPAN_ARG(pack->tenant));
    const struct weir_notice_filter notices = {.tenant = pack->tenant,
                                               .limit = 10000};
    const struct weir_content_filter content = {.tenant = tenant,
                                                .from = WEIR_TIME_MIN};
    weir_status status = weir__report_calls(ask, on_call, pack, err);
    if (status == WEIR_OK)
        status = weir_store_acts(pack->store, ACTS_MAX, on_act, pack, err);
    if (status == WEIR_OK && pack->tenant.len > 0)
        status = weir_notices(pack->store, &notices, on_notice, pack, err);
    if (status == WEIR_OK && pack->tenant.len > 0)
        status = weir_content_list(&pack->control->paths, &content, on_item,
                                   pack, err);
    return status;
}

/* -------------------------------------------------------------------- page */

static weir_status
add_page(struct weir_pack *archive, const struct pack *pack,
         const json_t *timeline, uint64_t calls, struct weir_error *err)
{
    static const struct weir_pdf_column columns[] = {{"when", 20, false},
                                                     {"what", 24, false},
                                                     {"who", 18, false},
                                                     {"detail", 34, false}};
    static const char *const members[] = {"incident", "kind",   "subject",
                                          "tenant",   "reason", "opened_by"};
    struct weir_pdf *pdf = NULL;
    struct weir_buf bytes;
    char number[64];
    const json_t *row;
    size_t index;
    weir_status status =
        weir_pdf_new(WEIR_SPAN("Incident"),
                     WEIR_SPAN("What was stopped, kept and told"), &pdf, err);
    if (status != WEIR_OK)
        return status;
    for (size_t i = 0; i < WEIR_COUNTOF(members); i++) {
        const char *text =
            json_string_value(json_object_get(pack->row, members[i]));
        weir_pdf_pair(pdf, weir_span_of(members[i]),
                      weir_span_of(text == NULL ? "" : text));
    }
    snprintf(number, sizeof number, "%llu calls, with their records",
             (unsigned long long)calls);
    weir_pdf_pair(pdf, WEIR_SPAN("in the pack"), weir_span_of(number));
    snprintf(number, sizeof number, "%llu sealed prompts and answers",
             (unsigned long long)pack->held);
    weir_pdf_pair(pdf, WEIR_SPAN("under legal hold"), weir_span_of(number));
    weir_pdf_heading(pdf, WEIR_SPAN("What was done"));
    json_array_foreach(json_object_get(pack->row, "deeds"), index, row)
    {
        const char *deed = json_string_value(json_object_get(row, "deed"));
        const char *state = json_string_value(json_object_get(row, "state"));
        const char *when = json_string_value(json_object_get(row, "when"));
        char line[128];
        snprintf(line, sizeof line, "%s, %.19sZ", state == NULL ? "" : state,
                 when == NULL ? "" : when);
        weir_pdf_pair(pdf, weir_span_of(deed == NULL ? "" : deed),
                      weir_span_of(line));
    }
    weir_pdf_heading(pdf, WEIR_SPAN("Timeline"));
    weir_pdf_table(pdf, columns, 4);
    json_array_foreach(timeline, index, row)
    {
        weir_span cells[4];
        char when[24] = "";
        for (uint32_t i = 0; i < 4; i++) {
            const char *text =
                json_string_value(json_object_get(row, columns[i].title));
            cells[i] = weir_span_of(text == NULL ? "" : text);
        }
        snprintf(when, sizeof when, "%.10s %.8sZ", cells[0].ptr,
                 cells[0].len > 19 ? cells[0].ptr + 11 : "");
        cells[0] = weir_span_of(when);
        weir_pdf_row(pdf, cells);
    }
    weir_pdf_sign(pdf, WEIR_SPAN("Who led the answer"));
    weir_pdf_sign(pdf, WEIR_SPAN("Who reviewed it"));
    weir_buf_init(&bytes, (size_t)64 << 20);
    status = weir_pdf_write(pdf, &bytes, err);
    weir_pdf_free(pdf);
    if (status == WEIR_OK)
        weir_pack_add(archive, "incident.pdf", weir_buf_span(&bytes));
    weir_buf_fini(&bytes);
    return status;
}

/* -------------------------------------------------------------------- pack */

static weir_status
write_down(struct pack *pack, const struct weir_actor *actor,
           const weir_digest *digest, struct weir_error *err)
{
    char detail[128], hex[WEIR_HEX_LEN(32)];
    struct weir_control *control = pack->control;
    weir_hex_encode((weir_span){(const char *)digest->bytes, 32}, hex);
    snprintf(detail, sizeof detail, "{\"sha256\":\"%.*s\"}", (int)sizeof hex,
             hex);
    weir_control_lock(control);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        status = weir_store_incident_packed(control->store, pack->id, pack->now,
                                            (weir_span){hex, sizeof hex}, err);
        if (status == WEIR_OK)
            status = weir__control_note(control, actor, "incident.pack",
                                        pack->id, detail, err);
        status = weir__control_finish(control, status, err);
    }
    pthread_mutex_unlock(&control->lock);
    return status;
}

static weir_status
fill(struct weir_pack *archive, struct pack *pack,
     const struct weir_transparency *rules, const char *id, uint64_t *calls_out,
     struct weir_error *err)
{
    static const char *const by_hour[] = {"hour"};
    struct weir_pack_calls calls = {.ask = {.control = pack->control,
                                            .store = pack->store,
                                            .from = pack->since,
                                            .to = pack->now,
                                            .now = pack->now,
                                            .tenant = pack->tenant},
                                    .kind = pack->kind,
                                    .subject = pack->subject,
                                    .level = WEIR_PACK_RECORDS,
                                    .fields = WEIR_SPAN(""),
                                    .rules = rules,
                                    .pack = id};
    weir_status status = collect(pack, &calls.ask, err);
    if (status == WEIR_OK)
        status = weir_pack_add_calls(archive, &calls, calls_out, err);
    if (status != WEIR_OK)
        return status;
    json_t *timeline = sorted(pack->timeline);
    status = add_page(archive, pack, timeline, *calls_out, err);
    weir_pack_add_json(archive, "timeline.json", timeline);
    weir_pack_add_json(archive, "hours.json",
                       weir__report_sorted(&pack->hours, by_hour, 1));
    weir_pack_add_json(archive, "incident.json", json_deep_copy(pack->row));
    return status;
}

weir_status
weir_incident_pack(struct weir_control *control, struct weir_store *store,
                   const struct weir_actor *actor, weir_span id,
                   json_t **reply_out, struct weir_error *err)
{
    struct weir_transparency rules;
    struct pack pack = {.control = control,
                        .store = store,
                        .now = weir_control_now(),
                        .timeline = json_array(),
                        .seen = json_object(),
                        .journal = {.directory = control->paths.journal}};
    struct weir_pack *archive = NULL;
    struct weir_buf bytes;
    weir_digest digest;
    json_t *list = NULL;
    uint64_t calls = 0;
    weir_transparency_of(control, &rules);
    weir_buf_init(&bytes, WEIR_PACK_BYTES_MAX);
    weir_status status = weir_incident_list(store, id, &list, err);
    pack.row = json_array_get(list, 0);
    const char *name = json_string_value(json_object_get(pack.row, "incident"));
    if (status == WEIR_OK &&
        json_integer_value(json_object_get(pack.row, "closed_us")) != 0)
        status = weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                           "the incident is closed");
    if (status == WEIR_OK) {
        pack.id = weir_span_of(name);
        pack.kind =
            weir_span_of(json_string_value(json_object_get(pack.row, "kind")));
        pack.subject = weir_span_of(
            json_string_value(json_object_get(pack.row, "subject")));
        pack.tenant = weir_span_of(
            json_string_value(json_object_get(pack.row, "tenant")));
        pack.since = json_integer_value(json_object_get(pack.row, "since_us"));
        status = weir__pack_pseudonyms(control, err);
    }
    if (status == WEIR_OK)
        status = weir__report_rows_init(&pack.hours, err);
    if (status == WEIR_OK)
        status = weir_pack_new("incident", name, &archive, err);
    if (status == WEIR_OK)
        status = weir_store_read_begin(store, err);
    if (status == WEIR_OK) {
        status = fill(archive, &pack, &rules, name, &calls, err);
        weir_store_read_end(store);
    }
    if (status == WEIR_OK)
        status =
            weir_pack_write(archive, store, pack.now, &bytes, &digest, err);
    if (status == WEIR_OK)
        status = write_down(&pack, actor, &digest, err);
    if (status == WEIR_OK)
        *reply_out = json_pack(
            "{s:s,s:o,s:I,s:I,s:o}", "incident", name, "sha256",
            weir__report_hex(digest.bytes, 32), "calls", (json_int_t)calls,
            "events", (json_int_t)json_array_size(pack.timeline), "archive",
            weir__audit_base64(bytes.ptr, bytes.len));
    weir_pack_free(archive);
    weir_buf_fini(&bytes);
    weir__report_rows_fini(&pack.hours);
    weir__report_journal_fini(&pack.journal);
    json_decref(pack.timeline);
    json_decref(pack.seen);
    json_decref(list);
    return status;
}
