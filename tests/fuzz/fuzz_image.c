/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image made to hurt. A sound one is compiled at the start; the input is
 * a list of edits to it (4 bytes where, 1 byte how many, then the bytes),
 * after which both checksums are made right again, so that only the bounds
 * stand between the edits and the reader. What opens is read everywhere
 * and asked for decisions. The same edits go to an overlay.
 */
#include <weir/world.h>

#include "../../core/image/format.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char permit[] =
    "@id(\"ok\") @title(\"T\") @authority(\"A\") @strip(\"logprobs\")\n"
    "permit (principal, action in Action::\"infer\", resource in "
    "Jurisdiction::\"NO\") when { principal.purpose like \"a*\" || "
    "context.is_streamed };\n"
    "@id(\"no\") @title(\"T\") @authority(\"A\") @effect(\"hold\")\n"
    "forbid (principal in OwnershipRule::\"r?\", action, resource) unless { "
    "principal.end_users.contains(Jurisdiction::\"NO\") };\n";

static void
fill_catalogue(struct weir_world *w)
{
    struct weir_world_provider *p = weir_world_add_provider(w);
    p->name = WEIR_SPAN("p");
    p->origin.text = WEIR_SPAN("NO");
    struct weir_world_model *m = weir_world_add_model(w);
    m->name = WEIR_SPAN("m");
    m->provider.text = p->name;
    m->licence = WEIR_SPAN("l");
    m->origin.text = WEIR_SPAN("NO");
    m->has_price = true;
    struct weir_world_region *r = weir_world_add_region(w);
    r->name = WEIR_SPAN("r");
    r->jurisdiction.text = WEIR_SPAN("NO");
    struct weir_world_origin *o = weir_world_add_origin(w);
    *o = (struct weir_world_origin){.name = WEIR_SPAN("o"),
                                    .dialect = WEIR_SPAN("openai"),
                                    .scheme = WEIR_SPAN("http"),
                                    .host = WEIR_SPAN("h"),
                                    .authority = WEIR_SPAN("h"),
                                    .port = 80,
                                    .connect_ms = 1,
                                    .first_byte_ms = 1,
                                    .idle_ms = 1};
    struct weir_world_deployment *d = weir_world_add_deployment(w);
    d->name = WEIR_SPAN("d");
    d->model.text = m->name;
    d->origin.text = o->name;
    d->region.text = r->name;
    d->stored_in.text = WEIR_SPAN("NO");
    d->operated_by.text = WEIR_SPAN("g");
}

static void
fill_callers(struct weir_world *w)
{
    struct weir_world_organisation *g = weir_world_add_organisation(w);
    g->name = WEIR_SPAN("g");
    g->headquarters.text = WEIR_SPAN("NO");
    g->incorporated.text = WEIR_SPAN("NO");
    struct weir_world_rule *rule = weir_world_add_rule(w);
    rule->name = WEIR_SPAN("r");
    rule->threshold = (weir_share){500000, 500000};
    rule->has_threshold = true;
    rule->from = WEIR_TIME_MIN;
    rule->until = WEIR_TIME_MAX;
    rule->headquarters_in = (struct weir_world_range){w->name_count, 1};
    weir_world_add_name(w)->text = WEIR_SPAN("SE");
    struct weir_world_limit *l = weir_world_add_limit(w);
    l->amount = 1;
    struct weir_world_tenant *t = weir_world_add_tenant(w);
    t->name = WEIR_SPAN("t");
    t->organisation.text = WEIR_SPAN("g");
    t->limits.count = 1;
    struct weir_world_project *p = weir_world_add_project(w);
    p->name = WEIR_SPAN("p");
    p->tenant.text = WEIR_SPAN("t");
    struct weir_world_key *k = weir_world_add_key(w);
    k->id = WEIR_SPAN("k");
    k->tenant = WEIR_SPAN("t");
    k->project = WEIR_SPAN("p");
    k->purpose = WEIR_SPAN("a");
    k->staff.text = WEIR_SPAN("NO");
}

static struct weir_buf
make_image(void)
{
    struct weir_world *w = weir_world_new();
    struct weir_faults faults;
    struct weir_buf out;
    struct weir_world_listen *listen = weir_world_add_listen(w);
    listen->host = WEIR_SPAN("h");
    listen->port = 1;
    w->settings.state_dir = WEIR_SPAN("/s");
    w->settings.policy_dir = WEIR_SPAN("/p");
    w->seller_title = WEIR_SPAN("s");
    w->seller_appeal = WEIR_SPAN("a");
    fill_catalogue(w);
    fill_callers(w);
    struct weir_world_policy *policy = weir_world_add_policy(w);
    policy->file = WEIR_SPAN("seller/x.cedar");
    policy->text = WEIR_SPAN(permit);
    weir_faults_init(&faults);
    weir_buf_init(&out, 16 << 20);
    if (weir_image_compile(w, 0, 1, &out, &faults) != WEIR_OK)
        abort();
    weir_faults_fini(&faults);
    weir_world_free(w);
    return out;
}

static void
edit(char *target, size_t size, const uint8_t *bytes, size_t len)
{
    while (len > 5) {
        uint32_t where;
        memcpy(&where, bytes, sizeof(where));
        size_t count = 1 + bytes[4] % 8;
        bytes += 5;
        len -= 5;
        for (size_t i = 0; i < count && len > 0; i++) {
            target[(where % size + i) % size] = (char)*bytes++;
            len--;
        }
    }
}

static void
repair_image(char *bytes, size_t size)
{
    struct weir__image_header header;
    memcpy(&header, bytes, sizeof(header));
    header.content_crc =
        weir_crc32c(0, bytes + WEIR__IMAGE_CONTENT, size - WEIR__IMAGE_CONTENT);
    header.header_crc = 0;
    header.header_crc = weir_crc32c(weir_crc32c(0, &header, sizeof(header)),
                                    bytes + sizeof(header),
                                    WEIR__IMAGE_CONTENT - sizeof(header));
    memcpy(bytes, &header, sizeof(header));
}

static volatile uint64_t seen;

static void
touch(const struct weir_image *m, const weir_ref *refs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        weir_span text = weir_image_text(m, refs[i]);
        for (size_t j = 0; j < text.len; j++)
            seen += (unsigned char)text.ptr[j];
    }
}

static void
read_all(const struct weir_image *m)
{
    for (uint32_t i = 0; i < m->model_count; i++)
        touch(m, &m->models[i].name, 8);
    for (uint32_t i = 0; i < m->origin_count; i++)
        touch(m, &m->origins[i].name, 8);
    for (uint32_t i = 0; i < m->policy_count; i++)
        touch(m, &m->policies[i].id, 8);
    for (uint32_t i = 0; i < m->route_count; i++) {
        const struct weir_image_route *r = &m->routes[i];
        for (uint32_t j = 0; j < r->count; j++)
            seen += m->deployments[m->candidates[r->first + j].deployment].hash;
        seen += weir_image_find_route(m, weir_image_text(m, r->name));
    }
    for (uint32_t i = 0; i < m->key_count; i++) {
        const struct weir_image_key *k = &m->keys[i];
        const struct weir_image_tenant *t =
            &m->tenants[m->projects[k->project].tenant];
        for (uint32_t j = 0; j < t->limit_count; j++)
            seen += (uint64_t)m->limits[t->first_limit + j].amount;
        seen += m->organisations[t->organisation].hash;
        seen += weir_image_find_key(m, k->digest);
    }
    seen += weir_image_find_jurisdiction(m, WEIR_SPAN("NO"));
    seen += weir_image_find_jurisdiction(m, WEIR_SPAN("zz"));
    touch(m, &m->seller, 3);
}

static void
decide_all(const struct weir_image *m)
{
    const struct weir_cedar_program *p = &m->program;
    _Alignas(16) char scratch[32768];
    uint32_t satisfied[4];
    struct weir_cedar_failure failed[4];
    if (weir_cedar_program_scratch_size(p) > sizeof(scratch))
        return;
    struct weir_cedar_binding streamed = {
        weir_cedar_program_attribute(p, WEIR_SPAN("is_streamed")),
        weir_cedar_arg_bool(true)};
    for (uint32_t k = 0; k < m->key_count; k++) {
        for (uint32_t d = 0; d < m->deployment_count; d++) {
            struct weir_cedar_request request = {
                .principal = weir_cedar_arg_entity(m->keys[k].entity),
                .action = weir_cedar_arg_entity(m->actions[0]),
                .resource = weir_cedar_arg_entity(m->deployments[d].entity),
                .context = &streamed,
                .context_count = streamed.attribute != WEIR_CEDAR_NONE};
            struct weir_cedar_answer answer = {.satisfied = satisfied,
                                               .satisfied_max = 4,
                                               .failed = failed,
                                               .failed_max = 4};
            weir_cedar_decide(p, &request, WEIR_CEDAR_FULL, scratch, &answer);
            seen += answer.satisfied_count;
        }
    }
}

static void
try_overlay(const uint8_t *bytes, size_t len)
{
    static const struct weir_overlay_item items[] = {
        {WEIR_KIND_MODEL, {"m", 1}}, {WEIR_KIND_KEY, {"k", 1}}};
    struct weir_buf out;
    struct weir_overlay overlay;
    struct weir__overlay_header header;
    weir_buf_init(&out, 4096);
    weir_overlay_write(items, 2, 1, 0, false, &out);
    edit(out.ptr, out.len, bytes, len);
    memcpy(&header, out.ptr, sizeof(header));
    header.crc = 0;
    header.crc =
        weir_crc32c(weir_crc32c(0, &header, sizeof(header)),
                    out.ptr + sizeof(header), out.len - sizeof(header));
    memcpy(out.ptr, &header, sizeof(header));
    if (weir_overlay_open(weir_buf_span(&out), &overlay, NULL) == WEIR_OK)
        seen += weir_overlay_has(&overlay, 42);
    weir_buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct weir_buf sound;
    struct weir_image image;
    if (sound.ptr == NULL)
        sound = make_image();
    char *copy = malloc(sound.len);
    if (copy == NULL)
        abort();
    memcpy(copy, sound.ptr, sound.len);
    edit(copy, sound.len, bytes, len);
    repair_image(copy, sound.len);
    if (weir_image_open((weir_span){copy, sound.len}, &image, NULL) ==
        WEIR_OK) {
        read_all(&image);
        decide_all(&image);
    }
    free(copy);
    try_overlay(bytes, len);
    return 0;
}
