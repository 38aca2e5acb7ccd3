/* SPDX-License-Identifier: Apache-2.0 */
/* weir catalogue import and diff: an export into files, and what changed. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/catalogue_files.h"
#include "cli/remote.h"
#include "control/catalogue/catalogue.h"
#include "control/config/config.h"

#define EXPORT_BYTES_MAX ((size_t)256 << 20)
#define SHRINK_PART      10 /* a tenth fewer entries: somebody must say so */

/* ---------------------------------------------------------------- reading */

bool
weir_cli_number_option(const struct weir_cli *cli, const char *option,
                       uint32_t fallback, uint32_t *value_out)
{
    const char *text = weir_cli_option(cli, option);
    uint64_t value = fallback;
    if (text != NULL &&
        (!weir_span_to_u64(weir_span_of(text), &value) || value > UINT32_MAX))
        return false;
    *value_out = (uint32_t)value;
    return true;
}

/* The file, or standard input for "-"; false after saying why not. */
static bool
read_whole(struct weir_cli *cli, const char *path, struct weir_buf *out)
{
    char part[65536];
    size_t got;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (file == NULL) {
        fprintf(cli->err, "weir catalogue: cannot read %s: %m\n", path);
        return false;
    }
    while ((got = fread(part, 1, sizeof part, file)) > 0)
        weir_buf_add(out, part, got);
    bool is_read = ferror(file) == 0 && !out->overflow;
    if (!is_read)
        fprintf(cli->err, "weir catalogue: cannot read all of %s\n", path);
    if (file != stdin)
        fclose(file);
    return is_read;
}

struct weir_world *
weir_cli_catalogue_files(struct weir_cli *cli, const char *const *paths,
                         size_t count)
{
    struct weir_faults faults;
    struct weir_world *world = weir_world_new();
    weir_status status = world == NULL ? WEIR_ENOMEM : WEIR_OK;
    weir_faults_init(&faults);
    for (size_t i = 0; i < count && status == WEIR_OK; i++)
        status = weir_config_read(paths[i], world, &faults);
    if (status == WEIR_OK)
        weir_world_promote(world, &faults);
    if (faults.total > 0)
        status = WEIR_EPARSE;
    weir_cli_print_faults(cli, &faults);
    weir_faults_fini(&faults);
    if (status == WEIR_OK)
        return world;
    weir_world_free(world);
    return NULL;
}

/* ------------------------------------------------------------------- changes */

struct changes {
    struct weir_cli *cli;
    FILE *out; /* NULL: only counted */
    json_t *rows;
    uint32_t counts[3];
};

static void
on_change(void *context, enum weir_catalogue_change change, weir_span name,
          const char *field, weir_span before, weir_span after)
{
    static const char *const words[] = {"added", "removed", "changed"};
    struct changes *changes = context;
    changes->counts[change]++;
    if (changes->rows != NULL)
        json_array_append_new(
            changes->rows,
            json_pack("{s:s,s:s%,s:s,s:s%,s:s%}", "change", words[change],
                      "name", name.ptr, name.len, "field", field, "before",
                      before.len > 0 ? before.ptr : "", before.len, "after",
                      after.len > 0 ? after.ptr : "", after.len));
    if (changes->out == NULL)
        return;
    fprintf(changes->out, "%c %.*s", "+-~"[change], WEIR_SPAN_ARG(name));
    if (change == WEIR_CATALOGUE_CHANGED)
        fprintf(changes->out, "  %s: %.*s -> %.*s", field,
                WEIR_SPAN_ARG(before), WEIR_SPAN_ARG(after));
    fputc('\n', changes->out);
}

static int
finish_changes(struct weir_cli *cli, struct changes *changes)
{
    bool is_same =
        changes->counts[0] + changes->counts[1] + changes->counts[2] == 0;
    if (cli->is_json) {
        json_t *reply =
            json_pack("{s:b,s:i,s:i,s:i,s:O}", "is_same", is_same, "added",
                      (int)changes->counts[0], "removed",
                      (int)changes->counts[1], "changed_fields",
                      (int)changes->counts[2], "changes", changes->rows);
        weir_cli_print_json(cli, reply);
        json_decref(reply);
    } else {
        fprintf(cli->out, "%u added, %u removed, %u fields changed\n",
                changes->counts[0], changes->counts[1], changes->counts[2]);
    }
    json_decref(changes->rows);
    return is_same ? 0 : 1;
}

int
weir_cmd_catalogue_diff(struct weir_cli *cli)
{
    struct weir_error err = {0};
    struct changes changes = {.cli = cli,
                              .out = cli->is_json ? NULL : cli->out,
                              .rows = cli->is_json ? json_array() : NULL};
    const char *const paths[] = {cli->arguments[0], cli->arguments[1]};
    struct weir_world *before = weir_cli_catalogue_files(cli, paths, 1);
    struct weir_world *after =
        before == NULL ? NULL : weir_cli_catalogue_files(cli, paths + 1, 1);
    int code = weir_status_info(WEIR_EPARSE)->exit;
    if (after != NULL) {
        weir_status status =
            weir_catalogue_diff(before, after, on_change, &changes, &err);
        code = status == WEIR_OK ? finish_changes(cli, &changes)
                                 : weir_cli_fail(cli, &err, NULL);
    }
    weir_world_free(before);
    weir_world_free(after);
    return code;
}

/* -------------------------------------------------------------------- import */

struct importing {
    const char *source; /* path of the export */
    const char *makers;
    const char *dir;
    uint32_t allow_bad;
    struct weir_world *world;
    struct weir_world *earlier; /* entries of an earlier import; may be NULL */
    struct weir_catalogue_counts counts;
    struct changes changes;
    uint32_t files;
};

/* Only what an import wrote counts: people's files stay as they are. */
static void
read_earlier(struct weir_cli *cli, struct importing *it)
{
    struct weir_faults faults;
    struct stat info;
    if (stat(it->dir, &info) != 0)
        return;
    weir_faults_init(&faults);
    it->earlier = weir_world_new();
    if (it->earlier != NULL &&
        weir_config_read(it->dir, it->earlier, &faults) != WEIR_OK) {
        weir_cli_print_faults(cli, &faults);
        weir_world_free(it->earlier);
        it->earlier = NULL;
    }
    weir_faults_fini(&faults);
}

static weir_status
check_shrink(struct weir_cli *cli, const struct importing *it,
             struct weir_error *err)
{
    uint32_t before = it->earlier == NULL ? 0 : it->earlier->listing_count;
    uint32_t after = it->world->listing_count;
    if (before <= after || weir_cli_flag(cli, "allow-shrink") ||
        (before - after) * SHRINK_PART < before)
        return WEIR_OK;
    return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                     "the catalogue would shrink from %u entries to %u; say "
                     "--allow-shrink when that is meant",
                     before, after);
}

static weir_status
import(struct weir_cli *cli, struct importing *it, struct weir_buf *text,
       struct weir_error *err)
{
    struct weir_faults faults;
    weir_faults_init(&faults);
    weir_status status = WEIR_OK;
    if (it->makers != NULL)
        status = weir_config_read(it->makers, it->world, &faults);
    if (status != WEIR_OK)
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "the makers cannot be read");
    if (status == WEIR_OK)
        status = weir_catalogue_import(weir_buf_span(text),
                                       weir_span_of(it->source), it->allow_bad,
                                       it->world, &it->counts, &faults, err);
    weir_cli_print_faults(cli, &faults);
    weir_faults_fini(&faults);
    if (status == WEIR_OK)
        status = check_shrink(cli, it, err);
    if (status == WEIR_OK && it->earlier != NULL)
        status = weir_catalogue_diff(it->earlier, it->world, on_change,
                                     &it->changes, err);
    if (status == WEIR_OK && !weir_cli_flag(cli, "dry-run"))
        status = weir_catalogue_save(it->world, it->dir,
                                     weir_span_of(it->counts.newest),
                                     &it->files, err);
    return status;
}

static void
print_import(struct weir_cli *cli, const struct importing *it)
{
    const struct weir_catalogue_counts *c = &it->counts;
    const uint32_t *changed = it->changes.counts;
    if (cli->is_json) {
        json_t *reply = json_pack(
            "{s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:s,s:i,s:i,s:i,s:i}", "rows",
            (int)c->rows, "bad", (int)c->bad, "without_host", (int)c->hostless,
            "tiered_prices", (int)c->tiered, "prices_with_other_kinds",
            (int)c->untaken, "entries", (int)c->entries, "without_maker",
            (int)c->makerless, "disputed", (int)c->disputed, "newest",
            c->newest, "files", (int)it->files, "added", (int)changed[0],
            "removed", (int)changed[1], "changed_fields", (int)changed[2]);
        weir_cli_print_json(cli, reply);
        json_decref(reply);
        return;
    }
    fprintf(cli->out,
            "%u rows (%u bad, %u without a host's name, %u with prices by "
            "context size, %u with kinds that are not priced here), newest "
            "change %s\n"
            "%u entries: %u without maker, %u with two makers\n",
            c->rows, c->bad, c->hostless, c->tiered, c->untaken, c->newest,
            c->entries, c->makerless, c->disputed);
    if (it->earlier != NULL)
        fprintf(cli->out, "%u added, %u removed, %u fields changed\n",
                changed[0], changed[1], changed[2]);
    if (it->files > 0)
        fprintf(cli->out, "%u files in %s\n", it->files, it->dir);
}

int
weir_cmd_catalogue_import(struct weir_cli *cli)
{
    struct weir_error err = {0};
    struct weir_buf text;
    const char *dir = weir_cli_option(cli, "output");
    struct importing it = {.source = cli->arguments[0],
                           .makers = weir_cli_option(cli, "makers"),
                           .dir = dir == NULL ? "catalogue" : dir,
                           .changes = {.cli = cli}};
    if (!weir_cli_number_option(cli, "allow-bad", 0, &it.allow_bad))
        return weir_cli_usage(cli, "--allow-bad is a number of rows");
    if (weir_cli_flag(cli, "dry-run") && !cli->is_json)
        it.changes.out = cli->out;
    weir_buf_init(&text, EXPORT_BYTES_MAX);
    it.world = weir_world_new();
    int code = weir_status_info(WEIR_EIO)->exit;
    if (it.world != NULL && read_whole(cli, it.source, &text)) {
        read_earlier(cli, &it);
        weir_status status = import(cli, &it, &text, &err);
        code = status == WEIR_OK ? 0 : weir_cli_fail(cli, &err, NULL);
        if (status == WEIR_OK)
            print_import(cli, &it);
    }
    weir_buf_fini(&text);
    weir_world_free(it.world);
    weir_world_free(it.earlier);
    return code;
}
