/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tls_fixture.h"

static void test_the_name_however_it_is_cut(void **state)
{
	static const size_t sizes[] = {16384, 100, 60, 7, 5, 4, 3};
	struct tls_hello found;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t len = make_stream(simple_hello("Api.Example.com"), sizes[i]);

		memset(&found, 0, sizeof(found));
		assert_int_equal(ask(len, &found), TLS_NAME);
		assert_string_equal(found.host.text, "api.example.com");
		assert_false(found.has_ech);
		assert_int_equal(found.len, len);
	}
	/* A record a byte is past the bound. */
	assert_int_equal(
		ask(make_stream(simple_hello("api.example.com"), 1), &found), TLS_MALFORMED);
}

static void test_bytes_after_the_hello_are_not_looked_at(void **state)
{
	struct tls_hello found;
	size_t len = make_stream(simple_hello("a.example"), 16384);

	(void)state;
	memset(stream + len, 0xff, 100);
	assert_int_equal(tls_client_hello(stream, len + 100, &found), TLS_NAME);
	assert_int_equal(found.len, len);
	assert_string_equal(found.host.text, "a.example");
}

static void test_no_name(void **state)
{
	struct tls_hello found = {.host.text = "old"};

	(void)state;
	assert_int_equal(ask(make_stream(simple_hello(NULL), 50), &found), TLS_NO_NAME);
	assert_string_equal(found.host.text, "");
	assert_int_equal(ask(make_stream(make_hello(NULL), 50), &found), TLS_NO_NAME);
}

static void test_encrypted_hello_is_noticed(void **state)
{
	uint8_t room[500];
	struct bytes_out extensions = {.start = room, .room = sizeof(room)};
	struct tls_hello found;

	(void)state;
	put_extension(&extensions, 0xfe0d, "\1", 1);
	put_sni(&extensions, "outer.example");
	assert_int_equal(ask(make_stream(make_hello(&extensions), 16384), &found), TLS_NAME);
	assert_true(found.has_ech);
	assert_string_equal(found.host.text, "outer.example");
}

static void expect_malformed(const struct bytes_out *extensions)
{
	struct tls_hello found = {.host.text = "old"};

	assert_int_equal(ask(make_stream(make_hello(extensions), 16384), &found), TLS_MALFORMED);
	assert_string_equal(found.host.text, "old");
}

static void test_names_that_could_be_read_in_two_ways(void **state)
{
	static const char *const bad[] = {
		"", ".", "a..b", "a b", "127.1", "u@a.example", "m\xc3\xbc.x"};
	uint8_t room[1000], list[500];
	struct bytes_out extensions = {.start = room, .room = sizeof(room)};
	struct bytes_out data = {.start = list, .room = sizeof(list)};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		extensions.len = 0;
		put_sni(&extensions, bad[i]);
		expect_malformed(&extensions);
	}
	/* The extension twice. */
	extensions.len = 0;
	put_sni(&extensions, "a.example");
	put_sni(&extensions, "b.example");
	expect_malformed(&extensions);
	/* Two names in it. */
	extensions.len = 0;
	put_u16(&data, 24);
	put_name(&data, 0, "a.example", 9);
	put_name(&data, 0, "b.example", 9);
	put_extension(&extensions, 0, list, data.len);
	expect_malformed(&extensions);
	/* One of an unknown type. */
	extensions.len = data.len = 0;
	put_u16(&data, 12);
	put_name(&data, 1, "a.example", 9);
	put_extension(&extensions, 0, list, data.len);
	expect_malformed(&extensions);
	/* A NUL in it. */
	extensions.len = data.len = 0;
	put_u16(&data, 12);
	put_name(&data, 0, "a.ex\0mple", 9);
	put_extension(&extensions, 0, list, data.len);
	expect_malformed(&extensions);
	/* Something behind the list, and a list that is too short, too long, empty, not there. */
	for (int off = -3; off <= 3; off++) {
		extensions.len = data.len = 0;
		put_u16(&data, (uint16_t)(12 + off));
		put_name(&data, 0, "a.example", 9);
		put_extension(&extensions, 0, list, data.len);
		if (off)
			expect_malformed(&extensions);
	}
	extensions.len = 0;
	put_extension(&extensions, 0, "\0\0", 2);
	expect_malformed(&extensions);
	extensions.len = 0;
	put_extension(&extensions, 0, "", 0);
	expect_malformed(&extensions);
}

static void test_wrong_lengths(void **state)
{
	struct tls_hello found;
	size_t len = simple_hello("a.example"), end;

	(void)state;
	/* Each length field of the hello: session, suites, methods, extensions, the first of them.
	 */
	static const size_t fields[] = {38, 72, 77, 80, 84};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		for (int by = 1; by <= 255; by += 2) {
			simple_hello("a.example");
			hello[fields[i]] = (uint8_t)(hello[fields[i]] + by);
			end = make_stream(len, 16384);
			assert_int_not_equal(tls_client_hello(stream, end, &found), TLS_NEED_MORE);
			if (tls_client_hello(stream, end, &found) == TLS_NAME)
				assert_string_equal(found.host.text, "a.example");
		}
	/* A byte behind the message in its last record. */
	simple_hello("a.example");
	hello[len] = 1;
	assert_int_equal(ask(make_stream(len + 1, 16384), &found), TLS_MALFORMED);
	/* The version inside. */
	simple_hello("a.example");
	hello[4] = 2;
	assert_int_equal(ask(make_stream(len, 16384), &found), TLS_MALFORMED);
	/* An empty message. */
	memcpy(hello, "\1\0\0\0", 4);
	assert_int_equal(ask(make_stream(4, 16384), &found), TLS_MALFORMED);
	/* A message past the bound is refused by its header. */
	memcpy(hello, "\1\0\x40\1", 4);
	assert_int_equal(ask(make_stream(4, 16384), &found), TLS_MALFORMED);
}

static void test_records_between(void **state)
{
	static const uint8_t types[] = {20, 21, 23, 24, 0};
	struct tls_hello found;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		len = make_stream(simple_hello("a.example"), 40);
		stream[45] = types[i];
		assert_int_equal(tls_client_hello(stream, len, &found), TLS_MALFORMED);
	}
	/* An empty record. */
	len = make_stream(simple_hello("a.example"), 40);
	memmove(stream + 50, stream + 45, len - 45);
	memcpy(stream + 45, "\x16\3\1\0\0", 5);
	assert_int_equal(tls_client_hello(stream, len + 5, &found), TLS_MALFORMED);
}

struct beginning {
	const char *bytes;
	size_t len;
};

static void expect_beginnings(const struct beginning *cases, size_t count, enum tls_result wanted,
	struct tls_hello *found)
{
	for (size_t i = 0; i < count; i++)
		if (tls_client_hello((const uint8_t *)cases[i].bytes, cases[i].len, found) !=
			wanted)
			fail_msg("case %zu", i);
}

static void test_what_is_not_tls(void **state)
{
	static const struct beginning others[] = {
		{"GET / HTTP/1.1\r\n", 16},
		{"SSH-2.0-OpenSSH", 15},
		{"\x80\x2e\x02", 3},
		{"\x13", 1},
		{"\x19", 1},
		{"\0", 1},
	};
	struct tls_hello found;

	(void)state;
	expect_beginnings(others, sizeof(others) / sizeof(others[0]), TLS_NOT_TLS, &found);
	assert_int_equal(tls_client_hello(NULL, 0, &found), TLS_NEED_MORE);
	assert_int_equal(tls_client_hello((const uint8_t *)"\x80\x2e", 2, &found), TLS_NEED_MORE);
}

/* What some server passes over, or reads on in, is not let through as something else than TLS. */
static void test_what_servers_take_for_tls(void **state)
{
	static const struct beginning others[] = {
		{"\x80\x2e\x01\x03\x01", 5}, /* a ClientHello of SSL 2 */
		{"\x16\x02\x00\x00\x10", 5},
		{"\x16\x03\x01\x00\x00", 5}, /* an empty record */
		{"\x16\x03\x01\x40\x01", 5},
		{"\x16\x03\x01\x00\x04\x02", 6}, /* a ServerHello */
		{"\x16\x03\x01\x00\x04\x00", 6},
		{"\x15\x03\x01\x00\x02\x01\x5a", 7}, /* a warning */
		{"\x14\x03\x03\x00\x01\x01", 6},
		{"\x17\x03\x03\x00\x04", 5},
		{"\x18", 1},
	};
	struct tls_hello found;

	(void)state;
	expect_beginnings(others, sizeof(others) / sizeof(others[0]), TLS_MALFORMED, &found);
}

static void test_what_a_server_answers(void **state)
{
	static const uint8_t retry[] = {22, 3, 3, 0, 88, 2, 0, 0, 84, 3, 3, 0xcf, 0x21, 0xad, 0x74,
		0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2,
		0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
		0};
	uint8_t other[sizeof(retry)];

	(void)state;
	for (size_t i = 0; i < TLS_REPLY_PREFIX; i++)
		assert_int_equal(tls_server_reply(retry, i), TLS_REPLY_NEED_MORE);
	assert_int_equal(tls_server_reply(retry, TLS_REPLY_PREFIX), TLS_REPLY_RETRY);
	assert_int_equal(tls_server_reply(retry, sizeof(retry)), TLS_REPLY_RETRY);
	memcpy(other, retry, sizeof(other));
	other[42] ^= 1;
	assert_int_equal(tls_server_reply(other, sizeof(other)), TLS_REPLY_OTHER);
	other[5] = 1;
	assert_int_equal(tls_server_reply(other, 6), TLS_REPLY_OTHER);
	assert_int_equal(tls_server_reply((const uint8_t *)"HTTP", 1), TLS_REPLY_OTHER);
	assert_int_equal(tls_server_reply((const uint8_t *)"\x15\3", 2), TLS_REPLY_OTHER);
}

static void test_change_of_cipher(void **state)
{
	const uint8_t change[] = {20, 3, 3, 0, 1, 1, 22};
	const uint8_t longer[] = {20, 3, 3, 0, 2, 1, 1};

	(void)state;
	assert_int_equal(tls_change_of_cipher(change, 0), 0);
	assert_int_equal(tls_change_of_cipher(change + 6, 1), 0);
	assert_int_equal(tls_change_of_cipher(change, 5), -1);
	assert_int_equal(tls_change_of_cipher(change, sizeof(change)), 6);
	assert_int_equal(tls_change_of_cipher(longer, sizeof(longer)), 0);
}

static void test_a_record_of_data(void **state)
{
	const uint8_t data[] = {23, 3, 3, 0, 2, 1, 1, 22};
	static uint8_t large[TLS_MAX_DATA_RECORD + 1] = {23, 3, 3, 0x41, 0};

	(void)state;
	assert_int_equal(tls_data_record(data, 0), 0);
	assert_int_equal(tls_data_record(data + 7, 1), 0);
	assert_int_equal(tls_data_record(data, 4), -1);
	assert_int_equal(tls_data_record(data, 6), -1);
	assert_int_equal(tls_data_record(data, 7), 7);
	assert_int_equal(tls_data_record(data, sizeof(data)), 7);
	assert_int_equal(tls_data_record(large, TLS_MAX_DATA_RECORD - 1), -1);
	assert_int_equal(tls_data_record(large, sizeof(large)), TLS_MAX_DATA_RECORD);
	large[4] = 1; /* longer than any may be */
	assert_int_equal(tls_data_record(large, sizeof(large)), 0);
}

static void test_the_largest_hello(void **state)
{
	static uint8_t room[TLS_MAX_HELLO];
	struct bytes_out extensions = {.start = room, .room = sizeof(room)};
	struct tls_hello found;
	size_t len;

	(void)state;
	/* Fixed parts of 78 bytes, and the two of the extensions' length. */
	put_sni(&extensions, "a.example");
	put_u16(&extensions, 21);
	put_u16(&extensions, (uint16_t)(TLS_MAX_HELLO - 80 - extensions.len - 2));
	extensions.len = TLS_MAX_HELLO - 80 + 1;
	len = make_hello(&extensions);
	if (len != TLS_MAX_HELLO + 4) {
		/* Make it exact, whatever the fixed parts are. */
		extensions.len = (size_t)((long)extensions.len - ((long)len - TLS_MAX_HELLO - 4));
		room[20] = (uint8_t)((extensions.len - 22) >> 8);
		room[21] = (uint8_t)(extensions.len - 22);
		len = make_hello(&extensions);
	}
	assert_int_equal(len, TLS_MAX_HELLO + 4);
	len = make_stream(len, 300);
	assert_true(len <= TLS_MAX_PREFIX);
	assert_int_equal(tls_client_hello(stream, len - 1, &found), TLS_NEED_MORE);
	assert_int_equal(tls_client_hello(stream, len, &found), TLS_NAME);
	assert_string_equal(found.host.text, "a.example");
	/* As many records as may be, and one more. */
	simple_hello(NULL);
	assert_int_equal(tls_client_hello(stream, TLS_MAX_PREFIX, &found), TLS_NAME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_name_however_it_is_cut),
		cmocka_unit_test(test_bytes_after_the_hello_are_not_looked_at),
		cmocka_unit_test(test_no_name),
		cmocka_unit_test(test_encrypted_hello_is_noticed),
		cmocka_unit_test(test_names_that_could_be_read_in_two_ways),
		cmocka_unit_test(test_wrong_lengths),
		cmocka_unit_test(test_records_between),
		cmocka_unit_test(test_what_is_not_tls),
		cmocka_unit_test(test_what_servers_take_for_tls),
		cmocka_unit_test(test_what_a_server_answers),
		cmocka_unit_test(test_change_of_cipher),
		cmocka_unit_test(test_a_record_of_data),
		cmocka_unit_test(test_the_largest_hello),
	};

	return cmocka_run_group_tests_name("egress_tls", tests, NULL, NULL);
}
