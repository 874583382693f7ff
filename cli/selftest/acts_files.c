/* SPDX-License-Identifier: Apache-2.0 */
/* Files, names, and what a worker could inherit. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/selftest/selftest.h"

#define PATH_ROOM 256

static int outcome_of(long result)
{
	return result < 0 ? -errno : 0;
}

static int open_and_close(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
	int r = outcome_of(fd);

	if (fd >= 0)
		close(fd);
	return r;
}

/* A name in the stage's directory, by a prefix that leads there. */
static const char *in_stage(
	const struct stage *stage, const char *prefix, const char *name, char path[PATH_ROOM])
{
	snprintf(path, PATH_ROOM, "%s%s/%s", prefix, stage->directory, name);
	return path;
}

static int read_file(const struct stage *stage)
{
	char path[PATH_ROOM];

	return open_and_close(in_stage(stage, "", "secret", path), O_RDONLY);
}

static int read_by_root_link(const struct stage *stage)
{
	char path[PATH_ROOM];

	return open_and_close(in_stage(stage, "/proc/self/root", "secret", path), O_RDONLY);
}

static int read_by_init(const struct stage *stage)
{
	char path[PATH_ROOM];

	return open_and_close(in_stage(stage, "/proc/1/root", "secret", path), O_RDONLY);
}

static int read_by_process(const struct stage *stage)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), "/proc/%d/cwd/secret", (int)stage->victim);
	return open_and_close(path, O_RDONLY);
}

static int write_file(const struct stage *stage)
{
	char path[PATH_ROOM];

	return open_and_close(in_stage(stage, "", "open", path), O_WRONLY);
}

static int create_file(const struct stage *stage)
{
	char path[PATH_ROOM];
	int r = open_and_close(in_stage(stage, "", "new", path), O_WRONLY | O_CREAT);

	unlink(path);
	return r;
}

static int truncate_file(const struct stage *stage)
{
	char path[PATH_ROOM];

	return outcome_of(truncate(in_stage(stage, "", "open", path), 0));
}

static int change_mode(const struct stage *stage)
{
	char path[PATH_ROOM];

	return outcome_of(chmod(in_stage(stage, "", "open", path), 0666));
}

static int change_times(const struct stage *stage)
{
	char path[PATH_ROOM];

	return outcome_of(utimensat(AT_FDCWD, in_stage(stage, "", "open", path), NULL, 0));
}

/* A name for a file that no mount and no rule on paths has a say in. */
static int open_by_handle(const struct stage *stage)
{
	struct {
		struct file_handle handle;
		char room[MAX_HANDLE_SZ];
	} named = {.handle.handle_bytes = MAX_HANDLE_SZ};
	char path[PATH_ROOM];
	int mount, place, fd, r;

	if (name_to_handle_at(
		    AT_FDCWD, in_stage(stage, "", "secret", path), &named.handle, &mount, 0) < 0)
		return -errno;
	place = open(stage->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place < 0)
		return -errno;
	fd = open_by_handle_at(place, &named.handle, O_RDONLY | O_CLOEXEC);
	r = outcome_of(fd);
	if (fd >= 0)
		close(fd);
	close(place);
	return r;
}

static int list_directory(const struct stage *stage)
{
	DIR *directory = opendir(stage->directory);
	int r = directory ? 0 : -errno;

	if (directory)
		closedir(directory);
	return r;
}

static int look_at_file(const struct stage *stage)
{
	struct stat status;
	char path[PATH_ROOM];

	return outcome_of(stat(in_stage(stage, "", "secret", path), &status));
}

static int link_file(const struct stage *stage)
{
	char from[PATH_ROOM], to[PATH_ROOM];
	int r;

	in_stage(stage, "", "open", from);
	in_stage(stage, "", "linked", to);
	r = outcome_of(link(from, to));
	unlink(to);
	return r;
}

static int rename_file(const struct stage *stage)
{
	char from[PATH_ROOM], to[PATH_ROOM];
	int r;

	in_stage(stage, "", "open", from);
	in_stage(stage, "", "renamed", to);
	r = outcome_of(rename(from, to));
	if (r == 0)
		r = outcome_of(rename(to, from));
	return r;
}

/* Nothing of the caller's changes: a file without a name, or no byte written. */
static int write_grant(const struct stage *stage)
{
	struct stat status;

	if (stat(stage->path, &status) < 0)
		return -errno;
	return open_and_close(stage->path,
		S_ISDIR(status.st_mode) ? O_TMPFILE | O_WRONLY : O_WRONLY | O_NOFOLLOW);
}

static int read_inherited(const struct stage *stage)
{
	char byte;

	return outcome_of(pread(stage->leak, &byte, 1, 0));
}

static int read_variable(const struct stage *stage)
{
	(void)stage;
	return getenv(LEAK_VARIABLE) ? 0 : -ENOENT;
}

/* A file that would run as its owner, for whoever finds it on the host. */
static int set_id(const struct stage *stage)
{
	const char *place = getenv("TMPDIR");
	char path[PATH_ROOM];
	int fd, r;

	(void)stage;
	snprintf(path, sizeof(path), "%s/kastellan-selftest-XXXXXX", place ? place : "/tmp");
	fd = mkstemp(path);
	if (fd < 0)
		return -errno;
	r = outcome_of(fchmod(fd, 04755));
	unlink(path);
	close(fd);
	return r;
}

/* The kernel's complaint about a byte from nowhere says that it would have taken one. */
static int push_input(const struct stage *stage)
{
	(void)stage;
	if (ioctl(STDIN_FILENO, TIOCSTI, NULL) < 0 && errno == EFAULT)
		return 0;
	return errno ? -errno : 0;
}

/* The kernel looks at half of the request's number; a filter that looks at all of it lets this by.
 */
static int push_input_high(const struct stage *stage)
{
	(void)stage;
	if (syscall(SYS_ioctl, STDIN_FILENO, 1UL << 32 | TIOCSTI, NULL) < 0 && errno == EFAULT)
		return 0;
	return errno ? -errno : 0;
}

const struct act acts_files[] = {
	{"read-file", "read a file outside of the grants", "fs_read", UNLESS_NO_PLACE, read_file},
	{"read-by-root-link", "read it through /proc/self/root", "fs_read", UNLESS_NO_PLACE,
		read_by_root_link},
	{"read-by-init", "read it through /proc/1/root", "fs_read", UNLESS_NO_PLACE, read_by_init},
	{"open-by-handle", "open it by its handle", "fs_read", UNLESS_NO_PLACE, open_by_handle},
	{"read-by-process", "read it through /proc/PID/cwd of a process", "fs_read",
		UNLESS_NO_PLACE, read_by_process},
	{"look-at-file", "learn size, owner and times of it", "fs_read", UNLESS_NO_PLACE,
		look_at_file},
	{"list-directory", "list a directory outside of the grants", "fs_read", UNLESS_NO_PLACE,
		list_directory},
	{"write-file", "write a file outside of the grants", "fs_write", UNLESS_NO_PLACE,
		write_file},
	{"create-file", "create a file outside of the grants", "fs_write", UNLESS_NO_PLACE,
		create_file},
	{"truncate-file", "truncate a file outside of the grants", "fs_write", UNLESS_NO_PLACE,
		truncate_file},
	{"change-mode", "change the mode of a file outside of the grants", "fs_write",
		UNLESS_NO_PLACE, change_mode},
	{"change-times", "change the times of a file outside of the grants", "fs_write",
		UNLESS_NO_PLACE, change_times},
	{"link-file", "make a hard link to a file outside of the grants", "fs_write",
		UNLESS_NO_PLACE, link_file},
	{"rename-file", "rename a file outside of the grants", "fs_write", UNLESS_NO_PLACE,
		rename_file},
	{"write-read-grant", "write what is granted for reading", "fs_read", UNLESS_NO_GRANT,
		write_grant},
	{"set-id", "make a set-user-id file", "profile", UNLESS_NOTHING, set_id},
	{"inherited-descriptor", "read a descriptor that the caller has open", "profile",
		UNLESS_NOTHING, read_inherited},
	{"inherited-variable", "read a variable of the caller's environment", "env", UNLESS_NOTHING,
		read_variable},
	{"push-input", "push input into the terminal on standard input", "profile", UNLESS_NOTHING,
		push_input},
	{"push-input-high", "push input by a request with a bit that the kernel ignores", "profile",
		UNLESS_NOTHING, push_input_high},
	{0}};
