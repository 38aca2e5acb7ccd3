/* SPDX-License-Identifier: Apache-2.0 */
/* A stream through rules, whole and in pieces: the same goes on, or both are
 * blocked. The first byte is the size of pieces. */

#include <stdlib.h>

#include <weir/filter.h>

static struct weir_detect_set *set;

static void
build(void)
{
    static const char *const names[] = {"mail", "card", "key", "phone"};
    struct weir_detect_rule rules[4] = {{.name = WEIR_SPAN_NONE}};
    for (size_t i = 0; i < 4; i++)
        rules[i] = (struct weir_detect_rule){
            .name = weir_span_of(names[i]),
            .detector = weir_detector_find(weir_span_of(names[i])),
            .action = WEIR_DETECT_MASK};
    if (weir_detect_compile(rules, 4, &set, NULL) != WEIR_OK)
        abort();
}

static bool
run(weir_span text, size_t step, struct weir_buf *out)
{
    const struct weir_filter_setup setup = {
        .set = set, .is_streamed = true, .held_max = 1 << 16};
    struct weir_filter *filter = weir_filter_new(&setup);
    bool goes_on = filter != NULL;
    for (size_t at = 0; at < text.len && goes_on; at += step)
        goes_on = weir_filter_take(
            filter,
            (weir_span){text.ptr + at,
                        text.len - at < step ? text.len - at : step},
            out);
    goes_on = goes_on && weir_filter_finish(filter, out);
    weir_filter_free(filter);
    return goes_on;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_buf whole, cut;
    if (set == NULL)
        build();
    if (size < 1 || size > 8192)
        return 0;
    weir_span text = {(const char *)data + 1, size - 1};
    weir_buf_init(&whole, 1 << 20);
    weir_buf_init(&cut, 1 << 20);
    bool a = run(text, text.len + 1, &whole);
    bool b = run(text, 1 + data[0] % 64, &cut);
    if (a != b ||
        (a && !weir_span_equal(weir_buf_span(&whole), weir_buf_span(&cut))))
        abort();
    weir_buf_fini(&whole);
    weir_buf_fini(&cut);
    return 0;
}
