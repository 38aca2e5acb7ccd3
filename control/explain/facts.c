/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The facts behind a decision: what each policy read, where that was said,
 * and which smallest change of them would have led to a yes.
 *
 * Where a fact comes from depends on whose it is: what the call brought, the
 * key (the store knows who made it), or a line of the configuration
 * (sources.h). A membership has several sources: an organisation is in an
 * ownership rule because of the rule's line and of the lines that say who
 * owns it, so all of them are named.
 */
#include <string.h>

#include "control/explain/parts.h"

/* Decisions that a search may try; each takes microseconds. */
#define WHATIF_TRIALS_MAX 20000

struct tracing {
    const struct weir_explain_world *world;
    uint32_t deployment;
    json_t *reads;
};

static json_t *
argument_json(const struct weir_cedar_program *program, weir_cedar_arg value)
{
    struct weir_buf text;
    weir_buf_init(&text, 65536);
    weir_cedar_arg_write(&text, program, value);
    json_t *json = weir__explain_text(weir_buf_span(&text));
    weir_buf_fini(&text);
    return json;
}

/* ------------------------------------------------------ where it was said */

/* False: no entity. */
static bool
uid_of(const struct weir_cedar_program *program, weir_cedar_arg value,
       struct weir_cedar_uid *uid_out)
{
    if (value.kind != WEIR_CEDAR_ENTITY)
        return false;
    *uid_out = value.count == WEIR_CEDAR_NONE
                   ? *(const struct weir_cedar_uid *)value.data
                   : weir_cedar_program_uid(program, value.count);
    return true;
}

static void
add_line(const struct weir_explain_world *world, const char *type, weir_span id,
         weir_span attribute, json_t *list)
{
    json_t *row =
        weir_sources_find(&world->sources, weir_span_of(type), id, attribute);
    if (row != NULL)
        json_array_append_new(list, row);
}

static void
add_key(const struct weir_explain_world *world, weir_span id, json_t *list)
{
    if (!world->has_key)
        return;
    json_array_append_new(list,
                          json_pack("{s:s,s:o,s:s,s:I}", "type", "Key", "id",
                                    weir__explain_text(id), "by", world->key_by,
                                    "made_us", (json_int_t)world->key_made));
}

/* What makes a key a member of anything: its project, tenant, owner. */
static void
add_callers(const struct weir_explain_world *world, json_t *list)
{
    const struct weir_image *image = &world->view.image;
    const struct weir_image_project *project =
        &image->projects[image->keys[world->question.key].project];
    const struct weir_image_tenant *tenant = &image->tenants[project->tenant];
    struct weir_cedar_uid uid =
        weir_cedar_program_uid(&image->program, project->entity);
    add_line(world, "Project", uid.id, WEIR_SPAN(""), list);
    add_line(world, "Tenant", weir_image_text(image, tenant->name),
             WEIR_SPAN(""), list);
    add_line(
        world, "Organization",
        weir_image_text(image, image->organisations[tenant->organisation].name),
        WEIR_SPAN(""), list);
}

static void
add_served(const struct weir_explain_world *world, uint32_t deployment,
           json_t *list)
{
    const struct weir_image *image = &world->view.image;
    const struct weir_image_deployment *row = &image->deployments[deployment];
    const struct weir_image_model *model = &image->models[row->model];
    add_line(world, "Region", weir_image_text(image, row->region),
             WEIR_SPAN(""), list);
    add_line(world, "Model", weir_image_text(image, model->name), WEIR_SPAN(""),
             list);
}

static const char *
said_by_call(weir_span name)
{
    static const struct {
        const char *name;
        const char *said;
    } rows[] = {
        {"client", "the call: the client's address, as recorded"},
        {"client_country", "the call: the place of the client's address"},
        {"end_customer", "the call: weir-end-customer, as registered"},
        {"end_customer_id", "the call: its header weir-end-customer"},
        {"now", "the time of the decision"},
        {"is_streamed", "the call: its body"},
        {"tool", "the call: the tool it names, as declared"},
        {"exception", "an approved exception: weir exception list"},
        {"end_customer_id", "the call: its header weir-end-customer"},
        {"signals", "the gateway: what it saw of the key's use"},
        {"undeclared_place", "the gateway: where the key was used from"},
        {"countries", "the gateway: where the key was used from"},
        {"travel_kmh", "the gateway: where the key was used from"},
        {"hosting_network", "the gateway: its list of networks"},
        {"place_unknown", "the gateway: what geo.mmdb has of the address"},
        {"network_unknown",
         "the gateway: what geo.asn_mmdb has of the address"},
        {"network", "the gateway: what geo.asn_mmdb has of the address"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++)
        if (weir_span_equal(name, weir_span_of(rows[i].name)))
            return rows[i].said;
    return "the call";
}

/* Lines behind one fact, most telling first; the caller's. */
static json_t *
came_from(const struct weir_explain_world *world, uint32_t deployment,
          enum weir_cedar_read_kind kind, weir_cedar_arg subject,
          weir_span name, weir_cedar_arg value)
{
    const struct weir_cedar_program *program = &world->view.image.program;
    json_t *list = json_array();
    struct weir_cedar_uid who, group;
    bool is_member = kind == WEIR_CEDAR_READ_MEMBER;
    if (!uid_of(program, subject, &who)) {
        if (kind == WEIR_CEDAR_READ_ATTRIBUTE)
            json_array_append_new(
                list, json_pack("{s:s}", "said_by", said_by_call(name)));
        return list;
    }
    if (is_member && uid_of(program, value, &group) &&
        !weir_span_equal(who.type, WEIR_SPAN("Action"))) {
        json_t *row = weir_sources_find(&world->sources, group.type, group.id,
                                        WEIR_SPAN(""));
        if (row != NULL)
            json_array_append_new(list, row);
    }
    if (weir_span_equal(who.type, WEIR_SPAN("Key"))) {
        add_key(world, who.id, list);
        if (is_member)
            add_callers(world, list);
        return list;
    }
    if (kind == WEIR_CEDAR_READ_ATTRIBUTE)
        weir__explain_evidence(world, &who, name, value, list);
    json_t *row = weir_sources_find(&world->sources, who.type, who.id,
                                    is_member ? WEIR_SPAN("") : name);
    if (row != NULL)
        json_array_append_new(list, row);
    if (is_member && weir_span_equal(who.type, WEIR_SPAN("Deployment")))
        add_served(world, deployment, list);
    return list;
}

/* ------------------------------------------------------------------- reads */

static void
on_read(void *context, const struct weir_cedar_read *read)
{
    static const char *const kinds[] = {"attribute", "tag", "member", "type"};
    struct tracing *tracing = context;
    const struct weir_explain_world *world = tracing->world;
    const struct weir_cedar_program *program = &world->view.image.program;
    json_t *row = json_pack("{s:s,s:o,s:o,s:o,s:b}", "kind", kinds[read->kind],
                            "expression", weir__explain_text(read->path),
                            "subject", argument_json(program, read->subject),
                            "name", weir__explain_text(read->name),
                            "is_present", read->is_present);
    if (read->is_present || read->kind == WEIR_CEDAR_READ_MEMBER)
        json_object_set_new(row, "value", argument_json(program, read->value));
    json_object_set_new(row, "came_from",
                        came_from(world, tracing->deployment, read->kind,
                                  read->subject, read->name, read->value));
    json_array_append_new(tracing->reads, row);
}

json_t *
weir__explain_reads(const struct weir_explain_world *world, uint32_t deployment,
                    uint32_t policy, enum weir_cedar_result *result_out)
{
    struct tracing tracing = {world, deployment, json_array()};
    *result_out = weir_gate_trace(&world->view, &world->question, deployment,
                                  policy, on_read, &tracing);
    return tracing.reads;
}

/* ------------------------------------------------------------------ whatif */

static json_t *
change_json(const struct weir_explain_world *world, uint32_t deployment,
            const struct weir_cedar_change *change)
{
    const struct weir_image *image = &world->view.image;
    const struct weir_cedar_program *program = &image->program;
    bool is_member = change->kind == WEIR_CEDAR_READ_MEMBER;
    json_t *row =
        json_pack("{s:o,s:s,s:o,s:o,s:b,s:b,s:b}", "policy",
                  weir__explain_text(weir_image_text(
                      image, image->policies[change->policy].id)),
                  "kind", is_member ? "member" : "attribute", "expression",
                  weir__explain_text(change->path), "subject",
                  argument_json(program, change->subject), "was_present",
                  change->was_present, "is_present", change->is_present,
                  "is_any_other", change->is_any_other);
    if (is_member) {
        json_object_set_new(row, "value", argument_json(program, change->was));
    } else {
        json_object_set_new(row, "name", weir__explain_text(change->name));
        if (change->was_present)
            json_object_set_new(row, "was",
                                argument_json(program, change->was));
        if (change->is_present)
            json_object_set_new(row, "value",
                                argument_json(program, change->value));
    }
    json_object_set_new(row, "came_from",
                        came_from(world, deployment, change->kind,
                                  change->subject, change->name, change->was));
    return row;
}

json_t *
weir__explain_whatif(const struct weir_explain_world *world,
                     const struct weir_candidate *candidate)
{
    struct weir_cedar_whatif whatif;
    struct weir_arena arena;
    struct weir_error err;
    json_t *reply = NULL;
    if (candidate->reason != WEIR_REASON_FORBIDDEN &&
        candidate->reason != WEIR_REASON_NO_PERMIT &&
        candidate->reason != WEIR_REASON_HELD &&
        candidate->reason != WEIR_REASON_POLICY_ERROR)
        return NULL;
    weir_arena_init_heap(&arena, (size_t)256 << 20);
    if (weir_gate_whatif(&world->view, &world->question, candidate->deployment,
                         WHATIF_TRIALS_MAX, &arena, &whatif, &err) == WEIR_OK) {
        json_t *changes = json_array();
        for (uint32_t i = 0; i < whatif.change_count; i++)
            json_array_append_new(
                changes,
                change_json(world, candidate->deployment, &whatif.changes[i]));
        reply = json_pack("{s:b,s:b,s:i,s:{s:i,s:i},s:o}", "is_found",
                          whatif.is_found, "is_exhausted", whatif.is_exhausted,
                          "trials", (int)whatif.trial_count, "bounds",
                          "changes", WEIR_CEDAR_CHANGES_MAX, "trials",
                          WHATIF_TRIALS_MAX, "changes", changes);
    }
    weir_arena_fini(&arena);
    return reply;
}
