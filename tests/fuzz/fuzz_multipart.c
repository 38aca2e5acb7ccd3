/* SPDX-License-Identifier: Apache-2.0 */
/* A form through rules: what comes out is a form with the same fields, its
 * files that are no text among them unchanged, and nothing is found in it a
 * second time. */

#include <stdlib.h>
#include <string.h>

#include <weir/form.h>

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

static void
compare(weir_span before, weir_span after)
{
    struct weir_form a, b;
    struct weir_form_field x, y;
    bool has_x = true, has_y = true;
    if (!weir_form_begin(&a, before) || !weir_form_begin(&b, after))
        abort();
    while (has_x) {
        if (weir_form_next(&a, &x, &has_x, NULL) != WEIR_OK ||
            weir_form_next(&b, &y, &has_y, NULL) != WEIR_OK || has_x != has_y)
            abort();
        if (has_x &&
            (!weir_span_equal(x.name, y.name) || x.is_file != y.is_file ||
             (!weir_utf8_valid(x.value) && !weir_span_equal(x.value, y.value))))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (set == NULL)
        build();
    if (size > 8192)
        return 0;
    weir_span body = {(const char *)data, size};
    struct weir_buf text;
    weir_buf_init(&text, 1 << 20);
    struct weir_detect_out out = {.text = &text};
    if (weir_form_detect(set, body, &out) && out.is_changed)
        compare(body, weir_buf_span(&text));
    weir_buf_fini(&text);
    return 0;
}
