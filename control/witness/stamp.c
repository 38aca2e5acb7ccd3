/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timestamps of RFC 3161 over checkpoints. A witness says in which order a
 * log grew; a time authority says that it had grown so far at a time, and
 * the log's operator cannot have both sign what he writes later.
 *
 * WHAT IS STAMPED is the text of the checkpoint's note (SHA-256), not its
 * signatures: more cosignatures may join without making the stamp void.
 * WHAT IS CHECKED when it comes: granted, of this request (imprint and
 * nonce). Whether the authority is one that somebody trusts is checked by
 * whoever verifies, with his own anchors; those of the configuration are
 * used here so that a stamp nobody could verify is not kept.
 */
#include "control/witness/vouch.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/command.h"
#include "control/egress/egress.h"
#include "control/tlog/file.h"

#define DIGITS     20 /* of a size in the index, then a newline */
#define TIMEOUT_MS 15000

/* ----------------------------------------------------------------- request */

static TS_REQ *
make_request(weir_span text)
{
    weir_digest digest;
    uint8_t random[8];
    TS_REQ *request = TS_REQ_new();
    TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
    X509_ALGOR *algorithm = X509_ALGOR_new();
    ASN1_INTEGER *nonce = NULL;
    BIGNUM *number = NULL;
    weir_sha256_of(text, &digest);
    bool is_good = request != NULL && imprint != NULL && algorithm != NULL &&
                   RAND_bytes(random, sizeof random) == 1 &&
                   (number = BN_bin2bn(random, sizeof random, NULL)) != NULL &&
                   (nonce = BN_to_ASN1_INTEGER(number, NULL)) != NULL &&
                   X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256),
                                   V_ASN1_NULL, NULL) == 1 &&
                   TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 &&
                   TS_MSG_IMPRINT_set_msg(imprint, digest.bytes,
                                          sizeof digest.bytes) == 1 &&
                   TS_REQ_set_version(request, 1) == 1 &&
                   TS_REQ_set_msg_imprint(request, imprint) == 1 &&
                   TS_REQ_set_nonce(request, nonce) == 1 &&
                   TS_REQ_set_cert_req(request, 1) == 1;
    BN_free(number);
    ASN1_INTEGER_free(nonce);
    X509_ALGOR_free(algorithm);
    TS_MSG_IMPRINT_free(imprint);
    if (is_good)
        return request;
    TS_REQ_free(request);
    return NULL;
}

static size_t
on_answer(char *bytes, size_t size, size_t count, void *context)
{
    struct weir_buf *answer = context;
    weir_buf_add(answer, bytes, size * count);
    return answer->overflow ? 0 : size * count;
}

static weir_status
post(const char *url, weir_span request, struct weir_buf *out,
     struct weir_error *err)
{
    long http = 0;
    CURL *curl = curl_easy_init();
    struct curl_slist *headers =
        curl_slist_append(NULL, "content-type: application/timestamp-query");
    if (curl == NULL || headers == NULL) {
        curl_slist_free_all(headers);
        curl_easy_cleanup(curl);
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    /* The answer is signed: plain http does no harm but to privacy. */
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     (curl_off_t)request.len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.ptr);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    weir_status status = weir_egress_curl(curl, WEIR_EGRESS_TRANSPARENCY,
                                          WEIR_SPAN_NONE, url, err);
    CURLcode code =
        status == WEIR_OK ? curl_easy_perform(curl) : CURLE_FAILED_INIT;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    if (status != WEIR_OK)
        return status;
    if (code != CURLE_OK)
        return weir_fail(err, WEIR_EUPSTREAM, WEIR_OFFSET_NONE,
                         "the time authority: %s", curl_easy_strerror(code));
    if (http != 200)
        return weir_fail(err, WEIR_EUPSTREAM, WEIR_OFFSET_NONE,
                         "the time authority answered %ld", http);
    return WEIR_OK;
}

static weir_status
exchange(const struct weir_transparency *rules, TS_REQ *request,
         struct weir_buf *out, struct weir_error *err)
{
    unsigned char *der = NULL;
    int len = i2d_TS_REQ(request, &der);
    if (len <= 0)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    weir_span bytes = {(const char *)der, (size_t)len};
    weir_status status =
        rules->stamp_url[0] != '\0'
            ? post(rules->stamp_url, bytes, out, err)
            : weir_command_run(rules->stamp_command, bytes, TIMEOUT_MS,
                               "the timestamp command", out, err);
    OPENSSL_free(der);
    return status;
}

/* ------------------------------------------------------------ verification */

static weir_status
unauthentic(struct weir_error *err, const char *what)
{
    const char *why = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return weir_fail(err, WEIR_EUNAUTH, WEIR_OFFSET_NONE, "%s%s%s", what,
                     why == NULL ? "" : ": ", why == NULL ? "" : why);
}

static weir_time
time_of(TS_RESP *response)
{
    struct tm tm = {0};
    TS_TST_INFO *info = TS_RESP_get_tst_info(response);
    if (info == NULL || ASN1_TIME_to_tm(TS_TST_INFO_get_time(info), &tm) != 1)
        return 0;
    return (weir_time)timegm(&tm) * WEIR_US_PER_SEC;
}

/* Without anchors: only that it answers this text (and this request). */
static weir_status
check_response(TS_RESP *response, TS_REQ *request, weir_span text,
               const char *ca_path, struct weir_error *err)
{
    weir_digest digest;
    weir_status status = WEIR_OK;
    TS_VERIFY_CTX *context = request == NULL
                                 ? TS_VERIFY_CTX_new()
                                 : TS_REQ_to_TS_VERIFY_CTX(request, NULL);
    X509_STORE *store = ca_path[0] == '\0' ? NULL : X509_STORE_new();
    weir_sha256_of(text, &digest);
    if (context == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    int flags =
        TS_VFY_VERSION | TS_VFY_IMPRINT | (request != NULL ? TS_VFY_NONCE : 0);
    if (request == NULL) {
        unsigned char *imprint = OPENSSL_memdup(digest.bytes, 32);
        TS_VERIFY_CTX_set_imprint(context, imprint, 32);
    }
    if (store != NULL) {
        if (X509_STORE_load_file(store, ca_path) != 1)
            status = weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                               "%.120s: no certificates", ca_path);
        flags |= TS_VFY_SIGNATURE;
    }
    TS_VERIFY_CTX_set_store(context, store); /* takes it */
    TS_VERIFY_CTX_set_flags(context, flags);
    ERR_clear_error();
    if (status == WEIR_OK && TS_RESP_verify_response(context, response) != 1)
        status = unauthentic(err, "the timestamp does not hold");
    TS_VERIFY_CTX_free(context);
    return status;
}

static TS_RESP *
parse(weir_span stamp)
{
    const unsigned char *at = (const unsigned char *)stamp.ptr;
    TS_RESP *response = d2i_TS_RESP(NULL, &at, (long)stamp.len);
    if (response != NULL && at == (const unsigned char *)stamp.ptr + stamp.len)
        return response;
    TS_RESP_free(response);
    ERR_clear_error();
    return NULL;
}

weir_status
weir_stamp_verify(weir_span stamp, weir_span text, const char *ca_path,
                  weir_time *when_out, struct weir_error *err)
{
    TS_RESP *response = parse(stamp);
    if (response == NULL)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "not a time-stamp response");
    weir_status status = check_response(response, NULL, text, ca_path, err);
    if (status == WEIR_OK)
        *when_out = time_of(response);
    TS_RESP_free(response);
    return status;
}

/* ----------------------------------------------------------------- on disk */

/* Sizes in the index and the one at `row`; false: no such row. */
static bool
index_row(int file, uint64_t row, uint64_t *size_out)
{
    char text[DIGITS + 1];
    weir_span digits = {text, DIGITS};
    if (pread(file, text, sizeof text, (off_t)(row * sizeof text)) !=
            (ssize_t)sizeof text ||
        text[DIGITS] != '\n')
        return false;
    return weir_span_to_u64(digits, size_out);
}

static int
open_index(const char *tlog_dir, int flags, uint64_t *rows_out)
{
    char path[WEIR_PATH_MAX + 32];
    struct stat info;
    snprintf(path, sizeof path, "%s/stamps/index", tlog_dir);
    int file = open(path, flags | O_CLOEXEC, 0644);
    if (file >= 0 && fstat(file, &info) != 0) {
        close(file);
        file = -1;
    }
    if (file >= 0)
        *rows_out = (uint64_t)info.st_size / (DIGITS + 1);
    return file;
}

bool
weir_stamp_find(const char *tlog_dir, uint64_t leaf, uint64_t *size_out)
{
    uint64_t rows = 0, low = 0, size;
    int file = open_index(tlog_dir, O_RDONLY, &rows);
    if (file < 0)
        return false;
    uint64_t high = rows;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (!index_row(file, middle, &size))
            break;
        if (size > leaf)
            high = middle;
        else
            low = middle + 1;
    }
    bool is_there = low == high && low < rows && index_row(file, low, size_out);
    close(file);
    return is_there;
}

weir_status
weir_stamp_read(const char *tlog_dir, uint64_t size, const char *end,
                struct weir_buf *out, struct weir_error *err)
{
    char name[64];
    snprintf(name, sizeof name, "stamps/%llu.%s", (unsigned long long)size,
             end);
    int dir = open(tlog_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failure = dir < 0 ? errno : tlog_file_read(dir, name, out);
    if (dir >= 0)
        close(dir);
    return failure == 0
               ? WEIR_OK
               : weir_fail(err, failure == ENOENT ? WEIR_ENOTFOUND : WEIR_EIO,
                           WEIR_OFFSET_NONE, "%s: %s", name, strerror(failure));
}

/* Both files first; the index names what is there. */
static weir_status
save(const char *tlog_dir, uint64_t size, weir_span note, weir_span stamp,
     struct weir_error *err)
{
    char name[64], line[DIGITS + 2];
    uint64_t rows = 0;
    int dir = open(tlog_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failure = dir < 0 ? errno : 0;
    snprintf(name, sizeof name, "stamps/%llu.checkpoint",
             (unsigned long long)size);
    if (failure == 0)
        failure = tlog_file_write(dir, name, note, true);
    snprintf(name, sizeof name, "stamps/%llu.tsr", (unsigned long long)size);
    if (failure == 0)
        failure = tlog_file_write(dir, name, stamp, true);
    if (dir >= 0)
        close(dir);
    int file =
        failure == 0 ? open_index(tlog_dir, O_RDWR | O_CREAT, &rows) : -1;
    snprintf(line, sizeof line, "%020llu\n", (unsigned long long)size);
    /* At a whole row: what a crash left of one is written over. */
    if (failure == 0 && (file < 0 ||
                         pwrite(file, line, DIGITS + 1,
                                (off_t)(rows * (DIGITS + 1))) != DIGITS + 1 ||
                         fsync(file) != 0))
        failure = errno;
    if (file >= 0)
        close(file);
    return failure == 0 ? WEIR_OK
                        : weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                                    "a timestamp could not be saved: %s",
                                    strerror(failure));
}

static weir_status
take(const struct weir_transparency *rules, const char *tlog_dir,
     const struct weir_note *note, weir_span bytes, uint64_t size,
     struct weir_error *err)
{
    struct weir_buf stamp;
    TS_RESP *response = NULL;
    TS_REQ *request = make_request(note->text);
    if (request == NULL)
        return weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE,
                         "no time-stamp request could be made");
    weir_buf_init(&stamp, WEIR_STAMP_BYTES_MAX);
    weir_status status = exchange(rules, request, &stamp, err);
    if (status == WEIR_OK && (response = parse(weir_buf_span(&stamp))) == NULL)
        status = weir_fail(err, WEIR_EUPSTREAM, WEIR_OFFSET_NONE,
                           "the time authority's answer is no response");
    if (status == WEIR_OK)
        status =
            check_response(response, request, note->text, rules->stamp_ca, err);
    if (status == WEIR_OK)
        status = save(tlog_dir, size, bytes, weir_buf_span(&stamp), err);
    TS_RESP_free(response);
    TS_REQ_free(request);
    weir_buf_fini(&stamp);
    return status;
}

weir_status
weir_stamp_take(const struct weir_transparency *rules, const char *tlog_dir,
                struct weir_error *err)
{
    struct weir_buf bytes;
    struct weir_note note;
    struct weir_checkpoint head;
    uint64_t rows = 0, last = 0;
    bool has_policy = rules->policy[0] != '\0';
    weir_buf_init(&bytes, WEIR_NOTE_BYTES_MAX);
    int dir = open(tlog_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failure =
        dir < 0 ? errno
                : tlog_file_read(
                      dir, has_policy ? WEIR_WITNESSED : "checkpoint", &bytes);
    if (dir >= 0)
        close(dir);
    weir_status status =
        failure == 0 ? weir_note_parse(weir_buf_span(&bytes), &note, err)
                     : weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                                 "no checkpoint to be stamped yet");
    if (status == WEIR_OK)
        status = weir_checkpoint_parse(note.text, &head, err);
    int file = open_index(tlog_dir, O_RDONLY, &rows);
    if (file >= 0) {
        if (rows == 0 || !index_row(file, rows - 1, &last))
            last = 0;
        close(file);
    }
    if (status == WEIR_OK && head.size <= last)
        status = weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                           "the checkpoint is stamped");
    if (status == WEIR_OK)
        status =
            take(rules, tlog_dir, &note, weir_buf_span(&bytes), head.size, err);
    weir_buf_fini(&bytes);
    return status;
}
