/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows when a pin does not hold: the deployment is withdrawn in
 * every worker and a case is raised, in one transaction with the act.
 *
 * The worker that found it has sent nothing (or passed nothing on) and asks
 * that deployment no more; the outcome's record brings the finding here.
 * Should control die between that record and this deed, the next attempt of
 * any worker finds the same again. The same finding later, when a person has
 * restored the deployment, withdraws it again: a pin that does not hold is
 * changed in the configuration, not argued away.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "control/cases/cases.h"
#include "control/log.h"
#include "control/parts.h"

struct seeking {
    weir_span name;
    bool is_there;
};

static bool
seek(void *context, const struct weir_store_withdrawal *row)
{
    struct seeking *seeking = context;
    if (row->kind == WEIR_KIND_DEPLOYMENT &&
        weir_span_equal(row->name, seeking->name))
        seeking->is_there = true;
    return !seeking->is_there;
}

/* "deployment: certificate: another key ..": the word behind the name. */
static weir_span
pin_of(weir_span deployment, weir_span finding)
{
    size_t skip = deployment.len + 2;
    if (!weir_span_starts(finding, deployment) || finding.len < skip)
        return WEIR_SPAN("pin");
    weir_span rest = {finding.ptr + skip, finding.len - skip};
    const char *colon = memchr(rest.ptr, ':', rest.len);
    if (colon != NULL)
        rest.len = (size_t)(colon - rest.ptr);
    return rest;
}

static weir_status
raise_case(struct weir_control *control, weir_span deployment,
           weir_span finding, weir_span request, weir_time now,
           struct weir_error *err)
{
    char id[WEIR_CASE_ID_MAX], title[300];
    bool is_new = false;
    json_t *evidence =
        json_pack("{s:s#,s:s#}", "finding", finding.ptr, (int)finding.len,
                  "request", request.ptr, (int)request.len);
    char *text = evidence == NULL ? NULL : json_dumps(evidence, JSON_COMPACT);
    json_decref(evidence);
    snprintf(title, sizeof title, "%.*s is not the origin that is pinned",
             (int)(deployment.len < 200 ? deployment.len : 200),
             deployment.ptr);
    const struct weir_case_cause cause = {
        .kind = WEIR_CASE_PIN,
        .subject = deployment,
        .cause = pin_of(deployment, finding),
        .title = weir_span_of(title),
        .evidence = weir_span_of(text == NULL ? "{}" : text),
    };
    weir_status status =
        weir_case_raise(control->store, &cause, now, id, &is_new, err);
    free(text);
    return status;
}

weir_status
weir_control_pin_broken(struct weir_control *control, weir_span deployment,
                        weir_span finding, weir_span request,
                        struct weir_error *err)
{
    const struct weir_actor self = {"control", WEIR_ROLE_ADMIN};
    struct seeking seeking = {.name = deployment};
    weir_time now = weir_control_now();
    /* The finding is between the seller and who runs the origin. */
    const struct weir_withdrawal_wish deed = {
        .kind = WEIR_KIND_DEPLOYMENT,
        .name = deployment,
        .reason = WEIR_SPAN("its origin is being looked into"),
    };
    int64_t number = 0;
    char reason[320];
    snprintf(reason, sizeof reason, "pin: %.*s",
             (int)(finding.len < 300 ? finding.len : 300), finding.ptr);
    const struct weir_store_withdrawal row = {
        .kind = WEIR_KIND_DEPLOYMENT,
        .name = deployment,
        .since = now,
        .by = WEIR_SPAN("control"),
        .reason = weir_span_of(reason),
    };
    weir_control_lock(control);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        status = weir_store_withdrawals(control->store, seek, &seeking, err);
        if (status == WEIR_OK && !seeking.is_there)
            status = weir_store_withdraw(control->store, &row, err);
        if (status == WEIR_OK && !seeking.is_there)
            status = weir__control_note(
                control, &self, "withdraw", deployment,
                "{\"kind\":\"deployment\",\"for\":\"pin\"}", err);
        if (status == WEIR_OK && !seeking.is_there)
            status =
                weir__control_will_tell(control, &self, &deed, &number, err);
        if (status == WEIR_OK)
            status =
                raise_case(control, deployment, finding, request, now, err);
        status = weir__control_finish(control, status, err);
    }
    if (status == WEIR_OK && !seeking.is_there)
        status = weir__control_act_on(control, &deed, false, err);
    pthread_mutex_unlock(&control->lock);
    if (status == WEIR_OK && !seeking.is_there)
        weir_log(WEIR_LOG_ERROR, "deployment %.*s is withdrawn: %s",
                 WEIR_SPAN_ARG(deployment), reason);
    return status;
}

weir_status
weir__control_pin_restored(struct weir_control *control,
                           const struct weir_actor *actor,
                           const struct weir_case *row, struct weir_error *err)
{
    const struct weir_withdrawal_wish deed = {.kind = WEIR_KIND_DEPLOYMENT,
                                              .name = row->subject};
    struct seeking seeking = {.name = row->subject};
    int64_t number = 0;
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        status = weir_store_withdrawals(control->store, seek, &seeking, err);
        if (status == WEIR_OK && seeking.is_there)
            status = weir_store_restore(control->store, WEIR_KIND_DEPLOYMENT,
                                        row->subject, err);
        if (status == WEIR_OK && seeking.is_there)
            status = weir__control_note(control, actor, "restore", row->subject,
                                        "{\"kind\":\"deployment\"}", err);
        if (status == WEIR_OK && seeking.is_there)
            status =
                weir__control_will_tell(control, actor, &deed, &number, err);
        status = weir__control_finish(control, status, err);
    }
    if (status == WEIR_OK && seeking.is_there)
        status = weir__control_act_on(control, &deed, true, err);
    return status;
}
