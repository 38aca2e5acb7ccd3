/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One item of content:
 *
 *   0        8       16                               256          320
 *   +--------+-------+--------------------------------+------------+-----
 *   | magic  | size  | what it says of itself         | its key,   | nonce,
 *   |        | crc   | (bound to both seals)          | wrapped    | sealed
 *   +--------+-------+--------------------------------+------------+-----
 *
 * WHY A KEY OF ITS OWN. One call can be erased without touching another's,
 * by 64 bytes written over in place, and a nonce is used once with its key
 * by construction. The tenant's data key only ever wraps keys.
 *
 * WHY THE CRC LEAVES THE WRAPPED KEY OUT. Erasing must not need to write
 * anywhere else: a crash between two writes would leave a head that is
 * neither.
 */
#include <weir/content.h>

#include <string.h>

#define MAGIC   "WCONTENT"
#define BOUND   16 /* first byte that both seals are bound to */
#define WRAP    (WEIR_AES_NONCE_BYTES + WEIR_AES_KEY_BYTES + WEIR_AES_TAG_BYTES)
#define FLAG_AT (WEIR_CONTENT_ERASE_AT + WRAP)

_Static_assert(WRAP + 4 == WEIR_CONTENT_ERASE_BYTES, "the erased part");
_Static_assert(WEIR_CONTENT_ERASE_AT + WEIR_CONTENT_ERASE_BYTES ==
                   WEIR_CONTENT_HEAD_BYTES,
               "it ends the head");

static void
put(uint8_t *at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t
get(const uint8_t *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static weir_span
bound_of(const uint8_t *head)
{
    return (weir_span){(const char *)head + BOUND,
                       WEIR_CONTENT_ERASE_AT - BOUND};
}

static void
write_head(const struct weir_content_meta *meta, uint8_t *head)
{
    memset(head, 0, WEIR_CONTENT_HEAD_BYTES);
    memcpy(head, MAGIC, 8);
    put(head + 8, WEIR_CONTENT_HEAD_BYTES, 4);
    memcpy(head + 16, meta->request, 16);
    put(head + 32, (uint64_t)meta->when, 8);
    put(head + 40, meta->kept_bytes, 8);
    put(head + 48, meta->whole_bytes, 8);
    put(head + 56, (uint64_t)meta->kind, 4);
    memcpy(head + 64, meta->key, WEIR_CONTENT_KEY_ID);
    memcpy(head + 80, meta->class, strnlen(meta->class, 31));
    memcpy(head + 112, meta->tenant, strnlen(meta->tenant, 127));
    put(head + 12, weir_crc32c(0, head + BOUND, WEIR_CONTENT_ERASE_AT - BOUND),
        4);
}

weir_status
weir_content_seal(const struct weir_env *env,
                  const struct weir_content_meta *meta, weir_private plain,
                  const struct weir_aes_key *data_key, uint8_t *item_out)
{
    struct weir_aes_key own;
    uint8_t *head = item_out, *wrap = item_out + WEIR_CONTENT_ERASE_AT;
    uint8_t *sealed = item_out + WEIR_CONTENT_HEAD_BYTES;
    WEIR_ASSERT(plain.len == meta->kept_bytes);
    write_head(meta, head);
    if (weir_random(env, own.bytes, sizeof(own.bytes)) != WEIR_OK ||
        weir_random(env, wrap, WEIR_AES_NONCE_BYTES) != WEIR_OK ||
        weir_random(env, sealed, WEIR_AES_NONCE_BYTES) != WEIR_OK)
        return WEIR_EINTERNAL;
    bool is_sealed = weir_aes_seal(data_key, wrap, bound_of(head),
                                   (weir_private){(const char *)own.bytes,
                                                  sizeof(own.bytes)},
                                   wrap + WEIR_AES_NONCE_BYTES) &&
                     weir_aes_seal(&own, sealed, bound_of(head), plain,
                                   sealed + WEIR_AES_NONCE_BYTES);
    put(item_out + FLAG_AT, 1, 4);
    weir_wipe(&own, sizeof(own));
    return is_sealed ? WEIR_OK : WEIR_EINTERNAL;
}

weir_status
weir_content_read(weir_span bytes, struct weir_content_meta *meta_out,
                  uint64_t *bytes_out)
{
    const uint8_t *head = (const uint8_t *)bytes.ptr;
    if (bytes.len < WEIR_CONTENT_HEAD_BYTES || memcmp(head, MAGIC, 8) != 0)
        return WEIR_EPARSE;
    struct weir_content_meta meta = {
        .when = (weir_time)get(head + 32, 8),
        .kept_bytes = get(head + 40, 8),
        .whole_bytes = get(head + 48, 8),
        .kind = (enum weir_content_kind)get(head + 56, 4),
        .is_erased = get(head + FLAG_AT, 4) == 0,
    };
    if (get(head + 8, 4) != WEIR_CONTENT_HEAD_BYTES ||
        get(head + 12, 4) !=
            weir_crc32c(0, head + BOUND, WEIR_CONTENT_ERASE_AT - BOUND) ||
        (meta.kind != WEIR_CONTENT_REQUEST &&
         meta.kind != WEIR_CONTENT_REPLY) ||
        meta.kept_bytes > meta.whole_bytes || meta.kept_bytes > UINT32_MAX ||
        head[111] != 0 || head[239] != 0)
        return WEIR_ECORRUPT;
    memcpy(meta.request, head + 16, 16);
    memcpy(meta.key, head + 64, WEIR_CONTENT_KEY_ID);
    memcpy(meta.class, head + 80, sizeof(meta.class));
    memcpy(meta.tenant, head + 112, sizeof(meta.tenant));
    *meta_out = meta;
    *bytes_out = WEIR_CONTENT_BYTES(meta.kept_bytes);
    return WEIR_OK;
}

weir_status
weir_content_open(weir_span item, const struct weir_aes_key *data_key,
                  uint8_t *plain_out)
{
    struct weir_content_meta meta;
    struct weir_aes_key own;
    uint64_t bytes = 0;
    const uint8_t *head = (const uint8_t *)item.ptr;
    weir_status status = weir_content_read(item, &meta, &bytes);
    if (status != WEIR_OK)
        return status;
    if (item.len < bytes)
        return WEIR_ECORRUPT;
    if (meta.is_erased)
        return WEIR_ENOTFOUND;
    const uint8_t *wrap = head + WEIR_CONTENT_ERASE_AT;
    const uint8_t *sealed = head + WEIR_CONTENT_HEAD_BYTES;
    weir_span wrapped = {(const char *)wrap + WEIR_AES_NONCE_BYTES,
                         WEIR_AES_KEY_BYTES + WEIR_AES_TAG_BYTES};
    weir_span cipher = {(const char *)sealed + WEIR_AES_NONCE_BYTES,
                        (size_t)meta.kept_bytes + WEIR_AES_TAG_BYTES};
    bool is_open =
        weir_aes_open(data_key, wrap, bound_of(head), wrapped, own.bytes) &&
        weir_aes_open(&own, sealed, bound_of(head), cipher, plain_out);
    weir_wipe(&own, sizeof(own));
    return is_open ? WEIR_OK : WEIR_EUNAUTH;
}

/* ------------------------------------------------------------------- rules */

static const struct weir_content_class *
classes_of(const struct weir_content_rules *rules)
{
    return (const struct weir_content_class *)(rules + 1);
}

static const struct weir_content_tenant *
tenants_of(const struct weir_content_rules *rules)
{
    return (const struct weir_content_tenant *)(classes_of(rules) +
                                                rules->class_count);
}

const struct weir_content_rules *
weir_content_rules_of(weir_span bytes)
{
    const struct weir_content_rules *rules =
        (const struct weir_content_rules *)(const void *)bytes.ptr;
    if (bytes.len < sizeof(*rules) ||
        rules->magic != WEIR_CONTENT_RULES_MAGIC ||
        bytes.len !=
            sizeof(*rules) +
                rules->class_count * sizeof(struct weir_content_class) +
                (size_t)rules->tenant_count *
                    sizeof(struct weir_content_tenant) ||
        memchr(rules->directory, 0, sizeof(rules->directory)) == NULL)
        return NULL;
    return rules;
}

static bool
is_named(const char *text, size_t size, weir_span name)
{
    return name.len < size && memcmp(text, name.ptr, name.len) == 0 &&
           text[name.len] == '\0';
}

const struct weir_content_class *
weir_content_class_of(const struct weir_content_rules *rules, weir_span name)
{
    const struct weir_content_class *rows = classes_of(rules);
    for (uint32_t i = 0; i < rules->class_count; i++)
        if (is_named(rows[i].name, sizeof(rows[i].name), name))
            return &rows[i];
    return NULL;
}

const struct weir_content_tenant *
weir_content_tenant_of(const struct weir_content_rules *rules, weir_span name)
{
    const struct weir_content_tenant *rows = tenants_of(rules);
    uint32_t low = 0, high = rules->tenant_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        weir_span text = {rows[middle].name,
                          strnlen(rows[middle].name, sizeof(rows[0].name))};
        int order = weir_span_compare(text, name);
        if (order == 0)
            return &rows[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
