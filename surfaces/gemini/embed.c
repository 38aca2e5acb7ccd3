/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Embeddings as Gemini's clients ask for them, one or several. Each of
 * several names a model of its own, which must be the path's: it is the one
 * that policy was asked about. Task, title and size must agree.
 */
#include "gemini.h"

#include <weir/embed.h>
#include <weir/json.h>
#include <weir/raw.h>

enum { MODEL, CONTENT, TASK, TITLE, SIZE, COUNT };
static const char *const names[COUNT] = {"model", "content", "taskType",
                                         "title", "outputDimensionality"};

static void
read_other(void *context, weir_span name, weir_span raw)
{
    struct weir_embed *embed = context;
    weir_neutral_extra(embed->call, weir_arena_copy(embed->call->arena, name),
                       raw);
}

/* All the text of a content; several parts are joined by line ends. */
static weir_status
read_text(struct weir_embed *embed, weir_span content, weir_span *text_out,
          struct weir_error *err)
{
    static const char *const of[1] = {"parts"};
    static const char *const in_part[1] = {"text"};
    struct weir_raw_array array;
    struct weir_buf joined;
    weir_span parts = WEIR_SPAN_NONE;
    weir_span part, text;
    char *memory = weir_arena_alloc(embed->call->arena, content.len + 1);
    if (memory == NULL)
        return WEIR_OK; /* the arena's overflow says so */
    weir_buf_init_fixed(&joined, memory, content.len + 1);
    (void)weir_raw_pick(content, of, 1, &parts, NULL, NULL);
    weir_raw_array_init(&array, parts);
    while (weir_raw_array_next(&array, &part)) {
        if (!weir_raw_pick_proto(part, in_part, 1, &text, NULL, NULL) ||
            weir_raw_kind(text) != WEIR_JSON_STRING)
            return weir_neutral_lacks(embed->call, WEIR_SPAN("parts"), err);
        if (array.count > 1)
            weir_buf_add_span(&joined, WEIR_SPAN("\\n"));
        weir_buf_add_span(&joined, weir_escaped(text));
    }
    if (array.count == 0)
        return weir_neutral_wrong(embed->call, "content", "is empty", err);
    *text_out = weir_buf_span(&joined);
    return WEIR_OK;
}

/* "models/NAME" or "NAME" is the path's. */
static bool
is_same_model(const struct weir_request *request, weir_span raw)
{
    const weir_span prefix = WEIR_SPAN("models/");
    char plain[256];
    weir_span name;
    if (raw.ptr == NULL)
        return true;
    if (!weir_json_unescape_into(raw, plain, sizeof plain, &name))
        return false;
    if (weir_span_starts(name, prefix) &&
        weir_span_equal(
            (weir_span){name.ptr + prefix.len, name.len - prefix.len},
            request->model))
        return true;
    return weir_span_equal(name, request->model);
}

static bool
agrees(struct weir_setting *setting, weir_span raw, const char *name,
       bool is_first)
{
    if (!is_first)
        return weir_span_equal(setting->raw, raw);
    *setting = (struct weir_setting){raw, weir_span_of(name)};
    return true;
}

static weir_status
read_one(const struct weir_request *request, struct weir_embed *embed,
         weir_span raw, struct weir_error *err)
{
    weir_span in[COUNT];
    bool is_first = embed->count == 0;
    if (!weir_raw_pick_proto(raw, names, COUNT, in, read_other, embed))
        return weir_neutral_wrong(embed->call, "requests", "must be objects",
                                  err);
    if (!is_same_model(request, in[MODEL]))
        return weir_neutral_wrong(embed->call, "model",
                                  "is not the one of the path", err);
    if (!agrees(&embed->task, in[TASK], "taskType", is_first) ||
        !agrees(&embed->title, in[TITLE], "title", is_first) ||
        !agrees(&embed->dimensions, in[SIZE], "outputDimensionality", is_first))
        return weir_neutral_wrong(embed->call, "requests",
                                  "must agree in all but their content", err);
    weir_status status =
        read_text(embed, in[CONTENT], &embed->texts[embed->count], err);
    embed->count++;
    return status;
}

static weir_status
read(const struct weir_request *request, struct weir_embed *embed,
     struct weir_error *err)
{
    static const char *const of[1] = {"requests"};
    struct weir_raw_array array;
    weir_status status = WEIR_OK;
    uint32_t count = 0;
    weir_span list = WEIR_SPAN_NONE;
    weir_span one;
    if (!request->is_batch)
        return weir_embed_room(embed, 1)
                   ? read_one(request, embed, request->body, err)
                   : WEIR_OK;
    (void)weir_raw_pick(request->body, of, 1, &list, NULL, NULL);
    weir_raw_array_init(&array, list);
    while (weir_raw_array_next(&array, &one))
        count++;
    if (count == 0)
        return weir_neutral_wrong(embed->call, "requests", "is empty", err);
    if (!weir_embed_room(embed, count))
        return WEIR_OK; /* the arena's overflow says so */
    weir_raw_array_init(&array, list);
    while (status == WEIR_OK && weir_raw_array_next(&array, &one))
        status = read_one(request, embed, one, err);
    return status;
}

/* --------------------------------------------------------------- reply */

static void
begin(const struct weir_request *request, struct weir_buf *out)
{
    weir_buf_add_span(out, request->is_batch ? WEIR_SPAN("{\"embeddings\":[")
                                             : WEIR_SPAN("{\"embedding\":"));
}

static void
vector(const struct weir_request *request, uint32_t index, weir_span raw,
       struct weir_buf *out)
{
    if (index > 0 && !request->is_batch)
        return;
    if (index > 0)
        weir_buf_add_byte(out, ',');
    weir_buf_add_span(out, WEIR_SPAN("{\"values\":"));
    weir_buf_add_span(out, raw);
    weir_buf_add_byte(out, '}');
}

static void
end(const struct weir_request *request, const struct weir_usage *usage,
    struct weir_buf *out)
{
    if (request->is_batch)
        weir_buf_add_byte(out, ']');
    weir_buf_addf(out, ",\"usageMetadata\":{\"promptTokenCount\":%llu}}\n",
                  (unsigned long long)usage->input_tokens);
}

const struct weir_embed_surface weir_gemini_embed_surface = {
    .read = read, .begin = begin, .vector = vector, .end = end};
