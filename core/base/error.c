/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/base.h>

#include <stdio.h>
#include <stdlib.h>

static const struct weir_status_info statuses[] = {
#define WEIR_ERROR(name, number, http, exit, type, meaning)                    \
    {#name, number, http, exit, type, meaning},
#include <weir/errors.def>
#undef WEIR_ERROR
};

static const struct weir_status_info ok_info = {"OK", 0, 200, 0, "", "success"};

const struct weir_status_info *
weir_status_info(weir_status status)
{
    const struct weir_status_info *internal = &ok_info;
    if (status == WEIR_OK)
        return &ok_info;
    for (size_t i = 0; i < WEIR_COUNTOF(statuses); i++) {
        if (statuses[i].number == (int)status)
            return &statuses[i];
        if (statuses[i].number == (int)WEIR_EINTERNAL)
            internal = &statuses[i];
    }
    return internal;
}

weir_status
weir_fail(struct weir_error *err, weir_status status, size_t offset,
          const char *format, ...)
{
    WEIR_ASSERT(status != WEIR_OK);
    if (err != NULL) {
        va_list args;
        err->status = status;
        err->offset =
            offset >= WEIR_OFFSET_NONE ? WEIR_OFFSET_NONE : (uint32_t)offset;
        va_start(args, format);
        vsnprintf(err->text, sizeof(err->text), format, args);
        va_end(args);
    }
    return status;
}

void
weir_assert_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "weir: bug: %s:%d: %s\n", file, line, what);
    abort();
}
