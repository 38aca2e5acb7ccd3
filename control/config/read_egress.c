/* SPDX-License-Identifier: Apache-2.0 */
/* Ways out of the house: `egress:`, and the `tls:` of an origin. */
#include "read.h"

#include <string.h>

#include <weir/world_egress.h>

static void
read_minimum(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_tls *tls = member;
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    tls->has_least = true;
    tls->is_13 = weir_span_equal(text, WEIR_SPAN("1.3"));
    if (!tls->is_13 && !weir_span_equal(text, WEIR_SPAN("1.2")))
        read_fault(r, node, "Write \"1.2\" or \"1.3\".",
                   "not a version of TLS that is spoken");
}

static void
check_pair(struct reader *r, const struct yaml_node *node,
           const struct weir_world_tls *tls)
{
    if ((tls->certificate.len > 0) != (tls->key.len > 0))
        read_fault(r, node, "Give `certificate` and `key`.",
                   "half of a client's certificate");
    if (tls->adds_system && tls->ca.len == 0)
        read_fault(r, node, "Leave `system` out, or add `ca`.",
                   "the system's anchors count without a `ca` anyway");
}

void
read_tls_out(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_tls row;
    static const struct field fields[] = {
        FIELD("ca", read_path, row, ca),
        FIELD("system", read_bool, row, adds_system),
        FIELD("certificate", read_path, row, certificate),
        FIELD("key", read_path, row, key),
        FIELD("name", read_text, row, name),
        {"minimum", read_minimum, 0},
    };
    read_fields(r, node, "tls", fields, WEIR_COUNTOF(fields), member);
    check_pair(r, node, member);
}

/* Of a way out: a name is one origin's. */
static void
read_tls_way(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_tls *tls = member;
    read_tls_out(r, node, member);
    if (tls->name.len > 0)
        read_fault(r, node, "Write it into the `tls` of the origin.",
                   "a server's name is one origin's");
}

static void
read_proxy_url(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_proxy *proxy = member;
    weir_span url;
    if (!read_text_value(r, node, &url))
        return;
    bool is_tls = weir_span_starts(url, WEIR_SPAN("https://"));
    bool is_plain = weir_span_starts(url, WEIR_SPAN("http://"));
    size_t skip = is_tls ? 8 : is_plain ? 7 : url.len;
    weir_span rest = {url.ptr + skip, url.len - skip};
    if (rest.len > 0 && memchr(rest.ptr, '@', rest.len) != NULL) {
        read_fault(r, node,
                   "Write credential: {file: path}; what is in it is "
                   "user:password.",
                   "a secret does not belong into a configuration");
        return;
    }
    if (rest.len > 0 && rest.ptr[rest.len - 1] == '/')
        rest.len--;
    if (!read_authority(rest, &proxy->host, &proxy->port) || proxy->port == 0) {
        proxy->host.len = 0;
        read_fault(r, node, "Write http://host:port or https://host:port.",
                   "not the url of a proxy");
        return;
    }
    proxy->host = weir_arena_copy(&r->world->arena, proxy->host);
    proxy->is_tls = is_tls;
}

static void
read_proxy(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_proxy row;
    static const struct field fields[] = {
        {"url", read_proxy_url, 0},
        FIELD("ca", read_path, row, ca),
        FIELD("credential", read_reference, row, credential),
        FIELD("except", read_names, row, except),
    };
    row *proxy = member;
    uint32_t faults = r->faults->total;
    if (node->kind == YAML_TEXT) {
        read_proxy_url(r, node, member);
        return;
    }
    read_fields(r, node, "a proxy", fields, WEIR_COUNTOF(fields), member);
    if (faults == r->faults->total && proxy->host.len == 0)
        read_fault(r, node, "Write url: http://host:port.",
                   "a proxy without an address");
    if (proxy->ca.len > 0 && !proxy->is_tls && proxy->host.len > 0)
        read_fault(r, node, "Write https://, or leave `ca` out.",
                   "a proxy that is spoken to in clear shows no certificate");
}

void
read_egress(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_egress row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("default", read_bool, row, is_default),
        FIELD("tls", read_tls_way, row, tls),
        FIELD("proxy", read_proxy, row, proxy),
    };
    if (!is_list(r, node, "egress"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        row *egress = weir_world_add_egress(r->world);
        read_row(r, n, "a way out", fields, WEIR_COUNTOF(fields), egress);
    }
}
