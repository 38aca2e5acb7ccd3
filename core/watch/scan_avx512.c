/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of ASCII for machines with AVX-512: the same tokens as scan.c finds,
 * eight words at a time.
 *
 *   bytes -> maps, and where each row of word bytes begins and ends
 *   rows  -> a digest, the lexicon's note, what stands for it in a frame and
 *            its first letters, if it is a word: eight at a time
 *   words -> from one to the next stop (no single blank and word behind it)
 *            the rows are the words: they are copied, eight at a time
 *
 * WHY. Word by word, one has to end before the next begins: each waits for
 * the one before, and takes a hundred instructions. Rows wait for nothing.
 * Some of them are no words (in quotes, before a letter beyond ASCII): that
 * they were read is a loss of some nanoseconds, and of nothing else.
 *
 * WHY NOT AVX2 AS WELL. It was built and measured: products of 64 bits, four
 * lanes and no compression leave a tenth of the gain.
 *
 * Rows of more than eight bytes, with digits or upper case, and those that
 * the lexicon keeps behind another, are seen to one by one: they are few.
 *
 * The last step of a run writes up to seven tokens behind the last one. They
 * are not counted, and the arrays have room for them.
 */
#include "tokens.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target(WATCH_AVX512)))
#define LANES  8u

/* -------------------------------------------------------------- maps */

/* Bytes from `first` on, `count` of them. */
TARGET static inline uint64_t
in_range(__m512i bytes, char first, char count)
{
    return _mm512_cmplt_epu8_mask(
        _mm512_sub_epi8(bytes, _mm512_set1_epi8(first)),
        _mm512_set1_epi8(count));
}

TARGET static void
map_bytes(struct scan *s)
{
    const __m512i lower = _mm512_set1_epi8(0x20);
    size_t i = 0;
    for (size_t at = 0; at < s->len; i++, at += 64) {
        __m512i b = _mm512_loadu_si512(s->text + at);
        uint64_t digits = in_range(b, '0', 10);
        uint64_t part =
            digits | _mm512_cmpeq_epi8_mask(b, _mm512_set1_epi8('_'));
        /* a quote begins no word */
        uint64_t starts = in_range(_mm512_or_si512(b, lower), 'a', 26) | part;
        s->start_map[i] = starts;
        s->word_map[i] =
            starts | _mm512_cmpeq_epi8_mask(b, _mm512_set1_epi8('\''));
        s->blank_map[i] = in_range(b, 0, 33);
        s->space_map[i] = _mm512_cmpeq_epi8_mask(b, lower);
        s->digit_map[i] = digits;
        s->special_map[i] = in_range(b, 'A', 26) | part;
    }
    s->start_map[i] = s->start_map[i + 1] = 0;
    s->word_map[i] = s->word_map[i + 1] = 0;
    s->blank_map[i] = s->space_map[i] = 0;
    s->digit_map[i] = s->special_map[i] = 0;
    s->block_count = i + 1;
}

/* -------------------------------------------------------------- rows */

/* Sixteen edges from the `from`-th on, as places. */
TARGET static inline void
put_edges(uint32_t *places, __m512i edges, int from, uint32_t base)
{
    __m512i at = _mm512_cvtepu8_epi32(
        from == 0    ? _mm512_castsi512_si128(edges)
        : from == 16 ? _mm512_extracti32x4_epi32(edges, 1)
        : from == 32 ? _mm512_extracti32x4_epi32(edges, 2)
                     : _mm512_extracti32x4_epi32(edges, 3));
    _mm512_storeu_si512(places + from,
                        _mm512_add_epi32(at, _mm512_set1_epi32((int)base)));
}

/* Where rows begin and end, and which ends are stops. */
TARGET static void
find_rows(struct scan *s)
{
    static const uint8_t numbers[64] __attribute__((aligned(64))) = {
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
        16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
        32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
        48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    const __m512i all = _mm512_load_si512(numbers);
    uint32_t *places = &s->rows[0].start;
    uint64_t carry = 0;
    uint32_t count = 0;
    for (size_t i = 0; i < s->block_count; i++) {
        uint64_t words = s->word_map[i];
        uint64_t shifted = words << 1 | carry;
        uint64_t starts = s->start_map[i] >> 1 | s->start_map[i + 1] << 63;
        uint64_t ends = shifted & ~words;
        uint64_t edges = shifted ^ words;
        uint32_t base = (uint32_t)(i << 6);
        __m512i found = _mm512_maskz_compress_epi8(edges, all);
        s->end_map[i] = ends;
        s->stop_map[i] = ends & ~(s->space_map[i] & starts);
        s->row_base[i] = count / 2; /* a row that goes on counts at its end */
        carry = words >> 63;
        put_edges(places + count, found, 0, base);
        put_edges(places + count, found, 16, base);
        if (_mm_popcnt_u64(edges) > 32) { /* words of two letters */
            put_edges(places + count, found, 32, base);
            put_edges(places + count, found, 48, base);
        }
        count += (uint32_t)_mm_popcnt_u64(edges);
    }
    s->row_count = count / 2;
    /* what a last step reads behind the last row */
    _mm512_storeu_si512(s->rows + s->row_count,
                        _mm512_set1_epi32((int32_t)s->len));
}

/* Eight bits and no more: with sanitizers GCC 12 keeps a mask as one byte in
 * memory, reads four back and takes the others to be zero. */
TARGET static inline uint32_t
lanes_of(__mmask8 mask)
{
    uint32_t lanes = mask;
    __asm__("" : "+r"(lanes));
    return lanes & UINT8_MAX;
}

TARGET static inline __m512i
eight_of(const uint64_t v[LANES])
{
    return _mm512_set_epi64((int64_t)v[7], (int64_t)v[6], (int64_t)v[5],
                            (int64_t)v[4], (int64_t)v[3], (int64_t)v[2],
                            (int64_t)v[1], (int64_t)v[0]);
}

/* The first eight bytes of eight rows, in lower case. */
TARGET static inline __m512i
fronts_of(const char *text, const struct row *rows)
{
    const uint64_t fronts[LANES] = {
        load_le64(text + rows[0].start), load_le64(text + rows[1].start),
        load_le64(text + rows[2].start), load_le64(text + rows[3].start),
        load_le64(text + rows[4].start), load_le64(text + rows[5].start),
        load_le64(text + rows[6].start), load_le64(text + rows[7].start)};
    return _mm512_or_si512(eight_of(fronts), _mm512_set1_epi8(0x20));
}

/* The lexicon's entries where eight digests belong. */
TARGET static inline __m512i
look_up(const uint64_t *hashes)
{
    const uint64_t *entries = weir__watch_entries;
    const uint64_t slot = LEXICON_SLOTS - 1;
    const uint64_t found[LANES] = {
        entries[hashes[0] & slot], entries[hashes[1] & slot],
        entries[hashes[2] & slot], entries[hashes[3] & slot],
        entries[hashes[4] & slot], entries[hashes[5] & slot],
        entries[hashes[6] & slot], entries[hashes[7] & slot]};
    return eight_of(found);
}

/* Rows of more than eight bytes. */
TARGET __attribute__((noinline)) static void
redo_long(struct scan *s, uint32_t first, uint32_t lanes)
{
    for (; lanes != 0; lanes &= lanes - 1) {
        uint32_t i = first + (uint32_t)__builtin_ctz(lanes);
        s->row_words[i] = hash_ascii(s->text + s->rows[i].start,
                                     s->rows[i].end - (size_t)s->rows[i].start);
    }
}

/* Digests whose word may lie behind their slot. */
TARGET __attribute__((noinline)) static void
redo_notes(struct scan *s, uint32_t first, uint32_t lanes)
{
    for (; lanes != 0; lanes &= lanes - 1) {
        uint32_t i = first + (uint32_t)__builtin_ctz(lanes);
        s->row_notes[i] = weir__watch_note(s->row_words[i]);
    }
}

/* hash_mix() of lexicon.h with HASH_SEED. */
TARGET static inline __m512i
digest(__m512i word)
{
    __m512i h = _mm512_mullo_epi64(
        _mm512_xor_si512(word, _mm512_set1_epi64((int64_t)HASH_SEED)),
        _mm512_set1_epi64((int64_t)HASH_STEP));
    return _mm512_xor_si512(h, _mm512_srli_epi64(h, 32));
}

/* What each row is, if it is a word. Behind the last one there are rows of
 * nothing. */
TARGET static void
read_rows(struct scan *s)
{
    const __m512i tags = _mm512_set1_epi64(UINT32_MAX & ~LEXICON_MORE);
    const __m512i more = _mm512_set1_epi64(LEXICON_MORE);
    uint32_t lone = 0;
    for (uint32_t i = 0; i < s->row_count; i += LANES) {
        __m512i place = _mm512_loadu_si512(s->rows + i);
        __m512i lens = _mm512_sub_epi32(_mm512_srli_epi64(place, 32), place);
        lens = _mm512_and_si512(lens, _mm512_set1_epi64(UINT32_MAX));
        __m512i front = fronts_of(s->text, s->rows + i);
        __m512i shift =
            _mm512_sub_epi64(_mm512_set1_epi64(64), _mm512_slli_epi64(lens, 3));
        __m512i word = _mm512_and_si512(
            front, _mm512_srlv_epi64(_mm512_set1_epi64(-1), shift));
        __m512i hash = digest(word);
        uint32_t longer =
            lanes_of(_mm512_cmpgt_epi64_mask(lens, _mm512_set1_epi64(8)));
        _mm512_storeu_si512(s->row_words + i, hash);
        _mm512_storeu_si512(
            s->row_stems + i,
            _mm512_maskz_and_epi64(
                _mm512_cmpgt_epi64_mask(lens, _mm512_set1_epi64(5)), front,
                _mm512_set1_epi64(INT64_C(0xFFFFFFFFFF))));
        _mm512_storeu_si512(s->row_masks + i,
                            _mm512_set1_epi64((int64_t)MASK_WORD));
        lone |= lanes_of(_mm512_cmpeq_epi64_mask(word, _mm512_set1_epi64('i')));
        if (longer != 0) {
            redo_long(s, i, longer);
            hash = _mm512_loadu_si512(s->row_words + i);
        }
        __m512i found = look_up(s->row_words + i);
        __mmask8 unknown = _mm512_test_epi64_mask(
            _mm512_xor_si512(found, _mm512_srli_epi64(hash, 32)), tags);
        uint32_t missed =
            lanes_of(_mm512_mask_test_epi64_mask(unknown, found, more));
        _mm256_storeu_si256(
            (void *)(s->row_notes + i),
            _mm512_maskz_cvtepi64_epi32((__mmask8)~unknown,
                                        _mm512_srli_epi64(found, 32)));
        if (missed != 0)
            redo_notes(s, i, missed);
    }
    s->has_lone = lone != 0;
}

/* The row that holds the byte at `at`, or the first one behind it. */
TARGET static inline uint32_t
row_at(const struct scan *s, size_t at)
{
    uint64_t before = s->end_map[at >> 6] & ~(~UINT64_C(1) << (at & 63));
    return s->row_base[at >> 6] + (uint32_t)_mm_popcnt_u64(before);
}

/* Bits of a block that stand for no byte before `from`. */
static inline uint64_t
bits_behind(uint64_t bits, size_t block, size_t from)
{
    size_t base = block << 6;
    if (from <= base)
        return bits;
    return from - base < 64 ? bits >> (from - base) << (from - base) : 0;
}

/* Rows with digits, upper case or underscores, as if none began a sentence. */
TARGET static void
redo_odd(struct scan *s)
{
    size_t from = 0;
    for (size_t block = 0; block < s->block_count; block++) {
        uint64_t bits = bits_behind(s->special_map[block], block, from);
        while (bits != 0) {
            uint32_t i =
                row_at(s, (block << 6) + (size_t)__builtin_ctzll(bits));
            struct row row = s->rows[i];
            s->row_notes[i] =
                weir__watch_odd_word(s, row.start, row.end - (size_t)row.start,
                                     s->row_notes[i], false, &s->row_masks[i]);
            from = row.end;
            bits = bits_behind(bits, block, from);
        }
    }
}

TARGET void
weir__watch_classify_avx512(struct scan *s)
{
    map_bytes(s);
    find_rows(s);
    read_rows(s);
    redo_odd(s);
}

/* ------------------------------------------------------------- words */

/* A row that begins with a quote: its word begins at `at`. */
TARGET __attribute__((noinline)) static void
redo_start(struct scan *s, uint32_t i, size_t at)
{
    size_t len = s->rows[i].end - at;
    uint64_t letters =
        (load_le64(s->text + at) | UINT64_C(0x2020202020202020)) &
        UINT64_C(0xFFFFFFFFFF);
    s->rows[i].start = (uint32_t)at;
    s->row_words[i] = hash_ascii(s->text + at, len);
    s->row_stems[i] = len > 5 ? letters : 0;
    s->row_masks[i] = MASK_WORD;
    s->row_notes[i] = weir__watch_note(s->row_words[i]);
    s->has_lone |= len == 1 && s->text[at] == 'i';
    uint64_t special = s->special_map[at >> 6] >> (at & 63) |
                       s->special_map[(at >> 6) + 1] << 1 << (63 - (at & 63));
    if (len >= 64 || (special & ((UINT64_C(1) << len) - 1)) != 0)
        s->row_notes[i] = weir__watch_odd_word(s, at, len, s->row_notes[i],
                                               false, &s->row_masks[i]);
}

/* The rows that hold an "i" alone. */
TARGET __attribute__((noinline)) static void
redo_lone(struct scan *s, uint32_t i, uint32_t count)
{
    for (const uint32_t end = i + count; i < end; i++)
        if (s->rows[i].end - s->rows[i].start == 1 &&
            s->text[s->rows[i].start] == 'i')
            s->row_notes[i] =
                weir__watch_odd_word(s, s->rows[i].start, 1, s->row_notes[i],
                                     false, &s->row_masks[i]);
}

/* Rows from `i` up to the next stop. */
TARGET static inline uint32_t
count_run(const struct scan *s, uint32_t i, size_t at)
{
    size_t block = at >> 6;
    uint64_t stops = s->stop_map[block] & ~UINT64_C(0) << (at & 63);
    while (stops == 0)
        stops = s->stop_map[++block];
    size_t stop = (block << 6) + (size_t)__builtin_ctzll(stops);
    uint32_t count = row_at(s, stop) - i;
    /* the last one goes on beyond ASCII: it is no word of this run */
    return count - ((unsigned char)s->text[stop] >> 7);
}

/* Where tokens go to. */
struct ends {
    uint64_t *words;
    uint32_t *notes;
    uint64_t *frames;
    uint64_t *stems;
};

/* Rows from `i` on become words; `last` is the frame token before, in the
 * lane behind the last, and `start` what is other in the first one's mask.
 * Returns the frame tokens, kept or not. */
TARGET static inline __m512i
put_eight(const struct scan *s, uint32_t i, uint32_t left, __m512i start,
          __m512i last, struct ends *to)
{
    const __mmask8 valid =
        (__mmask8)(left < LANES ? (1u << left) - 1 : UINT8_MAX);
    __m512i word = _mm512_loadu_si512(s->row_words + i);
    __m256i note = _mm256_loadu_si256((const void *)(s->row_notes + i));
    __m512i stem = _mm512_loadu_si512(s->row_stems + i);
    __m512i mask =
        _mm512_xor_si512(_mm512_loadu_si512(s->row_masks + i), start);
    __mmask8 kept = _mm256_test_epi32_mask(note, _mm256_set1_epi32(WORD_KEEP));
    __m512i token = _mm512_mask_mov_epi64(mask, kept, word);
    __m512i before = _mm512_alignr_epi64(token, last, 7);
    __mmask8 put = (kept | _mm512_cmpneq_epi64_mask(token, before)) & valid;
    __mmask8 longer = _mm512_test_epi64_mask(stem, stem) & valid;
    _mm512_storeu_si512(to->words, word);
    _mm256_storeu_si256((void *)to->notes, note);
    _mm512_storeu_si512(to->frames, _mm512_maskz_compress_epi64(put, token));
    _mm512_storeu_si512(to->stems, _mm512_maskz_compress_epi64(longer, stem));
    to->words += LANES;
    to->notes += LANES;
    to->frames += _mm_popcnt_u32(lanes_of(put));
    to->stems += _mm_popcnt_u32(lanes_of(longer));
    return token;
}

TARGET static void
put_words(struct scan *s, uint32_t i, uint32_t count)
{
    struct watch_tokens *out = s->out;
    struct ends to = {
        out->words + out->word_count, out->notes + out->word_count,
        out->frames + out->frame_count, out->stems + out->stem_count};
    __m512i last = _mm512_set1_epi64((int64_t)s->last_frame);
    /* the first of a sentence may have a capital and be no name */
    bool is_start = s->is_sentence && s->row_masks[i] == MASK_NAME;
    __m512i start =
        _mm512_maskz_set1_epi64(is_start, (int64_t)(MASK_NAME ^ MASK_WORD));
    uint32_t left = count;
    for (; left > LANES; left -= LANES, i += LANES) {
        last = put_eight(s, i, LANES, start, last, &to);
        start = _mm512_setzero_si512();
    }
    last = put_eight(s, i, left, start, last, &to);
    last = _mm512_permutexvar_epi64(_mm512_set1_epi64(left - 1), last);
    s->last_frame = (uint64_t)_mm_cvtsi128_si64(_mm512_castsi512_si128(last));
    out->frame_count = (uint32_t)(to.frames - out->frames);
    out->stem_count = (uint32_t)(to.stems - out->stems);
    out->notes[out->word_count] |= s->after;
    out->word_count += count;
}

TARGET size_t
weir__watch_words_avx512(struct scan *s, size_t at)
{
    uint32_t i = row_at(s, at);
    uint32_t count = count_run(s, i, at);
    WEIR_ASSERT(count > 0 && i + count <= s->row_count);
    if (s->rows[i].start != at)
        redo_start(s, i, at);
    if (s->has_lone)
        redo_lone(s, i, count);
    if (s->out->word_count == 0)
        s->found->starts_upper =
            is_between((unsigned char)s->text[at], 'A', 'Z');
    put_words(s, i, count);
    s->out->script_words[WEIR_WATCH_SCRIPT_LATIN] += count;
    s->after = 0;
    s->is_sentence = false;
    return s->rows[i + count - 1].end;
}

#else

typedef int weir__watch_no_scan_avx512;

#endif
