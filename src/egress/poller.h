/* SPDX-License-Identifier: Apache-2.0 */
/* Which of many descriptors have become ready: epoll on Linux (poller_epoll.c), kqueue on a Mac
 * (mac/poller.c). Both tell of each change once, and at once of what is ready already. */
#ifndef KS_EGRESS_POLLER_H
#define KS_EGRESS_POLLER_H

#include <stdint.h>

struct watch;

/* What is asked for, and what is told. An error and a hang-up are told without having been asked
 * for, where the system tells of them. */
enum poller_event {
	POLLER_IN = 0x001,
	POLLER_URGENT = 0x002, /* TCP's urgent byte, where it is in the way of anything */
	POLLER_OUT = 0x004,
	POLLER_ERROR = 0x008,
	POLLER_HANGUP = 0x010, /* both directions have ended */
	POLLER_END = 0x2000, /* its peer sends no more, though bytes may be there still */
};

struct poller_ready {
	struct watch *watch; /* NULL: it is not to be told any more */
	uint32_t events;
};

/* A descriptor or -errno. */
int poller_open(void);

/* The watch's descriptor, from now on; -EPERM for one that is never waited for, as a regular file
 * is. 0 or -errno. */
int poller_add(int poller, struct watch *watch, uint32_t events);
/* The same descriptor is another watch's from now on. */
int poller_change(int poller, struct watch *watch, uint32_t events);
void poller_drop(int poller, struct watch *watch);

/* How many have become ready, within so many milliseconds (-1 = for ever); -errno. */
int poller_wait(int poller, struct poller_ready *ready, int room, int milliseconds);

#endif
