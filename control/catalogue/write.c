/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries as YAML: one file for each maker, one entry after the other in the
 * order of names, one line for each field and host. Two imports of the same
 * export give the same bytes, so that a diff shows what changed and nothing
 * else.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/catalogue/parts.h"

#define FILE_BYTES_MAX ((size_t)64 << 20)
#define NOBODY         "unknown" /* the file of entries without a maker */

/* ------------------------------------------------------------------- fields */

static void
put_quoted(struct weir_buf *out, weir_span text)
{
    weir_buf_add_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\')
            weir_buf_addf(out, "\\%c", c);
        else if (c >= 0x20 && c != 0x7f)
            weir_buf_add_byte(out, (char)c);
    }
    weir_buf_add_byte(out, '"');
}

static void
put_field(struct weir_buf *out, const char *name, weir_span text)
{
    if (text.len == 0)
        return;
    weir_buf_addf(out, "    %s: ", name);
    put_quoted(out, text);
    weir_buf_add_byte(out, '\n');
}

static void
put_rates(struct weir_buf *out, struct weir_price price, uint32_t stated,
          const char *between)
{
    for (unsigned i = 0; i < WEIR_RATES; i++) {
        enum weir_rate rate = (enum weir_rate)i;
        char text[WEIR_MICROS_TEXT];
        weir_micros value = *weir_rate_of(&price, rate);
        if ((stated & WEIR_RATE_BIT(i)) == 0)
            continue;
        weir_micros_format(
            weir_rate_is_by_piece(rate) ? value / 1000000 : value, text);
        weir_buf_addf(out, "%s%s: \"%s\"", between, weir_rate_name(rate), text);
        between = ", ";
    }
}

static void
put_change(struct weir_buf *out, const struct weir_price_change *change)
{
    const char *between = "{";
    if (change->from != INT64_MIN) {
        char text[WEIR_TIME_TEXT];
        weir_time_format(change->from, text);
        weir_buf_addf(out, "{from: %.10s", text);
        between = ", ";
    }
    if (change->above > 0) {
        weir_buf_addf(out, "%sabove: %llu", between,
                      (unsigned long long)change->above);
        between = ", ";
    }
    if (change->minute_from != change->minute_until) {
        weir_buf_addf(out, "%shours: \"%02u:%02u-%02u:%02u\"", between,
                      change->minute_from / 60, change->minute_from % 60,
                      change->minute_until / 60, change->minute_until % 60);
        between = ", ";
    }
    put_rates(out, change->rates, change->stated, between);
    weir_buf_add_byte(out, '}');
}

/* An import finds dates, hours and contexts; services people write. */
void
weir__catalogue_put_price(const struct weir_world *world, struct weir_buf *out,
                          const struct weir_price *price, uint32_t stated,
                          struct weir_world_range changes)
{
    const char *between = ", changes: [";
    uint32_t both =
        WEIR_RATE_BIT(WEIR_RATE_INPUT) | WEIR_RATE_BIT(WEIR_RATE_OUTPUT);
    put_rates(out, *price, stated | both, "{");
    for (uint32_t i = 0; i < changes.count; i++) {
        weir_buf_addf(out, "%s", between);
        put_change(out, &world->change_rows[changes.first + i].change);
        between = ", ";
    }
    if (changes.count > 0)
        weir_buf_add_byte(out, ']');
}

static void
put_version(struct weir_buf *out, weir_span version, weir_span currency)
{
    if (version.len > 0) {
        weir_buf_addf(out, ", version: ");
        put_quoted(out, version);
    }
    if (currency.len > 0)
        weir_buf_addf(out, ", currency: %.*s", WEIR_SPAN_ARG(currency));
    weir_buf_add_byte(out, '}');
}

static void
put_day(struct weir_buf *out, const char *name, weir_time when)
{
    char text[WEIR_TIME_TEXT];
    if (when == 0)
        return;
    weir_time_format(when, text);
    weir_buf_addf(out, "    %s: %.10s\n", name, text);
}

static void
put_host(const struct weir_world *world, struct weir_buf *out,
         const struct weir_world_host *host)
{
    weir_buf_addf(out, "      - {name: ");
    put_quoted(out, host->name);
    weir_buf_addf(out, ", id: ");
    put_quoted(out, host->id);
    if (host->status.len > 0) {
        weir_buf_addf(out, ", status: ");
        put_quoted(out, host->status);
    }
    if (host->has_price) {
        weir_buf_addf(out, ", price: ");
        weir__catalogue_put_price(world, out, &host->price, host->stated,
                                  host->changes);
        weir_buf_add_byte(out, '}');
    }
    weir_buf_addf(out, "}\n");
}

static void
put_operations(struct weir_buf *out, uint32_t operations)
{
    const char *between = "    operations: [";
    if (operations == 0)
        return;
    for (uint32_t i = 0; i < WEIR_OPERATIONS; i++) {
        if ((operations & UINT32_C(1) << i) == 0)
            continue;
        weir_buf_addf(out, "%s%s", between,
                      weir_operation_name((enum weir_operation)i));
        between = ", ";
    }
    weir_buf_addf(out, "]\n");
}

static void
put_listing(const struct weir_world *world, const struct weir_world_listing *l,
            struct weir_buf *out)
{
    weir_buf_addf(out, "  - name: ");
    put_quoted(out, l->name);
    weir_buf_add_byte(out, '\n');
    put_field(out, "title", l->title);
    put_field(out, "maker", l->maker);
    put_field(out, "family", l->family);
    put_field(out, "tier", l->tier);
    put_field(out, "weights", l->weights);
    put_field(out, "licence", l->licence);
    put_field(out, "terms", l->terms);
    put_field(out, "origin", l->origin.text);
    put_field(out, "status", l->status);
    put_day(out, "created", l->created * WEIR_US_PER_SEC);
    put_operations(out, l->operations);
    if (l->output_tokens_max > 0)
        weir_buf_addf(out, "    output_tokens_max: %u\n", l->output_tokens_max);
    if (l->has_price) {
        weir_buf_addf(out, "    price: ");
        weir__catalogue_put_price(world, out, &l->price, l->stated, l->changes);
        put_version(out, l->price_version, l->currency);
        weir_buf_add_byte(out, '\n');
    }
    put_day(out, "deprecated", l->deprecated);
    put_day(out, "sunset", l->sunset);
    put_field(out, "successor", l->successor.text);
    put_field(out, "more", l->more);
    if (l->hosts.count > 0)
        weir_buf_addf(out, "    hosts:\n");
    for (uint32_t i = 0; i < l->hosts.count; i++)
        put_host(world, out, &world->host_rows[l->hosts.first + i]);
}

void
weir_catalogue_write(const struct weir_world *world, weir_span maker,
                     weir_span source, struct weir_buf *out)
{
    uint32_t count = 0;
    weir_buf_addf(out, WEIR_CATALOGUE_MARK "\n# Source: %.*s\n\ncatalogue:",
                  WEIR_SPAN_ARG(source));
    for (uint32_t i = 0; i < world->listing_count; i++) {
        const struct weir_world_listing *l = &world->listing_rows[i];
        if (!weir_span_equal(l->maker, maker))
            continue;
        if (count++ == 0)
            weir_buf_add_byte(out, '\n');
        put_listing(world, l, out);
    }
    if (count == 0)
        weir_buf_addf(out, " []\n");
}

/* -------------------------------------------------------------------- files */

static weir_status
write_file(const char *path, weir_span text, struct weir_error *err)
{
    char beside[4300];
    snprintf(beside, sizeof beside, "%s.new", path);
    FILE *file = fopen(beside, "we");
    bool is_written =
        file != NULL && fwrite(text.ptr, 1, text.len, file) == text.len;
    int failure = errno;
    if (file != NULL && fclose(file) != 0)
        is_written = false;
    if (is_written && rename(beside, path) == 0)
        return WEIR_OK;
    failure = failure == 0 ? errno : failure;
    if (file != NULL)
        unlink(beside);
    return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "cannot write %.120s: %s",
                     path, strerror(failure));
}

/* Whether an import wrote it: its first line says so. */
static bool
is_ours(const char *path)
{
    char line[sizeof WEIR_CATALOGUE_MARK] = "";
    FILE *file = fopen(path, "re");
    bool is_read = file != NULL && fgets(line, sizeof line, file) != NULL;
    if (file != NULL)
        fclose(file);
    return is_read && strcmp(line, WEIR_CATALOGUE_MARK) == 0;
}

static void
file_of(const char *dir, weir_span maker, char path_out[4200])
{
    weir_span name = maker.len == 0 ? WEIR_SPAN(NOBODY) : maker;
    int len =
        snprintf(path_out, 4200, "%s/%.*s.yaml", dir, WEIR_SPAN_ARG(name));
    /* A maker's name may hold a slash; a file's may not. */
    for (size_t at = strlen(dir) + 1; len > 0 && at < (size_t)len; at++)
        if (path_out[at] == '/' || path_out[at] == ':')
            path_out[at] = '-';
}

static weir_status
save_maker(const struct weir_world *world, const char *dir, weir_span maker,
           weir_span source, struct weir_error *err)
{
    char path[4200];
    struct weir_buf out;
    file_of(dir, maker, path);
    if (access(path, F_OK) == 0 && !is_ours(path))
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "%.120s was not written by an import; move it", path);
    weir_buf_init(&out, FILE_BYTES_MAX);
    weir_catalogue_write(world, maker, source, &out);
    weir_status status = out.overflow
                             ? weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                                         "%.120s would be too large", path)
                             : write_file(path, weir_buf_span(&out), err);
    weir_buf_fini(&out);
    return status;
}

static bool
has_entries(const struct weir_world *world, weir_span maker)
{
    for (uint32_t i = 0; i < world->listing_count; i++) {
        if (weir_span_equal(world->listing_rows[i].maker, maker))
            return true;
    }
    return false;
}

/* The maker whose file this is, or whether it is the file of nobody. */
static bool
is_kept(const struct weir_world *world, const char *dir, const char *path)
{
    char expected[4200];
    for (uint32_t i = 0; i <= world->maker_count; i++) {
        weir_span maker =
            i < world->maker_count ? world->maker_rows[i].name : WEIR_SPAN_NONE;
        file_of(dir, maker, expected);
        if (strcmp(expected, path) == 0)
            return has_entries(world, maker);
    }
    return false;
}

static void
remove_stale(const struct weir_world *world, const char *dir)
{
    DIR *handle = opendir(dir);
    struct dirent *entry;
    while (handle != NULL && (entry = readdir(handle)) != NULL) {
        char path[4400];
        size_t len = strlen(entry->d_name);
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        if (len > 5 && strcmp(entry->d_name + len - 5, ".yaml") == 0 &&
            is_ours(path) && !is_kept(world, dir, path))
            unlink(path);
    }
    if (handle != NULL)
        closedir(handle);
}

weir_status
weir_catalogue_save(const struct weir_world *world, const char *dir,
                    weir_span source, uint32_t *files_out,
                    struct weir_error *err)
{
    weir_status status = WEIR_OK;
    *files_out = 0;
    if (strlen(dir) > 4000)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the directory's path is too long");
    if (mkdir(dir, 0777) != 0 && errno != EEXIST)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "cannot make %.120s: %s", dir, strerror(errno));
    for (uint32_t i = 0; i <= world->maker_count && status == WEIR_OK; i++) {
        weir_span maker =
            i < world->maker_count ? world->maker_rows[i].name : WEIR_SPAN_NONE;
        if (!has_entries(world, maker))
            continue;
        status = save_maker(world, dir, maker, source, err);
        *files_out += status == WEIR_OK;
    }
    if (status == WEIR_OK)
        remove_stale(world, dir);
    return status;
}
