/* SPDX-License-Identifier: Apache-2.0 */
/* Making and removing a webhook, with the act that tells of it. The act names
 * the tenant and not the URL, in which receivers hide secrets. */
#include <jansson.h>
#include <stdlib.h>

#include "control/notices/notices.h"
#include "control/parts.h"

static weir_status
create_inside(struct weir_control *control, const struct weir_actor *actor,
              const struct weir_webhook *webhook,
              const uint8_t secret[WEIR_WEBHOOK_SECRET_BYTES],
              struct weir_error *err)
{
    json_t *json = json_pack("{s:s#}", "tenant", webhook->tenant.ptr,
                             (int)webhook->tenant.len);
    char *detail = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    json_decref(json);
    weir_status status = weir_webhook_add(control->store, webhook, secret, err);
    if (status == WEIR_OK)
        status =
            weir__control_note(control, actor, "webhook.create", webhook->id,
                               detail == NULL ? "{}" : detail, err);
    free(detail);
    return status;
}

weir_status
weir_control_webhook_create(struct weir_control *control,
                            const struct weir_actor *actor,
                            const struct weir_webhook *webhook,
                            const uint8_t secret[WEIR_WEBHOOK_SECRET_BYTES],
                            struct weir_error *err)
{
    weir_control_lock(control);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK)
        status = weir__control_finish(
            control, create_inside(control, actor, webhook, secret, err), err);
    pthread_mutex_unlock(&control->lock);
    return status;
}

weir_status
weir_control_webhook_remove(struct weir_control *control,
                            const struct weir_actor *actor, weir_span id,
                            struct weir_error *err)
{
    weir_control_lock(control);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        status =
            weir_webhook_remove(control->store, id, weir_control_now(), err);
        if (status == WEIR_OK)
            status = weir__control_note(control, actor, "webhook.remove", id,
                                        "{}", err);
        status = weir__control_finish(control, status, err);
    }
    pthread_mutex_unlock(&control->lock);
    return status;
}
