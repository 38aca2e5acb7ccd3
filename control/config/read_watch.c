/* SPDX-License-Identifier: Apache-2.0 */
/* Whose calls are watched: `watch:` of the main file, and of one row. */
#include "read.h"

void
read_watch(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_watch_settings row;
    static const struct field fields[] = {
        FIELD("tenants", read_names, row, tenants),
        FIELD("models", read_names, row, models),
    };
    r->world->watch.place = node->place;
    if (node->kind == YAML_TEXT) {
        r->world->watch.is_on = weir_span_equal(node->text, WEIR_SPAN("on"));
        if (!r->world->watch.is_on &&
            !weir_span_equal(node->text, WEIR_SPAN("off")))
            read_fault(r, node,
                       "Write on, off, or a mapping with tenants or models.",
                       "watch is neither on nor off");
        return;
    }
    r->world->watch.is_on = true;
    read_fields(r, node, "watch", fields, WEIR_COUNTOF(fields),
                &r->world->watch);
}

void
read_is_watched(struct reader *r, const struct yaml_node *node, void *member)
{
    bool is_watched = true;
    bool *is_unwatched = member;
    read_bool(r, node, &is_watched);
    *is_unwatched = !is_watched;
}
