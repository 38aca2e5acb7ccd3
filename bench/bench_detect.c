/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much do the detectors find, how often are they wrong, and what do they
 * cost? Labelled sentences, cards and accounts of the test data; processor
 * time over prose and over text full of numbers, whole and in pieces of the
 * size that models send.
 *
 * bench_detect [DATA]: tables of Markdown. DATA: the test data's folder.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/detect.h>
#include <weir/json.h>

static double
now_us(void)
{
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec * 1e6 + (double)at.tv_nsec / 1e3;
}

static struct weir_detect_set *
compile(enum weir_detect_action action)
{
    struct weir_detect_rule rules[WEIR_DETECT_RULES_MAX] = {
        {.name = WEIR_SPAN_NONE}};
    struct weir_detect_set *set = NULL;
    size_t n = 0;
    for (; weir_detector_at(n) != NULL; n++)
        rules[n] = (struct weir_detect_rule){
            .name = weir_detector_name(weir_detector_at(n)),
            .detector = weir_detector_at(n),
            .action = action};
    if (weir_detect_compile(rules, n, &set, NULL) != WEIR_OK)
        exit(1);
    return set;
}

static FILE *
open_data(const char *data, const char *name)
{
    char command[1024];
    const char *reader = strstr(name, ".zst") != NULL ? "zstd -qdc" : "cat";
    snprintf(command, sizeof command, "%s '%s/dlp/%s'", reader, data, name);
    return popen(command, "r");
}

/* ------------------------------------------------------------ sentences */

static const struct {
    const char *label, *rule;
} labels[] = {
    {"EMAIL_ADDRESS", "mail"}, {"PHONE_NUMBER", "phone"},
    {"CREDIT_CARD", "card"},   {"IBAN_CODE", "iban"},
    {"IP_ADDRESS", "ip"},      {"US_SSN", "us-ssn"},
};

struct score {
    unsigned there, found, right, wrong;
};

struct label {
    weir_span type, value;
};

static size_t
read_labels(struct weir_json_reader *reader, struct label *all, size_t room)
{
    size_t n = 0;
    weir_span name;
    weir_json_array(reader);
    while (weir_json_element(reader)) {
        struct label one = {.type = WEIR_SPAN_NONE};
        weir_json_object(reader);
        while (weir_json_member(reader, &name))
            if (weir_span_equal(name, WEIR_SPAN("type")))
                weir_json_string(reader, &one.type);
            else if (weir_span_equal(name, WEIR_SPAN("value")))
                weir_json_string(reader, &one.value);
        if (n < room)
            all[n++] = one;
    }
    return n;
}

static bool
overlaps(weir_span a, weir_span b)
{
    return memmem(a.ptr, a.len, b.ptr, b.len) != NULL ||
           memmem(b.ptr, b.len, a.ptr, a.len) != NULL;
}

/* What a vault took in is what was found. */
static void
judge(const struct weir_detect_set *set, const struct weir_vault *vault,
      const struct label *all, size_t count, struct score *scores)
{
    for (size_t k = 0; k < WEIR_COUNTOF(labels); k++) {
        weir_span type = weir_span_of(labels[k].label);
        for (size_t i = 0; i < count; i++) {
            bool is_found = false;
            if (!weir_span_equal(all[i].type, type))
                continue;
            scores[k].there++;
            for (uint32_t v = 0; v < vault->count && !is_found; v++) {
                const struct weir_vault_entry *entry = &vault->entries[v];
                weir_span text = {vault->bytes + entry->original_at,
                                  entry->original_len};
                is_found = overlaps(text, all[i].value);
            }
            scores[k].found += is_found;
            if (!is_found && getenv("BENCH_SHOW") != NULL)
                fprintf(stderr, "missed %s: %.*s\n", labels[k].rule,
                        WEIR_SPAN_ARG(all[i].value));
        }
        for (uint32_t v = 0; v < vault->count; v++) {
            const struct weir_vault_entry *entry = &vault->entries[v];
            weir_span text = {vault->bytes + entry->original_at,
                              entry->original_len};
            bool is_right = false;
            if (!weir_span_equal(weir_detect_rule_name(set, entry->rule),
                                 weir_span_of(labels[k].rule)))
                continue;
            for (size_t i = 0; i < count; i++)
                is_right |= weir_span_equal(all[i].type, type) &&
                            overlaps(text, all[i].value);
            scores[k].right += is_right;
            scores[k].wrong += !is_right;
            if (!is_right && getenv("BENCH_SHOW") != NULL)
                fprintf(stderr, "wrong %s: %.*s\n", labels[k].rule,
                        WEIR_SPAN_ARG(text));
        }
    }
}

static void
sentences(const char *data)
{
    static char line[1 << 16], room[1 << 16];
    static struct weir_vault vault;
    struct score scores[WEIR_COUNTOF(labels)] = {{0}};
    struct weir_detect_set *set = compile(WEIR_DETECT_PSEUDONYM);
    FILE *in = open_data(data, "presidio-synth-v2.jsonl.zst");
    unsigned count = 0;
    while (in != NULL && fgets(line, sizeof line, in) != NULL) {
        struct weir_json_reader reader;
        struct weir_arena arena;
        struct label all[64];
        size_t n = 0;
        weir_span name, text = WEIR_SPAN_NONE;
        weir_arena_init(&arena, room, sizeof room);
        weir_json_reader_init(&reader, weir_span_of(line), &arena);
        weir_json_object(&reader);
        while (weir_json_member(&reader, &name))
            if (weir_span_equal(name, WEIR_SPAN("text")))
                weir_json_string(&reader, &text);
            else if (weir_span_equal(name, WEIR_SPAN("spans")))
                n = read_labels(&reader, all, WEIR_COUNTOF(all));
        struct weir_detect_stream stream;
        struct weir_detect_out out = {.vault = &vault};
        weir_vault_init(&vault, set);
        weir_detect_stream_init(&stream, set, NULL);
        (void)weir_detect_feed(&stream, text, true, &out);
        judge(set, &vault, all, n, scores);
        count++;
    }
    if (in != NULL)
        pclose(in);
    printf("### %u labelled sentences\n\n", count);
    printf("| label | there | found | recall | said | right | precision |\n"
           "|---|---|---|---|---|---|---|\n");
    for (size_t k = 0; k < WEIR_COUNTOF(labels); k++) {
        struct score *s = &scores[k];
        printf("| %s | %u | %u | %.2f | %u | %u | %.2f |\n", labels[k].label,
               s->there, s->found, s->there ? 1.0 * s->found / s->there : 0,
               s->right + s->wrong, s->right,
               s->right + s->wrong ? 1.0 * s->right / (s->right + s->wrong)
                                   : 0);
    }
    printf("\n");
    weir_detect_free(set);
}

/* -------------------------------------------------------------- vectors */

static void
vectors(const char *data, const char *file, const char *rule, int column)
{
    struct weir_detect_rule one = {.name = weir_span_of(rule),
                                   .detector =
                                       weir_detector_find(weir_span_of(rule)),
                                   .action = WEIR_DETECT_FLAG};
    struct weir_detect_set *set = NULL;
    static char line[4096];
    unsigned valid = 0, found = 0, invalid = 0, wrong = 0;
    if (weir_detect_compile(&one, 1, &set, NULL) != WEIR_OK)
        exit(1);
    FILE *in = open_data(data, file);
    while (in != NULL && fgets(line, sizeof line, in) != NULL) {
        char *fields[5] = {line};
        size_t n = 1;
        line[strcspn(line, "\n")] = '\0';
        for (char *p = line; *p != '\0' && n < 5; p++)
            if (*p == '\t') {
                *p = '\0';
                fields[n++] = p + 1;
            }
        if ((int)n <= column || strcmp(fields[0], "text") == 0)
            continue;
        struct weir_detect_stream stream;
        struct weir_detect_out out = {0};
        weir_detect_stream_init(&stream, set, NULL);
        (void)weir_detect_feed(&stream, weir_span_of(fields[0]), true, &out);
        bool is_valid = fields[column][0] == '1';
        valid += is_valid;
        invalid += !is_valid;
        found += is_valid && out.found[0] > 0;
        wrong += !is_valid && out.found[0] > 0;
        if (is_valid != (out.found[0] > 0) && getenv("BENCH_SHOW") != NULL)
            fprintf(stderr, "%s: %s %s valid %d\n", rule, fields[0], fields[1],
                    is_valid);
    }
    if (in != NULL)
        pclose(in);
    printf("| %s | %u | %u | %u | %u |\n", file, valid, found, invalid, wrong);
    weir_detect_free(set);
}

/* ----------------------------------------------------------------- cost */

static const char prose[] =
    "The committee met in the autumn and talked about the river, the mill and "
    "the road that leads past both of them to the north. Nobody remembered "
    "who had asked for the meeting, and so they spoke of other things: of "
    "apples, of a school that was to be built, and of the weather. ";
static const char numbers[] =
    "On 2026-11-22 order 48213 of 17 boxes (3.5 kg each) left dock 12 at "
    "14:05; invoice 2026/0041 over 1,284.50 follows. Ask desk 4 or write to "
    "desk@example.com, phone +49 30 901820. Version 1.2.3 of part 77-120. ";

static const char nothing_else[] =
    "4821377120 20261122 8812.50 771-203-9911 55120 900144812 17 3.14159 "
    "100,000 2211 90018 1284 77120 660012345 ";

static double
per_kib(const struct weir_detect_set *set, const char *unit, size_t step)
{
    static char text[65536], memory[1 << 17];
    size_t len = 0, n = strlen(unit);
    double best = 1e18;
    while (len + n < sizeof text) {
        memcpy(text + len, unit, n);
        len += n;
    }
    for (int round = 0; round < 7; round++) {
        struct weir_detect_stream stream;
        struct weir_buf buf;
        weir_buf_init_fixed(&buf, memory, sizeof memory);
        struct weir_detect_out out = {.text = &buf};
        weir_detect_stream_init(&stream, set, NULL);
        double start = now_us();
        for (size_t at = 0; at < len; at += step)
            (void)weir_detect_feed(
                &stream,
                (weir_span){text + at, len - at < step ? len - at : step},
                len - at <= step, &out);
        double spent = (now_us() - start) / ((double)len / 1024);
        best = spent < best ? spent : best;
    }
    return best;
}

static void
print_row(weir_span name, const struct weir_detect_set *set)
{
    printf("| %.*s | %.2f | %.2f | %.2f | %.2f | %.3f |\n", WEIR_SPAN_ARG(name),
           per_kib(set, prose, 65536), per_kib(set, numbers, 65536),
           per_kib(set, nothing_else, 65536), per_kib(set, prose, 64),
           per_kib(set, prose, 5) * 5 / 1024);
}

static void
cost(void)
{
    static const char *const sets[] = {"every detector", "mail, card and key"};
    for (int s = 0; s < 2; s++) {
        struct weir_detect_set *set = NULL;
        struct weir_detect_rule few[3] = {{.name = WEIR_SPAN_NONE}};
        static const char *const names[] = {"mail", "card", "key"};
        for (int i = 0; i < 3; i++)
            few[i] = (struct weir_detect_rule){
                .name = weir_span_of(names[i]),
                .detector = weir_detector_find(weir_span_of(names[i])),
                .action = WEIR_DETECT_MASK};
        if (s == 0)
            set = compile(WEIR_DETECT_MASK);
        else if (weir_detect_compile(few, 3, &set, NULL) != WEIR_OK)
            exit(1);
        print_row(weir_span_of(sets[s]), set);
        weir_detect_free(set);
    }
    for (size_t i = 0; weir_detector_at(i) != NULL; i++) {
        struct weir_detect_set *set = NULL;
        const struct weir_detect_rule rule = {
            .name = weir_detector_name(weir_detector_at(i)),
            .detector = weir_detector_at(i),
            .action = WEIR_DETECT_MASK};
        if (weir_detect_compile(&rule, 1, &set, NULL) != WEIR_OK)
            exit(1);
        print_row(rule.name, set);
        weir_detect_free(set);
    }
}

int
main(int argc, char **argv)
{
    const char *data = argc > 1 ? argv[1] : getenv("WEIR_DATA");
    if (data != NULL) {
        sentences(data);
        printf("### Vectors\n\n| file | valid | found | not valid | found |\n"
               "|---|---|---|---|---|\n");
        vectors(data, "card-vectors.tsv", "card", 2);
        vectors(data, "iban-vectors.tsv", "iban", 3);
    }
    printf("\n### Processor time\n\n| rules | prose, us per KiB | numbers, us "
           "per KiB | prose in pieces of 64, us per KiB | a piece of 5 bytes, "
           "us |\n|---|---|---|---|---|\n");
    cost();
    return 0;
}
