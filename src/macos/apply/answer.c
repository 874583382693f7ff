/* SPDX-License-Identifier: Apache-2.0 */
#include "macos/apply/answer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/clock.h"
#include "macos/apply/spawn.h"
#include "supervise/waiter.h"

/* Until its end of the pipe is closed, or the time is up. */
static void read_all(int fd, unsigned ms, char *text, size_t size)
{
	uint64_t end = clock_usec() + ms * 1000ull;
	size_t len = 0;

	for (;;) {
		struct pollfd in = {.fd = fd, .events = POLLIN};
		uint64_t now = clock_usec();
		char rest[256];
		ssize_t got;

		if (now >= end)
			break;
		if (poll(&in, 1, (int)((end - now) / 1000) + 1) < 0 && errno == EINTR)
			continue;
		if (!in.revents)
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

int answer_of(const char *path, const char *const *argv, unsigned ms, char *text, size_t size)
{
	char home[KS_MAX_PATH + 16];
	const char *env[2];
	int ends[2];
	pid_t pid, got;
	int status;
	int r;

	text[0] = '\0';
	spawn_home(env, home, sizeof(home));
	r = pipe_make(ends);
	if (r < 0)
		return r;
	r = spawn_alone(path, argv, env, (const int[]){-1, ends[1], ends[1]}, 3, &pid);
	close(ends[1]);
	if (r == 0) {
		read_all(ends[0], ms, text, size);
		/* Whoever is done is a zombie by now, which a signal does not reach. */
		kill(pid, SIGKILL);
		do
			got = waitpid(pid, &status, 0);
		while (got < 0 && errno == EINTR);
		/* In a process that ignores its children's ends nobody knows. */
		r = got == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -EPROTO;
	}
	close(ends[0]);
	return r;
}
