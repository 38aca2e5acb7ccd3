/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing is lost in silence: a neutral call, held against what a dialect can
 * say.
 *
 * A reader picks the members that it knows out of each object; all others
 * become extras here. A writer says which settings, and which qualities of
 * parts and tools, its dialect has words for. What is left over is refused by
 * the client's name for it. So a member that a maker adds tomorrow is refused
 * by name until somebody has looked at it; tests/e2e/test_fields.py tries
 * every member that the makers describe.
 */
#include <weir/neutral.h>

#include <weir/json.h>
#include <weir/raw.h>

#include <string.h>

#define FIELD_MAX 128

/* ------------------------------------------------------------- picking */

struct picking {
    struct weir_neutral *call;
    const char *place;
};

static void
add_extra(struct weir_neutral *call, const char *place, weir_span name,
          weir_span raw)
{
    weir_neutral_extra(call, name, raw);
    if (call->extras != NULL && call->extras->setting.raw.ptr == raw.ptr)
        call->extras->place = place;
}

static void
note_other(void *context, weir_span name, weir_span raw)
{
    (void)name;
    (void)raw;
    *(bool *)context = true;
}

static bool
is_idle(weir_span raw)
{
    static const char *const names[1] = {"enabled"};
    weir_span enabled;
    bool has_others = false;
    if (weir_raw_is_null(raw) || weir_span_equal(raw, WEIR_SPAN("false")) ||
        ((*raw.ptr == '{' || *raw.ptr == '[') && weir_json_is_empty(raw)))
        return true;
    return weir_raw_pick(raw, names, 1, &enabled, note_other, &has_others) &&
           !has_others && weir_span_equal(enabled, WEIR_SPAN("false"));
}

static void
note_extra(void *context, weir_span name, weir_span raw)
{
    const struct picking *picking = context;
    if (!is_idle(raw))
        add_extra(picking->call, picking->place,
                  weir_arena_copy(picking->call->arena, name), raw);
}

bool
weir_neutral_pick(struct weir_neutral *call, const char *place,
                  weir_span object, const char *const *names, size_t count,
                  weir_span *raws_out)
{
    struct picking picking = {call, place};
    return weir_raw_pick(object, names, count, raws_out, note_extra, &picking);
}

bool
weir_neutral_pick_proto(struct weir_neutral *call, const char *place,
                        weir_span object, const char *const *names,
                        size_t count, weir_span *raws_out)
{
    struct picking picking = {call, place};
    return weir_raw_pick_proto(object, names, count, raws_out, note_extra,
                               &picking);
}

void
weir_neutral_callers(struct weir_neutral *call, const char *place,
                     const char *name, weir_span raw)
{
    static const char *const names[1] = {"type"};
    struct weir_raw_array array;
    weir_span of = WEIR_SPAN_NONE;
    bool is_direct = true;
    if (weir_raw_kind(raw) == WEIR_JSON_OBJECT)
        is_direct = weir_raw_pick(raw, names, 1, &of, NULL, NULL) &&
                    weir_raw_is(of, "direct");
    weir_raw_array_init(&array, raw);
    while (weir_raw_array_next(&array, &of))
        is_direct = is_direct && weir_raw_is(of, "direct");
    if (!is_direct)
        add_extra(call, place, weir_span_of(name), raw);
}

void
weir_neutral_ask(struct weir_neutral *call, const char *place, const char *name,
                 weir_span raw)
{
    if (!is_idle(raw))
        add_extra(call, place, weir_span_of(name), raw);
}

void
weir_neutral_unless(struct weir_neutral *call, const char *place,
                    const char *name, weir_span raw, const char *usual)
{
    if (!weir_raw_is_null(raw) && !weir_raw_is(raw, usual))
        add_extra(call, place, weir_span_of(name), raw);
}

/* ------------------------------------------------------------ checking */

/* Settings that ask for what happens anyway. */
static bool
asks_for_nothing(enum weir_setting_id id, weir_span raw)
{
    if (weir_raw_is_null(raw) || weir_span_equal(raw, WEIR_SPAN("{}")) ||
        weir_span_equal(raw, WEIR_SPAN("[]")))
        return true;
    switch (id) {
    case WEIR_SETTING_N:
        return weir_span_equal(raw, WEIR_SPAN("1"));
    case WEIR_SETTING_STORE:
    case WEIR_SETTING_LOGPROBS:
        return weir_span_equal(raw, WEIR_SPAN("false"));
    case WEIR_SETTING_TOP_LOGPROBS:
    case WEIR_SETTING_FREQUENCY_PENALTY:
    case WEIR_SETTING_PRESENCE_PENALTY:
        return weir_span_equal(raw, WEIR_SPAN("0")) ||
               weir_span_equal(raw, WEIR_SPAN("0.0"));
    case WEIR_SETTING_SERVICE_TIER:
        return weir_span_equal(raw, WEIR_SPAN("\"auto\"")) ||
               weir_span_equal(raw, WEIR_SPAN("\"default\""));
    default:
        return false;
    }
}

static weir_status
check_settings(struct weir_neutral *call, const char *const *names,
               struct weir_error *err)
{
    for (unsigned i = 0; i < WEIR_SETTINGS; i++) {
        struct weir_setting *setting = &call->settings[i];
        if (setting->raw.ptr == NULL)
            continue;
        if (asks_for_nothing((enum weir_setting_id)i, setting->raw)) {
            setting->raw = WEIR_SPAN_NONE;
        } else if (names[i] == NULL) {
            weir_status status = weir_neutral_lacks(call, setting->name, err);
            if (status != WEIR_OK)
                return status;
            setting->raw = WEIR_SPAN_NONE;
        }
    }
    return WEIR_OK;
}

static weir_status
check_extras(struct weir_neutral *call, struct weir_error *err)
{
    weir_status status = WEIR_OK;
    for (const struct weir_extra *extra = call->extras;
         extra != NULL && status == WEIR_OK; extra = extra->next) {
        char field[FIELD_MAX];
        struct weir_buf buf;
        weir_span name = extra->setting.name;
        weir_buf_init_fixed(&buf, field, sizeof(field));
        if (extra->place != NULL)
            weir_buf_addf(&buf, "%s.", extra->place);
        weir_buf_add_span(&buf, name);
        status = weir_neutral_lacks_field(
            call, name, buf.overflow ? name : weir_buf_span(&buf), err);
    }
    return status;
}

/* One name for the operator, who means the same by it in every dialect. */
static weir_status
lacks_cache(struct weir_neutral *call, const struct weir_turn *turn,
            const struct weir_part *part, struct weir_error *err)
{
    char field[FIELD_MAX];
    struct weir_buf buf;
    if (call->dialect != WEIR_DIALECT_CONVERSE)
        return weir_neutral_lacks_part(call, turn, part, "cache_control", err);
    weir_buf_init_fixed(&buf, field, sizeof(field));
    if (turn != NULL)
        weir_buf_addf(&buf, "%s[%u].", call->turns_name, turn->number);
    weir_buf_addf(&buf, "cachePoint");
    return weir_neutral_lacks_field(call, WEIR_SPAN("cache_control"),
                                    weir_buf_span(&buf), err);
}

static weir_status
check_part(struct weir_neutral *call, const struct weir_turn *turn,
           const struct weir_part *part, bool is_inside, uint32_t says,
           struct weir_error *err)
{
    uint32_t says_cache = is_inside ? WEIR_SAYS_CACHE_INSIDE : WEIR_SAYS_CACHE;
    weir_status status = WEIR_OK;
    if (part->cache.ptr != NULL && (says & says_cache) == 0)
        status = lacks_cache(call, turn, part, err);
    if (status == WEIR_OK && part->detail.len > 0 &&
        (says & WEIR_SAYS_DETAIL) == 0 &&
        !weir_span_equal(part->detail, WEIR_SPAN("auto")))
        status = weir_neutral_lacks_part(call, turn, part, "detail", err);
    uint32_t says_title =
        part->text.ptr != NULL ? WEIR_SAYS_TEXT_TITLE : WEIR_SAYS_TITLE;
    if (part->kind == WEIR_PART_DOCUMENT && part->name.len > 0 &&
        (says & says_title) == 0)
        weir_neutral_note(call, call->dialect == WEIR_DIALECT_MESSAGES ||
                                        call->dialect == WEIR_DIALECT_INVOKE
                                    ? WEIR_SPAN("title")
                                : call->dialect == WEIR_DIALECT_CONVERSE
                                    ? WEIR_SPAN("name")
                                    : WEIR_SPAN("filename"));
    return status;
}

static weir_status
check_turn(struct weir_neutral *call, const struct weir_turn *turn,
           uint32_t says, struct weir_error *err)
{
    weir_status status = WEIR_OK;
    if (turn->name.len > 0 && (says & WEIR_SAYS_NAME) == 0)
        status = weir_neutral_lacks_part(call, turn, NULL, "name", err);
    for (const struct weir_part *part = turn->parts;
         part != NULL && status == WEIR_OK; part = part->next) {
        status = check_part(call, turn, part, false, says, err);
        for (const struct weir_part *in = part->parts;
             in != NULL && status == WEIR_OK; in = in->next)
            status = check_part(call, turn, in, true, says, err);
    }
    return status;
}

static weir_status
check_tools(struct weir_neutral *call, uint32_t says, struct weir_error *err)
{
    weir_status status = WEIR_OK;
    for (const struct weir_tool *tool = call->tools;
         tool != NULL && status == WEIR_OK; tool = tool->next) {
        if (tool->cache.ptr != NULL && (says & WEIR_SAYS_CACHE) == 0)
            status = lacks_cache(call, NULL, NULL, err);
        if (status == WEIR_OK && (says & WEIR_SAYS_STRICT) == 0 &&
            weir_span_equal(tool->strict, WEIR_SPAN("true")))
            status = weir_neutral_lacks(call, WEIR_SPAN("strict"), err);
    }
    if (status == WEIR_OK && call->format_description.len > 0 &&
        (says & WEIR_SAYS_FORMAT) == 0)
        status = weir_neutral_lacks(call, WEIR_SPAN("description"), err);
    return status;
}

weir_status
weir_neutral_check(struct weir_neutral *call, const char *const *names,
                   uint32_t says, struct weir_error *err)
{
    weir_status status = check_settings(call, names, err);
    if (status == WEIR_OK)
        status = check_extras(call, err);
    for (const struct weir_turn *turn = call->turns;
         turn != NULL && status == WEIR_OK; turn = turn->next)
        status = check_turn(call, turn, says, err);
    return status == WEIR_OK ? check_tools(call, says, err) : status;
}
