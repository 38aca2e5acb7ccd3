/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/exceptions */
#include <string.h>

#include <weir/catalog.h>

#include "control/api/call.h"
#include "control/exceptions/exceptions.h"

static const char *const metrics[] = {"calls", "tokens", "money_micros"};

struct listing {
    struct weir_api_call *call;
    enum weir_grant_use use;
    json_t *list;
    weir_time now;
    weir_status status;
    struct weir_error *err;
};

/* The counters' figures while a daemon runs; else what the ledger knows. */
static weir_status
read_used(struct weir_api_call *call, const struct weir_exception *row,
          weir_time now, int64_t used_out[3], int64_t held_out[3],
          struct weir_error *err)
{
    struct weir_grant grant = {0};
    memset(held_out, 0, 3 * sizeof(*held_out));
    if (call->door->quota == NULL)
        return weir_exception_used(call->door->store, row->id, used_out, err);
    (void)weir_grant_set_id(&grant, row->id);
    for (int i = 0; i < 3; i++) {
        weir_quota_row counter = {0};
        (void)weir_quota_get(call->door->quota, grant.subject,
                             (weir_quota_metric)i, WEIR_QUOTA_EVER, now,
                             &counter);
        used_out[i] = counter.used;
        held_out[i] = counter.held;
    }
    return WEIR_OK;
}

static json_t *
quantities_json(const struct weir_exception *row, const int64_t used[3],
                const int64_t held[3], bool *is_spent_out)
{
    json_t *all = json_object();
    *is_spent_out = false;
    for (int i = 0; i < 3; i++) {
        if (row->amounts[i] == WEIR_GRANT_UNLIMITED)
            continue;
        int64_t left = row->amounts[i] - used[i] - held[i];
        *is_spent_out |= row->amounts[i] <= used[i];
        json_object_set_new(all, metrics[i],
                            json_pack("{s:I,s:I,s:I,s:I}", "granted",
                                      (json_int_t)row->amounts[i], "used",
                                      (json_int_t)used[i], "held",
                                      (json_int_t)held[i], "left",
                                      (json_int_t)(left > 0 ? left : 0)));
    }
    return all;
}

static json_t *
exception_json(const struct weir_exception *row, weir_time now,
               const int64_t used[3], const int64_t held[3])
{
    bool is_spent;
    json_t *quantities = quantities_json(row, used, held, &is_spent);
    const char *state = weir_exception_state(row, now);
    if (is_spent && strcmp(state, "in force") == 0)
        state = "spent";
    return json_pack(
        "{s:o,s:s,s:o,s:o,s:o,s:o,s:s,s:o,s:s,s:o,s:s,s:o,s:o,s:I,s:I,s:I,s:o,"
        "s:o,s:o,s:o,s:o,s:o,s:o}",
        "id", weir_api_text(row->id), "state", state, "name",
        weir_api_text(row->name), "licence", weir_api_text(row->licence),
        "owner", weir_api_text(row->owner), "reason",
        weir_api_text(row->reason), "party_kind",
        weir_exception_party_name(row->party_kind), "party",
        weir_api_text(row->party), "target_kind",
        weir_exception_target_name(row->target_kind), "target",
        weir_api_text(row->target), "place_kind",
        weir_exception_place_name(row->place_kind), "place",
        weir_api_text(row->place), "quantities", quantities, "from_us",
        (json_int_t)row->from, "until_us", (json_int_t)row->until,
        "requested_us", (json_int_t)row->requested, "requested_by",
        weir_api_text(row->requested_by), "approved_us",
        row->approved == 0 ? json_null() : json_integer(row->approved),
        "approved_by", weir_api_text(row->approved_by), "revoked_us",
        row->revoked == 0 ? json_null() : json_integer(row->revoked),
        "revoked_by", weir_api_text(row->revoked_by), "revoked_reason",
        weir_api_text(row->revoked_reason), "purpose",
        weir_api_text(row->purpose));
}

static bool
add_exception(void *context, const struct weir_exception *row)
{
    struct listing *listing = context;
    int64_t used[3], held[3];
    if (row->use != listing->use)
        return true;
    listing->status =
        read_used(listing->call, row, listing->now, used, held, listing->err);
    if (listing->status != WEIR_OK)
        return false;
    json_t *one = exception_json(row, listing->now, used, held);
    const char *wanted = weir_api_query(listing->call, "state");
    if (wanted == NULL ||
        strcmp(json_string_value(json_object_get(one, "state")), wanted) == 0)
        json_array_append(listing->list, one);
    json_decref(one);
    return true;
}

static weir_status
list_of(struct weir_api_call *call, enum weir_grant_use use, const char *member,
        struct weir_error *err)
{
    struct listing listing = {.call = call,
                              .use = use,
                              .list = json_array(),
                              .now = weir_control_now(),
                              .status = WEIR_OK,
                              .err = err};
    weir_status status =
        weir_exceptions(call->door->store, add_exception, &listing, err);
    call->reply = json_pack("{s:o}", member, listing.list);
    return status == WEIR_OK ? listing.status : status;
}

weir_status
weir_api_exceptions_list(struct weir_api_call *call, struct weir_error *err)
{
    return list_of(call, WEIR_GRANT_FOR_POLICY, "exceptions", err);
}

weir_status
weir_api_watch_grants_list(struct weir_api_call *call, struct weir_error *err)
{
    return list_of(call, WEIR_GRANT_FOR_WATCH, "grants", err);
}

/* --------------------------------------------------------------- request */

static weir_status
read_time(const struct weir_api_call *call, const char *name,
          weir_time fallback, weir_time *when_out, struct weir_error *err)
{
    weir_span text = weir_api_body(call, name);
    *when_out = fallback;
    if (text.len == 0 || weir_time_parse(text, when_out))
        return WEIR_OK;
    return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                     "'%s' is a time like 2026-11-10 or 2026-11-10T08:00:00Z",
                     name);
}

static weir_status
read_amount(const struct weir_api_call *call, const char *name, bool is_money,
            int64_t *amount_out, struct weir_error *err)
{
    weir_span text = weir_api_body(call, name);
    uint64_t number = 0;
    *amount_out = WEIR_GRANT_UNLIMITED;
    if (text.len == 0)
        return WEIR_OK;
    if (is_money)
        return weir_micros_parse(text, amount_out, err);
    if (!weir_span_to_u64(text, &number) || number > INT64_MAX)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'%s' is a whole number", name);
    *amount_out = (int64_t)number;
    return WEIR_OK;
}

/* Exactly one of four; at most one of the others. */
static weir_status
read_scope(const struct weir_api_call *call, struct weir_exception *wish,
           struct weir_error *err)
{
    uint32_t parties = 0, targets = 0, places = 0;
    for (uint8_t kind = WEIR_GRANT_ORGANISATION; kind <= WEIR_GRANT_KEY;
         kind++) {
        weir_span name = weir_api_body(
            call, weir_exception_party_name((enum weir_grant_party)kind));
        if (name.len == 0)
            continue;
        parties++;
        wish->party_kind = (enum weir_grant_party)kind;
        wish->party = name;
    }
    for (uint8_t kind = WEIR_GRANT_MODEL; kind <= WEIR_GRANT_PROVIDER; kind++) {
        weir_span name = weir_api_body(
            call, weir_exception_target_name((enum weir_grant_target)kind));
        if (name.len == 0)
            continue;
        targets++;
        wish->target_kind = (enum weir_grant_target)kind;
        wish->target = name;
    }
    for (uint8_t kind = WEIR_GRANT_REGION; kind <= WEIR_GRANT_JURISDICTION;
         kind++) {
        weir_span name = weir_api_body(
            call, weir_exception_place_name((enum weir_grant_place)kind));
        if (name.len == 0)
            continue;
        places++;
        wish->place_kind = (enum weir_grant_place)kind;
        wish->place = name;
    }
    if (parties == 1 && targets <= 1 && places <= 1)
        return WEIR_OK;
    return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                     "an exception is for one organisation, tenant, project "
                     "or key, and at most one model, family or provider and "
                     "one region or jurisdiction");
}

static weir_status
request(struct weir_api_call *call, enum weir_grant_use use, weir_span name,
        struct weir_error *err)
{
    char id[WEIR_STORE_ID_MAX];
    struct weir_exception wish = {
        .use = use,
        .purpose = weir_api_body(call, "purpose"),
        .name = name,
        .licence = weir_api_body(call, "licence"),
        .owner = weir_api_body(call, "owner"),
        .reason = weir_api_body(call, "reason"),
    };
    weir_status status = read_scope(call, &wish, err);
    if (status == WEIR_OK)
        status = read_amount(call, "calls", false, &wish.amounts[0], err);
    if (status == WEIR_OK)
        status = read_amount(call, "tokens", false, &wish.amounts[1], err);
    if (status == WEIR_OK)
        status = read_amount(call, "money", true, &wish.amounts[2], err);
    if (status == WEIR_OK)
        status = read_time(call, "from", weir_control_now(), &wish.from, err);
    if (status == WEIR_OK)
        status = read_time(call, "until", 0, &wish.until, err);
    if (status == WEIR_OK)
        status = weir_exception_request(call->door->control, &call->actor,
                                        &wish, id, err);
    if (status != WEIR_OK)
        return status;
    call->status = 201;
    call->reply = json_pack("{s:s,s:s}", "id", id, "state", "requested");
    return WEIR_OK;
}

weir_status
weir_api_exception_request(struct weir_api_call *call, struct weir_error *err)
{
    return request(call, WEIR_GRANT_FOR_POLICY, weir_api_body(call, "name"),
                   err);
}

weir_status
weir_api_watch_grant_request(struct weir_api_call *call, struct weir_error *err)
{
    return request(call, WEIR_GRANT_FOR_WATCH, WEIR_SPAN("watch"), err);
}

weir_status
weir_api_exception_approve(struct weir_api_call *call, struct weir_error *err)
{
    weir_status status = weir_exception_approve(
        call->door->control, &call->actor, weir_span_of(call->params[0]), err);
    call->reply = json_pack("{s:s}", "approved", call->params[0]);
    return status;
}

weir_status
weir_api_exception_revoke(struct weir_api_call *call, struct weir_error *err)
{
    weir_status status = weir_exception_revoke(
        call->door->control, &call->actor, weir_span_of(call->params[0]),
        weir_api_body(call, "reason"), err);
    call->reply = json_pack("{s:s}", "revoked", call->params[0]);
    return status;
}
