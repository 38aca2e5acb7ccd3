/* SPDX-License-Identifier: Apache-2.0 */
#include "vectors.h"

#include <weir/crypto.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *
vectors_bytes(const char *name, size_t *len_out)
{
    char path[4200];
    char command[4300];
    const char *root = weir_test_data();
    if (root == NULL) {
        printf("skipped: no test data (WEIR_DATA) for %s\n", name);
        return NULL;
    }
    snprintf(path, sizeof(path), "%s/%s", root, name);
    if (!weir_span_ends(weir_span_of(name), WEIR_SPAN(".zst")))
        return weir_test_read(path, len_out);
    snprintf(command, sizeof(command), "zstd -dcq '%s'", path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t len = 0;
    size_t room = 1 << 20;
    char *bytes = malloc(room + 1);
    for (;;) {
        assert_non_null(bytes);
        size_t got = fread(bytes + len, 1, room - len, pipe);
        len += got;
        if (got == 0)
            break;
        if (len == room)
            bytes = realloc(bytes, (room *= 2) + 1);
    }
    if (pclose(pipe) != 0)
        fail_msg("cannot unpack %s", path);
    bytes[len] = '\0';
    *len_out = len;
    return bytes;
}

json_t *
vectors_json(const char *name)
{
    size_t len;
    json_error_t error;
    char *bytes = vectors_bytes(name, &len);
    if (bytes == NULL)
        return NULL;
    json_t *value = json_loadb(bytes, len, 0, &error);
    if (value == NULL)
        fail_msg("%s:%d: %s", name, error.line, error.text);
    free(bytes);
    return value;
}

/* The line with integers that jansson's signed ones cannot hold as strings;
 * malloc'ed. */
static char *
quote_big(const char *line, size_t len)
{
    char *out = malloc(2 * len + 1);
    size_t used = 0;
    assert_non_null(out);
    for (size_t i = 0; i < len; i++) {
        size_t digits = 0;
        while (line[i] == ':' && i + 1 + digits < len &&
               line[i + 1 + digits] >= '0' && line[i + 1 + digits] <= '9')
            digits++;
        out[used++] = line[i];
        if (digits < 19)
            continue;
        out[used++] = '"';
        memcpy(out + used, line + i + 1, digits);
        used += digits;
        out[used++] = '"';
        i += digits;
    }
    out[used] = '\0';
    return out;
}

size_t
vectors_rows(const char *name, void (*on_row)(json_t *row))
{
    size_t len;
    size_t rows = 0;
    char *bytes = vectors_bytes(name, &len);
    if (bytes == NULL)
        return 0;
    for (char *line = bytes; line < bytes + len; rows++) {
        json_error_t error;
        char *end = memchr(line, '\n', (size_t)(bytes + len - line));
        if (end == NULL)
            end = bytes + len;
        char *quoted = quote_big(line, (size_t)(end - line));
        json_t *row = json_loads(quoted, 0, &error);
        free(quoted);
        if (row == NULL)
            fail_msg("%s: row %zu: %s", name, rows + 1, error.text);
        on_row(row);
        json_decref(row);
        line = end + 1;
    }
    free(bytes);
    return rows;
}

char *
vectors_hex(const json_t *object, const char *key, size_t *len_out)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value))
        return NULL;
    size_t size = json_string_length(value) / 2;
    char *bytes = malloc(size + 1);
    assert_true(weir_hex_decode(
        (weir_span){json_string_value(value), json_string_length(value)}, bytes,
        size, len_out));
    return bytes;
}

char *
vectors_base64(const json_t *value, size_t *len_out)
{
    assert_true(json_is_string(value));
    size_t size = json_string_length(value);
    char *bytes = malloc(size + 1);
    assert_true(weir_base64_decode((weir_span){json_string_value(value), size},
                                   bytes, size, len_out));
    return bytes;
}
