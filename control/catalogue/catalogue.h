/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/catalogue/catalogue.h - a catalogue made from an export, written
 * as text, and two of them compared.
 *
 * An export is models.dev's, either its api.json (hosts with their models) or
 * one JSON object a line, each a model at a host; or the data of genai-prices
 * (a list of providers with their models). Rows of one model (the
 * last part of its id, without case) become one entry with its hosts. Who
 * made it is found by the makers' `matches`; docs/formats/catalogue.md has
 * the rules. Nothing here depends on the clock: the same export gives the
 * same bytes.
 *
 * Threads: one caller. Memory: entries live in the world that is given.
 */
#ifndef WEIR_CATALOGUE_H
#define WEIR_CATALOGUE_H

#include <weir/world.h>

/* What an import found, for the person who reads the diff. */
struct weir_catalogue_counts {
    uint32_t rows;     /* read */
    uint32_t bad;      /* left out */
    uint32_t hostless; /* their host is not a name: kept, host "unknown" */
    uint32_t tiered;   /* prices by context size */
    uint32_t untaken;  /* prices with a kind that has no rate here: searches,
                          citations, pages, hours */
    uint32_t entries;
    uint32_t makerless; /* entries that no maker's pattern matches */
    uint32_t disputed;  /* entries whose rows point to several makers */
    char newest[16];    /* last change in the export: "2026-07-01" */
};

/*
 * Reads an export and adds its entries to `world`, whose makers (and their
 * `matches`) are already there. Every bad row is a fault at its line, in
 * `name`; EPARSE when more than `allow_bad` are bad or nothing is readable.
 */
WEIR_MUST_USE weir_status weir_catalogue_import(
    weir_span text, weir_span name, uint32_t allow_bad,
    struct weir_world *world, struct weir_catalogue_counts *counts_out,
    struct weir_faults *faults, struct weir_error *err);

/* Entries of one maker ("" for those without) as a file of the catalogue. */
void weir_catalogue_write(const struct weir_world *world, weir_span maker,
                          weir_span source, struct weir_buf *out);

/*
 * Writes a file for each maker into `dir` and removes files of an earlier
 * import that it does not write again; files that people wrote stay. EIO.
 */
WEIR_MUST_USE weir_status weir_catalogue_save(const struct weir_world *world,
                                              const char *dir, weir_span source,
                                              uint32_t *files_out,
                                              struct weir_error *err);

enum weir_catalogue_change {
    WEIR_CATALOGUE_ADDED,
    WEIR_CATALOGUE_REMOVED,
    WEIR_CATALOGUE_CHANGED
};
/* `field` and both values for CHANGED; else empty. In order of name. */
typedef void weir_catalogue_on_change(void *context,
                                      enum weir_catalogue_change change,
                                      weir_span name, const char *field,
                                      weir_span before, weir_span after);
/* What each of the two worlds' entries says by itself. */
WEIR_MUST_USE weir_status weir_catalogue_diff(
    const struct weir_world *before, const struct weir_world *after,
    weir_catalogue_on_change *on_change, void *context, struct weir_error *err);

#endif
