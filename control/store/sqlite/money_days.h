/* SPDX-License-Identifier: Apache-2.0 */
/* Money by day, between the ledger's writer and its readers. */
#ifndef WEIR_STORE_MONEY_DAYS_H
#define WEIR_STORE_MONEY_DAYS_H

#include "control/store/sqlite/sql.h"

/* tenant, project, key, model, deployment, price_version, region, place,
 * country, currency: in the order of the table */
#define WEIR_MONEY_NAMES 10
/* calls, estimated, four counts of tokens, cost, requests, eight units */
#define WEIR_MONEY_SUMS 16

WEIR_MUST_USE weir_status weir_sql_money_add(
    struct weir_store *store, weir_time decided,
    const int64_t names[WEIR_MONEY_NAMES],
    const struct weir_record_outcome *outcome, struct weir_error *err);
#endif
