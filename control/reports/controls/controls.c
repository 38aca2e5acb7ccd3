/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Audit evidence: for each control the population of its records in a
 * period, and a sample that nobody chose.
 *
 * WHAT CAN BE DONE AGAIN. Population and sample follow from the journal's
 * segments and the log's tiles alone, by docs/formats/reports.md; no table of
 * the store is asked. An auditor who has copies of both gets the same counts
 * and the same leaves, with a program of his own.
 *
 *   leaf      ordinal of a record in the journal, batches not counted: the
 *             transparency log's number of it
 *   N         1 + the greatest leaf whose record's time is before `to`
 *   seed      SHA-256("weir sample v1\n" control "\n" from "\n" to "\n" N "\n"
 *             hex(root of the tree of N leaves) "\n")
 *   rank      SHA-256(seed || leaf as 8 bytes, big-endian)
 *   sample    the members of the least ranks
 *
 * WHY THE ROOT. A seed of the operator's choice could be tried until it
 * leaves out what should not be seen. The root of the tree at N is fixed by
 * everything in it, and by the time a period is over nobody can move it
 * without moving the log.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/crypto.h>
#include <weir/tlog_dir.h>

#include "control/audit/parts.h"
#include "control/ingest/segments.h"
#include "control/reports/parts.h"
#include "control/witness/vouch.h"

const struct weir_report_section weir__report_controls_sections[] = {
    {"controls", "Controls and their evidence",
     "framework control asks evidence #population #sampled -first -last"},
    {"samples", "Samples, by rank",
     "control #rank #leaf kind id when what record_sha256"},
    {NULL, NULL, NULL}};

#define SAMPLE_MAX     1000
#define SAMPLE_DEFAULT 25
/* No record reaches the journal so long after its own time. */
#define LATE_US (3600 * WEIR_US_PER_SEC)

static const struct {
    const char *id, *framework, *asks, *selectors;
} controls[] = {
#define WEIR_CONTROL(id, framework, asks, selectors)                           \
    {id, framework, asks, selectors},
#include "control/reports/controls/controls.def"
#undef WEIR_CONTROL
};
#define CONTROLS WEIR_COUNTOF(controls)

struct member {
    weir_digest rank;
    uint64_t leaf;
    uint64_t segment;
    uint64_t offset;
};

struct tally {
    bool is_wanted;
    uint64_t population;
    weir_time first, last;
    weir_digest seed;
    struct member *sample; /* sorted by rank once it is full */
    uint32_t count;
};

struct evidence {
    const struct weir_report_ask *ask;
    bool is_behind; /* records of the period wait for a checkpoint */
    uint64_t size;  /* of the checkpoint */
    uint64_t end;   /* N */
    uint32_t sample_max;
    weir_digest root;
    weir_time oldest;
    uint64_t records;
    struct tally tallies[CONTROLS];
};

/* --------------------------------------------------------------- selectors */

/* What of a record selectors look at. */
struct face {
    enum weir_record_kind kind;
    const char *code; /* of a refusal; of an outcome its ending */
    bool has_finding;
    bool is_filtered;
    char action[64]; /* of an act */
    char id[128];
    const char *kind_name;
};

static void
read_act(const struct weir_record *record, struct face *face)
{
    json_t *act = json_loadb(record->payload.ptr, record->payload.len, 0, NULL);
    const char *action = json_string_value(json_object_get(act, "action"));
    face->kind_name = "act";
    snprintf(face->action, sizeof face->action, "%s",
             action == NULL ? "" : action);
    snprintf(face->id, sizeof face->id, "act %lld",
             (long long)json_integer_value(json_object_get(act, "act")));
    json_decref(act);
}

static bool
face_of(const struct weir_record *record, struct face *face)
{
    union {
        struct weir_record_intent intent;
        struct weir_record_outcome outcome;
        struct weir_record_refusal refusal;
    } read;
    *face = (struct face){.kind = record->kind, .code = ""};
    switch (record->kind) {
    case WEIR_RECORD_INTENT:
        face->kind_name = "intent";
        if (weir_record_get_intent(record->payload, &read.intent, NULL) !=
            WEIR_OK)
            return false;
        weir_request_id_format(&read.intent.request, face->id);
        return true;
    case WEIR_RECORD_OUTCOME:
        face->kind_name = "outcome";
        if (weir_record_get_outcome(record->payload, &read.outcome, NULL) !=
            WEIR_OK)
            return false;
        face->code = weir_ending_name((enum weir_ending)read.outcome.ending);
        face->has_finding = read.outcome.finding.len > 0;
        face->is_filtered = read.outcome.filtered.len > 0;
        weir_request_id_format(&read.outcome.request, face->id);
        return true;
    case WEIR_RECORD_REFUSAL:
        face->kind_name = "refusal";
        if (weir_record_get_refusal(record->payload, &read.refusal, NULL) !=
            WEIR_OK)
            return false;
        face->code = weir_reason_code((enum weir_reason)read.refusal.reason);
        weir_request_id_format(&read.refusal.request, face->id);
        return true;
    case WEIR_RECORD_ADMIN:
    case WEIR_RECORD_IMAGE:
        read_act(record, face);
        return true;
    default:
        face->kind_name = "gap";
        return record->kind == WEIR_RECORD_GAP;
    }
}

/* One of the words of "A,B"; "" where there are none takes all. */
static bool
is_listed(const char *list, size_t len, const char *word, bool is_prefix)
{
    if (len == 0)
        return true;
    while (len > 0) {
        const char *comma = memchr(list, ',', len);
        size_t own = comma == NULL ? len : (size_t)(comma - list);
        if (strncmp(word, list, own) == 0 && (is_prefix || word[own] == '\0'))
            return true;
        own += comma != NULL;
        list += own;
        len -= own;
    }
    return false;
}

static bool
selects(const char *selectors, const struct face *face)
{
    while (*selectors != '\0') {
        size_t len = strcspn(selectors, "|");
        const char *colon = memchr(selectors, ':', len);
        size_t name = colon == NULL ? len : (size_t)(colon - selectors);
        const char *list = colon == NULL ? "" : colon + 1;
        size_t rest = colon == NULL ? 0 : len - name - 1;
        weir_span what = {selectors, name};
        bool is_act =
            face->kind == WEIR_RECORD_ADMIN || face->kind == WEIR_RECORD_IMAGE;
        if ((face->kind == WEIR_RECORD_INTENT &&
             weir_span_equal(what, WEIR_SPAN("calls"))) ||
            (face->kind == WEIR_RECORD_OUTCOME &&
             weir_span_equal(what, WEIR_SPAN("outcomes")) &&
             is_listed(list, rest, face->code, false)) ||
            (face->has_finding &&
             weir_span_equal(what, WEIR_SPAN("findings"))) ||
            (face->is_filtered &&
             weir_span_equal(what, WEIR_SPAN("filtered"))) ||
            (face->kind == WEIR_RECORD_REFUSAL &&
             weir_span_equal(what, WEIR_SPAN("refusals")) &&
             is_listed(list, rest, face->code, false)) ||
            (is_act && weir_span_equal(what, WEIR_SPAN("acts")) &&
             is_listed(list, rest, face->action, true)) ||
            (face->kind == WEIR_RECORD_GAP &&
             weir_span_equal(what, WEIR_SPAN("gaps"))))
            return true;
        selectors += len + (selectors[len] == '|');
    }
    return false;
}

/* ----------------------------------------------------------------- journal */

typedef void on_record(struct evidence *evidence,
                       const struct weir_record *record, uint64_t leaf,
                       uint64_t segment);

/* Every record under the checkpoint, in the order of its leaves. */
static weir_status
walk(struct evidence *evidence, on_record *each, struct weir_error *err)
{
    const struct weir_segments_limit all = {0, 0};
    struct weir_segments segments;
    struct weir_record record;
    uint64_t leaf = 0, segment = 0;
    enum weir_segments_result result = WEIR_SEGMENTS_END;
    weir_segments_init(&segments, evidence->ask->control->paths.journal, 1, 0);
    for (;;) {
        result = weir_segments_next(&segments, &all, &record, &segment, err);
        if (result == WEIR_SEGMENTS_DAMAGE)
            continue;
        if (result != WEIR_SEGMENTS_RECORD ||
            record.time >= evidence->ask->to + LATE_US)
            break;
        if (leaf < evidence->size)
            each(evidence, &record, leaf++, segment);
        else
            evidence->is_behind |= record.time < evidence->ask->to;
    }
    weir_segments_fini(&segments);
    return result == WEIR_SEGMENTS_FAILED ? err->status : WEIR_OK;
}

static void
find_end(struct evidence *evidence, const struct weir_record *record,
         uint64_t leaf, uint64_t segment)
{
    (void)segment;
    if (leaf == 0)
        evidence->oldest = record->time;
    if (record->time < evidence->ask->to)
        evidence->end = leaf + 1;
}

static int
compare_members(const void *a, const void *b)
{
    const struct member *left = a, *right = b;
    return memcmp(left->rank.bytes, right->rank.bytes, 32);
}

static void
take(struct evidence *evidence, struct tally *tally,
     const struct weir_record *record, uint64_t leaf, uint64_t segment)
{
    struct weir_sha256 hash;
    uint8_t number[8];
    struct member member = {
        .leaf = leaf, .segment = segment, .offset = record->offset};
    for (int i = 0; i < 8; i++)
        number[i] = (uint8_t)(leaf >> (56 - 8 * i));
    weir_sha256_init(&hash);
    weir_sha256_add(&hash, tally->seed.bytes, 32);
    weir_sha256_add(&hash, number, sizeof number);
    weir_sha256_final(&hash, &member.rank);
    tally->population++;
    if (tally->population == 1 || record->time < tally->first)
        tally->first = record->time;
    if (record->time > tally->last)
        tally->last = record->time;
    if (tally->count == evidence->sample_max &&
        compare_members(&member, &tally->sample[tally->count - 1]) >= 0)
        return;
    uint32_t at =
        tally->count < evidence->sample_max ? tally->count++ : tally->count - 1;
    while (at > 0 && compare_members(&member, &tally->sample[at - 1]) < 0) {
        tally->sample[at] = tally->sample[at - 1];
        at--;
    }
    tally->sample[at] = member;
}

static void
count_record(struct evidence *evidence, const struct weir_record *record,
             uint64_t leaf, uint64_t segment)
{
    struct face face;
    if (record->time < evidence->ask->from ||
        record->time >= evidence->ask->to || !face_of(record, &face))
        return;
    evidence->records++;
    for (size_t i = 0; i < CONTROLS; i++) {
        if (evidence->tallies[i].is_wanted &&
            selects(controls[i].selectors, &face))
            take(evidence, &evidence->tallies[i], record, leaf, segment);
    }
}

/* --------------------------------------------------------------------- log */

/* The root of the first `end` leaves, from the tiles. */
static weir_status
find_root(struct evidence *evidence, struct weir_error *err)
{
    struct weir_tlog_frontier frontier = {.size = evidence->end};
    struct weir_tlog_tiles *tiles = NULL;
    bool is_read = true;
    weir_status status = weir_tlog_tiles_open(
        evidence->ask->control->paths.tlog, evidence->size, &tiles, err);
    if (status != WEIR_OK)
        return status;
    for (uint32_t height = 0; height < 63 && is_read; height++) {
        if (evidence->end >> height & 1)
            is_read = weir_tlog_tiles_read(tiles, height,
                                           (evidence->end >> height) - 1,
                                           &frontier.peak[height]);
    }
    weir_tlog_tiles_close(tiles);
    weir_tlog_root(&frontier, &evidence->root);
    return is_read ? WEIR_OK
                   : weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                               "a tile of the log cannot be read");
}

static void
make_seed(const struct evidence *evidence, const char *control,
          weir_digest *seed_out)
{
    char text[512], root[WEIR_HEX_LEN(32)];
    struct weir_buf buf;
    weir_hex_encode((weir_span){(const char *)evidence->root.bytes, 32}, root);
    weir_buf_init_fixed(&buf, text, sizeof text);
    weir_buf_addf(&buf, "weir sample v1\n%s\n%lld\n%lld\n%llu\n%.*s\n", control,
                  (long long)evidence->ask->from, (long long)evidence->ask->to,
                  (unsigned long long)evidence->end, (int)sizeof root, root);
    weir_sha256_of(weir_buf_span(&buf), seed_out);
}

static weir_status
read_size(struct evidence *evidence, char key_out[256], struct weir_error *err)
{
    struct weir_transparency none = {.policy = ""};
    struct weir__audit_head head;
    weir_status status = weir__audit_head_read(evidence->ask->store,
                                               &evidence->ask->control->paths,
                                               &none, "checkpoint", &head, err);
    if (status == WEIR_OK) {
        evidence->size = head.checkpoint.size;
        memcpy(key_out, head.key, sizeof head.key);
    }
    weir__audit_head_fini(&head);
    return status == WEIR_ENOTFOUND
               ? weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                           "the log has no checkpoint yet: ask again in a "
                           "second")
               : status;
}

/* A checkpoint that covers the period: while it runs, the next one does. */
static weir_status
find_period(struct evidence *evidence, char key_out[256],
            struct weir_error *err)
{
    const struct timespec pause = {0, 200 * 1000 * 1000};
    for (int tries = 0; tries < 20; tries++) {
        evidence->is_behind = false;
        evidence->end = 0;
        weir_status status = read_size(evidence, key_out, err);
        if (status == WEIR_OK)
            status = walk(evidence, find_end, err);
        if (status != WEIR_OK || !evidence->is_behind)
            return status;
        nanosleep(&pause, NULL);
    }
    return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                     "no checkpoint covers the period yet: ask again in a "
                     "second, or end it a minute ago");
}

/* ------------------------------------------------------------------- reply */

static void
add_sample(struct evidence *evidence, size_t which, json_t *list,
           struct weir__report_journal *journal)
{
    const struct tally *tally = &evidence->tallies[which];
    for (uint32_t i = 0; i < tally->count; i++) {
        const struct member *member = &tally->sample[i];
        const struct weir_store_at at = {.segment = member->segment,
                                         .offset = member->offset};
        struct weir_record record;
        struct face face;
        weir_digest digest;
        if (weir__report_record(journal, &at, &record, NULL) != WEIR_OK ||
            !face_of(&record, &face))
            continue;
        weir_sha256_of(record.raw, &digest);
        json_array_append_new(
            list,
            json_pack("{s:s,s:I,s:I,s:s,s:s,s:o,s:s,s:o}", "control",
                      controls[which].id, "rank", (json_int_t)i + 1, "leaf",
                      (json_int_t)member->leaf, "kind", face.kind_name, "id",
                      face.id, "when", weir__report_time(record.time), "what",
                      face.action[0] != '\0' ? face.action : face.code,
                      "record_sha256", weir__report_hex(digest.bytes, 32)));
    }
}

static void
reply(struct evidence *evidence, const char *key, json_t *report)
{
    struct weir__report_journal journal = {
        .directory = evidence->ask->control->paths.journal};
    json_t *list = json_array(), *samples = json_array();
    for (size_t i = 0; i < CONTROLS; i++) {
        const struct tally *tally = &evidence->tallies[i];
        if (!tally->is_wanted)
            continue;
        json_t *row = json_pack(
            "{s:s,s:s,s:s,s:s,s:I,s:I}", "framework", controls[i].framework,
            "control", controls[i].id, "asks", controls[i].asks, "evidence",
            controls[i].selectors, "population", (json_int_t)tally->population,
            "sampled", (json_int_t)tally->count);
        if (tally->population > 0) {
            json_object_set_new(row, "first", weir__report_time(tally->first));
            json_object_set_new(row, "last", weir__report_time(tally->last));
        }
        json_object_set_new(row, "seed",
                            weir__report_hex(tally->seed.bytes, 32));
        json_array_append_new(list, row);
        add_sample(evidence, i, samples, &journal);
    }
    weir__report_journal_fini(&journal);
    json_object_set_new(report, "summary",
                        json_pack("{s:I,s:I,s:o,s:s,s:o}", "records",
                                  (json_int_t)evidence->records, "log_size",
                                  (json_int_t)evidence->end, "log_root",
                                  weir__report_hex(evidence->root.bytes, 32),
                                  "log_key", key, "oldest_record",
                                  weir__report_time(evidence->oldest)));
    json_object_set_new(
        report, "about",
        json_string("Populations are records of the journal, counted by the "
                    "selectors shown; samples are drawn by the root of the "
                    "transparency log and can be drawn again from copies of "
                    "journal and log alone."));
    json_object_set_new(report, "controls", list);
    json_object_set_new(report, "samples", samples);
}

static weir_status
choose(struct evidence *evidence, struct weir_error *err)
{
    uint64_t most = SAMPLE_DEFAULT;
    weir_span sample = weir__report_option(evidence->ask, "sample");
    bool is_any = false;
    if (sample.len > 0 &&
        (!weir_span_to_u64(sample, &most) || most == 0 || most > SAMPLE_MAX))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'sample' is a number from 1 to %d", SAMPLE_MAX);
    if (evidence->ask->tenant.len > 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "controls are of the whole house, not of a tenant");
    evidence->sample_max = (uint32_t)most;
    for (size_t i = 0; i < CONTROLS; i++) {
        struct tally *tally = &evidence->tallies[i];
        tally->is_wanted =
            weir__report_wants(evidence->ask, "framework",
                               controls[i].framework) &&
            weir__report_wants(evidence->ask, "control", controls[i].id);
        is_any |= tally->is_wanted;
        tally->sample =
            tally->is_wanted ? calloc(most, sizeof(struct member)) : NULL;
        if (tally->is_wanted && tally->sample == NULL)
            return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                             "out of memory");
    }
    return is_any ? WEIR_OK
                  : weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                              "no control of that id or framework: soc2, "
                              "iso42001, aiact");
}

weir_status
weir__report_controls(const struct weir_report_ask *ask, json_t *report,
                      struct weir_error *err)
{
    struct weir_error own = {0};
    char key[256] = "";
    struct evidence *evidence = calloc(1, sizeof *evidence);
    if (evidence == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    evidence->ask = ask;
    evidence->oldest = WEIR_TIME_MIN;
    weir_status status = choose(evidence, &own);
    if (status == WEIR_OK)
        status = find_period(evidence, key, &own);
    if (status == WEIR_OK)
        status = find_root(evidence, &own);
    for (size_t i = 0; status == WEIR_OK && i < CONTROLS; i++)
        make_seed(evidence, controls[i].id, &evidence->tallies[i].seed);
    if (status == WEIR_OK)
        status = walk(evidence, count_record, &own);
    if (status == WEIR_OK)
        reply(evidence, key, report);
    else if (err != NULL)
        *err = own;
    for (size_t i = 0; i < CONTROLS; i++)
        free(evidence->tallies[i].sample);
    free(evidence);
    return status;
}
