/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/steps/report_grants.h - the part of the report that is of grants.
 *
 * Threads and memory: as report.h.
 */
#ifndef WEIR_STEPS_REPORT_GRANTS_H
#define WEIR_STEPS_REPORT_GRANTS_H

#include "control/steps/report.h"

/* One that was in force in the period; whose tenant, or empty. */
typedef void weir_report_on_grant(void *context, weir_span tenant);
/* Appends the grants of [period[0], period[1]) to `list`. */
WEIR_MUST_USE weir_status weir__report_grants(
    struct weir_store *store, const struct weir_image *image,
    const weir_time period[2], weir_time now, json_t *list,
    weir_report_on_grant *on_grant, void *context, struct weir_error *err);

#endif
