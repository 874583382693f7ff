/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "base/error.h"
#include "cli/signals.h"
#include "cli/terminal.h"

void loop_allow_descriptors(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= files.rlim_max)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files); /* where it fails there is room for fewer workers */
}

static void forward_signals(ks_child *child, int signals, bool terminal)
{
	int signal;

	while ((signal = signals_next(signals)) > 0) {
		uint16_t rows, columns;

		if (signal == SIGWINCH && terminal) {
			/* The kernel signals the worker itself when its terminal's size changes. */
			terminal_size(&rows, &columns);
			if (rows && columns)
				ks_child_resize(child, rows, columns);
			continue;
		}
		ks_child_signal(child, signal);
	}
}

int loop_run(ks_child *child, int signals, bool terminal, ks_error **reterr)
{
	struct relay relay;
	int r = 0;

	relay_start(&relay, terminal ? ks_child_terminal(child) : -1);
	while (r == 0) {
		struct pollfd fds[2 + RELAY_FDS] = {{.fd = ks_child_fd(child), .events = POLLIN},
			{.fd = signals, .events = POLLIN}};

		relay_poll(&relay, fds + 2);
		if (poll(fds, 2 + RELAY_FDS, -1) < 0 && errno != EINTR) {
			r = error_set(reterr, -errno, ABOUT(.step = "supervise"),
				"waiting for the worker failed: %s", strerror(errno));
			break;
		}
		forward_signals(child, signals, terminal);
		relay_move(&relay, fds + 2);
		r = ks_child_dispatch(child, reterr);
	}
	relay_finish(&relay);
	return r < 0 ? r : 0;
}
