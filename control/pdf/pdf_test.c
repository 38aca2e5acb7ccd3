/* SPDX-License-Identifier: Apache-2.0 */
#include "control/pdf/pdf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

static const struct weir_pdf_column columns[] = {
    {"model", 3, false}, {"what it was for", 5, false}, {"calls", 2, true}};

static void
make(uint32_t rows, struct weir_buf *out)
{
    struct weir_pdf *pdf;
    struct weir_error err = {0};
    weir_buf_init(out, (size_t)16 << 20);
    assert_ok(weir_pdf_new(WEIR_SPAN("Übersicht für Κώστας"),
                           WEIR_SPAN("of a test"), &pdf, &err));
    weir_pdf_heading(pdf, WEIR_SPAN("Calls"));
    weir_pdf_pair(
        pdf, WEIR_SPAN("digest"),
        WEIR_SPAN("0123456789abcdef0123456789abcdef0123456789abcdef"
                  "0123456789abcdef0123456789abcdef0123456789abcdef"));
    weir_pdf_text(pdf, WEIR_SPAN("one\ntwo \xff three\n\nfour"));
    weir_pdf_text(pdf, WEIR_SPAN("first\nsecond \xf0\x9f\x8c\x8a third"));
    weir_pdf_table(pdf, columns, 3);
    for (uint32_t i = 0; i < rows; i++) {
        char number[16];
        snprintf(number, sizeof number, "%u", i);
        const weir_span cells[] = {
            WEIR_SPAN("aurora-large"),
            WEIR_SPAN(
                "translations of the support desk, in both directions, "
                "with a word that is longer than any line can be: "
                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
            weir_span_of(number)};
        weir_pdf_row(pdf, cells);
    }
    weir_pdf_sum(pdf, (const weir_span[]){WEIR_SPAN("all"), WEIR_SPAN(""),
                                          WEIR_SPAN("1")});
    weir_pdf_sign(pdf, WEIR_SPAN("For the operator"));
    assert_ok(weir_pdf_write(pdf, out, &err));
    weir_pdf_free(pdf);
}

static size_t
pages_of(const struct weir_buf *file)
{
    static const char mark[] = "/Type /Page\n";
    const char *at = file->ptr, *end = file->ptr + file->len;
    size_t count = 0;
    while ((at = memmem(at, (size_t)(end - at), mark, sizeof mark - 1)) !=
           NULL) {
        count++;
        at++;
    }
    return count;
}

TEST(pdf, a_short_paper_has_one_page_and_a_long_one_more)
{
    struct weir_buf small, large;
    make(3, &small);
    make(200, &large);
    assert_memory_equal(small.ptr, "%PDF-1.", 7);
    assert_non_null(memmem(small.ptr, small.len, "%%EOF", 5));
    assert_int_equal(pages_of(&small), 1);
    assert_true(pages_of(&large) >= 8);
    weir_buf_fini(&small);
    weir_buf_fini(&large);
}

TEST(pdf, the_same_paper_is_the_same_bytes)
{
    struct weir_buf first, second;
    make(40, &first);
    make(40, &second);
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.ptr, second.ptr, first.len);
    if (getenv("WEIR_PDF_OUT") != NULL) {
        FILE *file = fopen(getenv("WEIR_PDF_OUT"), "wb");
        fwrite(first.ptr, 1, first.len, file);
        fclose(file);
    }
    weir_buf_fini(&first);
    weir_buf_fini(&second);
}

TEST(pdf, a_full_buffer_is_refused)
{
    struct weir_pdf *pdf;
    struct weir_buf out;
    struct weir_error err = {0};
    weir_buf_init(&out, 100);
    assert_ok(weir_pdf_new(WEIR_SPAN("t"), WEIR_SPAN(""), &pdf, &err));
    assert_int_equal(weir_pdf_write(pdf, &out, &err), WEIR_ETOOBIG);
    weir_pdf_free(pdf);
    weir_buf_fini(&out);
}
