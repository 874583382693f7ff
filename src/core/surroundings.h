/* SPDX-License-Identifier: Apache-2.0 */
/* What a jail that waits was made from: the objects behind the names in its plan, the table of
 * mounts and the caller's directory. One that was made from something else than is there now would
 * show what its user no longer means. */
#ifndef KS_CORE_SURROUNDINGS_H
#define KS_CORE_SURROUNDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan/plan.h"

struct surroundings {
	struct identity *items;
	size_t len;
	int mounts; /* tells of a change of the mount table; -1 where the system has no such thing
		     */
};

/* Begins to watch, before the plan is made. 0 or -errno. */
int surroundings_watch(struct surroundings *around);

/* Takes down what the plan names. 0 or -ENOMEM. */
int surroundings_note(struct surroundings *around, const struct ks_plan *plan);

/* Whether all of it is as it was. What cannot be told is not. */
bool surroundings_same(const struct surroundings *around, const struct ks_plan *plan);

void surroundings_done(struct surroundings *around);

#endif
