/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "supervise/waiter.h"

static void close_three(int fds[3])
{
	for (int i = 0; i < 3; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

void stdio_close_worker(struct stdio_ends *ends)
{
	close_three(ends->worker);
}

void stdio_close(struct stdio_ends *ends)
{
	close_three(ends->worker);
	close_three(ends->caller);
}

static int open_null(int stream)
{
	return open("/dev/null", (stream == 0 ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
}

static int open_pipe(int stream, struct stdio_ends *ends)
{
	int fds[2];
	int r = pipe_make(fds);

	if (r < 0)
		return r;
	ends->worker[stream] = stream == 0 ? fds[0] : fds[1];
	ends->caller[stream] = stream == 0 ? fds[1] : fds[0];
	return 0;
}

/* A caller without this stream has none to give. Its number may have been taken since then, by one
 * of our own descriptors even: those are closed on exec, which a stream never is. */
static int open_inherited(int stream)
{
	int flags = fcntl(stream, F_GETFD);

	if (flags < 0 && errno != EBADF)
		return -1;
	if (flags < 0 || flags & FD_CLOEXEC)
		return open_null(stream);
	return fcntl(stream, F_DUPFD_CLOEXEC, 3);
}

/* 0, or -errno. */
static int open_stream(const struct ks_run_options *options, int stream, struct stdio_ends *ends)
{
	int *fd = &ends->worker[stream];

	switch (options->stdio[stream]) {
	case KS_STDIO_NULL:
		*fd = open_null(stream);
		break;
	case KS_STDIO_INHERIT:
		*fd = open_inherited(stream);
		break;
	case KS_STDIO_PIPE:
		return open_pipe(stream, ends);
	case KS_STDIO_FD:
		*fd = fcntl(options->stdio_fd[stream], F_DUPFD_CLOEXEC, 3);
		break;
	default:
		return -EINVAL;
	}
	return *fd < 0 ? -errno : 0;
}

static int socket_option(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) < 0 ? -1 : value;
}

/* A socket works in the network that it was made in, and no mount stands before the names that it
 * can be sent to: what has no fixed other end is a way to whatever the host runs. */
static const char *why_not_socket(int fd, bool may_connect)
{
	struct sockaddr_storage name = {0};
	socklen_t len = sizeof(name);
	int type = socket_option(fd, SO_TYPE);

	if (getsockname(fd, (struct sockaddr *)&name, &len) < 0)
		return "a socket that cannot be looked at";
	if (type != SOCK_STREAM && type != SOCK_SEQPACKET)
		return "a datagram or raw socket, which reaches any address";
	if (name.ss_family != AF_UNIX && name.ss_family != AF_INET && name.ss_family != AF_INET6)
		return "a socket of an unusual family";
	/* A TCP socket can be disconnected, and then connected anew. */
	if (name.ss_family != AF_UNIX && may_connect)
		return "a socket of the host's network, and this worker may connect";
	len = sizeof(name);
	if (getpeername(fd, (struct sockaddr *)&name, &len) < 0 && errno == ENOTCONN &&
		socket_option(fd, SO_ACCEPTCONN) != 1)
		return "a socket that is not connected, and so could be";
	return NULL;
}

/* Only what is a stream may be one: a directory is a way into the host's files past the mounts, and
 * the kernel's own objects (process and namespace handles, rings) are rights of other kinds. */
static const char *why_not_stream(int fd, bool may_connect)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return "a descriptor that cannot be looked at";
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
	case S_IFIFO:
	case S_IFCHR:
		return NULL;
	case S_IFSOCK:
		return why_not_socket(fd, may_connect);
	case S_IFDIR:
		return "a directory, from which the host's files are reached";
	case S_IFBLK:
		return "a block device";
	default:
		return "no file, pipe, character device or socket";
	}
}

static int check_streams(const struct stdio_ends *ends, const char *const names[3],
	bool may_connect, ks_error **reterr)
{
	for (int i = 0; i < 3; i++) {
		const char *why = ends->worker[i] < 0
					  ? NULL
					  : why_not_stream(ends->worker[i], may_connect);

		if (why)
			return error_set(reterr, -EINVAL,
				ABOUT(.step = "stdio", .path = names[i],
					.remedy =
						"give it a file, a pipe, a terminal or a connected "
						"stream socket; < /dev/null gives it nothing"),
				"stdio: the worker's %s is %s", names[i], why);
	}
	return 0;
}

int stdio_open(const struct ks_run_options *options, bool may_connect, struct stdio_ends *ret,
	ks_error **reterr)
{
	static const char *const names[] = {"stdin", "stdout", "stderr"};
	struct stdio_ends ends = STDIO_ENDS_NONE;

	for (int stream = 0; !options->terminal && stream < 3; stream++) {
		int r = open_stream(options, stream, &ends);

		if (r < 0) {
			stdio_close(&ends);
			return error_set(reterr, r, ABOUT(.step = "stdio", .path = names[stream]),
				"stdio: the worker's %s cannot be opened: %s", names[stream],
				strerror(-r));
		}
	}
	if (check_streams(&ends, names, may_connect, reterr) < 0) {
		stdio_close(&ends);
		return -EINVAL;
	}
	*ret = ends;
	return 0;
}
