/* SPDX-License-Identifier: Apache-2.0 */
/* /openapi.json, made from the rows. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "control/api/call.h"

static json_t *
type_json(const char *type)
{
    if (strcmp(type, "array") == 0)
        return json_pack("{s:s,s:{}}", "type", type, "items");
    return json_pack("{s:s}", "type", type);
}

static json_t *
parameter(const char *where, const char *name, size_t name_len,
          const char *type, const char *text, bool is_required)
{
    return json_pack("{s:s#,s:s,s:b,s:s,s:o}", "name", name, (int)name_len,
                     "in", where, "required", is_required, "description", text,
                     "schema", type_json(type));
}

static void
add_path_parameters(json_t *list, const char *path)
{
    for (const char *at = strchr(path, '{'); at != NULL;
         at = strchr(at + 1, '{'))
        json_array_append_new(list,
                              parameter("path", at + 1, strcspn(at + 1, "}"),
                                        "string", "as in a list", true));
}

struct schemas {
    json_t *parameters;
    json_t *body;
    json_t *required;
    json_t *reply;
};

static void
add_rows(const struct weir_api_row *route, struct schemas *schemas)
{
    const struct weir_api_row *end = weir_api_rows + weir_api_row_count;
    for (const struct weir_api_row *row = route + 1;
         row < end && row->kind != WEIR_API_ROUTE; row++) {
        json_t *type = type_json(row->type);
        json_object_set_new(type, "description", json_string(row->text));
        if (row->kind == WEIR_API_QUERY) {
            json_array_append_new(schemas->parameters,
                                  parameter("query", row->name,
                                            strlen(row->name), row->type,
                                            row->text, false));
        } else if (row->kind == WEIR_API_BODY) {
            json_object_set(schemas->body, row->name, type);
            if (row->is_required)
                json_array_append_new(schemas->required,
                                      json_string(row->name));
        } else {
            json_object_set(schemas->reply, row->name, type);
        }
        json_decref(type);
    }
}

static json_t *
content(const char *type, json_t *schema)
{
    return json_pack("{s:{s:o}}", type, "schema", schema);
}

static json_t *
operation(const struct weir_api_row *route)
{
    struct schemas schemas = {json_array(), json_object(), json_array(),
                              json_object()};
    add_path_parameters(schemas.parameters, route->name);
    add_rows(route, &schemas);
    bool is_text = strcmp(route->name, "/metrics") == 0;
    bool makes = strcmp(route->method, "POST") == 0 &&
                 json_object_size(schemas.body) > 0;
    json_t *good =
        json_pack("{s:s,s:o}", "description", "done", "content",
                  is_text ? content("text/plain", type_json("string"))
                          : content("application/json",
                                    json_pack("{s:s,s:o}", "type", "object",
                                              "properties", schemas.reply)));
    if (is_text)
        json_decref(schemas.reply);
    json_t *object = json_pack(
        "{s:s,s:o,s:{s:o,s:{s:s}}}", "summary", route->text, "parameters",
        schemas.parameters, "responses", makes ? "201" : "200", good, "default",
        "$ref", "#/components/responses/Error");
    if (json_object_size(schemas.body) > 0)
        json_object_set_new(
            object, "requestBody",
            json_pack("{s:b,s:o}", "required", 1, "content",
                      content("application/json",
                              json_pack("{s:s,s:O,s:O}", "type", "object",
                                        "required", schemas.required,
                                        "properties", schemas.body))));
    json_decref(schemas.body);
    json_decref(schemas.required);
    json_object_set_new(
        object, "security",
        route->role == WEIR_API_NOBODY
            ? json_array()
            : json_pack("[{s:[]}]",
                        route->role == WEIR_API_CUSTOMER ? "key" : "token"));
    if (route->role > WEIR_API_NOBODY)
        json_object_set_new(
            object, "x-weir-role",
            json_string(weir_role_name((enum weir_role)route->role)));
    if (route->role == WEIR_API_MODELS)
        json_object_set_new(object, "x-weir-role",
                            json_string(weir_role_name(WEIR_ROLE_MODEL_OWNER)));
    return object;
}

static void
add_route(json_t *paths, const struct weir_api_row *route)
{
    char method[16];
    size_t i = 0;
    for (; route->method[i] != '\0' && i < sizeof method - 1; i++)
        method[i] = (char)tolower((unsigned char)route->method[i]);
    method[i] = '\0';
    json_t *path = json_object_get(paths, route->name);
    if (path == NULL) {
        path = json_object();
        json_object_set_new(paths, route->name, path);
    }
    json_object_set_new(path, method, operation(route));
}

weir_status
weir_api_openapi(struct weir_api_call *call, struct weir_error *err)
{
    json_t *paths = json_object();
    for (size_t i = 0; i < weir_api_row_count; i++) {
        if (weir_api_rows[i].kind == WEIR_API_ROUTE)
            add_route(paths, &weir_api_rows[i]);
    }
    call->reply = json_pack(
        "{s:s,s:{s:s,s:s},s:o,s:{s:{s:{s:s,s:s,s:s},s:{s:s,s:s,s:s}},s:{s:{s:s,"
        "s:{s:{s:{s:s,s:{s:{s:s}}}}}}}}}",
        "openapi", "3.1.0", "info", "title", "weir admin API", "version",
        WEIR_VERSION, "paths", paths, "components", "securitySchemes", "token",
        "type", "http", "scheme", "bearer", "description",
        "a token of an administrator, wa_...", "key", "type", "http", "scheme",
        "bearer", "description", "a customer's own key, wr_...", "responses",
        "Error", "description", "why not: error.type, code, message, faults",
        "content", "application/json", "schema", "type", "object", "properties",
        "error", "type", "object");
    return call->reply != NULL
               ? WEIR_OK
               : weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE,
                           "the description cannot be made");
}
