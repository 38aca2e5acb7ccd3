/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pins of deployments, networks of machines, trusted proxies.
 *
 * Two kinds of file are read here, because what they hold becomes data of
 * the image: certificates of authorities (of which only the digest of the
 * key is kept) and the operator's list of networks. A file that cannot be
 * read is a fault at the line that names it.
 */
#include "read.h"

#include "control/files.h"
#include "systems.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <weir/crypto.h>

/* Of a list of networks: two million lines. */
#define NETWORKS_BYTES_MAX ((size_t)64 << 20)
#define PEM_BYTES_MAX      ((size_t)4 << 20)

/* ---------------------------------------------------------------- files */

/* The file behind {file: path}, malloc'ed; NULL after a fault. */
static char *
read_whole(struct reader *r, const struct yaml_node *node, size_t bytes_max,
           size_t *len_out)
{
    struct weir_error err;
    weir_span path;
    char *bytes = NULL;
    const struct yaml_node *name = yaml_get(node, "file");
    if (name == NULL || node->count != 1) {
        read_fault(r, node, "Write {file: path}.", "neither text nor a file");
        return NULL;
    }
    if (!read_text_value(r, name, &path))
        return NULL;
    path = weir_arena_copy(&r->world->arena, read_join(r, path));
    if (path.ptr == NULL)
        return NULL;
    if (weir_read_file(path.ptr, &bytes, len_out, &err) != WEIR_OK) {
        weir_faults_add(r->faults, name->place,
                        "Check the path and who may read it.", "%s", err.text);
        return NULL;
    }
    if (*len_out <= bytes_max)
        return bytes;
    free(bytes);
    read_fault(r, name, "Split it.", "too large");
    return NULL;
}

/* ------------------------------------------------------------- networks */

static bool
add_network(struct reader *r, weir_span text, struct weir_place place,
            struct weir_world_range *range)
{
    uint8_t first[16], last[16];
    if (!weir_network_parse(text, first, last))
        return false;
    struct weir_world_network *row = weir_world_add_network(r->world);
    if (row == NULL)
        return true; /* said once, at the end */
    row->place = place;
    memcpy(row->first, first, sizeof first);
    memcpy(row->last, last, sizeof last);
    range->count++;
    return true;
}

/* "AS64500": its networks are looked up when everything is read. */
static bool
add_system(struct reader *r, weir_span text, struct weir_place place)
{
    uint32_t number;
    if (!config_is_system(text, &number))
        return false;
    struct weir_world_system *row = weir_world_add_system(r->world);
    if (row != NULL)
        *row = (struct weir_world_system){place, number};
    return true;
}

/* The first word of each line; `#` begins a comment. */
static void
read_network_file(struct reader *r, const struct yaml_node *node,
                  bool takes_systems, struct weir_world_range *range)
{
    size_t len = 0;
    uint32_t line = 0;
    char *bytes = read_whole(r, node, NETWORKS_BYTES_MAX, &len);
    if (bytes == NULL)
        return;
    for (const char *at = bytes, *end = bytes + len; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const char *next = stop == NULL ? end : stop + 1;
        line++;
        while (at < next && (*at == ' ' || *at == '\t'))
            at++;
        size_t word = 0;
        while (at + word < next && strchr(" \t\r\n,;#", at[word]) == NULL)
            word++;
        weir_span text = {at, word};
        if (word > 0 && !(takes_systems && add_system(r, text, node->place)) &&
            !add_network(r, text, node->place, range))
            weir_faults_add(r->faults, node->place,
                            "Write one network on each line: 192.0.2.0/24.",
                            "line %u of the file is not a network", line);
        at = next;
    }
    free(bytes);
}

static void
read_network_list(struct reader *r, const struct yaml_node *node,
                  bool takes_systems, struct weir_world_range *range)
{
    range->first = r->world->network_count;
    range->count = 0;
    if (!is_list(r, node, "networks"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        weir_span text;
        if (n->kind == YAML_MAPPING)
            read_network_file(r, n, takes_systems, range);
        else if (read_text_value(r, n, &text) &&
                 !(takes_systems && add_system(r, text, n->place)) &&
                 !add_network(r, text, n->place, range))
            read_fault(r, n,
                       takes_systems
                           ? "Write 192.0.2.0/24, 2001:db8::/32 or AS64500."
                           : "Write 192.0.2.0/24 or 2001:db8::/32.",
                       "not a network");
    }
}

static void
read_networks(struct reader *r, const struct yaml_node *node, void *member)
{
    read_network_list(r, node, false, member);
}

/* Networks, and autonomous systems by number. */
static void
read_hosting(struct reader *r, const struct yaml_node *node, void *member)
{
    read_network_list(r, node, true, member);
}

/* -------------------------------------------------------------- digests */

static void
add_digest(struct reader *r, struct weir_place place, const uint8_t bytes[32],
           struct weir_world_range *range)
{
    struct weir_world_digest *row = weir_world_add_digest(r->world);
    if (row == NULL)
        return;
    row->place = place;
    memcpy(row->bytes, bytes, sizeof row->bytes);
    range->count++;
}

/* "sha256/" and base64 as HTTP's key pins were written, or hexadecimal. */
static bool
parse_digest(weir_span text, uint8_t bytes_out[32])
{
    static const weir_span prefix = {"sha256", 6};
    size_t len = 0;
    if (!weir_span_starts(text, prefix) || text.len < 8)
        return false;
    weir_span rest = {text.ptr + 7, text.len - 7};
    if (text.ptr[6] == '/')
        return weir_base64_decode(rest, bytes_out, 32, &len) && len == 32;
    return text.ptr[6] == ':' && weir_hex_decode(rest, bytes_out, 32, &len) &&
           len == 32;
}

static bool
digest_of(X509 *certificate, weir_digest *digest_out)
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    if (len <= 0)
        return false;
    weir_sha256_of((weir_span){(const char *)der, (size_t)len}, digest_out);
    OPENSSL_free(der);
    return true;
}

/* Every certificate of a PEM file. */
static void
read_pem(struct reader *r, const struct yaml_node *node,
         struct weir_world_range *range)
{
    size_t len = 0;
    uint32_t before = range->count;
    char *bytes = read_whole(r, node, PEM_BYTES_MAX, &len);
    if (bytes == NULL)
        return;
    BIO *bio = BIO_new_mem_buf(bytes, (int)len);
    X509 *certificate;
    while (bio != NULL &&
           (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        weir_digest digest;
        if (digest_of(certificate, &digest))
            add_digest(r, node->place, digest.bytes, range);
        X509_free(certificate);
    }
    BIO_free(bio);
    free(bytes);
    if (range->count == before)
        read_fault(r, node, "Name a PEM file with certificates.",
                   "a file without a certificate");
}

static void
read_digests(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_range *range = member;
    range->first = r->world->digest_count;
    range->count = 0;
    if (!is_list(r, node, "pins"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        uint8_t bytes[32];
        weir_span text;
        if (n->kind == YAML_MAPPING) {
            read_pem(r, n, range);
            continue;
        }
        if (!read_text_value(r, n, &text))
            continue;
        if (parse_digest(text, bytes))
            add_digest(r, n->place, bytes, range);
        else
            read_fault(r, n,
                       "Write sha256/ and the base64 of the SHA-256 of the "
                       "public key, or {file: ca.pem}.",
                       "not a pin");
    }
}

/* ----------------------------------------------------------------- pins */

static void
read_claim(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_claim row;
    static const struct field fields[] = {
        FIELD("header", read_text, row, header),
        FIELD("value", read_text, row, value),
        FIELD("must", read_bool, row, must),
    };
    row *claim = member;
    claim->place = node->place;
    read_fields(r, node, "a pinned header", fields, WEIR_COUNTOF(fields),
                claim);
    if (node->kind == YAML_MAPPING && claim->value.len == 0)
        read_fault(r, node, "Write {header: x-region, value: name}.",
                   "a pinned header without its value");
}

void
read_pins(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_pins row;
    static const struct field fields[] = {
        FIELD("region", read_claim, row, region),
        FIELD("operator", read_claim, row, operated_by),
        FIELD("certificates", read_digests, row, certificates),
        FIELD("authorities", read_digests, row, authorities),
        FIELD("addresses", read_networks, row, networks),
    };
    read_fields(r, node, "pins", fields, WEIR_COUNTOF(fields), member);
}

/* ------------------------------------------------------------- sections */

void
read_signals(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world row;
    static const struct field fields[] = {
        FIELD("window", read_us, row, signals_window_us),
        FIELD("hosting", read_hosting, row, hosting),
    };
    read_fields(r, node, "signals", fields, WEIR_COUNTOF(fields), r->world);
}

static void
read_proxies(struct reader *r, const struct yaml_node *node, void *member)
{
    const struct weir_world *world = r->world;
    struct weir_world_range *range = member;
    uint8_t first[16], last[16];
    read_names(r, node, range);
    for (uint32_t i = 0; i < range->count; i++) {
        const struct weir_world_name *name =
            &world->name_rows[range->first + i];
        if (!weir_network_parse(name->text, first, last))
            weir_faults_add(r->faults, name->place,
                            "Write 192.0.2.0/24 or 2001:db8::/32.",
                            "not a network");
    }
}

static void
read_header(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            (c >= '0' && c <= '9') || c == '-')
            continue;
        read_fault(r, node, "Write the name of one header.", "not a header");
        return;
    }
    *(weir_span *)member = text;
}

void
read_clients(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_settings row;
    static const struct field fields[] = {
        FIELD("trusted_proxies", read_proxies, row, proxies),
        FIELD("header", read_header, row, client_header),
    };
    read_fields(r, node, "clients", fields, WEIR_COUNTOF(fields),
                &r->world->settings);
}
