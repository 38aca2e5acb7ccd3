/* SPDX-License-Identifier: Apache-2.0 */
/* Who sells, and how the process runs. */
#include "check.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)

struct bound {
    const char *name;
    uint64_t value;
    uint64_t least;
    uint64_t most;
};

static void
check_bounds(struct weir__check *check)
{
    const struct weir_settings *s = &check->world->settings;
    const struct bound bounds[] = {
        {"workers", s->workers, 0, WEIR_LANES_MAX / 2},
        {"limits.body", s->body_bytes_max, KIB, 4 * GIB},
        {"limits.buffer", s->buffer_bytes_max, 4 * KIB, GIB},
        {"limits.reply", s->reply_bytes_max, KIB, 4 * GIB},
        {"limits.event", s->event_bytes_max, 4 * KIB, 256 * MIB},
        {"limits.header", s->header_bytes_max, KIB, MIB},
        {"limits.connections", s->connections_max, 16, 1000000},
        {"limits.idle", s->idle_ms, 1, 86400000},
        {"limits.stream", s->stream_ms_max, 1000, 604800000},
        {"limits.deadline", s->deadline_ms, 1, 86400000},
        {"limits.attempts", s->attempts_max, 1, WEIR_ATTEMPTS_MAX},
        {"limits.drain", s->drain_ms, 0, 3600000},
        {"limits.message", s->message_bytes_max, 4 * KIB, 256 * MIB},
        {"limits.session", s->session_ms_max, 1000, 86400000},
        {"limits.session_idle", s->session_idle_ms, 1000, 86400000},
        {"batches.look", s->batch_look_ms, 1000, 86400000},
        {"journal.segment", s->segment_bytes, MIB, 4 * GIB},
        {"journal.free", s->journal_bytes_free, 0, 1024 * GIB},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(bounds); i++) {
        const struct bound *b = &bounds[i];
        if (b->value < b->least || b->value > b->most)
            weir_faults_add(check->faults, check->world->seller_place,
                            "Sizes count bytes here, times milliseconds.",
                            "%s is %llu; it lies between %llu and %llu",
                            b->name, (unsigned long long)b->value,
                            (unsigned long long)b->least,
                            (unsigned long long)b->most);
    }
}

static void
check_listen(struct weir__check *check, const struct weir_world_listen *listen)
{
    if (listen->host.len == 0 || listen->port == 0 || listen->port > 65535)
        weir_faults_add(check->faults, listen->place,
                        "Write `address: 127.0.0.1:8080`.",
                        "an address without host or port");
    if ((listen->certificate.len == 0) != (listen->key.len == 0))
        weir_faults_add(check->faults, listen->place,
                        "Name both files: `tls: {certificate: .., key: ..}`.",
                        "a certificate without key, or a key without "
                        "certificate");
}

static bool
is_loopback(weir_span host)
{
    return weir_span_starts(host, WEIR_SPAN("127.")) ||
           weir_span_equal(host, WEIR_SPAN("::1")) ||
           weir_span_equal(host, WEIR_SPAN("localhost"));
}

static bool
is_same(const struct weir_world_listen *a, const struct weir_world_listen *b)
{
    return a->port == b->port && (weir_span_equal(a->host, b->host) ||
                                  weir_span_equal(a->host, WEIR_SPAN("*")) ||
                                  weir_span_equal(b->host, WEIR_SPAN("*")));
}

static void
check_addresses(struct weir__check *check)
{
    const struct weir_world *world = check->world;
    const struct weir_world_listen *admin = &world->settings.admin;
    if (world->listen_count == 0)
        weir_faults_add(check->faults, world->seller_place,
                        "Add `listen: [{address: 127.0.0.1:8080}]`.",
                        "no address to listen on");
    for (uint32_t i = 0; i < world->listen_count; i++) {
        const struct weir_world_listen *listen = &world->listen_rows[i];
        bool is_taken = admin->port != 0 && is_same(listen, admin);
        check_listen(check, listen);
        for (uint32_t j = 0; j < i; j++)
            is_taken = is_taken || is_same(listen, &world->listen_rows[j]);
        if (is_taken)
            weir_faults_add(check->faults, listen->place,
                            "Give each its own port.", "port %u is used twice",
                            listen->port);
    }
    if (admin->port == 0)
        return;
    check_listen(check, admin);
    if (!is_loopback(admin->host) && admin->certificate.len == 0)
        weir_faults_add(check->faults, admin->place,
                        "Keep it on 127.0.0.1, or give it a certificate.",
                        "the admin address is open to the network without "
                        "TLS: tokens would travel in clear");
}

void
weir__check_settings(struct weir__check *check)
{
    const struct weir_world *world = check->world;
    if (world->seller_title.len == 0)
        weir_faults_add(check->faults, world->seller_place,
                        "Add `seller: {title: .., appeal: ..}`.",
                        "the seller has no title");
    if (world->seller_appeal.len == 0)
        weir_faults_add(check->faults, world->seller_place,
                        "Add `appeal:` to `seller:`; refusals show it.",
                        "the seller has no contact for appeals");
    if (!weir_currency_known(world->currency))
        weir_faults_add(check->faults, world->seller_place,
                        "Use an ISO 4217 code of three capital letters.",
                        "\"%.*s\" is not a currency",
                        WEIR_SPAN_ARG(world->currency));
    if (world->settings.state_dir.len == 0)
        weir_faults_add(check->faults, world->seller_place,
                        "Add `state: <directory>`.",
                        "no directory for the state");
    if (world->settings.policy_dir.len == 0)
        weir_faults_add(check->faults, world->seller_place,
                        "Add `policies: <directory>`.",
                        "no directory of policies: nothing would be allowed");
    check_addresses(check);
    check_bounds(check);
}
