/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/exceptions/exceptions.h - exceptions and licences.
 *
 * One person asks, another approves; both are known by the name of their
 * token. From then on the exception is a grant in the overlay (weir/grant.h)
 * until it ends, is spent or is revoked. Terms never change; approving and
 * revoking are acts of the log. docs/why/exceptions.md says why.
 *
 * Threads: deeds take control's lock; reading goes over the caller's store.
 * Memory: spans are read before a function returns; those of a row are
 * valid until the callback returns.
 */
#ifndef WEIR_EXCEPTIONS_H
#define WEIR_EXCEPTIONS_H

#include <weir/grant.h>

#include "control/control.h"

#define WEIR_EXCEPTION_TEXT_MAX 2000

struct weir_exception {
    int64_t number;
    weir_span id; /* "ex_..." */
    enum weir_grant_use use;
    weir_span purpose; /* of the keys, of a grant of the watch; or empty */
    weir_span name;    /* Exception::"name" of the policies */
    weir_span licence; /* an authority's own number; may be empty */
    weir_span owner;   /* who answers for it */
    weir_span reason;
    enum weir_grant_party party_kind;
    weir_span party;
    enum weir_grant_target target_kind;
    weir_span target;
    enum weir_grant_place place_kind;
    weir_span place;
    int64_t amounts[3]; /* calls, tokens, micros; WEIR_GRANT_UNLIMITED */
    weir_time from;
    weir_time until;
    weir_time requested;
    weir_span requested_by; /* a person; empty: nobody in particular */
    weir_time approved;     /* 0: not yet */
    weir_span approved_by;
    weir_time revoked; /* 0: not */
    weir_span revoked_by;
    weir_span revoked_reason;
};

/* "tenant", "model", ...; parse: false when there is no such. */
const char *weir_exception_party_name(enum weir_grant_party kind);
const char *weir_exception_target_name(enum weir_grant_target kind);
const char *weir_exception_place_name(enum weir_grant_place kind);
/* "requested", "waiting" (begins later), "in force", "expired", "revoked";
 * "spent" is for who knows what was used. */
const char *weir_exception_state(const struct weir_exception *row,
                                 weir_time now);

typedef bool weir_exception_on_row(void *context,
                                   const struct weir_exception *row);
/* Newest first. */
WEIR_MUST_USE weir_status weir_exceptions(struct weir_store *store,
                                          weir_exception_on_row *on_row,
                                          void *context,
                                          struct weir_error *err);
/* Approved, not revoked, not over at `now`; what ends first, first. */
WEIR_MUST_USE weir_status weir_exceptions_in_force(
    struct weir_store *store, weir_time now, weir_exception_on_row *on_row,
    void *context, struct weir_error *err);
/* ENOTFOUND. Texts are copied to `arena`. */
WEIR_MUST_USE weir_status weir_exception_get(struct weir_store *store,
                                             weir_span id,
                                             struct weir_arena *arena,
                                             struct weir_exception *row_out,
                                             struct weir_error *err);
/* What the ledger knows of its use. */
WEIR_MUST_USE weir_status weir_exception_used(struct weir_store *store,
                                              weir_span id, int64_t used_out[3],
                                              struct weir_error *err);

/*
 * Asks for one: the fields from name to until of `wish`; makes the id.
 * EPARSE: a term is lacking or makes no sense. ENOTFOUND: nobody and
 * nothing of that name.
 */
WEIR_MUST_USE weir_status weir_exception_request(
    struct weir_control *control, const struct weir_actor *actor,
    const struct weir_exception *wish, char id_out[WEIR_STORE_ID_MAX],
    struct weir_error *err);
/* EROLE: not by who asked, nor by or for nobody in particular. ECONFLICT:
 * approved, revoked or over, or too many are in force. */
WEIR_MUST_USE weir_status weir_exception_approve(struct weir_control *control,
                                                 const struct weir_actor *actor,
                                                 weir_span id,
                                                 struct weir_error *err);
WEIR_MUST_USE weir_status weir_exception_revoke(struct weir_control *control,
                                                const struct weir_actor *actor,
                                                weir_span id, weir_span reason,
                                                struct weir_error *err);

/* --------------------------------------------------- for control itself */

/* The grants of the overlay, malloc'ed; *grants_out is the caller's. */
WEIR_MUST_USE weir_status weir__exception_grants(struct weir_store *store,
                                                 weir_time now,
                                                 struct weir_grant **grants_out,
                                                 size_t *count_out,
                                                 struct weir_error *err);
WEIR_MUST_USE weir_status weir__exception_add(struct weir_store *store,
                                              const struct weir_exception *row,
                                              struct weir_error *err);
WEIR_MUST_USE weir_status weir__exception_approved(struct weir_store *store,
                                                   weir_span id, weir_time now,
                                                   weir_span person,
                                                   struct weir_error *err);
WEIR_MUST_USE weir_status weir__exception_revoked(struct weir_store *store,
                                                  weir_span id, weir_time now,
                                                  weir_span person,
                                                  weir_span reason,
                                                  struct weir_error *err);

#endif
