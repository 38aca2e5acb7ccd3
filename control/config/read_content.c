/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of prompts and answers, for how long, and who may look. */
#include "read.h"

#include <weir/content.h>

#define BYTES_DEFAULT (UINT64_C(1) << 20)
#define BYTES_MOST    (UINT64_C(64) << 20)

static void
read_when_full(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    if (weir_span_equal(text, WEIR_SPAN("go on")))
        *(bool *)member = true;
    else if (!weir_span_equal(text, WEIR_SPAN("refuse")))
        read_fault(r, node, "Write refuse, or go on.", "not a rule");
}

static void
read_classes(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_content_class row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("floor", read_us, row, floor_us),
        FIELD("ceiling", read_us, row, ceiling_us),
        FIELD("bytes", read_bytes, row, bytes_max),
        FIELD("when_full", read_when_full, row, is_optional),
        FIELD("regions", read_names, row, regions),
    };
    if (!is_list(r, node, "classes"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        row *class = weir_world_add_content_class(r->world);
        if (class == NULL)
            return;
        read_row(r, n, "a class", fields, WEIR_COUNTOF(fields), class);
        if (class->bytes_max == 0)
            class->bytes_max = BYTES_DEFAULT;
        if (class->name.len == 0 || class->name.len >= WEIR_CONTENT_CLASS_MAX ||
            weir_span_equal(class->name, WEIR_SPAN("none")))
            read_fault(r, n, "Give a name of at most 31 bytes, not none.",
                       "a class without a usable name");
        if (class->ceiling_us <= 0 || class->floor_us > class->ceiling_us)
            read_fault(r, n, "Write floor: 1 d and ceiling: 30 d.",
                       "a class needs a ceiling, and no floor above it");
        if (class->bytes_max > BYTES_MOST)
            read_fault(r, n, "Write at most 64 MiB.", "too much of one body");
    }
}

static void
read_reviewers(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_reviewer row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("region", read_name, row, region),
        FIELD("until", read_time, row, until),
    };
    if (!is_list(r, node, "reviewers"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        row *reviewer = weir_world_add_reviewer(r->world);
        if (reviewer == NULL)
            return;
        read_row(r, n, "a reviewer", fields, WEIR_COUNTOF(fields), reviewer);
        if (reviewer->name.len == 0 || reviewer->region.text.len == 0)
            read_fault(r, n, "Write {name: wt_.., region: DE, until: ..}.",
                       "a reviewer without name or region");
    }
}

/* A reference as others, or {pkcs11: URI}: a key that stays in its token. */
static void
read_master(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_reference *master = member;
    if (node->kind != YAML_MAPPING || node->count != 1 ||
        !weir_span_equal(node->first->key, WEIR_SPAN("pkcs11"))) {
        read_reference(r, node, member);
        return;
    }
    master->kind = WEIR_CREDENTIAL_TOKEN;
    if (read_text_value(r, node->first, &master->value) &&
        !weir_span_starts(master->value, WEIR_SPAN("pkcs11:")))
        read_fault(r, node->first,
                   "Write pkcs11:token=..;object=..?module-path=..&"
                   "pin-source=file:...",
                   "not a URI of a token");
}

void
read_content(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_content_settings row;
    static const struct field fields[] = {
        FIELD("master", read_master, row, master),
        FIELD("queue", read_bytes, row, queue_bytes_max),
        FIELD("free", read_bytes, row, free_bytes_min),
        {"classes", read_classes, 0},
        {"reviewers", read_reviewers, 0},
    };
    row *settings = &r->world->settings.content;
    read_fields(r, node, "content", fields, WEIR_COUNTOF(fields), settings);
    if (settings->master.kind == WEIR_CREDENTIAL_NONE)
        read_fault(r, node, "Write master: {file: ..} or {command: ..}.",
                   "content is kept under a master key");
}
