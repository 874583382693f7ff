/* SPDX-License-Identifier: Apache-2.0 */
/* The front of the command: the same `kastellan run`, without a dynamic linker and with a C library
 * that asks the processor nothing, which is what most of a start is. It has no libraries to load,
 * so that it becomes the command where one is needed (a scope of systemd, a host that is not ASCII,
 * a machine); and at every failure before the program runs, so that all that is ever said of one is
 * said by the command. Must not: hand over once something has been consumed or started. */
#include "cli/hand_over.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "linux/programs.h"
#include "resolve/resolve.h"

static char **words;
static sigset_t blocked;
static struct sigaction on_pipe;

void hand_over_words(char **argv)
{
	words = argv;
	sigprocmask(SIG_SETMASK, NULL, &blocked);
	sigaction(SIGPIPE, NULL, &on_pipe);
}

/* Then it would hand over to itself for ever. */
static bool is_this(const char *command)
{
	struct stat own, other;

	return stat("/proc/self/exe", &own) == 0 && stat(command, &other) == 0 &&
	       own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

void hand_over(void)
{
	const char *command = command_program_path();

	sigaction(SIGPIPE, &on_pipe, NULL);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	if (!is_this(command))
		execv(command, words);
	else
		errno = ELOOP;
	fprintf(stderr,
		"kastellan: the command itself cannot be started: %s: %s\n"
		"  remedy: install kastellan again; in a build tree set KASTELLAN_COMMAND\n",
		command, strerror(errno));
	exit(STATUS_FAILED);
}

/* A pipe is empty after the first look. */
void hand_over_policy(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0 || !S_ISREG(status.st_mode))
		hand_over();
}

void hand_over_backend(ks_backend *backend)
{
	const enum ks_backend_kind kind = ks_backend_kind(backend);
	const struct ks_host *host = NULL;

	if (kind != KS_BACKEND_NATIVE && kind != KS_BACKEND_LANDLOCK && kind != KS_BACKEND_BWRAP)
		hand_over();
	if (backend_host(backend, false, &host, NULL) < 0 || host->cgroup.manager == CGROUP_SCOPE)
		hand_over();
}
