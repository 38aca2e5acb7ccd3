/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every recorded reply of the OpenAI dialect, cut at every byte where it is
 * small and at many random places where it is not: the client's bytes are
 * the recording's (without the usage event where that is to be hidden), and
 * the usage is what a plain JSON library finds in it.
 */
#include <weir/provider.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#define EVERY_SPLIT_MAX 6000
#define RANDOM_SPLITS   60

struct recording {
    enum weir_endpoint endpoint;
    bool is_streamed;
    struct weir_buf text;
    struct weir_buf visible; /* without usage events */
    bool has_usage;
    bool has_done; /* [DONE], or a terminal event */
    struct weir_usage usage;
};

/* ------------------------------------------- what it ought to find */

static uint64_t
count_at(const json_t *object, const char *outer, const char *name)
{
    if (outer != NULL)
        object = json_object_get(object, outer);
    json_t *value = json_object_get(object, name);
    return json_is_number(value) ? (uint64_t)json_number_value(value) : 0;
}

static json_t *
load(const char *text, size_t len)
{
    /* One recording has a seed of more than 63 bits. */
    return json_loadb(text, len, JSON_DECODE_INT_AS_REAL, NULL);
}

static void
ought_usage(struct recording *recording, const json_t *usage)
{
    static const struct {
        const char *outer;
        const char *name;
    } cached[] = {{"prompt_tokens_details", "cached_tokens"},
                  {"input_tokens_details", "cached_tokens"},
                  {NULL, "cached_tokens"},
                  {NULL, "num_cached_tokens"},
                  {NULL, "prompt_cache_hit_tokens"}};
    struct weir_usage found = {0};
    if (!json_is_object(usage))
        return;
    found.input_tokens = count_at(usage, NULL, "prompt_tokens") +
                         count_at(usage, NULL, "input_tokens");
    found.output_tokens = count_at(usage, NULL, "completion_tokens") +
                          count_at(usage, NULL, "output_tokens");
    found.reasoning_tokens =
        count_at(usage, "completion_tokens_details", "reasoning_tokens") +
        count_at(usage, "output_tokens_details", "reasoning_tokens");
    if (found.reasoning_tokens == 0)
        found.reasoning_tokens = count_at(usage, NULL, "reasoning_tokens");
    for (size_t i = WEIR_COUNTOF(cached); i-- > 0;)
        if (count_at(usage, cached[i].outer, cached[i].name) > 0)
            found.cached_tokens =
                count_at(usage, cached[i].outer, cached[i].name);
    /* Whoever counts reasoning beside the output shows it in the total. */
    if (count_at(usage, NULL, "total_tokens") ==
        found.input_tokens + found.output_tokens + found.reasoning_tokens)
        found.output_tokens += found.reasoning_tokens;
    recording->usage = found;
    recording->has_usage = true;
}

static void
ought_value(struct recording *recording, const json_t *value)
{
    const json_t *usage = json_object_get(value, "usage");
    const json_t *response = json_object_get(value, "response");
    const json_t *beside = json_object_get(value, "x_groq");
    if (!json_is_object(usage) && response != NULL)
        usage = json_object_get(response, "usage");
    if (!json_is_object(usage) && beside != NULL)
        usage = json_object_get(beside, "usage");
    ought_usage(recording, usage);
}

static bool
is_usage_only(const json_t *value)
{
    return json_is_object(json_object_get(value, "usage")) &&
           json_array_size(json_object_get(value, "choices")) == 0 &&
           json_object_get(value, "error") == NULL;
}

/* One event of the recording, blank line included. */
static void
ought_event(struct recording *recording, const char *text, size_t len)
{
    const char *data = memmem(text, len, "data:", 5);
    bool is_hidden = false;
    if (data != NULL) {
        const char *end = memchr(data, '\n', (size_t)(text + len - data));
        size_t size = (size_t)((end != NULL ? end : text + len) - data);
        json_t *value = load(data + 5, size - 5);
        const char *type = json_string_value(json_object_get(value, "type"));
        if (memmem(data, size, "[DONE]", 6) != NULL)
            recording->has_done = true;
        if (type != NULL && (strcmp(type, "response.completed") == 0 ||
                             strcmp(type, "response.incomplete") == 0 ||
                             strcmp(type, "response.failed") == 0))
            recording->has_done = true;
        ought_value(recording, value);
        is_hidden =
            recording->endpoint == WEIR_ENDPOINT_CHAT && is_usage_only(value);
        json_decref(value);
    }
    if (!is_hidden)
        weir_buf_add(&recording->visible, text, len);
}

static void
ought_stream(struct recording *recording)
{
    const char *at = recording->text.ptr;
    const char *end = at + recording->text.len;
    while (at < end) {
        size_t left = (size_t)(end - at);
        const char *lf = memmem(at, left, "\n\n", 2);
        const char *crlf = memmem(at, left, "\r\n\r\n", 4);
        const char *behind = end;
        if (lf != NULL && (crlf == NULL || lf < crlf))
            behind = lf + 2;
        else if (crlf != NULL)
            behind = crlf + 4;
        ought_event(recording, at, (size_t)(behind - at));
        at = behind;
    }
}

/* ------------------------------------------------------ what it does */

static unsigned
next_random(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 8;
}

struct way {
    size_t first;  /* bytes of the first read; 0: as the others */
    size_t step;   /* of the others; 0: random */
    unsigned seed; /* of random steps */
    bool hides_usage;
    bool strips_reasoning;
};

/* The reply as it comes out to the client. */
static struct weir_reply_facts
pass(const struct recording *recording, const struct way *way,
     struct weir_buf *sent, struct weir_usage *usage_out)
{
    static char memory[16384];
    struct weir_arena arena;
    struct weir_reply_piece piece;
    unsigned seed = way->seed;
    const struct weir_reply_setup setup = {
        .endpoint = recording->endpoint,
        .is_streamed = recording->is_streamed,
        .hides_usage = way->hides_usage,
        .strips_reasoning = way->strips_reasoning};

    weir_arena_init(&arena, memory, sizeof(memory));
    struct weir_reply *reply =
        weir_reply_new(weir_provider_get(0), &setup, &arena);
    assert_non_null(reply);
    size_t len = way->first;
    for (size_t at = 0; at < recording->text.len; at += len) {
        size_t left = recording->text.len - at;
        if (at > 0 || len == 0)
            len = way->step > 0 ? way->step : 1 + next_random(&seed) % 3000;
        len = len < left ? len : left;
        weir_span input = {recording->text.ptr + at, len};
        while (weir_reply_next(reply, &input, &piece))
            weir_buf_add_span(sent, piece.bytes);
    }
    if (weir_reply_finish(reply, true, &piece))
        weir_buf_add_span(sent, piece.bytes);
    struct weir_reply_facts facts = *weir_reply_facts(reply);
    *usage_out = weir_reply_usage(reply, 400);
    weir_reply_free(reply);
    return facts;
}

/* Emptied strings: a quote and spaces, nothing else may differ. */
static size_t
count_emptied(const struct weir_buf *sent, const struct weir_buf *wanted)
{
    size_t count = 0;
    for (size_t i = 0; i < wanted->len; i++)
        if (sent->ptr[i] != wanted->ptr[i]) {
            assert_true(sent->ptr[i] == ' ' || sent->ptr[i] == '"');
            count++;
        }
    return count;
}

static size_t
replay(const struct recording *recording, struct way way)
{
    struct weir_buf sent;
    struct weir_usage usage;
    size_t emptied;
    const struct weir_buf *wanted = way.hides_usage && recording->is_streamed
                                        ? &recording->visible
                                        : &recording->text;
    weir_buf_init(&sent, (size_t)8 << 20);
    struct weir_reply_facts facts = pass(recording, &way, &sent, &usage);
    assert_int_equal(facts.state == WEIR_REPLY_DONE,
                     recording->has_done || !recording->is_streamed);
    assert_int_equal(sent.len, wanted->len);
    emptied = count_emptied(&sent, wanted);
    if (!way.strips_reasoning)
        assert_int_equal(emptied, 0);
    assert_int_equal(facts.has_usage, recording->has_usage);
    if (recording->has_usage) {
        assert_int_equal(usage.input_tokens, recording->usage.input_tokens);
        assert_int_equal(usage.cached_tokens, recording->usage.cached_tokens);
        assert_int_equal(usage.output_tokens, recording->usage.output_tokens);
        assert_int_equal(usage.reasoning_tokens,
                         recording->usage.reasoning_tokens);
    } else {
        assert_true(usage.is_estimated);
    }
    weir_buf_fini(&sent);
    return emptied;
}

/* Returns how many bytes of reasoning it had. */
static size_t
check_recording(struct recording *recording)
{
    size_t len = recording->text.len;
    if (recording->is_streamed) {
        ought_stream(recording);
    } else {
        json_t *value = load(recording->text.ptr, len);
        assert_non_null(value);
        ought_value(recording, value);
        json_decref(value);
    }
    replay(recording, (struct way){len, len, 0, true, false});
    replay(recording, (struct way){len, len, 0, false, false});
    replay(recording, (struct way){1, 1, 0, true, false});
    size_t emptied = replay(recording, (struct way){len, len, 0, true, true});
    assert_int_equal(replay(recording, (struct way){0, 0, 7, true, true}),
                     emptied);
    if (len <= EVERY_SPLIT_MAX)
        for (size_t split = 1; split < len; split++)
            replay(recording, (struct way){split, len, 0, true, false});
    else
        for (unsigned seed = 1; seed <= RANDOM_SPLITS; seed++)
            replay(recording,
                   (struct way){0, 0, seed * 7919, seed % 4 != 0, false});
    weir_buf_fini(&recording->text);
    weir_buf_fini(&recording->visible);
    return emptied;
}

/* ----------------------------------------------------------- sources */

static void
recording_init(struct recording *recording)
{
    memset(recording, 0, sizeof(*recording));
    weir_buf_init(&recording->text, (size_t)8 << 20);
    weir_buf_init(&recording->visible, (size_t)8 << 20);
}

/* A column of a tab-separated line, NUL-terminated in place. */
static char *
column(char **line)
{
    char *start = *line;
    char *tab = start + strcspn(start, "\t\r\n");
    *line = *tab == '\t' ? tab + 1 : tab;
    *tab = '\0';
    return start;
}

static bool
ends_with(const char *text, const char *end)
{
    return weir_span_ends(weir_span_of(text), weir_span_of(end));
}

/* provider kind status content_type bytes path file_stem */
static unsigned
check_row(const char *data, char *line, size_t *emptied)
{
    struct recording recording;
    char path[1024];
    size_t len;
    const char *provider = column(&line);
    const char *kind = column(&line);
    const char *status = column(&line);
    column(&line);
    column(&line);
    const char *origin_path = column(&line);
    const char *stem = column(&line);

    recording_init(&recording);
    recording.is_streamed = strcmp(kind, "stream") == 0;
    if (strcmp(status, "200") != 0 && strcmp(origin_path, "-") != 0)
        return 0;
    if (ends_with(origin_path, "/responses"))
        recording.endpoint = WEIR_ENDPOINT_RESPONSES;
    else if (ends_with(origin_path, "/chat/completions") ||
             strstr(stem, "gomodel-chat") != NULL)
        recording.endpoint = WEIR_ENDPOINT_CHAT;
    else
        return 0;
    snprintf(path, sizeof(path), "%s/recordings/%s/%s.body.%s", data, provider,
             stem, recording.is_streamed ? "sse" : "json");
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        /* The column may hold the folder too. */
        snprintf(path, sizeof(path), "%s/recordings/%s.body.%s", data, stem,
                 recording.is_streamed ? "sse" : "json");
    } else {
        fclose(file);
    }
    char *text = weir_test_read(path, &len);
    weir_buf_add(&recording.text, text, len);
    free(text);
    print_message("%s\n", path);
    *emptied += check_recording(&recording);
    return 1;
}

TEST(openai_recordings, replies_arrive_unchanged_and_metered)
{
    const char *data = weir_test_data();
    char path[1024];
    size_t len;
    unsigned count = 0;
    size_t emptied = 0;
    if (data == NULL) {
        print_message("skipped: no test data with recordings\n");
        skip();
    }
    snprintf(path, sizeof(path), "%s/recordings/index.tsv", data);
    char *index = weir_test_read(path, &len);
    char *line = strchr(index, '\n') + 1;
    while (*line != '\0') {
        char *next = line + strcspn(line, "\n");
        next += *next == '\n' ? 1 : 0;
        if (next > line && next[-1] == '\n')
            next[-1] = '\0';
        count += check_row(data, line, &emptied);
        line = next;
    }
    free(index);
    assert_in_range(count, 150, 10000);
    assert_in_range(emptied, 10000, SIZE_MAX);
}

/* ----------------------------------------------- the second project's */

static bool
is_responses(const json_t *value)
{
    const char *type = json_string_value(json_object_get(value, "type"));
    const char *object = json_string_value(json_object_get(value, "object"));
    return (type != NULL && strncmp(type, "response", 8) == 0) ||
           (object != NULL && strcmp(object, "response") == 0);
}

static bool
is_chat(const json_t *value)
{
    return json_is_array(json_object_get(value, "choices"));
}

/* Puts the framing back that the project took off. */
static bool
add_lines(struct recording *recording, char *text)
{
    bool is_known = false;
    for (char *line = text; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        json_t *value = load(line, len);
        if (value == NULL) {
            print_message("a line is not JSON, left out: ");
            return false;
        }
        if (is_responses(value)) {
            recording->endpoint = WEIR_ENDPOINT_RESPONSES;
            weir_buf_addf(&recording->text, "event: %s\n",
                          json_string_value(json_object_get(value, "type")));
            is_known = true;
        }
        is_known = is_known || is_chat(value);
        json_decref(value);
        weir_buf_add_span(&recording->text, WEIR_SPAN("data: "));
        weir_buf_add(&recording->text, line, len);
        weir_buf_add_span(&recording->text, WEIR_SPAN("\n\n"));
        line += len + (line[len] == '\n' ? 1 : 0);
    }
    if (recording->endpoint == WEIR_ENDPOINT_CHAT)
        weir_buf_add_span(&recording->text, WEIR_SPAN("data: [DONE]\n\n"));
    return is_known;
}

TEST(openai_recordings, second_projects_replies_too)
{
    static const char *providers[] = {
        "alibaba",    "azure", "cerebras",         "groq", "mistral", "openai",
        "perplexity", "xai",   "openai-compatible"};
    const char *data = weir_test_data();
    char path[1024];
    char command[1200];
    unsigned count = 0;
    if (data == NULL) {
        print_message("skipped: no test data with recordings\n");
        skip();
    }
    for (size_t i = 0; i < WEIR_COUNTOF(providers); i++) {
        snprintf(command, sizeof(command),
                 "ls '%s/recordings-vercel/%s/'* 2>/dev/null", data,
                 providers[i]);
        FILE *list = popen(command, "r");
        assert_non_null(list);
        while (fgets(path, sizeof(path), list) != NULL) {
            struct recording recording;
            size_t len;
            bool is_known;
            path[strcspn(path, "\n")] = '\0';
            recording_init(&recording);
            recording.is_streamed = ends_with(path, ".chunks.txt");
            char *text = weir_test_read(path, &len);
            if (recording.is_streamed) {
                is_known = add_lines(&recording, text);
            } else {
                json_t *value = load(text, len);
                is_known = is_responses(value) || is_chat(value);
                if (is_responses(value))
                    recording.endpoint = WEIR_ENDPOINT_RESPONSES;
                json_decref(value);
                weir_buf_add(&recording.text, text, len);
            }
            free(text);
            print_message("%s\n", path);
            if (is_known) {
                check_recording(&recording);
                count++;
            } else {
                weir_buf_fini(&recording.text);
                weir_buf_fini(&recording.visible);
            }
        }
        pclose(list);
    }
    assert_in_range(count, 50, 10000);
}
