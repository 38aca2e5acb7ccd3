/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A statement: what weir says of one call, over the signature of its log.
 *
 *   { "statement": {..}, "key": "<verifier key>", "note": "<signed note>" }
 *
 * The note (c2sp.org/signed-note) is what is signed: the line "weir statement
 * v1" and the statement as JSON with sorted keys on one line. A checkpoint's
 * second line is a number, so neither can be taken for the other. Whoever
 * has the key checks it with this file's second half or with any tool for
 * signed notes; the statement beside it is the same for people's eyes, and a
 * check refuses the file where the two differ.
 *
 * WHAT IT IS NOT. It is weir's word about its own record, not a proof that
 * the record stands in the log: that is the receipt.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/audit/parts.h"
#include "control/explain/explain.h"
#include "control/ingest/leaves.h"

#define TITLE               "weir statement v1\n"
#define STATEMENT_BYTES_MAX ((size_t)1 << 20)

/* --------------------------------------------------------------- content */

/* Policies that decided about the candidate that answered, or, in a refusal,
 * about every candidate. */
static json_t *
policies_json(const json_t *told, const char *deployment)
{
    static const char *const kept[] = {"id",     "title",      "authority",
                                       "appeal", "file",       "effect",
                                       "result", "text_sha256"};
    json_t *list = json_array();
    const json_t *candidate, *policy;
    size_t i, j;
    json_array_foreach(json_object_get(told, "candidates"), i, candidate)
    {
        const char *name =
            json_string_value(json_object_get(candidate, "deployment"));
        if (deployment != NULL && deployment[0] != '\0' &&
            (name == NULL || strcmp(name, deployment) != 0))
            continue;
        json_array_foreach(json_object_get(candidate, "policies"), j, policy)
        {
            json_t *row = json_object();
            json_object_set(row, "deployment",
                            json_object_get(candidate, "deployment"));
            for (size_t k = 0; k < WEIR_COUNTOF(kept); k++)
                json_object_set(row, kept[k], json_object_get(policy, kept[k]));
            json_array_append_new(list, row);
        }
    }
    return list;
}

static json_t *
served_json(const json_t *outcome)
{
    static const char *const kept[] = {
        "ending",   "http_status",  "model",         "deployment",
        "region",   "ran_in",       "stored_in",     "origin_request",
        "finding",  "input_tokens", "output_tokens", "cost_micros",
        "currency", "terms"};
    json_t *served = json_object();
    for (size_t i = 0; i < WEIR_COUNTOF(kept); i++) {
        json_t *value = json_object_get(outcome, kept[i]);
        if (value != NULL)
            json_object_set(served, kept[i], value);
    }
    return served;
}

/* Members of `from` by other names: pairs of new name, old name. */
static json_t *
chosen(const json_t *from, const char *const (*names)[2], size_t count)
{
    json_t *object = json_object();
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_object_get(from, names[i][1]);
        if (value != NULL)
            json_object_set(object, names[i][0], value);
    }
    return object;
}

/* "inputs=may_train" among the words of a tag; "unsaid" when it is not. */
static json_t *
word_of(weir_span tag, const char *name)
{
    size_t len = strlen(name);
    for (size_t at = 0; at + len < tag.len; at++) {
        if ((at == 0 || tag.ptr[at - 1] == ' ') && tag.ptr[at + len] == '=' &&
            memcmp(tag.ptr + at, name, len) == 0) {
            const char *value = tag.ptr + at + len + 1;
            const char *end = memchr(value, ' ', tag.len - at - len - 1);
            return json_stringn(value, end == NULL ? tag.len - at - len - 1
                                                   : (size_t)(end - value));
        }
    }
    return json_string("unsaid");
}

static json_t *
training_json(const json_t *outcome)
{
    const char *text = json_string_value(json_object_get(outcome, "terms"));
    weir_span tag = weir_span_of(text == NULL ? "" : text);
    const char *end =
        tag.len == 0 ? NULL : (const char *)memchr(tag.ptr, ' ', tag.len);
    size_t len = end == NULL ? tag.len : (size_t)(end - tag.ptr);
    return json_pack("{s:s#,s:o,s:o}", "terms", tag.len == 0 ? "" : tag.ptr,
                     (int)len, "inputs", word_of(tag, "inputs"), "outputs",
                     word_of(tag, "outputs"));
}

static const json_t *
candidate_of(const json_t *told, const json_t *deployment)
{
    const json_t *candidate;
    size_t i;
    json_array_foreach(json_object_get(told, "candidates"), i, candidate)
    {
        if (json_equal(json_object_get(candidate, "deployment"), deployment))
            return candidate;
    }
    return NULL;
}

/*
 * What everybody asks of a call, in one place: which model, hosted where,
 * for whom, trained on it or not, which jurisdictions, which exceptions.
 * docs/formats/statement.md
 */
static json_t *
answers_of(const json_t *told)
{
    static const char *const model[][2] = {{"name", "model"},
                                           {"provider", "provider"},
                                           {"origin", "model_origin"}};
    static const char *const hosted[][2] = {
        {"deployment", "deployment"}, {"operated_by", "operated_by"},
        {"cloud", "cloud"},           {"region", "region"},
        {"country", "runs_in"},       {"stored_in", "stored_in"}};
    static const char *const whom[][2] = {
        {"tenant", "tenant"},   {"project", "project"},
        {"key", "key"},         {"organisation", "organisation"},
        {"purpose", "purpose"}, {"end_customer", "end_customer"}};
    const json_t *outcome = json_object_get(told, "outcome");
    const json_t *who = json_object_get(told, "who");
    const json_t *candidate =
        candidate_of(told, json_object_get(outcome, "deployment"));
    json_t *exceptions = json_array(), *places = json_object();
    const char *place;
    json_t *value;
    json_object_foreach(json_object_get(told, "places"), place, value)
    {
        json_t *said = json_object_get(value, "country");
        if (said == NULL)
            said = json_object_get(value, "countries");
        if (said == NULL)
            said = json_object_get(value, "headquarters");
        if (said != NULL)
            json_object_set(places, place, said);
    }
    if (json_object_get(candidate, "model_origin") != NULL)
        json_object_set(places, "model_origin",
                        json_object_get(candidate, "model_origin"));
    if (json_object_get(who, "exception") != NULL)
        json_array_append(exceptions, json_object_get(who, "exception"));
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "model",
                     chosen(candidate, model, WEIR_COUNTOF(model)), "hosted",
                     chosen(candidate, hosted, WEIR_COUNTOF(hosted)),
                     "for_whom", chosen(who, whom, WEIR_COUNTOF(whom)),
                     "trained_on", training_json(outcome), "jurisdictions",
                     places, "exceptions", exceptions);
}

static json_t *
statement_of(const json_t *told)
{
    static const char *const kept[] = {"request", "state", "who",    "what",
                                       "verdict", "scope", "places", "signals",
                                       "refusal", "image", "overlay"};
    const json_t *outcome = json_object_get(told, "outcome");
    json_t *statement = json_object();
    for (size_t i = 0; i < WEIR_COUNTOF(kept); i++) {
        json_t *value = json_object_get(told, kept[i]);
        if (value != NULL)
            json_object_set(statement, kept[i], value);
    }
    if (outcome != NULL)
        json_object_set_new(statement, "served", served_json(outcome));
    json_object_set_new(statement, "policies",
                        policies_json(told, json_string_value(json_object_get(
                                                outcome, "deployment"))));
    json_object_set_new(statement, "answers", answers_of(told));
    json_object_set(statement, "decided_again_the_same",
                    json_object_get(told, "is_same"));
    return statement;
}

/* ---------------------------------------------------------------- signing */

static weir_status
identity(struct weir_store *store, struct weir_ed25519_secret *secret_out,
         char origin_out[64], char key_out[256], struct weir_error *err)
{
    weir_ed25519_public public;
    struct weir_note_key key;
    struct weir_buf line;
    weir_status status =
        weir_tlog_identity(store, false, secret_out, origin_out, err);
    if (status == WEIR_OK)
        status = weir_ed25519_public_of(secret_out, &public);
    if (status != WEIR_OK)
        return status;
    weir_note_key_init(&key, weir_span_of(origin_out), WEIR_NOTE_ED25519,
                       &public);
    weir_buf_init_fixed(&line, key_out, 255);
    weir_note_key_write(&key, &line);
    key_out[line.len] = '\0';
    return WEIR_OK;
}

weir_status
weir__audit_key(struct weir_store *store, char key_out[256],
                struct weir_error *err)
{
    struct weir_ed25519_secret secret;
    char origin[64];
    weir_status status = identity(store, &secret, origin, key_out, err);
    weir_wipe(&secret, sizeof secret);
    return status;
}

weir_status
weir__audit_sign(struct weir_store *store, weir_span text,
                 struct weir_buf *note, char key_out[256],
                 struct weir_error *err)
{
    struct weir_ed25519_secret secret;
    char origin[64];
    weir_status status = identity(store, &secret, origin, key_out, err);
    if (status == WEIR_OK) {
        weir_buf_add_span(note, text);
        weir_buf_add_byte(note, '\n');
        status = weir_note_sign(text, weir_span_of(origin), &secret, note, err);
    }
    weir_wipe(&secret, sizeof secret);
    return status;
}

weir_status
weir_audit_statement(struct weir_store *store, const struct weir_paths *paths,
                     weir_span request, json_t **reply_out,
                     struct weir_error *err)
{
    char key[256];
    json_t *told = NULL;
    struct weir_buf text, note;
    weir_status status = weir_explain(store, paths, request, &told, err);
    if (status != WEIR_OK)
        return status;
    json_t *statement = statement_of(told);
    json_decref(told);
    char *line = json_dumps(statement, JSON_COMPACT | JSON_SORT_KEYS);
    weir_buf_init(&text, STATEMENT_BYTES_MAX);
    weir_buf_init(&note, STATEMENT_BYTES_MAX);
    weir_buf_addf(&text, TITLE "%s\n", line == NULL ? "" : line);
    if (line == NULL || text.overflow)
        status = weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                           "the statement passes 1 MiB");
    if (status == WEIR_OK)
        status = weir__audit_sign(store, weir_buf_span(&text), &note, key, err);
    if (status == WEIR_OK)
        *reply_out = json_pack("{s:O,s:s,s:s#}", "statement", statement, "key",
                               key, "note", note.ptr, (int)note.len);
    free(line);
    json_decref(statement);
    weir_buf_fini(&text);
    weir_buf_fini(&note);
    return status;
}

/* --------------------------------------------------------------- checking */

bool
weir_audit_is_statement(const json_t *file)
{
    return json_is_string(json_object_get(file, "note"));
}

static weir_status
check_note(const json_t *file, const struct weir_note_key *key,
           struct weir_error *err)
{
    static const weir_span title = {TITLE, sizeof(TITLE) - 1};
    const json_t *value = json_object_get(file, "note");
    weir_span bytes = {json_string_value(value), json_string_length(value)};
    struct weir_note note;
    json_error_t fault;
    uint64_t verified = 0;
    weir_status status = weir_note_parse(bytes, &note, err);
    if (status == WEIR_OK)
        status = weir_note_verify(&note, key, 1, &verified, err);
    if (status != WEIR_OK)
        return status;
    if (verified == 0)
        return weir_fail(err, WEIR_EUNAUTH, WEIR_OFFSET_NONE,
                         "the statement is not signed by this key");
    if (!weir_span_starts(note.text, title))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a signed note that is no statement of weir's");
    json_t *said = json_loadb(note.text.ptr + title.len,
                              note.text.len - title.len, 0, &fault);
    if (said == NULL)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "what is signed is no statement: %.100s", fault.text);
    const json_t *shown = json_object_get(file, "statement");
    if (shown != NULL && !json_equal(shown, said))
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "the statement shown is not the one that is "
                           "signed");
    json_decref(said);
    return status;
}

weir_status
weir_audit_check_statement(const json_t *file, weir_span key_text,
                           json_t **reply_out, struct weir_error *err)
{
    struct weir_note_key key;
    const char *named = json_string_value(json_object_get(file, "key"));
    bool is_trusted = key_text.len > 0;
    if (!is_trusted && named != NULL)
        key_text = weir_span_of(named);
    weir_status status = weir_note_key_parse(key_text, &key, err);
    if (status == WEIR_OK)
        status = check_note(file, &key, err);
    if (status != WEIR_OK)
        return status;
    const char *request = json_string_value(
        json_object_get(json_object_get(file, "statement"), "request"));
    *reply_out = json_pack("{s:b,s:s,s:b,s:s#}", "is_valid", 1, "request",
                           request == NULL ? "" : request, "key_was_given",
                           is_trusted, "key", key_text.ptr, (int)key_text.len);
    return WEIR_OK;
}
