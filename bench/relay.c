/* SPDX-License-Identifier: Apache-2.0 */
/* The least that carries bytes from one network to another, for bench/egress to compare with: no
 * rule, no name, no limit, no audit, nothing but a thread for each connection that splices what
 * the client sends to the server. What it needs, no proxy in user space can do without.
 *
 *   relay NAMESPACE ADDRESS PORT    listens there in the network of that descriptor, says "ready",
 *                                   and dials the same address outside */
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIPE_BYTES (1024 * 1024) /* as the proxy's */

static struct sockaddr_in place = {.sin_family = AF_INET};

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void pass_on(int from, int to)
{
	int pipe_ends[2];
	ssize_t held, sent;

	if (pipe(pipe_ends) < 0 || fcntl(pipe_ends[1], F_SETPIPE_SZ, PIPE_BYTES) < 0)
		fail("pipe");
	while ((held = splice(from, NULL, pipe_ends[1], NULL, PIPE_BYTES, SPLICE_F_MOVE)) > 0) {
		for (; held > 0; held -= sent) {
			sent = splice(pipe_ends[0], NULL, to, NULL, (size_t)held, SPLICE_F_MOVE);
			if (sent <= 0)
				break;
		}
		if (held > 0)
			break;
	}
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

static void *carry(void *argument)
{
	int client = (int)(intptr_t)argument;
	int server = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(server, (struct sockaddr *)&place, sizeof(place)) < 0)
		fail("connect");
	pass_on(client, server);
	close(server);
	close(client);
	return NULL;
}

static int listen_in(int namespace)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), on = 1, listener;

	if (home < 0 || setns(namespace, CLONE_NEWNET) < 0)
		fail("setns");
	listener = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&place, sizeof(place)) < 0 ||
		listen(listener, 1024) < 0)
		fail("listen");
	if (setns(home, CLONE_NEWNET) < 0)
		fail("setns");
	return listener;
}

int main(int argc, char **argv)
{
	int listener;

	if (argc != 4 || inet_pton(AF_INET, argv[2], &place.sin_addr) != 1)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	place.sin_port = htons((uint16_t)atoi(argv[3]));
	listener = listen_in(atoi(argv[1]));
	puts("ready");
	fflush(stdout);
	for (;;) {
		int client = accept(listener, NULL, NULL);
		pthread_t thread;

		if (client < 0 || pthread_create(&thread, NULL, carry, (void *)(intptr_t)client))
			fail("accept");
		pthread_detach(thread);
	}
}
