/* SPDX-License-Identifier: Apache-2.0 */
/* A kqueue holds up to two filters of a descriptor, for its two directions. With EV_CLEAR each
 * tells of a change once, as the loop wants it; the end of a stream is a flag of the direction that
 * has ended. */
#include "egress/poller.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/event.h>
#include <sys/time.h>
#include <unistd.h>

#include "egress/loop.h"

int poller_open(void)
{
	int fd = kqueue();

	if (fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -errno;
}

/* What has no events is never waited for. */
static int set(int poller, struct watch *watch, int16_t filter, uint16_t flags)
{
	struct kevent change;

	EV_SET(&change, (uintptr_t)watch->fd, filter, flags, 0, 0, watch);
	if (kevent(poller, &change, 1, NULL, 0, NULL) == 0)
		return 0;
	return errno == EINVAL || errno == ENOTSUP || errno == ENODEV ? -EPERM : -errno;
}

int poller_add(int poller, struct watch *watch, uint32_t events)
{
	int r = 0;

	if (events & (POLLER_IN | POLLER_END))
		r = set(poller, watch, EVFILT_READ, EV_ADD | EV_CLEAR);
	if (r == 0 && (events & POLLER_OUT))
		r = set(poller, watch, EVFILT_WRITE, EV_ADD | EV_CLEAR);
	if (r < 0)
		poller_drop(poller, watch);
	return r;
}

/* Anew, so that what is ready is told to the new watch, too. */
int poller_change(int poller, struct watch *watch, uint32_t events)
{
	poller_drop(poller, watch);
	return poller_add(poller, watch, events);
}

void poller_drop(int poller, struct watch *watch)
{
	set(poller, watch, EVFILT_READ, EV_DELETE);
	set(poller, watch, EVFILT_WRITE, EV_DELETE);
}

/* The end of the direction out of here is our own doing, or comes with an error. */
static uint32_t events_of(const struct kevent *event)
{
	uint32_t failed = (event->flags & EV_EOF) && event->fflags ? POLLER_ERROR : 0;

	if (event->flags & EV_ERROR)
		return POLLER_ERROR;
	if (event->filter == EVFILT_WRITE)
		return POLLER_OUT | failed;
	return POLLER_IN | failed | (event->flags & EV_EOF ? POLLER_END : 0);
}

int poller_wait(int poller, struct poller_ready *ready, int room, int milliseconds)
{
	const struct timespec time = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};
	struct kevent events[LOOP_BATCH];
	int count = kevent(poller, NULL, 0, events, room < LOOP_BATCH ? room : LOOP_BATCH,
		milliseconds < 0 ? NULL : &time);

	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < count; i++)
		ready[i] = (struct poller_ready){
			(struct watch *)(void *)events[i].udata, events_of(&events[i])};
	return count;
}
