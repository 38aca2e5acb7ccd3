/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a reference to the secret behind it. Only control calls this; the
 * result goes into the credentials file that workers map, or to a server
 * that gives tokens for it, never into a world or an image.
 *
 * A command runs as control does, with standard input closed and no shell
 * variables added; what it writes to stderr is the operator's to read.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/command.h"

#define COMMAND_MS_MAX 10000
#define BYTES_MAX      16384

/* The first line of `bytes`, checked to be one HTTP header can carry. */
static weir_status
take_line(const char *bytes, size_t len, struct weir_buf *out,
          const struct weir_world_reference *reference, struct weir_error *err)
{
    const char *end = len == 0 ? NULL : memchr(bytes, '\n', len);
    if (end != NULL)
        len = (size_t)(end - bytes);
    if (len > 0 && bytes[len - 1] == '\r')
        len--;
    if (len == 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "the credential of %.*s is empty",
                         WEIR_SPAN_ARG(reference->value));
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)bytes[i] <= 0x20 || bytes[i] == 0x7f)
            return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                             "the credential of %.*s has a blank or a "
                             "control character in it",
                             WEIR_SPAN_ARG(reference->value));
    }
    weir_buf_add(out, bytes, len);
    return out->overflow ? weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                                     "no room for a credential")
                         : WEIR_OK;
}

/* JSON and keys in PEM, as they are. */
static weir_status
take(const char *bytes, size_t len, bool wants_all, struct weir_buf *out,
     const struct weir_world_reference *reference, struct weir_error *err)
{
    if (!wants_all)
        return take_line(bytes, len, out, reference, err);
    if (len == BYTES_MAX)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the credential of %.*s passes %d bytes",
                         WEIR_SPAN_ARG(reference->value), BYTES_MAX);
    if (len == 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "the credential of %.*s is empty",
                         WEIR_SPAN_ARG(reference->value));
    weir_buf_add(out, bytes, len);
    return out->overflow ? weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                                     "no room for a credential")
                         : WEIR_OK;
}

static weir_status
from_file(const struct weir_world_reference *reference, const char *path,
          bool wants_all, struct weir_buf *out, struct weir_error *err)
{
    char bytes[BYTES_MAX];
    size_t len = 0;
    ssize_t got = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%.*s: %s",
                         WEIR_SPAN_ARG(reference->value), strerror(errno));
    while (got > 0 && len < sizeof(bytes)) {
        got = read(fd, bytes + len, sizeof(bytes) - len);
        if (got > 0)
            len += (size_t)got;
    }
    close(fd);
    weir_status status =
        got < 0 ? weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%.*s: %s",
                            WEIR_SPAN_ARG(reference->value), strerror(errno))
                : take(bytes, len, wants_all, out, reference, err);
    explicit_bzero(bytes, sizeof(bytes));
    return status;
}

static weir_status
from_command(const struct weir_world_reference *reference, const char *command,
             bool wants_all, struct weir_buf *out, struct weir_error *err)
{
    char bytes[BYTES_MAX];
    struct weir_buf answer;
    weir_buf_init_fixed(&answer, bytes, sizeof(bytes));
    weir_status status =
        weir_command_run(command, WEIR_SPAN_NONE, COMMAND_MS_MAX,
                         "a credential command", &answer, err);
    /* the first line counts, however much follows it */
    if (status == WEIR_OK || (status == WEIR_ETOOBIG && !wants_all))
        status = take(bytes, answer.len, wants_all, out, reference, err);
    explicit_bzero(bytes, sizeof(bytes));
    return status;
}

weir_status
weir_config_reference(const struct weir_world_reference *reference,
                      bool wants_all, struct weir_buf *out,
                      struct weir_error *err)
{
    char value[4097];
    if (reference->kind == WEIR_CREDENTIAL_NONE)
        return WEIR_OK;
    if (reference->value.len >= sizeof(value))
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "a reference longer than 4096 bytes");
    memcpy(value, reference->value.ptr, reference->value.len);
    value[reference->value.len] = '\0';
    if (reference->kind == WEIR_CREDENTIAL_FILE)
        return from_file(reference, value, wants_all, out, err);
    if (reference->kind == WEIR_CREDENTIAL_COMMAND)
        return from_command(reference, value, wants_all, out, err);
    const char *secret = getenv(value);
    if (secret == NULL)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "the environment has no %s", value);
    return take(secret, strlen(secret), wants_all, out, reference, err);
}
