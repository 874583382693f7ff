// SPDX-License-Identifier: Apache-2.0
/* Acts on files that are named by path. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "verdict.h"

#define ACT(name) static int name(char **args)

static int close_after(int fd)
{
	if (fd < 0)
		return denied(errno);
	close(fd);
	return allowed("opened");
}

ACT(do_read)
{
	char text[64];
	int fd = open(args[0], O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return denied(errno);
	len = read(fd, text, sizeof(text));
	/* A file that is empty tells nothing. */
	return len == 0 ? denied(ENODATA) : judge(len);
}

ACT(do_stat)
{
	struct stat st;

	return judge(lstat(args[0], &st));
}

ACT(do_access)
{
	return judge(access(args[0], F_OK));
}

ACT(do_list)
{
	DIR *directory = opendir(args[0]);
	struct dirent *entry;

	if (!directory)
		return denied(errno);
	/* An empty directory in its place is as good as none. */
	while ((entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return allowed(entry->d_name);
	return denied(ENOENT);
}

ACT(do_chdir)
{
	return judge(chdir(args[0]));
}

ACT(do_create)
{
	return close_after(open(args[0], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
}

ACT(do_tmpfile)
{
	return close_after(open(args[0], O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
}

ACT(do_write)
{
	int fd = open(args[0], O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return denied(errno);
	return judge(write(fd, "written\n", 8));
}

ACT(do_reopen)
{
	/* A descriptor for reading becomes one for writing, past the check of the name. */
	char name[64];
	int fd = open(args[0], O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return broken(args[0]);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return close_after(open(name, O_WRONLY | O_CLOEXEC));
}

ACT(do_map_shared)
{
	int fd = open(args[0], O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return denied(errno);
	return judge(
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
}

ACT(do_truncate)
{
	return judge(truncate(args[0], 0));
}

ACT(do_open_truncate)
{
	return close_after(open(args[0], O_RDONLY | O_TRUNC | O_CLOEXEC));
}

ACT(do_chmod)
{
	return judge(chmod(args[0], 0600));
}

ACT(do_utime)
{
	struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	return judge(utimensat(AT_FDCWD, args[0], times, 0));
}

ACT(do_setxattr)
{
	return judge(setxattr(args[0], "user.kastellan", "x", 1, 0));
}

ACT(do_link)
{
	return judge(link(args[0], args[1]));
}

ACT(do_rename)
{
	return judge(rename(args[0], args[1]));
}

ACT(do_exchange)
{
	return judge(renameat2(AT_FDCWD, args[0], AT_FDCWD, args[1], RENAME_EXCHANGE));
}

ACT(do_symlink)
{
	return judge(symlink(args[0], args[1]));
}

ACT(do_unlink)
{
	return judge(unlink(args[0]));
}

ACT(do_rmdir)
{
	return judge(rmdir(args[0]));
}

ACT(do_mkdir)
{
	return judge(mkdir(args[0], 0755));
}

ACT(do_bind_socket)
{
	return judge(mknod(args[0], S_IFSOCK | 0644, 0));
}

ACT(do_fifo)
{
	return judge(mknod(args[0], S_IFIFO | 0644, 0));
}

ACT(do_char_device)
{
	return judge(mknod(args[0], S_IFCHR | 0666, 0x103 /* /dev/null */));
}

ACT(do_block_device)
{
	return judge(mknod(args[0], S_IFBLK | 0666, 0x700 /* /dev/loop0 */));
}

ACT(do_execute)
{
	execl(args[0], args[0], (char *)NULL);
	return denied(errno);
}

ACT(do_execute_memory)
{
	/* The text of a program that is elsewhere, executed from memory. */
	char *argv[] = {"memory", NULL}, *envp[] = {NULL};
	int from = open(args[0], O_RDONLY | O_CLOEXEC), fd = memfd_create("program", MFD_CLOEXEC);
	char block[4096];
	ssize_t len;

	if (from < 0)
		return broken(args[0]);
	if (fd < 0)
		return denied(errno);
	while ((len = read(from, block, sizeof(block))) > 0)
		if (write(fd, block, (size_t)len) != len)
			return broken("write to the memfd");
	fexecve(fd, argv, envp);
	return denied(errno);
}

ACT(do_execute_by_loader)
{
	/* What is not executable itself is handed to the dynamic loader. */
	execl("/lib64/ld-linux-x86-64.so.2", "ld.so", args[0], (char *)NULL);
	return denied(errno);
}

ACT(do_beneath)
{
	/* Out of the directory by "..", as often as it takes. */
	int fd = open(args[0], O_PATH | O_DIRECTORY | O_CLOEXEC);
	char path[4096] = "";

	if (fd < 0)
		return broken(args[0]);
	for (int i = 0; i < 40; i++)
		strcat(path, "../");
	strcat(path, args[1] + 1);
	return close_after(openat(fd, path, O_RDONLY | O_CLOEXEC));
}

static const struct act acts[] = {
	{"read", do_read, 1},
	{"stat", do_stat, 1},
	{"access", do_access, 1},
	{"list", do_list, 1},
	{"chdir", do_chdir, 1},
	{"create", do_create, 1},
	{"tmpfile", do_tmpfile, 1},
	{"write", do_write, 1},
	{"reopen", do_reopen, 1},
	{"map_shared", do_map_shared, 1},
	{"truncate", do_truncate, 1},
	{"open_truncate", do_open_truncate, 1},
	{"chmod", do_chmod, 1},
	{"utime", do_utime, 1},
	{"setxattr", do_setxattr, 1},
	{"link", do_link, 2},
	{"rename", do_rename, 2},
	{"exchange", do_exchange, 2},
	{"symlink", do_symlink, 2},
	{"unlink", do_unlink, 1},
	{"rmdir", do_rmdir, 1},
	{"mkdir", do_mkdir, 1},
	{"bind_socket", do_bind_socket, 1},
	{"fifo", do_fifo, 1},
	{"char_device", do_char_device, 1},
	{"block_device", do_block_device, 1},
	{"execute", do_execute, 1},
	{"execute_memory", do_execute_memory, 1},
	{"execute_by_loader", do_execute_by_loader, 1},
	{"beneath", do_beneath, 2},
	{NULL, NULL, 0},
};

int main(int argc, char **argv)
{
	return perform(acts, argc, argv);
}
