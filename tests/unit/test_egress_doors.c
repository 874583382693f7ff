/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "egress/http_connect.h"
#include "egress/socks5.h"

/* The result, however the bytes are cut: each shorter prefix must ask for more or be refused
 * already. */
static enum connect_result ask(const char *bytes, size_t len, struct connect_request *request)
{
	enum connect_result whole = connect_parse(bytes, len, request);

	for (size_t i = 0; i < len; i++) {
		struct connect_request part;
		enum connect_result early = connect_parse(bytes, i, &part);

		if (early != CONNECT_NEED_MORE && early != whole)
			fail_msg("%zu of %zu bytes: %d, all: %d", i, len, early, whole);
		if (whole == CONNECT_OK && early == CONNECT_OK && i < request->head_len)
			fail_msg("%zu bytes are taken for a request of %zu", i, request->head_len);
	}
	return whole;
}

static void test_connect_requests(void **state)
{
	static const struct {
		const char *text;
		enum connect_result result;
	} cases[] = {
		{"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", CONNECT_OK},
		{"CONNECT a.example:443 HTTP/1.0\r\n\r\n", CONNECT_OK},
		{"CONNECT [2001:db8::7]:443 HTTP/1.1\r\n\r\n", CONNECT_OK},
		{"CONNECT A.EXAMPLE.:443 HTTP/1.1\r\nX-Y: \xc3\xbc\r\nContent-Length: 0\r\n\r\n",
			CONNECT_OK},
		{"CONNECT a.example HTTP/1.1\r\n\r\n", CONNECT_BAD_TARGET},
		{"CONNECT a.example:0 HTTP/1.1\r\n\r\n", CONNECT_BAD_TARGET},
		{"CONNECT u@a.example:443 HTTP/1.1\r\n\r\n", CONNECT_BAD_TARGET},
		{"CONNECT http://a.example:443 HTTP/1.1\r\n\r\n", CONNECT_BAD_TARGET},
		{"CONNECT 127.1:443 HTTP/1.1\r\n\r\n", CONNECT_BAD_TARGET},
		{"CONNECT  a.example:443 HTTP/1.1\r\n\r\n", CONNECT_BAD_REQUEST},
		{"CONNECT a.example:443  HTTP/1.1\r\n\r\n", CONNECT_BAD_REQUEST},
		{"CONNECT a.example:443 HTTP/1.1 \r\n\r\n", CONNECT_VERSION},
		{"CONNECT a.example:443\r\n\r\n", CONNECT_BAD_REQUEST},
		{"CONNECT\r\n\r\n", CONNECT_BAD_REQUEST},
		{"CONNECT a.example:443 HTTP/2.0\r\n\r\n", CONNECT_VERSION},
		{"CONNECT a.example:443 HTTP/1.1x\r\n\r\n", CONNECT_VERSION},
		{"connect a.example:443 HTTP/1.1\r\n\r\n", CONNECT_METHOD},
		{"GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", CONNECT_METHOD},
		{"PRI * HTTP/2.0\r\n\r\n", CONNECT_VERSION},
		{"\r\nCONNECT a.example:443 HTTP/1.1\r\n\r\n", CONNECT_BAD_REQUEST},
		{"CONNECT a.example:443 HTTP/1.1\r\nA : b\r\n\r\n", CONNECT_BAD_REQUEST},
		{"CONNECT a.example:443 HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", CONNECT_BAD_REQUEST},
		{"CONNECT a.example:443 HTTP/1.1\r\nA: b\nB: c\r\n\r\n", CONNECT_BAD_REQUEST},
		{"CONNECT a.example:443 HTTP/1.1\r\nA: b\rc\r\n\r\n", CONNECT_BAD_REQUEST},
		{"CONNECT a.example:443 HTTP/1.1\r\nnothing\r\n\r\n", CONNECT_BAD_REQUEST},
		{"CONNECT a.example:443 HTTP/1.1\r\n: b\r\n\r\n", CONNECT_BAD_REQUEST},
		{"CONNECT a.example:443 HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n",
			CONNECT_BAD_REQUEST},
		{"CONNECT a.example:443 HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
			CONNECT_BAD_REQUEST},
		{"CONNECT a.example:443 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
			CONNECT_BAD_REQUEST},
		{"CONNECT a.example:443 HTTP/1.1\r\n", CONNECT_NEED_MORE},
		{"", CONNECT_NEED_MORE},
		{"\x16\x03\x01", CONNECT_BAD_REQUEST},
		{"\x05\x01", CONNECT_BAD_REQUEST},
		{"SSH-2.0-x\x01", CONNECT_BAD_REQUEST},
	};
	struct connect_request request = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum connect_result result = ask(cases[i].text, strlen(cases[i].text), &request);

		if (result != cases[i].result)
			fail_msg("%s: %d", cases[i].text, result);
	}
	assert_int_equal(
		ask("CONNECT a\0.example:443 HTTP/1.1\r\n\r\n", 36, &request), CONNECT_BAD_REQUEST);
}

static void test_connect_leaves_the_tunnels_bytes(void **state)
{
	static const char text[] = "CONNECT A.example:443 HTTP/1.1\r\n\r\nHELLO\r\n\r\n";
	struct connect_request request;

	(void)state;
	assert_int_equal(ask(text, sizeof(text) - 1, &request), CONNECT_OK);
	assert_int_equal(request.head_len, 34);
	assert_string_equal(request.host.text, "a.example");
	assert_int_equal(request.port, 443);
}

static void test_connect_is_bounded(void **state)
{
	char *text = malloc(CONNECT_MAX_HEAD + 100);
	struct connect_request request;
	int len;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', CONNECT_MAX_HEAD + 100);
	len = snprintf(text, 100, "CONNECT a.example:443 HTTP/1.1\r\nX: ");
	text[len] = 'x';
	assert_int_equal(connect_parse(text, CONNECT_MAX_HEAD - 1, &request), CONNECT_NEED_MORE);
	assert_int_equal(connect_parse(text, CONNECT_MAX_HEAD, &request), CONNECT_TOO_LONG);
	memcpy(text + CONNECT_MAX_HEAD - 3, "\r\n\r\n", 4);
	assert_int_equal(connect_parse(text, CONNECT_MAX_HEAD + 100, &request), CONNECT_TOO_LONG);
	memcpy(text + CONNECT_MAX_HEAD - 4, "\r\n\r\n", 4);
	assert_int_equal(connect_parse(text, CONNECT_MAX_HEAD + 100, &request), CONNECT_OK);
	assert_int_equal(request.head_len, CONNECT_MAX_HEAD);
	free(text);
}

/* The length that the response states is that of its body. */
static void expect_response(const char *response, size_t len, const char *status, const char *part)
{
	const char *body = strstr(response, "\r\n\r\n");
	const char *stated = strstr(response, "Content-Length: ");

	assert_int_equal(strlen(response), len);
	assert_int_equal(strncmp(response, status, strlen(status)), 0);
	assert_non_null(body);
	assert_non_null(strstr(response, part));
	if (stated)
		assert_int_equal(strtoul(stated + 16, NULL, 10), strlen(body + 4));
}

static void test_connect_responses(void **state)
{
	char room[CONNECT_MAX_RESPONSE], entry[2000];
	size_t len;

	(void)state;
	for (int i = CONNECT_BAD_REQUEST; i < CONNECT_RESULT_COUNT; i++)
		for (int fault = 0; fault < HOST_FAULT_COUNT; fault++) {
			len = connect_refuse((enum connect_result)i, (enum host_fault)fault, room);
			expect_response(room, len, "HTTP/1.1 ", "Connection: close");
		}
	len = connect_refuse(CONNECT_METHOD, HOST_FAULT_NONE, room);
	expect_response(room, len, "HTTP/1.1 405 ", "Allow: CONNECT\r\n");
	for (int i = 1; i < REASON_COUNT; i++) {
		len = connect_answer((enum egress_reason)i, NULL, room);
		expect_response(room, len, "HTTP/1.1 ", egress_reason_name((enum egress_reason)i));
	}
	len = connect_answer(REASON_HOST_NOT_ALLOWED, "a.example:443", room);
	expect_response(room, len, "HTTP/1.1 403 ", "would allow it: \"a.example:443\"\n");
	len = connect_answer(REASON_ALLOWED, NULL, room);
	expect_response(room, len, "HTTP/1.1 200 ", "\r\n\r\n");
	assert_null(strstr(room, "Content-Length"));
	memset(entry, 'x', sizeof(entry) - 1);
	entry[sizeof(entry) - 1] = '\0';
	len = connect_answer(REASON_HOST_NOT_ALLOWED, entry, room);
	expect_response(room, len, "HTTP/1.1 403 ", "xxx");
}

static void test_socks5_greeting(void **state)
{
	static const uint8_t good[] = {5, 2, 2, 0, 5}, auth[] = {5, 1, 2}, none[] = {5, 0};
	static const uint8_t four[] = {4, 1, 0, 80};
	uint8_t reply[SOCKS5_METHOD_REPLY];
	size_t len = 0;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(socks5_greeting(good, i, &len), SOCKS5_NEED_MORE);
	assert_int_equal(socks5_greeting(good, sizeof(good), &len), SOCKS5_OK);
	assert_int_equal(len, 4);
	assert_int_equal(socks5_greeting(auth, sizeof(auth), &len), SOCKS5_NO_METHOD);
	assert_int_equal(len, 3);
	assert_int_equal(socks5_greeting(none, sizeof(none), &len), SOCKS5_BAD);
	assert_int_equal(socks5_greeting(four, 1, &len), SOCKS5_BAD);
	assert_int_equal(socks5_method_reply(SOCKS5_OK, reply), 2);
	assert_memory_equal(reply, "\x05\x00", 2);
	socks5_method_reply(SOCKS5_NO_METHOD, reply);
	assert_memory_equal(reply, "\x05\xff", 2);
}

#define REQUEST(text) (const uint8_t *)(text), sizeof(text) - 1

static void expect_socks(const uint8_t *bytes, size_t len, enum socks5_result result,
	const char *host, uint16_t port)
{
	struct socks5_request request;
	size_t used = 0;

	for (size_t i = 0; i < len && result != SOCKS5_BAD && result != SOCKS5_ADDRESS_TYPE; i++)
		assert_int_equal(socks5_request(bytes, i, &request, &used), SOCKS5_NEED_MORE);
	assert_int_equal(socks5_request(bytes, len, &request, &used), result);
	if (result != SOCKS5_OK)
		return;
	assert_int_equal(used, len);
	assert_string_equal(request.host.text, host);
	assert_int_equal(request.port, port);
}

static void test_socks5_requests(void **state)
{
	static const uint8_t more[] = "\5\1\0\1\1\2\3\4\1\273early";
	struct socks5_request request;
	uint8_t reply[SOCKS5_REPLY];
	size_t used;

	(void)state;
	expect_socks(REQUEST("\5\1\0\3\11A.example\1\273"), SOCKS5_OK, "a.example", 443);
	expect_socks(REQUEST("\5\1\0\3\0071.2.3.4\1\273"), SOCKS5_OK, "1.2.3.4", 443);
	expect_socks(REQUEST("\5\1\0\1\1\2\3\4\0\120"), SOCKS5_OK, "1.2.3.4", 80);
	expect_socks(REQUEST("\5\1\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\7\0\120"), SOCKS5_OK,
		"2001:db8::7", 80);
	expect_socks(REQUEST("\5\1\0\4\0\0\0\0\0\0\0\0\0\0\xff\xff\xa\0\0\5\0\120"), SOCKS5_OK,
		"10.0.0.5", 80);
	expect_socks(REQUEST("\5\2\0\1\1\2\3\4\0\120"), SOCKS5_COMMAND, NULL, 0);
	expect_socks(REQUEST("\5\3\0\1\1\2\3\4\0\120"), SOCKS5_COMMAND, NULL, 0);
	expect_socks(REQUEST("\5\1\0\2\1\2\3\4\0\120"), SOCKS5_ADDRESS_TYPE, NULL, 0);
	expect_socks(REQUEST("\5\1\1\1\1\2\3\4\0\120"), SOCKS5_BAD, NULL, 0);
	expect_socks(REQUEST("\4\1\0\1\1\2\3\4\0\120"), SOCKS5_BAD, NULL, 0);
	expect_socks(REQUEST("\5\1\0\1\1\2\3\4\0\0"), SOCKS5_BAD_HOST, NULL, 0);
	expect_socks(REQUEST("\5\1\0\3\0\1\273"), SOCKS5_BAD_HOST, NULL, 0);
	expect_socks(REQUEST("\5\1\0\3\11a\0example\1\273"), SOCKS5_BAD_HOST, NULL, 0);
	expect_socks(REQUEST("\5\1\0\3\3::1\1\273"), SOCKS5_BAD_HOST, NULL, 0);
	expect_socks(REQUEST("\5\1\0\3\005127.1\1\273"), SOCKS5_BAD_HOST, NULL, 0);
	assert_int_equal(socks5_request(more, sizeof(more) - 1, &request, &used), SOCKS5_OK);
	assert_int_equal(used, 10);
	assert_int_equal(socks5_refuse(SOCKS5_COMMAND, reply), 10);
	assert_memory_equal(reply, "\5\7\0\1\0\0\0\0\0\0", 10);
	socks5_refuse(SOCKS5_ADDRESS_TYPE, reply);
	assert_int_equal(reply[1], 8);
	socks5_answer(REASON_ALLOWED, reply);
	assert_int_equal(reply[1], 0);
	socks5_answer(REASON_HOST_NOT_ALLOWED, reply);
	assert_int_equal(reply[1], 2);
	socks5_answer(REASON_DIAL_FAILED, reply);
	assert_int_equal(reply[1], 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connect_requests),
		cmocka_unit_test(test_connect_leaves_the_tunnels_bytes),
		cmocka_unit_test(test_connect_is_bounded),
		cmocka_unit_test(test_connect_responses),
		cmocka_unit_test(test_socks5_greeting),
		cmocka_unit_test(test_socks5_requests),
	};

	return cmocka_run_group_tests_name("egress_doors", tests, NULL, NULL);
}
