/* SPDX-License-Identifier: Apache-2.0 */
/* The session between a client of MCP and its servers: what is handed on, what is answered in the
 * server's place, and how a further server is initialised. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "mcp/session.h"

#define V "{\"jsonrpc\":\"2.0\","
#define INITIALIZE V "\"id\":0,\"method\":\"initialize\",\"params\":{\"x\":1.50}}"
#define INITIALIZED V "\"method\":\"notifications/initialized\"}"
#define REPLAY \
	V "\"id\":\"kastellan-initialize-1\",\"method\":\"initialize\",\"params\":{\"x\":1.50}}"

static struct session session;
static struct verdict verdict;

static int setup(void **state)
{
	(void)state;
	session_init(&session, NULL);
	verdict = (struct verdict){.fault = KS_FAULT_NONE};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	session_done(&session);
	return 0;
}

static void client(const char *line, uint64_t now)
{
	assert_int_equal(session_client(&session, line, strlen(line), now), 0);
}

static int server(const char *line, uint64_t now)
{
	return session_server(&session, line, strlen(line), now, &verdict);
}

/* What waits for one side is exactly these lines; it is taken. */
static void expect(struct strbuf *from, const char *lines)
{
	const char *found = from->len ? from->data : "";

	if (from->len != strlen(lines) || memcmp(found, lines, from->len) != 0)
		fail_msg("found %.*s, wanted %s", (int)from->len, found, lines);
	from->len = 0;
}

/* One answer for each id, in that order, with that code. */
static void expect_errors(const char *const *ids, int code)
{
	char text[64];
	char none[] = "", *at = session.to_client.len ? session.to_client.data : none;

	for (; *ids; ids++) {
		char *end = strchr(at, '\n');

		assert_non_null(end);
		*end = '\0';
		snprintf(text, sizeof(text), V "\"id\":%s,\"error\":", *ids);
		if (strncmp(at, text, strlen(text)) != 0)
			fail_msg("found %s, wanted %s", at, text);
		snprintf(text, sizeof(text), "\"code\":%d", code);
		assert_non_null(strstr(at, text));
		at = end + 1;
	}
	assert_int_equal(*at, '\0');
	session.to_client.len = 0;
}

#define IDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static ks_error *an_error(void)
{
	ks_error *error = NULL;

	fault_error(&error, KS_FAULT_CRASH, "t", "a remedy", "it ended");
	return error;
}

static void end(bool starting)
{
	ks_error *error = an_error();

	session_ended(&session, error, starting);
	ks_error_free(error);
}

/* A client and a server that have come to know each other. */
static void acquainted(void)
{
	client(INITIALIZE, 5);
	assert_true(session_wants_server(&session));
	assert_int_equal(session_started(&session, 10), 0);
	expect(&session.to_server, INITIALIZE "\n");
	assert_int_equal(server(V "\"id\":0,\"result\":{}}", 11), 0);
	expect(&session.to_client, V "\"id\":0,\"result\":{}}\n");
	client(INITIALIZED, 12);
	expect(&session.to_server, INITIALIZED "\n");
	assert_false(session_busy(&session));
}

static void messages_are_handed_on(void **state)
{
	(void)state;
	acquainted();
	client(V "\"id\":\"a\",\"method\":\"x\",\"params\":{\"n\":1e999}}", 20);
	expect(&session.to_server, V "\"id\":\"a\",\"method\":\"x\",\"params\":{\"n\":1e999}}\n");
	assert_int_equal(server(V "\"method\":\"note\"}", 21), 0);
	assert_int_equal(server(V "\"id\":7,\"method\":\"roots/list\"}", 22), 0);
	expect(&session.to_client,
		V "\"method\":\"note\"}\n" V "\"id\":7,\"method\":\"roots/list\"}\n");
	client(V "\"id\":7,\"result\":[]}", 23);
	expect(&session.to_server, V "\"id\":7,\"result\":[]}\n");
	/* A second answer to the same question is nobody's. */
	client(V "\"id\":7,\"result\":[]}", 23);
	expect(&session.to_server, "");
	assert_int_equal(server(V "\"id\":\"a\",\"result\":1}", 24), 0);
	expect(&session.to_client, V "\"id\":\"a\",\"result\":1}\n");
}

static void bad_messages_are_answered(void **state)
{
	(void)state;
	acquainted();
	client("{", 20);
	client("[]", 20);
	expect_errors(IDS("null", "null"), REPLY_PARSE);
	client(V "\"id\":1,\"method\":\"x\"}", 20);
	client(V "\"id\":1,\"method\":\"y\"}", 20);
	expect_errors(IDS("1"), REPLY_INVALID);
	expect(&session.to_server, V "\"id\":1,\"method\":\"x\"}\n");
}

static void bad_servers_are_seen(void **state)
{
	static const char *const lines[] = {
		V "\"id\":99,\"result\":1}",
		V "\"id\":\"1\",\"result\":1}",
		V "\"id\":1}",
		"{\"id\":1,\"result\":1}",
		"{",
	};

	(void)state;
	acquainted();
	client(V "\"id\":1,\"method\":\"x\"}", 20);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		verdict.fault = KS_FAULT_NONE;
		assert_int_equal(server(lines[i], 21), -1);
		assert_int_equal(verdict.fault, KS_FAULT_GARBAGE);
	}
	/* What is no object is no message, but something for a person to read. */
	assert_int_equal(server("Server is listening", 21), 1);
	assert_int_equal(server("[info] ready", 21), 1);
	expect(&session.to_client, "");
	assert_int_equal(server(V "\"id\":5,\"method\":\"q\"}", 21), 0);
	assert_int_equal(server(V "\"id\":5,\"method\":\"q\"}", 21), -1);
}

static void lost_requests_are_answered_once(void **state)
{
	(void)state;
	acquainted();
	client(V "\"id\":1,\"method\":\"x\"}", 20);
	client(V "\"id\":2,\"method\":\"x\"}", 20);
	assert_int_equal(server(V "\"id\":1,\"result\":1}", 21), 0);
	assert_int_equal(server(V "\"id\":\"ask\",\"method\":\"q\"}", 21), 0);
	session.to_client.len = 0;
	end(false);
	expect_errors(IDS("2"), REPLY_FAULT);
	assert_false(session_busy(&session));
	assert_false(session_wants_server(&session));
	/* The answer to the one that is gone must not reach the next. */
	client(V "\"id\":\"ask\",\"result\":1}", 22);
	assert_false(session_wants_server(&session));
}

/* However many wait and whatever the server wrote last: each hears of its end, the first ones all
 * of it. */
static void many_lost_requests_are_answered(void **state)
{
	static struct ring last_words;
	ks_error *error = NULL;
	size_t lines = 0, told = 0;
	char line[64], noise[KS_WORKERS_STDERR];

	(void)state;
	acquainted();
	for (int i = 0; i < PENDING_MAX; i++) {
		snprintf(line, sizeof(line), V "\"id\":%d,\"method\":\"x\"}", i);
		client(line, 20);
	}
	memset(noise, 1, sizeof(noise));
	ring_add(&last_words, noise, sizeof(noise));
	verdict_set(&verdict, KS_FAULT_CRASH, "ended");
	fault_worker_error(&error, &verdict, "t", NULL, &last_words);
	session_ended(&session, error, false);
	ks_error_free(error);
	assert_int_equal(session.to_client.error, 0);
	for (char *at = session.to_client.data, *end; (end = strchr(at, '\n')); at = end + 1) {
		*end = '\0';
		assert_non_null(strstr(at, "\"fault\":\"crash\""));
		told += strstr(at, "\\u0001") != NULL;
		lines++;
	}
	assert_int_equal(lines, PENDING_MAX);
	assert_true(told > 0);
	session.to_client.len = 0;
}

static void further_servers_are_initialised(void **state)
{
	(void)state;
	acquainted();
	end(false);
	client(V "\"id\":3,\"method\":\"x\"}", 30);
	client(V "\"method\":\"note\"}", 30);
	assert_true(session_wants_server(&session));
	session.to_server.len = 0;
	assert_int_equal(session_started(&session, 31), 0);
	expect(&session.to_server, REPLAY "\n");
	client(V "\"id\":4,\"method\":\"y\"}", 32);
	expect(&session.to_server, "");
	/* Its answer is not the client's; then what was held is sent. */
	assert_int_equal(server(V "\"id\":\"kastellan-initialize-1\",\"result\":{}}", 33), 0);
	expect(&session.to_client, "");
	expect(&session.to_server,
		INITIALIZED "\n" V "\"id\":3,\"method\":\"x\"}\n" V "\"id\":4,\"method\":\"y\"}\n");
	assert_int_equal(session_oldest(&session), 33);
	assert_int_equal(server(V "\"id\":4,\"result\":1}", 34), 0);
	assert_int_equal(server(V "\"id\":3,\"result\":1}", 34), 0);
	assert_false(session_busy(&session));
}

static void held_requests_outlive_a_start(void **state)
{
	(void)state;
	acquainted();
	end(false);
	client(V "\"id\":3,\"method\":\"x\"}", 30);
	assert_int_equal(session_started(&session, 31), 0);
	/* It ends before it is initialised: the request has not been anybody's yet. */
	end(false);
	expect(&session.to_client, "");
	assert_true(session_wants_server(&session));
	/* It cannot be started at all. */
	end(true);
	expect_errors(IDS("3"), REPLY_FAULT);
	assert_false(session_wants_server(&session));
}

static void a_server_may_refuse(void **state)
{
	(void)state;
	/* The first one refuses: the client is told, and nothing is replayed later. */
	client(INITIALIZE, 1);
	assert_int_equal(session_started(&session, 2), 0);
	assert_int_equal(server(V "\"id\":0,\"error\":{\"code\":1}}", 3), 0);
	expect(&session.to_client, V "\"id\":0,\"error\":{\"code\":1}}\n");
	end(false);
	session.to_server.len = 0;
	acquainted();
	end(false);
	client(V "\"id\":3,\"method\":\"x\"}", 30);
	assert_int_equal(session_started(&session, 31), 0);
	assert_int_equal(
		server(V "\"id\":\"kastellan-initialize-1\",\"error\":{\"code\":1}}", 33), -1);
	assert_int_equal(verdict.fault, KS_FAULT_START);
}

static void cancelled_requests_are_not_answered(void **state)
{
	(void)state;
	acquainted();
	client(V "\"id\":\"a b\",\"method\":\"x\"}", 20);
	client(V "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"a b\"}}", 21);
	assert_false(session_busy(&session));
	session.to_server.len = 0;
	assert_int_equal(server(V "\"id\":\"a b\",\"result\":1}", 22), 0);
	expect(&session.to_client, "");
	/* An id is compared as it is written, and may be longer than any integer. */
	client(V "\"id\":123456789012345678901234,\"method\":\"x\"}", 23);
	client(V "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":"
		 "123456789012345678901234}}",
		23);
	assert_false(session_busy(&session));
	client(V "\"id\":\"\\u00e9\",\"method\":\"x\"}", 24);
	client(V "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"\\u00e9\"}}",
		24);
	assert_false(session_busy(&session));
	/* Servers need not answer: only so many are remembered. */
	for (int i = 0; i < 5000; i++) {
		char line[128];

		snprintf(line, sizeof(line), V "\"id\":%d,\"method\":\"x\"}", i);
		client(line, 30);
		snprintf(line, sizeof(line),
			V "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":%d}}",
			i);
		client(line, 30);
		session.to_server.len = 0;
	}
	assert_true(session.of_client.len <= 256);
	expect(&session.to_client, "");
	assert_int_equal(server(V "\"id\":4999,\"result\":1}", 31), 0);
}

static void late_requests_expire(void **state)
{
	ks_error *error = an_error();

	(void)state;
	acquainted();
	client(V "\"id\":1,\"method\":\"x\"}", 20);
	client(V "\"id\":2,\"method\":\"x\"}", 40);
	session.to_server.len = 0;
	assert_int_equal(session_oldest(&session), 20);
	session_expire(&session, 30, error);
	expect_errors(IDS("1"), REPLY_FAULT);
	expect(&session.to_server,
		V "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":"
		  "1,\"reason\":\"it took too long\"}}\n");
	assert_int_equal(session_oldest(&session), 40);
	/* An answer that comes after that is not handed on. */
	assert_int_equal(server(V "\"id\":1,\"result\":1}", 41), 0);
	expect(&session.to_client, "");
	ks_error_free(error);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_are_handed_on),
		TEST(bad_messages_are_answered),
		TEST(bad_servers_are_seen),
		TEST(lost_requests_are_answered_once),
		TEST(many_lost_requests_are_answered),
		TEST(further_servers_are_initialised),
		TEST(held_requests_outlive_a_start),
		TEST(a_server_may_refuse),
		TEST(cancelled_requests_are_not_answered),
		TEST(late_requests_expire),
	};

	return cmocka_run_group_tests_name("mcp-session", tests, NULL, NULL);
}
