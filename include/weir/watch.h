/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/watch.h - what one call looks like, without its content.
 *
 * The data plane computes a fixed block of features for each call: from the
 * request's body, from the reply as it passes at any split, and from a few
 * facts. The block goes into the outcome record; nothing of the text does.
 * weir/watch_score.h pools blocks over many calls.
 *
 *     weir_watch_begin(&call);
 *     weir_watch_request(&call, request_body);
 *     weir_watch_reply(&call, bytes);          any number of times
 *     weir_watch_finish(&call, &facts, &features);
 *     weir_watch_pack(&features, block);
 *
 * Read is the last user message, its first WEIR_WATCH_HEAD_MAX and last
 * WEIR_WATCH_TAIL_MAX bytes; whatever the input, cost is linear in it. System
 * prompts are hashed apart and not scored. Bytes need not be UTF-8.
 *
 * Threads: no shared state; one owner per call.
 * Memory: the caller's struct weir_watch_call; nothing is allocated.
 * weir_watch_finish() wipes the text it held.
 */
#ifndef WEIR_WATCH_H
#define WEIR_WATCH_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the block and of the tables (words, cues) behind it: blocks of
 * different versions are not comparable. */
#define WEIR_WATCH_VERSION     1
#define WEIR_WATCH_BLOCK_BYTES 256

#define WEIR_WATCH_HEAD_MAX    2048
#define WEIR_WATCH_TAIL_MAX    512
#define WEIR_WATCH_TEXT_MAX    (WEIR_WATCH_HEAD_MAX + WEIR_WATCH_TAIL_MAX)

#define WEIR_WATCH_SKETCH      128 /* first 96 topic, then 32 form */
#define WEIR_WATCH_TOPIC       96
#define WEIR_WATCH_BINS        16

/* ---------------------------------------------------------- features */

/* Bits of `bits`; numbers are permanent. What each is worth in `form` is in
 * core/watch/form.c and docs/formats/watch-features.md. */
enum weir_watch_bit {
    WEIR_WATCH_IMPERATIVE = 0, /* begins with a request verb */
    WEIR_WATCH_ARTEFACT = 1,   /* asks for a thing: essay, function */
    WEIR_WATCH_INDEFINITE = 2, /* "a" or "an" and a word */
    WEIR_WATCH_CAPITAL = 3,    /* starts as a sentence does */
    WEIR_WATCH_ENDS = 4,       /* ends as a sentence does */
    WEIR_WATCH_MEDIUM = 5,     /* 10 to 59 words */
    WEIR_WATCH_SHORT = 6,      /* under 5 words */
    WEIR_WATCH_PERSON = 7,     /* I, me, my, we, our */
    WEIR_WATCH_RAGGED = 8,     /* typed in a hurry */
    WEIR_WATCH_PLEASE = 9,
    WEIR_WATCH_COT = 10,         /* asks for the reasoning */
    WEIR_WATCH_GRADE = 11,       /* rubric, scale, which is better */
    WEIR_WATCH_META = 12,        /* instructions for a model, training data */
    WEIR_WATCH_GENERATE = 13,    /* generate N, a set of, diverse */
    WEIR_WATCH_PARAPHRASE = 14,  /* rewrite, in N ways */
    WEIR_WATCH_ROLE = 15,        /* act as, you are a */
    WEIR_WATCH_QUESTION = 16,    /* starts with a question word */
    WEIR_WATCH_QUOTED = 17,      /* holds a quoted span */
    WEIR_WATCH_CODE = 18,        /* a fence, or code by its punctuation */
    WEIR_WATCH_LISTED = 19,      /* three or more list items */
    WEIR_WATCH_LONG = 20,        /* over 150 words */
    WEIR_WATCH_CUT = 21,         /* longer than the part that is read */
    WEIR_WATCH_HIDDEN = 22,      /* zero-width or bidirectional marks */
    WEIR_WATCH_INVALID = 23,     /* not UTF-8 */
    WEIR_WATCH_MIXED = 24,       /* words that mix scripts */
    WEIR_WATCH_FOREIGN_ASK = 25, /* asks for an answer in another language */
    WEIR_WATCH_STREAMED = 32,
    WEIR_WATCH_TOOLS = 33,
    WEIR_WATCH_JSON = 34,     /* a structured reply was asked for */
    WEIR_WATCH_REPLIED = 35,  /* a reply was seen */
    WEIR_WATCH_FENCED = 36,   /* code fence in the reply */
    WEIR_WATCH_STEPS = 37,    /* numbered or listed steps in the reply */
    WEIR_WATCH_REASONED = 38, /* reasoning text in the reply */
    WEIR_WATCH_CALLED = 39,   /* tool arguments in the reply */
    WEIR_WATCH_MEDIA = 40     /* the message holds images, sound or files */
};
#define WEIR_WATCH_BIT(name) (UINT64_C(1) << WEIR_WATCH_##name)
#define WEIR_WATCH_CUES                                                        \
    (WEIR_WATCH_BIT(COT) | WEIR_WATCH_BIT(GRADE) | WEIR_WATCH_BIT(META) |      \
     WEIR_WATCH_BIT(GENERATE) | WEIR_WATCH_BIT(PARAPHRASE) |                   \
     WEIR_WATCH_BIT(ROLE))

enum weir_watch_script {
    WEIR_WATCH_SCRIPT_NONE = 0,
    WEIR_WATCH_SCRIPT_LATIN = 1,
    WEIR_WATCH_SCRIPT_HAN = 2,
    WEIR_WATCH_SCRIPT_KANA = 3,
    WEIR_WATCH_SCRIPT_HANGUL = 4,
    WEIR_WATCH_SCRIPT_CYRILLIC = 5,
    WEIR_WATCH_SCRIPT_GREEK = 6,
    WEIR_WATCH_SCRIPT_ARABIC = 7,
    WEIR_WATCH_SCRIPT_HEBREW = 8,
    WEIR_WATCH_SCRIPT_INDIC = 9,
    WEIR_WATCH_SCRIPT_THAI = 10,
    WEIR_WATCH_SCRIPT_OTHER = 11
};

enum weir_watch_language { /* a guess; numbers are permanent */
                           WEIR_WATCH_LANGUAGE_NONE = 0,
                           WEIR_WATCH_LANGUAGE_EN = 1,
                           WEIR_WATCH_LANGUAGE_ZH = 2,
                           WEIR_WATCH_LANGUAGE_JA = 3,
                           WEIR_WATCH_LANGUAGE_KO = 4,
                           WEIR_WATCH_LANGUAGE_DE = 5,
                           WEIR_WATCH_LANGUAGE_FR = 6,
                           WEIR_WATCH_LANGUAGE_ES = 7,
                           WEIR_WATCH_LANGUAGE_PT = 8,
                           WEIR_WATCH_LANGUAGE_IT = 9,
                           WEIR_WATCH_LANGUAGE_RU = 10,
                           WEIR_WATCH_LANGUAGE_OTHER = 11,
                           WEIR_WATCH_LANGUAGES
};

#define WEIR_WATCH_ABSENT 255 /* of a parameter that was not given */

/* One call. Keys are 64-bit digests of masked text, 0: none. */
struct weir_watch_features {
    uint8_t version;
    uint8_t script;
    uint8_t language;
    uint8_t turns;      /* messages, at most 255 */
    int16_t form;       /* h, in hundredths */
    int16_t plain_form; /* h without the cue bits */
    uint32_t words;
    uint32_t prompt_bytes; /* of the last user message, whole */
    uint32_t input_tokens;
    uint32_t output_tokens;
    uint32_t reply_bytes; /* text the model wrote, JSON escapes as they are */
    uint16_t scripts;     /* bit per script seen */
    uint8_t temperature;  /* 1/64, at most 254; or WEIR_WATCH_ABSENT */
    uint8_t n;
    uint8_t max_tokens; /* log2, or WEIR_WATCH_ABSENT */
    uint8_t logprobs;   /* 0 no, else 1 + how many alternatives */
    uint8_t tools;      /* how many are offered */
    uint8_t quota;      /* percent of the fullest window used, or ABSENT */
    uint32_t end_user;  /* digest, 0: none */
    uint64_t bits;
    uint64_t frame;       /* the whole template skeleton */
    uint64_t head;        /* its first 6 tokens */
    uint64_t tail;        /* its last 6 */
    uint64_t system;      /* system prompt */
    uint64_t first_words; /* 5 literal words */
    uint64_t last_words;
    uint16_t minhash[WEIR_WATCH_BINS];
    int8_t sketch[WEIR_WATCH_SKETCH];
};

/* What is known beside the text; zero where nothing is. */
struct weir_watch_facts {
    uint64_t input_tokens;
    uint64_t output_tokens;
    bool is_streamed;
    uint64_t reply_bytes; /* text, as metered; 0: as weir_watch_reply() saw */
    double quota;         /* share of the fullest window used, < 0: unknown */
    weir_span end_user;   /* is hashed */
};

/* Parameters of a request; absent ones are negative. */
struct weir_watch_params {
    double temperature;
    int32_t n;
    int64_t max_tokens;
    int32_t logprobs; /* -1 absent, 0 false, 1 true or more: 1 + top */
    uint32_t tools;
    uint32_t turns;
    bool wants_json;
    bool has_media;
};
#define WEIR_WATCH_PARAMS_NONE                                                 \
    ((struct weir_watch_params){-1.0, -1, -1, -1, 0, 0, false, false})

/* --------------------------------------------------------- computing */

/* About 6 KiB; fields are core/watch's own. */
struct weir_watch_call {
    struct weir_watch_params params;
    uint64_t system;
    uint64_t prompt_bytes;
    uint64_t reply_bytes;
    uint64_t bits;
    uint32_t head_len;
    uint32_t tail_at;  /* where the next byte of the tail goes */
    uint32_t tail_len; /* bytes of the tail that count */
    uint8_t reply_state;
    uint8_t reply_kind;
    uint8_t reply_name_len;
    uint8_t reply_run;
    uint32_t reply_items;
    uint32_t end_user;     /* digest of what the request names as its user */
    bool reply_has_deltas; /* what comes whole again at the end is not read */
    char reply_name[24];
    char head[WEIR_WATCH_HEAD_MAX];
    char tail[WEIR_WATCH_TAIL_MAX];
};

void weir_watch_begin(struct weir_watch_call *call);

/*
 * A request's JSON body as weir_surface_parse() accepted it: the last user
 * message, system prompts and parameters of the chat, Responses, completion,
 * Anthropic and Gemini shapes. The body is walked from its end, so that a
 * long history costs what its last message costs. A body that is none of
 * these gives an empty prompt.
 */
void weir_watch_request(struct weir_watch_call *call, weir_span body);
/* The same of the raw list (messages, input, contents, prompt) where the
 * caller knows it: then nothing before the last message is read but the
 * system messages at the front. */
void weir_watch_messages(struct weir_watch_call *call, weir_span list);

/* The same from parts, for callers that hold text: any number of times, in
 * order. Text is plain (no JSON escapes). */
void weir_watch_prompt(struct weir_watch_call *call, weir_span text);
void weir_watch_system(struct weir_watch_call *call, weir_span text);
void weir_watch_params(struct weir_watch_call *call,
                       const struct weir_watch_params *params);

/* Bytes of the reply as the origin sent them (JSON, or server-sent events
 * with JSON), at any split. */
void weir_watch_reply(struct weir_watch_call *call, weir_span bytes);
/* The reply's text itself, where the caller has it. */
void weir_watch_reply_text(struct weir_watch_call *call, weir_span text);

/* `facts` may be NULL. */
void weir_watch_finish(struct weir_watch_call *call,
                       const struct weir_watch_facts *facts,
                       struct weir_watch_features *features_out);

/* ------------------------------------------------------------- block */

/* Byte-exact, little-endian: docs/formats/watch-features.md. */
void weir_watch_pack(const struct weir_watch_features *features,
                     uint8_t block_out[WEIR_WATCH_BLOCK_BYTES]);
/* EVERSION: of another version. ETYPE: not WEIR_WATCH_BLOCK_BYTES long, or a
 * field beyond its range. */
WEIR_MUST_USE weir_status
weir_watch_unpack(weir_span block, struct weir_watch_features *features_out,
                  struct weir_error *err);

/* Cosine of two sketches, the parts joined as sqrt 0.6 topic, sqrt 0.4 form;
 * -1 to 1, 0 where one is empty. */
double weir_watch_similarity(const int8_t a[WEIR_WATCH_SKETCH],
                             const int8_t b[WEIR_WATCH_SKETCH]);

/* "imperative" for a bit, "zh" for a language; NULL behind the last. */
const char *weir_watch_bit_name(uint32_t bit);
const char *weir_watch_language_name(uint32_t language);

#ifdef __cplusplus
}
#endif
#endif
