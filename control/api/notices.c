/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /v1/notices, /v1/webhooks, /v1/deliveries for the seller, and /v1/my/notices
 * for a customer, who shows a key of his own instead of a token.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <weir/crypto.h>
#include <weir/gate.h>

#include "control/api/call.h"
#include "control/notices/notices.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MOST    10000

static json_t *
time_json(weir_time when)
{
    return when == 0 ? json_null() : json_integer(when);
}

/* ------------------------------------------------------------------ notices */

static bool
add_notice(void *context, const struct weir_notice *row)
{
    json_t *json = json_pack(
        "{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:o,s:o,s:o}", "id",
        weir_api_text(row->id), "type", weir_api_text(row->type), "tenant",
        weir_api_text(row->tenant), "key", weir_api_text(row->key), "subject",
        weir_api_text(row->subject), "text", weir_api_text(row->text), "reason",
        weir_api_text(row->reason), "target", weir_api_text(row->target),
        "link", weir_api_text(row->link), "deadline_us",
        time_json(row->deadline), "created_us", (json_int_t)row->created,
        "created_by", weir_api_text(row->created_by), "acknowledged_us",
        time_json(row->acknowledged), "acknowledged_by",
        weir_api_text(row->acknowledged_by));
    json_array_append_new(context, json);
    return true;
}

static weir_status
list_notices(struct weir_api_call *call, weir_span tenant,
             struct weir_error *err)
{
    const char *open = weir_api_query(call, "open");
    uint64_t limit;
    weir_status status = weir_api_query_number(call, "limit", LIMIT_DEFAULT,
                                               LIMIT_MOST, &limit, err);
    if (status != WEIR_OK)
        return status;
    const struct weir_notice_filter filter = {.tenant = tenant,
                                              .is_open = open != NULL &&
                                                         strcmp(open, "1") == 0,
                                              .limit = (uint32_t)limit};
    json_t *list = json_array();
    status = weir_notices(call->door->store, &filter, add_notice, list, err);
    call->reply = json_pack("{s:o}", "notices", list);
    return status;
}

weir_status
weir_api_notices_list(struct weir_api_call *call, struct weir_error *err)
{
    const char *tenant = weir_api_query(call, "tenant");
    return list_notices(call, weir_span_of(tenant == NULL ? "" : tenant), err);
}

/* A tenant that nobody declared would never read it. */
static weir_status
check_tenant(struct weir_control *control, weir_span tenant,
             struct weir_error *err)
{
    bool is_known = false;
    weir_control_lock(control);
    for (uint32_t i = 0; i < control->world->tenant_count && !is_known; i++)
        is_known = weir_span_equal(control->world->tenant_rows[i].name, tenant);
    pthread_mutex_unlock(&control->lock);
    return is_known ? WEIR_OK
                    : weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                                "no tenant '%.*s'", WEIR_SPAN_ARG(tenant));
}

weir_status
weir_api_notice_create(struct weir_api_call *call, struct weir_error *err)
{
    char id[WEIR_STORE_ID_MAX] = "";
    weir_span deadline = weir_api_body(call, "deadline");
    struct weir_notice notice = {
        .type = weir_api_body(call, "type"),
        .tenant = weir_api_body(call, "tenant"),
        .key = weir_api_body(call, "key"),
        .subject = weir_api_body(call, "subject"),
        .text = weir_api_body(call, "text"),
        .target = weir_api_body(call, "target"),
        .link = weir_api_body(call, "link"),
        .reference = weir_api_body(call, "reference"),
    };
    if (deadline.len > 0 && !weir_time_parse(deadline, &notice.deadline))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'deadline' is a time like 2026-11-10");
    weir_status status = check_tenant(call->door->control, notice.tenant, err);
    if (status == WEIR_OK)
        status = weir_notice_post(call->door->store, &notice,
                                  weir_span_of(call->actor.id),
                                  weir_control_now(), id, err);
    if (status == WEIR_OK)
        call->status = id[0] == '\0' ? 200 : 201;
    call->reply = json_pack("{s:s,s:b}", "id", id, "is_new", id[0] != '\0');
    return status;
}

weir_status
weir_api_notice_acknowledge(struct weir_api_call *call, struct weir_error *err)
{
    call->reply = json_pack("{s:s}", "acknowledged", call->params[0]);
    return weir_notice_acknowledge(
        call->door->store, weir_span_of(call->params[0]), WEIR_SPAN(""),
        weir_span_of(call->actor.id), weir_control_now(), err);
}

/* ------------------------------------------------------------- the customer */

weir_status
weir_api_customer(struct weir_api_call *call,
                  struct weir_notice_caller *caller_out, struct weir_error *err)
{
    const char *text = call->request->authorization;
    weir_digest digest;
    weir_secret key = {NULL, 0};
    if (text != NULL)
        key = weir_key_read((weir_span){text, strlen(text)}, false);
    if (key.len == 0)
        return weir_fail(err, WEIR_EUNAUTH, WEIR_OFFSET_NONE,
                         "show a key: Authorization: Bearer wr_...");
    weir_sha256_of((weir_span){key.ptr, key.len}, &digest);
    return weir_notice_caller(call->door->store, digest.bytes,
                              weir_control_now(), caller_out, err);
}

weir_status
weir_api_my_notices(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_notice_caller caller;
    weir_status status = weir_api_customer(call, &caller, err);
    return status == WEIR_OK
               ? list_notices(call, weir_span_of(caller.tenant), err)
               : status;
}

weir_status
weir_api_my_notice_acknowledge(struct weir_api_call *call,
                               struct weir_error *err)
{
    struct weir_notice_caller caller;
    weir_status status = weir_api_customer(call, &caller, err);
    call->reply = json_pack("{s:s}", "acknowledged", call->params[0]);
    if (status != WEIR_OK)
        return status;
    return weir_notice_acknowledge(
        call->door->store, weir_span_of(call->params[0]),
        weir_span_of(caller.tenant), weir_span_of(caller.key),
        weir_control_now(), err);
}

/* ----------------------------------------------------------------- webhooks */

static bool
add_webhook(void *context, const struct weir_webhook *row)
{
    json_array_append_new(
        context,
        json_pack("{s:o,s:o,s:o,s:I,s:o,s:o,s:i,s:o}", "id",
                  weir_api_text(row->id), "tenant", weir_api_text(row->tenant),
                  "url", weir_api_text(row->url), "created_us",
                  (json_int_t)row->created, "created_by",
                  weir_api_text(row->created_by), "removed_us",
                  time_json(row->removed), "failures", (int)row->failures,
                  "next_us", time_json(row->next)));
    return true;
}

weir_status
weir_api_webhooks_list(struct weir_api_call *call, struct weir_error *err)
{
    json_t *list = json_array();
    weir_status status =
        weir_webhooks(call->door->store, add_webhook, list, err);
    call->reply = json_pack("{s:o}", "webhooks", list);
    return status;
}

weir_status
weir_api_webhook_create(struct weir_api_call *call, struct weir_error *err)
{
    uint8_t secret[WEIR_WEBHOOK_SECRET_BYTES];
    char id[WEIR_STORE_ID_MAX], text[WEIR_WEBHOOK_SECRET_TEXT] = "whsec_";
    struct weir_webhook webhook = {.tenant = weir_api_body(call, "tenant"),
                                   .url = weir_api_body(call, "url"),
                                   .created = weir_control_now(),
                                   .created_by = weir_span_of(call->actor.id)};
    weir_status status = check_tenant(call->door->control, webhook.tenant, err);
    if (status == WEIR_OK)
        status = weir_control_id("whk_", id, err);
    if (status == WEIR_OK &&
        weir_random(&weir_control_env, secret, sizeof secret) != WEIR_OK)
        status =
            weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE, "no randomness");
    if (status != WEIR_OK)
        return status;
    webhook.id = weir_span_of(id);
    status = weir_control_webhook_create(call->door->control, &call->actor,
                                         &webhook, secret, err);
    if (status == WEIR_OK) {
        size_t len = weir_base64_encode(
            (weir_span){(const char *)secret, sizeof secret}, text + 6);
        text[6 + len] = '\0';
        call->status = 201;
        call->reply = json_pack("{s:s,s:s}", "id", id, "secret", text);
    }
    weir_wipe(secret, sizeof secret);
    weir_wipe(text, sizeof text);
    return status;
}

weir_status
weir_api_webhook_remove(struct weir_api_call *call, struct weir_error *err)
{
    call->reply = json_pack("{s:s}", "removed", call->params[0]);
    return weir_control_webhook_remove(call->door->control, &call->actor,
                                       weir_span_of(call->params[0]), err);
}

/* --------------------------------------------------------------- deliveries */

static bool
add_delivery(void *context, const struct weir_delivery *row)
{
    json_array_append_new(
        context,
        json_pack(
            "{s:I,s:s,s:o,s:o,s:i,s:o,s:o,s:i,s:o}", "number",
            (json_int_t)row->number, "state",
            weir_delivery_state_name(row->state), "notice",
            weir_api_text(row->notice), "webhook", weir_api_text(row->webhook),
            "attempts", (int)row->attempts, "next_us",
            time_json(row->state == WEIR_DELIVERY_WAITING ? row->next : 0),
            "last_us", time_json(row->last), "http_status",
            (int)row->http_status, "error", weir_api_text(row->error)));
    return true;
}

weir_status
weir_api_deliveries_list(struct weir_api_call *call, struct weir_error *err)
{
    const char *text = weir_api_query(call, "state");
    enum weir_delivery_state state = 0;
    uint64_t limit;
    weir_status status = weir_api_query_number(call, "limit", LIMIT_DEFAULT,
                                               LIMIT_MOST, &limit, err);
    for (int i = WEIR_DELIVERY_WAITING; text != NULL && i <= WEIR_DELIVERY_DEAD;
         i++)
        if (strcmp(text,
                   weir_delivery_state_name((enum weir_delivery_state)i)) == 0)
            state = (enum weir_delivery_state)i;
    if (status == WEIR_OK && text != NULL && state == 0)
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "'state' is waiting, done or dead");
    if (status != WEIR_OK)
        return status;
    json_t *list = json_array();
    status = weir_deliveries(call->door->store, state, (uint32_t)limit,
                             add_delivery, list, err);
    call->reply = json_pack("{s:o}", "deliveries", list);
    return status;
}

weir_status
weir_api_delivery_retry(struct weir_api_call *call, struct weir_error *err)
{
    uint64_t number = 0;
    if (!weir_span_to_u64(weir_span_of(call->params[0]), &number) ||
        number > INT64_MAX)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a delivery's number is a whole number");
    call->reply = json_pack("{s:I}", "retried", (json_int_t)number);
    return weir_delivery_retry(call->door->store, (int64_t)number,
                               weir_control_now(), err);
}
