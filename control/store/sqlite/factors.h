/* SPDX-License-Identifier: Apache-2.0 */
/* Cells of factors, between the ledger's writer and who learns from them. */
#ifndef WEIR_STORE_FACTORS_H
#define WEIR_STORE_FACTORS_H

#include "control/store/sqlite/sql.h"

/* Counts a call that was closed, where it says something of its model. */
WEIR_MUST_USE weir_status weir_sql_factor_add(
    struct weir_store *store, int64_t model, int64_t tenant,
    const struct weir_record_outcome *outcome, struct weir_error *err);

#endif
