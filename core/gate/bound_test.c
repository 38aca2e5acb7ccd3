/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/bound.h>

#include "test.h"

#include <string.h>

static const struct weir_bound_scope ours = {
    {"0123456789abcdef", 16}, 7, UINT64_C(0xfedcba9876543210)};

static weir_span
seal_in(const struct weir_bound_scope *scope, weir_span word, char room[8192])
{
    struct weir_buf out;
    weir_buf_init_fixed(&out, room, 8192);
    assert_true(weir_bound_seal(scope, WEIR_BOUND_SESSION, word, &out));
    return weir_buf_span(&out);
}

TEST(bound, name_opens_to_the_word)
{
    char room[8192];
    weir_span word;
    weir_span text = seal_in(&ours, WEIR_SPAN("a3f-9.x~"), room);
    assert_int_equal(text.len, 8 + WEIR_BOUND_MORE);
    assert_true(weir_bound_open(&ours, WEIR_BOUND_SESSION, text, &word));
    assert_span(word, "a3f-9.x~");
}

TEST(bound, another_key_deployment_seal_or_kind_opens_nothing)
{
    char room[8192];
    weir_span word;
    weir_span text = seal_in(&ours, WEIR_SPAN("a3f"), room);
    struct weir_bound_scope other = ours;
    other.key++;
    assert_false(weir_bound_open(&other, WEIR_BOUND_SESSION, text, &word));
    other = ours;
    other.deployment++;
    assert_false(weir_bound_open(&other, WEIR_BOUND_SESSION, text, &word));
    other = ours;
    other.seal = (weir_secret){"0123456789abcdeF", 16};
    assert_false(weir_bound_open(&other, WEIR_BOUND_SESSION, text, &word));
    other.seal = (weir_secret){NULL, 0};
    assert_false(weir_bound_open(&other, WEIR_BOUND_SESSION, text, &word));
    assert_false(weir_bound_open(&ours, WEIR_BOUND_EVENT, text, &word));
}

TEST(bound, every_changed_byte_is_seen)
{
    char room[8192];
    weir_span word;
    weir_span text = seal_in(&ours, WEIR_SPAN("a3f0"), room);
    for (size_t i = 0; i < text.len; i++) {
        room[i] ^= 1;
        assert_false(weir_bound_open(&ours, WEIR_BOUND_SESSION, text, &word));
        room[i] ^= 1;
    }
    for (size_t len = 0; len < text.len; len++)
        assert_false(weir_bound_open(&ours, WEIR_BOUND_SESSION,
                                     (weir_span){room, len}, &word));
}

TEST(bound, word_of_other_bytes_is_refused)
{
    char room[8192], text[5000];
    struct weir_buf out;
    static const char *const bad[] = {"", "a b", "a\tb", "a\r\nb", "\xc3\xa6"};
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++) {
        weir_buf_init_fixed(&out, room, sizeof(room));
        assert_false(weir_bound_seal(&ours, WEIR_BOUND_SESSION,
                                     weir_span_of(bad[i]), &out));
    }
    memset(text, 'a', sizeof(text));
    weir_buf_init_fixed(&out, room, sizeof(room));
    assert_false(weir_bound_seal(&ours, WEIR_BOUND_SESSION,
                                 (weir_span){text, 4097}, &out));
    assert_true(weir_bound_seal(&ours, WEIR_BOUND_SESSION,
                                (weir_span){text, 4096}, &out));
}

/* ------------------------------------------------------------ of a tenant */

static const struct weir_bound_owner tenant = {{"0123456789abcdef", 16}, 7};

static weir_span
name_in(weir_span word, char room[512])
{
    struct weir_buf out;
    weir_buf_init_fixed(&out, room, 512);
    assert_true(weir_bound_name(&tenant, WEIR_BOUND_RESPONSE,
                                UINT64_C(0xfedcba9876543210), word, &out));
    return weir_buf_span(&out);
}

static bool
resolves(const struct weir_bound_owner *owner, enum weir_bound_kind kind,
         weir_span text, const char *word)
{
    char room[WEIR_BOUND_NAME_MAX];
    weir_span found;
    uint64_t deployment;
    if (!weir_bound_resolve(owner, kind, text, room, &found, &deployment))
        return false;
    assert_true(deployment == UINT64_C(0xfedcba9876543210));
    assert_true(weir_span_equal(found, weir_span_of(word)));
    return true;
}

TEST(bound, name_of_a_tenant_keeps_its_start_and_resolves)
{
    static const char *const words[] = {
        "resp_68f0",  "msg_1", "r",  "resp-1",
        "chatcmpl-9", "resp_", "_x", "abcdefghijklmnopqrstuvwxyz_1",
        "0ad1-ffee",  "a_b_c"};
    char room[512];
    for (size_t i = 0; i < WEIR_COUNTOF(words); i++) {
        weir_span name = name_in(weir_span_of(words[i]), room);
        assert_int_equal(name.len, strlen(words[i]) + WEIR_BOUND_NAME_MORE);
        assert_true(resolves(&tenant, WEIR_BOUND_RESPONSE, name, words[i]));
    }
    assert_true(weir_span_starts(name_in(WEIR_SPAN("resp_68f0"), room),
                                 WEIR_SPAN("resp_")));
}

TEST(bound, another_tenant_seal_or_kind_resolves_nothing)
{
    char room[512];
    weir_span name = name_in(WEIR_SPAN("resp_68f0"), room);
    struct weir_bound_owner other = tenant;
    other.tenant++;
    assert_false(resolves(&other, WEIR_BOUND_RESPONSE, name, ""));
    other = tenant;
    other.seal = (weir_secret){"0123456789abcdeF", 16};
    assert_false(resolves(&other, WEIR_BOUND_RESPONSE, name, ""));
    other.seal = (weir_secret){NULL, 0};
    assert_false(resolves(&other, WEIR_BOUND_RESPONSE, name, ""));
    assert_false(resolves(&tenant, WEIR_BOUND_ITEM, name, ""));
    assert_false(resolves(&tenant, WEIR_BOUND_CONVERSATION, name, ""));
}

TEST(bound, every_changed_byte_of_a_name_is_seen)
{
    char room[512];
    weir_span name = name_in(WEIR_SPAN("resp_68f0"), room);
    for (size_t i = 0; i < name.len; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            room[i] ^= (char)(1u << bit);
            assert_false(resolves(&tenant, WEIR_BOUND_RESPONSE, name, ""));
            room[i] ^= (char)(1u << bit);
        }
    for (size_t len = 0; len < name.len; len++)
        assert_false(
            resolves(&tenant, WEIR_BOUND_RESPONSE, (weir_span){room, len}, ""));
}

TEST(bound, code_at_another_place_of_the_word_resolves_nothing)
{
    char room[512], moved[512];
    weir_span name = name_in(WEIR_SPAN("resp_68f0"), room);
    memcpy(moved, name.ptr + 5, WEIR_BOUND_NAME_MORE);
    memcpy(moved + WEIR_BOUND_NAME_MORE, "resp_68f0", 9);
    assert_false(resolves(&tenant, WEIR_BOUND_RESPONSE,
                          (weir_span){moved, name.len}, ""));
}

TEST(bound, what_is_no_word_has_no_name)
{
    static const char *const bad[] = {"",     "a b",  "a\"b",
                                      "a\\b", "a\nb", "\xc3\xa6"};
    char room[512], text[WEIR_BOUND_NAME_MAX + 1];
    struct weir_buf out;
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++) {
        weir_buf_init_fixed(&out, room, sizeof(room));
        assert_false(weir_bound_name(&tenant, WEIR_BOUND_ITEM, 1,
                                     weir_span_of(bad[i]), &out));
    }
    memset(text, 'a', sizeof(text));
    weir_buf_init_fixed(&out, room, sizeof(room));
    assert_false(weir_bound_name(&tenant, WEIR_BOUND_ITEM, 1,
                                 (weir_span){text, sizeof(text)}, &out));
    assert_true(weir_bound_name(&tenant, WEIR_BOUND_ITEM, 1,
                                (weir_span){text, sizeof(text) - 1}, &out));
}
