/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "control/sharing/offline.h"
#include "control/watch/evaluate.h"
#include "control/watch/scorer.h"

/* --NAME N in [least, most]; false: something else. */
static bool
number(struct weir_cli *cli, const char *name, uint64_t least, uint64_t most,
       uint64_t *value)
{
    const char *text = weir_cli_option(cli, name);
    uint64_t given;
    if (text == NULL)
        return true;
    if (!weir_span_to_u64(weir_span_of(text), &given) || given < least ||
        given > most) {
        weir_cli_usage(cli, "--%s takes a number from %llu to %llu", name,
                       (unsigned long long)least, (unsigned long long)most);
        return false;
    }
    *value = given;
    return true;
}

static int
score_file(struct weir_cli *cli, struct weir_scorer *scorer, FILE *in,
           const char *path)
{
    struct weir_scorer_summary summary = {0};
    struct weir_error err = {0};
    struct weir_error inner = {0};
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    unsigned long long lines = 0;
    weir_status status = WEIR_OK;
    while (status == WEIR_OK && (len = getline(&line, &size, in)) >= 0) {
        lines++;
        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
            len--;
        if (len > 0)
            status = weir_scorer_take(scorer, (weir_span){line, (size_t)len},
                                      &inner);
    }
    free(line);
    if (status != WEIR_OK)
        (void)weir_fail(&err, status, inner.offset, "%s:%llu: %s", path, lines,
                        inner.text);
    else if (ferror(in) != 0)
        status = weir_fail(&err, WEIR_EIO, WEIR_OFFSET_NONE,
                           "%s cannot be read", path);
    else
        status = weir_scorer_finish(scorer, &summary, &err);
    if (status != WEIR_OK)
        return weir_cli_fail(
            cli, &err,
            status == WEIR_ECONFLICT ? "sort the file by time_ms" : NULL);
    fprintf(cli->err,
            "weir watch: %llu calls, %u accounts, %u windows, %u clusters\n",
            (unsigned long long)summary.calls, summary.accounts,
            summary.windows, summary.clusters);
    if (summary.unlearnt > 0)
        fprintf(cli->err,
                "weir watch: %u accounts had too few different calls for a "
                "reference\n",
                summary.unlearnt);
    return 0;
}

int
weir_cmd_watch_score(struct weir_cli *cli)
{
    const char *path = cli->arguments[0];
    bool is_stdin = strcmp(path, "-") == 0;
    uint64_t reference = 0;
    struct weir_error err = {0};
    if (!number(cli, "reference", 0, WEIR_WATCH_LEARN_MAX, &reference))
        return 2;
    const char *indicators = weir_cli_option(cli, "indicators");
    const char *salt = weir_cli_option(cli, "salt");
    if (salt != NULL && indicators == NULL)
        return weir_cli_usage(cli, "--salt is that of --indicators");
    FILE *in = is_stdin ? stdin : fopen(path, "rb");
    if (in == NULL) {
        (void)weir_fail(&err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE, "%s: %s", path,
                        strerror(errno));
        return weir_cli_fail(cli, &err, NULL);
    }
    struct weir_share_offline shared = {0};
    struct weir_scorer *scorer = NULL;
    int code = 0;
    if (indicators != NULL &&
        weir_share_offline_open(indicators, salt, &shared, &err) != WEIR_OK) {
        code = weir_cli_fail(cli, &err, NULL);
        goto done;
    }
    struct weir_scorer_setup setup = {
        .reference_calls = (uint32_t)reference,
        .indicators = indicators != NULL ? &shared.set : NULL,
        .out = cli->out};
    scorer = weir_scorer_new(&setup);
    if (scorer == NULL) {
        (void)weir_fail(&err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
        code = weir_cli_fail(cli, &err, NULL);
    } else {
        code = score_file(cli, scorer, in, path);
    }
done:
    weir_scorer_free(scorer);
    weir_share_offline_close(&shared);
    if (!is_stdin)
        fclose(in);
    return code;
}

static int
evaluate(struct weir_cli *cli, bool calibrates)
{
    uint64_t seed = 1;
    uint64_t splits = 4;
    uint64_t windows = 65;
    uint64_t attacks = 10;
    struct weir_error err = {0};
    if (!number(cli, "seed", 0, UINT32_MAX, &seed) ||
        !number(cli, "splits", 1, 64, &splits) ||
        !number(cli, "windows", 1, 100000, &windows) ||
        (!calibrates && !number(cli, "attacks", 1, 100000, &attacks)))
        return 2;
    struct weir_evaluate_setup setup = {
        .directory = cli->arguments[0],
        .lines = calibrates ? NULL : weir_cli_option(cli, "lines"),
        .seed = seed,
        .splits = (uint32_t)splits,
        .windows = (uint32_t)windows,
        .attacks = (uint32_t)attacks,
        .is_json = cli->is_json,
        .calibrates = calibrates,
        .out = cli->out};
    if (weir_evaluate(&setup, &err) == WEIR_OK)
        return 0;
    return weir_cli_fail(cli, &err, NULL);
}

int
weir_cmd_watch_evaluate(struct weir_cli *cli)
{
    return evaluate(cli, false);
}

int
weir_cmd_watch_calibrate(struct weir_cli *cli)
{
    return evaluate(cli, true);
}
