/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir screen: names and identifiers against list files.
 *
 * Everything that decided stands in the answer: threshold, list, entry,
 * line, and the words that matched. Lists are read anew by each run; a
 * million names of a --file share one reading.
 */
#include "cli/cli.h"

#include "control/lists/lists.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <weir/json.h>

#define THRESHOLD_DEFAULT 850u
#define HITS_DEFAULT      10u
#define HITS_MOST         1000u
#define INDEX_BYTES_MAX   ((size_t)4 << 30)
#define JSON_BYTES_MAX    ((size_t)16 << 20)

struct run {
    struct weir_cli *cli;
    struct weir_screening_rows rows;
    struct weir_arena arena;
    const struct weir_screening *index;
    struct weir_screening_scratch *scratch;
    struct weir_screening_hit *hits;
    uint32_t threshold;
    uint32_t max;
    uint64_t screened;
    uint64_t hit;
};

static const char *const effects[] = {"hold", "deny", "flag"};

/* "deny:FILE"; without a word before, hold. */
static const char *
split_effect(const char *value, enum weir_screening_effect *effect_out)
{
    *effect_out = WEIR_SCREENING_HOLD;
    for (size_t i = 0; i < WEIR_COUNTOF(effects); i++) {
        size_t len = strlen(effects[i]);
        if (strncmp(value, effects[i], len) == 0 && value[len] == ':') {
            *effect_out = (enum weir_screening_effect)i;
            return value + len + 1;
        }
    }
    return value;
}

static bool
number(struct weir_cli *cli, const char *name, uint32_t least, uint32_t most,
       uint32_t *value)
{
    uint64_t read;
    const char *text = weir_cli_option(cli, name);
    if (text == NULL)
        return true;
    if (!weir_span_to_u64(weir_span_of(text), &read) || read < least ||
        read > most) {
        (void)weir_cli_usage(cli, "--%s is a number from %u to %u", name, least,
                             most);
        return false;
    }
    *value = (uint32_t)read;
    return true;
}

static int
load_lists(struct run *run, struct weir_list_options *options,
           struct weir_faults *faults)
{
    struct weir_cli *cli = run->cli;
    struct weir_error err = {0};
    for (size_t i = 0;; i++) {
        const char *value = weir_cli_option_nth(cli, "list", i);
        if (value == NULL)
            return 0;
        const char *path = split_effect(value, &options->effect);
        weir_status status =
            weir_list_load(path, options, &run->rows, faults, &err);
        if (status == WEIR_OK)
            continue;
        struct weir_buf text;
        weir_buf_init(&text, JSON_BYTES_MAX);
        weir_faults_write(faults, &text);
        fwrite(text.ptr, 1, text.len, cli->err);
        weir_buf_fini(&text);
        fprintf(cli->err, "%s: not taken\n", path);
        return weir_cli_fail(cli, &err,
                             status == WEIR_ECONFLICT
                                 ? "look at the file; --allow-shrink if it is "
                                   "right"
                                 : NULL);
    }
}

static void
print_hit(const struct run *run, const struct weir_screening_hit *hit)
{
    FILE *out = run->cli->out;
    const struct weir_screening_rows *rows = &run->rows;
    const struct weir_screening_entry *entry = &rows->entry_rows[hit->entry];
    const struct weir_screening_list *list = &rows->list_rows[entry->list];
    weir_span text = hit->name != UINT32_MAX
                         ? rows->name_rows[hit->name].text
                         : rows->identifier_rows[hit->identifier].text;
    fprintf(out, "  %4u  %s  %.*s  %.*s  [%.*s]  %.*s:%u\n", hit->score,
            effects[list->effect], WEIR_SPAN_ARG(entry->id),
            WEIR_SPAN_ARG(text), WEIR_SPAN_ARG(entry->programme),
            WEIR_SPAN_ARG(list->name), entry->line);
    fprintf(out, "        %.*s%s%.*s\n", WEIR_SPAN_ARG(entry->source),
            entry->date.len > 0 ? ", " : "", WEIR_SPAN_ARG(entry->date));
    for (uint32_t i = 0; i < hit->match_count; i++) {
        const struct weir_screening_match *match = &hit->matches[i];
        fprintf(out, "        %.*s = %.*s  %s %u, weight %u, points %d\n",
                WEIR_SPAN_ARG(match->query), WEIR_SPAN_ARG(match->listed),
                weir_screening_how_name(match->how), match->similarity,
                match->weight, match->points);
    }
}

static void
add_text(struct weir_json_writer *json, const char *name, weir_span text)
{
    weir_json_name(json, name);
    weir_json_add_string(json, text);
}

static void
add_uint(struct weir_json_writer *json, const char *name, uint64_t value)
{
    weir_json_name(json, name);
    weir_json_add_uint(json, value);
}

static void
add_hit(const struct run *run, struct weir_json_writer *json,
        const struct weir_screening_hit *hit)
{
    const struct weir_screening_rows *rows = &run->rows;
    const struct weir_screening_entry *entry = &rows->entry_rows[hit->entry];
    const struct weir_screening_list *list = &rows->list_rows[entry->list];
    bool is_name = hit->name != UINT32_MAX;
    weir_json_begin_object(json);
    add_uint(json, "score", hit->score);
    add_text(json, "list", list->name);
    add_text(json, "format", list->format);
    add_text(json, "effect", weir_span_of(effects[list->effect]));
    add_text(json, "file", list->file);
    add_uint(json, "line", entry->line);
    add_text(json, "entry", entry->id);
    add_text(json, "source", entry->source);
    add_text(json, "programme", entry->programme);
    add_text(json, "date", entry->date);
    add_text(json, "place", entry->place);
    add_text(json, is_name ? "name" : "identifier",
             is_name ? rows->name_rows[hit->name].text
                     : rows->identifier_rows[hit->identifier].text);
    weir_json_name(json, "alias");
    weir_json_add_bool(json, is_name && rows->name_rows[hit->name].is_alias);
    weir_json_name(json, "weak");
    weir_json_add_bool(json, is_name && rows->name_rows[hit->name].is_weak);
    weir_json_name(json, "why");
    weir_json_begin_array(json);
    for (uint32_t i = 0; i < hit->match_count; i++) {
        weir_json_begin_object(json);
        add_text(json, "query", hit->matches[i].query);
        add_text(json, "listed", hit->matches[i].listed);
        add_text(json, "how",
                 weir_span_of(weir_screening_how_name(hit->matches[i].how)));
        add_uint(json, "similarity", hit->matches[i].similarity);
        add_uint(json, "weight", hit->matches[i].weight);
        weir_json_name(json, "points");
        weir_json_add_int(json, hit->matches[i].points);
        weir_json_end_object(json);
    }
    weir_json_end_array(json);
    weir_json_end_object(json);
}

static void
print_json(const struct run *run, weir_span name,
           const struct weir_screening_answer *answer)
{
    struct weir_buf text;
    struct weir_json_writer json;
    weir_buf_init(&text, JSON_BYTES_MAX);
    weir_json_writer_init(&json, &text);
    weir_json_begin_object(&json);
    add_text(&json, "name", name);
    add_uint(&json, "threshold", run->threshold);
    add_uint(&json, "total", answer->total);
    weir_json_name(&json, "cut");
    weir_json_add_bool(&json, answer->is_cut);
    weir_json_name(&json, "empty");
    weir_json_add_bool(&json, answer->is_empty);
    weir_json_name(&json, "hits");
    weir_json_begin_array(&json);
    for (uint32_t i = 0; i < answer->count; i++)
        add_hit(run, &json, &run->hits[i]);
    weir_json_end_array(&json);
    weir_json_end_object(&json);
    fwrite(text.ptr, 1, text.len, run->cli->out);
    fputc('\n', run->cli->out);
    weir_buf_fini(&text);
}

static void
screen(struct run *run, weir_span name)
{
    FILE *out = run->cli->out;
    struct weir_screening_answer answer = weir_screening_query(
        run->index, run->scratch, name, run->threshold, run->hits, run->max);
    run->screened++;
    run->hit += answer.total > 0;
    if (run->cli->is_json) {
        print_json(run, name, &answer);
        return;
    }
    fprintf(out, "%.*s: ", WEIR_SPAN_ARG(name));
    if (answer.total == 0)
        fprintf(out, "clear at threshold %u%s\n", run->threshold,
                answer.is_empty ? " (no letter or digit)" : "");
    else
        fprintf(out, "%u at threshold %u, %u shown\n", answer.total,
                run->threshold, answer.count);
    for (uint32_t i = 0; i < answer.count; i++)
        print_hit(run, &run->hits[i]);
}

static int
screen_file(struct run *run, const char *path)
{
    struct weir_error err = {0};
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *in = is_stdin ? stdin : fopen(path, "rb");
    if (in == NULL) {
        (void)weir_fail(&err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE, "%s: %s", path,
                        strerror(errno));
        return weir_cli_fail(run->cli, &err, NULL);
    }
    while ((len = getline(&line, &size, in)) >= 0) {
        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
            len--;
        if (len > 0)
            screen(run, (weir_span){line, (size_t)len});
    }
    bool is_read = ferror(in) == 0;
    free(line);
    if (!is_stdin)
        fclose(in);
    if (is_read)
        return 0;
    (void)weir_fail(&err, WEIR_EIO, WEIR_OFFSET_NONE, "%s cannot be read",
                    path);
    return weir_cli_fail(run->cli, &err, NULL);
}

static int
build(struct run *run)
{
    struct weir_error err = {0};
    weir_status status =
        weir_screening_build(&run->rows, &run->arena, &run->index, &err);
    if (status == WEIR_OK) {
        run->scratch = weir_screening_scratch_new(run->index, &run->arena);
        run->hits =
            weir_arena_array(&run->arena, struct weir_screening_hit, run->max);
        if (run->scratch == NULL || run->hits == NULL)
            status = weir_fail(&err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                               "no memory to screen with");
    }
    return status == WEIR_OK ? 0 : weir_cli_fail(run->cli, &err, NULL);
}

static int
run_all(struct run *run, struct weir_list_options *options,
        struct weir_faults *faults)
{
    struct weir_cli *cli = run->cli;
    const char *file = weir_cli_option(cli, "file");
    int code = load_lists(run, options, faults);
    if (code == 0 && faults->total > 0)
        fprintf(cli->err, "weir screen: %u faulty rows left out\n",
                faults->total);
    if (code == 0)
        code = build(run);
    if (code != 0)
        return code;
    for (int i = 0; i < cli->argument_count; i++)
        screen(run, weir_span_of(cli->arguments[i]));
    if (file != NULL)
        code = screen_file(run, file);
    fprintf(cli->err,
            "weir screen: %llu names, %llu with hits, %u entries in %u lists\n",
            (unsigned long long)run->screened, (unsigned long long)run->hit,
            run->rows.entry_count, run->rows.list_count);
    return code != 0 ? code : run->hit > 0;
}

int
weir_cmd_screen(struct weir_cli *cli)
{
    struct run run = {
        .cli = cli, .threshold = THRESHOLD_DEFAULT, .max = HITS_DEFAULT};
    struct weir_list_options options = {
        .shrink_ppm = WEIR_LIST_SHRINK_PPM,
        .allows_shrink = weir_cli_flag(cli, "allow-shrink"),
        .remembers = weir_cli_flag(cli, "remember")};
    struct weir_faults faults;
    if (weir_cli_option(cli, "list") == NULL)
        return weir_cli_usage(cli, "at least one --list is needed");
    if (cli->argument_count == 0 && weir_cli_option(cli, "file") == NULL)
        return weir_cli_usage(cli, "a name or --file is needed");
    if (!number(cli, "threshold", 1, WEIR_SCREENING_SCORE_MAX,
                &run.threshold) ||
        !number(cli, "max", 1, HITS_MOST, &run.max) ||
        !number(cli, "allow-bad", 0, UINT32_MAX - 1, &options.bad_max))
        return 2;
    weir_screening_rows_init(&run.rows);
    weir_arena_init_heap(&run.arena, INDEX_BYTES_MAX);
    weir_faults_init(&faults);
    int code = run_all(&run, &options, &faults);
    weir_faults_fini(&faults);
    weir_arena_fini(&run.arena);
    weir_screening_rows_fini(&run.rows);
    return code;
}
