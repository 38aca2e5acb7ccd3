/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir ownership FILE: for each organisation and rule yes, no or unknown,
 * and the chain that decides.
 *
 * A chain is told from the seed down, each holding as the file states it;
 * under a cascade the other owners that counted stand beside it, since a sum
 * decides and not one of them. The answers go out as they are computed, so
 * that a million organisations need no second copy.
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <weir/json.h>

#include "cli/remote.h"
#include "control/control.h"
#include "control/evidence/ownership_file.h"

#define RUN_BYTES_MAX  ((size_t)8 << 30)
#define TEXT_BYTES_MAX ((size_t)1 << 30)
#define CHUNK_BYTES    ((size_t)1 << 16)
#define CHAIN_MAX      65536u

struct run {
    struct weir_cli *cli;
    struct weir_ownership_file file;
    struct weir_buf out;
    struct weir_json_writer json;
    weir_time at;
    const char *rule_wanted;
    uint32_t party_wanted; /* UINT32_MAX: all */
    uint32_t *chain;
    uint64_t counts[3]; /* by answer */
};

/* What is told now. */
struct answers {
    const struct weir_ownership_case *rule;
    const struct weir_ownership_result *result;
    const uint8_t *seeds;
    bool applies;
};

static const char *const answer_names[] = {"no", "yes", "unknown"};

/* What a policy sees: member of the rule, of "rule?", or of neither. */
static const char *
effect_of(const struct weir_ownership_case *rule, uint8_t answer)
{
    if (answer == WEIR_ANSWER_UNKNOWN)
        return rule->unknown == WEIR_UNKNOWN_YES  ? "member"
               : rule->unknown == WEIR_UNKNOWN_NO ? "none"
                                                  : "hold";
    return answer == WEIR_ANSWER_YES ? "member" : "none";
}

static void
flush(struct run *run)
{
    fwrite(run->out.ptr, 1, run->out.len, run->cli->out);
    weir_buf_reset(&run->out);
}

static weir_span
name_of(const struct run *run, uint32_t row)
{
    return run->file.party_rows[row].name;
}

/* Owners that counted under a cascade: those whose own answer is not no. */
static bool
counts(const struct answers *a, const struct weir_holding *h)
{
    return a->applies && a->result->answers[h->owner] != WEIR_ANSWER_NO &&
           h->share.high > 0 && h->owner != h->owned;
}

static size_t
chain_of(const struct run *run, const struct answers *a, uint32_t row)
{
    return a->applies ? weir_ownership_chain(&run->file.graph, a->result, row,
                                             run->chain, CHAIN_MAX)
                      : 0;
}

/* ----------------------------------------------------------------- text */

static void
put_share(struct run *run, weir_share share)
{
    char text[WEIR_SHARE_TEXT];
    weir_share_format(share, text);
    weir_buf_addf(&run->out, "%s", text);
}

static void
put_chain(struct run *run, const struct answers *a, uint32_t row)
{
    const struct weir_holding *holdings = run->file.graph.holdings;
    size_t len = chain_of(run, a, row);
    if (len == 0)
        return;
    weir_buf_addf(&run->out, "  ");
    weir_buf_add_span(&run->out,
                      name_of(run, holdings[run->chain[len - 1]].owner));
    while (len-- > 0) {
        const struct weir_holding *h = &holdings[run->chain[len]];
        weir_buf_addf(&run->out, " -");
        put_share(run, h->share);
        weir_buf_addf(&run->out, "-> ");
        weir_buf_add_span(&run->out, name_of(run, h->owned));
    }
}

static void
put_counted(struct run *run, const struct answers *a, uint32_t row)
{
    const struct weir_ownership_graph *g = &run->file.graph;
    bool is_first = true;
    if (!a->applies || a->seeds[row] == WEIR_SEED_YES)
        return;
    for (uint32_t at = g->in_first[row]; at < g->in_first[row + 1]; at++) {
        const struct weir_holding *h = &g->holdings[g->in_list[at]];
        if (!counts(a, h) || g->in_list[at] == a->result->via[row])
            continue;
        weir_buf_addf(&run->out, is_first ? "  and " : ", ");
        weir_buf_add_span(&run->out, name_of(run, h->owner));
        weir_buf_addf(&run->out, " ");
        put_share(run, h->share);
        is_first = false;
    }
}

static void
put_text(struct run *run, const struct answers *a, uint32_t row)
{
    uint8_t answer = a->applies ? a->result->answers[row] : WEIR_ANSWER_NO;
    weir_buf_add_span(&run->out, name_of(run, row));
    weir_buf_addf(&run->out, "  ");
    weir_buf_add_span(&run->out, a->rule->name);
    weir_buf_addf(&run->out, "  %s", answer_names[answer]);
    if (!a->applies) {
        weir_buf_addf(&run->out, "  (the rule is not in force)\n");
        return;
    }
    if (a->seeds[row] == WEIR_SEED_YES) {
        weir_buf_addf(&run->out, "  (a seed)");
    } else {
        weir_buf_addf(&run->out, "  ");
        put_share(run, a->result->held[row]);
        if (a->seeds[row] == WEIR_SEED_MAYBE)
            weir_buf_addf(&run->out, "  (may be a seed: its place is unknown)");
    }
    if (answer != WEIR_ANSWER_NO) {
        put_chain(run, a, row);
        put_counted(run, a, row);
    }
    weir_buf_add_byte(&run->out, '\n');
}

/* ----------------------------------------------------------------- JSON */

static void
add_text(struct weir_json_writer *json, const char *name, weir_span text)
{
    weir_json_name(json, name);
    weir_json_add_string(json, text);
}

static void
add_share(struct weir_json_writer *json, const char *name, weir_share share)
{
    char text[WEIR_SHARE_TEXT];
    char ppm[32];
    weir_share_format(share, text);
    add_text(json, name, weir_span_of(text));
    snprintf(ppm, sizeof ppm, "%s_ppm", name);
    weir_json_name(json, ppm);
    weir_json_begin_object(json);
    weir_json_name(json, "low");
    weir_json_add_uint(json, share.low);
    weir_json_name(json, "high");
    weir_json_add_uint(json, share.high);
    weir_json_end_object(json);
}

static void
add_holding(struct run *run, const struct weir_holding *h)
{
    weir_json_begin_object(&run->json);
    add_text(&run->json, "owner", name_of(run, h->owner));
    add_text(&run->json, "owned", name_of(run, h->owned));
    add_share(&run->json, "share", h->share);
    weir_json_end_object(&run->json);
}

static void
add_chain(struct run *run, const struct answers *a, uint32_t row)
{
    const struct weir_ownership_graph *g = &run->file.graph;
    size_t len = chain_of(run, a, row);
    weir_json_name(&run->json, "chain");
    weir_json_begin_array(&run->json);
    while (len-- > 0)
        add_holding(run, &g->holdings[run->chain[len]]);
    weir_json_end_array(&run->json);
    weir_json_name(&run->json, "counted");
    weir_json_begin_array(&run->json);
    for (uint32_t at = g->in_first[row]; at < g->in_first[row + 1]; at++) {
        const struct weir_holding *h = &g->holdings[g->in_list[at]];
        if (counts(a, h) && a->seeds[row] != WEIR_SEED_YES)
            add_holding(run, h);
    }
    weir_json_end_array(&run->json);
}

static void
put_json(struct run *run, const struct answers *a, uint32_t row)
{
    struct weir_json_writer *json = &run->json;
    uint8_t answer = a->applies ? a->result->answers[row] : WEIR_ANSWER_NO;
    weir_share held = a->applies ? a->result->held[row] : (weir_share){0, 0};
    weir_json_begin_object(json);
    add_text(json, "organisation", name_of(run, row));
    add_text(json, "rule", a->rule->name);
    add_text(json, "answer", weir_span_of(answer_names[answer]));
    add_text(json, "effect", weir_span_of(effect_of(a->rule, answer)));
    weir_json_name(json, "seed");
    if (a->applies && a->seeds[row] == WEIR_SEED_MAYBE)
        weir_json_add_null(json);
    else
        weir_json_add_bool(json, a->applies && a->seeds[row] == WEIR_SEED_YES);
    add_share(json, "held", held);
    add_chain(run, a, row);
    weir_json_end_object(json);
}

static void
put_time(struct weir_json_writer *json, const char *name, weir_time when)
{
    char text[WEIR_TIME_TEXT];
    weir_json_name(json, name);
    if (when == WEIR_TIME_MIN || when == WEIR_TIME_MAX) {
        weir_json_add_null(json);
        return;
    }
    weir_time_format(when, text);
    weir_json_add_string(json, weir_span_of(text));
}

static void
put_rules(struct run *run)
{
    struct weir_json_writer *json = &run->json;
    weir_json_name(json, "rules");
    weir_json_begin_array(json);
    for (uint32_t i = 0; i < run->file.rule_count; i++) {
        const struct weir_ownership_case *rule = &run->file.rule_rows[i];
        weir_json_begin_object(json);
        add_text(json, "name", rule->name);
        add_text(json, "method",
                 weir_span_of(rule->method == WEIR_OWNERSHIP_CASCADE
                                  ? "cascade"
                                  : "multiply"));
        weir_json_name(json, "threshold_ppm");
        weir_json_add_uint(json, rule->threshold);
        weir_json_name(json, "strict");
        weir_json_add_bool(json, rule->is_strict);
        add_text(json, "unknown",
                 weir_span_of(effect_of(rule, WEIR_ANSWER_UNKNOWN)));
        put_time(json, "from", rule->from);
        put_time(json, "until", rule->until);
        weir_json_name(json, "in_force");
        weir_json_add_bool(json, weir_ownership_case_applies(rule, run->at));
        weir_json_end_object(json);
    }
    weir_json_end_array(json);
}

/* ------------------------------------------------------------------ run */

static weir_status
tell_rule(struct run *run, uint32_t row, struct weir_error *err)
{
    struct weir_ownership_result result = {0};
    struct weir_arena arena;
    struct answers a = {.rule = &run->file.rule_rows[row], .result = &result};
    weir_status status = WEIR_OK;
    weir_arena_init_heap(&arena, RUN_BYTES_MAX);
    a.applies = weir_ownership_case_applies(a.rule, run->at);
    if (a.applies)
        status = weir_ownership_file_run(&run->file, row, &arena, &result,
                                         &a.seeds, err);
    for (uint32_t i = 0; i < run->file.party_count && status == WEIR_OK; i++) {
        if (run->party_wanted != UINT32_MAX && run->party_wanted != i)
            continue;
        run->counts[a.applies ? result.answers[i] : WEIR_ANSWER_NO]++;
        if (run->cli->is_json)
            put_json(run, &a, i);
        else
            put_text(run, &a, i);
        if (run->out.len > CHUNK_BYTES)
            flush(run);
    }
    weir_arena_fini(&arena);
    return status;
}

static weir_status
tell(struct run *run, struct weir_error *err)
{
    weir_status status = WEIR_OK;
    if (run->cli->is_json) {
        weir_json_writer_init(&run->json, &run->out);
        weir_json_begin_object(&run->json);
        put_time(&run->json, "at", run->at);
        weir_json_name(&run->json, "conflicting_holdings");
        weir_json_add_uint(&run->json, run->file.conflict_count);
        put_rules(run);
        weir_json_name(&run->json, "results");
        weir_json_begin_array(&run->json);
    }
    for (uint32_t i = 0; i < run->file.rule_count && status == WEIR_OK; i++) {
        if (run->rule_wanted == NULL ||
            weir_span_equal(run->file.rule_rows[i].name,
                            weir_span_of(run->rule_wanted)))
            status = tell_rule(run, i, err);
    }
    if (run->cli->is_json && status == WEIR_OK) {
        weir_json_end_array(&run->json);
        weir_json_end_object(&run->json);
        weir_buf_add_byte(&run->out, '\n');
    }
    flush(run);
    return status;
}

static weir_status
read_all(FILE *in, struct weir_buf *text, struct weir_error *err)
{
    char chunk[65536];
    size_t got;
    while ((got = fread(chunk, 1, sizeof chunk, in)) > 0)
        weir_buf_add(text, chunk, got);
    if (text->overflow)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the file is too large");
    return ferror(in) == 0 ? WEIR_OK
                           : weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                                       "the file cannot be read");
}

static weir_status
load(struct run *run, const char *path, struct weir_buf *text,
     struct weir_faults *faults, struct weir_error *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *in = is_stdin ? stdin : fopen(path, "rb");
    if (in == NULL)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE, "%.150s: %s",
                         path, strerror(errno));
    weir_status status = read_all(in, text, err);
    if (!is_stdin)
        fclose(in);
    if (status == WEIR_OK)
        status = weir_ownership_file_read(&run->file, weir_buf_span(text),
                                          weir_span_of(path), faults, err);
    return status;
}

/* --at, --rule and --organisation; 0 or the exit code. */
static int
read_options(struct run *run)
{
    struct weir_cli *cli = run->cli;
    const char *at = weir_cli_option(cli, "at");
    const char *party = weir_cli_option(cli, "organisation");
    bool is_known = false;
    run->party_wanted = UINT32_MAX;
    run->rule_wanted = weir_cli_option(cli, "rule");
    run->at = weir_control_now();
    if (at != NULL && !weir_time_parse(weir_span_of(at), &run->at))
        return weir_cli_usage(cli, "--at: '%s' is no date or time", at);
    for (uint32_t i = 0; i < run->file.rule_count; i++)
        is_known |= run->rule_wanted != NULL &&
                    weir_span_equal(run->file.rule_rows[i].name,
                                    weir_span_of(run->rule_wanted));
    if (run->rule_wanted != NULL && !is_known)
        return weir_cli_usage(cli, "the file has no rule '%s'",
                              run->rule_wanted);
    if (party == NULL)
        return 0;
    run->party_wanted =
        weir_ownership_file_find(&run->file, weir_span_of(party));
    if (run->party_wanted == UINT32_MAX)
        return weir_cli_usage(cli, "the file has no organisation '%s'", party);
    return 0;
}

int
weir_cmd_ownership(struct weir_cli *cli)
{
    struct run run = {.cli = cli};
    struct weir_faults faults;
    struct weir_error err = {0};
    struct weir_buf text;
    int code = 0;
    weir_faults_init(&faults);
    weir_buf_init(&text, (size_t)4 << 30);
    weir_buf_init(&run.out, TEXT_BYTES_MAX);
    run.chain = calloc(CHAIN_MAX, sizeof *run.chain);
    weir_status status =
        run.chain == NULL
            ? weir_fail(&err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory")
            : load(&run, cli->arguments[0], &text, &faults, &err);
    if (status == WEIR_OK)
        code = read_options(&run);
    if (status == WEIR_OK && code == 0)
        status = tell(&run, &err);
    weir_cli_print_faults(cli, &faults);
    if (status != WEIR_OK)
        code = weir_cli_fail(cli, &err, NULL);
    else if (code == 0)
        fprintf(cli->err,
                "weir ownership: %u organisations, %u holdings, %u rules: "
                "%llu yes, %llu no, %llu unknown\n",
                run.file.party_count, run.file.holding_count,
                run.file.rule_count,
                (unsigned long long)run.counts[WEIR_ANSWER_YES],
                (unsigned long long)run.counts[WEIR_ANSWER_NO],
                (unsigned long long)run.counts[WEIR_ANSWER_UNKNOWN]);
    if (run.file.conflict_count > 0)
        fprintf(cli->err,
                "weir ownership: %u holdings are stated twice, and "
                "differently\n",
                run.file.conflict_count);
    weir_ownership_file_fini(&run.file);
    free(run.chain);
    weir_buf_fini(&run.out);
    weir_buf_fini(&text);
    weir_faults_fini(&faults);
    return code;
}
