/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is who on this machine: a number for a process that never names
 * another one, and a mark for the machine's present run.
 */
#ifndef WEIR_WRITER_PROCESS_H
#define WEIR_WRITER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Start time (clock ticks since boot) above 22 bits of pid; 0: no such
 * process, or a dead one nobody has waited for. */
uint64_t process_owner(pid_t pid);

/* False only when that very process is gone for certain. */
bool process_is_alive(uint64_t owner);

/* Eight bytes naming the kernel's run, eight the pid namespace: two
 * processes may judge each other's life only if both are equal. */
void process_run(uint8_t run_out[16]);

#endif
