/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/seal.h>

#include "test.h"

#include <string.h>

static const struct weir_sealer ours = {{"0123456789abcdef", 16}, 7};

static const struct weir_sealed batch = {
    .kind = WEIR_SEALED_BATCH,
    .operation = 2,
    .lines = 50000,
    .deployment = UINT64_C(0xfedcba9876543210),
    .input_tokens = 123456789,
    .output_tokens = UINT64_C(1) << 40,
    .request = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
    .id = {"batch_abc-DEF_123", 17},
};

static weir_span
sealed_text(char room[WEIR_SEAL_TEXT])
{
    size_t len = 0;
    assert_int_equal(weir_seal(&ours, &batch, room, &len, NULL), WEIR_OK);
    return (weir_span){room, len};
}

TEST(seal, name_opens_to_what_was_sealed)
{
    char text_room[WEIR_SEAL_TEXT], room[WEIR_SEAL_ID_MAX];
    struct weir_sealed found;
    weir_span text = sealed_text(text_room);
    assert_true(weir_span_starts(text, WEIR_SPAN("batch_")));
    assert_int_equal(
        weir_unseal(&ours, text, 1u << WEIR_SEALED_BATCH, room, &found, NULL),
        WEIR_OK);
    assert_int_equal(found.operation, 2);
    assert_int_equal(found.lines, 50000);
    assert_true(found.deployment == batch.deployment);
    assert_true(found.input_tokens == batch.input_tokens);
    assert_true(found.output_tokens == batch.output_tokens);
    assert_memory_equal(found.request.bytes, batch.request.bytes, 16);
    assert_true(weir_span_equal(found.id, batch.id));
}

TEST(seal, another_tenant_key_or_kind_is_not_found)
{
    char text_room[WEIR_SEAL_TEXT], room[WEIR_SEAL_ID_MAX];
    struct weir_sealed found;
    weir_span text = sealed_text(text_room);
    struct weir_sealer other = ours;
    other.tenant = 8;
    assert_int_equal(weir_unseal(&other, text, ~0u, room, &found, NULL),
                     WEIR_ENOTFOUND);
    other = ours;
    other.key = (weir_secret){"0123456789abcdeF", 16};
    assert_int_equal(weir_unseal(&other, text, ~0u, room, &found, NULL),
                     WEIR_ENOTFOUND);
    other.key = (weir_secret){NULL, 0};
    assert_int_equal(weir_unseal(&other, text, ~0u, room, &found, NULL),
                     WEIR_ENOTFOUND);
    assert_int_equal(
        weir_unseal(&ours, text, 1u << WEIR_SEALED_INPUT, room, &found, NULL),
        WEIR_ENOTFOUND);
}

TEST(seal, every_changed_character_is_not_found)
{
    char text_room[WEIR_SEAL_TEXT], room[WEIR_SEAL_ID_MAX];
    struct weir_sealed found;
    weir_span text = sealed_text(text_room);
    for (size_t i = 0; i < text.len; i++) {
        char kept = text_room[i];
        text_room[i] = kept == 'A' ? 'B' : 'A';
        assert_int_equal(weir_unseal(&ours, text, ~0u, room, &found, NULL),
                         WEIR_ENOTFOUND);
        text_room[i] = kept;
        assert_int_equal(weir_unseal(&ours, (weir_span){text.ptr, i}, ~0u, room,
                                     &found, NULL),
                         WEIR_ENOTFOUND);
    }
}

TEST(seal, an_id_that_could_change_a_path_is_not_opened)
{
    char text[WEIR_SEAL_TEXT], room[WEIR_SEAL_ID_MAX];
    struct weir_sealed found, evil = batch;
    size_t len = 0;
    evil.id = WEIR_SPAN("a/../b");
    assert_int_equal(weir_seal(&ours, &evil, text, &len, NULL), WEIR_OK);
    assert_int_equal(
        weir_unseal(&ours, (weir_span){text, len}, ~0u, room, &found, NULL),
        WEIR_ENOTFOUND);
    evil.id = WEIR_SPAN_NONE;
    assert_int_equal(weir_seal(&ours, &evil, text, &len, NULL), WEIR_ELIMIT);
}

TEST(seal, a_file_for_calls_is_bound_to_its_origin)
{
    char text[WEIR_SEAL_TEXT], room[WEIR_SEAL_ID_MAX];
    struct weir_sealed found, file = batch;
    size_t len = 0;
    file.kind = WEIR_SEALED_FILE;
    file.origin = UINT64_C(0x0123456789abcdef);
    assert_int_equal(weir_seal(&ours, &file, text, &len, NULL), WEIR_OK);
    assert_true(weir_span_starts((weir_span){text, len}, WEIR_SPAN("file-")));
    assert_int_equal(weir_unseal(&ours, (weir_span){text, len},
                                 1u << WEIR_SEALED_INPUT, room, &found, NULL),
                     WEIR_ENOTFOUND);
    assert_int_equal(weir_unseal(&ours, (weir_span){text, len},
                                 1u << WEIR_SEALED_FILE, room, &found, NULL),
                     WEIR_OK);
    assert_true(found.origin == file.origin);
    assert_true(found.deployment == file.deployment);
    for (size_t i = 0; i < WEIR_REQUEST_ID_BYTES; i++)
        assert_int_equal(found.request.bytes[i], 0);
    /* and a batch to none */
    weir_span name = sealed_text(text);
    assert_int_equal(weir_unseal(&ours, name, ~0u, room, &found, NULL),
                     WEIR_OK);
    assert_true(found.origin == 0);
}
