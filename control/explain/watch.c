/* SPDX-License-Identifier: Apache-2.0 */
/* What the watch has to do with a call: the step of a case that met it, and
 * what the record keeps of its features. */
#include "control/explain/parts.h"

#include <stdio.h>

#include <weir/detect.h>
#include <weir/image.h>
#include <weir/watch_indicators.h>
#include <weir/watch_score.h>

#include "control/sharing/sharing.h"

static json_t *
strip_json(uint32_t strip)
{
    json_t *list = json_array();
    if ((strip & WEIR_WATCH_STRIP_REASONING) != 0)
        json_array_append_new(list, json_string("reasoning"));
    if ((strip & WEIR_WATCH_STRIP_LOGPROBS) != 0)
        json_array_append_new(list, json_string("logprobs"));
    if ((strip & WEIR_WATCH_STRIP_N) != 0)
        json_array_append_new(list, json_string("n"));
    return list;
}

json_t *
weir__explain_step(const struct weir_record_step *step)
{
    const char *subject = weir_watch_subject_name(step->subject);
    char until[WEIR_TIME_TEXT];
    if (step->action == WEIR_WATCH_NOTHING)
        return NULL;
    weir_time_format(step->until, until);
    json_t *json =
        json_pack("{s:s,s:s,s:o,s:s}", "action",
                  weir_watch_action_name((enum weir_watch_action)step->action),
                  "subject", subject == NULL ? "?" : subject, "case",
                  weir__explain_text(step->id), "until", until);
    if (step->action == WEIR_WATCH_STRIP)
        json_object_set_new(json, "strip", strip_json(step->strip));
    if (step->delay_ms != 0)
        json_object_set_new(json, "delay_ms", json_integer(step->delay_ms));
    if (step->rate != 0)
        json_object_set_new(json, "calls_per_minute", json_integer(step->rate));
    return json;
}

static json_t *
bits_json(uint64_t bits)
{
    json_t *list = json_array();
    for (uint32_t bit = 0; bit < 64; bit++) {
        const char *name = weir_watch_bit_name(bit);
        if ((bits >> bit & 1) != 0 && name != NULL && name[0] != '\0')
            json_array_append_new(list, json_string(name));
    }
    return list;
}

static json_t *
matches_json(uint32_t matches)
{
    json_t *list = json_array();
    for (uint32_t kind = 0; kind < WEIR_INDICATOR_KINDS; kind++)
        if ((matches >> kind & 1) != 0)
            json_array_append_new(list,
                                  json_string(weir_indicator_kind_name(kind)));
    return list;
}

static json_t *
classified_json(const struct weir_record_watch *watch)
{
    json_t *json = json_object();
    for (uint32_t i = 0; i < watch->classified_count; i++) {
        const struct weir_classifier *row =
            weir_classifier_find(watch->classified[i].id);
        json_object_set_new(json, row == NULL ? "?" : row->name,
                            json_integer(watch->classified[i].score));
    }
    return json;
}

/* Exchanges by the names they had when the call was recorded. */
static json_t *
exchanges_json(struct weir_store *store, uint32_t exchanges, weir_time when)
{
    json_t *list = json_array();
    for (uint32_t number = 0; number < WEIR_EXCHANGES_MAX; number++) {
        char name[WEIR_INDICATOR_NAME_BYTES];
        if ((exchanges >> number & 1) == 0)
            continue;
        if (store == NULL || !weir_share_name_at(store, number, when, name))
            snprintf(name, sizeof name, "#%u", number);
        json_array_append_new(list, json_string(name));
    }
    return list;
}

json_t *
weir__explain_opinions(const struct weir_record_opinion *opinions,
                       uint32_t count)
{
    if (count == 0)
        return NULL;
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_record_opinion *one = &opinions[i];
        json_t *row = json_pack(
            "{s:o,s:s,s:s,s:o,s:i,s:s,s:i,s:i,s:I}", "classifier",
            weir__explain_text(one->classifier), "direction",
            one->direction == WEIR_IMAGE_REQUESTS ? "input" : "output",
            "opinion", weir_opinion_name((enum weir_opinion)one->opinion),
            "category", weir__explain_text(one->category), "score",
            (int)one->score, "action",
            one->action == 0                   ? "watch"
            : one->action == WEIR_DETECT_BLOCK ? "block"
                                               : "flag",
            "asked", (int)one->asked, "failed", (int)one->failed, "elapsed_ms",
            (json_int_t)one->elapsed_ms);
        if (one->unheard != WEIR_UNHEARD_NO)
            json_object_set_new(row, "unheard",
                                json_string(weir_unheard_name(
                                    (enum weir_unheard)one->unheard)));
        json_array_append_new(list, row);
    }
    return list;
}

json_t *
weir__explain_watch(const struct weir_record_watch *watch,
                    struct weir_store *store, weir_time when)
{
    struct weir_watch_features f;
    if (watch->block.len == 0 ||
        weir_watch_unpack(watch->block, &f, NULL) != WEIR_OK)
        return NULL;
    const char *language = weir_watch_language_name(f.language);
    json_t *json = json_pack(
        "{s:i,s:f,s:I,s:s,s:o,s:o}", "version", (int)f.version, "form",
        f.form / 100.0, "words", (json_int_t)f.words, "language",
        language == NULL ? "" : language, "bits", bits_json(f.bits),
        "indicators", matches_json(watch->pools.matches));
    if (watch->pools.matches != 0)
        json_object_set_new(
            json, "exchanges",
            exchanges_json(store, watch->pools.exchanges, when));
    json_object_set_new(json, "classified", classified_json(watch));
    return json;
}
