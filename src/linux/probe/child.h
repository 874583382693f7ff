/* SPDX-License-Identifier: Apache-2.0 */
/* Short-lived children that try something for the probe. They are ended when they hang, raise no
 * SIGCHLD in the caller, and do not outlive the thread that started them. */
#ifndef KS_LINUX_PROBE_CHILD_H
#define KS_LINUX_PROBE_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROBE_PATIENCE_MS 3000

/* What a child found: all zero = everything worked. */
struct probe_answer {
	int32_t step; /* the caller's numbering */
	int32_t error;
};

/* Runs the function in a child that shares nothing with the caller. It may make system calls only,
 * as the caller may have threads. Returns 0 with its answer; -ETIMEDOUT when it hung, -EIO when it
 * was ended before it could answer, or the errno of starting it. */
int probe_in_child(void (*function)(const void *data, struct probe_answer *answer),
	const void *data, struct probe_answer *ret_answer);

/* Becomes that user without groups, in a child. 0 or -errno. */
int probe_become(uint32_t id);

/* Executes the program with standard input from /dev/null and no environment but a fixed one; as
 * the kernel user `id` where that is not 0. Collects the beginning of what it writes to standard
 * output and error as one NUL-terminated text. Returns its exit status as a shell counts it;
 * -ETIMEDOUT when it hung, or -errno. */
int probe_run(const char *path, const char *const *argv, uint32_t id, char *text, size_t room);

#endif
