/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/steps/parts.h - what the files of this folder share.
 *
 * Threads: the caller holds control->lock and, where it writes, is inside a
 * transaction. Memory: as rows.h.
 */
#ifndef WEIR_STEPS_PARTS_H
#define WEIR_STEPS_PARTS_H

#include <jansson.h>

#include "control/steps/rows.h"

#define WEIR__STEP_ROOM_BYTES 131072

/* place.c: who belongs to whom, by the image in force. */

/* Tenant, project and owners of a subject; texts in `arena`; `tenant` may be
 * empty. False: the image has nobody of that digest. */
bool weir__step_place(const struct weir_control *control, uint32_t kind,
                      uint64_t digest, weir_span name, weir_span tenant,
                      struct weir_arena *arena, struct weir_step_row *row_out);
/* Whether the key's calls are, or may be, calls of the subject. */
bool weir__step_has_key(const struct weir_control *control,
                        const struct weir_step_row *row, uint32_t key);
/* Every tenant the subject belongs to, once. */
typedef weir_status weir__step_on_tenant(void *context, weir_span tenant,
                                         struct weir_error *err);
WEIR_MUST_USE weir_status weir__step_tenants(const struct weir_control *control,
                                             const struct weir_step_row *row,
                                             weir__step_on_tenant *on_tenant,
                                             void *context,
                                             struct weir_error *err);
/* What policy says of the subject's calls: @monitor of the permits that let
 * them through. */
struct weir_watch_rule weir__step_rule(const struct weir_control *control,
                                       const struct weir_step_row *row,
                                       weir_time now);
/* apply.c: what a change of a stand brings with it. */

struct weir__step_act {
    enum weir_watch_change change;
    struct weir_watch_stand before;
    const struct weir_actor *actor;
    weir_span person;
    weir_span text;     /* reason, explanation */
    weir_span override; /* its id */
    bool has_evidence;  /* row->figures are new */
};
/* Row, deed, case, notices, act of the log. `row->rule` is a rule's text. */
WEIR_MUST_USE weir_status weir__step_apply(struct weir_control *control,
                                           struct weir_step_row *row,
                                           const struct weir__step_act *act,
                                           weir_time now,
                                           struct weir_error *err);
/* The rule a stand was moved by last. */
struct weir_watch_rule weir__step_rule_of(const struct weir_step_row *row);
/* Writes the rule into the row; its text is in `arena`. */
void weir__step_keep_rule(struct weir_step_row *row,
                          const struct weir_watch_rule *rule,
                          struct weir_arena *arena);

/* say.c */

/* Whether a customer hears of this change. */
bool weir__step_is_told(const struct weir_step_row *row,
                        const struct weir__step_act *act);
/* What he reads; at most WEIR_NOTICE_TEXT_MAX bytes. */
void weir__step_say(const struct weir_control *control,
                    const struct weir_step_row *row,
                    const struct weir__step_act *act, struct weir_buf *out);

/* overlay.c: the overlay in force, with the steps of now. */
WEIR_MUST_USE weir_status weir__steps_publish(struct weir_control *control,
                                              struct weir_error *err);

/*
 * review_content.c: gives each call of the sample ("id") its "content", null or
 * a list of bodies, and its "content_refusal", null or why not. Without
 * `is_wanted` it only says what is retained. `from`: the first call's time.
 * EIO: a view could not be logged, and is none.
 */
WEIR_MUST_USE weir_status weir__review_content(struct weir_control *control,
                                               const struct weir_actor *actor,
                                               const char *case_id,
                                               bool is_wanted, weir_time from,
                                               json_t *calls,
                                               struct weir_error *err);

/* deeds.c: EROLE when the token is nobody's in particular. */
WEIR_MUST_USE weir_status weir__step_person(struct weir_control *control,
                                            const struct weir_actor *actor,
                                            bool is_needed,
                                            char person_out[128],
                                            struct weir_error *err);

#endif
