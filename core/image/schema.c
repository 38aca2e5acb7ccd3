/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema that every policy is written against; policies/weir.cedarschema
 * is this text, installed for people and editors (a test compares them).
 *
 * Four places are kept apart: the contracting organisation's (headquarters
 * and incorporation), the user's (context.client_country, end_users), the
 * staff's and the deployment's (where it runs, where data rests).
 */
#include <weir/world.h>

static const char schema[] =
    "// SPDX-License-Identifier: Apache-2.0\n"
    "// What weir's policies can speak about. Written by weir; see\n"
    "// docs/formats/weir.yaml.md for where each fact comes from.\n"
    "\n"
    "// A named group of places, each listed: CN does not contain HK.\n"
    "entity Bloc;\n"
    "// ISO 3166-1 alpha-2, and XK.\n"
    "entity Jurisdiction in [Bloc];\n"
    "// Computed: \"r\" holds members, \"r?\" those of whom it is not known.\n"
    "entity OwnershipRule;\n"
    "entity ScreeningList;\n"
    "// What may be excepted: named by policies, granted one by one.\n"
    "entity Exception;\n"
    "\n"
    "entity Organization in [OwnershipRule, ScreeningList] {\n"
    "    headquarters: Jurisdiction,\n"
    "    incorporated: Jurisdiction,\n"
    "    category: String,\n"
    "    established: Bool,\n"
    "    verified_until: datetime,\n"
    "    // Facts that no live evidence states (as \"headquarters\"; the "
    "place\n"
    "    // is then Jurisdiction::\"ZZ\"), and those that sources contradict.\n"
    "    unknown: Set<String>,\n"
    "    conflicting: Set<String>,\n"
    "    established_since?: datetime,\n"
    "};\n"
    "entity Tenant in [Organization];\n"
    "entity Project in [Tenant];\n"
    "entity Key in [Project] {\n"
    "    organization: Organization,\n"
    "    purpose: String,\n"
    "    staff: Jurisdiction,\n"
    "    end_users: Set<Jurisdiction>,\n"
    "    scope: String,\n"
    "};\n"
    "\n"
    "entity Provider {\n"
    "    origin: Jurisdiction,\n"
    "};\n"
    "entity Family in [Provider];\n"
    "entity Model in [Family] {\n"
    "    origin: Jurisdiction,\n"
    "    tier: String,\n"
    "    weights: String,\n"
    "};\n"
    "entity Region in [Jurisdiction];\n"
    "entity Deployment in [Model, Region] {\n"
    "    model: Model,\n"
    "    place: Jurisdiction,\n"
    "    stored_in: Jurisdiction,\n"
    "    operator: Organization,\n"
    "    cloud: String,\n"
    "};\n"
    "\n"
    "action infer;\n"
    "action chat, responses, embed, complete, moderate,\n"
    "    rerank, image, speech, transcribe in [infer] appliesTo {\n"
    "    principal: [Key],\n"
    "    resource: [Deployment],\n"
    "    context: {\n"
    "        client: ipaddr,\n"
    "        client_country?: Jurisdiction,\n"
    "        end_customer?: Organization,\n"
    "        end_customer_id?: String,\n"
    "        exception?: Exception,\n"
    "        now: datetime,\n"
    "        is_streamed: Bool,\n"
    "        signals: {\n"
    "            undeclared_place?: Bool,\n"
    "            countries?: Long,\n"
    "            travel_kmh?: Long,\n"
    "            hosting_network?: Bool,\n"
    "        },\n"
    "    },\n"
    "};\n";

weir_span
weir_world_schema(void)
{
    return (weir_span){schema, sizeof(schema) - 1};
}
