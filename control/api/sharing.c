/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/watch/exchanges and /v1/watch/bundles. */
#include <stdlib.h>
#include <string.h>

#include "control/api/call.h"
#include "control/cases/cases.h"
#include "control/sharing/sharing.h"

#define LIST_MOST 10000

static json_t *
kinds_json(uint32_t kinds)
{
    json_t *list = json_array();
    for (uint32_t kind = 0; kind < WEIR_INDICATOR_KINDS; kind++)
        if ((kinds >> kind & 1) != 0)
            json_array_append_new(list,
                                  json_string(weir_indicator_kind_name(kind)));
    return list;
}

static bool
add_state(void *context, const struct weir_share_state *state)
{
    json_array_append_new(
        context,
        json_pack("{s:o,s:o,s:o,s:I,s:I,s:o,s:I,s:I,s:o}", "exchange",
                  weir_api_text(state->name), "gives_as",
                  state->issuer.len == 0 ? json_null()
                                         : weir_api_text(state->issuer),
                  "gives", kinds_json(state->gives), "lasts_us",
                  (json_int_t)state->lasts, "trusts", (json_int_t)state->trusts,
                  "number",
                  state->has_number ? json_integer(state->number) : json_null(),
                  "bundles", (json_int_t)state->bundles, "indicators",
                  (json_int_t)state->indicators, "problem",
                  state->problem[0] == '\0' ? json_null()
                                            : json_string(state->problem)));
    return true;
}

weir_status
weir_api_share_exchanges(struct weir_api_call *call, struct weir_error *err)
{
    json_t *list = json_array();
    call->reply = json_pack("{s:o}", "exchanges", list);
    return weir_share_states(call->door->control, true, add_state, list, err);
}

static bool
add_bundle(void *context, const struct weir_share_bundle *row)
{
    json_t *cases = json_loadb(row->cases.ptr, row->cases.len, 0, NULL);
    json_array_append_new(
        context,
        json_pack(
            "{s:I,s:s,s:o,s:o,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:I,s:o,s:o,s:o,s:o,"
            "s:o}",
            "number", (json_int_t)row->number, "direction",
            row->is_ours ? "given" : "taken", "exchange",
            weir_api_text(row->exchange), "issuer", weir_api_text(row->issuer),
            "serial", (json_int_t)row->serial, "issued_us",
            (json_int_t)row->issued, "expires_us", (json_int_t)row->expires,
            "indicators", (json_int_t)row->indicators, "digest",
            weir_api_digest(row->digest), "key", weir_api_text(row->key),
            "cases", cases == NULL ? json_array() : cases, "at_us",
            (json_int_t)row->at, "actor", weir_api_text(row->actor), "person",
            weir_api_text(row->person), "ended_us",
            row->ended == 0 ? json_null() : json_integer(row->ended),
            "ended_by", weir_api_text(row->ended_by), "ended_reason",
            weir_api_text(row->ended_reason)));
    return true;
}

weir_status
weir_api_share_list(struct weir_api_call *call, struct weir_error *err)
{
    const char *exchange = weir_api_query(call, "exchange");
    const char *all = weir_api_query(call, "all");
    uint64_t limit = 0;
    json_t *list = json_array();
    weir_status status =
        weir_api_query_number(call, "limit", 100, LIST_MOST, &limit, err);
    call->reply = json_pack("{s:o}", "bundles", list);
    if (status == WEIR_OK)
        status = weir_share_bundles(
            call->door->store, weir_span_of(exchange == NULL ? "" : exchange),
            all != NULL && strcmp(all, "true") == 0, (uint32_t)limit,
            add_bundle, list, err);
    return status;
}

/* The text as it was sent, or of the body, or a file of this machine for its
 * own user. */
static weir_status
find_text(const struct weir_api_call *call, weir_span *text_out, char **own_out,
          struct weir_error *err)
{
    weir_span text = weir_api_body(call, "text");
    weir_span path = weir_api_body(call, "path");
    size_t len = 0;
    if (call->request->spool != NULL) {
        weir_status status =
            weir_spool_map(call->request->spool, text_out, err);
        if (status == WEIR_OK && text_out->len > WEIR_BUNDLE_BYTES_MAX)
            return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                             "a bundle has at most %zu MiB",
                             WEIR_BUNDLE_BYTES_MAX >> 20);
        return status;
    }
    if ((text.len == 0) == (path.len == 0))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "one of 'text' and 'path' is needed");
    *text_out = text;
    if (path.len == 0)
        return WEIR_OK;
    if (!call->request->is_local)
        return weir_fail(err, WEIR_EROLE, WEIR_OFFSET_NONE,
                         "'path' is for the machine's own user");
    weir_status status =
        weir_read_file(json_string_value(json_object_get(call->body, "path")),
                       own_out, &len, err);
    *text_out = (weir_span){*own_out, len};
    return status;
}

static json_t *
taken_json(const struct weir_share_taken *taken)
{
    return json_pack(
        "{s:I,s:s,s:s,s:I,s:I,s:I}", "number", (json_int_t)taken->number,
        "exchange", taken->exchange, "issuer", taken->issuer, "serial",
        (json_int_t)taken->serial, "indicators", (json_int_t)taken->indicators,
        "expires_us", (json_int_t)taken->expires);
}

weir_status
weir_api_share_import(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_share_taken taken;
    weir_span text = WEIR_SPAN_NONE;
    char *own = NULL;
    weir_status status = find_text(call, &text, &own, err);
    if (status == WEIR_OK)
        status = weir_share_import(call->door->control, &call->actor, text,
                                   &taken, err);
    if (status == WEIR_OK)
        call->reply = taken_json(&taken);
    free(own);
    return status;
}

weir_status
weir_api_share_remove(struct weir_api_call *call, struct weir_error *err)
{
    const char *reason = weir_api_query(call, "reason");
    uint64_t number = 0;
    if (!weir_span_to_u64(weir_span_of(call->params[0]), &number) ||
        number > INT64_MAX)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "a bundle has a number: weir watch bundle list");
    call->reply = json_pack("{s:I}", "number", (json_int_t)number);
    return weir_share_remove(call->door->control, &call->actor, (int64_t)number,
                             weir_span_of(reason == NULL ? "" : reason), err);
}

weir_status
weir_api_share_export(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_share_given given;
    struct weir_buf text;
    weir_buf_init(&text, WEIR_BUNDLE_BYTES_MAX);
    weir_status status =
        weir_share_export(call->door->control, call->door->store, &call->actor,
                          weir_span_of(call->params[0]), &text, &given, err);
    if (status == WEIR_OK) {
        call->reply = taken_json(&given.bundle);
        json_object_set_new(call->reply, "cases", json_integer(given.cases));
        json_object_set_new(call->reply, "withheld",
                            json_integer(given.withheld));
        json_object_set_new(call->reply, "common", json_integer(given.common));
        json_object_set_new(call->reply, "text",
                            weir_api_text(weir_buf_span(&text)));
    }
    weir_buf_fini(&text);
    return status;
}

weir_status
weir_api_share_withhold(struct weir_api_call *call, struct weir_error *err)
{
    weir_span id = weir_api_body(call, "case");
    int64_t number = 0;
    if (!weir_case_id_parse(id, &number))
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no such case; ids are like case_17");
    call->reply = json_pack("{s:o}", "case", weir_api_text(id));
    return weir_share_withhold(call->door->control, &call->actor,
                               weir_span_of(call->params[0]), number,
                               weir_api_body(call, "reason"), err);
}
