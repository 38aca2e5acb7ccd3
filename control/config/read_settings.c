/* SPDX-License-Identifier: Apache-2.0 */
/* How the process runs; in the main file only. */
#include "read.h"

static void
read_tls(struct reader *r, const struct yaml_node *node, void *member)
{
    static const struct field fields[] = {
        FIELD("certificate", read_path, struct weir_world_listen, certificate),
        FIELD("key", read_path, struct weir_world_listen, key),
    };
    read_fields(r, node, "tls", fields, WEIR_COUNTOF(fields), member);
}

static void
read_host_port(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_listen *listen = member;
    (void)read_address(r, node, &listen->host, &listen->port);
}

static const struct field listen_fields[] = {
    {"address", read_host_port, 0},
    {"tls", read_tls, 0},
    FIELD("http2", read_bool, struct weir_world_listen, has_http2),
};

void
read_listens(struct reader *r, const struct yaml_node *node, void *member)
{
    if (!is_list(r, node, "listen"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        struct weir_world_listen *listen = weir_world_add_listen(r->world);
        if (listen == NULL)
            return;
        listen->has_http2 = true;
        read_row(r, n, "an address", listen_fields, WEIR_COUNTOF(listen_fields),
                 listen);
    }
}

void
read_admin(struct reader *r, const struct yaml_node *node, void *member)
{
    read_row(r, node, "admin", listen_fields, WEIR_COUNTOF(listen_fields),
             &r->world->settings.admin);
}

void
read_limits(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_settings row;
    static const struct field fields[] = {
        FIELD("body", read_bytes, row, body_bytes_max),
        FIELD("buffer", read_bytes, row, buffer_bytes_max),
        FIELD("reply", read_bytes, row, reply_bytes_max),
        FIELD("event", read_bytes, row, event_bytes_max),
        FIELD("import", read_bytes, row, import_bytes_max),
        FIELD("header", read_bytes32, row, header_bytes_max),
        FIELD("connections", read_u32, row, connections_max),
        FIELD("idle", read_ms, row, idle_ms),
        FIELD("stream", read_ms, row, stream_ms_max),
        FIELD("deadline", read_ms, row, deadline_ms),
        FIELD("attempts", read_u32, row, attempts_max),
        FIELD("drain", read_ms, row, drain_ms),
        FIELD("memory", read_bytes, row, memory_bytes_max),
        FIELD("message", read_bytes, row, message_bytes_max),
        FIELD("session", read_ms, row, session_ms_max),
        FIELD("session_idle", read_ms, row, session_idle_ms),
    };
    read_fields(r, node, "limits", fields, WEIR_COUNTOF(fields),
                &r->world->settings);
}

void
read_journal(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_settings row;
    static const struct field fields[] = {
        FIELD("directory", read_path, row, journal_dir),
        FIELD("segment", read_bytes, row, segment_bytes),
        FIELD("free", read_bytes, row, journal_bytes_free),
        FIELD("writer", read_path, row, writer_path),
    };
    read_fields(r, node, "journal", fields, WEIR_COUNTOF(fields),
                &r->world->settings);
}

void
read_nginx(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_settings row;
    static const struct field fields[] = {
        FIELD("program", read_path, row, nginx_path),
        FIELD("module", read_path, row, module_path),
    };
    read_fields(r, node, "nginx", fields, WEIR_COUNTOF(fields),
                &r->world->settings);
}

void
read_geo(struct reader *r, const struct yaml_node *node, void *member)
{
    static const struct field fields[] = {
        FIELD("mmdb", read_path, struct weir_settings, mmdb_path),
        FIELD("asn_mmdb", read_path, struct weir_settings, asn_mmdb_path),
    };
    read_fields(r, node, "geo", fields, WEIR_COUNTOF(fields),
                &r->world->settings);
}

static void
read_level(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    if (weir_span_equal(text, WEIR_SPAN("error")) ||
        weir_span_equal(text, WEIR_SPAN("warn")) ||
        weir_span_equal(text, WEIR_SPAN("info")))
        *(weir_span *)member = text;
    else
        read_fault(r, node, "Write error, warn or info.", "not a level");
}

void
read_log(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_settings row;
    static const struct field fields[] = {
        FIELD("level", read_level, row, log_level),
        FIELD("file", read_path, row, log_path),
    };
    read_fields(r, node, "log", fields, WEIR_COUNTOF(fields),
                &r->world->settings);
}

void
read_withdrawal(struct reader *r, const struct yaml_node *node, void *member)
{
    static const struct field fields[] = {
        FIELD("cut_streams", read_bool, struct weir_settings,
              cuts_withdrawn_streams),
    };
    read_fields(r, node, "withdrawal", fields, WEIR_COUNTOF(fields),
                &r->world->settings);
}

void
read_translation(struct reader *r, const struct yaml_node *node, void *member)
{
    static const struct field fields[] = {
        FIELD("drop", read_text, struct weir_settings, translation_drop),
    };
    read_fields(r, node, "translation", fields, WEIR_COUNTOF(fields),
                &r->world->settings);
}

void
read_files(struct reader *r, const struct yaml_node *node, void *member)
{
    static const struct field fields[] = {
        FIELD("model", read_name, struct weir_settings, files_model),
    };
    read_fields(r, node, "files", fields, WEIR_COUNTOF(fields),
                &r->world->settings);
}

void
read_batches(struct reader *r, const struct yaml_node *node, void *member)
{
    static const struct field fields[] = {
        FIELD("look", read_ms, struct weir_settings, batch_look_ms),
    };
    read_fields(r, node, "batches", fields, WEIR_COUNTOF(fields),
                &r->world->settings);
}

static void
read_ahead(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_settings *settings = member;
    if (!is_list(r, node, "ahead"))
        return;
    settings->notice_ahead_count = 0;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        weir_time ahead = 0;
        uint32_t at = settings->notice_ahead_count;
        if (at == WEIR_NOTICE_AHEAD_MAX) {
            read_fault(r, n, "Eight times are enough to tell somebody.",
                       "one time too many");
            return;
        }
        read_us(r, n, &ahead);
        while (at > 0 && settings->notice_ahead[at - 1] < ahead) {
            settings->notice_ahead[at] = settings->notice_ahead[at - 1];
            at--;
        }
        settings->notice_ahead[at] = ahead;
        settings->notice_ahead_count++;
    }
}

void
read_notices(struct reader *r, const struct yaml_node *node, void *member)
{
    static const struct field fields[] = {
        {"ahead", read_ahead, 0},
        FIELD("egress", read_name, struct weir_settings, egress.notices),
    };
    read_fields(r, node, "notices", fields, WEIR_COUNTOF(fields),
                &r->world->settings);
}

void
read_seller(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world row;
    static const struct field fields[] = {
        FIELD("title", read_text, row, seller_title),
        FIELD("appeal", read_text, row, seller_appeal),
        FIELD("currency", read_text, row, currency),
        FIELD("stale_after", read_us, row, stale_after_us),
    };
    r->world->seller_place = node->place;
    read_fields(r, node, "seller", fields, WEIR_COUNTOF(fields), r->world);
}
