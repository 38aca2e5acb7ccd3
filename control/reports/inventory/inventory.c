/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inventory: what is used, by whom, where, with what data, what is kept
 * of it, and what is used beside the gateway.
 *
 * Four sources, each named in its section: the image in force (what could be
 * used), the ledger and the records behind it (what was used and what filters
 * found), the directories of the state (what is kept), imported logs of
 * others (what goes past). A key that nobody used and a region that is no
 * longer configured both show, because neither source is taken for the other.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "control/content/content.h"
#include "control/reports/inventory/outside.h"
#include "control/reports/parts.h"

const struct weir_report_section weir__report_inventory_sections[] = {
    {"services", "Services: who calls, with which key, for what",
     "tenant project key purpose state #calls #refused last"},
    {"models", "Models that can be selected, and those that were",
     "model provider origin weights licence terms state #deployments #calls"},
    {"regions", "Regions that process requests",
     "region country stored_in operator cloud deployment state #calls"},
    {"data", "What flows into prompts and answers: findings of filters",
     "tenant class direction #findings #calls"},
    {"kept", "What is kept of prompts and answers, by retention class",
     "tenant class #items #bytes oldest floor ceiling"},
    {"logs", "Logs that are kept", "log holds #files #bytes since"},
    {"outside", "Use outside the gateway, from imported logs",
     "provider kind host #clients #requests #bytes first last source"},
    {NULL, NULL, NULL}};

struct inventory {
    const struct weir_report_ask *ask;
    struct weir__report_journal journal;
    struct weir__report_rows services, models, regions, data, kept, outside;
    struct weir__report_rows clients; /* of outside: "host client" */
    json_int_t calls, refused, unread;
};

static void
put(json_t *row, const char *name, weir_span text)
{
    json_object_set_new(row, name, weir__report_text(text));
}

static void
put_time(json_t *row, const char *name, weir_time when)
{
    json_object_set_new(row, name, weir__report_time(when));
}

/* ------------------------------------------------------- what could be used */

static bool
on_key(void *context, const struct weir_store_key *key)
{
    struct inventory *in = context;
    weir_span tenant = in->ask->tenant;
    if (tenant.len > 0 && !weir_span_equal(key->tenant, tenant))
        return true;
    json_t *row =
        weir__report_row(&in->services, NULL, "%.*s", WEIR_SPAN_ARG(key->id));
    put(row, "tenant", key->tenant);
    put(row, "project", key->project);
    put(row, "key", key->id);
    put(row, "purpose", key->purpose);
    put(row, "state",
        key->revoked != 0                ? WEIR_SPAN("revoked")
        : key->not_after <= in->ask->now ? WEIR_SPAN("over")
                                         : WEIR_SPAN("active"));
    weir__report_add(row, "calls", 0);
    weir__report_add(row, "refused", 0);
    return true;
}

struct off {
    const struct weir_image *image;
    json_t *names; /* "deployment NAME", "model NAME" and so on */
};

static bool
on_withdrawal(void *context, const struct weir_store_withdrawal *row)
{
    char key[600];
    snprintf(key, sizeof key, "%d %.*s", row->kind, WEIR_SPAN_ARG(row->name));
    json_object_set_new_nocheck(context, key, json_true());
    return true;
}

static bool
is_off(json_t *off, enum weir_kind kind, weir_span name)
{
    char key[600];
    snprintf(key, sizeof key, "%d %.*s", (int)kind, WEIR_SPAN_ARG(name));
    return json_object_get(off, key) != NULL;
}

static void
add_models(struct inventory *in, const struct weir_image *image, json_t *off)
{
    for (uint32_t i = 0; i < image->model_count; i++) {
        const struct weir_image_model *model = &image->models[i];
        weir_span name = weir_image_text(image, model->name);
        weir_span provider =
            weir_image_text(image, image->providers[model->provider].name);
        json_t *row =
            weir__report_row(&in->models, NULL, "%.*s", WEIR_SPAN_ARG(name));
        bool is_withdrawn = is_off(off, WEIR_KIND_MODEL, name) ||
                            is_off(off, WEIR_KIND_PROVIDER, provider);
        put(row, "model", name);
        put(row, "provider", provider);
        put(row, "origin",
            weir_image_text(image, image->jurisdictions[model->origin].code));
        put(row, "weights", weir_image_text(image, model->weights));
        put(row, "licence", weir_image_text(image, model->licence));
        put(row, "terms", weir_image_text(image, model->terms));
        weir__report_add(row, "deployments", 0);
        weir__report_add(row, "calls", 0);
        for (uint32_t j = 0; j < image->deployment_count; j++)
            weir__report_add(row, "deployments",
                             image->deployments[j].model == i);
        put(row, "state",
            is_withdrawn ? WEIR_SPAN("withdrawn")
            : json_integer_value(json_object_get(row, "deployments")) == 0
                ? WEIR_SPAN("not deployed")
                : WEIR_SPAN("selectable"));
    }
}

static void
add_regions(struct inventory *in, const struct weir_image *image, json_t *off)
{
    for (uint32_t i = 0; i < image->deployment_count; i++) {
        const struct weir_image_deployment *d = &image->deployments[i];
        weir_span name = weir_image_text(image, d->name);
        json_t *row =
            weir__report_row(&in->regions, NULL, "%.*s", WEIR_SPAN_ARG(name));
        put(row, "deployment", name);
        put(row, "region", weir_image_text(image, d->region));
        put(row, "country",
            weir_image_text(image, image->jurisdictions[d->place].code));
        put(row, "stored_in",
            weir_image_text(image, image->jurisdictions[d->stored_in].code));
        put(row, "operator",
            weir_image_text(image, image->organisations[d->operated_by].name));
        put(row, "cloud", weir_image_text(image, d->cloud));
        put(row, "state",
            is_off(off, WEIR_KIND_DEPLOYMENT, name) ? WEIR_SPAN("withdrawn")
                                                    : WEIR_SPAN("in use"));
        weir__report_add(row, "calls", 0);
    }
}

static weir_status
add_world(struct inventory *in, struct weir_error *err)
{
    json_t *off = json_object();
    weir_status status =
        weir_store_withdrawals(in->ask->store, on_withdrawal, off, err);
    if (status == WEIR_OK)
        status = weir_store_keys(in->ask->store, on_key, in, err);
    if (status == WEIR_OK) {
        weir_control_lock(in->ask->control);
        if (in->ask->control->has_image) {
            add_models(in, &in->ask->control->image, off);
            add_regions(in, &in->ask->control->image, off);
        }
        pthread_mutex_unlock(&in->ask->control->lock);
    }
    json_decref(off);
    return status;
}

/* ------------------------------------------------------------ what was used */

/* "mail:2,card:1" */
static void
add_findings(struct inventory *in, weir_span tenant, weir_span text,
             const char *direction)
{
    while (text.len > 0) {
        const char *comma = memchr(text.ptr, ',', text.len);
        size_t len = comma == NULL ? text.len : (size_t)(comma - text.ptr);
        const char *colon = memrchr(text.ptr, ':', len);
        uint64_t count = 0;
        size_t name = colon == NULL ? len : (size_t)(colon - text.ptr);
        if (colon != NULL &&
            weir_span_to_u64((weir_span){colon + 1, len - name - 1}, &count)) {
            json_t *row = weir__report_row(&in->data, NULL, "%.*s %.*s %s",
                                           WEIR_SPAN_ARG(tenant), (int)name,
                                           text.ptr, direction);
            put(row, "tenant", tenant);
            put(row, "class", (weir_span){text.ptr, name});
            put(row, "direction", weir_span_of(direction));
            weir__report_add(row, "findings", (int64_t)count);
            weir__report_add(row, "calls", 1);
        }
        len += comma != NULL;
        text = (weir_span){text.ptr + len, text.len - len};
    }
}

static void
look_at_record(struct inventory *in, const struct weir_store_call *call)
{
    struct weir_record record;
    struct weir_record_outcome outcome;
    if (call->last.segment == 0)
        return;
    if (weir__report_record(&in->journal, &call->last, &record, NULL) !=
            WEIR_OK ||
        record.kind != WEIR_RECORD_OUTCOME ||
        weir_record_get_outcome(record.payload, &outcome, NULL) != WEIR_OK) {
        in->unread++;
        return;
    }
    /* "of the request;of the reply", the second half where there is one */
    const char *part =
        outcome.filtered.len == 0
            ? NULL
            : memchr(outcome.filtered.ptr, ';', outcome.filtered.len);
    size_t len = part == NULL ? outcome.filtered.len
                              : (size_t)(part - outcome.filtered.ptr);
    add_findings(in, call->tenant, (weir_span){outcome.filtered.ptr, len},
                 "prompts");
    if (part != NULL)
        add_findings(in, call->tenant,
                     (weir_span){part + 1, outcome.filtered.len - len - 1},
                     "answers");
}

static weir_status
on_call(void *context, const struct weir_store_call *call,
        struct weir_error *err)
{
    struct inventory *in = context;
    bool is_refused = call->state == WEIR_CALL_REFUSED, is_new;
    (void)err;
    in->calls += !is_refused;
    in->refused += is_refused;
    if (call->key.len > 0) {
        json_t *row = weir__report_row(&in->services, &is_new, "%.*s",
                                       WEIR_SPAN_ARG(call->key));
        if (is_new) {
            put(row, "tenant", call->tenant);
            put(row, "project", call->project);
            put(row, "key", call->key);
            put(row, "purpose", WEIR_SPAN(""));
            put(row, "state", WEIR_SPAN("unknown"));
        }
        weir__report_add(row, is_refused ? "refused" : "calls", 1);
        put_time(row, "last", call->decided);
    }
    if (call->model.len > 0) {
        json_t *row = weir__report_row(&in->models, &is_new, "%.*s",
                                       WEIR_SPAN_ARG(call->model));
        if (is_new) {
            put(row, "model", call->model);
            put(row, "state", WEIR_SPAN("gone"));
        }
        weir__report_add(row, "calls", 1);
    }
    if (call->deployment.len > 0) {
        json_t *row = weir__report_row(&in->regions, &is_new, "%.*s",
                                       WEIR_SPAN_ARG(call->deployment));
        if (is_new) {
            put(row, "deployment", call->deployment);
            put(row, "region", call->region);
            put(row, "country", call->place);
            put(row, "stored_in", call->stored_in);
            put(row, "state", WEIR_SPAN("gone"));
        }
        weir__report_add(row, "calls", 1);
    }
    look_at_record(in, call);
    return WEIR_OK;
}

/* ------------------------------------------------------------- what is kept */

static bool
on_item(void *context, const struct weir_content_item *item)
{
    struct inventory *in = context;
    bool is_new;
    json_t *row = weir__report_row(&in->kept, &is_new, "%s %s",
                                   item->meta.tenant, item->meta.class);
    if (is_new) {
        put(row, "tenant", weir_span_of(item->meta.tenant));
        put(row, "class", weir_span_of(item->meta.class));
        put_time(row, "oldest", item->meta.when);
    }
    weir__report_add(row, "items", 1);
    weir__report_add(row, "bytes", (int64_t)item->meta.kept_bytes);
    return true;
}

static void
add_classes(struct inventory *in)
{
    const struct weir_world *world;
    json_t *row;
    size_t index;
    weir_control_lock(in->ask->control);
    world = in->ask->control->world;
    json_array_foreach(in->kept.list, index, row)
    {
        const char *name = json_string_value(json_object_get(row, "class"));
        for (uint32_t i = 0; i < world->content_class_count; i++) {
            const struct weir_world_content_class *c =
                &world->content_class_rows[i];
            char floor[32], ceiling[32];
            if (name == NULL || !weir_span_equal(c->name, weir_span_of(name)))
                continue;
            snprintf(floor, sizeof floor, "%lld h",
                     (long long)(c->floor_us / (3600 * WEIR_US_PER_SEC)));
            snprintf(ceiling, sizeof ceiling, "%lld h",
                     (long long)(c->ceiling_us / (3600 * WEIR_US_PER_SEC)));
            put(row, "floor", weir_span_of(floor));
            put(row, "ceiling", weir_span_of(ceiling));
        }
    }
    pthread_mutex_unlock(&in->ask->control->lock);
}

#define DEPTH_MAX 6

static void
measure(const char *path, int depth, json_int_t *files, json_int_t *bytes,
        weir_time *since)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    struct stat info;
    char below[WEIR_PATH_MAX + 300];
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
        if (lstat(below, &info) != 0)
            continue;
        if (S_ISDIR(info.st_mode) && depth < DEPTH_MAX)
            measure(below, depth + 1, files, bytes, since);
        if (!S_ISREG(info.st_mode))
            continue;
        weir_time when = (weir_time)info.st_mtime * WEIR_US_PER_SEC;
        *files += 1;
        *bytes += (json_int_t)info.st_blocks * 512;
        *since = when < *since ? when : *since;
    }
    if (folder != NULL)
        closedir(folder);
}

static json_t *
logs_json(const struct inventory *in)
{
    const struct weir_paths *paths = &in->ask->control->paths;
    static const struct {
        const char *name, *folder, *holds;
    } logs[] = {
        {"journal", "journal",
         "every call: who, which model, rules, tokens, cost; no content"},
        {"transparency log", "tlog", "salted digests of the journal's records"},
        {"images", "images", "the policies and the catalogue that decided"},
        {"overlays", "overlays", "withdrawals and holds as they were"},
        {"content", "content",
         "prompts and answers where a policy asks for it, sealed"},
        {"gateway's own log", "nginx", "starts, stops and errors of nginx"},
    };
    json_t *list = json_array();
    for (size_t i = 0; i < WEIR_COUNTOF(logs); i++) {
        char path[WEIR_PATH_MAX + 64];
        json_int_t files = 0, bytes = 0;
        weir_time since = WEIR_TIME_MAX;
        snprintf(path, sizeof path, "%s/%s", paths->state, logs[i].folder);
        measure(path, 0, &files, &bytes, &since);
        if (files == 0)
            continue;
        json_array_append_new(
            list, json_pack("{s:s,s:s,s:I,s:I,s:o}", "log", logs[i].name,
                            "holds", logs[i].holds, "files", files, "bytes",
                            bytes, "since", weir__report_time(since)));
    }
    char path[WEIR_PATH_MAX + 64];
    struct stat info;
    snprintf(path, sizeof path, "%s/weir.db", paths->state);
    if (stat(path, &info) == 0)
        json_array_append_new(
            list,
            json_pack("{s:s,s:s,s:i,s:I}", "log", "ledger and store", "holds",
                      "calls with usage and cost, keys, acts, cases, notices",
                      "files", 1, "bytes", (json_int_t)info.st_size));
    return list;
}

/* ------------------------------------------------------------ what goes past */

static bool
on_outside(void *context, const struct weir_outside_row *found)
{
    struct inventory *in = context;
    bool is_new, is_new_client;
    json_t *row = weir__report_row(
        &in->outside, &is_new, "%.*s %.*s %.*s", WEIR_SPAN_ARG(found->provider),
        WEIR_SPAN_ARG(found->host), WEIR_SPAN_ARG(found->source));
    if (is_new) {
        put(row, "provider", found->provider);
        put(row, "kind", found->kind);
        put(row, "host", found->host);
        put(row, "source", found->source);
        put_time(row, "first", found->first);
        json_object_set_new(row, "first_us", json_integer(found->first));
    }
    (void)weir__report_row(&in->clients, &is_new_client, "%.*s %.*s %.*s",
                           WEIR_SPAN_ARG(found->host),
                           WEIR_SPAN_ARG(found->source),
                           WEIR_SPAN_ARG(found->client));
    weir__report_add(row, "clients", is_new_client);
    weir__report_add(row, "requests", found->requests);
    weir__report_add(row, "bytes", found->bytes);
    if (found->first < json_integer_value(json_object_get(row, "first_us"))) {
        put_time(row, "first", found->first);
        json_object_set_new(row, "first_us", json_integer(found->first));
    }
    if (found->last > json_integer_value(json_object_get(row, "last_us"))) {
        put_time(row, "last", found->last);
        json_object_set_new(row, "last_us", json_integer(found->last));
    }
    return true;
}

/* ------------------------------------------------------------------- report */

static weir_status
collect(struct inventory *in, struct weir_error *err)
{
    const struct weir_report_ask *ask = in->ask;
    char tenant[WEIR_CONTENT_TENANT_MAX];
    snprintf(tenant, sizeof tenant, "%.*s", WEIR_SPAN_ARG(ask->tenant));
    const struct weir_content_filter kept = {
        .tenant = tenant[0] == '\0' ? NULL : tenant};
    weir_status status = add_world(in, err);
    if (status == WEIR_OK)
        status = weir__report_calls(ask, on_call, in, err);
    if (status == WEIR_OK)
        status =
            weir_content_list(&ask->control->paths, &kept, on_item, in, err);
    if (status == WEIR_OK)
        add_classes(in);
    if (status == WEIR_OK && ask->tenant.len == 0)
        status = weir_store_outside(ask->store, ask->from, ask->to, on_outside,
                                    in, err);
    return status;
}

weir_status
weir__report_inventory(const struct weir_report_ask *ask, json_t *report,
                       struct weir_error *err)
{
    struct inventory in = {
        .ask = ask, .journal = {.directory = ask->control->paths.journal}};
    static const char *const by_service[] = {"tenant", "project", "key"};
    static const char *const by_model[] = {"model"};
    static const char *const by_region[] = {"country", "region", "deployment"};
    static const char *const by_data[] = {"tenant", "class", "direction"};
    static const char *const by_host[] = {"provider", "host"};
    struct {
        const char *name;
        struct weir__report_rows *rows;
        const char *const *by;
        size_t count;
    } parts[] = {{"services", &in.services, by_service, 3},
                 {"models", &in.models, by_model, 1},
                 {"regions", &in.regions, by_region, 3},
                 {"data", &in.data, by_data, 3},
                 {"kept", &in.kept, by_data, 2},
                 {"outside", &in.outside, by_host, 2},
                 {NULL, &in.clients, NULL, 0}};
    weir_status status = WEIR_OK;
    for (size_t i = 0; status == WEIR_OK && i < WEIR_COUNTOF(parts); i++)
        status = weir__report_rows_init(parts[i].rows, err);
    if (status == WEIR_OK)
        status = collect(&in, err);
    for (size_t i = 0; status == WEIR_OK && parts[i].name != NULL; i++)
        json_object_set_new(
            report, parts[i].name,
            weir__report_sorted(parts[i].rows, parts[i].by, parts[i].count));
    if (status == WEIR_OK) {
        json_object_set_new(report, "logs", logs_json(&in));
        json_object_set_new(report, "summary",
                            json_pack("{s:I,s:I,s:I,s:I}", "calls", in.calls,
                                      "refused", in.refused, "records_unread",
                                      in.unread, "outside_hosts",
                                      (json_int_t)json_array_size(
                                          json_object_get(report, "outside"))));
    }
    for (size_t i = 0; i < WEIR_COUNTOF(parts); i++)
        weir__report_rows_fini(parts[i].rows);
    weir__report_journal_fini(&in.journal);
    return status;
}
