/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal: the chain of its segments, and every record that ingest has
 * taken, against its row in the ledger and its leaf in the log.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weir/lane.h>

#include "control/audit/parts.h"
#include "control/ingest/leaves.h"
#include "control/ingest/segments.h"

/* --------------------------------------------------------------- segments */

static bool
map_segment(const struct weir_audit *audit, uint64_t number,
            weir_span *bytes_out)
{
    char name[WEIR_SEGMENT_NAME_BYTES], path[WEIR_PATH_MAX + 48];
    struct stat info;
    weir_segment_name(number, name);
    snprintf(path, sizeof path, "%s/%s", audit->paths->journal, name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    void *map = MAP_FAILED;
    if (file >= 0 && fstat(file, &info) == 0 && info.st_size > 0)
        map = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, file, 0);
    if (file >= 0)
        close(file);
    if (map == MAP_FAILED)
        return false;
    *bytes_out = (weir_span){map, (size_t)info.st_size};
    return true;
}

static void
check_link(struct weir_audit *audit, uint64_t number, weir_span before,
           const struct weir_segment_header *header)
{
    weir_digest digest;
    unsigned long long previous = (unsigned long long)(number - 1);
    if (header->previous_bytes > before.len) {
        weir__audit_differ(audit, "journal",
                           "segment %llu is shorter than segment %llu says",
                           previous, (unsigned long long)number);
        return;
    }
    weir_sha256_of((weir_span){before.ptr, (size_t)header->previous_bytes},
                   &digest);
    if (!weir_digest_equal(&digest, &header->previous))
        weir__audit_differ(audit, "journal",
                           "segment %llu is not as segment %llu says: its "
                           "bytes were changed",
                           previous, (unsigned long long)number);
}

/* Each header names the bytes and the digest of the segment before it. */
static void
check_chain(struct weir_audit *audit, uint64_t last)
{
    weir_span before = {NULL, 0}, bytes;
    for (uint64_t number = 1; number <= last; number++) {
        struct weir_segment_header header;
        struct weir_error err;
        if (!map_segment(audit, number, &bytes)) {
            weir__audit_differ(audit, "journal", "segment %llu is not there",
                               (unsigned long long)number);
            bytes = (weir_span){NULL, 0};
        } else if (weir_segment_header_read(bytes, &header, &err) != WEIR_OK) {
            weir__audit_differ(audit, "journal", "segment %llu: %s",
                               (unsigned long long)number, err.text);
        } else {
            audit->segments++;
            if (before.ptr != NULL)
                check_link(audit, number, before, &header);
        }
        if (before.ptr != NULL)
            munmap((void *)(uintptr_t)before.ptr, before.len);
        before = bytes;
    }
    if (before.ptr != NULL)
        munmap((void *)(uintptr_t)before.ptr, before.len);
}

/* ----------------------------------------------------------------- records */

struct walk {
    struct weir_audit *audit;
    struct weir_salts salts;
    uint64_t segment;
    const struct weir_record *record;
    char request[WEIR_REQUEST_ID_TEXT];
};

#define SAYS(walk, what, recorded, kept)                                       \
    weir__audit_differ((walk)->audit, "ledger",                                \
                       "%s: %s is %lld in the journal, %lld in the ledger",    \
                       (walk)->request, what, (long long)(recorded),           \
                       (long long)(kept))

static void
same_number(struct walk *walk, const char *what, int64_t recorded, int64_t kept)
{
    if (recorded != kept)
        SAYS(walk, what, recorded, kept);
}

static void
same_text(struct walk *walk, const char *what, weir_span recorded,
          weir_span kept)
{
    if (!weir_span_equal(recorded, kept))
        weir__audit_differ(walk->audit, "ledger",
                           "%s: %s is '%.*s' in the journal, '%.*s' in the "
                           "ledger",
                           walk->request, what, WEIR_SPAN_ARG(recorded),
                           WEIR_SPAN_ARG(kept));
}

/* The row of a record; false when there is none. */
static bool
find_row(struct walk *walk, const struct weir_request_id *request,
         struct weir_store_call *call_out)
{
    struct weir_error err;
    weir_request_id_format(request, walk->request);
    if (weir_store_call_get(walk->audit->store, request, call_out, &err) ==
        WEIR_OK)
        return true;
    weir__audit_differ(walk->audit, "ledger",
                       "%s is in the journal (segment %llu, %llu) and not in "
                       "the ledger",
                       walk->request, (unsigned long long)walk->segment,
                       (unsigned long long)walk->record->offset);
    return false;
}

static void
same_place(struct walk *walk, const struct weir_store_at *at, uint64_t leaf)
{
    same_number(walk, "the segment", (int64_t)walk->segment,
                (int64_t)at->segment);
    same_number(walk, "the offset", (int64_t)walk->record->offset,
                (int64_t)at->offset);
    same_number(walk, "the leaf", (int64_t)leaf, at->leaf);
}

static void
check_intent(struct walk *walk, uint64_t leaf)
{
    struct weir_record_intent intent;
    struct weir_store_call call;
    struct weir_error err;
    if (weir_record_get_intent(walk->record->payload, &intent, &err) != WEIR_OK)
        return;
    walk->audit->intents++;
    if (!find_row(walk, &intent.request, &call))
        return;
    same_place(walk, &call.first, leaf);
    same_number(walk, "the time", intent.decided_us, call.decided);
    same_number(walk, "held money", intent.held_micros, call.held_micros);
    same_number(walk, "held tokens", (int64_t)intent.held_tokens,
                (int64_t)call.held_tokens);
    same_text(walk, "the tenant", intent.tenant, call.tenant);
    same_text(walk, "the project", intent.project, call.project);
    same_text(walk, "the key", intent.key, call.key);
    same_text(walk, "the model", intent.model, call.asked);
    if (memcmp(intent.image_digest, call.image, 32) != 0)
        weir__audit_differ(walk->audit, "ledger",
                           "%s: the image is another one in the ledger",
                           walk->request);
}

static void
check_outcome(struct walk *walk, uint64_t leaf)
{
    struct weir_record_outcome outcome;
    struct weir_store_call call;
    struct weir_error err;
    if (weir_record_get_outcome(walk->record->payload, &outcome, &err) !=
        WEIR_OK)
        return;
    if (!find_row(walk, &outcome.request, &call))
        return;
    /* A second outcome of a call changes nothing; the first one counts. */
    if (call.last.segment != walk->segment ||
        call.last.offset != walk->record->offset) {
        if (call.state != WEIR_CALL_CLOSED)
            weir__audit_differ(walk->audit, "ledger",
                               "%s has an outcome in the journal and is not "
                               "closed in the ledger",
                               walk->request);
        return;
    }
    walk->audit->outcomes++;
    walk->audit->orphans += call.first.segment == 0;
    walk->audit->cost_micros += outcome.cost_micros;
    walk->audit->tokens += outcome.input_tokens + outcome.output_tokens;
    same_place(walk, &call.last, leaf);
    same_number(walk, "the ending", outcome.ending, call.ending);
    same_number(walk, "the status", outcome.http_status, call.http_status);
    same_number(walk, "input tokens", (int64_t)outcome.input_tokens,
                (int64_t)call.input_tokens);
    same_number(walk, "cached tokens", (int64_t)outcome.cached_tokens,
                (int64_t)call.cached_tokens);
    same_number(walk, "output tokens", (int64_t)outcome.output_tokens,
                (int64_t)call.output_tokens);
    same_number(walk, "reasoning tokens", (int64_t)outcome.reasoning_tokens,
                (int64_t)call.reasoning_tokens);
    const uint64_t *said = (const uint64_t *)&outcome.units;
    const uint64_t *kept = (const uint64_t *)&call.units;
    for (size_t i = 0; i < WEIR_RECORD_UNITS; i++)
        same_number(walk, "a unit", (int64_t)said[i], (int64_t)kept[i]);
    same_number(walk, "the cost", outcome.cost_micros, call.cost_micros);
    same_text(walk, "the currency", outcome.currency, call.currency);
    same_text(walk, "the model", outcome.model, call.model);
    same_text(walk, "the deployment", outcome.deployment, call.deployment);
    same_text(walk, "the place", outcome.place, call.place);
    same_text(walk, "where data rests", outcome.stored_in, call.stored_in);
}

static void
check_refusal(struct walk *walk, uint64_t leaf)
{
    struct weir_record_refusal refusal;
    struct weir_store_call call;
    struct weir_error err;
    if (weir_record_get_refusal(walk->record->payload, &refusal, &err) !=
        WEIR_OK)
        return;
    walk->audit->refusals++;
    if (!find_row(walk, &refusal.request, &call))
        return;
    same_place(walk, &call.first, leaf);
    same_number(walk, "the time", refusal.decided_us, call.decided);
    same_number(walk, "the reason", refusal.reason, call.reason);
    same_number(walk, "the status", refusal.http_status, call.http_status);
    same_text(walk, "the tenant", refusal.tenant, call.tenant);
    same_text(walk, "the key", refusal.key, call.key);
}

static void
check_leaf(struct walk *walk, uint64_t number)
{
    struct weir_audit *audit = walk->audit;
    weir_digest salt, leaf;
    struct weir_error err;
    weir_span data;
    if (number >= audit->log_size || audit->tiles == NULL)
        return; /* under the next checkpoint */
    if (weir_salts_leaf(&walk->salts, audit->store, false, walk->segment,
                        walk->record, &salt, &leaf, &err) != WEIR_OK)
        weir__audit_differ(audit, "log", "%s", err.text);
    else if (weir_tlog_tiles_entry(audit->tiles, number, &data, &err) !=
             WEIR_OK)
        weir__audit_differ(audit, "log", "leaf %llu: %s",
                           (unsigned long long)number, err.text);
    else if (data.len != 32 || memcmp(data.ptr, leaf.bytes, 32) != 0)
        weir__audit_differ(audit, "log",
                           "leaf %llu is not that of the record in segment "
                           "%llu at %llu",
                           (unsigned long long)number,
                           (unsigned long long)walk->segment,
                           (unsigned long long)walk->record->offset);
}

static void
check_record(struct walk *walk, uint64_t number)
{
    check_leaf(walk, number);
    switch (walk->record->kind) {
    case WEIR_RECORD_INTENT:
        check_intent(walk, number);
        break;
    case WEIR_RECORD_OUTCOME:
        check_outcome(walk, number);
        break;
    case WEIR_RECORD_REFUSAL:
        check_refusal(walk, number);
        break;
    case WEIR_RECORD_GAP:
        walk->audit->gaps++;
        break;
    case WEIR_RECORD_ADMIN:
    case WEIR_RECORD_IMAGE:
    case WEIR_RECORD_BATCH:
    case WEIR_RECORD_KEPT:
    case WEIR_RECORD_LINES:
        break;
    }
}

/* Reads as far as ingest has come, in the order in which it read. */
static weir_status
walk_records(struct weir_audit *audit, uint64_t last, uint64_t offset,
             struct weir_error *err)
{
    const struct weir_segments_limit limit = {last, offset};
    struct weir_segments segments;
    struct weir_record record;
    struct walk walk = {.audit = audit, .record = &record};
    weir_status status = WEIR_OK;
    weir_segments_init(&segments, audit->paths->journal, 1, 0);
    while (status == WEIR_OK) {
        enum weir_segments_result result =
            weir_segments_next(&segments, &limit, &record, &walk.segment, err);
        if (result == WEIR_SEGMENTS_END)
            break;
        if (result == WEIR_SEGMENTS_FAILED)
            status = err->status;
        if (result == WEIR_SEGMENTS_DAMAGE)
            weir__audit_differ(audit, "journal",
                               "segment %llu is damaged or ends early",
                               (unsigned long long)segments.number);
        if (result != WEIR_SEGMENTS_RECORD)
            continue;
        if (walk.segment > last ||
            (walk.segment == last && record.offset >= offset))
            break;
        check_record(&walk, audit->records++);
    }
    weir_segments_fini(&segments);
    weir_wipe(&walk.salts, sizeof walk.salts);
    return status;
}

weir_status
weir__audit_journal(struct weir_audit *audit, json_t *reply,
                    struct weir_error *err)
{
    int64_t last = 0, offset = 0;
    weir_status status =
        weir_store_number_get(audit->store, "journal.segment", &last, err);
    if (status == WEIR_OK)
        status =
            weir_store_number_get(audit->store, "journal.offset", &offset, err);
    if (status != WEIR_OK)
        return status;
    if (last > 0) {
        check_chain(audit, (uint64_t)last);
        status = walk_records(audit, (uint64_t)last, (uint64_t)offset, err);
    }
    if (status != WEIR_OK)
        return status;
    if (audit->records != audit->leaves)
        weir__audit_differ(audit, "log",
                           "the journal has %llu records, %llu leaves were "
                           "given numbers",
                           (unsigned long long)audit->records,
                           (unsigned long long)audit->leaves);
    json_object_set_new(reply, "journal",
                        json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "segments",
                                  (json_int_t)audit->segments, "records",
                                  (json_int_t)audit->records, "intents",
                                  (json_int_t)audit->intents, "outcomes",
                                  (json_int_t)audit->outcomes, "refusals",
                                  (json_int_t)audit->refusals, "gaps",
                                  (json_int_t)audit->gaps));
    return WEIR_OK;
}
