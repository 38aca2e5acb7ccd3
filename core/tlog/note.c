/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed notes: a text, a blank line, signature lines. A line names its key
 * and carries four bytes of that key's digest before the signature, so that
 * a verifier knows which lines concern it and ignores the rest; this is what
 * lets a log change its key and witnesses add theirs.
 *
 * Notes come from outside: everything is checked before any key is used, and
 * a note whose own key's signature fails is refused even if another's holds.
 */
#include "tlog.h"

#include <weir/tlog_witness.h>

#include <stdio.h>
#include <string.h>

#define DASH          "\xE2\x80\x94 " /* em dash, space */
#define DASH_BYTES    4
#define STAMP_BYTES   8
#define SIGNATURE_MAX 8192 /* the longest kinds take about 5,000 bytes */
#define COSIGN_HEAD   "cosignature/v1\ntime "
#define KEY_BYTES     (1 + WEIR_ED25519_BYTES)
#define SECRET_HEAD   "PRIVATE+KEY+"

bool
weir__note_line(weir_span *text, weir_span *line_out)
{
    const char *end = memchr(text->ptr, '\n', text->len);
    if (text->len == 0 || end == NULL)
        return false;
    *line_out = (weir_span){text->ptr, (size_t)(end - text->ptr)};
    text->len -= line_out->len + 1;
    text->ptr = end + 1;
    return true;
}

bool
weir__note_number(weir_span text, uint64_t *value_out)
{
    return (text.len == 1 || (text.len > 1 && text.ptr[0] != '0')) &&
           weir_span_to_u64(text, value_out);
}

bool
weir__note_digest(weir_span text, weir_digest *digest_out)
{
    weir_digest digest;
    size_t len = 0;
    if (!weir_base64_decode(text, digest.bytes, sizeof(digest.bytes), &len) ||
        len != sizeof(digest.bytes))
        return false;
    *digest_out = digest;
    return true;
}

/* Unicode's White_Space, of which ASCII's are the first. */
static bool
has_space(weir_span text)
{
    static const char *const wide[] = {
        "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\xA8",
        "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.ptr[i];
        if (byte <= ' ')
            return true;
        if (byte < 0xC2)
            continue;
        weir_span rest = {text.ptr + i, text.len - i};
        for (size_t k = 0; k < WEIR_COUNTOF(wide); k++)
            if (weir_span_starts(rest, weir_span_of(wide[k])))
                return true;
        /* U+2000 to U+200A */
        if (rest.len >= 3 && memcmp(rest.ptr, "\xE2\x80", 2) == 0 &&
            (uint8_t)rest.ptr[2] >= 0x80 && (uint8_t)rest.ptr[2] <= 0x8A)
            return true;
    }
    return false;
}

static bool
is_name(weir_span name)
{
    return name.len > 0 && name.len <= WEIR_NOTE_NAME_MAX &&
           memchr(name.ptr, '+', name.len) == NULL && weir_utf8_valid(name) &&
           !has_space(name);
}

/* One signature line, without its newline. */
static bool
read_line(weir_span line, weir_span *name_out, uint32_t *id_out,
          uint8_t signature_out[SIGNATURE_MAX], size_t *len_out)
{
    size_t len = 0;
    if (!weir_span_starts(line, WEIR_SPAN(DASH)))
        return false;
    line.ptr += DASH_BYTES;
    line.len -= DASH_BYTES;
    const char *blank = memchr(line.ptr, ' ', line.len);
    if (blank == NULL)
        return false;
    weir_span name = {line.ptr, (size_t)(blank - line.ptr)};
    weir_span text = {blank + 1, line.len - name.len - 1};
    if (!is_name(name) ||
        !weir_base64_decode(text, signature_out, SIGNATURE_MAX, &len) ||
        len <= 4)
        return false;
    *name_out = name;
    *id_out = (uint32_t)signature_out[0] << 24 |
              (uint32_t)signature_out[1] << 16 |
              (uint32_t)signature_out[2] << 8 | signature_out[3];
    *len_out = len;
    return true;
}

static bool
has_control(weir_span bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        if ((uint8_t)bytes.ptr[i] < ' ' && bytes.ptr[i] != '\n')
            return true;
    return false;
}

weir_status
weir_note_parse(weir_span bytes, struct weir_note *note_out,
                struct weir_error *err)
{
    uint8_t signature[SIGNATURE_MAX];
    weir_span name;
    weir_span line;
    uint32_t id;
    size_t len;
    uint32_t count = 0;

    if (bytes.len > WEIR_NOTE_BYTES_MAX)
        return weir_fail(err, WEIR_ELIMIT, WEIR_NOTE_BYTES_MAX,
                         "a note of over %d bytes", WEIR_NOTE_BYTES_MAX);
    if (!weir_utf8_valid(bytes) || has_control(bytes))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a note of other than UTF-8 text");
    /* the last empty line parts text and signatures */
    size_t end = 0;
    for (size_t i = 1; i < bytes.len; i++)
        if (bytes.ptr[i] == '\n' && bytes.ptr[i - 1] == '\n')
            end = i;
    if (end == 0 || end + 1 == bytes.len)
        return weir_fail(err, WEIR_EPARSE, bytes.len,
                         "a note without signatures");
    weir_span signatures = {bytes.ptr + end + 1, bytes.len - end - 1};
    weir_span rest = signatures;
    while (rest.len > 0) {
        size_t at = bytes.len - rest.len;
        if (++count > WEIR_NOTE_SIGNATURES_MAX)
            return weir_fail(err, WEIR_ELIMIT, at,
                             "a note of over %d signatures",
                             WEIR_NOTE_SIGNATURES_MAX);
        if (!weir__note_line(&rest, &line) ||
            !read_line(line, &name, &id, signature, &len))
            return weir_fail(err, WEIR_EPARSE, at,
                             "not a signature line of a note");
    }
    *note_out = (struct weir_note){
        .text = {bytes.ptr, end}, .signatures = signatures, .count = count};
    return WEIR_OK;
}

/* The message a witness signs: a head with the time, then the text. */
static void
cosign_message(uint64_t seconds, weir_span text, struct weir_buf *out)
{
    weir_buf_addf(out, COSIGN_HEAD "%llu\n", (unsigned long long)seconds);
    weir_buf_add_span(out, text);
}

static bool
is_signed(const struct weir_note *note, const struct weir_note_key *key,
          const uint8_t *bytes, size_t len)
{
    weir_span signature = {(const char *)bytes, len};
    if (key->type == WEIR_NOTE_ED25519)
        return weir_ed25519_verify(&key->key, note->text, signature);
    if (len != STAMP_BYTES + WEIR_ED25519_SIGNATURE_BYTES)
        return false;
    struct weir_buf message;
    uint64_t seconds = 0;
    for (size_t i = 0; i < STAMP_BYTES; i++)
        seconds = seconds << 8 | bytes[i];
    signature.ptr += STAMP_BYTES;
    signature.len -= STAMP_BYTES;
    weir_buf_init(&message, WEIR_NOTE_BYTES_MAX + 64);
    cosign_message(seconds, note->text, &message);
    bool is_good =
        !message.overflow &&
        weir_ed25519_verify(&key->key, weir_buf_span(&message), signature);
    weir_buf_fini(&message);
    return is_good;
}

weir_status
weir_note_verify(const struct weir_note *note, const struct weir_note_key *keys,
                 size_t key_count, uint64_t *verified_out,
                 struct weir_error *err)
{
    uint8_t signature[SIGNATURE_MAX];
    weir_span rest = note->signatures;
    weir_span line;
    weir_span name;
    uint32_t id;
    size_t len;
    uint64_t verified = 0;

    while (weir__note_line(&rest, &line)) {
        if (!read_line(line, &name, &id, signature, &len))
            return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                             "not a signature line of a note");
        for (size_t i = 0; i < key_count && i < 64; i++) {
            if (keys[i].id != id || !weir_span_equal(keys[i].name, name))
                continue;
            if (!is_signed(note, &keys[i], signature + 4, len - 4))
                return weir_fail(err, WEIR_EUNAUTH, WEIR_OFFSET_NONE,
                                 "a signature of the note is wrong");
            verified |= UINT64_C(1) << i;
        }
    }
    if (verified == 0)
        return weir_fail(err, WEIR_EUNAUTH, WEIR_OFFSET_NONE,
                         "no known key signed the note");
    *verified_out = verified;
    return WEIR_OK;
}

void
weir_note_key_init(struct weir_note_key *key, weir_span name,
                   enum weir_note_type type, const weir_ed25519_public *public)
{
    struct weir_sha256 hash;
    weir_digest digest;
    uint8_t kind = (uint8_t)type;
    weir_sha256_init(&hash);
    weir_sha256_add(&hash, name.ptr, name.len);
    weir_sha256_add(&hash, "\n", 1);
    weir_sha256_add(&hash, &kind, 1);
    weir_sha256_add(&hash, public->bytes, sizeof(public->bytes));
    weir_sha256_final(&hash, &digest);
    *key = (struct weir_note_key){
        .name = name,
        .id = (uint32_t)digest.bytes[0] << 24 |
              (uint32_t)digest.bytes[1] << 16 | (uint32_t)digest.bytes[2] << 8 |
              digest.bytes[3],
        .type = type,
        .key = *public,
    };
}

static weir_status
add_line(const struct weir_note_key *key, const uint8_t *signature, size_t len,
         struct weir_buf *out)
{
    uint8_t bytes[4 + STAMP_BYTES + WEIR_ED25519_SIGNATURE_BYTES];
    char text[WEIR_BASE64_LEN(sizeof(bytes))];
    for (size_t i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(key->id >> (24 - 8 * i));
    memcpy(bytes + 4, signature, len);
    size_t used =
        weir_base64_encode((weir_span){(const char *)bytes, 4 + len}, text);
    weir_buf_add_span(out, WEIR_SPAN(DASH));
    weir_buf_add_span(out, key->name);
    weir_buf_add_byte(out, ' ');
    weir_buf_add(out, text, used);
    weir_buf_add_byte(out, '\n');
    return out->overflow ? WEIR_ENOMEM : WEIR_OK;
}

static weir_status
begin_signing(weir_span text, weir_span name, enum weir_note_type type,
              const struct weir_ed25519_secret *secret,
              struct weir_note_key *key_out, struct weir_error *err)
{
    weir_ed25519_public public;
    if (!is_name(name))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a key name is text without blanks and plus signs");
    if (text.len == 0 || text.ptr[text.len - 1] != '\n' || has_control(text) ||
        !weir_utf8_valid(text))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a note's text is whole lines of UTF-8");
    if (weir_ed25519_public_of(secret, &public) != WEIR_OK)
        return weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE,
                         "the signing key is not usable");
    weir_note_key_init(key_out, name, type, &public);
    return WEIR_OK;
}

weir_status
weir_note_sign(weir_span text, weir_span name,
               const struct weir_ed25519_secret *secret, struct weir_buf *out,
               struct weir_error *err)
{
    struct weir_note_key key = {0};
    weir_ed25519_signature signature;
    weir_status status =
        begin_signing(text, name, WEIR_NOTE_ED25519, secret, &key, err);
    if (status != WEIR_OK)
        return status;
    if (weir_ed25519_sign(secret, text, &signature) != WEIR_OK)
        return weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE,
                         "signing failed");
    return add_line(&key, signature.bytes, sizeof(signature.bytes), out);
}

weir_status
weir_note_cosign(weir_span text, weir_span name,
                 const struct weir_ed25519_secret *secret, weir_time when,
                 struct weir_buf *out, struct weir_error *err)
{
    struct weir_note_key key = {0};
    weir_ed25519_signature signature;
    uint8_t bytes[STAMP_BYTES + WEIR_ED25519_SIGNATURE_BYTES];
    struct weir_buf message;
    uint64_t seconds = (uint64_t)(when / WEIR_US_PER_SEC);
    weir_status status =
        begin_signing(text, name, WEIR_NOTE_COSIGNATURE, secret, &key, err);
    if (status != WEIR_OK)
        return status;
    weir_buf_init(&message, WEIR_NOTE_BYTES_MAX + 64);
    cosign_message(seconds, text, &message);
    if (message.overflow || weir_ed25519_sign(secret, weir_buf_span(&message),
                                              &signature) != WEIR_OK)
        status =
            weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE, "signing failed");
    weir_buf_fini(&message);
    if (status != WEIR_OK)
        return status;
    for (size_t i = 0; i < STAMP_BYTES; i++)
        bytes[i] = (uint8_t)(seconds >> (56 - 8 * i));
    memcpy(bytes + STAMP_BYTES, signature.bytes, sizeof(signature.bytes));
    return add_line(&key, bytes, sizeof(bytes), out);
}

/* name+hexid+base64(type || 32 bytes): keys of both kinds are written so. */
static weir_status
read_key(weir_span text, weir_span *name_out, uint32_t *id_out,
         uint8_t bytes_out[KEY_BYTES], struct weir_error *err)
{
    uint8_t id[4];
    size_t len = 0;
    const char *plus = text.len > 0 ? memchr(text.ptr, '+', text.len) : NULL;
    size_t name_len = plus != NULL ? (size_t)(plus - text.ptr) : 0;
    weir_span name = {text.ptr, name_len};

    if (plus == NULL || !is_name(name) || text.len - name_len < 11 ||
        plus[9] != '+' ||
        !weir_hex_decode((weir_span){plus + 1, 8}, id, sizeof(id), &len))
        return weir_fail(err, WEIR_EPARSE, name_len,
                         "a verifier key reads name+id+base64");
    if (!weir_base64_decode((weir_span){plus + 10, text.len - name_len - 10},
                            bytes_out, KEY_BYTES, &len) ||
        len != KEY_BYTES ||
        (bytes_out[0] != WEIR_NOTE_ED25519 &&
         bytes_out[0] != WEIR_NOTE_COSIGNATURE))
        return weir_fail(err, WEIR_EPARSE, name_len + 10, "not an Ed25519 key");
    *name_out = name;
    *id_out = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 |
              (uint32_t)id[2] << 8 | id[3];
    return WEIR_OK;
}

static weir_status
accept_key(weir_span name, uint32_t id, enum weir_note_type type,
           const weir_ed25519_public *public, struct weir_note_key *key_out,
           struct weir_error *err)
{
    struct weir_note_key key;
    weir_note_key_init(&key, name, type, public);
    if (key.id != id)
        return weir_fail(err, WEIR_EPARSE, name.len + 1,
                         "the id is not that of the key");
    *key_out = key;
    return WEIR_OK;
}

weir_status
weir_note_key_parse(weir_span text, struct weir_note_key *key_out,
                    struct weir_error *err)
{
    uint8_t bytes[KEY_BYTES];
    uint32_t id;
    weir_span name;
    weir_ed25519_public public;
    weir_status status = read_key(text, &name, &id, bytes, err);
    if (status != WEIR_OK)
        return status;
    memcpy(public.bytes, bytes + 1, sizeof(public.bytes));
    return accept_key(name, id, (enum weir_note_type)bytes[0], &public, key_out,
                      err);
}

weir_status
weir_note_secret_parse(weir_span text, struct weir_note_key *key_out,
                       struct weir_ed25519_secret *secret_out,
                       struct weir_error *err)
{
    static const weir_span head = {SECRET_HEAD, sizeof(SECRET_HEAD) - 1};
    uint8_t bytes[KEY_BYTES];
    uint32_t id;
    weir_span name;
    weir_ed25519_public public;
    struct weir_ed25519_secret secret;
    if (text.len > 0 && text.ptr[text.len - 1] == '\n')
        text.len--;
    if (!weir_span_starts(text, head))
        return weir_fail(err, WEIR_EPARSE, 0,
                         "a signing key reads " SECRET_HEAD "name+id+base64");
    text = (weir_span){text.ptr + head.len, text.len - head.len};
    weir_status status = read_key(text, &name, &id, bytes, err);
    if (status != WEIR_OK)
        return status;
    memcpy(secret.bytes, bytes + 1, sizeof(secret.bytes));
    if (weir_ed25519_public_of(&secret, &public) != WEIR_OK)
        status = weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE,
                           "the signing key is not usable");
    else
        status = accept_key(name, id, (enum weir_note_type)bytes[0], &public,
                            key_out, err);
    if (status == WEIR_OK)
        *secret_out = secret;
    weir_wipe(bytes, sizeof(bytes));
    weir_wipe(&secret, sizeof(secret));
    return status;
}

weir_status
weir_note_secret_write(weir_span name, enum weir_note_type type,
                       const struct weir_ed25519_secret *secret,
                       struct weir_buf *out, struct weir_error *err)
{
    struct weir_note_key key = {0};
    uint8_t bytes[KEY_BYTES];
    char text[WEIR_BASE64_LEN(KEY_BYTES)];
    weir_status status =
        begin_signing(WEIR_SPAN("\n"), name, type, secret, &key, err);
    if (status != WEIR_OK)
        return status;
    bytes[0] = (uint8_t)type;
    memcpy(bytes + 1, secret->bytes, sizeof(secret->bytes));
    size_t len = weir_base64_encode(
        (weir_span){(const char *)bytes, sizeof(bytes)}, text);
    weir_buf_addf(out, SECRET_HEAD "%.*s+%08x+", WEIR_SPAN_ARG(name), key.id);
    weir_buf_add(out, text, len);
    weir_buf_add_byte(out, '\n');
    weir_wipe(bytes, sizeof(bytes));
    weir_wipe(text, sizeof(text));
    return out->overflow
               ? weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory")
               : WEIR_OK;
}

bool
weir_note_cosigned_at(const struct weir_note *note,
                      const struct weir_note_key *key, weir_time *when_out)
{
    uint8_t signature[SIGNATURE_MAX];
    weir_span rest = note->signatures;
    weir_span line;
    weir_span name;
    uint32_t id;
    size_t len;
    while (key->type == WEIR_NOTE_COSIGNATURE &&
           weir__note_line(&rest, &line)) {
        uint64_t seconds = 0;
        if (!read_line(line, &name, &id, signature, &len) || id != key->id ||
            !weir_span_equal(name, key->name) || len < 4 + STAMP_BYTES)
            continue;
        for (size_t i = 0; i < STAMP_BYTES; i++)
            seconds = seconds << 8 | signature[4 + i];
        if (seconds > INT64_MAX / WEIR_US_PER_SEC)
            return false;
        *when_out = (weir_time)seconds * WEIR_US_PER_SEC;
        return true;
    }
    return false;
}

void
weir_note_key_write(const struct weir_note_key *key, struct weir_buf *out)
{
    uint8_t bytes[1 + WEIR_ED25519_BYTES];
    char text[WEIR_BASE64_LEN(sizeof(bytes))];
    bytes[0] = (uint8_t)key->type;
    memcpy(bytes + 1, key->key.bytes, sizeof(key->key.bytes));
    size_t len = weir_base64_encode(
        (weir_span){(const char *)bytes, sizeof(bytes)}, text);
    weir_buf_add_span(out, key->name);
    weir_buf_addf(out, "+%08x+", key->id);
    weir_buf_add(out, text, len);
}
