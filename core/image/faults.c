/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/world.h>

#include <stdio.h>
#include <string.h>

#define FAULTS_BYTES_MAX ((size_t)8 << 20)

void
weir_faults_init(struct weir_faults *faults)
{
    memset(faults, 0, sizeof(*faults));
    weir_arena_init_heap(&faults->arena, FAULTS_BYTES_MAX);
}

void
weir_faults_fini(struct weir_faults *faults)
{
    weir_arena_fini(&faults->arena);
    memset(faults, 0, sizeof(*faults));
}

static bool
grow(struct weir_faults *faults)
{
    uint32_t capacity = faults->capacity == 0 ? 16 : faults->capacity * 2;
    struct weir_fault *rows =
        weir_arena_array(&faults->arena, struct weir_fault, capacity);
    if (rows == NULL)
        return false;
    if (faults->count > 0)
        memcpy(rows, faults->rows, faults->count * sizeof(*rows));
    faults->rows = rows;
    faults->capacity = capacity;
    return true;
}

void
weir_faults_add(struct weir_faults *faults, struct weir_place place,
                const char *advice, const char *format, ...)
{
    char text[512];
    va_list args;
    faults->total++;
    if (faults->count == WEIR_FAULTS_MAX ||
        (faults->count == faults->capacity && !grow(faults)))
        return;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (len < 0)
        len = 0;
    if ((size_t)len >= sizeof(text))
        len = (int)sizeof(text) - 1;
    struct weir_fault fault = {
        .place = place,
        .text = weir_arena_copy(&faults->arena, (weir_span){text, (size_t)len}),
        .advice = weir_arena_copy(&faults->arena, weir_span_of(advice)),
    };
    fault.place.file = weir_arena_copy(&faults->arena, place.file);
    if (!faults->arena.overflow)
        faults->rows[faults->count++] = fault;
}

void
weir_faults_write(const struct weir_faults *faults, struct weir_buf *out)
{
    for (uint32_t i = 0; i < faults->count; i++) {
        const struct weir_fault *f = &faults->rows[i];
        weir_buf_add_span(out, f->place.file.len == 0 ? WEIR_SPAN("weir")
                                                      : f->place.file);
        if (f->place.line > 0)
            weir_buf_addf(out, ":%u:%u", f->place.line,
                          f->place.column == 0 ? 1 : f->place.column);
        weir_buf_addf(out, ": %.*s\n", WEIR_SPAN_ARG(f->text));
        if (f->advice.len > 0)
            weir_buf_addf(out, "  %.*s\n", WEIR_SPAN_ARG(f->advice));
    }
    if (faults->total > faults->count)
        weir_buf_addf(out, "weir: and %u more\n",
                      faults->total - faults->count);
}
