/* SPDX-License-Identifier: Apache-2.0 */
#include "control/evidence/tree.h"

#include <string.h>

#include <weir/json.h>

#define ELEMENT_BYTES_MAX ((size_t)64 << 20)
#define KEYS_MAX          256u

/* ---------------------------------------------------------------- names */

bool
weir_tree_is(weir_span key, const char *name)
{
    size_t len = strlen(name);
    if (key.len != len)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = key.ptr[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (c == '-' || c == ' ')
            c = '_';
        if (c != name[i])
            return false;
    }
    return true;
}

const struct yaml_node *
weir_tree_any(const struct yaml_node *mapping, const char *const *names)
{
    if (mapping == NULL || mapping->kind != YAML_MAPPING)
        return NULL;
    for (; *names != NULL; names++) {
        for (const struct yaml_node *n = mapping->first; n != NULL;
             n = n->next) {
            if (weir_tree_is(n->key, *names))
                return n;
        }
    }
    return NULL;
}

weir_span
weir_tree_text(const struct yaml_node *node)
{
    if (node == NULL || node->kind != YAML_TEXT ||
        (node->is_plain && (weir_span_equal(node->text, WEIR_SPAN("null")) ||
                            weir_span_equal(node->text, WEIR_SPAN("~")))))
        return WEIR_SPAN_NONE;
    return node->text;
}

/* ----------------------------------------------------------------- JSON */

struct frame {
    struct yaml_node *node;
    struct yaml_node *last;
};

struct walk {
    struct weir_json_reader reader;
    struct weir_arena arena; /* of the element that is visited now */
    struct weir_faults *faults;
    weir_span file;
    size_t line_at; /* the lines before this offset are counted */
    uint32_t line;
    size_t line_start;
    struct frame frames[CONFIG_DEPTH_MAX];
};

static struct weir_place
place_at(struct walk *w, size_t offset)
{
    const char *text = w->reader.text.ptr;
    while (w->line_at < offset) {
        const char *end = memchr(text + w->line_at, '\n', offset - w->line_at);
        if (end == NULL) {
            w->line_at = offset;
            break;
        }
        w->line++;
        w->line_at = (size_t)(end - text) + 1;
        w->line_start = w->line_at;
    }
    return (struct weir_place){w->file, w->line,
                               (uint32_t)(offset - w->line_start) + 1};
}

static bool
has_key(const struct yaml_node *mapping, weir_span key)
{
    for (const struct yaml_node *n = mapping->first; n != NULL; n = n->next) {
        if (weir_span_equal(n->key, key))
            return true;
    }
    return false;
}

static void
reject(struct walk *w, const char *why)
{
    weir_faults_add(w->faults, place_at(w, w->reader.at), "Correct the file.",
                    "%s", why);
    (void)weir_json_reject(&w->reader, WEIR_EPARSE, why);
}

/* The next value as a node; containers are entered. NULL: failed. */
static struct yaml_node *
take_node(struct walk *w, weir_span key)
{
    enum weir_json_kind kind = weir_json_peek(&w->reader);
    struct weir_place place = place_at(w, w->reader.at);
    struct yaml_node *node = weir_arena_array(&w->arena, struct yaml_node, 1);
    bool is_taken = false;
    weir_span raw = WEIR_SPAN_NONE;
    if (node == NULL) {
        (void)weir_json_reject(&w->reader, WEIR_ETOOBIG, "too large");
        return NULL;
    }
    node->place = node->key_place = place;
    node->key = key;
    if (kind == WEIR_JSON_OBJECT) {
        node->kind = YAML_MAPPING;
        is_taken = weir_json_object(&w->reader);
    } else if (kind == WEIR_JSON_ARRAY) {
        node->kind = YAML_SEQUENCE;
        is_taken = weir_json_array(&w->reader);
    } else if (kind == WEIR_JSON_STRING) {
        is_taken = weir_json_string(&w->reader, &raw);
    } else {
        is_taken = weir_json_raw(&w->reader, &raw);
        node->is_plain = true;
    }
    node->text = raw;
    return is_taken ? node : NULL;
}

static bool
add_child(struct walk *w, struct frame *frame, struct yaml_node *child)
{
    struct yaml_node *parent = frame->node;
    if (parent->kind == YAML_MAPPING &&
        (parent->count == KEYS_MAX || has_key(parent, child->key))) {
        reject(w, parent->count == KEYS_MAX
                      ? "an object of more than 256 members"
                      : "a member that is there twice");
        return false;
    }
    if (frame->last == NULL)
        parent->first = child;
    else
        frame->last->next = child;
    frame->last = child;
    parent->count++;
    return true;
}

/* One value with everything in it; NULL: failed. */
static const struct yaml_node *
take_tree(struct walk *w, weir_span key)
{
    size_t depth = 0;
    struct yaml_node *root = take_node(w, key);
    if (root == NULL || root->kind == YAML_TEXT)
        return root;
    w->frames[depth++] = (struct frame){root, NULL};
    while (depth > 0) {
        struct frame *frame = &w->frames[depth - 1];
        weir_span name = WEIR_SPAN_NONE;
        bool is_more = frame->node->kind == YAML_MAPPING
                           ? weir_json_member(&w->reader, &name)
                           : weir_json_element(&w->reader);
        if (!is_more) {
            if (w->reader.error.status != WEIR_OK)
                return NULL;
            depth--;
            continue;
        }
        struct yaml_node *child = take_node(w, name);
        if (child == NULL || !add_child(w, frame, child))
            return NULL;
        if (child->kind == YAML_TEXT)
            continue;
        if (depth == CONFIG_DEPTH_MAX) {
            reject(w, "nested too deep");
            return NULL;
        }
        w->frames[depth++] = (struct frame){child, NULL};
    }
    return root;
}

/* Memory of one element is used again for the next. */
static void
forget(struct walk *w)
{
    if (w->arena.total > ((size_t)1 << 20)) {
        weir_arena_fini(&w->arena);
        weir_arena_init_heap(&w->arena, ELEMENT_BYTES_MAX);
    } else {
        w->arena.used = 0;
    }
}

static void
visit_one(struct walk *w, const struct weir_tree_visitor *v, weir_span section,
          weir_span key)
{
    const struct yaml_node *node = take_tree(w, key);
    if (node != NULL)
        v->visit(v->context, section, node);
}

static void
stream(struct walk *w, const struct weir_tree_visitor *v, weir_span section)
{
    weir_span key = WEIR_SPAN_NONE;
    if (weir_json_peek(&w->reader) == WEIR_JSON_OBJECT) {
        if (!weir_json_object(&w->reader))
            return;
        while (weir_json_member(&w->reader, &key)) {
            visit_one(w, v, section, key);
            forget(w);
        }
        return;
    }
    if (!weir_json_array(&w->reader))
        return;
    while (weir_json_element(&w->reader)) {
        visit_one(w, v, section, WEIR_SPAN_NONE);
        forget(w);
    }
}

static void
walk_members(struct walk *w, const struct weir_tree_visitor *v)
{
    char memory[WEIR_JSON_NAME_MAX];
    weir_span name;
    if (!weir_json_object(&w->reader))
        return;
    while (weir_json_member(&w->reader, &name)) {
        enum weir_json_kind kind = weir_json_peek(&w->reader);
        bool is_list = kind == WEIR_JSON_ARRAY || kind == WEIR_JSON_OBJECT;
        /* The name is in the arena that the first element takes over. */
        size_t len = name.len < sizeof memory ? name.len : sizeof memory;
        memcpy(memory, name.ptr, len);
        weir_span section = {memory, len};
        if (is_list && (v->streams == NULL || v->streams(v->context, section)))
            stream(w, v, section);
        else
            visit_one(w, v, section, section);
        forget(w);
    }
}

static weir_status
walk_json(weir_span text, weir_span file, const struct weir_tree_visitor *v,
          struct weir_faults *faults)
{
    struct walk w = {.faults = faults, .file = file, .line = 1};
    struct weir_error err = {0};
    uint32_t before = faults->total;
    weir_arena_init_heap(&w.arena, ELEMENT_BYTES_MAX);
    weir_json_reader_init(&w.reader, text, &w.arena);
    if (weir_json_peek(&w.reader) == WEIR_JSON_ARRAY)
        stream(&w, v, WEIR_SPAN(""));
    else
        walk_members(&w, v);
    weir_status status = weir_json_reader_end(&w.reader, &err);
    if (status != WEIR_OK && faults->total == before)
        weir_faults_add(faults, place_at(&w, w.reader.at), "Correct the file.",
                        "%s", err.text);
    weir_arena_fini(&w.arena);
    return status;
}

/* ----------------------------------------------------------------- YAML */

static void
walk_nodes(const struct yaml_node *root, const struct weir_tree_visitor *v)
{
    if (root->kind == YAML_SEQUENCE) {
        for (const struct yaml_node *n = root->first; n != NULL; n = n->next)
            v->visit(v->context, WEIR_SPAN(""), n);
        return;
    }
    for (const struct yaml_node *n = root->first; n != NULL; n = n->next) {
        if (n->kind == YAML_TEXT ||
            (v->streams != NULL && !v->streams(v->context, n->key))) {
            v->visit(v->context, n->key, n);
            continue;
        }
        for (const struct yaml_node *e = n->first; e != NULL; e = e->next)
            v->visit(v->context, n->key, e);
    }
}

static weir_status
walk_yaml(weir_span text, weir_span file, const struct weir_tree_visitor *v,
          struct weir_faults *faults)
{
    struct weir_arena arena;
    uint32_t before = faults->total;
    weir_arena_init_heap(&arena, WEIR_WORLD_BYTES_MAX);
    const struct yaml_node *root = yaml_parse(&arena, text, file, faults);
    if (arena.overflow)
        weir_faults_add(faults, (struct weir_place){file, 0, 0},
                        "Write it as JSON, which is read piece by piece.",
                        "the file does not fit in memory");
    else if (root != NULL && root->kind == YAML_TEXT)
        weir_faults_add(faults, root->place, "Write a mapping or a list.",
                        "neither a mapping nor a list");
    else if (root != NULL && faults->total == before)
        walk_nodes(root, v);
    weir_arena_fini(&arena);
    return faults->total == before ? WEIR_OK : WEIR_EPARSE;
}

weir_status
weir_tree_walk(weir_span text, weir_span file,
               const struct weir_tree_visitor *v, struct weir_faults *faults)
{
    struct weir_json_root root;
    size_t at = 0;
    if (weir_span_starts(text, WEIR_SPAN("\xEF\xBB\xBF")))
        text = (weir_span){text.ptr + 3, text.len - 3};
    while (at < text.len && strchr(" \t\r\n", text.ptr[at]) != NULL &&
           text.ptr[at] != '\0')
        at++;
    /* YAML may begin so, too: whole files are tried as JSON first. */
    bool is_json =
        at < text.len && (text.ptr[at] == '{' || text.ptr[at] == '[') &&
        weir_json_scan(text, NULL, 0, 0, &root, NULL, NULL) == WEIR_OK;
    return is_json ? walk_json(text, file, v, faults)
                   : walk_yaml(text, file, v, faults);
}
