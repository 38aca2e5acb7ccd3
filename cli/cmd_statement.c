/* SPDX-License-Identifier: Apache-2.0 */
/* weir statement */
#include <stdlib.h>
#include <string.h>

#include "cli/remote.h"

static void
print_readers(FILE *out, const json_t *place)
{
    const json_t *id;
    size_t index;
    json_array_foreach(json_object_get(place, "read_by"), index, id) fprintf(
        out, "%s%s", index == 0 ? "  read by " : ", ", json_string_value(id));
    fputc('\n', out);
}

void
weir_cli_print_places(FILE *out, const json_t *told)
{
    static const char *const names[] = {"contracting", "network",   "staff",
                                        "end_users",   "inference", "rest"};
    static const char *const fields[] = {"organisation", "headquarters",
                                         "incorporated", "region", "country"};
    const json_t *places = json_object_get(told, "places"), *country;
    const char *what;
    json_t *why;
    size_t index;
    for (size_t i = 0; places != NULL && i < WEIR_COUNTOF(names); i++) {
        const json_t *place = json_object_get(places, names[i]);
        fprintf(out, "place  %-11s", names[i]);
        for (size_t j = 0; j < WEIR_COUNTOF(fields); j++) {
            if (json_object_get(place, fields[j]) != NULL)
                fprintf(out, " %s", weir_cli_text(place, fields[j]));
        }
        json_array_foreach(json_object_get(place, "countries"), index, country)
            fprintf(out, " %s", json_string_value(country));
        json_object_foreach(json_object_get(place, "unknown"), what, why)
            fprintf(out, " %s unknown (%s)", what, json_string_value(why));
        print_readers(out, place);
    }
    if (json_object_get(told, "scope") != NULL)
        fprintf(out, "scope  %s\n", weir_cli_text(told, "scope"));
    const json_t *signals = json_object_get(told, "signals"), *value;
    const char *name;
    json_object_foreach((json_t *)(uintptr_t)signals, name, value)
    {
        if (json_is_integer(value))
            fprintf(out, "signal %s %lld\n", name,
                    (long long)json_integer_value(value));
        else
            fprintf(out, "signal %s %s\n", name,
                    json_is_true(value) ? "yes" : "no");
    }
}

int
weir_cmd_statement(struct weir_cli *cli)
{
    return weir_cli_print_of_call(cli, "statement");
}
