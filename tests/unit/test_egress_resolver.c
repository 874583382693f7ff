/* SPDX-License-Identifier: Apache-2.0 */
/* The proxy's side of the resolver, with a child that the test plays; what the real one answers is
 * tried in test_egress_resolver.py. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "egress/control.h"
#include "egress/resolver_child.h"

/* The child's end; the pid is nobody's. */
static int play(struct resolver *resolver)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	*resolver = (struct resolver){.socket = pair[0], .pid = -2, .pidfd = -1};
	return pair[1];
}

static const char *names_program;

static void name_of(const char *text, struct egress_host *host)
{
	assert_int_equal(egress_host_parse(text, strlen(text), host), 0);
}

static struct resolution good(void)
{
	struct resolution good = {.ticket = 7, .n_addresses = 2};

	good.addresses[0] = address_from_v4((const uint8_t[]){192, 0, 2, 1});
	good.addresses[1] = address_from_v6((const uint8_t[16]){0x20, 1});
	return good;
}

static int take(const void *bytes, size_t len, struct resolution *ret)
{
	struct resolver resolver;
	int child = play(&resolver);
	int r;

	assert_int_equal(send(child, bytes, len, 0), len);
	r = resolver_take(&resolver, ret);
	close(child);
	resolver_done(&resolver);
	return r;
}

static void test_good_answers(void **state)
{
	struct resolution sent = good(), got;

	(void)state;
	assert_int_equal(take(&sent, sizeof(sent), &got), 1);
	assert_memory_equal(&sent, &got, sizeof(sent));
	sent = (struct resolution){.ticket = 8, .error = EAI_NONAME};
	assert_int_equal(take(&sent, sizeof(sent), &got), 1);
	assert_int_equal(got.error, EAI_NONAME);
}

static void test_bad_answers(void **state)
{
	struct resolution bad, got = {.ticket = 99};
	char longer[sizeof(bad) + 1] = {0};

	(void)state;
	bad = good();
	assert_int_equal(take(&bad, sizeof(bad) - 1, &got), -EBADMSG);
	memcpy(longer, &bad, sizeof(bad));
	assert_int_equal(take(longer, sizeof(longer), &got), -EBADMSG);
	bad.error = EAI_FAIL;
	assert_int_equal(take(&bad, sizeof(bad), &got), -EBADMSG);
	bad = good();
	bad.n_addresses = 0;
	assert_int_equal(take(&bad, sizeof(bad), &got), -EBADMSG);
	bad.n_addresses = RESOLVER_MAX_ADDRESSES + 1;
	assert_int_equal(take(&bad, sizeof(bad), &got), -EBADMSG);
	bad.n_addresses = UINT32_MAX;
	assert_int_equal(take(&bad, sizeof(bad), &got), -EBADMSG);
	bad.n_addresses = 3; /* of family none */
	assert_int_equal(take(&bad, sizeof(bad), &got), -EBADMSG);
	bad = good();
	bad.addresses[0].family = 5;
	assert_int_equal(take(&bad, sizeof(bad), &got), -EBADMSG);
	bad = good();
	bad.addresses[0].bytes[9] = 1; /* behind an IPv4 address */
	assert_int_equal(take(&bad, sizeof(bad), &got), -EBADMSG);
	bad = good();
	bad.addresses[1] = bad.addresses[0];
	assert_int_equal(take(&bad, sizeof(bad), &got), -EBADMSG);
	assert_int_equal(got.ticket, 99); /* changed on success alone */
}

static void test_gone(void **state)
{
	struct resolver resolver;
	struct resolution got;
	struct egress_host name;
	int child = play(&resolver);

	(void)state;
	name_of("a.example", &name);
	assert_int_equal(resolver_take(&resolver, &got), 0);
	close(child);
	assert_int_equal(resolver_take(&resolver, &got), -EPIPE);
	assert_int_equal(resolver_ask(&resolver, 1, &name), -EPIPE);
	resolver_done(&resolver);
	resolver_done(&resolver); /* again is nothing */
}

/* Left unread, questions take no more than the socket holds. */
static void test_full(void **state)
{
	struct resolver resolver;
	struct question question;
	struct egress_host name;
	int child = play(&resolver);
	int r = 0, asked = 0;

	(void)state;
	name_of("a.example", &name);
	while (r == 0 && asked < 100000) {
		r = resolver_ask(&resolver, (uint32_t)asked, &name);
		asked += r == 0;
	}
	assert_int_equal(r, -EAGAIN);
	assert_true(asked > 2 * RESOLVER_THREADS);
	for (int i = 0; i < asked; i++) {
		assert_int_equal(recv(child, &question, sizeof(question), 0), sizeof(question));
		assert_int_equal(question.ticket, i);
		assert_string_equal(question.name, "a.example");
	}
	assert_int_equal(resolver_ask(&resolver, 1, &name), 0);
	close(child);
	resolver_done(&resolver);
}

static void test_names_only(void **state)
{
	struct resolver resolver;
	struct egress_host host;
	int child = play(&resolver);

	(void)state;
	name_of("192.0.2.1", &host);
	assert_int_equal(resolver_ask(&resolver, 1, &host), -EINVAL);
	close(child);
	resolver_done(&resolver);
}

/* Without a program there would be no addresses, and nobody would be told why. */
static void test_no_program(void **state)
{
	struct resolver resolver;

	(void)state;
	close(EGRESS_SLOT_NAMES);
	assert_int_equal(resolver_start(&resolver), -EBADF);
}

/* The real child, which needs no network to say who localhost is. */
static void test_real_child(void **state)
{
	struct resolver resolver;
	struct resolution got;
	struct egress_host name;
	char text[ADDRESS_TEXT];
	bool found = false;
	int r;

	(void)state;
	assert_int_equal(dup2(open(names_program, O_RDONLY | O_CLOEXEC), EGRESS_SLOT_NAMES),
		EGRESS_SLOT_NAMES);
	assert_int_equal(resolver_start(&resolver), 0);
	name_of("localhost", &name);
	assert_int_equal(resolver_ask(&resolver, 42, &name), 0);
	while ((r = resolver_take(&resolver, &got)) == 0)
		usleep(1000);
	assert_int_equal(r, 1);
	assert_int_equal(got.ticket, 42);
	assert_int_equal(got.error, 0);
	for (uint32_t i = 0; i < got.n_addresses; i++)
		if (strcmp(address_text(&got.addresses[i], text), "127.0.0.1") == 0)
			found = true;
	assert_true(found);
	resolver_done(&resolver);
	assert_int_equal(resolver.socket, -1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_answers),
		cmocka_unit_test(test_bad_answers),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_names_only),
		cmocka_unit_test(test_no_program),
		cmocka_unit_test(test_real_child),
	};

	if (argc != 2)
		return 2;
	names_program = argv[1];

	alarm(60);
	return cmocka_run_group_tests_name("egress_resolver", tests, NULL, NULL);
}
