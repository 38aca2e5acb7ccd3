/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed names.
 *
 *    "file-", "batch_" or "msgbatch_", then in base64url:
 *
 *    0         1      2           4       8            16       24
 *    +---------+------+-----------+-------+------------+--------+--------+
 *    | version | kind | operation | lines | deployment | input  | output |
 *    +---------+------+-----------+-------+------------+--------+--------+
 *    | request, 16 bytes | the origin's id ... | code, 16 bytes |
 *    +-------------------+---------------------+----------------+
 *
 * Of what calls may name the first 8 bytes of `request` are its origin, the others 0: it
 * belongs to an account and not to a call.
 *
 * The code is HMAC-SHA-256 over the tenant's hash and all before it, cut to
 * 128 bits. WHY NO NONCE: a client compares the file it sent with the one
 * its batch names. WHY THE AMOUNTS STAND IN IT: a batch is held for by what
 * its lines say, and they were read when the file came.
 */
#include <weir/crypto.h>
#include <weir/seal.h>

#include <string.h>

#define SEAL_VERSION 1
#define HEAD_BYTES   48
#define CODE_BYTES   16
#define RAW_MAX      (HEAD_BYTES + WEIR_SEAL_ID_MAX + CODE_BYTES)

_Static_assert(WEIR_BASE64URL_LEN(RAW_MAX) + 9 <= WEIR_SEAL_TEXT,
               "the longest name fits");

static weir_span
beginning(enum weir_sealed_kind kind)
{
    return kind == WEIR_SEALED_BATCH      ? WEIR_SPAN("batch_")
           : kind == WEIR_SEALED_MESSAGES ? WEIR_SPAN("msgbatch_")
                                          : WEIR_SPAN("file-");
}

static bool
is_for_calls(enum weir_sealed_kind kind)
{
    return (WEIR_SEALED_FOR_CALLS >> kind & 1) != 0;
}

static void
put(uint8_t *to, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t
get(const uint8_t *from, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)from[i] << (8 * i);
    return value;
}

static void
code_of(const struct weir_sealer *sealer, const uint8_t *raw, size_t len,
        uint8_t code_out[CODE_BYTES])
{
    struct weir_hmac hmac;
    weir_digest digest;
    uint8_t tenant[8];
    put(tenant, sealer->tenant, sizeof(tenant));
    weir_hmac_init(&hmac, sealer->key);
    weir_hmac_add(&hmac, tenant, sizeof(tenant));
    weir_hmac_add(&hmac, raw, len);
    weir_hmac_final(&hmac, &digest);
    memcpy(code_out, digest.bytes, CODE_BYTES);
}

weir_status
weir_seal(const struct weir_sealer *sealer, const struct weir_sealed *sealed,
          char text_out[WEIR_SEAL_TEXT], size_t *len_out,
          struct weir_error *err)
{
    uint8_t raw[RAW_MAX];
    weir_span start = beginning(sealed->kind);
    size_t len = HEAD_BYTES + sealed->id.len;
    if (sealer->key.len == 0)
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "there is no key to seal names with");
    if (sealed->id.len == 0 || sealed->id.len > WEIR_SEAL_ID_MAX)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "the origin's id has %zu bytes", sealed->id.len);
    raw[0] = SEAL_VERSION;
    raw[1] = (uint8_t)sealed->kind;
    put(raw + 2, sealed->operation, 2);
    put(raw + 4, sealed->lines, 4);
    put(raw + 8, sealed->deployment, 8);
    put(raw + 16, sealed->input_tokens, 8);
    put(raw + 24, sealed->output_tokens, 8);
    memcpy(raw + 32, sealed->request.bytes, 16);
    if (is_for_calls(sealed->kind)) {
        put(raw + 32, sealed->origin, 8);
        put(raw + 40, 0, 8);
    }
    memcpy(raw + HEAD_BYTES, sealed->id.ptr, sealed->id.len);
    code_of(sealer, raw, len, raw + len);
    memcpy(text_out, start.ptr, start.len);
    *len_out = start.len + weir_base64url_encode(
                               (weir_span){(const char *)raw, len + CODE_BYTES},
                               text_out + start.len);
    return WEIR_OK;
}

static bool
is_path_safe(weir_span id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return true;
}

weir_status
weir_unseal(const struct weir_sealer *sealer, weir_span text, uint32_t kinds,
            char room[WEIR_SEAL_ID_MAX], struct weir_sealed *sealed_out,
            struct weir_error *err)
{
    uint8_t raw[RAW_MAX];
    uint8_t code[CODE_BYTES];
    size_t len = 0;
    weir_span start = beginning(
        weir_span_starts(text, WEIR_SPAN("batch_"))      ? WEIR_SEALED_BATCH
        : weir_span_starts(text, WEIR_SPAN("msgbatch_")) ? WEIR_SEALED_MESSAGES
                                                         : WEIR_SEALED_INPUT);
    if (sealer->key.len == 0 || !weir_span_starts(text, start) ||
        !weir_base64url_decode(
            (weir_span){text.ptr + start.len, text.len - start.len}, raw,
            sizeof(raw), &len) ||
        len <= HEAD_BYTES + CODE_BYTES || raw[0] != SEAL_VERSION)
        goto unknown;
    code_of(sealer, raw, len - CODE_BYTES, code);
    if (!weir_equal_constant_time(code, raw + len - CODE_BYTES, CODE_BYTES) ||
        raw[1] > 31 || (kinds >> raw[1] & 1) == 0 ||
        !weir_span_equal(start, beginning((enum weir_sealed_kind)raw[1])))
        goto unknown;
    len -= HEAD_BYTES + CODE_BYTES;
    memcpy(room, raw + HEAD_BYTES, len);
    if (!is_path_safe((weir_span){room, len}))
        goto unknown;
    *sealed_out = (struct weir_sealed){
        .kind = (enum weir_sealed_kind)raw[1],
        .operation = (uint32_t)get(raw + 2, 2),
        .lines = (uint32_t)get(raw + 4, 4),
        .deployment = get(raw + 8, 8),
        .input_tokens = get(raw + 16, 8),
        .output_tokens = get(raw + 24, 8),
        .id = {room, len},
    };
    if (is_for_calls(sealed_out->kind))
        sealed_out->origin = get(raw + 32, 8);
    else
        memcpy(sealed_out->request.bytes, raw + 32, 16);
    return WEIR_OK;
unknown:
    return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                     "nothing of this id is known to this tenant");
}
