/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What signs for AWS: three references, or one JSON as the programs print
 * it that `credential_process` names:
 *
 *    {"Version": 1, "AccessKeyId": "..", "SecretAccessKey": "..",
 *     "SessionToken": "..", "Expiration": "2026-11-22T13:00:00Z"}
 */
#include <string.h>

#include <jansson.h>

#include <weir/crypto.h>

#include "control/config/config.h"
#include "control/keyring/parts.h"

struct parts {
    weir_span key_id;
    weir_span secret;
    weir_span session;
};

static weir_status
put(const struct weir_world_credential *credential, const struct parts *parts,
    struct weir_buf *out, struct weir_error *err)
{
    const struct {
        weir_span text;
        const char *what;
    } rows[] = {{parts->key_id, "the access key"},
                {parts->secret, "the secret key"},
                {credential->region, "the region"},
                {credential->service, "the service"},
                {parts->session, "the session token"}};
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        bool is_optional = i + 1 == WEIR_COUNTOF(rows);
        weir_status status =
            is_optional && rows[i].text.len == 0
                ? WEIR_OK
                : weir__keyring_check(rows[i].text, rows[i].what, err);
        if (status != WEIR_OK)
            return status;
        if (i > 0)
            weir_buf_add_byte(out, '\t');
        weir_buf_add_span(out, rows[i].text);
    }
    return out->overflow ? weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                                     "no room for a credential")
                         : WEIR_OK;
}

static weir_span
member(json_t *root, const char *name)
{
    json_t *value = json_object_get(root, name);
    return json_is_string(value) ? (weir_span){json_string_value(value),
                                               json_string_length(value)}
                                 : WEIR_SPAN_NONE;
}

static void
forget(json_t *root)
{
    const char *const names[] = {"SecretAccessKey", "SessionToken"};
    for (size_t i = 0; i < WEIR_COUNTOF(names); i++) {
        weir_span text = member(root, names[i]);
        if (text.len > 0)
            weir_wipe((char *)(uintptr_t)text.ptr, text.len);
    }
    json_decref(root);
}

static weir_status
from_json(const struct weir_world_credential *credential, weir_span text,
          struct weir_gained *gained, struct weir_error *err)
{
    json_t *root = json_loadb(text.ptr, text.len, 0, NULL);
    struct parts parts = {member(root, "AccessKeyId"),
                          member(root, "SecretAccessKey"),
                          member(root, "SessionToken")};
    weir_span end = member(root, "Expiration");
    weir_status status = WEIR_OK;
    if (parts.key_id.len == 0 || parts.secret.len == 0)
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "not JSON with AccessKeyId and SecretAccessKey");
    else if (end.len > 0 && !weir_time_parse(end, &gained->until))
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "Expiration is no RFC 3339 time");
    if (status == WEIR_OK)
        status = put(credential, &parts, gained->secret, err);
    forget(root);
    return status;
}

weir_status
weir__keyring_aws(const struct weir_world_credential *credential,
                  struct weir_gained *gained, struct weir_error *err)
{
    char memory[3][WEIR_KEYRING_SECRET_MAX];
    struct weir_buf texts[3];
    const struct weir_world_reference secret = {credential->kind,
                                                credential->value};
    const struct weir_world_reference *references[3] = {
        &credential->access_key, &secret, &credential->session_token};
    bool is_json = credential->access_key.kind == WEIR_CREDENTIAL_NONE;
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < 3; i++)
        weir_buf_init_fixed(&texts[i], memory[i], sizeof memory[i]);
    for (size_t i = 0; i < 3 && status == WEIR_OK; i++)
        status = weir_config_reference(references[i], is_json, &texts[i], err);
    if (status == WEIR_OK && is_json)
        status = from_json(credential, weir_buf_span(&texts[1]), gained, err);
    else if (status == WEIR_OK)
        status = put(credential,
                     &(struct parts){weir_buf_span(&texts[0]),
                                     weir_buf_span(&texts[1]),
                                     weir_buf_span(&texts[2])},
                     gained->secret, err);
    weir_wipe(memory, sizeof memory);
    return status;
}
