/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to a witness, policies and signing keys: first byte chooses. What
 * is read must write back the same. */
#include <weir/tlog_witness.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void
try_request(weir_span text)
{
    struct weir_witness_request request;
    struct weir_note note;
    struct weir_checkpoint head;
    struct weir_buf buf;
    if (weir_witness_request_parse(text, &request, NULL) != WEIR_OK)
        return;
    weir_buf_init(&buf, WEIR_WITNESS_BODY_MAX);
    weir_witness_request_write(&request, &buf);
    if (!weir_span_equal(weir_buf_span(&buf), text))
        abort();
    weir_buf_fini(&buf);
    if (weir_note_parse(request.checkpoint, &note, NULL) == WEIR_OK &&
        weir_checkpoint_parse(note.text, &head, NULL) == WEIR_OK &&
        weir_witness_judge(&request, &note, &head, NULL, 0,
                           &(struct weir_witness_state){0},
                           NULL) != WEIR_WITNESS_UNKNOWN)
        abort();
}

static void
try_policy(weir_span text)
{
    struct weir_tlog_policy policy;
    if (weir_tlog_policy_parse(text, &policy, NULL) != WEIR_OK)
        return;
    /* all vouch: met; nobody vouches: only where none is asked */
    uint64_t all = (UINT64_C(1) << policy.witness_count) - 1;
    if (!weir_tlog_policy_is_met(&policy, all) ||
        weir_tlog_policy_is_met(&policy, 0) != (policy.quorum == 0))
        abort();
}

static void
try_secret(weir_span text)
{
    struct weir_note_key key;
    struct weir_note_secret secret;
    (void)!weir_note_secret_parse(text, &key, &secret, NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return 0;
    weir_span text = {(const char *)bytes + 1, size - 1};
    if (bytes[0] == 'r')
        try_request(text);
    else if (bytes[0] == 'p')
        try_policy(text);
    else
        try_secret(text);
    return 0;
}
