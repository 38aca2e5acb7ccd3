/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raising a case.
 *
 * WHY (KIND, SUBJECT, CAUSE) IS THE CASE FOR EVER. What raises cases runs
 * again and again: a review at each change of a list, ingest at each held
 * call. A decided case that came back as a new one with each of them would
 * bury the queue; so who wants to be asked again names another cause (a new
 * entry, another policy). A repetition is counted, and its evidence is kept
 * when it differs, up to WEIR_CASE_SEEN_MAX times: a client that hammers a
 * held key cannot fill the store.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>

#include "control/cases/parts.h"

#define DEADLINE_US (3 * WEIR_US_PER_DAY)

/* ------------------------------------------------------------------- noting */

static json_t *
text_json(weir_span text)
{
    json_t *value = json_stringn(text.ptr == NULL ? "" : text.ptr, text.len);
    return value == NULL ? json_string("?") : value;
}

static json_t *
digest_json(weir_span bytes)
{
    weir_digest digest;
    char hex[WEIR_HEX_LEN(32)];
    weir_sha256_of(bytes, &digest);
    weir_hex_encode((weir_span){(const char *)digest.bytes, 32}, hex);
    return json_stringn(hex, sizeof hex);
}

static weir_status
note_act(struct weir_store *store, const struct weir_case *row,
         const struct weir__case_person *person, enum weir_case_action action,
         weir_span text, weir_span evidence, weir_time now,
         struct weir_error *err)
{
    char id[WEIR_CASE_ID_MAX], name[32] = "case.";
    weir_case_id_format(row->number, id);
    strcat(name, weir_case_action_name(action));
    json_t *object = json_pack(
        "{s:s,s:o,s:o,s:s,s:s,s:o,s:o,s:o*}", "kind",
        weir_case_kind_name(row->kind), "subject", text_json(row->subject),
        "cause", text_json(row->cause), "state",
        weir_case_state_name(row->state), "verdict",
        weir_case_verdict_name(row->verdict), "person", text_json(person->name),
        "text", text_json(text), "evidence_sha256",
        evidence.len == 0 ? NULL : digest_json(evidence));
    char *detail = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (detail == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    const struct weir_store_act act = {
        .when = now,
        .actor = person->actor,
        .role = person->role,
        .action = weir_span_of(name),
        .subject = weir_span_of(id),
        .detail = weir_span_of(detail),
    };
    weir_status status = weir_store_act_add(store, &act, err);
    free(detail);
    return status;
}

weir_status
weir__case_note(struct weir_store *store, const struct weir_case *row,
                const struct weir__case_person *person,
                enum weir_case_action action, weir_span text,
                weir_span evidence, weir_time now, struct weir_error *err)
{
    const struct weir_case_event event = {
        .when = now,
        .actor = person->actor,
        .person = person->name,
        .action = action,
        .state = row->state,
        .verdict = row->verdict,
        .text = text,
        .evidence = evidence,
    };
    weir_status status = weir__case_event_add(store, row->number, &event, err);
    if (status == WEIR_OK)
        status = note_act(store, row, person, action, text, evidence, now, err);
    return status;
}

/* ------------------------------------------------------------------ raising */

static weir_status
check_cause(const struct weir_case_cause *cause, struct weir_error *err)
{
    json_error_t fault;
    if (weir_case_kind_name(cause->kind)[0] == '\0' ||
        cause->subject.len == 0 || cause->cause.len == 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a case needs a kind, a subject and a cause");
    if (cause->subject.len > WEIR_CASE_TEXT_MAX ||
        cause->cause.len > WEIR_CASE_TEXT_MAX ||
        cause->title.len > WEIR_CASE_TEXT_MAX ||
        cause->organisation.len > WEIR_CASE_TEXT_MAX ||
        cause->evidence.len > WEIR_CASE_EVIDENCE_MAX)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a text of the case is too long");
    if (cause->evidence.len == 0)
        return WEIR_OK;
    json_t *object =
        json_loadb(cause->evidence.ptr, cause->evidence.len, 0, &fault);
    bool is_object = json_is_object(object);
    json_decref(object);
    return is_object ? WEIR_OK
                     : weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                                 "evidence is a JSON object");
}

static const struct weir__case_person control_itself = {
    {"control", 7}, {"control", 7}, {"", 0}};

static weir_status
raise_new(struct weir_store *store, const struct weir_case_cause *cause,
          weir_span evidence, weir_time now, int64_t *number_out,
          struct weir_error *err)
{
    weir_time deadline =
        cause->deadline == 0 ? now + DEADLINE_US : cause->deadline;
    struct weir_case row = {.kind = cause->kind,
                            .state = WEIR_CASE_OPEN,
                            .subject = cause->subject,
                            .cause = cause->cause};
    weir_status status =
        weir__case_add(store, cause, now, deadline, &row.number, err);
    if (status == WEIR_OK)
        status = weir__case_note(store, &row, &control_itself, WEIR_CASE_RAISED,
                                 cause->title, evidence, now, err);
    if (status == WEIR_OK)
        *number_out = row.number;
    return status;
}

static weir_status
raise_again(struct weir_store *store, struct weir_case *row,
            const struct weir_case_cause *cause, weir_span evidence,
            weir_time now, struct weir_error *err)
{
    bool is_same = false;
    int64_t seen = 0;
    weir_status status = weir__case_seen(store, row->number, now, err);
    if (status == WEIR_OK)
        status = weir__case_evidence(store, row->number, evidence, &is_same,
                                     &seen, err);
    if (status != WEIR_OK || is_same || seen >= WEIR_CASE_SEEN_MAX)
        return status;
    return weir__case_note(store, row, &control_itself, WEIR_CASE_SEEN,
                           cause->title, evidence, now, err);
}

static weir_status
raise_inside(struct weir_store *store, const struct weir_case_cause *cause,
             weir_time now, int64_t *number_out, bool *is_new_out,
             struct weir_error *err)
{
    weir_span evidence =
        cause->evidence.len == 0 ? WEIR_SPAN("{}") : cause->evidence;
    struct weir_case row = {
        .kind = cause->kind, .subject = cause->subject, .cause = cause->cause};
    weir_status status =
        weir__case_find(store, cause->kind, cause->subject, cause->cause,
                        &row.number, &row.state, &row.verdict, err);
    if (status != WEIR_OK)
        return status;
    *is_new_out = row.number == 0;
    *number_out = row.number;
    return row.number == 0
               ? raise_new(store, cause, evidence, now, number_out, err)
               : raise_again(store, &row, cause, evidence, now, err);
}

weir_status
weir_case_raise(struct weir_store *store, const struct weir_case_cause *cause,
                weir_time now, char id_out[WEIR_CASE_ID_MAX], bool *is_new_out,
                struct weir_error *err)
{
    int64_t number = 0;
    bool is_new = false, is_own = !weir_store_is_inside(store);
    weir_status status = check_cause(cause, err);
    if (status == WEIR_OK && is_own)
        status = weir_store_begin(store, err);
    if (status != WEIR_OK)
        return status;
    status = raise_inside(store, cause, now, &number, &is_new, err);
    if (status == WEIR_OK && is_own)
        status = weir_store_commit(store, err);
    if (status != WEIR_OK) {
        if (is_own)
            weir_store_rollback(store);
        return status;
    }
    if (id_out != NULL)
        weir_case_id_format(number, id_out);
    if (is_new_out != NULL)
        *is_new_out = is_new;
    return WEIR_OK;
}
