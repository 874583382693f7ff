/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/init/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/init/failure.h"

#define KERNEL_SIGNALS 64
#define KERNEL_SIGSET_BYTES 8

/* By the kernel's own calls: the C library keeps two real-time signals to itself. */
void signals_settle(void)
{
	static bool settled;
	const uint64_t all = ~0ull;
	const uint64_t kernel_sigaction[8] = {0};

	/* By the monitor, in a child of it that runs on in the same program. */
	if (settled)
		return;
	settled = true;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, KERNEL_SIGSET_BYTES);
	for (int signal = 1; signal <= KERNEL_SIGNALS; signal++)
		syscall(SYS_rt_sigaction, signal, kernel_sigaction, NULL, KERNEL_SIGSET_BYTES);
}

void signals_unblock(void)
{
	const uint64_t none = 0;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, KERNEL_SIGSET_BYTES);
}

int signals_open(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

void signals_drain(int fd)
{
	struct signalfd_siginfo info;

	/* Once: a sender that does not stop would keep us here, and what is left wakes us again. */
	(void)!read(fd, &info, sizeof(info));
}

int close_others(const int *keep, size_t n_keep)
{
	unsigned from = 3;

	for (;;) {
		unsigned next = ~0u;

		for (size_t i = 0; i < n_keep; i++)
			if (keep[i] >= 0 && (unsigned)keep[i] >= from && (unsigned)keep[i] < next)
				next = (unsigned)keep[i];
		if (next > from &&
			syscall(SYS_close_range, from, next == ~0u ? next : next - 1, 0) < 0)
			return -errno;
		if (next == ~0u)
			return 0;
		from = next + 1;
	}
}

long read_small_file(int dirfd, const char *path, char *text, size_t room)
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t got = 1;
	int code = 0;

	if (fd < 0)
		return -errno;
	while (got > 0 && len < room - 1) {
		got = read(fd, text + len, room - 1 - len);
		if (got < 0)
			code = errno;
		else
			len += (size_t)got;
	}
	close(fd);
	text[len] = '\0';
	return code ? -code : (long)len;
}

long read_numbers(int dirfd, const char *path, char *text, size_t room)
{
	long len = read_small_file(dirfd, path, text, room);

	/* A number that is cut would be another one. */
	if (len == (long)room - 1)
		while (len > 0 && text[len - 1] >= '0' && text[len - 1] <= '9')
			text[--len] = '\0';
	return len;
}

int write_small_file(int dirfd, const char *path, const char *text)
{
	int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
	int code = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		code = errno;
	close(fd);
	return -code;
}

uint64_t parse_number(const char **text)
{
	uint64_t number = 0;

	while (**text >= '0' && **text <= '9')
		number = number * 10 + (uint64_t)(*(*text)++ - '0');
	if (**text)
		(*text)++;
	return number;
}

uint64_t process_status(pid_t pid, const char *label)
{
	char path[sizeof("/proc//status") + NUMBER_TEXT] = "/proc/";
	char text[512];
	size_t len = strlen(label);
	const char *line;

	number_text((uint64_t)pid, path + sizeof("/proc/") - 1);
	memcpy(path + strlen(path), "/status", sizeof("/status"));
	if (read_small_file(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return 0;
	/* The name of the program comes before it, but has its newlines escaped. */
	for (line = strchr(text, '\n'); line; line = strchr(line + 1, '\n'))
		if (strncmp(line + 1, label, len) == 0 && line[1 + len] == ':')
			break;
	if (!line)
		return 0;
	line += 2 + len;
	while (*line == '\t' || *line == ' ')
		line++;
	return parse_number(&line);
}

/* The pids, as text; or -errno. */
static long read_children(char *text, size_t room)
{
	char path[64 + NUMBER_TEXT] = "/proc/self/task/";
	size_t len = sizeof("/proc/self/task/") - 1;

	number_text((uint64_t)getpid(), path + len);
	while (path[len])
		len++;
	for (const char *tail = "/children"; *tail; tail++)
		path[len++] = *tail;
	path[len] = '\0';
	return read_numbers(AT_FDCWD, path, text, room);
}

int children_seen(void)
{
	char text[64];
	long r = read_children(text, sizeof(text));

	return r < 0 ? (int)r : 0;
}

void children_kill(void)
{
	char text[4096];
	const char *at = text;

	if (read_children(text, sizeof(text)) <= 0)
		return;
	while (*at) {
		uint64_t pid = parse_number(&at);

		if (pid > 1)
			kill((pid_t)pid, SIGKILL);
	}
}
