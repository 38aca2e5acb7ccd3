/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways out, checked where they are read: a bundle without certificates or a
 * key that does not fit is a line of `weir check`, not a failed call at night.
 */
#include "control/egress/egress.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define SOON_US (14 * 24 * INT64_C(3600) * WEIR_US_PER_SEC)

typedef bool each_fn(void *context, X509 *certificate);

/* Each certificate of a bundle; -1: the file cannot be opened. */
static int
each_certificate(weir_span path, each_fn *each, void *context)
{
    int count = 0;
    FILE *file = fopen(path.ptr, "re");
    if (file == NULL)
        return -1;
    for (;;) {
        X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
        if (certificate == NULL)
            break;
        count++;
        bool goes_on = each == NULL || each(context, certificate);
        X509_free(certificate);
        if (!goes_on)
            break;
    }
    ERR_clear_error();
    (void)fclose(file);
    return count;
}

static void
check_bundle(struct weir_faults *faults, struct weir_place place,
             const char *what, weir_span path)
{
    if (path.len == 0)
        return;
    int count = each_certificate(path, NULL, NULL);
    if (count < 0)
        weir_faults_add(faults, place, "Check the path and who may read it.",
                        "%s %.*s cannot be read: %s", what, WEIR_SPAN_ARG(path),
                        strerror(errno));
    else if (count == 0)
        weir_faults_add(
            faults, place, "It begins with -----BEGIN CERTIFICATE-----.",
            "%s %.*s holds no certificate in PEM", what, WEIR_SPAN_ARG(path));
}

static bool
first_of(void *context, X509 *certificate)
{
    *(X509 **)context = X509_dup(certificate);
    return false;
}

static void
check_key(struct weir_faults *faults, struct weir_place place,
          const struct weir_world_tls *tls)
{
    if (tls->certificate.len == 0 || tls->key.len == 0)
        return;
    FILE *file = fopen(tls->key.ptr, "re");
    if (file == NULL) {
        weir_faults_add(faults, place, "Check the path and who may read it.",
                        "key %.*s cannot be read: %s", WEIR_SPAN_ARG(tls->key),
                        strerror(errno));
        return;
    }
    /* no terminal is asked for a passphrase */
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, (void *)"");
    (void)fclose(file);
    X509 *certificate = NULL;
    (void)each_certificate(tls->certificate, first_of, &certificate);
    if (key == NULL)
        weir_faults_add(faults, place, "It is PEM, without a passphrase.",
                        "key %.*s is no private key", WEIR_SPAN_ARG(tls->key));
    else if (certificate != NULL &&
             X509_check_private_key(certificate, key) != 1)
        weir_faults_add(
            faults, place, "The first certificate of the file is the key's.",
            "key %.*s is not of certificate %.*s", WEIR_SPAN_ARG(tls->key),
            WEIR_SPAN_ARG(tls->certificate));
    ERR_clear_error();
    EVP_PKEY_free(key);
    X509_free(certificate);
}

static void
check_tls(struct weir_faults *faults, struct weir_place place,
          const struct weir_world_tls *tls)
{
    check_bundle(faults, place, "tls.ca", tls->ca);
    check_bundle(faults, place, "tls.certificate", tls->certificate);
    check_key(faults, place, tls);
}

static void
check_name(const struct weir_world *world, struct weir_faults *faults,
           struct weir_world_name name)
{
    if (name.text.len == 0 || weir_span_equal(name.text, WEIR_SPAN("none")) ||
        weir_egress_find(world, name.text) != NULL)
        return;
    weir_faults_add(faults, name.place,
                    "Declare it in `egress`, or write none.",
                    "no way out is called \"%.*s\"", WEIR_SPAN_ARG(name.text));
}

/* It becomes a word of nginx's configuration. */
static bool
is_usable(weir_span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
            return false;
    }
    return name.len > 0 && name.len <= 48 &&
           !weir_span_equal(name, WEIR_SPAN("none"));
}

static void
check_row(const struct weir_world *world, struct weir_faults *faults,
          uint32_t row)
{
    const struct weir_world_egress *way = &world->egress_rows[row];
    bool is_taken = false, has_default = false;
    for (uint32_t i = 0; i < row; i++) {
        const struct weir_world_egress *other = &world->egress_rows[i];
        is_taken = is_taken || weir_span_equal(other->name, way->name);
        has_default = has_default || other->is_default;
    }
    if (is_taken || !is_usable(way->name))
        weir_faults_add(faults, way->place,
                        "Give each a name of its own: letters, digits and "
                        "-_., at most 48, and not none.",
                        "a way out without a usable name");
    if (way->is_default && has_default)
        weir_faults_add(faults, way->place, "Leave `default` out of one.",
                        "two ways out are the default");
    check_tls(faults, way->place, &way->tls);
    check_bundle(faults, way->place, "proxy.ca", way->proxy.ca);
}

/* What answers is the proxy: an address says nothing about the origin. */
static void
check_pins(const struct weir_world *world, struct weir_faults *faults)
{
    for (uint32_t i = 0; i < world->deployment_count; i++) {
        const struct weir_world_deployment *row = &world->deployment_rows[i];
        uint32_t origin = row->origin.row;
        if (row->pins.networks.count == 0 || origin >= world->origin_count ||
            weir_egress_plan_of(world, &world->origin_rows[origin]).proxy ==
                NULL)
            continue;
        weir_faults_add(faults, row->place,
                        "Pin certificates or authorities; or except the host "
                        "from the proxy.",
                        "\"%.*s\" is behind a proxy, where its address cannot "
                        "be seen",
                        WEIR_SPAN_ARG(row->name));
    }
}

void
weir_egress_check(const struct weir_world *world, struct weir_faults *faults)
{
    const struct weir_egress_uses *uses = &world->settings.egress;
    for (uint32_t i = 0; i < world->egress_count; i++)
        check_row(world, faults, i);
    for (uint32_t i = 0; i < world->origin_count; i++) {
        const struct weir_world_origin *origin = &world->origin_rows[i];
        struct weir_world_name token = {.place = origin->credential.place,
                                        .text = origin->credential.egress};
        check_tls(faults, origin->place, &origin->tls);
        check_name(world, faults, origin->egress);
        if (!weir_span_equal(token.text, origin->egress.text))
            check_name(world, faults, token);
    }
    check_name(world, faults, uses->notices);
    check_name(world, faults, uses->transparency);
    check_name(world, faults, uses->telemetry);
    check_pins(world, faults);
}

/* ------------------------------------------------------------------ doubts */

struct doubt {
    struct weir_faults *doubts;
    struct weir_place place;
    weir_span path;
    weir_time now;
};

static bool
doubt_end(void *context, X509 *certificate)
{
    struct doubt *doubt = context;
    time_t soon = (time_t)((doubt->now + SOON_US) / WEIR_US_PER_SEC);
    time_t now = (time_t)(doubt->now / WEIR_US_PER_SEC);
    const ASN1_TIME *end = X509_get0_notAfter(certificate);
    if (X509_cmp_time(end, &soon) >= 0)
        return true;
    weir_faults_add(doubt->doubts, doubt->place, "Put the next one in place.",
                    "a certificate of %.*s %s", WEIR_SPAN_ARG(doubt->path),
                    X509_cmp_time(end, &now) < 0 ? "has ended"
                                                 : "ends within 14 days");
    return false;
}

static void
doubt_file(struct weir_faults *doubts, struct weir_place place, weir_span path,
           weir_time now)
{
    struct doubt doubt = {doubts, place, path, now};
    if (path.len > 0)
        (void)each_certificate(path, doubt_end, &doubt);
}

void
weir_egress_doubts(const struct weir_world *world, weir_time now,
                   struct weir_faults *doubts)
{
    for (uint32_t i = 0; i < world->egress_count; i++) {
        const struct weir_world_egress *way = &world->egress_rows[i];
        doubt_file(doubts, way->place, way->tls.ca, now);
        doubt_file(doubts, way->place, way->tls.certificate, now);
        doubt_file(doubts, way->place, way->proxy.ca, now);
    }
    for (uint32_t i = 0; i < world->origin_count; i++) {
        const struct weir_world_origin *origin = &world->origin_rows[i];
        doubt_file(doubts, origin->place, origin->tls.ca, now);
        doubt_file(doubts, origin->place, origin->tls.certificate, now);
    }
}
