/* SPDX-License-Identifier: Apache-2.0 */
/* The few calls of a Mac that other systems of its family do not have. Everything above them is
 * written for any of the family, so that it is tried on Linux, where tests/doubles/mac stands in
 * for this part alone. */
#ifndef KS_MACOS_APPLY_SYSTEM_H
#define KS_MACOS_APPLY_SYSTEM_H

#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Completes what a spawn is told: every descriptor from n_fds on is closed, and the program is
 * answerable for itself: what the person has allowed the caller's terminal (files, camera) it does
 * not get. *flags are added to. 0 or an errno value. */
int system_spawn_alone(posix_spawnattr_t *attributes, posix_spawn_file_actions_t *actions,
	short *flags, int n_fds);

/* Becomes the program, with the descriptors below n_fds and no other, no signal ignored or blocked.
 * Returns only where it fails: -errno. Called between fork and exec. */
int system_become(const char *path, char *const *argv, char *const *env, int n_fds);

/* A descriptor that polls readable once the process has ended. -ESRCH where it is gone. */
int system_end_fd(pid_t pid);

/* The name of the program that a process executes, by the end of its path; also of one that has
 * ended and that nobody has waited for. 0 or -errno. */
int system_program_name(pid_t pid, char *name, size_t size);

/* Two ends of a stream, of which nothing is inherited. A write whose reader is gone is -EPIPE and
 * no signal. 0 or -errno. */
int system_pair(int ret_ends[2]);

extern const int system_send_flags; /* of send(2) on it */

/* Whether the calling process lives in a sandbox. */
bool system_is_confined(void);

/* A descriptor that says what object a path leads to, and with which nothing can be read; -errno.
 */
int system_open_object(const char *path);
/* Its path without links, of at most size - 1 bytes. 0 or -errno. */
int system_object_path(int fd, char *path, size_t size);

/* A variable of the environment, where the caller has no more rights than who started it. */
const char *system_variable(const char *name);

#endif
