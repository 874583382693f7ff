/* SPDX-License-Identifier: Apache-2.0 */
/* The network of an allowlist: a child makes it and lives in it as a worker would; this process has
 * the proxy's end of it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "network_fixture.h"

#include "linux/control.h"

static const struct {
	const char *address;
	uint16_t port;
	const char *seen;
} everywhere[] = {
	{"192.0.2.1", 443, "::ffff:192.0.2.1 443"},
	{"192.0.2.1", 1, "::ffff:192.0.2.1 1"},
	{"10.0.0.1", 65535, "::ffff:10.0.0.1 65535"},
	{"169.254.169.254", 80, "::ffff:169.254.169.254 80"},
	{"255.1.2.3", 53, "::ffff:255.1.2.3 53"},
	{"2001:db8::1", 443, "2001:db8::1 443"},
	{"fd00::1", 22, "fd00::1 22"},
	{"64:ff9b::a00:1", 5432, "64:ff9b::a00:1 5432"},
};

#define N_EVERYWHERE (sizeof(everywhere) / sizeof(everywhere[0]))

static int connect_everywhere(void)
{
	for (size_t i = 0; i < N_EVERYWHERE; i++)
		if (reach(SOCK_STREAM, everywhere[i].address, everywhere[i].port) < 0)
			return (int)i + 1;
	return 0;
}

static void test_every_address_and_port_reaches_the_proxy(void **state)
{
	pid_t pid = start(connect_everywhere);

	(void)state;
	for (size_t i = 0; i < N_EVERYWHERE; i++)
		expect(EGRESS_SOCKET_TCP, everywhere[i].seen);
	finish(pid);
}

static int connect_to_listed(void)
{
	if (reach(SOCK_STREAM, "192.0.2.1", 443) < 0)
		return 1;
	if (reach(SOCK_STREAM, "2001:db8::1", 5432) < 0)
		return 2;
	return reach(SOCK_STREAM, "192.0.2.1", 80) == -ECONNREFUSED ? 0 : 3;
}

static void test_without_nf_tables_listed_ports_do(void **state)
{
	pid_t pid;

	(void)state;
	without_divert = true;
	pid = start(connect_to_listed);
	without_divert = false;
	expect(EGRESS_SOCKET_TCP, "::ffff:192.0.2.1 443");
	expect(EGRESS_SOCKET_TCP, "2001:db8::1 5432");
	finish(pid);
}

/* Nobody of the proxy answers: it could not be told from the worker's own. */
static int use_loopback(void)
{
	static const char *const homes[] = {"127.0.0.1", "127.1.2.3", "::1"};
	int server;

	for (size_t i = 0; i < 3; i++) {
		server = own(SOCK_STREAM, homes[i], 8080);
		if (server < 0 || reach(SOCK_STREAM, homes[i], 8080) < 0 ||
			accept(server, NULL, NULL) < 0)
			return (int)i + 1;
		close(server);
		if (reach(SOCK_STREAM, homes[i], 8080) != -ECONNREFUSED)
			return 10;
	}
	/* Ports of the allowlist, too, on every address. */
	server = own(SOCK_STREAM, "::", 443);
	return server < 0 || reach(SOCK_STREAM, "127.0.0.1", 443) < 0 ||
			       accept(server, NULL, NULL) < 0
		       ? 11
		       : 0;
}

static void test_the_loopback_is_the_workers_own(void **state)
{
	pid_t pid = start(use_loopback);
	struct pollfd proxy = {.fd = socket_of(EGRESS_SOCKET_TCP), .events = POLLIN};

	(void)state;
	assert_int_equal(poll(&proxy, 1, 200), 0);
	finish(pid);
}

static int use_listed_loopback(void)
{
	return reach(SOCK_STREAM, "127.0.0.1", 3306) < 0 || reach(SOCK_STREAM, "::1", 3306) < 0 ||
			       reach(SOCK_STREAM, "127.0.0.1", 5432) < 0 ||
			       reach(SOCK_STREAM, "127.0.0.2", 3306) != -ECONNREFUSED
		       ? 1
		       : 0;
}

static void test_what_is_listed_of_the_loopback_is_the_hosts(void **state)
{
	(void)state;
	for (int divert = 1; divert >= 0; divert--) {
		pid_t pid;

		without_divert = !divert;
		pid = start(use_listed_loopback);
		without_divert = false;
		expect_all((const char *[]){"127.0.0.1 3306", "::1 3306",
				   divert ? "127.0.0.1 5432" : "::ffff:127.0.0.1 5432"},
			3);
		finish(pid);
	}
}

static int steal(void)
{
	static const struct {
		int type;
		const char *address;
		uint16_t port;
	} taken[] = {
		{SOCK_DGRAM, "0.0.0.0", 53},
		{SOCK_DGRAM, "127.0.0.1", 53},
		{SOCK_DGRAM, "::", 53},
		{SOCK_STREAM, "192.0.2.1", 53},
		{SOCK_STREAM, "::1", 53},
		{SOCK_STREAM, "127.0.0.1", 1080},
		{SOCK_STREAM, "127.0.0.1", 3306},
		{SOCK_STREAM, "0.0.0.0", 3306},
	};

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (own(taken[i].type, taken[i].address, taken[i].port) != -EADDRINUSE)
			return (int)i + 1;
	return 0;
}

static void test_no_listener_can_be_taken_away(void **state)
{
	(void)state;
	finish(start(steal));
}

static int ask_names(void)
{
	static const char *const servers[] = {"8.8.8.8", "127.0.0.53", "2001:4860:4860::8888"};
	char answer[8];

	for (size_t i = 0; i < 3; i++) {
		int fd = reach(SOCK_DGRAM, servers[i], 53);

		/* A connected socket hears nobody but whom it is connected to. */
		if (fd < 0 || send(fd, "who", 3, 0) != 3 ||
			recv(fd, answer, sizeof(answer), 0) != 2)
			return (int)i + 1;
		close(fd);
	}
	return 0;
}

/* Sends the answer from the address that was asked. */
static void answer_name(int fd)
{
	char query[16], control[256];
	struct sockaddr_in6 peer;
	struct iovec part = {query, sizeof(query)};
	struct msghdr message = {.msg_name = &peer,
		.msg_namelen = sizeof(peer),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	struct pollfd due = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&due, 1, PATIENCE_MS), 1);
	assert_int_equal(recvmsg(fd, &message, 0), 3);
	part = (struct iovec){(void *)"no", 2};
	assert_int_equal(sendmsg(fd, &message, 0), 2);
}

static void test_names_are_asked_of_the_proxy(void **state)
{
	pid_t pid = start(ask_names);
	int fd = socket_of(EGRESS_SOCKET_DNS_UDP);

	(void)state;
	for (int i = 0; i < 3; i++)
		answer_name(fd);
	finish(pid);
}

static int use_datagrams(void)
{
	int fd = reach(SOCK_DGRAM, "192.0.2.1", 443);
	char answer;

	if (fd < 0 || send(fd, "x", 1, 0) != 1)
		return 1;
	return recv(fd, &answer, 1, 0) < 0 && errno == ECONNREFUSED ? 0 : 2;
}

static void test_other_datagrams_are_refused_at_once(void **state)
{
	(void)state;
	finish(start(use_datagrams));
}

static int knock(void)
{
	return reach(SOCK_STREAM, "127.0.0.1", 1080) < 0 || reach(SOCK_STREAM, "127.0.0.53", 53) < 0
		       ? 1
		       : 0;
}

static void test_the_door_and_names_over_tcp(void **state)
{
	pid_t pid = start(knock);

	(void)state;
	expect(EGRESS_SOCKET_DOOR, "127.0.0.1 1080");
	expect(EGRESS_SOCKET_DNS_TCP, "::ffff:127.0.0.53 53");
	finish(pid);
}

/* As a helper might leave init, by mistake or by somebody's will: in another namespace, without
 * the mark of the prepared one, or with that of something else. */
static int stray(void)
{
	int fd, other;

	if (look_around() != 0)
		return 1;
	if (unshare(CLONE_NEWNET) < 0 || look_around() != -ESTALE)
		return 2;
	fd = dup(SLOT_EGRESS);
	other = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);
	if (dup2(other, SLOT_EGRESS) < 0 || look_around() != -ESTALE)
		return 3;
	close(SLOT_EGRESS);
	if (look_around() != -EBADF)
		return 4;
	/* And back again it is right. */
	if (setns(fd, CLONE_NEWNET) < 0 || dup2(fd, SLOT_EGRESS) < 0)
		return 5;
	return look_around() == 0 ? 0 : 6;
}

static void test_another_network_is_found_out(void **state)
{
	(void)state;
	finish(start(stray));
}

#define PIECE_LEN 100003 /* a prime: no buffer's length divides by it */
#define PIECES 100

static const struct {
	const char *address;
	uint16_t port;
} flooded[] = {{"192.0.2.1", 443}, {"2001:db8::1", 443}, {"127.0.0.1", 3306}, {"::1", 3306}};

static unsigned char pattern(size_t i)
{
	return (unsigned char)(i * 131 + i / 251);
}

static int flood(void)
{
	static unsigned char piece[PIECE_LEN];
	char control[16] = "";
	socklen_t len = sizeof(control);

	for (size_t i = 0; i < PIECE_LEN; i++)
		piece[i] = pattern(i);
	for (size_t i = 0; i < sizeof(flooded) / sizeof(flooded[0]); i++) {
		int fd = reach(SOCK_STREAM, flooded[i].address, flooded[i].port);

		if (fd < 0)
			return (int)i + 1;
		for (size_t k = 0; k < PIECES; k++)
			if (send(fd, piece, PIECE_LEN, 0) != PIECE_LEN)
				return (int)i + 11;
		if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, control, &len) < 0 ||
			strcmp(control, "reno") != 0)
			return (int)i + 21;
		close(fd);
	}
	return 0;
}

static void test_bytes_arrive_however_large_their_pieces_are(void **state)
{
	static unsigned char got[1 << 20];
	pid_t pid = start(flood);
	char text[SEEN_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(flooded) / sizeof(flooded[0]); i++) {
		int fd = take(EGRESS_SOCKET_TCP, text);
		size_t sum = 0;
		ssize_t n;

		while ((n = read(fd, got, sizeof(got))) > 0)
			for (ssize_t k = 0; k < n; k++, sum++)
				if (got[k] != pattern(sum % PIECE_LEN))
					fail_msg("%s: byte %zu is another", text, sum);
		assert_int_equal(n, 0);
		assert_int_equal(sum, (size_t)PIECE_LEN * PIECES);
		close(fd);
	}
	finish(pid);
}

/* The greatest that the kernel gives to a loopback, where it says what that is (Linux 5.19). */
static int measure_pieces(void)
{
	const struct {
		struct nlmsghdr head;
		struct ifinfomsg link;
	} question = {{sizeof(question), RTM_GETLINK, NLM_F_REQUEST, 1, 0}, {.ifi_index = 1}};
	_Alignas(4) char answer[8192];
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	uint32_t most = 0, chosen = 0;
	ssize_t len;

	if (fd < 0 || send(fd, &question, sizeof(question), 0) < 0)
		return 1;
	len = recv(fd, answer, sizeof(answer), 0) - (ssize_t)NLMSG_LENGTH(sizeof(question.link));
	for (struct rtattr *at = IFLA_RTA(NLMSG_DATA((struct nlmsghdr *)answer)); RTA_OK(at, len);
		at = RTA_NEXT(at, len)) {
		if (at->rta_type == IFLA_TSO_MAX_SIZE)
			memcpy(&most, RTA_DATA(at), sizeof(most));
		if (at->rta_type == IFLA_GSO_MAX_SIZE)
			memcpy(&chosen, RTA_DATA(at), sizeof(chosen));
	}
	close(fd);
	return most <= 65536 || chosen == most ? 0 : 2;
}

static void test_the_loopback_takes_large_pieces(void **state)
{
	(void)state;
	finish(start(measure_pieces));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_address_and_port_reaches_the_proxy),
		cmocka_unit_test(test_without_nf_tables_listed_ports_do),
		cmocka_unit_test(test_the_loopback_is_the_workers_own),
		cmocka_unit_test(test_what_is_listed_of_the_loopback_is_the_hosts),
		cmocka_unit_test(test_no_listener_can_be_taken_away),
		cmocka_unit_test(test_names_are_asked_of_the_proxy),
		cmocka_unit_test(test_other_datagrams_are_refused_at_once),
		cmocka_unit_test(test_the_door_and_names_over_tcp),
		cmocka_unit_test(test_another_network_is_found_out),
		cmocka_unit_test(test_bytes_arrive_however_large_their_pieces_are),
		cmocka_unit_test(test_the_loopback_takes_large_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
