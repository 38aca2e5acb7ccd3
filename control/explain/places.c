/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The six places of a call, kept apart, and which rules read which.
 *
 * Each is a fact of its own with an origin of its own: the organisation's
 * two from its record, the network's from the address, staff's and end
 * users' as declared with the key, and two of the deployment that answered
 * (or of none, where none did). What a policy read is in its trace; here the
 * same reads are sorted by place, so that nobody has to infer from "denied"
 * which of six places was meant.
 */
#include <string.h>

#include "control/explain/parts.h"

enum place { CONTRACTING, NETWORK, STAFF, END_USERS, INFERENCE, REST, PLACES };

static const char *const names[PLACES] = {"contracting", "network",   "staff",
                                          "end_users",   "inference", "rest"};

/* Expressions as the trace writes them; the first that fits. */
static const struct {
    const char *expression;
    enum place place;
} readings[] = {
    {"principal.organization", CONTRACTING},
    {"principal.staff", STAFF},
    {"principal.end_users", END_USERS},
    {"context.client", NETWORK}, /* and context.client_country */
    {"context.signals", NETWORK},
    {"resource.stored_in", REST},
    {"resource.place", INFERENCE},
    {"resource.operator", INFERENCE},
};

/* Types whose membership says where somebody or something is. */
static const struct {
    const char *subject;
    const char *type;
    enum place place;
} memberships[] = {
    {"principal", "Organization::", CONTRACTING},
    {"principal", "OwnershipRule::", CONTRACTING},
    {"principal", "ScreeningList::", CONTRACTING},
    {"resource", "Region::", INFERENCE},
    {"resource", "Jurisdiction::", INFERENCE},
    {"resource", "Bloc::", INFERENCE},
};

static bool
begins(const char *text, const char *prefix)
{
    return text != NULL && strncmp(text, prefix, strlen(prefix)) == 0;
}

/* PLACES: no place. */
static enum place
place_of(const json_t *read)
{
    const char *expression =
        json_string_value(json_object_get(read, "expression"));
    const char *value = json_string_value(json_object_get(read, "value"));
    for (size_t i = 0; i < WEIR_COUNTOF(readings); i++) {
        if (begins(expression, readings[i].expression))
            return readings[i].place;
    }
    for (size_t i = 0; i < WEIR_COUNTOF(memberships); i++) {
        if (begins(expression, memberships[i].subject) &&
            begins(value, memberships[i].type))
            return memberships[i].place;
    }
    return PLACES;
}

static void
add_once(json_t *list, json_t *id)
{
    size_t index;
    const json_t *there;
    json_array_foreach(list, index, there)
    {
        if (json_equal(there, id))
            return;
    }
    json_array_append(list, id);
}

/* Of every candidate's policies, each under the places it read. */
static void
add_readers(const json_t *reply, json_t *places)
{
    const json_t *candidate, *policy, *read;
    size_t i, j, k;
    json_array_foreach(json_object_get(reply, "candidates"), i, candidate)
    {
        json_array_foreach(json_object_get(candidate, "policies"), j, policy)
        {
            json_t *id = json_object_get(policy, "id");
            json_array_foreach(json_object_get(policy, "reads"), k, read)
            {
                enum place place = place_of(read);
                if (place != PLACES)
                    add_once(
                        json_object_get(json_object_get(places, names[place]),
                                        "read_by"),
                        id);
            }
        }
    }
}

static json_t *
code_json(const struct weir_image *image, uint32_t row)
{
    return weir__explain_text(
        weir_image_text(image, image->jurisdictions[row].code));
}

static json_t *
end_users_json(const struct weir_image *image, const struct weir_image_key *key)
{
    json_t *list = json_array();
    for (uint32_t row = 0; row < image->jurisdiction_count; row++) {
        if (weir_image_has_place(image, key->end_users, row))
            json_array_append_new(list, code_json(image, row));
    }
    return list;
}

static json_t *
contracting_json(const struct weir_image *image,
                 const struct weir_image_key *key)
{
    uint32_t tenant = image->projects[key->project].tenant;
    const struct weir_image_organisation *row =
        &image->organisations[image->tenants[tenant].organisation];
    return json_pack("{s:o,s:o,s:o}", "organisation",
                     weir__explain_text(weir_image_text(image, row->name)),
                     "headquarters", code_json(image, row->headquarters),
                     "incorporated", code_json(image, row->incorporated));
}

static void
add_signals(const struct weir_explained *in, json_t *reply)
{
    const struct weir_signal_facts *facts = &in->recorded.signals;
    json_t *signals = json_object();
    if ((facts->known & WEIR_SIGNAL_PLACE) != 0)
        json_object_set_new(signals, "undeclared_place",
                            json_boolean(facts->is_undeclared));
    if ((facts->known & WEIR_SIGNAL_SEEN) != 0) {
        json_object_set_new(signals, "countries",
                            json_integer(facts->countries));
        json_object_set_new(signals, "travel_kmh",
                            json_integer(facts->travel_kmh));
    }
    if ((facts->known & WEIR_SIGNAL_HOSTING) != 0)
        json_object_set_new(signals, "hosting_network",
                            json_boolean(facts->is_hosting));
    json_object_set_new(signals, "place_unknown",
                        json_boolean((facts->known & WEIR_SIGNAL_PLACE) == 0));
    json_object_set_new(signals, "network_unknown",
                        json_boolean(facts->system == 0));
    if (facts->system != 0)
        json_object_set_new(signals, "network", json_integer(facts->system));
    json_object_set_new(reply, "signals", signals);
}

/* Why a part of the network's place is not known; what is has no line. */
static json_t *
unknown_json(const struct weir_signal_facts *facts)
{
    json_t *unknown = json_object();
    if ((facts->known & WEIR_SIGNAL_PLACE) == 0)
        json_object_set_new(
            unknown, "country",
            json_string(weir_unknown_name(facts->place_unknown)));
    if (facts->system == 0)
        json_object_set_new(
            unknown, "network",
            json_string(weir_unknown_name(facts->network_unknown)));
    return unknown;
}

void
weir__explain_places(const struct weir_explained *in,
                     const struct weir_image *image, uint32_t key_row,
                     json_t *reply)
{
    const struct weir_image_key *key = &image->keys[key_row];
    const struct weir_image_scope *scope = &image->scopes[key->scope];
    json_t *places = json_pack(
        "{s:o,s:{s:o,s:o,s:o},s:{s:o},s:{s:o},s:{},s:{}}", names[CONTRACTING],
        contracting_json(image, key), names[NETWORK], "country",
        weir__explain_text(in->recorded.country), "address",
        weir__explain_text(in->recorded.address), "unknown",
        unknown_json(&in->recorded.signals), names[STAFF], "country",
        code_json(image, key->staff), names[END_USERS], "countries",
        end_users_json(image, key), names[INFERENCE], names[REST]);
    if (places == NULL)
        return;
    if (in->has_outcome && in->outcome.deployment.len > 0) {
        json_t *inference = json_object_get(places, names[INFERENCE]);
        json_object_set_new(inference, "region",
                            weir__explain_text(in->outcome.region));
        json_object_set_new(inference, "country",
                            weir__explain_text(in->outcome.place));
        json_object_set_new(inference, "deployment",
                            weir__explain_text(in->outcome.deployment));
        json_object_set_new(json_object_get(places, names[REST]), "country",
                            weir__explain_text(in->outcome.stored_in));
    }
    for (int i = 0; i < PLACES; i++)
        json_object_set_new(json_object_get(places, names[i]), "read_by",
                            json_array());
    add_readers(reply, places);
    json_object_set_new(reply, "places", places);
    json_object_set_new(
        reply, "scope",
        weir__explain_text(weir_image_text(image, scope->name)));
    add_signals(in, reply);
}
