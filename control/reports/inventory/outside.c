/* SPDX-License-Identifier: Apache-2.0 */
/* A log of somebody else's, line by line, counted by day, client and host. */
#include "control/reports/inventory/outside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>

static bool
is_own(const struct weir_outside_import *import, weir_span client)
{
    uint8_t first[16], last[16];
    if (import->own_count == 0 || !weir_network_parse(client, first, last))
        return false;
    for (uint32_t i = 0; i < import->own_count; i++) {
        if (memcmp(first, import->own[i].first, 16) >= 0 &&
            memcmp(first, import->own[i].last, 16) <= 0)
            return true;
    }
    return false;
}

static void
count(struct weir_outside_import *import, const struct weir_outside_line *line,
      const struct weir_endpoint *endpoint)
{
    weir_time day = line->when - line->when % WEIR_US_PER_DAY;
    bool is_new;
    json_t *row = weir__report_row(&import->rows, &is_new, "%lld %.*s %.*s",
                                   (long long)day, WEIR_SPAN_ARG(line->client),
                                   (int)line->host.len, line->host.ptr);
    if (is_new) {
        char text[WEIR_TIME_TEXT];
        weir_time_format(day, text);
        json_object_set_new(row, "day", json_stringn(text, 10));
        json_object_set_new(row, "client", weir__report_text(line->client));
        json_object_set_new(row, "host", weir__report_text(line->host));
        json_object_set_new(row, "provider",
                            weir__report_text(endpoint->provider));
        json_object_set_new(row, "kind", weir__report_text(endpoint->kind));
        json_object_set_new(row, "first_us", json_integer(line->when));
        json_object_set_new(row, "last_us", json_integer(line->when));
    }
    weir__report_add(row, "requests", (int64_t)line->requests);
    weir__report_add(row, "bytes", (int64_t)line->bytes);
    if (line->when < json_integer_value(json_object_get(row, "first_us")))
        json_object_set_new(row, "first_us", json_integer(line->when));
    if (line->when > json_integer_value(json_object_get(row, "last_us")))
        json_object_set_new(row, "last_us", json_integer(line->when));
}

void
weir_outside_take(struct weir_outside_import *import, weir_span text)
{
    struct weir_outside_line line;
    enum weir_outside_result result =
        weir_outside_read(&import->reader, text, &line);
    import->lines++;
    import->other += result == WEIR_OUTSIDE_OTHER;
    import->bad += result == WEIR_OUTSIDE_BAD;
    if (result != WEIR_OUTSIDE_LINE)
        return;
    const struct weir_endpoint *endpoint =
        weir_endpoints_find(import->endpoints, line.host);
    if (endpoint == NULL)
        return;
    if (is_own(import, line.client)) {
        import->ours++;
        return;
    }
    import->matched++;
    count(import, &line, endpoint);
}

weir_status
weir_outside_file(struct weir_outside_import *import, const char *path,
                  struct weir_error *err)
{
    struct weir_sha256 hash;
    weir_digest digest;
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    uint64_t lines = import->lines, bad = import->bad;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (file == NULL)
        return weir_fail(err, errno == ENOENT ? WEIR_ENOTFOUND : WEIR_EIO,
                         WEIR_OFFSET_NONE, "%.100s: %s", path, strerror(errno));
    weir_sha256_init(&hash);
    while ((len = getline(&line, &size, file)) > 0) {
        weir_sha256_add(&hash, line, (size_t)len);
        if (len > WEIR_OUTSIDE_LINE_MAX) {
            import->lines++;
            import->bad++;
            continue;
        }
        weir_outside_take(import, (weir_span){line, (size_t)len});
    }
    bool is_broken = ferror(file) != 0;
    free(line);
    if (file != stdin)
        fclose(file);
    weir_sha256_final(&hash, &digest);
    weir_hex_encode((weir_span){(const char *)digest.bytes, 32},
                    import->digest);
    import->digest[64] = '\0';
    if (is_broken)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "%.100s cannot be read to its end", path);
    if (import->lines > lines && import->bad - bad == import->lines - lines)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "%.100s: no line of it reads as a log of %s", path,
                         import->reader.format == WEIR_OUTSIDE_UNKNOWN
                             ? "squid, bind, dnsmasq or csv"
                             : weir_outside_format_name(import->reader.format));
    return WEIR_OK;
}
