/* SPDX-License-Identifier: Apache-2.0 */
/* Where traces and events go: `telemetry:` of the main file. */
#include "read.h"

#include <string.h>

#define ROTATE_DEFAULT (UINT64_C(64) << 20)
#define ROTATE_LEAST   (UINT64_C(64) << 10)
#define KEEP_DEFAULT   8
#define KEEP_MOST      1000
#define EVERY_PPM      1000000
#define OF_DEFAULT     (WEIR_EXPORT_REFUSALS | WEIR_EXPORT_ACTS | WEIR_EXPORT_CASES)

static void
read_of(struct reader *r, const struct yaml_node *node, void *member)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } words[] = {{"calls", WEIR_EXPORT_CALLS},
                 {"refusals", WEIR_EXPORT_REFUSALS},
                 {"acts", WEIR_EXPORT_ACTS},
                 {"cases", WEIR_EXPORT_CASES}};
    uint32_t bits = 0;
    if (!is_list(r, node, "of"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        uint32_t bit = 0;
        for (size_t i = 0; i < WEIR_COUNTOF(words); i++)
            if (n->kind == YAML_TEXT &&
                weir_span_equal(n->text, weir_span_of(words[i].name)))
                bit = words[i].bit;
        if (bit == 0)
            read_fault(r, n, "There are calls, refusals, acts and cases.",
                       "not a kind of event");
        bits |= bit;
    }
    *(uint32_t *)member = bits;
}

static weir_span
rest_of(weir_span text, size_t count)
{
    return (weir_span){text.ptr + count, text.len - count};
}

static bool
starts_with(weir_span text, const char *start)
{
    size_t len = strlen(start);
    return text.len > len && memcmp(text.ptr, start, len) == 0;
}

static bool
is_loopback(weir_span host)
{
    return starts_with(host, "127.") || starts_with(host, "localhost") ||
           starts_with(host, "[::1]");
}

/* A secret does not go over a wire in clear. */
static void
check_url(struct reader *r, const struct yaml_node *node,
          const struct weir_world_exporter *row)
{
    bool is_plain = starts_with(row->target, "http://");
    weir_span host = rest_of(row->target, is_plain ? 7 : 0);
    if (!is_plain && !starts_with(row->target, "https://"))
        read_fault(r, node, "Write https://collector.example/v1/traces.",
                   "not an address of http or https");
    else if (is_plain && row->secret.kind != WEIR_CREDENTIAL_NONE &&
             !is_loopback(host))
        read_fault(r, node, "Write https://.",
                   "a secret would be sent, or sign, over plain http");
}

static void
read_target(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_exporter *row = member;
    row->kind =
        row->kind == WEIR_EXPORTER_NONE ? WEIR_EXPORTER_WEBHOOK : row->kind;
    (void)read_text_value(r, node, &row->target);
}

static void
read_file(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_exporter *row = member;
    row->kind = WEIR_EXPORTER_FILE;
    read_path(r, node, &row->target);
}

/* udp://host:port, tcp://host:port, tls://host:port, unix:/path */
static void
read_syslog(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_exporter *row = member;
    struct yaml_node rest = *node;
    row->kind = WEIR_EXPORTER_SYSLOG;
    if (!read_text_value(r, node, &row->target))
        return;
    if (starts_with(row->target, "unix:/"))
        return;
    if (!starts_with(row->target, "udp://") &&
        !starts_with(row->target, "tcp://") &&
        !starts_with(row->target, "tls://")) {
        read_fault(r, node, "Write tls://host:6514, or unix:/dev/log.",
                   "not a place for syslog");
        return;
    }
    rest.text = rest_of(node->text, 6);
    (void)read_address(r, &rest, &row->host, &row->port);
}

static void
check_kind(struct reader *r, const struct yaml_node *node,
           const struct weir_world_exporter *row)
{
    uint32_t count = 0;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next)
        count += weir_span_equal(n->key, WEIR_SPAN("file")) ||
                 weir_span_equal(n->key, WEIR_SPAN("syslog")) ||
                 weir_span_equal(n->key, WEIR_SPAN("webhook"));
    if (count != 1)
        read_fault(r, node, "Give one of file, syslog and webhook.",
                   "events need one place to go to");
    else if (row->kind == WEIR_EXPORTER_WEBHOOK &&
             row->secret.kind == WEIR_CREDENTIAL_NONE)
        read_fault(r, node,
                   "Write secret: {file: ..}; what is in it begins with "
                   "whsec_.",
                   "a webhook without a secret to sign with");
    if (row->kind == WEIR_EXPORTER_WEBHOOK)
        check_url(r, node, row);
    if (row->rotate_bytes < ROTATE_LEAST || row->keep > KEEP_MOST)
        read_fault(r, node, "Write rotate: 64 MiB and keep: 8.",
                   "files of less than 64 KiB, or more than 1,000 of them");
}

static bool
is_taken(const struct weir_world *world, weir_span name)
{
    for (uint32_t i = 0; i + 1 < world->exporter_count; i++)
        if (weir_span_equal(world->exporter_rows[i].name, name))
            return true;
    return false;
}

static void
read_events(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_exporter row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        {"file", read_file, 0},
        {"syslog", read_syslog, 0},
        {"webhook", read_target, 0},
        FIELD("of", read_of, row, of),
        FIELD("rotate", read_bytes, row, rotate_bytes),
        FIELD("keep", read_u32, row, keep),
        FIELD("ca", read_path, row, ca),
        FIELD("secret", read_reference, row, secret),
    };
    if (!is_list(r, node, "events"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        row *exporter = r->world->exporter_count < WEIR_EXPORTERS_MAX
                            ? weir_world_add_exporter(r->world)
                            : NULL;
        if (exporter == NULL) {
            read_fault(r, n, "Eight exporters are enough.",
                       "one exporter too many");
            return;
        }
        exporter->of = OF_DEFAULT;
        exporter->rotate_bytes = ROTATE_DEFAULT;
        exporter->keep = KEEP_DEFAULT;
        read_row(r, n, "an exporter", fields, WEIR_COUNTOF(fields), exporter);
        if (exporter->name.len == 0 || exporter->name.len > 47 ||
            weir_span_equal(exporter->name, WEIR_SPAN("traces")) ||
            is_taken(r->world, exporter->name))
            read_fault(r, n, "Give a name of its own, and not traces.",
                       "an exporter without a usable name");
        check_kind(r, n, exporter);
    }
}

static void
read_traces(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_exporter row;
    static const struct field fields[] = {
        {"url", read_target, 0},
        FIELD("header", read_text, row, header),
        FIELD("credential", read_reference, row, secret),
        FIELD("ca", read_path, row, ca),
        FIELD("share", read_ppm, row, share_ppm),
    };
    row *exporter = weir_world_add_exporter(r->world);
    if (exporter == NULL)
        return;
    exporter->kind = WEIR_EXPORTER_TRACES;
    exporter->name = WEIR_SPAN("traces");
    exporter->header = WEIR_SPAN("authorization");
    exporter->share_ppm = EVERY_PPM;
    exporter->of = WEIR_EXPORT_CALLS | WEIR_EXPORT_REFUSALS;
    read_row(r, node, "traces", fields, WEIR_COUNTOF(fields), exporter);
    exporter->kind = WEIR_EXPORTER_TRACES;
    if (exporter->share_ppm > EVERY_PPM)
        read_fault(r, node, "Write at most 100%.",
                   "more traces than there are");
    check_url(r, node, exporter);
}

void
read_telemetry(struct reader *r, const struct yaml_node *node, void *member)
{
    static const struct field fields[] = {
        FIELD("instance", read_text, struct weir_settings, telemetry_instance),
        {"traces", read_traces, 0},
        {"events", read_events, 0},
        FIELD("egress", read_name, struct weir_settings, egress.telemetry),
    };
    read_fields(r, node, "telemetry", fields, WEIR_COUNTOF(fields),
                &r->world->settings);
}
