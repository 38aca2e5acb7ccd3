/* SPDX-License-Identifier: Apache-2.0 */
/* Policies from files, as they stand at one time. */
#include "book.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <weir/cedar_validate.h>

#include "files.h"

#define BOOK_DEPTH_MAX 8

bool
weir__prove_is_directory(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static int
is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

weir_status
weir__prove_each(const char *path, const char *suffix, int depth,
                 weir__prove_visit *visit, void *context)
{
    struct dirent **entries = NULL;
    weir_status status = WEIR_OK;
    int count;
    if (!weir__prove_is_directory(path))
        return visit(context, path);
    count = scandir(path, &entries, is_shown, alphasort);
    for (int i = 0; i < count; i++) {
        char whole[4096];
        int len =
            snprintf(whole, sizeof(whole), "%s/%s", path, entries[i]->d_name);
        free(entries[i]);
        if (status != WEIR_OK || len >= (int)sizeof(whole))
            continue;
        if (weir__prove_is_directory(whole)) {
            if (depth < BOOK_DEPTH_MAX)
                status =
                    weir__prove_each(whole, suffix, depth + 1, visit, context);
        } else if (weir_span_ends(weir_span_of(whole), weir_span_of(suffix))) {
            status = visit(context, whole);
        }
    }
    free(entries);
    return count < 0 ? WEIR_EIO : status;
}

weir_status
weir__prove_file(const char *path, struct weir_arena *arena,
                 struct weir_prove_place *place_out, struct weir_error *err)
{
    FILE *file = fopen(path, "rb");
    struct weir_buf buf;
    char block[4096];
    size_t got;
    place_out->path = weir_arena_copy(arena, weir_span_of(path));
    place_out->text = WEIR_SPAN_NONE;
    if (file == NULL)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "can not be read");
    weir_buf_init(&buf, (size_t)64 << 20);
    while ((got = fread(block, 1, sizeof(block), file)) > 0)
        weir_buf_add(&buf, block, got);
    fclose(file);
    place_out->text = weir_arena_copy(arena, weir_buf_span(&buf));
    weir_buf_fini(&buf);
    if (place_out->text.ptr == NULL)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE, "too large");
    return WEIR_OK;
}

/* ---------------------------------------------------------------- books */

struct reading {
    struct weir_prove_book *book;
    struct weir_arena *arena;
    struct weir_prove_place *place;
    struct weir_error *err;
};

static weir_status
read_policies(void *context, const char *path)
{
    struct reading *r = context;
    weir_status status = weir__prove_file(path, r->arena, r->place, r->err);
    if (status != WEIR_OK)
        return status;
    return weir_cedar_policies_add_text(r->book->policies, r->place->text,
                                        r->place->path, r->err);
}

weir_span
weir_prove_policy_name(const struct weir_cedar_policy *policy)
{
    const weir_span *id = weir_cedar_policy_annotation(policy, WEIR_SPAN("id"));
    return id != NULL && id->len > 0 ? *id : weir_cedar_policy_info(policy).id;
}

static bool
is_there(const struct weir_cedar_policy *policy, weir_time at)
{
    const weir_span *from =
        weir_cedar_policy_annotation(policy, WEIR_SPAN("from"));
    const weir_span *until =
        weir_cedar_policy_annotation(policy, WEIR_SPAN("until"));
    weir_time when;
    if (from != NULL && weir_time_parse(*from, &when) && at < when)
        return false;
    return until == NULL || !weir_time_parse(*until, &when) || at < when;
}

static bool
annotated(const struct weir_cedar_policy *policy, weir_span key, weir_span with)
{
    const weir_span *value = weir_cedar_policy_annotation(policy, key);
    return value != NULL && weir_span_equal(*value, with);
}

static weir_status
select_policies(struct weir_prove_book *book, weir_time at,
                struct weir_arena *arena)
{
    size_t count = weir_cedar_policies_count(book->policies);
    const struct weir_cedar_policy **items =
        weir_arena_array(arena, const struct weir_cedar_policy *, count + 1);
    if (items == NULL)
        return WEIR_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const struct weir_cedar_policy *policy =
            weir_cedar_policies_at(book->policies, i);
        if (weir_cedar_policy_info(policy).is_template)
            continue;
        if (annotated(policy, WEIR_SPAN("mode"), WEIR_SPAN("shadow"))) {
            book->shadow++;
        } else if (!is_there(policy, at)) {
            book->absent++;
        } else {
            book->holds +=
                annotated(policy, WEIR_SPAN("effect"), WEIR_SPAN("hold"));
            items[book->set.count++] = policy;
        }
    }
    book->set.items = items;
    return WEIR_OK;
}

static weir_status
validate(struct weir_prove_book *book, const struct weir_cedar_schema *schema,
         struct weir_arena *arena, struct weir_prove_place *place,
         struct weir_error *err)
{
    struct weir_cedar_findings findings;
    weir_status status = weir_cedar_validate(
        book->policies, schema, WEIR_CEDAR_4_12, arena, &findings, err);
    for (size_t i = 0; status == WEIR_OK && i < findings.count; i++) {
        const struct weir_cedar_finding *f = &findings.items[i];
        struct weir_cedar_policy_info info = weir_cedar_policy_info(
            weir_cedar_policies_at(book->policies, f->policy));
        char path[4096];
        if (f->is_warning)
            continue;
        snprintf(path, sizeof(path), "%.*s", WEIR_SPAN_ARG(info.file));
        status = weir__prove_file(path, arena, place, err);
        if (status == WEIR_OK)
            status = weir_fail(err, WEIR_ETYPE, f->offset, "%.*s",
                               WEIR_SPAN_ARG(f->text));
    }
    return status;
}

weir_status
weir_prove_book_read(const struct weir_cedar_schema *schema, const char *path,
                     weir_time at, struct weir_arena *arena,
                     struct weir_prove_book *book_out,
                     struct weir_prove_place *place_out, struct weir_error *err)
{
    struct weir_prove_book book = {.policies = weir_cedar_policies_new()};
    struct reading r = {&book, arena, place_out, err};
    weir_status status;
    *place_out = (struct weir_prove_place){weir_span_of(path), WEIR_SPAN_NONE};
    if (book.policies == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    status = weir__prove_each(path, ".cedar", 0, read_policies, &r);
    if (status == WEIR_EIO && err->status == WEIR_OK)
        (void)weir_fail(err, status, WEIR_OFFSET_NONE, "can not be read");
    if (status == WEIR_OK)
        status = validate(&book, schema, arena, place_out, err);
    if (status == WEIR_OK)
        status = select_policies(&book, at, arena);
    if (status != WEIR_OK)
        weir_prove_book_fini(&book);
    else
        *book_out = book;
    return status;
}

void
weir_prove_book_fini(struct weir_prove_book *book)
{
    weir_cedar_policies_free(book->policies);
    book->policies = NULL;
}

const struct weir_cedar_policy *
weir_prove_book_find(const struct weir_prove_book *book, weir_span id)
{
    for (size_t i = 0; i < book->set.count; i++)
        if (weir_span_equal(weir_prove_policy_name(book->set.items[i]), id))
            return book->set.items[i];
    return NULL;
}
