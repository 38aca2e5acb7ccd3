/* SPDX-License-Identifier: Apache-2.0 */
#include "control/lists/lists.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#define SDN_TAIL ",-0- ,\"FICTION\",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,"

struct reading {
    struct weir_screening_rows rows;
    struct weir_faults faults;
    struct weir_list_options options;
    struct weir_error err;
};

static void
setup(struct reading *reading)
{
    *reading = (struct reading){.options.shrink_ppm = WEIR_LIST_SHRINK_PPM};
    weir_screening_rows_init(&reading->rows);
    weir_faults_init(&reading->faults);
}

static void
teardown(struct reading *reading)
{
    weir_faults_fini(&reading->faults);
    weir_screening_rows_fini(&reading->rows);
}

static weir_status
parse(struct reading *reading, const char *text)
{
    return weir_list_parse(weir_span_of(text), WEIR_SPAN("f"),
                           &reading->options, &reading->rows, &reading->faults,
                           &reading->err);
}

TEST(lists, own_csv_keeps_every_column)
{
    struct reading reading;
    setup(&reading);
    assert_ok(parse(&reading,
                    "\xEF\xBB\xBFid,name,aliases,identifiers,type,programme,"
                    "date,source,place\r\n"
                    "A-1,\"Nordwind \"\"NW\"\" GmbH\",Nord Wind; NW ,"
                    "LEI=X1;tax=77 00,entity,P,2026-01-02,\"two\nlines\",XX\r\n"
                    "\r\n"
                    "A-2,Amberley Quince,,,person,,,,\r\n"));
    assert_int_equal(reading.rows.entry_count, 2);
    assert_int_equal(reading.rows.name_count, 4);
    assert_int_equal(reading.rows.identifier_count, 2);
    const struct weir_screening_entry *entry = reading.rows.entry_rows;
    assert_span(entry->id, "A-1");
    assert_span(entry->source, "two\nlines");
    assert_span(entry->date, "2026-01-02");
    assert_int_equal(entry->line, 2);
    assert_int_equal(entry[1].line, 5);
    assert_int_equal(entry[1].subject, WEIR_SUBJECT_PERSON);
    assert_span(reading.rows.name_rows[0].text, "Nordwind \"NW\" GmbH");
    assert_span(reading.rows.name_rows[2].text, "NW");
    assert_true(reading.rows.name_rows[2].is_alias);
    assert_span(reading.rows.identifier_rows[1].kind, "tax");
    assert_span(reading.rows.identifier_rows[1].text, "77 00");
    teardown(&reading);
}

TEST(lists, sdn_alt_and_add_are_joined_by_number)
{
    struct reading reading;
    setup(&reading);
    assert_ok(parse(&reading,
                    "36,\"NORDWIND\"" SDN_TAIL
                    "\"Tax ID No. 7700000000 (Russia); a.k.a. 'NW'.\"\r\n"
                    "9,\"QUINCE, Amberley\",\"individual\",\"FICTION\",-0- ,"
                    "-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \r\n\x1A"));
    assert_ok(parse(&reading, "9,1,\"aka\",\"KWINCE, A.\",-0- \n"
                              "36,2,\"fka\",\"WINDNORD\",-0-"));
    assert_ok(parse(&reading, "36,1,\"Road 1\",\"Town\",\"Fictland\",-0- \n"));
    assert_int_equal(reading.rows.list_count, 1);
    assert_int_equal(reading.rows.entry_count, 2);
    assert_int_equal(reading.rows.name_count, 5);
    assert_true(reading.rows.name_rows[1].is_weak);
    assert_span(reading.rows.name_rows[1].text, "NW");
    assert_int_equal(reading.rows.name_rows[3].entry, 1);
    assert_span(reading.rows.identifier_rows[0].text, "7700000000");
    assert_span(reading.rows.entry_rows[0].place, "Town, Fictland");
    assert_int_equal(reading.rows.entry_rows[1].subject, WEIR_SUBJECT_PERSON);
    teardown(&reading);
}

#define UN_HEAD                                                                \
    "<?xml version=\"1.0\"?>\n<!-- a list -->\n"                               \
    "<CONSOLIDATED_LIST dateGenerated='2026-01-02'>\n"

TEST(lists, un_list_gives_names_aliases_documents_and_places)
{
    struct reading reading;
    setup(&reading);
    assert_ok(parse(
        &reading, UN_HEAD
        "<INDIVIDUALS><INDIVIDUAL>\n<DATAID>77</DATAID>"
        "<FIRST_NAME>AMBERLEY</FIRST_NAME><SECOND_NAME> QUINCE</SECOND_NAME>"
        "<UN_LIST_TYPE>FICTION</UN_LIST_TYPE>"
        "<REFERENCE_NUMBER>FIi.001</REFERENCE_NUMBER>"
        "<LISTED_ON>2001-01-25</LISTED_ON>"
        "<NAME_ORIGINAL_SCRIPT>&#x41;&#1084;бер</NAME_ORIGINAL_SCRIPT>"
        "<LAST_DAY_UPDATED><VALUE>2010-01-01</VALUE><VALUE>2012-02-03</VALUE>"
        "</LAST_DAY_UPDATED>"
        "<INDIVIDUAL_ALIAS><QUALITY>Low</QUALITY><ALIAS_NAME>Quincy"
        "</ALIAS_NAME></INDIVIDUAL_ALIAS><INDIVIDUAL_ALIAS/>"
        "<INDIVIDUAL_ADDRESS><CITY>Town</CITY><COUNTRY>Fictland</COUNTRY>"
        "</INDIVIDUAL_ADDRESS>"
        "<INDIVIDUAL_DOCUMENT><TYPE_OF_DOCUMENT>Passport</TYPE_OF_DOCUMENT>"
        "<NUMBER>F-77 00</NUMBER></INDIVIDUAL_DOCUMENT>"
        "</INDIVIDUAL></INDIVIDUALS>\n"
        "<ENTITIES><ENTITY><DATAID>9</DATAID>\n"
        "<FIRST_NAME><![CDATA[Rope & Sons]]> &lt;West&gt;</FIRST_NAME>"
        "<ENTITY_ALIAS><QUALITY>a.k.a.</QUALITY><ALIAS_NAME>R&amp;S"
        "</ALIAS_NAME></ENTITY_ALIAS></ENTITY></ENTITIES>"
        "</CONSOLIDATED_LIST>\n"));
    assert_int_equal(reading.rows.entry_count, 2);
    assert_int_equal(reading.rows.name_count, 5);
    const struct weir_screening_entry *entry = reading.rows.entry_rows;
    assert_span(entry->id, "FIi.001");
    assert_span(entry->programme, "FICTION");
    assert_span(entry->date, "2012-02-03");
    assert_span(entry->place, "Town, Fictland");
    assert_int_equal(entry->line, 4);
    assert_int_equal(entry->subject, WEIR_SUBJECT_PERSON);
    assert_span(reading.rows.name_rows[0].text, "AMBERLEY QUINCE");
    assert_span(reading.rows.name_rows[1].text, "Aмбер");
    assert_span(reading.rows.name_rows[2].text, "Quincy");
    assert_true(reading.rows.name_rows[2].is_weak);
    assert_span(reading.rows.identifier_rows[0].kind, "Passport");
    assert_span(reading.rows.identifier_rows[0].text, "F-77 00");
    assert_span(entry[1].id, "9");
    assert_int_equal(entry[1].subject, WEIR_SUBJECT_ENTITY);
    assert_span(reading.rows.name_rows[3].text, "Rope & Sons <West>");
    assert_false(reading.rows.name_rows[4].is_weak);
    assert_span(reading.rows.list_rows[0].format, "un");
    teardown(&reading);
}

TEST(lists, un_list_that_is_not_well_formed_is_refused_whatever_is_allowed)
{
    static const struct {
        const char *text;
        uint32_t line;
        const char *fault;
    } cases[] = {
        {"<CONSOLIDATED_LIST><ENTITIES>\n<ENTITY></ENTITIES>", 2,
         "an element is closed that is not open"},
        {"<CONSOLIDATED_LIST>\n", 2, "the document ends inside an element"},
        {"<!DOCTYPE x [<!ENTITY a 'b'>]>\n<CONSOLIDATED_LIST/>", 1,
         "a document type is not read"},
        {"<CONSOLIDATED_LIST>&a;</CONSOLIDATED_LIST>", 1,
         "a reference is none of XML's own"},
        {"<CONSOLIDATED_LIST/>\n<CONSOLIDATED_LIST/>", 2,
         "a document has one root"},
        {"<OTHER/>", 1, "the root is CONSOLIDATED_LIST"},
        {"<CONSOLIDATED_LIST><VESSELS/></CONSOLIDATED_LIST>", 1,
         "the list has INDIVIDUALS and ENTITIES"},
        {"<CONSOLIDATED_LIST x=1/>", 1, "a tag is not well formed"},
        {"<CONSOLIDATED_LIST>\xFF</CONSOLIDATED_LIST>", 1,
         "the file is not UTF-8"},
        {"<CONSOLIDATED_LIST/>text", 1, "text stands outside the document"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        struct reading reading;
        setup(&reading);
        reading.options.bad_max = 1000;
        assert_int_equal(parse(&reading, cases[i].text), WEIR_EPARSE);
        assert_int_equal(reading.faults.count, 1);
        assert_true(weir_span_equal(reading.faults.rows[0].text,
                                    weir_span_of(cases[i].fault)));
        assert_int_equal(reading.faults.rows[0].place.line, cases[i].line);
        teardown(&reading);
    }
}

TEST(lists, un_record_without_name_is_a_faulty_row)
{
    static const char text[] =
        UN_HEAD "<ENTITIES><ENTITY><DATAID>1</DATAID></ENTITY>\n"
                "<ENTITY><DATAID>2</DATAID><FIRST_NAME>A</FIRST_NAME></ENTITY>"
                "<ENTITY><FIRST_NAME>B</FIRST_NAME></ENTITY>"
                "</ENTITIES></CONSOLIDATED_LIST>";
    struct reading reading;
    setup(&reading);
    reading.options.bad_max = 1;
    assert_int_equal(parse(&reading, text), WEIR_EPARSE);
    assert_int_equal(reading.faults.total, 2);
    assert_int_equal(reading.faults.rows[0].place.line, 4);
    teardown(&reading);
    setup(&reading);
    reading.options.bad_max = 2;
    assert_ok(parse(&reading, text));
    assert_int_equal(reading.rows.entry_count, 1);
    teardown(&reading);
}

TEST(lists, faulty_rows_are_named_and_refuse_the_file)
{
    static const struct {
        const char *text;
        uint32_t line;
        const char *fault;
    } cases[] = {
        {"name,id\nA,1\nB\n", 3, "a record has as many fields as the header"},
        {"name,id\n,1\n", 2, "a record has a name"},
        {"name\n\"A\nB", 2, "a quoted field has no end"},
        {"name\n\"A\"B\n", 2, "something stands behind a closing quote"},
        {"name\nA\"B\n", 2, "a quote inside a field that is not quoted"},
        {"name\n\"A\nB\"\nC\xFF\n", 4, "a field is not UTF-8"},
        {"name,type\nA,ghost\n", 2,
         "a type is entity, person, vessel or aircraft"},
        {"name,identifiers\nA,77\n", 2, "an identifier is KIND=TEXT"},
        {"1,\"A\"" SDN_TAIL "-0-\n2,\"B\"\n", 2, "a record has 12 fields"},
        {"1,\"A\"" SDN_TAIL "-0-\nx,\"B\"" SDN_TAIL "-0-\n", 2,
         "a record begins with its number"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        struct reading reading;
        setup(&reading);
        assert_int_equal(parse(&reading, cases[i].text), WEIR_EPARSE);
        assert_true(reading.faults.count >= 1);
        assert_int_equal(reading.faults.rows[0].place.line, cases[i].line);
        assert_int_equal(reading.faults.rows[0].text.len,
                         strlen(cases[i].fault));
        assert_memory_equal(reading.faults.rows[0].text.ptr, cases[i].fault,
                            strlen(cases[i].fault));
        uint32_t count = reading.faults.total;
        teardown(&reading);
        setup(&reading);
        reading.options.bad_max = count;
        assert_ok(parse(&reading, cases[i].text));
        teardown(&reading);
    }
}

TEST(lists, what_is_no_list_is_refused_whatever_is_allowed)
{
    static const char *const cases[] = {
        "",
        "hello\n",
        "name,colour\nA,red\n",
        "name,name\nA,B\n",
        "9,1,\"aka\",\"ALONE\",-0-\n",
        "36,1,\"R\",\"T\",\"F\",-0-\n",
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        struct reading reading;
        setup(&reading);
        reading.options.bad_max = 1000;
        assert_int_equal(parse(&reading, cases[i]), WEIR_EPARSE);
        teardown(&reading);
    }
}

static weir_status
load(const char *path, const char *text, struct weir_list_options options)
{
    struct reading reading;
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    setup(&reading);
    weir_status status = weir_list_load(path, &options, &reading.rows,
                                        &reading.faults, &reading.err);
    teardown(&reading);
    return status;
}

TEST(lists, a_list_that_shrinks_is_refused_until_confirmed)
{
    char folder[] = "/tmp/weir-lists-XXXXXX";
    char path[64];
    char count[80];
    struct weir_list_options options = {.shrink_ppm = 250000,
                                        .remembers = true};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/l.csv", folder);
    snprintf(count, sizeof(count), "%s.count", path);
    assert_ok(load(path, "name\nA\nB\nC\nD\n", options));
    assert_ok(load(path, "name\nA\nB\nC\n", options)); /* a quarter */
    assert_int_equal(load(path, "name\nA\nB\n", options), WEIR_ECONFLICT);
    assert_int_equal(load(path, "name\nA\nB\n", options), WEIR_ECONFLICT);
    options.allows_shrink = true;
    assert_ok(load(path, "name\nA\nB\n", options));
    options.allows_shrink = false;
    assert_ok(load(path, "name\nA\nB\n", options));
    unlink(path);
    unlink(count);
    rmdir(folder);
}

/* ------------------------------------------------------- the real lists */

static char *
unpack(const char *name, size_t *len_out)
{
    char command[4200];
    const char *data = weir_test_data();
    size_t size = (size_t)32 << 20;
    if (data == NULL)
        return NULL;
    snprintf(command, sizeof(command), "zstd -dcq '%s/screening/%s.zst'", data,
             name);
    FILE *in = popen(command, "r");
    char *bytes = malloc(size);
    assert_true(in != NULL && bytes != NULL);
    *len_out = fread(bytes, 1, size, in);
    if (pclose(in) == 0 && *len_out > 0)
        return bytes;
    free(bytes);
    return NULL;
}

TEST(lists, the_real_lists_are_read_and_find_themselves)
{
    static const struct {
        const char *name;
        uint32_t bad; /* known: a second header, ends cut off */
    } files[] = {
        {"ofac-sdn.csv", 0},           {"ofac-alt.csv", 0},
        {"ofac-add.csv", 1},           {"consolidated-screening-list.csv", 2},
        {"bis-denied-persons.tsv", 0},
    };
    struct reading reading;
    struct weir_arena arena;
    struct weir_screening_hit hit;
    const struct weir_screening *index;
    setup(&reading);
    for (size_t i = 0; i < WEIR_COUNTOF(files); i++) {
        size_t len = 0;
        char *bytes = unpack(files[i].name, &len);
        if (bytes == NULL) {
            print_message("no WEIR_DATA/screening: real lists not read\n");
            teardown(&reading);
            skip();
        }
        reading.options.bad_max = files[i].bad;
        weir_status status = weir_list_parse(
            (weir_span){bytes, len}, weir_span_of(files[i].name),
            &reading.options, &reading.rows, &reading.faults, &reading.err);
        if (status != WEIR_OK)
            fail_msg("%s: %s", files[i].name, reading.err.text);
        free(bytes);
    }
    assert_true(reading.rows.entry_count > 12000);
    weir_arena_init_heap(&arena, (size_t)1 << 30);
    assert_ok(weir_screening_build(&reading.rows, &arena, &index, NULL));
    struct weir_screening_scratch *scratch =
        weir_screening_scratch_new(index, &arena);
    for (uint32_t i = 0; i < reading.rows.name_count; i += 7) {
        struct weir_screening_answer answer = weir_screening_query(
            index, scratch, reading.rows.name_rows[i].text, 1000, &hit, 1);
        assert_true(answer.is_empty || answer.count == 1);
    }
    weir_arena_fini(&arena);
    teardown(&reading);
}
