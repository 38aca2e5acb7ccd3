/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the cedar verbs share: files, what kind they are, and errors with
 * file, line, column and a caret. Memory: a struct of files owns what was
 * read until _fini.
 */
#ifndef WEIR_CLI_CEDAR_FILES_H
#define WEIR_CLI_CEDAR_FILES_H

#include <weir/cedar.h>
#include <weir/cedar_schema.h>

#include "cli/cli.h"

enum cedar_file_kind {
    CEDAR_FILE_POLICIES, /* .cedar and all that is not below */
    CEDAR_FILE_POLICIES_JSON,
    CEDAR_FILE_SCHEMA, /* .cedarschema */
    CEDAR_FILE_SCHEMA_JSON,
    CEDAR_FILE_ENTITIES /* .entities.json */
};

enum cedar_file_kind weir_cli_cedar_kind(const char *path);

/* The whole file (malloc, *text_out.ptr); "-" is standard input. EIO. */
WEIR_MUST_USE weir_status weir_cli_read_file(const char *path,
                                             weir_span *text_out,
                                             struct weir_error *err);
/* "path:line:col: what", the line, and a caret under the column. An offset
 * of none leaves line and caret out. Long lines are cut round the column. */
void weir_cli_point(FILE *out, const char *path, weir_span text,
                    uint32_t offset, weir_span what);

struct weir_cli_cedar {
    struct weir_cli *cli;
    struct weir_arena arena;
    const struct weir_cedar_schema *schema;
    struct weir_cedar_policies *policies;
    struct weir_cedar_store *store;
    char *texts[WEIR_CLI_OPTIONS_MAX];
    size_t text_count;
};

void weir_cli_cedar_init(struct weir_cli_cedar *cedar, struct weir_cli *cli);
void weir_cli_cedar_fini(struct weir_cli_cedar *cedar);
/* Each reads one file into its place and, when it fails, has said why: the
 * result is then the exit code, else 0. */
int weir_cli_cedar_schema(struct weir_cli_cedar *cedar, const char *path);
int weir_cli_cedar_policies(struct weir_cli_cedar *cedar, const char *path);
int weir_cli_cedar_entities(struct weir_cli_cedar *cedar, const char *path);
/* A file that stays in memory until _fini. */
int weir_cli_cedar_text(struct weir_cli_cedar *cedar, const char *path,
                        weir_span *text_out);
int weir_cli_cedar_refuse(struct weir_cli_cedar *cedar, const char *path,
                          weir_span text, const struct weir_error *err);

#endif
