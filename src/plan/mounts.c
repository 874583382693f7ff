/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/mounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "plan/paths.h"

int mount_list_add(
	struct mount_list *list, const struct mount *mount, const char *path, const char *source)
{
	struct mount *items = list_grow(list->items, list->len, sizeof(*items));
	struct mount copy = *mount;

	if (!items)
		return -ENOMEM;
	list->items = items;
	copy.path = strdup(path);
	copy.source = source ? strdup(source) : NULL;
	if (!copy.path || (source && !copy.source)) {
		free(copy.path);
		free(copy.source);
		return -ENOMEM;
	}
	items[list->len++] = copy;
	return 0;
}

static int compare_mounts(const void *a, const void *b)
{
	const struct mount *first = a;
	const struct mount *second = b;

	return path_compare(first->path, second->path);
}

void mount_list_sort(struct mount_list *list)
{
	if (list->len > 1)
		qsort(list->items, list->len, sizeof(*list->items), compare_mounts);
}

const struct mount *mount_list_find(const struct mount_list *list, const char *path)
{
	for (size_t i = 0; i < list->len; i++)
		if (strcmp(list->items[i].path, path) == 0)
			return &list->items[i];
	return NULL;
}

const struct mount *mount_list_covering(const struct mount_list *list, const char *path)
{
	const struct mount *deepest = NULL;

	for (size_t i = 0; i < list->len; i++) {
		const struct mount *mount = &list->items[i];

		if (path_covers(mount->path, path) &&
			(!deepest || path_beneath(deepest->path, mount->path)))
			deepest = mount;
	}
	return deepest;
}

void mount_list_done(struct mount_list *list)
{
	for (size_t i = 0; i < list->len; i++) {
		free(list->items[i].path);
		free(list->items[i].source);
	}
	free(list->items);
	*list = (struct mount_list){0};
}

const char *mount_kind_name(enum mount_kind kind)
{
	static const char *const names[] = {
		[MOUNT_BIND_HOST] = "host",
		[MOUNT_BIND_GRANT] = "grant",
		[MOUNT_MASK_FILE] = "mask-file",
		[MOUNT_CLOSED] = "closed",
		[MOUNT_MASK_DIRECTORY] = "mask-directory",
		[MOUNT_DATA] = "data",
		[MOUNT_LINK] = "link",
		[MOUNT_TMPFS] = "tmpfs",
		[MOUNT_PROC] = "proc",
		[MOUNT_DEV] = "dev",
		[MOUNT_DEVICE] = "device",
	};

	return names[kind];
}
