/* SPDX-License-Identifier: Apache-2.0 */
/* The table of reports, and what they share. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weir/crypto.h>
#include <weir/lane.h>

#include "control/reports/parts.h"

#define WEIR_REPORT(name, title, signers)                                      \
    {#name, title, signers, weir__report_##name,                               \
     weir__report_##name##_sections},
const struct weir_report weir_reports[] = {
#include "control/reports/reports.def"
};
#undef WEIR_REPORT
const size_t weir_report_count = WEIR_COUNTOF(weir_reports);

/* A call may be decided long after its request id was made (a slow body). */
#define REQUEST_LEAD_US WEIR_US_PER_DAY

const struct weir_report *
weir_report_find(weir_span name)
{
    for (size_t i = 0; i < weir_report_count; i++) {
        if (weir_span_equal(weir_span_of(weir_reports[i].name), name))
            return &weir_reports[i];
    }
    return NULL;
}

weir_status
weir_report_make(const struct weir_report *row,
                 const struct weir_report_ask *ask, json_t **report_out,
                 struct weir_error *err)
{
    if (ask->from >= ask->to)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "the period ends before it begins: 'to' is the first "
                         "moment that is not in it");
    json_t *report = json_pack(
        "{s:s,s:s,s:I,s:I,s:o,s:o,s:I}", "report", row->name, "title",
        row->title, "from_us", (json_int_t)ask->from, "to_us",
        (json_int_t)ask->to, "from", weir__report_time(ask->from), "to",
        weir__report_time(ask->to), "made_us", (json_int_t)ask->now);
    if (report == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (ask->tenant.len > 0)
        json_object_set_new(report, "tenant", weir__report_text(ask->tenant));
    weir_status status = row->run(ask, report, err);
    if (status == WEIR_OK)
        *report_out = report;
    else
        json_decref(report);
    return status;
}

/* ------------------------------------------------------------------ values */

json_t *
weir__report_text(weir_span text)
{
    json_t *value = json_stringn(text.ptr == NULL ? "" : text.ptr, text.len);
    return value == NULL ? json_string("?") : value;
}

json_t *
weir__report_time(weir_time when)
{
    char text[WEIR_TIME_TEXT];
    if (when == WEIR_TIME_MIN || when == WEIR_TIME_MAX)
        return json_null();
    weir_time_format(when, text);
    return json_string(text);
}

json_t *
weir__report_hex(const uint8_t *bytes, size_t len)
{
    char hex[WEIR_HEX_LEN(64)];
    WEIR_ASSERT(len <= 64);
    weir_hex_encode((weir_span){(const char *)bytes, len}, hex);
    return json_stringn(hex, WEIR_HEX_LEN(len));
}

weir_span
weir__report_option(const struct weir_report_ask *ask, const char *name)
{
    const char *text =
        ask->option == NULL ? NULL : ask->option(ask->context, name);
    return weir_span_of(text == NULL ? "" : text);
}

bool
weir__report_wants(const struct weir_report_ask *ask, const char *option,
                   const char *word)
{
    weir_span text = weir__report_option(ask, option);
    if (text.len == 0)
        return true;
    while (text.len > 0) {
        const char *comma = memchr(text.ptr, ',', text.len);
        size_t len = comma == NULL ? text.len : (size_t)(comma - text.ptr);
        if (weir_span_equal((weir_span){text.ptr, len}, weir_span_of(word)))
            return true;
        len += comma != NULL;
        text = (weir_span){text.ptr + len, text.len - len};
    }
    return false;
}

/* ----------------------------------------------------------------- records */

void
weir__report_journal_fini(struct weir__report_journal *journal)
{
    if (journal->map != NULL)
        munmap((void *)(uintptr_t)journal->map, journal->size);
    journal->map = NULL;
    journal->number = 0;
}

static weir_status
map_segment(struct weir__report_journal *journal, uint64_t number,
            struct weir_error *err)
{
    char name[WEIR_SEGMENT_NAME_BYTES], path[WEIR_PATH_MAX + 48];
    struct stat info;
    void *map = MAP_FAILED;
    weir__report_journal_fini(journal);
    weir_segment_name(number, name);
    snprintf(path, sizeof path, "%s/%s", journal->directory, name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0 && fstat(file, &info) == 0 && info.st_size > 0)
        map = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, file, 0);
    if (file >= 0)
        close(file);
    if (map == MAP_FAILED)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "segment %llu of the journal cannot be read",
                         (unsigned long long)number);
    journal->map = map;
    journal->size = (size_t)info.st_size;
    journal->number = number;
    return WEIR_OK;
}

weir_status
weir__report_record(struct weir__report_journal *journal,
                    const struct weir_store_at *at,
                    struct weir_record *record_out, struct weir_error *err)
{
    /* The segment that is being written grows. */
    if (journal->number != at->segment || at->offset >= journal->size) {
        weir_status status = map_segment(journal, at->segment, err);
        if (status != WEIR_OK)
            return status;
    }
    if (at->offset >= journal->size ||
        weir_record_read(
            (weir_span){journal->map + at->offset, journal->size - at->offset},
            record_out) != WEIR_OK)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "no sound record in segment %llu at %llu",
                         (unsigned long long)at->segment,
                         (unsigned long long)at->offset);
    return WEIR_OK;
}

struct walk {
    const struct weir_report_ask *ask;
    weir__report_on_call *on_call;
    void *context;
    weir_status status;
    struct weir_error *err;
};

static bool
on_call(void *context, const struct weir_store_call *call)
{
    struct walk *walk = context;
    const struct weir_report_ask *ask = walk->ask;
    weir_time made = 0;
    for (int i = 0; i < 6; i++)
        made = made << 8 | call->request.bytes[i];
    if (made > ask->to / 1000)
        return false;
    if (call->decided < ask->from || call->decided >= ask->to ||
        (ask->tenant.len > 0 && !weir_span_equal(call->tenant, ask->tenant)))
        return true;
    walk->status = walk->on_call(walk->context, call, walk->err);
    return walk->status == WEIR_OK;
}

weir_status
weir__report_calls(const struct weir_report_ask *ask,
                   weir__report_on_call *each, void *context,
                   struct weir_error *err)
{
    struct walk walk = {ask, each, context, WEIR_OK, err};
    struct weir_request_id after = {{0}};
    weir_time ms =
        ask->from < REQUEST_LEAD_US ? 0 : (ask->from - REQUEST_LEAD_US) / 1000;
    for (int i = 0; i < 6; i++)
        after.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    weir_status status =
        weir_store_calls(ask->store, &after, on_call, &walk, err);
    return status == WEIR_OK ? walk.status : status;
}

/* -------------------------------------------------------------------- rows */

weir_status
weir__report_rows_init(struct weir__report_rows *rows, struct weir_error *err)
{
    rows->list = json_array();
    rows->index = json_object();
    if (rows->list != NULL && rows->index != NULL)
        return WEIR_OK;
    weir__report_rows_fini(rows);
    return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
}

void
weir__report_rows_fini(struct weir__report_rows *rows)
{
    json_decref(rows->list);
    json_decref(rows->index);
    *rows = (struct weir__report_rows){NULL, NULL};
}

json_t *
weir__report_row(struct weir__report_rows *rows, bool *is_new_out,
                 const char *format, ...)
{
    char key[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(key, sizeof key, format, arguments);
    va_end(arguments);
    json_t *row = json_object_get(rows->index, key);
    if (is_new_out != NULL)
        *is_new_out = row == NULL;
    if (row == NULL) {
        row = json_object();
        json_object_set_new_nocheck(rows->index, key, row);
        json_array_append(rows->list, row);
    }
    return row;
}

void
weir__report_add(json_t *row, const char *name, int64_t amount)
{
    json_int_t before = json_integer_value(json_object_get(row, name));
    json_object_set_new(row, name, json_integer(before + amount));
}

struct sorting {
    json_t *row;
    const char *const *columns;
    size_t count;
};

static int
compare_rows(const void *a, const void *b)
{
    const struct sorting *left = a, *right = b;
    for (size_t i = 0; i < left->count; i++) {
        const char *x =
            json_string_value(json_object_get(left->row, left->columns[i]));
        const char *y =
            json_string_value(json_object_get(right->row, left->columns[i]));
        int order = strcmp(x == NULL ? "" : x, y == NULL ? "" : y);
        if (order != 0)
            return order;
    }
    return 0;
}

json_t *
weir__report_sorted(struct weir__report_rows *rows, const char *const *columns,
                    size_t count)
{
    size_t size = json_array_size(rows->list);
    struct sorting *all = calloc(size + 1, sizeof *all);
    json_t *list = rows->list, *sorted = json_array();
    rows->list = NULL;
    if (all == NULL || sorted == NULL) {
        free(all);
        json_decref(sorted);
        return list;
    }
    for (size_t i = 0; i < size; i++)
        all[i] = (struct sorting){json_array_get(list, i), columns, count};
    qsort(all, size, sizeof *all, compare_rows);
    for (size_t i = 0; i < size; i++)
        json_array_append(sorted, all[i].row);
    free(all);
    json_decref(list);
    return sorted;
}
