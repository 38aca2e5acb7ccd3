/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame of a unit test: TEST(module, sentence_that_fails) { ... } with
 * cmocka's assertions. test_main.c runs every TEST of the program; with an
 * argument, those whose name contains it.
 */
#ifndef WEIR_TEST_H
#define WEIR_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <weir/base.h>

void weir_test_register(const char *name, CMUnitTestFunction run);

#define TEST(module, sentence)                                                 \
    static void test_##module##_##sentence(void **test_state_);                \
    __attribute__((constructor)) static void register_##module##_##sentence(   \
        void)                                                                  \
    {                                                                          \
        weir_test_register(#module ": " #sentence,                             \
                           test_##module##_##sentence);                        \
    }                                                                          \
    static void test_##module##_##sentence(void **test_state_                  \
                                           __attribute__((unused)))

#define assert_ok(status) assert_int_equal((status), WEIR_OK)
#define assert_span(span, text)                                                \
    do {                                                                       \
        weir_span span_ = (span);                                              \
        assert_int_equal(span_.len, sizeof(text) - 1);                         \
        assert_memory_equal(span_.ptr, text, sizeof(text) - 1);                \
    } while (0)

/* Folder with the test data (WEIR_DATA, else ../shared/data beside the
 * source), or NULL: the caller then says what it skips and calls skip(). */
const char *weir_test_data(void);

/* Whole file, malloc'ed, NUL behind it; fails the test when unreadable. */
char *weir_test_read(const char *path, size_t *len_out);

#endif
