/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/keyring/parts.h - what the files of this folder share.
 *
 * Threads: no object is shared. Memory: secrets go to the caller's fixed
 * buffers, which the caller wipes.
 */
#ifndef WEIR_CONTROL_KEYRING_PARTS_H
#define WEIR_CONTROL_KEYRING_PARTS_H

#include <weir/base.h>
#include <weir/world.h>

#define WEIR_KEYRING_SECRET_MAX ((size_t)16 << 10)

/* What a credential came to. */
struct weir_gained {
    struct weir_buf *secret; /* as the credentials file has it */
    weir_time until;         /* 0: no end */
};

/*
 * Reads the references, and asks a server where a token is wanted: up to
 * 30 s. ENOTFOUND, EIO, ETIMEOUT, EPARSE, EUPSTREAM: the text names the
 * reference or the server, never a secret.
 */
WEIR_MUST_USE weir_status weir__keyring_gain(
    const struct weir_world_credential *credential, weir_time now,
    struct weir_gained *gained, struct weir_error *err);

/* aws.c: key id, secret, region, service, session token, parted by tabs. */
WEIR_MUST_USE weir_status
weir__keyring_aws(const struct weir_world_credential *credential,
                  struct weir_gained *gained, struct weir_error *err);

/* account.c: what is sent for a service account's token, form-encoded, and
 * the address it goes to. EPARSE: not such an account's JSON. */
#define WEIR_KEYRING_URL 512
WEIR_MUST_USE weir_status weir__keyring_assertion(
    weir_span json, weir_span scope, weir_time now, struct weir_buf *form,
    char url_out[WEIR_KEYRING_URL], struct weir_error *err);

/* token.c: posts a form by the way out of that name (empty: the default),
 * takes `access_token` and `expires_in`. */
WEIR_MUST_USE weir_status weir__keyring_fetch(const char *url, weir_span egress,
                                              weir_span form, weir_time now,
                                              struct weir_gained *gained,
                                              struct weir_error *err);
/* name=value, percent-encoded, with & between. */
void weir__keyring_form(struct weir_buf *form, const char *name,
                        weir_span value);

/* Nothing that would end a header or a line: EPARSE. */
WEIR_MUST_USE weir_status weir__keyring_check(weir_span secret,
                                              const char *what,
                                              struct weir_error *err);

#endif
