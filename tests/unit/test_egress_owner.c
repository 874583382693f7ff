/* SPDX-License-Identifier: Apache-2.0 */
/* The owner's side with a stand-in for the proxy, which behaves as the name of the worker says. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/bounds.h"
#include "base/clock.h"
#include "egress/owner.h"
#include "egress/reason.h"

#define PATIENCE 10000

static const char *fake;

static struct egress_setup setup_of(const char *behaviour)
{
	static const char *const entries[] = {"a.example:443", "*.b.example:80"};
	struct egress_setup setup = {.entries = entries, .n_entries = 2, .audit = -1};

	setup.config.bytes = 77;
	snprintf(setup.config.worker, sizeof(setup.config.worker), "%s", behaviour);
	return setup;
}

static struct egress_owner *open_owner(const struct egress_setup *setup)
{
	struct egress_owner *owner = NULL;
	ks_error *error = NULL;

	if (egress_open(setup, &owner, &error) < 0 || egress_tell(owner, setup, &error) < 0)
		fail_msg("%s", ks_error_message(error));
	return owner;
}

static struct egress_owner *open_ready(const struct egress_setup *setup)
{
	struct egress_owner *owner = open_owner(setup);
	ks_error *error = NULL;

	if (egress_await_ready(owner, PATIENCE, &error) < 0)
		fail_msg("%s", ks_error_message(error));
	return owner;
}

static bool await_end(struct egress_owner *owner, int ms)
{
	int64_t deadline = clock_ms() + ms;

	while (clock_ms() < deadline) {
		struct pollfd wait = {.fd = egress_fd(owner), .events = POLLIN};

		if (egress_dispatch(owner))
			return true;
		poll(&wait, 1, 20);
	}
	return false;
}

/* A loop that waits for the descriptor alone, of which it knows once: the end is no later for it.
 */
static void test_lingering(void **state)
{
	struct egress_setup setup = setup_of("lingers");
	struct egress_owner *owner = open_ready(&setup);
	struct pollfd wait = {.fd = egress_fd(owner), .events = POLLIN};
	int64_t start = clock_ms();
	int turns = 0;

	(void)state;
	egress_stop(owner);
	do {
		assert_int_equal(poll(&wait, 1, PATIENCE), 1);
		turns++;
	} while (!egress_dispatch(owner));
	assert_true(clock_ms() - start >= 150);
	assert_true(turns < 20); /* it is no busy loop either */
	assert_false(egress_report(owner)->died);
	egress_free(owner);
}

/* No child is left, and no descriptor. */
static int open_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void assert_nothing_left(int descriptors)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(open_descriptors(), descriptors);
}

static void test_whole_life(void **state)
{
	int before = open_descriptors();
	struct egress_setup setup = setup_of("plain");
	struct egress_owner *owner = open_ready(&setup);
	const struct egress_report *report = egress_report(owner);

	(void)state;
	assert_false(egress_dispatch(owner));
	egress_stop(owner);
	egress_stop(owner);
	assert_true(await_end(owner, PATIENCE));
	assert_true(egress_dispatch(owner)); /* and stays so */
	assert_false(report->died);
	assert_int_equal(report->status, 0);
	assert_int_equal(report->totals.connections, 2); /* entries, says the stand-in */
	assert_int_equal(report->totals.denials, 0);
	assert_int_equal(report->totals.up, 77);
	assert_int_equal(report->n_denied, 1);
	assert_string_equal(report->denied[0].host, "first.example");
	assert_string_equal(report->denied[0].entry, "entry:1");
	assert_int_equal(report->denied[0].times, 3);
	egress_free(owner);
	assert_nothing_left(before);
}

/* As a child of fork() of the owner's has it that came at the wrong moment. */
static void test_end_with_a_copied_socket(void **state)
{
	struct egress_setup setup = setup_of("copied");
	struct egress_owner *owner = open_ready(&setup);

	(void)state;
	assert_true(await_end(owner, PATIENCE));
	assert_true(egress_report(owner)->died);
	assert_int_equal(WEXITSTATUS(egress_report(owner)->status), 7);
	egress_free(owner);
}

static void test_what_it_is_given(void **state)
{
	const enum egress_socket kinds[] = {EGRESS_SOCKET_DOOR, EGRESS_SOCKET_DOOR};
	int before = open_descriptors();
	int ends[2], doors[2], jail[2];
	char line[8] = "";
	struct egress_setup setup = setup_of("plain");
	struct egress_owner *owner;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, doors), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, jail), 0);
	setup.audit = ends[1];
	setup.sockets = doors;
	setup.kinds = kinds;
	setup.n_sockets = 2;
	setup.jail = &jail[1];
	owner = open_ready(&setup);
	egress_stop(owner);
	assert_true(await_end(owner, PATIENCE));
	assert_int_equal(egress_report(owner)->totals.denials, 2); /* sockets */
	assert_int_equal(egress_report(owner)->totals.down, EGRESS_FLAG_AUDIT);
	egress_free(owner);
	/* They were lent. */
	assert_int_equal(read(ends[0], line, sizeof(line)), 5);
	assert_string_equal(line, "line\n");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(close(ends[i]), 0);
		assert_int_equal(close(doors[i]), 0);
		assert_int_equal(close(jail[i]), 0);
	}
	assert_nothing_left(before);
}

/* The longest list of the longest entries. */
static void test_many_entries(void **state)
{
	static char texts[KS_MAX_ENDPOINTS][KS_MAX_HOST + 8];
	const char *entries[KS_MAX_ENDPOINTS];
	struct egress_setup setup = setup_of("plain");
	struct egress_owner *owner;

	(void)state;
	for (size_t i = 0; i < KS_MAX_ENDPOINTS; i++) {
		memset(texts[i], 'a', KS_MAX_HOST);
		memcpy(texts[i] + KS_MAX_HOST, ":65535", 7);
		entries[i] = texts[i];
	}
	setup.entries = entries;
	setup.n_entries = KS_MAX_ENDPOINTS;
	owner = open_ready(&setup);
	egress_stop(owner);
	assert_true(await_end(owner, PATIENCE));
	assert_int_equal(egress_report(owner)->totals.connections, KS_MAX_ENDPOINTS);
	egress_free(owner);
}

static void check_failure(const char *behaviour, int code, const char *words)
{
	int before = open_descriptors();
	struct egress_setup setup = setup_of(behaviour);
	struct egress_owner *owner = open_owner(&setup);
	ks_error *error = NULL;

	assert_int_equal(
		egress_await_ready(owner, strcmp(behaviour, "silent") ? PATIENCE : 100, &error),
		code);
	assert_non_null(error);
	assert_string_equal(ks_error_step(error), "egress");
	if (!strstr(ks_error_message(error), words))
		fail_msg("%s: %s", behaviour, ks_error_message(error));
	for (const char *c = ks_error_message(error); *c; c++)
		assert_true(*c >= ' ' && *c <= '~');
	ks_error_free(error);
	egress_free(owner);
	assert_nothing_left(before);
}

static void test_failures(void **state)
{
	(void)state;
	check_failure("fail", -EPERM, "landlock: ABI 0");
	check_failure("fail-badly", -EPERM, "unknown step");
	check_failure("die", -ECHILD, "the loader says no");
	check_failure("silent", -ETIMEDOUT, "did not become ready");
}

static void check_death(const char *behaviour, bool stop)
{
	int before = open_descriptors();
	struct egress_setup setup = setup_of(behaviour);
	struct egress_owner *owner = open_ready(&setup);

	if (stop)
		egress_stop(owner);
	assert_true(await_end(owner, PATIENCE));
	assert_true(egress_report(owner)->died);
	if (!stop)
		assert_int_equal(WEXITSTATUS(egress_report(owner)->status), 7);
	egress_free(owner);
	assert_nothing_left(before);
}

static void test_deaths(void **state)
{
	(void)state;
	check_death("die-later", false);
	check_death("wordless", true); /* a report without an end is none */
}

/* It is ended whatever it does. */
static void test_free_kills(void **state)
{
	static const char *const behaviours[] = {"plain", "silent", "deaf", "flood"};
	int before = open_descriptors();

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct egress_setup setup = setup_of(behaviours[i]);
		struct egress_owner *owner = open_owner(&setup);

		usleep(20000);
		egress_free(owner);
	}
	egress_free(NULL);
	assert_nothing_left(before);
}

/* One that talks without end takes no more than a moment of a dispatch. */
static void test_flood(void **state)
{
	struct egress_setup setup = setup_of("flood");
	struct egress_owner *owner = open_ready(&setup);
	int64_t start = clock_ms();

	(void)state;
	for (int i = 0; i < 20; i++)
		assert_false(egress_dispatch(owner));
	egress_stop(owner);
	assert_true(clock_ms() - start < 5000);
	egress_free(owner);
}

static void test_lies(void **state)
{
	struct egress_setup setup = setup_of("liar");
	struct egress_owner *owner = open_ready(&setup);
	const struct egress_report *report = egress_report(owner);

	(void)state;
	egress_stop(owner);
	assert_true(await_end(owner, PATIENCE));
	assert_false(report->died);
	assert_int_equal(report->n_denied, 64);
	for (size_t i = 0; i < report->n_denied; i++)
		assert_string_equal(report->denied[i].host, "many.example");
	egress_free(owner);
}

static void check_program(const char *path, const char *words)
{
	int before = open_descriptors();
	struct egress_setup setup = setup_of("plain");
	struct egress_owner *owner = NULL;
	ks_error *error = NULL;

	setenv("KASTELLAN_EGRESS", path, 1);
	assert_true(egress_open(&setup, &owner, &error) < 0);
	setenv("KASTELLAN_EGRESS", fake, 1);
	assert_null(owner);
	if (!strstr(ks_error_message(error), words))
		fail_msg("%s", ks_error_message(error));
	ks_error_free(error);
	assert_nothing_left(before);
}

static void test_programs(void **state)
{
	char path[] = "/tmp/kastellan-egress-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	check_program("/nonexistent/kastellan-egress", "cannot be opened");
	check_program("/tmp", "no file");
	check_program("/dev/null", "no file");
	assert_int_equal(fchmod(fd, 0777), 0);
	check_program(path, "writable for everybody");
	assert_int_equal(fchmod(fd, 04755), 0);
	check_program(path, "set-id");
	assert_int_equal(fchmod(fd, 0644), 0);
	close(fd);
	check_program(path, "cannot be started");
	unlink(path);
}

/* The same of what its resolver becomes, which lies beside it unless it is named. */
static void test_names_program(void **state)
{
	char *named = strdup(getenv("KASTELLAN_NAMES"));

	(void)state;
	setenv("KASTELLAN_NAMES", "/nonexistent/kastellan-names", 1);
	check_program(fake, "kastellan-names cannot be opened: /nonexistent/kastellan-names");
	unsetenv("KASTELLAN_NAMES");
	check_program(fake, "tests/unit/kastellan-names: No such file");
	setenv("KASTELLAN_NAMES", named, 1);
	free(named);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_life),
		cmocka_unit_test(test_lingering),
		cmocka_unit_test(test_end_with_a_copied_socket),
		cmocka_unit_test(test_what_it_is_given),
		cmocka_unit_test(test_many_entries),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_deaths),
		cmocka_unit_test(test_free_kills),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_names_program),
	};

	if (argc != 3)
		return 2;
	fake = argv[1];
	setenv("KASTELLAN_NAMES", argv[2], 1);
	setenv("KASTELLAN_EGRESS", fake, 1);
	alarm(60);
	return cmocka_run_group_tests_name("egress_owner", tests, NULL, NULL);
}
