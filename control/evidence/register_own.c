/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir's own forms: organisations as in weir.yaml, with what else can be
 * known of them; and CSV, a line for each organisation or, with the columns
 * `fact` and `value`, for each fact.
 */
#include <string.h>

#include "control/evidence/register.h"
#include "control/evidence/tree.h"
#include "control/lists/records.h"

/* What one organisation's row says of all its facts. */
struct common {
    struct weir_register *r;
    weir_span name;
    struct weir_place place;
    weir_time as_of;
    weir_time valid_until;
    const char *fault;
};

static weir_time
time_of(struct common *c, weir_span text, weir_time otherwise)
{
    weir_time when = otherwise;
    if (text.len > 0 && !weir_time_parse(text, &when))
        c->fault = "not a date or time";
    return when;
}

static void
say(struct common *c, enum weir_fact_kind kind, weir_span value,
    weir_share share)
{
    weir_time when;
    uint32_t row;
    bool is_place =
        kind == WEIR_FACT_HEADQUARTERS || kind == WEIR_FACT_INCORPORATED;
    bool is_date = kind == WEIR_FACT_ESTABLISHED || kind == WEIR_FACT_VERIFIED;
    if (value.len == 0)
        return;
    if (is_place && !weir_jurisdiction_find(value, &row)) {
        c->fault = "not an ISO 3166-1 code";
        return;
    }
    if (is_date && !weir_time_parse(value, &when)) {
        c->fault = "not a date or time";
        return;
    }
    if (kind == WEIR_FACT_IDENTIFIER &&
        memchr(value.ptr, ':', value.len) == NULL) {
        c->fault = "an identifier without scheme, as LEI:5493...";
        return;
    }
    struct weir_fact *fact =
        weir__register_say(c->r, c->place, c->name, kind, value);
    if (fact == NULL)
        return;
    fact->share = share;
    if (c->as_of != WEIR_TIME_MIN)
        fact->as_of = c->as_of;
    fact->valid_until = c->valid_until;
}

static bool
share_of(struct common *c, weir_span text, weir_share *share_out)
{
    struct weir_error why;
    *share_out = (weir_share){0, WEIR_SHARE_ALL};
    if (text.len == 0 ||
        weir_share_read(text, WEIR_SHARE_PLAIN, share_out, &why) == WEIR_OK)
        return true;
    c->fault = "not a share; write 51%, 0.51, \">25%-50%\" or unknown";
    return false;
}

/* ----------------------------------------------------------------- YAML */

static void
say_owner(struct common *c, const struct yaml_node *node)
{
    static const char *const names[] = {"name", "owner", "id", NULL};
    static const char *const shares[] = {"share", "stake", NULL};
    static const char *const dates[] = {"as_of", NULL};
    const struct yaml_node *share = weir_tree_any(node, shares);
    weir_span owner = weir_tree_text(weir_tree_any(node, names));
    weir_share value = {0, WEIR_SHARE_ALL};
    weir_share high;
    weir_time before = c->as_of;
    if (node->kind == YAML_TEXT)
        owner = weir_tree_text(node);
    if (owner.len == 0) {
        c->fault = "an owner without name";
        return;
    }
    if (share != NULL && share->kind == YAML_SEQUENCE && share->count == 2) {
        if (!share_of(c, weir_tree_text(share->first), &value) ||
            !share_of(c, weir_tree_text(share->first->next), &high))
            return;
        value.high = high.high;
        if (value.low > value.high)
            c->fault = "a share band with nothing in it";
    } else if (share != NULL && !share_of(c, weir_tree_text(share), &value)) {
        return;
    }
    c->as_of = time_of(c, weir_tree_text(weir_tree_any(node, dates)), c->as_of);
    say(c, WEIR_FACT_OWNER, owner, value);
    c->as_of = before;
}

static void
say_node(struct common *c, enum weir_fact_kind kind,
         const struct yaml_node *node)
{
    static const char *const schemes[] = {"scheme", "type", NULL};
    static const char *const ids[] = {"id", "value", "number", NULL};
    const weir_share none = {0, 0};
    if (node->kind == YAML_SEQUENCE) {
        for (const struct yaml_node *n = node->first; n != NULL; n = n->next)
            if (n->kind != YAML_SEQUENCE)
                say_node(c, kind, n);
        return;
    }
    if (kind == WEIR_FACT_OWNER)
        say_owner(c, node);
    else if (node->kind == YAML_TEXT)
        say(c, kind, weir_tree_text(node), none);
    else if (kind == WEIR_FACT_IDENTIFIER)
        say(c, kind,
            weir__register_identifier(
                c->r, weir_tree_text(weir_tree_any(node, schemes)),
                weir_tree_text(weir_tree_any(node, ids))),
            none);
    else
        c->fault = "one value is expected";
}

/* Keys of an organisation, and what they are facts of; 0: not a fact. */
static const struct {
    const char *key;
    int kind;
} keys[] = {{"title", WEIR_FACT_NAME},
            {"legal_name", WEIR_FACT_NAME},
            {"alias", WEIR_FACT_ALIAS},
            {"aliases", WEIR_FACT_ALIAS},
            {"identifier", WEIR_FACT_IDENTIFIER},
            {"identifiers", WEIR_FACT_IDENTIFIER},
            {"incorporated", WEIR_FACT_INCORPORATED},
            {"headquarters", WEIR_FACT_HEADQUARTERS},
            {"owner", WEIR_FACT_OWNER},
            {"owners", WEIR_FACT_OWNER},
            {"category", WEIR_FACT_CATEGORY},
            {"established_since", WEIR_FACT_ESTABLISHED},
            {"verified_until", WEIR_FACT_VERIFIED},
            {"purpose", WEIR_FACT_PURPOSE},
            {"purposes", WEIR_FACT_PURPOSE},
            {"name", 0},
            {"organisation", 0},
            {"organization", 0},
            {"id", 0},
            {"as_of", 0},
            {"valid_until", 0},
            {"source", 0},
            {"share", 0},
            {"fact", 0},
            {"value", 0}};

static int
kind_of(weir_span key)
{
    for (size_t i = 0; i < WEIR_COUNTOF(keys); i++) {
        if (weir_tree_is(key, keys[i].key))
            return keys[i].kind;
    }
    return -1;
}

void
weir__register_own(struct weir_register *r, const struct yaml_node *node)
{
    static const char *const names[] = {"name", "organisation", "organization",
                                        "id", NULL};
    static const char *const dates[] = {"as_of", NULL};
    static const char *const ends[] = {"valid_until", NULL};
    struct common c = {.r = r, .place = node->place};
    uint32_t before = r->facts.count;
    c.name = node->key.len > 0 ? node->key
                               : weir_tree_text(weir_tree_any(node, names));
    c.as_of = time_of(&c, weir_tree_text(weir_tree_any(node, dates)),
                      r->options->as_of);
    c.valid_until =
        time_of(&c, weir_tree_text(weir_tree_any(node, ends)), WEIR_TIME_MAX);
    if (node->kind != YAML_MAPPING || c.name.len == 0)
        c.fault = "an organisation without name";
    for (const struct yaml_node *n = node->first;
         n != NULL && c.fault == NULL && node->kind == YAML_MAPPING;
         n = n->next) {
        int kind = kind_of(n->key);
        if (kind < 0)
            c.fault = "a key that is not known";
        else if (kind > 0)
            say_node(&c, (enum weir_fact_kind)kind, n);
        if (c.fault != NULL)
            c.place = n->place;
    }
    if (c.fault != NULL)
        weir__register_bad(r, c.place, before, c.fault);
}

/* ------------------------------------------------------------------ CSV */

#define COLUMN_FACT  100
#define COLUMN_VALUE 101
#define COLUMN_SHARE 102
#define COLUMN_NAME  103
#define COLUMN_AS_OF 104
#define COLUMN_UNTIL 105
#define COLUMN_NONE  106

static int
column_of(weir_span key)
{
    static const struct {
        const char *key;
        int column;
    } columns[] = {{"name", COLUMN_NAME},         {"organisation", COLUMN_NAME},
                   {"organization", COLUMN_NAME}, {"id", COLUMN_NAME},
                   {"fact", COLUMN_FACT},         {"kind", COLUMN_FACT},
                   {"value", COLUMN_VALUE},       {"share", COLUMN_SHARE},
                   {"as_of", COLUMN_AS_OF},       {"valid_until", COLUMN_UNTIL},
                   {"source", COLUMN_NONE}};
    for (size_t i = 0; i < WEIR_COUNTOF(columns); i++) {
        if (weir_tree_is(key, columns[i].key))
            return columns[i].column;
    }
    return kind_of(key);
}

/* Several values of one column are separated by ";". */
static void
say_parts(struct common *c, enum weir_fact_kind kind, weir_span text,
          weir_share share)
{
    if (!weir_fact_kind_is_many(kind)) {
        say(c, kind, text, share);
        return;
    }
    while (text.len > 0) {
        const char *end = memchr(text.ptr, ';', text.len);
        size_t len = end == NULL ? text.len : (size_t)(end - text.ptr);
        weir_span part = {text.ptr, len};
        while (part.len > 0 && part.ptr[0] == ' ')
            part = (weir_span){part.ptr + 1, part.len - 1};
        while (part.len > 0 && part.ptr[part.len - 1] == ' ')
            part.len--;
        say(c, kind, part, share);
        text = end == NULL ? WEIR_SPAN_NONE
                           : (weir_span){end + 1, text.len - len - 1};
    }
}

static weir_span
field_of(const struct records *records, const int *columns, uint32_t count,
         int column)
{
    for (uint32_t i = 0; i < count && i < records->count; i++) {
        if (columns[i] == column)
            return records->fields[i];
    }
    return WEIR_SPAN_NONE;
}

static void
read_record(struct weir_register *r, const struct records *records,
            const int *columns, uint32_t count)
{
    struct common c = {.r = r, .place = {r->file, records->line, 1}};
    uint32_t before = r->facts.count;
    weir_share share = {0, WEIR_SHARE_ALL};
    enum weir_fact_kind kind;
    weir_span fact = field_of(records, columns, count, COLUMN_FACT);
    c.name = field_of(records, columns, count, COLUMN_NAME);
    c.as_of = time_of(&c, field_of(records, columns, count, COLUMN_AS_OF),
                      r->options->as_of);
    c.valid_until = time_of(&c, field_of(records, columns, count, COLUMN_UNTIL),
                            WEIR_TIME_MAX);
    if (records->fault != NULL)
        c.fault = records->fault;
    else if (records->count > count)
        c.fault = "more fields than columns";
    else if (c.name.len == 0)
        c.fault = "a row without organisation";
    if (c.fault == NULL)
        (void)share_of(&c, field_of(records, columns, count, COLUMN_SHARE),
                       &share);
    if (fact.len > 0 && c.fault == NULL) {
        if (weir_fact_kind_parse(fact, &kind))
            say(&c, kind, field_of(records, columns, count, COLUMN_VALUE),
                kind == WEIR_FACT_OWNER ? share : (weir_share){0, 0});
        else
            c.fault = "a fact that is not known";
    }
    for (uint32_t i = 0; i < records->count && c.fault == NULL; i++) {
        if (columns[i] > 0 && columns[i] < WEIR_FACT_KINDS)
            say_parts(&c, (enum weir_fact_kind)columns[i], records->fields[i],
                      columns[i] == WEIR_FACT_OWNER ? share
                                                    : (weir_share){0, 0});
    }
    if (c.fault != NULL)
        weir__register_bad(r, c.place, before, c.fault);
}

void
weir__register_csv(struct weir_register *r, weir_span bytes)
{
    struct records records;
    int columns[RECORD_FIELDS_MAX];
    uint32_t count = 0;
    bool has_name = false;
    const char *line_end = memchr(bytes.ptr, '\n', bytes.len);
    weir_span line = {bytes.ptr, line_end == NULL
                                     ? bytes.len
                                     : (size_t)(line_end - bytes.ptr)};
    char separator = memchr(line.ptr, '\t', line.len) != NULL  ? '\t'
                     : memchr(line.ptr, ',', line.len) != NULL ? ','
                                                               : ';';
    records_init(&records, bytes, separator);
    if (records_next(&records) && records.fault == NULL)
        count = records.count;
    for (uint32_t i = 0; i < count; i++) {
        columns[i] = column_of(records.fields[i]);
        has_name = has_name || columns[i] == COLUMN_NAME;
        if (columns[i] < 0)
            weir__register_bad(r, (struct weir_place){r->file, 1, 1}, 0,
                               "a column that is not known");
    }
    if (!has_name)
        weir__register_bad(r, (struct weir_place){r->file, 1, 1}, 0,
                           "no column organisation");
    while (has_name && records_next(&records)) {
        r->rows++;
        read_record(r, &records, columns, count);
    }
    /* A header that is not understood is no row that may be left out. */
    if (!has_name)
        r->bad = UINT32_MAX;
    records_fini(&records);
}
