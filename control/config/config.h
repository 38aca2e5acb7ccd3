/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/config/config.h - weir.yaml and the policy directory, read.
 *
 * One path for `weir check`, `weir serve` and reload: what check accepts a
 * reload accepts, since both call weir_config_load() and
 * weir_config_compile() and nothing else. docs/formats/weir.yaml.md is the
 * format.
 *
 * Threads: one caller. Memory: the world owns what it names.
 */
#ifndef WEIR_CONTROL_CONFIG_H
#define WEIR_CONTROL_CONFIG_H

#include <weir/world.h>

/*
 * Reads `path`, everything it includes and every *.cedar file below the
 * policy directory. Relative paths in a file are relative to that file's
 * directory; paths in the world are absolute. EPARSE with at least one
 * fault when anything is wrong (reading goes on to find every fault).
 * The world may be compiled several times, with keys added before each.
 */
WEIR_MUST_USE weir_status weir_config_load(const char *path,
                                           struct weir_world **world_out,
                                           struct weir_faults *faults);

/* The same with the policies of another directory (NULL: its own), to see
 * what they would do. */
WEIR_MUST_USE weir_status weir_config_load_with(const char *path,
                                                const char *policies,
                                                struct weir_world **world_out,
                                                struct weir_faults *faults);

/* One file of lists, or every *.yaml of a directory, as `include` would read
 * them, without settings and policies; nothing is checked but the reading. */
WEIR_MUST_USE weir_status weir_config_read(const char *path,
                                           struct weir_world *world,
                                           struct weir_faults *faults);

/*
 * A file like an included one, laid over a loaded world: its blocs,
 * organisations, lists and ownership rules replace those of the same name or
 * come as well, to see what they would do. EPARSE with faults, also for any
 * other section.
 */
WEIR_MUST_USE weir_status weir_config_change(struct weir_world *world,
                                             const char *path,
                                             struct weir_faults *faults);

/* One YAML text as if it were the file `name`; nothing on disk is read
 * (no includes, no policies). For tests and the fuzzer. */
WEIR_MUST_USE weir_status weir_config_parse(weir_span text, weir_span name,
                                            struct weir_world *world,
                                            struct weir_faults *faults);

/* What is in order and yet may not be meant: numbers of autonomous systems
 * that the database lacks, certificates at their end. For a person to read; a reload goes on. */
void weir_config_doubts(const struct weir_world *world, weir_time now,
                        struct weir_faults *doubts);

/* weir_image_compile() into a buffer of its own maximum. */
WEIR_MUST_USE weir_status weir_config_compile(struct weir_world *world,
                                              weir_time now,
                                              uint64_t generation,
                                              struct weir_buf *out,
                                              struct weir_faults *faults);

/*
 * The secret behind a reference, appended to `out`: an environment variable,
 * the first line of a file, or of what a command prints within 10 s, without
 * the line end; `wants_all`: all of it, up to 16 KiB. ENOTFOUND, EIO,
 * ETIMEOUT, ETOOBIG; the text names the reference and never the secret.
 * WEIR_CREDENTIAL_NONE appends nothing.
 */
WEIR_MUST_USE weir_status weir_config_reference(
    const struct weir_world_reference *reference, bool wants_all,
    struct weir_buf *out, struct weir_error *err);

#endif
