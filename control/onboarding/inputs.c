/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was known when somebody was looked at, in which versions: kept beside
 * each decision, hold and release, so that it can be read years later without
 * the lists, terms and facts of that day.
 */
#include <jansson.h>
#include <stdio.h>

#include "control/onboarding/parts.h"

static const struct weir_world_organisation *
organisation_of(const struct weir__look *look)
{
    return &look->control->world->organisation_rows[look->row];
}

static json_t *
text_json(weir_span text)
{
    json_t *value = json_stringn(text.ptr == NULL ? "" : text.ptr, text.len);
    return value == NULL ? json_string("?") : value;
}

json_t *
weir__hit_json(const struct weir__look *look, const struct weir__hit *hit)
{
    static const char *const effects[] = {"hold", "deny", "flag"};
    const struct weir_screening_rows *rows = &look->screen->rows;
    const struct weir_screening_entry *entry = &rows->entry_rows[hit->entry];
    const struct weir_screening_list *list = &rows->list_rows[entry->list];
    char digest[20];
    snprintf(digest, sizeof digest, "%016llx",
             (unsigned long long)list->digest);
    weir_span listed = hit->name == UINT32_MAX
                           ? WEIR_SPAN("")
                           : rows->name_rows[hit->name].text;
    return json_pack(
        "{s:o,s:s,s:s,s:o,s:i,s:o,s:o,s:i,s:i,s:o,s:o,s:o}", "list",
        text_json(list->name), "list_digest", digest, "effect",
        effects[list->effect], "entry", text_json(entry->id), "line",
        (int)entry->line, "listed", text_json(listed), "asked",
        text_json(hit->query), "score", (int)hit->score, "threshold",
        (int)look->control->world->onboarding.threshold, "source",
        text_json(entry->source), "programme", text_json(entry->programme),
        "date", text_json(entry->date));
}

static json_t *
lists_json(const struct weir__screen *screen)
{
    json_t *list = json_array();
    for (uint32_t i = 0; screen != NULL && i < screen->rows.list_count; i++) {
        const struct weir_screening_list *row = &screen->rows.list_rows[i];
        char digest[20];
        snprintf(digest, sizeof digest, "%016llx",
                 (unsigned long long)row->digest);
        json_array_append_new(
            list, json_pack("{s:o,s:o,s:o,s:s,s:i,s:I}", "name",
                            text_json(row->name), "file", text_json(row->file),
                            "format", text_json(row->format), "digest", digest,
                            "entries", (int)row->entry_count, "loaded_us",
                            (json_int_t)screen->loaded));
    }
    return list;
}

static json_t *
terms_json(const struct weir__look *look)
{
    const struct weir_world *world = look->control->world;
    json_t *list = json_array();
    for (uint32_t i = 0; i < world->terms_count; i++) {
        const struct weir_world_terms *t = &world->terms_rows[i];
        weir_time when = 0;
        if (weir__acceptance_find(look->control->store,
                                  organisation_of(look)->name, t->name,
                                  t->version, &when, NULL) != WEIR_OK)
            when = 0;
        json_array_append_new(
            list, json_pack("{s:o,s:o,s:o,s:o}", "name", text_json(t->name),
                            "provider", text_json(t->provider.text), "version",
                            text_json(t->version), "accepted_us",
                            when == 0 ? json_null() : json_integer(when)));
    }
    return list;
}

static json_t *
facts_json(const struct weir__look *look)
{
    const struct weir_world *world = look->control->world;
    const struct weir_world_organisation *o = organisation_of(look);
    json_t *owners = json_array();
    for (uint32_t i = 0; i < o->owners.count; i++) {
        const struct weir_world_owner *owner =
            &world->owner_rows[o->owners.first + i];
        char share[WEIR_SHARE_TEXT];
        weir_share_format(owner->share, share);
        json_array_append_new(
            owners,
            json_pack("{s:o,s:s,s:o,s:o}", "name", text_json(owner->name.text),
                      "share", share, "source", text_json(owner->source),
                      "as_of", text_json(owner->as_of)));
    }
    return json_pack(
        "{s:o,s:o,s:o,s:o,s:b,s:o,s:o,s:o,s:o}", "title", text_json(o->title),
        "headquarters", text_json(o->headquarters.text), "incorporated",
        text_json(o->incorporated.text), "category", text_json(o->category),
        "established", o->is_established, "source", text_json(o->source),
        "as_of", text_json(o->as_of), "verified_until_us",
        o->verified_until == 0 ? json_null() : json_integer(o->verified_until),
        "owners", owners);
}

static json_t *
ownership_json(const struct weir__look *look)
{
    static const char *const answers[] = {"no", "yes", "unknown"};
    const struct weir_world *world = look->control->world;
    struct weir_world_range rules = world->onboarding.ownership;
    json_t *list = json_array();
    for (uint32_t i = 0; i < rules.count; i++) {
        weir_span rule = world->name_rows[rules.first + i].text;
        json_array_append_new(
            list,
            json_pack("{s:o,s:s}", "rule", text_json(rule), "answer",
                      answers[weir__look_owned(
                          look->control, organisation_of(look)->name, rule)]));
    }
    return list;
}

static json_t *
image_json(const struct weir_control *control)
{
    static const char digits[] = "0123456789abcdef";
    char hex[64];
    for (size_t i = 0; i < 32; i++) {
        hex[2 * i] = digits[control->image.digest[i] >> 4];
        hex[2 * i + 1] = digits[control->image.digest[i] & 15];
    }
    return control->has_image ? json_stringn(hex, sizeof hex) : json_null();
}

char *
weir__inputs(const struct weir__look *look)
{
    const struct weir_control *control = look->control;
    json_t *hits = json_array(), *shortfalls = json_array();
    for (uint32_t i = 0; look->screen != NULL && i < look->found.count; i++)
        json_array_append_new(hits, weir__hit_json(look, &look->found.rows[i]));
    for (uint32_t i = 0; i < look->count; i++)
        json_array_append_new(shortfalls, text_json(look->shortfalls[i].code));
    json_t *object = json_pack(
        "{s:o,s:o,s:o,s:o,s:i,s:o,s:o,s:o,s:i}", "facts", facts_json(look),
        "lists", lists_json(look->screen), "hits", hits, "terms",
        terms_json(look), "threshold",
        (int)control->world->onboarding.threshold, "ownership",
        ownership_json(look), "image", image_json(control), "shortfalls",
        shortfalls, "requires", (int)control->world->onboarding.requires);
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}
