/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call from begin to finish: holds the part of the prompt that is read,
 * nothing else of it, and wipes that at the end.
 *
 * The head fills first; what comes behind it goes round in the tail, so the
 * last bytes are there at the end however the text was split. A prompt that
 * fits into both is read whole, as one text.
 */
#include <string.h>

#include "internal.h"
#include "lexicon.h"

void
weir_watch_begin(struct weir_watch_call *call)
{
    memset(call, 0, offsetof(struct weir_watch_call, head));
    call->params = WEIR_WATCH_PARAMS_NONE;
}

void
weir_watch_prompt(struct weir_watch_call *call, weir_span text)
{
    if (text.len == 0)
        return;
    call->prompt_bytes += text.len;
    size_t room = WEIR_WATCH_HEAD_MAX - call->head_len;
    size_t taken = text.len < room ? text.len : room;
    if (taken > 0)
        memcpy(call->head + call->head_len, text.ptr, taken);
    call->head_len += (uint32_t)taken;
    text.ptr += taken;
    text.len -= taken;
    if (text.len > WEIR_WATCH_TAIL_MAX) {
        text.ptr += text.len - WEIR_WATCH_TAIL_MAX;
        text.len = WEIR_WATCH_TAIL_MAX;
    }
    while (text.len > 0) {
        size_t at = call->tail_at;
        size_t part = WEIR_WATCH_TAIL_MAX - at;
        part = text.len < part ? text.len : part;
        memcpy(call->tail + at, text.ptr, part);
        call->tail_at = (uint32_t)((at + part) % WEIR_WATCH_TAIL_MAX);
        call->tail_len += (uint32_t)part;
        text.ptr += part;
        text.len -= part;
    }
    if (call->tail_len > WEIR_WATCH_TAIL_MAX)
        call->tail_len = WEIR_WATCH_TAIL_MAX;
}

void
weir_watch_system(struct weir_watch_call *call, weir_span text)
{
    if (text.len > 0)
        call->system = weir_hash64(text, call->system);
}

void
weir_watch_params(struct weir_watch_call *call,
                  const struct weir_watch_params *params)
{
    call->params = *params;
}

/* ------------------------------------------------------------- finish */

static size_t
join(const struct weir_watch_call *call, char *text, bool *is_cut)
{
    size_t len = call->head_len;
    size_t from = call->tail_len < WEIR_WATCH_TAIL_MAX ? 0 : call->tail_at;
    memcpy(text, call->head, len);
    *is_cut = call->prompt_bytes > len + call->tail_len;
    if (*is_cut) {
        /* Not in the middle of a character, on either side. */
        while (len > 0 && ((unsigned char)text[len - 1] & 0xC0) == 0x80)
            len--;
        if (len > 0 && (unsigned char)text[len - 1] >= 0xC0)
            len--;
        text[len++] = '\n';
    }
    size_t start = len;
    memcpy(text + len, call->tail + from, call->tail_len - from);
    len += call->tail_len - from;
    memcpy(text + len, call->tail, from);
    len += from;
    if (!*is_cut)
        return len;
    size_t skip = start;
    while (skip < len && skip < start + 3 &&
           ((unsigned char)text[skip] & 0xC0) == 0x80)
        skip++;
    memmove(text + start, text + skip, len - skip);
    return len - (skip - start);
}

static uint8_t
quantise(double value, double step)
{
    if (!(value >= 0.0))
        return WEIR_WATCH_ABSENT;
    value /= step;
    return value >= 254.0 ? 254 : (uint8_t)(value + 0.5);
}

static uint32_t
saturate(uint64_t value)
{
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static uint8_t
at_most_byte(uint64_t value)
{
    return value > 254 ? 254 : (uint8_t)value;
}

static void
put_params(const struct weir_watch_params *params,
           struct weir_watch_features *out)
{
    out->temperature = quantise(params->temperature, 1.0 / 64.0);
    out->n = params->n < 0 ? 1 : at_most_byte((uint64_t)params->n);
    out->max_tokens = WEIR_WATCH_ABSENT;
    if (params->max_tokens >= 0)
        out->max_tokens =
            params->max_tokens == 0
                ? 0
                : (uint8_t)(64 - __builtin_clzll((uint64_t)params->max_tokens));
    out->logprobs =
        params->logprobs <= 0 ? 0 : at_most_byte((uint64_t)params->logprobs);
    out->tools = at_most_byte(params->tools);
    out->turns = at_most_byte(params->turns);
    if (params->wants_json)
        out->bits |= WEIR_WATCH_BIT(JSON);
    if (params->tools > 0)
        out->bits |= WEIR_WATCH_BIT(TOOLS);
    if (params->has_media)
        out->bits |= WEIR_WATCH_BIT(MEDIA);
}

static void
put_facts(const struct weir_watch_call *call,
          const struct weir_watch_facts *facts, struct weir_watch_features *out)
{
    uint64_t reply = call->reply_bytes;
    out->quota = WEIR_WATCH_ABSENT;
    if (facts != NULL) {
        if (facts->reply_bytes > 0)
            reply = facts->reply_bytes;
        out->input_tokens = saturate(facts->input_tokens);
        out->output_tokens = saturate(facts->output_tokens);
        out->quota = quantise(facts->quota, 0.01);
        if (facts->is_streamed)
            out->bits |= WEIR_WATCH_BIT(STREAMED);
        if (facts->end_user.len > 0)
            out->end_user = (uint32_t)weir_hash64(facts->end_user, 1) | 1;
    }
    out->reply_bytes = saturate(reply);
    if (reply > 0)
        out->bits |= WEIR_WATCH_BIT(REPLIED);
}

static uint64_t
sum_bits(const struct watch_text *found)
{
    uint64_t bits = found->bits;
    bool has_case = found->script == WEIR_WATCH_SCRIPT_LATIN ||
                    found->script == WEIR_WATCH_SCRIPT_CYRILLIC ||
                    found->script == WEIR_WATCH_SCRIPT_GREEK;
    if (found->ends_well)
        bits |= WEIR_WATCH_BIT(ENDS);
    /* Scripts without case: a sentence that ends as one began as one. */
    if (has_case ? found->starts_upper : found->ends_well && found->words > 0)
        bits |= WEIR_WATCH_BIT(CAPITAL);
    if (found->words >= 10 && found->words < 60)
        bits |= WEIR_WATCH_BIT(MEDIUM);
    if (found->words < 5)
        bits |= WEIR_WATCH_BIT(SHORT);
    if (found->words > 150)
        bits |= WEIR_WATCH_BIT(LONG);
    if (found->list_items >= 3)
        bits |= WEIR_WATCH_BIT(LISTED);
    if (found->code_marks >= 4)
        bits |= WEIR_WATCH_BIT(CODE);
    return bits;
}

void
weir_watch_finish(struct weir_watch_call *call,
                  const struct weir_watch_facts *facts,
                  struct weir_watch_features *features_out)
{
    char text[WEIR_WATCH_TEXT_MAX + 1 + WATCH_TEXT_PAD];
    struct watch_text found;
    struct weir_watch_features *out = features_out;
    bool is_cut;
    memset(out, 0, offsetof(struct weir_watch_features, minhash));
    size_t len = join(call, text, &is_cut);
    weir__watch_read(text, len, &found, out);
    out->version = WEIR_WATCH_VERSION;
    out->script = found.script;
    out->scripts = found.scripts;
    out->language = found.language;
    out->words = found.words;
    out->bits = sum_bits(&found) | call->bits;
    if (is_cut)
        out->bits |= WEIR_WATCH_BIT(CUT);
    out->form = weir__watch_form(out->bits, true);
    out->plain_form = weir__watch_form(out->bits, false);
    out->prompt_bytes = saturate(call->prompt_bytes);
    out->system = call->system;
    put_params(&call->params, out);
    out->end_user = call->end_user;
    put_facts(call, facts, out);
    memset(text, 0, len);
    memset(call->head, 0, call->head_len);
    memset(call->tail, 0, call->tail_len);
    /* Keeps the two writes: nothing of the text outlives the call. */
    __asm__ __volatile__("" : : "r"(text), "r"(call) : "memory");
}
