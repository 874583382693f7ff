/* SPDX-License-Identifier: Apache-2.0 */
/* A connection over the channel: both ends of it, with sockets on either side and the boxes of the
 * channel between. What is written at one side arrives at the other as it was, with its end or its
 * reset, however slowly anybody reads. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "vm/channel/connections.h"
#include "vm/channel/inbox.h"

/* One side of the channel. */
struct side {
	struct connections all;
	struct connection *one;
	struct outbox outbox;
	struct inbox inbox;
	int user; /* the other end of its socket */
};

static struct side near, far;

static void begin(struct side *side)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	side->outbox.start = side->outbox.end = 0;
	side->inbox.start = side->inbox.end = 0;
	if (!side->all.size)
		assert_int_equal(connections_make(&side->all, 4), 0);
	side->one = &side->all.items[3];
	side->user = pair[1];
	connections_begin(&side->all, side->one, pair[0], false);
}

static int setup(void **state)
{
	(void)state;
	begin(&near);
	begin(&far);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	connection_cut(near.one);
	connection_cut(far.one);
	close(near.user);
	close(far.user);
	return 0;
}

/* Bytes of the one's outbox become frames for the other. */
static void carry(struct side *from, struct side *to, enum frame_way way)
{
	struct frame_header header;
	const uint8_t *payload = NULL, *bytes;
	const char *why = NULL;
	size_t len = 0, room = 0;

	bytes = outbox_bytes(&from->outbox, &len);
	inbox_free(&to->inbox, &room);
	len = len < room ? len : room;
	memcpy(inbox_free(&to->inbox, &room), bytes, len);
	inbox_filled(&to->inbox, len);
	outbox_left(&from->outbox, len);
	while (inbox_next(&to->inbox, way, &header, &payload, &why) == 1) {
		why = connection_take(connections_find(&to->all, header.stream), &header, payload);
		if (why)
			fail_msg("%s: %s", frame_name(header.type), why);
	}
	assert_null(why);
}

static void turn(struct side *side)
{
	struct pollfd fds[CONNECTION_SLACK + 4];
	size_t n = connections_watch(&side->all, &side->outbox, fds, 0);

	if (n && poll(fds, n, 0) > 0)
		connections_polled(&side->all, fds, &side->outbox);
	connections_speak(&side->all, &side->outbox);
}

static void go_round(void)
{
	turn(&near);
	turn(&far);
	carry(&near, &far, TO_HOST);
	carry(&far, &near, TO_GUEST);
}

static void go_round_often(void)
{
	for (int i = 0; i < 50; i++)
		go_round();
}

static ssize_t take(int fd, void *bytes, size_t len)
{
	return recv(fd, bytes, len, MSG_DONTWAIT);
}

static uint8_t byte_at(size_t i, int way)
{
	return (uint8_t)(i * 31 + i / 4093 + (size_t)way);
}

struct traffic {
	int from, to, way;
	size_t sent, got;
};

#define AMOUNT ((size_t)3 << 20)

static void move(struct traffic *traffic)
{
	uint8_t bytes[20000];
	size_t len = (size_t)rand() % sizeof(bytes) + 1;
	ssize_t n;

	len = AMOUNT - traffic->sent < len ? AMOUNT - traffic->sent : len;
	for (size_t i = 0; i < len; i++)
		bytes[i] = byte_at(traffic->sent + i, traffic->way);
	n = len ? send(traffic->from, bytes, len, MSG_DONTWAIT) : 0;
	traffic->sent += n > 0 ? (size_t)n : 0;
	n = rand() % 3 ? take(traffic->to, bytes, (size_t)rand() % sizeof(bytes) + 1) : 0;
	for (ssize_t i = 0; i < n; i++)
		assert_int_equal(bytes[i], byte_at(traffic->got + (size_t)i, traffic->way));
	traffic->got += n > 0 ? (size_t)n : 0;
}

static void bytes_arrive_both_ways(void **state)
{
	struct traffic up = {.from = near.user, .to = far.user, .way = 0};
	struct traffic down = {.from = far.user, .to = near.user, .way = 1};

	(void)state;
	srand(815);
	while (up.got < AMOUNT || down.got < AMOUNT) {
		move(&up);
		move(&down);
		go_round();
		assert_true(ring_len(&near.one->ring) <= WINDOW_NET);
		assert_true(ring_len(&far.one->ring) <= WINDOW_NET);
	}
}

static void each_way_ends_by_itself(void **state)
{
	char bytes[10];

	(void)state;
	assert_int_equal(send(near.user, "up", 2, 0), 2);
	assert_int_equal(shutdown(near.user, SHUT_WR), 0);
	go_round_often();
	assert_int_equal(take(far.user, bytes, sizeof(bytes)), 2);
	assert_int_equal(take(far.user, bytes, sizeof(bytes)), 0);
	assert_true(near.one->used && near.one->fd >= 0);
	assert_int_equal(send(far.user, "down", 4, 0), 4);
	go_round_often();
	assert_int_equal(take(near.user, bytes, sizeof(bytes)), 4);
	assert_int_equal(take(near.user, bytes, sizeof(bytes)), -1);
	close(far.user);
	go_round_often();
	assert_int_equal(take(near.user, bytes, sizeof(bytes)), 0);
	assert_false(near.one->used || far.one->used);
	assert_false(near.one->cut || far.one->cut);
}

/* Nothing is asked of poll() then that it would answer at once for ever. */
static void one_that_waits_is_not_polled_for(void **state)
{
	struct pollfd fds[CONNECTION_SLACK + 4];
	uint8_t bytes[8192] = {0};
	size_t n;

	(void)state;
	shutdown(near.user, SHUT_WR);
	go_round_often();
	/* Nobody reads at the near side: the far one has sent all it may. */
	for (int i = 0; i < 200; i++) {
		(void)!send(far.user, bytes, sizeof(bytes), MSG_DONTWAIT);
		go_round();
	}
	shutdown(far.user, SHUT_WR);
	go_round_often();
	n = connections_watch(&far.all, &far.outbox, fds, 0);
	assert_true(n == 0 || poll(fds, n, 0) == 0);
	n = connections_watch(&near.all, &near.outbox, fds, 0);
	assert_true(n == 0 || poll(fds, n, 0) == 0);
	while (take(near.user, bytes, sizeof(bytes)) > 0)
		go_round_often();
	assert_false(near.one->used || far.one->used);
}

static void a_cut_is_one_at_the_other_side(void **state)
{
	(void)state;
	connection_cut(near.one);
	go_round_often();
	assert_true(far.one->cut);
	assert_false(near.one->used || far.one->used);
}

/* Each side's last frame is under way when the other one's comes. */
static void both_sides_cut_at_once(void **state)
{
	(void)state;
	connection_cut(near.one);
	connection_cut(far.one);
	go_round_often();
	assert_false(near.one->used || far.one->used);
}

static void bytes_under_way_to_a_cut_one_are_lost(void **state)
{
	uint8_t bytes[30000] = {0};

	(void)state;
	assert_true(send(near.user, bytes, sizeof(bytes), 0) > 0);
	turn(&near);
	connection_cut(far.one);
	go_round_often();
	assert_true(near.one->cut);
	assert_false(near.one->used || far.one->used);
}

static void what_was_received_goes_before_a_reset(void **state)
{
	char bytes[10];

	(void)state;
	assert_int_equal(send(near.user, "last", 4, 0), 4);
	turn(&near);
	connection_cut(near.one);
	go_round_often();
	assert_int_equal(take(far.user, bytes, sizeof(bytes)), 4);
	assert_false(near.one->used || far.one->used);
}

static void one_that_never_was_is_cut(void **state)
{
	(void)state;
	connection_cut(far.one);
	connection_begin(far.one, -1, false);
	assert_int_equal(send(near.user, "early", 5, 0), 5);
	go_round_often();
	assert_true(near.one->cut);
	assert_false(near.one->used || far.one->used);
}

static void the_outbox_keeps_its_reserve(void **state)
{
	static uint8_t bytes[65536];
	struct pollfd fds[CONNECTION_SLACK + 4];

	(void)state;
	for (int i = 0; i < 40; i++) {
		size_t n = connections_watch(&near.all, &near.outbox, fds, 0);

		(void)!send(near.user, bytes, sizeof(bytes), MSG_DONTWAIT);
		near.one->out.under_way = 0; /* as if it had been given back */
		if (n && poll(fds, n, 0) > 0)
			connections_polled(&near.all, fds, &near.outbox);
	}
	assert_true(outbox_has_room(&near.outbox, OUTBOX_RESERVE - FRAME_HEADER));
	connections_speak(&near.all, &near.outbox);
	near.outbox.start = near.outbox.end = 0;
}

static void streams_have_bounds(void **state)
{
	struct connections none = {.size = 0};

	(void)state;
	assert_null(connections_find(&none, CONNECTION_FIRST));
	assert_null(connections_free(&none));
	assert_null(connections_find(&near.all, CONNECTION_FIRST - 1));
	assert_null(connections_find(&near.all, STREAM_STDOUT));
	assert_null(connections_find(&near.all, CONNECTION_FIRST + 4 + CONNECTION_SLACK));
	assert_null(connections_find(&near.all, UINT16_MAX));
	assert_non_null(connections_find(&near.all, CONNECTION_FIRST + 3 + CONNECTION_SLACK));
	assert_int_equal(connections_make(&none, KS_MAX_EGRESS_CONNECTIONS + 1), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_arrive_both_ways),
		TEST(each_way_ends_by_itself),
		TEST(one_that_waits_is_not_polled_for),
		TEST(a_cut_is_one_at_the_other_side),
		TEST(both_sides_cut_at_once),
		TEST(bytes_under_way_to_a_cut_one_are_lost),
		TEST(what_was_received_goes_before_a_reset),
		TEST(one_that_never_was_is_cut),
		TEST(the_outbox_keeps_its_reserve),
		TEST(streams_have_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
