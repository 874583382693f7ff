/* SPDX-License-Identifier: Apache-2.0 */
/* A kqueue by three of epoll: one for each of the two filters, so that a change of one direction
 * tells nothing of the other, and one around them, which is what is waited for. With EV_CLEAR
 * alone, and one kqueue a process. A test double. */
#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/event.h>
#include <unistd.h>

#define MOST 65536 /* descriptors */
#define BATCH 64

enum { FOR_READ, FOR_WRITE, FILTERS };

static int outer = -1;
static int inner[FILTERS] = {-1, -1};
static void *udata[FILTERS][MOST];

static const uint32_t wanted[FILTERS] = {EPOLLIN | EPOLLRDHUP | EPOLLET, EPOLLOUT | EPOLLET};

int kqueue(void)
{
	if (outer >= 0) {
		errno = EMFILE;
		return -1;
	}
	outer = epoll_create1(0);
	for (int i = 0; i < FILTERS; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};

		inner[i] = epoll_create1(EPOLL_CLOEXEC);
		if (outer < 0 || inner[i] < 0 ||
			epoll_ctl(outer, EPOLL_CTL_ADD, inner[i], &event) < 0)
			return -1;
	}
	return outer;
}

static int change(const struct kevent *asked)
{
	int which = asked->filter == EVFILT_READ ? FOR_READ : FOR_WRITE;
	struct epoll_event event = {.events = wanted[which], .data.fd = (int)asked->ident};

	if (asked->ident >= MOST ||
		(asked->filter != EVFILT_READ && asked->filter != EVFILT_WRITE)) {
		errno = EINVAL;
		return -1;
	}
	if (asked->flags & EV_DELETE)
		return epoll_ctl(inner[which], EPOLL_CTL_DEL, (int)asked->ident, NULL);
	if (!(asked->flags & EV_ADD) || !(asked->flags & EV_CLEAR)) {
		errno = EINVAL;
		return -1;
	}
	udata[which][asked->ident] = asked->udata;
	if (epoll_ctl(inner[which], EPOLL_CTL_ADD, (int)asked->ident, &event) == 0)
		return 0;
	/* What cannot be waited for is always ready, as a file is for a Mac; nobody asks again. */
	if (errno == EPERM)
		return 0;
	return errno == EEXIST ? epoll_ctl(inner[which], EPOLL_CTL_MOD, (int)asked->ident, &event)
			       : -1;
}

/* A Mac tells the error without taking it out of the socket; here any number stands for it. */
static struct kevent told(int which, const struct epoll_event *event)
{
	bool failed = event->events & EPOLLERR;
	bool ended = which == FOR_READ ? event->events & (EPOLLRDHUP | EPOLLHUP)
				       : event->events & EPOLLHUP;

	return (struct kevent){.ident = (uintptr_t)event->data.fd,
		.filter = which == FOR_READ ? EVFILT_READ : EVFILT_WRITE,
		.flags = EV_CLEAR | (failed || ended ? EV_EOF : 0),
		.fflags = failed ? ECONNRESET : 0,
		.udata = udata[which][event->data.fd]};
}

int kevent(int queue, const struct kevent *changes, int n_changes, struct kevent *events,
	int n_events, const struct timespec *timeout)
{
	struct epoll_event ready[BATCH];
	int wait = timeout ? (int)(timeout->tv_sec * 1000 + timeout->tv_nsec / 1000000) : -1;
	int count = 0;

	for (int i = 0; i < n_changes; i++)
		if (change(&changes[i]) < 0)
			return -1;
	if (n_events == 0)
		return 0;
	if (epoll_wait(queue, ready, FILTERS, wait) < 0)
		return -1;
	for (int which = 0; which < FILTERS; which++) {
		int room = n_events - count < BATCH ? n_events - count : BATCH;
		int n = room > 0 ? epoll_wait(inner[which], ready, room, 0) : 0;

		for (int i = 0; i < n; i++)
			events[count++] = told(which, &ready[i]);
	}
	return count;
}
