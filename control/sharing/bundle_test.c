/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include <test.h>

#include "control/sharing/bundle.h"

#define T0 (INT64_C(1767225600) * WEIR_US_PER_SEC)

static const struct weir_ed25519_secret secret = {{1, 2, 3}};
static const struct weir_bundle head = {.exchange = {"north-labs", 10},
                                        .issuer = {"seller-one", 10},
                                        .serial = 7,
                                        .issued = T0,
                                        .expires = T0 + 90 * WEIR_US_PER_DAY};
static char memory[1 << 16];

static weir_span
write_one(size_t count)
{
    static struct weir_bundle_indicator rows[64];
    struct weir_buf out;
    struct weir_error err;
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct weir_bundle_indicator){
            .word = (i * 7919 + 1) << (i % 40), .kind = (uint32_t)(i % 6)};
    weir_buf_init_fixed(&out, memory, sizeof memory);
    assert_ok(weir_bundle_write(&head, rows, count, &secret, &out, &err));
    return weir_buf_span(&out);
}

TEST(bundle, reads_back_as_written)
{
    for (size_t count = 0; count < 40; count += 13) {
        weir_span text = write_one(count), lines;
        struct weir_bundle bundle;
        struct weir_bundle_indicator one;
        struct weir_error err;
        uint32_t seen = 0;
        assert_ok(weir_bundle_read(text, &bundle, &err));
        assert_span(bundle.exchange, "north-labs");
        assert_span(bundle.issuer, "seller-one");
        assert_int_equal((int)bundle.serial, 7);
        assert_true(bundle.issued == head.issued);
        assert_true(bundle.expires == head.expires);
        assert_int_equal((int)bundle.count, (int)count);
        for (lines = bundle.lines; weir_bundle_next(&lines, &one);)
            seen++;
        assert_int_equal(seen, bundle.count);
        assert_int_equal((int)lines.len, 0);
    }
}

TEST(bundle, doubles_count_once_and_order_does_not_matter)
{
    struct weir_bundle_indicator rows[] = {{9, 1}, {3, 0}, {9, 1}, {4, 0}};
    struct weir_bundle_indicator back[] = {{4, 0}, {9, 1}, {3, 0}};
    struct weir_buf a, b;
    struct weir_error err;
    weir_buf_init_fixed(&a, memory, 4096);
    weir_buf_init_fixed(&b, memory + 4096, 4096);
    assert_ok(weir_bundle_write(&head, rows, 4, &secret, &a, &err));
    assert_ok(weir_bundle_write(&head, back, 3, &secret, &b, &err));
    assert_true(weir_span_equal(weir_buf_span(&a), weir_buf_span(&b)));
}

TEST(bundle, no_byte_can_be_changed_dropped_or_added)
{
    weir_span text = write_one(9);
    struct weir_bundle bundle;
    struct weir_error err;
    char *copy = malloc(text.len + 1);
    assert_non_null(copy);
    for (size_t i = 0; i < text.len; i++) {
        memcpy(copy, text.ptr, text.len);
        copy[i] ^= 1;
        assert_int_not_equal(
            weir_bundle_read((weir_span){copy, text.len}, &bundle, &err),
            WEIR_OK);
        assert_int_not_equal(
            weir_bundle_read((weir_span){text.ptr, i}, &bundle, &err), WEIR_OK);
        memcpy(copy, text.ptr, i);
        copy[i] = '\n';
        memcpy(copy + i + 1, text.ptr + i, text.len - i);
        assert_int_not_equal(
            weir_bundle_read((weir_span){copy, text.len + 1}, &bundle, &err),
            WEIR_OK);
    }
    free(copy);
}

TEST(bundle, what_no_reader_takes_is_not_written)
{
    struct weir_buf out;
    struct weir_error err;
    struct weir_bundle bad = head;
    weir_buf_init_fixed(&out, memory, sizeof memory);
    bad.exchange = WEIR_SPAN("North Labs");
    assert_int_equal(weir_bundle_write(&bad, NULL, 0, &secret, &out, &err),
                     WEIR_EPARSE);
    bad = head;
    bad.expires = bad.issued;
    assert_int_equal(weir_bundle_write(&bad, NULL, 0, &secret, &out, &err),
                     WEIR_EPARSE);
    bad.expires = bad.issued + WEIR_BUNDLE_LAST_US + 1;
    assert_int_equal(weir_bundle_write(&bad, NULL, 0, &secret, &out, &err),
                     WEIR_EPARSE);
}

TEST(bundle, another_version_is_said_to_be_one)
{
    struct weir_bundle bundle;
    struct weir_error err;
    assert_int_equal(
        weir_bundle_read(WEIR_SPAN("weir-watch-bundle/2\nx"), &bundle, &err),
        WEIR_EVERSION);
}
