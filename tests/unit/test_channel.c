/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of the channel: headers, frames out of pieces, windows, rings. What a guest may
 * say in which order is tried from outside, by tests/microvm/test_keeper.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "vm/channel/flow.h"
#include "vm/channel/inbox.h"
#include "vm/channel/outbox.h"
#include "vm/channel/ring.h"

static void header_is_little_endian(void **state)
{
	const struct frame_header header = {
		.len = 0x01020304, .type = FRAME_DATA, .flags = 0x80, .stream = 0x0506};
	const uint8_t wanted[FRAME_HEADER] = {4, 3, 2, 1, FRAME_DATA, 0x80, 6, 5};
	uint8_t bytes[FRAME_HEADER];
	struct frame_header again;

	(void)state;
	frame_encode(&header, bytes);
	assert_memory_equal(bytes, wanted, sizeof(wanted));
	frame_decode(bytes, &again);
	assert_int_equal(again.len, header.len);
	assert_int_equal(again.type, header.type);
	assert_int_equal(again.flags, header.flags);
	assert_int_equal(again.stream, header.stream);
}

/* Each type is of use on one way at least, and its streams are those of the other way for what
 * answers it. */
static void every_type_has_its_way(void **state)
{
	(void)state;
	for (unsigned type = 1; type < FRAME_TYPES; type++) {
		unsigned good = 0;

		for (uint16_t stream = 0; stream <= CONNECTION_FIRST; stream++) {
			struct frame_header header = {
				.type = (uint8_t)type, .stream = stream, .len = 8};
			static const uint32_t lengths[] = {0, 4, 8, sizeof(struct channel_setup),
				sizeof(struct channel_usage), sizeof(struct channel_place)};

			for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
				header.len = lengths[i];
				good += !frame_fault(&header, TO_HOST);
				good += !frame_fault(&header, TO_GUEST);
			}
		}
		assert_true(good > 0);
		assert_string_not_equal(frame_name(type), "unknown");
	}
	assert_string_equal(frame_name(0), "unknown");
	assert_string_equal(frame_name(FRAME_TYPES), "unknown");
	assert_string_equal(frame_name(~0u), "unknown");
}

/* What is about a connection is about no other stream, and there are only so many. */
static void connections_have_streams_of_their_own(void **state)
{
	const uint8_t types[] = {FRAME_OPEN, FRAME_CLOSE};
	struct frame_header header = {.type = FRAME_DATA, .len = 1, .stream = CONNECTION_FIRST};

	(void)state;
	assert_null(frame_fault(&header, TO_HOST));
	assert_null(frame_fault(&header, TO_GUEST));
	header.stream = CONNECTION_FIRST + CONNECTIONS_MAX - 1;
	assert_null(frame_fault(&header, TO_HOST));
	header.stream++;
	assert_non_null(frame_fault(&header, TO_HOST));
	header.stream = UINT16_MAX;
	assert_non_null(frame_fault(&header, TO_HOST));
	for (size_t i = 0; i < sizeof(types); i++)
		for (uint16_t stream = 0; stream < CONNECTION_FIRST; stream++) {
			header = (struct frame_header){.type = types[i],
				.stream = stream,
				.len = types[i] == FRAME_OPEN ? sizeof(struct channel_place) : 0};
			assert_non_null(frame_fault(&header, TO_HOST));
		}
	header = (struct frame_header){.type = FRAME_OPEN,
		.stream = CONNECTION_FIRST,
		.len = sizeof(struct channel_place)};
	assert_null(frame_fault(&header, TO_HOST));
	assert_non_null(frame_fault(&header, TO_GUEST));
	header = (struct frame_header){
		.type = FRAME_CLOSE, .stream = CONNECTION_FIRST, .flags = FRAME_CUT};
	assert_null(frame_fault(&header, TO_HOST));
	header.flags = FRAME_MORE;
	assert_non_null(frame_fault(&header, TO_HOST));
}

static struct outbox outbox;
static struct inbox inbox;

/* Frames of random length through both boxes, in pieces of random length, are the same frames. */
static void frames_survive_every_division(void **state)
{
	static uint8_t payload[FRAME_MAX_PAYLOAD];
	unsigned sent = 0, got = 0;

	(void)state;
	srand(4711);
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 7 + i / 251);
	while (got < 400) {
		uint32_t len = (uint32_t)rand() % (sent % 7 ? 3000 : FRAME_MAX_PAYLOAD) + 1;
		struct frame_header header;
		const uint8_t *taken = NULL;
		const char *fault = NULL;
		size_t room = 0, some = 0, piece;
		const uint8_t *bytes;

		if (sent < 400 && outbox_put(&outbox, FRAME_DATA, 0, STREAM_STDOUT, payload, len))
			sent++;
		bytes = outbox_bytes(&outbox, &some);
		inbox_free(&inbox, &room);
		assert_true(room > 0);
		piece = (size_t)rand() % 70000 + 1;
		piece = piece < some ? piece : some;
		piece = piece < room ? piece : room;
		memcpy(inbox_free(&inbox, &room), bytes, piece);
		inbox_filled(&inbox, piece);
		outbox_left(&outbox, piece);
		while (inbox_next(&inbox, TO_HOST, &header, &taken, &fault) == 1) {
			assert_int_equal(header.type, FRAME_DATA);
			assert_memory_equal(taken, payload, header.len);
			got++;
		}
		assert_null(fault);
	}
	assert_true(outbox_is_empty(&outbox));
}

static void data_leaves_a_reserve(void **state)
{
	uint8_t message[4096] = {0};
	uint32_t room = 0;
	unsigned messages = 0;

	(void)state;
	outbox.start = outbox.end = 0;
	while (outbox_begin(&outbox, &room))
		outbox_commit(&outbox, FRAME_DATA, 0, STREAM_STDOUT, room);
	while (outbox_put(&outbox, FRAME_CONTROL, 0, 0, message, sizeof(message)))
		messages++;
	assert_true(messages >= 3);
	assert_true(outbox.end <= OUTBOX_ROOM);
	assert_false(outbox_has_room(&outbox, sizeof(message)));
	/* What was refused has changed nothing. */
	outbox_left(&outbox, outbox.end - outbox.start);
	assert_true(outbox_is_empty(&outbox));
}

static void windows_count(void **state)
{
	struct flow_out out = {.window = 1000};
	struct flow_in in = {.window = 1000};

	(void)state;
	flow_sent(&out, 1000);
	assert_int_equal(flow_room(&out), 0);
	assert_false(flow_given_back(&out, 1001));
	assert_false(flow_given_back(&out, 0));
	assert_true(flow_given_back(&out, 400));
	assert_int_equal(flow_room(&out), 400);

	assert_true(flow_received(&in, 1000));
	assert_false(flow_received(&in, 1));
	flow_passed_on(&in, 249);
	assert_int_equal(flow_due(&in), 0);
	assert_false(flow_received(&in, 1));
	flow_passed_on(&in, 1);
	assert_int_equal(flow_due(&in), 250);
	flow_paid(&in, 250);
	assert_int_equal(flow_due(&in), 0);
	assert_true(flow_received(&in, 250));
	assert_false(flow_received(&in, 1));
	assert_false(flow_received(&in, UINT32_MAX));
}

static void a_ring_keeps_the_order(void **state)
{
	uint8_t room[64];
	struct ring ring = {.bytes = room, .size = sizeof(room)};
	uint8_t next_in = 0, next_out = 0;

	(void)state;
	for (unsigned round = 0; round < 1000; round++) {
		uint8_t some[64];
		size_t len = round * 7 % (sizeof(room) - ring_len(&ring) + 1), first = 0;
		const uint8_t *at;

		for (size_t i = 0; i < len; i++)
			some[i] = next_in++;
		ring_put(&ring, some, len);
		at = ring_first(&ring, &first);
		first = first > round % 40 ? round % 40 : first;
		for (size_t i = 0; i < first; i++)
			assert_int_equal(at[i], next_out++);
		ring_drop(&ring, first);
	}
	assert_int_equal((uint8_t)(next_in - next_out), ring_len(&ring));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_is_little_endian),
		cmocka_unit_test(every_type_has_its_way),
		cmocka_unit_test(connections_have_streams_of_their_own),
		cmocka_unit_test(frames_survive_every_division),
		cmocka_unit_test(data_leaves_a_reserve),
		cmocka_unit_test(windows_count),
		cmocka_unit_test(a_ring_keeps_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
