/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of signed notes as text: a name, four bytes of digest, and base64 of
 * the type and the key. The digest is over name, type and key, so one key
 * under two names, or of two types, are two keys.
 */
#include "tlog.h"

#include <weir/tlog_witness.h>

#include <string.h>

#define SECRET_HEAD  "PRIVATE+KEY+"
#define SECRET_BYTES (1 + WEIR_ED25519_BYTES)
#define KEY_MAX      (1 + WEIR_MLDSA44_BYTES)
_Static_assert(WEIR_ED25519_BYTES == WEIR_MLDSA44_SEED_BYTES,
               "secrets of all types have one length");

static bool
is_type(uint8_t type)
{
    return type == WEIR_NOTE_ED25519 || type == WEIR_NOTE_COSIGNATURE ||
           type == WEIR_NOTE_MLDSA44;
}

static uint32_t
id_of(weir_span name, enum weir_note_type type, weir_span key)
{
    struct weir_sha256 hash;
    weir_digest digest;
    uint8_t kind = (uint8_t)type;
    weir_sha256_init(&hash);
    weir_sha256_add(&hash, name.ptr, name.len);
    weir_sha256_add(&hash, "\n", 1);
    weir_sha256_add(&hash, &kind, 1);
    weir_sha256_add(&hash, key.ptr, key.len);
    weir_sha256_final(&hash, &digest);
    return (uint32_t)digest.bytes[0] << 24 | (uint32_t)digest.bytes[1] << 16 |
           (uint32_t)digest.bytes[2] << 8 | digest.bytes[3];
}

static weir_span
bytes_of(const struct weir_note_key *key)
{
    return key->type == WEIR_NOTE_MLDSA44
               ? (weir_span){(const char *)key->mldsa44.bytes,
                             sizeof(key->mldsa44.bytes)}
               : (weir_span){(const char *)key->key.bytes,
                             sizeof(key->key.bytes)};
}

void
weir_note_key_init(struct weir_note_key *key, weir_span name,
                   enum weir_note_type type, const weir_ed25519_public *public)
{
    *key = (struct weir_note_key){.name = name, .type = type, .key = *public};
    key->id = id_of(name, type, bytes_of(key));
}

void
weir_note_key_init_mldsa44(struct weir_note_key *key, weir_span name,
                           const weir_mldsa44_public *public)
{
    *key = (struct weir_note_key){
        .name = name, .type = WEIR_NOTE_MLDSA44, .mldsa44 = *public};
    key->id = id_of(name, key->type, bytes_of(key));
}

weir_status
weir_note_second_of(const struct weir_ed25519_secret *first,
                    struct weir_note_secret *second_out)
{
    if (!weir_mldsa44_is_there())
        return WEIR_ENOTFOUND;
    second_out->type = WEIR_NOTE_MLDSA44;
    return weir_hkdf(
        (weir_secret){(const char *)first->bytes, sizeof(first->bytes)},
        WEIR_SPAN(""), WEIR_SPAN("weir: second key of a log, ml-dsa-44"),
        second_out->mldsa44.bytes, sizeof(second_out->mldsa44.bytes));
}

bool
weir_note_key_is_of_log(const struct weir_note_key *key)
{
    return key->type != WEIR_NOTE_COSIGNATURE;
}

bool
weir_note_key_equal(const struct weir_note_key *a,
                    const struct weir_note_key *b)
{
    return weir_span_equal(bytes_of(a), bytes_of(b));
}

weir_status
weir_note_key_of(weir_span name, const struct weir_note_secret *secret,
                 struct weir_note_key *key_out, struct weir_error *err)
{
    weir_mldsa44_public wide;
    weir_ed25519_public narrow;
    bool is_wide = secret->type == WEIR_NOTE_MLDSA44;
    if (!weir__note_is_name(name))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a key name is text without blanks and plus signs");
    weir_status status =
        is_wide ? weir_mldsa44_public_of(&secret->mldsa44, &wide)
                : weir_ed25519_public_of(&secret->ed25519, &narrow);
    if (status != WEIR_OK)
        return weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE,
                         "the signing key is not usable");
    if (is_wide)
        weir_note_key_init_mldsa44(key_out, name, &wide);
    else
        weir_note_key_init(key_out, name, secret->type, &narrow);
    return WEIR_OK;
}

/* name+hexid+base64(type || bytes): keys of both kinds are written so. */
static weir_status
read_key(weir_span text, weir_span *name_out, uint32_t *id_out,
         uint8_t bytes_out[KEY_MAX], size_t *len_out, struct weir_error *err)
{
    uint8_t id[4];
    size_t len = 0;
    const char *plus = text.len > 0 ? memchr(text.ptr, '+', text.len) : NULL;
    size_t name_len = plus != NULL ? (size_t)(plus - text.ptr) : 0;
    weir_span name = {text.ptr, name_len};

    if (plus == NULL || !weir__note_is_name(name) || text.len - name_len < 11 ||
        plus[9] != '+' ||
        !weir_hex_decode((weir_span){plus + 1, 8}, id, sizeof(id), &len))
        return weir_fail(err, WEIR_EPARSE, name_len,
                         "a verifier key reads name+id+base64");
    if (!weir_base64_decode((weir_span){plus + 10, text.len - name_len - 10},
                            bytes_out, KEY_MAX, &len) ||
        len == 0 || !is_type(bytes_out[0]))
        return weir_fail(err, WEIR_EPARSE, name_len + 10,
                         "not a key of Ed25519 or ML-DSA-44");
    if (bytes_out[0] == WEIR_NOTE_MLDSA44 && !weir_mldsa44_is_there())
        return weir_fail(err, WEIR_EPARSE, name_len + 10,
                         "a key of ML-DSA-44, which this machine's crypto "
                         "library does not have");
    *name_out = name;
    *len_out = len;
    *id_out = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 |
              (uint32_t)id[2] << 8 | id[3];
    return WEIR_OK;
}

static weir_status
accept_key(const struct weir_note_key *key, uint32_t id,
           struct weir_note_key *key_out, struct weir_error *err)
{
    if (key->id != id)
        return weir_fail(err, WEIR_EPARSE, key->name.len + 1,
                         "the id is not that of the key");
    *key_out = *key;
    return WEIR_OK;
}

weir_status
weir_note_key_parse(weir_span text, struct weir_note_key *key_out,
                    struct weir_error *err)
{
    uint8_t bytes[KEY_MAX];
    uint32_t id = 0;
    size_t len = 0;
    weir_span name;
    struct weir_note_key key;
    weir_status status = read_key(text, &name, &id, bytes, &len, err);
    if (status != WEIR_OK)
        return status;
    key = (struct weir_note_key){.name = name,
                                 .type = (enum weir_note_type)bytes[0]};
    weir_span room = bytes_of(&key);
    if (len != 1 + room.len)
        return weir_fail(err, WEIR_EPARSE, name.len + 10,
                         "not a key of Ed25519 or ML-DSA-44");
    if (key.type == WEIR_NOTE_MLDSA44)
        memcpy(key.mldsa44.bytes, bytes + 1, sizeof(key.mldsa44.bytes));
    else
        memcpy(key.key.bytes, bytes + 1, sizeof(key.key.bytes));
    key.id = id_of(name, key.type, room);
    return accept_key(&key, id, key_out, err);
}

weir_status
weir_note_secret_parse(weir_span text, struct weir_note_key *key_out,
                       struct weir_note_secret *secret_out,
                       struct weir_error *err)
{
    static const weir_span head = {SECRET_HEAD, sizeof(SECRET_HEAD) - 1};
    uint8_t bytes[KEY_MAX];
    uint32_t id = 0;
    size_t len = 0;
    weir_span name;
    struct weir_note_key key;
    struct weir_note_secret secret;
    if (text.len > 0 && text.ptr[text.len - 1] == '\n')
        text.len--;
    if (!weir_span_starts(text, head))
        return weir_fail(err, WEIR_EPARSE, 0,
                         "a signing key reads " SECRET_HEAD "name+id+base64");
    text = (weir_span){text.ptr + head.len, text.len - head.len};
    weir_status status = read_key(text, &name, &id, bytes, &len, err);
    if (status == WEIR_OK && len != SECRET_BYTES)
        status = weir_fail(err, WEIR_EPARSE, name.len + 10,
                           "a signing key has 32 bytes");
    if (status == WEIR_OK) {
        secret.type = (enum weir_note_type)bytes[0];
        memcpy(secret.ed25519.bytes, bytes + 1, sizeof(secret.ed25519.bytes));
        status = weir_note_key_of(name, &secret, &key, err);
    }
    if (status == WEIR_OK)
        status = accept_key(&key, id, key_out, err);
    if (status == WEIR_OK)
        *secret_out = secret;
    weir_wipe(bytes, sizeof(bytes));
    weir_wipe(&secret, sizeof(secret));
    return status;
}

/* What both kinds of key texts end with. */
static void
add_key(const struct weir_note_key *key, weir_span bytes, struct weir_buf *out)
{
    uint8_t whole[KEY_MAX];
    char text[WEIR_BASE64_LEN(KEY_MAX)];
    whole[0] = (uint8_t)key->type;
    memcpy(whole + 1, bytes.ptr, bytes.len);
    size_t len = weir_base64_encode(
        (weir_span){(const char *)whole, 1 + bytes.len}, text);
    weir_buf_add_span(out, key->name);
    weir_buf_addf(out, "+%08x+", key->id);
    weir_buf_add(out, text, len);
    weir_wipe(whole, sizeof(whole));
    weir_wipe(text, sizeof(text));
}

weir_status
weir_note_secret_write(weir_span name, const struct weir_note_secret *secret,
                       struct weir_buf *out, struct weir_error *err)
{
    struct weir_note_key key = {0};
    weir_status status = weir_note_key_of(name, secret, &key, err);
    if (status != WEIR_OK)
        return status;
    weir_buf_add_span(out, WEIR_SPAN(SECRET_HEAD));
    add_key(&key,
            (weir_span){(const char *)secret->ed25519.bytes,
                        sizeof(secret->ed25519.bytes)},
            out);
    weir_buf_add_byte(out, '\n');
    return out->overflow
               ? weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory")
               : WEIR_OK;
}

void
weir_note_key_write(const struct weir_note_key *key, struct weir_buf *out)
{
    add_key(key, bytes_of(key), out);
}
