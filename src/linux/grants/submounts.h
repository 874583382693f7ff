/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_GRANTS_SUBMOUNTS_H
#define KS_LINUX_GRANTS_SUBMOUNTS_H

#include "plan/plan.h"

/* A directory is granted with what is mounted beneath it. Refuses (-EINVAL) where that is one of
 * the kernel's own file systems. 0 or -errno. */
int submounts_check(const struct grants *grants, ks_error **reterr);

/* The pure part: the first grant with a mount of text (as /proc/self/mountinfo) beneath it whose
 * file system is the kernel's. Returns 1 with its index, and the place and type of its first such
 * mount (to be freed); 0 for none, -ENOMEM. */
int submounts_find(const struct grants *grants, const char *text, size_t *ret_grant,
	char **ret_place, char **ret_type);

#endif
