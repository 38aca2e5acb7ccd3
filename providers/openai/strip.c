/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking reasoning out of a reply, where policy says that the caller may not
 * have it: the strings that hold it are emptied in their place.
 *
 *    "reasoning_content":"First, the user"   becomes
 *    "reasoning_content":""                ,
 *
 * WHY SPACES. White space may stand behind any JSON value, so the text keeps
 * its length: no Content-Length changes, no event is written anew, and all
 * other bytes are where the origin put them.
 *
 * WHERE REASONING IS. Nobody agrees, so it is told by shape: a string named
 * `reasoning` or `reasoning_content` or anything inside `thinking`; and the
 * text of an object whose own `type` says reasoning (Responses: reasoning_
 * text, summary_text, the response.reasoning* events; others: reasoning.
 * text). The type may stand behind the text, so candidates wait until their
 * object ends. What a model writes between tags into its answer is answer.
 *
 * FAIL CLOSED. What cannot be read to its end is not passed on: see reply.c.
 */
#include "openai.h"

#include <weir/json.h>

#include <string.h>

struct frame {
    bool is_object;
    bool is_reasoning; /* its own type says so */
    bool empties_all;  /* it stands inside `thinking` */
};

struct walk {
    struct weir_json_reader reader;
    struct frame frames[WEIR_JSON_DEPTH_MAX];
    uint32_t depth;
    struct weir_openai_reasoning *found;
};

static bool
is_reasoning_type(weir_span raw)
{
    static const char *starts[] = {"\"reasoning", "\"response.reasoning",
                                   "\"thinking", "\"summary_text"};
    for (size_t i = 0; i < WEIR_COUNTOF(starts); i++)
        if (weir_span_starts(raw, weir_span_of(starts[i])))
            return true;
    return false;
}

/* Notes the inside of a string; false: there are too many. */
static bool
note(struct walk *walk, weir_span raw, bool is_certain)
{
    struct weir_openai_reasoning *found = walk->found;
    if (raw.len <= 2)
        return true;
    if (found->count == WEIR_COUNTOF(found->inside))
        return false;
    found->inside[found->count] = (weir_span){raw.ptr + 1, raw.len - 2};
    found->waits_for[found->count] = is_certain ? 0 : (uint16_t)walk->depth;
    found->count++;
    return true;
}

static bool
note_member(struct walk *walk, weir_span name, weir_span raw)
{
    struct frame *frame = &walk->frames[walk->depth - 1];
    if (frame->is_object && weir_span_equal(name, WEIR_SPAN("type"))) {
        frame->is_reasoning = is_reasoning_type(raw);
        return true;
    }
    if (frame->empties_all || weir_span_equal(name, WEIR_SPAN("reasoning")) ||
        weir_span_equal(name, WEIR_SPAN("reasoning_content")) ||
        weir_span_equal(name, WEIR_SPAN("thinking")))
        return note(walk, raw, true);
    if (weir_span_equal(name, WEIR_SPAN("text")) ||
        weir_span_equal(name, WEIR_SPAN("delta")) ||
        weir_span_equal(name, WEIR_SPAN("summary")))
        return note(walk, raw, false);
    return true;
}

/* The object has ended: its candidates are in or out. */
static void
settle(struct walk *walk)
{
    struct weir_openai_reasoning *found = walk->found;
    bool is_in = walk->frames[walk->depth - 1].is_reasoning;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < found->count; i++) {
        bool is_ours = found->waits_for[i] == walk->depth;
        if (is_ours && !is_in)
            continue;
        found->inside[kept] = found->inside[i];
        found->waits_for[kept] = is_ours ? 0 : found->waits_for[i];
        kept++;
    }
    found->count = kept;
}

/* The value that comes next, a member `name` or an element. */
static bool
take_value(struct walk *walk, weir_span name)
{
    enum weir_json_kind kind = weir_json_peek(&walk->reader);
    bool empties_all =
        (walk->depth > 0 && walk->frames[walk->depth - 1].empties_all) ||
        weir_span_equal(name, WEIR_SPAN("thinking"));
    weir_span raw;

    if (kind == WEIR_JSON_STRING)
        return weir_json_raw(&walk->reader, &raw) &&
               (walk->depth == 0 || note_member(walk, name, raw));
    if (kind != WEIR_JSON_OBJECT && kind != WEIR_JSON_ARRAY)
        return weir_json_skip(&walk->reader);
    if (kind == WEIR_JSON_OBJECT ? !weir_json_object(&walk->reader)
                                 : !weir_json_array(&walk->reader))
        return false;
    walk->frames[walk->depth++] = (struct frame){
        .is_object = kind == WEIR_JSON_OBJECT, .empties_all = empties_all};
    return true;
}

bool
weir_openai_find_reasoning(weir_span json, struct weir_openai_reasoning *found)
{
    struct walk walk;
    char names[512]; /* a longer name with escapes is not read: closed */
    struct weir_arena arena;

    weir_arena_init(&arena, names, sizeof(names));
    weir_json_reader_init(&walk.reader, json, &arena);
    walk.depth = 0;
    walk.found = found;
    found->count = 0;
    if (!take_value(&walk, WEIR_SPAN_NONE))
        return false;
    while (walk.depth > 0) {
        bool is_object = walk.frames[walk.depth - 1].is_object;
        weir_span name = WEIR_SPAN_NONE;
        arena.used = 0; /* the last name is done with */
        if (is_object ? weir_json_member(&walk.reader, &name)
                      : weir_json_element(&walk.reader)) {
            if (!take_value(&walk, name))
                return false;
            continue;
        }
        if (walk.reader.error.status != WEIR_OK)
            return false;
        settle(&walk);
        walk.depth--;
    }
    return weir_json_reader_end(&walk.reader, NULL) == WEIR_OK;
}

void
weir_openai_empty_reasoning(const struct weir_openai_reasoning *found,
                            const char *json, char *copy)
{
    for (uint32_t i = 0; i < found->count; i++) {
        char *inside = copy + (found->inside[i].ptr - json);
        inside[0] = '"';
        memset(inside + 1, ' ', found->inside[i].len);
    }
}
