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
#define SUBTREE_HEAD  "subtree/v1\n"

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

bool
weir__note_is_name(weir_span name)
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
    if (!weir__note_is_name(name) ||
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

static void
add_u64(uint64_t value, struct weir_buf *out)
{
    for (size_t i = 0; i < 8; i++)
        weir_buf_add_byte(out, (uint8_t)(value >> (56 - 8 * i)));
}

static void
add_short(weir_span text, struct weir_buf *out)
{
    weir_buf_add_byte(out, (uint8_t)text.len);
    weir_buf_add_span(out, text);
}

/* What ML-DSA-44 signs: the root of the leaves from 0 to the size. */
static bool
subtree_message(weir_span name, uint64_t seconds, weir_span text,
                struct weir_buf *out)
{
    struct weir_checkpoint head;
    if (weir_checkpoint_parse(text, &head, NULL) != WEIR_OK ||
        head.origin.len == 0 || head.origin.len > UINT8_MAX)
        return false;
    weir_buf_add(out, SUBTREE_HEAD, sizeof(SUBTREE_HEAD)); /* with its NUL */
    add_short(name, out);
    add_u64(seconds, out);
    add_short(head.origin, out);
    add_u64(0, out);
    add_u64(head.size, out);
    weir_buf_add(out, head.root.bytes, sizeof(head.root.bytes));
    return !out->overflow;
}

/* The message of a cosignature. */
static bool
cosign_message(enum weir_note_type type, weir_span name, uint64_t seconds,
               weir_span text, struct weir_buf *out)
{
    if (type == WEIR_NOTE_MLDSA44)
        return subtree_message(name, seconds, text, out);
    weir_buf_addf(out, COSIGN_HEAD "%llu\n", (unsigned long long)seconds);
    weir_buf_add_span(out, text);
    return !out->overflow;
}

static bool
is_signed(const struct weir_note *note, const struct weir_note_key *key,
          const uint8_t *bytes, size_t len)
{
    weir_span signature = {(const char *)bytes, len};
    struct weir_buf message;
    uint64_t seconds = 0;
    if (key->type == WEIR_NOTE_ED25519)
        return weir_ed25519_verify(&key->key, note->text, signature);
    if (len < STAMP_BYTES)
        return false;
    for (size_t i = 0; i < STAMP_BYTES; i++)
        seconds = seconds << 8 | bytes[i];
    signature.ptr += STAMP_BYTES;
    signature.len -= STAMP_BYTES;
    weir_buf_init(&message, WEIR_NOTE_BYTES_MAX + 1024);
    bool is_good =
        cosign_message(key->type, key->name, seconds, note->text, &message) &&
        (key->type == WEIR_NOTE_MLDSA44
             ? weir_mldsa44_verify(&key->mldsa44, weir_buf_span(&message),
                                   signature)
             : weir_ed25519_verify(&key->key, weir_buf_span(&message),
                                   signature));
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

static weir_status
add_line(const struct weir_note_key *key, weir_span signature,
         struct weir_buf *out)
{
    uint8_t bytes[4 + STAMP_BYTES + WEIR_MLDSA44_SIGNATURE_BYTES];
    char text[WEIR_BASE64_LEN(sizeof(bytes))];
    for (size_t i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(key->id >> (24 - 8 * i));
    memcpy(bytes + 4, signature.ptr, signature.len);
    size_t used = weir_base64_encode(
        (weir_span){(const char *)bytes, 4 + signature.len}, text);
    weir_buf_add_span(out, WEIR_SPAN(DASH));
    weir_buf_add_span(out, key->name);
    weir_buf_add_byte(out, ' ');
    weir_buf_add(out, text, used);
    weir_buf_add_byte(out, '\n');
    return out->overflow ? WEIR_ENOMEM : WEIR_OK;
}

static weir_status
check_text(weir_span text, struct weir_error *err)
{
    return text.len > 0 && text.ptr[text.len - 1] == '\n' &&
                   !has_control(text) && weir_utf8_valid(text)
               ? WEIR_OK
               : weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "a note's text is whole lines of UTF-8");
}

weir_status
weir_note_sign(weir_span text, weir_span name,
               const struct weir_ed25519_secret *secret, struct weir_buf *out,
               struct weir_error *err)
{
    struct weir_note_key key = {0};
    weir_ed25519_signature signature;
    struct weir_note_secret whole = {.type = WEIR_NOTE_ED25519,
                                     .ed25519 = *secret};
    weir_status status = weir_note_key_of(name, &whole, &key, err);
    weir_wipe(&whole, sizeof(whole));
    if (status == WEIR_OK)
        status = check_text(text, err);
    if (status != WEIR_OK)
        return status;
    if (weir_ed25519_sign(secret, text, &signature) != WEIR_OK)
        return weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE,
                         "signing failed");
    return add_line(
        &key,
        (weir_span){(const char *)signature.bytes, sizeof(signature.bytes)},
        out);
}

/* Appends the time and the signature of `message`. */
static weir_status
sign_message(const struct weir_note_secret *secret, weir_span message,
             struct weir_buf *out)
{
    weir_mldsa44_signature wide;
    weir_ed25519_signature narrow;
    weir_status status;
    if (secret->type == WEIR_NOTE_MLDSA44) {
        status = weir_mldsa44_sign(&secret->mldsa44, message, &wide);
        if (status == WEIR_OK)
            weir_buf_add(out, wide.bytes, sizeof(wide.bytes));
    } else {
        status = weir_ed25519_sign(&secret->ed25519, message, &narrow);
        if (status == WEIR_OK)
            weir_buf_add(out, narrow.bytes, sizeof(narrow.bytes));
    }
    return status;
}

weir_status
weir_note_cosign(weir_span text, weir_span name,
                 const struct weir_note_secret *secret, weir_time when,
                 struct weir_buf *out, struct weir_error *err)
{
    struct weir_note_key key = {0};
    struct weir_note_secret own = *secret;
    struct weir_buf message, signature;
    char bytes[STAMP_BYTES + WEIR_MLDSA44_SIGNATURE_BYTES];
    uint64_t seconds = (uint64_t)(when / WEIR_US_PER_SEC);
    if (own.type == WEIR_NOTE_ED25519)
        own.type = WEIR_NOTE_COSIGNATURE;
    weir_status status = weir_note_key_of(name, &own, &key, err);
    if (status == WEIR_OK)
        status = check_text(text, err);
    weir_buf_init(&message, WEIR_NOTE_BYTES_MAX + 1024);
    weir_buf_init_fixed(&signature, bytes, sizeof(bytes));
    add_u64(seconds, &signature);
    if (status == WEIR_OK &&
        !cosign_message(own.type, name, seconds, text, &message))
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "this key signs checkpoints only");
    if (status == WEIR_OK &&
        sign_message(&own, weir_buf_span(&message), &signature) != WEIR_OK)
        status =
            weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE, "signing failed");
    weir_buf_fini(&message);
    weir_wipe(&own, sizeof(own));
    return status == WEIR_OK ? add_line(&key, weir_buf_span(&signature), out)
                             : status;
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
    while (key->type != WEIR_NOTE_ED25519 && weir__note_line(&rest, &line)) {
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
