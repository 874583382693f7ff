/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/init/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/remove_tree.h"
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

static int empty_out(int directory, int top, bool *ret_stuck)
{
	_Alignas(struct kernel_dirent) static char buffer[8192];
	long len;

	lseek(directory, 0, SEEK_SET);
	while ((len = syscall(SYS_getdents64, directory, buffer, sizeof(buffer))) > 0)
		for (long at = 0; at < len;) {
			const struct kernel_dirent *entry = (const void *)(buffer + at);
			int fd = remove_name(directory, top, entry->name, ret_stuck);

			if (fd >= 0)
				return fd;
			at += entry->len;
		}
	return -1;
}

void temporary_remove(void)
{
	const char *path = path_of_own();
	struct stat st;

	if (!*path || rmdir(path) == 0)
		return;
	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
		return;
	remove_tree(remove_open(AT_FDCWD, path), empty_out);
	rmdir(path);
}
