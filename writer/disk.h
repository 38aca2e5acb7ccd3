/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of the writer that a disk can refuse, in one table, so that the
 * tests can make the n-th of them fail. Each returns 0 or an errno.
 */
#ifndef WEIR_WRITER_DISK_H
#define WEIR_WRITER_DISK_H

#include <stddef.h>
#include <stdint.h>

struct writer_disk {
    /* All bytes or none that count. */
    int (*write)(int fd, const void *bytes, size_t len, uint64_t offset);
    int (*sync)(int fd);                   /* data and length */
    int (*allocate)(int fd, uint64_t len); /* real blocks */
    int (*truncate)(int fd, uint64_t len);
    /* Gives blocks back from `from` on; the length stays, for who has the
     * file mapped. */
    int (*release)(int fd, uint64_t from, uint64_t len);
    int (*rename)(int dir, const char *from, const char *to);
    int (*sync_dir)(int dir);
    /* Bytes that an ordinary user can still have where `dir` lies. */
    int (*room)(int dir, uint64_t *bytes_out);
};

extern const struct writer_disk writer_disk_system;

#endif
