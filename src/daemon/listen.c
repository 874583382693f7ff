/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "daemon/daemon.h"

#define BACKLOG 64
#define FRESH ".new"
#define PATIENCE_MS 5000 /* for another one that begins */
#define FIRST_INHERITED 3 /* SD_LISTEN_FDS_START */

static int refuse(
	ks_error **reterr, int code, const char *path, const char *what, const char *remedy)
{
	return error_set(reterr, code, ABOUT(.step = "socket", .path = path, .remedy = remedy),
		"%s: %s: %s", path, what, strerror(-code));
}

static int address_of(const char *path, struct sockaddr_un *address, ks_error **reterr)
{
	size_t len = strlen(path);

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (!len || len + sizeof(FRESH) > sizeof(address->sun_path))
		return refuse(reterr, -ENAMETOOLONG, path, "the path of a socket",
			"use one of at most 103 bytes");
	memcpy(address->sun_path, path, len);
	return 0;
}

/* Between the look at the place and the new name no other daemon looks: it would take our socket
 * for one that nobody listens at, and we would listen without a name. Where a directory cannot be
 * locked, as on some networks, -1 is as good as it gets. */
static int lock_directory(const char *path, int *ret_lock)
{
	const char *slash = strrchr(path, '/');
	autofree char *name = slash ? strndup(path, (size_t)(slash + 1 - path)) : strdup(".");
	autofd int fd = name ? open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	uint64_t until = clock_now() + PATIENCE_MS;

	if (!name)
		return -ENOMEM;
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return 0;
		if (clock_now() >= until)
			return -EBUSY;
		usleep(10000);
	}
	*ret_lock = take_fd(&fd);
	return 0;
}

/* What lies at the path may be replaced: nothing, or a socket whose process is gone. */
static int check_place(const struct sockaddr_un *address)
{
	autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat info;

	if (fd < 0)
		return -errno;
	if (lstat(address->sun_path, &info) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(info.st_mode))
		return -EEXIST;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return -EADDRINUSE;
	return errno == ECONNREFUSED ? 0 : -errno;
}

/* Bound and listening before it has its name: whoever finds it can connect. */
static int listen_as(int fd, const struct sockaddr_un *address, struct socket_name *ret_name)
{
	struct sockaddr_un fresh = *address;
	struct stat info;
	mode_t before;
	int r;

	memcpy(fresh.sun_path + strlen(fresh.sun_path), FRESH, sizeof(FRESH));
	unlink(fresh.sun_path);
	/* It is there with the mode that it keeps. No other thread runs yet. */
	before = umask(0177);
	r = bind(fd, (const struct sockaddr *)&fresh, sizeof(fresh)) < 0 ? -errno : 0;
	umask(before);
	if (r < 0)
		return r;
	if (listen(fd, BACKLOG) < 0 || lstat(fresh.sun_path, &info) < 0 ||
		rename(fresh.sun_path, address->sun_path) < 0) {
		r = -errno;
		unlink(fresh.sun_path);
		return r;
	}
	*ret_name = (struct socket_name){info.st_dev, info.st_ino};
	return 0;
}

void daemon_forget(const char *path, const struct socket_name *name)
{
	struct stat info;

	if (lstat(path, &info) == 0 && info.st_dev == name->device && info.st_ino == name->inode)
		unlink(path);
}

int daemon_listen(
	const char *path, int *ret_listener, struct socket_name *ret_name, ks_error **reterr)
{
	autofd int lock = -1;
	autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	int r = address_of(path, &address, reterr);

	if (r < 0)
		return r;
	r = fd < 0 ? -errno : lock_directory(path, &lock);
	if (r < 0)
		return refuse(reterr, r, path, "its directory cannot be locked",
			"create it, readable and writable for this user alone");
	r = check_place(&address);
	if (r < 0)
		return refuse(reterr, r, path, "cannot be listened at",
			"end the other one, or choose another path");
	r = listen_as(fd, &address, ret_name);
	if (r < 0)
		return refuse(reterr, r, path, "cannot be listened at",
			"create its directory, writable for this user");
	*ret_listener = take_fd(&fd);
	return 0;
}

static bool is_ours(const char *text)
{
	return text && strtol(text, NULL, 10) == getpid();
}

int daemon_inherit(int *ret_listener, ks_error **reterr)
{
	const char *count = getenv("LISTEN_FDS");
	int listens = 0, type = 0;
	socklen_t size = sizeof(int);
	int fd = FIRST_INHERITED;

	if (!count || !is_ours(getenv("LISTEN_PID")))
		return -ENOENT;
	if (strcmp(count, "1") != 0 ||
		getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0 || !listens ||
		getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_STREAM)
		return error_set(reterr, -EINVAL,
			ABOUT(.step = "socket",
				.remedy = "give the socket unit one ListenStream, with Accept=no"),
			"the descriptor of the service manager is no listening stream socket");
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return error_set(reterr, -errno, ABOUT(.step = "socket"),
			"the descriptor of the service manager cannot be used: %s",
			strerror(errno));
	*ret_listener = fd;
	return 0;
}
