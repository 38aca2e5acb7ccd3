/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much XML as registers use: elements, text, CDATA, comments, the five
 * named entities and numbers. Records become the nodes that JSON becomes, an
 * element a member under its name without prefix, one with children a
 * mapping, else a text. Attributes are passed over.
 *
 * A document type is refused: it could name files or unfold without end.
 * What is not looked at is not checked beyond its brackets.
 */
#include <string.h>

#include "control/evidence/register.h"
#include "control/evidence/tree.h"

#define RECORD_BYTES_MAX ((size_t)64 << 20)
#define DEPTH_MAX        64u

struct frame {
    struct yaml_node *node; /* NULL: outside of a record */
    struct yaml_node *last;
    weir_span name;
    struct weir_buf text;
};

struct xml {
    weir_span bytes;
    size_t at;
    weir_span file;
    uint32_t line;
    size_t line_at;
    struct weir_arena arena;
    struct frame frames[DEPTH_MAX];
    size_t depth;
    size_t record_depth; /* 0: not in a record */
    const char *const *records;
    const char *fault;
};

static struct weir_place
place_of(struct xml *x, size_t at)
{
    while (x->line_at < at) {
        const char *end =
            memchr(x->bytes.ptr + x->line_at, '\n', at - x->line_at);
        if (end == NULL) {
            x->line_at = at;
            break;
        }
        x->line++;
        x->line_at = (size_t)(end - x->bytes.ptr) + 1;
    }
    return (struct weir_place){x->file, x->line, 1};
}

static bool
starts(const struct xml *x, const char *word)
{
    size_t len = strlen(word);
    return x->bytes.len - x->at >= len &&
           memcmp(x->bytes.ptr + x->at, word, len) == 0;
}

/* Passes everything up to and including `word`. */
static bool
pass(struct xml *x, const char *word, weir_span *passed_out)
{
    size_t len = strlen(word);
    const char *from = x->bytes.ptr + x->at;
    const char *end = memmem(from, x->bytes.len - x->at, word, len);
    if (end == NULL) {
        x->fault = "it ends too early";
        return false;
    }
    if (passed_out != NULL)
        *passed_out = (weir_span){from, (size_t)(end - from)};
    x->at += (size_t)(end - from) + len;
    return true;
}

static void
add_code_point(struct weir_buf *out, uint32_t code)
{
    char bytes[4];
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char heads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len; i-- > 1; code >>= 6)
        bytes[i] = (char)(0x80 | (code & 0x3F));
    bytes[0] = (char)(len == 1 ? code : heads[len] | code);
    weir_buf_add(out, bytes, len);
}

/* "#233", "#xE9" */
static bool
add_number(struct weir_buf *out, weir_span digits)
{
    uint32_t code = 0;
    bool is_hex = digits.len > 1 && digits.ptr[1] == 'x';
    size_t i = is_hex ? 2 : 1;
    if (digits.len <= i || digits.len > i + 7)
        return false;
    for (; i < digits.len; i++) {
        char c = digits.ptr[i];
        uint32_t digit =
            c >= '0' && c <= '9'             ? (uint32_t)(c - '0')
            : is_hex && c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
            : is_hex && c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                             : 99;
        if (digit == 99)
            return false;
        code = code * (is_hex ? 16 : 10) + digit;
    }
    if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        return false;
    add_code_point(out, code);
    return true;
}

static void
add_text(struct xml *x, struct weir_buf *out, weir_span text)
{
    static const struct {
        const char *name;
        char byte;
    } entities[] = {
        {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '&') {
            weir_buf_add_byte(out, text.ptr[i]);
            continue;
        }
        const char *end = memchr(text.ptr + i, ';', text.len - i);
        weir_span name = {text.ptr + i + 1,
                          end == NULL ? 0 : (size_t)(end - text.ptr) - i - 1};
        bool is_known =
            name.len > 0 && name.ptr[0] == '#' && add_number(out, name);
        for (size_t j = 0; j < WEIR_COUNTOF(entities) && !is_known; j++) {
            is_known = weir_span_equal(name, weir_span_of(entities[j].name));
            if (is_known)
                weir_buf_add_byte(out, entities[j].byte);
        }
        if (!is_known) {
            x->fault = "an entity that is not known";
            return;
        }
        i += name.len + 1;
    }
}

static weir_span
trim(weir_span text)
{
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[0]) != NULL &&
           text.ptr[0] != '\0')
        text = (weir_span){text.ptr + 1, text.len - 1};
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[text.len - 1]) != NULL &&
           text.ptr[text.len - 1] != '\0')
        text.len--;
    return text;
}

static bool
is_record(const struct xml *x, weir_span name)
{
    for (const char *const *record = x->records; *record != NULL; record++) {
        if (weir_span_equal(name, weir_span_of(*record)))
            return true;
    }
    return false;
}

static void
open_element(struct xml *x, weir_span name, size_t at)
{
    if (x->depth == DEPTH_MAX) {
        x->fault = "nested too deep";
        return;
    }
    struct frame *parent = x->depth == 0 ? NULL : &x->frames[x->depth - 1];
    struct frame *frame = &x->frames[x->depth++];
    *frame = (struct frame){.name = name};
    if (x->record_depth == 0 && !is_record(x, name))
        return;
    frame->node = weir_arena_array(&x->arena, struct yaml_node, 1);
    if (frame->node == NULL) {
        x->fault = "a record that is too large";
        return;
    }
    weir_buf_init(&frame->text, RECORD_BYTES_MAX);
    frame->node->place = frame->node->key_place = place_of(x, at);
    frame->node->key = name;
    frame->node->kind = YAML_TEXT;
    if (x->record_depth == 0) {
        x->record_depth = x->depth;
        return;
    }
    parent->node->kind = YAML_MAPPING;
    parent->node->count++;
    if (parent->last == NULL)
        parent->node->first = frame->node;
    else
        parent->last->next = frame->node;
    parent->last = frame->node;
}

/* True when the element that ends here is a record: it may be visited. */
static bool
close_element(struct xml *x)
{
    struct frame *frame = &x->frames[--x->depth];
    if (frame->node == NULL)
        return false;
    if (frame->node->kind == YAML_TEXT)
        frame->node->text =
            weir_arena_copy(&x->arena, trim(weir_buf_span(&frame->text)));
    weir_buf_fini(&frame->text);
    if (x->record_depth != x->depth + 1)
        return false;
    x->record_depth = 0;
    return true;
}

/* A tag behind its "<"; `name` without prefix. */
static bool
read_tag(struct xml *x, weir_span *name_out, bool *is_end_out,
         bool *is_empty_out)
{
    weir_span tag;
    char quote = '\0';
    size_t start = x->at;
    /* ">" may stand in an attribute's value */
    while (x->at < x->bytes.len) {
        char c = x->bytes.ptr[x->at];
        if (quote != '\0')
            quote = c == quote ? '\0' : quote;
        else if (c == '"' || c == '\'')
            quote = c;
        else if (c == '>')
            break;
        x->at++;
    }
    if (x->at == x->bytes.len) {
        x->fault = "a tag without end";
        return false;
    }
    tag = (weir_span){x->bytes.ptr + start, x->at - start};
    x->at++;
    *is_end_out = tag.len > 0 && tag.ptr[0] == '/';
    *is_empty_out = tag.len > 0 && tag.ptr[tag.len - 1] == '/';
    if (*is_end_out)
        tag = (weir_span){tag.ptr + 1, tag.len - 1};
    size_t len = 0;
    while (len < tag.len && strchr(" \t\r\n/", tag.ptr[len]) == NULL)
        len++;
    const char *colon = len == 0 ? NULL : memchr(tag.ptr, ':', len);
    size_t skip = colon == NULL ? 0 : (size_t)(colon - tag.ptr) + 1;
    *name_out = (weir_span){tag.ptr + skip, len - skip};
    if (name_out->len == 0)
        x->fault = "a tag without name";
    return name_out->len > 0;
}

static void
markup(struct xml *x, weir_xml_visit *visit, void *context)
{
    weir_span name;
    bool is_end = false;
    bool is_empty = false;
    size_t at = x->at;
    struct frame *top = x->depth == 0 ? NULL : &x->frames[x->depth - 1];
    if (starts(x, "<!--")) {
        (void)pass(x, "-->", NULL);
    } else if (starts(x, "<?")) {
        (void)pass(x, "?>", NULL);
    } else if (starts(x, "<![CDATA[")) {
        weir_span text;
        x->at += sizeof("<![CDATA[") - 1;
        if (pass(x, "]]>", &text) && top != NULL && top->node != NULL)
            weir_buf_add_span(&top->text, text);
    } else if (starts(x, "<!")) {
        x->fault = "a document type";
    } else {
        x->at++;
        if (!read_tag(x, &name, &is_end, &is_empty))
            return;
        if (!is_end)
            open_element(x, name, at);
        else if (top == NULL || !weir_span_equal(top->name, name))
            x->fault = "an end without its beginning";
        if (x->fault != NULL || !(is_end || is_empty))
            return;
        if (close_element(x)) {
            visit(context, x->frames[x->depth].node);
            weir_arena_fini(&x->arena);
            weir_arena_init_heap(&x->arena, RECORD_BYTES_MAX);
        }
    }
}

weir_status
weir_xml_walk(weir_span bytes, weir_span file, const char *const *records,
              weir_xml_visit *visit, void *context, struct weir_faults *faults)
{
    struct xml x = {
        .bytes = bytes, .file = file, .line = 1, .records = records};
    weir_arena_init_heap(&x.arena, RECORD_BYTES_MAX);
    while (x.at < bytes.len && x.fault == NULL) {
        const char *from = bytes.ptr + x.at;
        const char *next = memchr(from, '<', bytes.len - x.at);
        size_t len = next == NULL ? bytes.len - x.at : (size_t)(next - from);
        struct frame *top = x.depth == 0 ? NULL : &x.frames[x.depth - 1];
        if (top != NULL && top->node != NULL)
            add_text(&x, &top->text, (weir_span){from, len});
        x.at += len;
        if (x.fault == NULL && x.at < bytes.len)
            markup(&x, visit, context);
    }
    if (x.fault == NULL && x.depth > 0)
        x.fault = "it ends too early";
    if (x.fault != NULL)
        weir_faults_add(
            faults, place_of(&x, x.at < bytes.len ? x.at : bytes.len),
            "Fetch the file again.", "this is not XML: %s", x.fault);
    while (x.depth > 0)
        weir_buf_fini(&x.frames[--x.depth].text);
    weir_arena_fini(&x.arena);
    return x.fault == NULL ? WEIR_OK : WEIR_EPARSE;
}
