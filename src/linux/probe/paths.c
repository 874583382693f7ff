/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the listed paths exist, and as what. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "linux/kernel_dirent.h"
#include "linux/probe/parts.h"
#include "linux/system_paths.h"

/* Puts a link's text after the directory that holds it, and takes out "." and "..", by text alone.
 * false where it does not fit. */
static bool first_hop(const char *path, const char *target, char hop[PATH_MAX])
{
	const char *parent_end = strrchr(path, '/');
	size_t used = target[0] == '/' ? 0 : (size_t)(parent_end - path);
	const char *rest = target;

	memcpy(hop, path, used);
	while (*rest) {
		size_t len = strcspn(rest, "/");

		if (len == 2 && rest[0] == '.' && rest[1] == '.') {
			while (used > 0 && hop[--used] != '/')
				;
		} else if (len > 0 && !(len == 1 && rest[0] == '.')) {
			if (used + len + 2 > PATH_MAX)
				return false;
			hop[used++] = '/';
			memcpy(hop + used, rest, len);
			used += len;
		}
		rest += len;
		rest += strspn(rest, "/");
	}
	hop[used] = '\0';
	return true;
}

/* Whether the link works inside too: its next hop and its end are both shown there. */
static bool link_is_shown(const char *path, const char *target)
{
	autofree char *end = realpath(path, NULL);
	char hop[PATH_MAX];

	return end && system_path_shown(end) && first_hop(path, target, hop) &&
	       system_path_shown(hop);
}

static int add_path(struct ks_host *host, const char *path)
{
	char target[PATH_MAX];
	struct stat status;

	/* Most are no link, or are not there. */
	if (lstat(path, &status) < 0)
		return 0;
	if (S_ISLNK(status.st_mode)) {
		ssize_t len = readlink(path, target, sizeof(target) - 1);

		target[len > 0 ? len : 0] = '\0';
		if (len > 0 && link_is_shown(path, target))
			return host_add_path(host, path, HOST_LINK, target);
		/* One that leads elsewhere is shown as what it leads to; one that dangles, not at
		 * all. */
		if (stat(path, &status) < 0)
			return 0;
	}
	if (S_ISDIR(status.st_mode))
		return host_add_path(host, path, HOST_DIRECTORY, NULL);
	if (S_ISREG(status.st_mode))
		return host_add_path(host, path, HOST_FILE, NULL);
	return 0;
}

static int add_proc_entry(struct ks_host *host, const struct kernel_dirent *entry)
{
	char path[PATH_MAX];

	if (entry->name[0] == '.' || entry->type == DT_LNK || system_proc_kept(entry->name))
		return 0;
	snprintf(path, sizeof(path), "/proc/%s", entry->name);
	return host_add_path(host, path, entry->type == DT_DIR ? HOST_DIRECTORY : HOST_FILE, NULL);
}

/* The kernel lists its own entries before the processes, of which there may be thousands: reading
 * stops there, and the small buffer keeps it from reading far ahead. */
static int add_proc(struct ks_host *host)
{
	autofd int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_Alignas(struct kernel_dirent) char buffer[2048];
	long len;

	/* What is not listed is not covered up. Without any /proc there is no jail either. */
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	while ((len = syscall(SYS_getdents64, fd, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < len;) {
			const struct kernel_dirent *entry = (const struct kernel_dirent *)(buffer +
											   at);
			int r;

			if (entry->name[0] >= '0' && entry->name[0] <= '9')
				return 0;
			r = add_proc_entry(host, entry);
			if (r < 0)
				return r;
			at += entry->len;
		}
	}
	return len < 0 ? -errno : 0;
}

/* One that cannot be looked at counts as open, and is covered up. */
static void note_closed(struct ks_host *host)
{
	for (size_t i = 0; i < n_system_proc_private; i++) {
		char path[PATH_MAX];
		struct stat status;

		snprintf(path, sizeof(path), "/proc/%s", system_proc_private[i]);
		if (lstat(path, &status) == 0 && S_ISREG(status.st_mode) &&
			!(status.st_mode & (S_IRWXG | S_IRWXO)))
			host_close_path(host, path, status.st_uid);
	}
}

int probe_paths(struct ks_host *host)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n_system_paths; i++)
		r = add_path(host, system_paths[i]);
	for (size_t i = 0; r == 0 && i < n_network_paths; i++)
		r = add_path(host, network_paths[i]);
	if (r == 0)
		r = add_proc(host);
	note_closed(host);
	return r;
}
