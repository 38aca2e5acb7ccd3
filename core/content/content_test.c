/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/content.h>

#include "test.h"

#include <stdlib.h>
#include <string.h>

static uint8_t counter;

/* Never the same bytes twice, and known ones. */
static bool
next_bytes(void *context, void *bytes_out, size_t len)
{
    memset(bytes_out, ++counter, len);
    return true;
}

static const struct weir_env env = {.random = next_bytes};
static const struct weir_aes_key key = {{1, 2, 3}};
static const struct weir_aes_key other = {{1, 2, 4}};

#define TEXT "the prompt nobody may read"

static struct weir_content_meta
meta_of(size_t kept)
{
    struct weir_content_meta meta = {
        .request = {9, 8, 7},
        .when = 1700000000000000,
        .kind = WEIR_CONTENT_REQUEST,
        .whole_bytes = 1000,
        .kept_bytes = kept,
        .key = {5},
        .class = "thirty-days",
        .tenant = "good",
    };
    return meta;
}

static uint8_t *
seal(const char *text, size_t *len_out)
{
    size_t len = strlen(text);
    struct weir_content_meta meta = meta_of(len);
    *len_out = WEIR_CONTENT_BYTES(len);
    uint8_t *item = malloc(*len_out);
    assert_ok(
        weir_content_seal(&env, &meta, (weir_private){text, len}, &key, item));
    return item;
}

TEST(content, what_was_sealed_is_read_and_opened_with_its_key_only)
{
    size_t len;
    uint64_t bytes;
    uint8_t plain[64];
    struct weir_content_meta meta;
    uint8_t *item = seal(TEXT, &len);
    weir_span whole = {(const char *)item, len};
    assert_null(memmem(item, len, "prompt", 6));
    assert_ok(weir_content_read(whole, &meta, &bytes));
    assert_int_equal(bytes, len);
    assert_int_equal(meta.kept_bytes, strlen(TEXT));
    assert_int_equal(meta.whole_bytes, 1000);
    assert_string_equal(meta.class, "thirty-days");
    assert_string_equal(meta.tenant, "good");
    assert_int_equal(meta.request[1], 8);
    assert_false(meta.is_erased);
    assert_ok(weir_content_open(whole, &key, plain));
    assert_memory_equal(plain, TEXT, strlen(TEXT));
    assert_int_equal(weir_content_open(whole, &other, plain), WEIR_EUNAUTH);
    assert_int_equal(
        weir_content_open((weir_span){whole.ptr, len - 1}, &key, plain),
        WEIR_ECORRUPT);
    free(item);
}

TEST(content, an_empty_body_is_an_item_too)
{
    size_t len;
    uint8_t plain[1];
    uint8_t *item = seal("", &len);
    assert_ok(
        weir_content_open((weir_span){(const char *)item, len}, &key, plain));
    free(item);
}

TEST(content, any_bit_changed_is_found)
{
    size_t len;
    uint8_t plain[64];
    uint8_t *item = seal(TEXT, &len);
    for (size_t i = 0; i < len * 8; i++) {
        item[i / 8] ^= (uint8_t)(1u << (i % 8));
        weir_status status = weir_content_open(
            (weir_span){(const char *)item, len}, &key, plain);
        /* four bytes say that it was not erased, and nothing else */
        bool is_flag = i / 8 >= WEIR_CONTENT_ERASE_AT + 60 &&
                       i / 8 < WEIR_CONTENT_HEAD_BYTES;
        if (is_flag ? status == WEIR_OK && i % 8 == 0 && i / 8 == 316
                    : status == WEIR_OK)
            fail_msg("bit %zu", i);
        item[i / 8] ^= (uint8_t)(1u << (i % 8));
    }
    free(item);
}

TEST(content, erased_it_is_known_and_gone)
{
    size_t len;
    uint64_t bytes;
    uint8_t plain[64];
    struct weir_content_meta meta;
    uint8_t *item = seal(TEXT, &len);
    weir_span whole = {(const char *)item, len};
    memset(item + WEIR_CONTENT_ERASE_AT, 0, WEIR_CONTENT_ERASE_BYTES);
    assert_ok(weir_content_read(whole, &meta, &bytes));
    assert_true(meta.is_erased);
    assert_int_equal(bytes, len);
    assert_int_equal(weir_content_open(whole, &key, plain), WEIR_ENOTFOUND);
    /* saying that it is not does not bring the key back */
    item[WEIR_CONTENT_ERASE_AT + 60] = 1;
    assert_int_equal(weir_content_open(whole, &key, plain), WEIR_EUNAUTH);
    free(item);
}

TEST(content, no_two_items_share_a_key_or_a_nonce)
{
    size_t len;
    uint8_t *a = seal(TEXT, &len), *b = seal(TEXT, &len);
    assert_memory_not_equal(a + 256, b + 256, 12);
    assert_memory_not_equal(a + 268, b + 268, 32);
    assert_memory_not_equal(a + 320, b + 320, len - 320);
    free(a);
    free(b);
}

TEST(content, zeros_and_short_ends_are_no_items)
{
    char zeros[WEIR_CONTENT_HEAD_BYTES] = {0};
    struct weir_content_meta meta;
    uint64_t bytes;
    assert_int_equal(
        weir_content_read((weir_span){zeros, sizeof(zeros)}, &meta, &bytes),
        WEIR_EPARSE);
    assert_int_equal(weir_content_read((weir_span){zeros, 10}, &meta, &bytes),
                     WEIR_EPARSE);
}

TEST(content, rules_are_found_by_name_and_refused_when_cut)
{
    struct {
        struct weir_content_rules rules;
        struct weir_content_class classes[2];
        struct weir_content_tenant tenants[3];
    } file = {
        .rules = {.magic = WEIR_CONTENT_RULES_MAGIC,
                  .class_count = 2,
                  .tenant_count = 3,
                  .directory = "/x"},
        .classes = {{.name = "short"}, {.name = "long", .is_must = 1}},
        .tenants = {{.name = "a"}, {.name = "good"}, {.name = "zoo"}},
    };
    weir_span bytes = {(const char *)&file, sizeof(file)};
    const struct weir_content_rules *rules = weir_content_rules_of(bytes);
    assert_non_null(rules);
    assert_int_equal(weir_content_class_of(rules, WEIR_SPAN("long"))->is_must,
                     1);
    assert_null(weir_content_class_of(rules, WEIR_SPAN("lon")));
    assert_ptr_equal(
        weir_content_tenant_of(rules, WEIR_SPAN("good")),
        &((const char *)rules)[offsetof(__typeof__(file), tenants[1])]);
    assert_non_null(weir_content_tenant_of(rules, WEIR_SPAN("a")));
    assert_non_null(weir_content_tenant_of(rules, WEIR_SPAN("zoo")));
    assert_null(weir_content_tenant_of(rules, WEIR_SPAN("goo")));
    bytes.len--;
    assert_null(weir_content_rules_of(bytes));
}

/* SP 800-38D's own test case 16 (with additional data), AES-256. */
TEST(content, aes_gcm_gives_the_published_tag)
{
    static const char *const hex[] = {
        "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c"
        "95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e"
        "48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf"
        "8853bb2d551b"};
    uint8_t bytes[5][128], out[128], plain[128];
    size_t len[5];
    struct weir_aes_key published;
    for (size_t i = 0; i < 5; i++)
        assert_true(weir_hex_decode(weir_span_of(hex[i]), bytes[i],
                                    sizeof(bytes[i]), &len[i]));
    memcpy(published.bytes, bytes[0], 32);
    weir_span bound = {(const char *)bytes[2], len[2]};
    assert_true(weir_aes_seal(&published, bytes[1], bound,
                              (weir_private){(const char *)bytes[3], len[3]},
                              out));
    assert_int_equal(len[4], len[3] + 16);
    assert_memory_equal(out, bytes[4], len[4]);
    assert_true(weir_aes_open(&published, bytes[1], bound,
                              (weir_span){(const char *)out, len[4]}, plain));
    assert_memory_equal(plain, bytes[3], len[3]);
    assert_false(weir_aes_open(&published, bytes[1], WEIR_SPAN("x"),
                               (weir_span){(const char *)out, len[4]}, plain));
}
