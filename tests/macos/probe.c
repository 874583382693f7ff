/* SPDX-License-Identifier: Apache-2.0 */
/* A worker that tries one thing and says how that went: "done" and status 0, or the errno's text
 * and status 1. usage: probe ACT [ARGUMENT]... */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "platform.h"

static bool act_run(char **a)
{
	(void)a;
	return true;
}

static bool act_read(char **a)
{
	char byte;
	int fd = open(a[0], O_RDONLY);

	/* A directory can be opened, and not read so. */
	return fd >= 0 && (read(fd, &byte, 1) >= 0 || errno == EISDIR);
}

static bool act_stat(char **a)
{
	struct stat st;

	return lstat(a[0], &st) == 0;
}

static bool act_write(char **a)
{
	int fd = open(a[0], O_WRONLY | O_CREAT | O_APPEND, 0600);

	return fd >= 0 && write(fd, "x", 1) == 1;
}

static bool act_remove(char **a)
{
	return remove(a[0]) == 0;
}

static bool act_rename(char **a)
{
	return rename(a[0], a[1]) == 0;
}

static bool act_link(char **a)
{
	return link(a[0], a[1]) == 0;
}

static bool act_mode(char **a)
{
	return chmod(a[0], 04755) == 0;
}

static bool act_exec(char **a)
{
	execv(a[0], a);
	return false;
}

static bool act_fork(char **a)
{
	pid_t pid = fork();

	(void)a;
	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid(pid, NULL, 0) == pid;
}

static bool act_signal(char **a)
{
	return kill((pid_t)atoi(a[0]), 0) == 0;
}

static bool act_connect(char **a)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(a[1]))};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, a[0], &to.sin_addr);
	return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
}

static bool act_send(char **a)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(a[1]))};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	inet_pton(AF_INET, a[0], &to.sin_addr);
	return fd >= 0 && sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) == 1;
}

static bool act_local(char **a)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", a[0]);
	return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
}

/* A connection that the egress proxy makes: its answer is "HTTP/1.1 200". */
static bool act_proxy(char **a)
{
	const char *named = getenv("KASTELLAN_PROXY");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char text[300];
	ssize_t got;

	if (fd < 0 || !named || strncmp(named, "unix:", 5) != 0)
		return false;
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", named + 5);
	snprintf(text, sizeof(text), "CONNECT %s:%s HTTP/1.1\r\n\r\n", a[0], a[1]);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
		write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return false;
	got = read(fd, text, sizeof(text) - 1);
	text[got > 0 ? got : 0] = '\0';
	return strncmp(text, "HTTP/1.1 200", 12) == 0;
}

static bool act_listen(char **a)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)a;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 1) == 0;
}

static bool act_session(char **a)
{
	(void)a;
	errno = EPERM;
	return getsid(0) == getpid() && getpgrp() == getpid() && open("/dev/tty", O_RDWR) < 0;
}

static bool act_descriptors(char **a)
{
	(void)a;
	errno = EMFILE;
	for (int fd = 3; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return false;
	return true;
}

static bool act_environment(char **a)
{
	extern char **environ;

	(void)a;
	for (char **variable = environ; *variable; variable++)
		puts(*variable);
	return true;
}

static bool act_memory(char **a)
{
	size_t len = (size_t)atoi(a[0]) << 20;
	volatile char *bytes = malloc(len);

	for (size_t i = 0; bytes && i < len; i += 4096)
		bytes[i] = 1;
	sleep(2);
	return bytes;
}

static bool act_burn(char **a)
{
	time_t end = time(NULL) + atoi(a[0]);

	while (time(NULL) < end)
		;
	return true;
}

static bool act_children(char **a)
{
	for (int i = atoi(a[0]); i > 0; i--)
		if (fork() == 0) {
			sleep(600);
			_exit(0);
		}
	sleep(1);
	return true;
}

/* A part of the tree that nobody's parent leads to. */
static bool act_leave(char **a)
{
	(void)a;
	if (fork() == 0) {
		setsid();
		if (fork() == 0) {
			sleep(600);
			_exit(0);
		}
		_exit(0);
	}
	sleep(1);
	return true;
}

static bool act_sleep(char **a)
{
	puts("ready");
	fflush(stdout);
	sleep((unsigned)atoi(a[0]));
	return true;
}

static const struct {
	const char *name;
	int arguments;
	bool (*act)(char **arguments);
} acts[] = {
	{"run", 0, act_run},
	{"read", 1, act_read},
	{"stat", 1, act_stat},
	{"write", 1, act_write},
	{"remove", 1, act_remove},
	{"rename", 2, act_rename},
	{"link", 2, act_link},
	{"mode", 1, act_mode},
	{"exec", 1, act_exec},
	{"fork", 0, act_fork},
	{"signal", 1, act_signal},
	{"connect", 2, act_connect},
	{"send", 2, act_send},
	{"local", 1, act_local},
	{"proxy", 2, act_proxy},
	{"listen", 0, act_listen},
	{"session", 0, act_session},
	{"descriptors", 0, act_descriptors},
	{"environment", 0, act_environment},
	{"memory", 1, act_memory},
	{"burn", 1, act_burn},
	{"children", 1, act_children},
	{"leave", 0, act_leave},
	{"sleep", 1, act_sleep},
	{"clone", 2, platform_clone},
	{"service", 1, platform_service},
	{"code", 0, platform_code},
	{"sysctl", 1, platform_sysctl},
	{"process", 1, platform_process},
	{"flags", 1, platform_flags},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(acts) / sizeof(acts[0]); i++) {
		bool done;

		if (strcmp(acts[i].name, argv[1]) != 0 || argc - 2 < acts[i].arguments)
			continue;
		errno = 0;
		done = acts[i].act(argv + 2);
		puts(done ? "done" : strerror(errno));
		return !done;
	}
	fprintf(stderr, "usage: probe ACT [ARGUMENT]...\n");
	return 2;
}
