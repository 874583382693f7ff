/* SPDX-License-Identifier: Apache-2.0 */
/* Many servers as one: whose a name, an id and a token is, how they are initialised, and what one
 * server cannot do to the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "router_fixture.h"

static void a_name_finds_its_server(void **state)
{
	(void)state;
	acquainted();
	client(V "\"id\":\"x\",\"method\":\"tools/call\",\"params\":{\"name\":\"b-2__t__u\","
		 "\"arguments\":{\"n\":1e999}}}");
	to_server(0, "");
	to_server(1, V OWN("3") ",\"method\":\"tools/call\",\"params\":{\"name\":\"t__u\","
				"\"arguments\":{\"n\":1e999}}}\n");
	assert_true(router_busy(&router));
	/* Another server cannot answer in its place. */
	server(0, V OWN("3") ",\"result\":{\"stolen\":1}}");
	to_client("");
	server(1, V OWN("3") ",\"result\":{\"n\":1.0}}");
	to_client(V "\"id\":\"x\",\"result\":{\"n\":1.0}}\n");
	server(1, V OWN("3") ",\"result\":{}}");
	to_client("");
	assert_false(router_busy(&router));
}

static void a_name_of_nobody_is_refused(void **state)
{
	static const char *const names[] = {
		"\"t\"", "\"c__t\"", "\"a_t\"", "\"a__\"", "7", "\"b__t\"", "\"__t\""};
	char line[160];

	(void)state;
	acquainted();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(line, sizeof(line),
			V "\"id\":5,\"method\":\"prompts/get\",\"params\":{\"name\":%s}}",
			names[i]);
		client(line);
		to_client_like(V "\"id\":5,\"error\":{\"code\":-32602", "SERVER__NAME");
	}
	client(V "\"id\":5,\"method\":\"tools/call\"}");
	to_client_like(V "\"id\":5,\"error\":{\"code\":-32602", "");
	client(V "\"id\":5,\"method\":\"other/thing\"}");
	to_client_like(V "\"id\":5,\"error\":{\"code\":-32601", "");
	assert_false(router_name_good("a__b"));
	assert_false(router_name_good("a_"));
	assert_true(router_name_good("a_b-c"));
}

static void cancellation_and_progress_follow_the_request(void **state)
{
	(void)state;
	acquainted();
	client(V "\"id\":4,\"method\":\"tools/call\",\"params\":{\"_meta\":{\"progressToken\":9},"
		 "\"name\":\"a__t\"}}");
	to_server(0, V OWN("3") ",\"method\":\"tools/call\",\"params\":{\"_meta\":"
				"{\"progressToken\":9},\"name\":\"t\"}}\n");
	server(1, V "\"method\":\"notifications/progress\",\"params\":{\"progressToken\":9}}");
	to_client("");
	server(0, V "\"method\":\"notifications/progress\",\"params\":{\"progressToken\":9}}");
	to_client(V "\"method\":\"notifications/progress\",\"params\":{\"progressToken\":9}}\n");
	client(V "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":4}}");
	to_server(0, V "\"method\":\"notifications/cancelled\",\"params\":"
		       "{\"requestId\":\"kastellan-3\"}}\n");
	to_server(1, "");
	server(0, V OWN("3") ",\"result\":{}}");
	server(0, V "\"method\":\"notifications/progress\",\"params\":{\"progressToken\":9}}");
	to_client("");
	client(V "\"id\":5,\"method\":\"tools/list\"}");
	client(V "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":5}}");
	server(0, V OWN("4") ",\"result\":{\"tools\":[]}}");
	server(1, V OWN("5") ",\"result\":{\"tools\":[]}}");
	to_client("");
	assert_int_equal(router.n_listings, 0);
}

static void servers_ask_under_ids_of_the_router(void **state)
{
	(void)state;
	acquainted();
	server(0, V "\"id\":1,\"method\":\"roots/list\"}");
	server(1, V "\"id\":1,\"method\":\"sampling/createMessage\",\"params\":{\"_meta\":"
		    "{\"progressToken\":\"p\"}}}");
	to_client(V OWN("3") ",\"method\":\"roots/list\"}\n" V OWN(
		"4") ",\"method\":\"sampling/createMessage\",\"params\":{\"_meta\":"
		     "{\"progressToken\":\"kastellan-4\"}}}\n");
	client(V "\"method\":\"notifications/progress\",\"params\":"
		 "{\"progressToken\":\"kastellan-4\"}}");
	to_server(0, "");
	to_server(1,
		V "\"method\":\"notifications/progress\",\"params\":{\"progressToken\":\"p\"}}\n");
	client(V OWN("4") ",\"result\":{\"n\":2}}");
	to_server(1, V "\"id\":1,\"result\":{\"n\":2}}\n");
	/* Nobody cancels for another. */
	server(1, V "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}");
	to_client("");
	server(0, V "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}");
	to_client(V "\"method\":\"notifications/cancelled\",\"params\":"
		    "{\"requestId\":\"kastellan-3\"}}\n");
	client(V OWN("3") ",\"result\":{}}");
	to_server(0, "");
	server(0, V "\"id\":2,\"method\":\"roots/list\"}");
	router.to_client.len = 0;
	router_gone(&router, 0);
	to_client_like(V "\"method\":\"notifications/cancelled\"", "kastellan-5");
	client(V OWN("5") ",\"result\":{}}");
	to_server(0, "");
}

/* A method is the same however it is spelled, and so is what it may concern. */
static void escapes_get_past_nobody(void **state)
{
	(void)state;
	acquainted();
	client(V "\"id\":4,\"method\":\"tools/call\",\"params\":{\"_meta\":{\"progressToken\":9},"
		 "\"name\":\"a__t\"}}");
	server(0, V "\"id\":1,\"method\":\"roots/list\"}");
	to_client(V OWN("4") ",\"method\":\"roots/list\"}\n");
	assert_int_equal(owners_add(&router.owners, "f:/1", false, 0), 0);
	server(1, V "\"method\":\"notifications\\/progress\",\"params\":{\"progressToken\":9}}");
	server(1, V "\"method\":\"\\u006eotifications/cancelled\",\"params\":"
		    "{\"requestId\":\"kastellan-4\"}}");
	server(1, V "\"method\":\"notifications/resources\\u002Fupdated\",\"params\":"
		    "{\"uri\":\"f:/1\"}}");
	to_client("");
	server(0, V "\"method\":\"notifications\\/progress\",\"params\":{\"progressToken\":9}}");
	to_client(V "\"method\":\"notifications\\/progress\",\"params\":{\"progressToken\":9}}\n");
}

/* The client would take the second token, which might be that of another server's request. */
static void a_token_is_given_once(void **state)
{
	(void)state;
	acquainted();
	server(0, V "\"id\":1,\"method\":\"sampling/createMessage\",\"params\":{\"_meta\":"
		    "{\"progressToken\":1},\"_meta\":{\"progressToken\":\"kastellan-4\"}}}");
	server(0, V "\"id\":2,\"method\":\"sampling/createMessage\",\"params\":{\"_meta\":"
		    "{\"progressToken\":1,\"progressToken\":\"kastellan-4\"}}}");
	to_client("");
	assert_non_null(strstr(router.peers[0].to_server.data, "\"id\":1,\"error\""));
	assert_non_null(strstr(router.peers[0].to_server.data, "\"id\":2,\"error\""));
}

static void a_further_server_is_asked_again(void **state)
{
	static const char level[] =
		"\"method\":\"logging/setLevel\",\"params\":{\"level\":\"info\"}}";
	static const char on[] =
		"\"method\":\"resources/subscribe\",\"params\":{\"uri\":\"f:/1\"}}";
	char line[200];

	(void)state;
	acquainted();
	assert_int_equal(owners_add(&router.owners, "f:/1", false, 1), 0);
	snprintf(line, sizeof(line), V "\"id\":1,%s", level);
	client(line);
	snprintf(line, sizeof(line), V "\"id\":2,%s", on);
	client(line);
	server(0, V OWN("3") ",\"result\":{}}");
	server(1, V OWN("4") ",\"result\":{}}");
	server(1, V OWN("5") ",\"result\":{}}");
	to_client(V "\"id\":1,\"result\":{}}\n" V "\"id\":2,\"result\":{}}\n");
	router.peers[0].to_server.len = router.peers[1].to_server.len = 0;
	assert_int_equal(router_revived(&router, 0), 0);
	snprintf(line, sizeof(line), V OWN("6") ",%s\n", level);
	to_server(0, line);
	assert_int_equal(router_revived(&router, 1), 0);
	snprintf(line, sizeof(line), V OWN("7") ",%s\n" V OWN("8") ",%s\n", level, on);
	to_server(1, line);
	assert_false(router_busy(&router));
	server(1, V OWN("8") ",\"result\":{}}");
	to_client("");
	/* What was refused, or is not wanted any more, is not asked for again. */
	client(V "\"id\":3,\"method\":\"resources/unsubscribe\",\"params\":{\"uri\":\"f:/1\"}}");
	snprintf(line, sizeof(line), V "\"id\":4,%s", on);
	client(line);
	server(1, V OWN("10") ",\"error\":{\"code\":1,\"message\":\"no\"}}");
	assert_false(kept_any(&router.kept, 1));
}

static void one_that_cannot_start_is_missing_until_it_can(void **state)
{
	static const char error[] =
		"{\"code\":-32000,\"message\":\"not here\",\"data\":{\"field\":\"net\"}}";
	char line[300];

	(void)state;
	client(INITIALIZE);
	router.peers[0].to_server.len = router.peers[1].to_server.len = 0;
	snprintf(line, sizeof(line), V OWN("1") ",\"error\":%s}", error);
	server(0, line);
	server(1, GREETED("2", "2024-11-05", "{}"));
	to_client_like(V "\"id\":0,\"result\":{\"protocolVersion\":\"2024-11-05\"",
		"tools of a are missing: not here");
	client(INITIALIZED);
	to_server(0, "");
	to_server(1, INITIALIZED "\n");
	client(V "\"id\":3,\"method\":\"tools/call\",\"params\":{\"name\":\"a__t\"}}");
	snprintf(line, sizeof(line), V "\"id\":3,\"error\":%s}\n", error);
	to_client(line);
	to_server(0, GREETING("3"));
	/* It is on its way: not asked a second time. */
	client(V "\"id\":4,\"method\":\"tools/list\"}");
	to_client(V "\"id\":4,\"result\":{\"tools\":[]}}\n");
	to_server(0, "");
	server(0, GREETED("3", "2025-06-18", "{\"tools\":{}}"));
	to_server(0, INITIALIZED "\n");
	to_client(V "\"method\":\"notifications/tools/list_changed\"}\n");
	client(V "\"id\":5,\"method\":\"tools/call\",\"params\":{\"name\":\"a__t\"}}");
	to_server(0, V OWN("4") ",\"method\":\"tools/call\",\"params\":{\"name\":\"t\"}}\n");
}

static void where_none_starts_the_client_gets_the_first_reason(void **state)
{
	(void)state;
	client(V "\"id\":9,\"method\":\"tools/list\"}");
	to_client_like(V "\"id\":9,\"error\":{\"code\":-32600", "initialize comes first");
	client(V "\"id\":9,\"method\":\"ping\"}");
	to_client(V "\"id\":9,\"result\":{}}\n");
	client(INITIALIZE);
	client(INITIALIZE);
	to_client_like(V "\"id\":0,\"error\":{\"code\":-32600", "still waits");
	server(1, GREETED("2", "1999-01-01", "{}"));
	server(0, V OWN("1") ",\"error\":{\"code\":3,\"message\":\"x\"}}");
	to_client(V "\"id\":0,\"error\":{\"code\":3,\"message\":\"x\"}}\n");
	router.peers[0].to_server.len = 0;
	client(INITIALIZE);
	to_server(0, GREETING("3"));
	server(0, GREETED("3", "2025-06-18", "{}"));
	server(1, GREETED("4", "2025-06-18", "{}"));
	to_client_like(V "\"id\":0,\"result\":", "");
}

static void bounds_hold_for_each_server_alone(void **state)
{
	char line[160];

	(void)state;
	acquainted();
	for (int i = 0; i <= ROUTER_CALLS; i++) {
		snprintf(line, sizeof(line),
			V "\"id\":%d,\"method\":\"tools/call\",\"params\":{\"name\":\"a__t\"}}",
			i + 100);
		client(line);
		router.peers[0].to_server.len = 0;
	}
	to_client_like(V "\"id\":228,\"error\":{\"code\":-32000", "too many requests");
	client(V "\"id\":\"n\",\"method\":\"tools/call\",\"params\":{\"name\":\"b-2__t\"}}");
	assert_int_equal(router.peers[1].to_server.len > 0, 1);
	to_client("");
	client(V "\"id\":\"n\",\"method\":\"tools/call\",\"params\":{\"name\":\"b-2__t\"}}");
	to_client_like(V "\"id\":\"n\",\"error\":{\"code\":-32600", "still waits");
	router.peers[1].full = true;
	client(V "\"id\":\"m\",\"method\":\"tools/call\",\"params\":{\"name\":\"b-2__t\"}}");
	to_client_like(V "\"id\":\"m\",\"error\":{\"code\":-32000", "does not read");
	router.peers[1].full = false;
	router.peers[1].max_message = 256;
	client(V
		"\"id\":\"m\",\"method\":\"tools/call\",\"params\":{\"name\":\"b-2__t\",\"x\":"
		"\"............................................................................"
		"............................................................................\"}}");
	to_client_like(V "\"id\":\"m\",\"error\":{\"code\":-32000", "max_message_bytes");
	router.peers[0].to_server.len = 0;
	for (int i = 0; i <= ROUTER_ASKS; i++) {
		snprintf(line, sizeof(line), V "\"id\":%d,\"method\":\"roots/list\"}", i);
		server(0, line);
		router.to_client.len = 0;
	}
	assert_non_null(strstr(router.peers[0].to_server.data, "\"id\":64,\"error\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(a_name_finds_its_server),
		TEST(a_name_of_nobody_is_refused),
		TEST(cancellation_and_progress_follow_the_request),
		TEST(servers_ask_under_ids_of_the_router),
		TEST(escapes_get_past_nobody),
		TEST(a_token_is_given_once),
		TEST(a_further_server_is_asked_again),
		TEST(one_that_cannot_start_is_missing_until_it_can),
		TEST(where_none_starts_the_client_gets_the_first_reason),
		TEST(bounds_hold_for_each_server_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
