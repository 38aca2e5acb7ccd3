/* SPDX-License-Identifier: Apache-2.0 */
/* A text with every detector, whole and in pieces: the same must go on, and
 * be UTF-8. The first byte is the size of pieces. */

#include <stdlib.h>
#include <string.h>

#include <weir/detect.h>

static struct weir_detect_set *set;

static void
build(void)
{
    struct weir_detect_rule rules[WEIR_DETECT_RULES_MAX] = {0};
    static const weir_span terms[] = {WEIR_SPAN("night owl"),
                                      WEIR_SPAN("nightjar")};
    size_t n = 0;
    for (; weir_detector_at(n) != NULL; n++)
        rules[n] = (struct weir_detect_rule){
            .name = weir_detector_name(weir_detector_at(n)),
            .detector = weir_detector_at(n),
            .action = WEIR_DETECT_MASK};
    rules[n++] = (struct weir_detect_rule){.name = WEIR_SPAN("term"),
                                           .terms = terms,
                                           .term_count = 2,
                                           .is_caseless = true,
                                           .action = WEIR_DETECT_PSEUDONYM};
    rules[n++] =
        (struct weir_detect_rule){.name = WEIR_SPAN("ticket"),
                                  .expression = WEIR_SPAN("\\bT-[0-9]{2,5}\\b"),
                                  .action = WEIR_DETECT_MASK};
    if (weir_detect_compile(rules, n, &set, NULL) != WEIR_OK)
        abort();
}

static void
run(weir_span text, size_t step, struct weir_buf *buf)
{
    struct weir_detect_stream stream;
    struct weir_detect_out out = {.text = buf};
    weir_detect_stream_init(&stream, set, NULL);
    for (size_t at = 0; at < text.len;) {
        size_t n = text.len - at < step ? text.len - at : step;
        while (at + n < text.len &&
               ((unsigned char)text.ptr[at + n] & 0xc0) == 0x80)
            n++;
        (void)weir_detect_feed(&stream, (weir_span){text.ptr + at, n},
                               at + n == text.len, &out);
        at += n;
    }
    weir_detect_stream_fini(&stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (set == NULL)
        build();
    if (size < 1 || size > 4096)
        return 0;
    weir_span text = {(const char *)data + 1, size - 1};
    if (!weir_utf8_valid(text))
        return 0;
    struct weir_buf whole, cut;
    weir_buf_init(&whole, 1 << 20);
    weir_buf_init(&cut, 1 << 20);
    run(text, text.len > 0 ? text.len : 1, &whole);
    run(text, 1 + data[0] % 64, &cut);
    if (!weir_span_equal(weir_buf_span(&whole), weir_buf_span(&cut)) ||
        !weir_utf8_valid(weir_buf_span(&whole)))
        abort();
    weir_buf_fini(&whole);
    weir_buf_fini(&cut);
    return 0;
}
