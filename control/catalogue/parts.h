/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of control/catalogue share. */
#ifndef WEIR_CATALOGUE_PARTS_H
#define WEIR_CATALOGUE_PARTS_H

#include <jansson.h>

#include "control/catalogue/catalogue.h"

/* One model at one host, as the export has it. */
struct weir_catalogue_row {
    weir_span name; /* of the entry: last part of the id, small letters */
    weir_span host;
    weir_span id;
    weir_span title;
    weir_span family;
    weir_span base; /* "maker/model", or empty */
    weir_span status;
    weir_time created; /* 0: not said */
    uint32_t output_tokens_max;
    bool is_open;
    bool is_embedding;
    bool has_price;
    struct weir_price price;
    uint32_t stated;
    struct weir_world_range changes;
};

struct weir_catalogue_rows {
    struct weir_world *world; /* its arena holds everything */
    struct weir_catalogue_row *rows;
    uint32_t count;
    uint32_t capacity;
    struct weir_catalogue_counts *counts;
    struct weir_faults *faults;
    weir_span file;
};

/* Both forms of the export. */
WEIR_MUST_USE weir_status weir__catalogue_read(struct weir_catalogue_rows *rows,
                                               weir_span text,
                                               struct weir_error *err);

/* `cost` of models.dev and `prices` of genai-prices: fill the row's price and
 * its changes. */
void weir__catalogue_read_cost(struct weir_catalogue_rows *rows,
                               const json_t *cost,
                               struct weir_catalogue_row *row);
void weir__catalogue_read_prices(struct weir_catalogue_rows *rows,
                                 const json_t *prices,
                                 struct weir_catalogue_row *row);

/* "{input: "1", ..., changes: [...]": without its last brace. */
void weir__catalogue_put_price(const struct weir_world *world,
                               struct weir_buf *out,
                               const struct weir_price *price, uint32_t stated,
                               struct weir_world_range changes);

/* How sure a row is of its maker; the greater wins. */
enum weir_catalogue_sure {
    WEIR_CATALOGUE_NO_MAKER = 0,
    WEIR_CATALOGUE_BY_NAME = 1, /* "aurora-*" */
    WEIR_CATALOGUE_BY_PATH = 2, /* "aurora/" before the name */
    WEIR_CATALOGUE_BY_BASE = 3  /* the export names the base model */
};
/* The maker of a row, by its world's makers; WEIR_INDEX_NONE. */
uint32_t weir__catalogue_maker(const struct weir_world *world,
                               const struct weir_catalogue_row *row,
                               enum weir_catalogue_sure *sure_out);
/* Whether the host is the maker's own: "=aurora-cloud". */
bool weir__catalogue_is_own_host(const struct weir_world *world, uint32_t maker,
                                 weir_span host);

/* Sorted rows to entries of the world. */
void weir__catalogue_join(struct weir_catalogue_rows *rows);

#define WEIR_CATALOGUE_MARK                                                    \
    "# Written by weir catalogue import; changes here are lost."

#endif
