/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A method, a path, a query and headers, parted by line ends. A canonical
 * request has its lines, no byte outside ASCII in path and query, and says
 * the same when the headers come in another order.
 */
#include <weir/sigv4.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static weir_span
line_of(weir_span *rest)
{
    const char *end = rest->len > 0 ? memchr(rest->ptr, '\n', rest->len) : NULL;
    weir_span line = {rest->ptr,
                      end != NULL ? (size_t)(end - rest->ptr) : rest->len};
    size_t used = line.len + (end != NULL ? 1 : 0);
    rest->ptr += used;
    rest->len -= used;
    return line;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static char memory[3][1 << 16];
    struct weir_sigv4_header headers[WEIR_SIGV4_HEADERS_MAX + 1];
    struct weir_sigv4_header turned[2];
    struct weir_buf first;
    struct weir_buf second;
    struct weir_buf room;
    weir_span rest = {(const char *)bytes, len};
    struct weir_sigv4_request request = {.method = WEIR_SPAN("GET"),
                                         .headers = headers};
    request.path = line_of(&rest);
    request.query = line_of(&rest);
    while (rest.len > 0 && request.header_count < WEIR_COUNTOF(headers)) {
        weir_span line = line_of(&rest);
        const char *colon =
            line.len > 0 ? memchr(line.ptr, ':', line.len) : NULL;
        size_t name = colon != NULL ? (size_t)(colon - line.ptr) : line.len;
        size_t value = colon != NULL ? name + 1 : name;
        headers[request.header_count++] = (struct weir_sigv4_header){
            {line.ptr, name}, {line.ptr + value, line.len - value}};
    }
    weir_buf_init_fixed(&first, memory[0], sizeof(memory[0]));
    weir_buf_init_fixed(&second, memory[1], sizeof(memory[1]));
    weir_buf_init_fixed(&room, memory[2], sizeof(memory[2]));
    weir_status status = weir_sigv4_canonical(&first, &request);
    if (status == WEIR_OK) {
        size_t lines = 0;
        for (size_t i = 0; i < first.len && lines < 3; i++) {
            if (first.ptr[i] == '\n')
                lines++;
            else if (first.ptr[i] < 0x21 || first.ptr[i] > 0x7E)
                abort();
        }
        if (lines != 3)
            abort();
    }
    if (status == WEIR_OK && request.header_count == 2 &&
        !weir_span_equal_nocase(headers[0].name, headers[1].name)) {
        turned[0] = headers[1];
        turned[1] = headers[0];
        request.headers = turned;
        if (weir_sigv4_canonical(&second, &request) != WEIR_OK ||
            !weir_span_equal(weir_buf_span(&first), weir_buf_span(&second)))
            abort();
    }
    const struct weir_sigv4_scope scope = {.key_id = WEIR_SPAN("id"),
                                           .secret = {"secret", 6},
                                           .region = WEIR_SPAN("eu-north-1"),
                                           .service = WEIR_SPAN("bedrock"),
                                           .date =
                                               WEIR_SPAN("20150830T123600Z")};
    weir_buf_reset(&first);
    weir_status signing = weir_sigv4_authorize(&first, &room, &scope, &request);
    if (signing == WEIR_OK && status != WEIR_OK)
        abort();
    return 0;
}
