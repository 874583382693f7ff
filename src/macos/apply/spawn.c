/* SPDX-License-Identifier: Apache-2.0 */
#include "macos/apply/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "macos/apply/system.h"

#define MAX_FDS 5
#define ABOVE 16 /* where copies are out of the way of the numbers that they get */

/* Everything but the descriptors. 0 or an errno value. */
static int set_attributes(
	posix_spawnattr_t *attributes, posix_spawn_file_actions_t *actions, int n_fds)
{
	short flags = POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
	sigset_t all, none;
	int r;

	sigfillset(&all);
	sigemptyset(&none);
	r = posix_spawnattr_setsigdefault(attributes, &all);
	if (r == 0)
		r = posix_spawnattr_setsigmask(attributes, &none);
	if (r == 0)
		r = system_spawn_alone(attributes, actions, &flags, n_fds);
	return r ? r : posix_spawnattr_setflags(attributes, flags);
}

static int set_descriptors(posix_spawn_file_actions_t *actions, const int *copies, size_t n_fds)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n_fds; i++)
		r = copies[i] < 0 ? posix_spawn_file_actions_addopen(
					    actions, (int)i, "/dev/null", O_RDWR, 0)
				  : posix_spawn_file_actions_adddup2(actions, copies[i], (int)i);
	return r;
}

static int spawn_with(const char *path, const char *const *argv, const char *const *env,
	const int *copies, size_t n_fds, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r = posix_spawnattr_init(&attributes);

	if (r != 0)
		return -r;
	r = posix_spawn_file_actions_init(&actions);
	if (r == 0) {
		r = set_descriptors(&actions, copies, n_fds);
		if (r == 0)
			r = set_attributes(&attributes, &actions, (int)n_fds);
		if (r == 0)
			r = posix_spawn(ret_pid, path, &actions, &attributes, (char *const *)argv,
				(char *const *)env);
		posix_spawn_file_actions_destroy(&actions);
	}
	posix_spawnattr_destroy(&attributes);
	return -r;
}

int spawn_alone(const char *path, const char *const *argv, const char *const *env, const int *fds,
	size_t n_fds, pid_t *ret_pid)
{
	int copies[MAX_FDS] = {-1, -1, -1, -1, -1};
	int r = n_fds <= MAX_FDS ? 0 : -EINVAL;

	for (size_t i = 0; r == 0 && i < n_fds; i++)
		if (fds[i] >= 0) {
			copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, ABOVE);
			if (copies[i] < 0)
				r = -errno;
		}
	if (r == 0)
		r = spawn_with(path, argv, env, copies, n_fds, ret_pid);
	for (size_t i = 0; i < MAX_FDS; i++)
		if (copies[i] >= 0)
			close(copies[i]);
	return r;
}

void spawn_home(const char *env[2], char *text, size_t size)
{
	const char *home = system_variable("HOME");
	int len = snprintf(text, size, "HOME=%s", home ? home : "/var/empty");

	env[0] = len > 0 && (size_t)len < size ? text : "HOME=/var/empty";
	env[1] = NULL;
}
