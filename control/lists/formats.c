/* SPDX-License-Identifier: Apache-2.0 */
/* The US Consolidated Screening List, BIS's denied persons and weir's own
 * CSV: one record, one entry. */
#include "control/lists/parse.h"

#include <stdio.h>
#include <string.h>

enum {
    CSL_ID = 0,
    CSL_SOURCE = 1,
    CSL_NUMBER = 2,
    CSL_TYPE = 3,
    CSL_PROGRAMS = 4,
    CSL_NAME = 5,
    CSL_ADDRESSES = 7,
    CSL_START = 9,
    CSL_ALT_NAMES = 22,
    CSL_IDS = 28,
    CSL_FIELDS = 29
};

/* Of what the list calls ids, these tell nobody from another. */
static bool
identifies(weir_span kind)
{
    static const char *const others[] = {
        "Date", "Gender", "Website",   "Email",     "Phone", "Name",
        "Type", "Ticker", "Executive", "Sanctions", "Info",  "Model"};
    for (size_t i = 0; i < WEIR_COUNTOF(others); i++)
        if (memmem(kind.ptr, kind.len, others[i], strlen(others[i])) != NULL)
            return false;
    return kind.len > 0;
}

const char *
list_read_csl(struct parse *parse)
{
    const weir_span *fields = parse->records.fields;
    weir_span rest;
    weir_span part;
    if (parse->records.count != CSL_FIELDS)
        return "a record has 29 fields";
    if (weir_span_equal(fields[CSL_ID], WEIR_SPAN("_id")))
        return "the header stands here again";
    if (fields[CSL_NAME].len == 0)
        return "a record has a name";
    struct weir_screening_entry *entry =
        list_add_entry(parse, fields[CSL_NUMBER].len > 0 ? fields[CSL_NUMBER]
                                                         : fields[CSL_ID]);
    if (entry == NULL)
        return NULL;
    uint32_t row = parse->rows->entry_count - 1;
    entry->source = list_keep(parse, fields[CSL_SOURCE]);
    entry->programme = list_keep(parse, fields[CSL_PROGRAMS]);
    entry->date = list_keep(parse, fields[CSL_START]);
    entry->place = list_keep(parse, fields[CSL_ADDRESSES]);
    entry->subject = list_subject(fields[CSL_TYPE]);
    list_add_name(parse, row, fields[CSL_NAME], false, false);
    rest = fields[CSL_ALT_NAMES];
    while (list_part(&rest, ";", &part))
        list_add_name(parse, row, part, true, false);
    rest = fields[CSL_IDS];
    while (list_part(&rest, "; ", &part)) {
        weir_span kind;
        weir_span text;
        if (list_part(&part, ", ", &kind) && identifies(kind) &&
            list_part(&part, ", ", &text))
            list_add_identifier(parse, row, kind, text);
    }
    return NULL;
}

enum {
    DENIED_NAME = 0,
    DENIED_CITY = 2,
    DENIED_COUNTRY = 4,
    DENIED_EFFECTIVE = 6,
    DENIED_ORDER = 8,
    DENIED_CITATION = 11,
    DENIED_FIELDS = 12
};

const char *
list_read_denied(struct parse *parse)
{
    const weir_span *fields = parse->records.fields;
    char place[256];
    if (parse->records.count != DENIED_FIELDS)
        return "a record has 12 fields";
    if (fields[DENIED_NAME].len == 0)
        return "a record has a name";
    struct weir_screening_entry *entry =
        list_add_entry(parse, fields[DENIED_CITATION]);
    if (entry == NULL)
        return NULL;
    int len = snprintf(place, sizeof(place), "%.*s, %.*s",
                       WEIR_SPAN_ARG(fields[DENIED_CITY]),
                       WEIR_SPAN_ARG(fields[DENIED_COUNTRY]));
    entry->source = WEIR_SPAN("Denied Persons List (DPL) - Bureau of Industry "
                              "and Security");
    entry->programme =
        fields[DENIED_ORDER].len > 0 && fields[DENIED_ORDER].ptr[0] == 'Y'
            ? WEIR_SPAN("standard order")
            : WEIR_SPAN("non-standard order");
    entry->date = list_keep(parse, fields[DENIED_EFFECTIVE]);
    if (len > 0 && (size_t)len < sizeof(place))
        entry->place = list_keep(parse, (weir_span){place, (size_t)len});
    list_add_name(parse, parse->rows->entry_count - 1, fields[DENIED_NAME],
                  false, false);
    return NULL;
}

/* ----------------------------------------------------------------- own */

enum {
    OWN_NAME,
    OWN_ID,
    OWN_ALIASES,
    OWN_IDENTIFIERS,
    OWN_TYPE,
    OWN_PROGRAMME,
    OWN_DATE,
    OWN_SOURCE,
    OWN_PLACE
};

static const char *const own_columns[OWN_COLUMNS] = {
    "name",      "id",   "aliases", "identifiers", "type",
    "programme", "date", "source",  "place"};

const char *
list_read_own_header(struct parse *parse)
{
    for (uint32_t column = 0; column < OWN_COLUMNS; column++)
        parse->columns[column] = COLUMN_NONE;
    for (uint32_t i = 0; i < parse->records.count; i++) {
        uint32_t column = 0;
        while (column < OWN_COLUMNS &&
               !weir_span_equal(parse->records.fields[i],
                                weir_span_of(own_columns[column])))
            column++;
        if (column == OWN_COLUMNS)
            return "the header has a column that is not known";
        if (parse->columns[column] != COLUMN_NONE)
            return "the header has a column twice";
        parse->columns[column] = i;
    }
    return parse->columns[OWN_NAME] == COLUMN_NONE
               ? "the header has no column `name`"
               : NULL;
}

static weir_span
own(const struct parse *parse, uint32_t column)
{
    uint32_t field = parse->columns[column];
    return field == COLUMN_NONE ? WEIR_SPAN_NONE : parse->records.fields[field];
}

const char *
list_read_own(struct parse *parse)
{
    uint32_t fields = 0;
    weir_span rest;
    weir_span part;
    for (uint32_t column = 0; column < OWN_COLUMNS; column++)
        fields += parse->columns[column] != COLUMN_NONE;
    if (parse->records.count != fields)
        return "a record has as many fields as the header";
    if (own(parse, OWN_NAME).len == 0)
        return "a record has a name";
    enum weir_screening_subject subject = list_subject(own(parse, OWN_TYPE));
    if (own(parse, OWN_TYPE).len > 0 && subject == WEIR_SUBJECT_UNKNOWN)
        return "a type is entity, person, vessel or aircraft";
    rest = own(parse, OWN_IDENTIFIERS);
    while (list_part(&rest, ";", &part))
        if (part.len > 0 && memchr(part.ptr, '=', part.len) == NULL)
            return "an identifier is KIND=TEXT";
    struct weir_screening_entry *entry =
        list_add_entry(parse, own(parse, OWN_ID));
    if (entry == NULL)
        return NULL;
    uint32_t row = parse->rows->entry_count - 1;
    entry->subject = subject;
    entry->source = list_keep(parse, own(parse, OWN_SOURCE));
    entry->programme = list_keep(parse, own(parse, OWN_PROGRAMME));
    entry->date = list_keep(parse, own(parse, OWN_DATE));
    entry->place = list_keep(parse, own(parse, OWN_PLACE));
    list_add_name(parse, row, own(parse, OWN_NAME), false, false);
    rest = own(parse, OWN_ALIASES);
    while (list_part(&rest, ";", &part))
        list_add_name(parse, row, part, true, false);
    rest = own(parse, OWN_IDENTIFIERS);
    while (list_part(&rest, ";", &part)) {
        weir_span kind;
        if (part.len > 0 && list_part(&part, "=", &kind))
            list_add_identifier(parse, row, kind, part);
    }
    return NULL;
}
