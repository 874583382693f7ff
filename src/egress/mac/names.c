/* SPDX-License-Identifier: Apache-2.0 */
/* kastellan-names: the resolver of one proxy, as a program. Each thread takes a question out of the
 * stream and stays with it as long as the name service needs; the first one only waits for the
 * proxy's end. The threads begin with the first question. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "egress/confine.h"
#include "egress/loop.h"
#include "egress/mac/slots.h"
#include "egress/resolver_child.h"
#include "egress/socket.h"

#define STACK 524288

static pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;

/* A name with a dot is complete to the name service of a Mac, unless its owner has set it to try
 * the domains of his network for such names, too. */
bool resolver_settings(void)
{
	return true;
}

/* True with a whole question. */
static bool read_question(struct question *question)
{
	char *at = (char *)question;
	size_t left = sizeof(*question);

	while (left) {
		ssize_t got = recv(NAMES_SLOT_PROXY, at, left, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		left -= (size_t)got;
	}
	return true;
}

static bool write_answer(const struct resolution *resolution)
{
	const char *at = (const char *)resolution;
	size_t left = sizeof(*resolution);

	while (left) {
		ssize_t sent = send(NAMES_SLOT_PROXY, at, left, socket_quiet);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		at += sent;
		left -= (size_t)sent;
	}
	return true;
}

static void *serve(void *unused)
{
	struct question question;
	struct resolution resolution;
	bool good;

	(void)unused;
	do {
		pthread_mutex_lock(&reading);
		good = read_question(&question);
		pthread_mutex_unlock(&reading);
		if (!good)
			break;
		question.name[KS_MAX_HOST] = '\0';
		resolver_answer(&question, &resolution);
		pthread_mutex_lock(&writing);
		good = write_answer(&resolution);
		pthread_mutex_unlock(&writing);
	} while (good);
	_exit(EXIT_SUCCESS);
}

static int start_threads(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r = 0;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	for (int i = 0; r == 0 && i < RESOLVER_THREADS; i++)
		r = -pthread_create(&thread, &attributes, serve, NULL);
	pthread_attr_destroy(&attributes);
	return r;
}

/* Until the proxy has gone. */
static int attend(int poller)
{
	struct watch watch = {.fd = NAMES_SLOT_PROXY};
	struct poller_ready ready;
	struct complaint complaint;
	bool serving = false;
	int r = poller_add(poller, &watch, POLLER_IN | POLLER_END);

	while (r >= 0) {
		r = poller_wait(poller, &ready, 1, -1);
		if (r <= 0)
			continue;
		if (ready.events & (POLLER_END | POLLER_ERROR | POLLER_HANGUP))
			return 0;
		if (serving)
			continue;
		r = confine_resolver(&complaint);
		if (r == 0)
			r = start_threads();
		serving = true;
	}
	return r;
}

int main(void)
{
	struct complaint complaint;
	int poller;

	signal(SIGPIPE, SIG_IGN);
	if (confine_waiting(&complaint) < 0)
		return EXIT_FAILURE;
	poller = poller_open();
	if (poller < 0 || attend(poller) < 0)
		return EXIT_FAILURE;
	_exit(EXIT_SUCCESS);
}
