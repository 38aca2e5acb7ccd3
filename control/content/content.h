/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/content/content.h - what was kept of prompts and answers.
 *
 * Workers seal content and append it to segments; this room has the master
 * key, gives out tenants' data keys, reads for those who may, and erases.
 * Files and formats: docs/formats/content.md.
 *
 * Threads: any, each its own object. Memory: as said; plain text is wiped
 * when the object that holds it is.
 */
#ifndef WEIR_CONTROL_CONTENT_H
#define WEIR_CONTROL_CONTENT_H

#include <weir/content.h>
#include <weir/record.h>

#include "control/control.h"

/* ------------------------------------------------------------- reading */

/* One kept body. */
struct weir_content_item {
    struct weir_content_meta meta;
    char request[WEIR_REQUEST_ID_TEXT];
    char segment[64]; /* file name */
    uint64_t offset;
    bool is_held;
};

struct weir_content_filter {
    const char *tenant;  /* NULL: every */
    const char *request; /* as text; NULL: every */
    weir_time from;      /* inclusive */
    weir_time to;        /* exclusive; 0: no end */
    bool with_erased;
};

/* False: enough. */
typedef bool weir_content_on_item(void *context,
                                  const struct weir_content_item *item);
/* Every item that fits, oldest segment first. EIO. */
WEIR_MUST_USE weir_status weir_content_list(
    const struct weir_paths *paths, const struct weir_content_filter *filter,
    weir_content_on_item *on_item, void *context, struct weir_error *err);

/* Who looks, and why. */
struct weir_content_viewer {
    const struct weir_actor *actor;
    const char *region;  /* the viewer's, as his row in the configuration says;
                           NULL: looked up there by the actor's id */
    const char *purpose; /* said in the record; may not be empty */
};

/*
 * Opens an item for a person. The view is recorded (content.view) before a
 * byte is given; a refusal is recorded too (content.refuse). EROLE: below
 * auditor; EDENIED: the class is for reviewers of other regions; ENOTFOUND:
 * erased, or its key is; EUNAUTH: altered. `plain_out` is initialised by the
 * caller; wipe it with weir_wipe() before its memory goes. Takes
 * control->lock.
 */
WEIR_MUST_USE weir_status weir_content_view(
    struct weir_control *control, const struct weir_content_viewer *viewer,
    const struct weir_content_item *item, struct weir_buf *plain_out,
    struct weir_error *err);

/* ------------------------------------------------------------- erasing */

/*
 * Destroys the keys of a call's items. Recorded (content.erase) with what it
 * was; journal, ledger and log stay whole. ECONFLICT: a hold, or the class's
 * floor, says no; ENOTFOUND: nothing is kept of it.
 */
WEIR_MUST_USE weir_status weir_content_erase(struct weir_control *control,
                                             const struct weir_actor *actor,
                                             const char *request,
                                             const char *reason,
                                             uint64_t *items_out,
                                             struct weir_error *err);
/* The same of all that is kept of a tenant, by its data key. */
WEIR_MUST_USE weir_status weir_content_erase_tenant(
    struct weir_control *control, const struct weir_actor *actor,
    const char *tenant, const char *reason, uint64_t *items_out,
    struct weir_error *err);

/* --------------------------------------------------------------- holds */

struct weir_content_hold {
    char kind[16]; /* "request" or "tenant" */
    char name[WEIR_CONTENT_TENANT_MAX];
    char by[WEIR_STORE_ID_MAX];
    char reason[256];
    weir_time since;
};
typedef bool weir_content_on_hold(void *context,
                                  const struct weir_content_hold *hold);
WEIR_MUST_USE weir_status weir_content_holds(const struct weir_paths *paths,
                                             weir_content_on_hold *on_hold,
                                             void *context,
                                             struct weir_error *err);
/* Recorded (content.hold, content.release). ENOTFOUND: no such hold. */
WEIR_MUST_USE weir_status weir_content_hold_set(
    struct weir_control *control, const struct weir_actor *actor,
    const char *kind, const char *name, const char *reason, bool is_release,
    struct weir_error *err);

/* ------------------------------------------------------------- keeping */

/* A thread: makes data keys that are missing, tells workers keys and classes
 * when either changed, and erases what is over its class's ceiling. Nothing
 * is kept where the configuration says nothing. */
struct weir_content_keeper;
WEIR_MUST_USE weir_status weir_content_keeper_start(
    struct weir_control *control, struct weir_content_keeper **keeper_out,
    struct weir_error *err);
void weir_content_keeper_stop(struct weir_content_keeper *keeper);

#endif
