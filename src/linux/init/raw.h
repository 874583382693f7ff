/* SPDX-License-Identifier: Apache-2.0 */
/* System calls as raw_call() makes them, for code that also runs beside another process in the same
 * memory (native_beside.c). */
#ifndef KS_LINUX_INIT_RAW_H
#define KS_LINUX_INIT_RAW_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include "linux/raw_call.h"

static inline int raw_socket(int family, int type, int protocol)
{
	return (int)raw_call(SYS_socket, family, type, protocol, 0, 0, 0);
}

static inline int raw_set_option(int fd, int level, int name, int value)
{
	return (int)raw_call(SYS_setsockopt, fd, level, name, (long)&value, (long)sizeof(value), 0);
}

static inline int raw_bind(int fd, const struct sockaddr *name, socklen_t len)
{
	return (int)raw_call(SYS_bind, fd, (long)name, (long)len, 0, 0, 0);
}

static inline int raw_listen(int fd, int backlog)
{
	return (int)raw_call(SYS_listen, fd, backlog, 0, 0, 0, 0);
}

static inline int raw_name(int fd, struct sockaddr *name, socklen_t *len)
{
	return (int)raw_call(SYS_getsockname, fd, (long)name, (long)len, 0, 0, 0);
}

static inline ssize_t raw_send(
	int fd, const void *bytes, size_t len, const struct sockaddr *name, socklen_t name_len)
{
	return raw_call(SYS_sendto, fd, (long)bytes, (long)len, 0, (long)name, (long)name_len);
}

static inline ssize_t raw_receive(int fd, void *bytes, size_t len, int flags)
{
	return raw_call(SYS_recvfrom, fd, (long)bytes, (long)len, flags, 0, 0);
}

static inline int raw_open(int directory, const char *path, int flags)
{
	return (int)raw_call(SYS_openat, directory, (long)path, flags, 0, 0, 0);
}

static inline ssize_t raw_write(int fd, const void *bytes, size_t len)
{
	return raw_call(SYS_write, fd, (long)bytes, (long)len, 0, 0, 0);
}

static inline int raw_close(int fd)
{
	return (int)raw_call(SYS_close, fd, 0, 0, 0, 0, 0);
}

#endif
