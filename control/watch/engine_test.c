/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine over calls that are made up here: what it says, and that its
 * state is the same whatever happens on the way.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <test.h>

#include "control/watch/engine.h"

#define CALLS 2400
#define GAP   (40 * WEIR_US_PER_MS)

struct made {
    struct weir_watch_told told;
    struct weir_watch_features features;
};

struct world {
    struct made *calls; /* by position - 1 */
    uint32_t count;
    char directory[64];
};

static uint64_t state;

static uint32_t
draw(uint32_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % below);
}

#define PICK(list) (list)[draw(WEIR_COUNTOF(list))]

static void
write_support(char *out, size_t size)
{
    static const char *const starts[] = {"hi my", "hello, i think my",
                                         "pls help, my", "the", "why is my"};
    static const char *const things[] = {"order",   "refund",  "parcel",
                                         "invoice", "account", "coupon",
                                         "delivery"};
    static const char *const ends[] = {"did not arrive yet", "is still missing",
                                       "looks wrong to me", "was changed twice",
                                       "cannot be opened, can you check"};
    snprintf(out, size, "%s %s %s %u", PICK(starts), PICK(things), PICK(ends),
             draw(90000));
}

static void
write_task(char *out, size_t size)
{
    static const char *const verbs[] = {"Write",   "Create",   "Design",
                                        "Compose", "Describe", "Generate",
                                        "Explain"};
    static const char *const things[] = {
        "a Python function that sorts", "an essay about the history of",
        "a short story set among",      "a table that compares",
        "a detailed lesson plan on",    "a SQL query over"};
    static const char *const about[] = {
        "binary trees",   "medieval trade", "solar panels", "tax records",
        "ocean currents", "prime numbers",  "old bridges",  "plant cells",
        "chess openings", "night trains",   "glass making", "desert birds"};
    snprintf(out, size, "%s %s %s for %s, with all the steps shown.",
             PICK(verbs), PICK(things), PICK(about), PICK(about));
}

static void
make_call(struct made *made, uint32_t number, const char *tenant,
          const char *text)
{
    struct weir_watch_call call;
    char name[128];
    uint8_t random[10] = {0};
    memset(made, 0, sizeof(*made));
    weir_watch_begin(&call);
    weir_watch_prompt(&call, weir_span_of(text));
    weir_watch_finish(&call, NULL, &made->features);
    memcpy(random, &number, sizeof(number));
    made->told.when = 1000 * WEIR_US_PER_SEC + (weir_time)number * GAP;
    weir_request_id_make(made->told.when, random, &made->told.request);
    made->told.position = number + 1;
    struct weir_watch_pools *pools = &made->told.pools;
    pools->of[WEIR_WATCH_OF_TENANT] =
        weir_watch_subject(WEIR_WATCH_OF_TENANT, weir_span_of(tenant));
    snprintf(name, sizeof(name), "wk_%s%u", tenant, number % 3);
    pools->of[WEIR_WATCH_OF_KEY] =
        weir_watch_subject(WEIR_WATCH_OF_KEY, weir_span_of(name));
    pools->of[WEIR_WATCH_OF_GROUP] =
        weir_watch_subject(WEIR_WATCH_OF_GROUP, WEIR_SPAN("holding"));
    pools->model = 77;
}

/* Two tenants of one group; "sly" begins to harvest in the second half. */
static void
make_world(struct world *world)
{
    char text[400];
    state = 5;
    world->count = CALLS;
    world->calls = calloc(CALLS, sizeof(*world->calls));
    assert_non_null(world->calls);
    for (uint32_t i = 0; i < CALLS; i++) {
        bool is_sly = i % 2 == 1;
        if (is_sly && i > CALLS / 2 && draw(2) == 0)
            write_task(text, sizeof(text));
        else
            write_support(text, sizeof(text));
        make_call(&world->calls[i], i, is_sly ? "sly" : "fair", text);
    }
}

static bool
read_call(void *context, uint64_t position,
          struct weir_watch_features *features_out)
{
    const struct world *world = context;
    if (position == 0 || position > world->count)
        return false;
    *features_out = world->calls[position - 1].features;
    return true;
}

static bool
name_subject(void *context, uint32_t kind, uint64_t digest, char *name_out,
             size_t size)
{
    static const char *const names[] = {"sly", "fair"};
    for (size_t i = 0; i < 2; i++)
        if (kind == WEIR_WATCH_OF_TENANT &&
            digest == weir_watch_subject(WEIR_WATCH_OF_TENANT,
                                         weir_span_of(names[i]))) {
            snprintf(name_out, size, "%s", names[i]);
            return true;
        }
    return false;
}

static bool
find_model(void *context, uint64_t digest, struct weir_watch_model *model_out)
{
    snprintf(model_out->provider, sizeof(model_out->provider), "maker");
    return digest == 77;
}

static struct weir_watch_setup
setup_of(struct world *world, uint32_t reference_calls)
{
    struct weir_watch_setup setup;
    weir__watch_setup_default(&setup);
    setup.state_dir = world->directory;
    setup.reference_calls = reference_calls;
    setup.read = read_call;
    setup.name = name_subject;
    setup.model = find_model;
    setup.context = world;
    return setup;
}

struct run {
    struct weir_store *store;
    struct weir_watch_engine *engine;
};

static struct run
begin(struct world *world, uint32_t reference_calls, bool is_new)
{
    struct run run;
    struct weir_error err = {0};
    if (is_new) {
        strcpy(world->directory, "/tmp/weir-watch-engine-XXXXXX");
        assert_non_null(mkdtemp(world->directory));
    }
    struct weir_watch_setup setup = setup_of(world, reference_calls);
    assert_ok(weir_store_open(world->directory, true, &run.store, &err));
    assert_ok(weir__watch_engine_open(&setup, run.store, &run.engine, &err));
    return run;
}

static void
end(struct run *run)
{
    weir__watch_engine_close(run->engine);
    weir_store_close(run->store);
}

static void
remove_world(struct world *world)
{
    char command[100];
    snprintf(command, sizeof(command), "rm -rf '%s'", world->directory);
    assert_int_equal(system(command), 0);
}

static void
give(struct run *run, const struct made *made)
{
    struct weir_error err = {0};
    assert_ok(weir__watch_engine_take(run->engine, &made->told, &made->features,
                                      &err));
}

/* Counts what waits, makes it safe. */
static void
settle(struct run *run, const struct world *world)
{
    struct weir_error err = {0};
    weir_time late = world->calls[world->count - 1].told.when + 60000000;
    assert_ok(weir__watch_engine_idle(run->engine, late, &err));
    assert_ok(
        weir__watch_engine_checkpoint(run->engine, 1, world->count, &err));
}

/* ------------------------------------------------------------ comparing */

static void
hash_pool(void *context, const struct weir_watch_pool_row *row)
{
    uint64_t *sum = context;
    uint64_t own = weir_hash64(row->pool, row->kind);
    own ^= weir_hash64(row->learning, 2) ^ weir_hash64(row->profile, 3);
    *sum += own * (row->digest | 1); /* in any order */
}

static uint64_t
state_of(struct run *run)
{
    uint64_t sum = 0;
    struct weir_error err = {0};
    assert_ok(weir__watch_pools(weir__watch_engine_pools(run->engine), 0,
                                hash_pool, &sum, &err));
    return sum;
}

static bool
hash_row(void *context, const struct weir_watch_row *row)
{
    uint64_t *sum = context;
    *sum += weir_hash64(row->detail, row->digest ^ row->calls ^ row->fired);
    return true;
}

static uint64_t
said_of(struct run *run)
{
    uint64_t sum = 0;
    struct weir_error err = {0};
    assert_ok(
        weir_watch_verdicts_after(run->store, 0, 100000, hash_row, &sum, &err));
    return sum;
}

static void
run_plain(struct world *world, uint64_t *state_out, uint64_t *said_out)
{
    struct run run = begin(world, 200, true);
    for (uint32_t i = 0; i < world->count; i++)
        give(&run, &world->calls[i]);
    settle(&run, world);
    *state_out = state_of(&run);
    *said_out = said_of(&run);
    end(&run);
    remove_world(world);
}

/* --------------------------------------------------------------- verdicts */

struct found {
    uint32_t sly;
    uint32_t fair;
    uint64_t first;
    uint32_t evidence;
};

static bool
note_row(void *context, const struct weir_watch_row *row)
{
    struct found *found = context;
    bool is_tenant = row->kind == WEIR_WATCH_OF_TENANT;
    if (!is_tenant || row->score < 1)
        return true;
    if (weir_span_equal(row->name, WEIR_SPAN("fair")))
        found->fair++;
    if (!weir_span_equal(row->name, WEIR_SPAN("sly")))
        return true;
    if (found->sly++ == 0)
        found->first = row->calls;
    found->evidence +=
        memmem(row->detail.ptr, row->detail.len, "\"req_", 5) != NULL;
    return true;
}

TEST(watch_engine, account_that_begins_to_harvest_is_named_and_no_other)
{
    struct world world;
    struct found found = {0};
    struct weir_error err = {0};
    make_world(&world);
    struct run run = begin(&world, 200, true);
    for (uint32_t i = 0; i < world.count; i++)
        give(&run, &world.calls[i]);
    settle(&run, &world);
    assert_ok(weir_watch_verdicts_after(run.store, 0, 100000, note_row, &found,
                                        &err));
    assert_true(found.sly > 0);
    assert_int_equal(found.fair, 0);
    assert_int_equal(found.evidence, found.sly);
    /* It began at its call 600; the window that shows it ends soon after. */
    assert_in_range(found.first, 600, 800);
    struct weir_watch_figures figures;
    weir__watch_engine_figures(run.engine, &figures);
    assert_int_equal(figures.calls, CALLS);
    /* 2 tenants, 6 keys, a group, 2 of models */
    assert_int_equal(figures.subjects, 11);
    end(&run);
    remove_world(&world);
    free(world.calls);
}

/* ----------------------------------------------------------------- shared */

struct told {
    uint32_t rows;
    uint64_t first; /* calls of the tenant at its first row */
    uint32_t fired;
    bool has_evidence;
};

static bool
note_told(void *context, const struct weir_watch_row *row)
{
    struct told *told = context;
    if (row->kind != WEIR_WATCH_OF_TENANT ||
        !weir_span_equal(row->name, WEIR_SPAN("fair")))
        return true;
    if (told->rows++ == 0) {
        told->first = row->calls;
        told->fired = row->fired;
        told->has_evidence =
            memmem(row->detail.ptr, row->detail.len, "\"req_", 5) != NULL;
    }
    return true;
}

TEST(watch_engine, what_others_shared_is_told_at_the_third_call)
{
    struct world world;
    struct told told = {0};
    struct weir_error err = {0};
    make_world(&world);
    for (uint32_t i = 440; i < 540; i += 20) /* calls 221, 231 .. of "fair" */
        world.calls[i].told.pools.matches = 1;
    struct run run = begin(&world, 200, true);
    for (uint32_t i = 0; i < 560; i++)
        give(&run, &world.calls[i]);
    settle(&run, &world);
    assert_ok(weir_watch_verdicts_after(run.store, 0, 100000, note_told, &told,
                                        &err));
    assert_int_equal(told.rows, 1);
    assert_int_equal(told.first, 241);
    assert_int_equal(told.fired, 1u << WEIR_WATCH_PEERS);
    assert_true(told.has_evidence);
    end(&run);
    remove_world(&world);
    free(world.calls);
}

TEST(watch_engine, what_classifiers_find_is_told_at_the_third_call)
{
    struct world world;
    struct told told = {0};
    struct weir_error err = {0};
    make_world(&world);
    for (uint32_t i = 440; i < 540; i += 20) /* calls 221, 231 .. of "fair" */
        world.calls[i].told.is_judged = true;
    struct run run = begin(&world, 200, true);
    for (uint32_t i = 0; i < 560; i++)
        give(&run, &world.calls[i]);
    settle(&run, &world);
    assert_ok(weir_watch_verdicts_after(run.store, 0, 100000, note_told, &told,
                                        &err));
    assert_int_equal(told.rows, 1);
    assert_int_equal(told.first, 241);
    assert_int_equal(told.fired, 1u << WEIR_WATCH_JUDGED);
    assert_true(told.has_evidence);
    end(&run);
    remove_world(&world);
    free(world.calls);
}

/* --------------------------------------------------------------- the same */

TEST(watch_engine, order_and_repetition_within_two_seconds_change_nothing)
{
    struct world world;
    uint64_t state_then, said_then;
    make_world(&world);
    run_plain(&world, &state_then, &said_then);
    struct run run = begin(&world, 200, true);
    uint32_t order[CALLS];
    for (uint32_t i = 0; i < CALLS; i++)
        order[i] = i;
    /* Calls are 40 ms apart: 40 of them are within the order's bound. */
    for (uint32_t i = 0; i + 40 < CALLS; i += 40)
        for (uint32_t j = 39; j > 0; j--) {
            uint32_t k = draw(j + 1), held = order[i + j];
            order[i + j] = order[i + k];
            order[i + k] = held;
        }
    for (uint32_t i = 0; i < CALLS; i++) {
        give(&run, &world.calls[order[i]]);
        if (draw(10) == 0)
            give(&run, &world.calls[order[draw(i + 1)]]);
    }
    settle(&run, &world);
    assert_true(state_of(&run) == state_then);
    assert_true(said_of(&run) == said_then);
    struct weir_watch_figures figures;
    weir__watch_engine_figures(run.engine, &figures);
    assert_int_equal(figures.calls, CALLS);
    assert_true(figures.again > 100);
    assert_int_equal(figures.late, 0);
    end(&run);
    remove_world(&world);
    free(world.calls);
}

/*
 * Clocks of workers are set back and forth by up to a day: some calls come
 * after their turn. Counting the same journal again, with other checkpoints
 * and with records that stand in it twice, comes to the same state.
 */
TEST(watch_engine, clocks_that_jump_give_the_same_state_when_counted_again)
{
    struct world world;
    uint64_t states[3], said[3], late[3];
    make_world(&world);
    weir_time shift = 0;
    for (uint32_t i = 0; i < world.count; i++) {
        if (draw(60) == 0)
            shift = ((weir_time)draw(3) - 1) * draw(86400) * WEIR_US_PER_SEC;
        world.calls[i].told.when += shift;
    }
    for (uint32_t pass = 0; pass < 3; pass++) {
        struct run run = begin(&world, 200, true);
        struct weir_watch_figures figures;
        struct weir_error err = {0};
        for (uint32_t i = 0; i < world.count; i++) {
            give(&run, &world.calls[i]);
            if (pass == 1 && i % 83 == 0)
                assert_ok(
                    weir__watch_engine_checkpoint(run.engine, 1, i + 1, &err));
            if (pass == 2 && draw(4) == 0)
                give(&run, &world.calls[draw(i + 1)]);
        }
        assert_ok(weir__watch_engine_idle(run.engine, WEIR_TIME_MAX / 2, &err));
        assert_ok(
            weir__watch_engine_checkpoint(run.engine, 1, world.count, &err));
        weir__watch_engine_figures(run.engine, &figures);
        assert_int_equal(figures.calls, CALLS);
        states[pass] = state_of(&run);
        said[pass] = said_of(&run);
        late[pass] = figures.late;
        end(&run);
        remove_world(&world);
    }
    assert_true(late[0] > 100);
    for (uint32_t pass = 1; pass < 3; pass++) {
        assert_true(states[pass] == states[0]);
        assert_true(said[pass] == said[0]);
        assert_int_equal(late[pass], late[0]);
    }
    free(world.calls);
}

/* A child counts from the place of the last checkpoint, and dies. */
static void
count_and_die(struct world *world, uint32_t most)
{
    struct weir_error err = {0};
    uint64_t segment, offset;
    struct run run = begin(world, 200, false);
    weir__watch_engine_place(run.engine, &segment, &offset);
    uint32_t begins = (uint32_t)offset;
    for (uint32_t i = begins; i < world->count; i++) {
        give(&run, &world->calls[i]);
        if (i == begins + most)
            raise(SIGKILL);
        if (i % 7 == 0)
            assert_ok(weir__watch_engine_flush(run.engine, NULL, &err));
        if (i % 97 == 0)
            assert_ok(
                weir__watch_engine_checkpoint(run.engine, 1, i + 1, &err));
    }
    settle(&run, world);
    end(&run);
}

TEST(watch_engine, killed_at_any_point_its_state_is_as_if_nothing_happened)
{
    struct world world;
    uint64_t state_then, said_then;
    uint32_t deaths = 0;
    make_world(&world);
    run_plain(&world, &state_then, &said_then);
    struct run run = begin(&world, 200, true);
    end(&run);
    for (bool is_done = false; !is_done;) {
        int status = 0;
        uint32_t most = 100 + draw(300);
        pid_t child = fork();
        if (child == 0) {
            count_and_die(&world, most);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        is_done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        deaths += WIFSIGNALED(status);
        assert_true(is_done || WTERMSIG(status) == SIGKILL);
    }
    assert_true(deaths > 4);
    run = begin(&world, 200, false);
    assert_true(state_of(&run) == state_then);
    assert_true(said_of(&run) == said_then);
    end(&run);
    /* And made again from nothing, with what is on file about facts. */
    char path[128];
    snprintf(path, sizeof(path), "%s/watch.db", world.directory);
    assert_int_equal(unlink(path), 0);
    run = begin(&world, 200, false);
    for (uint32_t i = 0; i < world.count; i++)
        give(&run, &world.calls[i]);
    settle(&run, &world);
    assert_true(state_of(&run) == state_then);
    assert_true(said_of(&run) == said_then);
    end(&run);
    remove_world(&world);
    free(world.calls);
}

struct group_seen {
    struct weir_watch_pool pool;
    uint32_t count;
};

static void
copy_group(void *context, const struct weir_watch_pool_row *row)
{
    struct group_seen *seen = context;
    assert_int_equal(row->pool.len, sizeof(seen->pool));
    memcpy(&seen->pool, row->pool.ptr, sizeof(seen->pool));
    seen->count++;
}

#define SPLITS 10

TEST(watch_engine, group_is_the_same_however_its_calls_are_split_over_keys)
{
    static struct group_seen seen[SPLITS];
    struct world world;
    struct weir_error err = {0};
    make_world(&world);
    for (uint32_t split = 0; split < SPLITS; split++) {
        struct run run = begin(&world, 200, true);
        uint32_t keys = 1u << draw(12), tenants = 1u << draw(9);
        memset(&seen[split], 0, sizeof(seen[split]));
        for (uint32_t i = 0; i < world.count; i++) {
            struct made call = world.calls[i];
            uint64_t *of = call.told.pools.of;
            /* One key; as it is; then as many keys and tenants as chance
             * says, evenly or most calls by a few of them. */
            if (split == 0) {
                of[WEIR_WATCH_OF_KEY] = 1;
                of[WEIR_WATCH_OF_TENANT] = 2;
            } else if (split > 1) {
                uint32_t key = draw(keys), tenant = draw(tenants);
                of[WEIR_WATCH_OF_KEY] =
                    1000 + (split % 2 ? key : draw(key + 1));
                of[WEIR_WATCH_OF_TENANT] =
                    9000 + (split % 2 ? tenant : draw(tenant + 1));
            }
            give(&run, &call);
        }
        settle(&run, &world);
        assert_ok(weir__watch_pools(weir__watch_engine_pools(run.engine),
                                    WEIR_WATCH_OF_GROUP, copy_group,
                                    &seen[split], &err));
        assert_int_equal(seen[split].count, 1);
        assert_memory_equal(&seen[split].pool, &seen[0].pool,
                            sizeof(seen[0].pool));
        end(&run);
        remove_world(&world);
    }
    assert_int_equal(weir_watch_pool_total(&seen[SPLITS - 1].pool), CALLS);
    free(world.calls);
}

/* ------------------------------------------------------------- reference */

struct frozen_seen {
    uint32_t count;
    uint32_t learnt;
    double distance;
    char actor[40];
};

static bool
note_frozen(void *context, const struct weir_watch_frozen *frozen)
{
    struct frozen_seen *seen = context;
    seen->count++;
    seen->learnt = frozen->learnt;
    seen->distance = frozen->distance;
    snprintf(seen->actor, sizeof(seen->actor), "%.*s",
             WEIR_SPAN_ARG(frozen->actor));
    return true;
}

struct drift_seen {
    uint32_t fired;
};

static bool
note_drift(void *context, const struct weir_watch_row *row)
{
    ((struct drift_seen *)context)->fired |= row->fired;
    return true;
}

static struct frozen_seen
frozen_of(struct run *run, uint64_t digest)
{
    struct frozen_seen seen = {0};
    struct weir_error err = {0};
    assert_ok(weir_watch_references_of(run->store, WEIR_WATCH_OF_TENANT, digest,
                                       note_frozen, &seen, &err));
    return seen;
}

static void
give_tasks(struct run *run, struct made *calls, uint32_t first, uint32_t count,
           bool is_task)
{
    char text[400];
    for (uint32_t i = first; i < first + count; i++) {
        if (is_task)
            write_task(text, sizeof(text));
        else
            write_support(text, sizeof(text));
        make_call(&calls[i], i, "new", text);
        give(run, &calls[i]);
    }
}

TEST(watch_engine, loud_first_calls_wait_for_a_person_quiet_ones_do_not)
{
    struct world world = {.count = 2000};
    struct weir_error err = {0};
    uint64_t digest =
        weir_watch_subject(WEIR_WATCH_OF_TENANT, WEIR_SPAN("new"));
    world.calls = calloc(world.count, sizeof(*world.calls));
    state = 9;
    struct run run = begin(&world, 200, true);
    give_tasks(&run, world.calls, 0, 400, true);
    assert_ok(weir__watch_engine_idle(run.engine, WEIR_TIME_MAX / 2, &err));
    assert_ok(weir__watch_engine_flush(run.engine, NULL, &err));
    assert_int_equal(frozen_of(&run, digest).count, 0);
    /* Somebody says that this is what it does. */
    assert_ok(weir__watch_engine_deed(
        run.engine, 1000 * WEIR_US_PER_SEC + 400 * GAP, 7000,
        WEIR_WATCH_DEED_ACCEPT, WEIR_WATCH_OF_TENANT, digest, WEIR_SPAN("ann"),
        &err));
    assert_ok(weir__watch_engine_flush(run.engine, NULL, &err));
    struct frozen_seen seen = frozen_of(&run, digest);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.learnt, 200);
    assert_string_equal(seen.actor, "ann");
    /* It is to learn anew, of other calls: the distance is on file. */
    assert_ok(weir__watch_engine_deed(
        run.engine, 1000 * WEIR_US_PER_SEC + 401 * GAP, 7001,
        WEIR_WATCH_DEED_RENEW, WEIR_WATCH_OF_TENANT, digest, WEIR_SPAN("ben"),
        &err));
    give_tasks(&run, world.calls, 402, 300, false);
    assert_ok(weir__watch_engine_flush(run.engine, NULL, &err));
    seen = frozen_of(&run, digest);
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.actor, "ben");
    assert_true(seen.distance > 0.2);
    struct drift_seen drift = {0};
    assert_ok(weir_watch_verdicts_of(run.store, WEIR_WATCH_OF_TENANT, digest,
                                     10, note_drift, &drift, &err));
    assert_true(drift.fired >> WEIR_WATCH_DRIFT & 1);
    end(&run);
    remove_world(&world);
    free(world.calls);
}

struct quiet {
    uint64_t first_quiet; /* calls, at the first row that says nothing */
    uint64_t before;
    uint32_t rows;
    uint32_t looks;
};

static bool
note_quiet(void *context, const struct weir_watch_row *row)
{
    struct quiet *quiet = context;
    if (row->kind != WEIR_WATCH_OF_TENANT ||
        (quiet->first_quiet == 0 && row->action != WEIR_WATCH_NOTHING))
        return true;
    if (quiet->first_quiet == 0) {
        quiet->first_quiet = row->calls;
    } else {
        assert_int_equal(row->calls - quiet->before, 150 * row->looks);
        quiet->looks += row->looks;
    }
    quiet->rows++;
    quiet->before = row->calls;
    return true;
}

/* Who acts counts windows: each is in some row, at first in one of its own. */
TEST(watch_engine, every_quiet_window_after_a_loud_one_is_told)
{
    struct world world = {.count = 9000};
    struct weir_error err = {0};
    struct quiet quiet = {0};
    world.calls = calloc(world.count, sizeof(*world.calls));
    state = 11;
    struct run run = begin(&world, 200, true);
    for (uint32_t i = 0; i < 8550; i++) {
        char text[400];
        if (i >= 400 && i < 550)
            write_task(text, sizeof(text));
        else
            write_support(text, sizeof(text));
        make_call(&world.calls[i], i, "new", text);
        /* As people do: evenly spaced calls are a signal of their own. */
        world.calls[i].told.when += draw(40) * draw(40) * WEIR_US_PER_MS;
        give(&run, &world.calls[i]);
    }
    assert_ok(weir__watch_engine_idle(run.engine, WEIR_TIME_MAX / 2, &err));
    assert_ok(weir__watch_engine_flush(run.engine, NULL, &err));
    assert_ok(weir_watch_verdicts_after(run.store, 0, 100000, note_quiet,
                                        &quiet, &err));
    assert_in_range(quiet.first_quiet, 700, 5000);
    /* The first 16 looks have a row each. */
    assert_true(quiet.rows > 16);
    assert_in_range(8550 - quiet.before, 0, 150 * 8 - 1);
    assert_int_equal(quiet.looks, (quiet.before - quiet.first_quiet) / 150);
    end(&run);
    remove_world(&world);
    free(world.calls);
}

/* -------------------------------------------------------------- memory */

TEST(watch_engine, few_pools_in_memory_count_as_many_do)
{
    struct world world;
    uint64_t state_then, said_then;
    struct weir_error err = {0};
    make_world(&world);
    run_plain(&world, &state_then, &said_then);
    strcpy(world.directory, "/tmp/weir-watch-engine-XXXXXX");
    assert_non_null(mkdtemp(world.directory));
    struct weir_watch_setup setup = setup_of(&world, 200);
    struct run run;
    setup.pools_max = 4;
    assert_ok(weir_store_open(world.directory, true, &run.store, &err));
    assert_ok(weir__watch_engine_open(&setup, run.store, &run.engine, &err));
    for (uint32_t i = 0; i < world.count; i++) {
        give(&run, &world.calls[i]);
        if (i % 16 == 0 && weir__watch_engine_is_full(run.engine))
            assert_ok(
                weir__watch_engine_checkpoint(run.engine, 1, i + 1, &err));
    }
    settle(&run, &world);
    struct weir_watch_figures figures;
    weir__watch_engine_figures(run.engine, &figures);
    assert_true(figures.in_memory <= 4);
    assert_true(state_of(&run) == state_then);
    assert_true(said_of(&run) == said_then);
    end(&run);
    remove_world(&world);
    free(world.calls);
}
