/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/world_parties.h - whom the sources name: organisations, their owners,
 * lists and rules over them, and what a customer must have before a key.
 *
 * Memory: texts are the world's.
 */
#ifndef WEIR_WORLD_PARTIES_H
#define WEIR_WORLD_PARTIES_H

#include <weir/parties.h>
#include <weir/world_parts.h>

struct weir_world_owner {
    struct weir_world_name name; /* organisation */
    weir_share share;
    weir_span source;
    weir_span as_of;
};

struct weir_world_organisation {
    struct weir_place place;
    weir_span name;
    weir_span title;
    struct weir_world_name headquarters; /* jurisdictions; empty: unknown */
    struct weir_world_name incorporated;
    weir_span category;
    bool is_established;
    bool has_established;
    weir_time established_since; /* 0: not said */
    weir_time verified_until;
    weir_span source;
    weir_span as_of;
    struct weir_world_range owners;
    struct weir_world_range aliases;     /* names */
    struct weir_world_range identifiers; /* "LEI:..." */
    struct weir_world_range purposes;
    /* Bits of enum weir_fact_kind (control/evidence): sources that
     * contradict each other, and evidence that is over. */
    uint32_t conflicting;
    uint32_t expired;
};

/* What the sources said before evidence of the store was merged into the
 * rows (control/evidence/merge.c); nothing was merged: rows is NULL. */
struct weir_world_base {
    struct weir_world_organisation *rows;
    uint32_t count;
    struct weir_world_owner *owner_rows;
    uint32_t owner_count;
    int64_t generation; /* of the evidence that is merged */
    weir_time change;   /* when it will say otherwise by itself */
};

/* A named list of organisations (screening, exceptions). */
struct weir_world_list {
    struct weir_place place;
    weir_span name;
    weir_span source;
    struct weir_world_range members; /* names: organisations */
};

enum weir_unknown_effect {
    WEIR_UNKNOWN_HOLD = 0, /* member of OwnershipRule::"r?" */
    WEIR_UNKNOWN_YES = 1,  /* counts as member */
    WEIR_UNKNOWN_NO = 2    /* counts as none */
};

struct weir_world_rule {
    struct weir_place place;
    weir_span name;
    weir_span title;
    struct weir_world_range headquarters_in; /* names: blocs, jurisdictions */
    struct weir_world_range incorporated_in; /* the same */
    struct weir_world_range organisations;   /* names */
    struct weir_world_range lists;           /* names */
    enum weir_ownership_method method;
    weir_share threshold; /* low == high */
    bool has_threshold;
    bool is_strict;
    bool doubts_undisclosed;
    enum weir_unknown_effect unknown;
    weir_time from;  /* WEIR_TIME_MIN: always */
    weir_time until; /* WEIR_TIME_MAX: for ever; exclusive */
};

/* ------------------------------------------------------- onboarding */

/* Whether terms let somebody train models on something. */
enum weir_reuse {
    WEIR_REUSE_UNSAID = 0,
    WEIR_REUSE_MAY_TRAIN = 1,
    WEIR_REUSE_MAY_NOT_TRAIN = 2
};

/* What a customer accepts before he gets a key. A new version is accepted
 * anew. */
struct weir_world_terms {
    struct weir_place place;
    weir_span name;
    weir_span title;
    struct weir_world_name provider; /* empty: the seller's own */
    weir_span version;
    weir_span url;
    enum weir_reuse inputs;  /* by the maker, of what he is sent */
    enum weir_reuse outputs; /* by the customer, of what he gets */
};

/* The facts that organisations of a category have to have on file. */
struct weir_world_need {
    struct weir_place place;
    weir_span category; /* "default": of those not named */
    uint32_t facts;     /* bit per enum weir_need_fact */
};

enum weir_need_fact {
    WEIR_NEED_TITLE = 0,
    WEIR_NEED_HEADQUARTERS = 1,
    WEIR_NEED_INCORPORATED = 2,
    WEIR_NEED_CATEGORY = 3,
    WEIR_NEED_ESTABLISHED = 4, /* said, and true */
    WEIR_NEED_OWNERS = 5,      /* one at least, each with a source */
    WEIR_NEED_SOURCE = 6,
    WEIR_NEED_AS_OF = 7,
    WEIR_NEED_VERIFIED_UNTIL = 8, /* said, and not over */
    WEIR_NEED_FACTS = 9
};
/* "title", "headquarters", ...; as the configuration writes them. */
const char *weir_need_fact_name(enum weir_need_fact fact);

/* A file of names that customers and their owners are held against. */
struct weir_world_watchlist {
    struct weir_place place;
    weir_span name;
    weir_span path;
    uint32_t effect;  /* enum weir_screening_effect */
    uint32_t bad_max; /* rows that may be left out because they are faulty */
};

/* Bits of what a key needs beside a decision. */
#define WEIR_REQUIRE_EVIDENCE  1u
#define WEIR_REQUIRE_SCREENING 2u
#define WEIR_REQUIRE_TERMS     4u
#define WEIR_REQUIRE_PURPOSE   8u
#define WEIR_REQUIRE_ALL       15u

struct weir_onboarding_rules {
    struct weir_place place;
    bool needs_decision; /* default; false: keys need nothing of this */
    uint32_t requires;   /* bits; default all */
    weir_time valid_us;  /* of an approval; default 365 d */
    uint32_t threshold;  /* of a hit, 1 .. 1000; default 850 */
    uint32_t shrink_ppm; /* of a list's entries that may vanish at once */
    struct weir_world_range ownership; /* names: rules that stand in the way */
};

/* Whether calls must name for whom the tenant sells them on. */
enum weir_end_customer {
    WEIR_END_CUSTOMER_BY_CATEGORY = 0, /* of a reseller they must */
    WEIR_END_CUSTOMER_REQUIRED = 1,
    WEIR_END_CUSTOMER_OPTIONAL = 2
};

/* The category whose tenants name their end customers. */
#define WEIR_CATEGORY_RESELLER "reseller"

#endif
