/* SPDX-License-Identifier: Apache-2.0 */
/* Many servers as one: lists that become one, and whose a resource is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bounds.h"
#include "router_fixture.h"

static void lists_are_merged_in_the_order_of_servers(void **state)
{
	char name[160], line[400];

	(void)state;
	acquainted();
	client(V "\"id\":7,\"method\":\"tools/list\",\"params\":{\"_meta\":{}}}");
	to_server(0, V OWN("3") ",\"method\":\"tools/list\"}\n");
	to_server(1, V OWN("4") ",\"method\":\"tools/list\"}\n");
	memset(name, 'n', sizeof(name));
	snprintf(line, sizeof(line),
		V OWN("4") ",\"result\":{\"tools\":[{\"x\":1.50, "
			   "\"name\":\"t\"},{\"name\":\"%.125s\"},"
			   "{\"name\":\"%.126s\"}]}}",
		name, name);
	/* 125 + "b-2__" is too much, as 126 is. */
	server(1, line);
	to_client("");
	server(0, V OWN("3") ",\"result\":{\"nextCursor\":\"q\\n\",\"tools\":[{\"name\":\"é\\\"\"}]"
			     "}}");
	to_server(0, V OWN("5") ",\"method\":\"tools/list\",\"params\":{\"cursor\":\"q\\n\"}}\n");
	server(0, V OWN("5") ",\"result\":{\"tools\":[{\"name\":\"v\"}]}}");
	to_client(V "\"id\":7,\"result\":{\"tools\":[{\"name\":\"a__é\\\"\"},{\"name\":\"a__v\"},"
		    "{\"x\":1.50, \"name\":\"b-2__t\"}]}}\n");
	assert_non_null(strstr(router.notes.data, "128 bytes"));
	client(V "\"id\":8,\"method\":\"tools/list\",\"params\":{\"cursor\":\"q\"}}");
	to_client_like(V "\"id\":8,\"error\":{\"code\":-32602", "cursor");
}

static void a_bad_list_takes_no_other_down(void **state)
{
	static const char *const bad[] = {"{}", "{\"tools\":{}}", "{\"tools\":[7]}",
		"{\"tools\":[{}]}", "{\"tools\":[{\"name\":7}]}",
		"{\"tools\":[{\"name\":\"x\"},{\"name\":\"y\",\"name\":\"z\"}]}"};
	char line[200];
	unsigned long long own = 2;

	(void)state;
	acquainted();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		client(V "\"id\":7,\"method\":\"tools/list\"}");
		snprintf(line, sizeof(line), V "\"id\":\"kastellan-%llu\",\"result\":%s}", ++own,
			bad[i]);
		server(0, line);
		snprintf(line, sizeof(line),
			V "\"id\":\"kastellan-%llu\",\"result\":{\"tools\":[{\"name\":\"t\"}]}}",
			++own);
		server(1, line);
		to_client(V "\"id\":7,\"result\":{\"tools\":[{\"name\":\"b-2__t\"}]}}\n");
	}
	assert_int_equal(router.n_listings, 0);
}

static void a_list_that_all_refuse_is_refused(void **state)
{
	(void)state;
	acquainted();
	client(V "\"id\":7,\"method\":\"prompts/list\"}");
	server(0, V OWN("3") ",\"error\":{\"code\":1,\"message\":\"no\"}}");
	server(1, V OWN("4") ",\"error\":{\"code\":2,\"message\":\"neither\"}}");
	to_client(V "\"id\":7,\"error\":{\"code\":1,\"message\":\"no\"}}\n");
	client(V "\"id\":8,\"method\":\"logging/setLevel\",\"params\":{\"level\":\"info\"}}");
	router.peers[0].to_server.len = 0;
	to_server(1,
		V OWN("4") ",\"method\":\"prompts/list\"}\n" V OWN(
			"6") ",\"method\":\"logging/setLevel\",\"params\":{\"level\":\"info\"}}\n");
	server(0, V OWN("5") ",\"error\":{\"code\":1,\"message\":\"no\"}}");
	server(1, V OWN("6") ",\"result\":{}}");
	to_client(V "\"id\":8,\"result\":{}}\n");
}

static void a_resource_belongs_to_who_lists_it(void **state)
{
	(void)state;
	acquainted();
	client(V "\"id\":1,\"method\":\"resources/list\"}");
	server(0, V OWN("3") ",\"result\":{\"resources\":[{\"uri\":\"f:\\/1\"}]}}");
	server(1,
		V OWN("4") ",\"result\":{\"resources\":[{\"uri\":\"f:/1\"},{\"uri\":\"g:/2\"}]}}");
	to_client(V
		"\"id\":1,\"result\":{\"resources\":[{\"uri\":\"f:\\/1\"},{\"uri\":\"g:/2\"}]}}\n");
	assert_non_null(strstr(router.notes.data, "another server has listed"));
	router.peers[0].to_server.len = router.peers[1].to_server.len = 0;
	client(V "\"id\":2,\"method\":\"resources/read\",\"params\":{\"uri\":\"f:/1\"}}");
	to_server(0, V OWN("5") ",\"method\":\"resources/read\",\"params\":{\"uri\":\"f:/1\"}}\n");
	client(V "\"id\":3,\"method\":\"resources/subscribe\",\"params\":{\"uri\":\"g:/2\"}}");
	to_server(1,
		V OWN("6") ",\"method\":\"resources/subscribe\",\"params\":{\"uri\":\"g:/2\"}}\n");
	/* News of a resource count from its server alone. */
	server(0,
		V "\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"g:/2\"}}");
	to_client("");
	server(1,
		V "\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"g:/2\"}}");
	to_client(V
		"\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"g:/2\"}}\n");
}

/* As many items as a message has room for, of which none is good: a person hears of it once, and
 * the servers go on. */
static void a_long_list_of_rubbish_is_told_of_once(void **state)
{
	static const char front[] = V OWN("3") ",\"result\":{\"resources\":[{\"uri\":\"f:\"}";
	struct strbuf list;

	(void)state;
	acquainted();
	client(V "\"id\":1,\"method\":\"resources/list\"}");
	server(1, V OWN("4") ",\"result\":{\"resources\":[{\"uri\":\"g:\"}]}}");
	strbuf_init(&list, KS_MAX_TEXT);
	strbuf_puts(&list, front);
	while (list.len < KS_MAX_MESSAGE_BYTES - 64)
		strbuf_puts(&list, ",{\"uri\":\"g:\"}");
	strbuf_puts(&list, "]}}");
	server(0, list.data);
	strbuf_done(&list);
	to_client(V "\"id\":1,\"result\":{\"resources\":[{\"uri\":\"f:\"},{\"uri\":\"g:\"}]}}\n");
	assert_non_null(strstr(router.notes.data, "more than 4096 items"));
	assert_true(router.notes.len < 1024);
}

static void one_server_leaves_others_room_for_resources(void **state)
{
	struct strbuf list;

	(void)state;
	acquainted();
	client(V "\"id\":1,\"method\":\"resources/list\"}");
	strbuf_init(&list, KS_MAX_TEXT);
	strbuf_puts(&list, V OWN("3") ",\"result\":{\"resources\":[");
	for (int i = 0; i < 5000; i++)
		strbuf_addf(&list, "%s{\"uri\":\"f:%d\"}", i ? "," : "", i);
	strbuf_puts(&list, "]}}");
	server(0, list.data);
	strbuf_done(&list);
	server(1, V OWN("4") ",\"result\":{\"resources\":[{\"uri\":\"g:\"}]}}");
	router.to_client.len = 0;
	assert_int_equal(owners_find(&router.owners, "f:4095"), 0);
	assert_int_equal(owners_find(&router.owners, "f:4096"), OWNERS_NONE);
	assert_int_equal(owners_find(&router.owners, "g:"), 1);
}

static void a_resource_that_is_not_known_is_looked_for(void **state)
{
	(void)state;
	acquainted();
	client(V "\"id\":1,\"method\":\"resources/read\",\"params\":{\"uri\":\"h:/9\"}}");
	to_server(0, V OWN("3") ",\"method\":\"resources/list\"}\n");
	server(0, V OWN("3") ",\"result\":{\"resources\":[]}}");
	server(1, V OWN("4") ",\"result\":{\"resources\":[]}}");
	to_server(0, V OWN("5") ",\"method\":\"resources/templates/list\"}\n");
	router.peers[1].to_server.len = 0;
	server(0, V OWN("5") ",\"error\":{\"code\":1,\"message\":\"no\"}}");
	server(1, V OWN("6") ",\"result\":{\"resourceTemplates\":[{\"uriTemplate\":\"h:/{n}\"}]}}");
	to_server(1, V OWN("7") ",\"method\":\"resources/read\",\"params\":{\"uri\":\"h:/9\"}}\n");
	server(1, V OWN("7") ",\"result\":{}}");
	to_client(V "\"id\":1,\"result\":{}}\n");
	client(V "\"id\":2,\"method\":\"resources/read\",\"params\":{\"uri\":\"i:/9\"}}");
	server(0, V OWN("8") ",\"result\":{\"resources\":[]}}");
	server(1, V OWN("9") ",\"result\":{\"resources\":[]}}");
	server(0, V OWN("10") ",\"result\":{\"resourceTemplates\":[]}}");
	server(1, V OWN("11") ",\"result\":{\"resourceTemplates\":[]}}");
	to_client_like(V "\"id\":2,\"error\":{\"code\":-32002", "");
	assert_int_equal(router.n_listings, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(lists_are_merged_in_the_order_of_servers),
		TEST(a_bad_list_takes_no_other_down),
		TEST(a_list_that_all_refuse_is_refused),
		TEST(a_resource_belongs_to_who_lists_it),
		TEST(a_long_list_of_rubbish_is_told_of_once),
		TEST(one_server_leaves_others_room_for_resources),
		TEST(a_resource_that_is_not_known_is_looked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
