/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources, written when an image is published and read when somebody asks.
 *
 * Lines are found by their beginning, which is exact: a quote within a name
 * is escaped, so that `\n["Model","x",` can only be the beginning of a line.
 * A search through all is some milliseconds for 100,000 organisations, and
 * only explanations search.
 */
#include "control/explain/sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>
#include <weir/json.h>

/* ------------------------------------------------------------- writing */

struct writing {
    struct weir_buf *out;
    struct weir_json_writer json;
};

static void
begin(struct writing *w, const char *type, weir_span id, weir_span attribute)
{
    weir_json_writer_init(&w->json, w->out);
    weir_json_begin_array(&w->json);
    weir_json_add_string(&w->json, weir_span_of(type));
    weir_json_add_string(&w->json, id);
    weir_json_add_string(&w->json, attribute);
    weir_json_begin_object(&w->json);
}

static void
end(struct writing *w)
{
    weir_json_end_object(&w->json);
    weir_json_end_array(&w->json);
    weir_buf_add_byte(w->out, '\n');
}

static void
add_text(struct writing *w, const char *name, weir_span text)
{
    if (text.len == 0)
        return;
    weir_json_name(&w->json, name);
    weir_json_add_string(&w->json, text);
}

static void
add_place(struct writing *w, const struct weir_place *place)
{
    add_text(w, "file", place->file);
    if (place->line == 0)
        return;
    weir_json_name(&w->json, "line");
    weir_json_add_uint(&w->json, place->line);
}

static void
put(struct writing *w, const char *type, weir_span id,
    const struct weir_place *place)
{
    begin(w, type, id, WEIR_SPAN(""));
    add_place(w, place);
    end(w);
}

static void
put_organisation(struct writing *w, const struct weir_world *world,
                 const struct weir_world_organisation *row)
{
    begin(w, "Organization", row->name, WEIR_SPAN(""));
    add_place(w, &row->place);
    add_text(w, "source", row->source);
    add_text(w, "as_of", row->as_of);
    if (row->owners.count > 0) {
        weir_json_name(&w->json, "owners");
        weir_json_begin_array(&w->json);
        for (uint32_t i = 0; i < row->owners.count; i++) {
            const struct weir_world_owner *owner =
                &world->owner_rows[row->owners.first + i];
            weir_json_begin_object(&w->json);
            add_text(w, "name", owner->name.text);
            add_place(w, &owner->name.place);
            add_text(w, "source", owner->source);
            add_text(w, "as_of", owner->as_of);
            weir_json_end_object(&w->json);
        }
        weir_json_end_array(&w->json);
    }
    end(w);
}

static void
put_parties(struct writing *w, const struct weir_world *world)
{
    struct weir_buf id;
    for (uint32_t i = 0; i < world->bloc_count; i++)
        put(w, "Bloc", world->bloc_rows[i].name, &world->bloc_rows[i].place);
    for (uint32_t i = 0; i < world->organisation_count; i++)
        put_organisation(w, world, &world->organisation_rows[i]);
    for (uint32_t i = 0; i < world->list_count; i++) {
        const struct weir_world_list *row = &world->list_rows[i];
        begin(w, "ScreeningList", row->name, WEIR_SPAN(""));
        add_place(w, &row->place);
        add_text(w, "source", row->source);
        end(w);
    }
    weir_buf_init(&id, 65536);
    for (uint32_t i = 0; i < world->rule_count; i++) {
        const struct weir_world_rule *row = &world->rule_rows[i];
        put(w, "OwnershipRule", row->name, &row->place);
        weir_buf_reset(&id);
        weir_buf_addf(&id, "%.*s?", WEIR_SPAN_ARG(row->name));
        put(w, "OwnershipRule", weir_buf_span(&id), &row->place);
    }
    for (uint32_t i = 0; i < world->tenant_count; i++)
        put(w, "Tenant", world->tenant_rows[i].name,
            &world->tenant_rows[i].place);
    for (uint32_t i = 0; i < world->project_count; i++) {
        const struct weir_world_project *row = &world->project_rows[i];
        weir_buf_reset(&id);
        weir_buf_addf(&id, "%.*s/%.*s", WEIR_SPAN_ARG(row->tenant.text),
                      WEIR_SPAN_ARG(row->name));
        put(w, "Project", weir_buf_span(&id), &row->place);
    }
    weir_buf_fini(&id);
}

static void
put_catalogue(struct writing *w, const struct weir_world *world)
{
    for (uint32_t i = 0; i < world->provider_count; i++)
        put(w, "Provider", world->provider_rows[i].name,
            &world->provider_rows[i].place);
    for (uint32_t i = 0; i < world->model_count; i++) {
        const struct weir_world_model *row = &world->model_rows[i];
        put(w, "Model", row->name, &row->place);
        put(w, "Family", row->family.len > 0 ? row->family : row->name,
            &row->place);
    }
    for (uint32_t i = 0; i < world->region_count; i++)
        put(w, "Region", world->region_rows[i].name,
            &world->region_rows[i].place);
    for (uint32_t i = 0; i < world->deployment_count; i++)
        put(w, "Deployment", world->deployment_rows[i].name,
            &world->deployment_rows[i].place);
}

void
weir_sources_write(const struct weir_world *world, struct weir_buf *out)
{
    struct writing w = {.out = out};
    put_parties(&w, world);
    put_catalogue(&w, world);
}

/* ------------------------------------------------------------- reading */

void
weir_sources_path(const struct weir_paths *paths, const uint8_t digest[32],
                  char path_out[WEIR_PATH_MAX + 80])
{
    char hex[WEIR_HEX_LEN(32)];
    weir_hex_encode((weir_span){(const char *)digest, 32}, hex);
    snprintf(path_out, WEIR_PATH_MAX + 80, "%s/%.*s.sources", paths->images,
             (int)sizeof hex, hex);
}

weir_status
weir_sources_open(const char *path, struct weir_sources *sources_out,
                  struct weir_error *err)
{
    *sources_out = (struct weir_sources){NULL, 0};
    return weir_read_file(path, &sources_out->bytes, &sources_out->len, err);
}

void
weir_sources_close(struct weir_sources *sources)
{
    free(sources->bytes);
    *sources = (struct weir_sources){NULL, 0};
}

/* The object in the line that begins so; NULL: no such line. */
static json_t *
find_line(const struct weir_sources *sources, weir_span type, weir_span id,
          weir_span attribute)
{
    struct weir_buf start;
    struct writing w = {.out = &start};
    const char *found = NULL;
    json_t *row = NULL;
    weir_buf_init(&start, 65536);
    weir_json_writer_init(&w.json, &start);
    weir_json_begin_array(&w.json);
    weir_json_add_string(&w.json, type);
    weir_json_add_string(&w.json, id);
    weir_json_add_string(&w.json, attribute);
    weir_buf_add_byte(&start, ',');
    for (const char *at = sources->bytes;
         !start.overflow && at != NULL && found == NULL;) {
        size_t left = sources->len - (size_t)(at - sources->bytes);
        const char *hit = memmem(at, left, start.ptr, start.len);
        if (hit == NULL)
            break;
        if (hit == sources->bytes || hit[-1] == '\n')
            found = hit;
        at = hit + 1;
    }
    if (found != NULL) {
        size_t left = sources->len - (size_t)(found - sources->bytes);
        const char *newline = memchr(found, '\n', left);
        json_t *line = json_loadb(
            found, newline == NULL ? left : (size_t)(newline - found), 0, NULL);
        row = json_incref(json_array_get(line, 3));
        json_decref(line);
    }
    weir_buf_fini(&start);
    return row;
}

json_t *
weir_sources_find(const struct weir_sources *sources, weir_span type,
                  weir_span id, weir_span attribute)
{
    json_t *row = NULL;
    if (sources->bytes == NULL)
        return NULL;
    if (attribute.len > 0)
        row = find_line(sources, type, id, attribute);
    if (row == NULL)
        row = find_line(sources, type, id, WEIR_SPAN(""));
    if (row == NULL)
        return NULL;
    json_object_set_new(row, "type", json_stringn(type.ptr, type.len));
    json_object_set_new(row, "id", json_stringn(id.ptr, id.len));
    return row;
}
