/* SPDX-License-Identifier: Apache-2.0 */
/* The end of models as header texts, and what is known and not served. */
#include "compile.h"

#include <stdio.h>

#define DATE_TEXT 32 /* "Thu, 01 Jan 2026 00:00:00 GMT" and a NUL */

/* The date of HTTP (RFC 9110, 5.6.7); the second is the one begun. */
static void
http_date(weir_time when, char text_out[DATE_TEXT])
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun",
                                       "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr",
                                         "May", "Jun", "Jul", "Aug",
                                         "Sep", "Oct", "Nov", "Dec"};
    char text[WEIR_TIME_TEXT];
    int64_t day = when / WEIR_US_PER_DAY;
    weir_time_format(when, text); /* 2026-01-01T00:00:00.000000Z */
    int month = (text[5] - '0') * 10 + (text[6] - '0');
    snprintf(text_out, DATE_TEXT, "%s, %.2s %s %.4s %.8s GMT", days[day % 7],
             text + 8, months[(month + 11) % 12], text, text + 11);
}

static weir_ref
link_text(struct weir__compiler *c, const struct weir_world_model *m)
{
    struct weir_buf buf;
    char room[1024];
    weir_buf_init_fixed(&buf, room, sizeof room);
    if (m->successor.text.len > 0)
        weir_buf_addf(&buf, "</v1/models/%.*s>; rel=\"successor-version\"",
                      WEIR_SPAN_ARG(m->successor.text));
    if (m->more.len > 0)
        weir_buf_addf(&buf, "%s<%.*s>; rel=\"%s\"", buf.len > 0 ? ", " : "",
                      WEIR_SPAN_ARG(m->more),
                      m->sunset != 0 ? "sunset" : "deprecation");
    return weir__compile_text(c, buf.overflow ? WEIR_SPAN_NONE
                                              : weir_buf_span(&buf));
}

void
weir__compile_lives(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    struct weir_image_life *rows =
        WEIR__COMPILE_ROWS(c, LIFE, struct weir_image_life, world->model_count);
    for (uint32_t i = 0; i < world->model_count && rows != NULL; i++) {
        const struct weir_world_model *m = &world->model_rows[i];
        char text[DATE_TEXT];
        rows[i].deprecated_us = WEIR_TIME_MAX;
        rows[i].sunset_us = WEIR_TIME_MAX;
        if (m->deprecated != 0) {
            int len = snprintf(text, sizeof text, "@%lld",
                               (long long)(m->deprecated / WEIR_US_PER_SEC));
            rows[i].deprecated_us = m->deprecated;
            rows[i].deprecation =
                weir__compile_text(c, (weir_span){text, (size_t)len});
        }
        if (m->sunset != 0) {
            http_date(m->sunset, text);
            rows[i].sunset_us = m->sunset;
            rows[i].sunset = weir__compile_text(c, weir_span_of(text));
        }
        if (m->sunset != 0 || m->deprecated != 0)
            rows[i].link = link_text(c, m);
    }
}

/* Entries that no model serves, then models that nobody runs. */
void
weir__compile_listings(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    uint32_t count = 0;
    struct weir_image_listing *rows =
        WEIR__COMPILE_ROWS(c, LISTING, struct weir_image_listing,
                           world->listing_count + world->model_count);
    uint8_t *runs = weir_arena_array(&c->arena, uint8_t, world->model_count);
    if (rows == NULL || runs == NULL)
        return;
    for (uint32_t i = 0; i < world->deployment_count; i++)
        runs[world->deployment_rows[i].model.row] = 1;
    for (uint32_t i = 0; i < world->listing_count; i++) {
        const struct weir_world_listing *l = &world->listing_rows[i];
        if (l->model != WEIR_INDEX_NONE)
            continue;
        rows[count++] = (struct weir_image_listing){
            .name = weir__compile_text_once(c, l->name),
            .maker = weir__compile_text(c, l->maker),
            .created = l->created,
            .lacks = l->lacks | WEIR_LACKS_DEPLOYMENT,
        };
    }
    for (uint32_t i = 0; i < world->model_count; i++) {
        const struct weir_world_model *m = &world->model_rows[i];
        if (runs[i] != 0)
            continue;
        rows[count++] = (struct weir_image_listing){
            .name = weir__compile_text(c, m->name),
            .maker = weir__compile_text(c, m->provider.text),
            .created = m->created,
            .lacks = WEIR_LACKS_DEPLOYMENT,
        };
    }
    c->counts[WEIR__SECTION_LISTING] = count;
}
