/* SPDX-License-Identifier: Apache-2.0 */
/* Fails one system call of one process on the way to a worker, and leaves everything else alone.
 *
 *   inject COUNT PROGRAM ARG...                   the calls that each role makes, by their numbers
 *   inject ROLE CALL TIME ERRNO PROGRAM ARG...    ROLE's TIMEth call of this number fails
 *
 * The roles are those of a start: S the command itself, P what it starts to find out about the
 * host, M the monitor, H the helper before its exec, B the helper and its children, I init, W the
 * worker before its exec, E the egress proxy, N its resolver. Without a helper, H makes the jail
 * and then calls itself init: that is I from its first child on. A worker that has been executed is
 * let go of. One process at a time is counted in each role but P and B, so a number means the same
 * call in every run as long as the host stays as it is; X makes a network for H beside it. A
 * machine has a second jail, m, h, i and w, and instead of a worker V, its keeper (whose emulator
 * is let go of), and F, its server of files. Nothing is printed on standard output; COUNT writes to
 * descriptor 3, and what fails is written to the file INJECT_LOG. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#if !defined(__x86_64__)
#error "registers are those of x86_64"
#endif

#define NUMBER_OF_CALL offsetof(struct user, regs.orig_rax)
#define RESULT_OF_CALL offsetof(struct user, regs.rax)
#define MAX_TASKS 4096
#define ROLES "SPMHXBIWENmhxiwVF"
#define OPTIONS                                                                                   \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
		PTRACE_O_TRACEEXEC)

struct task {
	pid_t pid;
	char role; /* 0: has stopped before its parent told of it */
	bool failing;
	bool let_go;
};

static struct task tasks[MAX_TASKS];
static FILE *names;
static char wanted_role;
static unsigned long long wanted_call;
static unsigned long wanted_time; /* counted down */
static int wanted_errno;
static bool made; /* the failure */
static pid_t first;
static unsigned monitors;

static struct task *task_of(pid_t pid)
{
	struct task *free_one = NULL;

	for (size_t i = 0; i < MAX_TASKS; i++) {
		if (tasks[i].pid == pid)
			return &tasks[i];
		if (!free_one && tasks[i].pid == 0)
			free_one = &tasks[i];
	}
	if (!free_one)
		exit(99);
	*free_one = (struct task){.pid = pid};
	return free_one;
}

static char role_of_child(char parent)
{
	switch (parent) {
	case 'M':
		return 'H';
	case 'm':
		return 'h';
	case 'H':
		return 'X';
	case 'h':
		return 'x';
	case 'I':
		return 'W';
	case 'i':
		return 'w';
	case 'S':
		return 'P';
	case 'E':
		return 'N';
	default:
		return parent;
	}
}

/* Its arguments, with spaces between. */
static void read_arguments(pid_t pid, char line[static 256])
{
	char path[64];
	ssize_t len;
	int fd;

	memset(line, 0, 256);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY);
	len = fd < 0 ? -1 : read(fd, line, 255);
	if (fd >= 0)
		close(fd);
	for (ssize_t i = 0; i < len - 1; i++)
		if (line[i] == '\0')
			line[i] = ' ';
}

/* A jail without a helper: its maker has become init when it says so. */
static void name_init(struct task *task)
{
	char line[256];

	if (task->role != 'H' && task->role != 'h')
		return;
	read_arguments(task->pid, line);
	if (strstr(line, "kastellan-init init"))
		task->role = task->role == 'H' ? 'I' : 'i';
}

/* The programs of a machine are ours, what they start is not; 0: to be let go of. */
static char role_of_program(const struct task *task)
{
	char line[256];

	read_arguments(task->pid, line);
	line[strcspn(line, " ")] = '\0';
	if (task->role == 'W' && strstr(line, "kastellan-vm"))
		return 'V';
	return task->role == 'w' && strstr(line, "kastellan-files") ? 'F' : 0;
}

static char role_after_exec(const struct task *task)
{
	const char *program;
	char line[256];

	read_arguments(task->pid, line);
	/* Wherever it was started: the program itself is not ours to fail. */
	program = strstr(line, "/report ");
	if (program && !memchr(line, ' ', (size_t)(program - line)))
		return 0;
	if (task->role == 'P' && strstr(line, "kastellan-init monitor"))
		return monitors++ ? 'm' : 'M';
	if (task->role == 'P' && strstr(line, "kastellan-egress"))
		return 'E';
	if (task->role == 'H')
		return 'B';
	if (task->role == 'B' && strstr(line, " init"))
		return 'I';
	return task->role;
}

/* What is made to fail, for whoever reads the result: the first argument that is a path. */
static void tell(const struct task *task, const struct __ptrace_syscall_info *call)
{
	const char *log = getenv("INJECT_LOG");
	FILE *file = log ? fopen(log, "w") : NULL;
	char path[64], text[256] = "";
	int memory;

	if (!file)
		return;
	snprintf(path, sizeof(path), "/proc/%d/mem", task->pid);
	memory = open(path, O_RDONLY);
	for (size_t i = 0; i < 2 && text[0] != '/'; i++)
		if (pread(memory, text, sizeof(text) - 1, (off_t)call->entry.args[i]) <= 0)
			text[0] = '\0';
	fprintf(file, "call %llu %s", (unsigned long long)call->entry.nr,
		text[0] == '/' ? text : "");
	fclose(file);
	if (memory >= 0)
		close(memory);
}

static void on_entry(struct task *task, const struct __ptrace_syscall_info *call)
{
	if (names)
		fprintf(names, "%c %llu\n", task->role, (unsigned long long)call->entry.nr);
	if (task->role != wanted_role || call->entry.nr != wanted_call || --wanted_time != 0)
		return;
	tell(task, call);
	task->failing = ptrace(PTRACE_POKEUSER, task->pid, NUMBER_OF_CALL, -1L) == 0;
}

static void on_exit_of_call(struct task *task)
{
	if (!task->failing)
		return;
	ptrace(PTRACE_POKEUSER, task->pid, RESULT_OF_CALL, (long)-wanted_errno);
	task->failing = false;
	made = true;
}

static void on_call(struct task *task)
{
	struct __ptrace_syscall_info call;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, task->pid, sizeof(call), &call) <= 0)
		return;
	if (call.op == PTRACE_SYSCALL_INFO_ENTRY)
		on_entry(task, &call);
	else if (call.op == PTRACE_SYSCALL_INFO_EXIT)
		on_exit_of_call(task);
}

/* Each stop costs more than most calls do: nobody stops at calls that are not counted. */
static bool is_counted(const struct task *task)
{
	return names || task->role == wanted_role;
}

/* What comes of a failure is to come as it does without a tracer, in whose presence a first process
 * does not die of its own faults. */
static bool is_let_go_of(const struct task *task)
{
	return task->let_go || made;
}

static void on_event(struct task *task, int event)
{
	unsigned long child = 0;

	if (event == PTRACE_EVENT_EXEC) {
		task->role = strchr("WwVF", task->role) ? role_of_program(task)
							: role_after_exec(task);
		task->let_go = !task->role;
		return;
	}
	if (event != PTRACE_EVENT_FORK && event != PTRACE_EVENT_VFORK &&
		event != PTRACE_EVENT_CLONE)
		return;
	if (ptrace(PTRACE_GETEVENTMSG, task->pid, 0, &child) < 0)
		return;
	name_init(task);
	task_of((pid_t)child)->role = role_of_child(task->role);
}

/* The number behind a label of /proc/PID/status, or 0. */
static pid_t number_of(const char *text, const char *label)
{
	const char *line = strstr(text, label);

	return line ? atoi(line + strlen(label)) : 0;
}

/* A child can stop before its parent's stop tells of it, and so can a thread. */
static void find_role(struct task *task)
{
	char path[64], text[4096] = "";
	struct task *maker;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", task->pid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text) - 1) > 0 && number_of(text, "\nPPid:")) {
		const pid_t group = number_of(text, "\nTgid:");

		maker = task_of(group != task->pid ? group : number_of(text, "\nPPid:"));
		name_init(maker);
		task->role = role_of_child(maker->role);
	}
	close(fd);
}

static void on_stop(struct task *task, int status)
{
	int signal = WSTOPSIG(status);
	int event = status >> 16;

	if (!task->role)
		find_role(task);
	if (signal == (SIGTRAP | 0x80)) {
		on_call(task);
		signal = 0;
	} else if (event == PTRACE_EVENT_STOP) {
		if (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN ||
			signal == SIGTTOU) {
			ptrace(PTRACE_LISTEN, task->pid, 0, 0);
			return;
		}
		signal = 0;
	} else if (event) {
		on_event(task, event);
		signal = 0;
	}
	if (is_let_go_of(task)) {
		ptrace(PTRACE_DETACH, task->pid, 0, (void *)(intptr_t)signal);
		task->pid = 0;
		return;
	}
	ptrace(is_counted(task) ? PTRACE_SYSCALL : PTRACE_CONT, task->pid, 0,
		(void *)(intptr_t)signal);
}

static int follow(void)
{
	int status, result = 98;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		struct task *task;

		if (pid < 0)
			continue;
		task = task_of(pid);
		if (WIFSTOPPED(status)) {
			on_stop(task, status);
			continue;
		}
		task->pid = 0;
		if (pid == first)
			result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	return result;
}

int main(int argc, char **argv)
{
	int skip = 2;

	if (argc > 2 && strcmp(argv[1], "COUNT") == 0) {
		names = fdopen(3, "w");
	} else if (argc > 5 && strchr(ROLES, argv[1][0])) {
		wanted_role = argv[1][0];
		wanted_call = strtoull(argv[2], NULL, 10);
		wanted_time = strtoul(argv[3], NULL, 10);
		wanted_errno = atoi(argv[4]);
		skip = 5;
	} else {
		return 97;
	}
	first = fork();
	if (first == 0) {
		close(3);
		raise(SIGSTOP);
		execv(argv[skip], argv + skip);
		_exit(96);
	}
	task_of(first)->role = 'S';
	waitpid(first, NULL, WUNTRACED);
	if (ptrace(PTRACE_SEIZE, first, 0, OPTIONS) < 0)
		return 95;
	kill(first, SIGCONT);
	return follow();
}
