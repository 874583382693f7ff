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
	while (jail->warden && waitpid(jail->warden, NULL, 0) < 0 && errno == EINTR)
		;
	jail->warden = 0;
}

int warden_hear(struct jail *jail, struct message *ret_message)
{
	int r = message_receive(jail->control, ret_message);

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
	/* In this order: it makes nothing any more that would not be seen here. */
	if (jail->warden)
		kill(jail->warden, SIGKILL);
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
	while (!jail->done) {
		struct pollfd word = {.fd = jail->control, .events = POLLIN};
		int n = poll(&word, 1, clock_left(end));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || warden_hear(jail, &message) < 0)
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
