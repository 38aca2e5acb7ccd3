/* SPDX-License-Identifier: Apache-2.0 */
/* Ownership rules run over a world's organisations. */
#ifndef WEIR_IMAGE_MEMBERS_H
#define WEIR_IMAGE_MEMBERS_H

#include "names.h"

/* Answers of one rule: [organisation_count], enum weir_ownership_answer, after the
 * rule's effect of unknown; NULL: the rule does not apply now. */
struct weir__members {
    uint8_t **answers; /* [rule_count] */
};

/* `world` is checked. */
WEIR_MUST_USE weir_status weir__members_run(const struct weir_world *world,
                                            weir_time now,
                                            struct weir_arena *arena,
                                            struct weir__members *members,
                                            struct weir_error *err);

#endif
