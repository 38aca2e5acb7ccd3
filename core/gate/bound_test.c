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
