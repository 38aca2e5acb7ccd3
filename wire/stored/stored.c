/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names in place of ids, while a reply passes.
 *
 *    events: line by line; of "data:" lines the JSON, of others nothing
 *    JSON:   structure is followed down the members that lead to ids; all
 *            else is skipped, strings by memchr
 *
 *    "id":"resp_68f0"  ->  "id":"resp_<code>68f0"
 *
 * WHY NO PARSER. A reply may be megabytes of base64 and is at any split; weir
 * does not answer for it. Only brackets and strings are followed, as by the
 * tap that meters it. What is written so oddly that no member matches (names
 * in escapes, ids that are none) passes as it came: the client then holds an
 * id that opens nothing here, which is safe.
 *
 * WHY A MEMO. A stream says one or two ids in each of its events, and a MAC
 * is most of what an event costs.
 */
#include <weir/stored.h>

#include <string.h>

/* Objects and arrays that lead somewhere. */
enum node {
    NOWHERE,
    RESPONSE, /* or a list of items, or what is told of a deletion */
    EVENT,
    CONVERSATION,
    ITEMS, /* array */
    ITEM,
    PARTS, /* array */
    PART,
    CHAT,
    CHOICES, /* array */
    CHOICE,
    MESSAGE,
    AUDIO,
    NODES
};

/* Not bound, but sealed: weir/seal.h. */
#define A_FILE UINT8_MAX

static const struct rule {
    const char *name;
    uint8_t len;
    uint8_t node;
    uint8_t kind;  /* of a string there */
    uint8_t child; /* of a container there */
} rules[] = {
#define RULE(node, name, kind, child)                                          \
    {                                                                          \
        name, sizeof(name) - 1, node, kind, child                              \
    }
    RULE(RESPONSE, "id", WEIR_BOUND_RESPONSE, NOWHERE),
    RULE(RESPONSE, "previous_response_id", WEIR_BOUND_RESPONSE, NOWHERE),
    RULE(RESPONSE, "output", 0, ITEMS),
    RULE(RESPONSE, "instructions", 0, ITEMS),
    RULE(RESPONSE, "data", 0, ITEMS),
    RULE(RESPONSE, "first_id", WEIR_BOUND_ITEM, NOWHERE),
    RULE(RESPONSE, "last_id", WEIR_BOUND_ITEM, NOWHERE),
    RULE(RESPONSE, "conversation", WEIR_BOUND_CONVERSATION, CONVERSATION),
    RULE(CONVERSATION, "id", WEIR_BOUND_CONVERSATION, NOWHERE),
    RULE(EVENT, "item_id", WEIR_BOUND_ITEM, NOWHERE),
    RULE(EVENT, "response", 0, RESPONSE),
    RULE(EVENT, "item", 0, ITEM),
    RULE(EVENT, "response_id", WEIR_BOUND_RESPONSE, NOWHERE),
    RULE(ITEM, "id", WEIR_BOUND_ITEM, NOWHERE),
    RULE(ITEM, "approval_request_id", WEIR_BOUND_ITEM, NOWHERE),
    RULE(ITEM, "content", 0, PARTS),
    RULE(ITEM, "output", 0, PARTS),
    RULE(PART, "file_id", A_FILE, NOWHERE),
    RULE(CHAT, "choices", 0, CHOICES),
    RULE(CHOICE, "message", 0, MESSAGE),
    RULE(CHOICE, "delta", 0, MESSAGE),
    RULE(MESSAGE, "audio", 0, AUDIO),
    RULE(AUDIO, "id", WEIR_BOUND_ITEM, NOWHERE),
#undef RULE
};

enum state {
    BETWEEN, /* strings */
    NAME,
    ID,
    STRING /* nobody wants it */
};

enum line { LINE_START, LINE_DATA, LINE_OTHER };

/* Bytes being fed: what stands before `from` was appended. */
struct feed {
    struct weir_stored_reply *reply;
    struct weir_buf *out;
    const char *from;
};

#define LEVELS (sizeof((struct weir_stored_reply *)0)->node)

void
weir_stored_reply_init(struct weir_stored_reply *reply,
                       const struct weir_bound_owner *owner,
                       uint64_t deployment, enum weir_dialect dialect,
                       bool is_streamed)
{
    memset(reply, 0, offsetof(struct weir_stored_reply, text));
    for (size_t i = 0; i < WEIR_STORED_MEMO; i++)
        reply->memo[i].kind = 0;
    reply->owner = *owner;
    reply->deployment = deployment;
    reply->is_streamed = is_streamed;
    reply->root = dialect == WEIR_DIALECT_CHAT ? CHAT
                  : is_streamed                ? EVENT
                                               : RESPONSE;
}

static void
remember(struct weir_stored_memo *memo, enum weir_bound_kind kind,
         weir_span word, weir_span name)
{
    memo->kind = (uint8_t)kind;
    memo->word_len = (uint16_t)word.len;
    memo->name_len = (uint16_t)name.len;
    memcpy(memo->word, word.ptr, word.len);
    memcpy(memo->name, name.ptr, name.len);
}

void
weir_stored_reply_know(struct weir_stored_reply *reply,
                       enum weir_bound_kind kind, weir_span word,
                       weir_span name)
{
    if (word.len == 0 || word.len > WEIR_BOUND_NAME_MAX ||
        name.len > WEIR_BOUND_NAME_MAX + WEIR_BOUND_NAME_MORE ||
        reply->known == WEIR_STORED_KNOWN)
        return;
    remember(&reply->memo[reply->known++], kind, word, name);
}

static void
put_file(struct feed *feed, weir_span id)
{
    struct weir_stored_reply *reply = feed->reply;
    if (reply->on_file == NULL ||
        !reply->on_file(reply->on_file_context, id, feed->out))
        weir_buf_add_span(feed->out, id);
}

/* Appends the id's name, or the id where it can have none. */
static void
put_name(struct feed *feed, enum weir_bound_kind kind, weir_span word)
{
    struct weir_stored_reply *reply = feed->reply;
    char room[WEIR_BOUND_NAME_MAX + WEIR_BOUND_NAME_MORE];
    struct weir_buf name;

    for (size_t i = 0; i < WEIR_STORED_MEMO; i++) {
        const struct weir_stored_memo *memo = &reply->memo[i];
        if (memo->kind == kind && memo->word_len == word.len &&
            memcmp(memo->word, word.ptr, word.len) == 0) {
            weir_buf_add(feed->out, memo->name, memo->name_len);
            return;
        }
    }
    weir_buf_init_fixed(&name, room, sizeof(room));
    if (!weir_bound_name(&reply->owner, kind, reply->deployment, word, &name)) {
        weir_buf_add_span(feed->out, word);
        return;
    }
    weir_buf_add_span(feed->out, weir_buf_span(&name));
    /* In place of the oldest, but for those that were known before. */
    if (reply->memo_next < reply->known || reply->memo_next == WEIR_STORED_MEMO)
        reply->memo_next = reply->known;
    remember(&reply->memo[reply->memo_next++], kind, word,
             weir_buf_span(&name));
}

/* ------------------------------------------------------------- structure */

static void
restart(struct weir_stored_reply *reply)
{
    reply->state = BETWEEN;
    reply->depth = 0;
    reply->skipped = 0;
    reply->kind = 0;
    reply->child = NOWHERE;
    reply->is_escaped = false;
}

static bool
is_object(const struct weir_stored_reply *reply)
{
    return reply->depth > 0 && (reply->objects >> (reply->depth - 1) & 1) != 0;
}

static void
open_container(struct weir_stored_reply *reply, bool is_brace)
{
    uint8_t node = reply->depth == 0 ? reply->root : reply->child;
    uint8_t over =
        reply->depth > 0 && reply->skipped == 0 && reply->depth <= LEVELS
            ? reply->node[reply->depth - 1]
            : NOWHERE;
    if (reply->skipped == 0 && !is_object(reply)) {
        /* An element: of the arrays that lead somewhere. */
        if (over == ITEMS)
            node = ITEM;
        else if (over == PARTS)
            node = PART;
        else if (over == CHOICES)
            node = CHOICE;
    }
    reply->depth++;
    if (reply->skipped != 0)
        return;
    bool is_array = node == ITEMS || node == PARTS || node == CHOICES;
    if (node == NOWHERE || is_array == is_brace || reply->depth > LEVELS) {
        reply->skipped = reply->depth;
        return;
    }
    reply->node[reply->depth - 1] = node;
    reply->objects = (uint8_t)((reply->objects & ~(1u << (reply->depth - 1))) |
                               (unsigned)is_brace << (reply->depth - 1));
    reply->wants_name = is_brace;
    reply->kind = 0;
    reply->child = NOWHERE;
}

static void
close_container(struct weir_stored_reply *reply)
{
    if (reply->depth == 0)
        return; /* more closed than opened: no reply of ours to judge */
    if (reply->skipped == reply->depth)
        reply->skipped = 0;
    reply->depth--;
    reply->kind = 0;
    reply->child = NOWHERE;
    reply->wants_name = false;
}

static void
open_string(struct feed *feed, const char *inside)
{
    struct weir_stored_reply *reply = feed->reply;
    reply->state = STRING;
    reply->len = 0;
    if (reply->skipped != 0 || reply->depth == 0)
        return;
    if (is_object(reply) && reply->wants_name) {
        reply->state = NAME;
    } else if (is_object(reply) && reply->kind != 0) {
        reply->state = ID;
        weir_buf_add(feed->out, feed->from, (size_t)(inside - feed->from));
        feed->from = inside;
    }
}

/* What the name of a member announces. */
static void
close_name(struct weir_stored_reply *reply)
{
    uint8_t node = reply->node[reply->depth - 1];
    reply->wants_name = false;
    reply->kind = 0;
    reply->child = NOWHERE;
    for (size_t i = 0; i < WEIR_COUNTOF(rules); i++)
        if (rules[i].node == node && rules[i].len == reply->len &&
            memcmp(rules[i].name, reply->text, reply->len) == 0) {
            reply->kind = rules[i].kind;
            reply->child = rules[i].child;
            return;
        }
}

static const char *
read_between(struct feed *feed, const char *at, const char *end)
{
    struct weir_stored_reply *reply = feed->reply;
    for (; at < end; at++)
        switch (*at) {
        case '"':
            open_string(feed, at + 1);
            return at + 1;
        case '{':
            open_container(reply, true);
            break;
        case '[':
            open_container(reply, false);
            break;
        case '}':
        case ']':
            close_container(reply);
            break;
        case ',':
            if (reply->skipped == 0) {
                reply->kind = 0;
                reply->child = NOWHERE;
                reply->wants_name = is_object(reply);
            }
            break;
        default:
            break;
        }
    return at;
}

/* --------------------------------------------------------------- strings */

/* The next `c`, or the end; `found` is what was found before: nothing is
 * looked through twice. */
static const char *
next_of(const char *found, char c, const char *at, const char *end)
{
    if (found != NULL && found >= at)
        return found;
    found = memchr(at, c, (size_t)(end - at));
    return found != NULL ? found : end;
}

/* Of a string that nobody wants. */
static const char *
skip_string(struct weir_stored_reply *reply, const char *at, const char *end)
{
    const char *quote = NULL;
    while (at < end) {
        if (reply->is_escaped) {
            reply->is_escaped = false;
            at++;
            continue;
        }
        quote = next_of(quote, '"', at, end);
        const char *escape = memchr(at, '\\', (size_t)(quote - at));
        if (escape != NULL) {
            reply->is_escaped = true;
            at = escape + 1;
            continue;
        }
        if (quote == end)
            return end;
        reply->state = BETWEEN;
        return quote + 1;
    }
    return at;
}

/* The id goes on as it is: it is none, or longer than any. */
static void
give_up(struct feed *feed, const char *at)
{
    struct weir_stored_reply *reply = feed->reply;
    weir_buf_add(feed->out, reply->text, reply->len);
    feed->from = at;
    reply->state = STRING;
}

/* Of a name or an id. */
static const char *
read_string(struct feed *feed, const char *at, const char *end)
{
    struct weir_stored_reply *reply = feed->reply;
    while (at < end && *at != '"') {
        if (*at == '\\' || reply->len == sizeof(reply->text)) {
            if (reply->state == ID)
                give_up(feed, at);
            else
                reply->wants_name = false;
            /* The member that such a name has leads nowhere. */
            reply->kind = 0;
            reply->child = NOWHERE;
            reply->state = STRING;
            return at;
        }
        reply->text[reply->len++] = *at++;
    }
    if (at == end)
        return at;
    if (reply->state == NAME) {
        close_name(reply);
    } else {
        weir_span word = {reply->text, reply->len};
        if (reply->kind == A_FILE)
            put_file(feed, word);
        else
            put_name(feed, (enum weir_bound_kind)reply->kind, word);
        feed->from = at;
        reply->kind = 0;
    }
    reply->state = BETWEEN;
    return at + 1;
}

static void
feed_json(struct feed *feed, const char *at, const char *end)
{
    struct weir_stored_reply *reply = feed->reply;
    while (at < end)
        switch (reply->state) {
        case BETWEEN:
            at = read_between(feed, at, end);
            break;
        case STRING:
            at = skip_string(reply, at, end);
            break;
        default:
            at = read_string(feed, at, end);
            break;
        }
    if (reply->state == ID)
        feed->from = end; /* held back */
}

/* ---------------------------------------------------------------- events */

static void
end_line(struct feed *feed, const char *at)
{
    struct weir_stored_reply *reply = feed->reply;
    bool is_pair = *at == '\n' && reply->was_cr;
    reply->was_cr = *at == '\r';
    if (is_pair)
        return;
    if (reply->line == LINE_START && reply->line_len == 0)
        restart(reply); /* a blank line: the event is at its end */
    else if (reply->line == LINE_DATA && reply->state == ID)
        give_up(feed, at); /* no string has a line feed in it */
    reply->line = LINE_START;
    reply->line_len = 0;
}

static void
feed_events(struct feed *feed, const char *at, const char *end)
{
    static const char field[] = "data:";
    struct weir_stored_reply *reply = feed->reply;
    const char *lf = NULL;
    const char *cr = NULL;
    while (at < end) {
        if (*at == '\n' || *at == '\r') {
            end_line(feed, at++);
            continue;
        }
        reply->was_cr = false;
        if (reply->line == LINE_START) {
            if (*at != field[reply->line_len])
                reply->line = LINE_OTHER;
            else if (++reply->line_len == sizeof(field) - 1)
                reply->line = LINE_DATA;
            at++;
            continue;
        }
        lf = next_of(lf, '\n', at, end);
        cr = next_of(cr, '\r', at, end);
        const char *to = lf < cr ? lf : cr;
        if (reply->line == LINE_DATA)
            feed_json(feed, at, to);
        at = to;
    }
}

bool
weir_stored_reply_feed(struct weir_stored_reply *reply, weir_span bytes,
                       struct weir_buf *out)
{
    const char *end = bytes.ptr + bytes.len;
    struct feed feed = {reply, out, bytes.ptr};
    if (bytes.len == 0)
        return !out->overflow;
    if (reply->is_streamed)
        feed_events(&feed, bytes.ptr, end);
    else
        feed_json(&feed, bytes.ptr, end);
    weir_buf_add(out, feed.from, (size_t)(end - feed.from));
    return !out->overflow;
}

bool
weir_stored_reply_end(struct weir_stored_reply *reply, struct weir_buf *out)
{
    if (reply->state == ID)
        weir_buf_add(out, reply->text, reply->len);
    restart(reply);
    return !out->overflow;
}
