/* SPDX-License-Identifier: Apache-2.0 */
/* Items of content and the rules' file, from anywhere. */
#include <weir/content.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static uint8_t plain[1 << 16];
    struct weir_content_meta meta;
    uint64_t whole;
    const struct weir_aes_key key = {{1}};
    /* aligned, as mapped files are */
    char *copy = aligned_alloc(16, (size + 16) & ~(size_t)15);
    memcpy(copy, bytes, size);
    weir_span text = {copy, size};
    if (weir_content_read(text, &meta, &whole) == WEIR_OK &&
        meta.kept_bytes <= sizeof(plain) &&
        weir_content_open(text, &key, plain) == WEIR_OK)
        abort();
    const struct weir_content_rules *rules = weir_content_rules_of(text);
    if (rules != NULL) {
        (void)weir_content_class_of(rules, WEIR_SPAN("name"));
        (void)weir_content_tenant_of(rules, WEIR_SPAN("name"));
    }
    free(copy);
    return 0;
}
