/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/crypto.h>
#include <weir/neutral.h>
#include <weir/raw.h>
#include <weir/sigv4.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

struct published {
    char *request;
    char *context;
    char *canonical;
    char *string;
    char *signature;
};

static char *
file_of(const char *folder, const char *name, const char *file, size_t *len)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/v4/%s/%s", folder, name, file);
    return weir_test_read(path, len);
}

/* "NAME:value", with lines that go on; the length of what was read. */
static size_t
read_headers(char *at, struct weir_sigv4_header *headers, size_t *count)
{
    char *start = at;
    while (*at != '\0' && *at != '\n') {
        char *end = strchr(at, '\n');
        while (end != NULL && (end[1] == ' ' || end[1] == '\t'))
            end = strchr(end + 1, '\n');
        size_t len = end != NULL ? (size_t)(end - at) : strlen(at);
        char *colon = memchr(at, ':', len);
        assert_non_null(colon);
        headers[(*count)++] = (struct weir_sigv4_header){
            {at, (size_t)(colon - at)},
            {colon + 1, len - (size_t)(colon - at) - 1}};
        at += len + (end != NULL ? 1 : 0);
    }
    return (size_t)(at - start) + (*at == '\n' ? 1 : 0);
}

static void
check(const char *folder, const char *name)
{
    enum { CREDENTIALS, NORMALIZE, SIGN_BODY, OMIT, REGION, SERVICE, COUNT };
    static const char *const names[COUNT] = {
        "credentials",        "normalize", "sign_body",
        "omit_session_token", "region",    "service"};
    static const char *const secrets[3] = {"access_key_id", "secret_access_key",
                                           "token"};
    struct weir_sigv4_header headers[WEIR_SIGV4_HEADERS_MAX];
    struct weir_sigv4_request request = {.headers = headers};
    char memory[3][8192];
    char hash[WEIR_HEX_LEN(WEIR_DIGEST_BYTES)];
    struct weir_buf canonical;
    struct weir_buf string;
    struct weir_buf authorization;
    weir_digest digest;
    size_t len;
    weir_span in[COUNT];
    weir_span of[3];
    char *context = file_of(folder, name, "context.json", &len);
    assert_true(
        weir_raw_pick((weir_span){context, len}, names, COUNT, in, NULL, NULL));
    assert_true(weir_raw_pick(in[CREDENTIALS], secrets, 3, of, NULL, NULL));
    char *text = file_of(folder, name, "request.txt", &len);
    char *line = strstr(text, " HTTP/1.1\n");
    char *target = strchr(text, ' ');
    assert_non_null(line);
    request.method = (weir_span){text, (size_t)(target - text)};
    request.path = (weir_span){target + 1, (size_t)(line - target) - 1};
    char *mark = memchr(request.path.ptr, '?', request.path.len);
    if (mark != NULL) {
        request.query = (weir_span){mark + 1, (size_t)(line - mark) - 1};
        request.path.len = (size_t)(mark - request.path.ptr);
    }
    char *at = line + 10;
    at += read_headers(at, headers, &request.header_count);
    weir_sha256_of((weir_span){at, strlen(at)}, &digest);
    (void)weir_hex_encode(
        (weir_span){(const char *)digest.bytes, sizeof(digest.bytes)}, hash);
    request.body_hash = (weir_span){hash, sizeof(hash)};
    headers[request.header_count++] = (struct weir_sigv4_header){
        WEIR_SPAN("X-Amz-Date"), WEIR_SPAN("20150830T123600Z")};
    if (weir_span_equal(in[SIGN_BODY], WEIR_SPAN("true")))
        headers[request.header_count++] = (struct weir_sigv4_header){
            WEIR_SPAN("x-amz-content-sha256"), request.body_hash};
    if (of[2].ptr != NULL && !weir_span_equal(in[OMIT], WEIR_SPAN("true")))
        headers[request.header_count++] = (struct weir_sigv4_header){
            WEIR_SPAN("X-Amz-Security-Token"), weir_escaped(of[2])};
    request.keeps_path = weir_span_equal(in[NORMALIZE], WEIR_SPAN("false"));
    weir_span secret = weir_escaped(of[1]);
    const struct weir_sigv4_scope scope = {.key_id = weir_escaped(of[0]),
                                           .secret = {secret.ptr, secret.len},
                                           .region = weir_escaped(in[REGION]),
                                           .service = weir_escaped(in[SERVICE]),
                                           .date =
                                               WEIR_SPAN("20150830T123600Z")};
    weir_buf_init_fixed(&canonical, memory[0], sizeof(memory[0]));
    weir_buf_init_fixed(&string, memory[1], sizeof(memory[1]));
    weir_buf_init_fixed(&authorization, memory[2], sizeof(memory[2]));
    assert_ok(weir_sigv4_canonical(&canonical, &request));
    char *wanted = file_of(folder, name, "header-canonical-request.txt", &len);
    if (canonical.len != len || memcmp(canonical.ptr, wanted, len) != 0)
        print_error("%s:\n%.*s\nwanted\n%s\n", name, (int)canonical.len,
                    canonical.ptr, wanted);
    assert_int_equal(canonical.len, len);
    assert_memory_equal(canonical.ptr, wanted, len);
    free(wanted);
    weir_sigv4_string(&string, &scope, weir_buf_span(&canonical));
    wanted = file_of(folder, name, "header-string-to-sign.txt", &len);
    assert_int_equal(string.len, len);
    assert_memory_equal(string.ptr, wanted, len);
    free(wanted);
    assert_ok(
        weir_sigv4_authorize(&authorization, &canonical, &scope, &request));
    wanted = file_of(folder, name, "header-signed-request.txt", &len);
    assert_non_null(memmem(wanted, len, authorization.ptr, authorization.len));
    free(wanted);
    wanted = file_of(folder, name, "header-signature.txt", &len);
    assert_true(weir_span_ends(weir_buf_span(&authorization),
                               (weir_span){wanted, len}));
    free(wanted);
    free(text);
    free(context);
}

TEST(sigv4, published_requests_are_signed_as_published)
{
    char folder[] = "/tmp/weir-sigv4-XXXXXX";
    char command[1400];
    char path[64];
    unsigned count = 0;

    if (weir_test_data() == NULL) {
        print_message("no test data: vectors of the signature skipped\n");
        skip();
    }
    assert_non_null(mkdtemp(folder));
    snprintf(command, sizeof(command),
             "zstd -dcq '%s/vectors/sigv4/aws-signing-test-suite-v4.tar.zst' | "
             "tar -xf - -C %s",
             weir_test_data(), folder);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof(path), "%s/v4", folder);
    DIR *list = opendir(path);
    assert_non_null(list);
    for (struct dirent *entry; (entry = readdir(list)) != NULL;)
        if (entry->d_name[0] != '.') {
            check(folder, entry->d_name);
            count++;
        }
    closedir(list);
    assert_true(count >= 20);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

TEST(sigv4, date_is_written_in_the_basic_form)
{
    char date[WEIR_SIGV4_DATE];
    weir_sigv4_date(INT64_C(1440938160999999), date);
    assert_string_equal(date, "20150830T123600Z");
}

TEST(sigv4, what_has_no_room_is_refused)
{
    char memory[32];
    struct weir_buf out;
    const struct weir_sigv4_header headers[WEIR_SIGV4_HEADERS_MAX + 1] = {
        {WEIR_SPAN("host"), WEIR_SPAN("a")}};
    struct weir_sigv4_request request = {.method = WEIR_SPAN("POST"),
                                         .path = WEIR_SPAN("/a"),
                                         .headers = headers,
                                         .header_count = 1};
    weir_buf_init_fixed(&out, memory, 8);
    assert_int_equal(weir_sigv4_canonical(&out, &request), WEIR_ELIMIT);
    weir_buf_init_fixed(&out, memory, sizeof(memory));
    assert_ok(weir_sigv4_canonical(&out, &request));
    request.header_count = 2;
    assert_int_equal(weir_sigv4_canonical(&out, &request), WEIR_EPARSE);
    request.header_count = WEIR_SIGV4_HEADERS_MAX + 1;
    assert_int_equal(weir_sigv4_canonical(&out, &request), WEIR_ELIMIT);
}
