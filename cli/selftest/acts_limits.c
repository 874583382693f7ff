/* SPDX-License-Identifier: Apache-2.0 */
/* Taking more than there is, and staying when told to go. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/selftest/selftest.h"

#define MIB ((size_t)1 << 20)
#define STAY_SECONDS 3

/* amount: MiB, by two processes, each of which takes half. */
static int take_memory(const struct stage *stage)
{
	size_t size = (size_t)(stage->amount / 2 + 1) * MIB;
	int status = 0;
	pid_t child = fork();
	char *memory;

	if (child < 0)
		return -errno;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -errno;
	for (size_t at = 0; at < size; at += 4096)
		memory[at] = (char)(at >> 12 | 1);
	if (child == 0)
		_exit(0);
	waitpid(child, &status, 0);
	return status ? -ENOMEM : 0;
}

/* amount: MiB, in a file without a name, which is nobody's memory in particular. */
static int take_memory_file(const struct stage *stage)
{
	static const char block[1 << 16];
	int fd = memfd_create("kastellan-selftest", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : 0;

	for (uint64_t left = stage->amount * MIB / sizeof(block); r == 0 && left; left--)
		if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
			r = errno ? -errno : -ENOSPC;
	if (fd >= 0)
		close(fd);
	return r;
}

/* amount: processes at once. */
static int make_processes(const struct stage *stage)
{
	pid_t *children = calloc(stage->amount, sizeof(*children));
	size_t n = 0;
	int r = 0;

	if (!children)
		return -ENOMEM;
	while (r == 0 && n < stage->amount) {
		children[n] = fork();
		if (children[n] == 0)
			for (;;)
				pause();
		if (children[n] < 0)
			r = -errno;
		else
			n++;
	}
	while (n-- > 0) {
		kill(children[n], SIGKILL);
		waitpid(children[n], NULL, 0);
	}
	free(children);
	return r;
}

static uint64_t spent_ms(void)
{
	struct timespec spent;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
	return (uint64_t)spent.tv_sec * 1000 + (uint64_t)spent.tv_nsec / 1000000;
}

/* amount: milliseconds, by two processes, each of which takes half. */
static int take_time(const struct stage *stage)
{
	uint64_t until = spent_ms() + stage->amount / 2;
	pid_t child = fork();

	if (child < 0)
		return -errno;
	while (spent_ms() < until)
		;
	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
	return 0;
}

/* Its child, in a session of its own and without a parent, keeps standard output open: whoever
 * reads that sees whether it still lives when we have ended. */
static int stay_behind(const struct stage *stage)
{
	pid_t child = fork();

	(void)stage;
	if (child < 0)
		return -errno;
	if (child > 0) {
		waitpid(child, NULL, 0);
		return 0;
	}
	setsid();
	if (fork() == 0) {
		for (int number = 1; number < NSIG; number++)
			signal(number, SIG_IGN);
		sleep(STAY_SECONDS);
	}
	_exit(0);
}

const struct act acts_limits[] = {{"memory", "take more memory than mem_mb, with two processes",
					  "mem_mb", UNLESS_NO_AMOUNT, take_memory},
	{"memory-file", "take more memory than mem_mb, in a file without a name", "mem_mb",
		UNLESS_NO_AMOUNT, take_memory_file},
	{"tasks", "have more processes than tasks_max", "tasks_max", UNLESS_NO_AMOUNT,
		make_processes},
	{"cpu-time", "use more CPU time than cpu_ms, with two processes", "cpu_ms",
		UNLESS_NO_AMOUNT, take_time},
	{"stay-behind", "leave a process behind when the program ends", "profile", UNLESS_NOTHING,
		stay_behind},
	{0}};
