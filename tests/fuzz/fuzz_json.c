/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes: every kernel of the scanner and the reader give one verdict,
 * the hits of all kernels are the same spans, and each hit is JSON itself.
 */
#include <weir/json.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const weir_json_path paths[] = {
    WEIR_JSON_PATH1("a"),
    WEIR_JSON_PATH2("a", "b"),
    WEIR_JSON_PATH3("a", WEIR_JSON_EACH, "b"),
    WEIR_JSON_PATH2("c", WEIR_JSON_EACH),
    WEIR_JSON_PATH1("model"),
};
#define PATHS WEIR_COUNTOF(paths)

static void
check_hits(const weir_json_hit hits[PATHS])
{
    for (size_t i = 0; i < PATHS; i++) {
        if (hits[i].kind == WEIR_JSON_NONE)
            continue;
        struct weir_json_root root;
        if (weir_json_scan(hits[i].raw, NULL, 0, 0, &root, NULL, NULL) !=
                WEIR_OK ||
            root.kind != hits[i].kind || root.raw.len != hits[i].raw.len)
            abort();
    }
}

/* With a plan or without: the same verdict and the same hits. */
static void
check_plan(weir_span text, unsigned flags)
{
    struct weir_json_plan plan = WEIR_JSON_PLAN(paths, PATHS);
    struct weir_json_root root;
    weir_json_hit with[PATHS];
    weir_json_hit without[PATHS];
    weir_status verdict =
        weir_json_scan(text, paths, PATHS, flags, &root, without, NULL);
    if (weir_json_scan_planned(text, &plan, flags, &root, with, NULL) !=
        verdict)
        abort();
    for (size_t i = 0; i < PATHS && verdict == WEIR_OK; i++)
        if (with[i].raw.ptr != without[i].raw.ptr ||
            with[i].raw.len != without[i].raw.len ||
            with[i].count != without[i].count)
            abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    /* A block of its own, so that reading past it is seen. */
    char *copy = malloc(len > 0 ? len : 1);
    if (copy == NULL)
        return 0;
    if (len > 0)
        memcpy(copy, bytes, len);
    weir_span text = {copy, len};
    weir_json_hit first[PATHS];
    weir_json_hit other[PATHS];
    struct weir_json_root root;
    weir_status verdict =
        weir_json_scan_with(0, text, paths, PATHS, 0, &root, first, NULL);
    for (size_t i = 1; weir_json_kernel_name(i) != NULL; i++) {
        if (weir_json_scan_with(i, text, paths, PATHS, 0, &root, other, NULL) !=
            verdict)
            abort();
        if (verdict == WEIR_OK)
            for (size_t j = 0; j < PATHS; j++)
                if (first[j].raw.ptr != other[j].raw.ptr ||
                    first[j].raw.len != other[j].raw.len ||
                    first[j].count != other[j].count)
                    abort();
    }
    check_plan(text, 0);
    check_plan(text, WEIR_JSON_FOLD_NAMES);
    struct weir_json_reader reader;
    weir_json_reader_init(&reader, text, NULL);
    weir_status plain = weir_json_reader_end(&reader, NULL);
    if (verdict == WEIR_OK) {
        check_hits(first);
        if (plain != WEIR_OK)
            abort();
    } else if (plain == WEIR_OK &&
               weir_json_scan(text, NULL, 0, 0, &root, NULL, NULL) != WEIR_OK) {
        abort(); /* with paths, a duplicate may have been refused */
    }
    free(copy);
    return 0;
}
