/* SPDX-License-Identifier: Apache-2.0 */
/* What is removed was written by a worker: names are taken one at a time beneath an open directory,
 * no link is followed, and depth costs neither memory nor descriptors. */
#include "linux/init/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/kernel_dirent.h"

#define STEP "temporary"
#define VARIABLE "TMPDIR="
#define PREFIX "/kastellan-"
#define RANDOM_BYTES 16

static struct {
	char variable[KS_MAX_PATH + 1];
	int fd;
} own = {.fd = -1};

static char *path_of_own(void)
{
	return own.variable + sizeof(VARIABLE) - 1;
}

int temporary_choose(const struct spec *spec, struct failure *failure)
{
	static const char digits[] = "0123456789abcdef";
	const char *parent = (const char *)(spec->temporary + 1);
	size_t len = strlen(parent);
	unsigned char bytes[RANDOM_BYTES];
	char *at = own.variable;

	if (parent[0] != '/' ||
		len + sizeof(VARIABLE PREFIX) + sizeof(bytes) * 2 > sizeof(own.variable))
		return failure_set(failure, ENAMETOOLONG, STEP, parent);
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return failure_set(failure, errno, STEP, "getrandom");
	memcpy(at, VARIABLE, sizeof(VARIABLE) - 1);
	at += sizeof(VARIABLE) - 1;
	memcpy(at, parent, len);
	at += len;
	memcpy(at, PREFIX, sizeof(PREFIX) - 1);
	at += sizeof(PREFIX) - 1;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		*at++ = digits[bytes[i] >> 4];
		*at++ = digits[bytes[i] & 15];
	}
	*at = '\0';
	return 0;
}

int temporary_make(struct failure *failure)
{
	const char *path = path_of_own();
	struct stat st;

	if (mkdir(path, 0700) < 0)
		return failure_set(failure, errno, STEP, path);
	own.fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (own.fd < 0 || fstat(own.fd, &st) < 0)
		return failure_set(failure, errno, STEP, path);
	if (st.st_uid != geteuid())
		return failure_set(failure, ESTALE, STEP, path);
	return 0;
}

int temporary_fd(void)
{
	return own.fd;
}

const char *temporary_path(void)
{
	return path_of_own();
}

const char *temporary_variable(void)
{
	return own.variable;
}

static bool is_dot(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* A directory that its owner has closed to itself is opened again. */
static int open_child(int directory, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(directory, name, flags);

	if (fd >= 0 || errno != EACCES || fchmodat(directory, name, 0700, 0) < 0)
		return fd;
	return openat(directory, name, flags);
}

/* Removes what is no directory, or an empty one. Returns the first other directory opened, -1 where
 * there is none. *ret_stuck: something is left that cannot be removed. */
static int empty_out(int directory, bool *ret_stuck)
{
	_Alignas(struct kernel_dirent) static char buffer[8192];
	long len;

	*ret_stuck = false;
	lseek(directory, 0, SEEK_SET);
	while ((len = syscall(SYS_getdents64, directory, buffer, sizeof(buffer))) > 0)
		for (long at = 0; at < len;) {
			const struct kernel_dirent *entry = (const void *)(buffer + at);
			int fd;

			at += entry->len;
			if (is_dot(entry->name) || unlinkat(directory, entry->name, 0) == 0 ||
				unlinkat(directory, entry->name, AT_REMOVEDIR) == 0)
				continue;
			fd = open_child(directory, entry->name);
			if (fd >= 0)
				return fd;
			*ret_stuck = true;
		}
	return -1;
}

/* Down into the first directory that is not empty, up again once it is; a directory is looked
 * through from its start each time, and what is in front has gone by then. */
static void remove_tree(int top)
{
	int directory = fcntl(top, F_DUPFD_CLOEXEC, 0);
	unsigned depth = 0;

	while (directory >= 0) {
		bool stuck;
		int next = empty_out(directory, &stuck);

		if (next >= 0) {
			depth++;
		} else if (depth == 0 || stuck) {
			/* Nothing above can be removed either. */
			break;
		} else {
			depth--;
			next = openat(directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		}
		close(directory);
		directory = next;
	}
	if (directory >= 0)
		close(directory);
}

void temporary_remove(void)
{
	const char *path = path_of_own();
	struct stat st;
	int fd;

	if (!*path || rmdir(path) == 0)
		return;
	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
		return;
	fd = open_child(AT_FDCWD, path);
	if (fd < 0)
		return;
	fchmod(fd, 0700);
	remove_tree(fd);
	close(fd);
	rmdir(path);
}
