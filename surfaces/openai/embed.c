/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Embeddings as OpenAI's clients ask for them. Their SDK wants the numbers
 * as base64 of 32-bit floats unless told otherwise. Tokens in place of texts
 * can be read by one vocabulary alone and are refused elsewhere.
 */
#include "openai.h"

#include <weir/crypto.h>
#include <weir/embed.h>
#include <weir/json.h>
#include <weir/pen.h>
#include <weir/raw.h>

#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 40

static void
read_other(void *context, weir_span name, weir_span raw)
{
    struct weir_embed *embed = context;
    weir_neutral_extra(embed->call, weir_arena_copy(embed->call->arena, name),
                       raw);
}

static weir_status
read(const struct weir_request *request, struct weir_embed *embed,
     struct weir_error *err)
{
    enum { MODEL, INPUT, FORMAT, DIMENSIONS, COUNT };
    static const char *const names[COUNT] = {"model", "input",
                                             "encoding_format", "dimensions"};
    struct weir_raw_array array;
    uint32_t count = 0;
    weir_span in[COUNT];
    weir_span text;

    if (!weir_raw_pick(request->body, names, COUNT, in, read_other, embed))
        return weir_neutral_wrong(embed->call, "body", "cannot be read", err);
    embed->dimensions =
        (struct weir_setting){in[DIMENSIONS], WEIR_SPAN("dimensions")};
    if (weir_raw_kind(in[INPUT]) == WEIR_JSON_STRING) {
        if (weir_embed_room(embed, 1))
            embed->texts[embed->count++] = weir_escaped(in[INPUT]);
        return WEIR_OK;
    }
    if (weir_raw_kind(in[INPUT]) != WEIR_JSON_ARRAY)
        return weir_neutral_wrong(embed->call, "input",
                                  "must be a string or a list of them", err);
    weir_raw_array_init(&array, in[INPUT]);
    while (weir_raw_array_next(&array, &text))
        count++;
    if (!weir_embed_room(embed, count))
        return WEIR_OK; /* the arena's overflow says so */
    weir_raw_array_init(&array, in[INPUT]);
    while (weir_raw_array_next(&array, &text)) {
        if (weir_raw_kind(text) != WEIR_JSON_STRING)
            return weir_neutral_lacks(embed->call, WEIR_SPAN("input"), err);
        embed->texts[embed->count++] = weir_escaped(text);
    }
    return WEIR_OK;
}

/* --------------------------------------------------------------- reply */

static void
begin(const struct weir_request *request, struct weir_buf *out)
{
    (void)request;
    weir_buf_add_span(out, WEIR_SPAN("{\"object\":\"list\",\"data\":["));
}

/* Numbers of an array as little-endian floats in base64, three at a time. */
static void
put_base64(weir_span raw, struct weir_buf *out)
{
    struct weir_raw_array array;
    weir_span number;
    char text[NUMBER_MAX + 1];
    uint8_t bytes[12];
    size_t len = 0;
    char encoded[WEIR_BASE64_LEN(12)];
    weir_raw_array_init(&array, raw);
    weir_buf_add_byte(out, '"');
    while (weir_raw_array_next(&array, &number)) {
        size_t digits = number.len < NUMBER_MAX ? number.len : NUMBER_MAX;
        memcpy(text, number.ptr, digits);
        text[digits] = '\0';
        float value = strtof(text, NULL);
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        for (unsigned i = 0; i < 4; i++)
            bytes[len++] = (uint8_t)(bits >> (8 * i));
        if (len == sizeof bytes) {
            weir_buf_add(
                out, encoded,
                weir_base64_encode((weir_span){(char *)bytes, len}, encoded));
            len = 0;
        }
    }
    weir_buf_add(out, encoded,
                 weir_base64_encode((weir_span){(char *)bytes, len}, encoded));
    weir_buf_add_byte(out, '"');
}

static void
vector(const struct weir_request *request, uint32_t index, weir_span raw,
       struct weir_buf *out)
{
    weir_buf_addf(out,
                  "%s{\"object\":\"embedding\",\"index\":%u,"
                  "\"embedding\":",
                  index > 0 ? "," : "", index);
    if (request->wants_base64)
        put_base64(raw, out);
    else
        weir_buf_add_span(out, raw);
    weir_buf_add_byte(out, '}');
}

static void
end(const struct weir_request *request, const struct weir_usage *usage,
    struct weir_buf *out)
{
    struct weir_pen pen;
    weir_pen_init_buf(&pen, out);
    weir_pen_lit(&pen, "]");
    weir_pen_member_plain(&pen, "model", request->model);
    weir_pen_name(&pen, "usage");
    weir_pen_open(&pen, '{');
    weir_pen_member_uint(&pen, "prompt_tokens", usage->input_tokens);
    weir_pen_member_uint(&pen, "total_tokens", usage->input_tokens);
    weir_pen_lit(&pen, "}}\n");
}

const struct weir_embed_surface weir_openai_embed_surface = {
    .read = read, .begin = begin, .vector = vector, .end = end};
