/* SPDX-License-Identifier: Apache-2.0 */
/* An eventfd as a flag that can be polled. */
#ifndef KS_BASE_EVENT_H
#define KS_BASE_EVENT_H

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Not raised. The descriptor, or -1 with errno. */
static inline int event_new(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static inline void event_raise(int fd)
{
	const uint64_t one = 1;
	ssize_t n = write(fd, &one, sizeof(one));

	(void)n; /* one that cannot count further is raised */
}

static inline void event_lower(int fd)
{
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));

	(void)n; /* it may not have been raised */
}

#endif
