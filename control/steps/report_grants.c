/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants of the watch in its report: who may harvest, by whose leave, how
 * much of it was used. A grant keeps every step away from the calls in its
 * scope, so it stands beside overrides, with both names.
 *
 * Listed is what was asked for, approved, revoked or in force in the period.
 */
#include <string.h>

#include "control/exceptions/exceptions.h"
#include "control/steps/report_grants.h"

struct listing {
    struct weir_store *store;
    const struct weir_image *image;
    weir_time from, to, now;
    json_t *list;
    weir_report_on_grant *on_grant;
    void *context;
    weir_status status;
    struct weir_error *err;
};

/* Whose calls they are; empty: several customers', or nobody's now. */
static weir_span
tenant_of(const struct weir_image *image, const struct weir_exception *row)
{
    const char *slash;
    switch (row->party_kind) {
    case WEIR_GRANT_TENANT:
        return row->party;
    case WEIR_GRANT_PROJECT:
        slash = memchr(row->party.ptr, '/', row->party.len);
        return slash == NULL ? WEIR_SPAN("")
                             : (weir_span){row->party.ptr,
                                           (size_t)(slash - row->party.ptr)};
    case WEIR_GRANT_KEY:
        for (uint32_t i = 0; i < image->key_count; i++)
            if (weir_span_equal(weir_image_text(image, image->keys[i].id),
                                row->party))
                return weir_image_text(
                    image, image
                               ->tenants[image->projects[image->keys[i].project]
                                             .tenant]
                               .name);
        break;
    case WEIR_GRANT_ORGANISATION:
        break;
    }
    return WEIR_SPAN("");
}

static bool
is_within(const struct listing *all, weir_time when)
{
    return when != 0 && when >= all->from && when < all->to;
}

/* Approved, begun, and neither over nor revoked for a part of the period. */
static bool
was_in_force(const struct listing *all, const struct weir_exception *row)
{
    weir_time begins = row->approved > row->from ? row->approved : row->from;
    weir_time ends = row->revoked != 0 && row->revoked < row->until
                         ? row->revoked
                         : row->until;
    return row->approved != 0 && begins < all->to && ends > all->from &&
           begins < ends;
}

static json_t *
text_json(weir_span text)
{
    json_t *value = json_stringn(text.ptr == NULL ? "" : text.ptr, text.len);
    return value == NULL ? json_string("?") : value;
}

static json_t *
time_json(weir_time when)
{
    return when == 0 ? json_null() : json_integer(when);
}

static json_t *
grant_json(const struct weir_exception *row, const int64_t used[3],
           weir_time now)
{
    static const char *const names[3] = {"calls", "tokens", "money_micros"};
    json_t *quantities = json_object();
    const char *state = weir_exception_state(row, now);
    for (size_t i = 0; i < 3; i++) {
        if (row->amounts[i] == WEIR_GRANT_UNLIMITED)
            continue;
        if (row->amounts[i] <= used[i] && strcmp(state, "in force") == 0)
            state = "spent";
        json_object_set_new(quantities, names[i],
                            json_pack("{s:I,s:I}", "granted",
                                      (json_int_t)row->amounts[i], "used",
                                      (json_int_t)used[i]));
    }
    return json_pack(
        "{s:o,s:s,s:o,s:o,s:o,s:s,s:o,s:s,s:o,s:o,s:o,s:I,s:I,s:I,s:o,s:o,s:o,"
        "s:o,s:o,s:o}",
        "id", text_json(row->id), "state", state, "licence",
        text_json(row->licence), "owner", text_json(row->owner), "reason",
        text_json(row->reason), "party_kind",
        weir_exception_party_name(row->party_kind), "party",
        text_json(row->party), "target_kind",
        weir_exception_target_name(row->target_kind), "target",
        text_json(row->target), "purpose", text_json(row->purpose),
        "quantities", quantities, "from_us", (json_int_t)row->from, "until_us",
        (json_int_t)row->until, "requested_us", (json_int_t)row->requested,
        "requested_by", text_json(row->requested_by), "approved_us",
        time_json(row->approved), "approved_by", text_json(row->approved_by),
        "revoked_us", time_json(row->revoked), "revoked_by",
        text_json(row->revoked_by), "revoked_reason",
        text_json(row->revoked_reason));
}

static bool
add_grant(void *context, const struct weir_exception *row)
{
    struct listing *all = context;
    int64_t used[3] = {0, 0, 0};
    if (row->use != WEIR_GRANT_FOR_WATCH)
        return true;
    bool is_counted = was_in_force(all, row);
    if (!is_counted && !is_within(all, row->requested) &&
        !is_within(all, row->approved) && !is_within(all, row->revoked))
        return true;
    all->status = weir_exception_used(all->store, row->id, used, all->err);
    if (all->status != WEIR_OK)
        return false;
    if (is_counted)
        all->on_grant(all->context, tenant_of(all->image, row));
    json_array_append_new(all->list, grant_json(row, used, all->now));
    return true;
}

weir_status
weir__report_grants(struct weir_store *store, const struct weir_image *image,
                    const weir_time period[2], weir_time now, json_t *list,
                    weir_report_on_grant *on_grant, void *context,
                    struct weir_error *err)
{
    struct listing all = {.store = store,
                          .image = image,
                          .from = period[0],
                          .to = period[1],
                          .now = now,
                          .list = list,
                          .on_grant = on_grant,
                          .context = context,
                          .status = WEIR_OK,
                          .err = err};
    weir_status status = weir_exceptions(store, add_grant, &all, err);
    return status == WEIR_OK ? all.status : status;
}
