/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much a request asks of a model.
 *
 *     body -- scan --> text of the turns --> counts --> 0 .. 100 each
 *                      tools, schema, effort             |
 *                                     weights (integers) v
 *     score = 500 + 500 z / (|z| + SOFT),   z = bias + sum(weight * count)
 *
 * WHY NOT A MODEL. A small model takes milliseconds and a processor; this
 * takes microseconds on the path of every call, and one can say of each call
 * which counts made its score.
 *
 * WHY RAW BYTES. Escapes of JSON are read where they matter (line breaks) and
 * else left as they are: to unescape a prompt costs more than all counts.
 *
 * THE TASK IS AT THE END. Of a long conversation the last WEIR_COMPLEX_TEXT_MAX
 * bytes count; older turns were asked and answered.
 *
 * WHAT IT CANNOT SEE. A short question may be deep ("is P = NP?"), a long one
 * shallow. It knows workloads, not truth: an operator sets thresholds by the
 * report of savings and escalations.
 */
#include <weir/complexity.h>
#include <weir/image.h>
#include <weir/json.h>

#include <string.h>

#include "complexity_weights.h"

enum {
    MESSAGES,
    CONTENTS,
    INPUT,
    PROMPT,
    SYSTEM,
    TOOLS,
    RESPONSE_FORMAT,
    TEXT_FORMAT,
    GENERATION_SCHEMA,
    EFFORT,
    REASONING_EFFORT,
    THINKING,
    MEMBERS
};

static const weir_json_path members[MEMBERS] = {
    [MESSAGES] = WEIR_JSON_PATH1("messages"),
    [CONTENTS] = WEIR_JSON_PATH1("contents"),
    [INPUT] = WEIR_JSON_PATH1("input"),
    [PROMPT] = WEIR_JSON_PATH1("prompt"),
    [SYSTEM] = WEIR_JSON_PATH1("system"),
    [TOOLS] = WEIR_JSON_PATH1("tools"),
    [RESPONSE_FORMAT] = WEIR_JSON_PATH1("response_format"),
    [TEXT_FORMAT] = WEIR_JSON_PATH2("text", "format"),
    [GENERATION_SCHEMA] = WEIR_JSON_PATH2("generationConfig", "responseSchema"),
    [EFFORT] = WEIR_JSON_PATH1("reasoning_effort"),
    [REASONING_EFFORT] = WEIR_JSON_PATH2("reasoning", "effort"),
    [THINKING] = WEIR_JSON_PATH1("thinking"),
};

/* ---------------------------------------------------------------- words */

struct word {
    const char *text;
    uint8_t feature;
};

/* Beginnings of words, in small letters, by their first letter. */
static const struct word words[] = {
    {"algorithm", WEIR_COMPLEX_CODE_WORDS},
    {"analy", WEIR_COMPLEX_REASONING},
    {"api", WEIR_COMPLEX_CODE_WORDS},
    {"architect", WEIR_COMPLEX_TASKS},
    {"array", WEIR_COMPLEX_CODE_WORDS},
    {"bug", WEIR_COMPLEX_CODE_WORDS},
    {"build", WEIR_COMPLEX_TASKS},
    {"calculat", WEIR_COMPLEX_REASONING},
    {"cancel", WEIR_COMPLEX_ROUTINE},
    {"class", WEIR_COMPLEX_CODE_WORDS},
    {"code", WEIR_COMPLEX_CODE_WORDS},
    {"compar", WEIR_COMPLEX_REASONING},
    {"compl", WEIR_COMPLEX_REASONING},
    {"convert", WEIR_COMPLEX_TASKS},
    {"create", WEIR_COMPLEX_TASKS},
    {"css", WEIR_COMPLEX_CODE_WORDS},
    {"database", WEIR_COMPLEX_CODE_WORDS},
    {"debug", WEIR_COMPLEX_CODE_WORDS},
    {"delivery", WEIR_COMPLEX_ROUTINE},
    {"deriv", WEIR_COMPLEX_REASONING},
    {"design", WEIR_COMPLEX_TASKS},
    {"develop", WEIR_COMPLEX_TASKS},
    {"edit", WEIR_COMPLEX_TASKS},
    {"essay", WEIR_COMPLEX_TASKS},
    {"explain", WEIR_COMPLEX_REASONING},
    {"function", WEIR_COMPLEX_CODE_WORDS},
    {"generat", WEIR_COMPLEX_TASKS},
    {"hello", WEIR_COMPLEX_ROUTINE},
    {"help", WEIR_COMPLEX_ROUTINE},
    {"html", WEIR_COMPLEX_CODE_WORDS},
    {"implement", WEIR_COMPLEX_TASKS},
    {"integer", WEIR_COMPLEX_CODE_WORDS},
    {"invoice", WEIR_COMPLEX_ROUTINE},
    {"java", WEIR_COMPLEX_CODE_WORDS},
    {"javascript", WEIR_COMPLEX_CODE_WORDS},
    {"list", WEIR_COMPLEX_CODE_WORDS},
    {"method", WEIR_COMPLEX_CODE_WORDS},
    {"optimi", WEIR_COMPLEX_REASONING},
    {"order", WEIR_COMPLEX_ROUTINE},
    {"password", WEIR_COMPLEX_ROUTINE},
    {"payment", WEIR_COMPLEX_ROUTINE},
    {"plan", WEIR_COMPLEX_TASKS},
    {"please", WEIR_COMPLEX_ROUTINE},
    {"program", WEIR_COMPLEX_CODE_WORDS},
    {"proof", WEIR_COMPLEX_REASONING},
    {"prove", WEIR_COMPLEX_REASONING},
    {"purchase", WEIR_COMPLEX_ROUTINE},
    {"python", WEIR_COMPLEX_CODE_WORDS},
    {"query", WEIR_COMPLEX_CODE_WORDS},
    {"reason", WEIR_COMPLEX_REASONING},
    {"refactor", WEIR_COMPLEX_TASKS},
    {"refund", WEIR_COMPLEX_ROUTINE},
    {"return", WEIR_COMPLEX_CODE_WORDS},
    {"rewrite", WEIR_COMPLEX_TASKS},
    {"script", WEIR_COMPLEX_CODE_WORDS},
    {"shipping", WEIR_COMPLEX_ROUTINE},
    {"solve", WEIR_COMPLEX_REASONING},
    {"sort", WEIR_COMPLEX_CODE_WORDS},
    {"sql", WEIR_COMPLEX_CODE_WORDS},
    {"step", WEIR_COMPLEX_REASONING},
    {"string", WEIR_COMPLEX_CODE_WORDS},
    {"subscri", WEIR_COMPLEX_ROUTINE},
    {"thanks", WEIR_COMPLEX_ROUTINE},
    {"theorem", WEIR_COMPLEX_REASONING},
    {"variable", WEIR_COMPLEX_CODE_WORDS},
    {"why", WEIR_COMPLEX_REASONING},
    {"write", WEIR_COMPLEX_TASKS},
};

struct counts {
    uint32_t of[WEIR_COMPLEX_FEATURES];
    uint32_t bytes;
    uint32_t word_count;
    uint32_t letters;
};

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* First row for each letter: words are sorted. */
static void
count_word(const char *text, size_t len, struct counts *counts)
{
    char first = lower(text[0]);
    size_t low = 0;
    size_t high = WEIR_COUNTOF(words);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (words[middle].text[0] < first)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < WEIR_COUNTOF(words) && words[low].text[0] == first; low++) {
        const char *word = words[low].text;
        size_t i = 0;
        while (word[i] != '\0' && i < len && lower(text[i]) == word[i])
            i++;
        if (word[i] == '\0') {
            counts->of[words[low].feature]++;
            return;
        }
    }
}

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* One string of JSON without its quotes. */
static void
count_text(weir_span text, struct counts *counts)
{
    size_t i = 0;
    while (i < text.len) {
        char c = text.ptr[i];
        if (is_letter(c)) {
            size_t start = i;
            while (i < text.len && is_letter(text.ptr[i]))
                i++;
            counts->word_count++;
            counts->letters += (uint32_t)(i - start);
            count_word(text.ptr + start, i - start, counts);
            if (i < text.len && (text.ptr[i] == '(' || text.ptr[i] == '_'))
                counts->of[WEIR_COMPLEX_CODE]++;
            continue;
        }
        if (c == '\\' && i + 1 < text.len) {
            counts->of[WEIR_COMPLEX_LINES] += text.ptr[i + 1] == 'n';
            i += 2;
            continue;
        }
        counts->of[WEIR_COMPLEX_NUMBERS] += c >= '0' && c <= '9';
        counts->of[WEIR_COMPLEX_QUESTIONS] += c == '?';
        counts->of[WEIR_COMPLEX_FOREIGN] += (unsigned char)c >= 0x80;
        counts->of[WEIR_COMPLEX_CODE] += c == '{' || c == '}' || c == ';' ||
                                         c == '`' || c == '[' || c == '#';
        counts->of[WEIR_COMPLEX_MATHS] += c == '=' || c == '+' || c == '<' ||
                                          c == '>' || c == '^' || c == '*';
        i++;
    }
    counts->bytes += (uint32_t)text.len;
}

/* Strings of a value that are text: of "text", "content", "parts", "input" and
 * of plain strings. Depth is the scanner's matter. */
static bool
is_text_member(weir_span key)
{
    return weir_span_equal(key, WEIR_SPAN("text")) ||
           weir_span_equal(key, WEIR_SPAN("content")) ||
           weir_span_equal(key, WEIR_SPAN("parts"));
}

static void
count_value(weir_span raw, int depth, struct counts *counts)
{
    struct weir_json_reader reader;
    weir_span key, value;
    if (raw.len < 2 || depth > 4)
        return;
    if (raw.ptr[0] == '"') {
        weir_span text = {raw.ptr + 1, raw.len - 2};
        if (text.len > WEIR_COMPLEX_TEXT_MAX) {
            text.ptr += text.len - WEIR_COMPLEX_TEXT_MAX;
            text.len = WEIR_COMPLEX_TEXT_MAX;
        }
        if (counts->bytes < WEIR_COMPLEX_TEXT_MAX)
            count_text(text, counts);
        return;
    }
    weir_json_reader_init(&reader, raw, NULL);
    if (raw.ptr[0] == '[' && weir_json_array(&reader)) {
        while (weir_json_element(&reader) && weir_json_raw(&reader, &value))
            count_value(value, depth + 1, counts);
    } else if (raw.ptr[0] == '{' && weir_json_object(&reader)) {
        while (weir_json_member(&reader, &key) &&
               weir_json_raw(&reader, &value))
            if (is_text_member(key))
                count_value(value, depth + 1, counts);
    }
}

static uint32_t
elements_of(weir_span raw)
{
    struct weir_json_reader reader;
    weir_span value;
    uint32_t count = 0;
    weir_json_reader_init(&reader, raw, NULL);
    if (!weir_json_array(&reader))
        return 0;
    while (weir_json_element(&reader) && weir_json_raw(&reader, &value))
        count++;
    return count;
}

/* ---------------------------------------------------------------- scales */

/* 0 .. 100; each doubling is 10 more, from `unit` on. */
static uint16_t
logarithm(uint64_t value, uint64_t unit)
{
    uint32_t sum = 0;
    value = value * 16 / unit;
    while (value >= 16 && sum < 100) {
        /* between powers of two in quarters */
        if (value < 32)
            return (uint16_t)(sum + (value - 16) * 10 / 16);
        value /= 2;
        sum += 10;
    }
    return (uint16_t)(sum > 100 ? 100 : sum);
}

static uint16_t
share(uint64_t part, uint64_t whole)
{
    uint64_t percent = whole == 0 ? 0 : part * 100 / whole;
    return (uint16_t)(percent > 100 ? 100 : percent);
}

static uint16_t
capped(uint64_t value, uint64_t each)
{
    uint64_t sum = value * each;
    return (uint16_t)(sum > 100 ? 100 : sum);
}

static uint16_t
effort_of(const weir_json_hit *hits)
{
    weir_span said = hits[EFFORT].kind == WEIR_JSON_STRING
                         ? hits[EFFORT].raw
                         : hits[REASONING_EFFORT].raw;
    if (weir_span_equal(said, WEIR_SPAN("\"high\"")) ||
        weir_span_equal(said, WEIR_SPAN("\"xhigh\"")))
        return 100;
    if (weir_span_equal(said, WEIR_SPAN("\"medium\"")))
        return 60;
    if (weir_span_equal(said, WEIR_SPAN("\"low\"")))
        return 20;
    return hits[THINKING].kind == WEIR_JSON_OBJECT ? 60 : 0;
}

static void
read_request(const weir_json_hit *hits, struct counts *counts,
             struct weir_complexity *out)
{
    for (int i = MESSAGES; i <= SYSTEM; i++) {
        if (hits[i].kind == WEIR_JSON_NONE)
            continue;
        count_value(hits[i].raw, 0, counts);
        if (i <= INPUT && hits[i].kind == WEIR_JSON_ARRAY)
            counts->of[WEIR_COMPLEX_TURNS] += elements_of(hits[i].raw);
    }
    if (hits[TOOLS].kind == WEIR_JSON_ARRAY)
        out->of[WEIR_COMPLEX_TOOLS] = capped(elements_of(hits[TOOLS].raw), 10);
    bool has_schema = hits[GENERATION_SCHEMA].kind != WEIR_JSON_NONE;
    for (int i = RESPONSE_FORMAT; i <= TEXT_FORMAT; i++)
        has_schema = has_schema || (hits[i].kind == WEIR_JSON_OBJECT &&
                                    memmem(hits[i].raw.ptr, hits[i].raw.len,
                                           "json_schema", 11) != NULL);
    out->of[WEIR_COMPLEX_SCHEMA] = has_schema ? 100 : 0;
    out->of[WEIR_COMPLEX_EFFORT] = effort_of(hits);
}

static uint32_t
score_of(const struct weir_complexity *c)
{
    int64_t z = complexity_bias;
    for (uint32_t i = 0; i < WEIR_COMPLEX_FEATURES; i++)
        z += (int64_t)complexity_weights[i] * c->of[i];
    int64_t magnitude = z < 0 ? -z : z;
    int64_t score = 500 + 500 * z / (magnitude + COMPLEXITY_SOFT);
    return (uint32_t)(score < 0                     ? 0
                      : score > WEIR_COMPLEXITY_MAX ? WEIR_COMPLEXITY_MAX
                                                    : score);
}

void
weir_complexity_of(weir_span body, struct weir_complexity *out)
{
    struct weir_json_root root;
    weir_json_hit hits[MEMBERS];
    struct counts counts = {.bytes = 0};
    memset(out, 0, sizeof(*out));
    if (body.len > 0 &&
        weir_json_scan(body, members, MEMBERS, 0, &root, hits, NULL) == WEIR_OK)
        read_request(hits, &counts, out);
    out->of[WEIR_COMPLEX_LENGTH] = logarithm(counts.bytes, 16);
    out->of[WEIR_COMPLEX_LINES] =
        logarithm(counts.of[WEIR_COMPLEX_LINES] + 1u, 1);
    out->of[WEIR_COMPLEX_CODE] =
        logarithm(counts.of[WEIR_COMPLEX_CODE] + 1u, 1);
    for (int i = WEIR_COMPLEX_CODE_WORDS; i <= WEIR_COMPLEX_ROUTINE; i++)
        out->of[i] = capped(counts.of[i], 25);
    out->of[WEIR_COMPLEX_NUMBERS] =
        share(counts.of[WEIR_COMPLEX_NUMBERS], counts.bytes);
    out->of[WEIR_COMPLEX_MATHS] =
        logarithm(counts.of[WEIR_COMPLEX_MATHS] + 1u, 1);
    out->of[WEIR_COMPLEX_QUESTIONS] =
        capped(counts.of[WEIR_COMPLEX_QUESTIONS], 25);
    out->of[WEIR_COMPLEX_LETTERS] =
        counts.word_count == 0
            ? 0
            : capped(counts.letters * 10 / counts.word_count, 1);
    out->of[WEIR_COMPLEX_FOREIGN] =
        share(counts.of[WEIR_COMPLEX_FOREIGN], counts.bytes);
    out->of[WEIR_COMPLEX_TURNS] = capped(counts.of[WEIR_COMPLEX_TURNS], 5);
    out->score = score_of(out);
}

const char *
weir_complexity_feature_name(uint32_t feature)
{
    static const char *const names[WEIR_COMPLEX_FEATURES] = {
        "length",  "lines",   "code",   "code_words", "reasoning", "tasks",
        "routine", "numbers", "maths",  "questions",  "letters",   "foreign",
        "turns",   "tools",   "schema", "effort"};
    return feature < WEIR_COMPLEX_FEATURES ? names[feature] : "unknown";
}
