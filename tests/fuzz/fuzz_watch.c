/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as prompt, body and reply: nothing is read beyond them, the block
 * survives packing, and how the bytes were split changes nothing.
 */
#include <weir/json.h>
#include <weir/watch.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum way { PROMPT, BODY, REPLY };

static void
compute(enum way way, weir_span text, size_t split,
        uint8_t block_out[WEIR_WATCH_BLOCK_BYTES])
{
    static struct weir_watch_call call;
    struct weir_watch_features features;
    struct weir_watch_features again;
    weir_span first = {text.ptr, split};
    weir_span second = {text.ptr + split, text.len - split};
    weir_watch_begin(&call);
    if (way == BODY) {
        weir_watch_request(&call, text);
    } else if (way == PROMPT) {
        weir_watch_prompt(&call, first);
        weir_watch_prompt(&call, second);
    } else {
        weir_watch_reply(&call, first);
        weir_watch_reply(&call, second);
        weir_watch_reply_text(&call, WEIR_SPAN_NONE);
    }
    weir_watch_finish(&call, NULL, &features);
    weir_watch_pack(&features, block_out);
    if (weir_watch_unpack(
            (weir_span){(const char *)block_out, WEIR_WATCH_BLOCK_BYTES},
            &again, NULL) != WEIR_OK)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    uint8_t whole[WEIR_WATCH_BLOCK_BYTES];
    uint8_t split[WEIR_WATCH_BLOCK_BYTES];
    /* A block of its own, so that reading past it is seen. */
    char *copy = malloc(len > 0 ? len : 1);
    if (copy == NULL)
        return 0;
    memcpy(copy, bytes, len);
    weir_span text = {copy, len};
    size_t at = len > 0 ? bytes[0] * len / 256 : 0;
    for (enum way way = PROMPT; way <= REPLY; way++) {
        compute(way, text, 0, whole);
        compute(way, text, at, split);
        if (memcmp(whole, split, sizeof(whole)) != 0)
            abort();
    }
    free(copy);
    return 0;
}
