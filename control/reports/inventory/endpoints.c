/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which hosts are AI. Exact names are found by their hash, the few patterns
 * with a '*' one after the other; what was added last is asked first, so an
 * operator's row wins over a shipped one.
 */
#include "control/reports/inventory/outside.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS 65536 /* a power of two, far above WEIR_ENDPOINTS_MAX */

struct weir_endpoints {
    struct weir_arena arena;
    struct weir_endpoint *rows;
    uint32_t count;
    uint32_t *patterns; /* rows with '*' or a network, in their order */
    uint32_t pattern_count;
    uint32_t slots[SLOTS]; /* row + 1; 0: free */
};

static uint32_t *
slot_of(struct weir_endpoints *endpoints, weir_span host)
{
    size_t at = weir_hash64(host, 0) & (SLOTS - 1);
    while (
        endpoints->slots[at] != 0 &&
        !weir_span_equal(endpoints->rows[endpoints->slots[at] - 1].host, host))
        at = (at + 1) & (SLOTS - 1);
    return &endpoints->slots[at];
}

/* Small letters, without the dot at the end; false: no host. */
static bool
fold(weir_span host, char text_out[WEIR_HOST_MAX + 1], weir_span *folded_out)
{
    if (host.len > 0 && host.ptr[host.len - 1] == '.')
        host.len--;
    if (host.len == 0 || host.len > WEIR_HOST_MAX)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if ((unsigned char)c <= ' ' || (unsigned char)c == 127)
            return false;
        text_out[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    *folded_out = (weir_span){text_out, host.len};
    return true;
}

static weir_status
add(struct weir_endpoints *endpoints, weir_span host, weir_span provider,
    weir_span kind, struct weir_error *err)
{
    char text[WEIR_HOST_MAX + 1];
    weir_span folded;
    if (endpoints->count == WEIR_ENDPOINTS_MAX)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "the list passes %d endpoints", WEIR_ENDPOINTS_MAX);
    if (!fold(host, text, &folded) || provider.len == 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "an endpoint is host,provider,kind");
    struct weir_endpoint *row = &endpoints->rows[endpoints->count];
    *row = (struct weir_endpoint){
        .host = weir_arena_copy(&endpoints->arena, folded),
        .provider = weir_arena_copy(&endpoints->arena, provider),
        .kind = weir_arena_copy(&endpoints->arena,
                                kind.len == 0 ? WEIR_SPAN("api") : kind)};
    if (endpoints->arena.overflow)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    row->is_network = weir_network_parse(folded, row->first, row->last);
    endpoints->count++;
    const char *star = memchr(folded.ptr, '*', folded.len);
    if (star != NULL &&
        memchr(star + 1, '*', folded.len - (size_t)(star + 1 - folded.ptr)))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a host has one '*' at the most");
    if (star != NULL || row->is_network)
        endpoints->patterns[endpoints->pattern_count++] = endpoints->count - 1;
    else
        *slot_of(endpoints, row->host) = endpoints->count;
    return WEIR_OK;
}

weir_status
weir_endpoints_new(struct weir_endpoints **endpoints_out,
                   struct weir_error *err)
{
    static const struct {
        const char *host, *provider, *kind;
    } shipped[] = {
#define WEIR_ENDPOINT(host, provider, kind) {host, provider, kind},
#include "control/reports/inventory/endpoints.def"
#undef WEIR_ENDPOINT
    };
    struct weir_endpoints *endpoints = calloc(1, sizeof *endpoints);
    weir_status status = WEIR_OK;
    if (endpoints != NULL) {
        weir_arena_init_heap(&endpoints->arena, (size_t)64 << 20);
        endpoints->rows = calloc(WEIR_ENDPOINTS_MAX, sizeof *endpoints->rows);
        endpoints->patterns = calloc(WEIR_ENDPOINTS_MAX, sizeof(uint32_t));
    }
    if (endpoints == NULL || endpoints->rows == NULL ||
        endpoints->patterns == NULL) {
        weir_endpoints_free(endpoints);
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    }
    for (size_t i = 0; status == WEIR_OK && i < WEIR_COUNTOF(shipped); i++)
        status = add(endpoints, weir_span_of(shipped[i].host),
                     weir_span_of(shipped[i].provider),
                     weir_span_of(shipped[i].kind), err);
    if (status != WEIR_OK)
        weir_endpoints_free(endpoints);
    else
        *endpoints_out = endpoints;
    return status;
}

void
weir_endpoints_free(struct weir_endpoints *endpoints)
{
    if (endpoints == NULL)
        return;
    weir_arena_fini(&endpoints->arena);
    free(endpoints->rows);
    free(endpoints->patterns);
    free(endpoints);
}

size_t
weir_endpoints_count(const struct weir_endpoints *endpoints)
{
    return endpoints->count;
}

static weir_span
trim(weir_span text)
{
    while (text.len > 0 && (unsigned char)text.ptr[0] <= ' ') {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && (unsigned char)text.ptr[text.len - 1] <= ' ')
        text.len--;
    return text;
}

weir_status
weir_endpoints_add(struct weir_endpoints *endpoints, weir_span text,
                   struct weir_error *err)
{
    for (uint32_t line = 1; text.len > 0; line++) {
        const char *feed = memchr(text.ptr, '\n', text.len);
        size_t len = feed == NULL ? text.len : (size_t)(feed - text.ptr);
        weir_span fields[3] = {WEIR_SPAN(""), WEIR_SPAN(""), WEIR_SPAN("")};
        weir_span rest = trim((weir_span){text.ptr, len});
        bool is_row =
            rest.len > 0 && rest.ptr[0] != '#' &&
            !(line == 1 && weir_span_starts(rest, WEIR_SPAN("host,")));
        for (int i = 0; i < 3 && rest.len > 0; i++) {
            const char *comma = memchr(rest.ptr, ',', rest.len);
            size_t take =
                comma == NULL || i == 2 ? rest.len : (size_t)(comma - rest.ptr);
            fields[i] = trim((weir_span){rest.ptr, take});
            take += take < rest.len;
            rest = (weir_span){rest.ptr + take, rest.len - take};
        }
        struct weir_error own = {0};
        weir_status status =
            is_row ? add(endpoints, fields[0], fields[1], fields[2], &own)
                   : WEIR_OK;
        if (status != WEIR_OK)
            return weir_fail(err, status, WEIR_OFFSET_NONE, "line %u: %.150s",
                             line, own.text);
        len += feed != NULL;
        text = (weir_span){text.ptr + len, text.len - len};
    }
    return WEIR_OK;
}

static bool
fits(const struct weir_endpoint *row, weir_span host, const uint8_t *address)
{
    if (row->is_network)
        return address != NULL && memcmp(address, row->first, 16) >= 0 &&
               memcmp(address, row->last, 16) <= 0;
    const char *star = memchr(row->host.ptr, '*', row->host.len);
    weir_span before = {row->host.ptr, (size_t)(star - row->host.ptr)};
    weir_span behind = {star + 1, row->host.len - before.len - 1};
    return host.len > before.len + behind.len &&
           weir_span_starts(host, before) && weir_span_ends(host, behind);
}

const struct weir_endpoint *
weir_endpoints_find(const struct weir_endpoints *endpoints, weir_span host)
{
    char text[WEIR_HOST_MAX + 1];
    uint8_t first[16], last[16];
    weir_span folded;
    if (!fold(host, text, &folded))
        return NULL;
    uint32_t found =
        *slot_of((struct weir_endpoints *)(uintptr_t)endpoints, folded);
    bool is_address =
        weir_network_parse(folded, first, last) && memcmp(first, last, 16) == 0;
    for (uint32_t i = endpoints->pattern_count; i > 0; i--) {
        uint32_t row = endpoints->patterns[i - 1];
        if (row + 1 < found)
            break; /* the exact one was said later */
        if (fits(&endpoints->rows[row], folded, is_address ? first : NULL))
            return &endpoints->rows[row];
    }
    return found == 0 ? NULL : &endpoints->rows[found - 1];
}
