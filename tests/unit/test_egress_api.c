/* SPDX-License-Identifier: Apache-2.0 */
/* The public calls of egress.h, with the stand-in for the proxy (egress_fake.c), which behaves as
 * the name of the worker says. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include <kastellan/kastellan.h>

static ks_policy *policy;
static int door = -1, client = -1; /* listens; does not */

static struct ks_egress_options options_of(const char *worker)
{
	struct ks_egress_options options = {.size = sizeof(options), .doors = &door, .n_doors = 1};

	options.worker = worker;
	return options;
}

static ks_egress *start(const struct ks_egress_options *options)
{
	ks_egress *egress = NULL;
	ks_error *error = NULL;

	if (ks_egress_start(policy, options, &egress, &error) < 0)
		fail_msg("%s", ks_error_message(error));
	return egress;
}

static void await_end(ks_egress *egress)
{
	struct pollfd due = {.fd = ks_egress_fd(egress), .events = POLLIN};

	while (!ks_egress_dispatch(egress))
		assert_int_equal(poll(&due, 1, 10000), 1);
}

static void test_life(void **state)
{
	struct ks_egress_options options = options_of("plain");
	struct ks_denied_destination denied = {.size = sizeof(denied)};
	ks_egress *egress = start(&options);

	(void)state;
	assert_int_equal(ks_egress_dispatch(egress), 0);
	assert_int_equal(ks_egress_connections(egress), 0);
	ks_egress_stop(egress);
	await_end(egress);
	assert_int_equal(ks_egress_dispatch(egress), 1);
	assert_int_equal(ks_egress_died(egress), 0);
	assert_int_equal(ks_egress_connections(egress), 2); /* entries, says the stand-in */
	assert_int_equal(ks_egress_connections_denied(egress), 1); /* doors */
	assert_int_equal(ks_egress_bytes_sent(egress), 4096); /* the limit of the policy */
	assert_true(ks_egress_bytes_received(egress) & 1); /* flags: SNI has to match */
	assert_int_equal(ks_egress_denied_destination(egress, 0, &denied), 0);
	assert_string_equal(denied.host, "first.example");
	assert_string_equal(denied.reason, "host_not_allowed");
	assert_string_equal(denied.entry, "entry:1");
	assert_int_equal(denied.port, 443);
	assert_int_equal(ks_egress_denied_destination(egress, 1, &denied), -ENOENT);
	ks_egress_free(egress);
	ks_egress_free(NULL);
}

static void test_ends(void **state)
{
	struct ks_egress_options options = options_of("die-later");
	ks_egress *egress = start(&options);

	(void)state;
	await_end(egress);
	assert_int_equal(ks_egress_died(egress), 1);
	ks_egress_free(egress);
	options = options_of("deaf");
	ks_egress_free(start(&options)); /* at once */
}

static void check_refused(const struct ks_egress_options *options, int code, const char *words)
{
	ks_egress *egress = NULL;
	ks_error *error = NULL;

	assert_int_equal(ks_egress_start(policy, options, &egress, &error), code);
	assert_null(egress);
	assert_non_null(error);
	if (!strstr(ks_error_message(error), words))
		fail_msg("%s", ks_error_message(error));
	ks_error_free(error);
}

static void test_options(void **state)
{
	struct {
		struct ks_egress_options known;
		char newer[8];
	} longer = {.known = options_of("plain")};
	struct ks_egress_options options = options_of("plain");
	char name[65];

	(void)state;
	check_refused(NULL, -EINVAL, "size is not set");
	options.size = 8;
	check_refused(&options, -EINVAL, "size is not set");
	longer.known.size = sizeof(longer);
	longer.newer[7] = 1;
	check_refused(&longer.known, -E2BIG, "older than the program");
	longer.newer[7] = 0;
	ks_egress_free(start(&longer.known));
	options = options_of("plain");
	options.n_doors = 0;
	check_refused(&options, -EINVAL, "doors");
	options.n_doors = KS_EGRESS_MAX_DOORS + 1;
	check_refused(&options, -EINVAL, "doors");
	options = options_of("plain");
	options.doors = &client;
	check_refused(&options, -EINVAL, "doors[0]");
	options = options_of("plain");
	options.audit = 2;
	check_refused(&options, -EINVAL, "audit");
	options.audit = 1;
	options.audit_fd = -1;
	check_refused(&options, -EINVAL, "audit");
	memset(name, 'a', 64);
	name[64] = '\0';
	options = options_of(name);
	check_refused(&options, -ENAMETOOLONG, "63 bytes");
	options = options_of("fail");
	check_refused(&options, -EPERM, "landlock");
}

static void test_policies(void **state)
{
	struct ks_egress_options options = options_of("plain");
	ks_policy *saved = policy;

	(void)state;
	assert_int_equal(ks_policy_new(&policy), 0);
	check_refused(&options, -EINVAL, "no endpoint");
	assert_int_equal(ks_policy_set_net(policy, KS_NET_PROXY_EGRESS, NULL), 0);
	check_refused(&options, -EINVAL, "no endpoint");
	ks_policy_free(policy);
	policy = saved;
}

static void test_audit(void **state)
{
	struct ks_egress_options options = options_of("plain");
	char line[8] = "";
	int ends[2];
	ks_egress *egress;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	options.audit = 1;
	options.audit_fd = ends[1];
	egress = start(&options);
	close(ends[1]);
	ks_egress_stop(egress);
	await_end(egress);
	ks_egress_free(egress);
	assert_int_equal(read(ends[0], line, sizeof(line)), 5);
	assert_string_equal(line, "line\n");
	close(ends[0]);
}

static int set_up(void **state)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	(void)state;
	door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* Without a name the kernel finds one, in no file system. */
	if (bind(door, (void *)&name, sizeof(name.sun_family)) < 0 || listen(door, 1) < 0)
		return -1;
	if (ks_policy_new(&policy) < 0 ||
		ks_policy_add_endpoint(policy, "a.example:443", NULL) < 0 ||
		ks_policy_add_endpoint(policy, "*.b.example:80", NULL) < 0)
		return -1;
	return ks_policy_set_egress_bytes(policy, 4096, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	ks_policy_free(policy);
	close(door);
	return close(client);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_audit),
	};

	if (argc != 3)
		return 2;
	setenv("KASTELLAN_EGRESS", argv[1], 1);
	setenv("KASTELLAN_NAMES", argv[2], 1);
	alarm(60);
	return cmocka_run_group_tests_name("egress_api", tests, set_up, tear_down);
}
