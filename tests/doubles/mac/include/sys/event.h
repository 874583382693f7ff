/* SPDX-License-Identifier: Apache-2.0 */
/* As much of a Mac's <sys/event.h> as the proxy uses, over Linux (kqueue.c). A test double. */
#ifndef KS_DOUBLE_SYS_EVENT_H
#define KS_DOUBLE_SYS_EVENT_H

#include <stdint.h>
#include <time.h>

#define EVFILT_READ (-1)
#define EVFILT_WRITE (-2)

#define EV_ADD 0x0001
#define EV_DELETE 0x0002
#define EV_CLEAR 0x0020
#define EV_ERROR 0x4000
#define EV_EOF 0x8000

struct kevent {
	uintptr_t ident;
	int16_t filter;
	uint16_t flags;
	uint32_t fflags;
	intptr_t data;
	void *udata;
};

#define EV_SET(event_, ident_, filter_, flags_, fflags_, data_, udata_) \
	(*(event_) = (struct kevent){                                   \
		 (ident_), (filter_), (uint16_t)(flags_), (fflags_), (data_), (void *)(udata_)})

int kqueue(void);
int kevent(int queue, const struct kevent *changes, int n_changes, struct kevent *events,
	int n_events, const struct timespec *timeout);

#endif
