/* SPDX-License-Identifier: Apache-2.0 */
/* From a credential of the configuration to what an origin is shown. */
#include <stdio.h>

#include <weir/crypto.h>

#include "control/config/config.h"
#include "control/keyring/parts.h"

static weir_status
entra_form(const struct weir_world_credential *credential, weir_span secret,
           struct weir_buf *form, char url_out[WEIR_KEYRING_URL],
           struct weir_error *err)
{
    int len = snprintf(url_out, WEIR_KEYRING_URL, "%.*s/%.*s/oauth2/v2.0/token",
                       WEIR_SPAN_ARG(credential->authority),
                       WEIR_SPAN_ARG(credential->tenant));
    if (len >= WEIR_KEYRING_URL)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the directory's address is too long");
    weir__keyring_form(form, "grant_type", WEIR_SPAN("client_credentials"));
    weir__keyring_form(form, "client_id", credential->client);
    weir__keyring_form(form, "client_secret", secret);
    weir__keyring_form(form, "scope", credential->scope);
    return WEIR_OK;
}

static weir_status
gain_token(const struct weir_world_credential *credential, weir_time now,
           struct weir_gained *gained, struct weir_error *err)
{
    char secret_memory[WEIR_KEYRING_SECRET_MAX];
    char form_memory[2 * WEIR_KEYRING_SECRET_MAX];
    char url[WEIR_KEYRING_URL];
    struct weir_buf secret, form;
    const struct weir_world_reference reference = {credential->kind,
                                                   credential->value};
    bool is_account = credential->form == WEIR_CREDENTIAL_SERVICE_ACCOUNT;
    weir_buf_init_fixed(&secret, secret_memory, sizeof secret_memory);
    weir_buf_init_fixed(&form, form_memory, sizeof form_memory);
    weir_status status =
        weir_config_reference(&reference, is_account, &secret, err);
    if (status == WEIR_OK)
        status = is_account ? weir__keyring_assertion(weir_buf_span(&secret),
                                                      credential->scope, now,
                                                      &form, url, err)
                            : entra_form(credential, weir_buf_span(&secret),
                                         &form, url, err);
    if (status == WEIR_OK && form.overflow)
        status = weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                           "what would be sent for a token is too long");
    if (status == WEIR_OK)
        status = weir__keyring_fetch(url, credential->egress,
                                     weir_buf_span(&form), now, gained, err);
    weir_wipe(secret_memory, sizeof secret_memory);
    weir_wipe(form_memory, sizeof form_memory);
    return status;
}

weir_status
weir__keyring_gain(const struct weir_world_credential *credential,
                   weir_time now, struct weir_gained *gained,
                   struct weir_error *err)
{
    const struct weir_world_reference reference = {credential->kind,
                                                   credential->value};
    gained->until = 0;
    switch (credential->form) {
    case WEIR_CREDENTIAL_AWS:
        return weir__keyring_aws(credential, gained, err);
    case WEIR_CREDENTIAL_SERVICE_ACCOUNT:
    case WEIR_CREDENTIAL_ENTRA:
        return gain_token(credential, now, gained, err);
    case WEIR_CREDENTIAL_TEXT:
        break;
    }
    return weir_config_reference(&reference, false, gained->secret, err);
}
