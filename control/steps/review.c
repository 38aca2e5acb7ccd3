/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sample of a case.
 *
 *     population: the last 600 calls of the subject before `until`
 *     rank:       SHA-256("weir watch sample v1\n" case "\n" request)
 *     sample:     the lowest ranks
 *
 * WHY BY A DIGEST. Nobody chooses what a reviewer sees, nobody can draw
 * again until it pleases, and an auditor who has the ledger draws the same.
 *
 * WHAT IS SHOWN. Who, when, which model, how many tokens, the features of
 * the watch, and where the receipt is. Content only where it is asked for and
 * retained (review_content.c); the answer says for each call why there is
 * none.
 */
#include "control/steps/review.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>

#include "control/cases/cases.h"
#include "control/cases/rows.h"
#include "control/ingest/segments.h"
#include "control/parts.h"
#include "control/steps/parts.h"
#include "control/watch/live.h"
#include "control/watch/rows.h"

#define LOOK_AT_MOST 2000000u /* calls of the ledger */

struct drawn {
    struct weir_request_id request;
    uint8_t rank[32];
};

struct drawing {
    struct weir_control *control;
    struct weir_store *store;
    const struct weir_step_row *row;
    char (*tenants)[256];
    size_t tenant_count;
    weir_time until;
    char id[WEIR_CASE_ID_MAX];
    char seed[WEIR_CASE_ID_MAX + 32]; /* what is hashed before a request's id */
    struct drawn *calls;
    uint32_t count;
    uint64_t *members; /* of a cluster: tenants and end customers, ascending */
    uint32_t member_count;
};

/* ----------------------------------------------------------- population */

static weir_status
keep_tenant(void *context, weir_span tenant, struct weir_error *err)
{
    struct drawing *drawing = context;
    char(*more)[256] =
        realloc(drawing->tenants,
                (drawing->tenant_count + 1) * sizeof drawing->tenants[0]);
    if (more == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    drawing->tenants = more;
    snprintf(more[drawing->tenant_count++], sizeof more[0], "%.*s",
             WEIR_SPAN_ARG(tenant));
    return WEIR_OK;
}

static bool
keep_member(void *context, const struct weir_watch_party *party)
{
    struct drawing *drawing = context;
    uint64_t *more = realloc(drawing->members, (drawing->member_count + 1) *
                                                   sizeof drawing->members[0]);
    if (more == NULL)
        return false;
    drawing->members = more;
    more[drawing->member_count++] = party->digest;
    return true;
}

static int
by_digest(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool
has_member(const struct drawing *drawing, uint64_t digest)
{
    return drawing->member_count > 0 &&
           bsearch(&digest, drawing->members, drawing->member_count,
                   sizeof digest, by_digest) != NULL;
}

/* The end customer a call was for, 0: for nobody in particular. */
static uint64_t
end_customer_of(const struct drawing *drawing,
                const struct weir_store_call *call)
{
    char name[WEIR_STORE_END_CUSTOMER_MAX];
    if (weir_store_call_end_customer(drawing->store, &call->request, name,
                                     NULL) != WEIR_OK)
        return 0;
    return weir_watch_end_customer(
        weir_watch_subject(WEIR_WATCH_OF_TENANT, call->tenant),
        weir_span_of(name));
}

static bool
is_of_subject(const struct drawing *drawing, const struct weir_store_call *call)
{
    const struct weir_step_row *row = drawing->row;
    bool is_of_tenant = false;
    for (size_t i = 0; i < drawing->tenant_count && !is_of_tenant; i++)
        is_of_tenant =
            weir_span_equal(call->tenant, weir_span_of(drawing->tenants[i]));
    if (!is_of_tenant)
        return false;
    if (row->kind == WEIR_WATCH_OF_KEY)
        return weir_span_equal(call->key, row->name);
    if (row->kind == WEIR_WATCH_OF_PROJECT)
        return weir_span_equal(call->project, row->project) ||
               (row->project.len > row->tenant.len + 1 &&
                weir_span_equal(
                    call->project,
                    (weir_span){row->project.ptr + row->tenant.len + 1,
                                row->project.len - row->tenant.len - 1}));
    /* A cluster has tenants, and single customers of resellers: of those
     * nobody is shown the calls of the reseller's other customers. */
    if (row->kind == WEIR_WATCH_OF_CLUSTER)
        return has_member(drawing, weir_watch_subject(WEIR_WATCH_OF_TENANT,
                                                      call->tenant)) ||
               has_member(drawing, end_customer_of(drawing, call));
    return row->kind != WEIR_WATCH_OF_END_CUSTOMER ||
           end_customer_of(drawing, call) == row->digest;
}

static void
rank_of(const struct drawing *drawing, struct drawn *drawn)
{
    char text[WEIR_REQUEST_ID_TEXT];
    struct weir_sha256 hash;
    weir_digest digest;
    weir_request_id_format(&drawn->request, text);
    weir_sha256_init(&hash);
    weir_sha256_add(&hash, drawing->seed, strlen(drawing->seed));
    weir_sha256_add(&hash, text, strlen(text));
    weir_sha256_final(&hash, &digest);
    memcpy(drawn->rank, digest.bytes, sizeof drawn->rank);
}

static bool
keep_call(void *context, const struct weir_store_call *call)
{
    struct drawing *drawing = context;
    if (call->decided > drawing->until || !is_of_subject(drawing, call))
        return true;
    struct drawn *drawn = &drawing->calls[drawing->count++];
    drawn->request = call->request;
    rank_of(drawing, drawn);
    return drawing->count < WEIR_SAMPLE_OF;
}

static int
by_rank(const void *a, const void *b)
{
    return memcmp(((const struct drawn *)a)->rank,
                  ((const struct drawn *)b)->rank, 32);
}

/* ------------------------------------------------------------ one call */

static json_t *
features_json(const struct drawing *drawing, const struct weir_store_call *call)
{
    struct weir_watch_features f;
    struct weir_watch_seen seen;
    struct weir_record record;
    struct weir_buf bytes;
    json_t *reply = NULL;
    weir_buf_init(&bytes, (size_t)1 << 22);
    if (call->last.segment != 0 &&
        weir_segments_read_at(drawing->control->paths.journal,
                              call->last.segment, call->last.offset, &bytes,
                              &record, NULL) == WEIR_OK &&
        weir_watch_read_record(&record, &seen, NULL) == WEIR_OK &&
        seen.watch.block.len > 0 &&
        weir_watch_unpack(seen.watch.block, &f, NULL) == WEIR_OK) {
        json_t *bits = json_array();
        for (uint32_t bit = 0; bit < 64; bit++)
            if ((f.bits >> bit & 1) != 0 && weir_watch_bit_name(bit) != NULL)
                json_array_append_new(bits,
                                      json_string(weir_watch_bit_name(bit)));
        reply = json_pack(
            "{s:f,s:f,s:I,s:I,s:I,s:i,s:i,s:i,s:o,s:i,s:i}", "form",
            f.form / 100.0, "plain_form", f.plain_form / 100.0, "words",
            (json_int_t)f.words, "prompt_bytes", (json_int_t)f.prompt_bytes,
            "reply_bytes", (json_int_t)f.reply_bytes, "turns", (int)f.turns,
            "n", (int)f.n, "logprobs", (int)f.logprobs, "bits", bits, "matches",
            (int)seen.watch.pools.matches, "step",
            (int)seen.watch.pools.action);
    }
    weir_buf_fini(&bytes);
    return reply == NULL ? json_null() : reply;
}

static json_t *
span_json(weir_span text)
{
    json_t *value = json_stringn(text.ptr == NULL ? "" : text.ptr, text.len);
    return value == NULL ? json_string("?") : value;
}

static json_t *
call_json(const struct drawing *drawing, const struct weir_store_call *call)
{
    char id[WEIR_REQUEST_ID_TEXT], receipt[WEIR_REQUEST_ID_TEXT + 32];
    weir_request_id_format(&call->request, id);
    snprintf(receipt, sizeof receipt, "/v1/calls/%s/receipt", id);
    return json_pack(
        "{s:s,s:I,s:o,s:o,s:o,s:o,s:I,s:I,s:i,s:o,s:o,s:s,s:o,s:n,s:s}", "id",
        id, "decided_us", (json_int_t)call->decided, "tenant",
        span_json(call->tenant), "key", span_json(call->key), "asked",
        span_json(call->asked), "model", span_json(call->model), "input_tokens",
        (json_int_t)call->input_tokens, "output_tokens",
        (json_int_t)call->output_tokens, "http_status", (int)call->http_status,
        "place", span_json(call->place), "stored_in",
        span_json(call->stored_in), "receipt", receipt, "features",
        features_json(drawing, call), "content", "content_refusal",
        "not retained");
}

/* ------------------------------------------------------------ reviewers */

static bool
has_place(weir_span places, weir_span place)
{
    while (places.len > 0) {
        const char *blank = memchr(places.ptr, ' ', places.len);
        size_t len = blank == NULL ? places.len : (size_t)(blank - places.ptr);
        if (place.len > 0 &&
            weir_span_equal((weir_span){places.ptr, len}, place))
            return true;
        size_t skip = blank == NULL ? len : len + 1;
        places.ptr += skip;
        places.len -= skip;
    }
    return false;
}

struct seeking {
    weir_span token;
    weir_time now;
    char places[512];
};

static bool
seek(void *context, const struct weir_reviewer_row *row)
{
    struct seeking *seeking = context;
    if (weir_span_equal(row->token, seeking->token) &&
        row->until > seeking->now)
        snprintf(seeking->places, sizeof seeking->places, "%.*s",
                 WEIR_SPAN_ARG(row->places));
    return true;
}

static weir_status
check_places(const struct weir_control *control, weir_span places,
             struct weir_error *err)
{
    while (places.len > 0) {
        const char *blank = memchr(places.ptr, ' ', places.len);
        size_t len = blank == NULL ? places.len : (size_t)(blank - places.ptr);
        if (weir_image_find_jurisdiction(&control->image,
                                         (weir_span){places.ptr, len}) ==
            WEIR_INDEX_NONE)
            return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                             "no place '%.*s': codes of jurisdictions, by one "
                             "blank",
                             (int)(len < 40 ? len : 40), places.ptr);
        size_t skip = blank == NULL ? len : len + 1;
        places.ptr += skip;
        places.len -= skip;
    }
    return WEIR_OK;
}

static weir_status
set_inside(struct weir_control *control, const struct weir_actor *actor,
           const struct weir_reviewer_row *wish, struct weir_error *err)
{
    char me[WEIR_CASE_PERSON_MAX], him[WEIR_CASE_PERSON_MAX], detail[700];
    struct weir_reviewer_row row = *wish;
    weir_status status = weir__step_person(control, actor, true, me, err);
    if (status == WEIR_OK)
        status = weir__token_person(control->store, row.token, him, err);
    if (status != WEIR_OK)
        return status;
    if (him[0] == '\0')
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no token '%.40s'",
                         row.token.len > 0 ? row.token.ptr : "");
    if (weir_span_equal_nocase(weir_span_of(me), weir_span_of(him)))
        return weir_fail(err, WEIR_EROLE, WEIR_OFFSET_NONE,
                         "nobody names himself a reviewer");
    row.person = weir_span_of(him);
    row.by = weir_span_of(me);
    snprintf(detail, sizeof detail, "{\"places\":\"%.*s\",\"until_us\":%lld}",
             WEIR_SPAN_ARG(row.places), (long long)row.until);
    status = weir__reviewer_put(control->store, &row, err);
    if (status == WEIR_OK)
        status = weir__control_note(control, actor, "watch.reviewer", row.token,
                                    detail, err);
    return status;
}

weir_status
weir_reviewer_set(struct weir_control *control, const struct weir_actor *actor,
                  weir_span token, weir_span places, weir_time until,
                  struct weir_error *err)
{
    const struct weir_reviewer_row row = {.token = token,
                                          .places = places,
                                          .until = places.len == 0 ? 0 : until,
                                          .since = weir_control_now()};
    if (places.len > 400 ||
        (places.len > 0 &&
         (until <= row.since || until > row.since + WEIR_WATCH_LAST_US_MAX)))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a reviewer is one until a date, at most 90 days "
                         "from now");
    weir_control_lock(control);
    weir_status status = check_places(control, places, err);
    if (status == WEIR_OK)
        status = weir_store_begin(control->store, err);
    if (status == WEIR_OK)
        status = weir__control_finish(
            control, set_inside(control, actor, &row, err), err);
    pthread_mutex_unlock(&control->lock);
    return status;
}

/* ---------------------------------------------------------------- whole */

static weir_status
draw(struct drawing *drawing, struct weir_error *err)
{
    weir_control_lock(drawing->control);
    weir_status status = weir__step_tenants(drawing->control, drawing->row,
                                            keep_tenant, drawing, err);
    if (status == WEIR_OK && drawing->row->kind == WEIR_WATCH_OF_CLUSTER)
        status = weir_watch_members(drawing->control->store, drawing->row->name,
                                    keep_member, drawing, err);
    pthread_mutex_unlock(&drawing->control->lock);
    if (drawing->member_count > 0)
        qsort(drawing->members, drawing->member_count, sizeof(uint64_t),
              by_digest);
    drawing->calls = calloc(WEIR_SAMPLE_OF, sizeof *drawing->calls);
    if (status == WEIR_OK && drawing->calls == NULL)
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (status == WEIR_OK)
        status = weir_store_calls_newest(drawing->store,
                                         drawing->tenant_count == 1
                                             ? weir_span_of(drawing->tenants[0])
                                             : WEIR_SPAN(""),
                                         LOOK_AT_MOST, keep_call, drawing, err);
    if (status == WEIR_OK && drawing->count > 0)
        qsort(drawing->calls, drawing->count, sizeof *drawing->calls, by_rank);
    return status;
}

static weir_status
show(const struct drawing *drawing, uint32_t count, weir_span places,
     json_t **reply_out, uint32_t *hidden_out, weir_time *first_out,
     struct weir_error *err)
{
    json_t *list = json_array();
    weir_status status = WEIR_OK;
    uint32_t inside = 0;
    *hidden_out = 0;
    *first_out = weir_control_now();
    for (uint32_t i = 0; status == WEIR_OK && i < count && i < drawing->count;
         i++) {
        struct weir_store_call call;
        status = weir_store_call_get(drawing->store, &drawing->calls[i].request,
                                     &call, err);
        if (status != WEIR_OK)
            break;
        /* Of a call that nobody answered, no data rests anywhere. */
        bool is_inside = has_place(places, call.stored_in);
        inside += is_inside;
        if (!is_inside && call.stored_in.len > 0)
            ++*hidden_out;
        else
            json_array_append_new(list, call_json(drawing, &call));
        if (call.decided < *first_out)
            *first_out = call.decided;
    }
    if (status == WEIR_OK && *hidden_out > 0 && inside == 0)
        status = weir_fail(err, WEIR_EROLE, WEIR_OFFSET_NONE,
                           "the data of these calls rests outside the places "
                           "you review for");
    if (status == WEIR_OK)
        *reply_out = list;
    else
        json_decref(list);
    return status;
}

/* Who looked at what: also where he was refused. */
static weir_status
note_look(struct weir_control *control, const struct weir_actor *actor,
          const struct drawing *drawing, size_t shown, uint32_t hidden,
          bool has_content, struct weir_error *err)
{
    char detail[200];
    snprintf(detail, sizeof detail,
             "{\"shown\":%zu,\"outside\":%u,\"of\":%u,\"until_us\":%lld,"
             "\"content\":%s}",
             shown, hidden, drawing->count, (long long)drawing->until,
             has_content ? "true" : "false");
    weir_control_lock(control);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK)
        status = weir__control_finish(
            control,
            weir__control_note(control, actor, "watch.look",
                               weir_span_of(drawing->id), detail, err),
            err);
    pthread_mutex_unlock(&control->lock);
    return status;
}

static json_t *
population_json(const struct drawing *drawing)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < drawing->count; i++) {
        char id[WEIR_REQUEST_ID_TEXT];
        weir_request_id_format(&drawing->calls[i].request, id);
        json_array_append_new(list, json_string(id));
    }
    return list;
}

weir_status
weir_case_sample(struct weir_control *control, struct weir_store *store,
                 const struct weir_actor *actor, int64_t case_number,
                 const struct weir_sample_wish *wish, json_t **reply_out,
                 struct weir_error *err)
{
    struct weir_step_row row;
    struct weir_arena arena;
    struct drawing drawing = {.control = control, .store = store, .row = &row};
    struct seeking seeking = {.token = weir_span_of(actor->id),
                              .now = weir_control_now()};
    json_t *list = NULL;
    uint32_t hidden = 0;
    weir_time first = 0;
    weir_case_id_format(case_number, drawing.id);
    snprintf(drawing.seed, sizeof drawing.seed, "weir watch sample v1\n%s\n",
             drawing.id);
    weir_arena_init_heap(&arena, WEIR__STEP_ROOM_BYTES);
    weir_status status = weir_reviewers(store, seek, &seeking, err);
    if (status == WEIR_OK && seeking.places[0] == '\0')
        status = weir_fail(err, WEIR_EROLE, WEIR_OFFSET_NONE,
                           "only reviewers see calls: somebody else names "
                           "you, for places and a time");
    if (status == WEIR_OK)
        status = weir_step_of_case(store, case_number, &arena, &row, err);
    drawing.until = wish->until != 0    ? wish->until
                    : status == WEIR_OK ? row.seen
                                        : 0;
    if (status == WEIR_OK)
        status = draw(&drawing, err);
    bool is_drawn = status == WEIR_OK;
    if (status == WEIR_OK)
        status = show(&drawing, wish->count, weir_span_of(seeking.places),
                      &list, &hidden, &first, err);
    if (is_drawn) {
        weir_status noted =
            note_look(control, actor, &drawing, json_array_size(list), hidden,
                      wish->has_content, status == WEIR_OK ? err : NULL);
        /* A look that cannot be logged did not happen. */
        status = status == WEIR_OK ? noted : status;
    }
    if (status == WEIR_OK)
        status = weir__review_content(control, actor, drawing.id,
                                      wish->has_content, first, list, err);
    if (status == WEIR_OK)
        *reply_out = json_pack(
            "{s:s,s:s,s:s,s:I,s:i,s:i,s:O,s:o*}", "case", drawing.id,
            "algorithm", "weir watch sample v1", "seed", drawing.seed,
            "until_us", (json_int_t)drawing.until, "of", (int)drawing.count,
            "outside", (int)hidden, "calls", list, "population",
            wish->has_population ? population_json(&drawing) : NULL);
    json_decref(list);
    free(drawing.calls);
    free(drawing.tenants);
    free(drawing.members);
    weir_arena_fini(&arena);
    return status;
}
