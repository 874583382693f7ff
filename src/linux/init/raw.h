/* SPDX-License-Identifier: Apache-2.0 */
/* System calls whose result is the kernel's own: what failed is -errno, and errno stays as it is.
 * For code that also runs beside another process in the same memory, where errno is that one's
 * (native_network.c). */
#ifndef KS_LINUX_INIT_RAW_H
#define KS_LINUX_INIT_RAW_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>

#ifdef __x86_64__
static inline long raw_call(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
#else /* aarch64 */
static inline long raw_call(long number, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#endif

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
