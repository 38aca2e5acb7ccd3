/* SPDX-License-Identifier: Apache-2.0 */
/*
 * screening_disguise.h - listed names written differently, and names of
 * nobody; everything follows from one seed.
 *
 * Threads: none; the seed is one. Memory: the caller's.
 */
#ifndef WEIR_BENCH_SCREENING_DISGUISE_H
#define WEIR_BENCH_SCREENING_DISGUISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/base.h>

#define NAME_BYTES 1200u /* of a listed name; disguised, four times that */

/* What a disguise may have damaged. */
enum damage {
    DAMAGE_NONE,   /* every word can be read back */
    DAMAGE_SCRIPT, /* words have been through other letters */
    DAMAGE_EDIT,   /* letters of words */
    DAMAGE_LOSS,   /* words */
};

/* Whose names it applies to. */
enum whose { OF_ALL, OF_CHINA, OF_RUSSIA, OF_ARABIA };

struct disguise {
    const char *name;
    enum damage damage;
    enum whose whose;
    bool is_asked; /* one of those the goal is set for */
    /* Writes the disguised name; false: it does not apply. */
    bool (*apply)(const char *name, char *out);
};

extern const struct disguise disguises[];
extern const size_t disguise_count;

/* Whether it is for names of an entry with this first address. */
bool disguise_is_for(const struct disguise *disguise, weir_span place);

void disguise_seed(uint64_t seed);
uint32_t disguise_draw(uint32_t below);

/* Names, and entries by their first name, are halved by a hash of what is
 * left after folding: tables are learnt on one half, measured on the other. */
bool disguise_is_learnt(weir_span name);

/* Names of nobody, up to 256 bytes. */
void stranger_company(char *out);
void stranger_person(char *out);

#endif
