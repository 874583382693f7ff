/* SPDX-License-Identifier: Apache-2.0 */
#include "macos/host/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/strbuf.h"

/* Every descriptor but the three that are named is closed, and nothing of the caller's signals is
 * inherited. */
static int attributes_of(
	posix_spawnattr_t *attributes, posix_spawn_file_actions_t *actions, int out)
{
	sigset_t all, none;
	int r;

	sigfillset(&all);
	sigemptyset(&none);
	r = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_CLOEXEC_DEFAULT |
							 POSIX_SPAWN_SETSIGDEF |
							 POSIX_SPAWN_SETSIGMASK);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(attributes, &all);
	if (r == 0)
		r = posix_spawnattr_setsigmask(attributes, &none);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, out, 1);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, out, 2);
	return -r;
}

static int spawn_it(const char *path, const char *const *argv, int out, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	const char *home = getenv("HOME");
	autostrbuf struct strbuf text;
	char *environment[2] = {NULL, NULL};
	int r = -posix_spawnattr_init(&attributes);

	strbuf_init(&text, KS_MAX_PATH + 16);
	strbuf_addf(&text, "HOME=%s", home ? home : "/var/empty");
	environment[0] = text.data;
	if (r < 0)
		return r;
	r = -posix_spawn_file_actions_init(&actions);
	if (r == 0) {
		r = attributes_of(&attributes, &actions, out);
		if (r == 0)
			r = -posix_spawn(
				ret_pid, path, &actions, &attributes, (char **)argv, environment);
		posix_spawn_file_actions_destroy(&actions);
	}
	posix_spawnattr_destroy(&attributes);
	return r;
}

/* Until its end of the pipe is closed, or the time is up. */
static void read_all(int fd, char *text, size_t size)
{
	uint64_t end = clock_usec() + ANSWER_MS * 1000ull;
	size_t len = 0;

	for (;;) {
		struct pollfd in = {.fd = fd, .events = POLLIN};
		uint64_t now = clock_usec();
		char rest[256];
		ssize_t got;

		if (now >= end || poll(&in, 1, (int)((end - now) / 1000) + 1) <= 0)
			break;
		got = len + 1 < size ? read(fd, text + len, size - 1 - len)
				     : read(fd, rest, sizeof(rest));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		if (len + 1 < size)
			len += (size_t)got;
	}
	text[len] = '\0';
}

int answer_of(const char *path, const char *const *argv, char *text, size_t size)
{
	int ends[2];
	pid_t pid;
	int status;
	int r;

	text[0] = '\0';
	if (pipe(ends) < 0)
		return -errno;
	r = spawn_it(path, argv, ends[1], &pid);
	close(ends[1]);
	if (r == 0) {
		read_all(ends[0], text, size);
		/* Whoever is done is a zombie by now, which a signal does not reach. */
		kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		r = WIFEXITED(status) ? WEXITSTATUS(status) : -EPROTO;
	}
	close(ends[0]);
	return r;
}
