/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of a log, in four formats, as time, client and host. Lines come
 * from anywhere, so nothing is believed of them: a line that does not read is
 * counted as such and the next one is taken.
 *
 *   squid    1763805600.123  45 10.0.0.7 TCP_TUNNEL/200 4520 CONNECT h:443 ..
 *            (common)  10.0.0.7 - - [22/Nov/2026:10:00:00 +0000] "GET u" 200 1
 *   bind     22-Nov-2026 10:00:00.123 queries: info: client @0x7f 10.0.0.7#53
 *            (h): query: h IN A +E(0)K (10.0.0.1)
 *   dnsmasq  Nov 22 10:00:00 dnsmasq[123]: query[A] h from 10.0.0.7
 *   csv      a head that names time, client and host, in any order
 */
#include <string.h>

#include "control/reports/inventory/outside.h"

static const char *const names[] = {"", "squid", "bind", "dnsmasq", "csv"};

const char *
weir_outside_format_name(enum weir_outside_format format)
{
    return names[format];
}

bool
weir_outside_format_parse(weir_span text, enum weir_outside_format *format_out)
{
    for (size_t i = 1; i < WEIR_COUNTOF(names); i++) {
        if (weir_span_equal(text, weir_span_of(names[i]))) {
            *format_out = (enum weir_outside_format)i;
            return true;
        }
    }
    return false;
}

/* ------------------------------------------------------------------- words */

/* The next word, parted by blanks; empty at the end. */
static weir_span
word(weir_span *rest)
{
    while (rest->len > 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t')) {
        rest->ptr++;
        rest->len--;
    }
    size_t len = 0;
    while (len < rest->len && rest->ptr[len] != ' ' && rest->ptr[len] != '\t')
        len++;
    weir_span found = {rest->ptr, len};
    rest->ptr += len;
    rest->len -= len;
    return found;
}

/* What stands behind `mark`; false: it is not there. */
static bool
behind(weir_span line, const char *mark, weir_span *rest_out)
{
    const char *at = memmem(line.ptr, line.len, mark, strlen(mark));
    if (at == NULL)
        return false;
    at += strlen(mark);
    *rest_out = (weir_span){at, line.len - (size_t)(at - line.ptr)};
    return true;
}

static weir_span
before(weir_span text, char mark)
{
    const char *at = memchr(text.ptr, mark, text.len);
    return at == NULL ? text : (weir_span){text.ptr, (size_t)(at - text.ptr)};
}

/* -------------------------------------------------------------------- time */

static int
month_of(weir_span text)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; text.len == 3 && i < 12; i++) {
        if (memcmp(months + 3 * i, text.ptr, 3) == 0)
            return i + 1;
    }
    return 0;
}

/* A moment of UTC from its parts; 0: they are none. */
static weir_time
moment(uint64_t year, int month, uint64_t day, weir_span clock)
{
    char text[40];
    weir_time when;
    if (clock.len < 8 || clock.ptr[2] != ':' || month == 0 || year < 1970 ||
        year > 9999 || day < 1 || day > 31)
        return 0;
    struct weir_buf buf;
    weir_buf_init_fixed(&buf, text, sizeof text);
    weir_buf_addf(&buf, "%04u-%02d-%02uT%.8sZ", (unsigned)year, month,
                  (unsigned)day, clock.ptr);
    return !buf.overflow && weir_time_parse(weir_buf_span(&buf), &when) ? when
                                                                        : 0;
}

/* "Nov 22 10:00:00", of the newest year in which it is not to come. */
static weir_time
syslog_time(weir_span *rest, weir_time now)
{
    char text[WEIR_TIME_TEXT];
    uint64_t day = 0, year = 0;
    weir_span month = word(rest), date = word(rest), clock = word(rest);
    weir_time_format(now, text);
    if (!weir_span_to_u64(date, &day) ||
        !weir_span_to_u64((weir_span){text, 4}, &year))
        return 0;
    weir_time when = moment(year, month_of(month), day, clock);
    if (when > now + WEIR_US_PER_DAY)
        when = moment(year - 1, month_of(month), day, clock);
    return when;
}

/* "1763805600.123"; smaller numbers are no times but addresses. */
static weir_time
unix_time(weir_span text)
{
    uint64_t seconds;
    return weir_span_to_u64(before(text, '.'), &seconds) &&
                   seconds > 100000000 && seconds < UINT64_C(1) << 36
               ? (weir_time)seconds * WEIR_US_PER_SEC
               : 0;
}

/* "22/Nov/2026:10:00:00 +0000" or "22-Nov-2026 10:00:00.123" */
static weir_time
written_time(weir_span text, char part)
{
    uint64_t day, year, hours, minutes;
    if (text.len < 20 || text.ptr[2] != part || text.ptr[6] != part ||
        !weir_span_to_u64((weir_span){text.ptr, 2}, &day) ||
        !weir_span_to_u64((weir_span){text.ptr + 7, 4}, &year))
        return 0;
    weir_time when = moment(year, month_of((weir_span){text.ptr + 3, 3}), day,
                            (weir_span){text.ptr + 12, text.len - 12});
    if (when == 0 || text.len < 26 ||
        (text.ptr[21] != '+' && text.ptr[21] != '-') ||
        !weir_span_to_u64((weir_span){text.ptr + 22, 2}, &hours) ||
        !weir_span_to_u64((weir_span){text.ptr + 24, 2}, &minutes))
        return when;
    weir_time offset = (weir_time)(hours * 60 + minutes) * 60 * WEIR_US_PER_SEC;
    return text.ptr[21] == '+' ? when - offset : when + offset;
}

/* -------------------------------------------------------------------- host */

/* "https://u@h:443/path?q", "h:443", "[::1]:443", "h" */
static weir_span
host_of(weir_span url)
{
    weir_span rest;
    if (behind(url, "://", &rest))
        url = rest;
    url = before(before(before(url, '/'), '?'), '#');
    const char *at = memrchr(url.ptr, '@', url.len);
    if (at != NULL)
        url = (weir_span){at + 1, url.len - (size_t)(at + 1 - url.ptr)};
    if (url.len > 0 && url.ptr[0] == '[')
        return before((weir_span){url.ptr + 1, url.len - 1}, ']');
    return before(url, ':');
}

/* ------------------------------------------------------------------- squid */

static enum weir_outside_result
read_common(weir_span line, struct weir_outside_line *out)
{
    weir_span rest = line, request, tail;
    out->client = word(&rest);
    if (!behind(line, "[", &rest) || !behind(line, "\"", &request))
        return WEIR_OUTSIDE_BAD;
    out->when = written_time(before(rest, ']'), '/');
    const char *end = memchr(request.ptr, '"', request.len);
    if (end == NULL)
        return WEIR_OUTSIDE_BAD;
    tail = (weir_span){end + 1, request.len - (size_t)(end + 1 - request.ptr)};
    request.len = (size_t)(end - request.ptr);
    (void)word(&request);
    out->host = host_of(word(&request));
    (void)word(&tail);
    if (!weir_span_to_u64(word(&tail), &out->bytes))
        out->bytes = 0;
    return WEIR_OUTSIDE_LINE;
}

static enum weir_outside_result
read_squid(weir_span line, struct weir_outside_line *out)
{
    weir_span rest = line;
    out->when = unix_time(word(&rest));
    if (out->when == 0)
        return read_common(line, out);
    (void)word(&rest); /* elapsed */
    out->client = word(&rest);
    (void)word(&rest); /* TCP_TUNNEL/200 */
    if (!weir_span_to_u64(word(&rest), &out->bytes))
        return WEIR_OUTSIDE_BAD;
    (void)word(&rest); /* method */
    out->host = host_of(word(&rest));
    return WEIR_OUTSIDE_LINE;
}

/* ------------------------------------------------------------ name servers */

static enum weir_outside_result
read_bind(weir_span line, weir_time now, struct weir_outside_line *out)
{
    weir_span rest, query;
    if (!behind(line, "client ", &rest))
        return WEIR_OUTSIDE_OTHER;
    if (!behind(line, ": query: ", &query))
        return WEIR_OUTSIDE_OTHER;
    if (rest.len > 0 && rest.ptr[0] == '@')
        (void)word(&rest);
    out->client = before(word(&rest), '#');
    out->host = word(&query);
    rest = line;
    out->when = written_time(line, '-');
    if (out->when == 0 && !weir_time_parse(word(&rest), &out->when)) {
        rest = line;
        out->when = syslog_time(&rest, now);
    }
    return WEIR_OUTSIDE_LINE;
}

static enum weir_outside_result
read_dnsmasq(weir_span line, weir_time now, struct weir_outside_line *out)
{
    weir_span rest, head = line;
    if (!behind(line, " query[", &rest))
        return WEIR_OUTSIDE_OTHER;
    (void)word(&rest); /* "A]" */
    out->host = word(&rest);
    if (!weir_span_equal(word(&rest), WEIR_SPAN("from")))
        return WEIR_OUTSIDE_BAD;
    out->client = word(&rest);
    out->when = syslog_time(&head, now);
    return WEIR_OUTSIDE_LINE;
}

/* --------------------------------------------------------------------- csv */

/* The next field, without its quotes; false: the line is over. A doubled
 * quote inside stays doubled: hosts and addresses have none. */
static bool
field(weir_span *rest, weir_span *field_out)
{
    if (rest->ptr == NULL)
        return false;
    size_t at = 0;
    if (rest->len > 0 && rest->ptr[0] == '"') {
        at = 1;
        while (at < rest->len &&
               (rest->ptr[at] != '"' ||
                (at + 1 < rest->len && rest->ptr[at + 1] == '"')))
            at += rest->ptr[at] == '"' ? 2 : 1;
        *field_out = (weir_span){rest->ptr + 1, at < rest->len ? at - 1 : 0};
        at += at < rest->len;
    }
    size_t start = at;
    while (at < rest->len && rest->ptr[at] != ',' && rest->ptr[at] != ';')
        at++;
    if (start == 0)
        *field_out = (weir_span){rest->ptr, at};
    *rest = at < rest->len ? (weir_span){rest->ptr + at + 1, rest->len - at - 1}
                           : WEIR_SPAN_NONE;
    return true;
}

static enum weir_outside_result
read_head(struct weir_outside_reader *reader, weir_span line)
{
    static const char *const times[] = {"time", "timestamp", "date", "when"};
    static const char *const clients[] = {"client", "source", "src", "src_ip",
                                          "user"};
    static const char *const hosts[] = {"host",   "destination", "dst",
                                        "domain", "dst_host",    "sni"};
    const struct {
        const char *const *names;
        size_t count;
        int *column;
    } wanted[] = {{times, WEIR_COUNTOF(times), &reader->time},
                  {clients, WEIR_COUNTOF(clients), &reader->client},
                  {hosts, WEIR_COUNTOF(hosts), &reader->host},
                  {(const char *const[]){"bytes"}, 1, &reader->bytes},
                  {(const char *const[]){"requests"}, 1, &reader->requests}};
    weir_span name;
    for (size_t i = 0; i < WEIR_COUNTOF(wanted); i++)
        *wanted[i].column = -1;
    for (int column = 0;
         column < WEIR_OUTSIDE_COLUMNS_MAX && field(&line, &name); column++) {
        for (size_t i = 0; i < WEIR_COUNTOF(wanted); i++)
            for (size_t j = 0; j < wanted[i].count; j++)
                if (*wanted[i].column < 0 &&
                    weir_span_equal_nocase(name,
                                           weir_span_of(wanted[i].names[j])))
                    *wanted[i].column = column;
    }
    reader->has_head = reader->host >= 0 && reader->client >= 0;
    return reader->has_head ? WEIR_OUTSIDE_OTHER : WEIR_OUTSIDE_BAD;
}

static enum weir_outside_result
read_csv(struct weir_outside_reader *reader, weir_span line,
         struct weir_outside_line *out)
{
    weir_span value;
    bool is_read = true;
    if (!reader->has_head)
        return read_head(reader, line);
    for (int column = 0;
         column < WEIR_OUTSIDE_COLUMNS_MAX && field(&line, &value); column++) {
        if (column == reader->client)
            out->client = value;
        else if (column == reader->host)
            out->host = host_of(value);
        else if (column == reader->time && !weir_time_parse(value, &out->when))
            out->when = unix_time(value);
        else if (column == reader->bytes)
            is_read &= value.len == 0 || weir_span_to_u64(value, &out->bytes);
        else if (column == reader->requests)
            is_read &=
                value.len == 0 || weir_span_to_u64(value, &out->requests);
    }
    return is_read ? WEIR_OUTSIDE_LINE : WEIR_OUTSIDE_BAD;
}

/* -------------------------------------------------------------------- line */

static enum weir_outside_format
guess(weir_span line)
{
    weir_span rest = line, found;
    if (behind(line, "dnsmasq[", &found) || behind(line, " query[", &found))
        return WEIR_OUTSIDE_DNSMASQ;
    if (behind(line, "query: ", &found) || behind(line, "queries: ", &found))
        return WEIR_OUTSIDE_BIND;
    if (unix_time(word(&rest)) != 0 || behind(line, "\" ", &found))
        return WEIR_OUTSIDE_SQUID;
    struct weir_outside_reader trial = {0};
    return read_head(&trial, line) == WEIR_OUTSIDE_OTHER ? WEIR_OUTSIDE_CSV
                                                         : WEIR_OUTSIDE_UNKNOWN;
}

enum weir_outside_result
weir_outside_read(struct weir_outside_reader *reader, weir_span line,
                  struct weir_outside_line *line_out)
{
    enum weir_outside_result result = WEIR_OUTSIDE_BAD;
    *line_out = (struct weir_outside_line){
        .client = WEIR_SPAN(""), .host = WEIR_SPAN(""), .requests = 1};
    while (line.len > 0 &&
           (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
        line.len--;
    if (line.len == 0 || line.ptr[0] == '#')
        return WEIR_OUTSIDE_OTHER;
    if (reader->format == WEIR_OUTSIDE_UNKNOWN)
        reader->format = guess(line);
    switch (reader->format) {
    case WEIR_OUTSIDE_SQUID:
        result = read_squid(line, line_out);
        break;
    case WEIR_OUTSIDE_BIND:
        result = read_bind(line, reader->now, line_out);
        break;
    case WEIR_OUTSIDE_DNSMASQ:
        result = read_dnsmasq(line, reader->now, line_out);
        break;
    case WEIR_OUTSIDE_CSV:
        result = read_csv(reader, line, line_out);
        break;
    case WEIR_OUTSIDE_UNKNOWN:
        return WEIR_OUTSIDE_BAD;
    }
    if (result == WEIR_OUTSIDE_LINE &&
        (line_out->client.len == 0 || line_out->host.len == 0 ||
         line_out->host.len > WEIR_HOST_MAX || line_out->client.len > 128 ||
         line_out->bytes > INT64_MAX / 2 || line_out->requests > UINT32_MAX ||
         !weir_utf8_valid(line_out->client)))
        return WEIR_OUTSIDE_BAD;
    return result;
}
