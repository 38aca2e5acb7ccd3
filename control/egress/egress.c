/* SPDX-License-Identifier: Apache-2.0 */
/* Which way an origin takes. */
#include "control/egress/egress.h"

#include <string.h>
#include <sys/stat.h>

const struct weir_world_egress *
weir_egress_find(const struct weir_world *world, weir_span name)
{
    if (weir_span_equal(name, WEIR_SPAN("none")))
        return NULL;
    for (uint32_t i = 0; i < world->egress_count; i++) {
        const struct weir_world_egress *row = &world->egress_rows[i];
        if (name.len == 0 ? row->is_default : weir_span_equal(row->name, name))
            return row;
    }
    return NULL;
}

static bool
is_below(weir_span host, weir_span name)
{
    if (name.len > 1 && name.ptr[0] == '*')
        name = (weir_span){name.ptr + 1, name.len - 1};
    if (name.len > 1 && name.ptr[0] == '.')
        name = (weir_span){name.ptr + 1, name.len - 1};
    if (name.len == 0 || host.len < name.len)
        return false;
    const char *tail = host.ptr + host.len - name.len;
    return strncasecmp(tail, name.ptr, name.len) == 0 &&
           (host.len == name.len || tail[-1] == '.');
}

bool
weir_egress_is_excepted(const struct weir_world *world,
                        const struct weir_world_proxy *proxy, weir_span host)
{
    uint8_t address[16], end[16], first[16], last[16];
    bool is_literal = weir_network_parse(host, address, end) &&
                      memcmp(address, end, sizeof end) == 0;
    for (uint32_t i = 0; i < proxy->except.count; i++) {
        weir_span name = world->name_rows[proxy->except.first + i].text;
        bool is_network = weir_network_parse(name, first, last);
        if (is_network
                ? is_literal && memcmp(address, first, sizeof first) >= 0 &&
                      memcmp(address, last, sizeof last) <= 0
                : is_below(host, name))
            return true;
    }
    return false;
}

struct weir_egress_plan
weir_egress_plan_of(const struct weir_world *world,
                    const struct weir_world_origin *origin)
{
    const struct weir_world_egress *way =
        weir_egress_find(world, origin->egress.text);
    struct weir_egress_plan plan = {.tls = origin->tls};
    if (way == NULL)
        return plan;
    plan.way = way->name;
    if (plan.tls.ca.len == 0) {
        plan.tls.ca = way->tls.ca;
        plan.tls.adds_system = way->tls.adds_system;
    }
    if (plan.tls.certificate.len == 0) {
        plan.tls.certificate = way->tls.certificate;
        plan.tls.key = way->tls.key;
    }
    if (!plan.tls.has_least)
        plan.tls.is_13 = way->tls.is_13;
    if (way->proxy.host.len > 0 &&
        !weir_egress_is_excepted(world, &way->proxy, origin->host))
        plan.proxy = &way->proxy;
    return plan;
}

uint64_t
weir_egress_stamp(weir_span path)
{
    struct stat info;
    if (path.len == 0 || stat(path.ptr, &info) != 0)
        return 0;
    const uint64_t parts[] = {(uint64_t)info.st_ino, (uint64_t)info.st_size,
                              (uint64_t)info.st_mtim.tv_sec,
                              (uint64_t)info.st_mtim.tv_nsec};
    return weir_hash64((weir_span){(const char *)parts, sizeof parts}, 1);
}
