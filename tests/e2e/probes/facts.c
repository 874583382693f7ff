// SPDX-License-Identifier: Apache-2.0
/* What a program finds when it starts, as one JSON object. C, as an interpreter changes signal
 * dispositions and the environment before anybody can look. */
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "verdict.h"

static void quoted(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\' || c < 0x20 || c > 0x7e)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void environment(char **envp)
{
	printf("\"env\": [");
	for (int i = 0; envp[i]; i++) {
		printf(i ? ", " : "");
		quoted(envp[i]);
	}
	printf("],\n");
}

static void descriptors(void)
{
	const char *comma = "";

	printf("\"fds\": [");
	for (int fd = 0; fd < 70000; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			continue;
		printf("%s%d", comma, fd);
		comma = ", ";
	}
	printf("],\n");
}

static void signals(void)
{
	struct sigaction action;
	const char *comma = "";
	sigset_t mask;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	printf("\"blocked\": [");
	for (int i = 1; i < 65; i++) {
		if (sigismember(&mask, i) != 1)
			continue;
		printf("%s%d", comma, i);
		comma = ", ";
	}
	comma = "";
	printf("],\n\"handled\": [");
	for (int i = 1; i < 65; i++) {
		if (sigaction(i, NULL, &action) < 0 || action.sa_handler == SIG_DFL)
			continue;
		printf("%s%d", comma, i);
		comma = ", ";
	}
	printf("],\n");
}

static void identity(void)
{
	gid_t groups[1024];
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;
	int n = getgroups(1024, groups);

	getresuid(&ruid, &euid, &suid);
	getresgid(&rgid, &egid, &sgid);
	printf("\"uids\": [%u, %u, %u], \"gids\": [%u, %u, %u],\n\"groups\": [", ruid, euid, suid,
		rgid, egid, sgid);
	for (int i = 0; i < n; i++)
		printf("%s%u", i ? ", " : "", groups[i]);
	printf("],\n");
}

static void bounding(void)
{
	const char *comma = "";

	printf("\"bounding\": [");
	for (int cap = 0; cap < 64; cap++) {
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 1)
			continue;
		printf("%s%d", comma, cap);
		comma = ", ";
	}
	printf("], \"securebits\": %d, \"dumpable\": %d,\n", prctl(PR_GET_SECUREBITS, 0, 0, 0, 0),
		prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
}

/* The lines of /proc/self/status, as the kernel writes them. */
static void status(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[4096];
	const char *comma = "";

	printf("\"status\": {");
	while (file && fgets(line, sizeof(line), file)) {
		char *value = strchr(line, ':');

		if (!value)
			continue;
		*value++ = '\0';
		value += strspn(value, " \t");
		value[strcspn(value, "\n")] = '\0';
		printf("%s", comma);
		quoted(line);
		printf(": ");
		quoted(value);
		comma = ", ";
	}
	if (file)
		fclose(file);
	printf("},\n");
}

static void limits(void)
{
	printf("\"rlimits\": {");
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit limit = {0};

		getrlimit((__rlimit_resource_t)i, &limit);
		printf("%s\"%d\": [%llu, %llu]", i ? ", " : "", i,
			(unsigned long long)limit.rlim_cur, (unsigned long long)limit.rlim_max);
	}
	printf("},\n");
}

static void session(void)
{
	char path[4096] = "";
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), error = tty < 0 ? errno : 0;
	mode_t mask = umask(022);

	if (!getcwd(path, sizeof(path)))
		snprintf(path, sizeof(path), "(%s)", strerror(errno));
	printf("\"pid\": %d, \"ppid\": %d, \"pgid\": %d, \"sid\": %d,\n", getpid(), getppid(),
		getpgrp(), getsid(0));
	printf("\"tty\": \"%s\", \"isatty\": [%d, %d, %d], \"umask\": %d, \"nice\": %d,\n",
		tty < 0 ? strerrorname_np(error) : "opened", isatty(0), isatty(1), isatty(2),
		(int)mask, getpriority(PRIO_PROCESS, 0));
	printf("\"scheduler\": %d, \"timerslack\": %d, \"cwd\": ", sched_getscheduler(0),
		prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
	quoted(path);
}

int main(int argc, char **argv, char **envp)
{
	printf("{");
	environment(envp);
	descriptors();
	signals();
	identity();
	bounding();
	status();
	limits();
	printf("\"argv\": [");
	for (int i = 0; i < argc; i++) {
		printf(i ? ", " : "");
		quoted(argv[i]);
	}
	printf("],\n");
	session();
	printf("}\n");
	return 0;
}
