/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The consolidated list of the United Nations Security Council, in XML:
 * CONSOLIDATED_LIST / INDIVIDUALS / INDIVIDUAL and .. / ENTITIES / ENTITY.
 *
 * A name is FIRST_NAME to FOURTH_NAME together; NAME_ORIGINAL_SCRIPT is an
 * alias, aliases whose QUALITY is "Low" are weak. Documents are identifiers
 * by their kind. A record is added when its element ends, so a faulty one
 * adds nothing.
 */
#include "control/lists/parse.h"
#include "control/lists/xml.h"

#include <stdio.h>
#include <string.h>

#define ALIASES_MAX   256u /* of one record; more is a fault */
#define DOCUMENTS_MAX 64u
#define RECORD_BYTES  ((size_t)1 << 20)

/* What one record says; texts stand in `arena`, emptied for each. */
struct record {
    uint32_t line;
    weir_span names[4];
    weir_span original;
    weir_span reference;
    weir_span number;
    weir_span regime;
    weir_span listed;
    weir_span updated;
    weir_span city;
    weir_span country;
    weir_span quality; /* of the alias under way */
    weir_span alias;
    struct {
        weir_span text;
        bool is_weak;
    } aliases[ALIASES_MAX];
    uint32_t alias_count;
    weir_span kind; /* of the document under way */
    weir_span kind2;
    weir_span text;
    struct {
        weir_span kind;
        weir_span text;
    } documents[DOCUMENTS_MAX];
    uint32_t document_count;
    const char *fault;
    struct weir_arena arena;
};

static bool
is(weir_span name, const char *text)
{
    return weir_span_equal(name, weir_span_of(text));
}

static bool
ends(weir_span name, const char *text)
{
    return weir_span_ends(name, weir_span_of(text));
}

static void
begin(struct record *record, uint32_t line)
{
    weir_arena_fini(&record->arena);
    memset(record, 0, sizeof(*record));
    weir_arena_init_heap(&record->arena, RECORD_BYTES);
    record->line = line;
}

/* An element of the record itself, one level below it. */
static void
take_field(struct record *record, weir_span name, weir_span text)
{
    static const char *const parts[] = {"FIRST_NAME", "SECOND_NAME",
                                        "THIRD_NAME", "FOURTH_NAME"};
    for (size_t i = 0; i < WEIR_COUNTOF(parts); i++)
        if (is(name, parts[i]))
            record->names[i] = text;
    if (is(name, "NAME_ORIGINAL_SCRIPT"))
        record->original = text;
    else if (is(name, "REFERENCE_NUMBER"))
        record->reference = text;
    else if (is(name, "DATAID"))
        record->number = text;
    else if (is(name, "UN_LIST_TYPE"))
        record->regime = text;
    else if (is(name, "LISTED_ON"))
        record->listed = text;
}

/* An element two levels below: of an alias, address, document or date. */
static void
take_part(struct record *record, weir_span group, weir_span name,
          weir_span text)
{
    if (ends(group, "_ALIAS") && is(name, "QUALITY"))
        record->quality = text;
    else if (ends(group, "_ALIAS") && is(name, "ALIAS_NAME"))
        record->alias = text;
    else if (ends(group, "_ADDRESS") && is(name, "CITY") &&
             record->city.len == 0)
        record->city = text;
    else if (ends(group, "_ADDRESS") && is(name, "COUNTRY") &&
             record->country.len == 0)
        record->country = text;
    else if (ends(group, "_DOCUMENT") && is(name, "TYPE_OF_DOCUMENT"))
        record->kind = text;
    else if (ends(group, "_DOCUMENT") && is(name, "TYPE_OF_DOCUMENT2"))
        record->kind2 = text;
    else if (ends(group, "_DOCUMENT") && is(name, "NUMBER"))
        record->text = text;
    else if (is(group, "LAST_DAY_UPDATED") && is(name, "VALUE"))
        record->updated = text; /* the last one counts */
}

/* An alias or a document is whole. */
static void
end_group(struct record *record, weir_span group)
{
    if (ends(group, "_ALIAS")) {
        if (record->alias.len > 0 && record->alias_count == ALIASES_MAX)
            record->fault = "a record has too many aliases";
        else if (record->alias.len > 0) {
            record->aliases[record->alias_count].text = record->alias;
            record->aliases[record->alias_count++].is_weak =
                is(record->quality, "Low");
        }
        record->alias = record->quality = WEIR_SPAN_NONE;
    } else if (ends(group, "_DOCUMENT")) {
        if (record->text.len > 0 && record->document_count == DOCUMENTS_MAX)
            record->fault = "a record has too many documents";
        else if (record->text.len > 0) {
            record->documents[record->document_count].kind =
                record->kind.len > 0 ? record->kind : record->kind2;
            record->documents[record->document_count++].text = record->text;
        }
        record->kind = record->kind2 = record->text = WEIR_SPAN_NONE;
    }
}

static weir_span
join(struct record *record, const weir_span *parts, size_t count,
     const char *between)
{
    struct weir_buf buf;
    weir_buf_init(&buf, RECORD_BYTES);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0 && buf.len > 0)
            weir_buf_add_span(&buf, weir_span_of(between));
        weir_buf_add_span(&buf, parts[i]);
    }
    weir_span joined = weir_arena_copy(&record->arena, weir_buf_span(&buf));
    weir_buf_fini(&buf);
    return joined;
}

static const char *
add_record(struct parse *parse, struct record *record, bool is_person)
{
    weir_span name = join(record, record->names, 4, " ");
    weir_span place =
        join(record, (weir_span[]){record->city, record->country}, 2, ", ");
    if (record->arena.overflow)
        return "a record is too long";
    if (record->fault != NULL)
        return record->fault;
    if (name.len == 0)
        return "a record has a name";
    if (record->reference.len == 0 && record->number.len == 0)
        return "a record has a number";
    parse->records.line = record->line;
    struct weir_screening_entry *entry = list_add_entry(
        parse, record->reference.len > 0 ? record->reference : record->number);
    if (entry == NULL)
        return NULL;
    uint32_t row = parse->rows->entry_count - 1;
    entry->source = WEIR_SPAN("United Nations Security Council");
    entry->programme = list_keep(parse, record->regime);
    entry->date = list_keep(parse, record->updated.len > 0 ? record->updated
                                                           : record->listed);
    entry->place = list_keep(parse, place);
    entry->subject = is_person ? WEIR_SUBJECT_PERSON : WEIR_SUBJECT_ENTITY;
    list_add_name(parse, row, name, false, false);
    list_add_name(parse, row, record->original, true, false);
    for (uint32_t i = 0; i < record->alias_count; i++)
        list_add_name(parse, row, record->aliases[i].text, true,
                      record->aliases[i].is_weak);
    for (uint32_t i = 0; i < record->document_count; i++)
        list_add_identifier(parse, row, record->documents[i].kind,
                            record->documents[i].text);
    return NULL;
}

/* One element has ended; `depth` is that of its parent. */
static const char *
take_end(struct parse *parse, struct record *record, const struct xml *xml)
{
    weir_span text = weir_arena_copy(&record->arena, xml->text);
    if (xml->depth == 2)
        return add_record(parse, record, is(xml->name, "INDIVIDUAL"));
    if (xml->depth == 3) {
        take_field(record, xml->name, text);
        end_group(record, xml->name);
    } else if (xml->depth == 4) {
        take_part(record, xml->open[3], xml->name, text);
    }
    return NULL;
}

static void
add_fault(struct weir_faults *faults, weir_span file, uint32_t line,
          const char *fault)
{
    weir_faults_add(faults, (struct weir_place){file, line, 1},
                    "mend the row, or leave it out with --allow-bad", "%s",
                    fault);
}

/* What is wrong with the place of an element, or NULL. */
static const char *
misplaced(const struct xml *xml)
{
    if (xml->depth == 1 && !is(xml->name, "CONSOLIDATED_LIST"))
        return "the root is CONSOLIDATED_LIST";
    if (xml->depth == 2 && !is(xml->name, "INDIVIDUALS") &&
        !is(xml->name, "ENTITIES"))
        return "the list has INDIVIDUALS and ENTITIES";
    if (xml->depth == 3 && !is(xml->name, "INDIVIDUAL") &&
        !is(xml->name, "ENTITY"))
        return "a record is an INDIVIDUAL or an ENTITY";
    return NULL;
}

uint32_t
list_read_un(struct parse *parse, weir_span bytes, weir_span file,
             struct weir_faults *faults)
{
    struct xml xml;
    struct record record = {0};
    uint32_t bad = 0;
    enum xml_event event;
    const char *fault = NULL;
    begin(&record, 1);
    xml_init(&xml, bytes);
    if (!weir_utf8_valid(bytes))
        fault = "the file is not UTF-8";
    while (fault == NULL && (event = xml_next(&xml)) != XML_END) {
        const char *wrong = NULL;
        if (event == XML_BAD)
            fault = xml.fault;
        else if (event == XML_OPEN)
            fault = misplaced(&xml);
        else if (xml.depth >= 2)
            wrong = take_end(parse, &record, &xml);
        if (event == XML_OPEN && xml.depth == 3)
            begin(&record, xml.line);
        if (wrong != NULL) {
            bad++;
            add_fault(faults, file, record.line, wrong);
        }
    }
    if (fault != NULL) {
        add_fault(faults, file, xml.line > 0 ? xml.line : 1, fault);
        bad = UINT32_MAX; /* what is behind it is not read */
    }
    xml_fini(&xml);
    weir_arena_fini(&record.arena);
    return bad;
}
