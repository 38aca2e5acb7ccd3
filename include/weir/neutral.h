/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/neutral.h - a chat request in no dialect, by spans.
 *
 * Where client and origin speak one dialect the body passes by spans and
 * none of this is made. Else the surface reads the body into a struct
 * weir_neutral and the provider writes it in the origin's words:
 *
 *    body --surface.read_call--> struct weir_neutral --ops.write--> pieces
 *
 * Every dialect is JSON, so text stays as it was written: a span called
 * ESCAPED is the inside of a JSON string, without its quotes and with its
 * escapes, ready to stand between quotes elsewhere; a span called RAW is
 * one whole JSON value. Neither is decoded on the way.
 *
 * WHAT CANNOT BE SAID in the origin's dialect is refused by the name that
 * the client gave it (weir_neutral_refuse), unless the operator lists that
 * name as one to drop: then it is left out and noted for a header
 * (weir_neutral_drops). Nothing is left out in silence but what asks for
 * nothing: null, n = 1, store = false.
 *
 * Threads: one owner. Memory: the caller's arena; spans borrow from the body
 * and the arena.
 */
#ifndef WEIR_NEUTRAL_H
#define WEIR_NEUTRAL_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is spoken on one side of weir; a bit in struct weir_provider_ops. */
enum weir_dialect {
    WEIR_DIALECT_CHAT = 0,    /* OpenAI chat completions */
    WEIR_DIALECT_RESPONSES,   /* OpenAI Responses */
    WEIR_DIALECT_COMPLETIONS, /* OpenAI completions: never translated */
    WEIR_DIALECT_EMBEDDINGS,  /* OpenAI embeddings */
    WEIR_DIALECT_MESSAGES,    /* Anthropic Messages */
    WEIR_DIALECT_GEMINI,      /* Gemini and Vertex generateContent */
    WEIR_DIALECT_GEMINI_EMBED,
    WEIR_DIALECT_CONVERSE, /* Bedrock Converse */
    WEIR_DIALECT_OTHER,    /* moderations, rerank, images, audio */
    WEIR_DIALECT_MCP,      /* tool servers: weir/mcp.h */
    WEIR_DIALECT_INVOKE,   /* Bedrock InvokeModel, Anthropic's bodies */
    WEIR_DIALECTS
};
#define WEIR_SPEAKS(dialect) (1u << (dialect))
/* "OpenAI chat completions", for a person. */
const char *weir_dialect_title(enum weir_dialect dialect);

/* ------------------------------------------------------------ content */

enum weir_speaker {
    WEIR_SPEAKER_SYSTEM,
    WEIR_SPEAKER_DEVELOPER,
    WEIR_SPEAKER_USER,
    WEIR_SPEAKER_ASSISTANT,
    WEIR_SPEAKER_TOOL /* its parts are TOOL_RESULTs */
};

enum weir_part_kind {
    WEIR_PART_TEXT,
    WEIR_PART_REFUSAL,
    WEIR_PART_REASONING,
    WEIR_PART_IMAGE,
    WEIR_PART_AUDIO,
    WEIR_PART_VIDEO,
    WEIR_PART_DOCUMENT,
    WEIR_PART_TOOL_CALL,
    WEIR_PART_TOOL_RESULT
};

/* All spans ESCAPED unless said; absent: ptr NULL. */
struct weir_part {
    struct weir_part *next;
    enum weir_part_kind kind;
    uint32_t number;     /* place among its turn's parts, for names */
    bool is_error;       /* TOOL_RESULT: the tool failed */
    bool is_answered;    /* TOOL_CALL: a result was matched to it */
    const char *member;  /* the client's word for it: "image_url" */
    weir_span text;      /* TEXT, REFUSAL, REASONING; DOCUMENT as text */
    weir_span media;     /* "image/png", of `data` or `url` */
    weir_span data;      /* base64 */
    weir_span url;       /* instead of data */
    weir_span file;      /* or an id that the origin knows */
    weir_span name;      /* TOOL_CALL, TOOL_RESULT: tool; DOCUMENT: title */
    weir_span id;        /* of the tool call */
    weir_span arguments; /* TOOL_CALL: RAW, an object */
    /* What the model's maker alone can read: signature of REASONING or of a
     * TOOL_CALL; reasoning with this and no text is encrypted or redacted. */
    weir_span signature;
    weir_span detail;        /* IMAGE: "low", "high", "auto" */
    weir_span cache;         /* RAW: marker that ends a cached prefix */
    struct weir_part *parts; /* TOOL_RESULT: its text, images, documents */
};

struct weir_turn {
    struct weir_turn *next;
    enum weir_speaker role;
    uint32_t number; /* in the client's list */
    weir_span name;  /* of the speaker */
    struct weir_part *parts;
    struct weir_part *last;
};

struct weir_tool {
    struct weir_tool *next;
    uint32_t number;
    weir_span name;
    weir_span description;
    weir_span parameters; /* RAW JSON schema; absent: none */
    weir_span strict;     /* RAW boolean */
    weir_span cache;      /* RAW */
};

enum weir_tool_choice {
    WEIR_CHOICE_UNSAID,
    WEIR_CHOICE_AUTO,
    WEIR_CHOICE_NONE,
    WEIR_CHOICE_ANY,  /* some tool must be called */
    WEIR_CHOICE_NAMED /* the one of tool_name */
};

enum weir_format {
    WEIR_FORMAT_TEXT, /* or unsaid */
    WEIR_FORMAT_JSON, /* any object */
    WEIR_FORMAT_SCHEMA
};

/* Settings that several dialects know, each under a name of its own. */
enum weir_setting_id {
    WEIR_SETTING_MAX_TOKENS,
    WEIR_SETTING_TEMPERATURE,
    WEIR_SETTING_TOP_P,
    WEIR_SETTING_TOP_K,
    WEIR_SETTING_STOP, /* array of strings, or one */
    WEIR_SETTING_SEED,
    WEIR_SETTING_N,
    WEIR_SETTING_LOGPROBS,     /* boolean */
    WEIR_SETTING_TOP_LOGPROBS, /* count */
    WEIR_SETTING_FREQUENCY_PENALTY,
    WEIR_SETTING_PRESENCE_PENALTY,
    WEIR_SETTING_LOGIT_BIAS,
    WEIR_SETTING_USER, /* string: who the end user is */
    WEIR_SETTING_METADATA,
    WEIR_SETTING_SERVICE_TIER,
    WEIR_SETTING_STORE,
    WEIR_SETTING_VERBOSITY,
    WEIR_SETTING_CACHE_KEY,
    WEIR_SETTINGS
};

struct weir_setting {
    weir_span raw;  /* RAW; ptr NULL: absent */
    weir_span name; /* the client's, for refusals */
};

/* A member that no other dialect knows. */
struct weir_extra {
    struct weir_extra *next;
    const char *place; /* the client's name of what it stands in; NULL: the
                        * body itself */
    struct weir_setting setting;
};

struct weir_reasoning {
    bool is_given;
    bool is_off;      /* asked not to reason */
    bool shows;       /* asked to see it (summaries, thoughts) */
    weir_span effort; /* ESCAPED "low"; empty: not said so */
    uint64_t budget;  /* tokens; 0: not said so */
    weir_span name;   /* the client's member: "reasoning_effort" */
};

struct weir_neutral {
    enum weir_dialect dialect; /* the client's */
    struct weir_arena *arena;
    const char *turns_name;  /* "messages", "contents", "input" */
    const char *parts_name;  /* "content", "parts" */
    const char *tools_name;  /* "tools" */
    struct weir_turn *turns; /* system and developer among them */
    struct weir_turn *last;
    struct weir_tool *tools;
    struct weir_tool *last_tool;
    enum weir_tool_choice choice;
    weir_span tool_name;
    weir_span serial_tools; /* RAW true: one tool call at a time; absent */
    enum weir_format format;
    weir_span format_name;
    weir_span format_description;
    weir_span schema;        /* RAW */
    weir_span schema_strict; /* RAW boolean */
    const char *format_member;
    struct weir_reasoning reasoning;
    struct weir_setting settings[WEIR_SETTINGS];
    struct weir_extra *extras;
    bool is_streamed;
    bool has_signatures; /* reasoning to hand back is asked for */

    /* Of the way out. */
    enum weir_dialect target;
    weir_span drops;   /* names the operator drops, parted by blanks */
    weir_span dropped; /* those that were, parted by ", " (arena) */
    weir_span param;   /* on failure: the client's field (arena) */
};

/* ------------------------------------------------------------ building */

/* They return NULL when the arena is full (its overflow is sticky). */
struct weir_turn *weir_neutral_turn(struct weir_neutral *call,
                                    enum weir_speaker role, uint32_t number);
struct weir_part *weir_neutral_part(struct weir_neutral *call,
                                    struct weir_turn *turn,
                                    enum weir_part_kind kind,
                                    const char *member);
struct weir_tool *weir_neutral_tool(struct weir_neutral *call);
void weir_neutral_extra(struct weir_neutral *call, weir_span name,
                        weir_span raw);

/*
 * As weir_raw_pick(): the members of one object inside the request. Those
 * that are not among `names` become extras, so that none is lost, unless
 * they ask for nothing: null, false, [], {} and {"enabled":false}.
 */
bool weir_neutral_pick(struct weir_neutral *call, const char *place,
                       weir_span object, const char *const *names, size_t count,
                       weir_span *raws_out);
/* And as weir_raw_pick_proto(). */
bool weir_neutral_pick_proto(struct weir_neutral *call, const char *place,
                             weir_span object, const char *const *names,
                             size_t count, weir_span *raws_out);
/* Who may call a tool, or did: {"type":"direct"} or ["direct"] is the model
 * itself and says nothing; a program of the origin's is an extra. */
void weir_neutral_callers(struct weir_neutral *call, const char *place,
                          const char *name, weir_span raw);
/* An extra in `place`, unless it asks for nothing. */
void weir_neutral_ask(struct weir_neutral *call, const char *place,
                      const char *name, weir_span raw);
/* An extra in `place`, unless its value is the string `usual`. */
void weir_neutral_unless(struct weir_neutral *call, const char *place,
                         const char *name, weir_span raw, const char *usual);

/* The inside of a RAW string; empty (not NULL) for what is none. */
weir_span weir_escaped(weir_span raw);
/* RAW is null, or nothing at all. */
bool weir_raw_is_null(weir_span raw);
/* ESCAPED "data:image/png;base64,AAAA" into media and data; false: another
 * URL. */
bool weir_data_url(weir_span url, struct weir_arena *arena,
                   weir_span *media_out, weir_span *data_out);
/* A RAW string that holds JSON, as that JSON; "" gives {}. ETYPE: it holds
 * something else than an object. */
WEIR_MUST_USE weir_status weir_object_of_string(weir_span raw,
                                                struct weir_arena *arena,
                                                weir_span *object_out);

/* ---------------------------------------------------------- refusing */

/*
 * Something that `call->target` cannot say. WEIR_OK: the operator drops it
 * (and it is noted); else ETYPE, with call->param and a message that name
 * field, surface and dialect.
 */
WEIR_MUST_USE weir_status weir_neutral_lacks(struct weir_neutral *call,
                                             weir_span name,
                                             struct weir_error *err);
/* The same, called `field` in the message and `name` in the operator's list.
 */
WEIR_MUST_USE weir_status weir_neutral_lacks_field(struct weir_neutral *call,
                                                   weir_span name,
                                                   weir_span field,
                                                   struct weir_error *err);
/* The same for a part: "messages[2].content[0].image_url" in the message,
 * `member` in the operator's list. `turn` may be NULL. */
WEIR_MUST_USE weir_status weir_neutral_lacks_part(struct weir_neutral *call,
                                                  const struct weir_turn *turn,
                                                  const struct weir_part *part,
                                                  const char *member,
                                                  struct weir_error *err);
/* A field that is wrong in any dialect: ETYPE "<name> <reason>". */
WEIR_MUST_USE weir_status weir_neutral_wrong(struct weir_neutral *call,
                                             const char *name,
                                             const char *reason,
                                             struct weir_error *err);
/* What a dialect can say beside settings, kinds of parts and tools. */
enum weir_says {
    WEIR_SAYS_NAME = 1,          /* which of several speakers */
    WEIR_SAYS_DETAIL = 2,        /* how closely to look at a picture */
    WEIR_SAYS_TITLE = 4,         /* of a document */
    WEIR_SAYS_CACHE = 8,         /* markers behind parts and tools */
    WEIR_SAYS_CACHE_INSIDE = 16, /* and inside results of tools */
    WEIR_SAYS_STRICT = 32,       /* arguments that keep to the schema */
    WEIR_SAYS_FORMAT = 64,       /* a description beside the schema */
    WEIR_SAYS_TEXT_TITLE = 128   /* of a document that is plain text */
};

/*
 * All settings that are present must have a name in `names` (by
 * enum weir_setting_id; NULL: the dialect has none) or are lacked, and so
 * is every extra, and of parts and tools what is not among `says`. Settings
 * that ask for nothing are forgotten first. A document's title is left out
 * and noted, not refused: it is a label that some clients must write.
 */
WEIR_MUST_USE weir_status weir_neutral_check(struct weir_neutral *call,
                                             const char *const *names,
                                             uint32_t says,
                                             struct weir_error *err);
/* Notes a name that is left out, for the header. */
void weir_neutral_note(struct weir_neutral *call, weir_span name);

/* Tokens to think with, for an effort said in words, and the reverse; see
 * docs/formats/dialects.md. */
uint64_t weir_budget_of_effort(weir_span effort);
weir_span weir_effort_of_budget(uint64_t budget);

#ifdef __cplusplus
}
#endif
#endif
