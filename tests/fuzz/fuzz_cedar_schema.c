/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schemas: the first byte chooses the syntax, text or JSON. What is read is
 * written as JSON, read and written again: the same bytes.
 */
#include <weir/cedar_schema.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static weir_status
translate(weir_span text, enum weir_cedar_form from, enum weir_cedar_form to,
          struct weir_buf *out)
{
    struct weir_arena arena;
    struct weir_error err;
    weir_status status;
    weir_arena_init_heap(&arena, (size_t)1 << 28);
    weir_buf_init(out, (size_t)1 << 26);
    status = weir_cedar_schema_translate(&arena, text, from, to, out, &err);
    weir_arena_fini(&arena);
    return status;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_buf first, second, text;
    enum weir_cedar_form form;
    if (size == 0)
        return 0;
    form = data[0] == 'j' ? WEIR_CEDAR_JSON : WEIR_CEDAR_TEXT;
    if (translate((weir_span){(const char *)data + 1, size - 1}, form,
                  WEIR_CEDAR_JSON, &first) == WEIR_OK) {
        WEIR_ASSERT(translate(weir_buf_span(&first), WEIR_CEDAR_JSON,
                              WEIR_CEDAR_JSON, &second) == WEIR_OK);
        WEIR_ASSERT(
            weir_span_equal(weir_buf_span(&first), weir_buf_span(&second)));
        weir_buf_fini(&second);
        /* Text can not say all that JSON can; what it says is a schema. */
        if (translate(weir_buf_span(&first), WEIR_CEDAR_JSON, WEIR_CEDAR_TEXT,
                      &text) == WEIR_OK) {
            WEIR_ASSERT(translate(weir_buf_span(&text), WEIR_CEDAR_TEXT,
                                  WEIR_CEDAR_JSON, &second) == WEIR_OK);
            weir_buf_fini(&second);
        }
        weir_buf_fini(&text);
    }
    weir_buf_fini(&first);
    return 0;
}
