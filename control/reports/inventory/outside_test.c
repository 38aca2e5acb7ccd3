/* SPDX-License-Identifier: Apache-2.0 */
#include "control/reports/inventory/outside.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

#define NOW (INT64_C(1795000000) * WEIR_US_PER_SEC) /* 2026-11-18 */

static enum weir_outside_result
read_as(const char *format, const char *line, struct weir_outside_line *out)
{
    struct weir_outside_reader reader = {.now = NOW};
    if (format != NULL)
        assert_true(
            weir_outside_format_parse(weir_span_of(format), &reader.format));
    return weir_outside_read(&reader, weir_span_of(line), out);
}

TEST(outside, lines_of_every_format_are_read)
{
    static const struct {
        const char *format, *line, *client, *host, *when;
        uint64_t bytes;
    } cases[] = {
        {"squid",
         "1794996000.123    145 10.0.0.7 TCP_TUNNEL/200 4520 CONNECT "
         "API.aurora.example:443 - HIER_DIRECT/192.0.2.1 -",
         "10.0.0.7", "API.aurora.example", "2026-11-18T10:00:00", 4520},
        {"squid",
         "1794996000.9 1 2001:db8::7 TCP_MISS/200 9 GET "
         "http://u:p@aurora.example:8080/a?b=http://c.example - "
         "HIER_DIRECT/192.0.2.1 text/html",
         "2001:db8::7", "aurora.example", "2026-11-18T10:00:00", 9},
        {"squid",
         "10.0.0.7 - ann [18/Nov/2026:11:00:00 +0100] \"CONNECT "
         "aurora.example:443 HTTP/1.1\" 200 17 TCP_TUNNEL:HIER_DIRECT",
         "10.0.0.7", "aurora.example", "2026-11-18T10:00:00", 17},
        {"bind",
         "18-Nov-2026 10:00:00.123 queries: info: client @0x7f0c10 "
         "10.0.0.7#53413 (aurora.example): query: aurora.example IN A "
         "+E(0)K (10.0.0.1)",
         "10.0.0.7", "aurora.example", "2026-11-18T10:00:00", 0},
        {"bind",
         "2026-11-18T10:00:00.123Z client 10.0.0.7#53 (aurora.example): "
         "query: aurora.example IN AAAA + (10.0.0.1)",
         "10.0.0.7", "aurora.example", "2026-11-18T10:00:00", 0},
        {"dnsmasq",
         "Nov 18 10:00:00 dnsmasq[123]: query[A] aurora.example from 10.0.0.7",
         "10.0.0.7", "aurora.example", "2026-11-18T10:00:00", 0},
        /* not to come: of the year before */
        {"dnsmasq",
         "Dec  1 10:00:00 dnsmasq[123]: query[A] aurora.example from 10.0.0.7",
         "10.0.0.7", "aurora.example", "2025-12-01T10:00:00", 0},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        for (int told = 0; told < 2; told++) {
            struct weir_outside_line line;
            char when[WEIR_TIME_TEXT];
            assert_int_equal(
                read_as(told ? cases[i].format : NULL, cases[i].line, &line),
                WEIR_OUTSIDE_LINE);
            weir_time_format(line.when, when);
            assert_true(
                weir_span_equal(line.client, weir_span_of(cases[i].client)));
            assert_true(
                weir_span_equal(line.host, weir_span_of(cases[i].host)));
            assert_memory_equal(when, cases[i].when, 19);
            assert_int_equal(line.bytes, cases[i].bytes);
            assert_int_equal(line.requests, 1);
        }
    }
}

TEST(outside, answers_and_noise_are_no_use)
{
    struct weir_outside_line line;
    assert_int_equal(read_as("dnsmasq",
                             "Nov 18 10:00:00 dnsmasq[1]: reply aurora.example "
                             "is 192.0.2.1",
                             &line),
                     WEIR_OUTSIDE_OTHER);
    assert_int_equal(
        read_as("bind", "18-Nov-2026 10:00:00.1 general: info: running", &line),
        WEIR_OUTSIDE_OTHER);
    assert_int_equal(read_as("squid", "nonsense", &line), WEIR_OUTSIDE_BAD);
    assert_int_equal(read_as("squid", "", &line), WEIR_OUTSIDE_OTHER);
    assert_int_equal(read_as(NULL, "nonsense", &line), WEIR_OUTSIDE_BAD);
}

TEST(outside, csv_is_read_by_its_head)
{
    struct weir_outside_reader reader = {.now = NOW};
    struct weir_outside_line line;
    assert_int_equal(weir_outside_read(&reader,
                                       WEIR_SPAN("Bytes;Domain;SRC;timestamp"),
                                       &line),
                     WEIR_OUTSIDE_OTHER);
    assert_int_equal(
        weir_outside_read(
            &reader,
            WEIR_SPAN(
                "12;\"aurora.example\";10.0.0.7;2026-11-18T10:00:00Z\r\n"),
            &line),
        WEIR_OUTSIDE_LINE);
    assert_span(line.host, "aurora.example");
    assert_span(line.client, "10.0.0.7");
    assert_int_equal(line.bytes, 12);
    assert_int_equal(weir_outside_read(&reader,
                                       WEIR_SPAN("x;aurora.example;10.0.0.7;1"),
                                       &line),
                     WEIR_OUTSIDE_BAD);
}

TEST(outside, endpoints_are_found_and_operators_win)
{
    struct weir_endpoints *list;
    struct weir_error err = {0};
    assert_ok(weir_endpoints_new(&list, &err));
    assert_true(weir_endpoints_count(list) > 100);
    assert_non_null(weir_endpoints_find(list, WEIR_SPAN("API.OpenAI.com.")));
    assert_non_null(weir_endpoints_find(
        list, WEIR_SPAN("bedrock-runtime.eu-west-1.amazonaws.com")));
    assert_null(weir_endpoints_find(list, WEIR_SPAN("openai.azure.com")));
    assert_null(weir_endpoints_find(list, WEIR_SPAN("api.openai.com.example")));
    assert_ok(weir_endpoints_add(list,
                                 WEIR_SPAN("host,provider,kind\n# ours\n"
                                           "*.aurora.example, aurora ,api\n"
                                           "new.aurora.example,dawn,app\n"
                                           "*.openai.com,mine,api\n"
                                           "192.0.2.0/24,net,api\n"),
                                 &err));
    static const struct {
        const char *host, *provider;
    } cases[] = {{"x.aurora.example", "aurora"},
                 {"new.aurora.example", "dawn"},
                 {"api.openai.com", "mine"},
                 {"192.0.2.77", "net"}};
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        const struct weir_endpoint *row =
            weir_endpoints_find(list, weir_span_of(cases[i].host));
        assert_non_null(row);
        assert_true(
            weir_span_equal(row->provider, weir_span_of(cases[i].provider)));
    }
    assert_null(weir_endpoints_find(list, WEIR_SPAN("192.0.3.1")));
    assert_int_equal(weir_endpoints_add(list, WEIR_SPAN("a.example\n"), &err),
                     WEIR_EPARSE);
    assert_int_equal(weir_endpoints_add(list, WEIR_SPAN("*a*,x\n"), &err),
                     WEIR_EPARSE);
    weir_endpoints_free(list);
}

TEST(outside, lines_are_counted_by_day_client_and_host)
{
    struct weir_outside_import import = {.reader = {.now = NOW}};
    struct weir_endpoints *list;
    struct weir_error err = {0};
    char line[300];
    assert_ok(weir_endpoints_new(&list, &err));
    assert_ok(
        weir_endpoints_add(list, WEIR_SPAN("aurora.example,aurora"), &err));
    assert_ok(weir__report_rows_init(&import.rows, &err));
    import.endpoints = list;
    import.own_count = 1;
    assert_true(weir_network_parse(WEIR_SPAN("10.9.0.0/16"),
                                   import.own[0].first, import.own[0].last));
    for (int i = 0; i < 100; i++) {
        snprintf(line, sizeof line,
                 "%d.5 1 10.%d.0.%d TCP_TUNNEL/200 10 CONNECT %s:443 - - -\n",
                 1794996000 + i * 3600, i % 10 == 9 ? 9 : 0, i % 2,
                 i % 5 == 4 ? "other.example" : "aurora.example");
        weir_outside_take(&import, weir_span_of(line));
    }
    assert_int_equal(import.lines, 100);
    assert_int_equal(import.bad, 0);
    assert_int_equal(import.matched, 80);
    int64_t requests = 0, bytes = 0;
    json_t *row;
    size_t index;
    json_array_foreach(import.rows.list, index, row)
    {
        requests += json_integer_value(json_object_get(row, "requests"));
        bytes += json_integer_value(json_object_get(row, "bytes"));
    }
    assert_int_equal(requests, 80);
    assert_int_equal(bytes, 800);
    assert_true(json_array_size(import.rows.list) <= 12);
    weir__report_rows_fini(&import.rows);
    weir_endpoints_free(list);
}
