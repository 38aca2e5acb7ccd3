/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a world to an image:
 *
 *   check -> ownership rules -> entities -> policies -> Cedar program
 *         -> tables and indexes -> bytes
 *
 * Everything is built in memory and written in one go at the end, so that a
 * fault leaves `out` as it was. The same world at the same moment gives the
 * same content, byte for byte, and so the same digest: nothing here depends
 * on addresses, hash seeds or the clock.
 */
#include "compile.h"
#include "entities.h"

#include <weir/crypto.h>

#include <string.h>

#define TEXT_BYTES_MAX    ((size_t)2 << 30)
#define PROGRAM_BYTES_MAX ((size_t)4 << 30)
#define SHARED_TEXTS_MAX  65536

/* What the gate gives the evaluator on its stack; a program that needs more
 * would deny everything, so it is refused here. */

/* ---------------------------------------------------------------- parts */

weir_ref
weir__compile_text_once(struct weir__compiler *c, weir_span text)
{
    weir_ref ref = {0, 0};
    if (text.len == 0)
        return ref;
    ref.offset = (uint32_t)(WEIR__IMAGE_CONTENT + c->text.len);
    ref.len = (uint32_t)text.len;
    weir_buf_add_span(&c->text, text);
    return ref;
}

weir_ref
weir__compile_text(struct weir__compiler *c, weir_span text)
{
    if (text.len == 0)
        return (weir_ref){0, 0};
    uint32_t offset = (uint32_t)(WEIR__IMAGE_CONTENT + c->text.len);
    uint32_t shared = c->texts.count < SHARED_TEXTS_MAX
                          ? weir__names_put(&c->texts, text, offset)
                          : weir__names_find(&c->texts, text);
    if (shared == WEIR_INDEX_NONE)
        return weir__compile_text_once(c, text);
    return (weir_ref){shared, (uint32_t)text.len};
}

weir_span
weir__compile_read(const struct weir__compiler *c, weir_ref ref)
{
    if (ref.len == 0)
        return WEIR_SPAN_NONE;
    return (weir_span){c->text.ptr + (ref.offset - WEIR__IMAGE_CONTENT),
                       ref.len};
}

uint32_t
weir__compile_entity(struct weir__compiler *c, const char *type, weir_span id)
{
    struct weir_cedar_uid uid = {weir_span_of(type), id};
    uint32_t handle = weir_cedar_program_entity(&c->view, &uid);
    c->is_broken = c->is_broken || handle == WEIR_CEDAR_NONE;
    return handle;
}

void *
weir__compile_rows(struct weir__compiler *c, enum weir__section_id id,
                   size_t stride, uint32_t count)
{
    c->counts[id] = count;
    c->rows[id] = weir_arena_alloc_array(&c->arena, stride, count);
    return c->rows[id];
}

/* -------------------------------------------------------------- program */

static bool
add_failure(struct weir_faults *faults, const struct weir_error *err)
{
    weir_faults_add(faults, (struct weir_place){0},
                    "If this is not about memory, it is a bug of weir.",
                    "the image cannot be compiled: %s", err->text);
    return false;
}

static bool
compile_with(struct weir__compiler *c, struct weir_cedar_store *store,
             weir_time now, struct weir_faults *faults)
{
    struct weir__members members;
    struct weir_error err;
    if (weir__members_run(c->world, now, &c->arena, &members, &err) !=
            WEIR_OK ||
        weir__entities_add(store, c->world, &members, &c->arena, &err) !=
            WEIR_OK)
        return add_failure(faults, &err);
    if (!weir__policies_check_names(&c->policies, c->world, store, &c->arena,
                                    faults))
        return false;
    if (weir_cedar_compile(c->policies.bound, store, c->policies.rules,
                           &c->program, &err) != WEIR_OK ||
        weir_cedar_program_open(weir_buf_span(&c->program), &c->view, &err) !=
            WEIR_OK)
        return add_failure(faults, &err);
    if (weir_cedar_program_scratch_size(&c->view) > WEIR_DECIDE_SCRATCH_MAX) {
        weir_faults_add(faults, (struct weir_place){0},
                        "Simplify the deepest condition.",
                        "a policy needs more memory to decide than a call "
                        "has");
        return false;
    }
    return true;
}

static bool
compile_program(struct weir__compiler *c, weir_time now,
                struct weir_faults *faults)
{
    if (!weir__policies_read(&c->policies, c->world, &c->arena, faults))
        return false;
    struct weir_cedar_store *store = weir_cedar_store_new();
    bool is_done = store != NULL && compile_with(c, store, now, faults);
    if (store == NULL)
        weir_faults_add(faults, (struct weir_place){0},
                        "Give this machine more memory.",
                        "the entities do not fit in memory");
    weir_cedar_store_free(store);
    return is_done;
}

static weir_time
next_change(const struct weir_world *world, weir_time now)
{
    weir_time next = WEIR_TIME_MAX;
    if (world->base.rows != NULL && world->base.change > now)
        next = world->base.change;
    for (uint32_t i = 0; i < world->rule_count; i++) {
        const struct weir_world_rule *r = &world->rule_rows[i];
        if (r->from > now && r->from < next)
            next = r->from;
        if (r->until > now && r->until < next)
            next = r->until;
    }
    return next;
}

static void
compile_tables(struct weir__compiler *c, weir_time now)
{
    const struct weir_world *world = c->world;
    weir__compile_places(c);
    if (c->arena.overflow)
        return;
    weir__compile_catalogue(c);
    weir__compile_lives(c);
    weir__compile_routes(c);
    weir__compile_listings(c);
    weir__compile_callers(c);
    weir__compile_budgets(c);
    weir__compile_filters(c);
    weir__compile_shares(c);
    weir__compile_urls(c);
    weir__compile_classifiers(c);
    weir__compile_servers(c);
    weir__compile_policies(c);
    if (!c->arena.overflow)
        weir__compile_indexes(c);
    c->facts.seller = weir__compile_text(c, world->seller_title);
    c->facts.appeal = weir__compile_text(c, world->seller_appeal);
    c->facts.currency = weir__compile_text(c, world->currency);
    c->facts.stale_after_us = world->stale_after_us;
    c->facts.next_change = next_change(world, now);
    c->facts.signals_window_us = world->signals_window_us;
    for (uint32_t i = 0; i < WEIR_OPERATIONS; i++)
        c->facts.actions[i] = weir__compile_entity(
            c, "Action",
            weir_span_of(weir_operation_name((enum weir_operation)i)));
    c->rows[WEIR__SECTION_FACTS] = &c->facts;
    c->counts[WEIR__SECTION_FACTS] = 1;
    c->rows[WEIR__SECTION_TEXT] = c->text.ptr;
    c->counts[WEIR__SECTION_TEXT] = (uint32_t)c->text.len;
    c->rows[WEIR__SECTION_PROGRAM] = c->program.ptr;
    c->counts[WEIR__SECTION_PROGRAM] = (uint32_t)c->program.len;
}

/* ---------------------------------------------------------------- bytes */

static const uint32_t strides[WEIR__SECTIONS] = {
#define WEIR__SECTION(id, name, type) sizeof(type),
    WEIR__IMAGE_SECTIONS(WEIR__SECTION)
#undef WEIR__SECTION
};

static void
write_bytes(const struct weir__compiler *c, weir_time now, uint64_t generation,
            struct weir_buf *out)
{
    struct weir__section sections[WEIR__SECTIONS];
    size_t start = weir_buf_reserve(out, WEIR__IMAGE_CONTENT, 8);
    for (size_t i = 0; i < WEIR__SECTIONS && !out->overflow; i++) {
        size_t size = (size_t)c->counts[i] * strides[i];
        size_t offset = weir_buf_reserve(out, size, 8);
        if (out->overflow)
            return;
        sections[i] =
            (struct weir__section){offset - start, c->counts[i], strides[i]};
        if (size > 0)
            memcpy(out->ptr + offset, c->rows[i], size);
    }
    if (out->overflow)
        return;
    char *base = out->ptr + start;
    size_t size = out->len - start;
    weir_span content = {base + WEIR__IMAGE_CONTENT,
                         size - WEIR__IMAGE_CONTENT};
    weir_digest digest;
    weir_sha256_of(content, &digest);
    struct weir__image_header header = {
        .magic = WEIR__IMAGE_MAGIC,
        .version = WEIR_IMAGE_VERSION,
        .section_count = WEIR__SECTIONS,
        .size = size,
        .generation = generation,
        .created = now,
        .content_crc = weir_crc32c(0, content.ptr, content.len),
    };
    memcpy(header.digest, digest.bytes, sizeof(header.digest));
    header.header_crc = weir_crc32c(weir_crc32c(0, &header, sizeof(header)),
                                    sections, sizeof(sections));
    memcpy(base, &header, sizeof(header));
    memcpy(base + sizeof(header), sections, sizeof(sections));
}

static weir_status
compile(struct weir__compiler *c, weir_time now, uint64_t generation,
        struct weir_buf *out, struct weir_faults *faults)
{
    static const struct weir_error broken = {.text = "an entity has no handle"};
    if (!weir__names_init(&c->texts, &c->arena, SHARED_TEXTS_MAX) ||
        !compile_program(c, now, faults))
        return c->arena.overflow ? WEIR_ETOOBIG : WEIR_EPARSE;
    compile_tables(c, now);
    if (c->is_broken) {
        add_failure(faults, &broken);
        return WEIR_EINTERNAL;
    }
    if (c->arena.overflow || c->text.overflow || c->program.overflow)
        return WEIR_ETOOBIG;
    size_t before = out->len;
    write_bytes(c, now, generation, out);
    if (out->overflow) {
        out->len = before;
        return WEIR_ETOOBIG;
    }
    return WEIR_OK;
}

weir_status
weir_image_compile(struct weir_world *world, weir_time now, uint64_t generation,
                   struct weir_buf *out, struct weir_faults *faults)
{
    struct weir__compiler c = {.world = world};
    if (!weir_world_check(world, faults))
        return WEIR_EPARSE;
    weir_arena_init_heap(&c.arena, WEIR_WORLD_BYTES_MAX);
    weir_buf_init(&c.text, TEXT_BYTES_MAX);
    weir_buf_init(&c.program, PROGRAM_BYTES_MAX);
    weir_status status = compile(&c, now, generation, out, faults);
    if (status == WEIR_ETOOBIG)
        weir_faults_add(faults, (struct weir_place){0},
                        "Give this machine more memory.",
                        "the image does not fit in memory");
    weir_buf_fini(&c.program);
    weir_buf_fini(&c.text);
    weir__policies_fini(&c.policies);
    weir_arena_fini(&c.arena);
    return status;
}
