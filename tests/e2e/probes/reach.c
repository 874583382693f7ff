// SPDX-License-Identifier: Apache-2.0
/* Acts on another process, which the first argument names. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "verdict.h"

#define LEAST 19 /* of priority: down there anybody may go, from wherever */
#define ACT(name) static int name(char **args)

static pid_t target(char **args)
{
	if (strcmp(args[0], "parent") == 0)
		return getppid();
	return (pid_t)strtol(args[0], NULL, 10);
}

static void pause_ms(long ms)
{
	struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&time, NULL);
}

ACT(do_signal)
{
	return judge(kill(target(args), SIGTERM));
}

ACT(do_tgkill)
{
	return judge(syscall(SYS_tgkill, target(args), target(args), SIGTERM));
}

ACT(do_queue)
{
	return judge(sigqueue(target(args), SIGTERM, (union sigval){0}));
}

/* Everything that may be signalled: from pid 2 as far as pids go on most hosts. Outside of a jail
 * this and the next would end the whole session of whoever runs the tests. */
ACT(do_signal_all)
{
	int sent = 0;

	(void)args;
	if (!in_jail())
		return broken("not in a jail");
	for (pid_t pid = 2; pid < 100000; pid++)
		if (pid != getpid() && kill(pid, SIGTERM) == 0)
			sent++;
	printf("signalled %d\n", sent);
	return sent ? allowed("somebody") : denied(ESRCH);
}

ACT(do_signal_minus_one)
{
	(void)args;
	if (!in_jail())
		return broken("not in a jail");
	signal(SIGTERM, SIG_IGN);
	return judge(kill(-1, SIGTERM));
}

/* pid 1 of a namespace ignores what it has no handler for, and kill() says 0: what counts is
 * whether anything comes of it. */
ACT(do_attack_parent)
{
	static const int signals[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGHUP, SIGQUIT, SIGPIPE, SIGALRM};

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		kill(target(args), signals[i]);
		pause_ms(20);
	}
	if (kill(target(args), 0) < 0 && errno == ESRCH)
		return allowed("it is gone");
	return denied(EPERM);
}

ACT(do_pidfd_signal)
{
	int fd = (int)syscall(SYS_pidfd_open, target(args), 0);

	if (fd < 0)
		return denied(errno);
	return judge(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
}

ACT(do_pidfd_getfd)
{
	int fd = (int)syscall(SYS_pidfd_open, target(args), 0);

	if (fd < 0 && errno != ESRCH)
		return denied(errno);
	return judge(syscall(SYS_pidfd_getfd, fd, 0, 0));
}

ACT(do_ptrace_attach)
{
	if (ptrace(PTRACE_ATTACH, target(args), NULL, NULL) < 0)
		return denied(errno);
	waitpid(target(args), NULL, 0);
	return judge(ptrace(PTRACE_DETACH, target(args), NULL, NULL));
}

ACT(do_ptrace_seize)
{
	return judge(ptrace(PTRACE_SEIZE, target(args), NULL, NULL));
}

ACT(do_vm_read)
{
	uint64_t word = 0;
	struct iovec local = {&word, sizeof(word)};
	struct iovec remote = {(void *)strtoul(args[1], NULL, 16), sizeof(word)};

	return judge(process_vm_readv(target(args), &local, 1, &remote, 1, 0));
}

ACT(do_vm_write)
{
	/* No byte is written, as the local side is empty; who may is asked all the same. */
	struct iovec remote = {(void *)strtoul(args[1], NULL, 16), 8};
	struct iovec local = {NULL, 0};

	return judge(process_vm_writev(target(args), &local, 1, &remote, 1, 0));
}

/* "parent" is a number in /proc; "self" is a name there. */
static void name_in_proc(char path[128], char **args, const char *name)
{
	if (strcmp(args[0], "parent") == 0)
		snprintf(path, 128, "/proc/%d/%s", (int)getppid(), name);
	else
		snprintf(path, 128, "/proc/%s/%s", args[0], name);
}

static int open_proc(char **args, const char *name, int flags)
{
	char path[128];

	name_in_proc(path, args, name);
	return open(path, flags | O_CLOEXEC);
}

ACT(do_proc_open)
{
	char byte;
	int fd = open_proc(args, args[1], O_RDONLY);

	if (fd < 0)
		return denied(errno);
	return judge(read(fd, &byte, 1) < 0 && errno != EISDIR && errno != EIO ? -1 : 0);
}

ACT(do_proc_link)
{
	char path[128], text[256];

	name_in_proc(path, args, args[1]);
	return judge(readlink(path, text, sizeof(text)));
}

ACT(do_proc_write)
{
	int fd = open_proc(args, args[1], O_WRONLY);

	return judge(fd);
}

ACT(do_nice)
{
	return judge(setpriority(PRIO_PROCESS, (id_t)target(args), LEAST));
}

ACT(do_affinity)
{
	cpu_set_t set;

	if (sched_getaffinity(target(args), sizeof(set), &set) < 0)
		return denied(errno);
	return judge(sched_setaffinity(target(args), sizeof(set), &set));
}

ACT(do_prlimit)
{
	struct rlimit limit;

	return judge(prlimit(target(args), RLIMIT_NOFILE, NULL, &limit));
}

ACT(do_shm)
{
	/* A System V segment that somebody outside made for everybody. */
	return judge(shmget((key_t)strtol(args[0], NULL, 0), 1, 0));
}

static const struct act acts[] = {
	{"signal", do_signal, 1},
	{"tgkill", do_tgkill, 1},
	{"queue", do_queue, 1},
	{"signal_all", do_signal_all, 0},
	{"signal_minus_one", do_signal_minus_one, 0},
	{"attack_parent", do_attack_parent, 1},
	{"pidfd_signal", do_pidfd_signal, 1},
	{"pidfd_getfd", do_pidfd_getfd, 1},
	{"ptrace_attach", do_ptrace_attach, 1},
	{"ptrace_seize", do_ptrace_seize, 1},
	{"vm_read", do_vm_read, 2},
	{"vm_write", do_vm_write, 2},
	{"proc_open", do_proc_open, 2},
	{"proc_link", do_proc_link, 2},
	{"proc_write", do_proc_write, 2},
	{"nice", do_nice, 1},
	{"affinity", do_affinity, 1},
	{"prlimit", do_prlimit, 1},
	{"shm", do_shm, 1},
	{NULL, NULL, 0},
};

int main(int argc, char **argv)
{
	return perform(acts, argc, argv);
}
