/* SPDX-License-Identifier: Apache-2.0 */
#include "outside.h"

#include <weir/provider.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "control/egress/egress.h"

static void
check_readable(struct weir_faults *faults, struct weir_place place,
               const char *what, weir_span path)
{
    /* Paths of a world end with a NUL: copies of read_text_value() and
     * read_join() do. */
    if (path.len == 0 || access(path.ptr, R_OK) == 0)
        return;
    weir_faults_add(faults, place, "Check the path and who may read it.",
                    "%s %.*s cannot be read: %s", what, WEIR_SPAN_ARG(path),
                    strerror(errno));
}

static void
check_listen(struct weir_faults *faults, const struct weir_world_listen *l)
{
    check_readable(faults, l->place, "certificate", l->certificate);
    check_readable(faults, l->place, "key", l->key);
}

/* A key that signs is no header, and a header's value does not sign. */
static void
check_signing(struct weir_faults *faults, const struct weir_world_origin *o)
{
    const struct weir_provider *provider = weir_provider_find(o->dialect);
    bool is_aws = o->credential.form == WEIR_CREDENTIAL_AWS;
    if (provider == NULL || weir_provider_signs(provider) == is_aws)
        return;
    weir_faults_add(faults,
                    o->credential.kind != WEIR_CREDENTIAL_NONE
                        ? o->credential.place
                        : o->place,
                    is_aws ? "Write `dialect: bedrock`."
                           : "Write `credential: {aws: {region: .., ..}}`.",
                    is_aws ? "origin \"%.*s\" speaks %.*s, which signs "
                             "nothing"
                           : "origin \"%.*s\" speaks %.*s and has nothing to "
                             "sign with",
                    WEIR_SPAN_ARG(o->name), WEIR_SPAN_ARG(o->dialect));
}

void
config_check_outside(const struct weir_world *world, struct weir_faults *faults)
{
    for (uint32_t i = 0; i < world->listen_count; i++)
        check_listen(faults, &world->listen_rows[i]);
    check_listen(faults, &world->settings.admin);
    check_readable(faults, world->seller_place, "geo.mmdb",
                   world->settings.mmdb_path);
    check_readable(faults, world->seller_place, "geo.asn_mmdb",
                   world->settings.asn_mmdb_path);
    for (uint32_t i = 0; i < world->origin_count; i++) {
        const struct weir_world_origin *o = &world->origin_rows[i];
        check_signing(faults, o);
        if (o->dialect.len > 0 && weir_provider_find(o->dialect) == NULL)
            weir_faults_add(faults, o->place, "Write `dialect: openai`.",
                            "origin \"%.*s\" speaks \"%.*s\", which this "
                            "build does not",
                            WEIR_SPAN_ARG(o->name), WEIR_SPAN_ARG(o->dialect));
    }
    weir_egress_check(world, faults);
}
