/* SPDX-License-Identifier: Apache-2.0 */
#include "core/surroundings.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MOUNT_TABLE "/proc/thread-self/mountinfo"
/* The table is that of the namespace in which it was opened, and the caller may be in another. */
#define MOUNT_NAMESPACE "/proc/thread-self/ns/mnt"

/* Of nothing: all zero. The owner belongs to it, as a grant shows its owner as the worker. */
struct identity {
	uint64_t dev;
	uint64_t ino;
	uint32_t uid;
	uint32_t gid;
};

static struct identity identify(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return (struct identity){0};
	return (struct identity){
		.dev = st.st_dev, .ino = st.st_ino, .uid = st.st_uid, .gid = st.st_gid};
}

/* A grant by both of its names: the one that was asked for may lead elsewhere by now, and the one
 * that it is shown by inside may be another object's. */
static struct identity *identify_all(const struct ks_plan *plan, size_t *ret_len)
{
	size_t max = 2 * plan->grants.len + plan->grants.absent.len + plan->mounts.len + 2;
	struct identity *items = calloc(max, sizeof(*items));
	size_t len = 0;

	if (!items)
		return NULL;
	items[len++] = identify(".");
	items[len++] = identify(MOUNT_NAMESPACE);
	for (size_t i = 0; i < plan->grants.len; i++) {
		items[len++] = identify(plan->grants.items[i].asked);
		items[len++] = identify(plan->grants.items[i].path);
	}
	for (size_t i = 0; i < plan->grants.absent.len; i++)
		items[len++] = identify(plan->grants.absent.items[i]);
	for (size_t i = 0; i < plan->mounts.len; i++)
		if (plan->mounts.items[i].kind == MOUNT_BIND_HOST)
			items[len++] = identify(plan->mounts.items[i].source);
	*ret_len = len;
	return items;
}

int surroundings_watch(struct surroundings *around)
{
	*around = (struct surroundings){.mounts = open(MOUNT_TABLE, O_RDONLY | O_CLOEXEC)};
	return around->mounts < 0 && errno != ENOENT ? -errno : 0;
}

int surroundings_note(struct surroundings *around, const struct ks_plan *plan)
{
	around->items = identify_all(plan, &around->len);
	return around->items ? 0 : -ENOMEM;
}

bool surroundings_same(const struct surroundings *around, const struct ks_plan *plan)
{
	struct pollfd table = {.fd = around->mounts, .events = POLLPRI};
	autofree struct identity *now = NULL;
	size_t len = 0;

	if (poll(&table, 1, 0) != 0)
		return false;
	now = identify_all(plan, &len);
	return now && len == around->len && memcmp(now, around->items, len * sizeof(*now)) == 0;
}

void surroundings_done(struct surroundings *around)
{
	free(around->items);
	if (around->mounts >= 0)
		close(around->mounts);
	*around = (struct surroundings){.mounts = -1};
}
