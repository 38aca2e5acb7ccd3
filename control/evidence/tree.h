/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/evidence/tree.h - JSON and YAML as the same nodes, piece by piece.
 *
 * A register of millions of rows is one list at the top of a file. Its
 * elements are handed out one by one and forgotten, so that memory holds
 * one of them. JSON is told from YAML by its first byte; numbers keep their
 * digits, null is the plain text "null".
 *
 * Threads: one caller. Memory: a node lives until its visit returns.
 */
#ifndef WEIR_EVIDENCE_TREE_H
#define WEIR_EVIDENCE_TREE_H

#include "control/config/yaml.h"

struct weir_tree_visitor {
    void *context;
    /* Whether the elements of this member of the root are visited one by
     * one; else it is visited as a whole. The root is "" when it is a list
     * itself, whose elements are visited one by one. NULL: all are. */
    bool (*streams)(void *context, weir_span section);
    void (*visit)(void *context, weir_span section,
                  const struct yaml_node *node);
};

/* EPARSE: `faults` tell what could not be read; some may have been visited
 * before it was seen. ETOOBIG: one element does not fit. */
WEIR_MUST_USE weir_status weir_tree_walk(weir_span text, weir_span file,
                                         const struct weir_tree_visitor *v,
                                         struct weir_faults *faults);

/* A scalar's text; empty for what is none, and for a plain null or ~. */
weir_span weir_tree_text(const struct yaml_node *node);
/* The child of a mapping by any of the names (NULL behind the last), letters
 * of either case, "-" and " " as "_"; NULL: none. */
const struct yaml_node *weir_tree_any(const struct yaml_node *mapping,
                                      const char *const *names);
/* Letters of either case, "-" and " " as "_". */
bool weir_tree_is(weir_span key, const char *name);

#endif
