/* SPDX-License-Identifier: Apache-2.0 */
/* A kqueue holds both, the descriptors and the timer. */
#include "supervise/waiter.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/event.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "macos/apply/system.h"
#include "supervise/deadline.h"

#define TIMER 1 /* its name in the kqueue */

int waiter_make(struct waiter *waiter)
{
	*waiter = (struct waiter){.fd = kqueue(), .timer = -1};
	if (waiter->fd < 0 || fcntl(waiter->fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

int waiter_add(const struct waiter *waiter, int fd)
{
	struct kevent change;

	EV_SET(&change, (uintptr_t)fd, EVFILT_READ, EV_ADD, 0, 0, NULL);
	return kevent(waiter->fd, &change, 1, NULL, 0, NULL) < 0 ? -errno : 0;
}

int waiter_set(const struct waiter *waiter, uint64_t usec)
{
	uint64_t now = clock_usec();
	struct kevent change;

	if (usec == NO_DEADLINE) {
		EV_SET(&change, TIMER, EVFILT_TIMER, EV_DELETE, 0, 0, NULL);
		return kevent(waiter->fd, &change, 1, NULL, 0, NULL) < 0 && errno != ENOENT ? -errno
											    : 0;
	}
	EV_SET(&change, TIMER, EVFILT_TIMER, EV_ADD | EV_ONESHOT, NOTE_USECONDS,
		usec > now ? (intptr_t)(usec - now) : 1, NULL);
	return kevent(waiter->fd, &change, 1, NULL, 0, NULL) < 0 ? -errno : 0;
}

/* What is read of the queue besides stays in it: those of descriptors are there as long as they can
 * be read. */
int waiter_fired(const struct waiter *waiter)
{
	const struct timespec at_once = {0};
	struct kevent events[4];
	int n = kevent(waiter->fd, NULL, 0, events, 4, &at_once);

	for (int i = 0; i < n; i++)
		if (events[i].filter == EVFILT_TIMER)
			return 1;
	return 0;
}

void waiter_close(struct waiter *waiter)
{
	drop_fd(&waiter->fd);
}

int pipe_make(int ret_ends[2])
{
	if (pipe(ret_ends) < 0)
		return -errno;
	if (fcntl(ret_ends[0], F_SETFD, FD_CLOEXEC) == 0 &&
		fcntl(ret_ends[1], F_SETFD, FD_CLOEXEC) == 0)
		return 0;
	close(ret_ends[0]);
	close(ret_ends[1]);
	return -EBADF;
}
