/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses requests may name: the rule of each tenant. */
#include "compile.h"

#include <string.h>

static const char *const modes[WEIR_URLS_MODES] = {
    [WEIR_URLS_ANY] = "allow",
    [WEIR_URLS_NONE] = "data_only",
    [WEIR_URLS_HOSTS] = "hosts",
};

const char *
weir_urls_name(uint32_t mode)
{
    return mode < WEIR_URLS_MODES ? modes[mode] : "unknown";
}

bool
weir_urls_is_host(weir_span host)
{
    if (host.len == 0 || host.len > 253 || host.ptr[0] == '.' ||
        host.ptr[host.len - 1] == '.')
        return false;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' &&
            c != '_' && c != '.')
            return false;
    }
    return true;
}

/* Itself, or a name below it. */
static bool
is_below(weir_span host, weir_span top)
{
    if (top.len == 0 || host.len < top.len)
        return false;
    weir_span end = {host.ptr + host.len - top.len, top.len};
    return weir_span_equal_nocase(end, top) &&
           (host.len == top.len || end.ptr[-1] == '.');
}

bool
weir_urls_allow(const struct weir_urls *addresses, weir_span host)
{
    if (addresses == NULL || addresses->mode == WEIR_URLS_ANY)
        return true;
    if (addresses->mode != WEIR_URLS_HOSTS)
        return false;
    weir_span rest = addresses->hosts;
    while (rest.len > 0) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end == NULL ? rest.len : (size_t)(end - rest.ptr);
        if (is_below(host, (weir_span){rest.ptr, len}))
            return true;
        if (end == NULL)
            return false;
        rest = (weir_span){end + 1, rest.len - len - 1};
    }
    return false;
}

struct weir_urls
weir_image_urls_of(const struct weir_image *image, uint32_t tenant)
{
    const struct weir_image_urls *row = &image->url_rules[tenant];
    return (struct weir_urls){row->mode, weir_image_text(image, row->hosts)};
}

/* A tenant's own rule counts in place of that of all. */
void
weir__compile_urls(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    const struct weir_world_urls *all = &world->settings.urls;
    struct weir_image_urls *rows = WEIR__COMPILE_ROWS(
        c, URLS, struct weir_image_urls, world->tenant_count);
    weir_ref hosts = weir__compile_text(c, all->rule.hosts);
    for (uint32_t i = 0; i < world->tenant_count && rows != NULL; i++) {
        const struct weir_world_urls *own = &world->tenant_rows[i].urls;
        rows[i] = (struct weir_image_urls){
            .hosts =
                own->is_said ? weir__compile_text(c, own->rule.hosts) : hosts,
            .mode = own->is_said ? own->rule.mode : all->rule.mode};
    }
}
