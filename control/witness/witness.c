/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A witness: for each log the last checkpoint that it cosigned, and the rule
 * that the next one must extend it.
 *
 *    <state>/.lock               one process at a time
 *    <state>/<hex>               the checkpoint, as the log signed it
 *    <state>/<hex>.refused       the last one that was signed by the log and
 *                                does not extend it: proof of a fork
 *
 * hex is SHA-256 of the origin. WHY A FILE EACH. A log that is active does
 * not make the others' state be written, and a file that is damaged stops
 * its own log only.
 *
 * WHEN A COSIGNATURE LEAVES. The file is written beside, flushed, renamed and
 * its directory flushed before the answer is made. Killed in between, the
 * log asks again with the old size, is told the new one, and gets the
 * cosignature of the same checkpoint: a witness may repeat itself, never
 * contradict itself.
 *
 * A FILE THAT CANNOT BE READ is an error, not a log that was never seen:
 * whoever loses its state has to say so by removing the file himself.
 */
#include "control/witness/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/log.h"
#include "control/tlog/file.h"

#define KEYS_PER_LOG 8
#define NAME_BYTES   (WEIR_HEX_LEN(32) + 16)

struct witnessed {
    weir_span origin; /* in texts */
    struct weir_note_key keys[KEYS_PER_LOG];
    size_t key_count;
    struct weir_witness_state state;
};

struct weir_witness {
    int dir;
    int lock;
    char *texts; /* own copy of the list of logs */
    struct witnessed *logs;
    size_t count;
    char name[WEIR_NOTE_NAME_MAX];
    struct weir_note_key key;
    struct weir_note_secret secret;
};

static void
file_name(weir_span origin, const char *end, char name_out[NAME_BYTES])
{
    weir_digest digest;
    char hex[WEIR_HEX_LEN(32)];
    weir_sha256_of(origin, &digest);
    weir_hex_encode((weir_span){(const char *)digest.bytes, 32}, hex);
    snprintf(name_out, NAME_BYTES, "%.*s%s", (int)sizeof hex, hex, end);
}

/* ----------------------------------------------------------------- opening */

static struct witnessed *
find(const struct weir_witness *witness, weir_span origin)
{
    for (size_t i = 0; i < witness->count; i++)
        if (weir_span_equal(witness->logs[i].origin, origin))
            return &witness->logs[i];
    return NULL;
}

static weir_status
add_log(struct weir_witness *witness, const struct weir_note_key *key,
        unsigned line, struct weir_error *err)
{
    struct witnessed *log = find(witness, key->name);
    if (!weir_note_key_is_of_log(key))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "logs, line %u: this key is a witness's", line);
    if (log == NULL) {
        size_t bytes = (witness->count + 1) * sizeof *log;
        struct witnessed *logs = realloc(witness->logs, bytes);
        if (logs == NULL)
            return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                             "out of memory");
        witness->logs = logs;
        log = &logs[witness->count++];
        *log = (struct witnessed){.origin = key->name};
    }
    if (log->key_count == KEYS_PER_LOG)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "logs, line %u: more than %d keys of one log", line,
                         KEYS_PER_LOG);
    log->keys[log->key_count++] = *key;
    return WEIR_OK;
}

static weir_status
read_logs(struct weir_witness *witness, weir_span text, struct weir_error *err)
{
    unsigned number = 0;
    witness->texts = malloc(text.len + 1);
    if (witness->texts == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    memcpy(witness->texts, text.ptr == NULL ? "" : text.ptr, text.len);
    const char *at = witness->texts, *end = at + text.len;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        weir_span line = {at, (size_t)((stop == NULL ? end : stop) - at)};
        struct weir_note_key key;
        struct weir_error why = {0};
        at += line.len + 1;
        number++;
        while (line.len > 0 && strchr(" \t\r", line.ptr[line.len - 1]) != NULL)
            line.len--;
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        if (weir_note_key_parse(line, &key, &why) != WEIR_OK)
            return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                             "logs, line %u: %s", number, why.text);
        weir_status status = add_log(witness, &key, number, err);
        if (status != WEIR_OK)
            return status;
    }
    return witness->count > 0
               ? WEIR_OK
               : weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "no log is named: there is nothing to witness");
}

static weir_status
load_state(struct weir_witness *witness, struct witnessed *log,
           struct weir_error *err)
{
    char name[NAME_BYTES];
    struct weir_buf bytes;
    struct weir_note note;
    struct weir_checkpoint head;
    file_name(log->origin, "", name);
    weir_buf_init(&bytes, WEIR_NOTE_BYTES_MAX);
    int failure = tlog_file_read(witness->dir, name, &bytes);
    weir_status status = WEIR_OK;
    if (failure == 0) {
        if (weir_note_parse(weir_buf_span(&bytes), &note, NULL) != WEIR_OK ||
            weir_checkpoint_parse(note.text, &head, NULL) != WEIR_OK ||
            !weir_span_equal(head.origin, log->origin))
            status =
                weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                          "%.70s is not a checkpoint of %.*s", name,
                          (int)(log->origin.len > 60 ? 60 : log->origin.len),
                          log->origin.ptr);
        else
            log->state = (struct weir_witness_state){head.size, head.root};
    } else if (failure != ENOENT) {
        status = weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%.70s: %s", name,
                           strerror(failure));
    }
    weir_buf_fini(&bytes);
    return status;
}

static weir_status
open_state(struct weir_witness *witness, const char *path,
           struct weir_error *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%.120s: %s", path,
                         strerror(errno));
    witness->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (witness->dir >= 0)
        witness->lock =
            openat(witness->dir, ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (witness->lock < 0)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%.120s: %s", path,
                         strerror(errno));
    if (flock(witness->lock, LOCK_EX | LOCK_NB) != 0)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "another witness has %.120s", path);
    weir_status status = WEIR_OK;
    for (size_t i = 0; status == WEIR_OK && i < witness->count; i++)
        status = load_state(witness, &witness->logs[i], err);
    return status;
}

static weir_status
read_key(struct weir_witness *witness, weir_span text, struct weir_error *err)
{
    struct weir_note_key key;
    weir_status status =
        weir_note_secret_parse(text, &key, &witness->secret, err);
    if (status != WEIR_OK)
        return status;
    if (witness->secret.type == WEIR_NOTE_ED25519)
        witness->secret.type = WEIR_NOTE_COSIGNATURE;
    memcpy(witness->name, key.name.ptr, key.name.len);
    return weir_note_key_of((weir_span){witness->name, key.name.len},
                            &witness->secret, &witness->key, err);
}

weir_status
weir_witness_open(weir_span key, weir_span logs, const char *state_dir,
                  struct weir_witness **witness_out, struct weir_error *err)
{
    struct weir_witness *witness = calloc(1, sizeof *witness);
    if (witness == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    witness->dir = witness->lock = -1;
    weir_status status = read_key(witness, key, err);
    if (status == WEIR_OK)
        status = read_logs(witness, logs, err);
    if (status == WEIR_OK)
        status = open_state(witness, state_dir, err);
    if (status == WEIR_OK)
        *witness_out = witness;
    else
        weir_witness_close(witness);
    return status;
}

void
weir_witness_close(struct weir_witness *witness)
{
    if (witness == NULL)
        return;
    if (witness->lock >= 0)
        close(witness->lock);
    if (witness->dir >= 0)
        close(witness->dir);
    weir_wipe(&witness->secret, sizeof witness->secret);
    free(witness->texts);
    free(witness->logs);
    free(witness);
}

const struct weir_note_key *
weir_witness_key(const struct weir_witness *witness)
{
    return &witness->key;
}

size_t
weir_witness_logs(const struct weir_witness *witness)
{
    return witness->count;
}

/* --------------------------------------------------------------- answering */

static void
say(struct weir_witness_reply *reply, unsigned http, const char *text)
{
    reply->http = http;
    reply->type = "text/plain; charset=utf-8";
    weir_buf_addf(&reply->body, "%s\n", text);
}

static bool
save(struct weir_witness *witness, weir_span origin, const char *end,
     weir_span note)
{
    char name[NAME_BYTES];
    file_name(origin, end, name);
    int failure = tlog_file_write(witness->dir, name, note, true);
    if (failure != 0)
        weir_log(WEIR_LOG_ERROR, "witness: %s: %s", name, strerror(failure));
    return failure == 0;
}

/* The record first, then the cosignature. */
static void
cosign(struct weir_witness *witness, struct witnessed *log,
       const struct weir_witness_request *request, const struct weir_note *note,
       const struct weir_checkpoint *head, weir_time now,
       struct weir_witness_reply *reply)
{
    struct weir_error err = {0};
    if (!save(witness, log->origin, "", request->checkpoint)) {
        say(reply, 500, "the checkpoint could not be saved");
        return;
    }
    log->state = (struct weir_witness_state){head->size, head->root};
    reply->http = 200;
    reply->type = "text/plain; charset=utf-8";
    if (weir_note_cosign(note->text, witness->key.name, &witness->secret, now,
                         &reply->body, &err) != WEIR_OK) {
        weir_buf_reset(&reply->body);
        say(reply, 500, err.text);
    }
}

void
weir_witness_answer(struct weir_witness *witness, weir_span body, weir_time now,
                    struct weir_witness_reply *reply)
{
    struct weir_witness_request request;
    struct weir_note note;
    struct weir_checkpoint head;
    struct weir_error err = {0};
    if (weir_witness_request_parse(body, &request, &err) != WEIR_OK ||
        weir_note_parse(request.checkpoint, &note, &err) != WEIR_OK ||
        weir_checkpoint_parse(note.text, &head, &err) != WEIR_OK) {
        say(reply, 400, err.text);
        return;
    }
    struct witnessed *log = find(witness, head.origin);
    enum weir_witness_verdict verdict = weir_witness_judge(
        &request, &note, &head, log == NULL ? NULL : log->keys,
        log == NULL ? 0 : log->key_count,
        log == NULL ? &(struct weir_witness_state){0} : &log->state, &err);
    switch (verdict) {
    case WEIR_WITNESS_COSIGN:
        cosign(witness, log, &request, &note, &head, now, reply);
        return;
    case WEIR_WITNESS_CONFLICT_SIZE:
        reply->http = 409;
        reply->type = WEIR_WITNESS_CONFLICT;
        weir_buf_addf(&reply->body, "%llu\n",
                      (unsigned long long)log->state.size);
        return;
    case WEIR_WITNESS_FORK:
    case WEIR_WITNESS_INCONSISTENT:
        weir_log(WEIR_LOG_ERROR, "witness: %.*s: %s",
                 WEIR_SPAN_ARG(log->origin), err.text);
        (void)save(witness, log->origin, ".refused", request.checkpoint);
        say(reply, verdict == WEIR_WITNESS_FORK ? 409 : 422, err.text);
        return;
    case WEIR_WITNESS_MALFORMED:
    case WEIR_WITNESS_UNTRUSTED:
    case WEIR_WITNESS_UNKNOWN:
        say(reply, (unsigned)verdict, err.text);
        return;
    }
}
