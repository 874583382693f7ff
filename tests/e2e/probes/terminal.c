// SPDX-License-Identifier: Apache-2.0
/* Acts on the terminal that standard input is. */
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "verdict.h"

#define ACT(name) static int name(char **args __attribute__((unused)))

static volatile sig_atomic_t changed;

static void note(int number)
{
	changed = number;
}

static int terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? 0 : fd;
}

ACT(do_push)
{
	char byte = 'x';

	return judge(ioctl(0, TIOCSTI, &byte));
}

ACT(do_push_tty)
{
	char byte = 'x';

	return judge(ioctl(terminal(), TIOCSTI, &byte));
}

/* The kernel cuts the request to 32 bits; a filter that compares 64 is led astray. */
ACT(do_push_high)
{
	char byte = 'x';

	return judge(syscall(SYS_ioctl, 0, TIOCSTI | 1UL << 32, &byte));
}

ACT(do_console)
{
	char paste = 3;

	/* ENOTTY is what a terminal answers that is no console: asked, at least. */
	return reached(ioctl(0, TIOCLINUX, &paste), ENOTTY);
}

ACT(do_line_discipline)
{
	int same = 0;

	return judge(ioctl(0, TIOCSETD, &same));
}

ACT(do_take)
{
	return judge(ioctl(0, TIOCSCTTY, 0));
}

ACT(do_size)
{
	struct winsize size;

	if (ioctl(0, TIOCGWINSZ, &size) < 0)
		return denied(errno);
	printf("size %u %u\n", size.ws_row, size.ws_col);
	return allowed("it worked");
}

/* Says the size at the start and after each change, until the input ends. */
ACT(do_watch)
{
	struct sigaction action = {.sa_handler = note};
	struct winsize size;
	char byte;

	sigaction(SIGWINCH, &action, NULL);
	for (;;) {
		ioctl(0, TIOCGWINSZ, &size);
		printf("size %u %u\n", size.ws_row, size.ws_col);
		fflush(stdout);
		if (read(0, &byte, 1) >= 0 || errno != EINTR)
			return 0;
	}
}

ACT(do_facts)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	printf("isatty %d %d %d tty %s leader %d foreground %d name %s\n", isatty(0), isatty(1),
		isatty(2), fd < 0 ? strerrorname_np(errno) : "opened", getsid(0) == getpid(),
		tcgetpgrp(0) == getpgrp(), ttyname(0) ? ttyname(0) : "none");
	return 0;
}

static const struct act acts[] = {
	{"push", do_push, 0},
	{"push_tty", do_push_tty, 0},
	{"push_high", do_push_high, 0},
	{"console", do_console, 0},
	{"line_discipline", do_line_discipline, 0},
	{"take", do_take, 0},
	{"size", do_size, 0},
	{"watch", do_watch, 0},
	{"facts", do_facts, 0},
	{NULL, NULL, 0},
};

int main(int argc, char **argv)
{
	return perform(acts, argc, argv);
}
