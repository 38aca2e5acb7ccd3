/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanges as they stand: what the configuration says, what is taken, and
 * why one matches nothing. */
#include <stdio.h>

#include "control/sharing/parts.h"

#include <weir/crypto.h>

struct summing {
    struct weir_control *control;
    const struct weir_world_exchange *exchange;
    struct weir_share_state *state;
    weir_time now;
};

static bool
add_up(void *context, const struct weir_share_bundle *row)
{
    struct summing *summing = context;
    if (!weir_span_equal(row->exchange, summing->exchange->name) ||
        row->expires <= summing->now)
        return true;
    if (weir__share_trusts(summing->control, summing->exchange, row->issuer,
                           row->key)) {
        summing->state->bundles++;
        summing->state->indicators += row->indicators;
    } else {
        snprintf(summing->state->problem, sizeof summing->state->problem,
                 "bundle %lld: its issuer or key is not trusted any more",
                 (long long)row->number);
    }
    return true;
}

static weir_status
state_of(struct weir_control *control,
         const struct weir_world_exchange *exchange, bool reads_salts,
         struct weir_share_state *state, struct weir_error *err)
{
    struct weir_error own = {0};
    uint8_t salt[WEIR_INDICATOR_SALT_BYTES];
    struct summing summing = {control, exchange, state, weir_control_now()};
    *state = (struct weir_share_state){.name = exchange->name,
                                       .issuer = exchange->issuer,
                                       .gives = exchange->gives,
                                       .lasts = exchange->lasts_us,
                                       .trusts = exchange->trusts.count};
    state->has_number =
        weir__share_number_of(control, exchange->name, &state->number);
    weir_status status =
        weir__share_live(control->store, add_up, &summing, err);
    if (status == WEIR_OK && reads_salts &&
        weir__share_salt(exchange, salt, &own) != WEIR_OK)
        snprintf(state->problem, sizeof state->problem, "%s", own.text);
    weir_wipe(salt, sizeof salt);
    return status;
}

weir_status
weir_share_states(struct weir_control *control, bool reads_salts,
                  weir_share_on_state *on_state, void *context,
                  struct weir_error *err)
{
    weir_status status = WEIR_OK;
    weir_control_lock(control);
    for (uint32_t i = 0;
         status == WEIR_OK && i < control->world->exchange_count; i++) {
        struct weir_share_state state;
        status = state_of(control, &control->world->exchange_rows[i],
                          reads_salts, &state, err);
        if (status == WEIR_OK && !on_state(context, &state))
            break;
    }
    pthread_mutex_unlock(&control->lock);
    return status;
}
