/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/evidence/evidence.h - what is known of organisations, by whom.
 *
 * A fact is one statement about one organisation with its source, the date
 * the source gives, who entered it when, and how far it is verified. Facts
 * of the store are only ever added; that a source no longer says something
 * is a second row that ends the first. Facts of the configuration are read
 * from the world as loaded, with file and line.
 *
 * THE VALUE THAT POLICY READS. Of all live facts of one kind the value is
 * that of the highest rank, then of the latest date (`as_of`), then of the
 * latest entry. A source speaks with its latest statement only. A fact is
 * live when it is not ended and its `valid_until` is not over. Where another
 * live fact says otherwise, the kind is in conflict (for owners' shares:
 * where the intervals have nothing in common); where there is no live fact
 * the kind is unknown, and also expired if there was one.
 *
 * Threads: one owner. Memory: a container's texts live in its arena.
 */
#ifndef WEIR_EVIDENCE_H
#define WEIR_EVIDENCE_H

#include <weir/world.h>

#include "control/store/store.h"

/* Numbers are permanent: the store keeps them. */
enum weir_fact_kind {
    WEIR_FACT_NAME = 1,         /* the legal name */
    WEIR_FACT_ALIAS = 2,        /* many */
    WEIR_FACT_IDENTIFIER = 3,   /* many: "LEI:5493...", "GB-COH:012" */
    WEIR_FACT_INCORPORATED = 4, /* jurisdiction */
    WEIR_FACT_HEADQUARTERS = 5, /* jurisdiction */
    WEIR_FACT_OWNER = 6,        /* one for each owner: its id, and a share */
    WEIR_FACT_CATEGORY = 7,
    WEIR_FACT_ESTABLISHED = 8, /* date since when */
    WEIR_FACT_VERIFIED = 9,    /* date until when */
    WEIR_FACT_PURPOSE = 10,    /* many */
    WEIR_FACT_KINDS = 11
};
/* "name", "alias", "identifier", "incorporated", "headquarters", "owner",
 * "category", "established_since", "verified_until", "purpose". */
const char *weir_fact_kind_name(enum weir_fact_kind kind);
bool weir_fact_kind_parse(weir_span text, enum weir_fact_kind *kind_out);
/* Several values stand beside each other: alias, identifier, purpose. */
bool weir_fact_kind_is_many(enum weir_fact_kind kind);

/* How far a statement is verified; the greater wins. Permanent numbers. */
enum weir_fact_rank {
    WEIR_RANK_DECLARED = 1,      /* the organisation says so itself */
    WEIR_RANK_REGISTER = 2,      /* a public register says so */
    WEIR_RANK_CONFIGURATION = 3, /* the operator's reviewed sources */
    WEIR_RANK_VERIFIED = 4       /* a person has seen the document */
};
const char *weir_fact_rank_name(enum weir_fact_rank rank);
bool weir_fact_rank_parse(weir_span text, enum weir_fact_rank *rank_out);

struct weir_fact {
    int64_t number;         /* of the store; 0: of the configuration, or new */
    weir_span organisation; /* id */
    enum weir_fact_kind kind;
    enum weir_fact_rank rank;
    weir_span value;       /* dates as "2026-11-10" or RFC 3339 */
    weir_share share;      /* of an owner */
    weir_span source;      /* "configuration", or the register's name */
    weir_span place;       /* "organisations.yaml:12", "register.csv:7" */
    weir_time as_of;       /* WEIR_TIME_MIN: the source gives no date */
    weir_time valid_until; /* WEIR_TIME_MAX: no end */
    weir_time entered;
    weir_span entered_by;
    int64_t import;  /* 0: entered singly */
    weir_time ended; /* WEIR_TIME_MAX: not */
    weir_span ended_by;
    weir_span end_reason;
};

struct weir_facts {
    struct weir_arena arena;
    struct weir_fact *rows;
    uint32_t count;
    uint32_t capacity;
};
void weir_facts_init(struct weir_facts *facts);
void weir_facts_fini(struct weir_facts *facts);
/* A zeroed row with no dates; NULL (and arena.overflow): memory is full. */
struct weir_fact *weir_facts_add(struct weir_facts *facts);

/* Order by what is stated: organisation, kind, value, share, dates; not by
 * source, place or entry. */
int weir_fact_compare(const struct weir_fact *a, const struct weir_fact *b);
bool weir_fact_is_same(const struct weir_fact *a, const struct weir_fact *b);
void weir_facts_sort(struct weir_facts *facts);

/* --------------------------------------------------------- the choice */

struct weir_fact_choice {
    const struct weir_fact *fact; /* NULL: unknown */
    bool is_conflicting;          /* another live fact says otherwise */
    bool is_expired;              /* there was one; none is live */
};

/* What holds at `at` of one kind among the facts of one organisation; for
 * owners, of the one owner named (else `owner` is empty). */
struct weir_fact_choice weir_evidence_choose(const struct weir_facts *facts,
                                             enum weir_fact_kind kind,
                                             weir_span owner, weir_time at);

/* ----------------------------------------------------------- explaining */

/*
 * Every fact of an organisation that was entered by `at` (WEIR_TIME_MAX:
 * all), configuration included where `world` is not NULL (the sources as
 * they stand now). ENOTFOUND: nobody says anything of it.
 */
WEIR_MUST_USE weir_status weir_evidence_of(struct weir_store *store,
                                           const struct weir_world *world,
                                           weir_span organisation, weir_time at,
                                           struct weir_facts *facts,
                                           struct weir_error *err);

/*
 * Where the value of an attribute came from, as policies call it
 * ("headquarters", "category", "owners", ...), as of a decision's time. The
 * fact lives in `facts`. ENOTFOUND: no fact is behind it.
 */
WEIR_MUST_USE weir_status weir_evidence_attribute(
    struct weir_store *store, const struct weir_world *world,
    weir_span organisation, weir_span attribute, weir_time at,
    struct weir_facts *facts, struct weir_fact_choice *choice_out,
    struct weir_error *err);

#endif
