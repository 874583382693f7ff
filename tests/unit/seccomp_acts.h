/* SPDX-License-Identifier: Apache-2.0 */
/* Acts to try under a filter, what must come of them, and what comes of them without one. */
#ifndef KS_TESTS_SECCOMP_ACTS_H
#define KS_TESTS_SECCOMP_ACTS_H

#include <errno.h>
#include <stddef.h>

#include "seccomp_child.h"

enum { UNDER_STRICT = 1, UNDER_NET = 2, UNDER_BOTH = 3 };

/* Without the filter the act has to end in one of the controls. For an act that the filter stops
 * none of them is the filter's answer: so a test that tries nothing cannot pass. */
struct seccomp_act {
	const char *name;
	child_act *act;
	int profiles;
	int wanted;
	int controls[3]; /* after the first, 0 means "no further one" */
};

extern const struct seccomp_act file_acts[];
extern const size_t file_act_count;
extern const struct seccomp_act process_acts[];
extern const size_t process_act_count;
extern const struct seccomp_act socket_acts[];
extern const size_t socket_act_count;

/* The act's answer in one word. */
static inline int answer(long result)
{
	return result < 0 ? errno : 0;
}

#endif
