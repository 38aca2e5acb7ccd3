/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/steps/report.h - what the watch did in a period.
 *
 * Threads: reads over the caller's store. Memory: the reply is the caller's.
 */
#ifndef WEIR_STEPS_REPORT_H
#define WEIR_STEPS_REPORT_H

#include <jansson.h>

#include "control/steps/steps.h"

/*
 * Deeds, overrides, appeals in [from, to), by size of customer; exemptions
 * in force at `now`, whenever they were made. `image` names the customers.
 * docs/formats/watch-steps.md has the members.
 */
WEIR_MUST_USE weir_status weir_steps_report(struct weir_store *store,
                                            const struct weir_image *image,
                                            weir_time from, weir_time to,
                                            weir_time now, json_t **report_out,
                                            struct weir_error *err);
/* One override as the API and reports show it. */
json_t *weir_override_json(const struct weir_override *row, weir_time now);

#endif
