// SPDX-License-Identifier: Apache-2.0
/* Takes much of something: memory in several ways, processes, threads, descriptors, CPU time.
 * "allowed" says that the whole amount was there at once. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "verdict.h"

#define ACT(name) static int name(char **args)
#define MIB (1024UL * 1024)

static unsigned long number(const char *text)
{
	return strtoul(text, NULL, 10);
}

/* Touches every page, each with another content, so that nothing can be shared or compressed away
 * as zeroes. */
static void touch(char *memory, size_t size)
{
	for (size_t at = 0; at < size; at += 4096)
		memory[at] = (char)(at >> 12 | 1);
}

static int map_and_touch(size_t size, int flags, int fd)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (memory == MAP_FAILED)
		return denied(errno);
	touch(memory, size);
	return allowed("all of it");
}

ACT(do_memory)
{
	return map_and_touch(number(args[0]) * MIB, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

ACT(do_shared)
{
	return map_and_touch(number(args[0]) * MIB, MAP_SHARED | MAP_ANONYMOUS, -1);
}

ACT(do_memfd)
{
	int fd = memfd_create("hog", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)(number(args[0]) * MIB)) < 0)
		return denied(errno);
	return map_and_touch(number(args[0]) * MIB, MAP_SHARED, fd);
}

/* MiB, path: written, not mapped. */
ACT(do_file)
{
	static char block[MIB];
	int fd = open(args[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return denied(errno);
	memset(block, 1, sizeof(block));
	for (unsigned long i = 0; i < number(args[0]); i++)
		if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
			return denied(errno);
	return allowed("all of it");
}

/* MiB in all, number of children: each holds its share until all have it. */
ACT(do_children)
{
	unsigned long count = number(args[1]);
	size_t share = number(args[0]) * MIB / count;
	int gate[2], done[2];
	unsigned long lost = 0;
	char byte;

	if (pipe(gate) < 0 || pipe(done) < 0)
		return broken("pipe");
	for (unsigned long i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return denied(errno);
		if (pid == 0) {
			char *memory = mmap(NULL, share, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			if (memory == MAP_FAILED)
				_exit(1);
			touch(memory, share);
			close(gate[1]);
			close(done[0]);
			close(done[1]);
			_exit(read(gate[0], &byte, 1) == 0 ? 0 : 1);
		}
	}
	close(done[1]);
	if (read(done[0], &byte, 1) != 0)
		return broken("read");
	close(gate[1]);
	for (unsigned long i = 0; i < count; i++) {
		int status;

		if (wait(&status) < 0 || status != 0)
			lost++;
	}
	return lost ? denied(ENOMEM) : allowed("all of it");
}

/* How many processes can live at once, up to a number. */
ACT(do_processes)
{
	unsigned long made = 0, wanted = number(args[0]);
	int error = 0;
	pid_t pid;

	setpgid(0, 0);
	while (made < wanted) {
		pid = fork();
		if (pid < 0) {
			error = errno;
			break;
		}
		if (pid == 0) {
			pause();
			_exit(0);
		}
		made++;
	}
	printf("made %lu\n", made);
	fflush(stdout);
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	return error ? denied(error) : allowed("all of them");
}

static void *sleeper(void *unused)
{
	pause();
	return unused;
}

ACT(do_threads)
{
	unsigned long made = 0, wanted = number(args[0]);
	pthread_attr_t attr;
	pthread_t thread;
	int error = 0;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	while (made < wanted && (error = pthread_create(&thread, &attr, sleeper, NULL)) == 0)
		made++;
	printf("made %lu\n", made);
	return error ? denied(error) : allowed("all of them");
}

/* Every process makes more, for ever: nobody counts, nobody waits. Outside of a jail that would
 * take the machine with it. */
ACT(do_bomb)
{
	struct timespec second = {.tv_nsec = 300000000};
	pid_t first = getpid();
	unsigned long rounds = number(args[0]);

	if (!in_jail())
		return broken("not in a jail");
	for (unsigned long i = 0; i < rounds; i++)
		if (fork() < 0 && getpid() == first)
			break;
	if (getpid() != first)
		for (;;)
			fork();
	nanosleep(&second, NULL);
	return denied(EAGAIN);
}

static void burn(double seconds)
{
	struct timespec now;
	volatile unsigned long work = 0;

	do {
		for (int i = 0; i < 100000; i++)
			work += (unsigned long)i;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	} while ((double)now.tv_sec + (double)now.tv_nsec / 1e9 < seconds);
}

/* Milliseconds of CPU time in one process. */
ACT(do_burn)
{
	burn((double)number(args[0]) / 1000);
	return allowed("all of it");
}

/* Milliseconds in all, in many children of a few milliseconds each. */
ACT(do_burn_children)
{
	unsigned long slice = 30, rounds = number(args[0]) / slice;

	for (unsigned long i = 0; i < rounds; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return denied(errno);
		if (pid == 0) {
			burn((double)slice / 1000);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	return allowed("all of it");
}

/* Milliseconds, processes: all at once; says how long it took by the clock on the wall. */
ACT(do_burn_parallel)
{
	unsigned long count = number(args[1]);
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (unsigned long i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return denied(errno);
		if (pid == 0) {
			burn((double)number(args[0]) / 1000);
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("took %ld\n",
		(to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000);
	return allowed("all of it");
}

ACT(do_descriptors)
{
	unsigned long made = 0, wanted = number(args[0]);

	while (made < wanted && dup(0) >= 0)
		made++;
	printf("made %lu\n", made);
	return made == wanted ? allowed("all of them") : denied(errno);
}

/* MiB to standard output. */
ACT(do_flood)
{
	static char block[65536];

	memset(block, 'x', sizeof(block));
	for (unsigned long left = number(args[0]) * MIB; left > 0;) {
		ssize_t written = write(1, block, left < sizeof(block) ? left : sizeof(block));

		if (written < 0)
			return 1;
		left -= (unsigned long)written;
	}
	return 0;
}

static const struct act acts[] = {
	{"memory", do_memory, 1},
	{"shared", do_shared, 1},
	{"memfd", do_memfd, 1},
	{"file", do_file, 2},
	{"children", do_children, 2},
	{"processes", do_processes, 1},
	{"threads", do_threads, 1},
	{"bomb", do_bomb, 1},
	{"burn", do_burn, 1},
	{"burn_children", do_burn_children, 1},
	{"burn_parallel", do_burn_parallel, 2},
	{"descriptors", do_descriptors, 1},
	{"flood", do_flood, 1},
	{NULL, NULL, 0},
};

int main(int argc, char **argv)
{
	return perform(acts, argc, argv);
}
