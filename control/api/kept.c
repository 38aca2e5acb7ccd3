/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /v1/my/kept: names of what a tenant keeps at origins. Workers ask for
 * their lists' sake, with the caller's own key, by the customers' socket.
 *
 *    1                     more of them stand behind these; 0: none
 *    NAME 0                its origin has it, as far as is known
 *    NAME 1                its origin said of late that it is not there
 *    NAME 2                and it is time to ask again whether that is so
 *
 * Lines and no JSON: who reads them is a worker, a hundred at a time.
 */
#include <stdlib.h>
#include <string.h>

#include "control/api/call.h"
#include "control/kept/kept.h"
#include "control/notices/notices.h"

struct names {
    struct weir_buf text;
    uint64_t limit;
    uint64_t count;
    weir_time now;
    bool has_more;
};

static bool
add_name(void *context, const struct weir_kept_row *row)
{
    struct names *names = context;
    int missed = row->missed == 0                               ? 0
                 : names->now - row->missed < WEIR_KEPT_GONE_US ? 1
                                                                : 2;
    if (names->count == names->limit) {
        names->has_more = true;
        return false;
    }
    names->count++;
    weir_buf_addf(&names->text, "%.*s %d\n", WEIR_SPAN_ARG(row->name), missed);
    return !names->text.overflow;
}

static weir_span
query(const struct weir_api_call *call, const char *name)
{
    const char *text = weir_api_query(call, name);
    return weir_span_of(text == NULL ? "" : text);
}

/* Kinds of that list, and of files those of that purpose. */
static uint32_t
kinds_of(enum weir_kept_list list, weir_span purpose)
{
    uint32_t kinds = 0;
    for (uint32_t kind = 1; kind < 32; kind++)
        if (weir_kept_list_of((enum weir_sealed_kind)kind) == list &&
            (purpose.len == 0 ||
             weir_span_equal(weir_kept_purpose((enum weir_sealed_kind)kind),
                             purpose)))
            kinds |= 1u << kind;
    return kinds;
}

static weir_status
read_ask(const struct weir_api_call *call, struct weir_kept_ask *ask_out,
         struct weir_error *err)
{
    static const char *const lists[] = {"", "files", "batches",
                                        "message_batches"};
    weir_span list = query(call, "list");
    weir_span order = query(call, "order");
    *ask_out = (struct weir_kept_ask){.from = query(call, "from")};
    for (int i = WEIR_KEPT_FILES; i <= WEIR_KEPT_MESSAGES; i++)
        if (weir_span_equal(list, weir_span_of(lists[i])))
            ask_out->list = (enum weir_kept_list)i;
    if (list.len == 0)
        ask_out->list = WEIR_KEPT_FILES;
    if (ask_out->list == WEIR_KEPT_NONE)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'list' is files, batches or message_batches");
    ask_out->is_ascending = weir_span_equal(order, WEIR_SPAN("asc"));
    if (!ask_out->is_ascending && order.len > 0 &&
        !weir_span_equal(order, WEIR_SPAN("desc")))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'order' is asc or desc");
    ask_out->kinds = kinds_of(ask_out->list, query(call, "purpose"));
    return WEIR_OK;
}

weir_status
weir_api_my_kept(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_notice_caller caller;
    struct weir_kept_ask ask = {0};
    struct names names = {.now = weir_control_now()};
    weir_status status = weir_api_customer(call, &caller, err);
    if (status == WEIR_OK)
        status = read_ask(call, &ask, err);
    if (status == WEIR_OK)
        status = weir_api_query_number(call, "limit", 20, WEIR_KEPT_PAGE_MAX,
                                       &names.limit, err);
    if (status != WEIR_OK)
        return status;
    /* A list that may lack what was just made is none. */
    if (!weir_ingest_sync_all(call->door->ingest, WEIR_API_SYNC_MS))
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "the ledger has not caught up with the journal");
    ask.tenant = weir_span_of(caller.tenant);
    ask.limit = (uint32_t)names.limit + 1;
    weir_buf_init(&names.text, (size_t)64 << 10);
    weir_buf_add(&names.text, "0\n", 2);
    status = weir_kept_page(call->door->store, &ask, add_name, &names, err);
    if (status == WEIR_OK && names.text.overflow)
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (status == WEIR_OK) {
        names.text.ptr[0] = names.has_more ? '1' : '0';
        weir_buf_add_byte(&names.text, '\0');
        call->text = strdup(names.text.ptr);
        call->content_type = "text/plain; charset=utf-8";
        if (call->text == NULL)
            status =
                weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    }
    weir_buf_fini(&names.text);
    return status;
}
