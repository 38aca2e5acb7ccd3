/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block of an outcome record, byte by byte, and the names of what is in
 * it. The picture is in docs/formats/watch-features.md.
 */
#include <endian.h>
#include <string.h>

#include "internal.h"

/* Inlined, as `bytes` is a constant: one store. */
static inline __attribute__((always_inline)) uint8_t *
put(uint8_t *at, uint64_t value, size_t bytes)
{
    value = htole64(value);
    memcpy(at, &value, bytes);
    return at + bytes;
}

static uint64_t
get(const uint8_t **at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)(*at)[i] << (8 * i);
    *at += bytes;
    return value;
}

void
weir_watch_pack(const struct weir_watch_features *features,
                uint8_t block_out[WEIR_WATCH_BLOCK_BYTES])
{
    const struct weir_watch_features *f = features;
    const uint64_t keys[6] = {f->frame,  f->head,        f->tail,
                              f->system, f->first_words, f->last_words};
    uint8_t *at = block_out;
    at = put(at, f->version, 1);
    at = put(at, f->script, 1);
    at = put(at, f->language, 1);
    at = put(at, f->turns, 1);
    at = put(at, (uint16_t)f->form, 2);
    at = put(at, f->words < UINT16_MAX ? f->words : UINT16_MAX, 2);
    at = put(at, f->prompt_bytes, 4);
    at = put(at, f->input_tokens, 4);
    at = put(at, f->output_tokens, 4);
    at = put(at, f->reply_bytes, 4);
    at = put(at, f->bits, 8);
    at = put(at, f->temperature, 1);
    at = put(at, f->n, 1);
    at = put(at, f->max_tokens, 1);
    at = put(at, f->logprobs, 1);
    at = put(at, f->tools, 1);
    at = put(at, f->quota, 1);
    at = put(at, f->scripts, 2);
    at = put(at, f->end_user, 4);
    at = put(at, (uint16_t)f->plain_form, 2);
    at = put(at, 0, 2);
    for (size_t i = 0; i < 6; i++)
        at = put(at, keys[i], 8);
    for (size_t i = 0; i < WEIR_WATCH_BINS; i++)
        at = put(at, f->minhash[i], 2);
    memcpy(at, f->sketch, WEIR_WATCH_SKETCH);
    WEIR_ASSERT(at + WEIR_WATCH_SKETCH == block_out + WEIR_WATCH_BLOCK_BYTES);
}

weir_status
weir_watch_unpack(weir_span block, struct weir_watch_features *features_out,
                  struct weir_error *err)
{
    struct weir_watch_features f;
    uint64_t keys[6];
    const uint8_t *at = (const uint8_t *)block.ptr;
    if (block.len != WEIR_WATCH_BLOCK_BYTES)
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "a feature block has %d bytes, this has %zu",
                         WEIR_WATCH_BLOCK_BYTES, block.len);
    memset(&f, 0, sizeof(f));
    f.version = (uint8_t)get(&at, 1);
    if (f.version != WEIR_WATCH_VERSION)
        return weir_fail(err, WEIR_EVERSION, 0, "features of version %u",
                         f.version);
    f.script = (uint8_t)get(&at, 1);
    f.language = (uint8_t)get(&at, 1);
    if (f.script > WEIR_WATCH_SCRIPT_OTHER ||
        f.language >= WEIR_WATCH_LANGUAGES)
        return weir_fail(err, WEIR_ETYPE, 1, "no such script or language");
    f.turns = (uint8_t)get(&at, 1);
    f.form = (int16_t)get(&at, 2);
    f.words = (uint32_t)get(&at, 2);
    f.prompt_bytes = (uint32_t)get(&at, 4);
    f.input_tokens = (uint32_t)get(&at, 4);
    f.output_tokens = (uint32_t)get(&at, 4);
    f.reply_bytes = (uint32_t)get(&at, 4);
    f.bits = get(&at, 8);
    f.temperature = (uint8_t)get(&at, 1);
    f.n = (uint8_t)get(&at, 1);
    f.max_tokens = (uint8_t)get(&at, 1);
    f.logprobs = (uint8_t)get(&at, 1);
    f.tools = (uint8_t)get(&at, 1);
    f.quota = (uint8_t)get(&at, 1);
    f.scripts = (uint16_t)get(&at, 2);
    f.end_user = (uint32_t)get(&at, 4);
    f.plain_form = (int16_t)get(&at, 2);
    (void)get(&at, 2);
    for (size_t i = 0; i < 6; i++)
        keys[i] = get(&at, 8);
    f.frame = keys[0];
    f.head = keys[1];
    f.tail = keys[2];
    f.system = keys[3];
    f.first_words = keys[4];
    f.last_words = keys[5];
    for (size_t i = 0; i < WEIR_WATCH_BINS; i++)
        f.minhash[i] = (uint16_t)get(&at, 2);
    memcpy(f.sketch, at, WEIR_WATCH_SKETCH);
    *features_out = f;
    return WEIR_OK;
}

/* -------------------------------------------------------------- names */

const char *
weir_watch_bit_name(uint32_t bit)
{
    static const char *const names[] = {"imperative", "artefact",
                                        "indefinite", "capital",
                                        "ends",       "medium",
                                        "short",      "person",
                                        "ragged",     "please",
                                        "cot",        "grade",
                                        "meta",       "generate",
                                        "paraphrase", "role",
                                        "question",   "quoted",
                                        "code",       "listed",
                                        "long",       "cut",
                                        "hidden",     "invalid",
                                        "mixed",      "foreign_ask",
                                        "",           "",
                                        "",           "",
                                        "",           "",
                                        "streamed",   "tools",
                                        "json",       "replied",
                                        "fenced",     "steps",
                                        "reasoned",   "called",
                                        "media"};
    return bit < WEIR_COUNTOF(names) ? names[bit] : NULL;
}

const char *
weir_watch_language_name(uint32_t language)
{
    static const char *const names[] = {"none", "en", "zh", "ja",
                                        "ko",   "de", "fr", "es",
                                        "pt",   "it", "ru", "other"};
    return language < WEIR_COUNTOF(names) ? names[language] : NULL;
}
