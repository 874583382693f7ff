/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "confine_acts.h"

char file_path[] = "/tmp/kastellan-confine-XXXXXX";
int library = -1; /* a file that holds code */
struct sockaddr_in listener;

int answer(long result)
{
	return result < 0 ? errno : 0;
}

/* By the kernel's own call: the C library must not have an opinion. */
static int open_file(const char *path, int flags)
{
	return answer(syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600));
}

static int act_read_file(void)
{
	return open_file(file_path, O_RDONLY);
}

static int act_write_file(void)
{
	return open_file(file_path, O_WRONLY);
}

static int act_read_hosts(void)
{
	return open_file("/etc/hosts", O_RDONLY);
}

int act_read_passwd(void)
{
	return open_file("/etc/passwd", O_RDONLY);
}

static int act_read_library(void)
{
	return open_file("/usr/lib/os-release", O_RDONLY);
}

static int act_read_proc(void)
{
	return open_file("/proc/self/status", O_RDONLY);
}

static int act_create(void)
{
	return open_file("/tmp/kastellan-confine-new", O_RDWR | O_CREAT);
}

static int act_mkdir(void)
{
	int r = answer(syscall(SYS_mkdirat, AT_FDCWD, "/tmp/kastellan-confine-dir", 0700));

	if (r == 0)
		rmdir("/tmp/kastellan-confine-dir");
	return r;
}

static int act_execute(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return errno;
}

static int act_fork(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return answer(pid);
}

static void *nothing(void *unused)
{
	return unused;
}

static int act_thread(void)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, nothing, NULL);

	return r ? r : pthread_join(thread, NULL);
}

static int act_kill(void)
{
	return answer(kill(getppid(), 0));
}

static int act_kill_thread(void)
{
	return answer(syscall(SYS_tgkill, getpid(), getpid(), 0));
}

static int act_pidfd(void)
{
	return answer(syscall(SYS_pidfd_open, getppid(), 0));
}

static int act_trace(void)
{
	return answer(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int act_read_memory(void)
{
	int here = 1, there = 0;
	struct iovec to = {&there, sizeof(there)}, from = {&here, sizeof(here)};

	return answer(process_vm_readv(getpid(), &to, 1, &from, 1, 0));
}

static int map(int protection, int flags, int fd)
{
	return mmap(NULL, 4096, protection, flags, fd, 0) == MAP_FAILED ? errno : 0;
}

static int act_map(void)
{
	return map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static int act_map_code(void)
{
	return map(PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static int act_map_library(void)
{
	return map(PROT_READ | PROT_EXEC, MAP_PRIVATE, library);
}

static int act_map_library_to_write(void)
{
	return map(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE, library);
}

static int act_make_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return answer(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static int act_memory_file(void)
{
	return answer(memfd_create("code", MFD_CLOEXEC));
}

static int socket_of(int family, int type, int protocol)
{
	return answer(socket(family, type | SOCK_CLOEXEC, protocol));
}

static int act_inet(void)
{
	return socket_of(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
}

static int act_inet6(void)
{
	return socket_of(AF_INET6, SOCK_STREAM, IPPROTO_TCP);
}

static int act_udp(void)
{
	return socket_of(AF_INET, SOCK_DGRAM, 0);
}

static int act_raw(void)
{
	return socket_of(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static int act_unix(void)
{
	return socket_of(AF_UNIX, SOCK_STREAM, 0);
}

static int act_packet(void)
{
	return socket_of(AF_PACKET, SOCK_DGRAM, 0);
}

static int act_vsock(void)
{
	return socket_of(AF_VSOCK, SOCK_STREAM, 0);
}

static int act_routes(void)
{
	return socket_of(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
}

static int act_generic(void)
{
	return socket_of(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
}

static int act_socketpair(void)
{
	int pair[2];

	return answer(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

static int act_connect(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return answer(connect(fd, (void *)&listener, sizeof(listener)));
}

static int act_ask_name_server(void)
{
	struct sockaddr_in server = listener;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	server.sin_port = htons(53);
	return answer(connect(fd, (void *)&server, sizeof(server)));
}

static int act_bind(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return answer(bind(fd, (void *)&any, sizeof(any)));
}

static int act_no_delay(void)
{
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return answer(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
}

static int act_other_option(void)
{
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return answer(setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &one, sizeof(one)));
}

static int act_own_descriptor(void)
{
	return answer(fcntl(library, F_SETOWN, getpid()));
}

static int act_pipe(void)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return errno;
	return answer(fcntl(ends[1], F_SETPIPE_SZ, 1 << 16));
}

static int act_async(void)
{
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return answer(ioctl(fd, FIOASYNC, &one));
}

static int act_namespace(void)
{
	return answer(unshare(CLONE_NEWUSER));
}

static int act_ids(void)
{
	return answer(syscall(SYS_setuid, getuid()));
}

static int act_more_descriptors(void)
{
	return answer(fcntl(library, F_DUPFD, 300));
}

static int act_dumpable(void)
{
	return answer(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

/* clang-format off */
const struct row rows[] = {
	/* Files. */
	{"read a file", act_read_file, {0, EPERM, EACCES, EACCES}, 0, 1, 0},
	{"write a file", act_write_file, {0, EPERM, EACCES, EACCES}, 0, 1, EACCES},
	{"create a file", act_create, {0, EPERM, EACCES, EACCES}, 0, 1, EACCES},
	{"make a directory", act_mkdir, {0, DIES, ENOSYS, EACCES}, 0, 1, ENOSYS},
	{"read /proc", act_read_proc, {0, EPERM, EACCES, EACCES}, 0, 1, 0},
	{"read /etc/hosts", act_read_hosts, {0, EPERM, 0, EACCES}, 0, 1, 0},
	{"read a library", act_read_library, {0, EPERM, 0, EACCES}, 0, 1, 0},
	/* Processes. */
	{"execute", act_execute, {0, DIES, DIES, EACCES}, 0, 1, DIES},
	{"fork", act_fork, {0, DIES, EPERM, -1}, 0, 0, 0},
	{"start a thread", act_thread, {0, DIES, 0, -1}, 0, 0, 0},
	{"signal", act_kill, {0, DIES, DIES, -1}, 0, 0, 0},
	{"signal a thread", act_kill_thread, {0, DIES, DIES, -1}, 0, 0, 0},
	{"open a process", act_pidfd, {0, DIES, ENOSYS, -1}, 0, 0, 0},
	{"trace", act_trace, {0, DIES, DIES, -1}, 0, 0, 0},
	{"read memory", act_read_memory, {0, DIES, DIES, -1}, 0, 0, 0},
	{"new namespace", act_namespace, {0, DIES, ENOSYS, -1}, 0, 0, 0},
	{"set ids", act_ids, {0, DIES, ENOSYS, -1}, 0, 0, 0},
	{"be dumpable", act_dumpable, {0, EPERM, EPERM, -1}, 0, 0, 0},
	/* Memory. */
	{"map memory", act_map, {0, 0, 0, -1}, 0, 0, 0},
	{"map code", act_map_code, {0, EPERM, EPERM, -1}, 0, 0, 0},
	{"map a library", act_map_library, {0, EPERM, 0, -1}, 0, 0, 0},
	{"map a library to write", act_map_library_to_write, {0, EPERM, EPERM, -1}, 0, 0, 0},
	{"make memory code", act_make_code, {0, EPERM, EPERM, -1}, 0, 0, 0},
	{"make a memory file", act_memory_file, {0, DIES, ENOSYS, -1}, 0, 0, 0},
	/* Sockets. */
	{"TCP", act_inet, {0, 0, 0, -1}, 0, 0, 0},
	{"TCP over IPv6", act_inet6, {0, 0, 0, -1}, 0, 0, 0},
	{"UDP", act_udp, {0, EAFNOSUPPORT, 0, -1}, 0, 0, 0},
	{"raw IP", act_raw, {0, EAFNOSUPPORT, EPROTONOSUPPORT, -1}, EPERM, 0, 0},
	{"unix", act_unix, {0, EAFNOSUPPORT, EAFNOSUPPORT, -1}, 0, 0, 0},
	{"packets", act_packet, {0, EAFNOSUPPORT, EAFNOSUPPORT, -1}, EPERM, 0, 0},
	{"vsock", act_vsock, {0, EAFNOSUPPORT, EAFNOSUPPORT, -1}, EAFNOSUPPORT, 0, 0},
	{"ask for routes", act_routes, {0, EAFNOSUPPORT, 0, -1}, 0, 0, 0},
	{"other netlink", act_generic, {0, EAFNOSUPPORT, EAFNOSUPPORT, -1}, 0, 0, 0},
	{"socket pair", act_socketpair, {0, DIES, ENOSYS, -1}, 0, 0, 0},
	{"connect", act_connect, {0, 0, EACCES, 0}, 0, 4, 0},
	{"connect to a name server", act_ask_name_server,
		{ECONNREFUSED, ECONNREFUSED, ECONNREFUSED, -1}, 0, 0, 0},
	{"bind", act_bind, {0, DIES, EACCES, EACCES}, 0, 4, 0},
	{"TCP_NODELAY", act_no_delay, {0, 0, 0, -1}, 0, 0, 0},
	{"another option", act_other_option, {0, ENOPROTOOPT, 0, -1}, 0, 0, 0},
	/* Descriptors. */
	{"own a descriptor", act_own_descriptor, {0, EINVAL, EINVAL, -1}, 0, 0, 0},
	{"ask for signals", act_async, {0, ENOTTY, ENOTTY, -1}, 0, 0, 0},
	{"pipe", act_pipe, {0, 0, ENOSYS, -1}, 0, 0, 0},
	{"more descriptors", act_more_descriptors, {0, EINVAL, EINVAL, -1}, 0, 0, 0},
};
/* clang-format on */

const size_t n_rows = sizeof(rows) / sizeof(rows[0]);
