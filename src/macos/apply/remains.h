/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of a worker whose warden has not ended it. */
#ifndef KS_MACOS_APPLY_REMAINS_H
#define KS_MACOS_APPLY_REMAINS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "macos/apply/names.h"

struct remains {
	const struct worker_names *names;
	const char
		*container; /* the program; NULL: the worker is no machine, or there is none yet */
	pid_t process; /* 0 = there is none, or nobody can say whether it is still the same */
	uint64_t born;
};

/* Ends and removes all of it, the record last. 0, or -errno with *ret_what, which is lent: what is
 * left, as the record is. */
int remains_end(const struct remains *remains, const char **ret_what);

/* What was left, of workers of one kind, where both owners have been killed: for a short time
 * before a start, and as far as it goes. container: the program, for machines; NULL: for the
 * others. */
void remains_sweep(const char *container);

#endif
