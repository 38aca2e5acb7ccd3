/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON body through every detector: what comes out is JSON again, and what
 * detectors would read of it is what classifiers are shown.
 */
#include <weir/detect.h>
#include <weir/json.h>

#include <stdlib.h>
#include <string.h>

#define SIZE_MAX_HERE 8192

static struct weir_detect_set *set;

static void
build(void)
{
    struct weir_detect_rule rules[WEIR_DETECT_RULES_MAX] = {0};
    size_t n = 0;
    for (; weir_detector_at(n) != NULL; n++)
        rules[n] = (struct weir_detect_rule){
            .name = weir_detector_name(weir_detector_at(n)),
            .detector = weir_detector_at(n),
            .action = WEIR_DETECT_MASK};
    rules[n++] =
        (struct weir_detect_rule){.name = WEIR_SPAN("ticket"),
                                  .expression = WEIR_SPAN("\\bT-[0-9]{2,5}\\b"),
                                  .action = WEIR_DETECT_MASK};
    if (weir_detect_compile(rules, n, &set, NULL) != WEIR_OK)
        abort();
}

static bool
is_json(weir_span text)
{
    struct weir_json_root root;
    return weir_json_scan(text, NULL, 0, 0, &root, NULL, NULL) == WEIR_OK;
}

static bool
on_text(void *context, weir_span text)
{
    size_t *left = context;
    /* Escapes only ever grow a text: all of them are no longer than the body. */
    if (text.len > *left || !weir_utf8_valid(text))
        abort();
    *left -= text.len;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weir_span body = {(const char *)data, size};
    char room[SIZE_MAX_HERE];
    struct weir_arena arena;
    struct weir_buf buf;
    struct weir_detect_out out = {.text = &buf};
    size_t left = size;

    if (set == NULL)
        build();
    if (size > SIZE_MAX_HERE || !weir_utf8_valid(body) || !is_json(body))
        return 0;
    weir_arena_init(&arena, room, sizeof room);
    if (!weir_detect_texts(body, &arena, on_text, &left))
        abort();
    weir_buf_init(&buf, 1 << 20);
    weir_arena_init(&arena, room, sizeof room);
    if (!weir_detect_body(set, NULL, body, &arena, &out))
        abort();
    if (out.is_changed && !is_json(weir_buf_span(&buf)))
        abort();
    if (!out.is_changed && buf.len != 0)
        abort();
    weir_buf_fini(&buf);
    return 0;
}
