/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library's events become nodes on an explicit stack. The library is
 * told nothing about documents, so that neither its resolver nor its tree
 * ever sees an alias.
 */
#include "yaml.h"

#include <libfyaml.h>
#include <string.h>

/* Keys of one mapping, looked through one by one for doubles. */
#define KEYS_MAX 256

struct frame {
    struct yaml_node *node;
    struct yaml_node *last;
    weir_span key; /* of the value that comes next */
    struct weir_place key_place;
    bool has_key;
};

struct builder {
    struct weir_arena *arena;
    struct weir_faults *faults;
    weir_span file;
    struct frame frames[CONFIG_DEPTH_MAX];
    size_t depth;
    struct yaml_node *root;
    uint32_t documents;
};

static struct weir_place
place_of(const struct builder *b, struct fy_event *event)
{
    const struct fy_mark *mark = fy_event_start_mark(event);
    struct weir_place place = {b->file, 1, 1};
    if (mark != NULL && mark->line >= 0 && mark->column >= 0) {
        place.line = (uint32_t)mark->line + 1;
        place.column = (uint32_t)mark->column + 1;
    } else if (b->depth > 0) {
        const struct frame *frame = &b->frames[b->depth - 1];
        place = frame->has_key ? frame->key_place : frame->node->place;
    }
    return place;
}

/* The text of a scalar, copied; NULL text where memory is full. */
static void
read_text(struct builder *b, struct fy_event *event, weir_span *text_out,
          bool *is_plain_out)
{
    struct fy_token *token = event->scalar.value;
    size_t len = 0;
    const char *text = token == NULL ? "" : fy_token_get_text(token, &len);
    if (text == NULL)
        len = 0;
    *is_plain_out =
        token == NULL || fy_scalar_token_get_style(token) == FYSS_PLAIN;
    *text_out = weir_arena_copy(b->arena, (weir_span){text, len});
}

static bool
has_child(const struct yaml_node *mapping, weir_span key)
{
    for (const struct yaml_node *n = mapping->first; n != NULL; n = n->next) {
        if (weir_span_equal(n->key, key))
            return true;
    }
    return false;
}

/* Whether this event is the key of a mapping: taken as such, or refused. */
static bool
take_key(struct builder *b, struct fy_event *event, bool *ok_out)
{
    struct frame *frame = b->depth == 0 ? NULL : &b->frames[b->depth - 1];
    *ok_out = true;
    if (frame == NULL || frame->node->kind != YAML_MAPPING || frame->has_key)
        return false;
    struct weir_place place = place_of(b, event);
    bool is_plain;
    if (event->type != FYET_SCALAR) {
        weir_faults_add(b->faults, place, "Use a word as key.",
                        "a key that is not text");
        *ok_out = false;
        return true;
    }
    if (frame->node->count == KEYS_MAX) {
        weir_faults_add(b->faults, place, "Write a list of mappings.",
                        "a mapping of more than %d keys", KEYS_MAX);
        *ok_out = false;
        return true;
    }
    read_text(b, event, &frame->key, &is_plain);
    if (has_child(frame->node, frame->key)) {
        weir_faults_add(
            b->faults, place, "One of the two is not meant: remove it.",
            "a contradiction: \"%.*s\" is there twice",
            (int)(frame->key.len < 64 ? frame->key.len : 64), frame->key.ptr);
    }
    frame->key_place = place;
    frame->has_key = true;
    return true;
}

static struct yaml_node *
add_node(struct builder *b, struct fy_event *event, enum yaml_kind kind)
{
    struct yaml_node *node = weir_arena_array(b->arena, struct yaml_node, 1);
    if (node == NULL)
        return NULL;
    node->kind = kind;
    node->place = place_of(b, event);
    if (b->depth == 0) {
        b->root = node;
        return node;
    }
    struct frame *frame = &b->frames[b->depth - 1];
    node->key = frame->key;
    node->key_place = frame->has_key ? frame->key_place : node->place;
    frame->has_key = false;
    frame->node->count++;
    if (frame->last == NULL)
        frame->node->first = node;
    else
        frame->last->next = node;
    frame->last = node;
    return node;
}

static bool
refuse(struct builder *b, struct fy_event *event, const char *advice,
       const char *what)
{
    weir_faults_add(b->faults, place_of(b, event), advice, "%s", what);
    return false;
}

static bool
open_node(struct builder *b, struct fy_event *event, enum yaml_kind kind)
{
    bool ok;
    if (take_key(b, event, &ok))
        return ok;
    if (b->depth == CONFIG_DEPTH_MAX)
        return refuse(b, event, "No part of the format is that deep.",
                      "nested too deeply");
    struct yaml_node *node = add_node(b, event, kind);
    if (node == NULL)
        return false;
    b->frames[b->depth++] = (struct frame){.node = node};
    return true;
}

static bool
on_scalar(struct builder *b, struct fy_event *event)
{
    bool ok;
    if (take_key(b, event, &ok))
        return ok;
    struct yaml_node *node = add_node(b, event, YAML_TEXT);
    if (node == NULL)
        return false;
    read_text(b, event, &node->text, &node->is_plain);
    return true;
}

static bool
on_event(struct builder *b, struct fy_event *event)
{
    if (fy_event_get_anchor_token(event) != NULL || event->type == FYET_ALIAS)
        return refuse(b, event, "Write the value out.",
                      "anchors and aliases are not part of the format");
    if (fy_event_get_tag_token(event) != NULL)
        return refuse(b, event, "Remove the tag; every value is text.",
                      "tags are not part of the format");
    switch (event->type) {
    case FYET_DOCUMENT_START:
        if (b->documents++ > 0)
            return refuse(b, event, "Put it into a file of its own.",
                          "a second document in one file");
        return true;
    case FYET_SCALAR:
        return on_scalar(b, event);
    case FYET_SEQUENCE_START:
        return open_node(b, event, YAML_SEQUENCE);
    case FYET_MAPPING_START:
        return open_node(b, event, YAML_MAPPING);
    case FYET_SEQUENCE_END:
    case FYET_MAPPING_END:
        if (b->depth > 0)
            b->depth--;
        return true;
    default:
        return true;
    }
}

static void
add_syntax_fault(struct builder *b, struct fy_diag *diag)
{
    void *at = NULL;
    struct fy_diag_error *error = fy_diag_errors_iterate(diag, &at);
    struct weir_place place = {b->file, 0, 0};
    if (error != NULL && error->line >= 0) {
        /* The library counts from one here, from zero in marks. */
        place.line = (uint32_t)error->line;
        place.column = error->column > 0 ? (uint32_t)error->column : 1;
    }
    weir_faults_add(
        b->faults, place,
        "Mind indentation, quotes and a blank after the colon.", "not YAML: %s",
        error != NULL && error->msg != NULL ? error->msg : "cannot be read");
}

static void
parse_events(struct builder *b, struct fy_parser *parser, struct fy_diag *diag)
{
    struct fy_event *event;
    bool is_ended = false;
    while ((event = fy_parser_parse(parser)) != NULL) {
        is_ended = event->type == FYET_STREAM_END;
        bool ok = on_event(b, event);
        fy_parser_event_free(parser, event);
        if (!ok) {
            b->root = NULL;
            return;
        }
    }
    if (!is_ended) {
        add_syntax_fault(b, diag);
        b->root = NULL;
    }
}

const struct yaml_node *
yaml_parse(struct weir_arena *arena, weir_span text, weir_span file,
           struct weir_faults *faults)
{
    struct builder b = {.arena = arena, .faults = faults, .file = file};
    struct weir_place place = {file, 0, 0};
    if (text.len > CONFIG_FILE_BYTES_MAX) {
        weir_faults_add(faults, place, "Split it into included files.",
                        "larger than %zu MiB", CONFIG_FILE_BYTES_MAX >> 20);
        return NULL;
    }
    if (!weir_utf8_valid(text) || memchr(text.ptr, '\0', text.len) != NULL) {
        weir_faults_add(faults, place, "Save it as UTF-8.", "not UTF-8 text");
        return NULL;
    }
    uint32_t before = faults->total;
    struct fy_diag *diag = fy_diag_create(NULL);
    if (diag != NULL)
        fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg config = {
        .search_path = "",
        .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE,
        .diag = diag,
    };
    struct fy_parser *parser = diag == NULL ? NULL : fy_parser_create(&config);
    if (parser != NULL && fy_parser_set_string(parser, text.ptr, text.len) == 0)
        parse_events(&b, parser, diag);
    else
        arena->overflow = true;
    if (parser != NULL)
        fy_parser_destroy(parser);
    if (diag != NULL)
        fy_diag_destroy(diag);
    if (arena->overflow && faults->total == before) {
        weir_faults_add(faults, place, "Give this machine more memory.",
                        "the file does not fit in memory");
        return NULL;
    }
    return b.root;
}

const struct yaml_node *
yaml_get(const struct yaml_node *mapping, const char *key)
{
    weir_span wanted = weir_span_of(key);
    if (mapping == NULL || mapping->kind != YAML_MAPPING)
        return NULL;
    for (const struct yaml_node *n = mapping->first; n != NULL; n = n->next) {
        if (weir_span_equal(n->key, wanted))
            return n;
    }
    return NULL;
}
