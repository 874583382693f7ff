/* SPDX-License-Identifier: Apache-2.0 */
/* Places for the probe in which something is refused: each is made by a child for itself. */
#ifndef KS_TESTS_PROBE_PLACE_H
#define KS_TESTS_PROBE_PLACE_H

#include <stdint.h>

/* A place's exit status. CHILD_SKIP: this host does not let it be made. */
enum { CHILD_GOOD, CHILD_BAD = 1, CHILD_SKIP = 77 };

/* Runs a place in a child, and skips or fails the test with it. */
void in_child(int (*place)(void));

/* Skips the test where no whole jail can be made. */
void need_a_host_that_works(void);

/* Root of a user namespace of its own, with a mount namespace and those of the flags. 0 or -1, as
 * those below. */
int become_root_of_own(int more);
int write_text(const char *path, const char *text);

/* Puts the caller under a filter that answers one call so (SECCOMP_RET_*), as runtimes of
 * containers have. */
int refuse_call(long number, uint32_t answer);

#endif
