/* SPDX-License-Identifier: Apache-2.0 */
/* The exporters of the sources in force: begun, ended and begun anew as a
 * reload has it. */
#include "control/telemetry/telemetry.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/log.h"
#include "control/telemetry/parts.h"

struct weir_telemetry {
    struct weir_beat beat;
    struct weir_control *control;
    uint64_t publications;
    pthread_mutex_t lock; /* of what is below */
    struct weir__exporter *exporters[WEIR_EXPORTERS_MAX];
};

static void
copy(char *out, size_t size, weir_span text)
{
    snprintf(out, size, "%.*s", WEIR_SPAN_ARG(text));
}

static void
rules_of(const struct weir_world *world, const struct weir_world_exporter *row,
         struct weir__rules *out)
{
    memset(out, 0, sizeof *out); /* compared as bytes */
    out->kind = row->kind;
    copy(out->name, sizeof out->name, row->name);
    copy(out->target, sizeof out->target, row->target);
    copy(out->host, sizeof out->host, row->host);
    out->port = row->port;
    copy(out->ca, sizeof out->ca, row->ca);
    copy(out->header, sizeof out->header, row->header);
    out->secret_kind = row->secret.kind;
    copy(out->secret, sizeof out->secret, row->secret.value);
    out->of = row->of;
    out->share_ppm = row->share_ppm;
    out->rotate_bytes = row->rotate_bytes;
    out->keep = row->keep;
    copy(out->instance, sizeof out->instance,
         world->settings.telemetry_instance);
    if (out->instance[0] == '\0' &&
        gethostname(out->instance, sizeof out->instance - 1) != 0)
        copy(out->instance, sizeof out->instance, WEIR_SPAN("weir"));
}

/* False: nothing has changed. */
static bool
read_rules(struct weir_telemetry *telemetry,
           struct weir__rules rules_out[WEIR_EXPORTERS_MAX], size_t *count_out)
{
    struct weir_control *control = telemetry->control;
    weir_control_lock(control);
    bool is_new = control->world != NULL &&
                  telemetry->publications != control->publications;
    *count_out = 0;
    if (is_new) {
        const struct weir_world *world = control->world;
        telemetry->publications = control->publications;
        for (uint32_t i = 0;
             i < world->exporter_count && *count_out < WEIR_EXPORTERS_MAX; i++)
            rules_of(world, &world->exporter_rows[i],
                     &rules_out[(*count_out)++]);
    }
    pthread_mutex_unlock(&control->lock);
    return is_new;
}

static bool
is_among(const struct weir__rules *rules, const struct weir__rules *rows,
         size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(rules, &rows[i], sizeof *rules) == 0)
            return true;
    return false;
}

static void
take(struct weir_telemetry *telemetry, size_t at,
     struct weir__exporter *exporter)
{
    pthread_mutex_lock(&telemetry->lock);
    telemetry->exporters[at] = exporter;
    pthread_mutex_unlock(&telemetry->lock);
}

static bool
runs(const struct weir_telemetry *telemetry, const struct weir__rules *rules)
{
    for (size_t i = 0; i < WEIR_EXPORTERS_MAX; i++)
        if (telemetry->exporters[i] != NULL &&
            memcmp(&telemetry->exporters[i]->rules, rules, sizeof *rules) == 0)
            return true;
    return false;
}

static void
begin(struct weir_telemetry *telemetry, const struct weir__rules *rules)
{
    struct weir__exporter *exporter = NULL;
    struct weir_error err = {0};
    size_t at = 0;
    if (runs(telemetry, rules))
        return;
    while (at < WEIR_EXPORTERS_MAX && telemetry->exporters[at] != NULL)
        at++;
    if (at == WEIR_EXPORTERS_MAX)
        return;
    if (weir__exporter_start(telemetry->control, rules, &exporter, &err) !=
        WEIR_OK) {
        weir_log(WEIR_LOG_ERROR, "telemetry %s: %s", rules->name, err.text);
        telemetry->publications = UINT64_MAX; /* is tried again */
        return;
    }
    take(telemetry, at, exporter);
}

/* Those that go end first: one of the same name goes on at their place. */
static void
follow(struct weir_telemetry *telemetry)
{
    struct weir__rules *rules = calloc(WEIR_EXPORTERS_MAX, sizeof *rules);
    size_t count;
    if (rules != NULL && read_rules(telemetry, rules, &count)) {
        for (size_t i = 0; i < WEIR_EXPORTERS_MAX; i++) {
            struct weir__exporter *exporter = telemetry->exporters[i];
            if (exporter == NULL || is_among(&exporter->rules, rules, count))
                continue;
            take(telemetry, i, NULL);
            weir__exporter_stop(exporter);
        }
        for (size_t i = 0; i < count; i++)
            begin(telemetry, &rules[i]);
    }
    free(rules);
}

static void *
run(void *context)
{
    struct weir_telemetry *telemetry = context;
    while (weir_beat_wait(&telemetry->beat, WEIR_US_PER_SEC))
        follow(telemetry);
    return NULL;
}

weir_status
weir_telemetry_start(struct weir_control *control,
                     struct weir_telemetry **telemetry_out,
                     struct weir_error *err)
{
    struct weir_telemetry *telemetry = calloc(1, sizeof *telemetry);
    if (telemetry == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    telemetry->control = control;
    telemetry->publications = UINT64_MAX;
    pthread_mutex_init(&telemetry->lock, NULL);
    follow(telemetry);
    weir_status status =
        weir_beat_start(&telemetry->beat, run, telemetry, "telemetry", err);
    if (status != WEIR_OK) {
        weir_telemetry_stop(telemetry);
        return status;
    }
    *telemetry_out = telemetry;
    return WEIR_OK;
}

void
weir_telemetry_stop(struct weir_telemetry *telemetry)
{
    if (telemetry == NULL)
        return;
    weir_beat_stop(&telemetry->beat);
    for (size_t i = 0; i < WEIR_EXPORTERS_MAX; i++) {
        struct weir__exporter *exporter = telemetry->exporters[i];
        take(telemetry, i, NULL);
        weir__exporter_stop(exporter);
    }
    pthread_mutex_destroy(&telemetry->lock);
    free(telemetry);
}

bool
weir_telemetry_figures_of(struct weir_telemetry *telemetry, size_t index,
                          struct weir_telemetry_figures *figures_out)
{
    bool is_there = false;
    if (telemetry == NULL)
        return false;
    pthread_mutex_lock(&telemetry->lock);
    for (size_t i = 0; i < WEIR_EXPORTERS_MAX && !is_there; i++) {
        struct weir__exporter *exporter = telemetry->exporters[i];
        if (exporter == NULL || index-- > 0)
            continue;
        pthread_mutex_lock(&exporter->lock);
        *figures_out = exporter->figures;
        pthread_mutex_unlock(&exporter->lock);
        is_there = true;
    }
    pthread_mutex_unlock(&telemetry->lock);
    return is_there;
}
