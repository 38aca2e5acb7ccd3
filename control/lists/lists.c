/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list file: which format, its records, how many are faulty, and whether
 * it shrank.
 *
 * WHY SHRINKING IS REFUSED. A download cut short, or the wrong file, reads
 * as a list with fewer names, and every name that is gone is a customer let
 * through. The count of entries is kept beside the file, as digits in
 * FILE.count, and a fall by more than a share needs a person's word.
 */
#include "control/lists/lists.h"

#include "control/files.h"
#include "control/lists/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    char separator;
    bool has_header;
    list_reader *read;
} formats[] = {
    {"unknown", ',', false, NULL},
    {"csl", ',', true, list_read_csl},
    {"ofac-sdn", ',', false, list_read_sdn},
    {"ofac-alt", ',', false, list_read_alt},
    {"ofac-add", ',', false, list_read_add},
    {"bis-denied-persons", '\t', true, list_read_denied},
    {"weir", ',', true, list_read_own},
    {"un", ',', false, NULL}, /* list_read_un() */
};

const char *
weir_list_format_name(enum weir_list_format format)
{
    return formats[format].name;
}

static bool
is(const struct records *records, uint32_t field, const char *text)
{
    return field < records->count &&
           weir_span_equal(records->fields[field], weir_span_of(text));
}

static enum weir_list_format
format_of_record(const struct records *records)
{
    uint64_t number;
    bool is_numbered =
        records->count > 1 && weir_span_to_u64(records->fields[0], &number);
    if (is(records, 0, "_id") && is(records, 1, "source"))
        return WEIR_LIST_CSL;
    if (is_numbered && records->count == 12)
        return WEIR_LIST_SDN;
    if (is_numbered && records->count == 5)
        return WEIR_LIST_SDN_ALT;
    if (is_numbered && records->count == 6)
        return WEIR_LIST_SDN_ADD;
    for (uint32_t i = 0; i < records->count; i++)
        if (is(records, i, "name"))
            return WEIR_LIST_OWN;
    return WEIR_LIST_UNKNOWN;
}

static bool
is_xml(weir_span bytes)
{
    size_t at = weir_span_starts(bytes, WEIR_SPAN("\xEF\xBB\xBF")) ? 3 : 0;
    while (at < bytes.len && strchr(" \t\r\n", bytes.ptr[at]) != NULL &&
           bytes.ptr[at] != '\0')
        at++;
    return at < bytes.len && bytes.ptr[at] == '<';
}

static enum weir_list_format
detect(weir_span bytes)
{
    struct records records;
    enum weir_list_format format = WEIR_LIST_UNKNOWN;
    if (is_xml(bytes))
        return WEIR_LIST_UN;
    records_init(&records, bytes, '\t');
    if (records_next(&records) && records.fault == NULL &&
        is(&records, 0, "Name") && is(&records, 1, "Street_Address"))
        format = WEIR_LIST_DENIED;
    records_fini(&records);
    if (format != WEIR_LIST_UNKNOWN)
        return format;
    records_init(&records, bytes, ',');
    if (records_next(&records) && records.fault == NULL)
        format = format_of_record(&records);
    records_fini(&records);
    return format;
}

/* ALT and ADD go on with the last SDN list; the others begin a new one. */
static weir_status
choose_list(struct parse *parse, enum weir_list_format format, weir_span file,
            const struct weir_list_options *options, weir_span bytes,
            struct weir_error *err)
{
    struct weir_screening_rows *rows = parse->rows;
    weir_span sdn = weir_span_of(formats[WEIR_LIST_SDN].name);
    if (format == WEIR_LIST_SDN_ALT || format == WEIR_LIST_SDN_ADD) {
        uint32_t list = rows->list_count;
        while (list > 0 &&
               !weir_span_equal(rows->list_rows[list - 1].format, sdn))
            list--;
        if (list == 0)
            return weir_fail(err, WEIR_EPARSE, 0,
                             "other names and addresses of the SDN list come "
                             "behind its main file");
        parse->list = list - 1;
        while (parse->entry_first < rows->entry_count &&
               rows->entry_rows[parse->entry_first].list != parse->list)
            parse->entry_first++;
        parse->entry_end =
            parse->entry_first + rows->list_rows[parse->list].entry_count;
        if (!list_sort_entries(parse))
            return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                             "no memory for the numbers of the SDN list");
        return WEIR_OK;
    }
    struct weir_screening_list *list = weir_screening_add_list(rows);
    if (list == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "no memory");
    parse->list = rows->list_count - 1;
    list->file = list_keep(parse, file);
    list->name =
        options->name.len > 0 ? list_keep(parse, options->name) : list->file;
    list->format = weir_span_of(formats[format].name);
    list->effect = options->effect;
    list->digest = weir_hash64(bytes, 0);
    return WEIR_OK;
}

static uint32_t
read_records(struct parse *parse, enum weir_list_format format, weir_span file,
             struct weir_faults *faults)
{
    uint32_t bad = 0;
    bool is_header = formats[format].has_header;
    while (!parse->rows->arena.overflow && records_next(&parse->records)) {
        const char *fault = parse->records.fault;
        for (uint32_t i = 0; fault == NULL && i < parse->records.count; i++)
            if (!weir_utf8_valid(parse->records.fields[i]))
                fault = "a field is not UTF-8";
        if (fault == NULL && is_header)
            fault =
                format == WEIR_LIST_OWN ? list_read_own_header(parse) : NULL;
        else if (fault == NULL)
            fault = formats[format].read(parse);
        if (fault != NULL) {
            bad++;
            weir_faults_add(
                faults, (struct weir_place){file, parse->records.line, 1},
                "mend the row, or leave it out with --allow-bad", "%s", fault);
        }
        if (is_header && fault != NULL)
            return UINT32_MAX; /* nothing behind it can be read */
        is_header = false;
    }
    return bad;
}

weir_status
weir_list_parse(weir_span bytes, weir_span file,
                const struct weir_list_options *options,
                struct weir_screening_rows *rows, struct weir_faults *faults,
                struct weir_error *err)
{
    enum weir_list_format format = detect(bytes);
    struct parse parse = {.rows = rows};
    if (format == WEIR_LIST_UNKNOWN)
        return weir_fail(err, WEIR_EPARSE, 0,
                         "the first record is of no list format");
    weir_status status = choose_list(&parse, format, file, options, bytes, err);
    if (status != WEIR_OK)
        return status;
    records_init(&parse.records, bytes, formats[format].separator);
    uint32_t bad = format == WEIR_LIST_UN
                       ? list_read_un(&parse, bytes, file, faults)
                       : read_records(&parse, format, file, faults);
    records_fini(&parse.records);
    free(parse.by_id);
    if (rows->arena.overflow)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the lists need more than %zu bytes",
                         WEIR_SCREENING_BYTES_MAX);
    if (bad == UINT32_MAX)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "the file cannot be read to its end");
    if (bad > options->bad_max)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "%u faulty rows, %u allowed", bad, options->bad_max);
    return WEIR_OK;
}

/* ------------------------------------------------------------- shrinking */

/* False: nothing (or nothing that is a number) was remembered. */
static bool
remembered(const char *path, uint64_t *count_out)
{
    char *bytes = NULL;
    size_t len = 0;
    if (weir_read_file(path, &bytes, &len, NULL) != WEIR_OK)
        return false;
    while (len > 0 && bytes[len - 1] == '\n')
        len--;
    bool is_number = weir_span_to_u64((weir_span){bytes, len}, count_out);
    free(bytes);
    return is_number;
}

static weir_status
check_count(const char *path, uint64_t count,
            const struct weir_list_options *options, struct weir_error *err)
{
    char beside[4096];
    char text[32];
    uint64_t before;
    int len = snprintf(beside, sizeof(beside), "%s.count", path);
    if (len < 0 || (size_t)len >= sizeof(beside))
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the path is too long");
    if (remembered(beside, &before) && !options->allows_shrink &&
        count < before &&
        (__uint128_t)(before - count) * 1000000 >
            (__uint128_t)before * options->shrink_ppm)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "the list has %llu entries and had %llu",
                         (unsigned long long)count, (unsigned long long)before);
    if (!options->remembers)
        return WEIR_OK;
    len = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)count);
    return weir_write_file(beside, (weir_span){text, (size_t)len}, 0644, err);
}

weir_status
weir_list_load(const char *path, const struct weir_list_options *options,
               struct weir_screening_rows *rows, struct weir_faults *faults,
               struct weir_error *err)
{
    char *bytes = NULL;
    size_t len = 0;
    uint32_t names = rows->name_count;
    uint32_t entries = rows->entry_count;
    weir_status status = weir_read_file(path, &bytes, &len, err);
    if (status == WEIR_OK)
        status = weir_list_parse((weir_span){bytes, len}, weir_span_of(path),
                                 options, rows, faults, err);
    free(bytes);
    if (status != WEIR_OK)
        return status;
    /* files that only add names are counted by those */
    uint32_t count = rows->entry_count - entries;
    return check_count(path, count > 0 ? count : rows->name_count - names,
                       options, err);
}
