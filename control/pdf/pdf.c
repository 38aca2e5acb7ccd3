/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Papers over libharu, which knows fonts, pages and the file; what is here is
 * where things stand.
 *
 *    56 pt                                     everything hangs from `y`, the
 *    +---------------------------------+       height of the next line's top;
 *    | Title                      18pt |       what does not fit above the
 *    | about                       8pt |       foot begins a new page
 *    | Heading                    12pt |
 *    | text, pairs, tables         9pt |
 *    |---------------------------------|
 *    | title                 page 1/3  |
 *    +---------------------------------+
 *
 * The foot is written last, when the number of pages is known.
 *
 * WHY ONE FONT FILE. The fonts that every PDF reader has know Western Europe
 * only, and names of customers do not stop there. Of an embedded font only
 * the letters used are in the file.
 */
#include "control/pdf/pdf.h"

#include <hpdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FONT_PLAIN  "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
#define FONT_BOLD   "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"

#define PAGE_WIDTH  595.0F /* A4 */
#define PAGE_HEIGHT 842.0F
#define MARGIN      56.0F
#define WIDTH       (PAGE_WIDTH - 2 * MARGIN)
#define FOOT        64.0F
#define LEADING     1.32F
#define CELL_GAP    6.0F
#define SMALL       8.0F
#define PLAIN       9.0F
#define PAGES_MAX   5000
#define CELL_BYTES  4000 /* more of a cell is cut */
#define LINES_MAX   200  /* of a cell */

struct weir_pdf {
    HPDF_Doc doc;
    HPDF_Font plain, bold;
    bool is_unicode;
    HPDF_Page *pages;
    uint32_t page_count;
    HPDF_Page page;
    float y;
    char title[256];
    char *memory; /* of one cell as the font takes it */
    struct weir_pdf_column columns[WEIR_PDF_COLUMNS_MAX];
    float widths[WEIR_PDF_COLUMNS_MAX];
    uint32_t column_count;
    HPDF_STATUS fault; /* the first */
    bool is_too_long;
};

static void
on_fault(HPDF_STATUS error, HPDF_STATUS detail, void *context)
{
    struct weir_pdf *pdf = context;
    (void)detail;
    if (pdf->fault == 0)
        pdf->fault = error;
}

/* ------------------------------------------------------------------ letters */

static size_t
letter_of(weir_span text, size_t at, uint32_t *code_out)
{
    unsigned char first = (unsigned char)text.ptr[at];
    size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t code = len == 1 ? first : first & (0x7fU >> len);
    if (at + len > text.len)
        len = text.len - at;
    for (size_t i = 1; i < len; i++)
        code = code << 6 | ((unsigned char)text.ptr[at + i] & 0x3f);
    *code_out = code;
    return len;
}

/* The text as the font takes it, in pdf->memory. Control letters are blanks;
 * without the font, what Latin-1 lacks is '?'. */
static const char *
encode(struct weir_pdf *pdf, weir_span text)
{
    size_t at = 0, len = 0;
    if (!weir_utf8_valid(text))
        text = WEIR_SPAN("?");
    while (at < text.len && len + 4 < CELL_BYTES) {
        uint32_t code = 0;
        size_t took = letter_of(text, at, &code);
        if (code < 32 || code == 127)
            pdf->memory[len++] = ' ';
        else if (code < 128)
            pdf->memory[len++] = (char)code;
        else if (pdf->is_unicode && code < 0x10000) {
            memcpy(pdf->memory + len, text.ptr + at, took);
            len += took;
        } else
            pdf->memory[len++] =
                !pdf->is_unicode && code >= 0xa0 && code < 0x100
                    ? (char)(unsigned char)code
                    : '?';
        at += took;
    }
    pdf->memory[len] = '\0';
    return pdf->memory;
}

/* Bytes of the next line of `text`, at most `width` wide; 0 at the end. */
static size_t
line_of(struct weir_pdf *pdf, HPDF_Font font, float size, const char *text,
        float width)
{
    size_t len = strlen(text);
    if (len == 0)
        return 0;
    HPDF_UINT fits =
        HPDF_Font_MeasureText(font, (const HPDF_BYTE *)text, (HPDF_UINT)len,
                              width, size, 0, 0, HPDF_TRUE, NULL);
    if (fits == 0)
        fits =
            HPDF_Font_MeasureText(font, (const HPDF_BYTE *)text, (HPDF_UINT)len,
                                  width, size, 0, 0, HPDF_FALSE, NULL);
    if (fits == 0) { /* narrower than one letter */
        fits = 1;
        while (pdf->is_unicode && fits < len && (text[fits] & 0xc0) == 0x80)
            fits++;
    }
    return fits;
}

/* -------------------------------------------------------------------- pages */

static void
new_page(struct weir_pdf *pdf)
{
    if (pdf->page_count == PAGES_MAX) {
        pdf->is_too_long = true;
        pdf->y = PAGE_HEIGHT - MARGIN;
        return;
    }
    pdf->page = HPDF_AddPage(pdf->doc);
    if (pdf->page == NULL)
        return;
    HPDF_Page_SetSize(pdf->page, HPDF_PAGE_SIZE_A4, HPDF_PAGE_PORTRAIT);
    pdf->pages[pdf->page_count++] = pdf->page;
    pdf->y = PAGE_HEIGHT - MARGIN;
}

static bool
is_broken(const struct weir_pdf *pdf)
{
    return pdf->fault != 0 || pdf->is_too_long;
}

/* Room for `height` points, on this page or the next. */
static void
need(struct weir_pdf *pdf, float height)
{
    if (pdf->y - height < FOOT)
        new_page(pdf);
}

static void
put(struct weir_pdf *pdf, HPDF_Font font, float size, float x, float y,
    const char *text)
{
    if (is_broken(pdf) || text[0] == '\0')
        return;
    HPDF_Page_BeginText(pdf->page);
    HPDF_Page_SetFontAndSize(pdf->page, font, size);
    HPDF_Page_TextOut(pdf->page, x, y, text);
    HPDF_Page_EndText(pdf->page);
}

static void
rule(struct weir_pdf *pdf, float x, float y, float width, float weight)
{
    if (is_broken(pdf))
        return;
    HPDF_Page_SetLineWidth(pdf->page, weight);
    HPDF_Page_MoveTo(pdf->page, x, y);
    HPDF_Page_LineTo(pdf->page, x + width, y);
    HPDF_Page_Stroke(pdf->page);
}

/* -------------------------------------------------------------------- cells */

/* Where a cell's lines begin and end in its text. */
struct cell {
    char *text;
    size_t starts[LINES_MAX];
    size_t lens[LINES_MAX];
    uint32_t count;
};

static bool
lay(struct weir_pdf *pdf, HPDF_Font font, float size, weir_span text,
    float width, struct cell *cell)
{
    size_t at = 0;
    cell->count = 0;
    cell->text = strdup(encode(pdf, text));
    if (cell->text == NULL) {
        on_fault(HPDF_FAILD_TO_ALLOC_MEM, 0, pdf);
        return false;
    }
    while (cell->count < LINES_MAX && !is_broken(pdf)) {
        size_t len = line_of(pdf, font, size, cell->text + at, width);
        if (len == 0)
            break;
        cell->starts[cell->count] = at;
        cell->lens[cell->count++] = len;
        at += len;
    }
    return true;
}

static void
put_line(struct weir_pdf *pdf, HPDF_Font font, float size,
         const struct cell *cell, uint32_t line, float x, float width,
         bool is_right)
{
    if (line >= cell->count)
        return;
    char *start = cell->text + cell->starts[line];
    size_t len = cell->lens[line];
    char kept = start[len];
    while (len > 0 && start[len - 1] == ' ')
        len--;
    char blank = start[len];
    start[len] = '\0';
    if (is_right) {
        HPDF_TextWidth wide =
            HPDF_Font_TextWidth(font, (const HPDF_BYTE *)start, (HPDF_UINT)len);
        x += width - (float)wide.width * size / 1000.0F;
    }
    put(pdf, font, size, x, pdf->y - size, start);
    start[len] = blank;
    start[cell->lens[line]] = kept;
}

/* One paragraph without line feeds. */
static void
flow(struct weir_pdf *pdf, HPDF_Font font, float size, float x, float width,
     weir_span text)
{
    struct cell *cell = calloc(1, sizeof *cell);
    if (cell == NULL) {
        on_fault(HPDF_FAILD_TO_ALLOC_MEM, 0, pdf);
        return;
    }
    if (lay(pdf, font, size, text, width, cell)) {
        for (uint32_t i = 0; i < cell->count && !is_broken(pdf); i++) {
            need(pdf, size * LEADING);
            put_line(pdf, font, size, cell, i, x, width, false);
            pdf->y -= size * LEADING;
        }
    }
    if (cell->count == 0)
        pdf->y -= size * LEADING;
    free(cell->text);
    free(cell);
}

/* --------------------------------------------------------------------- face */

static void
pick_fonts(struct weir_pdf *pdf)
{
    const char *plain = NULL, *bold = NULL;
    HPDF_UseUTFEncodings(pdf->doc);
    if (access(FONT_PLAIN, R_OK) == 0 && access(FONT_BOLD, R_OK) == 0) {
        plain = HPDF_LoadTTFontFromFile(pdf->doc, FONT_PLAIN, HPDF_TRUE);
        bold = HPDF_LoadTTFontFromFile(pdf->doc, FONT_BOLD, HPDF_TRUE);
    }
    pdf->is_unicode = plain != NULL && bold != NULL;
    if (!pdf->is_unicode) {
        HPDF_ResetError(pdf->doc);
        pdf->fault = 0;
        plain = "Helvetica";
        bold = "Helvetica-Bold";
    }
    const char *encoding = pdf->is_unicode ? "UTF-8" : "WinAnsiEncoding";
    pdf->plain = HPDF_GetFont(pdf->doc, plain, encoding);
    pdf->bold = HPDF_GetFont(pdf->doc, bold, encoding);
}

static weir_status
say_fault(const struct weir_pdf *pdf, struct weir_error *err)
{
    if (pdf->is_too_long)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the paper passes %d pages", PAGES_MAX);
    return weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE,
                     "the PDF library failed with 0x%lx", pdf->fault);
}

weir_status
weir_pdf_new(weir_span title, weir_span about, struct weir_pdf **pdf_out,
             struct weir_error *err)
{
    struct weir_pdf *pdf = calloc(1, sizeof *pdf);
    if (pdf != NULL) {
        pdf->pages = calloc(PAGES_MAX, sizeof(HPDF_Page));
        pdf->memory = malloc(CELL_BYTES + 8);
        pdf->doc = HPDF_New(on_fault, pdf);
    }
    if (pdf == NULL || pdf->pages == NULL || pdf->memory == NULL ||
        pdf->doc == NULL) {
        weir_pdf_free(pdf);
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    }
    HPDF_SetCompressionMode(pdf->doc, HPDF_COMP_ALL);
    pick_fonts(pdf);
    new_page(pdf);
    if (is_broken(pdf)) {
        weir_status status = say_fault(pdf, err);
        weir_pdf_free(pdf);
        return status;
    }
    size_t len =
        title.len < sizeof pdf->title ? title.len : sizeof pdf->title - 1;
    memcpy(pdf->title, title.ptr, len);
    flow(pdf, pdf->bold, 18, MARGIN, WIDTH, title);
    if (about.len > 0)
        flow(pdf, pdf->plain, SMALL, MARGIN, WIDTH, about);
    pdf->y -= 4;
    rule(pdf, MARGIN, pdf->y, WIDTH, 1);
    pdf->y -= 8;
    *pdf_out = pdf;
    return WEIR_OK;
}

void
weir_pdf_free(struct weir_pdf *pdf)
{
    if (pdf == NULL)
        return;
    if (pdf->doc != NULL)
        HPDF_Free(pdf->doc);
    free(pdf->pages);
    free(pdf->memory);
    free(pdf);
}

void
weir_pdf_heading(struct weir_pdf *pdf, weir_span text)
{
    pdf->y -= 10;
    need(pdf, 60); /* not alone at the foot */
    flow(pdf, pdf->bold, 12, MARGIN, WIDTH, text);
    pdf->y -= 3;
}

void
weir_pdf_text(struct weir_pdf *pdf, weir_span text)
{
    while (text.len > 0) {
        const char *feed = memchr(text.ptr, '\n', text.len);
        size_t len = feed == NULL ? text.len : (size_t)(feed - text.ptr);
        flow(pdf, pdf->plain, PLAIN, MARGIN, WIDTH, (weir_span){text.ptr, len});
        len += feed != NULL;
        text = (weir_span){text.ptr + len, text.len - len};
    }
    pdf->y -= 3;
}

void
weir_pdf_pair(struct weir_pdf *pdf, weir_span name, weir_span value)
{
    const float left = 150;
    need(pdf, PLAIN * LEADING);
    float top = pdf->y;
    HPDF_Page page = pdf->page;
    flow(pdf, pdf->bold, PLAIN, MARGIN, left - CELL_GAP, name);
    float below = pdf->y;
    if (pdf->page == page)
        pdf->y = top;
    flow(pdf, pdf->plain, PLAIN, MARGIN + left, WIDTH - left, value);
    if (pdf->page == page && below < pdf->y)
        pdf->y = below;
}

/* ------------------------------------------------------------------- tables */

static void
put_row(struct weir_pdf *pdf, HPDF_Font font, const weir_span *texts)
{
    struct cell *cells = calloc(pdf->column_count, sizeof *cells);
    uint32_t lines = 1;
    if (cells == NULL) {
        on_fault(HPDF_FAILD_TO_ALLOC_MEM, 0, pdf);
        return;
    }
    for (uint32_t i = 0; i < pdf->column_count; i++) {
        if (lay(pdf, font, SMALL, texts[i], pdf->widths[i] - CELL_GAP,
                &cells[i]) &&
            cells[i].count > lines)
            lines = cells[i].count;
    }
    for (uint32_t line = 0; line < lines && !is_broken(pdf); line++) {
        need(pdf, SMALL * LEADING);
        float x = MARGIN;
        for (uint32_t i = 0; i < pdf->column_count; i++) {
            put_line(pdf, font, SMALL, &cells[i], line, x,
                     pdf->widths[i] - CELL_GAP, pdf->columns[i].is_number);
            x += pdf->widths[i];
        }
        pdf->y -= SMALL * LEADING;
    }
    for (uint32_t i = 0; i < pdf->column_count; i++)
        free(cells[i].text);
    free(cells);
    pdf->y -= 2;
}

static void
put_head(struct weir_pdf *pdf)
{
    weir_span titles[WEIR_PDF_COLUMNS_MAX];
    for (uint32_t i = 0; i < pdf->column_count; i++)
        titles[i] = weir_span_of(pdf->columns[i].title);
    put_row(pdf, pdf->bold, titles);
    rule(pdf, MARGIN, pdf->y + 1, WIDTH, 0.5F);
    pdf->y -= 3;
}

void
weir_pdf_table(struct weir_pdf *pdf, const struct weir_pdf_column *columns,
               uint32_t count)
{
    uint32_t sum = 0;
    WEIR_ASSERT(count > 0 && count <= WEIR_PDF_COLUMNS_MAX);
    for (uint32_t i = 0; i < count; i++)
        sum += columns[i].share == 0 ? 1 : columns[i].share;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t share = columns[i].share == 0 ? 1 : columns[i].share;
        pdf->columns[i] = columns[i];
        pdf->widths[i] = WIDTH * (float)share / (float)sum;
    }
    pdf->column_count = count;
    need(pdf, 4 * SMALL * LEADING);
    put_head(pdf);
}

static void
body_row(struct weir_pdf *pdf, HPDF_Font font, const weir_span *cells)
{
    WEIR_ASSERT(pdf->column_count > 0);
    if (pdf->y - SMALL * LEADING < FOOT) {
        new_page(pdf);
        put_head(pdf);
    }
    put_row(pdf, font, cells);
}

void
weir_pdf_row(struct weir_pdf *pdf, const weir_span *cells)
{
    body_row(pdf, pdf->plain, cells);
}

void
weir_pdf_sum(struct weir_pdf *pdf, const weir_span *cells)
{
    rule(pdf, MARGIN, pdf->y + 1, WIDTH, 0.5F);
    pdf->y -= 2;
    body_row(pdf, pdf->bold, cells);
}

/* ---------------------------------------------------------------------- end */

void
weir_pdf_sign(struct weir_pdf *pdf, weir_span role)
{
    static const char *const words[] = {"Name", "Date", "Signature"};
    need(pdf, 92);
    pdf->y -= 12;
    flow(pdf, pdf->bold, PLAIN, MARGIN, WIDTH, role);
    pdf->y -= 34;
    for (int i = 0; i < 3; i++) {
        const float each = WIDTH / 3;
        float x = MARGIN + each * (float)i;
        rule(pdf, x, pdf->y, each - 18, 0.5F);
        put(pdf, pdf->plain, SMALL, x, pdf->y - SMALL - 2, words[i]);
    }
    pdf->y -= 22;
}

static void
put_feet(struct weir_pdf *pdf)
{
    struct cell cell = {0};
    char number[64];
    for (uint32_t i = 0; i < pdf->page_count && !is_broken(pdf); i++) {
        pdf->page = pdf->pages[i];
        rule(pdf, MARGIN, FOOT - 12, WIDTH, 0.5F);
        snprintf(number, sizeof number, "page %u of %u", i + 1,
                 pdf->page_count);
        pdf->y = FOOT - 16;
        if (lay(pdf, pdf->plain, SMALL, weir_span_of(pdf->title), WIDTH - 90,
                &cell))
            put_line(pdf, pdf->plain, SMALL, &cell, 0, MARGIN, WIDTH, false);
        free(cell.text);
        if (lay(pdf, pdf->plain, SMALL, weir_span_of(number), 90, &cell))
            put_line(pdf, pdf->plain, SMALL, &cell, 0, MARGIN, WIDTH, true);
        free(cell.text);
    }
}

weir_status
weir_pdf_write(struct weir_pdf *pdf, struct weir_buf *out,
               struct weir_error *err)
{
    put_feet(pdf);
    if (!is_broken(pdf))
        HPDF_SaveToStream(pdf->doc);
    if (is_broken(pdf))
        return say_fault(pdf, err);
    HPDF_ResetStream(pdf->doc);
    for (;;) {
        HPDF_BYTE bytes[4096];
        HPDF_UINT32 len = sizeof bytes;
        /* the last piece comes with a status of its own, "end of stream" */
        HPDF_STATUS status = HPDF_ReadFromStream(pdf->doc, bytes, &len);
        if (len > 0)
            weir_buf_add(out, bytes, len);
        if (status != HPDF_OK || len == 0)
            break;
    }
    return out->overflow ? weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                                     "the paper is too long")
                         : WEIR_OK;
}
