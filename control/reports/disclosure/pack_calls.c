/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of calls, and the proof of each of their records.
 *
 * A redacted row is weir's word, under the manifest's signature; its proofs
 * say that records of these leaves stood in the log by then, so that whoever
 * is shown a record later can see that it is that one. At the level RECORDS
 * the records and their salts are in the pack, and the leaves follow from
 * them.
 *
 * WHAT A LEVEL MAY SHOW is a column of the table below: a field that the
 * level does not have is refused, not left out in silence. Addresses are in
 * records only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/catalog.h>
#include <weir/crypto.h>
#include <weir/tlog_dir.h>

#include "control/audit/parts.h"
#include "control/ingest/leaves.h"
#include "control/invoices/invoices.h"
#include "control/reports/disclosure/pack.h"

struct row {
    const struct weir_store_call *call;
    const char *request;
    weir_span end_customer;
};

typedef void put_fn(const struct row *row, struct weir_buf *out);

#define TEXT(name, member)                                                     \
    static void put_##name(const struct row *row, struct weir_buf *out)        \
    {                                                                          \
        weir_buf_add_span(out, member);                                        \
    }
#define NUMBER(name, member)                                                   \
    static void put_##name(const struct row *row, struct weir_buf *out)        \
    {                                                                          \
        weir_buf_addf(out, "%lld", (long long)(member));                       \
    }
TEXT(request, weir_span_of(row->request))
TEXT(tenant, row->call->tenant)
TEXT(project, row->call->project)
TEXT(key, row->call->key)
TEXT(organisation, row->call->organisation)
TEXT(end_customer, row->end_customer)
TEXT(country, row->call->country)
TEXT(asked, row->call->asked)
TEXT(model, row->call->model)
TEXT(deployment, row->call->deployment)
TEXT(region, row->call->region)
TEXT(ran_in, row->call->place)
TEXT(stored_in, row->call->stored_in)
TEXT(currency, row->call->currency)
NUMBER(input_tokens, row->call->input_tokens)
NUMBER(output_tokens, row->call->output_tokens)
NUMBER(cost_micros, row->call->cost_micros)
NUMBER(http_status, row->call->http_status)

static void
put_decided(const struct row *row, struct weir_buf *out)
{
    char text[WEIR_TIME_TEXT];
    weir_time_format(row->call->decided, text);
    weir_buf_add_span(out, weir_span_of(text));
}

static void
put_operation(const struct row *row, struct weir_buf *out)
{
    weir_buf_addf(out, "%s", weir_operation_name(row->call->operation));
}

static void
put_state(const struct row *row, struct weir_buf *out)
{
    static const char *const states[] = {"", "open", "closed", "refused"};
    weir_buf_addf(out, "%s", states[row->call->state]);
}

static void
put_reason(const struct row *row, struct weir_buf *out)
{
    if (row->call->state == WEIR_CALL_REFUSED)
        weir_buf_addf(out, "%s",
                      weir_reason_code((enum weir_reason)row->call->reason));
}

static void
put_ending(const struct row *row, struct weir_buf *out)
{
    if (row->call->state == WEIR_CALL_CLOSED)
        weir_buf_addf(out, "%s",
                      weir_ending_name((enum weir_ending)row->call->ending));
}

static const struct {
    const char *name;
    put_fn *put;
    bool is_caller; /* a pseudonym where callers have none */
} fields[] = {{"request", put_request, false},
              {"decided", put_decided, false},
              {"state", put_state, false},
              {"reason", put_reason, false},
              {"ending", put_ending, false},
              {"tenant", put_tenant, true},
              {"project", put_project, true},
              {"key", put_key, true},
              {"organisation", put_organisation, true},
              {"end_customer", put_end_customer, true},
              {"country", put_country, false},
              {"operation", put_operation, false},
              {"asked", put_asked, false},
              {"model", put_model, false},
              {"deployment", put_deployment, false},
              {"region", put_region, false},
              {"ran_in", put_ran_in, false},
              {"stored_in", put_stored_in, false},
              {"http_status", put_http_status, false},
              {"input_tokens", put_input_tokens, false},
              {"output_tokens", put_output_tokens, false},
              {"cost_micros", put_cost_micros, false},
              {"currency", put_currency, false}};
#define FIELDS WEIR_COUNTOF(fields)

/* Nodes of the tree that were computed lately: neighbours in the log share
 * all but the lowest, and each is up to 255 hashes of a tile. */
#define NODES 65536
struct node {
    uint64_t index;
    uint32_t height;
    bool is_there;
    weir_digest hash;
};

struct writing {
    const struct weir_pack_calls *calls;
    struct node *nodes;
    bool shows[FIELDS];
    struct weir_hmac pseudonyms;
    struct weir__audit_head head;
    struct weir_tlog_tiles *tiles;
    struct weir__report_journal journal;
    struct weir_salts salts;
    struct weir_buf rows, proofs, records;
    uint64_t count;
};

/* ------------------------------------------------------------------ fields */

static weir_status
choose_fields(struct writing *writing, struct weir_error *err)
{
    weir_span text = writing->calls->fields;
    /* Without words: everything the level has; the id always, as proofs
     * name it. */
    for (size_t i = 0; i < FIELDS; i++)
        writing->shows[i] = text.len == 0 || i == 0;
    while (text.len > 0) {
        const char *comma = memchr(text.ptr, ',', text.len);
        size_t len = comma == NULL ? text.len : (size_t)(comma - text.ptr);
        size_t i = 0;
        while (i < FIELDS && !weir_span_equal((weir_span){text.ptr, len},
                                              weir_span_of(fields[i].name)))
            i++;
        if (i == FIELDS)
            return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                             "'%.*s' is no field of a call",
                             (int)(len > 40 ? 40 : len), text.ptr);
        writing->shows[i] = true;
        len += comma != NULL;
        text = (weir_span){text.ptr + len, text.len - len};
    }
    return WEIR_OK;
}

/* The same name has the same pseudonym within a pack, and another one in
 * every other. */
static weir_status
begin_pseudonyms(struct writing *writing, struct weir_error *err)
{
    struct weir_store *store = writing->calls->ask.store;
    uint8_t secret[32];
    weir_digest own;
    bool is_there = false;
    weir_status status =
        weir_store_secret_get(store, "pseudonyms", secret, &is_there, err);
    if (status == WEIR_OK && !is_there)
        return weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE,
                         "there is no secret for pseudonyms");
    if (status == WEIR_OK) {
        weir_hmac_of((weir_secret){(const char *)secret, 32},
                     weir_span_of(writing->calls->pack), &own);
        weir_hmac_init(&writing->pseudonyms,
                       (weir_secret){(const char *)own.bytes, 32});
    }
    weir_wipe(secret, sizeof secret);
    weir_wipe(&own, sizeof own);
    return status;
}

static void
put_pseudonym(const struct writing *writing, size_t field, weir_span name,
              struct weir_buf *out)
{
    struct weir_hmac hmac = writing->pseudonyms;
    weir_digest digest;
    char hex[WEIR_HEX_LEN(8)];
    if (name.len == 0)
        return;
    weir_hmac_add(&hmac, fields[field].name, strlen(fields[field].name) + 1);
    weir_hmac_add(&hmac, name.ptr, name.len);
    weir_hmac_final(&hmac, &digest);
    weir_hex_encode((weir_span){(const char *)digest.bytes, 8}, hex);
    weir_buf_addf(out, "p_%.*s", (int)sizeof hex, hex);
}

static void
put_row(struct writing *writing, const struct row *row)
{
    char memory[1024];
    bool is_first = true;
    for (size_t i = 0; i < FIELDS; i++) {
        struct weir_buf value, hidden;
        char cover[64];
        if (!writing->shows[i])
            continue;
        weir_buf_init_fixed(&value, memory, sizeof memory);
        fields[i].put(row, &value);
        weir_span shown = weir_buf_span(&value);
        if (fields[i].is_caller && writing->calls->level < WEIR_PACK_NAMED) {
            weir_buf_init_fixed(&hidden, cover, sizeof cover);
            put_pseudonym(writing, i, shown, &hidden);
            shown = weir_buf_span(&hidden);
        }
        if (!is_first)
            weir_buf_add_byte(&writing->rows, ',');
        weir_csv_add(&writing->rows, shown);
        is_first = false;
    }
    weir_buf_addf(&writing->rows, "\r\n");
}

/* ------------------------------------------------------------------ proofs */

static weir_status
put_record(struct writing *writing, const char *request,
           const struct weir_store_at *at, struct weir_error *err)
{
    struct weir_record record;
    weir_digest salt, leaf;
    weir_status status =
        weir__report_record(&writing->journal, at, &record, err);
    if (status == WEIR_OK)
        status =
            weir_salts_leaf(&writing->salts, writing->calls->ask.store, false,
                            at->segment, &record, &salt, &leaf, err);
    if (status != WEIR_OK)
        return status;
    json_t *line = json_pack("{s:s,s:I,s:o,s:o}", "request", request, "leaf",
                             (json_int_t)at->leaf, "record",
                             weir__audit_base64(record.raw.ptr, record.raw.len),
                             "salt", weir__audit_base64(salt.bytes, 32));
    char *text = json_dumps(line, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(line);
    weir_buf_addf(&writing->records, "%s\n", text == NULL ? "" : text);
    free(text);
    return WEIR_OK;
}

static bool
read_node(void *context, uint32_t height, uint64_t index, weir_digest *hash_out)
{
    struct writing *writing = context;
    struct node *node = &writing->nodes[(index * 31 + height * 7919) % NODES];
    if (!node->is_there || node->height != height || node->index != index) {
        node->is_there =
            weir_tlog_tiles_read(writing->tiles, height, index, &node->hash);
        node->height = height;
        node->index = index;
    }
    *hash_out = node->hash;
    return node->is_there;
}

static weir_status
put_proof(struct writing *writing, const char *request, const char *what,
          const struct weir_store_at *at, struct weir_error *err)
{
    weir_digest hashes[WEIR_TLOG_PROOF_MAX];
    char hex[WEIR_HEX_LEN(32)];
    weir_span entry;
    size_t count = 0;
    uint64_t size = writing->head.checkpoint.size;
    if (at->leaf < 0 || (uint64_t)at->leaf >= size)
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "no checkpoint covers a call of the period yet: ask "
                         "again in a second");
    weir_status status =
        weir_tlog_tiles_entry(writing->tiles, (uint64_t)at->leaf, &entry, err);
    if (status == WEIR_OK && entry.len != 32)
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "leaf %lld is no digest", (long long)at->leaf);
    if (status != WEIR_OK)
        return status;
    weir_hex_encode(entry, hex);
    weir_buf_addf(&writing->proofs, "%s,%s,%lld,%.*s,", request, what,
                  (long long)at->leaf, (int)sizeof hex, hex);
    if (weir_tlog_prove_inclusion((uint64_t)at->leaf, size, read_node, writing,
                                  hashes, &count) != WEIR_OK)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "a tile for the proof is not there");
    for (size_t i = 0; i < count; i++) {
        weir_hex_encode((weir_span){(const char *)hashes[i].bytes, 32}, hex);
        weir_buf_addf(&writing->proofs, "%s%.*s", i == 0 ? "" : " ",
                      (int)sizeof hex, hex);
    }
    weir_buf_addf(&writing->proofs, "\r\n");
    return writing->calls->level == WEIR_PACK_RECORDS
               ? put_record(writing, request, at, err)
               : WEIR_OK;
}

bool
weir__pack_concerns(weir_span kind, weir_span subject,
                    const struct weir_store_call *call)
{
    const struct {
        const char *kind;
        weir_span value;
    } members[] = {{"key", call->key},
                   {"tenant", call->tenant},
                   {"model", call->model},
                   {"deployment", call->deployment},
                   {"organisation", call->organisation},
                   {"jurisdiction", call->place}};
    for (size_t i = 0; i < WEIR_COUNTOF(members); i++) {
        if (weir_span_equal(kind, weir_span_of(members[i].kind)))
            return weir_span_equal(members[i].value, subject);
    }
    return true;
}

static weir_status
on_call(void *context, const struct weir_store_call *call,
        struct weir_error *err)
{
    struct writing *writing = context;
    char request[WEIR_REQUEST_ID_TEXT];
    char customer[WEIR_STORE_END_CUSTOMER_MAX] = "";
    weir_status status = WEIR_OK;
    if (!weir__pack_concerns(writing->calls->kind, writing->calls->subject,
                             call))
        return WEIR_OK;
    if (++writing->count > WEIR_PACK_CALLS_MAX)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "the period has more than %d calls: ask for a "
                         "shorter one, or for counts",
                         WEIR_PACK_CALLS_MAX);
    if (writing->calls->level == WEIR_PACK_COUNTS)
        return WEIR_OK;
    weir_request_id_format(&call->request, request);
    if (writing->shows[9])
        status = weir_store_call_end_customer(writing->calls->ask.store,
                                              &call->request, customer, err);
    const struct row row = {call, request, weir_span_of(customer)};
    put_row(writing, &row);
    if (status == WEIR_OK && call->first.segment != 0)
        status =
            put_proof(writing, request,
                      call->state == WEIR_CALL_REFUSED ? "refusal" : "intent",
                      &call->first, err);
    if (status == WEIR_OK && call->last.segment != 0)
        status = put_proof(writing, request, "outcome", &call->last, err);
    return status;
}

static weir_status
begin(struct writing *writing, struct weir_error *err)
{
    const struct weir_pack_calls *calls = writing->calls;
    const struct weir_paths *paths = &calls->ask.control->paths;
    bool is_first = true;
    weir_status status = choose_fields(writing, err);
    if (status == WEIR_OK)
        status = begin_pseudonyms(writing, err);
    if (status == WEIR_OK)
        status = weir__audit_head_read(
            calls->ask.store, paths, calls->rules,
            calls->rules->policy[0] != '\0' ? WEIR_WITNESSED : "checkpoint",
            &writing->head, err);
    if (status == WEIR_ENOTFOUND)
        status = weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                           "the log has no checkpoint yet: ask again in a "
                           "second");
    if (status == WEIR_OK)
        status = weir_tlog_tiles_open(
            paths->tlog, writing->head.checkpoint.size, &writing->tiles, err);
    for (size_t i = 0; i < FIELDS; i++) {
        if (!writing->shows[i])
            continue;
        weir_buf_addf(&writing->rows, "%s%s", is_first ? "" : ",",
                      fields[i].name);
        is_first = false;
    }
    weir_buf_addf(&writing->rows, "\r\n");
    weir_buf_addf(&writing->proofs, "request,record,leaf,entry,hashes\r\n");
    return status;
}

weir_status
weir_pack_add_calls(struct weir_pack *pack, const struct weir_pack_calls *calls,
                    uint64_t *count_out, struct weir_error *err)
{
    struct writing writing = {
        .calls = calls,
        .nodes = calloc(NODES, sizeof(struct node)),
        .journal = {.directory = calls->ask.control->paths.journal}};
    struct weir_error own = {0};
    weir_buf_init(&writing.rows, WEIR_PACK_BYTES_MAX);
    weir_buf_init(&writing.proofs, WEIR_PACK_BYTES_MAX);
    weir_buf_init(&writing.records, WEIR_PACK_BYTES_MAX);
    weir_status status =
        writing.nodes == NULL
            ? weir_fail(&own, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory")
            : begin(&writing, &own);
    if (status == WEIR_OK)
        status = weir__report_calls(&calls->ask, on_call, &writing, &own);
    if (status == WEIR_OK &&
        (writing.rows.overflow || writing.proofs.overflow ||
         writing.records.overflow))
        status = weir_fail(&own, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                           "the pack is too large: ask for a shorter period");
    if (status == WEIR_OK && calls->level > WEIR_PACK_COUNTS) {
        weir_pack_add(pack, "calls.csv", weir_buf_span(&writing.rows));
        weir_pack_add(pack, "proofs.csv", weir_buf_span(&writing.proofs));
        weir_pack_add(pack, "checkpoint", weir_buf_span(&writing.head.bytes));
    }
    if (status == WEIR_OK && calls->level == WEIR_PACK_RECORDS)
        weir_pack_add(pack, "records.jsonl", weir_buf_span(&writing.records));
    *count_out = writing.count;
    free(writing.nodes);
    weir_tlog_tiles_close(writing.tiles);
    weir__audit_head_fini(&writing.head);
    weir__report_journal_fini(&writing.journal);
    weir_wipe(&writing.salts, sizeof writing.salts);
    weir_wipe(&writing.pseudonyms, sizeof writing.pseudonyms);
    weir_buf_fini(&writing.rows);
    weir_buf_fini(&writing.proofs);
    weir_buf_fini(&writing.records);
    if (status != WEIR_OK && err != NULL)
        *err = own;
    return status;
}
