/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/witness/witness.h - a witness of transparency logs.
 *
 * Answers C2SP's tlog-witness for any number of logs. What it cosigned last
 * of each is a file of its own; the file is on disk before a cosignature
 * leaves the process. Needs neither configuration nor daemon.
 *
 * Threads: one. Memory: its own. One process for each state directory.
 */
#ifndef WEIR_CONTROL_WITNESS_H
#define WEIR_CONTROL_WITNESS_H

#include <weir/tlog_witness.h>

struct weir_witness;

/*
 * `key`: a signing key (see weir_note_secret_parse). `logs`: verifier keys,
 * one on each line, empty lines and such with '#' aside; several of one name
 * are keys of one log. Makes `state_dir` when it is missing. EPARSE: a key,
 * err->text names the line; ECONFLICT: another process has the directory;
 * ECORRUPT: a saved checkpoint is not readable (never taken for none); EIO.
 */
WEIR_MUST_USE weir_status weir_witness_open(weir_span key, weir_span logs,
                                            const char *state_dir,
                                            struct weir_witness **witness_out,
                                            struct weir_error *err);
void weir_witness_close(struct weir_witness *witness); /* NULL is fine */

/* The key that its cosignatures are verified with. */
const struct weir_note_key *
weir_witness_key(const struct weir_witness *witness);
/* Logs it cosigns. */
size_t weir_witness_logs(const struct weir_witness *witness);

struct weir_witness_reply {
    unsigned http;
    const char *type; /* content type */
    struct weir_buf body;
};

/*
 * Answers the body of one add-checkpoint at `now`. reply->body is initialised
 * by the caller and holds the reply, whatever it is: 200 with a cosignature,
 * 400, 403, 404, 409, 422, or 500 when the state could not be saved.
 */
void weir_witness_answer(struct weir_witness *witness, weir_span body,
                         weir_time now, struct weir_witness_reply *reply);

/*
 * Serves on `host`:`port` (port 0: any; *port_out is what it got) until
 * SIGTERM or SIGINT. `on_ready` is called once it listens. EIO.
 */
WEIR_MUST_USE weir_status weir_witness_serve(
    struct weir_witness *witness, const char *host, uint32_t port,
    void (*on_ready)(void *context, uint32_t port), void *context,
    struct weir_error *err);

#endif
