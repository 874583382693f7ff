/* SPDX-License-Identifier: Apache-2.0 */
/* The worker of the torture: says how it is confined. The same text means the same confinement. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

static void say(const char *what, long result)
{
	printf("%s: %s\n", what, result >= 0 ? "done" : strerrorname_np(errno));
}

static void say_status(void)
{
	static const char *const lines[] = {"NoNewPrivs", "Seccomp", "Cap", "Uid", "Gid", "Groups",
		"SigBlk", "SigIgn", "Umask", "NSpid"};
	FILE *status = fopen("/proc/self/status", "r");
	char line[256];

	while (status && fgets(line, sizeof(line), status))
		for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
			if (strncmp(line, lines[i], strlen(lines[i])) == 0)
				fputs(line, stdout);
}

static void say_directory(const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);

	printf("%s:", path);
	for (int i = 0; i < n; i++)
		printf(" %s", entries[i]->d_name);
	printf("\n");
}

static void say_limits(void)
{
	for (int i = 0; i < RLIMIT_NLIMITS; i++) {
		struct rlimit limit;

		if (getrlimit(i, &limit) == 0)
			printf("limit %d: %llu %llu\n", i, (unsigned long long)limit.rlim_cur,
				(unsigned long long)limit.rlim_max);
	}
}

/* The names of groups differ from run to run. */
static void say_groups(void)
{
	FILE *groups = fopen("/proc/self/cgroup", "r");
	char line[512];

	while (groups && fgets(line, sizeof(line), groups)) {
		char *name = strstr(line, "kastellan-");

		if (name)
			strcpy(name, "kastellan\n");
		printf("group %s", line);
	}
}

static void say_mounts(void)
{
	static const char *const places[] = {
		"/", "/usr", "/tmp", "/dev", "/dev/shm", "/proc", "/proc/sys", "/etc/passwd"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct statvfs fs;

		if (statvfs(places[i], &fs) == 0)
			printf("mount %s: flags %lx, %lu blocks\n", places[i], fs.f_flag,
				places[i][1] == 't' ? (unsigned long)fs.f_blocks : 0);
	}
}

static long say_length(const char *path)
{
	char text[16];
	int fd = open(path, O_RDONLY);

	errno = 0;
	return fd >= 0 && read(fd, text, sizeof(text)) > 0 ? 0 : -1;
}

static void say_interfaces(void)
{
	FILE *devices = fopen("/proc/net/dev", "r");
	char line[512], name[64];

	printf("interfaces:");
	while (devices && fgets(line, sizeof(line), devices))
		if (strchr(line, ':') && sscanf(line, " %63[^:]", name) == 1)
			printf(" %s", name);
	printf("\n");
}

/* Of the host. Whether somebody takes what is said there shows only in an answer. */
static void say_reach(const char *what, const char *port)
{
	const struct sockaddr_in place = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char byte;
	int reached = fd >= 0 && connect(fd, (const struct sockaddr *)&place, sizeof(place)) == 0 &&
		      read(fd, &byte, 1) == 1;

	printf("%s: %s\n", what, reached ? "reached" : "not reached");
}

/* Each is the matter of one layer. */
static void try_acts(const char *read_only, const char *writable)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/file", read_only);
	say("read the read grant", open(path, O_RDONLY));
	say("write the read grant", open(path, O_WRONLY));
	say("change its mode", chmod(path, 0600));
	snprintf(path, sizeof(path), "%s/fifo", read_only);
	say("write a FIFO of the read grant (Landlock)", open(path, O_RDWR | O_NONBLOCK));
	snprintf(path, sizeof(path), "%s/new", writable);
	say("create in the write grant", open(path, O_WRONLY | O_CREAT, 0600));
	unlink(path);
	say("open a file of the host", open("/etc/hostname.torture", O_RDONLY));
	say("write a kernel setting", open("/proc/sys/kernel/core_pattern", O_WRONLY));
	say("write its own score (Landlock)", open("/proc/self/oom_score_adj", O_WRONLY));
	say("a socket (filter)", socket(AF_UNIX, SOCK_STREAM, 0));
	say("an internet socket (filter)", socket(AF_INET, SOCK_STREAM, 0));
	say("a user namespace (filter)", unshare(CLONE_NEWUSER));
	say("signal the first process (Landlock)", kill(1, 0));
	say("look into the first process", open("/proc/1/environ", O_RDONLY));
	say("a set-id file (filter)", chmod("/tmp", 04755));
	say("bad terminal request (filter)", syscall(SYS_ioctl, 0, 0x5412, ""));
	say("memory of a device", open("/dev/mem", O_RDONLY));
	say("kernel's command line", say_length("/proc/cmdline"));
	say("addresses of the kernel", say_length("/proc/kallsyms"));
	say("controlling terminal", open("/dev/tty", O_RDWR));
}

int main(int argc, char **argv)
{
	char cwd[4096];
	extern char **environ;

	if (argc != 3 && argc != 5)
		return 2;
	say_status();
	say_directory("/");
	say_directory("/proc/self/fd");
	say_directory("/etc");
	say_limits();
	say_groups();
	say_mounts();
	say_interfaces();
	if (argc == 5) {
		say_reach("the listed endpoint", argv[3]);
		say_reach("another endpoint", argv[4]);
	}
	try_acts(argv[1], argv[2]);
	printf("pid %d session %d group %d in %s, host %ld\n", getpid() == getsid(0), getsid(0) > 1,
		getpgrp() == getpid(), getcwd(cwd, sizeof(cwd)), (long)gethostname(cwd, 64));
	printf("called %s\n", cwd);
	for (char **variable = environ; *variable; variable++)
		printf("variable %s\n", *variable);
	printf("end of report\n");
	return 7;
}
