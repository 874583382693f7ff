// SPDX-License-Identifier: Apache-2.0
/* Ways for a program to end, or not to. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "verdict.h"

#define ACT(name) static int name(char **args __attribute__((unused)))

static void say(const char *text)
{
	if (write(1, text, strlen(text)) < 0)
		_exit(3);
}

static void sleep_ms(long ms)
{
	struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	while (nanosleep(&time, &time) < 0 && errno == EINTR)
		;
}

static void for_ever(void)
{
	for (;;)
		pause();
}

ACT(do_exit)
{
	_exit((int)strtol(args[0], NULL, 10));
}

ACT(do_raise)
{
	raise((int)strtol(args[0], NULL, 10));
	return broken("it survived");
}

ACT(do_kill_self)
{
	kill(getpid(), (int)strtol(args[0], NULL, 10));
	return broken("it survived");
}

ACT(do_abort)
{
	abort();
}

ACT(do_segv)
{
	volatile int *nowhere = NULL;

	return *nowhere;
}

ACT(do_illegal)
{
	__builtin_trap();
}

ACT(do_bus)
{
	int fd = memfd_create("short", 0);
	char *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	return *(volatile char *)map;
}

ACT(do_wait)
{
	say("ready\n");
	for_ever();
	return 0;
}

/* Says which signal came, and goes on. */
static void note(int number)
{
	char text[] = "signal 00\n";

	text[7] = (char)('0' + number / 10);
	text[8] = (char)('0' + number % 10);
	say(text);
}

ACT(do_note)
{
	for (int i = 1; i < 32; i++)
		signal(i, note);
	say("ready\n");
	for_ever();
	return 0;
}

ACT(do_deaf)
{
	for (int i = 1; i < 65; i++)
		signal(i, SIG_IGN);
	say("ready\n");
	for_ever();
	return 0;
}

/* Ends by itself on SIGTERM, with a code that says so. */
static void leave(int number)
{
	_exit(40 + number % 10);
}

ACT(do_polite)
{
	signal(SIGTERM, leave);
	say("ready\n");
	for_ever();
	return 0;
}

/* A daemon by the book: fork, setsid, fork, own streams; it writes a beat into a file for ever. */
static void become_daemon(void)
{
	int null;

	if (fork() > 0)
		_exit(0);
	setsid();
	if (fork() > 0)
		_exit(0);
	for (int i = 1; i < 65; i++)
		signal(i, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
	null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
}

static void beat(const char *path)
{
	for (;;) {
		int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);

		if (fd >= 0) {
			if (write(fd, ".", 1) < 0)
				_exit(3);
			close(fd);
		}
		sleep_ms(10);
	}
}

/* The program ends once its daemon lives. */
ACT(do_daemon)
{
	pid_t pid = fork();

	if (pid == 0) {
		become_daemon();
		beat(args[0]);
	}
	waitpid(pid, NULL, 0);
	while (access(args[0], F_OK) < 0)
		sleep_ms(5);
	say("ready\n");
	return 0;
}

/* The program stays, beside its daemon. */
ACT(do_daemon_and_wait)
{
	do_daemon(args);
	for_ever();
	return 0;
}

/* A child keeps standard output open after its parent's end. */
ACT(do_hold_output)
{
	if (fork() == 0)
		sleep_ms(strtol(args[0], NULL, 10));
	else
		say("ready\n");
	return 0;
}

/* Many children in sessions of their own, each with children. */
ACT(do_swarm)
{
	for (int i = 0; i < 12; i++) {
		if (fork() != 0)
			continue;
		setsid();
		for (int j = 0; j < 2; j++)
			if (fork() == 0)
				break;
		prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
		for (int j = 1; j < 65; j++)
			signal(j, SIG_IGN);
		for_ever();
	}
	sleep_ms(20);
	say("ready\n");
	for_ever();
	return 0;
}

/* Processes that are never long enough in one place to be caught: each starts its successor, in a
 * session of its own, and ends. */
ACT(do_comets)
{
	if (!in_jail())
		return broken("not in a jail");
	for (int i = 0; i < 8; i++) {
		if (fork() != 0)
			continue;
		for (;;) {
			setsid();
			if (fork() > 0)
				_exit(0);
		}
	}
	sleep_ms(100);
	say("ready\n");
	sleep_ms(strtol(args[0], NULL, 10));
	return 0;
}

/* Stops itself; a waiting parent that only knows of ends would wait for ever. */
ACT(do_stop)
{
	kill(getpid(), SIGSTOP);
	return 0;
}

static const struct act acts[] = {
	{"exit", do_exit, 1},
	{"raise", do_raise, 1},
	{"kill_self", do_kill_self, 1},
	{"abort", do_abort, 0},
	{"segv", do_segv, 0},
	{"illegal", do_illegal, 0},
	{"bus", do_bus, 0},
	{"wait", do_wait, 0},
	{"note", do_note, 0},
	{"deaf", do_deaf, 0},
	{"polite", do_polite, 0},
	{"daemon", do_daemon, 1},
	{"daemon_and_wait", do_daemon_and_wait, 1},
	{"hold_output", do_hold_output, 1},
	{"swarm", do_swarm, 0},
	{"comets", do_comets, 1},
	{"stop", do_stop, 0},
	{NULL, NULL, 0},
};

int main(int argc, char **argv)
{
	return perform(acts, argc, argv);
}
