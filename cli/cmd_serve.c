/* SPDX-License-Identifier: Apache-2.0 */
/* weir serve, weir check */
#include "cli/remote.h"

#include "control/config/config.h"
#include "control/control.h"
#include "control/log.h"
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

int
weir_cmd_check(struct weir_cli *cli)
{
    struct weir_faults faults;
    struct weir_world *world = NULL;
    struct weir_buf image;
    struct weir_error err = {0};
    bool was_tried = false;
    const char *path =
        cli->argument_count > 0 ? cli->arguments[0] : weir_cli_config(cli);
    weir_faults_init(&faults);
    weir_buf_init(&image, WEIR_WORLD_BYTES_MAX);
    weir_status status = weir_config_load(path, &world, &faults);
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
    if (cli->is_json)
        fprintf(cli->out, "{\"faults\": %u, \"image_bytes\": %zu}\n", total,
                status == WEIR_OK ? image.len : 0);
    else if (status == WEIR_OK)
        fprintf(cli->out, "%s: no faults; %zu bytes of image%s\n", path,
                image.len, was_tried ? "; nginx agrees" : "");
    else
        fprintf(cli->err, "%s: %u fault%s\n", path, total,
                total == 1 ? "" : "s");
    weir_buf_fini(&image);
    weir_world_free(world);
    weir_faults_fini(&faults);
    return status == WEIR_OK ? 0 : weir_status_info(status)->exit;
}
