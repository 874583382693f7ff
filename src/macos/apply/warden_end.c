/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a warden, and what is done in its place where it has been ended before its work. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "macos/apply/parts.h"
#include "macos/apply/patience.h"
#include "macos/apply/record.h"
#include "macos/apply/remains.h"

void warden_part(struct jail *jail)
{
	drop_fd(&jail->control);
	drop_fd(&jail->warden_end);
	while (jail->warden && waitpid(jail->warden, NULL, 0) < 0 && errno == EINTR)
		;
	jail->warden = 0;
}

int warden_wait(const struct jail *jail, int ms)
{
	struct pollfd fds[] = {{.fd = jail->control, .events = POLLIN},
		{.fd = jail->warden_end, .events = POLLIN}};
	int n;

	do
		n = poll(fds, 2, ms);
	while (n < 0 && errno == EINTR && ms < 0);
	if (n <= 0)
		return n < 0 && errno != EINTR ? -errno : 0;
	/* Its last word may have come between the looks at the two. */
	return fds[0].revents || poll(fds, 1, 0) > 0 ? 1 : -EPIPE;
}

int warden_hear(struct jail *jail, struct message *ret_message)
{
	int r = warden_wait(jail, -1);

	if (r <= 0)
		return r < 0 ? r : -EAGAIN;
	r = message_receive(jail->control, ret_message);
	/* It says neither before everything else is done. */
	if (r == 0 && (ret_message->kind == MESSAGE_FAILED || ret_message->kind == MESSAGE_ENDED))
		jail->done = true;
	return r;
}

int warden_replace(struct jail *jail, const char **ret_what)
{
	struct remains remains = {.names = &jail->names};
	struct record record = {0};
	int r = 0;

	*ret_what = jail->names.record;
	/* In this order: it makes nothing any more that would not be seen here. Only a child that
	 * has not been waited for has that number. */
	if (jail->warden && waitpid(jail->warden, NULL, WNOHANG) == 0)
		kill(jail->warden, SIGKILL);
	else
		jail->warden = 0;
	warden_part(jail);
	if (jail->done || jail->record < 0)
		return 0;
	jail->done = true;
	r = record_read(jail->record, &record);
	if (r < 0)
		return r;
	remains.process = (pid_t)record.process;
	remains.born = record.born;
	remains.container = record.process ? jail->container : NULL;
	return remains_end(&remains, ret_what);
}

/* The end of what we say is the order to end everything, also where somebody else holds our end of
 * the stream open. */
static void await_word(struct jail *jail)
{
	uint64_t end = clock_now() + WARDEN_PATIENCE_MS;
	struct message message;

	shutdown(jail->control, SHUT_WR);
	while (!jail->done && clock_left(end) > 0) {
		int r = warden_wait(jail, clock_left(end));

		if (r < 0 || (r > 0 && warden_hear(jail, &message) < 0))
			return;
	}
}

void warden_finish(struct jail *jail)
{
	struct record record;
	const char *what;

	if (jail->warden && jail->control >= 0 && !jail->done)
		await_word(jail);
	if (jail->done)
		warden_part(jail);
	/* One that has failed before it made a worker knows of no record, maybe. */
	if (jail->record >= 0 && record_read(jail->record, &record) == 0 && !record.process)
		jail->done = false;
	warden_replace(jail, &what);
	drop_fd(&jail->record);
}
