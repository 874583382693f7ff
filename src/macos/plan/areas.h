/* SPDX-License-Identifier: Apache-2.0 */
/* The grants as areas of the tree: of grants within one another the innermost decides. */
#ifndef KS_MACOS_PLAN_AREAS_H
#define KS_MACOS_PLAN_AREAS_H

#include "plan/plan.h"

#define AREA_TOP SIZE_MAX

struct area {
	const struct grant *grant;
	bool writable;
	size_t number; /* among those of its kind */
	size_t parent; /* the innermost area around it, which is of the other kind; or AREA_TOP */
};

struct areas {
	struct area *items; /* a parent comes before what is beneath it */
	size_t len;
};

/* One area a path, and none within another of the same kind, where it would change nothing. They
 * point into the grants. 0 or -ENOMEM. */
int areas_make(const struct grants *grants, struct areas *ret_areas);
void areas_done(struct areas *areas);

#define autoareas __attribute__((cleanup(areas_done)))

#endif
