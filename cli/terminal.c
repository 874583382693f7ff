/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/loop.h"

enum { RELAY_STDIN, RELAY_MASTER, RELAY_STDOUT };

void terminal_size(uint16_t *ret_rows, uint16_t *ret_columns)
{
	struct winsize size = {0};

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0 &&
		ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		size = (struct winsize){0};
	*ret_rows = size.ws_row;
	*ret_columns = size.ws_col;
}

void relay_start(struct relay *relay, int master)
{
	struct termios raw;

	*relay = (struct relay){.master = master};
	if (master < 0)
		return;
	fcntl(master, F_SETFL, fcntl(master, F_GETFL) | O_NONBLOCK);
	if (tcgetattr(STDIN_FILENO, &relay->saved) < 0)
		return;
	raw = relay->saved;
	cfmakeraw(&raw);
	relay->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

void relay_poll(const struct relay *relay, struct pollfd *fds)
{
	for (int i = 0; i < RELAY_FDS; i++)
		fds[i] = (struct pollfd){.fd = -1};
	if (relay->master < 0)
		return;
	if (!relay->in.len && !relay->in.ended)
		fds[RELAY_STDIN] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
	if (relay->in.len)
		fds[RELAY_MASTER].events |= POLLOUT;
	if (!relay->out.len && !relay->out.ended)
		fds[RELAY_MASTER].events |= POLLIN;
	if (fds[RELAY_MASTER].events)
		fds[RELAY_MASTER].fd = relay->master;
	if (relay->out.len)
		fds[RELAY_STDOUT] = (struct pollfd){.fd = STDOUT_FILENO, .events = POLLOUT};
}

static void fill(struct relay_way *way, int fd)
{
	ssize_t n = read(fd, way->bytes, sizeof(way->bytes));

	if (n > 0) {
		way->start = 0;
		way->len = (size_t)n;
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		way->ended = true; /* EIO: no process has the terminal open any more */
	}
}

static void empty(struct relay_way *way, int fd)
{
	ssize_t n = write(fd, way->bytes + way->start, way->len);

	if (n > 0) {
		way->start += (size_t)n;
		way->len -= (size_t)n;
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		way->len = 0;
	}
}

/* The end of our stdin is an end-of-file character on the worker's terminal. */
static void end_input(struct relay *relay)
{
	struct termios inner;

	if (tcgetattr(relay->master, &inner) < 0)
		return;
	relay->in.bytes[0] = (char)inner.c_cc[VEOF];
	relay->in.start = 0;
	relay->in.len = 1;
}

void relay_move(struct relay *relay, const struct pollfd *fds)
{
	if (relay->master < 0)
		return;
	if (fds[RELAY_STDIN].revents) {
		fill(&relay->in, STDIN_FILENO);
		if (relay->in.ended)
			end_input(relay);
	}
	if (fds[RELAY_MASTER].revents & POLLOUT)
		empty(&relay->in, relay->master);
	if (fds[RELAY_MASTER].revents & (POLLIN | POLLHUP | POLLERR))
		fill(&relay->out, relay->master);
	if (fds[RELAY_STDOUT].revents)
		empty(&relay->out, STDOUT_FILENO);
}

void relay_finish(struct relay *relay)
{
	if (relay->master < 0)
		return;
	while (relay->out.len || !relay->out.ended) {
		if (!relay->out.len)
			fill(&relay->out, relay->master);
		if (!relay->out.len)
			break;
		empty(&relay->out, STDOUT_FILENO);
	}
	if (relay->raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &relay->saved);
	relay->master = -1;
}
