/* SPDX-License-Identifier: Apache-2.0 */
/* Where lines go: nothing waits for a reader, no line is cut or mixed, and what is left out is
 * counted. A test that waited would be ended by its alarm. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>

#include "audit_fixture.h"
#include "base/clock.h"

#define MANY 20000 /* more lines than a pipe and the backlog hold */

/* A reader that sleeps: the pipe fills, then the backlog, then lines are left out. */
static void check_slow_reader(int fd, int reading_end, bool opened_again)
{
	struct audit *audit = new_audit(fd);
	struct reader reader = {0};
	uint64_t left_out;

	for (int i = 0; i < MANY; i++)
		put(audit, REASON_ALLOWED, "a.example");
	assert_true(audit_pending(audit));
	assert_true(audit_fd(audit) >= 0);
	assert_int_equal(audit_fd(audit) != fd, opened_again);
	left_out = suppressed(audit);
	assert_true(left_out > 0 && left_out < MANY);
	drain_all(&reader, audit, reading_end);
	assert_int_equal(reader.lines + left_out, MANY);
	assert_int_equal(reader.told, 0); /* nothing went out since */
	put(audit, REASON_ALLOWED, "a.example");
	drain_all(&reader, audit, reading_end);
	assert_int_equal(reader.told, left_out);
	put(audit, REASON_ALLOWED, "a.example");
	drain_all(&reader, audit, reading_end);
	assert_int_equal(reader.told, left_out);
	assert_int_equal(suppressed(audit), left_out);
	assert_int_equal(reader.last_seq, MANY + 2);
	audit_free(audit);
}

static void test_pipe(void **state)
{
	int ends[2];
	int giver;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	giver = dup(ends[1]);
	check_slow_reader(ends[1], ends[0], true);
	/* The giver's own end still waits. */
	assert_false(fcntl(giver, F_GETFL) & O_NONBLOCK);
	close(giver);
	close(ends[0]);
}

/* Without a descriptor to spare, the pipe cannot be opened once more. */
static void test_polled_pipe(void **state)
{
	struct rlimit saved, none;
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
	none = (struct rlimit){3, saved.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	check_slow_reader(ends[1], ends[0], false);
	setrlimit(RLIMIT_NOFILE, &saved);
	close(ends[0]);
}

static void test_stream_socket(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	check_slow_reader(ends[1], ends[0], false);
	close(ends[0]);
}

/* A message a line. */
static void test_seqpacket_socket(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	check_slow_reader(ends[1], ends[0], false);
	close(ends[0]);
}

static void test_file(void **state)
{
	char path[] = "/tmp/kastellan-audit-XXXXXX";
	int fd = mkstemp(path);
	int reading = open(path, O_RDONLY | O_CLOEXEC);
	struct audit *audit = new_audit(fd);
	struct reader reader = {0};

	(void)state;
	for (int i = 0; i < 1000; i++)
		put(audit, REASON_ALLOWED, "a.example");
	assert_false(audit_pending(audit));
	drain(&reader, reading);
	assert_int_equal(reader.lines, 1000);
	assert_int_equal(suppressed(audit), 0);
	audit_free(audit);
	close(reading);
	unlink(path);
}

/* A disk that is full cuts one line, and no other. */
static void test_full_file(void **state)
{
	char path[] = "/tmp/kastellan-audit-XXXXXX";
	int fd = mkstemp(path);
	struct rlimit saved, small;
	struct audit *audit = new_audit(fd);
	char text[4096] = "";
	FILE *file;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
	small = (struct rlimit){20, saved.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	put(audit, REASON_ALLOWED, "a.example");
	put(audit, REASON_ALLOWED, "a.example");
	setrlimit(RLIMIT_FSIZE, &saved);
	assert_int_equal(suppressed(audit), 2);
	put(audit, REASON_ALLOWED, "a.example");
	file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	assert_int_equal(strlen(text), 21); /* of the first line */
	assert_non_null(fgets(text, sizeof(text), file));
	assert_non_null(strstr(text, "\"suppressed\":2"));
	assert_non_null(strstr(text, "\"seq\":3"));
	assert_null(fgets(text, sizeof(text), file));
	fclose(file);
	audit_free(audit);
	unlink(path);
}

static void test_full_device(void **state)
{
	struct audit *audit = new_audit(open("/dev/full", O_WRONLY | O_CLOEXEC));

	(void)state;
	put(audit, REASON_ALLOWED, "a.example");
	assert_int_equal(suppressed(audit), 1);
	assert_false(audit_pending(audit));
	audit_free(audit);
}

/* Also with lines that wait. */
static void test_reader_gone(void **state)
{
	int ends[2];
	struct audit *audit;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	audit = new_audit(ends[1]);
	for (int i = 0; i < MANY; i++)
		put(audit, REASON_ALLOWED, "a.example");
	assert_true(audit_pending(audit));
	close(ends[0]);
	audit_flush(audit);
	assert_false(audit_pending(audit));
	/* The pipe held what nobody read; that is not known here. */
	assert_true(suppressed(audit) > MANY / 2 && suppressed(audit) < MANY);
	put(audit, REASON_ALLOWED, "a.example");
	put(audit, REASON_ADDRESS_FORBIDDEN, "b.example");
	assert_true(suppressed(audit) > MANY / 2 + 2);
	audit_free(audit);
	signal(SIGPIPE, SIG_DFL);
}

static void test_bad_descriptor(void **state)
{
	struct audit *audit = new_audit(1000000);

	(void)state;
	put(audit, REASON_ALLOWED, "a.example");
	assert_int_equal(suppressed(audit), 1);
	audit_free(audit);
	audit_free(NULL);
}

/* A second's denials at once, then as many as time allows; what is allowed is always told. */
static void test_denials_limited(void **state)
{
	int ends[2];
	struct audit *audit;
	struct reader reader = {0};
	struct egress_summary summary = {0};
	uint64_t start = clock_usec(), ms;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
	audit = new_audit(ends[1]);
	for (int i = 0; i < 1000; i++)
		put(audit, REASON_HOST_NOT_ALLOWED, "evil.example");
	ms = (clock_usec() - start) / 1000 + 1;
	drain_all(&reader, audit, ends[0]);
	assert_true(reader.lines >= AUDIT_DENIALS_PER_SECOND);
	assert_true(reader.lines <=
		    AUDIT_DENIALS_PER_SECOND + ms * AUDIT_DENIALS_PER_SECOND / 1000 + 1);
	for (int i = 0; i < 500; i++)
		put(audit, REASON_ALLOWED, "a.example");
	drain_all(&reader, audit, ends[0]);
	assert_true(reader.lines >= AUDIT_DENIALS_PER_SECOND + 500);
	assert_int_equal(reader.lines + (size_t)reader.told, 1500);
	audit_totals(audit, &summary);
	assert_int_equal(summary.denials, 1000);
	assert_int_equal(summary.suppressed, reader.told);
	usleep(100000); /* worth twenty lines */
	for (int i = 0; i < 10; i++)
		put(audit, REASON_HOST_NOT_ALLOWED, "evil.example");
	assert_int_equal(suppressed(audit), reader.told);
	audit_free(audit);
	close(ends[0]);
}

static void test_summary_line(void **state)
{
	int ends[2];
	struct audit *audit;
	struct audit_line line = AUDIT_LINE_INIT;
	char text[AUDIT_MAX_LINE + 1] = "";

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	audit = new_audit(ends[1]);
	put(audit, REASON_LIMIT, "evil.example");
	assert_true(recv(ends[0], text, sizeof(text) - 1, 0) > 0);
	line.event = AUDIT_SUMMARY;
	line.connections = 3;
	audit_put(audit, &line);
	memset(text, 0, sizeof(text));
	assert_true(recv(ends[0], text, sizeof(text) - 1, 0) > 0);
	assert_non_null(strstr(text, "\"denials\":1"));
	assert_non_null(strstr(text, "\"suppressed\":0"));
	assert_non_null(strstr(text, "\"connections\":3"));
	audit_free(audit);
	close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_polled_pipe),
		cmocka_unit_test(test_stream_socket),
		cmocka_unit_test(test_seqpacket_socket),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_full_file),
		cmocka_unit_test(test_full_device),
		cmocka_unit_test(test_reader_gone),
		cmocka_unit_test(test_bad_descriptor),
		cmocka_unit_test(test_denials_limited),
		cmocka_unit_test(test_summary_line),
	};

	alarm(60);
	return cmocka_run_group_tests_name("egress_audit_sink", tests, NULL, NULL);
}
