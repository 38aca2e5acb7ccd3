/* SPDX-License-Identifier: Apache-2.0 */
/* An export to entries, to text, and back; what changed; what was measured. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <test.h>

#include "control/catalogue/parts.h"
#include "control/catalogue/reliability.h"
#include "control/config/config.h"

#define NOW (INT64_C(1795000000) * WEIR_US_PER_SEC)

#define MAKERS                                                                 \
    "makers:\n"                                                                \
    "  - {name: fjord, origin: \"NO\", terms: t, licence: l,\n"                \
    "     matches: [fjord/, fjord-*, \"=fjord-cloud\"]}\n"                     \
    "  - {name: fog, origin: IS, terms: t, licence: l, matches: [fog-*]}\n"

/* Written as exports are: one object a line. */
#define LINES                                                                  \
    "{\"provider\":\"fjord-cloud\",\"id\":\"Fjord-One\",\"name\":\"Fjord "     \
    "One\",\"family\":\"one\",\"release_date\":\"2026-01-02\","                \
    "\"last_updated\":\"2026-03-04\",\"open_weights\":true,"                   \
    "\"limit\":{\"output\":8192},\"cost\":{\"input\":0.19999999999999998,"     \
    "\"output\":2}}\n"                                                         \
    "{\"provider\":\"reseller\",\"id\":\"fjord/fjord-one\",\"name\":\"Fjord "  \
    "One (fast)\",\"family\":\"one\",\"release_date\":\"2026-02-02\","         \
    "\"open_weights\":true,\"status\":\"beta\",\"limit\":{\"output\":4096},"   \
    "\"cost\":{\"input\":9,\"output\":9,\"tiers\":[{\"tier\":{\"size\":"       \
    "200000},\"input\":18,\"output\":13.5}]}}\n"                               \
    "\n"                                                                       \
    "{\"provider\":{\"npm\":\"x\"},\"id\":\"fog-embed\",\"name\":\"Fog\","     \
    "\"family\":\"one\",\"cost\":{\"input\":3,\"output\":0}}\n"                \
    "{\"provider\":\"b\",\"id\":\"fog-embed\",\"cost\":{\"input\":1,"          \
    "\"output\":0}}\n"                                                         \
    "{\"provider\":\"c\",\"id\":\"fog-embed\",\"cost\":{\"input\":2,"          \
    "\"output\":0,\"cache_read\":0.5}}\n"                                      \
    "{\"provider\":\"d\",\"id\":\"mist?x\"}\n"

struct place {
    struct weir_world *world;
    struct weir_faults faults;
    struct weir_catalogue_counts counts;
    struct weir_error err;
};

static void
open_place(struct place *place)
{
    memset(place, 0, sizeof *place);
    weir_faults_init(&place->faults);
    place->world = weir_world_new();
    assert_ok(weir_config_parse(WEIR_SPAN(MAKERS), WEIR_SPAN("makers.yaml"),
                                place->world, &place->faults));
}

static weir_status
import(struct place *place, const char *text, uint32_t allow_bad)
{
    return weir_catalogue_import(weir_span_of(text), WEIR_SPAN("export"),
                                 allow_bad, place->world, &place->counts,
                                 &place->faults, &place->err);
}

static void
close_place(struct place *place)
{
    weir_faults_fini(&place->faults);
    weir_world_free(place->world);
}

static const struct weir_world_listing *
entry(const struct place *place, const char *name)
{
    for (uint32_t i = 0; i < place->world->listing_count; i++) {
        if (weir_span_equal(place->world->listing_rows[i].name,
                            weir_span_of(name)))
            return &place->world->listing_rows[i];
    }
    fail_msg("no entry %s", name);
    return NULL;
}

TEST(catalogue, rows_of_one_model_become_one_entry_with_its_hosts)
{
    struct place place;
    open_place(&place);
    assert_ok(import(&place, LINES, 0));
    assert_int_equal(place.counts.rows, 6);
    assert_int_equal(place.counts.entries, 3);
    assert_int_equal(place.counts.hostless, 1);
    assert_int_equal(place.counts.tiered, 1);
    assert_int_equal(place.counts.makerless, 1);
    assert_string_equal(place.counts.newest, "2026-03-04");
    const struct weir_world_listing *one = entry(&place, "fjord-one");
    assert_span(one->maker, "fjord");
    assert_span(one->title, "Fjord One");
    assert_span(one->weights, "open");
    assert_span(one->status, "active");
    assert_span(one->family, "fjord/one"); /* fog uses the word too */
    assert_int_equal(one->output_tokens_max, 8192);
    assert_int_equal(one->hosts.count, 2);
    assert_int_equal(one->created, 1767312000); /* the earlier day */
    assert_span(entry(&place, "mist-x")->maker, "");
    close_place(&place);
}

TEST(catalogue, a_price_is_the_makers_own_or_that_in_the_middle)
{
    struct place place;
    open_place(&place);
    assert_ok(import(&place, LINES, 0));
    const struct weir_world_listing *own = entry(&place, "fjord-one");
    const struct weir_world_listing *middle = entry(&place, "fog-embed");
    assert_int_equal(own->price.input, 200000);
    assert_int_equal(own->price.cached_input, 200000);
    assert_span(own->price_version, "2026-03-04, maker's host");
    assert_int_equal(middle->price.input, 2000000);
    assert_int_equal(middle->price.cached_input, 500000);
    assert_span(middle->price_version, "2026-03-04, middle of 3");
    assert_int_equal(middle->operations, UINT32_C(1) << WEIR_OP_EMBED);
    assert_false(entry(&place, "mist-x")->has_price);
    close_place(&place);
}

/* A list of providers; of the prices of one model the last that holds. */
#define PROVIDERS                                                              \
    "[{\"id\":\"fjord-cloud\",\"models\":[{\"id\":\"fjord-two\",\"prices\":"   \
    "[{\"prices\":{\"input_mtok\":{\"base\":1.25,\"tiers\":[{\"start\":"       \
    "200000,\"price\":2.5}]},\"output_mtok\":10,\"cache_read_mtok\":"          \
    "0.125,\"requests_kcount\":12,\"web_searches_kcount\":10}},"               \
    "{\"constraint\":{\"start_date\":\"2026-08-17\",\"type\":"                 \
    "\"start_date\"},\"prices\":{\"input_mtok\":1,\"output_mtok\":8}},"        \
    "{\"constraint\":{\"start_time\":\"16:30:00Z\",\"end_time\":"              \
    "\"00:30:00Z\",\"type\":\"time_of_date\"},\"prices\":{\"input_mtok\":0.5," \
    "\"output_mtok\":4}}]}]}]"

TEST(catalogue, tiers_days_and_hours_of_a_price_are_kept_and_read_again)
{
    struct place place, again;
    struct weir_buf out;
    open_place(&place);
    assert_ok(import(&place, PROVIDERS, 0));
    assert_int_equal(place.counts.tiered, 1);
    assert_int_equal(place.counts.untaken, 1); /* searches */
    assert_string_equal(place.counts.newest, "2026-08-17");
    weir_buf_init(&out, 1 << 20);
    weir_catalogue_write(place.world, WEIR_SPAN("fjord"), WEIR_SPAN("x"), &out);
    open_place(&again);
    assert_ok(weir_config_parse(weir_buf_span(&out), WEIR_SPAN("x.yaml"),
                                again.world, &again.faults));
    assert_int_equal(again.faults.total, 0);
    const struct weir_world_listing *two = entry(&again, "fjord-two");
    const struct weir_world_change *rows =
        again.world->change_rows + two->changes.first;
    assert_int_equal(two->price.input, 1250000);
    assert_int_equal(two->price.request, INT64_C(12000000000)); /* 0.012 */
    assert_int_equal(two->changes.count, 3);
    assert_int_equal(rows[0].change.above, 200000);
    assert_int_equal(rows[0].change.rates.input, 2500000);
    assert_int_equal(rows[0].change.rates.cached_input, 125000);
    /* it takes the place of all: what it does not say costs as its kind */
    assert_int_equal(rows[1].change.from, INT64_C(1786924800000000));
    assert_int_equal(rows[1].change.rates.cached_input, 1000000);
    assert_int_equal(rows[1].change.rates.request, 0);
    assert_true((rows[1].change.stated & WEIR_RATE_BIT(WEIR_RATE_REQUEST)) !=
                0);
    assert_int_equal(rows[2].change.minute_from, 16 * 60 + 30);
    assert_int_equal(rows[2].change.minute_until, 30);
    weir_buf_fini(&out);
    close_place(&again);
    close_place(&place);
}

TEST(catalogue, the_surest_rows_name_the_maker)
{
    struct place place;
    open_place(&place);
    /* By name it is fog's, by path and base it is fjord's. */
    assert_ok(import(&place,
                     "{\"provider\":\"a\",\"id\":\"fog-two\"}\n"
                     "{\"provider\":\"b\",\"id\":\"x/Fjord/fog-two\"}\n"
                     "{\"provider\":\"a\",\"id\":\"fog-three\","
                     "\"base_model\":\"fjord/three\"}\n"
                     "{\"provider\":\"b\",\"id\":\"fog-three\"}\n"
                     "{\"provider\":\"b\",\"id\":\"fog-four\"}\n",
                     0));
    assert_span(entry(&place, "fog-two")->maker, "fjord");
    assert_span(entry(&place, "fog-three")->maker, "fjord");
    assert_span(entry(&place, "fog-four")->maker, "fog");
    assert_int_equal(place.counts.disputed, 0);
    close_place(&place);
}

TEST(catalogue, the_other_form_of_the_export_gives_the_same_entries)
{
    struct place place;
    open_place(&place);
    assert_ok(import(
        &place,
        "{\"fjord-cloud\":{\"id\":\"fjord-cloud\",\"models\":{"
        "\"Fjord-One\":{\"id\":\"Fjord-One\",\"name\":\"Fjord One\","
        "\"cost\":{\"input\":0.2,\"output\":2}}}},"
        "\"reseller\":{\"models\":{\"fjord/fjord-one\":{\"name\":\"F1\"}}}}",
        0));
    const struct weir_world_listing *one = entry(&place, "fjord-one");
    assert_int_equal(one->hosts.count, 2);
    assert_int_equal(one->price.input, 200000);
    assert_span(one->title, "F1");
    close_place(&place);
}

TEST(catalogue, bad_rows_are_named_by_line_and_refused_unless_allowed)
{
    static const char text[] = "{\"provider\":\"a\",\"id\":\"fog-1\"}\n"
                               "{\"provider\":\"a\"}\n"
                               "{broken\n"
                               "[1,2]\n"
                               "{\"provider\":\"a\",\"id\":\"//\"}\n";
    struct place place;
    open_place(&place);
    assert_int_equal(import(&place, text, 3), WEIR_EPARSE);
    assert_int_equal(place.counts.bad, 4);
    assert_int_equal(place.faults.rows[0].place.line, 2);
    assert_int_equal(place.faults.rows[3].place.line, 5);
    assert_ok(import(&place, text, 4));
    assert_int_equal(place.counts.entries, 1);
    close_place(&place);
    open_place(&place);
    assert_int_equal(import(&place, "", 9), WEIR_EPARSE);
    assert_int_equal(import(&place, "{\"models\":{}}", 9), WEIR_EPARSE);
    close_place(&place);
}

/* ------------------------------------------------------------------- as text */

static struct weir_world *
again(const struct weir_world *world, struct weir_buf *text)
{
    struct weir_faults faults;
    struct weir_world *read = weir_world_new();
    static const char *const makers[] = {"", "fjord", "fog"};
    weir_faults_init(&faults);
    for (size_t i = 0; i < WEIR_COUNTOF(makers); i++) {
        weir_buf_reset(text);
        weir_catalogue_write(world, weir_span_of(makers[i]), WEIR_SPAN("test"),
                             text);
        if (weir_config_parse(weir_buf_span(text), WEIR_SPAN("w.yaml"), read,
                              &faults) != WEIR_OK)
            fail_msg("%.*s", WEIR_SPAN_ARG(faults.rows[0].text));
    }
    weir_faults_fini(&faults);
    return read;
}

static void
count_change(void *context, enum weir_catalogue_change change, weir_span name,
             const char *field, weir_span before, weir_span after)
{
    struct weir_buf *out = context;
    weir_buf_addf(out, "%c%.*s", "+-*"[change], WEIR_SPAN_ARG(name));
    if (change == WEIR_CATALOGUE_CHANGED)
        weir_buf_addf(out, ".%s:%.*s>%.*s", field, WEIR_SPAN_ARG(before),
                      WEIR_SPAN_ARG(after));
    weir_buf_add_byte(out, ' ');
}

TEST(catalogue, what_is_written_reads_back_without_a_difference)
{
    struct place place;
    struct weir_buf text, changes;
    open_place(&place);
    weir_buf_init(&text, 1 << 20);
    weir_buf_init(&changes, 1 << 20);
    assert_ok(import(&place, LINES, 0));
    struct weir_world *read = again(place.world, &text);
    assert_int_equal(read->listing_count, 3);
    assert_ok(weir_catalogue_diff(place.world, read, count_change, &changes,
                                  &place.err));
    assert_span(weir_buf_span(&changes), "");
    weir_world_free(read);
    weir_buf_fini(&changes);
    weir_buf_fini(&text);
    close_place(&place);
}

TEST(catalogue, titles_cannot_break_out_of_their_quotes)
{
    struct place place;
    struct weir_buf text;
    open_place(&place);
    weir_buf_init(&text, 1 << 20);
    assert_ok(import(&place,
                     "{\"provider\":\"a: b\",\"id\":\"fog-1\",\"name\":"
                     "\"x\\\"\\n  - {name: y} #\\\\ \\u0007\"}\n",
                     0));
    struct weir_world *read = again(place.world, &text);
    assert_int_equal(read->listing_count, 1);
    assert_span(read->listing_rows[0].title, "x\"  - {name: y} #\\");
    weir_world_free(read);
    weir_buf_fini(&text);
    close_place(&place);
}

TEST(catalogue, a_diff_names_added_removed_and_each_changed_field)
{
    struct place one, two;
    struct weir_buf changes;
    open_place(&one);
    open_place(&two);
    weir_buf_init(&changes, 1 << 20);
    assert_ok(import(&one,
                     "{\"provider\":\"a\",\"id\":\"fog-1\",\"name\":\"F\"}\n"
                     "{\"provider\":\"a\",\"id\":\"fog-2\",\"name\":\"G\"}\n",
                     0));
    assert_ok(import(&two,
                     "{\"provider\":\"b\",\"id\":\"fog-2\",\"name\":\"H\"}\n"
                     "{\"provider\":\"a\",\"id\":\"fog-3\",\"name\":\"I\"}\n",
                     0));
    assert_ok(weir_catalogue_diff(one.world, two.world, count_change, &changes,
                                  &one.err));
    assert_span(weir_buf_span(&changes),
                "-fog-1 *fog-2.title:G>H *fog-2.hosts:a>b +fog-3 ");
    weir_buf_fini(&changes);
    close_place(&one);
    close_place(&two);
}

static int
count_files(const char *dir)
{
    DIR *handle = opendir(dir);
    struct dirent *row;
    int count = 0;
    while ((row = readdir(handle)) != NULL)
        count += row->d_name[0] != '.';
    closedir(handle);
    return count;
}

TEST(catalogue, a_second_import_removes_its_own_files_and_no_others)
{
    struct place one, two;
    char dir[] = "/tmp/weir-catalogue-XXXXXX", path[128];
    uint32_t files;
    open_place(&one);
    open_place(&two);
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/makers.yaml", dir);
    FILE *file = fopen(path, "w");
    fputs(MAKERS, file);
    fclose(file);
    assert_ok(import(&one, LINES, 0));
    assert_ok(weir_catalogue_save(one.world, dir, WEIR_SPAN("one"), &files,
                                  &one.err));
    assert_int_equal(files, 3);
    assert_int_equal(count_files(dir), 4);
    assert_ok(import(&two, "{\"provider\":\"a\",\"id\":\"fog-1\"}\n", 0));
    assert_ok(weir_catalogue_save(two.world, dir, WEIR_SPAN("two"), &files,
                                  &two.err));
    assert_int_equal(count_files(dir), 2);
    snprintf(path, sizeof path, "%s/fog.yaml", dir);
    file = fopen(path, "w");
    fputs("catalogue: []\n", file);
    fclose(file);
    assert_int_equal(
        weir_catalogue_save(two.world, dir, WEIR_SPAN("two"), &files, &two.err),
        WEIR_ECONFLICT); /* a person wrote it meanwhile */
    unlink(path);
    snprintf(path, sizeof path, "%s/makers.yaml", dir);
    unlink(path);
    assert_int_equal(rmdir(dir), 0);
    close_place(&one);
    close_place(&two);
}

/* The whole export of the data folder: over 1,800 entries, none bad. */
TEST(catalogue, a_real_export_is_read_whole)
{
    const char *data = getenv("WEIR_DATA");
    const char *source = getenv("WEIR_SOURCE");
    char command[600], path[512];
    struct place place;
    snprintf(path, sizeof path, "%s/catalog/models-dev.jsonl.zst",
             data == NULL ? "../shared/data" : data);
    if (access(path, R_OK) != 0) {
        print_message("SKIPPED: no %s\n", path);
        return;
    }
    snprintf(command, sizeof command, "zstd -dcq %s", path);
    FILE *pipe = popen(command, "r");
    struct weir_buf text;
    weir_buf_init(&text, (size_t)64 << 20);
    size_t got;
    char part[65536];
    while ((got = fread(part, 1, sizeof part, pipe)) > 0)
        weir_buf_add(&text, part, got);
    assert_int_equal(pclose(pipe), 0);
    weir_buf_add_byte(&text, '\0');
    open_place(&place);
    snprintf(path, sizeof path, "%s/examples/catalogue/makers.yaml",
             source == NULL ? "." : source);
    weir_world_free(place.world);
    place.world = weir_world_new();
    assert_ok(weir_config_read(path, place.world, &place.faults));
    assert_ok(import(&place, text.ptr, 0));
    assert_true(place.counts.entries > 1800);
    print_message("%u rows, %u entries, %u without maker, %u disputed\n",
                  place.counts.rows, place.counts.entries,
                  place.counts.makerless, place.counts.disputed);
    assert_true(place.counts.makerless * 4 < place.counts.entries);
    weir_world_promote(place.world, &place.faults);
    assert_int_equal(place.faults.total, 0);
    close_place(&place);
    weir_buf_fini(&text);
}

/* ---------------------------------------------------------------- reliability */

static void
put_call(struct weir_store *store, uint32_t number, const char *deployment,
         enum weir_ending ending, uint32_t http_status, uint64_t total_us)
{
    struct weir_error err;
    struct weir_record_intent intent = {
        .decided_us = NOW,
        .is_streamed = 0,
        .tier = WEIR_TIER_CRASH,
        .key = WEIR_SPAN("wk_1"),
        .project = WEIR_SPAN("p"),
        .tenant = WEIR_SPAN("t"),
        .organisation = WEIR_SPAN("o"),
        .model = WEIR_SPAN("m"),
    };
    struct weir_record_outcome outcome = {
        .model = WEIR_SPAN("m"),
        .deployment = weir_span_of(deployment),
        .ending = ending,
        .http_status = http_status,
        .first_byte_us = total_us / 2,
        .total_us = total_us,
        .started_us = NOW,
    };
    const struct weir_store_at at = {1, 1, number, -1};
    const uint8_t random[10] = {(uint8_t)(number >> 8), (uint8_t)number};
    bool is_new;
    weir_request_id_make(NOW + number, random, &intent.request);
    outcome.request = intent.request;
    assert_ok(weir_store_put_intent(store, &intent, &at, &is_new, &err));
    assert_ok(
        weir_store_put_outcome(store, &outcome, &at, &is_new, NULL, &err));
}

TEST(catalogue, reliability_counts_what_the_origin_is_to_blame_for)
{
    char dir[] = "/tmp/weir-catalogue-XXXXXX", command[64];
    struct weir_store *store;
    struct weir_error err;
    struct weir_arena arena;
    struct weir_reliabilities found;
    assert_non_null(mkdtemp(dir));
    assert_ok(weir_store_open(dir, true, &store, &err));
    assert_ok(weir_store_begin(store, &err));
    for (uint32_t i = 1; i <= 100; i++)
        put_call(store, i, "good", WEIR_END_COMPLETE, 200, i * 1000);
    put_call(store, 101, "poor", WEIR_END_COMPLETE, 200, 1000);
    put_call(store, 102, "poor", WEIR_END_CUT, 200, 1000);
    put_call(store, 103, "poor", WEIR_END_FAILED, 502, 1000);
    put_call(store, 104, "poor", WEIR_END_ORIGIN_ERROR, 429, 1000);
    put_call(store, 105, "poor", WEIR_END_ORIGIN_ERROR, 400, 1000);
    put_call(store, 106, "poor", WEIR_END_CLIENT_LEFT, 200, 1000);
    assert_ok(weir_store_flush_totals(store, &err));
    assert_ok(weir_store_commit(store, &err));
    weir_arena_init_heap(&arena, (size_t)64 << 20);
    assert_ok(weir_reliability_read(store, NOW - 1, &arena, &found, &err));
    assert_int_equal(found.count, 2);
    assert_int_equal(found.rows[0].good, 100);
    /* 50 ms and 95 ms, at most an eighth above */
    assert_in_range(found.rows[0].total_us[0], 50000, 56250);
    assert_in_range(found.rows[0].total_us[1], 95000, 106875);
    assert_in_range(found.rows[0].first_byte_us[0], 25000, 28125);
    assert_int_equal(found.rows[1].calls, 6);
    assert_int_equal(found.rows[1].good, 1);
    assert_int_equal(found.rows[1].bad, 3);
    assert_ok(weir_reliability_read(store, NOW + WEIR_US_PER_DAY, &arena,
                                    &found, &err));
    assert_int_equal(found.count, 0);
    weir_arena_fini(&arena);
    weir_store_close(store);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}
