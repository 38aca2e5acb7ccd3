/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/keys */
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>

#include "control/api/call.h"
#include "control/onboarding/rows.h"

/* A time that may be absent: null in JSON. */
static json_t *
time_json(weir_time when, weir_time none)
{
    return when == none ? json_null() : json_integer(when);
}

struct listing {
    struct weir_store *store;
    json_t *list;
};

/* Its decision, and why it is on hold. */
static void
add_state(struct weir_store *store, weir_span id, json_t *line)
{
    char cause[WEIR__CAUSE_MAX];
    int64_t decision;
    weir_time since;
    if (weir__key_state(store, id, &decision, &since, cause, NULL) != WEIR_OK)
        return;
    json_object_set_new(line, "decision",
                        decision == 0
                            ? json_null()
                            : json_sprintf("dec_%lld", (long long)decision));
    json_object_set_new(line, "hold",
                        since == 0 ? json_null() : json_string(cause));
    json_object_set_new(line, "hold_since_us", time_json(since, 0));
}

static bool
add_key(void *context, const struct weir_store_key *key)
{
    struct listing *listing = context;
    json_t *line = json_pack(
        "{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:o,s:o,s:o}", "id",
        weir_api_text(key->id), "tenant", weir_api_text(key->tenant), "project",
        weir_api_text(key->project), "purpose", weir_api_text(key->purpose),
        "staff", weir_api_text(key->staff), "end_users",
        weir_api_text(key->end_users), "limits", weir_api_text(key->limits),
        "created_us", (json_int_t)key->created, "created_by",
        weir_api_text(key->created_by), "not_after_us",
        time_json(key->not_after, WEIR_TIME_MAX), "revoked_us",
        time_json(key->revoked, 0));
    json_object_set_new(
        line, "scope",
        weir_api_text(key->scope.len > 0 ? key->scope : WEIR_SPAN("global")));
    json_object_set_new(line, "tags", weir_api_text(key->tags));
    add_state(listing->store, key->id, line);
    json_array_append_new(listing->list, line);
    return true;
}

weir_status
weir_api_keys_list(struct weir_api_call *call, struct weir_error *err)
{
    struct listing listing = {call->door->store, json_array()};
    weir_status status =
        weir_store_keys(call->door->store, add_key, &listing, err);
    call->reply = json_pack("{s:o}", "keys", listing.list);
    return status;
}

/* RFC 3339 time or date, or never. */
static weir_status
read_end(weir_span text, weir_time *when_out, struct weir_error *err)
{
    *when_out = WEIR_TIME_MAX;
    if (text.len > 0 && !weir_time_parse(text, when_out))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'not_after' is a time like 2026-11-10 or "
                         "2026-11-10T08:00:00Z");
    if (*when_out <= weir_control_now())
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'not_after' is in the past");
    return WEIR_OK;
}

static weir_status
read_not_after(const struct weir_api_call *call, weir_time *when_out,
               struct weir_error *err)
{
    return read_end(weir_api_body(call, "not_after"), when_out, err);
}

static weir_span
member(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_string(value))
        return WEIR_SPAN("");
    return (weir_span){json_string_value(value), json_string_length(value)};
}

static weir_status
read_wish(const json_t *object, struct weir_key_wish *wish_out,
          struct weir_error *err)
{
    *wish_out = (struct weir_key_wish){
        .project = member(object, "project"),
        .purpose = member(object, "purpose"),
        .staff = member(object, "staff"),
        .end_users = member(object, "end_users"),
        .limits = member(object, "limits"),
        .scope = member(object, "scope"),
        .tags = member(object, "tags"),
    };
    return read_end(member(object, "not_after"), &wish_out->not_after, err);
}

weir_status
weir_api_key_create(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_key_made made;
    struct weir_key_wish wish;
    size_t at;
    weir_status status = read_wish(call->body, &wish, err);
    if (status == WEIR_OK)
        status =
            weir_control_keys_create(call->door->control, &call->actor, &wish,
                                     1, &made, &at, &call->faults, err);
    if (status != WEIR_OK)
        return status;
    call->status = 201;
    call->reply = json_pack("{s:s,s:s}", "id", made.id, "key", made.key);
    weir_wipe(&made, sizeof made);
    return WEIR_OK;
}

static weir_status
create_all(struct weir_api_call *call, const json_t *list,
           struct weir_key_wish *wishes, struct weir_key_made *made,
           struct weir_error *err)
{
    size_t count = json_array_size(list), at = 0;
    struct weir_error own = {0};
    weir_status status = WEIR_OK;
    for (; status == WEIR_OK && at < count; at += status == WEIR_OK)
        status = read_wish(json_array_get(list, at), &wishes[at], &own);
    if (status == WEIR_OK)
        status =
            weir_control_keys_create(call->door->control, &call->actor, wishes,
                                     count, made, &at, &call->faults, &own);
    if (status != WEIR_OK && at < count)
        return weir_fail(err, status, WEIR_OFFSET_NONE, "key %zu: %s", at + 1,
                         own.text);
    if (status != WEIR_OK) {
        *err = own;
        return status;
    }
    json_t *keys = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(keys,
                              json_pack("{s:s,s:s,s:o}", "id", made[i].id,
                                        "key", made[i].key, "project",
                                        weir_api_text(wishes[i].project)));
    call->status = 201;
    call->reply = json_pack("{s:o}", "keys", keys);
    return WEIR_OK;
}

weir_status
weir_api_keys_create(struct weir_api_call *call, struct weir_error *err)
{
    const json_t *list = json_object_get(call->body, "keys");
    size_t count = json_array_size(list);
    if (count == 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'keys' is a list of what /v1/keys takes");
    struct weir_key_wish *wishes = calloc(count, sizeof *wishes);
    struct weir_key_made *made = calloc(count, sizeof *made);
    weir_status status = WEIR_ENOMEM;
    if (wishes == NULL || made == NULL)
        (void)weir_fail(err, status, WEIR_OFFSET_NONE, "out of memory");
    else
        status = create_all(call, list, wishes, made, err);
    if (made != NULL)
        weir_wipe(made, count * sizeof *made);
    free(made);
    free(wishes);
    return status;
}

weir_status
weir_api_key_revoke(struct weir_api_call *call, struct weir_error *err)
{
    weir_status status = weir_control_key_revoke(
        call->door->control, &call->actor, weir_span_of(call->params[0]), err);
    call->reply = json_pack("{s:s}", "revoked", call->params[0]);
    return status;
}

/* -------------------------------------------------------------- /v1/tokens */

static bool
add_token(void *context, const struct weir_store_token *token)
{
    json_array_append_new(
        context,
        json_pack("{s:o,s:s,s:o,s:I,s:o,s:o}", "id", weir_api_text(token->id),
                  "role", weir_role_name(token->role), "name",
                  weir_api_text(token->name), "created_us",
                  (json_int_t)token->created, "not_after_us",
                  time_json(token->not_after, WEIR_TIME_MAX), "revoked_us",
                  time_json(token->revoked, 0)));
    return true;
}

weir_status
weir_api_tokens_list(struct weir_api_call *call, struct weir_error *err)
{
    json_t *list = json_array();
    weir_status status =
        weir_store_tokens(call->door->store, add_token, list, err);
    call->reply = json_pack("{s:o}", "tokens", list);
    return status;
}

weir_status
weir_api_token_create(struct weir_api_call *call, struct weir_error *err)
{
    char token[WEIR_TOKEN_TEXT], id[WEIR_STORE_ID_MAX];
    enum weir_role role;
    weir_time not_after;
    if (!weir_role_parse(weir_api_body(call, "role"), &role))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'role' is model-owner, viewer, auditor, operator or "
                         "admin");
    weir_span provider = weir_api_body(call, "provider");
    if ((role == WEIR_ROLE_MODEL_OWNER) != (provider.len > 0) ||
        provider.len >= WEIR_STORE_PROVIDER_MAX)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'provider' is whose models a model-owner sees, and "
                         "of no other role");
    weir_status status = read_not_after(call, &not_after, err);
    if (status == WEIR_OK)
        status = weir_control_token_create(call->door->control, &call->actor,
                                           role, weir_api_body(call, "name"),
                                           provider, not_after, token, id, err);
    if (status != WEIR_OK)
        return status;
    call->status = 201;
    call->reply = json_pack("{s:s,s:s}", "id", id, "token", token);
    weir_wipe(token, sizeof token);
    return WEIR_OK;
}

weir_status
weir_api_token_revoke(struct weir_api_call *call, struct weir_error *err)
{
    weir_status status = weir_control_token_revoke(
        call->door->control, &call->actor, weir_span_of(call->params[0]), err);
    call->reply = json_pack("{s:s}", "revoked", call->params[0]);
    return status;
}
