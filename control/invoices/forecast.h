/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/invoices/forecast.h - spending ahead, and how well it was foreseen.
 *
 * Threads: as the store. Memory: JSON is the caller's.
 */
#ifndef WEIR_INVOICES_FORECAST_H
#define WEIR_INVOICES_FORECAST_H

#include "control/invoices/invoices.h"

/*
 * By "tenant,model" and so on ("": the whole), the days behind today of UTC.
 * JSON: from_us, days, rows with the group, currency, past_days and either
 * total_micros, low_micros, high_micros, daily_micros or, of a back-test,
 * origins, error_ppm, bias_ppm, inside_ppm, naive_error_ppm. EPARSE.
 */
WEIR_MUST_USE weir_status weir_forecast_report(struct weir_store *store,
                                               weir_span tenant, weir_span by,
                                               weir_time now, size_t ahead,
                                               bool is_backtest,
                                               json_t **report_out,
                                               struct weir_error *err);

/* The same from anywhere: amounts of days from `from` on. */
struct weir_series_set;
struct weir_series_set *weir_series_new(weir_time from, size_t days);
void weir_series_free(struct weir_series_set *set); /* NULL is fine */
/* Takes `group`, an object. False: out of memory. */
bool weir_series_add(struct weir_series_set *set, json_t *group, weir_time day,
                     int64_t amount);
json_t *weir_series_json(const struct weir_series_set *set, size_t ahead,
                         bool is_backtest);

#endif
