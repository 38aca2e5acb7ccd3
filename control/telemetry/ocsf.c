/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened as events of the Open Cybersecurity Schema Framework.
 *
 *     call, refusal   API Activity 6003, profile ai_operation
 *     act             API Activity 6003
 *     case, step      Detection Finding 2004
 *
 * A call's activity is Other, "Infer": none of create, read, update and
 * delete is what asking a model does. Nothing stands in message_context that
 * was asked or answered: records have no text.
 */
#include <stdio.h>
#include <string.h>

#include <weir/trace.h>

#include "control/telemetry/parts.h"

/* The version that its tests hold it against. */
#define SCHEMA        "1.9.0-dev"

#define CLASS_API     6003
#define CLASS_FINDING 2004

enum activity { CREATE = 1, READ = 2, UPDATE = 3, DELETE = 4, OTHER = 99 };

enum severity { INFORMATIONAL = 1, LOW = 2, MEDIUM = 3, HIGH = 4 };

struct event {
    int class;
    int activity;
    const char *activity_name;
    int severity;
    weir_time when;
    bool is_failure;
    weir_span uid;
    weir_span tenant;
    weir_span detail; /* status_code; empty: none */
};

static json_t *
text_of(weir_span text)
{
    if (text.len == 0)
        return NULL;
    json_t *value = json_stringn(text.ptr, text.len);
    return value != NULL ? value : json_string("?");
}

static const char *
severity_name(int severity)
{
    static const char *const names[] = {"Unknown", "Informational", "Low",
                                        "Medium", "High"};
    return names[severity];
}

static json_t *
metadata_of(const struct event *event, const struct weir__rules *rules,
            bool is_call)
{
    return json_pack(
        "{s:s,s:{s:s,s:s,s:s},s:s,s:s,s:o*,s:o*,s:o*}", "version", SCHEMA,
        "product", "name", "weir", "vendor_name", "weir", "version",
        WEIR_VERSION, "log_name", "journal", "log_provider", rules->instance,
        "uid", text_of(event->uid), "tenant_uid", text_of(event->tenant),
        "profiles",
        is_call ? json_pack("[ss]", "ai_operation", "trace") : NULL);
}

/* Takes `object`, with what every class has in front. */
static json_t *
event_of(const struct event *event, const struct weir__rules *rules,
         bool is_call, json_t *object)
{
    json_t *whole = json_pack(
        "{s:i,s:s,s:i,s:s,s:i,s:s,s:I,s:i,s:s,s:I,s:i,s:s,s:o*,s:o}",
        "class_uid", event->class, "class_name",
        event->class == CLASS_API ? "API Activity" : "Detection Finding",
        "category_uid", event->class == CLASS_API ? 6 : 2, "category_name",
        event->class == CLASS_API ? "Application Activity" : "Findings",
        "activity_id", event->activity, "activity_name", event->activity_name,
        "type_uid", (json_int_t)event->class * 100 + event->activity,
        "severity_id", event->severity, "severity",
        severity_name(event->severity), "time",
        (json_int_t)(event->when / WEIR_US_PER_MS), "status_id",
        event->is_failure ? 2 : 1, "status",
        event->is_failure ? "Failure" : "Success", "status_code",
        text_of(event->detail), "metadata", metadata_of(event, rules, is_call));
    if (whole != NULL && object != NULL)
        (void)json_object_update(whole, object);
    json_decref(object);
    return whole;
}

/* ------------------------------------------------------------------ calls */

static json_t *
actor_of(const struct weir_record_intent *who)
{
    return json_pack("{s:{s:o*,s:s,s:i,s:{s:o*},s:{s:o*}},s:o*}", "user", "uid",
                     text_of(who->key), "type", "Service", "type_id", 4,
                     "account", "uid", text_of(who->tenant), "org", "uid",
                     text_of(who->organisation), "app_name",
                     text_of(who->project));
}

/* The schema wants a name where the address is kept out. */
static json_t *
source_of(const struct weir_record_intent *who)
{
    return json_pack("{s:o*,s:o*,s:o*}", "ip", text_of(who->address), "uid",
                     who->key.len > 0 ? text_of(who->key)
                                      : json_string("unknown"),
                     "location",
                     who->country.len > 0
                         ? json_pack("{s:o}", "country", text_of(who->country))
                         : NULL);
}

static json_t *
api_of(uint32_t operation, const struct weir_request_id *id, uint32_t status)
{
    char text[WEIR_REQUEST_ID_TEXT];
    weir_request_id_format(id, text);
    return json_pack("{s:s,s:{s:s},s:{s:i},s:{s:s}}", "operation",
                     weir_operation_name(operation), "request", "uid", text,
                     "response", "code", (int)status, "service", "name",
                     "weir");
}

static json_t *
trace_of(const struct weir_trace *trace)
{
    char id[WEIR_HEX_LEN(16)];
    if (!trace->is_there)
        return NULL;
    weir_hex_encode((weir_span){(const char *)trace->id, 16}, id);
    return json_pack("{s:o}", "uid", json_stringn(id, sizeof id));
}

static json_t *
call_event(const struct weir__told *told, const struct weir__stations *stations,
           const struct weir__rules *rules)
{
    static const struct weir_record_intent nobody;
    const struct weir_record_outcome *outcome = told->outcome;
    const struct weir_record_intent *who =
        told->intent != NULL ? told->intent : &nobody;
    const struct weir__station *station =
        weir__stations_find(stations, outcome->deployment);
    char id[WEIR_REQUEST_ID_TEXT];
    weir_request_id_format(&outcome->request, id);
    struct event event = {
        .class = CLASS_API,
        .activity = OTHER,
        .activity_name = "Infer",
        .severity = outcome->filtered.len > 0 ? LOW : INFORMATIONAL,
        .when = outcome->started_us,
        .is_failure = weir__told_failed(told),
        .uid = weir_span_of(id),
        .tenant = who->tenant,
        .detail = weir_span_of(weir_ending_name(outcome->ending))};
    json_t *model =
        outcome->model.len == 0
            ? NULL
            : json_pack(
                  "{s:o,s:o*}", "name", text_of(outcome->model), "ai_provider",
                  text_of(station != NULL ? weir_span_of(station->provider)
                                          : WEIR_SPAN("unknown")));
    json_t *context = json_pack(
        "{s:s,s:{s:s},s:I,s:I,s:I}", "uid", id, "service", "name", "weir",
        "prompt_tokens", (json_int_t)outcome->input_tokens, "completion_tokens",
        (json_int_t)outcome->output_tokens, "total_tokens",
        (json_int_t)(outcome->input_tokens + outcome->output_tokens));
    json_t *resources =
        outcome->deployment.len == 0
            ? NULL
            : json_pack("[{s:o,s:s,s:o*}]", "name",
                        text_of(outcome->deployment), "type", "deployment",
                        "region", text_of(outcome->region));
    return event_of(
        &event, rules, true,
        json_pack(
            "{s:o,s:o,s:o,s:o*,s:o,s:o*,s:o*,s:I,s:I}", "actor", actor_of(who),
            "src_endpoint", source_of(who), "api",
            api_of(outcome->operation, &outcome->request, outcome->http_status),
            "ai_model", model, "message_context", context, "resources",
            resources, "trace", trace_of(&outcome->trace), "end_time",
            (json_int_t)((outcome->started_us + (weir_time)outcome->total_us) /
                         WEIR_US_PER_MS),
            "duration", (json_int_t)(outcome->total_us / 1000)));
}

static json_t *
refusal_event(const struct weir__told *told, const struct weir__rules *rules)
{
    const struct weir_record_refusal *refusal = told->refusal;
    const struct weir_record_intent who = {.key = refusal->key,
                                           .tenant = refusal->tenant,
                                           .project = refusal->project,
                                           .organisation =
                                               refusal->organisation,
                                           .country = refusal->country,
                                           .address = refusal->address};
    char id[WEIR_REQUEST_ID_TEXT];
    weir_request_id_format(&refusal->request, id);
    struct event event = {.class = CLASS_API,
                          .activity = OTHER,
                          .activity_name = "Infer",
                          .severity = refusal->policy.len > 0 ? MEDIUM : LOW,
                          .when = refusal->decided_us,
                          .is_failure = true,
                          .uid = weir_span_of(id),
                          .tenant = refusal->tenant,
                          .detail =
                              weir_span_of(weir_reason_code(refusal->reason))};
    return event_of(
        &event, rules, true,
        json_pack(
            "{s:o,s:o,s:o,s:o*,s:o*,s:o*}", "actor", actor_of(&who),
            "src_endpoint", source_of(&who), "api",
            api_of(refusal->operation, &refusal->request, refusal->http_status),
            "resources",
            refusal->model.len > 0
                ? json_pack("[{s:o,s:s}]", "name", text_of(refusal->model),
                            "type", "model")
                : NULL,
            "status_detail", text_of(refusal->policy), "trace",
            trace_of(&refusal->trace)));
}

/* ------------------------------------------------------------- what is done */

struct deed {
    json_int_t number;
    const char *action, *actor, *role, *subject, *when;
    json_t *detail; /* may be NULL */
};

static int
activity_of(const char *action)
{
    static const struct {
        const char *word;
        int activity;
    } words[] = {{"create", CREATE},  {"issue", CREATE},   {"add", CREATE},
                 {"show", READ},      {"look", READ},      {"view", READ},
                 {"revoke", DELETE},  {"remove", DELETE},  {"erase", DELETE},
                 {"approve", UPDATE}, {"publish", UPDATE}, {"set", UPDATE}};
    const char *dot = strchr(action, '.');
    for (size_t i = 0; dot != NULL && i < WEIR_COUNTOF(words); i++)
        if (strcmp(dot + 1, words[i].word) == 0)
            return words[i].activity;
    return OTHER;
}

static json_t *
deed_event(const struct deed *deed, const struct event *event,
           const struct weir__rules *rules)
{
    bool is_control = strcmp(deed->role, "control") == 0;
    return event_of(event, rules, false,
                    json_pack("{s:{s:{s:s,s:s,s:i}},s:{s:s},s:{s:s,s:{s:s}},"
                              "s:[{s:s,s:s}],s:{s:O?}}",
                              "actor", "user", "uid", deed->actor, "type",
                              is_control ? "System" : "Admin", "type_id",
                              is_control ? 3 : 2, "src_endpoint", "svc_name",
                              "admin", "api", "operation", deed->action,
                              "service", "name", "weir", "resources", "uid",
                              deed->subject[0] != '\0' ? deed->subject : "weir",
                              "type", "subject", "unmapped", "detail",
                              deed->detail));
}

static json_t *
finding_event(const struct deed *deed, struct event *event,
              const struct weir__rules *rules)
{
    const char *kind = "watch", *subject = "", *state = "";
    bool is_new = strcmp(deed->action, "case.raised") == 0 ||
                  strncmp(deed->action, "watch.", 6) == 0;
    if (deed->detail != NULL)
        (void)json_unpack(deed->detail, "{s?s,s?s,s?s}", "kind", &kind,
                          "subject", &subject, "state", &state);
    bool is_over = strcmp(state, "closed") == 0;
    event->class = CLASS_FINDING;
    event->activity = is_over ? 3 : is_new ? 1 : 2;
    event->activity_name = is_over ? "Close" : is_new ? "Create" : "Update";
    event->severity = is_new ? MEDIUM : INFORMATIONAL;
    json_t *whole = event_of(
        event, rules, false,
        json_pack("{s:{s:s,s:s,s:[s],s:{s:s,s:i}},s:[{s:s,s:s}],s:b,"
                  "s:{s:s,s:s,s:O?}}",
                  "finding_info", "uid", deed->subject, "title", deed->action,
                  "types", kind, "analytic", "name", kind, "type_id", 1,
                  "resources", "uid",
                  subject[0] != '\0' ? subject : deed->subject, "type",
                  "subject", "is_alert", is_new, "unmapped", "actor",
                  deed->actor, "role", deed->role, "detail", deed->detail));
    if (whole != NULL) /* of a finding it means: new, in progress, resolved */
        (void)json_object_update_new(whole,
                                     json_pack("{s:i,s:s}", "status_id",
                                               is_over  ? 4
                                               : is_new ? 1
                                                        : 2,
                                               "status",
                                               is_over  ? "Resolved"
                                               : is_new ? "New"
                                                        : "In Progress"));
    return whole;
}

static json_t *
act_event(const struct weir__told *told, const struct weir__rules *rules)
{
    struct deed deed = {.actor = "control", .role = "control", .subject = ""};
    char id[32];
    if (json_unpack(told->act, "{s:I,s:s,s?s,s?s,s?s}", "act", &deed.number,
                    "action", &deed.action, "actor", &deed.actor, "role",
                    &deed.role, "subject", &deed.subject) != 0)
        return json_null(); /* nothing that could be told */
    deed.detail = json_object_get(told->act, "detail");
    snprintf(id, sizeof id, "act_%lld", (long long)deed.number);
    struct event event = {.class = CLASS_API,
                          .activity = activity_of(deed.action),
                          .severity = INFORMATIONAL,
                          .when = told->when,
                          .uid = weir_span_of(id)};
    static const char *const names[] = {"", "Create", "Read", "Update",
                                        "Delete"};
    event.activity_name =
        event.activity == OTHER ? deed.action : names[event.activity];
    if (strncmp(deed.action, "case.", 5) == 0 ||
        strncmp(deed.action, "watch.", 6) == 0)
        return finding_event(&deed, &event, rules);
    return deed_event(&deed, &event, rules);
}

json_t *
weir__ocsf_event(const struct weir__told *told,
                 const struct weir__stations *stations,
                 const struct weir__rules *rules)
{
    if (told->outcome != NULL)
        return call_event(told, stations, rules);
    if (told->refusal != NULL)
        return refusal_event(told, rules);
    return act_event(told, rules);
}
