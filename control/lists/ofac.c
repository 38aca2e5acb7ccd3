/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OFAC's SDN list: entries, other names and addresses in three files joined
 * by the number in the first field; "-0-" is empty. Weak aliases and
 * identifiers stand in the remarks, one behind each ";".
 */
#include "control/lists/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SDN_NUMBER = 0,
    SDN_NAME = 1,
    SDN_TYPE = 2,
    SDN_PROGRAM = 3,
    SDN_REMARKS = 11,
    SDN_FIELDS = 12,
    ALT_NAME = 3,
    ALT_FIELDS = 5,
    ADD_CITY = 3,
    ADD_COUNTRY = 4,
    ADD_FIELDS = 6
};

static weir_span
field(const struct parse *parse, uint32_t number)
{
    weir_span text = parse->records.fields[number];
    return weir_span_equal(text, WEIR_SPAN("-0-")) ? WEIR_SPAN_NONE : text;
}

static bool
is_number(weir_span text)
{
    uint64_t value;
    return weir_span_to_u64(text, &value);
}

/* How an identifier begins in the remarks. */
static const char *const kinds[] = {
    "Passport ",
    "Cedula No. ",
    "C.U.R.P. ",
    "Vessel Registration Identification IMO ",
    "National ID No. ",
    "National Foreign ID Number ",
    "R.F.C. ",
    "RFC ",
    "Registration ID ",
    "Registration Number ",
    "Tax ID No. ",
    "Identification Number IMO ",
    "Identification Number ",
    "MMSI ",
    "Folio Mercantil No. ",
    "D.N.I. ",
    "Company Number IMO ",
    "Company Number ",
    "UK Company Number ",
    "Matricula Mercantil No ",
    "Trade License No. ",
    "Commercial Registry Number ",
    "Italian Fiscal Code ",
    "Business Registration Document # ",
    "Business Registration Number ",
    "V.A.T. Number ",
    "Diplomatic Passport ",
    "SSN ",
    "NIT # ",
    "RUC # ",
    "RTN ",
    "Personal ID Card ",
    "LE Number ",
    "Legal Entity Number ",
    "BIK (RU) ",
    "SWIFT/BIC ",
    "D-U-N-S Number ",
    "C.R. No. ",
    "Unified Social Credit Code (USCC) ",
    "Chinese Commercial Code ",
    "Aircraft Tail Number ",
    "Aircraft Manufacturer's Serial Number (MSN) ",
};

static void
read_identifier(struct parse *parse, uint32_t entry, weir_span remark)
{
    for (size_t i = 0; i < WEIR_COUNTOF(kinds); i++) {
        weir_span kind = weir_span_of(kinds[i]);
        if (!weir_span_starts(remark, kind))
            continue;
        weir_span text = {remark.ptr + kind.len, remark.len - kind.len};
        for (size_t end = 0; end < text.len; end++)
            if (strchr(" (,;", text.ptr[end]) != NULL)
                text.len = end;
        while (text.len > 0 && text.ptr[text.len - 1] == '.')
            text.len--;
        kind.len--;
        list_add_identifier(parse, entry, kind, text);
        return;
    }
}

/* "a.k.a. 'NAME'": the list's weak aliases. */
static void
read_remarks(struct parse *parse, uint32_t entry, weir_span remarks)
{
    weir_span rest = remarks;
    weir_span part;
    while (list_part(&rest, ";", &part)) {
        weir_span also = WEIR_SPAN("alt. ");
        if (weir_span_starts(part, also))
            part = (weir_span){part.ptr + also.len, part.len - also.len};
        if (!weir_span_starts(part, WEIR_SPAN("a.k.a. '")) &&
            !weir_span_starts(part, WEIR_SPAN("f.k.a. '")) &&
            !weir_span_starts(part, WEIR_SPAN("n.k.a. '"))) {
            read_identifier(parse, entry, part);
            continue;
        }
        weir_span name = {part.ptr + 8, part.len - 8};
        const char *end = memrchr(name.ptr, '\'', name.len);
        if (end != NULL)
            name.len = (size_t)(end - name.ptr);
        list_add_name(parse, entry, name, true, true);
    }
}

const char *
list_read_sdn(struct parse *parse)
{
    if (parse->records.count != SDN_FIELDS)
        return "a record has 12 fields";
    if (!is_number(field(parse, SDN_NUMBER)))
        return "a record begins with its number";
    if (field(parse, SDN_NAME).len == 0)
        return "a record has a name";
    struct weir_screening_entry *entry =
        list_add_entry(parse, field(parse, SDN_NUMBER));
    if (entry == NULL)
        return NULL;
    uint32_t row = parse->rows->entry_count - 1;
    weir_span type = field(parse, SDN_TYPE);
    entry->source = WEIR_SPAN("Specially Designated Nationals (SDN) - "
                              "Treasury Department");
    entry->programme = list_keep(parse, field(parse, SDN_PROGRAM));
    entry->subject = type.len == 0 ? WEIR_SUBJECT_ENTITY : list_subject(type);
    list_add_name(parse, row, field(parse, SDN_NAME), false, false);
    read_remarks(parse, row, field(parse, SDN_REMARKS));
    return NULL;
}

static int
compare_ids(const void *a, const void *b, void *context)
{
    const struct parse *parse = context;
    const struct weir_screening_entry *rows = parse->rows->entry_rows;
    return weir_span_compare(rows[*(const uint32_t *)a].id,
                             rows[*(const uint32_t *)b].id);
}

bool
list_sort_entries(struct parse *parse)
{
    uint32_t count = parse->entry_end - parse->entry_first;
    parse->by_id = calloc(count + 1u, sizeof(uint32_t));
    if (parse->by_id == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++)
        parse->by_id[i] = parse->entry_first + i;
    qsort_r(parse->by_id, count, sizeof(uint32_t), compare_ids, parse);
    return true;
}

/* Row of the entry with this number; UINT32_MAX: there is none. */
static uint32_t
find_entry(const struct parse *parse, weir_span id)
{
    uint32_t low = 0;
    uint32_t high = parse->entry_end - parse->entry_first;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t row = parse->by_id[middle];
        int order = weir_span_compare(parse->rows->entry_rows[row].id, id);
        if (order == 0)
            return row;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return UINT32_MAX;
}

const char *
list_read_alt(struct parse *parse)
{
    if (parse->records.count != ALT_FIELDS)
        return "a record has 5 fields";
    uint32_t entry = find_entry(parse, field(parse, SDN_NUMBER));
    if (entry == UINT32_MAX)
        return "the SDN file has no entry of this number";
    if (field(parse, ALT_NAME).len == 0)
        return "a record has a name";
    list_add_name(parse, entry, field(parse, ALT_NAME), true, false);
    return NULL;
}

const char *
list_read_add(struct parse *parse)
{
    char place[256];
    if (parse->records.count != ADD_FIELDS)
        return "a record has 6 fields";
    uint32_t entry = find_entry(parse, field(parse, SDN_NUMBER));
    if (entry == UINT32_MAX)
        return "the SDN file has no entry of this number";
    weir_span city = field(parse, ADD_CITY);
    weir_span country = field(parse, ADD_COUNTRY);
    int len = snprintf(place, sizeof(place), "%.*s%s%.*s", WEIR_SPAN_ARG(city),
                       city.len > 0 && country.len > 0 ? ", " : "",
                       WEIR_SPAN_ARG(country));
    /* the first one is shown; names decide, not addresses */
    if (parse->rows->entry_rows[entry].place.len == 0 && len > 0 &&
        (size_t)len < sizeof(place))
        parse->rows->entry_rows[entry].place =
            list_keep(parse, (weir_span){place, (size_t)len});
    return NULL;
}
