/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a prompt may not name: files, stores, caches and containers that lie
 * at an origin. One account there serves all tenants, and the origin does not
 * know whose call it is, so that a name would be enough to read what another
 * tenant put there.
 *
 * One thing may be named: a file that a tenant sent through this gateway, by
 * the name that it was given (weir/kept_file.h), where an API's own prompts
 * name files. Such names are counted here, and opened by whoever knows the
 * tenant. Everywhere else a file's name is refused as all others are.
 *
 * A body that has no member of such a name, as its parser tells, is let go. All
 * others are walked once, down the members in which a dialect puts content and no
 * others: what a tool is called with, and what schemas describe, may have
 * any names. The walk takes single values where lists are usual, every one of
 * members that repeat, and names with underscores or without, as some origin
 * does each of these.
 *
 * Nor may it name servers of tools that the origin would ask by itself: what
 * is called there, and with what, no rule of this gateway would see.
 *
 * Addresses stay: data:, http: and https: (address.c), unless who runs this
 * gateway lets none or few be named (weir/urls.h). Then tools that read
 * whatever address a text has count as addresses too.
 */
#include "common.h"

#include "anthropic/anthropic.h"
#include "bedrock/bedrock.h"
#include "gemini/gemini.h"
#include "openai/openai.h"

#include <string.h>

#define BIT(surface) (1u << (surface))

/* REALTIME: events of a session, in which OpenAI's items and tools stand. */
enum surface { OPENAI, ANTHROPIC, GEMINI, BEDROCK, REALTIME };
#define EITHER (BIT(OPENAI) | BIT(REALTIME))
enum act {
    INTO,    /* what lies in it is walked */
    ALL,     /* all that lies in it, whatever the names */
    ADDRESS, /* a string must be a web address, others are walked */
    FETCHER, /* of strict rules: reads addresses that stand in texts */
    BY_TYPE, /* of strict rules: a FETCHER by its type */
    NEVER,   /* unless null */
    FILE_ID, /* a string that may be the sealed name of a file */
    NAMED,   /* never as a string, others are walked */
    SERVER,  /* unless null or empty: of tools that the origin would call */
    SOUND    /* as it is; noted */
};

/* `name` in small letters without underscores; `under`: the named member
 * that it lies in, NULL: any; `depth` of its object, 0: any. */
struct rule {
    const char *name;
    const char *under;
    unsigned surfaces;
    enum act act;
    unsigned depth;
};
static const struct rule rules[] = {
    {"messages", NULL, BIT(OPENAI) | BIT(ANTHROPIC) | BIT(BEDROCK), INTO, 0},
    {"content", NULL, ~0u, INTO, 0},
    {"tools", NULL, EITHER | BIT(GEMINI), INTO, 0},

    {"input", NULL, BIT(OPENAI) | BIT(BEDROCK), INTO, 1},
    {"output", "input", EITHER, INTO, 0},
    {"file", NULL, EITHER, INTO, 0},
    {"container", "tools", EITHER, NAMED, 0},
    {"environment", "tools", EITHER, INTO, 0},
    {"containerid", "environment", EITHER, NEVER, 0},
    {"inputimagemask", "tools", EITHER, INTO, 0},
    {"prompt", NULL, BIT(OPENAI), INTO, 1},
    {"variables", "prompt", EITHER, ALL, 0},
    {"imageurl", NULL, EITHER, ADDRESS, 0},
    {"videourl", NULL, EITHER, ADDRESS, 0},
    {"audiourl", NULL, EITHER, ADDRESS, 0},
    {"documenturl", NULL, EITHER, ADDRESS, 0},
    {"fileurl", NULL, EITHER, ADDRESS, 0},
    {"url", "imageurl", EITHER, ADDRESS, 0},
    {"url", "videourl", EITHER, ADDRESS, 0},
    {"url", "audiourl", EITHER, ADDRESS, 0},
    {"url", "documenturl", EITHER, ADDRESS, 0},
    {"fileid", "file", BIT(OPENAI), FILE_ID, 0},
    {"fileid", "content", BIT(OPENAI), FILE_ID, 0},
    {"fileid", "output", BIT(OPENAI), FILE_ID, 0},
    {"fileid", NULL, EITHER, NEVER, 0},
    {"fileids", "container", EITHER, NEVER, 0},
    {"vectorstoreids", "tools", EITHER, NEVER, 0},
    {"serverurl", "tools", BIT(OPENAI), SERVER, 0},
    {"connectorid", "tools", BIT(OPENAI), SERVER, 0},

    {"item", NULL, BIT(REALTIME), INTO, 1},
    {"session", NULL, BIT(REALTIME), INTO, 1},
    {"response", NULL, BIT(REALTIME), INTO, 1},
    {"prompt", NULL, BIT(REALTIME), INTO, 2},
    {"input", "response", BIT(REALTIME), INTO, 0},
    {"output", "item", BIT(REALTIME), INTO, 0},
    {"audio", "content", BIT(REALTIME), SOUND, 0},
    {"audio", NULL, BIT(REALTIME), SOUND, 1},

    {"system", NULL, BIT(ANTHROPIC) | BIT(BEDROCK), INTO, 0},
    {"source", NULL, BIT(ANTHROPIC) | BIT(BEDROCK), INTO, 0},
    {"url", "source", BIT(ANTHROPIC), ADDRESS, 0},
    {"fileid", "source", BIT(ANTHROPIC), NEVER, 0},
    /* A block of its own; deeper ones are what some tool said it made. */
    {"fileid", "content", BIT(ANTHROPIC), NEVER, 5},
    {"container", NULL, BIT(ANTHROPIC), NAMED, 1},
    {"id", "container", BIT(ANTHROPIC), NEVER, 2},
    {"mcpservers", NULL, BIT(ANTHROPIC), SERVER, 1},

    {"contents", NULL, BIT(GEMINI), INTO, 0},
    {"systeminstruction", NULL, BIT(GEMINI), INTO, 0},
    {"parts", NULL, BIT(GEMINI), INTO, 0},
    {"requests", NULL, BIT(GEMINI), INTO, 0},
    {"generatecontentrequest", NULL, BIT(GEMINI), INTO, 0},
    {"functionresponse", NULL, BIT(GEMINI), INTO, 0},
    {"filedata", NULL, BIT(GEMINI), INTO, 0},
    {"fileuri", "filedata", BIT(GEMINI), ADDRESS, 0},
    {"cachedcontent", NULL, BIT(GEMINI), NEVER, 0},
    {"filesearch", "tools", BIT(GEMINI), NEVER, 0},
    {"mcpservers", "tools", BIT(GEMINI), SERVER, 0},
    {"retrieval", "tools", BIT(GEMINI), NEVER, 0},

    {"converse", "input", BIT(BEDROCK), INTO, 0},
    {"image", NULL, BIT(BEDROCK), INTO, 0},
    {"document", NULL, BIT(BEDROCK), INTO, 0},
    {"video", NULL, BIT(BEDROCK), INTO, 0},
    {"audio", NULL, BIT(BEDROCK), INTO, 0},
    {"toolresult", NULL, BIT(BEDROCK), INTO, 0},
    {"s3location", NULL, BIT(BEDROCK), NEVER, 0},
};

/* Where not every address may be named, before the others: what leads an
 * origin to one that they let be. */
static const struct rule strict_rules[] = {
    {"images", NULL, BIT(OPENAI), ADDRESS, 1},
    {"image", NULL, BIT(OPENAI), ADDRESS, 1},
    {"inputs", NULL, BIT(OPENAI), INTO, 1}, /* of Cohere's embeddings */
    {"tools", NULL, BIT(ANTHROPIC), INTO, 1},
    {"type", "tools", BIT(ANTHROPIC), BY_TYPE, 0},
    {"urlcontext", "tools", BIT(GEMINI), FETCHER, 0},
};

struct walk {
    struct weir_json_reader reader;
    struct weir_arena names;      /* of the member being read, if escaped */
    const struct weir_urls *urls; /* NULL: any */
    unsigned surface;
    weir_span body;
    weir_span name;     /* of the member whose list is walked */
    weir_span *param;   /* what is refused */
    weir_status status; /* why */
    bool has_sound;
    enum weir_dialect dialect;     /* OPENAI: whose files may be named */
    uint32_t file_count;           /* names so far */
    weir_surface_on_file *on_file; /* NULL: they are counted */
    void *context;
    struct weir_error *err;
    char memory[512];
    char address[8192]; /* of one with escapes */
};

/* ------------------------------------------------------------ addresses */

/* RAW string. Of data: the bytes are here, and may be many. */
static enum weir_address
address_of(struct walk *walk, weir_span raw)
{
    weir_span text = {raw.ptr + 1, raw.len - 2};
    if (weir_address_is_data(text))
        return WEIR_ADDRESS_FITS;
    if (memchr(raw.ptr, '\\', raw.len) != NULL &&
        !weir_json_unescape_into(raw, walk->address, sizeof walk->address,
                                 &text))
        return WEIR_ADDRESS_UNKNOWN;
    if ((BIT(walk->surface) & EITHER) != 0 && weir_address_is_bytes(text))
        return WEIR_ADDRESS_FITS;
    return weir_address_judge(text, walk->urls);
}

/* ----------------------------------------------------------------- walk */

static bool
is_called(weir_span name, const char *small)
{
    size_t at = 0;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == '_')
            continue;
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (c != small[at] || c == '\0')
            return false;
        at++;
    }
    return small[at] == '\0' && at > 0;
}

static const struct rule *
find_rule(const struct rule *list, size_t count, const struct walk *walk,
          const struct rule *parent, weir_span name)
{
    for (size_t i = 0; i < count; i++) {
        const struct rule *rule = &list[i];
        if ((rule->surfaces & BIT(walk->surface)) == 0 ||
            (rule->depth != 0 && rule->depth != walk->reader.depth) ||
            !is_called(name, rule->name))
            continue;
        if (rule->under == NULL ||
            (parent != NULL && strcmp(parent->name, rule->under) == 0))
            return rule;
    }
    return NULL;
}

static const struct rule *
rule_of(const struct walk *walk, const struct rule *parent, weir_span name)
{
    static const struct rule any = {"", NULL, ~0u, INTO, 0};
    const struct rule *rule = NULL;
    if (walk->urls != NULL)
        rule = find_rule(strict_rules, WEIR_COUNTOF(strict_rules), walk, parent,
                         name);
    if (rule == NULL)
        rule = find_rule(rules, WEIR_COUNTOF(rules), walk, parent, name);
    if (rule == NULL && parent != NULL && parent->act == ALL)
        rule = &any;
    return rule;
}

/* The name is the client's own, from the body: it outlives the walk. */
static bool
refuse_as(struct walk *walk, weir_status status, weir_span name,
          const char *reason)
{
    bool is_of_body = name.ptr >= walk->body.ptr &&
                      name.ptr < walk->body.ptr + walk->body.len;
    *walk->param = is_of_body ? name : WEIR_SPAN_NONE;
    walk->status = weir_fail(walk->err, status, walk->reader.at, "%.*s %s",
                             WEIR_SPAN_ARG(name), reason);
    return false;
}

static bool
refuse(struct walk *walk, weir_span name, const char *reason)
{
    return refuse_as(walk, WEIR_ETYPE, name, reason);
}

/* A string at a member whose rule is about addresses. */
static bool
judge_address(struct walk *walk, weir_span name)
{
    weir_span raw;
    if (!weir_json_raw(&walk->reader, &raw))
        return true; /* the reader says so */
    switch (address_of(walk, raw)) {
    case WEIR_ADDRESS_FITS:
        return true;
    case WEIR_ADDRESS_FORBIDDEN:
        return refuse_as(walk, WEIR_EDENIED, name,
                         walk->urls->mode == WEIR_URLS_HOSTS
                             ? "names a host that the operator of this gateway "
                               "does not let be named: send the bytes"
                             : "names an address, and the operator of this "
                               "gateway lets none be named: send the bytes");
    default:
        return refuse(walk, name,
                      "is not a public web address: send the file's bytes");
    }
}

static bool
judge_fetcher(struct walk *walk, const struct rule *rule, weir_span name)
{
    weir_span raw;
    if (rule->act == BY_TYPE &&
        (weir_json_peek(&walk->reader) != WEIR_JSON_STRING ||
         !weir_json_raw(&walk->reader, &raw) ||
         (memchr(raw.ptr, '\\', raw.len) == NULL &&
          memmem(raw.ptr, raw.len, "web_fetch", 9) == NULL)))
        return true;
    return refuse_as(walk, WEIR_EDENIED, name,
                     "asks for a tool that reads addresses, which the operator "
                     "of this gateway does not let be named");
}

/* A part of a chat has its file in `file`, one of Responses, or of a tool's
 * output there, in itself. */
static bool
take_file(struct walk *walk, const struct rule *rule, weir_span name)
{
    bool is_of_chat = strcmp(rule->under, "file") == 0;
    weir_span raw;
    if (walk->dialect !=
        (is_of_chat ? WEIR_DIALECT_CHAT : WEIR_DIALECT_RESPONSES))
        return refuse(walk, name,
                      "is not served: it names what lies at an origin");
    if (!weir_span_equal(name, WEIR_SPAN("file_id")) ||
        weir_json_peek(&walk->reader) != WEIR_JSON_STRING ||
        !weir_json_raw(&walk->reader, &raw) ||
        memchr(raw.ptr, '\\', raw.len) != NULL)
        return refuse(walk, name, "must be the id of a file");
    walk->file_count++;
    return walk->on_file == NULL || walk->on_file(walk->context, raw);
}

static bool walk_value(struct walk *walk, const struct rule *rule);

/* A member that a rule is about. */
static bool
judge(struct walk *walk, const struct rule *rule, weir_span name)
{
    enum weir_json_kind kind = weir_json_peek(&walk->reader);
    weir_span raw;
    if (kind == WEIR_JSON_NULL)
        return true;
    if (rule->act == SOUND) {
        walk->has_sound = true;
        return true;
    }
    if (rule->act == NEVER || (rule->act == NAMED && kind == WEIR_JSON_STRING))
        return refuse(walk, name,
                      "is not served: it names what lies at an origin");
    if (rule->act == SERVER)
        return (kind == WEIR_JSON_ARRAY && weir_json_raw(&walk->reader, &raw) &&
                weir_json_is_empty(raw)) ||
               refuse(walk, name,
                      "is not served: servers of tools are asked through "
                      "this gateway");
    if (rule->act == FILE_ID)
        return take_file(walk, rule, name);
    if (rule->act == FETCHER || rule->act == BY_TYPE)
        return judge_fetcher(walk, rule, name);
    if (rule->act == ADDRESS && kind == WEIR_JSON_STRING)
        return judge_address(walk, name);
    walk->name = name;
    return walk_value(walk, rule);
}

/* False: refused. As deep as bodies nest, no deeper. */
static bool
walk_value(struct walk *walk, const struct rule *rule)
{
    weir_span name;
    switch (weir_json_peek(&walk->reader)) {
    case WEIR_JSON_ARRAY:
        (void)weir_json_array(&walk->reader);
        while (weir_json_element(&walk->reader)) {
            bool is_string = weir_json_peek(&walk->reader) == WEIR_JSON_STRING;
            if (!(is_string && rule != NULL && rule->act == ADDRESS
                      ? judge_address(walk, walk->name)
                      : walk_value(walk, rule)))
                return false;
        }
        return true;
    case WEIR_JSON_OBJECT:
        (void)weir_json_object(&walk->reader);
        for (;;) {
            walk->names.used = 0;
            if (!weir_json_member(&walk->reader, &name))
                return true;
            const struct rule *of = rule_of(walk, rule, name);
            if (of != NULL && !judge(walk, of, name))
                return false;
        }
    default:
        return true;
    }
}

/* Names that a rule refuses, or that lead to such, as origins spell them. */
enum { NAMES = 24 };
static const char *const known[][NAMES] = {
    [OPENAI] = {"image_url",      "imageUrl",    "video_url",
                "videoUrl",       "audio_url",   "audioUrl",
                "document_url",   "documentUrl", "file_url",
                "fileUrl",        "file_id",     "fileId",
                "file_ids",       "fileIds",     "container",
                "container_id",   "containerId", "vector_store_ids",
                "vectorStoreIds", "server_url",  "serverUrl",
                "connector_id",   "connectorId"},
    [ANTHROPIC] = {"source", "file_id", "container", "mcp_servers"},
    [GEMINI] = {"fileData", "file_data", "fileUri", "file_uri", "fileSearch",
                "file_search", "cachedContent", "cached_content", "retrieval",
                "mcpServers", "mcp_servers"},
    [BEDROCK] = {"s3Location", "s3_location"},
};
static const char *const known_strictly[][NAMES] = {
    [OPENAI] = {"images", "image"},
    [ANTHROPIC] = {"tools"},
    [GEMINI] = {"urlContext", "url_context"},
    [BEDROCK] = {NULL},
};

/* By what the parser met: no pass over the body of its own. */
static bool
has_name(const struct weir_json_names *names, unsigned surface, bool is_strict)
{
    struct weir_json_names wanted = {{0}};
    for (size_t i = 0; i < NAMES && known[surface][i] != NULL; i++)
        weir_json_names_add(&wanted, weir_span_of(known[surface][i]));
    for (size_t i = 0; is_strict && known_strictly[surface][i] != NULL; i++)
        weir_json_names_add(&wanted, weir_span_of(known_strictly[surface][i]));
    return names->has_escapes || (names->bits[0] & wanted.bits[0]) != 0 ||
           (names->bits[1] & wanted.bits[1]) != 0;
}

static weir_status
walk_body(struct walk *walk, unsigned surface, weir_span body, weir_span *param,
          struct weir_error *err)
{
    walk->surface = surface;
    walk->body = body;
    walk->param = param;
    walk->has_sound = false;
    walk->file_count = 0;
    walk->err = err;
    weir_arena_init(&walk->names, walk->memory, sizeof walk->memory);
    weir_json_reader_init(&walk->reader, body, &walk->names);
    walk->status = WEIR_ETYPE;
    walk->name = WEIR_SPAN_NONE;
    if (walk->urls != NULL && walk->urls->mode == WEIR_URLS_ANY)
        walk->urls = NULL;
    if (!walk_value(walk, NULL))
        return walk->status;
    /* The body is JSON: what fails is a name too long for any that is known. */
    return weir_json_reader_end(&walk->reader, err);
}

weir_status
weir_surface_check_references(struct weir_request *request,
                              const struct weir_urls *urls,
                              struct weir_error *err)
{
    static const struct weir_surface *const surfaces[] = {
        [OPENAI] = &weir_openai_surface,
        [ANTHROPIC] = &weir_anthropic_surface,
        [GEMINI] = &weir_gemini_surface,
        [BEDROCK] = &weir_bedrock_surface};
    struct walk walk;
    weir_status status;
    unsigned surface = 0;
    while (surface < WEIR_COUNTOF(surfaces) &&
           surfaces[surface] != request->surface)
        surface++;
    if (request->dialect == WEIR_DIALECT_INVOKE)
        surface = ANTHROPIC; /* whose bodies these are */
    /* A form's files lie in the form. */
    if (surface == WEIR_COUNTOF(surfaces) || request->boundary.len > 0 ||
        (request->knows_names &&
         !has_name(&request->names, surface,
                   urls != NULL && urls->mode != WEIR_URLS_ANY)))
        return WEIR_OK;
    walk.urls = urls;
    walk.dialect = request->dialect;
    walk.on_file = NULL;
    status = walk_body(&walk, surface, request->body, &request->param, err);
    request->file_count = walk.file_count;
    return status;
}

bool
weir_surface_files(const struct weir_request *request,
                   weir_surface_on_file *on_file, void *context)
{
    struct walk walk = {
        .dialect = request->dialect, .on_file = on_file, .context = context};
    weir_span param;
    return request->file_count == 0 ||
           walk_body(&walk, OPENAI, request->body, &param, NULL) == WEIR_OK;
}

weir_status
weir_surface_check_event(weir_span event, const struct weir_urls *urls,
                         bool *has_sound_out, weir_span *param_out,
                         struct weir_error *err)
{
    struct walk walk;
    walk.on_file = NULL;
    walk.urls = urls;
    weir_status status = walk_body(&walk, REALTIME, event, param_out, err);
    *has_sound_out = walk.has_sound;
    return status;
}
