/* SPDX-License-Identifier: Apache-2.0 */
/* What the proxy and its resolver can no longer do: each act is tried in a child that is confined,
 * and in one that is not, where it succeeds. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/netlink.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "egress/confine_parts.h"
#include "egress/control.h"

/* A build with sanitizers has no filter: what is left there is Landlock. */
#ifdef __SANITIZE_ADDRESS__
#define FIRST_PLACE LANDLOCK_ALONE
#define SECCOMP_STATE "0"
#else
#define FIRST_PLACE PROXY
#define SECCOMP_STATE "2"
#endif

#define SIGNALLED 1000
#define DIES (SIGNALLED + SIGSYS)
#define NOT_CONFINED 250

static char file_path[] = "/tmp/kastellan-confine-XXXXXX";
static int library = -1; /* a file that holds code */
static struct sockaddr_in listener;

enum place { FREE, PROXY, RESOLVER, LANDLOCK_ALONE, PLACES };

static int enter(enum place place)
{
	struct complaint complaint;
	int abi;

	switch (place) {
	case PROXY:
		return confine_proxy(64, &abi, &complaint);
	case RESOLVER:
		return confine_resolver(&complaint);
	case LANDLOCK_ALONE:
		return landlock_proxy(&abi, &complaint);
	default:
		return 0;
	}
}

/* The act returns 0 or an errno. */
static int result_in(enum place place, int (*act)(void))
{
	const struct rlimit one_byte = {1, 1};
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &one_byte);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (enter(place) < 0)
			_exit(NOT_CONFINED);
		_exit(act());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}

static int answer(long result)
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

static int act_read_passwd(void)
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

struct row {
	const char *name;
	int (*act)(void);
	int answers[PLACES]; /* the last one: -1 = as it is free */
	int other; /* of the control, where a kernel or user may lack what is tried */
	int since; /* the ABI of Landlock that the last answer takes, and ... */
	int filter_alone; /* ... the resolver's answer before it */
};

/* clang-format off */
static const struct row rows[] = {
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

static int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1u);

	return abi < 0 ? 0 : (int)abi;
}

/* A kernel without Landlock, or with an old one, leaves the filter alone. */
static int wanted_in(enum place place, const struct row *row, int control)
{
	bool lacking = landlock_abi() < row->since;

	if (lacking && place == RESOLVER)
		return row->filter_alone;
	if (lacking && place == LANDLOCK_ALONE)
		return control;
	return row->answers[place] < 0 ? control : row->answers[place];
}

static void check_row(const struct row *row)
{
	int control = result_in(FREE, row->act);

	if (control != row->answers[FREE] && (!row->other || control != row->other))
		fail_msg("%s: without confinement the answer is %d", row->name, control);
	for (enum place place = FIRST_PLACE; place < PLACES; place++) {
		int wanted = wanted_in(place, row, control);
		int result = result_in(place, row->act);

		if (result != wanted)
			fail_msg("%s in place %d: %d instead of %d", row->name, place, result,
				wanted);
	}
}

static void test_acts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i]);
	unlink("/tmp/kastellan-confine-new");
}

/* Root would find its secrets in /etc; anybody else reads there what everybody may. */
static void test_etc(void **state)
{
	(void)state;
	assert_int_equal(result_in(FREE, act_read_passwd), 0);
	assert_int_equal(
		result_in(RESOLVER, act_read_passwd), geteuid() || !landlock_abi() ? 0 : EACCES);
}

static int value_of(pid_t pid, const char *name, char value[64])
{
	char path[64], line[256];
	FILE *file;
	int found = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (!found && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
			found = sscanf(line + strlen(name) + 1, "%63s", value);
	fclose(file);
	return found;
}

static void assert_status(pid_t pid, const char *name, const char *wanted)
{
	char value[64] = "";

	assert_int_equal(value_of(pid, name, value), 1);
	assert_string_equal(value, wanted);
}

/* A child that has done as main() does, and waits. */
static pid_t start_whole(int *ret_wake)
{
	int told[2], wake[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	assert_int_equal(pipe2(wake, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		struct complaint complaint;
		int known = landlock_abi(), abi, extra;

		/* Slots 3 and 4, and one that is not meant to be there. */
		dup2(wake[0], 100);
		dup2(told[1], 101);
		extra = dup2(100, 50);
		dup2(100, EGRESS_SLOT_OWNER);
		dup2(101, EGRESS_SLOT_JAIL);
		if (confine_start(&complaint) < 0 || fcntl(extra, F_GETFD) >= 0 || errno != EBADF ||
			confine_proxy(64, &abi, &complaint) < 0 || (abi > 0) != (known > 0))
			_exit(1);
		if (write(EGRESS_SLOT_JAIL, "r", 1) != 1)
			_exit(1);
		(void)!read(EGRESS_SLOT_OWNER, &byte, 1);
		/* A pipe that nobody reads: no signal. */
		_exit(write(EGRESS_SLOT_JAIL, "x", 1) < 0 && errno == EPIPE ? 0 : 2);
	}
	close(told[1]);
	close(wake[0]);
	assert_int_equal(read(told[0], &byte, 1), 1);
	close(told[0]);
	*ret_wake = wake[1];
	return pid;
}

static void test_state(void **state)
{
	static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapAmb"};
	char path[64];
	struct stat st;
	struct rlimit limit;
	int status, wake;
	pid_t pid = start_whole(&wake);

	(void)state;
	assert_status(pid, "NoNewPrivs", "1");
	assert_status(pid, "Seccomp", SECCOMP_STATE);
	assert_status(pid, "Name", "kastellan-egres"); /* as long as the kernel keeps it */
	for (size_t i = 0; i < 4; i++)
		assert_status(pid, sets[i], "0000000000000000");
	/* Not dumpable: root's, whoever runs it. */
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(prlimit(pid, RLIMIT_CORE, NULL, &limit), 0);
	assert_true(limit.rlim_max <= 1);
	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, NULL, &limit), 0);
	assert_int_equal(limit.rlim_max, 64);
	assert_int_equal(getsid(pid), pid);
	close(wake);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int try_ids(uint32_t uid, uint32_t gid)
{
	struct complaint complaint = {0};
	gid_t groups[8];

	if (confine_start(&complaint) < 0)
		return 1;
	if (confine_ids(uid, gid, &complaint) < 0)
		return strcmp(complaint.step, "ids") == 0 ? complaint.code : 2;
	if (getuid() != uid || geteuid() != uid || getgid() != gid || getegid() != gid)
		return 3;
	if (getgroups(8, groups) != 0 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 4;
	return setuid(0) == 0 || setgid(0) == 0 ? 5 : 0;
}

static int act_give_up_ids(void)
{
	return try_ids(65534, 65533);
}

static int act_no_id(void)
{
	return try_ids(UINT32_MAX, 65533);
}

static void test_ids(void **state)
{
	(void)state;
	assert_int_equal(result_in(FREE, act_give_up_ids), geteuid() ? EPERM : 0);
	assert_int_equal(result_in(FREE, act_no_id), EINVAL);
}

static int set_up(void **state)
{
	socklen_t len = sizeof(listener);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int file = mkstemp(file_path);

	(void)state;
	close(file);
	library = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	listener = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (file < 0 || library < 0 || bind(fd, (void *)&listener, len) < 0 || listen(fd, 128) < 0)
		return -1;
	return getsockname(fd, (void *)&listener, &len);
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(file_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_acts),
		cmocka_unit_test(test_etc),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests_name("egress_confine", tests, set_up, tear_down);
}
