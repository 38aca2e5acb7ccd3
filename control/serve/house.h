/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/serve/house.h - what the files of this folder share: the state of
 * a running serve.
 *
 * Threads: the main loop's, unless a member says otherwise.
 */
#ifndef WEIR_HOUSE_H
#define WEIR_HOUSE_H

#include <weir/quota.h>

#include "control/budgets/budgets.h"
#include "control/content/content.h"
#include "control/control.h"
#include "control/kept/looker.h"
#include "control/keyring/keyring.h"
#include "control/notices/courier.h"
#include "control/schedule/schedule.h"
#include "control/serve/addresses.h"
#include "control/serve/child.h"
#include "control/sharing/sharing.h"
#include "control/steps/steps.h"
#include "control/witness/vouch.h"

struct weir_house {
    struct weir_control *control;
    struct weir_child nginx;
    struct weir_child writer;
    char writer_words[6][1100];
    char nginx_words[4][1100];
    pthread_mutex_t lock; /* of what follows, up to `quota`; control's lock is
                             taken before it */
    char *conf;           /* nginx.conf as written */
    size_t conf_len;
    struct weir_addresses addresses;
    struct weir_quota *quota;
    void *quota_map;
    size_t quota_bytes;
    struct weir_courier *courier;
    struct weir_herald *herald;
    struct weir_looker *looker;
    struct weir_keeper *keeper;
    struct weir_steps_keeper *steps;
    struct weir_share_keeper *share;
    struct weir_voucher *voucher;
    struct weir_content_keeper *content;
    struct weir_budget_watch *budgets;
    int signals; /* signalfd */
    int timer;   /* timerfd */
    int nudge;   /* eventfd: the API reloaded, or names resolve otherwise */
    bool is_ready;
    weir_time resolve_at;
    weir_time raise_at;  /* new budgets are held against the ledger again */
    weir_time change_at; /* not before: a failed try is repeated slowly */
    weir_time sweep_at;
};

/* nginx.c: writes nginx.conf when it differs; *changed_out says so. The new
 * text is tried by `nginx -t` first; ETYPE says what nginx said. */
WEIR_MUST_USE weir_status weir__house_write_conf(struct weir_house *house,
                                                 bool *changed_out,
                                                 struct weir_error *err);
/* control->accept: an nginx.conf for that world and image that differs from
 * the one in force must pass `nginx -t`. */
weir_status weir__house_accept(void *context, const struct weir_world *world,
                               const struct weir_image *image,
                               struct weir_error *err);
/* What to run, from the settings. */
WEIR_MUST_USE weir_status weir__house_children(struct weir_house *house,
                                               struct weir_error *err);
/* The settings' program and module, or those beside this program. */
void weir__house_find_programs(struct weir_world *world);
/* Takes away the socket that a killed nginx left: the next could not listen. */
void weir__house_clear(struct weir_house *house);
/* Resolves the origins' names; waits at most so long. */
void weir__house_resolve(struct weir_house *house, unsigned deadline_ms);

/* quota.c: takes over the table workers share, or makes it. True in
 * *is_new_out: it refuses holds until it was seeded from the ledger. */
WEIR_MUST_USE weir_status weir__house_open_quota(struct weir_house *house,
                                                 bool *is_new_out,
                                                 struct weir_error *err);
WEIR_MUST_USE weir_status weir__house_seed_quota(struct weir_house *house,
                                                 struct weir_error *err);
/* Counters of budgets in `image` that `before` (NULL: none) does not have
 * begin at what the ledger knows. */
WEIR_MUST_USE weir_status weir__house_raise_quota(
    struct weir_house *house, const struct weir_image *image,
    const struct weir_image *before, struct weir_error *err);
/* Once more, some seconds after budgets began. */
void weir__house_raise_again(struct weir_house *house, weir_time now);
void weir__house_close_quota(struct weir_house *house);

/* signals.c: the table that workers share is there afterwards, or a warning
 * was logged. */
void weir__house_open_signals(struct weir_house *house);

#endif
