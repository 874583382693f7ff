/* SPDX-License-Identifier: Apache-2.0 */
/* A guest without a virtual machine: this host's kernel is the guest's. In a mount namespace of its
 * own it starts a server in the root of SOURCE, mounts at MOUNT by the very code of the guest's
 * init what that serves, and executes COMMAND there.
 *
 * usage: files_stage SERVER SOURCE MOUNT COMMAND...
 *        files_stage --serve SERVER SOURCE   the server alone; the socket is its standard input */
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/init/guest_parts.h"

static void die(const char *what)
{
	fprintf(stderr, "files_stage: %s: %s\n", what, strerror(errno));
	_exit(125);
}

/* As Native does it: nothing but the tree is left. */
static void enter(const char *source)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
		die("namespace");
	if (mount(source, source, NULL, MS_BIND | MS_REC, NULL) < 0)
		die(source);
	if (chdir(source) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		die("pivot_root");
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		die("umount");
	if (access("/proc/self", F_OK) < 0 && mount("proc", "/proc", "proc", 0, NULL) < 0)
		die("/proc");
}

static void serve(const char *program, const char *source, int socket)
{
	const char *files = getenv("STAGE_DESCRIPTORS");
	char *argv[] = {(char *)"kastellan-files", NULL};
	char *none[] = {NULL};
	int fd = open(program, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(program);
	if (files) {
		rlim_t count = strtoul(files, NULL, 10);
		const struct rlimit limit = {count, count};

		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			die("RLIMIT_NOFILE");
	}
	enter(source);
	if (dup2(socket, STDIN_FILENO) < 0)
		die("dup2");
	syscall(SYS_execveat, fd, "", argv, none, AT_EMPTY_PATH);
	die(program);
}

static void mount_tree(const char *program, const char *source, const char *where)
{
	int pair[2], r;
	pid_t pid;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
		die("namespace");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		die("socketpair");
	pid = fork();
	if (pid == 0)
		serve(program, source, pair[0]);
	r = pid < 0 ? -errno : guest_mount_files(pair[1], where);
	if (r < 0) {
		errno = -r;
		die(where);
	}
	close(pair[0]);
	close(pair[1]);
}

static int run(char **command)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execvp(command[0], command);
		die(command[0]);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	int status;

	if (argc == 4 && strcmp(argv[1], "--serve") == 0)
		serve(argv[2], argv[3], STDIN_FILENO);
	if (argc < 5) {
		fprintf(stderr, "usage: files_stage SERVER SOURCE MOUNT COMMAND...\n");
		return 125;
	}
	/* What forwards has a process below it. */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	mount_tree(argv[1], argv[2], argv[3]);
	status = run(argv + 4);
	/* The processes between live in this namespace, too: without its mount they end. */
	umount2(argv[3], MNT_DETACH);
	while (wait(NULL) > 0 || errno == EINTR) {
	}
	return status;
}
