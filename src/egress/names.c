/* SPDX-License-Identifier: Apache-2.0 */
/* kastellan-names: the resolver of one proxy, which becomes it with the first question. A program
 * of its own, because the modules of the host's name service need the C library that they were made
 * for, whose start would take longer than all else that the proxy begins with.
 *
 * Each thread takes a question out of the socket and stays with it as long as the name servers
 * need. The first thread only waits for the proxy's end, so that none of them holds up the exit.
 * Should anything fail, the process ends, and no name has an address. */
#include "egress/resolver_child.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <resolv.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "egress/confine.h"

#define SOCKET NAMES_SLOT_SOCKET /* 0, 1 and 2 are /dev/null: libraries write to them */
#define STACK 524288 /* modules of the name service may be large */

/* A name with a dot is complete: tried below the host's own domains as well, it would lead to hosts
 * that no list has, and tell those domains' servers what the worker asks for. A final dot would say
 * so, too, but is not found in /etc/hosts. Settings that somebody has changed are this thread's for
 * good: the C library makes none anew then, so that a resolv.conf that has become another one would
 * never be seen. It is cheap to make them for each question, as the file is read when it has
 * changed. */
bool resolver_settings(void)
{
	if (_res.options & RES_INIT)
		res_nclose(&_res);
	if (res_ninit(&_res) < 0)
		return false;
	_res.options &= ~(unsigned long)RES_DNSRCH;
	return true;
}

static void *serve(void *unused)
{
	struct question question;
	struct resolution resolution;

	(void)unused;
	for (;;) {
		ssize_t len = recv(SOCKET, &question, sizeof(question), 0);

		if (len < 0 && errno == EINTR)
			continue;
		if (len != sizeof(question))
			_exit(0);
		question.name[KS_MAX_HOST] = '\0';
		resolver_answer(&question, &resolution);
		if (send(SOCKET, &resolution, sizeof(resolution), MSG_NOSIGNAL) < 0)
			_exit(0);
	}
	return NULL;
}

static int start_threads(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < RESOLVER_THREADS; i++) {
		r = pthread_create(&thread, &attributes, serve, NULL);
		if (r)
			return -r;
	}
	pthread_attr_destroy(&attributes);
	return 0;
}

static void await_end(void)
{
	struct pollfd wait = {.fd = SOCKET};

	while (poll(&wait, 1, -1) < 0 && errno == EINTR)
		;
}

int main(void)
{
	struct complaint complaint;

	prctl(PR_SET_NAME, "kastellan-names", 0, 0, 0);
	if (confine_resolver(&complaint) < 0 || start_threads() < 0)
		return EXIT_FAILURE;
	await_end();
	_exit(EXIT_SUCCESS);
}
