/* SPDX-License-Identifier: Apache-2.0 */
/* Which format, what a row may say, and how many may be faulty. */
#include "control/evidence/register.h"

#include <string.h>

#include "control/evidence/tree.h"

#define HEAD_BYTES 65536u /* looked through for what a format names */

static const char *const format_names[] = {"unknown", "own",     "csv",
                                           "bods",    "gleif-1", "gleif-2"};

const char *
weir_register_format_name(enum weir_register_format format)
{
    return format_names[(size_t)format < WEIR_COUNTOF(format_names) ? format
                                                                    : 0];
}

weir_span
weir__register_copy(struct weir_register *r, weir_span text)
{
    return weir_arena_copy(&r->facts.arena, text);
}

weir_span
weir__register_identifier(struct weir_register *r, weir_span scheme,
                          weir_span id)
{
    struct weir_buf buf;
    char memory[512];
    if (scheme.len == 0 || id.len == 0)
        return WEIR_SPAN_NONE;
    if (weir_tree_is(scheme, "xi_lei") || weir_tree_is(scheme, "lei"))
        scheme = WEIR_SPAN("LEI");
    weir_buf_init_fixed(&buf, memory, sizeof memory);
    weir_buf_add_span(&buf, scheme);
    weir_buf_add_byte(&buf, ':');
    weir_buf_add_span(&buf, id);
    return buf.overflow ? WEIR_SPAN_NONE
                        : weir__register_copy(r, weir_buf_span(&buf));
}

struct weir_fact *
weir__register_say(struct weir_register *r, struct weir_place place,
                   weir_span organisation, enum weir_fact_kind kind,
                   weir_span value)
{
    char text[512];
    struct weir_buf buf;
    if (value.len == 0 || organisation.len == 0)
        return NULL;
    struct weir_fact *fact = weir_facts_add(&r->facts);
    if (fact == NULL)
        return NULL;
    weir_buf_init_fixed(&buf, text, sizeof text);
    weir_buf_add_span(&buf, r->file);
    weir_buf_addf(&buf, ":%u", place.line);
    fact->organisation = weir__register_copy(r, organisation);
    fact->kind = kind;
    fact->rank = r->options->rank;
    fact->value = weir__register_copy(r, value);
    fact->source = r->options->source;
    fact->place = buf.overflow ? WEIR_SPAN_NONE
                               : weir__register_copy(r, weir_buf_span(&buf));
    fact->as_of = r->options->as_of;
    return fact;
}

struct weir_fact *
weir__register_say_place(struct weir_register *r, struct weir_place place,
                         weir_span organisation, enum weir_fact_kind kind,
                         weir_span code)
{
    uint32_t row;
    weir_span two = {code.ptr, code.len < 2 ? code.len : 2};
    bool is_code = weir_jurisdiction_find(two, &row) &&
                   (code.len == 2 || code.ptr[2] == '-');
    return is_code ? weir__register_say(r, place, organisation, kind, two)
                   : NULL;
}

void
weir__register_bad(struct weir_register *r, struct weir_place place,
                   uint32_t facts_before, const char *why)
{
    r->facts.count = facts_before;
    r->bad++;
    weir_faults_add(r->faults, place,
                    "Correct the row, or allow it to be "
                    "left out (--allow-bad).",
                    "%s", why);
}

/* --------------------------------------------------------------- formats */

static bool
has(weir_span head, const char *word)
{
    return memmem(head.ptr, head.len, word, strlen(word)) != NULL;
}

static enum weir_register_format
recognise(weir_span bytes)
{
    weir_span head = {bytes.ptr,
                      bytes.len < HEAD_BYTES ? bytes.len : HEAD_BYTES};
    size_t at = weir_span_starts(head, WEIR_SPAN("\xEF\xBB\xBF")) ? 3 : 0;
    while (at < head.len && strchr(" \t\r\n", head.ptr[at]) != NULL &&
           head.ptr[at] != '\0')
        at++;
    if (at == head.len)
        return WEIR_REGISTER_UNKNOWN;
    char first = head.ptr[at];
    bool is_markup = first == '<' || first == '{' || first == '[';
    if (is_markup && has(head, "RelationshipRecord"))
        return WEIR_REGISTER_RELATIONS;
    if (is_markup && (has(head, "LEIRecord") || has(head, "\"LegalName\"")))
        return WEIR_REGISTER_LEI;
    if (first == '<')
        return WEIR_REGISTER_UNKNOWN;
    if (is_markup &&
        (has(head, "\"statementId\"") || has(head, "\"recordId\"") ||
         has(head, "\"statementID\"")))
        return WEIR_REGISTER_BODS;
    if (is_markup || has(head, "organisations:") ||
        has(head, "organizations:") || has(head, "- name:") ||
        has(head, "- {name:"))
        return WEIR_REGISTER_OWN;
    const char *end = memchr(head.ptr + at, '\n', head.len - at);
    weir_span line = {head.ptr + at, end == NULL
                                         ? head.len - at
                                         : (size_t)(end - head.ptr) - at};
    return has(line, ",") || has(line, ";") || has(line, "\t")
               ? WEIR_REGISTER_CSV
               : WEIR_REGISTER_UNKNOWN;
}

static weir_register_visit *
visitor_of(enum weir_register_format format)
{
    switch (format) {
    case WEIR_REGISTER_OWN:
        return weir__register_own;
    case WEIR_REGISTER_BODS:
        return weir__register_bods;
    case WEIR_REGISTER_LEI:
        return weir__register_lei;
    case WEIR_REGISTER_RELATIONS:
        return weir__register_relation;
    case WEIR_REGISTER_UNKNOWN:
    case WEIR_REGISTER_CSV:
        break;
    }
    return NULL;
}

/* Lists hold records; what stands beside them (headers) does not. */
static bool
streams(void *context, weir_span section)
{
    static const char *const lists[] = {
        "organisations", "organizations",       "records",    "leirecords",
        "relations",     "relationshiprecords", "statements", "data"};
    (void)context;
    for (size_t i = 0; i < WEIR_COUNTOF(lists); i++) {
        if (section.len == 0 || weir_tree_is(section, lists[i]))
            return true;
    }
    return false;
}

static void
visit(void *context, weir_span section, const struct yaml_node *node)
{
    struct weir_register *r = context;
    if (!streams(NULL, section))
        return;
    r->rows++;
    visitor_of(r->format)(r, node);
}

static void
visit_xml(void *context, const struct yaml_node *node)
{
    struct weir_register *r = context;
    r->rows++;
    visitor_of(r->format)(r, node);
}

static weir_status
walk(struct weir_register *r, weir_span bytes)
{
    static const char *const records[] = {"LEIRecord", "RelationshipRecord",
                                          NULL};
    const struct weir_tree_visitor visitor = {r, streams, visit};
    size_t at = 0;
    while (at < bytes.len && bytes.ptr[at] != '<' && bytes.ptr[at] != '{' &&
           bytes.ptr[at] != '[')
        at++;
    if (r->format == WEIR_REGISTER_CSV) {
        weir__register_csv(r, bytes);
        return WEIR_OK;
    }
    if ((r->format == WEIR_REGISTER_LEI ||
         r->format == WEIR_REGISTER_RELATIONS) &&
        at < bytes.len && bytes.ptr[at] == '<')
        return weir_xml_walk(bytes, r->file, records, visit_xml, r, r->faults);
    return weir_tree_walk(bytes, r->file, &visitor, r->faults);
}

/* ------------------------------------------------------------- the whole */

/* Equal statements count once; of two lines the first is told. */
static void
drop_doubles(struct weir_facts *facts)
{
    uint32_t kept = 0;
    weir_facts_sort(facts);
    for (uint32_t i = 0; i < facts->count; i++) {
        if (kept == 0 ||
            !weir_fact_is_same(&facts->rows[i], &facts->rows[kept - 1]))
            facts->rows[kept++] = facts->rows[i];
    }
    facts->count = kept;
}

weir_status
weir_register_read(struct weir_register *out, weir_span bytes, weir_span file,
                   const struct weir_register_options *options,
                   struct weir_faults *faults, struct weir_error *err)
{
    memset(out, 0, sizeof *out);
    weir_facts_init(&out->facts);
    out->options = options;
    out->faults = faults;
    out->file = file;
    out->format = recognise(bytes);
    if (out->format == WEIR_REGISTER_UNKNOWN) {
        weir_faults_add(faults, (struct weir_place){file, 1, 1},
                        "Known are BODS 0.4, GLEIF Level 1 and 2, and weir's "
                        "own YAML and CSV.",
                        "not a register that is known");
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "the format is not known");
    }
    weir_status status = walk(out, bytes);
    if (out->format == WEIR_REGISTER_BODS) {
        weir_status ended = weir__register_bods_end(out, err);
        status = status == WEIR_OK ? ended : status;
    }
    if (out->facts.arena.overflow)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the register does not fit in memory");
    if (status != WEIR_OK)
        return weir_fail(err, status, WEIR_OFFSET_NONE,
                         "the register cannot be read");
    if (out->bad > options->bad_max)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "%u of %u rows are faulty, %u are allowed", out->bad,
                         out->rows, options->bad_max);
    drop_doubles(&out->facts);
    return WEIR_OK;
}

void
weir_register_fini(struct weir_register *out)
{
    weir_facts_fini(&out->facts);
}
