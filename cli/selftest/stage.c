/* SPDX-License-Identifier: Apache-2.0 */
/* What the acts are about: files of ours outside of every grant, a process that also answers
 * whoever talks to it, a segment of memory, an open descriptor, a variable. All of it ends with us.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/selftest/selftest.h"
#include "plan/paths.h"

#define LEAK_FD 77
#define SERVICES 4

typedef const char *path_at(const ks_policy *policy, size_t index, int *ret_optional);

static bool is_granted(const ks_policy *policy, path_at *path_of, const char *path)
{
	char real[PATH_MAX];
	const char *grant;
	int optional;

	for (size_t i = 0; (grant = path_of(policy, i, &optional)); i++)
		if (realpath(grant, real) && path_covers(real, path))
			return true;
	return false;
}

static int put_file(const char *directory, const char *name, mode_t mode)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, mode) < 0 || write(fd, "secret\n", 7) != 7) {
		close(fd);
		return -EIO;
	}
	close(fd);
	return 0;
}

/* Open for everybody, as a worker may be another user: that it is refused says more then. */
static int make_files(const ks_policy *policy, struct stage *stage)
{
	static const char *const places[] = {"/var/tmp", "/tmp", "/dev/shm"};
	char real[PATH_MAX];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (!realpath(places[i], real) || is_granted(policy, ks_policy_read_path, real) ||
			is_granted(policy, ks_policy_write_path, real))
			continue;
		snprintf(stage->directory, sizeof(stage->directory), "%.30s/kastellan-test-XXXXXX",
			real);
		if (!mkdtemp(stage->directory))
			continue;
		if (chmod(stage->directory, 0777) < 0 ||
			put_file(stage->directory, "secret", 0644) < 0 ||
			put_file(stage->directory, "open", 0666) < 0)
			return -EIO;
		return 0;
	}
	stage->directory[0] = '\0';
	return 0;
}

static int bind_inet(int type, int *port)
{
	struct sockaddr_in place = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)*port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(place);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&place, sizeof(place)) < 0 ||
		getsockname(fd, (struct sockaddr *)&place, &len) < 0) {
		close(fd);
		return -1;
	}
	*port = ntohs(place.sin_port);
	return fd;
}

/* A path, or an abstract name, which begins with NUL. */
static int bind_unix(const char *name, size_t len)
{
	struct sockaddr_un place = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || len >= sizeof(place.sun_path))
		return fd;
	memcpy(place.sun_path, name, len);
	if (bind(fd, (struct sockaddr *)&place,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The victim: answers everybody with a byte, until we are gone. */
static void __attribute__((noreturn)) answer(const struct stage *stage, const int *services)
{
	struct pollfd fds[SERVICES];

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* Where it is looked for: /proc/PID/cwd. */
	if (stage->directory[0] && chdir(stage->directory) < 0)
		_exit(1);
	for (int i = 0; i < SERVICES; i++)
		fds[i] = (struct pollfd){.fd = services[i], .events = POLLIN};
	while (poll(fds, SERVICES, -1) >= 0 || errno == EINTR) {
		for (int i = 0; i < SERVICES - 1; i++) {
			int fd = fds[i].revents ? accept4(fds[i].fd, NULL, NULL, SOCK_CLOEXEC) : -1;

			if (fd < 0)
				continue;
			send(fd, "!", 1, MSG_NOSIGNAL);
			close(fd);
		}
		if (fds[SERVICES - 1].revents) {
			struct sockaddr_storage from;
			socklen_t len = sizeof(from);
			char byte;

			if (recvfrom(services[SERVICES - 1], &byte, 1, 0, (struct sockaddr *)&from,
				    &len) >= 0)
				sendto(services[SERVICES - 1], "!", 1, 0, (struct sockaddr *)&from,
					len);
		}
	}
	_exit(1);
}

static int start_services(struct stage *stage, ks_error **reterr)
{
	int services[SERVICES] = {-1, -1, -1, -1};
	char name[108];
	int len, r = 0;

	services[0] = bind_inet(SOCK_STREAM, &stage->port);
	services[SERVICES - 1] = bind_inet(SOCK_DGRAM, &stage->port);
	len = snprintf(name, sizeof(name), "%ckastellan-selftest-%d", 0, stage->port);
	services[1] = bind_unix(name, (size_t)len);
	len = snprintf(name, sizeof(name), "%s/socket", stage->directory);
	if (stage->directory[0]) {
		services[2] = bind_unix(name, (size_t)len);
		chmod(name, 0777);
	}
	for (int i = 0; i < SERVICES - 1; i++)
		if (services[i] >= 0)
			listen(services[i], 16);
	if (services[0] < 0)
		r = error_set(reterr, -errno, ABOUT(.step = "selftest"),
			"no port of the loopback can be had: %s", strerror(errno));
	if (r == 0)
		stage->victim = fork();
	if (r == 0 && stage->victim == 0)
		answer(stage, services);
	if (r == 0 && stage->victim < 0)
		r = error_set(
			reterr, -errno, ABOUT(.step = "selftest"), "fork: %s", strerror(errno));
	for (int i = 0; i < SERVICES; i++)
		if (services[i] >= 0)
			close(services[i]);
	return r;
}

/* Without close-on-exec: a jail that lets it in shows. */
static int leak(struct stage *stage)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/secret", stage->directory);
	fd = open(stage->directory[0] ? path : "/etc/passwd", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || dup2(fd, LEAK_FD) < 0)
		return -errno;
	close(fd);
	stage->leak = LEAK_FD;
	return setenv(LEAK_VARIABLE, "secret", 1) < 0 ? -errno : 0;
}

int stage_set(const ks_policy *policy, const char *self, struct stage *ret, ks_error **reterr)
{
	struct stage stage = {.shm = -1, .leak = -1, .path = ""};
	int optional, r;

	gethostname(stage.host, sizeof(stage.host) - 1);
	r = make_files(policy, &stage);
	if (r == 0)
		r = leak(&stage);
	*ret = stage;
	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "selftest"),
			"files for the acts cannot be made: %s", strerror(-r));
	stage.shm = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0666);
	for (size_t i = 0; (stage.path = ks_policy_read_path(policy, i, &optional)); i++)
		if (strcmp(stage.path, self) != 0 && access(stage.path, W_OK) == 0)
			break;
	if (!stage.path)
		stage.path = "";
	r = start_services(&stage, reterr);
	*ret = stage;
	return r;
}

void stage_clear(struct stage *stage)
{
	static const char *const names[] = {"secret", "open", "socket", "new", "linked", "renamed"};
	char path[PATH_MAX];

	if (stage->victim > 0) {
		kill(stage->victim, SIGKILL);
		waitpid(stage->victim, NULL, 0);
	}
	if (stage->shm >= 0)
		shmctl(stage->shm, IPC_RMID, NULL);
	if (stage->leak >= 0)
		close(stage->leak);
	for (size_t i = 0; stage->directory[0] && i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", stage->directory, names[i]);
		unlink(path);
	}
	if (stage->directory[0])
		rmdir(stage->directory);
}
