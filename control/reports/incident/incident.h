/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/reports/incident/incident.h - something happened: stop it, keep
 * what tells of it, say what happened when, tell whom it concerns.
 *
 * Opening freezes the subject (a key is revoked, or a model, deployment,
 * provider, organisation, jurisdiction is withdrawn; of a tenant every key is
 * revoked and its organisation withdrawn), puts what is kept of prompts and
 * answers under a legal hold, and posts a notice. Each is the deed that
 * people do by hand, with its own act; the incident's row says which were
 * done. Packing makes a signed archive (control/reports/disclosure). Closing
 * says how it ended and releases the hold; what was frozen stays so until
 * somebody restores it.
 *
 * Threads: takes control's lock. Memory: as said.
 */
#ifndef WEIR_INCIDENT_H
#define WEIR_INCIDENT_H

#include <jansson.h>

#include "control/control.h"

struct weir_incident {
    int64_t number;
    weir_span id;      /* "inc_..." */
    weir_span kind;    /* key, tenant, model, deployment, provider, .. */
    weir_span subject; /* its name */
    weir_span tenant;  /* whose; empty: of several */
    weir_span reason;
    weir_time since; /* the timeline begins */
    weir_time opened;
    weir_span opened_by;
    weir_span deeds; /* JSON: what was done when it was opened */
    weir_time packed;
    weir_span pack; /* SHA-256 of the last pack, hex */
    weir_time closed;
    weir_span closed_by;
    weir_span outcome;
};

/* Inside the caller's transaction. */
WEIR_MUST_USE weir_status weir_store_incident_add(
    struct weir_store *store, const struct weir_incident *row,
    struct weir_error *err);
/* ECONFLICT: none of that id is open. */
WEIR_MUST_USE weir_status weir_store_incident_packed(struct weir_store *store,
                                                     weir_span id,
                                                     weir_time when,
                                                     weir_span digest,
                                                     struct weir_error *err);
WEIR_MUST_USE weir_status weir_store_incident_close(
    struct weir_store *store, weir_span id, weir_time when, weir_span by,
    weir_span outcome, struct weir_error *err);
/* One, or (id empty) all, oldest first. */
typedef bool weir_store_on_incident(void *context,
                                    const struct weir_incident *row);
WEIR_MUST_USE weir_status weir_store_incidents(struct weir_store *store,
                                               weir_span id,
                                               weir_store_on_incident *on_row,
                                               void *context,
                                               struct weir_error *err);

/* -------------------------------------------------------------- deeds */

struct weir_incident_wish {
    weir_span kind;
    weir_span subject;
    weir_span reason;
    weir_time since; /* 0: a day before now */
    bool is_told;    /* a notice to the tenant */
};
/*
 * Freezes, preserves, tells; the reply has id, deeds with their times, and
 * what could not be done (`missed`), which stops nothing. ENOTFOUND: nothing
 * of that kind and name; ECONFLICT: an incident about it is open.
 */
WEIR_MUST_USE weir_status
weir_incident_open(struct weir_control *control, const struct weir_actor *actor,
                   const struct weir_incident_wish *wish, json_t **reply_out,
                   struct weir_error *err);
WEIR_MUST_USE weir_status weir_incident_close(struct weir_control *control,
                                              const struct weir_actor *actor,
                                              weir_span id, weir_span outcome,
                                              json_t **reply_out,
                                              struct weir_error *err);
/* The reply: incident, sha256, calls, events, archive (base64). ENOTFOUND;
 * ECONFLICT: it is closed; EUNAVAIL: the log does not cover its calls yet. */
WEIR_MUST_USE weir_status weir_incident_pack(struct weir_control *control,
                                             struct weir_store *store,
                                             const struct weir_actor *actor,
                                             weir_span id, json_t **reply_out,
                                             struct weir_error *err);
/* As JSON, one or all. ENOTFOUND. */
WEIR_MUST_USE weir_status weir_incident_list(struct weir_store *store,
                                             weir_span id, json_t **list_out,
                                             struct weir_error *err);

#endif
