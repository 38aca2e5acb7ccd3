/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of indicators made to hurt. The input is taken as a file as it is;
 * then as a list of edits to a sound one (2 bytes where, 1 byte how many, then
 * the bytes), whose checksum is made right again, so that only the bounds
 * stand between the edits and the reader. What opens is read and matched
 * everywhere, in both versions.
 */
#include <weir/watch_indicators.h>

#include <stdlib.h>
#include <string.h>

#define CRC_AT 40

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static volatile uint64_t seen;

static struct weir_buf
make_set(void)
{
    static uint64_t words[40];
    static uint32_t untils[40];
    struct weir_indicator_exchange exchanges[3] = {
        {.name = WEIR_SPAN("north"), .salt = "one", .until = 1000000000},
        {.name = WEIR_SPAN("south"),
         .salt = "two",
         .number = 9,
         .until = 2000000000},
        {.name = WEIR_SPAN("empty"), .number = 31, .until = 1}};
    struct weir_buf out;
    for (uint32_t i = 0; i < 40; i++) {
        words[i] = weir_indicator_word(exchanges[0].salt, i % 6, i + 1);
        untils[i] = 500 + i * 100;
    }
    exchanges[0].words = exchanges[1].words = words;
    exchanges[0].count = 40;
    exchanges[1].count = 7;
    exchanges[0].untils = untils;
    weir_buf_init(&out, 1 << 16);
    if (weir_indicators_write(exchanges, 3, 1, 1, &out, NULL) != WEIR_OK)
        abort();
    return out;
}

static void
read_all(const struct weir_indicators *set)
{
    struct weir_watch_features features = {.frame = 1};
    for (uint32_t i = 0; i < set->count; i++) {
        uint32_t number;
        weir_time until;
        weir_span name = weir_indicators_exchange(set, i, &number, &until);
        if (number >= WEIR_EXCHANGES_MAX || name.len == 0 ||
            name.len >= WEIR_INDICATOR_NAME_BYTES)
            abort();
    }
    for (uint64_t i = 0; i < 64; i++) {
        features.frame = features.head = features.tail = i + 1;
        features.system = features.first_words = features.last_words = i * i;
        struct weir_indicator_match match = weir_indicators_match(
            set, &features, (weir_time)(i * 90) * WEIR_US_PER_SEC);
        if (match.kinds >> WEIR_INDICATOR_KINDS != 0 ||
            (match.kinds == 0) != (match.exchanges == 0))
            abort();
        seen += match.exchanges;
    }
}

static void
try_set(char *bytes, size_t len)
{
    struct weir_indicators set;
    if (weir_indicators_open((weir_span){bytes, len}, &set, NULL) == WEIR_OK)
        read_all(&set);
}

static void
edit(char *target, size_t size, const uint8_t *bytes, size_t len)
{
    while (len > 3) {
        size_t where = (size_t)(bytes[0] | bytes[1] << 8);
        size_t count = 1 + bytes[2] % 8;
        bytes += 3;
        len -= 3;
        for (size_t i = 0; i < count && len > 0; i++) {
            target[(where + i) % size] = (char)*bytes++;
            len--;
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct weir_buf sound;
    if (sound.ptr == NULL)
        sound = make_set();
    size_t size = len > sound.len ? len : sound.len;
    char *copy = aligned_alloc(8, (size + 8) & ~(size_t)7);
    if (copy == NULL)
        abort();
    if (len > 0)
        memcpy(copy, bytes, len);
    try_set(copy, len);
    memcpy(copy, sound.ptr, sound.len);
    edit(copy, sound.len, bytes, len);
    memset(copy + CRC_AT, 0, 4);
    uint32_t crc = weir_crc32c(0, copy, sound.len);
    memcpy(copy + CRC_AT, &crc, 4);
    try_set(copy, sound.len);
    free(copy);
    return 0;
}
