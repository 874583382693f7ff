/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's answers about addresses, on this host and in network namespaces of the test's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <netinet/in.h>
#include <cmocka.h>

#include "egress/routes.h"

static int own(int routes, const char *text)
{
	struct address address;

	if (!address_parse(text, strlen(text), &address))
		return -EINVAL;
	return routes_own(routes, &address);
}

static void test_known(void **state)
{
	int routes = routes_open();

	(void)state;
	assert_true(routes >= 0);
	assert_int_equal(own(routes, "127.0.0.1"), 1);
	assert_int_equal(own(routes, "127.8.9.10"), 1);
	assert_int_equal(own(routes, "0.0.0.0"), 1);
	assert_int_equal(own(routes, "255.255.255.255"), 1);
	assert_int_equal(own(routes, "192.0.2.1"), 0);
	if (access("/proc/net/if_inet6", F_OK) == 0)
		assert_int_equal(own(routes, "2001:db8::1"), 0);
	assert_int_equal(routes_own(routes, &(struct address){.family = ADDRESS_NONE}), -EINVAL);
	close(routes);
}

/* Every address that an interface has, without a list of them. */
static void test_interfaces(void **state)
{
	int routes = routes_open();
	struct ifaddrs *list;
	int count = 0;

	(void)state;
	assert_true(routes >= 0);
	assert_int_equal(getifaddrs(&list), 0);
	for (struct ifaddrs *i = list; i; i = i->ifa_next) {
		struct address address;

		if (!i->ifa_addr || !(i->ifa_flags & IFF_UP))
			continue;
		if (i->ifa_addr->sa_family == AF_INET)
			address = address_from_v4(
				(const uint8_t *)&((struct sockaddr_in *)i->ifa_addr)->sin_addr);
		else if (i->ifa_addr->sa_family == AF_INET6)
			address = address_from_v6(
				((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr.s6_addr);
		else
			continue;
		/* Without its interface a link-local address may be anybody's, and no name may
		 * lead to one anyway. */
		if (address_class(&address) == CLASS_LINK_LOCAL)
			continue;
		assert_int_equal(routes_own(routes, &address), 1);
		count++;
	}
	freeifaddrs(list);
	assert_true(count > 0);
	close(routes);
}

static int loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = ioctl(fd, SIOCSIFFLAGS, &request);

	close(fd);
	return r;
}

/* ip(8) sets the scene. */
static int ip(const char *arguments)
{
	char line[256];

	snprintf(line, sizeof(line), "exec ip %s >/dev/null 2>&1", arguments);
	switch (fork()) {
	case -1:
		return -1;
	case 0:
		execl("/bin/sh", "sh", "-c", line, (char *)NULL);
		_exit(127);
	default: {
		int status;

		wait(&status);
		return status;
	}
	}
}

#define CHECK(condition)                 \
	do {                             \
		if (!(condition))        \
			return __LINE__; \
	} while (0)

static int empty_namespace(int routes)
{
	/* An interface that is down has no route, so nothing is anybody's. */
	CHECK(own(routes, "127.0.0.1") == 0);
	CHECK(own(routes, "198.51.100.7") == 0);
	CHECK(own(routes, "2001:db8::7") == 0);
	return 0;
}

static int routed_namespace(int routes)
{
	CHECK(loopback_up() == 0);
	CHECK(own(routes, "127.0.0.1") == 1);
	CHECK(own(routes, "::1") == 1);
	CHECK(own(routes, "198.51.100.7") == 0);
	CHECK(ip("link add d0 type veth peer name d1") == 0);
	CHECK(ip("addr add 198.51.100.7/24 dev d0") == 0);
	CHECK(ip("addr add 2001:db8::7/64 dev d0 nodad") == 0);
	CHECK(ip("link set d0 up") == 0);
	CHECK(ip("link set d1 up") == 0);
	CHECK(own(routes, "198.51.100.7") == 1);
	CHECK(own(routes, "198.51.100.8") == 0);
	CHECK(own(routes, "198.51.100.255") == 1);
	CHECK(own(routes, "2001:db8::7") == 1);
	CHECK(own(routes, "2001:db8::8") == 0);
	CHECK(ip("route add multicast 224.0.0.0/4 dev d0") == 0);
	CHECK(own(routes, "224.0.0.1") == 1);
	CHECK(own(routes, "ff02::1") == 1);
	CHECK(ip("route add prohibit 203.0.113.0/25") == 0);
	CHECK(own(routes, "203.0.113.7") == 0);
	CHECK(ip("route add unreachable 203.0.113.128/25") == 0);
	CHECK(own(routes, "203.0.113.200") == 0);
	/* A table that only a rule leads to, as a transparent proxy has it. */
	CHECK(own(routes, "192.0.2.9") == 0);
	CHECK(ip("rule add to 192.0.2.0/24 lookup 77") == 0);
	CHECK(ip("route add local 192.0.2.0/24 dev lo table 77") == 0);
	CHECK(own(routes, "192.0.2.9") == 1);
	return 0;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return written ? 0 : -1;
}

/* Root there, so that programs keep its capabilities. */
static int enter_namespace(void)
{
	char map[32];

	snprintf(map, sizeof(map), "0 %u 1", (unsigned)geteuid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return -1;
	return write_text("/proc/self/uid_map", map);
}

static void in_namespace(int (*check)(int routes))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int routes = -1;

		if (enter_namespace() < 0 || (routes = routes_open()) < 0)
			_exit(255);
		_exit(check(routes) & 0xff);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status))
		fail_msg("line %d in the namespace (modulo 256)", WEXITSTATUS(status));
}

static void test_empty_namespace(void **state)
{
	(void)state;
	in_namespace(empty_namespace);
}

static void test_routed_namespace(void **state)
{
	(void)state;
	in_namespace(routed_namespace);
}

/* Somebody else's words, with every number right, are not the kernel's. */
static int forged(int routes)
{
	struct sockaddr_nl to = {.nl_family = AF_NETLINK};
	socklen_t len = sizeof(to);
	int sender = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct {
		struct nlmsghdr header;
		struct rtmsg route;
	} lie = {{.nlmsg_len = sizeof(lie), .nlmsg_type = RTM_NEWROUTE},
		{.rtm_family = AF_INET, .rtm_type = RTN_UNICAST}};
	int open = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	CHECK(loopback_up() == 0);
	CHECK(getsockname(routes, (void *)&to, &len) == 0);
	for (lie.header.nlmsg_seq = 0; lie.header.nlmsg_seq < 8; lie.header.nlmsg_seq++)
		CHECK(sendto(sender, &lie, sizeof(lie), 0, (void *)&to, sizeof(to)) < 0 &&
			errno == ECONNREFUSED);
	CHECK(own(routes, "127.0.0.1") == 1);
	/* The control: a socket that is not connected takes them, and they are not believed. */
	to.nl_pid = 0;
	CHECK(bind(open, (void *)&to, sizeof(to)) == 0);
	CHECK(getsockname(open, (void *)&to, &len) == 0);
	for (lie.header.nlmsg_seq = 0; lie.header.nlmsg_seq < 8; lie.header.nlmsg_seq++)
		CHECK(sendto(sender, &lie, sizeof(lie), 0, (void *)&to, sizeof(to)) == sizeof(lie));
	CHECK(own(open, "127.0.0.1") == 1);
	return 0;
}

static void test_forged(void **state)
{
	(void)state;
	in_namespace(forged);
}

/* What is not a netlink socket is no kernel; and one that answers nothing holds up nobody. */
static void test_no_kernel(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(own(pair[0], "127.0.0.1"), -EPROTO);
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(own(-1, "127.0.0.1"), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_interfaces),
		cmocka_unit_test(test_empty_namespace),
		cmocka_unit_test(test_routed_namespace),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_no_kernel),
	};

	return cmocka_run_group_tests_name("egress_routes", tests, NULL, NULL);
}
