/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slots of the keyring, and the thread that keeps them fresh.
 *
 *     references ----.                    .---> credentials-N --> workers
 *     files, stat ---+--> slot: secret, --+
 *     token server --'    end, next look  '---> /metrics
 *
 * A secret that ends is renewed after three quarters of its life; one that
 * could not be is tried again after 1, 2, 4 .. 60 s. Files are looked at
 * every two seconds, commands run as often as the configuration says.
 *
 * WHY A FINGERPRINT. After a restart tokens are still in the file that
 * workers have. They are taken over when they were made from the same
 * references; a token of another account must not serve an origin.
 */
#include "control/keyring/keyring.h"
#include "control/beat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <weir/crypto.h>

#include "control/control.h"
#include "control/egress/egress.h"
#include "control/keyring/parts.h"
#include "control/log.h"
#include "control/parts.h"

#define NAMES_MAX      ((size_t)32 << 10) /* of one credential's references */
#define PROXY_EVERY_MS 600000 /* a command that gives its password */
#define LOOK_US        (2 * WEIR_US_PER_SEC)
#define BACKOFF_MAX    6 /* doublings of a second */
#define ID_TEXT        17
#define ORIGIN_TEXT    136 /* names are at most 128 bytes */

struct slot {
    char id[ID_TEXT];
    char origin[ORIGIN_TEXT];
    char *names; /* what the credential's spans point into */
    struct weir_world_credential credential;
    char *secret; /* NULL: none yet */
    size_t secret_len;
    weir_time until;  /* 0: no end */
    weir_time due;    /* next look */
    uint64_t stamp;   /* of the files it was read from */
    uint32_t retries; /* in a row */
    uint64_t renewals;
    uint64_t failures;
    bool is_wanted;
};

struct weir_keyring {
    struct slot *slots;
    size_t count;
};

static void
drop_secret(struct slot *slot)
{
    if (slot->secret != NULL)
        weir_wipe(slot->secret, slot->secret_len);
    free(slot->secret);
    slot->secret = NULL;
    slot->secret_len = 0;
}

static void
drop_slot(struct slot *slot)
{
    drop_secret(slot);
    free(slot->names);
}

void
weir__keyring_free(struct weir_keyring *keyring)
{
    if (keyring == NULL)
        return;
    for (size_t i = 0; i < keyring->count; i++)
        drop_slot(&keyring->slots[i]);
    free(keyring->slots);
    free(keyring);
}

/* ------------------------------------------------------------- credentials */

#define SPANS_MAX 10

/* Every span of a credential, for copying and for its fingerprint. */
static void
spans_of(struct weir_world_credential *credential, weir_span *spans[SPANS_MAX])
{
    spans[0] = &credential->value;
    spans[1] = &credential->access_key.value;
    spans[2] = &credential->session_token.value;
    spans[3] = &credential->region;
    spans[4] = &credential->service;
    spans[5] = &credential->tenant;
    spans[6] = &credential->client;
    spans[7] = &credential->authority;
    spans[8] = &credential->scope;
    spans[9] = &credential->egress;
}

/* A copy with memory of its own; NULL: there is none. */
static char *
copy_credential(const struct weir_world_credential *credential,
                struct weir_world_credential *copy_out)
{
    weir_span *spans[SPANS_MAX];
    size_t size = 1;
    *copy_out = *credential;
    spans_of(copy_out, spans);
    for (size_t i = 0; i < SPANS_MAX; i++)
        size += spans[i]->len + 1;
    char *names = size > NAMES_MAX ? NULL : calloc(1, size);
    char *at = names;
    for (size_t i = 0; i < SPANS_MAX && names != NULL; i++) {
        if (spans[i]->len > 0)
            memcpy(at, spans[i]->ptr, spans[i]->len);
        spans[i]->ptr = at;
        at += spans[i]->len + 1;
    }
    return names;
}

static void
fingerprint(const struct weir_world_credential *credential,
            char id_out[ID_TEXT])
{
    struct weir_world_credential copy = *credential;
    weir_span *spans[SPANS_MAX];
    struct weir_sha256 hash;
    weir_digest digest;
    const uint32_t kinds[] = {(uint32_t)copy.form, (uint32_t)copy.kind,
                              (uint32_t)copy.access_key.kind,
                              (uint32_t)copy.session_token.kind};
    weir_sha256_init(&hash);
    weir_sha256_add(&hash, kinds, sizeof kinds);
    spans_of(&copy, spans);
    for (size_t i = 0; i < SPANS_MAX; i++) {
        uint64_t len = spans[i]->len;
        weir_sha256_add(&hash, &len, sizeof len);
        weir_sha256_add(&hash, spans[i]->ptr, spans[i]->len);
    }
    weir_sha256_final(&hash, &digest);
    id_out[weir_hex_encode((weir_span){(const char *)digest.bytes, 8},
                           id_out)] = '\0';
}

static bool
is_token(const struct slot *slot)
{
    return slot->credential.form == WEIR_CREDENTIAL_SERVICE_ACCOUNT ||
           slot->credential.form == WEIR_CREDENTIAL_ENTRA;
}

/* What would differ if a file was replaced or written. */
static uint64_t
stamp_of(const struct weir_world_credential *credential)
{
    const struct weir_world_reference references[] = {
        {credential->kind, credential->value},
        credential->access_key,
        credential->session_token};
    uint64_t stamp = 0;
    for (size_t i = 0; i < WEIR_COUNTOF(references); i++) {
        struct stat info;
        /* Paths of a world, and of copies, end with a NUL. */
        if (references[i].kind != WEIR_CREDENTIAL_FILE ||
            stat(references[i].value.ptr, &info) != 0)
            continue;
        const uint64_t parts[] = {(uint64_t)info.st_ino, (uint64_t)info.st_size,
                                  (uint64_t)info.st_mtim.tv_sec,
                                  (uint64_t)info.st_mtim.tv_nsec};
        stamp = weir_hash64((weir_span){(const char *)parts, sizeof parts},
                            stamp + i + 1);
    }
    return stamp;
}

static bool
has_command(const struct weir_world_credential *credential)
{
    return credential->kind == WEIR_CREDENTIAL_COMMAND ||
           credential->access_key.kind == WEIR_CREDENTIAL_COMMAND ||
           credential->session_token.kind == WEIR_CREDENTIAL_COMMAND;
}

/* ----------------------------------------------------------------- renewing */

static weir_time
next_look(const struct slot *slot, weir_time now)
{
    weir_time due = WEIR_TIME_MAX;
    if (has_command(&slot->credential) && !is_token(slot))
        due = now + (weir_time)slot->credential.every_ms * WEIR_US_PER_MS;
    if (slot->until != 0 && slot->until > now) {
        weir_time ahead = now + (slot->until - now) / 4 * 3;
        due = ahead < due ? ahead : due;
    } else if (slot->until != 0) {
        due = now + 10 * WEIR_US_PER_SEC; /* it had ended when it came */
    }
    return due;
}

static void
take(struct slot *slot, weir_span secret, weir_time until, uint64_t stamp,
     weir_time now)
{
    char *copy = malloc(secret.len + 1);
    if (copy == NULL)
        return; /* what was there stays; the next look tries again */
    memcpy(copy, secret.ptr, secret.len);
    copy[secret.len] = '\0';
    drop_secret(slot);
    slot->secret = copy;
    slot->secret_len = secret.len;
    slot->until = until;
    slot->stamp = stamp;
    slot->retries = 0;
    slot->renewals++;
    slot->due = next_look(slot, now);
}

static void
miss(struct slot *slot, weir_time now, uint64_t stamp, const char *why)
{
    uint32_t doublings =
        slot->retries < BACKOFF_MAX ? slot->retries : BACKOFF_MAX;
    bool is_over =
        slot->secret == NULL || (slot->until != 0 && slot->until <= now);
    slot->failures++;
    slot->retries++;
    slot->stamp = stamp;
    slot->due = now + (WEIR_US_PER_SEC << doublings);
    if (is_over)
        weir_log(WEIR_LOG_WARN, "origin %s has no credential: %s", slot->origin,
                 why);
    else
        weir_log(WEIR_LOG_WARN,
                 "the credential of origin %s could not be renewed, the one "
                 "in use goes on: %s",
                 slot->origin, why);
}

/* References that need no network, under control's lock. */
static void
renew_here(struct slot *slot, weir_time now)
{
    char memory[WEIR_KEYRING_SECRET_MAX];
    struct weir_buf secret;
    struct weir_gained gained = {.secret = &secret};
    struct weir_error err = {0};
    uint64_t stamp = stamp_of(&slot->credential);
    weir_buf_init_fixed(&secret, memory, sizeof memory);
    if (weir__keyring_gain(&slot->credential, now, &gained, &err) == WEIR_OK)
        take(slot, weir_buf_span(&secret), gained.until, stamp, now);
    else
        miss(slot, now, stamp, err.text);
    weir_wipe(memory, sizeof memory);
}

/* ------------------------------------------------------------- credentials-N */

/* The next field of a line, up to a tab; `rest` advances. */
static weir_span
field(weir_span *rest)
{
    const char *tab =
        rest->len == 0 ? NULL : memchr(rest->ptr, '\t', rest->len);
    size_t len = tab == NULL ? rest->len : (size_t)(tab - rest->ptr);
    weir_span taken = {rest->ptr, len};
    size_t skip = tab == NULL ? len : len + 1;
    rest->ptr += skip;
    rest->len -= skip;
    return taken;
}

/* A token that workers still have, of the same references. */
static void
take_over(struct slot *slot, weir_span file, weir_time now)
{
    while (file.len > 0) {
        const char *end = memchr(file.ptr, '\n', file.len);
        size_t len = end == NULL ? file.len : (size_t)(end - file.ptr);
        weir_span line = {file.ptr, len};
        uint64_t until = 0;
        size_t skip = end == NULL ? len : len + 1;
        file.ptr += skip;
        file.len -= skip;
        weir_span name = field(&line);
        weir_span time = field(&line);
        weir_span id = field(&line);
        if (!weir_span_equal(name, weir_span_of(slot->origin)) ||
            !weir_span_equal(id, weir_span_of(slot->id)) ||
            !weir_span_to_u64(time, &until) || until > INT64_MAX ||
            (weir_time)until <= now || line.len == 0)
            continue;
        take(slot, line, (weir_time)until, stamp_of(&slot->credential), now);
        /* When it was given nobody knows: ask soon. */
        slot->due = now;
        return;
    }
}

void
weir__keyring_put(struct weir_control *control, struct weir_buf *out)
{
    const struct weir_keyring *keyring = control->keyring;
    weir_time now = weir_control_now();
    for (size_t i = 0; keyring != NULL && i < keyring->count; i++) {
        const struct slot *slot = &keyring->slots[i];
        if (slot->secret == NULL || (slot->until != 0 && slot->until <= now))
            continue;
        weir_buf_addf(out, "%s\t%lld\t%s\t", slot->origin,
                      (long long)slot->until, slot->id);
        weir_buf_add(out, slot->secret, slot->secret_len);
        weir_buf_add_byte(out, '\n');
    }
}

/* ------------------------------------------------------------------- follow */

static struct slot *
find(struct weir_keyring *keyring, const char *origin, const char *id)
{
    for (size_t i = 0; i < keyring->count; i++)
        if (strcmp(keyring->slots[i].id, id) == 0 &&
            strcmp(keyring->slots[i].origin, origin) == 0)
            return &keyring->slots[i];
    return NULL;
}

static struct slot *
add(struct weir_keyring *keyring, const char *origin, const char *id,
    const struct weir_world_credential *credential)
{
    struct slot *slots =
        realloc(keyring->slots, (keyring->count + 1) * sizeof *slots);
    if (slots == NULL)
        return NULL;
    keyring->slots = slots;
    struct slot *slot = &slots[keyring->count];
    *slot = (struct slot){0};
    slot->names = copy_credential(credential, &slot->credential);
    if (slot->names == NULL)
        return NULL;
    snprintf(slot->origin, sizeof slot->origin, "%s", origin);
    snprintf(slot->id, sizeof slot->id, "%s", id);
    keyring->count++;
    return slot;
}

static void
sweep(struct weir_keyring *keyring)
{
    size_t kept = 0;
    for (size_t i = 0; i < keyring->count; i++) {
        if (!keyring->slots[i].is_wanted) {
            drop_slot(&keyring->slots[i]);
            continue;
        }
        keyring->slots[kept++] = keyring->slots[i];
    }
    keyring->count = kept;
}

/* What is followed, by the name that workers look for. */
static weir_status
want(struct weir_keyring *keyring, const char *name,
     const struct weir_world_credential *credential, weir_span before,
     struct weir_error *err)
{
    char id[ID_TEXT];
    weir_time now = weir_control_now();
    if (credential->kind == WEIR_CREDENTIAL_NONE)
        return WEIR_OK;
    fingerprint(credential, id);
    struct slot *slot = find(keyring, name, id);
    bool is_new = slot == NULL;
    if (is_new)
        slot = add(keyring, name, id, credential);
    if (slot == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "no room for the credential of an origin");
    slot->is_wanted = true;
    slot->credential.every_ms = credential->every_ms;
    if (!is_token(slot))
        renew_here(slot, now);
    else if (is_new)
        take_over(slot, before, now);
    return WEIR_OK;
}

/* What a proxy is shown. */
static weir_status
want_proxy(struct weir_keyring *keyring, const struct weir_world_egress *way,
           weir_span before, struct weir_error *err)
{
    char name[ORIGIN_TEXT];
    const struct weir_world_credential credential = {
        .kind = way->proxy.credential.kind,
        .value = way->proxy.credential.value,
        .every_ms = PROXY_EVERY_MS};
    snprintf(name, sizeof name, WEIR_EGRESS_CREDENTIAL "%.*s",
             WEIR_SPAN_ARG(way->name));
    return want(keyring, name, &credential, before, err);
}

weir_status
weir__keyring_follow(struct weir_control *control, weir_span before,
                     struct weir_error *err)
{
    weir_status status = WEIR_OK;
    if (control->keyring == NULL)
        control->keyring = calloc(1, sizeof *control->keyring);
    struct weir_keyring *keyring = control->keyring;
    if (keyring == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    for (size_t i = 0; i < keyring->count; i++)
        keyring->slots[i].is_wanted = false;
    const struct weir_world *world = control->world;
    for (uint32_t i = 0; status == WEIR_OK && i < world->origin_count; i++) {
        const struct weir_world_origin *row = &world->origin_rows[i];
        char origin[ORIGIN_TEXT];
        snprintf(origin, sizeof origin, "%.*s", WEIR_SPAN_ARG(row->name));
        status = want(keyring, origin, &row->credential, before, err);
    }
    for (uint32_t i = 0; status == WEIR_OK && i < world->egress_count; i++)
        status = want_proxy(keyring, &world->egress_rows[i], before, err);
    if (status != WEIR_OK)
        return status;
    sweep(keyring);
    return WEIR_OK;
}

bool
weir__keyring_state(const struct weir_control *control, size_t index,
                    weir_time now, struct weir_keyring_state *state_out)
{
    const struct weir_keyring *keyring = control->keyring;
    if (keyring == NULL || index >= keyring->count)
        return false;
    const struct slot *slot = &keyring->slots[index];
    *state_out = (struct weir_keyring_state){
        .origin = weir_span_of(slot->origin),
        .has_secret =
            slot->secret != NULL && (slot->until == 0 || slot->until > now),
        .until = slot->until,
        .renewals = slot->renewals,
        .failures = slot->failures,
    };
    return true;
}

/* ------------------------------------------------------------------- thread */

#define BEAT_US (250 * WEIR_US_PER_MS)

struct weir_keeper {
    struct weir_beat beat;
    weir_time look_at;
    struct weir_control *control;
};

/* One slot that is due, copied; false: none is. Under control's lock. */
struct job {
    char id[ID_TEXT];
    char origin[ORIGIN_TEXT];
    char *names;
    struct weir_world_credential credential;
};

static bool
pick(struct weir_keeper *keeper, weir_time now, struct job *job_out)
{
    struct weir_keyring *keyring = keeper->control->keyring;
    bool looks = now >= keeper->look_at;
    if (looks)
        keeper->look_at = now + LOOK_US;
    for (size_t i = 0; keyring != NULL && i < keyring->count; i++) {
        struct slot *slot = &keyring->slots[i];
        if (looks && slot->stamp != 0 &&
            stamp_of(&slot->credential) != slot->stamp)
            slot->due = now;
    }
    for (size_t i = 0; keyring != NULL && i < keyring->count; i++) {
        struct slot *slot = &keyring->slots[i];
        if (slot->due > now)
            continue;
        job_out->names =
            copy_credential(&slot->credential, &job_out->credential);
        if (job_out->names == NULL)
            return false;
        memcpy(job_out->id, slot->id, sizeof job_out->id);
        memcpy(job_out->origin, slot->origin, sizeof job_out->origin);
        /* Not twice at once, whatever the clock does meanwhile. */
        slot->due = now + 60 * WEIR_US_PER_SEC;
        return true;
    }
    return false;
}

/* Without the lock, then the result under it. */
static void
work(struct weir_keeper *keeper, struct job *job)
{
    struct weir_control *control = keeper->control;
    char memory[WEIR_KEYRING_SECRET_MAX];
    struct weir_buf secret;
    struct weir_gained gained = {.secret = &secret};
    struct weir_error err = {0};
    uint64_t stamp = stamp_of(&job->credential);
    weir_buf_init_fixed(&secret, memory, sizeof memory);
    weir_status status =
        weir__keyring_gain(&job->credential, weir_control_now(), &gained, &err);
    pthread_mutex_lock(&control->lock);
    weir_time now = weir_control_now();
    struct slot *slot = find(control->keyring, job->origin, job->id);
    if (slot != NULL && status == WEIR_OK)
        take(slot, weir_buf_span(&secret), gained.until, stamp, now);
    else if (slot != NULL)
        miss(slot, now, stamp, err.text);
    if (slot != NULL &&
        weir__control_write_credentials(control, &err) != WEIR_OK)
        weir_log(WEIR_LOG_ERROR, "credentials are not published: %s", err.text);
    pthread_mutex_unlock(&control->lock);
    weir_wipe(memory, sizeof memory);
    free(job->names);
}

static void *
run(void *context)
{
    struct weir_keeper *keeper = context;
    do {
        struct job job;
        pthread_mutex_lock(&keeper->control->lock);
        bool has_job = pick(keeper, weir_control_now(), &job);
        pthread_mutex_unlock(&keeper->control->lock);
        if (has_job)
            work(keeper, &job);
    } while (weir_beat_wait(&keeper->beat, BEAT_US));
    return NULL;
}

weir_status
weir_keeper_start(struct weir_control *control, struct weir_keeper **keeper_out,
                  struct weir_error *err)
{
    struct weir_keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    keeper->control = control;
    weir_status status =
        weir_beat_start(&keeper->beat, run, keeper, "credentials", err);
    if (status != WEIR_OK) {
        free(keeper);
        return status;
    }
    *keeper_out = keeper;
    return WEIR_OK;
}

void
weir_keeper_stop(struct weir_keeper *keeper)
{
    if (keeper == NULL)
        return;
    weir_beat_stop(&keeper->beat);
    free(keeper);
}
