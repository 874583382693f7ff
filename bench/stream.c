/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to measure with, both sides of them: a thread each.
 *
 *   stream serve ADDRESS PORT            says "ready", then serves until it is killed
 *   stream latency ADDRESS PORT COUNT    microseconds of connect, request, answer: one line each
 *   stream bulk ADDRESS PORT STREAMS MS  bytes a second of all streams together; then all bytes
 *   stream rate ADDRESS PORT MS          connections a second, eight at once; then all of them
 *
 * With STREAM_DOOR=ADDRESS:PORT in the environment it asks there, by HTTP CONNECT, for ADDRESS, and
 * says the line STREAM_HEADER as well. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PIECE 131072
#define AT_ONCE 8
#define MAX_STREAMS 64

static struct sockaddr_in server;
static const char *target, *target_port;
static bool through_door;
static atomic_ullong done;
static atomic_bool over;

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

static double now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* The first byte says what is wanted: an answer of a byte, or that all is swallowed. */
static void *serve_one(void *argument)
{
	int fd = (int)(intptr_t)argument;
	char *piece = malloc(PIECE);
	ssize_t got = piece ? read(fd, piece, PIECE) : 0;

	if (got > 0 && piece[0] == 'r' && write(fd, "a", 1) != 1)
		got = 0;
	while (got > 0)
		got = read(fd, piece, PIECE);
	close(fd);
	free(piece);
	return NULL;
}

static void start(pthread_t *thread, void *(*function)(void *), void *argument)
{
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 65536);
	if (pthread_create(thread, &attributes, function, argument))
		fail("pthread_create");
	pthread_attr_destroy(&attributes);
}

static int serve(void)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	pthread_t thread;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&server, sizeof(server)) < 0 ||
		listen(listener, 1024) < 0)
		fail("listen");
	puts("ready");
	fflush(stdout);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			fail("accept");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		start(&thread, serve_one, (void *)(intptr_t)fd);
		pthread_detach(thread);
	}
}

/* The proxy's yes is one line and an empty one, which nothing follows before we have spoken. */
static void ask(int fd)
{
	const char *header = getenv("STREAM_HEADER");
	char text[8192];
	ssize_t got = 0;
	int len = snprintf(text, sizeof(text), "CONNECT %s:%s HTTP/1.1\r\nHost: %s:%s%s%s\r\n\r\n",
		target, target_port, target, target_port, header ? "\r\n" : "",
		header ? header : "");

	if (write(fd, text, (size_t)len) != len)
		fail("CONNECT");
	for (len = 0; len < 4 || memcmp(text + len - 4, "\r\n\r\n", 4) != 0; len += (int)got) {
		got = read(fd, text + len, sizeof(text) - (size_t)len);
		if (got <= 0)
			fail("answer");
	}
	if (strncmp(text + 8, " 200", 4) != 0)
		fail("refused");
}

static int dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (struct sockaddr *)&server, sizeof(server)) < 0)
		fail("connect");
	if (through_door)
		ask(fd);
	return fd;
}

static bool parse_place(const char *address, const char *port)
{
	server.sin_family = AF_INET;
	server.sin_port = htons((uint16_t)atoi(port));
	return inet_pton(AF_INET, address, &server.sin_addr) == 1;
}

static bool find_door(char *door)
{
	char *port = strchr(door, ':');

	if (!port)
		return false;
	*port++ = '\0';
	through_door = true;
	return parse_place(door, port);
}

static void request(void)
{
	int fd = dial();
	char answer;

	if (write(fd, "r", 1) != 1 || read(fd, &answer, 1) != 1)
		fail("request");
	close(fd);
}

static void latency(int count)
{
	for (int i = 0; i < count; i++) {
		double began = now_usec();

		request();
		printf("%.1f\n", now_usec() - began);
	}
}

static void *pour(void *argument)
{
	char *piece = calloc(1, PIECE);
	int fd = dial();

	while (piece && !over) {
		ssize_t sent = write(fd, piece, PIECE);

		if (sent <= 0)
			fail("write");
		done += (unsigned long long)sent;
	}
	close(fd);
	free(piece);
	return argument;
}

static void *repeat(void *argument)
{
	while (!over) {
		request();
		done++;
	}
	return argument;
}

/* Of what the threads do, a second; after a tenth of the time, in which windows grow. */
static void measure(void *(*function)(void *), int threads, int ms)
{
	pthread_t thread[MAX_STREAMS];
	unsigned long long before;
	double began;

	for (int i = 0; i < threads; i++)
		start(&thread[i], function, NULL);
	usleep((useconds_t)ms * 100);
	before = done;
	began = now_usec();
	usleep((useconds_t)ms * 1000);
	printf("%.0f\n", (double)(done - before) / (now_usec() - began) * 1e6);
	over = true;
	for (int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	printf("%llu\n", done);
}

int main(int argc, char **argv)
{
	int first = argc > 4 ? atoi(argv[4]) : 0, second = argc > 5 ? atoi(argv[5]) : 0;

	char *door = getenv("STREAM_DOOR");

	if (argc < 4)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	target = argv[2];
	target_port = argv[3];
	if (!(door ? find_door(door) : parse_place(target, target_port)))
		return 2;
	if (strcmp(argv[1], "serve") == 0)
		return serve();
	if (strcmp(argv[1], "latency") == 0)
		latency(first);
	else if (strcmp(argv[1], "bulk") == 0 && first > 0 && first <= MAX_STREAMS)
		measure(pour, first, second);
	else if (strcmp(argv[1], "rate") == 0)
		measure(repeat, AT_ONCE, first);
	else
		return 2;
	return 0;
}
