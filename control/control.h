/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/control.h - the daemon's heart: sources in, image out, deeds done.
 *
 * A control object holds the configuration as loaded, the store and the run
 * directory. `weir serve` keeps one; the command line makes one for a moment
 * when no daemon runs, so that a key can be revoked even then: workers that
 * still run follow the board in the run directory, whoever writes it.
 *
 * Threads: every function below takes the object's own lock where it needs
 * it; the store of a control object is used under that lock only. Memory:
 * spans returned live as long as said.
 */
#ifndef WEIR_CONTROL_H
#define WEIR_CONTROL_H

#include <pthread.h>
#include <stdatomic.h>

#include <weir/image.h>
#include <weir/world.h>

#include "control/files.h"
#include "control/store/store.h"

struct weir_onboarding; /* control/onboarding */
struct weir_watch_live; /* control/watch */
struct weir_keyring;    /* control/keyring */
struct weir_teller;     /* control/notices/telling.h */

/* Of an import under way: GET /v1/imports/progress. */
enum weir_import_stage {
    WEIR_IMPORT_NONE,
    WEIR_IMPORT_READING,  /* and comparing */
    WEIR_IMPORT_CLEARING, /* of what an earlier one left */
    WEIR_IMPORT_WRITING,
    WEIR_IMPORT_SWITCHING,
};
const char *weir_import_stage_name(uint32_t stage);

struct weir_import_progress { /* read without a lock */
    atomic_uint stage;
    atomic_uint done; /* rows, while writing */
    atomic_uint total;
};

struct weir_control {
    pthread_mutex_t lock;      /* people's deeds: weir_control_lock() */
    atomic_uint waiting;       /* in weir_control_lock() */
    pthread_mutex_t importing; /* one register at a time; before `lock` */
    struct weir_import_progress import;
    /* Moves before world or image change; rows that somebody kept over a
     * release of the lock are good for one edition. */
    uint64_t edition;
    struct weir_paths paths;
    struct weir_world *world; /* as loaded, with the keys of the store */
    struct weir_store *store;
    struct weir_board *board; /* mapped */
    struct weir_image image;  /* the one in force */
    bool has_image;
    const struct weir_world *sources_of; /* whose .sources were written last */
    int lock_file;
    weir_time started;
    /* Completes every world after loading (programs' paths); may be NULL. */
    void (*complete)(struct weir_world *world);
    /* Asked before an image is put in force, under the lock; NULL: none. What
     * it refuses stays out. */
    weir_status (*accept)(void *context, const struct weir_world *world,
                          const struct weir_image *image,
                          struct weir_error *err);
    void *accept_context;
    struct weir_onboarding *onboarding; /* NULL until it is needed */
    struct weir_watch_live *watch;      /* NULL: no daemon */
    struct weir_telemetry *telemetry;   /* the same */
    struct weir_keyring *keyring;       /* the same */
    struct weir_teller *teller;         /* NULL: who acts tells */
    int acts_event;        /* eventfd: acts wait for the journal; -1: nobody */
    uint64_t publications; /* of worlds: a review looks when it moves */
    uint64_t reloads;
    uint64_t reload_failures;
    bool reload_failed_last; /* the sources are not as the workers have them */
};

/* Takes the lock; long work that goes in turns (control/turns.h) makes way. */
void weir_control_lock(struct weir_control *control);

/* Real time, and an env of it with the system's randomness. */
weir_time weir_control_now(void);
extern const struct weir_env weir_control_env;
/* `prefix` and 16 characters, public and never the same twice: the name of
 * a key, a notice, a case. EINTERNAL: no randomness. */
WEIR_MUST_USE weir_status weir_control_id(const char *prefix,
                                          char id_out[WEIR_STORE_ID_MAX],
                                          struct weir_error *err);

/*
 * Loads and checks the configuration, makes state and run directory, opens
 * store and board, takes the state's lock. Publishes nothing yet.
 * EPARSE: faults says what; ECONFLICT: another control holds the state.
 */
WEIR_MUST_USE weir_status weir_control_open(const char *config_path,
                                            struct weir_control **control_out,
                                            struct weir_faults *faults,
                                            struct weir_error *err);
void weir_control_close(struct weir_control *control); /* NULL is fine */

/* Adds the keys of a store that are not revoked to a world that was loaded.
 * EPARSE: a key has a limit that nobody can read. */
WEIR_MUST_USE weir_status weir_control_keys_join(struct weir_world *world,
                                                 struct weir_store *store,
                                                 struct weir_error *err);

/* ------------------------------------------------------------ publishing */

/*
 * Compiles the world and makes the image known to every worker (nothing
 * happens when it is the one in force); then overlay and credentials.
 * EPARSE with faults: what is in force stays.
 */
WEIR_MUST_USE weir_status weir_control_publish(struct weir_control *control,
                                               struct weir_faults *faults,
                                               struct weir_error *err);
/* Reads the sources anew, then publishes. What is in force stays when
 * anything is wrong. */
/* Logs what weir_config_doubts() has of the world in force; a reload does. */
void weir_control_say_doubts(const struct weir_control *control);
WEIR_MUST_USE weir_status weir_control_reload(struct weir_control *control,
                                              struct weir_faults *faults,
                                              struct weir_error *err);
WEIR_MUST_USE weir_status weir_control_publish_overlay(
    struct weir_control *control, struct weir_error *err);
/* The sources are as the workers have them: renews the board's time. */
void weir_control_confirm(struct weir_control *control);
/* Removes run files of generations that no worker can still be opening, and,
 * if the ledger has everything (`is_current`), archived images that were
 * replaced and decided no call. */
void weir_control_sweep(struct weir_control *control, bool is_current);

/* ----------------------------------------------------------------- deeds */

/* Who does it. */
struct weir_actor {
    const char *id; /* token id, "local" or "control" */
    enum weir_role role;
};

struct weir_key_wish {
    weir_span project; /* "tenant/project", or a name only one tenant has */
    weir_span purpose;
    weir_span staff;     /* jurisdiction */
    weir_span end_users; /* jurisdictions, by comma or space */
    weir_span limits;    /* "tokens/day=1000", by comma or space */
    weir_span scope;     /* "global", "zone:EU", "region:NAME"; or empty */
    weir_span tags;      /* "team=search, cost_center=42"; or empty */
    weir_time not_after; /* WEIR_TIME_MAX: never */
};

#define WEIR_KEY_TEXT   64 /* "wr_" and 48 characters, and a NUL */
#define WEIR_TOKEN_TEXT 64

struct weir_key_made {
    char key[WEIR_KEY_TEXT];
    char id[WEIR_STORE_ID_MAX];
};

/*
 * Makes all of them or none, with one image. The keys' texts are given out
 * here and nowhere else; wipe them. ENOTFOUND, EPARSE (faults may say more),
 * ECONFLICT; `*at_out`: the wish at fault, `count` where it is none of them.
 */
WEIR_MUST_USE weir_status weir_control_keys_create(
    struct weir_control *control, const struct weir_actor *actor,
    const struct weir_key_wish *wishes, size_t count,
    struct weir_key_made *made_out, size_t *at_out, struct weir_faults *faults,
    struct weir_error *err);
WEIR_MUST_USE weir_status weir_control_key_revoke(
    struct weir_control *control, const struct weir_actor *actor, weir_span id,
    struct weir_error *err);
struct weir_withdrawal_wish {
    enum weir_kind kind;
    weir_span name;
    weir_span reason;   /* on record, and told to whom it touches */
    weir_span target;   /* where to go instead; empty: the successor */
    weir_time deadline; /* until when to have gone; 0: none */
};

/* Of those whom a deed touches. */
struct weir_told {
    uint32_t notices; /* posted so far */
    bool is_done;     /* that is all; else the teller goes on */
};

/*
 * Acts in every worker; notices to the customers whom it touches follow,
 * and are waited for a moment. ENOTFOUND: the image has nothing of that
 * name; ECONFLICT.
 */
WEIR_MUST_USE weir_status weir_control_withdraw(
    struct weir_control *control, const struct weir_actor *actor,
    const struct weir_withdrawal_wish *wish, struct weir_told *told_out,
    struct weir_error *err);
WEIR_MUST_USE weir_status weir_control_restore(struct weir_control *control,
                                               const struct weir_actor *actor,
                                               enum weir_kind kind,
                                               weir_span name,
                                               struct weir_told *told_out,
                                               struct weir_error *err);
/*
 * A worker found that the deployment's origin is not what it is pinned to:
 * it is withdrawn and a case is raised. `finding` begins with "NAME: PIN:",
 * `request` is the call that found it. Any number of times.
 */
WEIR_MUST_USE weir_status weir_control_pin_broken(struct weir_control *control,
                                                  weir_span deployment,
                                                  weir_span finding,
                                                  weir_span request,
                                                  struct weir_error *err);
/* `provider`: of a model owner's token; else empty. */
WEIR_MUST_USE weir_status weir_control_token_create(
    struct weir_control *control, const struct weir_actor *actor,
    enum weir_role role, weir_span name, weir_span provider,
    weir_time not_after, char token_out[WEIR_TOKEN_TEXT],
    char id_out[WEIR_STORE_ID_MAX], struct weir_error *err);
WEIR_MUST_USE weir_status weir_control_token_revoke(
    struct weir_control *control, const struct weir_actor *actor, weir_span id,
    struct weir_error *err);

#endif
