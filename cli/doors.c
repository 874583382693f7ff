/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/doors.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/options.h"

#define BACKLOG 256
#define FORMS "write unix:PATH, 127.0.0.1:PORT or [::1]:PORT"
#define UNIX "unix:"

union name {
	struct sockaddr any;
	struct sockaddr_un un;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int not_understood(const char *where, ks_error **reterr)
{
	return error_set(reterr, -EINVAL, ABOUT(.step = "usage", .path = where, .remedy = FORMS),
		"--listen: \"%s\" is not understood", where);
}

static int cannot_listen(const char *where, int code, ks_error **reterr)
{
	const char *remedy = NULL;

	if (code == EADDRINUSE)
		remedy = strncmp(where, UNIX, strlen(UNIX)) == 0
				 ? "remove the file, if no other program listens on it"
				 : "choose another port; 0 takes a free one";
	else if (code == EACCES || code == ENOENT)
		remedy = "choose a place that you may write to, or a port from 1024";
	return error_set(reterr, -code, ABOUT(.step = "listen", .path = where, .remedy = remedy),
		"--listen: %s: %s", where, strerror(code));
}

static int parse_unix(const char *where, union name *name, socklen_t *ret_len, ks_error **reterr)
{
	const char *path = where + strlen(UNIX);
	size_t len = strlen(path);

	if (len == 0)
		return not_understood(where, reterr);
	if (len >= sizeof(name->un.sun_path))
		return error_set(reterr, -ENAMETOOLONG,
			ABOUT(.step = "usage", .path = where,
				.remedy = "name it from the current directory"),
			"--listen: a unix socket's path has at most %zu bytes",
			sizeof(name->un.sun_path) - 1);
	name->un.sun_family = AF_UNIX;
	memcpy(name->un.sun_path, path, len + 1);
	*ret_len = sizeof(name->un);
	return 0;
}

/* Splits "host:port"; host loses its brackets. */
static bool split(const char *where, char host[64], uint16_t *ret_port)
{
	const char *colon = strrchr(where, ':');
	uint64_t port;
	size_t len = colon ? (size_t)(colon - where) : 0;

	if (len == 0 || len >= 64 || parse_number(colon + 1, &port) < 0 || port > UINT16_MAX)
		return false;
	if (where[0] == '[' && where[len - 1] == ']') {
		where++;
		len -= 2;
	} else if (memchr(where, ':', len)) {
		return false;
	}
	memcpy(host, where, len);
	host[len] = '\0';
	*ret_port = (uint16_t)port;
	return true;
}

/* Whoever can connect goes out with what the policy lists, so that no door is open to the network.
 */
static int parse_inet(const char *where, union name *name, socklen_t *ret_len, ks_error **reterr)
{
	char host[64];
	uint16_t port;
	bool loopback;

	if (!split(where, host, &port))
		return not_understood(where, reterr);
	if (inet_pton(AF_INET, host, &name->v4.sin_addr) == 1) {
		name->v4.sin_family = AF_INET;
		name->v4.sin_port = htons(port);
		*ret_len = sizeof(name->v4);
		loopback = ntohl(name->v4.sin_addr.s_addr) >> 24 == 127;
	} else if (inet_pton(AF_INET6, host, &name->v6.sin6_addr) == 1) {
		name->v6.sin6_family = AF_INET6;
		name->v6.sin6_port = htons(port);
		*ret_len = sizeof(name->v6);
		loopback = IN6_IS_ADDR_LOOPBACK(&name->v6.sin6_addr);
	} else {
		return not_understood(where, reterr);
	}
	if (loopback)
		return 0;
	return error_set(reterr, -EPERM,
		ABOUT(.step = "usage", .path = where,
			.remedy =
				"write 127.0.0.1:PORT or [::1]:PORT; to lead others here, forward "
				"a port to it that you guard yourself"),
		"--listen: %s is not the loopback: everybody who reaches it would go out by this "
		"policy",
		where);
}

/* A file in the file system is the owner's alone. */
static int open_door(const union name *name, socklen_t len)
{
	int fd = socket(name->any.sa_family, SOCK_STREAM, 0);
	int one = 1, code = 0;
	mode_t mask;

	if (fd < 0)
		return -errno;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (name->any.sa_family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	mask = umask(0177);
	if (bind(fd, &name->any, len) < 0 || listen(fd, BACKLOG) < 0)
		code = errno;
	umask(mask);
	if (code) {
		close(fd);
		return -code;
	}
	return fd;
}

int doors_add(struct doors *doors, const char *where, ks_error **reterr)
{
	bool is_unix = strncmp(where, UNIX, strlen(UNIX)) == 0;
	union name name = {0};
	struct stat st = {0};
	socklen_t len = 0;
	int r = is_unix ? parse_unix(where, &name, &len, reterr)
			: parse_inet(where, &name, &len, reterr);

	if (r < 0)
		return r;
	if (doors->count == KS_EGRESS_MAX_DOORS)
		return error_set(reterr, -E2BIG,
			ABOUT(.step = "usage", .path = where,
				.remedy = "start another kastellan egress for the others"),
			"--listen: there are more than %d", KS_EGRESS_MAX_DOORS);
	r = open_door(&name, len);
	if (r < 0)
		return cannot_listen(where, -r, reterr);
	doors->fds[doors->count] = r;
	doors->paths[doors->count] = is_unix ? where + strlen(UNIX) : NULL;
	if (is_unix && lstat(where + strlen(UNIX), &st) == 0)
		doors->inodes[doors->count] = st.st_ino;
	doors->count++;
	return 0;
}

static void print_inet(int fd)
{
	union name name = {0};
	socklen_t len = sizeof(name);
	char text[INET6_ADDRSTRLEN] = "";

	getsockname(fd, &name.any, &len);
	if (name.any.sa_family == AF_INET)
		printf("listening on %s:%u\n",
			inet_ntop(AF_INET, &name.v4.sin_addr, text, sizeof(text)),
			ntohs(name.v4.sin_port));
	else
		printf("listening on [%s]:%u\n",
			inet_ntop(AF_INET6, &name.v6.sin6_addr, text, sizeof(text)),
			ntohs(name.v6.sin6_port));
}

void doors_print(const struct doors *doors)
{
	for (size_t i = 0; i < doors->count; i++) {
		if (doors->paths[i])
			printf("listening on unix:%s\n", doors->paths[i]);
		else
			print_inet(doors->fds[i]);
	}
	fflush(stdout);
}

void doors_leave(struct doors *doors)
{
	for (size_t i = 0; i < doors->count; i++) {
		if (doors->fds[i] >= 0)
			close(doors->fds[i]);
		doors->fds[i] = -1;
	}
}

void doors_close(struct doors *doors)
{
	doors_leave(doors);
	for (size_t i = 0; i < doors->count; i++) {
		struct stat st;

		if (doors->paths[i] && lstat(doors->paths[i], &st) == 0 && S_ISSOCK(st.st_mode) &&
			st.st_ino == doors->inodes[i])
			unlink(doors->paths[i]);
	}
	doors->count = 0;
}
