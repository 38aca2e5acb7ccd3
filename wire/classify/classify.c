/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks and answers of classifiers.
 *
 * WHO DECIDES. An operator who writes thresholds decides by them: a category
 * at or over its own acts, all others are only what they are. Without any,
 * the service decides: by its verdict, or by `flagged`. In weir's own form a
 * verdict of "block" counts in any case, as it was said in so many words.
 */
#include <weir/classify.h>
#include <weir/image.h>
#include <weir/json.h>

#include <stdlib.h>
#include <string.h>

/* What endpoints of this form name; others need a threshold to be known. */
static const char *const moderated[] = {
    "sexual",
    "sexual/minors",
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "violence",
    "violence/graphic",
    "malware",
    "spam",
    "phishing",
    "prompt_injection",
    "jailbreak",
    "pii",
    "credential_theft",
};

#define RESULTS_MAX 4096 /* of one answer: as many as texts */

/* ------------------------------------------------------------------ ask */

void
weir_classify_add_text(struct weir_buf *texts, weir_span text)
{
    if (texts->len > 0)
        weir_buf_add_byte(texts, ',');
    weir_json_quote(texts, text);
}

static void
add_member(struct weir_json_writer *w, const char *name, weir_span text)
{
    if (text.len == 0)
        return;
    weir_json_name(w, name);
    weir_json_add_string(w, text);
}

static void
put_list(struct weir_json_writer *w, const char *name, weir_span texts)
{
    weir_json_name(w, name);
    weir_json_add_raw(w, WEIR_SPAN("["));
    weir_buf_add_span(w->buf, texts);
    weir_buf_add_byte(w->buf, ']');
}

void
weir_classify_put(const struct weir_classify_setup *setup,
                  const struct weir_classify_about *about, weir_span texts,
                  struct weir_buf *out)
{
    struct weir_json_writer w;
    weir_json_writer_init(&w, out);
    weir_json_begin_object(&w);
    if (setup->form == WEIR_FORM_MODERATIONS) {
        add_member(&w, "model", setup->model);
        put_list(&w, "input", texts);
        weir_json_end_object(&w);
        return;
    }
    weir_json_name(&w, "version");
    weir_json_add_uint(&w, 1);
    add_member(&w, "request", about->request);
    add_member(&w, "direction",
               about->is_reply ? WEIR_SPAN("output") : WEIR_SPAN("input"));
    weir_json_name(&w, "part");
    weir_json_add_uint(&w, about->part);
    weir_json_name(&w, "is_last");
    weir_json_add_bool(&w, about->is_last);
    add_member(&w, "surface", about->surface);
    add_member(&w, "model", about->model);
    add_member(&w, "classifier_model", setup->model);
    add_member(&w, "tenant", about->tenant);
    add_member(&w, "project", about->project);
    add_member(&w, "end_customer", about->end_customer);
    put_list(&w, "texts", texts);
    weir_json_end_object(&w);
}

/* --------------------------------------------------------------- answer */

struct reading {
    const struct weir_classify_setup *setup;
    struct weir_json_reader json;
    bool has_said; /* anything of the form */
    bool is_over;  /* a category is at or over its threshold */
    bool is_block, is_flag, is_flagged;
    uint32_t worst; /* ppm, of what `category` names */
    uint32_t score; /* ppm, of the whole */
    weir_span category;
};

/* Exact names of the operator's, with their lines; ppm or -1. */
static int64_t
threshold_of(const struct reading *r, weir_span name, weir_span *known_out)
{
    weir_span rest = r->setup->thresholds;
    while (rest.len > 0) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end == NULL ? rest.len : (size_t)(end - rest.ptr);
        const char *tab = memchr(rest.ptr, '\t', len);
        size_t used = end == NULL ? len : len + 1;
        if (tab != NULL && (size_t)(tab - rest.ptr) == name.len &&
            memcmp(rest.ptr, name.ptr, name.len) == 0) {
            uint64_t line = 0;
            *known_out = (weir_span){rest.ptr, name.len};
            return weir_span_to_u64((weir_span){tab + 1, len - name.len - 1},
                                    &line)
                       ? (int64_t)line
                       : -1;
        }
        rest = (weir_span){rest.ptr + used, rest.len - used};
    }
    for (size_t i = 0; i < WEIR_COUNTOF(moderated); i++)
        if (weir_span_equal(name, weir_span_of(moderated[i])))
            *known_out = weir_span_of(moderated[i]);
    return -1;
}

/* A number of 0 to 1 in parts per million. */
static bool
take_share(struct reading *r, uint32_t *ppm_out)
{
    char text[40];
    weir_span raw;
    if (weir_json_peek(&r->json) != WEIR_JSON_NUMBER ||
        !weir_json_raw(&r->json, &raw))
        return weir_json_reject(&r->json, WEIR_EPARSE, "a score is a number");
    if (raw.len >= sizeof text)
        raw.len = sizeof text - 1; /* digits beyond what counts */
    memcpy(text, raw.ptr, raw.len);
    text[raw.len] = '\0';
    double value = strtod(text, NULL);
    if (!(value >= 0.0 && value <= 1.0))
        return weir_json_reject(&r->json, WEIR_EPARSE,
                                "a score lies between 0 and 1");
    *ppm_out = (uint32_t)(value * 1e6 + 0.5);
    return true;
}

static void
take_scores(struct reading *r)
{
    weir_span name, known;
    uint32_t ppm;
    if (!weir_json_object(&r->json))
        return;
    r->has_said = true;
    while (weir_json_member(&r->json, &name)) {
        if (!take_share(r, &ppm))
            return;
        known = WEIR_SPAN_NONE;
        int64_t line = threshold_of(r, name, &known);
        bool is_over = line >= 0 && ppm >= line;
        /* what is over its line is told before what is only high */
        if ((is_over && !r->is_over) ||
            (is_over == r->is_over && ppm > r->worst)) {
            r->category = known;
            r->worst = ppm;
        }
        r->is_over |= is_over;
    }
}

static void
take_verdict(struct reading *r)
{
    weir_span verdict;
    if (!weir_json_string(&r->json, &verdict))
        return;
    r->has_said = true;
    if (weir_span_equal(verdict, WEIR_SPAN("block")))
        r->is_block = true;
    else if (weir_span_equal(verdict, WEIR_SPAN("flag")))
        r->is_flag = true;
    else if (!weir_span_equal(verdict, WEIR_SPAN("allow")))
        (void)weir_json_reject(&r->json, WEIR_EPARSE,
                               "a verdict is allow, flag or block");
}

static void
read_weir(struct reading *r)
{
    weir_span name;
    if (!weir_json_object(&r->json))
        return;
    while (weir_json_member(&r->json, &name)) {
        if (weir_span_equal(name, WEIR_SPAN("verdict")))
            take_verdict(r);
        else if (weir_span_equal(name, WEIR_SPAN("categories")))
            take_scores(r);
        else if (weir_span_equal(name, WEIR_SPAN("score"))) {
            uint32_t ppm;
            if (take_share(r, &ppm) && ppm > r->score)
                r->score = ppm;
            r->has_said = true;
        } else
            (void)weir_json_skip(&r->json);
    }
}

/* {"hate": true, ..}: which were flagged, for services without scores. */
static void
take_flags(struct reading *r)
{
    weir_span name;
    bool is_set;
    if (!weir_json_object(&r->json))
        return;
    while (weir_json_member(&r->json, &name)) {
        if (weir_json_peek(&r->json) == WEIR_JSON_NULL) {
            (void)weir_json_skip(&r->json);
            continue;
        }
        if (!weir_json_bool(&r->json, &is_set))
            return;
        if (!is_set || r->category.len > 0)
            continue;
        weir_span known = WEIR_SPAN_NONE;
        (void)threshold_of(r, name, &known);
        r->category = known;
    }
}

static void
read_result(struct reading *r)
{
    weir_span name;
    if (!weir_json_object(&r->json))
        return;
    while (weir_json_member(&r->json, &name)) {
        if (weir_span_equal(name, WEIR_SPAN("flagged"))) {
            bool is_flagged;
            if (weir_json_bool(&r->json, &is_flagged)) {
                r->is_flagged |= is_flagged;
                r->has_said = true;
            }
        } else if (weir_span_equal(name, WEIR_SPAN("category_scores"))) {
            take_scores(r);
        } else if (weir_span_equal(name, WEIR_SPAN("categories"))) {
            take_flags(r);
        } else {
            (void)weir_json_skip(&r->json);
        }
    }
}

static void
read_moderations(struct reading *r)
{
    weir_span name;
    uint32_t count = 0;
    if (!weir_json_object(&r->json))
        return;
    while (weir_json_member(&r->json, &name)) {
        if (!weir_span_equal(name, WEIR_SPAN("results"))) {
            (void)weir_json_skip(&r->json);
            continue;
        }
        if (!weir_json_array(&r->json))
            return;
        while (weir_json_element(&r->json)) {
            if (++count > RESULTS_MAX) {
                (void)weir_json_reject(&r->json, WEIR_EPARSE,
                                       "more results than texts");
                return;
            }
            read_result(r);
        }
    }
}

weir_status
weir_classify_read(const struct weir_classify_setup *setup, weir_span body,
                   struct weir_arena *arena,
                   struct weir_classify_said *said_out, struct weir_error *err)
{
    struct reading r = {.setup = setup};
    bool is_moderations = setup->form == WEIR_FORM_MODERATIONS;
    bool has_lines = setup->thresholds.len > 0;
    weir_json_reader_init(&r.json, body, arena);
    if (is_moderations)
        read_moderations(&r);
    else
        read_weir(&r);
    weir_status status = weir_json_reader_end(&r.json, err);
    if (status != WEIR_OK)
        return status;
    if (!r.has_said)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "an answer without a verdict");
    enum weir_opinion opinion = WEIR_OPINION_ALLOW;
    if (r.is_over || r.is_block ||
        (is_moderations && !has_lines && r.is_flagged))
        opinion = WEIR_OPINION_BLOCK;
    else if (r.is_flag || r.is_flagged)
        opinion = WEIR_OPINION_FLAG;
    uint32_t score = r.worst > r.score ? r.worst : r.score;
    *said_out = (struct weir_classify_said){
        .opinion = opinion,
        .score = (uint8_t)((score + 5000) / 10000),
        .category = opinion == WEIR_OPINION_ALLOW ? WEIR_SPAN_NONE : r.category,
    };
    return WEIR_OK;
}
