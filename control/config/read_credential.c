/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an origin is shown. A configuration holds references; the secrets
 * behind them are read by control/keyring, again and again.
 */
#include "read.h"

#include <string.h>

#define EVERY_MS 600000 /* a command that says nothing of an end */

static const char *const reference_advice =
    "Write {env: NAME}, {file: path} or {command: line}; the secret itself "
    "does not belong into a configuration.";

/* {env: NAME}, {file: path}, {command: line} */
struct reference_text {
    weir_span env;
    weir_span file;
    weir_span command;
};

#define REFERENCE_FIELDS(type, member)                                         \
    FIELD("env", read_text, type, member.env),                                 \
        FIELD("file", read_path, type, member.file),                           \
        FIELD("command", read_text, type, member.command)

/* False: none of the three, or several. */
static bool
take_reference(const struct reference_text *text,
               enum weir_credential_kind *kind_out, weir_span *value_out)
{
    unsigned count =
        (text->env.len > 0) + (text->file.len > 0) + (text->command.len > 0);
    *kind_out = text->env.len > 0       ? WEIR_CREDENTIAL_ENV
                : text->file.len > 0    ? WEIR_CREDENTIAL_FILE
                : text->command.len > 0 ? WEIR_CREDENTIAL_COMMAND
                                        : WEIR_CREDENTIAL_NONE;
    *value_out = text->env.len > 0    ? text->env
                 : text->file.len > 0 ? text->file
                                      : text->command;
    return count == 1;
}

void
read_reference(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_reference *reference = member;
    struct reference_text text = {{0}, {0}, {0}};
    static const struct field fields[] = {
        FIELD("env", read_text, struct reference_text, env),
        FIELD("file", read_path, struct reference_text, file),
        FIELD("command", read_text, struct reference_text, command),
    };
    if (node->kind != YAML_MAPPING || node->count != 1) {
        read_fault(r, node, reference_advice,
                   "not a reference to a credential");
        return;
    }
    read_fields(r, node, "a credential", fields, WEIR_COUNTOF(fields), &text);
    (void)take_reference(&text, &reference->kind, &reference->value);
}

static void
set_main(struct weir_world_credential *credential,
         const struct weir_world_reference *reference)
{
    credential->kind = reference->kind;
    credential->value = reference->value;
}

static void
read_aws(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_credential *credential = member;
    struct aws {
        weir_span region;
        weir_span service;
        struct weir_world_reference keys;
        struct weir_world_reference access;
        struct weir_world_reference secret;
        struct weir_world_reference session;
    } aws = {.service = WEIR_SPAN("bedrock")};
    static const struct field fields[] = {
        FIELD("region", read_text, struct aws, region),
        FIELD("service", read_text, struct aws, service),
        FIELD("keys", read_reference, struct aws, keys),
        FIELD("access_key", read_reference, struct aws, access),
        FIELD("secret_key", read_reference, struct aws, secret),
        FIELD("session_token", read_reference, struct aws, session),
    };
    read_fields(r, node, "aws", fields, WEIR_COUNTOF(fields), &aws);
    bool has_keys = aws.keys.kind != WEIR_CREDENTIAL_NONE;
    bool has_parts = aws.access.kind != WEIR_CREDENTIAL_NONE &&
                     aws.secret.kind != WEIR_CREDENTIAL_NONE;
    if (aws.region.len == 0 || has_keys == has_parts) {
        read_fault(r, node,
                   "Write `region`, and `keys` (JSON as credential_process "
                   "prints it) or `access_key` and `secret_key`.",
                   "not a way to sign for AWS");
        return;
    }
    credential->form = WEIR_CREDENTIAL_AWS;
    credential->region = aws.region;
    credential->service = aws.service;
    credential->access_key = aws.access;
    credential->session_token = aws.session;
    set_main(credential, has_keys ? &aws.keys : &aws.secret);
}

static bool
is_safe_url(weir_span url)
{
    return weir_span_starts(url, WEIR_SPAN("https://")) ||
           weir_span_starts(url, WEIR_SPAN("http://127.0.0.1")) ||
           weir_span_starts(url, WEIR_SPAN("http://localhost")) ||
           weir_span_starts(url, WEIR_SPAN("http://[::1]"));
}

static void
read_entra(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_credential *credential = member;
    struct entra {
        weir_span tenant;
        weir_span client;
        weir_span authority;
        weir_span scope;
        struct weir_world_reference secret;
    } entra = {.authority = WEIR_SPAN("https://login.microsoftonline.com"),
               .scope =
                   WEIR_SPAN("https://cognitiveservices.azure.com/.default")};
    static const struct field fields[] = {
        FIELD("tenant", read_text, struct entra, tenant),
        FIELD("client", read_text, struct entra, client),
        FIELD("authority", read_text, struct entra, authority),
        FIELD("scope", read_text, struct entra, scope),
        FIELD("secret", read_reference, struct entra, secret),
    };
    read_fields(r, node, "entra", fields, WEIR_COUNTOF(fields), &entra);
    if (entra.tenant.len == 0 || entra.client.len == 0 ||
        entra.secret.kind == WEIR_CREDENTIAL_NONE) {
        read_fault(r, node, "Write `tenant`, `client` and `secret`.",
                   "not a client of a directory");
        return;
    }
    if (!is_safe_url(entra.authority)) {
        read_fault(r, node, "Use https, or a server on this machine.",
                   "the secret would go to `authority` in clear");
        return;
    }
    while (entra.authority.len > 0 &&
           entra.authority.ptr[entra.authority.len - 1] == '/')
        entra.authority.len--;
    credential->form = WEIR_CREDENTIAL_ENTRA;
    credential->tenant = entra.tenant;
    credential->client = entra.client;
    credential->authority = entra.authority;
    credential->scope = entra.scope;
    set_main(credential, &entra.secret);
}

static void
read_account(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_credential *credential = member;
    struct account {
        struct reference_text text;
        weir_span scope;
    } account = {
        .scope = WEIR_SPAN("https://www.googleapis.com/auth/cloud-platform")};
    static const struct field fields[] = {
        REFERENCE_FIELDS(struct account, text),
        FIELD("scope", read_text, struct account, scope),
    };
    read_fields(r, node, "service_account", fields, WEIR_COUNTOF(fields),
                &account);
    if (!take_reference(&account.text, &credential->kind, &credential->value))
        read_fault(r, node, reference_advice, "not one reference");
    credential->form = WEIR_CREDENTIAL_SERVICE_ACCOUNT;
    credential->scope = account.scope;
}

void
read_credential(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_credential *credential = member;
    struct all {
        struct reference_text text;
        struct weir_world_credential made;
    } all = {.made = {.every_ms = EVERY_MS}};
    static const struct field fields[] = {
        REFERENCE_FIELDS(struct all, text),
        FIELD("aws", read_aws, struct all, made),
        FIELD("service_account", read_account, struct all, made),
        FIELD("entra", read_entra, struct all, made),
        FIELD("every", read_ms, struct all, made.every_ms),
        FIELD("egress", read_text, struct all, made.egress),
    };
    credential->place = node->place;
    uint32_t faults = r->faults->total;
    if (node->kind != YAML_MAPPING) {
        read_fault(r, node, reference_advice,
                   "not a reference to a credential");
        return;
    }
    read_fields(r, node, "a credential", fields, WEIR_COUNTOF(fields), &all);
    bool has_text =
        all.text.env.len + all.text.file.len + all.text.command.len > 0;
    bool has_made = all.made.form != WEIR_CREDENTIAL_TEXT;
    bool is_one = has_text && take_reference(&all.text, &credential->kind,
                                             &credential->value);
    if (faults == r->faults->total &&
        (has_text == has_made || (has_text && !is_one)))
        read_fault(r, node, reference_advice,
                   "not a reference to a credential");
    if (has_made)
        *credential = all.made;
    credential->place = node->place;
    credential->egress = all.made.egress;
    credential->every_ms = all.made.every_ms < 1000 ? 1000 : all.made.every_ms;
}
