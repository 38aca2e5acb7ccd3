/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One round of asking. Each witness gets the checkpoint with a proof from
 * the size that it cosigned last; a size that is wrong here is in its 409,
 * and the second pass of the same round uses that. All are asked at once,
 * because the quorum should be as slow as its slowest member and not as slow
 * as the sum.
 *
 * WHAT IS KEPT. A cosignature counts when it verifies under the key of the
 * policy, over exactly the text that was sent. Lines of others in the answer
 * are dropped. checkpoint.witnessed is replaced by a larger tree only.
 *
 * A REFUSAL is not a failure of the network: the witness has seen another
 * history of this log. It is said loudly and stays in the state until a
 * later checkpoint is cosigned.
 */
#include "control/witness/vouch.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/tlog_dir.h>

#include "control/egress/egress.h"
#include "control/log.h"
#include "control/notices/parts.h"
#include "control/tlog/file.h"

#define ANSWER_MAX ((size_t)64 << 10)
#define PASSES     2

struct asking {
    struct weir_vouch_witness *witness;
    const struct weir_tlog_party *party;
    CURL *curl;
    struct weir_buf body;
    struct weir_buf answer;
    uint64_t old_size;
    bool is_again; /* the 409 told another size */
};

/* What a round is about. */
struct round {
    const char *dir;
    struct weir_buf bytes; /* the checkpoint file */
    struct weir_note note;
    struct weir_checkpoint head;
    struct weir_tlog_tiles *tiles;
    long timeout_ms;
};

weir_status
weir_policy_load(const char *path, struct weir_policy_file *file_out,
                 struct weir_error *err)
{
    size_t len = 0;
    file_out->text = NULL;
    weir_status status = weir_read_file(path, &file_out->text, &len, err);
    if (status == WEIR_OK)
        status = weir_tlog_policy_parse((weir_span){file_out->text, len},
                                        &file_out->policy, err);
    if (status != WEIR_OK) {
        free(file_out->text);
        file_out->text = NULL;
    }
    return status;
}

/* ------------------------------------------------------------------ asking */

static size_t
on_answer(char *bytes, size_t size, size_t count, void *context)
{
    struct weir_buf *answer = context;
    weir_buf_add(answer, bytes, size * count);
    return answer->overflow ? 0 : size * count;
}

static void
note_problem(struct weir_vouch_witness *witness, bool is_refusal,
             const char *text)
{
    snprintf(witness->problem, sizeof witness->problem, "%s", text);
    for (char *at = witness->problem; *at != '\0'; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
    witness->is_refusal = is_refusal;
}

static bool
make_body(struct round *round, struct asking *asking)
{
    struct weir_witness_request request = {.old_size = asking->old_size,
                                           .checkpoint =
                                               weir_buf_span(&round->bytes)};
    weir_digest proof[WEIR_TLOG_PROOF_MAX];
    size_t count = 0;
    if (request.old_size > 0 && request.old_size < round->head.size &&
        weir_tlog_prove_consistency(request.old_size, round->head.size,
                                    weir_tlog_tiles_read, round->tiles, proof,
                                    &count) != WEIR_OK)
        return false;
    if (count > WEIR_WITNESS_PROOF_MAX)
        return false;
    memcpy(request.proof, proof, count * sizeof proof[0]);
    request.proof_count = count;
    weir_buf_reset(&asking->body);
    weir_witness_request_write(&request, &asking->body);
    return !asking->body.overflow;
}

static bool
begin(struct round *round, struct asking *asking, CURLM *many)
{
    char url[WEIR_WEBHOOK_URL_MAX + 32];
    weir_span base = asking->party->url;
    while (base.len > 0 && base.ptr[base.len - 1] == '/')
        base.len--;
    if (!weir__webhook_is_url(base)) {
        note_problem(asking->witness, false,
                     "its address is not https, nor this machine's");
        return false;
    }
    snprintf(url, sizeof url, "%.*s/add-checkpoint", WEIR_SPAN_ARG(base));
    asking->curl = curl_easy_init();
    if (asking->curl == NULL || !make_body(round, asking)) {
        note_problem(asking->witness, false, "no proof for it can be made");
        return false;
    }
    weir_buf_reset(&asking->answer);
    CURL *curl = asking->curl;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, round->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     (curl_off_t)asking->body.len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, asking->body.ptr);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &asking->answer);
    struct weir_error err;
    if (weir_egress_curl(curl, WEIR_EGRESS_TRANSPARENCY, WEIR_SPAN_NONE, url,
                         &err) != WEIR_OK) {
        note_problem(asking->witness, false, err.text);
        return false;
    }
    return curl_multi_add_handle(many, curl) == CURLM_OK;
}

/* Takes the first line of the answer that verifies. */
static bool
take_line(struct round *round, struct asking *asking)
{
    weir_span rest = weir_buf_span(&asking->answer);
    while (rest.len > 0) {
        const char *stop = memchr(rest.ptr, '\n', rest.len);
        if (stop == NULL)
            return false;
        weir_span line = {rest.ptr, (size_t)(stop - rest.ptr) + 1};
        struct weir_buf bytes;
        struct weir_note note;
        uint64_t verified;
        weir_buf_init(&bytes, WEIR_NOTE_BYTES_MAX);
        weir_buf_add_span(&bytes, round->note.text);
        weir_buf_add_byte(&bytes, '\n');
        weir_buf_add_span(&bytes, line);
        bool is_good =
            line.len < sizeof asking->witness->line &&
            weir_note_parse(weir_buf_span(&bytes), &note, NULL) == WEIR_OK &&
            weir_note_verify(&note, &asking->party->key, 1, &verified, NULL) ==
                WEIR_OK;
        weir_buf_fini(&bytes);
        if (is_good) {
            memcpy(asking->witness->line, line.ptr, line.len);
            asking->witness->line[line.len] = '\0';
            return true;
        }
        rest.ptr += line.len;
        rest.len -= line.len;
    }
    return false;
}

/* A 409 with a size: of a checkpoint this log has behind it, or never had. */
static void
take_size(struct round *round, struct asking *asking)
{
    struct weir_vouch_witness *witness = asking->witness;
    weir_span text = weir_buf_span(&asking->answer);
    uint64_t size = 0;
    char why[160];
    if (text.len > 0 && text.ptr[text.len - 1] == '\n')
        text.len--;
    if (!weir_span_to_u64(text, &size)) {
        note_problem(witness, false, "it answered 409 and no size");
    } else if (size > round->head.size) {
        snprintf(why, sizeof why,
                 "it cosigned %llu leaves and this log has %llu: the log was "
                 "truncated, or put back from a copy",
                 (unsigned long long)size,
                 (unsigned long long)round->head.size);
        note_problem(witness, true, why);
    } else {
        asking->is_again = size != asking->old_size;
        witness->size = size;
        note_problem(witness, false, "it cosigned another size last");
    }
}

static void
conclude(struct round *round, struct asking *asking, CURLcode code)
{
    struct weir_vouch_witness *witness = asking->witness;
    const char *type = NULL;
    long http = 0;
    char why[160];
    curl_easy_getinfo(asking->curl, CURLINFO_RESPONSE_CODE, &http);
    curl_easy_getinfo(asking->curl, CURLINFO_CONTENT_TYPE, &type);
    if (code != CURLE_OK || http == 0) {
        note_problem(witness, false, curl_easy_strerror(code));
    } else if (http == 200 && take_line(round, asking)) {
        witness->has_signed = true;
        witness->size = round->head.size;
        witness->problem[0] = '\0';
        witness->is_refusal = false;
    } else if (http == 200) {
        note_problem(witness, false, "no cosignature of its key in its answer");
    } else if (http == 409 && type != NULL &&
               strncmp(type, WEIR_WITNESS_CONFLICT,
                       sizeof WEIR_WITNESS_CONFLICT - 1) == 0) {
        take_size(round, asking);
    } else if (http == 409 || http == 422) {
        note_problem(witness, true,
                     "it has seen another history of this log: a fork");
    } else {
        snprintf(why, sizeof why, "it answered %ld", http);
        note_problem(witness, false, why);
    }
}

static void
end_asking(struct asking *asking, CURLM *many)
{
    if (asking->curl != NULL) {
        curl_multi_remove_handle(many, asking->curl);
        curl_easy_cleanup(asking->curl);
        asking->curl = NULL;
    }
}

/* Until all of `many` have answered or run out of time. */
static void
wait_for_all(struct round *round, CURLM *many, struct asking *askings,
             uint32_t count)
{
    int running = 1, left;
    struct CURLMsg *message;
    while (running > 0 && curl_multi_perform(many, &running) == CURLM_OK) {
        while ((message = curl_multi_info_read(many, &left)) != NULL) {
            if (message->msg != CURLMSG_DONE)
                continue;
            for (uint32_t i = 0; i < count; i++)
                if (askings[i].curl == message->easy_handle)
                    conclude(round, &askings[i], message->data.result);
        }
        if (running > 0)
            curl_multi_poll(many, NULL, 0, 100, NULL);
    }
}

static void
ask_all(struct round *round, struct asking *askings, uint32_t count)
{
    CURLM *many = curl_multi_init();
    if (many == NULL)
        return;
    for (int pass = 0; pass < PASSES; pass++) {
        uint32_t begun = 0;
        for (uint32_t i = 0; i < count; i++) {
            if (pass > 0 && !askings[i].is_again)
                continue;
            askings[i].is_again = false;
            askings[i].old_size = askings[i].witness->size;
            begun += begin(round, &askings[i], many);
        }
        if (begun > 0)
            wait_for_all(round, many, askings, count);
        for (uint32_t i = 0; i < count; i++)
            end_asking(&askings[i], many);
    }
    curl_multi_cleanup(many);
}

/* ---------------------------------------------------------------- the round */

/* A new checkpoint: nobody has signed it. Another policy: nobody is known,
 * but what checkpoint.witnessed says. */
static void
follow(struct weir_vouch *vouch, const struct weir_tlog_policy *policy,
       const struct round *round)
{
    struct weir_sha256 hash;
    weir_digest digest;
    char key[33];
    weir_sha256_init(&hash);
    for (uint32_t i = 0; i < policy->witness_count; i++) {
        const struct weir_note_key *own = &policy->witnesses[i].key;
        weir_sha256_add(&hash, own->key.bytes, sizeof own->key.bytes);
        weir_sha256_add(&hash, own->mldsa44.bytes, sizeof own->mldsa44.bytes);
    }
    weir_sha256_final(&hash, &digest);
    weir_hex_encode((weir_span){(const char *)digest.bytes, 16}, key);
    key[32] = '\0';
    if (memcmp(key, vouch->key, sizeof key) != 0) {
        memset(vouch, 0, sizeof *vouch);
        memcpy(vouch->key, key, sizeof key);
    }
    weir_sha256_of(round->note.text, &digest);
    if (weir_digest_equal(&digest, &vouch->text))
        return;
    vouch->text = digest;
    vouch->is_saved = false;
    for (uint32_t i = 0; i < WEIR_TLOG_POLICY_PARTIES_MAX; i++)
        vouch->witnesses[i].has_signed = false;
}

static weir_status
save(const struct weir_vouch *vouch, const struct weir_tlog_policy *policy,
     const struct round *round, struct weir_error *err)
{
    struct weir_buf out;
    weir_buf_init(&out, WEIR_NOTE_BYTES_MAX);
    weir_buf_add_span(&out, weir_buf_span(&round->bytes));
    for (uint32_t i = 0; i < policy->witness_count; i++)
        if (vouch->witnesses[i].has_signed)
            weir_buf_add_span(&out, weir_span_of(vouch->witnesses[i].line));
    int dir = open(round->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failure = out.overflow ? 1
                  : dir < 0    ? 2
                               : tlog_file_write(dir, WEIR_WITNESSED,
                                                 weir_buf_span(&out), true);
    if (dir >= 0)
        close(dir);
    weir_buf_fini(&out);
    return failure == 0
               ? WEIR_OK
               : weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                           "%.100s/" WEIR_WITNESSED " could not be written",
                           round->dir);
}

static weir_status
load(struct round *round, const struct weir_note_key *own,
     struct weir_error *err)
{
    uint64_t verified;
    int dir = open(round->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_there =
        dir >= 0 && tlog_file_read(dir, "checkpoint", &round->bytes) == 0;
    if (dir >= 0)
        close(dir);
    if (!is_there)
        return WEIR_OK;
    weir_status status =
        weir_note_parse(weir_buf_span(&round->bytes), &round->note, err);
    if (status == WEIR_OK)
        status = weir_note_verify(&round->note, own, 1, &verified, err);
    if (status == WEIR_OK)
        status = weir_checkpoint_parse(round->note.text, &round->head, err);
    if (status == WEIR_OK && round->head.size > 0)
        status = weir_tlog_tiles_open(round->dir, round->head.size,
                                      &round->tiles, err);
    return status;
}

static weir_status
ask_and_save(struct weir_vouch *vouch, const struct weir_tlog_policy *policy,
             struct round *round, struct weir_vouch_result *result,
             struct weir_error *err)
{
    struct asking askings[WEIR_TLOG_POLICY_PARTIES_MAX];
    uint64_t before = 0, signed_by = 0;
    follow(vouch, policy, round);
    for (uint32_t i = 0; i < policy->witness_count; i++) {
        struct weir_vouch_witness *witness = &vouch->witnesses[i];
        before |= (uint64_t)witness->has_signed << i;
        if (witness->has_signed || policy->witnesses[i].url.len == 0)
            continue;
        struct asking *asking = &askings[result->asked++];
        *asking =
            (struct asking){.witness = witness, .party = &policy->witnesses[i]};
        weir_buf_init(&asking->body, WEIR_WITNESS_BODY_MAX);
        weir_buf_init(&asking->answer, ANSWER_MAX);
    }
    ask_all(round, askings, result->asked);
    for (uint32_t i = 0; i < result->asked; i++) {
        weir_buf_fini(&askings[i].body);
        weir_buf_fini(&askings[i].answer);
    }
    for (uint32_t i = 0; i < policy->witness_count; i++) {
        signed_by |= (uint64_t)vouch->witnesses[i].has_signed << i;
        result->refusals += vouch->witnesses[i].is_refusal;
    }
    result->size = round->head.size;
    result->signed_count = (uint32_t)__builtin_popcountll(signed_by);
    result->is_met = weir_tlog_policy_is_met(policy, signed_by);
    if (!result->is_met || (vouch->is_saved && signed_by == before))
        return WEIR_OK;
    weir_status status = save(vouch, policy, round, err);
    vouch->is_saved = status == WEIR_OK;
    return status;
}

weir_status
weir_vouch_round(struct weir_vouch *vouch,
                 const struct weir_tlog_policy *policy,
                 const struct weir_note_key *own, const char *tlog_dir,
                 long timeout_ms, struct weir_vouch_result *result_out,
                 struct weir_error *err)
{
    struct round round = {.dir = tlog_dir, .timeout_ms = timeout_ms};
    *result_out = (struct weir_vouch_result){.size = 0};
    weir_buf_init(&round.bytes, WEIR_NOTE_BYTES_MAX);
    weir_status status = load(&round, own, err);
    /* An empty log has nothing to vouch for. */
    if (status == WEIR_OK && round.head.size > 0)
        status = ask_and_save(vouch, policy, &round, result_out, err);
    weir_tlog_tiles_close(round.tiles);
    weir_buf_fini(&round.bytes);
    return status;
}
