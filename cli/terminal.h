/* SPDX-License-Identifier: Apache-2.0 */
/* Between the user's terminal and the worker's: raw mode, and bytes in both directions. */
#ifndef KS_CLI_TERMINAL_H
#define KS_CLI_TERMINAL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#define RELAY_FDS 3
#define RELAY_BUFFER 4096

struct relay_way {
	char bytes[RELAY_BUFFER];
	size_t start;
	size_t len;
	bool ended; /* nothing more will be read */
};

struct relay {
	int master; /* -1 = no terminal: every call does nothing */
	struct relay_way in; /* stdin to master */
	struct relay_way out; /* master to stdout */
	struct termios saved;
	bool raw;
};

/* Puts a terminal on stdin in raw mode. */
void relay_start(struct relay *relay, int master);

/* Fills RELAY_FDS entries; relay_move() takes the same ones after poll(). */
void relay_poll(const struct relay *relay, struct pollfd *fds);
void relay_move(struct relay *relay, const struct pollfd *fds);

/* Writes what the worker wrote last, and restores the terminal. */
void relay_finish(struct relay *relay);

#endif
