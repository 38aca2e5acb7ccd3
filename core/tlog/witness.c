/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The witness's part of C2SP's tlog-witness, without HTTP and files:
 *
 *     old <size of the checkpoint it cosigned last>
 *     <hash of the consistency proof> ...
 *
 *     <the log's new checkpoint, a signed note>
 *
 * WHY THE CLIENT SAYS THE OLD SIZE. A witness of many logs then need not
 * answer questions about its state, and a client that lost count learns it
 * from the refusal. What the client says is compared with what is saved, so
 * two requests cannot both begin at the same place.
 *
 * ORDER OF CHECKS. Unknown log before bad signature before sizes before the
 * proof: nothing is said about a log's state to somebody who has no
 * checkpoint signed by it.
 */
#include "tlog.h"

#include <weir/tlog_witness.h>

#include <string.h>

weir_status
weir_witness_request_parse(weir_span body,
                           struct weir_witness_request *request_out,
                           struct weir_error *err)
{
    struct weir_witness_request request = {.proof_count = 0};
    weir_span rest = body;
    weir_span line;
    if (body.len > WEIR_WITNESS_BODY_MAX)
        return weir_fail(err, WEIR_EPARSE, WEIR_WITNESS_BODY_MAX,
                         "a request of over %d bytes", WEIR_WITNESS_BODY_MAX);
    if (!weir__note_line(&rest, &line) ||
        !weir_span_starts(line, WEIR_SPAN("old ")) ||
        !weir__note_number((weir_span){line.ptr + 4, line.len - 4},
                           &request.old_size))
        return weir_fail(err, WEIR_EPARSE, 0,
                         "the first line is 'old' and a size");
    for (;;) {
        size_t at = body.len - rest.len;
        if (!weir__note_line(&rest, &line))
            return weir_fail(err, WEIR_EPARSE, at,
                             "no empty line before the checkpoint");
        if (line.len == 0)
            break;
        if (request.proof_count == WEIR_WITNESS_PROOF_MAX)
            return weir_fail(err, WEIR_EPARSE, at, "a proof of over %d hashes",
                             WEIR_WITNESS_PROOF_MAX);
        if (!weir__note_digest(line, &request.proof[request.proof_count++]))
            return weir_fail(err, WEIR_EPARSE, at, "not a hash of a proof");
    }
    request.checkpoint = rest;
    *request_out = request;
    return WEIR_OK;
}

void
weir_witness_request_write(const struct weir_witness_request *request,
                           struct weir_buf *out)
{
    weir_buf_addf(out, "old %llu\n", (unsigned long long)request->old_size);
    for (size_t i = 0; i < request->proof_count; i++)
        weir__digest_line(&request->proof[i], out);
    weir_buf_add_byte(out, '\n');
    weir_buf_add_span(out, request->checkpoint);
}

static enum weir_witness_verdict
refuse(struct weir_error *err, enum weir_witness_verdict verdict,
       weir_status status, const char *why)
{
    (void)weir_fail(err, status, WEIR_OFFSET_NONE, "%s", why);
    return verdict;
}

enum weir_witness_verdict
weir_witness_judge(const struct weir_witness_request *request,
                   const struct weir_note *note,
                   const struct weir_checkpoint *head,
                   const struct weir_note_key *keys, size_t key_count,
                   const struct weir_witness_state *state,
                   struct weir_error *err)
{
    uint64_t verified;
    uint64_t old = request->old_size;
    if (key_count == 0)
        return refuse(err, WEIR_WITNESS_UNKNOWN, WEIR_ENOTFOUND,
                      "no log of this origin is known here");
    if (weir_note_verify(note, keys, key_count, &verified, err) != WEIR_OK)
        return WEIR_WITNESS_UNTRUSTED;
    if (old > head->size)
        return refuse(err, WEIR_WITNESS_MALFORMED, WEIR_EPARSE,
                      "the old size is above the checkpoint's");
    if (old != state->size)
        return refuse(err, WEIR_WITNESS_CONFLICT_SIZE, WEIR_ECONFLICT,
                      "another size was cosigned last");
    if (old == head->size && old > 0 &&
        !weir_digest_equal(&state->root, &head->root))
        return refuse(err, WEIR_WITNESS_FORK, WEIR_ECONFLICT,
                      "another tree of this size was cosigned: a fork");
    bool is_consistent;
    if (old == 0) { /* nothing was cosigned: nothing to be consistent with */
        weir_digest empty;
        weir_sha256_of(WEIR_SPAN(""), &empty);
        is_consistent =
            request->proof_count == 0 &&
            (head->size > 0 || weir_digest_equal(&head->root, &empty));
    } else {
        is_consistent = weir_tlog_verify_consistency(
            old, &state->root, head->size, &head->root, request->proof,
            request->proof_count);
    }
    return is_consistent
               ? WEIR_WITNESS_COSIGN
               : refuse(err, WEIR_WITNESS_INCONSISTENT, WEIR_ECORRUPT,
                        "the proof does not lead from the checkpoint that "
                        "was cosigned to this one");
}
