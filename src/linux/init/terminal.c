/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's terminal belongs to the jail: there is none of the caller's to push input into. Init
 * keeps the worker's side, not the master: so the supervisor sees the terminal's end exactly when
 * the jail ends, and its own closing of the master hangs the terminal up. */
#include "linux/init/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "linux/control.h"
#include "linux/control_message.h"

#define STEP "tty"
#define MULTIPLEXER "/dev/ptmx"

void terminal_resize(int terminal, const void *data)
{
	struct spec_winsize wanted;
	struct winsize size;

	memcpy(&wanted, data, sizeof(wanted));
	size = (struct winsize){.ws_row = wanted.rows,
		.ws_col = wanted.columns,
		.ws_xpixel = wanted.xpixel,
		.ws_ypixel = wanted.ypixel};
	ioctl(terminal, TIOCSWINSZ, &size);
}

static int open_peer(int master, int *ret_fd, struct failure *failure)
{
	int unlock = 0;

	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return failure_set(failure, errno, STEP, "TIOCSPTLCK");
	*ret_fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return *ret_fd < 0 ? failure_set(failure, errno, STEP, "TIOCGPTPEER") : 0;
}

int terminal_open(const struct spec_winsize *winsize, int *ret_fd, struct failure *failure)
{
	int master = open(MULTIPLEXER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	int r;

	if (master < 0)
		return failure_set(failure, errno, STEP, MULTIPLEXER);
	r = open_peer(master, ret_fd, failure);
	if (r == 0 && winsize)
		terminal_resize(*ret_fd, winsize);
	if (r == 0) {
		r = control_send(SLOT_INIT, CONTROL_TTY, 0, NULL, 0, &master, 1);
		if (r < 0)
			failure_set(failure, -r, STEP, "the master cannot be handed over");
	}
	close(master);
	return r;
}
