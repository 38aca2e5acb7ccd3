/* SPDX-License-Identifier: Apache-2.0 */
/* A classifier's reply, whole and in pieces: the same is read of it, and what
 * it says is within its bounds. The first byte is the form and the size of
 * pieces; the rest is HTTP. */

#include <stdlib.h>

#include <weir/classify.h>
#include <weir/http_reply.h>
#include <weir/image.h>

static enum weir_http_read
run(struct weir_http_reply *reply, weir_span bytes, size_t step)
{
    enum weir_http_read said = WEIR_HTTP_MORE;
    weir_http_reply_init(reply, 4096);
    for (size_t at = 0; at < bytes.len; at += step)
        said = weir_http_reply_feed(
            reply, (weir_span){bytes.ptr + at,
                               bytes.len - at < step ? bytes.len - at : step});
    if (said == WEIR_HTTP_MORE)
        said = weir_http_reply_end(reply);
    return said;
}

static void
read_body(weir_span body, uint32_t form)
{
    char memory[512];
    struct weir_arena arena;
    struct weir_classify_said said;
    const struct weir_classify_setup setup = {
        .form = form, .thresholds = WEIR_SPAN("own\t500000\nhate\t900000\n")};
    weir_arena_init(&arena, memory, sizeof memory);
    if (weir_classify_read(&setup, body, &arena, &said, NULL) != WEIR_OK)
        return;
    if (said.score > 100 || said.opinion < WEIR_OPINION_ALLOW ||
        said.opinion > WEIR_OPINION_BLOCK)
        abort();
    /* a category is never a part of what was read */
    if (said.category.ptr >= body.ptr &&
        said.category.ptr < body.ptr + body.len)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct weir_http_reply whole, cut;
    if (size < 1)
        return 0;
    uint32_t form = data[0] & 1 ? WEIR_FORM_WEIR : WEIR_FORM_MODERATIONS;
    weir_span bytes = {(const char *)data + 1, size - 1};
    enum weir_http_read a = run(&whole, bytes, bytes.len + 1);
    enum weir_http_read b = run(&cut, bytes, 1 + data[0] / 2);
    if (a != b ||
        (a == WEIR_HTTP_DONE && (whole.status != cut.status ||
                                 !weir_span_equal(weir_buf_span(&whole.body),
                                                  weir_buf_span(&cut.body)))))
        abort();
    if (a == WEIR_HTTP_DONE)
        read_body(weir_buf_span(&whole.body), form);
    read_body(bytes, form); /* an answer without HTTP round it */
    weir_http_reply_fini(&whole);
    weir_http_reply_fini(&cut);
    return 0;
}
