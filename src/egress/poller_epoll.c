/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/poller.h"

#include <errno.h>
#include <sys/epoll.h>

#include "egress/loop.h"

#define SAME(ours, kernels) _Static_assert((int)(ours) == (int)(kernels), "the kernel's numbers")

SAME(POLLER_IN, EPOLLIN);
SAME(POLLER_URGENT, EPOLLPRI);
SAME(POLLER_OUT, EPOLLOUT);
SAME(POLLER_ERROR, EPOLLERR);
SAME(POLLER_HANGUP, EPOLLHUP);
SAME(POLLER_END, EPOLLRDHUP);

int poller_open(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int control(int poller, int operation, struct watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events | EPOLLET, .data.ptr = watch};

	return epoll_ctl(poller, operation, watch->fd, &event) < 0 ? -errno : 0;
}

int poller_add(int poller, struct watch *watch, uint32_t events)
{
	return control(poller, EPOLL_CTL_ADD, watch, events);
}

int poller_change(int poller, struct watch *watch, uint32_t events)
{
	return control(poller, EPOLL_CTL_MOD, watch, events);
}

void poller_drop(int poller, struct watch *watch)
{
	epoll_ctl(poller, EPOLL_CTL_DEL, watch->fd, NULL);
}

int poller_wait(int poller, struct poller_ready *ready, int room, int milliseconds)
{
	struct epoll_event events[LOOP_BATCH];
	int count = epoll_wait(poller, events, room < LOOP_BATCH ? room : LOOP_BATCH, milliseconds);

	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < count; i++)
		ready[i] = (struct poller_ready){events[i].data.ptr, events[i].events};
	return count;
}
