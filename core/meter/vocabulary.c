/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vocabulary as one block:
 *
 *   header | offsets[count + 1] | splits[2 count] | slots[2^k] |
 *   longest[65536] | blocks[8704] | classes[128 n] | bytes
 *
 * splits[2 i], splits[2 i + 1] are the two tokens whose merge makes token i;
 * i and i for a single byte; RANK_NONE twice for a token that merging can
 * not make (only a whole piece can be it).
 */
#include "tokens.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC   UINT64_C(0x31306b6f74726977) /* "wirtok01" */
#define VERSION 2

struct header {
    uint64_t magic;
    uint32_t version;
    uint32_t encoding;
    uint32_t count;
    uint32_t mask;
    uint32_t length_max;
    uint32_t class_blocks;
    uint64_t size;
    uint64_t offsets; /* all from the start of the block */
    uint64_t splits;
    uint64_t slots;
    uint64_t longest;
    uint64_t blocks;
    uint64_t classes;
    uint64_t bytes;
    uint64_t bytes_len;
};

static const struct {
    uint32_t first;
    uint32_t last;
    uint8_t class;
} ranges[] = {
#define R(first, last, class) {first, last, class},
#include "unicode_ranges.def"
#undef R
};

bool
weir_encoding_parse(weir_span name, enum weir_encoding *encoding_out)
{
    if (weir_span_equal(name, WEIR_SPAN("cl100k_base")))
        *encoding_out = WEIR_ENCODING_CL100K;
    else if (weir_span_equal(name, WEIR_SPAN("o200k_base")))
        *encoding_out = WEIR_ENCODING_O200K;
    else
        return false;
    return true;
}

const char *
weir_encoding_name(enum weir_encoding encoding)
{
    return encoding == WEIR_ENCODING_CL100K ? "cl100k_base" : "o200k_base";
}

/* ----------------------------------------------------------- reading */

/* Strict base64 of one line's first word; at most 256 bytes. */
static bool
decode(weir_span text, struct weir_buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    if (text.len == 0 || text.len % 4 != 0)
        return false;
    for (size_t i = 0; i < text.len; i += 4) {
        uint32_t word = 0;
        int pads = 0;
        for (size_t j = 0; j < 4; j++) {
            char c = text.ptr[i + j];
            const char *found =
                c == '\0' ? NULL : memchr(digits, c, sizeof(digits) - 1);
            if (c == '=' && i + 4 == text.len && j >= 2)
                pads++;
            else if (found == NULL || pads > 0)
                return false;
            word =
                word << 6 | (found != NULL ? (uint32_t)(found - digits) : 0u);
        }
        for (int j = 0; j < 3 - pads; j++)
            weir_buf_add_byte(out, (char)(word >> (16 - 8 * j)));
    }
    return true;
}

static weir_status
read_ranks(weir_span ranks, struct weir_buf *bytes, struct weir_buf *offsets,
           uint32_t *count_out, struct weir_error *err)
{
    uint32_t count = 0;
    size_t at = 0;
    while (at < ranks.len) {
        const char *line = ranks.ptr + at;
        const char *end = memchr(line, '\n', ranks.len - at);
        size_t len = end != NULL ? (size_t)(end - line) : ranks.len - at;
        const char *blank = memchr(line, ' ', len);
        uint64_t rank;
        uint32_t offset = (uint32_t)bytes->len;
        if (blank == NULL ||
            !decode((weir_span){line, (size_t)(blank - line)}, bytes) ||
            !weir_span_to_u64(
                (weir_span){blank + 1, len - (size_t)(blank - line) - 1},
                &rank))
            return weir_fail(err, WEIR_EPARSE, at,
                             "not a line of base64, blank, rank");
        if (rank != count || count == COUNT_MAX)
            return weir_fail(err, WEIR_EPARSE, at, "rank %u is expected here",
                             count);
        if (bytes->len - offset > WEIR_TOKENS_PIECE_SHORT)
            return weir_fail(err, WEIR_EPARSE, at,
                             "a token of more than %d bytes",
                             WEIR_TOKENS_PIECE_SHORT);
        weir_buf_add(offsets, &offset, sizeof(offset));
        count++;
        at += len + 1;
    }
    uint32_t offset = (uint32_t)bytes->len;
    weir_buf_add(offsets, &offset, sizeof(offset));
    *count_out = count;
    if (bytes->overflow || offsets->overflow)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the vocabulary does not fit in memory");
    return WEIR_OK;
}

/* ---------------------------------------------------------- building */

/* Everything is reserved first: pointers hold only then. */
static bool
reserve(struct weir_buf *out, size_t start, struct header *header)
{
    static const size_t align = 8;
    header->offsets =
        weir_buf_reserve(out, ((size_t)header->count + 1) * 4, align);
    header->splits = weir_buf_reserve(out, (size_t)header->count * 8, align);
    header->slots = weir_buf_reserve(
        out, ((size_t)header->mask + 1) * sizeof(struct weir_token_slot),
        align);
    header->longest = weir_buf_reserve(out, 65536, align);
    header->blocks = weir_buf_reserve(out, BLOCKS * 2, align);
    header->classes =
        weir_buf_reserve(out, (size_t)header->class_blocks * BLOCK, align);
    header->bytes = weir_buf_reserve(out, header->bytes_len, align);
    if (out->overflow)
        return false;
    header->size = out->len - start;
    uint64_t *all[] = {&header->offsets, &header->splits, &header->slots,
                       &header->longest, &header->blocks, &header->classes,
                       &header->bytes};
    for (size_t i = 0; i < WEIR_COUNTOF(all); i++)
        *all[i] -= start;
    return true;
}

static uint8_t
class_of(uint32_t cp)
{
    size_t low = 0;
    size_t high = WEIR_COUNTOF(ranges);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (cp > ranges[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < WEIR_COUNTOF(ranges) && cp >= ranges[low].first
               ? ranges[low].class
               : OTHER;
}

/* Equal blocks are kept once; returns how many differ. */
static uint32_t
make_classes(uint16_t *blocks, uint8_t *classes)
{
    uint32_t count = 0;
    uint8_t block[BLOCK];
    for (uint32_t b = 0; b < BLOCKS; b++) {
        for (uint32_t i = 0; i < BLOCK; i++)
            block[i] = class_of(b * BLOCK + i);
        uint32_t same = 0;
        while (same < count &&
               memcmp(classes + same * BLOCK, block, BLOCK) != 0)
            same++;
        if (same == count)
            memcpy(classes + count++ * BLOCK, block, BLOCK);
        blocks[b] = (uint16_t)same;
    }
    return count;
}

static void
fill_slots(const struct weir_vocabulary *view, struct weir_token_slot *slots)
{
    for (uint32_t rank = 0; rank < view->count; rank++) {
        weir_span token = weir_vocabulary_token(view, rank);
        uint64_t head = weir__vocabulary_head(token.ptr, token.len);
        uint64_t hash = weir__vocabulary_hash(token.ptr, token.len, head);
        uint32_t at = (uint32_t)hash & view->mask;
        while (slots[at].rank != 0)
            at = (at + 1) & view->mask;
        slots[at].tag = (uint32_t)(hash >> 32);
        slots[at].rank = (uint32_t)token.len << 24 | (rank + 1);
        slots[at].head = head;
    }
}

static void
fill_splits(const struct weir_vocabulary *view, uint32_t *splits,
            uint8_t *longest)
{
    uint32_t parts[WEIR_TOKENS_PIECE_SHORT];
    for (uint32_t rank = 0; rank < view->count; rank++) {
        weir_span token = weir_vocabulary_token(view, rank);
        splits[2 * rank] = rank;
        splits[2 * rank + 1] = rank;
        if (token.len < 2)
            continue;
        bool is_made = weir__tokens_merge_short(view, token, rank, parts) == 2;
        splits[2 * rank] = is_made ? parts[0] : RANK_NONE;
        splits[2 * rank + 1] = is_made ? parts[1] : RANK_NONE;
        uint8_t *bound = &longest[(unsigned char)token.ptr[0] << 8 |
                                  (unsigned char)token.ptr[1]];
        if (token.len > *bound)
            *bound = (uint8_t)token.len;
    }
}

static void
view_of(const char *base, const struct header *header,
        struct weir_vocabulary *view)
{
    view->base = base;
    view->size = header->size;
    view->offsets = (const uint32_t *)(const void *)(base + header->offsets);
    view->splits = (const uint32_t *)(const void *)(base + header->splits);
    view->slots =
        (const struct weir_token_slot *)(const void *)(base + header->slots);
    view->longest = (const uint8_t *)(base + header->longest);
    view->blocks = (const uint16_t *)(const void *)(base + header->blocks);
    view->classes = (const uint8_t *)(base + header->classes);
    view->bytes = base + header->bytes;
    view->count = header->count;
    view->mask = header->mask;
    view->length_max = header->length_max;
    view->encoding = header->encoding;
}

static weir_status
build(struct header *header, const struct weir_buf *bytes,
      const struct weir_buf *offsets, struct weir_buf *out,
      struct weir_error *err)
{
    struct weir_vocabulary view;
    uint16_t *blocks = calloc(BLOCKS, sizeof(*blocks));
    uint8_t *classes = calloc(BLOCKS, BLOCK);
    weir_status status = WEIR_OK;
    size_t start = weir_buf_reserve(out, sizeof(*header), 8);
    if (blocks == NULL || classes == NULL) {
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
        goto done;
    }
    header->class_blocks = make_classes(blocks, classes);
    if (start == SIZE_MAX || !reserve(out, start, header)) {
        status = weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                           "the vocabulary does not fit in the buffer");
        goto done;
    }
    char *base = out->ptr + start;
    memcpy(base, header, sizeof(*header));
    memcpy(base + header->offsets, offsets->ptr, offsets->len);
    memcpy(base + header->bytes, bytes->ptr, bytes->len);
    memcpy(base + header->blocks, blocks, BLOCKS * sizeof(*blocks));
    memcpy(base + header->classes, classes,
           (size_t)header->class_blocks * BLOCK);
    view_of(base, header, &view);
    fill_slots(&view, (struct weir_token_slot *)(void *)(base + header->slots));
    fill_splits(&view, (uint32_t *)(void *)(base + header->splits),
                (uint8_t *)(base + header->longest));
    for (int byte = 0; byte < 256; byte++) {
        char c = (char)byte;
        if (weir__vocabulary_find(&view, &c, 1) == RANK_NONE)
            status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                               "the byte %d is no token", byte);
    }
done:
    free(blocks);
    free(classes);
    return status;
}

weir_status
weir_vocabulary_compile(enum weir_encoding encoding, weir_span ranks,
                        struct weir_buf *out, struct weir_error *err)
{
    struct weir_buf bytes;
    struct weir_buf offsets;
    struct header header = {
        .magic = MAGIC, .version = VERSION, .encoding = encoding};
    weir_buf_init(&bytes, UINT32_MAX / 2);
    weir_buf_init(&offsets, UINT32_MAX / 2);
    weir_status status =
        read_ranks(ranks, &bytes, &offsets, &header.count, err);
    if (status == WEIR_OK) {
        const uint32_t *at = (const uint32_t *)(const void *)offsets.ptr;
        header.bytes_len = bytes.len;
        header.mask = 1023;
        while (header.mask / 2 < header.count)
            header.mask = header.mask * 2 + 1;
        for (uint32_t i = 0; i < header.count; i++)
            if (at[i + 1] - at[i] > header.length_max)
                header.length_max = at[i + 1] - at[i];
        status = build(&header, &bytes, &offsets, out, err);
    }
    weir_buf_fini(&bytes);
    weir_buf_fini(&offsets);
    return status;
}

/* ----------------------------------------------------------- opening */

static bool
lies_inside(const struct header *header, uint64_t offset, uint64_t len)
{
    return offset % 8 == 0 && offset >= sizeof(*header) &&
           offset <= header->size && len <= header->size - offset;
}

static bool
is_sound(const struct header *header)
{
    return header->count >= 256 && header->count < COUNT_MAX &&
           (header->mask & (header->mask + 1)) == 0 &&
           header->mask / 2 >= header->count &&
           header->length_max <= WEIR_TOKENS_PIECE_SHORT &&
           header->class_blocks <= BLOCKS &&
           lies_inside(header, header->offsets,
                       ((uint64_t)header->count + 1) * 4) &&
           lies_inside(header, header->splits, (uint64_t)header->count * 8) &&
           lies_inside(header, header->slots,
                       ((uint64_t)header->mask + 1) *
                           sizeof(struct weir_token_slot)) &&
           lies_inside(header, header->longest, 65536) &&
           lies_inside(header, header->blocks, BLOCKS * 2) &&
           lies_inside(header, header->classes,
                       (uint64_t)header->class_blocks * BLOCK) &&
           lies_inside(header, header->bytes, header->bytes_len) &&
           (header->encoding == WEIR_ENCODING_CL100K ||
            header->encoding == WEIR_ENCODING_O200K);
}

/* The parts are made earlier, and together as long as the whole. */
static bool
is_split(const struct weir_vocabulary *view, uint32_t token, uint32_t len)
{
    uint64_t sum = 0;
    for (uint32_t side = 0; side < 2; side++) {
        uint32_t part = view->splits[2 * token + side];
        if (part >= token || view->splits[2 * part] == RANK_NONE)
            return false;
        sum += view->offsets[part + 1] - view->offsets[part];
    }
    return sum == len;
}

static bool
tables_are_sound(const struct weir_vocabulary *view,
                 const struct header *header)
{
    uint64_t used = 0;
    for (uint32_t i = 0; i < view->count; i++) {
        uint32_t len = view->offsets[i + 1] - view->offsets[i];
        if (view->offsets[i + 1] < view->offsets[i] || len == 0 ||
            len > view->length_max)
            return false;
        uint32_t left = view->splits[2 * i];
        uint32_t right = view->splits[2 * i + 1];
        bool is_byte = left == i && right == i;
        bool is_unmade = left == RANK_NONE && right == RANK_NONE;
        if (is_byte ? len != 1 : !is_unmade && !is_split(view, i, len))
            return false;
    }
    if (view->offsets[view->count] > header->bytes_len)
        return false;
    for (uint64_t i = 0; i <= view->mask; i++) {
        uint32_t rank = view->slots[i].rank & 0xFFFFFFu;
        used += view->slots[i].rank != 0;
        if (view->slots[i].rank == 0)
            continue;
        if (rank == 0 || rank > view->count ||
            view->slots[i].rank >> 24 !=
                view->offsets[rank] - view->offsets[rank - 1])
            return false;
    }
    for (uint32_t i = 0; i < BLOCKS; i++)
        if (view->blocks[i] >= header->class_blocks)
            return false;
    for (uint64_t i = 0; i < (uint64_t)header->class_blocks * BLOCK; i++)
        if (view->classes[i] > SPACE)
            return false;
    for (int byte = 0; byte < 256; byte++) {
        char c = (char)byte;
        if (used > view->mask / 2 + 1 ||
            weir__vocabulary_find(view, &c, 1) == RANK_NONE)
            return false;
    }
    return true;
}

weir_status
weir_vocabulary_open(weir_span bytes, struct weir_vocabulary *vocabulary_out,
                     struct weir_error *err)
{
    struct header header;
    struct weir_vocabulary view;
    if (bytes.len < sizeof(header) || (uintptr_t)bytes.ptr % 8 != 0)
        return weir_fail(err, WEIR_ECORRUPT, 0, "not a vocabulary");
    memcpy(&header, bytes.ptr, sizeof(header));
    if (header.magic != MAGIC)
        return weir_fail(err, WEIR_ECORRUPT, 0, "not a vocabulary");
    if (header.version != VERSION)
        return weir_fail(err, WEIR_EVERSION, 8, "vocabulary version %u",
                         header.version);
    if (header.size > bytes.len || !is_sound(&header))
        return weir_fail(err, WEIR_ECORRUPT, 0, "a damaged vocabulary");
    view_of(bytes.ptr, &header, &view);
    if (!tables_are_sound(&view, &header))
        return weir_fail(err, WEIR_ECORRUPT, 0, "a damaged vocabulary");
    *vocabulary_out = view;
    return WEIR_OK;
}
