/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a program that has nothing of ours but what it is given. */
#ifndef KS_MACOS_APPLY_SPAWN_H
#define KS_MACOS_APPLY_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

/* In a session of its own, with these descriptors as its 0, 1, ..., that environment alone, and no
 * signal ignored or blocked. An fd of -1 is /dev/null. 0 or -errno, with nothing started. */
int spawn_alone(const char *path, const char *const *argv, const char *const *env, const int *fds,
	size_t n_fds, pid_t *ret_pid);

/* The environment of Apple's own programs: HOME, where they keep their settings. env has room for
 * two, text for the first. */
void spawn_home(const char *env[2], char *text, size_t size);

#endif
