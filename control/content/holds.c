/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Legal holds: what may not be erased, by floor, ceiling or anybody, until
 * somebody releases it. content/holds.json, written whole; the acts in the
 * journal say who did what, when and why.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "control/content/parts.h"

static weir_status
load(const struct weir_paths *paths, json_t **rows_out, struct weir_error *err)
{
    char path[WEIR__CONTENT_PATH], *bytes = NULL;
    size_t len = 0;
    weir__content_path(paths, "holds.json", path);
    weir_status status = weir_read_file(path, &bytes, &len, err);
    if (status == WEIR_ENOTFOUND) {
        *rows_out = json_array();
        return WEIR_OK;
    }
    if (status != WEIR_OK)
        return status;
    *rows_out = json_loadb(bytes, len, 0, NULL);
    free(bytes);
    if (json_is_array(*rows_out))
        return WEIR_OK;
    json_decref(*rows_out);
    /* Not knowing what is held, nothing may be erased. */
    return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                     "the holds in %.120s are not readable", path);
}

static void
copy(char *text_out, size_t size, const json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));
    snprintf(text_out, size, "%s", text == NULL ? "" : text);
}

weir_status
weir_content_holds(const struct weir_paths *paths,
                   weir_content_on_hold *on_hold, void *context,
                   struct weir_error *err)
{
    json_t *rows = NULL, *row;
    size_t index;
    weir_status status = load(paths, &rows, err);
    if (status != WEIR_OK)
        return status;
    json_array_foreach(rows, index, row)
    {
        struct weir_content_hold hold = {
            .since = json_integer_value(json_object_get(row, "since_us"))};
        copy(hold.kind, sizeof hold.kind, row, "kind");
        copy(hold.name, sizeof hold.name, row, "name");
        copy(hold.by, sizeof hold.by, row, "by");
        copy(hold.reason, sizeof hold.reason, row, "reason");
        if (!on_hold(context, &hold))
            break;
    }
    json_decref(rows);
    return WEIR_OK;
}

static bool
is_of(const json_t *row, const char *kind, const char *name)
{
    const char *a = json_string_value(json_object_get(row, "kind"));
    const char *b = json_string_value(json_object_get(row, "name"));
    return a != NULL && b != NULL && strcmp(a, kind) == 0 &&
           strcmp(b, name) == 0;
}

static weir_status
save(const struct weir_paths *paths, const json_t *rows, struct weir_error *err)
{
    char path[WEIR__CONTENT_PATH];
    char *text = json_dumps(rows, JSON_INDENT(1));
    weir__content_path(paths, "", path);
    weir_status status = weir_make_directory(path, 0700, err);
    weir__content_path(paths, "holds.json", path);
    if (status == WEIR_OK && text == NULL)
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (status == WEIR_OK)
        status = weir_write_file(path, weir_span_of(text), 0600, err);
    free(text);
    return status;
}

weir_status
weir_content_hold_set(struct weir_control *control,
                      const struct weir_actor *actor, const char *kind,
                      const char *name, const char *reason, bool is_release,
                      struct weir_error *err)
{
    json_t *rows = NULL, *row;
    size_t index;
    bool is_there = false;
    if (strcmp(kind, "tenant") != 0 && strcmp(kind, "request") != 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a hold is on a tenant or on a request");
    if (name[0] == '\0' || strlen(name) >= WEIR_CONTENT_TENANT_MAX)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "no name of a tenant or request");
    /* The record first: a hold that nobody knows of is the lesser evil. */
    weir_status status = weir__content_note(
        control, actor, is_release ? "content.release" : "content.hold", name,
        json_pack("{s:s,s:s}", "kind", kind, "reason", reason), err);
    if (status != WEIR_OK)
        return status;
    weir_control_lock(control);
    status = load(&control->paths, &rows, err);
    if (status == WEIR_OK) {
        json_array_foreach(rows, index, row)
        {
            if (!is_of(row, kind, name))
                continue;
            is_there = true;
            if (is_release)
                json_array_remove(rows, index);
            break;
        }
        if (is_release && !is_there)
            status = weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                               "no hold on %s %.80s", kind, name);
        if (!is_release && !is_there)
            json_array_append_new(
                rows, json_pack("{s:s,s:s,s:s,s:s,s:I}", "kind", kind, "name",
                                name, "by", actor->id, "reason", reason,
                                "since_us", (json_int_t)weir_control_now()));
        if (status == WEIR_OK)
            status = save(&control->paths, rows, err);
    }
    pthread_mutex_unlock(&control->lock);
    json_decref(rows);
    return status;
}
