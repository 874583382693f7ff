/* SPDX-License-Identifier: Apache-2.0 */
/* A read-only directory inside a writable one is protected by its mount, but its name is not: the
 * worker could move a directory above it away and put its own in the place, for whoever reads that
 * name on the host. A mount point cannot be moved, so each directory in between becomes one: the
 * same directory, mounted over itself with the rights that it has anyway. */
#include "linux/grants/pin_grants.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/error.h"
#include "linux/grants/idmap.h"

static bool is_granted(const struct grants *grants, const char *path)
{
	for (size_t i = 0; i < grants->len; i++)
		if (strcmp(grants->items[i].path, path) == 0)
			return true;
	return false;
}

/* Opened from the grant around it, so that no name outside of it is looked up again. */
static int open_beneath(const struct grant *outer, const char *path)
{
	const struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	int fd = (int)syscall(
		SYS_openat2, outer->fd, path + strlen(outer->path) + 1, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

static int grow(struct grants *grants)
{
	struct grant *items;

	if (grants->len >= KS_MAX_GRANTS)
		return -E2BIG;
	items = realloc(grants->items, (grants->len + 1) * sizeof(*items));
	if (!items)
		return -ENOMEM;
	grants->items = items;
	return 0;
}

/* outer is an index, as the list moves when it grows. */
static int add_pin(struct grants *grants, size_t outer, const char *path, bool idmap)
{
	struct grant pin = {.pin = true, .fd = -1};
	struct stat st;
	int r = grow(grants);

	if (r < 0)
		return r;
	pin.field = FIELD_FS_WRITE;
	pin.index = grants->items[outer].index;
	pin.asked = strdup(path);
	pin.path = strdup(path);
	pin.fd = pin.asked && pin.path ? open_beneath(&grants->items[outer], path) : -ENOMEM;
	if (pin.fd < 0 || fstat(pin.fd, &st) < 0) {
		r = pin.fd < 0 ? pin.fd : -errno;
		if (pin.fd >= 0)
			close(pin.fd);
		free(pin.asked);
		free(pin.path);
		return r;
	}
	pin.directory = true;
	pin.dev = st.st_dev;
	pin.ino = st.st_ino;
	/* It shows the ids that the grant around it shows: a pin gives no further rights. */
	pin.owner_uid = grants->items[outer].owner_uid;
	pin.owner_gid = grants->items[outer].owner_gid;
	pin.idmap = idmap && idmap_works(pin.fd, st.st_dev);
	grants->items[grants->len++] = pin;
	return 0;
}

static int pin_between(struct grants *grants, size_t outer, const char *inner, bool idmap)
{
	char path[KS_MAX_PATH + 1];
	size_t start = strlen(grants->items[outer].path) + 1;
	int r = 0;

	for (const char *slash = strchr(inner + start, '/'); slash && r == 0;
		slash = strchr(slash + 1, '/')) {
		size_t len = (size_t)(slash - inner);

		memcpy(path, inner, len);
		path[len] = '\0';
		if (!is_granted(grants, path))
			r = add_pin(grants, outer, path, idmap);
	}
	return r;
}

int grants_pin(struct grants *grants, bool idmap, ks_error **reterr)
{
	/* Those that were asked for; the pins come behind them. */
	size_t explicit = grants->len;

	for (size_t i = 0; i < explicit; i++) {
		const struct grants asked = {.items = grants->items, .len = explicit};
		const struct grant *grant = &grants->items[i];
		const struct grant *outer;
		int r;

		if (grant->field != FIELD_FS_READ)
			continue;
		outer = grants_around(&asked, grant->path);
		if (!outer || outer->field != FIELD_FS_WRITE)
			continue;
		r = pin_between(grants, (size_t)(outer - grants->items), grant->path, idmap);
		if (r < 0)
			return error_set(reterr, r,
				ABOUT(.step = "grant", .field = "fs_read",
					.path = grants->items[i].path,
					.remedy = r == -E2BIG
							  ? "grant fewer paths inside of writable "
							    "directories"
							  : "try again while nothing replaces it"),
				"fs_read: the directories around %s cannot be held in place: %s",
				grants->items[i].path, strerror(-r));
	}
	return 0;
}
