/* SPDX-License-Identifier: Apache-2.0 */
/* workload [least] NAME [ARG]...
 *
 * A worker's work, measured from within, so that the start of the jail is no part of it. For each
 * line on stdin it works once and answers "WALL_NS CPU_NS", children included.
 *   getppid N        N system calls that do nothing
 *   read N           N reads of 4 KiB of /dev/zero
 *   stat DIR         walks a tree and looks at every entry
 *   open DIR         the same, opening and reading every file, too
 *   exec PROGRAM...  runs a program to its end
 * least: under the least that can be called a filter and a Landlock domain: one instruction that
 * allows all, and one rule that lets everything be read. What that costs is the kernel's own, and
 * no jail with both can be without it. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const no_environment[] = {"PATH=/usr/bin:/bin", "TMPDIR=/tmp", NULL};

static unsigned long long clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (unsigned long long)now.tv_sec * 1000000000u + (unsigned long long)now.tv_nsec;
}

/* Of this thread to the nanosecond, of its children to the microsecond. The clock of the process
 * would not do: under RLIMIT_CPU the kernel brings it up to date at ticks only. */
static unsigned long long cpu_ns(void)
{
	struct rusage usage;

	getrusage(RUSAGE_CHILDREN, &usage);
	return clock_ns(CLOCK_THREAD_CPUTIME_ID) +
	       ((unsigned long long)usage.ru_utime.tv_sec +
		       (unsigned long long)usage.ru_stime.tv_sec) *
		       1000000000u +
	       ((unsigned long long)usage.ru_utime.tv_usec +
		       (unsigned long long)usage.ru_stime.tv_usec) *
		       1000u;
}

static int do_getppid(char **arguments)
{
	for (long left = strtol(arguments[0], NULL, 10); left > 0; left--)
		syscall(SYS_getppid);
	return 0;
}

static int do_read(char **arguments)
{
	char page[4096];
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -1 : 0;

	for (long left = strtol(arguments[0], NULL, 10); r == 0 && left > 0; left--)
		if (read(fd, page, sizeof(page)) != (ssize_t)sizeof(page))
			r = -1;
	if (fd >= 0)
		close(fd);
	return r;
}

static unsigned long visited;

static int visit_stat(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	(void)path;
	(void)status;
	(void)kind;
	(void)where;
	visited++;
	return 0;
}

static int visit_open(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	char page[4096];
	int fd;
	ssize_t len;

	(void)where;
	visited++;
	if (kind != FTW_F || !S_ISREG(status->st_mode))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	len = read(fd, page, sizeof(page));
	close(fd);
	return len < 0 ? -1 : 0;
}

/* A tree that cannot be seen would be walked in no time. */
static int do_stat(char **arguments)
{
	visited = 0;
	return nftw(arguments[0], visit_stat, 16, FTW_PHYS) || visited < 100 ? -1 : 0;
}

static int do_open(char **arguments)
{
	visited = 0;
	return nftw(arguments[0], visit_open, 16, FTW_PHYS) || visited < 100 ? -1 : 0;
}

static int do_exec(char **arguments)
{
	pid_t pid;
	int status;
	int r = posix_spawn(
		&pid, arguments[0], NULL, NULL, arguments, (char *const *)no_environment);

	if (r)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status == 0 ? 0 : -1;
}

static const struct {
	const char *name;
	int (*work)(char **arguments);
} works[] = {
	{"getppid", do_getppid},
	{"read", do_read},
	{"stat", do_stat},
	{"open", do_open},
	{"exec", do_exec},
};

static int (*find_work(const char *name))(char **)
{
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		if (strcmp(works[i].name, name) == 0)
			return works[i].work;
	return NULL;
}

#define READ_RIGHTS \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

/* All rights to files that the kernel knows are held, and those to read are given for all files. */
static int enter_domain(void)
{
	static const unsigned char rights[] = {0, 13, 14, 15, 15, 16}; /* how many, by version */
	long version = syscall(
		SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_path_beneath_attr rule = {.allowed_access = READ_RIGHTS};
	struct landlock_ruleset_attr attr = {0};
	int ruleset, r = -1;

	if (version < 1)
		return -1;
	attr.handled_access_fs = (1ull << rights[version > 5 ? 5 : version]) - 1;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	rule.parent_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ruleset >= 0 && rule.parent_fd >= 0 &&
		syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0)
		r = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
	close(rule.parent_fd);
	close(ruleset);
	return r;
}

static int confine_least(void)
{
	struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	const struct sock_fprog program = {.len = 1, .filter = allow};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || enter_domain() < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

int main(int argc, char **argv)
{
	bool least = argc > 1 && strcmp(argv[1], "least") == 0;
	int (*work)(char **);
	char line[16];

	argc -= least;
	argv += least;
	work = argc > 2 ? find_work(argv[1]) : NULL;
	if (!work)
		return 2;
	if (least && confine_least() < 0)
		return 1;
	while (fgets(line, sizeof(line), stdin)) {
		unsigned long long cpu = cpu_ns();
		unsigned long long wall = clock_ns(CLOCK_MONOTONIC);

		if (work(argv + 2) < 0)
			return 1;
		wall = clock_ns(CLOCK_MONOTONIC) - wall;
		cpu = cpu_ns() - cpu;
		printf("%llu %llu\n", wall, cpu);
		fflush(stdout);
	}
	return 0;
}
