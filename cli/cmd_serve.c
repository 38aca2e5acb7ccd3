/* SPDX-License-Identifier: Apache-2.0 */
/* weir serve, weir check */
#include "cli/remote.h"

#include "control/budgets/clusters.h"
#include "control/config/config.h"
#include "control/control.h"
#include "control/evidence/merge.h"
#include "control/log.h"
#include "control/prove/book.h"
#include "control/serve/serve.h"

int
weir_cmd_serve(struct weir_cli *cli)
{
    struct weir_faults faults;
    struct weir_error err = {0};
    weir_faults_init(&faults);
    weir_status status = weir_serve(weir_cli_config(cli), &faults, &err);
    if (status != WEIR_OK)
        weir_cli_print_faults(cli, &faults);
    weir_faults_fini(&faults);
    return status == WEIR_OK ? 0 : weir_cli_fail(cli, &err, NULL);
}

/* The assertions of the policy directory; an exit code, or 0. */
static int
ask_assertions(struct weir_cli *cli, const struct weir_world *world)
{
    struct weir_prove_options options = {
        .at = weir_control_now(), .out = cli->err, .err = cli->err};
    struct weir_prove_tally tally = {0};
    struct weir_arena arena;
    struct weir_error err = {0};
    weir_status status;
    weir_arena_init_heap(&arena, WEIR_WORLD_BYTES_MAX);
    options.policies = weir_arena_copy(&arena, world->settings.policy_dir).ptr;
    status = weir_cedar_schema_parse(&arena, weir_world_schema(),
                                     WEIR_CEDAR_TEXT, &options.schema, &err);
    if (status == WEIR_OK && options.policies != NULL &&
        world->settings.policy_dir.len > 0)
        status = weir_prove_run_files(&options, options.policies, &tally);
    weir_arena_fini(&arena);
    if (tally.refuted > 0)
        return 1;
    /* Without a solver, or in too little time, nothing is said to hold; the
     * policies themselves are in order. */
    return status == WEIR_OK || status == WEIR_EUNAVAIL
               ? 0
               : weir_status_info(status)->exit;
}

/*
 * What a control would compile with these sources: facts and keys of the
 * store, where there is one. Nothing on disk changes. A state that is not
 * there or not to be read is no fault of the sources, and said.
 */
static weir_status
join_store(struct weir_cli *cli, const char *path, struct weir_world *world,
           bool *was_joined_out, struct weir_faults *faults)
{
    struct weir_paths paths;
    struct weir_error err = {0};
    struct weir_store *store = NULL;
    *was_joined_out = false;
    weir_status status = weir_paths_of(path, &world->settings, &paths, &err);
    if (status == WEIR_OK)
        status = weir_store_open(paths.state, false, &store, &err);
    if (status != WEIR_OK) {
        if (status != WEIR_ENOTFOUND)
            fprintf(cli->err,
                    "weir check: the store is left out of account: %s\n",
                    err.text);
        return WEIR_OK;
    }
    status = weir_evidence_merge(world, store, weir_control_now(), &err);
    if (status == WEIR_OK)
        status = weir_clusters_join(world, store, &err);
    if (status == WEIR_OK)
        status = weir_control_keys_join(world, store, &err);
    weir_store_close(store);
    *was_joined_out = status == WEIR_OK;
    if (status != WEIR_OK) {
        const struct weir_place whole = {.file = weir_span_of(path)};
        weir_faults_add(faults, whole,
                        "What the store has does not go with these sources.",
                        "%s", err.text);
    }
    return status;
}

/* What a person should see, though a reload takes it; their number. */
static uint32_t
print_doubts(struct weir_cli *cli, const struct weir_world *world)
{
    struct weir_faults doubts;
    weir_faults_init(&doubts);
    weir_config_doubts(world, weir_control_now(), &doubts);
    weir_cli_print_faults(cli, &doubts);
    uint32_t total = doubts.total;
    weir_faults_fini(&doubts);
    return total;
}

int
weir_cmd_check(struct weir_cli *cli)
{
    struct weir_faults faults;
    struct weir_world *world = NULL;
    struct weir_buf image;
    struct weir_error err = {0};
    bool was_tried = false, was_joined = false;
    const char *path =
        cli->argument_count > 0 ? cli->arguments[0] : weir_cli_config(cli);
    weir_faults_init(&faults);
    weir_buf_init(&image, WEIR_WORLD_BYTES_MAX);
    weir_status status = weir_config_load(path, &world, &faults);
    if (status == WEIR_OK)
        status = join_store(cli, path, world, &was_joined, &faults);
    if (status == WEIR_OK)
        status =
            weir_config_compile(world, weir_control_now(), 1, &image, &faults);
    if (status == WEIR_OK && weir_serve_check(world, weir_buf_span(&image),
                                              &was_tried, &err) != WEIR_OK) {
        const struct weir_place whole = {.file = weir_span_of(path)};
        weir_faults_add(&faults, whole,
                        "Look at listeners, certificates and origins.", "%s",
                        err.text);
        status = err.status;
    }
    uint32_t total = faults.total;
    weir_cli_print_faults(cli, &faults);
    uint32_t doubted = status == WEIR_OK ? print_doubts(cli, world) : 0;
    if (cli->is_json)
        fprintf(cli->out,
                "{\"faults\": %u, \"doubts\": %u, \"image_bytes\": %zu, "
                "\"store\": %s}\n",
                total, doubted, status == WEIR_OK ? image.len : 0,
                was_joined ? "true" : "false");
    else if (status == WEIR_OK)
        fprintf(cli->out, "%s: no faults; %zu bytes of image%s%s\n", path,
                image.len, was_joined ? " with the facts and keys on file" : "",
                was_tried ? "; nginx agrees" : "");
    else
        fprintf(cli->err, "%s: %u fault%s\n", path, total,
                total == 1 ? "" : "s");
    int code = status == WEIR_OK ? ask_assertions(cli, world)
                                 : weir_status_info(status)->exit;
    weir_buf_fini(&image);
    weir_world_free(world);
    weir_faults_fini(&faults);
    return code;
}
