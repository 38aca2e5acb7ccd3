/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/world_parts.h - what rows of a world are made of: where one was
 * written, and where a secret is in place of the secret.
 *
 * Memory: texts are the world's.
 */
#ifndef WEIR_WORLD_PARTS_H
#define WEIR_WORLD_PARTS_H

#include <weir/base.h>
#include <weir/urls.h>

struct weir_place {
    weir_span file; /* empty: not from a file (keys) */
    uint32_t line;  /* one-based; 0: the whole file */
    uint32_t column;
};

enum weir_credential_kind {
    WEIR_CREDENTIAL_NONE = 0,
    WEIR_CREDENTIAL_ENV = 1,     /* name of an environment variable */
    WEIR_CREDENTIAL_FILE = 2,    /* path; the first line counts */
    WEIR_CREDENTIAL_COMMAND = 3, /* run by /bin/sh; first line of stdout */
    WEIR_CREDENTIAL_TOKEN = 4 /* a key behind PKCS #11: URI; content.master */
};

struct weir_world_reference {
    enum weir_credential_kind kind;
    weir_span value; /* the reference, never the secret */
};

/* A name written somewhere, and the row it means. */
struct weir_world_name {
    struct weir_place place;
    weir_span text;
    uint32_t row; /* WEIR_INDEX_NONE until checked */
};

/* `references:`, of all or of a tenant. */
struct weir_world_urls {
    bool is_said;
    struct weir_urls rule;
};

/* A part of one of the lists below: rows first .. first + count - 1. */
struct weir_world_range {
    uint32_t first;
    uint32_t count;
};

#endif
