/* SPDX-License-Identifier: Apache-2.0 */
/* What of the guest's /proc a worker is not shown. The plan covers up what the host's kernel has;
 * the guest's is another one, whose entries nobody has seen before. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/init/guest_parts.h"
#include "linux/init/native_parts.h"
#include "linux/kernel_dirent.h"
#include "linux/system_paths.h"

#define PROC "/proc/"
#define NAME_ROOM 256

static bool is_process(const char *name)
{
	return name[0] >= '0' && name[0] <= '9';
}

/* Covered by the plan; or closed by its mode, to a worker that is not root and has no capability.
 */
static bool is_closed(const struct stat *st, dev_t proc)
{
	return st->st_dev != proc ||
	       (S_ISREG(st->st_mode) && st->st_uid == 0 && !(st->st_mode & (S_IRWXG | S_IRWXO)));
}

static int cover(const struct native_root *root, int proc, dev_t device, const char *name,
	struct failure *failure)
{
	char path[sizeof(PROC) + NAME_ROOM] = PROC;
	struct stat st;
	int r;

	if (name[0] == '.' || system_proc_kept(name))
		return 0;
	if (fstatat(proc, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failure_set(failure, errno, "mount", name);
	if (S_ISLNK(st.st_mode) || is_closed(&st, device))
		return 0;
	if (strlen(name) >= NAME_ROOM)
		return failure_set(failure, ENAMETOOLONG, "mount", PROC);
	memcpy(path + sizeof(PROC) - 1, name, strlen(name) + 1);
	r = mount_cover(root, path, S_ISDIR(st.st_mode));
	return r < 0 ? failure_set(failure, -r, "mount", path) : 0;
}

/* The kernel lists its own entries before the processes. */
static int cover_all(
	const struct native_root *root, int proc, dev_t device, struct failure *failure)
{
	_Alignas(struct kernel_dirent) char buffer[4096];
	long len;

	while ((len = syscall(SYS_getdents64, proc, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < len;) {
			const struct kernel_dirent *entry = (const struct kernel_dirent *)(buffer +
											   at);
			int r = is_process(entry->name)
					? 0
					: cover(root, proc, device, entry->name, failure);

			if (r < 0)
				return r;
			at += entry->len;
		}
	}
	return len < 0 ? failure_set(failure, errno, "mount", PROC) : 0;
}

int guest_proc_cover(const struct native_root *root, struct failure *failure)
{
	struct stat st;
	int proc, r;

	/* A tree without one has nothing that could be covered. */
	if (root->proc < 0)
		return 0;
	proc = openat(root->fd, place_relative("/proc"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0 || fstat(proc, &st) < 0)
		r = failure_set(failure, errno, "mount", PROC);
	else
		r = cover_all(root, proc, st.st_dev, failure);
	if (proc >= 0)
		close(proc);
	return r;
}
