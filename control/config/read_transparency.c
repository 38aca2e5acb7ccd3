/* SPDX-License-Identifier: Apache-2.0 */
/* Who vouches for the transparency log, and what is kept of content. */
#include "read.h"

#include <stdlib.h>

#include <weir/tlog_witness.h>

#include "control/files.h"

#define STAMP_US_DEFAULT (INT64_C(3600) * WEIR_US_PER_SEC)
#define STAMP_US_LEAST   (INT64_C(1) * WEIR_US_PER_SEC)

/* A policy that cannot be read now would be found when nobody looks. */
static void
read_policy(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_span *path = member;
    struct weir_tlog_policy policy;
    struct weir_error err = {0};
    char *bytes = NULL;
    size_t len = 0;
    read_path(r, node, path);
    if (path->len == 0)
        return;
    weir_status status = weir_read_file(path->ptr, &bytes, &len, &err);
    if (status == WEIR_OK)
        status = weir_tlog_policy_parse((weir_span){bytes, len}, &policy, &err);
    free(bytes);
    if (status != WEIR_OK)
        read_fault(r, node,
                   "It is a C2SP tlog-policy: see docs/formats/tlog.md.",
                   err.text);
}

static void
read_timestamps(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_transparency_settings row;
    static const struct field fields[] = {
        FIELD("url", read_text, row, timestamp_url),
        FIELD("command", read_text, row, timestamp_command),
        FIELD("ca", read_path, row, timestamp_ca),
        FIELD("every", read_us, row, timestamp_us),
    };
    row *settings = member;
    settings->timestamp_us = STAMP_US_DEFAULT;
    read_fields(r, node, "timestamps", fields, WEIR_COUNTOF(fields), settings);
    if ((settings->timestamp_url.len > 0) ==
        (settings->timestamp_command.len > 0))
        read_fault(r, node, "Give one of the two.",
                   "timestamps need a url or a command");
    if (settings->timestamp_us < STAMP_US_LEAST)
        read_fault(r, node, "Write a duration like 1 h.",
                   "timestamps more often than once a second");
}

static void
read_serve(struct reader *r, const struct yaml_node *node, void *member)
{
    bool is_served = true;
    read_bool(r, node, &is_served);
    *(bool *)member = !is_served;
}

void
read_transparency(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_settings row;
    static const struct field fields[] = {
        FIELD("policy", read_policy, row, transparency.policy),
        FIELD("timestamps", read_timestamps, row, transparency),
        FIELD("serve", read_serve, row, transparency.is_hidden),
        FIELD("egress", read_name, row, egress.transparency),
    };
    read_fields(r, node, "transparency", fields, WEIR_COUNTOF(fields),
                &r->world->settings);
}
