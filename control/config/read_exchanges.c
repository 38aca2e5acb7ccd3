/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With whom indicators are shared: `watch: exchanges:`.
 *
 * Salts and signing keys are references, read when a set is published or a
 * bundle is signed; nothing of them comes into the world.
 */
#include <weir/crypto.h>
#include <weir/watch_indicators.h>

#include "read.h"

#define LAST_DEFAULT (90 * WEIR_US_PER_DAY)
#define LAST_MOST    (366 * WEIR_US_PER_DAY)

/* As bundles write names. */
static void
check_name(struct reader *r, const struct yaml_node *node, weir_span name)
{
    bool is_good = name.len > 0 && name.len < WEIR_INDICATOR_NAME_BYTES;
    for (size_t i = 0; is_good && i < name.len; i++) {
        char c = name.ptr[i];
        is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '.';
    }
    if (!is_good)
        read_fault(r, node, "Write a-z, 0-9, - and ., 47 of them at most.",
                   "not a name that a bundle can have");
}

static void
read_trust(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_peer row;
    static const struct field fields[] = {
        FIELD("issuer", read_text, row, issuer),
        FIELD("key", read_text, row, key),
    };
    struct weir_world_range *range = member;
    if (!is_list(r, node, "trust"))
        return;
    range->first = r->world->peer_count;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        char bytes[33];
        size_t len = 0;
        row *peer = weir_world_add_peer(r->world);
        if (peer == NULL)
            return;
        range->count++;
        read_row(r, n, "an issuer", fields, WEIR_COUNTOF(fields), peer);
        check_name(r, n, peer->issuer);
        if (peer->key.len != 44 ||
            !weir_base64_decode(peer->key, bytes, sizeof(bytes), &len) ||
            len != 32)
            read_fault(r, n,
                       "Write the base64 that weir watch bundle verify shows.",
                       "not an Ed25519 public key");
    }
}

static void
read_kinds(struct reader *r, const struct yaml_node *node, void *member)
{
    uint32_t *kinds = member;
    *kinds = 0;
    if (!is_list(r, node, "kinds"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        uint32_t kind = 0;
        weir_span text;
        if (!read_text_value(r, n, &text))
            continue;
        while (kind < WEIR_INDICATOR_KINDS &&
               !weir_span_equal(text,
                                weir_span_of(weir_indicator_kind_name(kind))))
            kind++;
        if (kind < WEIR_INDICATOR_KINDS)
            *kinds |= 1u << kind;
        else
            read_fault(r, n,
                       "Write frame, head, tail, system, first_words or "
                       "last_words.",
                       "not a kind of indicator");
    }
}

static void
read_give(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_exchange row;
    static const struct field fields[] = {
        FIELD("as", read_text, row, issuer),
        FIELD("sign", read_reference, row, signing),
        FIELD("kinds", read_kinds, row, gives),
        FIELD("last", read_us, row, lasts_us),
    };
    row *exchange = member;
    exchange->gives = (1u << WEIR_INDICATOR_KINDS) - 1;
    exchange->lasts_us = LAST_DEFAULT;
    read_fields(r, node, "give", fields, WEIR_COUNTOF(fields), exchange);
    check_name(r, node, exchange->issuer);
    if (exchange->signing.kind == WEIR_CREDENTIAL_NONE)
        read_fault(r, node, "Write sign: {file: ..}: weir watch bundle key.",
                   "what is given out is signed");
    if (exchange->gives == 0)
        read_fault(r, node, "Write kinds: [frame, head], or leave it out.",
                   "gives no kind of indicator");
    if (exchange->lasts_us < WEIR_US_PER_DAY || exchange->lasts_us > LAST_MOST)
        read_fault(r, node, "Write last: 1 d to 366 d.",
                   "what is given out lasts too long or too short");
}

static void
check_exchange(struct reader *r, const struct yaml_node *node,
               const struct weir_world_exchange *exchange)
{
    const struct weir_world *world = r->world;
    check_name(r, node, exchange->name);
    for (uint32_t i = 0; i + 1 < world->exchange_count; i++)
        if (weir_span_equal(world->exchange_rows[i].name, exchange->name))
            read_fault(r, node, "Give each exchange a name of its own.",
                       "an exchange of that name is there");
    if (exchange->salt.kind == WEIR_CREDENTIAL_NONE)
        read_fault(r, node,
                   "Write salt: {file: ..}: 32 hexadecimal digits that its "
                   "members agreed on.",
                   "an exchange needs its salt");
    if (exchange->trusts.count == 0 && exchange->issuer.len == 0)
        read_fault(r, node, "Write trust, give, or both.",
                   "an exchange that neither takes nor gives");
    for (uint32_t i = 0; i < exchange->trusts.count; i++)
        if (weir_span_equal(world->peer_rows[exchange->trusts.first + i].issuer,
                            exchange->issuer))
            read_fault(r, node, "Leave your own name out of trust.",
                       "trusts itself");
}

void
read_exchanges(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_exchange row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("salt", read_reference, row, salt),
        FIELD("trust", read_trust, row, trusts),
        {"give", read_give, 0},
    };
    if (!is_list(r, node, "exchanges"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        row *exchange = weir_world_add_exchange(r->world);
        if (exchange == NULL)
            return;
        read_row(r, n, "an exchange", fields, WEIR_COUNTOF(fields), exchange);
        check_exchange(r, n, exchange);
    }
    if (r->world->exchange_count > WEIR_EXCHANGES_MAX)
        read_fault(r, node, "Records have room for 32.", "too many exchanges");
}
