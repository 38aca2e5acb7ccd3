/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a regulator gets: who, what, where, how much, what went wrong, of the
 * period and tenant that he asked for, at the level that was agreed, and
 * nothing else. Making one is on record with its digest and its reason.
 *
 *   request.json   what was asked for, by whom, and what this is an answer to
 *   summary.json   sums: calls by state, model, place, tokens; no names below
 *                  the level NAMED
 *   incidents.json refusals by reason, failures by ending, incidents opened
 *   cover.pdf      the same for a person to sign
 *   and the files of pack_calls.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>

#include "control/audit/parts.h"
#include "control/parts.h"
#include "control/pdf/pdf.h"
#include "control/reports/disclosure/pack.h"
#include "control/reports/incident/incident.h"

struct sums {
    struct weir__report_rows models, places, refusals, endings;
    json_int_t calls, refused, open, input_tokens, output_tokens;
};

static weir_status
on_call(void *context, const struct weir_store_call *call,
        struct weir_error *err)
{
    struct sums *sums = context;
    (void)err;
    if (call->state == WEIR_CALL_REFUSED) {
        const char *code = weir_reason_code((enum weir_reason)call->reason);
        json_t *row = weir__report_row(&sums->refusals, NULL, "%s", code);
        json_object_set_new(row, "reason", json_string(code));
        weir__report_add(row, "calls", 1);
        sums->refused++;
        return WEIR_OK;
    }
    sums->calls++;
    sums->open += call->state == WEIR_CALL_OPEN;
    sums->input_tokens += (json_int_t)call->input_tokens;
    sums->output_tokens += (json_int_t)call->output_tokens;
    json_t *row = weir__report_row(&sums->models, NULL, "%.*s",
                                   WEIR_SPAN_ARG(call->model));
    json_object_set_new(row, "model", weir__report_text(call->model));
    weir__report_add(row, "calls", 1);
    weir__report_add(row, "output_tokens", (int64_t)call->output_tokens);
    row = weir__report_row(
        &sums->places, NULL, "%.*s %.*s %.*s", WEIR_SPAN_ARG(call->country),
        WEIR_SPAN_ARG(call->place), WEIR_SPAN_ARG(call->stored_in));
    json_object_set_new(row, "from", weir__report_text(call->country));
    json_object_set_new(row, "ran_in", weir__report_text(call->place));
    json_object_set_new(row, "stored_in", weir__report_text(call->stored_in));
    weir__report_add(row, "calls", 1);
    if (call->state == WEIR_CALL_CLOSED && call->ending != WEIR_END_COMPLETE) {
        const char *code = weir_ending_name((enum weir_ending)call->ending);
        row = weir__report_row(&sums->endings, NULL, "%s", code);
        json_object_set_new(row, "ending", json_string(code));
        weir__report_add(row, "calls", 1);
    }
    return WEIR_OK;
}

static bool
add_incident(void *context, const struct weir_incident *row)
{
    struct {
        json_t *list;
        const struct weir_disclosure_wish *wish;
        enum weir_pack_level level;
    } *adding = context;
    const struct weir_disclosure_wish *wish = adding->wish;
    if (row->opened < wish->from || row->opened >= wish->to ||
        (wish->tenant.len > 0 && !weir_span_equal(row->tenant, wish->tenant)))
        return true;
    json_t *one = json_pack(
        "{s:o,s:o,s:o,s:o}", "incident", weir__report_text(row->id), "opened",
        weir__report_time(row->opened), "kind", weir__report_text(row->kind),
        "closed",
        row->closed == 0 ? json_null() : weir__report_time(row->closed));
    if (adding->level >= WEIR_PACK_NAMED) {
        json_object_set_new(one, "subject", weir__report_text(row->subject));
        json_object_set_new(one, "reason", weir__report_text(row->reason));
    }
    json_array_append_new(adding->list, one);
    return true;
}

static json_t *
request_json(const struct weir_disclosure_wish *wish, const char *id,
             enum weir_pack_level level)
{
    return json_pack(
        "{s:s,s:o,s:o,s:s,s:o,s:o,s:o,s:o}", "pack", id, "authority",
        weir__report_text(wish->authority), "reference",
        weir__report_text(wish->reference), "level",
        weir_pack_level_name(level), "fields", weir__report_text(wish->fields),
        "tenant", weir__report_text(wish->tenant), "from",
        weir__report_time(wish->from), "to", weir__report_time(wish->to));
}

/* ------------------------------------------------------------------- cover */

static void
cover_table(struct weir_pdf *pdf, const char *title, const json_t *rows,
            const char *const *names, uint32_t count)
{
    struct weir_pdf_column columns[4];
    const json_t *row;
    size_t index;
    weir_pdf_heading(pdf, weir_span_of(title));
    if (json_array_size(rows) == 0) {
        weir_pdf_text(pdf, WEIR_SPAN("none"));
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        columns[i] = (struct weir_pdf_column){names[i], 3, i + 1 == count};
    weir_pdf_table(pdf, columns, count);
    json_array_foreach(rows, index, row)
    {
        weir_span cells[4];
        char number[32];
        for (uint32_t i = 0; i < count; i++) {
            const json_t *value = json_object_get(row, names[i]);
            const char *text = json_string_value(value);
            if (json_is_integer(value)) {
                snprintf(number, sizeof number, "%lld",
                         (long long)json_integer_value(value));
                text = number;
            }
            cells[i] = weir_span_of(text == NULL ? "-" : text);
        }
        weir_pdf_row(pdf, cells);
    }
}

static weir_status
add_cover(struct weir_pack *pack, const json_t *request, const json_t *summary,
          const json_t *incidents, struct weir_error *err)
{
    static const char *const members[] = {"authority", "reference", "level",
                                          "fields",    "tenant",    "from",
                                          "to",        "pack"};
    static const char *const counts[] = {"calls", "refused", "open",
                                         "input_tokens", "output_tokens"};
    static const char *const models[] = {"model", "calls"};
    static const char *const places[] = {"from", "ran_in", "stored_in",
                                         "calls"};
    static const char *const refusals[] = {"reason", "calls"};
    struct weir_pdf *pdf = NULL;
    struct weir_buf bytes;
    char number[32];
    weir_status status = weir_pdf_new(
        WEIR_SPAN("Disclosure"),
        WEIR_SPAN("Answer to a request for records of the use of AI models"),
        &pdf, err);
    if (status != WEIR_OK)
        return status;
    for (size_t i = 0; i < WEIR_COUNTOF(members); i++) {
        const char *text =
            json_string_value(json_object_get(request, members[i]));
        weir_pdf_pair(
            pdf, weir_span_of(members[i]),
            weir_span_of(text == NULL || *text == '\0' ? "all" : text));
    }
    weir_pdf_heading(pdf, WEIR_SPAN("How much"));
    for (size_t i = 0; i < WEIR_COUNTOF(counts); i++) {
        snprintf(
            number, sizeof number, "%lld",
            (long long)json_integer_value(json_object_get(summary, counts[i])));
        weir_pdf_pair(pdf, weir_span_of(counts[i]), weir_span_of(number));
    }
    cover_table(pdf, "Models", json_object_get(summary, "models"), models, 2);
    cover_table(pdf, "Places", json_object_get(summary, "places"), places, 4);
    cover_table(pdf, "Refused", json_object_get(incidents, "refusals"),
                refusals, 2);
    weir_pdf_text(pdf, WEIR_SPAN("The archive that this page belongs to names "
                                 "every file's digest in manifest.json, signed "
                                 "in manifest.note; 'weir report disclosure "
                                 "--verify FILE' checks all of it offline."));
    weir_pdf_sign(pdf, WEIR_SPAN("For the operator"));
    weir_buf_init(&bytes, (size_t)64 << 20);
    status = weir_pdf_write(pdf, &bytes, err);
    weir_pdf_free(pdf);
    if (status == WEIR_OK)
        weir_pack_add(pack, "cover.pdf", weir_buf_span(&bytes));
    weir_buf_fini(&bytes);
    return status;
}

/* -------------------------------------------------------------------- pack */

static weir_status
add_sums(struct weir_pack *pack, const struct weir_pack_calls *calls,
         const struct weir_disclosure_wish *wish, const char *id,
         struct weir_error *err)
{
    struct sums sums = {0};
    static const char *const by_model[] = {"model"};
    static const char *const by_place[] = {"from", "ran_in", "stored_in"};
    static const char *const by_reason[] = {"reason"};
    static const char *const by_ending[] = {"ending"};
    struct {
        json_t *list;
        const struct weir_disclosure_wish *wish;
        enum weir_pack_level level;
    } adding = {json_array(), wish, calls->level};
    struct weir__report_rows *const all[] = {&sums.models, &sums.places,
                                             &sums.refusals, &sums.endings};
    weir_status status = WEIR_OK;
    for (size_t i = 0; status == WEIR_OK && i < WEIR_COUNTOF(all); i++)
        status = weir__report_rows_init(all[i], err);
    if (status == WEIR_OK)
        status = weir__report_calls(&calls->ask, on_call, &sums, err);
    if (status == WEIR_OK)
        status = weir_store_incidents(calls->ask.store, WEIR_SPAN(""),
                                      add_incident, &adding, err);
    if (status == WEIR_OK) {
        json_t *request = request_json(wish, id, calls->level);
        json_t *summary = json_pack(
            "{s:I,s:I,s:I,s:I,s:I,s:o,s:o}", "calls", sums.calls, "refused",
            sums.refused, "open", sums.open, "input_tokens", sums.input_tokens,
            "output_tokens", sums.output_tokens, "models",
            weir__report_sorted(&sums.models, by_model, 1), "places",
            weir__report_sorted(&sums.places, by_place, 3));
        json_t *incidents = json_pack(
            "{s:O,s:o,s:o}", "incidents", adding.list, "refusals",
            weir__report_sorted(&sums.refusals, by_reason, 1), "failures",
            weir__report_sorted(&sums.endings, by_ending, 1));
        status = add_cover(pack, request, summary, incidents, err);
        weir_pack_add_json(pack, "request.json", request);
        weir_pack_add_json(pack, "summary.json", summary);
        weir_pack_add_json(pack, "incidents.json", incidents);
    }
    for (size_t i = 0; i < WEIR_COUNTOF(all); i++)
        weir__report_rows_fini(all[i]);
    json_decref(adding.list);
    return status;
}

static weir_status
note_it(struct weir_control *control, const struct weir_actor *actor,
        const char *id, const struct weir_disclosure_wish *wish,
        enum weir_pack_level level, uint64_t count, const weir_digest *digest,
        struct weir_error *err)
{
    json_t *detail = request_json(wish, id, level);
    json_object_set_new(detail, "calls", json_integer((json_int_t)count));
    json_object_set_new(detail, "sha256", weir__report_hex(digest->bytes, 32));
    char *text = json_dumps(detail, JSON_COMPACT);
    json_decref(detail);
    weir_control_lock(control);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        status = weir__control_note(control, actor, "report.disclose",
                                    weir_span_of(id),
                                    text == NULL ? "{}" : text, err);
        status = weir__control_finish(control, status, err);
    }
    pthread_mutex_unlock(&control->lock);
    free(text);
    return status;
}

weir_status
weir__pack_pseudonyms(struct weir_control *control, struct weir_error *err)
{
    uint8_t secret[32];
    bool is_there = false;
    weir_control_lock(control);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        status = weir_store_secret_get(control->store, "pseudonyms", secret,
                                       &is_there, err);
        if (status == WEIR_OK && !is_there) {
            status = weir_control_env.random(NULL, secret, sizeof secret)
                         ? weir_store_secret_set(control->store, "pseudonyms",
                                                 secret, err)
                         : weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE,
                                     "no randomness");
        }
        status = weir__control_finish(control, status, err);
    }
    pthread_mutex_unlock(&control->lock);
    weir_wipe(secret, sizeof secret);
    return status;
}

weir_status
weir_disclosure_make(struct weir_control *control, struct weir_store *store,
                     const struct weir_actor *actor,
                     const struct weir_disclosure_wish *wish,
                     json_t **reply_out, struct weir_error *err)
{
    struct weir_transparency rules;
    struct weir_pack *pack = NULL;
    struct weir_buf bytes;
    weir_digest digest;
    char id[WEIR_STORE_ID_MAX];
    uint64_t count = 0;
    weir_time now = weir_control_now();
    struct weir_pack_calls calls = {.ask = {.control = control,
                                            .store = store,
                                            .from = wish->from,
                                            .to = wish->to,
                                            .now = now,
                                            .tenant = wish->tenant},
                                    .level = WEIR_PACK_PSEUDONYMS,
                                    .fields = wish->fields,
                                    .rules = &rules,
                                    .pack = id};
    if (wish->authority.len == 0 || wish->reference.len == 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'authority' and 'reference' say who asks, and by "
                         "what");
    if (wish->from >= wish->to)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "the period ends before it begins");
    if (wish->level.len > 0 &&
        !weir_pack_level_parse(wish->level, &calls.level))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'level' is counts, pseudonyms, named or records");
    weir_transparency_of(control, &rules);
    weir_buf_init(&bytes, WEIR_PACK_BYTES_MAX);
    weir_status status = weir_control_id("dsc_", id, err);
    if (status == WEIR_OK)
        status = weir__pack_pseudonyms(control, err);
    if (status == WEIR_OK)
        status = weir_pack_new("disclosure", id, &pack, err);
    if (status == WEIR_OK)
        status = weir_store_read_begin(store, err);
    if (status == WEIR_OK) {
        status = add_sums(pack, &calls, wish, id, err);
        if (status == WEIR_OK)
            status = weir_pack_add_calls(pack, &calls, &count, err);
        weir_store_read_end(store);
    }
    if (status == WEIR_OK)
        status = weir_pack_write(pack, store, now, &bytes, &digest, err);
    if (status == WEIR_OK)
        status =
            note_it(control, actor, id, wish, calls.level, count, &digest, err);
    if (status == WEIR_OK)
        *reply_out = json_pack("{s:s,s:o,s:I,s:o}", "pack", id, "sha256",
                               weir__report_hex(digest.bytes, 32), "calls",
                               (json_int_t)count, "archive",
                               weir__audit_base64(bytes.ptr, bytes.len));
    weir_pack_free(pack);
    weir_buf_fini(&bytes);
    return status;
}
