/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/gate.h>

#include <string.h>

#include "test.h"

TEST(key, header_forms)
{
    static const struct {
        const char *value;
        bool is_bare;
        const char *key;
    } rows[] = {
        {"Bearer wr_a-b", false, "wr_a-b"},
        {"bEaReR \t wr_a ", false, "wr_a"},
        {"  Bearer wr_a", false, "wr_a"},
        {"Bearer", false, ""},
        {"Bearer ", false, ""},
        {"Bearerwr_a", false, ""},
        {"Basic d3I6", false, ""},
        {"wr_a", false, ""},
        {"Bearer wr_a wr_b", false, ""},
        {"Bearer wr_\xC3\xA9", false, ""},
        {"Bearer wr_a,Bearer wr_b", false, ""},
        {"wr_a", true, "wr_a"},
        {" wr_a\t", true, "wr_a"},
        {"Bearer wr_a", true, ""},
        {"", true, ""},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        weir_secret key =
            weir_key_read(weir_span_of(rows[i].value), rows[i].is_bare);
        assert_int_equal(key.len, strlen(rows[i].key));
        if (key.len > 0)
            assert_memory_equal(key.ptr, rows[i].key, key.len);
    }
}

TEST(key, overlong_key_is_refused)
{
    char text[WEIR_KEY_BYTES_MAX + 2];
    memset(text, 'a', sizeof(text));
    weir_span most = {text, WEIR_KEY_BYTES_MAX};
    weir_span over = {text, WEIR_KEY_BYTES_MAX + 1};
    assert_int_equal(weir_key_read(most, true).len, WEIR_KEY_BYTES_MAX);
    assert_int_equal(weir_key_read(over, true).len, 0);
}
