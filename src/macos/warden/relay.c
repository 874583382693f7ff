/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "macos/warden/warden.h"

void relay_poll(const struct relay *relay, struct pollfd fds[RELAY_FDS])
{
	fds[0] = (struct pollfd){.fd = relay->len ? -1 : relay->in, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = relay->out, .events = relay->len ? POLLOUT : 0};
}

void relay_close(struct relay *relay)
{
	drop_fd(&relay->in);
	drop_fd(&relay->out);
	relay->len = 0;
}

static bool later(ssize_t n)
{
	return n < 0 && (errno == EINTR || errno == EAGAIN);
}

static void take_in(struct relay *relay)
{
	ssize_t n = read(relay->in, relay->bytes, sizeof(relay->bytes));

	if (later(n))
		return;
	relay->at = 0;
	relay->len = n > 0 ? (size_t)n : 0;
	/* What it cannot read is at its end for the worker, too. */
	if (n <= 0)
		relay_close(relay);
}

static void hand_on(struct relay *relay)
{
	ssize_t n = write(relay->out, relay->bytes + relay->at, relay->len);

	if (later(n))
		return;
	if (n <= 0) {
		relay_close(relay);
		return;
	}
	relay->at += (size_t)n;
	relay->len -= (size_t)n;
}

void relay_move(struct relay *relay, const struct pollfd fds[RELAY_FDS])
{
	if (fds[1].fd >= 0 && fds[1].revents & (POLLERR | POLLNVAL))
		relay_close(relay);
	else if (fds[1].fd >= 0 && fds[1].revents & POLLOUT)
		hand_on(relay);
	else if (fds[0].fd >= 0 && fds[0].revents)
		take_in(relay);
}
