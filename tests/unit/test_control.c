/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "linux/control.h"

/* The kernel then says that the connection was reset, before it hands out what was sent. */
static void last_words_survive_what_was_not_read(void **state)
{
	struct control_message message;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(control_receive(pair[0], &message), 0);
	assert_int_equal(control_send(pair[0], CONTROL_SIGNAL, 15, NULL, 0, NULL, 0), 0);
	assert_int_equal(control_send(pair[1], CONTROL_STARTED, 2, NULL, 0, NULL, 0), 0);
	assert_int_equal(control_send(pair[1], CONTROL_EXIT, 7, "usage", 5, NULL, 0), 0);
	close(pair[1]);
	assert_int_equal(control_receive(pair[0], &message), 1);
	assert_int_equal(message.header.type, CONTROL_STARTED);
	assert_int_equal(control_receive(pair[0], &message), 1);
	assert_int_equal(message.header.type, CONTROL_EXIT);
	assert_int_equal(message.len, 5);
	assert_int_equal(control_receive(pair[0], &message), -EPIPE);
	assert_int_equal(control_receive(pair[0], &message), -EPIPE);
	assert_int_equal(control_send(pair[0], CONTROL_KILL, 0, NULL, 0, NULL, 0), -EPIPE);
	close(pair[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_words_survive_what_was_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
