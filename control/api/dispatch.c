/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a request to its handler: route, token, role, body, reply.
 *
 * Errors have one shape: {"error":{"type","code","message","faults"}} with
 * the status of errors.def. A path that is there with another method is 405,
 * and both are said before any token is asked for: paths are no secret.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>

#include "control/api/call.h"

#define WEIR_ROLE_NOBODY   WEIR_API_NOBODY
#define WEIR_ROLE_CUSTOMER WEIR_API_CUSTOMER
#define WEIR_ROLE_MODELS   WEIR_API_MODELS
#define WEIR_ROUTE(method, path, role, handler, summary)                       \
    {WEIR_API_ROUTE, #method,          path,  summary,                         \
     NULL,           WEIR_ROLE_##role, false, weir_api_##handler},
#define WEIR_QUERY(name, type, text)                                           \
    {WEIR_API_QUERY, NULL, name, text, type, 0, false, NULL},
#define WEIR_BODY(name, type, is_required, text)                               \
    {WEIR_API_BODY, NULL, name, text, type, 0, is_required, NULL},
#define WEIR_REPLY(name, type, text)                                           \
    {WEIR_API_REPLY, NULL, name, text, type, 0, false, NULL},
const struct weir_api_row weir_api_rows[] = {
#include "control/api/routes.def"
};
#undef WEIR_ROUTE
#undef WEIR_QUERY
#undef WEIR_BODY
#undef WEIR_REPLY

const size_t weir_api_row_count = WEIR_COUNTOF(weir_api_rows);

/* ------------------------------------------------------------------- reading */

const char *
weir_api_query(const struct weir_api_call *call, const char *name)
{
    for (uint32_t i = 0; i < call->request->query_count; i++) {
        if (strcmp(call->request->query[i].name, name) == 0)
            return call->request->query[i].value;
    }
    return NULL;
}

weir_status
weir_api_query_number(const struct weir_api_call *call, const char *name,
                      uint64_t fallback, uint64_t most, uint64_t *value_out,
                      struct weir_error *err)
{
    const char *text = weir_api_query(call, name);
    uint64_t value = fallback;
    if (text != NULL && (!weir_span_to_u64(weir_span_of(text), &value) ||
                         value == 0 || value > most))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'%s' is a number from 1 to %llu", name,
                         (unsigned long long)most);
    *value_out = value;
    return WEIR_OK;
}

weir_status
weir_api_query_time(const struct weir_api_call *call, const char *name,
                    weir_time fallback, weir_time *value_out,
                    struct weir_error *err)
{
    const char *text = weir_api_query(call, name);
    *value_out = fallback;
    if (text != NULL && !weir_time_parse(weir_span_of(text), value_out))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'%s' is a time like 2026-11-10 or "
                         "2026-11-10T08:00:00Z",
                         name);
    return WEIR_OK;
}

weir_span
weir_api_body(const struct weir_api_call *call, const char *name)
{
    const json_t *value = json_object_get(call->body, name);
    if (!json_is_string(value))
        return WEIR_SPAN("");
    return (weir_span){json_string_value(value), json_string_length(value)};
}

json_t *
weir_api_text(weir_span text)
{
    json_t *value = json_stringn(text.ptr == NULL ? "" : text.ptr, text.len);
    return value == NULL ? json_string("?") : value;
}

json_t *
weir_api_digest(const uint8_t digest[32])
{
    char hex[WEIR_HEX_LEN(32)];
    weir_hex_encode((weir_span){(const char *)digest, 32}, hex);
    return json_stringn(hex, sizeof hex);
}

/* ------------------------------------------------------------------- routing */

/* One segment each; "{name}" takes any that is not empty. */
static bool
path_matches(const char *pattern, const char *path, struct weir_api_call *call)
{
    uint32_t count = 0;
    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        size_t len = strcspn(path, "/");
        if (len == 0 || len >= sizeof call->params[0])
            return false;
        memcpy(call->params[count], path, len);
        call->params[count++][len] = '\0';
        path += len;
        pattern = strchr(pattern, '}') + 1;
    }
    call->param_count = count;
    return *path == '\0';
}

static const struct weir_api_row *
find_route(struct weir_api_call *call, weir_status *status_out)
{
    *status_out = WEIR_ENOTFOUND;
    for (size_t i = 0; i < weir_api_row_count; i++) {
        const struct weir_api_row *row = &weir_api_rows[i];
        if (row->kind != WEIR_API_ROUTE ||
            (call->door->is_customers && row->role != WEIR_ROLE_CUSTOMER) ||
            !path_matches(row->name, call->request->path, call))
            continue;
        if (strcmp(row->method, call->request->method) == 0)
            return row;
        *status_out = WEIR_EMETHOD;
    }
    return NULL;
}

static weir_status
authorize(struct weir_api_call *call, int role, struct weir_error *err)
{
    const char *text = call->request->authorization;
    call->actor = (struct weir_actor){"local", WEIR_ROLE_ADMIN};
    /* At the local door a token is not needed, but says who it is. */
    bool is_open = role == WEIR_API_NOBODY || role == WEIR_API_CUSTOMER;
    if (is_open || (call->request->is_local && text == NULL))
        return WEIR_OK;
    if (text == NULL || strncmp(text, "Bearer ", 7) != 0)
        return weir_fail(err, WEIR_EUNAUTH, WEIR_OFFSET_NONE,
                         "a token is needed: 'Authorization: Bearer wa_...'");
    weir_digest digest;
    enum weir_role has;
    weir_sha256_of(weir_span_of(text + 7), &digest);
    weir_status status =
        weir_store_token_find(call->door->store, digest.bytes,
                              weir_control_now(), call->actor_id, &has, err);
    if (status == WEIR_ENOTFOUND)
        return weir_fail(err, WEIR_EUNAUTH, WEIR_OFFSET_NONE,
                         "the token is not known, revoked or over");
    if (status != WEIR_OK)
        return status;
    call->actor = (struct weir_actor){call->actor_id, has};
    if (role == WEIR_API_MODELS && has == WEIR_ROLE_MODEL_OWNER) {
        status = weir_store_token_provider(call->door->store,
                                           weir_span_of(call->actor_id),
                                           call->provider, err);
        if (status == WEIR_OK && call->provider[0] == '\0')
            status = weir_fail(err, WEIR_EROLE, WEIR_OFFSET_NONE,
                               "the token is of no provider");
        return status;
    }
    if (role == WEIR_API_MODELS)
        role = WEIR_ROLE_AUDITOR;
    if ((int)has < role)
        return weir_fail(err, WEIR_EROLE, WEIR_OFFSET_NONE,
                         "this needs the role %s, the token has %s",
                         weir_role_name((enum weir_role)role),
                         weir_role_name(has));
    return WEIR_OK;
}

static bool
is_of_type(const json_t *value, const char *type)
{
    if (strcmp(type, "array") == 0)
        return json_is_array(value);
    if (strcmp(type, "object") == 0)
        return json_is_object(value);
    if (strcmp(type, "integer") == 0)
        return json_is_integer(value);
    if (strcmp(type, "boolean") == 0)
        return json_is_boolean(value);
    return json_is_string(value);
}

/* Members that are required, of the right type, and none that is unknown. */
static weir_status
check_body(struct weir_api_call *call, const struct weir_api_row *route,
           struct weir_error *err)
{
    const struct weir_api_row *end = weir_api_rows + weir_api_row_count;
    size_t known = 0;
    for (const struct weir_api_row *row = route + 1;
         row < end && row->kind != WEIR_API_ROUTE; row++) {
        if (row->kind != WEIR_API_BODY)
            continue;
        const json_t *value = json_object_get(call->body, row->name);
        if (value == NULL && row->is_required)
            return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                             "'%s' is missing: %.100s", row->name, row->text);
        if (value != NULL && !is_of_type(value, row->type))
            return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                             "'%s' is of type %s", row->name, row->type);
        known += value != NULL;
    }
    if (json_object_size(call->body) > known)
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "the body has a member that this route does not "
                         "know");
    return WEIR_OK;
}

static weir_status
read_body(struct weir_api_call *call, const struct weir_api_row *route,
          struct weir_error *err)
{
    weir_span body = call->request->body;
    json_error_t fault;
    if (body.len == 0)
        return check_body(call, route, err);
    call->body = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, &fault);
    if (call->body == NULL)
        return weir_fail(err, WEIR_EPARSE, (size_t)fault.position,
                         "the body is not JSON: %.100s", fault.text);
    if (!json_is_object(call->body))
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "the body is a JSON object");
    return check_body(call, route, err);
}

/* Of a register: what else a body would say stands in the query. */
static weir_status
read_query(struct weir_api_call *call, const struct weir_api_row *route,
           struct weir_error *err)
{
    const struct weir_api_row *end = weir_api_rows + weir_api_row_count;
    call->body = json_object();
    for (const struct weir_api_row *row = route + 1;
         row < end && row->kind != WEIR_API_ROUTE; row++) {
        const char *text = weir_api_query(call, row->name);
        uint64_t number = 0;
        if (row->kind != WEIR_API_BODY || text == NULL)
            continue;
        json_t *value = json_string(text);
        if (strcmp(row->type, "boolean") == 0) {
            json_decref(value);
            value = json_boolean(strcmp(text, "true") == 0);
        } else if (strcmp(row->type, "integer") == 0) {
            json_decref(value);
            if (!weir_span_to_u64(weir_span_of(text), &number) ||
                number > INT64_MAX)
                return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                                 "'%s' is a whole number", row->name);
            value = json_integer((json_int_t)number);
        }
        json_object_set_new(call->body, row->name, value);
    }
    return check_body(call, route, err);
}

weir_status
weir_api_may_send(struct weir_api_door *door,
                  const struct weir_api_request *request,
                  struct weir_error *err)
{
    struct weir_api_call call = {.door = door, .request = request};
    weir_status status;
    const struct weir_api_row *route = find_route(&call, &status);
    if (route == NULL)
        return weir_fail(err, status, WEIR_OFFSET_NONE, "no such path");
    if (route->handler != weir_api_import &&
        route->handler != weir_api_share_import)
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "this path takes JSON");
    return authorize(&call, route->role, err);
}

/* ------------------------------------------------------------------ replying */

static json_t *
faults_json(const struct weir_faults *faults)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < faults->count; i++) {
        const struct weir_fault *fault = &faults->rows[i];
        json_array_append_new(
            list, json_pack("{s:o,s:i,s:i,s:o,s:o}", "file",
                            weir_api_text(fault->place.file), "line",
                            (int)fault->place.line, "column",
                            (int)fault->place.column, "text",
                            weir_api_text(fault->text), "advice",
                            weir_api_text(fault->advice)));
    }
    return list;
}

static void
fail_call(struct weir_api_call *call, const struct weir_error *err)
{
    const struct weir_status_info *info = weir_status_info(err->status);
    call->status = (unsigned)info->http;
    json_decref(call->reply);
    free(call->text);
    call->text = NULL;
    call->text_len = 0;
    call->reply = json_pack("{s:{s:s,s:s,s:s}}", "error", "type", info->type,
                            "code", info->name, "message", err->text);
    if (call->faults.count > 0)
        json_object_set_new(json_object_get(call->reply, "error"), "faults",
                            faults_json(&call->faults));
}

static void
finish(struct weir_api_call *call, struct weir_api_reply *reply)
{
    reply->status = call->status;
    if (call->text != NULL) {
        reply->content_type = call->content_type;
        reply->bytes = call->text;
        reply->len = call->text_len != 0 ? call->text_len : strlen(call->text);
        return;
    }
    reply->content_type = "application/json";
    reply->bytes = json_dumps(call->reply, JSON_COMPACT);
    if (reply->bytes == NULL) {
        reply->status = 500;
        reply->bytes = strdup("{\"error\":{\"type\":\"internal_error\","
                              "\"code\":\"ENOMEM\",\"message\":\"out of "
                              "memory\"}}");
    }
    reply->len = reply->bytes == NULL ? 0 : strlen(reply->bytes);
}

static weir_status
run(struct weir_api_call *call, struct weir_error *err)
{
    weir_status status;
    const struct weir_api_row *route = find_route(call, &status);
    if (route == NULL)
        return weir_fail(err, status, WEIR_OFFSET_NONE,
                         status == WEIR_EMETHOD
                             ? "the path is there, with another method"
                             : "no such path; /openapi.json lists them");
    status = authorize(call, route->role, err);
    if (status == WEIR_OK)
        status = call->request->spool != NULL ? read_query(call, route, err)
                                              : read_body(call, route, err);
    if (status == WEIR_OK)
        status = route->handler(call, err);
    return status;
}

void
weir_api_refuse(const struct weir_error *err, struct weir_api_reply *reply_out)
{
    struct weir_api_call call = {.status = 200};
    weir_faults_init(&call.faults);
    fail_call(&call, err);
    finish(&call, reply_out);
    json_decref(call.reply);
    weir_faults_fini(&call.faults);
}

void
weir_api_dispatch(struct weir_api_door *door,
                  const struct weir_api_request *request,
                  struct weir_api_reply *reply_out)
{
    struct weir_api_call call = {
        .door = door, .request = request, .status = 200};
    struct weir_error err = {0};
    weir_faults_init(&call.faults);
    if (run(&call, &err) != WEIR_OK)
        fail_call(&call, &err);
    finish(&call, reply_out);
    json_decref(call.reply);
    json_decref(call.body);
    weir_faults_fini(&call.faults);
}
