/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/waiter.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "supervise/deadline.h"

int waiter_make(struct waiter *waiter)
{
	waiter->fd = epoll_create1(EPOLL_CLOEXEC);
	if (waiter->fd < 0)
		return -errno;
	waiter->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (waiter->timer < 0)
		return -errno;
	return waiter_add(waiter, waiter->timer);
}

int waiter_add(const struct waiter *waiter, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(waiter->fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int waiter_set(const struct waiter *waiter, uint64_t usec)
{
	struct itimerspec when = {0};

	if (usec != NO_DEADLINE) {
		when.it_value.tv_sec = (time_t)(usec / 1000000);
		/* All zero would turn it off. */
		when.it_value.tv_nsec = (long)(usec % 1000000) * 1000 + (usec == 0);
	}
	return timerfd_settime(waiter->timer, TFD_TIMER_ABSTIME, &when, NULL) < 0 ? -errno : 0;
}

int waiter_fired(const struct waiter *waiter)
{
	uint64_t expirations;

	return read(waiter->timer, &expirations, sizeof(expirations)) > 0;
}

void waiter_close(struct waiter *waiter)
{
	drop_fd(&waiter->timer);
	drop_fd(&waiter->fd);
}

int pipe_make(int ret_ends[2])
{
	return pipe2(ret_ends, O_CLOEXEC) < 0 ? -errno : 0;
}
