/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "network_fixture.h"

#include "egress/control.h"
#include "linux/control.h"
#include "linux/init/network.h"
#include "linux/jail/spec_write.h"

#define MAX_SOCKETS 8

/* What the proxy got. */
static int sockets[MAX_SOCKETS];
static uint32_t kinds[MAX_SOCKETS];
static size_t n_sockets;

bool without_divert;
static struct spec spec;

int __real_network_divert(uint16_t port, struct failure *failure);
int __wrap_network_divert(uint16_t port, struct failure *failure);

int __wrap_network_divert(uint16_t port, struct failure *failure)
{
	return without_divert ? -EOPNOTSUPP : __real_network_divert(port, failure);
}

struct place {
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	};
	socklen_t len;
};

static struct place place_of(const char *address, uint16_t port)
{
	struct place place = {.len = sizeof(place.six)};

	if (inet_pton(AF_INET6, address, &place.six.sin6_addr) == 1) {
		place.six.sin6_family = AF_INET6;
		place.six.sin6_port = htons(port);
		return place;
	}
	place.len = sizeof(place.four);
	place.four.sin_family = AF_INET;
	place.four.sin_port = htons(port);
	if (inet_pton(AF_INET, address, &place.four.sin_addr) != 1)
		abort();
	return place;
}

int reach(int type, const char *address, uint16_t port)
{
	struct place place = place_of(address, port);
	int fd = socket(place.any.sa_family, type | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -errno : connect(fd, &place.any, place.len) < 0 ? -errno : fd;

	if (r < 0 && fd >= 0)
		close(fd);
	return r;
}

/* A socket that is bound there, with everything that could take a port from its owner; or -errno.
 */
int own(int type, const char *address, uint16_t port)
{
	const int yes = 1;
	struct place place = place_of(address, port);
	int fd = socket(place.any.sa_family, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes));
	if (bind(fd, &place.any, place.len) < 0 || (type == SOCK_STREAM && listen(fd, 8) < 0)) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}

static void __attribute__((noreturn)) live(worker *work, int proxy)
{
	struct failure failure;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (dup2(proxy, SLOT_EGRESS) < 0)
		_exit(100);
	close(proxy);
	/* Where nobody has made a network yet nothing is reached: the control of all below. */
	if (network_enter(&spec, &failure) < 0 ||
		reach(SOCK_STREAM, "192.0.2.1", 443) != -ENETUNREACH ||
		network_open(&spec, &failure) < 0) {
		fprintf(stderr, "# %s: %s: %s\n", failure.step, failure.detail,
			strerror(failure.code));
		_exit(101);
	}
	_exit(work());
}

int look_around(void)
{
	struct failure failure;

	return network_check(&spec, &failure);
}

static void write_spec(void)
{
	static const uint16_t ports[] = {443, 5432};
	static const uint8_t four[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
	static const uint8_t six[16] = {[15] = 1};
	autospec struct spec_writer writer;
	struct failure failure;
	int fd;

	spec_writer_init(&writer);
	spec_add_ports(&writer, ports, 2);
	spec_add_loopback(&writer, four, 3306);
	spec_add_loopback(&writer, six, 3306);
	spec_add_loopback(&writer, four, 5432);
	fd = spec_writer_seal(&writer, NULL);
	assert_true(fd >= 0);
	assert_int_equal(spec_load(fd, &spec, &failure), 0);
	close(fd);
}

pid_t start(worker *work)
{
	struct control_message message;
	int pair[2], r;
	pid_t pid;

	n_sockets = 0;
	write_spec();
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(pair[0]);
		live(work, pair[1]);
	}
	close(pair[1]);
	for (;;) {
		struct pollfd due = {.fd = pair[0], .events = POLLIN};

		assert_int_equal(poll(&due, 1, PATIENCE_MS), 1);
		r = control_receive(pair[0], &message);
		if (r == -EPIPE)
			break;
		assert_int_equal(r, 1);
		assert_int_equal(message.header.type, EGRESS_SOCKETS);
		assert_int_equal(message.len, message.n_fds * sizeof(uint32_t));
		assert_true(n_sockets + message.n_fds <= MAX_SOCKETS);
		memcpy(kinds + n_sockets, message.data, message.len);
		memcpy(sockets + n_sockets, message.fds, message.n_fds * sizeof(int));
		n_sockets += message.n_fds;
	}
	close(pair[0]);
	return pid;
}

void finish(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	while (n_sockets)
		close(sockets[--n_sockets]);
}

int socket_of(enum egress_socket kind)
{
	for (size_t i = 0; i < n_sockets; i++)
		if (kinds[i] == kind)
			return sockets[i];
	fail_msg("no socket of kind %d", kind);
	return -1;
}

int take(enum egress_socket kind, char text[SEEN_TEXT])
{
	struct pollfd due[MAX_SOCKETS];
	struct sockaddr_in6 six;
	socklen_t len = sizeof(six);
	char address[INET6_ADDRSTRLEN];
	int fd = -1;

	for (size_t i = 0; i < n_sockets; i++)
		due[i] = (struct pollfd){
			.fd = kinds[i] == kind ? sockets[i] : -1, .events = POLLIN};
	assert_true(poll(due, n_sockets, PATIENCE_MS) > 0);
	for (size_t i = 0; fd < 0 && i < n_sockets; i++)
		if (due[i].revents)
			fd = accept4(sockets[i], NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&six, &len), 0);
	if (six.sin6_family == AF_INET6)
		inet_ntop(AF_INET6, &six.sin6_addr, address, sizeof(address));
	else
		inet_ntop(
			AF_INET, &((struct sockaddr_in *)&six)->sin_addr, address, sizeof(address));
	snprintf(text, SEEN_TEXT, "%s %u", address, ntohs(six.sin6_port));
	return fd;
}

void expect(enum egress_socket kind, const char *wanted)
{
	char text[SEEN_TEXT];

	close(take(kind, text));
	assert_string_equal(text, wanted);
}

void expect_all(const char *const *wanted, unsigned count)
{
	unsigned seen = 0;

	for (unsigned i = 0; i < count; i++) {
		char text[SEEN_TEXT];
		unsigned k = 0;

		close(take(EGRESS_SOCKET_TCP, text));
		while (k < count && strcmp(wanted[k], text) != 0)
			k++;
		seen |= 1u << k;
	}
	assert_int_equal(seen, (1u << count) - 1);
}
