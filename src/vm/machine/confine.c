/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/machine/confine.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vm/channel/frame.h"

#define STEP "confine"

#ifdef __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

static const int allowed[] = {
	SYS_read,
	SYS_write,
	SYS_recvfrom,
	SYS_recvmsg,
	SYS_sendto,
	SYS_sendmsg,
#ifdef SYS_poll
	SYS_poll,
#endif
	SYS_ppoll,
	SYS_close,
	SYS_wait4,
	SYS_pidfd_send_signal,
	SYS_clock_gettime,
	SYS_getrandom,
	SYS_restart_syscall,
	SYS_exit,
	SYS_exit_group,
};

/* Of a machine with a network, each only with two arguments that are these. */
static const struct {
	int call;
	struct {
		unsigned argument;
		uint32_t mask; /* of it; 0: whatever it is */
		uint32_t value;
	} wanted[2];
} of_network[] = {
	{SYS_socket, {{0, ~0u, AF_INET}, {1, 0xf, SOCK_STREAM}}},
	{SYS_socket, {{0, ~0u, AF_INET}, {1, 0xf, SOCK_DGRAM}}},
	{SYS_socket, {{0, ~0u, AF_INET6}, {1, 0xf, SOCK_STREAM}}},
	{SYS_socket, {{0, ~0u, AF_INET6}, {1, 0xf, SOCK_DGRAM}}},
	{SYS_connect, {{0, 0, 0}, {0, 0, 0}}},
	{SYS_shutdown, {{0, 0, 0}, {0, 0, 0}}},
	{SYS_getsockopt, {{1, ~0u, SOL_SOCKET}, {2, ~0u, SO_ERROR}}},
	{SYS_setsockopt, {{1, ~0u, SOL_SOCKET}, {2, ~0u, SO_LINGER}}},
	{SYS_setsockopt, {{1, ~0u, IPPROTO_TCP}, {2, ~0u, TCP_NODELAY}}},
};

#define N_ALLOWED (sizeof(allowed) / sizeof(allowed[0]))
#define N_OF_NETWORK (sizeof(of_network) / sizeof(of_network[0]))
#define ROW_MOST 9 /* instructions of a row of it */
#define ROOM (10 + 2 * N_ALLOWED + ROW_MOST * N_OF_NETWORK)
#define POLLED 16

struct code {
	struct sock_filter text[ROOM];
	unsigned short len;
};

static void put(struct code *code, struct sock_filter instruction)
{
	code->text[code->len++] = instruction;
}

static void load(struct code *code, size_t offset)
{
	put(code, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

/* Passes over so many where the value is another one. */
static void unless(struct code *code, uint32_t value, unsigned over)
{
	put(code, (struct sock_filter)BPF_JUMP(
			  BPF_JMP | BPF_JEQ | BPF_K, value, 0, (unsigned char)over));
}

static void answer(struct code *code, uint32_t what)
{
	put(code, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what));
}

/* The x32 calls have numbers of their own, which no list has. */
static void put_head(struct code *code)
{
	load(code, offsetof(struct seccomp_data, arch));
	put(code, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
	answer(code, SECCOMP_RET_KILL_PROCESS);
	load(code, offsetof(struct seccomp_data, nr));
}

static void put_row(struct code *code, size_t row)
{
	unsigned left = 1;

	for (int i = 0; i < 2; i++)
		left += of_network[row].wanted[i].mask ? 3 : 0;
	load(code, offsetof(struct seccomp_data, nr));
	unless(code, (uint32_t)of_network[row].call, left);
	for (int i = 0; i < 2; i++) {
		if (!of_network[row].wanted[i].mask)
			continue;
		left -= 3;
		/* The kernel takes an int of each: the lower half, which lies first. */
		load(code, offsetof(struct seccomp_data, args) +
				   of_network[row].wanted[i].argument * sizeof(uint64_t));
		put(code, (struct sock_filter)BPF_STMT(
				  BPF_ALU | BPF_AND | BPF_K, of_network[row].wanted[i].mask));
		unless(code, of_network[row].wanted[i].value, left);
	}
	answer(code, SECCOMP_RET_ALLOW);
}

static int install(const struct code *code)
{
	const struct sock_fprog program = {code->len, (struct sock_filter *)code->text};

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static int confine_calls(bool accepts, bool network)
{
	struct code code = {.len = 0};

	put_head(&code);
	for (size_t i = 0; i < N_ALLOWED; i++) {
		unless(&code, (uint32_t)allowed[i], 1);
		answer(&code, SECCOMP_RET_ALLOW);
	}
	unless(&code, SYS_accept4, 1);
	answer(&code, accepts ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS);
	for (size_t i = 0; network && i < N_OF_NETWORK; i++)
		put_row(&code, i);
	answer(&code, SECCOMP_RET_KILL_PROCESS);
	return install(&code);
}

int confine_sockets(bool local)
{
	struct code code = {.len = 0};

	put_head(&code);
	unless(&code, SYS_socket, local ? 3 : 1);
	if (local) {
		load(&code, offsetof(struct seccomp_data, args));
		put(&code, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 1, 0));
	}
	answer(&code, SECCOMP_RET_ERRNO | EAFNOSUPPORT);
	answer(&code, SECCOMP_RET_ALLOW);
	return install(&code) < 0 ? errno : 0;
}

/* poll() asks for no more either. */
static rlim_t descriptors(uint32_t connections)
{
	return connections ? POLLED + QUESTIONS + connections + CONNECTION_SLACK : POLLED;
}

int confine(bool accepts, uint32_t connections, struct failure *failure)
{
	const rlim_t count = descriptors(connections);
	const struct rlimit files = {count, count};
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_NOFILE, &files) < 0) {
		failure_set(failure, errno, STEP,
			"the caller's limit of open files (ulimit -n) has to be at least ");
		failure_add_number(failure, count);
		return -failure->code;
	}
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_NPROC, &none) < 0)
		return failure_set(failure, errno, STEP, "limits");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		confine_calls(accepts, connections > 0) < 0)
		return failure_set(failure, errno, STEP, "the filter was not loaded");
	return 0;
}
