/* SPDX-License-Identifier: Apache-2.0 */
/* Two catalogues compared, field by field, in the order of names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/catalogue/parts.h"

#define VALUE_MAX 4096

struct field {
    const char *name;
    size_t offset; /* of a weir_span in the entry */
};

#define FIELD(name, member)                                                    \
    {                                                                          \
        name, offsetof(struct weir_world_listing, member)                      \
    }

static const struct field fields[] = {
    FIELD("title", title),
    FIELD("maker", maker),
    FIELD("family", family),
    FIELD("tier", tier),
    FIELD("weights", weights),
    FIELD("licence", licence),
    FIELD("terms", terms),
    FIELD("status", status),
    FIELD("origin", origin.text),
    FIELD("currency", currency),
    FIELD("successor", successor.text),
    FIELD("more", more),
};

struct comparing {
    const struct weir_world *worlds[2];
    weir_catalogue_on_change *on_change;
    void *context;
};

static int
by_name(const void *a, const void *b)
{
    const struct weir_world_listing *const *one = a, *const *two = b;
    return weir_span_compare((*one)->name, (*two)->name);
}

static const struct weir_world_listing **
sorted(const struct weir_world *world)
{
    const struct weir_world_listing **rows =
        calloc(world->listing_count + 1, sizeof *rows);
    for (uint32_t i = 0; i < world->listing_count && rows != NULL; i++)
        rows[i] = &world->listing_rows[i];
    if (rows != NULL)
        qsort(rows, world->listing_count, sizeof *rows, by_name);
    return rows;
}

/* As a file has it. */
static weir_span
price_text(const struct weir_world *world, const struct weir_world_listing *l,
           char text[VALUE_MAX])
{
    struct weir_buf out;
    if (!l->has_price)
        return WEIR_SPAN_NONE;
    weir_buf_init_fixed(&out, text, VALUE_MAX);
    weir__catalogue_put_price(world, &out, &l->price, l->stated, l->changes);
    weir_buf_add_byte(&out, '}');
    return weir_buf_span(&out);
}

static weir_span
days_text(const struct weir_world_listing *l, char text[VALUE_MAX])
{
    const weir_time days[] = {l->created * WEIR_US_PER_SEC, l->deprecated,
                              l->sunset};
    static const char *const names[] = {"created", "deprecated", "sunset"};
    size_t used = 0;
    for (size_t i = 0; i < WEIR_COUNTOF(days); i++) {
        char day[WEIR_TIME_TEXT];
        weir_time_format(days[i], day);
        if (days[i] != 0)
            used +=
                (size_t)snprintf(text + used, VALUE_MAX - used, "%s%s %.10s",
                                 used > 0 ? ", " : "", names[i], day);
    }
    return (weir_span){text, used};
}

static weir_span
hosts_text(const struct weir_world *world, const struct weir_world_listing *l,
           char text[VALUE_MAX])
{
    size_t used = 0;
    for (uint32_t i = 0; i < l->hosts.count; i++) {
        weir_span host = world->host_rows[l->hosts.first + i].name;
        if (used + host.len + 2 > VALUE_MAX)
            break;
        if (used > 0)
            text[used++] = ' ';
        memcpy(text + used, host.ptr, host.len);
        used += host.len;
    }
    return (weir_span){text, used};
}

static void
compare_texts(const struct comparing *c, weir_span name, const char *field,
              weir_span before, weir_span after)
{
    if (!weir_span_equal(before, after))
        c->on_change(c->context, WEIR_CATALOGUE_CHANGED, name, field, before,
                     after);
}

static void
compare(const struct comparing *c, const struct weir_world_listing *before,
        const struct weir_world_listing *after)
{
    char room[2][VALUE_MAX];
    for (size_t i = 0; i < WEIR_COUNTOF(fields); i++) {
        weir_span one, two;
        memcpy(&one, (const char *)before + fields[i].offset, sizeof one);
        memcpy(&two, (const char *)after + fields[i].offset, sizeof two);
        compare_texts(c, after->name, fields[i].name, one, two);
    }
    compare_texts(c, after->name, "price",
                  price_text(c->worlds[0], before, room[0]),
                  price_text(c->worlds[1], after, room[1]));
    compare_texts(c, after->name, "days", days_text(before, room[0]),
                  days_text(after, room[1]));
    compare_texts(c, after->name, "hosts",
                  hosts_text(c->worlds[0], before, room[0]),
                  hosts_text(c->worlds[1], after, room[1]));
}

weir_status
weir_catalogue_diff(const struct weir_world *before,
                    const struct weir_world *after,
                    weir_catalogue_on_change *on_change, void *context,
                    struct weir_error *err)
{
    const struct comparing c = {{before, after}, on_change, context};
    const struct weir_world_listing **one = sorted(before);
    const struct weir_world_listing **two = sorted(after);
    uint32_t i = 0, j = 0;
    bool is_full = one == NULL || two == NULL;
    while (!is_full &&
           (i < before->listing_count || j < after->listing_count)) {
        int order = i == before->listing_count ? 1
                    : j == after->listing_count
                        ? -1
                        : weir_span_compare(one[i]->name, two[j]->name);
        if (order == 0)
            compare(&c, one[i++], two[j++]);
        else if (order < 0)
            on_change(context, WEIR_CATALOGUE_REMOVED, one[i++]->name, "",
                      WEIR_SPAN_NONE, WEIR_SPAN_NONE);
        else
            on_change(context, WEIR_CATALOGUE_ADDED, two[j++]->name, "",
                      WEIR_SPAN_NONE, WEIR_SPAN_NONE);
    }
    free(one);
    free(two);
    return is_full
               ? weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory")
               : WEIR_OK;
}
