/* SPDX-License-Identifier: Apache-2.0 */
/* weir prove: claims about policies, for every request there could be. */
#include <stdlib.h>
#include <string.h>

#include <weir/world.h>

#include "cli/cedar_files.h"
#include "cli/remote.h"

#include "control/config/config.h"
#include "control/control.h"
#include "control/prove/book.h"
#include "control/prove/recorded.h"

#define EXIT_NOT_PROVEN 3
#define TIMEOUT_S_MAX   3600

struct proving {
    struct weir_cli *cli;
    struct weir_cli_cedar cedar; /* schema, texts */
    struct weir_world *world;    /* of -c */
    struct weir_prove_recorded *recorded;
    struct weir_prove_options options;
    struct weir_prove_tally tally;
};

static int
read_times(struct proving *p)
{
    const char *at = weir_cli_option(p->cli, "at");
    const char *timeout = weir_cli_option(p->cli, "timeout");
    uint64_t seconds = 10;
    p->options.at = weir_control_now();
    if (at != NULL && !weir_time_parse(weir_span_of(at), &p->options.at))
        return weir_cli_usage(p->cli, "--at is not a date or RFC 3339 time");
    if (timeout != NULL &&
        (!weir_span_to_u64(weir_span_of(timeout), &seconds) || seconds == 0 ||
         seconds > TIMEOUT_S_MAX))
        return weir_cli_usage(p->cli, "--timeout is 1 to %d seconds",
                              TIMEOUT_S_MAX);
    p->options.timeout_ms = (uint32_t)seconds * 1000;
    return 0;
}

static int
read_schema(struct proving *p)
{
    const char *path = weir_cli_option(p->cli, "schema");
    struct weir_error err = {0};
    if (path != NULL) {
        int code = weir_cli_cedar_schema(&p->cedar, path);
        p->options.schema = p->cedar.schema;
        return code;
    }
    if (weir_cedar_schema_parse(&p->cedar.arena, weir_world_schema(),
                                WEIR_CEDAR_TEXT, &p->options.schema,
                                &err) != WEIR_OK)
        return weir_cli_fail(p->cli, &err, NULL);
    return 0;
}

static int
find_policies(struct proving *p)
{
    struct weir_faults faults;
    weir_status status;
    p->options.policies = weir_cli_option(p->cli, "policies");
    if (p->options.policies != NULL)
        return 0;
    weir_faults_init(&faults);
    status = weir_config_load(weir_cli_config(p->cli), &p->world, &faults);
    weir_cli_print_faults(p->cli, &faults);
    weir_faults_fini(&faults);
    if (status != WEIR_OK)
        return weir_status_info(status)->exit;
    p->options.policies =
        weir_arena_copy(&p->cedar.arena, p->world->settings.policy_dir).ptr;
    return 0;
}

static int
read_record(struct proving *p)
{
    struct weir_faults faults;
    struct weir_error err = {0};
    weir_status status;
    if (!weir_cli_flag(p->cli, "recorded"))
        return 0;
    if (weir_cli_option(p->cli, "schema") != NULL || p->options.is_smt2)
        return weir_cli_usage(p->cli, "--recorded goes with weir's own schema "
                                      "and without --smt2");
    weir_faults_init(&faults);
    status = weir_prove_recorded_open(weir_cli_config(p->cli), p->options.at,
                                      &p->recorded, &faults, &err);
    weir_cli_print_faults(p->cli, &faults);
    weir_faults_fini(&faults);
    p->options.recorded = p->recorded;
    return status == WEIR_OK ? 0 : weir_cli_fail(p->cli, &err, NULL);
}

/* --claim, --assume and the scope, as the text of an assertion file. */
static void
add_options(struct proving *p, struct weir_buf *text)
{
    static const char *const names[] = {"assume", "action", "principal",
                                        "resource"};
    for (size_t i = 0; i < WEIR_COUNTOF(names); i++)
        for (size_t n = 0; weir_cli_option_nth(p->cli, names[i], n) != NULL;
             n++)
            weir_buf_addf(text, "%s %s;\n", names[i],
                          weir_cli_option_nth(p->cli, names[i], n));
}

static int
ask_claim(struct proving *p, const char *claim, const char *against)
{
    struct weir_prove_assertion *first = NULL;
    struct weir_error err = {0};
    struct weir_buf text;
    weir_status status;
    weir_buf_init(&text, (size_t)1 << 20);
    weir_buf_addf(&text, "name \"%s\";\n", claim == NULL ? "diff" : "claim");
    add_options(p, &text);
    weir_buf_addf(&text, "claim %s;\n", claim == NULL ? "never errors" : claim);
    status =
        weir_prove_parse(weir_buf_span(&text), &p->cedar.arena, &first, &err);
    if (status != WEIR_OK)
        weir_cli_point(p->cli->err, "options", weir_buf_span(&text), err.offset,
                       weir_span_of(err.text));
    else if (against != NULL)
        status = weir_prove_diff(&p->options, against, first, &p->tally);
    else
        status = weir_prove_run(&p->options, first, WEIR_SPAN_NONE, &p->tally);
    weir_prove_assertions_free(first);
    weir_buf_fini(&text);
    return status == WEIR_OK ? 0 : weir_status_info(status)->exit;
}

static int
ask_all(struct proving *p)
{
    const char *claim = weir_cli_option(p->cli, "claim");
    const char *against = weir_cli_option(p->cli, "diff");
    weir_status status = WEIR_OK;
    if (claim != NULL || against != NULL)
        return ask_claim(p, claim, against);
    if (p->cli->argument_count == 0)
        status =
            weir_prove_run_files(&p->options, p->options.policies, &p->tally);
    for (int i = 0; i < p->cli->argument_count && status == WEIR_OK; i++)
        status =
            weir_prove_run_files(&p->options, p->cli->arguments[i], &p->tally);
    return status == WEIR_OK ? 0 : weir_status_info(status)->exit;
}

static int
prove(struct proving *p)
{
    struct weir_prove_tally *t = &p->tally;
    int code = read_times(p);
    if (code == 0)
        code = read_schema(p);
    if (code == 0)
        code = find_policies(p);
    if (code == 0)
        code = read_record(p);
    if (code == 0)
        code = ask_all(p);
    if (code != 0 || p->options.is_smt2)
        return code;
    if (!p->cli->is_json)
        fprintf(p->cli->out, "%u proven, %u refuted, %u not proven\n",
                t->proven, t->refuted, t->open);
    if (t->odd > 0)
        fprintf(p->cli->err,
                "weir prove: %u model%s of the solver did not pass the "
                "evaluator\n",
                t->odd, t->odd == 1 ? "" : "s");
    return t->refuted > 0 ? 1 : t->open > 0 ? EXIT_NOT_PROVEN : 0;
}

int
weir_cmd_prove(struct weir_cli *cli)
{
    const char *dialect = weir_cli_option(cli, "dialect");
    struct proving p = {.cli = cli};
    int code;
    if (dialect != NULL && strcmp(dialect, "z3") != 0 &&
        strcmp(dialect, "cvc5") != 0)
        return weir_cli_usage(cli, "the dialect is z3 or cvc5");
    p.options.out = cli->out;
    p.options.err = cli->err;
    p.options.is_json = cli->is_json;
    p.options.is_smt2 = weir_cli_flag(cli, "smt2");
    p.options.is_cvc5 = dialect != NULL && strcmp(dialect, "cvc5") == 0;
    weir_cli_cedar_init(&p.cedar, cli);
    code = prove(&p);
    weir_prove_recorded_close(p.recorded);
    weir_world_free(p.world);
    weir_cli_cedar_fini(&p.cedar);
    return code;
}
