/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by engine*.c. Threads and memory: as engine.h. */
#ifndef WEIR_WATCH_ENGINE_PARTS_H
#define WEIR_WATCH_ENGINE_PARTS_H

#include "control/watch/engine.h"

/* One subject in memory. */
struct watch_subject {
    struct watch_subject *next; /* of its slot */
    struct watch_subject *newer;
    struct watch_subject *older; /* by use */
    int64_t number;
    uint32_t kind;
    uint64_t digest;
    char *name;
    char *tenant;
    char *provider;
    weir_time last;
    bool is_dirty;
    uint32_t positions_count; /* of calls to learn from */
    uint32_t positions_room;
    uint64_t *positions;
    struct weir_watch_account *account; /* NULL: does not cluster */
    struct weir_watch_pool pool;
};

/* A call, or a deed, that waits for its turn; plain memory, as on disk. */
struct watch_waiting {
    weir_time when;
    struct weir_request_id request; /* of a deed: its place */
    uint64_t position;
    uint32_t deed; /* enum weir_watch_deed */
    uint32_t kind; /* of a deed: its subject's; of a call: its line */
    uint64_t digest;
    struct weir_watch_pools pools;
    uint64_t is_judged;
    uint8_t block[WEIR_WATCH_BLOCK_BYTES]; /* of a deed: the actor */
};

/* Requests that were counted: two generations, so that the older half can be
 * forgotten at once. */
#define CLOSED 32768
struct watch_closed {
    uint64_t *slots[2]; /* [2 * CLOSED]; the newer and the older */
    uint32_t count[2];
    bool is_older_safe; /* on disk */
};

/* What has to go into weir.db. */
struct watch_said {
    struct watch_said *next;
    enum { SAID_VERDICT, SAID_REFERENCE, SAID_FACT } what;
    struct weir_watch_row row;
    struct weir_watch_frozen frozen;
    enum weir_watch_fact fact;
    uint64_t position;
    char *text; /* holds what the spans point to */
};

struct watch_fact_row {
    enum weir_watch_fact kind;
    char name[20];
    uint64_t position; /* from there on */
    char value[160];
};

struct weir_watch_engine {
    struct weir_watch_setup setup;
    char state_dir[WEIR_PATH_MAX];
    char calibration[64];
    struct weir_store *store; /* borrowed */
    struct weir_store *pools;
    struct weir_watch_figures figures;
    /* subjects */
    struct watch_subject **slots;
    uint32_t slot_count; /* power of two */
    uint32_t subject_count;
    uint32_t dirty_count;
    struct watch_subject *newest;
    struct watch_subject *oldest;
    int64_t last_number;
    /* order */
    struct watch_waiting *waiting; /* a heap, the earliest first */
    uint32_t waiting_count;
    uint32_t waiting_room;
    struct watch_closed closed;
    weir_time newest_when;
    weir_time floor_when; /* up to here everything was counted */
    struct weir_request_id floor_request;
    uint32_t floor_line;
    uint64_t applied; /* calls counted: the position pools know */
    uint64_t segment;
    uint64_t offset;
    uint64_t reached;      /* place that facts were noted up to */
    uint64_t reached_then; /* when it was opened */
    /* said */
    struct watch_said *said;
    struct watch_said **said_end;
    struct watch_fact_row *facts; /* by kind, name, position */
    uint32_t fact_count;
    uint32_t fact_room;
    struct weir_buf text;
    /* The last one learnt: a tenant with one key is one list of calls, and
     * the key, its project and its group come to the same reference. */
    uint64_t learnt_from; /* hash of the places; 0: none */
    uint32_t learnt_count;
    struct weir_watch_reference learnt;
};

/* engine_subjects.c */
WEIR_MUST_USE weir_status weir__watch_subject_get(
    struct weir_watch_engine *engine, uint32_t kind, uint64_t digest,
    const struct watch_waiting *call, struct watch_subject **subject_out,
    struct weir_error *err);
void weir__watch_subject_touch(struct weir_watch_engine *engine,
                               struct watch_subject *subject);
WEIR_MUST_USE weir_status weir__watch_subjects_write(
    struct weir_watch_engine *engine, struct weir_error *err);
void weir__watch_subjects_clean(struct weir_watch_engine *engine);
void weir__watch_subjects_trim(struct weir_watch_engine *engine, uint32_t most);
bool weir__watch_position_add(struct watch_subject *subject, uint64_t position);

/* engine_order.c: into an empty slot. */
void weir__watch_closed_put(uint64_t *slots, uint64_t tag);

/* engine_count.c: one call whose turn it is. */
WEIR_MUST_USE weir_status weir__watch_count(struct weir_watch_engine *engine,
                                            const struct watch_waiting *call,
                                            struct weir_error *err);

/* engine_learn.c */
WEIR_MUST_USE weir_status weir__watch_learn_call(
    struct weir_watch_engine *engine, struct watch_subject *subject,
    const struct watch_waiting *call, struct weir_error *err);
WEIR_MUST_USE weir_status weir__watch_do_deed(struct weir_watch_engine *engine,
                                              const struct watch_waiting *deed,
                                              struct weir_error *err);

/* engine_said.c */
WEIR_MUST_USE weir_status weir__watch_say_verdict(
    struct weir_watch_engine *engine, const struct weir_watch_row *row,
    struct weir_error *err);
WEIR_MUST_USE weir_status weir__watch_say_reference(
    struct weir_watch_engine *engine, const struct weir_watch_frozen *frozen,
    struct weir_error *err);
/* The value of a fact at a place of the journal: as it was taken then; or,
 * where nobody was before, as `fresh` says now, which is noted. NULL: no
 * memory. */
const char *weir__watch_fact_at(struct weir_watch_engine *engine,
                                enum weir_watch_fact kind, const char *name,
                                uint64_t position, const char *fresh);
WEIR_MUST_USE weir_status weir__watch_facts_load(
    struct weir_watch_engine *engine, struct weir_error *err);
void weir__watch_said_free(struct weir_watch_engine *engine);

static inline struct weir_watch_notes *
notes_of(struct watch_subject *subject)
{
    return weir_watch_pool_notes(&subject->pool);
}

#endif
