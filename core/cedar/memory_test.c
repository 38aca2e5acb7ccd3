/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies, entities and programs made while the n-th allocation fails, for
 * every n, once and from then on: an error each time, and nothing lost. The
 * allocator is replaced here, so the test needs glibc and no sanitizer.
 */
#include "cedar_fixture.h"

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CANNOT_REPLACE
#endif
#endif
#else
#define CANNOT_REPLACE
#endif

#ifndef CANNOT_REPLACE

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

static long countdown = -1; /* negative: nothing fails */
static bool is_for_good;

static bool
fails(void)
{
    if (countdown < 0)
        return false;
    if (countdown > 0) {
        countdown--;
        return false;
    }
    if (!is_for_good)
        countdown = -1;
    return true;
}

void *
malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *memory, size_t size)
{
    return fails() ? NULL : __libc_realloc(memory, size);
}

static const char policies[] =
    "permit(principal in Org::\"o1\", action == Action::\"chat\", resource);"
    "forbid(principal, action in [Action::\"chat\", Action::\"infer\"], "
    "resource is Dep) when { resource.tier == \"x\" && context has a.b };"
    "permit(principal, action, resource) when { resource in [Dep::\"a\", "
    "Dep::\"b\"] && principal.s like \"a*b\" && ([1, principal.n]."
    "contains(context.n) || ip(\"10.0.0.1/33\").isIpv4() || "
    "(if principal.b then {a: [2], b: {c: 3}} else {z: 1}) == {a: 1}) };";

static weir_status
fill(struct weir_cedar_store *store)
{
    for (int i = 0; i < 150; i++) {
        char key_id[16];
        char org_id[16];
        weir_cedar_value elements[2] = {value_long(i), value_long(1)};
        snprintf(key_id, sizeof(key_id), "k%d", i);
        snprintf(org_id, sizeof(org_id), "o%d", i / 7);
        struct weir_cedar_uid org = {S("Org"), weir_span_of(org_id)};
        elements[1] = value_uid(&org);
        struct weir_cedar_field fields[3] = {
            {S("n"), value_long(5)},
            {S("s"), value_string(weir_span_of(key_id))},
            {S("set"), weir_cedar_value_set(elements, 2)}};
        struct weir_cedar_entity entity = {
            .uid = {S("Key"), weir_span_of(key_id)},
            .attributes = fields,
            .attribute_count = 3,
            .tags = fields,
            .tag_count = (size_t)(i % 3),
            .parents = &org,
            .parent_count = 1};
        weir_status status = weir_cedar_store_add(store, &entity, NULL);
        if (status != WEIR_OK)
            return status;
    }
    return weir_cedar_store_seal(store, NULL);
}

/* Everything once; what fails is told by its status. */
static weir_status
build(struct weir_buf *blob)
{
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    struct weir_cedar_store *store = weir_cedar_store_new();
    weir_status status = WEIR_ENOMEM;
    if (set != NULL && store != NULL)
        status = weir_cedar_policies_add_text(set, weir_span_of(policies),
                                              S("f"), NULL);
    if (status == WEIR_OK)
        status = fill(store);
    if (status == WEIR_OK)
        status = weir_cedar_compile(set, store, NULL, blob, NULL);
    weir_cedar_policies_free(set);
    weir_cedar_store_free(store);
    return status;
}

static void
fail_each(bool for_good)
{
    struct weir_cedar_program program;
    long fits = -1;
    for (long n = 0; fits < 0; n++) {
        struct weir_buf blob;
        weir_buf_init(&blob, 1 << 24);
        countdown = n;
        is_for_good = for_good;
        weir_status status = build(&blob);
        bool has_failed = for_good ? countdown == 0 : countdown < 0;
        countdown = -1;
        if (status == WEIR_OK) {
            assert_ok(
                weir_cedar_program_open(weir_buf_span(&blob), &program, NULL));
            fits = has_failed ? fits : n;
        } else {
            /* A buffer tells a lack of memory as a lack of room. */
            assert_true(has_failed);
            assert_true(status == WEIR_ENOMEM || status == WEIR_ETOOBIG);
        }
        weir_buf_fini(&blob);
    }
    if (fits == 0) {
        print_message("the allocator is not ours (valgrind?): skipped\n");
        skip();
    }
    assert_true(fits > 100);
}

TEST(cedar_memory, each_allocation_may_fail_once)
{
    fail_each(false);
}

TEST(cedar_memory, each_allocation_may_be_the_last)
{
    fail_each(true);
}

#else

TEST(cedar_memory, is_skipped_where_the_allocator_can_not_be_replaced)
{
    print_message("sanitizer or another libc: failing memory is skipped\n");
    skip();
}

#endif
