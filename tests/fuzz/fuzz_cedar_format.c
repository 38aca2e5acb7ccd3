/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The formatter: its output parses to the same policies (as JSON says), and
 * formatting it again changes nothing.
 */
#include <weir/cedar_format.h>
#include <weir/cedar_json.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static weir_status
to_json(weir_span text, struct weir_buf *out)
{
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    struct weir_error err;
    weir_status status =
        weir_cedar_policies_add_text(set, text, WEIR_SPAN("f"), &err);
    weir_buf_init(out, (size_t)1 << 26);
    if (status == WEIR_OK)
        status = weir_cedar_policies_write_json(set, out, &err);
    weir_cedar_policies_free(set);
    return status;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weir_span text = {(const char *)data, size};
    struct weir_buf once, twice, a, b;
    struct weir_error err;
    weir_buf_init(&once, (size_t)1 << 26);
    weir_buf_init(&twice, (size_t)1 << 26);
    if (weir_cedar_format(text, &once, &err) == WEIR_OK) {
        WEIR_ASSERT(weir_cedar_format(weir_buf_span(&once), &twice, &err) ==
                    WEIR_OK);
        WEIR_ASSERT(
            weir_span_equal(weir_buf_span(&once), weir_buf_span(&twice)));
        if (to_json(text, &a) == WEIR_OK) {
            WEIR_ASSERT(to_json(weir_buf_span(&once), &b) == WEIR_OK);
            WEIR_ASSERT(weir_span_equal(weir_buf_span(&a), weir_buf_span(&b)));
            weir_buf_fini(&b);
        }
        weir_buf_fini(&a);
    }
    weir_buf_fini(&once);
    weir_buf_fini(&twice);
    return 0;
}
