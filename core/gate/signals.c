/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signs that a place is not what it seems, as facts for policy.
 *
 *   address -> is it in a network of machines?      (the operator's list)
 *   country -> is it one that the key's holder declared?
 *           -> in how many has the key been lately, and how fast would
 *              somebody have had to travel?         (shared memory)
 *
 * Nothing is decided here: a sailor's key may be seen in ten countries and a
 * company's own cloud is a network of machines. Policy says what a sign
 * means, the record keeps what policy was told, and a replay is told the
 * same.
 *
 * WHAT IS NOT KNOWN. A sign that could not be read (no list, no table) is
 * absent. That nobody can say where the client is, or whose network he uses,
 * is a fact of its own, told of every call with its cause: else whoever hides
 * from a database would pass every rule over what it says.
 */
#include "internal.h"

static uint32_t
travel_kmh(const struct weir_image *image, uint32_t here,
           const weir_sighting *other, weir_time now)
{
    char code[2];
    weir_country_write(other->country, code);
    uint32_t there = weir_image_find_jurisdiction(image, (weir_span){code, 2});
    if (there == WEIR_INDEX_NONE)
        return 0;
    uint64_t km =
        weir_position_distance_km(&image->jurisdictions[here].position,
                                  &image->jurisdictions[there].position);
    /* Sightings are of whole seconds: less than one is one. */
    weir_time passed = now > other->when ? now - other->when : 0;
    uint64_t seconds = (uint64_t)passed / WEIR_US_PER_SEC;
    uint64_t kmh = km * 3600 / (seconds == 0 ? 1 : seconds);
    return kmh > UINT16_MAX ? UINT16_MAX : (uint32_t)kmh;
}

static enum weir_unknown
because(enum weir_unknown said)
{
    return said == WEIR_UNKNOWN_UNRECORDED ? WEIR_UNKNOWN_NO_DATABASE : said;
}

static void
see_network(const struct weir_client *client, struct weir_signal_facts *facts)
{
    facts->system = client->system;
    if (client->system == 0)
        facts->network_unknown = (uint8_t)because(client->system_unknown);
}

void
weir__gate_see(struct weir_call *call)
{
    const struct weir_image *image = &call->view->image;
    const struct weir_image_key *key = &image->keys[call->key];
    const struct weir_client *client = &call->client;
    struct weir_signal_facts *facts = &call->signals;
    weir_sighting others[WEIR_SIGHTINGS_MAX];

    if (image->hosting_count > 0 && client->has_bits) {
        facts->known |= WEIR_SIGNAL_HOSTING;
        facts->is_hosting =
            weir_image_has_address(image, image->first_hosting,
                                   image->hosting_count, true, client->bits);
    }
    uint32_t here = weir_image_find_jurisdiction(image, client->country);
    see_network(client, facts);
    /* Some databases say ZZ where they do not know. */
    if (here == WEIR_INDEX_NONE ||
        weir_span_equal(client->country, WEIR_SPAN("ZZ"))) {
        facts->place_unknown =
            (uint8_t)(client->country.len > 0
                          ? WEIR_UNKNOWN_NO_PLACE
                          : because(client->country_unknown));
        return;
    }
    facts->known |= WEIR_SIGNAL_PLACE;
    facts->is_undeclared = here != key->staff &&
                           !weir_image_has_place(image, key->end_users, here);
    weir_country country = weir_country_of(client->country);
    if (call->gate->signals == NULL || country == 0)
        return;
    uint32_t count =
        weir_signals_note(call->gate->signals, key->hash, country,
                          call->started, image->signals_window_us, others);
    uint32_t fastest = 0;
    for (uint32_t i = 0; i < count && fastest < UINT16_MAX; i++) {
        uint32_t kmh = travel_kmh(image, here, &others[i], call->started);
        fastest = kmh > fastest ? kmh : fastest;
    }
    facts->known |= WEIR_SIGNAL_SEEN;
    facts->countries = (uint8_t)(count + 1);
    facts->travel_kmh = (uint16_t)fastest;
}
