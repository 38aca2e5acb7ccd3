/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/organisations, /v1/imports: evidence and what is chosen from it. */
#include <stdlib.h>
#include <string.h>

#include "control/api/call.h"
#include "control/evidence/deeds.h"
#include "control/evidence/merge.h"
#include "control/evidence/store.h"

#define LIST_DEFAULT 1000u
#define LIST_MOST    10000u
#define SHOWN_MOST   1000u /* of a comparison */

static json_t *
time_json(weir_time when)
{
    char text[WEIR_TIME_TEXT];
    if (when == WEIR_TIME_MIN || when == WEIR_TIME_MAX)
        return json_null();
    weir_time_format(when, text);
    return json_string(text);
}

static json_t *
fact_json(const struct weir_fact *fact)
{
    char share[WEIR_SHARE_TEXT];
    json_t *row = json_pack(
        "{s:I,s:s,s:o,s:o,s:o,s:s,s:o,s:o,s:o,s:o}", "number",
        (json_int_t)fact->number, "fact", weir_fact_kind_name(fact->kind),
        "value", weir_api_text(fact->value), "source",
        weir_api_text(fact->source), "place", weir_api_text(fact->place),
        "rank", weir_fact_rank_name(fact->rank), "as_of",
        time_json(fact->as_of), "valid_until", time_json(fact->valid_until),
        "entered", time_json(fact->entered), "entered_by",
        weir_api_text(fact->entered_by));
    json_object_set_new(row, "organisation", weir_api_text(fact->organisation));
    if (fact->kind == WEIR_FACT_OWNER) {
        weir_share_format(fact->share, share);
        json_object_set_new(row, "share", json_string(share));
    }
    if (fact->import != 0)
        json_object_set_new(row, "import",
                            json_integer((json_int_t)fact->import));
    if (fact->ended != WEIR_TIME_MAX) {
        json_object_set_new(row, "ended", time_json(fact->ended));
        json_object_set_new(row, "ended_by", weir_api_text(fact->ended_by));
        json_object_set_new(row, "end_reason", weir_api_text(fact->end_reason));
    }
    return row;
}

/* ------------------------------------------------------------------- show */

static bool
is_owner_told(const struct weir_facts *facts, uint32_t row)
{
    for (uint32_t i = 0; i < row; i++) {
        if (facts->rows[i].kind == WEIR_FACT_OWNER &&
            weir_span_equal(facts->rows[i].value, facts->rows[row].value))
            return true;
    }
    return false;
}

static void
add_choice(json_t *reply, const struct weir_facts *facts,
           enum weir_fact_kind kind, weir_span owner, weir_time now)
{
    struct weir_fact_choice choice =
        weir_evidence_choose(facts, kind, owner, now);
    json_t *name = json_string(weir_fact_kind_name(kind));
    if (choice.fact != NULL) {
        json_t *row = fact_json(choice.fact);
        json_object_set_new(row, "conflicting",
                            json_boolean(choice.is_conflicting));
        if (kind == WEIR_FACT_OWNER)
            json_array_append_new(json_object_get(reply, "owners"), row);
        else
            json_object_set_new(json_object_get(reply, "values"),
                                weir_fact_kind_name(kind), row);
    } else if (kind != WEIR_FACT_OWNER) {
        json_array_append(json_object_get(reply, "unknown"), name);
    }
    if (choice.is_conflicting)
        json_array_append(json_object_get(reply, "conflicting"), name);
    if (choice.is_expired)
        json_array_append(json_object_get(reply, "expired"), name);
    json_decref(name);
}

static json_t *
show_json(weir_span organisation, const struct weir_facts *facts, weir_time now)
{
    json_t *reply =
        json_pack("{s:o,s:{},s:[],s:[],s:[],s:[],s:[]}", "organisation",
                  weir_api_text(organisation), "values", "owners", "unknown",
                  "conflicting", "expired", "facts");
    for (int i = 1; i < WEIR_FACT_KINDS; i++) {
        enum weir_fact_kind kind = (enum weir_fact_kind)i;
        if (kind != WEIR_FACT_OWNER && !weir_fact_kind_is_many(kind))
            add_choice(reply, facts, kind, WEIR_SPAN_NONE, now);
    }
    uint64_t sum = 0;
    for (uint32_t i = 0; i < facts->count; i++) {
        const struct weir_fact *fact = &facts->rows[i];
        if (fact->kind == WEIR_FACT_OWNER && !is_owner_told(facts, i)) {
            struct weir_fact_choice choice =
                weir_evidence_choose(facts, WEIR_FACT_OWNER, fact->value, now);
            sum += choice.fact == NULL ? 0 : choice.fact->share.low;
            add_choice(reply, facts, WEIR_FACT_OWNER, fact->value, now);
        }
        if (fact->ended > now)
            json_array_append_new(json_object_get(reply, "facts"),
                                  fact_json(fact));
    }
    if (sum > WEIR_SHARE_ALL) /* more than there is */
        json_array_append_new(json_object_get(reply, "conflicting"),
                              json_string("owner"));
    if (json_array_size(json_object_get(reply, "owners")) == 0)
        json_array_append_new(json_object_get(reply, "unknown"),
                              json_string("owner"));
    return reply;
}

/* Facts of the organisation in the path, all of them or by `at`. */
static weir_status
read_facts(struct weir_api_call *call, weir_time at, struct weir_facts *facts,
           struct weir_error *err)
{
    struct weir_control *control = call->door->control;
    weir_control_lock(control);
    weir_status status =
        weir_evidence_of(control->store, control->world,
                         weir_span_of(call->params[0]), at, facts, err);
    pthread_mutex_unlock(&control->lock);
    return status;
}

weir_status
weir_api_organisation_show(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_facts facts;
    weir_time at = weir_control_now();
    weir_facts_init(&facts);
    weir_status status = weir_api_query_time(call, "at", at, &at, err);
    if (status == WEIR_OK)
        status = read_facts(call, at, &facts, err);
    if (status == WEIR_OK)
        call->reply = show_json(weir_span_of(call->params[0]), &facts, at);
    weir_facts_fini(&facts);
    return status;
}

weir_status
weir_api_organisation_history(struct weir_api_call *call,
                              struct weir_error *err)
{
    struct weir_facts facts;
    json_t *list = json_array();
    weir_facts_init(&facts);
    weir_status status = read_facts(call, WEIR_TIME_MAX, &facts, err);
    for (uint32_t i = 0; i < facts.count && status == WEIR_OK; i++)
        json_array_append_new(list, fact_json(&facts.rows[i]));
    call->reply =
        json_pack("{s:s,s:o}", "organisation", call->params[0], "facts", list);
    weir_facts_fini(&facts);
    return status;
}

static bool
add_text(void *context, weir_span text)
{
    json_array_append_new(context, weir_api_text(text));
    return true;
}

weir_status
weir_api_organisations(struct weir_api_call *call, struct weir_error *err)
{
    const char *after = weir_api_query(call, "after");
    struct weir_control *control = call->door->control;
    json_t *configured = json_array();
    json_t *known = json_array();
    uint64_t limit;
    weir_status status = weir_api_query_number(call, "limit", LIST_DEFAULT,
                                               LIST_MOST, &limit, err);
    weir_control_lock(control);
    const struct weir_world *world = control->world;
    uint32_t count = world->base.rows != NULL ? world->base.count
                                              : world->organisation_count;
    for (uint32_t i = 0; i < count && i < limit && after == NULL; i++)
        json_array_append_new(configured,
                              weir_api_text(world->organisation_rows[i].name));
    pthread_mutex_unlock(&control->lock);
    if (status == WEIR_OK)
        status = weir_store_fact_organisations(
            call->door->store, weir_span_of(after == NULL ? "" : after),
            (uint32_t)limit, add_text, known, err);
    call->reply =
        json_pack("{s:o,s:o}", "configured", configured, "evidence", known);
    return status;
}

/* -------------------------------------------------------------------- add */

/* {"fact": "owner", "value": "acme", "share": "51%"} */
static weir_status
read_fact(const struct weir_fact *common, const json_t *row,
          struct weir_facts *facts, struct weir_error *err)
{
    const char *kind = json_string_value(json_object_get(row, "fact"));
    const char *value = json_string_value(json_object_get(row, "value"));
    const char *share = json_string_value(json_object_get(row, "share"));
    struct weir_fact fact = *common;
    weir_time when;
    uint32_t place;
    if (kind == NULL || value == NULL || value[0] == '\0' ||
        !weir_fact_kind_parse(weir_span_of(kind), &fact.kind))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a fact needs 'fact' (name, alias, identifier, "
                         "incorporated, headquarters, owner, category, "
                         "established_since, verified_until, purpose) and "
                         "'value'");
    fact.value = weir_arena_copy(&facts->arena, weir_span_of(value));
    if ((fact.kind == WEIR_FACT_HEADQUARTERS ||
         fact.kind == WEIR_FACT_INCORPORATED) &&
        !weir_jurisdiction_find(fact.value, &place))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "%s needs an ISO 3166-1 code", kind);
    if ((fact.kind == WEIR_FACT_ESTABLISHED ||
         fact.kind == WEIR_FACT_VERIFIED) &&
        !weir_time_parse(fact.value, &when))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "%s needs a date or time", kind);
    if (fact.kind == WEIR_FACT_IDENTIFIER && strchr(value, ':') == NULL)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "an identifier needs its scheme, as LEI:5493...");
    if (fact.kind == WEIR_FACT_OWNER) {
        weir_status status = weir_share_parse(
            weir_span_of(share == NULL ? "unknown" : share), &fact.share, err);
        if (status != WEIR_OK)
            return status;
    }
    struct weir_fact *added = weir_facts_add(facts);
    if (added == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    *added = fact;
    return WEIR_OK;
}

static weir_status
read_common(const struct weir_api_call *call, struct weir_fact *common,
            struct weir_error *err)
{
    weir_span rank = weir_api_body(call, "rank");
    weir_span as_of = weir_api_body(call, "as_of");
    weir_span until = weir_api_body(call, "valid_until");
    *common = (struct weir_fact){.organisation = weir_span_of(call->params[0]),
                                 .source = weir_api_body(call, "source"),
                                 .place = WEIR_SPAN(""),
                                 .rank = WEIR_RANK_DECLARED,
                                 .as_of = WEIR_TIME_MIN,
                                 .valid_until = WEIR_TIME_MAX,
                                 .ended = WEIR_TIME_MAX};
    if (common->source.len == 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a fact needs its source");
    if (rank.len > 0 && !weir_fact_rank_parse(rank, &common->rank))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'rank' is declared, register, configuration or "
                         "verified");
    if ((as_of.len > 0 && !weir_time_parse(as_of, &common->as_of)) ||
        (until.len > 0 && !weir_time_parse(until, &common->valid_until)))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'as_of' and 'valid_until' are dates or times");
    return WEIR_OK;
}

weir_status
weir_api_facts_add(struct weir_api_call *call, struct weir_error *err)
{
    const json_t *list = json_object_get(call->body, "facts");
    struct weir_facts facts;
    struct weir_fact common;
    const json_t *row;
    size_t index;
    json_t *numbers = json_array();
    weir_facts_init(&facts);
    weir_status status = read_common(call, &common, err);
    json_array_foreach(list, index, row)
    {
        if (status == WEIR_OK)
            status = read_fact(&common, row, &facts, err);
    }
    if (status == WEIR_OK)
        status = weir_control_evidence_add(call->door->control, &call->actor,
                                           &facts, &call->faults, err);
    for (uint32_t i = 0; i < facts.count && status == WEIR_OK; i++)
        json_array_append_new(numbers,
                              json_integer((json_int_t)facts.rows[i].number));
    if (status == WEIR_OK)
        call->status = 201;
    call->reply = json_pack("{s:s,s:o}", "organisation", call->params[0],
                            "numbers", numbers);
    weir_facts_fini(&facts);
    return status;
}

weir_status
weir_api_fact_end(struct weir_api_call *call, struct weir_error *err)
{
    const char *reason = weir_api_query(call, "reason");
    uint64_t number;
    if (!weir_span_to_u64(weir_span_of(call->params[1]), &number) ||
        number > INT64_MAX)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a fact has a number");
    weir_status status = weir_control_evidence_end(
        call->door->control, &call->actor, weir_span_of(call->params[0]),
        (int64_t)number, weir_span_of(reason == NULL ? "" : reason),
        &call->faults, err);
    call->reply = json_pack("{s:I}", "ended", (json_int_t)number);
    return status;
}

/* ----------------------------------------------------------------- import */

static json_t *
facts_json(const struct weir_fact **facts, uint32_t count)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count && i < SHOWN_MOST; i++)
        json_array_append_new(list, fact_json(facts[i]));
    return list;
}

static json_t *
change_json(const struct weir_import_change *change)
{
    return json_pack(
        "{s:I,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:b,s:o,s:o}", "import",
        (json_int_t)change->number, "format",
        weir_register_format_name(change->stated.format), "rows",
        (json_int_t)change->stated.rows, "bad", (json_int_t)change->stated.bad,
        "stated", (json_int_t)change->stated.facts.count, "known",
        (json_int_t)change->known.count, "added",
        (json_int_t)change->added_count, "ended",
        (json_int_t)change->ended_count, "shrinks", change->shrinks,
        "added_facts", facts_json(change->added, change->added_count),
        "ended_facts", facts_json(change->ended, change->ended_count));
}

static weir_status
read_wish(const struct weir_api_call *call, struct weir_import_wish *wish,
          struct weir_error *err)
{
    weir_span rank = weir_api_body(call, "rank");
    weir_span as_of = weir_api_body(call, "as_of");
    const json_t *bad = json_object_get(call->body, "allow_bad");
    const json_t *shrink = json_object_get(call->body, "shrink_ppm");
    wish->file = weir_api_body(call, "file");
    wish->options = (struct weir_register_options){
        .source = weir_api_body(call, "source"),
        .rank = WEIR_RANK_REGISTER,
        .as_of = WEIR_TIME_MIN,
        .bad_max = json_is_integer(bad) && json_integer_value(bad) >= 0 &&
                           json_integer_value(bad) < UINT32_MAX
                       ? (uint32_t)json_integer_value(bad)
                       : 0};
    wish->shrink_ppm = json_is_integer(shrink) &&
                               json_integer_value(shrink) >= 0 &&
                               json_integer_value(shrink) <= 1000000
                           ? (uint32_t)json_integer_value(shrink)
                           : WEIR_IMPORT_SHRINK_PPM;
    wish->confirms_shrink =
        json_is_true(json_object_get(call->body, "confirm_shrink"));
    wish->is_partial = json_is_true(json_object_get(call->body, "partial"));
    wish->is_only_compared =
        json_is_true(json_object_get(call->body, "compare"));
    if (wish->options.source.len == 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "an import needs its source");
    if (rank.len > 0 && !weir_fact_rank_parse(rank, &wish->options.rank))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'rank' is declared, register, configuration or "
                         "verified");
    if (as_of.len > 0 && !weir_time_parse(as_of, &wish->options.as_of))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'as_of' is a date or time");
    return WEIR_OK;
}

/* The text, from the spool that it was sent into, from a file of this
 * machine (for its own user, who could read it), or from the body. */
static weir_status
find_register(struct weir_api_call *call, struct weir_spool *own,
              struct weir_import_wish *wish, struct weir_error *err)
{
    struct weir_control *control = call->door->control;
    char path[WEIR_PATH_MAX];
    weir_span named = weir_api_body(call, "path");
    wish->bytes = weir_api_body(call, "text");
    if (call->request->spool != NULL)
        return weir_spool_map(call->request->spool, &wish->bytes, err);
    if (named.len == 0)
        return WEIR_OK;
    if (!call->request->is_local || named.len >= sizeof path)
        return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                         "send the register's text, not a path");
    memcpy(path, named.ptr, named.len);
    path[named.len] = '\0';
    weir_control_lock(control);
    uint64_t most = control->world->settings.import_bytes_max;
    pthread_mutex_unlock(&control->lock);
    wish->file = wish->file.len > 0 ? wish->file : named;
    weir_status status = weir_spool_open(own, control->paths.state, most, err);
    if (status == WEIR_OK)
        status = weir_spool_add_file(own, path, err);
    return status == WEIR_OK ? weir_spool_map(own, &wish->bytes, err) : status;
}

weir_status
weir_api_import(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_import_wish wish = {.is_partial = false};
    struct weir_import_change change = {.number = 0};
    struct weir_spool own = {.file = -1};
    weir_status status = read_wish(call, &wish, err);
    if (status == WEIR_OK)
        status = find_register(call, &own, &wish, err);
    if (wish.file.len == 0)
        wish.file = WEIR_SPAN("register");
    if (status == WEIR_OK)
        status =
            weir_control_evidence_import(call->door->control, &call->actor,
                                         &wish, &change, &call->faults, err);
    if (status == WEIR_OK)
        call->reply = change_json(&change);
    weir_import_change_fini(&change);
    weir_spool_close(&own);
    return status;
}

static bool
add_import(void *context, const struct weir_import *row)
{
    json_array_append_new(
        context,
        json_pack("{s:I,s:o,s:o,s:o,s:o,s:I,s:I,s:I,s:I,s:o,s:o}", "number",
                  (json_int_t)row->number, "source", weir_api_text(row->source),
                  "file", weir_api_text(row->file), "format",
                  weir_api_text(row->format), "digest",
                  weir_api_digest(row->digest), "stated",
                  (json_int_t)row->stated, "added", (json_int_t)row->added,
                  "ended", (json_int_t)row->ended, "bad", (json_int_t)row->bad,
                  "entered", time_json(row->entered), "entered_by",
                  weir_api_text(row->entered_by)));
    return true;
}

weir_status
weir_api_imports(struct weir_api_call *call, struct weir_error *err)
{
    uint64_t limit;
    json_t *list = json_array();
    weir_status status =
        weir_api_query_number(call, "limit", 100, LIST_MOST, &limit, err);
    if (status == WEIR_OK)
        status = weir_store_imports(call->door->store, (uint32_t)limit,
                                    add_import, list, err);
    call->reply = json_pack("{s:o}", "imports", list);
    return status;
}

weir_status
weir_api_import_progress(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_import_progress *now = &call->door->control->import;
    (void)err;
    call->reply = json_pack("{s:s,s:I,s:I}", "stage",
                            weir_import_stage_name(atomic_load(&now->stage)),
                            "done", (json_int_t)atomic_load(&now->done),
                            "total", (json_int_t)atomic_load(&now->total));
    return WEIR_OK;
}
