/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deeds: what people tell control to do. Each is one transaction of the
 * store, with the act beside it, and then a publication: whoever reads
 * "done" can rely on both.
 *
 * A key is 32 random bytes and their checksum, so that a mistyped key is
 * seen as such by tools; only its SHA-256 is kept.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <weir/crypto.h>

#include "control/cache/cache.h"
#include "control/log.h"
#include "control/notices/telling.h"
#include "control/onboarding/rows.h"
#include "control/overlay.h"
#include "control/parts.h"

/* ------------------------------------------------------------------- acts */

void
weir__control_ring(struct weir_control *control)
{
    uint64_t one = 1;
    if (control->acts_event >= 0)
        (void)!write(control->acts_event, &one, sizeof one);
}

weir_status
weir__control_note(struct weir_control *control, const struct weir_actor *actor,
                   const char *action, weir_span subject, const char *detail,
                   struct weir_error *err)
{
    const struct weir_store_act act = {
        .when = weir_control_now(),
        .actor = weir_span_of(actor->id),
        .role = weir_span_of(weir_role_name(actor->role)),
        .action = weir_span_of(action),
        .subject = subject,
        .detail = weir_span_of(detail),
    };
    return weir_store_act_add(control->store, &act, err);
}

weir_status
weir__control_finish(struct weir_control *control, weir_status status,
                     struct weir_error *err)
{
    if (status == WEIR_OK)
        status = weir_store_commit(control->store, err);
    if (status != WEIR_OK)
        weir_store_rollback(control->store);
    else
        weir__control_ring(control);
    return status;
}

/* ------------------------------------------------------------------ secrets */

/* prefix, base64url of 32 random bytes and their crc32c: 48 characters. */
weir_status
weir__control_make_secret(const char *prefix, char text_out[WEIR_KEY_TEXT],
                          uint8_t digest_out[32], struct weir_error *err)
{
    uint8_t bytes[36];
    weir_digest digest;
    if (weir_random(&weir_control_env, bytes, 32) != WEIR_OK)
        return weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE,
                         "no randomness");
    uint32_t crc = weir_crc32c(0, bytes, 32);
    for (int i = 0; i < 4; i++)
        bytes[32 + i] = (uint8_t)(crc >> (24 - 8 * i));
    size_t len = strlen(prefix);
    memcpy(text_out, prefix, len);
    len += weir_base64url_encode((weir_span){(const char *)bytes, sizeof bytes},
                                 text_out + len);
    text_out[len] = '\0';
    weir_sha256_of((weir_span){text_out, len}, &digest);
    memcpy(digest_out, digest.bytes, 32);
    weir_wipe(bytes, sizeof bytes);
    return WEIR_OK;
}

/* -------------------------------------------------------------------- keys */

weir_status
weir_control_key_revoke(struct weir_control *control,
                        const struct weir_actor *actor, weir_span id,
                        struct weir_error *err)
{
    weir_control_lock(control);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        status = weir_store_key_revoke(control->store, id, weir_control_now(),
                                       weir_span_of(actor->id), err);
        if (status == WEIR_OK)
            status =
                weir__control_note(control, actor, "key.revoke", id, "{}", err);
        status = weir__control_finish(control, status, err);
    }
    if (status == WEIR_OK)
        status = weir__control_change_overlay_by(control, WEIR_KIND_KEY, id,
                                                 false, err);
    pthread_mutex_unlock(&control->lock);
    return status;
}

/* ------------------------------------------------------------- withdrawals */

/* What the image knows of each kind. */
static bool
is_known(const struct weir_image *image, enum weir_kind kind, weir_span name)
{
#define SEARCH(rows, count, field)                                             \
    for (uint32_t i = 0; i < image->count; i++) {                              \
        if (weir_span_equal(weir_image_text(image, image->rows[i].field),      \
                            name))                                             \
            return true;                                                       \
    }                                                                          \
    return false
    switch (kind) {
    case WEIR_KIND_MODEL:
        SEARCH(models, model_count, name);
    case WEIR_KIND_DEPLOYMENT:
        SEARCH(deployments, deployment_count, name);
    case WEIR_KIND_PROVIDER:
        SEARCH(providers, provider_count, name);
    case WEIR_KIND_ORGANISATION:
        SEARCH(organisations, organisation_count, name);
    case WEIR_KIND_JURISDICTION:
        return weir_image_find_jurisdiction(image, name) != WEIR_INDEX_NONE;
    case WEIR_KIND_KEY:
    case WEIR_KIND_KEY_HOLD:
        return false; /* keys are revoked, or put on hold by a review */
    }
#undef SEARCH
    return false;
}

weir_status
weir__control_will_tell(struct weir_control *control,
                        const struct weir_actor *actor,
                        const struct weir_withdrawal_wish *wish,
                        int64_t *number_out, struct weir_error *err)
{
    struct weir__telling telling = {
        .kind = wish->kind,
        .name = wish->name,
        .why = wish->reason,
        .target = wish->target,
        .deadline = wish->deadline,
        .by = weir_span_of(actor->id),
        .when = weir_control_now(),
        .overlay = control->board->overlay,
    };
    *number_out = 0;
    if (!control->has_image)
        return WEIR_OK; /* nobody was served yet */
    memcpy(telling.image, control->image.digest, sizeof telling.image);
    return weir__telling_add(control->store, &telling, number_out, err);
}

weir_status
weir__control_act_on(struct weir_control *control,
                     const struct weir_withdrawal_wish *wish, bool is_back,
                     struct weir_error *err)
{
    weir_status status = weir__control_change_overlay_by(
        control, wish->kind, wish->name, is_back, err);
    weir__tell_ring(control);
    return status;
}

/* Transaction of the row, its act, and of who is to be told. */
static weir_status
store_withdrawal(struct weir_control *control, const struct weir_actor *actor,
                 const struct weir_withdrawal_wish *wish, int64_t *number_out,
                 struct weir_error *err)
{
    const struct weir_store_withdrawal row = {
        .kind = (int)wish->kind,
        .name = wish->name,
        .since = weir_control_now(),
        .by = weir_span_of(actor->id),
        .reason = wish->reason,
    };
    char detail[64];
    snprintf(detail, sizeof detail, "{\"kind\":\"%s\"}",
             weir_kind_name(wish->kind));
    weir_status status = weir_store_begin(control->store, err);
    if (status != WEIR_OK)
        return status;
    status = weir_store_withdraw(control->store, &row, err);
    if (status == WEIR_OK)
        status = weir__control_note(control, actor, "withdraw", wish->name,
                                    detail, err);
    if (status == WEIR_OK)
        status = weir__control_will_tell(control, actor, wish, number_out, err);
    return weir__control_finish(control, status, err);
}

weir_status
weir_control_withdraw(struct weir_control *control,
                      const struct weir_actor *actor,
                      const struct weir_withdrawal_wish *wish,
                      struct weir_told *told_out, struct weir_error *err)
{
    int64_t number = 0;
    weir_status status = WEIR_OK;
    *told_out = (struct weir_told){0};
    weir_control_lock(control);
    if (control->has_image &&
        !is_known(&control->image, wish->kind, wish->name))
        status =
            weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE, "no %s '%.*s'",
                      weir_kind_name(wish->kind), WEIR_SPAN_ARG(wish->name));
    if (status == WEIR_OK)
        status = store_withdrawal(control, actor, wish, &number, err);
    if (status == WEIR_OK)
        status = weir__control_act_on(control, wish, false, err);
    pthread_mutex_unlock(&control->lock);
    if (status == WEIR_OK)
        weir_cache_file_purge(control->paths.run, WEIR_SPAN_NONE);
    if (status == WEIR_OK)
        weir__tell_wait(control, number, told_out);
    return status;
}

weir_status
weir_control_restore(struct weir_control *control,
                     const struct weir_actor *actor, enum weir_kind kind,
                     weir_span name, struct weir_told *told_out,
                     struct weir_error *err)
{
    const struct weir_withdrawal_wish deed = {.kind = kind, .name = name};
    int64_t number = 0;
    char detail[64];
    snprintf(detail, sizeof detail, "{\"kind\":\"%s\"}", weir_kind_name(kind));
    *told_out = (struct weir_told){0};
    weir_control_lock(control);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        status = weir_store_restore(control->store, (int)kind, name, err);
        if (status == WEIR_OK)
            status = weir__control_note(control, actor, "restore", name, detail,
                                        err);
        if (status == WEIR_OK)
            status =
                weir__control_will_tell(control, actor, &deed, &number, err);
        status = weir__control_finish(control, status, err);
    }
    if (status == WEIR_OK)
        status = weir__control_act_on(control, &deed, true, err);
    pthread_mutex_unlock(&control->lock);
    if (status == WEIR_OK)
        weir__tell_wait(control, number, told_out);
    return status;
}

/* ------------------------------------------------------------ admin tokens */

weir_status
weir_control_token_create(struct weir_control *control,
                          const struct weir_actor *actor, enum weir_role role,
                          weir_span name, weir_span provider,
                          weir_time not_after, char token_out[WEIR_TOKEN_TEXT],
                          char id_out[WEIR_STORE_ID_MAX],
                          struct weir_error *err)
{
    struct weir_store_token token = {.role = role,
                                     .name = name,
                                     .created = weir_control_now(),
                                     .not_after = not_after};
    char detail[64];
    weir_status status = weir_control_id("wt_", id_out, err);
    if (status == WEIR_OK)
        status = weir__control_make_secret("wa_", token_out, token.digest, err);
    if (status != WEIR_OK)
        return status;
    token.id = weir_span_of(id_out);
    snprintf(detail, sizeof detail, "{\"role\":\"%s\"}", weir_role_name(role));
    weir_control_lock(control);
    status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        status = weir_store_token_add(control->store, &token, err);
        if (status == WEIR_OK && role == WEIR_ROLE_MODEL_OWNER)
            status = weir_store_token_set_provider(control->store, token.id,
                                                   provider, err);
        if (status == WEIR_OK)
            status = weir__control_note(control, actor, "token.create",
                                        token.id, detail, err);
        status = weir__control_finish(control, status, err);
    }
    pthread_mutex_unlock(&control->lock);
    if (status != WEIR_OK)
        weir_wipe(token_out, WEIR_TOKEN_TEXT);
    return status;
}

weir_status
weir_control_token_revoke(struct weir_control *control,
                          const struct weir_actor *actor, weir_span id,
                          struct weir_error *err)
{
    weir_control_lock(control);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        status = weir_store_token_revoke(control->store, id, weir_control_now(),
                                         err);
        if (status == WEIR_OK)
            status = weir__control_note(control, actor, "token.revoke", id,
                                        "{}", err);
        status = weir__control_finish(control, status, err);
    }
    pthread_mutex_unlock(&control->lock);
    return status;
}
