/* SPDX-License-Identifier: Apache-2.0 */
/* What a confined process may try, and what comes of it. */
#ifndef KS_TESTS_CONFINE_ACTS_H
#define KS_TESTS_CONFINE_ACTS_H

#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>

#define SIGNALLED 1000
#define DIES (SIGNALLED + SIGSYS)

enum place { FREE, PROXY, RESOLVER, LANDLOCK_ALONE, PLACES };

/* Made before, by whom all places can use them. */
extern char file_path[];
extern int library; /* a file that holds code */
extern struct sockaddr_in listener;

struct row {
	const char *name;
	int (*act)(void);
	int answers[PLACES]; /* the last one: -1 = as it is free */
	int other; /* of the control, where a kernel or user may lack what is tried */
	int since; /* the ABI of Landlock that the last answer takes, and ... */
	int filter_alone; /* ... the resolver's answer before it */
};

extern const struct row rows[];
extern const size_t n_rows;

/* 0, or the errno of a call that has failed. */
int answer(long result);

/* An act returns 0 or an errno. */
int act_read_passwd(void);

#endif
