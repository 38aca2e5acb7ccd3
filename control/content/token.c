/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module's functions are called by p11-kit, which counts who uses it: a
 * module may be open several times in one process. A session that the token
 * has dropped (it was unplugged, or its service began anew) is opened again
 * once before an error is said.
 */
#include "control/content/token.h"

#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/files.h"

#define SLOTS_MAX 64
#define PIN_MAX   256

struct weir__token {
    P11KitUri *uri;
    CK_FUNCTION_LIST *module;
    bool is_initialized;
    CK_SESSION_HANDLE session; /* 0: none */
    CK_OBJECT_HANDLE key;
    uint8_t id[8];
};

static weir_status
fail(weir_status status, const char *what, CK_RV rv, struct weir_error *err)
{
    return weir_fail(err, status, WEIR_OFFSET_NONE,
                     "the token of the master key: %s: %.120s", what,
                     p11_kit_strerror(rv));
}

/* ------------------------------------------------------------------- PIN */

/* The first line of the file; a URI may say file: in front of its path. */
static weir_status
read_pin(P11KitUri *uri, char pin_out[PIN_MAX], struct weir_error *err)
{
    const char *source = p11_kit_uri_get_pin_source(uri);
    char *bytes = NULL;
    size_t len = 0;
    pin_out[0] = '\0';
    if (p11_kit_uri_get_pin_value(uri) != NULL)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "the PIN itself does not belong into a "
                         "configuration: write pin-source=file:/path");
    if (source == NULL)
        return WEIR_OK;
    if (strncmp(source, "file:", 5) == 0)
        source += strncmp(source, "file://", 7) == 0 ? 7 : 5;
    weir_status status = weir_read_file(source, &bytes, &len, err);
    if (status != WEIR_OK)
        return status;
    size_t line = strcspn(bytes, "\r\n");
    if (line >= PIN_MAX)
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "the PIN in %.200s is too long", source);
    else
        memcpy(pin_out, bytes, line);
    if (status == WEIR_OK)
        pin_out[line] = '\0';
    weir_wipe(bytes, len);
    free(bytes);
    return status;
}

/* ----------------------------------------------------------------- opening */

/* ENOTFOUND: none, or several that the URI does not tell apart. */
static weir_status
find_slot(struct weir__token *token, CK_SLOT_ID *slot_out,
          CK_TOKEN_INFO *info_out, struct weir_error *err)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    uint32_t found = 0;
    CK_RV rv = token->module->C_GetSlotList(CK_TRUE, slots, &count);
    if (rv != CKR_OK)
        return fail(WEIR_EIO, "its slots cannot be listed", rv, err);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        if (token->module->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
            p11_kit_uri_match_token_info(token->uri, &info) != 1)
            continue;
        *slot_out = slots[i];
        *info_out = info;
        found++;
    }
    return found == 1 ? WEIR_OK
                      : weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                                  "%u tokens are as the URI of the master key "
                                  "says",
                                  found);
}

static weir_status
log_in(struct weir__token *token, const CK_TOKEN_INFO *info,
       struct weir_error *err)
{
    char pin[PIN_MAX];
    if (!(info->flags & CKF_LOGIN_REQUIRED))
        return WEIR_OK;
    weir_status status = read_pin(token->uri, pin, err);
    if (status == WEIR_OK) {
        CK_RV rv = token->module->C_Login(token->session, CKU_USER,
                                          (unsigned char *)pin, strlen(pin));
        if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
            status = fail(WEIR_EDENIED, "login", rv, err);
    }
    weir_wipe(pin, sizeof pin);
    return status;
}

static weir_status
find_key(struct weir__token *token, struct weir_error *err)
{
    CK_ATTRIBUTE wanted[16];
    CK_OBJECT_CLASS kind = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_OBJECT_HANDLE keys[2];
    CK_ULONG given = 0, found = 0, count = 0;
    const CK_ATTRIBUTE *said = p11_kit_uri_get_attributes(token->uri, &given);
    for (CK_ULONG i = 0; i < given && count < WEIR_COUNTOF(wanted) - 2; i++)
        if (said[i].type != CKA_CLASS)
            wanted[count++] = said[i];
    wanted[count++] = (CK_ATTRIBUTE){CKA_CLASS, &kind, sizeof kind};
    wanted[count++] = (CK_ATTRIBUTE){CKA_KEY_TYPE, &type, sizeof type};
    CK_RV rv = token->module->C_FindObjectsInit(token->session, wanted, count);
    if (rv == CKR_OK)
        rv = token->module->C_FindObjects(token->session, keys, 2, &found);
    (void)token->module->C_FindObjectsFinal(token->session);
    if (rv != CKR_OK)
        return fail(WEIR_EIO, "its keys cannot be listed", rv, err);
    token->key = keys[0];
    return found == 1 ? WEIR_OK
                      : weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                                  "%lu AES keys are as the URI of the master "
                                  "key says",
                                  found);
}

/* Of the token's serial number and the key's own id and label. */
static void
name_key(struct weir__token *token, const CK_TOKEN_INFO *info)
{
    unsigned char id[128], label[128];
    CK_ATTRIBUTE of[] = {{CKA_ID, id, sizeof id},
                         {CKA_LABEL, label, sizeof label}};
    struct weir_sha256 hash;
    weir_digest digest;
    if (token->module->C_GetAttributeValue(token->session, token->key, of, 2) !=
        CKR_OK)
        of[0].ulValueLen = of[1].ulValueLen = 0;
    weir_sha256_init(&hash);
    weir_sha256_add(&hash, "weir content master, token\n", 27);
    weir_sha256_add(&hash, info->serialNumber, sizeof info->serialNumber);
    for (int i = 0; i < 2; i++) {
        uint8_t len = (uint8_t)of[i].ulValueLen;
        weir_sha256_add(&hash, &len, 1);
        weir_sha256_add(&hash, of[i].pValue, of[i].ulValueLen);
    }
    weir_sha256_final(&hash, &digest);
    memcpy(token->id, digest.bytes, sizeof token->id);
}

static void
close_session(struct weir__token *token)
{
    if (token->session != 0)
        (void)token->module->C_CloseSession(token->session);
    token->session = 0;
}

static weir_status
open_session(struct weir__token *token, struct weir_error *err)
{
    CK_SLOT_ID slot = 0;
    CK_TOKEN_INFO info;
    weir_status status = find_slot(token, &slot, &info, err);
    if (status != WEIR_OK)
        return status;
    CK_RV rv = token->module->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL,
                                            NULL, &token->session);
    if (rv != CKR_OK) {
        token->session = 0;
        return fail(WEIR_EIO, "it takes no session", rv, err);
    }
    status = log_in(token, &info, err);
    if (status == WEIR_OK)
        status = find_key(token, err);
    if (status == WEIR_OK)
        name_key(token, &info);
    else
        close_session(token);
    return status;
}

static weir_status
load(struct weir__token *token, const char *text, struct weir_error *err)
{
    token->uri = p11_kit_uri_new();
    if (token->uri == NULL ||
        p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, token->uri) !=
            P11_KIT_URI_OK ||
        p11_kit_uri_any_unrecognized(token->uri))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "not a pkcs11: URI of RFC 7512");
    const char *path = p11_kit_uri_get_module_path(token->uri);
    if (path == NULL)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "the URI of the master key has no module-path");
    token->module = p11_kit_module_load(path, 0);
    if (token->module == NULL)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%.200s: %.200s",
                         path, p11_kit_message());
    CK_RV rv = p11_kit_module_initialize(token->module);
    if (rv != CKR_OK)
        return fail(WEIR_EIO, "its module does not begin", rv, err);
    token->is_initialized = true;
    return WEIR_OK;
}

weir_status
weir__token_open(const char *uri, struct weir__token **token_out,
                 uint8_t id_out[8], struct weir_error *err)
{
    struct weir__token *token = calloc(1, sizeof *token);
    if (token == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    weir_status status = load(token, uri, err);
    if (status == WEIR_OK)
        status = open_session(token, err);
    if (status != WEIR_OK) {
        weir__token_close(token);
        return status;
    }
    memcpy(id_out, token->id, sizeof token->id);
    *token_out = token;
    return WEIR_OK;
}

void
weir__token_close(struct weir__token *token)
{
    if (token == NULL)
        return;
    close_session(token);
    if (token->is_initialized)
        (void)p11_kit_module_finalize(token->module);
    if (token->module != NULL)
        p11_kit_module_release(token->module);
    p11_kit_uri_free(token->uri);
    free(token);
}

/* --------------------------------------------------------------------- use */

static CK_RV
use(struct weir__token *token, bool seals,
    const uint8_t nonce[WEIR_AES_NONCE_BYTES], weir_span context, weir_span in,
    uint8_t *out)
{
    CK_GCM_PARAMS gcm = {.iv_ptr = (unsigned char *)nonce,
                         .iv_len = WEIR_AES_NONCE_BYTES,
                         .iv_bits = WEIR_AES_NONCE_BYTES * 8,
                         .aad_ptr = (unsigned char *)context.ptr,
                         .aad_len = context.len,
                         .tag_bits = WEIR_AES_TAG_BYTES * 8};
    CK_MECHANISM mechanism = {CKM_AES_GCM, &gcm, sizeof gcm};
    CK_ULONG len = seals ? in.len + WEIR_AES_TAG_BYTES : in.len;
    uint8_t room[256]; /* some modules want room for the tag when opening */
    CK_RV rv = seals ? token->module->C_EncryptInit(token->session, &mechanism,
                                                    token->key)
                     : token->module->C_DecryptInit(token->session, &mechanism,
                                                    token->key);
    WEIR_ASSERT(len <= sizeof room);
    if (rv == CKR_OK)
        rv = seals ? token->module->C_Encrypt(token->session,
                                              (unsigned char *)in.ptr, in.len,
                                              room, &len)
                   : token->module->C_Decrypt(token->session,
                                              (unsigned char *)in.ptr, in.len,
                                              room, &len);
    if (rv == CKR_OK && len != (seals ? in.len + WEIR_AES_TAG_BYTES
                                      : in.len - WEIR_AES_TAG_BYTES))
        rv = CKR_GENERAL_ERROR;
    if (rv == CKR_OK)
        memcpy(out, room, len);
    weir_wipe(room, sizeof room);
    return rv;
}

static bool
is_gone(CK_RV rv)
{
    return rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED ||
           rv == CKR_USER_NOT_LOGGED_IN || rv == CKR_KEY_HANDLE_INVALID ||
           rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_DEVICE_REMOVED ||
           rv == CKR_TOKEN_NOT_PRESENT;
}

static weir_status
use_or_again(struct weir__token *token, bool seals,
             const uint8_t nonce[WEIR_AES_NONCE_BYTES], weir_span context,
             weir_span in, uint8_t *out, struct weir_error *err)
{
    uint8_t before[8];
    CK_RV rv = token->session != 0 ? use(token, seals, nonce, context, in, out)
                                   : CKR_SESSION_CLOSED;
    if (is_gone(rv)) {
        memcpy(before, token->id, sizeof before);
        close_session(token);
        weir_status status = open_session(token, err);
        if (status != WEIR_OK)
            return status;
        if (memcmp(before, token->id, sizeof before) != 0)
            return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                             "the token of the master key has another key now");
        rv = use(token, seals, nonce, context, in, out);
    }
    if (rv == CKR_OK)
        return WEIR_OK;
    if (!seals &&
        (rv == CKR_ENCRYPTED_DATA_INVALID ||
         rv == CKR_ENCRYPTED_DATA_LEN_RANGE || rv == CKR_GENERAL_ERROR))
        return fail(WEIR_ECORRUPT, "it does not open this", rv, err);
    return fail(WEIR_EIO, "it does not work", rv, err);
}

weir_status
weir__token_seal(struct weir__token *token,
                 const uint8_t nonce[WEIR_AES_NONCE_BYTES], weir_span context,
                 weir_private plain, uint8_t *out, struct weir_error *err)
{
    return use_or_again(token, true, nonce, context,
                        (weir_span){plain.ptr, plain.len}, out, err);
}

weir_status
weir__token_unseal(struct weir__token *token,
                   const uint8_t nonce[WEIR_AES_NONCE_BYTES], weir_span context,
                   weir_span sealed, uint8_t *out, struct weir_error *err)
{
    return use_or_again(token, false, nonce, context, sealed, out, err);
}
