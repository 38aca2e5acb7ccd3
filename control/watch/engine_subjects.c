/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subjects in memory: a table by digest and a list by use. What is clean may
 * go at any time and is read again when it calls; what is dirty goes with
 * the next checkpoint. On disk a subject is a row: its pool, while it learns
 * the places of the calls to learn from, and a profile where it clusters.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/watch/engine_parts.h"

static void
free_subject(struct watch_subject *subject)
{
    free(subject->name);
    free(subject->tenant);
    free(subject->provider);
    free(subject->positions);
    free(subject->account);
    free(subject);
}

/* ---------------------------------------------------------- list by use */

static void
unlink_use(struct weir_watch_engine *engine, struct watch_subject *s)
{
    *(s->newer != NULL ? &s->newer->older : &engine->newest) = s->older;
    *(s->older != NULL ? &s->older->newer : &engine->oldest) = s->newer;
    s->newer = s->older = NULL;
}

static void
link_use(struct weir_watch_engine *engine, struct watch_subject *s)
{
    s->older = engine->newest;
    *(s->older != NULL ? &s->older->newer : &engine->oldest) = s;
    engine->newest = s;
}

static struct watch_subject **
slot_of(struct weir_watch_engine *engine, uint32_t kind, uint64_t digest)
{
    uint64_t mixed = (digest + kind) * UINT64_C(0x9E3779B97F4A7C15);
    struct watch_subject **at =
        &engine->slots[(uint32_t)(mixed >> 40) & (engine->slot_count - 1)];
    while (*at != NULL && ((*at)->kind != kind || (*at)->digest != digest))
        at = &(*at)->next;
    return at;
}

void
weir__watch_subjects_trim(struct weir_watch_engine *engine, uint32_t most)
{
    struct watch_subject *s = engine->oldest;
    while (s != NULL && engine->subject_count > most) {
        struct watch_subject *newer = s->newer;
        if (!s->is_dirty) {
            struct watch_subject **slot = slot_of(engine, s->kind, s->digest);
            *slot = s->next;
            unlink_use(engine, s);
            free_subject(s);
            engine->subject_count--;
        }
        s = newer;
    }
}

void
weir__watch_subject_touch(struct weir_watch_engine *engine,
                          struct watch_subject *subject)
{
    if (!subject->is_dirty)
        engine->dirty_count++;
    subject->is_dirty = true;
    if (engine->newest == subject)
        return;
    unlink_use(engine, subject);
    link_use(engine, subject);
}

/* --------------------------------------------------------------- on disk */

static bool
put_varint(uint8_t **at, uint64_t value)
{
    for (; value >= 128; value >>= 7)
        *(*at)++ = (uint8_t)(value | 128);
    *(*at)++ = (uint8_t)value;
    return true;
}

/* Places as differences; they need not ascend. */
static weir_status
pack_positions(const struct watch_subject *s, struct weir_buf *out,
               struct weir_error *err)
{
    uint8_t bytes[16];
    uint64_t before = 0;
    weir_buf_reset(out);
    for (uint32_t i = 0; i < s->positions_count; i++) {
        uint8_t *at = bytes;
        int64_t step = (int64_t)(s->positions[i] - before);
        put_varint(&at, (uint64_t)step << 1 ^ (uint64_t)(step >> 63));
        weir_buf_add(out, (const char *)bytes, (size_t)(at - bytes));
        before = s->positions[i];
    }
    return out->overflow ? weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                                     "no memory for a subject")
                         : WEIR_OK;
}

bool
weir__watch_position_add(struct watch_subject *s, uint64_t position)
{
    if (s->positions_count == s->positions_room) {
        uint32_t room = s->positions_room * 2 + 64;
        uint64_t *moved = realloc(s->positions, room * sizeof(*moved));
        if (moved == NULL)
            return false;
        s->positions = moved;
        s->positions_room = room;
    }
    s->positions[s->positions_count++] = position;
    return true;
}

static bool
unpack_positions(struct watch_subject *s, weir_span bytes)
{
    uint64_t position = 0;
    for (size_t i = 0; i < bytes.len;) {
        uint64_t value = 0;
        for (uint32_t shift = 0; i < bytes.len && shift < 64; shift += 7) {
            uint8_t byte = (uint8_t)bytes.ptr[i++];
            value |= (uint64_t)(byte & 127) << shift;
            if (byte < 128)
                break;
        }
        position += value >> 1 ^ -(value & 1);
        if (s->positions_count == WEIR_WATCH_LEARN_MAX ||
            !weir__watch_position_add(s, position))
            return false;
    }
    return true;
}

static char *
copy_text(weir_span span)
{
    char *text = malloc(span.len + 1);
    if (text == NULL)
        return NULL;
    if (span.len > 0)
        memcpy(text, span.ptr, span.len);
    text[span.len] = '\0';
    return text;
}

struct loading {
    struct watch_subject *subject;
    bool is_sound;
};

static void
load(void *context, const struct weir_watch_pool_row *row)
{
    struct loading *loading = context;
    struct watch_subject *s = loading->subject;
    s->number = row->number;
    s->last = row->last;
    s->name = copy_text(row->name);
    s->tenant = copy_text(row->tenant);
    s->provider = copy_text(row->provider);
    loading->is_sound =
        s->name != NULL && s->tenant != NULL && s->provider != NULL &&
        row->pool.len == sizeof(s->pool) && unpack_positions(s, row->learning);
    if (!loading->is_sound)
        return;
    memcpy(&s->pool, row->pool.ptr, sizeof(s->pool));
    loading->is_sound = weir_watch_pool_check(&s->pool, NULL) == WEIR_OK;
    if (row->profile.len != sizeof(*s->account))
        return;
    s->account = malloc(sizeof(*s->account));
    if (s->account == NULL)
        loading->is_sound = false;
    else
        memcpy(s->account, row->profile.ptr, sizeof(*s->account));
}

/* ------------------------------------------------------------------- new */

static void
name_of(struct weir_watch_engine *engine, uint32_t kind, uint64_t digest,
        char out[WEIR_WATCH_SUBJECT_BYTES])
{
    if (engine->setup.name == NULL ||
        !engine->setup.name(engine->setup.context, kind, digest, out,
                            WEIR_WATCH_SUBJECT_BYTES))
        snprintf(out, WEIR_WATCH_SUBJECT_BYTES, "#%016llx",
                 (unsigned long long)digest);
}

/* Tenant and end customer cluster: one is an account that somebody opened,
 * the other one that a reseller opened. */
static bool
make_account(struct weir_watch_engine *engine, struct watch_subject *s,
             uint64_t position)
{
    char fresh[24];
    if (s->kind != WEIR_WATCH_OF_TENANT &&
        s->kind != WEIR_WATCH_OF_END_CUSTOMER)
        return true;
    snprintf(fresh, sizeof(fresh), "%lld", (long long)engine->setup.bin_us);
    const char *width = weir__watch_fact_at(engine, WEIR_WATCH_FACT_SETTING,
                                            "bin_us", position, fresh);
    s->account = malloc(sizeof(*s->account));
    if (s->account != NULL)
        weir_watch_account_init(s->account, width == NULL
                                                ? engine->setup.bin_us
                                                : strtoll(width, NULL, 10));
    return s->account != NULL;
}

static bool
fill_new(struct weir_watch_engine *engine, struct watch_subject *s,
         const struct watch_waiting *call)
{
    char name[WEIR_WATCH_SUBJECT_BYTES] = "";
    char tenant[WEIR_WATCH_SUBJECT_BYTES] = "";
    char provider[WEIR_WATCH_SUBJECT_BYTES] = "";
    struct weir_watch_model model = {0};
    uint64_t of = call == NULL ? 0 : call->pools.of[WEIR_WATCH_OF_TENANT];
    if (of != 0 && s->kind != WEIR_WATCH_OF_GROUP)
        name_of(engine, WEIR_WATCH_OF_TENANT, of, tenant);
    if (s->kind == WEIR_WATCH_OF_MODELS && call != NULL &&
        engine->setup.model != NULL)
        (void)engine->setup.model(engine->setup.context, call->pools.model,
                                  &model);
    if (s->kind == WEIR_WATCH_OF_MODELS) {
        snprintf(provider, sizeof(provider), "%s", model.provider);
        snprintf(name, sizeof(name), "%.128s/%.260s", provider, tenant);
    } else {
        name_of(engine, s->kind, s->digest, name);
    }
    s->number = ++engine->last_number;
    s->name = copy_text(weir_span_of(name));
    s->tenant = copy_text(weir_span_of(tenant));
    s->provider = copy_text(weir_span_of(provider));
    weir_watch_pool_init(&s->pool);
    return s->name != NULL && s->tenant != NULL && s->provider != NULL &&
           make_account(engine, s,
                        call == NULL ? engine->reached : call->position);
}

static bool
grow(struct weir_watch_engine *engine)
{
    uint32_t count = engine->slot_count * 4;
    struct watch_subject **old = engine->slots;
    struct watch_subject **wider =
        calloc(count, sizeof(struct watch_subject *));
    if (wider == NULL)
        return false;
    uint32_t old_count = engine->slot_count;
    engine->slots = wider;
    engine->slot_count = count;
    for (uint32_t i = 0; i < old_count; i++)
        while (old[i] != NULL) {
            struct watch_subject *s = old[i];
            old[i] = s->next;
            s->next = NULL;
            *slot_of(engine, s->kind, s->digest) = s;
        }
    free(old);
    return true;
}

weir_status
weir__watch_subject_get(struct weir_watch_engine *engine, uint32_t kind,
                        uint64_t digest, const struct watch_waiting *call,
                        struct watch_subject **subject_out,
                        struct weir_error *err)
{
    struct watch_subject **slot = slot_of(engine, kind, digest);
    bool is_there = false;
    if (*slot != NULL) {
        *subject_out = *slot;
        return WEIR_OK;
    }
    if (engine->subject_count >= engine->slot_count && grow(engine))
        slot = slot_of(engine, kind, digest);
    struct watch_subject *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "no memory for a subject");
    s->kind = kind;
    s->digest = digest;
    struct loading loading = {s, true};
    weir_status status = weir__watch_pool_find(engine->pools, kind, digest,
                                               load, &loading, &is_there, err);
    if (status == WEIR_OK && is_there && !loading.is_sound)
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "watch.db: subject %lld is damaged or of another "
                           "version; remove the file, it is made again",
                           (long long)s->number);
    if (status == WEIR_OK && !is_there && !fill_new(engine, s, call))
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                           "no memory for a subject");
    if (status != WEIR_OK) {
        free_subject(s);
        return status;
    }
    *slot = s;
    link_use(engine, s);
    engine->subject_count++;
    *subject_out = s;
    return WEIR_OK;
}

/* ------------------------------------------------------------ checkpoint */

weir_status
weir__watch_subjects_write(struct weir_watch_engine *engine,
                           struct weir_error *err)
{
    weir_status status = WEIR_OK;
    for (struct watch_subject *s = engine->newest;
         s != NULL && status == WEIR_OK; s = s->older) {
        if (!s->is_dirty)
            continue;
        status = pack_positions(s, &engine->text, err);
        struct weir_watch_pool_row row = {
            .number = s->number,
            .kind = s->kind,
            .digest = s->digest,
            .name = weir_span_of(s->name),
            .tenant = weir_span_of(s->tenant),
            .provider = weir_span_of(s->provider),
            .last = s->last,
            .pool = {(const char *)&s->pool, sizeof(s->pool)},
            .learning = weir_buf_span(&engine->text),
            .profile = {(const char *)s->account,
                        s->account == NULL ? 0 : sizeof(*s->account)},
        };
        if (status == WEIR_OK)
            status = weir__watch_pool_put(engine->pools, &row, err);
    }
    return status;
}

void
weir__watch_subjects_clean(struct weir_watch_engine *engine)
{
    for (struct watch_subject *s = engine->newest; s != NULL; s = s->older)
        s->is_dirty = false;
    engine->dirty_count = 0;
}
