/* SPDX-License-Identifier: Apache-2.0 */
/* Ending and removing control groups, from a process that is in none of them. */
#ifndef KS_LINUX_INIT_GROUPS_H
#define KS_LINUX_INIT_GROUPS_H

#include <stdbool.h>
#include <stddef.h>

#define GROUPS_MAX_BYTES (4 * 4096)

struct groups {
	char paths[GROUPS_MAX_BYTES]; /* each with its NUL; an empty one is removed */
	size_t len;
};

/* Absolute paths, each with its NUL; one that is known already is not kept twice. 0, -EINVAL or
 * -E2BIG. */
int groups_add(struct groups *groups, const char *paths, size_t len);

/* One round of SIGKILL for everything in the groups. */
void groups_kill(const struct groups *groups);

/* Removes what is empty by now, and forgets it. True when nothing is left. */
bool groups_remove(struct groups *groups);

#endif
