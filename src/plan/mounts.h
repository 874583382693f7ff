/* SPDX-License-Identifier: Apache-2.0 */
/* The list of mounts as a container. */
#ifndef KS_PLAN_MOUNTS_H
#define KS_PLAN_MOUNTS_H

#include "plan/plan.h"

/* Adds a mount with copies of path and source (which may be NULL); the strings of *mount itself are
 * not looked at. 0 or -ENOMEM. */
int mount_list_add(
	struct mount_list *list, const struct mount *mount, const char *path, const char *source);

/* Parents before what is beneath them. Each path is there once, so the order is total. */
void mount_list_sort(struct mount_list *list);

/* The mount of exactly this path, or NULL. */
const struct mount *mount_list_find(const struct mount_list *list, const char *path);

/* The deepest mount that the path is equal to or beneath of, or NULL. */
const struct mount *mount_list_covering(const struct mount_list *list, const char *path);

void mount_list_done(struct mount_list *list);

#define automounts __attribute__((cleanup(mount_list_done)))

/* "bind", "link", ...: for the printers. */
const char *mount_kind_name(enum mount_kind kind);

#endif
