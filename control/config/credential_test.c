/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/config/config.h"

static weir_status
resolve(enum weir_credential_kind kind, const char *value, char *text,
        struct weir_error *err)
{
    struct weir_world_reference reference = {kind, weir_span_of(value)};
    struct weir_buf out;
    weir_buf_init(&out, 8192);
    weir_status status = weir_config_reference(&reference, false, &out, err);
    if (out.len > 0)
        memcpy(text, out.ptr, out.len);
    text[out.len] = '\0';
    weir_buf_fini(&out);
    return status;
}

TEST(config, a_credential_comes_from_variable_file_or_command)
{
    char text[8193];
    char path[] = "/tmp/weir-credential-XXXXXX";
    struct weir_error err;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "from-file\r\nsecond\n", 18), 18);
    close(fd);
    setenv("WEIR_TEST_CREDENTIAL", "from-variable", 1);
    assert_ok(resolve(WEIR_CREDENTIAL_ENV, "WEIR_TEST_CREDENTIAL", text, &err));
    assert_string_equal(text, "from-variable");
    assert_ok(resolve(WEIR_CREDENTIAL_FILE, path, text, &err));
    assert_string_equal(text, "from-file");
    assert_ok(resolve(WEIR_CREDENTIAL_COMMAND, "echo from-command; echo more",
                      text, &err));
    assert_string_equal(text, "from-command");
    assert_ok(resolve(WEIR_CREDENTIAL_NONE, "", text, &err));
    assert_string_equal(text, "");
    unlink(path);
}

TEST(config, a_missing_or_unusable_credential_is_told_without_its_text)
{
    char text[8193];
    struct weir_error err;
    unsetenv("WEIR_TEST_ABSENT");
    assert_int_equal(
        resolve(WEIR_CREDENTIAL_ENV, "WEIR_TEST_ABSENT", text, &err),
        WEIR_ENOTFOUND);
    assert_non_null(strstr(err.text, "WEIR_TEST_ABSENT"));
    assert_int_equal(resolve(WEIR_CREDENTIAL_FILE, "/nonexistent", text, &err),
                     WEIR_EIO);
    assert_int_equal(
        resolve(WEIR_CREDENTIAL_COMMAND, "echo s3cret; exit 3", text, &err),
        WEIR_EIO);
    assert_null(strstr(err.text, "s3cret"));
    assert_int_equal(
        resolve(WEIR_CREDENTIAL_COMMAND, "printf 'a\\tb'", text, &err),
        WEIR_EPARSE);
    assert_int_equal(resolve(WEIR_CREDENTIAL_COMMAND, "true", text, &err),
                     WEIR_ENOTFOUND);
    assert_int_equal(resolve(WEIR_CREDENTIAL_COMMAND, "kill -9 $$", text, &err),
                     WEIR_EIO);
}
